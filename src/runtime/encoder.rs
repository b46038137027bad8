//! Frames → bytes, as few as we know how.
//!
//! It remembers what the terminal shows, where its cursor is and which attributes are set, across frames. It sends the
//! cells that changed, moves by the shortest way, changes only the attributes that differ, erases instead of writing
//! blanks, and sends nothing at all for an unchanged frame. Figures: `reference/terminal.md` §5.2.
//!
//! Only sequences that every terminal of the last thirty years knows are used. It erases only in the terminal's own
//! background, because not all of them erase in the colour that is set.

use std::io::Write as _;

use ratatui::buffer::Buffer;
use ratatui::layout::Position;

use crate::runtime::attributes::{push_look, worn_on};
use crate::runtime::canvas::{Canvas, Glyph, Look, Slot};
use crate::runtime::colour::ColourLevel;

/// What is to be on the screen.
#[derive(Clone, Debug)]
pub struct Frame {
    /// All cells.
    pub buffer: Buffer,
    /// Where the cursor is shown: in a text field. Hidden otherwise.
    pub cursor: Option<Position>,
}

/// Frames with fewer bytes reach the terminal in one piece anyway, and the bracket costs 16 bytes.
const SYNCHRONIZE_BYTES_MIN: usize = 512;

/// So many blanks in a row are erased; the erasing and the step over them cost about as much as so many blanks.
const ERASE_COLUMNS_MIN: usize = 10;

/// Moving down so many rows by line feeds is shorter than any other way.
const LINE_FEEDS_MAX: u16 = 4;

/// Turns frames into bytes.
#[derive(Debug)]
pub struct Encoder {
    level: ColourLevel,
    synchronizes: bool,
    shown: Option<Canvas>,
    look: Look,
    /// Column and row of the terminal's cursor, when they are known.
    at: Option<(u16, u16)>,
    cursor_shown: Option<bool>,
    out: Vec<u8>,
    replaced: u64,
}

impl Encoder {
    /// Knows nothing yet of what the terminal shows.
    #[must_use]
    pub fn new(level: ColourLevel) -> Self {
        Self {
            level,
            synchronizes: false,
            shown: None,
            look: Look::default(),
            at: None,
            cursor_shown: None,
            out: Vec::new(),
            replaced: 0,
        }
    }

    /// The terminal said that it can hold an update back until it is whole (DEC mode 2026).
    pub fn synchronize(&mut self) {
        self.synchronizes = true;
    }

    /// Someone else painted on the terminal, or its size changed: the next frame is sent whole.
    pub fn forget(&mut self) {
        self.shown = None;
        self.cursor_shown = None;
    }

    /// Symbols that had to be replaced so far (see [`crate::runtime::encoder`]). More than none is a fault of ours.
    #[must_use]
    pub const fn replaced(&self) -> u64 {
        self.replaced
    }

    /// The bytes that bring the terminal to this frame.
    pub fn encode(&mut self, frame: &Frame) -> &[u8] {
        self.out.clear();
        let next = Canvas::of(&frame.buffer, self.level);
        self.replaced += next.replaced as u64;
        let shown = match self.shown.take() {
            Some(shown) if (shown.width, shown.height) == (next.width, next.height) => shown,
            Some(_) | None => self.erase_all(&next),
        };
        for y in 0..next.height {
            if shown.row(y) != next.row(y) {
                self.row(y, shown.row(y), next.row(y));
            }
        }
        self.place_cursor(frame.cursor, &next);
        self.shown = Some(next);
        self.bracket();
        &self.out
    }

    fn erase_all(&mut self, next: &Canvas) -> Canvas {
        if next.width > 0 && next.height > 0 {
            self.out.extend_from_slice(b"\x1b[m\x1b[H\x1b[2J");
        }
        self.look = Look::default();
        self.at = Some((0, 0));
        Canvas::erased(next.width, next.height)
    }

    fn bracket(&mut self) {
        if self.synchronizes && self.out.len() >= SYNCHRONIZE_BYTES_MIN {
            self.out.splice(0..0, *b"\x1b[?2026h");
            self.out.extend_from_slice(b"\x1b[?2026l");
        }
    }

    fn row(&mut self, y: u16, shown: &[Slot], next: &[Slot]) {
        let tail = next.len() - next.iter().rev().take_while(|slot| **slot == Slot::ERASED).count();
        let mut x = 0;
        while let Some(slot) = next.get(x) {
            if shown.get(x) == Some(slot) || slot.glyph == Glyph::Covered {
                x += 1;
                continue;
            }
            let blanks = next[x..].iter().take_while(|slot| **slot == Slot::ERASED).count();
            if x >= tail && changes(shown, next, x) > ERASE_TAIL_CHANGES_MIN {
                self.erase(y, x, b"\x1b[K", next);
                return;
            }
            if blanks >= ERASE_COLUMNS_MIN {
                self.erase(y, x, format!("\x1b[{blanks}X").as_bytes(), next);
                x += blanks;
                continue;
            }
            self.move_to(column(x), y, next);
            self.put(slot);
            x += usize::from(slot.width().max(1));
        }
    }

