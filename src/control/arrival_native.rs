//! When a workload of Kubernetes' own controllers is where a deed wanted it: as `kubectl rollout status` decides it
//! (`reference/rollouts.md` §3.1, §3.2).

use super::arrival::{Judgement, Since, not_yet, superseded};
use super::deeds::case::Case;
use super::plan::Plan;
use crate::analysis::openshift_status;
use crate::domain::ids::PodHash;
use crate::domain::text::Text;
use crate::domain::workload::Strategy;

pub(super) fn complete_with(since: &Since, case: Case<'_>, hash: &PodHash) -> Judgement {
    let now = case.workload.meta.generation;
    match case.current() {
        Some(current) if current == hash => complete(case),
        Some(_) if since.generation.is_some_and(|then| now > then) => {
            superseded("another version is wanted now")
        }
        Some(_) | None => not_yet("the controller has not seen the template yet"),
    }
}

/// OpenShift's deployer has ended the version that was to be cancelled.
pub(super) fn cancelled(plan: &Plan, case: Case<'_>) -> Judgement {
    if case.current() != plan.footing.current.as_ref() {
        return superseded("another version is rolled out now");
    }
    match openshift_status::deployer(case.workload).map(|it| it.phase.as_str()) {
        Some("Failed") => Judgement::Arrived,
        Some("Complete") => {
            Judgement::Dropped(Text::from("it was complete before it was cancelled"))
        }
        Some(_) | None => not_yet("the deployer has not ended yet"),
    }
}

/// `spec.updateStrategy.rollingUpdate.partition` of a StatefulSet.
pub(super) fn partition(case: Case<'_>) -> Option<u32> {
    case.stateful().map(|facts| facts.partition.unwrap_or(0))
}

/// What is said while the partition is another one than we set.
pub(super) fn moved(case: Case<'_>, wanted: u32) -> Option<Judgement> {
    match partition(case) {
        Some(now) if now == wanted => None,
        Some(now) => Some(superseded(&format!("somebody moved the partition to {now}"))),
        None => Some(superseded("it is no StatefulSet")),
    }
}

/// The pod that was on its way when the partition moved is made again first; whether it ever becomes ready is no part
/// of a pause.
pub(super) fn held(case: Case<'_>, wanted: u32) -> Judgement {
    if let Some(judged) = moved(case, wanted) {
        return judged;
    }
    if !case.observed() {
        return not_yet("the controller has not seen it yet");
    }
    let counts = case.workload.replicas;
    if counts.current.is_none() || counts.current < counts.desired {
        return not_yet("a pod is still being replaced");
    }
    Judgement::Arrived
}

/// As `kubectl rollout status` decides it (`reference/rollouts.md` §3.1, §3.2). Pods below a partition stay as they are;
/// with `OnDelete` all do.
pub(super) fn complete(case: Case<'_>) -> Judgement {
    if !case.observed() {
        return not_yet("the controller has not seen the newest spec yet");
    }
    let counts = case.workload.replicas;
    let Some(desired) = counts.desired else {
        return not_yet("how many pods it wants is not said");
    };
    if case.workload.strategy == Strategy::OnDelete {
        return Judgement::Arrived;
    }
    // At zero replicas the controller leaves the counters out; else a missing one is not a full one.
    let done = |count: Option<u32>| count == Some(desired) || (desired == 0 && count.is_none());
    let word = |count: Option<u32>| count.map_or("?".to_owned(), |count| count.to_string());
    let above = desired.saturating_sub(partition(case).unwrap_or(0));
    let enough = |new: u32| above < desired && new >= above;
    if !done(counts.updated) && !counts.updated.map_or(above == 0, enough) {
        return not_yet(&format!("{} of {above} pods are new", word(counts.updated)));
    }
    if !done(counts.current) {
        return not_yet(&format!("{} pods exist, {desired} are wanted", word(counts.current)));
    }
    if !done(counts.available) {
        return not_yet(&format!("{} of {desired} pods are available", word(counts.available)));
    }
    Judgement::Arrived
}
