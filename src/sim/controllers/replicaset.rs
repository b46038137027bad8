//! The replica set controller: so many pods of a template, no more and no less.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::agenda::Task;
use super::bench::Bench;
use super::pod_shape::{self, ready_since};
use super::read;
use super::recorder::{Note, Source};
use super::template::letters;
use crate::sim::object::is_going;
use crate::sim::store::Kind;

/// Pods created or deleted in one go, as upstream limits it.
const BURST: usize = 500;

/// Brings a ReplicaSet closer to what it wants, and its status up to date.
pub(super) fn reconcile(bench: &mut Bench<'_>, key: &str) {
    let Some(set) = bench.get(Kind::ReplicaSet, key) else { return };
    if is_going(&set) {
        return;
    }
    let pods = bench.owned(Kind::Pod, &set);
    let (going, alive): (Vec<_>, Vec<_>) = pods.into_iter().partition(|pod| is_going(pod));
    let alive: Vec<Arc<Value>> = alive.into_iter().filter(|pod| !is_over(pod)).collect();
    let wanted = usize::try_from(read::int(&set, "/spec/replicas").unwrap_or(1)).unwrap_or(0);
    if alive.len() < wanted {
        for _ in 0..(wanted - alive.len()).min(BURST) {
            create(bench, &set);
        }
    } else if alive.len() > wanted {
        for pod in first_to_go(bench, &alive).into_iter().take((alive.len() - wanted).min(BURST)) {
            delete(bench, &set, &pod);
        }
    }
    // As upstream: the counts are those from before what was just done.
    let counted = count(bench, key, &set, &alive);
    write_status(bench, &set, &counted, going.len());
}

fn is_over(pod: &Value) -> bool {
    matches!(read::text(pod, "/status/phase"), "Failed" | "Succeeded")
}

fn create(bench: &mut Bench<'_>, set: &Value) {
    let Some(template) = set.pointer("/spec/template") else { return };
    let prefix = format!("{}-", read::name(set));
    let name = format!("{prefix}{}", letters(bench.chance(), 5));
    let pod = pod_shape::pod(set, template, &name, &prefix);
    if bench.store.create(Kind::Pod, pod).is_ok() {
        let note = Note::normal("SuccessfulCreate", format!("Created pod: {name}"));
        bench.say(Source::ReplicaSets, (Kind::ReplicaSet, set), note);
    }
}

fn delete(bench: &mut Bench<'_>, set: &Value, pod: &Value) {
    bench.delete_pod(&read::key(pod));
    let note = Note::normal("SuccessfulDelete", format!("Deleted pod: {}", read::name(pod)));
    bench.say(Source::ReplicaSets, (Kind::ReplicaSet, set), note);
}

/// Pods in the order in which they may go: without a node, not running, not ready, young.
fn first_to_go(bench: &mut Bench<'_>, pods: &[Arc<Value>]) -> Vec<Arc<Value>> {
    let rank = |pod: &Arc<Value>| {
        let has_node = !read::text(pod, "/spec/nodeName").is_empty();
        let runs = read::text(pod, "/status/phase") == "Running";
        let ready = ready_since(pod);
        // Of those that are ready, the youngest go first.
        let ready_for =
            ready.map_or(SignedDuration::ZERO, |since| bench.now().duration_since(since));
        let age = bench.now().duration_since(read::created(pod));
        (has_node, runs, ready.is_some(), ready_for, age)
    };
    let mut sorted = pods.to_vec();
    sorted.sort_by_cached_key(rank);
    sorted
}

struct Counted {
    all: usize,
    ready: usize,
    available: usize,
}

fn count(bench: &mut Bench<'_>, key: &str, set: &Value, pods: &[Arc<Value>]) -> Counted {
    let patience = SignedDuration::from_secs(read::count(set, "/spec/minReadySeconds"));
    let mut counted = Counted { all: pods.len(), ready: 0, available: 0 };
    let mut soonest: Option<Timestamp> = None;
    for since in pods.iter().filter_map(|pod| ready_since(pod)) {
        counted.ready += 1;
        let from = since + patience;
        if patience.is_zero() || from <= bench.now() {
            counted.available += 1;
        } else {
            soonest = Some(soonest.map_or(from, |earlier| earlier.min(from)));
        }
    }
    if let Some(at) = soonest {
        bench.at(Task::ReplicaSet, key, at);
    }
    counted
}

fn write_status(bench: &mut Bench<'_>, set: &Value, counted: &Counted, going: usize) {
    let Some(mut next) = bench.get(Kind::ReplicaSet, &read::key(set)).map(|set| Value::clone(&set))
    else {
        return;
    };
    let mut status = Map::new();
    let mut put = |field: &str, count: usize, always: Always| {
        if count > 0 || always == Always::Yes {
            status.insert(field.to_owned(), count.into());
        }
    };
    put("replicas", counted.all, Always::Yes);
    put("fullyLabeledReplicas", counted.all, Always::No);
    put("readyReplicas", counted.ready, Always::No);
    put("availableReplicas", counted.available, Always::No);
    put("terminatingReplicas", going, Always::Yes);
    let generation = read::count(set, "/metadata/generation");
    status.insert("observedGeneration".to_owned(), generation.into());
    if let Some(conditions) = set.pointer("/status/conditions") {
        status.insert("conditions".to_owned(), conditions.clone());
    }
    read::set(&mut next, "/status", status);
    bench.write_status(Kind::ReplicaSet, next);
}

#[derive(Clone, Copy, PartialEq)]
enum Always {
    Yes,
    No,
}
