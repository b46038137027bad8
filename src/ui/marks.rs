//! The marks: one sign for one meaning, and an ASCII sign for terminals that have no others. A mark never stands alone:
//! a word is beside it.

use ratatui::buffer::Buffer;

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
    /// A deed of ours.
    Deed,
    /// A deed of others.
    Foreign,
    /// A new revision.
    Revision,
}

impl Mark {
    /// All.
    pub const ALL: [Self; 13] = [
        Self::Bad,
        Self::Waits,
        Self::Paused,
        Self::Moving,
        Self::Good,
        Self::Stale,
        Self::Unknown,
        Self::Warning,
        Self::Cursor,
        Self::Done,
        Self::Deed,
        Self::Foreign,
        Self::Revision,
    ];

    /// Its sign, one cell wide.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Bad => "✗",
            Self::Waits => "◷",
            Self::Paused => "‖",
            Self::Moving => "↑",
            Self::Good => "●",
            Self::Stale => "◌",
            Self::Unknown => "○",
            Self::Warning => "▲",
            Self::Cursor => "▸",
            Self::Done => "✓",
            Self::Deed => "◆",
            Self::Foreign => "◇",
            Self::Revision => "★",
        }
    }
}

/// The signs of a column that is filled from below, from the lowest to the full one.
pub const LEVELS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// The signs of a line within a cell, from its bottom to its top.
pub const SCANS: [&str; 3] = ["_", "─", "▔"];

/// Which signs a terminal has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Signs {
    /// The usual ones.
    #[default]
    Unicode,
    /// Only ASCII (`--ascii`).
    Ascii,
}

/// Our signs and the letters that stand in for them, one for one.
const ASCII: [(&str, &str); 52] = [
    ("✗", "x"),
    ("◷", "?"),
    ("‖", "="),
    ("↑", "^"),
    ("●", "o"),
    ("◌", "~"),
    ("○", "-"),
    ("▲", "!"),
    ("▸", ">"),
    ("✓", "+"),
    ("◆", "#"),
    ("◇", "@"),
    ("★", "*"),
    ("→", ">"),
    ("←", "<"),
    ("↓", "v"),
    ("·", "-"),
    ("…", "~"),
    ("×", "x"),
    ("≥", ">"),
    ("≤", "<"),
    ("–", "-"),
    ("─", "-"),
    ("━", "="),
    ("│", "|"),
    ("┃", "|"),
    ("╎", ":"),
    ("╌", "-"),
    ("┴", "+"),
    ("┬", "+"),
    ("├", "|"),
    ("└", "`"),
    ("┌", "+"),
    ("┐", "+"),
    ("┘", "+"),
    ("┤", "|"),
    ("┼", "+"),
    ("█", "#"),
    ("░", "."),
    ("▁", "_"),
    ("▂", "."),
    ("▃", "-"),
    ("▄", "="),
    ("▅", "+"),
    ("▆", "*"),
    ("▇", "%"),
    ("▔", "\""),
    ("␤", "/"),
    ("␉", " "),
    ("“", "\""),
    ("”", "\""),
    ("’", "'"),
];

/// The letter that stands in for a sign; a question mark for what has none.
#[must_use]
pub fn ascii(symbol: &str) -> &str {
    if symbol.is_ascii() {
        return symbol;
    }
    ASCII.iter().find(|(sign, _)| *sign == symbol).map_or("?", |(_, letter)| letter)
}

/// Leaves only ASCII in a painted buffer. What took two cells becomes a question mark and a space.
pub fn asciify(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if !cell.symbol().is_ascii() {
            let letter = ascii(cell.symbol()).to_owned();
            cell.set_symbol(&letter);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn every_sign_is_one_cell_wide_and_has_one_letter() {
        let ours = Mark::ALL.iter().map(|mark| mark.sign()).chain(LEVELS).chain(SCANS);
        for sign in ours {
            assert_eq!(sign.width(), 1, "{sign}");
            assert_ne!(ascii(sign), "?".repeat(usize::from(sign != "◷")), "{sign}");
        }
        for (sign, letter) in ASCII {
            assert!(letter.len() == 1 && letter.is_ascii(), "{sign}");
            assert_eq!(sign.width(), 1, "{sign}");
        }
    }

    #[test]
    fn marks_are_told_apart_without_colour() {
        let signs: BTreeSet<_> = Mark::ALL.iter().map(|mark| mark.sign()).collect();
        let letters: BTreeSet<_> = Mark::ALL.iter().map(|mark| ascii(mark.sign())).collect();
        assert_eq!((signs.len(), letters.len()), (Mark::ALL.len(), Mark::ALL.len()));
    }
}
