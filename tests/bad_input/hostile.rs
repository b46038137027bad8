//! Text that wants to do something to the terminal, wherever a server can put text: none of it comes out as it came in.

use serde_json::Value;

use crate::clusters::World;
use crate::program::{PROGRAM, Program, unsafe_in};
use crate::pty::Spawn;

/// Longest text of a document: a line is cut at 4 KiB, what is escaped grows.
const TEXT_CHARS_MAX: usize = 30_000;

#[test]
fn every_form_of_output_is_clean() {
    let world = World::scenario("hostile");
    for format in ["table", "wide", "json", "yaml"] {
        // What is unsafe in its bytes is found by every run.
        let run = |args: &[&str]| {
            let args = [args, &["-o", format]].concat();
            Program::new(&args).kubeconfig(world.kubeconfig()).run()
        };
        let answer = run(&["get"]);
        assert!(answer.code(0).out.len() > 1_000, "{format}");
        run(&["status", "messages", "-n", "raw"]);
        run(&["status", "words/nothing"]);
        run(&["doctor"]);
        run(&["pause", "messages", "-n", "raw", "--dry-run"]);
        run(&["promote", "impossible", "-n", "raw", "--dry-run"]);
    }
}

/// All texts of a document, keys included.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => {
            for (key, value) in fields {
                found.push(key.clone());
                texts(value, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn what_a_document_says_is_clean_for_who_parses_it() {
    let world = World::scenario("hostile");
    let answer = Program::new(&["get", "-o", "json"]).kubeconfig(world.kubeconfig()).run();
    let mut found = Vec::new();
    texts(&answer.code(0).json(), &mut found);
    assert!(found.iter().any(|text| text.contains("^[")), "the hostile texts are there");
    for text in found {
        assert_eq!(unsafe_in(text.as_bytes()), None, "{text}");
        assert!(!text.contains('\n'), "{text}");
        assert!(text.chars().count() < TEXT_CHARS_MAX, "{}", text.len());
    }
}

/// What a cockpit may send beside text: each needs a reason to be here.
fn is_ours(sequence: &str) -> bool {
    let csi = sequence.strip_prefix("\u{1b}[");
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, ';' | ':');
    match csi {
        // Colours, the cursor's place, erasing; never what only a program of another kind needs.
        Some(rest) => {
            let (numbers, end) = rest.split_at(rest.len() - 1);
            let is_plain = numbers.chars().all(is_number);
            let is_mode = numbers.starts_with(['?', '>', '<', '=', ' ']);
            match end {
                "m" => is_plain && numbers != "5" && numbers != "8",
                "H" | "J" | "K" | "X" | "A" | "B" | "C" | "D" | "G" | "d" => {
                    is_plain && !(end == "J" && numbers == "3")
                }
                "h" | "l" | "u" | "c" | "n" | "p" | "q" => is_mode || numbers.is_empty(),
                _ => false,
            }
        }
        // The question for the background's colour.
        None => sequence == "\u{1b}]11;?",
    }
}

/// Every escape sequence of a stream, each up to its last character.
fn sequences(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        let from = &rest[at..];
        let length = match from.as_bytes().get(1) {
            Some(b'[') => {
                let end = from[2..].find(|c: char| ('@'..='~').contains(&c));
                end.map_or(from.len(), |end| end + 3)
            }
            Some(b']' | b'P' | b'_' | b'^') => {
                from[1..].find(['\u{7}', '\u{1b}']).map_or(from.len(), |end| end + 1)
            }
            Some(b'\\') => 0,
            Some(_) | None => from.len().min(2),
        };
        if length > 0 {
            found.push(from[..length].to_owned());
        }
        rest = &from[length.max(2).min(from.len())..];
    }
    found
}

#[test]
fn the_screen_sends_nothing_that_came_from_a_server() {
    let world = World::scenario("hostile");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    std::fs::write(&path, world.kubeconfig()).unwrap();
    let program = Spawn::new(PROGRAM, &["--keymap", "default"]);
    let home = folder.path().to_string_lossy().into_owned();
    let program = program.env("KUBECONFIG", &path.to_string_lossy()).env("HOME", &home);
    let mut pty = program.size(160, 50).start();
    pty.wait_for_text("words/crash");
    // Those that are well are hidden at first.
    pty.keys(".");
    pty.wait_for_text("raw/messages");
    for text in ["messages", "crash", "impossible", "esc", "bidi", "lines"] {
        pty.keys("/");
        pty.send(text.as_bytes());
        pty.keys("enter");
        pty.wait_for("it is selected", |screen| {
            screen.contents().lines().any(|line| line.contains('▸') && line.contains(text))
        });
        // The rollout, its object, its log, its time, its diff: each is opened and left.
        for keys in [
            "enter",
            "y",
            "backspace",
            "l",
            "backspace",
            "d",
            "backspace",
            "t",
            "backspace",
            "backspace",
        ] {
            pty.keys(keys);
        }
        pty.keys("/");
        pty.send(&[0x7f; 20]);
        pty.keys("enter");
        pty.wait_for_text("raw/messages");
    }
    pty.keys("q");
    assert_eq!(pty.exit(), 0);
    let raw = String::from_utf8(pty.raw()).expect("what it sends is UTF-8");
    assert!(raw.contains("^["), "the hostile texts were shown");
    for sequence in sequences(&raw) {
        assert!(is_ours(&sequence), "{sequence:?}");
    }
    let rest: String =
        raw.chars().filter(|c| !matches!(c, '\u{1b}' | '\u{8}' | '\r' | '\0')).collect();
    assert_eq!(unsafe_in(rest.replace('\u{7}', "").as_bytes()), None);
    for payload in ["]52;", "]0;owned", "]8;;", "\u{1b}[?1049ltea"] {
        let sent = format!("\u{1b}{}", payload.trim_start_matches('\u{1b}'));
        assert!(!raw.contains(&sent), "{payload:?}");
    }
}
