//! A small cluster for the tests of controllers.

use std::time::Duration;

use serde_json::{Value, json};

use super::read;
use crate::sim::patch::merge;
use crate::sim::store::{Kind, key_of};
use crate::sim::world::World;

/// The namespace of everything here.
const HOME: &str = "shop";

/// A cluster with two nodes, in which time passes when a test says so.
pub(super) struct Town {
    pub(super) world: World,
    seen: u64,
}

impl Town {
    pub(super) fn new() -> Self {
        let start = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut town = Self { world: World::living(start, &["east"], 7), seen: 0 };
        for node in ["node-a", "node-b"] {
            town.store().create(Kind::Node, json!({"metadata": {"name": node}})).unwrap();
        }
        town
    }

    pub(super) fn store(&mut self) -> &mut crate::sim::store::Store {
        &mut self.world.clusters[0].store
    }

    /// Creates an object in the namespace.
    pub(super) fn put(&mut self, kind: Kind, name: &str, mut object: Value) {
        object["metadata"]["name"] = name.into();
        object["metadata"]["namespace"] = HOME.into();
        self.store().create(kind, object).unwrap();
    }

    /// Creates a Rollout `web` of a strategy, with the services that strategies here name, and waits
    /// until it is healthy.
    pub(super) fn rollout(&mut self, replicas: i64, spec: Value) {
        self.services();
        self.put(Kind::Rollout, "web", rollout(replicas, spec));
        self.until("healthy", 30, |town| town.phase() == "Healthy");
    }

    pub(super) fn services(&mut self) {
        for name in ["web-canary", "web-stable", "web-active", "web-preview"] {
            let service = json!({"spec": {"selector": {"app": "web"}}});
            self.put(Kind::Service, name, service);
        }
        let backend = json!({"service": {"name": "web-stable", "port": {"number": 80}}});
        let path = json!({"path": "/", "backend": backend});
        let ingress = json!({"spec": {"rules": [{"http": {"paths": [path]}}]}});
        self.put(Kind::Ingress, "web", ingress);
    }

    /// An analysis template `errors` that measures every five seconds, six times.
    pub(super) fn template(&mut self, name: &str, success: &str, failure: &str) {
        let of = |more: &str| {
            format!(
                "sum(rate(http_requests_total{{rollouts_pod_template_hash=\"{{{{args.hash}}}}\"\
                 {more}}}[30s]))"
            )
        };
        let query = format!("{} / {}", of(",code=~\"5..\""), of(""));
        let metric = json!({
            "name": "errors",
            "interval": "5s",
            "count": 6,
            "failureLimit": 1,
            "successCondition": success,
            "failureCondition": failure,
            "provider": {"prometheus": {"address": "http://prometheus", "query": query}},
        });
        let spec = json!({"args": [{"name": "hash"}], "metrics": [metric]});
        self.put(Kind::AnalysisTemplate, name, json!({"spec": spec}));
    }

    pub(super) fn get(&mut self, kind: Kind, name: &str) -> Value {
        self.store().get(kind, HOME, name).cloned().unwrap_or_default()
    }

    pub(super) fn web(&mut self) -> Value {
        self.get(Kind::Rollout, "web")
    }

    pub(super) fn phase(&mut self) -> String {
        read::text(&self.web(), "/status/phase").to_owned()
    }

    pub(super) fn message(&mut self) -> String {
        read::text(&self.web(), "/status/message").to_owned()
    }

    pub(super) fn step(&mut self) -> i64 {
        read::int(&self.web(), "/status/currentStepIndex").unwrap_or(-1)
    }

    pub(super) fn weight(&mut self) -> i64 {
        read::int(&self.web(), "/status/canary/weights/canary/weight").unwrap_or(-1)
    }

    /// The reason of the condition of progress.
    pub(super) fn progress(&mut self) -> String {
        let web = self.web();
        let all = read::list(&web, "/status/conditions");
        let found = all.iter().find(|it| read::text(it, "/type") == "Progressing");
        found.map(|it| read::text(it, "/reason").to_owned()).unwrap_or_default()
    }

    /// A text of the status of `web`.
    pub(super) fn told(&mut self, field: &str) -> String {
        read::text(&self.web(), &format!("/status/{field}")).to_owned()
    }

    /// The hash that a service selects.
    pub(super) fn selects(&mut self, service: &str) -> String {
        let service = self.get(Kind::Service, service);
        read::text(&service, "/spec/selector/rollouts-pod-template-hash").to_owned()
    }

    /// The ReplicaSet of an image: wanted and available pods.
    pub(super) fn pods(&mut self, image: &str) -> (i64, i64) {
        let set = self.set(image);
        (read::count(&set, "/spec/replicas"), read::count(&set, "/status/availableReplicas"))
    }

    pub(super) fn set(&mut self, image: &str) -> Value {
        let of = |set: &&Value| read::text(set, "/spec/template/spec/containers/0/image") == image;
        self.store().list(Kind::ReplicaSet, None).find(of).cloned().unwrap_or_default()
    }

