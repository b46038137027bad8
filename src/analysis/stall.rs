//! Who of the StatefulSets and DaemonSets needs a human. Neither kind has a deadline: a stuck one stays "waiting" for
//! ever (`reference/rollouts.md` §3.2), so the clock is ours.

use std::time::Duration;

use super::need::{Context, Need, NeedKind, first_trouble};
use super::rollout_status::{Health, Status};
use crate::domain::detail::{ClusterEvent, Detail, Pod};
use crate::domain::observed::{Timestamp, age};
use crate::domain::text::Text;
use crate::domain::workload::Workload;

/// A pod that is not ready for so long holds its workload up: what a Deployment allows when it does not say
/// (`progressDeadlineSeconds`).
pub const STALLS_AFTER: Duration = Duration::from_mins(10);

/// Whether and why a human is needed.
#[must_use]
pub fn need(workload: &Workload, status: &Status, context: &Context<'_>) -> Option<Need> {
    stuck(workload, status, context).or_else(|| held(workload, status))
}

fn found(kind: NeedKind, why: &str, since: Option<Timestamp>) -> Need {
    Need { kind, why: Text::clean(why), since }
}

fn stuck(workload: &Workload, status: &Status, context: &Context<'_>) -> Option<Need> {
    if status.health != Health::Progressing {
        return None;
    }
    if let Some(why) = first_trouble(workload, context.detail) {
        return Some(found(NeedKind::Stuck, &why, None));
    }
    if let Some(refused) = refused_pod(workload, context.detail?, context.now) {
        let why = format!("cannot create pods: {}", refused.message);
        return Some(found(NeedKind::Stuck, &why, refused.first));
    }
    let (pod, since) = first_stalled(context.detail?, context.now)?;
    let minutes = age(since, context.now).as_secs() / 60;
    let (ready, all) = pod.ready;
    let why = match &pod.why {
        Some(why) => format!("pod {}: {} for {minutes} min ({why})", pod.name, pod.status),
        None => format!(
            "pod {}: {} for {minutes} min, {ready} of {all} containers ready",
            pod.name, pod.status
        ),
    };
    Some(found(NeedKind::Stuck, &why, Some(since)))
}

/// A controller that may not create a pod tries again after at most about a quarter of an hour; what is older is over.
const TRIES_AGAIN_WITHIN: Duration = Duration::from_mins(20);

/// The event of the last try to create a pod, if that was refused and pods are missing still. These kinds have no
/// condition for it.
fn refused_pod<'a>(
    workload: &Workload,
    detail: &'a Detail,
    now: Timestamp,
) -> Option<&'a ClusterEvent> {
    let counts = workload.replicas;
    counts.current.zip(counts.desired).filter(|(current, desired)| current < desired)?;
    let own = format!("{}/{}", workload.target.kind.name(), workload.target.name);
    let tries = detail.events.iter().filter(|event| {
        event.about.as_str() == own
            && matches!(event.reason.as_str(), "FailedCreate" | "SuccessfulCreate")
    });
    let last = tries.max_by_key(|event| event.last)?;
    let is_new = last.last.is_some_and(|at| age(at, now) < TRIES_AGAIN_WITHIN);
    (last.reason.as_str() == "FailedCreate" && is_new).then_some(last)
}

/// The pod that is not ready for the longest, if that is too long. Pods on their way out hold nothing up for long.
fn first_stalled(detail: &Detail, now: Timestamp) -> Option<(&Pod, Timestamp)> {
    let waits = |pod: &&Pod| !pod.is_ready() && pod.status.as_str() != "Terminating";
    let since = |pod: &Pod| pod.unready_since.or(pod.created);
    detail
        .pods
        .iter()
        .filter(waits)
        .filter_map(|pod| Some((pod, since(pod)?)))
        .filter(|(_, since)| age(*since, now) >= STALLS_AFTER)
        .min_by_key(|(_, since)| *since)
}

