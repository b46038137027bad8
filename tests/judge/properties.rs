//! What holds for any input: pods split or joined, labels in any order, restarts, gaps, nonsense.

use std::time::Duration;

use pilothouse::analysis::judge::live::Judge;
use pilothouse::analysis::judge::metric::METRIC_BYTES_MAX;
use pilothouse::analysis::judge::outcome::Reason;
use pilothouse::analysis::judge::plan::{Direction, Kind, MetricPlan, Plan, PlanError, Role};
use pilothouse::analysis::verdict::Answer;
use pilothouse::domain::counter::{Sample, increase};
use pilothouse::domain::metric::Finite;
use pilothouse::domain::observed::Timestamp;
use pilothouse::domain::window::{Arm, Histogram, Problem, Seen, Window};
use proptest::prelude::*;

const SECONDS: u32 = 15;

fn at(window: u32) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + SECONDS * (window + 1) * second()
}

const fn second() -> Duration {
    Duration::from_secs(1)
}

fn window(number: u32, seen: Result<Seen, Problem>) -> Window {
    Window { end: at(number), length: SECONDS * second(), seen }
}

fn counts(canary: (f64, f64), stable: (f64, f64)) -> Result<Seen, Problem> {
    let canary = Arm::of_total(canary.0, canary.1)?;
    Ok(Seen::Arms { canary, stable: Arm::of_total(stable.0, stable.1)? })
}

fn errors() -> MetricPlan {
    let kind = Kind::Ratio { objective: None, harmless: Some(0.005) };
    MetricPlan { dispersion: Some(1.0), ..MetricPlan::new("errors", kind) }
}

fn judge(metrics: Vec<MetricPlan>) -> Judge {
    Judge::new(Plan { metrics, ..Plan::default() }).expect("the plan is sound")
}

/// A judge of one metric that has seen these windows, and the number of the next.
fn fed(plan: MetricPlan, windows: &[Result<Seen, Problem>]) -> (Judge, u32) {
    let mut judge = judge(vec![plan]);
    let mut next = 0;
    for seen in windows {
        judge.take(0, &window(next, seen.clone()));
        next += 1;
    }
    (judge, next)
}

fn healthy() -> Result<Seen, Problem> {
    counts((1.0, 1_000.0), (19.0, 19_000.0))
}

fn sick() -> Result<Seen, Problem> {
    counts((30.0, 1_000.0), (19.0, 19_000.0))
}

fn answer(judge: &Judge, next: u32) -> (Answer, Reason) {
    let verdict = judge.verdict(at(next.max(1) - 1));
    (verdict.answer, verdict.why)
}

#[test]
fn a_metric_takes_four_kibibytes_at_most_and_no_more_with_time() {
    let both = |kind| MetricPlan { direction: Direction::Either, ..MetricPlan::new("m", kind) };
    let values = Finite::new(1.0).map(|canary| Seen::Values { canary, stable: canary });
    let buckets: Vec<(f64, f64)> = (1_u32..=100)
        .map(|bound| (f64::from(bound), 100.0 * f64::from(bound)))
        .chain([(f64::INFINITY, 10_000.0)])
        .collect();
    let buckets = Histogram::from_cumulative(&buckets)
        .map(|canary| Seen::Histograms { canary: canary.clone(), stable: canary });
    for (kind, seen) in [
        (Kind::Ratio { objective: Some(0.01), harmless: Some(0.001) }, healthy()),
        (Kind::Rate, healthy()),
        (Kind::Histogram { history: vec![] }, buckets),
        (Kind::Gauge { memory: None }, values.ok_or(Problem::Missing)),
    ] {
        let (mut judge, _) = fed(both(kind), &[]);
        let mut sizes = Vec::new();
        for number in 0..1_000 {
            sizes.push(judge.bytes(0).expect("there is one"));
            judge.take(0, &window(number, seen.clone()));
        }
        sizes.dedup();
        assert!(sizes.len() <= 2, "constant but for what was learnt: {sizes:?}");
        assert!(sizes.iter().all(|bytes| *bytes <= METRIC_BYTES_MAX), "{sizes:?}");
    }
}

