//! Gauges (memory, CPU, a queue's depth, a quantile that was computed elsewhere): one difference per window.
//!
//! d = ln canary − ln stable. What d remembers of its last value is taken off: u = d − ρ·d' − (1 − ρ)·margin, ρ from
//! history ([`super::history::Autocorrelation`]). Null hypothesis: given the past, u is symmetric about a value ≤ 0. With a
//! scale s known before the window, e(λ) = 2 / (1 + exp(−2λu/s)) has e(u) + e(−u) = 2 and grows with u, so its mean is
//! at most 1 for *every* such law: no moments are needed and an outlier counts two at most (the symmetric e-variables
//! of Ramdas et al., "Testing exchangeability / symmetry" 2022, and de la Peña 1999). Hence at least log2(1/α) windows.
//!
//! A pod that always needs a little more than another looks like a regression: the margin must be larger than the
//! spread between pods of one version.

use super::mixture::{Mixture, Start};

const SLOPES: [f64; 6] = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2];

/// Residuals that the scale is taken from: the newest. (The reference keeps all; a scale may be any function of the
/// past, and this one is bounded and follows a change.)
const RESIDUALS_MAX: usize = 64;
/// Below so many residuals only their sign counts.
const RESIDUALS_MIN: usize = 6;
/// From the median of absolute values to a normal law's standard deviation.
const MEDIAN_TO_DEVIATION: f64 = 1.4826;

/// An e-process over differences of a gauge.
#[derive(Clone, Debug, PartialEq)]
pub struct GaugeProcess {
    margin: f64,
    memory: f64,
    previous: Option<f64>,
    residuals: Residuals,
    mixture: Mixture<{ SLOPES.len() }>,
}

impl GaugeProcess {
    /// Rejects "the difference is at most `margin`"; `memory` is the lag-1 autocorrelation of the differences, 0 to
    /// 0.98.
    #[must_use]
    pub fn new(margin: f64, memory: f64, start: Start) -> Self {
        Self {
            margin,
            memory: memory.clamp(0.0, 0.98),
            previous: None,
            residuals: Residuals::default(),
            mixture: Mixture::new(SLOPES.len(), start),
        }
    }

    /// A window's difference; `None`: nothing was seen, and the next one only tells where memory begins.
    pub fn update(&mut self, difference: Option<f64>) {
        let difference = difference.filter(|difference| difference.is_finite());
        let before = std::mem::replace(&mut self.previous, difference);
        let remembered = match before {
            Some(before) => self.memory * before,
            None if self.memory > 0.0 => return self.mixture.skip(),
            None => 0.0,
        };
        let Some(difference) = difference else { return self.mixture.skip() };
        let residual = difference - remembered - (1.0 - self.memory) * self.margin;
        let steps = match self.residuals.scale() {
            Some(scale) => residual / scale,
            None if residual == 0.0 => 0.0,
            None => residual.signum(),
        };
        self.residuals.push(residual.abs());
        self.mixture.step(&SLOPES.map(|slope| {
            std::f64::consts::LN_2 - super::mixture::log_add(0.0, -2.0 * slope * steps)
        }));
    }

    /// The e-process.
    #[must_use]
    pub const fn mixture(&self) -> &Mixture<{ SLOPES.len() }> {
        &self.mixture
    }
}

/// The newest absolute residuals.
#[derive(Clone, Debug, PartialEq)]
struct Residuals {
    ring: [f64; RESIDUALS_MAX],
    pushed: usize,
}

impl Default for Residuals {
    fn default() -> Self {
        Self { ring: [0.0; RESIDUALS_MAX], pushed: 0 }
    }
}

impl Residuals {
    fn push(&mut self, residual: f64) {
        self.ring[self.pushed % RESIDUALS_MAX] = residual;
        self.pushed += 1;
    }

    /// Their scale, never zero.
    fn scale(&self) -> Option<f64> {
        let kept = self.pushed.min(RESIDUALS_MAX);
        if kept < RESIDUALS_MIN {
            return None;
        }
        let mut sorted = self.ring;
        let sorted = &mut sorted[..kept];
        sorted.sort_unstable_by(f64::total_cmp);
        let median = f64::midpoint(sorted[(kept - 1) / 2], sorted[kept / 2]);
        let scale = MEDIAN_TO_DEVIATION * median;
        Some(if scale > 0.0 { scale } else { 1e-12 })
    }
}
