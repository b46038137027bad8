//! Whether a process lives. A process that was killed does nothing more outside itself: none of its requests leaves, no
//! answer reaches it, and its disk takes nothing more. That is all the world can see of a death, so it may come at every
//! such moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::story::Story;

/// The lifeline of one process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Life {
    who: Arc<str>,
    /// Crossings left; at 0 it is dead, below it was never in danger.
    left: Arc<AtomicI64>,
    story: Story,
}

const SAFE: i64 = i64::MIN;

impl Life {
    pub(crate) fn new(who: &str, story: &Story) -> Self {
        Self { who: who.into(), left: Arc::new(AtomicI64::new(SAFE)), story: story.clone() }
    }

    pub(crate) fn who(&self) -> &str {
        &self.who
    }

    /// It dies at this crossing, counted from now.
    pub(crate) fn doom(&self, crossings: i64) {
        if self.left.load(Ordering::Relaxed) < 0 {
            self.left.store(crossings, Ordering::Relaxed);
        }
    }

    /// It dies now.
    pub(crate) fn kill(&self) {
        self.left.store(0, Ordering::Relaxed);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    /// Something leaves the process or reaches it here. False: it is dead.
    pub(crate) fn cross(&self, what: &str) -> bool {
        let left = self.left.load(Ordering::Relaxed);
        if left > 0 {
            self.left.store(left - 1, Ordering::Relaxed);
            if left == 1 {
                self.story.tell(&self.who, || format!("KILLED at: {what}"));
            }
        }
        left != 0 && left != 1
    }
}
