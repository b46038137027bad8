//! The stateful set controller: pods with names, one after the other.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::agenda::Task;
use super::bench::Bench;
use super::pod_shape::{self, ready_since};
use super::read;
use super::recorder::{Note, Source};
use super::revisions;
use crate::sim::object::is_going;
use crate::sim::store::Kind;

/// The label that names a pod's revision.
const HASH: &str = "controller-revision-hash";

/// One pass over a StatefulSet.
struct Work<'p, 'b> {
    bench: &'p mut Bench<'b>,
    set: Arc<Value>,
    pods: Vec<Arc<Value>>,
    update: Arc<Value>,
    current: Arc<Value>,
}

/// Brings a StatefulSet one step nearer to what it wants.
pub(super) fn reconcile(bench: &mut Bench<'_>, key: &str) {
    let Some(set) = bench.get(Kind::StatefulSet, key).filter(|set| !is_going(set)) else { return };
    let Some(update) = revisions::current(bench, &set, "controller.kubernetes.io/hash") else {
        return;
    };
    let named = read::text(&set, "/status/currentRevision");
    let current = revisions::all(bench, &set).into_iter().find(|it| read::name(it) == named);
    let current = current.unwrap_or_else(|| Arc::clone(&update));
    let pods = bench.owned(Kind::Pod, &set);
    let mut work = Work { bench, set, pods, update, current };
    work.act();
    work.pods = work.bench.owned(Kind::Pod, &work.set);
    let status = work.status();
    work.write(status);
}

impl Work<'_, '_> {
    fn replicas(&self) -> i64 {
        read::int(&self.set, "/spec/replicas").unwrap_or(1)
    }

    fn partition(&self) -> i64 {
        read::count(&self.set, "/spec/updateStrategy/rollingUpdate/partition")
    }

    fn is_parallel(&self) -> bool {
        read::text(&self.set, "/spec/podManagementPolicy") == "Parallel"
    }

    fn is_rolling(&self) -> bool {
        read::text(&self.set, "/spec/updateStrategy/type") != "OnDelete"
    }

    fn pod(&self, ordinal: i64) -> Option<&Arc<Value>> {
        let name = format!("{}-{ordinal}", read::name(&self.set));
        self.pods.iter().find(|pod| read::name(pod) == name)
    }

    fn is_ready(&self, pod: &Value) -> bool {
        let patience = SignedDuration::from_secs(read::count(&self.set, "/spec/minReadySeconds"));
        let since = ready_since(pod).filter(|_| !is_going(pod));
        since.is_some_and(|since| patience.is_zero() || since + patience <= self.bench.now())
    }

    fn is_updated(&self, pod: &Value) -> bool {
        read::label(pod, HASH) == Some(read::name(&self.update))
    }

    /// Creates, removes or renews pods: one at a time, unless they may all move at once.
    fn act(&mut self) {
        for ordinal in 0..self.replicas() {
            let state = self.pod(ordinal).map(|pod| (is_going(pod), self.is_ready(pod)));
            match state {
                None => {
                    self.create(ordinal);
                    if !self.is_parallel() {
                        return;
                    }
                }
                Some((_, true)) => {}
                Some((_, false)) if self.is_parallel() => {}
                // A set in order waits for every pod, and a stuck one holds it for ever.
                Some((_, false)) => return self.look_again(),
            }
        }
        let surplus: Vec<Arc<Value>> = self
            .pods
            .iter()
            .filter(|pod| ordinal(pod).is_none_or(|it| it >= self.replicas()))
            .cloned()
            .collect();
        let last = surplus.iter().max_by_key(|pod| ordinal(pod)).cloned();
        for pod in if self.is_parallel() { surplus } else { Vec::from_iter(last) } {
            if !is_going(&pod) {
                self.delete(&pod);
            }
            if !self.is_parallel() {
                return;
            }
        }
        self.update_pods();
    }

    fn update_pods(&mut self) {
        if !self.is_rolling() {
            return;
        }
        for ordinal in (self.partition().max(0)..self.replicas()).rev() {
            let Some(pod) = self.pod(ordinal).cloned() else { return };
            if !self.is_updated(&pod) {
                if !is_going(&pod) {
                    self.delete(&pod);
                }
                return;
            }
            if !self.is_ready(&pod) {
                return self.look_again();
            }
        }
    }

