//! Random numbers from a seed, and the laws that traffic follows: exact, not approximated.

/// A generator (xorshift64*, Vigna 2016): small, and the same everywhere.
#[derive(Clone, Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    /// The numbers of a seed; never all zero.
    pub(crate) const fn new(seed: u64) -> Self {
        let mut draw = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        // Neighbouring seeds differ in few bits: a few rounds part them.
        let mut round = 0;
        while round < 16 {
            draw.bits();
            round += 1;
        }
        draw
    }

    const fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Above 0, below 1.
    #[expect(clippy::cast_precision_loss, reason = "52 bits fit")]
    pub(crate) const fn uniform(&mut self) -> f64 {
        ((self.bits() >> 12) as f64 + 0.5) / 4_503_599_627_370_496.0
    }

    /// A standard normal number (Box & Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// How many of `n` happen, each with chance `p`.
    pub(crate) fn binomial(&mut self, n: f64, p: f64) -> f64 {
        let (mut n, mut p, mut sum) = (n, p, 0.0);
        // Halve by the median order statistic of n uniform numbers, which is beta distributed (Devroye 1986, X.4.3).
        while n * p.min(1.0 - p) > 30.0 {
            let at = (n / 2.0).floor() + 1.0;
            let split = self.beta(at, n + 1.0 - at);
            if split <= p {
                sum += at;
                n -= at;
                p = (p - split) / (1.0 - split);
            } else {
                n = at - 1.0;
                p /= split;
            }
        }
        if p > 0.5 { sum + n - self.rare(n, 1.0 - p) } else { sum + self.rare(n, p) }
    }

    /// The same by the gaps between successes, for few of them.
    fn rare(&mut self, n: f64, p: f64) -> f64 {
        if p <= 0.0 || n < 1.0 {
            return 0.0;
        }
        let rate = (-p).ln_1p();
        let (mut at, mut found) = (0.0, 0.0);
        loop {
            at += (self.uniform().ln() / rate).floor() + 1.0;
            if at > n {
                return found;
            }
            found += 1.0;
        }
    }

    fn beta(&mut self, a: f64, b: f64) -> f64 {
        let left = self.gamma(a);
        left / (left + self.gamma(b))
    }

    /// For shapes of 1 and more (Marsaglia & Tsang 2000).
    pub(crate) fn gamma(&mut self, shape: f64) -> f64 {
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.uniform().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }
}
