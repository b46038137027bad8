//! Questions that deeds ask of a workload. Pure readings of its facts; what follows from the answers stands in the
//! table. What a Deployment does not have is answered with no.

use crate::control::footing::{Aborted, is_observed};
use crate::domain::ids::{Name, PodHash, Revision};
use crate::domain::rollout::{PauseCondition, Rollout, RunPhase, RunStatus, Step};
use crate::domain::workload::{
    Controller, DeploymentFacts, ReplicaSet, StatefulSetFacts, Strategy, Workload,
};

/// The pause that the controller makes at a step.
pub(crate) const PAUSE_STEP: &str = "CanaryPauseStep";
/// The pause before blue-green's switch.
pub(crate) const PAUSE_BLUE_GREEN: &str = "BlueGreenPause";
/// The pause after an analysis that neither passed nor failed.
pub(crate) const PAUSE_INCONCLUSIVE_RUN: &str = "InconclusiveAnalysisRun";
/// The same of an experiment.
pub(crate) const PAUSE_INCONCLUSIVE_EXPERIMENT: &str = "InconclusiveExperiment";

/// The ways of releasing that the table tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// Argo, step by step.
    Canary,
    /// Argo, beside each other, then switched.
    BlueGreen,
    /// A Rollout whose strategy we do not know.
    OtherRollout,
    /// Flagger, whatever its strategy.
    Flagger,
    /// Kubernetes' own Deployment.
    Deployment,
    /// Kubernetes' own StatefulSet.
    StatefulSet,
    /// Kubernetes' own DaemonSet.
    DaemonSet,
    /// OpenShift's DeploymentConfig.
    DeploymentConfig,
    /// An Experiment that stands alone.
    Experiment,
}

impl Way {
    /// Every way once.
    pub const ALL: [Self; 8] = [
        Self::Canary,
        Self::BlueGreen,
        Self::OtherRollout,
        Self::Flagger,
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::DeploymentConfig,
    ];

    /// The word in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Canary => "Argo canary",
            Self::BlueGreen => "Argo blue-green",
            Self::OtherRollout => "other Rollout",
            Self::Flagger => "Flagger",
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::DeploymentConfig => "DeploymentConfig",
            Self::Experiment => "Experiment",
        }
    }
}

/// One workload under question.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The workload.
    pub workload: &'a Workload,
}

impl<'a> Case<'a> {
    /// Asks of this workload.
    #[must_use]
    pub const fn of(workload: &'a Workload) -> Self {
        Self { workload }
    }

    /// How it is released.
    #[must_use]
    pub const fn way(self) -> Way {
        match (&self.workload.controller, self.workload.strategy) {
            (Controller::Deployment(_), _) => Way::Deployment,
            (Controller::Argo(_), Strategy::Canary) => Way::Canary,
            (Controller::Argo(_), Strategy::BlueGreen) => Way::BlueGreen,
            (
                Controller::Argo(_),
                Strategy::RollingUpdate
                | Strategy::Recreate
                | Strategy::OnDelete
                | Strategy::AbTest
                | Strategy::Custom
                | Strategy::Unknown,
            ) => Way::OtherRollout,
            (Controller::Flagger(_), _) => Way::Flagger,
            (Controller::StatefulSet(_), _) => Way::StatefulSet,
            (Controller::DaemonSet(_), _) => Way::DaemonSet,
            (Controller::DeploymentConfig(_), _) => Way::DeploymentConfig,
            (Controller::Experiment(_), _) => Way::Experiment,
        }
    }

