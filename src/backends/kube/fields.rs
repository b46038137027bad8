//! Reads fields of objects that may be anything. Total: a field of a wrong type is an oddity with its place, counts as
//! absent, and never costs the rest of the object.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;

use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

/// Words kept for sharing. The names, images and reasons of a large cluster fit; a hostile one only loses the sharing.
const WORDS_MAX: usize = 50_000;

/// Longer texts hardly ever repeat.
const WORD_BYTES_MAX: usize = 256;

/// Oddities kept of one object; a hundred would say no more.
const ODDITIES_MAX: usize = 8;

/// Texts that were seen before share their memory: namespaces, images, reasons, messages of conditions.
#[derive(Default)]
pub(super) struct Words {
    known: HashSet<Text>,
}

impl Words {
    /// The clean text, shared with all equal ones.
    pub(super) fn text(&mut self, raw: &str) -> Text {
        if let Some(known) = self.known.get(raw) {
            return known.clone();
        }
        let text = Text::clean(raw);
        if raw.len() <= WORD_BYTES_MAX {
            if self.known.len() >= WORDS_MAX {
                self.known.clear();
            }
            self.known.insert(text.clone());
        }
        text
    }
}

static NOTHING: Value = Value::Null;

/// A value and where it stands in its object.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    value: &'a Value,
    place: &'static str,
}

impl<'a> Node<'a> {
    /// The whole object.
    pub(super) const fn root(value: &'a Value) -> Self {
        Self { value, place: "" }
    }

    /// An entry of a list.
    pub(super) const fn entry(value: &'a Value, place: &'static str) -> Self {
        Self { value, place }
    }

    /// The field with this name; `place` is its whole path, for words.
    pub(super) fn at(self, key: &str, place: &'static str) -> Self {
        Self { value: self.raw(key), place }
    }

    /// The field with this name, as it is; null when absent.
    pub(super) fn raw(self, key: &str) -> &'a Value {
        self.value.get(key).unwrap_or(&NOTHING)
    }

    /// As it is.
    pub(super) const fn value(self) -> &'a Value {
        self.value
    }

    /// True when there is something.
    pub(super) const fn is_there(self) -> bool {
        !matches!(self.value, Value::Null)
    }

    /// The fields of an object of strings (labels, annotations).
    pub(super) fn word(self, key: &str) -> Option<&'a str> {
        self.raw(key).as_str()
    }
}

/// One object being read.
pub(super) struct Reading<'w> {
    words: &'w mut Words,
    oddities: Vec<Text>,
}

impl<'w> Reading<'w> {
    pub(super) const fn new(words: &'w mut Words) -> Self {
        Self { words, oddities: Vec::new() }
    }

    /// What was odd.
    pub(super) fn oddities(self) -> std::sync::Arc<[Text]> {
        self.oddities.into()
    }

    /// A text of ours or theirs, shared.
    pub(super) fn shared(&mut self, raw: &str) -> Text {
        self.words.text(raw)
    }

    /// Notes something odd at a field.
    pub(super) fn odd(&mut self, node: Node<'_>, key: &str, what: &str) {
        if self.oddities.len() < ODDITIES_MAX {
            let place = node.place;
            let dot = if place.is_empty() || key.is_empty() { "" } else { "." };
            self.oddities.push(Text::clean(&format!("{place}{dot}{key}: {what}")));
        }
    }

