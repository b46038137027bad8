//! Details, answers to questions and small probes, against a server that says what it is told to.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::probe::{self, Access};
use super::query::answer;
use super::resource;
use super::scripted::{
    DEPLOYMENTS, ROLLOUTS, Rig, SETS, Say, Server, deployment, event, list, set, target,
};
use crate::domain::detail::Detail;
use crate::domain::feed::{Answer, Feed, LogLife, Query, RevisionPair, Scope, Trouble};
use crate::domain::ids::{ClusterName, Name, Namespace, PodHash, WorkloadKind, WorkloadRef};
use crate::domain::text::Text;

const PODS: &str = "/api/v1/namespaces/shop/pods";
const EVENTS: &str = "/api/v1/namespaces/shop/events";
const RUNS: &str = "/apis/argoproj.io/v1alpha1/namespaces/shop/analysisruns";

fn pod(name: &str, set: &str, version: &str) -> Value {
    json!({
        "metadata": { "name": name, "namespace": "shop", "uid": format!("u-{name}"),
            "resourceVersion": version,
            "ownerReferences": [{ "kind": "ReplicaSet", "controller": true, "uid": format!("u-{set}") }] },
        "spec": { "containers": [{ "name": "app" }] },
        "status": { "phase": "Running", "containerStatuses": [{ "name": "app", "ready": true,
            "restartCount": 2, "state": { "running": {} } }] },
    })
}

fn about(uid: &str, kind: &str, name: &str, of: &str) -> Value {
    json!({
        "metadata": { "name": uid, "uid": uid, "resourceVersion": "5" },
        "involvedObject": { "kind": kind, "name": name, "uid": of },
        "reason": "Because", "message": uid, "type": "Normal",
        "lastTimestamp": format!("2026-01-01T00:00:{uid}Z"),
    })
}

async fn shop() -> Server {
    let server = Server::new();
    let a = list("10", "", &[deployment("a", "3"), deployment("b", "4")]);
    server.script("list", DEPLOYMENTS, [Say::Json(200, a)]).await;
    let sets = list("11", "", &[set("a", "h1", "1", "5"), set("b", "h2", "1", "6")]);
    server.script("list", SETS, [Say::Json(200, sets)]).await;
    server
}

fn open(rig: &Rig, names: &[&str]) {
    let scopes: BTreeSet<Scope> = names.iter().map(|name| Scope::Detail(target(name))).collect();
    rig.scopes.send(scopes).expect("a follower");
}

async fn detail(rig: &mut Rig) -> Box<Detail> {
    let found = rig.until(|feed| matches!(feed, Feed::Detail(_))).await;
    let Feed::Detail(detail) = found.0 else { panic!("not a detail") };
    detail
}

