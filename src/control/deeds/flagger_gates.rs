//! Deeds at Flagger's manual gates: *approve* opens the gate that is asked and closes it once the Canary is past it, *close*
//! closes it (`reference/rollouts.md` §2.6, §2.7). Only gates of Flagger's load tester: who says yes at any other webhook
//! is not known here.

use std::sync::Arc;

use super::case::{Case, Way};
use super::draw::{Drawn, Recipe, own_object};
use super::flagger::{CanaryNeed, CanaryRecipe, carried};
use super::needs::{Need, impossible};
use super::table::{About, DEADLINE, DEADLINE_LONG, Reversal, Row, State, Words};
use super::words::{version, words_of};
use crate::analysis::{flagger_gates, flagger_steps};
use crate::control::action::Action;
use crate::control::check::Refusal;
use crate::control::gate_call::GateCall;
use crate::control::plan::{Arrival, CanaryArrival, PatchFormat, Write};
use crate::domain::flagger::{Flagger, Phase, Webhook};
use crate::domain::manual_gate::{Asked, GateTurn, ManualGate};

const FLAGGER: &[Way] = &[Way::Flagger];

/// The rows of the table.
pub(super) static ROWS: &[Row] = &[
    Row {
        deed: Action::Promote,
        ways: FLAGGER,
        state: State::Any,
        needs: &[Need::Living, Need::NotHandPaused, Need::Canary(CanaryNeed::Asking)],
        recipe: Recipe::Canary(CanaryRecipe::OpenGate),
        reversal: Reversal::By(Action::CloseGate),
        about: About::Tick,
        deadline: DEADLINE_LONG,
        words: Words {
            when: "a webhook asks a gate of Flagger's load tester; not suspended",
            writes: "the gate: POST /gate/open; once it is past the gate, POST /gate/close",
            arrived: "it has started, or has more weight, or is promoted and the primary's pods are all new and available",
        },
    },
    Row {
        deed: Action::CloseGate,
        ways: FLAGGER,
        state: State::Any,
        needs: &[Need::Living, Need::Canary(CanaryNeed::Gated)],
        recipe: Recipe::Canary(CanaryRecipe::CloseGate),
        reversal: Reversal::By(Action::Promote),
        about: About::Millis(80),
        deadline: DEADLINE,
        words: Words {
            when: "a webhook asks a gate of Flagger's load tester, whether it waits there or not",
            writes: "the gate: POST /gate/close",
            arrived: "the gate says that it is closed",
        },
    },
];

/// Nobody asks for leave now, or nobody whose gate we can open.
pub(super) fn asking(flagger: &Flagger) -> Option<Refusal> {
    let asked: Vec<&Webhook> = flagger_gates::asked(flagger).collect();
    if asked.is_empty() {
        return Some(match flagger.status.phase {
            Phase::Waiting | Phase::WaitingPromotion => impossible(
                "it waits, and its spec names no webhook any more that is asked now",
                "wait for Flagger's next look",
            ),
            Phase::Progressing => impossible(
                "it waits for nobody's yes: its checks decide",
                "promote fully skips what is left of the analysis",
            ),
            Phase::Promoting | Phase::Finalising => {
                impossible("the primary gets the new version already", "wait for the end")
            }
            Phase::Unknown
            | Phase::Initializing
            | Phase::Initialized
            | Phase::Succeeded
            | Phase::Failed
            | Phase::Terminating
            | Phase::Terminated => impossible("no run is on its way", "nothing to approve"),
        });
    }
    let is_closed_to_us = flagger_gates::gates(asked.iter().copied()).is_empty();
    is_closed_to_us.then(|| {
        let who: Vec<String> = asked.into_iter().map(stranger).collect();
        impossible(
            &who.join("; "),
            "ask whoever runs it; promote fully skips a gate before the promotion",
        )
    })
}

/// No gate of it can be closed from here.
pub(super) fn gated(flagger: &Flagger) -> Option<Refusal> {
    flagger_gates::gates(flagger_gates::asked_ever(flagger)).is_empty().then(|| {
        impossible("none of its webhooks asks a gate of Flagger's load tester", "pause holds it")
    })
}

/// Why a webhook's yes is not ours to give.
fn stranger(hook: &Webhook) -> String {
    let why = match Asked::at(hook.url.as_str()) {
        Asked::AlwaysNo => "always says no",
        Asked::AlwaysYes => "always says yes",
        Asked::Gate(_) => "is asked",
        Asked::Other(why) => why,
    };
    format!("{} is asked at {}: {why}", hook.name, hook.url)
}

