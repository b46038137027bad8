//! `Explanation`: what `explain` makes of files.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use super::fleet::API_VERSION;
use super::rollout::RolloutStatus;
use crate::app::listing;
use crate::app::state::State;
use crate::backends::kube::dump::Report;
use crate::backends::kube::offline::{Found, Other};
use crate::domain::warning::Warning;

/// What is told of an object that no server has seen.
const MANIFEST: &str = "a manifest without status: no controller has said anything of it";

/// The document of `explain`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// `pilothouse.dev/v1`.
    pub api_version: String,
    /// `Explanation`.
    pub kind: String,
    /// Every object that is a release, those that need a human first, then every object that is a part of one.
    pub items: Vec<RolloutStatus>,
    /// Every other object, up to a limit.
    pub others: Vec<OtherObject>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// How much was read.
    pub read: Amount,
}

/// An object that is no release and no part of one.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OtherObject {
    /// The file it stands in.
    pub file: String,
    /// Its `apiVersion`; null when it says none.
    pub api_version: Option<String>,
    /// Its `kind`; null when it says none.
    pub kind: Option<String>,
    /// Its namespace; null when it has none.
    pub namespace: Option<String>,
    /// Its name; null when it has none.
    pub name: Option<String>,
    /// Why it is not explained.
    pub why: String,
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// The file or folder.
    pub file: String,
    /// The line, from 1; null when it is about the whole file.
    pub line: Option<u32>,
    /// What is wrong, and what was read before.
    pub what: String,
}

/// How much was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Amount {
    /// Files.
    pub files: usize,
    /// Objects in them.
    pub objects: u64,
    /// Objects that came more than once: the newest one is told.
    pub repeated: u64,
    /// Releases, parts and other objects beyond the limits, which are not listed.
    pub left_out: u64,
    /// Problems beyond the limit, which are not listed.
    pub problems_left_out: u64,
}

impl Explanation {
    /// The document of what was found; `state` has been told of the workloads.
    #[must_use]
    pub fn of(state: &State, found: &Found, report: &Report) -> Self {
        let fleet = state.fleet();
        let releases = listing::everything(state).into_iter().filter_map(|it| fleet.row(it));
        let parts = fleet.objects().map(|(_, row)| row);
        let parts = parts.filter(|row| row.workload.part_of.is_some());
        let workloads = releases.chain(parts).map(|row| {
            let mut item = RolloutStatus::of(state, row);
            if found.manifests.contains(&row.workload.target) {
                item.say_unknown(MANIFEST);
            }
            item
        });
        let others_left_out: u64 = found.others_left_out.values().sum();
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "Explanation".to_owned(),
            items: workloads.chain(found.parts.iter().map(RolloutStatus::of_part)).collect(),
            others: found.others.iter().map(OtherObject::of).collect(),
            problems: report.problems.iter().map(Problem::of).collect(),
            read: Amount {
                files: report.files,
                objects: report.objects,
                repeated: found.repeated,
                left_out: found.left_out + others_left_out,
                problems_left_out: report.problems_left_out,
            },
        }
    }

    /// What is said beside the table, for the error output.
    #[must_use]
    pub fn notes(&self) -> String {
        let mut out = String::new();
        for problem in &self.problems {
            let line = problem.line.map_or_else(String::new, |line| format!(":{line}"));
            let _ = writeln!(out, "pilothouse: {}{line}: {}", problem.file, problem.what);
        }
        let read = &self.read;
        for (count, what) in [
            (read.problems_left_out, "more problems of the same kind are not listed"),
            (read.repeated, "objects came more than once; the newest one of each is told"),
            (read.left_out, "objects more than are listed were passed over"),
        ] {
            if count > 0 {
                let _ = writeln!(out, "pilothouse: {count} {what}");
            }
        }
        out
    }
}

impl OtherObject {
    fn of(other: &Other) -> Self {
        let word = |text: &crate::domain::text::Text| (!text.is_empty()).then(|| text.to_string());
        Self {
            file: other.file.to_string(),
            api_version: word(&other.version),
            kind: word(&other.kind),
            namespace: word(&other.namespace),
            name: word(&other.name),
            why: other.why.to_string(),
        }
    }
}

impl Problem {
    fn of(warning: &Warning) -> Self {
        Self {
            file: warning.place.to_string(),
            line: (warning.line > 0).then_some(warning.line),
            what: warning.what.to_string(),
        }
    }
}
