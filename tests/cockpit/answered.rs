//! Invariant 7: every question, rehearsal and execution is answered exactly once, whatever becomes of its task. Here
//! without the machine, so that the answers can be counted.

use std::collections::BTreeMap;
use std::time::Duration;

use pilothouse::app::event::{Effect, Event};
use pilothouse::backends::audit_file::AuditFile;
use pilothouse::control::action::Action;
use pilothouse::control::check::{Arming, Confirmation, Evidence, Mode, Rehearsed};
use pilothouse::control::clearance::clear;
use pilothouse::control::order::{Execution, OrderNews};
use pilothouse::control::plan::{Plan, PlanContext, plan};
use pilothouse::domain::feed::{Answer, Feed, LogLife, Query, RevisionPair, SourceId, Trouble};
use pilothouse::domain::ids::{
    ClusterName, Name, Namespace, OrderId, QueryId, WorkloadKind, WorkloadRef,
};
use pilothouse::domain::observed::{Observed, Timestamp};
use pilothouse::domain::text::Text;
use pilothouse::domain::workload::Workload;
use pilothouse::runtime::effects::Runner;
use pilothouse::sim::shared::Shared;
use pilothouse::sim::world::World;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::yield_now;

use crate::rig::{backends, clock, made, who};
use crate::sabotage::{Harm, Sabotage};

/// Longer than any deadline of an effect.
const ENOUGH: u32 = 200;
const TICK: Duration = Duration::from_millis(250);

/// Effects without a machine.
struct Bench {
    world: Shared,
    sabotage: Sabotage,
    runner: Runner,
    answers: mpsc::Receiver<Event>,
    feeds: mpsc::Receiver<(SourceId, Observed<Feed>)>,
    known: BTreeMap<WorkloadRef, Workload>,
    _folder: TempDir,
}

impl Bench {
    async fn new() -> Self {
        let world = made("canary-errors");
        let sabotage = Sabotage::default();
        let folder = tempfile::tempdir().unwrap();
        let disk = AuditFile::open(folder.path(), who(), clock(&world)).unwrap();
        let backends = backends(&world, &sabotage, disk);
        let (feed, feeds) = mpsc::channel(1_024);
        let (answer, answers) = mpsc::channel(256);
        let runner = Runner::start(backends, &feed, answer);
        let known = BTreeMap::new();
        let mut bench = Self { world, sabotage, runner, answers, feeds, known, _folder: folder };
        bench.pass(8).await;
        bench
    }

    /// Lets time pass; returns what was answered.
    async fn pass(&mut self, ticks: u32) -> Vec<Event> {
        let mut answered = Vec::new();
        for _ in 0..ticks {
            self.world.advance(TICK);
            tokio::time::advance(TICK).await;
            for _ in 0..8 {
                yield_now().await;
            }
            while let Ok((_, seen)) = self.feeds.try_recv() {
                if let Feed::Changed(workloads) = seen.value {
                    let named = workloads.into_iter().map(|it| (it.target.clone(), it));
                    self.known.extend(named);
                }
            }
            while let Ok(event) = self.answers.try_recv() {
                // What earlier sessions left behind is read once, on a thread that no test's clock moves.
                if !matches!(event, Event::Left(_)) {
                    answered.push(event);
                }
            }
        }
        answered
    }

    fn workload(&self) -> &Workload {
        &self.known[&target()]
    }

    fn now(&self) -> Timestamp {
        self.world.look(World::now)
    }

    fn plan(&self) -> Plan {
        let context = PlanContext::new(self.now(), OrderId::new("o-1"), Text::from("a test"));
        plan(Action::Pause, self.workload(), &context).unwrap()
    }

    fn pair(&self) -> RevisionPair {
        let rollout = self.workload().rollout().unwrap();
        let hashes = &rollout.status.hashes;
        RevisionPair {
            target: target(),
            canary: hashes.current.clone(),
            stable: hashes.stable.clone(),
        }
    }

    fn queries(&self) -> Vec<(Query, &'static str)> {
        let (pair, to) = (self.pair(), self.now());
        let from = to - Duration::from_mins(5);
        let pod = self.world.change(|world| {
            let store = &world.cluster("east").unwrap().store;
            let pods = store.list(pilothouse::sim::kind::Kind::Pod, Some("shop"));
            let first = pods.map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).next();
            first.unwrap()
        });
        vec![
            (Query::Compare(pair.clone()), "/api/v1/"),
            (Query::Charts { pair: pair.clone(), from, to, step_seconds: 5 }, "/api/v1/"),
            (Query::Templates(pair), "/replicasets"),
            (
                Query::Past {
                    cluster: ClusterName::new("east"),
                    kinds: [WorkloadKind::Deployment].into(),
                },
                "/events",
            ),
            (Query::Yaml(target()), "/rollouts/web"),
            (log_of(&pod), "/log"),
        ]
    }
}

fn target() -> WorkloadRef {
    WorkloadRef {
        cluster: ClusterName::new("east"),
        namespace: Namespace::new("shop"),
        kind: WorkloadKind::Rollout,
        name: Name::new("web"),
    }
}

