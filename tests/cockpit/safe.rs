//! Pause and abort are never blocked by what is not theirs; all other deeds are, and say by what.

use std::path::PathBuf;
use std::time::Duration;

use pilothouse::app::state::Mode;
use pilothouse::sim::api::prometheus_fault::PrometheusFault;
use pilothouse::sim::fault::{Fault, Verb, What};

use crate::rig::{Rig, Wishes};
use crate::sabotage::Harm;

const SECONDS: Duration = Duration::from_secs(20);

async fn canary(change: impl FnOnce(&mut Wishes)) -> Rig {
    let mut wishes = Wishes::of("canary-errors");
    change(&mut wishes);
    let rig = Rig::new(wishes).await;
    rig.sees("pause 10m", SECONDS).await;
    rig
}

/// A folder on which nothing can be written.
fn no_disk(wishes: &mut Wishes) {
    wishes.audit = Some(PathBuf::from("/dev/null/pilothouse"));
}

#[tokio::test(start_paused = true)]
async fn pause_and_abort_go_without_record_and_say_so_loudly() {
    for (key, word) in [("z", "pause"), ("a", "abort")] {
        let rig = canary(no_disk).await;
        rig.press(key).await;
        rig.seconds(1).await;
        rig.press("y").await;
        let screen = rig.sees("NOT RECORDED", SECONDS).await;
        assert!(!screen.has("refused"), "{}", screen.text());
        rig.sees(&format!("✓ {word} arrived"), SECONDS).await;
        assert_eq!(rig.patches("east").len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn any_other_deed_is_refused_when_it_cannot_be_recorded() {
    let rig = canary(no_disk).await;
    rig.press("m").await;
    rig.press("p").await;
    rig.sees("dry run accepted", SECONDS).await;
    rig.press("y").await;
    let screen = rig.sees("✗ refused", SECONDS).await;
    assert!(screen.has("audit"), "{}", screen.text());
    rig.seconds(5).await;
    assert_eq!(rig.patches("east"), []);
}

#[tokio::test(start_paused = true)]
async fn pause_and_abort_go_when_prometheus_is_down() {
    for (key, word) in [("z", "pause"), ("a", "abort")] {
        let rig = canary(|_| ()).await;
        rig.prometheus("east", PrometheusFault::Hang, 600);
        rig.seconds(20).await;
        rig.press(key).await;
        rig.press("y").await;
        rig.sees(&format!("✓ {word} arrived"), SECONDS).await;
        assert_eq!(rig.patches("east").len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn pause_and_abort_do_not_wait_for_a_rehearsal_that_hangs_and_promote_does() {
    let rig = canary(|_| ()).await;
    rig.press("m").await;
    rig.sabotage.harm("PATCH", "dryRun", Harm::Hang);
    rig.press("p").await;
    rig.press("y").await;
    rig.seconds(2).await;
    assert_eq!(rig.patches("east"), [], "a promote waits for its rehearsal");
    rig.press("esc").await;
    rig.press("a").await;
    rig.press("y").await;
    rig.sees("✓ abort arrived", SECONDS).await;
    assert_eq!(rig.patches("east").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_abort_whose_read_hangs_goes_without_a_version_after_two_seconds() {
    let rig = canary(|_| ()).await;
    rig.press("a").await;
    rig.sees("dry run accepted", SECONDS).await;
    let object = "/namespaces/shop/rollouts/web";
    rig.sabotage.harm("GET", object, Harm::Hang);
    rig.press("y").await;
    rig.seconds(1).await;
    assert_eq!(rig.patches("east"), []);
    rig.seconds(2).await;
    rig.sabotage.end();
    rig.sees("✓ abort arrived", SECONDS).await;
    let patches = rig.patches("east");
    assert_eq!(patches.len(), 1);
    assert!(patches[0].body["metadata"]["resourceVersion"].is_null(), "{}", patches[0].body);
}

#[tokio::test(start_paused = true)]
async fn a_pause_goes_on_stale_facts_and_a_promote_does_not() {
    let rig = canary(|_| ()).await;
    rig.press("m").await;
    // The watch and the heartbeat are dead; single requests still pass.
    rig.fault("east", Fault::new(What::Silence).on(Verb::Watch, "rollouts"));
    rig.fault("east", Fault::new(What::Silence).on(Verb::Get, "/readyz"));
    rig.fault("east", Fault::new(What::Silence).on(Verb::Get, "/livez"));
    rig.fault("east", Fault::new(What::Silence).on(Verb::Get, "/version"));
    rig.fault("east", Fault::new(What::Silence).on(Verb::List, "rollouts"));
    rig.seconds(30).await;
    rig.press("p").await;
    rig.seconds(2).await;
    rig.press("y").await;
    let screen = rig.screen().await;
    assert!(screen.has("✗ refused"), "{}", screen.text());
    assert_eq!(rig.patches("east"), []);
    rig.press("esc").await;
    rig.press("z").await;
    rig.press("y").await;
    rig.seconds(3).await;
    assert_eq!(rig.patches("east").len(), 1);
    assert_eq!(rig.rollout("east", "shop/web")["spec"]["paused"], true);
}

#[tokio::test(start_paused = true)]
async fn read_only_refuses_even_abort_before_anything_is_sent() {
    let rig = canary(|wishes| wishes.mode = Mode::ReadOnly).await;
    rig.press("a").await;
    rig.seconds(2).await;
    rig.press("y").await;
    let screen = rig.screen().await;
    assert!(screen.has("read-only"), "{}", screen.text());
    rig.seconds(5).await;
    assert_eq!(rig.patches("east"), []);
}
