//! Flagger's deeds: rows, needs, writes, predictions and warnings (`reference/rollouts.md` §2.7). Every decision of Flagger
//! waits for its next look, so what has to be at once is written to the route.

use std::time::Duration;

use super::case::{Case, Way};
use super::draw::{Drawn, Recipe, own_object, set, spec};
use super::flagger_gates as gates;
use super::needs::{Need, impossible};
use super::table::{About, DEADLINE, DEADLINE_LONG, Reversal, Row, State, Words};
use super::words::{version, words_of};
use crate::analysis::{flagger_steps, owner_status};
use crate::control::action::Action;
use crate::control::check::Refusal;
use crate::control::plan::{
    Arrival, CanaryArrival, Change, ObjectKind, ObjectRef, PatchFormat, Subresource, Value, Write,
};
use crate::domain::flagger::{Flagger, Phase};
use crate::domain::text::Text;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CanaryRecipe {
    /// `spec.suspend` true.
    Suspend,
    /// `spec.suspend` false.
    GoOn,
    /// Failed checks at the threshold, and the route back to the primary.
    Abort,
    /// The route back to the primary, and a deadline that is over at once: what is not ready is not judged.
    AbortUnready,
    /// No analysis any more, until the run has ended.
    SkipAnalysis,
    /// The run that failed, once more.
    RunAgain,
    /// The manual gate that is asked: opened, and closed again once it is past.
    OpenGate,
    /// Its manual gates: closed.
    CloseGate,
}

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CanaryNeed {
    /// A run is on its way, and the primary is not yet being replaced.
    Abortable,
    /// The last run failed.
    Failed,
    /// The new version's pods are ready.
    Ready,
    /// A webhook is asked for leave whose gate we can open.
    Asking,
    /// One of its webhooks asks such a gate.
    Gated,
}

const FLAGGER: &[Way] = &[Way::Flagger];

const SUSPEND: &[&str] = &["spec", "suspend"];
const SKIP: &[&str] = &["spec", "skipAnalysis"];
const DEADLINE_SECONDS: &[&str] = &["spec", "progressDeadlineSeconds"];
const FAILED_CHECKS: &[&str] = &["status", "failedChecks"];
const APPLIED: &[&str] = &["status", "lastAppliedSpec"];
const RULES: &[&str] = &["spec", "rules"];

/// The rows of the table.
pub(super) static ROWS: &[Row] = &[
    Row {
        deed: Action::Pause,
        ways: FLAGGER,
        state: State::Any,
        needs: &[Need::Living, Need::NotHandPaused],
        recipe: Recipe::Canary(CanaryRecipe::Suspend),
        reversal: Reversal::By(Action::Resume),
        about: About::Millis(40),
        deadline: DEADLINE,
        words: Words {
            when: "not suspended",
            writes: "spec.suspend: true",
            arrived: "suspended; Flagger heeds it at its next look",
        },
    },
    Row {
        deed: Action::Resume,
        ways: FLAGGER,
        state: State::Any,
        needs: &[Need::Living, Need::HandPaused],
        recipe: Recipe::Canary(CanaryRecipe::GoOn),
        reversal: Reversal::By(Action::Pause),
        about: About::Millis(40),
        deadline: DEADLINE,
        words: Words {
            when: "suspended",
            writes: "spec.suspend: false",
            arrived: "not suspended; Flagger goes on at its next look",
        },
    },
    Row {
        deed: Action::PromoteFull,
        ways: FLAGGER,
        state: State::Any,
        needs: &[
            Need::Living,
            Need::Canary(CanaryNeed::Abortable),
            Need::NotHandPaused,
            Need::Canary(CanaryNeed::Ready),
        ],
        recipe: Recipe::Canary(CanaryRecipe::SkipAnalysis),
        reversal: Reversal::None,
        about: About::Tick,
        deadline: DEADLINE_LONG,
        words: Words {
            when: "Progressing or WaitingPromotion, and the new version's pods are ready",
            writes: "spec.skipAnalysis: true; once the run has ended, false",
            arrived: "promoted, and the primary's pods are all new and available",
        },
    },
    Row {
        deed: Action::Abort,
        ways: FLAGGER,
        state: State::CanaryUnready,
        needs: &[Need::Living, Need::Canary(CanaryNeed::Abortable)],
        recipe: Recipe::Canary(CanaryRecipe::AbortUnready),
        reversal: Reversal::By(Action::Retry),
        about: About::Tick,
        deadline: DEADLINE_LONG,
        words: Words {
            when: "Progressing or WaitingPromotion, and the new version's pods are not ready",
            writes: "the route: 100/0; spec.progressDeadlineSeconds: 1; once the run has ended, as before",
            arrived: "Failed, the target at 0 pods, and the route at 0 for the new version",
        },
    },
    Row {
        deed: Action::Abort,
        ways: FLAGGER,
        state: State::Any,
        needs: &[Need::Living, Need::Canary(CanaryNeed::Abortable)],
        recipe: Recipe::Canary(CanaryRecipe::Abort),
        reversal: Reversal::By(Action::Retry),
        about: About::Tick,
        deadline: DEADLINE_LONG,
        words: Words {
            when: "Progressing or WaitingPromotion",
            writes: "/status failedChecks: the threshold; the route: 100/0; if suspended, spec.suspend: false",
            arrived: "Failed, the target at 0 pods, and the route at 0 for the new version",
        },
    },
    Row {
        deed: Action::Retry,
        ways: FLAGGER,
        state: State::Any,
        needs: &[Need::Living, Need::NotHandPaused, Need::Canary(CanaryNeed::Failed)],
        recipe: Recipe::Canary(CanaryRecipe::RunAgain),
        reversal: Reversal::By(Action::Abort),
        about: About::Tick,
        deadline: DEADLINE_LONG,
        words: Words {
            when: "Failed",
            writes: "/status lastAppliedSpec: \"\"",
            arrived: "a run is on its way",
        },
    },
];

