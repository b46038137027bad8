//! How long an update of this workload takes: as its last one did.

use std::time::Duration;

use super::steps;
use crate::domain::detail::{ClusterEvent, Detail};
use crate::domain::observed::{Timestamp, age};
use crate::domain::workload::{ReplicaSet, Workload};

/// How long the last whole update took, as the cluster itself still tells: from the ReplicaSet's creation to the
/// controller's word that the update is complete (Argo: the event `RolloutCompleted`, which lives an hour; Deployments:
/// the condition `Progressing` with `NewReplicaSetAvailable`).
///
/// `None` where that is not told, and after a roll back: its ReplicaSet is older than the update.
#[must_use]
pub fn last_update(workload: &Workload, detail: Option<&Detail>) -> Option<Duration> {
    let set = steps::stable(workload)?;
    let began = set.created.filter(|_| !was_used_again(workload, set))?;
    let ended = match workload.rollout() {
        Some(_) => completed_event(set, detail?)?,
        None => completed_condition(workload)?,
    };
    (ended > began).then(|| age(began, ended))
}

/// A ReplicaSet that was made before another one of a lower revision came back by a roll back.
fn was_used_again(workload: &Workload, set: &ReplicaSet) -> bool {
    let others = workload.revisions.iter().filter(|other| other.revision < set.revision);
    others.filter_map(|other| other.created).any(|created| Some(created) > set.created)
}

fn completed_event(set: &ReplicaSet, detail: &Detail) -> Option<Timestamp> {
    let events = detail.events.iter().filter(|event| tells_of(event, "RolloutCompleted", set));
    events.filter_map(|event| event.first.or(event.last)).max()
}

fn completed_condition(workload: &Workload) -> Option<Timestamp> {
    let conditions = workload.conditions.iter();
    let mut done = conditions.filter(|condition| {
        condition.kind.as_str() == "Progressing"
            && condition.reason.as_str() == "NewReplicaSetAvailable"
    });
    done.next()?.updated
}

/// An event of this reason names the revision by number ("… revision 4 …") or by hash.
#[must_use]
pub fn tells_of(event: &ClusterEvent, reason: &str, set: &ReplicaSet) -> bool {
    if event.reason.as_str() != reason {
        return false;
    }
    let number = set.revision.map(|revision| revision.to_string());
    let mut words = event
        .message
        .as_str()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let mut after_revision = false;
    words.any(|word| {
        let by_number = after_revision && Some(word) == number.as_deref();
        after_revision = word == "revision";
        by_number || set.hash.as_ref().is_some_and(|hash| hash.as_str() == word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixtures::{NEW, STABLE, at, canary, deployment, set};
    use crate::domain::ids::Uid;
    use crate::domain::text::Text;

    fn completed(revision: u64, second: u64) -> Detail {
        let event = ClusterEvent {
            uid: Uid::new("e"),
            about: Text::clean("Rollout/web"),
            warning: false,
            reason: Text::clean("RolloutCompleted"),
            message: Text::clean(&format!("Rollout completed update to revision {revision} (x)")),
            by: Text::clean("rollouts-controller"),
            count: 1,
            first: Some(at(second)),
            last: None,
        };
        Detail {
            target: canary().0.target,
            pods: [].into(),
            pods_left_out: 0,
            runs: [].into(),
            events: [event].into(),
            bounds: crate::domain::bounds::Bounds::default(),
            missing: [].into(),
            seen_at: at(1_000),
        }
    }

    #[test]
    fn the_last_update_took_from_its_replica_set_to_the_controllers_word() {
        // Stable is revision 7, made at second 70.
        let made = canary();
        assert_eq!(last_update(&made.0, Some(&completed(7, 670))), Some(Duration::from_mins(10)));
        assert_eq!(last_update(&made.0, Some(&completed(6, 670))), None, "of another revision");
        assert_eq!(last_update(&made.0, Some(&completed(7, 60))), None, "before it began");
        assert_eq!(last_update(&made.0, None), None);
    }

    #[test]
    fn a_roll_back_tells_no_pace_for_its_replica_set_is_old() {
        let back =
            canary().sets(vec![set(8, NEW, 80, 1), set(7, STABLE, 10, 4), set(6, "x", 60, 0)]);
        assert_eq!(last_update(&back.0, Some(&completed(7, 670))), None);
    }

    #[test]
    fn a_deployments_condition_tells_when_it_was_complete() {
        let mut made = deployment()
            .sets(vec![set(8, NEW, 80, 4), set(7, STABLE, 70, 0)])
            .condition("Progressing", "NewReplicaSetAvailable");
        let mut condition = made.0.conditions[0].clone();
        condition.updated = Some(at(95));
        made.0.conditions = [condition].into();
        assert_eq!(last_update(&made.0, None), Some(Duration::from_secs(15)));
        let moving = made.condition("Progressing", "ReplicaSetUpdated");
        assert_eq!(last_update(&moving.0, None), None);
    }
}
