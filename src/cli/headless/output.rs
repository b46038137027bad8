//! Where documents go. A closed pipe is no fault: whoever reads has had enough.

use std::io::{self, Write};

use serde::Serialize;

pub use crate::cli::args_values::Format;

/// Why nothing more can be printed.
#[derive(Debug, thiserror::Error)]
pub enum PrintError {
    /// The reader is gone (`| head`).
    #[error("the reader of the output is gone")]
    Closed,
    /// Another fault of the output.
    #[error("cannot write the output: {0}")]
    Io(io::Error),
    /// A document that has no form: a fault of ours.
    #[error("cannot form the document: {0}")]
    Form(String),
}

impl From<io::Error> for PrintError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::Closed } else { Self::Io(error) }
    }
}

/// Prints text.
///
/// # Errors
///
/// When the output takes no more.
pub fn text(text: &str) -> Result<(), PrintError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Prints one document as JSON (over several lines) or YAML.
///
/// # Errors
///
/// When the output takes no more.
pub fn document(format: Format, document: &impl Serialize) -> Result<(), PrintError> {
    let formed = match format {
        Format::Yaml => serde_saphyr::to_string(document).map_err(|error| error.to_string()),
        Format::Table | Format::Wide | Format::Json => {
            serde_json::to_string_pretty(document).map_err(|error| error.to_string())
        }
    };
    text(&ended(escaped(&formed.map_err(PrintError::Form)?)))
}

/// Prints one document as one line of JSON (YAML: as one document of a stream).
///
/// # Errors
///
/// When the output takes no more.
pub fn line(format: Format, document: &impl Serialize) -> Result<(), PrintError> {
    let form = |error: String| PrintError::Form(error);
    let formed = match format {
        Format::Yaml => {
            let yaml =
                serde_saphyr::to_string(document).map_err(|error| form(error.to_string()))?;
            format!("---\n{yaml}")
        }
        Format::Table | Format::Wide | Format::Json => {
            serde_json::to_string(document).map_err(|error| form(error.to_string()))?
        }
    };
    text(&ended(escaped(&formed)))
}

fn ended(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// JSON's own escapes stop at 0x20; a terminal does not (`reference/reliability.md` S12). Our texts are sanitised
/// already; what comes from elsewhere (a patch's body) is not.
fn escaped(text: &str) -> String {
    let is_unsafe = |c: char| {
        c == '\x7f'
            || ('\u{80}'..='\u{9f}').contains(&c)
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    if !text.contains(is_unsafe) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| if is_unsafe(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_lets_through_is_escaped() {
        assert_eq!(escaped("a\u{7f}\u{202e}b\u{9b}"), "a\\u007f\\u202eb\\u009b");
        assert_eq!(escaped("grün ✔"), "grün ✔");
    }
}
