//! A small seeded world that speaks the wires of Kubernetes and Prometheus. It uses nothing of ours:
//! it must be able to be another program.

pub mod api;
pub mod promql;
