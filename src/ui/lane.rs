//! One release over time in one line: what happened as marks, how it was meanwhile as lines of four kinds, and what nobody
//! watched as a gap. Read without colours, and in ASCII too.

use crate::app::happenings::Meaning;
use crate::app::lanes::{self, Knowledge, Lane, Range, Span, Stretch, knowledge};
use crate::app::sources::Source;
use crate::domain::observed::Timestamp;

use super::format;
use super::ink::Words;
use super::marks::{Mark, Signs};
use super::theme::Role;
use super::time::Window;

/// What lies on a cell of a lane where nothing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// An update was on its way, it was held, it failed.
    Was(Stretch),
    /// It was watched, and nothing was.
    Quiet,
    /// The watch was not connected.
    Cut,
    /// Nobody watched yet, or it has not come yet.
    Blank,
}

impl Ground {
    /// What is seen, one cell wide; in ASCII every ground has a letter of its own.
    #[must_use]
    pub const fn sign(self, signs: Signs) -> char {
        match (self, signs) {
            (Self::Was(Stretch::Moving), Signs::Unicode) => '─',
            (Self::Was(Stretch::Moving), Signs::Ascii) => '-',
            (Self::Was(Stretch::Held), Signs::Unicode) => '‖',
            (Self::Was(Stretch::Held), Signs::Ascii) => '=',
            (Self::Was(Stretch::Failing), Signs::Unicode) => '━',
            (Self::Was(Stretch::Failing), Signs::Ascii) => '%',
            (Self::Quiet, Signs::Unicode) => '·',
            (Self::Quiet, Signs::Ascii) => '.',
            (Self::Cut, Signs::Unicode) => '░',
            (Self::Cut, Signs::Ascii) => ':',
            (Self::Blank, _) => ' ',
        }
    }

    /// What it means.
    #[must_use]
    pub const fn role(self) -> Role {
        match self {
            Self::Was(Stretch::Moving) => Role::Moving,
            Self::Was(Stretch::Held) => Role::Waiting,
            Self::Was(Stretch::Failing) => Role::Danger,
            Self::Quiet | Self::Blank => Role::Border,
            Self::Cut => Role::Stale,
        }
    }
}

/// The mark of what happened.
#[must_use]
pub const fn look(meaning: Meaning) -> (Mark, Role) {
    match meaning {
        Meaning::Completed => (Mark::Done, Role::Good),
        Meaning::Revision => (Mark::Revision, Role::Canary),
        Meaning::Warning => (Mark::Warning, Role::Warning),
        Meaning::Held => (Mark::Waits, Role::Waiting),
        Meaning::Foreign => (Mark::Foreign, Role::Text),
        Meaning::Deed => (Mark::Deed, Role::Focus),
        Meaning::Failed => (Mark::Bad, Role::Danger),
    }
}

/// What is read from the left to the right on every lane.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    /// Which moment stands where.
    pub window: Window,
    /// The present.
    pub now: Timestamp,
    /// The moment that is read.
    pub cursor: Option<Timestamp>,
    /// The signs of the terminal.
    pub signs: Signs,
}

impl Axis {
    /// This stretch of time over so many columns: the whole width is used, and every column is as long as the others.
    #[must_use]
    pub fn over(range: Range, columns: usize) -> Window {
        let columns = columns.max(1);
        let wide = i64::try_from(columns).unwrap_or(i64::MAX);
        let (from, to) = (range.from.as_second(), range.to.as_second());
        let seconds = to.saturating_sub(from).max(1);
        let step = (seconds / wide).saturating_add(i64::from(seconds % wide > 0)).max(1);
        Window { start: from, step, columns }
    }

    fn cursor_column(&self) -> Option<usize> {
        self.cursor.and_then(|at| self.window.column(at))
    }
}

/// The lane in words.
#[must_use]
pub fn line(lane: &Lane<'_>, source: Option<&Source>, axis: &Axis) -> Words {
    let mut cells: Vec<(Role, char)> = (0..axis.window.columns)
        .map(|column| ground(lane, source, axis, column))
        .map(|ground| (ground.role(), ground.sign(axis.signs)))
        .collect();
    let mut seen: Vec<Option<Meaning>> = vec![None; axis.window.columns];
    for (happening, meaning) in &lane.happenings {
        let slot = axis.window.column(happening.at).and_then(|column| seen.get_mut(column));
        if let Some(slot) = slot {
            *slot = (*slot).max(Some(*meaning));
        }
    }
    for span in &lane.spans {
        lasted(&mut cells, &seen, span, axis);
    }
    for (cell, meaning) in cells.iter_mut().zip(&seen) {
        if let Some(meaning) = meaning {
            let (mark, role) = look(*meaning);
            *cell = (role, mark.sign().chars().next().unwrap_or(' '));
        }
    }
    if let Some(column) = axis.cursor_column()
        && let (Some(cell), Some(mark)) = (cells.get_mut(column), seen.get(column))
    {
        // A mark under the cursor stays what it is.
        *cell = match mark {
            Some(_) => (Role::Selection, cell.1),
            None => (Role::Focus, '│'),
        };
    }
    runs(&cells)
}

/// Writes how long it was held or failed on the line itself, behind its beginning, where there is room.
fn lasted(cells: &mut [(Role, char)], seen: &[Option<Meaning>], span: &Span, axis: &Axis) {
    let ground = Ground::Was(span.stretch);
    let place = axis.window.column(span.from).map(|column| column + 2);
    let Some(place) = place.filter(|_| span.stretch != Stretch::Moving) else { return };
    let words = format::span(span.lasted(axis.now));
    let cell = (ground.role(), ground.sign(axis.signs));
    let end = place + words.len();
    let is_free = cells.get(place - 1..=end).is_some_and(|room| room.iter().all(|it| *it == cell))
        && seen.get(place - 1..=end).is_some_and(|room| room.iter().all(Option::is_none));
    if is_free {
        put(cells, place, (ground.role(), &words));
    }
}

