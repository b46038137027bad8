//! Flagger's controller: a run by weights, one that fails, gates, and what a person may write meanwhile.

use serde_json::{Value, json};

use super::read;
use super::testing::Town;
use crate::sim::store::Kind;

const CHECK: &str = "http://flagger-loadtester.shop/gate/check";

fn canary(analysis: &Value) -> Value {
    json!({"spec": {
        "provider": "gatewayapi:v1",
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "service": {"port": 80},
        "analysis": analysis,
    }})
}

fn deployment() -> Value {
    json!({"spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "app", "image": "web:1", "ports": [{"containerPort": 8080}]}]},
        },
    }})
}

/// A Canary at rest that climbs in steps of 20 to 40 every ten seconds.
fn at_rest(more: &Value) -> Town {
    let mut town = Town::new();
    town.store().install(Kind::Canary);
    town.store().install(Kind::HttpRoute);
    town.put(Kind::Service, "flagger-loadtester", json!({"spec": {"selector": {"app": "lt"}}}));
    town.put(Kind::Deployment, "web", deployment());
    let mut analysis = json!({
        "interval": "10s", "threshold": 2, "stepWeight": 20, "maxWeight": 40,
        "metrics": [{"name": "request-success-rate", "interval": "1m", "thresholdRange": {"min": 99}}],
    });
    for (field, value) in more.as_object().unwrap() {
        analysis[field] = value.clone();
    }
    town.put(Kind::Canary, "web", canary(&analysis));
    until(&mut town, "Initialized");
    town
}

fn phase(town: &mut Town) -> String {
    read::text(&town.get(Kind::Canary, "web"), "/status/phase").to_owned()
}

fn until(town: &mut Town, wanted: &str) {
    town.until(wanted, 300, |town| phase(town) == wanted);
}

fn release(town: &mut Town, image: &str, annotations: &Value) {
    let mut object = town.get(Kind::Deployment, "web");
    read::set(&mut object, "/spec/template/spec/containers/0/image", image);
    read::set(&mut object, "/spec/template/metadata/annotations", annotations.clone());
    town.store().update(Kind::Deployment, object).unwrap();
}

fn weights(town: &mut Town) -> Vec<i64> {
    let route = town.get(Kind::HttpRoute, "web");
    let backends = read::list(&route, "/spec/rules/0/backendRefs");
    backends.iter().map(|it| read::count(it, "/weight")).collect()
}

fn gate(town: &mut Town, word: &str) {
    town.world.clusters[0].life.as_mut().unwrap().gates().answer(word, "web.shop");
}

fn replicas(town: &mut Town, name: &str) -> i64 {
    read::count(&town.get(Kind::Deployment, name), "/spec/replicas")
}

#[test]
fn it_makes_a_primary_and_takes_the_pods_of_the_target() {
    let mut town = at_rest(&json!({}));
    assert_eq!((replicas(&mut town, "web"), replicas(&mut town, "web-primary")), (0, 2));
    assert_eq!(weights(&mut town), [100, 0]);
    let canary = town.get(Kind::Canary, "web");
    assert_eq!(read::text(&canary, "/status/conditions/0/status"), "True");
    for service in ["web", "web-canary", "web-primary"] {
        assert!(town.get(Kind::Service, service).is_object(), "{service}");
    }
}

#[test]
fn a_good_version_climbs_is_promoted_and_leaves_no_pods_behind() {
    let mut town = at_rest(&json!({}));
    release(&mut town, "web:2", &json!({}));
    for weight in [20, 40, 0] {
        town.until("the next weight", 120, |town| weights(town)[1] == weight);
    }
    until(&mut town, "Succeeded");
    let primary = town.get(Kind::Deployment, "web-primary");
    assert_eq!(read::text(&primary, "/spec/template/spec/containers/0/image"), "web:2");
    assert_eq!(replicas(&mut town, "web"), 0);
    let canary = town.get(Kind::Canary, "web");
    assert_eq!(canary["status"]["lastPromotedSpec"], canary["status"]["lastAppliedSpec"]);
}

#[test]
fn a_bad_version_fails_its_checks_and_goes_back() {
    let mut town = at_rest(&json!({}));
    release(&mut town, "web:bad", &json!({"live/errors": "0.2"}));
    until(&mut town, "Failed");
    assert_eq!(weights(&mut town), [100, 0]);
    assert_eq!(replicas(&mut town, "web"), 0);
    let said: Vec<String> = town
        .store()
        .list(Kind::Event, Some("shop"))
        .map(|event| read::text(event, "/message").to_owned())
        .collect();
    assert!(
        said.iter().any(|it| it.starts_with("Halt web.shop advancement success rate")),
        "{said:?}"
    );
    assert!(said.iter().any(|it| it == "Rolling back web.shop failed checks threshold reached 2"));
}

#[test]
fn every_gate_holds_until_it_is_open() {
    let hooks: Vec<Value> = ["confirm-rollout", "confirm-traffic-increase", "confirm-promotion"]
        .into_iter()
        .map(|kind| json!({"name": kind, "type": kind, "url": CHECK}))
        .collect();
    let mut town = at_rest(&json!({"webhooks": hooks}));
    release(&mut town, "web:2", &json!({}));
    until(&mut town, "Waiting");
    town.pass(60_000);
    assert_eq!((phase(&mut town), replicas(&mut town, "web")), ("Waiting".to_owned(), 0));
    gate(&mut town, "gate/open");
    until(&mut town, "Progressing");
    gate(&mut town, "gate/close");
    town.pass(60_000);
    assert_eq!(weights(&mut town), [100, 0]);
    gate(&mut town, "gate/open");
    town.until("the top", 120, |town| weights(town)[1] == 40);
    gate(&mut town, "gate/close");
    until(&mut town, "WaitingPromotion");
    let canary = town.get(Kind::Canary, "web");
    assert_eq!(canary["status"]["canaryWeight"], 0, "as the real one writes it");
    assert_eq!(weights(&mut town), [60, 40]);
    gate(&mut town, "gate/open");
    until(&mut town, "Succeeded");
}

#[test]
fn what_a_person_writes_is_heeded_at_the_next_look() {
    let mut town = at_rest(&json!({"maxWeight": 100}));
    release(&mut town, "web:2", &json!({}));
    town.until("traffic", 120, |town| weights(town)[1] == 20);
    let mut canary = town.get(Kind::Canary, "web");
    read::set(&mut canary, "/spec/suspend", true);
    town.store().update(Kind::Canary, canary).unwrap();
    town.pass(60_000);
    assert_eq!(weights(&mut town), [80, 20]);
    let mut canary = town.get(Kind::Canary, "web");
    read::set(&mut canary, "/spec/suspend", false);
    read::set(&mut canary, "/spec/skipAnalysis", true);
    town.store().update(Kind::Canary, canary).unwrap();
    until(&mut town, "Succeeded");
    assert_eq!(weights(&mut town), [100, 0]);
    town.pass(60_000);
    assert_eq!(phase(&mut town), "Succeeded", "the same version is no new one");
}

#[test]
fn without_a_mesh_it_counts_iterations() {
    let mut town = at_rest(&json!({"iterations": 2, "stepWeight": 0}));
    release(&mut town, "web:2", &json!({}));
    until(&mut town, "Promoting");
    until(&mut town, "Succeeded");
    assert_eq!(replicas(&mut town, "web"), 0);
}
