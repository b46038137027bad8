//! The corners of Kayenta's judge, one by one (`reference/analysis.md` §1).

use super::classify::{Classification, Classified, Why, classify};
use super::rules::{
    Constants, EffectSize, Measure, MetricRules, NanStrategy, Nothing, Scored, Weight,
};
use super::score::{Because, Grade, Scores, Thresholds, score};
use super::transform::{quantile, transform, without_outliers};
use crate::analysis::judge::plan::Direction;
use crate::domain::text::Text;

const NAN: f64 = f64::NAN;

fn rules() -> MetricRules {
    MetricRules::new("m", &["g"])
}

fn ramp(times: f64) -> Vec<f64> {
    (0..40).map(|at| times * (100.0 + f64::from(at * 7 % 11))).collect()
}

fn judged(experiment: &[f64], control: &[f64], rules: &MetricRules) -> Classified {
    classify(experiment, control, rules, Constants::default())
}

fn class(experiment: &[f64], control: &[f64], rules: &MetricRules) -> Classification {
    judged(experiment, control, rules).classification
}

#[test]
fn higher_and_lower_count_in_their_direction_only() {
    let (one, two) = (ramp(1.0), ramp(2.0));
    for (direction, up, down) in [
        (Direction::Either, Classification::High, Classification::Low),
        (Direction::Increase, Classification::High, Classification::Pass),
        (Direction::Decrease, Classification::Pass, Classification::Low),
    ] {
        let rules = MetricRules { direction, ..rules() };
        assert_eq!(class(&two, &one, &rules), up);
        assert_eq!(class(&one, &two, &rules), down);
    }
    assert!((judged(&two, &one, &rules()).deviation - 2.0).abs() < 1e-9);
}

#[test]
fn identical_sides_and_one_value_pass_before_anything_is_computed() {
    let shuffled: Vec<f64> = ramp(1.0).into_iter().rev().collect();
    let same = judged(&shuffled, &ramp(1.0), &rules());
    assert_eq!((same.why, same.classification), (Why::Identical, Classification::Pass));
    let one = judged(&[4.0; 3], &[4.0; 9], &rules());
    assert_eq!((one.why, one.classification), (Why::OneValue, Classification::Pass));
}

#[test]
fn a_pair_of_different_values_is_an_error_and_not_critical() {
    let critical = MetricRules { weight: Weight::Critical, ..rules() };
    let tied = judged(&[5.0], &[4.0], &critical);
    assert_eq!((tied.why, tied.classification), (Why::AllTied, Classification::Error));
    assert_eq!(tied.weight, Weight::Counts);
}

#[test]
fn constants_that_differ_are_compared() {
    assert_eq!(class(&[5.0; 10], &[4.0; 10], &rules()), Classification::High);
    assert_eq!(class(&[0.0; 10], &[4.0; 10], &rules()), Classification::Low);
}

#[test]
fn without_data_the_strategy_decides() {
    let all_nan = [NAN; 5];
    let critical = |nothing| MetricRules { weight: Weight::Critical, nothing, ..rules() };
    for (rules, wanted, weight) in [
        (rules(), Classification::Nodata, Weight::Counts),
        (critical(Nothing::IsNodata), Classification::Nodata, Weight::Critical),
        (critical(Nothing::IsFailure), Classification::Nodata, Weight::Critical),
        (
            MetricRules { nothing: Nothing::IsFailure, ..rules() },
            Classification::NodataFailMetric,
            Weight::Counts,
        ),
    ] {
        let found = judged(&all_nan, &ramp(1.0), &rules);
        assert_eq!((found.classification, found.weight), (wanted, weight));
        assert_eq!(found.why, Why::NoExperiment);
    }
    assert_eq!(judged(&[], &[NAN], &rules()).why, Why::Neither);
    // Replaced by zero there is data, and no point at all passes.
    let replace = MetricRules { nan: NanStrategy::Replace, ..rules() };
    assert_eq!(class(&[], &ramp(1.0), &replace), Classification::Pass);
    assert_eq!(class(&all_nan, &ramp(1.0), &replace), Classification::Low);
}

#[test]
fn an_effect_below_what_is_allowed_passes_and_below_what_is_critical_is_not_critical() {
    let with = |allowed_increase, critical_increase| MetricRules {
        weight: Weight::Critical,
        effect: EffectSize {
            allowed_increase,
            critical_increase,
            ..EffectSize::of(Measure::MeanRatio)
        },
        ..rules()
    };
    let (one, more) = (ramp(1.0), ramp(1.5));
    let found = |rules: MetricRules| {
        let found = judged(&more, &one, &rules);
        (found.classification, found.weight)
    };
    assert_eq!(found(with(1.0, 1.0)), (Classification::High, Weight::Critical));
    assert_eq!(found(with(1.0, 2.0)), (Classification::High, Weight::Counts));
    assert_eq!(found(with(2.0, 2.0)), (Classification::Pass, Weight::Counts));
}

#[test]
fn a_mean_of_zero_excuses_nothing() {
    let effect = EffectSize { allowed_increase: 9.0, ..EffectSize::of(Measure::MeanRatio) };
    let rules = MetricRules { effect, ..rules() };
    let found = judged(&ramp(1.0), &[0.0; 40], &rules);
    assert_eq!(found.classification, Classification::High);
    assert!(found.deviation.is_nan());
}

