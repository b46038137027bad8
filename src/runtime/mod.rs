//! The shell around the machine: the loop, the terminal, the effects, the one clock.

pub mod clock;

pub mod signals;

pub mod terminal;

pub mod tty;

pub mod input;

mod bursts;

pub mod parser;

#[cfg(test)]
mod parser_tests;

pub mod keys;

pub mod writer;

pub mod easel;

pub mod encoder;

#[cfg(test)]
mod encoder_tests;

mod canvas;

mod attributes;

pub mod colour;

pub mod clipboard;

mod recall;

pub mod perform;

#[cfg(test)]
mod perform_tests;

pub mod front;

pub mod effects;

pub mod machine;

pub mod cockpit;
