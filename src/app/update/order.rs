//! Deeds: opening their dialog, confirming, clearing, following, giving up. The transitions of an order are in
//! `control::order_machine`; here they meet the rest of the state.

use std::time::Duration;

use super::{dialog, several};
use crate::app::event::{Ask, Consent, Effect};
use crate::app::focus::{Basis, Demand, Popup};
use crate::app::notices::Urgency;
use crate::app::orders::{self, ORDERS_MAX};
use crate::app::state::{Mode, State};
use crate::control::action::{Action, Danger};
use crate::control::audit::AuditEntry;
use crate::control::check::{self, Arming, CheckId, Confirmation, Evidence, Refusal, Rehearsed};
use crate::control::clearance::clear;
use crate::control::footing::Footing;
use crate::control::give_up::{GiveUp, give_up};
use crate::control::leftover::Leftover;
use crate::control::order::{Order, OrderNews, OrderState, Outcome};
use crate::control::order_machine::{self, Facts, Known};
use crate::control::plan::{PlanContext, plan};
use crate::domain::feed::Sighting;
use crate::domain::ids::{OrderId, WorkloadRef};
use crate::domain::observed::{Timestamp, age};
use crate::domain::text::Text;

/// A cluster stays armed this long without a deed (`design/deeds.md`).
const ARMED_FOR: Duration = Duration::from_mins(10);

/// How long pause and abort of the command line wait for a rehearsal before they go without.
const SAFE_PATIENCE: Duration = Duration::from_secs(2);

/// Takes a deed of the command line: the same path, with the yes given beforehand.
pub(super) fn asked(state: &mut State, ask: Ask) -> Vec<Effect> {
    let (id, made) = begin(state, ask.action, &ask.target, ask.reason);
    match made {
        Ok(effect) => {
            if ask.consent != Consent::None {
                state.orders.armed.insert(ask.target.cluster, state.now);
            }
            state.orders.consents.insert(id, ask.consent);
            vec![effect]
        }
        Err(refusals) => {
            state.orders.refused = Some((id, refusals));
            vec![]
        }
    }
}

/// Makes the plan and has it rehearsed.
pub(super) fn begin(
    state: &mut State,
    action: Action,
    target: &WorkloadRef,
    reason: Text,
) -> (OrderId, Result<Effect, Vec<Refusal>>) {
    let id = orders::next_id(&mut state.orders, state.session.seed);
    let made = planned(state, action, target, &id, reason);
    let made = made.map(|order| {
        let effect = Effect::Rehearse(Box::new(order.plan.clone()));
        if state.orders.list.len() >= ORDERS_MAX {
            orders::forget_oldest(&mut state.orders);
        }
        state.orders.list.push(order);
        effect
    });
    (id, made)
}

fn planned(
    state: &State,
    action: Action,
    target: &WorkloadRef,
    id: &OrderId,
    reason: Text,
) -> Result<Order, Vec<Refusal>> {
    let Some(row) = state.fleet.row(target) else {
        let why = format!("{target} is not known (any more)");
        return Err(vec![Refusal::new(CheckId::Possible, &why, "choose another rollout")]);
    };
    let before = state.orders.latest(target).filter(|order| orders::is_on_its_way(order));
    if let (Some(before), true) = (before, action.danger() != Danger::Safe) {
        let why = format!("{} of a moment ago has not been answered", before.plan.action);
        let remedy = "wait until the watch has told what became of it; pause and abort go at once";
        return Err(vec![Refusal::new(CheckId::Possible, &why, remedy)]);
    }
    let left = state.orders.left().find(|left| left.target == *target);
    if let (Some(left), true) = (left, action.danger() != Danger::Safe) {
        let why = format!("{}: nobody knows yet what became of it", left.name());
        let remedy = "wait until the object has told; pause and abort go at once";
        return Err(vec![Refusal::new(CheckId::Possible, &why, remedy)]);
    }
    let mut context = PlanContext::new(state.now, id.clone(), reason);
    context.detail = row.detail.as_ref();
    context.last_took = row.pace();
    context.failing = row.metrics.failing.as_ref().map(|(_, why)| why.clone());
    Ok(order_machine::begin(plan(action, &row.workload, &context)?, state.now))
}

