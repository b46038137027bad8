//! The judges that ours is compared with, as people run them: a fixed threshold, Flagger's check, Mann and Whitney's
//! test as in Kayenta, and the z-test that is looked at too often.

use pilothouse::analysis::kayenta::mann_whitney::{self, Interval};
use pilothouse::analysis::verdict::{self, Answer, Limits};
use pilothouse::domain::metric::{Comparison, Finite, MetricKind, MetricPair, NoData};
use pilothouse::domain::text::Text;

use super::scenarios::Brought;

/// A judge of error ratios: the seconds until it fails the canary, from the first window.
pub(super) type Judged = fn(&[Brought], f64) -> Option<f64>;

/// Windows that told something, each with its number.
fn told(run: &[Brought]) -> impl Iterator<Item = (u32, [f64; 4])> + '_ {
    (0_u32..).zip(run).filter_map(|(number, brought)| Some((number, (*brought)?)))
}

fn seconds(window: u32, seconds: f64) -> f64 {
    f64::from(window + 1) * seconds
}

/// Sums of the newest minute after each window.
fn minutes(run: &[Brought], length: f64) -> impl Iterator<Item = (u32, [f64; 4])> + '_ {
    let many = 4.0_f64.max((60.0 / length).round());
    let mut newest: Vec<[f64; 4]> = Vec::new();
    told(run).filter_map(move |(number, brought)| {
        newest.push(brought);
        if super::count(newest.len()) > many {
            newest.remove(0);
        }
        let sums = std::array::from_fn(|at| newest.iter().map(|brought| brought[at]).sum());
        (super::count(newest.len()) >= many).then_some((number, sums))
    })
}

/// Our own judge of fixed limits (`analysis::verdict`), on the newest minute after every window.
pub(super) fn threshold(run: &[Brought], length: f64) -> Option<f64> {
    let found = minutes(run, length).find(|(_, [bad, all, other, others])| {
        let reading = |value| Finite::new(value).ok_or(NoData::NotANumber);
        let pair = |kind, canary, stable| MetricPair {
            kind,
            canary: reading(canary),
            stable: reading(stable),
            evaluated_at: None,
        };
        let pairs = [
            pair(MetricKind::ErrorRatio, bad / all, other / others),
            pair(MetricKind::RequestRate, all / 60.0, others / 60.0),
        ];
        let comparison = Comparison {
            canary: None,
            stable: None,
            pairs: pairs.into(),
            source: Text::default(),
            warnings: [].into(),
        };
        verdict::judge(&comparison, &Limits::default()).answer == Answer::Fail
    });
    found.map(|(number, _)| seconds(number, length))
}

/// The canary's newest minute below 99 % success at five checks, one a minute (Flagger's defaults; rolled back at the
/// check after the fifth).
pub(super) fn flagger(run: &[Brought], length: f64) -> Option<f64> {
    let mut failed = 0;
    let found = minutes(run, length).find(|(number, [bad, all, ..])| {
        let is_check = (seconds(*number, length) / 60.0).fract() < 1e-9;
        if failed >= 5 && is_check {
            return true;
        }
        failed += u32::from(is_check && bad / all > 0.01);
        false
    });
    found.map(|(number, _)| seconds(number, length))
}

/// z of a pooled two-proportion test on everything so far, at a one-sided 1 %, after every window.
pub(super) fn peeking(run: &[Brought], length: f64) -> Option<f64> {
    let mut sums = [0.0; 4];
    let found = told(run).find(|(_, brought)| {
        for (sum, value) in sums.iter_mut().zip(brought) {
            *sum += value;
        }
        let [bad, all, other, others] = sums;
        let pooled = (bad + other) / (all + others);
        let error = (pooled * (1.0 - pooled) * (1.0 / all + 1.0 / others)).sqrt();
        error > 0.0 && (bad / all - other / others) / error > 2.326
    });
    found.map(|(number, _)| seconds(number, length))
}

/// Kayenta's comparison (98 %, tolerance 0.25, direction increase) of error ratios in per cent, from the fourth window
/// on after every fourth window: as often as it is run anywhere, and as often as this benchmark can afford.
pub(super) fn mann_whitney(run: &[Brought], length: f64) -> Option<f64> {
    let (mut canary, mut stable) = (Vec::new(), Vec::new());
    let found = told(run).find(|(_, [bad, all, other, others])| {
        canary.push(100.0 * bad / all);
        stable.push(100.0 * other / others);
        if canary.len() % 4 != 0 {
            return false;
        }
        let Ok(Interval { low, estimate, .. }) = mann_whitney::compare(&canary, &stable, 0.98)
        else {
            return false;
        };
        let [mean_canary, mean_stable] =
            [&canary, &stable].map(|side| side.iter().sum::<f64>() / super::count(side.len()));
        low > 0.25 * estimate.abs() && mean_canary >= mean_stable
    });
    found.map(|(number, _)| seconds(number, length))
}
