//! Workloads, what belongs to them, and who takes over whom.

use serde_json::{Value, json};

use super::super::bounds;
use super::super::compose::{Found, Tables};
use super::super::details::DetailKey;
use super::super::fields::{Reading, Words};
use super::super::rows::Maker;
use super::super::watch::Heard;
use super::*;
use crate::domain::bounds::Autoscaler;
use crate::domain::ids::ClusterName;
use crate::domain::observed::Timestamp;

const EVERYWHERE: Option<Namespace> = None;
const ROLLOUTS: FleetKind = FleetKind::Workloads(WorkloadKind::Rollout);
const CANARIES: FleetKind = FleetKind::Workloads(WorkloadKind::Canary);
const DEPLOYMENTS: FleetKind = FleetKind::Workloads(WorkloadKind::Deployment);

fn key(kind: FleetKind) -> FleetKey {
    FleetKey { kind, namespace: EVERYWHERE }
}

fn put(fleet: &mut Fleet, kind: FleetKind, object: &Value) -> Vec<String> {
    let cluster = ClusterName::new("east");
    let mut maker = Maker { cluster, kind, words: Words::default() };
    let row = maker.row(object, Timestamp::UNIX_EPOCH).expect("a row");
    names(&fleet.put(&key(kind), row, Came::Changed))
}

fn names(targets: &[WorkloadRef]) -> Vec<String> {
    let mut names: Vec<String> =
        targets.iter().map(|target| format!("{}/{}", target.kind, target.name)).collect();
    names.sort();
    names
}

fn object(name: &str, spec: &Value) -> Value {
    let metadata = json!({ "namespace": "shop", "name": name, "uid": format!("u-{name}") });
    json!({ "metadata": metadata, "spec": spec })
}

fn taking(name: &str, deployment: &str) -> Value {
    let source = json!({ "kind": "Deployment", "name": deployment });
    object(name, &json!({ "strategy": { "canary": {} }, "workloadRef": source }))
}

fn set(owner: &str, hash: &str, created: &str, template: &str) -> Value {
    json!({
        "metadata": { "namespace": "shop", "name": format!("{owner}-{hash}"),
            "uid": format!("u-{owner}-{hash}"), "creationTimestamp": created,
            "labels": { "pod-template-hash": hash },
            "ownerReferences": [{ "kind": "Deployment", "uid": format!("u-{owner}"),
                "controller": true }] },
        "spec": { "template": { "metadata": { "labels": { "pod-template-hash": hash } },
            "spec": { "nodeName": template } } },
    })
}

fn taken_over_by(fleet: &Fleet, name: &str) -> Option<String> {
    let target = fleet.by_target.keys().find(|target| target.name.as_str() == name)?;
    fleet.workload(target)?.part_of.map(|(_, name)| name.to_string())
}

#[test]
fn a_deployment_knows_the_rollout_that_took_it_over_whoever_came_first() {
    let mut fleet = Fleet::default();
    put(&mut fleet, ROLLOUTS, &taking("ro", "web"));
    put(&mut fleet, DEPLOYMENTS, &object("web", &json!({})));
    assert_eq!(taken_over_by(&fleet, "web"), Some("ro".to_owned()));
    put(&mut fleet, DEPLOYMENTS, &object("api", &json!({})));
    let dirty = put(&mut fleet, ROLLOUTS, &taking("ro", "api"));
    assert_eq!(dirty, ["Deployment/api", "Deployment/web", "Rollout/ro"]);
    assert_eq!(taken_over_by(&fleet, "web"), None);
    assert_eq!(taken_over_by(&fleet, "api"), Some("ro".to_owned()));
    let dirty = names(&fleet.gone(&Uid::new("u-ro")));
    assert_eq!(dirty, ["Deployment/api", "Rollout/ro"]);
    assert_eq!(taken_over_by(&fleet, "api"), None);
}

#[test]
fn the_current_revision_is_the_oldest_set_with_the_deployments_own_template() {
    let mut fleet = Fleet::default();
    let template = json!({ "template": { "spec": { "nodeName": "b" } } });
    put(&mut fleet, DEPLOYMENTS, &object("web", &template));
    let target = fleet.by_target.keys().next().expect("a workload").clone();
    let current = |fleet: &Fleet| {
        let workload = fleet.workload(&target).expect("a workload");
        workload.current_hash().map(|hash| hash.as_str().to_owned())
    };
    assert_eq!(current(&fleet), None);
    for (hash, created, template) in [
        ("h1", "2026-01-01T00:00:00Z", "a"),
        ("h3", "2026-01-03T00:00:00Z", "b"),
        ("h2", "2026-01-02T00:00:00Z", "b"),
    ] {
        let dirty = put(&mut fleet, FleetKind::Sets, &set("web", hash, created, template));
        assert_eq!(dirty, ["Deployment/web"]);
    }
    assert_eq!(current(&fleet).as_deref(), Some("h2"));
    assert_eq!(names(&fleet.gone(&Uid::new("u-web-h2"))), ["Deployment/web"]);
    assert_eq!(current(&fleet).as_deref(), Some("h3"));
}

