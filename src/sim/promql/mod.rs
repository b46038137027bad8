//! PromQL as Prometheus 2.42 answers it: parsed by `promql-parser`, evaluated here over a store of
//! samples. What this subset does not know is an error, as it would be in the real one.

pub mod query;
pub mod value;

mod eval;

mod aggregate;
mod binary;
mod function;
mod quantile;
mod range;
mod special;

mod check;
mod clause;
mod token;
mod types;

pub mod labels;
pub mod samples;
pub mod text;
