//! What is wrong with a Rollout, in the words of its controller.

use serde_json::Value;

use super::argo_conditions::Condition;
use super::argo_pass::Pass;
use super::argo_view::{Ro, Step};
use super::read;
use super::template::ROLLOUT_HASH;
use super::templates::{self, Wrong};
use crate::sim::store::Kind;

/// A field and what is wrong with it.
fn invalid(field: &str, value: &str, why: &str) -> String {
    format!("{field}: Invalid value: {value}: {why}")
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

impl Pass<'_, '_> {
    /// The first thing that is wrong with the spec or what it refers to.
    pub(super) fn problem(&self) -> Option<String> {
        spec(&self.ro).or_else(|| self.services()).or_else(|| self.analyses()).or_else(|| {
            let at = "/spec/strategy/canary/trafficRouting/nginx/stableIngress";
            let name = read::text(&self.ro.object, at);
            let is_missing = !name.is_empty()
                && self.bench.store.get(Kind::Ingress, self.ro.namespace(), name).is_none();
            is_missing.then(|| {
                let field = "spec.strategy.canary.trafficRouting.nginx.stableIngress";
                let why = format!("ingress.networking.k8s.io \"{name}\" not found");
                invalid(field, &quoted(name), &why)
            })
        })
    }

    fn services(&self) -> Option<String> {
        let (strategy, roles) = if self.ro.blue_green().is_some() {
            ("blueGreen", ["activeService", "previewService"])
        } else {
            ("canary", ["stableService", "canaryService"])
        };
        roles.into_iter().find_map(|role| {
            let name = self.ro.service(role);
            let field = format!("spec.strategy.{strategy}.{role}");
            if name.is_empty() {
                return None;
            }
            let Some(service) = self.bench.store.get(Kind::Service, self.ro.namespace(), name)
            else {
                let why = format!("service \"{name}\" not found");
                return Some(invalid(&field, &quoted(name), &why));
            };
            self.service_problem(service, &field)
        })
    }

    fn service_problem(&self, service: &Value, field: &str) -> Option<String> {
        let name = read::name(service);
        let labels = self.ro.template()?.pointer("/metadata/labels");
        let selector = service.pointer("/spec/selector").and_then(Value::as_object);
        for (label, value) in selector.into_iter().flatten() {
            let own = labels.and_then(|labels| labels.get(label));
            if label != ROLLOUT_HASH && own != Some(value) {
                let why = format!("Service \"{name}\" has unmatch label \"{label}\" in rollout");
                return Some(invalid(field, &quoted(name), &why));
            }
        }
        let manager = read::annotation(service, "argo-rollouts.argoproj.io/managed-by-rollouts");
        manager.filter(|manager| *manager != self.ro.name()).map(|_| {
            let why = format!("Service \"{name}\" is managed by another Rollout");
            invalid(field, &quoted(name), &why)
        })
    }

    fn analyses(&self) -> Option<String> {
        let steps = self.ro.steps().iter().enumerate().filter_map(|(index, step)| {
            let Step::Analysis(block) = Step::of(step) else { return None };
            Some((format!("spec.strategy.canary.steps[{index}].analysis.templates"), block))
        });
        let blocks = [
            ("canary", "analysis"),
            ("blueGreen", "prePromotionAnalysis"),
            ("blueGreen", "postPromotionAnalysis"),
        ];
        let fixed = blocks.into_iter().filter_map(|(strategy, field)| {
            let block = self.ro.analysis(&format!("/spec/strategy/{strategy}/{field}"))?;
            Some((format!("spec.strategy.{strategy}.{field}.templates"), block))
        });
        steps.chain(fixed).find_map(|(field, block)| self.analysis_problem(&field, block))
    }

    fn analysis_problem(&self, field: &str, block: &Value) -> Option<String> {
        let given: Vec<Value> = read::list(block, "/args")
            .iter()
            .map(|arg| serde_json::json!({"name": read::text(arg, "/name"), "value": "x"}))
            .collect();
        let wrong =
            templates::spec(self.bench.store, self.ro.namespace(), (block, &given)).err()?;
        Some(match wrong {
            Wrong::Missing { kind, name } => {
                invalid(field, &quoted(&name), &format!("{kind} '{name}' not found"))
            }
            Wrong::Said(why) => {
                let names: Vec<&str> = read::list(block, "/templates")
                    .iter()
                    .map(|it| read::text(it, "/templateName"))
                    .collect();
                invalid(field, &quoted(&format!("templateNames: {names:?}")), &why)
            }
        })
    }

    /// Says in the status what is wrong.
    pub(super) fn set_invalid(&mut self, problem: &str) {
        let message = format!("The Rollout \"{}\" is invalid: {problem}", self.ro.name());
        let known =
            self.ro.condition("InvalidSpec").map(|it| read::text(it, "/message").to_owned());
        let is_observed =
            self.ro.status_text("observedGeneration") == self.ro.generation().to_string();
        if known.as_deref() == Some(&message) && is_observed {
            return;
        }
        if known.is_some_and(|known| known != message) {
            // A condition changes only with its status or reason; this one must, with its message.
            let mut status = super::argo_pass::typed(&self.ro.object);
            super::argo_conditions::remove(&mut status, "InvalidSpec");
            self.patch_status(&status);
        }
        let condition = Condition::new("InvalidSpec", "True", "InvalidSpec", message);
        self.patch_conditions(vec![condition]);
    }
}

/// What is wrong with the spec alone.
fn spec(ro: &Ro) -> Option<String> {
    if read::count(&ro.object, "/spec/replicas") < 0 {
        let why = "must be greater than or equal to 0";
        return Some(invalid("spec.replicas", &ro.replicas().to_string(), why));
    }
    if ro.workload.is_none() && ro.object.pointer("/spec/selector").is_none() {
        return Some(
            "spec.selector: Required value: Rollout has missing field '.spec.selector'".to_owned(),
        );
    }
    if let Some(problem) = template_problem(ro) {
        return Some(problem);
    }
    if ro.deadline_s() <= read::count(&ro.object, "/spec/minReadySeconds") {
        let value = ro.deadline_s().to_string();
        let why = "must be greater than minReadySeconds";
        return Some(invalid("spec.progressDeadlineSeconds", &value, why));
    }
    match (ro.canary(), ro.blue_green()) {
        (None, None) => Some(
            "spec.strategy.strategy: Required value: Rollout has missing field \
             '.spec.strategy.canary or .spec.strategy.blueGreen'"
                .to_owned(),
        ),
        (Some(_), Some(_)) => {
            let value = quoted("blueGreen: true canary: true");
            Some(invalid("spec.strategy.strategy", &value, "Multiple Strategies can not be listed"))
        }
        (None, Some(_)) => blue_green(ro),
        (Some(_), None) => canary(ro),
    }
}

fn template_problem(ro: &Ro) -> Option<String> {
    let template = ro.template()?;
    if read::list(template, "/spec/containers").is_empty() {
        return Some("spec.template.spec.containers: Required value".to_owned());
    }
    let wanted = ro.object.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let labels = template.pointer("/metadata/labels");
    let is_met = |(name, value): (&String, &Value)| {
        labels.and_then(|labels| labels.get(name)) == Some(value)
    };
    if wanted.is_some_and(|wanted| !wanted.iter().all(is_met)) {
        let value = labels.map_or_else(|| "null".to_owned(), Value::to_string);
        let why = "`selector` does not match template `labels`";
        return Some(invalid("spec.template.metadata.labels", &value, why));
    }
    let policy = read::text(template, "/spec/restartPolicy");
    (!policy.is_empty() && policy != "Always").then(|| {
        format!(
            "spec.template.spec.restartPolicy: Unsupported value: \"{policy}\": supported values: \
             \"Always\""
        )
    })
}

fn blue_green(ro: &Ro) -> Option<String> {
    let (active, preview) = (ro.service("activeService"), ro.service("previewService"));
    (active == preview).then(|| {
        let why = "This rollout uses the same service for the active and preview services, but two \
                   different services are required.";
        invalid("spec.strategy.activeService", &quoted(active), why)
    })
}

fn canary(ro: &Ro) -> Option<String> {
    let (stable, canary) = (ro.service("stableService"), ro.service("canaryService"));
    if !stable.is_empty() && stable == canary {
        let why = "This rollout uses the same service for the stable and canary services, but two \
                   different services are required.";
        return Some(invalid("spec.strategy.stableService", &quoted(stable), why));
    }
    let carries = ["nginx", "alb", "smi", "ambassador", "appMesh", "traefik", "apisix"];
    let routing = ro.object.pointer("/spec/strategy/canary/trafficRouting");
    let needs = routing.is_some_and(|it| carries.into_iter().any(|name| it.get(name).is_some()));
    for (role, name) in [("stableService", stable), ("canaryService", canary)] {
        if needs && name.is_empty() {
            let why = "Canary service and Stable service must to be set to use Traffic Routing";
            return Some(invalid(&format!("spec.strategy.{role}"), "\"\"", why));
        }
    }
    if routing.is_none() {
        for (field, why) in [
            (
                "scaleDownDelaySeconds",
                "Canary scaleDownDelaySeconds can only be used with traffic routing",
            ),
            (
                "dynamicStableScale",
                "Canary dynamicStableScale can only be used with traffic routing",
            ),
        ] {
            let value = ro.canary().and_then(|it| it.get(field));
            if let Some(value) = value.filter(|it| **it != Value::Bool(false)) {
                return Some(invalid(&format!("spec.strategy.{field}"), &value.to_string(), why));
            }
        }
    }
    ro.steps().iter().enumerate().find_map(|(index, step)| step_problem(ro, index, step))
}

fn step_problem(ro: &Ro, index: usize, step: &Value) -> Option<String> {
    let field = format!("spec.strategy.steps[{index}]");
    let needs_routing = |why: &str, name: &str| {
        (!ro.is_routed()).then(|| invalid(&format!("{field}.{name}"), "null", why))
    };
    match Step::of(step) {
        Step::SetWeight(weight) if weight < 0 || weight > ro.max_weight() => {
            let why = format!("SetWeight needs to be between 0 and {}", ro.max_weight());
            Some(invalid(&format!("{field}.setWeight"), &weight.to_string(), &why))
        }
        Step::Pause(Some(duration)) => {
            let seconds = read::duration(duration).map_or(-1, |it| it.as_secs());
            (seconds < 0).then(|| {
                let why = "Duration needs to be greater than 0";
                invalid(&format!("{field}.pause.duration"), &seconds.to_string(), why)
            })
        }
        Step::SetCanaryScale(_) => {
            needs_routing("SetCanaryScale requires TrafficRouting to be set", "setCanaryScale")
        }
        Step::HeaderRoute(_) => needs_routing(
            "SetHeaderRoute requires TrafficRouting, supports Istio and ALB and Apisix",
            "trafficRouting",
        ),
        Step::MirrorRoute(_) => needs_routing(
            "SetMirrorRoute requires TrafficRouting, supports Istio and Plugins",
            "trafficRouting",
        ),
        Step::Unknown => {
            let kinds = ["Experiment", "Pause", "SetWeight", "Analysis", "SetCanaryScale"];
            let more = ["SetHeaderRoute", "SetMirrorRoute", "Plugin"];
            let told: Vec<String> =
                kinds.iter().chain(&more).map(|kind| format!("step.{kind}: true")).collect();
            let why = "Step must have one of the following set: experiment, setWeight, \
                       setCanaryScale, plugin or pause";
            Some(invalid(&field, &quoted(&told.join(" ")), why))
        }
        Step::SetWeight(_)
        | Step::Pause(None)
        | Step::Analysis(_)
        | Step::Experiment(_)
        | Step::Plugin(_) => None,
    }
}
