//! Where a canary stands on its ladder, and which share of the traffic it should and does have.

use std::time::Duration;

use super::flagger_steps;
use super::router_weight;
use crate::domain::feed::RevisionPair;
use crate::domain::ids::PodHash;
use crate::domain::observed::Timestamp;
use crate::domain::rollout::{PauseCondition, Rollout, Step};
use crate::domain::text::Text;
use crate::domain::workload::{ReplicaSet, Strategy, Workload};

/// Where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    /// `status.currentStepIndex`; equal to `count` when all steps are done.
    pub index: u32,
    /// How many steps there are.
    pub count: u32,
    /// The step's label, `None` when all are done.
    pub what: Option<Text>,
    /// Since when it waits there, where the controller says so.
    pub since: Option<Timestamp>,
    /// When it goes on by itself.
    pub ends_at: Option<Timestamp>,
}

/// The canary's share of the traffic, per cent (of the router's `maxTrafficWeight`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// What the steps ask for.
    pub desired: Option<u32>,
    /// What is so.
    pub actual: Option<u32>,
}

/// The current step of a canary; `None` without steps or before the controller has counted.
#[must_use]
pub fn position(workload: &Workload) -> Option<Position> {
    if let Some(flagger) = workload.flagger() {
        return flagger_steps::position(flagger);
    }
    let rollout = workload.rollout()?;
    let index = rollout.status.step_index?;
    let steps = &rollout.spec.steps;
    if workload.strategy != Strategy::Canary || steps.is_empty() {
        return None;
    }
    let step = steps.get(usize::try_from(index).unwrap_or(usize::MAX));
    let since = pause(rollout, "CanaryPauseStep").and_then(|pause| pause.since);
    let ends_at = match (step, since) {
        (Some(Step::Pause(Some(duration))), Some(since)) if !rollout.spec.paused => {
            after(since, *duration)
        }
        _ => None,
    };
    Some(Position {
        index,
        count: u32::try_from(steps.len()).unwrap_or(u32::MAX),
        what: step.map(label),
        since,
        ends_at,
    })
}

/// The controller's pause of this reason.
#[must_use]
pub fn pause<'a>(rollout: &'a Rollout, reason: &str) -> Option<&'a PauseCondition> {
    rollout.status.pauses.iter().find(|pause| pause.reason.as_str() == reason)
}

/// A moment later, or never when it is beyond the calendar.
#[must_use]
pub fn after(since: Timestamp, duration: Duration) -> Option<Timestamp> {
    since.checked_add(duration).ok()
}

/// The short label of a step, as the controller writes it into its events.
#[must_use]
pub fn label(step: &Step) -> Text {
    match step {
        Step::SetWeight(weight) => Text::clean(&format!("setWeight: {weight}")),
        Step::Pause(None) => Text::clean("pause"),
        Step::Pause(Some(duration)) => Text::clean(&format!("pause: {}", spelled(*duration))),
        Step::Analysis(_) => Text::clean("analysis"),
        Step::Experiment => Text::clean("experiment"),
        Step::SetCanaryScale(what) => Text::clean(&format!("setCanaryScale{what}")),
        Step::SetHeaderRoute(name) => Text::clean(&format!("setHeaderRoute: {name}")),
        Step::SetMirrorRoute(name) => Text::clean(&format!("setMirrorRoute: {name}")),
        Step::Plugin(name) => Text::clean(&format!("plugin: {name}")),
        Step::Unknown => Text::clean("invalid"),
    }
}

