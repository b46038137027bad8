//! What happened to one rollout, from everywhere it is told: events, analysis runs, what we saw it do, deeds of ours and of
//! others, put into one order of time.

use crate::analysis::steps;
use crate::analysis::verdict::Answer;
use crate::app::fleet::{MomentKind, Row};
use crate::app::happenings::{self, Happening, What};
use crate::app::state::State;
use crate::control::order::Order;
use crate::domain::detail::{AnalysisRun, ClusterEvent, Measurement, RunMetric};
use crate::domain::ids::PodHash;
use crate::domain::observed::Timestamp;
use crate::domain::past::RecordedDeed;
use crate::domain::rollout::Step;
use crate::domain::text::Text;
use crate::domain::workload::ReplicaSet;

use super::answer;
use super::ladder;
use super::marks::Mark;
use super::summary;
use super::theme::Role;

/// Whose doing something was; also its lane on the time axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// A new version is wanted or proven.
    Revision,
    /// A deed, ours or another's.
    Deed,
    /// An analysis or our own verdict.
    Analysis,
    /// The controller's phase, and whether a human is needed.
    Phase,
    /// A Kubernetes Event.
    Event,
}

impl Lane {
    /// All, in the order in which they are drawn.
    pub const ALL: [Self; 5] =
        [Self::Revision, Self::Deed, Self::Analysis, Self::Phase, Self::Event];

    /// The word at the left of its line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Revision => "revision",
            Self::Deed => "deeds",
            Self::Analysis => "analysis",
            Self::Phase => "state",
            Self::Event => "events",
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// Where it is drawn.
    pub lane: Lane,
    /// Its mark.
    pub mark: Mark,
    /// What it means.
    pub role: Role,
    /// What it was, in words.
    pub text: String,
}

/// One rollout over time.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// Everything that happened, the oldest first.
    pub entries: Vec<Entry>,
    /// The actual weight whenever it changed, per cent of all.
    pub actual: Vec<(Timestamp, f64)>,
    /// The weight that the steps asked for.
    pub desired: Vec<(Timestamp, f64)>,
    /// When each step began.
    pub steps: Vec<(Timestamp, u32)>,
}

/// Tells the story of a row.
#[must_use]
pub fn story(state: &State, row: &Row) -> Story {
    let all = happenings::of(state, row);
    let mut entries: Vec<Entry> = all.iter().filter_map(|told| entry(row, told)).collect();
    entries.sort_by(|a, b| (a.at, a.lane, &a.text).cmp(&(b.at, b.lane, &b.text)));
    let steps: Vec<(Timestamp, u32)> =
        ladder::beginnings(row).into_iter().map(|(index, at)| (at, index)).collect();
    Story { actual: actual(row), desired: desired(row, &steps), entries, steps }
}

/// A happening in words; `None` for an order that ended without any.
#[must_use]
pub fn entry(row: &Row, told: &Happening<'_>) -> Option<Entry> {
    let (lane, (mark, role), text) = match &told.what {
        What::Made(set) => (Lane::Revision, (Mark::Revision, Role::Canary), made(set)),
        What::Wanted(hash) => {
            let text = format!("{} is wanted", version(row, hash));
            (Lane::Revision, (Mark::Revision, Role::Canary), text)
        }
        What::Proven(hash) => {
            let text = format!("{} is stable", version(row, hash));
            (Lane::Revision, (Mark::Good, Role::Good), text)
        }
        What::Phase(word) => (Lane::Phase, (Mark::Moving, Role::Moving), word.to_string()),
        What::Verdict(answer) => verdict(*answer),
        What::Need(Some(kind)) => {
            let text = format!("needs a human: {}", kind.name());
            (Lane::Phase, (Mark::Warning, Role::Waiting), text)
        }
        What::Needs(need) => {
            let said = summary::needed(need);
            (Lane::Phase, (said.mark, said.role), format!("{}: {}", said.word, need.why))
        }
        What::Paused(pause) => {
            (Lane::Phase, (Mark::Paused, Role::Waiting), format!("paused: {}", pause.reason))
        }
        What::Need(None) => (Lane::Phase, (Mark::Good, Role::Good), "needs nobody".to_owned()),
        What::Touched(manager) => {
            let text = format!("{manager} wrote the object");
            (Lane::Deed, (Mark::Foreign, Role::Muted), text)
        }
        What::RunBegan(run) => {
            (Lane::Analysis, (Mark::Moving, Role::Moving), format!("{} began", run.name))
        }
        What::RunEnded(run) => ended(run),
        What::Measured(metric, measured) => measurement(metric, measured),
        What::Told(event) => said(event),
        What::Recorded(deed) => (Lane::Deed, (Mark::Deed, Role::Focus), recorded(deed)),
        What::Sent(order) => (Lane::Deed, (Mark::Deed, Role::Focus), sent(order)),
        What::Ended(order) => {
            let (role, text) = answer::order_words(order)?;
            (Lane::Deed, (Mark::Deed, role), text)
        }
    };
    Some(Entry { at: told.at, lane, mark, role, text })
}

