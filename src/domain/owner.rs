//! Objects that decide over releases (applications of Argo CD, Kustomizations and HelmReleases of Flux, stages of Kargo)
//! as they tell of themselves, and how a release stands to the one that manages it (`reference/rollouts.md` §4).

use std::sync::Arc;
use std::time::Duration;

use super::ids::{Name, Namespace, WorkloadKind};
use super::observed::Timestamp;
use super::part::Part;
use super::text::Text;

/// Who else manages an object (`reference/rollouts.md` §4.1): by its own labels and annotations, or because an
/// Application lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct Owner {
    /// Which tool.
    pub tool: OwnerTool,
    /// The application, kustomization or release.
    pub name: Text,
    /// The annotation by which the tool leaves this one object alone.
    pub spared: Option<Text>,
    /// What its own object says.
    pub state: OwnerState,
}

/// The tools that may undo what we do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerTool {
    /// An Argo CD Application.
    ArgoCd,
    /// A Flux Kustomization.
    FluxKustomization,
    /// A Flux HelmRelease.
    FluxHelmRelease,
    /// Plain Helm.
    Helm,
    /// Another controller named in `ownerReferences`.
    Controller,
}

/// What is known of an owner beside its name.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum OwnerState {
    /// Nobody looked: it has no object that tells, or this was read from files.
    #[default]
    Unasked,
    /// Looked for, and not to be told: why.
    Unknown(Text),
    /// What its object says.
    Known(Box<OwnerObject>),
}

/// An owner's object with what belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnerObject {
    /// The Application, Kustomization or HelmRelease.
    pub part: Arc<Part>,
    /// Kargo's stage that drives the Application.
    pub stage: Option<Arc<Part>>,
    /// Flux's GitRepository that it takes its files from.
    pub repository: Option<Arc<Part>>,
    /// Since when and why this is not followed any more.
    pub stale: Option<(Timestamp, Text)>,
}

impl Owner {
    /// An owner of whom only signs on the managed object tell.
    #[must_use]
    pub const fn signed(tool: OwnerTool, name: Text) -> Self {
        Self { tool, name, spared: None, state: OwnerState::Unasked }
    }

    /// Its object, where it is known.
    #[must_use]
    pub const fn object(&self) -> Option<&OwnerObject> {
        match &self.state {
            OwnerState::Known(object) => Some(object),
            OwnerState::Unasked | OwnerState::Unknown(_) => None,
        }
    }
}

impl OwnerObject {
    /// What the Application says, if it is one.
    #[must_use]
    pub fn application(&self) -> Option<&Application> {
        self.part.facts.application()
    }

    /// What the object of Flux says, if it is one.
    #[must_use]
    pub fn flux(&self) -> Option<&Flux> {
        self.part.facts.flux()
    }
}

/// An Application of Argo CD (§4.2).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Application {
    /// `status.health.status`, Argo CD's own word.
    pub health: Option<Text>,
    /// `status.health.message`.
    pub message: Option<Text>,
    /// `status.sync.status`.
    pub sync: Option<Text>,
    /// `status.operationState`: phase and message.
    pub operation: Option<(Text, Option<Text>)>,
    /// Where its objects come from.
    pub source: Source,
    /// What it does by itself.
    pub automation: Automation,
    /// What was deployed last.
    pub deployed: Option<Deployed>,
    /// How often it healed this revision in a row: each time it waits longer.
    pub heals: u32,
    /// The releases among the objects that it manages.
    pub manages: Arc<[Managed]>,
    /// Fields in which it tolerates a difference.
    pub ignores: Ignores,
    /// Where its objects live; `None`: in the same cluster.
    pub elsewhere: Option<Text>,
    /// Kargo's project and stage that drive it.
    pub stage: Option<(Text, Text)>,
}

/// Where the objects of an owner come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The repository's address; of Flux the kind and name of its source.
    pub repo: Text,
    /// The path or the chart inside it.
    pub place: Option<Text>,
    /// The branch, tag or version that is wanted.
    pub wanted: Option<Text>,
    /// How many further sources there are.
    pub more: u32,
}

/// What an Application does by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Automation {
    /// Nothing: somebody has to sync.
    #[default]
    Off,
    /// Nothing at all: it is told to be skipped.
    Skipped,
    /// It syncs new revisions, and lets changes in the cluster stand.
    Syncs,
    /// It puts back what is changed in the cluster.
    Heals,
}

/// A deployment out of the history of an owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployed {
    /// The commit or chart version.
    pub revision: Text,
    /// The different one before it.
    pub before: Option<Text>,
    /// When.
    pub at: Option<Timestamp>,
    /// By whom; `None` by itself, or nobody tells.
    pub by: Option<Text>,
}

/// A release that an owner lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Managed {
    /// Its kind.
    pub kind: WorkloadKind,
    /// Its namespace.
    pub namespace: Namespace,
    /// Its name.
    pub name: Name,
}

/// The differences that an owner tolerates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignores {
    /// The fields.
    pub fields: Arc<[Ignored]>,
    /// Even when it syncs it does not write them.
    pub by_sync: bool,
}

/// A field of some objects in which an owner tolerates a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Of this kind; empty or `*`: of all.
    pub kind: Text,
    /// Of this name only.
    pub name: Option<Text>,
    /// In this namespace only.
    pub namespace: Option<Text>,
    /// Which field.
    pub field: IgnoredField,
}

/// How an ignored field is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IgnoredField {
    /// A JSON pointer: `/spec/replicas`.
    Pointer(Text),
    /// A jq path: `.spec.template.spec.containers[].image`.
    Jq(Text),
    /// Whatever this field manager owns.
    Manager(Text),
}

/// A Kustomization or a HelmRelease of Flux (§4.3).
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent fields of the wire")]
pub struct Flux {
    /// `spec.suspend`.
    pub suspend: bool,
    /// `spec.interval`.
    pub interval: Option<Duration>,
    /// `spec.driftDetection.mode` of a HelmRelease.
    pub drift: Option<Text>,
    /// Where its objects come from.
    pub source: Source,
    /// Its GitRepository, where that is its source.
    pub repository: Option<(Namespace, Name)>,
    /// What was applied last.
    pub deployed: Option<Deployed>,
    /// Fields that it leaves alone.
    pub ignores: Ignores,
    /// It manages another cluster (`spec.kubeConfig`).
    pub elsewhere: bool,
}

/// A GitRepository of Flux: where Kustomizations take their files from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Repository {
    /// `spec.suspend`.
    pub suspend: bool,
    /// `spec.url`.
    pub url: Text,
    /// The branch, tag, range or commit that is wanted.
    pub wanted: Option<Text>,
    /// `status.artifact.revision`.
    pub revision: Option<Text>,
}

/// A Stage of Kargo (§4.4).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stage {
    /// `status.health.status`.
    pub health: Option<Text>,
    /// `status.health.issues`.
    pub issues: Arc<[Text]>,
    /// `status.currentPromotion.name`.
    pub promotion: Option<Text>,
    /// `status.promotionWindowStatus` is closed, and why.
    pub closed: Option<Text>,
    /// `status.freightSummary`: what it has now.
    pub freight: Option<Text>,
    /// `status.autoPromotionEnabled`.
    pub automatic: bool,
}
