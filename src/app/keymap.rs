//! Keys → commands: a trie per context, laid over each other.

use super::event::Command;
use crate::app::key::Key;

/// Where a key is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyContext {
    /// Everywhere, after the context's own table.
    Global,
    /// The fleet.
    Fleet,
    /// One rollout.
    Rollout,
    /// The time axis.
    Timeline,
    /// Help, notices, logs, objects.
    Pager,
    /// A list to choose from, and the filter line: other keys are typed.
    Picker,
    /// The dialog of a deed; where a name is typed other keys are typed.
    Confirm,
}

/// What keys mean so far.
#[derive(Clone, Debug, PartialEq)]
pub enum Lookup {
    /// Nothing.
    Unbound,
    /// The beginning of something.
    Prefix,
    /// This.
    Bound(Command),
}

/// The bindings of all contexts.
#[derive(Clone, Debug, Default)]
pub struct Keymap {}

impl Keymap {
    /// What these keys mean in this context (its own table first, then the global one).
    #[must_use]
    pub fn lookup(&self, _context: KeyContext, _keys: &[Key]) -> Lookup {
        Lookup::Unbound
    }
}
