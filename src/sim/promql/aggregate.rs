//! Aggregation: `sum by (…) (…)` and its kin.

use std::cmp::Ordering;
use std::collections::HashMap;

use promql_parser::parser::token::{
    T_AVG, T_BOTTOMK, T_COUNT, T_COUNT_VALUES, T_GROUP, T_MAX, T_MIN, T_QUANTILE, T_STDDEV,
    T_STDVAR, T_SUM, T_TOPK,
};
use promql_parser::parser::{AggregateExpr, Expr, LabelModifier};

use super::eval::Evaluator;
use super::labels::{Labels, NAME};
use super::value::{QueryError, Sample, Value};
use super::{quantile, range, text};

/// The value of an aggregation.
pub(super) fn eval(
    evaluator: &Evaluator,
    aggregation: &AggregateExpr,
    at: i64,
) -> Result<Value, QueryError> {
    let vector = evaluator.vector(&aggregation.expr, at)?;
    let modifier = aggregation.modifier.as_ref();
    let param = aggregation.param.as_deref();
    let simple: fn(&[f64]) -> f64 = match aggregation.op.id() {
        T_SUM => |values| values.iter().sum(),
        T_AVG => mean,
        T_MIN => |values| best(values, |best, value| value < best),
        T_MAX => |values| best(values, |best, value| value > best),
        T_COUNT => count,
        T_GROUP => |_| 1.0,
        T_STDDEV => |values| variance(values).sqrt(),
        T_STDVAR => variance,
        T_QUANTILE => {
            let q = evaluator.scalar(required(param)?, at)?;
            let of = |values: Vec<f64>| quantile::of_values(q, values);
            return Ok(Value::Vector(per_group(vector, modifier, of)));
        }
        T_TOPK | T_BOTTOMK => {
            let k = ranks(evaluator.scalar(required(param)?, at)?)?;
            let order: Order = if aggregation.op.id() == T_TOPK { falling } else { rising };
            return Ok(Value::Vector(first_of_each(groups(vector, modifier), k, order)));
        }
        T_COUNT_VALUES => {
            let label = evaluator.text(required(param)?, at)?;
            return count_values(vector, modifier, &label);
        }
        _ => {
            let name = aggregation.op;
            return Err(QueryError::execution(format!("{name} is not part of this Prometheus")));
        }
    };
    Ok(Value::Vector(per_group(vector, modifier, |values| simple(&values))))
}

type Order = fn(f64, f64) -> Ordering;

/// The labels a sample is grouped by.
fn group_of(labels: &Labels, modifier: Option<&LabelModifier>) -> Labels {
    match modifier {
        None => Labels::default(),
        Some(LabelModifier::Include(by)) => {
            labels.filter(|name| by.labels.iter().any(|listed| listed == name))
        }
        Some(LabelModifier::Exclude(without)) => labels
            .filter(|name| name != NAME && !without.labels.iter().any(|listed| listed == name)),
    }
}

/// Groups in the order in which they appear.
fn groups(vector: Vec<Sample>, modifier: Option<&LabelModifier>) -> Vec<(Labels, Vec<Sample>)> {
    let mut index = HashMap::new();
    let mut groups: Vec<(Labels, Vec<Sample>)> = Vec::new();
    for sample in vector {
        let key = group_of(&sample.labels, modifier);
        let at = *index.entry(key.clone()).or_insert(groups.len());
        if at == groups.len() {
            groups.push((key, Vec::new()));
        }
        groups[at].1.push(sample);
    }
    groups
}

fn per_group(
    vector: Vec<Sample>,
    modifier: Option<&LabelModifier>,
    value: impl Fn(Vec<f64>) -> f64,
) -> Vec<Sample> {
    let one = |(labels, group): (Labels, Vec<Sample>)| Sample {
        labels,
        value: value(group.into_iter().map(|sample| sample.value).collect()),
    };
    groups(vector, modifier).into_iter().map(one).collect()
}

fn first_of_each(groups: Vec<(Labels, Vec<Sample>)>, k: usize, order: Order) -> Vec<Sample> {
    let first = |(_, mut group): (Labels, Vec<Sample>)| {
        group.sort_by(|a, b| order(a.value, b.value));
        group.truncate(k);
        group
    };
    groups.into_iter().flat_map(first).collect()
}

/// The order of `topk`: NaN comes last.
fn falling(a: f64, b: f64) -> Ordering {
    quantile::nan_first(b, a)
}

/// The order of `bottomk`: NaN comes last here too.
fn rising(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// How many elements to keep.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "in range, and negative numbers mean none"
)]
fn ranks(k: f64) -> Result<usize, QueryError> {
    // The borders of 64 bit, as floats can tell them.
    if (-9.223_372_036_854_775e18..=9.223_372_036_854_775e18).contains(&k) {
        return Ok(k.max(0.0) as usize);
    }
    Err(QueryError::execution(format!("Scalar value {} overflows int64", text::number(k))))
}

fn count_values(
    vector: Vec<Sample>,
    modifier: Option<&LabelModifier>,
    label: &str,
) -> Result<Value, QueryError> {
    if !text::is_label_name(label) {
        return Err(QueryError::execution(format!("invalid label name {label:?}")));
    }
    let valued = |sample: Sample| {
        let labels = group_of(&sample.labels, modifier).with(label, &text::number(sample.value));
        Sample { labels, value: sample.value }
    };
    // Grouped by everything that is left, name or not.
    let all = LabelModifier::Exclude(promql_parser::label::Labels::new(vec![]));
    let vector = vector.into_iter().map(valued).collect();
    Ok(Value::Vector(per_group(vector, Some(&all), |values| count(&values))))
}

#[expect(clippy::cast_precision_loss, reason = "a vector that fits into memory")]
fn count(values: &[f64]) -> f64 {
    values.len() as f64
}

/// The mean, step by step, so that the sum cannot overflow.
fn mean(values: &[f64]) -> f64 {
    let (mut mean, mut count) = (0.0, 0.0);
    for value in values {
        count += 1.0;
        if !range::absorbs(mean, *value) {
            mean += value / count - mean / count;
        }
    }
    mean
}

/// Population variance; that of one value is 0, whatever the value.
fn variance(values: &[f64]) -> f64 {
    let [first, others @ ..] = values else { return f64::NAN };
    let (mut mean, mut square, mut count) = (*first, 0.0, 1.0);
    for value in others {
        count += 1.0;
        let off = value - mean;
        mean += off / count;
        square += off * (value - mean);
    }
    square / count
}

fn best(values: &[f64], better: fn(f64, f64) -> bool) -> f64 {
    let pick = |best: f64, value| if better(best, value) || best.is_nan() { value } else { best };
    values.iter().copied().reduce(pick).unwrap_or(f64::NAN)
}

fn required(param: Option<&Expr>) -> Result<&Expr, QueryError> {
    param.ok_or_else(|| QueryError::execution("aggregation without its parameter"))
}
