//! The board of gates: what yes and no mean, and that both have a reason.

use pilothouse::app::event::Screen;
use pilothouse::app::state::Mode;
use pilothouse::control::action::Action;
use pilothouse::domain::feed::Feed;
use pilothouse::domain::text::Text;

use super::{
    cockpit, dialog_is_open, fed, is_execution, plan_of, press, rehearsed, rollout, target, waiting,
};

#[test]
fn an_answer_at_a_gate_needs_a_reason() {
    let mut state = cockpit(Mode::Simulated);
    let _ = press(&mut state, 2, "w");
    assert_eq!(state.focus().screen, Screen::Gates);
    let plan = plan_of(&press(&mut state, 3, "p"));
    assert_eq!(plan.action, Action::Promote);
    let _ = rehearsed(&mut state, &plan);
    let _ = fed(&mut state, 4, Feed::Beat);
    let _ = press(&mut state, 4, "enter");
    assert!(!is_execution(&press(&mut state, 5, "y")), "nobody said why");
    for key in ["tab", "o", "k", "enter"] {
        let _ = press(&mut state, 6, key);
    }
    assert!(is_execution(&press(&mut state, 7, "y")));
}

#[test]
fn no_at_a_gate_takes_the_new_version_back() {
    let mut state = cockpit(Mode::Real);
    let _ = press(&mut state, 2, "w");
    assert_eq!(plan_of(&press(&mut state, 3, "a")).action, Action::Abort);
    assert!(is_execution(&press(&mut state, 4, "y")), "nothing stands before the way back");
    let order = state.orders().latest(&target("web")).expect("an order");
    assert_eq!(order.plan.reason, Text::clean("refused at the gate"));
}

#[test]
fn what_changes_while_a_reason_is_typed_turns_no_letter_into_an_answer() {
    let mut state = cockpit(Mode::Simulated);
    let _ = press(&mut state, 2, "a");
    let _ = press(&mut state, 3, "tab");
    let mut moved = waiting("web");
    rollout(&mut moved).status.step_index = Some(2);
    let _ = fed(&mut state, 4, Feed::Changed(vec![moved]));
    assert!(!is_execution(&press(&mut state, 5, "y")), "a letter of the reason");
    assert!(!is_execution(&press(&mut state, 6, "enter")), "ends the reason");
    assert!(is_execution(&press(&mut state, 7, "y")));
}

#[test]
fn esc_in_the_reason_goes_back_to_the_answer() {
    let mut state = cockpit(Mode::Real);
    let _ = press(&mut state, 2, "a");
    let _ = press(&mut state, 3, "tab");
    let _ = press(&mut state, 3, "esc");
    assert!(dialog_is_open(&state));
    let _ = press(&mut state, 3, "esc");
    assert!(!dialog_is_open(&state));
}
