//! `AnalysisRuns` → facts. Pure and total; limits are the controller's defaults unless said (`reference/rollouts.md` §1.6).

use std::sync::Arc;

use serde_json::Value;

use super::fields::{Node, Reading};
use super::meta::Metadata;
use crate::domain::detail::{AnalysisRun, Measurement, RunLimits, RunMetric, Tally};
use crate::domain::ids::{Name, PodHash};
use crate::domain::rollout::{RunPhase, RunStatus};

/// `consecutiveErrorLimit` unless said.
const ERRORS_MAX: i64 = 4;

/// The controller keeps ten measurements unless told otherwise; a hundred are more than any screen shows.
const MEASUREMENTS_MAX: usize = 100;

/// More metrics than this in one run are no longer read by a person.
const METRICS_MAX: usize = 100;

/// A run as the status of a Rollout tells of it.
pub(super) fn status(
    holder: Node<'_>,
    key: &'static str,
    reading: &mut Reading<'_>,
) -> Option<RunStatus> {
    let node = holder.at(key, key);
    if !node.is_there() {
        return None;
    }
    Some(RunStatus {
        name: Name::from_text(reading.text_or_empty(node, "name")),
        phase: phase(node, "status"),
        message: reading.text(node, "message"),
    })
}

pub(super) fn phase(node: Node<'_>, key: &str) -> RunPhase {
    node.word(key).map_or(RunPhase::Unknown, RunPhase::parse)
}

/// The names of the templates of an analysis block.
pub(super) fn template_names(node: Node<'_>, reading: &mut Reading<'_>) -> Arc<[Name]> {
    let list = reading.list(node, "templates");
    list.iter()
        .map(|value| {
            let entry = Node::entry(value, "templates[]");
            Name::from_text(reading.text_or_empty(entry, "templateName"))
        })
        .collect()
}

/// An AnalysisRun.
pub(super) fn run(object: &Value, reading: &mut Reading<'_>) -> AnalysisRun {
    let root = Node::root(object);
    let (spec, status) = (root.at("spec", "spec"), root.at("status", "status"));
    let metadata = Metadata::of(object);
    let label = |key: &str| metadata.labels.word(key).filter(|value| !value.is_empty());
    AnalysisRun {
        name: metadata.name(reading),
        role: label("rollout-type").map(|role| reading.shared(role)),
        step: label("step-index").and_then(|index| index.parse().ok()),
        hash: metadata.hash().map(|hash| PodHash::from_text(reading.shared(hash))),
        phase: phase(status, "phase"),
        message: reading.text(status, "message"),
        started: reading.time(status, "startedAt"),
        completed: reading.time(status, "completedAt"),
        metrics: metrics(spec, status, reading),
    }
}

/// The metrics of the spec in their order, each with its result if there is one.
fn metrics(spec: Node<'_>, status: Node<'_>, reading: &mut Reading<'_>) -> Arc<[RunMetric]> {
    let results = reading.list(status, "metricResults");
    let dry_runs = reading.list(spec, "dryRun");
    let wanted = reading.list(spec, "metrics");
    wanted
        .iter()
        .take(METRICS_MAX)
        .map(|value| {
            let node = Node::entry(value, "spec.metrics[]");
            let name = node.word("name");
            let of_name = |value: &&Value| value.get("name").and_then(Value::as_str) == name;
            let result = results.iter().find(of_name).unwrap_or(&Value::Null);
            let result = Node::entry(result, "status.metricResults[]");
            // `dryRun` may name metrics by a pattern; the result says what the controller made of it.
            let named = dry_runs
                .iter()
                .any(|entry| entry.get("metricName").and_then(Value::as_str) == name);
            let dry_run = reading.boolean(result, "dryRun").unwrap_or(named);
            RunMetric {
                name: reading.text_or_empty(node, "name"),
                phase: phase(result, "phase"),
                message: reading.text(result, "message"),
                tally: tally(result, reading),
                limits: RunLimits { dry_run, ..limits(node, reading) },
                measurements: measurements(result, reading),
            }
        })
        .collect()
}

fn tally(result: Node<'_>, reading: &mut Reading<'_>) -> Tally {
    let mut count = |key| reading.count(result, key).unwrap_or_default();
    Tally {
        count: count("count"),
        successful: count("successful"),
        failed: count("failed"),
        inconclusive: count("inconclusive"),
        error: count("error"),
        consecutive_error: count("consecutiveError"),
    }
}

fn limits(metric: Node<'_>, reading: &mut Reading<'_>) -> RunLimits {
    let has_interval = metric.at("interval", "").is_there();
    RunLimits {
        success: reading.text(metric, "successCondition"),
        failure: reading.text(metric, "failureCondition"),
        failures_max: number(metric, "failureLimit", reading).unwrap_or(0),
        inconclusive_max: number(metric, "inconclusiveLimit", reading).unwrap_or(0),
        errors_max: number(metric, "consecutiveErrorLimit", reading).unwrap_or(ERRORS_MAX),
        count: match number(metric, "count", reading).filter(|count| *count > 0) {
            None if !has_interval => Some(1),
            said => said,
        },
        dry_run: false,
    }
}

/// A number or its digits (int-or-string on the wire); an argument's placeholder is none.
fn number(node: Node<'_>, key: &str, reading: &mut Reading<'_>) -> Option<i64> {
    match node.word(key) {
        Some(raw) => raw.parse().ok(),
        None => reading.whole(node, key),
    }
}

fn measurements(result: Node<'_>, reading: &mut Reading<'_>) -> Arc<[Measurement]> {
    let list = reading.list(result, "measurements");
    let skipped = list.len().saturating_sub(MEASUREMENTS_MAX);
    list.iter()
        .skip(skipped)
        .map(|value| {
            let node = Node::entry(value, "measurements[]");
            let finished = reading.time(node, "finishedAt");
            Measurement {
                phase: phase(node, "phase"),
                value: reading.text(node, "value"),
                message: reading.text(node, "message"),
                at: finished.or_else(|| reading.time(node, "startedAt")),
            }
        })
        .collect()
}
