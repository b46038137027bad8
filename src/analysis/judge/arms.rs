//! A metric that counts events: ratios and rates.

use super::absolute::AbsoluteProcess;
use super::confidence::{RatioInterval, SHOWN_LEVEL};
use super::mixture::{NOTHING, Start, log_add};
use super::outcome::Estimates;
use super::plan::{Direction, Kind, MetricPlan};
use super::ratio::{HARM, NO_HARM, RatioProcess};
use crate::domain::window::Arm;

/// One process per harmful direction. A harmful decrease of the canary is a harmful increase of stable.
#[derive(Clone, Debug, PartialEq)]
struct Side {
    direction: Direction,
    harm: RatioProcess<HARM>,
    no_harm: RatioProcess<NO_HARM>,
}

impl Side {
    fn new(direction: Direction, plan: &MetricPlan, start: Start) -> Self {
        let harm = RatioProcess::harm(plan.tolerated, start);
        Self { direction, harm, no_harm: RatioProcess::no_harm(plan.worst) }
    }

    const fn turned(&self, canary: Arm, stable: Arm) -> (Arm, Arm) {
        match self.direction {
            Direction::Increase | Direction::Either => (canary, stable),
            Direction::Decrease => (stable, canary),
        }
    }

    fn update(&mut self, canary: Arm, stable: Arm, dispersion: f64) {
        let (mine, other) = self.turned(canary, stable);
        self.harm.update(mine, other, dispersion);
        self.no_harm.update(mine, other, dispersion);
    }
}

/// What a metric that counts events has learnt.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ArmsTest {
    sides: [Option<Side>; 2],
    above: Option<AbsoluteProcess>,
    below: Option<AbsoluteProcess>,
    shown: RatioInterval,
    canary: (f64, f64),
    stable: (f64, f64),
}

impl ArmsTest {
    pub(super) fn new(plan: &MetricPlan, start: Start) -> Self {
        let side = |direction| Some(Side::new(direction, plan, start));
        let sides = match plan.direction {
            Direction::Increase => [side(Direction::Increase), None],
            Direction::Decrease => [side(Direction::Decrease), None],
            Direction::Either => [side(Direction::Increase), side(Direction::Decrease)],
        };
        let (objective, harmless) = match plan.kind {
            Kind::Ratio { objective, harmless } => (objective, harmless),
            Kind::Rate | Kind::Histogram { .. } | Kind::Gauge { .. } => (None, None),
        };
        Self {
            sides,
            above: objective.map(|limit| AbsoluteProcess::above(limit, start)),
            below: harmless.map(AbsoluteProcess::below),
            shown: RatioInterval::default(),
            canary: (0.0, 0.0),
            stable: (0.0, 0.0),
        }
    }

    /// A window with exposure on both sides.
    pub(super) fn update(&mut self, canary: Arm, stable: Arm, dispersion: f64) {
        for side in self.sides.iter_mut().flatten() {
            side.update(canary, stable, dispersion);
        }
        for process in [&mut self.above, &mut self.below].into_iter().flatten() {
            process.update(canary, dispersion);
        }
        self.shown.update(canary, stable, dispersion);
        for (sum, arm) in [(&mut self.canary, canary), (&mut self.stable, stable)] {
            sum.0 += arm.events();
            sum.1 += arm.exposure();
        }
    }

    pub(super) fn skip(&mut self) {
        for side in self.sides.iter_mut().flatten() {
            side.harm.skip();
            side.no_harm.skip();
        }
        for process in [&mut self.above, &mut self.below].into_iter().flatten() {
            process.skip();
        }
    }

    /// ln E of "worse than stable".
    pub(super) fn relative_harm(&self) -> f64 {
        mean(self.sides.iter().flatten().map(|side| side.harm.mixture().log_e()))
    }

    /// ln E of "above the objective".
    pub(super) fn absolute_harm(&self) -> Option<f64> {
        self.above.as_ref().map(|process| process.mixture().log_e())
    }

