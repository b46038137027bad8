//! What happened to one release, from everywhere it is told: its revisions, what we saw it do, analysis runs, Events, deeds of
//! ours and of others. One reading for the time axes, their cursor and the documents; the words are given elsewhere.

use std::time::Duration;

use super::fleet::{Moment, MomentKind, Row};
use super::state::State;
use crate::analysis::need::{Need, NeedKind};
use crate::analysis::verdict::Answer;
use crate::control::order::{Order, OrderState};
use crate::domain::detail::{AnalysisRun, ClusterEvent, Measurement, RunMetric};
use crate::domain::ids::{OrderId, PodHash};
use crate::domain::observed::{Timestamp, age};
use crate::domain::past::RecordedDeed;
use crate::domain::rollout::{PauseCondition, RunPhase};
use crate::domain::text::Text;
use crate::domain::workload::{ReplicaSet, Workload};

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub struct Happening<'a> {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What<'a>,
}

/// What can happen to a release, by who tells it.
#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    /// A revision's ReplicaSet was made.
    Made(&'a ReplicaSet),
    /// Another version became the wanted one.
    Wanted(&'a PodHash),
    /// Another version became the proven one.
    Proven(&'a PodHash),
    /// The tools' phase or health changed.
    Phase(&'a Text),
    /// Our verdict turned.
    Verdict(Answer),
    /// A human began to be needed, or is no more.
    Need(Option<NeedKind>),
    /// A human was needed already when we saw it first.
    Needs(&'a Need),
    /// The controller paused it.
    Paused(&'a PauseCondition),
    /// Another tool wrote the object.
    Touched(&'a Text),
    /// An analysis run began.
    RunBegan(&'a AnalysisRun),
    /// An analysis run ended.
    RunEnded(&'a AnalysisRun),
    /// An analysis run measured.
    Measured(&'a RunMetric, &'a Measurement),
    /// A Kubernetes Event.
    Told(&'a ClusterEvent),
    /// A deed of this session was sent.
    Sent(&'a Order),
    /// A deed of this session ended.
    Ended(&'a Order),
    /// A deed of another session, as our audit files tell it.
    Recorded(&'a RecordedDeed),
}

/// What a happening means to an operator, the least important first: where several fall on one place the last is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Meaning {
    /// It completed, or is well again.
    Completed,
    /// Another tool's writing.
    Foreign,
    /// A Kubernetes warning.
    Warning,
    /// A new version.
    Revision,
    /// Held: at a gate, or paused.
    Held,
    /// A deed, ours or a colleague's.
    Deed,
    /// It failed, was aborted, got worse.
    Failed,
}

impl Meaning {
    /// The word in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Revision => "revision",
            Self::Warning => "warning",
            Self::Held => "held",
            Self::Foreign => "foreign",
            Self::Deed => "deed",
            Self::Failed => "failed",
        }
    }
}

/// What our own programs announce as Events on the object.
const OURS: &str = "pilothouse";

impl What<'_> {
    /// What it means; `None` for the small steps of which only the release's own timeline tells.
    #[must_use]
    pub fn meaning(&self) -> Option<Meaning> {
        match self {
            Self::Made(_) | Self::Wanted(_) => Some(Meaning::Revision),
            Self::Proven(_) | Self::Verdict(Answer::Pass) | Self::Need(None) => {
                Some(Meaning::Completed)
            }
            Self::Verdict(Answer::Fail) => Some(Meaning::Failed),
            Self::Need(Some(kind)) => Some(of_need(*kind)),
            Self::Needs(need) => Some(of_need(need.kind)),
            Self::Paused(_) => Some(Meaning::Held),
            Self::Touched(_) => Some(Meaning::Foreign),
            Self::RunEnded(run) => match run.phase {
                RunPhase::Failed | RunPhase::Error => Some(Meaning::Failed),
                RunPhase::Inconclusive => Some(Meaning::Held),
                RunPhase::Pending
                | RunPhase::Running
                | RunPhase::Successful
                | RunPhase::Unknown => None,
            },
            Self::Told(event) => of_event(event),
            Self::Sent(_) | Self::Ended(_) | Self::Recorded(_) => Some(Meaning::Deed),
            Self::Phase(_)
            | Self::Verdict(Answer::Inconclusive)
            | Self::RunBegan(_)
            | Self::Measured(..) => None,
        }
    }
}

const fn of_need(kind: NeedKind) -> Meaning {
    match kind {
        NeedKind::Approval | NeedKind::Inconclusive => Meaning::Held,
        NeedKind::NotAborted | NeedKind::Failing | NeedKind::Degraded | NeedKind::Stuck => {
            Meaning::Failed
        }
    }
}

/// Whether a program of ours said it.
#[must_use]
pub fn is_ours(event: &ClusterEvent) -> bool {
    event.by.as_str().starts_with(OURS)
}

/// Reasons of the controllers' Events that say more than "normal" or "warning" (`reference/rollouts.md` §1.5).
const REASONS: [(&str, Option<Meaning>); 14] = [
    ("RolloutUpdated", Some(Meaning::Revision)),
    ("RolloutCompleted", Some(Meaning::Completed)),
    ("RolloutAborted", Some(Meaning::Failed)),
    ("RolloutPaused", Some(Meaning::Held)),
    ("RolloutResumed", None),
    ("RolloutNotCompleted", None),
    ("NewReplicaSetCreated", None),
    ("AnalysisRunFailed", Some(Meaning::Failed)),
    ("AnalysisRunError", Some(Meaning::Failed)),
    ("AnalysisRunInconclusive", Some(Meaning::Held)),
    ("ExperimentFailed", Some(Meaning::Failed)),
    ("ExperimentError", Some(Meaning::Failed)),
    ("ProgressDeadlineExceeded", Some(Meaning::Failed)),
    ("SkipSteps", Some(Meaning::Foreign)),
];

/// Beginnings of Flagger's sentences, whose reason is always the same (`reference/rollouts.md` §2.4).
const SENTENCES: [(&str, Option<Meaning>); 8] = [
    ("New revision detected!", Some(Meaning::Revision)),
    ("Initialization ", Some(Meaning::Completed)),
    ("Promotion completed!", Some(Meaning::Completed)),
    ("Rolling back", Some(Meaning::Failed)),
    ("Canary failed!", Some(Meaning::Failed)),
    ("Promotion of", Some(Meaning::Warning)),
    ("Confirm-", None),
    ("skipping canary run", None),
];

fn of_event(event: &ClusterEvent) -> Option<Meaning> {
    if is_ours(event) {
        return Some(Meaning::Deed);
    }
    let (reason, message) = (event.reason.as_str(), event.message.as_str());
    if let Some((_, meaning)) = REASONS.iter().find(|(known, _)| *known == reason) {
        return *meaning;
    }
    let otherwise = event.warning.then_some(Meaning::Warning);
    if reason != "Synced" {
        return otherwise;
    }
    if message.contains("advancement waiting for") {
        return Some(Meaning::Held);
    }
    let known = SENTENCES.iter().find(|(begins, _)| message.starts_with(begins));
    known.map_or(otherwise, |(_, meaning)| *meaning)
}

/// All that happened to a release, the oldest first.
#[must_use]
pub fn of<'a>(state: &'a State, row: &'a Row) -> Vec<Happening<'a>> {
    let mut all = Vec::new();
    each(state, row, &mut |happening| all.push(happening));
    all.sort_by_key(|happening| happening.at);
    all
}

/// A release is told in parts when it is seen first (its object, its revisions, its pods), and what they tell then is no
/// change of it.
const FIRST_SIGHT: Duration = Duration::from_secs(5);

/// Whether a moment that we saw belongs to our first sight of a release.
fn is_first_sight(row: &Row, at: Timestamp) -> bool {
    first_seen(row).is_some_and(|first| age(first, at) < FIRST_SIGHT)
}

/// When we saw it first; who wrote it before that the object itself tells.
fn first_seen(row: &Row) -> Option<Timestamp> {
    let is_sight = |moment: &&Moment| !matches!(moment.what, MomentKind::Touched(_));
    row.history.iter().find(is_sight).map(|moment| moment.at)
}

impl Happening<'_> {
    /// Whether it tells no change, but how the release stood when we saw it first.
    #[must_use]
    pub fn is_first_sight(&self, row: &Row) -> bool {
        let is_seen =
            matches!(self.what, What::Need(_) | What::Phase(_) | What::Wanted(_) | What::Proven(_));
        is_seen && is_first_sight(row, self.at)
    }
}

/// The same in no order, without keeping it.
pub fn each<'a>(state: &'a State, row: &'a Row, take: &mut dyn FnMut(Happening<'a>)) {
    let mut tell = |at: Option<Timestamp>, what| {
        if let Some(at) = at {
            take(Happening { at, what });
        }
    };
    for set in row.workload.revisions.iter() {
        tell(set.created, What::Made(set));
    }
    seen(row, &mut tell);
    if let Some(need) = row.need.as_ref().filter(|_| needed_already(row)) {
        tell(need.since, What::Needs(need));
    }
    for pause in row.workload.rollout().iter().flat_map(|rollout| rollout.status.pauses.iter()) {
        tell(pause.since, What::Paused(pause));
    }
    let workload = &row.workload;
    if let Some(detail) = &row.detail {
        events(state, workload, &detail.events, &mut tell);
        detail.runs.iter().for_each(|run| analysed(run, &mut tell));
    } else {
        for traces in state.past().traces(workload) {
            events(state, workload, &traces.events, &mut tell);
            traces.runs.iter().for_each(|run| analysed(run, &mut tell));
        }
    }
    let recorded = state.past().deeds(&workload.target).iter();
    for deed in recorded.filter(|deed| state.orders().get(&deed.order).is_none()) {
        tell(Some(deed.at), What::Recorded(deed));
    }
    for order in state.orders().iter().filter(|order| order.plan.target == row.workload.target) {
        let Some(first) = order.attempts.first() else { continue };
        tell(Some(first.sent_at), What::Sent(order));
        if matches!(order.state, OrderState::Ended(_)) {
            tell(order.ended_at, What::Ended(order));
        }
    }
}

/// Whether the need of now is the one that stood when we saw the release first, and began before that.
fn needed_already(row: &Row) -> bool {
    let is_need = |moment: &&Moment| matches!(moment.what, MomentKind::Need(_));
    let first = first_seen(row);
    let since = row.need.as_ref().and_then(|need| need.since);
    let last = row.history.iter().rev().find(is_need);
    last.is_some_and(|last| is_first_sight(row, last.at)) && since < first
}

/// Events, without those that repeat what we know better.
fn events<'a>(state: &State, workload: &Workload, events: &'a [ClusterEvent], tell: Tell<'_, 'a>) {
    for event in events.iter().filter(|event| !is_known_deed(state, workload, event)) {
        tell(event.last.or(event.first), What::Told(event));
    }
}

/// Whether a deed of this session, or the record, tells what this Event says.
fn is_known_deed(state: &State, workload: &Workload, event: &ClusterEvent) -> bool {
    let order = event.message.as_str().rsplit_once("[order ").map(|(_, id)| id);
    let order = order.map(|id| OrderId::new(id.trim_end_matches(']')));
    is_ours(event)
        && order.is_some_and(|id| {
            state.orders().get(&id).is_some() || state.past().has(&workload.target, &id)
        })
}

type Tell<'t, 'a> = &'t mut dyn FnMut(Option<Timestamp>, What<'a>);

/// What we saw it do; weights and steps have curves of their own.
fn seen<'a>(row: &'a Row, tell: Tell<'_, 'a>) {
    for moment in &row.history {
        let what = match &moment.what {
            MomentKind::Weight(_) | MomentKind::Step(_) => continue,
            MomentKind::Phase(word) => What::Phase(word),
            MomentKind::Wanted(hash) => What::Wanted(hash),
            MomentKind::Proven(hash) => What::Proven(hash),
            MomentKind::Verdict(answer) => What::Verdict(*answer),
            MomentKind::Need(kind) => What::Need(*kind),
            MomentKind::Touched(manager) => What::Touched(manager),
        };
        tell(Some(moment.at), what);
    }
}

fn analysed<'a>(run: &'a AnalysisRun, tell: Tell<'_, 'a>) {
    tell(run.started, What::RunBegan(run));
    tell(run.completed, What::RunEnded(run));
    for metric in run.metrics.iter() {
        for measured in metric.measurements.iter() {
            tell(measured.at, What::Measured(metric, measured));
        }
    }
}
