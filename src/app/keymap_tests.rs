//! Tests of [`super`].

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::app::command::Listing;
use crate::app::event::Motion;

const DEFAULT: &str = include_str!("../../keymaps/default.toml");
const VIM: &str = include_str!("../../keymaps/vim.toml");
const EMACS: &str = include_str!("../../keymaps/emacs.toml");

fn text(raw: &str) -> Text {
    Text::clean(raw)
}

fn parse(source: &str) -> (Keymap, Vec<String>) {
    let (keymap, warnings) = Keymap::parse(source, &text("mine.toml"));
    (keymap, warnings.iter().map(Warning::to_string).collect())
}

fn layered(sources: &[&str]) -> (Keymap, Vec<String>) {
    let layers: Vec<_> = sources.iter().map(|source| (text("mine.toml"), *source)).collect();
    let (keymap, warnings) = Keymap::layered(&layers);
    (keymap, warnings.iter().map(Warning::to_string).collect())
}

fn id(keymap: &Keymap, context: KeyContext, keys: &str) -> Option<&'static str> {
    match keymap.lookup(context, &parse_sequence(keys).unwrap()) {
        Lookup::Bound(command) => CommandSpec::of(&command).map(|spec| spec.id),
        Lookup::Prefix => Some("…"),
        Lookup::Unbound => None,
    }
}

#[test]
fn embedded_keymaps_have_no_mistakes() {
    for source in [DEFAULT, VIM, EMACS] {
        assert_eq!(layered(&[DEFAULT, source]).1, [] as [&str; 0]);
        assert!(source.starts_with("# For "), "one line says for whom it is");
    }
}

#[test]
fn every_command_is_reached_by_key_or_palette() {
    for over in ["", VIM, EMACS] {
        let (keymap, _) = layered(&[DEFAULT, over]);
        for spec in COMMANDS {
            let by_key = KeyContext::ALL
                .into_iter()
                .any(|context| !keymap.keys_of(context, &spec.command).is_empty());
            assert!(by_key || spec.listing == Listing::Palette, "{} is lost", spec.id);
        }
    }
}

#[test]
fn every_deed_has_a_key_on_every_screen_and_none_in_a_dialog() {
    for over in ["", VIM, EMACS] {
        let (keymap, _) = layered(&[DEFAULT, over]);
        for spec in COMMANDS.iter().filter(|spec| spec.danger().is_some()) {
            for context in [KeyContext::Fleet, KeyContext::Rollout, KeyContext::Timeline] {
                assert!(!keymap.keys_of(context, &spec.command).is_empty(), "{}", spec.id);
            }
            for context in [KeyContext::Confirm, KeyContext::Picker, KeyContext::Pager] {
                assert!(keymap.keys_of(context, &spec.command).is_empty(), "{}", spec.id);
            }
        }
    }
}

#[test]
fn enter_and_esc_never_say_yes() {
    for over in ["", VIM, EMACS] {
        let (keymap, _) = layered(&[DEFAULT, over]);
        assert_eq!(keymap.keys_of(KeyContext::Confirm, &Command::Yes), ["y"]);
        assert_eq!(id(&keymap, KeyContext::Confirm, "enter"), Some("open"));
        assert_eq!(id(&keymap, KeyContext::Confirm, "esc"), Some("back"));
    }
}

#[test]
fn the_own_table_comes_first_and_the_longest_match_wins() {
    let (keymap, _) = parse(
        "[global]\n\"g g\" = \"cursor.top\"\n\"x\" = \"help\"\n[fleet]\n\"g h\" = \"help\"\n\"x\" = \"refresh\"\n",
    );
    for (context, keys, want) in [
        (KeyContext::Fleet, "g", Some("…")),
        (KeyContext::Fleet, "g g", Some("cursor.top")),
        (KeyContext::Fleet, "g h", Some("help")),
        (KeyContext::Rollout, "g h", None),
        (KeyContext::Fleet, "x", Some("refresh")),
        (KeyContext::Rollout, "x", Some("help")),
        (KeyContext::Picker, "x", None),
        (KeyContext::Fleet, "u", None),
    ] {
        assert_eq!(id(&keymap, context, keys), want, "{keys} in {}", context.name());
    }
}

#[test]
fn none_takes_a_key_away_in_one_context() {
    let (keymap, warnings) = layered(&[
        "[global]\n\"x\" = \"help\"\n\"g\" = \"refresh\"\n\"g g\" = \"cursor.top\"\n",
        "[fleet]\n\"x\" = \"none\"\n[global]\n\"g g\" = \"none\"\n",
    ]);
    assert_eq!(warnings, [] as [&str; 0]);
    assert_eq!(id(&keymap, KeyContext::Fleet, "x"), None);
    assert_eq!(id(&keymap, KeyContext::Rollout, "x"), Some("help"));
    assert_eq!(id(&keymap, KeyContext::Rollout, "g"), Some("refresh"));
}

