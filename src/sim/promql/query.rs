//! The two ways to ask: at one moment, and at regular steps.

use promql_parser::parser::{self, Expr};

use super::eval::{Collector, Evaluator};
use super::labels::Labels;
use super::range::Span;
use super::samples::{Matcher, Samples, Series};
use super::value::{QueryError, Sample, Type, Value};
use super::{check, clause};

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
    clause::duration_ms(text).flatten()
}
