//! Settings in words: every value with its origin, a file with every setting explained, the table of the README.

use std::fmt::Write as _;

use super::config_file::written;
use super::config_keys::{EVERY_CONTEXT, KEYS, KeySpec};
use super::config_layers::Table;
use super::config_value::Kind;
use crate::domain::text::Text;

/// Every setting with its value and origin, as a config file would say it. Secrets are masked.
#[must_use]
pub fn all(table: &Table) -> String {
    let mut out = String::new();
    for spec in &KEYS {
        let mut found = false;
        let of_key = table.settings.iter().filter(|((key, _), _)| *key == spec.key);
        for ((_, context), setting) in of_key {
            found = true;
            let name = name(spec, context.as_deref());
            let _ = writeln!(out, "{name} = {}  # {}", setting.value.written(), setting.origin);
        }
        if !found {
            let _ = writeln!(out, "# {} is not set", name(spec, Some("CONTEXT")));
        }
    }
    let clean: Vec<Text> = out.lines().map(Text::clean).collect();
    clean.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

/// A key as the file writes it.
fn name(spec: &KeySpec, context: Option<&str>) -> String {
    let context = context.unwrap_or(EVERY_CONTEXT);
    let path: Vec<String> = spec
        .path()
        .into_iter()
        .map(|part| if part == "*" { context.to_owned() } else { part.to_owned() })
        .collect();
    written(&path)
}

/// What the example says before its first setting.
const HEAD: &str = "\
## Pilothouse: every setting with what it is when nobody says anything.
## Take the # away from a setting to change it. Environment and flags, where named, win over this file.
## A mistake here is told with its line; everything else holds all the same.
";

/// What it says about the tables of Prometheus.
const PROMETHEUS: &str = "\
## One table per context of the kubeconfig; \"*\" is for all that have no own table.
";

/// A config file with every setting explained and none set.
#[must_use]
pub fn example() -> String {
    let mut out = HEAD.to_owned();
    let mut above = "";
    for spec in &KEYS {
        let (table, name) = spec.name.rsplit_once('.').unwrap_or(("", spec.name));
        if table != above {
            above = table;
            match table.strip_suffix(".*") {
                Some(table) => {
                    let _ = write!(out, "\n{PROMETHEUS}[{table}.\"{EVERY_CONTEXT}\"]\n");
                }
                None => {
                    let _ = write!(out, "\n[{table}]\n");
                }
            }
        }
        out.push('\n');
        explain(&mut out, spec);
        let _ = writeln!(out, "#{name} = {}", shown(spec).replace('\n', "\n#"));
    }
    out
}

/// What a setting does, what it accepts, and who else may say it.
fn explain(out: &mut String, spec: &KeySpec) {
    for line in wrap(spec.help, 96) {
        let _ = writeln!(out, "## {line}");
    }
    let mut facts = capital(&spec.kind.words());
    if spec.default.is_empty() {
        facts.push_str("; not set");
    }
    let flag = spec.flag.map(|flag| format!(", {flag}")).unwrap_or_default();
    let _ = writeln!(out, "## {facts}. {}{flag}", spec.env());
}

/// The default as the file writes it, or the example where there is none.
fn shown(spec: &KeySpec) -> String {
    let bare = match spec.kind {
        Kind::Switch | Kind::Whole(..) | Kind::Decimal(..) => true,
        Kind::Span(..)
        | Kind::Line
        | Kind::Names
        | Kind::Choice(_)
        | Kind::File
        | Kind::Address
        | Kind::Query
        | Kind::Headers => false,
    };
    match (spec.default, bare) {
        ("", _) => spec.example.to_owned(),
        (default, true) => default.to_owned(),
        (default, false) if default.contains('\n') => format!("'''\n{default}'''"),
        (default, false) => format!("\"{default}\""),
    }
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Lines of at most so many characters, broken between words.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The table of the README.
#[must_use]
pub fn readme_table() -> String {
    let mut out = String::from(
        "| setting | default | environment, flag | what it does |\n|---|---|---|---|\n",
    );
    for spec in &KEYS {
        let default = match spec.default {
            "" => "–".to_owned(),
            default if default.contains('\n') => "built in".to_owned(),
            default => format!("`{default}`"),
        };
        let flag = spec.flag.map(|flag| format!(", `{flag}`")).unwrap_or_default();
        let help = spec.help.replace('|', "\\|");
        let _ = writeln!(out, "| `{}` | {default} | `{}`{flag} | {help} |", spec.name, spec.env());
    }
    out
}
