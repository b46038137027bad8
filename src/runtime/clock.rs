//! The one place where time is read.
//!
//! The wall clock is asked once, at the start. From then on the time that passes is counted by a clock that nobody
//! can set and that goes on while the machine sleeps. So ages are never negative, a correction by NTP does not make
//! old facts young, and after a night with the lid closed everything is a night old.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::domain::observed::{Clock, Timestamp, age};

/// Counts on while the machine sleeps.
#[cfg(target_os = "linux")]
const SLEEPLESS: ClockId = ClockId::Boottime;
/// Elsewhere the monotonic clock is the one that counts on (macOS) or the best there is.
#[cfg(not(target_os = "linux"))]
const SLEEPLESS: ClockId = ClockId::Monotonic;

/// The real time.
#[must_use]
pub fn system() -> Clock {
    let started = (Timestamp::now(), since_boot());
    Arc::new(move || after(started.0, since_boot().saturating_sub(started.1)))
}

fn since_boot() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(SLEEPLESS);
    let seconds = u64::try_from(tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(tv_nsec).unwrap_or(0))
}

/// The moment so long after `start`; the last possible one when that is beyond the calendar.
fn after(start: Timestamp, elapsed: Duration) -> Timestamp {
    start.checked_add(elapsed).unwrap_or(Timestamp::MAX)
}

/// Time that moves only when it is told to, for tests and for the simulator's films.
#[derive(Clone, Debug)]
pub struct ManualClock {
    start: Timestamp,
    elapsed_ns: Arc<AtomicU64>,
}

impl ManualClock {
    /// Time stands still at `start`.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self { start, elapsed_ns: Arc::default() }
    }

    /// Lets time pass. The clock stops after 584 years.
    pub fn advance(&self, by: Duration) {
        let step = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let add = |elapsed: u64| Some(elapsed.saturating_add(step));
        // The closure never refuses, so there is nothing to answer for.
        let _ = self.elapsed_ns.fetch_update(Ordering::SeqCst, Ordering::SeqCst, add);
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        after(self.start, Duration::from_nanos(self.elapsed_ns.load(Ordering::SeqCst)))
    }

    /// The handle that is given to others.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }
}

/// Two ticks that are further apart than this mean that nobody was at home in between: the machine slept, the
/// program was stopped, or the loop hung. Ticks come every second at the slowest.
pub const GAP_MIN: Duration = Duration::from_secs(5);

/// Notices that the program was not running for a while. Whatever was known before such a gap is old, open dialogs
/// are about a world that may have moved, and connections are probably dead.
#[derive(Clone, Copy, Debug)]
pub struct GapWatch {
    last: Timestamp,
}

impl GapWatch {
    /// Watches from now on.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self { last: now }
    }

    /// Takes a tick. Answers how long the program was away, when it was.
    pub fn tick(&mut self, now: Timestamp) -> Option<Duration> {
        let away = age(self.last, now);
        self.last = self.last.max(now);
        (away >= GAP_MIN).then_some(away)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_starts_at_the_wall_clock_and_never_goes_back() {
        let before = Timestamp::now();
        let clock = system();
        let seen: Vec<Timestamp> = (0..1_000).map(|_| clock()).collect();
        assert!(seen.is_sorted());
        assert!(age(before, seen[0]) < Duration::from_mins(1), "{before} {}", seen[0]);
    }

    #[test]
    fn a_manual_clock_moves_only_when_told_and_for_all_its_holders() {
        let owner = ManualClock::at(Timestamp::UNIX_EPOCH);
        let held = owner.clock();
        assert_eq!(held(), Timestamp::UNIX_EPOCH);
        owner.advance(Duration::from_millis(1_500));
        assert_eq!(held(), Timestamp::UNIX_EPOCH + Duration::from_millis(1_500));
        owner.advance(Duration::MAX);
        assert!(held() > Timestamp::UNIX_EPOCH);
        ManualClock::at(Timestamp::MAX).advance(Duration::from_secs(1));
    }

    #[test]
    fn a_gap_between_ticks_is_told_once() {
        let start = Timestamp::UNIX_EPOCH;
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut watch = GapWatch::new(start);
        let told: Vec<Option<Duration>> =
            [1, 2, 6, 66, 67, 60, 68, 73].map(|second| watch.tick(at(second))).into();
        let gaps: Vec<u64> = told.iter().map(|gap| gap.map_or(0, |gap| gap.as_secs())).collect();
        assert_eq!(gaps, [0, 0, 0, 60, 0, 0, 0, 5]);
    }
}
