//! How a source waits before it tries again. A value: it reads no clock and throws no dice of its own.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// How long a source waits after failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// The longest wait after the first failure.
    pub first: Duration,
    /// The longest wait after any number of failures.
    pub longest: Duration,
}

impl Patience {
    /// For one watch: the server may be restarting with thousands of clients coming back at once.
    pub const WATCH: Self =
        Self { first: Duration::from_millis(800), longest: Duration::from_secs(30) };

    /// For the connection itself: it costs the server nothing, and an operator waits for the network to heal.
    pub const CONNECTION: Self =
        Self { first: Duration::from_millis(500), longest: Duration::from_secs(5) };
}

/// Grows with every failure up to its cap, and starts anew after success.
#[derive(Clone, Debug)]
pub struct Backoff {
    patience: Patience,
    failures: u32,
}

impl Backoff {
    /// No failure yet.
    #[must_use]
    pub const fn new(patience: Patience) -> Self {
        Self { patience, failures: 0 }
    }

    /// The wait after one more failure: between half and the whole of a limit that doubles each time.
    /// `dice` is any random number; equal dice give equal waits.
    pub fn next(&mut self, dice: u64) -> Duration {
        let doubled = self.patience.first.saturating_mul(1 << self.failures.min(16));
        let limit = doubled.min(self.patience.longest);
        self.failures = self.failures.saturating_add(1);
        let half = limit / 2;
        let share = u32::try_from(dice % 1_001).unwrap_or(0);
        half + half.saturating_mul(share) / 1_000
    }

    /// Failures since the last success.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// It works again.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }
}

/// A way to cut waits short: the operator knows that the network is back.
#[derive(Debug, Default)]
pub struct Nudge(Notify);

impl Nudge {
    /// Everybody who waits now waits no longer.
    pub fn give(&self) {
        self.0.notify_waiters();
    }

    /// Waits so long, or until somebody is impatient; then the next wait is a short one again.
    pub async fn wait(&self, time: Duration, backoff: &mut Backoff) {
        tokio::select! {
            biased;
            () = self.0.notified() => backoff.reset(),
            () = tokio::time::sleep(time) => {}
        }
    }
}

/// A number nobody can foresee, so that many clients do not come back in step.
#[must_use]
pub fn dice() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Where a source has its random numbers from.
#[derive(Debug)]
pub enum Dice {
    /// Nobody can foresee them.
    Fair,
    /// The same row every time, for a server in this process: nobody else calls it, and what happened can be replayed.
    Loaded(AtomicU64),
}

impl Dice {
    /// One number.
    #[must_use]
    pub fn throw(&self) -> u64 {
        match self {
            Self::Fair => dice(),
            Self::Loaded(count) => spread(count.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

/// Neighbours are far apart afterwards (the finisher of `SplitMix64`).
const fn spread(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_nudge_ends_a_wait_and_forgets_the_failures() {
        let nudge = Arc::new(Nudge::default());
        let waiter = Arc::clone(&nudge);
        let start = Instant::now();
        let wait = tokio::spawn(async move {
            let mut backoff = Backoff::new(Patience::CONNECTION);
            let _ = backoff.next(0);
            waiter.wait(Duration::from_mins(1), &mut backoff).await;
            backoff.failures()
        });
        tokio::time::advance(Duration::from_secs(1)).await;
        nudge.give();
        assert_eq!(wait.await.unwrap(), 0);
        assert_eq!(start.elapsed(), Duration::from_secs(1));
    }

    proptest! {
        #[test]
        fn a_wait_is_never_longer_than_the_cap_and_never_nothing(
            first_ms in 1u64..5_000,
            longest_ms in 1u64..100_000,
            throws in proptest::collection::vec(any::<u64>(), 1..80),
        ) {
            let patience = Patience {
                first: Duration::from_millis(first_ms),
                longest: Duration::from_millis(longest_ms),
            };
            let mut backoff = Backoff::new(patience);
            for throw in throws {
                let wait = backoff.next(throw);
                prop_assert!(wait <= patience.longest);
                prop_assert!(wait > Duration::ZERO);
            }
        }

        #[test]
        fn the_limit_grows_until_the_cap(throw in any::<u64>()) {
            let mut backoff = Backoff::new(Patience::WATCH);
            let mut before = Duration::ZERO;
            for _ in 0..20 {
                let wait = backoff.next(throw);
                prop_assert!(wait >= before, "{wait:?} after {before:?}");
                before = wait;
            }
            prop_assert!(before >= Patience::WATCH.longest / 2);
        }

        #[test]
        fn a_success_starts_anew(throw in any::<u64>(), failures in 0u32..40) {
            let mut backoff = Backoff::new(Patience::WATCH);
            let first = backoff.next(throw);
            for _ in 0..failures {
                backoff.next(throw);
            }
            backoff.reset();
            prop_assert_eq!(backoff.failures(), 0);
            prop_assert_eq!(backoff.next(throw), first);
        }
    }

    #[test]
    fn two_dice_differ() {
        assert_ne!(dice(), dice());
        assert_ne!(Dice::Fair.throw(), Dice::Fair.throw());
    }

    #[test]
    fn loaded_dice_fall_the_same_way_every_time_and_never_twice_alike() {
        let throws = || {
            let dice = Dice::Loaded(AtomicU64::new(0));
            std::array::from_fn::<u64, 8, _>(|_| dice.throw())
        };
        let first = throws();
        assert_eq!(first, throws());
        assert!((1..8).all(|place| !first[..place].contains(&first[place])));
    }
}
