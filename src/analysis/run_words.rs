//! An AnalysisRun in one line: which metric decided, by which limit, and with which value (`reference/rollouts.md`
//! §1.12). The controller says the first two; limits, conditions and values are all in the object.

use crate::domain::detail::{AnalysisRun, Measurement, RunMetric};
use crate::domain::rollout::RunPhase;
use crate::domain::text::Text;

/// How a run stands, in one line.
#[must_use]
pub fn one_line(run: &AnalysisRun) -> Text {
    let said = run.message.as_ref().map(Text::as_str);
    let words = match run.phase {
        RunPhase::Pending => said.unwrap_or("Analysis run is pending").to_owned(),
        RunPhase::Running => {
            let failing = run.metrics.iter().find(|metric| metric.tally.failed > 0);
            let why = failing.map(|metric| format!("; {}: {}", metric.name, tally(metric)));
            format!("{}{}", said.unwrap_or("Analysis run is running"), why.unwrap_or_default())
        }
        RunPhase::Successful => said.unwrap_or("Analysis run completed successfully").to_owned(),
        RunPhase::Failed | RunPhase::Error | RunPhase::Inconclusive => decided(run, said),
        RunPhase::Unknown => {
            let waiting = "Waiting for analysis run to finish: status has not been reconciled.";
            said.unwrap_or(waiting).to_owned()
        }
    };
    Text::clean(&words)
}

/// The controller's sentence, and the value that it leaves out.
fn decided(run: &AnalysisRun, said: Option<&str>) -> String {
    let worst = run.metrics.iter().filter(|metric| !metric.limits.dry_run);
    let Some(metric) = worst.into_iter().find(|metric| metric.phase == run.phase) else {
        let default = match run.phase {
            RunPhase::Failed => "Analysis run failed",
            RunPhase::Error => "Analysis run had an error",
            RunPhase::Pending
            | RunPhase::Running
            | RunPhase::Successful
            | RunPhase::Inconclusive
            | RunPhase::Unknown => "Analysis run was inconclusive",
        };
        return said.unwrap_or(default).to_owned();
    };
    let limit = by_limit(metric, run.phase);
    let said = said.map_or_else(
        || format!("Metric \"{}\" assessed {} due to {limit}", metric.name, run.phase.name()),
        str::to_owned,
    );
    match evidence(metric, run.phase) {
        Some(evidence) => format!("{said}: {evidence}"),
        None => said,
    }
}

fn by_limit(metric: &RunMetric, phase: RunPhase) -> String {
    let (tally, limits) = (metric.tally, &metric.limits);
    match phase {
        RunPhase::Error => format!(
            "consecutiveErrors ({}) > consecutiveErrorLimit ({})",
            tally.consecutive_error, limits.errors_max
        ),
        RunPhase::Inconclusive => {
            format!(
                "inconclusive ({}) > inconclusiveLimit ({})",
                tally.inconclusive, limits.inconclusive_max
            )
        }
        RunPhase::Failed
        | RunPhase::Pending
        | RunPhase::Running
        | RunPhase::Successful
        | RunPhase::Unknown => {
            format!("failed ({}) > failureLimit ({})", tally.failed, limits.failures_max)
        }
    }
}

/// "0.018 did not satisfy result < 0.01 (3rd failure, limit 2)".
fn evidence(metric: &RunMetric, phase: RunPhase) -> Option<String> {
    let last = metric.measurements.iter().rev().find(|measured| measured.phase == phase)?;
    let (tally, limits) = (metric.tally, &metric.limits);
    match phase {
        RunPhase::Failed => {
            let which = ordinal(tally.failed);
            Some(format!(
                "{} ({which} failure, limit {})",
                against(metric, last),
                limits.failures_max
            ))
        }
        RunPhase::Inconclusive => {
            let value = value(last);
            let limit = limits.inconclusive_max;
            let which = ordinal(tally.inconclusive);
            Some(format!("{value} satisfied neither condition ({which} time, limit {limit})"))
        }
        RunPhase::Error => last.message.as_ref().map(Text::to_string),
        RunPhase::Pending | RunPhase::Running | RunPhase::Successful | RunPhase::Unknown => None,
    }
}

fn against(metric: &RunMetric, last: &Measurement) -> String {
    let value = value(last);
    match (&metric.limits.failure, &metric.limits.success) {
        // With both, a failure means that the failure condition held.
        (Some(failure), _) => format!("{value} satisfied the failure condition {failure}"),
        (None, Some(success)) => format!("{value} did not satisfy {success}"),
        (None, None) => format!("{value} failed"),
    }
}

fn value(measured: &Measurement) -> &str {
    measured.value.as_ref().map_or("no value", Text::as_str)
}

fn tally(metric: &RunMetric) -> String {
    let (failed, limit) = (metric.tally.failed, metric.limits.failures_max);
    format!("failed {failed} times, limit {limit}")
}

fn ordinal(count: u32) -> String {
    let end = match (count % 10, count % 100) {
        (1, last) if last != 11 => "st",
        (2, last) if last != 12 => "nd",
        (3, last) if last != 13 => "rd",
        _ => "th",
    };
    format!("{count}{end}")
}
