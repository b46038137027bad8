//! `Timeline`: the document of `timeline`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::fleet::API_VERSION;
use super::gates::GateTarget;
use super::source::Source;
use crate::app::fleet::Row;
use crate::app::lanes::{Lane, Range, Span, Stretch};
use crate::app::state::State;
use crate::domain::ids::WorkloadRef;
use crate::domain::text::Text;
use crate::ui::story;

/// The document of `timeline`: what clusters and our audit files still tell of the time asked for. What nobody recorded is
/// not in it: no event is no proof that nothing happened.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    /// `pilothouse.dev/v1`.
    pub api_version: String,
    /// `Timeline`.
    pub kind: String,
    /// From when, RFC 3339.
    pub since: String,
    /// Until when, RFC 3339: when it was asked.
    pub until: String,
    /// The releases of which anything is told in this time, by name.
    pub items: Vec<TimelineItem>,
    /// What could not be read, in words.
    pub missing: Vec<String>,
    /// Where the facts came from.
    pub sources: Vec<Source>,
}

/// One release over time.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelineItem {
    /// Which release.
    pub target: GateTarget,
    /// What happened, the oldest first.
    pub events: Vec<TimelineEvent>,
    /// How it was meanwhile, by state and time.
    pub spans: Vec<TimelineSpan>,
    /// How many older Events and analysis runs were left out.
    pub left_out: u32,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelineEvent {
    /// When, RFC 3339.
    pub at: String,
    /// `failed`, `deed`, `held`, `revision`, `warning`, `foreign` (another tool wrote), `completed`.
    pub meaning: String,
    /// What, and who where that is known, in words.
    pub text: String,
}

/// A while in which a release was so.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelineSpan {
    /// `moving`, `held`, `failing`.
    pub state: String,
    /// From when, RFC 3339.
    pub from: String,
    /// Until when, RFC 3339; `null`: still.
    pub until: Option<String>,
    /// How long, in seconds.
    pub seconds: u64,
}

impl Timeline {
    /// The document of this time, of one release or of all.
    #[must_use]
    pub fn of(state: &State, range: Range, only: Option<&WorkloadRef>) -> Self {
        let rows = state.fleet().rows().filter(|(target, _)| only.is_none_or(|it| it == *target));
        let rows: BTreeMap<&WorkloadRef, &Row> = rows.collect();
        let items = rows.into_iter().filter_map(|(target, row)| item(state, target, row, range));
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "Timeline".to_owned(),
            since: range.from.to_string(),
            until: range.to.to_string(),
            items: items.collect(),
            missing: missing(state),
            sources: Source::all(state),
        }
    }
}

fn item(state: &State, target: &WorkloadRef, row: &Row, range: Range) -> Option<TimelineItem> {
    let lane = Lane::of(state, row);
    let within = lane.happenings.iter().filter(|(told, _)| range.holds(told.at));
    let events: Vec<TimelineEvent> = within
        .map(|(told, meaning)| TimelineEvent {
            at: told.at.to_string(),
            meaning: meaning.name().to_owned(),
            text: story::entry(row, told).map_or_else(String::new, |entry| entry.text),
        })
        .collect();
    let is_in =
        |span: &&Span| span.from <= range.to && span.until.is_none_or(|until| until >= range.from);
    let spans: Vec<TimelineSpan> =
        lane.spans.iter().filter(is_in).map(|span| spanned(span, range)).collect();
    if events.is_empty() && spans.is_empty() {
        return None;
    }
    Some(TimelineItem {
        target: GateTarget::of(target),
        events,
        spans,
        left_out: state.past().traces(&row.workload).map(|traces| traces.left_out).sum(),
    })
}

fn spanned(span: &Span, range: Range) -> TimelineSpan {
    let state = match span.stretch {
        Stretch::Moving => "moving",
        Stretch::Held => "held",
        Stretch::Failing => "failing",
    };
    TimelineSpan {
        state: state.to_owned(),
        from: span.from.to_string(),
        until: span.until.map(|until| until.to_string()),
        seconds: span.lasted(range.to).as_secs(),
    }
}

/// Whose past could not be read, wholly or in part.
fn missing(state: &State) -> Vec<String> {
    let mut missing = Vec::new();
    for cluster in &state.session().clusters {
        let Some(asked) = state.past().cluster(cluster) else {
            missing.push(format!("{cluster}: its past was not asked for"));
            continue;
        };
        let told = asked.missing.iter().map(Text::as_str);
        missing.extend(told.map(|words| format!("{cluster}: {words}")));
        missing.extend(asked.trouble.as_ref().map(|why| format!("{cluster}: {why}")));
    }
    let record = state.past().record().trouble.as_ref();
    missing.extend(record.map(|why| format!("our record: {why}")));
    missing
}
