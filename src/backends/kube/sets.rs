//! `StatefulSets`, `DaemonSets` and the `ControllerRevisions` that are their history → facts. Pure and total
//! (`reference/rollouts.md` §3.2).

use serde_json::Value;

use super::argo::replicas;
use super::fields::{Node, Reading};
use super::meta::{self, Metadata, REVISION_LABEL};
use super::rows::{self, Known, Owned};
use crate::control::plan::HELD_ANNOTATION;
use crate::domain::ids::{ClusterName, Generation, PodHash, Revision, Uid, WorkloadKind};
use crate::domain::observed::Timestamp;
use crate::domain::workload::{
    Controller, DaemonSetFacts, ReplicaCounts, ReplicaSet, StatefulSetFacts, Strategy, Workload,
};

/// A StatefulSet, without its revisions.
pub(super) fn stateful(
    object: &Value,
    cluster: &ClusterName,
    seen_at: Timestamp,
    mut reading: Reading<'_>,
) -> Known {
    let root = Node::root(object);
    let (spec, status) = (root.at("spec", "spec"), root.at("status", "status"));
    let update = spec.at("updateStrategy", "spec.updateStrategy");
    let rolling = update.at("rollingUpdate", "spec.updateStrategy.rollingUpdate");
    let mut revision = |key| {
        let name = status.word(key).filter(|name| !name.is_empty());
        name.map(|name| PodHash::from_text(reading.shared(name)))
    };
    let (current, wanted) = (revision("currentRevision"), revision("updateRevision"));
    let facts = StatefulSetFacts {
        observed_generation: reading.whole(status, "observedGeneration").map(Generation),
        partition: reading.count(rolling, "partition").or(rolling.is_there().then_some(0)),
        held_from: held(object).and_then(|before| before.parse().ok()),
        is_ordered: !matches!(spec.word("podManagementPolicy"), Some("Parallel")),
        current,
        wanted,
    };
    let counts = replicas(spec, status, &mut reading);
    let controller = Controller::StatefulSet(facts);
    let strategy = strategy(spec, &mut reading);
    let read = (WorkloadKind::StatefulSet, strategy, controller, counts);
    rows::assemble(object, read, (cluster, seen_at), reading)
}

/// A DaemonSet, without its revisions.
pub(super) fn daemon(
    object: &Value,
    cluster: &ClusterName,
    seen_at: Timestamp,
    mut reading: Reading<'_>,
) -> Known {
    let root = Node::root(object);
    let (spec, status) = (root.at("spec", "spec"), root.at("status", "status"));
    let facts = DaemonSetFacts {
        observed_generation: reading.whole(status, "observedGeneration").map(Generation),
        wanted: None,
        held: held(object).is_some(),
        misscheduled: reading.count(status, "numberMisscheduled"),
    };
    let counts = scheduled(status, &mut reading);
    let controller = Controller::DaemonSet(facts);
    let strategy = strategy(spec, &mut reading);
    let read = (WorkloadKind::DaemonSet, strategy, controller, counts);
    rows::assemble(object, read, (cluster, seen_at), reading)
}

/// What our pause keeps of the time before it.
fn held(object: &Value) -> Option<&str> {
    Metadata::of(object).annotations.word(HELD_ANNOTATION)
}

/// The counters of a DaemonSet; those that are zero are left out where it says "one of some".
fn scheduled(status: Node<'_>, reading: &mut Reading<'_>) -> ReplicaCounts {
    let written = status.at("desiredNumberScheduled", "").is_there();
    let mut counter = |key| match reading.count(status, key) {
        None if written && !status.at(key, "").is_there() => Some(0),
        read => read,
    };
    ReplicaCounts {
        desired: counter("desiredNumberScheduled"),
        current: counter("currentNumberScheduled"),
        updated: counter("updatedNumberScheduled"),
        ready: counter("numberReady"),
        available: counter("numberAvailable"),
    }
}

fn strategy(spec: Node<'_>, reading: &mut Reading<'_>) -> Strategy {
    let node = spec.at("updateStrategy", "spec.updateStrategy");
    match node.word("type") {
        Some("RollingUpdate") | None => Strategy::RollingUpdate,
        Some("OnDelete") => Strategy::OnDelete,
        Some(_) => {
            reading.odd(node, "type", "a strategy that we do not know");
            Strategy::Unknown
        }
    }
}

/// A ControllerRevision of a StatefulSet or a DaemonSet; others are none of ours.
pub(super) fn revision(object: &Value, mut reading: Reading<'_>) -> Option<Owned> {
    let metadata = Metadata::of(object);
    let (kind, owner) = metadata.controller()?;
    let name = metadata.name(&mut reading);
    // Pods of a StatefulSet carry the whole name, those of a DaemonSet only the hash.
    let hash = match kind {
        "StatefulSet" => PodHash::new(name.as_str()),
        "DaemonSet" => PodHash::from_text(reading.shared(metadata.labels.word(REVISION_LABEL)?)),
        _ => return None,
    };
    let root = Node::root(object);
    let template = root.at("data", "data").at("spec", "data.spec").at("template", "data.template");
    let number = reading.whole(root, "revision").and_then(|number| u64::try_from(number).ok());
    let set = ReplicaSet {
        name,
        uid: metadata.uid(),
        hash: Some(hash),
        revision: number.map(Revision),
        created: metadata.created(&mut reading),
        // It has none of its own: its workload tells how many pods are of it.
        replicas: ReplicaCounts::default(),
        images: meta::images(template, &mut reading),
        scale_down_at: None,
        build: meta::build(template, &metadata, &mut reading),
        failure: None,
        deployer: None,
    };
    Some(Owned { owner: Uid::new(owner), set, template: meta::fingerprint(template.value()) })
}

/// Gives the revisions (newest first) the pods that their workload tells of, and the workload its wanted revision.
pub(super) fn settle(workload: &mut Workload) {
    let counts = workload.replicas;
    let newest = workload.revisions.first().and_then(|set| set.hash.clone());
    let (wanted, current) = match &mut workload.controller {
        Controller::StatefulSet(facts) => (facts.wanted.clone(), facts.current.clone()),
        Controller::DaemonSet(facts) => {
            facts.wanted.clone_from(&newest);
            let older = workload.revisions.get(1).and_then(|set| set.hash.clone());
            (newest, older)
        }
        Controller::Argo(_)
        | Controller::Flagger(_)
        | Controller::Deployment(_)
        | Controller::DeploymentConfig(_)
        | Controller::Experiment(_) => return,
    };
    let left = counts.current.zip(counts.updated).map(|(all, new)| all.saturating_sub(new));
    let mut sets = workload.revisions.to_vec();
    for set in &mut sets {
        let pods = if set.hash == wanted {
            counts.updated
        } else if set.hash == current {
            left
        } else {
            // Beside these two there are pods only after two changes in a row; nobody counts them.
            (left == Some(0)).then_some(0)
        };
        set.replicas = ReplicaCounts { desired: pods, current: pods, ..ReplicaCounts::default() };
    }
    workload.revisions = sets.into();
}
