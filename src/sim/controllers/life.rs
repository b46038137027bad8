//! The life of a cluster: what changed wakes who is concerned, and who has to work works when it is
//! time. Nothing here looks at a clock.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::agenda::{Agenda, Job, Task};
use super::bench::Bench;
use super::gates::Gates;
use super::index::Index;
use super::pod::PodLife;
use super::recorder::{self, Recorder};
use super::script::Script;
use super::settled::{self, Born};
use super::truth::Truth;
use super::{
    analysis, argo, balance, daemonset, deployment, experiment, flagger, pod, read, replicaset,
    statefulset,
};
use crate::sim::object::is_going;
use crate::sim::store::{Change, Kind, Store};
use crate::sim::traffic::Traffic;

/// Pieces of work done in one step, at most: two controllers that fight must not hold up the world.
/// What is left is done in the next step.
const JOBS_MAX: usize = 200_000;

/// How often what is over is taken away.
const SWEEP: SignedDuration = SignedDuration::from_mins(5);

/// How fast time passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// In leaps, before anybody looks: controllers that fight over a Service for half a minute
    /// would cost much and show nothing.
    Leaping,
    /// As a client sees it.
    #[default]
    Watched,
}

/// Whether the controllers work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activity {
    /// They do.
    #[default]
    Working,
    /// They are down: what is written is stored, and nothing moves.
    Stopped,
}

/// Everything that makes the objects of a cluster move.
#[derive(Clone, Debug, Default)]
pub struct Life {
    pub(super) agenda: Agenda,
    pub(super) index: Index,
    pub(super) recorder: Recorder,
    pub(super) truth: Truth,
    pub(super) script: Script,
    pub(super) pods: BTreeMap<String, PodLife>,
    pub(super) gates: Gates,
    pub(super) hashes: BTreeMap<String, (i64, String)>,
    pub(super) seed: u64,
    pub(super) draws: u64,
    pace: Pace,
    activity: Activity,
}

impl Life {
    /// Controllers that do the same for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// What is hidden in versions.
    pub const fn truth(&mut self) -> &mut Truth {
        &mut self.truth
    }

    /// Who is let through.
    pub const fn gates(&mut self) -> &mut Gates {
        &mut self.gates
    }

    /// Says how fast time passes.
    pub const fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// Stops the controllers, or lets them work again.
    pub fn set_activity(&mut self, activity: Activity) {
        self.activity = activity;
    }

    /// Makes a workload at which nothing is left to do.
    pub(in crate::sim) fn make(
        &mut self,
        (store, traffic): (&mut Store, &mut Traffic),
        born: &Born,
    ) {
        settled::make(&mut Bench { store, life: self, traffic }, born);
    }

    /// Takes the objects as they are: nobody has to look at them. Their requests have flowed since
    /// the store's time, which moves on to another.
    pub(in crate::sim) fn settle(
        &mut self,
        (store, traffic): (&mut Store, &mut Traffic),
        at: Timestamp,
    ) {
        self.index.skip(store);
        let mut bench = Bench { store, life: self, traffic };
        while let Some((_, job)) = bench.life.agenda.next(bench.store.now()) {
            perform(&mut bench, &job);
        }
        bench.store.set_now(at);
        bench.later(Task::Sweep, "", SWEEP);
        bench.life.draws += 1;
    }

    /// Makes everybody look at everything.
    #[cfg(test)]
    pub(in crate::sim) fn look_at_all(&mut self) {
        self.index = Index::default();
    }
}

/// Lets a cluster live until a time.
pub(in crate::sim) fn live(
    (store, traffic): (&mut Store, &mut Traffic),
    life: &mut Life,
    until: Timestamp,
) {
    let mut bench = Bench { store, life, traffic };
    if bench.life.activity == Activity::Stopped {
        bench.store.set_now(until);
        return;
    }
    if bench.life.draws == 0 {
        bench.later(Task::Sweep, "", SWEEP);
        bench.life.draws = 1;
    }
    notice(&mut bench);
    for _ in 0..JOBS_MAX {
        let Some((at, job)) = bench.life.agenda.next(until) else { break };
        if at > bench.now() {
            bench.store.set_now(at);
            notice(&mut bench);
        }
        perform(&mut bench, &job);
        notice(&mut bench);
    }
    if until > bench.now() {
        bench.store.set_now(until);
    }
    notice(&mut bench);
}

fn perform(bench: &mut Bench<'_>, job: &Job) {
    let key = &*job.key;
    match job.task {
        Task::Pod => pod::reconcile(bench, key),
        Task::ReplicaSet => replicaset::reconcile(bench, key),
        Task::Deployment => deployment::reconcile(bench, key),
        Task::StatefulSet => statefulset::reconcile(bench, key),
        Task::DaemonSet => daemonset::reconcile(bench, key),
        Task::Rollout => argo::reconcile(bench, key),
        Task::Reference => argo::note_workload(bench, key),
        Task::AnalysisRun => analysis::reconcile(bench, key),
        Task::Experiment => experiment::reconcile(bench, key),
        Task::Canary => flagger::reconcile(bench, key),
        Task::Balance => balance::reconcile(bench, key),
        Task::Script => super::script::perform(bench, key),
        // The clock that was set for it has done the work.
        Task::Gone => {}
        Task::Sweep => sweep(bench),
    }
}

