//! The two ways to ask: at one moment, and at regular steps.

use promql_parser::parser::{self, Expr};

use super::eval::{Collector, Evaluator};
use super::labels::Labels;
use super::range::Span;
use super::samples::{Samples, Series};
use super::value::{QueryError, Sample, Value};

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
pub struct Query(Expr);

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// [`QueryError::Parse`], worded as Prometheus words it.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        parser::parse(text).map(Self).map_err(QueryError::Parse)
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
        Evaluator::prepare(samples, &self.0, Span { from: at_ms, to: at_ms })?.eval(&self.0, at_ms)
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
        let bounds = Span { from: steps.start_ms, to: steps.end_ms };
        let evaluator = Evaluator::prepare(samples, &self.0, bounds)?;
        let mut collector = Collector::default();
        let mut at = steps.start_ms;
        while at <= steps.end_ms {
            let vector = match evaluator.eval(&self.0, at)? {
                Value::Vector(vector) => vector,
                Value::Scalar(value) => vec![Sample { labels: Labels::default(), value }],
                Value::Text(_) => return Err(no_range("string")),
                Value::Matrix(_) => return Err(no_range("range vector")),
            };
            collector.add(at, vector)?;
            at = at.saturating_add(steps.step_ms.max(1));
        }
        Ok(collector.finish())
    }
}

fn no_range(found: &str) -> QueryError {
    QueryError::Parse(format!(
        "invalid expression type \"{found}\" for range query, must be Scalar or instant Vector"
    ))
}
