//! `timeline [KIND/NAME]`: what clusters and our audit files still tell, once.

use std::time::Duration;

use tokio::time::Instant;

use super::find::{Found, Wanted};
use super::get::printed;
use super::output::{self, Format};
use super::status::{ambiguous, not_found};
use super::{exit, known, table};
use crate::app::event::{Command, Event, Screen};
use crate::app::lanes::Range;
use crate::app::state::State;
use crate::cli::document::timeline::Timeline;
use crate::cli::tell;
use crate::domain::ids::WorkloadRef;
use crate::runtime::front::{Cause, Front, Next};

/// Asks for the past, prints it, ends.
#[derive(Debug)]
pub struct Recall {
    /// How it prints.
    pub format: Format,
    /// Of which release; without it of all.
    pub wanted: Option<Wanted>,
    /// How far back.
    pub since: Duration,
    /// Until when it waits for those that have not spoken.
    pub until: Instant,
    /// Whether the past was asked for.
    pub asked: bool,
}

impl Recall {
    fn print(&self, state: &State, only: Option<&WorkloadRef>) -> Next {
        let to = state.now();
        let from = to.checked_sub(self.since).unwrap_or(to);
        let timeline = Timeline::of(state, Range { from, to }, only);
        tell::lines(table::troubles(&timeline.sources));
        for missing in &timeline.missing {
            tell::say(format_args!("not all is known: {missing}"));
        }
        let result = match self.format {
            Format::Json | Format::Yaml => output::document(self.format, &timeline),
            Format::Table | Format::Wide if timeline.items.is_empty() => {
                tell::lines("nothing is told of this time");
                Ok(())
            }
            Format::Table | Format::Wide => output::text(&table::timeline(&timeline)),
        };
        let code = match exit::of_sources(state) {
            exit::DONE if !timeline.missing.is_empty() => exit::NO_ANSWER,
            code => code,
        };
        Next::End(printed(result, code))
    }
}

impl Front for Recall {
    fn read(&mut self, state: &State) -> Next {
        let now = Instant::now();
        let have_spoken = known::all_have_spoken(state) || now >= self.until;
        if !have_spoken {
            return Next::Within(self.until.saturating_duration_since(now));
        }
        if !self.asked {
            self.asked = true;
            return Next::Say(vec![Event::Command(Command::Go(Screen::FleetTimeline))]);
        }
        if !state.is_recalled() && now < self.until {
            return Next::Within(self.until.saturating_duration_since(now));
        }
        let Some(wanted) = &self.wanted else { return self.print(state, None) };
        match wanted.find(state) {
            Found::One(target) => self.print(state, Some(&target)),
            Found::None => Next::End(not_found(state, wanted)),
            Found::Many(found) => Next::End(ambiguous(&found)),
        }
    }

    fn quit(&mut self, _state: &State, cause: Cause) -> u8 {
        exit::of_cause(cause)
    }
}
