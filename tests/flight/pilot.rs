//! The operator at the front of one process: asks for deeds, says yes or does not, and reads how they end.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use pilothouse::app::event::{Ask, Command, Consent, Effect, Event};
use pilothouse::app::focus::{Dialog, DialogField, Popup};
use pilothouse::app::input::Input;
use pilothouse::app::orders::asks_for_name;
use pilothouse::app::state::{Mode, State};
use pilothouse::control::action::{Action, Confirm, Danger};
use pilothouse::control::check::{CheckId, Refusal};
use pilothouse::control::plan::possible;
use pilothouse::domain::ids::WorkloadRef;
use pilothouse::domain::text::Text;
use pilothouse::runtime::front::{Cause, Front, Next};
use tokio::time::Instant;

use crate::dice::Dice;
use crate::life::Life;
use crate::story::Story;
use crate::witness::Witness;

/// How a deed is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// On the command line, with the yes given beforehand.
    Line,
    /// In a dialog, with the yes so much later.
    Dialog(Duration),
}

/// One thing that the operator is going to do.
#[derive(Clone, Debug)]
struct Intention {
    at: Duration,
    style: Style,
    mood: Mood,
    choice: u64,
}

/// In which state of mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Calm,
    /// Only pause or abort will do.
    Alarmed,
    /// Gives the wrong yes, and forgets to arm.
    Confused,
}

/// Where he is with it.
enum Hand {
    Free,
    /// A dialog is open; he answers it at that time, and gives up after so many tries.
    Asked {
        at: Duration,
        tries: u32,
    },
}

/// The operator of one process.
pub(crate) struct Pilot {
    life: Life,
    witness: Witness,
    story: Story,
    start: Instant,
    script: VecDeque<Intention>,
    hand: Hand,
    /// What was said with the last deed of the command line.
    consent: Consent,
    known: BTreeSet<String>,
    /// When he dies, if he does: so many crossings after he asked for his last deed.
    pub(crate) doom: Option<i64>,
}

