//! The dialog of a deed on marked rows: every row with its plan in short, then one question for all. The default is no.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::event::Command;
use crate::app::focus::{Dialog, DialogField};
use crate::app::keymap::KeyContext;
use crate::app::state::State;
use crate::control::action::{Action, Confirm, Danger};
use crate::control::check::phrase;
use crate::control::order::{Order, OrderState};
use crate::control::plan::{AccessAnswer, DryRun, Rehearsal};
use crate::domain::ids::WorkloadRef;
use crate::domain::text::Text;
use crate::ui::format::{self, Keep};
use crate::ui::ink::Words;
use crate::ui::popups::confirm::{reason, refusals, sentence};
use crate::ui::popups::frame::{self, Popup};
use crate::ui::theme::{Role, Theme};
use crate::ui::{hints, typed};

/// Widest dialog that is read at a glance.
const COLUMNS_MAX: u16 = 120;

/// Lines of one row: what it is aimed at, what it will do, what one must know.
const ROW_LINES: usize = 3;

/// Paints the dialog.
pub fn paint(state: &State, dialog: &Dialog, theme: &Theme, buffer: &mut Buffer, screen: Rect) {
    let Some(first) = dialog.order().and_then(|id| state.orders().get(id)) else { return };
    let action = first.plan.action;
    let (cells, rows) = frame::room(screen, COLUMNS_MAX);
    let role = match action.danger() {
        Danger::Safe => Role::Focus,
        Danger::Ordinary => Role::Waiting,
        Danger::Risky => Role::Danger,
    };
    let count = format::count(dialog.orders.len(), "rollout");
    let title = Words::of(role, format!("{action} {count}")).and(Role::Muted, order_of(action));
    let lines = lines(state, dialog, action, (cells, rows));
    let key = hints::key_of(state.keymap(), KeyContext::Confirm, &Command::Back);
    let foot =
        Words::of(Role::Key, key.unwrap_or_default()).and(Role::Muted, " leaves, nothing is sent");
    frame::paint(buffer, screen, cells, &Popup { title, lines, foot, role }, theme);
}

/// In which order they go.
fn order_of(action: Action) -> &'static str {
    match action.danger() {
        Danger::Safe => " · all at once",
        Danger::Ordinary | Danger::Risky => {
            " · one after the other; the first that does not arrive stops the rest"
        }
    }
}

fn lines(
    state: &State,
    dialog: &Dialog,
    action: Action,
    (cells, rows): (usize, usize),
) -> Vec<Words> {
    let mut lines = changed(dialog, cells);
    let below = [
        refusals(dialog, cells),
        reason(state, dialog, cells),
        question(state, dialog, action, cells),
    ]
    .concat();
    let orders = dialog.orders.iter().filter_map(|id| state.orders().get(id));
    let mut each: Vec<Vec<Words>> = orders.map(|order| row(order, cells)).collect();
    each.extend(dialog.left_out.iter().map(|left| left_out(left, cells)));
    let room = rows.saturating_sub(lines.len() + below.len() + 2).max(ROW_LINES);
    lines.extend(window(&each, dialog.scroll, room));
    lines.extend(below);
    let surplus = lines.len().saturating_sub(rows);
    // What is asked is never lost.
    lines.drain(..surplus);
    lines
}

/// The rows from the first one shown on, as many as fit, and how many lie above and below.
fn window(each: &[Vec<Words>], scroll: usize, room: usize) -> Vec<Words> {
    let all: usize = each.iter().map(Vec::len).sum();
    if all <= room {
        return each.concat();
    }
    let mut lines = Vec::new();
    let mut end = scroll;
    for row in each.iter().skip(scroll) {
        if !lines.is_empty() && lines.len() + row.len() > room {
            break;
        }
        lines.extend(row.iter().cloned());
        end += 1;
    }
    let said = |count: usize, place: &str| Words::of(Role::Muted, format!("{count} more {place}"));
    if scroll > 0 {
        lines.insert(0, said(scroll, "above"));
    }
    if end < each.len() {
        lines.push(said(each.len() - end, "below: all are listed, scroll"));
    }
    lines
}

fn named(target: &WorkloadRef, role: Role) -> Words {
    Words::of(role, target.to_string()).and(Role::Muted, format!(" · {}", target.cluster))
}