#[test]
fn a_healthy_canary_passes_and_a_sick_one_fails() {
    let (judge, next) = fed(errors(), &vec![healthy(); 40]);
    assert_eq!(answer(&judge, next), (Answer::Pass, Reason::NotWorse));
    let (judge, next) = fed(errors(), &vec![sick(); 3]);
    let verdict = judge.verdict(at(next - 1));
    assert_eq!(verdict.answer, Answer::Fail);
    assert!(matches!(verdict.why, Reason::Worse { p } if p < 0.01), "{:?}", verdict.why);
    assert_eq!(verdict.since, Some(at(0)), "one window was enough");
    let estimates = verdict.metrics[0].estimates;
    let (low, high) =
        (estimates.interval.low.expect("low"), estimates.interval.high.expect("high"));
    let ratio = estimates.ratio.expect("both have errors");
    assert!(1.0 < low && low < ratio && ratio < high, "{low} {ratio} {high}");
}

#[test]
fn a_failure_stays_whatever_comes_after() {
    let mut windows = vec![sick(); 3];
    windows.extend(vec![healthy(); 300]);
    let (judge, next) = fed(errors(), &windows);
    assert_eq!(answer(&judge, next).0, Answer::Fail);
    assert_eq!(judge.verdict(at(next + 1_000)).answer, Answer::Fail);
}

#[test]
fn a_pass_ends_when_the_canary_turns_bad_and_when_nothing_comes() {
    let (mut judge, next) = fed(errors(), &vec![healthy(); 40]);
    let late = judge.verdict(at(next - 1) + Duration::from_secs(61));
    assert!(matches!(late.why, Reason::Stale { .. }), "{:?}", late.why);
    assert_eq!(late.answer, Answer::Inconclusive);
    assert_eq!(late.since, Some(at(next - 1) + Duration::from_mins(1)));
    let mut seen = Vec::new();
    for number in next..next + 12 {
        let slightly = counts((4.0, 1_000.0), (19.0, 19_000.0));
        judge.take(0, &window(number, slightly));
        seen.push(judge.verdict(at(number)).answer);
    }
    assert_eq!(seen.last(), Some(&Answer::Fail), "{seen:?}");
    assert!(seen.contains(&Answer::Inconclusive), "it was doubted first: {seen:?}");
    assert!(seen.is_sorted(), "and never passed again: {seen:?}");
}

#[test]
fn nothing_is_never_a_pass() {
    let nothing = judge(vec![]);
    assert_eq!(answer(&nothing, 1), (Answer::Inconclusive, Reason::NoMetrics));
    let advisory = MetricPlan { role: Role::Advisory, ..errors() };
    let (judge, next) = fed(advisory, &vec![healthy(); 100]);
    assert_eq!(answer(&judge, next), (Answer::Inconclusive, Reason::NoMetrics));
    for (windows, why) in [
        (vec![], Reason::NoData),
        (vec![counts((0.0, 0.0), (5.0, 9_000.0)); 500], Reason::NoData),
        (vec![counts((0.0, 900.0), (0.0, 0.0)); 500], Reason::NoData),
        (vec![Err(Problem::Missing); 500], Reason::Broken(Problem::Missing)),
        (vec![counts((f64::NAN, 1.0), (1.0, 1.0)); 500], Reason::Broken(Problem::NotANumber)),
    ] {
        let (judge, next) = fed(errors(), &windows);
        assert_eq!(answer(&judge, next), (Answer::Inconclusive, why));
    }
}

#[test]
fn twelve_requests_never_pass() {
    let windows = vec![counts((0.0, 1.0), (5_000.0, 10_000.0)); 12];
    let (judge, next) = fed(errors(), &windows);
    let (answer, why) = answer(&judge, next);
    assert_eq!((answer, why), (Answer::Inconclusive, Reason::TooFew { needed: 100.0 }));
}

#[test]
fn without_any_error_the_harmless_share_lets_it_pass() {
    let quiet = || vec![counts((0.0, 1_000.0), (0.0, 19_000.0)); 10];
    let (judge, next) = fed(errors(), &quiet());
    assert_eq!(answer(&judge, next).0, Answer::Pass);
    let kind = Kind::Ratio { objective: None, harmless: None };
    let (judge, next) = fed(MetricPlan { kind, ..errors() }, &quiet());
    assert_eq!(answer(&judge, next), (Answer::Inconclusive, Reason::TooLittle));
}

#[test]
fn more_gaps_than_evidence_pass_nothing() {
    let mut windows = vec![healthy(); 40];
    windows.extend(vec![Err(Problem::Missing); 41]);
    windows.push(healthy());
    windows.push(Err(Problem::Missing));
    let (judge, next) = fed(errors(), &windows);
    assert_eq!(answer(&judge, next), (Answer::Inconclusive, Reason::Gaps));
}

