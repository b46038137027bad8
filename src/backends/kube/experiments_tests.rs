use serde_json::{Value, json};

use super::super::fields::Words;
use super::*;
use crate::domain::experiment::Experiment;
use crate::domain::fixtures::at;

fn read(object: &Value) -> (Experiment, ReplicaCounts, usize) {
    let mut words = Words::default();
    let cluster = ClusterName::new("east");
    let known = experiment(object, &cluster, at(0), Reading::new(&mut words));
    let workload = known.workload;
    let facts = workload.experiment().expect("an experiment").clone();
    (facts, workload.replicas, workload.oddities.len())
}

/// As the controller writes it, 1.10.
fn running() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Experiment",
        "metadata": {"name": "compare", "namespace": "shop", "uid": "e"},
        "spec": {
            "duration": "5m",
            "templates": [
                {"name": "baseline", "replicas": 2, "template": {"spec": {"containers": [
                    {"name": "app", "image": "shop/api:1.0.0"}]}}},
                {"name": "canary", "template": {"spec": {"containers": [
                    {"name": "app", "image": "shop/api:2.0.0"}]}}},
            ],
            "analyses": [
                {"name": "errors", "templateName": "errors", "requiredForCompletion": true},
                {"name": "speed", "templateName": "speed"},
            ],
        },
        "status": {
            "phase": "Running", "availableAt": "2026-01-01T00:00:00Z",
            "templateStatuses": [
                {"name": "canary", "status": "Running", "replicas": 1, "updatedReplicas": 1,
                 "readyReplicas": 1, "availableReplicas": 1, "podTemplateHash": "h2",
                 "lastTransitionTime": "2026-01-01T00:00:00Z"},
                {"name": "baseline", "status": "Running", "replicas": 2, "updatedReplicas": 2,
                 "readyReplicas": 2, "availableReplicas": 2, "podTemplateHash": "h1",
                 "lastTransitionTime": "2025-12-31T23:59:00Z"},
            ],
            "analysisRuns": [{"name": "errors", "analysisRun": "compare-errors", "phase": "Running"}],
        },
    })
}

#[test]
fn spec_and_status_are_joined_by_name() {
    let (facts, counts, odd) = read(&running());
    assert_eq!((facts.phase, facts.terminate, odd), (Some(RunPhase::Running), false, 0));
    assert_eq!(facts.duration, Some(std::time::Duration::from_mins(5)));
    let template = |it: &ExperimentTemplate| {
        let image = it.image.as_ref().map_or("", crate::domain::text::Text::as_str);
        format!("{} {:?} {:?} {image}", it.name, it.desired, it.available)
    };
    let templates: Vec<String> = facts.templates.iter().map(template).collect();
    assert_eq!(
        templates,
        ["baseline Some(2) Some(2) shop/api:1.0.0", "canary Some(1) Some(1) shop/api:2.0.0"]
    );
    let analysis = |it: &ExperimentAnalysis| {
        format!("{} {} {:?} {:?}", it.name, it.required, it.run, it.phase)
    };
    let decided: Vec<String> = facts.analyses.iter().map(analysis).collect();
    let first = format!("errors true {:?} Running", Some(Name::new("compare-errors")));
    assert_eq!(decided, [first, "speed false None Unknown".to_owned()]);
    assert_eq!((counts.desired, counts.available), (Some(3), Some(3)));
    let ends = facts.ends_at().expect("an end");
    assert_eq!(ends.to_string(), "2026-01-01T00:05:00Z");
}

#[test]
fn what_was_never_written_is_unknown_and_not_zero() {
    let mut object = running();
    object["status"] = Value::Null;
    let (facts, counts, _) = read(&object);
    assert_eq!((facts.phase, facts.available_at, facts.ends_at()), (None, None, None));
    assert_eq!((counts.desired, counts.current, counts.available), (Some(3), None, None));
    assert_eq!(facts.templates[0].status, None);
}

#[test]
fn nonsense_costs_nothing_else() {
    let mut object = running();
    object["spec"]["templates"][0]["replicas"] = json!("many");
    object["spec"]["duration"] = json!({});
    object["spec"]["analyses"] = json!("errors");
    object["status"]["templateStatuses"][0]["availableReplicas"] = json!(-1);
    let (facts, counts, odd) = read(&object);
    assert_eq!((facts.duration, facts.analyses.len()), (None, 0));
    assert_eq!((counts.desired, counts.available, facts.templates.len()), (None, None, 2));
    assert!(odd >= 4, "{odd}");
    for object in [json!({}), json!({"spec": [], "status": 7}), Value::Null] {
        assert_eq!(read(&object).0.templates.len(), 0);
    }
}

#[test]
fn the_experiment_of_a_step_is_no_row_of_its_own() {
    let mut object = running();
    assert!(stands_alone(&object));
    object["metadata"]["ownerReferences"] = json!([{"kind": "Workflow", "uid": "w"}]);
    assert!(stands_alone(&object));
    object["metadata"]["ownerReferences"] = json!([{"kind": "Rollout", "uid": "r"}]);
    assert!(!stands_alone(&object));
}
