//! Prometheus, the reading side: canary against stable, now and over time.
//!
//! The way in is [`spec::PrometheusSpec`], then [`client::Prometheus`]. What it answers is one of three: numbers, why a
//! single number is missing, or why there is no answer at all. Nothing that is missing ever becomes a zero.

pub mod template;

pub mod queries;

pub mod spec;

mod transport;

mod envelope;

mod meaning;

mod reading;

pub mod client;

mod answer;

mod counters;

pub mod probe;

#[cfg(test)]
mod script;

#[cfg(test)]
mod client_tests;

#[cfg(test)]
mod recorded;
