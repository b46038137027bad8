//! The machine as its operator meets it: one event in, effects out, nothing else.

#![expect(clippy::expect_used, reason = "helpers of tests")]
#![expect(clippy::tests_outside_test_module, reason = "an integration test is one module")]

mod gates;
mod look;
mod several;

use std::time::Duration;

use pilothouse::app::event::{Ask, Command, Consent, Effect, Event, Motion, Screen, Show};
use pilothouse::app::focus::Popup;
use pilothouse::app::input::Input;
use pilothouse::app::key::Key;
use pilothouse::app::keymap::Keymap;
use pilothouse::app::state::{FrontKind, Mode, Session, State};
use pilothouse::app::update::{start, update};
use pilothouse::cli::assets::KEYMAPS;
use pilothouse::control::action::Action;
use pilothouse::control::check::CheckId;
use pilothouse::control::order::{Execution, OrderNews, OrderState, Outcome};
use pilothouse::control::plan::{DryRun, Plan, Rehearsal};
use pilothouse::domain::feed::{Feed, SourceHealth, SourceId, SourceKind, Trouble};
use pilothouse::domain::ids::{
    ClusterName, Generation, Name, Namespace, PodHash, ResourceVersion, Revision, Uid,
    WorkloadKind, WorkloadRef,
};
use pilothouse::domain::observed::{Observed, Timestamp};
use pilothouse::domain::rollout::{
    Hashes, PauseCondition, Rollout, RolloutFlags, RolloutSpec, RolloutStatus, Step,
};
use pilothouse::domain::text::{Block, Text};
use pilothouse::domain::workload::{
    Build, Controller, ObjectMeta, ReplicaCounts, ReplicaSet, Strategy, Workload,
};
use proptest::prelude::{Just, ProptestConfig, prop, prop_assert, prop_oneof, proptest};
use proptest::strategy::Strategy as _;

const START: Timestamp = Timestamp::UNIX_EPOCH;

