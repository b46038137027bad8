//! What a Flagger Canary wants and says of itself (`flagger.app/v1beta1`), as read and not yet judged.
//! Field by field `reference/rollouts.md` §2.2 and §2.3; the judgement is in `analysis::flagger_status`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::ids::{Name, PodHash};
use super::observed::Timestamp;
use super::text::Text;

/// A Canary with what belongs to it: its target, the primary that serves users, the route that splits them.
#[derive(Clone, Debug, PartialEq)]
pub struct Flagger {
    /// What it wants.
    pub spec: FlaggerSpec,
    /// What Flagger says.
    pub status: FlaggerStatus,
    /// Hash of the target's wanted template: the new version while a run is on its way.
    pub candidate: Option<PodHash>,
    /// Hash of the primary's template: the version that serves users.
    pub primary: Option<PodHash>,
    /// What the provider's own object says of the weights, where it is one that we read.
    pub route: Option<Route>,
    /// Whether the object that it releases was seen.
    pub target: TargetSeen,
}

/// The part of the spec that decides how a release goes.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent fields of the wire")]
pub struct FlaggerSpec {
    /// `spec.targetRef`.
    pub target: Target,
    /// `spec.autoscalerRef`: what scales it, and is copied for the primary.
    pub autoscaler: Option<Target>,
    /// `spec.provider`; `None`: the controller's own default.
    pub provider: Option<Text>,
    /// `spec.service.name`, else the target's name: what the route is called.
    pub service: Name,
    /// `spec.suspend`.
    pub suspend: bool,
    /// `spec.skipAnalysis`.
    pub skip_analysis: bool,
    /// How the run goes.
    pub analysis: Analysis,
    /// `spec.progressDeadlineSeconds`, 600 unless said.
    pub progress_deadline: Duration,
}

/// Whether the object that a Canary releases was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetSeen {
    /// It was.
    Yes,
    /// It is not there, or may not be read.
    No,
    /// It is of a kind that is not looked for.
    #[default]
    NotLookedFor,
}

/// An object that a Canary names: what it releases, or what scales that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// `Deployment`, `DaemonSet`, `Service`; `HorizontalPodAutoscaler`, `ScaledObject`.
    pub kind: Text,
    /// Its name.
    pub name: Name,
}

impl Target {
    /// What Flagger calls the copy that serves users.
    #[must_use]
    pub fn primary(&self) -> Name {
        Name::new(&format!("{}-primary", self.name))
    }
}

/// `spec.analysis`.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent fields of the wire")]
pub struct Analysis {
    /// One tick: every decision waits for it. At least 10 s, whatever is written.
    pub interval: Duration,
    /// Failed checks before it rolls back.
    pub threshold: u32,
    /// Ticks of a blue-green or an A/B test.
    pub iterations: Option<u32>,
    /// The weights, in order; empty without weights.
    pub weights: Arc<[u32]>,
    /// One round of mirrored traffic comes first.
    pub mirror: bool,
    /// It splits by properties of the request.
    pub matches: bool,
    /// What is measured.
    pub metrics: Arc<[Check]>,
    /// Who is asked.
    pub webhooks: Arc<[Webhook]>,
}

/// One metric of the analysis.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Its name.
    pub name: Text,
    /// Least and greatest allowed value.
    pub range: (Option<f64>, Option<f64>),
}

/// One webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// Its name.
    pub name: Text,
    /// When it is called.
    pub kind: WebhookKind,
    /// Where it is.
    pub url: Text,
}

/// When a webhook is called (`reference/rollouts.md` §2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookKind {
    /// Before the new version is scaled up: no holds it in `Waiting`.
    ConfirmRollout,
    /// Once before the first traffic.
    PreRollout,
    /// Each tick, before the metrics.
    Rollout,
    /// Before each weight: no holds it.
    ConfirmTrafficIncrease,
    /// At the top: no holds it in `WaitingPromotion`.
    ConfirmPromotion,
    /// After the end.
    PostRollout,
    /// Each tick: *yes* rolls back at once.
    Rollback,
    /// With every event.
    Event,
    /// A word that we do not know.
    Unknown,
}

