//! The machine: one event in, effects out. Synchronous and total; the only writer of the state.

mod ask;
mod axis;
mod command;
mod dialog;
mod feed;
mod input;
mod order;
mod past;
mod picker;
mod scroll;
mod several;

use super::event::{Command, Effect, Event};
use super::notices::Urgency;
use super::state::State;
use crate::domain::feed::{SourceId, SourceKind};

/// Takes one event. What is to be done about it comes back as data.
///
/// ```
/// use pilothouse::app::event::{Command, Effect, Event};
/// # use pilothouse::app::{keymap::Keymap, state::*, update::update};
/// # let session = Session::empty();
/// # let mut state = State::new(session, Keymap::default(), pilothouse::domain::observed::Timestamp::UNIX_EPOCH);
/// assert_eq!(update(&mut state, Event::Command(Command::Quit)), [Effect::Quit]);
/// ```
#[must_use]
pub fn update(state: &mut State, event: Event) -> Vec<Effect> {
    let mut effects = taken(state, event);
    effects.extend(several::go_on(state));
    effects
}

fn taken(state: &mut State, event: Event) -> Vec<Effect> {
    match event {
        Event::Input(input) => input::take(state, input),
        Event::Command(command) => command::run(state, command),
        Event::Look(target) => command::look(state, target),
        Event::Ask(ask) => order::asked(state, *ask),
        Event::Tick(now) => feed::tick(state, now),
        Event::Feed(source, seen) => feed::take(state, &source, seen),
        Event::Answer(id, answer) => feed::answered(state, id, answer),
        Event::Order(id, news) => order::news(state, &id, news),
        Event::Painted(reach) => {
            scroll::painted(state, reach);
            vec![]
        }
        Event::Told(Ok(text)) => {
            state.notices.say(state.now, Urgency::Info, text.as_str());
            vec![]
        }
        Event::Told(Err(text)) => {
            state.notices.say(state.now, Urgency::Warning, text.as_str());
            vec![]
        }
        Event::Recalling => {
            state.orders.is_recalling = true;
            vec![]
        }
        Event::Left(left) => order::left(state, left),
        Event::Settled(id, outcome) => order::settled(state, &id, &outcome),
        Event::Warned(warnings) => {
            for warning in warnings {
                state.notices.say(state.now, Urgency::Warning, warning.as_str());
            }
            vec![]
        }
    }
}

/// What is asked for at the start: every cluster is expected, so that the first frame says "connecting to …".
#[must_use]
pub fn start(state: &mut State) -> Vec<Effect> {
    let now = state.now;
    let mut effects = Vec::new();
    for cluster in state.session.clusters.clone() {
        let id = SourceId { cluster: cluster.clone(), kind: SourceKind::Kubernetes };
        state.sources.expect(id, now);
        effects.extend(feed::follow(state, &cluster));
    }
    for cluster in state.session.measured.clone() {
        state.sources.expect(SourceId { cluster, kind: SourceKind::Prometheus }, now);
    }
    effects
}

/// A command as if its key had been pressed.
fn again(state: &mut State, command: Command) -> Vec<Effect> {
    command::run(state, command)
}
