//! The e-process at the bottom of every test: a mixture of likelihood ratios over hypotheses and over the window in
//! which the damage began.
//!
//! An e-process starts at 1, is never negative, and under the null hypothesis is not expected to grow, whatever was
//! seen before. Ville's inequality (1939; in this form Ramdas et al., "Game-theoretic statistics and safe anytime-valid
//! inference", 2023, §2) then bounds the chance that it *ever* reaches 1/α by α: one may look after every window and
//! stop when one likes. An average of e-processes is one again, whatever their dependence; that is all that a mixture
//! is.

/// ln 0.
pub(super) const NOTHING: f64 = f64::NEG_INFINITY;

/// When the damage may have begun: weights of the windows, which sum to one at most.
///
/// Half of the mass is on the first window (the canary was bad from the start), the rest is spread over the windows of
/// the plan; what is kept for `later` is spread over as many windows again and again, ever thinner, so that a rollout
/// that takes longer than planned is not judged blindly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Start {
    first: f64,
    windows: u32,
    later: f64,
}

impl Start {
    /// From the first window on, and never later: all that is needed to prove that nothing is wrong.
    pub const AT_ONCE: Self = Self { first: 1.0, windows: 1, later: 0.0 };

    /// Half at the first window, two fifths within `windows`, a tenth later.
    #[must_use]
    pub const fn within(windows: u32) -> Self {
        Self { first: 0.5, windows: at_least_two(windows), later: 0.1 }
    }

    /// Half at the first window, half within `windows`, none later: as in the reference implementation.
    #[must_use]
    pub const fn only_within(windows: u32) -> Self {
        Self { first: 0.5, windows: at_least_two(windows), later: 0.0 }
    }

    /// Weight of a start in window `at` (0 is the first).
    fn weight(self, at: u32) -> f64 {
        if at == 0 {
            return self.first;
        }
        let block = f64::from(at / self.windows);
        if at < self.windows {
            (1.0 - self.first - self.later) / f64::from(self.windows - 1)
        } else {
            self.later / (block * (block + 1.0)) / f64::from(self.windows)
        }
    }

    /// Weight of all starts after window `at`.
    fn tail(self, at: u32) -> f64 {
        if at < self.windows {
            let left = f64::from(self.windows - 1 - at);
            let spread = f64::from(self.windows - 1).max(1.0);
            return self.later + (1.0 - self.first - self.later) * left / spread;
        }
        // Blocks from the next on telescope to later / (block + 1); of this one the windows that are left.
        let block = f64::from(at / self.windows);
        let left = f64::from(self.windows - 1 - at % self.windows) / f64::from(self.windows);
        self.later / (block + 1.0) + self.later / (block * (block + 1.0)) * left
    }
}

const fn at_least_two(windows: u32) -> u32 {
    if windows < 2 { 2 } else { windows }
}

/// A mixture over at most `N` hypotheses of equal weight. Its memory is `N` floats, however long it runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture<const N: usize> {
    /// Per hypothesis ln of Σ over starts so far of weight times likelihood ratio since.
    log_a: [f64; N],
    used: usize,
    start: Start,
    seen: u32,
    log_e: f64,
    log_e_max: f64,
}

impl<const N: usize> Mixture<N> {
    /// Before the first window; `used` hypotheses of the `N`.
    #[must_use]
    pub fn new(used: usize, start: Start) -> Self {
        let used = used.min(N);
        Self { log_a: [NOTHING; N], used, start, seen: 0, log_e: 0.0, log_e_max: 0.0 }
    }

    /// A window with these log likelihood ratios, one per hypothesis. What is not finite leaves the window neutral.
    pub fn step(&mut self, log_ratios: &[f64; N]) {
        let used = log_ratios.get(..self.used).unwrap_or_default();
        if used.is_empty() || used.iter().any(|ratio| !ratio.is_finite()) {
            self.skip();
            return;
        }
        let weight = self.start.weight(self.seen).ln();
        for (log_a, ratio) in self.log_a.iter_mut().zip(used) {
            *log_a = log_add(*log_a, weight) + ratio;
        }
        self.settle();
    }