fn at(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

fn target(name: &str) -> WorkloadRef {
    WorkloadRef {
        cluster: ClusterName::new("eu"),
        namespace: Namespace::new("shop"),
        kind: WorkloadKind::Rollout,
        name: Name::new(name),
    }
}

fn replica_set(hash: &str, revision: u64, pods: u32) -> ReplicaSet {
    let count = Some(pods);
    ReplicaSet {
        name: Name::new(&format!("web-{hash}")),
        uid: Uid::new(hash),
        hash: Some(PodHash::new(hash)),
        revision: Some(Revision(revision)),
        created: Some(START),
        replicas: ReplicaCounts {
            desired: count,
            current: count,
            updated: None,
            ready: count,
            available: count,
        },
        images: [].into(),
        scale_down_at: None,
        build: Build::default(),
        failure: None,
        deployer: None,
    }
}

/// A canary that waits for a yes at its second step.
fn waiting(name: &str) -> Workload {
    let pause = PauseCondition { reason: Text::clean("CanaryPauseStep"), since: Some(START) };
    let status = RolloutStatus {
        phase: Some(Text::clean("Paused")),
        message: Some(Text::clean("CanaryPauseStep")),
        observed_generation: Some(Text::clean("7")),
        hashes: Hashes { current: Some(PodHash::new("bbb")), stable: Some(PodHash::new("aaa")) },
        step_index: Some(1),
        pauses: [pause].into(),
        flags: RolloutFlags { controller_pause: true, ..RolloutFlags::default() },
        ..RolloutStatus::default()
    };
    let steps = [Step::SetWeight(25), Step::Pause(None), Step::SetWeight(50)].into();
    let spec = RolloutSpec { steps, ..RolloutSpec::default() };
    Workload {
        target: target(name),
        meta: ObjectMeta {
            uid: Uid::new("u1"),
            resource_version: ResourceVersion::new("100"),
            generation: Generation(7),
            created: Some(START),
            deleting: None,
            hands: [].into(),
        },
        strategy: Strategy::Canary,
        replicas: ReplicaCounts {
            desired: Some(4),
            current: Some(4),
            updated: Some(1),
            ready: Some(4),
            available: Some(4),
        },
        controller: Controller::Argo(Box::new(Rollout { spec, status, routers: [].into() })),
        conditions: [].into(),
        revisions: [replica_set("bbb", 2, 1), replica_set("aaa", 1, 3)].into(),
        part_of: None,
        owner: None,
        build: Build::default(),
        oddities: [].into(),
        seen_at: START,
    }
}

fn rollout(workload: &mut Workload) -> &mut Rollout {
    let Controller::Argo(rollout) = &mut workload.controller else {
        unreachable!("it is a Rollout")
    };
    rollout
}

fn source() -> SourceId {
    SourceId { cluster: ClusterName::new("eu"), kind: SourceKind::Kubernetes }
}

fn fed(state: &mut State, second: u64, feed: Feed) -> Vec<Effect> {
    update(state, Event::Feed(source(), Observed::new(feed, at(second))))
}

fn cockpit(mode: Mode) -> State {
    cockpit_over(mode, waiting("web"))
}

fn cockpit_over(mode: Mode, workload: Workload) -> State {
    let mut state = listing(mode, workload);
    let _ = fed(&mut state, 1, Feed::Synced);
    state
}

fn listing(mode: Mode, workload: Workload) -> State {
    let session = Session {
        clusters: vec![ClusterName::new("eu")],
        mode,
        front: FrontKind::Screen,
        ..Session::empty()
    };
    let (keymap, _) = Keymap::layered(&[(Text::clean("default"), KEYMAPS[0].1)]);
    let mut state = State::new(session, keymap, START);
    let _ = start(&mut state);
    let _ = fed(&mut state, 1, Feed::Health(SourceHealth::Live));
    let _ = fed(&mut state, 1, Feed::Changed(vec![workload]));
    state
}

fn press(state: &mut State, second: u64, key: &str) -> Vec<Effect> {
    let key: Key = key.parse().expect("a key");
    let _ = update(state, Event::Tick(at(second)));
    update(state, Event::Input(Input::Key(key, at(second))))
}

fn plan_of(effects: &[Effect]) -> Plan {
    let plan = effects.iter().find_map(|effect| {
        if let Effect::Rehearse(plan) = effect { Some((**plan).clone()) } else { None }
    });
    plan.expect("a rehearsal")
}

fn rehearsal(plan: &Plan) -> Rehearsal {
    Rehearsal {
        footing: plan.footing.clone(),
        read_at: at(2),
        access: vec![],
        dry_run: DryRun::Accepted(vec![]),
        kept: vec![],
        writes: vec![],
        shown: Block::clean("{}"),
    }
}

fn rehearsed(state: &mut State, plan: &Plan) -> Vec<Effect> {
    let answer = OrderNews::Rehearsed(Ok(Box::new(rehearsal(plan))));
    update(state, Event::Order(plan.id.clone(), answer))
}

fn is_execution(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Execute(_)))
}

fn dialog_is_open(state: &State) -> bool {
    matches!(state.focus().popups.last(), Some(Popup::Confirm(_)))
}

#[test]
fn the_most_urgent_row_is_selected_when_the_list_is_in() {
    let mut state = listing(Mode::Real, waiting("web"));
    let _ = press(&mut state, 1, "m"); // A key that chooses no row.
    let _ = fed(&mut state, 1, Feed::Synced);
    assert_eq!(state.focus().selected, Some(target("web")));
}

#[test]
fn an_armed_promote_goes_after_rehearsal_and_y() {
    let mut state = cockpit(Mode::Real);
    let _ = update(&mut state, Event::Command(Command::Arm));
    let plan = plan_of(&press(&mut state, 2, "p"));
    assert!(!is_execution(&press(&mut state, 3, "y")), "the plan is not fresh yet");
    let _ = rehearsed(&mut state, &plan);
    let _ = fed(&mut state, 4, Feed::Beat);
    assert!(is_execution(&press(&mut state, 4, "y")));
    assert!(!dialog_is_open(&state));
    assert!(!is_execution(&press(&mut state, 5, "y")), "one clearance, one deed");
}

