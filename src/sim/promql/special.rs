//! Functions that are more than a map over values.

use std::collections::HashMap;

use promql_parser::parser::{Expr, VectorSelector};
use regex::Regex;

use super::eval::{Evaluator, matchers, unique};
use super::function::{Args, each_value, over_time, over_time_named};
use super::labels::{Labels, NAME};
use super::quantile::{self, Bucket};
use super::range::{regression, seconds};
use super::samples::MatchOp;
use super::text::is_label_name;
use super::value::{QueryError, Sample, Value};

type Answer = Result<Value, QueryError>;

pub(super) fn absent(evaluator: &Evaluator, args: Args<'_>, at: i64) -> Answer {
    let arg = args.at(0)?;
    let found = evaluator.vector(arg, at)?;
    Ok(if found.is_empty() { one(arg) } else { Value::Vector(Vec::new()) })
}

pub(super) fn absent_over_time(evaluator: &Evaluator, args: Args<'_>, at: i64) -> Answer {
    let arg = args.at(0)?;
    let found = evaluator.windows(arg, at)?;
    Ok(if found.series.is_empty() { one(arg) } else { Value::Vector(Vec::new()) })
}

pub(super) fn clamp(evaluator: &Evaluator, args: Args<'_>, at: i64) -> Answer {
    let vector = evaluator.vector(args.at(0)?, at)?;
    let (low, high) = (evaluator.scalar(args.at(1)?, at)?, evaluator.scalar(args.at(2)?, at)?);
    if high < low {
        return Ok(Value::Vector(Vec::new()));
    }
    each_value(vector, |value| larger(low, smaller(high, value)))
}

pub(super) fn clamp_max(evaluator: &Evaluator, args: Args<'_>, at: i64) -> Answer {
    let vector = evaluator.vector(args.at(0)?, at)?;
    let high = evaluator.scalar(args.at(1)?, at)?;
    each_value(vector, |value| smaller(high, value))
}

pub(super) fn clamp_min(evaluator: &Evaluator, args: Args<'_>, at: i64) -> Answer {
    let vector = evaluator.vector(args.at(0)?, at)?;
    let low = evaluator.scalar(args.at(1)?, at)?;
    each_value(vector, |value| larger(low, value))
}

pub(super) fn histogram_quantile(evaluator: &Evaluator, args: Args<'_>, at: i64) -> Answer {
    let q = evaluator.scalar(args.at(0)?, at)?;
    let mut index = HashMap::new();
    let mut histograms: Vec<(Labels, Vec<Bucket>)> = Vec::new();
    for sample in evaluator.vector(args.at(1)?, at)? {
        let bound = sample.labels.get("le").and_then(|le| le.parse().ok());
        // A series that is no bucket belongs to no histogram.
        let Some(le) = bound else { continue };
        let key = sample.labels.filter(|name| name != "le" && name != NAME);
        let place = *index.entry(key.clone()).or_insert(histograms.len());
        if place == histograms.len() {
            histograms.push((key, Vec::new()));
        }
        histograms[place].1.push(Bucket { le, count: sample.value });
    }
    let quantile = |(labels, buckets)| Sample { labels, value: quantile::of_buckets(q, buckets) };
    Ok(Value::Vector(histograms.into_iter().map(quantile).collect()))
}

pub(super) fn label_join(evaluator: &Evaluator, args: Args<'_>, at: i64) -> Answer {
    let vector = evaluator.vector(args.at(0)?, at)?;
    let target = evaluator.text(args.at(1)?, at)?;
    let separator = evaluator.text(args.at(2)?, at)?;
    let sources: Result<Vec<String>, _> =
        args.from(3).map(|source| evaluator.text(source, at)).collect();
    let sources = sources?;
    if let Some(bad) = sources.iter().find(|name| !is_label_name(name)) {
        return Err(invalid("source label name in label_join()", bad));
    }
    if !is_label_name(&target) {
        return Err(invalid("destination label name in label_join()", &target));
    }
    let joined = |sample: Sample| {
        let values: Vec<_> =
            sources.iter().map(|name| sample.labels.get(name).unwrap_or_default()).collect();
        let labels = sample.labels.with(&target, &values.join(&separator));
        Sample { labels, ..sample }
    };
    unique(vector.into_iter().map(joined).collect()).map(Value::Vector)
}

pub(super) fn label_replace(evaluator: &Evaluator, args: Args<'_>, at: i64) -> Answer {
    let vector = evaluator.vector(args.at(0)?, at)?;
    let target = evaluator.text(args.at(1)?, at)?;
    let replacement = evaluator.text(args.at(2)?, at)?;
    let source = evaluator.text(args.at(3)?, at)?;
    let pattern = evaluator.text(args.at(4)?, at)?;
    let regex = Regex::new(&format!("^(?:{pattern})$"))
        .map_err(|_| invalid("regular expression in label_replace()", &pattern))?;
    if !is_label_name(&target) {
        return Err(invalid("destination label name in label_replace()", &target));
    }
    let replaced = |sample: Sample| {
        let value = sample.labels.get(&source).unwrap_or_default();
        let Some(captures) = regex.captures(value) else { return sample };
        let mut text = String::new();
        captures.expand(&replacement, &mut text);
        Sample { labels: sample.labels.with(&target, &text), ..sample }
    };
    unique(vector.into_iter().map(replaced).collect()).map(Value::Vector)
}

/// The only function over time that keeps the metric's name.
pub(super) fn last_over_time(evaluator: &Evaluator, args: Args<'_>, at: i64) -> Answer {
    let windows = evaluator.windows(args.at(0)?, at)?;
    over_time_named(windows, Labels::clone, |points| points.last().map(|(_, value)| *value))
}

