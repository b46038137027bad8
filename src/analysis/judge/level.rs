//! A metric with one value per arm and window.

use super::buckets::Told;
use super::confidence::{Interval, Moments, SHOWN_LEVEL};
use super::gauge::GaugeProcess;
use super::mixture::Start;
use super::outcome::Estimates;
use super::plan::{Direction, MEMORY_UNKNOWN, MetricPlan};
use crate::domain::window::Problem;

/// One harmful direction: a test for harm, and one against the worst that is tolerated.
#[derive(Clone, Debug, PartialEq)]
struct Side {
    sign: f64,
    harm: GaugeProcess,
    no_harm: GaugeProcess,
}

/// What a gauge has learnt.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LevelTest {
    sides: [Option<Side>; 2],
    memory: f64,
    previous: Option<f64>,
    residuals: Moments,
    canary: Moments,
    stable: Moments,
}

impl LevelTest {
    pub(super) fn new(memory: Option<f64>, plan: &MetricPlan, start: Start) -> Self {
        let memory = memory.unwrap_or(MEMORY_UNKNOWN);
        let side = |sign| {
            Some(Side {
                sign,
                harm: GaugeProcess::new(plan.tolerated.ln(), memory, start),
                no_harm: GaugeProcess::new(-plan.worst.ln(), memory, Start::AT_ONCE),
            })
        };
        let sides = match plan.direction {
            Direction::Increase => [side(1.0), None],
            Direction::Decrease => [side(-1.0), None],
            Direction::Either => [side(1.0), side(-1.0)],
        };
        let none = Moments::default();
        Self { sides, memory, previous: None, residuals: none, canary: none, stable: none }
    }

    /// A window with a value on both sides.
    ///
    /// # Errors
    /// A value below zero. One that is zero has no logarithm, and tells nothing. Either way nothing was taken.
    pub(super) fn update(&mut self, canary: f64, stable: f64) -> Result<Told, Problem> {
        if canary < 0.0 || stable < 0.0 {
            return Err(Problem::Negative);
        }
        let difference = canary.ln() - stable.ln();
        if !difference.is_finite() {
            return Ok(Told::Nothing);
        }
        self.canary.push(canary);
        self.stable.push(stable);
        for side in self.sides.iter_mut().flatten() {
            side.harm.update(Some(side.sign * difference));
            side.no_harm.update(Some(-side.sign * difference));
        }
        if let Some(previous) = self.previous.replace(difference) {
            self.residuals.push((difference - self.memory * previous) / (1.0 - self.memory));
        }
        Ok(Told::Something)
    }

    pub(super) fn skip(&mut self) {
        self.previous = None;
        for side in self.sides.iter_mut().flatten() {
            side.harm.update(None);
            side.no_harm.update(None);
        }
    }

    pub(super) fn harm(&self) -> f64 {
        super::arms::mean(self.sides.iter().flatten().map(|side| side.harm.mixture().log_e()))
    }

    pub(super) fn no_harm(&self) -> f64 {
        let proofs = self.sides.iter().flatten().map(|side| side.no_harm.mixture().log_e());
        proofs.min_by(f64::total_cmp).unwrap_or(0.0)
    }

    /// The ratio is the geometric mean over windows, its interval the asymptotic one.
    pub(super) fn estimates(&self) -> Estimates {
        let middle = self.residuals.mean();
        let bounds = middle.zip(self.residuals.half_width(1.0 - SHOWN_LEVEL));
        Estimates {
            canary: self.canary.mean(),
            stable: self.stable.mean(),
            ratio: middle.map(f64::exp),
            interval: Interval {
                low: bounds.map(|(middle, half)| (middle - half).exp()),
                high: bounds.map(|(middle, half)| (middle + half).exp()),
            },
            samples: f64::from(self.residuals.count()),
            beyond: None,
        }
    }

    /// Windows until the proof of no harm reaches `goal`, if things go on as so far.
    pub(super) fn windows_to_pass(&self, windows: u32, goal: f64) -> Option<f64> {
        let waits = self.sides.iter().flatten().map(|side| {
            let mixture = side.no_harm.mixture();
            mixture.windows_until(goal, &mixture.mean_growth(windows))
        });
        waits.collect::<Option<Vec<f64>>>()?.into_iter().max_by(f64::total_cmp)
    }
}
