//! The watches of one fleet: which there are, how each does, and what that says about the source as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, Id, JoinSet};

use super::cluster::Cluster;
use super::fields::Words;
use super::fleet::FleetKey;
use super::follow::later;
use super::live::Live;
use super::rows::{FleetKind, Maker, Row};
use super::watch::{Collection, Heard, Stream};
use crate::domain::feed::{SourceHealth, Trouble};
use crate::domain::ids::{Namespace, WorkloadKind};
use crate::domain::observed::Timestamp;
use crate::domain::part::PartKind;

/// How one watch does.
#[derive(Clone, Debug, PartialEq)]
enum State {
    /// Not answered yet, or cut off by the connection.
    Opening,
    /// A list is being read; its beginning is there.
    Listing,
    /// Changes are followed.
    Watching,
    /// It does not work.
    Failed(Trouble, Timestamp),
}

struct Running {
    state: State,
    /// The list was whole once.
    is_whole: bool,
    task: AbortHandle,
}

/// All watches of one fleet.
pub(super) struct Streams {
    cluster: Cluster,
    live: Live,
    out: mpsc::Sender<(FleetKey, Heard<Row>)>,
    running: BTreeMap<FleetKey, Running>,
}

impl Streams {
    pub(super) const fn new(
        cluster: Cluster,
        live: Live,
        out: mpsc::Sender<(FleetKey, Heard<Row>)>,
    ) -> Self {
        Self { cluster, live, out, running: BTreeMap::new() }
    }

    /// Starts the watches that the operator's scope asks for.
    pub(super) fn start_all(&mut self, tasks: &mut JoinSet<()>) {
        let named = self.cluster.spec().namespaces.clone();
        for kind in FleetKind::all() {
            // Owners live where they like: the namespaces of the scope are those of what they manage.
            if named.is_empty() || kind.owner().is_some() {
                self.start(FleetKey { kind, namespace: None }, tasks);
            }
            for namespace in named.iter().filter(|_| kind.owner().is_none()) {
                self.start(FleetKey { kind, namespace: Some(namespace.clone()) }, tasks);
            }
        }
    }

    /// Starts what is needed beside this watch, now that the server has its kind.
    pub(super) fn start_beside(&mut self, key: &FleetKey, tasks: &mut JoinSet<()>) {
        if let Some(kind) = key.kind.also() {
            self.start(FleetKey { kind, namespace: key.namespace.clone() }, tasks);
        }
    }

    fn start(&mut self, key: FleetKey, tasks: &mut JoinSet<()>) {
        if self.running.contains_key(&key) {
            return;
        }
        let task = tasks.spawn(self.stream(&key));
        self.running.insert(key, Running { state: State::Opening, is_whole: false, task });
    }

    /// The watch of this task panicked: it is not current any more, and begins anew after a rest.
    pub(super) fn lost(
        &mut self,
        task: Id,
        (why, retry_at): (Trouble, Timestamp),
        tasks: &mut JoinSet<()>,
    ) {
        let found = self.running.iter().find(|(_, running)| running.task.id() == task);
        let Some(key) = found.map(|(key, _)| key.clone()) else { return };
        let again = tasks.spawn(later(self.stream(&key)));
        if let Some(running) = self.running.get_mut(&key) {
            running.state = State::Failed(why, retry_at);
            running.task = again;
        }
    }

