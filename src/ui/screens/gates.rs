//! The captain's board: all that waits for a human's yes, the one with the least time left first; below it what the
//! approver must have seen of the chosen one before answering.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::analysis::verdict::Answer;
use crate::app::listing::{self, Waiting};
use crate::app::state::State;
use crate::control::gate::{GateKind, Urgency};
use crate::control::plan::possible;
use crate::domain::detail::COMMENT_REASON;
use crate::domain::observed::age;
use crate::domain::text::Text;
use crate::ui::format::{self, Keep};
use crate::ui::grid::{self, Column};
use crate::ui::ink::{self, Words};
use crate::ui::marks::Mark;
use crate::ui::screens::fleet;
use crate::ui::theme::{Role, Theme};
use crate::ui::{answer, hints, summary};

/// Lines that the list keeps; the lower part gives way.
const LIST_ROWS_MIN: usize = 4;

/// Paints the screen below the header.
pub fn paint(state: &State, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let cells = usize::from(area.width);
    let height = usize::from(area.height);
    let waiting = listing::gates(state);
    let mut lines = vec![head(state, &waiting, cells)];
    lines.push(hints::notice(state).cut(cells, Keep::Start));
    lines.extend(fleet::troubles(state, cells));
    let chosen = waiting.iter().find(|one| Some(one.target) == state.focus().selected.as_ref());
    let mut lower = chosen.map(|one| before_the_answer(state, one, cells)).unwrap_or_default();
    lower.truncate(height.saturating_sub(lines.len() + LIST_ROWS_MIN));
    let room = height.saturating_sub(lines.len() + lower.len());
    let mut list = table(state, &waiting, (cells, room));
    list.resize(room, Words::new());
    lines.extend(list);
    lines.extend(lower);
    ink::paint(buffer, area, &lines, theme);
}

