//! From counters to windows: every increase is counted once, nothing is made up.

use proptest::prelude::*;

use super::*;
use crate::domain::counter::Sample;
use crate::domain::fixtures::at;
use crate::domain::look::Looked;

const FAMILY: &str = "http_requests_total";

/// One series of a pod at this second.
fn series(side: Side, pod: &str, counts: Counts, (second, value): (u64, f64)) -> RawSeries {
    let key = match counts {
        Counts::Requests => 1,
        Counts::Good => 2,
        Counts::Bad => 3,
        Counts::UpTo(bound) => bound.to_bits(),
    };
    RawSeries {
        family: FAMILY,
        counts,
        side,
        pod: Name::new(pod),
        key,
        samples: [Sample { at: at(second), value }].into(),
    }
}

fn look(second: u64, pods: &[(Side, &str)], series: Vec<RawSeries>) -> Look {
    let looked = |(side, pod): &(Side, &str)| Looked {
        pod: Name::new(pod),
        side: *side,
        at: Some(at(second)),
    };
    Look {
        at: Some(at(second)),
        pods: pods.iter().map(looked).collect(),
        series,
        ..Look::default()
    }
}

const PODS: [(Side, &str); 2] = [(Side::Canary, "new-1"), (Side::Stable, "old-1")];

/// Good and bad requests of canary and stable.
fn both(second: u64, canary: (f64, f64), stable: (f64, f64)) -> Look {
    let mut all = Vec::new();
    for ((side, pod), (good, bad)) in PODS.into_iter().zip([canary, stable]) {
        all.push(series(side, pod, Counts::Good, (second, good)));
        all.push(series(side, pod, Counts::Bad, (second, bad)));
    }
    look(second, &PODS, all)
}

fn arms(taken: &[Taken]) -> Result<[(f64, f64); 2], Problem> {
    let one = taken.iter().find(|taken| taken.measure == Measure::Errors).expect("a window");
    match one.window.seen.clone()? {
        Seen::Arms { canary, stable } => {
            Ok([canary, stable].map(|arm| (arm.events(), arm.exposure())))
        }
        Seen::Histograms { .. } | Seen::Values { .. } => panic!("{one:?}"),
    }
}

#[test]
fn a_window_is_what_was_added_since_the_look_before() {
    let mut sampler = Sampler::default();
    assert_eq!(sampler.take(&both(10, (100.0, 5.0), (900.0, 1.0)), at(10)), []);
    let taken = sampler.take(&both(20, (150.0, 8.0), (1000.0, 1.0)), at(20));
    assert_eq!(arms(&taken), Ok([(3.0, 53.0), (0.0, 100.0)]));
    assert_eq!((taken[0].window.end, taken[0].window.length), (at(20), Duration::from_secs(10)));
    assert_eq!(taken[0].pods, [(0.0, 100.0)]);
    // The same look again says nothing new.
    assert_eq!(sampler.take(&both(20, (150.0, 8.0), (1000.0, 1.0)), at(20)), []);
    let (lately, length) = sampler.lately(Measure::Errors, Side::Canary).unwrap();
    assert_eq!((lately.bad, lately.total, length), (3.0, 53.0, Duration::from_secs(10)));
}

#[test]
fn the_first_errors_of_a_pod_that_was_looked_at_before_are_counted() {
    let mut sampler = Sampler::default();
    let good = |second, canary, stable| {
        let side = |(side, pod), value| series(side, pod, Counts::Good, (second, value));
        vec![side(PODS[0], canary), side(PODS[1], stable)]
    };
    sampler.take(&look(10, &PODS, good(10, 10.0, 90.0)), at(10));
    let mut next = good(20, 20.0, 190.0);
    next.push(series(Side::Canary, "new-1", Counts::Bad, (20, 4.0)));
    // On a pod that nobody looked at before, nobody knows since when it counts.
    next.push(series(Side::Canary, "new-2", Counts::Good, (20, 500.0)));
    next.push(series(Side::Canary, "new-2", Counts::Bad, (20, 500.0)));
    let taken = sampler.take(&look(20, &PODS, next), at(20));
    assert_eq!(arms(&taken), Ok([(4.0, 14.0), (0.0, 100.0)]));
}

