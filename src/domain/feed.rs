//! What crosses between the machine (`app`) and the backends, so that neither knows the other.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::detail::Detail;
use super::ids::{
    ClusterName, Name, Namespace, OrderId, PodHash, ResourceVersion, WorkloadKind, WorkloadRef,
};
use super::look::{Look, Side};
use super::metric::{Charts, Comparison};
use super::observed::{Observed, Timestamp};
use super::part::{Part, PartKind, PartRef};
use super::past::{Past, RecordedDeed};
use super::text::{Block, Text};
use super::workload::Workload;

/// What a source is asked to follow beyond the fleet itself, which it follows from its start.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Pods, events and analysis runs of one workload.
    Detail(WorkloadRef),
}

/// Which source speaks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId {
    /// Of which cluster.
    pub cluster: ClusterName,
    /// Which of its sources.
    pub kind: SourceKind,
}

/// The kinds of source, as in the published documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SourceKind {
    /// The API server.
    Kubernetes,
    /// Prometheus.
    Prometheus,
}

impl SourceKind {
    /// The name in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            Self::Prometheus => "prometheus",
        }
    }
}

/// News of a source. Replaceable: the newest per key counts, except for [`Feed::Sighting`].
#[derive(Clone, Debug, PartialEq)]
pub enum Feed {
    /// Workloads that are new or changed.
    Changed(Vec<Workload>),
    /// Workloads that are gone.
    Removed(Vec<WorkloadRef>),
    /// Objects that decide over releases and are new or changed; `None`: gone.
    Owners(Vec<(PartRef, Option<Arc<Part>>)>),
    /// Whether owners of this kind can be read, and why not. A kind that is not installed can: there are none.
    OwnersRead(PartKind, Result<(), Trouble>),
    /// The first whole list is in (again after a resync): what is not known by now does not exist.
    Synced,
    /// The parts of a followed workload.
    Detail(Box<Detail>),
    /// How the source itself does.
    Health(SourceHealth),
    /// The source proved that what it said is current (an event, a bookmark or a heartbeat on the same connection).
    Beat,
    /// Who is logged in there, as the API server says.
    Identity(Text),
    /// What the watch saw of an order that waits for it. Never dropped.
    Sighting(OrderId, Sighting),
}

/// The first thing the watch saw of an object after the precondition of our write.
#[derive(Clone, Debug, PartialEq)]
pub enum Sighting {
    /// Our mark: the write was applied.
    Marked(ResourceVersion),
    /// Another change came first: our precondition can never hold again, so it was not applied.
    Overtaken {
        /// The version that came first.
        by: ResourceVersion,
        /// Its field manager, where one tells.
        manager: Option<Text>,
    },
    /// The watch had a gap there: it cannot tell any more.
    Gap,
    /// The object is gone.
    Deleted,
}

/// How a source does.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceHealth {
    /// Not answered yet.
    Connecting {
        /// Which try this is, from 1.
        attempt: u32,
    },
    /// Answers.
    Live,
    /// Answers, but a part is missing (a kind that is not installed is no part: see [`Trouble::KindMissing`]).
    Degraded(Trouble),
    /// Refuses us.
    Denied(Trouble),
    /// Does not answer; tried again at that time.
    Down {
        /// Why.
        why: Trouble,
        /// When it is tried again.
        retry_at: Timestamp,
    },
}

/// A question to a backend. Answered by exactly one [`Answer`].
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// Canary and stable now.
    Compare(RevisionPair),
    /// Canary and stable since.
    Charts {
        /// Which revisions.
        pair: RevisionPair,
        /// From when.
        from: Timestamp,
        /// To when.
        to: Timestamp,
        /// Distance of points, in seconds.
        step_seconds: u32,
    },
    /// The raw counters of canary's and stable's pods, as a Prometheus has them.
    Look {
        /// Which revisions.
        pair: RevisionPair,
        /// How far back samples are wanted: to the look before and a little more.
        reach: Duration,
    },
    /// The same from the pods themselves, through the API server.
    Scrape {
        /// Whose pods.
        target: WorkloadRef,
        /// Which of them.
        pods: Arc<[(Name, Side)]>,
    },
    /// The end of a container's log.
    Log {
        /// The cluster.
        cluster: ClusterName,
        /// The pod's namespace.
        namespace: Namespace,
        /// The pod.
        pod: Name,
        /// The container.
        container: Name,
        /// Which of its lives.
        life: LogLife,
    },
    /// The object as YAML, without managed fields.
    Yaml(WorkloadRef),
    /// The pod templates of two revisions as YAML, for their difference.
    Templates(RevisionPair),
    /// What a cluster still tells of releases of these kinds: Events and analysis runs.
    Past {
        /// The cluster.
        cluster: ClusterName,
        /// The kinds that live there.
        kinds: BTreeSet<WorkloadKind>,
    },
    /// The deeds of our audit files.
    Record,
}

/// Which life of a container a log is asked of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLife {
    /// The running one.
    Current,
    /// The one before its last restart.
    Previous,
}

/// Two revisions of one workload.
#[derive(Clone, Debug, PartialEq)]
pub struct RevisionPair {
    /// Whose revisions.
    pub target: WorkloadRef,
    /// The new one.
    pub canary: Option<PodHash>,
    /// The proven one.
    pub stable: Option<PodHash>,
}

