//! Flagger's Canary: where it stands on its ladder, which weight it should and does have, and when Flagger looks next
//! (`reference/rollouts.md` §2.3, §2.7).

use std::time::Duration;

use super::steps::{Position, Weight};
use crate::domain::flagger::{Flagger, Phase, Webhook, WebhookKind};
use crate::domain::observed::{Timestamp, age};
use crate::domain::text::Text;

/// The provider without a mesh: its users are on the primary whatever the run does.
const NO_MESH: &str = "kubernetes";

/// The step that runs, counted from 0; `count` once the primary gets the new version. `None` while nothing is on its way.
pub(super) fn position(flagger: &Flagger) -> Option<Position> {
    let count = step_count(flagger)?;
    let top = count.saturating_sub(1);
    let index = match flagger.status.phase {
        Phase::Waiting => 0,
        Phase::Progressing => progressed(flagger, count),
        Phase::WaitingPromotion => top,
        Phase::Promoting | Phase::Finalising => count,
        Phase::Unknown
        | Phase::Initializing
        | Phase::Initialized
        | Phase::Succeeded
        | Phase::Failed
        | Phase::Terminating
        | Phase::Terminated => return None,
    };
    let what = (index < count).then(|| label(flagger, index));
    let since = flagger.status.last_transition;
    Some(Position { index, count, what, since, ends_at: None })
}

/// Weights, or iterations where there are none.
fn step_count(flagger: &Flagger) -> Option<u32> {
    let analysis = &flagger.spec.analysis;
    match analysis.iterations {
        Some(iterations) => Some(iterations),
        None if analysis.weights.is_empty() => None,
        None => u32::try_from(analysis.weights.len()).ok(),
    }
}

/// By weight the first step that is not yet passed, by iterations the running one.
fn progressed(flagger: &Flagger, count: u32) -> u32 {
    let analysis = &flagger.spec.analysis;
    if analysis.iterations.is_some() {
        let done = u32::try_from(flagger.status.iterations.max(0)).unwrap_or(u32::MAX);
        return done.min(count.saturating_sub(1));
    }
    let weight = flagger.route.as_ref().map_or(flagger.status.weight, |route| route.canary);
    let reached = analysis.weights.iter().position(|step| *step >= weight);
    reached.and_then(|index| u32::try_from(index).ok()).unwrap_or(count).min(count)
}

/// The label of a step.
#[must_use]
pub fn label(flagger: &Flagger, index: u32) -> Text {
    let analysis = &flagger.spec.analysis;
    if analysis.iterations.is_some() {
        return Text::clean(&format!("iteration {}", index.saturating_add(1)));
    }
    let weight = usize::try_from(index).ok().and_then(|index| analysis.weights.get(index));
    weight.map_or_else(
        || Text::from("promotion"),
        |weight| Text::clean(&format!("weight {weight} %")),
    )
}

/// What the run asks for, and what the route carries. Flagger's own word for the weight is 0 in most phases, so outside of
/// *Progressing* only the ladder and the route count.
pub(super) fn weight(flagger: &Flagger) -> Weight {
    let phase = flagger.status.phase;
    let by_route = flagger.route.as_ref().map(|route| route.canary);
    if has_no_mesh(flagger) {
        return Weight { desired: None, actual: phase.is_running().then_some(0) };
    }
    let desired = match phase {
        Phase::Progressing => Some(flagger.status.weight),
        Phase::WaitingPromotion => top(flagger),
        // Traffic goes back to the primary, which is the new version by then.
        Phase::Waiting | Phase::Promoting | Phase::Finalising | Phase::Failed => Some(0),
        Phase::Unknown
        | Phase::Initializing
        | Phase::Initialized
        | Phase::Succeeded
        | Phase::Terminating
        | Phase::Terminated => None,
    };
    Weight { desired, actual: desired.and(by_route) }
}

/// Why the weights are not read where they are split, in words; `None` where they could be: then the route is missing, or
/// may not be read.
#[must_use]
pub fn unread_provider(flagger: &Flagger) -> Option<String> {
    let known = ["gatewayapi", "istio", "traefik", "nginx", NO_MESH];
    let Some(provider) = &flagger.spec.provider else {
        return None;
    };
    let is_known = known.iter().any(|known| {
        provider
            .as_str()
            .strip_prefix(known)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    });
    (!is_known).then(|| format!("the weights of provider {provider} are not read"))
}

/// Users are always on the primary.
#[must_use]
pub fn has_no_mesh(flagger: &Flagger) -> bool {
    flagger.spec.provider.as_ref().is_some_and(|provider| provider.as_str() == NO_MESH)
}

/// The last weight before the promotion: that of the ladder, everything without one.
#[must_use]
pub fn top(flagger: &Flagger) -> Option<u32> {
    match flagger.spec.analysis.iterations {
        Some(_) => Some(100),
        None => flagger.spec.analysis.weights.last().copied(),
    }
}

/// When Flagger looks next: it looks every `interval` (at least 10 s) after its last change. `None` while it is suspended, or
/// where it never said when that was.
#[must_use]
pub fn next_tick(flagger: &Flagger, now: Timestamp) -> Option<Timestamp> {
    if flagger.spec.suspend {
        return None;
    }
    let last = flagger.status.last_transition?;
    let tick = tick(flagger).as_secs().max(1);
    let gone = age(last, now).as_secs() / tick + 1;
    last.checked_add(Duration::from_secs(gone.saturating_mul(tick))).ok()
}

/// One tick: every decision of Flagger waits for it.
#[must_use]
pub fn tick(flagger: &Flagger) -> Duration {
    flagger.spec.analysis.interval.max(Duration::from_secs(10))
}

/// The webhooks that hold it in this phase: what they refuse is the reason to wait.
pub fn blocking(flagger: &Flagger) -> impl Iterator<Item = &Webhook> {
    let kind = match flagger.status.phase {
        Phase::Waiting => Some(WebhookKind::ConfirmRollout),
        Phase::WaitingPromotion => Some(WebhookKind::ConfirmPromotion),
        Phase::Unknown
        | Phase::Initializing
        | Phase::Initialized
        | Phase::Progressing
        | Phase::Promoting
        | Phase::Finalising
        | Phase::Succeeded
        | Phase::Failed
        | Phase::Terminating
        | Phase::Terminated => None,
    };
    flagger.spec.analysis.webhooks.iter().filter(move |hook| Some(hook.kind) == kind)
}
