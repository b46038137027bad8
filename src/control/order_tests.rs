//! How orders move: every transition, and what decides about a write without an answer.

use std::time::Duration;

use proptest::prelude::*;

use super::action::Action;
use super::audit::AuditEntry;
use super::check::{CheckId, Refusal};
use super::fixtures::planned;
use super::give_up::{GiveUp, give_up};
use super::order::{Attempt, AttemptAnswer, Execution, Order, OrderNews, OrderState, Outcome};
use super::order_machine::{Facts, Known, advance, begin, came_late, look, refused, sent};
use super::plan::{DryRun, Rehearsal};
use crate::domain::feed::{Sighting, Trouble};
use crate::domain::fixtures::{Make, at, by_pods, canary};
use crate::domain::ids::{Generation, ResourceVersion};
use crate::domain::observed::Timestamp;
use crate::domain::text::{Block, Text};

fn version(raw: &str) -> ResourceVersion {
    ResourceVersion::new(raw)
}

fn attempt(write: usize, precondition: Option<&str>, answer: AttemptAnswer) -> OrderNews {
    OrderNews::Attempted(Box::new(Attempt {
        write,
        precondition: precondition.map(version),
        sent_at: at(1_000),
        answer,
        audit_id: None,
    }))
}

fn accepted(raw: &str) -> AttemptAnswer {
    AttemptAnswer::Accepted {
        version: version(raw),
        generation: Some(Generation(13)),
        changed: true,
        warnings: Vec::new(),
    }
}

fn silence() -> Trouble {
    Trouble::TimedOut { after: Duration::from_secs(10) }
}

fn no_answer(write: usize, precondition: Option<&str>) -> [OrderNews; 2] {
    [
        attempt(write, precondition, AttemptAnswer::NoAnswer(silence())),
        OrderNews::Executed(Execution::Unknown { write, why: silence() }),
    ]
}

fn facts(known: Known<'_>, proven: Timestamp, now: Timestamp) -> Facts<'_> {
    Facts { workload: known, proven_at: Some(proven), now }
}

/// Facts that are current at this second.
fn here(make: &Make, second: u64) -> Facts<'_> {
    facts(Known::Here(&make.0), at(second), at(second))
}

fn sending(action: Action, make: &Make) -> Order {
    let mut order = begin(planned(action, &make.0), at(1_000));
    sent(&mut order);
    order
}

fn tell(
    order: &mut Order,
    news: impl IntoIterator<Item = OrderNews>,
    facts: &Facts<'_>,
) -> Vec<AuditEntry> {
    news.into_iter().flat_map(|one| advance(order, one, facts)).collect()
}

#[track_caller]
fn ended(order: &Order, outcome: &str, words: &str) {
    let OrderState::Ended(end) = &order.state else { panic!("{:?}", order.state) };
    assert_eq!(end.name(), outcome, "{end:?}");
    let message = end.message().map_or(String::new(), ToString::to_string);
    assert!(message.contains(words), "{message}");
    assert!(order.ended_at.is_some());
}

fn promoted() -> Make {
    canary().waiting(&[]).at_step(2).version("502")
}

#[test]
fn the_straight_way_ends_arrived_and_is_recorded_once() {
    let mut order = sending(Action::Promote, &canary());
    let before = canary();
    let told = tell(
        &mut order,
        [attempt(0, Some("500"), accepted("501")), OrderNews::Executed(Execution::Accepted)],
        &here(&before, 1_001),
    );
    assert_eq!((told, order.state.clone()), (Vec::new(), OrderState::Converging));
    assert_eq!(order.waiting_for, Some(Text::from("the watch has not shown the write yet")));
    let told = look(&mut order, &here(&promoted(), 1_002));
    assert_eq!(told, [AuditEntry::Outcome(Outcome::Arrived)]);
    assert_eq!(look(&mut order, &here(&promoted(), 1_003)), []);
}

#[test]
fn what_the_executor_says_ends_the_order_as_it_should() {
    let why = || Text::from("no");
    for (execution, outcome, words) in [
        (Execution::Failed { write: 0, why: why() }, "failed", "no"),
        (Execution::NotSent { write: 0, why: silence() }, "not-sent", "no answer within"),
        (
            Execution::Superseded { write: 0, differences: vec![Text::from("step 1 → 2")] },
            "superseded",
            "step 1 → 2",
        ),
        (Execution::NotRecorded(Text::from("full")), "refused", ""),
        (Execution::Expired, "not-sent", "older than 5 s"),
    ] {
        let mut order = sending(Action::Promote, &canary());
        let told = tell(&mut order, [OrderNews::Executed(execution)], &here(&canary(), 1_001));
        ended(&order, outcome, words);
        assert_eq!(told.len(), 1);
    }
}

