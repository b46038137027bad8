//! The canary's error ratio against a fixed one, without stable: one-sample Bernoulli e-processes.
//!
//! Likelihood ratio of q against p for c bad of n: (q/p)^c · ((1−q)/(1−p))^(n−c), mixed over several q. For q > p its
//! expectation under any true ratio up to p is at most 1 (Wald, "Sequential Tests of Statistical Hypotheses", 1945, §4;
//! the mixture as in Robbins, "Statistical methods related to the law of the iterated logarithm", 1970).

use super::mixture::{Mixture, Start};
use crate::domain::window::Arm;

const ALTERNATIVES: usize = 8;

/// Above the objective, as multiples of the limit.
const ABOVE: [f64; ALTERNATIVES] = [1.25, 1.5, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0];
/// Below what is harmless, as shares of the limit.
const BELOW: [f64; ALTERNATIVES] = [0.9, 0.75, 0.6, 0.45, 0.3, 0.15, 0.05, 0.01];

/// An e-process over error ratios.
#[derive(Clone, Debug, PartialEq)]
pub struct AbsoluteProcess {
    limit: f64,
    alternatives: [f64; ALTERNATIVES],
    mixture: Mixture<ALTERNATIVES>,
}

impl AbsoluteProcess {
    /// Rejects "at most `limit` of the requests are bad" (the burn rate that is tolerated, times one minus objective).
    #[must_use]
    pub fn above(limit: f64, start: Start) -> Self {
        let limit = probability(limit);
        let alternatives = ABOVE.map(|times| (limit * times).min(0.5 + limit / 2.0));
        Self { limit, alternatives, mixture: Mixture::new(ALTERNATIVES, start) }
    }

    /// Rejects "at least `limit` of the requests are bad".
    #[must_use]
    pub fn below(limit: f64) -> Self {
        let limit = probability(limit);
        let alternatives = BELOW.map(|share| limit * share);
        Self { limit, alternatives, mixture: Mixture::new(ALTERNATIVES, Start::AT_ONCE) }
    }

    /// A window; without exposure it says nothing.
    pub fn update(&mut self, canary: Arm, dispersion: f64) {
        if canary.exposure() <= 0.0 {
            self.mixture.skip();
        } else {
            self.mixture.step(&self.log_ratios(canary, dispersion));
        }
    }

    /// A window in which nothing was seen.
    pub fn skip(&mut self) {
        self.mixture.skip();
    }

    /// The limit, as a ratio.
    #[must_use]
    pub const fn limit(&self) -> f64 {
        self.limit
    }

    /// Per alternative the log likelihood ratio of a window.
    #[must_use]
    pub fn log_ratios(&self, canary: Arm, dispersion: f64) -> [f64; ALTERNATIVES] {
        let bad = canary.events();
        let good = (canary.exposure() - bad).max(0.0);
        let limit = self.limit;
        self.alternatives.map(|other| {
            let log = bad * (other / limit).ln() + good * ((1.0 - other) / (1.0 - limit)).ln();
            log / dispersion.max(1.0)
        })
    }

    /// The e-process.
    #[must_use]
    pub const fn mixture(&self) -> &Mixture<ALTERNATIVES> {
        &self.mixture
    }
}

/// Strictly between nothing and all: at either end the likelihood ratio is not defined.
fn probability(limit: f64) -> f64 {
    if limit.is_nan() { 0.5 } else { limit.clamp(1e-9, 0.999) }
}
