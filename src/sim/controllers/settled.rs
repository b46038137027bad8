//! Workloads as they are when nothing moves: with the history of their versions, all pods ready,
//! and nothing left to do for any controller.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::argo_status::{labels_text, step_hash};
use super::argo_traffic::canary_ingress;
use super::argo_view::Ro;
use super::bench::Bench;
use super::pod_shape::{self, Container, Ready, Seen, bound, described};
use super::read;
use super::sets::{DESIRED, REVISION};
use super::settled_native as native;
use super::template::{self, ROLLOUT_HASH, letters};
use crate::sim::managed::{Manager, record};
use crate::sim::object::{set_meta, stamp};
use crate::sim::store::Kind;

/// A workload to be made.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Born {
    /// What it is.
    pub(in crate::sim) kind: Kind,
    /// Namespace, name, labels, annotations.
    pub(in crate::sim) metadata: Value,
    /// Its spec, without the template.
    pub(in crate::sim) spec: Value,
    /// The pod templates of its versions, oldest first, and when each came.
    pub(in crate::sim) versions: Vec<(Value, Timestamp)>,
    /// The tool that wrote it.
    pub(in crate::sim) by: String,
}

/// Makes a workload with everything that belongs to it.
pub(super) fn make(bench: &mut Bench<'_>, born: &Born) {
    if born.versions.is_empty() {
        return;
    }
    if born.kind == Kind::Canary {
        super::settled_flagger::canary(bench, born);
    } else if born.kind == Kind::Deployment {
        native::deployment(bench, born);
    } else if born.kind == Kind::StatefulSet {
        native::stateful_set(bench, born);
    } else if born.kind == Kind::DaemonSet {
        native::daemon_set(bench, born);
    } else {
        rollout(bench, born);
    }
}

impl Born {
    /// The object itself, as the API server has it: with the last template.
    pub(super) fn object(&self, generation: i64) -> Value {
        let (template, _) = self.last();
        let first = self.versions.first().map_or_else(Timestamp::default, |(_, at)| *at);
        let mut object = json!({"metadata": self.metadata, "spec": self.spec});
        set_meta(&mut object, "creationTimestamp", stamp(first));
        set_meta(&mut object, "generation", generation);
        read::set(&mut object, "/spec/template", template);
        object
    }

    pub(super) fn last(&self) -> (Value, Timestamp) {
        self.versions.last().cloned().unwrap_or_default()
    }

    pub(super) fn replicas(&self) -> i64 {
        read::int(&self.spec, "/replicas").unwrap_or(1)
    }

    pub(super) fn name(&self) -> &str {
        read::text(&self.metadata, "/name")
    }

    pub(super) fn namespace(&self) -> &str {
        read::text(&self.metadata, "/namespace")
    }

    fn length(&self) -> i64 {
        i64::try_from(self.versions.len()).unwrap_or(1)
    }
}

/// Stores an object with the note who wrote it.
pub(super) fn store(bench: &mut Bench<'_>, born: &Born, mut object: Value) -> Option<Arc<Value>> {
    let by = Manager { name: &born.by, subresource: "", at: born.last().1 };
    let status = object.as_object_mut()?.shift_remove("status");
    record(born.kind, None, &mut object, by);
    if let Some(status) = status {
        object["status"] = status;
    }
    bench.store.create(born.kind, object).ok()?;
    bench.get(born.kind, &format!("{}/{}", born.namespace(), born.name()))
}

fn rollout(bench: &mut Bench<'_>, born: &Born) {
    // One patch of a template makes two generations: the controller writes its normal form.
    let mut object = born.object(born.length() * 2);
    let given = object.pointer("/spec/template").cloned().unwrap_or_default();
    read::set(&mut object, "/spec/template", template::written_back(&given));
    let Some(kept) = store(bench, born, object) else { return };
    let mut set = None;
    let limit = usize::try_from(read::int(&born.spec, "/revisionHistoryLimit").unwrap_or(10));
    let first = born.versions.len().saturating_sub(limit.unwrap_or(10) + 1);
    for (index, (template, at)) in born.versions.iter().enumerate().skip(first) {
        let is_last = index + 1 == born.versions.len();
        let wanted = if is_last { born.replicas() } else { 0 };
        let plan = SetPlan {
            owner: &kept,
            template,
            hash: template::hash(template, None),
            label: ROLLOUT_HASH,
            revision: i64::try_from(index).unwrap_or(0) + 1,
            wanted,
            at: *at,
        };
        set = replica_set(bench, &plan, |set, revision, replicas| {
            read::annotate(set, REVISION, &revision.to_string());
            read::annotate(set, DESIRED, &replicas.to_string());
        });
    }
    let Some(set) = set else { return };
    pods(bench, &set, (born.replicas(), born.last().1));
    let mut object = Value::clone(&kept);
    read::annotate(&mut object, REVISION, &born.length().to_string());
    let at = born.last().1 + SignedDuration::from_mins(2);
    let hash = template::hash(&born.last().0, None);
    let ro = Ro { object: Arc::new(object.clone()), workload: None };
    object["status"] = rollout_status(&ro, (&set, &hash), at);
    let base = bench.store.get(Kind::Ingress, born.namespace(), born.name()).cloned();
    if let Some(base) = base.filter(|_| ro.is_routed()) {
        drop(bench.store.create(Kind::Ingress, canary_ingress(&ro, &base, 0)));
    }
    for (part, subresource) in [("metadata", ""), ("status", "status")] {
        let mut entries = read::list(&object, "/metadata/managedFields").to_vec();
        entries.push(controller_entry(part, subresource, at));
        set_meta(&mut object, "managedFields", entries);
    }
    bench.write_status(Kind::Rollout, object);
}

