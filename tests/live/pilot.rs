//! Us: one cluster followed, and deeds carried out end to end as the program does it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pilothouse::backends::audit_file::{AuditFile, Who};
use pilothouse::backends::audit_read;
use pilothouse::backends::kube::cluster::Cluster;
use pilothouse::backends::kube::execute::KubeExecutor;
use pilothouse::backends::kube::follow::follow;
use pilothouse::backends::kube::kubeconfig::{Contexts, Environment, Wanted, contexts};
use pilothouse::backends::kube::resource::Resource;
use pilothouse::control::action::Action;
use pilothouse::control::check::{
    Arming, CheckId, Confirmation, Evidence, Mode, Refusal, Rehearsed,
};
use pilothouse::control::clearance::clear;
use pilothouse::control::footing::Footing;
use pilothouse::control::order::{Order, OrderNews, OrderState, Outcome};
use pilothouse::control::order_machine::{self, Facts, Known, advance, begin, look};
use pilothouse::control::plan::{Plan, PlanContext, Rehearsal, plan};
use pilothouse::control::ports::Executor;
use pilothouse::domain::detail::Detail;
use pilothouse::domain::feed::{Feed, Scope, SourceId};
use pilothouse::domain::ids::{Name, Namespace, OrderId, WorkloadKind, WorkloadRef};
use pilothouse::domain::observed::{Clock, Observed, Timestamp};
use pilothouse::domain::text::Text;
use pilothouse::domain::workload::Workload;
use pilothouse::runtime::perform::{Crew, News, conclude, perform, rehearse};
use tokio::sync::{mpsc, watch};

use super::plane::{PATIENCE, Plane};

pub(crate) struct Pilot {
    cluster: Cluster,
    executor: KubeExecutor,
    audit: AuditFile,
    folder: tempfile::TempDir,
    clock: Clock,
    namespace: Namespace,
    known: BTreeMap<WorkloadRef, Workload>,
    gone: BTreeSet<WorkloadRef>,
    proven_at: Option<Timestamp>,
    detail: Option<Box<Detail>>,
    scopes: watch::Sender<BTreeSet<Scope>>,
    feeds: mpsc::Receiver<(SourceId, Observed<Feed>)>,
    news: (mpsc::Sender<News>, mpsc::Receiver<News>),
    orders: u32,
}

impl Pilot {
    /// Follows the plane's namespace as this context.
    pub(crate) fn start(plane: &Plane, context: &str) -> Self {
        let wanted = Wanted {
            contexts: Contexts::Named(vec![context.to_owned()]),
            namespaces: vec![Namespace::new(&plane.namespace)],
            environment: Environment::read(),
            ..Wanted::default()
        };
        let spec = contexts(&wanted).unwrap().remove(0);
        let clock: Clock = Arc::new(Timestamp::now);
        let cluster = Cluster::new(spec, Arc::clone(&clock));
        let (say, feeds) = mpsc::channel(1_024);
        let (open, scopes) = watch::channel(BTreeSet::new());
        tokio::spawn(follow(cluster.clone(), scopes, say));
        let folder = tempfile::tempdir().unwrap();
        let who = Who {
            os_user: Text::from("tester"),
            host: Text::from("here"),
            ssh_from: None,
            pid: std::process::id(),
        };
        Self {
            executor: KubeExecutor::new(cluster.clone()),
            cluster,
            audit: AuditFile::open(folder.path(), who, Arc::clone(&clock)).unwrap(),
            folder,
            clock,
            namespace: Namespace::new(&plane.namespace),
            known: BTreeMap::new(),
            gone: BTreeSet::new(),
            proven_at: None,
            detail: None,
            scopes: open,
            feeds,
            news: mpsc::channel(256),
            orders: 0,
        }
    }

    pub(crate) fn target(&self, kind: WorkloadKind, name: &str) -> WorkloadRef {
        WorkloadRef {
            cluster: self.cluster.name().clone(),
            namespace: self.namespace.clone(),
            kind,
            name: Name::new(name),
        }
    }

    pub(crate) fn rollout(&self, name: &str) -> WorkloadRef {
        self.target(WorkloadKind::Rollout, name)
    }

