//! The objects of one simulated cluster: a versioned map with a bounded log of what changed, as
//! etcd and the watch cache of an API server are together. It decides no policy: who may write,
//! what a patch means and what is valid is the business of `api`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::controllers::template;
use super::object::{
    drop_meta, has_finalizers, inherit, is_going, meta, raise_generation, set_meta, stamp, text,
};

pub use super::kind::{KINDS, Kind, Origin, Scope};
pub use super::status::Status;

/// Changes kept for watches that resume and lists that go on. Each keeps a version of an object
/// alive, so many would cost memory; who asks for older ones is told to list again.
pub const LOG_MAX: usize = 4_096;

/// How long a deleted pod stays, terminating. A real one may take its grace period; pods of the
/// simulated world have nothing to finish.
const TERMINATING: SignedDuration = SignedDuration::from_secs(1);

/// The first revision: a cluster is never at zero, which means "any" in requests.
const REVISION_FIRST: u64 = 1_000;

/// One change of one object.
#[derive(Clone, Debug)]
pub struct Change {
    /// The store's revision after it.
    pub revision: u64,
    /// The kind of the object.
    pub kind: Kind,
    /// The object before; `None`: it was created.
    pub old: Option<Arc<Value>>,
    /// The object after; `None`: it was deleted.
    pub new: Option<Arc<Value>>,
}

/// The store no longer knows what changed since the revision asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compacted {
    /// The oldest revision that can still be asked for.
    pub oldest: u64,
}

/// All objects of one cluster.
#[derive(Debug)]
pub struct Store {
    now: Timestamp,
    revision: u64,
    seed: u64,
    objects: BTreeMap<Kind, Shelf>,
    installed: BTreeSet<Kind>,
    log: VecDeque<Change>,
    oldest: u64,
    terminating: Vec<(Timestamp, Kind, String)>,
}

/// Objects of one kind by `namespace/name`: the order of the API server's lists.
type Shelf = BTreeMap<String, Arc<Value>>;