/// The exact calls, in order.
pub(super) fn open(case: Case<'_>, flagger: &Flagger) -> Drawn {
    let gates = flagger_gates::gates(flagger_gates::asked(flagger));
    let turned = |turn| gates.iter().map(move |gate| call(case, gate, turn));
    let writes = turned(GateTurn::Open).chain(turned(GateTurn::Close)).collect();
    let arrival = match flagger.status.phase {
        Phase::Waiting => CanaryArrival::Started,
        Phase::Progressing => CanaryArrival::Raised { from: flagger.status.weight },
        Phase::Unknown
        | Phase::Initializing
        | Phase::Initialized
        | Phase::WaitingPromotion
        | Phase::Promoting
        | Phase::Finalising
        | Phase::Succeeded
        | Phase::Failed
        | Phase::Terminating
        | Phase::Terminated => CanaryArrival::Promoted,
    };
    Drawn { writes, arrival: Arrival::Canary(arrival) }
}

/// Every gate of it, whichever is asked now: one may have been left open.
pub(super) fn close(case: Case<'_>, flagger: &Flagger) -> Drawn {
    let gates = flagger_gates::gates(flagger_gates::asked_ever(flagger));
    let writes = gates.iter().map(|gate| call(case, gate, GateTurn::Close)).collect();
    Drawn { writes, arrival: Arrival::Canary(CanaryArrival::Closed) }
}

fn call(case: Case<'_>, gate: &ManualGate, turn: GateTurn) -> Write {
    Write {
        object: own_object(case),
        subresource: None,
        format: PatchFormat::Call(Arc::new(GateCall { gate: gate.clone(), turn })),
        changes: Vec::new(),
        done: turn.done(),
    }
}

/// What it will cause.
pub(super) fn opened(case: Case<'_>, flagger: &Flagger) -> String {
    let new = version(case.current_set());
    let tick = flagger_steps::tick(flagger);
    let soon = words_of(tick);
    match flagger.status.phase {
        Phase::Waiting => {
            format!(
                "within {soon} {new} is scaled up and its run begins; then the gate is closed again"
            )
        }
        Phase::Progressing => {
            format!(
                "within {soon} {new} gets the next weight, if its checks agree; then the gate is closed again"
            )
        }
        Phase::WaitingPromotion
        | Phase::Unknown
        | Phase::Initializing
        | Phase::Initialized
        | Phase::Promoting
        | Phase::Finalising
        | Phase::Succeeded
        | Phase::Failed
        | Phase::Terminating
        | Phase::Terminated => format!(
            "within {} the primary gets {new}; then the gate is closed again",
            // A blue-green asks with every second look, and twice.
            words_of(if flagger.spec.analysis.iterations.is_some() { tick * 3 } else { tick })
        ),
    }
}

/// What it will cause.
pub(super) fn closed(flagger: &Flagger) -> String {
    let where_it_is = match flagger.status.phase {
        Phase::Waiting => "the new version does not start".to_owned(),
        Phase::Progressing | Phase::WaitingPromotion => {
            format!("{}; abort takes it back", carried(flagger))
        }
        Phase::Promoting | Phase::Finalising => {
            "it is past its gates: the primary gets the new version all the same".to_owned()
        }
        Phase::Unknown
        | Phase::Initializing
        | Phase::Initialized
        | Phase::Succeeded
        | Phase::Failed
        | Phase::Terminating
        | Phase::Terminated => "the next release will wait there".to_owned(),
    };
    format!("the gate says no until somebody opens it: {where_it_is}")
}

/// What else one must know before opening.
pub(super) fn warn_opened(flagger: &Flagger, out: &mut Vec<String>) {
    out.push(
        "stay until it has arrived: the gate is closed then, and by nobody else; left open it lets every \
         later gate and release through"
            .to_owned(),
    );
    let gates = flagger_gates::gates(flagger_gates::asked(flagger));
    for hook in flagger_gates::asked(flagger) {
        match Asked::at(hook.url.as_str()) {
            Asked::Gate(_) | Asked::AlwaysYes => {}
            Asked::AlwaysNo | Asked::Other(_) => {
                out.push(format!("it may go on waiting: {}", stranger(hook)));
            }
        }
    }
    let is_shared = |hook: &&Webhook| {
        flagger_gates::asked(flagger).all(|other| other.kind != hook.kind)
            && Asked::at(hook.url.as_str()).gate().is_some_and(|gate| gates.contains(&gate))
    };
    let shared = flagger_gates::names(flagger_gates::asked_ever(flagger).filter(is_shared));
    if !shared.is_empty() {
        out.push(format!(
            "it is one gate for all: while it is open, {shared} lets it through as well"
        ));
    }
    if flagger.status.phase == Phase::WaitingPromotion {
        out.push("once the primary is being replaced there is no abort".to_owned());
    }
}
