//! One deed on several marked rows: one dialog that lists all, one answer, and each its own order. Pause and abort leave
//! together; every other deed goes row by row, and the first one that does not arrive stops the rest.

use std::collections::VecDeque;

use super::command::push;
use super::dialog::{close, top};
use super::order::{self, begin, confirm, given_up};
use crate::app::event::{Effect, Screen};
use crate::app::focus::{Dialog, Popup};
use crate::app::listing;
use crate::app::notices::Urgency;
use crate::app::orders::Convoy;
use crate::app::state::State;
use crate::control::action::{Action, Confirm, Danger};
use crate::control::check::{Confirmation, Refusal, phrase};
use crate::control::order::{Order, OrderState, Outcome};
use crate::control::{give_up, order_machine};
use crate::domain::ids::{OrderId, WorkloadRef};
use crate::domain::text::Text;

/// Most rows of one deed: more than these are no longer read one by one.
const ROWS_MAX: usize = 20;

/// Whether a deed is for the marked rows.
pub(super) fn is_meant(state: &State) -> bool {
    state.focus.screen == Screen::Fleet && !state.focus.list.marked.is_empty()
}

/// Opens the dialog over the marked rows, in the order of the list.
pub(super) fn open(state: &mut State, action: Action) -> Vec<Effect> {
    let targets = meant(state);
    if targets.len() > ROWS_MAX {
        let text = format!("{} rows are marked: one deed takes {ROWS_MAX} at most", targets.len());
        state.notices.say(state.now, Urgency::Warning, &text);
        return vec![];
    }
    let (mut ids, mut left_out, mut effects) = (Vec::new(), Vec::new(), Vec::new());
    for target in targets {
        let (id, made) = begin(state, action, &target, Text::default());
        match made {
            Ok(effect) => {
                ids.push(id);
                effects.push(effect);
            }
            Err(refusals) => left_out.push((target, why(&refusals))),
        }
    }
    if ids.is_empty() {
        for (target, why) in &left_out {
            let text = format!("{action} {target}: {why}");
            state.notices.say(state.now, Urgency::Warning, &text);
        }
        return vec![];
    }
    push(state, Popup::Confirm(Box::new(Dialog::of_several(ids, left_out, state.now))));
    effects
}

fn why(refusals: &[Refusal]) -> Text {
    let whys: Vec<&str> = refusals.iter().map(|refusal| refusal.why.as_str()).collect();
    Text::clean(&whys.join("; "))
}

/// The marked rows as they are listed, then those that are not listed now.
fn meant(state: &State) -> Vec<WorkloadRef> {
    let marked = &state.focus.list.marked;
    let listed: Vec<&WorkloadRef> =
        listing::targets(state).into_iter().filter(|target| marked.contains(*target)).collect();
    let hidden = marked.iter().filter(|target| !listed.contains(target));
    listed.iter().copied().chain(hidden).cloned().collect()
}

/// `y`: does for all but the deeds whose phrase is typed.
pub(super) fn yes(state: &mut State) -> Vec<Effect> {
    let Some((action, rows)) = asked(state) else { return vec![] };
    if action.confirm() == Confirm::TypedName {
        let text = format!("type {} and press Enter", phrase(action, rows));
        state.notices.say(state.now, Urgency::Info, &text);
        return vec![];
    }
    depart(state, action, Confirmation::Yes)
}

/// Enter: submits only when what is typed is the phrase.
pub(super) fn submit(state: &mut State, typed: Text) -> Vec<Effect> {
    let Some((action, rows)) = asked(state) else { return vec![] };
    if typed.as_str() != phrase(action, rows) {
        return vec![];
    }
    depart(state, action, Confirmation::Listed { typed, rows })
}

/// The deed of the dialog on top, and on how many rows.
fn asked(state: &State) -> Option<(Action, usize)> {
    let dialog = top(state)?;
    let first = state.orders.get(dialog.order()?)?;
    Some((first.plan.action, dialog.orders.len()))
}

/// The answer was yes: pause and abort leave at once, everything else row by row.
fn depart(state: &mut State, action: Action, confirmation: Confirmation) -> Vec<Effect> {
    let Some(dialog) = top(state) else { return vec![] };
    let ids = dialog.orders.clone();
    let reason = Text::clean(dialog.reason.value().trim());
    let is_safe = action.danger() == Danger::Safe;
    if !is_safe && let Some(refusal) = refused(state, &ids, &confirmation) {
        if let Some(Popup::Confirm(dialog)) = state.focus.popups.last_mut() {
            dialog.refusals = vec![refusal];
        }
        return vec![];
    }
    for id in &ids {
        if let Some(order) = state.orders.get_mut(id) {
            order.plan.reason = reason.clone();
        }
    }
    if let Some(first) = ids.first() {
        close(state, first);
    }
    state.focus.list.marked.clear();
    if is_safe {
        return ids.iter().flat_map(|id| confirm(state, id, confirmation.clone())).collect();
    }
    state.orders.convoys.push(Convoy { confirmation, flying: None, waiting: ids.into() });
    vec![]
}