/// How far the rehearsal of an order is that was not sent yet.
const fn rehearsal(order: &Order) -> Option<Rehearsed<'_>> {
    match &order.state {
        OrderState::Rehearsed(answer) => Some(Rehearsed::Answered(answer)),
        OrderState::RehearsalFailed(why) => Some(Rehearsed::Failed(why)),
        OrderState::Rehearsing => Some(Rehearsed::Silent),
        OrderState::Sending
        | OrderState::Converging
        | OrderState::Unknown { .. }
        | OrderState::Ended(_) => None,
    }
}

/// What the checks would say now; nothing is sent.
pub(super) fn refusals(state: &State, id: &OrderId, confirmation: Confirmation) -> Vec<Refusal> {
    let Some(order) = state.orders.get(id) else { return vec![] };
    let Some(rehearsed) = rehearsal(order) else { return vec![] };
    clear(&order.plan, rehearsed, &evidence(state, order, confirmation)).err().unwrap_or_default()
}

/// The checks, all at once: a clearance, or every refusal with its remedy.
pub(super) fn confirm(state: &mut State, id: &OrderId, confirmation: Confirmation) -> Vec<Effect> {
    dialog::explain(state, id);
    let Some(order) = state.orders.get(id) else { return vec![] };
    let Some(rehearsed) = rehearsal(order) else { return vec![] };
    let evidence = evidence(state, order, confirmation);
    match clear(&order.plan, rehearsed, &evidence) {
        Ok(clearance) => {
            let cluster = order.plan.target.cluster.clone();
            let shown: Vec<Text> = clearance.shown().to_vec();
            if let Some(order) = state.orders.get_mut(id) {
                order.notices.extend(shown);
                order_machine::sent(order);
            }
            if let Some(since) = state.orders.armed.get_mut(&cluster) {
                *since = state.now;
            }
            dialog::close(state, id);
            vec![Effect::Execute(Box::new(clearance))]
        }
        Err(refusals) => refuse(state, id, refusals),
    }
}

/// In a dialog the refusals are shown and the operator may mend their cause; without one the order is over.
fn refuse(state: &mut State, id: &OrderId, refusals: Vec<Refusal>) -> Vec<Effect> {
    let is_footing = refusals.iter().any(|refusal| refusal.check == CheckId::Footing);
    let has_dialog = dialog::of(state, id).is_some();
    if has_dialog && is_footing {
        return ask_again(state, id);
    }
    if let Some(dialog) = dialog::of(state, id) {
        dialog.refusals = refusals;
        return vec![];
    }
    let now = state.now;
    let Some(order) = state.orders.get_mut(id) else { return vec![] };
    let entries = order_machine::refused(order, refusals, now);
    record(state, id, entries)
}

fn evidence(state: &State, order: &Order, confirmation: Confirmation) -> Evidence {
    let target = &order.plan.target;
    let cluster = &target.cluster;
    let is_armed = state.session.mode == Mode::Simulated || state.orders.is_armed(cluster);
    let is_typed = matches!(confirmation, Confirmation::Typed(_));
    Evidence {
        now: state.now,
        mode: match state.session.mode {
            Mode::ReadOnly => check::Mode::ReadOnly,
            Mode::Real | Mode::Simulated => check::Mode::ReadWrite,
        },
        arming: if is_armed { Arming::Armed } else { Arming::Safe },
        facts_at: state.sources.kubernetes(cluster).and_then(|source| source.proof),
        footing: state.fleet.row(target).map(|row| Footing::of(&row.workload)),
        confirmation,
        record: match &order.unrecordable {
            Some(why) => Err(why.clone()),
            None => state.session.record.clone(),
        },
        overrides: if is_typed { vec![CheckId::Rehearsal, CheckId::Evidence] } else { vec![] },
        seen: orders::seen(state, target),
    }
}

