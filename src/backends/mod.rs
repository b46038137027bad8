//! Wire ↔ domain: Kubernetes, Prometheus, the audit file. The only asynchronous floor besides `runtime`.

pub mod source;

pub mod kube;

pub mod prometheus;

pub mod exposition;

pub mod audit_chain;

mod audit_record;

pub mod audit_disk;

pub mod audit_file;

pub mod audit_read;

pub mod audit_deeds;

mod audit_left;

#[cfg(test)]
mod audit_tests;

#[cfg(test)]
mod mutated;
