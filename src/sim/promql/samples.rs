//! Where the evaluator gets its samples from: the one seam between PromQL and the world.

pub use promql_parser::label::{MatchOp, Matcher};

use super::labels::Labels;

/// Prometheus' stale marker. A source puts it one scrape after the last sample of a series that
/// ended: an instant selector then stops finding the series at once instead of five minutes later.
pub const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// Whether a value is the stale marker (an ordinary NaN is not).
#[must_use]
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE.to_bits()
}

/// One time series: its labels (with `__name__`) and its samples, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The labels, the metric's name among them.
    pub labels: Labels,
    /// Samples as (Unix time in milliseconds, value), in rising order of time.
    pub points: Vec<(i64, f64)>,
}

/// A store of samples.
pub trait Samples {
    /// The series that all matchers accept, with their points in `from_ms < time <= to_ms`.
    /// Series without a point in there may be left out. No matchers means every series.
    fn select(&self, matchers: &[Matcher], from_ms: i64, to_ms: i64) -> Vec<Series>;
}

/// A table is a store: tests and recordings use one.
impl Samples for [Series] {
    fn select(&self, matchers: &[Matcher], from_ms: i64, to_ms: i64) -> Vec<Series> {
        self.iter()
            .filter(|series| matches(matchers, &series.labels))
            .filter_map(|series| {
                let from = series.points.partition_point(|(at, _)| *at <= from_ms);
                let to = series.points.partition_point(|(at, _)| *at <= to_ms);
                (from < to).then(|| Series {
                    labels: series.labels.clone(),
                    points: series.points[from..to].to_vec(),
                })
            })
            .collect()
    }
}

/// Whether every matcher accepts these labels. A label that is absent is the empty string.
#[must_use]
pub fn matches(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| {
        let value = labels.get(&matcher.name).unwrap_or_default();
        match &matcher.op {
            MatchOp::Equal => matcher.value == value,
            MatchOp::NotEqual => matcher.value != value,
            MatchOp::Re(pattern) => pattern.is_match(value),
            MatchOp::NotRe(pattern) => !pattern.is_match(value),
        }
    })
}
