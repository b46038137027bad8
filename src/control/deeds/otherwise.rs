//! What becomes of a release when nobody does anything: what a deed is weighed against.

use std::time::Duration;

use super::case::{Case, PAUSE_BLUE_GREEN, Way};
use super::words::{step_words, words_of};
use crate::analysis::openshift_status::is_deploying;
use crate::analysis::{experiment_status, flagger_steps, steps};
use crate::control::footing::Aborted;
use crate::domain::experiment::Experiment;
use crate::domain::flagger::{Flagger, Phase};
use crate::domain::observed::{Timestamp, age};
use crate::domain::rollout::{Rollout, Step};

/// The next thing that happens by itself; `None` where nothing is on its way or nobody can tell.
pub(super) fn otherwise(case: Case<'_>, now: Timestamp) -> Option<String> {
    if case.workload.meta.deleting.is_some() {
        return None;
    }
    if case.hand_paused() {
        return Some("it stays paused until somebody resumes it".to_owned());
    }
    match case.way() {
        Way::Flagger => of_flagger(case.workload.flagger()?, now),
        Way::Canary | Way::BlueGreen if case.in_flight() => of_rollout(case, case.rollout()?, now),
        Way::Deployment | Way::StatefulSet | Way::DaemonSet => {
            let counts = case.workload.replicas;
            let is_updating =
                counts.updated.zip(counts.desired).is_some_and(|(new, all)| new < all);
            is_updating.then(|| "it goes on replacing pods".to_owned())
        }
        Way::DeploymentConfig => is_deploying(case.workload)
            .then(|| "its deployer goes on until the version is complete or failed".to_owned()),
        Way::Experiment => of_experiment(case.workload.experiment()?, now),
        Way::Canary | Way::BlueGreen | Way::OtherRollout => None,
    }
}

fn of_experiment(experiment: &Experiment, now: Timestamp) -> Option<String> {
    match experiment.ends_at() {
        Some(ends) => Some(format!("it ends by itself in {}", words_of(age(now, ends)))),
        None => experiment_status::waits_for(experiment).map(|words| format!("it {words}")),
    }
}

fn of_rollout(case: Case<'_>, rollout: &Rollout, now: Timestamp) -> Option<String> {
    match case.abort() {
        Aborted::Done => return Some("it stays aborted until somebody retries it".to_owned()),
        Aborted::Asked | Aborted::Lifted => return None,
        Aborted::No => {}
    }
    if Case::awaits_human(case) {
        return Some("it waits for a human, however long".to_owned());
    }
    if case.way() == Way::BlueGreen {
        let after = rollout.spec.blue_green.as_ref()?.auto_promotion_after?;
        let since = steps::pause(rollout, PAUSE_BLUE_GREEN)?.since?;
        let left = left(steps::after(since, after)?, now);
        return Some(format!("it switches by itself {left}"));
    }
    let Some((_, step)) = case.step() else {
        return Some("it becomes the stable version once its pods are available".to_owned());
    };
    let next = || match next_step(case, rollout) {
        Some(next) => format!("step {} ({next})", case.next_index() + 1),
        None => "the end: all traffic".to_owned(),
    };
    match step {
        Step::Pause(Some(_)) => {
            let ends_at = steps::position(case.workload)?.ends_at?;
            Some(format!("{} comes {}", next(), left(ends_at, now)))
        }
        Step::Analysis(_) | Step::Experiment => Some(format!(
            "{} comes when the {} has passed; when it fails, it aborts",
            next(),
            step_words(step)
        )),
        Step::SetWeight(_)
        | Step::SetCanaryScale(_)
        | Step::SetHeaderRoute(_)
        | Step::SetMirrorRoute(_)
        | Step::Plugin(_) => Some(format!("{} comes at once after this one", next())),
        Step::Pause(None) | Step::Unknown => None,
    }
}

fn next_step(case: Case<'_>, rollout: &Rollout) -> Option<String> {
    let next = usize::try_from(case.next_index()).ok()?;
    rollout.spec.steps.get(next).map(step_words)
}

fn of_flagger(flagger: &Flagger, now: Timestamp) -> Option<String> {
    let what = match flagger.status.phase {
        Phase::Waiting | Phase::WaitingPromotion => "asks its gate again",
        Phase::Progressing => "looks again: more weight if its checks agree, else a failed check",
        Phase::Promoting => "gives the primary more of the new version",
        Phase::Finalising => "takes the canary's pods away",
        Phase::Unknown
        | Phase::Initializing
        | Phase::Initialized
        | Phase::Succeeded
        | Phase::Failed
        | Phase::Terminating
        | Phase::Terminated => return None,
    };
    let at = flagger_steps::next_tick(flagger, now)?;
    Some(format!("{} Flagger {what}", left(at, now)))
}

/// "in 3 min 20 s"; what is over comes now.
fn left(at: Timestamp, now: Timestamp) -> String {
    match age(now, at) {
        Duration::ZERO => "now".to_owned(),
        left => format!("in {}", words_of(left)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixtures::{Make, at, blue_green, canary, deployment, flagger};

    fn told(make: &Make) -> Option<String> {
        otherwise(Case::of(&make.0), at(1_000))
    }

    fn says(make: &Make, words: &str) {
        assert_eq!(told(make).as_deref(), Some(words));
    }

    #[test]
    fn what_waits_goes_on_waiting() {
        says(&canary(), "it waits for a human, however long");
        says(&canary().hand_paused(), "it stays paused until somebody resumes it");
        says(&canary().aborted(), "it stays aborted until somebody retries it");
        says(&deployment().hand_paused(), "it stays paused until somebody resumes it");
    }

    #[test]
    fn a_timer_is_told_with_what_is_left_of_it() {
        let timed = canary().at_step(4).waiting(&["CanaryPauseStep"]).edit(|rollout| {
            rollout.status.pauses = rollout
                .status
                .pauses
                .iter()
                .cloned()
                .map(|mut pause| {
                    pause.since = Some(at(995));
                    pause
                })
                .collect();
        });
        says(&timed, "step 6 (weight 80 %) comes in 5 s");
        let late = canary().at_step(4).waiting(&["CanaryPauseStep"]);
        says(&late, "step 6 (weight 80 %) comes now");
    }

    #[test]
    fn an_analysis_decides_by_itself() {
        let running = canary().at_step(3).waiting(&[]);
        says(
            &running,
            "step 5 (pause 10 s) comes when the analysis has passed; when it fails, it aborts",
        );
    }

    #[test]
    fn a_blue_green_with_a_timer_switches_by_itself() {
        let timed = blue_green().edit(|rollout| {
            if let Some(spec) = &mut rollout.spec.blue_green {
                spec.auto_promotion = true;
                spec.auto_promotion_after = Some(Duration::from_secs(130));
            }
        });
        says(&timed, "it switches by itself in 30 s");
    }

    #[test]
    fn flagger_looks_at_its_next_tick() {
        says(&flagger(Phase::Waiting), "in 10 s Flagger asks its gate again");
        assert_eq!(told(&flagger(Phase::Succeeded)), None);
    }

    #[test]
    fn where_nothing_is_on_its_way_nothing_is_foretold() {
        for make in [canary().settled(), deployment()] {
            assert_eq!(told(&make), None);
        }
    }
}