#[test]
fn a_deed_on_a_cluster_that_is_not_armed_is_refused_in_the_dialog() {
    let mut state = cockpit(Mode::Real);
    let plan = plan_of(&press(&mut state, 2, "p"));
    let _ = rehearsed(&mut state, &plan);
    assert!(!is_execution(&press(&mut state, 3, "y")));
    let Some(Popup::Confirm(dialog)) = state.focus().popups.last() else { unreachable!() };
    assert!(dialog.refusals.iter().any(|refusal| refusal.check == CheckId::Armed));
}

#[test]
fn abort_needs_neither_arming_nor_a_rehearsal() {
    let mut state = cockpit(Mode::Real);
    let _ = press(&mut state, 2, "a");
    assert!(dialog_is_open(&state));
    assert!(is_execution(&press(&mut state, 3, "y")));
}

#[test]
fn read_only_refuses_even_abort() {
    let mut state = cockpit(Mode::ReadOnly);
    let _ = press(&mut state, 2, "a");
    assert!(!is_execution(&press(&mut state, 3, "y")));
}

#[test]
fn keys_that_were_queued_before_the_dialog_opened_never_reach_it() {
    let mut state = cockpit(Mode::Real);
    let _ = update(&mut state, Event::Tick(at(9)));
    let key = |key: &str, second| Event::Input(Input::Key(key.parse().expect("a key"), at(second)));
    let _ = update(&mut state, key("a", 5));
    assert!(dialog_is_open(&state));
    for second in 5..=9 {
        assert!(!is_execution(&update(&mut state, key("y", second))));
    }
    assert!(is_execution(&update(&mut state, key("y", 10))));
}

#[test]
fn a_paste_is_never_an_answer() {
    let mut state = cockpit(Mode::Simulated);
    let plan = plan_of(&press(&mut state, 2, "R"));
    let _ = rehearsed(&mut state, &plan);
    let _ = update(&mut state, Event::Input(Input::Paste(Text::clean("web"), at(3))));
    assert!(!is_execution(&press(&mut state, 4, "enter")));
}

#[test]
fn a_risky_deed_goes_only_with_its_name() {
    let mut state = cockpit(Mode::Simulated);
    let plan = plan_of(&press(&mut state, 2, "R"));
    let _ = rehearsed(&mut state, &plan);
    let _ = fed(&mut state, 3, Feed::Beat);
    for key in ["w", "e"] {
        let _ = press(&mut state, 3, key);
    }
    assert!(!is_execution(&press(&mut state, 4, "enter")), "half a name is no name");
    let _ = press(&mut state, 4, "b");
    assert!(is_execution(&press(&mut state, 5, "enter")));
}

#[test]
fn the_reason_of_the_dialog_goes_with_the_order_and_answers_nothing() {
    let mut state = cockpit(Mode::Real);
    let _ = press(&mut state, 2, "a");
    for key in ["tab", "y", "n", "y"] {
        assert!(!is_execution(&press(&mut state, 3, key)), "{key} is text of the reason");
    }
    let _ = update(&mut state, Event::Input(Input::Paste(Text::clean(" 5xx"), at(3))));
    assert!(!is_execution(&press(&mut state, 4, "enter")), "ends the reason, nothing else");
    assert!(dialog_is_open(&state));
    let effects = press(&mut state, 5, "y");
    assert!(is_execution(&effects));
    let order = state.orders().latest(&target("web")).expect("an order");
    assert_eq!(order.plan.reason, Text::clean("yny 5xx"));
}

#[test]
fn a_long_patch_is_scrolled_in_the_dialog() {
    let mut state = cockpit(Mode::Real);
    let plan = plan_of(&press(&mut state, 2, "p"));
    let _ = rehearsed(&mut state, &plan);
    let scroll = |state: &State| match state.focus().popups.last() {
        Some(Popup::Confirm(dialog)) => dialog.scroll,
        _ => unreachable!("the dialog is open"),
    };
    let _ = press(&mut state, 3, "down");
    assert_eq!(scroll(&state), 0, "a patch of one line has no second");
    let mut answer = rehearsal(&plan);
    answer.shown = Block::clean("{\n1\n2\n}");
    let answered = OrderNews::Rehearsed(Ok(Box::new(answer)));
    let _ = update(&mut state, Event::Order(plan.id.clone(), answered));
    for _ in 0..9 {
        let _ = press(&mut state, 4, "down");
    }
    assert_eq!(scroll(&state), 3);
}

