//! The state machine: state, events, effects, commands, keymap, `update`. Pure.

pub mod key;

pub mod input;

pub mod event;

pub mod command;

pub mod entries;

pub mod keymap;

pub mod sources;

pub mod fleet;

pub mod owners;

#[cfg(test)]
mod owners_tests;

pub mod notices;

pub mod focus;

pub mod orders;

pub mod state;

pub mod listing;

pub mod happenings;

pub mod lanes;

pub mod past;

pub mod parts;
pub mod update;
