//! One deed on several marked rows: one dialog, one answer, each its own order.

use pilothouse::app::event::{Effect, Event};
use pilothouse::app::focus::{Dialog, Popup};
use pilothouse::app::state::{Mode, State};
use pilothouse::app::update::update;
use pilothouse::control::action::Action;
use pilothouse::control::order::{
    Attempt, AttemptAnswer, Execution, OrderNews, OrderState, Outcome,
};
use pilothouse::control::plan::Plan;
use pilothouse::domain::feed::{Feed, Trouble};
use pilothouse::domain::ids::{OrderId, ResourceVersion};
use pilothouse::domain::text::Text;
use pilothouse::domain::workload::Workload;

use super::{
    at, cockpit, dialog_is_open, fed, is_execution, press, rehearsed, rollout, target, waiting,
};

/// Three canaries that wait, all marked.
fn marked(mode: Mode) -> State {
    let mut state = cockpit(mode);
    let others = vec![waiting("api"), waiting("cart")];
    let _ = fed(&mut state, 1, Feed::Changed(others));
    for key in ["home", "space", "space", "space"] {
        let _ = press(&mut state, 2, key);
    }
    assert_eq!(state.focus().list.marked.len(), 3);
    state
}

fn plans(effects: &[Effect]) -> Vec<Plan> {
    let plan = |effect: &Effect| {
        if let Effect::Rehearse(plan) = effect { Some((**plan).clone()) } else { None }
    };
    effects.iter().filter_map(plan).collect()
}

fn sent(effects: &[Effect]) -> Vec<OrderId> {
    let id = |effect: &Effect| {
        if let Effect::Execute(clearance) = effect {
            Some(clearance.plan().id.clone())
        } else {
            None
        }
    };
    effects.iter().filter_map(id).collect()
}

fn dialog(state: &State) -> &Dialog {
    match state.focus().popups.last() {
        Some(Popup::Confirm(dialog)) => dialog,
        _ => unreachable!("the dialog is open"),
    }
}

/// A promotion of all three, rehearsed and confirmed; the first one's turn has come.
fn promoted() -> (State, Vec<Plan>) {
    let mut state = marked(Mode::Simulated);
    let plans = plans(&press(&mut state, 3, "p"));
    for plan in &plans {
        let _ = rehearsed(&mut state, plan);
    }
    let _ = fed(&mut state, 5, Feed::Beat);
    assert_eq!(self::plans(&press(&mut state, 5, "y")).len(), 1);
    assert_eq!(state.orders().waiting(), 2);
    (state, plans)
}

/// The executor ended so, and (accepted) the watch shows the step passed.
fn ended(state: &mut State, second: u64, plan: &Plan, execution: Execution) -> Vec<Effect> {
    let is_accepted = execution == Execution::Accepted;
    if is_accepted {
        let attempt = Attempt {
            write: 0,
            precondition: None,
            sent_at: at(second),
            answer: AttemptAnswer::Accepted {
                version: ResourceVersion::new("101"),
                generation: None,
                changed: true,
                warnings: vec![],
            },
            audit_id: None,
        };
        let news = OrderNews::Attempted(Box::new(attempt));
        let _ = update(state, Event::Order(plan.id.clone(), news));
    }
    let mut effects = update(state, Event::Order(plan.id.clone(), OrderNews::Executed(execution)));
    if is_accepted {
        let name = plan.target.name.as_str().to_owned();
        effects.extend(fed(state, second, Feed::Changed(vec![passed(&name)])));
    }
    effects
}

fn passed(name: &str) -> Workload {
    let mut moved = waiting(name);
    moved.meta.resource_version = ResourceVersion::new("102");
    let rollout = rollout(&mut moved);
    rollout.status.step_index = Some(2);
    rollout.status.pauses = [].into();
    rollout.status.flags.controller_pause = false;
    rollout.status.message = None;
    moved
}