/// The answer to a [`Query`].
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To [`Query::Compare`].
    Comparison(Observed<Comparison>),
    /// To [`Query::Charts`].
    Charts(Observed<Charts>),
    /// To [`Query::Look`] and [`Query::Scrape`].
    Look(Observed<Look>),
    /// To [`Query::Log`] and [`Query::Yaml`].
    Block(Observed<Block>),
    /// To [`Query::Templates`]: canary's and stable's.
    Templates(Observed<Box<(Block, Block)>>),
    /// To [`Query::Past`].
    Past(Observed<Past>),
    /// To [`Query::Record`]: the oldest first.
    Record(Observed<Vec<RecordedDeed>>),
    /// None of them: why.
    Failed(Trouble),
}

/// What can be wrong with a backend: each a sentence and a remedy.
#[derive(Clone, Debug, PartialEq)]
pub enum Trouble {
    /// 401.
    NotAuthenticated {
        /// The server's or the plugin's words.
        detail: Text,
    },
    /// 403.
    Forbidden(Box<Permission>),
    /// A kind is not installed in the cluster.
    KindMissing(Text),
    /// 404 of an object.
    NotFound(Text),
    /// The kubeconfig or another setting is wrong; the words name file and place.
    Config(Text),
    /// The credential plugin failed, hung or wanted to ask.
    Plugin(Text),
    /// No connection: refused, no route, name not found.
    Unreachable(Text),
    /// TLS: unknown authority, expired or wrong certificate.
    Tls(Text),
    /// No answer in time.
    TimedOut {
        /// How long was waited.
        after: Duration,
    },
    /// An answer that is not what the protocol says: HTML, truncated JSON, wrong types.
    BadAnswer(Text),
    /// A status of the server, with its words.
    Refused {
        /// The HTTP status.
        code: u16,
        /// The server's words.
        detail: Text,
    },
    /// The answer is larger than we take.
    TooLarge {
        /// The limit in bytes.
        bytes_max: u64,
    },
    /// The source is not configured at all.
    NotConfigured,
    /// The task ended without an answer (a fault of ours).
    Lost(Text),
}

/// A right that is missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Permission {
    /// `list`, `watch`, `patch` …
    pub verb: Text,
    /// The resource with its subresource: `rollouts/status`.
    pub resource: Text,
    /// Where; `None`: in all namespaces.
    pub namespace: Option<Namespace>,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        match &self.namespace {
            Some(namespace) => write!(f, " in namespace {namespace}"),
            None => f.write_str(" in all namespaces"),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAuthenticated { detail } => write!(f, "not authenticated: {detail}"),
            Self::Forbidden(permission) => write!(f, "no permission to {permission}"),
            Self::KindMissing(kind) => write!(f, "{kind} is not installed in this cluster"),
            Self::NotFound(what) => write!(f, "{what} not found"),
            Self::Config(detail) => write!(f, "{detail}"),
            Self::Plugin(detail) => write!(f, "credential plugin: {detail}"),
            Self::Unreachable(detail) => write!(f, "cannot connect: {detail}"),
            Self::Tls(detail) => write!(f, "TLS: {detail}"),
            Self::TimedOut { after } => write!(f, "no answer within {} s", after.as_secs().max(1)),
            Self::BadAnswer(detail) => write!(f, "answer not understood: {detail}"),
            Self::Refused { code, detail } => write!(f, "answered {code}: {detail}"),
            Self::TooLarge { bytes_max } => write!(f, "answer larger than {bytes_max} bytes"),
            Self::NotConfigured => f.write_str("not configured"),
            Self::Lost(detail) => write!(f, "the request ended without an answer: {detail}"),
        }
    }
}

impl Trouble {
    /// What the operator can do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::NotAuthenticated { .. } => {
                "log in again (for example `kubectl get ns`), then press r"
            }
            Self::Forbidden(_) => {
                "ask for this right, or name namespaces with -n; `pilothouse doctor` lists all rights"
            }
            Self::KindMissing(_) => "nothing to do if the cluster does not use it",
            Self::NotFound(_) => "check the name; it may have been deleted",
            Self::Config(_) => "mend the file named above; `pilothouse doctor` checks it",
            Self::Plugin(_) => {
                "run the login command of this context in a shell; the plugin never gets this terminal"
            }
            Self::Unreachable(_) => "check VPN, proxy and address; tried again by itself",
            Self::Tls(_) => {
                "check authority and dates of the certificate (kubeconfig; ca_file for Prometheus)"
            }
            Self::TimedOut { .. } => "tried again by itself; check VPN and bastion",
            Self::BadAnswer(_) => {
                "something between us and the server answers for it (proxy, login page); check the address"
            }
            Self::Refused { .. } => "tried again by itself",
            Self::TooLarge { .. } => "narrow it with -n or -l",
            Self::NotConfigured => "set it in the config or by flag; `pilothouse doctor` shows how",
            Self::Lost(_) => "press r; if it comes back, report it with the log",
        }
    }
}

/// Notes that a source may give with its answers.
pub type Notes = Arc<[Text]>;
