//! The dialog of a deed: on what, from where to where, what is written, what the server would say, what will happen, how
//! to undo it, why it may not go. The default is no.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::event::Command;
use crate::app::focus::{Dialog, DialogField};
use crate::app::keymap::KeyContext;
use crate::app::orders::asks_for_name;
use crate::app::state::State;
use crate::control::action::{Confirm, Danger};
use crate::control::order::{Order, OrderState};
use crate::control::plan::Plan;
use crate::domain::observed::{DEED_AGE_MAX, Freshness};
use crate::domain::text::Text;
use crate::ui::format::{self, Keep};
use crate::ui::ink::{CUT, Words};
use crate::ui::popups::frame::{self, Popup};
use crate::ui::popups::{rehearsal, several};
use crate::ui::theme::{Role, Theme};
use crate::ui::{hints, summary, typed};

/// Widest dialog that is read at a glance.
const COLUMNS_MAX: u16 = 110;

/// Cells of the labels.
const LABEL: usize = 10;

/// Fewest lines of the patch that are always shown.
const PATCH_LINES_MIN: usize = 2;

/// Paints the dialog.
pub fn paint(state: &State, dialog: &Dialog, theme: &Theme, buffer: &mut Buffer, screen: Rect) {
    if dialog.is_several() {
        return several::paint(state, dialog, theme, buffer, screen);
    }
    let Some(order) = dialog.order().and_then(|id| state.orders().get(id)) else { return };
    let (cells, rows) = frame::room(screen, COLUMNS_MAX);
    let plan = &order.plan;
    let role = match plan.action.danger() {
        Danger::Safe => Role::Focus,
        Danger::Ordinary => Role::Waiting,
        Danger::Risky => Role::Danger,
    };
    let called = called(state, plan);
    let title = Words::of(role, format!("{called} {}", plan.target))
        .and(Role::Muted, format!(" · {}", plan.target.cluster));
    let lines = lines(state, dialog, order, (cells, rows));
    let foot = foot(state, order);
    frame::paint(buffer, screen, cells, &Popup { title, lines, foot, role }, theme);
}

/// What the deed is called here.
fn called(state: &State, plan: &Plan) -> &'static str {
    summary::deed_title(plan.action, state.fleet().row(&plan.target))
}

/// All lines; the patch takes what the others leave.
fn lines(
    state: &State,
    dialog: &Dialog,
    order: &Order,
    (cells, rows): (usize, usize),
) -> Vec<Words> {
    let plan = &order.plan;
    let mut lines =
        [changed(dialog, cells), subject(plan, cells), will(plan, cells), warnings(plan, cells)]
            .concat();
    let below = [
        rehearsal::lines(state, order, cells),
        evidence(state, plan, cells),
        undo(plan, cells),
        refusals(dialog, cells),
        reason(state, dialog, cells),
        question(state, dialog, order, cells),
    ]
    .concat();
    let room = rows.saturating_sub(lines.len() + below.len()).max(PATCH_LINES_MIN);
    lines.extend(rehearsal::patch(order, dialog.scroll, (cells, room)));
    if lines.len() + below.len() > rows {
        // Too much for this terminal: what is asked, and why it may not go, is never lost.
        lines.truncate(rows.saturating_sub(below.len() + 1));
        lines.push(Words::of(Role::Warning, "… more than fits; a larger terminal shows all"));
    }
    let surplus = (lines.len() + below.len()).saturating_sub(rows);
    lines.extend(below);
    lines.drain(..surplus.min(lines.len()));
    lines
}

/// A label and what it labels.
pub(super) fn labelled(label: &str, words: Words) -> Words {
    let role = match label.chars().next() {
        Some('▲') => Role::Warning,
        Some('✗') => Role::Danger,
        Some(_) | None => Role::Heading,
    };
    Words::of(role, label.to_owned()).to(LABEL).then(words)
}

/// A sentence beside its label, over at most so many lines.
pub(super) fn sentence(
    label: &str,
    text: &str,
    (role, lines): (Role, usize),
    cells: usize,
) -> Vec<Words> {
    format::wrap(text, cells.saturating_sub(LABEL), lines, CUT)
        .into_iter()
        .enumerate()
        .map(|(index, line)| labelled(if index == 0 { label } else { "" }, Words::of(role, line)))
        .collect()
}