#[test]
fn the_common_language_effect_size_counts_pairs() {
    let with = |allowed_increase| MetricRules {
        effect: EffectSize { allowed_increase, ..EffectSize::of(Measure::Cles) },
        ..rules()
    };
    assert_eq!(class(&ramp(2.0), &ramp(1.0), &with(1.0)), Classification::High, "every pair");
    let overlapping: Vec<f64> = ramp(1.0).iter().map(|value| value + 4.0).collect();
    assert_eq!(class(&overlapping, &ramp(1.0), &with(0.5)), Classification::High);
    assert_eq!(class(&overlapping, &ramp(1.0), &with(1.0)), Classification::Pass);
}

#[test]
fn outliers_go_after_nan_and_never_within_the_outer_percentiles() {
    assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 0.25), Some(1.75));
    assert_eq!(quantile(&[], 0.5), None);
    let mut many: Vec<f64> = (0..200).map(|at| f64::from(at % 10)).collect();
    many.push(1_000.0);
    assert_eq!(without_outliers(&many, 3.0).len(), 200);
    // Of eleven points the 99th percentile is pulled up by the last one, and still it lies below it.
    let few: Vec<f64> = (0..10).map(f64::from).chain([1_000.0]).collect();
    assert_eq!(without_outliers(&few, 3.0).len(), 10);
    let keep = transform(&[NAN, 1.0, 1e9], &rules());
    assert_eq!(keep, [1.0, 1e9], "kept unless told otherwise");
}

fn result(classification: Classification, weight: Weight) -> Classified {
    Classified { classification, why: Why::Compared, weight, deviation: 1.0 }
}

/// Scores of metrics, each in its groups, at 95 and 75.
fn scores(metrics: &[(Classification, &[&str])], weights: &[(&str, f64)]) -> Scores {
    let rules: Vec<MetricRules> =
        metrics.iter().map(|(_, groups)| MetricRules::new("m", groups)).collect();
    let results: Vec<(&MetricRules, Classified)> = rules
        .iter()
        .zip(metrics)
        .map(|(rules, (classification, _))| (rules, result(*classification, Weight::Counts)))
        .collect();
    let weights: Vec<(Text, f64)> =
        weights.iter().map(|(name, weight)| (Text::clean(name), *weight)).collect();
    score(&results, &weights, Thresholds { pass: 95.0, marginal: 75.0 })
}

#[test]
fn groups_are_weighted_and_those_without_a_weight_share_the_rest() {
    use Classification::{High, Pass};
    let all: &[(Classification, &[&str])] =
        &[(Pass, &["a"]), (High, &["a"]), (Pass, &["b", "c"]), (Pass, &["c"])];
    let found = scores(all, &[("a", 40.0)]);
    assert!((found.summary - 80.0).abs() < 1e-9, "{found:?}");
    assert_eq!(found.grade, Grade::Marginal);
    let lost = scores(&[(Pass, &["a"])], &[("a", 60.0), ("nobody", 40.0)]);
    assert!((lost.summary - 60.0).abs() < 1e-9, "a weight of no group is lost");
    let thirds = scores(&[(Pass, &["a"]), (High, &["a"]), (High, &["a"])], &[]);
    assert!((thirds.summary - 33.33).abs() < 1e-9, "two digits");
}

#[test]
fn nothing_and_errors_do_not_count_and_half_without_data_is_zero() {
    use Classification::{Error, Nodata, NodataFailMetric, Pass};
    let found = scores(&[(Pass, &["a"]), (Nodata, &["b"]), (Pass, &["a"])], &[]);
    assert_eq!(found.groups[1].score, None);
    assert!((found.summary - 100.0).abs() < 1e-9, "a group without data counts in full");
    let half = scores(&[(Pass, &["a"]), (Nodata, &["a"])], &[]);
    assert_eq!((half.because, half.grade), (Because::Nodata(50.0), Grade::Fail));
    let failing = scores(&[(Pass, &["a"]), (NodataFailMetric, &["a"])], &[]);
    assert!((failing.summary - 50.0).abs() < 1e-9, "it must have data, and is no Nodata");
    let errors = scores(&[(Pass, &["a"]), (Error, &["a"])], &[]);
    assert!((errors.summary - 100.0).abs() < 1e-9);
    assert_eq!(scores(&[], &[]).because, Because::Nothing);
}

#[test]
fn a_critical_metric_that_does_not_pass_leaves_nothing_unless_it_is_muted() {
    let rules = rules();
    let muted = MetricRules { scored: Scored::Muted, ..rules.clone() };
    let fine = (&rules, result(Classification::Pass, Weight::Critical));
    let failed = result(Classification::High, Weight::Critical);
    let thresholds = Thresholds { pass: 95.0, marginal: 75.0 };
    let found = score(&[fine, (&rules, failed)], &[], thresholds);
    assert_eq!((found.because, found.grade), (Because::Critical(Text::clean("m")), Grade::Fail));
    let found = score(&[fine, (&muted, failed)], &[], thresholds);
    assert_eq!((found.because, found.grade), (Because::Sum, Grade::Pass));
}
