//! Ending what measures: the AnalysisRuns and the experiment that a Rollout waits for. The controller counts a run
//! without a failed metric that is ended so as passed (`reference/rollouts.md` §1.12): this is a step forward.

use super::case::Case;
use super::draw::{Drawn, Recipe, set};
use super::words::next_step;
use crate::control::plan::{Arrival, ObjectKind, ObjectRef, PatchFormat, Value, Write};
use crate::domain::ids::Name;
use crate::domain::rollout::{RunPhase, RunStatus};

const TERMINATE: &[&str] = &["spec", "terminate"];

/// The analyses that run, and the experiment of the running step.
pub(in crate::control) fn running(case: Case<'_>) -> Vec<ObjectRef> {
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

pub(super) fn warn(out: &mut Vec<String>) {
    out.push(
        "the controller counts an analysis that is ended so as passed, unless a metric has failed \
         already; abort takes the new version back"
            .to_owned(),
    );
}
