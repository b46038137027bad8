//! Starts Pilothouse; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(pilothouse::cli::run::main())
}
