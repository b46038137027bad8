//! The deployment controller.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::agenda::Task;
use super::bench::Bench;
use super::deployment_status::{self as status, Counts};
use super::read::{self, Rounding};
use super::recorder::{Note, Source};
use super::sets::{Rs, sum};
use super::template::{self, DEPLOYMENT_HASH};
use crate::sim::object::is_going;
use crate::sim::store::Kind;

/// The number of a revision.
pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MAX: &str = "deployment.kubernetes.io/max-replicas";

/// Annotations of a Deployment that its ReplicaSets do not get.
const NOT_COPIED: [&str; 5] =
    ["kubectl.kubernetes.io/last-applied-configuration", REVISION, HISTORY, DESIRED, MAX];

/// A Deployment at a moment.
pub(super) struct Deployment {
    pub(super) object: Arc<Value>,
}

impl Deployment {
    pub(super) fn replicas(&self) -> i64 {
        read::int(&self.object, "/spec/replicas").unwrap_or(1)
    }

    pub(super) fn is_paused(&self) -> bool {
        read::is(&self.object, "/spec/paused")
    }

    pub(super) fn deadline_s(&self) -> Option<i64> {
        read::int(&self.object, "/spec/progressDeadlineSeconds").or(Some(600))
    }

    fn is_recreate(&self) -> bool {
        read::text(&self.object, "/spec/strategy/type") == "Recreate"
    }

    fn share(&self, field: &str, rounding: Rounding) -> i64 {
        let default = Value::from("25%");
        let place = format!("/spec/strategy/rollingUpdate/{field}");
        let value = self.object.pointer(&place).unwrap_or(&default);
        read::share(Some(value), self.replicas(), rounding)
    }

    fn max_surge(&self) -> i64 {
        if self.is_recreate() { 0 } else { self.share("maxSurge", Rounding::Up) }
    }

    pub(super) fn max_unavailable(&self) -> i64 {
        if self.is_recreate() || self.replicas() == 0 {
            return 0;
        }
        let unavailable = self.share("maxUnavailable", Rounding::Down);
        let stuck = unavailable == 0 && self.max_surge() == 0;
        if stuck { 1 } else { unavailable.min(self.replicas()) }
    }

    fn template(&self) -> Value {
        self.object.get("spec").and_then(|spec| spec.get("template")).cloned().unwrap_or_default()
    }

    pub(super) fn key(&self) -> String {
        read::key(&self.object)
    }
}

/// Brings a Deployment one step nearer to what it wants.
pub(super) fn reconcile(bench: &mut Bench<'_>, key: &str) {
    let Some(object) = bench.get(Kind::Deployment, key) else { return };
    if is_going(&object) {
        return;
    }
    let deployment = Deployment { object };
    let hash = template::built_in_hash(&deployment.template());
    let mut sets: Vec<Rs> = bench
        .owned(Kind::ReplicaSet, &deployment.object)
        .into_iter()
        .map(|object| Rs { object })
        .collect();
    sets.sort_by_key(Rs::created);
    let place = sets.iter().position(|set| {
        template::built_in_hash(set.object.pointer("/spec/template").unwrap_or(&Value::Null))
            == hash
    });
    let new = place.map(|place| sets.remove(place));
    let mut work = Work { bench, deployment, new, old: sets };
    status::note_pause(&mut work);
    if work.deployment.is_paused() {
        work.sync_revision();
        work.scale_only();
        return status::write(&mut work);
    }
    if work.new.is_none() {
        work.create(&hash);
    } else {
        work.sync_revision();
    }
    if work.is_scaling() {
        work.scale_only();
    } else if work.deployment.is_recreate() {
        work.recreate();
    } else {
        work.roll();
    }
    if status::is_complete(&work.deployment, &work.counts()) {
        work.forget_old();
    }
    status::write(&mut work);
}

/// One pass over a Deployment.
pub(super) struct Work<'p, 'b> {
    pub(super) bench: &'p mut Bench<'b>,
    pub(super) deployment: Deployment,
    pub(super) new: Option<Rs>,
    pub(super) old: Vec<Rs>,
}

impl Work<'_, '_> {
    pub(super) fn all(&self) -> Vec<&Rs> {
        self.old.iter().chain(&self.new).collect()
    }

    pub(super) fn counts(&self) -> Counts {
        let all = self.all();
        let of = |of: fn(&Rs) -> i64| sum(all.iter().copied(), of);
        Counts {
            replicas: of(Rs::actual),
            updated: self.new.as_ref().map_or(0, Rs::actual),
            ready: of(Rs::ready),
            available: of(Rs::available),
            terminating: of(|set| read::count(&set.object, "/status/terminatingReplicas")),
        }
    }

    fn say(&mut self, note: Note) {
        let about = Arc::clone(&self.deployment.object);
        self.bench.say(Source::Deployments, (Kind::Deployment, &about), note);
    }

