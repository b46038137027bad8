//! Rules of `reference/rollouts.md` §1.7, one by one.

use std::time::Duration;

use super::steps::{self, position, spelled, stable_hash, weight, weight_at};
use crate::domain::fixtures::{
    Make, NEW, STABLE, at, blue_green, by_pods, canary, deployment, set,
};
use crate::domain::ids::PodHash;
use crate::domain::rollout::{Step, Weights};

#[test]
fn the_desired_weight_is_the_nearest_set_weight_at_or_before_the_step() {
    let steps = [
        Step::Pause(None),
        Step::SetWeight(20),
        Step::Pause(None),
        Step::SetWeight(50),
        Step::Experiment,
    ];
    for (index, want) in [(0, 0), (1, 20), (2, 20), (3, 50), (4, 50), (99, 50)] {
        assert_eq!(weight_at(&steps, index), want, "at step {index}");
    }
    assert_eq!(weight_at(&[], 0), 0);
}

#[test]
fn desired_is_nothing_after_an_abort_and_all_after_the_last_step() {
    let of = |made: Make| weight(&made.0).desired;
    assert_eq!(of(canary()), Some(20));
    assert_eq!(of(canary().aborted()), Some(0));
    assert_eq!(of(canary().settled()), Some(100));
    assert_eq!(of(blue_green()), None, "a blue-green has no weight");
    assert_eq!(of(deployment()), None);
}

#[test]
fn the_router_tells_the_actual_weight_and_without_one_the_pods_do() {
    let routed = canary().edit(|rollout| {
        rollout.status.weights = Some(Weights { canary: 15, stable: 85, verified: None });
    });
    assert_eq!(weight(&routed.0).actual, Some(15));
    // One canary pod of five available ones.
    assert_eq!(weight(&by_pods().0).actual, Some(20));
    let mut none = by_pods();
    none.0.replicas.available = Some(0);
    assert_eq!(weight(&none.0).actual, Some(0), "nothing is available");
}

#[test]
fn a_timed_pause_ends_by_itself_unless_a_human_paused_too() {
    let timed = canary().at_step(4);
    let position_of = |made: &Make| position(&made.0).unwrap();
    let here = position_of(&timed);
    assert_eq!((here.index, here.count), (4, 6));
    assert_eq!(here.since, Some(at(900)));
    assert_eq!(here.ends_at, Some(at(910)));
    assert_eq!(position_of(&timed.hand_paused()).ends_at, None);
    assert_eq!(position_of(&canary()).ends_at, None, "it waits for a human");
}

#[test]
fn there_is_no_position_without_steps_or_before_the_controller_has_counted() {
    assert_eq!(position(&blue_green().0), None);
    assert_eq!(position(&deployment().0), None);
    assert_eq!(position(&canary().edit(|rollout| rollout.status.step_index = None).0), None);
    let done = position(&canary().settled().0).unwrap();
    assert_eq!((done.index, done.what), (6, None));
}

#[test]
fn an_index_beyond_the_steps_is_the_end_and_no_panic() {
    let far = canary().at_step(u32::MAX);
    assert_eq!(position(&far.0).unwrap().what, None);
    assert_eq!(weight(&far.0).actual, Some(100));
}

#[test]
fn a_deployment_has_a_canary_only_while_older_pods_are_left() {
    let stable = |made: &Make| stable_hash(&made.0).cloned();
    let updating = deployment().sets(vec![set(8, NEW, 80, 2), set(7, STABLE, 70, 2)]);
    assert_eq!(stable(&updating), Some(PodHash::new(STABLE)));
    assert!(steps::canary(&updating.0).is_some());
    let complete = deployment().sets(vec![set(8, NEW, 80, 4), set(7, STABLE, 70, 0)]);
    assert_eq!(stable(&complete), Some(PodHash::new(NEW)));
    assert!(steps::canary(&complete.0).is_none());
}

#[test]
fn durations_are_spelled_in_the_largest_unit_that_divides_them() {
    for (seconds, want) in
        [(0, "0s"), (10, "10s"), (60, "1m"), (90, "90s"), (3_600, "1h"), (5_400, "90m")]
    {
        assert_eq!(spelled(Duration::from_secs(seconds)), want);
    }
}
