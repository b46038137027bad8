//! The main story: a canary goes bad, is seen, opened, aborted, and arrives; and what "arrived" is not.

use std::time::Duration;

use pilothouse::sim::controllers::life::Activity;

use crate::rig::Rig;

const MINUTE: Duration = Duration::from_mins(1);
const SECONDS: Duration = Duration::from_secs(20);

#[tokio::test(start_paused = true)]
async fn a_bad_canary_is_needed_opened_charted_aborted_and_seen_to_arrive() {
    let mut rig = Rig::of("demo").await;
    rig.seconds(5).await;
    let screen = rig.screen().await;
    // Nothing is a pass before there is enough evidence.
    assert!(!screen.line("payments/api").contains("✓ pass"), "{}", screen.text());
    let is_failing = |row: &str| row.contains("failing") && row.contains("errors");
    rig.until("the canary needs a human", MINUTE * 2, |screen| {
        is_failing(&screen.line("payments/api"))
    })
    .await;
    rig.press("/").await;
    rig.write("payments").await;
    rig.press("enter").await;
    rig.press("enter").await;
    let screen = rig.sees("METRICS", SECONDS).await;
    for words in ["payments/api · eu", "STEPS  4 of 6", "canary 1.43.0"] {
        assert!(screen.has(words), "{words}\n{}", screen.text());
    }
    rig.until("canary and stable are charted", SECONDS, |screen| {
        let chart = screen.text();
        let chart = chart.split("errors  ✗ fail").nth(1).unwrap_or_default();
        chart.contains('█') && chart.contains('_') && chart.contains('╌')
    })
    .await;
    rig.press("a").await;
    let screen = rig.sees("dry run accepted", SECONDS).await;
    for words in [
        "abort payments/api · eu",
        "all traffic goes back to revision 4",
        r#""abort": true"#,
        "merge patch rollouts/status payments/api",
    ] {
        assert!(screen.has(words), "{words}\n{}", screen.text());
    }
    assert_eq!(rig.patches("eu"), [], "a dialog writes nothing");
    rig.press("y").await;
    let screen = rig.screen().await;
    assert!(!screen.has("arrived"), "{}", screen.text());
    rig.sees("✓ abort arrived", SECONDS).await;

    let patches = rig.patches("eu");
    let [patch] = &patches[..] else { panic!("{patches:#?}") };
    assert_eq!((patch.code, &patch.object["subresource"]), (200, &"status".into()));
    assert!(patch.body["metadata"]["resourceVersion"].is_string(), "{}", patch.body);
    assert!(rig.rollout("eu", "payments/api")["status"]["abortedAt"].is_string());
    rig.seconds(2).await;
    assert_eq!(rig.recorded(), ["intent", "attempt", "outcome"]);
    let outcome = rig.records().pop().unwrap();
    assert_eq!((&outcome["outcome"], &outcome["identity"]), (&"arrived".into(), &"admin".into()));
    let events = rig.events("eu", "payments/api");
    assert!(matches!(&events[..], [one] if one.contains("abort: arrived")), "{events:?}");
    assert_eq!(rig.leave().await, 0);
}

#[tokio::test(start_paused = true)]
async fn an_order_has_arrived_only_when_the_watch_says_that_the_controller_acted() {
    let rig = Rig::of("canary-errors").await;
    rig.sees("shop/web", SECONDS).await;
    rig.world.change(|world| world.cluster("east").unwrap().set_activity(Activity::Stopped));
    rig.press("a").await;
    rig.press("y").await;
    rig.seconds(15).await;
    assert_eq!(rig.patches("east").len(), 1);
    let screen = rig.screen().await;
    assert!(!screen.has("abort arrived"), "200 is no arrival\n{}", screen.text());
    rig.sees("stalled", MINUTE).await;
    assert_eq!(rig.patches("east").len(), 1, "nothing is sent again");
    assert_eq!(rig.recorded(), ["intent", "attempt", "outcome"]);
}
