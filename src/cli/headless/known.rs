//! Whether enough is known to print: every API server has told all it knows, or cannot; and every question about
//! metrics is answered.

use crate::app::event::Event;
use crate::app::state::State;
use crate::domain::feed::SourceHealth;
use crate::domain::ids::ClusterName;

/// Whether this cluster has told all it knows, or cannot for now.
#[must_use]
pub fn has_spoken(state: &State, cluster: &ClusterName) -> bool {
    if state.fleet().is_synced(cluster) {
        return true;
    }
    let source = state.sources().kubernetes(cluster);
    source.is_some_and(|source| match source.health {
        SourceHealth::Denied(_) | SourceHealth::Down { .. } => true,
        SourceHealth::Connecting { attempt } => attempt > 2,
        SourceHealth::Live | SourceHealth::Degraded(_) => false,
    })
}

/// Whether all clusters have.
#[must_use]
pub fn all_have_spoken(state: &State) -> bool {
    state.session().clusters.iter().all(|cluster| has_spoken(state, cluster))
}

/// Once all have spoken, time passes at once, so that the questions that are due are asked without waiting for a tick.
#[must_use]
pub fn ask_now(state: &State) -> Vec<Event> {
    vec![Event::Tick(state.now())]
}