    fn take(&mut self, feed: Observed<Feed>) -> Option<News> {
        if matches!(feed.value, Feed::Changed(_) | Feed::Removed(_) | Feed::Synced | Feed::Beat) {
            self.proven_at = Some(feed.at);
        }
        match feed.value {
            Feed::Changed(workloads) => {
                for workload in workloads {
                    self.gone.remove(&workload.target);
                    self.known.insert(workload.target.clone(), workload);
                }
                None
            }
            Feed::Removed(targets) => {
                for target in targets {
                    self.known.remove(&target);
                    self.gone.insert(target);
                }
                None
            }
            Feed::Sighting(id, sighting) => Some((id, OrderNews::Sighted(sighting))),
            Feed::Detail(detail) => {
                self.detail = Some(detail);
                None
            }
            Feed::Synced
            | Feed::Health(_)
            | Feed::Beat
            | Feed::Owners(_)
            | Feed::OwnersRead(..)
            | Feed::Identity(_) => None,
        }
    }

    /// Waits until our own facts are as `is_so` wants them.
    pub(crate) async fn until(&mut self, target: &WorkloadRef, is_so: impl Fn(&Workload) -> bool) {
        let start = Instant::now();
        while !self.known.get(target).is_some_and(&is_so) {
            let left = PATIENCE.saturating_sub(start.elapsed());
            let heard = tokio::time::timeout(left, self.feeds.recv()).await;
            let Ok(Some((_, feed))) = heard else {
                panic!("{target} stays {:#?}", self.known.get(target));
            };
            self.take(feed);
        }
    }

    /// Follows the pods of a workload until they are as `is_so` wants them.
    pub(crate) async fn open(&mut self, target: &WorkloadRef, is_so: impl Fn(&Detail) -> bool) {
        self.scopes.send(BTreeSet::from([Scope::Detail(target.clone())])).unwrap();
        let start = Instant::now();
        while !self.detail.as_deref().is_some_and(&is_so) {
            let left = PATIENCE.saturating_sub(start.elapsed());
            let heard = tokio::time::timeout(left, self.feeds.recv()).await;
            let Ok(Some((_, feed))) = heard else { panic!("{target} stays {:#?}", self.detail) };
            self.take(feed);
        }
    }

    /// Waits until we know what the server knows.
    pub(crate) async fn caught_up(&mut self, plane: &Plane, target: &WorkloadRef) {
        let collection = Resource::of(target.kind).plural;
        let object = plane.get(collection, target.name.as_str()).await;
        let version: u64 = object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap();
        self.until(target, |it| {
            it.meta.resource_version.as_str().parse::<u64>().unwrap() >= version
        })
        .await;
    }

    pub(crate) fn plan(
        &mut self,
        action: Action,
        target: &WorkloadRef,
    ) -> Result<Plan, Vec<Refusal>> {
        self.orders += 1;
        let id = format!("o-{}-{}", std::process::id(), self.orders);
        let id = format!("{id}-{}", self.namespace);
        let mut context =
            PlanContext::new((self.clock)(), OrderId::new(&id), Text::from("a live test"));
        context.detail = self.detail.as_deref();
        plan(action, &self.known[target], &context)
    }

    /// The whole way: plan, rehearse, clear, send, follow, conclude.
    pub(crate) async fn deed(&mut self, action: Action, target: &WorkloadRef) -> Order {
        let plan = self.plan(action, target).unwrap_or_else(|it| panic!("{action}: {it:?}"));
        self.carry_out(plan).await
    }

    pub(crate) async fn carry_out(&mut self, plan: Plan) -> Order {
        let mut order = self.send(plan).await;
        let start = Instant::now();
        while !order.is_over() {
            self.step(&mut order).await;
            assert!(start.elapsed() < PATIENCE, "{order:#?}");
        }
        order
    }

    /// What the server says to a plan beforehand.
    pub(crate) async fn rehearsal(&self, plan: &Plan) -> Rehearsal {
        self.executor.rehearse(plan).await.unwrap()
    }

