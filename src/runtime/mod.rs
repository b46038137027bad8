//! The shell around the machine: the loop, the terminal, the effects, the one clock.

mod attributes;

pub mod clock;

pub mod colour;

mod canvas;

pub mod encoder;

#[cfg(test)]
mod encoder_tests;

pub mod keys;

pub mod parser;

#[cfg(test)]
mod parser_tests;

pub mod perform;
