//! Which questions are due: comparisons of what moves, curves of what is open.

use std::sync::Arc;
use std::time::Duration;

use crate::analysis::need::Group;
use crate::analysis::steps;
use crate::app::event::Effect;
use crate::app::fleet::{Origin, Row};
use crate::app::state::{Purpose, State};
use crate::domain::feed::Query;
use crate::domain::ids::{Name, PodHash, QueryId, WorkloadRef};
use crate::domain::look::Side;
use crate::domain::observed::{Timestamp, age};
use crate::domain::workload::Workload;

/// A moving canary is compared this often: two scrapes of the usual 15 s never fall between two questions unseen.
pub(super) const COMPARE_EVERY: Duration = Duration::from_secs(10);

/// The open one, by a person who looks at it.
const COMPARE_OPEN_EVERY: Duration = Duration::from_secs(5);

/// Counters are looked at this often while a canary moves: a bad one is to be known before its next step.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Most questions open at once; the rest waits for the next tick.
const OPEN_MAX: usize = 24;

/// Points of a curve: as many as a wide terminal can show.
const CHART_POINTS: u32 = 120;

/// How far back curves go when the rollout does not say when it began.
const CHART_SPAN: Duration = Duration::from_mins(30);

/// The questions that are due now.
pub(super) fn due(state: &mut State) -> Vec<Effect> {
    let mut effects = Vec::new();
    let open = state.focus.selected.clone();
    let candidates: Vec<(WorkloadRef, bool)> = state
        .fleet
        .rows()
        .filter(|(target, row)| {
            state.session.measured.contains(&target.cluster)
                && (row.group != Group::Steady || Some(*target) == open.as_ref())
                && steps::canary(&row.workload).is_some()
        })
        .filter(|(target, row)| {
            let every =
                if Some(*target) == open.as_ref() { COMPARE_OPEN_EVERY } else { COMPARE_EVERY };
            row.metrics.asked_at.is_none_or(|at| age(at, state.now) >= every)
        })
        .map(|(target, _)| (target.clone(), Some(target) == open.as_ref()))
        .collect();
    for (target, is_open) in candidates {
        if state.queries.open.len() >= OPEN_MAX {
            break;
        }
        effects.extend(compare(state, &target));
        if is_open && super::feed::shows_charts(state.focus.screen) {
            effects.extend(charts(state, &target));
        }
    }
    effects.extend(looks(state));
    effects
}

/// Looks at counters that are due, the open one first.
fn looks(state: &mut State) -> Vec<Effect> {
    let open = state.focus.selected.clone();
    let is_due = |at: Option<Timestamp>| at.is_none_or(|at| age(at, state.now) >= LOOK_EVERY);
    let asked = |purpose: &Purpose, target: &WorkloadRef| matches!(purpose, Purpose::Look(of, _) if of == target);
    let is_asked =
        |target: &WorkloadRef| state.queries.open.values().any(|purpose| asked(purpose, target));
    let mut targets: Vec<WorkloadRef> = state
        .fleet
        .rows()
        .filter(|(target, row)| {
            // Pods are read through the API server: only those of the release that somebody looks at.
            let is_affordable = asks_prometheus(state, row) || Some(*target) == open.as_ref();
            row.group != Group::Steady
                && steps::canary(&row.workload).is_some()
                && is_due(row.metrics.looked_at)
                && is_affordable
                && !is_asked(target)
        })
        .map(|(target, _)| target.clone())
        .collect();
    targets.sort_by_key(|target| Some(target) != open.as_ref());
    let room = OPEN_MAX.saturating_sub(state.queries.open.len());
    targets.truncate(room);
    targets.iter().filter_map(|target| look(state, target)).collect()
}

/// Asks how canary and stable compare now.
pub(super) fn compare(state: &mut State, target: &WorkloadRef) -> Option<Effect> {
    let pair = steps::pair(&state.fleet.row(target)?.workload);
    let now = state.now;
    state.fleet.amend_quietly(target, |row| row.metrics.asked_at = Some(now));
    Some(query(state, Purpose::Compare(target.clone()), Query::Compare(pair)))
}

/// How far back raw samples are asked for: three looks, and several scrapes where they come every 15 s.
const REACH: Duration = Duration::from_mins(1);