#[test]
fn a_second_write_that_fails_is_told_as_the_half_that_is_missing() {
    let hand_paused = by_pods().hand_paused();
    for execution in [
        Execution::Failed { write: 1, why: Text::from("no") },
        Execution::NotSent { write: 1, why: silence() },
        Execution::Superseded { write: 1, differences: Vec::new() },
    ] {
        let mut order = sending(Action::Abort, &hand_paused);
        tell(&mut order, [OrderNews::Executed(execution)], &here(&hand_paused, 1_001));
        ended(
            &order,
            "failed",
            "half done: the abort is set; but not yet: the pause by hand is lifted",
        );
    }
}

#[test]
fn a_controller_that_drops_it_and_one_that_is_slow_both_stall() {
    let follow = |action, before: &Make, after: &Make, second| {
        let mut order = sending(action, before);
        let news =
            [attempt(0, Some("500"), accepted("501")), OrderNews::Executed(Execution::Accepted)];
        tell(&mut order, news, &here(before, 1_000));
        let _ = look(&mut order, &here(after, second));
        order
    };
    let dropped = follow(Action::Abort, &canary(), &canary().version("502"), 1_001);
    ended(&dropped, "stalled", "dropped the abort");
    let asked = canary().version("502").edit(|it| it.status.flags.abort = true);
    let slow = follow(Action::Abort, &canary(), &asked, 1_031);
    ended(&slow, "stalled", "has not acted");
    let going = follow(Action::Abort, &canary(), &asked, 1_029);
    assert_eq!(going.state, OrderState::Converging);
}

#[test]
fn an_accepted_deed_on_a_cluster_that_went_silent_is_unknown_and_not_stalled() {
    let mut order = sending(Action::Promote, &canary());
    let news = [attempt(0, Some("500"), accepted("501")), OrderNews::Executed(Execution::Accepted)];
    tell(&mut order, news, &here(&canary(), 1_000));
    let old = canary();
    let _ = look(&mut order, &facts(Known::Here(&old.0), at(1_001), at(1_040)));
    ended(&order, "unknown", "gone silent");
}

#[test]
fn a_workload_that_is_gone_supersedes() {
    let mut order = sending(Action::Promote, &canary());
    let news = [attempt(0, Some("500"), accepted("501")), OrderNews::Executed(Execution::Accepted)];
    tell(&mut order, news, &here(&canary(), 1_000));
    let _ = look(&mut order, &facts(Known::Gone, at(1_001), at(1_001)));
    ended(&order, "superseded", "deleted");
}

/// It was gone before the write left, so the watch has nothing more to show of it (seed 1889 of `tests/flight`).
#[test]
fn a_silent_write_to_what_is_gone_is_not_waited_for_half_an_hour() {
    let mut order = sending(Action::Pause, &canary());
    tell(&mut order, no_answer(0, None), &facts(Known::Gone, at(1_001), at(1_001)));
    for second in [1_002, 1_030, 1_061] {
        let _ = look(&mut order, &facts(Known::Gone, at(second), at(second)));
        assert!(matches!(order.state, OrderState::Unknown { .. }), "{second}: it may yet come");
    }
    let _ = look(&mut order, &facts(Known::Gone, at(1_063), at(1_063)));
    ended(&order, "superseded", "it is gone");
}

#[test]
fn a_mark_that_is_found_makes_a_silent_write_an_accepted_one() {
    // The mark may be seen before the executor gives up waiting, and after.
    let marked = || OrderNews::Sighted(Sighting::Marked(version("501")));
    for early in [true, false] {
        let mut order = sending(Action::Promote, &canary());
        let mut news: Vec<OrderNews> = no_answer(0, Some("500")).into();
        news.insert(if early { 0 } else { 2 }, marked());
        tell(&mut order, news, &here(&canary(), 1_010));
        assert_eq!(order.state, OrderState::Converging);
        let _ = look(&mut order, &here(&promoted(), 1_011));
        ended(&order, "arrived", "");
        assert!(order.notices[0].as_str().contains("the watch found our mark"));
    }
}

