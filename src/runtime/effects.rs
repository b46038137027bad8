//! Starts effects as tasks and answers for each of them exactly once: on success, on error, on a time limit, on a
//! panic. Nothing here is awaited by the loop.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::perform::{self, Crew};
use crate::app::event::{Effect, Event};
use crate::backends::audit_file::AuditFile;
use crate::backends::kube::cluster::{Clock, Cluster};
use crate::backends::kube::execute::KubeExecutor;
use crate::backends::kube::{follow, query};
use crate::backends::prometheus::Prometheus;
use crate::control::audit::AuditRecord;
use crate::control::clearance::Clearance;
use crate::control::order::OrderNews;
use crate::control::plan::Plan;
use crate::control::ports::{AuditLog, Executor};
use crate::domain::feed::{Answer, Feed, Query, Scope, SourceId, Trouble};
use crate::domain::ids::{ClusterName, OrderId, QueryId};
use crate::domain::observed::Observed;
use crate::domain::text::Text;

/// Longest time that a query may take, whatever its backend promises.
const QUERY_TIME_MAX: Duration = Duration::from_secs(15);

/// Longest time of a rehearsal: a read, reviews and dry runs of at most three writes.
const REHEARSAL_TIME_MAX: Duration = Duration::from_secs(12);

/// How long the program waits at its end for deeds on their way to be answered and recorded.
const FAREWELL_TIME_MAX: Duration = Duration::from_secs(12);

/// What effects act on.
pub struct Backends {
    /// The clusters, by name.
    pub clusters: BTreeMap<ClusterName, Cluster>,
    /// Their Prometheus, where there is one.
    pub prometheus: BTreeMap<ClusterName, Prometheus>,
    /// The file of deeds.
    pub audit: Arc<AuditFile>,
    /// The clock.
    pub clock: Clock,
}

/// News of a source on its way to the loop.
pub type FeedSender = mpsc::Sender<(SourceId, Observed<Feed>)>;

/// Starts effects.
pub(super) struct Runner {
    backends: Backends,
    scopes: BTreeMap<ClusterName, watch::Sender<BTreeSet<Scope>>>,
    answers: mpsc::Sender<Event>,
    sources: JoinSet<()>,
    tasks: JoinSet<()>,
}

impl Runner {
    /// Starts following every cluster.
    pub(super) fn start(backends: Backends, feeds: &FeedSender, answers: mpsc::Sender<Event>) -> Self {
        let mut sources = JoinSet::new();
        let mut scopes = BTreeMap::new();
        for (name, cluster) in &backends.clusters {
            let (sender, receiver) = watch::channel(BTreeSet::new());
            scopes.insert(name.clone(), sender);
            sources.spawn(follow::follow(cluster.clone(), receiver, feeds.clone()));
        }
        Self { backends, scopes, answers, sources, tasks: JoinSet::new() }
    }

    /// Starts one effect. Effects that only a front can do are not for here; they come back.
    pub(super) fn run(&mut self, effect: Effect) -> Option<Effect> {
        while self.tasks.try_join_next().is_some() {}
        match effect {
            Effect::Follow(cluster, scopes) => {
                if let Some(sender) = self.scopes.get(&cluster) {
                    sender.send_replace(scopes);
                }
            }
            Effect::Query(id, query) => self.query(id, query),
            Effect::Rehearse(plan) => self.rehearse(*plan),
            Effect::Execute(clearance) => self.execute(*clearance),
            Effect::Record(record) => self.record(*record),
            Effect::Announce(announcement) => self.announce(*announcement),
            Effect::Reconnect(cluster) => {
                if let Some(cluster) = self.backends.clusters.get(&cluster) {
                    cluster.reconnect();
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
    pub(super) async fn farewell(mut self) {
        let rest = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(FAREWELL_TIME_MAX, rest).await;
        self.sources.shutdown().await;
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
        let cluster = cluster_of(&query).clone();
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

    fn rehearse(&mut self, plan: Plan) {
        let id = plan.id.clone();
        let failed = |why| OrderNews::Rehearsed(Err(why));
        let lost = failed(Trouble::Lost(Text::clean("the rehearsal ended early")));
        let executor = self.executor(&plan.target.cluster);
        self.spawn(Event::Order(id.clone(), lost), async move {
            let Some(executor) = executor else {
                return Event::Order(id, failed(Trouble::NotConfigured));
            };
            let answer = tokio::time::timeout(REHEARSAL_TIME_MAX, executor.rehearse(&plan)).await;
            let late = Err(Trouble::TimedOut { after: REHEARSAL_TIME_MAX });
            Event::Order(id, OrderNews::Rehearsed(answer.unwrap_or(late).map(Box::new)))
        });
    }

    fn execute(&mut self, clearance: Clearance) {
        let id = clearance.plan().id.clone();
        let cluster = clearance.plan().target.cluster.clone();
        let Some(executor) = self.executor(&cluster) else { return };
        let crew = Crew {
            executor: Arc::new(executor),
            audit: self.backends.audit.clone(),
            clock: self.backends.clock.clone(),
        };
        let answers = self.answers.clone();
        self.tasks.spawn(async move {
            let (sender, mut news) = mpsc::channel::<OrderNews>(16);
            let deed = tokio::spawn(perform::perform(crew, clearance, sender));
            while let Some(news) = news.recv().await {
                let _ = answers.send(Event::Order(id.clone(), news)).await;
            }
            let _ = deed.await;
        });
    }

    fn record(&mut self, record: AuditRecord) {
        let audit = self.backends.audit.clone();
        let answers = self.answers.clone();
        let id = record.order.clone();
        self.tasks.spawn(async move {
            let written = tokio::spawn(async move { audit.append(record).await }).await;
            let why = match written {
                Ok(Ok(())) => return,
                Ok(Err(why)) => why,
                Err(_panicked) => Text::clean("the recorder ended early"),
            };
            let _ = answers.send(Event::Order(id, OrderNews::NotRecorded(why))).await;
        });
    }

    fn announce(&mut self, announcement: crate::app::event::Announcement) {
        let Some(executor) = self.executor(&announcement.target.cluster) else { return };
        let answers = self.answers.clone();
        self.tasks.spawn(async move {
            if let Err(why) = executor.announce(&announcement).await {
                let text = format!("no Event on {}: {why}", announcement.target);
                let _ = answers.send(Event::Told(Err(Text::clean(&text)))).await;
            }
        });
    }
}

const fn cluster_of(query: &Query) -> &ClusterName {
    match query {
        Query::Compare(pair) | Query::Charts { pair, .. } | Query::Templates(pair) => {
            &pair.target.cluster
        }
        Query::Log { cluster, .. } => cluster,
        Query::Yaml(target) => &target.cluster,
    }
}

async fn ask(kube: Option<Cluster>, prometheus: Option<Prometheus>, query: Query) -> Answer {
    let missing = Answer::Failed(Trouble::NotConfigured);
    match &query {
        Query::Compare(_) | Query::Charts { .. } => match prometheus {
            Some(prometheus) => prometheus.answer(&query).await,
            None => missing,
        },
        Query::Log { .. } | Query::Yaml(_) | Query::Templates(_) => match kube {
            Some(cluster) => query::answer(&cluster, &query).await,
            None => missing,
        },
    }
}

/// For the orders of a program that ends: names of those that are on their way.
pub(super) fn on_their_way(state: &crate::app::state::State) -> Vec<OrderId> {
    state.orders().iter().filter(|order| !order.is_over()).map(|order| order.id().clone()).collect()
}
