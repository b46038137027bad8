//! The one sanitiser. Every remote string becomes a [`Text`] (one line) or a [`Block`] (many lines) at the border,
//! and nothing else reaches the screen, a file name or a log.
//!
//! It escapes and does not strip, so that an attack is seen: C0 as `^X`, DEL as `^?`, C1, bidirectional controls,
//! zero-width and other format characters as `<XXXX>` (their code point in hexadecimal), line breaks as `␤`, tabs as `␉`.
//! What is longer than its limit is cut and says by how much.

use std::borrow::Borrow;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use unicode_general_category::{GeneralCategory, get_general_category};

/// Longest line kept of one remote string, in bytes. More cannot be read on a terminal, and a hostile
/// server must not be able to fill the memory with names.
pub const LINE_BYTES_MAX: usize = 4 * 1024;

/// Longest block kept (a log, an object as YAML), in bytes.
pub const BLOCK_BYTES_MAX: usize = 256 * 1024;

/// Most combining marks kept on one base character; more are stacked to paint over neighbouring rows.
const MARKS_MAX: usize = 4;

/// One line of text that is safe to paint. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Text(Arc<str>);

impl Text {
    /// Cleans one remote string. The only way to make a [`Text`].
    #[must_use]
    pub fn clean(raw: &str) -> Self {
        let (kept, cut) = cap(raw, LINE_BYTES_MAX);
        if cut == 0 && kept.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Self(Arc::from(kept));
        }
        let mut out = String::with_capacity(kept.len() + 16);
        escape_into(&mut out, kept, Breaks::Shown);
        mark_cut(&mut out, cut);
        Self(Arc::from(out))
    }

    /// The text, safe to paint.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True when there is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(raw: &str) -> Self {
        Self::clean(raw)
    }
}

/// Many lines of text that are safe to paint: a container's log, an object as YAML.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Block(Arc<[Text]>);

impl Block {
    /// Cleans a remote text of many lines. CRLF counts as one line break, tabs become spaces.
    #[must_use]
    pub fn clean(raw: &str) -> Self {
        let (kept, cut) = cap(raw, BLOCK_BYTES_MAX);
        let mut lines: Vec<Text> = kept.lines().map(clean_block_line).collect();
        if cut > 0 {
            let mut note = String::new();
            mark_cut(&mut note, cut);
            lines.push(Text::clean(&note));
        }
        Self(lines.into())
    }

    /// The lines, in order.
    #[must_use]
    pub fn lines(&self) -> &[Text] {
        &self.0
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block({} lines)", self.0.len())
    }
}

/// What to do with a tab.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Breaks {
    /// In a line: as the picture `␉`.
    Shown,
    /// In a block: as spaces up to the next multiple of four.
    Spaces,
}

fn clean_block_line(raw: &str) -> Text {
    let (kept, cut) = cap(raw, LINE_BYTES_MAX);
    let mut out = String::with_capacity(kept.len());
    escape_into(&mut out, kept, Breaks::Spaces);
    mark_cut(&mut out, cut);
    Text(Arc::from(out))
}

/// Cuts at a character boundary. Returns what is kept and how many bytes are not.
fn cap(raw: &str, bytes_max: usize) -> (&str, usize) {
    if raw.len() <= bytes_max {
        return (raw, 0);
    }
    let end = raw.floor_char_boundary(bytes_max);
    raw.split_at_checked(end).map_or((raw, 0), |(kept, rest)| (kept, rest.len()))
}

fn mark_cut(out: &mut String, cut: usize) {
    if cut > 0 {
        let _ = write!(out, "…(+{cut} B)");
    }
}

fn escape_into(out: &mut String, raw: &str, breaks: Breaks) {
    let mut marks = 0usize;
    for (column, c) in raw.chars().enumerate() {
        let combining = is_mark(c);
        marks = if combining { marks + 1 } else { 0 };
        if combining && (marks > MARKS_MAX || out.is_empty()) {
            push_code_point(out, c);
        } else {
            escape_char(out, c, breaks, column);
        }
    }
}

fn escape_char(out: &mut String, c: char, breaks: Breaks, column: usize) {
    match c {
        '\t' if breaks == Breaks::Spaces => (0..4 - column % 4).for_each(|_| out.push(' ')),
        '\t' => out.push('␉'),
        '\n' | '\x0b' | '\x0c' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.push('␤'),
        '\x7f' => out.push_str("^?"),
        '\0'..='\x1f' => {
            out.push('^');
            out.push(char::from(b'@' + u8::try_from(u32::from(c)).unwrap_or(0)));
        }
        _ if is_unsafe(c) => push_code_point(out, c),
        _ => out.push(c),
    }
}

fn push_code_point(out: &mut String, c: char) {
    let _ = write!(out, "<{:04X}>", u32::from(c));
}

fn is_mark(c: char) -> bool {
    !c.is_ascii()
        && matches!(
            get_general_category(c),
            GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark
        )
}

/// Controls, bidirectional overrides, format characters, unassigned and private code points, and the
/// default-ignorable ones: none of them has a look of its own, so all of them can lie.
pub(crate) fn is_unsafe(c: char) -> bool {
    if c.is_ascii() {
        return c.is_control();
    }
    let ignorable = matches!(
        u32::from(c),
        0x00AD | 0x034F | 0x061C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F
            | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFF8 | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF
    );
    ignorable
        || matches!(
            get_general_category(c),
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::PrivateUse
                | GeneralCategory::Surrogate
                | GeneralCategory::Unassigned
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_format_characters_are_shown_and_never_passed_on() {
        for (raw, shown) in [
            ("plain", "plain"),
            ("\x1b[31mred", "^[[31mred"),
            ("\x1b]52;c;aGk=\x07", "^[]52;c;aGk=^G"),
            ("a\nb\tc", "a␤b␉c"),
            ("\u{9b}31m", "<009B>31m"),
            ("pay\u{202e}gnp", "pay<202E>gnp"),
            ("zero\u{200b}width", "zero<200B>width"),
            ("tag\u{e0041}", "tag<E0041>"),
            ("del\x7f", "del^?"),
            ("grün 漢字 ✔", "grün 漢字 ✔"),
            ("\u{301}x", "<0301>x"),
        ] {
            assert_eq!(Text::clean(raw).as_str(), shown, "{raw:?}");
        }
    }

    #[test]
    fn stacked_marks_are_limited() {
        let raw = format!("a{}", "\u{301}".repeat(9));
        assert_eq!(Text::clean(&raw).as_str().matches("<0301>").count(), 5);
    }

    #[test]
    fn what_is_cut_says_by_how_much() {
        let text = Text::clean(&"x".repeat(LINE_BYTES_MAX + 10));
        assert!(text.as_str().ends_with("…(+10 B)"));
    }

    #[test]
    fn a_block_keeps_lines_and_turns_tabs_into_spaces() {
        let block = Block::clean("a\tb\r\n\x1b[0mc\n");
        let lines: Vec<&str> = block.lines().iter().map(Text::as_str).collect();
        assert_eq!(lines, ["a   b", "^[[0mc"]);
    }

    #[test]
    fn cleaning_twice_changes_nothing() {
        for raw in ["\x1b[31m", "a\u{202e}b", "\u{301}", "x\ty"] {
            let once = Text::clean(raw);
            assert_eq!(Text::clean(once.as_str()), once);
        }
    }
}