#[test]
fn another_change_first_proves_that_a_silent_write_can_never_apply() {
    let mut order = sending(Action::Promote, &canary());
    tell(&mut order, no_answer(0, Some("500")), &here(&canary(), 1_010));
    assert!(matches!(order.state, OrderState::Unknown { .. }));
    let overtaken =
        Sighting::Overtaken { by: version("501"), manager: Some(Text::from("kubectl")) };
    tell(&mut order, [OrderNews::Sighted(overtaken)], &here(&canary(), 1_011));
    ended(&order, "superseded", "another change came first (by kubectl): it was not applied");
}

#[test]
fn what_overtook_an_earlier_attempt_says_nothing_of_the_last_one() {
    let mut order = sending(Action::Promote, &canary());
    let overtaken = Sighting::Overtaken { by: version("501"), manager: None };
    let mut news =
        vec![attempt(0, Some("500"), AttemptAnswer::Conflict), OrderNews::Sighted(overtaken)];
    news.extend(no_answer(0, Some("501")));
    tell(&mut order, news, &here(&canary(), 1_010));
    assert!(matches!(order.state, OrderState::Unknown { .. }), "{:?}", order.state);
    tell(
        &mut order,
        [OrderNews::Sighted(Sighting::Marked(version("502")))],
        &here(&canary(), 1_011),
    );
    assert_eq!(order.state, OrderState::Converging);
}

#[test]
fn the_mark_of_the_first_write_says_nothing_of_the_second() {
    let hand_paused = by_pods().hand_paused();
    let mut order = sending(Action::Abort, &hand_paused);
    let mut news = vec![
        attempt(0, Some("500"), accepted("501")),
        OrderNews::Sighted(Sighting::Marked(version("501"))),
    ];
    news.extend(no_answer(1, Some("501")));
    tell(&mut order, news, &here(&hand_paused, 1_010));
    assert!(matches!(order.state, OrderState::Unknown { write: 1, .. }), "{:?}", order.state);
    let overtaken = Sighting::Overtaken { by: version("502"), manager: None };
    tell(&mut order, [OrderNews::Sighted(overtaken)], &here(&hand_paused, 1_011));
    ended(&order, "failed", "half done");
}

#[test]
fn a_silent_first_write_of_two_that_was_applied_is_half_done() {
    let hand_paused = by_pods().hand_paused();
    let mut order = sending(Action::Abort, &hand_paused);
    let mut news: Vec<OrderNews> = no_answer(0, Some("500")).into();
    news.push(OrderNews::Sighted(Sighting::Marked(version("501"))));
    tell(&mut order, news, &here(&hand_paused, 1_010));
    ended(&order, "failed", "half done: the abort is set");
}

#[test]
fn after_a_gap_it_is_probably_done_or_nobody_can_tell() {
    let gap = || OrderNews::Sighted(Sighting::Gap);
    for (world, outcome, words) in [
        (promoted(), "unknown", "probably applied"),
        (canary().version("502"), "unknown", "it was not applied, or undone since"),
    ] {
        let mut order = sending(Action::Promote, &canary());
        tell(&mut order, no_answer(0, Some("500")), &here(&canary(), 1_010));
        tell(&mut order, [gap()], &here(&world, 1_020));
        ended(&order, outcome, words);
    }
    // The object as it was before the write: it may yet come.
    let mut order = sending(Action::Promote, &canary());
    tell(&mut order, no_answer(0, Some("500")), &here(&canary(), 1_010));
    tell(&mut order, [gap()], &here(&canary(), 1_020));
    assert!(matches!(order.state, OrderState::Unknown { .. }));
    tell(
        &mut order,
        [OrderNews::Sighted(Sighting::Marked(version("501")))],
        &here(&canary(), 1_021),
    );
    assert_eq!(order.state, OrderState::Converging);
}

#[test]
fn a_minute_of_live_silence_means_not_applied_and_a_dead_watch_means_nothing() {
    let mut order = sending(Action::Promote, &canary());
    tell(&mut order, no_answer(0, Some("500")), &here(&canary(), 1_010));
    let before = canary();
    // The watch is dead for ten minutes.
    for second in (1_011..1_600).step_by(60) {
        let _ = look(&mut order, &facts(Known::Here(&before.0), at(1_010), at(second)));
        assert!(matches!(order.state, OrderState::Unknown { .. }));
    }
    // It lives again, and dies once more: the minute begins anew.
    let _ = look(&mut order, &here(&before, 1_700));
    let _ = look(&mut order, &facts(Known::Here(&before.0), at(1_700), at(1_730)));
    let _ = look(&mut order, &here(&before, 1_740));
    let _ = look(&mut order, &here(&before, 1_799));
    assert!(matches!(order.state, OrderState::Unknown { .. }));
    let _ = look(&mut order, &here(&before, 1_800));
    ended(&order, "failed", "nothing changed within 60 s");
}

