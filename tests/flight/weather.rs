//! What goes wrong on the way between an operator and the API server, when, and for which requests; and with his disk.

use std::time::Duration;

use crate::dice::Dice;

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It arrives, and so does its answer.
    Well,
    /// No connection: it never left.
    Refused,
    /// It is lost on the way.
    LostRequest,
    /// It takes effect, and its answer is lost.
    LostAnswer,
    /// It arrives only so many milliseconds later, whether anybody still waits or not.
    Late(u64),
    /// Its answer takes so many milliseconds.
    Slow(u64),
    /// It takes effect, and the connection breaks in the middle of the answer.
    Torn,
    /// It arrives twice.
    Twice,
    /// The server, or something before it, answers so without doing it.
    Says(u16),
    /// It takes effect, and something in between answers so.
    DoneThen(u16),
}

/// Which requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    All,
    Reads,
    Writes,
}

/// What a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// Opens a stream.
    Watch,
    /// Reads an object, a list, a heartbeat, or asks a review.
    Read,
    /// Tells an Event, or is a dry run.
    Harmless,
    /// Changes an object that is released.
    Write,
}

/// Some time with a bad network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spell {
    pub(crate) from: Duration,
    pub(crate) until: Duration,
    pub(crate) fate: Fate,
    pub(crate) whom: Whom,
    pub(crate) percent: u64,
}

/// Some time in which open streams do badly.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    /// They break, at this moment.
    Cut(Duration),
    /// Nothing of them arrives: what is known becomes old while heartbeats go on.
    Held(Duration, Duration),
}

/// Some time with a bad disk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rot {
    pub(crate) from: Duration,
    pub(crate) until: Duration,
    pub(crate) what: Decay,
}

/// What a disk does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decay {
    /// It has no room left.
    Full,
    /// It takes no writes.
    ReadOnly,
    /// It writes, and cannot say that it is safe.
    NoSync,
    /// It writes half, and fails.
    Half,
    /// It does not answer.
    Hangs,
    /// It answers after so many milliseconds.
    Slow(u64),
}

/// The weather of one operator.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weather {
    pub(crate) spells: Vec<Spell>,
    pub(crate) streams: Vec<Stream>,
    pub(crate) rots: Vec<Rot>,
}

/// The last bad moment: from then on everything works, and the truth must come out.
pub(crate) const CALM_FROM: Duration = Duration::from_secs(30);

impl Weather {
    pub(crate) fn of(dice: &mut Dice) -> Self {
        let mut weather = Self::default();
        for _ in 0..dice.below(4) {
            weather.spells.push(spell(dice));
        }
        if dice.chance(8) {
            weather.dead_line(dice);
        }
        if dice.chance(30) {
            let at = dice.ms(2_000, 28_000);
            weather.streams.push(Stream::Cut(at));
        }
        if dice.chance(20) {
            let from = dice.ms(2_000, 20_000);
            weather.streams.push(Stream::Held(from, from + dice.ms(500, 15_000)));
        }
        if dice.chance(25) {
            let what = dice.pick(&[
                Decay::Full,
                Decay::ReadOnly,
                Decay::NoSync,
                Decay::Half,
                Decay::Hangs,
                Decay::Slow(300),
                Decay::Slow(1_500),
            ]);
            let from = dice.ms(0, 20_000);
            weather.rots.push(Rot { from, until: from + dice.ms(500, 15_000), what });
        }
        weather
    }

    /// The line swallows everything, for longer than facts may be old.
    fn dead_line(&mut self, dice: &mut Dice) {
        let from = dice.ms(1_000, 9_000);
        let until = from + dice.ms(16_000, 21_000);
        let (fate, whom, percent) = (Fate::LostRequest, Whom::All, 100);
        self.spells.insert(0, Spell { from, until, fate, whom, percent });
        self.streams.push(Stream::Held(from, until));
    }

    /// What happens to a request.
    pub(crate) fn fate(&self, sort: Sort, now: Duration, dice: &mut Dice) -> Fate {
        let strikes = |spell: &&Spell| {
            spell.from <= now && now < spell.until && spell.whom.is(sort) && spell.fate.suits(sort)
        };
        for spell in self.spells.iter().filter(strikes) {
            if dice.chance(spell.percent) {
                return spell.fate;
            }
        }
        Fate::Well
    }

    /// When a stream that is open now breaks next.
    pub(crate) fn cut_after(&self, now: Duration) -> Option<Duration> {
        let cut = |stream: &Stream| match stream {
            Stream::Cut(at) => Some(*at).filter(|at| *at > now),
            Stream::Held(..) => None,
        };
        self.streams.iter().filter_map(cut).min()
    }

    /// Until when nothing of a stream arrives.
    pub(crate) fn held_until(&self, now: Duration) -> Option<Duration> {
        let held = |stream: &Stream| match stream {
            Stream::Held(from, until) => (*from <= now && now < *until).then_some(*until),
            Stream::Cut(_) => None,
        };
        self.streams.iter().find_map(held)
    }

    /// How the disk does.
    pub(crate) fn decay(&self, now: Duration) -> Option<(Decay, Duration)> {
        let rot = self.rots.iter().find(|rot| rot.from <= now && now < rot.until)?;
        Some((rot.what, rot.until))
    }

    /// Whether a write may be hindered between two moments.
    pub(crate) fn hinders_writes(&self, from: Duration, until: Duration) -> bool {
        self.spells
            .iter()
            .any(|spell| spell.from < until && from < spell.until && spell.whom.is(Sort::Write))
    }
}

fn spell(dice: &mut Dice) -> Spell {
    let fate = match dice.below(14) {
        0 => Fate::Refused,
        1 => Fate::LostRequest,
        2 | 3 => Fate::LostAnswer,
        4 => Fate::Late(1_000 + dice.below(44_000)),
        5 => Fate::Slow(100 + dice.below(12_000)),
        6 => Fate::Torn,
        7 => Fate::Twice,
        8 => Fate::Says(dice.pick(&[401, 403, 409, 422])),
        9 => Fate::Says(429),
        10 => Fate::Says(dice.pick(&[500, 502, 503, 504])),
        _ => Fate::DoneThen(dice.pick(&[500, 502, 503, 504])),
    };
    let whom = dice.pick(&[Whom::All, Whom::Reads, Whom::Writes, Whom::Writes]);
    let from = dice.ms(0, 24_000);
    let until = (from + dice.ms(200, 20_000)).min(CALM_FROM);
    Spell { from, until, fate, whom, percent: dice.pick(&[20, 50, 100]) }
}

impl Whom {
    pub(crate) const fn is(self, sort: Sort) -> bool {
        match (self, sort) {
            (Self::All, _)
            | (Self::Reads, Sort::Read | Sort::Watch)
            | (Self::Writes, Sort::Write) => true,
            (Self::Reads | Self::Writes, _) => false,
        }
    }
}

impl Fate {
    /// Some things happen to writes only, and a stream is not torn here.
    const fn suits(self, sort: Sort) -> bool {
        match self {
            Self::Twice | Self::DoneThen(_) | Self::Late(_) | Self::LostAnswer => {
                matches!(sort, Sort::Write | Sort::Harmless)
            }
            Self::Torn | Self::Slow(_) => !matches!(sort, Sort::Watch),
            Self::Says(code) => code != 409 && code != 422 || matches!(sort, Sort::Write),
            Self::Well | Self::Refused | Self::LostRequest => true,
        }
    }
}
