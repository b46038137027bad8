//! Bytes of the terminal → what they mean. Pure: it owns no clock and no file, and any split of the bytes gives the same.
//!
//! Three promises. A sequence that arrives in pieces is one sequence. Bytes of a sequence that never became whole are
//! never keys. Answers of the terminal are eaten whenever they come.
//!
//! A lone `ESC` is the difficulty: it is the Esc key, or the first byte of something that is late. It is held for
//! a while; when it was given out as a key and the rest of a sequence comes after all, that rest is no key, and
//! the parser waits longer from then on, because the line tears.
//!
//! Therefore `alt-[`, `alt-]`, `alt-O`, `alt-P` and `alt-_` are keys only with kitty's protocol.

use std::time::Duration;

use crate::app::key::{Key, KeyCode, Modifiers};
use crate::domain::observed::{Timestamp, age};
use crate::runtime::keys::{self, Csi, Heard};

/// A sequence that is not whole this long after its last byte never will be. Longer than two lost packets.
pub const SEQUENCE_SILENCE_MAX: Duration = Duration::from_secs(1);

/// A paste that is silent for so long has lost its end. Without this limit the keyboard would be dead from then on.
pub const PASTE_SILENCE_MAX: Duration = Duration::from_secs(3);

/// How long after an Esc key the rest of a torn sequence may still come.
pub const TORN_TIME_MAX: Duration = Duration::from_millis(500);

/// How far the parser itself goes when the line tears. A setting may ask for more.
pub const ESCAPE_HOLD_MAX: Duration = Duration::from_millis(200);

/// The longest control sequence that means something to us is half as long.
const SEQUENCE_BYTES_MAX: usize = 64;

/// What is kept of one paste: far more than any field takes. The rest is dropped.
pub const PASTE_BYTES_MAX: usize = 64 * 1024;

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;
const PASTE_END: &[u8] = b"\x1b[201~";

/// Where the parser stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between things.
    Ground,
    /// In a character of several bytes; so many are still to come.
    Character { missing: u8, with: Modifiers },
    /// After an `ESC` that may be a key.
    Escape,
    /// After `ESC [`.
    Control,
    /// After `ESC [ [`, the Linux console's own.
    Console,
    /// After `ESC O`.
    Shift3,
    /// In the three raw bytes of an old mouse report; so many are still to come.
    OldMouse(u8),
    /// At the first byte of a string, which tells whether it is one.
    StringBegins(StringKind),
    /// In a string.
    String(StringKind),
    /// In a string, after an `ESC` that ends it.
    StringEscape(StringKind),
    /// In a bracketed paste; so many bytes of its end have been seen.
    Paste { matched: usize },
}

/// The strings that terminals answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StringKind {
    /// `ESC ]`: colours, clipboard, titles.
    OperatingSystem,
    /// `ESC P`: version, settings, capabilities.
    Device,
    /// `ESC _`: kitty's graphics.
    Application,
}

impl StringKind {
    /// What an answer of this kind begins with. Anything else was typed by a person holding alt.
    fn begins_with(self, byte: u8) -> bool {
        match self {
            Self::OperatingSystem => byte.is_ascii_digit() || matches!(byte, b'l' | b'L'),
            Self::Device => byte.is_ascii_digit() || matches!(byte, b'>' | b'!' | b'$' | b'+'),
            Self::Application => byte == b'G',
        }
    }
}

/// Whether the beginning of the present sequence was already given out as an Esc key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beginning {
    Held,
    GivenOut,
}

/// The parser.
#[derive(Debug)]
pub struct Parser {
    state: State,
    beginning: Beginning,
    /// Bytes of the present sequence, character or paste.
    held: Vec<u8>,
    /// When the last byte came.
    last_byte: Timestamp,
    /// When an Esc was given out because nothing followed it in time.
    torn_from: Option<Timestamp>,
    /// How long a lone `ESC` is held.
    hold: Duration,
}

impl Parser {
    /// A parser that holds a lone `ESC` for `hold`.
    #[must_use]
    pub fn new(hold: Duration) -> Self {
        Self {
            state: State::Ground,
            beginning: Beginning::Held,
            held: Vec::new(),
            last_byte: Timestamp::UNIX_EPOCH,
            torn_from: None,
            hold,
        }
    }

    /// How long a lone `ESC` is held now.
    #[must_use]
    pub const fn hold(&self) -> Duration {
        self.hold
    }

    /// Takes bytes that came at `now`.
    pub fn feed(&mut self, bytes: &[u8], now: Timestamp, heard: &mut Vec<Heard>) {
        self.expire(now, heard);
        for byte in bytes {
            self.last_byte = now;
            self.step(*byte, heard);
        }
    }

