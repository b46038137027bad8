//! What `src/ARCHITECTURE.md` promises, as tests: floors, forbidden crates, sizes, embedded files, words.

#![expect(clippy::disallowed_methods, reason = "reads the sources")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Floor → floors it may use.
const FLOORS: [(&str, &[&str]); 9] = [
    ("domain", &[]),
    ("analysis", &["domain"]),
    ("control", &["analysis", "domain"]),
    ("backends", &["control", "domain"]),
    ("app", &["control", "analysis", "domain"]),
    ("ui", &["app", "control", "analysis", "domain"]),
    ("runtime", &["app", "ui", "control", "backends", "domain"]),
    ("cli", &["runtime", "ui", "app", "backends", "control", "analysis", "domain", "sim"]),
    ("sim", &[]),
];

/// Crate → floors that may name it.
const CRATES: [(&str, &[&str]); 12] = [
    ("k8s_openapi", &["backends", "sim"]),
    ("kube", &["backends", "sim", "cli"]),
    ("reqwest", &["backends", "cli"]),
    ("hyper", &["backends", "sim"]),
    ("hyper_util", &["backends", "sim"]),
    ("axum", &["sim"]),
    ("promql_parser", &["sim"]),
    ("serde_json", &["backends", "sim", "cli"]),
    ("tokio", &["backends", "runtime", "sim", "cli"]),
    ("crossterm", &["runtime"]),
    ("ratatui", &["ui", "runtime"]),
    ("clap", &["cli"]),
];

const LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const FIELDS_MAX: usize = 12;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Every file of `src` with its floor and its text.
fn sources() -> Vec<(String, PathBuf, String)> {
    let src = root().join("src");
    rust_files(&src)
        .into_iter()
        .filter_map(|path| {
            let inside = path.strip_prefix(&src).ok()?;
            let floor = inside.components().next()?.as_os_str().to_str()?.to_owned();
            let text = fs::read_to_string(&path).ok()?;
            Some((floor, path, text))
        })
        .collect()
}

/// Lines of code: without comments, and without the tests at the end of a file.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(number, line)| (number + 1, line))
}

/// The first names behind `crate::` in a line; of a group in braces, each.
fn used_floors(line: &str) -> Vec<String> {
    let word = |text: &str| {
        text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>()
    };
    let mut found = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let rest = &line[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => found.push(word(rest)),
            Some(group) => found.extend(group.split(',').map(|part| word(part.trim()))),
        }
    }
    found
}

fn fail_on(breaches: &[String]) {
    assert!(breaches.is_empty(), "{} breaches:\n{}", breaches.len(), breaches.join("\n"));
}

#[test]
fn a_floor_uses_only_the_floors_below_it() {
    let floors: BTreeMap<&str, &[&str]> = FLOORS.into_iter().collect();
    let mut breaches = Vec::new();
    for (floor, path, text) in sources() {
        let Some(allowed) = floors.get(floor.as_str()) else { continue };
        // A test may look at what a higher floor makes of what it tests.
        if path.to_string_lossy().ends_with("_tests.rs") {
            continue;
        }
        for (number, line) in code_lines(&text) {
            for used in used_floors(line) {
                let is_floor = floors.contains_key(used.as_str());
                if is_floor && used != floor && !allowed.contains(&used.as_str()) {
                    breaches.push(format!("{}:{number}: {floor} uses {used}", path.display()));
                }
            }
        }
    }
    fail_on(&breaches);
}

#[test]
fn a_crate_of_the_wire_or_the_terminal_is_named_only_where_it_belongs() {
    let mut breaches = Vec::new();
    for (floor, path, text) in sources() {
        for (number, line) in code_lines(&text) {
            for (name, floors) in CRATES {
                let is_named = line.match_indices(&format!("{name}::")).any(|(at, _)| {
                    !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
                });
                if is_named && !floors.contains(&floor.as_str()) && path.extension().is_some() {
                    breaches.push(format!("{}:{number}: {floor} names {name}", path.display()));
                }
            }
        }
    }
    fail_on(&breaches);
}

#[test]
fn the_pure_floors_are_synchronous() {
    let mut breaches = Vec::new();
    for (floor, path, text) in sources() {
        let is_pure = ["domain", "analysis", "control", "app", "ui"].contains(&floor.as_str());
        if !is_pure || path.ends_with("control/ports.rs") {
            continue;
        }
        for (number, line) in code_lines(&text) {
            for word in ["async ", ".await", "std::fs", "std::net", "std::thread", "std::env"] {
                if line.contains(word) {
                    breaches.push(format!("{}:{number}: {word}", path.display()));
                }
            }
        }
    }
    fail_on(&breaches);
}

#[test]
fn no_file_is_longer_than_five_hundred_lines() {
    let tests = rust_files(&root().join("tests")).into_iter();
    let all = sources().into_iter().map(|(_, path, _)| path).chain(tests);
    let long: Vec<String> = all
        .filter_map(|path| {
            let lines = fs::read_to_string(&path).ok()?.lines().count();
            (lines > LINES_MAX).then(|| format!("{}: {lines} lines", path.display()))
        })
        .collect();
    fail_on(&long);
}

#[test]
fn no_function_is_longer_than_seventy_lines() {
    let mut breaches = Vec::new();
    for (_, path, text) in sources() {
        let mut open: Option<(usize, String)> = None;
        for (number, line) in text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let is_start = line.trim_start().contains("fn ") && line.trim_end().ends_with('{');
            match &open {
                None if is_start => open = Some((number, " ".repeat(indent))),
                Some((start, pad)) if line == format!("{pad}}}") => {
                    if number - start > FUNCTION_LINES_MAX {
                        breaches.push(format!("{}:{}", path.display(), start + 1));
                    }
                    open = None;
                }
                _ => {}
            }
        }
    }
    fail_on(&breaches);
}

