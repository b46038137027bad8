//! Starts effects as tasks and answers for each of them exactly once: on success, on error, on a time limit, on a
//! panic. Nothing here is awaited by the loop.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::perform::{self, Crew, News};
use super::recall;
use crate::app::event::{Effect, Event};
use crate::backends::audit_deeds;
use crate::backends::audit_file::AuditFile;
use crate::backends::kube::cluster::Cluster;
use crate::backends::kube::execute::KubeExecutor;
use crate::backends::kube::{follow, query};
use crate::backends::prometheus::client::Prometheus;
use crate::backends::prometheus::probe;
use crate::control::audit::AuditEntry;
use crate::control::clearance::Clearance;
use crate::control::order::{Execution, Order, OrderNews};
use crate::control::plan::Plan;
use crate::domain::feed::{Answer, Feed, Query, Scope, SourceId, Trouble};
use crate::domain::ids::{ClusterName, QueryId};
use crate::domain::observed::{Clock, Observed};
use crate::domain::text::Text;

/// Longest time that a query may take, whatever its backend promises.
const QUERY_TIME_MAX: Duration = Duration::from_secs(15);

/// How long the program waits at its end for deeds on their way to be answered and recorded.
const FAREWELL_TIME_MAX: Duration = Duration::from_secs(12);

/// What effects act on.
pub struct Backends {
    /// The clusters, by name.
    pub clusters: BTreeMap<ClusterName, Cluster>,
    /// Their Prometheus, where there is one.
    pub prometheus: BTreeMap<ClusterName, Prometheus>,
    /// The file of deeds.
    pub audit: AuditFile,
    /// The clock.
    pub clock: Clock,
}

/// News of a source on its way to the loop.
pub type FeedSender = mpsc::Sender<(SourceId, Observed<Feed>)>;

/// Starts effects.
pub struct Runner {
    backends: Backends,
    scopes: BTreeMap<ClusterName, watch::Sender<BTreeSet<Scope>>>,
    identities: BTreeMap<ClusterName, Text>,
    answers: mpsc::Sender<Event>,
    sources: JoinSet<()>,
    /// Questions and rehearsals: nobody waits for them at the end.
    tasks: JoinSet<()>,
    /// Deeds on their way and their records: the end waits for them, for a while.
    deeds: JoinSet<()>,
}

impl Runner {
    /// Starts following every cluster.
    #[must_use]
    pub fn start(backends: Backends, feeds: &FeedSender, answers: mpsc::Sender<Event>) -> Self {
        let mut sources = JoinSet::new();
        let mut scopes = BTreeMap::new();
        for (name, cluster) in &backends.clusters {
            let (sender, receiver) = watch::channel(BTreeSet::new());
            scopes.insert(name.clone(), sender);
            sources.spawn(follow::follow(cluster.clone(), receiver, feeds.clone()));
        }
        for prometheus in backends.prometheus.values() {
            sources.spawn(probe::follow(prometheus.clone(), feeds.clone()));
        }
        let held = (backends.audit.clone(), backends.clock.clone());
        sources.spawn(recall::recall(held, backends.clusters.clone(), answers.clone()));
        Self {
            backends,
            scopes,
            identities: BTreeMap::new(),
            answers,
            sources,
            tasks: JoinSet::new(),
            deeds: JoinSet::new(),
        }
    }

    /// Starts one effect. Effects that only a front can do are not for here; they come back.
    pub fn run(&mut self, effect: Effect) -> Option<Effect> {
        while self.tasks.try_join_next().is_some() {}
        while self.deeds.try_join_next().is_some() {}
        match effect {
            Effect::Follow(cluster, scopes) => {
                if let Some(sender) = self.scopes.get(&cluster) {
                    sender.send_replace(scopes);
                }
            }
            Effect::Query(id, query) => self.query(id, query),
            Effect::Rehearse(plan) => self.rehearse(*plan),
            Effect::Execute(clearance) => self.execute(*clearance),
            Effect::Conclude(order, entries) => self.conclude(*order, entries),
            Effect::Reconnect(name) => {
                if let Some(cluster) = self.backends.clusters.get(&name) {
                    cluster.reconnect();
                }
                if let Some(prometheus) = self.backends.prometheus.get(&name) {
                    prometheus.nudge().give();
                }
            }
            Effect::Copy(_)
            | Effect::Save(_)
            | Effect::Theme(_)
            | Effect::Background(_)
            | Effect::Suspend
            | Effect::Quit => return Some(effect),
        }
        None
    }