#[test]
fn sets_wait_for_their_workload_and_outlive_it() {
    let mut fleet = Fleet::default();
    let early = set("web", "h1", "2026-01-01T00:00:00Z", "a");
    assert!(put(&mut fleet, FleetKind::Sets, &early).is_empty());
    put(&mut fleet, DEPLOYMENTS, &object("web", &json!({})));
    let target = fleet.by_target.keys().next().expect("a workload").clone();
    assert_eq!(fleet.workload(&target).expect("a workload").revisions.len(), 1);
    assert_eq!(names(&fleet.gone(&Uid::new("u-web"))), ["Deployment/web"]);
    assert!(fleet.workload(&target).is_none());
    assert!(fleet.gone(&Uid::new("u-web-h1")).is_empty());
    assert!(fleet.sets.is_empty() && fleet.owner_of.is_empty());
}

#[test]
fn a_list_removes_only_what_its_own_watch_brought() {
    let mut fleet = Fleet::default();
    put(&mut fleet, DEPLOYMENTS, &object("web", &json!({})));
    put(&mut fleet, ROLLOUTS, &taking("ro", "web"));
    fleet.begin(&key(ROLLOUTS));
    assert_eq!(names(&fleet.whole(&key(ROLLOUTS))), ["Deployment/web", "Rollout/ro"]);
    assert_eq!(fleet.by_target.len(), 1);
    let narrow = FleetKey { kind: DEPLOYMENTS, namespace: Some(Namespace::new("x")) };
    assert!(fleet.forget(&narrow).is_empty());
    assert_eq!(names(&fleet.forget(&key(DEPLOYMENTS))), ["Deployment/web"]);
}

#[test]
fn a_canary_has_the_autoscalers_and_budgets_of_its_target_and_of_its_primary() {
    let mut fleet = Fleet::default();
    let canary = |scaler: &str| {
        let spec = json!({ "targetRef": { "kind": "Deployment", "name": "web" },
            "autoscalerRef": { "kind": scaler, "name": "web" } });
        object("web-canary", &spec)
    };
    put(&mut fleet, CANARIES, &canary("HorizontalPodAutoscaler"));
    for name in ["web", "web-primary"] {
        let spec = json!({ "selector": { "matchLabels": { "app": name } } });
        put(&mut fleet, DEPLOYMENTS, &object(name, &spec));
    }
    let (mut tables, mut words) = (Tables::default(), Words::default());
    let mut reading = Reading::new(&mut words);
    let shop = || Namespace::new("shop");
    for key in [DetailKey::Autoscalers(shop()), DetailKey::Budgets(shop())] {
        tables.hear(&key, Heard::Whole(Timestamp::UNIX_EPOCH));
    }
    for name in ["web", "web-primary", "other"] {
        let spec = json!({ "scaleTargetRef": { "kind": "Deployment", "name": name } });
        let scaler = bounds::autoscaler(&object(name, &spec), &mut reading);
        let heard = Heard::Changed(Found::Autoscaler(Box::new(scaler)), Timestamp::UNIX_EPOCH);
        tables.hear(&DetailKey::Autoscalers(shop()), heard);
        let selector = json!({ "selector": { "matchLabels": { "app": name } } });
        let budget = bounds::budget(&object(&format!("b-{name}"), &selector), &mut reading);
        let heard = Heard::Changed(Found::Budget(Box::new(budget)), Timestamp::UNIX_EPOCH);
        tables.hear(&DetailKey::Budgets(shop()), heard);
    }
    let targets = fleet.by_target.keys().cloned();
    let is_canary = |target: &WorkloadRef| target.kind == WorkloadKind::Canary;
    let target = targets.into_iter().find(is_canary).expect("the canary");
    let found = |fleet: &Fleet| {
        let parts = fleet.parts(&target).expect("parts");
        tables.detail(&target, &parts, Timestamp::UNIX_EPOCH).bounds
    };
    let bounds = found(&fleet);
    let name = |scaler: &Option<Autoscaler>| scaler.as_ref().map(|it| it.name.to_string());
    assert_eq!(name(&bounds.autoscaler).as_deref(), Some("web"));
    assert_eq!(name(&bounds.primary_autoscaler).as_deref(), Some("web-primary"));
    let budgets: Vec<&str> = bounds.budgets.iter().map(|it| it.name.as_str()).collect();
    assert_eq!((budgets, bounds.unread), (vec!["b-web", "b-web-primary"], None));
    put(&mut fleet, CANARIES, &canary("ScaledObject"));
    let unread = "autoscalers: ScaledObject web is of a kind that is not read";
    assert_eq!(found(&fleet).unread, Some(Text::from(unread)));
}

