//! HorizontalPodAutoscalers and PodDisruptionBudgets → what bounds a workload's pods. Pure and total.

use serde_json::Value;

use super::fields::{Node, Reading};
use super::meta::{self, Metadata};
use crate::domain::bounds::{Autoscaler, Budget};
use crate::domain::ids::Name;
use crate::domain::text::Text;
use crate::domain::workload::{Condition, ConditionStatus};

/// A HorizontalPodAutoscaler.
pub(super) fn autoscaler(object: &Value, reading: &mut Reading<'_>) -> Autoscaler {
    let root = Node::root(object);
    let (spec, status) = (root.at("spec", "spec"), root.at("status", "status"));
    let metadata = Metadata::of(object);
    let scales = spec.at("scaleTargetRef", "spec.scaleTargetRef");
    let conditions = meta::conditions(status, reading);
    let broken = |it: &&Condition| {
        it.status == ConditionStatus::False
            && matches!(it.kind.as_str(), "ScalingActive" | "AbleToScale")
            // Somebody scaled it to zero: then it is off, as meant.
            && it.reason.as_str() != "ScalingDisabled"
    };
    let trouble = conditions.iter().find(broken);
    Autoscaler {
        name: metadata.name(reading),
        uid: metadata.uid(),
        kind: reading.text_or_empty(scales, "kind"),
        scales: Name::from_text(reading.text_or_empty(scales, "name")),
        min: reading.count(spec, "minReplicas").unwrap_or(1),
        max: reading.count(spec, "maxReplicas"),
        current: reading.count(status, "currentReplicas"),
        // Where it cannot compute its wish it writes 0, which is none.
        desired: reading.count(status, "desiredReplicas").filter(|_| trouble.is_none()),
        trouble: trouble.map(|it| Text::clean(&format!("{}: {}", it.reason, it.message))),
    }
}

/// A PodDisruptionBudget. One whose selector is more than plain labels is read without it, and covers nothing.
pub(super) fn budget(object: &Value, reading: &mut Reading<'_>) -> Budget {
    let root = Node::root(object);
    let (spec, status) = (root.at("spec", "spec"), root.at("status", "status"));
    let metadata = Metadata::of(object);
    let selector = spec.at("selector", "spec.selector");
    let is_plain = !selector.raw("matchExpressions").is_array();
    let labels = selector.raw("matchLabels").as_object().filter(|_| is_plain);
    let labels = labels.into_iter().flatten();
    let pair = |(key, value): (&String, &Value)| {
        Some(reading.shared(&format!("{key}={}", value.as_str()?)))
    };
    Budget {
        labels: labels.filter_map(pair).collect(),
        name: metadata.name(reading),
        uid: metadata.uid(),
        allowed: reading.count(status, "disruptionsAllowed"),
        healthy: reading.count(status, "currentHealthy"),
        wanted: reading.count(status, "desiredHealthy"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fields::Words;
    use super::*;

    #[test]
    fn an_autoscaler_tells_its_range_and_why_it_cannot_scale() {
        let mut object = json!({
            "metadata": { "name": "web", "uid": "h" },
            "spec": { "scaleTargetRef": { "kind": "Rollout", "name": "web" }, "maxReplicas": 10 },
            "status": { "currentReplicas": 3, "desiredReplicas": 5, "conditions": [
                { "type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale" },
                { "type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric",
                    "message": "no metrics" },
            ] },
        });
        let read = |object: &Value| autoscaler(object, &mut Reading::new(&mut Words::default()));
        let found = read(&object);
        assert_eq!((found.kind.as_str(), found.scales.as_str()), ("Rollout", "web"));
        assert_eq!(
            (found.min, found.max, found.current, found.desired),
            (1, Some(10), Some(3), None)
        );
        assert_eq!(found.trouble, Some(Text::from("FailedGetResourceMetric: no metrics")));
        object["status"]["conditions"][1]["reason"] = "ScalingDisabled".into();
        let found = read(&object);
        assert_eq!((found.trouble, found.desired), (None, Some(5)), "scaled to zero by hand");
    }

    #[test]
    fn a_budget_tells_whose_pods_it_counts_and_what_it_allows() {
        let read = |object: &Value| budget(object, &mut Reading::new(&mut Words::default()));
        let mut object = json!({
            "metadata": { "name": "web", "uid": "b" },
            "spec": { "selector": { "matchLabels": { "app": "web" } } },
            "status": { "disruptionsAllowed": 0, "currentHealthy": 3, "desiredHealthy": 3 },
        });
        let found = read(&object);
        assert_eq!(found.labels.as_ref(), [Text::from("app=web")]);
        assert_eq!((found.allowed, found.healthy, found.wanted), (Some(0), Some(3), Some(3)));
        object["spec"]["selector"]["matchExpressions"] =
            json!([{ "key": "x", "operator": "Exists" }]);
        assert!(read(&object).labels.is_empty(), "what cannot be compared covers nothing");
        let _ = read(&json!({ "spec": 5, "status": [] }));
    }
}
