//! One rollout over time: the weight as a step curve, the steps and how long each held, what happened in lanes below, and
//! a cursor that reads any moment.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::event::{Command, Zoom};
use crate::app::fleet::Row;
use crate::app::keymap::KeyContext;
use crate::app::state::State;
use crate::domain::metric::{Finite, MetricKind};
use crate::domain::observed::{Timestamp, age};
use crate::domain::rollout::Step;
use crate::ui::chart::{Chart, SCALE};
use crate::ui::format::{self, Keep, width};
use crate::ui::ink::{self, Words};
use crate::ui::story::{self, Entry, Lane, Story};
use crate::ui::theme::{Role, Theme};
use crate::ui::time::Window;
use crate::ui::{answer, hints, summary};

/// What a frame of the axis is made of.
struct Axis {
    window: Window,
    cursor: Option<usize>,
    /// The moment that is read: under the cursor, else now.
    reading: Timestamp,
}

/// Paints the screen below the header.
pub fn paint(state: &State, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let cells = usize::from(area.width);
    let Some(row) = state.selected() else {
        let gone = Words::of(Role::Muted, " this rollout is gone; esc goes back to the fleet");
        ink::paint(buffer, area, &[gone], theme);
        return;
    };
    let story = story::story(state, row);
    let axis = axis(state, &story, cells.saturating_sub(SCALE + 1));
    let mut lines = vec![answer::title(row, cells), range(state, &axis).cut(cells, Keep::Start)];
    lines.push(hints::notice(state).cut(cells, Keep::Start));
    let curve_rows = usize::from(area.height / 4).clamp(4, 10);
    lines.extend(curve(row, &story, &axis, state.now(), (cells, curve_rows)));
    lines.push(steps(row, &story, &axis, state.now()).cut(cells, Keep::Start));
    for lane in Lane::ALL {
        lines.push(lane_line(&story, lane, &axis));
    }
    lines.push(foot(&axis, state.now()));
    lines.extend(reading(state, row, &story, &axis, cells));
    let room = usize::from(area.height).saturating_sub(lines.len());
    lines.extend(list(&story, &axis, state.now(), (cells, room)));
    ink::paint(buffer, area, &lines, theme);
}

/// Shown when nothing was zoomed and little is known.
const SPAN_LEAST: Duration = Duration::from_mins(5);

fn axis(state: &State, story: &Story, columns: usize) -> Axis {
    let now = state.now();
    let chosen = state.focus().axis;
    let back = |seconds: u32| {
        now.checked_sub(Duration::from_secs(u64::from(seconds))).unwrap_or(Timestamp::MIN)
    };
    let right = back(chosen.back_seconds);
    let window = if chosen.span_seconds == 0 {
        // Older revisions lie days back; the present one begins where its steps do.
        let begins = story.steps.first().map(|(at, _)| *at);
        let first = begins.or_else(|| story.entries.first().map(|entry| entry.at)).unwrap_or(now);
        let least = calm(right, SPAN_LEAST);
        Window::over(first.min(least), right, columns)
    } else {
        let span = Duration::from_secs(u64::from(chosen.span_seconds));
        let left = calm(right, span);
        Window::over(left, left.checked_add(span + span / 4).unwrap_or(right), columns)
    };
    let cursor = chosen.cursor_seconds.map(back).map(|at| at.max(window.begins(0)));
    Axis { cursor: cursor.and_then(|at| window.column(at)), reading: cursor.unwrap_or(now), window }
}

/// A left edge that lies this far back or a little further: it jumps by a quarter of the span, and does not creep.
fn calm(right: Timestamp, span: Duration) -> Timestamp {
    let grain = i64::try_from(span.as_secs() / 4).unwrap_or(i64::MAX).max(1);
    let left = right.checked_sub(span).unwrap_or(Timestamp::MIN).as_second();
    Timestamp::from_second(left.div_euclid(grain).saturating_mul(grain)).unwrap_or(Timestamp::MIN)
}

/// `13:50 – 14:02 · 10 s a column`, and how one moves.
fn range(state: &State, axis: &Axis) -> Words {
    let (from, to) = (axis.window.begins(0), axis.window.begins(axis.window.columns));
    let now = state.now();
    let step = Duration::from_secs(u64::try_from(axis.window.step).unwrap_or(0));
    let key = |command| hints::key_of(state.keymap(), KeyContext::Timeline, &command);
    let mut words = Words::of(
        Role::Text,
        format!(" {} – {}", format::moment(from, now), format::moment(to, now)),
    )
    .and(Role::Muted, format!(" · {} a column", format::exactly(step)))
    .and(Role::Canary, "   █ actual weight")
    .and(Role::Stable, "  ─ desired");
    if let Some(key) = key(Command::Zoom(Zoom::All)) {
        words = words.and(Role::Key, format!("   {key}")).and(Role::Muted, " all");
    }
    words
}

