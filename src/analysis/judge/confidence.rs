//! What is shown: between which values the canary's ratio to stable lies, valid at every moment at once.
//!
//! Counts: the ratios that a mixture over all ratios cannot reject, `{ r : L(r) ≥ α · Σ v_g L(g) }` (Robbins 1970, §4;
//! Howard et al., "Time-uniform, nonparametric, nonasymptotic confidence sequences", 2021, §3), on a grid of 129 ratios
//! from 1/64 to 64 with a normal prior on ln r of standard deviation ln 4. Gauges: the asymptotic confidence sequence of
//! Waudby-Smith et al. ("Time-uniform central limit theory", 2021, theorem 2.2), which is only approximately valid; no
//! verdict is taken from it.

use std::sync::LazyLock;

use super::mixture::log_sum;
use super::ratio::geometric;
use crate::domain::window::Arm;

const POINTS: usize = 129;
const RATIO_MAX: f64 = 64.0;

/// Level of the interval that is shown.
pub const SHOWN_LEVEL: f64 = 0.95;

struct Grid {
    ratio: [f64; POINTS],
    log_ratio: [f64; POINTS],
    log_prior: [f64; POINTS],
}

static GRID: LazyLock<Grid> = LazyLock::new(|| {
    let ratio: [f64; POINTS] = geometric(1.0 / RATIO_MAX, RATIO_MAX);
    let log_ratio = ratio.map(f64::ln);
    let log_prior = log_ratio.map(|log| -0.5 * (log / 4.0_f64.ln()).powi(2));
    let sum = log_sum(&log_prior);
    Grid { ratio, log_ratio, log_prior: log_prior.map(|log| log - sum) }
});

/// Where a ratio lies. `None`: not bounded there (yet).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    /// At least this.
    pub low: Option<f64>,
    /// At most this.
    pub high: Option<f64>,
}

/// The likelihood of every ratio of the grid. 1 KiB.
#[derive(Clone, Debug, PartialEq)]
pub struct RatioInterval {
    log_likelihood: [f64; POINTS],
}

impl Default for RatioInterval {
    fn default() -> Self {
        Self { log_likelihood: [0.0; POINTS] }
    }
}

impl RatioInterval {
    /// A window; without exposure on both sides it says nothing.
    pub fn update(&mut self, canary: Arm, stable: Arm, dispersion: f64) {
        let (exposed, other) = (canary.exposure(), stable.exposure());
        let (mine, both) = (canary.events(), canary.events() + stable.events());
        if exposed <= 0.0 || other <= 0.0 || both <= 0.0 {
            return;
        }
        let (grid, both_exposed) = (&*GRID, exposed + other);
        let points = grid.ratio.iter().zip(&grid.log_ratio);
        for (likelihood, (ratio, log_ratio)) in self.log_likelihood.iter_mut().zip(points) {
            let log = mine * log_ratio - both * ((ratio * exposed + other) / both_exposed).ln();
            *likelihood += log / dispersion.max(1.0);
        }
    }

    /// The interval at level 1 − `alpha`.
    #[must_use]
    pub fn interval(&self, alpha: f64) -> Interval {
        let grid = &*GRID;
        let mixed: [f64; POINTS] =
            std::array::from_fn(|at| grid.log_prior[at] + self.log_likelihood[at]);
        let limit = alpha.ln() + log_sum(&mixed);
        let inside = |at: &usize| self.log_likelihood.get(*at).is_some_and(|log| *log >= limit);
        let bound = |at: usize| (at > 0 && at < POINTS - 1).then(|| grid.ratio[at]);
        Interval {
            low: (0..POINTS).find(inside).and_then(bound),
            high: (0..POINTS).rev().find(inside).and_then(bound),
        }
    }

    /// The likeliest ratio of the grid.
    #[must_use]
    pub fn likeliest(&self) -> f64 {
        let best = |best: usize, at: usize| {
            if self.log_likelihood[at] > self.log_likelihood[best] { at } else { best }
        };
        GRID.ratio[(1..POINTS).fold(0, best)]
    }
}

/// Mean and spread of numbers as they come (Welford 1962).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    count: u32,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// Takes a number.
    pub fn push(&mut self, value: f64) {
        self.count = self.count.saturating_add(1);
        let off = value - self.mean;
        self.mean += off / f64::from(self.count);
        self.squares += off * (value - self.mean);
    }

    /// How many.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Their mean; `None` of none.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// Half the width of the asymptotic confidence sequence at level 1 − `alpha`; `None` below ten numbers.
    /// ρ is set for the tightest interval after 50 (ibid., appendix: ρ² ≈ (2 ln(1/α) + ln(1 + 2 ln(1/α))) / t).
    #[must_use]
    pub fn half_width(&self, alpha: f64) -> Option<f64> {
        if self.count < 10 {
            return None;
        }
        let n = f64::from(self.count);
        let twice = -2.0 * alpha.ln();
        let rho2 = (twice + (1.0 + twice).ln()) / 50.0;
        let grown = n * rho2 + 1.0;
        let deviation = (self.squares / n).sqrt();
        Some(deviation * (2.0 * grown / (n * n * rho2) * (grown.sqrt() / alpha).ln()).sqrt())
    }
}
