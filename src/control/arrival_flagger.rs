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
        CanaryArrival::Promoted => flagger.spec.skip_analysis || phase == Phase::Succeeded,
        CanaryArrival::Running => phase.is_running(),
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
        superseded(&format!("it is {} now", phase.name()))
    }
}
