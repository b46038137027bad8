//! What an Argo Rollout wants and says of itself (`argoproj.io/v1alpha1`), as read and not yet judged.
//! Field by field `reference/rollouts.md` §1.2 to §1.4; the judgement is in `analysis::rollout_status`.

use std::sync::Arc;
use std::time::Duration;

use super::ids::{Name, PodHash};
use super::observed::Timestamp;
use super::text::Text;

/// A Rollout: its strategy's plan and the controller's words.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    /// What it wants.
    pub spec: RolloutSpec,
    /// What the controller says.
    pub status: RolloutStatus,
    /// What the objects say that carry its traffic; empty without a router.
    pub routers: Arc<[RouterObject]>,
}

/// An object by which a router splits traffic, and what it says of the canary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterObject {
    /// Its kind and name: `Ingress api-api-canary`.
    pub name: Text,
    /// The canary's share, of [`TrafficSpec::weight_max`]; or why nobody knows.
    pub canary: Result<u32, Text>,
    /// What is odd about its weights.
    pub note: Option<Text>,
    /// When its words reached us.
    pub seen_at: Option<Timestamp>,
}

impl Rollout {
    /// The restart that was asked for and is not finished, as it stood at this time.
    #[must_use]
    pub fn restarting(&self, now: Timestamp) -> Option<Timestamp> {
        let asked = self.spec.restart_at.filter(|asked| *asked <= now)?;
        (self.status.restarted_at != Some(asked)).then_some(asked)
    }
}

/// The part of the spec that decides how a release goes.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent fields of the wire")]
pub struct RolloutSpec {
    /// A human paused it (`spec.paused`).
    pub paused: bool,
    /// The canary's steps, in order; empty for blue-green.
    pub steps: Arc<[Step]>,
    /// Whether a router carries the weights, and the weight that means "all".
    pub traffic: TrafficSpec,
    /// Blue-green's services and timers.
    pub blue_green: Option<BlueGreenSpec>,
    /// When a restart was asked for.
    pub restart_at: Option<Timestamp>,
    /// `rollbackWindow.revisions`: so many revisions back go without steps.
    pub rollback_window: Option<u32>,
    /// The object that holds the pod template when the Rollout itself does not.
    pub workload_ref: Option<WorkloadSource>,
    /// A background analysis runs beside the steps.
    pub background_analysis: bool,
    /// A blue-green has an analysis after its switch.
    pub post_promotion_analysis: bool,
    /// How long the canary's pods stay after an abort (routed canary, blue-green); `None`: for ever.
    pub abort_scale_down_delay: Option<Duration>,
    /// Time without progress after which the controller calls it stuck.
    pub progress_deadline: Duration,
}

/// Where the pod template of a Rollout lives.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkloadSource {
    /// Usually `Deployment`.
    pub kind: Text,
    /// Its name, in the Rollout's namespace.
    pub name: Name,
    /// The referenced object's generation as annotated on the Rollout.
    pub generation: Option<i64>,
}

/// How traffic is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent fields of the wire")]
pub struct TrafficSpec {
    /// True when a router (ingress, mesh) carries the weights; false: by the number of pods.
    pub routed: bool,
    /// The weight that means all traffic, 100 unless the spec says otherwise.
    pub weight_max: u32,
    /// Stable shrinks as the canary grows, so an abort is not instant.
    pub dynamic_stable_scale: bool,
}

impl Default for TrafficSpec {
    fn default() -> Self {
        Self { routed: false, weight_max: 100, dynamic_stable_scale: false }
    }
}

/// Blue-green's own settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BlueGreenSpec {
    /// The Service with the users' traffic.
    pub active_service: Option<Name>,
    /// The Service with the new version before the switch.
    pub preview_service: Option<Name>,
    /// False only when the spec says so: then a human must switch.
    pub auto_promotion: bool,
    /// After this the switch happens by itself.
    pub auto_promotion_after: Option<Duration>,
    /// How long the old version stays after the switch.
    pub scale_down_delay: Duration,
}

/// One step of a canary.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Moves this share of the traffic.
    SetWeight(u32),
    /// Waits: for a time, or (`None`) for a human.
    Pause(Option<Duration>),
    /// Runs analyses and waits for their answer.
    Analysis(Arc<[Name]>),
    /// Runs an experiment.
    Experiment,
    /// Sets the canary's size apart from its weight; the text is the controller's short label.
    SetCanaryScale(Text),
    /// Routes by header.
    SetHeaderRoute(Text),
    /// Mirrors requests.
    SetMirrorRoute(Text),
    /// A step plugin.
    Plugin(Text),
    /// A step of a newer version, or one the controller will refuse.
    Unknown,
}

