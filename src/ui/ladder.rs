//! The steps of a canary as a ladder: done with how long each held, the running one with the time left, those to come.
//! For other strategies the few lines that take its place.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::analysis::router_weight::{self, Note};
use crate::analysis::steps;
use crate::app::fleet::{MomentKind, Row};
use crate::domain::observed::{Timestamp, age};
use crate::domain::rollout::{Rollout, Step};
use crate::domain::workload::{Strategy, Workload};

use super::chart::bar;
use super::experiment;
use super::flagger;
use super::format::{self, Keep};
use super::ink::Words;
use super::summary;
use super::theme::Role;

/// When each step began, as far as events and our own watching tell.
#[must_use]
pub fn beginnings(row: &Row) -> BTreeMap<u32, Timestamp> {
    let mut begins = BTreeMap::new();
    let created = steps::canary(&row.workload).and_then(|set| set.created);
    if let Some(created) = created {
        begins.insert(0, created);
    }
    let since = created.unwrap_or(Timestamp::MIN);
    for moment in row.history.iter().filter(|moment| moment.at >= since) {
        if let MomentKind::Step(index) = moment.what {
            begins.entry(index).or_insert(moment.at);
        }
    }
    let events = row.detail.iter().flat_map(|detail| detail.events.iter());
    for event in events.filter(|event| event.reason.as_str() == "RolloutStepCompleted") {
        let at = event.first.or(event.last).filter(|at| *at >= since);
        if let (Some(index), Some(at)) = (completed(event.message.as_str()), at) {
            // The event is nearer to the truth than our first sight of the step after it.
            begins.insert(index, at);
        }
    }
    begins
}

/// `Rollout step 2/6 completed (pause: 5m)`: the number of the step that begins then, counted from 0.
fn completed(message: &str) -> Option<u32> {
    let (number, rest) = message.strip_prefix("Rollout step ")?.split_once('/')?;
    rest.contains("completed").then(|| number.parse().ok()).flatten()
}

/// The lines of the ladder, or what stands in its place.
#[must_use]
pub fn lines(row: &Row, now: Timestamp, cells: usize) -> Vec<Words> {
    let workload = &row.workload;
    if let Some(facts) = workload.flagger() {
        return flagger::lines(row, facts, now, cells);
    }
    if let Some(facts) = workload.experiment() {
        return experiment::lines(row, facts, now, cells);
    }
    match (workload.strategy, workload.rollout()) {
        (Strategy::Canary, Some(rollout)) => canary(row, rollout, now, cells),
        (Strategy::BlueGreen, Some(rollout)) => blue_green(row, rollout, now),
        (
            Strategy::Canary
            | Strategy::BlueGreen
            | Strategy::RollingUpdate
            | Strategy::Recreate
            | Strategy::Custom
            | Strategy::OnDelete
            | Strategy::AbTest
            | Strategy::Unknown,
            _,
        ) => counted(workload, cells),
    }
}

fn canary(row: &Row, rollout: &Rollout, now: Timestamp, cells: usize) -> Vec<Words> {
    let steps = &rollout.spec.steps;
    let index = rollout.status.step_index;
    let head = Words::of(Role::Heading, " STEPS");
    let head = match index {
        _ if steps.is_empty() => {
            head.and(Role::Muted, "  none: the new version takes over at once")
        }
        Some(index) if usize::try_from(index).is_ok_and(|index| index >= steps.len()) => {
            head.and(Role::Muted, format!("  all {} done", steps.len()))
        }
        Some(index) => head.and(Role::Muted, format!("  {} of {}", index + 1, steps.len())),
        None => head.and(Role::Muted, "  not started"),
    };
    let begins = beginnings(row);
    let mut lines = vec![head];
    for (place, step) in (0u32..).zip(steps.iter()) {
        lines.push(rung(row, (place, step), (index, &begins), now).cut(cells, Keep::Start));
    }
    lines.push(Words::new());
    lines.extend(weight(row, rollout, now, cells));
    lines
}

