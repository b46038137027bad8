//! The gates of Flagger's Canary: which webhook is asked for leave in which phase, and whether it holds the run
//! (`reference/rollouts.md` §2.5).

use super::flagger_steps;
use super::need::Context;
use super::steps;
use crate::domain::detail::{ClusterEvent, Detail};
use crate::domain::flagger::{Flagger, Phase, Webhook, WebhookKind};
use crate::domain::manual_gate::{Asked, ManualGate};
use crate::domain::observed::{Timestamp, age};
use crate::domain::workload::Workload;

/// Looks without any change after which a gate before more traffic is said to hold it: one look may be late, and one may
/// find pods that are not ready.
const LOOKS_MIN: u32 = 3;

/// How Flagger's event begins and goes on that tells of a refusal before more traffic.
const HALT: &str = "Halt ";
const NO_MORE_TRAFFIC: &str = " waiting for traffic increase approval ";

/// The kind of webhook that is asked for leave in this phase.
const fn kind(phase: Phase) -> Option<WebhookKind> {
    match phase {
        Phase::Waiting => Some(WebhookKind::ConfirmRollout),
        Phase::Progressing => Some(WebhookKind::ConfirmTrafficIncrease),
        Phase::WaitingPromotion => Some(WebhookKind::ConfirmPromotion),
        Phase::Unknown
        | Phase::Initializing
        | Phase::Initialized
        | Phase::Promoting
        | Phase::Finalising
        | Phase::Succeeded
        | Phase::Failed
        | Phase::Terminating
        | Phase::Terminated => None,
    }
}

/// The webhooks that are asked for leave in this phase: each must say yes.
pub fn asked(flagger: &Flagger) -> impl Iterator<Item = &Webhook> {
    let kind = kind(flagger.status.phase);
    flagger.spec.analysis.webhooks.iter().filter(move |hook| Some(hook.kind) == kind)
}

/// The manual gates that webhooks of any phase ask for leave, each once.
#[must_use]
pub fn gates<'a>(hooks: impl Iterator<Item = &'a Webhook>) -> Vec<ManualGate> {
    let mut out = Vec::new();
    for gate in hooks.filter_map(|hook| Asked::at(hook.url.as_str()).gate()) {
        if !out.contains(&gate) {
            out.push(gate);
        }
    }
    out
}

/// All webhooks that are asked for leave in some phase.
pub fn asked_ever(flagger: &Flagger) -> impl Iterator<Item = &Webhook> {
    flagger.spec.analysis.webhooks.iter().filter(|hook| {
        matches!(
            hook.kind,
            WebhookKind::ConfirmRollout
                | WebhookKind::ConfirmTrafficIncrease
                | WebhookKind::ConfirmPromotion
        )
    })
}

/// Their names, for a sentence.
#[must_use]
pub fn names<'a>(hooks: impl Iterator<Item = &'a Webhook>) -> String {
    let names: Vec<&str> = hooks.map(|hook| hook.name.as_str()).collect();
    names.join(", ")
}

/// Why a run that progresses gets no more traffic, where a gate is the reason or may well be it. Flagger's status has no
/// word for it: its events have, while they are followed; without them only the clock tells.
pub(super) fn held(
    workload: &Workload,
    flagger: &Flagger,
    context: &Context<'_>,
) -> Option<String> {
    let is_asked = flagger.status.phase == Phase::Progressing && asked(flagger).next().is_some();
    if !is_asked || flagger.spec.suspend {
        return None;
    }
    if let Some(hook) = context.detail.and_then(|detail| refused(flagger, detail, context.now)) {
        return Some(format!("waits for a yes before more traffic ({hook})"));
    }
    let waited = age(flagger.status.last_transition?, context.now);
    (is_ready(workload) && waited > flagger_steps::tick(flagger) * LOOKS_MIN).then(|| {
        let names = names(asked(flagger));
        format!("gets no more traffic since {LOOKS_MIN} looks: does {names} say no?")
    })
}

/// The webhook that the newest of Flagger's refusals names, if nothing moved since.
fn refused<'a>(flagger: &Flagger, detail: &'a Detail, now: Timestamp) -> Option<&'a str> {
    let told = |event: &&ClusterEvent| {
        let text = event.message.as_str();
        text.contains(HALT) && text.contains(NO_MORE_TRAFFIC)
    };
    let newest = detail.events.iter().filter(told).max_by_key(|event| event.last)?;
    let is_new = newest.last.is_some_and(|at| {
        flagger.status.last_transition.is_none_or(|moved| moved <= at)
            && age(at, now) <= flagger_steps::tick(flagger) * LOOKS_MIN
    });
    let (_, hook) = newest.message.as_str().split_once(NO_MORE_TRAFFIC)?;
    is_new.then_some(hook)
}

/// All pods of the new version are there: nothing but a gate then holds a run without failed checks.
fn is_ready(workload: &Workload) -> bool {
    steps::canary(workload).is_some_and(|set| {
        let wanted = set.replicas.desired.unwrap_or(0);
        wanted > 0 && set.replicas.available.unwrap_or(0) >= wanted
    })
}
