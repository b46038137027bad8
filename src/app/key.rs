//! Keys, in our own words: what a keymap binds and what the terminal's reader reports.
//!
//! One key has one spelling on every terminal, whatever protocol brought it: `ctrl-c`, `shift-tab`, `space`, `alt-x`,
//! `f1`, `A`. [`Key::new`] brings the many ways of saying the same key to that one form.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The modifier keys held down with a key.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Modifiers(u8);

impl Modifiers {
    /// No modifier.
    pub const NONE: Self = Self(0);
    /// Control.
    pub const CTRL: Self = Self(1);
    /// Alt, also called meta or option.
    pub const ALT: Self = Self(2);
    /// Shift. A letter says it by its case instead, unless control is held too.
    pub const SHIFT: Self = Self(4);

    const ALL: [(Self, &'static str); 3] =
        [(Self::CTRL, "ctrl-"), (Self::ALT, "alt-"), (Self::SHIFT, "shift-")];

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These without the others.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// True when all of `other` are held.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// True when nothing is held.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Debug for Modifiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Modifiers({self})")
    }
}

/// As in front of a key: `ctrl-alt-`.
impl fmt::Display for Modifiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Self::ALL
            .iter()
            .filter(|(modifier, _)| self.contains(*modifier))
            .try_for_each(|(_, name)| f.write_str(name))
    }
}

/// Which key, without its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyCode {
    /// A key that writes a character. Shifted letters are capital letters.
    Char(char),
    /// Enter, also called return.
    Enter,
    /// Escape.
    Esc,
    /// Tab; with shift it is back-tab.
    Tab,
    /// Backspace.
    Backspace,
    /// Delete, forwards.
    Delete,
    /// Insert.
    Insert,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// A function key, 1 to [`FUNCTION_KEY_MAX`].
    F(u8),
}

/// The highest function key that terminals report.
pub const FUNCTION_KEY_MAX: u8 = 35;

/// The named keys with the spelling we print first and the others we understand.
const NAMES: [(KeyCode, &[&str]); 17] = [
    (KeyCode::Char(' '), &["space", "spc"]),
    (KeyCode::Char('-'), &["minus"]),
    (KeyCode::Enter, &["enter", "return", "ret"]),
    (KeyCode::Esc, &["esc", "escape"]),
    (KeyCode::Tab, &["tab"]),
    (KeyCode::Backspace, &["backspace", "bs"]),
    (KeyCode::Delete, &["delete", "del"]),
    (KeyCode::Insert, &["insert", "ins"]),
    (KeyCode::Home, &["home"]),
    (KeyCode::End, &["end"]),
    (KeyCode::PageUp, &["pageup", "pgup"]),
    (KeyCode::PageDown, &["pagedown", "pgdn", "pgdown"]),
    (KeyCode::Up, &["up"]),
    (KeyCode::Down, &["down"]),
    (KeyCode::Left, &["left"]),
    (KeyCode::Right, &["right"]),
    (KeyCode::Tab, &["backtab"]),
];

/// One key press: a key and what was held with it, in the one form that [`Key::new`] makes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    code: KeyCode,
    modifiers: Modifiers,
}

impl Key {
    /// A key with its modifiers, brought to the one form:
    /// a shifted letter is a capital letter, but with control it is a small letter and `shift`;
    /// `ctrl-i`, `ctrl-m` and `ctrl-[` are tab, enter and esc, because most terminals cannot tell them apart;
    /// so are `ctrl-/` and `ctrl-_`, `ctrl-@` and `ctrl-space`.
    #[must_use]
    pub fn new(code: KeyCode, modifiers: Modifiers) -> Self {
        let KeyCode::Char(c) = code else { return Self { code, modifiers } };
        if !modifiers.contains(Modifiers::CTRL) {
            return Self::written(c, modifiers);
        }
        let rest = modifiers.without(Modifiers::CTRL);
        let (code, modifiers) = match c.to_ascii_lowercase() {
            'i' => (KeyCode::Tab, rest),
            'm' => (KeyCode::Enter, rest),
            '[' => (KeyCode::Esc, rest),
            '/' => (KeyCode::Char('_'), modifiers),
            '@' => (KeyCode::Char(' '), modifiers.without(Modifiers::SHIFT)),
            small => (KeyCode::Char(small), modifiers),
        };
        Self { code, modifiers }
    }

    fn written(c: char, modifiers: Modifiers) -> Self {
        let shifted = modifiers.contains(Modifiers::SHIFT);
        let mut upper = c.to_uppercase();
        let capital = match (upper.next(), upper.next()) {
            (Some(capital), None) if shifted && c.is_lowercase() => capital,
            _ => c,
        };
        let by_case = capital.is_uppercase();
        let kept = if by_case { modifiers.without(Modifiers::SHIFT) } else { modifiers };
        Self { code: KeyCode::Char(capital), modifiers: kept }
    }

    /// A key alone.
    #[must_use]
    pub fn plain(code: KeyCode) -> Self {
        Self::new(code, Modifiers::NONE)
    }

