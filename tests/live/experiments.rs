//! Experiments that stand alone, and the weight that the route itself carries, with the real controller behind both.

use pilothouse::control::action::Action;
use pilothouse::domain::ids::WorkloadKind;
use serde_json::{Value, json};

use super::cockpit::Cockpit;
use super::manifests::{ingress, rollout, service};
use super::pilot::Pilot;
use super::plane::Plane;

fn experiment(name: &str) -> Value {
    let template = |side: &str, version: &str| {
        let labels = json!({"app": name, "side": side});
        json!({
            "name": side, "replicas": 1, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{
                "name": "app", "image": format!("registry.example.test/{name}:{version}"),
            }]}},
        })
    };
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Experiment", "metadata": {"name": name},
        "spec": {"templates": [template("baseline", "1.0.0"), template("canary", "2.0.0")]},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_experiment_is_seen_on_the_screen_and_ended_by_keys() {
    let Some(plane) = Plane::new().await else { return };
    plane.create("experiments", &experiment("compare")).await;
    plane.until("experiments", "compare", |it| it["status"]["phase"] == "Running").await;
    let context = plane.context.clone();
    let mut cockpit = Cockpit::start(&plane, &["--context", &context]);
    cockpit.line(&["compare", "experiment", "running", "until somebody terminates it"]);
    cockpit.pty.keys("enter");
    cockpit.line(&["EXPERIMENT", "running"]);
    cockpit.line(&["baseline", "running", "1/1", "compare:1.0.0"]);
    cockpit.line(&["canary", "running", "1/1", "compare:2.0.0"]);
    cockpit.pty.keys("m");
    cockpit.line(&["armed"]);
    cockpit.pty.keys("g");
    cockpit.pty.keys("e");
    cockpit.line(&["dry run accepted"]);
    cockpit.pty.send(b"compare");
    cockpit.pty.keys("enter");
    plane.until("experiments", "compare", |it| it["status"]["phase"] == "Successful").await;
    cockpit.line(&["terminate run arrived"]);
    if let Some(seen) = plane.witnessed(1).await {
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert_eq!(seen[0].what, "patch experiments");
        assert_eq!(seen[0].body["spec"], json!({"terminate": true}));
    }
    plane.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_experiment_that_was_ended_is_over_and_cannot_be_ended_again() {
    let Some(plane) = Plane::new().await else { return };
    plane.create("experiments", &experiment("short")).await;
    let mut pilot = Pilot::start(&plane, &plane.context);
    let target = pilot.target(WorkloadKind::Experiment, "short");
    let runs = |it: &pilothouse::domain::workload::Workload| {
        it.experiment().is_some_and(|it| it.available_at.is_some())
    };
    pilot.until(&target, runs).await;
    pilot.arrives(&plane, Action::Terminate, &target).await;
    let object = plane.get("experiments", "short").await;
    assert_eq!(object["status"]["phase"], "Successful");
    pilot.caught_up(&plane, &target).await;
    let refused = pilot.plan(Action::Terminate, &target).unwrap_err();
    assert_eq!(refused[0].why.as_str(), "it is over already");
    plane.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_weight_of_a_canary_is_that_of_its_ingress() {
    let Some(plane) = Plane::new().await else { return };
    for side in ["stable", "canary"] {
        plane.create("services", &service(&format!("edge-{side}"), "edge")).await;
    }
    plane.create("ingresses", &ingress("edge")).await;
    let strategy = json!({"canary": {
        "stableService": "edge-stable", "canaryService": "edge-canary",
        "trafficRouting": {"nginx": {"stableIngress": "edge"}},
        "steps": [{"setWeight": 25}, {"pause": {}}],
    }});
    plane.create("rollouts", &rollout("edge", 2, &strategy)).await;
    plane.phase("edge", "Healthy").await;
    plane.release("rollouts", "edge", "2.0.0").await;
    plane.phase("edge", "Paused").await;
    let key = "nginx.ingress.kubernetes.io/canary-weight";
    let object = plane.get("ingresses", "edge-edge-canary").await;
    assert_eq!(object["metadata"]["annotations"][key], "25");
    let context = plane.context.clone();
    let mut cockpit = Cockpit::start(&plane, &["--context", &context]);
    cockpit.line(&["edge", "canary 2/2", "25%"]);
    cockpit.pty.keys("enter");
    cockpit.line(&["WEIGHT", "actual 25%"]);
    cockpit.line(&["by Ingress edge-edge-canary"]);
    plane.down().await;
}
