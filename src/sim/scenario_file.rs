//! Reads the file of a scenario: a small ordinary one. A pipe would hang us, a device never ends.

/// The largest scenario file.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The text of the file at this path, or what is wrong with it.
pub(super) fn text(path: &str) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("{path}: {error}");
    let about = std::fs::metadata(path).map_err(failed)?;
    if !about.is_file() {
        return Err(format!("{path}: not an ordinary file"));
    }
    if about.len() > FILE_BYTES_MAX {
        return Err(format!("{path}: larger than {} MiB", FILE_BYTES_MAX >> 20));
    }
    String::from_utf8(std::fs::read(path).map_err(failed)?)
        .map_err(|error| format!("{path}: not UTF-8 (byte {})", error.utf8_error().valid_up_to()))
}
