//! Reads an exposition as it comes in, in pieces of any size. Every line ends in the [`Ledger`], and what comes out does
//! not depend on where the pieces were cut.

use std::borrow::Cow;
use std::collections::HashSet;

use super::format::Format;
use super::ledger::{End, Ledger, Loss};
use super::line::{self, Label, Line};
use crate::domain::look;
use crate::domain::observed::Timestamp;

/// Longest line that is read. Labels hold paths and queries, and now and then somebody's whole session.
pub const LINE_BYTES_MAX: usize = 64 << 10;

/// Most lines that are read; what follows is counted only.
pub const LINES_MAX: u64 = 1_000_000;

/// How much of a lost line is told.
const HEAD_BYTES: usize = 256;

/// What a line turned out to be.
#[derive(Debug)]
pub enum Found<'a> {
    /// A sample.
    Sample(&'a Sample<'a>),
    /// Nothing that can be used; the bytes are the beginning of the line.
    Lost(Loss, &'a [u8]),
}

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample<'a> {
    /// The metric's name.
    pub name: Cow<'a, str>,
    labels: Vec<Label<'a>>,
    /// Its value: any number, also NaN and infinite.
    pub value: f64,
    /// When it was taken, where the exposition says so.
    pub at: Option<Timestamp>,
    /// What [`look::key`] makes of it.
    pub key: u64,
}

impl<'a> Sample<'a> {
    fn of(line: Line<'a>) -> Self {
        let Line { name, labels, value, at } = line;
        let key = look::key(&name, labels.iter().map(|(name, value)| (&**name, &**value)));
        Self { name, labels, value, at, key }
    }

    /// The value of a label.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    /// All labels, in the order in which they were written.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, value)| (&**name, &**value))
    }
}

/// Where a reader stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Within the exposition.
    Inside,
    /// Behind `# EOF`.
    Behind,
}

/// Reads one answer.
pub struct Reader {
    format: Format,
    place: Place,
    /// The beginning of a line whose end has not come yet; a byte more than is allowed tells that it is too long.
    pending: Vec<u8>,
    seen: HashSet<u64>,
    ledger: Ledger,
}

impl Reader {
    /// Nothing was read yet.
    #[must_use]
    pub fn new(format: Format) -> Self {
        let (pending, seen) = (Vec::new(), HashSet::new());
        Self { format, place: Place::Inside, pending, seen, ledger: Ledger::default() }
    }

    /// Takes the next piece, and gives out what the lines that end in it say.
    pub fn push(&mut self, piece: &[u8], found: &mut impl FnMut(Found<'_>)) {
        self.ledger.bytes += piece.len() as u64;
        let mut lines = piece.split_inclusive(|byte| *byte == b'\n');
        if !self.pending.is_empty()
            && let Some(first) = lines.next()
        {
            self.keep(first);
            if first.ends_with(b"\n") {
                let mut whole = std::mem::take(&mut self.pending);
                self.line(without_break(&whole), found);
                whole.clear();
                self.pending = whole;
            }
        }
        for line in lines {
            if line.ends_with(b"\n") {
                self.line(without_break(line), found);
            } else {
                self.keep(line);
            }
        }
    }

    /// The answer is over.
    pub fn finish(mut self, found: &mut impl FnMut(Found<'_>)) -> Ledger {
        let rest = std::mem::take(&mut self.pending);
        match (rest.as_slice(), self.format) {
            ([], _) => {}
            // The one line whose end is its own proof.
            (b"# EOF", Format::OpenMetrics) => self.line(&rest, found),
            (rest, _) => {
                self.ledger.lines += 1;
                self.lose(Loss::Torn, rest, found);
            }
        }
        if self.format == Format::OpenMetrics && self.place == Place::Inside {
            self.ledger.end = End::NoEof;
        }
        self.ledger
    }

    /// Keeps the piece of a line, as far as it may be long.
    fn keep(&mut self, piece: &[u8]) {
        // With room for a line break of two bytes.
        let room = (LINE_BYTES_MAX + 2).saturating_sub(self.pending.len());
        self.pending.extend_from_slice(piece.get(..room).unwrap_or(piece));
    }

    fn line(&mut self, line: &[u8], found: &mut impl FnMut(Found<'_>)) {
        self.ledger.lines += 1;
        match self.read(line) {
            Ok(None) => {}
            Ok(Some(sample)) => {
                self.ledger.samples += 1;
                found(Found::Sample(&sample));
            }
            Err(loss) => self.lose(loss, line, found),
        }
    }

    fn lose(&mut self, loss: Loss, line: &[u8], found: &mut impl FnMut(Found<'_>)) {
        self.ledger.lose(loss);
        found(Found::Lost(loss, line.get(..HEAD_BYTES).unwrap_or(line)));
    }

    /// `None`: a line without a sample.
    fn read<'a>(&mut self, line: &'a [u8]) -> Result<Option<Sample<'a>>, Loss> {
        if line.len() > LINE_BYTES_MAX {
            return Err(Loss::TooLong);
        }
        if self.place == Place::Behind {
            return Err(Loss::BehindEnd);
        }
        if self.ledger.lines > LINES_MAX {
            return Err(Loss::ManyLines);
        }
        match line.iter().find(|byte| !matches!(byte, b' ' | b'\t')) {
            None => self.ledger.blank += 1,
            Some(b'#') => {
                self.ledger.comments += 1;
                if self.format == Format::OpenMetrics && line == b"# EOF" {
                    self.place = Place::Behind;
                }
            }
            Some(_) => return self.sample(line).map(Some),
        }
        Ok(None)
    }

    fn sample<'a>(&mut self, line: &'a [u8]) -> Result<Sample<'a>, Loss> {
        let text = std::str::from_utf8(line).map_err(|_error| Loss::NotUtf8)?;
        if line.contains(&0) {
            return Err(Loss::Zero);
        }
        let sample = Sample::of(line::line(text, self.format)?);
        if self.seen.insert(sample.key) { Ok(sample) } else { Err(Loss::SeriesTwice) }
    }
}

/// Without `\n`, and without the `\r` that some programs put before it.
fn without_break(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
