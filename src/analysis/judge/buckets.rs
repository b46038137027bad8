//! A metric that counts in buckets. Without history the first windows only tell which bounds are worth watching; they
//! judge nothing.

use super::confidence::{RatioInterval, SHOWN_LEVEL};
use super::histogram::{Cut, HistogramNoHarm, HistogramProcess, at_bound, cuts};
use super::mixture::Start;
use super::outcome::Estimates;
use super::plan::MetricPlan;
use crate::domain::window::{Histogram, Problem};

/// Stable's requests from which its tails are known well enough: one of the rarest that are watched.
const LEARN_MIN: f64 = 2_000.0;
/// Bounds that are learnt about; of more, every so many-th.
const LEARN_BOUNDS_MAX: usize = 64;
/// The share of slower requests that is shown: the 99th percentile lies there.
const SHOWN_TAIL: f64 = 0.01;

/// Stable's tails so far.
#[derive(Clone, Debug, PartialEq)]
struct Learning {
    bounds: [(f64, f64); LEARN_BOUNDS_MAX],
    used: usize,
    total: f64,
}

impl Learning {
    const fn new() -> Self {
        Self { bounds: [(0.0, 0.0); LEARN_BOUNDS_MAX], used: 0, total: 0.0 }
    }

    fn take(&mut self, stable: &Histogram) {
        if self.used == 0 {
            let every = stable.bounds().count().div_ceil(LEARN_BOUNDS_MAX).max(1);
            for (slot, bound) in self.bounds.iter_mut().zip(stable.bounds().step_by(every)) {
                *slot = (bound, 0.0);
                self.used += 1;
            }
        }
        self.total += stable.total();
        for (bound, slower) in self.bounds.iter_mut().take(self.used) {
            *slower += stable.slower_than(*bound).unwrap_or(0.0);
        }
    }

    fn tails(&self) -> Option<Vec<Cut>> {
        (self.total >= LEARN_MIN).then(|| {
            let learnt = self.bounds.iter().take(self.used);
            learnt.map(|(bound, slower)| Cut { bound: *bound, tail: slower / self.total }).collect()
        })
    }
}

/// The tests, once the bounds are chosen.
#[derive(Clone, Debug, PartialEq)]
struct Judging {
    harm: HistogramProcess,
    no_harm: HistogramNoHarm,
    shown: RatioInterval,
    beyond: f64,
    canary: (f64, f64),
    stable: (f64, f64),
}

impl Judging {
    fn new(chosen: &[Cut], plan: &MetricPlan, start: Start) -> Self {
        let off = |cut: &Cut| (cut.tail.ln() - SHOWN_TAIL.ln()).abs();
        let shown = chosen.iter().min_by(|left, right| off(left).total_cmp(&off(right)));
        Self {
            harm: HistogramProcess::new(chosen, plan.tolerated, start),
            no_harm: HistogramNoHarm::new(chosen, plan.worst),
            shown: RatioInterval::default(),
            beyond: shown.map_or(f64::NAN, |cut| cut.bound),
            canary: (0.0, 0.0),
            stable: (0.0, 0.0),
        }
    }
}

/// Where a metric in buckets stands.
#[derive(Clone, Debug, PartialEq)]
enum Phase {
    Learning(Box<Learning>),
    Judging(Box<Judging>),
}

/// What a metric in buckets has learnt.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BucketsTest {
    phase: Phase,
    start: Start,
}

impl BucketsTest {
    pub(super) fn new(history: &[Cut], plan: &MetricPlan, start: Start) -> Self {
        let chosen = cuts(history);
        let phase = if chosen.is_empty() {
            Phase::Learning(Box::new(Learning::new()))
        } else {
            Phase::Judging(Box::new(Judging::new(&chosen, plan, start)))
        };
        Self { phase, start }
    }

