//! The sections of one rollout: pods by revision, analysis runs, events, versions, what may be done. Each is a heading and
//! aligned lines.

use std::fmt::Write as _;

use crate::analysis::steps;
use crate::app::event::Command;
use crate::app::fleet::Row;
use crate::app::keymap::KeyContext;
use crate::app::parts::{self, Branch, Standing};
use crate::app::state::{Mode, State};
use crate::control::action::Action;
use crate::control::plan::{exists, possible};
use crate::domain::detail::{AnalysisRun, ClusterEvent, Pod, RunLimits, RunMetric, Tally};
use crate::domain::ids::Name;
use crate::domain::observed::Timestamp;
use crate::domain::workload::{Build, ReplicaSet};

use super::answer;
use super::bounds;
use super::format::{self, Keep};
use super::grid::{self, Column};
use super::hints;
use super::ink::Words;
use super::marks::Mark;
use super::summary;
use super::theme::Role;

/// Pods of one revision that are listed beside the one under the cursor; the others are counted.
const PODS_LISTED: usize = 6;

/// Lines and which of them the cursor is on.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// The lines.
    pub lines: Vec<Words>,
    /// The line under the cursor.
    pub cursor: Option<usize>,
}

pub(super) fn heading(title: &str, note: &str) -> Words {
    Words::of(Role::Heading, format!(" {title}")).and(Role::Muted, format!("  {note}"))
}

/// Mark, name, ready, status, why, restarts, node, age.
const PODS: [Column; 8] = [
    Column::text(3, 3, 9),
    Column::text(18, 44, 8).tail(),
    Column::text(3, 5, 6),
    Column::text(12, 26, 7),
    Column::text(14, 80, 5),
    Column::text(10, 12, 4),
    Column::text(6, 24, 1).tail(),
    Column::number(5, 3),
];

/// The tree: revision → pods, with the reason of the first failing one on the revision's own line.
#[must_use]
pub fn tree(row: &Row, chosen: Option<&Name>, now: Timestamp, cells: usize) -> Section {
    let mut section = Section::default();
    let note = match &row.detail {
        None => "reading pods …".to_owned(),
        Some(detail) if detail.pods_left_out > 0 => {
            format!("{} more are not shown", detail.pods_left_out)
        }
        Some(_) => String::new(),
    };
    section.lines.push(heading("PODS", &note));
    for missing in row.detail.iter().flat_map(|detail| detail.missing.iter()) {
        section.lines.push(Words::of(Role::Warning, format!("   ▲ {missing}")));
    }
    let bounds = row.detail.iter().flat_map(bounds::lines);
    section.lines.extend(bounds.map(|line| line.cut(cells, Keep::Start)));
    let branches = parts::branches(row);
    let listed: Vec<Vec<&Pod>> = branches.iter().map(|branch| shown(branch, chosen)).collect();
    let cells_of: Vec<Vec<Words>> =
        listed.iter().flat_map(|pods| pods.iter().map(|pod| pod_cells(pod, chosen, now))).collect();
    let widths = grid::widths(&PODS, &cells_of, cells.saturating_sub(2));
    let mut pods = cells_of.into_iter();
    let (fresh, proven) = summary::sides(row.workload.strategy);
    let old = if row.workload.experiment().is_some() { "version" } else { "old" };
    for (branch, listed) in branches.iter().zip(&listed) {
        section.lines.push(branch_line(branch, (fresh, proven, old), now).cut(cells, Keep::Start));
        for pod in listed {
            if Some(&pod.name) == chosen {
                section.cursor = Some(section.lines.len());
            }
            let line = pods.next().map_or_else(Words::new, |row| grid::row(&PODS, &widths, row));
            section.lines.push(Words::of(Role::Text, "  ").then(line));
        }
        let more = branch.pods.len() - listed.len();
        if more > 0 {
            section.lines.push(Words::of(Role::Muted, format!("       {more} more, all ready")));
        }
    }
    section
}

/// Every pod in trouble, a few ready ones, and the one under the cursor.
fn shown<'a>(branch: &Branch<'a>, chosen: Option<&Name>) -> Vec<&'a Pod> {
    let mut ready_left = PODS_LISTED;
    let keep = |pod: &&&'a Pod| {
        let is_chosen = Some(&pod.name) == chosen;
        if pod.is_ready() && !is_chosen {
            let is_listed = ready_left > 0;
            ready_left = ready_left.saturating_sub(1);
            return is_listed;
        }
        true
    };
    let few = branch.pods.len() <= PODS_LISTED + 1;
    if few { branch.pods.clone() } else { branch.pods.iter().filter(keep).copied().collect() }
}

