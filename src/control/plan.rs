//! A plan: what a deed would write, what it stands on, what it would cause, and how one sees that it has arrived.

use std::sync::Arc;
use std::time::Duration;

use super::action::Action;
use super::check::Refusal;
use super::deeds::table;
use super::footing::Footing;
use super::gate_call::{self, GateCall};
use crate::analysis::owner_status::ReactionKind;
use crate::domain::detail::Detail;
use crate::domain::flagger::RouteKind;
use crate::domain::ids::{Name, OrderId, PodHash, WorkloadKind, WorkloadRef};
use crate::domain::observed::Timestamp;
use crate::domain::text::{Block, Text};
use crate::domain::workload::Workload;

/// On a StatefulSet or DaemonSet that was paused: what it was before (the partition, the type of its strategy), for
/// neither has a field of its own for a pause.
pub const HELD_ANNOTATION: &str = "pilothouse.dev/held";

/// What a plan needs beside the workload itself.
#[derive(Clone, Debug)]
pub struct PlanContext<'a> {
    /// Our clock, for deadlines that are near (blue-green's scale-down delay).
    pub now: Timestamp,
    /// The order's name.
    pub id: OrderId,
    /// Why the operator does it.
    pub reason: Text,
    /// Its events and analysis runs, where followed: they tell which revisions were ever fully promoted.
    pub detail: Option<&'a Detail>,
    /// How long the last update took, where it was seen.
    pub last_took: Option<Duration>,
    /// Why the canary is judged worse than stable, where it is.
    pub failing: Option<Text>,
}

impl PlanContext<'_> {
    /// A context that knows nothing of the past.
    #[must_use]
    pub const fn new(now: Timestamp, id: OrderId, reason: Text) -> Self {
        Self { now, id, reason, detail: None, last_took: None, failing: None }
    }
}

/// Thinks a deed through, without doing anything.
///
/// # Errors
/// All reasons why the deed is impossible in this state, each with its remedy.
pub fn plan(
    action: Action,
    workload: &Workload,
    context: &PlanContext<'_>,
) -> Result<Plan, Vec<Refusal>> {
    table::plan(action, workload, context)
}

/// Whether the deed is possible in this state at all, by the same table.
///
/// # Errors
/// Why not, in one sentence.
pub fn possible(action: Action, workload: &Workload) -> Result<(), Text> {
    table::possible(action, workload)
}

/// Whether the workload's way of releasing knows the deed at all, in whatever state, by the same table.
#[must_use]
pub fn exists(action: Action, workload: &Workload) -> bool {
    table::exists(action, workload)
}

/// A deed, thought through and not yet done.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The order's name: it goes into the cluster as a mark.
    pub id: OrderId,
    /// Which deed.
    pub action: Action,
    /// On which workload.
    pub target: WorkloadRef,
    /// What it stands on.
    pub footing: Footing,
    /// From which version to which, in words.
    pub change: Text,
    /// The writes, in order.
    pub writes: Vec<Write>,
    /// What will happen, in sentences.
    pub prediction: Prediction,
    /// The deed that undoes it.
    pub reversal: Option<Action>,
    /// The deed that serves better here, where the controller is known to ignore this one.
    pub instead: Option<Action>,
    /// How one sees that it has arrived.
    pub arrival: Arrival,
    /// When it is called stalled.
    pub deadline: Duration,
    /// Why the operator does it.
    pub reason: Text,
}

/// What will happen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prediction {
    /// The consequence, in one sentence.
    pub effect: Text,
    /// What comes next if nobody does anything, where that is known.
    pub otherwise: Option<Text>,
    /// What else the operator must know before saying yes.
    pub warnings: Arc<[Text]>,
    /// Usual time until it has arrived, where it was measured.
    pub about: Option<Duration>,
    /// In about what time somebody is known to put it back; `None`: nobody is.
    pub undone_in: Option<Duration>,
    /// What the object's owner does about it; `None`: nobody owns what is written.
    pub owner: Option<ReactionKind>,
    /// Why the evidence speaks against it: it moves on a canary that is judged worse than stable.
    pub against: Option<Text>,
}

/// One write of a plan; its values are still symbols where the cluster has to be read first.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// On which object.
    pub object: ObjectRef,
    /// The main resource or a part of it.
    pub subresource: Option<Subresource>,
    /// Which kind of patch.
    pub format: PatchFormat,
    /// What is set.
    pub changes: Vec<Change>,
    /// What is true once it was taken ("the abort is set"), for a deed of which only a half was done.
    pub done: &'static str,
}

/// An object a deed writes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectRef {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its name, in the target's namespace.
    pub name: Name,
}