    fn look_again(&mut self) {
        let patience = read::count(&self.set, "/spec/minReadySeconds");
        if patience > 0 {
            let key = read::key(&self.set);
            self.bench.later(Task::StatefulSet, &key, SignedDuration::from_secs(patience));
        }
    }

    fn create(&mut self, ordinal: i64) {
        let keeps_old = ordinal < self.partition()
            || (self.pods.is_empty() && read::name(&self.current) == read::name(&self.update));
        let revision = if keeps_old { &self.current } else { &self.update };
        let (template, hash) = (revisions::template_of(revision), read::name(revision).to_owned());
        let name = format!("{}-{ordinal}", read::name(&self.set));
        let mut pod =
            pod_shape::pod(&self.set, &template, &name, &format!("{}-", read::name(&self.set)));
        for (label, value) in [
            (HASH.to_owned(), hash),
            ("apps.kubernetes.io~1pod-index".to_owned(), ordinal.to_string()),
            ("statefulset.kubernetes.io~1pod-name".to_owned(), name.clone()),
        ] {
            read::set(&mut pod, &format!("/metadata/labels/{label}"), value);
        }
        read::set(&mut pod, "/spec/hostname", name.clone());
        let service = read::text(&self.set, "/spec/serviceName").to_owned();
        if !service.is_empty() {
            read::set(&mut pod, "/spec/subdomain", service);
        }
        if self.bench.store.create(Kind::Pod, pod).is_ok() {
            self.tell("SuccessfulCreate", &format!("Create Pod {name}"));
        }
    }

    fn delete(&mut self, pod: &Value) {
        self.bench.delete_pod(&read::key(pod));
        self.tell("SuccessfulDelete", &format!("Delete Pod {}", read::name(pod)));
    }

    fn tell(&mut self, reason: &str, what: &str) {
        let message = format!("{what} in StatefulSet {} successful", read::name(&self.set));
        let set = Arc::clone(&self.set);
        let note = Note::normal(reason, message);
        self.bench.say(Source::StatefulSets, (Kind::StatefulSet, &set), note);
    }

    fn status(&self) -> Value {
        let count = |is: &dyn Fn(&Value) -> bool| self.pods.iter().filter(|pod| is(pod)).count();
        let named = |pod: &Value, revision: &Value| {
            read::label(pod, HASH) == Some(read::name(revision)) && !is_going(pod)
        };
        // A pod that is on its way counts as ready until it is gone.
        let patience = SignedDuration::from_secs(read::count(&self.set, "/spec/minReadySeconds"));
        let now = self.bench.now();
        let ready = count(&|pod| ready_since(pod).is_some());
        let available = count(&|pod| ready_since(pod).is_some_and(|since| since + patience <= now));
        let updated = count(&|pod| named(pod, &self.update));
        let all = count(&|_| true);
        let wanted = usize::try_from(self.replicas()).unwrap_or(0);
        let is_done = updated == wanted && available == wanted && all == wanted;
        let current = if is_done && self.partition() == 0 { &self.update } else { &self.current };
        let mut status = Map::new();
        let generation = read::count(&self.set, "/metadata/generation");
        status.insert("observedGeneration".into(), generation.into());
        status.insert("replicas".into(), all.into());
        for (field, count) in [
            ("readyReplicas", ready),
            ("currentReplicas", count(&|pod| named(pod, current))),
            ("updatedReplicas", updated),
        ] {
            if count > 0 {
                status.insert(field.into(), count.into());
            }
        }
        status.insert("currentRevision".into(), read::name(current).into());
        status.insert("updateRevision".into(), read::name(&self.update).into());
        status.insert("collisionCount".into(), json!(0));
        status.insert("availableReplicas".into(), available.into());
        status.into()
    }

    fn write(&mut self, status: Value) {
        let key = read::key(&self.set);
        let Some(stored) = self.bench.get(Kind::StatefulSet, &key) else { return };
        let mut set = Value::clone(&stored);
        set["status"] = status;
        self.bench.write_status(Kind::StatefulSet, set);
        let mut used: Vec<String> =
            self.pods.iter().filter_map(|pod| read::label(pod, HASH).map(str::to_owned)).collect();
        used.extend([&self.update, &self.current].map(|it| read::name(it).to_owned()));
        let set = Arc::clone(&self.set);
        revisions::forget(self.bench, &set, &used);
    }
}

fn ordinal(pod: &Value) -> Option<i64> {
    read::name(pod).rsplit_once('-')?.1.parse().ok()
}
