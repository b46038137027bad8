//! One pass of the Rollout controller over one Rollout: what it knows, and how it writes.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::agenda::Task;
use super::argo_conditions::{self as conditions, Condition};
use super::argo_counts::Fleet;
use super::argo_view::Ro;
use super::bench::Bench;
use super::read;
use super::recorder::{Note, Source};
use super::sets::{REVISION, Rs};
use super::template::{self, ROLLOUT_HASH};
use crate::sim::store::Kind;

/// Everything one pass works with.
pub(super) struct Pass<'p, 'b> {
    pub(super) bench: &'p mut Bench<'b>,
    /// The Rollout as it is stored.
    pub(super) ro: Ro,
    /// The hash of its template.
    pub(super) hash: String,
    /// The new ReplicaSet.
    pub(super) new: Option<Rs>,
    /// The stable ReplicaSet; maybe the new one.
    pub(super) stable: Option<Rs>,
    /// All others.
    pub(super) others: Vec<Rs>,
    /// Its analysis runs.
    pub(super) runs: Runs,
    /// Its experiments.
    pub(super) experiments: Experiments,
    /// What the next status will say.
    pub(super) next: Value,
    /// Pauses and aborts to come.
    pub(super) turn: Turn,
}

/// The analysis runs of a Rollout: those its status names, and all others.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    pub(super) step: Option<Arc<Value>>,
    pub(super) background: Option<Arc<Value>>,
    pub(super) pre: Option<Arc<Value>>,
    pub(super) post: Option<Arc<Value>>,
    pub(super) others: Vec<Arc<Value>>,
}

/// The experiments of a Rollout: the one its status names, and all others.
#[derive(Clone, Debug, Default)]
pub(super) struct Experiments {
    pub(super) current: Option<Arc<Value>>,
    pub(super) others: Vec<Arc<Value>>,
}

/// What a pass does about pausing and aborting.
#[derive(Clone, Debug, Default)]
pub(super) struct Turn {
    pub(super) pauses: Vec<&'static str>,
    pub(super) ended: Vec<&'static str>,
    pub(super) clears: Option<Cleared>,
    pub(super) abort: Option<Abort>,
    /// The new ReplicaSet has a deadline that is still to come.
    pub(super) is_delayed: bool,
}

/// All pauses are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cleared;

/// What becomes of the abort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Abort {
    /// It is aborted now, and why.
    Begins(String),
    /// It is no longer aborted.
    Ends,
}

impl<'p, 'b> Pass<'p, 'b> {
    /// Gathers what belongs to a Rollout.
    pub(super) fn gather(bench: &'p mut Bench<'b>, ro: Ro) -> Self {
        let hash = template_hash(bench, &ro);
        let mut sets: Vec<Rs> = bench
            .owned(Kind::ReplicaSet, &ro.object)
            .into_iter()
            .map(|object| Rs { object })
            .filter(|set| read::annotation(&set.object, "experiment.argoproj.io/name").is_none())
            .collect();
        sets.sort_by_key(Rs::created);
        let runs = Runs::of(bench, &ro);
        let experiments = Experiments::of(bench, &ro);
        let next = json!({"canary": {}, "blueGreen": {}});
        let (new, stable, others) = (None, None, Vec::new());
        let turn = Turn::default();
        let mut pass = Self { bench, ro, hash, new, stable, others, runs, experiments, next, turn };
        if let Some(at) = pass.ro.status("restartedAt") {
            pass.next["restartedAt"] = at.clone();
        }
        pass.sort(sets);
        let now = pass.bench.now();
        pass.turn.is_delayed =
            pass.new.as_ref().and_then(Rs::deadline).is_some_and(|deadline| deadline > now);
        pass
    }

    /// Tells new, stable and other ReplicaSets apart.
    fn sort(&mut self, sets: Vec<Rs>) {
        let labelled = sets.iter().position(|set| set.hash(ROLLOUT_HASH) == self.hash);
        let same = |set: &Rs| own_hash(set) == self.hash;
        let new = labelled.or_else(|| sets.iter().position(same));
        self.new = new.and_then(|index| sets.get(index).cloned());
        let stable = self.ro.stable();
        let is_stable = |set: &&Rs| !stable.is_empty() && set.hash(ROLLOUT_HASH) == stable;
        self.stable =
            self.new.as_ref().filter(is_stable).or_else(|| sets.iter().find(is_stable)).cloned();
        let (new, stable) = (self.new.clone(), self.stable.clone());
        let is = |set: &Rs, other: &Option<Rs>| {
            other.as_ref().is_some_and(|other| other.name() == set.name())
        };
        self.others = sets.into_iter().filter(|set| !is(set, &new) && !is(set, &stable)).collect();
    }