    /// ln E against "as bad as the worst that is tolerated": every direction must agree; where a share is known that
    /// is harmless, the proof may be of either kind.
    pub(super) fn no_harm(&self) -> f64 {
        let below = self.below.as_ref().map(|process| process.mixture().log_e());
        let proofs = self.sides.iter().flatten().map(|side| side.no_harm.mixture().log_e());
        proofs
            .map(|proof| mean([Some(proof), below].into_iter().flatten()))
            .fold(f64::MAX, f64::min)
    }

    pub(super) fn estimates(&self) -> Estimates {
        let share = |(events, exposure): (f64, f64)| (exposure > 0.0).then(|| events / exposure);
        let (canary, stable) = (share(self.canary), share(self.stable));
        let ratio = canary.zip(stable).filter(|(_, stable)| *stable > 0.0);
        Estimates {
            canary,
            stable,
            ratio: ratio.map(|(canary, stable)| canary / stable),
            interval: self.shown.interval(1.0 - SHOWN_LEVEL),
            samples: self.canary.1,
            beyond: None,
        }
    }

    /// Windows until the proof of no harm reaches `goal`, if windows go on as on average so far and the canary is as
    /// good as stable; where that is excluded, as good as it looks.
    pub(super) fn windows_to_pass(&self, windows: u32, dispersion: f64, goal: f64) -> Option<f64> {
        let interval = self.shown.interval(1.0 - SHOWN_LEVEL);
        let alike = interval.low.is_none_or(|low| low <= 1.0)
            && interval.high.is_none_or(|high| high >= 1.0);
        let ratio = if alike { 1.0 } else { self.shown.likeliest() };
        let (canary, stable) = self.expected(windows, ratio)?;
        let relative = self.sides.iter().flatten().try_fold(0.0_f64, |longest, side| {
            let (mine, other) = side.turned(canary, stable);
            let growth = side.no_harm.log_ratios(mine, other, dispersion)?;
            Some(longest.max(side.no_harm.mixture().windows_until(goal, &growth)?))
        });
        let absolute = self.below.as_ref().and_then(|process| {
            process.mixture().windows_until(goal, &process.log_ratios(canary, dispersion))
        });
        [relative, absolute].into_iter().flatten().min_by(f64::total_cmp)
    }

    /// Windows until the test for harm reaches `goal`, if the canary is as bad as it looks.
    pub(super) fn windows_to_fail(&self, windows: u32, dispersion: f64, goal: f64) -> Option<f64> {
        let (canary, stable) = self.expected(windows, self.shown.likeliest())?;
        let relative = self.sides.iter().flatten().filter_map(|side| {
            let (mine, other) = side.turned(canary, stable);
            let growth = side.harm.log_ratios(mine, other, dispersion)?;
            side.harm.mixture().windows_until(goal, &growth)
        });
        let absolute = self.above.iter().filter_map(|process| {
            process.mixture().windows_until(goal, &process.log_ratios(canary, dispersion))
        });
        relative.chain(absolute).min_by(f64::total_cmp)
    }

    /// The average window so far, with its events shared out as a true ratio of `ratio` would.
    fn expected(&self, windows: u32, ratio: f64) -> Option<(Arm, Arm)> {
        let windows = f64::from(windows);
        let (mine, other) = (self.canary.1 / windows, self.stable.1 / windows);
        let events = (self.canary.0 + self.stable.0) / windows;
        let share = ratio * mine / (ratio * mine + other);
        let canary = Arm::of_exposure(events * share, mine).ok()?;
        let stable = Arm::of_exposure(events * (1.0 - share), other).ok()?;
        (windows > 0.0).then_some((canary, stable))
    }
}

/// ln of the mean of e-values given as ln; of none, nothing.
pub(super) fn mean(log_es: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) =
        log_es.fold((NOTHING, 0.0), |(sum, count), log_e| (log_add(sum, log_e), count + 1.0_f64));
    sum - count.max(1.0).ln()
}
