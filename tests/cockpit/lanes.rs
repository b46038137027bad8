//! The fleet's time axis over the simulator's world: what a cluster and our files still tell is asked for when it opens, and
//! an operator finds out what changed before something failed, opens it, and comes back.

use std::time::Duration;

use pilothouse::sim::kind::Kind;
use serde_json::json;

use crate::rig::{Rig, Wishes};
use crate::sabotage::Harm;

const SECONDS: Duration = Duration::from_secs(20);
const MINUTE: Duration = Duration::from_mins(1);

/// An Event of a rollout that nothing follows, ten minutes before the story begins.
fn remember(rig: &Rig, message: &str) {
    let uid = rig.rollout("eu", "search/query")["metadata"]["uid"].clone();
    let event = json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": { "name": "query.1", "namespace": "search" },
        "involvedObject": {
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "namespace": "search",
            "name": "query", "uid": uid,
        },
        "type": "Warning", "reason": "RolloutAborted", "message": message, "count": 1,
        "firstTimestamp": "2026-01-01T11:50:00Z", "lastTimestamp": "2026-01-01T11:50:00Z",
        "eventTime": null, "source": { "component": "rollouts-controller" },
    });
    rig.world.change(|world| {
        world.cluster("eu").unwrap().store.create(Kind::Event, event).unwrap();
    });
}

#[tokio::test(start_paused = true)]
async fn what_a_cluster_still_tells_is_asked_for_when_the_axis_opens() {
    let rig = Rig::of("demo").await;
    rig.seconds(5).await;
    remember(&rig, "aborted long before we came");
    rig.press("e").await;
    for key in ["/", "q", "u", "e", "r", "y", "space", "e", "u", "enter"] {
        rig.press(key).await;
    }
    let screen = rig
        .until("the abort is marked", SECONDS, |screen| screen.line("search/query").contains('✗'));
    let screen = screen.await.0;
    assert!(screen.has("watched since 12:00"), "{}", screen.text());
    rig.press("home").await;
    rig.press("right").await;
    let mut told = rig.screen().await;
    for _ in 0..20 {
        if told.has("aborted long before we came") && told.has("11:50:00") {
            break;
        }
        rig.press("right").await;
        told = rig.screen().await;
    }
    assert!(told.has("✗ RolloutAborted: aborted long before we came"), "{}", told.text());
}

#[tokio::test(start_paused = true)]
async fn a_past_that_nobody_tells_is_said_to_be_unknown() {
    let rig = Rig::of("demo").await;
    rig.seconds(5).await;
    rig.sabotage.harm("GET", "/api/v1/events", Harm::Hang);
    rig.press("e").await;
    let asking = rig.screen().await;
    assert!(asking.has("asking for what was before"), "{}", asking.text());
    let screen = rig.sees("what was before is not all known: no answer within", MINUTE).await;
    assert!(screen.has("payments/api"), "what is known is shown\n{}", screen.text());
}

#[tokio::test(start_paused = true)]
async fn a_failing_canary_is_read_its_surroundings_too_and_one_comes_back() {
    let rig = Rig::of("demo").await;
    rig.press("e").await;
    let is_failing = |row: &str| row.contains('✗');
    rig.until("the canary fails", MINUTE * 2, |screen| is_failing(&screen.line("payments/api")))
        .await;
    for key in ["/", "p", "a", "y", "enter", "end", "left"] {
        rig.press(key).await;
    }
    let screen = rig.screen().await;
    assert!(screen.has("in the 10 min before, on all lanes"), "{}", screen.text());
    rig.press("enter").await;
    let screen = rig.sees("█ actual weight", SECONDS).await;
    assert!(screen.has("payments/api"), "{}", screen.text());
    rig.press("esc").await;
    let screen = rig.screen().await;
    assert!(screen.has("fleet timeline") && screen.has("pay"), "{}", screen.text());
    rig.press("esc").await;
    assert!(!rig.screen().await.has("fleet timeline ·"));
}

#[tokio::test(start_paused = true)]
async fn deeds_of_an_earlier_session_stand_on_the_lane_with_who_and_how_they_ended() {
    let folder = tempfile::tempdir().unwrap();
    let wishes = || Wishes { audit: Some(folder.path().to_owned()), ..Wishes::of("canary-errors") };
    let mut first = Rig::new(wishes()).await;
    first.sees("pause 10m", SECONDS).await;
    first.press("a").await;
    first.sees("dry run accepted", SECONDS).await;
    first.press("y").await;
    first.sees("✓ abort arrived", SECONDS).await;
    first.seconds(2).await;
    assert_eq!(first.leave().await, 0);

    let second = Rig::new(wishes()).await;
    second.sees("pause 10m", SECONDS).await;
    second.press("e").await;
    let screen = second.sees("admin sent abort: arrived", SECONDS).await;
    assert!(screen.line("shop/web").contains('◆'), "{}", screen.text());
}