/// Lane, look and words.
type Told = (Lane, (Mark, Role), String);

fn version(row: &Row, hash: &PodHash) -> String {
    let set = row.workload.revision_by_hash(hash);
    set.map_or_else(|| hash.to_string(), |set| summary::tag_of(set, None))
}

fn made(set: &ReplicaSet) -> String {
    let text = format!("{} {}", summary::revision(set), summary::tag_of(set, None));
    let made = answer::provenance(&set.build, None);
    if made.is_empty() { text } else { format!("{text} · {made}") }
}

fn verdict(answer: Answer) -> Told {
    let said = summary::verdict(answer);
    let text = match answer {
        Answer::Pass => "canary is no worse than stable",
        Answer::Fail => "canary is worse than stable",
        Answer::Inconclusive => "the metrics do not tell",
    };
    (Lane::Analysis, (said.mark, said.role), text.to_owned())
}

fn said(event: &ClusterEvent) -> Told {
    let times = if event.count > 1 { format!(" (×{})", event.count) } else { String::new() };
    let text = format!("{}: {}{times}", event.reason, event.message);
    if happenings::is_ours(event) {
        // Of this or another session of ours: the record names who.
        return (Lane::Deed, (Mark::Foreign, Role::Focus), text);
    }
    let look =
        if event.warning { (Mark::Warning, Role::Warning) } else { (Mark::Unknown, Role::Muted) };
    (Lane::Event, look, text)
}

fn ended(run: &AnalysisRun) -> Told {
    let said = summary::run(run.phase);
    let why = run.message.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    (Lane::Analysis, (said.mark, said.role), format!("{} {}{why}", run.name, said.word))
}

fn measurement(metric: &RunMetric, measured: &Measurement) -> Told {
    let said = summary::run(measured.phase);
    let value = measured.value.as_ref().or(measured.message.as_ref());
    let value = value.map_or("not measured", |value| value.as_str());
    let text = format!("{} measured {value}: {}", metric.name, said.word);
    (Lane::Analysis, (said.mark, said.role), text)
}

fn sent(order: &Order) -> String {
    format!("you sent {}{}", order.plan.action, quoted(&order.plan.reason))
}

fn quoted(reason: &Text) -> String {
    if reason.is_empty() { String::new() } else { format!(" · “{reason}”") }
}

/// `ada sent abort: arrived · “errors”`.
fn recorded(deed: &RecordedDeed) -> String {
    let who = if deed.by.is_empty() { "somebody" } else { deed.by.as_str() };
    let outcome = deed.outcome.as_ref().map_or("outcome not recorded", |(_, words)| words.as_str());
    let doubt = if deed.proven { "" } else { " · after a fault of the record" };
    format!("{who} sent {}: {outcome}{}{doubt}", deed.deed, quoted(&deed.reason))
}

/// The actual weight: as we saw it, and before that as the controller's events tell.
fn actual(row: &Row) -> Vec<(Timestamp, f64)> {
    let mut changes: Vec<(Timestamp, f64)> = row
        .history
        .iter()
        .filter_map(|moment| match moment.what {
            MomentKind::Weight(weight) => Some((moment.at, f64::from(weight))),
            MomentKind::Step(_)
            | MomentKind::Phase(_)
            | MomentKind::Wanted(_)
            | MomentKind::Proven(_)
            | MomentKind::Verdict(_)
            | MomentKind::Touched(_)
            | MomentKind::Need(_) => None,
        })
        .collect();
    let watched_since = changes.first().map_or(Timestamp::MAX, |(at, _)| *at);
    let events = row.detail.iter().flat_map(|detail| detail.events.iter());
    let told = events.filter(|event| event.reason.as_str() == "TrafficWeightUpdated").filter_map(
        |event| Some((event.first.or(event.last)?, weight_in(event.message.as_str())?)),
    );
    changes.extend(told.filter(|(at, _)| *at < watched_since));
    changes.sort_by_key(|(at, _)| *at);
    changes
}

/// `Traffic weight updated from 0 to 5`: the 5.
fn weight_in(message: &str) -> Option<f64> {
    message.rsplit_once(" to ")?.1.trim_end_matches('.').parse().ok()
}

fn desired(row: &Row, begins: &[(Timestamp, u32)]) -> Vec<(Timestamp, f64)> {
    let Some(rollout) = row.workload.rollout() else { return Vec::new() };
    let plan: &[Step] = &rollout.spec.steps;
    begins
        .iter()
        .map(|(at, index)| {
            let index = usize::try_from(*index).unwrap_or(usize::MAX);
            let all = rollout.spec.traffic.weight_max;
            let weight = if index >= plan.len() { all } else { steps::weight_at(plan, index) };
            (*at, f64::from(weight))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_controllers_events_tell_the_weight() {
        for (message, want) in [
            ("Traffic weight updated from 0 to 5", Some(5.0)),
            ("Traffic weight updated to 20", Some(20.0)),
            ("Traffic weight updated", None),
        ] {
            assert_eq!(weight_in(message), want, "{message}");
        }
    }
}
