//! Facts that cannot be renewed are shown as old, and the trouble of one cluster or of its Prometheus is only its own.

use std::time::Duration;

use pilothouse::sim::api::prometheus_fault::PrometheusFault;
use pilothouse::sim::fault::{Fault, What};
use pilothouse::ui::theme::Role;

use crate::eye::Painted;
use crate::rig::{Rig, Theirs};
use crate::sabotage::Harm;

const SECONDS: Duration = Duration::from_secs(20);
const MINUTE: Duration = Duration::from_mins(1);

/// Two clusters with a canary each.
const TWO: &str = r#"
title = "two clusters"
lived = "10m"
clusters = [{ name = "east" }, { name = "west" }]

[[workloads]]
name = "shop/web"
clusters = ["east"]
image = "registry.example.test/shop/web"
tags = ["1"]
strategy.canary.steps = ["weight 25", "pause 10m"]

[[workloads]]
name = "shop/till"
clusters = ["west"]
image = "registry.example.test/shop/till"
tags = ["1"]
strategy.canary.steps = ["weight 25", "pause 10m"]

[[acts]]
at = "-2m"
cluster = "east"
workload = "shop/web"
do.release = "2"

[[acts]]
at = "-2m"
cluster = "west"
workload = "shop/till"
do.release = "2"
"#;

/// How the state in the row of `shop/till` is painted.
fn row_role(screen: &Painted) -> Option<Role> {
    screen.role_in("shop/till", "2/2")
}

