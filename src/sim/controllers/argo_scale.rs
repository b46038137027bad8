//! What the Rollout controller does to its ReplicaSets: makes them, numbers them, scales them, lets
//! them wait and go.

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::argo_conditions::{self as conditions, Condition};
use super::argo_pass::{Pass, typed};
use super::argo_view::{AbortDelay, Said};
use super::read;
use super::sets::{DEADLINE, DESIRED, REVISION, REVISION_HISTORY, Rs, sum};
use super::template::{self, ROLLOUT_HASH};
use crate::sim::object::stamp;
use crate::sim::store::Kind;

/// Annotations of a Rollout that its ReplicaSets do not get.
const NOT_COPIED: [&str; 5] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED,
    "notified.notifications.argoproj.io",
];

/// What a ReplicaSet was given beside its template.
const EPHEMERAL: &str = "rollout.argoproj.io/ephemeral-metadata";

/// Whether something was scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scaled {
    Yes,
    No,
}

/// What the pods of a ReplicaSet are.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    /// The version on its way in.
    Update,
    /// The version that stays.
    Stable,
}

impl Pass<'_, '_> {
    /// Makes the ReplicaSet of the current template.
    pub(super) fn create_set(&mut self) {
        let revision = self.all().iter().map(|set| set.number(REVISION)).max().unwrap_or(0) + 1;
        let Some(created) = self.stored_set(revision) else { return self.note_collision() };
        self.set_revision(revision);
        let name = read::name(&created).to_owned();
        let message = format!("Created ReplicaSet {name} (revision {revision})");
        self.tell("NewReplicaSetCreated", message);
        let mut status = typed(&self.ro.object);
        let message = format!("Created new replica set \"{name}\"");
        let condition = Condition::new("Progressing", "True", "NewReplicaSetCreated", message);
        conditions::set(&mut status, condition, self.bench.now());
        self.write_status_whole(status);
    }

    /// The name is taken by a ReplicaSet of something else: the next hash is another one.
    fn note_collision(&mut self) {
        let mut status = typed(&self.ro.object);
        let collisions = read::count(&status, "/collisionCount") + 1;
        read::set(&mut status, "/collisionCount", collisions);
        self.write_status_whole(status);
    }

    fn stored_set(&mut self, revision: i64) -> Option<Value> {
        let source = self.ro.template()?.clone();
        let mut pods = template::with_defaults(&source);
        read::set(&mut pods, &format!("/metadata/labels/{ROLLOUT_HASH}"), self.hash.as_str());
        let labels = pods.pointer("/metadata/labels").cloned().unwrap_or_default();
        let mut selector = self.selector();
        read::set(&mut selector, &format!("/matchLabels/{ROLLOUT_HASH}"), self.hash.as_str());
        let mut annotations = self.copied_annotations();
        annotations.insert(REVISION.into(), revision.to_string().into());
        annotations.insert(DESIRED.into(), self.ro.replicas().to_string().into());
        let mut spec = json!({"replicas": 0, "selector": selector, "template": pods});
        let patience = read::count(&self.ro.object, "/spec/minReadySeconds");
        if patience > 0 {
            spec["minReadySeconds"] = patience.into();
        }
        let mut set = json!({
            "metadata": {
                "name": format!("{}-{}", self.ro.name(), self.hash),
                "namespace": self.ro.namespace(),
                "labels": labels,
                "annotations": annotations,
                "ownerReferences": read::owned_by(&self.ro.object),
            },
            "spec": spec,
            "status": {"replicas": 0},
        });
        let role = if self.stable.is_some() { Role::Update } else { Role::Stable };
        if let Some(extra) = self.extra_metadata(role) {
            with_ephemeral(&mut set, &extra);
        }
        self.bench.store.create(Kind::ReplicaSet, set).ok()
    }

    /// The selector of the Rollout, or of the workload it refers to.
    fn selector(&self) -> Value {
        let own = self.ro.object.pointer("/spec/selector").cloned();
        own.unwrap_or_else(|| {
            let labels = self.ro.template().and_then(|it| it.pointer("/metadata/labels")).cloned();
            json!({"matchLabels": labels.unwrap_or_else(|| json!({}))})
        })
    }