/// The kinds that deeds write to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// `argoproj.io/v1alpha1` rollouts.
    Rollout,
    /// `apps/v1` deployments.
    Deployment,
    /// `apps/v1` statefulsets.
    StatefulSet,
    /// `apps/v1` daemonsets.
    DaemonSet,
    /// `flagger.app/v1beta1` canaries.
    Canary,
    /// `apps.openshift.io/v1` deploymentconfigs.
    DeploymentConfig,
    /// `v1` pods: deleted where one holds up a roll back.
    Pod,
    /// `apps/v1` replicasets: the pods of one revision.
    ReplicaSet,
    /// `v1` replicationcontrollers: the same of a DeploymentConfig.
    ReplicationController,
    /// `argoproj.io/v1alpha1` analysisruns.
    AnalysisRun,
    /// `argoproj.io/v1alpha1` experiments.
    Experiment,
    /// The route of a Canary's traffic.
    Route(RouteKind),
}

impl ObjectKind {
    /// The kind of a workload's own object.
    #[must_use]
    pub const fn of(kind: WorkloadKind) -> Self {
        match kind {
            WorkloadKind::Rollout => Self::Rollout,
            WorkloadKind::Deployment => Self::Deployment,
            WorkloadKind::StatefulSet => Self::StatefulSet,
            WorkloadKind::DaemonSet => Self::DaemonSet,
            WorkloadKind::Canary => Self::Canary,
            WorkloadKind::DeploymentConfig => Self::DeploymentConfig,
            WorkloadKind::Experiment => Self::Experiment,
        }
    }

    /// The kind of workload whose object this is; `None` for a part of one.
    #[must_use]
    pub const fn workload(self) -> Option<WorkloadKind> {
        match self {
            Self::Rollout => Some(WorkloadKind::Rollout),
            Self::Deployment => Some(WorkloadKind::Deployment),
            Self::StatefulSet => Some(WorkloadKind::StatefulSet),
            Self::DaemonSet => Some(WorkloadKind::DaemonSet),
            Self::Canary => Some(WorkloadKind::Canary),
            Self::DeploymentConfig => Some(WorkloadKind::DeploymentConfig),
            Self::Pod
            | Self::ReplicaSet
            | Self::ReplicationController
            | Self::AnalysisRun
            | Self::Experiment
            | Self::Route(_) => None,
        }
    }

    /// As the API server spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rollout => WorkloadKind::Rollout.name(),
            Self::Deployment => WorkloadKind::Deployment.name(),
            Self::StatefulSet => WorkloadKind::StatefulSet.name(),
            Self::DaemonSet => WorkloadKind::DaemonSet.name(),
            Self::Canary => WorkloadKind::Canary.name(),
            Self::DeploymentConfig => WorkloadKind::DeploymentConfig.name(),
            Self::Pod => "Pod",
            Self::ReplicaSet => "ReplicaSet",
            Self::ReplicationController => "ReplicationController",
            Self::AnalysisRun => "AnalysisRun",
            Self::Experiment => "Experiment",
            Self::Route(kind) => kind.name(),
        }
    }
}

/// The subresources that deeds write to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subresource {
    /// `/status`.
    Status,
}

/// The patch formats that deeds use.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PatchFormat {
    /// `application/merge-patch+json`.
    Merge,
    /// `application/json-patch+json`.
    Json,
    /// `application/strategic-merge-patch+json`: what a ControllerRevision holds.
    Strategic,
    /// No patch: the object is deleted. The body is its `DeleteOptions`, with the uid as a precondition.
    Delete,
    /// No patch, and not to the object itself: a gate that its controller asks is opened or closed.
    Call(Arc<GateCall>),
}

/// One value that a write sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The path, as `["spec", "paused"]`.
    pub path: &'static [&'static str],
    /// For JSON patches: `add` or `replace`; merge patches only set.
    pub op: PatchOp,
    /// The value.
    pub value: Value,
}

/// The operation of a JSON patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchOp {
    /// Sets, whether it was there or not.
    Add,
    /// Sets what must be there.
    Replace,
}

/// A value, or the symbol for one that is read when the plan is rehearsed.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`: takes the field away.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Int(i64),
    /// A word.
    Word(Text),
    /// Every rule of a route that splits between primary and canary: all to the primary, with a `test` of each name.
    PrimaryOnly,
    /// The pod template of this ReplicaSet, without the label of its hash.
    TemplateOf(Name),
    /// The annotations a Deployment gets when it goes back to this ReplicaSet (`reference/rollouts.md` §3.3):
    /// the ReplicaSet's own over the Deployment's, except those that belong to the present.
    AnnotationsOf(Name),
    /// The pod template in this ControllerRevision's `.data`, verbatim: with its `$patch: replace`.
    RevisionOf(Name),
    /// The server's own time, so that a clock that is off does no harm.
    ServerTime,
}

/// A write with all its values, as it is shown, recorded and sent. The resource version is put in at the last moment.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedWrite {
    /// On which object.
    pub object: ObjectRef,
    /// The main resource or a part of it.
    pub subresource: Option<Subresource>,
    /// Which kind of patch.
    pub format: PatchFormat,
    /// The patch as JSON.
    pub body: Arc<str>,
}

