//! Workloads without Argo when nothing moves.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::bench::Bench;
use super::deployment::{self, REVISION};
use super::pod_shape;
use super::read;
use super::settled::{Born, SetPlan, pod_ready, replica_set, store};
use super::template::{self, DEPLOYMENT_HASH, letters};
use crate::sim::object::{set_meta, stamp};
use crate::sim::store::Kind;

fn condition((kind, reason, message): (&str, &str, &str), at: Timestamp) -> Value {
    json!({
        "type": kind,
        "status": "True",
        "lastUpdateTime": stamp(at),
        "lastTransitionTime": stamp(at),
        "reason": reason,
        "message": message,
    })
}

pub(super) fn deployment(bench: &mut Bench<'_>, born: &Born) {
    let length = i64::try_from(born.versions.len()).unwrap_or(1);
    let Some(stored) = store(bench, born, born.object(length)) else { return };
    let mut set: Option<Arc<Value>> = None;
    for (index, (template, at)) in born.versions.iter().enumerate() {
        let is_last = index + 1 == born.versions.len();
        let plan = SetPlan {
            owner: &stored,
            template,
            hash: template::built_in_hash(template),
            label: DEPLOYMENT_HASH,
            revision: i64::try_from(index).unwrap_or(0) + 1,
            wanted: if is_last { born.replicas() } else { 0 },
            at: *at,
        };
        set = replica_set(bench, &plan, |set, revision, replicas| {
            read::annotate(set, REVISION, &revision.to_string());
            deployment::annotate_sizes(set, &stored, replicas);
        });
    }
    let Some(set) = set else { return };
    let (_, at) = born.last();
    let template = set.pointer("/spec/template").cloned().unwrap_or_default();
    let prefix = format!("{}-", read::name(&set));
    for _ in 0..born.replicas() {
        let name = format!("{prefix}{}", letters(bench.chance(), 5));
        let pod = pod_shape::pod(&set, &template, &name, &prefix);
        let born = at + bench.between(500, 60_000);
        pod_ready(bench, pod, born);
    }
    let mut object = Value::clone(&stored);
    read::annotate(&mut object, REVISION, &length.to_string());
    let done = format!("ReplicaSet \"{}\" has successfully progressed.", read::name(&set));
    let at = at + SignedDuration::from_mins(1);
    let available =
        ("Available", "MinimumReplicasAvailable", "Deployment has minimum availability.");
    let mut status = json!({
        "observedGeneration": length,
        "terminatingReplicas": 0,
        "conditions": [
            condition(available, at),
            condition(("Progressing", "NewReplicaSetAvailable", &done), at),
        ],
    });
    if born.replicas() > 0 {
        for field in ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"] {
            status[field] = born.replicas().into();
        }
    }
    object["status"] = status;
    bench.write_status(Kind::Deployment, object);
}

/// Makes the revisions of a workload; answers with the name of the last one and its hash.
fn revisions(bench: &mut Bench<'_>, owner: &Value, born: &Born, label: &str) -> (String, String) {
    let mut last = (String::new(), String::new());
    for (index, (template, at)) in born.versions.iter().enumerate() {
        let hash = template::built_in_hash(template);
        let mut kept = template.clone();
        read::set(&mut kept, "/$patch", "replace");
        let mut labels = owner.pointer("/spec/selector/matchLabels").cloned().unwrap_or_default();
        read::set(&mut labels, &format!("/{}", label.replace('/', "~1")), hash.as_str());
        let name = format!("{}-{hash}", born.name());
        let revision = json!({
            "metadata": {
                "name": name,
                "namespace": born.namespace(),
                "creationTimestamp": stamp(*at),
                "labels": labels,
                "annotations": owner.pointer("/metadata/annotations").cloned().unwrap_or_default(),
                "ownerReferences": read::owned_by(owner),
            },
            "data": {"spec": {"template": kept}},
            "revision": index + 1,
        });
        drop(bench.store.create(Kind::ControllerRevision, revision));
        last = (name, hash);
    }
    last
}

