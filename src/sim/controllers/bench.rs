//! What a controller works with: the objects, its alarm clock, and its voice.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::agenda::{Job, Task};
use super::life::Life;
use super::read;
use super::recorder::{Note, Source};
use crate::sim::arrivals::mix;
use crate::sim::store::{Kind, Store, key_of};
use crate::sim::traffic::Traffic;

/// A controller's workplace for one piece of work.
pub(super) struct Bench<'a> {
    pub(super) store: &'a mut Store,
    pub(super) life: &'a mut Life,
    pub(super) traffic: &'a mut Traffic,
}

impl Bench<'_> {
    pub(super) const fn now(&self) -> Timestamp {
        self.store.now()
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.now().as_millisecond()
    }

    /// An object by `namespace/name`.
    pub(super) fn get(&self, kind: Kind, key: &str) -> Option<Arc<Value>> {
        let (namespace, name) = key.split_once('/')?;
        self.store.shared(kind, namespace, name).cloned()
    }

    /// The objects of a kind that an object controls.
    pub(super) fn owned(&self, kind: Kind, owner: &Value) -> Vec<Arc<Value>> {
        self.life.index.owned(self.store, kind, read::uid(owner))
    }

    /// Writes an object as a controller does: another `spec` makes another generation. What is gone
    /// meanwhile stays gone.
    pub(super) fn write(&mut self, kind: Kind, object: Value) -> Option<Arc<Value>> {
        let key = key_of(kind, &object);
        self.store.update(kind, object).ok()?;
        let (namespace, name) = key.split_once('/')?;
        self.store.shared(kind, namespace, name).cloned()
    }

    /// Writes a status: the generation stays.
    pub(super) fn write_status(&mut self, kind: Kind, object: Value) -> Arc<Value> {
        let key = key_of(kind, &object);
        self.store.replace(kind, &key, object)
    }

    /// Tells an event.
    pub(super) fn say(&mut self, from: Source, about: (Kind, &Value), note: Note) {
        self.life.recorder.say(self.store, from, about, note);
    }

    /// Looks again after a while.
    pub(super) fn later(&mut self, task: Task, key: &str, after: SignedDuration) {
        let at = self.now() + after.max(SignedDuration::from_millis(1));
        self.life.agenda.plan(Job::new(task, key), at);
    }

    /// Looks again at a time, a little later than it, as clocks do.
    pub(super) fn at(&mut self, task: Task, key: &str, at: Timestamp) {
        let at = at.max(self.now()) + SignedDuration::from_millis(4);
        self.life.agenda.plan(Job::new(task, key), at);
    }

    /// A number of chance, the same in every run of a seed.
    pub(super) fn chance(&mut self) -> u64 {
        self.life.draws += 1;
        mix(self.life.seed, self.life.draws)
    }

    /// A length of time between two, by chance.
    pub(super) fn between(&mut self, least_ms: i64, most_ms: i64) -> SignedDuration {
        let span = u64::try_from(most_ms - least_ms).unwrap_or(0).max(1);
        let extra = i64::try_from(self.chance() % span).unwrap_or(0);
        SignedDuration::from_millis(least_ms + extra)
    }

    /// Deletes a pod gracefully.
    pub(super) fn delete_pod(&mut self, key: &str) {
        let grace = SignedDuration::from_secs(30);
        self.store.retire(Kind::Pod, key, grace);
    }
}
