//! One simulated cluster with one Rollout, a controller that only says that it has seen the spec, and us.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use pilothouse::backends::kube::cluster::{Cluster, ClusterSpec};
use pilothouse::backends::kube::execute::KubeExecutor;
use pilothouse::backends::kube::follow::follow;
use pilothouse::control::action::Action;
use pilothouse::control::audit::{AuditEntry, AuditRecord};
use pilothouse::control::check::{Arming, Confirmation, Evidence, Mode, Rehearsed};
use pilothouse::control::clearance::clear;
use pilothouse::control::footing::Footing;
use pilothouse::control::order::{Order, OrderNews, OrderState};
use pilothouse::control::order_machine::{self, Facts, Known, advance, begin, look};
use pilothouse::control::plan::{PlanContext, plan};
use pilothouse::control::ports::AuditLog;
use pilothouse::domain::feed::{Feed, SourceId};
use pilothouse::domain::ids::{ClusterName, Name, Namespace, OrderId, WorkloadKind, WorkloadRef};
use pilothouse::domain::observed::{Clock, Observed, Timestamp};
use pilothouse::domain::text::Text;
use pilothouse::domain::workload::Workload;
use pilothouse::runtime::perform::{Crew, News, conclude, perform, rehearse};
use pilothouse::sim::api::kubernetes::router;
use pilothouse::sim::fault::Fault;
use pilothouse::sim::kind::Kind;
use pilothouse::sim::shared::Shared;
use pilothouse::sim::world::World;
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::time::{Instant, interval, timeout};

const TICK: Duration = Duration::from_millis(100);

/// No order of these tests is on its way for longer.
const PATIENCE: Duration = Duration::from_mins(45);

/// An audit file in memory: a real one has a thread of its own, which a clock that stands still would leave behind.
#[derive(Clone, Default)]
struct Records(Arc<Mutex<Vec<AuditRecord>>>);

impl AuditLog for Records {
    async fn ready(&self) -> Result<(), Text> {
        Ok(())
    }

    async fn append(&self, record: AuditRecord) -> Result<(), Text> {
        self.0.lock().await.push(record);
        Ok(())
    }
}

pub(crate) struct Rig {
    pub(crate) world: Shared,
    cluster: Cluster,
    executor: KubeExecutor,
    audit: Records,
    clock: Clock,
    target: WorkloadRef,
    known: Option<Workload>,
    proven_at: Option<Timestamp>,
    feeds: mpsc::Receiver<(SourceId, Observed<Feed>)>,
    news: (mpsc::Sender<News>, mpsc::Receiver<News>),
}

fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn rollout() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "app", "image": "web:1"}]},
            },
            "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}]}},
        },
        "status": {
            "phase": "Healthy", "observedGeneration": "1", "currentPodHash": "h1", "stableRS": "h1",
            "currentStepIndex": 2,
        },
    })
}

/// The controller as far as a pause needs it: it says which spec it has seen.
fn control(world: &mut World) {
    let store = &mut world.cluster("east").unwrap().store;
    let Some(found) = store.get(Kind::Rollout, "shop", "web") else { return };
    let seen = found["metadata"]["generation"].to_string();
    if found["status"]["observedGeneration"] != seen.as_str() {
        let mut object = found.clone();
        object["status"]["observedGeneration"] = seen.into();
        store.update(Kind::Rollout, object).unwrap();
    }
}

impl Rig {
    pub(crate) async fn new() -> Self {
        let made = |world: &mut World| {
            world.cluster("east").unwrap().store.create(Kind::Rollout, rollout()).unwrap();
        };
        Self::of(World::empty(start(), &["east"]), WorkloadKind::Rollout, made).await
    }

    /// A cluster in which all controllers work, with this made in it; we look at `web` of this kind.
    pub(crate) async fn living(kind: WorkloadKind, made: impl FnOnce(&mut World)) -> Self {
        let world = World::living(start(), &["east"], 7);
        let with_nodes = |world: &mut World| {
            let store = &mut world.cluster("east").unwrap().store;
            for node in ["node-a", "node-b"] {
                store.create(Kind::Node, json!({"metadata": {"name": node}})).unwrap();
            }
            made(world);
        };
        Self::of(world, kind, with_nodes).await
    }

