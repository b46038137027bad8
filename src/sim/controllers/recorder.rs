//! Events as Kubernetes' event client makes them: the same thing again counts up, many alike are
//! told as one, and who talks too much is not heard.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::read;
use crate::sim::arrivals::{digest, mix};
use crate::sim::object::stamp;
use crate::sim::store::{Kind, Store};

/// How long an event is kept.
pub(super) const KEPT: SignedDuration = SignedDuration::from_hours(1);

/// Events on one object that may come at once.
const BURST: f64 = 25.0;

/// How long it takes until one more may come.
const REFILL_S: f64 = 300.0;

/// Beyond so many different messages with one reason within [`ALIKE_S`], they are told as one.
const ALIKE_MAX: usize = 9;

/// How long messages are remembered to find those that are alike.
const ALIKE_S: i64 = 600;

/// Objects of whose events something is remembered; beyond, the memory begins anew.
const REMEMBERED_MAX: usize = 20_000;

/// Who says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The controller of Argo Rollouts.
    Rollouts,
    /// The deployment controller.
    Deployments,
    /// The replica set controller.
    ReplicaSets,
    /// The stateful set controller.
    StatefulSets,
    /// The daemon set controller.
    DaemonSets,
    /// The scheduler.
    Scheduler,
    /// A node.
    Kubelet,
    /// Flagger.
    Flagger,
}

/// What is said.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) tone: &'static str,
    pub(super) reason: String,
    pub(super) message: String,
}

impl Note {
    /// All is as it should be.
    pub(super) fn normal(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { tone: "Normal", reason: reason.into(), message: message.into() }
    }

    /// Something is not.
    pub(super) fn warning(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { tone: "Warning", reason: reason.into(), message: message.into() }
    }
}

impl Source {
    const fn component(self) -> &'static str {
        match self {
            Self::Rollouts => "rollouts-controller",
            Self::Deployments => "deployment-controller",
            Self::ReplicaSets => "replicaset-controller",
            Self::StatefulSets => "statefulset-controller",
            Self::DaemonSets => "daemonset-controller",
            Self::Scheduler => "default-scheduler",
            Self::Kubelet => "kubelet",
            Self::Flagger => "flagger",
        }
    }
}

/// What the sources remember of their events.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorder {
    told: BTreeMap<u64, Told>,
    alike: BTreeMap<u64, (Timestamp, BTreeSet<u64>)>,
    buckets: BTreeMap<u64, (Timestamp, f64)>,
    count: u64,
}

/// An event that was told.
#[derive(Clone, Debug)]
struct Told {
    name: String,
    count: u64,
    first: Timestamp,
    last: Timestamp,
}

impl Recorder {
    /// Tells an event on an object.
    pub(super) fn say(
        &mut self,
        store: &mut Store,
        from: Source,
        about: (Kind, &Value),
        note: Note,
    ) {
        let (kind, object) = about;
        let now = store.now();
        self.forget(now);
        let source = from.component();
        let uid = digest(read::uid(object));
        let who = mix(uid, digest(source));
        let what = mix(who, mix(digest(&note.reason), digest(note.tone)));
        let mut note = note;
        let mut key = mix(what, digest(&note.message));
        if self.is_one_of_many(what, key, now) {
            note.message = format!("(combined from similar events): {}", note.message);
            key = what;
        }
        self.count += 1;
        let told = self.told.entry(key).or_insert_with(|| Told {
            name: event_name(read::name(object), now, self.count),
            count: 0,
            first: now,
            last: now,
        });
        told.count += 1;
        told.last = now;
        let told = told.clone();
        if !self.may(who, now) {
            return;
        }
        let namespace = read::namespace(object);
        if told.count > 1
            && let Some(event) = store.get(Kind::Event, namespace, &told.name)
        {
            let mut event = event.clone();
            read::set(&mut event, "/count", told.count);
            read::set(&mut event, "/lastTimestamp", stamp(now));
            read::set(&mut event, "/message", note.message);
            drop(store.update(Kind::Event, event));
            return;
        }
        drop(store.create(Kind::Event, event(from, about, &told, &note)));
        let _ = kind;
    }

    /// Whether there were so many messages of this kind that they are told as one.
    fn is_one_of_many(&mut self, what: u64, key: u64, now: Timestamp) -> bool {
        let (since, seen) = self.alike.entry(what).or_insert_with(|| (now, BTreeSet::new()));
        if now.duration_since(*since).as_secs() > ALIKE_S {
            seen.clear();
        }
        *since = now;
        if seen.len() < ALIKE_MAX || seen.contains(&key) {
            seen.insert(key);
        }
        !seen.contains(&key)
    }

    /// Whether a source may speak of an object once more.
    fn may(&mut self, who: u64, now: Timestamp) -> bool {
        let (since, left) = self.buckets.entry(who).or_insert((now, BURST));
        let passed = now.duration_since(*since).as_secs_f64();
        *left = (*left + passed / REFILL_S).min(BURST);
        *since = now;
        if *left < 1.0 {
            return false;
        }
        *left -= 1.0;
        true
    }

    fn forget(&mut self, now: Timestamp) {
        if self.buckets.len() + self.told.len() + self.alike.len() > REMEMBERED_MAX {
            self.told.retain(|_, told| now.duration_since(told.last) < KEPT);
            self.alike.clear();
            self.buckets.clear();
        }
        if self.told.len() > REMEMBERED_MAX {
            self.told.clear();
        }
    }
}

