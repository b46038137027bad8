//! The controller of AnalysisRuns: measures, counts, judges.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::agenda::Task;
use super::argo_conditions::is_over;
use super::argo_runs::say;
use super::bench::Bench;
use super::judge::{Course, assess, describe, is_worse, measured};
use super::measure::{Measured, measure};
use super::read::{self, written};
use super::recorder::Note;
use crate::sim::object::is_going;
use crate::sim::store::{Kind, key_of};

/// Measurements kept of each metric.
const KEPT: usize = 10;

/// How long after an error it is tried again.
const RETRY: SignedDuration = SignedDuration::from_secs(10);

/// Looks at a run: takes the measurements that are due and judges.
pub(super) fn reconcile(bench: &mut Bench<'_>, key: &str) {
    let Some(run) = bench.get(Kind::AnalysisRun, key) else { return };
    if is_going(&run) {
        return;
    }
    if is_over(read::text(&run, "/status/phase")) {
        return expire(bench, key, &run);
    }
    let mut next = Value::clone(&run);
    match metrics(&run) {
        Ok(metrics) => {
            take(bench, &mut next, &metrics);
            conclude(bench, &mut next, &metrics);
            trim(&mut next);
            if let Some(at) = next_look(bench.now(), &next, &metrics) {
                bench.at(Task::AnalysisRun, key, at);
            }
        }
        Err(why) => {
            read::set(&mut next, "/status/phase", "Error");
            read::set(&mut next, "/status/message", why);
            tell_end(bench, &next, "Error");
        }
    }
    write(bench, &run, next);
}

/// A run has no `/status`: what changes in its status makes another generation too.
fn write(bench: &mut Bench<'_>, run: &Arc<Value>, mut next: Value) {
    if next == **run {
        return;
    }
    crate::sim::object::raise_generation(&mut next);
    bench.store.replace(Kind::AnalysisRun, &key_of(Kind::AnalysisRun, run), next);
}

/// Deletes a run whose time is over.
fn expire(bench: &mut Bench<'_>, key: &str, run: &Value) {
    let phase = read::text(run, "/status/phase");
    let own = match phase {
        "Successful" => "/spec/ttlStrategy/secondsAfterSuccess",
        "Failed" => "/spec/ttlStrategy/secondsAfterFailure",
        _ => "/spec/ttlStrategy/secondsAfterCompletion",
    };
    let seconds =
        read::int(run, own).or_else(|| read::int(run, "/spec/ttlStrategy/secondsAfterCompletion"));
    let (Some(seconds), Some(ended)) = (seconds, read::time(run, "/status/completedAt")) else {
        return;
    };
    let over = ended + SignedDuration::from_secs(seconds + 1);
    if bench.now() < over {
        return bench.at(Task::AnalysisRun, key, over);
    }
    bench.store.delete(Kind::AnalysisRun, read::namespace(run), read::name(run));
}

/// The metrics with the values of their arguments.
fn metrics(run: &Value) -> Result<Vec<Value>, String> {
    let args = read::list(run, "/spec/args");
    let open = args.iter().find(|arg| arg.get("value").is_none() && arg.get("valueFrom").is_none());
    if let Some(open) = open {
        let name = read::text(open, "/name");
        return Err(format!("Unable to resolve metric arguments: args.{name} was not resolved"));
    }
    let metrics: Vec<Value> =
        read::list(run, "/spec/metrics").iter().map(|it| filled(it, args)).collect();
    if metrics.is_empty() {
        return Err("Analysis spec invalid: no metrics specified".to_owned());
    }
    Ok(metrics)
}

/// A value with every `{{args.name}}` in its texts replaced.
fn filled(value: &Value, args: &[Value]) -> Value {
    match value {
        Value::String(text) if text.contains("{{") => {
            let mut text = text.clone();
            for arg in args {
                let (name, value) = (read::text(arg, "/name"), read::text(arg, "/value"));
                for form in [format!("{{{{args.{name}}}}}"), format!("{{{{ args.{name} }}}}")] {
                    text = text.replace(&form, value);
                }
            }
            text.into()
        }
        Value::Array(items) => items.iter().map(|item| filled(item, args)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), filled(value, args)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn result<'a>(run: &'a Value, name: &str) -> Option<&'a Value> {
    let results = read::list(run, "/status/metricResults");
    results.iter().find(|it| read::text(it, "/name") == name)
}

fn set_result(run: &mut Value, result: Value) {
    let mut results = read::list(run, "/status/metricResults").to_vec();
    let name = read::text(&result, "/name").to_owned();
    match results.iter_mut().find(|it| read::text(it, "/name") == name) {
        Some(known) => *known = result,
        None => results.push(result),
    }
    read::set(run, "/status/metricResults", results);
}

fn last(result: &Value) -> Option<&Value> {
    read::list(result, "/measurements").last()
}

/// Whether a run is to end: somebody said so, or a metric has decided it.
fn is_ending(run: &Value) -> bool {
    read::is(run, "/spec/terminate")
        || read::list(run, "/status/metricResults").iter().any(|result| {
            !read::is(result, "/dryRun")
                && matches!(read::text(result, "/phase"), "Failed" | "Error" | "Inconclusive")
        })
}

