//! One release object of a cluster with the ReplicaSets it owns, as read and not yet judged.

use std::sync::Arc;
use std::time::Duration;

use super::experiment::Experiment;
use super::flagger::Flagger;
use super::ids::{
    Generation, Name, PodHash, ResourceVersion, Revision, Uid, WorkloadKind, WorkloadRef,
};
use super::observed::Timestamp;
use super::owner::Owner;
use super::rollout::Rollout;
use super::text::Text;

/// A workload that is released, whoever its controller is.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Which one.
    pub target: WorkloadRef,
    /// Identity and version of the object.
    pub meta: ObjectMeta,
    /// How it replaces pods.
    pub strategy: Strategy,
    /// How many pods it wants and has.
    pub replicas: ReplicaCounts,
    /// What its controller wants and says.
    pub controller: Controller,
    /// `status.conditions`, in the order of the object.
    pub conditions: Arc<[Condition]>,
    /// Its ReplicaSets, newest revision first.
    pub revisions: Arc<[ReplicaSet]>,
    /// The release that it is only a part of: a Rollout that names it by `workloadRef`, a Flagger Canary whose target
    /// or primary it is.
    pub part_of: Option<(WorkloadKind, Name)>,
    /// Who else manages it and may undo what we do.
    pub owner: Option<Owner>,
    /// Where the version came from.
    pub build: Build,
    /// What could not be read, in words; the rest stands.
    pub oddities: Arc<[Text]>,
    /// When this state of the object reached us.
    pub seen_at: Timestamp,
}

/// Identity and version of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectMeta {
    /// A re-created object has another one.
    pub uid: Uid,
    /// The precondition of every patch.
    pub resource_version: ResourceVersion,
    /// How often its spec was changed.
    pub generation: Generation,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Being deleted since.
    pub deleting: Option<Timestamp>,
    /// Who wrote it and when, each one's last time, beside its controller and ourselves.
    pub hands: Arc<[Hand]>,
}

/// Somebody who wrote an object. The API server knows tools, not people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hand {
    /// The field manager: `kubectl-argo-rollouts`, `argocd-controller`.
    pub manager: Text,
    /// When it wrote last, in the server's time.
    pub at: Timestamp,
}

/// How pods are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// Argo, Flagger: step by step.
    Canary,
    /// Argo, Flagger: beside each other, then switched.
    BlueGreen,
    /// Deployment, StatefulSet, DaemonSet, DeploymentConfig: a few at a time.
    RollingUpdate,
    /// Deployment, DeploymentConfig: all down, then all up.
    Recreate,
    /// StatefulSet, DaemonSet: pods are replaced when somebody deletes them.
    OnDelete,
    /// Flagger: by properties of the request, not by weight.
    AbTest,
    /// DeploymentConfig: by an image of the user's own.
    Custom,
    /// A spec without a strategy that we know.
    Unknown,
}

/// `spec.replicas` and the counters of the status. `None` is "not said", which is not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplicaCounts {
    /// Wanted.
    pub desired: Option<u32>,
    /// Existing.
    pub current: Option<u32>,
    /// Of the wanted template.
    pub updated: Option<u32>,
    /// Ready.
    pub ready: Option<u32>,
    /// Ready for `minReadySeconds`.
    pub available: Option<u32>,
}

/// Who moves this workload.
#[derive(Clone, Debug, PartialEq)]
pub enum Controller {
    /// The Argo Rollouts controller.
    Argo(Box<Rollout>),
    /// Flagger.
    Flagger(Box<Flagger>),
    /// Kubernetes' own Deployment controller.
    Deployment(DeploymentFacts),
    /// Kubernetes' own StatefulSet controller.
    StatefulSet(StatefulSetFacts),
    /// Kubernetes' own DaemonSet controller.
    DaemonSet(DaemonSetFacts),
    /// OpenShift's DeploymentConfig controller.
    DeploymentConfig(DeploymentConfigFacts),
    /// The Argo Rollouts controller, of an Experiment that stands alone.
    Experiment(Box<Experiment>),
}

/// A Deployment's own words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeploymentFacts {
    /// `spec.paused`.
    pub paused: bool,
    /// `status.observedGeneration`.
    pub observed_generation: Option<Generation>,
    /// Hash of the ReplicaSet whose template equals the Deployment's; `None` while there is none.
    pub current_hash: Option<PodHash>,
    /// Annotation `deployment.kubernetes.io/revision`.
    pub revision: Option<Revision>,
    /// `spec.progressDeadlineSeconds`.
    pub progress_deadline: Option<Duration>,
}

