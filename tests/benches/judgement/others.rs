//! Simulated canaries whose metrics do not count errors: latencies in buckets, gauges, and six metrics at once.

use std::time::Duration;

use pilothouse::analysis::judge::histogram::Cut;
use pilothouse::analysis::judge::history::Autocorrelation;
use pilothouse::analysis::judge::live::Judge;
use pilothouse::analysis::judge::plan::{Kind, MetricPlan, Plan, Role};
use pilothouse::analysis::verdict::Answer;
use pilothouse::domain::metric::Finite;
use pilothouse::domain::observed::Timestamp;
use pilothouse::domain::window::{Arm, Histogram, Problem, Seen, Window};

use super::draw::Draw;

const LENGTH: Duration = Duration::from_secs(15);
const WINDOWS: u32 = 240;

/// Seconds until the canary fails: `seen` makes a window of the metric at a place.
fn until_failed(
    metrics: Vec<MetricPlan>,
    mut seen: impl FnMut(usize) -> Result<Seen, Problem>,
) -> Option<f64> {
    let places = metrics.len();
    let mut judge = Judge::new(Plan { metrics, ..Plan::default() }).expect("the plan is sound");
    let begin = Timestamp::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let found = (1..=WINDOWS).find(|number| {
        let end = begin + LENGTH * *number;
        for place in 0..places {
            judge.take(place, &Window { end, length: LENGTH, seen: seen(place) });
        }
        judge.verdict(end).answer == Answer::Fail
    });
    found.map(|number| 15.0 * f64::from(number))
}

/// What happens to the canary's latency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Slower {
    /// Nothing.
    No,
    /// All of it takes 1.3 times as long.
    All,
    /// The slowest tenth is stretched, so that the 99th percentile takes 1.3 times as long.
    Tail,
}

/// Latency is lognormal, median 60 ms, σ 0.7 (p99 306 ms), in the buckets that Go clients have by default.
const BOUNDS: [f64; 11] = [5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1e3, 2.5e3, 5e3, 1e4];

fn at_most(milliseconds: f64) -> f64 {
    normal((milliseconds / 60.0).ln() / 0.7)
}

/// Distribution of the standard normal law, by its series (Marsaglia 2004).
fn normal(at: f64) -> f64 {
    if at.abs() > 8.0 {
        return f64::from(u8::from(at > 0.0));
    }
    let (mut sum, mut term, mut step) = (at, at, 1.0);
    while term.abs() > 1e-17 {
        step += 2.0;
        term *= at * at / step;
        sum += term;
    }
    0.5 + sum * (-0.5 * at * at).exp() / std::f64::consts::TAU.sqrt()
}

impl Slower {
    fn at_most(self, milliseconds: f64) -> f64 {
        let (slowest, p99) =
            (60.0 * (0.7_f64 * 1.281_551_6).exp(), 60.0 * (0.7_f64 * 2.326_348).exp());
        let stretch = (1.3 * p99 - slowest) / (p99 - slowest);
        match self {
            Self::All => at_most(milliseconds / 1.3),
            Self::Tail if milliseconds > slowest => {
                at_most(slowest + (milliseconds - slowest) / stretch)
            }
            Self::No | Self::Tail => at_most(milliseconds),
        }
    }

    fn histogram(self, draw: &mut Draw, requests: f64) -> Result<Histogram, Problem> {
        let (mut left, mut below, mut counted) = (requests, 0.0, 0.0);
        let mut buckets = vec![(f64::INFINITY, requests)];
        for bound in BOUNDS {
            let share = self.at_most(bound);
            let conditional = ((share - below) / (1.0 - below)).clamp(0.0, 1.0);
            let found = if below >= 1.0 - 1e-12 { left } else { draw.binomial(left, conditional) };
            (left, counted, below) = (left - found, counted + found, share);
            buckets.push((bound, counted));
        }
        Histogram::from_cumulative(&buckets)
    }
}

/// Seconds until a canary with this latency fails, at 50 requests/s beside `stable`.
pub(super) fn latency(slower: Slower, stable: f64, seed: u64) -> Option<f64> {
    let mut draw = Draw::new(seed);
    let history = BOUNDS.map(|bound| Cut { bound, tail: 1.0 - at_most(bound) });
    let kind = Kind::Histogram { history: history.into() };
    let plan = MetricPlan { dispersion: Some(1.0), ..MetricPlan::new("latency", kind) };
    until_failed(vec![plan], |_| {
        let canary = slower.histogram(&mut draw, 750.0)?;
        Ok(Seen::Histograms { canary, stable: Slower::No.histogram(&mut draw, 15.0 * stable)? })
    })
}

/// Seconds until a canary whose gauge is `times` stable's fails. The logarithms' difference has a standard deviation of
/// 0.112 and remembers `memory` of its last value; how much is learnt from an hour before.
pub(super) fn gauge(times: f64, memory: f64, seed: u64) -> Option<f64> {
    let mut draw = Draw::new(seed);
    let mut level = 0.112 * draw.normal();
    let mut next = || {
        level = memory * level + 0.112 * (1.0 - memory * memory).sqrt() * draw.normal();
        level
    };
    let mut history = Autocorrelation::default();
    for _ in 0..WINDOWS {
        history.observe(next());
    }
    let plan = MetricPlan::new("gauge", Kind::Gauge { memory: history.upper() });
    until_failed(vec![plan], |_| {
        let value = |value| Finite::new(value).ok_or(Problem::NotANumber);
        Ok(Seen::Values { canary: value(times * next().exp())?, stable: value(1.0)? })
    })
}

/// Seconds until a canary with six error ratios that share a budget fails; so many of them are three times stable's.
pub(super) fn six(sick: usize, seed: u64) -> Option<f64> {
    let mut draw = Draw::new(seed);
    let metric = |name| MetricPlan {
        role: Role::Shared(1.0),
        dispersion: Some(1.0),
        ..MetricPlan::new(name, Kind::Ratio { objective: None, harmless: None })
    };
    until_failed(["a", "b", "c", "d", "e", "f"].map(metric).into(), |place| {
        let ratio = if place < sick { 0.003 } else { 0.001 };
        let canary = Arm::of_total(draw.binomial(750.0, ratio), 750.0)?;
        let stable = Arm::of_total(draw.binomial(3_000.0, 0.001), 3_000.0)?;
        Ok(Seen::Arms { canary, stable })
    })
}