fn sweep(bench: &mut Bench<'_>) {
    recorder::expire(bench.store);
    bench.later(Task::Sweep, "", SWEEP);
}

/// Looks at what changed and wakes who is concerned.
fn notice(bench: &mut Bench<'_>) {
    let changes = bench.life.index.changes(bench.store);
    for change in &changes {
        route(bench, change);
    }
}

/// How long a controller takes to hear of a change and to act, in milliseconds.
const fn reaction(task: Task) -> (i64, i64) {
    match task {
        Task::Rollout | Task::Experiment => (11, 19),
        Task::AnalysisRun => (8, 16),
        Task::Deployment | Task::StatefulSet | Task::DaemonSet => (6, 14),
        Task::ReplicaSet => (4, 9),
        Task::Reference => (2, 5),
        Task::Pod | Task::Canary | Task::Balance | Task::Gone | Task::Sweep | Task::Script => {
            (1, 2)
        }
    }
}

fn wake(bench: &mut Bench<'_>, task: Task, key: &str) {
    let (least, most) = reaction(task);
    let at = bench.now() + bench.between(least, most);
    bench.life.agenda.wake(Job::new(task, key), at);
}

fn route(bench: &mut Bench<'_>, change: &Change) {
    let Some(object) = change.new.as_ref().or(change.old.as_ref()) else { return };
    let key = read::key(object);
    match change.kind {
        Kind::Rollout => of_rollout(bench, change, &key),
        Kind::Deployment => of_deployment(bench, change, &key),
        Kind::StatefulSet => of_plain(bench, change, (Task::StatefulSet, &key)),
        Kind::DaemonSet => of_plain(bench, change, (Task::DaemonSet, &key)),
        Kind::ReplicaSet => of_set(bench, change, &key),
        Kind::Pod => of_pod(bench, change, &key),
        Kind::AnalysisRun => of_run(bench, change, (Task::AnalysisRun, &key)),
        Kind::Experiment => of_run(bench, change, (Task::Experiment, &key)),
        Kind::Service => of_service(bench, object),
        Kind::Node => of_node(bench),
        Kind::ConfigMap
        | Kind::Event
        | Kind::Namespace
        | Kind::ControllerRevision
        | Kind::Job
        | Kind::Lease
        | Kind::Ingress
        | Kind::AnalysisTemplate
        | Kind::ClusterAnalysisTemplate => {}
        Kind::Canary => of_canary(bench, change, &key),
        Kind::HttpRoute => super::flagger_parts::flow(bench, object),
    }
}

/// Flagger looks by its own clock, which begins when a Canary comes.
fn of_canary(bench: &mut Bench<'_>, change: &Change, key: &str) {
    match (&change.old, &change.new) {
        (None, Some(canary)) => {
            let interval = flagger::interval(canary);
            bench.later(Task::Canary, key, interval);
        }
        (Some(_), None) => orphan(bench, change),
        (Some(_), Some(_)) | (None, None) => {}
    }
}

fn of_rollout(bench: &mut Bench<'_>, change: &Change, key: &str) {
    let Some(new) = &change.new else { return orphan(bench, change) };
    wake(bench, Task::Rollout, key);
    let split = |object: &Value| {
        let at = |place: &str| object.pointer(place).cloned();
        (at("/status/canary/weights"), at("/status/blueGreen"), at("/status/stableRS"))
    };
    if change.old.as_ref().is_some_and(|old| split(old) != split(new)) {
        wake(bench, Task::Balance, &format!("Rollout/{key}"));
    }
}

fn of_deployment(bench: &mut Bench<'_>, change: &Change, key: &str) {
    let Some(new) = &change.new else { return orphan(bench, change) };
    if is_more_than_status(change) {
        wake(bench, Task::Deployment, key);
    }
    let generation = |object: &Arc<Value>| read::count(object, "/metadata/generation");
    if change.old.as_ref().map(generation) == Some(generation(new)) {
        return;
    }
    let (namespace, name) = (read::namespace(new), read::name(new));
    let refers = |rollout: &&Value| read::text(rollout, "/spec/workloadRef/name") == name;
    let rollouts: Vec<String> =
        bench.store.list(Kind::Rollout, Some(namespace)).filter(refers).map(read::key).collect();
    for rollout in rollouts {
        wake(bench, Task::Reference, &rollout);
    }
}

fn of_plain(bench: &mut Bench<'_>, change: &Change, (task, key): (Task, &str)) {
    if change.new.is_none() {
        return orphan(bench, change);
    }
    if is_more_than_status(change) {
        wake(bench, task, key);
    }
}

