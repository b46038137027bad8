//! Deeds on StatefulSets and DaemonSets: the end state, and exactly the writes of the plan in the audit log.

use pilothouse::control::action::Action;
use pilothouse::domain::ids::WorkloadKind;
use serde_json::{Value, json};

use super::manifests::{daemon_set, stateful_set};
use super::pilot::Pilot;
use super::plane::Plane;

const BACK: Action = Action::Rollback { to: None };

/// A second version that never becomes ready.
async fn release_bad(plane: &Plane, collection: &str, name: &str) {
    let body = json!({"spec": {"template": {
        "metadata": {"annotations": {"live/fate": "never-ready"}},
        "spec": {"containers": [{
            "name": "app",
            "image": format!("registry.example.test/{name}:2.0.0"),
            "ports": [{"containerPort": 8080}],
        }]},
    }}});
    plane.merge(collection, name, &body).await;
}

fn image(object: &Value) -> &str {
    object["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap_or_default()
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

fn observed(object: &Value) -> bool {
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
}

/// What was written, without what differs from run to run; each patch had a precondition.
async fn written(plane: &Plane, count: usize) -> Option<Vec<(String, Value)>> {
    let all = plane.witnessed(count).await?;
    let plain = all.into_iter().map(|mut one| {
        if one.what.starts_with("patch") {
            let metadata = one.body["metadata"].as_object_mut().unwrap();
            assert!(metadata.remove("resourceVersion").is_some_and(|it| it.is_string()));
            let annotations = metadata["annotations"].as_object_mut().unwrap();
            assert!(annotations.remove("pilothouse.dev/order").is_some_and(|it| it.is_string()));
        }
        (one.what, one.body)
    });
    Some(plain.collect())
}

fn stateful_done(image_ends: &'static str) -> impl Fn(&Value) -> bool {
    move |it| {
        let status = &it["status"];
        let whole = [&status["readyReplicas"], &status["updatedReplicas"], &status["replicas"]];
        observed(it) && image(it).ends_with(image_ends) && whole.iter().all(|it| **it == 3)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_deed_on_a_stateful_set_arrives_with_exactly_the_writes_of_its_plan() {
    let Some(plane) = Plane::new().await else { return };
    let sets = "statefulsets";
    plane.create(sets, &stateful_set("eighteen")).await;
    plane.until(sets, "eighteen", stateful_done(":1.0.0")).await;
    release_bad(&plane, sets, "eighteen").await;
    let mut pilot = Pilot::start(&plane, &plane.context);
    let target = pilot.target(WorkloadKind::StatefulSet, "eighteen");
    // Its last pod is of the new version, and waits.
    pilot
        .open(&target, |detail| match &*detail.pods {
            [first, .., last] if detail.pods.len() == 3 => {
                last.hash != first.hash && !last.is_ready()
            }
            _ => false,
        })
        .await;
    let bad = plane.get("pods", "eighteen-2").await["metadata"]["uid"].clone();
    let order = pilot.arrives(&plane, BACK, &target).await;
    let told = order.plan.prediction.effect.as_str();
    assert!(told.contains("eighteen-2 will be deleted"), "{told}");
    let after = plane.get(sets, "eighteen").await;
    assert!(stateful_done(":1.0.0")(&after), "{after:#}");
    assert!(after["spec"]["template"]["metadata"]["annotations"].get("live/fate").is_none());
    assert_ne!(plane.get("pods", "eighteen-2").await["metadata"]["uid"], bad);

    pilot.arrives(&plane, Action::Pause, &target).await;
    plane.release(sets, "eighteen", "3.0.0").await;
    let held = plane.until(sets, "eighteen", observed).await;
    assert_eq!(number(&held["status"]["updatedReplicas"]), 0, "{held:#}");
    assert_eq!(plane.serving("eighteen", ":1.0.0").await, 3);
    pilot.arrives(&plane, Action::Resume, &target).await;
    let after = plane.get(sets, "eighteen").await;
    assert!(stateful_done(":3.0.0")(&after), "{after:#}");
    let before = plane.get("pods", "eighteen-0").await["metadata"]["uid"].clone();
    pilot.arrives(&plane, Action::Restart, &target).await;
    assert_ne!(plane.get("pods", "eighteen-0").await["metadata"]["uid"], before);

    if let Some(seen) = written(&plane, 5).await {
        let words: Vec<&str> = seen.iter().map(|(what, _)| what.as_str()).collect();
        let patch = "patch statefulsets";
        assert_eq!(words, [patch, "delete pods", patch, patch, patch]);
        let template = &seen[0].1["spec"]["template"];
        assert_eq!(template["$patch"], "replace");
        assert!(template["spec"]["containers"][0]["image"].as_str().unwrap().ends_with(":1.0.0"));
        // The log may be told to keep no bodies of deletions.
        if !seen[1].1.is_null() {
            assert_eq!(seen[1].1["preconditions"], json!({"uid": bad}));
        }
        let held = |partition: u32, before: Value| {
            json!({"metadata": {"annotations": {"pilothouse.dev/held": before}},
                "spec": {"updateStrategy": {"rollingUpdate": {"partition": partition}}}})
        };
        assert_eq!(seen[2].1, held(3, json!("0")));
        assert_eq!(seen[3].1, held(0, Value::Null));
        let restart = &seen[4].1["spec"]["template"]["metadata"]["annotations"];
        assert!(restart["kubectl.kubernetes.io/restartedAt"].is_string(), "{restart}");
    }
    pilot.records_are_sound();
    plane.down().await;
}

fn daemon_done(image_ends: &'static str) -> impl Fn(&Value) -> bool {
    move |it| {
        let status = &it["status"];
        let wanted = number(&status["desiredNumberScheduled"]);
        let whole = [&status["updatedNumberScheduled"], &status["numberAvailable"]];
        observed(it)
            && wanted > 0
            && image(it).ends_with(image_ends)
            && whole.iter().all(|it| number(it) == wanted)
    }
}

/// A command knows the pods before it plans: else only the template would go back, and the set would wait for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_of_the_command_line_deletes_the_pod_that_is_in_the_way() {
    let Some(plane) = Plane::new().await else { return };
    let sets = "statefulsets";
    plane.create(sets, &stateful_set("twenty")).await;
    plane.until(sets, "twenty", stateful_done(":1.0.0")).await;
    release_bad(&plane, sets, "twenty").await;
    let waits =
        |it: &Value| it["status"]["updatedReplicas"] == 1 && it["status"]["readyReplicas"] == 2;
    plane.until(sets, "twenty", waits).await;
    let (context, namespace) = (plane.context.clone(), plane.namespace.clone());
    let home = tempfile::tempdir().unwrap();
    let state = home.path().to_owned();
    let run = move || {
        std::process::Command::new(env!("CARGO_BIN_EXE_pilothouse"))
            .args(["--context", &context, "-n", &namespace, "-o", "json"])
            .args(["rollback", "statefulset/twenty", "--yes", "--reason", "a live test"])
            .env("XDG_STATE_HOME", &state)
            .output()
            .unwrap()
    };
    let done = tokio::task::spawn_blocking(run).await.unwrap();
    let order: Value = serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{done:?}"));
    assert_eq!(order["outcome"], "arrived", "{order:#}");
    let objects: Vec<&str> = order["plan"]["writes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|write| write["object"].as_str())
        .collect();
    assert_eq!(objects, ["StatefulSet/twenty", "Pod/twenty-2"]);
    plane.until(sets, "twenty", stateful_done(":1.0.0")).await;
    plane.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_deed_on_a_daemon_set_arrives_with_exactly_the_writes_of_its_plan() {
    let Some(plane) = Plane::new().await else { return };
    let sets = "daemonsets";
    plane.create(sets, &daemon_set("nineteen")).await;
    plane.until(sets, "nineteen", daemon_done(":1.0.0")).await;
    release_bad(&plane, sets, "nineteen").await;
    plane.until(sets, "nineteen", |it| number(&it["status"]["numberUnavailable"]) > 0).await;
    let mut pilot = Pilot::start(&plane, &plane.context);
    let target = pilot.target(WorkloadKind::DaemonSet, "nineteen");
    pilot.until(&target, |it| it.revisions.len() == 2).await;
    pilot.arrives(&plane, BACK, &target).await;
    let after = plane.get(sets, "nineteen").await;
    assert!(daemon_done(":1.0.0")(&after), "{after:#}");

    pilot.arrives(&plane, Action::Pause, &target).await;
    plane.release(sets, "nineteen", "3.0.0").await;
    let held = plane.until(sets, "nineteen", observed).await;
    assert_eq!(number(&held["status"]["updatedNumberScheduled"]), 0, "{held:#}");
    pilot.arrives(&plane, Action::Resume, &target).await;
    let after = plane.get(sets, "nineteen").await;
    assert!(daemon_done(":3.0.0")(&after), "{after:#}");
    // How it replaces pods is as it was.
    assert_eq!(after["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"], 1);
    pilot.arrives(&plane, Action::Restart, &target).await;

    if let Some(seen) = written(&plane, 4).await {
        assert!(seen.iter().all(|(what, _)| what == "patch daemonsets"), "{seen:#?}");
        assert_eq!(seen.len(), 4);
        assert_eq!(seen[0].1["spec"]["template"]["$patch"], "replace");
        let strategy = |kind: &str, before: Value| {
            json!({"metadata": {"annotations": {"pilothouse.dev/held": before}},
                "spec": {"updateStrategy": {"type": kind}}})
        };
        assert_eq!(seen[1].1, strategy("OnDelete", json!("RollingUpdate")));
        assert_eq!(seen[2].1, strategy("RollingUpdate", Value::Null));
    }
    pilot.records_are_sound();
    plane.down().await;
}
