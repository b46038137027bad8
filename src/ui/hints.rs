//! The lines that help on: which keys work here (always from the live keymap), what can follow a key, what was just said.

use crate::app::command::CommandSpec;
use crate::app::event::{Command, Motion, Screen, Show, Toward, Zoom};
use crate::app::focus::{DialogField, Focus, Popup};
use crate::app::key::sequence_text;
use crate::app::keymap::{KeyContext, Keymap, Next};
use crate::app::notices::Urgency;
use crate::app::state::{Mode, State};
use crate::control::action::Action;
use crate::control::plan::possible;

use super::ink::Words;
use super::summary;
use super::theme::Role;

/// Where the next key is pressed.
#[must_use]
pub fn context(focus: &Focus) -> KeyContext {
    match focus.popups.last() {
        Some(Popup::Confirm(_)) => KeyContext::Confirm,
        Some(Popup::Pager(_) | Popup::Help { .. } | Popup::Notices { .. }) => KeyContext::Pager,
        Some(Popup::Picker(_)) => KeyContext::Picker,
        None if focus.list.is_filtering => KeyContext::Picker,
        None => KeyContext::of_screen(focus.screen),
    }
}

/// The hint line: after the beginning of a sequence what can follow, else the keys that matter here.
#[must_use]
pub fn line(state: &State, cells: usize) -> Words {
    let focus = state.focus();
    let context = context(focus);
    if !focus.keys.is_empty() {
        return following(state.keymap(), context, focus);
    }
    let mut line = Words::of(Role::Text, " ");
    for (command, title) in wanted(state, context) {
        let Some(key) = state.keymap().keys_of(context, &command).into_iter().next() else {
            continue;
        };
        let gap = if line.width() > 1 { " · " } else { "" };
        let hint =
            Words::of(Role::Muted, gap).and(Role::Key, key).and(Role::Muted, format!(" {title}"));
        if line.width() + hint.width() <= cells {
            line = line.then(hint);
        }
    }
    line
}

/// The key of a command in this context, as hints elsewhere name it.
#[must_use]
pub fn key_of(keymap: &Keymap, context: KeyContext, command: &Command) -> Option<String> {
    keymap.keys_of(context, command).into_iter().next()
}

fn following(keymap: &Keymap, context: KeyContext, focus: &Focus) -> Words {
    let mut line = Words::of(Role::Key, format!(" {} ", sequence_text(&focus.keys)));
    for (key, next) in keymap.following(context, &focus.keys) {
        let words = match next {
            Next::Command(id) => CommandSpec::find(id).map_or(id, |spec| spec.title).to_owned(),
            Next::More(count) => format!("{count} more"),
        };
        line = line.and(Role::Key, format!("  {key}")).and(Role::Muted, format!(" {words}"));
    }
    line
}

/// The commands of the hint line, the most wanted first.
fn wanted(state: &State, context: KeyContext) -> Vec<(Command, &'static str)> {
    let title = |command: Command| {
        let title = CommandSpec::of(&command).map_or("", |spec| spec.title);
        (command, title)
    };
    match context {
        KeyContext::Confirm if is_explaining(state) => {
            vec![(Command::Open, "ends the reason"), (Command::Back, "back to the answer")]
        }
        KeyContext::Confirm if asks_for_name(state) => vec![
            (Command::Open, "submits the name, when it is the right one"),
            title(Command::Reason),
            (Command::Back, "leave, nothing is sent"),
        ],
        KeyContext::Confirm => vec![
            (Command::Yes, "yes"),
            (Command::No, "no"),
            title(Command::Reason),
            (Command::Back, "leave, nothing is sent"),
        ],
        KeyContext::Pager => {
            let mut wanted = vec![
                (Command::Back, "back"),
                (Command::Move(Motion::Down), "down"),
                (Command::Move(Motion::PageDown), "page"),
                (Command::Move(Motion::Top), "top"),
                (Command::Move(Motion::Bottom), "bottom"),
            ];
            if matches!(state.focus().popups.last(), Some(Popup::Pager(_))) {
                wanted.push((Command::Move(Motion::Right), "sideways"));
            }
            wanted
        }
        KeyContext::Picker => vec![
            (Command::Open, "choose"),
            (Command::Move(Motion::Down), "next"),
            (Command::Back, "back"),
        ],
        KeyContext::Fleet
        | KeyContext::Rollout
        | KeyContext::Timeline
        | KeyContext::Gates
        | KeyContext::FleetTimeline
        | KeyContext::Global
        | KeyContext::Screens => {
            let mut wanted = own(state.focus().screen);
            let deeds = if context == KeyContext::Gates { Vec::new() } else { deeds(state) };
            let called = |action| summary::deed_title(action, state.selected());
            wanted.extend(deeds.into_iter().map(|action| (Command::Deed(action), called(action))));
            wanted.extend(more(state.focus().screen).into_iter().map(title));
            wanted
        }
    }
}

