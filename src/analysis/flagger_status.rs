//! Flagger's Canary: its phase as Flagger words it, its health as Argo CD judges it, and what in it waits for a human
//! (`reference/rollouts.md` §2.3).

use super::flagger_gates;
use super::need::{Context, Need, NeedKind};
use super::rollout_status::{Health, Status};
use crate::domain::flagger::{Flagger, Phase, TargetSeen};
use crate::domain::text::Text;
use crate::domain::workload::Workload;

/// Phase, message and health.
pub(super) fn status(flagger: &Flagger) -> Status {
    let phase = flagger.status.phase;
    let health = match phase {
        Phase::Unknown | Phase::Terminated => Health::Unknown,
        Phase::Initializing | Phase::Progressing | Phase::Promoting | Phase::Finalising => {
            if flagger.spec.suspend {
                Health::Suspended
            } else {
                Health::Progressing
            }
        }
        Phase::Waiting | Phase::WaitingPromotion => Health::Suspended,
        Phase::Initialized | Phase::Succeeded => Health::Healthy,
        Phase::Failed => Health::Degraded,
        Phase::Terminating => Health::Missing,
    };
    let message = message(flagger).map(|message| Text::clean(&message));
    Status { phase: Some(Text::clean(phase.name())), message, health }
}

/// What it releases is not there: then Flagger can do nothing, and says so in its events alone.
fn target_is_missing(flagger: &Flagger) -> Option<String> {
    let target = &flagger.spec.target;
    (flagger.target == TargetSeen::No).then(|| {
        format!("its target {} {} is not there (or may not be read)", target.kind, target.name)
    })
}

fn message(flagger: &Flagger) -> Option<String> {
    target_is_missing(flagger).or_else(|| by_phase(flagger))
}

fn by_phase(flagger: &Flagger) -> Option<String> {
    let status = &flagger.status;
    let checks = match status.failed_checks {
        0 => String::new(),
        failed => format!(", {failed} of {} failed checks", flagger.spec.analysis.threshold),
    };
    if flagger.spec.suspend {
        return Some("suspended: nothing moves, and nothing is rolled back".to_owned());
    }
    match status.phase {
        Phase::Waiting => Some("a gate before the start refuses".to_owned()),
        Phase::WaitingPromotion => Some(format!("a gate before the promotion refuses{checks}")),
        Phase::Progressing => Some(match &flagger.route {
            Some(route) => format!("{} % by {}{checks}", route.canary, route.kind),
            None => format!("{} %{checks}", status.weight),
        }),
        Phase::Promoting => Some("the primary gets the new version".to_owned()),
        Phase::Finalising => Some("traffic goes back to the primary".to_owned()),
        Phase::Failed => Some("rolled back; the target keeps the failed version".to_owned()),
        Phase::Unknown
        | Phase::Initializing
        | Phase::Initialized
        | Phase::Succeeded
        | Phase::Terminating
        | Phase::Terminated => None,
    }
}

/// What in it waits for a human.
pub(super) fn need(workload: &Workload, flagger: &Flagger, context: &Context<'_>) -> Option<Need> {
    let since = workload.condition("Promoted").and_then(|condition| condition.since);
    let since = since.or(flagger.status.last_transition);
    let need = |kind, why: &str| Some(Need { kind, why: Text::clean(why), since });
    if flagger.spec.suspend && flagger.status.phase.is_running() {
        return need(NeedKind::Approval, "paused by hand");
    }
    let asked = |when: &str| {
        let hooks = flagger_gates::names(flagger_gates::asked(flagger));
        let by = if hooks.is_empty() { String::new() } else { format!(" ({hooks})") };
        need(NeedKind::Approval, &format!("waits for a yes before {when}{by}"))
    };
    match flagger.status.phase {
        Phase::Waiting => asked("the start"),
        Phase::WaitingPromotion => asked("the promotion"),
        Phase::Progressing => {
            let why = flagger_gates::held(workload, flagger, context)?;
            let since = flagger.status.last_transition;
            Some(Need { kind: NeedKind::Approval, why: Text::clean(&why), since })
        }
        Phase::Failed => need(NeedKind::Degraded, "the last release failed and was rolled back"),
        Phase::Unknown
        | Phase::Initializing
        | Phase::Initialized
        | Phase::Promoting
        | Phase::Finalising
        | Phase::Succeeded
        | Phase::Terminating
        | Phase::Terminated => None,
    }
}