fn controller_entry(part: &str, subresource: &str, at: Timestamp) -> Value {
    let fields = if part == "metadata" {
        json!({"f:metadata": {"f:annotations": {format!("f:{REVISION}"): {}}}})
    } else {
        json!({"f:status": {"f:phase": {}, "f:conditions": {}}})
    };
    let mut entry = json!({
        "manager": "rollouts-controller",
        "operation": "Update",
        "apiVersion": "argoproj.io/v1alpha1",
        "time": stamp(at),
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    });
    if !subresource.is_empty() {
        entry["subresource"] = subresource.into();
    }
    entry
}

fn rollout_status(ro: &Ro, (set, hash): (&Value, &str), at: Timestamp) -> Value {
    let replicas = ro.replicas();
    let condition = |(kind, status, reason, message): (&str, &str, &str, &str)| {
        json!({
            "lastTransitionTime": stamp(at),
            "lastUpdateTime": stamp(at),
            "message": message,
            "reason": reason,
            "status": status,
            "type": kind,
        })
    };
    let done = format!("ReplicaSet \"{}\" has successfully progressed.", read::name(set));
    let mut all = vec![
        ("Available", "True", "AvailableReason", "Rollout has minimum availability"),
        ("Healthy", "True", "RolloutHealthy", "Rollout is healthy"),
        ("Progressing", "True", "NewReplicaSetAvailable", done.as_str()),
        ("Completed", "True", "RolloutCompleted", "RolloutCompleted"),
    ];
    if read::annotation(&ro.object, REVISION).is_some_and(|it| it != "1") {
        all.push(("Paused", "False", "RolloutPaused", "Rollout is paused"));
    }
    let own = labels_text(ro.object.pointer("/spec/selector/matchLabels"));
    let mut status = json!({
        "blueGreen": {},
        "canary": {},
        "conditions": all.into_iter().map(condition).collect::<Vec<_>>(),
        "currentPodHash": hash,
        "observedGeneration": ro.generation().to_string(),
        "phase": "Healthy",
        "selector": own,
        "stableRS": hash,
    });
    if replicas > 0 {
        for field in
            ["HPAReplicas", "availableReplicas", "readyReplicas", "replicas", "updatedReplicas"]
        {
            status[field] = replicas.into();
        }
    }
    if ro.blue_green().is_some() {
        let selectors = labels_text(set.pointer("/spec/selector/matchLabels"));
        status["selector"] = selectors.into();
        status["blueGreen"] = json!({"activeSelector": hash});
        if !ro.service("previewService").is_empty() {
            status["blueGreen"]["previewSelector"] = hash.into();
        }
        return status;
    }
    status["currentStepHash"] = step_hash(ro).into();
    if ro.step_count() > 0 {
        status["currentStepIndex"] = ro.step_count().into();
    }
    if ro.is_routed() {
        let destination = |weight: i64, role: &str| {
            let service = ro.service(role);
            json!({"podTemplateHash": hash, "serviceName": service, "weight": weight})
        };
        status["canary"]["weights"] = json!({
            "canary": destination(0, "canaryService"),
            "stable": destination(ro.max_weight(), "stableService"),
        });
    }
    status
}

/// A ReplicaSet to be made.
pub(super) struct SetPlan<'a> {
    pub(super) owner: &'a Value,
    pub(super) template: &'a Value,
    pub(super) hash: String,
    pub(super) label: &'static str,
    pub(super) revision: i64,
    pub(super) wanted: i64,
    pub(super) at: Timestamp,
}