#[test]
fn a_pause_sent_blind_is_not_called_overtaken() {
    let mut order = sending(Action::Pause, &canary());
    tell(&mut order, no_answer(0, None), &facts(Known::NotYet, at(900), at(1_010)));
    let overtaken = Sighting::Overtaken { by: version("501"), manager: None };
    tell(&mut order, [OrderNews::Sighted(overtaken)], &facts(Known::NotYet, at(900), at(1_011)));
    assert!(matches!(order.state, OrderState::Unknown { .. }));
    let paused = canary().hand_paused().version("503");
    let _ = look(&mut order, &here(&paused, 1_030));
    ended(&order, "unknown", "probably applied");
}

#[test]
fn a_pause_sent_blind_of_which_nothing_is_seen_is_judged_by_the_world() {
    for (world, outcome, words) in [
        (canary().hand_paused().version("503"), "unknown", "probably applied"),
        (canary().version("503"), "failed", "nothing changed within 60 s"),
    ] {
        let mut order = sending(Action::Pause, &canary());
        tell(&mut order, no_answer(0, None), &facts(Known::NotYet, at(900), at(1_010)));
        let _ = look(&mut order, &here(&world, 1_020));
        let _ = look(&mut order, &here(&world, 1_080));
        ended(&order, outcome, words);
    }
}

#[test]
fn what_was_sent_blind_into_a_gap_is_waited_for_and_then_nobody_can_tell() {
    let blind = || {
        let mut order = sending(Action::Pause, &canary());
        tell(&mut order, no_answer(0, None), &facts(Known::NotYet, at(900), at(1_010)));
        let world = canary().version("503");
        tell(&mut order, [OrderNews::Sighted(Sighting::Gap)], &here(&world, 1_020));
        assert!(matches!(order.state, OrderState::Unknown { .. }), "it may come yet");
        order
    };
    let mut order = blind();
    let _ = look(&mut order, &here(&canary().version("504"), 1_080));
    ended(&order, "unknown", "it was not applied, or undone since");
    let mut order = blind();
    let mark = OrderNews::Sighted(Sighting::Marked(version("505")));
    tell(&mut order, [mark], &here(&canary().hand_paused().version("505"), 1_030));
    assert!(matches!(order.state, OrderState::Converging | OrderState::Ended(Outcome::Arrived)));
}

#[test]
fn a_deleted_workload_ends_an_unknown_write() {
    let mut order = sending(Action::Promote, &canary());
    tell(&mut order, no_answer(0, Some("500")), &here(&canary(), 1_010));
    tell(&mut order, [OrderNews::Sighted(Sighting::Deleted)], &here(&canary(), 1_011));
    ended(&order, "superseded", "deleted");
}

#[test]
fn an_unknown_write_is_given_up_at_last() {
    let mut order = sending(Action::Promote, &canary());
    tell(&mut order, no_answer(0, Some("500")), &here(&canary(), 1_010));
    let _ = look(&mut order, &facts(Known::NotYet, at(900), at(1_010 + 1_800)));
    ended(&order, "unknown", "no answer");
}

#[test]
fn giving_up_says_what_was_sent() {
    let end = |order: &mut Order, how| {
        let _ = give_up(order, how, at(1_050));
        if let OrderState::Ended(outcome) = &order.state { outcome.name() } else { "goes on" }
    };
    let rehearsing = || begin(planned(Action::Promote, &canary().0), at(1_000));
    let unknown = || {
        let mut order = sending(Action::Promote, &canary());
        tell(&mut order, no_answer(0, Some("500")), &here(&canary(), 1_010));
        order
    };
    let converging = || {
        let mut order = sending(Action::Promote, &canary());
        let news =
            [attempt(0, Some("500"), accepted("501")), OrderNews::Executed(Execution::Accepted)];
        tell(&mut order, news, &here(&canary(), 1_001));
        order
    };
    for (mut order, no_wait, interrupted) in [
        (rehearsing(), "not-sent", "not-sent"),
        (sending(Action::Promote, &canary()), "goes on", "unknown"),
        (unknown(), "goes on", "unknown"),
        (converging(), "accepted", "accepted"),
    ] {
        assert_eq!(end(&mut order.clone(), GiveUp::NoWait), no_wait);
        assert_eq!(end(&mut order, GiveUp::Interrupted), interrupted);
    }
}