fn branch_line(
    branch: &Branch<'_>,
    (fresh, proven, old): (&str, &str, &str),
    now: Timestamp,
) -> Words {
    let (role, standing) = match branch.standing {
        Standing::Canary => (Role::Canary, fresh),
        Standing::Stable => (Role::Stable, proven),
        Standing::Old => (Role::Muted, old),
    };
    let Some(set) = branch.set else {
        return Words::of(Role::Unknown, "   pods of unknown revisions");
    };
    let known = format::known;
    let mut line = Words::of(role, format!("   {} {standing}", summary::revision(set)))
        .and(role, format!("  {}", summary::tag_of(set, None)))
        .and(Role::Muted, format!("  {}", set.name))
        .and(
            Role::Text,
            format!("  {}/{} ready", known(set.replicas.ready), known(set.replicas.desired)),
        )
        .and(Role::Muted, format!("  {}", format::since(set.created, now)));
    if let Some(at) = set.scale_down_at.filter(|at| *at > now) {
        let left = format::left(crate::domain::observed::age(now, at));
        line.push(Role::Warning, format!("  goes away in {left}"));
    }
    if let Some(failure) = &set.failure {
        line.push(Role::Danger, format!("  ✗ {failure}"));
    }
    let first = branch.pods.iter().find(|pod| !pod.is_ready() && pod.why.is_some());
    if let Some(pod) = first {
        line.push(Role::Danger, format!("  ✗ {}", pod.status));
    }
    line
}

fn pod_cells(pod: &Pod, chosen: Option<&Name>, now: Timestamp) -> Vec<Words> {
    let is_chosen = Some(&pod.name) == chosen;
    let (mark, role) = match (pod.is_ready(), pod.why.is_some()) {
        (true, _) => (Mark::Good, Role::Good),
        (false, true) => (Mark::Bad, Role::Danger),
        (false, false) => (Mark::Moving, Role::Moving),
    };
    let cursor = if is_chosen { Mark::Cursor.sign() } else { " " };
    let name = if is_chosen { Role::Selection } else { Role::Text };
    let restarts = match pod.restarts {
        0 => Words::new(),
        1 => Words::of(Role::Warning, "1 restart"),
        many => Words::of(Role::Warning, format!("{many} restarts")),
    };
    vec![
        Words::of(Role::Focus, cursor).and(role, format!(" {}", mark.sign())),
        Words::of(name, pod.name.as_str()),
        Words::of(Role::Muted, format!("{}/{}", pod.ready.0, pod.ready.1)),
        Words::of(if pod.is_ready() { Role::Muted } else { role }, pod.status.as_str()),
        Words::of(Role::Text, pod.why.as_ref().map_or("", |why| why.as_str())),
        restarts,
        Words::of(Role::Muted, pod.node.as_ref().map_or("", Name::as_str)),
        Words::of(Role::Muted, format::since(pod.created, now)),
    ]
}

/// Runs that are listed; older ones are in `kubectl get analysisruns`.
const RUNS_LISTED: usize = 4;

/// Metric, value, condition, tally.
const RUN_METRICS: [Column; 5] = [
    Column::text(2, 14, 8),
    Column::text(8, 30, 9),
    Column::text(5, 16, 7),
    Column::text(8, 50, 6),
    Column::text(6, 60, 5),
];

/// Analysis runs, the measured value against the condition.
#[must_use]
pub fn runs(row: &Row, now: Timestamp, cells: usize) -> Vec<Words> {
    let Some(detail) = row.detail.as_ref().filter(|detail| !detail.runs.is_empty()) else {
        return Vec::new();
    };
    let more = detail.runs.len().saturating_sub(RUNS_LISTED);
    let note = if more > 0 { format!("{more} older are not shown") } else { String::new() };
    let mut lines = vec![heading("ANALYSIS", &note)];
    for run in detail.runs.iter().take(RUNS_LISTED) {
        lines.push(run_line(run, now).cut(cells, Keep::Start));
        let rows = run.metrics.iter().map(run_metric).collect();
        let table = grid::table(&RUN_METRICS, rows, cells.saturating_sub(6));
        lines.extend(table.into_iter().map(|line| Words::of(Role::Text, "      ").then(line)));
    }
    lines
}