#[test]
fn a_pod_with_a_broken_series_is_left_out_whole_and_named_where_no_other_is_left() {
    let mut sampler = Sampler::default();
    let pods = [(Side::Canary, "new-1"), (Side::Canary, "new-2"), (Side::Stable, "old-1")];
    let at_second = |second, bad: f64| {
        let mut all = both(second, (f64::from(u32::try_from(second).unwrap()), bad), (50.0, 0.0));
        all.pods = look(second, &pods, vec![]).pods;
        let value = f64::from(u32::try_from(second).unwrap()) * 2.0;
        all.series.push(series(Side::Canary, "new-2", Counts::Good, (second, value)));
        all
    };
    sampler.take(&at_second(10, 100.0), at(10));
    let taken = sampler.take(&at_second(20, f64::NAN), at(20));
    assert_eq!(arms(&taken), Ok([(0.0, 20.0), (0.0, 0.0)]), "the other pod of the canary");
    let mut alone = Sampler::default();
    alone.take(&both(10, (1.0, 100.0), (1.0, 1.0)), at(10));
    let taken = alone.take(&both(20, (1.0, 99.0), (1.0, 1.0)), at(20));
    assert_eq!(arms(&taken), Err(Problem::WentBackwards));
}

#[test]
fn an_arm_that_is_gone_is_missing_and_not_zero() {
    let mut sampler = Sampler::default();
    sampler.take(&both(10, (1.0, 0.0), (9.0, 0.0)), at(10));
    let taken = sampler.take(&look(20, &[], vec![]), at(20));
    assert_eq!(arms(&taken), Err(Problem::Missing));
    // What was added meanwhile is not lost, and counted once.
    let taken = sampler.take(&both(30, (5.0, 0.0), (29.0, 2.0)), at(30));
    assert_eq!(arms(&taken), Ok([(0.0, 4.0), (2.0, 22.0)]));
}

#[test]
fn latencies_are_compared_bucket_by_bucket_and_shown_as_a_quantile() {
    let mut sampler = Sampler::default();
    let buckets = |second, counts: [f64; 3]| {
        let mut all = Vec::new();
        for (side, pod) in PODS {
            for (bound, count) in [0.1, 0.5, f64::INFINITY].into_iter().zip(counts) {
                all.push(series(side, pod, Counts::UpTo(bound), (second, count)));
            }
        }
        look(second, &PODS, all)
    };
    sampler.take(&buckets(10, [0.0; 3]), at(10));
    let taken = sampler.take(&buckets(20, [90.0, 100.0, 100.0]), at(20));
    let [Taken { measure: Measure::Latency, window, .. }] = &taken[..] else { panic!("{taken:?}") };
    let Ok(Seen::Histograms { canary, .. }) = &window.seen else { panic!("{window:?}") };
    assert_eq!((canary.total(), canary.slower_than(0.1)), (100.0, Some(10.0)));
    let (lately, _) = sampler.lately(Measure::Latency, Side::Stable).unwrap();
    let p95 = lately.quantile(0.95).unwrap();
    assert!((p95 - 0.3).abs() < 1e-9, "{p95}");
    assert_eq!(Sum::default().quantile(0.99), None);
}

#[test]
fn another_source_and_what_was_left_out_before_are_counted_from_where_they_are_met() {
    for (source, left_out) in [("the pods", 0), ("", 7)] {
        let mut sampler = Sampler::default();
        sampler.take(&both(10, (100.0, 5.0), (900.0, 1.0)), at(10));
        sampler.take(&both(20, (150.0, 8.0), (1000.0, 1.0)), at(20));
        let mut other = both(30, (200.0, 9.0), (1100.0, 1.0));
        for series in &mut other.series {
            series.key += 100;
        }
        (other.source, other.left_out) = (Text::clean(source), left_out);
        let taken = sampler.take(&other, at(30));
        let is_new = taken.is_empty() || arms(&taken) == Ok([(0.0, 0.0), (0.0, 0.0)]);
        assert!(is_new, "{taken:?}");
    }
}

