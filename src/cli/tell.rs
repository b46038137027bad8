//! What is said to a person beside the output. It never ends the program: where the error output takes nothing (a full
//! disk, a pipe whose reader is gone) the words are lost, and the exit code still tells how it went.

use std::fmt::Display;
use std::io::Write as _;

use crate::domain::text::{Block, Text};

/// Says whole lines as they are, each made safe to show: paths and names of files come from outside, too.
pub(crate) fn lines(text: impl Display) {
    let block = Block::clean(&text.to_string());
    let mut whole: String = block.lines().iter().map(Text::as_str).collect::<Vec<_>>().join("\n");
    if whole.is_empty() {
        return;
    }
    whole.push('\n');
    let mut err = std::io::stderr().lock();
    // There is nobody left to tell.
    let _ = err.write_all(whole.as_bytes()).and_then(|()| err.flush());
}

/// Says a sentence of the program's own.
pub(crate) fn say(sentence: impl Display) {
    lines(format_args!("pilothouse: {sentence}"));
}
