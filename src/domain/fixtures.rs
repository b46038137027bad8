//! Workloads for tests: one shop, small words, everything overridable.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::bounds::Bounds;
use crate::domain::detail::Detail;
use crate::domain::experiment::{Experiment, ExperimentTemplate};
use crate::domain::flagger::{
    Analysis, Flagger, FlaggerSpec, FlaggerStatus, Phase, Route, RouteKind, Target, TargetSeen,
};
use crate::domain::ids::{
    ClusterName, Generation, Name, Namespace, PodHash, ResourceVersion, Revision, Uid,
    WorkloadKind, WorkloadRef,
};
use crate::domain::observed::Timestamp;
use crate::domain::owner::{Owner, OwnerTool};
use crate::domain::part::{Part, PartFacts, PartKind, PartRef};
use crate::domain::rollout::{
    BlueGreenSpec, Hashes, PauseCondition, Rollout, RolloutSpec, RolloutStatus, RunPhase,
    RunStatus, Selectors, Step, TrafficSpec, Weights, WorkloadSource,
};
use crate::domain::text::Text;
use crate::domain::workload::{
    Build, Condition, ConditionStatus, Controller, DaemonSetFacts, Deployer, DeploymentConfigFacts,
    DeploymentFacts, Image, ObjectMeta, ReplicaCounts, ReplicaSet, StatefulSetFacts, Strategy,
    Triggers, Workload,
};

pub(crate) const OLD: &str = "old6";
pub(crate) const STABLE: &str = "stable7";
pub(crate) const NEW: &str = "new8";

pub(crate) fn at(second: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(1_000_000 + second)
}

/// A workload in the making.
#[derive(Clone)]
pub(crate) struct Make(pub Workload);

/// A canary by a router, in flight from revision 7 to 8, at its second step of six (a human pause), waiting there.
pub(crate) fn canary() -> Make {
    let status = RolloutStatus {
        phase: Some(Text::from("Paused")),
        observed_generation: Some(Text::from("12")),
        hashes: hashes(NEW, STABLE),
        step_index: Some(1),
        weights: Some(Weights { canary: 20, stable: 80, verified: None }),
        ..RolloutStatus::default()
    };
    let spec = RolloutSpec {
        steps: Arc::from([
            Step::SetWeight(20),
            Step::Pause(None),
            Step::SetWeight(50),
            Step::Analysis(Arc::from([Name::new("errors")])),
            Step::Pause(Some(Duration::from_secs(10))),
            Step::SetWeight(80),
        ]),
        traffic: TrafficSpec { routed: true, ..TrafficSpec::default() },
        abort_scale_down_delay: Some(Duration::from_secs(30)),
        ..RolloutSpec::default()
    };
    rollout(Strategy::Canary, spec, status).waiting(&["CanaryPauseStep"])
}

/// The same without a router.
pub(crate) fn by_pods() -> Make {
    canary().edit(|rollout| {
        rollout.spec.traffic.routed = false;
        rollout.status.weights = None;
    })
}

/// A blue-green in flight from revision 7 to 8, a human before the switch.
pub(crate) fn blue_green() -> Make {
    let status = RolloutStatus {
        phase: Some(Text::from("Paused")),
        observed_generation: Some(Text::from("12")),
        hashes: hashes(NEW, STABLE),
        selectors: Selectors {
            active: Some(PodHash::new(STABLE)),
            preview: Some(PodHash::new(NEW)),
        },
        ..RolloutStatus::default()
    };
    let spec = RolloutSpec {
        blue_green: Some(BlueGreenSpec::default()),
        abort_scale_down_delay: Some(Duration::from_secs(30)),
        ..RolloutSpec::default()
    };
    rollout(Strategy::BlueGreen, spec, status).waiting(&["BlueGreenPause"])
}

/// A Deployment at revision 8, rolled out.
pub(crate) fn deployment() -> Make {
    let facts = DeploymentFacts {
        observed_generation: Some(Generation(12)),
        current_hash: Some(PodHash::new(NEW)),
        revision: Some(Revision(8)),
        ..DeploymentFacts::default()
    };
    let counts = ReplicaCounts {
        desired: Some(4),
        current: Some(4),
        updated: Some(4),
        ready: Some(4),
        available: Some(4),
    };
    let mut made =
        workload(WorkloadKind::Deployment, Strategy::RollingUpdate, Controller::Deployment(facts));
    made.0.replicas = counts;
    made
}