fn run_line(run: &AnalysisRun, now: Timestamp) -> Words {
    let said = summary::run(run.phase);
    let role = run.role.as_ref().map(|role| role.as_str().to_lowercase()).unwrap_or_default();
    let step = run.step.map(|step| format!(" step {}", step + 1)).unwrap_or_default();
    let span = match (run.started, run.completed) {
        (Some(from), Some(to)) => {
            format!("  took {}", format::span(crate::domain::observed::age(from, to)))
        }
        (Some(from), None) => format!("  since {}", format::since(Some(from), now)),
        (None, _) => String::new(),
    };
    let mut line = Words::of(Role::Text, "   ")
        .then(said.words())
        .and(Role::Text, format!("  {}", run.name))
        .and(Role::Muted, format!("  {role}{step}{span}"));
    if let Some(message) = run.message.as_ref().filter(|message| !message.is_empty()) {
        line.push(Role::Text, format!("  {message}"));
    }
    line
}

fn run_metric(metric: &RunMetric) -> Vec<Words> {
    let said = summary::run(metric.phase);
    let last = metric.measurements.last();
    let value = match last.map(|last| (&last.value, &last.message)) {
        Some((Some(value), _)) => {
            Words::of(summary::run(last.map_or(metric.phase, |l| l.phase)).role, value.as_str())
        }
        Some((None, Some(message))) => Words::of(Role::Warning, message.as_str()),
        Some((None, None)) | None => Words::of(Role::Unknown, "not measured"),
    };
    let note = match &metric.message {
        Some(message) if !message.is_empty() => format!("  {message}"),
        Some(_) | None => String::new(),
    };
    vec![
        Words::of(said.role, said.mark.sign()).and(said.role, format!(" {}", said.word)),
        Words::of(Role::Text, metric.name.as_str()),
        value,
        Words::of(Role::Muted, condition(&metric.limits)),
        Words::of(Role::Muted, tally(&metric.tally, &metric.limits)).and(Role::Text, note),
    ]
}

fn condition(limits: &RunLimits) -> String {
    let dry = if limits.dry_run { "dry run · " } else { "" };
    match (&limits.success, &limits.failure) {
        (Some(wanted), _) => format!("{dry}wants {wanted}"),
        (None, Some(failure)) => format!("{dry}fails on {failure}"),
        (None, None) => dry.trim_end_matches(" · ").to_owned(),
    }
}

fn tally(tally: &Tally, limits: &RunLimits) -> String {
    let of = limits.count.map(|count| format!(" of {count}")).unwrap_or_default();
    let mut words = format!("{}{of} measured", tally.count);
    for (count, what, most) in [
        (tally.failed, "failed", limits.failures_max),
        (tally.inconclusive, "inconclusive", limits.inconclusive_max),
        (tally.error, "errors", limits.errors_max),
    ] {
        if count > 0 {
            let _ = write!(words, " · {count} {what}, {most} allowed");
        }
    }
    words
}

/// When, what, the sentence.
const EVENTS: [Column; 4] = [
    Column::text(8, 11, 9),
    Column::text(8, 28, 8),
    Column::text(20, 160, 7),
    Column::text(3, 5, 5),
];

/// Events, the newest first.
#[must_use]
pub fn events(row: &Row, now: Timestamp, cells: usize, lines_max: usize) -> Vec<Words> {
    let Some(detail) = row.detail.as_ref().filter(|detail| !detail.events.is_empty()) else {
        return Vec::new();
    };
    let newest: Vec<&ClusterEvent> = detail.events.iter().rev().take(lines_max).collect();
    let more = detail.events.len() - newest.len();
    let note = if more > 0 { format!("{more} older are on the timeline") } else { String::new() };
    let rows = newest.into_iter().map(|event| event_cells(event, now)).collect();
    let table = grid::table(&EVENTS, rows, cells.saturating_sub(3));
    std::iter::once(heading("EVENTS", &note))
        .chain(table.into_iter().map(|line| Words::of(Role::Text, "   ").then(line)))
        .collect()
}

fn event_cells(event: &ClusterEvent, now: Timestamp) -> Vec<Words> {
    let at = event.last.or(event.first).map(|at| format::moment(at, now)).unwrap_or_default();
    let role = if event.warning { Role::Warning } else { Role::Text };
    let reason =
        if event.warning { format!("▲ {}", event.reason) } else { event.reason.to_string() };
    let count = if event.count > 1 { format!("×{}", event.count) } else { String::new() };
    vec![
        Words::of(Role::Muted, at),
        Words::of(role, reason),
        Words::of(Role::Text, event.message.as_str()),
        Words::of(Role::Muted, count),
    ]
}

/// Standing, container, image, digest.
const IMAGES: [Column; 4] = [
    Column::text(6, 6, 7),
    Column::text(4, 20, 6),
    Column::text(12, 80, 9).tail(),
    Column::text(14, 71, 5),
];

