//! The full screen as a front: keys in, frames out. A frame is painted when something changed, at most thirty times a
//! second for facts and at once for a key, and costs no byte when it looks the same.

use std::path::PathBuf;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::clipboard;
use super::front::{Cause, Front, Next};
use super::signals::Signal;
use super::terminal::Screen;
use crate::app::event::{Effect, Event, Picture};
use crate::app::input::{Background, Input};
use crate::app::state::State;
use crate::domain::observed::{Clock, Timestamp};
use crate::domain::text::Text;
use crate::domain::warning::Warning;
use crate::ui::svg;
use crate::ui::theme::Theme;
use crate::ui::view;

/// Shortest time between two frames: thirty a second are smooth, more are only bytes.
const FRAME_TIME: Duration = Duration::from_millis(33);

/// Shortest time from a frame to the one that answers a key. A hand feels more than 16 ms; keys that come faster than
/// this (a held mouse button, a paste) share a frame.
const ANSWER_TIME: Duration = Duration::from_millis(8);

/// Gives the theme of this name, fit for this terminal, with what is wrong in its file.
pub type Themes = Box<dyn Fn(&Choice) -> (Theme, Vec<Warning>) + Send>;

/// Which theme is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// By its name.
    Named(String),
    /// The one that fits the terminal's background.
    Fitting(Background),
}

/// The full screen.
pub struct Cockpit {
    screen: Screen,
    inputs: mpsc::Receiver<Input>,
    clock: Clock,
    theme: Theme,
    themes: Themes,
    /// The theme follows the terminal's background until somebody chose one.
    follows_background: bool,
    pictures: Option<PathBuf>,
    painted_at: Option<Instant>,
    /// Shortest time from then to the next frame.
    pace: Duration,
}

impl Cockpit {
    /// Over a terminal that was entered.
    #[must_use]
    pub fn new(
        (screen, inputs): (Screen, mpsc::Receiver<Input>),
        clock: Clock,
        (theme, themes): (Theme, Themes),
        pictures: Option<PathBuf>,
    ) -> Self {
        let follows_background = true;
        Self {
            screen,
            inputs,
            clock,
            theme,
            themes,
            follows_background,
            pictures,
            painted_at: None,
            pace: FRAME_TIME,
        }
    }

    /// The same with a theme that somebody chose.
    #[must_use]
    pub fn with_chosen_theme(mut self) -> Self {
        self.follows_background = false;
        self
    }

    fn choose(&mut self, choice: &Choice) -> Vec<Event> {
        let (theme, warnings) = (self.themes)(choice);
        self.theme = theme;
        self.painted_at = None;
        let words = warnings.iter().map(|warning| Text::clean(&warning.to_string())).collect();
        vec![Event::Warned(words)]
    }

    fn copy(&self, text: &Text) -> Vec<Event> {
        let said = if self.screen.send(&clipboard::sequence(text)) {
            Ok(Text::clean(&format!("copied: {text}")))
        } else {
            Err(Text::clean("not copied: the terminal takes nothing now"))
        };
        vec![Event::Told(said)]
    }

    fn save(&self, state: &State, picture: Picture) -> Vec<Event> {
        let (width, height) = state.focus().size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        view::paint(state, &self.theme, &mut buffer);
        let (text, end) = match picture {
            Picture::Text => (svg::text(&buffer), "txt"),
            Picture::Svg => (svg::picture(&buffer, &self.theme), "svg"),
        };
        let saved = save_as(self.pictures.as_deref(), (self.clock)(), end, &text);
        vec![Event::Told(saved.map_err(|why| Text::clean(&format!("not saved: {why}"))))]
    }
}

/// Into a new file of the folder, for its owner's eyes.
fn save_as(
    folder: Option<&std::path::Path>,
    now: Timestamp,
    end: &str,
    text: &str,
) -> Result<Text, std::io::Error> {
    let folder = folder.ok_or_else(|| std::io::Error::other("there is no state folder"))?;
    std::fs::create_dir_all(folder)?;
    let stamp = now.strftime("%Y%m%dT%H%M%SZ");
    let path = folder.join(format!("screen-{stamp}.{end}"));
    std::fs::write(&path, text)?;
    Ok(Text::clean(&format!("saved {}", path.display())))
}

impl Front for Cockpit {
    async fn input(&mut self) -> Option<Input> {
        let input = self.inputs.recv().await;
        self.pace = ANSWER_TIME;
        input
    }

    fn pending(&mut self) -> Option<Input> {
        let input = self.inputs.try_recv().ok();
        if input.is_some() {
            self.pace = ANSWER_TIME;
        }
        input
    }

    fn read(&mut self, state: &State) -> Next {
        let now = Instant::now();
        if let Some(painted) = self.painted_at {
            let since = now.saturating_duration_since(painted);
            if since < self.pace {
                return Next::Within(self.pace.saturating_sub(since));
            }
        }
        let theme = &self.theme;
        let mut reach = state.focus().reach;
        self.screen.draw(|frame| reach = view::view(state, theme, frame));
        self.painted_at = Some(now);
        self.pace = FRAME_TIME;
        if reach == state.focus().reach {
            Next::Wait
        } else {
            Next::Say(vec![Event::Painted(reach)])
        }
    }

    fn act(&mut self, effect: Effect, state: &State) -> Vec<Event> {
        match effect {
            Effect::Copy(text) => self.copy(&text),
            Effect::Save(picture) => self.save(state, picture),
            Effect::Theme(name) => {
                self.follows_background = false;
                self.choose(&Choice::Named(name.as_str().to_owned()))
            }
            Effect::Background(background) if self.follows_background => {
                self.choose(&Choice::Fitting(background))
            }
            Effect::Suspend => {
                self.painted_at = None;
                self.screen.suspend().map(Event::Input).into_iter().collect()
            }
            Effect::Background(_)
            | Effect::Follow(..)
            | Effect::Query(..)
            | Effect::Rehearse(_)
            | Effect::Execute(_)
            | Effect::Conclude(..)
            | Effect::Reconnect(_)
            | Effect::Quit => vec![],
        }
    }

    fn signal(&mut self, signal: Signal) -> Option<Input> {
        self.painted_at = None;
        self.screen.react(signal)
    }

    fn quit(&mut self, _state: &State, cause: Cause) -> u8 {
        match cause {
            Cause::Asked => 0,
            Cause::Hangup => 129,
            Cause::Signal(code) => code,
        }
    }
}
