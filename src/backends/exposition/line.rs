//! One line that is no comment: name, labels, value, timestamp. Blanks may stand between any two of them.

use std::borrow::Cow;

use super::format::Format;
use super::ledger::Loss;
use crate::domain::observed::Timestamp;

/// Most labels of one series. Prometheus' own users stay below thirty.
const LABELS_MAX: usize = 128;

/// A label with its value, as they were meant: escapes are resolved.
pub(super) type Label<'a> = (Cow<'a, str>, Cow<'a, str>);

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) labels: Vec<Label<'a>>,
    pub(super) value: f64,
    pub(super) at: Option<Timestamp>,
}

/// Reads a line without its line break.
pub(super) fn line(text: &str, format: Format) -> Result<Line<'_>, Loss> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.blanks();
    let mut name = scanner.word(is_in_name).map(Cow::Borrowed);
    scanner.blanks();
    let mut labels = Vec::new();
    if scanner.take(b'{') {
        scanner.labels(&mut name, &mut labels)?;
    }
    let name = name.ok_or(Loss::Name)?;
    scanner.blanks();
    let value = scanner.field().parse().map_err(|_error| Loss::Value)?;
    scanner.blanks();
    let at = match scanner.peek() {
        None | Some(b'#') => None,
        Some(_) => Some(moment(scanner.field(), format)?),
    };
    scanner.blanks();
    match (scanner.peek(), format) {
        // Behind `#` is an exemplar: one request of many, not needed here.
        (None, _) | (Some(b'#'), Format::OpenMetrics) => Ok(Line { name, labels, value, at }),
        (Some(_), Format::Text | Format::OpenMetrics) => Err(Loss::Rest),
    }
}

/// Milliseconds as a whole number, or seconds with a fraction.
fn moment(field: &str, format: Format) -> Result<Timestamp, Loss> {
    let milliseconds = match format {
        Format::Text => field.parse::<i64>().ok(),
        Format::OpenMetrics => field.parse::<f64>().ok().and_then(whole_milliseconds),
    };
    let at = milliseconds.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    at.ok_or(Loss::Timestamp)
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
fn whole_milliseconds(seconds: f64) -> Option<i64> {
    /// The year 9999, in seconds.
    const SECONDS_MAX: f64 = 253_402_207_200.0;
    (seconds.abs() <= SECONDS_MAX).then(|| (seconds * 1000.0).round() as i64)
}

const fn is_in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':'
}

const fn is_in_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

const fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// A place in a line. Every place where it stops is the start of an ASCII character or the end.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, wanted: u8) -> bool {
        let is_there = self.peek() == Some(wanted);
        self.at += usize::from(is_there);
        is_there
    }

    fn run(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.bytes().position(|byte| !wanted(byte)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn blanks(&mut self) {
        self.run(is_blank);
    }

    /// Everything up to the next blank.
    fn field(&mut self) -> &'a str {
        self.run(|byte| !is_blank(byte))
    }

    /// A name; it does not begin with a digit.
    fn word(&mut self, is_in: impl Fn(u8) -> bool) -> Option<&'a str> {
        let word = self.run(is_in);
        word.bytes().next().filter(|first| !first.is_ascii_digit()).map(|_| word)
    }

    /// What stands in the braces, up to and with the closing one. A name in quotes without `=` is that of the metric.
    fn labels(
        &mut self,
        name: &mut Option<Cow<'a, str>>,
        labels: &mut Vec<Label<'a>>,
    ) -> Result<(), Loss> {
        loop {
            self.blanks();
            if self.take(b'}') {
                return Ok(());
            }
            let (key, is_quoted) = if self.peek() == Some(b'"') {
                (self.quoted()?, true)
            } else {
                (Cow::Borrowed(self.word(is_in_label).ok_or(Loss::Labels)?), false)
            };
            self.blanks();
            if self.take(b'=') {
                self.blanks();
                let value = self.quoted()?;
                if labels.iter().any(|(other, _)| *other == key) {
                    return Err(Loss::LabelTwice);
                }
                if labels.len() == LABELS_MAX {
                    return Err(Loss::ManyLabels);
                }
                labels.push((key, value));
            } else if is_quoted && name.is_none() && !key.is_empty() {
                *name = Some(key);
            } else {
                return Err(Loss::Labels);
            }
            self.blanks();
            if !self.take(b',') && self.peek() != Some(b'}') {
                return Err(Loss::Labels);
            }
        }
    }

    /// A text in quotes, its escapes resolved.
    fn quoted(&mut self) -> Result<Cow<'a, str>, Loss> {
        if !self.take(b'"') {
            return Err(Loss::Labels);
        }
        let plain = self.run(|byte| byte != b'"' && byte != b'\\');
        if self.take(b'"') {
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_owned();
        while self.take(b'\\') {
            let escaped = match self.peek() {
                Some(b'n') => "\n",
                Some(b'"') => "\"",
                Some(b'\\') => "\\",
                // No escape: Prometheus keeps both characters.
                Some(_) => "",
                None => return Err(Loss::Labels),
            };
            if escaped.is_empty() {
                text.push('\\');
            } else {
                text.push_str(escaped);
                self.at += 1;
            }
            text.push_str(self.run(|byte| byte != b'"' && byte != b'\\'));
        }
        if self.take(b'"') { Ok(Cow::Owned(text)) } else { Err(Loss::Labels) }
    }
}
