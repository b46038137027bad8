//! The operator's eyes: a front of the machine that paints into a buffer when somebody looks.

use std::sync::{Arc, Mutex};

use pilothouse::app::event::{Effect, Event};
use pilothouse::app::input::Input;
use pilothouse::app::state::State;
use pilothouse::runtime::front::{Cause, Front, Next};
use pilothouse::ui::svg;
use pilothouse::ui::theme::{Role, Theme};
use pilothouse::ui::view;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use tokio::sync::mpsc;

/// What the operator's eyes see, painted when they look.
pub(crate) struct Glass {
    pub(crate) size: (u16, u16),
    /// Somebody wants to see a frame; it is painted when the machine lets its front read next.
    pub(crate) looks: bool,
    pub(crate) buffer: Buffer,
    pub(crate) answers: Answers,
}

/// Whether all questions are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    Waited,
    Complete,
}

/// The operator's side of the machine.
pub(crate) struct Eye {
    pub(crate) inputs: mpsc::Receiver<Input>,
    pub(crate) glass: Arc<Mutex<Glass>>,
    pub(crate) theme: Theme,
}

impl Front for Eye {
    async fn input(&mut self) -> Option<Input> {
        self.inputs.recv().await
    }

    fn pending(&mut self) -> Option<Input> {
        self.inputs.try_recv().ok()
    }

    fn read(&mut self, state: &State) -> Next {
        let mut glass = self.glass.lock().unwrap();
        glass.answers = if state.is_measured() { Answers::Complete } else { Answers::Waited };
        if glass.looks {
            glass.looks = false;
            let mut buffer = Buffer::empty(Rect::new(0, 0, glass.size.0, glass.size.1));
            view::paint(state, &self.theme, &mut buffer);
            glass.buffer = buffer;
        }
        Next::Wait
    }

    fn act(&mut self, _effect: Effect, _state: &State) -> Vec<Event> {
        Vec::new()
    }

    fn quit(&mut self, _state: &State, cause: Cause) -> u8 {
        match cause {
            Cause::Asked => 0,
            Cause::Hangup => 129,
            Cause::Signal(code) => code,
        }
    }
}

/// A frame as it was painted.
pub(crate) struct Painted {
    pub(crate) buffer: Buffer,
}

impl Painted {
    pub(crate) fn text(&self) -> String {
        svg::text(&self.buffer)
    }

    pub(crate) fn has(&self, words: &str) -> bool {
        self.text().contains(words)
    }

    /// The first line with these words.
    pub(crate) fn line(&self, words: &str) -> String {
        let text = self.text();
        text.lines().find(|line| line.contains(words)).unwrap_or_default().to_owned()
    }

    /// The meaning of these words where they are first painted, by their colour.
    pub(crate) fn role(&self, words: &str) -> Option<Role> {
        self.role_in("", words)
    }

    /// The same in the first line that has another word too.
    pub(crate) fn role_in(&self, line: &str, words: &str) -> Option<Role> {
        let width = usize::from(self.buffer.area.width);
        self.buffer.content.chunks(width).find_map(|row| {
            let text: String = row.iter().map(Cell::symbol).collect();
            let column = text[..text.find(words).filter(|_| text.contains(line))?].chars().count();
            row.get(column).and_then(|cell| Theme::probed(cell.style()))
        })
    }
}
