//! Pods, analysis runs and events of the workloads that somebody looks at or that move. One watch of pods per workload, one
//! of runs and one of events per namespace; each detail told at most four times a second.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::bounds;
use super::cluster::Cluster;
use super::compose::{Found, Tables};
use super::events;
use super::fields::{Reading, Words};
use super::fleet::Parts;
use super::live::Live;
use super::meta::Metadata;
use super::pods;
use super::resource::{ANALYSIS_RUNS, AUTOSCALERS, BUDGETS, EVENTS, PODS, Resource};
use super::runs;
use super::watch::{Collection, Heard, Stream};
use crate::domain::detail::Detail;
use crate::domain::ids::{Namespace, WorkloadKind, WorkloadRef};

/// A detail is told at most this often: a busy rollout changes dozens of objects a second.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// The first detail waits so long for its parts.
const FIRST_WAIT_MAX: Duration = Duration::from_secs(1);

/// News between a watch and its keeper.
const NEWS_MAX: usize = 16;

/// One watch of details.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum DetailKey {
    /// Pods of a workload.
    Pods(WorkloadRef),
    /// Analysis runs of a namespace.
    Runs(Namespace),
    /// Events of a namespace.
    Events(Namespace),
    /// Autoscalers of a namespace.
    Autoscalers(Namespace),
    /// Budgets for evictions of a namespace.
    Budgets(Namespace),
}

impl DetailKey {
    /// It brings what bounds workloads, and no part of them.
    pub(super) const fn is_bound(&self) -> bool {
        matches!(self, Self::Autoscalers(_) | Self::Budgets(_))
    }
}

struct Running {
    selector: Option<String>,
    task: AbortHandle,
}

