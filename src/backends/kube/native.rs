//! Deployments and ReplicaSets → facts. Pure and total.

use std::time::Duration;

use serde_json::Value;

use super::argo::{desired, replicas};
use super::fields::{Node, Reading};
use super::meta::{self, Metadata};
use super::rows::{self, Known, Owned};
use crate::domain::ids::{ClusterName, Generation, PodHash, Uid, WorkloadKind};
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;
use crate::domain::workload::{
    ConditionStatus, Controller, DeploymentFacts, ReplicaCounts, ReplicaSet, Strategy,
};

const DEPLOYMENT_REVISION: &str = "deployment.kubernetes.io/revision";
const ROLLOUT_REVISION: &str = "rollout.argoproj.io/revision";

/// A Deployment, without its ReplicaSets.
pub(super) fn deployment(
    object: &Value,
    cluster: &ClusterName,
    seen_at: Timestamp,
    mut reading: Reading<'_>,
) -> Known {
    let root = Node::root(object);
    let (spec, status) = (root.at("spec", "spec"), root.at("status", "status"));
    let metadata = Metadata::of(object);
    let _template = spec.at("template", "spec.template");
    let deadline = reading.count(spec, "progressDeadlineSeconds");
    let facts = DeploymentFacts {
        paused: reading.boolean(spec, "paused").unwrap_or_default(),
        observed_generation: reading.whole(status, "observedGeneration").map(Generation),
        current_hash: None,
        revision: metadata.revision(DEPLOYMENT_REVISION),
        progress_deadline: deadline.map(|seconds| Duration::from_secs(seconds.into())),
    };
    let strategy = strategy(spec, &mut reading);
    let counts = replicas(spec, status, &mut reading);
    let controller = Controller::Deployment(facts);
    let read = (WorkloadKind::Deployment, strategy, controller, counts);
    rows::assemble(object, read, (cluster, seen_at), reading)
}

fn strategy(spec: Node<'_>, reading: &mut Reading<'_>) -> Strategy {
    let node = spec.at("strategy", "spec.strategy");
    match node.word("type") {
        Some("RollingUpdate") | None => Strategy::RollingUpdate,
        Some("Recreate") => Strategy::Recreate,
        Some(_) => {
            reading.odd(node, "type", "a strategy that we do not know");
            Strategy::Unknown
        }
    }
}

/// A ReplicaSet that a Rollout or a Deployment controls; others are none of ours.
pub(super) fn owned(object: &Value, mut reading: Reading<'_>) -> Option<Owned> {
    let metadata = Metadata::of(object);
    let (kind, owner) = metadata.controller()?;
    if WorkloadKind::ALL.iter().all(|ours| ours.name() != kind) {
        return None;
    }
    let template = Node::root(object).at("spec", "spec").at("template", "spec.template");
    let template = meta::fingerprint(template.value());
    Some(Owned { owner: Uid::new(owner), set: set(object, &mut reading), template })
}

/// A ReplicaSet, whoever controls it.
pub(super) fn set(object: &Value, reading: &mut Reading<'_>) -> ReplicaSet {
    let metadata = Metadata::of(object);
    let root = Node::root(object);
    let (spec, status) = (root.at("spec", "spec"), root.at("status", "status"));
    let template = spec.at("template", "spec.template");
    let deadline = metadata.annotations.word("scale-down-deadline");
    ReplicaSet {
        name: metadata.name(reading),
        uid: metadata.uid(),
        hash: metadata.hash().map(|hash| PodHash::from_text(reading.shared(hash))),
        revision: metadata
            .revision(ROLLOUT_REVISION)
            .or_else(|| metadata.revision(DEPLOYMENT_REVISION)),
        created: metadata.created(reading),
        replicas: set_replicas(spec, status, reading),
        images: meta::images(template, reading),
        scale_down_at: deadline.and_then(|raw| raw.parse().ok()),
        build: meta::build(template, &metadata, reading),
        failure: failure(status, reading),
        deployer: None,
    }
}

/// `status.replicas` is always written; the other counters are left out when they are zero.
fn set_replicas(spec: Node<'_>, status: Node<'_>, reading: &mut Reading<'_>) -> ReplicaCounts {
    let written = status.at("replicas", "").is_there();
    let mut counter = |key| match reading.count(status, key) {
        None if written && !status.at(key, "").is_there() => Some(0),
        read => read,
    };
    ReplicaCounts {
        current: counter("replicas"),
        updated: None,
        ready: counter("readyReplicas"),
        available: counter("availableReplicas"),
        desired: desired(spec, reading),
    }
}

fn failure(status: Node<'_>, reading: &mut Reading<'_>) -> Option<Text> {
    let conditions = meta::conditions(status, reading);
    let failed = conditions.iter().find(|condition| {
        condition.kind.as_str() == "ReplicaFailure" && condition.status == ConditionStatus::True
    })?;
    Some(failed.message.clone())
}