/// What the plan stands on changed: the plan is made anew, and the operator is asked again.
fn ask_again(state: &mut State, id: &OrderId) -> Vec<Effect> {
    let Some(order) = state.orders.get(id) else { return vec![] };
    let (action, target) = (order.plan.action, order.plan.target.clone());
    let reason = order.plan.reason.clone();
    let row = state.fleet.row(&target);
    let now_footing = row.map(|row| Footing::of(&row.workload));
    let last = Basis::of(&order.plan);
    let anew = planned(state, action, &target, id, reason);
    let weighed = anew.as_ref().map_or_else(|_| last.clone(), |order| Basis::of(&order.plan));
    let basis = now_footing.map(|footing| Basis { footing, ..weighed });
    let now = state.now;
    let Some(dialog) = dialog::of(state, id) else { return vec![] };
    dialog.opened_at = now;
    dialog.typed.reset();
    if dialog.is_several() {
        return several::changed(state, (id, &target), &last.differences(basis.as_ref()), anew);
    }
    dialog.scroll = 0;
    let first = dialog.first.get_or_insert(last);
    dialog.changed = first.differences(basis.as_ref());
    match anew {
        Ok(order) => {
            dialog.refusals.clear();
            if order.plan.prediction.against.is_some() {
                dialog.demand = Demand::Demanded;
            }
            let effect = Effect::Rehearse(Box::new(order.plan.clone()));
            if let Some(old) = state.orders.get_mut(id) {
                *old = order;
            }
            vec![effect]
        }
        Err(refusals) => {
            dialog.refusals = refusals;
            vec![]
        }
    }
}

/// The dialog was left without a yes: nothing was sent.
pub(super) fn given_up(state: &mut State, id: &OrderId) -> Vec<Effect> {
    let now = state.now;
    if let Some(order) = state.orders.get_mut(id)
        && !orders::was_handed_over(order)
    {
        // Nothing left this program and no intent was recorded: there is nothing to record.
        let _ = give_up(order, GiveUp::Interrupted, now);
    }
    vec![]
}

/// Arms the selected row's cluster, or disarms it.
pub(super) fn arm(state: &mut State) -> Vec<Effect> {
    let only = || match state.session.clusters.as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    };
    let selected = state.focus.selected.as_ref().map(|target| target.cluster.clone());
    let Some(cluster) = selected.or_else(only) else {
        state.notices.say(state.now, Urgency::Info, "select a rollout of the cluster to arm");
        return vec![];
    };
    let (urgency, text) = match state.session.mode {
        Mode::ReadOnly => (Urgency::Warning, "read-only: nothing can be armed".to_owned()),
        Mode::Simulated => (Urgency::Info, "a simulated world is always armed".to_owned()),
        Mode::Real if state.orders.armed.remove(&cluster).is_some() => {
            (Urgency::Info, format!("{cluster} is no longer armed"))
        }
        Mode::Real => {
            state.orders.armed.insert(cluster.clone(), state.now);
            (Urgency::Warning, format!("{cluster} is armed for 10 minutes without a deed"))
        }
    };
    state.notices.say(state.now, urgency, &text);
    vec![]
}

/// Sessions before this one were killed in the middle of these.
pub(super) fn left(state: &mut State, left: Vec<Leftover>) -> Vec<Effect> {
    for one in &left {
        recall(
            state,
            Urgency::Warning,
            &format!("a session that ended left behind: {}", one.name()),
        );
    }
    state.orders.is_recalling = false;
    state.orders.left = left;
    vec![]
}

/// What became of one of them.
pub(super) fn settled(state: &mut State, id: &OrderId, outcome: &Outcome) -> Vec<Effect> {
    let Some(place) = state.orders.left.iter().position(|left| left.order == *id) else {
        return vec![];
    };
    let left = state.orders.left.remove(place);
    let (urgency, end) = if *outcome == Outcome::Accepted {
        (Urgency::Info, "it was applied".to_owned())
    } else {
        let why = outcome.message().map_or(String::new(), |why| format!(": {why}"));
        (Urgency::Alarm, format!("{}{why}", outcome.name()))
    };
    recall(state, urgency, &format!("{} of a session that ended: {end}", left.name()));
    vec![]
}

