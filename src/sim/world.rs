//! The simulated world: clusters, and the time that passes in all of them.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::access::Access;
use super::api::prometheus::Source;
use super::api::prometheus_fault::PrometheusFaults;
use super::audit::Audit;
use super::controllers::life::{self, Activity, Life, Pace};
use super::controllers::settled::Born;
use super::fault::Faults;
use super::log;
use super::scrape::Scraper;
use super::shared::Shared;
use super::store::Store;
use super::traffic::Traffic;

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
    /// The requests its pods get.
    pub traffic: Traffic,
    /// What goes wrong with its Prometheus.
    pub prometheus_faults: PrometheusFaults,
    /// What moves its objects; `None`: nothing does.
    pub life: Option<Life>,
}

impl World {
    /// Clusters of these names, without any object or controller, at a time.
    #[must_use]
    pub fn empty(now: Timestamp, names: &[&str]) -> Self {
        let cluster = |(seed, name): (u64, &&str)| Cluster::bare(name, seed, now);
        Self { clusters: (0..).zip(names).map(cluster).collect(), now }
    }

    /// Clusters of these names in which controllers work, without any object yet.
    #[must_use]
    pub fn living(now: Timestamp, names: &[&str], seed: u64) -> Self {
        let cluster = |(number, name): (u64, &&str)| Cluster::living(name, seed ^ number, now);
        Self { clusters: (1..).zip(names).map(cluster).collect(), now }
    }

    /// A world of clusters that are at the same time.
    #[must_use]
    pub const fn of(clusters: Vec<Cluster>, now: Timestamp) -> Self {
        Self { clusters, now }
    }

    /// The time in all clusters.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Lets time pass. However long, everything happens at its own moment in between.
    pub fn step(&mut self, dt: Duration) {
        self.now += dt;
        for cluster in &mut self.clusters {
            cluster.live_until(self.now);
        }
    }

    /// Says how fast time passes: in leaps while nobody looks.
    pub fn set_pace(&mut self, pace: Pace) {
        for life in self.clusters.iter_mut().filter_map(|cluster| cluster.life.as_mut()) {
            life.set_pace(pace);
        }
    }

    /// The cluster of a name.
    pub fn cluster(&mut self, name: &str) -> Option<&mut Cluster> {
        self.clusters.iter_mut().find(|cluster| cluster.name == name)
    }
}

impl Cluster {
    /// A cluster without any object or controller.
    #[must_use]
    pub fn bare(name: &str, seed: u64, now: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            store: Store::new(now).seeded(seed),
            access: Access::default(),
            audit: Audit::default(),
            faults: Faults::default(),
            traffic: Traffic::seeded(seed),
            prometheus_faults: PrometheusFaults::default(),
            life: None,
        }
    }

    /// A cluster without any object in which controllers work.
    #[must_use]
    pub fn living(name: &str, seed: u64, now: Timestamp) -> Self {
        Self { life: Some(Life::seeded(seed)), ..Self::bare(name, seed, now) }
    }

    /// Stops the controllers of the cluster, or lets them work again.
    pub fn set_activity(&mut self, activity: Activity) {
        if let Some(life) = &mut self.life {
            life.set_activity(activity);
        }
    }

    /// Makes a settled workload.
    pub(super) fn make(&mut self, born: &Born) {
        if let Some(life) = &mut self.life {
            life.make((&mut self.store, &mut self.traffic), born);
        }
    }

    /// Takes everything as it is, and moves on to a time.
    pub(super) fn settle(&mut self, at: Timestamp) {
        if let Some(life) = &mut self.life {
            life.settle((&mut self.store, &mut self.traffic), at);
        }
    }

    fn live_until(&mut self, until: Timestamp) {
        match &mut self.life {
            Some(life) => life::live((&mut self.store, &mut self.traffic), life, until),
            None => self.store.set_now(until),
        }
    }

    /// The log of a container of a pod, of the container before it if `previous`; `None`: it wrote
    /// none.
    #[must_use]
    pub fn pod_log(&self, pod: &Value, container: &str, which: LogOf) -> Option<String> {
        log::of(self, pod, (container, which))
    }

    /// What a pod's `/metrics` answers; `None`: nothing listens there.
    #[must_use]
    pub fn pod_metrics(&self, pod: &Value) -> Option<String> {
        let text = |field: &str| pod.pointer(field).and_then(Value::as_str).unwrap_or_default();
        let key = format!("{}/{}", text("/metadata/namespace"), text("/metadata/name"));
        let meter = self.traffic.meter(&key)?;
        let is_own = meter.labels().uid == text("/metadata/uid");
        is_own.then(|| meter.exposition(self.store.now().as_millisecond()))
    }
}

/// The Prometheus of a cluster; `None`: it has none, because nothing lives there.
#[must_use]
pub fn prometheus(shared: &Shared, cluster: &str) -> Option<Arc<dyn Source>> {
    let lives = |world: &World| {
        world.clusters.iter().any(|each| each.name == cluster && each.life.is_some())
    };
    let scraper = || Arc::new(Scraper::new(shared.clone(), cluster)) as Arc<dyn Source>;
    shared.look(lives).then(scraper)
}

/// Whose log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogOf {
    /// Of the container that runs, or ran last.
    Current,
    /// Of the container before its last restart.
    Previous,
}
