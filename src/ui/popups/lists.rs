//! Palette and pickers, logs and objects, notices: what scrolls over a screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::event::Command;
use crate::app::focus::{Choice, Entry, Loadable, Pager, PagerKind, Picker, PickerKind, Reach};
use crate::app::keymap::KeyContext;
use crate::app::notices::Urgency;
use crate::app::state::State;
use crate::control::plan::possible;
use crate::domain::feed::Trouble;
use crate::domain::observed::{Freshness, Observed};
use crate::domain::text::Block;
use crate::ui::format::{self, Keep};
use crate::ui::grid::{self, Column};
use crate::ui::hints;
use crate::ui::ink::{CUT, Words};
use crate::ui::marks::Mark;
use crate::ui::popups::frame::{self, Popup};
use crate::ui::screens::fleet;
use crate::ui::theme::{Role, Theme};
use crate::ui::typed;

/// Widest list.
const COLUMNS_MAX: u16 = 110;

/// The key that goes back, and a note.
pub(super) fn foot(state: &State, context: KeyContext, note: &str) -> Words {
    let key = hints::key_of(state.keymap(), context, &Command::Back).unwrap_or_default();
    let words = Words::of(Role::Key, key).and(Role::Muted, " back");
    if note.is_empty() { words } else { words.and(Role::Muted, format!(" · {note}")) }
}

/// Cursor, label, key, hint.
const ENTRIES: [Column; 4] = [
    Column::text(1, 1, 9),
    Column::text(10, 60, 10),
    Column::text(1, 8, 8),
    Column::text(10, 100, 5),
];

/// A longer list is not read but searched.
const PICKER_ROWS_MAX: usize = 20;

/// Paints a list to choose from.
pub fn picker(state: &State, picker: &Picker, theme: &Theme, buffer: &mut Buffer, screen: Rect) {
    let (cells, rows) = frame::room(screen, COLUMNS_MAX);
    let rows = rows.min(PICKER_ROWS_MAX);
    let title = match picker.kind {
        PickerKind::Palette => "commands",
        PickerKind::Clusters => "clusters to list",
        PickerKind::Namespaces => "namespaces to list",
        PickerKind::Revisions => "revision to roll back to",
        PickerKind::Steps => "step to skip to",
        PickerKind::Owners => "owners (seen only; acting on them comes later)",
        PickerKind::Themes => "theme",
    };
    let query = typed::line(&picker.query, cells.saturating_sub(4));
    let mut lines = vec![Words::of(Role::Key, "/ ").then(query)];
    let (_, places) = fleet::page(&picker.shown, picker.cursor, rows.saturating_sub(lines.len()));
    let chosen = picker.shown.get(picker.cursor);
    let entries: Vec<Vec<Words>> = places
        .iter()
        .filter_map(|place| picker.entries.get(*place).map(|entry| (place, entry)))
        .map(|(place, found)| {
            let cursor = if Some(place) == chosen { Mark::Cursor.sign() } else { " " };
            entry(state, found, cursor)
        })
        .collect();
    if entries.is_empty() {
        lines.push(Words::of(Role::Muted, format!("  {}", nothing(picker))));
    }
    let count = picker.entries.len();
    lines.extend(grid::table(&ENTRIES, entries, cells));
    // The list keeps its height while it is narrowed down.
    lines.resize(lines.len().max(rows.min(count + 1)), Words::new());
    let title = Words::of(Role::Focus, title);
    let foot = foot(state, KeyContext::Picker, &format!("{} of {count}", picker.shown.len()));
    frame::paint(buffer, screen, cells, &Popup { title, lines, foot, role: Role::Border }, theme);
}

/// Why the list is empty: what is typed, or what is known.
fn nothing(picker: &Picker) -> &'static str {
    if !picker.entries.is_empty() {
        return "nothing matches";
    }
    match picker.kind {
        PickerKind::Owners => "no object of Argo CD, Flux or Kargo is known on these clusters",
        PickerKind::Revisions => "no other revision is left",
        PickerKind::Steps => "no step comes after the running one",
        PickerKind::Palette
        | PickerKind::Clusters
        | PickerKind::Namespaces
        | PickerKind::Themes => "there is none",
    }
}

fn entry(state: &State, entry: &Entry, cursor: &str) -> Vec<Words> {
    let role = if cursor == " " { Role::Text } else { Role::Selection };
    let mut key = String::new();
    let mut hint = Words::of(Role::Muted, entry.hint.as_str());
    if let Choice::Command(command) = &entry.choice {
        let context = KeyContext::of_screen(state.focus().screen);
        key = hints::key_of(state.keymap(), context, command).unwrap_or_default();
        if let (Command::Deed(action), Some(row)) = (command, state.selected())
            && let Err(why) = possible(*action, &row.workload)
        {
            hint = Words::of(Role::Muted, format!("not now: {why}"));
        }
    }
    vec![
        Words::of(Role::Focus, cursor),
        Words::of(role, entry.label.as_str()),
        Words::of(Role::Key, key),
        hint,
    ]
}

