//! Is this canary worse than stable, how sure is that, and since when: tests that stay valid while they are watched.
//!
//! A live program makes a [`live::Judge`] from a plan, feeds it each window of each metric as it comes, and asks for
//! the verdict whenever it likes; asking as often as one likes makes no false alarm. Below are the tests one by one
//! (`reference/analysis.md` §3.3). Pure: no clock, no input, constant memory per metric, microseconds per window.
//!
//! What is missing or broken is neutral: it is named and counted ([`crate::domain::window::Problem`]), and the e-values
//! stay as they were. Nothing is never a pass.

pub mod mixture;

pub mod ratio;

pub mod absolute;

pub mod histogram;

pub mod gauge;

pub mod history;

pub mod confidence;

pub mod bound;

pub mod plan;

pub mod outcome;

mod arms;

mod buckets;

mod level;

pub mod metric;

pub mod live;