impl Store {
    /// An empty cluster at a time, with every built-in kind and those of Argo Rollouts.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            now,
            revision: REVISION_FIRST,
            seed: 0,
            objects: BTreeMap::new(),
            installed: KINDS
                .into_iter()
                .filter(|kind| {
                    let facts = kind.facts();
                    facts.origin == Origin::BuiltIn || facts.group == "argoproj.io"
                })
                .collect(),
            log: VecDeque::new(),
            oldest: REVISION_FIRST,
            terminating: Vec::new(),
        }
    }

    /// Starts the generator of uids at a number of one's own, so that two clusters share none.
    #[must_use]
    pub fn seeded(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The cluster's time.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Moves the cluster's time. Pods that were terminating long enough vanish.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.terminating).into_iter().partition(|(at, ..)| *at <= now);
        self.terminating = later;
        for (_, kind, key) in due {
            // A pod of the same name that came since is not the one that was deleted.
            if self.shelf(kind).and_then(|shelf| shelf.get(&key)).is_some_and(|pod| is_going(pod)) {
                self.take(kind, &key);
            }
        }
    }

    /// The revision of the last change.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether the cluster knows this kind.
    #[must_use]
    pub fn knows(&self, kind: Kind) -> bool {
        self.installed.contains(&kind)
    }

    /// Adds a kind, as applying its definition does.
    pub fn install(&mut self, kind: Kind) {
        self.installed.insert(kind);
    }

    /// Takes a kind away with all its objects, as deleting its definition does.
    pub fn uninstall(&mut self, kind: Kind) {
        for key in self.shelf(kind).map_or_else(Vec::new, |shelf| shelf.keys().cloned().collect()) {
            self.take(kind, &key);
        }
        self.installed.remove(&kind);
    }

    /// One object.
    #[must_use]
    pub fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Value> {
        self.shared(kind, namespace, name).map(|object| &**object)
    }

    /// One object, to be kept beyond the borrow.
    #[must_use]
    pub fn shared(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        self.shelf(kind)?.get(&key(kind, namespace, name))
    }

    /// The objects of a kind, in one namespace or (`None`) in all, in the order of the API server.
    pub fn list(&self, kind: Kind, namespace: Option<&str>) -> impl Iterator<Item = &Value> {
        self.range(kind, namespace).map(|(_, object)| &**object)
    }

    /// The same with their keys, to be kept beyond the borrow.
    pub fn range(
        &self,
        kind: Kind,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = (&str, &Arc<Value>)> {
        let (from, to) = match namespace {
            // '0' is the character after '/'.
            Some(namespace) => (format!("{namespace}/"), format!("{namespace}0")),
            None => (String::new(), char::MAX.to_string()),
        };
        self.shelf(kind)
            .into_iter()
            .flat_map(move |shelf| shelf.range(from.clone()..to.clone()))
            .map(|(key, object)| (key.as_str(), object))
    }

    /// Adds an object. Fills in uid, creation time, resource version and generation, and answers
    /// with the object as stored.
    ///
    /// # Errors
    /// 409 if there is one of that name; 422 without a name; 404 for a kind the cluster lacks.
    pub fn create(&mut self, kind: Kind, mut object: Value) -> Result<Value, Status> {
        if !self.knows(kind) {
            return Err(Status::no_such_resource());
        }
        let (namespace, name) = (text(&object, "namespace"), text(&object, "name"));
        if name.is_empty() || !object.is_object() {
            let cause = super::status::Cause {
                reason: "FieldValueRequired",
                message: "Required value: name or generateName is required".into(),
                field: "metadata.name".into(),
            };
            return Err(Status::invalid(kind, "", &[cause]));
        }
        let key = key(kind, &namespace, &name);
        if self.shelf(kind).is_some_and(|shelf| shelf.contains_key(&key)) {
            return Err(Status::already_exists(kind, &name));
        }
        object = self.born(kind, object);
        let stored = self.put(kind, key, object);
        Ok(Value::clone(&stored))
    }

    /// Fills in what the API server fills in when an object is created, without storing it.
    #[must_use]
    pub fn born(&mut self, kind: Kind, mut object: Value) -> Value {
        template::complete(kind, &mut object);
        let facts = kind.facts();
        let uid = self.uid();
        let rest = object.as_object_mut().map(std::mem::take).unwrap_or_default();
        object = json!({"apiVersion": facts.api_version(), "kind": facts.kind, "metadata": {}});
        if let Some(fields) = object.as_object_mut() {
            fields.extend(rest);
        }
        if facts.scope == Scope::Cluster {
            drop_meta(&mut object, "namespace");
        }
        // Worlds may say themselves which uid and since when; users may not (`api` removes both).
        let now = stamp(self.now);
        let generation = kind.has_generation().then_some(1);
        let filled = [("uid", uid.into()), ("creationTimestamp", now.into())];
        for (field, value) in
            filled.into_iter().chain(generation.map(|one| ("generation", one.into())))
        {
            if meta(&object, field).is_none_or(Value::is_null) {
                set_meta(&mut object, field, Value::clone(&value));
            }
        }
        object
    }

    /// Replaces an object as a controller does. Equal content leaves the resource version and makes
    /// no event; another `spec` makes another generation; uid, creation and resource version stay
    /// the store's.
    ///
    /// # Errors
    /// 404 if there is none of that name.
    pub fn update(&mut self, kind: Kind, mut object: Value) -> Result<Value, Status> {
        let (namespace, name) = (text(&object, "namespace"), text(&object, "name"));
        let key = key(kind, &namespace, &name);
        let Some(old) = self.shelf(kind).and_then(|shelf| shelf.get(&key)).cloned() else {
            return Err(Status::not_found(kind, &name));
        };
        inherit(&mut object, &old);
        template::complete(kind, &mut object);
        if kind.has_generation() && old.get("spec") != object.get("spec") {
            raise_generation(&mut object);
        }
        Ok(Value::clone(&self.replace(kind, &key, object)))
    }

    /// Stores a version of an existing object whose generation is already decided. Equal content
    /// changes nothing; the last finalizer of a deleted object takes the object with it.
    pub fn replace(&mut self, kind: Kind, key: &str, mut object: Value) -> Arc<Value> {
        template::complete(kind, &mut object);
        let old = self.shelf(kind).and_then(|shelf| shelf.get(key)).cloned();
        if let Some(old) = old {
            if *old == object {
                return old;
            }
            if is_going(&object) && !has_finalizers(&object) && has_finalizers(&old) {
                self.take(kind, key);
                return Arc::new(object);
            }
        }
        self.put(kind, key.to_owned(), object)
    }

    /// Deletes an object at once and answers with its last form.
    pub fn delete(&mut self, kind: Kind, namespace: &str, name: &str) -> Option<Value> {
        self.take(kind, &key(kind, namespace, name)).map(|object| Value::clone(&object))
    }

    /// Deletes an object as the API server does: pods end gracefully, finalizers hold it, a
    /// namespace takes everything in it. Answers with the object as it is now, or as it was last.
    pub fn retire(&mut self, kind: Kind, key: &str, grace: SignedDuration) -> Option<Arc<Value>> {
        let object = self.shelf(kind)?.get(key)?.clone();
        let graceful = kind == Kind::Pod && grace > SignedDuration::ZERO;
        if kind == Kind::Namespace {
            self.empty(key.trim_start_matches('/'));
        }
        if !graceful && !has_finalizers(&object) {
            return self.take(kind, key);
        }
        if is_going(&object) {
            return Some(object);
        }
        let going = self.departing(kind, &object, grace);
        let now = self.now;
        if graceful && !has_finalizers(&object) {
            self.terminating.push((now + grace.min(TERMINATING), kind, key.to_owned()));
        }
        Some(self.put(kind, key.to_owned(), going))
    }

    /// An object as it is once it was asked to go: it knows when, and is another generation.
    #[must_use]
    pub fn departing(&self, kind: Kind, object: &Value, grace: SignedDuration) -> Value {
        let mut going = object.clone();
        set_meta(&mut going, "deletionTimestamp", stamp(self.now + grace));
        if kind != Kind::Namespace {
            set_meta(&mut going, "deletionGracePeriodSeconds", grace.as_secs());
        }
        if kind.has_generation() {
            raise_generation(&mut going);
        }
        going
    }

    /// Deletes every object all of whose owners are gone, and what those owned in turn.
    pub fn collect_garbage(&mut self) {
        loop {
            let alive: BTreeSet<&str> = self
                .objects
                .values()
                .flat_map(BTreeMap::values)
                .filter_map(|object| object.pointer("/metadata/uid")?.as_str())
                .collect();
            let orphaned = |object: &Value| {
                let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
                owners.is_some_and(|owners| {
                    let uid = |owner: &Value| {
                        owner
                            .get("uid")
                            .and_then(Value::as_str)
                            .is_none_or(|uid| !alive.contains(uid))
                    };
                    !owners.is_empty() && owners.iter().all(uid)
                })
            };
            let gone: Vec<(Kind, String)> = self
                .objects
                .iter()
                .flat_map(|(kind, shelf)| {
                    shelf.iter().map(move |(key, object)| (kind, key, object))
                })
                .filter(|(_, _, object)| orphaned(object) && !is_going(object))
                .map(|(kind, key, _)| (*kind, key.clone()))
                .collect();
            if gone.is_empty() {
                return;
            }
            for (kind, key) in gone {
                self.retire(kind, &key, TERMINATING);
            }
        }
    }

    /// What changed after a revision, oldest first.
    ///
    /// # Errors
    /// The log no longer reaches back so far.
    pub fn changes_since(&self, revision: u64) -> Result<impl Iterator<Item = &Change>, Compacted> {
        if revision < self.oldest {
            return Err(Compacted { oldest: self.oldest });
        }
        let from = self.log.partition_point(|change| change.revision <= revision);
        Ok(self.log.range(from..))
    }

    /// The objects of a kind as they were at a revision.
    ///
    /// # Errors
    /// The log no longer reaches back so far.
    pub fn at_revision(&self, kind: Kind, revision: u64) -> Result<Shelf, Compacted> {
        let mut past = self.shelf(kind).cloned().unwrap_or_default();
        let changes: Vec<&Change> =
            self.changes_since(revision)?.filter(|change| change.kind == kind).collect();
        for change in changes.into_iter().rev() {
            let of = change.old.as_ref().or(change.new.as_ref());
            let Some(key) = of.map(|object| key_of(kind, object)) else { continue };
            match &change.old {
                Some(old) => past.insert(key, Arc::clone(old)),
                None => past.remove(&key),
            };
        }
        Ok(past)
    }

    /// Forgets all changes so far, as a compaction of etcd does.
    pub fn compact(&mut self) {
        self.log.clear();
        self.oldest = self.revision;
    }

    /// The next uid: version 4 in form, the same in every run with the same seed.
    #[must_use]
    pub fn uid(&mut self) -> String {
        let (high, low) = (self.random(), self.random());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | (low >> 48) & 0x3fff,
            low & 0xffff_ffff_ffff
        )
    }

    /// The next number of the generator (splitmix64: short, seedable, good enough for names).
    pub fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn shelf(&self, kind: Kind) -> Option<&Shelf> {
        self.objects.get(&kind)
    }

    fn put(&mut self, kind: Kind, key: String, mut object: Value) -> Arc<Value> {
        self.revision += 1;
        let revision = self.revision.to_string();
        set_meta(&mut object, "resourceVersion", revision);
        let object = Arc::new(object);
        let old = self.objects.entry(kind).or_default().insert(key, Arc::clone(&object));
        self.note(kind, old, Some(Arc::clone(&object)));
        object
    }

    fn take(&mut self, kind: Kind, key: &str) -> Option<Arc<Value>> {
        let old = self.objects.get_mut(&kind)?.remove(key)?;
        self.revision += 1;
        self.note(kind, Some(Arc::clone(&old)), None);
        Some(old)
    }

    fn note(&mut self, kind: Kind, old: Option<Arc<Value>>, new: Option<Arc<Value>>) {
        self.log.push_back(Change { revision: self.revision, kind, old, new });
        while self.log.len() > LOG_MAX {
            if let Some(forgotten) = self.log.pop_front() {
                self.oldest = forgotten.revision;
            }
        }
    }

    fn empty(&mut self, namespace: &str) {
        for kind in KINDS.into_iter().filter(|kind| kind.facts().scope == Scope::Namespaced) {
            let inside: Vec<String> =
                self.range(kind, Some(namespace)).map(|(key, _)| key.to_owned()).collect();
            for key in inside {
                self.take(kind, &key);
            }
        }
    }
}

/// The place of an object among its kind.
#[must_use]
pub fn key(kind: Kind, namespace: &str, name: &str) -> String {
    match kind.facts().scope {
        Scope::Namespaced => format!("{namespace}/{name}"),
        Scope::Cluster => format!("/{name}"),
    }
}

/// The place of an object among its kind, by its metadata.
#[must_use]
pub fn key_of(kind: Kind, object: &Value) -> String {
    key(kind, &text(object, "namespace"), &text(object, "name"))
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
