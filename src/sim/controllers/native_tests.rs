//! `Deployment`s, `StatefulSet`s, `DaemonSet`s and pods.

use serde_json::{Value, json};

use super::read;
use super::testing::Town;
use crate::sim::store::Kind;

#[expect(clippy::needless_pass_by_value, reason = "the callers make it in place")]
fn workload(replicas: i64, more: Value) -> Value {
    let mut spec = json!({
        "replicas": replicas,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "app", "image": "web:1"}]},
        },
    });
    for (field, value) in more.as_object().unwrap() {
        spec[field] = value.clone();
    }
    json!({"spec": spec})
}

#[expect(clippy::needless_pass_by_value, reason = "the callers make it in place")]
fn image(image: &str, annotations: Value) -> Value {
    let containers = json!([{"name": "app", "image": image}]);
    let metadata = json!({"annotations": annotations});
    json!({"spec": {"template": {"metadata": metadata, "spec": {"containers": containers}}}})
}

fn condition(object: &Value, kind: &str) -> String {
    let all = read::list(object, "/status/conditions");
    let found = all.iter().find(|it| read::text(it, "/type") == kind);
    found.map(|it| read::text(it, "/reason").to_owned()).unwrap_or_default()
}

fn is_rolled_out(object: &Value) -> bool {
    let count = |field: &str| read::count(object, field);
    let all = ["/status/replicas", "/status/updatedReplicas", "/status/availableReplicas"];
    count("/status/observedGeneration") == count("/metadata/generation")
        && all.into_iter().all(|field| count(field) == count("/spec/replicas"))
}

fn deployment(replicas: i64, more: Value) -> Town {
    let mut town = Town::new();
    town.put(Kind::Deployment, "web", workload(replicas, more));
    town.until("rolled out", 20, |town| is_rolled_out(&town.get(Kind::Deployment, "web")));
    town
}

#[test]
fn a_deployment_rolls_within_surge_and_unavailability_and_counts_revisions() {
    let mut town = deployment(4, json!({}));
    town.mark();
    town.patch(Kind::Deployment, "web", image("web:2", json!({})));
    town.pass(100);
    town.until("rolled out", 20, |town| is_rolled_out(&town.get(Kind::Deployment, "web")));
    let seen = town.versions(Kind::Deployment, "web");
    let most = seen.iter().map(|it| read::count(it, "/status/replicas")).max();
    let least = seen.iter().map(|it| read::count(it, "/status/availableReplicas")).min();
    assert_eq!((most, least), (Some(5), Some(3)));
    let web = town.get(Kind::Deployment, "web");
    assert_eq!(read::annotation(&web, "deployment.kubernetes.io/revision"), Some("2"));
    assert_eq!(condition(&web, "Progressing"), "NewReplicaSetAvailable");
    assert_eq!(town.pods("web:1"), (0, 0));
    town.patch(Kind::Deployment, "web", image("web:1", json!({})));
    town.pass(8_000);
    let set = town.set("web:1");
    assert_eq!(read::annotation(&set, "deployment.kubernetes.io/revision"), Some("3"));
    assert_eq!(read::annotation(&set, "deployment.kubernetes.io/revision-history"), Some("1"));
}

#[test]
fn a_paused_deployment_keeps_what_it_has_and_makes_no_new_version() {
    let mut town = deployment(4, json!({}));
    town.patch(Kind::Deployment, "web", json!({"spec": {"paused": true}}));
    town.pass(100);
    assert_eq!(condition(&town.get(Kind::Deployment, "web"), "Progressing"), "DeploymentPaused");
    town.patch(Kind::Deployment, "web", image("web:2", json!({})));
    town.pass(5_000);
    assert_eq!(town.set("web:2"), Value::Null);
    let web = town.get(Kind::Deployment, "web");
    assert_eq!(web["status"].get("updatedReplicas"), None);
    town.patch(Kind::Deployment, "web", json!({"spec": {"paused": null}}));
    town.pass(100);
    town.until("rolled out", 20, |town| is_rolled_out(&town.get(Kind::Deployment, "web")));
}

