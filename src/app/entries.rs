//! Files of the operator that are tables of texts (keymaps, themes), read so that one bad line costs one line:
//! what cannot be read is told with its place and left out, the rest stands.

use toml::de::{DeTable, DeValue};

use crate::domain::text::Text;
use crate::domain::warning::Warning;

/// Largest file that is read; a longer one is neither a keymap nor a theme.
const FILE_BYTES_MAX: usize = 256 * 1024;

/// Most mistakes that are told of one file; the rest is counted.
const WARNINGS_MAX: usize = 50;

/// Most lines that are left out before the file is given up as something else than TOML.
const BAD_LINES_MAX: usize = 20;

/// One line `key = "value"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The table it stands in; empty at the top of the file.
    pub table: String,
    /// The key.
    pub key: String,
    /// Where the key is, in bytes.
    pub key_at: usize,
    /// The value.
    pub value: String,
    /// Where the value is, in bytes.
    pub value_at: usize,
}

/// A file under reading: its text, its name, the mistakes so far.
#[derive(Debug)]
pub struct Reading<'a> {
    source: &'a str,
    place: &'a Text,
    warnings: Vec<Warning>,
}

impl<'a> Reading<'a> {
    /// Begins to read a file that the operator knows by this name.
    #[must_use]
    pub const fn new(source: &'a str, place: &'a Text) -> Self {
        Self { source, place, warnings: Vec::new() }
    }

    /// A mistake at this byte.
    #[must_use]
    pub fn at(&self, byte: usize, what: &str) -> Warning {
        Warning::at(self.place, self.source, byte, what)
    }

    /// Tells a mistake.
    pub fn warn(&mut self, warning: Warning) {
        self.warnings.push(warning);
    }

    /// All entries that can be read, in the order of the file.
    pub fn entries(&mut self) -> Vec<Entry> {
        if self.source.len() > FILE_BYTES_MAX {
            let what = format!("longer than {FILE_BYTES_MAX} bytes");
            self.warn(Warning::whole(self.place, &what).hint("ignored"));
            return Vec::new();
        }
        let text = self.without_bad_lines();
        let mut entries = Vec::new();
        let (document, _) = DeTable::parse_recoverable(&text);
        for (name, value) in document.get_ref() {
            let (key, at) = (name.get_ref(), name.span().start);
            match value.get_ref() {
                DeValue::Table(table) => {
                    for (inner, value) in table {
                        let place = (inner.get_ref().as_ref(), inner.span().start);
                        let value = (value.get_ref(), value.span().start);
                        entries.extend(self.entry(key, place, value));
                    }
                }
                found @ (DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_)) => {
                    entries.extend(self.entry("", (key, at), (found, value.span().start)));
                }
            }
        }
        entries.sort_by_key(|entry| entry.key_at);
        entries
    }

    fn entry(
        &mut self,
        table: &str,
        (key, key_at): (&str, usize),
        (value, value_at): (&DeValue<'_>, usize),
    ) -> Option<Entry> {
        let DeValue::String(value) = value else {
            let what = format!("\"{key}\" must be a text in quotes, not {}", kind(value));
            self.warn(self.at(value_at, &what));
            return None;
        };
        let (table, key, value) = (table.to_owned(), key.to_owned(), value.to_string());
        Some(Entry { table, key, key_at, value, value_at })
    }

    /// The text with every line blanked that the parser stumbles over; it would give up the rest of the file.
    fn without_bad_lines(&mut self) -> String {
        let mut text = self.source.to_owned();
        for _ in 0..BAD_LINES_MAX {
            let (_, errors) = DeTable::parse_recoverable(&text);
            let Some(error) = errors.first() else { return text };
            let at = text.floor_char_boundary(error.span().map_or(0, |span| span.start));
            let what = error.message().lines().next().unwrap_or("not TOML").to_owned();
            self.warn(self.at(at, &what).hint("the line is left out"));
            blank_line(&mut text, at);
        }
        self.warn(Warning::whole(self.place, "is not TOML").hint("ignored"));
        String::new()
    }

    /// The mistakes, in the order of the file.
    #[must_use]
    pub fn finish(mut self) -> Vec<Warning> {
        self.warnings.sort_by_key(|warning| (warning.line, warning.column));
        if self.warnings.len() > WARNINGS_MAX {
            let more = self.warnings.len() - WARNINGS_MAX;
            self.warnings.truncate(WARNINGS_MAX);
            self.warnings.push(Warning::whole(self.place, &format!("{more} more mistakes")));
        }
        self.warnings
    }
}

/// Puts spaces over the line of this byte, so that all other places stay what they are. A newline that the parser did
/// not expect belongs to the line before it.
fn blank_line(text: &mut String, at: usize) {
    let (before, after) = text.split_at(at);
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let end = after.find('\n').map_or(text.len(), |newline| at + newline);
    let blank = " ".repeat(end - start);
    text.replace_range(start..end, &blank);
}

const fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(source: &str) -> (Vec<(String, String, String)>, Vec<String>) {
        let place = Text::clean("mine.toml");
        let mut reading = Reading::new(source, &place);
        let entries = reading.entries();
        let entries = entries.into_iter().map(|entry| (entry.table, entry.key, entry.value));
        let entries = entries.collect();
        (entries, reading.finish().iter().map(Warning::to_string).collect())
    }

    #[test]
    fn a_bad_line_costs_one_line() {
        let source = "a = \"1\"\n[t]\nb = \"2\nthis is not toml\nc = 3\nb = \"4\"\nb = \"5\"\n\"d\" = \"6\"\n";
        let (entries, warnings) = read(source);
        let keys: Vec<_> = entries.iter().map(|(t, k, v)| format!("{t}.{k}={v}")).collect();
        assert_eq!(keys, [".a=1", "t.b=4", "t.d=6"]);
        let lines: Vec<_> = warnings.iter().map(|w| w.split(": ").next().unwrap_or("")).collect();
        assert_eq!(lines, ["mine.toml:3", "mine.toml:4", "mine.toml:5", "mine.toml:7"]);
        assert!(warnings[2].contains("must be a text in quotes, not a number"), "{warnings:?}");
    }

    #[test]
    fn a_hostile_file_is_bounded() {
        let many = format!("[t]\n{}", "x = 1\n".repeat(5_000));
        assert!(read(&many).1.len() <= WARNINGS_MAX + 1);
        assert_eq!(read(&"#".repeat(FILE_BYTES_MAX + 1)).1.len(), 1);
        assert!(!read(&format!("[t]\nx = {}", "[".repeat(10_000))).1.is_empty());
        let html = "<html>\n<body>not a theme</body>\n".repeat(40);
        assert!(read(&html).1.len() <= BAD_LINES_MAX + 1);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(source in any::<String>()) {
            let _ = read(&source);
        }

        #[test]
        fn no_toml_like_text_makes_it_panic(source in "([a-z\"=\\[\\]#{}.0-9 \n]|é){0,80}") {
            let _ = read(&source);
        }
    }
}