/// Makes a ReplicaSet as its controllers leave it.
pub(super) fn replica_set(
    bench: &mut Bench<'_>,
    plan: &SetPlan<'_>,
    annotate: impl Fn(&mut Value, i64, i64),
) -> Option<Arc<Value>> {
    let mut pods = template::with_defaults(plan.template);
    read::set(&mut pods, &format!("/metadata/labels/{}", plan.label), plan.hash.as_str());
    let labels = pods.pointer("/metadata/labels").cloned().unwrap_or_default();
    let mut selector = plan.owner.pointer("/spec/selector").cloned().unwrap_or_default();
    read::set(&mut selector, &format!("/matchLabels/{}", plan.label), plan.hash.as_str());
    let own = plan.owner.pointer("/metadata/annotations").and_then(Value::as_object);
    let copied: Map<String, Value> = own
        .into_iter()
        .flatten()
        .filter(|(name, _)| {
            !name.ends_with("/revision") && !name.ends_with("last-applied-configuration")
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let (name, namespace) =
        (format!("{}-{}", read::name(plan.owner), plan.hash), read::namespace(plan.owner));
    // Made with nothing, scaled up, and once it was old down again.
    let generation = if plan.wanted > 0 { 2 } else { 3 };
    let mut status = json!({
        "replicas": plan.wanted,
        "terminatingReplicas": 0,
        "observedGeneration": generation,
    });
    if plan.wanted > 0 {
        for field in ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"] {
            status[field] = plan.wanted.into();
        }
    }
    let mut spec = json!({"replicas": plan.wanted, "selector": selector, "template": pods});
    let patience = read::count(plan.owner, "/spec/minReadySeconds");
    if patience > 0 {
        spec["minReadySeconds"] = patience.into();
    }
    let mut set = json!({
        "metadata": {
            "name": name,
            "namespace": namespace,
            "creationTimestamp": stamp(plan.at),
            "generation": generation,
            "labels": labels,
            "annotations": copied,
            "ownerReferences": read::owned_by(plan.owner),
        },
        "spec": spec,
        "status": status,
    });
    let replicas = read::int(plan.owner, "/spec/replicas").unwrap_or(1);
    annotate(&mut set, plan.revision, replicas);
    bench.store.create(Kind::ReplicaSet, set).ok()?;
    bench.get(Kind::ReplicaSet, &format!("{namespace}/{name}"))
}

/// Makes the pods of a ReplicaSet, ready since shortly after a time.
fn pods(bench: &mut Bench<'_>, set: &Value, (count, at): (i64, Timestamp)) {
    let Some(template) = set.pointer("/spec/template").cloned() else { return };
    let prefix = format!("{}-", read::name(set));
    for _ in 0..count {
        let name = format!("{prefix}{}", letters(bench.chance(), 5));
        let pod = pod_shape::pod(set, &template, &name, &prefix);
        let born = at + bench.between(500, 60_000);
        pod_ready(bench, pod, born);
    }
}

/// Stores a pod that runs and is ready since shortly after it was created.
pub(super) fn pod_ready(bench: &mut Bench<'_>, mut pod: Value, born: Timestamp) {
    set_meta(&mut pod, "creationTimestamp", stamp(born));
    set_meta(&mut pod, "uid", bench.store.uid());
    if read::text(&pod, "/spec/nodeName").is_empty() && !super::daemonset::place(&mut pod, born) {
        let nodes: Vec<String> =
            bench.store.list(Kind::Node, None).map(|node| read::name(node).to_owned()).collect();
        let index = usize::try_from(bench.chance()).unwrap_or(0).checked_rem(nodes.len());
        let node = index.and_then(|index| nodes.get(index)).map_or("node-a", String::as_str);
        bound(&mut pod, node, born);
    }
    let version = bench.life.truth.of(&pod);
    let since = born + version.start_after;
    let ready = Container::Running { since, ready: Ready::Yes };
    let at = since + version.ready_after;
    described(&mut pod, &Seen { now: ready, restarts: 0, last: None, at }, &bench.life.truth);
    let key = read::key(&pod);
    if bench.store.create(Kind::Pod, pod).is_ok()
        && let Some(pod) = bench.get(Kind::Pod, &key)
    {
        super::balance::begin(bench, &key, &pod);
    }
}

/// The hash of the version that runs.
pub(in crate::sim) fn hash_of(born: &Born) -> String {
    template::hash(&born.last().0, None)
}

/// A node, ready since long.
pub(in crate::sim) fn node(name: &str, since: Timestamp) -> Value {
    native::node(name, since)
}