#[test]
fn a_deployment_that_makes_no_progress_says_so_after_its_deadline() {
    let mut town = deployment(4, json!({"progressDeadlineSeconds": 20}));
    town.patch(Kind::Deployment, "web", image("web:2", json!({"live/fate": "bad-image"})));
    town.pass(30_000);
    let web = town.get(Kind::Deployment, "web");
    assert_eq!(condition(&web, "Progressing"), "ProgressDeadlineExceeded");
    assert_eq!(read::count(&web, "/status/availableReplicas"), 3);
}

#[test]
fn a_deployment_that_recreates_stops_everything_first() {
    let mut town = deployment(3, json!({"strategy": {"type": "Recreate"}}));
    town.mark();
    town.patch(Kind::Deployment, "web", image("web:2", json!({})));
    town.pass(200);
    town.until("rolled out", 20, |town| is_rolled_out(&town.get(Kind::Deployment, "web")));
    let seen = town.versions(Kind::Deployment, "web");
    assert!(seen.iter().any(|it| it["status"].get("availableReplicas").is_none()));
    assert!(seen.iter().all(|it| read::count(it, "/status/replicas") <= 3));
}

#[test]
fn deployments_scale_and_pods_that_were_deleted_come_back() {
    let mut town = deployment(2, json!({"minReadySeconds": 3}));
    town.patch(Kind::Deployment, "web", json!({"spec": {"replicas": 5}}));
    town.pass(2_000);
    let web = town.get(Kind::Deployment, "web");
    assert_eq!((read::count(&web, "/status/readyReplicas"), town.pods("web:1")), (5, (5, 2)));
    town.until("available", 10, |town| town.pods("web:1") == (5, 5));
    let name = read::name(town.store().list(Kind::Pod, None).next().unwrap()).to_owned();
    town.store().delete(Kind::Pod, "shop", &name);
    town.pass(20);
    town.until("whole", 10, |town| town.pods("web:1") == (5, 5));
    town.store().delete(Kind::Deployment, "shop", "web");
    town.pass(5_000);
    assert_eq!(town.store().list(Kind::Pod, None).count(), 0);
    assert_eq!(town.store().list(Kind::ReplicaSet, None).count(), 0);
}

fn waiting_reason(town: &mut Town, image: &str) -> (String, i64) {
    let of = |pod: &&Value| read::text(pod, "/spec/containers/0/image") == image;
    let pod = town.store().list(Kind::Pod, None).find(of).cloned().unwrap();
    let status = "/status/containerStatuses/0";
    let reason = read::text(&pod, &format!("{status}/state/waiting/reason")).to_owned();
    (reason, read::count(&pod, &format!("{status}/restartCount")))
}

#[test]
fn an_image_that_is_not_there_backs_off() {
    let mut town = deployment(2, json!({}));
    town.patch(Kind::Deployment, "web", image("web:2", json!({"live/fate": "bad-image"})));
    town.until("tried", 5, |town| {
        town.set("web:2") != Value::Null && waiting_reason(town, "web:2").0 == "ErrImagePull"
    });
    town.pass(4_000);
    assert_eq!(waiting_reason(&mut town, "web:2"), ("ImagePullBackOff".to_owned(), 0));
    let failed = town.events("Failed");
    assert!(failed.iter().any(|it| it.contains("not found")), "{failed:?}");
    assert_eq!(town.events("FailedScheduling").len(), 0);
}

#[test]
fn a_container_that_crashes_is_started_ever_later() {
    let mut town = deployment(2, json!({}));
    town.patch(Kind::Deployment, "web", image("web:2", json!({"live/fate": "crash"})));
    town.pass(12_000);
    let (reason, restarts) = waiting_reason(&mut town, "web:2");
    assert_eq!(reason, "CrashLoopBackOff");
    town.pass(120_000);
    let (_, later) = waiting_reason(&mut town, "web:2");
    assert!(later > restarts && later < 8, "{restarts} then {later}");
    let of = |pod: &&Value| read::text(pod, "/spec/containers/0/image") == "web:2";
    let pod = town.store().list(Kind::Pod, None).find(of).cloned().unwrap();
    let last = read::text(&pod, "/status/containerStatuses/0/lastState/terminated/reason");
    assert_eq!(last, "Error");
}

