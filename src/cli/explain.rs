//! `explain`: the cockpit's reading of objects that lie in files. Nothing is asked of any cluster.

use std::path::{Path, PathBuf};

use super::args_values::Format;
use super::document::explanation::{Explanation, OtherObject};
use super::headless::output::{self, PrintError};
use super::headless::{exit, get, table};
use super::tell;
use crate::app::event::Event;
use crate::app::keymap::Keymap;
use crate::app::state::{FrontKind, Session, State};
use crate::app::update;
use crate::backends::kube::dump::{self, Report};
use crate::backends::kube::offline::{Found, Offline};
use crate::domain::feed::{Feed, SourceId, SourceKind};
use crate::domain::ids::ClusterName;
use crate::domain::observed::{Observed, Timestamp};

/// Reads, judges and prints. The exit code.
#[must_use]
pub fn run(files: &[PathBuf], format: Format, now: Timestamp) -> u8 {
    let (found, report) = read(files, now);
    let explanation = explanation(&found, &report, now);
    tell::lines(explanation.notes());
    get::printed(print(&explanation, format), code(&report))
}

/// What the source is called, where a watch would say the context.
fn source(files: &[PathBuf]) -> ClusterName {
    match files {
        [only] if only.as_path() != Path::new("-") => ClusterName::new(&only.display().to_string()),
        [_] => ClusterName::new("stdin"),
        _ => ClusterName::new("files"),
    }
}

/// Objects of all files are joined: a Deployment in one, its ReplicaSets in another.
fn read(files: &[PathBuf], now: Timestamp) -> (Found, Report) {
    let mut offline = Offline::new(source(files), now);
    let mut all = Report::default();
    let mut stdin = std::io::stdin().lock();
    for path in files {
        let report = dump::read(path, &mut stdin, &mut |file, object| offline.take(file, object));
        all.files += report.files;
        all.objects += report.objects;
        all.problems.extend(report.problems);
        all.problems_left_out += report.problems_left_out;
    }
    (offline.finish(), all)
}

/// The machine itself judges, as if a watch had brought the objects.
fn explanation(found: &Found, report: &Report, now: Timestamp) -> Explanation {
    let session = Session { front: FrontKind::Headless, ..Session::empty() };
    let mut state = State::new(session, Keymap::default(), now);
    let workloads = found.workloads.clone();
    if let Some(first) = workloads.first() {
        let cluster = first.target.cluster.clone();
        let id = SourceId { cluster, kind: SourceKind::Kubernetes };
        let details = found.details.iter().cloned().map(|it| Feed::Detail(Box::new(it)));
        for value in std::iter::once(Feed::Changed(workloads)).chain(details) {
            // What the machine would ask next, no server is there to answer.
            let _ =
                update::update(&mut state, Event::Feed(id.clone(), Observed { value, at: now }));
        }
    }
    Explanation::of(&state, found, report)
}

/// A part that could not be read is like a source that was silent; nothing read at all is a wrong file.
fn code(report: &Report) -> u8 {
    match (report.problems.is_empty(), report.objects) {
        (true, _) => exit::DONE,
        (false, 0) => exit::USAGE,
        (false, _) => exit::NO_ANSWER,
    }
}

fn print(explanation: &Explanation, format: Format) -> Result<(), PrintError> {
    match format {
        Format::Json | Format::Yaml => output::document(format, explanation),
        Format::Table | Format::Wide => {
            if explanation.items.is_empty() {
                tell::say("no release and no part of one found");
            } else {
                output::text(&table::told(&explanation.items, format))?;
            }
            others(&explanation.others, if explanation.items.is_empty() { "" } else { "\n" })
        }
    }
}

/// What is not explained is listed, and not lost.
fn others(others: &[OtherObject], gap: &str) -> Result<(), PrintError> {
    if others.is_empty() {
        return Ok(());
    }
    let cell = |word: &Option<String>| word.clone().unwrap_or_else(|| "-".to_owned());
    let head = ["NAMESPACE", "KIND", "NAME", "WHY NOT EXPLAINED", "FILE"];
    let rows = others.iter().map(|other| {
        vec![
            cell(&other.namespace),
            cell(&other.kind),
            cell(&other.name),
            other.why.clone(),
            other.file.clone(),
        ]
    });
    let head = std::iter::once(head.iter().map(ToString::to_string).collect());
    let rows: Vec<Vec<String>> = head.chain(rows).collect();
    output::text(&format!("{gap}{}", table::aligned(&rows)))
}
