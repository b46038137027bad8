//! Decisions and their proof: plan, checks, clearance, order, audit record, and the ports that carry them out.

pub mod action;

pub mod plan;

pub mod check;

pub mod clearance;

pub mod order;

pub mod audit;

pub mod ports;