    /// The key of a character.
    #[must_use]
    pub fn char(c: char) -> Self {
        Self::plain(KeyCode::Char(c))
    }

    /// A character with control.
    #[must_use]
    pub fn ctrl(c: char) -> Self {
        Self::new(KeyCode::Char(c), Modifiers::CTRL)
    }

    /// Which key.
    #[must_use]
    pub const fn code(self) -> KeyCode {
        self.code
    }

    /// What was held with it.
    #[must_use]
    pub const fn modifiers(self) -> Modifiers {
        self.modifiers
    }

    /// The character it writes into a text field: none for named keys and for anything with control or alt.
    #[must_use]
    pub fn text(self) -> Option<char> {
        let silent = Modifiers::CTRL.and(Modifiers::ALT);
        if self.modifiers.without(silent) != self.modifiers {
            return None;
        }
        if let KeyCode::Char(c) = self.code { Some(c) } else { None }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(named, _)| *named == self.code).map(|(_, names)| names[0]);
        let code = match (self.code, name) {
            // Alone it is itself; after a modifier it would look like a second hyphen.
            (KeyCode::Char('-'), _) if self.modifiers.is_empty() => "-".to_owned(),
            (KeyCode::F(number), _) => format!("f{number}"),
            (_, Some(name)) => name.to_owned(),
            (KeyCode::Char(c), None) => c.to_string(),
            (_, None) => String::new(),
        };
        f.pad(&format!("{}{code}", self.modifiers))
    }
}

/// What is wrong with the spelling of a key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Nothing was written.
    #[error("no key is named")]
    Empty,
    /// A name that no key has.
    #[error("no key is called {name:?}{}", nearest.map_or(String::new(), |n| format!("; did you mean {n:?}?")))]
    Unknown {
        /// What was written.
        name: String,
        /// The known name that is nearest to it, when one is near.
        nearest: Option<&'static str>,
    },
    /// More keys in one sequence than can be remembered.
    #[error("{found} keys in one sequence; at most {SEQUENCE_KEYS_MAX} are possible")]
    TooLong {
        /// How many were written.
        found: usize,
    },
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(spelling: &str) -> Result<Self, KeyError> {
        let mut modifiers = Modifiers::NONE;
        let mut rest = spelling.trim();
        while let Some((modifier, after)) = leading_modifier(rest) {
            modifiers = modifiers.and(modifier);
            rest = after;
        }
        if rest.is_empty() {
            return Err(KeyError::Empty);
        }
        if rest.eq_ignore_ascii_case("backtab") {
            modifiers = modifiers.and(Modifiers::SHIFT);
        }
        code_named(rest).map(|code| Self::new(code, modifiers)).ok_or_else(|| KeyError::Unknown {
            name: rest.chars().take(NAME_CHARS_SHOWN_MAX).collect(),
            nearest: nearest_name(rest),
        })
    }
}

/// A longer wrong name says nothing more, and it stands in a notice of one line.
const NAME_CHARS_SHOWN_MAX: usize = 40;

/// A modifier in front of something that follows it.
fn leading_modifier(spelling: &str) -> Option<(Modifiers, &str)> {
    let (word, after) = spelling.split_once(['-', '+'])?;
    if after.is_empty() {
        return None;
    }
    let modifier = match word.to_ascii_lowercase().as_str() {
        "ctrl" | "control" | "c" => Modifiers::CTRL,
        "alt" | "meta" | "m" => Modifiers::ALT,
        "shift" | "s" => Modifiers::SHIFT,
        _ => return None,
    };
    Some((modifier, after))
}

fn code_named(name: &str) -> Option<KeyCode> {
    let mut chars = name.chars();
    if let (Some(c), None) = (chars.next(), chars.next()) {
        return (!c.is_control() && !c.is_whitespace()).then_some(KeyCode::Char(c));
    }
    let small = name.to_ascii_lowercase();
    let function = small.strip_prefix('f').and_then(|number| number.parse::<u8>().ok());
    if let Some(number) = function {
        return (1..=FUNCTION_KEY_MAX).contains(&number).then_some(KeyCode::F(number));
    }
    NAMES.iter().find(|(_, names)| names.contains(&small.as_str())).map(|(code, _)| *code)
}

/// The known name with the fewest edits, when they are few (two swapped letters are two).
fn nearest_name(wrong: &str) -> Option<&'static str> {
    let wrong: Vec<char> = wrong.to_ascii_lowercase().chars().take(NAME_CHARS_SHOWN_MAX).collect();
    let names = NAMES.iter().flat_map(|(_, names)| names.iter().copied());
    names
        .map(|name| (edits(&wrong, name), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| distance * 5 <= name.len().max(3) * 2)
        .map(|(_, name)| name)
}