    pub(super) fn fleet(&self) -> Fleet<'_> {
        Fleet { new: self.new.as_ref(), stable: self.stable.as_ref(), others: &self.others }
    }

    /// All ReplicaSets once.
    pub(super) fn all(&self) -> Vec<&Rs> {
        let fleet = self.fleet();
        fleet.others.iter().chain(fleet.other_stable()).chain(fleet.new).collect()
    }

    pub(super) fn new_hash(&self) -> &str {
        self.new.as_ref().map_or("", |new| new.hash(ROLLOUT_HASH))
    }

    /// Whether the update is aborted, as far as this pass knows.
    pub(super) fn is_aborted(&self) -> bool {
        match self.turn.abort {
            Some(Abort::Ends) => false,
            Some(Abort::Begins(_)) => true,
            None => self.ro.is_aborted(),
        }
    }

    /// Aborts, unless it was decided that the abort ends.
    pub(super) fn abort(&mut self, why: String) {
        if self.turn.abort != Some(Abort::Ends) {
            self.turn.abort = Some(Abort::Begins(why));
        }
    }

    /// Why nothing may go on.
    pub(super) fn halts(&self) -> bool {
        self.ro.is_paused() || self.ro.paused_since("InconclusiveAnalysisRun").is_some()
    }

    /// The weights that will be in effect: canary, stable.
    pub(super) fn next_weights(&self) -> Option<(i64, i64)> {
        weights_of(self.next.pointer("/canary/weights")?)
    }

    pub(super) fn revision(&self) -> i64 {
        read::annotation(&self.ro.object, REVISION).and_then(|it| it.parse().ok()).unwrap_or(0)
    }

    // Writing.

    pub(super) fn say(&mut self, note: Note) {
        let about = Arc::clone(&self.ro.object);
        self.bench.say(Source::Rollouts, (Kind::Rollout, &about), note);
    }

    pub(super) fn tell(&mut self, reason: &str, message: impl Into<String>) {
        self.say(Note::normal(reason, message));
    }

    pub(super) fn later(&mut self, after: SignedDuration) {
        let key = self.ro.key();
        self.bench.later(Task::Rollout, &key, after);
    }

    pub(super) fn at(&mut self, when: jiff::Timestamp) {
        let key = self.ro.key();
        self.bench.at(Task::Rollout, &key, when);
    }

    /// Writes the object itself, as the typed client does: whole, in its own normal form.
    pub(super) fn write_main(&mut self, edit: impl FnOnce(&mut Value)) {
        let Some(stored) = self.bench.get(Kind::Rollout, &self.ro.key()) else { return };
        let mut object = Value::clone(&stored);
        if let Some(plain) = object.pointer("/spec/template").filter(|_| self.ro.workload.is_none())
        {
            let normal = template::written_back(plain);
            read::set(&mut object, "/spec/template", normal);
        }
        if !self.ro.is_paused() {
            read::unset(&mut object, "/spec/paused");
        }
        if let Some((_, generation)) = &self.ro.workload {
            read::annotate(&mut object, WORKLOAD_GENERATION, &generation.to_string());
        }
        edit(&mut object);
        owned_by_controller(&mut object, "", self.bench.now());
        if let Some(object) = self.bench.write(Kind::Rollout, object) {
            self.ro.object = object;
        }
    }

    /// Writes the status whole.
    pub(super) fn write_status_whole(&mut self, status: Value) {
        let Some(stored) = self.bench.get(Kind::Rollout, &self.ro.key()) else { return };
        let mut object = Value::clone(&stored);
        read::set(&mut object, "/status", status);
        self.store_status(object);
    }

    fn store_status(&mut self, mut object: Value) {
        if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
            status.sort_keys();
        }
        owned_by_controller(&mut object, "status", self.bench.now());
        self.ro.object = self.bench.write_status(Kind::Rollout, object);
    }

    /// Writes what changed of the status; answers whether anything did.
    pub(super) fn patch_status(&mut self, next: &Value) -> bool {
        let before = typed(&self.ro.object);
        if before == *next {
            return false;
        }
        let Some(stored) = self.bench.get(Kind::Rollout, &self.ro.key()) else { return false };
        let mut object = Value::clone(&stored);
        if let Some(fields) = object.as_object_mut() {
            let raw = fields.entry("status").or_insert_with(|| json!({}));
            carry(raw, &before, next);
        }
        self.store_status(object);
        true
    }

    /// Patches conditions into the status as it is, with phase, message and the observed
    /// generation.
    pub(super) fn patch_conditions(&mut self, all: Vec<Condition>) -> bool {
        let mut next = typed(&self.ro.object);
        let now = self.bench.now();
        for condition in all {
            conditions::set(&mut next, condition, now);
        }
        next["observedGeneration"] = self.ro.generation().to_string().into();
        set_phase(&mut next, &self.ro);
        self.patch_status(&next)
    }
}

/// The annotation with the generation of the workload that a Rollout refers to.
pub(super) const WORKLOAD_GENERATION: &str = "rollout.argoproj.io/workload-generation";

/// Sets phase and message.
pub(super) fn set_phase(next: &mut Value, ro: &Ro) {
    let (phase, message) = conditions::phase(ro, next);
    next["phase"] = phase.into();
    if message.is_empty() {
        read::unset(next, "/message");
    } else {
        next["message"] = message.into();
    }
}

/// The weights in effect: canary, stable.
pub(super) fn weights_of(weights: &Value) -> Option<(i64, i64)> {
    Some((read::int(weights, "/canary/weight")?, read::int(weights, "/stable/weight")?))
}

