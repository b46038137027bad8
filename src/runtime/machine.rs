//! The loop: receivers only, nothing that works. Input before news, news before facts, facts before time.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::clock::GapWatch;
pub use super::effects::Backends;
use super::effects::Runner;
use super::front::{Cause, Front, Next};
use super::signals::Signal;
use crate::app::event::{Command, Effect, Event};
use crate::app::input::Input;
use crate::app::state::State;
use crate::app::update::{start, update};
use crate::domain::feed::{Feed, SourceId};
use crate::domain::observed::Observed;

/// Room for one burst of a 1 000-pod namespace. Beyond it the source keeps the newest per workload, so a slow screen
/// makes facts coarser, not older.
const FEED_QUEUE_MAX: usize = 1_024;

/// Answers and order news wait for their place: they are few, and none of them may be lost.
const ANSWER_QUEUE_MAX: usize = 256;

/// Most events taken before the front reads the state again, so that a storm of facts never holds back a key.
const BATCH_MAX: usize = 256;

/// How often time passes when nothing else happens.
const TICK: Duration = Duration::from_secs(1);

/// Most times that a front may speak before the loop listens again: more is a front that talks to itself.
const SAY_MAX: usize = 16;

/// Runs the machine until its front ends it. Returns the exit code.
pub async fn run<F: Front + Send>(
    mut state: State,
    backends: Backends,
    mut front: F,
    mut signals: mpsc::Receiver<Signal>,
) -> u8 {
    let (feed_sender, mut feeds) = mpsc::channel::<(SourceId, Observed<Feed>)>(FEED_QUEUE_MAX);
    let (answer_sender, mut answers) = mpsc::channel::<Event>(ANSWER_QUEUE_MAX);
    let clock = backends.clock.clone();
    let mut runner = Runner::start(backends, &feed_sender, answer_sender);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let effects = start(&mut state);
    let mut machine = Machine { state: &mut state, runner: &mut runner, front: &mut front };
    let mut end = machine.effects(effects).or_else(|| machine.take(Event::Recalling));
    end = end.or_else(|| machine.settle());
    let mut wake = Instant::now() + TICK;
    let mut gaps = GapWatch::new(clock());
    let code = loop {
        if let Some(End::Code(code)) = end {
            break code;
        }
        if let Some(End::Quit(cause)) = end {
            break machine.front.quit(machine.state, cause);
        }
        let first = tokio::select! { biased;
            Some(signal) = signals.recv() => match signal.exit_code() {
                Some(code) => { end = Some(machine.leave(Cause::Signal(code))); continue; }
                None => match machine.front.signal(signal) {
                    Some(input) => Event::Input(input),
                    None => Event::Tick(clock()),
                },
            },
            input = machine.front.input() => match input {
                Some(Input::Hangup) | None => { end = Some(machine.leave(Cause::Hangup)); continue; }
                Some(input) => Event::Input(input),
            },
            Some(event) = answers.recv() => event,
            Some((source, seen)) = feeds.recv() => Event::Feed(source, seen),
            _ = ticks.tick() => Event::Tick(clock()),
            () = sleep_until(wake), if wake_is_wanted(end.as_ref()) => Event::Tick(clock()),
        };
        // Time first: whatever was pressed before this moment is older than what it may open.
        let now = clock();
        end = machine.take(Event::Tick(now)).or_else(|| machine.take(first));
        if gaps.tick(now).is_some() {
            end = end.or_else(|| machine.take(Event::Input(Input::Resumed(now))));
        }
        for _ in 1..BATCH_MAX {
            if end.is_some() {
                break;
            }
            let next = machine.front.pending().map(Event::Input);
            let next = next.or_else(|| answers.try_recv().ok());
            let next =
                next.or_else(|| feeds.try_recv().ok().map(|(id, seen)| Event::Feed(id, seen)));
            let Some(event) = next else { break };
            end = machine.take(event);
        }
        end = end.or_else(|| machine.settle());
        if let Some(End::Within(time)) = end {
            wake = Instant::now() + time;
        }
    };
    runner.farewell().await;
    code
}

/// How a batch ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// With this exit code.
    Code(u8),
    /// By asking the front.
    Quit(Cause),
    /// Not at all, but the front wants to read again within this time.
    Within(Duration),
}

const fn wake_is_wanted(end: Option<&End>) -> bool {
    matches!(end, Some(End::Within(_)))
}

/// The three that turn an event into effects and effects into events.
struct Machine<'a, F: Front> {
    state: &'a mut State,
    runner: &'a mut Runner,
    front: &'a mut F,
}

impl<F: Front> Machine<'_, F> {
    /// Records what was left alone, and ends.
    fn leave(&mut self, cause: Cause) -> End {
        let _ = self.take(Event::Command(Command::Quit));
        End::Quit(cause)
    }

    /// Takes one event and starts what follows from it.
    fn take(&mut self, event: Event) -> Option<End> {
        if let Event::Feed(source, seen) = &event
            && let Feed::Identity(identity) = &seen.value
        {
            self.runner.identify(source.cluster.clone(), identity.clone());
        }
        let effects = update(self.state, event);
        self.effects(effects)
    }

    fn effects(&mut self, effects: Vec<Effect>) -> Option<End> {
        for effect in effects {
            let Some(local) = self.runner.run(effect) else { continue };
            if local == Effect::Quit {
                return Some(End::Quit(Cause::Asked));
            }
            for event in self.front.act(local, self.state) {
                // What a front tells starts no effects of a front again.
                for effect in update(self.state, event) {
                    let _ = self.runner.run(effect);
                }
            }
        }
        None
    }

    /// Lets the front read, and say what it has to say.
    fn settle(&mut self) -> Option<End> {
        for _ in 0..SAY_MAX {
            match self.front.read(self.state) {
                Next::Wait => return None,
                Next::Within(time) => return Some(End::Within(time)),
                Next::End(code) => return Some(End::Code(code)),
                Next::Say(events) => {
                    for event in events {
                        if let Some(end) = self.take(event) {
                            return Some(end);
                        }
                    }
                }
            }
        }
        None
    }
}