    /// The annotations of a ReplicaSet that follow those of the Deployment.
    fn annotated(&self, mut set: Value, revision: i64) -> Value {
        let own = self.deployment.object.pointer("/metadata/annotations");
        for (name, value) in own.and_then(Value::as_object).into_iter().flatten() {
            if !NOT_COPIED.contains(&name.as_str()) {
                read::annotate(&mut set, name, value.as_str().unwrap_or_default());
            }
        }
        let before = read::annotation(&set, REVISION).map(str::to_owned);
        let number = before.as_deref().and_then(|it| it.parse().ok()).unwrap_or(0);
        if number < revision {
            read::annotate(&mut set, REVISION, &revision.to_string());
            if let Some(before) = before {
                let history = read::annotation(&set, HISTORY).filter(|it| !it.is_empty());
                let history = history.map_or_else(|| before.clone(), |it| format!("{it},{before}"));
                read::annotate(&mut set, HISTORY, &history);
            }
        }
        set
    }

    fn next_revision(&self) -> i64 {
        self.old.iter().map(|set| set.number(REVISION)).max().unwrap_or(0) + 1
    }

    fn sync_revision(&mut self) {
        let Some(new) = self.new.clone() else { return };
        let set = self.annotated(Value::clone(&new.object), self.next_revision());
        let mut set = set;
        let patience = read::count(&self.deployment.object, "/spec/minReadySeconds");
        if patience != read::count(&set, "/spec/minReadySeconds") {
            read::set(&mut set, "/spec/minReadySeconds", patience);
        }
        let revision = read::annotation(&set, REVISION).unwrap_or("1").to_owned();
        if set != *new.object
            && let Some(object) = self.bench.write(Kind::ReplicaSet, set)
        {
            self.new = Some(Rs { object });
        }
        self.note_revision(&revision);
    }

    fn note_revision(&mut self, revision: &str) {
        if read::annotation(&self.deployment.object, REVISION) == Some(revision) {
            return;
        }
        let Some(stored) = self.bench.get(Kind::Deployment, &self.deployment.key()) else { return };
        let mut object = Value::clone(&stored);
        read::annotate(&mut object, REVISION, revision);
        self.deployment.object = self.bench.write_status(Kind::Deployment, object);
    }

    fn create(&mut self, hash: &str) {
        let label = format!("/metadata/labels/{DEPLOYMENT_HASH}");
        let mut pods = template::with_defaults(&self.deployment.template());
        read::set(&mut pods, &label, hash);
        let labels = pods.pointer("/metadata/labels").cloned().unwrap_or_default();
        let mut selector =
            self.deployment.object.pointer("/spec/selector").cloned().unwrap_or_default();
        read::set(&mut selector, &format!("/matchLabels/{DEPLOYMENT_HASH}"), hash);
        let mut spec = json!({"replicas": 0, "selector": selector, "template": pods});
        let patience = read::count(&self.deployment.object, "/spec/minReadySeconds");
        if patience > 0 {
            spec["minReadySeconds"] = patience.into();
        }
        let name = format!("{}-{hash}", read::name(&self.deployment.object));
        let set = json!({
            "metadata": {
                "name": name,
                "namespace": read::namespace(&self.deployment.object),
                "labels": labels,
                "ownerReferences": read::owned_by(&self.deployment.object),
            },
            "spec": spec,
            "status": {"replicas": 0},
        });
        let revision = self.next_revision();
        let mut set = self.annotated(set, revision);
        self.size_annotations(&mut set);
        let size = self.new_size(0);
        read::set(&mut set, "/spec/replicas", size);
        if self.bench.store.create(Kind::ReplicaSet, set).is_err() {
            return;
        }
        let key = format!("{}/{name}", read::namespace(&self.deployment.object));
        self.new = self.bench.get(Kind::ReplicaSet, &key).map(|object| Rs { object });
        status::note_created(self, &name, revision);
        if size > 0 {
            let message = format!("Scaled up replica set {name} from 0 to {size}");
            self.say(Note::normal("ScalingReplicaSet", message));
        }
    }

    fn size_annotations(&self, set: &mut Value) {
        annotate_sizes(set, &self.deployment.object, self.deployment.replicas());
    }

    fn scale(&mut self, set: &Rs, to: i64) {
        let mut object = match self.bench.get(Kind::ReplicaSet, &read::key(&set.object)) {
            Some(object) => Value::clone(&object),
            None => return,
        };
        read::set(&mut object, "/spec/replicas", to);
        self.size_annotations(&mut object);
        if object == *set.object {
            return;
        }
        self.bench.write(Kind::ReplicaSet, object);
        let from = set.wanted();
        if from != to {
            let way = if from < to { "up" } else { "down" };
            let message = format!("Scaled {way} replica set {} from {from} to {to}", set.name());
            self.say(Note::normal("ScalingReplicaSet", message));
        }
    }

