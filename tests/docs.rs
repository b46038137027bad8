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