/// What Flagger says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlaggerStatus {
    /// `status.phase`.
    pub phase: Phase,
    /// `status.failedChecks`.
    pub failed_checks: u32,
    /// `status.canaryWeight`: 0 in most phases, whatever the route carries.
    pub weight: u32,
    /// `status.iterations`; −1 in some phases.
    pub iterations: i64,
    /// `status.lastTransitionTime`.
    pub last_transition: Option<Timestamp>,
    /// `status.lastAppliedSpec`.
    pub applied: Option<Text>,
    /// `status.lastPromotedSpec`.
    pub promoted: Option<Text>,
}

/// `status.phase`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not said, or a word that we do not know.
    #[default]
    Unknown,
    /// The primary is being made.
    Initializing,
    /// Ready for a first run.
    Initialized,
    /// A gate before the start refuses.
    Waiting,
    /// A run is on its way.
    Progressing,
    /// A gate before the promotion refuses.
    WaitingPromotion,
    /// The primary gets the new template.
    Promoting,
    /// Traffic goes back to the primary.
    Finalising,
    /// Promoted.
    Succeeded,
    /// Rolled back, or a promotion that broke halfway.
    Failed,
    /// Being deleted.
    Terminating,
    /// Deleted.
    Terminated,
}

impl Phase {
    /// All that Flagger writes.
    pub const ALL: [Self; 11] = [
        Self::Initializing,
        Self::Initialized,
        Self::Waiting,
        Self::Progressing,
        Self::WaitingPromotion,
        Self::Promoting,
        Self::Finalising,
        Self::Succeeded,
        Self::Failed,
        Self::Terminating,
        Self::Terminated,
    ];

    /// As Flagger writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::Initializing => "Initializing",
            Self::Initialized => "Initialized",
            Self::Waiting => "Waiting",
            Self::Progressing => "Progressing",
            Self::WaitingPromotion => "WaitingPromotion",
            Self::Promoting => "Promoting",
            Self::Finalising => "Finalising",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Terminating => "Terminating",
            Self::Terminated => "Terminated",
        }
    }

    /// Reads Flagger's word.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        Self::ALL.into_iter().find(|phase| phase.name() == word).unwrap_or_default()
    }

    /// A run is on its way, or waits to begin.
    #[must_use]
    pub const fn is_running(self) -> bool {
        match self {
            Self::Waiting
            | Self::Progressing
            | Self::WaitingPromotion
            | Self::Promoting
            | Self::Finalising => true,
            Self::Unknown
            | Self::Initializing
            | Self::Initialized
            | Self::Succeeded
            | Self::Failed
            | Self::Terminating
            | Self::Terminated => false,
        }
    }
}

/// The weights of the provider's own object, the truth about the traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its kind.
    pub kind: RouteKind,
    /// Its name.
    pub name: Name,
    /// The new version's share, per cent.
    pub canary: u32,
    /// The primary's share, per cent.
    pub primary: u32,
    /// What both weights add up to as they are written; 100 as Flagger writes them.
    pub total: u64,
}

/// The kinds of object by which Flagger splits traffic, as far as they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RouteKind {
    /// Of the Gateway API.
    HttpRoute,
    /// Of Istio.
    VirtualService,
    /// Of Traefik.
    TraefikService,
    /// Of Traefik by its older group (`traefik.containo.us`), as Flagger before 1.41 writes it.
    OlderTraefikService,
    /// Of Kubernetes, by annotations that nginx reads.
    Ingress,
}

impl RouteKind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::HttpRoute,
        Self::VirtualService,
        Self::TraefikService,
        Self::OlderTraefikService,
        Self::Ingress,
    ];

    /// As the API server spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HttpRoute => "HTTPRoute",
            Self::VirtualService => "VirtualService",
            Self::TraefikService | Self::OlderTraefikService => "TraefikService",
            Self::Ingress => "Ingress",
        }
    }
}

impl fmt::Display for RouteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
