//! Events per exposure, canary against stable, in the same window: error ratios, misses of a latency objective,
//! crashes per pod-second.
//!
//! Given how many events both arms had together (m), the canary's share c carries all that is known of the risk ratio
//! r, whatever the rate itself does: c is binomial with `r·n_c / (r·n_c + n_b)`. So shared incidents, the time of day and
//! steps of the weight cancel (Lindon & Malek, "Anytime-valid inference for multinomial count data", 2022:
//! only the labels of the events matter). The window's likelihood ratio of r against the boundary r0 is
//!
//! ```text
//! l(r) = [ c·ln(r/r0) − m·ln( (r·n_c + n_b) / (r0·n_c + n_b) ) ] / φ
//! ```
//!
//! For r0 = 1 its expectation is at most 1 without any approximation: given m the canary's count is hypergeometric,
//! r^c is convex, and drawing without replacement is dominated by drawing with it (Hoeffding, "Probability inequalities
//! for sums of bounded random variables", 1963, theorem 4). For other boundaries it is exact for Poisson counts. The
//! ratio is monotone in r, so all true ratios at or below r0 are covered.
//!
//! φ ≥ 1 is the dispersion of the events (they come in bursts): x^(1/φ) is concave, so a burst of at most φ events
//! cannot lift the expectation above 1. See [`super::history::Dispersion`].

use super::mixture::{Mixture, Start};
use crate::domain::window::Arm;

/// Alternatives of the test for harm: from 1.15 times the boundary to 32 times, evenly in ln r.
pub const HARM: usize = 20;
/// Alternatives of the test for no harm: from a quarter to 1.1, evenly in ln r.
pub const NO_HARM: usize = 10;

/// An e-process over risk ratios.
#[derive(Clone, Debug, PartialEq)]
pub struct RatioProcess<const N: usize> {
    ratios: [f64; N],
    boundary: f64,
    mixture: Mixture<N>,
}

impl RatioProcess<HARM> {
    /// Rejects "the canary's rate is at most `boundary` times stable's".
    #[must_use]
    pub fn harm(boundary: f64, start: Start) -> Self {
        let ratios = geometric(1.15, 32.0).map(|ratio: f64| ratio * boundary);
        Self { ratios, boundary, mixture: Mixture::new(HARM, start) }
    }
}

impl RatioProcess<NO_HARM> {
    /// Rejects "the canary's rate is at least `worst` times stable's": non-inferiority.
    #[must_use]
    pub fn no_harm(worst: f64) -> Self {
        let ratios = geometric(0.25, 1.1_f64.min(0.95 * worst));
        Self { ratios, boundary: worst, mixture: Mixture::new(NO_HARM, Start::AT_ONCE) }
    }
}

impl<const N: usize> RatioProcess<N> {
    /// A window. Where an arm had no exposure it says nothing. `dispersion` must be known before the window.
    pub fn update(&mut self, canary: Arm, stable: Arm, dispersion: f64) {
        match self.log_ratios(canary, stable, dispersion) {
            Some(log_ratios) => self.mixture.step(&log_ratios),
            None => self.mixture.skip(),
        }
    }

    /// A window in which nothing was seen.
    pub fn skip(&mut self) {
        self.mixture.skip();
    }

    /// The e-process.
    #[must_use]
    pub const fn mixture(&self) -> &Mixture<N> {
        &self.mixture
    }

    /// Per alternative the log likelihood ratio of a window; `None` without exposure.
    #[must_use]
    pub fn log_ratios(&self, canary: Arm, stable: Arm, dispersion: f64) -> Option<[f64; N]> {
        let (exposed, other) = (canary.exposure(), stable.exposure());
        if exposed <= 0.0 || other <= 0.0 {
            return None;
        }
        let (mine, both) = (canary.events(), canary.events() + stable.events());
        let at_boundary = self.boundary * exposed + other;
        Some(self.ratios.map(|ratio| {
            let gain = mine * (ratio / self.boundary).ln();
            (gain - both * ((ratio * exposed + other) / at_boundary).ln()) / dispersion.max(1.0)
        }))
    }
}

/// `N` numbers from `low` to `high`, evenly in their logarithm.
pub(super) fn geometric<const N: usize>(low: f64, high: f64) -> [f64; N] {
    let (low, high) = (low.ln(), high.ln());
    let step = (high - low) / super::mixture::count(N.max(2) - 1);
    std::array::from_fn(|at| (low + step * super::mixture::count(at)).exp())
}
