//! The fleet's time axis: which releases have a lane, in which order, what lies on it, and what is not known of it. Read by
//! the cursor and by the paint alike.

use std::time::Duration;

use super::event::Toward;
use super::fleet::Row;
use super::focus::{FleetAxis, Grouping};
use super::happenings::{self, Happening, Meaning, What};
use super::listing::{self, Shown};
use super::sources::Source;
use super::state::State;
use crate::analysis::need::{Group, NeedKind};
use crate::analysis::steps;
use crate::analysis::verdict::Answer;
use crate::control::gate::Gate;
use crate::domain::ids::WorkloadRef;
use crate::domain::observed::{Freshness, Timestamp, age};

/// How far back one looks from something that failed: what changed just before it.
pub const LOOK_BACK: Duration = Duration::from_mins(10);

/// One line of the screen.
#[derive(Clone, Debug, PartialEq)]
pub enum Line<'a> {
    /// The heading of a group: its name, how many releases are in it, and whether they have lanes.
    Heading(&'a str, usize, Shown),
    /// The lane of a release.
    Lane(&'a WorkloadRef),
}

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
}

impl Range {
    /// Whether a moment lies in it.
    #[must_use]
    pub fn holds(&self, at: Timestamp) -> bool {
        self.from <= at && at <= self.to
    }
}

/// What the axis shows now. Where it follows the present its left edge stands still for a quarter of the span and then
/// jumps, so that a quiet screen stays quiet.
#[must_use]
pub fn range(axis: &FleetAxis, now: Timestamp) -> Range {
    let span = Duration::from_secs(u64::from(axis.span_seconds));
    let back = |at: Timestamp| at.checked_sub(span).unwrap_or(Timestamp::MIN);
    let Some(to) = axis.end else {
        let grain = (axis.span_seconds / 4 / MINUTE * MINUTE).max(MINUTE);
        let from = floor(back(now), grain);
        let wide = span + Duration::from_secs(u64::from(grain));
        return Range { from, to: from.checked_add(wide).unwrap_or(now) };
    };
    Range { from: back(to), to }
}

const MINUTE: u32 = 60;

/// The last multiple of so many seconds before a moment.
fn floor(at: Timestamp, grain: u32) -> Timestamp {
    let left = at.as_second().div_euclid(i64::from(grain)).saturating_mul(i64::from(grain));
    Timestamp::from_second(left).unwrap_or(Timestamp::MIN)
}

/// The present as lanes are drawn up to it: with the minute of the clock, so that a quiet minute changes nothing.
#[must_use]
pub fn drawn_to(now: Timestamp) -> Timestamp {
    floor(now, MINUTE)
}

/// How a release was for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stretch {
    /// An update was on its way.
    Moving,
    /// It was held: by a pause, or at a gate.
    Held,
    /// It failed, was degraded or stuck.
    Failing,
}

/// A while in which a release was so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// How it was.
    pub stretch: Stretch,
    /// From when.
    pub from: Timestamp,
    /// Until when; `None`: still.
    pub until: Option<Timestamp>,
}

impl Span {
    /// How long it lasted, or has lasted.
    #[must_use]
    pub fn lasted(&self, now: Timestamp) -> Duration {
        age(self.from, self.until.unwrap_or(now))
    }
}

/// One release over time.
#[derive(Debug)]
pub struct Lane<'a> {
    /// Its row.
    pub row: &'a Row,
    /// What happened, the oldest first, without the small steps.
    pub happenings: Vec<(Happening<'a>, Meaning)>,
    /// How it was meanwhile; later ones lie over earlier ones.
    pub spans: Vec<Span>,
}

impl<'a> Lane<'a> {
    /// The lane of a release.
    #[must_use]
    pub fn of(state: &'a State, row: &'a Row) -> Self {
        let all = happenings::of(state, row);
        let spans = spans(row, &all);
        let told = |happening: Happening<'a>| Some((happening, meaning(row, &happening)?));
        Self { row, spans, happenings: all.into_iter().filter_map(told).collect() }
    }

    /// The span of this kind that holds a moment.
    #[must_use]
    pub fn span(&self, stretch: Stretch, at: Timestamp) -> Option<&Span> {
        let holds = |span: &&Span| {
            span.stretch == stretch && span.from <= at && span.until.is_none_or(|until| at <= until)
        };
        self.spans.iter().rev().find(holds)
    }
}

/// What a happening means on a lane.
fn meaning(row: &Row, happening: &Happening<'_>) -> Option<Meaning> {
    happening.what.meaning().filter(|_| !happening.is_first_sight(row))
}

/// Begins and ends of what is drawn as spans.
#[derive(Default)]
struct Open {
    moving: Option<Timestamp>,
    held: Option<Timestamp>,
    failing: Option<Timestamp>,
    closed: Vec<Span>,
}

/// Two tellings of one beginning (the ReplicaSet, the controller's Event, our own sight) lie this near.
const SAME_BEGINNING: Duration = Duration::from_mins(1);