    /// The size of the new ReplicaSet, which has so many pods now.
    fn new_size(&self, now: i64) -> i64 {
        let replicas = self.deployment.replicas();
        if self.deployment.is_recreate() {
            return replicas;
        }
        let total = sum(&self.old, Rs::wanted) + now;
        let most = replicas + self.deployment.max_surge();
        if total >= most {
            return now;
        }
        now + (most - total).min(replicas - now)
    }

    fn roll(&mut self) {
        let Some(new) = self.new.clone() else { return };
        let replicas = self.deployment.replicas();
        let size = if new.wanted() > replicas { replicas } else { self.new_size(new.wanted()) };
        if size != new.wanted() {
            return self.scale(&new, size);
        }
        self.shrink_old(&new);
    }

    /// Takes pods from old ReplicaSets, first those that are not available.
    fn shrink_old(&mut self, new: &Rs) {
        let old: Vec<Rs> = self.old.iter().filter(|set| set.wanted() > 0).cloned().collect();
        if old.is_empty() {
            return;
        }
        let least = self.deployment.replicas() - self.deployment.max_unavailable();
        let total = sum(&old, Rs::wanted) + new.wanted();
        let missing = new.wanted() - new.available();
        let mut room = total - least - missing;
        if room <= 0 {
            return;
        }
        let mut sizes: Vec<i64> = old.iter().map(Rs::wanted).collect();
        for (set, size) in old.iter().zip(&mut sizes) {
            let cut = (set.wanted() - set.available()).clamp(0, room);
            *size -= cut;
            room -= cut;
        }
        let available = sum(self.all(), Rs::available);
        let mut room = available - least;
        for size in &mut sizes {
            let cut = (*size).clamp(0, room.max(0));
            *size -= cut;
            room -= cut;
        }
        for (set, size) in old.iter().zip(sizes) {
            if size != set.wanted() {
                self.scale(set, size);
            }
        }
    }

    fn recreate(&mut self) {
        let old: Vec<Rs> = self.old.iter().filter(|set| set.wanted() > 0).cloned().collect();
        for set in &old {
            self.scale(set, 0);
        }
        let left = sum(&self.old, Rs::actual) + self.counts().terminating;
        if old.is_empty()
            && left == 0
            && let Some(new) = self.new.clone()
        {
            self.scale(&new, self.deployment.replicas());
        }
    }

    fn is_scaling(&self) -> bool {
        let differs = |set: &Rs| {
            set.wanted() > 0
                && set.annotation(DESIRED).is_some()
                && set.number(DESIRED) != self.deployment.replicas()
        };
        self.all().into_iter().any(differs)
    }

    /// The number of replicas changed, or it is paused: every ReplicaSet keeps its share.
    fn scale_only(&mut self) {
        let active: Vec<Rs> =
            self.all().into_iter().filter(|set| set.wanted() > 0).cloned().collect();
        let replicas = self.deployment.replicas();
        match active.as_slice() {
            [] => {
                if let (Some(new), false) = (self.new.clone(), self.deployment.is_paused()) {
                    self.scale(&new, replicas);
                }
            }
            [only] => self.scale(only, replicas),
            several => {
                let most = if replicas > 0 { replicas + self.deployment.max_surge() } else { 0 };
                let mut left = most - sum(several, Rs::wanted);
                let mut by_size = several.to_vec();
                by_size.sort_by_key(|set| std::cmp::Reverse(set.wanted()));
                for set in by_size {
                    // The largest takes what rounding leaves; a share each is near enough.
                    let size = (set.wanted() + left).max(0);
                    left -= size - set.wanted();
                    self.scale(&set, size);
                }
            }
        }
    }

    fn forget_old(&mut self) {
        let limit = read::int(&self.deployment.object, "/spec/revisionHistoryLimit").unwrap_or(10);
        let surplus = self.old.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
        let old: Vec<Rs> = self.old.iter().take(surplus).cloned().collect();
        for set in old.iter().filter(|set| set.wanted() == 0 && set.actual() == 0) {
            let namespace = read::namespace(&set.object);
            self.bench.store.delete(Kind::ReplicaSet, namespace, set.name());
        }
    }

    pub(super) fn later(&mut self, after: SignedDuration) {
        let key = self.deployment.key();
        self.bench.later(Task::Deployment, &key, after);
    }
}

/// Notes on a ReplicaSet how many pods its Deployment wants, and how many there may be for a while.
pub(super) fn annotate_sizes(set: &mut Value, deployment: &Arc<Value>, replicas: i64) {
    let deployment = Deployment { object: Arc::clone(deployment) };
    read::annotate(set, DESIRED, &replicas.to_string());
    let most = replicas + deployment.max_surge();
    read::annotate(set, MAX, &most.to_string());
}
