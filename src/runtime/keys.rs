//! What one whole escape sequence means: the tables of the protocols that terminals speak.
//!
//! Legacy (VT, xterm, rxvt, Linux console), xterm's `modifyOtherKeys`, kitty's keyboard protocol, SGR mouse, focus,
//! bracketed paste, and the answers to our few questions. Whatever is not known here means nothing: it is eaten.

use crate::app::input::{Background, Mouse, MouseAct, MouseButton};
use crate::app::key::{Key, KeyCode, Modifiers};

/// What a stretch of bytes from the terminal meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A key was pressed, or repeats.
    Key(Key),
    /// A whole bracketed paste, as it came.
    Paste(Vec<u8>),
    /// A mouse report.
    Mouse(Mouse),
    /// The colour of the background, or news about it.
    Background(Background),
    /// The window was given the keyboard.
    FocusGained,
    /// The window lost the keyboard.
    FocusLost,
    /// An answer to one of our questions, for the terminal's owner alone.
    Answer(Answer),
}

/// An answer of the terminal about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It knows synchronized updates (DEC mode 2026).
    SynchronizedUpdate,
    /// It knows kitty's keyboard protocol.
    KittyKeyboard,
    /// Its device attributes. We ask for them last, so no other answer is under way any more.
    Attributes,
}

/// What a control sequence meant to the parser.
#[derive(Debug, PartialEq, Eq)]
pub enum Csi {
    /// One thing to report.
    Heard(Heard),
    /// A bracketed paste begins.
    PasteBegins,
    /// Three raw bytes of an old mouse report follow.
    OldMouseFollows,
    /// Nothing that we care for.
    Nothing,
}

impl From<Option<Heard>> for Csi {
    fn from(heard: Option<Heard>) -> Self {
        heard.map_or(Self::Nothing, Self::Heard)
    }
}

/// The event type "release" of kitty's protocol.
const RELEASE: u32 = 3;

/// Most parameters that any sequence we know has. The others of a longer one are not looked at.
const PARAMETERS_MAX: usize = 4;

/// The numbers between `ESC [` and the final byte. A missing one is 0.
#[derive(Default)]
struct Parameters {
    first_of: [u32; PARAMETERS_MAX],
    second_of: [u32; PARAMETERS_MAX],
}

impl Parameters {
    fn parse(text: &[u8]) -> Self {
        let mut parsed = Self::default();
        for (index, parameter) in text.split(|b| *b == b';').take(PARAMETERS_MAX).enumerate() {
            let mut parts = parameter.split(|b| *b == b':').map(number);
            parsed.first_of[index] = parts.next().unwrap_or(0);
            parsed.second_of[index] = parts.next().unwrap_or(0);
        }
        parsed
    }

    fn is_release(&self) -> bool {
        self.second_of[1] == RELEASE
    }
}

/// A decimal number; as much of it as is one.
fn number(digits: &[u8]) -> u32 {
    let digits = digits.iter().take_while(|b| b.is_ascii_digit());
    digits.fold(0, |sum: u32, b| sum.saturating_mul(10).saturating_add(u32::from(b - b'0')))
}

/// Reads the bytes between `ESC [` and `last`, and `last` itself.
#[must_use]
pub fn csi(body: &[u8], last: u8) -> Csi {
    match (body.first(), last) {
        (Some(b'<'), b'M' | b'm') => sgr_mouse(&body[1..], last).map(Heard::Mouse).into(),
        (Some(b'?'), _) => private(&body[1..], last).into(),
        // Answers of other kinds, and the position of the cursor, which we never ask for; F3 with modifiers looks
        // the same and is lost.
        (Some(b'<' | b'=' | b'>'), _) | (Some(_), b'R') => Csi::Nothing,
        (None, b'M') => Csi::OldMouseFollows,
        (None, b'I') => Csi::Heard(Heard::FocusGained),
        (None, b'O') => Csi::Heard(Heard::FocusLost),
        (Some(_), b'~') if number(body) == 200 => Csi::PasteBegins,
        _ => csi_key(&Parameters::parse(body), last).map(Heard::Key).into(),
    }
}