    async fn of(world: World, kind: WorkloadKind, made: impl FnOnce(&mut World)) -> Self {
        let start = start();
        let world = Shared::new(world);
        world.change(|world| {
            let store = &mut world.cluster("east").unwrap().store;
            let shop = json!({"metadata": {"name": "shop"}, "status": {"phase": "Active"}});
            store.create(Kind::Namespace, shop).unwrap();
            made(world);
        });
        let moving = world.clone();
        tokio::spawn(async move {
            let mut ticks = interval(TICK);
            loop {
                ticks.tick().await;
                moving.advance(TICK);
                moving.change(control);
            }
        });
        let began = Instant::now();
        let clock: Clock = Arc::new(move || start + began.elapsed());
        let client = kube::Client::new(router(&world, "east"), "shop");
        let spec = ClusterSpec::mounted(ClusterName::new("east"), client);
        let cluster = Cluster::new(spec, Arc::clone(&clock));
        let (say, feeds) = mpsc::channel(1_024);
        let (_scopes, scopes) = watch::channel(BTreeSet::new());
        tokio::spawn(follow(cluster.clone(), scopes, say));
        let mut rig = Self {
            world,
            executor: KubeExecutor::new(cluster.clone()),
            cluster,
            audit: Records::default(),
            clock,
            target: Self::target(kind),
            known: None,
            proven_at: None,
            feeds,
            news: mpsc::channel(256),
        };
        while rig.known.is_none() {
            let (_, feed) = rig.feeds.recv().await.unwrap();
            rig.take(feed);
        }
        rig
    }

    /// Waits until our own facts are as `is_so` wants them.
    pub(crate) async fn until(&mut self, is_so: impl Fn(&Workload) -> bool) {
        let began = Instant::now();
        while !self.known.as_ref().is_some_and(&is_so) {
            assert!(began.elapsed() < PATIENCE, "stays {:#?}", self.known);
            let heard = timeout(TICK, self.feeds.recv()).await;
            if let Ok(Some((_, feed))) = heard {
                self.take(feed);
            }
        }
    }

    /// Somebody else changes an object.
    pub(crate) fn edit(&self, kind: Kind, name: &str, change: impl FnOnce(&mut Value)) {
        self.world.change(|world| {
            let store = &mut world.cluster("east").unwrap().store;
            let mut object = store.get(kind, "shop", name).unwrap().clone();
            change(&mut object);
            store.update(kind, object).unwrap();
        });
    }

    /// An object as it is now.
    pub(crate) fn get(&self, kind: Kind, name: &str) -> Value {
        self.world.change(|world| {
            let store = &world.cluster("east").unwrap().store;
            store.get(kind, "shop", name).cloned().unwrap_or_default()
        })
    }

    fn plan_fault(&self, fault: Fault) {
        self.world.change(|world| {
            let now = world.now();
            world.cluster("east").unwrap().faults.plan(fault, now);
        });
    }

    /// The writes of ours that reached the server and were no dry run: their statuses.
    pub(crate) fn witnessed(&self) -> Vec<u16> {
        self.world.change(|world| {
            let audit = &world.cluster("east").unwrap().audit;
            let ours = audit.writes().filter(|write| {
                write.verb == "patch"
                    && write.agent.starts_with("pilothouse/")
                    && !write.uri.contains("dryRun=All")
            });
            ours.map(|write| write.code).collect()
        })
    }

    pub(crate) fn object(&self) -> Value {
        self.world.change(|world| {
            let store = &world.cluster("east").unwrap().store;
            store.get(Kind::Rollout, "shop", "web").unwrap().clone()
        })
    }

    fn target(kind: WorkloadKind) -> WorkloadRef {
        WorkloadRef {
            cluster: ClusterName::new("east"),
            namespace: Namespace::new("shop"),
            kind,
            name: Name::new("web"),
        }
    }

