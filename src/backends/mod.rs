//! Wire ↔ domain: Kubernetes, Prometheus, the audit file. The only asynchronous floor besides `runtime`.

pub mod source;

pub mod kube;

pub mod prometheus;