/// A StatefulSet of three pods, rolled out, with this partition.
pub(crate) fn stateful_set(partition: u32) -> Make {
    let facts = StatefulSetFacts {
        observed_generation: Some(Generation(12)),
        partition: Some(partition),
        is_ordered: true,
        held_from: None,
        current: Some(PodHash::new(NEW)),
        wanted: Some(PodHash::new(NEW)),
    };
    let controller = Controller::StatefulSet(facts);
    three(workload(WorkloadKind::StatefulSet, Strategy::RollingUpdate, controller))
}

/// A DaemonSet on three nodes, rolled out.
pub(crate) fn daemon_set() -> Make {
    let facts = DaemonSetFacts {
        observed_generation: Some(Generation(12)),
        wanted: Some(PodHash::new(NEW)),
        held: false,
        misscheduled: Some(0),
    };
    three(workload(WorkloadKind::DaemonSet, Strategy::RollingUpdate, Controller::DaemonSet(facts)))
}

/// A DeploymentConfig of four pods whose newest deployer is in this phase, with this reason of `Progressing`.
pub(crate) fn deployment_config(phase: &str, reason: &str) -> Make {
    let facts = DeploymentConfigFacts {
        observed_generation: Some(Generation(12)),
        latest: Some(Revision(8)),
        current: Some(PodHash::new(NEW)),
        triggers: Triggers { config: true, image: false },
        ..DeploymentConfigFacts::default()
    };
    let controller = Controller::DeploymentConfig(facts);
    let kind = WorkloadKind::DeploymentConfig;
    let mut made = workload(kind, Strategy::RollingUpdate, controller);
    made.0.replicas = deployment().0.replicas;
    let mut sets = made.0.revisions.to_vec();
    for (place, set) in sets.iter_mut().enumerate() {
        let phase = Text::from(if place == 0 { phase } else { "Complete" });
        set.deployer = Some(Deployer { phase, reason: None });
    }
    made.0.revisions = sets.into();
    let mut made = made.condition("Progressing", reason);
    let mut said = made.0.conditions[0].clone();
    said.message = Text::from(reason);
    made.0.conditions = [said].into();
    made
}

/// An Experiment of two versions that runs since second 900 until somebody ends it.
pub(crate) fn experiment() -> Make {
    let template = |name: &str, image: &str| ExperimentTemplate {
        name: Name::new(name),
        image: Some(Text::from(image)),
        desired: Some(2),
        available: Some(2),
        status: Some(Text::from("Running")),
        since: Some(at(900)),
        ..ExperimentTemplate::default()
    };
    let facts = Experiment {
        phase: Some(RunPhase::Running),
        available_at: Some(at(900)),
        templates: [template("baseline", "web:7"), template("canary", "web:8")].into(),
        ..Experiment::default()
    };
    let controller = Controller::Experiment(Box::new(facts));
    let mut made = workload(WorkloadKind::Experiment, Strategy::Unknown, controller);
    let all = Some(4);
    made.0.replicas =
        ReplicaCounts { desired: all, current: all, updated: all, ready: all, available: all };
    made.0.revisions = [].into();
    made
}

fn three(mut made: Make) -> Make {
    let all = Some(3);
    made.0.replicas =
        ReplicaCounts { desired: all, current: all, updated: all, ready: all, available: all };
    made
}

fn rollout(strategy: Strategy, spec: RolloutSpec, status: RolloutStatus) -> Make {
    let controller = Controller::Argo(Box::new(Rollout { spec, status, routers: Arc::from([]) }));
    workload(WorkloadKind::Rollout, strategy, controller)
}

fn workload(kind: WorkloadKind, strategy: Strategy, controller: Controller) -> Make {
    Make(Workload {
        target: WorkloadRef {
            cluster: ClusterName::new("east"),
            namespace: Namespace::new("shop"),
            kind,
            name: Name::new("web"),
        },
        meta: ObjectMeta {
            uid: Uid::new("u-1"),
            resource_version: ResourceVersion::new("500"),
            generation: Generation(12),
            created: Some(at(0)),
            deleting: None,
            hands: [].into(),
        },
        strategy,
        replicas: ReplicaCounts {
            desired: Some(4),
            available: Some(5),
            ..ReplicaCounts::default()
        },
        controller,
        conditions: Arc::from([]),
        revisions: Arc::from([set(8, NEW, 80, 1), set(7, STABLE, 70, 4), set(6, OLD, 60, 0)]),
        part_of: None,
        owner: None,
        build: Build::default(),
        oddities: Arc::from([]),
        seen_at: at(1_000),
    })
}