/// The controller's words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RolloutStatus {
    /// Phase and message as written, before the rules of `analysis::rollout_status`.
    pub phase: Option<Text>,
    /// The controller's message.
    pub message: Option<Text>,
    /// `status.observedGeneration`, a string on the wire.
    pub observed_generation: Option<Text>,
    /// `status.workloadObservedGeneration`, a string on the wire.
    pub workload_observed_generation: Option<Text>,
    /// Hash of the template that is wanted, and of the one that is fully promoted.
    pub hashes: Hashes,
    /// `status.currentStepIndex`.
    pub step_index: Option<u32>,
    /// Why the controller holds, and since when.
    pub pauses: Arc<[PauseCondition]>,
    /// The switches that deeds turn.
    pub flags: RolloutFlags,
    /// The router's weights.
    pub weights: Option<Weights>,
    /// Blue-green's selectors.
    pub selectors: Selectors,
    /// The analyses that matter now.
    pub runs: CurrentRuns,
    /// The last restart that is finished.
    pub restarted_at: Option<Timestamp>,
}

/// Which pod template is wanted and which is proven.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hashes {
    /// `status.currentPodHash`: the wanted template.
    pub current: Option<PodHash>,
    /// `status.stableRS`: the fully promoted template.
    pub stable: Option<PodHash>,
}

/// One reason to hold.
#[derive(Clone, Debug, PartialEq)]
pub struct PauseCondition {
    /// `CanaryPauseStep`, `BlueGreenPause`, `InconclusiveAnalysisRun`, `InconclusiveExperiment`.
    pub reason: Text,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// `controllerPause`, `abort`, `promoteFull` and when the abort was acted on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "three independent fields of the wire")]
pub struct RolloutFlags {
    /// The controller itself paused it.
    pub controller_pause: bool,
    /// An abort is asked for.
    pub abort: bool,
    /// The controller acted on the abort.
    pub aborted_at: Option<Timestamp>,
    /// A full promotion is asked for.
    pub promote_full: bool,
}

/// What the router says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights {
    /// The canary's share, of `weight_max`.
    pub canary: u32,
    /// Stable's share.
    pub stable: u32,
    /// Whether the controller saw the router carry it; `None` where it cannot.
    pub verified: Option<bool>,
}

/// Which pods blue-green's services select.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selectors {
    /// `status.blueGreen.activeSelector`.
    pub active: Option<PodHash>,
    /// `status.blueGreen.previewSelector`.
    pub preview: Option<PodHash>,
}

/// The analyses named in the status.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CurrentRuns {
    /// Of the current step.
    pub step: Option<RunStatus>,
    /// Beside the steps.
    pub background: Option<RunStatus>,
    /// Before blue-green's switch.
    pub pre_promotion: Option<RunStatus>,
    /// After it.
    pub post_promotion: Option<RunStatus>,
    /// The experiment of the running step.
    pub experiment: Option<Name>,
}

/// An analysis as the Rollout's status tells of it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunStatus {
    /// The AnalysisRun's name.
    pub name: Name,
    /// Its phase.
    pub phase: RunPhase,
    /// Its message.
    pub message: Option<Text>,
}

/// The phases of an AnalysisRun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunPhase {
    /// Not started.
    Pending,
    /// Measuring.
    Running,
    /// Passed.
    Successful,
    /// Neither passed nor failed: a human decides.
    Inconclusive,
    /// Could not measure.
    Error,
    /// Failed.
    Failed,
    /// A word we do not know, or none yet.
    Unknown,
}

impl RunPhase {
    /// Reads the controller's word.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        match word {
            "Pending" => Self::Pending,
            "Running" => Self::Running,
            "Successful" => Self::Successful,
            "Inconclusive" => Self::Inconclusive,
            "Error" => Self::Error,
            "Failed" => Self::Failed,
            _ => Self::Unknown,
        }
    }

    /// The controller's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Successful => "Successful",
            Self::Inconclusive => "Inconclusive",
            Self::Error => "Error",
            Self::Failed => "Failed",
            Self::Unknown => "Unknown",
        }
    }

    /// True when it will not change any more.
    #[must_use]
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Successful | Self::Inconclusive | Self::Error | Self::Failed)
    }
}
