//! Fronts: who brings input and reads the state. The full screen and each command that prints are fronts of the same
//! machine, so there is one path to a deed and one reading of the world.

use std::future::Future;
use std::time::Duration;

use crate::app::event::{Effect, Event};
use crate::app::input::Input;
use crate::app::state::State;
use crate::runtime::signals::Signal;

/// What a front wants after it has read the state.
#[derive(Debug)]
pub enum Next {
    /// Goes on.
    Wait,
    /// Goes on, and wants to read the state again after this time although nothing happens (a frame that was held
    /// back, a deadline).
    Within(Duration),
    /// Has something to say to the machine first.
    Say(Vec<Event>),
    /// Ends the program with this exit code.
    End(u8),
}

/// Where input comes from, and where what is known goes.
pub trait Front {
    /// The next input. Must be cancel-safe; a front without input never answers.
    fn input(&mut self) -> impl Future<Output = Option<Input>> + Send {
        std::future::pending()
    }

    /// Input that is there already.
    fn pending(&mut self) -> Option<Input> {
        None
    }

    /// Reads the state after a batch of events.
    fn read(&mut self, state: &State) -> Next;

    /// Does what only a screen can (clipboard, files of the screen, themes, stopping). What it has to tell comes back.
    fn act(&mut self, _effect: Effect, _state: &State) -> Vec<Event> {
        Vec::new()
    }

    /// What a signal means that does not end the program.
    fn signal(&mut self, _signal: Signal) -> Option<Input> {
        None
    }

    /// The operator asked to end the program, or a signal did. The exit code.
    fn quit(&mut self, state: &State, cause: Cause) -> u8;
}

/// Why the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The operator asked for it.
    Asked,
    /// The terminal is gone.
    Hangup,
    /// A signal, with the exit code that tells it.
    Signal(u8),
}