const INGRESSES: FleetKind = FleetKind::Routes(RouteKind::Ingress);

fn routed(name: &str) -> Value {
    let routing = json!({ "nginx": { "stableIngress": "front" } });
    object(name, &json!({ "strategy": { "canary": { "trafficRouting": routing } } }))
}

fn weighted(weight: &str) -> Value {
    json!({ "metadata": { "namespace": "shop", "name": "api-front-canary", "uid": "u-i",
        "annotations": { "nginx.ingress.kubernetes.io/canary": "true",
            "nginx.ingress.kubernetes.io/canary-weight": weight } } })
}

fn told(fleet: &Fleet, name: &str) -> (String, Result<u32, String>) {
    let target = fleet.by_target.keys().find(|target| target.name.as_str() == name).unwrap();
    let workload = fleet.workload(target).unwrap();
    let object = &workload.rollout().unwrap().routers[0];
    (object.name.to_string(), object.canary.clone().map_err(|why| why.to_string()))
}

fn forbidden() -> Trouble {
    Trouble::Forbidden(Box::new(crate::domain::feed::Permission {
        verb: "list".into(),
        resource: "ingresses".into(),
        namespace: None,
    }))
}

#[test]
fn a_rollout_learns_what_its_router_carries_whichever_comes_first() {
    let mut fleet = Fleet::default();
    put(&mut fleet, ROLLOUTS, &routed("api"));
    let name = "Ingress api-front-canary".to_owned();
    assert_eq!(told(&fleet, "api"), (name.clone(), Err("not read yet".to_owned())));
    assert_eq!(names(&fleet.whole(&key(INGRESSES))), ["Rollout/api"]);
    assert_eq!(told(&fleet, "api").1, Err("it is not there".to_owned()));
    assert_eq!(put(&mut fleet, INGRESSES, &weighted("25")), ["Rollout/api"]);
    assert_eq!(told(&fleet, "api"), (name, Ok(25)));

    let mut bare = weighted("25");
    bare["metadata"]["annotations"] = json!({ "n/rewrite": "/" });
    assert_eq!(put(&mut fleet, INGRESSES, &bare), ["Rollout/api"], "it splits no more");
    assert_eq!(told(&fleet, "api").1, Err("it is not there".to_owned()));
    put(&mut fleet, INGRESSES, &weighted("30"));
    assert_eq!(names(&fleet.gone(&Uid::new("u-i"))), ["Rollout/api"]);
    assert_eq!(told(&fleet, "api").1, Err("it is not there".to_owned()));

    let mut late = Fleet::default();
    assert!(put(&mut late, INGRESSES, &weighted("25")).is_empty());
    put(&mut late, ROLLOUTS, &routed("api"));
    assert_eq!(told(&late, "api").1, Ok(25));
}

#[test]
fn a_router_that_may_not_be_read_is_told_and_what_it_said_is_forgotten() {
    let mut fleet = Fleet::default();
    put(&mut fleet, ROLLOUTS, &routed("api"));
    put(&mut fleet, INGRESSES, &weighted("25"));
    fleet.whole(&key(INGRESSES));
    let broken = Trouble::TimedOut { after: std::time::Duration::from_secs(1) };
    assert!(fleet.unread(&key(INGRESSES), &broken).is_empty());
    assert_eq!(told(&fleet, "api").1, Ok(25), "a broken line changes nothing");
    fleet.forget(&key(INGRESSES));
    assert_eq!(names(&fleet.unread(&key(INGRESSES), &forbidden())), ["Rollout/api"]);
    let why = told(&fleet, "api").1.unwrap_err();
    assert!(why.contains("list ingresses"), "{why}");
    let kind = Trouble::KindMissing("no such kind".into());
    fleet.unread(&key(INGRESSES), &kind);
    assert_eq!(told(&fleet, "api").1, Err(kind.to_string()));
}

#[test]
fn a_router_outside_of_the_namespaces_that_are_followed_is_told_as_such() {
    let mut fleet = Fleet::default();
    put(&mut fleet, ROLLOUTS, &routed("api"));
    let elsewhere = FleetKey { kind: INGRESSES, namespace: Some(Namespace::new("infra")) };
    fleet.whole(&elsewhere);
    assert_eq!(told(&fleet, "api").1, Err("its namespace shop is not followed".to_owned()));
}

#[test]
fn a_list_without_the_object_ends_what_it_said() {
    let mut fleet = Fleet::default();
    put(&mut fleet, ROLLOUTS, &routed("api"));
    put(&mut fleet, INGRESSES, &weighted("25"));
    fleet.begin(&key(INGRESSES));
    assert_eq!(names(&fleet.whole(&key(INGRESSES))), ["Rollout/api"; 2]);
    assert_eq!(told(&fleet, "api").1, Err("it is not there".to_owned()));
}
