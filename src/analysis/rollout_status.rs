//! Phase, message and health of a workload, as its controller's own tools compute them: Argo Rollouts' plugin for
//! Rollouts (`reference/rollouts.md` §1.7, in that order), `kubectl rollout status` for Deployments (§3.1), and Argo CD
//! for the health of both. The tools' wording is kept, so that a person can compare.

use super::{experiment_status, flagger_status, native_status, openshift_status};
use crate::domain::ids::Generation;
use crate::domain::rollout::{Rollout, RolloutStatus, RunPhase};
use crate::domain::text::Text;
use crate::domain::workload::{Condition, Controller, DeploymentFacts, Workload};

/// Argo CD's words for the health of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Health {
    /// As wanted.
    Healthy,
    /// On its way.
    Progressing,
    /// Held: by a step, a human, or a blue-green's gate.
    Suspended,
    /// Failed, aborted, stuck or impossible.
    Degraded,
    /// Being deleted.
    Missing,
    /// Cannot be told.
    Unknown,
}

impl Health {
    /// The word in documents and on the screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Progressing => "Progressing",
            Self::Suspended => "Suspended",
            Self::Degraded => "Degraded",
            Self::Missing => "Missing",
            Self::Unknown => "Unknown",
        }
    }
}

/// What a workload is doing, in its tools' words.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The controller's phase; Deployments have none.
    pub phase: Option<Text>,
    /// The sentence behind it, `None` where the tool says nothing more.
    pub message: Option<Text>,
    /// Argo CD's word.
    pub health: Health,
}

/// Judges one workload.
#[must_use]
pub fn status(workload: &Workload) -> Status {
    let mut status = match &workload.controller {
        Controller::Argo(rollout) => of_rollout(workload, rollout),
        Controller::Flagger(flagger) => flagger_status::status(flagger),
        Controller::Deployment(facts) => of_deployment(workload, facts),
        Controller::StatefulSet(facts) => native_status::of_stateful_set(workload, facts),
        Controller::DaemonSet(_) => native_status::of_daemon_set(workload),
        Controller::DeploymentConfig(facts) => openshift_status::status(workload, facts),
        Controller::Experiment(experiment) => experiment_status::status(experiment),
    };
    if workload.meta.deleting.is_some() {
        status.health = Health::Missing;
    }
    status
}

/// Whether the controller has seen the spec as it is now.
#[must_use]
pub fn is_observed(workload: &Workload) -> bool {
    match &workload.controller {
        Controller::Argo(rollout) => rollout_is_observed(workload, &rollout.status),
        // They look at their object again and again, and say nothing of it.
        Controller::Flagger(_) | Controller::Experiment(_) => true,
        Controller::Deployment(_)
        | Controller::StatefulSet(_)
        | Controller::DaemonSet(_)
        | Controller::DeploymentConfig(_) => {
            workload.native_observed().is_some_and(|seen| seen >= workload.meta.generation)
        }
    }
}

fn rollout_is_observed(workload: &Workload, status: &RolloutStatus) -> bool {
    let Some(observed) = &status.observed_generation else { return false };
    // Controllers before 1.0 wrote a hash there, which may even look like a large number.
    let Ok(observed) = observed.as_str().parse::<i64>() else { return !observed.is_empty() };
    Generation(observed) >= workload.meta.generation
}

fn argo(phase: &str, message: &str) -> Status {
    let health = match phase {
        "Healthy" => Health::Healthy,
        "Progressing" => Health::Progressing,
        "Paused" => Health::Suspended,
        "Degraded" => Health::Degraded,
        _ => Health::Unknown,
    };
    let message = (!message.is_empty()).then(|| Text::clean(message));
    Status { phase: Some(Text::clean(phase)), message, health }
}

fn of_rollout(workload: &Workload, rollout: &Rollout) -> Status {
    let status = &rollout.status;
    if !rollout_is_observed(workload, status) {
        return argo("Progressing", "waiting for rollout spec update to be observed");
    }
    if status.flags.controller_pause && status.pauses.is_empty() {
        return argo("Progressing", "waiting for rollout to unpause");
    }
    if template_is_behind(rollout) {
        return argo(
            "Progressing",
            "waiting for rollout spec update to be observed for the reference workload",
        );
    }
    match &status.phase {
        Some(phase) => argo(phase.as_str(), status.message.as_ref().map_or("", Text::as_str)),
        None => computed(workload, rollout),
    }
}

/// A `workloadRef` whose template changed and was not seen by the controller; Argo CD checks it, the plugin does not.
fn template_is_behind(rollout: &Rollout) -> bool {
    let Some(source) = &rollout.spec.workload_ref else { return false };
    let Some(wanted) = source.generation else { return false };
    let observed = rollout.status.workload_observed_generation.as_ref();
    observed.and_then(|text| text.as_str().parse::<i64>().ok()) != Some(wanted)
}

