//! A line that is being typed, with its cursor.

use tui_input::Input;
use unicode_segmentation::UnicodeSegmentation;

use super::format::{self, Keep};
use super::ink::{CUT, Words};
use super::theme::Role;

/// The line in at most so many cells. The cursor is the cell that is selected: the terminal's own cursor would be moved,
/// hidden and shown with every frame.
#[must_use]
pub fn line(input: &Input, cells: usize) -> Words {
    let cells = cells.max(2);
    let value = input.value();
    let at = value.char_indices().nth(input.cursor()).map_or(value.len(), |(at, _)| at);
    let (before, after) = value.split_at(at);
    let under = after.graphemes(true).next().unwrap_or(" ");
    let rest = after.get(under.len()..).unwrap_or("");
    let before = format::cut(before, cells - 1, Keep::End, CUT);
    let room = cells - 1 - format::width(&before);
    Words::of(Role::Input, before)
        .and(Role::Selection, under)
        .and(Role::Input, format::cut(rest, room, Keep::Start, CUT))
}

#[cfg(test)]
mod tests {
    use tui_input::InputRequest;

    use super::*;

    #[test]
    fn the_cursor_is_always_seen() {
        let mut input: Input = "payments".into();
        assert_eq!(line(&input, 20).text(), "payments ");
        assert_eq!(line(&input, 6).text(), "…ents ");
        input.handle(InputRequest::GoToStart);
        assert_eq!(line(&input, 6).text(), "payme…");
        assert_eq!(line(&Input::default(), 0).text(), " ");
    }
}
