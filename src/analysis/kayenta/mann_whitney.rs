//! Mann and Whitney's test as Kayenta uses it: by how much the experiment is shifted against the control, with an
//! interval (Mann & Whitney 1947; Hodges & Lehmann 1963; the normal approximation with corrections for ties and for
//! continuity, as R's `wilcox.test` has it).
//!
//! The interval's ends and the estimate are roots of a step function, found by Brent's method with an absolute tolerance
//! of 1e-4, as there. So metrics on a scale below about 1e-3 are judged by the noise of the solver: give per cent and
//! milliseconds.

use std::cmp::Ordering;

/// Absolute tolerance of the roots.
const ROOT_TOLERANCE: f64 = 1e-4;
const ROOT_STEPS_MAX: u32 = 1_000;

/// By how much the experiment is larger than the control.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The shift itself.
    pub estimate: f64,
}

/// All values are tied at some shift that has to be looked at: there is no interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot compute a confidence interval when all observations are tied")]
pub struct Tied;

/// Compares two samples without NaN, neither of them empty, at `confidence` (0.98: one per cent on either side).
///
/// Where each side has one value throughout, Kayenta adds normal noise of a hundred-thousandth of it and compares what
/// comes out; here the two values are compared, which is what the noise leaves.
///
/// # Errors
/// No interval where everything is tied.
pub fn compare(experiment: &[f64], control: &[f64], confidence: f64) -> Result<Interval, Tied> {
    let (Some(first), Some(other)) = (experiment.first(), control.first()) else {
        return Err(Tied);
    };
    if is_constant(experiment) && is_constant(control) {
        let shift = first - other;
        let is_pair = experiment.len() == 1 && control.len() == 1;
        let interval = Interval { low: shift, high: shift, estimate: shift };
        return if is_pair { Err(Tied) } else { Ok(interval) };
    }
    let least = min(experiment) - max(control);
    let most = max(experiment) - min(control);
    let z = -normal_quantile(f64::midpoint(1.0, -confidence));
    let end = |quantile: f64| {
        let statistic = |shift| statistic(experiment, control, shift).map(|z| z - quantile);
        let (at_least, at_most) = (statistic(least)?, statistic(most)?);
        if at_least <= 0.0 {
            Ok(least)
        } else if at_most >= 0.0 {
            Ok(most)
        } else {
            root((least, at_least), (most, at_most), statistic)
        }
    };
    let (low, high) = (end(z)?, end(-z)?);
    let statistic = |shift| statistic(experiment, control, shift);
    let estimate = root((least, statistic(least)?), (most, statistic(most)?), statistic)?;
    Ok(Interval { low, high, estimate })
}

/// The rank sum of `sample` among both, ties averaged.
#[must_use]
pub fn rank_sum(sample: &[f64], other: &[f64]) -> f64 {
    ranks(sample.iter().copied(), other).sum
}

fn is_constant(values: &[f64]) -> bool {
    values.windows(2).all(|pair| pair[0].total_cmp(&pair[1]).is_eq())
}

