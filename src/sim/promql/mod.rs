//! PromQL as Prometheus 2.42 answers it: parsed by `promql-parser`, evaluated here over a store of
//! samples. What this subset does not know is an error, as it would be in the real one.

pub mod query;
pub mod value;

mod eval;

mod aggregate;
mod binary;
mod function;
#[expect(clippy::float_cmp, reason = "bounds and counts are compared as Prometheus does")]
mod quantile;
#[expect(clippy::float_cmp, reason = "values are compared as Prometheus does")]
#[expect(clippy::unnecessary_wraps, reason = "functions over time are of one type")]
mod range;
#[expect(clippy::unnecessary_wraps, reason = "functions are of one type")]
mod special;

mod check;
mod clause;
mod duration;
mod token;
mod types;

pub mod labels;
pub mod samples;
pub mod text;
