//! Tests of [`super`]: every screen in three sizes, with text and meanings; no size that panics; a quiet screen is quiet.

use std::time::Duration;

use insta::{assert_snapshot, with_settings};
use proptest::prelude::*;

use super::*;
use crate::app::event::{Command, Effect, Event, Show};
use crate::app::update::update;
use crate::control::order::{Execution, OrderNews};
use crate::control::plan::DryRun;
use crate::domain::feed::{Answer, Feed, Permission, SourceHealth, Trouble};
use crate::domain::ids::Namespace;
use crate::domain::observed::Observed;
use crate::domain::text::{Block, Text};
use crate::ui::colour::Depth;
use crate::ui::svg;
use crate::ui::testing::{
    ago, canary, command, feed, fleet, keys, now, painted, rehearse, select, session, session_in,
    silent, snapshot, tick,
};
use crate::ui::testing_parts::detail;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

/// Text and role map in these sizes.
fn kept(name: &str, state: &State, sizes: &[(u16, u16)]) {
    for size in sizes {
        let name = format!("{name}-{}x{}", size.0, size.1);
        with_settings!({ snapshot_path => "../../tests/snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            assert_snapshot!(name, snapshot(state, *size));
        });
    }
}

fn text(state: &State, size: (u16, u16)) -> String {
    svg::text(&painted(state, &Theme::dark(), size))
}

/// `payments/api` open, its parts known.
fn opened() -> State {
    let mut state = fleet();
    command(&mut state, Command::Open);
    feed(&mut state, "eu", now(), Feed::Detail(Box::new(detail())));
    state
}

/// The dialog of a deed on `payments/api`.
fn dialog(pressed: &str) -> State {
    let mut state = fleet();
    keys(&mut state, pressed);
    state
}

fn accepted() -> DryRun {
    DryRun::Accepted(vec![])
}

#[test]
fn the_fleet_tells_who_needs_a_human_and_why() {
    kept("fleet", &fleet(), &SIZES);
}

#[test]
fn a_small_terminal_shows_the_list_alone() {
    kept("fleet-small", &fleet(), &[(79, 23), (60, 12), (40, 5), (20, 2)]);
}

#[test]
fn a_rollout_shows_ladder_curves_pods_and_deeds() {
    let mut state = opened();
    kept("rollout", &state, &SIZES);
    keys(&mut state, "down down");
    kept("rollout-cursor", &state, &[(80, 24)]);
}

#[test]
fn the_end_of_a_rollout_screen_is_reached() {
    let state = opened();
    kept("rollout-whole", &state, &[(100, 90)]);
}

#[test]
fn the_timeline_reads_any_moment() {
    let mut state = opened();
    command(&mut state, Command::Go(Screen::Timeline));
    kept("timeline", &state, &SIZES);
    keys(&mut state, "left left left left left left left left left left");
    kept("timeline-cursor", &state, &[(120, 40)]);
    keys(&mut state, "home");
    let shown = text(&state, (120, 40));
    assert!(!shown.contains("? of ?") && shown.contains(" 13:50:40 weight"), "{shown}");
}

#[test]
fn the_fleet_timeline_tells_what_changed_before_something_failed() {
    let mut state = opened();
    command(&mut state, Command::Go(Screen::FleetTimeline));
    kept("fleet-timeline", &state, &[(80, 24), (120, 40), (160, 50)]);
    keys(&mut state, "left");
    kept("fleet-timeline-cursor", &state, &[(80, 24), (160, 50)]);
}

#[test]
fn the_board_tells_what_waits_and_what_yes_and_no_would_do() {
    let mut state = fleet();
    command(&mut state, Command::Go(Screen::Gates));
    kept("gates", &state, &SIZES);
    keys(&mut state, "p");
    kept("gates-approve", &state, &[(80, 24)]);
}

#[test]
fn a_dialog_shows_the_whole_plan() {
    let mut state = dialog("a");
    kept("confirm-asking", &state, &[(80, 24)]);
    rehearse(&mut state, accepted());
    kept("confirm", &state, &SIZES);
}

#[test]
fn a_deed_on_marked_rows_lists_them_all() {
    let mut state = fleet();
    for key in ["home", "space", "space", "space", "space"] {
        keys(&mut state, key);
    }
    kept("marked", &state, &[(80, 24), (120, 40)]);
    keys(&mut state, "a");
    kept("several", &state, &[(80, 24), (120, 40)]);
}

#[test]
fn a_risky_deed_wants_the_name() {
    let mut state = dialog("R");
    rehearse(&mut state, accepted());
    keys(&mut state, "a p");
    kept("confirm-typed", &state, &[(80, 24)]);
    keys(&mut state, "i");
    assert!(text(&state, (80, 24)).contains("enter does it"));
}