#[test]
fn no_struct_has_more_than_twelve_fields() {
    let mut breaches = Vec::new();
    for (_, path, text) in sources() {
        // Documents follow the published contract, not our taste.
        if path.to_string_lossy().contains("/cli/document/") {
            continue;
        }
        let mut open: Option<(usize, usize)> = None;
        for (number, line) in code_lines(&text) {
            let start = line.trim_start();
            let is_struct = start.starts_with("struct ") || start.contains("pub struct ");
            if (is_struct || start.contains(") struct ")) && line.trim_end().ends_with('{') {
                open = Some((number, 0));
            } else if let Some((at, fields)) = open {
                if line.trim() == "}" {
                    if fields > FIELDS_MAX {
                        breaches.push(format!("{}:{at}: {fields} fields", path.display()));
                    }
                    open = None;
                } else if line.starts_with("    ")
                    && !line.starts_with("     ")
                    && line.contains(": ")
                {
                    open = Some((at, fields + 1));
                }
            }
        }
    }
    fail_on(&breaches);
}

#[test]
fn domain_keeps_no_bare_strings() {
    let mut breaches = Vec::new();
    for (floor, path, text) in sources() {
        if floor != "domain" || path.ends_with("text.rs") || path.ends_with("ids.rs") {
            continue;
        }
        for (number, line) in code_lines(&text) {
            if line.contains(": String") || line.contains("<String") {
                breaches.push(format!("{}:{number}: {}", path.display(), line.trim()));
            }
        }
    }
    fail_on(&breaches);
}

#[test]
fn domain_types_are_not_serialised() {
    let is_serialised = |line: &str| line.contains("Serialize") || line.contains("Deserialize");
    let breaches: Vec<String> = sources()
        .into_iter()
        .filter(|(floor, _, text)| {
            floor == "domain" && code_lines(text).any(|(_, line)| is_serialised(line))
        })
        .map(|(_, path, _)| path.display().to_string())
        .collect();
    fail_on(&breaches);
}

#[test]
fn colours_are_named_only_in_the_theme() {
    let mut breaches = Vec::new();
    for (floor, path, text) in sources() {
        let may = path.ends_with("ui/theme.rs") || path.ends_with("ui/theme_tests.rs");
        if floor != "ui" || may {
            continue;
        }
        for (number, line) in code_lines(&text) {
            if line.contains("style::Color") || line.contains("Color::") {
                breaches.push(format!("{}:{number}: {}", path.display(), line.trim()));
            }
        }
    }
    fail_on(&breaches);
}

#[test]
fn tables_of_contents_hold_nothing_else() {
    let mut breaches = Vec::new();
    for floor in ["domain", "analysis", "control", "backends", "app", "sim"] {
        let path = root().join("src").join(floor).join("mod.rs");
        let text = fs::read_to_string(&path).unwrap_or_default();
        for (number, line) in code_lines(&text) {
            let line = line.trim();
            let is_content = line.is_empty()
                || line.starts_with("#[")
                || line.starts_with("pub mod ")
                || line.starts_with("mod ");
            if !is_content {
                breaches.push(format!("{}:{number}: {line}", path.display()));
            }
        }
    }
    fail_on(&breaches);
}

#[test]
fn every_theme_and_keymap_of_the_folder_is_embedded() {
    let text: String = sources()
        .into_iter()
        .filter(|(floor, ..)| ["cli", "ui", "app", "sim"].contains(&floor.as_str()))
        .map(|(.., text)| text)
        .collect();
    let mut breaches = Vec::new();
    for folder in ["themes", "keymaps", "assets/scenarios"] {
        let embedded: BTreeSet<String> = text
            .match_indices(&format!("{folder}/"))
            .map(|(at, _)| text[at..].chars().take_while(|c| *c != '"').collect())
            .collect();
        for entry in fs::read_dir(root().join(folder)).into_iter().flatten().flatten() {
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if !embedded.contains(&name) {
                breaches.push(format!("{name} is not embedded"));
            }
        }
    }
    fail_on(&breaches);
}

#[test]
fn lints_are_expected_with_a_reason_and_never_just_allowed() {
    let needle = ["#[al", "low("].concat();
    let tests = rust_files(&root().join("tests")).into_iter();
    let all = sources().into_iter().map(|(_, path, _)| path).chain(tests);
    let breaches: Vec<String> = all
        .filter(|path| fs::read_to_string(path).is_ok_and(|text| text.contains(&needle)))
        .map(|path| path.display().to_string())
        .collect();
    fail_on(&breaches);
}

/// Files whose waiting is not a test's: polls of a real cluster until something is so, within a deadline, and the loop
/// of the little program that the terminal's tests start.
const WAITERS: [&str; 3] = ["live/pilot.rs", "live/plane.rs", "terminal/program.rs"];

#[test]
fn no_test_sleeps() {
    let needles = [["thread::", "sleep"].concat(), ["time::", "sleep("].concat()];
    let breaches: Vec<String> = rust_files(&root().join("tests"))
        .into_iter()
        .filter(|path| !WAITERS.iter().any(|waiter| path.ends_with(waiter)))
        .filter(|path| {
            let text = fs::read_to_string(path).unwrap_or_default();
            needles.iter().any(|needle| text.contains(needle))
        })
        .map(|path| path.display().to_string())
        .collect();
    fail_on(&breaches);
}

#[test]
fn the_top_level_stays_small() {
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "README.md",
        "src",
        "themes",
        "keymaps",
        "tests",
        "assets",
        "target",
        "proptest-regressions",
    ];
    let stray: Vec<String> = fs::read_dir(root())
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && !allowed.contains(&name.as_str()))
        .collect();
    fail_on(&stray);
}