impl Pilot {
    pub(crate) fn new(
        (life, witness, story): (&Life, &Witness, &Story),
        start: Instant,
        dice: &mut Dice,
    ) -> Self {
        let count = 1 + dice.below(3);
        let mut script: Vec<Intention> = (0..count).map(|_| intention(start, dice)).collect();
        script.sort_by_key(|it| it.at);
        Self {
            life: life.clone(),
            witness: witness.clone(),
            story: story.clone(),
            start,
            script: script.into(),
            hand: Hand::Free,
            consent: Consent::None,
            known: BTreeSet::new(),
            doom: None,
        }
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Tells the witness of every order.
    fn report(&mut self, state: &State) {
        let now = self.now();
        for order in state.orders().iter() {
            self.witness.told(self.life.who(), order, now);
            self.known.insert(order.id().as_str().to_owned());
        }
        self.witness.left(self.life.who(), state.orders().left().count());
    }

    /// Asks for the next deed, if it is time and there is something to ask for.
    fn ask(&mut self, state: &State) -> Option<Vec<Event>> {
        let next = self.script.front().filter(|it| it.at <= self.now())?.clone();
        let (target, row) = state.fleet().rows().next()?;
        self.script.pop_front();
        let can = |action: &Action| possible(*action, &row.workload).is_ok();
        let wanted =
            |action: &Action| next.mood != Mood::Alarmed || action.danger() == Danger::Safe;
        let mut choices: Vec<Action> = Action::ALL.into_iter().filter(wanted).collect();
        if choices.iter().any(can) && next.choice % 10 != 0 {
            choices.retain(can);
        }
        let count = u64::try_from(choices.len()).unwrap();
        let action = choices[usize::try_from(next.choice / 10 % count).unwrap()];
        self.story.tell(self.life.who(), || format!("wants {action} ({:?})", next.style));
        if self.script.is_empty()
            && let Some(crossings) = self.doom.take()
        {
            self.life.doom(crossings);
        }
        Some(match next.style {
            Style::Line => {
                let ask = line(action, target, next.mood);
                self.consent = ask.consent.clone();
                vec![Event::Ask(Box::new(ask))]
            }
            Style::Dialog(wait) => {
                self.hand = Hand::Asked { at: self.now() + wait, tries: 3 };
                let mut events = Vec::new();
                if next.mood != Mood::Confused && !state.orders().is_armed(&target.cluster) {
                    events.push(Event::Command(Command::Arm));
                }
                events.push(Event::Command(Command::Deed(action)));
                events
            }
        })
    }

    /// Answers the dialog, if it is time.
    fn answer(&mut self, state: &State) -> Option<Vec<Event>> {
        let Hand::Asked { at, tries } = self.hand else { return None };
        let open = state.focus().popups.iter().rev().find_map(|popup| match popup {
            Popup::Confirm(dialog) => Some(dialog),
            _ => None,
        });
        let Some(dialog) = open else {
            self.hand = Hand::Free;
            return None;
        };
        let id = dialog.order()?.clone();
        self.must_not_hold_up(state, dialog);
        if self.now() < at {
            return None;
        }
        if tries == 0 {
            self.hand = Hand::Free;
            return Some(vec![Event::Command(Command::Back)]);
        }
        self.hand = Hand::Asked { at: self.now() + Duration::from_millis(1_500), tries: tries - 1 };
        let order = state.orders().get(&id)?;
        if dialog.field == DialogField::Reason {
            // Letters there are text; a yes comes after them.
            let keys =
                if dialog.reason.value().is_empty() { &["o", "k", "tab"][..] } else { &["tab"] };
            let now = state.now();
            let key = |key: &&str| Event::Input(Input::Key(key.parse().unwrap(), now));
            return Some(keys.iter().map(key).collect());
        }
        if may(state) {
            self.witness.yes(self.life.who(), order, self.now());
        }
        if !asks_for_name(order) {
            return Some(vec![Event::Command(Command::Yes)]);
        }
        let name = order.plan.target.name.to_string();
        let letters = name.chars().map(|letter| letter.to_string());
        let keys = letters.chain(["enter".to_owned()]);
        let now = state.now();
        Some(keys.map(|key| Event::Input(Input::Key(key.parse().unwrap(), now))).collect())
    }

    /// Pause and abort are never refused because of old facts or a bad disk.
    fn must_not_hold_up(&self, state: &State, dialog: &Dialog) {
        let order = dialog.order().and_then(|id| state.orders().get(id));
        let is_safe = order.is_some_and(|order| order.plan.action.danger() == Danger::Safe);
        let holds_up = |it: &Refusal| matches!(it.check, CheckId::Freshness | CheckId::Record);
        if is_safe && dialog.refusals.iter().any(holds_up) {
            let words = format!("{} was refused: {:?}", self.life.who(), dialog.refusals);
            self.story.breach(self.life.who(), &words);
        }
    }

    /// What was asked for on the command line was said yes to as it was asked.
    fn consented(&mut self, state: &State) {
        for order in state.orders().iter() {
            let is_new = !self.known.contains(order.id().as_str());
            let says_yes = self.consent != Consent::None && may(state);
            if is_new && matches!(self.hand, Hand::Free) && says_yes {
                self.witness.yes(self.life.who(), order, self.now());
            }
        }
    }

    fn due(&self) -> Option<Duration> {
        let next = self.script.front().map(|it| it.at);
        let answer = match self.hand {
            Hand::Asked { at, .. } => Some(at),
            Hand::Free => None,
        };
        [next, answer].into_iter().flatten().min()
    }
}

impl Front for Pilot {
    fn read(&mut self, state: &State) -> Next {
        if self.life.is_over() {
            return Next::Wait;
        }
        self.consented(state);
        self.report(state);
        if let Some(events) = self.answer(state).or_else(|| match self.hand {
            Hand::Free => self.ask(state),
            Hand::Asked { .. } => None,
        }) {
            return Next::Say(events);
        }
        let wait = self.due().map(|due| due.saturating_sub(self.now()));
        match wait.filter(|wait| *wait > Duration::ZERO) {
            Some(wait) => Next::Within(wait),
            None => Next::Wait,
        }
    }

    fn act(&mut self, _effect: Effect, _state: &State) -> Vec<Event> {
        Vec::new()
    }

    fn quit(&mut self, _state: &State, _cause: Cause) -> u8 {
        0
    }
}

/// Whether a yes means anything here.
fn may(state: &State) -> bool {
    state.session().mode != Mode::ReadOnly
}

fn intention(start: Instant, dice: &mut Dice) -> Intention {
    let style = if dice.chance(60) {
        Style::Line
    } else {
        Style::Dialog(Duration::from_millis(dice.pick(&[500, 1_500, 4_000, 18_000])))
    };
    let begins = start.elapsed();
    Intention {
        at: begins + dice.ms(500, 16_000),
        style,
        mood: match dice.below(20) {
            0..5 => Mood::Alarmed,
            5 => Mood::Confused,
            _ => Mood::Calm,
        },
        choice: dice.next(),
    }
}

fn line(action: Action, target: &WorkloadRef, mood: Mood) -> Ask {
    let consent = match (action.confirm(), mood == Mood::Confused) {
        (Confirm::TypedName, false) => Consent::Name(Text::clean(target.name.as_str())),
        (Confirm::Yes | Confirm::YesWhenFresh, false) | (Confirm::TypedName, true) => Consent::Yes,
        (Confirm::Yes | Confirm::YesWhenFresh, true) => Consent::None,
    };
    Ask { action, target: target.clone(), reason: Text::from("a flight"), consent }
}
