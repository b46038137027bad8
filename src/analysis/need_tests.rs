//! Who needs a human: the rules of `reference/rollouts.md` §1.4, and the ones the tools miss.

use std::time::Duration;

use super::need::{Context, Group, NeedKind, group, need};
use super::rollout_status;
use crate::domain::bounds::{Autoscaler, Bounds, Budget};
use crate::domain::fixtures::{
    Make, NEW, STABLE, at, blue_green, bounded, by_pods, canary, deployment, run, set,
};
use crate::domain::ids::{Name, Uid};
use crate::domain::rollout::{RunPhase, Weights};
use crate::domain::text::Text;

fn context(second: u64) -> Context<'static> {
    Context { detail: None, failing: None, now: at(second) }
}

fn found_in(made: &Make, second: u64) -> Option<(NeedKind, String)> {
    let status = rollout_status::status(&made.0);
    let need = need(&made.0, &status, &context(second))?;
    Some((need.kind, need.why.to_string()))
}

fn kind(made: &Make) -> Option<NeedKind> {
    found_in(made, 1_000).map(|(kind, _)| kind)
}

#[test]
fn a_pause_without_a_duration_waits_for_a_yes_and_a_timed_one_for_nobody() {
    assert_eq!(
        found_in(&canary(), 1_000),
        Some((NeedKind::Approval, "waits for a yes at step 2 of 6".to_owned()))
    );
    assert_eq!(kind(&canary().at_step(4)), None);
}

#[test]
fn a_pause_by_hand_needs_the_hand_that_ends_it() {
    for made in [canary().at_step(4), blue_green(), deployment()] {
        let (kind, why) = found_in(&made.hand_paused(), 1_000).unwrap();
        assert_eq!((kind, why.as_str()), (NeedKind::Approval, "paused by hand"));
    }
}

#[test]
fn a_blue_green_needs_a_yes_unless_it_promotes_itself() {
    let auto = |auto: bool, after: Option<u64>| {
        blue_green().edit(move |rollout| {
            let spec = rollout.spec.blue_green.as_mut().unwrap();
            spec.auto_promotion = auto;
            spec.auto_promotion_after = after.map(Duration::from_secs);
        })
    };
    assert_eq!(kind(&auto(false, None)), Some(NeedKind::Approval));
    assert_eq!(kind(&auto(false, Some(60))), None);
    assert_eq!(kind(&auto(true, None)), None);
}

#[test]
fn an_inconclusive_analysis_needs_a_decision_and_tells_its_words() {
    let made = canary().waiting(&["InconclusiveAnalysisRun"]).edit(|rollout| {
        let mut ended = run("web-2", RunPhase::Inconclusive);
        ended.message = Some(Text::clean("no data"));
        rollout.status.runs.step = Some(ended);
    });
    assert_eq!(
        found_in(&made, 1_000),
        Some((NeedKind::Inconclusive, "InconclusiveAnalysisRun: no data".to_owned()))
    );
}

#[test]
fn an_abort_that_still_serves_is_named_only_after_it_had_time_to_settle() {
    let aborted = by_pods().aborted();
    assert_ne!(kind_at(&aborted, 955), Some(NeedKind::NotAborted), "five seconds after the abort");
    let (kind, why) = found_in(&aborted, 1_000).unwrap();
    assert_eq!(kind, NeedKind::NotAborted);
    assert_eq!(why, "aborted, but 1 canary pod still serves");
    let gone = aborted.sets(vec![set(8, NEW, 80, 0), set(7, STABLE, 70, 4)]);
    assert_ne!(kind_at(&gone, 1_000), Some(NeedKind::NotAborted), "nothing serves any more");
}

fn kind_at(made: &Make, second: u64) -> Option<NeedKind> {
    found_in(made, second).map(|(kind, _)| kind)
}

#[test]
fn an_abort_while_paused_by_hand_is_named_at_once() {
    let held = by_pods().aborted().hand_paused();
    let (kind, why) = found_in(&held, 951).unwrap();
    assert_eq!(kind, NeedKind::NotAborted);
    assert!(why.contains("while paused by hand"), "{why}");
}

