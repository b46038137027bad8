//! Deeds against the simulated API server on the test's own clock: real executor, real watch, real audit file, and an
//! API server that loses requests, answers and watches. Its own audit is the witness of what reached it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]
#![expect(clippy::disallowed_methods, reason = "the test is the runtime here")]
#![expect(clippy::tests_outside_test_module, reason = "an integration test is one module")]

mod faults;
mod others;
mod rig;