impl Open {
    fn ends(&mut self, stretch: Stretch, at: Timestamp) {
        let open = match stretch {
            Stretch::Moving => &mut self.moving,
            Stretch::Held => &mut self.held,
            Stretch::Failing => &mut self.failing,
        };
        if let Some(from) = open.take().filter(|from| *from < at) {
            self.closed.push(Span { stretch, from, until: Some(at) });
        }
    }

    /// A new version: what came of the one before it nobody told, so no end is made up.
    fn begins(&mut self, at: Timestamp) {
        self.ends(Stretch::Held, at);
        self.ends(Stretch::Failing, at);
        let is_known = self.moving.is_some_and(|from| age(from, at) < SAME_BEGINNING);
        if !is_known {
            self.moving = Some(at);
        }
    }

    fn completed(&mut self, at: Timestamp) {
        for stretch in [Stretch::Moving, Stretch::Held, Stretch::Failing] {
            self.ends(stretch, at);
        }
    }

    fn failed(&mut self, at: Timestamp) {
        self.ends(Stretch::Held, at);
        self.failing.get_or_insert(at);
    }

    fn held(&mut self, at: Timestamp) {
        self.ends(Stretch::Failing, at);
        self.held.get_or_insert(at);
    }

    fn well(&mut self, at: Timestamp) {
        self.ends(Stretch::Held, at);
        self.ends(Stretch::Failing, at);
    }

    fn take(&mut self, happening: &Happening<'_>) {
        let at = happening.at;
        match &happening.what {
            What::Made(_) | What::Wanted(_) => self.begins(at),
            What::Proven(_) => self.completed(at),
            What::Verdict(Answer::Pass) | What::Need(None) => self.well(at),
            What::Need(Some(NeedKind::Approval | NeedKind::Inconclusive)) | What::Paused(_) => {
                self.held(at);
            }
            What::Verdict(Answer::Fail) | What::Need(Some(_)) => self.failed(at),
            What::Told(event) if event.reason.as_str() == "RolloutResumed" => {
                self.ends(Stretch::Held, at);
            }
            What::Told(event) if event.reason.as_str() == "RolloutAborted" => {
                self.ends(Stretch::Moving, at);
                self.failed(at);
            }
            What::Told(_) => match happening.what.meaning() {
                Some(Meaning::Revision) => self.begins(at),
                Some(Meaning::Completed) => self.completed(at),
                Some(Meaning::Held) => self.held(at),
                Some(Meaning::Warning | Meaning::Foreign | Meaning::Deed | Meaning::Failed)
                | None => {}
            },
            What::Verdict(Answer::Inconclusive)
            | What::Phase(_)
            // What is so now the object itself tells.
            | What::Needs(_)
            | What::Touched(_)
            | What::RunBegan(_)
            | What::RunEnded(_)
            | What::Measured(..)
            | What::Sent(_)
            | What::Ended(_)
            | What::Recorded(_) => {}
        }
    }
}

/// How it was over time. What began and of whose end nobody told is not drawn, unless it is so now: then the object
/// itself says since when.
fn spans(row: &Row, happenings: &[Happening<'_>]) -> Vec<Span> {
    let mut open = Open::default();
    for happening in happenings.iter().filter(|happening| !happening.is_first_sight(row)) {
        open.take(happening);
    }
    let Open { moving, mut closed, .. } = open;
    let now =
        |stretch, from: Option<Timestamp>| from.map(|from| Span { stretch, from, until: None });
    closed.extend(now(Stretch::Moving, moving_since(row, moving)));
    closed.extend(now(Stretch::Held, held_since(row)));
    closed.extend(now(Stretch::Failing, failing_since(row)));
    closed.sort_by_key(|span| (span.stretch, span.from));
    closed
}

fn moving_since(row: &Row, told: Option<Timestamp>) -> Option<Timestamp> {
    let canary = steps::canary(&row.workload).filter(|_| row.group != Group::Steady)?;
    told.or(canary.created)
}

fn held_since(row: &Row) -> Option<Timestamp> {
    let gate = Gate::of(&row.workload, row.need.as_ref()).and_then(|gate| gate.since);
    let pauses = row.workload.rollout().map(|rollout| &rollout.status.pauses);
    gate.or_else(|| pauses?.iter().filter_map(|pause| pause.since).min())
}

fn failing_since(row: &Row) -> Option<Timestamp> {
    let need = row.need.as_ref()?;
    match need.kind {
        NeedKind::NotAborted | NeedKind::Failing | NeedKind::Degraded | NeedKind::Stuck => {
            need.since
        }
        NeedKind::Inconclusive | NeedKind::Approval => None,
    }
}

/// What is known of a cluster at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// It was watched: where nothing is told nothing happened.
    Watched,
    /// Nobody watched yet: only what left a trace is known.
    Traces,
    /// The watch was not connected: anything may have happened.
    Cut,
    /// It has not come yet.
    Future,
}

