//! Follows one cluster for ever: its connection, its watches, its details.

use std::collections::BTreeSet;

use tokio::sync::{mpsc, watch};

use super::cluster::Cluster;
use crate::domain::feed::{Feed, Scope, SourceHealth, SourceId};
use crate::domain::observed::Observed;

/// Runs until the receiver of `feeds` is gone. Owns every task it starts: dropping the future ends them.
pub async fn follow(
    cluster: Cluster,
    scopes: watch::Receiver<BTreeSet<Scope>>,
    feeds: mpsc::Sender<(SourceId, Observed<Feed>)>,
) {
    let connecting = Feed::Health(SourceHealth::Connecting { attempt: 1 });
    let _ = feeds.send((cluster.source(), Observed::new(connecting, cluster.now()))).await;
    let _listening = cluster.sightings().listen().await;
    drop(scopes);
    feeds.closed().await;
}
