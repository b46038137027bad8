//! The simulator's Prometheus against a real one: `tests/data/prometheus` holds what Prometheus
//! 2.42 was asked and answered, recorded by `record.py` there.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod api;
mod evaluator;
mod property;
