//! Whether a Canary has arrived where a deed wanted it. Phases are Flagger's alone to write, so they prove that it acted.

use super::arrival::{Judgement, not_yet, superseded};
use super::deeds::case::Case;
use super::plan::CanaryArrival;
use crate::domain::flagger::{Flagger, Phase};

/// Judges by the facts.
pub(super) fn judge(arrival: CanaryArrival, case: Case<'_>) -> Judgement {
    let Some(flagger) = case.workload.flagger() else { return not_yet("it is no Canary") };
    match arrival {
        CanaryArrival::Aborted => aborted(case, flagger),
        CanaryArrival::Promoted => promoted(case, flagger),
        CanaryArrival::Running => running(flagger),
        CanaryArrival::Started => started(flagger),
        CanaryArrival::Raised { from } => raised(flagger, from),
        // The gate's own answer came before the facts were asked.
        CanaryArrival::Closed => Judgement::Arrived,
    }
}

/// Whether the world stands there, whoever brought it there.
pub(super) fn stands(arrival: CanaryArrival, case: Case<'_>) -> bool {
    let Some(flagger) = case.workload.flagger() else { return false };
    let phase = flagger.status.phase;
    match arrival {
        CanaryArrival::Aborted => {
            let failing = flagger.status.failed_checks >= flagger.spec.analysis.threshold;
            phase == Phase::Failed || failing
        }
        CanaryArrival::Promoted => {
            let promotes = matches!(phase, Phase::Promoting | Phase::Finalising | Phase::Succeeded);
            flagger.spec.skip_analysis || promotes
        }
        CanaryArrival::Running => phase.is_running(),
        CanaryArrival::Started => is_past_start(phase),
        CanaryArrival::Raised { from } => is_raised(flagger, from),
        // Only the gate itself can tell.
        CanaryArrival::Closed => false,
    }
}

fn aborted(case: Case<'_>, flagger: &Flagger) -> Judgement {
    let carried = flagger.route.as_ref().map(|route| route.canary).filter(|weight| *weight > 0);
    match flagger.status.phase {
        Phase::Promoting | Phase::Finalising | Phase::Succeeded => {
            superseded("the primary gets the new version: Flagger came first")
        }
        Phase::Failed => match (carried, case.current_set().map(|set| set.replicas.desired)) {
            (Some(weight), _) => not_yet(&format!("the route still gives it {weight} %")),
            (None, Some(Some(0)) | None) => Judgement::Arrived,
            (None, Some(_)) => not_yet("the target is not scaled to 0 yet"),
        },
        Phase::Progressing | Phase::WaitingPromotion => not_yet(match (carried, &flagger.route) {
            (None, Some(_)) => "all traffic is on the primary; Flagger has not looked yet",
            (Some(_), _) | (None, None) => "Flagger has not looked yet",
        }),
        Phase::Unknown
        | Phase::Initializing
        | Phase::Initialized
        | Phase::Waiting
        | Phase::Terminating
        | Phase::Terminated => not_yet("Flagger has not acted on it yet"),
    }
}

fn promoted(case: Case<'_>, flagger: &Flagger) -> Judgement {
    match flagger.status.phase {
        Phase::Failed => superseded("the run failed and was rolled back"),
        // *Succeeded* comes before the primary's pods are all new; the counts are those of the primary.
        Phase::Succeeded => {
            let counts = case.workload.replicas;
            match counts.desired {
                Some(desired)
                    if counts.updated == Some(desired) && counts.available == Some(desired) =>
                {
                    Judgement::Arrived
                }
                Some(_) | None => not_yet("the primary's pods are not all new and available yet"),
            }
        }
        Phase::Promoting | Phase::Finalising => not_yet("the primary gets the new version"),
        Phase::Unknown
        | Phase::Initializing
        | Phase::Initialized
        | Phase::Waiting
        | Phase::Progressing
        | Phase::WaitingPromotion
        | Phase::Terminating
        | Phase::Terminated => not_yet("Flagger has not looked yet"),
    }
}

fn running(flagger: &Flagger) -> Judgement {
    let phase = flagger.status.phase;
    if phase == Phase::Failed {
        not_yet("Flagger has not looked yet")
    } else if phase.is_running() {
        Judgement::Arrived
    } else {
        superseded(&is_now(flagger))
    }
}

fn is_now(flagger: &Flagger) -> String {
    format!("it is {} now", flagger.status.phase.name())
}

fn is_past_start(phase: Phase) -> bool {
    phase.is_running() && phase != Phase::Waiting
}

fn started(flagger: &Flagger) -> Judgement {
    match flagger.status.phase {
        Phase::Waiting => not_yet("Flagger has not asked its gate yet"),
        Phase::Progressing | Phase::WaitingPromotion | Phase::Promoting | Phase::Finalising => {
            Judgement::Arrived
        }
        Phase::Unknown
        | Phase::Initializing
        | Phase::Initialized
        | Phase::Succeeded
        | Phase::Failed
        | Phase::Terminating
        | Phase::Terminated => superseded(&is_now(flagger)),
    }
}

/// It got more weight, or needs no more.
fn is_raised(flagger: &Flagger, from: u32) -> bool {
    match flagger.status.phase {
        Phase::Progressing => flagger.status.weight > from,
        Phase::WaitingPromotion | Phase::Promoting | Phase::Finalising | Phase::Succeeded => true,
        Phase::Unknown
        | Phase::Initializing
        | Phase::Initialized
        | Phase::Waiting
        | Phase::Failed
        | Phase::Terminating
        | Phase::Terminated => false,
    }
}

fn raised(flagger: &Flagger, from: u32) -> Judgement {
    if is_raised(flagger, from) {
        return Judgement::Arrived;
    }
    match (flagger.status.phase == Phase::Progressing, flagger.status.weight < from) {
        (true, true) => superseded("another version is released now"),
        (true, false) => not_yet("Flagger has not given it more weight yet"),
        (false, _) => superseded(&is_now(flagger)),
    }
}