#[test]
fn mistakes_have_a_line_and_the_nearest_right_name_and_the_rest_stands() {
    let (keymap, warnings) = parse(
        "\"y\" = \"help\"\n[fleet]\n\"g g\" = \"cursr.top\"\n\"entr\" = \"open\"\n\"x\" = 7\n[fleat]\n\"x\" = \"help\"\n[global]\n\"?\" = \"help\"\nthis is not toml\n\"r\" = \"refresh\"\n",
    );
    let told = [
        "mine.toml:1: \"y\" stands outside of a table; write it below [global], [screens], [fleet] …",
        "mine.toml:3: no command \"cursr.top\"; did you mean \"cursor.top\"?",
        "mine.toml:4: no key is called \"entr\"; did you mean \"enter\"?",
        "mine.toml:5: \"x\" must be a text in quotes, not a number",
        "mine.toml:7: \"x\": no context [fleat]; did you mean \"fleet\"?",
    ];
    assert_eq!(warnings[..5], told);
    assert!(warnings[5].starts_with("mine.toml:10: "), "{}", warnings[5]);
    assert_eq!(id(&keymap, KeyContext::Global, "?"), Some("help"));
    assert_eq!(id(&keymap, KeyContext::Global, "r"), Some("refresh"));
}

#[test]
fn keys_that_hide_each_other_are_told() {
    let (_, warnings) = layered(&[
        "[global]\n\"g g\" = \"cursor.top\"\n\"x\" = \"help\"\n",
        "[global]\n\"g\" = \"refresh\"\n[fleet]\n\"x x\" = \"open\"\n",
    ]);
    assert_eq!(
        warnings,
        [
            "mine.toml: [global] \"g\" (refresh) is hidden by the longer \"g g\" (cursor.top); \"g g\" = \"none\" frees it",
            "mine.toml: [fleet] \"x x\" hides \"x\" (help)",
        ]
    );
}

#[test]
fn what_can_follow_a_key_is_told() {
    let (keymap, _) = layered(&[DEFAULT]);
    let first = keymap.following(KeyContext::Fleet, &[Key::char('g')]);
    assert!(first.contains(&(Key::char('g'), Next::Command("cursor.top"))));
    assert!(first.contains(&(Key::char('c'), Next::Command("pick.clusters"))));
    let all = keymap.following(KeyContext::Fleet, &[]);
    assert!(all.contains(&(Key::char('a'), Next::Command("rollout.abort"))));
    assert!(
        matches!(all.iter().find(|(key, _)| *key == Key::char('g')), Some((_, Next::More(n))) if *n > 4)
    );
}

#[test]
fn the_shortest_key_of_a_command_is_told_first() {
    let (keymap, _) = layered(&[DEFAULT]);
    let top = Command::Move(Motion::Top);
    assert_eq!(keymap.keys_of(KeyContext::Fleet, &top), ["home", "g g"]);
}

fn any_keymap() -> impl Strategy<Value = Keymap> {
    let binding = (0..KeyContext::ALL.len(), "[a-d]( [a-d]){0,2}", 0..=COMMANDS.len());
    proptest::collection::vec(binding, 0..12).prop_map(|bindings| {
        let mut source = String::new();
        for context in KeyContext::ALL {
            let _ = writeln!(source, "[{}]", context.name());
            let mut seen = std::collections::BTreeSet::new();
            for (place, keys, command) in &bindings {
                if KeyContext::ALL[*place] == context && seen.insert(keys.clone()) {
                    let id = COMMANDS.get(*command).map_or("none", |spec| spec.id);
                    let _ = writeln!(source, "\"{keys}\" = \"{id}\"");
                }
            }
        }
        let (keymap, warnings) = Keymap::parse(&source, &Text::clean("any.toml"));
        assert_eq!(warnings, []);
        keymap
    })
}

proptest! {
    #[test]
    fn laying_a_keymap_over_itself_changes_nothing(under in any_keymap(), over in any_keymap()) {
        prop_assert_eq!(under.clone().overlay(under.clone()), under.clone());
        let once = under.overlay(over.clone());
        prop_assert_eq!(once.clone().overlay(over), once);
    }

    #[test]
    fn what_the_bindings_say_is_what_lookup_does(keymap in any_keymap()) {
        for context in KeyContext::ALL {
            for (keys, id) in keymap.bindings(context) {
                let spec = CommandSpec::find(id).unwrap();
                prop_assert_eq!(keymap.lookup(context, keys), Lookup::Bound(spec.command.clone()));
                for cut in 1..keys.len() {
                    prop_assert_eq!(keymap.lookup(context, &keys[..cut]), Lookup::Prefix);
                }
            }
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(source in any::<String>()) {
        let _ = Keymap::parse(&source, &Text::clean("any.toml"));
    }
}
