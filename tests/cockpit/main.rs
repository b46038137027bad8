//! The program in one process: real loop, machine, effects, backends and audit file, the simulator's world, an operator
//! who presses keys and reads what is painted, and a clock that only tests move.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]
#![expect(clippy::disallowed_methods, reason = "a rig starts the machine that it tests")]
#![expect(clippy::disallowed_types, reason = "a test and what it tests look at the same thing")]
#![expect(clippy::tests_outside_test_module, reason = "an integration test is one module")]

mod answered;
mod answers;
mod dialogs;
mod effects;
mod eye;
mod lanes;
mod rig;
mod sabotage;
mod safe;
mod several;
mod sources;
mod story;