pub(super) fn pi(_: &Evaluator, _: Args<'_>, _: i64) -> Answer {
    Ok(Value::Scalar(std::f64::consts::PI))
}

pub(super) fn predict_linear(evaluator: &Evaluator, args: Args<'_>, at: i64) -> Answer {
    let windows = evaluator.windows(args.at(0)?, at)?;
    let ahead = evaluator.scalar(args.at(1)?, at)?;
    over_time(windows, |points| regression(points, at).map(|(slope, value)| slope * ahead + value))
}

pub(super) fn quantile_over_time(evaluator: &Evaluator, args: Args<'_>, at: i64) -> Answer {
    let q = evaluator.scalar(args.at(0)?, at)?;
    let windows = evaluator.windows(args.at(1)?, at)?;
    over_time(windows, |points| {
        Some(quantile::of_values(q, points.iter().map(|(_, value)| *value).collect()))
    })
}

/// Rounds to a multiple; halves go up.
pub(super) fn round(evaluator: &Evaluator, args: Args<'_>, at: i64) -> Answer {
    let vector = evaluator.vector(args.at(0)?, at)?;
    let step = args.get(1).map_or(Ok(1.0), |step| evaluator.scalar(step, at))?;
    let per_one = 1.0 / step;
    each_value(vector, |value| (value * per_one + 0.5).floor() / per_one)
}

pub(super) fn scalar(evaluator: &Evaluator, args: Args<'_>, at: i64) -> Answer {
    let vector = evaluator.vector(args.at(0)?, at)?;
    Ok(Value::Scalar(match vector.as_slice() {
        [only] => only.value,
        [] | [_, ..] => f64::NAN,
    }))
}

/// Rising, NaN last.
pub(super) fn sort(evaluator: &Evaluator, args: Args<'_>, at: i64) -> Answer {
    let mut vector = evaluator.vector(args.at(0)?, at)?;
    vector.sort_by(|a, b| {
        a.value.partial_cmp(&b.value).unwrap_or_else(|| a.value.is_nan().cmp(&b.value.is_nan()))
    });
    Ok(Value::Vector(vector))
}

/// Falling, NaN last.
pub(super) fn sort_desc(evaluator: &Evaluator, args: Args<'_>, at: i64) -> Answer {
    let mut vector = evaluator.vector(args.at(0)?, at)?;
    vector.sort_by(|a, b| quantile::nan_first(b.value, a.value));
    Ok(Value::Vector(vector))
}

pub(super) fn time(_: &Evaluator, _: Args<'_>, at: i64) -> Answer {
    Ok(Value::Scalar(seconds(at)))
}

/// The time of each sample: its own for a selector, that of the evaluation for anything else.
pub(super) fn timestamp(evaluator: &Evaluator, args: Args<'_>, at: i64) -> Answer {
    let Some(selector) = selector(args.at(0)?) else {
        return each_value(evaluator.vector(args.at(0)?, at)?, |_| seconds(at));
    };
    let stamped = |(sample, time): (Sample, i64)| Sample {
        labels: sample.labels.without_name(),
        value: seconds(time),
    };
    let found = evaluator.instant(selector, at)?.into_iter();
    unique(found.map(stamped).collect()).map(Value::Vector)
}

pub(super) fn vector(evaluator: &Evaluator, args: Args<'_>, at: i64) -> Answer {
    let value = evaluator.scalar(args.at(0)?, at)?;
    Ok(Value::Vector(vec![Sample { labels: Labels::default(), value }]))
}

/// What `absent` says of what is not there.
fn one(arg: &Expr) -> Value {
    Value::Vector(vec![Sample { labels: labels_asked_for(arg), value: 1.0 }])
}

/// The labels a plain selector asks for by `=`; of a label asked for twice nothing is known.
fn labels_asked_for(arg: &Expr) -> Labels {
    let selector = match arg {
        Expr::VectorSelector(selector) => selector,
        Expr::MatrixSelector(matrix) => &matrix.vs,
        Expr::Paren(_)
        | Expr::Aggregate(_)
        | Expr::Unary(_)
        | Expr::Binary(_)
        | Expr::Subquery(_)
        | Expr::NumberLiteral(_)
        | Expr::StringLiteral(_)
        | Expr::Call(_)
        | Expr::Extension(_) => return Labels::default(),
    };
    let mut seen = Vec::new();
    let mut labels = Labels::default();
    for matcher in matchers(selector).into_iter().filter(|matcher| matcher.name != NAME) {
        let plain = matches!(matcher.op, MatchOp::Equal) && !seen.contains(&matcher.name);
        labels = labels.with(&matcher.name, if plain { &matcher.value } else { "" });
        if plain {
            seen.push(matcher.name);
        }
    }
    labels
}

fn selector(arg: &Expr) -> Option<&VectorSelector> {
    match arg {
        Expr::VectorSelector(selector) => Some(selector),
        Expr::Paren(paren) => selector(&paren.expr),
        Expr::MatrixSelector(_)
        | Expr::Aggregate(_)
        | Expr::Unary(_)
        | Expr::Binary(_)
        | Expr::Subquery(_)
        | Expr::NumberLiteral(_)
        | Expr::StringLiteral(_)
        | Expr::Call(_)
        | Expr::Extension(_) => None,
    }
}

/// The larger one. NaN beats numbers, and infinity beats NaN, as in Go.
fn larger(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        return f64::INFINITY;
    }
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// The smaller one. NaN beats numbers, and infinity beats NaN, as in Go.
fn smaller(a: f64, b: f64) -> f64 {
    -larger(-a, -b)
}

fn invalid(what: &str, text: &str) -> QueryError {
    QueryError::execution(format!("invalid {what}: {text}"))
}
