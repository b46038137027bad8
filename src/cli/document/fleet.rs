//! `FleetList`, `RolloutReport` and `FleetEvent`: the documents of `get`, `status` and `watch`.

use schemars::JsonSchema;
use serde::Serialize;

use super::owner::OwnerStatus;
use super::rollout::RolloutStatus;
use super::source::Source;
use crate::app::listing;
use crate::app::state::State;
use crate::domain::ids::WorkloadRef;

/// The version of all documents.
pub const API_VERSION: &str = "pilothouse.dev/v1";

/// The document of `get`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetList {
    /// `pilothouse.dev/v1`.
    pub api_version: String,
    /// `FleetList`.
    pub kind: String,
    /// All releases, those that need a human first.
    pub items: Vec<RolloutStatus>,
    /// What decides over releases: Argo CD's Applications, Flux's Kustomizations and HelmReleases, Kargo's Stages.
    pub owners: Vec<OwnerStatus>,
    /// Where the facts came from.
    pub sources: Vec<Source>,
}

/// The document of `status`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutReport {
    /// `pilothouse.dev/v1`.
    pub api_version: String,
    /// `RolloutReport`.
    pub kind: String,
    /// The release.
    pub item: RolloutStatus,
    /// Where the facts came from.
    pub sources: Vec<Source>,
}

/// One line of `watch`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetEvent {
    /// `pilothouse.dev/v1`.
    pub api_version: String,
    /// `FleetEvent`.
    pub kind: String,
    /// What happened.
    #[serde(rename = "type")]
    pub what: FleetEventType,
    /// The release, for `ADDED`, `MODIFIED` and `DELETED`.
    pub item: Option<RolloutStatus>,
    /// The source, for `SOURCE`.
    pub source: Option<Source>,
}

/// What a line of `watch` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum FleetEventType {
    /// A release that was not known before.
    Added,
    /// A release that changed.
    Modified,
    /// A release that is gone.
    Deleted,
    /// Every source has told all that it knows, or cannot.
    Synced,
    /// A source changed its state.
    Source,
}

impl FleetList {
    /// The document of the whole fleet.
    #[must_use]
    pub fn of(state: &State) -> Self {
        let targets = listing::everything(state);
        let rows = targets.into_iter().filter_map(|target| state.fleet().row(target));
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "FleetList".to_owned(),
            items: rows.map(|row| RolloutStatus::of(state, row)).collect(),
            owners: OwnerStatus::all(state),
            sources: Source::all(state),
        }
    }
}

impl RolloutReport {
    /// The document of one release, if it is known.
    #[must_use]
    pub fn of(state: &State, target: &WorkloadRef) -> Option<Self> {
        let row = state.fleet().row(target)?;
        Some(Self {
            api_version: API_VERSION.to_owned(),
            kind: "RolloutReport".to_owned(),
            item: RolloutStatus::of(state, row),
            sources: Source::all(state),
        })
    }
}

impl FleetEvent {
    /// A line about a release.
    #[must_use]
    pub fn item(what: FleetEventType, item: RolloutStatus) -> Self {
        Self { item: Some(item), ..Self::bare(what) }
    }

    /// A line about a source.
    #[must_use]
    pub fn source(source: Source) -> Self {
        Self { source: Some(source), ..Self::bare(FleetEventType::Source) }
    }

    /// A line about neither.
    #[must_use]
    pub fn bare(what: FleetEventType) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "FleetEvent".to_owned(),
            what,
            item: None,
            source: None,
        }
    }
}