    fn take(&mut self, feed: Observed<Feed>) -> Option<News> {
        if matches!(feed.value, Feed::Changed(_) | Feed::Synced | Feed::Beat) {
            self.proven_at = Some(feed.at);
        }
        match feed.value {
            Feed::Changed(workloads) => {
                let mine = workloads.into_iter().rfind(|it| it.target == self.target);
                self.known = mine.or(self.known.take());
                None
            }
            Feed::Sighting(id, sighting) => Some((id, OrderNews::Sighted(sighting))),
            Feed::Removed(_)
            | Feed::Synced
            | Feed::Detail(_)
            | Feed::Health(_)
            | Feed::Beat
            | Feed::Owners(_)
            | Feed::OwnersRead(..)
            | Feed::Identity(_) => None,
        }
    }

    /// Carries a deed out and follows it to its end; the faults begin after it was rehearsed.
    pub(crate) async fn deed(&mut self, action: Action, faults: &[Fault]) -> Order {
        let clock = Arc::clone(&self.clock);
        let context = PlanContext::new(clock(), OrderId::new("o-1"), Text::from("a test"));
        let plan = plan(action, self.known.as_ref().unwrap(), &context).unwrap();
        let mut order = begin(plan.clone(), clock());
        let (executor, audit) = (self.executor.clone(), self.audit.clone());
        let crew = Crew { executor: &executor, audit: &audit, clock: &clock, identity: None };
        let sender = self.news.0.clone();
        Box::pin(rehearse(&crew, &plan, &sender)).await;
        while matches!(order.state, OrderState::Rehearsing) {
            self.step(&mut order).await;
        }
        let OrderState::Rehearsed(rehearsal) = &order.state else { panic!("{order:#?}") };
        let evidence = Evidence {
            now: clock(),
            mode: Mode::ReadWrite,
            arming: Arming::Armed,
            facts_at: self.proven_at,
            footing: self.known.as_ref().map(Footing::of),
            confirmation: Confirmation::CommandLine,
            record: Ok(()),
            overrides: Vec::new(),
            seen: Text::default(),
        };
        let clearance = clear(&plan, Rehearsed::Answered(rehearsal), &evidence).unwrap();
        order_machine::sent(&mut order);
        for fault in faults {
            self.plan_fault(fault.clone());
        }
        let sending = Box::pin(perform(&crew, clearance, &sender));
        // The watch goes on while it is sent, as in the program.
        let mut sending = std::pin::pin!(sending);
        let mut sent = false;
        let start = Instant::now();
        while !order.is_over() {
            tokio::select! {
                biased;
                () = &mut sending, if !sent => sent = true,
                () = self.step(&mut order) => {}
            }
            assert!(start.elapsed() < PATIENCE, "{order:#?}");
        }
        order
    }

    async fn step(&mut self, order: &mut Order) {
        let news = timeout(TICK * 5, async {
            tokio::select! {
                biased;
                Some(news) = self.news.1.recv() => Some(news),
                Some((_, feed)) = self.feeds.recv() => self.take(feed),
            }
        });
        let news = news.await.ok().flatten();
        let workload = self.known.as_ref().map_or(Known::NotYet, Known::Here);
        let facts = Facts { workload, proven_at: self.proven_at, now: (self.clock)() };
        let entries = match news {
            Some((_, news)) => advance(order, news, &facts),
            None => look(order, &facts),
        };
        if !entries.is_empty() {
            let (executor, audit) = (self.executor.clone(), self.audit.clone());
            let clock = Arc::clone(&self.clock);
            let crew = Crew { executor: &executor, audit: &audit, clock: &clock, identity: None };
            Box::pin(conclude(&crew, order, entries)).await;
        }
    }

    /// What was recorded, kind by kind.
    pub(crate) async fn recorded(&self) -> Vec<&'static str> {
        let records = self.audit.0.lock().await;
        let kind = |record: &AuditRecord| match record.entry {
            AuditEntry::Intent { .. } => "intent",
            AuditEntry::Attempt(_) => "attempt",
            AuditEntry::Outcome(_) | AuditEntry::Declined { .. } => "outcome",
            AuditEntry::Note(_) => "note",
        };
        records.iter().map(kind).collect()
    }

    /// The orders whose marks stand in the cluster.
    pub(crate) async fn marks(&self) -> Vec<String> {
        let found = pilothouse::backends::kube::marks::find(&self.cluster).await.unwrap();
        found.iter().map(ToString::to_string).collect()
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.object()["spec"]["paused"] == true
    }

    /// The watch's target is known under this name.
    pub(crate) fn knows_its_target(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.target == self.target)
    }
}
