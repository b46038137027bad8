//! Keys become commands or text. A dialog takes no key that is older than itself, and a paste is never a command.

use tui_input::InputRequest;

use super::{command, order, picker};
use crate::app::event::{Command, Effect};
use crate::app::focus::{DialogField, PickerKind, Popup};
use crate::app::input::Input;
use crate::app::key::{Key, KeyCode, Modifiers};
use crate::app::keymap::{KeyContext, Lookup};
use crate::app::orders::asks_for_name;
use crate::app::state::State;
use crate::control::action::Confirm;
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

/// Takes what the terminal brought.
pub(super) fn take(state: &mut State, input: Input) -> Vec<Effect> {
    match input {
        Input::Key(key, at) => pressed(state, key, at),
        Input::Paste(text, at) => pasted(state, &text, at),
        Input::Mouse(mouse, _) => command::mouse(state, mouse),
        Input::Resize { width, height } => {
            state.focus.size = (width, height);
            vec![]
        }
        Input::Background(background) => {
            state.session.background = Some(background);
            vec![Effect::Background(background)]
        }
        Input::FocusGained | Input::FocusLost => vec![],
        Input::Resumed(at) => order::resumed(state, at),
        Input::Hangup => command::run(state, Command::Quit),
    }
}

/// Where the next key is pressed.
#[must_use]
pub(super) fn context(state: &State) -> KeyContext {
    match state.focus.popups.last() {
        Some(Popup::Confirm(_)) => KeyContext::Confirm,
        Some(Popup::Pager(_) | Popup::Help { .. } | Popup::Notices { .. }) => KeyContext::Pager,
        Some(Popup::Picker(_)) => KeyContext::Picker,
        None if state.focus.list.is_filtering => KeyContext::Picker,
        None => KeyContext::of_screen(state.focus.screen),
    }
}

fn pressed(state: &mut State, key: Key, at: Timestamp) -> Vec<Effect> {
    if let Some(Popup::Confirm(dialog)) = state.focus.popups.last()
        && at <= dialog.opened_at
    {
        return vec![];
    }
    state.focus.list.is_chosen = true;
    let context = context(state);
    if is_typing(state) && is_text(key) && state.focus.keys.is_empty() {
        return typed(state, key);
    }
    state.focus.keys.push(key);
    match state.keymap.lookup(context, &state.focus.keys) {
        Lookup::Bound(bound) => {
            state.focus.keys.clear();
            command::run(state, bound)
        }
        Lookup::Prefix => vec![],
        Lookup::Unbound => {
            let was_alone = state.focus.keys.len() == 1;
            state.focus.keys.clear();
            if was_alone { typed(state, key) } else { vec![] }
        }
    }
}

/// Whether letters are text here.
fn is_typing(state: &State) -> bool {
    match state.focus.popups.last() {
        Some(Popup::Picker(_)) => true,
        Some(Popup::Confirm(dialog)) => {
            dialog.field == DialogField::Reason
                || dialog.order().and_then(|id| state.orders.get(id)).is_some_and(|order| {
                    // Of several rows only the deed decides: what one webhook cannot rehearse is refused in its turn.
                    let is_risky = order.plan.action.confirm() == Confirm::TypedName;
                    if dialog.is_several() { is_risky } else { asks_for_name(order) }
                })
        }
        Some(_) => false,
        None => state.focus.list.is_filtering,
    }
}

fn is_text(key: Key) -> bool {
    matches!(key.code(), KeyCode::Char(_))
        && !key.modifiers().contains(Modifiers::CTRL)
        && !key.modifiers().contains(Modifiers::ALT)
}

fn typed(state: &mut State, key: Key) -> Vec<Effect> {
    if let Some(request) = request(key) {
        edit(state, |line| {
            line.handle(request);
        });
    }
    vec![]
}

/// What a key does to a line of text, as in a shell.
fn request(key: Key) -> Option<InputRequest> {
    let is_ctrl = key.modifiers().contains(Modifiers::CTRL);
    Some(match key.code() {
        KeyCode::Char('w') if is_ctrl => InputRequest::DeletePrevWord,
        KeyCode::Char('u') if is_ctrl => InputRequest::DeleteLine,
        KeyCode::Char('a') if is_ctrl => InputRequest::GoToStart,
        KeyCode::Char('e') if is_ctrl => InputRequest::GoToEnd,
        KeyCode::Char(c) if is_text(key) => InputRequest::InsertChar(c),
        KeyCode::Backspace => InputRequest::DeletePrevChar,
        KeyCode::Delete => InputRequest::DeleteNextChar,
        KeyCode::Left => InputRequest::GoToPrevChar,
        KeyCode::Right => InputRequest::GoToNextChar,
        KeyCode::Home => InputRequest::GoToStart,
        KeyCode::End => InputRequest::GoToEnd,
        KeyCode::Char(_)
        | KeyCode::Enter
        | KeyCode::Esc
        | KeyCode::Tab
        | KeyCode::Insert
        | KeyCode::PageUp
        | KeyCode::PageDown
        | KeyCode::Up
        | KeyCode::Down
        | KeyCode::F(_) => return None,
    })
}

/// Longest line that can be typed; a name has at most 253 characters.
const TYPED_MAX: usize = 300;

fn edit(state: &mut State, change: impl FnOnce(&mut tui_input::Input)) {
    match state.focus.popups.last_mut() {
        Some(Popup::Picker(open)) => {
            change(&mut open.query);
            cut(&mut open.query);
            picker::search(open);
        }
        Some(Popup::Confirm(dialog)) => {
            let line = match dialog.field {
                DialogField::Answer => &mut dialog.typed,
                DialogField::Reason => &mut dialog.reason,
            };
            change(line);
            cut(line);
        }
        None if state.focus.list.is_filtering => {
            change(&mut state.focus.list.filter);
            cut(&mut state.focus.list.filter);
            command::keep_selection(state);
        }
        Some(Popup::Pager(_) | Popup::Help { .. } | Popup::Notices { .. }) | None => {}
    }
}

fn cut(line: &mut tui_input::Input) {
    if line.value().chars().count() > TYPED_MAX {
        *line = line.value().chars().take(TYPED_MAX).collect::<String>().into();
    }
}

/// A paste is text where text is typed, but never the answer to a dialog: a name must be typed by a person.
fn pasted(state: &mut State, text: &Text, _at: Timestamp) -> Vec<Effect> {
    let is_picker = matches!(
        state.focus.popups.last(),
        Some(Popup::Picker(open)) if open.kind != PickerKind::Palette
    );
    let is_reason = matches!(
        state.focus.popups.last(),
        Some(Popup::Confirm(dialog)) if dialog.field == DialogField::Reason
    );
    let is_filter = state.focus.popups.is_empty() && state.focus.list.is_filtering;
    if is_picker || is_reason || is_filter {
        for c in text.as_str().chars().take(TYPED_MAX) {
            edit(state, |line| {
                line.handle(InputRequest::InsertChar(c));
            });
        }
    }
    vec![]
}
