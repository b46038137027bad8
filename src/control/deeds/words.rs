//! Words for the parts of a release, so that all predictions speak alike.

use std::time::Duration;

use super::case::Case;
use crate::analysis::router_weight;
use crate::domain::rollout::Step;
use crate::domain::workload::ReplicaSet;

/// "revision 7 (web:2.1)": the last part of the first image says most.
pub(super) fn version(set: Option<&ReplicaSet>) -> String {
    let Some(set) = set else { return "an unknown version".to_owned() };
    let number =
        set.revision.map_or("revision ?".to_owned(), |number| format!("revision {number}"));
    match set.images.first() {
        Some(image) => {
            let short = image.image.as_str().rsplit('/').next().unwrap_or_default();
            format!("{number} ({short})")
        }
        None => number,
    }
}

pub(super) fn at_step(case: Case<'_>) -> String {
    match case.step() {
        Some((index, step)) => {
            format!("at step {} of {} ({})", index + 1, case.step_count(), step_words(step))
        }
        None => "after its last step".to_owned(),
    }
}

/// How much traffic the new version has: by the router, else by its share of the pods.
pub(super) fn share(case: Case<'_>) -> String {
    if let Some(weight) = case.rollout().and_then(router_weight::canary) {
        return format!("{weight} % of the traffic");
    }
    let pods = case.current_set().map_or("?".to_owned(), |set| count(set.replicas.available));
    format!("the traffic of {pods} of {} pods", count(case.workload.replicas.available))
}

pub(super) fn next_step(case: Case<'_>) -> String {
    let index = case.next_index();
    let steps = case.rollout().map(|rollout| &rollout.spec.steps);
    let next = usize::try_from(index).ok().and_then(|index| steps?.get(index));
    match next {
        Some(step) => {
            format!("next is step {} of {} ({})", index + 1, case.step_count(), step_words(step))
        }
        None => format!("no step follows: {} takes all traffic", version(case.current_set())),
    }
}

pub(super) fn step_words(step: &Step) -> String {
    match step {
        Step::SetWeight(weight) => format!("weight {weight} %"),
        Step::Pause(None) => "pause until a human".to_owned(),
        Step::Pause(Some(length)) => format!("pause {}", words_of(*length)),
        Step::Analysis(_) => "analysis".to_owned(),
        Step::Experiment => "experiment".to_owned(),
        Step::SetCanaryScale(words)
        | Step::SetHeaderRoute(words)
        | Step::SetMirrorRoute(words)
        | Step::Plugin(words) => words.as_str().to_owned(),
        Step::Unknown => "a step we do not know".to_owned(),
    }
}

/// "1 pod", "4 pods".
pub(super) fn pods(number: Option<u32>) -> String {
    let ending = if number == Some(1) { "" } else { "s" };
    format!("{} pod{ending}", count(number))
}

/// A count that is not said is not zero.
pub(super) fn count(number: Option<u32>) -> String {
    number.map_or("?".to_owned(), |number| number.to_string())
}

/// "45 s", "3 min", "3 min 20 s".
pub(super) fn words_of(length: Duration) -> String {
    match (length.as_secs() / 60, length.as_secs() % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}