fn rung(
    row: &Row,
    (place, step): (u32, &Step),
    (index, begins): (Option<u32>, &BTreeMap<u32, Timestamp>),
    now: Timestamp,
) -> Words {
    let number = format!(" {:>2}  ", place + 1);
    let words = summary::step(step);
    match index.map(|index| place.cmp(&index)) {
        Some(std::cmp::Ordering::Less) => {
            let held = begins.get(&place).zip(begins.get(&(place + 1)));
            let held = held.map(|(from, to)| format!("took {}", took(age(*from, *to))));
            Words::of(Role::Good, " ✓")
                .and(Role::Muted, number)
                .and(Role::Muted, words)
                .to(NOTE)
                .and(Role::Muted, held.unwrap_or_default())
        }
        Some(std::cmp::Ordering::Equal) => Words::of(Role::Focus, " ▸")
            .and(Role::Focus, number)
            .and(Role::Text, words)
            .to(NOTE)
            .then(running(row, step, begins.get(&place), now)),
        Some(std::cmp::Ordering::Greater) | None => {
            Words::of(Role::Muted, "  ").and(Role::Muted, number).and(Role::Muted, words)
        }
    }
}

/// The column of what is said beside a step.
const NOTE: usize = 30;

fn took(duration: Duration) -> String {
    if duration < Duration::from_mins(1) {
        format!("{}s", duration.as_secs())
    } else {
        format::span(duration)
    }
}

/// What is said of the running step: time left, or since when it waits for whom.
fn running(row: &Row, step: &Step, began: Option<&Timestamp>, now: Timestamp) -> Words {
    let position = row.position.as_ref();
    let since = position.and_then(|position| position.since).or(began.copied());
    if row.workload.rollout().is_some_and(|rollout| rollout.spec.paused) {
        return Words::of(Role::Waiting, "‖ paused by hand");
    }
    if let Some(ends) = position.and_then(|position| position.ends_at) {
        return Words::of(Role::Moving, format!("{} left", format::left(age(now, ends))));
    }
    let waited = format::since(since, now);
    match step {
        Step::Pause(None) => Words::of(Role::Waiting, format!("◷ waits {waited} for a yes")),
        Step::Analysis(_) => {
            let run = row.workload.rollout().and_then(|rollout| rollout.status.runs.step.as_ref());
            run.map_or_else(
                || Words::of(Role::Moving, waited),
                |run| summary::run(run.phase).words(),
            )
        }
        Step::SetWeight(_)
        | Step::Pause(Some(_))
        | Step::Experiment
        | Step::SetCanaryScale(_)
        | Step::SetHeaderRoute(_)
        | Step::SetMirrorRoute(_)
        | Step::Plugin(_)
        | Step::Unknown => Words::of(Role::Moving, format!("↑ since {waited}")),
    }
}

/// Desired against actual weight.
fn weight(row: &Row, rollout: &Rollout, now: Timestamp, cells: usize) -> Vec<Words> {
    let max = f64::from(rollout.spec.traffic.weight_max.max(1));
    let share = |weight: u32| f64::from(weight) / max;
    let percent = |weight: Option<u32>| weight.map_or_else(|| "?".to_owned(), |w| format!("{w}%"));
    let weight = row.weight;
    let how = match (rollout.spec.traffic.routed, rollout.status.weights.and_then(|w| w.verified)) {
        (false, _) => "by pods",
        (true, Some(true)) => "verified",
        (true, Some(false)) => "not verified yet",
        (true, None) => "",
    };
    let how = match router_weight::source(&row.workload).filter(|_| rollout.spec.traffic.routed) {
        Some(source) if how.is_empty() => format!("by {source}"),
        Some(source) => format!("by {source}, {how}"),
        None if how.is_empty() => "by router".to_owned(),
        None => how.to_owned(),
    };
    let words = Words::of(Role::Heading, " WEIGHT")
        .and(Role::Muted, "  desired ")
        .and(Role::Text, percent(weight.desired))
        .and(Role::Muted, "  actual ")
        .and(Role::Canary, percent(weight.actual));
    let room = cells.saturating_sub(4).min(40);
    let how = Words::of(Role::Muted, how);
    // The name of an object is of no use when it is cut.
    let mut lines = if words.width() + 2 + how.width() <= cells {
        vec![words.and(Role::Muted, "  ").then(how)]
    } else {
        let below = Words::of(Role::Muted, "   ").then(how);
        vec![words.cut(cells, Keep::Start), below.cut(cells, Keep::Start)]
    };
    for note in router_weight::notes(&row.workload, now) {
        let role = match note {
            Note::Doubt(_) => Role::Warning,
            Note::Unread(_) => Role::Unknown,
        };
        let room = cells.saturating_sub(5);
        for line in format::wrap(note.words().as_str(), room, 2, super::ink::CUT) {
            lines.push(Words::of(role, format!("   ▲ {line}")));
        }
    }
    if let Some(actual) = weight.actual {
        let bar = bar(share(actual), weight.desired.map(share), room);
        lines.push(Words::of(Role::Text, "   ").then(bar));
    }
    lines
}