/// It waits for somebody to let it go on.
fn held(workload: &Workload, status: &Status) -> Option<Need> {
    if workload.hand_paused() {
        return Some(found(NeedKind::Approval, "paused by hand", None));
    }
    let why = status.message.as_ref().filter(|_| status.health == Health::Suspended)?;
    Some(found(NeedKind::Approval, why.as_str(), None))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::analysis::need;
    use crate::analysis::rollout_status::status;
    use crate::domain::fixtures::{Make, NEW, OLD, at, bounded, daemon_set, stateful_set};
    use crate::domain::ids::{Name, PodHash, Uid};

    fn pod(name: &str, hash: &str, (word, unready_since): (&str, Option<Timestamp>)) -> Pod {
        Pod {
            name: Name::new(name),
            uid: Uid::new(name),
            replica_set: None,
            hash: Some(PodHash::new(hash)),
            status: Text::from(word),
            why: None,
            ready: (u32::from(unready_since.is_none()), 1),
            restarts: 0,
            created: Some(at(0)),
            unready_since,
            node: None,
            containers: Arc::default(),
        }
    }

    fn waiting(mut made: Make) -> Make {
        made.0.replicas.ready = Some(2);
        made.0.replicas.available = Some(2);
        made
    }

    fn why(made: &Make, pods: Vec<Pod>, second: u64) -> Option<(NeedKind, String)> {
        let detail = Detail {
            target: made.0.target.clone(),
            pods: pods.into(),
            pods_left_out: 0,
            runs: Arc::default(),
            events: Arc::default(),
            bounds: crate::domain::bounds::Bounds::default(),
            missing: Arc::default(),
            seen_at: at(second),
        };
        let context = Context { detail: Some(&detail), failing: None, now: at(second) };
        let need = need::need(&made.0, &status(&made.0), &context)?;
        Some((need.kind, need.why.to_string()))
    }

    #[test]
    fn a_pod_that_cannot_start_is_told_at_once_whichever_version_it_is_of() {
        for made in [waiting(stateful_set(0)), waiting(daemon_set())] {
            for hash in [NEW, OLD] {
                let bad = pod("web-2", hash, ("CrashLoopBackOff", Some(at(990))));
                let expected = (NeedKind::Stuck, "pod web-2: CrashLoopBackOff".to_owned());
                assert_eq!(why(&made, vec![bad], 1_000), Some(expected));
            }
        }
    }

    #[test]
    fn a_pod_that_never_gets_ready_is_told_after_ten_minutes_by_our_own_clock() {
        let made = waiting(stateful_set(0));
        let slow = || {
            vec![
                pod("web-0", NEW, ("Running", None)),
                pod("web-2", NEW, ("Running", Some(at(100)))),
            ]
        };
        assert_eq!(why(&made, slow(), 699), None);
        let words = "pod web-2: Running for 10 min, 0 of 1 containers ready".to_owned();
        assert_eq!(why(&made, slow(), 700), Some((NeedKind::Stuck, words)));
        let leaving = vec![pod("web-2", NEW, ("Terminating", Some(at(100))))];
        assert_eq!(why(&made, leaving, 5_000), None);
    }

    #[test]
    fn a_pod_that_may_not_be_created_is_told_while_one_is_missing_and_it_was_the_last_try() {
        let event = |reason: &str, kind: &str, second| ClusterEvent {
            uid: Uid::new(reason),
            about: Text::clean(&format!("{kind}/web")),
            warning: reason == "FailedCreate",
            reason: Text::clean(reason),
            message: Text::from("exceeded quota"),
            by: Text::default(),
            count: 3,
            first: Some(at(100)),
            last: Some(at(second)),
        };
        for (made, kind) in [(stateful_set(0), "StatefulSet"), (daemon_set(), "DaemonSet")] {
            let told = |made: &Make, events: Vec<ClusterEvent>, second| {
                let mut detail = bounded(made, crate::domain::bounds::Bounds::default());
                detail.events = events.into();
                let context = Context { detail: Some(&detail), failing: None, now: at(second) };
                need::need(&made.0, &status(&made.0), &context).map(|need| need.why.to_string())
            };
            let mut short = waiting(made);
            short.0.replicas.current = Some(2);
            let failed = || event("FailedCreate", kind, 300);
            let words = Some("cannot create pods: exceeded quota".to_owned());
            assert_eq!(told(&short, vec![failed()], 400), words);
            assert_eq!(told(&short, vec![failed()], 1_600), None, "it tried again since");
            let made_since = event("SuccessfulCreate", kind, 350);
            assert_eq!(told(&short, vec![failed(), made_since], 400), None);
            assert_eq!(told(&short, vec![event("FailedCreate", "Job", 300)], 400), None);
            short.0.replicas.current = Some(3);
            assert_eq!(told(&short, vec![failed()], 400), None, "none is missing");
        }
    }

    #[test]
    fn what_is_held_by_hand_or_by_a_partition_waits_for_a_yes() {
        let paused = Some((NeedKind::Approval, "paused by hand".to_owned()));
        assert_eq!(why(&stateful_set(0).hand_paused(), vec![], 1_000), paused);
        assert_eq!(why(&daemon_set().hand_paused(), vec![], 1_000), paused);
        let mut canary = stateful_set(2);
        canary.0.replicas.updated = Some(1);
        let words = "held at partition 2: 1 of 3 pods updated".to_owned();
        assert_eq!(why(&canary, vec![], 1_000), Some((NeedKind::Approval, words)));
        assert_eq!(why(&stateful_set(0), vec![], 1_000), None);
    }
}