/// Asked again, because what the plan stands on changed.
fn changed(dialog: &Dialog, cells: usize) -> Vec<Words> {
    if dialog.changed.is_empty() {
        return Vec::new();
    }
    let all: Vec<&str> = dialog.changed.iter().map(Text::as_str).collect();
    let text = format!("{}. Below is the plan for what is so now.", all.join("; "));
    let mut lines = sentence("▲ changed", &text, (Role::Warning, 3), cells);
    lines.push(Words::new());
    lines
}

/// What it is aimed at, with everything that tells it from another.
fn subject(plan: &Plan, cells: usize) -> Vec<Words> {
    let target = &plan.target;
    let on = Words::of(Role::Text, format!("{} {}", target.kind, target.name))
        .and(Role::Muted, "  namespace ")
        .and(Role::Text, target.namespace.as_str())
        .and(Role::Muted, "  cluster ")
        .and(Role::Focus, target.cluster.as_str());
    let footing = &plan.footing;
    let step = footing.step_index.map(|index| format!("  step {}", index + 1));
    let run = footing.run.map(|run| format!("  {} at {} %", run.phase.name(), run.weight));
    let step = step.or(run).unwrap_or_default();
    let uid = format!("{}  generation {}{step}", footing.uid, footing.generation);
    let mut lines = vec![
        labelled("on", on).cut(cells, Keep::Start),
        labelled("uid", Words::of(Role::Muted, uid)).cut(cells, Keep::Start),
    ];
    lines.extend(sentence("change", plan.change.as_str(), (Role::Text, 2), cells));
    lines
}

fn will(plan: &Plan, cells: usize) -> Vec<Words> {
    let about =
        plan.prediction.about.map(|about| format!(" · in about {}", format::exactly(about)));
    let text = format!("{}{}", plan.prediction.effect, about.unwrap_or_default());
    let mut lines = sentence("will", &text, (Role::Text, 3), cells);
    if let Some(otherwise) = &plan.prediction.otherwise {
        lines.extend(sentence("else", otherwise.as_str(), (Role::Muted, 2), cells));
    }
    lines
}

/// Warnings that are told in full; the others are counted.
const WARNINGS_TOLD: usize = 4;

fn warnings(plan: &Plan, cells: usize) -> Vec<Words> {
    let all = &plan.prediction.warnings;
    let against = plan.prediction.against.as_ref().map(|why| {
        let words = format!("the canary fails: {why}");
        sentence("✗", &words, (Role::Danger, 2), cells)
    });
    let mut lines = against.unwrap_or_default();
    let told = all.iter().take(WARNINGS_TOLD);
    lines.extend(
        told.flat_map(|warning| sentence("▲", warning.as_str(), (Role::Warning, 2), cells)),
    );
    if all.len() > WARNINGS_TOLD {
        let more = format::count(all.len() - WARNINGS_TOLD, "more warning");
        lines.push(labelled("▲", Words::of(Role::Warning, more)));
    }
    lines
}

/// The verdict and its age, and how old the facts are.
fn evidence(state: &State, plan: &Plan, cells: usize) -> Vec<Words> {
    let mut words = Words::new();
    if let Some(row) = state.fleet().row(&plan.target)
        && let (Some(judged), Some(seen)) = (&row.metrics.verdict, &row.metrics.comparison)
    {
        words = summary::verdict(judged.answer).words();
        if let Some(old) = format::source_age(Freshness::of(Some(seen.at), state.now())) {
            words.push(Role::Stale, format!(" {old} old"));
        }
        let worst = judged.metrics.iter().find(|metric| metric.answer == Some(judged.answer));
        if let Some(worst) = worst {
            let name = format::metric_name(worst.kind);
            words.push(Role::Muted, format!("  {name} {}", worst.why));
        }
    }
    let source = state.sources().kubernetes(&plan.target.cluster);
    if let Some(Freshness::Stale(old)) = source.map(|source| source.freshness(state.now())) {
        let gap = if words.is_empty() { "" } else { " · " };
        let limit = format::exactly(DEED_AGE_MAX);
        let age = format::source_age(Freshness::Stale(old)).unwrap_or_default();
        let text = format!("{gap}◌ the cluster has been silent for {age}, limit {limit}");
        words.push(Role::Stale, text);
    }
    if words.is_empty() {
        return Vec::new();
    }
    vec![labelled("evidence", words).cut(cells, Keep::Start)]
}