fn ground(lane: &Lane<'_>, source: Option<&Source>, axis: &Axis, column: usize) -> Ground {
    let range = Range { from: axis.window.begins(column), to: axis.window.begins(column + 1) };
    match knowledge(source, range, axis.now) {
        Knowledge::Future => Ground::Blank,
        Knowledge::Cut => Ground::Cut,
        known @ (Knowledge::Watched | Knowledge::Traces) => {
            let was = lane.spans.iter().rev().find(|span| {
                span.from < range.to && span.until.is_none_or(|until| until > range.from)
            });
            match (was, known) {
                (Some(span), _) => Ground::Was(span.stretch),
                (None, Knowledge::Watched) => Ground::Quiet,
                (None, _) => Ground::Blank,
            }
        }
    }
}

fn runs(cells: &[(Role, char)]) -> Words {
    let mut line = Words::new();
    for run in cells.chunk_by(|a, b| a.0 == b.0) {
        let role = run.first().map_or(Role::Text, |(role, _)| *role);
        line.push(role, run.iter().map(|(_, sign)| *sign).collect::<String>());
    }
    line
}

/// Distances of the times on the ruler, in seconds: those that people count in.
const TICKS: [i64; 15] = [
    60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
    1_209_600,
];

/// Columns from one time of the ruler to the next, at least.
const TICK_COLUMNS: i64 = 10;

const DAY: i64 = 86_400;

const NOW: &str = "now";

/// The times above the lanes, where now is, and how far one looks back from the cursor.
#[must_use]
pub fn ruler(axis: &Axis, back: std::time::Duration) -> Words {
    let window = &axis.window;
    let mut cells: Vec<(Role, char)> = vec![(Role::Border, ' '); window.columns];
    let fits = |tick: &i64| *tick >= window.step.saturating_mul(TICK_COLUMNS);
    let tick = TICKS.into_iter().find(fits).unwrap_or(TICKS[TICKS.len() - 1]);
    let first = window.start.div_euclid(tick).saturating_mul(tick);
    for at in (0..).map_while(|turn: i64| first.checked_add(turn.checked_mul(tick)?)) {
        let Ok(moment) = Timestamp::from_second(at) else { break };
        if moment >= window.begins(window.columns) {
            break;
        }
        let Some(column) = window.column(moment) else { continue };
        let is_day = at.rem_euclid(DAY) == 0;
        let words = moment.strftime(if is_day { "%m-%d" } else { "%H:%M" }).to_string();
        if column + words.len() < window.columns {
            put(&mut cells, column, (Role::Border, "┌"));
            put(&mut cells, column + 1, (Role::Muted, &words));
        }
    }
    if let Some(column) = window.column(lanes::drawn_to(axis.now)) {
        let start = column.min(window.columns.saturating_sub(NOW.len()));
        // A time that would run into it gives way.
        for cell in cells.iter_mut().skip(start.saturating_sub(6)).take(6 + NOW.len() + 6) {
            *cell = (Role::Border, ' ');
        }
        put(&mut cells, start, (Role::Heading, NOW));
    }
    if let (Some(column), Some(at)) = (axis.cursor_column(), axis.cursor) {
        let from = at.checked_sub(back).ok().and_then(|from| window.column(from)).unwrap_or(0);
        if from + 1 < column {
            put(&mut cells, from, (Role::Focus, &format!("├{}", "─".repeat(column - from - 1))));
        }
        put(&mut cells, column, (Role::Focus, "↓"));
    }
    runs(&cells)
}

/// Writes a text over cells; what does not fit is left out.
fn put(cells: &mut [(Role, char)], column: usize, (role, text): (Role, &str)) {
    for (cell, sign) in cells.iter_mut().skip(column).zip(text.chars()) {
        *cell = (role, sign);
    }
}

/// What the signs mean, the most wanted first; what does not fit is left out as a whole.
#[must_use]
pub fn legend(signs: Signs, cells: usize) -> Words {
    let mark = |meaning| {
        let (mark, role) = look(meaning);
        (role, mark.sign().to_owned())
    };
    let ground = |ground: Ground| (ground.role(), ground.sign(signs).to_string());
    let all = [
        (mark(Meaning::Failed), "failed"),
        (mark(Meaning::Revision), "revision"),
        (mark(Meaning::Held), "gate"),
        (mark(Meaning::Deed), "deed"),
        (mark(Meaning::Foreign), "other tool"),
        (mark(Meaning::Warning), "warning"),
        (ground(Ground::Cut), "not watched"),
        (mark(Meaning::Completed), "completed"),
        (ground(Ground::Quiet), "quiet"),
        (ground(Ground::Was(Stretch::Moving)), "moving"),
        (ground(Ground::Was(Stretch::Held)), "held"),
        (ground(Ground::Was(Stretch::Failing)), "failing"),
        ((Role::Text, "blank".to_owned()), "only traces known"),
    ];
    let mut line = Words::new();
    for ((role, sign), says) in all {
        let next = Words::of(Role::Text, if line.is_empty() { " " } else { "  " })
            .and(role, sign)
            .and(Role::Muted, format!(" {says}"));
        if line.width() + next.width() <= cells {
            line = line.then(next);
        }
    }
    line
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
