//! Deeds while a part of the plane is stopped: nobody else may use it then.

use std::ffi::OsStr;
use std::process::Command;

use pilothouse::control::action::Action;
use pilothouse::control::order::{AttemptAnswer, OrderState, Outcome};
use serde_json::json;

use super::manifests::canary;
use super::pilot::Pilot;
use super::plane::Plane;

/// Freezes a part of the plane while a deed is sent, lets it go, and follows the order to its end.
async fn frozen(plane: &Plane, tool: &OsStr, component: &str, action: Action) {
    let live = |verb: &str| {
        let done = Command::new(tool).args([verb, &plane.context, component]).status().unwrap();
        assert!(done.success());
    };
    let name = format!("nine-{component}");
    let asked = plane.asked();
    plane.create("rollouts", &canary(&name, &json!([{"setWeight": 25}, {"pause": {}}]))).await;
    plane.phase(&name, "Healthy").await;
    let mut pilot = Pilot::start(plane, &plane.context);
    let target = pilot.rollout(&name);
    pilot.until(&target, |_| true).await;
    let plan = pilot.plan(action, &target).unwrap();
    live("freeze");
    let mut order = pilot.send(plan).await;
    while matches!(order.state, OrderState::Sending) {
        pilot.step(&mut order).await;
    }
    // A network that swallows the new connection proves that nothing left; a store that is frozen proves nothing.
    match order.attempts.last().map(|it| &it.answer) {
        Some(AttemptAnswer::NoAnswer(_)) => {
            assert!(matches!(order.state, OrderState::Unknown { .. }), "{order:#?}");
        }
        Some(AttemptAnswer::NeverLeft(_)) => assert_ne!(component, "etcd"),
        other => panic!("{other:?}"),
    }
    live("thaw");
    while !order.is_over() {
        pilot.step(&mut order).await;
    }
    // Whatever the server did with it, we say what is so.
    let paused = plane.get("rollouts", &name).await["spec"]["paused"] == true;
    let OrderState::Ended(outcome) = &order.state else { panic!("{order:#?}") };
    match outcome {
        Outcome::Arrived => assert!(paused),
        Outcome::Unknown(why) => assert!(paused && why.as_str().contains("probably"), "{why}"),
        Outcome::NotSent(_) => assert!(!paused),
        Outcome::Failed(why) => {
            assert!(!paused && why.as_str().contains("was not applied"), "{why}");
        }
        Outcome::Accepted
        | Outcome::Refused(_)
        | Outcome::Stalled(_)
        | Outcome::Superseded(_)
        | Outcome::HalfDone(_) => panic!("{outcome:?}"),
    }
    // Even the server's own log may call it 504 and have applied it; but it was asked once at most.
    assert!(plane.asked() - asked <= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_into_a_frozen_store_or_network_ends_as_the_world_says() {
    let Some(tool) = std::env::var_os("PILOTHOUSE_LIVE_TOOL") else {
        eprintln!("skipped: PILOTHOUSE_LIVE_TOOL names nothing that can freeze a server");
        return;
    };
    let Some(plane) = Plane::alone().await else { return };
    for component in ["etcd", "forward", "apiserver"] {
        frozen(&plane, &tool, component, Action::Pause).await;
    }
    plane.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_goes_to_zero_while_its_controller_is_dead_and_stays_away_when_that_is_back() {
    let Some(tool) = std::env::var_os("PILOTHOUSE_LIVE_TOOL") else {
        eprintln!("skipped: PILOTHOUSE_LIVE_TOOL names nothing that can kill a controller");
        return;
    };
    let Some(plane) = Plane::alone().await else { return };
    let live = |verb: &str| {
        let done = Command::new(&tool).args([verb, &plane.context, "argo"]).status().unwrap();
        assert!(done.success());
    };
    plane.create("rollouts", &canary("ten", &json!([{"setWeight": 50}, {"pause": {}}]))).await;
    plane.phase("ten", "Healthy").await;
    plane.release("rollouts", "ten", "2.0.0").await;
    plane.phase("ten", "Paused").await;
    let mut pilot = Pilot::start(&plane, &plane.context);
    let target = pilot.rollout("ten");
    pilot.until(&target, |_| true).await;
    live("kill");
    let refusals = pilot.plan(Action::ScaleDown, &target).unwrap_err();
    assert!(refusals.iter().any(|it| it.why.as_str().contains("no abort is asked for")));
    let plan = pilot.plan(Action::Abort, &target).unwrap();
    let mut abort = pilot.send(plan).await;
    while matches!(abort.state, OrderState::Sending) {
        pilot.step(&mut abort).await;
    }
    assert_eq!(abort.state, OrderState::Converging, "accepted, and nobody acts on it");
    assert!(plane.serving("ten", ":2.0.0").await > 0);
    pilot.caught_up(&plane, &target).await;
    pilot.arrives(&plane, Action::ScaleDown, &target).await;
    assert_eq!(plane.serving("ten", ":2.0.0").await, 0);
    if let Some(seen) = plane.witnessed(2).await {
        let what: Vec<&str> = seen.iter().map(|one| one.what.as_str()).collect();
        assert_eq!(what, ["patch rollouts/status", "patch replicasets"]);
    }
    live("start");
    while !abort.is_over() {
        pilot.step(&mut abort).await;
    }
    assert_eq!(abort.state, OrderState::Ended(Outcome::Arrived), "{abort:#?}");
    assert_eq!(plane.serving("ten", ":2.0.0").await, 0);
    plane.down().await;
}
