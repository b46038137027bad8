//! `status KIND/NAME`: one release once, or until it is as wanted.

use tokio::time::Instant;

use super::find::{self, Found, Wanted};
use super::get::printed;
use super::output::{self, Format};
use super::{exit, known, table};
use crate::analysis::rollout_status::Health;
use crate::app::fleet::Row;
use crate::app::state::State;
use crate::cli::args_values::WaitFor;
use crate::cli::document::fleet::RolloutReport;
use crate::cli::tell;
use crate::domain::ids::WorkloadRef;
use crate::runtime::front::{Cause, Front, Next};

/// Reads one release.
#[derive(Debug)]
pub struct Status {
    /// How it prints.
    pub format: Format,
    /// Which one.
    pub wanted: Wanted,
    /// What it waits for, if it does.
    pub wait: Option<WaitFor>,
    /// How long it waits for those that have not spoken.
    pub patience: Instant,
    /// How long it waits for the wanted state.
    pub until: Instant,
    /// What was said last, so that a change is said once.
    pub said: String,
    /// Whether the questions that are due were asked.
    pub asked: bool,
}

/// Whether the wanted state is there, or can no longer come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judged {
    There,
    NotYet,
    Never,
}

fn judge(wait: WaitFor, row: &Row) -> Judged {
    let health = row.status.health;
    let is_there = match wait {
        WaitFor::Healthy => health == Health::Healthy,
        WaitFor::Progressing => health == Health::Progressing,
        WaitFor::Paused => health == Health::Suspended,
        WaitFor::Degraded => health == Health::Degraded,
        WaitFor::Approval => row
            .need
            .as_ref()
            .is_some_and(|need| need.kind == crate::analysis::need::NeedKind::Approval),
        WaitFor::Deleted => false,
    };
    match health {
        _ if is_there => Judged::There,
        // A degraded rollout stays so until somebody acts; waiting on would only be late.
        Health::Degraded if !matches!(wait, WaitFor::Deleted) => Judged::Never,
        Health::Healthy
        | Health::Progressing
        | Health::Suspended
        | Health::Degraded
        | Health::Missing
        | Health::Unknown => Judged::NotYet,
    }
}

impl Status {
    fn print(&mut self, state: &State, target: &WorkloadRef, code: u8) -> Next {
        let Some(report) = RolloutReport::of(state, target) else { return Next::End(exit::USAGE) };
        tell::lines(table::troubles(&report.sources));
        let result = match self.format {
            Format::Json | Format::Yaml => output::document(self.format, &report),
            Format::Table | Format::Wide => output::text(&words(&report)),
        };
        Next::End(printed(result, code))
    }

    /// While it waits for people: a line for each change.
    fn tell(&mut self, row: &Row) {
        if matches!(self.format, Format::Json | Format::Yaml) {
            return;
        }
        let message = row.status.message.as_ref().map_or("", |message| message.as_str());
        let said = format!("{} {message}", row.status.health.name()).trim_end().to_owned();
        if said != self.said {
            tell::lines(&said);
            self.said = said;
        }
    }

    fn late(&mut self, state: &State, target: &WorkloadRef) -> Next {
        let code = match exit::of_sources(state) {
            exit::DONE => exit::ON_ITS_WAY,
            other => other,
        };
        self.print(state, target, code)
    }

    fn found(&mut self, state: &State, target: &WorkloadRef) -> Next {
        let Some(row) = state.fleet().row(target) else { return Next::Wait };
        let now = Instant::now();
        let silent = exit::of_sources(state);
        let Some(wait) = self.wait else {
            let is_ready = state.is_measured() && (row.detail.is_some() || !state.follows(target));
            if !is_ready && now < self.patience {
                return Next::Within(self.patience.saturating_duration_since(now));
            }
            let code = exit::of_health(row.status.health);
            return self.print(
                state,
                target,
                if silent == exit::NO_ANSWER { silent } else { code },
            );
        };
        self.tell(row);
        match judge(wait, row) {
            Judged::There => self.print(state, target, exit::DONE),
            Judged::Never => self.print(state, target, exit::DEGRADED),
            Judged::NotYet if now >= self.until => self.late(state, target),
            Judged::NotYet => Next::Within(self.until.saturating_duration_since(now)),
        }
    }

    fn missing(&self, state: &State) -> Next {
        if self.wait == Some(WaitFor::Deleted) && exit::of_sources(state) == exit::DONE {
            return Next::End(exit::DONE);
        }
        Next::End(not_found(state, &self.wanted))
    }
}

/// Says that it was not found, or why nobody can tell. The exit code.
pub(super) fn not_found(state: &State, wanted: &Wanted) -> u8 {
    let sources = crate::cli::document::source::Source::all(state);
    tell::lines(table::troubles(&sources));
    match exit::of_sources(state) {
        exit::DONE => {
            tell::say(format_args!("{:?} not found", wanted.name));
            exit::USAGE
        }
        code => code,
    }
}

/// Says which ones it may mean. The exit code.
pub(super) fn ambiguous(found: &[WorkloadRef]) -> u8 {
    tell::say(format_args!("the name is ambiguous; it may be\n{}", find::candidates(found)));
    exit::USAGE
}

/// What a person reads.
fn words(report: &RolloutReport) -> String {
    let item = &report.item;
    let mut lines = vec![table::table(std::slice::from_ref(item), Format::Table)];
    if let Some(message) = &item.message {
        lines.push(format!("message  {message}\n"));
    }
    for analysis in &item.analysis {
        let message = analysis.message.as_deref().unwrap_or_default();
        lines.push(format!("analysis {} {} {message}\n", analysis.name, analysis.phase));
    }
    for metric in &item.metrics {
        let number =
            |value: Option<f64>| value.map_or("no data".to_owned(), |value| format!("{value:.4}"));
        let (canary, stable) = (number(metric.canary), number(metric.stable));
        lines.push(format!(
            "metric   {} canary {canary} stable {stable} ({})\n",
            metric.name, metric.unit
        ));
    }
    for action in item.actions.iter().filter(|action| action.possible) {
        lines.push(format!("possible {}\n", action.action));
    }
    lines.concat()
}

impl Front for Status {
    fn read(&mut self, state: &State) -> Next {
        let now = Instant::now();
        let have_spoken = known::all_have_spoken(state) || now >= self.patience;
        if !have_spoken {
            return Next::Within(self.patience.saturating_duration_since(now));
        }
        if !self.asked {
            self.asked = true;
            return Next::Say(known::ask_now(state));
        }
        match self.wanted.find(state) {
            Found::One(target) => self.found(state, &target),
            Found::None => self.missing(state),
            Found::Many(found) => Next::End(ambiguous(&found)),
        }
    }

    fn quit(&mut self, _state: &State, cause: Cause) -> u8 {
        exit::of_cause(cause)
    }
}