fn state_of(state: &State, name: &str) -> OrderState {
    state.orders().latest(&target(name)).expect("an order").state.clone()
}

#[test]
fn an_abort_of_marked_rows_leaves_for_all_at_once() {
    let mut state = marked(Mode::Real);
    let plans = plans(&press(&mut state, 3, "a"));
    assert_eq!(plans.len(), 3);
    assert_eq!(dialog(&state).orders.len(), 3);
    let effects = press(&mut state, 4, "y");
    assert_eq!(
        sent(&effects).len(),
        3,
        "neither armed nor rehearsed: the way back is never blocked"
    );
    assert!(!dialog_is_open(&state));
    assert!(state.focus().list.marked.is_empty());
}

#[test]
fn leaving_the_dialog_sends_nothing_and_keeps_the_marks() {
    let mut state = marked(Mode::Simulated);
    let _ = press(&mut state, 3, "p");
    assert!(!is_execution(&press(&mut state, 4, "esc")));
    assert_eq!(state.focus().list.marked.len(), 3);
    let _ = press(&mut state, 5, "esc");
    assert!(state.focus().list.marked.is_empty(), "the next one takes the marks away");
}

#[test]
fn a_promotion_goes_row_by_row_and_each_is_rehearsed_again_in_its_turn() {
    let mut state = marked(Mode::Simulated);
    let plans = plans(&press(&mut state, 3, "p"));
    assert!(
        !is_execution(&press(&mut state, 4, "y")),
        "not before the server has answered for all"
    );
    assert!(dialog_is_open(&state));
    for plan in &plans {
        let _ = rehearsed(&mut state, plan);
    }
    let _ = fed(&mut state, 5, Feed::Beat);
    let mut effects = press(&mut state, 5, "y");
    for (place, plan) in plans.iter().enumerate() {
        let turn = self::plans(&effects);
        assert_eq!(turn.iter().map(|plan| &plan.id).collect::<Vec<_>>(), [&plan.id]);
        let left = sent(&rehearsed(&mut state, plan));
        assert!(left.len() == 1 && left.contains(&plan.id), "row {place}: {left:?}");
        effects = ended(&mut state, 6, plan, Execution::Accepted);
    }
    for name in ["web", "api", "cart"] {
        assert_eq!(state_of(&state, name), OrderState::Ended(Outcome::Arrived));
    }
    assert_eq!(state.orders().waiting(), 0);
}

#[test]
fn the_first_that_fails_stops_the_rest_and_says_so() {
    let (mut state, plans) = promoted();
    let _ = rehearsed(&mut state, &plans[0]);
    let refused = Execution::Failed { write: 0, why: Text::from("the server refused it (403)") };
    let effects = ended(&mut state, 6, &plans[0], refused);
    assert!(self::plans(&effects).is_empty());
    for plan in &plans[1..] {
        let order = state.orders().get(&plan.id).expect("an order");
        let OrderState::Ended(Outcome::NotSent(why)) = &order.state else {
            panic!("{:?}", order.state)
        };
        assert!(why.as_str().contains("before it ended failed"), "{why}");
    }
    assert_eq!(state.orders().waiting(), 0);
}

#[test]
fn an_unknown_write_lets_nobody_follow() {
    let (mut state, plans) = promoted();
    let _ = rehearsed(&mut state, &plans[0]);
    let why = Trouble::Lost(Text::from("cut"));
    let effects = ended(&mut state, 6, &plans[0], Execution::Unknown { write: 0, why });
    assert!(self::plans(&effects).is_empty());
    assert_eq!(state.orders().waiting(), 2, "they wait until it is known");
}

