//! Simulated clusters on loopback, for the real binary.

use pilothouse::sim::scenario::{SCENARIOS, Scenario};
use pilothouse::sim::serve::{Clock, Served, serve};
use pilothouse::sim::shared::Shared;
use pilothouse::sim::world::World as Simulated;
use tokio::runtime::Runtime;

/// A world that is served until this value goes.
pub(crate) struct World {
    served: Served,
    _runtime: Runtime,
}

impl World {
    fn serving(world: Simulated) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let served = runtime.block_on(serve(Shared::new(world), Clock::Scaled(1.0))).unwrap();
        Self { served, _runtime: runtime }
    }

    /// One of the program's own scenarios.
    pub(crate) fn scenario(name: &str) -> Self {
        let (_, text) = SCENARIOS.into_iter().find(|(known, _)| *known == name).unwrap();
        let scenario = Scenario::parse(text, name).unwrap();
        Self::serving(Simulated::from_scenario(&scenario, 1, jiff::Timestamp::now()))
    }

    /// A cluster without controllers, filled by hand.
    pub(crate) fn filled(fill: impl FnOnce(&mut Simulated)) -> Self {
        let mut world = Simulated::empty(jiff::Timestamp::now(), &["east"]);
        fill(&mut world);
        Self::serving(world)
    }

    /// The way there.
    pub(crate) fn kubeconfig(&self) -> String {
        self.served.kubeconfig()
    }

    /// How many writes of ours its servers have seen that were no rehearsals; an Event tells of one and is none.
    pub(crate) fn writes(&self) -> usize {
        self.served.shared.look(|world| {
            let writes = world.clusters.iter().flat_map(|cluster| cluster.audit.writes());
            let ours = writes.filter(|write| write.agent.starts_with("pilothouse/"));
            ours.filter(|write| write.verb == "patch" && !write.is_dry_run()).count()
        })
    }
}
