//! PromQL as Prometheus 2.42 answers it: parsed by `promql-parser`, evaluated here over a store of
//! samples. What this subset does not know is an error, as it would be in the real one.

pub mod labels;
pub mod samples;