    /// A window without evidence: the factor 1. The e-value stays as it is to the last bit.
    pub fn skip(&mut self) {
        let weight = self.start.weight(self.seen).ln();
        for log_a in self.log_a.iter_mut().take(self.used) {
            *log_a = log_add(*log_a, weight);
        }
        self.seen = self.seen.saturating_add(1);
    }

    fn settle(&mut self) {
        let tail = self.start.tail(self.seen).ln();
        self.seen = self.seen.saturating_add(1);
        let mut mixed = [NOTHING; N];
        for (mixed, log_a) in mixed.iter_mut().zip(self.log_a.iter().take(self.used)) {
            *mixed = log_add(*log_a, tail);
        }
        self.log_e = log_sum(&mixed) - count(self.used).ln();
        self.log_e_max = self.log_e_max.max(self.log_e);
    }

    /// ln of the e-value now.
    #[must_use]
    pub const fn log_e(&self) -> f64 {
        self.log_e
    }

    /// ln of the largest e-value so far.
    #[must_use]
    pub const fn log_e_max(&self) -> f64 {
        self.log_e_max
    }

    /// Always-valid p-value: the smallest 1/E so far. Under the null hypothesis it is at most α *at any time* with
    /// probability α at most.
    #[must_use]
    pub fn p(&self) -> f64 {
        (-self.log_e_max).exp()
    }

    /// How many windows, the neutral ones too.
    #[must_use]
    pub const fn windows(&self) -> u32 {
        self.seen
    }

    /// Windows until the e-value reaches `goal` (as ln), if each hypothesis goes on growing by `growth` per window: the
    /// first to arrive alone. `None`: none of them grows.
    #[must_use]
    pub fn windows_until(&self, goal: f64, growth: &[f64; N]) -> Option<f64> {
        let goal = goal + count(self.used).ln();
        let tail = self.start.tail(self.seen.saturating_sub(1)).ln();
        let grown = self.log_a.iter().take(self.used).zip(growth);
        grown
            .filter(|(_, growth)| **growth > 1e-12)
            .map(|(log_a, growth)| ((goal - log_add(*log_a, tail)) / growth).max(0.0))
            .min_by(f64::total_cmp)
    }

    /// What each hypothesis gained per window so far; only for [`Start::AT_ONCE`], where ln A is a plain sum.
    #[must_use]
    pub fn mean_growth(&self, informative: u32) -> [f64; N] {
        let windows = f64::from(informative.max(1));
        self.log_a.map(|log_a| if log_a.is_finite() { log_a / windows } else { 0.0 })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred hypotheses")]
pub(super) const fn count(number: usize) -> f64 {
    number as f64
}

/// ln(e^left + e^right).
pub(super) fn log_add(left: f64, right: f64) -> f64 {
    let (high, low) = if left >= right { (left, right) } else { (right, left) };
    if low == NOTHING { high } else { high + (low - high).exp().ln_1p() }
}

/// ln Σ e^x.
pub(super) fn log_sum(values: &[f64]) -> f64 {
    let high = values.iter().copied().fold(NOTHING, f64::max);
    if high == NOTHING {
        return NOTHING;
    }
    high + values.iter().map(|value| (value - high).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_of_the_starts_sum_to_one() {
        for start in [Start::AT_ONCE, Start::within(240), Start::only_within(240), Start::within(0)]
        {
            let mut sum = 0.0;
            for at in 0..2_000 {
                sum += start.weight(at);
                assert!((sum + start.tail(at) - 1.0).abs() < 1e-12, "{start:?} at {at}");
            }
        }
    }

    #[test]
    fn a_window_without_evidence_changes_nothing_at_all() {
        let mut mixture: Mixture<3> = Mixture::new(3, Start::within(10));
        mixture.step(&[0.5, -0.2, 1.0]);
        let before = mixture.log_e();
        for _ in 0..100 {
            mixture.skip();
        }
        assert_eq!(before.to_bits(), mixture.log_e().to_bits());
        mixture.step(&[f64::NAN, 0.0, 1.0]);
        assert_eq!(before.to_bits(), mixture.log_e().to_bits());
        mixture.step(&[0.0; 3]);
        assert!((before - mixture.log_e()).abs() < 1e-12, "the factor 1 is the same as a skip");
    }
}
