//! What orders wait for: the first thing the watch sees of an object after the precondition of their write.

use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, OwnedMutexGuard, mpsc};

use crate::domain::ids::{OrderId, ResourceVersion, Uid, WorkloadRef};

/// The annotation that marks a write to an object.
pub const MARK_ANNOTATION: &str = "pilothouse.dev/order";

/// How a `status.message` begins that marks a write to a status: this word, the order, a space.
pub const MARK_MESSAGE: &str = "pilothouse ";

/// More orders than this cannot wait at the same time; at most four are on their way, with two writes each.
const WAITING_MAX: usize = 64;

/// An order that waits for news of its write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Whose write.
    pub order: OrderId,
    /// On which object.
    pub target: WorkloadRef,
    /// On which life of it.
    pub uid: Uid,
    /// The version the write stands on: what comes first after it decides. `None`: it goes without a precondition
    /// (pause and abort, when nothing could be read), and only its mark can tell of it.
    pub after: Option<ResourceVersion>,
}

/// Where the executor says what it is about to write. Cheap to clone.
#[derive(Clone)]
pub struct Sightings {
    said: mpsc::Sender<Expectation>,
    heard: Arc<Mutex<mpsc::Receiver<Expectation>>>,
}

/// There are too many orders waiting, or nobody watches any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotWatched;

impl Default for Sightings {
    fn default() -> Self {
        let (said, heard) = mpsc::channel(WAITING_MAX);
        Self { said, heard: Arc::new(Mutex::new(heard)) }
    }
}

impl Sightings {
    /// Must be called before the write is sent: then its mark cannot pass unseen. Answered by one
    /// [`Feed::Sighting`](crate::domain::feed::Feed::Sighting), as soon as the watch knows.
    ///
    /// # Errors
    /// When nothing can be promised; the write may be sent all the same.
    pub fn expect(&self, expectation: Expectation) -> Result<(), NotWatched> {
        self.said.try_send(expectation).map_err(|error| match error {
            TrySendError::Full(_) | TrySendError::Closed(_) => NotWatched,
        })
    }

    /// The one who watches takes the other end, for as long as it watches.
    pub(super) async fn listen(&self) -> OwnedMutexGuard<mpsc::Receiver<Expectation>> {
        Arc::clone(&self.heard).lock_owned().await
    }
}