/// The images of canary and stable by digest, and where the version came from.
#[must_use]
pub fn versions(row: &Row, cells: usize) -> Vec<Words> {
    let workload = &row.workload;
    if workload.experiment().is_some() {
        // They stand above, in the place of a ladder.
        return Vec::new();
    }
    let (fresh, proven) = summary::sides(workload.strategy);
    let canary = steps::canary(workload).map(|set| (set, fresh, Role::Canary));
    let stable = steps::stable(workload).map(|set| (set, proven, Role::Stable));
    let rows: Vec<Vec<Words>> = canary
        .iter()
        .chain(stable.iter())
        .flat_map(|(set, standing, role)| images(set, standing, *role))
        .collect();
    let mut lines = vec![heading("VERSIONS", "")];
    let table = grid::table(&IMAGES, rows, cells.saturating_sub(3));
    lines.extend(table.into_iter().map(|line| Words::of(Role::Text, "   ").then(line)));
    let build = canary.map_or(&workload.build, |(set, ..)| &set.build);
    lines.extend(build_line(build).map(|line| line.cut(cells, Keep::Start)));
    lines
}

fn images(set: &ReplicaSet, standing: &str, role: Role) -> Vec<Vec<Words>> {
    set.images
        .iter()
        .map(|image| {
            let digest = image.digest.as_ref().map_or("no digest", |digest| digest.as_str());
            vec![
                Words::of(role, standing),
                Words::of(Role::Muted, image.container.as_str()),
                Words::of(Role::Text, image.image.as_str()),
                Words::of(Role::Muted, digest),
            ]
        })
        .collect()
}

fn build_line(build: &Build) -> Option<Words> {
    let made = answer::provenance(build, None);
    let cause = build.cause.as_ref().map(|cause| format!("  “{cause}”")).unwrap_or_default();
    let words = format!("{made}{cause}");
    (!words.is_empty()).then(|| Words::of(Role::Muted, format!("   built by {words}")))
}

/// Key, deed, possible or why not.
const DEEDS: [Column; 3] =
    [Column::text(1, 8, 8), Column::text(7, 13, 9), Column::text(20, 200, 7)];

/// What may be done now and what it would cause, and why the other deeds are not possible.
#[must_use]
pub fn deeds(state: &State, row: &Row, cells: usize) -> Vec<Words> {
    let note = match state.session().mode {
        Mode::ReadOnly => "this session is read-only: nothing can be changed",
        Mode::Simulated => "the world is simulated",
        Mode::Real if state.orders().is_armed(&row.workload.target.cluster) => "armed",
        Mode::Real => "observing: all but pause and abort need the cluster to be armed",
    };
    let context = KeyContext::of_screen(state.focus().screen);
    let (known, unknown): (Vec<_>, Vec<_>) =
        Action::ALL.into_iter().partition(|action| exists(*action, &row.workload));
    let rows = known
        .into_iter()
        .map(|action| {
            let key = hints::key_of(state.keymap(), context, &Command::Deed(action));
            let key = key.unwrap_or_default();
            match possible(action, &row.workload) {
                Ok(()) => vec![
                    Words::of(Role::Key, key),
                    Words::of(Role::Text, action.title()),
                    Words::of(Role::Muted, answer::effect(state, row, action).unwrap_or_default()),
                ],
                Err(why) => vec![
                    Words::of(Role::Muted, key),
                    Words::of(Role::Muted, action.title()),
                    Words::of(Role::Muted, format!("not now: {why}")),
                ],
            }
        })
        .collect();
    let table = grid::table(&DEEDS, rows, cells.saturating_sub(3));
    std::iter::once(heading("DEEDS", note))
        .chain(table.into_iter().map(|line| Words::of(Role::Text, "   ").then(line)))
        .chain(never(&unknown, cells))
        .collect()
}

/// The deeds that its way of releasing does not know, in one line.
fn never(unknown: &[Action], cells: usize) -> Option<Words> {
    let titles: Vec<&str> = unknown.iter().map(|action| action.title()).collect();
    let words = format!("   never here: {}", titles.join(", "));
    (!titles.is_empty()).then(|| Words::of(Role::Muted, words).cut(cells, Keep::Start))
}

/// What of the object could not be understood; the rest stands.
#[must_use]
pub fn oddities(row: &Row, cells: usize) -> Vec<Words> {
    let oddities = &row.workload.oddities;
    if oddities.is_empty() {
        return Vec::new();
    }
    std::iter::once(heading("NOT UNDERSTOOD", "the rest stands"))
        .chain(oddities.iter().take(6).map(|oddity| {
            Words::of(Role::Warning, "   ▲ ")
                .and(Role::Text, oddity.as_str())
                .cut(cells, Keep::Start)
        }))
        .collect()
}
