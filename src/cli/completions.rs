//! The completion scripts of shells.

use std::io::{self, Write};

use clap_complete::{Shell, generate};

use super::args::command;

/// Writes the script of a shell.
///
/// # Errors
/// What the writer says.
pub fn write(shell: Shell, out: &mut dyn Write) -> io::Result<()> {
    let mut script = Vec::new();
    generate(shell, &mut command(), "pilothouse", &mut script);
    out.write_all(&script)
}
