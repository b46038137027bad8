//! The terminal edge in a real pseudo-terminal: whatever happens, the terminal is given back, and what is typed
//! arrives as it was meant.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]
#![expect(clippy::disallowed_methods, reason = "a deadline needs a clock, a program its variables")]
#![expect(clippy::disallowed_types, reason = "the listener and the test share one screen")]
#![expect(clippy::tests_outside_test_module, reason = "an integration test is one module")]

mod cockpit;
mod ends;
mod hears;
mod program;
mod pty;
mod shows;

/// Not a test: the program that the tests start. It does nothing when it was not asked for.
#[test]
fn the_program_under_test() {
    program::run_when_asked();
}
