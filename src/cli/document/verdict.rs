//! Canary against stable in `RolloutStatus`: the answer, since when, and the numbers behind it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::analysis::verdict::MetricVerdict;
use crate::app::fleet::Row;
use crate::domain::metric::{MetricKind, Reading};
use crate::domain::observed::Timestamp;

/// Whether the canary is worse than stable.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// `pass`, `fail` or `inconclusive`: the worst of the metrics.
    pub answer: String,
    /// Since when the judge has said so; null where only limits were compared, or before the first window.
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// Why.
    pub why: String,
    /// One entry per metric that has an answer.
    pub metrics: Vec<Metric>,
}

/// The answer for one metric.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Metric {
    /// `error_ratio` or `latency_p99`.
    pub name: String,
    /// `pass`, `fail` or `inconclusive`.
    pub answer: String,
    /// Why.
    pub why: String,
    /// `test`: a sequential test over raw counters, valid however often one looks; `limit`: a comparison with limits.
    pub by: String,
    /// The canary's value: by `test` its share of bad (or slow) requests so far, by `limit` the metric's own.
    pub canary: Option<f64>,
    /// Stable's.
    pub stable: Option<f64>,
    /// Canary divided by stable.
    pub ratio: Option<f64>,
    /// That ratio is at least this, with 95 % at every moment at once; null: not bounded yet, or no test.
    pub low: Option<f64>,
    /// And at most this.
    pub high: Option<f64>,
    /// The ratio above which it fails; null where the limit is another one.
    pub limit: Option<f64>,
    /// The canary's requests that were counted; null without a test.
    pub samples: Option<f64>,
    /// Age of the newest evidence; null where there is none.
    pub age_seconds: Option<u64>,
}

impl Verdict {
    /// The verdict of a row; `None`: nothing was measured.
    #[must_use]
    pub fn of(row: &Row, now: Timestamp) -> Option<Self> {
        let verdict = row.metrics.verdict.as_ref()?;
        let judged = row.metrics.evidence.verdict(now);
        let metrics: Vec<Metric> =
            verdict.metrics.iter().filter_map(|one| metric(row, one, now)).collect();
        let worst = metrics.iter().find(|metric| metric.answer == verdict.answer.name());
        let why = worst.map(|metric| metric.why.clone());
        let why = why.or_else(|| judged.as_ref().map(|judged| judged.why.to_string()));
        Some(Self {
            answer: verdict.answer.name().to_owned(),
            since: judged.filter(|judged| judged.answer == verdict.answer).and_then(|it| it.since),
            why: why.unwrap_or_else(|| "no metric has an answer".to_owned()),
            metrics,
        })
    }
}

fn metric(row: &Row, one: &MetricVerdict, now: Timestamp) -> Option<Metric> {
    let answer = one.answer?.name().to_owned();
    let (name, why) = (one.kind.name().to_owned(), one.why.to_string());
    let ratio = one.times.map(crate::domain::metric::Finite::get);
    let Some(test) = &one.test else {
        let (canary, stable) = compared(row, one.kind);
        let age = row.metrics.comparison.as_ref().map(|seen| seen.age(now).as_secs());
        return Some(Metric {
            name,
            answer,
            why,
            by: "limit".to_owned(),
            canary,
            stable,
            ratio,
            low: None,
            high: None,
            limit: None,
            samples: None,
            age_seconds: age,
        });
    };
    let seen = &test.estimates;
    Some(Metric {
        name,
        answer,
        why,
        by: "test".to_owned(),
        canary: seen.canary,
        stable: seen.stable,
        ratio: seen.ratio.filter(|ratio| ratio.is_finite()),
        low: seen.interval.low,
        high: seen.interval.high,
        limit: Some(test.limit),
        samples: Some(seen.samples),
        age_seconds: test.age.map(|age| age.as_secs()),
    })
}

fn compared(row: &Row, kind: MetricKind) -> (Option<f64>, Option<f64>) {
    let comparison = row.metrics.comparison.as_ref();
    let pair = comparison.and_then(|seen| seen.value.pairs.iter().find(|pair| pair.kind == kind));
    let value = |reading: &Reading| reading.as_ref().ok().map(|value| value.get());
    pair.map_or((None, None), |pair| (value(&pair.canary), value(&pair.stable)))
}
