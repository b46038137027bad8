//! What can go wrong between a client and the simulated API server: typed, scheduled, counted.

/// The faults of one cluster.
#[derive(Debug, Default)]
pub struct Faults {}