#[test]
fn a_risky_deed_on_several_asks_for_the_deed_and_their_number() {
    let mut state = marked(Mode::Simulated);
    let plans = plans(&press(&mut state, 3, "P"));
    for plan in &plans {
        let _ = rehearsed(&mut state, plan);
    }
    let _ = fed(&mut state, 4, Feed::Beat);
    for (typed, goes) in [("web", false), ("promote fully 2", false), ("promote fully 3", true)] {
        let _ = press(&mut state, 5, "ctrl-u");
        for letter in typed.chars() {
            let key = if letter == ' ' { "space".to_owned() } else { letter.to_string() };
            let _ = press(&mut state, 5, &key);
        }
        let effects = press(&mut state, 6, "enter");
        assert_eq!(self::plans(&effects).len(), usize::from(goes), "{typed}");
    }
    assert!(sent(&rehearsed(&mut state, &plans[0])).contains(&plans[0].id));
}

#[test]
fn a_row_on_which_it_is_not_possible_is_left_out_and_named() {
    let mut state = marked(Mode::Simulated);
    let _ = fed(&mut state, 3, Feed::Changed(vec![passed("api")]));
    let plans = plans(&press(&mut state, 4, "p"));
    assert_eq!(plans.len(), 2);
    let left = &dialog(&state).left_out;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].0, target("api"));
}

#[test]
fn what_changes_behind_the_dialog_is_told_row_by_row_and_no_old_key_answers() {
    let mut state = marked(Mode::Simulated);
    let first = plans(&press(&mut state, 3, "a"));
    let mut moved = waiting("cart");
    rollout(&mut moved).status.step_index = Some(2);
    let anew = plans(&fed(&mut state, 4, Feed::Changed(vec![moved])));
    assert_eq!(anew.len(), 1);
    assert!(first.iter().any(|plan| plan.id == anew[0].id));
    let told = &dialog(&state).changed;
    assert!(told.len() == 1 && told[0].as_str().starts_with("cart: "), "{told:?}");
    assert!(!is_execution(&press(&mut state, 4, "y")), "a key of the same moment is too old");
    assert_eq!(sent(&press(&mut state, 5, "y")).len(), 3);
}

#[test]
fn a_deed_on_marked_rows_of_a_cluster_that_is_not_armed_does_not_begin() {
    let mut state = marked(Mode::Real);
    let plans = plans(&press(&mut state, 3, "p"));
    for plan in &plans {
        let _ = rehearsed(&mut state, plan);
    }
    let _ = press(&mut state, 4, "y");
    assert!(dialog_is_open(&state));
    assert_eq!(state.orders().waiting(), 0);
}

#[test]
fn the_operator_stops_the_rest_and_the_one_on_its_way_goes_on() {
    let (mut state, plans) = promoted();
    let _ = rehearsed(&mut state, &plans[0]);
    for key in ["g", "x"] {
        let _ = press(&mut state, 6, key);
    }
    assert_eq!(state.orders().waiting(), 0);
    assert_eq!(state.orders().get(&plans[0].id).expect("an order").state, OrderState::Sending);
    let effects = ended(&mut state, 7, &plans[0], Execution::Accepted);
    assert!(self::plans(&effects).is_empty());
    assert_eq!(plans[0].action, Action::Promote);
}

#[test]
fn a_row_that_could_not_go_is_told_before_any_leaves() {
    let mut state = marked(Mode::Simulated);
    let plans = plans(&press(&mut state, 3, "p"));
    for plan in plans.iter().take(2) {
        let _ = rehearsed(&mut state, plan);
    }
    let silent = OrderNews::Rehearsed(Err(Trouble::Lost(Text::from("cut"))));
    let _ = update(&mut state, Event::Order(plans[2].id.clone(), silent));
    let _ = fed(&mut state, 5, Feed::Beat);
    assert!(self::plans(&press(&mut state, 5, "y")).is_empty());
    let name = plans[2].target.to_string();
    let told = dialog(&state).refusals.iter().any(|it| it.why.as_str().starts_with(&name));
    assert!(told, "{:?}", dialog(&state).refusals);
    assert_eq!((state.focus().list.marked.len(), state.orders().waiting()), (3, 0));
}
