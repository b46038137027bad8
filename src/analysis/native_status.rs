//! `StatefulSets` and `DaemonSets` as `kubectl rollout status` words them and Argo CD judges them
//! (`reference/rollouts.md` §3.2). Neither kind has a deadline: a stuck one stays "waiting" for ever.

use super::rollout_status::{Health, Status, is_observed};
use crate::domain::text::Text;
use crate::domain::workload::{StatefulSetFacts, Strategy, Workload};

fn said(health: Health, message: &str) -> Status {
    let message = (!message.is_empty()).then(|| Text::clean(message));
    Status { phase: None, message, health }
}

/// A StatefulSet. A partition above 0 that has been reached is a hold, and is told as one.
pub(super) fn of_stateful_set(workload: &Workload, facts: &StatefulSetFacts) -> Status {
    if !is_observed(workload) || facts.observed_generation.is_none_or(|seen| seen.0 == 0) {
        let message = "Waiting for statefulset spec update to be observed...";
        return said(Health::Progressing, message);
    }
    let counts = workload.replicas;
    let zero = |count: Option<u32>| count.unwrap_or(0);
    let (desired, updated) = (counts.desired.unwrap_or(1), zero(counts.updated));
    let missing = desired.saturating_sub(zero(counts.ready));
    if workload.strategy == Strategy::OnDelete {
        return on_delete(missing, updated, desired);
    }
    if missing > 0 {
        return said(Health::Progressing, &format!("Waiting for {missing} pods to be ready..."));
    }
    let partition = facts.partition.unwrap_or(0);
    let wanted = desired.saturating_sub(partition);
    if updated < wanted {
        let what = format!("{updated} out of {wanted} new pods have been updated");
        let message = format!("Waiting for partitioned roll out to finish: {what}...");
        return said(Health::Progressing, &message);
    }
    if partition > 0 && updated < desired {
        let message = format!("held at partition {partition}: {updated} of {desired} pods updated");
        return said(Health::Suspended, &message);
    }
    said(Health::Healthy, "")
}

/// A DaemonSet.
pub(super) fn of_daemon_set(workload: &Workload) -> Status {
    if !is_observed(workload) {
        return said(Health::Progressing, "Waiting for daemon set spec update to be observed...");
    }
    let counts = workload.replicas;
    let zero = |count: Option<u32>| count.unwrap_or(0);
    let (desired, updated) = (zero(counts.desired), zero(counts.updated));
    let available = zero(counts.available);
    if workload.strategy == Strategy::OnDelete {
        return on_delete(desired.saturating_sub(available), updated, desired);
    }
    let name = &workload.target.name;
    let wait = |what: String| {
        let message = format!("Waiting for daemon set \"{name}\" rollout to finish: {what}...");
        said(Health::Progressing, &message)
    };
    if updated < desired {
        return wait(format!("{updated} out of {desired} new pods have been updated"));
    }
    if available < desired {
        return wait(format!("{available} of {desired} updated pods are available"));
    }
    said(Health::Healthy, "")
}

/// Nobody replaces its pods; kubectl refuses to tell of it, Argo CD calls it healthy.
fn on_delete(missing: u32, updated: u32, desired: u32) -> Status {
    if missing > 0 {
        return said(Health::Progressing, &format!("Waiting for {missing} pods to be ready..."));
    }
    if updated < desired {
        let message = format!("{} pods wait to be deleted by hand (OnDelete)", desired - updated);
        return said(Health::Suspended, &message);
    }
    said(Health::Healthy, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixtures::{daemon_set, stateful_set};

    fn of(status: &Status) -> (Health, &str) {
        (status.health, status.message.as_ref().map_or("", Text::as_str))
    }

    #[test]
    fn a_stateful_set_is_told_as_kubectl_tells_it() {
        let with = |updated, ready, partition| {
            let mut made = stateful_set(partition);
            made.0.replicas.updated = Some(updated);
            made.0.replicas.ready = Some(ready);
            super::super::rollout_status::status(&made.0)
        };
        assert_eq!(of(&with(3, 3, 0)), (Health::Healthy, ""));
        assert_eq!(of(&with(1, 2, 0)), (Health::Progressing, "Waiting for 1 pods to be ready..."));
        assert_eq!(
            of(&with(1, 3, 0)),
            (
                Health::Progressing,
                "Waiting for partitioned roll out to finish: 1 out of 3 new pods have been updated..."
            )
        );
        assert_eq!(
            of(&with(1, 3, 2)),
            (Health::Suspended, "held at partition 2: 1 of 3 pods updated")
        );
        let mut behind = stateful_set(0);
        behind.0.meta.generation.0 += 1;
        assert_eq!(
            of(&super::super::rollout_status::status(&behind.0)),
            (Health::Progressing, "Waiting for statefulset spec update to be observed...")
        );
    }

    #[test]
    fn a_daemon_set_is_told_as_kubectl_tells_it() {
        let with = |updated, available| {
            let mut made = daemon_set();
            made.0.replicas.updated = Some(updated);
            made.0.replicas.available = Some(available);
            super::super::rollout_status::status(&made.0)
        };
        assert_eq!(of(&with(3, 3)), (Health::Healthy, ""));
        assert_eq!(
            of(&with(1, 3)),
            (
                Health::Progressing,
                "Waiting for daemon set \"web\" rollout to finish: 1 out of 3 new pods have been updated..."
            )
        );
        assert_eq!(
            of(&with(3, 2)),
            (
                Health::Progressing,
                "Waiting for daemon set \"web\" rollout to finish: 2 of 3 updated pods are available..."
            )
        );
    }

    #[test]
    fn on_delete_waits_for_a_hand_and_says_so() {
        let mut made = daemon_set();
        made.0.strategy = Strategy::OnDelete;
        made.0.replicas.updated = Some(1);
        assert_eq!(
            of(&super::super::rollout_status::status(&made.0)),
            (Health::Suspended, "2 pods wait to be deleted by hand (OnDelete)")
        );
    }
}