    /// Lets deeds on their way be answered and recorded, for a while.
    pub async fn farewell(mut self) {
        let rest = async { while self.deeds.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(FAREWELL_TIME_MAX, rest).await;
        // Dropping the rest ends it: a question that hangs holds nobody's terminal.
        self.tasks.abort_all();
        self.sources.abort_all();
    }

    /// A task of its own that ends with exactly one event; if it panics or is cancelled, with `lost`.
    fn spawn(&mut self, lost: Event, work: impl Future<Output = Event> + Send + 'static) {
        let answers = self.answers.clone();
        self.tasks.spawn(async move {
            let event = match tokio::spawn(work).await {
                Ok(event) => event,
                Err(_panicked_or_cancelled) => lost,
            };
            let _ = answers.send(event).await;
        });
    }

    fn query(&mut self, id: QueryId, query: Query) {
        let lost = Trouble::Lost(Text::clean("the task ended early"));
        let Some(cluster) = cluster_of(&query).cloned() else {
            let (folder, clock) = (self.backends.audit.folder(), self.backends.clock.clone());
            self.spawn(Event::Answer(id, Answer::Failed(lost)), async move {
                let answer = tokio::time::timeout(QUERY_TIME_MAX, recorded(folder, clock)).await;
                let late = Trouble::TimedOut { after: QUERY_TIME_MAX };
                Event::Answer(id, answer.unwrap_or(Answer::Failed(late)))
            });
            return;
        };
        let kube = self.backends.clusters.get(&cluster).cloned();
        let prometheus = self.backends.prometheus.get(&cluster).cloned();
        self.spawn(Event::Answer(id, Answer::Failed(lost)), async move {
            let work = ask(kube, prometheus, query);
            let answer = tokio::time::timeout(QUERY_TIME_MAX, work).await;
            let late = Trouble::TimedOut { after: QUERY_TIME_MAX };
            Event::Answer(id, answer.unwrap_or(Answer::Failed(late)))
        });
    }

    fn executor(&self, cluster: &ClusterName) -> Option<KubeExecutor> {
        self.backends.clusters.get(cluster).cloned().map(KubeExecutor::new)
    }

    /// Runs a part of an order with its crew; its news reach the loop. `lost` is told if the part ends without.
    fn crew<F>(&mut self, cluster: &ClusterName, lost: News, part: impl FnOnce(Hands) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Some(executor) = self.executor(cluster) else {
            // No such cluster: nothing was sent, and somebody waits for an answer.
            let answers = self.answers.clone();
            self.tasks.spawn(async move {
                let _ = answers.send(Event::Order(lost.0, lost.1)).await;
            });
            return;
        };
        let (news, mut told) = mpsc::channel::<News>(NEWS_MAX);
        let hands = Hands {
            executor,
            audit: self.backends.audit.clone(),
            clock: self.backends.clock.clone(),
            identity: self.identities.get(cluster).cloned(),
            news,
        };
        let answers = self.answers.clone();
        let set = if matches!(lost.1, OrderNews::Rehearsed(_)) {
            &mut self.tasks
        } else {
            &mut self.deeds
        };
        let work = part(hands);
        set.spawn(async move {
            let working = tokio::spawn(work);
            while let Some((id, news)) = told.recv().await {
                let _ = answers.send(Event::Order(id, news)).await;
            }
            if working.await.is_err() {
                let _ = answers.send(Event::Order(lost.0, lost.1)).await;
            }
        });
    }

    fn rehearse(&mut self, plan: Plan) {
        let why = Trouble::Lost(Text::clean("the rehearsal ended early"));
        let lost = (plan.id.clone(), OrderNews::Rehearsed(Err(why)));
        let cluster = plan.target.cluster.clone();
        self.crew(&cluster, lost, |hands| async move {
            perform::rehearse(&hands.crew(), &plan, &hands.news).await;
        });
    }

    fn execute(&mut self, clearance: Clearance) {
        let why = Trouble::Lost(Text::clean("the executor ended early"));
        let execution = Execution::Unknown { write: 0, why };
        let lost = (clearance.plan().id.clone(), OrderNews::Executed(execution));
        let cluster = clearance.plan().target.cluster.clone();
        self.crew(&cluster, lost, |hands| async move {
            perform::perform(&hands.crew(), clearance, &hands.news).await;
        });
    }

    fn conclude(&mut self, order: Order, entries: Vec<AuditEntry>) {
        let why = Text::clean("the recorder ended early");
        let lost = (order.id().clone(), OrderNews::NotRecorded(why));
        let cluster = order.plan.target.cluster.clone();
        let answers = self.answers.clone();
        self.crew(&cluster, lost, |hands| async move {
            for note in perform::conclude(&hands.crew(), &order, entries).await {
                let _ = answers.send(Event::Told(Err(note))).await;
            }
        });
    }

    /// Who we are in a cluster, as its API server told: it stands in every record.
    pub fn identify(&mut self, cluster: ClusterName, identity: Text) {
        self.identities.insert(cluster, identity);
    }
}

/// News of one part of an order that wait for the loop: its attempts, at most.
const NEWS_MAX: usize = 32;

/// What a part of an order works with, owned by its task.
struct Hands {
    executor: KubeExecutor,
    audit: AuditFile,
    clock: Clock,
    identity: Option<Text>,
    news: mpsc::Sender<News>,
}

impl Hands {
    const fn crew(&self) -> Crew<'_, KubeExecutor, AuditFile> {
        Crew {
            executor: &self.executor,
            audit: &self.audit,
            clock: &self.clock,
            identity: self.identity.as_ref(),
        }
    }
}