/// Keeps the details of all workloads in `wanted`, until nobody listens.
pub(super) async fn keep(
    cluster: Cluster,
    mut wanted: watch::Receiver<BTreeMap<WorkloadRef, Parts>>,
    live: Live,
    out: mpsc::Sender<Box<Detail>>,
) {
    let (hear, mut heard) = mpsc::channel(NEWS_MAX);
    let mut keeper = Keeper {
        cluster,
        live,
        hear,
        tables: Tables::default(),
        running: BTreeMap::new(),
        tasks: JoinSet::new(),
        parts: BTreeMap::new(),
        due: BTreeMap::new(),
        told: BTreeMap::new(),
    };
    loop {
        let next = keeper.due.values().min().copied();
        tokio::select! {
            biased;
            changed = wanted.changed() => {
                if changed.is_err() {
                    return;
                }
                let parts = wanted.borrow_and_update().clone();
                keeper.want(parts);
            }
            Some(ended) = keeper.tasks.join_next() => {
                // A detail with a dead part would look current for ever: all begin anew instead.
                if let Some(cause) = ended.err().and_then(|error| error.try_into_panic().ok()) {
                    std::panic::resume_unwind(cause);
                }
            }
            () = at(next) => {
                for detail in keeper.ready() {
                    if out.send(Box::new(detail)).await.is_err() {
                        return;
                    }
                }
            }
            Some((key, news)) = heard.recv() => keeper.hear(&key, news),
        }
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

struct Keeper {
    cluster: Cluster,
    live: Live,
    hear: mpsc::Sender<(DetailKey, Heard<Found>)>,
    tables: Tables,
    running: BTreeMap<DetailKey, Running>,
    tasks: JoinSet<()>,
    parts: BTreeMap<WorkloadRef, Parts>,
    /// Which details are to be told, and when.
    due: BTreeMap<WorkloadRef, Instant>,
    /// When each was told last.
    told: BTreeMap<WorkloadRef, Instant>,
}

impl Keeper {
    fn want(&mut self, parts: BTreeMap<WorkloadRef, Parts>) {
        let changed: Vec<WorkloadRef> = parts
            .iter()
            .filter(|(target, parts)| self.parts.get(*target) != Some(*parts))
            .map(|(target, _)| target.clone())
            .collect();
        self.parts = parts;
        self.due.retain(|target, _| self.parts.contains_key(target));
        self.told.retain(|target, _| self.parts.contains_key(target));
        let mut needed: BTreeMap<DetailKey, Option<String>> = BTreeMap::new();
        for (target, parts) in &self.parts {
            let namespace = &target.namespace;
            if parts.selector.is_some() {
                needed.insert(DetailKey::Pods(target.clone()), parts.selector.clone());
            }
            needed.insert(DetailKey::Events(namespace.clone()), None);
            needed.insert(DetailKey::Autoscalers(namespace.clone()), None);
            needed.insert(DetailKey::Budgets(namespace.clone()), None);
            if matches!(target.kind, WorkloadKind::Rollout | WorkloadKind::Experiment) {
                needed.insert(DetailKey::Runs(namespace.clone()), None);
            }
        }
        self.stop_all_but(&needed);
        for (key, selector) in needed {
            self.start(key, selector);
        }
        for target in changed {
            self.touch(&target);
        }
    }

    fn stop_all_but(&mut self, needed: &BTreeMap<DetailKey, Option<String>>) {
        let stopped: BTreeSet<DetailKey> = self
            .running
            .iter()
            .filter(|(key, running)| needed.get(*key) != Some(&running.selector))
            .map(|(key, _)| key.clone())
            .collect();
        for key in stopped {
            if let Some(running) = self.running.remove(&key) {
                running.task.abort();
            }
            self.tables.forget(&key);
        }
    }

    fn start(&mut self, key: DetailKey, selector: Option<String>) {
        if self.running.contains_key(&key) {
            return;
        }
        let (resource, namespace) = match &key {
            DetailKey::Pods(target) => (PODS, target.namespace.clone()),
            DetailKey::Runs(namespace) => (ANALYSIS_RUNS, namespace.clone()),
            DetailKey::Events(namespace) => (EVENTS, namespace.clone()),
            DetailKey::Autoscalers(namespace) => (AUTOSCALERS, namespace.clone()),
            DetailKey::Budgets(namespace) => (BUDGETS, namespace.clone()),
        };
        let collection =
            Collection { resource, namespace: Some(namespace), selector: selector.clone() };
        let mut words = Words::default();
        let stream = Stream {
            cluster: self.cluster.clone(),
            collection,
            make: move |object: &Value, _at| Some(found(resource, object, &mut words)),
            key: key.clone(),
            out: self.hear.clone(),
        };
        self.tables.begin(&key);
        let task = self.tasks.spawn(stream.run(self.live.clone()));
        self.running.insert(key, Running { selector, task });
    }

    fn hear(&mut self, key: &DetailKey, heard: Heard<Found>) {
        // A watch that was stopped may still have been saying something.
        if !self.running.contains_key(key) || !self.tables.hear(key, heard) {
            return;
        }
        let touched: Vec<WorkloadRef> = match key {
            DetailKey::Pods(target) => vec![target.clone()],
            DetailKey::Runs(namespace)
            | DetailKey::Events(namespace)
            | DetailKey::Autoscalers(namespace)
            | DetailKey::Budgets(namespace) => {
                self.parts.keys().filter(|target| target.namespace == *namespace).cloned().collect()
            }
        };
        for target in touched {
            self.touch(&target);
        }
    }

    /// Has a detail told soon. The first time it waits for its parts, but not for long: what is slow is said to be so.
    fn touch(&mut self, target: &WorkloadRef) {
        let now = Instant::now();
        let earliest = match self.told.get(target) {
            Some(told) => *told + TELL_EVERY,
            None if self.tables.are_read(target) => now,
            None => now + FIRST_WAIT_MAX,
        };
        let due = self.due.entry(target.clone()).or_insert(earliest);
        *due = earliest.max(now).min(*due);
    }

    fn ready(&mut self) -> Vec<Detail> {
        let now = Instant::now();
        let ready: Vec<WorkloadRef> = self
            .due
            .iter()
            .filter(|(_, due)| **due <= now)
            .map(|(target, _)| target.clone())
            .collect();
        let mut details = Vec::new();
        for target in ready {
            self.due.remove(&target);
            let Some(parts) = self.parts.get(&target) else { continue };
            details.push(self.tables.detail(&target, parts, self.cluster.now()));
            self.told.insert(target, now);
        }
        details
    }
}

fn found(resource: Resource, object: &Value, words: &mut Words) -> Found {
    let mut reading = Reading::new(words);
    if resource == PODS {
        Found::Pod(Box::new(pods::pod(object, &mut reading)))
    } else if resource == ANALYSIS_RUNS {
        let metadata = Metadata::of(object);
        let created = metadata.created(&mut reading);
        let owners = metadata.owners().iter().filter_map(|owner| owner.get("uid")?.as_str());
        Found::Run {
            uid: metadata.uid(),
            owners: owners.map(crate::domain::ids::Uid::new).collect(),
            created,
            run: Box::new(runs::run(object, &mut reading)),
        }
    } else if resource == AUTOSCALERS {
        Found::Autoscaler(Box::new(bounds::autoscaler(object, &mut reading)))
    } else if resource == BUDGETS {
        Found::Budget(Box::new(bounds::budget(object, &mut reading)))
    } else {
        Found::Event(Box::new(events::event(object, &mut reading)))
    }
}
