//! What is learnt of a metric while only one version runs: how much more its events vary between pods than chance
//! would have it, and how much a gauge remembers of its last value. Both are running sums: constant memory.

/// Without history the events are taken to be this dispersed. (Bursts of one to five, each size as likely, are 3.7; the
/// reference takes 3, and such bursts then fail 1.8 % of sound canaries.)
pub const DISPERSION_UNKNOWN: f64 = 4.0;

/// Fewer windows with events, or differences, than this are no history.
const WINDOWS_MIN: u32 = 20;

/// Pearson dispersion of bad events over pods of the *same* version.
///
/// Given the events of a window, their split over equal pods is multinomial when they are independent; bursts inflate
/// its variance by φ = E(size²)/E(size). Estimated as the sum of squares over the sum of what is expected (Nelder &
/// McCullagh, "Generalized Linear Models", 1989, §4.5), with one standard error on top, and never below 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Dispersion {
    windows: u32,
    found: f64,
    expected: f64,
    found2: f64,
    expected2: f64,
    product: f64,
}

impl Dispersion {
    /// A window: per pod its bad events and its requests. Windows without events or with one pod say nothing.
    pub fn observe(&mut self, pods: &[(f64, f64)]) {
        let bad: f64 = pods.iter().map(|pod| pod.0).sum();
        let total: f64 = pods.iter().map(|pod| pod.1).sum();
        if !(bad.is_finite() && total.is_finite() && total > 0.0) {
            return;
        }
        let (mut found, mut expected) = (0.0, 0.0);
        for (count, exposure) in pods {
            let share = exposure / total;
            found += (count - bad * share).powi(2);
            expected += bad * share * (1.0 - share);
        }
        self.windows = self.windows.saturating_add(u32::from(expected > 0.0));
        self.found += found;
        self.expected += expected;
        self.found2 += found * found;
        self.expected2 += expected * expected;
        self.product += found * expected;
    }

    /// Upper estimate; [`DISPERSION_UNKNOWN`] while there is too little history.
    #[must_use]
    pub fn upper(&self) -> f64 {
        if self.windows < WINDOWS_MIN {
            return DISPERSION_UNKNOWN;
        }
        let phi = self.found / self.expected;
        let spread = self.found2 - 2.0 * phi * self.product + phi * phi * self.expected2;
        (phi + spread.max(0.0).sqrt() / self.expected).max(1.0)
    }
}

/// Lag-1 autocorrelation of a gauge's differences, on the safe side.
///
/// The plain estimate is too small for short histories by about (1 + 3r)/n (Kendall, "Note on bias in the estimation of
/// autocorrelation", 1954), which is added, and one standard error √((1 − r²)/n).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Autocorrelation {
    count: u32,
    first: f64,
    last: f64,
    /// Sums of what is left after the first value is taken off, so that a large level costs no digits.
    sum: f64,
    squares: f64,
    products: f64,
}

impl Autocorrelation {
    /// The next difference; not finite: not taken.
    pub fn observe(&mut self, difference: f64) {
        if !difference.is_finite() {
            return;
        }
        if self.count == 0 {
            self.first = difference;
        }
        let value = difference - self.first;
        if self.count > 0 {
            self.products += value * self.last;
        }
        self.sum += value;
        self.squares += value * value;
        self.last = value;
        self.count = self.count.saturating_add(1);
    }

    /// Upper estimate; `None` below twenty differences.
    #[must_use]
    pub fn upper(&self) -> Option<f64> {
        const MAX: f64 = 0.98;
        if self.count < WINDOWS_MIN {
            return None;
        }
        let n = f64::from(self.count);
        let mean = self.sum / n;
        let squares = (self.squares - n * mean * mean).max(1e-300);
        // The first value is zero after the shift; the last is missing from one of the two sums.
        let products =
            self.products - mean * (2.0 * self.sum - self.last) + (n - 1.0) * mean * mean;
        let plain = (products / squares).max(0.0);
        let unbiased = (plain + (1.0 + 3.0 * plain) / n).min(MAX);
        Some((unbiased + ((1.0 - unbiased * unbiased).max(0.0) / n).sqrt()).min(MAX))
    }
}
