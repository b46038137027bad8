//! Facts come in: workloads, details, how the sources do, answers to queries.

use std::collections::BTreeSet;

use super::ask;
use crate::analysis::need::Group;
use crate::analysis::rollout_status::Health;
use crate::app::event::{Effect, Screen};
use crate::app::fleet::Origin;
use crate::app::focus::{Loadable, PagerKind, Popup};
use crate::app::notices::Urgency;
use crate::app::state::{FrontKind, Purpose, State};
use crate::domain::feed::{Answer, Feed, Scope, SourceId, SourceKind};
use crate::domain::ids::{ClusterName, QueryId, WorkloadRef};
use crate::domain::observed::{Observed, Timestamp};
use crate::domain::text::{Block, Text};

/// Most rollouts whose pods, events and analyses are followed in one cluster at the same time. Beyond it the most
/// urgent ones are followed; a thousand at once would be the load that the lean fleet avoids.
pub(super) const FOLLOWED_MAX: usize = 64;

/// Takes news of a source.
pub(super) fn take(state: &mut State, source: &SourceId, seen: Observed<Feed>) -> Vec<Effect> {
    let at = seen.at;
    state.now = state.now.max(at);
    match seen.value {
        Feed::Changed(workloads) => {
            state.sources.prove(source, at);
            let mut touched = Vec::new();
            for workload in workloads {
                touched.push(workload.target.clone());
                state.fleet.put(workload, &state.owners, state.now);
            }
            let mut effects = super::order::world_moved(state, &touched);
            effects.extend(follow(state, &source.cluster));
            effects.extend(selection_where_none_was(state, source));
            effects
        }
        Feed::Removed(targets) => {
            state.sources.prove(source, at);
            for target in &targets {
                state.fleet.remove(target);
            }
            let mut effects = super::order::world_moved(state, &targets);
            effects.extend(follow(state, &source.cluster));
            effects
        }
        Feed::Owners(news) => {
            for (target, part) in news {
                state.owners.put(&target, part);
            }
            rejoin(state)
        }
        Feed::OwnersRead(kind, answer) => {
            state.owners.read((source.cluster.clone(), kind), answer, state.now);
            rejoin(state)
        }
        Feed::Synced => {
            state.sources.prove(source, at);
            state.fleet.mark_synced(source.cluster.clone());
            state.sources.watch(source, at);
            first_selection(state)
        }
        // What is told of one rollout's parts says nothing of the fleet, and may be told while nobody answers.
        Feed::Detail(detail) => {
            let target = detail.target.clone();
            state.fleet.amend(&target, state.now, |row| row.detail = Some(*detail));
            vec![]
        }
        Feed::Health(health) => {
            state.sources.health(source, health, at);
            vec![]
        }
        Feed::Beat => {
            state.sources.prove(source, at);
            vec![]
        }
        Feed::Identity(identity) => identified(state, source, &identity),
        Feed::Sighting(order, sighting) => super::order::sighted(state, &order, sighting),
    }
}

/// Owners changed: who is about to confirm a deed on what they manage is told.
fn rejoin(state: &mut State) -> Vec<Effect> {
    let touched = state.fleet.rejoin(&state.owners, state.now);
    super::order::world_moved(state, &touched)
}

/// The screen answers for the most urgent row as lists come in, until the operator does something; who pressed a key
/// before the first list was in has chosen nothing yet.
fn first_selection(state: &mut State) -> Vec<Effect> {
    let is_chosen = state.focus.list.is_chosen && state.focus.selected.is_some();
    if state.session.front == FrontKind::Headless || is_chosen {
        return vec![];
    }
    super::command::select_first(state);
    super::command::watched(state)
}

/// A calm fleet has no row to select; the first one that appears is.
fn selection_where_none_was(state: &mut State, source: &SourceId) -> Vec<Effect> {
    let is_wanted = state.session.front != FrontKind::Headless
        && state.focus.selected.is_none()
        && state.fleet.is_synced(&source.cluster);
    if !is_wanted {
        return vec![];
    }
    super::command::select_first(state);
    super::command::watched(state)
}

/// Somebody else at the keyboard than at the time of arming: armed no more.
fn identified(state: &mut State, source: &SourceId, identity: &Text) -> Vec<Effect> {
    let before = state.sources.identify(source, identity.clone());
    let has_changed = before.is_some_and(|before| before != *identity);
    if has_changed && state.orders.armed.remove(&source.cluster).is_some() {
        let text = format!("{}: you are {identity} now; no longer armed", source.cluster);
        state.notices.say(state.now, Urgency::Warning, &text);
    }
    vec![]
}

/// What is to be followed beside the fleet: what needs a human, moves, is unwell or open. Most urgent first.
pub(super) fn follow(state: &mut State, cluster: &ClusterName) -> Vec<Effect> {
    let is_watched = |group: Group, health: Health| {
        group != Group::Steady || matches!(health, Health::Degraded | Health::Unknown)
    };
    let open = state.focus.selected.clone();
    let mut wanted: Vec<(bool, Group, &WorkloadRef)> = state
        .fleet
        .rows()
        .filter(|(target, row)| {
            target.cluster == *cluster
                && (Some(*target) == open.as_ref() || is_watched(row.group, row.status.health))
        })
        .map(|(target, row)| (Some(target) != open.as_ref(), row.group, target))
        .collect();
    wanted.sort();
    let scopes: BTreeSet<Scope> = wanted
        .into_iter()
        .take(FOLLOWED_MAX)
        .map(|(_, _, target)| Scope::Detail(target.clone()))
        .collect();
    let followed = state.followed.entry(cluster.clone()).or_default();
    if *followed == scopes {
        return vec![];
    }
    let dropped: Vec<WorkloadRef> =
        followed.difference(&scopes).map(|Scope::Detail(target)| target.clone()).collect();
    followed.clone_from(&scopes);
    let now = state.now;
    for target in dropped {
        // Parts that are no longer followed would be shown as if they were current.
        state.fleet.amend(&target, now, |row| row.detail = None);
    }
    vec![Effect::Follow(cluster.clone(), scopes)]
}