#[test]
fn a_refusal_stands_in_the_dialog_with_its_remedy() {
    let mut state = fleet();
    select(&mut state, "us/checkout/web");
    keys(&mut state, "p");
    rehearse(&mut state, accepted());
    keys(&mut state, "y");
    let shown = text(&state, (80, 24));
    assert!(shown.contains("✗ refused"), "{shown}");
    kept("confirm-refused", &state, &[(80, 24)]);
}

#[test]
fn a_rejected_dry_run_is_told() {
    let mut state = dialog("p");
    let why = Text::clean("admission webhook \"policy\" denied the request");
    rehearse(&mut state, DryRun::Rejected { code: 403, why });
    let shown = text(&state, (120, 40));
    assert!(shown.contains("✗ dry run answered 403: admission webhook"), "{shown}");
}

#[test]
fn a_dialog_says_what_changed() {
    let mut state = dialog("p");
    rehearse(&mut state, accepted());
    let moved = canary("eu/payments/api", "1.42.7").moving("1.43.0", 4, 720).0;
    feed(&mut state, "eu", now(), Feed::Changed(vec![moved]));
    let shown = text(&state, (80, 24));
    assert!(shown.contains("▲ changed") && shown.contains("step 3 → 4"), "{shown}");
}

#[test]
fn what_is_asked_is_seen_however_small_the_terminal_is() {
    for pressed in ["a", "p", "R"] {
        let state = dialog(pressed);
        for height in 8..30 {
            let shown = text(&state, (60, height));
            // Its canary fails: to promote it asks for the name as a roll back does.
            let question = if pressed == "a" { " leave it" } else { "type api" };
            assert!(shown.contains(question), "{pressed} {height}\n{shown}");
        }
    }
}

#[test]
fn help_comes_from_the_live_keymap() {
    let mut state = fleet();
    command(&mut state, Command::Show(Show::Help));
    kept("help", &state, &SIZES);
    command(&mut state, Command::Back);
    keys(&mut state, "t ?");
    let shown = text(&state, (120, 110));
    assert!(shown.contains("q                 back"), "{shown}");
    assert!(shown.contains("ctrl-c            quit"), "q goes back here:\n{shown}");
}

#[test]
fn the_palette_finds_by_a_few_letters() {
    let mut state = fleet();
    keys(&mut state, ":");
    kept("palette", &state, &[(80, 24)]);
    keys(&mut state, "r o l l");
    let shown = text(&state, (80, 24));
    assert!(shown.contains("roll back") && !shown.contains("zoom"), "{shown}");
}

#[test]
fn pickers_and_notices_lie_over_the_screen() {
    let mut state = fleet();
    keys(&mut state, "c");
    kept("clusters", &state, &[(80, 24)]);
    keys(&mut state, "esc m g r");
    kept("revisions", &state, &[(80, 24)]);
    keys(&mut state, "esc !");
    kept("notices", &state, &[(80, 24)]);
}

#[test]
fn the_filter_is_typed_in_place() {
    let mut state = fleet();
    keys(&mut state, "/ c a r t");
    kept("filter", &state, &[(80, 24)]);
    keys(&mut state, "x x");
    assert!(text(&state, (80, 24)).contains("nothing contains “cartxx”"));
}

#[test]
fn the_first_frame_says_what_it_connects_to() {
    let state = silent(session());
    kept("first", &state, &[(80, 24)]);
    assert!(text(&state, (30, 6)).contains("connecting to eu"));
}

#[test]
fn a_fleet_without_rollouts_and_a_session_without_clusters_explain_themselves() {
    let mut state = silent(session());
    feed(&mut state, "eu", now(), Feed::Health(SourceHealth::Live));
    feed(&mut state, "eu", now(), Feed::Synced);
    kept("empty", &state, &[(80, 24)]);
    let none = silent(crate::app::state::Session::empty());
    let shown = text(&none, (100, 30));
    assert!(shown.contains("no cluster is configured") && shown.contains("pilothouse demo"));
}

#[test]
fn every_trouble_is_a_sentence_and_a_remedy() {
    let words = || Text::clean("words of the server");
    let permission = Permission {
        verb: Text::clean("list"),
        resource: Text::clean("rollouts"),
        namespace: Some(Namespace::new("shop")),
    };
    let troubles = [
        Trouble::NotAuthenticated { detail: words() },
        Trouble::Forbidden(Box::new(permission)),
        Trouble::KindMissing(words()),
        Trouble::NotFound(words()),
        Trouble::Config(words()),
        Trouble::Plugin(words()),
        Trouble::Unreachable(words()),
        Trouble::Tls(words()),
        Trouble::TimedOut { after: Duration::from_secs(4) },
        Trouble::BadAnswer(words()),
        Trouble::Refused { code: 503, detail: words() },
        Trouble::TooLarge { bytes_max: 1_000 },
        Trouble::NotConfigured,
        Trouble::Lost(words()),
    ];
    for why in troubles {
        let mut state = silent(session());
        let health = SourceHealth::Down { why: why.clone(), retry_at: now() };
        feed(&mut state, "us", ago(20), Feed::Health(health));
        tick(&mut state);
        let shown = text(&state, (220, 30));
        assert!(shown.contains(&why.to_string()) && shown.contains(why.remedy()), "{shown}");
        assert!(shown.contains("connecting to eu"), "another cluster goes on");
    }
}

