//! The dialog of a deed: opening it, answering it, saying why. What an answer sets in motion is in `order`.

use super::command::push;
use super::order::{begin, confirm};
use super::several;
use crate::app::event::Effect;
use tui_input::Input as Line;

use crate::app::focus::{Demand, Dialog, DialogField, Popup};
use crate::app::notices::Urgency;
use crate::app::orders;
use crate::app::state::State;
use crate::control::action::{Action, Confirm, Danger};
use crate::control::check::Confirmation;
use crate::control::gate::Gate;
use crate::control::order::OrderState;
use crate::domain::ids::OrderId;
use crate::domain::text::Text;

/// Opens the dialog of a deed on the selected workload.
pub(super) fn open(state: &mut State, action: Action) -> Vec<Effect> {
    if several::is_meant(state) {
        return several::open(state, action);
    }
    let Some(target) = state.focus.selected.clone() else {
        state.notices.say(state.now, Urgency::Info, "no rollout is selected");
        return vec![];
    };
    let (id, made) = begin(state, action, &target, Text::default());
    match made {
        Ok(effect) => {
            let mut dialog = Dialog::new(id, state.now);
            if matches!(&effect, Effect::Rehearse(plan) if plan.prediction.against.is_some()) {
                dialog.demand = Demand::Demanded;
            }
            if action == Action::Comment {
                dialog.demand = Demand::Demanded;
                dialog.field = DialogField::Reason;
            }
            push(state, Popup::Confirm(Box::new(dialog)));
            vec![effect]
        }
        Err(refusals) => {
            for refusal in &refusals {
                let text = format!("{action}: {}; {}", refusal.why, refusal.remedy);
                state.notices.say(state.now, Urgency::Warning, &text);
            }
            vec![]
        }
    }
}

/// The reason of a no that nobody stayed to explain.
const REFUSED: &str = "refused at the gate";

/// Opens the dialog of an answer at the selected row's gate. It always has a reason; where the answer is the way back,
/// that is written already: nothing stands before it.
pub(super) fn at_gate(state: &mut State, action: impl FnOnce(&Gate) -> Action) -> Vec<Effect> {
    let gate = state.selected().and_then(|row| Gate::of(&row.workload, row.need.as_ref()));
    let Some(gate) = gate else {
        state.notices.say(state.now, Urgency::Info, "it waits at no gate");
        return vec![];
    };
    let action = action(&gate);
    let effects = open(state, action);
    if let (false, Some(Popup::Confirm(dialog))) =
        (effects.is_empty(), state.focus.popups.last_mut())
    {
        if action.danger() == Danger::Safe {
            dialog.reason = Line::new(REFUSED.to_owned());
        } else {
            dialog.demand = Demand::Demanded;
            dialog.field = DialogField::Reason;
        }
    }
    effects
}

/// Whether an answer may be given; else says what is missing.
fn is_explained(state: &mut State) -> bool {
    let is_missing = top(state).is_some_and(|dialog| {
        dialog.demand == Demand::Demanded && dialog.reason.value().trim().is_empty()
    });
    if is_missing {
        let words = match top(state).and_then(Dialog::order).and_then(|id| state.orders.get(id)) {
            Some(order) if order.plan.action == Action::Comment => "write what is to be said",
            Some(order) if order.plan.prediction.against.is_some() => {
                "a reason is needed: the evidence speaks against it (tab)"
            }
            Some(_) | None => "an answer at a gate needs a reason",
        };
        state.notices.say(state.now, Urgency::Info, words);
    }
    !is_missing
}