    fn copied_annotations(&self) -> Map<String, Value> {
        let own = self.ro.object.pointer("/metadata/annotations").and_then(Value::as_object);
        let is_copied = |name: &str| !NOT_COPIED.contains(&name);
        own.into_iter()
            .flatten()
            .filter(|(name, _)| is_copied(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// Notes the revision on the Rollout.
    fn set_revision(&mut self, revision: i64) {
        let text = revision.to_string();
        if read::annotation(&self.ro.object, REVISION) == Some(&text) {
            return;
        }
        self.write_main(|object| read::annotate(object, REVISION, &text));
        self.tell("RolloutUpdated", format!("Rollout updated to revision {text}"));
    }

    /// Keeps the annotations of the new ReplicaSet up to date; once they are, those of the Rollout.
    pub(super) fn sync_revision(&mut self) {
        let Some(new) = self.new.clone() else { return };
        let older = self.all().into_iter().filter(|set| set.name() != new.name());
        let revision = older.map(|set| set.number(REVISION)).max().unwrap_or(0) + 1;
        let mut set = Value::clone(&new.object);
        for (name, value) in self.copied_annotations() {
            read::annotate(&mut set, &name, value.as_str().unwrap_or_default());
        }
        let before = new.number(REVISION);
        if before < revision {
            read::annotate(&mut set, REVISION, &revision.to_string());
            if new.annotation(REVISION).is_some() {
                let history = new.annotation(REVISION_HISTORY).filter(|it| !it.is_empty());
                let history = history
                    .map_or_else(|| before.to_string(), |history| format!("{history},{before}"));
                read::annotate(&mut set, REVISION_HISTORY, &history);
            }
        }
        let patience = read::count(&self.ro.object, "/spec/minReadySeconds");
        if patience != read::count(&set, "/spec/minReadySeconds") {
            read::set(&mut set, "/spec/minReadySeconds", patience);
        }
        if set != *new.object {
            self.update_set(set);
            return;
        }
        self.set_revision(before);
        if self.ro.condition("Progressing").is_none() {
            let mut status = typed(&self.ro.object);
            let message = format!("Found new replica set \"{}\"", new.name());
            let condition = Condition::new("Progressing", "True", "FoundNewReplicaSet", message);
            conditions::set(&mut status, condition, self.bench.now());
            self.write_status_whole(status);
        }
    }

    /// Writes a ReplicaSet and takes what was stored in the place of what was known.
    fn update_set(&mut self, set: Value) {
        let Some(object) = self.bench.write(Kind::ReplicaSet, set) else { return };
        let updated = Rs { object };
        let slots = [&mut self.new, &mut self.stable].into_iter().flatten();
        for slot in slots.chain(&mut self.others) {
            if slot.name() == updated.name() {
                *slot = updated.clone();
            }
        }
    }

    /// Whether somebody changed the number of replicas.
    pub(super) fn is_scaling(&self) -> bool {
        let differs = |set: &Rs| {
            set.wanted() > 0
                && set.annotation(DESIRED).is_some()
                && set.number(DESIRED) != self.ro.replicas()
        };
        [&self.new, &self.stable].into_iter().flatten().any(differs)
    }

    /// Scales a ReplicaSet. What the pass knows of it stays as it was: it decided on that.
    pub(super) fn scale(&mut self, set: &Rs, to: i64) -> Scaled {
        let wants = self.ro.replicas().to_string();
        let is_noted = set.annotation(DESIRED) == Some(&wants);
        if set.wanted() == to && is_noted && (self.ro.replicas() > 0 || !set.has_deadline()) {
            return Scaled::No;
        }
        let Some(stored) = self.bench.get(Kind::ReplicaSet, &read::key(&set.object)) else {
            return Scaled::No;
        };
        let mut object = Value::clone(&stored);
        read::set(&mut object, "/spec/replicas", to);
        read::annotate(&mut object, DESIRED, &wants);
        if to == 0 && !self.delays_after_abort() {
            read::unset(&mut object, &format!("/metadata/annotations/{DEADLINE}"));
        }
        self.bench.write(Kind::ReplicaSet, object);
        let from = set.wanted();
        if from == to {
            return Scaled::No;
        }
        let way = if from < to { "up" } else { "down" };
        let (name, revision) = (set.name().to_owned(), set.number(REVISION));
        let message =
            format!("Scaled {way} ReplicaSet {name} (revision {revision}) from {from} to {to}");
        self.tell("ScalingReplicaSet", message);
        Scaled::Yes
    }

    // Waiting before going down.

    /// Whether the new ReplicaSet of an aborted update stays for a while.
    pub(super) fn delays_after_abort(&self) -> bool {
        if !self.is_aborted() || self.stable.is_none() {
            return false;
        }
        if self.ro.canary().is_some() && !self.ro.is_routed() {
            return false;
        }
        match self.ro.abort_delay() {
            AbortDelay::Never => false,
            AbortDelay::After(_, Said::ByDefault) => !self.ro.is_dynamic(),
            AbortDelay::After(_, Said::ByUser) => true,
        }
    }

    /// Takes the deadlines from the ReplicaSets that are needed again.
    pub(super) fn remove_deadlines(&mut self) {
        let new = if self.delays_after_abort() { None } else { self.new.clone() };
        let stable = self.fleet().other_stable().cloned();
        let stable = stable.or_else(|| self.stable.clone().filter(|_| new.is_none()));
        for set in [new, stable].into_iter().flatten() {
            self.remove_deadline(&set);
        }
    }

    fn remove_deadline(&mut self, set: &Rs) {
        if !set.has_deadline() {
            return;
        }
        let mut object = Value::clone(&set.object);
        read::unset(&mut object, &format!("/metadata/annotations/{DEADLINE}"));
        self.update_set(object);
    }

    /// Tells a ReplicaSet when to go down; without a delay it is told nothing.
    pub(super) fn add_deadline(&mut self, set: &Rs, delay: SignedDuration) {
        if delay.is_zero() {
            return self.remove_deadline(set);
        }
        let Some(stored) = self.bench.get(Kind::ReplicaSet, &read::key(&set.object)) else {
            return;
        };
        let mut object = Value::clone(&stored);
        read::annotate(&mut object, DEADLINE, &stamp(self.bench.now() + delay));
        self.bench.write(Kind::ReplicaSet, object);
    }

    /// The size of a ReplicaSet that is no longer needed: as it is until its deadline, then 0. Only
    /// so many may wait.
    pub(super) fn delayed_size(&mut self, set: &Rs, waiting: &mut i64, keep: i64) -> i64 {
        let limit = self.ro.scale_down_limit();
        if !set.has_deadline() {
            if set.wanted() == 0 || *waiting >= limit {
                return 0;
            }
            *waiting += 1;
            let delay = self.ro.scale_down_delay();
            self.add_deadline(set, delay);
            self.later(delay);
            return set.wanted();
        }
        *waiting += 1;
        let now = self.bench.now();
        match set.deadline().filter(|deadline| *deadline > now) {
            Some(deadline) if *waiting <= limit => {
                self.at(deadline);
                keep
            }
            Some(_) | None => 0,
        }
    }

    /// Whether a ReplicaSet may still get traffic.
    pub(super) fn is_referenced(&self, set: &Rs) -> bool {
        let hash = set.hash(ROLLOUT_HASH);
        if hash.is_empty() {
            return false;
        }
        let status = |at: &str| read::text(&self.ro.object, at) == hash;
        let noted = [
            "/status/stableRS",
            "/status/currentPodHash",
            "/status/blueGreen/activeSelector",
            "/status/blueGreen/previewSelector",
            "/status/canary/weights/canary/podTemplateHash",
            "/status/canary/weights/stable/podTemplateHash",
        ];
        if noted.into_iter().any(status) {
            return true;
        }
        let roles = ["canaryService", "stableService", "activeService", "previewService"];
        roles.into_iter().any(|role| self.selected_by(self.ro.service(role)) == hash)
    }

    /// The hash that a service selects.
    pub(super) fn selected_by(&self, service: &str) -> &str {
        let object = self.bench.store.get(Kind::Service, self.ro.namespace(), service);
        let at = format!("/spec/selector/{ROLLOUT_HASH}");
        object.and_then(|object| object.pointer(&at)?.as_str()).unwrap_or_default()
    }

    /// Scales down what has pods that never became available, for they would hold everything up.
    pub(super) fn clean_unhealthy(&mut self, sets: &[Rs]) -> i64 {
        let mut cleaned = 0;
        for set in sets {
            if set.wanted() > 0 && set.available() < set.wanted() {
                cleaned += set.wanted() - set.available();
                self.scale(set, set.available());
            }
        }
        cleaned
    }

    /// Deletes the oldest ReplicaSets beyond the limit, with their analysis runs.
    pub(super) fn forget_old(&mut self) {
        let limit = usize::try_from(self.ro.history()).unwrap_or(0);
        let surplus = self.others.len().saturating_sub(limit);
        let old: Vec<Rs> = self.others.iter().take(surplus).cloned().collect();
        for set in old {
            let observed = read::count(&set.object, "/status/observedGeneration");
            let is_new = read::count(&set.object, "/metadata/generation") > observed;
            if set.actual() != 0 || set.wanted() != 0 || is_new {
                continue;
            }
            self.bench.store.delete(Kind::ReplicaSet, self.ro.namespace(), set.name());
            let hash = set.hash(ROLLOUT_HASH).to_owned();
            let of_it: Vec<String> = self
                .runs
                .others
                .iter()
                .filter(|run| read::label(run, ROLLOUT_HASH) == Some(&hash))
                .map(|run| read::name(run).to_owned())
                .collect();
            for run in of_it {
                self.bench.store.delete(Kind::AnalysisRun, self.ro.namespace(), &run);
            }
        }
    }

    // Metadata that only the pods of one role have.

    /// Labels and annotations for the pods of the new version, or of the stable one.
    fn extra_metadata(&self, role: Role) -> Option<Value> {
        let strategy = self.ro.canary().or_else(|| self.ro.blue_green())?;
        let field = match (self.ro.canary().is_some(), role) {
            (true, Role::Update) => "canaryMetadata",
            (true, Role::Stable) => "stableMetadata",
            (false, Role::Update) => "previewMetadata",
            (false, Role::Stable) => "activeMetadata",
        };
        strategy.get(field).filter(|it| it.is_object()).cloned()
    }

    /// Gives the pods of each role their metadata.
    pub(super) fn sync_metadata(&mut self) {
        let (new, stable) = (self.extra_metadata(Role::Update), self.extra_metadata(Role::Stable));
        if new.is_none() && stable.is_none() {
            return;
        }
        let is_settled = self.ro.stable().is_empty() || self.ro.stable() == self.new_hash();
        let first = if is_settled { stable.clone() } else { new };
        let mut all: Vec<(Rs, Option<Value>)> = Vec::new();
        all.extend(self.new.clone().map(|set| (set, first)));
        all.extend(self.fleet().other_stable().cloned().map(|set| (set, stable)));
        all.extend(self.others.clone().into_iter().map(|set| (set, None)));
        for (set, wanted) in all {
            let mut object = Value::clone(&set.object);
            let mut pods = object.pointer("/spec/template").cloned().unwrap_or_default();
            without_ephemeral(&set.object, &mut pods);
            read::set(&mut object, "/spec/template", pods);
            let place = format!("/metadata/annotations/{}", EPHEMERAL.replace('/', "~1"));
            read::unset(&mut object, &place);
            if let Some(wanted) = &wanted {
                with_ephemeral(&mut object, wanted);
            }
            if object != *set.object {
                let given = read::annotation(&set.object, EPHEMERAL).map(str::to_owned);
                self.update_set(object);
                self.relabel_pods(&set, given.as_deref(), wanted.as_ref());
            }
        }
    }

    fn relabel_pods(&mut self, set: &Rs, given: Option<&str>, wanted: Option<&Value>) {
        for pod in self.bench.owned(Kind::Pod, &set.object) {
            let mut pod = Value::clone(&pod);
            let given = given.and_then(|it| serde_json::from_str::<Value>(it).ok());
            if let Some(given) = given {
                take(&mut pod, "/metadata", &given);
            }
            if let Some(wanted) = wanted {
                give(&mut pod, "/metadata", wanted);
            }
            self.bench.write_status(Kind::Pod, pod);
        }
    }
}

/// The number of available pods over ReplicaSets.
pub(super) fn available(sets: &[&Rs]) -> i64 {
    sum(sets.iter().copied(), Rs::available)
}

fn with_ephemeral(set: &mut Value, extra: &Value) {
    give(set, "/spec/template/metadata", extra);
    read::annotate(set, EPHEMERAL, &extra.to_string());
}

/// Takes from a template what its ReplicaSet was given beside it.
pub(super) fn without_ephemeral(set: &Value, template: &mut Value) {
    let given = read::annotation(set, EPHEMERAL);
    if let Some(given) = given.and_then(|it| serde_json::from_str::<Value>(it).ok()) {
        take(template, "/metadata", &given);
    }
}

fn give(object: &mut Value, place: &str, extra: &Value) {
    for part in ["labels", "annotations"] {
        for (name, value) in extra.get(part).and_then(Value::as_object).into_iter().flatten() {
            let name = name.replace('~', "~0").replace('/', "~1");
            read::set(object, &format!("{place}/{part}/{name}"), value.clone());
        }
    }
}

fn take(object: &mut Value, place: &str, extra: &Value) {
    for part in ["labels", "annotations"] {
        for name in extra.get(part).and_then(Value::as_object).into_iter().flatten() {
            let name = name.0.replace('~', "~0").replace('/', "~1");
            read::unset(object, &format!("{place}/{part}/{name}"));
        }
    }
}
