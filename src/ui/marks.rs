//! The marks: one sign for one meaning, and an ASCII sign for terminals that have no others. A mark never stands alone:
//! a word is beside it.

/// What a mark means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Failed, failing, degraded.
    Bad,
    /// Waits for a human.
    Waits,
    /// Held.
    Paused,
    /// On its way.
    Moving,
    /// As it should be.
    Good,
    /// Known once, not proven any more.
    Stale,
    /// Not known.
    Unknown,
    /// Attention.
    Warning,
    /// The line under the cursor, the step that runs.
    Cursor,
    /// Done.
    Done,
    /// From one to another.
    To,
    /// Between things on one line.
    Dot,
    /// Something was cut.
    Cut,
    /// How many times as much.
    Times,
    /// A deed of ours.
    Deed,
    /// A deed of others.
    Foreign,
    /// A new revision.
    Revision,
    /// A branch of a tree, and the last one.
    Branch,
    /// The last branch of a tree.
    LastBranch,
    /// A rule across.
    Rule,
    /// A rule down.
    Column,
    /// A part of a bar that is filled.
    Filled,
    /// A part of a bar that is not.
    Empty,
    /// A limit across a chart.
    Limit,
}

/// Which signs a terminal has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Signs {
    /// The usual ones.
    #[default]
    Unicode,
    /// Only ASCII (`--ascii`).
    Ascii,
}

impl Signs {
    /// The sign of a mark; always one cell wide.
    #[must_use]
    pub const fn mark(self, mark: Mark) -> &'static str {
        let (unicode, ascii) = match mark {
            Mark::Bad => ("✗", "x"),
            Mark::Waits => ("◷", "?"),
            Mark::Paused => ("‖", "="),
            Mark::Moving => ("↑", "^"),
            Mark::Good => ("●", "o"),
            Mark::Stale => ("◌", "~"),
            Mark::Unknown => ("○", "-"),
            Mark::Warning => ("▲", "!"),
            Mark::Cursor => ("▸", ">"),
            Mark::Done => ("✓", "+"),
            Mark::To => ("→", ">"),
            Mark::Dot => ("·", "|"),
            Mark::Cut => ("…", "~"),
            Mark::Times => ("×", "x"),
            Mark::Deed => ("◆", "#"),
            Mark::Foreign => ("◇", "@"),
            Mark::Revision => ("★", "*"),
            Mark::Branch => ("├", "|"),
            Mark::LastBranch => ("└", "`"),
            Mark::Rule => ("─", "-"),
            Mark::Column => ("│", "|"),
            Mark::Filled => ("█", "#"),
            Mark::Empty => ("░", "."),
            Mark::Limit => ("╌", "-"),
        };
        match self {
            Self::Unicode => unicode,
            Self::Ascii => ascii,
        }
    }

    /// The signs of a sparkline, from the lowest to the highest.
    #[must_use]
    pub const fn levels(self) -> &'static [&'static str] {
        match self {
            Self::Unicode => &["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
            Self::Ascii => &["_", ".", "-", "=", "+", "*", "%", "#"],
        }
    }

    /// A text of ours that holds signs, without those that the terminal does not have. (Remote text stays as it is.)
    #[must_use]
    pub fn plain(self, text: &str) -> String {
        match self {
            Self::Unicode => text.to_owned(),
            Self::Ascii => text
                .replace('→', "->")
                .replace('×', "x")
                .replace('·', "|")
                .replace('…', "~")
                .replace('≥', ">=")
                .replace('≤', "<="),
        }
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    const ALL: [Mark; 24] = [
        Mark::Bad,
        Mark::Waits,
        Mark::Paused,
        Mark::Moving,
        Mark::Good,
        Mark::Stale,
        Mark::Unknown,
        Mark::Warning,
        Mark::Cursor,
        Mark::Done,
        Mark::To,
        Mark::Dot,
        Mark::Cut,
        Mark::Times,
        Mark::Deed,
        Mark::Foreign,
        Mark::Revision,
        Mark::Branch,
        Mark::LastBranch,
        Mark::Rule,
        Mark::Column,
        Mark::Filled,
        Mark::Empty,
        Mark::Limit,
    ];

    #[test]
    fn every_mark_is_one_cell_wide_and_has_an_ascii_sign() {
        for mark in ALL {
            assert_eq!(Signs::Unicode.mark(mark).width(), 1, "{mark:?}");
            let ascii = Signs::Ascii.mark(mark);
            assert!(ascii.len() == 1 && ascii.is_ascii(), "{mark:?}");
        }
        assert_eq!(Signs::Ascii.levels().len(), Signs::Unicode.levels().len());
    }

    #[test]
    fn health_is_told_apart_without_colour() {
        let health = [Mark::Bad, Mark::Waits, Mark::Paused, Mark::Moving, Mark::Good, Mark::Stale];
        for signs in [Signs::Unicode, Signs::Ascii] {
            let distinct: std::collections::BTreeSet<_> =
                health.iter().map(|mark| signs.mark(*mark)).collect();
            assert_eq!(distinct.len(), health.len());
        }
    }
}