    /// A text; a number counts as one (some controllers write `observedGeneration` that way).
    pub(super) fn text(&mut self, node: Node<'_>, key: &str) -> Option<Text> {
        match node.raw(key) {
            Value::Null => None,
            Value::String(raw) if raw.is_empty() => None,
            Value::String(raw) => Some(self.shared(raw)),
            Value::Number(number) => Some(self.shared(&number.to_string())),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                self.odd(node, key, "not a text");
                None
            }
        }
    }

    /// A text that is empty when absent.
    pub(super) fn text_or_empty(&mut self, node: Node<'_>, key: &str) -> Text {
        self.text(node, key).unwrap_or_default()
    }

    /// A whole number.
    pub(super) fn whole(&mut self, node: Node<'_>, key: &str) -> Option<i64> {
        let value = node.raw(key);
        let whole = value.as_i64();
        if whole.is_none() && !value.is_null() {
            self.odd(node, key, "not a whole number");
        }
        whole
    }

    /// A count: a whole number that is not negative.
    pub(super) fn count(&mut self, node: Node<'_>, key: &str) -> Option<u32> {
        let whole = self.whole(node, key)?;
        let count = u32::try_from(whole).ok();
        if count.is_none() {
            self.odd(node, key, "not a count");
        }
        count
    }

    /// A yes or no.
    pub(super) fn boolean(&mut self, node: Node<'_>, key: &str) -> Option<bool> {
        match node.raw(key) {
            Value::Null => None,
            Value::Bool(value) => Some(*value),
            Value::String(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                self.odd(node, key, "neither true nor false");
                None
            }
        }
    }

    /// A moment.
    pub(super) fn time(&mut self, node: Node<'_>, key: &str) -> Option<Timestamp> {
        let value = node.raw(key);
        let time = value.as_str().and_then(|raw| raw.parse().ok());
        if time.is_none() && !value.is_null() {
            self.odd(node, key, "not a time");
        }
        time
    }

    /// A duration in any spelling that Argo knows: seconds as a number or as digits, or Go's `1h5m10s`.
    pub(super) fn duration(&mut self, node: Node<'_>, key: &str) -> Option<Duration> {
        let duration = match node.raw(key) {
            Value::Null => return None,
            Value::Number(number) => number.as_u64().map(Duration::from_secs),
            Value::String(raw) => duration(raw),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        if duration.is_none() {
            self.odd(node, key, "not a duration");
        }
        duration
    }

    /// The entries of a list; empty when absent.
    pub(super) fn list<'a>(&mut self, node: Node<'a>, key: &str) -> &'a [Value] {
        match node.raw(key) {
            Value::Null => &[],
            Value::Array(list) => list,
            Value::Bool(_) | Value::String(_) | Value::Number(_) | Value::Object(_) => {
                self.odd(node, key, "not a list");
                &[]
            }
        }
    }
}

/// Reads `90`, `90s`, `1m30s`, `1.5h`, `250ms`.
pub(super) fn duration(raw: &str) -> Option<Duration> {
    if let Ok(seconds) = raw.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let mut total = Duration::ZERO;
    let mut rest = raw.strip_prefix('+').unwrap_or(raw);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at_checked(digits)?;
        let letters = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(letters)?;
        let number: f64 = number.parse().ok()?;
        let seconds = match unit {
            "h" => number * 3_600.0,
            "m" => number * 60.0,
            "s" => number,
            "ms" => number / 1e3,
            "us" | "µs" | "μs" => number / 1e6,
            "ns" => number / 1e9,
            _ => return None,
        };
        total = total.checked_add(Duration::try_from_secs_f64(seconds).ok()?)?;
        rest = after;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn durations_of_all_spellings_are_read() {
        for (raw, want) in [
            ("30", Some(30_000)),
            ("30s", Some(30_000)),
            ("5m", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("1h5m10s", Some(3_910_000)),
            ("1.5h", Some(5_400_000)),
            ("250ms", Some(250)),
            ("+3s", Some(3_000)),
            ("", None),
            ("-3s", None),
            ("3 s", None),
            ("3d", None),
            ("s", None),
            (".s", None),
            ("1e400h", None),
            ("99999999999999999999999h", None),
        ] {
            assert_eq!(duration(raw), want.map(Duration::from_millis), "{raw:?}");
        }
    }

    #[test]
    fn a_field_of_a_wrong_type_is_an_oddity_and_counts_as_absent() {
        let value = json!({ "a": [], "b": {}, "c": "x", "d": 5, "e": 1.5, "f": -1, "g": true });
        let mut words = Words::default();
        let mut reading = Reading::new(&mut words);
        let node = Node::root(&value).at("nowhere", "status");
        assert_eq!(reading.count(node, "a"), None);
        let node = Node::entry(&value, "status");
        assert_eq!(reading.count(node, "a"), None);
        assert_eq!(reading.count(node, "e"), None);
        assert_eq!(reading.count(node, "f"), None);
        assert_eq!(reading.text(node, "b"), None);
        assert_eq!(reading.boolean(node, "c"), None);
        assert_eq!(reading.time(node, "d"), None);
        assert_eq!(reading.duration(node, "g"), None);
        assert_eq!(reading.list(node, "c"), &[] as &[Value]);
        let oddities = reading.oddities();
        let words: Vec<&str> = oddities.iter().map(Text::as_str).collect();
        assert_eq!(words.len(), ODDITIES_MAX);
        assert_eq!(words[0], "status.a: not a whole number");
        assert_eq!(words[2], "status.f: not a count");
    }

    #[test]
    fn equal_texts_share_their_memory() {
        let mut words = Words::default();
        let (one, two) = (words.text("shop"), words.text("shop"));
        assert!(std::ptr::eq(one.as_str(), two.as_str()));
        assert_eq!(words.text("a\u{1b}").as_str(), "a^[");
        assert_eq!(words.text("a\u{1b}").as_str(), "a^[");
    }
}
