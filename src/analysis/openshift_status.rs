//! DeploymentConfigs as `oc rollout status` words them. Its phase is that of its newest deployer.
//!
//! A rollout that failed or was cancelled is degraded; Argo CD calls it progressing for ever.

use super::need::{Context, Need, NeedKind, first_trouble};
use super::rollout_status::{Health, Status, is_observed};
use crate::domain::text::Text;
use crate::domain::workload::{ConditionStatus, Deployer, DeploymentConfigFacts, Workload};

/// How the deployer of the newest version does.
#[must_use]
pub fn deployer(workload: &Workload) -> Option<&Deployer> {
    workload.revision_by_hash(workload.current_hash()?)?.deployer.as_ref()
}

/// True while a deployer works on the newest version.
#[must_use]
pub fn is_deploying(workload: &Workload) -> bool {
    let is_on_its_way = |it: &Deployer| matches!(it.phase.as_str(), "New" | "Pending" | "Running");
    deployer(workload).is_some_and(is_on_its_way)
}

/// What it says of itself.
pub(super) fn status(workload: &Workload, facts: &DeploymentConfigFacts) -> Status {
    let (health, message) = told(workload, facts);
    let phase = deployer(workload).map(|it| it.phase.clone());
    let message = (!message.is_empty()).then(|| Text::clean(&message));
    Status { phase, message, health }
}

fn told(workload: &Workload, facts: &DeploymentConfigFacts) -> (Health, String) {
    let name = &workload.target.name;
    let config = format!("deployment config \"{name}\"");
    if facts.paused {
        return (Health::Suspended, format!("{config} is paused"));
    }
    if facts.latest.is_some_and(|latest| latest.0 == 0) {
        if facts.triggers.image {
            return (Health::Progressing, format!("{config} waiting on image update"));
        }
        if !facts.triggers.config {
            let by_hand = format!("waiting on manual update (use 'oc rollout latest {name}')");
            return (Health::Suspended, format!("{config} {by_hand}"));
        }
    }
    if !is_observed(workload) {
        let what = "spec to be observed by the controller loop...";
        return (Health::Progressing, format!("Waiting for latest deployment config {what}"));
    }
    let progress = workload.condition("Progressing");
    match progress.map(|it| (it.reason.as_str(), it.message.to_string())) {
        Some(("NewReplicationControllerAvailable", message)) => {
            (available(workload, facts), message)
        }
        Some(("ProgressDeadlineExceeded" | "RolloutCancelled", message)) => {
            (Health::Degraded, message)
        }
        Some(_) | None => (Health::Progressing, waiting(workload)),
    }
}

/// Rolled out once; its pods may have gone since. Those of a test go as it ends.
fn available(workload: &Workload, facts: &DeploymentConfigFacts) -> Health {
    let is_short =
        workload.condition("Available").map(|it| it.status) == Some(ConditionStatus::False);
    if is_short && !facts.test { Health::Progressing } else { Health::Healthy }
}

fn waiting(workload: &Workload) -> String {
    let counts = workload.replicas;
    let zero = |count: Option<u32>| count.unwrap_or(0);
    let (desired, current) = (counts.desired.unwrap_or(1), zero(counts.current));
    let (updated, available) = (zero(counts.updated), zero(counts.available));
    let what = if updated < desired {
        format!("{updated} out of {desired} new replicas have been updated")
    } else if current > updated {
        format!("{} old replicas are pending termination", current - updated)
    } else if available < updated {
        format!("{available} of {updated} updated replicas are available")
    } else {
        return "Waiting for the deployer to finish...".to_owned();
    };
    format!("Waiting for rollout to finish: {what}...")
}

/// Whether and why a human is needed.
pub(super) fn need(workload: &Workload, status: &Status, context: &Context<'_>) -> Option<Need> {
    let progress = workload.condition("Progressing");
    let since = progress.and_then(|it| it.since.or(it.updated));
    let found = |kind, why: &str| Some(Need { kind, why: Text::clean(why), since });
    match status.health {
        Health::Suspended if workload.hand_paused() => found(NeedKind::Approval, "paused by hand"),
        Health::Degraded => {
            let words = status.message.as_ref().map_or("its rollout failed", Text::as_str);
            let pod = first_trouble(workload, context.detail);
            let words = pod.map_or_else(|| words.to_owned(), |pod| format!("{words}: {pod}"));
            found(NeedKind::Degraded, &words)
        }
        Health::Progressing => {
            let failure = workload.revisions.iter().find_map(|set| set.failure.as_ref());
            let failure = failure.map(|why| format!("cannot create pods: {why}"));
            let why = failure.or_else(|| first_trouble(workload, context.detail))?;
            Some(Need { kind: NeedKind::Stuck, why: Text::clean(&why), since: None })
        }
        Health::Healthy | Health::Suspended | Health::Missing | Health::Unknown => None,
    }
}

#[cfg(test)]
#[path = "openshift_tests.rs"]
mod tests;