    /// Plans are rehearsed, cleared, sent; the order is then on its way, or over.
    pub(crate) async fn send(&mut self, plan: Plan) -> Order {
        let (clock, sender) = (Arc::clone(&self.clock), self.news.0.clone());
        let mut order = begin(plan.clone(), clock());
        let identity = Text::from("tester");
        let (executor, audit) = (self.executor.clone(), self.audit.clone());
        let crew =
            Crew { executor: &executor, audit: &audit, clock: &clock, identity: Some(&identity) };
        Box::pin(rehearse(&crew, &plan, &sender)).await;
        while !matches!(order.state, OrderState::Rehearsed(_) | OrderState::RehearsalFailed(_)) {
            self.step(&mut order).await;
        }
        let rehearsed = match &order.state {
            OrderState::Rehearsed(rehearsal) => Rehearsed::Answered(rehearsal),
            OrderState::RehearsalFailed(why) => Rehearsed::Failed(why),
            OrderState::Rehearsing
            | OrderState::Sending
            | OrderState::Converging
            | OrderState::Unknown { .. }
            | OrderState::Ended(_) => Rehearsed::Silent,
        };
        let evidence = self.evidence(&plan, order.unrecordable.clone());
        match clear(&plan, rehearsed, &evidence) {
            Err(refusals) => {
                let entries = order_machine::refused(&mut order, refusals, clock());
                let _ = conclude(&crew, &order, entries).await;
            }
            Ok(clearance) => {
                order_machine::sent(&mut order);
                Box::pin(perform(&crew, clearance, &sender)).await;
            }
        }
        order
    }

    fn evidence(&self, plan: &Plan, unrecordable: Option<Text>) -> Evidence {
        Evidence {
            now: (self.clock)(),
            mode: Mode::ReadWrite,
            arming: Arming::Armed,
            facts_at: self.proven_at,
            footing: self.known.get(&plan.target).map(Footing::of),
            confirmation: Confirmation::CommandLine,
            record: unrecordable.map_or(Ok(()), Err),
            overrides: Vec::new(),
            seen: Text::default(),
        }
    }

    /// Takes the next news, or looks at the clock; concludes when the order ends.
    pub(crate) async fn step(&mut self, order: &mut Order) {
        // Nothing may come for a while; deadlines pass all the same.
        let heard = tokio::time::timeout(Duration::from_millis(500), async {
            tokio::select! {
                biased;
                Some(news) = self.news.1.recv() => Some(news),
                Some((_, feed)) = self.feeds.recv() => self.take(feed),
            }
        });
        let news = heard.await.ok().flatten();
        let target = &order.plan.target;
        let workload = match self.known.get(target) {
            Some(workload) => Known::Here(workload),
            None if self.gone.contains(target) => Known::Gone,
            None => Known::NotYet,
        };
        let facts = Facts { workload, proven_at: self.proven_at, now: (self.clock)() };
        let entries = match news {
            Some((id, news)) if id == *order.id() => {
                if std::env::var_os("TALK").is_some() {
                    eprintln!("{} {news:?}", facts.now);
                }
                advance(order, news, &facts)
            }
            Some(_) | None => look(order, &facts),
        };
        if !entries.is_empty() {
            let crew = Crew {
                executor: &self.executor,
                audit: &self.audit,
                clock: &self.clock,
                identity: None,
            };
            let notes = Box::pin(conclude(&crew, order, entries)).await;
            assert!(notes.iter().all(|it| it.as_str().contains("Event")), "{notes:?}");
        }
    }

    /// A deed that must arrive, with as many writes as its plan has.
    pub(crate) async fn arrives(
        &mut self,
        plane: &Plane,
        action: Action,
        target: &WorkloadRef,
    ) -> Order {
        let mut order = None;
        // A controller that moves on between plan and yes is asked about anew, as in the dialog.
        for _ in 0..5 {
            self.caught_up(plane, target).await;
            let done = self.deed(action, target).await;
            let moved = matches!(&done.state, OrderState::Ended(Outcome::Refused(refusals))
                if refusals.iter().all(|it| it.check == CheckId::Footing));
            order = Some(done);
            if !moved {
                break;
            }
        }
        let order = order.unwrap();
        assert_eq!(order.state, OrderState::Ended(Outcome::Arrived), "{order:#?}");
        order
    }

    /// What follows from our own facts.
    pub(crate) fn known<T>(&self, target: &WorkloadRef, ask: impl Fn(&Workload) -> T) -> T {
        ask(&self.known[target])
    }

    /// A deed that the checks must refuse: their words.
    pub(crate) async fn refused(&mut self, action: Action, target: &WorkloadRef) -> Vec<String> {
        let order = self.deed(action, target).await;
        let OrderState::Ended(Outcome::Refused(refusals)) = &order.state else {
            panic!("{order:#?}")
        };
        assert!(order.attempts.is_empty());
        refusals.iter().map(|it| it.why.to_string()).collect()
    }

    /// Our own records are sound.
    pub(crate) fn records_are_sound(&self) -> usize {
        let folder: PathBuf = self.folder.path().to_owned();
        assert!(audit_read::verify(&folder, &[]).unwrap().is_sound());
        audit_read::show(&folder).unwrap().len()
    }
}