/// Whether the keys go to the dialog's reason.
fn is_explaining(state: &State) -> bool {
    matches!(state.focus().popups.last(), Some(Popup::Confirm(dialog)) if dialog.field == DialogField::Reason)
}

/// Whether the dialog on top wants a name typed.
fn asks_for_name(state: &State) -> bool {
    let Some(Popup::Confirm(dialog)) = state.focus().popups.last() else { return false };
    let order = dialog.order().and_then(|id| state.orders().get(id));
    order.is_some_and(crate::app::orders::asks_for_name)
}

fn own(screen: Screen) -> Vec<(Command, &'static str)> {
    match screen {
        Screen::Fleet => vec![(Command::Open, "open")],
        Screen::Rollout => vec![(Command::Back, "back")],
        Screen::Timeline => vec![
            (Command::Back, "back"),
            (Command::Move(Motion::Left), "earlier"),
            (Command::Move(Motion::Right), "later"),
            (Command::Zoom(Zoom::In), "zoom in"),
            (Command::Zoom(Zoom::Out), "zoom out"),
        ],
        Screen::FleetTimeline => vec![
            (Command::Open, "open"),
            (Command::Back, "back"),
            (Command::Move(Motion::Left), "before"),
            (Command::Move(Motion::Right), "after"),
            (Command::Event(Toward::Earlier), "before on any lane"),
            (Command::Zoom(Zoom::In), "zoom in"),
            (Command::Zoom(Zoom::Out), "out"),
        ],
        Screen::Gates => vec![
            (Command::Back, "back"),
            (Command::Open, "open"),
            (Command::Approve, "approve"),
            (Command::Refuse, "refuse"),
        ],
    }
}

fn more(screen: Screen) -> Vec<Command> {
    let mut more = match screen {
        Screen::Fleet => {
            vec![Command::Go(Screen::Timeline), Command::Go(Screen::Gates), Command::Filter]
        }
        Screen::Rollout => vec![
            Command::Go(Screen::Timeline),
            Command::Show(Show::Log),
            Command::Show(Show::Diff),
            Command::Show(Show::Yaml),
        ],
        Screen::Timeline => vec![Command::Zoom(Zoom::All)],
        Screen::Gates => vec![Command::Show(Show::Diff), Command::Filter],
        Screen::FleetTimeline => vec![Command::Filter, Command::Sort, Command::ToggleSteady],
    };
    more.extend([Command::Show(Show::Palette), Command::Show(Show::Help)]);
    if screen == Screen::Gates {
        more.push(Command::Deed(Action::Comment));
    }
    if matches!(screen, Screen::Fleet | Screen::Gates) {
        more.push(Command::Go(Screen::FleetTimeline));
    }
    more
}

/// The deeds that are possible on the selected rollout, the way back first.
#[must_use]
pub fn deeds(state: &State) -> Vec<Action> {
    let Some(row) = state.selected().filter(|_| state.session().mode != Mode::ReadOnly) else {
        return Vec::new();
    };
    [
        Action::Abort,
        Action::Promote,
        Action::Resume,
        Action::Retry,
        Action::Pause,
        Action::Rollback { to: None },
    ]
    .into_iter()
    .filter(|action| possible(*action, &row.workload).is_ok())
    .collect()
}

/// The notice line: what was just said, or an alarm that nobody looked at.
#[must_use]
pub fn notice(state: &State) -> Words {
    let Some(notice) = state.notices().current(state.now()) else { return Words::new() };
    let (role, mark) = match notice.urgency {
        Urgency::Info => (Role::Text, "·"),
        Urgency::Warning => (Role::Warning, "▲"),
        Urgency::Alarm => (Role::Danger, "▲"),
    };
    Words::of(role, format!(" {mark} ")).and(role, notice.text.as_str())
}