/// Levenshtein distance.
fn edits(from: &[char], to: &str) -> usize {
    let mut row: Vec<usize> = (0..=from.len()).collect();
    for (at, wanted) in to.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (index, have) in from.iter().enumerate() {
            let replaced = diagonal + usize::from(*have != wanted);
            diagonal = row[index + 1];
            row[index + 1] = replaced.min(diagonal + 1).min(row[index] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

/// Longest sequence of keys that one command can have. Nobody remembers more.
pub const SEQUENCE_KEYS_MAX: usize = 4;

/// Keys that follow one another, as a keymap spells them: `g g`, `ctrl-x ctrl-s`.
///
/// # Errors
/// The first key that cannot be read, no key at all, or more than [`SEQUENCE_KEYS_MAX`].
pub fn parse_sequence(spelling: &str) -> Result<Vec<Key>, KeyError> {
    let keys = spelling.split_whitespace().map(str::parse).collect::<Result<Vec<Key>, _>>()?;
    match keys.len() {
        0 => Err(KeyError::Empty),
        found if found > SEQUENCE_KEYS_MAX => Err(KeyError::TooLong { found }),
        _ => Ok(keys),
    }
}

/// Spells a sequence as [`parse_sequence`] reads it.
#[must_use]
pub fn sequence_text(keys: &[Key]) -> String {
    keys.iter().map(Key::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(spelling: &str) -> Key {
        spelling.parse().unwrap()
    }

    #[test]
    fn a_key_is_spelled_in_one_way() {
        for (written, printed) in [
            ("ctrl-c", "ctrl-c"),
            ("Ctrl-C", "ctrl-c"),
            ("control+c", "ctrl-c"),
            ("C-x", "ctrl-x"),
            ("M-x", "alt-x"),
            ("shift-tab", "shift-tab"),
            ("backtab", "shift-tab"),
            ("space", "space"),
            ("A", "A"),
            ("shift-a", "A"),
            ("shift-A", "A"),
            ("alt-shift-x", "alt-X"),
            ("ctrl-shift-c", "ctrl-shift-c"),
            ("ü", "ü"),
            ("shift-ü", "Ü"),
            ("ß", "ß"),
            ("f1", "f1"),
            ("F12", "f12"),
            ("f", "f"),
            ("-", "-"),
            ("ctrl--", "ctrl-minus"),
            ("ctrl-minus", "ctrl-minus"),
            ("minus", "-"),
            ("+", "+"),
            ("ctrl-+", "ctrl-+"),
            ("pgup", "pageup"),
            ("return", "enter"),
            ("ctrl-i", "tab"),
            ("ctrl-m", "enter"),
            ("ctrl-[", "esc"),
            ("ctrl-/", "ctrl-_"),
            ("ctrl-@", "ctrl-space"),
            ("alt-enter", "alt-enter"),
            ("?", "?"),
            ("/", "/"),
        ] {
            assert_eq!(key(written).to_string(), printed, "{written}");
        }
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_nearest_right_one() {
        for (written, nearest) in [
            ("entr", Some("enter")),
            ("ctrl-spcae", Some("space")),
            ("backspce", Some("backspace")),
            ("page-up", Some("pageup")),
            ("hyper", None),
            ("f99", None),
        ] {
            match written.parse::<Key>() {
                Err(KeyError::Unknown { nearest: found, .. }) => {
                    assert_eq!(found, nearest, "{written}");
                }
                other => panic!("{written}: {other:?}"),
            }
        }
        let error = "entr".parse::<Key>().unwrap_err();
        assert_eq!(error.to_string(), "no key is called \"entr\"; did you mean \"enter\"?");
        assert_eq!("".parse::<Key>(), Err(KeyError::Empty));
        assert!("\u{1b}".parse::<Key>().is_err());
    }

    #[test]
    fn sequences_are_read_and_written_with_spaces() {
        let keys = parse_sequence(" g  g ").unwrap();
        assert_eq!(keys, [Key::char('g'), Key::char('g')]);
        assert_eq!(sequence_text(&keys), "g g");
        assert_eq!(sequence_text(&parse_sequence("ctrl-x space").unwrap()), "ctrl-x space");
        assert_eq!(parse_sequence("  "), Err(KeyError::Empty));
        assert_eq!(parse_sequence("a b c d e"), Err(KeyError::TooLong { found: 5 }));
        assert!(matches!(parse_sequence("g hom"), Err(KeyError::Unknown { .. })));
    }

    #[test]
    fn only_keys_without_control_and_alt_write_text() {
        for (spelling, text) in [
            ("a", Some('a')),
            ("A", Some('A')),
            ("space", Some(' ')),
            ("ctrl-a", None),
            ("alt-a", None),
            ("up", None),
        ] {
            assert_eq!(key(spelling).text(), text, "{spelling}");
        }
    }

    proptest! {
        #[test]
        fn any_key_is_read_back_as_it_was_printed(c in any::<char>(), bits in 0u8..8, named in 0usize..NAMES.len()) {
            prop_assume!(!c.is_control() && (!c.is_whitespace() || c == ' '));
            for code in [KeyCode::Char(c), NAMES[named].0, KeyCode::F(1 + bits)] {
                let key = Key::new(code, Modifiers(bits));
                prop_assert_eq!(key.to_string().parse::<Key>(), Ok(key), "{}", key);
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(spelling in any::<String>()) {
            let _ = parse_sequence(&spelling);
        }
    }
}
