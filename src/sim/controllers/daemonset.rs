//! The daemon set controller: a pod on every node.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::bench::Bench;
use super::pod_shape::{self, bound, is_ready};
use super::read::{self, Rounding};
use super::recorder::{Note, Source};
use super::revisions;
use super::template::letters;
use crate::sim::object::is_going;
use crate::sim::store::Kind;

const HASH: &str = "controller-revision-hash";

/// The annotation that counts templates.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

/// Brings a DaemonSet one step nearer to what it wants.
pub(super) fn reconcile(bench: &mut Bench<'_>, key: &str) {
    let Some(set) = bench.get(Kind::DaemonSet, key).filter(|set| !is_going(set)) else { return };
    let Some(revision) = revisions::current(bench, &set, HASH) else { return };
    let hash = read::label(&revision, HASH).unwrap_or_default().to_owned();
    let nodes: Vec<String> =
        bench.store.list(Kind::Node, None).map(|node| read::name(node).to_owned()).collect();
    let mut by_node: BTreeMap<String, Vec<Arc<Value>>> = BTreeMap::new();
    for pod in bench.owned(Kind::Pod, &set) {
        by_node.entry(node_of(&pod)).or_default().push(pod);
    }
    let status = counted(&set, (&nodes, &by_node), &hash);
    for node in &nodes {
        if by_node.get(node).is_none_or(Vec::is_empty) {
            create(bench, &set, node, &hash);
        }
    }
    for (node, pods) in &by_node {
        for pod in pods.iter().filter(|pod| !nodes.contains(node) && !is_going(pod)) {
            delete(bench, &set, pod);
        }
    }
    if read::text(&set, "/spec/updateStrategy/type") != "OnDelete" {
        roll(bench, &set, (&nodes, &by_node), &hash);
    }
    write(bench, &set, status);
    let used: Vec<String> = by_node
        .values()
        .flatten()
        .filter_map(|pod| Some(format!("{}-{}", read::name(&set), read::label(pod, HASH)?)))
        .chain([read::name(&revision).to_owned()])
        .collect();
    revisions::forget(bench, &set, &used);
}

/// The node a pod is on, or meant for.
fn node_of(pod: &Value) -> String {
    let node = read::text(pod, "/spec/nodeName");
    if !node.is_empty() {
        return node.to_owned();
    }
    let at = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution\
              /nodeSelectorTerms/0/matchFields/0/values/0";
    read::text(pod, at).to_owned()
}

fn create(bench: &mut Bench<'_>, set: &Value, node: &str, hash: &str) {
    let source = set.pointer("/spec/template").cloned().unwrap_or_default();
    let prefix = format!("{}-", read::name(set));
    let name = format!("{prefix}{}", letters(bench.chance(), 5));
    let mut pod = pod_shape::pod(set, &source, &name, &prefix);
    read::set(&mut pod, &format!("/metadata/labels/{HASH}"), hash);
    let generation = read::annotation(set, TEMPLATE_GENERATION).unwrap_or("1").to_owned();
    read::set(&mut pod, "/metadata/labels/pod-template-generation", generation);
    let rule = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution";
    let field = json!({"key": "metadata.name", "operator": "In", "values": [node]});
    read::set(&mut pod, rule, json!({"nodeSelectorTerms": [{"matchFields": [field]}]}));
    if bench.store.create(Kind::Pod, pod).is_ok() {
        let told = Note::normal("SuccessfulCreate", format!("Created pod: {name}"));
        bench.say(Source::DaemonSets, (Kind::DaemonSet, set), told);
    }
}

fn delete(bench: &mut Bench<'_>, set: &Value, pod: &Value) {
    bench.delete_pod(&read::key(pod));
    let note = Note::normal("SuccessfulDelete", format!("Deleted pod: {}", read::name(pod)));
    bench.say(Source::DaemonSets, (Kind::DaemonSet, set), note);
}

type Nodes<'a> = (&'a [String], &'a BTreeMap<String, Vec<Arc<Value>>>);

/// Renews pods, so many at a time as may be unavailable.
fn roll(bench: &mut Bench<'_>, set: &Value, (nodes, by_node): Nodes<'_>, hash: &str) {
    let wanted = i64::try_from(nodes.len()).unwrap_or(0);
    let one = Value::from(1);
    let limit = set.pointer("/spec/updateStrategy/rollingUpdate/maxUnavailable").unwrap_or(&one);
    let mut room = read::share(Some(limit), wanted, Rounding::Up).max(1);
    let mut old = Vec::new();
    for node in nodes {
        let pods = by_node.get(node).map(Vec::as_slice).unwrap_or_default();
        let well = pods.iter().any(|pod| is_ready(pod) && !is_going(pod));
        let stale = pods.iter().find(|pod| read::label(pod, HASH) != Some(hash) && !is_going(pod));
        match (stale, well) {
            // What does not work is renewed at once and takes nobody's turn.
            (Some(pod), false) => {
                delete(bench, set, pod);
                room -= 1;
            }
            (Some(pod), true) => old.push(pod),
            (None, false) => room -= 1,
            (None, true) => {}
        }
    }
    for pod in old.into_iter().take(usize::try_from(room.max(0)).unwrap_or(0)) {
        delete(bench, set, pod);
    }
}

fn counted(set: &Value, (nodes, by_node): Nodes<'_>, hash: &str) -> Value {
    let on = |node: &String| by_node.get(node).map(Vec::as_slice).unwrap_or_default();
    let count = |is: &dyn Fn(&Arc<Value>) -> bool| {
        // A pod that is on its way counts until it is gone.
        nodes.iter().filter(|node| on(node).iter().any(is)).count()
    };
    let placed = count(&|_| true);
    let ready = count(&|pod| is_ready(pod));
    let updated = count(&|pod| read::label(pod, HASH) == Some(hash));
    let mut status = Map::new();
    for (field, count, always) in [
        ("currentNumberScheduled", placed, true),
        ("numberMisscheduled", 0, true),
        ("desiredNumberScheduled", nodes.len(), true),
        ("numberReady", ready, true),
        ("updatedNumberScheduled", updated, false),
        ("numberAvailable", ready, false),
        ("numberUnavailable", nodes.len() - ready, false),
    ] {
        if always || count > 0 {
            status.insert(field.into(), count.into());
        }
    }
    let generation = read::count(set, "/metadata/generation");
    status.insert("observedGeneration".into(), generation.into());
    status.into()
}

fn write(bench: &mut Bench<'_>, set: &Value, status: Value) {
    let Some(stored) = bench.get(Kind::DaemonSet, &read::key(set)) else { return };
    let mut next = Value::clone(&stored);
    next["status"] = status;
    bench.write_status(Kind::DaemonSet, next);
}

/// Puts a pod that is meant for a node on it.
pub(super) fn place(pod: &mut Value, at: jiff::Timestamp) -> bool {
    let node = node_of(pod);
    if node.is_empty() {
        return false;
    }
    bound(pod, &node, at);
    true
}
