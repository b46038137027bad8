//! Live: real clusters, whoever made them. `KUBECONFIG` and `PILOTHOUSE_LIVE_CONTEXT` (default: the current context)
//! say which; `AUDIT_LOG` is the API server's audit log, the witness of what was written. Without
//! `PILOTHOUSE_LIVE_CONTEXT` every test says that it was skipped. Each test has a namespace of its own.

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "helpers of tests")]
#![expect(clippy::disallowed_methods, reason = "a deadline needs a clock, a program its variables")]
#![expect(clippy::tests_outside_test_module, reason = "an integration test is one module")]
#![expect(clippy::disallowed_types, reason = "the listener and the test share one screen")]

mod alone;
mod canaries;
mod cockpit;
mod experiments;
mod explain;
mod flagger;
mod gates;
mod gitops;
mod manifests;
mod natives;
mod openshift;
mod others;
mod pilot;
mod plane;
#[path = "../terminal/pty.rs"]
#[expect(dead_code, reason = "the tests of the terminal do more with it than these")]
mod pty;
mod routes;
mod scrape;
mod silence;
mod steps;
mod story;
mod truth;
mod wire;