fn csi_key(parameters: &Parameters, last: u8) -> Option<Key> {
    let held = parameters.first_of[1];
    let (code, held) = match last {
        b'Z' => return Some(Key::new(KeyCode::Tab, Modifiers::SHIFT)),
        b'u' => (kitty_code(parameters.first_of[0])?, held),
        b'~' if parameters.first_of[0] == 27 => (kitty_code(parameters.first_of[2])?, held),
        b'~' => (tilde_code(parameters.first_of[0])?, held),
        _ => (lettered_code(last)?, held),
    };
    if parameters.is_release() { None } else { Some(Key::new(code, modifiers(held)?)) }
}

/// Modifiers are sent as 1 plus a bit mask. None when super or hyper is held: such keys belong to the desktop.
fn modifiers(sent: u32) -> Option<Modifiers> {
    let bits = sent.saturating_sub(1);
    if bits & 0b01_1000 != 0 {
        return None;
    }
    // Bit 5 is "meta", which is alt under another name; 6 and 7 are the lock keys.
    let table =
        [(0b00_0001, Modifiers::SHIFT), (0b10_0010, Modifiers::ALT), (0b00_0100, Modifiers::CTRL)];
    let held = table.iter().filter(|(mask, _)| bits & mask != 0);
    Some(held.fold(Modifiers::NONE, |sum, (_, modifier)| sum.and(*modifier)))
}

/// Keys that end in a letter, after `ESC [` or `ESC O`.
fn lettered_code(last: u8) -> Option<KeyCode> {
    Some(match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        b'P' => KeyCode::F(1),
        b'Q' => KeyCode::F(2),
        b'R' => KeyCode::F(3),
        b'S' => KeyCode::F(4),
        _ => return None,
    })
}

/// Reads the bytes after `ESC O`: a number that older terminals put there for the modifiers, and the last byte.
#[must_use]
pub fn ss3(body: &[u8], last: u8) -> Option<Heard> {
    let code = if last == b'M' { KeyCode::Enter } else { lettered_code(last)? };
    Some(Heard::Key(Key::new(code, modifiers(number(body))?)))
}

/// The Linux console's own F1 to F5: `ESC [ [ A`.
#[must_use]
pub fn console(last: u8) -> Option<Heard> {
    let known = (b'A'..=b'E').contains(&last);
    known.then(|| Heard::Key(Key::plain(KeyCode::F(last - b'A' + 1))))
}

fn tilde_code(number: u32) -> Option<KeyCode> {
    let function = |first: u32, key: u8| {
        let offset = u8::try_from(number.saturating_sub(first)).unwrap_or(0);
        KeyCode::F(key + offset)
    };
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => function(11, 1),
        17..=21 => function(17, 6),
        23..=26 => function(23, 11),
        28..=29 => function(28, 15),
        31..=34 => function(31, 17),
        _ => return None,
    })
}

/// Kitty's numbers: Unicode, and a private range for keys without a character.
fn kitty_code(number: u32) -> Option<KeyCode> {
    Some(match number {
        9 => KeyCode::Tab,
        13 | 57_414 => KeyCode::Enter,
        27 => KeyCode::Esc,
        8 | 127 => KeyCode::Backspace,
        57_376..=57_398 => KeyCode::F(13 + u8::try_from(number - 57_376).ok()?),
        57_399..=57_416 => {
            let keypad = b"0123456789./*-+\r=,";
            KeyCode::Char(char::from(*keypad.get(usize::try_from(number - 57_399).ok()?)?))
        }
        57_417..=57_426 => keypad_code(number - 57_417)?,
        57_344..=63_743 => return None,
        _ => KeyCode::Char(char::from_u32(number).filter(|c| !c.is_control())?),
    })
}

fn keypad_code(index: u32) -> Option<KeyCode> {
    let keys = [
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::Insert,
        KeyCode::Delete,
    ];
    keys.get(usize::try_from(index).ok()?).copied()
}