/// `y` in the dialog.
pub(super) fn yes(state: &mut State) -> Vec<Effect> {
    if !is_explained(state) {
        return vec![];
    }
    if top(state).is_some_and(Dialog::is_several) {
        return several::yes(state);
    }
    let Some(order) = top(state).and_then(Dialog::order).and_then(|id| state.orders.get(id)) else {
        return vec![];
    };
    if orders::asks_for_name(order) {
        let text = format!("type {} and press Enter", order.plan.target.name);
        state.notices.say(state.now, Urgency::Info, &text);
        return vec![];
    }
    let is_waited_for = order.plan.action.confirm() == Confirm::YesWhenFresh;
    if is_waited_for && matches!(order.state, OrderState::Rehearsing) {
        state.notices.say(state.now, Urgency::Info, "still asking the server what it would say");
        return vec![];
    }
    let id = order.id().clone();
    confirm(state, &id, Confirmation::Yes)
}

/// Enter in the dialog: submits only when what is typed is the name.
pub(super) fn submit(state: &mut State) -> Vec<Effect> {
    if !is_explained(state) {
        return vec![];
    }
    let Some(dialog) = top(state) else { return vec![] };
    let typed = Text::clean(dialog.typed.value());
    if dialog.is_several() {
        return several::submit(state, typed);
    }
    let Some(id) = dialog.order().cloned() else { return vec![] };
    let Some(order) = state.orders.get(&id) else { return vec![] };
    if !orders::asks_for_name(order) || typed.as_str() != order.plan.target.name.as_str() {
        return vec![];
    }
    if matches!(order.state, OrderState::Rehearsing) {
        state.notices.say(state.now, Urgency::Info, "still asking the server what it would say");
        return vec![];
    }
    confirm(state, &id, Confirmation::Typed(typed))
}

pub(super) fn top(state: &State) -> Option<&Dialog> {
    match state.focus.popups.last() {
        Some(Popup::Confirm(dialog)) => Some(dialog),
        Some(Popup::Pager(_) | Popup::Picker(_) | Popup::Help { .. } | Popup::Notices { .. })
        | None => None,
    }
}

/// What the operator wrote into the dialog goes with the order.
pub(super) fn explain(state: &mut State, id: &OrderId) {
    let Some(dialog) = of(state, id) else { return };
    let reason = Text::clean(dialog.reason.value().trim());
    if let Some(order) = state.orders.get_mut(id)
        && !orders::was_handed_over(order)
    {
        order.plan.reason = reason;
    }
}

/// Goes to the line of the reason, and back to the answer.
pub(super) fn reason(state: &mut State) -> Vec<Effect> {
    if let Some(Popup::Confirm(dialog)) = state.focus.popups.last_mut() {
        dialog.field = match dialog.field {
            DialogField::Answer => DialogField::Reason,
            DialogField::Reason => DialogField::Answer,
        };
    }
    vec![]
}

/// Leaves the line of the reason. False when the keys were not there.
pub(super) fn left_reason(state: &mut State) -> bool {
    match state.focus.popups.last_mut() {
        Some(Popup::Confirm(dialog)) if dialog.field == DialogField::Reason => {
            dialog.field = DialogField::Answer;
            true
        }
        Some(_) | None => false,
    }
}

/// How many lines of the dialog scroll: those of the patch, or the rows of several.
pub(super) fn scrolled_lines(state: &State, dialog: &Dialog) -> usize {
    if dialog.is_several() {
        return dialog.orders.len() + dialog.left_out.len();
    }
    let Some(id) = dialog.order() else { return 1 };
    let shown = state.orders.rehearsal(id).map_or(0, |rehearsal| rehearsal.shown.lines().len());
    shown.max(1)
}

pub(super) fn of<'a>(state: &'a mut State, id: &OrderId) -> Option<&'a mut Dialog> {
    state.focus.popups.iter_mut().find_map(|popup| match popup {
        Popup::Confirm(dialog) if dialog.orders.contains(id) => Some(&mut **dialog),
        Popup::Confirm(_)
        | Popup::Pager(_)
        | Popup::Picker(_)
        | Popup::Help { .. }
        | Popup::Notices { .. } => None,
    })
}

pub(super) fn close(state: &mut State, id: &OrderId) {
    state
        .focus
        .popups
        .retain(|popup| !matches!(popup, Popup::Confirm(dialog) if dialog.orders.contains(id)));
}