/// A StatefulSet's own words. Its revisions are `ControllerRevisions`, named by their whole name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StatefulSetFacts {
    /// `status.observedGeneration`.
    pub observed_generation: Option<Generation>,
    /// `spec.updateStrategy.rollingUpdate.partition`: pods below this ordinal stay as they are. `None` without
    /// `rollingUpdate`.
    pub partition: Option<u32>,
    /// `spec.podManagementPolicy` is `OrderedReady`: a pod that never becomes ready stops everything after it.
    pub is_ordered: bool,
    /// The partition before it was paused by a high one, as our annotation keeps it; `None` where it is not paused so.
    pub held_from: Option<u32>,
    /// `status.currentRevision`.
    pub current: Option<PodHash>,
    /// `status.updateRevision`: the revision that is wanted.
    pub wanted: Option<PodHash>,
}

/// A DaemonSet's own words. Its revisions are `ControllerRevisions`, named by their hash.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DaemonSetFacts {
    /// `status.observedGeneration`.
    pub observed_generation: Option<Generation>,
    /// The newest ControllerRevision's hash; `None` while there is none.
    pub wanted: Option<PodHash>,
    /// It was paused by `OnDelete`, as our annotation says.
    pub held: bool,
    /// `status.numberMisscheduled`: pods on nodes where none should be.
    pub misscheduled: Option<u32>,
}

/// A DeploymentConfig's own words. Its revisions are `ReplicationControllers`, named by their whole name.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent fields of the wire")]
pub struct DeploymentConfigFacts {
    /// `spec.paused`.
    pub paused: bool,
    /// `status.observedGeneration`.
    pub observed_generation: Option<Generation>,
    /// `status.latestVersion`; 0 before the first rollout.
    pub latest: Option<Revision>,
    /// The ReplicationController of that version.
    pub current: Option<PodHash>,
    /// What begins a rollout by itself.
    pub triggers: Triggers,
    /// `spec.test`: its pods run only while it is rolled out.
    pub test: bool,
}

/// What begins a rollout of a DeploymentConfig (`spec.triggers`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent entries of a list")]
pub struct Triggers {
    /// A change of its template.
    pub config: bool,
    /// A new image.
    pub image: bool,
}

/// How OpenShift's deployer does with one revision, from its ReplicationController's annotations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployer {
    /// `openshift.io/deployment.phase`: `New`, `Pending`, `Running`, `Complete`, `Failed`.
    pub phase: Text,
    /// `openshift.io/deployment.status-reason`: why it began or ended.
    pub reason: Option<Text>,
}

/// One entry of `status.conditions`.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// `Progressing`, `Available`, `Healthy`, …
    pub kind: Text,
    /// `True`, `False` or `Unknown`.
    pub status: ConditionStatus,
    /// The machine's word for why.
    pub reason: Text,
    /// The sentence.
    pub message: Text,
    /// Last change of status.
    pub since: Option<Timestamp>,
    /// Last time it was written.
    pub updated: Option<Timestamp>,
}

/// The three answers of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionStatus {
    /// `True`.
    True,
    /// `False`.
    False,
    /// `Unknown`, or a word that is none of the three.
    Unknown,
}

/// A ReplicaSet: the pods of one revision.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaSet {
    /// Its name.
    pub name: Name,
    /// Its uid: pods name it as their owner.
    pub uid: Uid,
    /// The hash of its template, from the label.
    pub hash: Option<PodHash>,
    /// Its revision, from the annotation.
    pub revision: Option<Revision>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Its pods.
    pub replicas: ReplicaCounts,
    /// Its containers' images.
    pub images: Arc<[Image]>,
    /// When its pods will be removed (Argo's `scale-down-deadline`).
    pub scale_down_at: Option<Timestamp>,
    /// Why it was made, where an annotation says so, and where its version came from.
    pub build: Build,
    /// Why it cannot make pods (condition `ReplicaFailure`), verbatim.
    pub failure: Option<Text>,
    /// How the deployer does, of a DeploymentConfig.
    pub deployer: Option<Deployer>,
}

