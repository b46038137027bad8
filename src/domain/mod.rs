//! Facts: what is known about the world, and when it was seen. Uses nothing but `std` and `jiff`
//! (and `unicode-general-category` in the sanitiser).

pub mod text;

pub mod ids;

pub mod observed;

pub mod rollout;

pub mod flagger;

pub mod experiment;

pub mod manual_gate;

pub mod workload;

pub mod detail;

pub mod past;

pub mod metric;

pub mod window;

pub mod counter;

pub mod family;

pub mod look;

pub mod feed;

pub mod warning;

#[cfg(test)]
pub(crate) mod fixtures;

pub mod part;

pub mod owner;

pub mod bounds;
