//! The connection that works at the moment, for those who wait for one. They are woken in the order in which they came to
//! wait, so that what follows can be replayed: `tokio::sync::watch` throws dice over that.

use std::pin::pin;
use std::sync::Arc;

use tokio::sync::{Notify, watch};

use super::cluster::Link;

/// The place where the heartbeat puts the connection. Cheap to clone.
#[derive(Clone)]
pub(super) struct Live {
    link: watch::Sender<Option<Link>>,
    turned: Arc<Notify>,
}

impl Live {
    pub(super) fn new() -> Self {
        Self { link: watch::Sender::new(None), turned: Arc::default() }
    }

    /// This one works; `None`: none does.
    pub(super) fn set(&self, link: Option<Link>) {
        self.link.send_replace(link);
        self.turned.notify_waiters();
    }

    /// The connection, as soon as there is one.
    pub(super) async fn present(&self) -> Link {
        self.until(Clone::clone).await
    }

    /// Waits until the connection is another one than that of this number.
    pub(super) async fn replaced(&self, number: u64) {
        let other = |link: &Option<Link>| {
            let is_it = link.as_ref().is_some_and(|link| link.number() == number);
            (!is_it).then_some(())
        };
        self.until(other).await;
    }

    async fn until<T>(&self, found: impl Fn(&Option<Link>) -> Option<T>) -> T {
        loop {
            let mut turned = pin!(self.turned.notified());
            // From here on no turn is missed, whatever is found now.
            turned.as_mut().enable();
            if let Some(found) = found(&self.link.borrow()) {
                return found;
            }
            turned.await;
        }
    }
}
