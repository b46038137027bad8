//! Decisions and their proof: plan, checks, clearance, order, audit record, and the ports that carry them out.

pub mod action;

pub mod footing;

pub mod plan;

pub mod deeds;

pub mod arrival;

pub mod check;

pub mod clearance;

pub mod order;

pub mod order_machine;

pub mod audit;

pub mod ports;

#[cfg(test)]
pub(crate) mod fixtures;