    fn stream(&self, key: &FleetKey) -> impl Future<Output = ()> + Send + 'static {
        // ReplicaSets carry the labels of their pods, not those of their owner.
        let selector = match key.kind {
            FleetKind::Workloads(_) => self.cluster.spec().selector.clone(),
            FleetKind::Sets
            | FleetKind::Revisions
            | FleetKind::Controllers
            | FleetKind::Routes(_)
            | FleetKind::Owners(_) => None,
        };
        let mut maker =
            Maker { cluster: self.cluster.name().clone(), kind: key.kind, words: Words::default() };
        let stream = Stream {
            cluster: self.cluster.clone(),
            collection: Collection {
                resource: key.kind.resource(),
                namespace: key.namespace.clone(),
                selector,
            },
            make: move |object: &serde_json::Value, at| maker.row(object, at),
            key: key.clone(),
            out: self.out.clone(),
        };
        stream.run(self.live.clone())
    }

    /// Notes how a watch does.
    pub(super) fn note(&mut self, key: &FleetKey, heard: &Heard<Row>) {
        let Some(running) = self.running.get_mut(key) else { return };
        match heard {
            Heard::Listing => running.state = State::Listing,
            Heard::Whole(_) => {
                running.state = State::Watching;
                running.is_whole = true;
            }
            Heard::Opened(_) => running.state = State::Watching,
            Heard::Failed(why, retry_at) => {
                running.state = State::Failed(why.clone(), *retry_at);
            }
            Heard::Rows(..) | Heard::Changed(..) | Heard::Gone(..) | Heard::Beat(_) => {}
        }
    }

    /// The connection is gone: nobody can say that what is known is current.
    pub(super) fn cut(&mut self) {
        for running in self.running.values_mut() {
            let is_answer = matches!(
                running.state,
                State::Failed(Trouble::Forbidden(_) | Trouble::KindMissing(_), _)
            );
            if !is_answer {
                running.state = State::Opening;
            }
        }
    }

    /// Without the right to read all namespaces, reads the context's own (of owners also those where they usually live);
    /// with it again, that is over. Returns the watches that were given up.
    pub(super) fn fall_back(&mut self, key: &FleetKey, tasks: &mut JoinSet<()>) -> Vec<FleetKey> {
        let Some(running) = self.running.get(key).filter(|_| key.namespace.is_none()) else {
            return Vec::new();
        };
        let narrow = narrow(key.kind, &self.cluster);
        match &running.state {
            State::Failed(Trouble::Forbidden(_), _) => {
                for key in narrow {
                    self.start(key, tasks);
                }
                Vec::new()
            }
            State::Watching => narrow.into_iter().filter(|key| self.give_up(key)).collect(),
            State::Failed(..) | State::Opening | State::Listing => Vec::new(),
        }
    }

    fn give_up(&mut self, key: &FleetKey) -> bool {
        let given_up = self.running.remove(key);
        given_up.inspect(|running| running.task.abort()).is_some()
    }

    /// Whether owners of this kind can be read, and why not; `None` while nobody knows.
    pub(super) fn owners_read(&self, kind: PartKind) -> Option<Result<(), Trouble>> {
        let key = FleetKey { kind: FleetKind::Owners(kind), namespace: None };
        match &self.running.get(&key)?.state {
            State::Opening | State::Listing => None,
            State::Watching | State::Failed(Trouble::KindMissing(_), _) => Some(Ok(())),
            State::Failed(why, _) => Some(Err(why.clone())),
        }
    }

    /// True when everything there is has been read: each watch has been whole, or has nothing to read.
    pub(super) fn are_settled(&self) -> bool {
        self.running.iter().all(|(key, running)| {
            running.is_whole
                || match &running.state {
                    State::Failed(Trouble::Forbidden(_) | Trouble::KindMissing(_), _) => true,
                    State::Failed(..) => !key.kind.is_needed(),
                    State::Opening | State::Listing | State::Watching => false,
                }
        })
    }

    /// True when a sign of life on the connection proves that all facts are current.
    pub(super) fn are_current(&self) -> bool {
        let mut needed = self.running.iter().filter(|(key, _)| key.kind.is_needed());
        needed.all(|(_, running)| match &running.state {
            State::Watching => true,
            State::Opening => false,
            State::Listing | State::Failed(Trouble::Forbidden(_), _) => !running.is_whole,
            State::Failed(why, _) => matches!(why, Trouble::KindMissing(_)),
        })
    }

    /// True when no watch reads this kind that could still bring its objects.
    pub(super) fn is_whole(&self, kind: WorkloadKind) -> bool {
        let kind = FleetKind::Workloads(kind);
        let mut of_kind = self.running.iter().filter(|(key, _)| key.kind == kind);
        of_kind.all(|(_, running)| match &running.state {
            State::Watching => true,
            State::Failed(why, _) => {
                matches!(why, Trouble::Forbidden(_) | Trouble::KindMissing(_))
            }
            State::Opening | State::Listing => false,
        })
    }

    /// What the watches together say about the source, while the connection is up.
    pub(super) fn health(&self) -> SourceHealth {
        let failed: Vec<(&Trouble, Timestamp)> = self
            .running
            .iter()
            // Who may not read the others misses nothing else.
            .filter(|(key, _)| key.kind.is_needed())
            .filter_map(|(_, running)| match &running.state {
                State::Failed(why, retry_at) => Some((why, *retry_at)),
                State::Opening | State::Listing | State::Watching => None,
            })
            // A kind that is not installed is no trouble.
            .filter(|(why, _)| !matches!(why, Trouble::KindMissing(_)))
            .collect();
        let works = self
            .running
            .values()
            .any(|running| matches!(running.state, State::Listing | State::Watching));
        let is_denial =
            |why: &Trouble| matches!(why, Trouble::Forbidden(_) | Trouble::NotAuthenticated { .. });
        let Some((why, retry_at)) = failed.first().copied() else {
            return if works || self.are_settled() {
                SourceHealth::Live
            } else {
                SourceHealth::Connecting { attempt: 1 }
            };
        };
        if works {
            // What is broken says more than what is closed to us.
            let worst = failed.iter().find(|(why, _)| !is_denial(why)).map_or(why, |(why, _)| *why);
            return SourceHealth::Degraded(worst.clone());
        }
        if failed.iter().all(|(why, _)| is_denial(why)) {
            SourceHealth::Denied(why.clone())
        } else {
            SourceHealth::Down { why: why.clone(), retry_at }
        }
    }
}

/// The watches of single namespaces that stand in for the one of all.
fn narrow(kind: FleetKind, cluster: &Cluster) -> BTreeSet<FleetKey> {
    let usual = kind.owner().and_then(home).map(Namespace::new);
    let own = cluster.spec().context_namespace.clone();
    let namespaces = usual.into_iter().chain([own]);
    namespaces.map(|namespace| FleetKey { kind, namespace: Some(namespace) }).collect()
}

/// Where objects of this kind live unless somebody chose otherwise.
const fn home(kind: PartKind) -> Option<&'static str> {
    match kind {
        PartKind::Application => Some("argocd"),
        PartKind::Kustomization | PartKind::HelmRelease | PartKind::GitRepository => {
            Some("flux-system")
        }
        PartKind::ReplicaSet
        | PartKind::AnalysisRun
        | PartKind::Experiment
        | PartKind::Stage
        | PartKind::Promotion
        | PartKind::Freight => None,
    }
}
