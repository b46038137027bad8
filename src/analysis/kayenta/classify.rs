//! One metric: higher, lower, or no different.

use super::mann_whitney::{self, Tied, rank_sum};
use super::rules::{Constants, EffectSize, Measure, MetricRules, NanStrategy, Nothing, Weight};
use super::transform::{count, mean, transform};
use crate::analysis::judge::plan::Direction;

/// What a metric came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Classification {
    /// No different, or not in a direction that counts.
    Pass,
    /// Higher.
    High,
    /// Lower.
    Low,
    /// A side has no data.
    Nodata,
    /// A side has no data, and must have.
    NodataFailMetric,
    /// It could not be computed.
    Error,
}

impl Classification {
    /// The word in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "Pass",
            Self::High => "High",
            Self::Low => "Low",
            Self::Nodata => "Nodata",
            Self::NodataFailMetric => "NodataFailMetric",
            Self::Error => "Error",
        }
    }
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The difference decides.
    Compared,
    /// Both sides hold the same values.
    Identical,
    /// All values of both sides are one.
    OneValue,
    /// The experiment has no data.
    NoExperiment,
    /// The control has none.
    NoControl,
    /// Neither has.
    Neither,
    /// There is no interval.
    AllTied,
}

/// The result of one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Classified {
    /// What it came to.
    pub classification: Classification,
    /// Why.
    pub why: Why,
    /// Whether it fails everything, unless it passes.
    pub weight: Weight,
    /// Mean of the experiment over mean of the control; NaN where either is zero or there is none.
    pub deviation: f64,
}

/// Compares the points of a metric; NaN stands for a missing one.
#[must_use]
pub fn classify(
    experiment: &[f64],
    control: &[f64],
    rules: &MetricRules,
    constants: Constants,
) -> Classified {
    let (experiment, control) = (transform(experiment, rules), transform(control, rules));
    if experiment.is_empty() || control.is_empty() {
        return without_data(&experiment, &control, rules);
    }
    let passed = |why, deviation| Classified {
        classification: Classification::Pass,
        why,
        weight: Weight::Counts,
        deviation,
    };
    if sorted(&experiment) == sorted(&control) {
        return passed(Why::Identical, 1.0);
    }
    let deviation = mean_ratio(&experiment, &control);
    let first = experiment[0];
    if experiment.iter().chain(&control).all(|value| value.total_cmp(&first).is_eq()) {
        return passed(Why::OneValue, deviation);
    }
    let Ok((classification, effect)) = compared(&experiment, &control, rules, constants) else {
        let (classification, why) = (Classification::Error, Why::AllTied);
        return Classified { classification, why, weight: Weight::Counts, deviation };
    };
    let weight = weight(classification, effect, rules);
    Classified { classification, why: Why::Compared, weight, deviation }
}

/// A side is empty. Where NaN is replaced, nothing at all is a pass: theirs, not ours.
fn without_data(experiment: &[f64], control: &[f64], rules: &MetricRules) -> Classified {
    let why = match (experiment.is_empty(), control.is_empty()) {
        (true, true) => Why::Neither,
        (true, false) => Why::NoExperiment,
        (false, _) => Why::NoControl,
    };
    let (classification, weight) = match (rules.nan, rules.nothing, rules.weight) {
        (NanStrategy::Replace, ..) => (Classification::Pass, Weight::Counts),
        (NanStrategy::Remove, Nothing::IsFailure, Weight::Counts) => {
            (Classification::NodataFailMetric, Weight::Counts)
        }
        (NanStrategy::Remove, _, weight) => (Classification::Nodata, weight),
    };
    Classified { classification, why, weight, deviation: f64::NAN }
}

fn compared(
    experiment: &[f64],
    control: &[f64],
    rules: &MetricRules,
    constants: Constants,
) -> Result<(Classification, f64), Tied> {
    let shift = mann_whitney::compare(experiment, control, constants.confidence)?;
    let clear = constants.tolerance * shift.estimate.abs();
    let effect = match rules.effect.measure {
        Measure::MeanRatio => mean_ratio(experiment, control),
        Measure::Cles => {
            let (mine, others) = (count(experiment.len()), count(control.len()));
            let ranks = rank_sum(experiment, control);
            (2.0 * ranks - mine * (mine + 1.0)) / (2.0 * mine * others)
        }
    };
    let (up, down) = match rules.direction {
        Direction::Increase => (true, false),
        Direction::Decrease => (false, true),
        Direction::Either => (true, true),
    };
    let EffectSize { allowed_increase, allowed_decrease, .. } = rules.effect;
    // Written so that a size that is not a number does not excuse the difference.
    let is_large = effect.is_nan() || effect >= allowed_increase;
    let is_small = effect.is_nan() || effect <= allowed_decrease;
    let classification = if up && shift.low > clear && is_large {
        Classification::High
    } else if down && shift.high < -clear && is_small {
        Classification::Low
    } else {
        Classification::Pass
    };
    Ok((classification, effect))
}

/// A critical metric that differs by less than what is critical counts as any other.
fn weight(classification: Classification, effect: f64, rules: &MetricRules) -> Weight {
    let EffectSize { critical_increase, critical_decrease, .. } = rules.effect;
    let is_critical = match classification {
        Classification::High => effect.is_nan() || effect >= critical_increase,
        Classification::Low => effect.is_nan() || effect <= critical_decrease,
        Classification::Pass
        | Classification::Nodata
        | Classification::NodataFailMetric
        | Classification::Error => false,
    };
    if is_critical { rules.weight } else { Weight::Counts }
}

fn mean_ratio(experiment: &[f64], control: &[f64]) -> f64 {
    let (mine, other) = (mean(experiment), mean(control));
    if mine == 0.0 || other == 0.0 { f64::NAN } else { mine / other }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}