    fn erase(&mut self, y: u16, x: usize, sequence: &[u8], row: &[Slot]) {
        self.move_to(column(x), y, row);
        self.wear(worn_on(self.look, &Slot::ERASED));
        self.out.extend_from_slice(sequence);
    }

    fn wear(&mut self, look: Look) {
        push_look(&mut self.out, self.look, look);
        self.look = look;
    }

    /// Writes one cell where the cursor is.
    fn put(&mut self, slot: &Slot) {
        self.wear(worn_on(self.look, slot));
        push_glyph(&mut self.out, &slot.glyph);
        let width = slot.width();
        self.at = match (self.at, &slot.glyph) {
            (Some((x, y)), Glyph::Char(_)) => Some((x + width, y)),
            // Terminals disagree about the width of what is composed.
            (None, _) | (_, Glyph::Cluster(_) | Glyph::Covered) => None,
        };
    }

    /// Brings the cursor to a cell of a row that is known to show `row` up to there, by the shortest way.
    fn move_to(&mut self, x: u16, y: u16, row: &[Slot]) {
        if self.at == Some((x, y)) {
            return;
        }
        let mut best = absolute(x, y);
        let width = column(row.len());
        if let Some((from, from_row)) = self.at.filter(|(from, _)| *from < width) {
            let down = y.checked_sub(from_row).filter(|down| *down <= LINE_FEEDS_MAX);
            if let Some(down) = down {
                let feeds = vec![b'\n'; usize::from(down)];
                keep_shorter(&mut best, [&feeds[..], &along(from, x)].concat());
                keep_shorter(&mut best, [b"\r", &feeds[..], &along(0, x)].concat());
            }
            if down == Some(0) {
                keep_shorter_some(&mut best, self.rewritten(from, x, row));
            }
        }
        self.out.extend_from_slice(&best);
        self.at = Some((x, y));
    }

    /// The cells in between, written once more, when they look just as what is written now would.
    fn rewritten(&self, from: u16, to: u16, row: &[Slot]) -> Option<Vec<u8>> {
        let between = row.get(usize::from(from)..usize::from(to))?;
        let mut bytes = Vec::new();
        for slot in between {
            let is_simple = matches!(slot.glyph, Glyph::Char(_)) && slot.width() == 1;
            if !is_simple || worn_on(self.look, slot) != self.look || bytes.len() > REWRITTEN_MAX {
                return None;
            }
            push_glyph(&mut bytes, &slot.glyph);
        }
        Some(bytes)
    }

    fn place_cursor(&mut self, cursor: Option<Position>, next: &Canvas) {
        let cursor = cursor.filter(|at| at.x < next.width && at.y < next.height);
        if let Some(at) = cursor {
            self.move_to(at.x, at.y, next.row(at.y));
        }
        if next.width > 0 && self.cursor_shown != Some(cursor.is_some()) {
            let sequence = if cursor.is_some() { b"\x1b[?25h" } else { b"\x1b[?25l" };
            self.out.extend_from_slice(sequence);
            self.cursor_shown = Some(cursor.is_some());
        }
    }
}

/// From so many changed cells on, erasing up to the edge is shorter than blanks.
const ERASE_TAIL_CHANGES_MIN: usize = 3;

/// No other way to move along a row is longer than this.
const REWRITTEN_MAX: usize = 6;

fn changes(shown: &[Slot], next: &[Slot], from: usize) -> usize {
    let pairs = shown.iter().zip(next).skip(from);
    pairs.filter(|(old, new)| old != new).take(ERASE_TAIL_CHANGES_MIN + 1).count()
}

fn column(x: usize) -> u16 {
    u16::try_from(x).unwrap_or(u16::MAX)
}

fn push_glyph(out: &mut Vec<u8>, glyph: &Glyph) {
    match glyph {
        Glyph::Char(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        Glyph::Cluster(text) => out.extend_from_slice(text.as_bytes()),
        Glyph::Covered => {}
    }
}

fn keep_shorter(best: &mut Vec<u8>, other: Vec<u8>) {
    if other.len() < best.len() {
        *best = other;
    }
}

fn keep_shorter_some(best: &mut Vec<u8>, other: Option<Vec<u8>>) {
    if let Some(other) = other {
        keep_shorter(best, other);
    }
}

/// To a place, wherever the cursor is.
fn absolute(x: u16, y: u16) -> Vec<u8> {
    match (x, y) {
        (0, 0) => b"\x1b[H".to_vec(),
        (0, _) => format!("\x1b[{}H", u32::from(y) + 1).into_bytes(),
        (_, 0) => format!("\x1b[;{}H", u32::from(x) + 1).into_bytes(),
        _ => format!("\x1b[{};{}H", u32::from(y) + 1, u32::from(x) + 1).into_bytes(),
    }
}

/// Along a row.
fn along(from: u16, to: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    let step = |count: u16| if count == 1 { String::new() } else { count.to_string() };
    // Writing into a vector cannot fail.
    let _ = match (from, to) {
        _ if from == to => Ok(()),
        _ if to > from => write!(bytes, "\x1b[{}C", step(to - from)),
        _ if from - to <= 3 => bytes.write_all(&b"\x08\x08\x08"[..usize::from(from - to)]),
        _ => write!(bytes, "\x1b[{}D", step(from - to)),
    };
    bytes
}
