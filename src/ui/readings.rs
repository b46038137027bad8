//! The lines of a canary's metrics: both sides, what is tolerated, the verdict, and how sure it is.

use super::answer::{LABEL, labelled};
use super::chart::sparkline;
use super::format::{self, Keep};
use super::grid::{self, Column};
use super::ink::Words;
use super::summary;
use super::theme::Role;
use super::time;
use crate::analysis::need::Group;
use crate::analysis::steps;
use crate::analysis::verdict::{Answer, MetricVerdict};
use crate::app::fleet::{Origin, Row};
use crate::app::state::State;
use crate::domain::metric::{MetricKind, MetricPair, Reading};
use crate::domain::observed::Timestamp;

/// Cells of a curve.
const SPARK: usize = 16;

/// Metric, canary, stable, times, curve, limit, verdict.
const METRICS: [Column; 8] = [
    Column::text(LABEL - 3, LABEL - 3, 9),
    Column::text(7, 9, 8),
    Column::text(16, 18, 7),
    Column::text(5, 7, 6),
    Column::text(SPARK, SPARK, 2),
    Column::text(11, 16, 3),
    Column::text(6, 14, 5),
    Column::text(12, 80, 1),
];

/// One line per metric, or why there is none.
pub(super) fn lines(state: &State, row: &Row, cells: usize) -> Vec<Words> {
    if steps::canary(&row.workload).is_none() {
        return Vec::new();
    }
    let Some(comparison) = &row.metrics.comparison else {
        return no_metrics(state, row)
            .map(|words| labelled("metrics", words))
            .into_iter()
            .collect();
    };
    let pairs = comparison.value.pairs.iter();
    let rows = pairs.map(|pair| metric(state, row, pair)).collect();
    let mut lines: Vec<Words> = grid::table(&METRICS, rows, cells.saturating_sub(1))
        .into_iter()
        .map(|line| Words::of(Role::Text, " ").then(line))
        .collect();
    for warning in comparison.value.warnings.iter().take(1) {
        let words = Words::of(Role::Warning, format!("▲ {}: {warning}", comparison.value.source));
        lines.push(labelled("", words).cut(cells, Keep::Start));
    }
    let trouble = evidence_trouble(row, state.now());
    lines.extend(trouble.map(|words| labelled("", words).cut(cells, Keep::Start)));
    lines
}

/// Why there are no metrics, and what helps.
fn no_metrics(state: &State, row: &Row) -> Option<Words> {
    if let Some((_, trouble)) = &row.metrics.trouble {
        return Some(
            Words::of(Role::Warning, format!("▲ {trouble}"))
                .and(Role::Muted, format!(" · {}", trouble.remedy())),
        );
    }
    if let Some(why) = &row.metrics.unread {
        return Some(Words::of(Role::Warning, format!("▲ the pods do not tell: {why}")));
    }
    let is_measured = state.session().measured.contains(&row.workload.target.cluster);
    if is_measured {
        return Some(Words::of(Role::Unknown, "○ asking …"));
    }
    (row.group != Group::Steady).then(|| {
        Words::of(Role::Muted, "no Prometheus for this cluster · --prometheus CONTEXT=URL adds one")
    })
}

fn metric(state: &State, row: &Row, pair: &MetricPair) -> Vec<Words> {
    let verdict = row.metrics.verdict.as_ref();
    let judged = verdict.and_then(|all| all.metrics.iter().find(|one| one.kind == pair.kind));
    let tested = judged.and_then(|judged| judged.test.as_deref());
    let limit = match tested {
        Some(tested) => Some(format!("limit ×{}", format::number(tested.limit))),
        None => format::limit_words(pair.kind, state.fleet().limits()),
    };
    let answer = judged.and_then(|judged| judged.answer);
    let value = |reading: &Reading, role| match reading {
        Ok(_) => Words::of(role, format::reading(pair.kind, reading)),
        Err(_) => Words::of(Role::Unknown, format::reading(pair.kind, reading)),
    };
    vec![
        Words::of(Role::Heading, format::metric_name(pair.kind)),
        value(&pair.canary, Role::Canary),
        Words::of(Role::Muted, "against ").then(value(&pair.stable, Role::Stable)),
        times(judged),
        spark(state, row, pair.kind),
        Words::of(Role::Muted, limit.unwrap_or_default()),
        answer.map_or_else(Words::new, |answer| summary::judged(row, answer, state.now())),
        note(state, row, judged),
    ]
}

/// How many times stable's value the canary's is; a rate has no such verdict.
fn times(judged: Option<&MetricVerdict>) -> Words {
    let Some(judged) = judged.filter(|judged| judged.answer.is_some()) else { return Words::new() };
    judged.times.map_or_else(Words::new, |times| {
        Words::of(Role::Text, format!("×{}", format::number(times.get())))
    })
}

/// Beside the verdict: since when it fails, why it cannot tell, how old the evidence is.
fn note(state: &State, row: &Row, judged: Option<&MetricVerdict>) -> Words {
    let Some(judged) = judged else { return evidence_age(state, row) };
    match (judged.answer, &row.metrics.failing) {
        (Some(Answer::Fail), Some((since, _))) => {
            Words::of(Role::Muted, format!("since {}", format::clock(*since)))
        }
        (Some(Answer::Inconclusive), _) => Words::of(Role::Muted, judged.why.as_str()),
        (Some(Answer::Fail | Answer::Pass), _) => bounds(judged),
        (None, _) => evidence_age(state, row),
    }
}

/// Between what the canary's ratio to stable's lies, where a test says so.
fn bounds(judged: &MetricVerdict) -> Words {
    let Some(tested) = &judged.test else { return Words::new() };
    let bound = |bound: Option<f64>| bound.map_or("?".to_owned(), format::number);
    let interval = &tested.estimates.interval;
    let words = format!("×{} to ×{}", bound(interval.low), bound(interval.high));
    Words::of(Role::Muted, words)
}

/// How old the evidence is, once it is old.
fn evidence_age(state: &State, row: &Row) -> Words {
    summary::evidence_age(row, state.now())
        .map_or_else(Words::new, |old| Words::of(Role::Stale, format!("◌ evidence {old} old")))
}

fn spark(state: &State, row: &Row, kind: MetricKind) -> Words {
    let charts = row.metrics.charts.as_ref();
    let chart = charts.and_then(|seen| seen.value.charts.iter().find(|chart| chart.kind == kind));
    match chart.map(|chart| &chart.canary) {
        Some(Ok(series)) => sparkline(&time::swept(series, state.now(), SPARK), None, Role::Canary),
        Some(Err(_)) | None => Words::new(),
    }
}

/// Why there is no newer evidence, once it is old; or why the pods themselves are counted.
#[must_use]
pub fn evidence_trouble(row: &Row, now: Timestamp) -> Option<Words> {
    let (_, trouble) = row.metrics.trouble.as_ref()?;
    let words = match (row.metrics.origin, summary::evidence_age(row, now)) {
        (_, Some(_)) => match &row.metrics.unread {
            Some(why) => format!("▲ {trouble}; nor do the pods tell: {why}"),
            None => format!("▲ {trouble}"),
        },
        (Some(Origin::Pods), None) => format!("▲ {trouble} · counted straight from the pods"),
        (Some(Origin::Prometheus) | None, None) => return None,
    };
    Some(Words::of(Role::Warning, words))
}
