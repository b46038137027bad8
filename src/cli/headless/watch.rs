//! `watch`: the whole fleet, then every change, one line each.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::get::printed;
use super::output::{self, Format, PrintError};
use super::{exit, known, table};
use crate::app::listing;
use crate::app::state::State;
use crate::cli::document::fleet::{FleetEvent, FleetEventType};
use crate::cli::document::rollout::RolloutStatus;
use crate::cli::document::source::Source;
use crate::domain::feed::SourceId;
use crate::domain::ids::WorkloadRef;
use crate::runtime::front::{Cause, Front, Next};

/// Prints changes until it is interrupted, its reader is gone, or its time is over.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "how far it is, and what its exit code must tell"
)]
pub struct Watch {
    format: Format,
    until: Option<Instant>,
    patience: Instant,
    is_synced: bool,
    was_silent: bool,
    rows: BTreeMap<WorkloadRef, (u64, RolloutStatus)>,
    sources: BTreeMap<SourceId, String>,
}

impl Watch {
    /// A front that waits for those that have not spoken until `patience`, and watches until `until`.
    #[must_use]
    pub const fn new(format: Format, patience: Instant, until: Option<Instant>) -> Self {
        Self {
            format,
            until,
            patience,
            is_synced: false,
            was_silent: false,
            rows: BTreeMap::new(),
            sources: BTreeMap::new(),
        }
    }

    fn say(&self, event: &FleetEvent) -> Result<(), PrintError> {
        match self.format {
            Format::Json | Format::Yaml => output::line(self.format, event),
            Format::Table | Format::Wide => output::text(&self.words(event)),
        }
    }

    fn words(&self, event: &FleetEvent) -> String {
        let word = format!("{:?}", event.what).to_uppercase();
        let mut cells = vec![word];
        if let Some(item) = &event.item {
            cells.extend(table::cells(item, self.format));
        }
        if let Some(source) = &event.source {
            let why = source.why.clone().unwrap_or_default();
            cells.extend([source.cluster.clone(), source.kind.clone(), source.state.clone(), why]);
        }
        let mut line = cells.join("  ");
        line.push('\n');
        line
    }

    fn begin(&mut self, state: &State) -> Result<(), PrintError> {
        self.is_synced = true;
        for target in listing::everything(state) {
            let Some(row) = state.fleet().row(target) else { continue };
            let item = RolloutStatus::of(state, row);
            self.say(&FleetEvent::item(FleetEventType::Added, item.clone()))?;
            self.rows.insert(target.clone(), (row.version, item));
        }
        self.say(&FleetEvent::bare(FleetEventType::Synced))
    }

    fn changes(&mut self, state: &State) -> Result<(), PrintError> {
        for (target, row) in state.fleet().rows() {
            let before = self.rows.get(target);
            if before.is_some_and(|(version, _)| *version == row.version) {
                continue;
            }
            let item = RolloutStatus::of(state, row);
            let what = match before {
                None => Some(FleetEventType::Added),
                Some((_, old)) if old.uid != item.uid => {
                    self.say(&FleetEvent::item(FleetEventType::Deleted, old.clone()))?;
                    Some(FleetEventType::Added)
                }
                Some((_, old)) => differs(old, &item).then_some(FleetEventType::Modified),
            };
            if let Some(what) = what {
                self.say(&FleetEvent::item(what, item.clone()))?;
            }
            self.rows.insert(target.clone(), (row.version, item));
        }
        let gone: Vec<WorkloadRef> = self
            .rows
            .keys()
            .filter(|target| state.fleet().row(target).is_none())
            .cloned()
            .collect();
        for target in gone {
            if let Some((_, item)) = self.rows.remove(&target) {
                self.say(&FleetEvent::item(FleetEventType::Deleted, item))?;
            }
        }
        self.sources(state)
    }

    fn sources(&mut self, state: &State) -> Result<(), PrintError> {
        for (id, source) in state.sources().iter() {
            let document = Source::of(id, source, state.now());
            if self.sources.get(id) != Some(&document.state) {
                self.sources.insert(id.clone(), document.state.clone());
                self.say(&FleetEvent::source(document))?;
            }
        }
        Ok(())
    }
}

/// Whether a reader would see a difference, but for the ages.
fn differs(old: &RolloutStatus, new: &RolloutStatus) -> bool {
    let timeless = |item: &RolloutStatus| {
        let mut item = item.clone();
        item.age_seconds = None;
        item.observed_at = crate::domain::observed::Timestamp::UNIX_EPOCH;
        for metric in &mut item.metrics {
            metric.at = item.observed_at;
        }
        item
    };
    timeless(old) != timeless(new)
}

impl Front for Watch {
    fn read(&mut self, state: &State) -> Next {
        let now = Instant::now();
        if !self.is_synced && !known::all_have_spoken(state) && now < self.patience {
            return Next::Within(self.patience.saturating_duration_since(now));
        }
        let mut result = if self.is_synced { Ok(()) } else { self.begin(state) };
        result = result.and_then(|()| self.changes(state));
        self.was_silent |= exit::of_sources(state) == exit::NO_ANSWER;
        if result.is_err() {
            return Next::End(printed(result, exit::DONE));
        }
        match self.until {
            Some(until) if now >= until => {
                Next::End(if self.was_silent { exit::NO_ANSWER } else { exit::of_sources(state) })
            }
            Some(until) => Next::Within(until.saturating_duration_since(now)),
            None => Next::Wait,
        }
    }

    fn quit(&mut self, _state: &State, cause: Cause) -> u8 {
        exit::of_cause(cause)
    }
}