fn min(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn max(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

struct Ranks {
    /// Sum of the first sample's.
    sum: f64,
    /// Σ t³ − t over groups of ties.
    ties: f64,
}

fn ranks(sample: impl Iterator<Item = f64>, other: &[f64]) -> Ranks {
    let mut joint: Vec<(f64, f64)> = sample.map(|value| (value, 1.0)).collect();
    joint.extend(other.iter().map(|value| (*value, 0.0)));
    // Adding zero makes one of the two zeros, which are tied.
    joint.sort_unstable_by(|left, right| (left.0 + 0.0).total_cmp(&(right.0 + 0.0)));
    let (mut before, mut sum, mut ties) = (0.0, 0.0, 0.0);
    for tied in
        joint.chunk_by(|left, right| left.0.partial_cmp(&right.0).is_some_and(Ordering::is_eq))
    {
        let (many, mine) =
            tied.iter().fold((0.0, 0.0), |(many, mine), (_, is_mine)| (many + 1.0, mine + is_mine));
        sum += mine * (before + f64::midpoint(many, 1.0));
        ties += many * many * many - many;
        before += many;
    }
    Ranks { sum, ties }
}

/// How many standard deviations the rank sum is off what it would be if the experiment were shifted by exactly this.
fn statistic(experiment: &[f64], control: &[f64], shift: f64) -> Result<f64, Tied> {
    let ranks = ranks(experiment.iter().map(|value| value - shift), control);
    let (mine, others) = (count(experiment), count(control));
    let all = mine + others;
    let off = ranks.sum - mine * (mine + 1.0) / 2.0 - mine * others / 2.0;
    let continuity = if off == 0.0 { 0.0 } else { 0.5 * off.signum() };
    let variance = mine * others / 12.0 * (all + 1.0 - ranks.ties / (all * (all - 1.0)));
    if variance > 0.0 { Ok((off - continuity) / variance.sqrt()) } else { Err(Tied) }
}

#[expect(clippy::cast_precision_loss, reason = "samples are counted, not measured")]
const fn count(values: &[f64]) -> f64 {
    values.len() as f64
}

/// Brent's root finder ("Algorithms for Minimization without Derivatives", 1973, §4), as in R's `zeroin`: inverse
/// quadratic interpolation or a secant where that is safe, else bisection.
fn root(
    from: (f64, f64),
    until: (f64, f64),
    function: impl Fn(f64) -> Result<f64, Tied>,
) -> Result<f64, Tied> {
    let (mut last, mut at_last) = from;
    let (mut best, mut at_best) = until;
    let (mut across, mut at_across) = (last, at_last);
    if at_last == 0.0 {
        return Ok(last);
    }
    for _ in 0..ROOT_STEPS_MAX {
        let stride = best - last;
        if at_across.abs() < at_best.abs() {
            (last, best, across) = (best, across, best);
            (at_last, at_best, at_across) = (at_best, at_across, at_best);
        }
        let tolerance = 2.0 * f64::EPSILON * best.abs() + ROOT_TOLERANCE / 2.0;
        let half = (across - best) / 2.0;
        if half.abs() <= tolerance || at_best == 0.0 {
            return Ok(best);
        }
        let points = [(last, at_last), (best, at_best), (across, at_across)];
        let is_useful = stride.abs() >= tolerance && at_last.abs() > at_best.abs();
        let step = Some(points)
            .filter(|_| is_useful)
            .and_then(|points| interpolated(points, stride, tolerance))
            .unwrap_or(half);
        let step = if step.abs() < tolerance { tolerance.copysign(step) } else { step };
        (last, at_last) = (best, at_best);
        best += step;
        at_best = function(best)?;
        if at_best * at_across > 0.0 {
            (across, at_across) = (last, at_last);
        }
    }
    Ok(best)
}

/// The step to where a curve through the points is zero; `None` where it leads out of the bracket or is too long.
fn interpolated(points: [(f64, f64); 3], stride: f64, tolerance: f64) -> Option<f64> {
    let [(last, at_last), (best, at_best), (across, at_across)] = points;
    let bracket = across - best;
    let near = at_best / at_last;
    let (step, scale) = if last.total_cmp(&across).is_eq() {
        (bracket * near, 1.0 - near)
    } else {
        let (ratio, far) = (at_last / at_across, at_best / at_across);
        let step = near * (bracket * ratio * (ratio - far) - (best - last) * (far - 1.0));
        (step, (ratio - 1.0) * (far - 1.0) * (near - 1.0))
    };
    let (step, scale) = if step > 0.0 { (step, -scale) } else { (-step, scale) };
    let within = 0.75 * bracket * scale - (tolerance * scale).abs() / 2.0;
    (step < within && step < (stride * scale / 2.0).abs()).then(|| step / scale)
}

/// Quantile of the standard normal law for probabilities from 1e-10 to 1 − 1e-10 (Wichura, "Algorithm AS 241", 1988;
/// his coefficients, about 16 digits).
#[must_use]
pub fn normal_quantile(probability: f64) -> f64 {
    const MIDDLE: [[f64; 8]; 2] = [
        [
            3.387_132_872_796_366_5,
            133.141_667_891_784_38,
            1_971.590_950_306_551_3,
            13_731.693_765_509_46,
            45_921.953_931_549_87,
            67_265.770_927_008_7,
            33_430.575_583_588_13,
            2_509.080_928_730_122_7,
        ],
        [
            1.0,
            42.313_330_701_600_91,
            687.187_007_492_057_9,
            5_394.196_021_424_751,
            21_213.794_301_586_597,
            39_307.895_800_092_71,
            28_729.085_735_721_943,
            5_226.495_278_852_854,
        ],
    ];
    const TAIL: [[f64; 8]; 2] = [
        [
            1.423_437_110_749_683_5,
            4.630_337_846_156_546,
            5.769_497_221_460_691,
            3.647_848_324_763_204_5,
            1.270_458_252_452_368_4,
            0.241_780_725_177_450_6,
            0.022_723_844_989_269_184,
            7.745_450_142_783_414e-4,
        ],
        [
            1.0,
            2.053_191_626_637_759,
            1.676_384_830_183_803_8,
            0.689_767_334_985_1,
            0.148_103_976_427_480_08,
            0.015_198_666_563_616_457,
            5.475_938_084_995_345e-4,
            1.050_750_071_644_416_9e-9,
        ],
    ];
    let probability = probability.clamp(1e-10, 1.0 - 1e-10);
    let off = probability - 0.5;
    if off.abs() <= 0.425 {
        return off * quotient(&MIDDLE, 0.180_625 - off * off);
    }
    let tail = (-probability.min(1.0 - probability).ln()).sqrt();
    quotient(&TAIL, tail - 1.6).copysign(off)
}

fn quotient([above, below]: &[[f64; 8]; 2], at: f64) -> f64 {
    let value = |terms: &[f64; 8]| terms.iter().rev().fold(0.0, |sum, term| sum * at + term);
    value(above) / value(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, wanted: f64, within: f64) {
        assert!((found - wanted).abs() <= within, "{found} instead of {wanted}");
    }

    /// Published quantiles.
    #[test]
    fn quantiles_of_the_normal_law() {
        for (probability, wanted) in [
            (0.5, 0.0),
            (0.01, -2.326_347_874_040_841),
            (0.975, 1.959_963_984_540_054),
            (0.3, -0.524_400_512_708_041),
            (1e-9, -5.997_807_015_007_687),
        ] {
            near(normal_quantile(probability), wanted, 1e-12);
        }
    }

    /// What R's `wilcox.test(conf.int = TRUE, exact = FALSE)` says about ranks, worked out by hand: control 1 to 4 and
    /// experiment 10 to 40 differ by 6 to 39; the estimate lies where half of the sixteen differences are above it.
    #[test]
    fn a_clear_shift_is_found_with_its_interval() {
        let found = compare(&[10.0, 20.0, 30.0, 40.0], &[1.0, 2.0, 3.0, 4.0], 0.95).unwrap();
        near(found.low, 6.0, 2e-4);
        near(found.high, 39.0, 2e-4);
        assert!((17.0..=29.0).contains(&found.estimate), "{}", found.estimate);
    }

    #[test]
    fn ties_are_averaged_and_zeros_are_one() {
        near(rank_sum(&[0.0, 1.0], &[-0.0, 2.0]), 1.5 + 3.0, 0.0);
        near(rank_sum(&[1.0, 1.0], &[1.0, 1.0]), 5.0, 0.0);
    }

    #[test]
    fn two_constants_are_compared_and_a_pair_of_values_is_tied() {
        let shift = compare(&[5.0; 10], &[3.0; 8], 0.98).unwrap();
        assert_eq!(shift, Interval { low: 2.0, high: 2.0, estimate: 2.0 });
        assert_eq!(compare(&[5.0], &[3.0], 0.98), Err(Tied));
        assert_eq!(compare(&[], &[3.0], 0.98), Err(Tied));
    }

    #[test]
    fn turning_the_samples_turns_the_interval() {
        let left: Vec<f64> = (0..40).map(|at| f64::from(at * 37 % 41)).collect();
        let right: Vec<f64> = (0..35).map(|at| f64::from(at * 29 % 43) + 3.0).collect();
        let (one, other) = (compare(&left, &right, 0.98), compare(&right, &left, 0.98));
        let (one, other) = (one.unwrap(), other.unwrap());
        near(one.low, -other.high, 2e-4);
        near(one.high, -other.low, 2e-4);
        assert!(one.low <= one.estimate && one.estimate <= one.high);
    }
}