#[test]
fn a_pod_that_never_becomes_ready_runs() {
    let mut town = deployment(2, json!({}));
    town.patch(Kind::Deployment, "web", image("web:2", json!({"live/fate": "never-ready"})));
    town.pass(20_000);
    let of = |pod: &&Value| read::text(pod, "/spec/containers/0/image") == "web:2";
    let pod = town.store().list(Kind::Pod, None).find(of).cloned().unwrap();
    assert_eq!(read::text(&pod, "/status/phase"), "Running");
    assert!(!super::pod_shape::is_ready(&pod));
    assert_eq!(town.events("Unhealthy").len(), 1);
}

fn stateful(more: Value) -> Town {
    let mut town = Town::new();
    town.put(Kind::StatefulSet, "web", workload(3, more));
    town.until("ready", 20, |town| {
        read::count(&town.get(Kind::StatefulSet, "web"), "/status/availableReplicas") == 3
    });
    town
}

fn images(town: &mut Town) -> Vec<String> {
    let of = |pod: &Value| read::text(pod, "/spec/containers/0/image").to_owned();
    town.store().list(Kind::Pod, None).map(of).collect()
}

#[test]
fn a_stateful_set_renews_its_pods_from_the_last_one_down_to_its_partition() {
    let mut town = stateful(json!({}));
    town.patch(Kind::StatefulSet, "web", image("web:2", json!({})));
    town.pass(12_000);
    assert_eq!(images(&mut town), ["web:2", "web:2", "web:2"]);
    let set = town.get(Kind::StatefulSet, "web");
    assert_eq!(set["status"]["currentRevision"], set["status"]["updateRevision"]);
    let held =
        json!({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}});
    let mut town = stateful(held);
    town.patch(Kind::StatefulSet, "web", image("web:2", json!({})));
    town.pass(12_000);
    assert_eq!(images(&mut town), ["web:1", "web:1", "web:2"]);
}

#[test]
fn a_stuck_ordered_stateful_set_is_not_freed_by_going_back_but_by_deleting_its_pod() {
    let mut town = stateful(json!({}));
    town.patch(Kind::StatefulSet, "web", image("web:2", json!({"live/fate": "never-ready"})));
    town.pass(15_000);
    town.patch(Kind::StatefulSet, "web", image("web:1", json!({"live/fate": null})));
    town.pass(40_000);
    assert_eq!(images(&mut town), ["web:1", "web:1", "web:2"]);
    town.store().delete(Kind::Pod, "shop", "web-2");
    town.pass(4_000);
    assert_eq!(images(&mut town), ["web:1", "web:1", "web:1"]);
    let revisions = town.store().list(Kind::ControllerRevision, None).count();
    assert_eq!(revisions, 2, "going back renumbers a revision");
}

#[test]
fn a_daemon_set_has_a_pod_on_every_node_and_renews_one_at_a_time() {
    let mut town = Town::new();
    let mut set = workload(1, json!({}));
    read::unset(&mut set, "/spec/replicas");
    town.put(Kind::DaemonSet, "web", set);
    let ready =
        |town: &mut Town| read::count(&town.get(Kind::DaemonSet, "web"), "/status/numberAvailable");
    town.until("ready", 10, |town| ready(town) == 2);
    let nodes: Vec<String> = town
        .store()
        .list(Kind::Pod, None)
        .map(|it| read::text(it, "/spec/nodeName").into())
        .collect();
    assert!(nodes.contains(&"node-a".to_owned()) && nodes.contains(&"node-b".to_owned()));
    town.mark();
    town.patch(Kind::DaemonSet, "web", image("web:2", json!({})));
    town.pass(10_000);
    assert_eq!(images(&mut town), ["web:2", "web:2"]);
    let seen = town.versions(Kind::DaemonSet, "web");
    assert!(seen.iter().all(|it| read::count(it, "/status/numberUnavailable") <= 1));
}