/// The hash of a Rollout's template. It is made once for each generation.
fn template_hash(bench: &mut Bench<'_>, ro: &Ro) -> String {
    let collisions = read::int(&ro.object, "/status/collisionCount");
    let Some(template) = ro.template() else { return String::new() };
    if ro.workload.is_some() || collisions.is_some() {
        return template::hash(template, collisions);
    }
    let (uid, generation) = (read::uid(&ro.object), ro.generation());
    if let Some((known, hash)) = bench.life.hashes.get(uid)
        && *known == generation
    {
        return hash.clone();
    }
    let hash = template::hash(template, None);
    bench.life.hashes.insert(uid.to_owned(), (generation, hash.clone()));
    hash
}

/// The hash of what a ReplicaSet was made of, whatever its label says.
fn own_hash(set: &Rs) -> String {
    let mut template = set.object.pointer("/spec/template").cloned().unwrap_or_default();
    super::argo_scale::without_ephemeral(&set.object, &mut template);
    template::hash(&template, None)
}

/// Fields that a typed client leaves out when they say nothing.
const OMITTED: [&str; 14] = [
    "abort",
    "controllerPause",
    "promoteFull",
    "replicas",
    "updatedReplicas",
    "readyReplicas",
    "availableReplicas",
    "HPAReplicas",
    "pauseConditions",
    "message",
    "currentPodHash",
    "stableRS",
    "currentStepHash",
    "workloadObservedGeneration",
];

/// The status of a Rollout as a typed client holds it.
pub(super) fn typed(rollout: &Value) -> Value {
    let mut status = rollout.get("status").cloned().unwrap_or_else(|| json!({}));
    let Some(fields) = status.as_object_mut() else {
        return json!({"canary": {}, "blueGreen": {}});
    };
    fields.retain(|field, value| {
        let says_nothing = match value {
            Value::Null => true,
            Value::Bool(flag) => !*flag,
            Value::Number(number) => number.as_i64() == Some(0),
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(_) => false,
        };
        !(value.is_null() || (says_nothing && OMITTED.contains(&field.as_str())))
    });
    for part in ["canary", "blueGreen"] {
        fields.entry(part).or_insert_with(|| json!({}));
    }
    status
}

/// Carries the difference of two statuses over to a third.
fn carry(raw: &mut Value, before: &Value, next: &Value) {
    let (Some(old), Some(new)) = (before.as_object(), next.as_object()) else { return };
    if !raw.is_object() {
        *raw = Value::Object(Map::new());
    }
    let Some(fields) = raw.as_object_mut() else { return };
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        fields.shift_remove(name);
    }
    for (name, value) in new {
        match old.get(name) {
            Some(same) if same == value => {}
            Some(inner @ Value::Object(_)) if value.is_object() => {
                carry(fields.entry(name.clone()).or_insert_with(|| json!({})), inner, value);
            }
            Some(_) | None => drop(fields.insert(name.clone(), value.clone())),
        }
    }
}

/// Notes in an object that the controller wrote it.
fn owned_by_controller(object: &mut Value, subresource: &str, now: jiff::Timestamp) {
    let at = read::written(now);
    let Some(entries) = object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut)
    else {
        return;
    };
    let own = entries.iter_mut().find(|entry| {
        read::text(entry, "/manager") == "rollouts-controller"
            && read::text(entry, "/subresource") == subresource
    });
    if let Some(entry) = own {
        entry["time"] = at;
        return;
    }
    let part = if subresource.is_empty() { "f:metadata" } else { "f:status" };
    let fields = if subresource.is_empty() {
        json!({"f:annotations": {format!("f:{REVISION}"): {}}})
    } else {
        json!({})
    };
    let mut entry = json!({
        "manager": "rollouts-controller",
        "operation": "Update",
        "apiVersion": "argoproj.io/v1alpha1",
        "time": at,
        "fieldsType": "FieldsV1",
        "fieldsV1": {part: fields},
    });
    if !subresource.is_empty() {
        entry["subresource"] = subresource.into();
    }
    entries.push(entry);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_left_in_the_status_stays_until_it_differs() {
        let rollout = json!({"status": {"abort": false, "replicas": 3, "message": "pilothouse 1"}});
        let before = typed(&rollout);
        assert_eq!(before.get("abort"), None);
        let mut raw = rollout["status"].clone();
        let mut next = before.clone();
        next["replicas"] = 4.into();
        read::unset(&mut next, "/message");
        carry(&mut raw, &before, &next);
        assert_eq!(raw, json!({"abort": false, "replicas": 4}));
    }

    #[test]
    fn differences_are_carried_into_the_depth() {
        let before = json!({"canary": {"a": {"name": "x", "status": "Running"}}, "blueGreen": {}});
        let next = json!({"canary": {"a": {"name": "x", "status": "Failed"}}, "blueGreen": {}});
        let mut raw = before.clone();
        carry(&mut raw, &before, &next);
        assert_eq!(raw, next);
        carry(&mut raw, &next, &json!({"canary": {}, "blueGreen": {}}));
        assert_eq!(raw, json!({"canary": {}, "blueGreen": {}}));
    }
}
