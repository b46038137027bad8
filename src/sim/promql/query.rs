//! The two ways to ask: at one moment, and at regular steps.

use promql_parser::parser::{self, Expr};

use super::eval::{Collector, Evaluator};
use super::labels::Labels;
use super::range::Span;
use super::samples::{Matcher, Samples, Series};
use super::value::{QueryError, Sample, Type, Value};
use super::{check, duration};

/// The moments of a range query, in Unix milliseconds; the end is included if a step meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// The first moment.
    pub start_ms: i64,
    /// No moment is later.
    pub end_ms: i64,
    /// The distance of two moments; at least 1.
    pub step_ms: i64,
}

/// A query that was understood.
#[derive(Debug)]
pub struct Query {
    expr: Expr,
    ty: Type,
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// [`QueryError::Parse`], worded as Prometheus words it.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let ty = check::query(text).map_err(QueryError::Parse)?;
        // What the checker takes and the parser does not is the parser's gap, not a mistake.
        let expr = parser::parse(text).map_err(QueryError::Execution)?;
        Ok(Self { expr, ty })
    }

    /// The value at one moment, in Unix milliseconds.
    ///
    /// # Errors
    /// [`QueryError::Execution`] where Prometheus, or this part of it, has no value.
    pub fn instant(
        &self,
        samples: &(impl Samples + ?Sized),
        at_ms: i64,
    ) -> Result<Value, QueryError> {
        let bounds = Span { from: at_ms, to: at_ms };
        Evaluator::prepare(samples, &self.expr, bounds)?.eval(&self.expr, at_ms)
    }

    /// The values at regular steps, per series, by labels.
    ///
    /// # Errors
    /// [`QueryError::Parse`] for a string or a range vector, which have no value at a step;
    /// [`QueryError::Execution`] as for [`Query::instant`].
    pub fn range(
        &self,
        samples: &(impl Samples + ?Sized),
        steps: Steps,
    ) -> Result<Vec<Series>, QueryError> {
        if !matches!(self.ty, Type::Scalar | Type::Vector) {
            return Err(QueryError::Parse(format!(
                "invalid expression type \"{}\" for range query, must be Scalar or instant Vector",
                self.ty.word()
            )));
        }
        let bounds = Span { from: steps.start_ms, to: steps.end_ms };
        let evaluator = Evaluator::prepare(samples, &self.expr, bounds)?;
        let mut collector = Collector::default();
        let mut at = steps.start_ms;
        while at <= steps.end_ms {
            let vector = match evaluator.eval(&self.expr, at)? {
                Value::Vector(vector) => vector,
                Value::Scalar(value) => vec![Sample { labels: Labels::default(), value }],
                Value::Text(_) | Value::Matrix(_) => Vec::new(),
            };
            collector.add(at, vector)?;
            // At the end of time there is no next step.
            let Some(next) = at.checked_add(steps.step_ms.max(1)) else { break };
            at = next;
        }
        Ok(collector.finish())
    }
}

/// The matchers of a selector of series. They may accept everything.
///
/// # Errors
/// [`QueryError::Parse`], worded as Prometheus words it.
pub fn selector(text: &str) -> Result<Vec<Matcher>, QueryError> {
    check::selector(text).map_err(QueryError::Parse)
}

/// A duration such as `1h30m` in milliseconds.
#[must_use]
pub fn duration_ms(text: &str) -> Option<i64> {
    duration::millis(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::promql::samples::STALE;

    const MINUTE: i64 = 60_000;

    /// A series of one sample per minute.
    fn series(name: &str, values: &[f64]) -> Series {
        let labels = [("__name__", name), ("pod", "a")].into_iter().collect();
        Series { labels, points: (0..).zip(values).map(|(at, it)| (at * MINUTE, *it)).collect() }
    }

    fn values(store: &[Series], query: &str, at_ms: i64) -> Vec<f64> {
        match Query::parse(query).and_then(|query| query.instant(store, at_ms)).expect("a value") {
            Value::Scalar(value) => vec![value],
            Value::Vector(vector) => vector.into_iter().map(|it| it.value).collect(),
            Value::Matrix(series) => {
                series.into_iter().flat_map(|it| it.points).map(|(_, value)| value).collect()
            }
            Value::Text(_) => Vec::new(),
        }
    }

    #[test]
    fn a_selector_sees_the_newest_sample_of_the_last_five_minutes() {
        let store = [series("up", &[1.0, 2.0])];
        for (at, expected) in [
            (-1, &[][..]),
            (0, &[1.0]),
            (MINUTE - 1, &[1.0]),
            (MINUTE, &[2.0]),
            (6 * MINUTE, &[2.0]),
            (6 * MINUTE + 1, &[]),
        ] {
            assert_eq!(values(&store, "up", at), expected, "{at}");
        }
        assert_eq!(values(&store, "up offset 1m", MINUTE), [1.0]);
        assert_eq!(values(&store, "up offset -1m", 0), [2.0]);
        assert_eq!(values(&store, "up @ 60", 0), [2.0]);
    }

    #[test]
    fn a_series_that_ended_is_gone_at_once_and_may_come_back() {
        let store = [series("up", &[1.0, STALE, 3.0])];
        assert_eq!(values(&store, "up", MINUTE - 1), [1.0]);
        assert_eq!(values(&store, "up", MINUTE), [0.0; 0]);
        assert_eq!(values(&store, "up", 2 * MINUTE), [3.0]);
        assert_eq!(values(&store, "up[5m]", 2 * MINUTE), [1.0, 3.0]);
        assert_eq!(values(&store, "absent(up)", MINUTE), [1.0]);
    }

    #[test]
    fn a_range_holds_both_its_borders() {
        let store = [series("up", &[1.0, 2.0, 3.0])];
        assert_eq!(values(&store, "up[1m]", 2 * MINUTE), [2.0, 3.0]);
        assert_eq!(values(&store, "count_over_time(up[2m])", 2 * MINUTE), [3.0]);
        assert_eq!(values(&store, "count_over_time(up[119s])", 2 * MINUTE), [2.0]);
    }

    #[test]
    fn a_range_query_keeps_the_gaps() {
        let store = [series("up", &[1.0, STALE, 3.0])];
        let steps = Steps { start_ms: 0, end_ms: 2 * MINUTE, step_ms: MINUTE / 2 };
        let query = Query::parse("up").expect("a query");
        let found = query.range(&store[..], steps).expect("a value");
        assert_eq!(found[0].points, [(0, 1.0), (MINUTE / 2, 1.0), (2 * MINUTE, 3.0)]);
    }

    #[test]
    fn nothing_divided_by_nothing_is_nothing_and_only_or_makes_it_zero() {
        let store = [series("requests", &[0.0, 0.0])];
        let ratio = "rate(errors[1m]) / rate(requests[1m])";
        assert_eq!(values(&store, ratio, MINUTE), [0.0; 0]);
        assert_eq!(values(&store, &format!("{ratio} or vector(0)"), MINUTE), [0.0]);
        let idle = "rate(requests[1m]) / rate(requests[1m])";
        assert!(values(&store, idle, MINUTE)[0].is_nan());
    }

    #[test]
    fn what_prometheus_has_and_this_has_not_cannot_be_executed() {
        for query in ["hour()", "holt_winters(up[5m], 0.5, 0.5)", "histogram_sum(up)"] {
            let error = Query::parse(query).and_then(|it| it.instant(&[][..], 0)).expect_err(query);
            assert!(matches!(error, QueryError::Execution(_)), "{error:?}");
        }
    }
}
