//! The keys that work here, always from the live keymap, and the words that are easily taken for each other.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::command::{COMMANDS, CommandSpec};
use crate::app::focus::Reach;
use crate::app::key::sequence_text;
use crate::app::keymap::KeyContext;
use crate::app::state::State;
use crate::control::action::Danger;
use crate::ui::format::{self, Keep};
use crate::ui::grid::{self, Column};
use crate::ui::ink::Words;
use crate::ui::marks::Mark;
use crate::ui::popups::frame::{self, Popup};
use crate::ui::popups::lists;
use crate::ui::theme::{Role, Theme};

/// Keys, title, help.
const HELP: [Column; 3] =
    [Column::text(8, 22, 8), Column::text(8, 16, 9), Column::text(20, 100, 7)];

/// Widest help.
const COLUMNS_MAX: u16 = 110;

/// Paints the keys that work on the screen below.
pub fn paint(
    state: &State,
    scroll: usize,
    theme: &Theme,
    buffer: &mut Buffer,
    screen: Rect,
) -> Reach {
    let (cells, rows) = frame::room(screen, COLUMNS_MAX);
    let lines = lines(state, cells);
    let all = lines.len();
    let (lines, start) = frame::scrolled(lines, scroll, rows);
    let note = frame::position(start, lines.len(), all);
    let title = Words::of(Role::Focus, "keys").and(Role::Muted, " · as they are bound now");
    let foot = lists::foot(state, KeyContext::Pager, &note);
    frame::paint(buffer, screen, cells, &Popup { title, lines, foot, role: Role::Border }, theme);
    Reach::of(all, rows)
}

fn lines(state: &State, cells: usize) -> Vec<Words> {
    let screen = KeyContext::of_screen(state.focus().screen);
    let tables: Vec<(KeyContext, Vec<Vec<Words>>)> =
        groups(screen).into_iter().map(|group| (group, bound(state, screen, group))).collect();
    let all: Vec<Vec<Words>> = tables.iter().flat_map(|(_, rows)| rows.clone()).collect();
    let widths = grid::widths(&HELP, &all, cells);
    let mut lines = Vec::new();
    for (group, rows) in tables.into_iter().filter(|(_, rows)| !rows.is_empty()) {
        lines.push(Words::of(Role::Heading, group.title()));
        lines.extend(rows.into_iter().map(|row| grid::row(&HELP, &widths, row)));
        lines.push(Words::new());
    }
    lines.extend(meanings(cells));
    lines
}

/// Words and marks.
fn meanings(cells: usize) -> Vec<Words> {
    let mut lines = vec![Words::of(Role::Heading, "Words and marks")];
    for (word, says) in WORDS {
        let text = format::wrap(says, cells.saturating_sub(12), 2, crate::ui::ink::CUT);
        for (index, line) in text.into_iter().enumerate() {
            let word = if index == 0 { *word } else { "" };
            lines.push(Words::of(Role::Text, format!("{word:<12}")).and(Role::Muted, line));
        }
    }
    let marks = [
        (Mark::Bad, Role::Danger, "failed"),
        (Mark::Waits, Role::Waiting, "waits for a human"),
        (Mark::Paused, Role::Waiting, "paused"),
        (Mark::Moving, Role::Moving, "on its way"),
        (Mark::Good, Role::Good, "well"),
        (Mark::Stale, Role::Stale, "stale"),
        (Mark::Unknown, Role::Unknown, "not known"),
        (Mark::Deed, Role::Focus, "a deed of yours"),
        (Mark::Foreign, Role::Focus, "of another session"),
    ];
    let mut line = Words::of(Role::Text, format!("{:<12}", "marks"));
    for (mark, role, says) in marks {
        line = line.and(role, mark.sign()).and(Role::Muted, format!(" {says}  "));
    }
    lines.push(line.cut(cells, Keep::Start));
    lines
}

/// What is easily taken for the same.
const WORDS: &[(&str, &str)] = &[
    ("promote", "moves on from the gate it waits at. Resume lifts a pause that a human made"),
    (
        "abort",
        "moves traffic back to stable; the spec still wants the new version. Roll back changes the spec",
    ),
    (
        "stale",
        "was true, and its source has not proven it for 12 s. Only pause and abort act on it",
    ),
    (
        "unknown",
        "a deed got no answer: it may have happened. Nothing is sent again, the watch tells",
    ),
];

/// This screen's own table first, then what works everywhere, then lists and dialogs.
fn groups(screen: KeyContext) -> Vec<KeyContext> {
    let mut groups: Vec<KeyContext> = screen.chain().to_vec();
    groups.extend([KeyContext::Pager, KeyContext::Picker, KeyContext::Confirm]);
    groups
}

/// The commands of one table with the keys bound in it, without those that a narrower table of the screen takes over.
fn bound(state: &State, screen: KeyContext, context: KeyContext) -> Vec<Vec<Words>> {
    let pressed_in = if screen.reaches(context) { screen } else { context };
    let works = state.keymap().bindings(pressed_in);
    let row = |spec: &'static CommandSpec| {
        let mut keys: Vec<String> = state
            .keymap()
            .entries()
            .filter(|(at, _, binding)| {
                *at == context && binding.command.is_some_and(|bound| bound.id == spec.id)
            })
            .filter(|(_, keys, _)| works.contains(&(*keys, spec.id)))
            .map(|(_, keys, _)| sequence_text(keys))
            .collect();
        keys.sort_by_key(|keys| (format::width(keys), keys.clone()));
        let role = match spec.danger() {
            Some(Danger::Risky) => Role::Danger,
            Some(Danger::Ordinary) => Role::Waiting,
            Some(Danger::Safe) | None => Role::Text,
        };
        (!keys.is_empty()).then(|| {
            vec![
                Words::of(Role::Key, keys.join(", ")),
                Words::of(role, spec.title),
                Words::of(Role::Muted, spec.help),
            ]
        })
    };
    COMMANDS.iter().filter_map(row).collect()
}
