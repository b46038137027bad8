//! Values of the command line: each has one form, and says what it is when it is wrong.

use std::time::Duration;

use clap::ValueEnum;
use reqwest::Url;

use super::config_value::{duration, url};
use crate::domain::ids::{Name, Revision, WorkloadKind};
use crate::domain::warning::nearest;

/// How commands print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people.
    #[default]
    Table,
    /// More columns.
    Wide,
    /// One JSON document (`watch`: one per line).
    Json,
    /// The same as YAML.
    Yaml,
}

/// What `status --wait` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WaitFor {
    /// As wanted.
    Healthy,
    /// On its way.
    Progressing,
    /// Held by a step or a human.
    Paused,
    /// Failed, aborted or stuck.
    Degraded,
    /// A human is needed for a yes.
    Approval,
    /// Gone.
    Deleted,
}

/// Shells that completions are made for.
pub use clap_complete::Shell;

/// A workload as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The kind, if it was said.
    pub kind: Option<WorkloadKind>,
    /// The name.
    pub name: Name,
}

/// Where a Prometheus is, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnePrometheus {
    /// Of which context; `None`: of every one that has no own.
    pub context: Option<String>,
    /// Where.
    pub url: Url,
}

/// Reads `KIND/NAME` or `NAME`.
pub(super) fn target(word: &str) -> Result<Target, String> {
    let (kind, name) = match word.split_once('/') {
        None => (None, word),
        Some((kind, name)) => (Some(read_kind(kind)?), name),
    };
    let name = Name::new(name);
    if !name.is_canonical() {
        return Err("a name has lower-case letters, digits, '-' and '.': rollout/web".to_owned());
    }
    Ok(Target { kind, name })
}

fn read_kind(word: &str) -> Result<WorkloadKind, String> {
    // `rollouts.argoproj.io` and `deployment.apps`, as kubectl prints them with -o name.
    let short = ["argoproj.io", "apps", "flagger.app"]
        .iter()
        .find_map(|group| word.strip_suffix(group)?.strip_suffix('.'))
        .unwrap_or(word);
    if let Some(kind) = WorkloadKind::parse(short) {
        return Ok(kind);
    }
    let words = WorkloadKind::ALL.iter().flat_map(|kind| kind.words().iter().copied());
    Err(if let Some(near) = nearest(short, words) {
        format!("no kind {short:?}; did you mean {near}?")
    } else {
        let kinds: Vec<String> = WorkloadKind::ALL
            .iter()
            .filter_map(|kind| {
                Some(format!("{} ({})", kind.words().first()?, kind.words().last()?))
            })
            .collect();
        format!("no kind {short:?}; there are {}", kinds.join(", "))
    })
}

/// Reads a time as kubectl does: with its unit, or a bare number of seconds. 0 is the longest that we wait.
pub(super) fn timeout(word: &str) -> Result<Duration, String> {
    duration(word, (Duration::ZERO, Duration::MAX))
}

/// Reads `[CONTEXT=]URL`. A context may have any character, so the last `=` before an address counts.
pub(super) fn prometheus(word: &str) -> Result<OnePrometheus, String> {
    let split = ["=http://", "=https://"].iter().filter_map(|mark| word.find(mark)).min();
    let (context, address) = match split.and_then(|at| word.split_at_checked(at)) {
        Some((context, address)) => (Some(context), address.trim_start_matches('=')),
        None => (None, word),
    };
    let context = context.filter(|context| *context != "*").map(str::to_owned);
    Ok(OnePrometheus { context, url: url(address)? })
}

/// Reads the number of a revision.
pub(super) fn revision(word: &str) -> Result<Revision, String> {
    match word.parse() {
        Ok(number) if number > 0 => Ok(Revision(number)),
        Ok(_) | Err(_) => Err("a revision is a number from 1".to_owned()),
    }
}

/// Reads how fast time goes.
pub(super) fn speed(word: &str) -> Result<f64, String> {
    match word.parse::<f64>() {
        Ok(speed) if (0.1..=100.0).contains(&speed) => Ok(speed),
        Ok(_) | Err(_) => Err("a speed is a number from 0.1 to 100".to_owned()),
    }
}
