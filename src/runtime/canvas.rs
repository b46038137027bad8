//! A frame as the terminal will show it: colours that it has, symbols that are safe, and nothing that cannot be seen.
//!
//! This is the last line of defence against hostile text (`reference/reliability.md`, S11): whatever got into a cell,
//! a control, bidirectional or invisible character leaves as U+FFFD.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::domain::text::is_unsafe;
use crate::runtime::colour::{ColourLevel, Paint};

/// Stands for what must not be shown.
const REPLACEMENT: char = '\u{fffd}';

/// Stands for a wide character that does not fit at the right edge.
const CUT: char = '>';

/// More code points than this in one cell are an attack on the neighbouring rows, not a letter.
const CLUSTER_CHARS_MAX: usize = 8;

/// Attributes that are seen on a blank too.
pub(crate) const SEEN_ON_BLANK: Modifier = Modifier::from_bits_truncate(
    Modifier::REVERSED.bits() | Modifier::UNDERLINED.bits() | Modifier::CROSSED_OUT.bits(),
);

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Glyph {
    /// One character.
    Char(char),
    /// A character with combining marks.
    Cluster(Box<str>),
    /// The right part of the wide character before it.
    Covered,
}

/// How it looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) ink: Paint,
    pub(crate) ground: Paint,
    pub(crate) modifiers: Modifier,
}

impl Look {
    /// What [`SEEN_ON_BLANK`] leaves of it: a blank with this look is just a piece of background.
    pub(crate) fn is_plain_on_blank(self) -> bool {
        !self.modifiers.intersects(SEEN_ON_BLANK)
    }
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) glyph: Glyph,
    pub(crate) look: Look,
}

impl Slot {
    /// A blank in the terminal's own colours: what erasing leaves.
    pub(crate) const ERASED: Self = Self {
        glyph: Glyph::Char(' '),
        look: Look { ink: Paint::Default, ground: Paint::Default, modifiers: Modifier::empty() },
    };

    pub(crate) fn is_blank(&self) -> bool {
        self.glyph == Glyph::Char(' ')
    }

    /// Columns that it takes, itself included. A covered one takes none of its own.
    pub(crate) fn width(&self) -> u16 {
        match &self.glyph {
            Glyph::Char(c) if c.is_ascii() => 1,
            Glyph::Char(c) => u16::try_from(c.width().unwrap_or(1)).unwrap_or(1),
            Glyph::Cluster(text) => u16::try_from(text.width()).unwrap_or(1),
            Glyph::Covered => 0,
        }
    }
}

/// A whole screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Canvas {
    pub(crate) width: u16,
    pub(crate) height: u16,
    slots: Vec<Slot>,
    /// Symbols that had to be replaced. More than none is a fault of ours: something came around the sanitiser.
    pub(crate) replaced: usize,
}

impl Canvas {
    /// An erased screen.
    pub(crate) fn erased(width: u16, height: u16) -> Self {
        let slots = vec![Slot::ERASED; usize::from(width) * usize::from(height)];
        Self { width, height, slots, replaced: 0 }
    }

    /// What the terminal will show of a buffer.
    pub(crate) fn of(buffer: &Buffer, level: ColourLevel) -> Self {
        let (width, height) = (buffer.area.width, buffer.area.height);
        let mut canvas =
            Self { width, height, slots: Vec::with_capacity(buffer.content.len()), replaced: 0 };
        let mut dyer = Dyer { level, memo: [(Color::Reset, Paint::Default); 2] };
        if width > 0 {
            for row in buffer.content.chunks_exact(usize::from(width)) {
                canvas.push_row(row, &mut dyer);
            }
        }
        canvas
    }

    pub(crate) fn row(&self, y: u16) -> &[Slot] {
        let start = usize::from(y) * usize::from(self.width);
        self.slots.get(start..start + usize::from(self.width)).unwrap_or(&[])
    }

    fn push_row(&mut self, row: &[Cell], dyer: &mut Dyer) {
        let mut x = 0;
        while let Some(cell) = row.get(x) {
            let look = dyer.look(cell);
            let mut slot = Slot { glyph: self.glyph(cell.symbol()), look };
            let width = usize::from(slot.width().max(1));
            if width > 1 && !fits(row, x, width) {
                slot.glyph = Glyph::Char(if x + width > row.len() { CUT } else { ' ' });
            }
            let covered = usize::from(slot.width().max(1)) - 1;
            if slot.is_blank() && slot.look.is_plain_on_blank() {
                slot.look = Look { ground: slot.look.ground, ..Look::default() };
            }
            self.slots.push(slot);
            self.slots.extend(std::iter::repeat_n(Slot { glyph: Glyph::Covered, look }, covered));
            x += 1 + covered;
        }
    }