/// Whether anything but the status changed.
fn is_more_than_status(change: &Change) -> bool {
    let (Some(old), Some(new)) = (&change.old, &change.new) else { return true };
    let parts =
        ["/spec", "/metadata/labels", "/metadata/annotations", "/metadata/deletionTimestamp"];
    parts.iter().any(|part| old.pointer(part) != new.pointer(part))
}

fn of_set(bench: &mut Bench<'_>, change: &Change, key: &str) {
    if change.new.is_none() {
        orphan(bench, change);
    } else if is_more_than_status(change) {
        wake(bench, Task::ReplicaSet, key);
    }
    wake_owner(bench, change);
}

fn wake_owner(bench: &mut Bench<'_>, change: &Change) {
    let Some(object) = change.new.as_ref().or(change.old.as_ref()) else { return };
    let Some((kind, name, _)) = read::controller(object) else { return };
    let owner = format!("{}/{name}", read::namespace(object));
    let task = match kind {
        "Rollout" => Task::Rollout,
        "Deployment" => Task::Deployment,
        "ReplicaSet" => Task::ReplicaSet,
        "StatefulSet" => Task::StatefulSet,
        "DaemonSet" => Task::DaemonSet,
        "Experiment" => Task::Experiment,
        _ => return,
    };
    wake(bench, task, &owner);
}

fn of_pod(bench: &mut Bench<'_>, change: &Change, key: &str) {
    let (old, new) = (change.old.as_ref(), change.new.as_ref());
    let is_ready = |pod: &Arc<Value>| super::pod_shape::is_ready(pod) && !is_going(pod);
    let (was, is) = (old.is_some_and(is_ready), new.is_some_and(is_ready));
    if old.is_none() {
        wake(bench, Task::Pod, key);
    }
    let is_leaving = new.is_none_or(|pod| is_going(pod));
    if is_leaving && new.is_some() && !old.is_some_and(|pod| is_going(pod)) {
        // It is gone a second later; somebody has to see that.
        bench.later(Task::Gone, key, SignedDuration::from_millis(1_001));
    }
    if let (None, Some(pod)) = (new, old) {
        bench.traffic.end(key, bench.store.now().as_millisecond());
        bench.life.pods.remove(key);
        balance_of(bench, pod);
    }
    if was != is
        && let Some(pod) = new
    {
        balance_of(bench, pod);
    }
    let phase = |pod: &Arc<Value>| read::text(pod, "/status/phase").to_owned();
    let going = |pod: &Arc<Value>| is_going(pod);
    if was != is || old.map(phase) != new.map(phase) || old.map(going) != new.map(going) {
        wake_owner(bench, change);
    }
}

fn balance_of(bench: &mut Bench<'_>, pod: &Value) {
    if let Some(workload) = balance::workload(bench, pod) {
        wake(bench, Task::Balance, &workload);
    }
}

fn of_run(bench: &mut Bench<'_>, change: &Change, (task, key): (Task, &str)) {
    let phase = |run: &Arc<Value>| read::text(run, "/status/phase").to_owned();
    let spec = |run: &Arc<Value>| run.get("spec").cloned();
    let (old, new) = (change.old.as_ref(), change.new.as_ref());
    if new.is_some() && old.map(spec) != new.map(spec) {
        wake(bench, task, key);
    }
    if old.map(phase) != new.map(phase) {
        wake_owner(bench, change);
    }
    if new.is_none() {
        orphan(bench, change);
    }
}

fn of_service(bench: &mut Bench<'_>, service: &Value) {
    if bench.life.pace == Pace::Leaping {
        return;
    }
    let name = read::name(service);
    let places = [
        "/spec/strategy/canary/canaryService",
        "/spec/strategy/canary/stableService",
        "/spec/strategy/blueGreen/activeService",
        "/spec/strategy/blueGreen/previewService",
    ];
    let uses = |rollout: &&Value| places.iter().any(|place| read::text(rollout, place) == name);
    let rollouts: Vec<String> = bench
        .store
        .list(Kind::Rollout, Some(read::namespace(service)))
        .filter(uses)
        .map(read::key)
        .collect();
    for rollout in rollouts {
        wake(bench, Task::Rollout, &rollout);
    }
}

/// A node came or went: the daemon sets want a pod on each.
fn of_node(bench: &mut Bench<'_>) {
    let sets: Vec<String> = bench.store.list(Kind::DaemonSet, None).map(read::key).collect();
    for set in sets {
        wake(bench, Task::DaemonSet, &set);
    }
}

/// What an object that is gone controlled goes too.
fn orphan(bench: &mut Bench<'_>, change: &Change) {
    let Some(gone) = &change.old else { return };
    for kind in
        [Kind::ReplicaSet, Kind::Pod, Kind::AnalysisRun, Kind::Experiment, Kind::ControllerRevision]
    {
        for object in bench.owned(kind, gone) {
            let grace = SignedDuration::from_secs(30);
            bench.store.retire(kind, &read::key(&object), grace);
        }
    }
}

impl Life {
    /// Lines that a version writes into its log beside its requests.
    #[must_use]
    pub fn log_lines(&self, pod: &Value) -> Vec<String> {
        self.truth.of(pod).log
    }
}