fn recall(state: &mut State, urgency: Urgency, words: &str) {
    state.notices.say(state.now, urgency, words);
    state.orders.recalled.push(Text::clean(words));
}

/// Takes news of an order.
pub(super) fn news(state: &mut State, id: &OrderId, news: OrderNews) -> Vec<Effect> {
    if let OrderNews::NotRecorded(why) = &news {
        let text = format!("NOT RECORDED: {why}");
        state.notices.say(state.now, Urgency::Alarm, &text);
    }
    if let OrderNews::Rehearsed(Ok(answer)) = &news {
        state.orders.rehearsals.insert(id.clone(), (**answer).clone());
    }
    let is_rehearsal = matches!(news, OrderNews::Rehearsed(_));
    let entries = with_facts(state, id, |order, facts| order_machine::advance(order, news, facts));
    let mut effects = record(state, id, entries);
    if is_rehearsal {
        effects.extend(rehearsed(state, id));
    }
    effects
}

/// The rehearsal was answered: a dialog that asks again is fresh now; a deed of the command line goes on.
fn rehearsed(state: &mut State, id: &OrderId) -> Vec<Effect> {
    if let Some(confirmation) = several::confirmation(state, id) {
        return confirm(state, id, confirmation);
    }
    let confirmation = match state.orders.consents.get(id) {
        Some(Consent::Yes) => Confirmation::CommandLine,
        Some(Consent::Name(name)) => Confirmation::Typed(name.clone()),
        Some(Consent::None) | None => return vec![],
    };
    confirm(state, id, confirmation)
}

/// The watch saw something that an unknown write waits for.
pub(super) fn sighted(state: &mut State, id: &OrderId, sighting: Sighting) -> Vec<Effect> {
    news(state, id, OrderNews::Sighted(sighting))
}

/// These workloads changed: orders on them look again, dialogs on them compare their footing.
pub(super) fn world_moved(state: &mut State, touched: &[WorkloadRef]) -> Vec<Effect> {
    let mut effects = Vec::new();
    for id in orders::open_on(&state.orders, touched) {
        let entries = with_facts(state, &id, order_machine::look);
        effects.extend(record(state, &id, entries));
        let moved = state
            .orders
            .get(&id)
            .is_some_and(|order| footing_changed(state, order) || weighs_otherwise(state, order));
        if moved && dialog::of(state, &id).is_some() {
            effects.extend(ask_again(state, &id));
        }
    }
    effects
}

fn footing_changed(state: &State, order: &Order) -> bool {
    let row = state.fleet.row(&order.plan.target);
    let footing = row.map(|row| Footing::of(&row.workload));
    !orders::was_handed_over(order)
        && footing.is_none_or(|footing| !order.plan.footing.differences(&footing).is_empty())
}

/// Whether the owner would do something else about it now than the open dialog says, or the evidence speaks otherwise.
fn weighs_otherwise(state: &State, order: &Order) -> bool {
    let (plan, reason) = (&order.plan, Text::default());
    !orders::was_handed_over(order)
        && planned(state, plan.action, &plan.target, &plan.id, reason)
            .is_ok_and(|anew| !Basis::of(&anew.plan).weighs_like(&Basis::of(plan)))
}

/// Time passed: deadlines, patience, arming.
pub(super) fn time_passed(state: &mut State) -> Vec<Effect> {
    let now = state.now;
    let mut effects = Vec::new();
    let open: Vec<OrderId> =
        state.orders.list.iter().filter(|order| !order.is_over()).map(|o| o.id().clone()).collect();
    for id in open {
        let entries = with_facts(state, &id, order_machine::look);
        effects.extend(record(state, &id, entries));
        effects.extend(impatient(state, &id, now));
    }
    let expired: Vec<_> = state
        .orders
        .armed
        .iter()
        .filter(|(_, since)| age(**since, now) >= ARMED_FOR)
        .map(|(cluster, _)| cluster.clone())
        .collect();
    for cluster in expired {
        state.orders.armed.remove(&cluster);
        let text = format!("{cluster} is no longer armed: ten minutes without a deed");
        state.notices.say(now, Urgency::Info, &text);
    }
    effects
}

