//! How the sources do, and how old what they said is.

use std::collections::{BTreeMap, VecDeque};

use crate::domain::feed::{SourceHealth, SourceId, SourceKind, Trouble};
use crate::domain::ids::ClusterName;
use crate::domain::observed::{Freshness, STALE_FROM, Timestamp, age};
use crate::domain::text::Text;

/// One source.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// What it says of itself.
    pub health: SourceHealth,
    /// Since when it says so.
    pub since: Timestamp,
    /// When it last proved that what it said is current.
    pub proof: Option<Timestamp>,
    /// Who we are there.
    pub identity: Option<Text>,
    /// Since when it is watched: its first whole list.
    pub watched_since: Option<Timestamp>,
    /// Times since then in which it proved nothing, the oldest first.
    pub gaps: VecDeque<(Timestamp, Timestamp)>,
}

/// Most gaps kept of one source: a line that breaks this often is told as broken, not when.
const GAPS_MAX: usize = 64;

/// A source's state, in the words of the published documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceState {
    /// Not answered yet.
    Connecting,
    /// Current.
    Live,
    /// A part is missing.
    Degraded,
    /// Was current, and proves it no more.
    Stale,
    /// Refuses us.
    Denied,
    /// Does not answer.
    Down,
}

impl SourceState {
    /// The word in documents and on the screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Live => "live",
            Self::Degraded => "degraded",
            Self::Stale => "stale",
            Self::Denied => "denied",
            Self::Down => "down",
        }
    }
}

impl Source {
    /// Its state at `now`: a source that says it is live and proves it no more is stale.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> SourceState {
        let is_stale = matches!(self.freshness(now), Freshness::Stale(_));
        match &self.health {
            SourceHealth::Denied(_) => SourceState::Denied,
            SourceHealth::Connecting { .. } => SourceState::Connecting,
            SourceHealth::Down { .. } if self.proof.is_some() && !is_stale => SourceState::Degraded,
            SourceHealth::Down { .. } => SourceState::Down,
            SourceHealth::Live | SourceHealth::Degraded(_) if is_stale => SourceState::Stale,
            SourceHealth::Degraded(_) => SourceState::Degraded,
            SourceHealth::Live => SourceState::Live,
        }
    }

    /// Remembers for how long nothing was proven.
    fn note_gap(&mut self, at: Timestamp) {
        let Some(before) = self.proof.filter(|before| age(*before, at) >= STALE_FROM) else {
            return;
        };
        if self.gaps.len() >= GAPS_MAX {
            self.gaps.pop_front();
        }
        self.gaps.push_back((before, at));
    }

    /// How far its facts can be trusted.
    #[must_use]
    pub fn freshness(&self, now: Timestamp) -> Freshness {
        Freshness::of(self.proof, now)
    }

    /// What is wrong, if something is.
    #[must_use]
    pub const fn trouble(&self) -> Option<&Trouble> {
        match &self.health {
            SourceHealth::Degraded(why)
            | SourceHealth::Denied(why)
            | SourceHealth::Down { why, .. } => Some(why),
            SourceHealth::Connecting { .. } | SourceHealth::Live => None,
        }
    }

    /// True when there is nothing to wait for: it answered or cannot.
    #[must_use]
    pub const fn has_spoken(&self) -> bool {
        !matches!(self.health, SourceHealth::Connecting { .. })
    }
}

/// All sources.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    map: BTreeMap<SourceId, Source>,
}

impl Sources {
    /// All, by cluster and kind.
    pub fn iter(&self) -> impl Iterator<Item = (&SourceId, &Source)> {
        self.map.iter()
    }

    /// One.
    #[must_use]
    pub fn get(&self, cluster: &ClusterName, kind: SourceKind) -> Option<&Source> {
        self.map.get(&SourceId { cluster: cluster.clone(), kind })
    }

    /// The API server of a cluster.
    #[must_use]
    pub fn kubernetes(&self, cluster: &ClusterName) -> Option<&Source> {
        self.get(cluster, SourceKind::Kubernetes)
    }

    pub(in crate::app) fn expect(&mut self, id: SourceId, now: Timestamp) {
        let health = SourceHealth::Connecting { attempt: 1 };
        self.map.entry(id).or_insert(Source {
            health,
            since: now,
            proof: None,
            identity: None,
            watched_since: None,
            gaps: VecDeque::new(),
        });
    }

    pub(in crate::app) fn health(&mut self, id: &SourceId, health: SourceHealth, at: Timestamp) {
        self.expect(id.clone(), at);
        if let Some(source) = self.map.get_mut(id) {
            if std::mem::discriminant(&source.health) != std::mem::discriminant(&health) {
                source.since = at;
            }
            // An API server proves facts by facts and heartbeats. That a part of it fails proves nothing, and a
            // connection that works again does not before its lists are read anew.
            let is_answer = matches!(health, SourceHealth::Live | SourceHealth::Degraded(_));
            if is_answer && id.kind != SourceKind::Kubernetes {
                source.proof = Some(at);
            }
            source.health = health;
        }
    }

    pub(in crate::app) fn prove(&mut self, id: &SourceId, at: Timestamp) {
        if let Some(source) = self.map.get_mut(id) {
            source.note_gap(at);
            source.proof = source.proof.max(Some(at));
        }
    }

    /// From the first whole list on what is not told did not happen.
    pub(in crate::app) fn watch(&mut self, id: &SourceId, at: Timestamp) {
        if let Some(source) = self.map.get_mut(id) {
            source.watched_since.get_or_insert(at);
        }
    }

    pub(in crate::app) fn identify(&mut self, id: &SourceId, identity: Text) -> Option<Text> {
        let source = self.map.get_mut(id)?;
        source.identity.replace(identity)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_cluster_that_tells_of_its_trouble_proves_no_fact_by_it() {
        let cluster = ClusterName::new("east");
        let lost = SourceHealth::Degraded(Trouble::Lost(Text::clean("a watch")));
        for (kind, health, want) in [
            (SourceKind::Kubernetes, lost.clone(), 0),
            (SourceKind::Kubernetes, SourceHealth::Live, 0),
            (SourceKind::Prometheus, lost, 9),
            (SourceKind::Prometheus, SourceHealth::Live, 9),
        ] {
            let id = SourceId { cluster: cluster.clone(), kind };
            let mut sources = Sources::default();
            let start = Timestamp::UNIX_EPOCH;
            sources.expect(id.clone(), start);
            sources.prove(&id, start);
            sources.health(&id, health.clone(), start);
            let proof = |sources: &Sources| sources.get(&cluster, kind).and_then(|it| it.proof);
            assert_eq!(proof(&sources), Some(start), "{kind:?} {health:?}");
            let later = |seconds| start + Duration::from_secs(seconds);
            sources.health(&id, health.clone(), later(9));
            assert_eq!(proof(&sources), Some(later(want)), "{kind:?} {health:?}");
        }
    }
}