pub(crate) fn set(revision: u64, hash: &str, created: u64, pods: u32) -> ReplicaSet {
    ReplicaSet {
        name: Name::new(&format!("web-{hash}")),
        uid: Uid::new(&format!("rs-{hash}")),
        hash: Some(PodHash::new(hash)),
        revision: Some(Revision(revision)),
        created: Some(at(created)),
        replicas: ReplicaCounts {
            desired: Some(pods),
            current: Some(pods),
            updated: None,
            ready: Some(pods),
            available: Some(pods),
        },
        images: Arc::from([Image {
            container: Name::new("web"),
            image: Text::clean(&format!("registry/web:{revision}.0")),
            digest: None,
        }]),
        scale_down_at: None,
        build: Build::default(),
        failure: None,
        deployer: None,
    }
}

pub(crate) fn hashes(current: &str, stable: &str) -> Hashes {
    Hashes { current: Some(PodHash::new(current)), stable: Some(PodHash::new(stable)) }
}

pub(crate) fn run(name: &str, phase: RunPhase) -> RunStatus {
    RunStatus { name: Name::new(name), phase, message: None }
}

impl Make {
    pub(crate) fn edit(mut self, change: impl FnOnce(&mut Rollout)) -> Self {
        match &mut self.0.controller {
            Controller::Argo(rollout) => change(rollout),
            Controller::Flagger(_)
            | Controller::Deployment(_)
            | Controller::StatefulSet(_)
            | Controller::DaemonSet(_)
            | Controller::DeploymentConfig(_)
            | Controller::Experiment(_) => panic!("no Rollout"),
        }
        self
    }

    pub(crate) fn facts(mut self, change: impl FnOnce(&mut DeploymentFacts)) -> Self {
        match &mut self.0.controller {
            Controller::Deployment(facts) => change(facts),
            Controller::Argo(_)
            | Controller::Flagger(_)
            | Controller::StatefulSet(_)
            | Controller::DaemonSet(_)
            | Controller::DeploymentConfig(_)
            | Controller::Experiment(_) => panic!("no Deployment"),
        }
        self
    }

    pub(crate) fn waiting(self, reasons: &[&str]) -> Self {
        self.edit(|rollout| {
            rollout.status.flags.controller_pause = !reasons.is_empty();
            rollout.status.pauses = reasons
                .iter()
                .map(|reason| PauseCondition { reason: Text::from(*reason), since: Some(at(900)) })
                .collect();
        })
    }

    pub(crate) fn at_step(self, index: u32) -> Self {
        self.edit(|rollout| rollout.status.step_index = Some(index))
    }

    pub(crate) fn hand_paused(mut self) -> Self {
        match &mut self.0.controller {
            Controller::Argo(rollout) => rollout.spec.paused = true,
            Controller::Flagger(flagger) => flagger.spec.suspend = true,
            Controller::Deployment(facts) => facts.paused = true,
            Controller::DeploymentConfig(facts) => facts.paused = true,
            Controller::StatefulSet(facts) => {
                facts.held_from = facts.partition;
                facts.partition = self.0.replicas.desired;
            }
            Controller::DaemonSet(facts) => {
                facts.held = true;
                self.0.strategy = Strategy::OnDelete;
            }
            Controller::Experiment(_) => panic!("it has no pause"),
        }
        self
    }

    pub(crate) fn aborted(self) -> Self {
        self.edit(|rollout| {
            rollout.status.flags.abort = true;
            rollout.status.flags.aborted_at = Some(at(950));
            rollout.status.phase = Some(Text::from("Degraded"));
        })
        .condition("Progressing", "RolloutAborted")
    }

    pub(crate) fn unobserved(mut self) -> Self {
        self.0.meta.generation = Generation(self.0.meta.generation.0 + 1);
        self
    }

    pub(crate) fn switched(self) -> Self {
        self.edit(|rollout| rollout.status.selectors.active = Some(PodHash::new(NEW)))
    }

