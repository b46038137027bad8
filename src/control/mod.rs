//! Decisions and their proof: plan, checks, clearance, order, audit record, and the ports that carry them out.

pub mod action;

pub mod footing;

pub mod plan;

mod marked;

pub mod gate_call;

pub mod deeds;

pub mod gate;

pub mod give_up;

pub mod arrival;

mod arrival_native;

mod arrival_flagger;

#[cfg(test)]
mod arrival_tests;

pub mod check;

pub mod clearance;

#[cfg(test)]
mod check_tests;

pub mod order;

pub mod order_machine;

mod order_unknown;

mod undone;

#[cfg(test)]
mod undone_tests;

pub mod leftover;

#[cfg(test)]
mod order_tests;

pub mod audit;

pub mod ports;

#[cfg(test)]
pub(crate) mod fixtures;
