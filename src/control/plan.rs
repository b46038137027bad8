//! A plan: what a deed would write, what it stands on, what it would cause, and how one sees that it has arrived.

use std::sync::Arc;
use std::time::Duration;

use super::action::Action;
use crate::domain::ids::{Generation, Name, OrderId, PodHash, Uid, WorkloadRef};
use crate::domain::text::{Block, Text};

/// What a plan stands on. While it is the same, a new version of the object changes nothing;
/// when it differs, the operator is asked again.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent fields of the wire")]
pub struct Footing {
    /// The object itself.
    pub uid: Uid,
    /// Its spec.
    pub generation: Generation,
    /// Whether the controller has seen that spec.
    pub observed: bool,
    /// The wanted template.
    pub current: Option<PodHash>,
    /// The proven template.
    pub stable: Option<PodHash>,
    /// The step.
    pub step_index: Option<u32>,
    /// Paused by hand.
    pub spec_paused: bool,
    /// Reasons of the controller's pauses.
    pub pauses: Arc<[Text]>,
    /// `abort` and whether the controller acted on it.
    pub abort: Aborted,
    /// `promoteFull`.
    pub promote_full: bool,
    /// Blue-green's active selector.
    pub active: Option<PodHash>,
}

/// How far an abort is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aborted {
    /// None asked for.
    No,
    /// Asked for, not acted on.
    Asked,
    /// Acted on.
    Done,
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
    /// What else the operator must know before saying yes.
    pub warnings: Arc<[Text]>,
    /// Usual time until it has arrived, where it was measured.
    pub about: Option<Duration>,
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
}

/// The subresources that deeds write to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subresource {
    /// `/status`.
    Status,
}

/// The patch formats that deeds use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PatchFormat {
    /// `application/merge-patch+json`.
    Merge,
    /// `application/json-patch+json`.
    Json,
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
    /// The pod template of this ReplicaSet, without the label of its hash.
    TemplateOf(Name),
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
    pub read_at: crate::domain::observed::Timestamp,
    /// What the access review said.
    pub access: Vec<Access>,
    /// What the server said to the same writes as a dry run.
    pub dry_run: DryRun,
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
    /// Not paused and observed.
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
    /// Canary: at least this index and the step's run status gone.
    ReachedStep {
        /// The index that was set.
        index: u32,
    },
    /// Blue-green: the active selector is this hash.
    Switched(PodHash),
    /// The wanted hash is the stable one and `promoteFull` is gone.
    FullyPromoted(PodHash),
    /// The abort was acted on and the canary serves nothing.
    Aborted,
    /// `abortedAt` is gone and the update goes on.
    Retried,
    /// This template is wanted, stable, healthy, and has all traffic.
    RolledBack(PodHash),
    /// Deployment: this template is wanted and complete.
    Complete(PodHash),
    /// All pods are newer than the restart.
    Restarted,
}
