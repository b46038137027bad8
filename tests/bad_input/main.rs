//! Whatever is wrong around the program, it says what, where and what next, with the promised exit code: it does not
//! panic, does not hang, and prints nothing that a script would take for an answer.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]
#![expect(clippy::print_stderr, reason = "what was skipped is said")]
#![expect(clippy::disallowed_methods, reason = "a deadline needs a clock, a rig starts its server")]
#![expect(clippy::disallowed_types, reason = "the listener and the test share one screen")]
#![expect(clippy::tests_outside_test_module, reason = "an integration test is one module")]

mod audit;
mod clusters;
mod environment;
mod files;
mod hostile;
mod kubeconfigs;
mod plugins;
mod program;
#[expect(dead_code, reason = "the terminal's own tests use all of it")]
#[path = "../terminal/pty.rs"]
mod pty;
mod servers;
mod specs;
mod streams;
mod stub;
