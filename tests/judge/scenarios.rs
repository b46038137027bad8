//! Simulated canaries: what arrives in each window, from a seed. The quick test and the benchmark run the same ones.

use std::time::Duration;

use pilothouse::analysis::judge::live::Judge;
use pilothouse::analysis::judge::plan::{Kind, MetricPlan, Plan};
use pilothouse::analysis::verdict::Answer;
use pilothouse::domain::observed::Timestamp;
use pilothouse::domain::window::{Arm, Problem, Seen, Window};

use super::draw::Draw;

/// Windows of the hour before the rollout from which the dispersion is learnt, and pods that they are split over.
const HISTORY: u32 = 240;
const PODS: usize = 10;

/// How bad requests come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Clumps {
    /// One by one.
    None,
    /// In bursts of one to five, each size as likely.
    Bursts,
    /// One by one, at a rate that each pod's window has for itself (gamma, variance 0.25 of the mean squared).
    Overdispersed,
}

/// What the judge is told about the dispersion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Told {
    /// It is this.
    Known(f64),
    /// An hour of stable's pods.
    Learnt,
    /// Nothing.
    Unknown,
}

/// How the traffic is shared between canary and stable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Share {
    /// Requests per second of either.
    Rates(f64, f64),
    /// 5, 10, 25, 50 % of this many, a quarter of the time each; the error ratio of both drifts meanwhile.
    Ramp(f64),
}

/// One canary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) share: Share,
    /// Stable's error ratio.
    pub(crate) base: f64,
    /// The canary's over stable's.
    pub(crate) times: f64,
    /// First window in which it is so.
    pub(crate) from: u32,
    pub(crate) clumps: Clumps,
    pub(crate) told: Told,
    pub(crate) tolerated: f64,
    /// What a pass must exclude.
    pub(crate) worst: f64,
    /// Share of windows in which the canary's scrape is lost.
    pub(crate) lost: f64,
    pub(crate) seconds: f64,
    pub(crate) windows: u32,
}

/// Nothing is wrong, 5 % of 1 000 requests/s, one bad of a thousand, looked at every 15 s for an hour.
pub(crate) const SOUND: Case = Case {
    name: "5 %, nothing wrong",
    share: Share::Rates(50.0, 950.0),
    base: 0.001,
    times: 1.0,
    from: 0,
    clumps: Clumps::None,
    told: Told::Known(1.0),
    tolerated: 1.0,
    worst: 1.5,
    lost: 0.0,
    seconds: 15.0,
    windows: 240,
};

/// What one window brought: bad and all, of canary and stable. `None`: the scrape was lost.
pub(crate) type Brought = Option<[f64; 4]>;

impl Case {
    fn rates(&self, window: u32) -> (f64, f64) {
        match self.share {
            Share::Rates(canary, stable) => (canary, stable),
            Share::Ramp(all) => {
                let quarter = (4 * window / self.windows).min(3);
                let weight = [0.05, 0.10, 0.25, 0.50][usize::try_from(quarter).expect("small")];
                (all * weight, all * (1.0 - weight))
            }
        }
    }

    fn drift(&self, window: u32) -> f64 {
        match self.share {
            Share::Rates(..) => 1.0,
            Share::Ramp(_) => 1.0 + 3.0 * f64::from(window) / f64::from(self.windows),
        }
    }

    fn bad(&self, draw: &mut Draw, requests: f64, ratio: f64) -> f64 {
        match self.clumps {
            Clumps::None => draw.binomial(requests, ratio),
            Clumps::Overdispersed => {
                let rate = draw.gamma(4.0) / 4.0;
                draw.binomial(requests, (ratio * rate).min(1.0))
            }
            Clumps::Bursts => {
                let bursts = draw.binomial(requests, ratio / 3.0);
                let mut sum = 0.0;
                let mut burst = 0.0;
                while burst < bursts {
                    sum += (draw.uniform() * 5.0).floor() + 1.0;
                    burst += 1.0;
                }
                sum.min(requests)
            }
        }
    }

    /// The windows of a run.
    pub(crate) fn run(&self, draw: &mut Draw) -> Vec<Brought> {
        let window = |number: u32| {
            let (canary, stable) = self.rates(number);
            let (canary, stable) = (canary * self.seconds, stable * self.seconds);
            let base = self.base * self.drift(number);
            let times = if number >= self.from { self.times } else { 1.0 };
            // The canary is one pod; stable's pods are equal to it in kind, and as many as its traffic needs.
            let mine = self.bad(draw, canary.round(), base * times);
            let each = (stable / 10.0).round();
            let other: f64 = (0..PODS).map(|_| self.bad(draw, each, base)).sum();
            let lost = self.lost > 0.0 && draw.uniform() < self.lost;
            (!lost).then_some([mine, canary.round(), other, each * 10.0])
        };
        (0..self.windows).map(window).collect()
    }

    /// Our judge before the first window.
    pub(crate) fn judge(&self, draw: &mut Draw) -> Judge {
        let dispersion = match self.told {
            Told::Known(dispersion) => Some(dispersion),
            Told::Learnt | Told::Unknown => None,
        };
        let kind = Kind::Ratio { objective: None, harmless: None };
        let (tolerated, worst) = (self.tolerated, self.worst);
        let metric = MetricPlan { dispersion, tolerated, worst, ..MetricPlan::new("errors", kind) };
        let plan = Plan { windows: self.windows, metrics: vec![metric], ..Plan::default() };
        let mut judge = Judge::new(plan).expect("the plan is sound");
        if self.told == Told::Learnt {
            let (_, stable) = self.rates(0);
            let each = (stable * self.seconds / 10.0).round();
            for _ in 0..HISTORY {
                let pods = [(); PODS].map(|()| (self.bad(draw, each, self.base), each));
                judge.observe_pods(0, &pods);
            }
        }
        judge
    }

    /// Seconds from the damage (or the start) to our verdict of this answer, asked after every window.
    pub(crate) fn seconds_until(&self, wanted: Answer, seed: u64) -> Option<f64> {
        let mut draw = Draw::new(seed);
        let mut judge = self.judge(&mut draw);
        let run = self.run(&mut draw);
        let found = (0_u32..).zip(&run).find(|(number, brought)| {
            let window = window(*number, self.seconds, **brought);
            judge.take(0, &window);
            judge.verdict(window.end).answer == wanted
        });
        let (number, _) = found?;
        Some(f64::from((number + 1).saturating_sub(self.from)) * self.seconds)
    }
}

/// What the judge is fed.
pub(crate) fn window(number: u32, seconds: f64, brought: Brought) -> Window {
    let length = Duration::from_secs_f64(seconds);
    let arm = |bad, all| Arm::of_total(bad, all).expect("counts");
    let seen = brought.ok_or(Problem::Missing).map(|[bad, all, other, others]| Seen::Arms {
        canary: arm(bad, all),
        stable: arm(other, others),
    });
    let begin = Timestamp::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    Window { end: begin + length * (number + 1), length, seen }
}