/// Whose question it is; the record is nobody's.
const fn cluster_of(query: &Query) -> Option<&ClusterName> {
    match query {
        Query::Compare(pair)
        | Query::Charts { pair, .. }
        | Query::Look { pair, .. }
        | Query::Templates(pair) => Some(&pair.target.cluster),
        Query::Log { cluster, .. } | Query::Past { cluster, .. } => Some(cluster),
        Query::Yaml(target) | Query::Scrape { target, .. } => Some(&target.cluster),
        Query::Record => None,
    }
}

/// Reads the audit files on a thread of its own: a disk may hang.
async fn recorded(folder: Option<Arc<Path>>, clock: Clock) -> Answer {
    let Some(folder) = folder else { return Answer::Failed(Trouble::NotConfigured) };
    let read = tokio::task::spawn_blocking(move || audit_deeds::newest(&folder));
    match read.await {
        Ok(Ok(deeds)) => Answer::Record(Observed::new(deeds, clock())),
        Ok(Err(error)) => {
            Answer::Failed(Trouble::Config(Text::clean(&format!("the audit folder: {error}"))))
        }
        Err(_panicked_or_cancelled) => {
            Answer::Failed(Trouble::Lost(Text::clean("the reading of the record ended early")))
        }
    }
}

async fn ask(kube: Option<Cluster>, prometheus: Option<Prometheus>, query: Query) -> Answer {
    let missing = Answer::Failed(Trouble::NotConfigured);
    match &query {
        Query::Compare(_) | Query::Charts { .. } | Query::Look { .. } => match prometheus {
            Some(prometheus) => prometheus.answer(&query).await,
            None => missing,
        },
        Query::Scrape { .. }
        | Query::Log { .. }
        | Query::Yaml(_)
        | Query::Templates(_)
        | Query::Past { .. } => match kube {
            Some(cluster) => query::answer(&cluster, &query).await,
            None => missing,
        },
        Query::Record => missing,
    }
}