#[tokio::test(start_paused = true)]
async fn a_frozen_cluster_is_painted_as_old_within_fifteen_seconds_and_recovers_alone() {
    let rig = Rig::of(TWO).await;
    rig.until("both are there", SECONDS, |screen| {
        screen.has("shop/web") && screen.has("shop/till")
    })
    .await;
    rig.seconds(5).await;
    assert_ne!(row_role(&rig.screen().await), Some(Role::Stale));
    rig.fault("west", Fault::new(What::Silence).lasting(30_000));
    let (screen, waited) =
        rig.until("the rows are old", MINUTE, |screen| row_role(screen) == Some(Role::Stale)).await;
    assert!(waited <= Duration::from_secs(15), "{waited:?}");
    assert!(screen.has("east ●") && !screen.has("west ●"), "{}", screen.text());
    assert_ne!(screen.role("shop/web"), Some(Role::Stale), "{}", screen.text());
    rig.seconds(10).await;
    assert!(rig.screen().await.has("east ●"), "the other one stays live");
    for _ in 0..2 {
        // Whichever row the operator stands on: what is said of it is old.
        rig.press("down").await;
        let line = rig.screen().await;
        assert_eq!(row_role(&line), Some(Role::Stale), "{}", line.text());
    }
    let left = Duration::from_millis(29_600).saturating_sub(waited + Duration::from_secs(10));
    rig.pass(left).await;
    let (screen, healed) = rig
        .until("it is live again", MINUTE, |screen| {
            screen.has("west ●") && row_role(screen) != Some(Role::Stale)
        })
        .await;
    assert!(healed <= Duration::from_secs(10), "{healed:?}\n{}", screen.text());
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_dead_from_the_start_leaves_the_other_one_live() {
    for what in [
        What::Silence,
        What::Status { code: 500, retry_after: None },
        What::Html { code: 200 },
        What::TokenExpired,
    ] {
        let rig =
            Rig::upset(TWO, |theirs: &Theirs| theirs.fault("west", Fault::new(what.clone()))).await;
        let screen = rig.sees("shop/web", SECONDS).await;
        assert!(screen.has("east ●"), "{what:?}\n{}", screen.text());
        rig.seconds(30).await;
        let screen = rig.screen().await;
        assert!(screen.has("east ●") && !screen.has("west ●"), "{what:?}\n{}", screen.text());
        assert!(!screen.has("shop/till"), "{what:?}\n{}", screen.text());
        rig.press("z").await;
        rig.press("y").await;
        rig.sees("✓ pause arrived", SECONDS).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_prometheus_cannot_tell_is_painted_as_what_it_is_and_never_as_zero_or_pass() {
    for (fault, told) in [
        (PrometheusFault::NotANumber, "NaN"),
        (PrometheusFault::Empty, "no data"),
        (PrometheusFault::LoginPage, "not Prometheus"),
        (PrometheusFault::Hang, "no answer within"),
        (PrometheusFault::Timeout, "time"),
        (PrometheusFault::Truncated, "not understood"),
        (PrometheusFault::Status { code: 503, retry_after: None }, "503"),
    ] {
        let wrong = |theirs: &Theirs| theirs.prometheus("east", fault.clone(), 600);
        let rig = Rig::upset("canary-errors", wrong).await;
        // Nor can the pods themselves.
        rig.sabotage.harm("GET", "/proxy/", Harm::Hang);
        rig.sees("pause 10m", SECONDS).await;
        rig.press("enter").await;
        rig.seconds(40).await;
        let screen = rig.screen().await;
        let text = screen.text();
        assert!(screen.has(told), "{fault:?} {told}\n{text}");
        for words in ["✓ pass", "0 % against", "0 ms", "0/s"] {
            assert!(!screen.has(words), "{fault:?} {words}\n{text}");
        }
        assert!(screen.has("east ●"), "{fault:?}\n{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_number_that_prometheus_told_before_it_went_is_shown_with_its_age() {
    let rig = Rig::of("canary-errors").await;
    rig.sees("pause 10m", SECONDS).await;
    rig.press("enter").await;
    rig.sees("errors  ✓ pass", MINUTE * 8).await;
    rig.prometheus("east", PrometheusFault::Hang, 600);
    rig.sabotage.harm("GET", "/proxy/", Harm::Hang);
    rig.seconds(40).await;
    let screen = rig.screen().await;
    assert!(!screen.has("✓ pass"), "an old number passes nobody\n{}", screen.text());
    assert!(screen.line("errors  ◌ inconclusive").contains("◌ >10s old"), "{}", screen.text());
    assert!(screen.line("why ").contains("◌ inconclusive >10s old"), "{}", screen.text());
    assert!(screen.has("▲ no answer within"), "{}", screen.text());
    assert!(screen.has("nor do the pods tell: "), "{}", screen.text());
    assert_eq!(screen.role("◌ >10s old"), Some(Role::Stale));
}

#[tokio::test(start_paused = true)]
async fn a_source_whose_task_panics_says_so_and_is_started_again() {
    // The watches of the fleet, those of pods alone, and the heartbeat.
    for part in ["watch=", "/pods?", "/readyz"] {
        let rig = Rig::of("canary-errors").await;
        rig.sees("pause 10m", SECONDS).await;
        rig.sabotage.harm("GET", part, Harm::Panic);
        rig.fault("east", Fault::new(What::WatchCut).lasting(1_000));
        rig.seconds(20).await;
        assert!(rig.sabotage.count() > 0, "{part}");
        let screen = rig.screen().await;
        assert!(part == "/pods?" || !screen.has("east ●"), "{part}\n{}", screen.text());
        rig.sabotage.end();
        rig.until("it is live again", MINUTE, |screen| screen.has("east ●")).await;
        rig.edit("east", "shop/web", |object| object["spec"]["paused"] = true.into());
        rig.sees("paused", SECONDS).await;
    }
}

#[tokio::test(start_paused = true)]
async fn where_prometheus_is_gone_the_pods_themselves_are_counted() {
    let rig = Rig::of("canary-errors").await;
    rig.sees("pause 10m", SECONDS).await;
    rig.press("enter").await;
    rig.seconds(30).await;
    rig.prometheus("east", PrometheusFault::Hang, 600);
    let (screen, waited) = rig
        .until("the pods tell", MINUTE, |screen| screen.has("counted straight from the pods"))
        .await;
    assert!(waited <= SECONDS, "{waited:?}");
    assert!(screen.has("no answer within"), "{}", screen.text());
    // They go on telling, and nothing that is shown is old.
    rig.seconds(60).await;
    let screen = rig.screen().await;
    assert!(screen.has("counted straight from the pods") && !screen.has("◌"), "{}", screen.text());
}
