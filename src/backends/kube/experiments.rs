//! Experiments of Argo Rollouts → facts. Pure and total (`reference/rollouts.md` §1.6). Those that a Rollout's step made are
//! parts of that Rollout and no rows of their own.

use serde_json::Value;

use super::fields::{Node, Reading};
use super::meta::{self, Metadata};
use super::rows::{self, Known};
use super::runs;
use crate::domain::experiment::{Experiment, ExperimentAnalysis, ExperimentTemplate};
use crate::domain::ids::{ClusterName, Name, PodHash, WorkloadKind};
use crate::domain::observed::Timestamp;
use crate::domain::rollout::RunPhase;
use crate::domain::workload::{Controller, ReplicaCounts, Strategy};

/// Versions and analyses read of one; more are no longer read by a person.
const ENTRIES_MAX: usize = 32;

/// Whether nothing else made it.
pub(super) fn stands_alone(object: &Value) -> bool {
    let is_rollout = |owner: &Value| owner.get("kind").and_then(Value::as_str) == Some("Rollout");
    !Metadata::of(object).owners().iter().any(is_rollout)
}

/// A stand-alone Experiment, without its ReplicaSets.
pub(super) fn experiment(
    object: &Value,
    cluster: &ClusterName,
    seen_at: Timestamp,
    mut reading: Reading<'_>,
) -> Known {
    let root = Node::root(object);
    let (spec, status) = (root.at("spec", "spec"), root.at("status", "status"));
    let phase = status.word("phase").filter(|phase| !phase.is_empty());
    let experiment = Experiment {
        terminate: reading.boolean(spec, "terminate").unwrap_or_default(),
        duration: reading.duration(spec, "duration"),
        phase: phase.map(RunPhase::parse),
        message: reading.text(status, "message"),
        available_at: reading.time(status, "availableAt"),
        templates: templates(spec, status, &mut reading).into(),
        analyses: analyses(spec, status, &mut reading).into(),
    };
    let counts = replicas(spec, status, &mut reading);
    let controller = Controller::Experiment(Box::new(experiment));
    let read = (WorkloadKind::Experiment, Strategy::Unknown, controller, counts);
    rows::assemble(object, read, (cluster, seen_at), reading)
}

/// The entry of this name in a list of the status.
fn told<'a>(list: &'a [Value], name: &str) -> Node<'a> {
    let found = list.iter().find(|entry| entry.get("name").and_then(Value::as_str) == Some(name));
    Node::entry(found.unwrap_or(&Value::Null), "status")
}

fn templates(
    spec: Node<'_>,
    status: Node<'_>,
    reading: &mut Reading<'_>,
) -> Vec<ExperimentTemplate> {
    let said = reading.list(status, "templateStatuses");
    let all = reading.list(spec, "templates").iter().take(ENTRIES_MAX);
    all.map(|template| {
        let template = Node::entry(template, "spec.templates[]");
        let name = reading.text_or_empty(template, "name");
        let said = told(said, name.as_str());
        let pods = template.at("template", "spec.templates[].template");
        let hash = reading.text(said, "podTemplateHash").filter(|hash| !hash.is_empty());
        ExperimentTemplate {
            image: meta::images(pods, reading).first().map(|image| image.image.clone()),
            desired: desired(template, reading),
            available: reading.count(said, "availableReplicas"),
            status: reading.text(said, "status").filter(|word| !word.is_empty()),
            message: reading.text(said, "message").filter(|words| !words.is_empty()),
            since: reading.time(said, "lastTransitionTime"),
            hash: hash.map(PodHash::from_text),
            name: Name::from_text(name),
        }
    })
    .collect()
}

fn desired(template: Node<'_>, reading: &mut Reading<'_>) -> Option<u32> {
    if template.at("replicas", "").is_there() {
        reading.count(template, "replicas")
    } else {
        Some(1)
    }
}

fn analyses(
    spec: Node<'_>,
    status: Node<'_>,
    reading: &mut Reading<'_>,
) -> Vec<ExperimentAnalysis> {
    let said = reading.list(status, "analysisRuns");
    let all = reading.list(spec, "analyses").iter().take(ENTRIES_MAX);
    all.map(|analysis| {
        let analysis = Node::entry(analysis, "spec.analyses[]");
        let name = reading.text_or_empty(analysis, "name");
        let said = told(said, name.as_str());
        let run = reading.text(said, "analysisRun").filter(|run| !run.is_empty());
        ExperimentAnalysis {
            required: reading.boolean(analysis, "requiredForCompletion").unwrap_or_default(),
            run: run.map(Name::from_text),
            phase: runs::phase(said, "phase"),
            message: reading.text(said, "message").filter(|words| !words.is_empty()),
            name: Name::from_text(name),
        }
    })
    .collect()
}

/// Of all versions together; `None` where one of them does not say.
fn replicas(spec: Node<'_>, status: Node<'_>, reading: &mut Reading<'_>) -> ReplicaCounts {
    let wanted = reading.list(spec, "templates").iter();
    let wanted = wanted.map(|it| desired(Node::entry(it, "spec.templates[]"), reading));
    let desired = wanted.sum();
    let said = reading.list(status, "templateStatuses");
    let mut sum = |key: &str| {
        let all = said.iter().map(|it| Node::entry(it, "status.templateStatuses[]"));
        if said.is_empty() { None } else { all.map(|it| reading.count(it, key)).sum() }
    };
    ReplicaCounts {
        desired,
        current: sum("replicas"),
        updated: sum("updatedReplicas"),
        ready: sum("readyReplicas"),
        available: sum("availableReplicas"),
    }
}

#[cfg(test)]
#[path = "experiments_tests.rs"]
mod tests;