/// How often a metric is measured; `None`: for ever.
pub(super) fn count_of(metric: &Value) -> Option<i64> {
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    match metric.get("count").and_then(number).filter(|count| *count > 0) {
        Some(count) => Some(count),
        None if read::text(metric, "/interval").is_empty() => Some(1),
        None => None,
    }
}

fn interval(metric: &Value, last: &Value) -> Option<SignedDuration> {
    if read::text(last, "/phase") == "Error" {
        return Some(RETRY);
    }
    read::go_duration(read::text(metric, "/interval"))
}

/// When a metric is measured next; `None`: never.
fn due(now: Timestamp, run: &Value, metric: &Value) -> Option<Timestamp> {
    let known = result(run, read::text(metric, "/name"));
    if known.is_some_and(|it| is_over(read::text(it, "/phase"))) {
        return None;
    }
    let Some((result, last)) = known.and_then(|it| Some((it, last(it)?))) else {
        let delay = read::go_duration(read::text(metric, "/initialDelay")).unwrap_or_default();
        return Some(read::time(run, "/status/startedAt").unwrap_or(now) + delay);
    };
    if let Some(resume) = read::time(last, "/resumeAt")
        && last.get("finishedAt").is_none()
    {
        return Some(resume);
    }
    if count_of(metric).is_some_and(|count| read::count(result, "/count") >= count) {
        return None;
    }
    let ended = read::time(last, "/finishedAt")?;
    Some(ended + interval(metric, last)?)
}

/// Takes the measurements that are due.
fn take(bench: &mut Bench<'_>, run: &mut Value, metrics: &[Value]) {
    let now = bench.now();
    if is_ending(run) {
        return;
    }
    for metric in metrics {
        let delayed = !read::text(metric, "/initialDelay").is_empty()
            && read::time(run, "/status/startedAt").is_none();
        if delayed || due(now, run, metric).is_none_or(|at| at > now) {
            continue;
        }
        let taken = measure(bench, metric);
        let known = result(run, read::text(metric, "/name")).cloned();
        let result = known.unwrap_or_else(|| first_result(run, metric));
        set_result(run, counted(result, &taken, now));
    }
}

fn first_result(run: &Value, metric: &Value) -> Value {
    let name = read::text(metric, "/name");
    let mut result = json!({"name": name, "phase": "Running"});
    let query = read::text(metric, "/provider/prometheus/query");
    if !query.is_empty() {
        result["metadata"] = json!({"ResolvedPrometheusQuery": query});
    }
    if is_dry(run, name) {
        result["dryRun"] = true.into();
    }
    result
}

/// Whether a metric is only tried.
fn is_dry(run: &Value, metric: &str) -> bool {
    read::list(run, "/spec/dryRun").iter().any(|rule| {
        let pattern = regex::Regex::new(read::text(rule, "/metricName"));
        pattern.is_ok_and(|pattern| pattern.is_match(metric))
    })
}

fn counted(mut result: Value, taken: &Measured, now: Timestamp) -> Value {
    let mut add = |field: &str, to: Option<i64>| {
        let count = to.unwrap_or_else(|| read::count(&result, &format!("/{field}")) + 1);
        if count == 0 {
            read::unset(&mut result, &format!("/{field}"));
        } else {
            read::set(&mut result, &format!("/{field}"), count);
        }
    };
    match taken.phase {
        "Successful" => {
            add("successful", None);
            add("count", None);
            add("consecutiveError", Some(0));
            add("consecutiveSuccess", None);
        }
        "Error" => {
            add("error", None);
            add("consecutiveError", None);
            add("consecutiveSuccess", Some(0));
        }
        other => {
            add(if other == "Failed" { "failed" } else { "inconclusive" }, None);
            add("count", None);
            add("consecutiveError", Some(0));
            add("consecutiveSuccess", Some(0));
        }
    }
    let mut measurement = json!({
        "finishedAt": written(now),
        "phase": taken.phase,
        "startedAt": written(now),
    });
    for (field, text) in [("value", &taken.value), ("message", &taken.message)] {
        if !text.is_empty() {
            measurement[field] = text.as_str().into();
        }
    }
    let mut all = read::list(&result, "/measurements").to_vec();
    all.push(measurement);
    read::set(&mut result, "/measurements", all);
    result
}

