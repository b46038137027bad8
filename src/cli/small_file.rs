//! Reads files of the operator: small ordinary ones. A pipe would hang us, a device never ends, a large file is a wrong
//! path.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::domain::text::Text;

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// Why, in the words of the system where it has some.
    pub(super) why: Text,
    /// True when there is none.
    pub(super) is_missing: bool,
}

impl Unreadable {
    fn because(why: &str) -> Self {
        Self { why: Text::clean(why), is_missing: false }
    }
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        let is_missing = error.kind() == io::ErrorKind::NotFound;
        Self { is_missing, ..Self::because(&error.to_string()) }
    }
}

/// The text of a file of at most so many bytes.
pub(super) fn text(path: &Path, bytes_max: u64) -> Result<String, Unreadable> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(Unreadable::because("not an ordinary file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > bytes_max) {
        return Err(Unreadable::because(&format!("larger than {} KiB", bytes_max >> 10)));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
        Unreadable::because(&format!("not UTF-8 (line {line}, byte {at})"))
    })
}
