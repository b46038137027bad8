//! Which service selects which version, and the weights a router carries.

use serde_json::{Value, json};

use super::argo_counts::{desired_weight, is_enough, is_reached};
use super::argo_pass::Pass;
use super::argo_view::{Ro, Step};
use super::read;
use super::sets::{REVISION, Rs};
use super::template::ROLLOUT_HASH;
use crate::sim::store::Kind;

/// The prefix of the annotations that an nginx ingress controller reads.
const NGINX: &str = "nginx.ingress.kubernetes.io";

/// What must be there before a service is switched.
#[derive(Clone, Copy, PartialEq)]
enum Needs {
    Availability,
    Nothing,
}

impl Pass<'_, '_> {
    /// Points the stable and the canary service at their versions.
    pub(super) fn switch_canary_services(&mut self) {
        let stable = self.stable.clone();
        let service = self.ro.service("stableService").to_owned();
        self.ensure(&service, stable.as_ref(), Needs::Availability);
        let service = self.ro.service("canaryService").to_owned();
        if self.is_aborted() && !self.ro.is_routed() {
            return self.ensure(&service, stable.as_ref(), Needs::Availability);
        }
        if self.rolls_back_dynamically().is_some() {
            return;
        }
        let new = self.new.clone();
        self.ensure(&service, new.as_ref(), Needs::Availability);
    }

    /// Points a service at a ReplicaSet; not at one that could not answer.
    fn ensure(&mut self, service: &str, set: Option<&Rs>, needs: Needs) {
        let Some(set) = set.filter(|_| !service.is_empty()) else { return };
        let hash = set.hash(ROLLOUT_HASH).to_owned();
        if self.selected_by(service) == hash {
            return;
        }
        if needs == Needs::Availability {
            let is_whole =
                set.wanted() > 0 && set.available() > 0 && set.wanted() <= set.available();
            if !self.is_managed(service) && !is_whole || set.available() == 0 {
                return;
            }
        }
        self.switch(service, &hash);
    }

    /// The hash of the version that is left, while a stable version that shrank grows again.
    fn rolls_back_dynamically(&self) -> Option<String> {
        if !self.ro.is_fully_promoted() || !self.ro.is_routed() || !self.ro.is_dynamic() {
            return None;
        }
        let left = read::text(self.ro.weights()?, "/canary/podTemplateHash");
        let new = self.new.as_ref()?;
        if left == self.new_hash() || new.available() >= self.ro.replicas() {
            return None;
        }
        Some(left.to_owned())
    }

    /// Sets the weights.
    pub(super) fn route_traffic(&mut self) {
        if !self.ro.is_routed() {
            read::unset(&mut self.next, "/canary/weights");
            return;
        }
        let mut canary = self.new_hash().to_owned();
        let weight = match self.rolls_back_dynamically() {
            Some(left) => {
                canary = left;
                self.falling_weight()
            }
            None => self.wanted_weight(),
        };
        let stable = self.stable.clone();
        let rest = self.ro.max_weight() - weight;
        if !self.can_carry(stable.as_ref(), rest) {
            return;
        }
        self.set_router(weight);
        let additional = self.additional_weights();
        let taken: i64 = additional.iter().map(|it| read::count(it, "/weight")).sum();
        let destination = |weight: i64, hash: &str, service: &str| {
            let mut it = json!({"weight": weight});
            for (field, text) in [("podTemplateHash", hash), ("serviceName", service)] {
                if !text.is_empty() {
                    it[field] = text.into();
                }
            }
            it
        };
        let stable_hash = stable.as_ref().map_or("", |set| set.hash(ROLLOUT_HASH));
        let mut weights = json!({
            "canary": destination(weight, &canary, self.ro.service("canaryService")),
            "stable": destination(rest - taken, stable_hash, self.ro.service("stableService")),
        });
        if !additional.is_empty() {
            weights["additional"] = additional.into();
        }
        let before = self.ro.weights().cloned();
        if before.as_ref() != Some(&weights) {
            let change = match before.as_ref().map(|it| read::count(it, "/canary/weight")) {
                None => format!("to {weight}"),
                Some(from) if from != weight => format!("from {from} to {weight}"),
                Some(_) => String::new(),
            };
            self.tell("TrafficWeightUpdated", format!("Traffic weight updated {change}"));
        }
        self.next["canary"]["weights"] = weights;
    }

    /// The weight the canary is to have now.
    fn wanted_weight(&mut self) -> i64 {
        if self.ro.is_fully_promoted() {
            return 0;
        }
        if self.is_aborted() {
            let weight = self.falling_weight();
            if !self.ro.is_dynamic() || weight == 0 {
                let service = self.ro.service("canaryService").to_owned();
                let stable = self.stable.clone();
                self.ensure(&service, stable.as_ref(), Needs::Nothing);
            }
            return weight;
        }
        let Some(new) = self.new.as_ref().filter(|new| new.available() > 0) else { return 0 };
        if self.ro.is_promoting_fully() {
            if self.ro.is_dynamic() {
                return self.ro.max_weight() * new.available() / self.ro.replicas().max(1);
            }
            return self.ro.canary_weight().unwrap_or(0);
        }
        let Some(index) = self.ro.index() else { return 0 };
        if !is_reached(&self.ro, &self.fleet(), None) {
            return self.ro.weight_before(index);
        }
        if index == self.ro.step_count() { self.ro.max_weight() } else { self.ro.set_weight() }
    }

