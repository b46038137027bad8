//! The fleet as it is listed: which rows, in which groups and order. Read by the cursor and by the paint alike.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::fleet::Row;
use super::focus::{FleetList, Sort};
use super::state::State;
use crate::analysis::need::Group;
use crate::control::gate::{Gate, Urgency};
use crate::domain::ids::WorkloadRef;
use crate::domain::observed::Timestamp;
use crate::domain::owner::Owner;
use crate::domain::part::PartRef;

/// One line of the list.
#[derive(Clone, Debug, PartialEq)]
pub enum Line<'a> {
    /// The heading of a group, with the number of rows in it and whether they are shown.
    Heading(Group, usize, Shown),
    /// A row.
    Row(&'a WorkloadRef),
}

/// Whether a group's rows are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Listed.
    Listed,
    /// Only counted.
    Hidden,
}

/// The groups, in the order of the screen.
const GROUPS: [Group; 3] = [Group::NeedsYou, Group::Moving, Group::Steady];

/// The list as it is shown now.
#[must_use]
pub fn lines(state: &State) -> Vec<Line<'_>> {
    let list = &state.focus().list;
    let mut rows: Vec<(&WorkloadRef, &Row)> = wanted(state).collect();
    rows.sort_by(|left, right| order(list.sort, left).cmp(&order(list.sort, right)));
    let mut lines = Vec::with_capacity(rows.len() + GROUPS.len());
    for group in GROUPS {
        let members = rows.iter().filter(|(_, row)| row.group == group);
        let count = members.clone().count();
        if count == 0 {
            continue;
        }
        let is_hidden =
            group == Group::Steady && !list.shows_steady && list.filter.value().is_empty();
        let shown = if is_hidden { Shown::Hidden } else { Shown::Listed };
        lines.push(Line::Heading(group, count, shown));
        if shown == Shown::Listed {
            lines.extend(members.map(|(target, _)| Line::Row(target)));
        }
    }
    lines
}

/// The rows of the list, in order.
#[must_use]
pub fn targets(state: &State) -> Vec<&WorkloadRef> {
    lines(state)
        .into_iter()
        .filter_map(|line| match line {
            Line::Row(target) => Some(target),
            Line::Heading(..) => None,
        })
        .collect()
}

/// Something that waits for a human's yes.
#[derive(Clone, Debug)]
pub struct Waiting<'a> {
    /// Which release.
    pub target: &'a WorkloadRef,
    /// Its row.
    pub row: &'a Row,
    /// The gate.
    pub gate: Gate,
    /// How it does against the limit.
    pub urgency: Urgency,
}

/// All gates that are listed, the one with the least time left first; those of unknown age at the end.
#[must_use]
pub fn gates(state: &State) -> Vec<Waiting<'_>> {
    let (now, limit) = (state.now(), state.session().gate_limit);
    let mut waiting: Vec<Waiting<'_>> = wanted(state)
        .filter_map(|(target, row)| {
            let gate = Gate::of(&row.workload, row.need.as_ref())?;
            let urgency = gate.urgency(limit, now);
            Some(Waiting { target, row, gate, urgency })
        })
        .collect();
    waiting.sort_by_key(|one| (one.gate.since.is_none(), one.gate.since, one.target));
    waiting
}

/// Every row, whatever is filtered or hidden, in the order of need.
#[must_use]
pub fn everything(state: &State) -> Vec<&WorkloadRef> {
    let mut rows: Vec<(&WorkloadRef, &Row)> = state.fleet().rows().collect();
    rows.sort_by_key(|row| (row.1.group, order(Sort::Need, row)));
    rows.into_iter().map(|(target, _)| target).collect()
}

/// Inside a group: as the operator sorted, and always total, so that rows never change places by chance.
type Order<'a> = (Option<(u8, i64)>, Option<Reverse<i64>>, &'a WorkloadRef);

fn order<'a>(sort: Sort, (target, row): &(&'a WorkloadRef, &'a Row)) -> Order<'a> {
    match sort {
        Sort::Need => (Some(need_order(row)), None, target),
        Sort::Name => (None, None, target),
        Sort::Age => {
            let newest = row.workload.revisions.iter().filter_map(|set| set.created).max();
            (None, Some(Reverse(newest.map_or(i64::MIN, Timestamp::as_second))), target)
        }
    }
}

/// The most urgent need first, of the same kind the oldest.
#[must_use]
pub fn need_order(row: &Row) -> (u8, i64) {
    let need = row.need.as_ref();
    let since = need.and_then(|need| need.since).map_or(i64::MAX, Timestamp::as_second);
    (need.map_or(u8::MAX, |need| need.kind as u8), since)
}

/// The releases that pass filter, clusters and namespaces, by name.
pub fn wanted(state: &State) -> impl Iterator<Item = (&WorkloadRef, &Row)> {
    let list = &state.focus().list;
    state.fleet().rows().filter(|(target, row)| is_wanted(list, target, row))
}

fn is_wanted(list: &FleetList, target: &WorkloadRef, row: &Row) -> bool {
    let in_cluster = list.clusters.is_empty() || list.clusters.contains(&target.cluster);
    let in_namespace = list.namespaces.is_empty() || list.namespaces.contains(&target.namespace);
    in_cluster && in_namespace && matches_filter(list.filter.value(), target, row)
}

/// Every word must occur somewhere in what the row says.
fn matches_filter(filter: &str, target: &WorkloadRef, row: &Row) -> bool {
    let whole = target.to_string();
    filter.split_whitespace().all(|word| {
        let word = word.to_lowercase();
        let need = row.need.as_ref().map_or("", |need| need.kind.name());
        let health = row.status.health.name();
        [whole.as_str(), target.cluster.as_str(), target.kind.name(), need, health]
            .iter()
            .any(|field| field.to_lowercase().contains(&word))
    })
}

/// The releases that each owner manages, by name.
#[must_use]
pub fn managed(state: &State) -> BTreeMap<PartRef, Vec<WorkloadRef>> {
    let mut managed: BTreeMap<PartRef, Vec<WorkloadRef>> = BTreeMap::new();
    for (target, row) in state.fleet.rows() {
        let Some(object) = row.workload.owner.as_ref().and_then(Owner::object) else { continue };
        let parts = [Some(&object.part), object.stage.as_ref()];
        for part in parts.into_iter().flatten() {
            managed.entry(part.target.clone()).or_default().push(target.clone());
        }
    }
    managed
}