#[test]
fn a_new_version_of_the_object_alone_changes_nothing() {
    let mut state = cockpit(Mode::Simulated);
    let _ = press(&mut state, 2, "p");
    let mut newer = waiting("web");
    newer.meta.resource_version = ResourceVersion::new("101");
    let effects = fed(&mut state, 3, Feed::Changed(vec![newer]));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Rehearse(_))));
}

#[test]
fn a_changed_footing_is_told_and_asked_again() {
    let mut state = cockpit(Mode::Simulated);
    let plan = plan_of(&press(&mut state, 2, "a"));
    let mut moved = waiting("web");
    rollout(&mut moved).status.step_index = Some(2);
    let again = plan_of(&fed(&mut state, 3, Feed::Changed(vec![moved.clone()])));
    assert_eq!(again.id, plan.id);
    rollout(&mut moved).spec.paused = true;
    let _ = fed(&mut state, 3, Feed::Changed(vec![moved]));
    let Some(Popup::Confirm(dialog)) = state.focus().popups.last() else { unreachable!() };
    assert_eq!(dialog.changed.len(), 2, "all since it opened: {:?}", dialog.changed);
    let y = Event::Input(Input::Key("y".parse().expect("a key"), at(3)));
    assert!(!is_execution(&update(&mut state, y)), "a key of the same moment is too old");
}

#[test]
fn on_a_calm_fleet_the_first_row_that_appears_is_selected() {
    let mut calm = waiting("web");
    let status = &mut rollout(&mut calm).status;
    status.hashes.current = status.hashes.stable.clone();
    (status.phase, status.pauses) = (Some(Text::clean("Healthy")), [].into());
    status.flags.controller_pause = false;
    let mut state = cockpit_over(Mode::Simulated, calm);
    let _ = press(&mut state, 2, "down");
    assert_eq!(state.focus().selected, None, "a steady one is not listed");
    let _ = fed(&mut state, 6, Feed::Changed(vec![waiting("web")]));
    assert!(state.focus().selected.is_some());
}

#[test]
fn old_facts_carry_no_promote() {
    let mut state = cockpit(Mode::Simulated);
    let plan = plan_of(&press(&mut state, 2, "p"));
    let _ = rehearsed(&mut state, &plan);
    assert!(!is_execution(&press(&mut state, 60, "y")));
    let Some(Popup::Confirm(dialog)) = state.focus().popups.last() else { unreachable!() };
    assert!(dialog.refusals.iter().any(|refusal| refusal.check == CheckId::Freshness));
}

#[test]
fn esc_leaves_a_dialog_and_sends_nothing() {
    let mut state = cockpit(Mode::Simulated);
    let _ = press(&mut state, 2, "a");
    assert!(!is_execution(&press(&mut state, 3, "esc")));
    assert!(!dialog_is_open(&state));
    let order = state.orders().latest(&target("web")).expect("the order");
    assert!(matches!(order.state, OrderState::Ended(Outcome::NotSent(_))));
}

#[test]
fn after_a_stop_nothing_is_armed_and_no_dialog_is_open() {
    let mut state = cockpit(Mode::Real);
    let _ = update(&mut state, Event::Command(Command::Arm));
    let _ = press(&mut state, 2, "p");
    let _ = update(&mut state, Event::Input(Input::Resumed(at(900))));
    assert!(!dialog_is_open(&state));
    assert!(!state.orders().is_armed(&ClusterName::new("eu")));
}

#[test]
fn arming_ends_after_ten_minutes_without_a_deed() {
    let mut state = cockpit(Mode::Real);
    let _ = update(&mut state, Event::Command(Command::Arm));
    let _ = update(&mut state, Event::Tick(at(599)));
    assert!(state.orders().is_armed(&ClusterName::new("eu")));
    let _ = update(&mut state, Event::Tick(at(700)));
    assert!(!state.orders().is_armed(&ClusterName::new("eu")));
}

