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
