//! What a query gives: a value of one of PromQL's four types, or an error of one of two kinds.

use thiserror::Error;

use super::labels::Labels;
use super::samples::Series;

/// A point of a series: Unix time in milliseconds and value.
pub(super) type Point = (i64, f64);

/// One element of an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The labels; functions and arithmetic drop the metric's name.
    pub labels: Labels,
    /// The value at the time of evaluation. May be NaN or infinite.
    pub value: f64,
}

/// The result of an expression at one moment.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number without labels.
    Scalar(f64),
    /// A string literal.
    Text(String),
    /// At most one sample per series.
    Vector(Vec<Sample>),
    /// The samples of a span of time per series.
    Matrix(Vec<Series>),
}

/// Why a query has no result.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QueryError {
    /// The text is no PromQL (`line:column: parse error: …`). Answered with 400 `bad_data`.
    #[error("{0}")]
    Parse(String),
    /// The expression cannot be evaluated. Answered with 422 `execution`.
    #[error("{0}")]
    Execution(String),
}

impl QueryError {
    pub(super) fn execution(text: impl Into<String>) -> Self {
        Self::Execution(text.into())
    }
}

/// The types of PromQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Scalar,
    Text,
    Vector,
    Matrix,
}

impl Type {
    /// The word Prometheus' documents use.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Text => "string",
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
        }
    }
}