    pub(super) fn hash(&mut self, image: &str) -> String {
        let set = self.set(image);
        read::label(&set, "rollouts-pod-template-hash").unwrap_or_default().to_owned()
    }

    /// Merges a patch into an object, as a client does.
    pub(super) fn patch(&mut self, kind: Kind, name: &str, patch: Value) {
        let Value::Object(patch) = patch else { unreachable!() };
        let next = merge(self.get(kind, name), patch);
        self.store().update(kind, next).unwrap();
    }

    #[expect(clippy::needless_pass_by_value, reason = "the callers make it in place")]
    pub(super) fn spec(&mut self, patch: Value) {
        self.patch(Kind::Rollout, "web", json!({"spec": patch}));
    }

    /// Merges a patch into the status of `web`, as a client does on `/status`.
    #[expect(clippy::needless_pass_by_value, reason = "the callers make it in place")]
    pub(super) fn status(&mut self, patch: Value) {
        let Value::Object(patch) = json!({"status": patch}) else { unreachable!() };
        let next = merge(self.web(), patch);
        let key = key_of(Kind::Rollout, &next);
        self.store().replace(Kind::Rollout, &key, next);
    }

    /// Gives `web` another image, with annotations for its pods.
    #[expect(clippy::needless_pass_by_value, reason = "the callers make it in place")]
    pub(super) fn release(&mut self, image: &str, annotations: Value) {
        let containers = json!([{"name": "app", "image": image}]);
        let mut template = json!({"spec": {"containers": containers}});
        template["metadata"] = json!({"annotations": annotations});
        self.spec(json!({"template": template}));
    }

    /// Lets milliseconds pass.
    pub(super) fn pass(&mut self, ms: u64) {
        self.world.step(Duration::from_millis(ms));
    }

    /// Lets time pass until something holds, at most so many seconds.
    pub(super) fn until(&mut self, what: &str, seconds: u64, holds: impl Fn(&mut Self) -> bool) {
        for _ in 0..seconds * 100 {
            if holds(self) {
                return;
            }
            self.pass(10);
        }
        let web = self.web();
        panic!("not {what} after {seconds} s: {}", web["status"]);
    }

    /// Forgets what changed so far.
    pub(super) fn mark(&mut self) {
        self.seen = self.store().revision();
    }

    /// The versions of an object since the mark.
    pub(super) fn versions(&mut self, kind: Kind, name: &str) -> Vec<Value> {
        let seen = self.seen;
        let store = self.store();
        let changes = store.changes_since(seen).unwrap();
        let new = changes.filter(|it| it.kind == kind).filter_map(|it| it.new.clone());
        new.filter(|it| read::name(it) == name).map(|it| Value::clone(&it)).collect()
    }

    /// The messages of events of a reason.
    pub(super) fn events(&mut self, reason: &str) -> Vec<String> {
        let of = |event: &&Value| read::text(event, "/reason") == reason;
        let message = |event: &Value| read::text(event, "/message").to_owned();
        self.store().list(Kind::Event, None).filter(of).map(message).collect()
    }

    pub(super) fn runs(&mut self) -> Vec<Value> {
        let mut runs: Vec<Value> = self.store().list(Kind::AnalysisRun, None).cloned().collect();
        runs.sort_by_key(read::created);
        runs
    }
}

/// A Rollout with two more fields than its spec: who its pods are.
pub(super) fn rollout(replicas: i64, mut spec: Value) -> Value {
    let containers = json!([{"name": "app", "image": "web:1"}]);
    spec["replicas"] = replicas.into();
    spec["selector"] = json!({"matchLabels": {"app": "web"}});
    spec["template"] = json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": containers},
    });
    json!({"spec": spec})
}

/// A canary whose weight is its share of the pods.
#[expect(clippy::needless_pass_by_value, reason = "the callers make it in place")]
pub(super) fn basic(steps: Value) -> Value {
    json!({"strategy": {"canary": {"steps": steps}}})
}

/// A canary whose weights an ingress carries.
#[expect(clippy::needless_pass_by_value, reason = "the callers make it in place")]
pub(super) fn routed(steps: Value) -> Value {
    json!({"strategy": {"canary": {
        "canaryService": "web-canary",
        "stableService": "web-stable",
        "trafficRouting": {"nginx": {"stableIngress": "web"}},
        "steps": steps,
    }}})
}

/// A blue-green strategy with more fields.
#[expect(clippy::needless_pass_by_value, reason = "the callers make it in place")]
pub(super) fn blue_green(more: Value) -> Value {
    let mut strategy = json!({"activeService": "web-active", "previewService": "web-preview"});
    for (field, value) in more.as_object().unwrap() {
        strategy[field] = value.clone();
    }
    json!({"strategy": {"blueGreen": strategy}})
}

/// An analysis block with a template.
pub(super) fn block(template: &str) -> Value {
    let hash = json!({"name": "hash", "valueFrom": {"podTemplateHashValue": "Latest"}});
    json!({"templates": [{"templateName": template}], "args": [hash]})
}