fn log_of(pod: &str) -> Query {
    Query::Log {
        cluster: ClusterName::new("east"),
        namespace: Namespace::new("shop"),
        pod: Name::new(pod),
        container: Name::new("app"),
        life: LogLife::Current,
    }
}

/// What is wrong with an effect's task.
const WRONGS: [Option<Harm>; 3] = [None, Some(Harm::Hang), Some(Harm::Panic)];

#[tokio::test(start_paused = true)]
async fn every_query_is_answered_exactly_once_whether_it_works_hangs_or_panics() {
    for wrong in WRONGS {
        let mut bench = Bench::new().await;
        for (number, (query, part)) in (1..).zip(bench.queries()) {
            bench.sabotage.end();
            if let Some(harm) = wrong {
                for method in ["GET", "POST"] {
                    bench.sabotage.harm(method, part, harm);
                }
            }
            let asked = format!("{wrong:?} {query:?}");
            assert_eq!(bench.runner.run(Effect::Query(QueryId(number), query)), None);
            let answered = bench.pass(ENOUGH / 2).await;
            let [Event::Answer(id, answer)] = &answered[..] else { panic!("{asked} {answered:?}") };
            assert_eq!(*id, QueryId(number), "{asked}");
            let fits = match wrong {
                None => !matches!(answer, Answer::Failed(_)),
                Some(_) => matches!(answer, Answer::Failed(_)),
            };
            assert!(fits, "{asked} {answer:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_record_is_read_and_answered_once() {
    let mut bench = Bench::new().await;
    assert_eq!(bench.runner.run(Effect::Query(QueryId(1), Query::Record)), None);
    let mut answered = Vec::new();
    // The files are read on a thread that no test's clock moves.
    while answered.is_empty() {
        tokio::task::spawn_blocking(|| ()).await.unwrap();
        answered.extend(bench.pass(1).await);
    }
    answered.extend(bench.pass(8).await);
    let [Event::Answer(QueryId(1), Answer::Record(deeds))] = &answered[..] else {
        panic!("{answered:?}")
    };
    assert_eq!(deeds.value, []);
}

#[tokio::test(start_paused = true)]
async fn a_query_about_a_cluster_that_is_not_there_is_answered_too() {
    let mut bench = Bench::new().await;
    let elsewhere = WorkloadRef { cluster: ClusterName::new("nowhere"), ..target() };
    let query = Query::Yaml(elsewhere);
    assert_eq!(bench.runner.run(Effect::Query(QueryId(1), query)), None);
    let answered = bench.pass(4).await;
    let missing = Answer::Failed(Trouble::NotConfigured);
    assert_eq!(answered, [Event::Answer(QueryId(1), missing)]);
}

#[tokio::test(start_paused = true)]
async fn every_rehearsal_is_answered_exactly_once_whether_it_works_hangs_or_panics() {
    for wrong in WRONGS {
        for part in ["/rollouts/web", "/selfsubjectaccessreviews", "dryRun"] {
            let mut bench = Bench::new().await;
            if let Some(harm) = wrong {
                for method in ["GET", "POST", "PATCH"] {
                    bench.sabotage.harm(method, part, harm);
                }
            }
            let plan = bench.plan();
            assert_eq!(bench.runner.run(Effect::Rehearse(Box::new(plan))), None);
            let answered = bench.pass(ENOUGH).await;
            let rehearsed =
                |event: &&Event| matches!(event, Event::Order(_, OrderNews::Rehearsed(_)));
            assert_eq!(answered.iter().filter(rehearsed).count(), 1, "{wrong:?} {answered:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_execution_is_answered_exactly_once_whether_it_works_hangs_or_panics() {
    for wrong in WRONGS {
        for (method, part) in [("GET", "/rollouts/web"), ("PATCH", "/rollouts/web?")] {
            let mut bench = Bench::new().await;
            let plan = bench.plan();
            let evidence = Evidence {
                now: bench.now(),
                mode: Mode::ReadWrite,
                arming: Arming::Armed,
                facts_at: Some(bench.now()),
                footing: Some(plan.footing.clone()),
                confirmation: Confirmation::Yes,
                record: Ok(()),
                overrides: Vec::new(),
                seen: Text::default(),
            };
            let clearance = clear(&plan, Rehearsed::Silent, &evidence).unwrap();
            if let Some(harm) = wrong {
                bench.sabotage.harm(method, part, harm);
            }
            assert_eq!(bench.runner.run(Effect::Execute(Box::new(clearance))), None);
            let answered = bench.pass(ENOUGH).await;
            let ends: Vec<&Execution> = answered.iter().filter_map(executed).collect();
            let [end] = &ends[..] else { panic!("{wrong:?} {part} {answered:?}") };
            let fits = match (wrong, method) {
                (None, _) | (Some(Harm::Hang), "GET") => **end == Execution::Accepted,
                (Some(Harm::Panic | Harm::Hang), _) => {
                    matches!(end, Execution::Unknown { write: 0, .. })
                }
            };
            assert!(fits, "{wrong:?} {method} {end:?}");
        }
    }
}

fn executed(event: &Event) -> Option<&Execution> {
    if let Event::Order(_, OrderNews::Executed(execution)) = event { Some(execution) } else { None }
}
