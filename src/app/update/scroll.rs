//! What scrolls: texts and pages whose length only the paint knows. A frame tells how far it goes, so that no key is spent
//! on scrolling past an end, and a page is as long as what was seen.

use crate::app::event::{Motion, Screen};
use crate::app::focus::{Loadable, Pager, Popup, Reach};
use crate::app::state::State;
use crate::domain::text::Text;

/// Rows of a page before a frame told how many there are.
const ROWS_UNKNOWN: usize = 10;

/// A new first line. Pages overlap by one line, so that the eye finds its place.
pub(super) fn to(at: usize, motion: Motion, reach: Option<Reach>) -> usize {
    let last = reach.map_or(usize::MAX, |reach| reach.last);
    let page = reach.map_or(ROWS_UNKNOWN, |reach| reach.rows).saturating_sub(1).max(1);
    match motion {
        Motion::Up => at.saturating_sub(1),
        Motion::Down => at.saturating_add(1).min(last),
        Motion::PageUp => at.saturating_sub(page),
        Motion::PageDown => at.saturating_add(page).min(last),
        Motion::Top => 0,
        Motion::Bottom => last,
        Motion::Left | Motion::Right => at,
    }
}

/// Cells beside a line of a pager: its border.
const SIDES: u16 = 4;

/// Moves in a text: down and up, and sideways by half a screen where lines are longer than it.
pub(super) fn pager(pager: &mut Pager, motion: Motion, reach: Option<Reach>, columns: u16) {
    pager.scroll = to(pager.scroll, motion, reach);
    let Loadable::Known(block) = &pager.body else { return };
    let room = usize::from(columns.saturating_sub(SIDES)).max(2);
    let longest = block.value.lines().iter().map(Text::as_str).map(|line| line.chars().count());
    let last = longest.max().unwrap_or_default().saturating_sub(room);
    match motion {
        Motion::Left => pager.shift = pager.shift.saturating_sub(room / 2),
        Motion::Right => pager.shift = pager.shift.saturating_add(room / 2).min(last),
        Motion::Up
        | Motion::Down
        | Motion::PageUp
        | Motion::PageDown
        | Motion::Top
        | Motion::Bottom => {}
    }
}

/// A frame was painted: nothing stays scrolled past its end.
pub(super) fn painted(state: &mut State, reach: Option<Reach>) {
    state.focus.reach = reach;
    let Some(reach) = reach else { return };
    let hold = |at: &mut usize| *at = (*at).min(reach.last);
    match state.focus.popups.last_mut() {
        Some(Popup::Pager(pager)) => hold(&mut pager.scroll),
        Some(Popup::Help { scroll } | Popup::Notices { scroll }) => hold(scroll),
        None if state.focus.screen == Screen::Rollout => hold(&mut state.focus.parts.scroll),
        Some(Popup::Picker(_) | Popup::Confirm(_)) | None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::focus::PagerKind;
    use crate::domain::observed::{Observed, Timestamp};
    use crate::domain::text::Block;

    const REACH: Option<Reach> = Some(Reach { last: 30, rows: 10 });

    #[test]
    fn no_key_is_spent_past_an_end_and_a_page_skips_no_line() {
        for (at, motion, wanted) in [
            (0, Motion::Up, 0),
            (0, Motion::Bottom, 30),
            (30, Motion::Down, 30),
            (30, Motion::PageDown, 30),
            (30, Motion::Up, 29),
            (30, Motion::PageUp, 21),
            (0, Motion::PageDown, 9),
            (5, Motion::PageUp, 0),
            (17, Motion::Top, 0),
            (17, Motion::Left, 17),
        ] {
            assert_eq!(to(at, motion, REACH), wanted, "{motion:?} at {at}");
        }
        assert_eq!(to(usize::MAX, Motion::Up, None), usize::MAX - 1);
    }

    #[test]
    fn a_long_line_is_read_to_its_end_and_no_further() {
        let seen = Observed::new(Block::clean(&"x".repeat(200)), Timestamp::UNIX_EPOCH);
        let mut text = Pager {
            title: Text::default(),
            body: Loadable::Known(seen),
            scroll: 0,
            shift: 0,
            kind: PagerKind::Log,
        };
        let mut shifts = Vec::new();
        for motion in [Motion::Right; 5].into_iter().chain([Motion::Left; 5]) {
            pager(&mut text, motion, REACH, 80);
            shifts.push(text.shift);
        }
        assert_eq!(shifts, [38, 76, 114, 124, 124, 86, 48, 10, 0, 0]);
    }
}
