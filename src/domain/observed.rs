//! Facts carry the time they were seen. Old is a state that one can see.

use std::sync::Arc;
use std::time::Duration;

/// A moment, as jiff counts it (UTC).
pub type Timestamp = jiff::Timestamp;

/// Tells the present moment. Made by `runtime::clock`, handed to whoever must stamp what it sees; tests own theirs.
/// It never goes back.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// From this age on a fact may be late, and its age is shown. One missed heartbeat.
pub const SHOW_AGE_FROM: Duration = Duration::from_secs(5);

/// From this age on a source is stale: two heartbeats are missing (`design/deeds.md`, `reference/reliability.md` §4.6).
pub const STALE_FROM: Duration = Duration::from_secs(12);

/// Facts older than this carry no deed but pause and abort (`design/deeds.md`, table of checks).
pub const DEED_AGE_MAX: Duration = Duration::from_secs(15);

/// A value and the moment at which we received it.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed<T> {
    /// What was seen.
    pub value: T,
    /// When it reached us, by our own clock.
    pub at: Timestamp,
}

impl<T> Observed<T> {
    /// A value seen at `at`.
    pub const fn new(value: T, at: Timestamp) -> Self {
        Self { value, at }
    }

    /// How old it is at `now`; a clock that ran backwards gives zero.
    pub fn age(&self, now: Timestamp) -> Duration {
        age(self.at, now)
    }
}

/// Time from `since` to `now`, never negative.
#[must_use]
pub fn age(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or(Duration::ZERO)
}

/// How far a fact can be trusted to describe the present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Recent enough to say nothing about its age.
    Live,
    /// Probably true still; the age is shown.
    Late(Duration),
    /// Too old to act on.
    Stale(Duration),
    /// Nothing was ever seen.
    Never,
}

impl Freshness {
    /// Judges the age of the last proof that a source is current.
    #[must_use]
    pub fn of(proof: Option<Timestamp>, now: Timestamp) -> Self {
        match proof.map(|at| age(at, now)) {
            None => Self::Never,
            Some(old) if old >= STALE_FROM => Self::Stale(old),
            Some(old) if old >= SHOW_AGE_FROM => Self::Late(old),
            Some(_) => Self::Live,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freshness_steps_at_its_limits() {
        let at = Timestamp::UNIX_EPOCH;
        for (seconds, want) in [
            (0, Freshness::Live),
            (4, Freshness::Live),
            (5, Freshness::Late(Duration::from_secs(5))),
            (11, Freshness::Late(Duration::from_secs(11))),
            (12, Freshness::Stale(Duration::from_secs(12))),
        ] {
            assert_eq!(Freshness::of(Some(at), at + Duration::from_secs(seconds)), want);
        }
        assert_eq!(Freshness::of(None, at), Freshness::Never);
    }

    #[test]
    fn a_clock_that_ran_backwards_gives_no_negative_age() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(age(now + Duration::from_secs(9), now), Duration::ZERO);
    }
}