/// Paints a log, an object or a difference over the whole screen.
pub fn pager(
    state: &State,
    pager: &Pager,
    theme: &Theme,
    buffer: &mut Buffer,
    screen: Rect,
) -> Option<Reach> {
    let (cells, rows) = frame::room(screen, u16::MAX);
    let (mut lines, note) = match &pager.body {
        Loadable::Asked(_) => (vec![Words::of(Role::Unknown, "○ asking …")], String::new()),
        Loadable::Failed(trouble) => (failed(trouble, cells), String::new()),
        Loadable::Known(seen) => known(state, pager, seen, (cells, rows)),
    };
    let reach = match &pager.body {
        Loadable::Known(seen) => Some(Reach::of(seen.value.lines().len(), rows)),
        Loadable::Asked(_) | Loadable::Failed(_) => None,
    };
    lines.resize(rows, Words::new());
    let title = Words::of(Role::Focus, pager.title.as_str());
    let foot = foot(state, KeyContext::Pager, &note);
    frame::paint(buffer, screen, cells, &Popup { title, lines, foot, role: Role::Border }, theme);
    reach
}

/// Lines of a failure that are told; what servers answer can be a whole page.
const FAILURE_LINES_MAX: usize = 6;

/// Why there is nothing to show, and what helps.
fn failed(trouble: &Trouble, cells: usize) -> Vec<Words> {
    let is_passing = matches!(
        trouble,
        Trouble::Unreachable(_) | Trouble::TimedOut { .. } | Trouble::Refused { .. }
    );
    // Watches are tried again by themselves; what a person asked for is asked once.
    let remedy = if is_passing { "asked once: go back and ask again" } else { trouble.remedy() };
    let wrapped = |text: &str, role: Role| -> Vec<Words> {
        let lines = format::wrap(text, cells, FAILURE_LINES_MAX, CUT);
        lines.into_iter().map(|line| Words::of(role, line)).collect()
    };
    [wrapped(&format!("✗ {trouble}"), Role::Danger), wrapped(remedy, Role::Muted)].concat()
}

/// The lines on the screen, and which of all they are.
fn known(
    state: &State,
    pager: &Pager,
    seen: &Observed<Block>,
    (cells, rows): (usize, usize),
) -> (Vec<Words>, String) {
    let all = seen.value.lines();
    let start = pager.scroll.min(all.len().saturating_sub(rows));
    let shown = all.iter().skip(start).take(rows);
    let lines: Vec<Words> = shown.map(|line| paged(pager, line.as_str(), cells)).collect();
    if lines.is_empty() {
        return (vec![Words::of(Role::Muted, "it is empty")], String::new());
    }
    let old = format::source_age(Freshness::of(Some(seen.at), state.now()));
    let old = old.map(|old| format!("{old} old")).unwrap_or_default();
    let parts = [frame::position(start, lines.len(), all.len()), old];
    let note: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    (lines, note.join(" · "))
}

fn paged(pager: &Pager, line: &str, cells: usize) -> Words {
    let kind = pager.kind;
    let role = match (kind, line.chars().next()) {
        (PagerKind::Diff, Some('+')) => Role::Added,
        (PagerKind::Diff, Some('-')) => Role::Removed,
        (PagerKind::Diff, _) => Role::Muted,
        (PagerKind::Log | PagerKind::Yaml, _) => Role::Text,
    };
    if pager.shift > 0 && !line.is_empty() {
        let rest: String = line.chars().skip(pager.shift + 1).collect();
        return Words::of(Role::Muted, CUT).and(role, rest).cut(cells, Keep::Start);
    }
    let words = match line.split_once(": ") {
        Some((key, value)) if kind == PagerKind::Yaml => {
            Words::of(Role::Stable, format!("{key}: ")).and(Role::Text, value)
        }
        Some(_) | None => Words::of(role, line),
    };
    words.cut(cells, Keep::Start)
}

/// Paints what was said lately, the newest first.
pub fn notices(
    state: &State,
    scroll: usize,
    theme: &Theme,
    buffer: &mut Buffer,
    screen: Rect,
) -> Reach {
    let (cells, rows) = frame::room(screen, COLUMNS_MAX);
    let mut lines = Vec::new();
    for notice in state.notices().iter().rev() {
        let (role, mark) = match notice.urgency {
            Urgency::Info => (Role::Text, "·"),
            Urgency::Warning => (Role::Warning, "▲"),
            Urgency::Alarm => (Role::Danger, "▲"),
        };
        let at = format::moment(notice.at, state.now());
        let text = format::wrap(notice.text.as_str(), cells.saturating_sub(14), 4, CUT);
        for (index, text) in text.into_iter().enumerate() {
            let (at, mark) = if index == 0 { (at.as_str(), mark) } else { ("", " ") };
            let head = Words::of(Role::Muted, format!("{at:<12}")).and(role, format!("{mark} "));
            lines.push(head.and(role, text));
        }
    }
    if lines.is_empty() {
        lines.push(Words::of(Role::Muted, "nothing was said yet"));
    }
    let all = lines.len();
    let (lines, start) = frame::scrolled(lines, scroll, rows);
    let note = frame::position(start, lines.len(), all);
    let title = Words::of(Role::Focus, "notices");
    let foot = foot(state, KeyContext::Pager, &note);
    frame::paint(buffer, screen, cells, &Popup { title, lines, foot, role: Role::Border }, theme);
    Reach::of(all, rows)
}
