//! Tests of [`super`] and of the model behind it: what lies on a lane, what is not known of it, and how one goes over it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::app::event::{Command, Screen, Zoom};
use crate::app::lanes::{LOOK_BACK, Line};
use crate::app::listing::Shown;
use crate::app::state::State;
use crate::domain::detail::{ClusterEvent, Detail};
use crate::domain::feed::{Feed, SourceHealth};
use crate::domain::ids::Uid;
use crate::domain::text::Text;
use crate::ui::marks;
use crate::ui::testing::{ago, canary, command, feed, keys, now, session, silent, target, tick};

const MINUTE: u64 = 60;

/// One cluster that is watched since twenty minutes, without a gap but for those told.
fn watched(make: crate::ui::testing::Make, gaps: &[(u64, u64)]) -> State {
    let mut state = silent(crate::app::state::Session {
        clusters: vec![crate::domain::ids::ClusterName::new("eu")],
        ..session()
    });
    let at = |minutes: u64| ago(minutes * MINUTE);
    let mut workload = make.0;
    workload.seen_at = at(20);
    feed(&mut state, "eu", at(20), Feed::Health(SourceHealth::Live));
    feed(&mut state, "eu", at(20), Feed::Changed(vec![workload]));
    feed(&mut state, "eu", at(20), Feed::Synced);
    for seconds in (0..=20 * MINUTE).rev().step_by(5) {
        let is_cut =
            gaps.iter().any(|(from, to)| (*to * MINUTE..*from * MINUTE).contains(&seconds));
        if !is_cut {
            feed(&mut state, "eu", ago(seconds), Feed::Beat);
        }
    }
    tick(&mut state);
    state
}

fn event(minutes: u64, reason: &str, message: &str) -> ClusterEvent {
    ClusterEvent {
        uid: Uid::new(&format!("{reason}-{minutes}")),
        about: Text::clean("Rollout/web"),
        warning: matches!(reason, "RolloutAborted" | "FailedCreate"),
        reason: Text::clean(reason),
        message: Text::clean(message),
        by: Text::clean("rollouts-controller"),
        count: 1,
        first: Some(ago(minutes * MINUTE)),
        last: Some(ago(minutes * MINUTE)),
    }
}

fn told(state: &mut State, events: Vec<ClusterEvent>) {
    let detail = Detail {
        target: target("eu/shop/web"),
        pods: [].into(),
        pods_left_out: 0,
        runs: [].into(),
        events: events.into(),
        bounds: crate::domain::bounds::Bounds::default(),
        missing: [].into(),
        seen_at: now(),
    };
    feed(state, "eu", now(), Feed::Detail(Box::new(detail)));
}

/// The lane of `eu/shop/web`, a minute a column, from half an hour ago to three minutes from now.
fn drawn(state: &State) -> String {
    let row = state.fleet().row(&target("eu/shop/web")).unwrap();
    let start = ago(30 * MINUTE).as_second();
    let window = Window { start, step: 60, columns: 33 };
    let axis = Axis { window, now: now(), cursor: None, signs: Signs::Unicode };
    let source = state.sources().kubernetes(&row.workload.target.cluster);
    line(&Lane::of(state, row), source, &axis).text()
}

#[test]
fn a_finished_update_shows_its_gate_and_how_long_it_held() {
    let mut state = watched(canary("eu/shop/web", "1.0"), &[]);
    told(
        &mut state,
        vec![
            event(28, "RolloutUpdated", "Rollout updated to revision 7"),
            event(25, "RolloutPaused", "Rollout is paused (CanaryPauseStep)"),
            event(15, "RolloutResumed", "Rollout is resumed"),
            event(12, "RolloutCompleted", "Rollout completed update to revision 7"),
        ],
    );
    assert_eq!(drawn(&state), "  ★──◷‖10m‖‖‖‖‖───✓···········   ");
}

#[test]
fn what_ended_as_it_began_lasted_no_time() {
    let mut state = watched(canary("eu/shop/web", "1.0"), &[]);
    told(
        &mut state,
        vec![
            event(9, "RolloutPaused", "Rollout is paused (CanaryPauseStep)"),
            event(9, "RolloutResumed", "Rollout is resumed"),
        ],
    );
    let row = state.fleet().row(&target("eu/shop/web")).unwrap();
    assert_eq!(Lane::of(&state, row).spans, []);
}

#[test]
fn an_abort_ends_the_update_and_what_failed_stays_failed_while_it_does() {
    let mut state = watched(canary("eu/shop/web", "1.0"), &[]);
    told(
        &mut state,
        vec![
            event(10, "RolloutUpdated", "Rollout updated to revision 7"),
            event(6, "RolloutAborted", "Rollout aborted update to revision 7"),
            event(3, "RolloutCompleted", "Rollout completed update to revision 8"),
        ],
    );
    assert_eq!(drawn(&state), format!("{}··········★───✗━━✓··   ", " ".repeat(10)));
}

