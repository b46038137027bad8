//! Pilothouse, a release cockpit for the terminal.
//!
#![doc = include_str!("ARCHITECTURE.md")]

pub mod domain;

pub mod analysis;

pub mod control;

#[expect(clippy::disallowed_methods, reason = "backends wait, read files and stamp what they see")]
pub mod backends;

pub mod app;

pub mod ui;

#[expect(clippy::disallowed_methods, reason = "the one place that spawns and reads the clock")]
pub mod runtime;

#[expect(
    clippy::disallowed_methods,
    reason = "a server of its own: it has its own clock and tasks"
)]
#[expect(clippy::disallowed_types, reason = "the world is one value shared by its connections")]
pub mod sim;

#[expect(clippy::disallowed_methods, reason = "settings and files are read here")]
pub mod cli;