/// The answer to a rehearsal.
#[derive(Clone, Debug, PartialEq)]
pub struct Rehearsal {
    /// What the object stood on when it was read.
    pub footing: Footing,
    /// When it was read.
    pub read_at: Timestamp,
    /// What the access review said.
    pub access: Vec<Access>,
    /// What the server said to the same writes as a dry run.
    pub dry_run: DryRun,
    /// What a roll back leaves as it is, or finds changed or gone: config maps, secrets, images by tag.
    pub kept: Vec<Text>,
    /// The writes with their values.
    pub writes: Vec<ResolvedWrite>,
    /// The same for people: the patches, line by line.
    pub shown: Block,
}

/// One answer of the access review.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    /// Which right: "patch rollouts/status".
    pub right: Text,
    /// The answer.
    pub answer: AccessAnswer,
}

/// What an access review may say.
#[derive(Clone, Debug, PartialEq)]
pub enum AccessAnswer {
    /// Yes.
    Allowed,
    /// No, with the server's reason where it gives one.
    Denied(Text),
    /// No answer.
    Silent(Text),
}

/// What the server said to the dry run.
#[derive(Clone, Debug, PartialEq)]
pub enum DryRun {
    /// It would take all writes; with its warnings.
    Accepted(Vec<Text>),
    /// It would not, with its code and words.
    Rejected {
        /// The HTTP status.
        code: u16,
        /// The server's words, cut.
        why: Text,
    },
    /// What was asked instead of a gate is none of those that we know.
    NoGate(Text),
    /// A webhook on the way supports no dry run; may be overridden.
    Unsupported(Text),
    /// No answer.
    Silent(Text),
}

/// What the watch must show before a deed is called done (`design/deeds.md`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// `spec.paused` and observed.
    Paused,
    /// Not paused and observed; a Deployment: rolled out.
    Resumed,
    /// Canary: past this index and the controller's pause gone.
    PassedStep {
        /// The index that was planned.
        from: u32,
    },
    /// A controller pause outside the steps is gone, or a new background run began.
    PauseGone {
        /// The run that was inconclusive.
        run: Option<Name>,
    },
    /// Canary: at least this index, and the run of the step that was left is gone.
    ReachedStep {
        /// The index that was set.
        index: u32,
        /// The run of the step that was left.
        run: Option<Name>,
    },
    /// The Rollout no longer waits for any of these analyses and experiments.
    RunsEnded(Arc<[Name]>),
    /// The new version has no pods.
    ScaledDown,
    /// Blue-green: the active selector is this hash.
    Switched(PodHash),
    /// The wanted hash is the stable one and `promoteFull` is gone.
    FullyPromoted(PodHash),
    /// The abort was acted on and the canary serves nothing.
    Aborted,
    /// DeploymentConfig: the deployer of this version ended as failed.
    Cancelled,
    /// `abortedAt` is gone and the update goes on.
    Retried,
    /// This template is wanted, stable, healthy, and has all traffic.
    RolledBack(PodHash),
    /// Deployment: this template is wanted and complete.
    Complete(PodHash),
    /// All pods are newer than the restart.
    Restarted,
    /// StatefulSet: the partition is this one, the controller has seen it, and no pod is missing.
    Held {
        /// Pods below this ordinal stay as they are.
        partition: u32,
    },
    /// StatefulSet: the partition is this one, and all pods from it on are new and available.
    Released {
        /// Pods below this ordinal stay as they are.
        partition: u32,
    },
    /// Flagger has acted.
    Canary(CanaryArrival),
    /// Nothing is to be seen on the workload: it was only said.
    Said,
}

/// Where a Canary arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CanaryArrival {
    /// Failed, the target at 0 pods, and nothing routed to the new version.
    Aborted,
    /// Succeeded, and the primary has rolled.
    Promoted,
    /// A run is on its way.
    Running,
    /// It is past the gate before the start.
    Started,
    /// It has more weight, or is past the weights.
    Raised {
        /// The weight that its status told.
        from: u32,
    },
    /// Nothing else: the gate itself says that it is closed.
    Closed,
}

/// When a write of a plan is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// After the one before it was taken.
    Now,
    /// Likewise, but if the server does not allow it the deed goes on: it arrives without it too, only later.
    IfAllowed,
    /// Once Flagger's run has ended: it puts back what the deed needed meanwhile.
    AfterRun,
    /// Once the Canary is past the gate: left open, the gate would let the next one through as well.
    AfterGate,
}

impl Plan {
    /// When this write is sent.
    #[must_use]
    pub fn turn(&self, index: usize) -> Turn {
        let (Some(write), Arrival::Canary(arrival)) = (self.writes.get(index), &self.arrival)
        else {
            return Turn::Now;
        };
        let puts_back = index > 0
            && index + 1 == self.writes.len()
            && self.writes.iter().take(index).any(|earlier| {
                earlier.object == write.object
                    && earlier.changes.first().map(|change| change.path)
                        == write.changes.first().map(|change| change.path)
            });
        if let PatchFormat::Call(_) = write.format {
            return gate_call::turn(&self.writes, index);
        }
        match (write.object.kind, arrival) {
            (ObjectKind::Route(_), CanaryArrival::Aborted) => Turn::IfAllowed,
            (ObjectKind::Canary, _) if puts_back => Turn::AfterRun,
            _ => Turn::Now,
        }
    }
}
