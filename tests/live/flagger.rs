//! Deeds on Flagger's canary by a Gateway API route: where each leaves the cluster, and exactly what it wrote.

use pilothouse::control::action::Action;
use pilothouse::control::plan::possible;
use pilothouse::domain::flagger::Phase;
use pilothouse::domain::ids::{WorkloadKind, WorkloadRef};
use pilothouse::domain::workload::Workload;
use serde_json::{Value, json};

use super::manifests::deployment;
use super::pilot::Pilot;
use super::plane::Plane;

/// Ten weights at a look every ten seconds: long enough that no test races with its end.
fn canary(name: &str) -> Value {
    json!({
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": name},
        "spec": {
            "provider": "gatewayapi:v1",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "progressDeadlineSeconds": 300,
            "service": {
                "port": 80, "targetPort": 8080, "hosts": [format!("{name}.example.test")],
                "gatewayRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway",
                    "name": "edge", "namespace": "shop"}],
            },
            "analysis": {"interval": "10s", "threshold": 2, "stepWeight": 10, "maxWeight": 100},
        },
    })
}

/// A Canary at rest, followed.
async fn at_rest(plane: &Plane, name: &str) -> (Pilot, WorkloadRef) {
    plane.create("deployments", &deployment(name, 2)).await;
    plane.create("canaries", &canary(name)).await;
    plane.until("canaries", name, |it| it["status"]["phase"] == "Initialized").await;
    let mut pilot = Pilot::start(plane, &plane.context);
    let target = pilot.target(WorkloadKind::Canary, name);
    pilot.until(&target, |it| phase(it) == Phase::Initialized).await;
    (pilot, target)
}

fn phase(workload: &Workload) -> Phase {
    workload.flagger().map_or(Phase::Unknown, |flagger| flagger.status.phase)
}

fn carried(workload: &Workload) -> Option<u32> {
    workload.flagger()?.route.as_ref().map(|route| route.canary)
}

fn weights(route: &Value) -> Vec<i64> {
    let backends = route["spec"]["rules"][0]["backendRefs"].as_array().unwrap();
    backends.iter().map(|it| it["weight"].as_i64().unwrap()).collect()
}

/// What was written, without versions and marks.
async fn written(plane: &Plane, count: usize) -> Vec<(String, Value)> {
    let all = plane.witnessed(count).await.unwrap_or_default();
    let mut out = Vec::new();
    for one in all {
        let mut body = one.body;
        if let Some(operations) = body.as_array_mut() {
            operations.retain(|it| {
                it["path"].as_str().is_some_and(|path| !path.starts_with("/metadata"))
            });
        } else {
            assert!(body["metadata"]["resourceVersion"].is_string(), "{body}");
            body.as_object_mut().unwrap().remove("metadata");
        }
        out.push((one.what, body));
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn pause_resume_abort_retry_and_promote_now_end_where_they_say_with_exactly_their_writes() {
    let Some(plane) = Plane::new().await else { return };
    let (mut pilot, target) = at_rest(&plane, "one").await;
    plane.release("deployments", "one", "2.0.0").await;
    pilot.until(&target, |it| carried(it).is_some_and(|weight| weight >= 10)).await;

    pilot.arrives(&plane, Action::Pause, &target).await;
    pilot.arrives(&plane, Action::Resume, &target).await;
    pilot.arrives(&plane, Action::Abort, &target).await;
    let route = plane.get("httproutes", "one").await;
    assert_eq!(weights(&route), [100, 0]);
    assert_eq!(plane.get("canaries", "one").await["status"]["phase"], "Failed");
    assert_eq!(plane.get("deployments", "one").await["spec"]["replicas"], 0);

    pilot.arrives(&plane, Action::Retry, &target).await;
    pilot.until(&target, |it| possible(Action::PromoteFull, it).is_ok()).await;
    pilot.arrives(&plane, Action::PromoteFull, &target).await;
    let done = plane.get("canaries", "one").await;
    assert_eq!(done["status"]["phase"], "Succeeded");
    assert_eq!(done["spec"]["skipAnalysis"], false);
    let primary = plane.get("deployments", "one-primary").await;
    let image = &primary["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(image, "registry.example.test/one:2.0.0");

    let seen = written(&plane, 7).await;
    if !seen.is_empty() {
        let backend = |index: u32, name: &str, weight: u32| {
            let path = format!("/spec/rules/0/backendRefs/{index}");
            [
                json!({"op": "test", "path": format!("{path}/name"), "value": name}),
                json!({"op": "add", "path": format!("{path}/weight"), "value": weight}),
            ]
        };
        let to_primary = [backend(0, "one-primary", 100), backend(1, "one-canary", 0)].concat();
        let want = [
            ("patch canaries", json!({"spec": {"suspend": true}})),
            ("patch canaries", json!({"spec": {"suspend": false}})),
            ("patch canaries/status", json!({"status": {"failedChecks": 2}})),
            ("patch httproutes", Value::Array(to_primary)),
            ("patch canaries/status", json!({"status": {"lastAppliedSpec": ""}})),
            ("patch canaries", json!({"spec": {"skipAnalysis": true}})),
            ("patch canaries", json!({"spec": {"skipAnalysis": false}})),
        ];
        let want: Vec<(String, Value)> =
            want.into_iter().map(|(what, body)| (what.to_owned(), body)).collect();
        assert_eq!(seen, want);
    }
    assert!(pilot.records_are_sound() > 3 * 5);
    plane.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_that_never_get_ready_are_aborted_by_their_deadline_and_it_is_put_back() {
    let Some(plane) = Plane::new().await else { return };
    let (mut pilot, target) = at_rest(&plane, "two").await;
    let never = json!({"spec": {"template": {"metadata": {"annotations": {
        "live/fate": "never-ready",
    }}}}});
    plane.merge("deployments", "two", &never).await;
    pilot.until(&target, |it| phase(it) == Phase::Progressing).await;
    pilot.until(&target, |it| possible(Action::PromoteFull, it).is_err()).await;
    let order = pilot.arrives(&plane, Action::Abort, &target).await;
    assert_eq!(order.plan.writes.len(), 3);
    let done = plane.get("canaries", "two").await;
    assert_eq!(done["status"]["phase"], "Failed");
    assert_eq!(done["spec"]["progressDeadlineSeconds"], 300);
    assert_eq!(weights(&plane.get("httproutes", "two").await), [100, 0]);
    if let Some(seen) = plane.witnessed(3).await {
        let what: Vec<&str> = seen.iter().map(|one| one.what.as_str()).collect();
        assert_eq!(what, ["patch httproutes", "patch canaries", "patch canaries"]);
    }
    plane.down().await;
}
