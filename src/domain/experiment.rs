//! An Experiment of Argo Rollouts (`argoproj.io/v1alpha1`) that stands alone, as read and not yet judged
//! (`reference/rollouts.md` §1.6).

use std::sync::Arc;
use std::time::Duration;

use super::ids::{Name, PodHash};
use super::observed::Timestamp;
use super::rollout::RunPhase;
use super::text::Text;

/// What an Experiment wants and says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Experiment {
    /// Its end was asked for (`spec.terminate`).
    pub terminate: bool,
    /// How long it runs once all its pods are available; `None`: until its analyses decide, or somebody ends it.
    pub duration: Option<Duration>,
    /// `status.phase`; `None`: its controller has not said anything yet.
    pub phase: Option<RunPhase>,
    /// `status.message`.
    pub message: Option<Text>,
    /// Since when all its pods were available.
    pub available_at: Option<Timestamp>,
    /// Its versions, in the order of the spec.
    pub templates: Arc<[ExperimentTemplate]>,
    /// Its analyses, in the order of the spec.
    pub analyses: Arc<[ExperimentAnalysis]>,
}

/// One version of an Experiment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExperimentTemplate {
    /// Its name.
    pub name: Name,
    /// The first image of its pods.
    pub image: Option<Text>,
    /// Pods that it wants, one unless said.
    pub desired: Option<u32>,
    /// Pods that are available.
    pub available: Option<u32>,
    /// `Progressing`, `Running`, `Successful`, `Failed`, `Error`; `None`: not said yet.
    pub status: Option<Text>,
    /// The controller's sentence.
    pub message: Option<Text>,
    /// When its status changed last.
    pub since: Option<Timestamp>,
    /// The hash of its pods.
    pub hash: Option<PodHash>,
}

/// One analysis of an Experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct ExperimentAnalysis {
    /// Its name in the spec.
    pub name: Name,
    /// The Experiment is not over before this one is.
    pub required: bool,
    /// The AnalysisRun, once there is one.
    pub run: Option<Name>,
    /// Its phase.
    pub phase: RunPhase,
    /// Its message.
    pub message: Option<Text>,
}

impl Experiment {
    /// It will not change any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.phase.is_some_and(RunPhase::is_finished)
    }

    /// When it ends by itself: its time, once it has begun.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        if self.is_over() {
            return None;
        }
        self.available_at?.checked_add(self.duration?).ok()
    }

    /// When it ended, as far as it tells: the last change of one of its versions.
    #[must_use]
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.templates.iter().filter_map(|template| template.since).max().filter(|_| self.is_over())
    }
}
