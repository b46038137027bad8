//! Deeds on canaries, by pods and by a router.

use pilothouse::control::action::Action;
use pilothouse::control::order::{OrderState, Outcome};
use serde_json::{Value, json};

use super::manifests::{canary, ingress, rollout, service};
use super::pilot::Pilot;
use super::plane::Plane;

const STEPS: fn() -> Value = || json!([{"setWeight": 25}, {"pause": {}}, {"setWeight": 50}, {"pause": {"duration": "1h"}}, {"pause": {}}]);

/// A canary whose second version waits at its first pause.
async fn waiting(plane: &Plane, name: &str) {
    plane.create("rollouts", &canary(name, &STEPS())).await;
    plane.phase(name, "Healthy").await;
    plane.release("rollouts", name, "2.0.0").await;
    plane.phase(name, "Paused").await;
}

async fn bodies(plane: &Plane, count: usize) -> Vec<(String, Value)> {
    let Some(mut all) = plane.witnessed(count).await else { return Vec::new() };
    all.drain(..)
        .map(|mut one| {
            let version = if one.body.is_array() {
                one.body[0]["value"].clone()
            } else {
                one.body["metadata"]["resourceVersion"].clone()
            };
            assert!(version.is_string(), "without a precondition: {}", one.body);
            if let Some(metadata) = one.body.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.remove("resourceVersion");
            }
            (one.what, one.body)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_deed_on_a_canary_arrives_with_exactly_the_writes_of_its_plan() {
    let Some(plane) = Plane::new().await else { return };
    waiting(&plane, "one").await;
    let mut pilot = Pilot::start(&plane, &plane.context);
    let target = pilot.rollout("one");
    pilot.until(&target, |_| true).await;
    let mut writes = 0;
    for action in [
        Action::Pause,
        Action::Resume,
        Action::Promote,
        Action::Skip { to: None },
        Action::Abort,
        Action::Retry,
    ] {
        if action.name() == "skip" {
            // Past the timed pause, and not over the human gate behind it.
            plane.until("rollouts", "one", |it| it["status"]["currentStepIndex"] == 3).await;
        }
        if action == Action::Abort {
            let waits = |it: &Value| it["status"]["pauseConditions"].is_array();
            let object = plane.until("rollouts", "one", waits).await;
            assert_eq!(object["status"]["currentStepIndex"], 4);
        }
        let order = pilot.arrives(&plane, action, &target).await;
        writes += order.plan.writes.len();
        let effects = plane.witnessed(writes).await.unwrap_or_default();
        assert!(effects.is_empty() || effects.len() == writes, "{action}: {effects:#?}");
    }
    plane.phase("one", "Paused").await;
    for action in [Action::PromoteFull, Action::Restart, Action::Rollback { to: None }] {
        if let Action::Rollback { .. } = action {
            // An older version runs all steps again; a full promotion brings it to its end.
            plane.release("rollouts", "one", "3.0.0").await;
            plane.phase("one", "Paused").await;
        }
        let order = pilot.arrives(&plane, action, &target).await;
        writes += order.plan.writes.len();
        plane.phase("one", "Healthy").await;
    }
    let seen = bodies(&plane, writes).await;
    if !seen.is_empty() {
        assert_eq!(seen.len(), writes);
        assert_eq!(seen[0].0, "patch rollouts");
        assert_eq!(seen[0].1["spec"], json!({"paused": true}));
        assert_eq!(seen[2].0, "patch rollouts/status");
        assert_eq!(seen[2].1["status"]["pauseConditions"], Value::Null);
        assert!(seen[2].1["status"]["message"].as_str().unwrap().starts_with("pilothouse o-"));
    }
    assert!(pilot.records_are_sound() > 3 * 9);
    plane.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pause_then_abort_leaves_no_pod_of_the_new_version_serving() {
    let Some(plane) = Plane::new().await else { return };
    waiting(&plane, "two").await;
    let mut pilot = Pilot::start(&plane, &plane.context);
    let target = pilot.rollout("two");
    pilot.until(&target, |_| true).await;
    pilot.arrives(&plane, Action::Pause, &target).await;
    assert!(plane.serving("two", ":2.0.0").await > 0);
    let order = pilot.arrives(&plane, Action::Abort, &target).await;
    assert_eq!(order.plan.writes.len(), 2);
    assert_eq!(plane.serving("two", ":2.0.0").await, 0);
    if let Some(seen) = plane.witnessed(3).await {
        let what: Vec<&str> = seen.iter().map(|one| one.what.as_str()).collect();
        assert_eq!(what, ["patch rollouts", "patch rollouts/status", "patch rollouts"]);
    }
    // Whoever looks with other tools finds both deeds at the object.
    let events = plane.list("events").await;
    let ours: Vec<&str> = events
        .iter()
        .filter(|event| event["reason"] == "PilothouseDeed")
        .filter_map(|event| event["message"].as_str())
        .collect();
    assert_eq!(ours.len(), 2, "{ours:?}");
    assert!(ours.iter().any(|words| words.contains("abort: arrived (a live test)")), "{ours:?}");
    plane.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn abort_with_a_router_arrives_when_no_traffic_is_left() {
    let Some(plane) = Plane::new().await else { return };
    for name in ["three-stable", "three-canary"] {
        plane.create("services", &service(name, "three")).await;
    }
    plane.create("ingresses", &ingress("three")).await;
    let strategy = json!({"canary": {
        "stableService": "three-stable",
        "canaryService": "three-canary",
        "trafficRouting": {"nginx": {"stableIngress": "three"}},
        "steps": [{"setWeight": 20}, {"pause": {}}],
    }});
    plane.create("rollouts", &rollout("three", 2, &strategy)).await;
    plane.phase("three", "Healthy").await;
    plane.release("rollouts", "three", "2.0.0").await;
    plane.phase("three", "Paused").await;
    let mut pilot = Pilot::start(&plane, &plane.context);
    let target = pilot.rollout("three");
    pilot.until(&target, |_| true).await;
    pilot.arrives(&plane, Action::Abort, &target).await;
    let object = plane.get("rollouts", "three").await;
    assert_eq!(object["status"]["canary"]["weights"]["canary"]["weight"], 0);
    let refusals = pilot.plan(Action::PromoteFull, &target).unwrap_err();
    assert!(refusals[0].why.as_str().contains("would ship the aborted version"));
    pilot.arrives(&plane, Action::Retry, &target).await;
    plane.phase("three", "Paused").await;
    pilot.arrives(&plane, Action::Rollback { to: None }, &target).await;
    let object = plane.get("rollouts", "three").await;
    assert_eq!(object["status"]["phase"], "Healthy");
    assert_eq!(object["status"]["canary"]["weights"]["canary"]["weight"], 0);
    plane.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn abort_inside_a_rollback_window_is_told_as_stalled() {
    let Some(plane) = Plane::new().await else { return };
    let mut body = canary("four", &json!([{"setWeight": 25}, {"pause": {}}]));
    body["spec"]["rollbackWindow"] = json!({"revisions": 3});
    // Slow pods, so that the way back stays in flight while it is aborted.
    body["spec"]["template"]["metadata"]["annotations"] = json!({"live/ready-after": "5s"});
    plane.create("rollouts", &body).await;
    plane.phase("four", "Healthy").await;
    plane.release("rollouts", "four", "2.0.0").await;
    plane.phase("four", "Paused").await;
    let mut pilot = Pilot::start(&plane, &plane.context);
    let target = pilot.rollout("four");
    pilot.until(&target, |_| true).await;
    pilot.arrives(&plane, Action::PromoteFull, &target).await;
    plane.phase("four", "Healthy").await;
    plane.release("rollouts", "four", "1.0.0").await;
    let in_flight = |it: &Value| it["status"]["currentPodHash"] != it["status"]["stableRS"];
    plane.until("rollouts", "four", in_flight).await;
    pilot.caught_up(&plane, &target).await;
    let plan = pilot.plan(Action::Abort, &target).unwrap();
    assert_eq!(plan.instead, Some(Action::Pause), "{:?}", plan.prediction);
    let order = pilot.carry_out(plan).await;
    let OrderState::Ended(Outcome::Stalled(why)) = &order.state else {
        panic!("{:#?}", order.state)
    };
    assert!(why.as_str().contains("dropped the abort"), "{why}");
    plane.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roll_back_with_a_template_elsewhere_goes_through_the_deployment() {
    let Some(plane) = Plane::new().await else { return };
    plane.create("deployments", &super::manifests::deployment("five", 0)).await;
    let strategy = json!({"canary": {"steps": [{"setWeight": 50}, {"pause": {}}]}});
    let mut body = rollout("five", 2, &strategy);
    body["spec"].as_object_mut().unwrap().remove("template");
    body["spec"].as_object_mut().unwrap().remove("selector");
    body["spec"]["workloadRef"] =
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "five"});
    plane.create("rollouts", &body).await;
    plane.phase("five", "Healthy").await;
    plane.release("deployments", "five", "2.0.0").await;
    plane.phase("five", "Paused").await;
    let mut pilot = Pilot::start(&plane, &plane.context);
    let target = pilot.rollout("five");
    pilot.until(&target, |_| true).await;
    pilot.arrives(&plane, Action::Pause, &target).await;
    let order = pilot.arrives(&plane, Action::Rollback { to: None }, &target).await;
    assert_eq!(order.plan.writes.len(), 2);
    if let Some(seen) = plane.witnessed(3).await {
        let what: Vec<&str> = seen.iter().map(|one| one.what.as_str()).collect();
        assert_eq!(what, ["patch rollouts", "patch deployments", "patch rollouts"]);
    }
    plane.down().await;
}

fn undecided(name: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": name},
        "spec": {"metrics": [{
            "name": "undecided", "interval": "1s", "count": 1,
            "successCondition": "result[0] > 5", "failureCondition": "result[0] > 10",
            "provider": {"prometheus": {"address": "http://127.0.0.1:9090", "query": "vector(1)"}},
        }]},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn promote_past_an_inconclusive_step_does_not_start_its_analysis_again() {
    let Some(plane) = Plane::new().await else { return };
    plane.create("analysistemplates", &undecided("undecided")).await;
    let steps = json!([
        {"setWeight": 25},
        {"analysis": {"templates": [{"templateName": "undecided"}]}},
        {"pause": {}},
    ]);
    plane.create("rollouts", &canary("ten", &steps)).await;
    plane.phase("ten", "Healthy").await;
    plane.release("rollouts", "ten", "2.0.0").await;
    let inconclusive =
        |it: &Value| it["status"]["pauseConditions"][0]["reason"] == "InconclusiveAnalysisRun";
    plane.until("rollouts", "ten", inconclusive).await;
    let mut pilot = Pilot::start(&plane, &plane.context);
    let target = pilot.rollout("ten");
    pilot.until(&target, |_| true).await;
    let order = pilot.arrives(&plane, Action::Promote, &target).await;
    assert_eq!(order.plan.writes[0].changes.len(), 3);
    // The human gate behind it holds.
    let gate = |it: &Value| it["status"]["pauseConditions"][0]["reason"] == "CanaryPauseStep";
    let object = plane.until("rollouts", "ten", gate).await;
    assert_eq!(object["status"]["currentStepIndex"], 2);
    assert_eq!(plane.list("analysisruns").await.len(), 1);
    plane.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn promote_accepts_an_inconclusive_background_analysis() {
    let Some(plane) = Plane::new().await else { return };
    plane.create("analysistemplates", &undecided("undecided")).await;
    let strategy = json!({"canary": {
        "analysis": {"templates": [{"templateName": "undecided"}]},
        "steps": [{"setWeight": 25}, {"pause": {"duration": "1h"}}, {"pause": {"duration": "1h"}}],
    }});
    plane.create("rollouts", &rollout("eleven", 4, &strategy)).await;
    plane.phase("eleven", "Healthy").await;
    plane.release("rollouts", "eleven", "2.0.0").await;
    let inconclusive = |it: &Value| {
        let reasons = it["status"]["pauseConditions"].as_array().cloned().unwrap_or_default();
        reasons.iter().any(|one| one["reason"] == "InconclusiveAnalysisRun")
    };
    plane.until("rollouts", "eleven", inconclusive).await;
    let mut pilot = Pilot::start(&plane, &plane.context);
    let target = pilot.rollout("eleven");
    pilot.until(&target, |_| true).await;
    let order = pilot.arrives(&plane, Action::Promote, &target).await;
    eprintln!("{:?} {:?}", order.plan.arrival, order.plan.prediction.warnings);
    plane.down().await;
}