#[test]
fn windows_around_a_weight_step_say_nothing() {
    let mut judge = judge(vec![errors()]);
    judge.take(0, &window(0, healthy()));
    judge.unsettle(at(0) + Duration::from_secs(5));
    for number in 1..3 {
        judge.take(0, &window(number, sick()));
    }
    let verdict = judge.verdict(at(2));
    assert_eq!(verdict.metrics[0].tally.informative, 1);
    assert_eq!(verdict.answer, Answer::Inconclusive);
    judge.take(0, &window(3, sick()));
    assert_eq!(judge.verdict(at(3)).answer, Answer::Fail);
}

#[test]
fn a_window_that_is_told_twice_counts_once() {
    let mut judge = judge(vec![errors()]);
    let slightly = window(0, counts((5.0, 1_000.0), (19.0, 19_000.0)));
    judge.take(0, &slightly);
    let once = judge.verdict(at(0));
    for _ in 0..50 {
        judge.take(0, &slightly);
    }
    let often = judge.verdict(at(0));
    assert_eq!(once.metrics[0].log_e, often.metrics[0].log_e);
    let troubles: Vec<_> = often.metrics[0].tally.troubles().collect();
    assert_eq!(troubles, [(Problem::OutOfOrder, 50)]);
}

#[test]
fn an_objective_fails_a_canary_that_is_no_worse_than_a_bad_stable() {
    let kind = Kind::Ratio { objective: Some(0.01), harmless: None };
    let bad = vec![counts((50.0, 1_000.0), (950.0, 19_000.0)); 3];
    let (judge, next) = fed(MetricPlan { kind, ..errors() }, &bad);
    let (answer, why) = answer(&judge, next);
    assert_eq!(answer, Answer::Fail);
    assert!(matches!(why, Reason::AboveObjective { .. }), "{why:?}");
}

#[test]
fn several_metrics_fail_together_that_none_fails_alone() {
    let shared = |name| MetricPlan {
        role: Role::Shared(1.0),
        dispersion: Some(1.0),
        ..MetricPlan::new(name, Kind::Ratio { objective: None, harmless: None })
    };
    let mut judge = judge(["a", "b", "c", "d"].map(shared).into());
    let mut together = false;
    for number in 0..40 {
        for place in 0..4 {
            judge.take(place, &window(number, counts((3.0, 1_000.0), (19.0, 19_000.0))));
        }
        let verdict = judge.verdict(at(number));
        together |= matches!(verdict.why, Reason::WorseTogether { .. })
            && verdict.metrics.iter().all(|metric| metric.answer != Answer::Fail);
    }
    assert!(together);
}

#[test]
fn a_harmful_decrease_is_a_harmful_increase_of_the_other_arm() {
    let logins = |direction| MetricPlan {
        direction,
        dispersion: Some(1.0),
        ..MetricPlan::new("logins", Kind::Rate)
    };
    let few = vec![counts((20.0, 1_000.0), (1_000.0, 19_000.0)); 10];
    for (direction, wanted) in [
        (Direction::Decrease, Answer::Fail),
        (Direction::Either, Answer::Fail),
        (Direction::Increase, Answer::Pass),
    ] {
        let (judge, next) = fed(logins(direction), &few);
        assert_eq!(answer(&judge, next).0, wanted, "{direction:?}");
    }
}

#[test]
fn a_gauge_fails_when_it_is_steadily_higher_and_passes_when_it_is_not() {
    let memory = MetricPlan {
        tolerated: 1.1,
        ..MetricPlan::new("memory", Kind::Gauge { memory: Some(0.0) })
    };
    let values = |canary: f64, stable: f64| {
        let value = |value| Finite::new(value).ok_or(Problem::NotANumber);
        Ok(Seen::Values { canary: value(canary)?, stable: value(stable)? })
    };
    let wobble = |number: u32| 1.0 + 0.02 * f64::from(number % 5);
    let windows = |times: f64| -> Vec<Result<Seen, Problem>> {
        (0..40).map(|number| values(times * wobble(number), wobble(number + 2))).collect()
    };
    let (judge, next) = fed(memory.clone(), &windows(1.6));
    assert_eq!(answer(&judge, next).0, Answer::Fail);
    let (judge, next) = fed(memory.clone(), &windows(1.0));
    assert_eq!(answer(&judge, next).0, Answer::Pass);
    let (judge, next) = fed(memory, &vec![values(-1.0, 1.0); 40]);
    assert_eq!(answer(&judge, next), (Answer::Inconclusive, Reason::Broken(Problem::Negative)));
}

