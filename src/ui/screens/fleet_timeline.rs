//! All releases on one axis of time, a lane for each: what changed, who did it, what waited and for how long; and a cursor
//! that goes from event to event and tells what changed everywhere just before.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::event::{Command, Toward};
use crate::app::happenings::{Happening, Meaning};
use crate::app::keymap::KeyContext;
use crate::app::lanes::{self, Knowledge, LOOK_BACK, Lane, Line, Range, Stretch};
use crate::app::listing::Shown;
use crate::app::past::Asked;
use crate::app::state::State;
use crate::domain::ids::WorkloadRef;
use crate::domain::observed::{Timestamp, age};
use crate::ui::format::{self, Keep};
use crate::ui::grid::{self, Column};
use crate::ui::ink::{self, Align, Words};
use crate::ui::lane::{self, Axis};
use crate::ui::marks::Mark;
use crate::ui::screens::fleet;
use crate::ui::story;
use crate::ui::theme::{Role, Theme};
use crate::ui::{hints, summary};

/// Lines that the lanes keep; the lower part gives way.
const LANES_MIN: usize = 7;

/// Lines of the lower part, at least: the moment, two things before it, the legend.
const LOWER_MIN: usize = 8;

/// Lines of the lower part, at most: what one reads at a glance.
const LOWER_MAX: usize = 26;

/// Paints the screen below the header.
pub fn paint(state: &State, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let (cells, height) = (usize::from(area.width), usize::from(area.height));
    let is_roomy = buffer.area.height >= fleet::ROOMY.0 && buffer.area.width >= fleet::ROOMY.1;
    let label = label_cells(cells);
    let axis = axis(state, theme, cells.saturating_sub(label));
    let mut lines = vec![head(state, &axis, cells)];
    if is_roomy {
        lines.push(hints::notice(state).cut(cells, Keep::Start));
        lines.extend(fleet::troubles(state, cells));
        lines.extend(forgotten(state).into_iter().map(|line| line.cut(cells, Keep::Start)));
    }
    let ruler = lane::ruler(&axis, LOOK_BACK);
    lines.push(Words::of(Role::Text, " ".repeat(label)).then(ruler));
    let left = height.saturating_sub(lines.len());
    // What the lanes do not need goes to the words.
    let listed = lanes::lines(state);
    let least = (left * 2 / 5).max(LOWER_MIN);
    let most = left.saturating_sub(LANES_MIN).max(least);
    let room = left.saturating_sub(listed.len() + 1).clamp(least, most);
    let lower = if is_roomy { lower(state, &axis, cells, room.min(LOWER_MAX)) } else { Vec::new() };
    let room = height.saturating_sub(lines.len() + lower.len());
    let mut body = body(state, &axis, &listed, (label, room));
    body.resize(room, Words::new());
    lines.extend(body);
    lines.extend(lower);
    ink::paint(buffer, area, &lines, theme);
}

/// Cells left of the axis: the same for every page, so that the axis stands still.
fn label_cells(cells: usize) -> usize {
    match cells {
        0..60 => cells / 3,
        60..110 => 28,
        110..150 => 38,
        _ => 50,
    }
}

fn axis(state: &State, theme: &Theme, columns: usize) -> Axis {
    let chosen = &state.focus().fleet_axis;
    let range = lanes::range(chosen, state.now());
    Axis {
        window: Axis::over(range, columns),
        now: state.now(),
        cursor: chosen.cursor,
        signs: theme.sign_set(),
    }
}