#[test]
fn what_may_be_done_is_always_in_the_header() {
    use crate::app::state::Mode;
    for (mode, word) in [(Mode::ReadOnly, "read-only"), (Mode::Simulated, "SIMULATED")] {
        let state = silent(session_in(mode));
        for size in [(80, 24), (40, 10), (24, 3)] {
            let shown = text(&state, size);
            let is_small_real = mode == Mode::ReadOnly && size.1 < FRAMED_ROWS;
            assert!(shown.contains(word) || is_small_real, "{size:?}\n{shown}");
        }
        let mut helped = silent(session_in(mode));
        command(&mut helped, Command::Show(Show::Help));
        assert!(text(&helped, (80, 24)).contains(word), "a popup never lies over it");
    }
    let mut state = fleet();
    assert!(text(&state, (80, 24)).contains("observe"));
    keys(&mut state, "m");
    assert!(text(&state, (80, 24)).contains("ARMED eu"));
}

#[test]
fn a_live_source_shows_no_age_and_a_silent_one_steps() {
    let mut state = fleet();
    assert!(text(&state, (120, 40)).lines().next().unwrap_or("").contains("eu ●   us ●"));
    let later = now() + Duration::from_secs(7);
    let _ = update(&mut state, Event::Tick(later));
    assert!(text(&state, (120, 40)).contains("eu ● >5s"));
}

#[test]
fn a_quiet_screen_does_not_change() {
    for screen in [Screen::Fleet, Screen::Rollout, Screen::Timeline, Screen::FleetTimeline] {
        let mut state = silent(session());
        for cluster in ["eu", "us", "ap"] {
            let quiet = canary(&format!("{cluster}/shop/web"), "1.0").0;
            feed(&mut state, cluster, ago(30), Feed::Health(SourceHealth::Live));
            feed(&mut state, cluster, ago(30), Feed::Changed(vec![quiet]));
            feed(&mut state, cluster, ago(30), Feed::Synced);
        }
        keys(&mut state, ".");
        select(&mut state, "eu/shop/web");
        command(&mut state, Command::Go(screen));
        let before = painted(&state, &Theme::dark(), (120, 40));
        for seconds in [25, 20, 15] {
            for cluster in ["eu", "us", "ap"] {
                feed(&mut state, cluster, ago(seconds), Feed::Beat);
            }
        }
        let after = painted(&state, &Theme::dark(), (120, 40));
        assert_eq!(svg::text(&before), svg::text(&after));
        assert_eq!(before, after, "{screen:?}");
    }
}

#[test]
fn no_colour_and_no_unicode_lose_no_meaning() {
    let state = opened();
    let plain = painted(&state, &Theme::dark().at(Depth::None), (120, 40));
    for cell in &plain.content {
        let style = cell.style();
        let reset = ratatui::style::Style::reset();
        assert_eq!((style.fg, style.bg), (reset.fg, reset.bg));
    }
    let ascii = painted(&state, &Theme::dark().signs(Signs::Ascii), (120, 40));
    assert!(ascii.content.iter().all(|cell| cell.symbol().is_ascii()));
    with_settings!({ snapshot_path => "../../tests/snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        assert_snapshot!("ascii-120x40", svg::text(&ascii));
    });
}

#[test]
fn hostile_names_and_messages_stay_in_their_cells() {
    let mut state = silent(session());
    let evil = format!("eu/{}/{}", "n".repeat(10_000), "漢\u{1b}[31m\u{202e}".repeat(2_000));
    let mut make = canary(&evil, &"9".repeat(10_000)).moving("\u{1b}]52;c;x\u{7}", 3, 60);
    make = make.held(&"InconclusiveAnalysisRun\n".repeat(500), 60);
    feed(&mut state, "eu", now(), Feed::Health(SourceHealth::Live));
    feed(&mut state, "eu", now(), Feed::Changed(vec![make.0]));
    keys(&mut state, "down");
    for screen in [Screen::Fleet, Screen::Rollout, Screen::Timeline, Screen::FleetTimeline] {
        command(&mut state, Command::Go(screen));
        for size in [(80, 24), (20, 6), (300, 100)] {
            let buffer = painted(&state, &Theme::dark(), size);
            let is_clean = |cell: &ratatui::buffer::Cell| !cell.symbol().contains(char::is_control);
            assert!(buffer.content.iter().all(is_clean));
        }
    }
    keys(&mut state, "a");
    let _ = painted(&state, &Theme::dark(), (80, 24));
}

