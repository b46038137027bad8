//! The chain of an audit segment: canonical JSON, one record a line, each with the hash of the one before. Pure.
//!
//! `hash = SHA-256("pilothouse-audit-1\0" ‖ prev ‖ canonical(record without hash))`. A line must be the canonical form of
//! its own content, so that no byte of it can be changed without being found.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Keeps our hashes apart from those of anybody else.
const DOMAIN: &[u8] = b"pilothouse-audit-1\0";

/// What the first record of a segment names as the one before.
pub(super) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A record that is longer has been tampered with: ours are cut to stay below.
pub(super) const LINE_BYTES_MAX: usize = 128 << 10;

/// The place of a record in the chain of its segment.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Its number, from 0.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

/// A record as it was read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sealed {
    pub link: Link,
    pub prev: String,
    pub fields: Map<String, Value>,
}

/// Makes the line of a record, without its line break.
pub(super) fn seal(mut fields: Map<String, Value>, seq: u64, prev: &str) -> (String, Link) {
    fields.insert("seq".to_owned(), seq.into());
    fields.insert("prev".to_owned(), prev.into());
    fields.remove("hash");
    let hash = hash(prev, &Value::Object(fields.clone()));
    fields.insert("hash".to_owned(), hash.clone().into());
    (canonical(&Value::Object(fields)), Link { seq, hash })
}

/// Reads a line and proves that it is what was sealed. Whether it is in its place is for the reader of the chain.
pub(super) fn open(line: &[u8]) -> Result<Sealed, &'static str> {
    let text = std::str::from_utf8(line).map_err(|_| "not UTF-8")?;
    let value: Value = serde_json::from_str(text).map_err(|_| "not JSON")?;
    if canonical(&value) != text {
        return Err("not in canonical form");
    }
    let Value::Object(mut fields) = value else { return Err("no record") };
    let Some(Value::String(written)) = fields.remove("hash") else { return Err("without hash") };
    let Some(prev) = fields.get("prev").and_then(Value::as_str).map(str::to_owned) else {
        return Err("without prev");
    };
    let Some(seq) = fields.get("seq").and_then(Value::as_u64) else { return Err("without seq") };
    let value = Value::Object(fields);
    if hash(&prev, &value) != written {
        return Err("changed: its hash is another one");
    }
    let Value::Object(fields) = value else { return Err("no record") };
    Ok(Sealed { link: Link { seq, hash: written }, prev, fields })
}

fn hash(prev: &str, record: &Value) -> String {
    let mut hasher = Sha256::new();
    hasher.update(DOMAIN);
    hasher.update(prev.as_bytes());
    hasher.update(canonical(record).as_bytes());
    hex(&hasher.finalize())
}

/// The digest of a value that is too large or too private for the record.
pub(super) fn digest(value: &Value) -> String {
    hex(&Sha256::digest(canonical(value).as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing into a String never fails.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Keys sorted, nothing between tokens (as RFC 8785; we write no fractions, so numbers have one form).
pub(super) fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(&mut out, value);
    out
}

fn write_canonical(out: &mut String, value: &Value) {
    match value {
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort_unstable();
            out.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write_canonical(out, fields.get(key).unwrap_or(&Value::Null));
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(out, item);
            }
            out.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            out.push_str(&value.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn the_canonical_form_sorts_keys_and_has_no_space() {
        let value = json!({"b": [1, null, {"z": "a\"\n", "a": true}], "a": "ü"});
        assert_eq!(canonical(&value), r#"{"a":"ü","b":[1,null,{"a":true,"z":"a\"\n"}]}"#);
    }

    #[test]
    fn a_sealed_record_opens_to_what_it_was() {
        let (line, head) = seal(fields(&json!({"kind": "note", "text": "x"})), 3, GENESIS);
        let opened = open(line.as_bytes()).unwrap();
        assert_eq!(opened.link, head);
        assert_eq!(opened.prev, GENESIS);
        assert_eq!(opened.fields.get("text"), Some(&json!("x")));
    }

    #[test]
    fn a_line_that_says_the_same_in_another_form_is_found() {
        let (line, _) = seal(fields(&json!({"kind": "note", "text": "x"})), 0, GENESIS);
        for changed in [
            line.replace(":\"x\"", ": \"x\""),
            line.replace("\"x\"", "\"\\u0078\""),
            line.replace("\"x\"", "\"y\""),
            line.replace("\"seq\":0", "\"seq\":1"),
            line.replace("\"seq\":0", "\"seq\":0.0"),
            line.replace("\"kind\":\"note\"", "\"kind\":\"note\",\"kind\":\"note\""),
        ] {
            assert_ne!(changed, line);
            assert!(open(changed.as_bytes()).is_err(), "{changed}");
        }
    }
}