fn histogram(slow: f64, total: f64, bounds: [f64; 3]) -> Result<Histogram, Problem> {
    let [fast, middle, last] = bounds;
    let (half, most) = (total * 0.5, total - slow);
    let buckets = [(f64::INFINITY, total), (last, most), (fast, half), (middle, total * 0.9)];
    Histogram::from_cumulative(&buckets)
}

#[test]
fn a_histogram_learns_its_bounds_first_and_then_finds_the_slow_tail() {
    let latency = MetricPlan {
        dispersion: Some(1.0),
        ..MetricPlan::new("latency", Kind::Histogram { history: vec![] })
    };
    let bounds = [0.05, 0.1, 0.25];
    let seen = |slow: f64| {
        let canary = histogram(slow, 1_000.0, bounds)?;
        Ok(Seen::Histograms { canary, stable: histogram(190.0, 19_000.0, bounds)? })
    };
    let (slow, next) = fed(latency.clone(), &vec![seen(60.0); 5]);
    let verdict = slow.verdict(at(next - 1));
    assert_eq!(verdict.answer, Answer::Fail);
    assert_eq!(verdict.metrics[0].estimates.beyond, Some(0.25));
    assert_eq!(verdict.metrics[0].tally.informative, 4, "the first window was for learning");
    let (fine, next) = fed(latency.clone(), &vec![seen(10.0); 60]);
    assert_eq!(answer(&fine, next).0, Answer::Pass);

    let strange = || {
        let canary = histogram(60.0, 1_000.0, [1.0, 2.0, 3.0])?;
        Ok(Seen::Histograms { canary, stable: histogram(190.0, 19_000.0, bounds)? })
    };
    let (differs, next) = fed(latency, &vec![strange(); 40]);
    let wanted = (Answer::Inconclusive, Reason::Broken(Problem::BoundsDiffer));
    assert_eq!(answer(&differs, next), wanted);
}

#[test]
fn a_plan_out_of_range_is_refused_by_name() {
    for (alpha, worst) in [(0.0, 1.5), (f64::NAN, 1.5), (0.01, 1.0), (0.01, f64::INFINITY)] {
        let metrics = vec![MetricPlan { worst, ..errors() }];
        let refused = Judge::new(Plan { alpha, metrics, ..Plan::default() });
        assert!(matches!(refused, Err(PlanError::Range { .. })), "{alpha} {worst}");
    }
    let twice = Judge::new(Plan { metrics: vec![errors(), errors()], ..Plan::default() });
    assert!(matches!(twice, Err(PlanError::Twice(_))));
}

#[test]
fn the_outlook_shrinks_and_comes_true() {
    let kind = Kind::Ratio { objective: None, harmless: None };
    let three = [healthy(), healthy(), healthy()];
    let (mut judge, mut next) = fed(MetricPlan { kind, ..errors() }, &three);
    let outlook = |judge: &Judge, next: u32| judge.verdict(at(next - 1)).metrics[0].outlook.pass;
    let first = outlook(&judge, next).expect("it will pass").time;
    let began = next;
    while answer(&judge, next).0 != Answer::Pass {
        judge.take(0, &window(next, healthy()));
        next += 1;
        assert!(next < 200);
    }
    let took = SECONDS * (next - began) * second();
    assert!(first / 3 <= took && took <= first * 3, "promised {first:?}, took {took:?}");
}

/// Windows of counts: canary's bad and good, stable's bad and good.
fn traffic() -> impl Strategy<Value = Vec<[u32; 4]>> {
    prop::collection::vec([0_u32..40, 0..2_000, 0..400, 0..20_000], 1..40)
}

fn seen([bad, good, other_bad, other_good]: [u32; 4]) -> Result<Seen, Problem> {
    let [bad, good, other_bad, other_good] = [bad, good, other_bad, other_good].map(f64::from);
    counts((bad, bad + good), (other_bad, other_bad + other_good))
}

/// ln E for harm and for no harm after these windows.
fn evidence(windows: &[Result<Seen, Problem>]) -> (f64, f64) {
    let (judge, next) = fed(errors(), windows);
    judge.verdict(at(next)).metrics[0].log_e
}

