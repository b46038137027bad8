//! The state machine: state, events, effects, commands, keymap, `update`. Pure.

pub mod key;

pub mod input;

pub mod event;
