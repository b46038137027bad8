//! What we build on: licences, sources, banned crates, and a reason for each dependency.

#![expect(clippy::disallowed_methods, reason = "reads the manifest")]
#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::fs;

use cargo_metadata::{CargoOpt, Metadata, MetadataCommand};

/// Licences that may be linked into an Apache-2.0 program. MPL-2.0 is per file, and only named crates have it.
const LICENCES: [&str; 13] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "Unlicense",
    "CC0-1.0",
    "0BSD",
    "CDLA-Permissive-2.0",
];

/// The crates whose files are under MPL-2.0, each with its reason.
const MPL: [&str; 2] = [
    "nucleo-matcher", // fuzzy search; the permissive ones rank worse
    "option-ext",     // a few lines below `directories`
];

/// Crates that must not come in, each with its reason.
const BANNED: [(&str, &str); 5] = [
    ("openssl-sys", "one TLS stack, built without a system library"),
    ("native-tls", "the same"),
    ("aws-lc-sys", "one crypto provider; this one needs cmake"),
    ("serde_yaml", "unmaintained"),
    ("strip-ansi-escapes", "hides what it takes away"),
];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .features(CargoOpt::AllFeatures)
        .other_options([
            "--locked".to_owned(),
            "--filter-platform".to_owned(),
            "x86_64-unknown-linux-gnu".to_owned(),
        ])
        .exec()
        .expect("cargo metadata answers")
}

/// One way through an SPDX expression must be allowed: `A OR B` by either, `A AND B` by both.
fn is_allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], "");
    let all = |part: &str| part.split(" AND ").all(|name| LICENCES.contains(&name.trim()));
    expression.split(" OR ").any(all)
}

#[test]
fn every_licence_may_be_linked() {
    let strange: Vec<String> = metadata()
        .packages
        .iter()
        .filter(|package| !MPL.contains(&package.name.as_str()))
        .filter(|package| !package.license.as_deref().is_some_and(is_allowed))
        .map(|package| format!("{}: {:?}", package.name, package.license))
        .collect();
    assert!(strange.is_empty(), "{strange:#?}");
}

#[test]
fn every_crate_comes_from_the_registry() {
    let strange: Vec<String> = metadata()
        .packages
        .iter()
        .filter(|package| package.name.as_str() != "pilothouse")
        .filter(|package| {
            !package.source.as_ref().is_some_and(|source| source.repr.contains("registry+"))
        })
        .map(|package| package.name.to_string())
        .collect();
    assert!(strange.is_empty(), "{strange:?}");
}

#[test]
fn no_banned_crate_came_in() {
    let names: BTreeSet<String> =
        metadata().packages.iter().map(|package| package.name.to_string()).collect();
    let found: Vec<_> = BANNED.iter().filter(|(name, _)| names.contains(*name)).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn one_ratatui_one_crossterm_one_kube() {
    for wanted in ["ratatui-core", "crossterm", "kube", "hyper", "tokio", "rustls"] {
        let count =
            metadata().packages.iter().filter(|package| package.name.as_str() == wanted).count();
        assert_eq!(count, 1, "{wanted}");
    }
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    let mut inside = false;
    let mut silent = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if inside && line.contains(" = ") && !line.starts_with('#') && !line.contains(" # ")
        {
            silent.push(line.to_owned());
        }
    }
    assert!(silent.is_empty(), "{silent:#?}");
}