/// Judges metrics and the run.
fn conclude(bench: &mut Bench<'_>, run: &mut Value, metrics: &[Value]) {
    let now = bench.now();
    if read::time(run, "/status/startedAt").is_none() {
        read::set(run, "/status/startedAt", written(now));
    }
    let ending = is_ending(run);
    let said = if read::is(run, "/spec/terminate") { "Run Terminated" } else { "" };
    let mut worst: Option<(&'static str, String)> = None;
    let mut all_over = true;
    let mut summaries = [Summary::default(), Summary::default()];
    for metric in metrics {
        let name = read::text(metric, "/name").to_owned();
        let is_dry = is_dry(run, &name);
        let summary = &mut summaries[usize::from(is_dry)];
        summary.count += 1;
        let Some(known) = result(run, &name).cloned() else {
            all_over = false;
            continue;
        };
        let course = if ending { Course::Ending } else { Course::Open };
        let phase = assess(metric, &known, course);
        let known = turn(bench, run, known, phase);
        if !is_over(phase) {
            all_over = false;
            continue;
        }
        let (judged, why) = measured(metric, &known);
        summary.add(judged.unwrap_or("Successful"));
        if is_dry {
            worst = worst.or_else(|| Some(("Successful", said.to_owned())));
        } else if worst.as_ref().is_none_or(|(worst, _)| is_worse(worst, phase)) {
            let message = why.map_or_else(
                || worst.as_ref().map_or_else(|| said.to_owned(), |(_, message)| message.clone()),
                |why| describe(&name, phase, &why, read::text(&known, "/message")),
            );
            worst = Some((phase, message));
        }
    }
    let [run_summary, dry_summary] = summaries.map(Summary::written);
    read::set(run, "/status/runSummary", run_summary);
    read::set(run, "/status/dryRunSummary", dry_summary);
    let (phase, message) = match worst {
        None if ending => ("Successful", said.to_owned()),
        Some(worst) if ending || all_over => worst,
        Some(_) | None => ("Running", String::new()),
    };
    end(bench, run, (phase, &message), now);
}

/// A metric's phase turned.
fn turn(bench: &mut Bench<'_>, run: &mut Value, mut result: Value, phase: &'static str) -> Value {
    if read::text(&result, "/phase") == phase {
        return result;
    }
    if is_over(phase) {
        let name = read::text(&result, "/name");
        let message = format!("Metric '{name}' Completed. Result: {phase}");
        let reason = format!("Metric{phase}");
        say(bench, run, note(phase, reason, message));
    }
    let message = last(&result).map(|it| read::text(it, "/message").to_owned()).unwrap_or_default();
    if !message.is_empty() {
        result["message"] = message.into();
    }
    result["phase"] = phase.into();
    set_result(run, result.clone());
    result
}

fn note(phase: &str, reason: String, message: String) -> Note {
    match phase {
        "Failed" | "Error" => Note::warning(reason, message),
        _ => Note::normal(reason, message),
    }
}

fn end(bench: &mut Bench<'_>, run: &mut Value, (phase, message): (&str, &str), now: Timestamp) {
    if read::text(run, "/status/phase") == phase {
        return;
    }
    read::set(run, "/status/phase", phase);
    if message.is_empty() {
        read::unset(run, "/status/message");
    } else {
        read::set(run, "/status/message", message);
    }
    if is_over(phase) {
        tell_end(bench, run, phase);
        read::set(run, "/status/completedAt", written(now));
    }
}

fn tell_end(bench: &mut Bench<'_>, run: &Value, phase: &str) {
    let message = format!("Analysis Completed. Result: {phase}");
    say(bench, run, note(phase, format!("AnalysisRun{phase}"), message));
}

/// Keeps the last measurements only.
fn trim(run: &mut Value) {
    let limits: Vec<(String, usize)> = read::list(run, "/spec/measurementRetention")
        .iter()
        .map(|rule| {
            let limit = usize::try_from(read::count(rule, "/limit")).unwrap_or(0);
            (read::text(rule, "/metricName").to_owned(), limit)
        })
        .collect();
    let mut results = read::list(run, "/status/metricResults").to_vec();
    for result in &mut results {
        let name = read::text(result, "/name");
        let own = limits.iter().find(|(rule, limit)| rule == name && *limit > 0);
        let limit = own.map_or(KEPT, |(_, limit)| *limit);
        let all = read::list(result, "/measurements");
        if all.len() > limit {
            let kept = all[all.len() - limit..].to_vec();
            read::set(result, "/measurements", kept);
        }
    }
    if !results.is_empty() {
        read::set(run, "/status/metricResults", results);
    }
}

fn next_look(now: Timestamp, run: &Value, metrics: &[Value]) -> Option<Timestamp> {
    if is_over(read::text(run, "/status/phase")) || is_ending(run) {
        return None;
    }
    metrics.iter().filter_map(|metric| due(now, run, metric)).min()
}

/// How many metrics ended how.
#[derive(Clone, Copy, Debug, Default)]
struct Summary {
    count: i64,
    successful: i64,
    failed: i64,
    inconclusive: i64,
    error: i64,
}

impl Summary {
    fn add(&mut self, phase: &str) {
        match phase {
            "Failed" => self.failed += 1,
            "Inconclusive" => self.inconclusive += 1,
            "Error" => self.error += 1,
            _ => self.successful += 1,
        }
    }

    fn written(self) -> Value {
        let mut summary = json!({});
        for (field, count) in [
            ("count", self.count),
            ("successful", self.successful),
            ("failed", self.failed),
            ("inconclusive", self.inconclusive),
            ("error", self.error),
        ] {
            if count > 0 {
                summary[field] = count.into();
            }
        }
        summary
    }
}
