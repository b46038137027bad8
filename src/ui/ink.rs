//! Lines of words, each word with its meaning. Screens are made of them; only the last step turns meanings into looks
//! and lines into cells.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;

use super::format::{self, Keep, width};
use super::theme::{Role, Theme};

/// What stands where something was cut.
pub const CUT: &str = "…";

/// One line: words and what each means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(Vec<(Role, String)>);

/// Where a text stands in its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// At the left.
    Left,
    /// At the right: numbers.
    Right,
}

impl Words {
    /// An empty line.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// A line of one meaning.
    #[must_use]
    pub fn of(role: Role, text: impl Into<String>) -> Self {
        Self::new().and(role, text)
    }

    /// The same with more words.
    #[must_use]
    pub fn and(mut self, role: Role, text: impl Into<String>) -> Self {
        self.push(role, text);
        self
    }

    /// The same with the words of another line.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The same with spaces up to this column (at least one space when it is passed already).
    #[must_use]
    pub fn to(self, column: usize) -> Self {
        let gap = column.saturating_sub(self.width()).max(1);
        self.and(Role::Text, " ".repeat(gap))
    }

    /// Adds words.
    pub fn push(&mut self, role: Role, text: impl Into<String>) {
        let text = text.into();
        if !text.is_empty() {
            self.0.push((role, text));
        }
    }

    /// True when there is nothing on the line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many cells it takes.
    #[must_use]
    pub fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| width(text)).sum()
    }

    /// The words without their meanings.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// The same in one meaning: what is stale is stale in all its parts.
    #[must_use]
    pub fn all(self, role: Role) -> Self {
        Self(self.0.into_iter().map(|(_, text)| (role, text)).collect())
    }

    /// The same in at most so many cells.
    #[must_use]
    pub fn cut(self, cells: usize, keep: Keep) -> Self {
        if self.width() <= cells {
            return self;
        }
        if keep == Keep::End && self.0.len() == 1 {
            let only = self.0.into_iter();
            let only = only.map(|(role, text)| (role, format::cut(&text, cells, keep, CUT)));
            return Self(only.filter(|(_, text)| !text.is_empty()).collect());
        }
        let mut left = cells;
        let mut kept = Self::new();
        for (role, text) in self.0 {
            let taken = width(&text);
            if taken < left || (taken == left && left == 0) {
                left -= taken;
                kept.push(role, text);
            } else {
                // Not the last word, or too long for what is left: the cut is marked in it.
                let room = left;
                kept.push(role, format::cut(&format!("{text}{CUT}"), room, Keep::Start, CUT));
                break;
            }
        }
        kept
    }

    /// The same in exactly so many cells.
    #[must_use]
    pub fn fit(self, cells: usize, align: Align, keep: Keep) -> Self {
        let cut = self.cut(cells, keep);
        let gap = " ".repeat(cells.saturating_sub(cut.width()));
        match align {
            Align::Left => cut.and(Role::Text, gap),
            Align::Right => Self::of(Role::Text, gap).then(cut),
        }
    }

    /// Left words and, at the right edge, others; the left ones are cut when there is no room for both.
    #[must_use]
    pub fn apart(self, right: Self, cells: usize) -> Self {
        if right.width() >= cells {
            return right.cut(cells, Keep::Start);
        }
        let room = cells - right.width();
        let left = if self.width() < room { self } else { self.cut(room - 1, Keep::Start) };
        let gap = room - left.width();
        left.and(Role::Text, " ".repeat(gap)).then(right)
    }
}

/// Paints lines from the top of an area; what does not fit is not painted.
pub fn paint(buffer: &mut Buffer, area: Rect, lines: &[Words], theme: &Theme) {
    let area = area.intersection(buffer.area);
    for (line, y) in lines.iter().zip(area.top()..area.bottom()) {
        paint_line(buffer, Rect { y, height: 1, ..area }, line, theme);
    }
}

fn paint_line(buffer: &mut Buffer, area: Rect, line: &Words, theme: &Theme) {
    let mut x = area.left();
    for (role, text) in &line.0 {
        let style = theme.style(*role);
        for grapheme in text.graphemes(true) {
            let Ok(cells) = u16::try_from(width(grapheme)) else { return };
            if cells == 0 {
                continue;
            }
            if cells > area.right().saturating_sub(x) {
                return;
            }
            put(buffer, (x, area.y), grapheme, style);
            for beside in 1..cells {
                put(buffer, (x + beside, area.y), "", style);
            }
            x += cells;
        }
    }
}

fn put(buffer: &mut Buffer, at: (u16, u16), symbol: &str, style: Style) {
    if let Some(cell) = buffer.cell_mut(at) {
        cell.set_symbol(symbol).set_style(style);
    }
}

/// Fills an area with a meaning's ground, and takes away what was there.
pub fn clear(buffer: &mut Buffer, area: Rect, role: Role, theme: &Theme) {
    let area = area.intersection(buffer.area);
    let style = theme.style(role);
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            if let Some(cell) = buffer.cell_mut((x, y)) {
                cell.reset();
                cell.set_style(style);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_cut_and_padded_by_cells() {
        let words = || Words::of(Role::Danger, "failing").and(Role::Text, " since 11:50");
        assert_eq!(words().cut(30, Keep::Start).text(), "failing since 11:50");
        assert_eq!(words().cut(10, Keep::Start).text(), "failing s…");
        assert_eq!(words().cut(7, Keep::Start).text(), "failin…");
        assert_eq!(words().cut(1, Keep::Start).text(), "…");
        assert_eq!(words().cut(0, Keep::Start).text(), "");
        assert_eq!(Words::of(Role::Text, "pod-abcde").cut(5, Keep::End).text(), "…bcde");
        assert_eq!(Words::of(Role::Text, "7").fit(3, Align::Right, Keep::Start).text(), "  7");
        assert_eq!(words().apart(Words::of(Role::Muted, "12m"), 14).text(), "failing s… 12m");
    }

    #[test]
    fn wide_graphemes_are_never_split() {
        let theme = Theme::dark();
        let mut buffer = Buffer::empty(Rect::new(0, 0, 5, 1));
        paint(&mut buffer, Rect::new(0, 0, 5, 1), &[Words::of(Role::Text, "漢字漢")], &theme);
        let symbols: Vec<&str> = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        assert_eq!(symbols[..2], ["漢", ""]);
        assert_eq!(symbols[4], " ");
    }

    proptest! {
        #[test]
        fn no_line_leaves_its_area(
            text in ".{0,30}",
            (x, y, w, h) in (0u16..12, 0u16..6, 0u16..12, 0u16..6),
        ) {
            let theme = Theme::dark();
            let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 4));
            let area = Rect::new(x, y, w, h);
            paint(&mut buffer, area, &[Words::of(Role::Text, text)], &theme);
            clear(&mut buffer, area, Role::Popup, &theme);
        }

        #[test]
        fn what_is_cut_and_put_apart_fits(a in ".{0,20}", b in ".{0,20}", cells in 0usize..30) {
            let words = Words::of(Role::Text, a.clone()).and(Role::Muted, b.clone());
            prop_assert!(words.clone().cut(cells, Keep::Start).width() <= cells);
            let fitted = words.clone().fit(cells, Align::Left, Keep::End);
            prop_assert_eq!(fitted.width(), cells);
            prop_assert!(words.apart(Words::of(Role::Text, b), cells).width() <= cells);
        }
    }
}
