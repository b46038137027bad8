//! The frame of everything that lies over a screen: a border, a title, and below it the keys that work.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::ui::format::Keep;
use crate::ui::ink::{self, Words};
use crate::ui::theme::{Role, Theme};

/// Cells that the border and its inner margin take from the width.
pub const SIDES: u16 = 4;

/// Rows that the border takes.
pub const ENDS: u16 = 2;

/// What a popup shows.
#[derive(Clone, Debug)]
pub struct Popup {
    /// In the upper border.
    pub title: Words,
    /// Between the borders.
    pub lines: Vec<Words>,
    /// In the lower border.
    pub foot: Words,
    /// The border's meaning.
    pub role: Role,
}

/// Strips beside a popup that are narrower than this show only scraps of words.
const STRIP_MIN: u16 = 8;

fn columns(screen: Rect, columns_max: u16) -> u16 {
    let is_nearly_all = screen.width < columns_max.saturating_add(2 * STRIP_MIN);
    (if is_nearly_all { screen.width } else { columns_max }).saturating_sub(SIDES)
}

/// The largest inner size that a popup may have on this screen, for at most so many columns.
#[must_use]
pub fn room(screen: Rect, columns_max: u16) -> (usize, usize) {
    let columns = columns(screen, columns_max);
    let rows = screen.height.saturating_sub(ENDS);
    (usize::from(columns), usize::from(rows))
}

/// Paints a popup in the middle of the screen, as wide as asked for and as high as its lines.
pub fn paint(buffer: &mut Buffer, screen: Rect, columns: usize, popup: &Popup, theme: &Theme) {
    let columns = u16::try_from(columns).unwrap_or(u16::MAX);
    let rows = u16::try_from(popup.lines.len()).unwrap_or(u16::MAX);
    let width = columns.saturating_add(SIDES).min(screen.width);
    let height = rows.saturating_add(ENDS).min(screen.height);
    let area = Rect {
        x: screen.x + (screen.width - width) / 2,
        y: screen.y + (screen.height - height) / 2,
        width,
        height,
    };
    ink::clear(buffer, area, Role::Popup, theme);
    let cells = usize::from(width);
    if width < SIDES || height < ENDS {
        ink::paint(buffer, area, &popup.lines, theme);
        return;
    }
    let role = popup.role;
    ink::paint(buffer, area, &[edge(("┌", "┐"), &popup.title, cells, role)], theme);
    let bottom = Rect { y: area.bottom() - 1, height: 1, ..area };
    ink::paint(buffer, bottom, &[edge(("└", "┘"), &popup.foot, cells, role)], theme);
    let inner = Rect { x: area.x + 2, y: area.y + 1, width: width - SIDES, height: height - ENDS };
    let sides = vec![Words::of(role, "│"); usize::from(inner.height)];
    ink::paint(buffer, Rect { x: area.x, width: 1, ..inner }, &sides, theme);
    ink::paint(buffer, Rect { x: area.right() - 1, width: 1, ..inner }, &sides, theme);
    ink::paint(buffer, inner, &popup.lines, theme);
}

fn edge((left, right): (&str, &str), words: &Words, cells: usize, role: Role) -> Words {
    let room = cells.saturating_sub(2);
    let words = if words.is_empty() {
        Words::new()
    } else {
        let framed = Words::of(role, "─ ").then(words.clone()).and(role, " ");
        framed.cut(room, Keep::Start)
    };
    let rest = "─".repeat(room.saturating_sub(words.width()));
    Words::of(role, left).then(words).and(role, rest).and(role, right)
}

/// Lines from `scroll` on, at most so many; scrolled past the end the last screenful. And where they begin.
#[must_use]
pub fn scrolled(lines: Vec<Words>, scroll: usize, rows: usize) -> (Vec<Words>, usize) {
    let start = scroll.min(lines.len().saturating_sub(rows));
    (lines.into_iter().skip(start).take(rows).collect(), start)
}

/// `12–30 of 240`, when not everything is seen.
#[must_use]
pub fn position(start: usize, shown: usize, all: usize) -> String {
    if shown >= all { String::new() } else { format!("{}–{} of {all}", start + 1, start + shown) }
}
