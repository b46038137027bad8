//! What becomes of an order when the answer to its write is lost, late or a refusal: the truth is told, nothing is sent
//! a second time.

use std::time::Duration;

use pilothouse::sim::fault::{Fault, Verb, What};

use crate::rig::Rig;

const SECONDS: Duration = Duration::from_secs(20);

async fn canary() -> Rig {
    let rig = Rig::of("canary-errors").await;
    rig.sees("pause 10m", SECONDS).await;
    rig
}

/// The codes of our patches as the server's own witness has them.
fn codes(rig: &Rig) -> Vec<u16> {
    rig.patches("east").iter().map(|patch| patch.code).collect()
}

/// Pauses by hand, with this wrong at the moment of the write.
async fn pause(rig: &Rig, faults: &[Fault]) {
    rig.press("z").await;
    rig.sees("dry run accepted", SECONDS).await;
    for fault in faults {
        rig.fault("east", fault.clone());
    }
    rig.press("y").await;
}

fn of_the_write(what: What) -> Fault {
    Fault::new(what).times(1).on(Verb::Patch, "rollouts")
}

#[tokio::test(start_paused = true)]
async fn a_frozen_server_makes_the_order_unknown_until_the_mark_is_found() {
    let rig = canary().await;
    let frozen = Fault::new(What::Silence).on(Verb::Watch, "rollouts").lasting(18_000);
    pause(&rig, &[of_the_write(What::LostResponse), frozen]).await;
    rig.seconds(8).await;
    assert!(!rig.screen().await.has("unknown"), "nobody knows yet, and the time is not over");
    let screen = rig.sees("pause unknown", SECONDS).await;
    assert!(screen.has("it may have happened"), "{}", screen.text());
    rig.sees("✓ pause arrived", SECONDS).await;
    assert_eq!(codes(&rig), [200], "never a second write");
    assert_eq!(rig.recorded(), ["intent", "attempt", "outcome"]);
    assert_eq!(rig.records().pop().unwrap()["outcome"], "arrived");
}

#[tokio::test(start_paused = true)]
async fn a_second_deed_waits_while_one_is_unknown_and_a_safe_one_does_not() {
    let rig = canary().await;
    rig.press("m").await;
    let frozen = Fault::new(What::Silence).on(Verb::Watch, "rollouts").lasting(25_000);
    pause(&rig, &[of_the_write(What::LostRequest), frozen]).await;
    rig.sees("pause unknown", SECONDS).await;
    rig.press("R").await;
    rig.sees("has not been answered", SECONDS).await;
    rig.press("a").await;
    assert!(rig.screen().await.has("y abort it"), "{}", rig.screen().await.text());
}

#[tokio::test(start_paused = true)]
async fn a_write_that_never_came_in_is_told_as_not_applied_and_never_sent_again() {
    let rig = canary().await;
    pause(&rig, &[of_the_write(What::LostRequest)]).await;
    rig.sees("pause unknown", SECONDS).await;
    rig.touch("east", "shop/web");
    rig.until("the watch decides", SECONDS, |screen| !screen.has("pause unknown")).await;
    assert!(codes(&rig).is_empty(), "it never reached the server");
    assert_ne!(rig.rollout("east", "shop/web")["spec"]["paused"], true);
    let outcome = rig.records().pop().unwrap();
    assert_ne!(outcome["outcome"], "arrived", "{outcome}");
}

#[tokio::test(start_paused = true)]
async fn an_error_after_the_request_left_is_unknown_and_never_sent_again() {
    for what in [
        What::Status { code: 500, retry_after: None },
        What::Status { code: 504, retry_after: Some(1) },
        What::Html { code: 502 },
    ] {
        let rig = canary().await;
        pause(&rig, &[of_the_write(what.clone())]).await;
        rig.sees("pause unknown", SECONDS).await;
        // The next write of anybody proves that ours never can be applied.
        rig.touch("east", "shop/web");
        rig.seconds(5).await;
        assert!(codes(&rig).len() <= 1, "{what:?}: {:?}", codes(&rig));
        assert_ne!(rig.rollout("east", "shop/web")["spec"]["paused"], true);
        let records = rig.records();
        assert_eq!(rig.recorded(), ["intent", "attempt", "outcome"], "{what:?}");
        assert_ne!(records[2]["outcome"], "arrived", "{what:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_conflict_proves_that_nothing_was_written_and_is_read_and_sent_again() {
    let rig = canary().await;
    pause(&rig, &[of_the_write(What::Status { code: 409, retry_after: None }).times(2)]).await;
    rig.sees("✓ pause arrived", SECONDS).await;
    assert_eq!(codes(&rig), [409, 409, 200]);
    rig.seconds(2).await;
    assert_eq!(rig.recorded(), ["intent", "attempt", "attempt", "attempt", "outcome"]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_server_is_told_with_its_code() {
    let rig = canary().await;
    pause(&rig, &[of_the_write(What::Status { code: 403, retry_after: None })]).await;
    let screen = rig.sees("pause failed", SECONDS).await;
    assert!(screen.has("403"), "{}", screen.text());
    rig.seconds(10).await;
    assert_eq!(codes(&rig), [403]);
    assert_eq!(rig.records().pop().unwrap()["outcome"], "failed");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_breaks_in_the_same_moment_still_finds_the_mark() {
    for cut in [What::WatchCut, What::WatchGone] {
        let rig = canary().await;
        let cut = Fault::new(cut).lasting(3_000);
        pause(&rig, &[of_the_write(What::LostResponse), cut]).await;
        rig.sees("✓ pause arrived", SECONDS * 2).await;
        assert_eq!(codes(&rig), [200]);
    }
}