/// Answers and news that begin with `ESC [ ?`.
fn private(body: &[u8], last: u8) -> Option<Heard> {
    let numbers = Parameters::parse(body).first_of;
    match (last, numbers[0]) {
        (b'u', _) => Some(Heard::Answer(Answer::KittyKeyboard)),
        (b'c', _) => Some(Heard::Answer(Answer::Attributes)),
        // 1 and 2: it is set or reset, so it is known; 0 and 4: unknown, or never to be set.
        (b'y', 2026) if body.ends_with(b"$") && matches!(numbers[1], 1 | 2) => {
            Some(Heard::Answer(Answer::SynchronizedUpdate))
        }
        (b'n', 997) => match numbers[1] {
            1 => Some(Heard::Background(Background::Dark)),
            2 => Some(Heard::Background(Background::Light)),
            _ => None,
        },
        _ => None,
    }
}

fn sgr_mouse(body: &[u8], last: u8) -> Option<Mouse> {
    let [button, column, row, _] = Parameters::parse(body).first_of;
    let held = [(4, Modifiers::SHIFT), (8, Modifiers::ALT), (16, Modifiers::CTRL)];
    let held = held.iter().filter(|(bit, _)| button & bit != 0);
    let modifiers = held.fold(Modifiers::NONE, |sum, (_, modifier)| sum.and(*modifier));
    let pressed = match button & 0b11 {
        0 => Some(MouseButton::Left),
        1 => Some(MouseButton::Middle),
        2 => Some(MouseButton::Right),
        _ => None,
    };
    let act = match button & !0b1_1100 {
        64 => MouseAct::ScrollUp,
        65 => MouseAct::ScrollDown,
        0..=2 if last == b'm' => MouseAct::Release,
        0..=2 => MouseAct::Press(pressed?),
        32..=34 => MouseAct::Drag(pressed?),
        _ => return None,
    };
    let cell = |from_one: u32| u16::try_from(from_one.saturating_sub(1)).ok();
    Some(Mouse { act, column: cell(column)?, row: cell(row)?, modifiers })
}

/// Reads the body of an operating system command: only the answer about the background says something to us.
#[must_use]
pub fn osc(body: &[u8]) -> Option<Heard> {
    let colour = std::str::from_utf8(body).ok()?.strip_prefix("11;")?;
    let channels = colour.strip_prefix("rgb:").or_else(|| colour.strip_prefix("rgba:"))?;
    let mut channels = channels.split('/').map(channel);
    let (red, green, blue) = (channels.next()??, channels.next()??, channels.next()??);
    Some(Heard::Background(Background::of_rgb(red, green, blue)))
}