#[test]
fn an_update_of_whose_end_nobody_told_is_not_drawn_to_its_end() {
    let mut state = watched(canary("eu/shop/web", "1.0"), &[]);
    told(&mut state, vec![event(28, "RolloutUpdated", "Rollout updated to revision 7")]);
    assert_eq!(drawn(&state), format!("  ★{}{}   ", " ".repeat(7), "·".repeat(20)));
}

#[test]
fn what_was_not_watched_is_a_gap_and_never_quiet() {
    let state = watched(canary("eu/shop/web", "1.0"), &[(12, 8)]);
    let lane = drawn(&state);
    let (before, after) = lane.split_at(10);
    assert_eq!(before.trim(), "", "nobody watched yet");
    assert_eq!(after.trim_end(), format!("{}{}{}", "·".repeat(8), "░".repeat(5), "·".repeat(7)));
    let mut silent = watched(canary("eu/shop/web", "1.0"), &[]);
    let later = now() + Duration::from_mins(2);
    let _ = crate::app::update::update(&mut silent, crate::app::event::Event::Tick(later));
    let row = silent.fleet().row(&target("eu/shop/web")).unwrap();
    let window = Window { start: ago(300).as_second(), step: 60, columns: 9 };
    let axis = Axis { window, now: later, cursor: None, signs: Signs::Ascii };
    let source = silent.sources().kubernetes(&row.workload.target.cluster);
    assert_eq!(line(&Lane::of(&silent, row), source, &axis).text(), ".....::  ");
}

#[test]
fn the_gate_that_stands_now_lasts_until_now() {
    let make = canary("eu/shop/web", "1.0").moving("1.1", 3, 18 * MINUTE);
    let state = watched(make.held("CanaryPauseStep", 12 * MINUTE), &[]);
    assert_eq!(drawn(&state), format!("{}··★─────◷‖12m‖‖‖‖‖‖‖   ", " ".repeat(10)));
}

#[test]
fn grounds_and_marks_are_told_apart_without_colour_and_in_ascii() {
    let grounds = [
        Ground::Was(Stretch::Moving),
        Ground::Was(Stretch::Held),
        Ground::Was(Stretch::Failing),
        Ground::Quiet,
        Ground::Cut,
        Ground::Blank,
    ];
    let meanings = [
        Meaning::Completed,
        Meaning::Revision,
        Meaning::Warning,
        Meaning::Held,
        Meaning::Foreign,
        Meaning::Deed,
        Meaning::Failed,
    ];
    let mark = |meaning| look(meaning).0.sign();
    for signs in [Signs::Unicode, Signs::Ascii] {
        let seen: BTreeSet<String> = grounds
            .iter()
            .map(|ground| ground.sign(signs).to_string())
            .chain(meanings.iter().map(|meaning| match signs {
                Signs::Unicode => mark(*meaning).to_owned(),
                Signs::Ascii => marks::ascii(mark(*meaning)).to_owned(),
            }))
            .collect();
        assert_eq!(seen.len(), grounds.len() + meanings.len(), "{seen:?}");
        assert!(signs == Signs::Unicode || seen.iter().all(|sign| sign.is_ascii()));
    }
}

#[test]
fn the_axis_stands_still_for_a_quarter_of_its_span_and_holds_the_present() {
    let axis = crate::app::focus::Focus::default().fleet_axis;
    let mut edges = BTreeSet::new();
    for seconds in 0..3_600u64 {
        let moment = now() + Duration::from_secs(seconds);
        let range = lanes::range(&axis, moment);
        assert!(range.holds(moment) && range.holds(moment - Duration::from_hours(1)));
        edges.insert(range.from);
    }
    assert!(edges.len() <= 5, "{}", edges.len());
}

/// Three clusters: one release fails at one minute ago, others changed before.
fn fleet() -> State {
    let mut state = silent(session());
    for (cluster, name, born) in [("eu", "web", 300), ("us", "cart", 420), ("ap", "mail", 9_000)] {
        let make = canary(&format!("{cluster}/shop/{name}"), "1.0").moving("1.1", 1, born);
        feed(&mut state, cluster, ago(90), Feed::Health(SourceHealth::Live));
        feed(&mut state, cluster, ago(90), Feed::Changed(vec![make.0]));
        feed(&mut state, cluster, ago(90), Feed::Synced);
        for seconds in (0..90).rev().step_by(5) {
            feed(&mut state, cluster, ago(seconds), Feed::Beat);
        }
    }
    tick(&mut state);
    state
}

fn cursor(state: &State) -> (String, Option<u64>) {
    let at = state.focus().fleet_axis.cursor;
    let name = state.focus().selected.as_ref().map_or("", |target| target.name.as_str());
    (name.to_owned(), at.map(|at| crate::domain::observed::age(at, now()).as_secs()))
}

