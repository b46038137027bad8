//! What was before we watched, as far as anybody still tells: clusters keep Events and analysis runs for a while, our own
//! audit files keep our deeds.

use std::sync::Arc;

use super::detail::{AnalysisRun, ClusterEvent};
use super::ids::{OrderId, Uid, WorkloadRef};
use super::observed::Timestamp;
use super::text::Text;

/// Most Events, and most analysis runs, kept of one release whose parts are not followed; the newest are.
pub const TRACES_MAX: usize = 60;

/// Most deeds read out of the audit files; the newest are.
pub const DEEDS_MAX: usize = 1_000;

/// What a cluster still tells of its releases.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// Release by release.
    pub traces: Vec<Traces>,
    /// What could not be read and why ("no permission: list events in all namespaces").
    pub missing: Arc<[Text]>,
}

/// What a cluster still tells of one release.
#[derive(Clone, Debug, PartialEq)]
pub struct Traces {
    /// Which one.
    pub target: WorkloadRef,
    /// The object that is meant: one of the same name may have lived before. `None` where nothing told it.
    pub uid: Option<Uid>,
    /// Events of the object itself, the oldest first.
    pub events: Vec<ClusterEvent>,
    /// Its analysis runs, the oldest first.
    pub runs: Vec<AnalysisRun>,
    /// How many older ones were left out.
    pub left_out: u32,
}

/// A deed of ours as the audit files tell it, of this session or another.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedDeed {
    /// Its order.
    pub order: OrderId,
    /// On what.
    pub target: WorkloadRef,
    /// Which deed.
    pub deed: Text,
    /// Why.
    pub reason: Text,
    /// Who, as the API server or the operating system says.
    pub by: Text,
    /// When it was about to be sent.
    pub at: Timestamp,
    /// How it ended and when, where that is recorded.
    pub outcome: Option<(Timestamp, Text)>,
    /// False after a fault of the chain: it may be true.
    pub proven: bool,
}