/// One to four hexadecimal digits, as a share of the most that so many digits can say.
fn channel(digits: &str) -> Option<u8> {
    if !(1..=4).contains(&digits.len()) {
        return None;
    }
    let value = u32::from_str_radix(digits, 16).ok()?;
    let most = (1u32 << (4 * digits.len())) - 1;
    u8::try_from(value * 255 / most).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(csi: &Csi) -> String {
        match csi {
            Csi::Heard(Heard::Key(key)) => key.to_string(),
            Csi::Heard(_) | Csi::PasteBegins | Csi::OldMouseFollows | Csi::Nothing => {
                format!("{csi:?}")
            }
        }
    }

    #[test]
    fn keys_of_every_protocol_get_one_name() {
        for (body, last, name) in [
            ("", b'A', "up"),
            ("1;5", b'A', "ctrl-up"),
            ("1;2", b'D', "shift-left"),
            ("1;3", b'C', "alt-right"),
            ("", b'H', "home"),
            ("4", b'~', "end"),
            ("8", b'~', "end"),
            ("3;5", b'~', "ctrl-delete"),
            ("5", b'~', "pageup"),
            ("11", b'~', "f1"),
            ("15", b'~', "f5"),
            ("24", b'~', "f12"),
            ("29", b'~', "f16"),
            ("34", b'~', "f20"),
            ("1;5", b'P', "ctrl-f1"),
            ("", b'Z', "shift-tab"),
            ("27;5;44", b'~', "ctrl-,"),
            ("27;6;67", b'~', "ctrl-shift-c"),
            ("27", b'u', "esc"),
            ("13;2", b'u', "shift-enter"),
            ("99;5", b'u', "ctrl-c"),
            ("97;4", b'u', "alt-A"),
            ("97:65;2", b'u', "A"),
            ("105;5", b'u', "tab"),
            ("127;3", b'u', "alt-backspace"),
            ("57414", b'u', "enter"),
            ("57404", b'u', "5"),
            ("57419", b'u', "up"),
            ("57398", b'u', "f35"),
            ("97;1:2", b'u', "a"),
            ("120;33", b'u', "alt-x"),
            ("97;65", b'u', "a"),
        ] {
            assert_eq!(key_of(&csi(body.as_bytes(), last)), name, "{body:?} {}", char::from(last));
        }
    }

    #[test]
    fn what_is_no_key_is_no_key() {
        for (body, last) in [
            ("97;1:3", b'u'),
            ("97;9", b'u'),
            ("57358", b'u'),
            ("99999999999", b'u'),
            ("55296", b'u'),
            ("12;40", b'R'),
            ("1;2", b'R'),
            (">41;390;0", b'c'),
            ("?6;1;2", b'n'),
            ("201", b'~'),
            ("99", b'~'),
            ("8;24;80", b't'),
            ("?2004;1$", b'y'),
            ("?2026;0$", b'y'),
            ("?2026;4$", b'y'),
            ("<3;1;1", b'M'),
            ("<0;0;99999", b'M'),
            ("", b'q'),
        ] {
            assert_eq!(csi(body.as_bytes(), last), Csi::Nothing, "{body:?} {}", char::from(last));
        }
    }

    #[test]
    fn answers_are_told_from_keys() {
        for (body, last, answer) in [
            ("?62;4;22", b'c', Answer::Attributes),
            ("?0", b'u', Answer::KittyKeyboard),
            ("?2026;2$", b'y', Answer::SynchronizedUpdate),
        ] {
            assert_eq!(csi(body.as_bytes(), last), Csi::Heard(Heard::Answer(answer)), "{body}");
        }
        assert_eq!(csi(b"?997;2", b'n'), Csi::Heard(Heard::Background(Background::Light)));
        assert_eq!(csi(b"", b'I'), Csi::Heard(Heard::FocusGained));
        assert_eq!(csi(b"200", b'~'), Csi::PasteBegins);
        assert_eq!(csi(b"", b'M'), Csi::OldMouseFollows);
    }

    #[test]
    fn the_answer_about_the_background_is_read_in_all_its_forms() {
        for (body, want) in [
            ("11;rgb:ffff/ffff/ffff", Some(Background::Light)),
            ("11;rgb:0000/0000/0000", Some(Background::Dark)),
            ("11;rgb:f/f/f", Some(Background::Light)),
            ("11;rgb:1e/1e/2e", Some(Background::Dark)),
            ("11;rgba:1e1e/1e1e/2e2e/ffff", Some(Background::Dark)),
            ("10;rgb:ffff/ffff/ffff", None),
            ("11;rgb:ffff/ffff", None),
            ("11;rgb:fffff/0/0", None),
            ("11;rgb:xx/0/0", None),
            ("52;c;aGk=", None),
        ] {
            assert_eq!(osc(body.as_bytes()), want.map(Heard::Background), "{body}");
        }
        assert_eq!(osc(b"\xff\xfe"), None);
    }

    #[test]
    fn the_mouse_is_read_with_its_place_and_modifiers() {
        let mouse = |act, column, row, modifiers| {
            Csi::Heard(Heard::Mouse(Mouse { act, column, row, modifiers }))
        };
        let left = MouseAct::Press(MouseButton::Left);
        for (body, last, want) in [
            ("<0;5;3", b'M', mouse(left, 4, 2, Modifiers::NONE)),
            ("<0;5;3", b'm', mouse(MouseAct::Release, 4, 2, Modifiers::NONE)),
            ("<34;1;1", b'M', mouse(MouseAct::Drag(MouseButton::Right), 0, 0, Modifiers::NONE)),
            ("<64;9;9", b'M', mouse(MouseAct::ScrollUp, 8, 8, Modifiers::NONE)),
            ("<81;9;9", b'M', mouse(MouseAct::ScrollDown, 8, 8, Modifiers::CTRL)),
        ] {
            assert_eq!(csi(body.as_bytes(), last), want, "{body}");
        }
    }
}
