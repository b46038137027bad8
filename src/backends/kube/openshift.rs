//! DeploymentConfigs of OpenShift and the ReplicationControllers that are their history → facts. Pure and total.
//! How a rollout does stands in annotations of its ReplicationController, written by the deployer.

use serde_json::Value;

use super::argo::replicas;
use super::fields::{Node, Reading};
use super::meta::{self, Metadata};
use super::native;
use super::pods::CONTROLLER_LABEL;
use super::rows::{self, Known, Owned};
use crate::domain::ids::{ClusterName, Generation, PodHash, Revision, Uid, WorkloadKind};
use crate::domain::observed::Timestamp;
use crate::domain::workload::{Controller, Deployer, DeploymentConfigFacts, Strategy, Triggers};

const VERSION: &str = "openshift.io/deployment-config.latest-version";
const PHASE: &str = "openshift.io/deployment.phase";
const REASON: &str = "openshift.io/deployment.status-reason";

/// A DeploymentConfig, without its ReplicationControllers.
pub(super) fn config(
    object: &Value,
    cluster: &ClusterName,
    seen_at: Timestamp,
    mut reading: Reading<'_>,
) -> Known {
    let root = Node::root(object);
    let (spec, status) = (root.at("spec", "spec"), root.at("status", "status"));
    let latest = reading.whole(status, "latestVersion").and_then(|it| u64::try_from(it).ok());
    let name = Metadata::of(object).name(&mut reading);
    let facts = DeploymentConfigFacts {
        paused: reading.boolean(spec, "paused").unwrap_or_default(),
        observed_generation: reading.whole(status, "observedGeneration").map(Generation),
        latest: latest.map(Revision),
        current: latest.filter(|it| *it > 0).map(|it| PodHash::new(&format!("{name}-{it}"))),
        triggers: triggers(spec, &mut reading),
        test: reading.boolean(spec, "test").unwrap_or_default(),
    };
    let strategy = strategy(spec, &mut reading);
    let counts = replicas(spec, status, &mut reading);
    let controller = Controller::DeploymentConfig(facts);
    let read = (WorkloadKind::DeploymentConfig, strategy, controller, counts);
    let selector = labels(spec);
    Known { selector, ..rows::assemble(object, read, (cluster, seen_at), reading) }
}

/// Its selector is a plain map of labels.
fn labels(spec: Node<'_>) -> Option<Box<str>> {
    let labels = spec.raw("selector").as_object()?;
    let pair = |(key, value): (&String, &Value)| Some(format!("{key}={}", value.as_str()?));
    let pairs = labels.iter().map(pair).collect::<Option<Vec<_>>>()?;
    (!pairs.is_empty()).then(|| pairs.join(",").into_boxed_str())
}

fn triggers(spec: Node<'_>, reading: &mut Reading<'_>) -> Triggers {
    let mut found = Triggers::default();
    for entry in reading.list(spec, "triggers") {
        let trigger = Node::entry(entry, "spec.triggers[]");
        match trigger.word("type") {
            Some("ConfigChange") => found.config = true,
            Some("ImageChange") => found.image = true,
            Some(_) | None => reading.odd(trigger, "type", "a trigger that we do not know"),
        }
    }
    found
}

fn strategy(spec: Node<'_>, reading: &mut Reading<'_>) -> Strategy {
    let node = spec.at("strategy", "spec.strategy");
    match node.word("type") {
        Some("Rolling") | None => Strategy::RollingUpdate,
        Some("Recreate") => Strategy::Recreate,
        Some("Custom") => Strategy::Custom,
        Some(_) => {
            reading.odd(node, "type", "a strategy that we do not know");
            Strategy::Unknown
        }
    }
}

/// A ReplicationController of a DeploymentConfig; others are none of ours.
pub(super) fn controller(object: &Value, mut reading: Reading<'_>) -> Option<Owned> {
    let metadata = Metadata::of(object);
    let (_, owner) =
        metadata.controller().filter(|(kind, _)| *kind == WorkloadKind::DeploymentConfig.name())?;
    let mut set = native::set(object, &mut reading);
    // Its pods carry its whole name as a label.
    set.hash = Some(PodHash::new(set.name.as_str()));
    set.revision = metadata.revision(VERSION);
    let reason = metadata.annotations.word(REASON).filter(|reason| !reason.is_empty());
    set.deployer = metadata.annotations.word(PHASE).map(|phase| Deployer {
        phase: reading.shared(phase),
        reason: reason.map(|reason| reading.shared(reason)),
    });
    let template = Node::root(object).at("spec", "spec").at("template", "spec.template");
    let template = meta::fingerprint(template.value());
    Some(Owned { owner: Uid::new(owner), set, template })
}

/// A template of a ReplicationController as its DeploymentConfig has it: labels and annotations that name the version
/// are no part of the version.
pub(super) fn without_additions(mut template: Value) -> Value {
    const LABELS: [&str; 2] = [CONTROLLER_LABEL, "deploymentconfig"];
    const ANNOTATIONS: [&str; 3] =
        [VERSION, "openshift.io/deployment-config.name", "openshift.io/deployment.name"];
    for (place, keys) in [("labels", &LABELS[..]), ("annotations", &ANNOTATIONS[..])] {
        let Some(found) = template.pointer_mut(&format!("/metadata/{place}")) else { continue };
        let Some(found) = found.as_object_mut() else { continue };
        found.retain(|key, _| !keys.contains(&key.as_str()));
    }
    template
}

#[cfg(test)]
#[path = "openshift_tests.rs"]
mod tests;