/// Its pods are not all ready: Flagger then reads neither failed checks nor gates.
pub(super) fn is_unready(case: Case<'_>) -> bool {
    case.workload.flagger().is_some()
        && case.current_set().is_some_and(|set| {
            let wanted = set.replicas.desired.unwrap_or(0);
            wanted == 0 || set.replicas.available.unwrap_or(0) < wanted
        })
}

impl CanaryNeed {
    pub(super) fn judge(self, case: Case<'_>) -> Option<Refusal> {
        let flagger = case.workload.flagger()?;
        let phase = flagger.status.phase;
        match self {
            Self::Asking => gates::asking(flagger),
            Self::Gated => gates::gated(flagger),
            Self::Abortable => abortable(phase),
            Self::Failed => (phase != Phase::Failed)
                .then(|| impossible("its last run has not failed", "nothing to retry")),
            Self::Ready => is_unready(case).then(|| {
                impossible(
                    "the new version's pods are not all ready: Flagger would wait for them",
                    "wait for the pods, or abort",
                )
            }),
        }
    }
}

fn abortable(phase: Phase) -> Option<Refusal> {
    let (why, remedy) = match phase {
        Phase::Progressing | Phase::WaitingPromotion => return None,
        Phase::Waiting => (
            "the new version has not started: a gate before the start refuses",
            "leave the gate closed, and change the target's template back",
        ),
        Phase::Promoting | Phase::Finalising => (
            "the primary gets the new version already: from here on Flagger heeds nothing",
            "wait for the end, then release the older version again",
        ),
        Phase::Failed => ("it has failed and was rolled back", "retry runs it again"),
        Phase::Unknown
        | Phase::Initializing
        | Phase::Initialized
        | Phase::Succeeded
        | Phase::Terminating
        | Phase::Terminated => ("no run is on its way", "nothing to do"),
    };
    Some(impossible(why, remedy))
}

/// Why there is no such deed.
pub(super) fn no_row(action: Action) -> Refusal {
    match action {
        Action::Rollback { .. } => impossible(
            "while a run is on its way, another template neither stops nor restarts it",
            "abort sends the traffic back at once",
        ),
        Action::Terminate => impossible(
            "Flagger measures by itself: it has no AnalysisRun",
            "pause stops its analysis; promote fully skips it",
        ),
        Action::ScaleDown => impossible(
            "a router carries the traffic: it would go on sending the new version its share",
            "abort takes the traffic and the pods back, whether Flagger lives or not",
        ),
        Action::Pause
        | Action::Resume
        | Action::Promote
        | Action::PromoteFull
        | Action::Skip { .. }
        | Action::Abort
        | Action::Retry
        | Action::Restart
        | Action::CloseGate
        | Action::Comment => impossible(&format!("a Canary has no {}", action.title()), ""),
    }
}