fn curve(
    row: &Row,
    story: &Story,
    axis: &Axis,
    now: Timestamp,
    (cells, rows): (usize, usize),
) -> Vec<Words> {
    let top = row.workload.rollout().map_or(100, |rollout| rollout.spec.traffic.weight_max);
    let chart = Chart {
        filled: axis.window.standing(&story.actual, now),
        line: axis.window.standing(&story.desired, now),
        limit: None,
        top: f64::from(top.max(1)),
        top_words: format!("{top}%"),
        ticks: Vec::new(),
        cursor: axis.cursor,
    };
    let mut lines = chart.lines(rows + 1, cells);
    lines.pop();
    lines
}

/// The steps: a number where each begins, pauses as `‖`, so that one sees how long each held.
fn steps(row: &Row, story: &Story, axis: &Axis, now: Timestamp) -> Words {
    let plan = row.workload.rollout().map(|rollout| rollout.spec.steps.clone()).unwrap_or_default();
    let mut signs: Vec<(Role, char)> = vec![(Role::Text, ' '); axis.window.columns];
    for (place, (at, index)) in story.steps.iter().enumerate() {
        let step = usize::try_from(*index).ok().and_then(|index| plan.get(index));
        let (role, fill) = match step {
            Some(Step::Pause(_)) => (Role::Waiting, '‖'),
            Some(_) => (Role::Moving, '─'),
            None => (Role::Good, '━'),
        };
        let ends = story.steps.get(place + 1).map_or(now, |(next, _)| *next);
        for (column, sign) in signs.iter_mut().enumerate() {
            let begins = axis.window.begins(column);
            if axis.window.begins(column + 1) > *at && begins < ends && begins <= now {
                *sign = (role, fill);
            }
        }
        if let Some(column) = axis.window.column(*at) {
            let number = step.map_or_else(|| "done".to_owned(), |_| (index + 1).to_string());
            for (sign, digit) in signs.iter_mut().skip(column).zip(number.chars()) {
                *sign = (Role::Text, digit);
            }
        }
    }
    drawn("steps", signs, axis)
}

/// The marks of one lane; where several fall on one column the last one is seen.
fn lane_line(story: &Story, lane: Lane, axis: &Axis) -> Words {
    let mut signs = vec![(Role::Border, '·'); axis.window.columns];
    for entry in story.entries.iter().filter(|entry| entry.lane == lane) {
        let slot = axis.window.column(entry.at).and_then(|column| signs.get_mut(column));
        if let Some(sign) = slot {
            *sign = (entry.role, entry.mark.sign().chars().next().unwrap_or(' '));
        }
    }
    drawn(lane.name(), signs, axis)
}

fn drawn(name: &str, mut signs: Vec<(Role, char)>, axis: &Axis) -> Words {
    let cursor = axis.cursor.and_then(|column| signs.get_mut(column));
    if let Some(sign) = cursor {
        let is_empty = matches!(sign.1, ' ' | '·');
        *sign = if is_empty { (Role::Focus, '╎') } else { (Role::Selection, sign.1) };
    }
    let mut line = Words::of(Role::Heading, format!("{name:>SCALE$} "));
    for run in signs.chunk_by(|a, b| a.0 == b.0) {
        line.push(run[0].0, run.iter().map(|(_, sign)| *sign).collect::<String>());
    }
    line
}

/// Times below the lanes, every so many columns.
fn foot(axis: &Axis, now: Timestamp) -> Words {
    const EVERY: usize = 16;
    let mut line = Words::of(Role::Border, format!("{} ", " ".repeat(SCALE)));
    let mut column = 0;
    while column < axis.window.columns {
        let words = format::moment(axis.window.begins(column), now);
        let room = (axis.window.columns - column).min(EVERY);
        if width(&words) + 1 > room {
            break;
        }
        line = line.and(Role::Border, "└").and(Role::Muted, words.clone());
        line.push(Role::Text, " ".repeat(room - 1 - width(&words)));
        column += EVERY;
    }
    line
}

