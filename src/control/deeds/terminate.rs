//! Ending what measures: the AnalysisRuns and the experiment that a Rollout waits for, and an Experiment that stands alone. The controller counts a run
//! without a failed metric that is ended so as passed (`reference/rollouts.md` §1.12): this is a step forward.

use super::case::Case;
use super::draw::{Drawn, Recipe, own_object, set};
use super::words::{next_step, pods};
use crate::control::plan::{Arrival, ObjectKind, ObjectRef, PatchFormat, Value, Write};
use crate::domain::experiment::{Experiment, ExperimentTemplate};
use crate::domain::ids::Name;
use crate::domain::rollout::{RunPhase, RunStatus};
use crate::domain::text::Text;

const TERMINATE: &[&str] = &["spec", "terminate"];

/// The analyses that run, and the experiment of the running step.
pub(in crate::control) fn running(case: Case<'_>) -> Vec<ObjectRef> {
    if let Some(experiment) = case.workload.experiment() {
        let itself = (!experiment.is_over()).then(|| own_object(case));
        return itself.into_iter().collect();
    }
    let Some(rollout) = case.rollout() else { return Vec::new() };
    let runs = &rollout.status.runs;
    let analyses = [&runs.step, &runs.background, &runs.pre_promotion, &runs.post_promotion];
    let of = |kind: ObjectKind, name: &Name| ObjectRef { kind, name: name.clone() };
    analyses
        .into_iter()
        .flatten()
        .filter(|run| is_running(run))
        .map(|run| of(ObjectKind::AnalysisRun, &run.name))
        .chain(runs.experiment.iter().map(|name| of(ObjectKind::Experiment, name)))
        .collect()
}

const fn is_running(run: &RunStatus) -> bool {
    matches!(run.phase, RunPhase::Pending | RunPhase::Running)
}

/// One write to each.
pub(super) fn draw(case: Case<'_>) -> Drawn {
    let running = running(case);
    let names = running.iter().map(|object| object.name.clone()).collect();
    let write = |object| Write {
        object,
        subresource: None,
        format: PatchFormat::Merge,
        changes: vec![set(TERMINATE, Value::Bool(true))],
        done: "the end of the first one is asked for",
    };
    Drawn { writes: running.into_iter().map(write).collect(), arrival: Arrival::RunsEnded(names) }
}

pub(super) fn effect(case: Case<'_>) -> String {
    if let Some(experiment) = case.workload.experiment() {
        let runs = experiment.analyses.iter().filter(|analysis| !analysis.phase.is_finished());
        let runs: Vec<&str> =
            runs.filter_map(|analysis| analysis.run.as_ref()).map(Name::as_str).collect();
        let runs = match runs.as_slice() {
            [] => String::new(),
            runs => format!("; {} is ended with it", runs.join(" and ")),
        };
        let pods = pods(case.workload.replicas.current);
        return format!("the experiment ends now, and its {pods} are taken away{runs}");
    }
    let named: Vec<String> = running(case)
        .iter()
        .map(|object| format!("{} {}", object.kind.name(), object.name))
        .collect();
    let after = match case.step_run() {
        Some(run) if is_running(run) => format!("; {}", next_step(case)),
        Some(_) | None => String::new(),
    };
    format!("{} ends now{after}", named.join(" and "))
}

/// "baseline (api:1.0.0) and canary (api:2.0.0)".
pub(super) fn versions(experiment: &Experiment) -> String {
    let version = |template: &ExperimentTemplate| {
        let image = template.image.as_ref().map_or("no image", Text::as_str);
        format!("{} ({})", template.name, image.rsplit('/').next().unwrap_or(image))
    };
    let all: Vec<String> = experiment.templates.iter().map(version).collect();
    all.join(" and ")
}

/// What a deed does to the analyses that run (`reference/rollouts.md` §1.11).
pub(super) fn fate(recipe: Recipe, case: Case<'_>) -> Option<String> {
    let running = running(case);
    let names: Vec<&str> = running.iter().map(|object| object.name.as_str()).collect();
    let names = names.join(" and ");
    let is_step = case.step_run().is_some_and(is_running);
    let words = match recipe {
        _ if running.is_empty() => return None,
        Recipe::Abort
        | Recipe::AbortAndUnpause
        | Recipe::PromoteFull
        | Recipe::BackToStable
        | Recipe::Rollback => format!("{names} is ended and decides nothing any more"),
        Recipe::PassStep if is_step => format!("{names} is ended and decides nothing any more"),
        Recipe::Pause => {
            format!("{names} goes on measuring; what it finds acts once it is resumed")
        }
        Recipe::ClearPause
        | Recipe::PassStep
        | Recipe::Resume
        | Recipe::Retry
        | Recipe::Restart
        | Recipe::Terminate
        | Recipe::ScaleDown
        | Recipe::Cancel
        | Recipe::Hold
        | Recipe::Release
        | Recipe::Canary(_)
        | Recipe::Comment => return None,
    };
    Some(words)
}

pub(super) fn warn(case: Case<'_>, out: &mut Vec<String>) {
    if case.workload.experiment().is_some() {
        out.push(
            "its controller calls an experiment that is ended so successful, unless a version or an \
             analysis has failed already; it cannot be started again"
                .to_owned(),
        );
        return;
    }
    out.push(
        "the controller counts an analysis that is ended so as passed, unless a metric has failed \
         already; abort takes the new version back"
            .to_owned(),
    );
}