    /// The weight on the way back: at once, or as fast as a shrunk stable version grows.
    fn falling_weight(&self) -> i64 {
        let (true, Some(stable), Some(_)) = (self.ro.is_dynamic(), &self.stable, &self.new) else {
            return 0;
        };
        let (max, replicas) = (self.ro.max_weight(), self.ro.replicas());
        if replicas == 0 {
            return 0;
        }
        let wanted = desired_weight(&self.ro, &self.fleet());
        let carried = max * stable.available() / replicas;
        let expected = (max - carried).max(0);
        let Some(now) = self.ro.canary_weight() else { return expected.max(wanted) };
        if wanted <= 0 {
            return expected.min(now);
        }
        if carried < max - wanted { now } else { wanted.min(now) }
    }

    /// Whether a ReplicaSet has pods enough for a weight.
    fn can_carry(&self, set: Option<&Rs>, weight: i64) -> bool {
        let needed = weight * self.ro.replicas() / self.ro.max_weight();
        let Some(found) = set else { return false };
        found.available() >= needed || is_enough(&self.ro, set, needed)
    }

    /// The weights of the templates of a running experiment.
    fn additional_weights(&self) -> Vec<Value> {
        let Some(experiment) = &self.experiments.current else { return Vec::new() };
        let Some(Step::Experiment(step)) = self.ro.current_step() else { return Vec::new() };
        if read::text(experiment, "/status/phase") != "Running" {
            return Vec::new();
        }
        let weight = |name: &str| {
            let templates = read::list(step, "/templates");
            let template = templates.iter().find(|it| read::text(it, "/name") == name)?;
            read::int(template, "/weight")
        };
        let of = |status: &Value| {
            let weight = weight(read::text(status, "/name"))?;
            Some(json!({
                "podTemplateHash": read::text(status, "/podTemplateHash"),
                "serviceName": read::text(status, "/serviceName"),
                "weight": weight,
            }))
        };
        read::list(experiment, "/status/templateStatuses").iter().filter_map(of).collect()
    }

    /// Writes the weight where a router of nginx reads it: on a second ingress.
    fn set_router(&mut self, weight: i64) {
        let routing = "/spec/strategy/canary/trafficRouting/nginx";
        let Some(nginx) = self.ro.object.pointer(routing) else { return };
        let many = read::list(nginx, "/stableIngresses");
        let mut names: Vec<String> =
            many.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect();
        if names.is_empty() {
            names.push(read::text(nginx, "/stableIngress").to_owned());
        }
        for name in names {
            self.set_ingress(&name, weight);
        }
    }

    fn set_ingress(&mut self, stable: &str, weight: i64) {
        let namespace = self.ro.namespace().to_owned();
        let name = format!("{}-{stable}-canary", self.ro.name());
        let known = self.bench.store.get(Kind::Ingress, &namespace, &name).cloned();
        if let Some(mut ingress) = known {
            let at = format!("{NGINX}/canary-weight");
            if read::annotation(&ingress, &at) == Some(&weight.to_string()) {
                return;
            }
            read::annotate(&mut ingress, &at, &weight.to_string());
            let message = format!("Updating Ingress `{name}` to desiredWeight '{weight}'");
            self.tell("PatchingCanaryIngress", message);
            self.bench.write(Kind::Ingress, ingress);
            return;
        }
        let Some(base) = self.bench.store.get(Kind::Ingress, &namespace, stable) else { return };
        let ingress = canary_ingress(&self.ro, base, weight);
        let message = format!("Creating canary ingress `{name}` with weight `{weight}`");
        self.tell("CreatingCanaryIngress", message);
        drop(self.bench.store.create(Kind::Ingress, ingress));
    }

    /// The number of the current revision, by its ReplicaSet.
    pub(super) fn new_revision(&self) -> i64 {
        self.new.as_ref().map_or(0, |new| new.number(REVISION))
    }
}

/// The second ingress, with which a canary has its weight beside a stable one.
pub(super) fn canary_ingress(ro: &Ro, base: &Value, weight: i64) -> Value {
    let mut spec = base.get("spec").cloned().unwrap_or_default();
    redirect(&mut spec, ro.service("stableService"), ro.service("canaryService"));
    json!({
        "metadata": {
            "name": format!("{}-{}-canary", ro.name(), read::name(base)),
            "namespace": ro.namespace(),
            "annotations": {
                format!("{NGINX}/canary"): "true",
                format!("{NGINX}/canary-weight"): weight.to_string(),
            },
            "ownerReferences": read::owned_by(&ro.object),
        },
        "spec": spec,
        "status": {"loadBalancer": {}},
    })
}

/// Puts one service in the place of another in the rules of an ingress.
fn redirect(spec: &mut Value, from: &str, to: &str) {
    let rules = spec.get_mut("rules").and_then(Value::as_array_mut);
    for rule in rules.into_iter().flatten() {
        let paths = rule.pointer_mut("/http/paths").and_then(Value::as_array_mut);
        for path in paths.into_iter().flatten() {
            if read::text(path, "/backend/service/name") == from {
                read::set(path, "/backend/service/name", to);
            }
        }
    }
}