/// A duration in the largest unit that divides it: `10s`, `5m`, `1h`.
#[must_use]
pub fn spelled(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => "0s".to_owned(),
        _ if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

/// The step that runs now; an index that was never written means the first.
#[must_use]
pub fn current_step(rollout: &Rollout) -> Option<(u32, &Step)> {
    let index = rollout.status.step_index.unwrap_or(0);
    rollout.spec.steps.get(usize::try_from(index).ok()?).map(|step| (index, step))
}

/// Desired and actual weight of a canary as Argo's plugin computes them (`reference/rollouts.md` §1.7), but for the actual
/// one where the route itself can be read: then it is what the route says. Nothing for other strategies.
#[must_use]
pub fn weight(workload: &Workload) -> Weight {
    if let Some(flagger) = workload.flagger() {
        return flagger_steps::weight(flagger);
    }
    match (workload.rollout(), workload.strategy) {
        (Some(rollout), Strategy::Canary) => {
            let desired = desired(rollout);
            Weight { desired: Some(desired), actual: Some(actual(workload, rollout, desired)) }
        }
        _ => Weight::default(),
    }
}

fn desired(rollout: &Rollout) -> u32 {
    if rollout.status.flags.abort {
        return 0;
    }
    let Some((index, _)) = current_step(rollout) else { return rollout.spec.traffic.weight_max };
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    weight_at(&rollout.spec.steps, index)
}

/// The weight that the steps ask for while step `index` runs: the nearest `setWeight` at or before it, else 0.
#[must_use]
pub fn weight_at(steps: &[Step], index: usize) -> u32 {
    let so_far = steps.iter().take(index.saturating_add(1));
    so_far
        .rev()
        .find_map(|step| if let Step::SetWeight(weight) = step { Some(*weight) } else { None })
        .unwrap_or(0)
}

fn actual(workload: &Workload, rollout: &Rollout, desired: u32) -> u32 {
    let weight_max = rollout.spec.traffic.weight_max;
    if current_step(rollout).is_none() {
        return weight_max;
    }
    if let Some((carried, _)) = router_weight::carried(rollout) {
        return carried;
    }
    let available = workload.replicas.available.unwrap_or(0);
    if available == 0 {
        return 0;
    }
    if rollout.spec.traffic.routed {
        return rollout.status.weights.map_or(desired, |weights| weights.canary);
    }
    let canary = canary(workload).and_then(|set| set.replicas.available).unwrap_or(0);
    canary.saturating_mul(weight_max) / available
}

/// The ReplicaSet of the new version while it is not the proven one.
#[must_use]
pub fn canary(workload: &Workload) -> Option<&ReplicaSet> {
    // Target and primary of a Canary never have the same hash, whatever they run.
    if workload.flagger().is_some_and(|flagger| !flagger.status.phase.is_running()) {
        return None;
    }
    let current = workload.current_hash()?;
    if stable_hash(workload).as_ref() == Some(&current) {
        return None;
    }
    workload.revision_by_hash(current)
}

/// The ReplicaSet of the proven version.
#[must_use]
pub fn stable(workload: &Workload) -> Option<&ReplicaSet> {
    workload.revision_by_hash(stable_hash(workload)?)
}

/// The hash of the proven version. A Deployment has no such word: while it is updating, the newest other ReplicaSet
/// that still has pods; else the wanted one.
#[must_use]
pub fn stable_hash(workload: &Workload) -> Option<&PodHash> {
    if let Some(rollout) = workload.rollout() {
        return rollout.status.hashes.stable.as_ref();
    }
    if let Some(flagger) = workload.flagger() {
        return flagger.primary.as_ref();
    }
    // Its versions stand beside each other, and none of them is the proven one.
    if workload.experiment().is_some() {
        return None;
    }
    let current = workload.current_hash();
    let older = workload.revisions.iter().find(|set| {
        set.hash.as_ref() != current && set.replicas.current.is_some_and(|pods| pods > 0)
    });
    older.and_then(|set| set.hash.as_ref()).or(current)
}
/// The revisions that are compared.
#[must_use]
pub fn pair(workload: &Workload) -> RevisionPair {
    RevisionPair {
        target: workload.target.clone(),
        canary: canary(workload).and_then(|set| set.hash.clone()),
        stable: stable_hash(workload).cloned(),
    }
}
