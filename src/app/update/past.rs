//! Asks for the past while a screen shows it: once when it opens, and then seldom, because what happens from now on is seen.

use std::collections::BTreeSet;
use std::time::Duration;

use super::ask;
use crate::app::event::{Effect, Screen};
use crate::app::state::{Purpose, State};
use crate::domain::feed::{Answer, Query, Trouble};
use crate::domain::ids::{ClusterName, WorkloadKind};
use crate::domain::observed::age;

/// So often the past is asked for anew while it is on the screen: what nobody follows may have changed since.
const EVERY: Duration = Duration::from_mins(1);

/// Asks anew at once: the screen opens, or the operator wants it.
pub(super) fn again(state: &mut State) -> Vec<Effect> {
    for asked in state.past.clusters.values_mut() {
        asked.asked_at = None;
    }
    // A disk that hangs is asked again only when somebody wants it.
    state.past.record.asked_at = None;
    due(state)
}

/// What is due, while the fleet's time axis is on the screen.
pub(super) fn due(state: &mut State) -> Vec<Effect> {
    if state.focus.screen != Screen::FleetTimeline {
        return vec![];
    }
    let mut effects = Vec::new();
    for cluster in state.session.clusters.clone() {
        effects.extend(of_cluster(state, &cluster));
    }
    effects.extend(of_record(state));
    effects
}

fn of_cluster(state: &mut State, cluster: &ClusterName) -> Option<Effect> {
    let asked = state.past.clusters.entry(cluster.clone()).or_default();
    let is_due = asked.asked_at.is_none_or(|at| age(at, state.now) >= EVERY);
    let purpose = Purpose::Past(cluster.clone());
    let is_open = state.queries.open.values().any(|open| *open == purpose);
    if !is_due || is_open || !state.fleet.is_synced(cluster) {
        return None;
    }
    asked.asked_at = Some(state.now);
    let rows = state.fleet.rows().filter(|(target, _)| target.cluster == *cluster);
    let kinds: BTreeSet<WorkloadKind> = rows.map(|(target, _)| target.kind).collect();
    Some(ask::query(state, purpose, Query::Past { cluster: cluster.clone(), kinds }))
}

fn of_record(state: &mut State) -> Option<Effect> {
    let record = &mut state.past.record;
    let is_due = match record.asked_at {
        None => true,
        Some(at) => record.trouble.is_none() && age(at, state.now) >= EVERY,
    };
    let is_open = state.queries.open.values().any(|open| *open == Purpose::Record);
    if !is_due || is_open {
        return None;
    }
    record.asked_at = Some(state.now);
    Some(ask::query(state, Purpose::Record, Query::Record))
}

/// Takes what a cluster still tells.
pub(super) fn told(state: &mut State, cluster: &ClusterName, answer: Answer) {
    match answer {
        Answer::Past(past) => state.past.take(cluster, past),
        Answer::Failed(why) => {
            state.past.clusters.entry(cluster.clone()).or_default().trouble = Some(why);
        }
        Answer::Comparison(_)
        | Answer::Charts(_)
        | Answer::Look(_)
        | Answer::Block(_)
        | Answer::Templates(_)
        | Answer::Record(_) => {}
    }
}

/// Takes the deeds of the audit files. Without a folder there are none.
pub(super) fn recorded(state: &mut State, answer: Answer) {
    match answer {
        Answer::Record(deeds) => state.past.take_record(deeds),
        Answer::Failed(Trouble::NotConfigured) => state.past.record.known_at = Some(state.now),
        Answer::Failed(why) => state.past.record.trouble = Some(why),
        Answer::Comparison(_)
        | Answer::Charts(_)
        | Answer::Look(_)
        | Answer::Block(_)
        | Answer::Templates(_)
        | Answer::Past(_) => {}
    }
}
