//! The shell around the machine: the loop, the terminal, the effects, the one clock.

pub mod clock;

pub mod keys;

pub mod parser;

#[cfg(test)]
mod parser_tests;