/// What the axis shows, and what is listed.
fn head(state: &State, axis: &Axis, cells: usize) -> Words {
    let chosen = &state.focus().fleet_axis;
    let now = state.now();
    let range = lanes::range(chosen, now);
    let shown = match chosen.end {
        None => format!("{} up to now", spelled(u64::from(chosen.span_seconds))),
        Some(_) => {
            format!("{} – {}", format::moment(range.from, now), format::moment(range.to, now))
        }
    };
    let step = Duration::from_secs(u64::try_from(axis.window.step).unwrap_or(0));
    let left = Words::of(Role::Heading, " fleet timeline")
        .and(Role::Muted, " · ")
        .and(Role::Text, shown)
        .and(Role::Muted, watched(state));
    let grouping = chosen.grouping.name();
    let right = fleet::filtered(state).and(Role::Muted, format!("   group: {grouping} "));
    let step = Words::of(Role::Muted, format!(" · {} a column", format::exactly(step)));
    let fits = left.width() + step.width() + right.width() < cells;
    if fits { left.then(step) } else { left }.apart(right, cells)
}

/// Whose past could not be read, wholly or in part, and why.
fn forgotten(state: &State) -> Vec<Words> {
    let told = |whose: &str, what: &str| {
        Words::of(Role::Warning, format!(" {} {whose}", Mark::Warning.sign()))
            .and(Role::Text, format!("  what was before is not all known: {what}"))
    };
    let mut lines = Vec::new();
    for cluster in &state.session().clusters {
        let Some(asked) = state.past().cluster(cluster) else { continue };
        match (&asked.trouble, asked.missing.first()) {
            (Some(why), _) => lines.push(told(cluster.as_str(), &why.to_string())),
            (None, Some(missing)) => lines.push(told(cluster.as_str(), missing.as_str())),
            (None, None) => {}
        }
    }
    let record = state.past().record();
    lines.extend(record.trouble.as_ref().map(|why| told("our record", &why.to_string())));
    lines.truncate(FORGOTTEN_MAX);
    lines
}

/// Lines that say what is not known of the past, at most.
const FORGOTTEN_MAX: usize = 2;

/// Whether somebody was asked for the past and has not answered yet.
fn is_asking(state: &State) -> bool {
    let clusters = state.session().clusters.iter();
    clusters.filter_map(|cluster| state.past().cluster(cluster)).any(Asked::is_awaited)
}

/// Since when all clusters are watched: before that only what left a trace is known.
fn watched(state: &State) -> String {
    if is_asking(state) {
        return " · asking for what was before …".to_owned();
    }
    let since = |cluster| state.sources().kubernetes(cluster)?.watched_since;
    let clusters = state.session().clusters.iter();
    let all: Option<Vec<Timestamp>> = clusters.map(since).collect();
    let latest = all.and_then(|all| all.into_iter().max());
    latest.map_or_else(String::new, |at| format!(" · watched since {}", at.strftime("%H:%M")))
}

/// A span as people name it: `10 min`, `6 h`, `7 d`.
fn spelled(seconds: u64) -> String {
    match seconds {
        86_400.. if seconds.is_multiple_of(86_400) => format!("{} d", seconds / 86_400),
        3_600.. if seconds.is_multiple_of(3_600) => format!("{} h", seconds / 3_600),
        _ => format!("{} min", seconds / 60),
    }
}