#[test]
fn the_cursor_goes_from_event_to_event_on_its_lane_and_on_any() {
    let mut state = fleet();
    command(&mut state, Command::Go(Screen::FleetTimeline));
    keys(&mut state, "home");
    let mut walked = Vec::new();
    for key in [")", ")", ")", "(", "(", "(", "end", "(", "left", "right"] {
        keys(&mut state, key);
        walked.push(cursor(&state));
    }
    let at = |name: &str, seconds: Option<u64>| (name.to_owned(), seconds);
    assert!(walked.contains(&at("cart", Some(420))), "{walked:?}");
    assert_eq!(walked[6].1, None, "the end is now");
    assert_eq!(walked[7], at("web", Some(300)), "the newest of all lanes");
    assert_eq!(walked[8], at("web", Some(400_000)), "the revision before");
    assert_eq!(walked[9], at("web", Some(300)));
    keys(&mut state, "right");
    assert_eq!(cursor(&state), at("web", None), "behind the last one is now");
}

#[test]
fn the_axis_follows_its_cursor_and_goes_back_to_now() {
    let mut state = fleet();
    command(&mut state, Command::Go(Screen::FleetTimeline));
    let range = |state: &State| lanes::range(&state.focus().fleet_axis, state.now());
    keys(&mut state, "left left");
    let at = state.focus().fleet_axis.cursor.unwrap();
    assert!(range(&state).holds(at), "days back");
    keys(&mut state, "end");
    assert!(range(&state).holds(now()));
    keys(&mut state, "< <");
    assert!(!range(&state).holds(now()));
    keys(&mut state, "> > >");
    assert_eq!(state.focus().fleet_axis.end, None);
    let before = state.focus().fleet_axis.span_seconds;
    keys(&mut state, "- -");
    assert!(state.focus().fleet_axis.span_seconds > before);
    command(&mut state, Command::Zoom(Zoom::All));
    assert!(range(&state).holds(ago(400_000)), "all that is known");
}

#[test]
fn who_opens_a_release_comes_back_to_where_he_was() {
    let mut state = fleet();
    keys(&mut state, "e ( enter");
    assert_eq!(state.focus().screen, Screen::Timeline);
    let was = cursor(&state);
    keys(&mut state, "esc");
    assert_eq!((state.focus().screen, cursor(&state)), (Screen::FleetTimeline, was));
    keys(&mut state, "esc");
    assert_eq!(state.focus().screen, Screen::Fleet);
    keys(&mut state, "w enter t esc esc");
    assert_eq!(state.focus().screen, Screen::Gates, "the board, from where the release was opened");
}

#[test]
fn lanes_stand_together_as_wanted_and_the_filter_is_the_fleets() {
    let mut state = fleet();
    let headings = |state: &State| -> Vec<String> {
        let heading = |line: &Line<'_>| match line {
            Line::Heading(name, _, Shown::Listed) => Some((*name).to_owned()),
            Line::Heading(..) | Line::Lane(_) => None,
        };
        lanes::lines(state).iter().filter_map(heading).collect()
    };
    keys(&mut state, "e");
    assert_eq!(headings(&state), ["MOVING"]);
    keys(&mut state, "s");
    assert_eq!(headings(&state), ["ap", "eu", "us"]);
    keys(&mut state, "s");
    assert_eq!(headings(&state), ["shop"]);
    keys(&mut state, "/ c a r t enter");
    assert_eq!(state.focus().screen, Screen::FleetTimeline);
    assert_eq!(lanes::targets(&state), [&target("us/shop/cart")]);
    assert_eq!(state.focus().selected, Some(target("us/shop/cart")));
}

#[test]
fn what_changed_just_before_is_found_on_every_lane() {
    let state = fleet();
    let to = ago(200);
    let found = lanes::between(&state, Range { from: to - LOOK_BACK, to });
    let names: Vec<&str> = found.iter().map(|(target, ..)| target.name.as_str()).collect();
    assert_eq!(names, ["web", "cart"]);
}

#[test]
fn what_is_told_at_first_sight_is_no_change() {
    let mut make = canary("eu/shop/web", "1.0");
    make.0.meta.hands =
        [crate::domain::workload::Hand { manager: Text::clean("kubectl"), at: ago(25 * MINUTE) }]
            .into();
    let mut bare = canary("eu/shop/web", "1.0");
    bare.0.revisions = [].into();
    bare.0.meta.hands = Arc::clone(&make.0.meta.hands);
    bare.rollout().status.hashes = crate::domain::rollout::Hashes { current: None, stable: None };
    let mut state = watched(bare, &[]);
    // Its revisions come a moment later than the object.
    make.0.seen_at = ago(20 * MINUTE) + Duration::from_secs(1);
    feed(&mut state, "eu", now(), Feed::Changed(vec![make.0]));
    assert_eq!(drawn(&state), format!("     ◇    {}   ", "·".repeat(20)));
}
