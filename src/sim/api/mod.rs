//! The wires of the simulated world: one router, mounted in process or on loopback.

pub mod prometheus;
pub mod prometheus_fault;

mod prometheus_json;
mod prometheus_params;