#[test]
fn a_deed_is_told_until_it_has_arrived() {
    let mut state = dialog("a");
    rehearse(&mut state, accepted());
    keys(&mut state, "y");
    let shown = text(&state, (80, 24));
    assert!(shown.contains("abort sent") && shown.contains("abort is being sent"), "{shown}");
    let id = state.orders().iter().next_back().unwrap().id().clone();
    let why = Trouble::TimedOut { after: Duration::from_secs(10) };
    let news = OrderNews::Executed(Execution::Unknown { write: 0, why });
    let _ = update(&mut state, Event::Order(id, news));
    kept("deed-unknown", &state, &[(80, 24)]);
    assert!(text(&state, (80, 24)).contains("it may have happened"));
}

#[test]
fn blue_green_and_deployments_have_lines_of_their_own() {
    for (path, name) in [("eu/search/indexer", "blue-green"), ("us/mail/worker", "deployment")] {
        let mut state = fleet();
        select(&mut state, path);
        command(&mut state, Command::Open);
        kept(name, &state, &[(120, 40)]);
    }
}

#[test]
fn everything_stale_is_seen_as_stale() {
    let mut state = fleet();
    let later = now() + Duration::from_mins(3);
    let _ = update(&mut state, Event::Tick(later));
    kept("stale", &state, &[(120, 40)]);
    let shown = text(&state, (120, 40));
    assert_eq!(shown.lines().next().map(|line| line.matches("◌ stale 3m").count()), Some(3));
    // By a mark, for those who see no colours.
    let is_marked = |state: &State| {
        let shown = text(state, (120, 40));
        shown.lines().any(|line| line.contains("◌  payments/api"))
    };
    assert!(is_marked(&state));
    command(&mut state, Command::Go(Screen::Gates));
    assert!(is_marked(&state));
    kept("gates-stale", &state, &[(120, 40)]);
}

#[test]
fn a_pager_shows_what_was_asked_for_or_why_not() {
    let mut state = opened();
    let asked = update(&mut state, Event::Command(Command::Show(Show::Diff)));
    let [Effect::Query(id, _)] = asked.as_slice() else { panic!("{asked:?}") };
    let id = *id;
    assert!(text(&state, (80, 24)).contains("○ asking …"));
    let lines = |tag: &str| {
        Block::clean(&format!("spec:\n  containers:\n  - image: api:{tag}\n    name: app\n"))
    };
    let both = Observed::new(Box::new((lines("1.43.0"), lines("1.42.7"))), now());
    let _ = update(&mut state, Event::Answer(id, Answer::Templates(both)));
    kept("diff", &state, &[(80, 24)]);
    let asked = update(&mut state, Event::Command(Command::Show(Show::Yaml)));
    let [Effect::Query(id, _)] = asked.as_slice() else { panic!("{asked:?}") };
    let why = Trouble::NotFound(Text::clean("rollout api"));
    let _ = update(&mut state, Event::Answer(*id, Answer::Failed(why.clone())));
    let shown = text(&state, (80, 24));
    assert!(shown.contains("✗ rollout api not found") && shown.contains(why.remedy()), "{shown}");
}

/// States that show everything that can be shown.
fn states() -> Vec<State> {
    let mut timeline = opened();
    command(&mut timeline, Command::Go(Screen::Timeline));
    keys(&mut timeline, "left left");
    let mut lanes = opened();
    keys(&mut lanes, "e (");
    let mut rehearsed = dialog("R");
    rehearse(&mut rehearsed, accepted());
    let shown = |show: Show| {
        let mut state = opened();
        command(&mut state, Command::Show(show));
        state
    };
    vec![
        silent(session()),
        fleet(),
        opened(),
        timeline,
        lanes,
        dialog("a"),
        rehearsed,
        shown(Show::Help),
        shown(Show::Palette),
        shown(Show::Notices),
        shown(Show::Yaml),
        shown(Show::Revisions),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn view_never_panics(width in 0u16..300, height in 0u16..100) {
        let states = states();
        for state in &states {
            for theme in [Theme::dark(), Theme::probe().signs(Signs::Ascii)] {
                let buffer = painted(state, &theme, (width, height));
                prop_assert_eq!(buffer.area.width, width);
            }
        }
    }

    #[test]
    fn view_never_panics_in_the_smallest_terminals(width in 0u16..12, height in 0u16..10) {
        for state in &states() {
            let _ = painted(state, &Theme::dark(), (width, height));
        }
    }
}
