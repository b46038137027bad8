//! DeploymentConfigs on a real API server that knows the kind but has none of OpenShift's controllers: the test says
//! what these would say.

use pilothouse::control::action::Action;
use pilothouse::control::order::{Order, OrderState, Outcome};
use pilothouse::control::plan::possible;
use pilothouse::domain::ids::WorkloadKind;
use serde_json::{Value, json};

use super::pilot::Pilot;
use super::plane::Plane;

const CONFIGS: &str = "deploymentconfigs";

fn config(name: &str) -> Value {
    json!({
        "apiVersion": "apps.openshift.io/v1",
        "kind": "DeploymentConfig",
        "metadata": {"name": name},
        "spec": {
            "replicas": 0,
            "selector": {"app": name, "deploymentconfig": name},
            "strategy": {"type": "Rolling"},
            "template": {"metadata": {"labels": {"app": name, "deploymentconfig": name}},
                "spec": {"containers": [{"name": "app", "image": "registry.example.test/x:2"}]}},
            "triggers": [{"type": "ConfigChange"}],
        },
        // Beyond every generation: this controller has always seen everything.
        "status": {"latestVersion": 2, "observedGeneration": 1_000, "replicas": 0,
            "updatedReplicas": 0, "availableReplicas": 0, "unavailableReplicas": 0, "conditions": [
                {"type": "Progressing", "status": "True", "reason": "ReplicationControllerUpdated",
                    "message": format!("replication controller \"{name}-2\" is progressing")}]},
    })
}

fn controller(name: &str, number: u32, phase: &str, owner: &Value) -> Value {
    let own = format!("{name}-{number}");
    let labels = json!({"app": name, "deployment": own, "deploymentconfig": name});
    json!({
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": own, "annotations": {
                "openshift.io/deployment-config.latest-version": number.to_string(),
                "openshift.io/deployment.phase": phase,
                "openshift.io/deployment.status-reason": "config change"},
            "ownerReferences": [{"apiVersion": "apps.openshift.io/v1", "kind": "DeploymentConfig",
                "name": name, "uid": owner, "controller": true}]},
        "spec": {"replicas": 0, "selector": labels, "template": {"metadata": {"labels": labels},
            "spec": {"containers": [
                {"name": "app", "image": format!("registry.example.test/x:{number}")}]}}},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_config_is_seen_paused_resumed_and_its_rollout_cancelled() {
    let Some(plane) = Plane::new().await else { return };
    plane.install(("apps.openshift.io", &["v1"]), ("DeploymentConfig", CONFIGS)).await;
    plane.create(CONFIGS, &config("shop")).await;
    let owner = plane.get(CONFIGS, "shop").await["metadata"]["uid"].clone();
    for (number, phase) in [(1, "Complete"), (2, "Running")] {
        let made = controller("shop", number, phase, &owner);
        plane.create("replicationcontrollers", &made).await;
    }
    let mut pilot = Pilot::start(&plane, &plane.context);
    let target = pilot.target(WorkloadKind::DeploymentConfig, "shop");
    pilot.until(&target, |workload| workload.revisions.len() == 2).await;
    pilot.until(&target, |workload| possible(Action::Abort, workload).is_ok()).await;

    let paused = pilot.arrives(&plane, Action::Pause, &target).await;
    assert_eq!(plane.get(CONFIGS, "shop").await["spec"]["paused"], true);
    let resumed = pilot.arrives(&plane, Action::Resume, &target).await;
    assert_eq!(plane.get(CONFIGS, "shop").await["spec"]["paused"], false);

    let plan = pilot.plan(Action::Abort, &target).unwrap();
    let mut order = pilot.send(plan).await;
    let after = plane.get("replicationcontrollers", "shop-2").await;
    let said = &after["metadata"]["annotations"];
    assert_eq!(said["openshift.io/deployment.cancelled"], "true", "{after:#}");
    assert_eq!(said["openshift.io/deployment.status-reason"], "cancelled by the user");
    // What the deployer makes of it.
    let failed = json!({"metadata": {"annotations": {"openshift.io/deployment.phase": "Failed"}}});
    plane.merge("replicationcontrollers", "shop-2", &failed).await;
    while !order.is_over() {
        pilot.step(&mut order).await;
    }
    assert_eq!(order.state, OrderState::Ended(Outcome::Arrived), "{order:#?}");
    let refusals = pilot.plan(Action::Rollback { to: None }, &target).unwrap_err();
    assert!(refusals[0].remedy.as_str().starts_with("oc rollout undo dc/shop"), "{refusals:?}");

    let bound = |order: &Order| order.attempts.iter().all(|it| it.precondition.is_some());
    assert!([&paused, &resumed, &order].into_iter().all(bound), "every patch had a precondition");
    // The log is written with a delay.
    let mut poll = tokio::time::interval(std::time::Duration::from_millis(200));
    while plane.routes_written("replicationcontrollers").is_some_and(|count| count == 0) {
        poll.tick().await;
    }
    assert!(plane.routes_written("replicationcontrollers").is_none_or(|count| count == 1));
    assert!(plane.routes_written(CONFIGS).is_none_or(|count| count == 2));
    plane.down().await;
}
