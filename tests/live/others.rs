//! Deeds on blue-greens and Deployments, and what happens without rights or without answers.

use pilothouse::control::action::Action;
use pilothouse::control::check::CheckId;
use pilothouse::control::order::{OrderState, Outcome};
use pilothouse::domain::ids::WorkloadKind;
use serde_json::{Value, json};

use super::manifests::{canary, deployment, rollout, service};
use super::pilot::Pilot;
use super::plane::Plane;

async fn blue_green(plane: &Plane, name: &str) {
    for which in ["active", "preview"] {
        plane.create("services", &service(&format!("{name}-{which}"), name)).await;
    }
    let strategy = json!({"blueGreen": {
        "activeService": format!("{name}-active"),
        "previewService": format!("{name}-preview"),
        "autoPromotionEnabled": false,
        "scaleDownDelaySeconds": 30,
        "postPromotionAnalysis": {"templates": [{"templateName": "long"}]},
    }});
    let template = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": "long"},
        "spec": {"metrics": [{
            "name": "long", "interval": "5s", "count": 100, "successCondition": "true",
            "provider": {"prometheus": {"address": "http://127.0.0.1:9090", "query": "vector(1)"}},
        }]},
    });
    plane.create("analysistemplates", &template).await;
    plane.create("rollouts", &rollout(name, 2, &strategy)).await;
    plane.phase(name, "Healthy").await;
    plane.release("rollouts", name, "2.0.0").await;
    plane.phase(name, "Paused").await;
}

