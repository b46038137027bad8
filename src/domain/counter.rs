//! Counters: from raw samples to what was added between them, with the reset rule. One [`Counter`] per series; its
//! memory is one sample.
//!
//! What is differenced here goes into a test; `rate()` and `increase()` do not, because they extrapolate, and their
//! windows overlap (`reference/analysis.md` §3.3, feeding rule).

use std::time::Duration;

use super::observed::Timestamp;
use super::window::{Problem, count};

/// How far ahead of us a source's clock may be.
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(5);

/// A counter that falls to this share of itself or more was not reset: a process that starts at zero does not regain
/// nine tenths of a lifetime within one scrape, but the other one of two scrapers is just that little behind.
const RESET_SHARE_MAX: f64 = 0.9;

/// One sample of one series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When it was scraped, by the source's clock.
    pub at: Timestamp,
    /// The counter's value.
    pub value: f64,
}

/// Where a series stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Counter {
    /// Nothing usable was seen: the next sample only tells where to count from.
    #[default]
    Unseen,
    /// Its target was scraped at this moment and had no such series: it begins at zero. (A counter with labels, such as
    /// `code="500"`, is first exposed when it first counts; to begin at its first sample would lose the first errors.)
    Unborn(Timestamp),
    /// The newest sample.
    At(Sample),
}

/// What was added between two samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Increase {
    /// How much.
    pub amount: f64,
    /// Counted from this moment.
    pub from: Timestamp,
    /// To this one.
    pub until: Timestamp,
    /// How often the counter began anew.
    pub resets: u32,
}

impl Counter {
    /// Takes the next sample; `now` is the present by the source's clock. `None`: counting begins here.
    ///
    /// # Errors
    /// A sample that is no count, is not newer than the last, is from the future, or fell without a reset. Of these
    /// only a sample that is not newer leaves the counter as it was; after any other the next sample only tells where
    /// to count from, or its difference would reach over the lost window while the other series' do not.
    pub fn advance(&mut self, sample: Sample, now: Timestamp) -> Result<Option<Increase>, Problem> {
        let (from, before) = match *self {
            Self::Unseen => (None, 0.0),
            Self::Unborn(at) => (Some(at), 0.0),
            Self::At(last) => (Some(last.at), last.value),
        };
        if from.is_some_and(|from| sample.at <= from) {
            return Err(Problem::OutOfOrder);
        }
        let value = readable(sample, now).inspect_err(|_| *self = Self::Unseen)?;
        *self = Self::At(sample);
        let Some(from) = from else { return Ok(None) };
        let (amount, resets) = match value {
            grown if grown >= before => (grown - before, 0),
            little if little >= before * RESET_SHARE_MAX => return Err(Problem::WentBackwards),
            reset => (reset, 1),
        };
        Ok(Some(Increase { amount, from, until: sample.at, resets }))
    }
}

fn readable(sample: Sample, now: Timestamp) -> Result<f64, Problem> {
    let latest = now.checked_add(CLOCK_SKEW_MAX).unwrap_or(Timestamp::MAX);
    if sample.at > latest { Err(Problem::InFuture) } else { count(sample.value) }
}

/// What a run of samples of one series added, oldest first.
///
/// # Errors
/// The first problem of any sample, and [`Problem::Missing`] where there are fewer than two.
pub fn increase(samples: &[Sample], now: Timestamp) -> Result<Increase, Problem> {
    let mut counter = Counter::Unseen;
    let mut sum: Option<Increase> = None;
    for sample in samples {
        let Some(step) = counter.advance(*sample, now)? else { continue };
        sum = Some(sum.map_or(step, |sum| Increase {
            amount: sum.amount + step.amount,
            from: sum.from,
            until: step.until,
            resets: sum.resets + step.resets,
        }));
    }
    sum.ok_or(Problem::Missing)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn samples(values: &[f64]) -> Vec<Sample> {
        let sample = |(index, value): (usize, &f64)| Sample {
            at: at(15 * i64::try_from(index).unwrap()),
            value: *value,
        };
        values.iter().enumerate().map(sample).collect()
    }

    fn added(values: &[f64]) -> Result<(f64, u32), Problem> {
        increase(&samples(values), at(100_000)).map(|sum| (sum.amount, sum.resets))
    }

    #[test]
    fn a_reset_counts_from_zero_and_a_small_fall_is_no_reset() {
        assert_eq!(added(&[10.0, 15.0, 15.0, 40.0]), Ok((30.0, 0)));
        assert_eq!(added(&[1000.0, 1010.0, 7.0, 9.0]), Ok((19.0, 1)));
        assert_eq!(added(&[1000.0, 995.0]), Err(Problem::WentBackwards));
        assert_eq!(added(&[1000.0]), Err(Problem::Missing));
        assert_eq!(added(&[]), Err(Problem::Missing));
    }

    #[test]
    fn what_is_no_count_is_a_problem_and_counting_begins_anew_behind_it() {
        let now = at(1_000);
        for (value, problem) in [
            (f64::NAN, Problem::NotANumber),
            (-1.0, Problem::Negative),
            (1e308, Problem::TooLarge),
            (f64::INFINITY, Problem::TooLarge),
        ] {
            let mut counter = Counter::At(Sample { at: at(0), value: 5.0 });
            assert_eq!(counter.advance(Sample { at: at(15), value }, now), Err(problem));
            assert_eq!(counter.advance(Sample { at: at(30), value: 50.0 }, now), Ok(None));
            let step = counter.advance(Sample { at: at(45), value: 52.0 }, now).unwrap();
            assert_eq!(step.map(|step| step.amount), Some(2.0));
        }
    }

    #[test]
    fn a_repeated_or_future_sample_is_a_problem() {
        let first = Sample { at: at(0), value: 5.0 };
        let mut counter = Counter::At(first);
        assert_eq!(counter.advance(first, at(15)), Err(Problem::OutOfOrder));
        assert_eq!(counter, Counter::At(first));
        let ahead = Sample { at: at(60), value: 9.0 };
        assert_eq!(counter.advance(ahead, at(15)), Err(Problem::InFuture));
        assert_eq!(counter, Counter::Unseen);
    }

    #[test]
    fn a_series_that_is_born_within_a_window_counts_from_zero() {
        let mut counter = Counter::Unborn(at(0));
        let step = counter.advance(Sample { at: at(15), value: 3.0 }, at(15)).unwrap();
        assert_eq!(step.map(|step| step.amount), Some(3.0));
    }

    proptest! {
        /// A process that restarts right behind a scrape loses nothing.
        #[test]
        fn resets_change_no_sum(steps in prop::collection::vec((1_u32..50, any::<bool>()), 1..40)) {
            let (mut whole, mut restarted) = (vec![1000.0], vec![1000.0]);
            for (step, restarts) in &steps {
                let step = f64::from(*step);
                whole.push(whole.last().unwrap() + step);
                let last: f64 = *restarted.last().unwrap();
                // A restart that regains nine tenths at once is the one that cannot be told from a wobble.
                let reset = *restarts && step < 0.9 * last;
                restarted.push(if reset { step } else { last + step });
            }
            let (whole, restarted) = (added(&whole).unwrap(), added(&restarted).unwrap());
            prop_assert!((whole.0 - restarted.0).abs() < 1e-9, "{whole:?} {restarted:?}");
        }
    }
}
