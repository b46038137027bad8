//! What was before we watched, as far as it was asked for: traces in the clusters, and deeds in the audit files.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::feed::Trouble;
use crate::domain::ids::{ClusterName, OrderId, WorkloadRef};
use crate::domain::observed::{Observed, Timestamp};
use crate::domain::past::{Past, RecordedDeed, Traces};
use crate::domain::text::Text;
use crate::domain::workload::Workload;

/// What is known of the past.
#[derive(Debug, Default)]
pub struct Recalled {
    pub(in crate::app) traces: BTreeMap<WorkloadRef, Vec<Traces>>,
    pub(in crate::app) deeds: BTreeMap<WorkloadRef, Vec<RecordedDeed>>,
    pub(in crate::app) clusters: BTreeMap<ClusterName, Asked>,
    pub(in crate::app) record: Asked,
}

/// When something was asked for, and what came of it.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// When it was asked last.
    pub asked_at: Option<Timestamp>,
    /// When it was answered last.
    pub known_at: Option<Timestamp>,
    /// Why the last answer was none.
    pub trouble: Option<Trouble>,
    /// What the last answer left out, and why.
    pub missing: Arc<[Text]>,
}

impl Asked {
    /// Whether an answer is still on its way for the first time.
    #[must_use]
    pub const fn is_awaited(&self) -> bool {
        self.known_at.is_none() && self.trouble.is_none()
    }
}

impl Recalled {
    /// Traces of this very object.
    pub fn traces(&self, workload: &Workload) -> impl Iterator<Item = &Traces> {
        let all = self.traces.get(&workload.target).into_iter().flatten();
        all.filter(|traces| traces.uid.as_ref().is_none_or(|uid| *uid == workload.meta.uid))
    }

    /// Recorded deeds on this release, the oldest first.
    #[must_use]
    pub fn deeds(&self, target: &WorkloadRef) -> &[RecordedDeed] {
        self.deeds.get(target).map_or(&[], Vec::as_slice)
    }

    /// Whether the record tells of this order.
    #[must_use]
    pub fn has(&self, target: &WorkloadRef, order: &OrderId) -> bool {
        self.deeds(target).iter().any(|deed| deed.order == *order)
    }

    /// What came of asking a cluster.
    #[must_use]
    pub fn cluster(&self, cluster: &ClusterName) -> Option<&Asked> {
        self.clusters.get(cluster)
    }

    /// What came of reading the record.
    #[must_use]
    pub const fn record(&self) -> &Asked {
        &self.record
    }

    pub(in crate::app) fn take(&mut self, cluster: &ClusterName, past: Observed<Past>) {
        self.traces.retain(|target, _| target.cluster != *cluster);
        for traces in past.value.traces {
            self.traces.entry(traces.target.clone()).or_default().push(traces);
        }
        let asked = self.clusters.entry(cluster.clone()).or_default();
        asked.known_at = Some(past.at);
        asked.trouble = None;
        asked.missing = past.value.missing;
    }

    pub(in crate::app) fn take_record(&mut self, deeds: Observed<Vec<RecordedDeed>>) {
        self.deeds.clear();
        for deed in deeds.value {
            self.deeds.entry(deed.target.clone()).or_default().push(deed);
        }
        self.record.known_at = Some(deeds.at);
        self.record.trouble = None;
    }
}
