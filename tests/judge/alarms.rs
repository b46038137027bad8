//! How often the judge is wrong, and how soon it is right: a few hundred simulated canaries. The long tables are made by
//! `cargo bench --bench judgement`.

use pilothouse::analysis::verdict::Answer;

use super::draw::Draw;
use super::scenarios::{Case, Clumps, SOUND, Share, Told};

/// Runs of `case` with the answer, of so many.
fn share(case: &Case, wanted: Answer, runs: u64) -> f64 {
    let found = (0..runs).filter(|seed| case.seconds_until(wanted, *seed).is_some()).count();
    f64::from(u32::try_from(found).expect("few")) / f64::from(u32::try_from(runs).expect("few"))
}

fn median_seconds(case: &Case, wanted: Answer, runs: u64) -> f64 {
    let seconds = (0..runs).map(|seed| case.seconds_until(wanted, seed).unwrap_or(f64::INFINITY));
    let mut seconds: Vec<f64> = seconds.collect();
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// One in a hundred is promised; of 150 runs, five would be three standard errors off.
#[test]
fn a_sound_canary_is_hardly_ever_failed_however_often_one_looks() {
    let half = Case { windows: 120, ..SOUND };
    for case in [
        Case { name: "errors", ..half },
        Case { name: "weight steps and drift", share: Share::Ramp(1_000.0), ..half },
        Case { name: "bursts", clumps: Clumps::Bursts, told: Told::Learnt, ..half },
        Case { name: "uneven", clumps: Clumps::Overdispersed, told: Told::Learnt, ..half },
        Case { name: "no history", told: Told::Unknown, ..half },
        Case { name: "tolerated", times: 1.25, tolerated: 1.25, ..half },
        Case { name: "scrapes lost", lost: 0.2, ..half },
    ] {
        let failed = share(&case, Answer::Fail, 150);
        assert!(failed <= 0.03, "{}: {failed}", case.name);
    }
}

/// That the rate above is small because of the guard, and not because nothing is ever found.
#[test]
fn bursts_that_are_taken_for_single_errors_would_fail_sound_canaries() {
    let bursts = Case { clumps: Clumps::Bursts, windows: 120, ..SOUND };
    let failed = share(&bursts, Answer::Fail, 60);
    assert!(failed > 0.3, "{failed}");
}

#[test]
fn ten_times_the_errors_are_found_within_one_window() {
    let sick = Case { times: 10.0, share: Share::Rates(100.0, 1_900.0), ..SOUND };
    assert!(median_seconds(&sick, Answer::Fail, 100) <= 15.0);
}

#[test]
fn three_times_the_errors_are_found_within_minutes() {
    let sick = Case { times: 3.0, ..SOUND };
    assert!(median_seconds(&sick, Answer::Fail, 100) <= 150.0);
    assert!((share(&sick, Answer::Fail, 100) - 1.0).abs() < f64::EPSILON, "every one is found");
}

/// One in twenty is promised.
#[test]
fn a_canary_as_bad_as_the_worst_that_is_tolerated_hardly_ever_passes() {
    let worst = Case { times: 1.5, ..SOUND };
    let passed = share(&worst, Answer::Pass, 200);
    assert!(passed <= 0.09, "{passed}");
    let fine = Case { base: 0.003, ..SOUND };
    assert!(share(&fine, Answer::Pass, 60) > 0.9, "and a good one does");
}

/// Mean and variance of 20 000 draws, within five standard errors of what the law says.
#[test]
fn the_binomial_is_one() {
    let mut draw = Draw::new(7);
    for (n, p) in [(750.0, 0.001), (14_250.0, 0.003), (10_000.0, 0.4), (100.0, 0.97)] {
        let many = 20_000.0;
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..20_000 {
            let found = draw.binomial(n, p);
            sum += found;
            squares += found * found;
        }
        let (mean, variance) = (n * p, n * p * (1.0 - p));
        let found = sum / many;
        assert!((found - mean).abs() < 5.0 * (variance / many).sqrt(), "mean {n} {p}: {found}");
        let found = squares / many - found * found;
        assert!((found / variance - 1.0).abs() < 0.06, "variance {n} {p}: {found}");
    }
}
