//! What is done to the points of each side before they are compared: first NaN, then outliers.

use super::rules::{MetricRules, NanStrategy};

/// The points that are compared.
#[must_use]
pub fn transform(values: &[f64], rules: &MetricRules) -> Vec<f64> {
    let known: Vec<f64> = match rules.nan {
        NanStrategy::Remove => values.iter().copied().filter(|value| !value.is_nan()).collect(),
        NanStrategy::Replace => {
            values.iter().map(|value| if value.is_nan() { 0.0 } else { *value }).collect()
        }
    };
    match rules.outlier_factor {
        Some(factor) => without_outliers(&known, factor),
        None => known,
    }
}

/// Without what lies beyond the fences: so many interquartile ranges from the quartiles, and never within the first
/// and the 99th percentile (the judge's "reduced sensitivity").
#[must_use]
pub fn without_outliers(values: &[f64], factor: f64) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let quantiles = [0.01, 0.25, 0.75, 0.99].map(|share| quantile(&sorted, share));
    let [Some(first), Some(lower), Some(upper), Some(last)] = quantiles else { return Vec::new() };
    let range = factor * (upper - lower);
    let (low, high) = (first.min(lower - range), last.max(upper + range));
    values.iter().copied().filter(|value| !(*value < low || *value > high)).collect()
}

/// Quantile of sorted values by linear interpolation at (n − 1)·p (type 7 of Hyndman & Fan 1996); `None` of none.
#[must_use]
pub fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = count(last) * share.clamp(0.0, 1.0);
    let floor = at.floor();
    let below = (0..=last).rev().find(|index| count(*index) <= floor)?;
    let (low, high) = (sorted.get(below)?, sorted.get((below + 1).min(last))?);
    Some(low + (at - floor) * (high - low))
}

/// Mean; NaN of none, as there.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len())
}

#[expect(clippy::cast_precision_loss, reason = "points are counted, not measured")]
pub(super) const fn count(number: usize) -> f64 {
    number as f64
}
