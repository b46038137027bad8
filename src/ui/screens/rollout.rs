//! One rollout: what it is, its ladder and weight beside the curves, its pods, analyses, events, versions and deeds.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::fleet::Row;
use crate::app::focus::Reach;
use crate::app::state::State;
use crate::ui::format::Keep;
use crate::ui::ink::{self, Words};
use crate::ui::theme::{Role, Theme};
use crate::ui::{answer, curves, hints, ladder, owner, sections};

/// From this width on ladder and curves stand beside each other.
const WIDE: usize = 100;

/// Cells of the ladder when they do.
const LADDER: usize = 54;

/// Paints the screen below the header.
pub fn paint(state: &State, theme: &Theme, buffer: &mut Buffer, area: Rect) -> Option<Reach> {
    let cells = usize::from(area.width);
    let Some(row) = state.selected() else {
        let gone = Words::of(Role::Muted, " this rollout is gone; esc goes back to the fleet");
        ink::paint(buffer, area, &[gone], theme);
        return None;
    };
    let mut lines = answer::head(state, row, cells);
    lines.push(hints::notice(state).cut(cells, Keep::Start));
    let head = u16::try_from(lines.len()).unwrap_or(area.height).min(area.height);
    let top = Rect { height: head, ..area };
    let below = Rect { y: area.y + head, height: area.height - head, ..area };
    ink::paint(buffer, top, &lines, theme);
    let body = body(state, row, (cells, usize::from(below.height)));
    let rows = usize::from(below.height);
    let start = scrolled(state, &body, rows);
    let reach = Reach::of(body.lines.len(), rows);
    let visible: Vec<Words> = body.lines.into_iter().skip(start).collect();
    ink::paint(buffer, below, &visible, theme);
    Some(reach)
}

/// The sections, one below the other, with the line of the cursor.
fn body(state: &State, row: &Row, (cells, rows): (usize, usize)) -> sections::Section {
    let now = state.now();
    let mut body = sections::Section::default();
    if cells >= WIDE {
        add(&mut body.lines, beside(state, row, (cells, rows)));
    } else {
        add(&mut body.lines, ladder::lines(row, now, cells));
        add(&mut body.lines, answer::evidence(state, row, cells));
    }
    let tree = sections::tree(row, state.focus().parts.pod.as_ref(), now, cells);
    let start = add(&mut body.lines, tree.lines);
    body.cursor = tree.cursor.map(|line| start + line);
    add(&mut body.lines, sections::runs(row, now, cells));
    add(&mut body.lines, sections::events(row, now, cells, EVENTS_LISTED));
    add(&mut body.lines, sections::versions(row, cells));
    add(&mut body.lines, owner::section(row, now, cells));
    add(&mut body.lines, sections::deeds(state, row, cells));
    add(&mut body.lines, sections::oddities(row, cells));
    body
}

/// Events that are listed; all of them are on the timeline.
const EVENTS_LISTED: usize = 12;

/// Adds a section below an empty line; returns where it begins.
fn add(lines: &mut Vec<Words>, section: Vec<Words>) -> usize {
    if !section.is_empty() && !lines.is_empty() {
        lines.push(Words::new());
    }
    let start = lines.len();
    lines.extend(section);
    start
}

/// Ladder and weight at the left, curves at the right.
fn beside(state: &State, row: &Row, (cells, rows): (usize, usize)) -> Vec<Words> {
    let now = state.now();
    let left = ladder::lines(row, now, LADDER);
    let room = cells - LADDER - 2;
    let wanted = (rows / 2).max(left.len());
    let mut right = curves::lines(state, row, (room, wanted));
    if right.is_empty() {
        right = answer::evidence(state, row, room);
    }
    let count = left.len().max(right.len());
    let mut left = left.into_iter();
    let mut right = right.into_iter();
    (0..count)
        .map(|_| {
            let left = left.next().unwrap_or_default();
            let left = left.fit(LADDER, ink::Align::Left, Keep::Start);
            left.and(Role::Text, "  ").then(right.next().unwrap_or_default())
        })
        .collect()
}

/// The first line that is shown: as scrolled, but the line under the cursor is always seen.
fn scrolled(state: &State, body: &sections::Section, height: usize) -> usize {
    let last = body.lines.len().saturating_sub(height);
    let wanted = state.focus().parts.scroll.min(last);
    match body.cursor {
        Some(line) if height > 2 => {
            wanted.clamp((line + 2).saturating_sub(height), line.saturating_sub(1)).min(last)
        }
        Some(_) | None => wanted,
    }
}
