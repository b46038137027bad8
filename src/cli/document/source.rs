//! `Source`: how a source of facts does.

use schemars::JsonSchema;
use serde::Serialize;

use crate::app::sources;
use crate::app::state::State;
use crate::domain::feed::SourceId;
use crate::domain::observed::{Timestamp, age};

/// One source of facts.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// The context of the kubeconfig.
    pub cluster: String,
    /// `kubernetes`, `prometheus`, `scrape` or `alertmanager`.
    pub kind: String,
    /// `connecting`, `live`, `degraded`, `stale`, `denied` or `down`.
    pub state: String,
    /// Since when it is in that state, as far as it was watched.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// What is wrong and what can be done; null when nothing is.
    pub why: Option<String>,
    /// Seconds since the source last proved that what it said is current (event, bookmark or heartbeat); null: never.
    pub age_seconds: Option<u64>,
}

impl Source {
    /// The document of one source at `now`.
    #[must_use]
    pub fn of(id: &SourceId, source: &sources::Source, now: Timestamp) -> Self {
        Self {
            cluster: id.cluster.to_string(),
            kind: id.kind.name().to_owned(),
            state: source.state(now).name().to_owned(),
            since: source.since,
            why: source.trouble().map(|trouble| format!("{trouble}; {}", trouble.remedy())),
            age_seconds: source.proof.map(|at| age(at, now).as_secs()),
        }
    }

    /// All sources, by cluster and kind.
    #[must_use]
    pub fn all(state: &State) -> Vec<Self> {
        let now = state.now();
        state.sources().iter().map(|(id, source)| Self::of(id, source, now)).collect()
    }
}