/// What is known of a cluster between two moments; the least of it counts.
#[must_use]
pub fn knowledge(source: Option<&Source>, range: Range, now: Timestamp) -> Knowledge {
    if range.from >= drawn_to(now) {
        return Knowledge::Future;
    }
    let Some((since, proof)) = source.and_then(|source| source.watched_since.zip(source.proof))
    else {
        return Knowledge::Traces;
    };
    let is_stale = matches!(Freshness::of(Some(proof), now), Freshness::Stale(_));
    let is_cut = |(from, to): &(Timestamp, Timestamp)| range.from < *to && *from < range.to;
    let gaps = source.map(|source| &source.gaps);
    if is_stale && range.to > proof || gaps.is_some_and(|gaps| gaps.iter().any(is_cut)) {
        Knowledge::Cut
    } else if range.to <= since {
        Knowledge::Traces
    } else {
        Knowledge::Watched
    }
}

/// The lines as they are shown now: of releases that need a human, move, or have something on the axis, and the selected
/// one; the others are counted.
#[must_use]
pub fn lines(state: &State) -> Vec<Line<'_>> {
    let range = range(&state.focus().fleet_axis, state.now());
    let list = &state.focus().list;
    let grouping = state.focus().fleet_axis.grouping;
    let mut rows: Vec<(&WorkloadRef, &Row)> = listing::wanted(state).collect();
    rows.sort_by_cached_key(|(target, row)| {
        let need = (grouping == Grouping::Need).then(|| (row.group, listing::need_order(row)));
        (need, heading(grouping, target, row), *target)
    });
    let is_filtered = !list.filter.value().is_empty();
    let mut lines: Vec<Line<'_>> = Vec::with_capacity(rows.len() + 8);
    let mut quiet = 0;
    let mut group: Option<(&str, usize)> = None;
    for (target, row) in rows {
        let has_lane = list.shows_steady
            || is_filtered
            || row.group != Group::Steady
            || state.focus().selected.as_ref() == Some(target)
            || has_any(state, row, range);
        if !has_lane {
            quiet += 1;
            continue;
        }
        let name = heading(grouping, target, row);
        match group {
            Some((known, place)) if known == name => {
                if let Some(Line::Heading(_, count, _)) = lines.get_mut(place) {
                    *count += 1;
                }
            }
            Some(_) | None => {
                group = Some((name, lines.len()));
                lines.push(Line::Heading(name, 1, Shown::Listed));
            }
        }
        lines.push(Line::Lane(target));
    }
    if quiet > 0 {
        lines.push(Line::Heading("QUIET", quiet, Shown::Hidden));
    }
    lines
}

/// The releases that have lanes, in order.
#[must_use]
pub fn targets(state: &State) -> Vec<&WorkloadRef> {
    let lane = |line| match line {
        Line::Lane(target) => Some(target),
        Line::Heading(..) => None,
    };
    lines(state).into_iter().filter_map(lane).collect()
}

fn heading<'a>(grouping: Grouping, target: &'a WorkloadRef, row: &Row) -> &'a str {
    match grouping {
        Grouping::Need => row.group.title(),
        Grouping::Cluster => target.cluster.as_str(),
        Grouping::Namespace => target.namespace.as_str(),
    }
}

/// Whether anything is drawn of it in this stretch of time.
fn has_any(state: &State, row: &Row, range: Range) -> bool {
    let mut any = false;
    happenings::each(state, row, &mut |happening| {
        any = any || range.holds(happening.at) && meaning(row, &happening).is_some();
    });
    any
}

/// What happened in a stretch of time on all lanes that are wanted, the newest first; the release with the moment.
#[must_use]
pub fn between(state: &State, range: Range) -> Vec<(&WorkloadRef, &Row, Happening<'_>, Meaning)> {
    let mut found = Vec::new();
    for (target, row) in listing::wanted(state) {
        happenings::each(state, row, &mut |happening| {
            if range.holds(happening.at)
                && let Some(meaning) = meaning(row, &happening)
            {
                found.push((target, row, happening, meaning));
            }
        });
    }
    found.sort_by(|one, two| (two.2.at, two.3, one.0).cmp(&(one.2.at, one.3, two.0)));
    found
}

/// The nearest moment before (or after) another one at which something happened on this lane.
#[must_use]
pub fn beside(lane: &Lane<'_>, at: Timestamp, toward: Toward) -> Option<Timestamp> {
    let moments = lane.happenings.iter().map(|(happening, _)| happening.at);
    match toward {
        Toward::Earlier => moments.filter(|moment| *moment < at).max(),
        Toward::Later => moments.filter(|moment| *moment > at).min(),
    }
}

/// The same on any lane: which release, and when.
#[must_use]
pub fn anywhere(state: &State, at: Timestamp, toward: Toward) -> Option<(&WorkloadRef, Timestamp)> {
    let mut best: Option<(&WorkloadRef, Timestamp)> = None;
    for (target, row) in listing::wanted(state) {
        happenings::each(state, row, &mut |happening| {
            let (moment, nearest) = (happening.at, best.map(|(_, at)| at));
            let is_nearer = match toward {
                Toward::Earlier => moment < at && nearest.is_none_or(|best| moment > best),
                Toward::Later => moment > at && nearest.is_none_or(|best| moment < best),
            };
            if is_nearer && meaning(row, &happening).is_some() {
                best = Some((target, moment));
            }
        });
    }
    best
}
