//! Objects that are no release themselves but belong to one, or decide over one: ReplicaSets, analyses, experiments, and
//! the owners that put a version there (Argo CD, Flux, Kargo). As read and not yet judged.

use std::sync::Arc;

use super::detail::AnalysisRun;
use super::ids::{ClusterName, Generation, Name, Namespace};
use super::observed::Timestamp;
use super::owner::{Application, Flux, Owner, Repository, Stage};
use super::rollout::RunPhase;
use super::text::Text;
use super::workload::{Condition, ObjectMeta, ReplicaSet};

/// The kinds of part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PartKind {
    /// `apps/v1` ReplicaSet.
    ReplicaSet,
    /// `argoproj.io/v1alpha1` AnalysisRun.
    AnalysisRun,
    /// `argoproj.io/v1alpha1` Experiment.
    Experiment,
    /// `argoproj.io/v1alpha1` Application.
    Application,
    /// `kustomize.toolkit.fluxcd.io` Kustomization.
    Kustomization,
    /// `helm.toolkit.fluxcd.io` HelmRelease.
    HelmRelease,
    /// `source.toolkit.fluxcd.io` GitRepository.
    GitRepository,
    /// `kargo.akuity.io` Stage.
    Stage,
    /// `kargo.akuity.io` Promotion.
    Promotion,
    /// `kargo.akuity.io` Freight.
    Freight,
}

impl PartKind {
    /// All kinds, each with the API group it belongs to.
    pub const ALL: [(&'static str, Self); 10] = [
        ("apps", Self::ReplicaSet),
        ("argoproj.io", Self::AnalysisRun),
        ("argoproj.io", Self::Experiment),
        ("argoproj.io", Self::Application),
        ("kustomize.toolkit.fluxcd.io", Self::Kustomization),
        ("helm.toolkit.fluxcd.io", Self::HelmRelease),
        ("source.toolkit.fluxcd.io", Self::GitRepository),
        ("kargo.akuity.io", Self::Stage),
        ("kargo.akuity.io", Self::Promotion),
        ("kargo.akuity.io", Self::Freight),
    ];

    /// As the API server spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReplicaSet => "ReplicaSet",
            Self::AnalysisRun => "AnalysisRun",
            Self::Experiment => "Experiment",
            Self::Application => "Application",
            Self::Kustomization => "Kustomization",
            Self::HelmRelease => "HelmRelease",
            Self::GitRepository => "GitRepository",
            Self::Stage => "Stage",
            Self::Promotion => "Promotion",
            Self::Freight => "Freight",
        }
    }

    /// The kind of this group and name; other groups have kinds of the same name (`kustomize.config.k8s.io`).
    #[must_use]
    pub fn find(group: &str, name: &str) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|(of, kind)| *of == group && kind.name() == name);
        found.map(|(_, kind)| kind)
    }
}

/// Which part: by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartRef {
    /// The cluster it lives in.
    pub cluster: ClusterName,
    /// Its namespace.
    pub namespace: Namespace,
    /// Its kind.
    pub kind: PartKind,
    /// Its name.
    pub name: Name,
}

/// A part.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Which one.
    pub target: PartRef,
    /// Identity and version of the object.
    pub meta: ObjectMeta,
    /// `status.observedGeneration`.
    pub observed: Option<Generation>,
    /// What it says of itself.
    pub facts: PartFacts,
    /// `status.conditions`, in the order of the object.
    pub conditions: Arc<[Condition]>,
    /// Who manages it.
    pub owner: Option<Owner>,
    /// What could not be read, in words; the rest stands.
    pub oddities: Arc<[Text]>,
    /// When this state of the object reached us.
    pub seen_at: Timestamp,
}

impl Part {
    /// The condition of this type.
    #[must_use]
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind.as_str() == kind)
    }
}

/// What a part says of itself.
#[derive(Clone, Debug, PartialEq)]
pub enum PartFacts {
    /// The pods of one revision.
    ReplicaSet(Box<ReplicaSet>),
    /// An analysis.
    AnalysisRun(Box<AnalysisRun>),
    /// An experiment; `None`: its controller has not said anything yet.
    Experiment(Option<RunPhase>, Option<Text>),
    /// An application of Argo CD.
    Application(Box<Application>),
    /// A Kustomization or a HelmRelease of Flux.
    Flux(Box<Flux>),
    /// A source of Flux.
    Repository(Box<Repository>),
    /// A stage of Kargo.
    Stage(Box<Stage>),
    /// A promotion of Kargo.
    Promotion(Box<Promotion>),
    /// What Kargo promotes.
    Freight(Freight),
}

impl PartFacts {
    /// The Application, if it is one.
    #[must_use]
    pub fn application(&self) -> Option<&Application> {
        if let Self::Application(application) = self { Some(application) } else { None }
    }

    /// The Kustomization or HelmRelease, if it is one.
    #[must_use]
    pub fn flux(&self) -> Option<&Flux> {
        if let Self::Flux(flux) = self { Some(flux) } else { None }
    }

    /// The stage of Kargo, if it is one.
    #[must_use]
    pub fn stage(&self) -> Option<&Stage> {
        if let Self::Stage(stage) = self { Some(stage) } else { None }
    }

    /// The source of Flux, if it is one.
    #[must_use]
    pub fn repository(&self) -> Option<&Repository> {
        if let Self::Repository(repository) = self { Some(repository) } else { None }
    }
}

/// A Promotion of Kargo (§4.4).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Promotion {
    /// `status.phase`.
    pub phase: Option<Text>,
    /// `status.message`.
    pub message: Option<Text>,
    /// `spec.stage`.
    pub stage: Text,
    /// `status.currentStep`, from 0, of how many of `spec.steps`.
    pub step: Option<(u32, u32)>,
}

/// Freight of Kargo (§4.4): the stages, each list in the order of the object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Freight {
    /// `status.currentlyIn`.
    pub currently_in: Arc<[Text]>,
    /// `status.verifiedIn`.
    pub verified_in: Arc<[Text]>,
    /// `status.approvedFor`.
    pub approved_for: Arc<[Text]>,
}