#[test]
fn a_refusal_ends_it_once() {
    let mut order = begin(planned(Action::Promote, &canary().0), at(1_000));
    let refusal = Refusal::new(CheckId::Armed, "not armed", "arm it");
    assert_eq!(refused(&mut order, vec![refusal.clone()], at(1_001)).len(), 1);
    assert_eq!(refused(&mut order, vec![refusal], at(1_002)), []);
    ended(&order, "refused", "");
}

fn rehearsal() -> Rehearsal {
    Rehearsal {
        footing: super::footing::Footing::of(&canary().0),
        read_at: at(1_000),
        access: Vec::new(),
        dry_run: DryRun::Accepted(Vec::new()),
        kept: Vec::new(),
        writes: Vec::new(),
        shown: Block::default(),
    }
}

#[test]
fn a_late_rehearsal_does_not_bring_an_order_back() {
    let late = || OrderNews::Rehearsed(Ok(Box::new(rehearsal())));
    let mut order = begin(planned(Action::Pause, &canary().0), at(1_000));
    tell(&mut order, [OrderNews::Rehearsed(Err(silence()))], &here(&canary(), 1_001));
    assert_eq!(order.state, OrderState::RehearsalFailed(silence()));
    tell(&mut order, [late()], &here(&canary(), 1_001));
    assert!(matches!(order.state, OrderState::Rehearsed(_)));
    sent(&mut order);
    tell(&mut order, [late()], &here(&canary(), 1_001));
    assert_eq!(order.state, OrderState::Sending);
}

fn news() -> impl Strategy<Value = OrderNews> {
    let versions = prop_oneof![Just("500"), Just("501"), Just("502"), Just("x")];
    let answer = prop_oneof![
        versions.clone().prop_map(accepted),
        Just(AttemptAnswer::Conflict),
        Just(AttemptAnswer::NoAnswer(silence())),
    ];
    let sighting = prop_oneof![
        versions.clone().prop_map(|raw| Sighting::Marked(version(raw))),
        versions.prop_map(|raw| Sighting::Overtaken { by: version(raw), manager: None }),
        Just(Sighting::Gap),
        Just(Sighting::Deleted),
    ];
    let execution = prop_oneof![
        Just(Execution::Accepted),
        (0_usize..3).prop_map(|write| Execution::Unknown { write, why: silence() }),
        (0_usize..3).prop_map(|write| Execution::Failed { write, why: Text::from("no") }),
        Just(Execution::Expired),
    ];
    prop_oneof![
        (0_usize..3, answer).prop_map(|(write, answer)| attempt(write, Some("500"), answer)),
        sighting.prop_map(OrderNews::Sighted),
        execution.prop_map(OrderNews::Executed),
        Just(OrderNews::Rehearsed(Err(silence()))),
        Just(OrderNews::NotRecorded(Text::from("full"))),
    ]
}

#[test]
fn what_was_called_stalled_and_stands_after_all_came_late() {
    let mut order = sending(Action::Pause, &canary());
    let held = canary().hand_paused();
    assert!(!came_late(&order, &held.0), "it is on its way");
    order.state = OrderState::Ended(Outcome::Stalled(Text::from("silent")));
    assert!(came_late(&order, &held.0) && !came_late(&order, &canary().0));
}

proptest! {
    #[test]
    fn whatever_comes_an_order_ends_at_most_once_and_stays_ended(
        news in proptest::collection::vec(news(), 0..24),
        action in prop_oneof![Just(Action::Promote), Just(Action::Abort)],
    ) {
        let before = by_pods().hand_paused();
        let start = if action == Action::Abort { before.clone() } else { canary() };
        let mut order = sending(action, &start);
        let mut outcomes = 0;
        for (second, one) in (1_001..).zip(news) {
            let was_over = order.is_over();
            let told = advance(&mut order, one, &here(&before, second));
            outcomes += told.len();
            prop_assert!(!was_over || told.is_empty());
        }
        prop_assert!(outcomes <= 1);
        prop_assert_eq!(outcomes == 1, order.is_over());
    }
}
