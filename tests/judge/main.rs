//! The judge: the reference's own numbers, properties that hold for any input, and how often it is wrong.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod alarms;
mod draw;
mod golden;
mod properties;
mod scenarios;
