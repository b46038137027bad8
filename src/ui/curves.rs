//! The curves of canary against stable with the limit drawn in, from the beginning of the update until now.

use crate::app::fleet::Row;
use crate::app::state::State;
use crate::domain::metric::{Chart as Curves, MetricKind, NoData};
use crate::domain::observed::Timestamp;

use super::chart::{Chart, SCALE};
use super::format::{self, Keep};
use super::ink::Words;
use super::ladder;
use super::readings;
use super::summary;
use super::theme::Role;
use super::time::Window;
use crate::analysis::verdict::Limits;
use crate::domain::metric::Finite;

/// Rows of one chart with its title.
const CHART_ROWS: std::ops::RangeInclusive<usize> = 5..=9;

/// Charts of errors and latency, one below the other, and the legend. Empty while there are no curves.
#[must_use]
pub fn lines(state: &State, row: &Row, (cells, rows): (usize, usize)) -> Vec<Words> {
    let Some(seen) = &row.metrics.charts else { return Vec::new() };
    let legend = legend(seen.value.source.as_str());
    let head = readings::evidence_trouble(row, state.now()).unwrap_or(legend);
    let mut lines = vec![head.cut(cells, Keep::Start)];
    let kinds = [MetricKind::ErrorRatio, MetricKind::LatencyP99];
    let each = (rows.saturating_sub(1) / kinds.len()).clamp(*CHART_ROWS.start(), *CHART_ROWS.end());
    for kind in kinds {
        if let Some(curves) = seen.value.charts.iter().find(|chart| chart.kind == kind) {
            lines.push(title(state, row, kind).cut(cells, Keep::Start));
            lines.extend(chart(state, row, curves, (cells, each - 1)));
        }
    }
    for warning in seen.value.warnings.iter().take(1) {
        let words = Words::of(Role::Warning, format!("▲ {}: {warning}", seen.value.source));
        lines.push(words.cut(cells, Keep::Start));
    }
    lines
}

fn legend(source: &str) -> Words {
    Words::of(Role::Heading, "METRICS  ")
        .and(Role::Canary, "█ canary  ")
        .and(Role::Stable, "─ stable  ")
        .and(Role::Limit, "╌ limit  ")
        .and(Role::Muted, format!("from {source}"))
}

/// `errors  1.62 % against 0.10 %  ×16  limit +0.50 points  ✗ fail since 11:50Z`.
fn title(state: &State, row: &Row, kind: MetricKind) -> Words {
    let name = Words::of(Role::Heading, format::metric_name(kind));
    let pair = row.metrics.comparison.as_ref();
    let pair = pair.and_then(|seen| seen.value.pairs.iter().find(|pair| pair.kind == kind));
    let judged = row.metrics.verdict.as_ref();
    let judged = judged.and_then(|all| all.metrics.iter().find(|one| one.kind == kind));
    let Some(pair) = pair else { return name };
    let mut words = name;
    if let Some(answer) = judged.and_then(|judged| judged.answer) {
        words = words.and(Role::Text, "  ").then(summary::judged(row, answer, state.now()));
    }
    words = words
        .and(Role::Canary, format!("  {}", format::reading(kind, &pair.canary)))
        .and(Role::Muted, " against ")
        .and(Role::Stable, format::reading(kind, &pair.stable));
    if let Some(times) = judged.and_then(|judged| judged.times) {
        words.push(Role::Text, format!("  ×{}", format::number(times.get())));
    }
    if let Some(limit) = format::limit_words(kind, state.fleet().limits()) {
        words.push(Role::Muted, format!("  {limit}"));
    }
    if let Some(old) = summary::evidence_age(row, state.now()) {
        words.push(Role::Stale, format!("  ◌ {old} old"));
    }
    words
}

fn chart(state: &State, row: &Row, curves: &Curves, (cells, rows): (usize, usize)) -> Vec<Words> {
    let columns = cells.saturating_sub(SCALE + 1);
    let now = state.now();
    let Some(from) = begin(curves) else {
        let why = |side, why: &NoData| {
            Words::of(Role::Unknown, format!("   ○ {side}: {}", format::no_data(why)))
        };
        let mut lines = vec![Words::new(); rows];
        for (line, (side, curve)) in
            lines.iter_mut().zip([("canary", &curves.canary), ("stable", &curves.stable)])
        {
            if let Err(found) = curve {
                *line = why(side, found);
            }
        }
        return lines;
    };
    let window = Window::over(from, now, columns);
    let worst = |curve: &Result<_, NoData>| match curve {
        Ok(series) => window.worst(series),
        Err(_) => Vec::new(),
    };
    let (filled, line) = (worst(&curves.canary), worst(&curves.stable));
    let limit = limit(row, curves.kind, state.fleet().limits());
    let top = Chart::scale(&[&filled, &line], limit);
    let top_words =
        Finite::new(top).map(|top| format::metric(curves.kind, top)).unwrap_or_default();
    Chart { filled, line, limit, top, top_words, ticks: ticks(row, &window), cursor: None }
        .lines(rows, cells)
}

fn begin(curves: &Curves) -> Option<Timestamp> {
    let start = |curve: &Result<crate::domain::metric::Series, NoData>| {
        curve
            .as_ref()
            .ok()
            .filter(|series| series.points.iter().any(Option::is_some))
            .map(|series| series.start)
    };
    [start(&curves.canary), start(&curves.stable)].into_iter().flatten().min()
}

/// The value that the canary must not pass, as the verdict draws it from stable's present one.
fn limit(row: &Row, kind: MetricKind, limits: &Limits) -> Option<f64> {
    let pairs = &row.metrics.comparison.as_ref()?.value.pairs;
    let stable = pairs.iter().find(|pair| pair.kind == kind)?.stable.as_ref().ok()?.get();
    match kind {
        MetricKind::ErrorRatio => Some(stable + limits.error_ratio_worse_max),
        MetricKind::LatencyP99 => Some(stable * limits.latency_times_max),
        MetricKind::RequestRate => None,
    }
}

/// Where the weight changed, with the new one.
fn ticks(row: &Row, window: &Window) -> Vec<(usize, String)> {
    let Some(rollout) = row.workload.rollout() else { return Vec::new() };
    let begins = ladder::beginnings(row);
    (0u32..)
        .zip(rollout.spec.steps.iter())
        .filter_map(|(index, step)| {
            let crate::domain::rollout::Step::SetWeight(weight) = step else { return None };
            let column = window.column(*begins.get(&index)?)?;
            Some((column, format!("{weight}%")))
        })
        .collect()
}