fn event_name(object: &str, now: Timestamp, count: u64) -> String {
    let tail = u64::try_from(now.as_nanosecond()).unwrap_or(0).wrapping_add(count);
    // A name of an object may be as long as an event's, and an event's has a tail.
    let head: String = object.chars().take(230).collect();
    format!("{head}.{tail:016x}")
}

fn event(from: Source, (kind, object): (Kind, &Value), told: &Told, note: &Note) -> Value {
    let facts = kind.facts();
    let mut involved = json!({
        "kind": facts.kind,
        "namespace": read::namespace(object),
        "name": read::name(object),
        "uid": read::uid(object),
        "apiVersion": facts.api_version(),
        "resourceVersion": read::text(object, "/metadata/resourceVersion"),
    });
    let container = read::text(object, "/spec/containers/0/name");
    let is_of_container = from == Source::Kubelet && note.reason != "FailedScheduling";
    if is_of_container && !container.is_empty() {
        involved["fieldPath"] = format!("spec.containers{{{container}}}").into();
    }
    let mut source = json!({"component": from.component()});
    if from == Source::Kubelet {
        source["host"] = read::text(object, "/spec/nodeName").into();
    }
    let host = source.get("host").cloned().unwrap_or_else(|| "".into());
    let mut event = json!({
        "metadata": {"name": told.name, "namespace": read::namespace(object)},
        "involvedObject": involved,
        "reason": note.reason,
        "message": note.message,
        "source": source,
        "firstTimestamp": stamp(told.first),
        "lastTimestamp": stamp(told.last),
        "count": told.count,
        "type": note.tone,
        "eventTime": null,
        "reportingComponent": from.component(),
        "reportingInstance": host,
    });
    if from == Source::Scheduler {
        modern(&mut event, told);
    }
    event
}

/// The scheduler speaks the newer dialect.
fn modern(event: &mut Value, told: &Told) {
    let micros = told.first.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    event["eventTime"] = micros.into();
    event["firstTimestamp"] = Value::Null;
    event["lastTimestamp"] = Value::Null;
    event["source"] = json!({});
    event["action"] = "Binding".into();
    event["reportingInstance"] = "default-scheduler-node-a".into();
    if let Some(fields) = event.as_object_mut() {
        fields.shift_remove("count");
    }
    read::unset(event, "/involvedObject/fieldPath");
}

/// Takes away the events whose time is over.
pub(super) fn expire(store: &mut Store) {
    let limit = store.now() - KEPT;
    let last = |event: &Value| {
        let at = |field: &str| read::time(event, field);
        at("/lastTimestamp").or_else(|| at("/eventTime")).unwrap_or_else(|| read::created(event))
    };
    let over: Vec<(String, String)> = store
        .list(Kind::Event, None)
        .filter(|event| last(event) < limit)
        .map(|event| (read::namespace(event).to_owned(), read::name(event).to_owned()))
        .collect();
    for (namespace, name) in over {
        store.delete(Kind::Event, &namespace, &name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
    }

    fn rollout() -> Value {
        let metadata =
            json!({"name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "7"});
        json!({"metadata": metadata})
    }

    fn say(store: &mut Store, recorder: &mut Recorder, message: &str) {
        let note = Note::normal("Told", message);
        recorder.say(store, Source::Rollouts, (Kind::Rollout, &rollout()), note);
    }

    fn counts(store: &Store) -> Vec<(String, i64)> {
        let of = |event: &Value| {
            (read::text(event, "/message").to_owned(), read::count(event, "/count"))
        };
        let mut all: Vec<_> = store.list(Kind::Event, None).map(of).collect();
        all.sort();
        all
    }

    #[test]
    fn the_same_thing_again_counts_up() {
        let (mut store, mut recorder) = (Store::new(at(0)), Recorder::default());
        say(&mut store, &mut recorder, "paused");
        store.set_now(at(5));
        say(&mut store, &mut recorder, "paused");
        assert_eq!(counts(&store), [("paused".to_owned(), 2)]);
        let event = store.list(Kind::Event, None).next().unwrap();
        assert_eq!(read::text(event, "/firstTimestamp"), "2026-01-01T00:00:00Z");
        assert_eq!(read::text(event, "/lastTimestamp"), "2026-01-01T00:00:05Z");
        assert_eq!(read::text(event, "/involvedObject/kind"), "Rollout");
    }

    #[test]
    fn who_talks_too_much_is_not_heard_but_counted() {
        let (mut store, mut recorder) = (Store::new(at(0)), Recorder::default());
        for _ in 0..100 {
            say(&mut store, &mut recorder, "flip");
        }
        assert_eq!(counts(&store), [("flip".to_owned(), 25)]);
        store.set_now(at(301));
        say(&mut store, &mut recorder, "flip");
        assert_eq!(counts(&store), [("flip".to_owned(), 101)]);
    }

    #[test]
    fn many_alike_are_told_as_one() {
        let (mut store, mut recorder) = (Store::new(at(0)), Recorder::default());
        for pod in 0..14 {
            say(&mut store, &mut recorder, &format!("created {pod}"));
        }
        let all = counts(&store);
        assert_eq!(all.len(), 10);
        assert_eq!(all[0], ("(combined from similar events): created 13".to_owned(), 5));
    }

    #[test]
    fn events_are_taken_away_after_an_hour() {
        let (mut store, mut recorder) = (Store::new(at(0)), Recorder::default());
        say(&mut store, &mut recorder, "old");
        store.set_now(at(3_000));
        say(&mut store, &mut recorder, "young");
        store.set_now(at(3_700));
        expire(&mut store);
        assert_eq!(counts(&store), [("young".to_owned(), 1)]);
    }
}
