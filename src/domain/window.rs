//! One window of evidence: what canary and stable did in the same stretch of time. Counts are differences of raw
//! counters ([`super::counter`]), never rates; what cannot be counted is a [`Problem`], never zero.

use std::time::Duration;

use super::metric::Finite;
use super::observed::Timestamp;

/// Above this a float no longer counts in steps of one (2^53), and a counter is nonsense.
pub const COUNT_MAX: f64 = 9_007_199_254_740_992.0;

/// Buckets of one histogram; a native histogram has at most 160 by default. More is somebody's mistake.
pub const BUCKETS_MAX: usize = 256;

/// Why a window, or a sample in it, says nothing. It is counted and shown, and leaves the verdict as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Problem {
    /// Nobody answered, or there is no series.
    Missing,
    /// NaN where a number must be.
    NotANumber,
    /// Infinite, or larger than anything that counts (2^53).
    TooLarge,
    /// Below zero where nothing is below zero.
    Negative,
    /// A counter fell a little: no restart does that, but two scrapers that take turns do.
    WentBackwards,
    /// Not newer than what was seen before.
    OutOfOrder,
    /// From the future.
    InFuture,
    /// A larger bucket counts less than a smaller one.
    BucketsFall,
    /// Two buckets with one bound.
    BucketTwice,
    /// The bucket that holds everything (`+Inf`) is missing.
    NoInfinity,
    /// More buckets than [`BUCKETS_MAX`], or none.
    BucketCount,
    /// Canary and stable have no bound in common.
    BoundsDiffer,
    /// More bad than there were in all.
    BadExceedsTotal,
    /// Not the kind of evidence that this metric is judged by.
    WrongKind,
    /// The weight changed within the window, or the pods were just starting.
    Unsettled,
    /// The source said that its answer is partial.
    Partial,
}

impl Problem {
    /// All, in the order of their declaration.
    pub const ALL: [Self; 16] = [
        Self::Missing,
        Self::NotANumber,
        Self::TooLarge,
        Self::Negative,
        Self::WentBackwards,
        Self::OutOfOrder,
        Self::InFuture,
        Self::BucketsFall,
        Self::BucketTwice,
        Self::NoInfinity,
        Self::BucketCount,
        Self::BoundsDiffer,
        Self::BadExceedsTotal,
        Self::WrongKind,
        Self::Unsettled,
        Self::Partial,
    ];

    /// In words, as shown.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Missing => "no data",
            Self::NotANumber => "NaN",
            Self::TooLarge => "too large to be a count",
            Self::Negative => "negative",
            Self::WentBackwards => "counter went backwards without a restart",
            Self::OutOfOrder => "not newer than the one before",
            Self::InFuture => "time stamp in the future",
            Self::BucketsFall => "buckets are not cumulative",
            Self::BucketTwice => "a bucket comes twice",
            Self::NoInfinity => "no +Inf bucket",
            Self::BucketCount => "no buckets, or too many",
            Self::BoundsDiffer => "canary and stable share no bucket bound",
            Self::BadExceedsTotal => "more bad than total",
            Self::WrongKind => "not the kind of data this metric is judged by",
            Self::Unsettled => "weight changed or pods were starting",
            Self::Partial => "partial answer",
        }
    }
}

/// A number that may count something.
///
/// # Errors
/// NaN, infinite or above [`COUNT_MAX`], negative.
pub const fn count(value: f64) -> Result<f64, Problem> {
    if value.is_nan() {
        Err(Problem::NotANumber)
    } else if value < 0.0 {
        Err(Problem::Negative)
    } else if value > COUNT_MAX {
        Err(Problem::TooLarge)
    } else {
        Ok(value)
    }
}

/// What one arm did in one window: events, and what they could have happened to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arm {
    events: f64,
    exposure: f64,
}

impl Arm {
    /// `bad` requests of `total`.
    ///
    /// # Errors
    /// What is no count, and more bad than total.
    pub fn of_total(bad: f64, total: f64) -> Result<Self, Problem> {
        let arm = Self::of_exposure(bad, total)?;
        if bad > total { Err(Problem::BadExceedsTotal) } else { Ok(arm) }
    }

    /// `events` in an exposure (pod-seconds, requests offered); an event may happen more than once per unit.
    ///
    /// # Errors
    /// What is no count.
    pub fn of_exposure(events: f64, exposure: f64) -> Result<Self, Problem> {
        Ok(Self { events: count(events)?, exposure: count(exposure)? })
    }

    /// How many events.
    #[must_use]
    pub const fn events(self) -> f64 {
        self.events
    }

    /// Requests, or pod-seconds.
    #[must_use]
    pub const fn exposure(self) -> f64 {
        self.exposure
    }
}

/// Counts per bucket in one window, cumulative as Prometheus keeps them.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Finite bounds, ascending, each with the count at or below it.
    cumulative: Box<[(f64, f64)]>,
    total: f64,
}