/// Time passed.
pub(super) fn tick(state: &mut State, now: Timestamp) -> Vec<Effect> {
    state.now = state.now.max(now);
    let mut effects = super::order::time_passed(state);
    if state.session.front == FrontKind::Screen || state.session.asks_metrics {
        effects.extend(ask::due(state));
    }
    effects.extend(super::past::due(state));
    effects
}

/// Takes the answer to a query that somebody still waits for.
pub(super) fn answered(state: &mut State, id: QueryId, answer: Answer) -> Vec<Effect> {
    // Asked before the screen was left, or by a program that never asked: nobody waits for it.
    let Some(purpose) = state.queries.open.remove(&id) else { return vec![] };
    match purpose {
        Purpose::Compare(target) => {
            compared(state, &target, answer);
            return super::order::world_moved(state, &[target]);
        }
        Purpose::Charts(target) => charted(state, &target, answer),
        Purpose::Look(target, origin) => {
            looked(state, (&target, origin), answer);
            return super::order::world_moved(state, &[target]);
        }
        Purpose::Pager => paged(state, id, answer),
        Purpose::Past(cluster) => super::past::told(state, &cluster, answer),
        Purpose::Record => super::past::recorded(state, answer),
    }
    vec![]
}

fn prometheus(target: &WorkloadRef) -> SourceId {
    SourceId { cluster: target.cluster.clone(), kind: SourceKind::Prometheus }
}

fn compared(state: &mut State, target: &WorkloadRef, answer: Answer) {
    let now = state.now;
    match answer {
        Answer::Comparison(comparison) => {
            state.sources.health(
                &prometheus(target),
                crate::domain::feed::SourceHealth::Live,
                comparison.at,
            );
            state.fleet.compare(target, comparison, now);
        }
        Answer::Failed(why) => metrics_failed(state, target, why),
        Answer::Charts(_)
        | Answer::Look(_)
        | Answer::Block(_)
        | Answer::Templates(_)
        | Answer::Past(_)
        | Answer::Record(_) => {}
    }
}

fn metrics_failed(state: &mut State, target: &WorkloadRef, why: crate::domain::feed::Trouble) {
    let now = state.now;
    let health = crate::domain::feed::SourceHealth::Down {
        why: why.clone(),
        retry_at: now.checked_add(ask::COMPARE_EVERY).unwrap_or(now),
    };
    state.sources.health(&prometheus(target), health, now);
    state.fleet.amend(target, now, |row| row.metrics.trouble = Some((now, why)));
}

fn looked(state: &mut State, (target, origin): (&WorkloadRef, Origin), answer: Answer) {
    let now = state.now;
    match answer {
        Answer::Look(look) => state.fleet.look(target, (&look, origin), now),
        Answer::Failed(why) => state.fleet.blind(target, (origin, &why), now),
        Answer::Comparison(_)
        | Answer::Charts(_)
        | Answer::Block(_)
        | Answer::Templates(_)
        | Answer::Past(_)
        | Answer::Record(_) => {}
    }
}

fn charted(state: &mut State, target: &WorkloadRef, answer: Answer) {
    let now = state.now;
    match answer {
        Answer::Charts(charts) => {
            state.fleet.amend(target, now, |row| row.metrics.charts = Some(charts));
        }
        Answer::Failed(why) => metrics_failed(state, target, why),
        Answer::Comparison(_)
        | Answer::Look(_)
        | Answer::Block(_)
        | Answer::Templates(_)
        | Answer::Past(_)
        | Answer::Record(_) => {}
    }
}

fn paged(state: &mut State, id: QueryId, answer: Answer) {
    let is_asked = |popup: &&mut Popup| matches!(popup, Popup::Pager(pager) if pager.body == Loadable::Asked(id));
    let Some(Popup::Pager(pager)) = state.focus.popups.iter_mut().find(is_asked) else { return };
    if pager.kind == PagerKind::Log {
        // What happened last is what one looks for in a log.
        pager.scroll = usize::MAX;
    }
    pager.body = match answer {
        Answer::Block(block) => Loadable::Known(block),
        Answer::Templates(templates) => {
            let Observed { value, at } = templates;
            let (canary, stable) = *value;
            Loadable::Known(Observed::new(difference(&stable, &canary), at))
        }
        Answer::Failed(why) => Loadable::Failed(why),
        Answer::Comparison(_)
        | Answer::Charts(_)
        | Answer::Look(_)
        | Answer::Past(_)
        | Answer::Record(_) => return,
    };
}

/// Line by line: what the canary has that stable has not (`+`), and the other way round (`-`).
fn difference(stable: &Block, canary: &Block) -> Block {
    let joined =
        |block: &Block| block.lines().iter().map(Text::as_str).collect::<Vec<_>>().join("\n");
    let (old, new) = (joined(stable), joined(canary));
    let diff = similar::TextDiff::from_lines(&old, &new);
    if diff.ratio() >= 1.0 {
        return Block::clean("the two templates are the same");
    }
    Block::clean(&diff.unified_diff().context_radius(3).to_string())
}

/// Whether a screen shows curves now.
pub(super) const fn shows_charts(screen: Screen) -> bool {
    matches!(screen, Screen::Rollout | Screen::Timeline)
}