#[test]
fn after_an_abort_the_router_decides_whether_the_canary_serves() {
    let with = |weight: u32| {
        canary().aborted().edit(move |rollout| {
            let stable = 100 - weight;
            rollout.status.weights = Some(Weights { canary: weight, stable, verified: None });
        })
    };
    assert_eq!(kind(&with(20)), Some(NeedKind::NotAborted));
    assert_ne!(kind(&with(0)), Some(NeedKind::NotAborted), "its pods stay, but get nothing");
}

#[test]
fn an_aborted_blue_green_serves_as_long_as_the_active_service_selects_it() {
    let switched = blue_green().switched().aborted();
    assert_eq!(kind(&switched), Some(NeedKind::NotAborted));
    assert_ne!(kind(&blue_green().aborted()), Some(NeedKind::NotAborted));
}

#[test]
fn a_canary_that_fails_comes_before_its_gate_and_not_after_an_abort() {
    let failing = (at(990), Text::clean("errors 2 % against 0.1 %"));
    let of = |made: &Make| {
        let status = rollout_status::status(&made.0);
        let context = Context { detail: None, failing: Some(&failing), now: at(1_000) };
        need(&made.0, &status, &context).map(|need| (need.kind, need.since))
    };
    assert_eq!(of(&canary()), Some((NeedKind::Failing, Some(at(990)))));
    assert_ne!(of(&canary().aborted()).map(|it| it.0), Some(NeedKind::Failing));
    assert_eq!(of(&canary().settled()), None, "there is no canary");
}

#[test]
fn what_needs_a_human_stands_before_what_moves_and_what_rests() {
    let group_of = |made: &Make| {
        let status = rollout_status::status(&made.0);
        let need = need(&made.0, &status, &context(1_000));
        group(&made.0, &status, need.as_ref())
    };
    assert_eq!(group_of(&canary()), Group::NeedsYou);
    assert_eq!(group_of(&canary().at_step(4)), Group::Moving);
    assert_eq!(group_of(&canary().settled()), Group::Steady);
    assert!(Group::NeedsYou < Group::Moving && Group::Moving < Group::Steady);
}

fn full() -> Bounds {
    let autoscaler = Autoscaler {
        name: Name::new("web"),
        uid: Uid::new("h"),
        kind: Text::from("Rollout"),
        scales: Name::new("web"),
        min: 1,
        max: Some(4),
        current: Some(4),
        desired: Some(4),
        trouble: None,
    };
    let budget = Budget {
        name: Name::new("web"),
        uid: Uid::new("b"),
        labels: [].into(),
        allowed: Some(0),
        healthy: Some(3),
        wanted: Some(3),
    };
    Bounds { autoscaler: Some(autoscaler), budgets: [budget].into(), ..Bounds::default() }
}

#[test]
fn what_stalls_tells_the_autoscaler_that_makes_no_more_pods_and_what_waits_for_a_yes_does_not() {
    let told = |made: &Make, failing| {
        let detail = bounded(made, full());
        let context = Context { detail: Some(&detail), failing, now: at(1_000) };
        let need = need(&made.0, &rollout_status::status(&made.0), &context).unwrap();
        (need.kind, need.why.to_string())
    };
    let failing = (at(950), Text::from("errors 5 times stable's"));
    let words = "errors 5 times stable's; autoscaler web is at its maximum of 4 pods".to_owned();
    assert_eq!(told(&canary(), Some(&failing)), (NeedKind::Failing, words));
    let words = "waits for a yes at step 2 of 6".to_owned();
    assert_eq!(told(&canary(), None), (NeedKind::Approval, words));
}

#[test]
fn a_restart_that_a_budget_holds_moves_and_needs_somebody_after_ten_minutes() {
    let made = canary().settled().edit(|rollout| rollout.spec.restart_at = Some(at(100)));
    let mut made = made;
    made.0.seen_at = at(110);
    let status = rollout_status::status(&made.0);
    assert_eq!(group(&made.0, &status, None), Group::Moving);
    let detail = bounded(&made, full());
    let told = |second| {
        let context = Context { detail: Some(&detail), failing: None, now: at(second) };
        need(&made.0, &status, &context).map(|need| (need.kind, need.since, need.why.to_string()))
    };
    assert_eq!(told(699), None);
    let words = "the restart waits: PodDisruptionBudget web allows no eviction (3 healthy, at \
                 least 3 wanted)";
    assert_eq!(told(700), Some((NeedKind::Stuck, Some(at(100)), words.to_owned())));
}