async fn active(plane: &Plane, name: &str) -> Value {
    let service = plane.get("services", &format!("{name}-active")).await;
    service["spec"]["selector"]["rollouts-pod-template-hash"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn abort_after_the_switch_brings_the_active_service_back_although_a_new_pod_is_not_ready() {
    let Some(plane) = Plane::new().await else { return };
    blue_green(&plane, "six").await;
    let stable = active(&plane, "six").await;
    let mut pilot = Pilot::start(&plane, &plane.context);
    let target = pilot.rollout("six");
    pilot.until(&target, |_| true).await;
    pilot.arrives(&plane, Action::Promote, &target).await;
    assert_ne!(active(&plane, "six").await, stable);
    // One pod of the new version becomes unready.
    let pods = plane.list("pods").await;
    let new = pods
        .iter()
        .find(|pod| pod["metadata"]["labels"]["rollouts-pod-template-hash"] != stable)
        .and_then(|pod| pod["metadata"]["name"].as_str());
    let status = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
    let path = format!("/api/v1/namespaces/{}/pods/{}/status", plane.namespace, new.unwrap());
    plane.send(http::Method::PATCH, &path, "application/strategic-merge-patch+json", &status).await;
    pilot.caught_up(&plane, &target).await;
    let order = pilot.arrives(&plane, Action::Abort, &target).await;
    assert!(order.plan.prediction.effect.as_str().contains("instead of an abort"));
    assert_eq!(active(&plane, "six").await, stable);
    plane.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blue_green_that_is_paused_by_hand_is_aborted_before_the_switch_and_retried() {
    let Some(plane) = Plane::new().await else { return };
    blue_green(&plane, "twelve").await;
    let stable = active(&plane, "twelve").await;
    let mut pilot = Pilot::start(&plane, &plane.context);
    let target = pilot.rollout("twelve");
    pilot.until(&target, |_| true).await;
    for action in [Action::Pause, Action::Abort, Action::Retry, Action::Resume] {
        pilot.arrives(&plane, action, &target).await;
        assert_eq!(active(&plane, "twelve").await, stable);
    }
    plane.phase("twelve", "Paused").await;
    pilot.arrives(&plane, Action::PromoteFull, &target).await;
    assert_ne!(active(&plane, "twelve").await, stable);
    plane.phase("twelve", "Healthy").await;
    pilot.arrives(&plane, Action::Rollback { to: None }, &target).await;
    assert_eq!(active(&plane, "twelve").await, stable);
    plane.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_is_paused_resumed_rolled_back_and_restarted() {
    let Some(plane) = Plane::new().await else { return };
    plane.create("deployments", &deployment("seven", 2)).await;
    let done =
        |it: &Value| it["status"]["availableReplicas"] == 2 && it["status"]["updatedReplicas"] == 2;
    plane.until("deployments", "seven", done).await;
    plane.release("deployments", "seven", "2.0.0").await;
    let cause = json!({"metadata": {"annotations": {"kubernetes.io/change-cause": "two"}}});
    plane.merge("deployments", "seven", &cause).await;
    plane
        .until("deployments", "seven", |it| {
            done(it) && it["status"]["observedGeneration"] == it["metadata"]["generation"]
        })
        .await;
    let mut pilot = Pilot::start(&plane, &plane.context);
    let target = pilot.target(WorkloadKind::Deployment, "seven");
    pilot.until(&target, |it| it.current_hash().is_some()).await;
    for action in [
        Action::Pause,
        Action::Resume,
        Action::Restart,
        Action::Rollback { to: Some(pilothouse::domain::ids::Revision(1)) },
    ] {
        pilot.arrives(&plane, action, &target).await;
    }
    let object = plane.get("deployments", "seven").await;
    assert_eq!(object["metadata"]["annotations"]["kubernetes.io/change-cause"], "one");
    let image = &object["spec"]["template"]["spec"]["containers"][0]["image"];
    assert!(image.as_str().unwrap().ends_with(":1.0.0"), "{image}");
    if let Some(seen) = plane.witnessed(4).await {
        assert_eq!(seen.len(), 4, "{seen:#?}");
    }
    plane.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_is_refused_with_the_missing_right_before_anything_is_sent() {
    let Some(plane) = Plane::new().await else { return };
    plane.create("rollouts", &canary("eight", &json!([{"setWeight": 25}, {"pause": {}}]))).await;
    plane.phase("eight", "Healthy").await;
    let mut pilot = Pilot::start(&plane, &format!("{}-viewer", plane.context));
    let target = pilot.rollout("eight");
    pilot.until(&target, |_| true).await;
    for action in [Action::Pause, Action::Restart] {
        let order = pilot.deed(action, &target).await;
        let OrderState::Ended(Outcome::Refused(refusals)) = &order.state else {
            panic!("{:#?}", order.state)
        };
        let denied: Vec<_> = refusals.iter().filter(|it| it.check == CheckId::Permission).collect();
        assert!(
            denied[0].why.as_str().contains("may not patch rollouts in namespace"),
            "{denied:?}"
        );
        assert!(order.attempts.is_empty());
    }
    if let Some(seen) = plane.witnessed(0).await {
        assert_eq!(seen, []);
    }
    plane.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_tells_what_it_does_not_put_back() {
    let Some(plane) = Plane::new().await else { return };
    for name in ["kept", "newer", "gone"] {
        let body = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"},
        });
        plane.create("configmaps", &body).await;
    }
    let mut body = deployment("eleven", 1);
    let config = |name: &str| json!({"configMapRef": {"name": name, "optional": true}});
    body["spec"]["template"]["spec"]["containers"][0]["envFrom"] = json!([
        config("kept"),
        config("newer"),
        config("gone"),
        {"secretRef": {"name": "password", "optional": true}},
    ]);
    plane.create("deployments", &body).await;
    let rolled = |it: &Value| {
        it["status"]["observedGeneration"] == it["metadata"]["generation"]
            && it["status"]["updatedReplicas"] == 1
            && it["status"]["availableReplicas"] == 1
    };
    let made = plane.until("deployments", "eleven", rolled).await;
    plane.release("deployments", "eleven", "2.0.0").await;
    plane.until("deployments", "eleven", rolled).await;
    // The server's times have whole seconds.
    let first = made["metadata"]["creationTimestamp"].clone();
    let mut written = 0;
    let newer = loop {
        written += 1;
        plane.merge("configmaps", "newer", &json!({"data": {"a": written.to_string()}})).await;
        let now = plane.get("configmaps", "newer").await;
        let times = now["metadata"]["managedFields"].as_array().unwrap().iter();
        let last = times.filter_map(|it| it["time"].as_str()).max().map(str::to_owned);
        if last.as_deref() > first.as_str() {
            break now;
        }
    };
    assert!(newer["data"]["a"].is_string());
    plane.delete("configmaps", "gone").await;
    let mut pilot = Pilot::start(&plane, &plane.context);
    let target = pilot.target(WorkloadKind::Deployment, "eleven");
    pilot.until(&target, |it| it.revisions.len() == 2).await;
    let plan = pilot.plan(Action::Rollback { to: None }, &target).unwrap();
    let told: Vec<String> =
        pilot.rehearsal(&plan).await.kept.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "ConfigMap gone is gone: pods that need it do not start",
            "ConfigMap newer was changed after that revision, and stays as it is",
            "not put back: ConfigMap kept; Secret password",
            "named by tag, so what the tag holds now: registry.example.test/eleven:1.0.0",
        ]
    );
    plane.down().await;
}
