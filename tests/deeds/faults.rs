//! Each fault of the API server, and what the order says in the end.

use pilothouse::control::action::Action;
use pilothouse::control::order::{AttemptAnswer, Order, OrderState, Outcome};
use pilothouse::sim::fault::{Fault, Verb, What};

use super::rig::Rig;

fn fault(what: What, count: u32) -> Fault {
    Fault {
        what,
        after_ms: 0,
        for_ms: None,
        count: Some(count),
        verb: Some(Verb::Patch),
        resource: Some("rollouts".to_owned()),
        name: None,
    }
}

/// The first word of each answer.
fn answers(order: &Order) -> Vec<&'static str> {
    let word = |answer: &AttemptAnswer| match answer {
        AttemptAnswer::Accepted { .. } => "accepted",
        AttemptAnswer::Conflict => "conflict",
        AttemptAnswer::Rejected { .. } => "rejected",
        AttemptAnswer::NoAnswer(_) => "silence",
        AttemptAnswer::NeverLeft(_) => "never left",
    };
    order.attempts.iter().map(|attempt| word(&attempt.answer)).collect()
}

fn outcome(order: &Order) -> String {
    let OrderState::Ended(outcome) = &order.state else { panic!("{order:#?}") };
    let message = outcome.message().map_or(String::new(), |words| format!(": {words}"));
    format!("{}{message}", outcome.name())
}

#[tokio::test(start_paused = true)]
async fn without_faults_a_pause_is_one_write_and_arrives() {
    let mut rig = Rig::new().await;
    assert!(rig.knows_its_target());
    let order = rig.deed(Action::Pause, &[]).await;
    assert_eq!(order.state, OrderState::Ended(Outcome::Arrived), "{order:#?}");
    assert_eq!(rig.witnessed(), [200]);
    assert_eq!(rig.object()["metadata"]["annotations"]["pilothouse.dev/order"], "o-1");
    assert_eq!(rig.recorded().await, ["intent", "attempt", "outcome"]);
    assert_eq!(rig.marks().await, ["o-1"], "the mark vouches for the intent");
}

#[tokio::test(start_paused = true)]
async fn every_fault_ends_with_the_truth_and_at_most_one_effect() {
    let status = |code| What::Status { code, retry_after: Some(3_600) };
    for (what, answered, ended, paused) in [
        (What::LostResponse, &["silence"][..], "arrived", true),
        (What::BrokenResponse, &["silence"], "arrived", true),
        (What::Truncated, &["silence"], "arrived", true),
        (What::Duplicated, &["accepted"], "arrived", true),
        (What::Slow { ms: 5_000 }, &["accepted"], "arrived", true),
        (What::Slow { ms: 25_000 }, &["silence"], "was not applied", false),
        (What::LostRequest, &["silence"], "was not applied", false),
        (What::Html { code: 200 }, &["silence"], "was not applied", false),
        (What::Html { code: 502 }, &["silence"], "was not applied", false),
        (status(500), &["silence"], "was not applied", false),
        (status(503), &["silence"], "was not applied", false),
        (status(504), &["silence"], "was not applied", false),
        (status(409), &["conflict", "accepted"], "arrived", true),
        (status(429), &["rejected", "accepted"], "arrived", true),
        (status(403), &["rejected"], "failed: the server refused it (403)", false),
    ] {
        let mut rig = Rig::new().await;
        let order = rig.deed(Action::Pause, &[fault(what.clone(), 1)]).await;
        assert_eq!(answers(&order), answered, "{what:?}");
        assert!(outcome(&order).contains(ended), "{what:?}: {}", outcome(&order));
        assert_eq!(rig.is_paused(), paused, "{what:?}");
        // Each write that has an effect makes another generation.
        let generation = rig.object()["metadata"]["generation"].as_u64().unwrap();
        assert_eq!(generation, 1 + u64::from(paused), "{what:?}");
        assert!(rig.witnessed().len() <= 2, "{what:?}: {:?}", rig.witnessed());
        assert_eq!(rig.recorded().await.last(), Some(&"outcome"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_breaks_in_the_same_moment_still_finds_the_mark() {
    for cut in [What::WatchCut, What::WatchEnd, What::WatchGone, What::Compaction] {
        let mut rig = Rig::new().await;
        let watches =
            Fault { verb: None, resource: None, for_ms: Some(20_000), ..fault(cut.clone(), 9) };
        let order = rig.deed(Action::Pause, &[fault(What::LostResponse, 1), watches]).await;
        assert_eq!(outcome(&order), "arrived", "{cut:?}");
        assert_eq!(rig.witnessed(), [200], "{cut:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_network_that_swallows_everything_for_half_a_minute_is_survived() {
    let mut rig = Rig::new().await;
    let silence = Fault {
        verb: None,
        resource: None,
        count: None,
        for_ms: Some(30_000),
        ..fault(What::Silence, 1)
    };
    let order = rig.deed(Action::Pause, &[silence]).await;
    // What came in meanwhile is served when it is over: the write may have been, and we say what is so.
    let applied = rig.is_paused();
    let told = outcome(&order);
    assert_eq!(told.contains("arrived") || told.contains("probably"), applied, "{told}");
    assert!(rig.witnessed().len() <= 1);
}

#[tokio::test(start_paused = true)]
async fn any_other_deed_is_not_sent_when_its_read_fails() {
    let mut rig = Rig::new().await;
    let no_read = Fault { verb: Some(Verb::Get), ..fault(What::LostRequest, 9) };
    let order = rig.deed(Action::Restart, &[no_read]).await;
    assert!(outcome(&order).starts_with("not-sent"), "{}", outcome(&order));
    assert!(rig.witnessed().is_empty());
}