fn row(order: &Order, cells: usize) -> Vec<Words> {
    let plan = &order.plan;
    let head = Words::of(Role::Focus, "→ ").then(named(&plan.target, Role::Text));
    let head = head.then(server(order)).and(Role::Muted, format!("  {}", plan.change));
    let about = plan.prediction.about;
    let about = about.map(|about| format!(" · in about {}", format::exactly(about)));
    let will = format!("  {}{}", plan.prediction.effect, about.unwrap_or_default());
    let mut lines = vec![head.cut(cells, Keep::Start)];
    lines.push(Words::of(Role::Text, will).cut(cells, Keep::Start));
    lines.extend(warned(order).map(|words| words.cut(cells, Keep::Start)));
    lines
}

/// The first warning, and how many more there are.
fn warned(order: &Order) -> Option<Words> {
    let warnings = &order.plan.prediction.warnings;
    let first = warnings.first()?;
    let more = match warnings.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    Some(Words::of(Role::Warning, format!("  ▲ {first}{more}")))
}

/// What the server said, in a word.
fn server(order: &Order) -> Words {
    let (role, words) = match &order.state {
        OrderState::Rehearsing => (Role::Muted, "  asking the server …".to_owned()),
        OrderState::RehearsalFailed(why) => (Role::Danger, format!("  ✗ {why}")),
        OrderState::Rehearsed(answer) => said(answer),
        OrderState::Sending
        | OrderState::Converging
        | OrderState::Unknown { .. }
        | OrderState::Ended(_) => return Words::new(),
    };
    Words::of(role, words)
}

fn said(answer: &Rehearsal) -> (Role, String) {
    let denied =
        answer.access.iter().find(|access| matches!(access.answer, AccessAnswer::Denied(_)));
    if let Some(access) = denied {
        return (Role::Danger, format!("  ✗ not allowed: {}", access.right));
    }
    match &answer.dry_run {
        DryRun::Accepted(_) => (Role::Good, "  ✓ the server would take it".to_owned()),
        DryRun::Rejected { code, why } => (Role::Danger, format!("  ✗ refused ({code}): {why}")),
        DryRun::NoGate(why) => (Role::Danger, format!("  ✗ no gate there: {why}")),
        DryRun::Unsupported(why) | DryRun::Silent(why) => {
            (Role::Warning, format!("  ▲ not rehearsed: {why}"))
        }
    }
}

fn left_out((target, why): &(WorkloadRef, Text), cells: usize) -> Vec<Words> {
    let words = Words::of(Role::Muted, "– ").then(named(target, Role::Muted));
    vec![words.and(Role::Warning, format!("  left out: {why}")).cut(cells, Keep::Start)]
}

fn changed(dialog: &Dialog, cells: usize) -> Vec<Words> {
    if dialog.changed.is_empty() {
        return Vec::new();
    }
    let all: Vec<&str> = dialog.changed.iter().map(Text::as_str).collect();
    let text = format!("{}. Below are the plans for what is so now.", all.join("; "));
    let mut lines = sentence("▲ changed", &text, (Role::Warning, 3), cells);
    lines.push(Words::new());
    lines
}

fn question(state: &State, dialog: &Dialog, action: Action, cells: usize) -> Vec<Words> {
    let key = |command: Command| {
        hints::key_of(state.keymap(), KeyContext::Confirm, &command).unwrap_or_default()
    };
    let count = dialog.orders.len();
    let words = match (dialog.field, action.confirm()) {
        (DialogField::Reason, _) => {
            Words::of(Role::Key, key(Command::Open)).and(Role::Text, " ends the reason")
        }
        (DialogField::Answer, Confirm::TypedName) => {
            let wanted = phrase(action, count);
            let room = cells.saturating_sub(format::width(&wanted) + 30).max(8);
            let line = Words::of(Role::Text, "type ")
                .and(Role::Focus, wanted.clone())
                .and(Role::Text, ": ")
                .then(typed::line(&dialog.typed, room));
            let value = dialog.typed.value();
            if value == wanted {
                line.and(Role::Key, format!("  {}", key(Command::Open))).and(Role::Text, " does it")
            } else if wanted.starts_with(value) {
                line
            } else {
                line.and(Role::Warning, "  ▲ not the words")
            }
        }
        (DialogField::Answer, Confirm::Yes | Confirm::YesWhenFresh) => {
            Words::of(Role::Key, key(Command::Yes))
                .and(Role::Text, format!(" {action} all {count}   "))
                .and(Role::Key, key(Command::No))
                .and(Role::Text, " leave them")
        }
    };
    vec![Words::new(), words.cut(cells, Keep::Start)]
}
