//! The simulated world: clusters, and the time that passes in all of them.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::access::Access;
use super::api::prometheus::Source;
use super::audit::Audit;
use super::fault::Faults;
use super::shared::Shared;
use super::store::Store;

/// Everything there is. A value: `step` moves it, and nothing else does but requests.
#[derive(Debug)]
pub struct World {
    /// The clusters, in the order of their scenario.
    pub clusters: Vec<Cluster>,
    now: Timestamp,
}

/// One cluster.
#[derive(Debug)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Its objects.
    pub store: Store,
    /// Who may do what.
    pub access: Access,
    /// The writes that reached its API server.
    pub audit: Audit,
    /// What goes wrong with its API server.
    pub faults: Faults,
}

impl World {
    /// Clusters of these names, without any object, at a time.
    #[must_use]
    pub fn empty(now: Timestamp, names: &[&str]) -> Self {
        let cluster = |(seed, name): (u64, &&str)| Cluster {
            name: (*name).to_owned(),
            store: Store::new(now).seeded(seed),
            access: Access::default(),
            audit: Audit::default(),
            faults: Faults::default(),
        };
        Self { clusters: (0..).zip(names).map(cluster).collect(), now }
    }

    /// The time in all clusters.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Lets time pass.
    pub fn step(&mut self, dt: Duration) {
        self.now += dt;
        for cluster in &mut self.clusters {
            cluster.store.set_now(self.now);
        }
    }

    /// The cluster of a name.
    pub fn cluster(&mut self, name: &str) -> Option<&mut Cluster> {
        self.clusters.iter_mut().find(|cluster| cluster.name == name)
    }
}

impl Cluster {
    /// The log of a container of a pod, of the container before it if `previous`; `None`: it wrote
    /// none.
    #[must_use]
    pub fn pod_log(&self, _pod: &Value, _container: &str, _which: LogOf) -> Option<String> {
        None
    }

    /// What a pod's `/metrics` answers; `None`: nothing listens there.
    #[must_use]
    pub fn pod_metrics(&self, _pod: &Value) -> Option<String> {
        None
    }
}

/// The Prometheus of a cluster; `None`: it has none.
#[must_use]
pub fn prometheus(_shared: &Shared, _cluster: &str) -> Option<Arc<dyn Source>> {
    None
}

/// Whose log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogOf {
    /// Of the container that runs, or ran last.
    Current,
    /// Of the container before its last restart.
    Previous,
}