fn undo(plan: &Plan, cells: usize) -> Vec<Words> {
    let words = match plan.reversal {
        Some(action) => Words::of(Role::Text, action.title()),
        None => Words::of(Role::Muted, "no deed undoes it"),
    };
    let deadline = format::exactly(plan.deadline);
    let words = words.and(Role::Muted, format!(" · stalled when not seen to arrive in {deadline}"));
    vec![labelled("undo", words).cut(cells, Keep::Start)]
}

/// Why it may not go, each with what would change that.
pub(super) fn refusals(dialog: &Dialog, cells: usize) -> Vec<Words> {
    let mut lines = Vec::new();
    for refusal in &dialog.refusals {
        lines.extend(sentence("✗ refused", refusal.why.as_str(), (Role::Danger, 2), cells));
        lines.extend(sentence("", refusal.remedy.as_str(), (Role::Text, 2), cells));
    }
    lines
}

/// Why the operator does it: for the record, and for those who read the object's Events.
pub(super) fn reason(state: &State, dialog: &Dialog, cells: usize) -> Vec<Words> {
    let key = hints::key_of(state.keymap(), KeyContext::Confirm, &Command::Reason);
    let key = key.unwrap_or_default();
    let room = cells.saturating_sub(LABEL).max(8);
    let words = match dialog.field {
        DialogField::Reason => typed::line(&dialog.reason, room),
        DialogField::Answer if dialog.reason.value().trim().is_empty() => {
            Words::of(Role::Key, key).and(Role::Muted, " says why, for the record")
        }
        DialogField::Answer => Words::of(Role::Text, Text::clean(dialog.reason.value()).as_str()),
    };
    vec![labelled("reason", words).cut(cells, Keep::Start)]
}

fn question(state: &State, dialog: &Dialog, order: &Order, cells: usize) -> Vec<Words> {
    let key = |command: Command| {
        hints::key_of(state.keymap(), KeyContext::Confirm, &command).unwrap_or_default()
    };
    let plan = &order.plan;
    if dialog.field == DialogField::Reason {
        let words = Words::of(Role::Key, key(Command::Open)).and(Role::Text, " ends the reason");
        return vec![Words::new(), words.cut(cells, Keep::Start)];
    }
    let words = if asks_for_name(order) {
        let name = plan.target.name.as_str();
        let is_right = dialog.typed.value() == name;
        let room = cells.saturating_sub(format::width(name) + 30).max(8);
        let line = Words::of(Role::Text, "type ")
            .and(Role::Focus, name)
            .and(Role::Text, ": ")
            .then(typed::line(&dialog.typed, room));
        if is_right {
            let submit = key(Command::Open);
            line.and(Role::Key, format!("  {submit}")).and(Role::Text, " does it")
        } else if dialog.typed.value().is_empty() || name.starts_with(dialog.typed.value()) {
            line
        } else {
            line.and(Role::Warning, "  ▲ not the name")
        }
    } else {
        Words::of(Role::Key, key(Command::Yes))
            .and(Role::Text, format!(" {} it   ", called(state, plan)))
            .and(Role::Key, key(Command::No))
            .and(Role::Text, " leave it")
    };
    vec![Words::new(), words.cut(cells, Keep::Start)]
}

fn foot(state: &State, order: &Order) -> Words {
    let key = hints::key_of(state.keymap(), KeyContext::Confirm, &Command::Back);
    let words =
        Words::of(Role::Key, key.unwrap_or_default()).and(Role::Muted, " leaves, nothing is sent");
    let is_waiting = matches!(order.state, OrderState::Rehearsing)
        && order.plan.action.confirm() != Confirm::Yes;
    if is_waiting {
        words.and(Role::Muted, " · a yes counts once the server has answered")
    } else {
        words
    }
}
