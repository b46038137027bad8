//! Where a frame is painted before anything is sent: ratatui's `Frame`, without a terminal behind it.

use std::convert::Infallible;

use ratatui::Terminal;
use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect, Size};

use crate::runtime::encoder::Frame;

/// Paints frames of any size.
#[derive(Debug)]
pub struct Easel {
    terminal: Terminal<Nowhere>,
}

impl Default for Easel {
    fn default() -> Self {
        let nowhere = Nowhere { size: Size::ZERO, cursor: None };
        let Ok(terminal) = Terminal::new(nowhere);
        Self { terminal }
    }
}

impl Easel {
    /// Paints one frame. A size without a cell is not painted.
    pub fn paint(
        &mut self,
        width: u16,
        height: u16,
        paint: impl FnOnce(&mut ratatui::Frame<'_>),
    ) -> Frame {
        let area = Rect::new(0, 0, width, height);
        if area.is_empty() {
            return Frame { buffer: Buffer::empty(area), cursor: None };
        }
        self.terminal.backend_mut().size = area.as_size();
        let mut buffer = Buffer::default();
        let Ok(_) = self.terminal.draw(|frame| {
            paint(frame);
            // Taken away, so that ratatui has nothing to compare: what is sent is decided by what is shown.
            buffer = std::mem::replace(frame.buffer_mut(), Buffer::empty(area));
        });
        Frame { buffer, cursor: self.terminal.backend().cursor }
    }
}

/// A backend that shows nothing and remembers the cursor.
#[derive(Debug)]
struct Nowhere {
    size: Size,
    cursor: Option<Position>,
}

impl Backend for Nowhere {
    type Error = Infallible;

    fn draw<'a, I>(&mut self, _content: I) -> Result<(), Infallible>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        Ok(())
    }

    fn hide_cursor(&mut self) -> Result<(), Infallible> {
        self.cursor = None;
        Ok(())
    }

    fn show_cursor(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn get_cursor_position(&mut self) -> Result<Position, Infallible> {
        Ok(self.cursor.unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Infallible> {
        self.cursor = Some(position.into());
        Ok(())
    }

    fn clear(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn clear_region(&mut self, _part: ClearType) -> Result<(), Infallible> {
        Ok(())
    }

    fn size(&self) -> Result<Size, Infallible> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> Result<WindowSize, Infallible> {
        Ok(WindowSize { columns_rows: self.size, pixels: Size::ZERO })
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ratatui::widgets::Paragraph;

    use super::*;

    fn text(frame: &Frame) -> String {
        frame.buffer.content.iter().map(Cell::symbol).collect()
    }

    #[test]
    fn every_frame_is_whole_and_begins_empty() {
        let mut easel = Easel::default();
        for (width, height, words, want) in [
            (4, 1, "one", "one "),
            (4, 1, "one", "one "),
            (4, 1, "", "    "),
            (2, 2, "abcd", "ab  "),
            (5, 1, "five!", "five!"),
        ] {
            let frame = easel.paint(width, height, |frame| {
                frame.render_widget(Paragraph::new(words), frame.area());
            });
            assert_eq!(text(&frame), want);
            assert_eq!(frame.cursor, None);
        }
    }

    #[test]
    fn the_cursor_is_where_the_frame_put_it_and_only_then() {
        let mut easel = Easel::default();
        let at = Position::new(3, 1);
        assert_eq!(easel.paint(9, 2, |frame| frame.set_cursor_position(at)).cursor, Some(at));
        assert_eq!(easel.paint(9, 2, |_| {}).cursor, None);
    }

    #[test]
    fn a_size_without_a_cell_is_not_painted() {
        let mut easel = Easel::default();
        for (width, height) in [(0, 0), (0, 9), (9, 0)] {
            let frame = easel.paint(width, height, |_| unreachable!("nothing to paint on"));
            assert!(frame.buffer.content.is_empty());
        }
    }
}