/// What was so at the moment that is read: weight, step, metrics, who had acted last.
fn reading(state: &State, row: &Row, story: &Story, axis: &Axis, cells: usize) -> Vec<Words> {
    let at = axis.reading;
    let last = |changes: &[(Timestamp, f64)]| {
        changes
            .iter()
            .rfind(|(when, _)| *when <= at)
            .map_or("?".to_owned(), |(_, value)| format!("{value:.0}%"))
    };
    let when =
        if axis.cursor.is_some() { format::moment(at, state.now()) } else { "now".to_owned() };
    let mut words = Words::of(Role::Focus, format!(" {when:<9}"))
        .and(Role::Muted, "weight ")
        .and(Role::Canary, last(&story.actual))
        .and(Role::Muted, format!(" of {}", last(&story.desired)));
    if let Some((began, index)) = story.steps.iter().rfind(|(when, _)| *when <= at) {
        words = words.and(Role::Muted, "   step ").then(step_words(row, *index));
        words.push(Role::Muted, format!(" for {}", format::span(age(*began, at))));
    }
    let mut below = Words::of(Role::Text, " ".repeat(7));
    for kind in [MetricKind::ErrorRatio, MetricKind::LatencyP99] {
        below = below.then(metric(row, kind, at));
    }
    if let Some(deed) =
        story.entries.iter().rfind(|entry| entry.lane == Lane::Deed && entry.at <= at)
    {
        below.push(Role::Muted, format!("   {}", deed.text));
    }
    let mut lines = vec![Words::new(), words.cut(cells, Keep::Start)];
    if !below.text().trim().is_empty() {
        lines.push(below.cut(cells, Keep::Start));
    }
    lines
}

fn step_words(row: &Row, index: u32) -> Words {
    let plan = row.workload.rollout().map(|rollout| rollout.spec.steps.clone()).unwrap_or_default();
    match usize::try_from(index).ok().and_then(|index| plan.get(index)) {
        Some(step) => Words::of(Role::Text, format!("{} of {} ", index + 1, plan.len()))
            .and(Role::Muted, summary::step(step)),
        None => Words::of(Role::Good, "all done"),
    }
}

/// What a metric was at a moment: the last point of its curve before it.
fn metric(row: &Row, kind: MetricKind, at: Timestamp) -> Words {
    let charts = row.metrics.charts.as_ref();
    let Some(curves) = charts.and_then(|seen| seen.value.charts.iter().find(|c| c.kind == kind))
    else {
        return Words::new();
    };
    let value = |curve: &Result<crate::domain::metric::Series, _>| -> Option<Finite> {
        let series = curve.as_ref().ok()?;
        let back = age(series.start, at).as_secs() / u64::from(series.step_seconds.max(1));
        let index = usize::try_from(back).ok().filter(|_| at >= series.start)?;
        // A point stands for its step; further back it says nothing of this moment.
        series.points.get(index).copied().flatten()
    };
    let side = |curve: Option<Finite>| {
        curve.map_or("no data".to_owned(), |value| format::metric(kind, value))
    };
    Words::of(Role::Muted, format!("   {} ", format::metric_name(kind)))
        .and(Role::Canary, side(value(&curves.canary)))
        .and(Role::Muted, " against ")
        .and(Role::Stable, side(value(&curves.stable)))
}

/// What happened, around the moment that is read, the newest first.
fn list(story: &Story, axis: &Axis, now: Timestamp, (cells, rows): (usize, usize)) -> Vec<Words> {
    if rows < 2 {
        return Vec::new();
    }
    let newest: Vec<&Entry> = story.entries.iter().rev().collect();
    let here = newest.iter().position(|entry| entry.at <= axis.reading).unwrap_or(0);
    let rows = rows - 1;
    let start = here.saturating_sub(rows / 3).min(newest.len().saturating_sub(rows));
    let lines = newest.into_iter().enumerate().skip(start).take(rows).map(|(place, entry)| {
        let is_here = place == here && axis.cursor.is_some();
        let cursor = if is_here { "▸" } else { " " };
        Words::of(Role::Focus, format!(" {cursor} "))
            .and(Role::Muted, format!("{:<12}", format::moment(entry.at, now)))
            .and(entry.role, format!("{} ", entry.mark.sign()))
            .and(Role::Muted, format!("{:<9}", entry.lane.name()))
            .and(if is_here { Role::Selection } else { Role::Text }, entry.text.clone())
            .cut(cells, Keep::Start)
    });
    std::iter::once(Words::new()).chain(lines).collect()
}
