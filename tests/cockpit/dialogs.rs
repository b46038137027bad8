//! What reaches a dialog, and when it asks again.

use std::time::Duration;

use serde_json::json;

use crate::rig::{Rig, Wishes};

const SECONDS: Duration = Duration::from_secs(20);

async fn canary() -> Rig {
    let rig = Rig::of("canary-errors").await;
    rig.sees("pause 10m", SECONDS).await;
    rig
}

/// How often the server was asked what it would say.
fn rehearsals(rig: &Rig) -> usize {
    rig.world.change(|world| {
        let writes = world.cluster("east").unwrap().audit.writes();
        writes.filter(|write| write.verb == "patch" && write.is_dry_run()).count()
    })
}

#[tokio::test(start_paused = true)]
async fn keys_that_were_queued_before_a_dialog_opened_never_reach_it() {
    let rig = canary().await;
    rig.press_at_once(&["a", "y", "y", "enter"]).await;
    rig.seconds(3).await;
    assert!(rig.screen().await.has("y abort it"), "{}", rig.screen().await.text());
    assert_eq!(rig.patches("east"), []);
    rig.press("y").await;
    rig.sees("✓ abort arrived", SECONDS).await;
    assert_eq!(rig.patches("east").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_paste_answers_no_dialog() {
    let rig = canary().await;
    rig.press("a").await;
    rig.paste("y").await;
    rig.seconds(3).await;
    assert_eq!(rig.patches("east"), []);
    assert!(rig.screen().await.has("y abort it"));
}

#[tokio::test(start_paused = true)]
async fn a_double_enter_sends_once() {
    let rig = canary().await;
    rig.press("m").await;
    rig.press("R").await;
    rig.sees("dry run accepted", SECONDS).await;
    rig.write("we").await;
    rig.press_at_once(&["enter", "enter"]).await;
    assert_eq!(rig.patches("east"), [], "half a name is no name");
    rig.write("b").await;
    rig.press_at_once(&["enter", "enter", "enter"]).await;
    rig.seconds(5).await;
    let sent: Vec<u16> = rig.patches("east").iter().map(|patch| patch.code).collect();
    assert_eq!(sent, [200]);
    assert_eq!(rig.recorded().iter().filter(|kind| *kind == "intent").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_double_yes_sends_once() {
    let rig = canary().await;
    rig.press("z").await;
    rig.press_at_once(&["y", "y", "y"]).await;
    rig.seconds(3).await;
    assert_eq!(rig.patches("east").len(), 1);
    assert_eq!(rig.rollout("east", "shop/web")["spec"]["paused"], true);
}

#[tokio::test(start_paused = true)]
async fn a_new_version_of_the_object_alone_changes_nothing_in_the_dialog() {
    let rig = canary().await;
    rig.press("a").await;
    rig.sees("dry run accepted", SECONDS).await;
    let before = rig.rollout("east", "shop/web")["metadata"]["resourceVersion"].clone();
    for _ in 0..3 {
        rig.touch("east", "shop/web");
        rig.seconds(1).await;
    }
    let screen = rig.screen().await;
    assert!(!screen.has("changed"), "{}", screen.text());
    assert_eq!(rehearsals(&rig), 1);
    rig.press("y").await;
    rig.sees("✓ abort arrived", SECONDS).await;
    let patches = rig.patches("east");
    assert_eq!(patches.len(), 1);
    let sent_with = &patches[0].body["metadata"]["resourceVersion"];
    assert_ne!(*sent_with, before, "the version is the one just read");
}

#[tokio::test(start_paused = true)]
async fn the_dialog_asks_again_when_the_step_moved() {
    let rig = Rig::new(Wishes::of("approval")).await;
    rig.sees("shop/web", SECONDS).await;
    choose(&rig, "web").await;
    rig.press("a").await;
    rig.sees("dry run accepted", SECONDS).await;
    // Somebody else promotes, and the controller goes to the next pause.
    rig.edit("east", "shop/web", |object| object["status"]["pauseConditions"] = json!(null));
    let screen = rig.sees("changed", SECONDS).await;
    assert!(screen.line("changed").contains("step"), "{}", screen.text());
    assert_eq!(rig.patches("east"), []);
    assert!(rehearsals(&rig) >= 2, "the new plan is rehearsed");
    rig.seconds(5).await;
    rig.press("y").await;
    rig.sees("✓ abort arrived", SECONDS).await;
    assert_eq!(rig.patches("east").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_dialog_asks_again_when_another_version_is_wanted() {
    let rig = canary().await;
    rig.press("a").await;
    rig.sees("dry run accepted", SECONDS).await;
    rig.edit("east", "shop/web", |object| {
        object["spec"]["template"]["spec"]["containers"][0]["image"] =
            json!("registry.example.test/shop/web:3");
        let generation = object["metadata"]["generation"].as_i64().unwrap();
        object["metadata"]["generation"] = json!(generation + 1);
    });
    rig.sees("changed", SECONDS).await;
    assert_eq!(rig.patches("east"), []);
    assert!(rehearsals(&rig) >= 2, "the new plan is rehearsed");
}

/// Selects a rollout by typing its name.
pub(crate) async fn choose(rig: &Rig, name: &str) {
    rig.press("/").await;
    rig.write(name).await;
    rig.press("enter").await;
}

#[tokio::test(start_paused = true)]
async fn a_comment_changes_nothing_and_is_told_to_all() {
    let rig = Rig::new(Wishes::of("approval")).await;
    rig.sees("shop/web", SECONDS).await;
    choose(&rig, "web").await;
    rig.press("m").await;
    rig.press("w").await;
    rig.press("c").await;
    rig.sees("nothing is written", SECONDS).await;
    let before = rig.rollout("east", "shop/web");
    // Nothing is said without words, and letters of the words answer nothing.
    rig.press("tab").await;
    rig.press("y").await;
    rig.sees("write what is to be said", SECONDS).await;
    rig.press("tab").await;
    rig.write("yes,-after-the-migration").await;
    rig.seconds(2).await;
    assert_eq!(rig.recorded(), Vec::<String>::new());
    rig.press("tab").await;
    rig.press("y").await;
    rig.sees("✓ comment arrived", SECONDS).await;
    assert_eq!(rig.patches("east"), []);
    assert_eq!(rig.rollout("east", "shop/web"), before);
    assert_eq!(rig.recorded(), ["intent", "outcome"]);
    // Whoever looks at the gate reads it, with this program or with kubectl.
    let screen = rig.sees("said", SECONDS).await;
    assert!(screen.line("said").contains("yes,-after-the-migration"), "{}", screen.text());
    let told = rig.events("east", "shop/web");
    assert!(told.iter().any(|it| it.contains("yes,-after-the-migration")), "{told:?}");
}

/// The canary that goes bad two minutes after the start.
async fn failing() -> Rig {
    let rig = canary().await;
    rig.press("m").await;
    rig.sees("failing", SECONDS * 15).await;
    rig
}

#[tokio::test(start_paused = true)]
async fn a_failing_canary_is_moved_on_only_by_its_name_and_with_a_reason() {
    let rig = failing().await;
    rig.press("p").await;
    let screen = rig.sees("dry run accepted", SECONDS).await;
    assert!(screen.has("the canary fails: errors worse than stable"), "{}", screen.text());
    rig.press_at_once(&["y", "enter"]).await;
    rig.seconds(3).await;
    assert_eq!(rig.patches("east"), []);
    rig.press("ctrl-u").await;
    rig.write("web").await;
    rig.press("enter").await;
    rig.sees("a reason is needed", SECONDS).await;
    assert_eq!(rig.patches("east"), []);
    rig.press("tab").await;
    rig.write("known-and-harmless").await;
    rig.press("tab").await;
    rig.press("enter").await;
    rig.seconds(3).await;
    assert_eq!(rig.patches("east").len(), 1);
    let intent = rig.records().into_iter().find(|it| it["kind"] == "intent").unwrap();
    assert_eq!(intent["reason"], "known-and-harmless");
    // The way back asks for nothing.
    let rig = failing().await;
    rig.press("a").await;
    rig.seconds(1).await;
    rig.press("y").await;
    rig.sees("✓ abort arrived", SECONDS).await;
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_begins_to_fail_behind_the_dialog_is_told_there() {
    let rig = canary().await;
    rig.press("m").await;
    rig.press("p").await;
    rig.sees("dry run accepted", SECONDS).await;
    let screen = rig.sees("the canary fails now", SECONDS * 15).await;
    assert!(screen.has("changed"), "{}", screen.text());
    rig.press("y").await;
    rig.seconds(3).await;
    assert_eq!(rig.patches("east"), [], "a yes that was meant for another sight is none");
}