    /// Nothing in flight: revision 8 is stable.
    pub(crate) fn settled(self) -> Self {
        self.waiting(&[]).edit(|rollout| {
            rollout.status.hashes = hashes(NEW, NEW);
            rollout.status.phase = Some(Text::from("Healthy"));
            rollout.status.step_index = Some(u32::try_from(rollout.spec.steps.len()).unwrap());
            rollout.status.weights =
                rollout.status.weights.map(|_| Weights { canary: 0, stable: 100, verified: None });
            if rollout.spec.blue_green.is_some() {
                rollout.status.selectors.active = Some(PodHash::new(NEW));
            }
        })
    }

    /// The template lives in Deployment `web-template`.
    pub(crate) fn elsewhere(self, kind: &str) -> Self {
        self.edit(|rollout| {
            rollout.spec.workload_ref = Some(WorkloadSource {
                kind: Text::from(kind),
                name: Name::new("web-template"),
                generation: Some(3),
            });
            rollout.status.workload_observed_generation = Some(Text::from("3"));
        })
    }

    pub(crate) fn owned_by(mut self, tool: OwnerTool) -> Self {
        self.0.owner = Some(Owner::signed(tool, Text::from("shop")));
        self
    }

    pub(crate) fn sets(mut self, sets: Vec<ReplicaSet>) -> Self {
        self.0.revisions = sets.into();
        self
    }

    pub(crate) fn condition(mut self, kind: &str, reason: &str) -> Self {
        self.0.conditions = Arc::from([Condition {
            kind: Text::from(kind),
            status: ConditionStatus::Unknown,
            reason: Text::from(reason),
            message: Text::default(),
            since: None,
            updated: None,
        }]);
        self
    }

    pub(crate) fn version(mut self, version: &str) -> Self {
        self.0.meta.resource_version = ResourceVersion::new(version);
        self
    }
}

/// The parts of a workload of which only what bounds its pods is known.
pub(crate) fn bounded(made: &Make, bounds: Bounds) -> Detail {
    Detail {
        target: made.0.target.clone(),
        pods: Arc::default(),
        pods_left_out: 0,
        runs: Arc::default(),
        events: Arc::default(),
        bounds,
        missing: Arc::default(),
        seen_at: at(0),
    }
}

/// Flagger's canary by an HTTPRoute in this phase, 10 to 50 % in steps of 10, at 20 %; the primary is `STABLE`.
pub(crate) fn flagger(phase: Phase) -> Make {
    let spec = FlaggerSpec {
        target: Target { kind: Text::from("Deployment"), name: Name::new("web") },
        provider: Some(Text::from("gatewayapi:v1")),
        service: Name::new("web"),
        analysis: Analysis {
            interval: Duration::from_secs(10),
            threshold: 2,
            weights: [10, 20, 30, 40, 50].into(),
            ..Analysis::default()
        },
        progress_deadline: Duration::from_mins(2),
        ..FlaggerSpec::default()
    };
    let status = FlaggerStatus {
        phase,
        weight: if phase == Phase::Progressing { 20 } else { 0 },
        last_transition: Some(at(990)),
        applied: Some(Text::from("new")),
        promoted: Some(Text::from("old")),
        ..FlaggerStatus::default()
    };
    let canary = if phase.is_running() { 20 } else { 0 };
    let kind = RouteKind::HttpRoute;
    let route = Route { kind, name: Name::new("web"), canary, primary: 100 - canary, total: 100 };
    let (candidate, primary) = (Some(PodHash::new(NEW)), Some(PodHash::new(STABLE)));
    let facts =
        Flagger { spec, status, candidate, primary, route: Some(route), target: TargetSeen::Yes };
    let controller = Controller::Flagger(Box::new(facts));
    workload(WorkloadKind::Canary, Strategy::Canary, controller)
}

impl Make {
    /// Changes what Flagger says.
    pub(crate) fn canary(mut self, change: impl FnOnce(&mut Flagger)) -> Self {
        if let Controller::Flagger(flagger) = &mut self.0.controller {
            change(flagger);
        }
        self
    }
}

/// An object that decides over releases, in the cluster and namespace given.
pub(crate) fn owner_part(
    (cluster, namespace, name): (&str, &str, &str),
    kind: PartKind,
    facts: PartFacts,
) -> Arc<Part> {
    Arc::new(Part {
        target: PartRef {
            cluster: ClusterName::new(cluster),
            namespace: Namespace::new(namespace),
            kind,
            name: Name::new(name),
        },
        meta: canary().0.meta,
        observed: None,
        facts,
        conditions: Arc::default(),
        owner: None,
        oddities: Arc::default(),
        seen_at: at(0),
    })
}