#[test]
fn an_unknown_write_is_never_sent_again() {
    let mut state = cockpit(Mode::Simulated);
    let plan = plan_of(&press(&mut state, 2, "a"));
    assert!(is_execution(&press(&mut state, 3, "y")));
    let why = Trouble::TimedOut { after: Duration::from_secs(10) };
    let news = OrderNews::Executed(Execution::Unknown { write: 0, why });
    let effects = update(&mut state, Event::Order(plan.id.clone(), news));
    assert!(!is_execution(&effects));
    for second in 4..200 {
        let effects = update(&mut state, Event::Tick(at(second)));
        assert!(!is_execution(&effects));
    }
}

#[test]
fn a_deed_of_the_command_line_takes_the_same_path() {
    let mut state = cockpit(Mode::Real);
    let ask = Ask {
        action: Action::Promote,
        target: target("web"),
        reason: Text::clean("looks good"),
        consent: Consent::Yes,
    };
    let plan = plan_of(&update(&mut state, Event::Ask(Box::new(ask))));
    assert_eq!(plan.reason.as_str(), "looks good");
    assert!(is_execution(&rehearsed(&mut state, &plan)));
}

#[test]
fn a_dry_run_of_the_command_line_sends_nothing() {
    let mut state = cockpit(Mode::Real);
    let ask = Ask {
        action: Action::Abort,
        target: target("web"),
        reason: Text::default(),
        consent: Consent::None,
    };
    let plan = plan_of(&update(&mut state, Event::Ask(Box::new(ask))));
    assert!(!is_execution(&rehearsed(&mut state, &plan)));
    for second in 2..30 {
        assert!(!is_execution(&update(&mut state, Event::Tick(at(second)))));
    }
}

#[test]
fn a_selected_row_that_is_gone_gives_no_other_target() {
    let mut state = cockpit(Mode::Simulated);
    let _ = fed(&mut state, 2, Feed::Changed(vec![waiting("api")]));
    let _ = fed(&mut state, 3, Feed::Removed(vec![target("web")]));
    let effects = press(&mut state, 4, "a");
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Rehearse(_))));
}

/// Anything that may happen to the machine, in any order.
fn any_event() -> impl proptest::strategy::Strategy<Value = Event> {
    let keys = [
        "j", "k", "a", "y", "n", "p", "esc", "enter", "R", "w", "e", "b", "/", ":", "?", "t", "z",
        "g",
    ];
    prop_oneof![
        (0usize..keys.len(), 0u64..2_000).prop_map(move |(key, second)| {
            Event::Input(Input::Key(keys[key].parse().expect("a key"), at(second)))
        }),
        (0u64..2_000).prop_map(|second| Event::Tick(at(second))),
        (0u64..2_000, 0u32..5).prop_map(|(second, step)| {
            let mut workload = waiting("web");
            rollout(&mut workload).status.step_index = Some(step);
            Event::Feed(source(), Observed::new(Feed::Changed(vec![workload]), at(second)))
        }),
        (0u64..2_000).prop_map(|second| {
            Event::Feed(source(), Observed::new(Feed::Removed(vec![target("web")]), at(second)))
        }),
        Just(Event::Command(Command::Move(Motion::Down))),
        Just(Event::Command(Command::Go(Screen::Timeline))),
        Just(Event::Command(Command::Show(Show::Log))),
        Just(Event::Command(Command::Show(Show::Revisions))),
        (0u16..300, 0u16..100)
            .prop_map(|(width, height)| Event::Input(Input::Resize { width, height })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_but_pause_and_abort_leaves_an_unarmed_cockpit(events in prop::collection::vec(any_event(), 0..60)) {
        let mut state = cockpit(Mode::Real);
        for event in events {
            for effect in update(&mut state, event) {
                if let Effect::Execute(clearance) = effect {
                    let action = clearance.plan().action;
                    prop_assert!(matches!(action, Action::Pause | Action::Abort), "{action:?}");
                }
            }
        }
        prop_assert!(state.focus().popups.len() <= 3);
    }
}