/// Pause and abort of the command line do not wait for a rehearsal that hangs.
fn impatient(state: &mut State, id: &OrderId, now: Timestamp) -> Vec<Effect> {
    let is_late = state.orders.get(id).is_some_and(|order| {
        order.plan.action.danger() == Danger::Safe
            && matches!(order.state, OrderState::Rehearsing)
            && age(order.started_at, now) >= SAFE_PATIENCE
    });
    if is_late { rehearsed(state, id) } else { vec![] }
}

/// The program was stopped or the machine slept: nothing is armed any more, and no dialog is about the present.
pub(super) fn resumed(state: &mut State, at: Timestamp) -> Vec<Effect> {
    state.now = state.now.max(at);
    let had_arms = !state.orders.armed.is_empty();
    state.orders.armed.clear();
    let open: Vec<OrderId> = state
        .focus
        .popups
        .iter()
        .filter_map(|popup| match popup {
            Popup::Confirm(dialog) => Some(dialog.orders.clone()),
            Popup::Pager(_) | Popup::Picker(_) | Popup::Help { .. } | Popup::Notices { .. } => None,
        })
        .flatten()
        .collect();
    let waited = several::stop_all(state, "the program was stopped meanwhile");
    for id in &open {
        dialog::close(state, id);
        given_up(state, id);
    }
    if had_arms || !open.is_empty() || waited > 0 {
        let text = "back after a stop: dialogs are closed and nothing is armed";
        state.notices.say(state.now, Urgency::Warning, text);
    }
    vec![]
}

/// The program ends: what was sent is recorded as left alone.
pub(super) fn leave(state: &mut State) -> Vec<Effect> {
    let now = state.now;
    let mut effects = Vec::new();
    let open: Vec<OrderId> = state
        .orders
        .list
        .iter()
        .filter(|order| orders::was_handed_over(order) && !order.is_over())
        .map(|order| order.id().clone())
        .collect();
    for id in open {
        let Some(order) = state.orders.get_mut(&id) else { continue };
        let mut entries = vec![AuditEntry::Note(Text::clean("the program was ended here"))];
        entries.extend(give_up(order, GiveUp::Interrupted, now));
        effects.extend(record(state, &id, entries));
    }
    effects
}

/// Runs a transition with all that is known of the order's workload.
fn with_facts(
    state: &mut State,
    id: &OrderId,
    step: impl FnOnce(&mut Order, &Facts<'_>) -> Vec<AuditEntry>,
) -> Vec<AuditEntry> {
    let State { orders, fleet, sources, now, .. } = state;
    let Some(order) = orders.list.iter_mut().find(|order| order.id() == id) else { return vec![] };
    let target = order.plan.target.clone();
    let workload = match fleet.row(&target) {
        Some(row) => Known::Here(&row.workload),
        None if fleet.is_synced(&target.cluster) => Known::Gone,
        None => Known::NotYet,
    };
    let proven_at = sources.kubernetes(&target.cluster).and_then(|source| source.proof);
    step(order, &Facts { workload, proven_at, now: *now })
}

/// What is to be recorded, and what the operator and the cluster are told when the order ended with it.
fn record(state: &mut State, id: &OrderId, entries: Vec<AuditEntry>) -> Vec<Effect> {
    let Some(order) = state.orders.get(id) else { return vec![] };
    if entries.is_empty() {
        return vec![];
    }
    let conclude = Effect::Conclude(Box::new(order.clone()), entries);
    if let OrderState::Ended(outcome) = &order.state {
        let (urgency, text) = orders::told(order, outcome);
        state.notices.say(state.now, urgency, text.as_str());
    }
    vec![conclude]
}