/// The exact writes, in order.
pub(super) fn draw(recipe: CanaryRecipe, case: Case<'_>) -> Result<Drawn, Refusal> {
    let Some(flagger) = case.workload.flagger() else {
        return Err(impossible("it is no Canary", ""));
    };
    let suspend = |on, done| spec(case, vec![set(SUSPEND, Value::Bool(on))], done);
    let canary = Arrival::Canary;
    Ok(match recipe {
        CanaryRecipe::Suspend => {
            Drawn { writes: vec![suspend(true, "it is suspended")], arrival: Arrival::Paused }
        }
        CanaryRecipe::GoOn => {
            let writes = vec![suspend(false, "it goes on")];
            Drawn { writes, arrival: Arrival::Resumed }
        }
        CanaryRecipe::Abort => {
            let threshold = Value::Int(i64::from(flagger.spec.analysis.threshold));
            let failed = vec![set(FAILED_CHECKS, threshold)];
            let mut writes = vec![status(case, failed, "the checks count as failed")];
            writes.extend(route(flagger));
            // Suspended, Flagger does not even roll back.
            writes.extend(flagger.spec.suspend.then(|| suspend(false, "it goes on")));
            Drawn { writes, arrival: canary(CanaryArrival::Aborted) }
        }
        CanaryRecipe::AbortUnready => {
            let seconds = |seconds| vec![set(DEADLINE_SECONDS, Value::Int(seconds))];
            let before = flagger.spec.progress_deadline.as_secs();
            let before = i64::try_from(before).unwrap_or(i64::MAX);
            let mut writes: Vec<Write> = route(flagger).into_iter().collect();
            writes.push(spec(case, seconds(1), "its deadline is over"));
            writes.extend(flagger.spec.suspend.then(|| suspend(false, "it goes on")));
            writes.push(spec(case, seconds(before), "its deadline is as before"));
            Drawn { writes, arrival: canary(CanaryArrival::Aborted) }
        }
        CanaryRecipe::SkipAnalysis => {
            let skip = |on, done| spec(case, vec![set(SKIP, Value::Bool(on))], done);
            let writes =
                vec![skip(true, "the analysis is skipped"), skip(false, "analysis is on again")];
            Drawn { writes, arrival: canary(CanaryArrival::Promoted) }
        }
        CanaryRecipe::RunAgain => {
            let applied = vec![set(APPLIED, Value::Word(Text::default()))];
            let writes = vec![status(case, applied, "the run is asked for")];
            Drawn { writes, arrival: canary(CanaryArrival::Running) }
        }
        CanaryRecipe::OpenGate => gates::open(case, flagger),
        CanaryRecipe::CloseGate => gates::close(case, flagger),
    })
}

/// Flagger decides with its looks, and a promotion at a gate takes three of them.
pub(super) fn patience(row: &Row, case: Case<'_>) -> Duration {
    let flagger = case.workload.flagger().filter(|_| row.about == About::Tick);
    flagger.map_or(Duration::ZERO, |flagger| flagger_steps::tick(flagger) * 4)
}

fn status(case: Case<'_>, changes: Vec<Change>, done: &'static str) -> Write {
    let subresource = Some(Subresource::Status);
    Write { object: own_object(case), subresource, format: PatchFormat::Merge, changes, done }
}

/// The route to the primary alone, where one was read.
fn route(flagger: &Flagger) -> Option<Write> {
    let route = flagger.route.as_ref()?;
    Some(Write {
        object: ObjectRef { kind: ObjectKind::Route(route.kind), name: route.name.clone() },
        subresource: None,
        format: PatchFormat::Json,
        changes: vec![set(RULES, Value::PrimaryOnly)],
        done: "the route sends all traffic to the primary",
    })
}

