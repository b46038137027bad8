//! The parts of a deed's dialog that speak of the server: the exact patch, our rights, and what it says to a dry run.

use crate::app::state::State;
use crate::control::order::{Order, OrderState};
use crate::control::plan::{
    AccessAnswer, DryRun, PatchFormat, Rehearsal, Subresource, Value, Write,
};
use crate::domain::observed::Freshness;
use crate::domain::text::Text;
use crate::ui::answer;
use crate::ui::format::{self, Keep};
use crate::ui::ink::Words;
use crate::ui::popups::confirm::{labelled, sentence};
use crate::ui::popups::frame;
use crate::ui::theme::Role;

/// The exact patch once it is known, else what it will set; at most `room` lines, from `scroll` on.
#[must_use]
pub fn patch(order: &Order, scroll: usize, (cells, room): (usize, usize)) -> Vec<Words> {
    let lines: Vec<String> = match &order.state {
        OrderState::Rehearsed(rehearsal) => {
            rehearsal.shown.lines().iter().map(Text::to_string).collect()
        }
        OrderState::Rehearsing
        | OrderState::RehearsalFailed(_)
        | OrderState::Sending
        | OrderState::Converging
        | OrderState::Unknown { .. }
        | OrderState::Ended(_) => order.plan.writes.iter().flat_map(symbols).collect(),
    };
    let all = lines.len();
    let told = if all > room { room.saturating_sub(1) } else { all };
    let start = scroll.min(all - told);
    let label = |index: usize| if index == 0 { "writes" } else { "" };
    let mut shown: Vec<Words> = lines
        .into_iter()
        .skip(start)
        .take(told)
        .enumerate()
        .map(|(index, line)| labelled(label(index), Words::of(Role::Muted, line)))
        .map(|line| line.cut(cells, Keep::Start))
        .collect();
    if all > told {
        let more = format!("… lines {} of the patch; ↑ ↓", frame::position(start, told, all));
        shown.push(labelled(label(told), Words::of(Role::Muted, more)));
    }
    shown
}

/// A write before the server was read: `Rollout api /status: status.abort = true`.
fn symbols(write: &Write) -> Vec<String> {
    let kind = write.object.kind.name();
    let part = match write.subresource {
        Some(Subresource::Status) => " /status",
        None => "",
    };
    let head = format!("{kind} {}{part}", write.object.name);
    match &write.format {
        PatchFormat::Delete => return vec![format!("{head}: deleted")],
        PatchFormat::Call(call) => return vec![call.request()],
        PatchFormat::Merge | PatchFormat::Json | PatchFormat::Strategic => {}
    }
    let set = |change: &crate::control::plan::Change| {
        format!("{head}: {} = {}", change.path.join("."), value(&change.value))
    };
    write.changes.iter().map(set).collect()
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Word(word) => word.to_string(),
        Value::RevisionOf(name) | Value::TemplateOf(name) => format!("the pod template of {name}"),
        Value::PrimaryOnly => "100 to the primary, 0 to the canary".to_owned(),
        Value::AnnotationsOf(name) => format!("the annotations of {name}"),
        Value::ServerTime => "the server's time".to_owned(),
    }
}

/// What the server says to it beforehand: rights and dry run.
#[must_use]
pub fn lines(state: &State, order: &Order, cells: usize) -> Vec<Words> {
    match &order.state {
        OrderState::Rehearsing => {
            vec![labelled("server", Words::of(Role::Unknown, "○ asking what it would say …"))]
        }
        OrderState::RehearsalFailed(why) => {
            let text = format!("✗ {why}; {}", why.remedy());
            sentence("server", &text, (Role::Danger, 2), cells)
        }
        OrderState::Rehearsed(answer) => {
            let mut lines = kept(answer, cells);
            lines.extend(rights(answer, cells));
            lines.extend(dry_run(state, answer, cells));
            lines
        }
        OrderState::Sending
        | OrderState::Converging
        | OrderState::Unknown { .. }
        | OrderState::Ended(_) => answer::order_words(order)
            .map(|(role, text)| sentence("server", &text, (role, 2), cells))
            .unwrap_or_default(),
    }
}

/// What a roll back does not put back.
fn kept(answer: &Rehearsal, cells: usize) -> Vec<Words> {
    let label = |place: usize| if place == 0 { "stays" } else { "" };
    let told = answer.kept.iter().enumerate();
    told.flat_map(|(place, words)| {
        sentence(label(place), words.as_str(), (Role::Warning, 2), cells)
    })
    .collect()
}

/// Rights that are missing, or of which the server did not speak.
fn rights(answer: &Rehearsal, cells: usize) -> Vec<Words> {
    let mut lines = Vec::new();
    for access in &answer.access {
        let right = &access.right;
        let (role, text) = match &access.answer {
            AccessAnswer::Allowed => continue,
            AccessAnswer::Denied(why) if why.is_empty() => {
                (Role::Danger, format!("✗ no right to {right}"))
            }
            AccessAnswer::Denied(why) => (Role::Danger, format!("✗ no right to {right}: {why}")),
            AccessAnswer::Silent(why) => {
                (Role::Warning, format!("▲ not said whether we may {right}: {why}"))
            }
        };
        lines.extend(sentence("rights", &text, (role, 2), cells));
    }
    lines
}

fn dry_run(state: &State, answer: &Rehearsal, cells: usize) -> Vec<Words> {
    let allowed = answer.access.iter().filter(|access| access.answer == AccessAnswer::Allowed);
    let rights: Vec<&str> = allowed.map(|access| access.right.as_str()).collect();
    let may =
        if rights.is_empty() { String::new() } else { format!(" · we may {}", rights.join(", ")) };
    let read = Freshness::of(Some(answer.read_at), state.now());
    let old = format::source_age(read).map(|old| format!(" · {old} ago")).unwrap_or_default();
    let (role, text) = match &answer.dry_run {
        DryRun::Accepted(_) if answer.writes.is_empty() && answer.access.is_empty() => {
            (Role::Good, format!("✓ it is there; nothing is written{old}"))
        }
        DryRun::Accepted(_) => (Role::Good, format!("✓ dry run accepted{may}{old}")),
        DryRun::Rejected { code, why } => {
            (Role::Danger, format!("✗ dry run answered {code}: {why}"))
        }
        DryRun::NoGate(why) => (Role::Danger, format!("✗ {why}")),
        DryRun::Unsupported(why) => (
            Role::Warning,
            format!("▲ a webhook supports no dry run ({why}); typing the name overrides that"),
        ),
        DryRun::Silent(why) => (Role::Warning, format!("▲ the dry run got no answer: {why}")),
    };
    let mut lines = sentence("server", &text, (role, 2), cells);
    if let DryRun::Accepted(warnings) = &answer.dry_run {
        let told = warnings.iter().take(2);
        lines.extend(
            told.flat_map(|warning| {
                sentence("", &format!("▲ {warning}"), (Role::Warning, 1), cells)
            }),
        );
    }
    lines
}