impl Histogram {
    /// From pairs of bound (`le`) and increase of the count at or below it, in any order.
    ///
    /// # Errors
    /// NaN bounds, no count, a bound twice, no `+Inf`, counts that fall, none or too many buckets.
    pub fn from_cumulative(buckets: &[(f64, f64)]) -> Result<Self, Problem> {
        if buckets.is_empty() || buckets.len() > BUCKETS_MAX {
            return Err(Problem::BucketCount);
        }
        if buckets.iter().any(|(bound, _)| bound.is_nan()) {
            return Err(Problem::NotANumber);
        }
        let mut sorted = buckets.to_vec();
        sorted.sort_by(|left, right| left.0.total_cmp(&right.0));
        for (_, increase) in &sorted {
            count(*increase)?;
        }
        if sorted.windows(2).any(|pair| same(pair[0].0, pair[1].0)) {
            return Err(Problem::BucketTwice);
        }
        if sorted.windows(2).any(|pair| pair[1].1 < pair[0].1) {
            return Err(Problem::BucketsFall);
        }
        match sorted.pop() {
            Some((bound, total)) if bound == f64::INFINITY => {
                Ok(Self { cumulative: sorted.into(), total })
            }
            Some(_) | None => Err(Problem::NoInfinity),
        }
    }

    /// How many requests in all.
    #[must_use]
    pub const fn total(&self) -> f64 {
        self.total
    }

    /// The finite bounds, ascending.
    pub fn bounds(&self) -> impl Iterator<Item = f64> + '_ {
        self.cumulative.iter().map(|(bound, _)| *bound)
    }

    /// How many were slower than a bound; `None` where this histogram has no such bound.
    #[must_use]
    pub fn slower_than(&self, bound: f64) -> Option<f64> {
        let at = self.cumulative.partition_point(|(le, _)| *le < bound && !same(*le, bound));
        let (le, below) = self.cumulative.get(at)?;
        same(*le, bound).then_some(self.total - below)
    }
}

/// Whether two bounds are one: a bound that went through text may differ in its last digit.
fn same(left: f64, right: f64) -> bool {
    let near = (left - right).abs() <= 1e-12 * left.abs().max(right.abs());
    left.total_cmp(&right).is_eq() || (left.is_finite() && right.is_finite() && near)
}

/// What was seen of both arms in one window.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// Events and exposures.
    Arms {
        /// The canary's.
        canary: Arm,
        /// Stable's.
        stable: Arm,
    },
    /// Latencies or sizes in buckets.
    Histograms {
        /// The canary's.
        canary: Histogram,
        /// Stable's.
        stable: Histogram,
    },
    /// One value of a gauge per arm.
    Values {
        /// The canary's.
        canary: Finite,
        /// Stable's.
        stable: Finite,
    },
}

/// A stretch of time, and what was seen in it. Windows of one metric follow each other and do not overlap.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Its end, by the source's clock.
    pub end: Timestamp,
    /// How long it is.
    pub length: Duration,
    /// What was seen, or why nothing was.
    pub seen: Result<Seen, Problem>,
}

impl Window {
    /// Its beginning.
    #[must_use]
    pub fn begin(&self) -> Timestamp {
        self.end.checked_sub(self.length).unwrap_or(Timestamp::MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INF: f64 = f64::INFINITY;

    #[test]
    fn what_is_no_count_is_named() {
        for (bad, total, problem) in [
            (f64::NAN, 1.0, Problem::NotANumber),
            (-1.0, 1.0, Problem::Negative),
            (1.0, 1e308, Problem::TooLarge),
            (1.0, INF, Problem::TooLarge),
            (2.0, 1.0, Problem::BadExceedsTotal),
        ] {
            assert_eq!(Arm::of_total(bad, total), Err(problem));
        }
        assert!(Arm::of_exposure(2.0, 1.0).is_ok());
    }

    #[test]
    fn a_broken_histogram_is_named_and_a_shuffled_one_is_read() {
        let cases: [(&[(f64, f64)], Problem); 6] = [
            (&[], Problem::BucketCount),
            (&[(0.1, 1.0), (0.5, 2.0)], Problem::NoInfinity),
            (&[(0.1, 5.0), (INF, 4.0)], Problem::BucketsFall),
            (&[(0.1, 1.0), (0.1, 1.0), (INF, 4.0)], Problem::BucketTwice),
            (&[(f64::NAN, 1.0), (INF, 4.0)], Problem::NotANumber),
            (&[(0.1, f64::NAN), (INF, 4.0)], Problem::NotANumber),
        ];
        for (buckets, problem) in cases {
            assert_eq!(Histogram::from_cumulative(buckets), Err(problem));
        }
        let read = Histogram::from_cumulative(&[(INF, 9.0), (0.5, 7.0), (0.1, 4.0)]).unwrap();
        assert_eq!(read.slower_than(0.1), Some(5.0));
        assert_eq!(read.slower_than(0.5), Some(2.0));
        assert_eq!(read.slower_than(0.2), None);
        assert_eq!(read.slower_than(0.1 * (1.0 + 1e-15)), Some(5.0));
        let many: Vec<(f64, f64)> = (0..300).map(|at| (f64::from(at), 1.0)).collect();
        assert_eq!(Histogram::from_cumulative(&many), Err(Problem::BucketCount));
    }
}