/// Pods of one side that are scraped. More would make us the load that we measure; these stand for the others.
const PODS_MAX: usize = 8;

/// How far back the first time.
const PAST_REACH: Duration = Duration::from_mins(3);

/// Asks for the raw counters: the Prometheus of the cluster while it answers, else the pods themselves.
pub(super) fn look(state: &mut State, target: &WorkloadRef) -> Option<Effect> {
    let row = state.fleet.row(target)?;
    let (origin, question) = if asks_prometheus(state, row) {
        // The first time the past is asked for as well: how much stable's pods differ.
        let is_first = row.metrics.looked_at.is_none() && row.metrics.evidence.is_new();
        let reach = if is_first { PAST_REACH } else { REACH };
        (Origin::Prometheus, Query::Look { pair: steps::pair(&row.workload), reach })
    } else {
        let pods = pods(row);
        let both = [Side::Canary, Side::Stable];
        if !both.iter().all(|side| pods.iter().any(|(_, of)| of == side)) {
            return None;
        }
        (Origin::Pods, Query::Scrape { target: target.clone(), pods })
    };
    let now = state.now;
    state.fleet.amend_quietly(target, |row| row.metrics.looked_at = Some(now));
    Some(query(state, Purpose::Look(target.clone(), origin), question))
}

/// A Prometheus that did not answer is asked again after this; until then the pods tell.
const LOST_FOR: Duration = Duration::from_secs(30);

/// Whether the cluster has a Prometheus that answers questions for counters.
fn asks_prometheus(state: &State, row: &Row) -> bool {
    let is_known = state.session.measured.contains(&row.workload.target.cluster);
    is_known && row.metrics.lost_at.is_none_or(|at| age(at, state.now) >= LOST_FOR)
}

/// The pods that are scraped: of each side the first by name, so that the same ones are asked again.
fn pods(row: &Row) -> Arc<[(Name, Side)]> {
    let Some(detail) = &row.detail else { return Arc::default() };
    let pair = steps::pair(&row.workload);
    let of = |hash: Option<&PodHash>, side: Side| {
        let mut names: Vec<(Name, Side)> = detail
            .pods
            .iter()
            .filter(|pod| pod.hash.is_some() && pod.hash.as_ref() == hash)
            .map(|pod| (pod.name.clone(), side))
            .collect();
        names.sort();
        names.truncate(PODS_MAX);
        names
    };
    let mut all = of(pair.canary.as_ref(), Side::Canary);
    all.extend(of(pair.stable.as_ref(), Side::Stable));
    all.into()
}

/// Asks for the curves since the rollout began.
pub(super) fn charts(state: &mut State, target: &WorkloadRef) -> Option<Effect> {
    if !state.session.measured.contains(&target.cluster) {
        return None;
    }
    let row = state.fleet.row(target)?;
    let to = state.now;
    let from = began(&row.workload, to);
    let step_seconds = u32::try_from(age(from, to).as_secs()).unwrap_or(u32::MAX) / CHART_POINTS;
    let question = Query::Charts {
        pair: steps::pair(&row.workload),
        from,
        to,
        step_seconds: step_seconds.max(5),
    };
    Some(query(state, Purpose::Charts(target.clone()), question))
}

/// When the update began: the canary's ReplicaSet was made a little before. At most half an hour ago, at least five
/// minutes, so that stable's curve tells what is usual.
fn began(workload: &Workload, now: Timestamp) -> Timestamp {
    let earliest = now.checked_sub(CHART_SPAN).unwrap_or(now);
    let latest = now.checked_sub(Duration::from_mins(5)).unwrap_or(now);
    let created = steps::canary(workload).and_then(|set| set.created);
    let lead = created.and_then(|at| at.checked_sub(Duration::from_mins(1)).ok());
    lead.unwrap_or(latest).clamp(earliest, latest)
}

/// Gives a question its number and remembers what the answer is for.
pub(super) fn query(state: &mut State, purpose: Purpose, query: Query) -> Effect {
    state.queries.made += 1;
    let id = QueryId(state.queries.made);
    state.queries.open.insert(id, purpose);
    Effect::Query(id, query)
}
