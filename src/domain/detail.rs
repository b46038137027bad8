//! What is followed only while a rollout is moving, unwell or open: its pods, analysis runs and events.

use std::sync::Arc;

use super::bounds::Bounds;
use super::ids::{Name, PodHash, Uid, WorkloadRef};
use super::observed::Timestamp;
use super::rollout::RunPhase;
use super::text::Text;

/// Most events kept of one rollout: an hour of a busy one (the API server keeps an hour).
pub const EVENTS_MAX: usize = 200;

/// Most pods kept of one rollout; what is beyond is counted in [`Detail::pods_left_out`].
pub const PODS_MAX: usize = 1_000;

/// The parts of one rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct Detail {
    /// Whose parts.
    pub target: WorkloadRef,
    /// Its pods, by creation and name.
    pub pods: Arc<[Pod]>,
    /// How many pods are not in `pods`.
    pub pods_left_out: u32,
    /// Its analysis runs, newest first.
    pub runs: Arc<[AnalysisRun]>,
    /// Events of the rollout, its ReplicaSets and pods, oldest first.
    pub events: Arc<[ClusterEvent]>,
    /// What bounds the number of its pods.
    pub bounds: Bounds,
    /// Which parts could not be read and why ("no permission: list pods in shop").
    pub missing: Arc<[Text]>,
    /// When it was put together.
    pub seen_at: Timestamp,
}

/// A pod, as `kubectl get pods` tells of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pod {
    /// Its name.
    pub name: Name,
    /// Its identity.
    pub uid: Uid,
    /// The ReplicaSet that owns it; the StatefulSet or DaemonSet itself, where that does.
    pub replica_set: Option<Uid>,
    /// The hash of its template, from its label.
    pub hash: Option<PodHash>,
    /// The STATUS column of kubectl: `Running`, `CrashLoopBackOff`, `Init:0/1` …
    pub status: Text,
    /// The sentence behind the status, where there is one.
    pub why: Option<Text>,
    /// Containers that are ready, of all.
    pub ready: (u32, u32),
    /// Restarts of all its containers.
    pub restarts: u32,
    /// Since when it exists.
    pub created: Option<Timestamp>,
    /// Since when it is not ready, where it says so.
    pub unready_since: Option<Timestamp>,
    /// Where it runs.
    pub node: Option<Name>,
    /// Its containers, init containers first: what a log can be asked of.
    pub containers: Arc<[Name]>,
}

impl Pod {
    /// True when all containers are ready.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.ready.1 > 0 && self.ready.0 == self.ready.1
    }
}

/// An AnalysisRun.
#[derive(Clone, Debug, PartialEq)]
pub struct AnalysisRun {
    /// Its name.
    pub name: Name,
    /// `Step`, `Background`, `PrePromotion`, `PostPromotion`, from its label.
    pub role: Option<Text>,
    /// The step it belongs to.
    pub step: Option<u32>,
    /// The template it judges.
    pub hash: Option<PodHash>,
    /// Its phase.
    pub phase: RunPhase,
    /// The controller's message.
    pub message: Option<Text>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub completed: Option<Timestamp>,
    /// What it measured.
    pub metrics: Arc<[RunMetric]>,
}

/// One metric of an AnalysisRun.
#[derive(Clone, Debug, PartialEq)]
pub struct RunMetric {
    /// Its name.
    pub name: Text,
    /// How it stands.
    pub phase: RunPhase,
    /// The controller's message.
    pub message: Option<Text>,
    /// Measurements so far.
    pub tally: Tally,
    /// The limits of the spec.
    pub limits: RunLimits,
    /// The last values, oldest first.
    pub measurements: Arc<[Measurement]>,
}

/// How measurements ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All.
    pub count: u32,
    /// Passed.
    pub successful: u32,
    /// Failed.
    pub failed: u32,
    /// Undecided.
    pub inconclusive: u32,
    /// Could not be taken.
    pub error: u32,
    /// Errors in a row.
    pub consecutive_error: u32,
}

/// The conditions and limits a metric is judged by.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunLimits {
    /// `successCondition`.
    pub success: Option<Text>,
    /// `failureCondition`.
    pub failure: Option<Text>,
    /// `failureLimit`, 0 unless said.
    pub failures_max: i64,
    /// `inconclusiveLimit`, 0 unless said.
    pub inconclusive_max: i64,
    /// `consecutiveErrorLimit`, 4 unless said.
    pub errors_max: i64,
    /// How many measurements are wanted; `None`: until stopped.
    pub count: Option<i64>,
    /// Does not count for the run.
    pub dry_run: bool,
}

/// One measured value.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// How it was judged.
    pub phase: RunPhase,
    /// The value, as the controller wrote it.
    pub value: Option<Text>,
    /// Its message.
    pub message: Option<Text>,
    /// When it was taken.
    pub at: Option<Timestamp>,
}

/// The reason of an Event that tells what somebody said of a release with this program.
pub const COMMENT_REASON: &str = "PilothouseComment";

/// A Kubernetes Event.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterEvent {
    /// Its identity: an event that repeats keeps it.
    pub uid: Uid,
    /// What it is about, as `Kind/name`.
    pub about: Text,
    /// `Normal` or `Warning`.
    pub warning: bool,
    /// The machine's word.
    pub reason: Text,
    /// The sentence.
    pub message: Text,
    /// Who said it.
    pub by: Text,
    /// How often.
    pub count: u32,
    /// First time.
    pub first: Option<Timestamp>,
    /// Last time.
    pub last: Option<Timestamp>,
}