fn head(state: &State, waiting: &[Waiting<'_>], cells: usize) -> Words {
    let over = waiting.iter().filter(|one| one.urgency == Urgency::Over).count();
    let limit = format::exactly(state.session().gate_limit);
    let left = Words::of(Role::Text, format!(" {}", format::count(waiting.len(), "gate")))
        .and(Role::Muted, " · ");
    let left = match over {
        0 => left.and(Role::Good, "none over its limit"),
        _ => left.and(Role::Danger, format!("{over} over the limit")),
    };
    left.apart(Words::of(Role::Muted, format!("limit {limit} ")), cells)
}

/// Mark, name, cluster, gate, age, time left, evidence, who, versions.
const COLUMNS: [Column; 9] = [
    Column::text(3, 3, 9),
    Column::text(14, 36, 10),
    Column::text(2, 14, 5).tail(),
    Column::text(12, 34, 7),
    Column::number(4, 7),
    Column::text(9, 14, 8),
    Column::text(6, 14, 6),
    Column::text(4, 16, 2),
    Column::text(12, 34, 3),
];

fn table(state: &State, waiting: &[Waiting<'_>], (cells, room): (usize, usize)) -> Vec<Words> {
    if waiting.is_empty() {
        return vec![Words::new(), Words::of(Role::Good, " ✓ nothing waits for a human's yes")];
    }
    let selected = state.focus().selected.as_ref();
    let chosen = waiting.iter().position(|one| Some(one.target) == selected).unwrap_or(0);
    let (_, page) = fleet::page(waiting, chosen, room);
    let rows: Vec<Vec<Words>> = page.iter().map(|one| row(state, one)).collect();
    grid::table(&COLUMNS, rows, cells)
}

/// How urgent a gate is, as a mark and a meaning.
const fn look(urgency: Urgency) -> (Mark, Role) {
    match urgency {
        Urgency::Over => (Mark::Warning, Role::Danger),
        Urgency::Soon => (Mark::Waits, Role::Warning),
        Urgency::Waits => (Mark::Waits, Role::Waiting),
        Urgency::Unknown => (Mark::Unknown, Role::Unknown),
    }
}

fn row(state: &State, one: &Waiting<'_>) -> Vec<Words> {
    let now = state.now();
    let is_chosen = Some(one.target) == state.focus().selected.as_ref();
    let (mark, role) = look(one.urgency);
    let cursor = if is_chosen { Mark::Cursor.sign() } else { " " };
    let name = format!("{}/{}", one.target.namespace, one.target.name);
    let verdict = one.row.metrics.verdict.as_ref();
    let judged = match verdict.map(|verdict| verdict.answer) {
        None => Words::of(Role::Unknown, "no verdict"),
        Some(answer @ (Answer::Pass | Answer::Fail | Answer::Inconclusive)) => {
            summary::verdict(answer).words()
        }
    };
    let author = one.row.workload.build.author.as_ref().map_or("", Text::as_str);
    let cells = vec![
        Words::of(Role::Focus, cursor).and(role, format!(" {}", mark.sign())),
        Words::of(if is_chosen { Role::Selection } else { Role::Text }, name),
        Words::of(Role::Muted, one.target.cluster.as_str()),
        Words::of(Role::Text, one.gate.why.as_str()),
        Words::of(Role::Muted, format::since(one.gate.since, now)),
        Words::of(role, time_left(state, one)),
        judged,
        Words::of(Role::Muted, author),
        summary::versions(&one.row.workload).words(),
    ];
    fleet::aged(state, one.target, cells)
}

/// `12m left`, `8m over`, `age unknown`.
fn time_left(state: &State, one: &Waiting<'_>) -> String {
    let limit = state.session().gate_limit;
    let Some(waited) = one.gate.since.map(|since| age(since, state.now())) else {
        return "age unknown".to_owned();
    };
    let minutes = |time: Duration| format::span(time);
    match waited.checked_sub(limit) {
        Some(over) => format!("{} over", minutes(over)),
        None => format!("{} left", minutes(limit.saturating_sub(waited))),
    }
}

/// Comments that are shown; all of them are among the events of the rollout's screen.
const SAID_MAX: usize = 3;

/// What others said about it with this program, the newest first.
fn said(state: &State, one: &Waiting<'_>, cells: usize) -> Vec<Words> {
    let events = one.row.detail.as_ref().map(|detail| &*detail.events).unwrap_or_default();
    let comments = events.iter().rev().filter(|event| event.reason.as_str() == COMMENT_REASON);
    comments
        .take(SAID_MAX)
        .flat_map(|event| {
            let ago = format::since(event.last.or(event.first), state.now());
            let words = format!("{ago} ago  {}", event.message);
            answer::sentence("said", &words, Role::Text, cells)
        })
        .collect()
}

/// What must be seen before a yes: the answer of the fleet, the plan after it, and what a no would do.
fn before_the_answer(state: &State, one: &Waiting<'_>, cells: usize) -> Vec<Words> {
    let mut lines = answer::lines(state, cells);
    let plan = match (one.gate.kind, one.gate.left.is_empty()) {
        (GateKind::Step | GateKind::Inconclusive, false) => {
            let steps: Vec<&str> = one.gate.left.iter().map(Text::as_str).collect();
            steps.join(" → ")
        }
        (GateKind::Step | GateKind::Inconclusive, true) => {
            "the last step: then all of it".to_owned()
        }
        (GateKind::Switch, _) => "the active Service switches to the new version".to_owned(),
        (GateKind::Start, _) => {
            "the new version is scaled up and gets its first traffic".to_owned()
        }
        (GateKind::Traffic, _) => {
            "the new version gets its next weight, if its checks agree".to_owned()
        }
        (GateKind::Promotion, _) => "the primary gets the new version".to_owned(),
        (GateKind::Hand, _) => "it goes on where it was paused".to_owned(),
    };
    lines.extend(answer::sentence("then", &plan, Role::Text, cells));
    lines.extend(said(state, one, cells));
    for (label, action) in [("yes", one.gate.kind.approve()), ("no", one.gate.refuse)] {
        let (role, text) = match possible(action, &one.row.workload) {
            Ok(()) => (Role::Text, answer::effect(state, one.row, action).unwrap_or_default()),
            Err(why) => (Role::Warning, format!("not from here: {why}")),
        };
        let text = format!("{}: {text}", action.title());
        lines.extend(answer::sentence(label, &text, role, cells));
    }
    lines
}