/// Counters of several pods that together count these increases, each restarting now and then.
fn split_over_pods(totals: &[f64], pods: usize, restart: usize) -> f64 {
    let mut sum = 0.0;
    for pod in 0..pods {
        let mut value = 1_000_000.0;
        let mut samples = vec![(0, value)];
        for (number, total) in (1_i64..).zip(totals) {
            let share = (total / 7.0).floor();
            let mine = if pod + 1 == pods {
                total - share * f64::from(u32::try_from(pods - 1).expect("few"))
            } else {
                share
            };
            let restarts =
                usize::try_from(number).is_ok_and(|number| (number + pod) % restart == 0);
            value = if restarts && mine < 0.9 * value { mine } else { value + mine };
            samples.push((number, value));
        }
        let samples: Vec<Sample> = samples
            .into_iter()
            .map(|(number, value)| Sample {
                at: at(0) + Duration::from_secs(u64::try_from(15 * number).expect("small")),
                value,
            })
            .collect();
        sum += increase(&samples, at(10_000)).expect("every sample is sound").amount;
    }
    sum
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Pods split or joined, restarting or not: the arms' sums are the same, and so is everything behind them.
    #[test]
    fn splitting_over_pods_and_restarts_changes_nothing(
        totals in prop::collection::vec(0_u32..2_000, 1..20), pods in 1_usize..6, restart in 2_usize..9,
    ) {
        let totals: Vec<f64> = totals.into_iter().map(f64::from).collect();
        let wanted: f64 = totals.iter().sum();
        prop_assert!((split_over_pods(&totals, pods, restart) - wanted).abs() < 1e-6);
    }

    /// Buckets in any order, as labels come.
    #[test]
    fn the_order_of_labels_changes_nothing(
        mut buckets in prop::collection::vec(0_u32..50, 3..20), turn in 0_usize..20,
    ) {
        buckets.sort_unstable();
        let last = buckets.len() - 1;
        let mut pairs: Vec<(f64, f64)> = (0_u32..).zip(&buckets)
            .map(|(bound, count)| (f64::from(bound), f64::from(*count))).collect();
        pairs[last].0 = f64::INFINITY;
        let straight = Histogram::from_cumulative(&pairs);
        pairs.rotate_left(turn % last);
        prop_assert_eq!(straight.clone(), Histogram::from_cumulative(&pairs));
        pairs.reverse();
        prop_assert_eq!(straight, Histogram::from_cumulative(&pairs));
    }

    /// A window that says nothing leaves the evidence as it was, to the last bit.
    #[test]
    fn missing_windows_are_neutral(windows in traffic(), gaps in 1_usize..30) {
        let mut told: Vec<_> = windows.into_iter().map(seen).collect();
        let before = evidence(&told);
        for gap in 0..gaps {
            let problem = Problem::ALL[gap % Problem::ALL.len()];
            told.push(if gap % 3 == 0 { counts((0.0, 0.0), (3.0, 10.0)) } else { Err(problem) });
        }
        prop_assert_eq!(before, evidence(&told));
    }

    /// Whatever was seen, one more bad request of the canary instead of a good one never speaks for it.
    #[test]
    fn more_errors_never_help(windows in traffic(), place in 0_usize..40) {
        let place = place % windows.len();
        let mut worse = windows.clone();
        prop_assume!(worse[place][1] > 0);
        worse[place][0] += 1;
        worse[place][1] -= 1;
        let of = |windows: Vec<[u32; 4]>| {
            evidence(&windows.into_iter().map(seen).collect::<Vec<_>>())
        };
        let ((harm, no_harm), (worse_harm, worse_no_harm)) = (of(windows), of(worse));
        prop_assert!(worse_harm >= harm - 1e-9, "{} {}", harm, worse_harm);
        prop_assert!(worse_no_harm <= no_harm + 1e-9, "{} {}", no_harm, worse_no_harm);
    }

    /// Any numbers at all: finite evidence, and no pass without enough of the canary's requests.
    #[test]
    fn no_number_breaks_the_judge(
        numbers in prop::collection::vec([any::<f64>(), any::<f64>(), any::<f64>(), any::<f64>()], 0..30),
    ) {
        let windows: Vec<_> = numbers.iter()
            .map(|[bad, total, other, others]| counts((*bad, *total), (*other, *others))).collect();
        let (judge, next) = fed(errors(), &windows);
        let verdict = judge.verdict(at(next));
        let (harm, no_harm) = verdict.metrics[0].log_e;
        prop_assert!(harm.is_finite() && no_harm.is_finite());
        if verdict.answer == Answer::Pass {
            prop_assert!(verdict.metrics[0].estimates.samples >= 100.0);
        }
    }
}
