//! A small seeded world that speaks the wires of Kubernetes and Prometheus. It uses nothing of ours:
//! it must be able to be another program.

pub mod kind;
pub mod object;
pub mod status;
pub mod store;

pub mod access;
pub mod audit;
pub mod fault;
pub mod managed;
pub mod patch;
pub mod schema;
pub mod selector;
pub mod validate;

mod schema_shapes;
mod strategic;

pub mod arrivals;
pub mod meter;
pub mod traffic;

mod log;
mod scrape;

pub mod controllers;

pub mod shared;
pub mod world;

pub mod api;
pub mod promql;
pub mod serve;

pub mod scenario;

mod scenario_build;
mod scenario_error;
mod scenario_file;
mod scenario_objects;
pub mod scenario_words;
