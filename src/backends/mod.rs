//! Wire ↔ domain: Kubernetes, Prometheus, the audit file. The only asynchronous floor besides `runtime`.