/// The lanes, or what stands there while there are none.
fn body(
    state: &State,
    axis: &Axis,
    lines: &[Line<'_>],
    (label, room): (usize, usize),
) -> Vec<Words> {
    if !lines.iter().any(|line| matches!(line, Line::Lane(_))) {
        return nothing(state, lines);
    }
    let selected = state.focus().selected.as_ref();
    let is_chosen =
        |line: &Line<'_>| matches!(line, Line::Lane(target) if Some(*target) == selected);
    let chosen = lines.iter().position(is_chosen).unwrap_or(0);
    let (start, page) = fleet::page(lines, chosen, room);
    let columns = columns(state, label);
    let mut painted: Vec<Words> =
        page.iter().map(|line| painted_line(state, axis, line, (&columns, label))).collect();
    mark_ends(&mut painted, lines, start);
    painted
}

/// Says in the first and the last line how many lanes lie above and below.
fn mark_ends(painted: &mut [Words], all: &[Line<'_>], start: usize) {
    let lanes =
        |lines: &[Line<'_>]| lines.iter().filter(|line| matches!(line, Line::Lane(_))).count();
    let end = start + painted.len();
    let above = lanes(all.get(..=start).unwrap_or_default());
    let below = lanes(all.get(end.saturating_sub(1)..).unwrap_or_default());
    if let (Some(line), 1.., true) = (painted.first_mut(), above, start > 0) {
        *line = Words::of(Role::Muted, format!("   ↑ {above} more above"));
    }
    if let (Some(line), 1.., true) = (painted.last_mut(), below, end < all.len()) {
        *line = Words::of(Role::Muted, format!("   ↓ {below} more below"));
    }
}

fn nothing(state: &State, lines: &[Line<'_>]) -> Vec<Words> {
    let filter = state.focus().list.filter.value();
    let words = match lines {
        _ if state.fleet().is_empty() => " no rollout is known yet".to_owned(),
        [] if !filter.is_empty() => format!(" nothing contains “{filter}”"),
        _ => " nothing is known to have happened in this time".to_owned(),
    };
    let mut said = vec![Words::new(), Words::of(Role::Muted, words)];
    for line in lines {
        if let Line::Heading(name, count, shown) = line {
            said.push(heading(state, name, *count, *shown));
        }
    }
    said
}

/// Mark, name, cluster (where there are several).
fn columns(state: &State, label: usize) -> Vec<Column> {
    let cluster = if state.session().clusters.len() > 1 { label / 5 } else { 0 };
    // Three cells of the mark, gaps of two, one cell before the axis.
    let name = label.saturating_sub(3 + 2 + cluster + if cluster > 0 { 2 } else { 0 } + 1);
    let mut columns = vec![Column::text(3, 3, 9), Column::text(name, name, 10)];
    if cluster > 0 {
        columns.push(Column::text(cluster, cluster, 5).tail());
    }
    columns
}

fn painted_line(
    state: &State,
    axis: &Axis,
    line: &Line<'_>,
    (columns, label): (&[Column], usize),
) -> Words {
    let target = match line {
        Line::Heading(name, count, shown) => return heading(state, name, *count, *shown),
        Line::Lane(target) => *target,
    };
    let Some(row) = state.fleet().row(target) else { return Words::new() };
    let said = summary::state(row, state.orders().latest(target), state.now());
    let is_chosen = state.focus().selected.as_ref() == Some(target);
    let cursor = if is_chosen { Mark::Cursor.sign() } else { " " };
    let role = if is_chosen { Role::Selection } else { Role::Text };
    let name =
        Words::of(if is_chosen { role } else { Role::Muted }, format!("{}/", target.namespace));
    let cells = vec![
        Words::of(Role::Focus, cursor).and(said.role, format!(" {}", said.mark.sign())),
        name.and(role, target.name.as_str()),
        Words::of(Role::Muted, target.cluster.as_str()),
    ];
    let widths: Vec<usize> = columns.iter().map(|column| column.most).collect();
    let words = grid::row(columns, &widths, fleet::aged(state, target, cells));
    let source = state.sources().kubernetes(&target.cluster);
    let drawn = lane::line(&Lane::of(state, row), source, axis);
    words.fit(label, Align::Left, Keep::Start).then(drawn)
}

fn heading(state: &State, name: &str, count: usize, shown: Shown) -> Words {
    let words = Words::of(Role::Heading, format!("   {name}  {count}"));
    let key = hints::key_of(state.keymap(), KeyContext::FleetTimeline, &Command::ToggleSteady);
    match (shown, key) {
        (Shown::Listed, _) => words,
        (Shown::Hidden, None) => words.and(Role::Muted, " without a lane"),
        (Shown::Hidden, Some(key)) => words
            .and(Role::Muted, " without a lane: nothing known in this time · ")
            .and(Role::Key, key)
            .and(Role::Muted, " shows them"),
    }
}

/// What is read at the cursor, what changed everywhere before it, and what the signs mean.
fn lower(state: &State, axis: &Axis, cells: usize, room: usize) -> Vec<Words> {
    let mut lines = vec![Words::new()];
    lines.extend(reading(state, cells));
    let left = room.saturating_sub(lines.len() + 1);
    lines.extend(lately(state, cells, left));
    lines.resize(room.saturating_sub(1), Words::new());
    lines.push(lane::legend(axis.signs, cells));
    lines.into_iter().map(|line| line.cut(cells, Keep::Start)).collect()
}

/// Happenings of one moment that are told in full; seldom more than two are.
const TOLD_MAX: usize = 3;

/// The moment under the cursor, or how the selected release is now.
fn reading(state: &State, cells: usize) -> Vec<Words> {
    let (Some(target), Some(row)) = (state.focus().selected.as_ref(), state.selected()) else {
        return vec![Words::of(Role::Muted, " no lane is selected")];
    };
    let lane = Lane::of(state, row);
    let now = state.now();
    let Some(at) = state.focus().fleet_axis.cursor else {
        let said = summary::state(row, state.orders().latest(target), now);
        let head = Words::of(Role::Focus, " now       ").then(name(target));
        let head = head.and(Role::Text, "   ").then(said.words()).and(Role::Text, "   ");
        return vec![head.then(summary::why(row, now)), last(state, &lane, cells)];
    };
    let head = Words::of(Role::Focus, format!(" {}", format::moment(at, now)))
        .and(Role::Muted, format!("  {} ago   ", format::span(age(at, now))))
        .then(name(target))
        .then(meanwhile(&lane, at, now));
    let mut lines = vec![head];
    let here: Vec<_> = lane.happenings.iter().filter(|(told, _)| told.at == at).collect();
    for (told, meaning) in here.iter().take(TOLD_MAX) {
        lines.push(Words::of(Role::Text, "   ").then(told_words(row, told, *meaning)));
    }
    let is_first = lane.happenings.first().is_some_and(|(told, _)| told.at == at);
    let left_out: u32 = state.past().traces(&row.workload).map(|traces| traces.left_out).sum();
    if is_first && left_out > 0 && row.detail.is_none() {
        let words = format!("   {left_out} older ones are left out");
        lines.push(Words::of(Role::Muted, words));
    }
    match here.len().saturating_sub(TOLD_MAX) {
        0 if here.is_empty() => {
            lines.push(Words::of(Role::Muted, "   nothing is told of this lane at this moment"));
        }
        0 => {}
        more => lines.push(Words::of(Role::Muted, format!("   and {more} more"))),
    }
    lines
}

fn name(target: &WorkloadRef) -> Words {
    Words::of(Role::Selection, format!("{}/{}", target.namespace, target.name))
        .and(Role::Muted, format!(" · {}", target.cluster))
}

/// The newest thing on a lane, and the key that goes there.
fn last(state: &State, lane: &Lane<'_>, _cells: usize) -> Words {
    let Some((told, meaning)) = lane.happenings.last() else {
        return Words::of(Role::Muted, "   nothing is told of it yet");
    };
    let key = hints::key_of(
        state.keymap(),
        KeyContext::FleetTimeline,
        &Command::Move(crate::app::event::Motion::Left),
    );
    let now = state.now();
    let words = Words::of(Role::Muted, format!("   last {}  ", format::moment(told.at, now)))
        .then(told_words(lane.row, told, *meaning));
    match key {
        Some(key) => {
            words.and(Role::Muted, " · ").and(Role::Key, key).and(Role::Muted, " reads it")
        }
        None => words,
    }
}

fn told_words(row: &crate::app::fleet::Row, told: &Happening<'_>, meaning: Meaning) -> Words {
    let (mark, role) = lane::look(meaning);
    let text = story::entry(row, told).map_or_else(String::new, |entry| entry.text);
    Words::of(role, format!("{} ", mark.sign())).and(Role::Text, text)
}

/// How it was at a moment, since when, and for how long in all.
fn meanwhile(lane: &Lane<'_>, at: Timestamp, now: Timestamp) -> Words {
    let mut words = Words::new();
    for (stretch, role, says) in [
        (Stretch::Failing, Role::Danger, "failing"),
        (Stretch::Held, Role::Waiting, "held"),
        (Stretch::Moving, Role::Moving, "moving"),
    ] {
        let Some(span) = lane.span(stretch, at) else { continue };
        let lasted = format::span(span.lasted(now));
        let still = if span.until.is_none() { " so far" } else { "" };
        words = words.and(role, format!("   {says} {lasted}{still}"));
    }
    words
}

/// What changed on all lanes just before the cursor, or last of all; the newest first.
fn lately(state: &State, cells: usize, rows: usize) -> Vec<Words> {
    if rows < 2 {
        return Vec::new();
    }
    let now = state.now();
    let cursor = state.focus().fleet_axis.cursor;
    let shown = lanes::range(&state.focus().fleet_axis, now);
    let to = cursor.unwrap_or(shown.to);
    let from = cursor.map_or(shown.from, |at| at.checked_sub(LOOK_BACK).unwrap_or(at));
    let range = Range { from, to };
    let selected = state.focus().selected.as_ref();
    let is_read = |target: &WorkloadRef, at| Some(target) == selected && Some(at) == cursor;
    let mut found = lanes::between(state, range);
    found.retain(|(target, _, told, _)| !is_read(target, told.at));
    // What several tell of one moment (the object, the controller's Event, an analysis) is one thing that happened.
    found.dedup_by(|next, kept| (next.0, next.2.at, next.3) == (kept.0, kept.2.at, kept.3));
    let minutes = LOOK_BACK.as_secs() / 60;
    let title = match cursor {
        Some(_) => format!(" in the {minutes} min before, on all lanes"),
        None => " lately, on all lanes".to_owned(),
    };
    let key =
        hints::key_of(state.keymap(), KeyContext::FleetTimeline, &Command::Event(Toward::Earlier));
    let head = Words::of(Role::Heading, title).and(Role::Muted, format!("  {}", found.len()));
    let head = match key {
        Some(key) if !found.is_empty() => {
            head.and(Role::Muted, " · ").and(Role::Key, key).and(Role::Muted, " goes there")
        }
        Some(_) | None => head,
    };
    let mut lines = vec![head];
    if found.is_empty() {
        lines.push(Words::of(Role::Muted, format!("   {}", none(state, range))));
    }
    for (target, row, told, meaning) in found.iter().take(rows - 1) {
        let before = match cursor {
            Some(at) => format!("{} before", exact(age(told.at, at))),
            None => format!("{} ago", format::span(age(told.at, now))),
        };
        let line =
            Words::of(Role::Muted, format!("   {}  {before:<12}", format::moment(told.at, now)));
        let whose = format!("{}/{} · {}  ", target.namespace, target.name, target.cluster);
        let (mark, role) = lane::look(*meaning);
        let text = story::entry(row, told).map_or_else(String::new, |entry| entry.text);
        let line = line.and(role, format!("{} ", mark.sign())).and(Role::Text, whose);
        lines.push(line.and(Role::Muted, text).cut(cells, Keep::Start));
    }
    lines
}

/// Between two moments that stand still the seconds may be told.
fn exact(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        _ => format::span(span),
    }
}

/// Nothing happened, or nobody can tell.
fn none(state: &State, range: Range) -> &'static str {
    let is_watched = |cluster| {
        let source = state.sources().kubernetes(cluster);
        lanes::knowledge(source, range, state.now()) == Knowledge::Watched
            && source.and_then(|source| source.watched_since).is_some_and(|at| at <= range.from)
    };
    if state.session().clusters.iter().all(is_watched) {
        "nothing changed"
    } else {
        "nothing is known: not all of it was watched then"
    }
}