    /// A window with traffic on both sides; whether it told anything about the canary.
    ///
    /// # Errors
    /// Canary and stable share none of the bounds that are watched: nothing was taken.
    pub(super) fn update(
        &mut self,
        (canary, stable): (&Histogram, &Histogram),
        dispersion: f64,
        plan: &MetricPlan,
    ) -> Result<Told, Problem> {
        match &mut self.phase {
            Phase::Learning(learning) => {
                learning.take(stable);
                let chosen = learning.tails().map(|tails| cuts(&tails)).unwrap_or_default();
                if !chosen.is_empty() {
                    self.phase = Phase::Judging(Box::new(Judging::new(&chosen, plan, self.start)));
                }
                Ok(Told::Learning)
            }
            Phase::Judging(judging) => {
                let watched = judging.harm.cuts();
                if !watched.iter().any(|cut| at_bound(canary, stable, cut.bound).is_some()) {
                    return Err(Problem::BoundsDiffer);
                }
                judging.harm.update(canary, stable, dispersion)?;
                judging.no_harm.update(canary, stable, dispersion);
                if let Some((mine, other)) = at_bound(canary, stable, judging.beyond) {
                    judging.shown.update(mine, other, dispersion);
                    for (sum, arm) in [(&mut judging.canary, mine), (&mut judging.stable, other)] {
                        sum.0 += arm.events();
                        sum.1 += arm.exposure();
                    }
                }
                Ok(Told::Something)
            }
        }
    }

    pub(super) fn skip(&mut self) {
        match &mut self.phase {
            Phase::Learning(_) => {}
            Phase::Judging(judging) => {
                judging.harm.skip();
                judging.no_harm.skip();
            }
        }
    }

    /// What is behind the pointer now.
    pub(super) const fn bytes(&self) -> usize {
        match &self.phase {
            Phase::Learning(_) => size_of::<Learning>(),
            Phase::Judging(_) => size_of::<Judging>(),
        }
    }

    const fn judging(&self) -> Option<&Judging> {
        match &self.phase {
            Phase::Learning(_) => None,
            Phase::Judging(judging) => Some(judging),
        }
    }

    pub(super) fn harm(&self) -> f64 {
        self.judging().map_or(0.0, |judging| judging.harm.mixture().log_e())
    }

    /// ln E against "as bad as the worst that is tolerated" at every bound; no bound, no evidence.
    pub(super) fn no_harm(&self) -> f64 {
        let Some(judging) = self.judging() else { return 0.0 };
        let proofs = judging.no_harm.processes().map(|process| process.mixture().log_e());
        proofs.min_by(f64::total_cmp).unwrap_or(0.0)
    }

    pub(super) fn estimates(&self) -> Estimates {
        let Some(judging) = self.judging() else { return Estimates::default() };
        let share = |(slow, total): (f64, f64)| (total > 0.0).then(|| slow / total);
        let (canary, stable) = (share(judging.canary), share(judging.stable));
        let ratio = canary.zip(stable).filter(|(_, stable)| *stable > 0.0);
        Estimates {
            canary,
            stable,
            ratio: ratio.map(|(canary, stable)| canary / stable),
            interval: judging.shown.interval(1.0 - SHOWN_LEVEL),
            samples: judging.canary.1,
            beyond: Some(judging.beyond).filter(|bound| bound.is_finite()),
        }
    }

    /// Windows until the proof of no harm reaches `goal`, if every bound goes on as so far.
    pub(super) fn windows_to_pass(&self, windows: u32, goal: f64) -> Option<f64> {
        let processes = self.judging()?.no_harm.processes();
        let waits = processes.map(|process| {
            let mixture = process.mixture();
            mixture.windows_until(goal, &mixture.mean_growth(windows))
        });
        waits.collect::<Option<Vec<f64>>>()?.into_iter().max_by(f64::total_cmp)
    }
}

/// Whether a window told anything about the canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It did.
    Something,
    /// There was nothing to tell: no traffic.
    Nothing,
    /// It was spent on learning what to watch.
    Learning,
}
