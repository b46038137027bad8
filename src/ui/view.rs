//! One frame: header, screen, hints, and what is open over them.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::event::Screen;
use crate::app::focus::{Popup, Reach};
use crate::app::state::{Mode, State};

use super::format::Keep;
use super::ink::{self, Words};
use super::marks::{self, Signs};
use super::screens;
use super::theme::{Role, Theme};
use super::{header, hints, popups};

/// Paints the state. Reads only; there is no size at which it panics. Answers how far what is on top scrolls.
pub fn view(state: &State, theme: &Theme, frame: &mut Frame<'_>) -> Option<Reach> {
    paint(state, theme, frame.buffer_mut())
}

/// The same into a buffer, for pictures.
pub fn paint(state: &State, theme: &Theme, buffer: &mut Buffer) -> Option<Reach> {
    let area = buffer.area;
    if area.is_empty() {
        return None;
    }
    ink::clear(buffer, area, Role::Text, theme);
    let body = frame(state, theme, buffer, area);
    let mut reach = None;
    match state.focus().screen {
        Screen::Fleet => screens::fleet::paint(state, theme, buffer, body),
        Screen::Rollout => reach = screens::rollout::paint(state, theme, buffer, body),
        Screen::Timeline => screens::timeline::paint(state, theme, buffer, body),
        Screen::Gates => screens::gates::paint(state, theme, buffer, body),
        Screen::FleetTimeline => screens::fleet_timeline::paint(state, theme, buffer, body),
    }
    for open in &state.focus().popups {
        reach = popup(state, open, theme, buffer, area);
    }
    if theme.sign_set() == Signs::Ascii {
        marks::asciify(buffer);
    }
    reach
}

/// Paints what is open over the screen, below the header, so that mode and clusters are always seen.
fn popup(
    state: &State,
    open: &Popup,
    theme: &Theme,
    buffer: &mut Buffer,
    area: Rect,
) -> Option<Reach> {
    let top = u16::from(area.height >= FRAMED_ROWS || is_labelled(state, area));
    let bottom = u16::from(area.height >= FRAMED_ROWS);
    let screen = Rect { y: area.y + top, height: area.height - top - bottom, ..area };
    match open {
        Popup::Confirm(dialog) => popups::confirm::paint(state, dialog, theme, buffer, screen),
        Popup::Picker(picker) => popups::lists::picker(state, picker, theme, buffer, screen),
        Popup::Pager(pager) => return popups::lists::pager(state, pager, theme, buffer, screen),
        Popup::Help { scroll } => {
            return Some(popups::help::paint(state, *scroll, theme, buffer, screen));
        }
        Popup::Notices { scroll } => {
            return Some(popups::lists::notices(state, *scroll, theme, buffer, screen));
        }
    }
    None
}

/// Rows from which on there is room for header and hints around the screen.
const FRAMED_ROWS: u16 = 6;

/// Whether the header stands there even where there is hardly room: a simulated world says so at every size.
fn is_labelled(state: &State, area: Rect) -> bool {
    state.session().mode == Mode::Simulated && area.height > 1
}

/// Paints header and hints; returns what is left between them.
fn frame(state: &State, theme: &Theme, buffer: &mut Buffer, area: Rect) -> Rect {
    let cells = usize::from(area.width);
    if area.height < FRAMED_ROWS && !is_labelled(state, area) {
        return area;
    }
    let top = Rect { height: 1, ..area };
    ink::paint(buffer, top, &[header::line(state, cells).cut(cells, Keep::Start)], theme);
    if area.height < FRAMED_ROWS {
        return Rect { y: area.y + 1, height: area.height - 1, ..area };
    }
    let foot = Rect { y: area.bottom() - 1, height: 1, ..area };
    let notice = hints::notice(state);
    let is_low = area.height < screens::fleet::ROOMY.0 || area.width < screens::fleet::ROOMY.1;
    let line: Words = if is_low && !notice.is_empty() { notice } else { hints::line(state, cells) };
    ink::paint(buffer, foot, &[line.cut(cells, Keep::Start)], theme);
    Rect { y: area.y + 1, height: area.height - 2, ..area }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