    /// The Rollout, if it is one.
    #[must_use]
    pub fn rollout(self) -> Option<&'a Rollout> {
        self.workload.rollout()
    }

    /// The Deployment's words, if it is one.
    #[must_use]
    pub const fn deployment(self) -> Option<&'a DeploymentFacts> {
        match &self.workload.controller {
            Controller::Deployment(facts) => Some(facts),
            Controller::Argo(_)
            | Controller::Flagger(_)
            | Controller::StatefulSet(_)
            | Controller::DaemonSet(_)
            | Controller::DeploymentConfig(_)
            | Controller::Experiment(_) => None,
        }
    }

    /// The StatefulSet's words, if it is one.
    #[must_use]
    pub const fn stateful(self) -> Option<&'a StatefulSetFacts> {
        match &self.workload.controller {
            Controller::StatefulSet(facts) => Some(facts),
            Controller::Argo(_)
            | Controller::Flagger(_)
            | Controller::Deployment(_)
            | Controller::DaemonSet(_)
            | Controller::DeploymentConfig(_)
            | Controller::Experiment(_) => None,
        }
    }

    /// It is moved by a controller of Kubernetes itself.
    #[must_use]
    pub const fn is_native(self) -> bool {
        matches!(self.way(), Way::Deployment | Way::StatefulSet | Way::DaemonSet)
    }

    /// `spec.paused`, or what stands for it.
    #[must_use]
    pub fn hand_paused(self) -> bool {
        self.workload.hand_paused()
    }

    /// The controller has seen the spec.
    #[must_use]
    pub fn observed(self) -> bool {
        is_observed(self.workload)
    }

    /// How far an abort is.
    #[must_use]
    pub fn abort(self) -> Aborted {
        self.rollout().map_or(Aborted::No, |rollout| Aborted::of(rollout.status.flags))
    }

    /// Hash of the wanted template.
    #[must_use]
    pub fn current(self) -> Option<&'a PodHash> {
        self.workload.current_hash()
    }

    /// Hash of the fully promoted template.
    #[must_use]
    pub fn stable(self) -> Option<&'a PodHash> {
        let primary = self.workload.flagger().and_then(|flagger| flagger.primary.as_ref());
        self.rollout().map_or(primary, |rollout| rollout.status.hashes.stable.as_ref())
    }

    /// The ReplicaSet of the wanted template.
    #[must_use]
    pub fn current_set(self) -> Option<&'a ReplicaSet> {
        self.current().and_then(|hash| self.workload.revision_by_hash(hash))
    }

    /// The ReplicaSet of the fully promoted template.
    #[must_use]
    pub fn stable_set(self) -> Option<&'a ReplicaSet> {
        self.stable().and_then(|hash| self.workload.revision_by_hash(hash))
    }

    /// The wanted revision's number.
    #[must_use]
    pub fn current_revision(self) -> Option<Revision> {
        let of_deployment = self.deployment().and_then(|facts| facts.revision);
        self.current_set().and_then(|set| set.revision).or(of_deployment)
    }

    /// An update is on its way: a stable version exists and another one is wanted.
    #[must_use]
    pub fn in_flight(self) -> bool {
        matches!((self.stable(), self.current()), (Some(stable), Some(current)) if stable != current)
    }

    /// Nothing was ever fully promoted.
    #[must_use]
    pub fn first_deploy(self) -> bool {
        self.rollout().is_some() && self.stable().is_none()
    }

    /// The controller's reasons to hold.
    #[must_use]
    pub fn pauses(self) -> &'a [PauseCondition] {
        self.rollout().map_or(&[], |rollout| &rollout.status.pauses)
    }

    /// The controller holds for this reason.
    #[must_use]
    pub fn waits_for(self, reason: &str) -> bool {
        self.pauses().iter().any(|pause| pause.reason.as_str() == reason)
    }

    /// The running step and its index, counted as the controller counts it; `None` when all are done.
    #[must_use]
    pub fn step(self) -> Option<(u32, &'a Step)> {
        let rollout = self.rollout()?;
        let index = rollout.status.step_index?;
        let step = rollout.spec.steps.get(usize::try_from(index).ok()?)?;
        Some((index, step))
    }

    /// How many steps there are.
    #[must_use]
    pub fn step_count(self) -> u32 {
        let count = self.rollout().map_or(0, |rollout| rollout.spec.steps.len());
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// The index after the running step, at most the number of steps.
    #[must_use]
    pub fn next_index(self) -> u32 {
        let index = self.rollout().and_then(|rollout| rollout.status.step_index).unwrap_or(0);
        index.saturating_add(1).min(self.step_count())
    }

    /// The running step is a pause.
    #[must_use]
    pub fn at_pause_step(self) -> bool {
        matches!(self.step(), Some((_, Step::Pause(_))))
    }

    /// The run of the running step.
    #[must_use]
    pub fn step_run(self) -> Option<&'a RunStatus> {
        self.rollout().and_then(|rollout| rollout.status.runs.step.as_ref())
    }

    /// The controller holds because the running step itself came to no answer: taking the pause away alone
    /// would only run it again.
    #[must_use]
    pub fn inconclusive_step(self) -> bool {
        let run = self.waits_for(PAUSE_INCONCLUSIVE_RUN)
            && self.step_run().is_some_and(|run| run.phase == RunPhase::Inconclusive);
        let experiment = self.waits_for(PAUSE_INCONCLUSIVE_EXPERIMENT)
            && matches!(self.step(), Some((_, Step::Experiment)));
        run || experiment
    }

    /// The run beside the steps (or around blue-green's switch) that came to no answer.
    #[must_use]
    pub fn inconclusive_aside(self) -> Option<&'a RunStatus> {
        if !self.waits_for(PAUSE_INCONCLUSIVE_RUN) {
            return None;
        }
        let runs = &self.rollout()?.status.runs;
        [&runs.background, &runs.pre_promotion, &runs.post_promotion]
            .into_iter()
            .flatten()
            .find(|run| run.phase == RunPhase::Inconclusive)
    }

    /// The background run's name, if it came to no answer.
    #[must_use]
    pub fn inconclusive_run_name(self) -> Option<Name> {
        self.inconclusive_aside().map(|run| run.name.clone())
    }

    /// The gate waits for a human and not for a timer.
    #[must_use]
    pub fn awaits_human(self) -> bool {
        let by_step =
            self.waits_for(PAUSE_STEP) && matches!(self.step(), Some((_, Step::Pause(None))));
        let by_switch = self.waits_for(PAUSE_BLUE_GREEN)
            && self
                .rollout()
                .and_then(|rollout| rollout.spec.blue_green.as_ref())
                .is_some_and(|spec| !spec.auto_promotion);
        by_step
            || by_switch
            || self.waits_for(PAUSE_INCONCLUSIVE_RUN)
            || self.waits_for(PAUSE_INCONCLUSIVE_EXPERIMENT)
    }

    /// A router carries the weights.
    #[must_use]
    pub fn routed(self) -> bool {
        self.rollout().is_some_and(|rollout| rollout.spec.traffic.routed)
    }

    /// Blue-green's active Service selects another version than the stable one.
    #[must_use]
    pub fn switched(self) -> bool {
        self.way() == Way::BlueGreen
            && self
                .rollout()
                .and_then(|rollout| rollout.status.selectors.active.as_ref())
                .is_some_and(|active| self.stable().is_some_and(|stable| stable != active))
    }

    /// Aborted, and the new version still has traffic or pods (`need: notAborted`).
    #[must_use]
    pub fn still_serving(self) -> bool {
        let Some(rollout) = self.rollout() else { return false };
        if self.abort() == Aborted::No || !self.in_flight() {
            return false;
        }
        match (self.way(), rollout.spec.traffic.routed) {
            (Way::Canary, true) => rollout.status.weights.is_some_and(|weights| weights.canary > 0),
            (Way::Canary, false) => self.current_set().is_some_and(has_pods),
            (Way::BlueGreen, _) => self.switched(),
            (
                Way::OtherRollout
                | Way::Flagger
                | Way::Deployment
                | Way::StatefulSet
                | Way::DaemonSet
                | Way::DeploymentConfig
                | Way::Experiment,
                _,
            ) => false,
        }
    }

    /// Where the pod template lives when it is not in the Rollout itself.
    #[must_use]
    pub fn template_elsewhere(self) -> bool {
        self.rollout().is_some_and(|rollout| rollout.spec.workload_ref.is_some())
    }

    /// Going from `from` to `to` is a way back inside the rollback window: `to` was created before `from`, and
    /// fewer ReplicaSets than the window were created between them.
    #[must_use]
    pub fn within_window(self, to: &ReplicaSet, from: &ReplicaSet) -> bool {
        let Some(window) = self.rollout().and_then(|rollout| rollout.spec.rollback_window) else {
            return false;
        };
        let (Some(old), Some(new)) = (to.created, from.created) else { return false };
        let between = |set: &&ReplicaSet| set.created.is_some_and(|at| old < at && at < new);
        old < new && self.workload.revisions.iter().filter(between).count() < widen(window)
    }

    /// The update in flight is a way back inside the rollback window: the controller runs no step, waits for
    /// nothing, and ignores abort.
    #[must_use]
    pub fn flies_within_window(self) -> bool {
        self.in_flight()
            && matches!((self.current_set(), self.stable_set()),
                (Some(to), Some(from)) if self.within_window(to, from))
    }
}

/// The ReplicaSet wants or has pods. A count that is not known counts as pods: what may serve is said to serve.
#[must_use]
pub fn has_pods(set: &ReplicaSet) -> bool {
    set.replicas.desired != Some(0) || set.replicas.available.unwrap_or(0) > 0
}

fn widen(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