/// The first check that would stop one of them, asked before any leaves: a row that cannot go would stop those after it.
fn refused(state: &State, ids: &[OrderId], confirmation: &Confirmation) -> Option<Refusal> {
    ids.iter().find_map(|id| {
        let name = &state.orders.get(id)?.plan.target;
        let refusal = order::refusals(state, id, confirmation.clone()).into_iter().next()?;
        let why = format!("{name}: {}", refusal.why);
        let remedy =
            format!("{}; or leave, and take its mark away: the marks stay", refusal.remedy);
        Some(Refusal::new(refusal.check, &why, &remedy))
    })
}

/// How an order whose turn it is was confirmed.
pub(super) fn confirmation(state: &State, id: &OrderId) -> Option<Confirmation> {
    let is_flying = |convoy: &&Convoy| convoy.flying.as_ref() == Some(id);
    state.orders.convoys.iter().find(is_flying).map(|convoy| convoy.confirmation.clone())
}

/// The next row's turn comes when the one before has arrived. It is rehearsed anew: the answer it had is old by then.
pub(super) fn go_on(state: &mut State) -> Vec<Effect> {
    let mut effects = Vec::new();
    let mut convoys = std::mem::take(&mut state.orders.convoys);
    convoys.retain_mut(|convoy| {
        if let Some(why) = broken(state, convoy) {
            stop(state, &mut convoy.waiting, &why);
            return false;
        }
        let is_busy = convoy
            .flying
            .as_ref()
            .and_then(|id| state.orders.get(id))
            .is_some_and(|order| !order.is_over());
        if is_busy {
            return true;
        }
        convoy.flying = convoy.waiting.pop_front();
        let next = convoy
            .flying
            .as_ref()
            .and_then(|id| state.orders.list.iter_mut().find(|order| order.id() == id));
        let Some(order) = next else { return false };
        *order = order_machine::begin(order.plan.clone(), state.now);
        effects.push(Effect::Rehearse(Box::new(order.plan.clone())));
        true
    });
    // None is added while these are looked at.
    state.orders.convoys = convoys;
    effects
}

/// Why the rest may not go: the one before ended otherwise than hoped.
fn broken(state: &State, convoy: &Convoy) -> Option<String> {
    let order = state.orders.get(convoy.flying.as_ref()?)?;
    match &order.state {
        OrderState::Ended(Outcome::Arrived | Outcome::Accepted)
        | OrderState::Rehearsing
        | OrderState::Rehearsed(_)
        | OrderState::RehearsalFailed(_)
        | OrderState::Sending
        | OrderState::Converging
        | OrderState::Unknown { .. } => None,
        OrderState::Ended(outcome) => {
            Some(format!("{} before it ended {}", order.plan.target, outcome.name()))
        }
    }
}

fn stop(state: &mut State, waiting: &mut VecDeque<OrderId>, why: &str) {
    if waiting.is_empty() {
        return;
    }
    let text = match waiting.len() {
        1 => format!("the one that waited for its turn is not sent: {why}"),
        count => format!("the {count} that waited for their turn are not sent: {why}"),
    };
    state.notices.say(state.now, Urgency::Warning, &text);
    for id in waiting.drain(..) {
        let now = state.now;
        if let Some(order) = state.orders.get_mut(&id) {
            give_up::not_sent(order, Text::clean(why), now);
        }
    }
}

/// All that wait for their turn are not sent. How many there were.
pub(super) fn stop_all(state: &mut State, why: &str) -> usize {
    let mut convoys = std::mem::take(&mut state.orders.convoys);
    let count = convoys.iter().map(|convoy| convoy.waiting.len()).sum();
    for convoy in &mut convoys {
        stop(state, &mut convoy.waiting, why);
    }
    // Whose turn it is goes to its end.
    convoys.retain(|convoy| convoy.flying.is_some());
    state.orders.convoys = convoys;
    count
}

/// The operator stops the rest.
pub(super) fn stop_rest(state: &mut State) -> Vec<Effect> {
    if stop_all(state, "the operator stopped the rest") == 0 {
        state.notices.say(state.now, Urgency::Info, "no deed waits for its turn");
    }
    vec![]
}

/// What the plan of one row stands on changed while the dialog is open: its plan is made anew, or it is left out.
pub(super) fn changed(
    state: &mut State,
    (id, target): (&OrderId, &WorkloadRef),
    differences: &[Text],
    anew: Result<Order, Vec<Refusal>>,
) -> Vec<Effect> {
    let words: Vec<&str> = differences.iter().map(Text::as_str).collect();
    let told = Text::clean(&format!("{}: {}", target.name, words.join("; ")));
    let Some(dialog) = super::dialog::of(state, id) else { return vec![] };
    dialog.changed.retain(|other| *other != told);
    dialog.changed.push(told);
    match anew {
        Ok(order) => {
            let effect = Effect::Rehearse(Box::new(order.plan.clone()));
            if let Some(old) = state.orders.get_mut(id) {
                *old = order;
            }
            vec![effect]
        }
        Err(refusals) => {
            dialog.left_out.push((target.clone(), why(&refusals)));
            dialog.orders.retain(|other| other != id);
            let is_empty = dialog.orders.is_empty();
            given_up(state, id);
            if is_empty {
                let closed = |popup: &Popup| matches!(popup, Popup::Confirm(dialog) if dialog.orders.is_empty());
                state.focus.popups.retain(|popup| !closed(popup));
                let text = "the deed is possible on none of the marked rows any more";
                state.notices.say(state.now, Urgency::Warning, text);
            }
            vec![]
        }
    }
}