/// For controllers before 1.0, which write no phase.
fn computed(workload: &Workload, rollout: &Rollout) -> Status {
    if let Some(status) = workload.conditions.iter().find_map(degraded_by) {
        return status;
    }
    if rollout.spec.paused {
        return argo("Paused", "manually paused");
    }
    if let Some(pause) = rollout.status.pauses.first() {
        return argo("Paused", pause.reason.as_str());
    }
    if rollout.spec.restart_at.is_some() && rollout.spec.restart_at != rollout.status.restarted_at {
        return argo("Progressing", "rollout is restarting");
    }
    match unfinished(workload, rollout) {
        Some(why) => argo("Progressing", why),
        None => argo("Healthy", ""),
    }
}

fn degraded_by(condition: &Condition) -> Option<Status> {
    let message = condition.message.as_str();
    match (condition.kind.as_str(), condition.reason.as_str()) {
        ("InvalidSpec", _) => Some(argo("Degraded", &format!("InvalidSpec: {message}"))),
        (_, reason @ ("RolloutAborted" | "ProgressDeadlineExceeded")) => {
            Some(argo("Degraded", &format!("{reason}: {message}")))
        }
        _ => None,
    }
}

fn unfinished(workload: &Workload, rollout: &Rollout) -> Option<&'static str> {
    let counts = workload.replicas;
    let zero = |count: Option<u32>| count.unwrap_or(0);
    if zero(counts.updated) < counts.desired.unwrap_or(1) {
        return Some("more replicas need to be updated");
    }
    if zero(counts.available) < zero(counts.updated) {
        return Some("updated replicas are still becoming available");
    }
    let hashes = &rollout.status.hashes;
    let is_proven = hashes.stable.is_some() && hashes.stable == hashes.current;
    if rollout.spec.blue_green.is_some() {
        let active = &rollout.status.selectors.active;
        if active.is_none() || *active != hashes.current {
            return Some("active service cutover pending");
        }
        return (!is_proven).then(|| verification(rollout));
    }
    if !rollout.spec.traffic.routed && zero(counts.current) > zero(counts.updated) {
        return Some("old replicas are pending termination");
    }
    (!is_proven).then_some("waiting for all steps to complete")
}

fn verification(rollout: &Rollout) -> &'static str {
    let run = rollout.status.runs.post_promotion.as_ref();
    let is_finished = run.is_some_and(|run| RunPhase::is_finished(run.phase));
    if rollout.spec.post_promotion_analysis && !is_finished {
        "waiting for analysis to complete"
    } else {
        "waiting for post-promotion verification to complete"
    }
}

fn of_deployment(workload: &Workload, facts: &DeploymentFacts) -> Status {
    let message = deployment_message(workload, facts);
    let deadline = exceeded_deadline(workload);
    let health = if facts.paused {
        Health::Suspended
    } else if deadline && is_observed(workload) {
        Health::Degraded
    } else if message.is_some() {
        Health::Progressing
    } else {
        Health::Healthy
    };
    let message = match message {
        Some(message) if !facts.paused || deadline => Some(message),
        _ if facts.paused => Some(Text::clean("Deployment is paused")),
        other => other,
    };
    Status { phase: None, message, health }
}

/// The deadline passed (and, before a pause, stays passed).
#[must_use]
pub fn exceeded_deadline(workload: &Workload) -> bool {
    workload
        .condition("Progressing")
        .is_some_and(|condition| condition.reason.as_str() == "ProgressDeadlineExceeded")
}

/// What `kubectl rollout status` prints while it waits or fails; `None` when it is rolled out.
fn deployment_message(workload: &Workload, _facts: &DeploymentFacts) -> Option<Text> {
    if !is_observed(workload) {
        return Some(Text::clean("Waiting for deployment spec update to be observed..."));
    }
    let name = &workload.target.name;
    if exceeded_deadline(workload) {
        return Some(Text::clean(&format!("deployment \"{name}\" exceeded its progress deadline")));
    }
    let counts = workload.replicas;
    let zero = |count: Option<u32>| count.unwrap_or(0);
    let (desired, current) = (counts.desired.unwrap_or(1), zero(counts.current));
    let (updated, available) = (zero(counts.updated), zero(counts.available));
    let wait = |what: String| {
        Some(Text::clean(&format!(
            "Waiting for deployment \"{name}\" rollout to finish: {what}..."
        )))
    };
    if updated < desired {
        return wait(format!("{updated} out of {desired} new replicas have been updated"));
    }
    if current > updated {
        return wait(format!("{} old replicas are pending termination", current - updated));
    }
    if available < updated {
        return wait(format!("{available} of {updated} updated replicas are available"));
    }
    None
}