#[tokio::test(start_paused = true)]
async fn a_detail_has_the_pods_of_its_replica_sets_and_the_events_of_all_of_them() {
    let server = shop().await;
    let pods = [pod("a-h1-x", "a-h1", "6"), pod("other", "b-h2", "7")];
    server.script("list", PODS, [Say::Json(200, list("12", "", &pods))]).await;
    let events = [
        about("05", "Deployment", "a", "u-a"),
        about("04", "Deployment", "a", "u-an-earlier-life"),
        about("03", "ReplicaSet", "a-h1", "u-a-h1"),
        about("02", "Pod", "a-h1-gone", "u-gone"),
        about("01", "Pod", "a-h1extra-x", "u-x"),
        about("00", "Deployment", "b", "u-b"),
    ];
    server.script("list", EVENTS, [Say::Json(200, list("13", "", &events))]).await;
    let mut rig = Rig::start(server);
    rig.synced().await;
    open(&rig, &["a"]);
    let detail = detail(&mut rig).await;
    let names: Vec<&str> = detail.pods.iter().map(|pod| pod.name.as_str()).collect();
    assert_eq!(names, ["a-h1-x"]);
    assert_eq!((detail.pods[0].restarts, detail.pods[0].is_ready()), (2, true));
    let said: Vec<&str> = detail.events.iter().map(|event| event.message.as_str()).collect();
    assert_eq!(said, ["02", "03", "05"], "oldest first");
    assert_eq!(&*detail.missing, &[] as &[Text]);
    let asked = rig.server.asked("list /api/v1/namespaces/shop/pods").await;
    assert!(asked[0].1.contains("labelSelector=app%3Da"), "{asked:?}");
    assert!(rig.server.asked("list /apis/argoproj.io/v1alpha1/namespaces").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn details_of_one_namespace_share_its_watch_of_events_and_end_with_their_scope() {
    let mut rig = Rig::start(shop().await);
    rig.synced().await;
    open(&rig, &["a", "b"]);
    rig.during(Duration::from_secs(2)).await;
    assert_eq!(rig.server.asked("list /api/v1/namespaces/shop/events").await.len(), 1);
    assert_eq!(rig.server.asked("list /api/v1/namespaces/shop/pods").await.len(), 2);
    open(&rig, &[]);
    rig.during(Duration::from_secs(2)).await;
    let before = rig.server.asked("watch /api/v1/namespaces").await.len();
    let news = rig.during(Duration::from_mins(3)).await;
    assert_eq!(rig.server.asked("watch /api/v1/namespaces").await.len(), before);
    assert!(!news.iter().any(|feed| matches!(feed, Feed::Detail(_))));
}

#[tokio::test(start_paused = true)]
async fn a_busy_detail_is_told_at_most_four_times_a_second_and_last_with_the_newest() {
    let server = shop().await;
    let lines = server.watch(PODS).await;
    let mut rig = Rig::start(server);
    rig.synced().await;
    open(&rig, &["a"]);
    detail(&mut rig).await;
    for count in 0..100u32 {
        let line =
            event("ADDED", &pod(&format!("a-h1-{count}"), "a-h1", &(20 + count).to_string()));
        lines.send(line).await.expect("a listener");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let news = rig.during(Duration::from_secs(1)).await;
    let details: Vec<usize> = news
        .iter()
        .filter_map(
            |feed| if let Feed::Detail(detail) = feed { Some(detail.pods.len()) } else { None },
        )
        .collect();
    // Two seconds of changes, and one more at the end.
    assert!((2..=10).contains(&details.len()), "{details:?}");
    assert_eq!(details.last(), Some(&100));
}

#[tokio::test(start_paused = true)]
async fn parts_that_cannot_be_read_are_named_and_the_rest_is_there() {
    let server = Server::new();
    let mut rollout = deployment("r", "3");
    rollout["spec"]["strategy"] = json!({ "canary": {} });
    server.script("list", ROLLOUTS, [Say::Json(200, list("9", "", &[rollout]))]).await;
    let no = || Say::Json(403, json!({ "kind": "Status", "message": "no" }));
    server.script("list", PODS, (0..20).map(|_| no())).await;
    let missing = (0..20).map(|_| Say::Raw(404, "text/plain", "404 page not found".into()));
    server.script("list", RUNS, missing).await;
    server.script("list", EVENTS, [Say::Nothing]).await;
    let mut rig = Rig::start(server);
    rig.synced().await;
    let rollout = WorkloadRef { kind: WorkloadKind::Rollout, ..target("r") };
    rig.scopes.send([Scope::Detail(rollout)].into()).expect("a follower");
    let detail = detail(&mut rig).await;
    let missing: Vec<&str> = detail.missing.iter().map(Text::as_str).collect();
    assert_eq!(
        missing,
        [
            "pods: no permission to list pods in namespace shop",
            "analysis runs: AnalysisRun is not installed in this cluster",
            "events: not read yet",
        ]
    );
}

fn log_query(life: LogLife) -> Query {
    Query::Log {
        cluster: ClusterName::new("east"),
        namespace: Namespace::new("shop"),
        pod: Name::new("a-1"),
        container: Name::new("app"),
        life,
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_is_its_end_made_safe() {
    let server = Server::new();
    let path = format!("{PODS}/a-1/log");
    let text = "one\n\u{1b}[31mtwo\n".to_owned();
    let none = json!({ "kind": "Status", "message": "previous terminated container not found" });
    server.script("get", &path, [Say::Raw(200, "text/plain", text), Say::Json(400, none)]).await;
    let rig = Rig::start(server);
    let Answer::Block(block) = answer(&rig.cluster, &log_query(LogLife::Current)).await else {
        panic!("no log")
    };
    let lines: Vec<&str> = block.value.lines().iter().map(Text::as_str).collect();
    assert_eq!(lines, ["one", "^[[31mtwo"]);
    let detail = Text::clean("previous terminated container not found");
    assert_eq!(
        answer(&rig.cluster, &log_query(LogLife::Previous)).await,
        Answer::Failed(Trouble::Refused { code: 400, detail })
    );
    let asked = rig.server.asked(&format!("get {path}")).await;
    assert!(asked[0].1.contains("tailLines=500") && asked[0].1.contains("previous=false"));
    assert!(asked[1].1.contains("previous=true"), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_question_without_an_answer_is_answered_after_its_deadline() {
    let server = Server::new();
    server.script("get", &format!("{PODS}/a-1/log"), [Say::Nothing]).await;
    let rig = Rig::start(server);
    let timed_out = Trouble::TimedOut { after: Duration::from_secs(10) };
    assert_eq!(answer(&rig.cluster, &log_query(LogLife::Current)).await, Answer::Failed(timed_out));
}

#[tokio::test(start_paused = true)]
async fn an_object_is_shown_without_what_only_machines_read() {
    let server = Server::new();
    let mut object = deployment("a", "3");
    object["metadata"]["managedFields"] = json!([{ "manager": "kubectl" }]);
    object["metadata"]["annotations"] =
        json!({ "kubectl.kubernetes.io/last-applied-configuration": "{}", "keep": "it" });
    let path = "/apis/apps/v1/namespaces/shop/deployments/a";
    server.script("get", path, [Say::Json(200, object)]).await;
    let rig = Rig::start(server);
    let Answer::Block(block) = answer(&rig.cluster, &Query::Yaml(target("a"))).await else {
        panic!("no object")
    };
    let lines: Vec<&str> = block.value.lines().iter().map(Text::as_str).collect();
    assert!(lines.contains(&"  name: a") && lines.iter().any(|line| line.trim() == "keep: it"));
    assert!(!lines.iter().any(|line| line.contains("managedFields") || line.contains("applied")));
    let missing = answer(&rig.cluster, &Query::Yaml(target("nope"))).await;
    assert_eq!(missing, Answer::Failed(Trouble::NotFound(Text::clean("Deployment nope"))));
}

#[tokio::test(start_paused = true)]
async fn templates_are_those_of_the_revisions_without_their_hash() {
    let server = Server::new();
    let collection = "/apis/apps/v1/namespaces/shop/replicasets";
    let stray = set("b", "h1", "1", "5");
    let found = || Say::Json(200, list("9", "", &[stray.clone(), set("a", "h1", "1", "5")]));
    server.script("get", collection, [found(), found()]).await;
    server
        .script(
            "get",
            "/apis/apps/v1/namespaces/shop/deployments/a",
            [Say::Json(200, deployment("a", "3"))],
        )
        .await;
    let rig = Rig::start(server);
    let pair = |canary: Option<&str>, stable: Option<&str>| {
        Query::Templates(RevisionPair {
            target: target("a"),
            canary: canary.map(PodHash::new),
            stable: stable.map(PodHash::new),
        })
    };
    let Answer::Templates(both) = answer(&rig.cluster, &pair(None, Some("h1"))).await else {
        panic!("no templates")
    };
    assert_eq!(both.value.0, both.value.1, "the same template but for its hash");
    assert!(both.value.0.lines().iter().any(|line| line.as_str().trim() == "app: a"));
    let unknown = answer(&rig.cluster, &pair(Some("h1"), None)).await;
    assert_eq!(unknown, Answer::Failed(Trouble::NotFound(Text::clean("a stable revision"))));
    let asked = rig.server.asked(&format!("get {collection}")).await;
    assert!(asked[0].1.contains("labelSelector=pod-template-hash%3Dh1"), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn questions_for_others_are_not_answered_here() {
    let rig = Rig::start(Server::new());
    let pair = RevisionPair { target: target("a"), canary: None, stable: None };
    let answered = answer(&rig.cluster, &Query::Compare(pair)).await;
    assert_eq!(answered, Answer::Failed(Trouble::NotConfigured));
}

#[tokio::test(start_paused = true)]
async fn probes_ask_for_version_rights_and_kinds() {
    let server = Server::new();
    let version = json!({ "gitVersion": "v1.36.3" });
    server.script("get", "/version", [Say::Json(200, version)]).await;
    let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let allowed = json!({ "status": { "allowed": true, "reason": "" } });
    let denied = json!({ "status": { "allowed": false, "reason": "RBAC" } });
    let says = [Say::Json(201, allowed), Say::Json(201, denied), Say::Json(201, json!({}))];
    server.script("get", reviews, says).await;
    let kinds = json!({ "resources": [{ "name": "rollouts" }, { "name": "rollouts/status" }] });
    server.script("get", "/apis/argoproj.io/v1alpha1", [Say::Json(200, kinds)]).await;
    let rig = Rig::start(server);
    let cluster = &rig.cluster;
    assert_eq!(probe::version(cluster).await, Ok(Text::clean("v1.36.3")));
    let access = Access {
        verb: "patch",
        resource: resource::ROLLOUTS,
        subresource: Some("status"),
        namespace: Some(Namespace::new("shop")),
    };
    assert!(probe::review(cluster, &access).await.expect("a review").allowed);
    let review = probe::review(cluster, &access).await.expect("a review");
    assert_eq!((review.allowed, review.reason), (false, Some(Text::clean("RBAC"))));
    assert!(probe::review(cluster, &access).await.is_err(), "no word is no permission");
    assert_eq!(probe::is_installed(cluster, resource::ROLLOUTS).await, Ok(true));
    assert_eq!(probe::is_installed(cluster, resource::ANALYSIS_RUNS).await, Ok(false));
}

#[tokio::test(start_paused = true)]
async fn replication_controllers_are_read_only_where_there_are_deployment_configs() {
    for (has, reads) in [(true, 1), (false, 0)] {
        let server = Server::new();
        if !has {
            let missing = Say::Raw(404, "text/plain", "404 page not found\n".to_owned());
            let configs = "/apis/apps.openshift.io/v1/deploymentconfigs";
            server.script("list", configs, [missing]).await;
        }
        let mut rig = Rig::start(server);
        rig.synced().await;
        assert_eq!(rig.server.asked("list /api/v1/replicationcontrollers").await.len(), reads);
    }
}