/// What it will cause.
pub(super) fn effect(recipe: CanaryRecipe, case: Case<'_>) -> String {
    let Some(flagger) = case.workload.flagger() else { return String::new() };
    let (new, serving) = (version(case.current_set()), version(case.stable_set()));
    let tick = words_of(flagger_steps::tick(flagger));
    let running = flagger.status.phase.is_running();
    match recipe {
        CanaryRecipe::Suspend if running => {
            format!("it holds where it is: {}", carried(flagger))
        }
        CanaryRecipe::Suspend => "nothing is on its way; the next release will wait".to_owned(),
        CanaryRecipe::GoOn if running => {
            format!("it goes on within {tick}, with checks and roll back")
        }
        CanaryRecipe::GoOn => "the next release is let through".to_owned(),
        CanaryRecipe::Abort | CanaryRecipe::AbortUnready if flagger.route.is_some() => format!(
            "all traffic goes to {serving} at once; within {tick} Flagger calls it failed and \
             scales {new} to 0"
        ),
        CanaryRecipe::Abort | CanaryRecipe::AbortUnready => format!(
            "within {tick} Flagger sends all traffic to {serving}, calls it failed and scales {new} to 0"
        ),
        CanaryRecipe::SkipAnalysis => format!(
            "within {tick} the primary gets {new} and its pods are replaced; the rest of the \
             ladder and the gate before the promotion are skipped"
        ),
        CanaryRecipe::RunAgain => {
            format!("within {tick} {new} starts again from weight 0, the same version")
        }
        CanaryRecipe::OpenGate => gates::opened(case, flagger),
        CanaryRecipe::CloseGate => gates::closed(flagger),
    }
}

pub(super) fn carried(flagger: &Flagger) -> String {
    match &flagger.route {
        Some(route) => format!("{} % of the traffic stay on the new version", route.canary),
        None => "the traffic stays as it is".to_owned(),
    }
}

/// What else one must know.
pub(super) fn warn(recipe: CanaryRecipe, case: Case<'_>, out: &mut Vec<String>) {
    let puts_back = match recipe {
        CanaryRecipe::AbortUnready => Some("spec.progressDeadlineSeconds"),
        CanaryRecipe::SkipAnalysis => Some("spec.skipAnalysis"),
        CanaryRecipe::Suspend
        | CanaryRecipe::GoOn
        | CanaryRecipe::Abort
        | CanaryRecipe::RunAgain
        | CanaryRecipe::OpenGate
        | CanaryRecipe::CloseGate => None,
    };
    out.extend(puts_back.map(|field| {
        format!("stay until it has arrived: {field} is put back then, and by nobody else")
    }));
    let field = match recipe {
        CanaryRecipe::Suspend => {
            out.push(
                "rolling back is off too: bad metrics stop nothing while it is suspended".into(),
            );
            Some("spec.suspend")
        }
        CanaryRecipe::GoOn => Some("spec.suspend"),
        CanaryRecipe::Abort | CanaryRecipe::AbortUnready => {
            out.push("the target keeps the new version's template: retry, or the next edit, runs it again".into());
            let unread = case.workload.flagger().filter(|flagger| flagger.route.is_none());
            out.extend(unread.map(|flagger| {
                let why = flagger_steps::unread_provider(flagger);
                let why = why.unwrap_or_else(|| "no route is readable".to_owned());
                format!("{why}, so none is put back at once: it waits for Flagger's next look")
            }));
            None
        }
        CanaryRecipe::SkipAnalysis => {
            out.push("nothing judges it any more, and from then on there is no abort".into());
            out.push("the primary is replaced while it carries the traffic".into());
            Some("spec.skipAnalysis")
        }
        CanaryRecipe::OpenGate => {
            if let Some(flagger) = case.workload.flagger() {
                gates::warn_opened(flagger, out);
            }
            None
        }
        CanaryRecipe::RunAgain | CanaryRecipe::CloseGate => None,
    };
    if let Some((field, owner)) = field.zip(case.workload.owner.as_ref()) {
        let name = owner_status::title(owner);
        out.push(format!("{name} manages it: if {field} is in its source, this is put back"));
    }
}
