//! `get` and `gates`: the whole fleet, or all that waits in it, once.

use tokio::time::Instant;

use super::output::{self, Format, PrintError};
use super::{exit, known, table};
use crate::app::state::State;
use crate::cli::document::fleet::FleetList;
use crate::cli::document::gates::GateList;
use crate::cli::tell;
use crate::runtime::front::{Cause, Front, Next};

/// Reads until all have spoken, prints, ends.
#[derive(Debug)]
pub struct Get {
    /// How it prints.
    pub format: Format,
    /// Until when it waits for those that have not spoken.
    pub until: Instant,
    /// Whether the questions that are due were asked.
    pub asked: bool,
    /// What it prints.
    pub shows: Shows,
}

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// Every release.
    Fleet,
    /// What waits for a human's yes.
    Gates,
}

impl Get {
    /// A front that waits until then.
    #[must_use]
    pub const fn new(format: Format, until: Instant, shows: Shows) -> Self {
        Self { format, until, asked: false, shows }
    }

    fn show(&self, state: &State) -> Result<(), PrintError> {
        match self.shows {
            Shows::Fleet => self.print(state),
            Shows::Gates => self.gates(state),
        }
    }

    fn gates(&self, state: &State) -> Result<(), PrintError> {
        let list = GateList::of(state);
        tell::lines(table::troubles(&list.sources));
        match self.format {
            Format::Json | Format::Yaml => output::document(self.format, &list),
            Format::Table | Format::Wide if list.items.is_empty() => {
                // Of those that were silent nobody can tell.
                tell::lines(match exit::of_sources(state) {
                    exit::DONE => "nothing waits for a human's yes",
                    _ => "nothing is known to wait for a human's yes",
                });
                Ok(())
            }
            Format::Table | Format::Wide => output::text(&table::gates(&list)),
        }
    }

    fn print(&self, state: &State) -> Result<(), PrintError> {
        let list = FleetList::of(state);
        tell::lines(table::troubles(&list.sources));
        match self.format {
            Format::Json | Format::Yaml => output::document(self.format, &list),
            Format::Table | Format::Wide if list.items.is_empty() => {
                // Of those that were silent nobody can tell.
                tell::lines(match exit::of_sources(state) {
                    exit::DONE => "no rollouts or deployments found",
                    _ => "no rollouts or deployments are known",
                });
                Ok(())
            }
            Format::Table | Format::Wide => output::text(&table::table(&list.items, self.format)),
        }
    }
}

/// The exit code of printing: a reader that has had enough is no fault.
pub(in crate::cli) fn printed(result: Result<(), PrintError>, code: u8) -> u8 {
    match result {
        Ok(()) | Err(PrintError::Closed) => code,
        Err(error) => {
            tell::say(error);
            exit::FAULT
        }
    }
}

impl Front for Get {
    fn read(&mut self, state: &State) -> Next {
        let is_late = Instant::now() >= self.until;
        let have_spoken = known::all_have_spoken(state);
        if have_spoken && !self.asked {
            self.asked = true;
            return Next::Say(known::ask_now(state));
        }
        if is_late || have_spoken && state.is_measured() {
            return Next::End(printed(self.show(state), exit::of_sources(state)));
        }
        Next::Within(self.until.saturating_duration_since(Instant::now()))
    }

    fn quit(&mut self, _state: &State, cause: Cause) -> u8 {
        exit::of_cause(cause)
    }
}