    /// When silence will mean something: [`Parser::expire`] is due then.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.patience().and_then(|patience| self.last_byte.checked_add(patience).ok())
    }

    /// Draws the conclusions of silence up to `now`.
    pub fn expire(&mut self, now: Timestamp, heard: &mut Vec<Heard>) {
        if self.patience().is_none_or(|patience| age(self.last_byte, now) < patience) {
            return;
        }
        match self.state {
            State::Escape => {
                self.torn_from = Some(self.last_byte);
                self.give_key(Key::plain(KeyCode::Esc), heard);
            }
            State::Paste { .. } => heard.push(Heard::Paste(std::mem::take(&mut self.held))),
            State::Ground
            | State::Character { .. }
            | State::Control
            | State::Console
            | State::Shift3
            | State::OldMouse(_)
            | State::StringBegins(_)
            | State::String(_)
            | State::StringEscape(_) => {}
        }
        self.reset();
    }

    /// How much silence the present state bears.
    fn patience(&self) -> Option<Duration> {
        match self.state {
            State::Ground => None,
            State::Escape => Some(self.hold),
            State::Paste { .. } => Some(PASTE_SILENCE_MAX),
            State::Character { .. }
            | State::Control
            | State::Console
            | State::Shift3
            | State::OldMouse(_)
            | State::StringBegins(_)
            | State::String(_)
            | State::StringEscape(_) => Some(SEQUENCE_SILENCE_MAX),
        }
    }

    fn step(&mut self, byte: u8, heard: &mut Vec<Heard>) {
        match self.state {
            State::Ground => self.ground(byte, Modifiers::NONE, heard),
            State::Character { missing, with } => self.character(byte, missing, with, heard),
            State::Escape => self.escape(byte, heard),
            State::Control => self.control(byte, heard),
            State::Console => self.finish(keys::console(byte), heard),
            State::Shift3 => self.shift3(byte, heard),
            State::OldMouse(1) => self.reset(),
            State::OldMouse(missing) => self.state = State::OldMouse(missing - 1),
            State::StringBegins(kind) if kind.begins_with(byte) => self.in_string(kind, byte),
            State::StringBegins(_) => self.abort(byte, heard),
            State::String(kind) => self.string(byte, kind, heard),
            State::StringEscape(kind) => self.string_escape(byte, kind, heard),
            State::Paste { matched } => self.paste(byte, matched, heard),
        }
    }

    fn reset(&mut self) {
        self.state = State::Ground;
        self.beginning = Beginning::Held;
        self.held.clear();
    }

    /// The present sequence is broken off by a byte that does not belong to it.
    fn abort(&mut self, byte: u8, heard: &mut Vec<Heard>) {
        self.reset();
        self.ground(byte, Modifiers::NONE, heard);
    }

    /// The present sequence is whole. Its key is not given when its beginning already was: the operator saw an Esc
    /// and may be somewhere else now.
    fn finish(&mut self, meaning: Option<Heard>, heard: &mut Vec<Heard>) {
        let beginning = self.beginning;
        self.reset();
        match (meaning, beginning) {
            (Some(Heard::Key(_) | Heard::Mouse(_)), Beginning::GivenOut) | (None, _) => {}
            (Some(meaning), _) => heard.push(meaning),
        }
    }

    fn give_key(&mut self, key: Key, heard: &mut Vec<Heard>) {
        self.reset();
        heard.push(Heard::Key(key));
    }

    fn ground(&mut self, byte: u8, with: Modifiers, heard: &mut Vec<Heard>) {
        if self.is_torn_off(byte) {
            self.wait_longer();
            self.beginning = Beginning::GivenOut;
            return self.introduce(byte);
        }
        match byte {
            ESC => self.state = State::Escape,
            0..=0x1f | 0x7f => self.give_key(control_key(byte, with), heard),
            0x20..=0x7e => self.give_key(Key::new(KeyCode::Char(char::from(byte)), with), heard),
            0xc2..=0xdf => self.begin_character(byte, 1, with),
            0xe0..=0xef => self.begin_character(byte, 2, with),
            0xf0..=0xf4 => self.begin_character(byte, 3, with),
            // No text in UTF-8 begins so: noise, or an 8-bit control, which we do not speak.
            0x80..=0xc1 | 0xf5..=0xff => self.reset(),
        }
    }

    /// True for the second byte of a sequence whose first byte was given out as an Esc a moment ago.
    fn is_torn_off(&mut self, byte: u8) -> bool {
        let late = self.torn_from.take().map(|torn| age(torn, self.last_byte));
        late.is_some_and(|late| late < TORN_TIME_MAX)
            && matches!(byte, b'[' | b'O' | b']' | b'P' | b'_')
    }

    /// The line tears sequences apart: hold the next lone `ESC` longer.
    fn wait_longer(&mut self) {
        let longer = (self.hold * 2).clamp(Duration::from_millis(20), ESCAPE_HOLD_MAX);
        self.hold = self.hold.max(longer);
    }

    fn begin_character(&mut self, byte: u8, missing: u8, with: Modifiers) {
        self.held.clear();
        self.held.push(byte);
        self.state = State::Character { missing, with };
    }

    fn character(&mut self, byte: u8, missing: u8, with: Modifiers, heard: &mut Vec<Heard>) {
        if !(0x80..=0xbf).contains(&byte) {
            return self.abort(byte, heard);
        }
        self.held.push(byte);
        if missing > 1 {
            self.state = State::Character { missing: missing - 1, with };
            return;
        }
        let character = std::str::from_utf8(&self.held).ok().and_then(|text| text.chars().next());
        let written = character.filter(|c| !c.is_control());
        self.finish(written.map(|c| Heard::Key(Key::new(KeyCode::Char(c), with))), heard);
    }

    fn escape(&mut self, byte: u8, heard: &mut Vec<Heard>) {
        match byte {
            b'[' | b'O' | b']' | b'P' | b'_' => self.introduce(byte),
            // Two of them: the first was a key, the second is held in its turn.
            ESC => heard.push(Heard::Key(Key::plain(KeyCode::Esc))),
            _ => {
                self.state = State::Ground;
                self.ground(byte, Modifiers::ALT, heard);
            }
        }
    }

    fn introduce(&mut self, byte: u8) {
        self.held.clear();
        self.state = match byte {
            b'[' => State::Control,
            b'O' => State::Shift3,
            b']' => State::StringBegins(StringKind::OperatingSystem),
            b'P' => State::StringBegins(StringKind::Device),
            _ => State::StringBegins(StringKind::Application),
        };
    }

    fn control(&mut self, byte: u8, heard: &mut Vec<Heard>) {
        match byte {
            b'[' if self.held.is_empty() => self.state = State::Console,
            0x20..=0x3f => self.hold_byte(byte),
            0x40..=0x7e if self.held.len() >= SEQUENCE_BYTES_MAX => self.reset(),
            0x40..=0x7e => match keys::csi(&self.held, byte) {
                Csi::Heard(meaning) => self.finish(Some(meaning), heard),
                Csi::Nothing => self.reset(),
                Csi::OldMouseFollows => self.state = State::OldMouse(3),
                Csi::PasteBegins => {
                    self.reset();
                    self.state = State::Paste { matched: 0 };
                }
            },
            0..=0x1f | 0x7f..=0xff => self.abort(byte, heard),
        }
    }

    /// Keeps a byte; beyond the limit it only counts as one more.
    fn hold_byte(&mut self, byte: u8) {
        if self.held.len() < SEQUENCE_BYTES_MAX {
            self.held.push(byte);
        }
    }

    fn shift3(&mut self, byte: u8, heard: &mut Vec<Heard>) {
        match byte {
            b'0'..=b'9' => self.hold_byte(byte),
            0x20..=0x7e => {
                let meaning = keys::ss3(&self.held, byte);
                self.finish(meaning, heard);
            }
            0..=0x1f | 0x7f..=0xff => self.abort(byte, heard),
        }
    }

    fn in_string(&mut self, kind: StringKind, byte: u8) {
        self.state = State::String(kind);
        self.hold_byte(byte);
    }

    fn string(&mut self, byte: u8, kind: StringKind, heard: &mut Vec<Heard>) {
        match byte {
            BEL => self.string_ends(kind, heard),
            ESC => self.state = State::StringEscape(kind),
            // No answer has controls in it: a person wants to get out.
            0..=0x1f => self.abort(byte, heard),
            0x20..=0xff => self.hold_byte(byte),
        }
    }

    fn string_escape(&mut self, byte: u8, kind: StringKind, heard: &mut Vec<Heard>) {
        if byte == b'\\' {
            return self.string_ends(kind, heard);
        }
        self.reset();
        self.state = State::Escape;
        self.escape(byte, heard);
    }

    fn string_ends(&mut self, kind: StringKind, heard: &mut Vec<Heard>) {
        let meaning = match kind {
            StringKind::OperatingSystem => keys::osc(&self.held),
            StringKind::Device | StringKind::Application => None,
        };
        self.finish(meaning, heard);
    }

    fn paste(&mut self, byte: u8, matched: usize, heard: &mut Vec<Heard>) {
        if PASTE_END.get(matched) == Some(&byte) {
            self.state = State::Paste { matched: matched + 1 };
            if matched + 1 == PASTE_END.len() {
                let pasted = std::mem::take(&mut self.held);
                self.finish(Some(Heard::Paste(pasted)), heard);
            }
            return;
        }
        // What looked like the end was not: it belongs to the text. Only the first byte of the end is an `ESC`.
        PASTE_END.iter().take(matched).for_each(|seen| self.hold_pasted(*seen));
        let begins = byte == ESC;
        if !begins {
            self.hold_pasted(byte);
        }
        self.state = State::Paste { matched: usize::from(begins) };
    }

    fn hold_pasted(&mut self, byte: u8) {
        if self.held.len() < PASTE_BYTES_MAX {
            self.held.push(byte);
        }
    }
}

/// The key behind one control byte.
fn control_key(byte: u8, with: Modifiers) -> Key {
    let letter = |base: u8| KeyCode::Char(char::from(base + byte));
    let ctrl = with.and(Modifiers::CTRL);
    match byte {
        b'\r' => Key::new(KeyCode::Enter, with),
        b'\t' => Key::new(KeyCode::Tab, with),
        0x7f => Key::new(KeyCode::Backspace, with),
        0 => Key::new(KeyCode::Char(' '), ctrl),
        1..=0x1a => Key::new(letter(b'a' - 1), ctrl),
        _ => Key::new(letter(b'A' - 1), ctrl),
    }
}
