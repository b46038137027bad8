//! The functions of Prometheus 2.42: their types for the checker, their bodies for the evaluator.

use promql_parser::parser::{Call, Expr};

use super::eval::{Evaluator, Windows, unique};
use super::labels::Labels;
use super::range::{self, OverTime};
use super::special;
use super::value::{QueryError, Sample, Type, Value};

/// One function.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// Types of the arguments; the last one repeats where there may be more.
    pub(super) args: &'static [Type],
    pub(super) arity: Arity,
    pub(super) returns: Type,
    body: Body,
}

/// How many arguments a function takes, measured against its list of types.
#[derive(Clone, Copy)]
pub(super) enum Arity {
    Exact,
    /// The last one may be left out.
    LastOptional,
    /// The last one may be left out, or repeated without end.
    LastRepeats,
}

enum Body {
    /// Maps each value of a vector.
    Each(fn(f64) -> f64),
    /// Maps the samples of each series.
    OverTime(OverTime),
    /// Anything else: the evaluator, the arguments, the time.
    Special(fn(&Evaluator, Args<'_>, i64) -> Result<Value, QueryError>),
    /// Known to Prometheus and to the checker, but not to this evaluator.
    Missing,
}

/// The arguments of a call.
#[derive(Clone, Copy)]
pub(super) struct Args<'a>(&'a [Box<Expr>]);

impl<'a> Args<'a> {
    /// An argument, or the error that it is missing.
    pub(super) fn at(self, place: usize) -> Result<&'a Expr, QueryError> {
        self.get(place).ok_or_else(|| QueryError::execution("an argument is missing"))
    }

    /// An argument that may be missing.
    pub(super) fn get(self, place: usize) -> Option<&'a Expr> {
        self.0.get(place).map(|arg| &**arg)
    }

    /// All arguments from a place on.
    pub(super) fn from(self, place: usize) -> impl Iterator<Item = &'a Expr> {
        self.0.iter().skip(place).map(|arg| &**arg)
    }
}

/// The function of this name, if Prometheus 2.42 has it.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// The value of a call.
pub(super) fn eval(evaluator: &Evaluator, call: &Call, at: i64) -> Result<Value, QueryError> {
    let args = Args(&call.args.args);
    match find(call.func.name).map(|function| &function.body) {
        Some(Body::Each(each)) => {
            let vector = evaluator.vector(args.at(0)?, at)?;
            each_value(vector, each)
        }
        Some(Body::OverTime(function)) => {
            let windows = evaluator.windows(args.at(0)?, at)?;
            let span = windows.span;
            over_time(windows, |points| function(points, span))
        }
        Some(Body::Special(special)) => special(evaluator, args, at),
        Some(Body::Missing) | None => Err(QueryError::execution(format!(
            "{}() is not part of this simulated Prometheus",
            call.func.name
        ))),
    }
}

/// Maps the values of a vector; the metric's name is dropped.
pub(super) fn each_value(
    vector: Vec<Sample>,
    map: impl Fn(f64) -> f64,
) -> Result<Value, QueryError> {
    let mapped = |it: Sample| Sample { labels: it.labels.without_name(), value: map(it.value) };
    unique(vector.into_iter().map(mapped).collect()).map(Value::Vector)
}

/// Maps each series to one value; the metric's name is dropped.
pub(super) fn over_time(
    windows: Windows<'_>,
    map: impl Fn(&[(i64, f64)]) -> Option<f64>,
) -> Result<Value, QueryError> {
    over_time_named(windows, Labels::without_name, map)
}

/// Maps each series to one value, with labels made from the series' own.
pub(super) fn over_time_named(
    windows: Windows<'_>,
    labels: impl Fn(&Labels) -> Labels,
    map: impl Fn(&[(i64, f64)]) -> Option<f64>,
) -> Result<Value, QueryError> {
    let mapped = windows.series.into_iter().filter_map(|window| {
        map(&window.points).map(|value| Sample { labels: labels(&window.labels), value })
    });
    unique(mapped.collect()).map(Value::Vector)
}

const fn each(name: &'static str, body: fn(f64) -> f64) -> Function {
    let args = &[Type::Vector];
    Function { name, args, arity: Arity::Exact, returns: Type::Vector, body: Body::Each(body) }
}

const fn range(name: &'static str, body: OverTime) -> Function {
    let args = &[Type::Matrix];
    Function { name, args, arity: Arity::Exact, returns: Type::Vector, body: Body::OverTime(body) }
}