#[test]
fn the_past_of_stables_pods_is_cut_into_stretches() {
    let samples = |values: [f64; 5]| -> std::sync::Arc<[Sample]> {
        let at_index = |(index, value): (u64, f64)| Sample { at: at(1_000 + 15 * index), value };
        (0..).zip(values).map(at_index).collect()
    };
    let good = RawSeries {
        samples: samples([0.0, 10.0, 20.0, 30.0, 40.0]),
        ..series(Side::Stable, "old-1", Counts::Good, (1_000, 0.0))
    };
    let bad = RawSeries {
        samples: samples([0.0, 0.0, 3.0, 3.0, 3.0]),
        ..series(Side::Stable, "old-1", Counts::Bad, (1_000, 0.0))
    };
    let other = RawSeries {
        samples: samples([5.0, 6.0, 7.0, f64::NAN, 9.0]),
        ..series(Side::Stable, "old-2", Counts::Good, (1_000, 0.0))
    };
    let canary = RawSeries { side: Side::Canary, ..other.clone() };
    let look = look(1_060, &PODS, vec![good, bad, other, canary]);
    let mut past = Sampler::past(&look, at(1_060));
    past.reverse();
    assert_eq!(past.len(), 4);
    assert_eq!(past[0], [(0.0, 10.0), (0.0, 1.0)]);
    assert_eq!(past[1], [(3.0, 13.0), (0.0, 1.0)]);
    assert_eq!(past[2], [(0.0, 10.0)], "the broken sample of the other pod");
    assert_eq!(Sampler::past(&Look::default(), at(1)), Vec::<Vec<(f64, f64)>>::new());
}

#[test]
fn what_is_gone_is_forgotten() {
    let mut sampler = Sampler::default();
    for second in 1..200 {
        let pod = format!("new-{second}");
        let one = series(Side::Canary, &pod, Counts::Good, (second, 1.0));
        sampler.take(&look(second, &[(Side::Canary, &pod)], vec![one]), at(second));
    }
    assert!(sampler.counters.len() <= 8 && sampler.pods.len() <= 8, "{}", sampler.counters.len());
}

proptest! {
    /// However the requests of an arm are spread over pods, and in whatever order series come, the window is the same.
    #[test]
    fn splitting_an_arm_over_pods_changes_nothing(
        parts in prop::collection::vec((0_u32..1000, 0_u32..50), 1..8),
        turn in 0_usize..8,
    ) {
        let value = |count: u32| f64::from(count);
        let mut whole = Sampler::default();
        let mut split = Sampler::default();
        let names: Vec<String> = (0..parts.len()).map(|index| format!("new-{index}")).collect();
        let sum = parts.iter().fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
        let mut seen = Vec::new();
        for (second, share) in [(10, 0_u32), (20, 1)] {
            let stable = series(Side::Stable, "old-1", Counts::Good, (second, 7.0));
            let one = |pod: &str, (good, bad): (u32, u32)| [
                series(Side::Canary, pod, Counts::Good, (second, value(good * share))),
                series(Side::Canary, pod, Counts::Bad, (second, value(bad * share))),
            ];
            let mut many: Vec<RawSeries> =
                names.iter().zip(&parts).flat_map(|(name, part)| one(name, *part)).collect();
            many.push(stable.clone());
            let length = many.len();
            many.rotate_left(turn % length);
            let mut few = one("new-0", sum).to_vec();
            few.push(stable);
            seen.push((
                whole.take(&look(second, &PODS, few), at(second)),
                split.take(&look(second, &PODS, many), at(second)),
            ));
        }
        let (one, many) = seen.pop().unwrap();
        prop_assert_eq!(one[0].window.seen.clone(), many[0].window.seen.clone());
    }
}
