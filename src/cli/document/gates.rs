//! `GateList`: the document of `gates`.

use schemars::JsonSchema;
use serde::Serialize;

use super::fleet::API_VERSION;
use super::source::Source;
use crate::app::listing::{self, Waiting};
use crate::app::state::State;
use crate::domain::ids::WorkloadRef;
use crate::domain::observed::age;
use crate::domain::text::Text;

/// The document of `gates`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateList {
    /// `pilothouse.dev/v1`.
    pub api_version: String,
    /// `GateList`.
    pub kind: String,
    /// How long a gate may wait, in seconds.
    pub limit_seconds: u64,
    /// All that waits for a human's yes, the one with the least time left first.
    pub items: Vec<GateItem>,
    /// Where the facts came from.
    pub sources: Vec<Source>,
}

/// One gate.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateItem {
    /// Which release.
    pub target: GateTarget,
    /// `step`, `switch`, `inconclusive`, `start`, `promotion`, `hand`.
    pub gate: String,
    /// What it waits for, in words.
    pub why: String,
    /// Since when, RFC 3339; `null` where nobody knows.
    pub since: Option<String>,
    /// How long it has waited, in seconds; `null` where nobody knows.
    pub waited_seconds: Option<u64>,
    /// `over`, `soon`, `waits`, `unknown`.
    pub urgency: String,
    /// The deed that `approve` does.
    pub approve: String,
    /// The deed that `refuse` does.
    pub refuse: String,
    /// The steps after a yes, in order.
    pub remaining: Vec<String>,
    /// `pass`, `fail`, `inconclusive`; `null` where nothing was judged.
    pub verdict: Option<String>,
    /// Who released, where an annotation tells it.
    pub author: Option<String>,
}

/// Which release waits.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GateTarget {
    /// The context.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The kind.
    pub kind: String,
    /// The name.
    pub name: String,
}

impl GateTarget {
    /// This release.
    #[must_use]
    pub fn of(target: &WorkloadRef) -> Self {
        Self {
            cluster: target.cluster.to_string(),
            namespace: target.namespace.to_string(),
            kind: target.kind.name().to_owned(),
            name: target.name.to_string(),
        }
    }
}

impl GateList {
    /// The document of all gates.
    #[must_use]
    pub fn of(state: &State) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "GateList".to_owned(),
            limit_seconds: state.session().gate_limit.as_secs(),
            items: listing::gates(state).iter().map(|one| item(state, one)).collect(),
            sources: Source::all(state),
        }
    }
}

fn item(state: &State, one: &Waiting<'_>) -> GateItem {
    let (gate, target) = (&one.gate, one.target);
    let verdict = one.row.metrics.verdict.as_ref();
    GateItem {
        target: GateTarget::of(target),
        gate: gate.kind.name().to_owned(),
        why: gate.why.to_string(),
        since: gate.since.map(|since| since.to_string()),
        waited_seconds: gate.since.map(|since| age(since, state.now()).as_secs()),
        urgency: one.urgency.name().to_owned(),
        approve: gate.kind.approve().name().to_owned(),
        refuse: gate.refuse.name().to_owned(),
        remaining: gate.left.iter().map(Text::to_string).collect(),
        verdict: verdict.map(|verdict| verdict.answer.name().to_owned()),
        author: one.row.workload.build.author.as_ref().map(Text::to_string),
    }
}