fn blue_green(row: &Row, rollout: &Rollout, now: Timestamp) -> Vec<Words> {
    let workload = &row.workload;
    let which = |hash: Option<&crate::domain::ids::PodHash>| match hash {
        None => Words::of(Role::Unknown, "not said"),
        Some(hash) => {
            let set = workload.revision_by_hash(hash);
            let version = set.map_or_else(|| hash.to_string(), |set| summary::tag_of(set, None));
            let is_new =
                Some(hash) == workload.current_hash() && steps::stable_hash(workload) != Some(hash);
            Words::of(if is_new { Role::Canary } else { Role::Stable }, version)
        }
    };
    let spec = rollout.spec.blue_green.clone().unwrap_or_default();
    let selectors = &rollout.status.selectors;
    let line = |label: &str, name: Option<&crate::domain::ids::Name>, words: Words| {
        Words::of(Role::Muted, format!("   {label}"))
            .to(14)
            .then(words)
            .and(Role::Muted, name.map_or(String::new(), |name| format!("  Service {name}")))
    };
    let switch = match (summary::goes_on_at(row), steps::pause(rollout, "BlueGreenPause")) {
        (Some(at), _) => Words::of(Role::Moving, format!("{} left", format::left(age(now, at)))),
        (None, Some(pause)) => Words::of(
            Role::Waiting,
            format!("◷ waits {} for a yes", format::since(pause.since, now)),
        ),
        (None, None) if spec.auto_promotion => Words::of(Role::Muted, "by itself"),
        (None, None) => Words::of(Role::Muted, "by a human"),
    };
    vec![
        Words::of(Role::Heading, " SERVICES"),
        line("active", spec.active_service.as_ref(), which(selectors.active.as_ref())),
        line("preview", spec.preview_service.as_ref(), which(selectors.preview.as_ref())),
        line("switch", None, switch),
    ]
}

/// Pods of the new template, for what has neither steps nor services.
fn counted(workload: &Workload, cells: usize) -> Vec<Words> {
    let counts = workload.replicas;
    let line = |label: &str, words: Words| {
        Words::of(Role::Muted, format!("   {label}")).to(14).then(words)
    };
    let known = |count| Words::of(Role::Text, format::known(count));
    let mut lines = vec![
        Words::of(Role::Heading, " REPLICAS"),
        line("updated", known(counts.updated).and(Role::Muted, " of ").then(known(counts.desired))),
        line("available", known(counts.available)),
        line("in all", known(counts.current)),
    ];
    if let (Some(updated), Some(desired)) = (counts.updated, counts.desired.filter(|d| *d > 0)) {
        let share = f64::from(updated) / f64::from(desired);
        let bar = bar(share, Some(1.0), cells.saturating_sub(4).min(40));
        lines.push(Words::of(Role::Text, "   ").then(bar));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_controllers_events_tell_when_a_step_began() {
        for (message, want) in [
            ("Rollout step 2/6 completed (pause: 5m)", Some(2)),
            ("Rollout step 12/12 completed (setWeight: 100)", Some(12)),
            ("Rollout step x/6 completed", None),
            ("Rollout completed", None),
        ] {
            assert_eq!(completed(message), want, "{message}");
        }
    }
}