/// One container's image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The container.
    pub container: Name,
    /// Registry, repository and tag, as in the template.
    pub image: Text,
    /// `sha256:…` when the template names one.
    pub digest: Option<Text>,
}

/// Where a version came from, as annotations of the template tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Build {
    /// The commit.
    pub commit: Option<Text>,
    /// The build's number or link.
    pub build: Option<Text>,
    /// Who wrote it.
    pub author: Option<Text>,
    /// `kubernetes.io/change-cause`.
    pub cause: Option<Text>,
}

impl Workload {
    /// Hash of the template that is wanted.
    #[must_use]
    pub fn current_hash(&self) -> Option<&PodHash> {
        match &self.controller {
            Controller::Argo(rollout) => rollout.status.hashes.current.as_ref(),
            Controller::Flagger(flagger) => flagger.candidate.as_ref(),
            Controller::Deployment(facts) => facts.current_hash.as_ref(),
            Controller::StatefulSet(facts) => facts.wanted.as_ref(),
            Controller::DaemonSet(facts) => facts.wanted.as_ref(),
            Controller::DeploymentConfig(facts) => facts.current.as_ref(),
            Controller::Experiment(_) => None,
        }
    }

    /// The ReplicaSet with this hash.
    #[must_use]
    pub fn revision_by_hash(&self, hash: &PodHash) -> Option<&ReplicaSet> {
        self.revisions.iter().find(|set| set.hash.as_ref() == Some(hash))
    }

    /// The condition of this type.
    #[must_use]
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind.as_str() == kind)
    }

    /// The Rollout, if it is one.
    #[must_use]
    pub fn rollout(&self) -> Option<&Rollout> {
        match &self.controller {
            Controller::Argo(rollout) => Some(rollout),
            Controller::Flagger(_)
            | Controller::Deployment(_)
            | Controller::StatefulSet(_)
            | Controller::DaemonSet(_)
            | Controller::DeploymentConfig(_)
            | Controller::Experiment(_) => None,
        }
    }

    /// The Flagger Canary, if it is one.
    #[must_use]
    pub fn flagger(&self) -> Option<&Flagger> {
        match &self.controller {
            Controller::Flagger(flagger) => Some(flagger),
            Controller::Argo(_)
            | Controller::Deployment(_)
            | Controller::StatefulSet(_)
            | Controller::DaemonSet(_)
            | Controller::DeploymentConfig(_)
            | Controller::Experiment(_) => None,
        }
    }

    /// The Experiment, if it is one.
    #[must_use]
    pub fn experiment(&self) -> Option<&Experiment> {
        match &self.controller {
            Controller::Experiment(experiment) => Some(experiment),
            Controller::Argo(_)
            | Controller::Flagger(_)
            | Controller::Deployment(_)
            | Controller::StatefulSet(_)
            | Controller::DaemonSet(_)
            | Controller::DeploymentConfig(_) => None,
        }
    }

    /// Somebody paused it by hand: by the field for it; a StatefulSet by a partition above all its pods, a DaemonSet
    /// by our turning its strategy to `OnDelete`.
    #[must_use]
    pub fn hand_paused(&self) -> bool {
        match &self.controller {
            Controller::Argo(rollout) => rollout.spec.paused,
            Controller::Flagger(flagger) => flagger.spec.suspend,
            Controller::Deployment(facts) => facts.paused,
            Controller::DeploymentConfig(facts) => facts.paused,
            Controller::StatefulSet(facts) => {
                let partition = facts.partition.unwrap_or(0);
                let above = self.replicas.desired.is_some_and(|pods| partition >= pods);
                facts.held_from.is_some_and(|before| partition > before) || (partition > 0 && above)
            }
            Controller::Experiment(_) => false,
            Controller::DaemonSet(facts) => facts.held && self.strategy == Strategy::OnDelete,
        }
    }

    /// The generation that a controller of Kubernetes itself, or OpenShift's, has seen.
    #[must_use]
    pub const fn native_observed(&self) -> Option<Generation> {
        match &self.controller {
            Controller::Argo(_) | Controller::Flagger(_) | Controller::Experiment(_) => None,
            Controller::Deployment(facts) => facts.observed_generation,
            Controller::StatefulSet(facts) => facts.observed_generation,
            Controller::DaemonSet(facts) => facts.observed_generation,
            Controller::DeploymentConfig(facts) => facts.observed_generation,
        }
    }
}