    fn glyph(&mut self, symbol: &str) -> Glyph {
        let mut chars = symbol.chars();
        match (chars.next(), chars.next()) {
            (None, _) => Glyph::Char(' '),
            (Some(c @ ' '..='~'), None) => Glyph::Char(c),
            (Some(c), None) if is_paintable(c) && c.width().unwrap_or(0) > 0 => Glyph::Char(c),
            (Some(_), Some(_)) if is_paintable_cluster(symbol) => Glyph::Cluster(symbol.into()),
            _ => {
                self.replaced += 1;
                Glyph::Char(REPLACEMENT)
            }
        }
    }
}

/// True when a wide character at `x` has all its columns, and nothing else was painted into them.
fn fits(row: &[Cell], x: usize, width: usize) -> bool {
    let rest = row.get(x + 1..x + width);
    rest.is_some_and(|rest| rest.iter().all(|cell| matches!(cell.symbol(), " " | "")))
}

fn is_paintable(c: char) -> bool {
    !is_unsafe(c) || c == REPLACEMENT
}

fn is_paintable_cluster(symbol: &str) -> bool {
    symbol.chars().take(CLUSTER_CHARS_MAX + 1).count() <= CLUSTER_CHARS_MAX
        && symbol.chars().all(is_paintable)
        && (1..=2).contains(&symbol.width())
        // One base and its marks: two letters in one cell would shift the row.
        && symbol.chars().skip(1).all(|c| c.width() == Some(0))
}

/// Reduces colours. Neighbours mostly have the same, so the last one is remembered.
struct Dyer {
    level: ColourLevel,
    memo: [(Color, Paint); 2],
}

impl Dyer {
    fn look(&mut self, cell: &Cell) -> Look {
        Look {
            ink: self.reduce(0, cell.fg),
            ground: self.reduce(1, cell.bg),
            modifiers: cell.modifier,
        }
    }

    fn reduce(&mut self, layer: usize, colour: Color) -> Paint {
        if self.memo[layer].0 != colour {
            self.memo[layer] = (colour, self.level.reduce(colour));
        }
        self.memo[layer].1
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    fn shown(symbols: &[&str]) -> (String, usize) {
        let width = u16::try_from(symbols.len()).unwrap();
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, 1));
        for (cell, symbol) in buffer.content.iter_mut().zip(symbols) {
            cell.set_symbol(symbol);
        }
        let canvas = Canvas::of(&buffer, ColourLevel::Full);
        let text = canvas.row(0).iter().map(|slot| match &slot.glyph {
            Glyph::Char(c) => c.to_string(),
            Glyph::Cluster(text) => text.to_string(),
            Glyph::Covered => "_".into(),
        });
        (text.collect(), canvas.replaced)
    }

    #[test]
    fn no_hostile_symbol_reaches_the_terminal() {
        for symbol in [
            "\x1b",
            "\x1b[2J",
            "\x07",
            "\n",
            "\r",
            "\x7f",
            "\u{9b}",
            "\u{202e}",
            "\u{200b}",
            "\u{e0041}",
            "a\u{202e}",
            "a\u{200d}b",
            "ab",
            "\u{301}",
            "\u{ad}",
            "a\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
        ] {
            assert_eq!(shown(&["x", symbol, "y"]), ("x\u{fffd}y".into(), 1), "{symbol:?}");
        }
    }

    #[test]
    fn honest_symbols_are_kept() {
        for symbol in ["ü", "─", "⣿", "▁", "✗", "◌", "→", "e\u{301}", "\u{fffd}"] {
            assert_eq!(shown(&["x", symbol, "y"]), (format!("x{symbol}y"), 0));
        }
        assert_eq!(shown(&["", "y"]), (" y".into(), 0));
    }

    #[test]
    fn wide_characters_cover_their_neighbour_and_never_stick_out() {
        for (symbols, want) in [
            (&["漢", " ", "y"][..], "漢_y"),
            (&["x", "漢"], "x>"),
            (&["漢", "│", "y"], " │y"),
            (&["漢", "漢", " "], " 漢_"),
        ] {
            assert_eq!(shown(symbols), (want.into(), 0), "{symbols:?}");
        }
    }

    #[test]
    fn what_cannot_be_seen_on_a_blank_makes_no_difference() {
        let area = Rect::new(0, 0, 2, 1);
        let mut styled = Buffer::empty(area);
        styled.set_style(area, Style::new().fg(Color::Red).add_modifier(Modifier::BOLD));
        assert_eq!(Canvas::of(&styled, ColourLevel::Full), Canvas::erased(2, 1));
        styled.set_style(area, Style::new().add_modifier(Modifier::UNDERLINED));
        assert_ne!(Canvas::of(&styled, ColourLevel::Full), Canvas::erased(2, 1));
    }

    #[test]
    fn an_empty_area_is_an_empty_canvas() {
        for (width, height) in [(0, 0), (0, 5), (5, 0)] {
            let buffer = Buffer::empty(Rect::new(0, 0, width, height));
            let canvas = Canvas::of(&buffer, ColourLevel::Full);
            assert!(canvas.row(0).is_empty() && canvas.row(9).is_empty());
        }
    }
}
