//! An Experiment that stands alone: what it waits for and until when, its versions and its analyses.

use crate::app::fleet::Row;
use crate::domain::experiment::{Experiment, ExperimentAnalysis, ExperimentTemplate};
use crate::domain::observed::{Timestamp, age};
use crate::domain::rollout::RunPhase;
use crate::domain::text::Text;
use crate::domain::workload::{Image, Workload};

use super::format::{self, Keep};
use super::grid::{self, Column};
use super::ink::Words;
use super::summary;
use super::theme::Role;

/// Name, state, pods, image, words.
const TEMPLATES: [Column; 5] = [
    Column::text(8, 20, 9),
    Column::text(8, 11, 8),
    Column::text(5, 9, 7),
    Column::text(8, 40, 5),
    Column::text(8, 80, 3),
];

/// Name, phase, whether it decides, words.
const ANALYSES: [Column; 4] =
    [Column::text(8, 20, 9), Column::text(8, 12, 8), Column::text(8, 8, 5), Column::text(8, 80, 3)];

/// What stands in the place of a ladder.
pub(super) fn lines(
    row: &Row,
    experiment: &Experiment,
    now: Timestamp,
    cells: usize,
) -> Vec<Words> {
    let mut head = Words::of(Role::Heading, " EXPERIMENT  ");
    head = match experiment.phase {
        Some(phase) => head.then(summary::run(phase).words()),
        None => head.and(Role::Unknown, "not looked at yet"),
    };
    head = match left(experiment, now) {
        Some(left) => head.and(Role::Moving, format!("  {left}")),
        None => head.and(Role::Muted, ended(experiment, now)),
    };
    let mut lines = vec![head.cut(cells, Keep::Start)];
    if let Some(message) = &experiment.message {
        let role = if experiment.is_over() { Role::Text } else { Role::Muted };
        for line in format::wrap(message.as_str(), cells.saturating_sub(4), 3, super::ink::CUT) {
            lines.push(Words::of(role, format!("   {line}")));
        }
    }
    let room = cells.saturating_sub(3);
    let templates = experiment.templates.iter().map(template).collect();
    lines.extend(indented(grid::table(&TEMPLATES, templates, room)));
    if !experiment.analyses.is_empty() {
        lines.push(Words::of(Role::Heading, " DECIDED BY"));
        let analyses = experiment.analyses.iter().map(|it| analysis(row, it)).collect();
        lines.extend(indented(grid::table(&ANALYSES, analyses, room)));
    }
    lines
}

fn indented(lines: Vec<Words>) -> impl Iterator<Item = Words> {
    lines.into_iter().map(|line| Words::of(Role::Text, "   ").then(line))
}

/// How much of its time is left.
fn left(experiment: &Experiment, now: Timestamp) -> Option<String> {
    let left = age(now, experiment.ends_at()?);
    let all = experiment.duration.unwrap_or_default();
    Some(format!("{} left of {}", format::left(left), format::span(all)))
}

fn ended(experiment: &Experiment, now: Timestamp) -> String {
    let ended = experiment.ended_at();
    ended.map_or_else(String::new, |at| format!("  ended {} ago", format::since(Some(at), now)))
}

fn template(template: &ExperimentTemplate) -> Vec<Words> {
    let status = template.status.as_ref().map_or("not said", Text::as_str);
    let said = match status {
        "Progressing" | "Running" => Words::of(Role::Moving, "↑ "),
        "Successful" => Words::of(Role::Good, "✓ "),
        "Failed" | "Error" => Words::of(Role::Danger, "✗ "),
        _ => Words::of(Role::Unknown, "○ "),
    };
    let (available, desired) = (format::known(template.available), format::known(template.desired));
    vec![
        Words::of(Role::Text, template.name.as_str()),
        said.and(Role::Text, status.to_lowercase()),
        Words::of(Role::Muted, format!("{available}/{desired}")),
        Words::of(Role::Muted, template.image.as_ref().map_or("no image", short)),
        Words::of(Role::Text, template.message.as_ref().map_or("", Text::as_str)),
    ]
}

/// An image without registry and folder.
fn short(image: &Text) -> &str {
    image.as_str().rsplit('/').next().unwrap_or_default()
}

fn analysis(row: &Row, analysis: &ExperimentAnalysis) -> Vec<Words> {
    let mut read = row.detail.iter().flat_map(|detail| detail.runs.iter());
    let run = analysis.run.as_ref().and_then(|name| read.find(|run| run.name == *name));
    let own = analysis.message.clone().unwrap_or_default();
    let words = run.map_or(own, crate::analysis::run_words::one_line);
    let phase = match (&analysis.run, analysis.phase) {
        (None, RunPhase::Unknown) => Words::of(Role::Muted, "not begun"),
        (_, phase) => summary::run(phase).words(),
    };
    vec![
        Words::of(Role::Text, analysis.name.as_str()),
        phase,
        Words::of(Role::Muted, if analysis.required { "required" } else { "" }),
        Words::of(Role::Text, words.as_str()),
    ]
}

/// How far it is, in the fleet: `experiment 3/4` pods while it gets them.
pub(super) fn progress(workload: &Workload, experiment: &Experiment) -> String {
    let counts = workload.replicas;
    if experiment.is_over() || experiment.available_at.is_some() {
        return "experiment".to_owned();
    }
    format!("experiment {}/{}", format::known(counts.available), format::known(counts.desired))
}

/// What it does, in a word.
pub(super) const fn doing(experiment: &Experiment) -> &'static str {
    match experiment.phase {
        _ if experiment.terminate => "ending",
        Some(RunPhase::Running) => "running",
        Some(
            RunPhase::Pending
            | RunPhase::Successful
            | RunPhase::Inconclusive
            | RunPhase::Error
            | RunPhase::Failed
            | RunPhase::Unknown,
        )
        | None => "starting",
    }
}

/// The tags of its versions, beside each other.
pub(super) fn tags(experiment: &Experiment) -> Option<String> {
    let mut tags: Vec<String> = Vec::new();
    for image in experiment.templates.iter().filter_map(|template| template.image.as_ref()) {
        let container = crate::domain::ids::Name::default();
        let tag = summary::tag(&Image { container, image: image.clone(), digest: None });
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    (!tags.is_empty()).then(|| tags.join(" | "))
}

/// Since when it is as it is.
pub(super) fn since(workload: &Workload, experiment: &Experiment) -> Option<Timestamp> {
    experiment.ended_at().or(experiment.available_at).or(workload.meta.created)
}
