//! What is generated equals the code: tables of the README, schemas of the documents. `UPDATE=1` rewrites them.

#![expect(clippy::disallowed_methods, reason = "reads the files it compares, and one variable")]
#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use pilothouse::app::command::COMMANDS;
use pilothouse::app::keymap::Keymap;
use pilothouse::cli::document::schema;
use pilothouse::cli::headless::exit;
use pilothouse::cli::{assets, config_text};
use pilothouse::control::check::{Rule, TABLE};
use pilothouse::control::deeds::table::{Reversal, rows};
use pilothouse::domain::text::Text;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn hold(path: &Path, wanted: &str) {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, wanted).expect("the file can be written");
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(found == wanted, "{} is not what the code says: UPDATE=1 rewrites it", path.display());
}

fn keys() -> String {
    let layers: Vec<(Text, &str)> =
        assets::KEYMAPS.iter().take(1).map(|(name, text)| (Text::clean(name), *text)).collect();
    let (keymap, warnings) = Keymap::layered(&layers);
    assert!(warnings.is_empty(), "{warnings:?}");
    let mut out = String::from("| where | keys | what | in words |\n|---|---|---|---|\n");
    for spec in COMMANDS {
        let keys = keymap.keys_of(spec.context, &spec.command);
        if keys.is_empty() {
            continue;
        }
        let keys = keys.iter().map(|key| format!("`{}`", key.replace('|', "\\|")));
        let keys = keys.collect::<Vec<_>>().join(" ");
        let _ =
            writeln!(out, "| {} | {keys} | {} | {} |", spec.context.name(), spec.title, spec.help);
    }
    out
}

const fn rule(rule: Rule) -> &'static str {
    match rule {
        Rule::Refuses => "refused",
        Rule::RefusesUnlessOverridden => "refused; may be overridden by the typed name",
        Rule::Shows => "shown, and it goes",
        Rule::NotAsked => "not asked",
    }
}

fn deeds() -> String {
    let mut out = String::from(
        "| deed | release | when | writes | has arrived | undone by |\n|---|---|---|---|---|---|\n",
    );
    for row in rows() {
        let ways: Vec<&str> = row.ways.iter().map(|way| way.name()).collect();
        let undone = match row.reversal {
            Reversal::None => "nothing",
            Reversal::By(action) => action.title(),
            Reversal::ToCurrent => "roll back to what is wanted now",
            Reversal::ToStable => "roll back to what is stable now",
        };
        let (deed, ways, words) = (row.deed, ways.join(", "), &row.words);
        let cells = [words.when, words.writes, words.arrived].map(|cell| cell.replace('|', "\\|"));
        let _ = writeln!(out, "| {deed} | {ways} | {} | {undone} |", cells.join(" | "));
    }
    out
}

fn checks() -> String {
    let mut out = String::from("| finding | pause, abort | all other deeds |\n|---|---|---|\n");
    for row in TABLE {
        let _ = writeln!(out, "| {} | {} | {} |", row.words, rule(row.safe), rule(row.others));
    }
    out
}

fn exits() -> String {
    let mut out = String::from("| code | means |\n|---|---|\n");
    for (code, words) in exit::TABLE {
        let _ = writeln!(out, "| {code} | {words} |");
    }
    out
}

fn put(text: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let start = text.find(&begin).expect("the mark is there") + begin.len();
    let stop = text.find(&end).expect("the end mark is there");
    format!("{}{table}{}", &text[..start], &text[stop..])
}

#[test]
fn the_tables_of_the_readme_are_those_of_the_code() {
    let path = root().join("README.md");
    let mut text = fs::read_to_string(&path).expect("README.md is there");
    for (name, table) in [
        ("keys", keys()),
        ("deeds", deeds()),
        ("checks", checks()),
        ("exits", exits()),
        ("settings", config_text::readme_table()),
    ] {
        text = put(&text, name, &table);
    }
    hold(&path, &text);
}

#[test]
fn every_document_has_its_published_schema() {
    for (name, schema) in schema::all() {
        let text = serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n";
        hold(&root().join(format!("assets/schema/{name}.json")), &text);
    }
}

/// Words that the glossary gives up, where they mean something else: in flags and names of settings, of what a client asks
/// a server, of steps, of half a deed, and in the controllers' own words: a phase, and the copy of a workload that Flagger calls the primary.
const MEANT: [&str; 15] = [
    "the primary",
    "between primary and canary",
    "succeeded, and",
    "request-timeout",
    "requests per second",
    "requests/s",
    "requests that fail",
    "requests ",
    "the request ended without an answer",
    "half done",
    "done;",
    "0 done ",
    "all done",
    "all {} done",
    "steps are done",
];

/// The words in brackets of the glossary: what is not said.
fn given_up() -> Vec<String> {
    let text = fs::read_to_string(root().join("src/GLOSSARY.md")).expect("the glossary is there");
    let rows = text.lines().filter(|line| line.starts_with('|'));
    let brackets = rows.filter_map(|row| row.split_once('[')?.1.split_once(']'));
    let words = brackets.flat_map(|(words, _)| words.split(','));
    words.map(|word| word.trim().to_lowercase()).collect()
}

/// All files below a folder with this ending.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The texts in quotes of a line of code. Single words are names of the wire; people read sentences.
fn sentences(line: &str) -> Vec<String> {
    let line = line.replace("\\\"", " ");
    let quoted = line.split('"').skip(1).step_by(2);
    quoted.filter(|text| text.contains(' ')).map(str::to_owned).collect()
}

/// Everything that people read, with its place.
fn read_by_people() -> Vec<(String, String)> {
    let mut texts = Vec::new();
    let mut take = |path: &Path, number: usize, text: String| {
        let path = path.strip_prefix(root()).unwrap_or(path).display().to_string();
        texts.push((format!("{path}:{}", number + 1), text));
    };
    let mut documents = files("tests/snapshots", "snap");
    documents.push(root().join("README.md"));
    for path in documents {
        let text = fs::read_to_string(&path).expect("a text");
        text.lines().enumerate().for_each(|(number, line)| take(&path, number, line.to_owned()));
    }
    for floor in ["analysis", "app", "backends", "cli", "control", "domain", "runtime", "ui"] {
        for path in files(&format!("src/{floor}"), "rs") {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let is_test = ["_tests.rs", "fixtures.rs", "plane.rs", "scripted.rs", "testing.rs"];
            if name.is_some_and(|name| is_test.iter().any(|end| name.ends_with(end))) {
                continue;
            }
            let text = fs::read_to_string(&path).expect("a source");
            let code = text.lines().take_while(|line| line.trim() != "#[cfg(test)]").enumerate();
            for (number, line) in code.filter(|(_, line)| !line.trim_start().starts_with("//")) {
                for sentence in sentences(line) {
                    take(&path, number, sentence);
                }
            }
        }
    }
    texts
}

#[test]
fn what_people_read_has_one_word_for_one_thing() {
    let given_up = given_up();
    assert!(given_up.len() > 5, "{given_up:?}");
    let mut breaches = Vec::new();
    for (place, text) in read_by_people() {
        let mut left = text.to_lowercase();
        for meant in MEANT {
            left = left.replace(meant, " ");
        }
        let words = left.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        let wrong = words.filter(|word| {
            given_up.iter().any(|wrong| *word == wrong.as_str() || **word == *format!("{wrong}s"))
        });
        breaches.extend(wrong.map(|word| format!("{place}: {word:?} in {:?}", text.trim())));
    }
    assert!(breaches.is_empty(), "see src/GLOSSARY.md:\n{}", breaches.join("\n"));
}