const fn special(
    name: &'static str,
    args: &'static [Type],
    body: fn(&Evaluator, Args<'_>, i64) -> Result<Value, QueryError>,
) -> Function {
    Function { name, args, arity: Arity::Exact, returns: Type::Vector, body: Body::Special(body) }
}

const fn missing(name: &'static str, args: &'static [Type]) -> Function {
    Function { name, args, arity: Arity::Exact, returns: Type::Vector, body: Body::Missing }
}

/// A function of the calendar: of a vector, or of the time of evaluation.
const fn calendar(name: &'static str) -> Function {
    Function { arity: Arity::LastOptional, ..missing(name, &[Type::Vector]) }
}

const fn returning(returns: Type, function: Function) -> Function {
    Function { returns, ..function }
}

const fn taking(arity: Arity, function: Function) -> Function {
    Function { arity, ..function }
}

const SCALAR: Type = Type::Scalar;
const TEXT: Type = Type::Text;
const VECTOR: Type = Type::Vector;
const MATRIX: Type = Type::Matrix;

static FUNCTIONS: &[Function] = &[
    each("abs", f64::abs),
    special("absent", &[VECTOR], special::absent),
    special("absent_over_time", &[MATRIX], special::absent_over_time),
    each("acos", f64::acos),
    each("acosh", f64::acosh),
    each("asin", f64::asin),
    each("asinh", f64::asinh),
    each("atan", f64::atan),
    each("atanh", f64::atanh),
    range("avg_over_time", range::avg),
    each("ceil", f64::ceil),
    range("changes", range::changes),
    special("clamp", &[VECTOR, SCALAR, SCALAR], special::clamp),
    special("clamp_max", &[VECTOR, SCALAR], special::clamp_max),
    special("clamp_min", &[VECTOR, SCALAR], special::clamp_min),
    each("cos", f64::cos),
    each("cosh", f64::cosh),
    range("count_over_time", range::count),
    calendar("days_in_month"),
    calendar("day_of_month"),
    calendar("day_of_week"),
    calendar("day_of_year"),
    each("deg", f64::to_degrees),
    range("delta", range::delta),
    range("deriv", range::deriv),
    each("exp", f64::exp),
    each("floor", f64::floor),
    missing("histogram_count", &[VECTOR]),
    missing("histogram_fraction", &[SCALAR, SCALAR, VECTOR]),
    special("histogram_quantile", &[SCALAR, VECTOR], special::histogram_quantile),
    missing("histogram_sum", &[VECTOR]),
    missing("holt_winters", &[MATRIX, SCALAR, SCALAR]),
    calendar("hour"),
    range("idelta", range::idelta),
    range("increase", range::increase),
    range("irate", range::irate),
    taking(
        Arity::LastRepeats,
        special("label_join", &[VECTOR, TEXT, TEXT, TEXT], special::label_join),
    ),
    special("label_replace", &[VECTOR, TEXT, TEXT, TEXT, TEXT], special::label_replace),
    special("last_over_time", &[MATRIX], special::last_over_time),
    each("ln", f64::ln),
    each("log10", f64::log10),
    each("log2", f64::log2),
    range("max_over_time", range::max),
    range("min_over_time", range::min),
    calendar("minute"),
    calendar("month"),
    returning(SCALAR, special("pi", &[], special::pi)),
    special("predict_linear", &[MATRIX, SCALAR], special::predict_linear),
    range("present_over_time", range::present),
    special("quantile_over_time", &[SCALAR, MATRIX], special::quantile_over_time),
    each("rad", f64::to_radians),
    range("rate", range::rate),
    range("resets", range::resets),
    taking(Arity::LastOptional, special("round", &[VECTOR, SCALAR], special::round)),
    returning(SCALAR, special("scalar", &[VECTOR], special::scalar)),
    each("sgn", |value| if value == 0.0 || value.is_nan() { value } else { value.signum() }),
    each("sin", f64::sin),
    each("sinh", f64::sinh),
    special("sort", &[VECTOR], special::sort),
    special("sort_desc", &[VECTOR], special::sort_desc),
    each("sqrt", f64::sqrt),
    range("stddev_over_time", range::stddev),
    range("stdvar_over_time", range::stdvar),
    range("sum_over_time", range::sum),
    each("tan", f64::tan),
    each("tanh", f64::tanh),
    returning(SCALAR, special("time", &[], special::time)),
    special("timestamp", &[VECTOR], special::timestamp),
    special("vector", &[SCALAR], special::vector),
    calendar("year"),
];
