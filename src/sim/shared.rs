//! The world behind its servers: one value, many connections, and a bell that rings after each
//! change.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::world::World;

/// The longest piece of time in which the world moves at once. Longer ones would let a controller
/// sleep through what a client could have seen.
pub const STEP_MAX: Duration = Duration::from_millis(250);

/// A handle on the world. A clone is one reference count.
#[derive(Clone, Debug)]
pub struct Shared {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    world: Mutex<World>,
    rings: AtomicU64,
    /// Wakes in the order in which they came to wait, so that the same world lives the same life twice.
    waiting: Notify,
}

/// Rings after every change of the world.
#[derive(Debug)]
pub struct Bell {
    inner: Arc<Inner>,
    heard: u64,
}

impl Bell {
    /// Waits for a ring that was not heard yet.
    pub async fn rings(&mut self) {
        loop {
            let mut ringing = std::pin::pin!(self.inner.waiting.notified());
            ringing.as_mut().enable();
            let rings = self.inner.rings.load(Ordering::SeqCst);
            if rings != self.heard {
                self.heard = rings;
                return;
            }
            ringing.await;
        }
    }

    /// Takes every ring so far as heard.
    pub fn hush(&mut self) {
        self.heard = self.inner.rings.load(Ordering::SeqCst);
    }
}

impl Shared {
    /// Takes a world into use.
    #[must_use]
    pub fn new(world: World) -> Self {
        let (rings, waiting) = (AtomicU64::new(0), Notify::new());
        Self { inner: Arc::new(Inner { world: Mutex::new(world), rings, waiting }) }
    }

    /// Looks at the world.
    pub fn look<T>(&self, at: impl FnOnce(&World) -> T) -> T {
        at(&self.inner.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the world and rings the bell.
    pub fn change<T>(&self, with: impl FnOnce(&mut World) -> T) -> T {
        let done = with(&mut self.inner.world.lock().unwrap_or_else(PoisonError::into_inner));
        self.inner.rings.fetch_add(1, Ordering::SeqCst);
        self.inner.waiting.notify_waiters();
        done
    }

    /// Changes what nobody waits for: counters and records.
    pub fn quietly<T>(&self, with: impl FnOnce(&mut World) -> T) -> T {
        with(&mut self.inner.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets time pass, in pieces of at most [`STEP_MAX`].
    pub fn advance(&self, by: Duration) {
        let mut left = by;
        while left > Duration::ZERO {
            let piece = left.min(STEP_MAX);
            left -= piece;
            self.change(|world| world.step(piece));
        }
    }

    /// The bell: rings after every change. Whoever waits looks first and then waits for the next
    /// ring.
    #[must_use]
    pub fn bell(&self) -> Bell {
        let mut bell = Bell { inner: Arc::clone(&self.inner), heard: 0 };
        bell.hush();
        bell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_in_pieces_and_every_piece_rings() {
        let start = "2026-01-01T00:00:00Z".parse().unwrap();
        let shared = Shared::new(World::empty(start, &["east"]));
        let bell = shared.bell();
        shared.advance(Duration::from_millis(600));
        assert_eq!(bell.inner.rings.load(Ordering::SeqCst) - bell.heard, 3);
        let passed = shared.look(|world| world.now().duration_since(start));
        assert_eq!(passed.as_millis(), 600);
        let store = shared.look(|world| world.clusters[0].store.now());
        assert_eq!(store.duration_since(start).as_millis(), 600);
    }
}
