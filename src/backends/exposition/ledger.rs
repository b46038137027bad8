//! What became of every line: nothing is lost in silence.

use std::collections::BTreeMap;
use std::fmt;

/// Places kept of every loss: enough to find it, however often it happens.
pub const PLACES_MAX: usize = 3;

/// Why a line was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Loss {
    /// It does not begin with the name of a metric.
    Name,
    /// Its labels cannot be read.
    Labels,
    /// One label stands there twice.
    LabelTwice,
    /// More labels than anybody has.
    ManyLabels,
    /// Its value is no number.
    Value,
    /// Its timestamp is none, or beyond all calendars.
    Timestamp,
    /// Something stands behind it that does not belong there.
    Rest,
    /// The same series was there before: nobody knows which one counts.
    SeriesTwice,
    /// It is not UTF-8.
    NotUtf8,
    /// It holds a zero byte.
    Zero,
    /// It is longer than is read.
    TooLong,
    /// It ends without a line break: what follows may be cut off.
    Torn,
    /// It stands behind `# EOF`.
    BehindEnd,
    /// More lines than are read.
    ManyLines,
}

impl Loss {
    const fn words(self) -> &'static str {
        match self {
            Self::Name => "no name of a metric",
            Self::Labels => "labels that cannot be read",
            Self::LabelTwice => "a label twice",
            Self::ManyLabels => "too many labels",
            Self::Value => "a value that is no number",
            Self::Timestamp => "a timestamp that is none",
            Self::Rest => "something behind the value",
            Self::SeriesTwice => "a series twice",
            Self::NotUtf8 => "not UTF-8",
            Self::Zero => "a zero byte",
            Self::TooLong => "a line that is too long",
            Self::Torn => "a last line without its end",
            Self::BehindEnd => "something behind # EOF",
            Self::ManyLines => "too many lines",
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// How often something was lost, and where first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// How often.
    pub count: u64,
    /// The numbers of the first lines, counted from one.
    pub places: Vec<u64>,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// As far as its format can tell, it is all there.
    #[default]
    Whole,
    /// OpenMetrics without `# EOF`: the rest is missing.
    NoEof,
}

/// The account of one answer: `lines` is the sum of everything else that is counted here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Lines that came in.
    pub lines: u64,
    /// Empty ones.
    pub blank: u64,
    /// Comments and descriptions.
    pub comments: u64,
    /// Samples that came out.
    pub samples: u64,
    /// Lines that were lost, and why.
    pub lost: BTreeMap<Loss, Lost>,
    /// Its end.
    pub end: End,
    /// Its bytes.
    pub bytes: u64,
}

impl Ledger {
    /// All lines that were lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.values().map(|lost| lost.count).sum()
    }

    pub(super) fn lose(&mut self, why: Loss) {
        let lost = self.lost.entry(why).or_default();
        lost.count += 1;
        if lost.places.len() < PLACES_MAX {
            lost.places.push(self.lines);
        }
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} lines not understood", self.lost(), self.lines)?;
        for (index, (loss, lost)) in self.lost.iter().enumerate() {
            let join = if index == 0 { ": " } else { ", " };
            write!(f, "{join}{loss}")?;
            let places: Vec<String> = lost.places.iter().map(u64::to_string).collect();
            let more = if lost.count > places.len() as u64 { " …" } else { "" };
            write!(f, " (line {}{more})", places.join(", "))?;
        }
        Ok(())
    }
}