pub(super) fn stateful_set(bench: &mut Bench<'_>, born: &Born) {
    let length = i64::try_from(born.versions.len()).unwrap_or(1);
    let Some(stored) = store(bench, born, born.object(length)) else { return };
    let label = "controller.kubernetes.io/hash";
    let (revision, _) = revisions(bench, &stored, born, label);
    let (template, at) = born.last();
    for ordinal in 0..born.replicas() {
        let name = format!("{}-{ordinal}", born.name());
        let mut pod = pod_shape::pod(&stored, &template, &name, &format!("{}-", born.name()));
        for (label, value) in [
            ("controller-revision-hash", revision.clone()),
            ("apps.kubernetes.io~1pod-index", ordinal.to_string()),
            ("statefulset.kubernetes.io~1pod-name", name.clone()),
        ] {
            read::set(&mut pod, &format!("/metadata/labels/{label}"), value);
        }
        read::set(&mut pod, "/spec/hostname", name);
        pod_ready(bench, pod, at + SignedDuration::from_secs(ordinal * 20));
    }
    let mut object = Value::clone(&stored);
    let mut status = json!({"observedGeneration": length, "replicas": born.replicas()});
    if born.replicas() > 0 {
        for field in ["readyReplicas", "currentReplicas", "updatedReplicas"] {
            status[field] = born.replicas().into();
        }
    }
    status["currentRevision"] = revision.as_str().into();
    status["updateRevision"] = revision.into();
    status["collisionCount"] = 0.into();
    status["availableReplicas"] = born.replicas().into();
    object["status"] = status;
    bench.write_status(Kind::StatefulSet, object);
}

pub(super) fn daemon_set(bench: &mut Bench<'_>, born: &Born) {
    let length = i64::try_from(born.versions.len()).unwrap_or(1);
    let mut object = born.object(length);
    read::unset(&mut object, "/spec/replicas");
    read::annotate(&mut object, "deprecated.daemonset.template.generation", &length.to_string());
    let Some(stored) = store(bench, born, object) else { return };
    let (_, hash) = revisions(bench, &stored, born, "controller-revision-hash");
    let (template, at) = born.last();
    let nodes: Vec<String> =
        bench.store.list(Kind::Node, None).map(|node| read::name(node).to_owned()).collect();
    for node in &nodes {
        let name = format!("{}-{}", born.name(), letters(bench.chance(), 5));
        let mut pod = pod_shape::pod(&stored, &template, &name, &format!("{}-", born.name()));
        read::set(&mut pod, "/metadata/labels/controller-revision-hash", hash.as_str());
        read::set(&mut pod, "/metadata/labels/pod-template-generation", length.to_string());
        pod_shape::bound(&mut pod, node, at);
        let born = at + bench.between(500, 30_000);
        pod_ready(bench, pod, born);
    }
    let mut object = Value::clone(&stored);
    let mut status = json!({
        "currentNumberScheduled": nodes.len(),
        "numberMisscheduled": 0,
        "desiredNumberScheduled": nodes.len(),
        "numberReady": nodes.len(),
        "observedGeneration": length,
    });
    if !nodes.is_empty() {
        for field in ["updatedNumberScheduled", "numberAvailable"] {
            status[field] = nodes.len().into();
        }
    }
    object["status"] = status;
    bench.write_status(Kind::DaemonSet, object);
}

/// A node, ready since long.
pub(super) fn node(name: &str, since: Timestamp) -> Value {
    let condition = |kind: &str, status: &str, reason: &str| {
        json!({
            "type": kind,
            "status": status,
            "lastHeartbeatTime": stamp(since),
            "lastTransitionTime": stamp(since),
            "reason": reason,
            "message": "kubelet is posting ready status",
        })
    };
    let mut node = json!({
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "topology.kubernetes.io/zone": "a",
            },
        },
        "spec": {"podCIDR": "10.44.0.0/24"},
        "status": {
            "capacity": {"cpu": "16", "memory": "64Gi", "pods": "110"},
            "allocatable": {"cpu": "15500m", "memory": "62Gi", "pods": "110"},
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID"),
                condition("Ready", "True", "KubeletReady"),
            ],
            "addresses": [
                {"type": "InternalIP", "address": pod_shape::address(name, 99)},
                {"type": "Hostname", "address": name},
            ],
            "nodeInfo": {
                "kubeletVersion": "v1.36.3",
                "containerRuntimeVersion": "containerd://2.1.4",
                "osImage": "Debian GNU/Linux 13 (trixie)",
                "operatingSystem": "linux",
                "architecture": "amd64",
                "kernelVersion": "6.12.0",
            },
        },
    });
    set_meta(&mut node, "creationTimestamp", stamp(since));
    node
}
