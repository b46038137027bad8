//! The time axes: of one rollout, whose cursor goes through time by itself, and of the fleet, whose cursor goes from event to
//! event and from lane to lane.

use std::time::Duration;

use super::{command, past};
use crate::analysis::steps;
use crate::app::event::{Effect, Motion, Screen, Toward, Zoom};
use crate::app::happenings;
use crate::app::lanes::{self, Lane};
use crate::app::listing;
use crate::app::state::State;
use crate::domain::observed::{Timestamp, age};

/// Seconds that the time axis shows when nothing was zoomed.
const SPAN_DEFAULT: u32 = 1_800;

/// Least and most that it shows: a minute to a week.
const SPAN_RANGE: std::ops::RangeInclusive<u32> = 60..=604_800;

/// What the fleet's axis shows, in seconds: the spans in which people think of a day at work.
const SPANS: [u32; 11] =
    [600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 259_200, 604_800, 1_209_600, 2_592_000];

/// Zooms the axis of this screen.
pub(super) fn zoomed(state: &mut State, zoom: Zoom) -> Vec<Effect> {
    if state.focus.screen == Screen::FleetTimeline {
        return fleet_zoomed(state, zoom);
    }
    let axis = &mut state.focus.axis;
    let span = if axis.span_seconds == 0 { SPAN_DEFAULT } else { axis.span_seconds };
    axis.span_seconds = match zoom {
        Zoom::In => (span / 2).max(*SPAN_RANGE.start()),
        Zoom::Out => span.saturating_mul(2).min(*SPAN_RANGE.end()),
        Zoom::All => 0,
    };
    if zoom == Zoom::All {
        axis.back_seconds = 0;
    }
    vec![]
}

/// Left and right move the cursor in time, page by page they scroll; top and bottom go to the first moment and to now.
pub(super) fn moved(state: &mut State, motion: Motion) {
    let first = first_seconds(state);
    let axis = &mut state.focus.axis;
    let span = if axis.span_seconds == 0 { SPAN_DEFAULT } else { axis.span_seconds };
    let small = (span / 60).max(1);
    let cursor = axis.cursor_seconds.unwrap_or(axis.back_seconds);
    let far = *SPAN_RANGE.end();
    match motion {
        Motion::Left | Motion::Down => {
            axis.cursor_seconds = Some(cursor.saturating_add(small).min(far));
        }
        Motion::Right | Motion::Up => axis.cursor_seconds = Some(cursor.saturating_sub(small)),
        Motion::PageUp => axis.back_seconds = axis.back_seconds.saturating_add(span / 2).min(far),
        Motion::PageDown => axis.back_seconds = axis.back_seconds.saturating_sub(span / 2),
        Motion::Top if axis.span_seconds == 0 => axis.cursor_seconds = Some(first),
        Motion::Top => axis.cursor_seconds = Some(axis.back_seconds.saturating_add(span)),
        Motion::Bottom => (axis.back_seconds, axis.cursor_seconds) = (0, None),
    }
    if let Some(cursor) = axis.cursor_seconds.filter(|_| axis.span_seconds != 0) {
        // The axis follows its cursor.
        axis.back_seconds = axis.back_seconds.clamp(cursor.saturating_sub(span), cursor);
    }
}

/// How far back the present update began, where all of it is shown; else what is known first.
fn first_seconds(state: &State) -> u32 {
    let Some(row) = state.selected() else { return 0 };
    let made = steps::canary(&row.workload).and_then(|set| set.created);
    let first = || happenings::of(state, row).first().map(|told| told.at);
    let back = age(made.or_else(first).unwrap_or(state.now), state.now).as_secs();
    u32::try_from(back).unwrap_or(u32::MAX)
}

/// Scrolls the axis of this screen by half of what it shows.
pub(super) fn scrolled(state: &mut State, toward: Toward) -> Vec<Effect> {
    if state.focus.screen != Screen::FleetTimeline {
        moved(state, if toward == Toward::Earlier { Motion::PageUp } else { Motion::PageDown });
        return vec![];
    }
    let (now, axis) = (state.now, &mut state.focus.fleet_axis);
    let half = Duration::from_secs(u64::from(axis.span_seconds / 2));
    let end = axis.end.unwrap_or(now);
    let moved = match toward {
        Toward::Earlier => end.checked_sub(half),
        Toward::Later => end.checked_add(half),
    };
    axis.end = moved.ok().filter(|end| *end < now);
    vec![]
}

/// Shows the fleet's axis. The selected row stays selected where it passes the filter.
pub(super) fn fleet(state: &mut State) -> Vec<Effect> {
    command::visit(state, Screen::FleetTimeline);
    command::keep_selection(state);
    let mut effects = command::watched(state);
    effects.extend(past::again(state));
    effects
}

/// Up and down go from lane to lane, left and right from event to event; the ends are the lane's first event, and now.
pub(super) fn fleet_moved(state: &mut State, motion: Motion, page: usize) -> Vec<Effect> {
    let toward = match motion {
        Motion::Up | Motion::Down | Motion::PageUp | Motion::PageDown => {
            return command::list_moved(state, motion, page);
        }
        Motion::Left | Motion::Top => Toward::Earlier,
        Motion::Right | Motion::Bottom => Toward::Later,
    };
    let Some(row) = state.selected() else { return vec![] };
    let lane = Lane::of(state, row);
    let here = state.focus.fleet_axis.cursor.unwrap_or(Timestamp::MAX);
    let next = match motion {
        Motion::Top => lane.happenings.first().map(|(happening, _)| happening.at),
        Motion::Bottom => None,
        Motion::Left
        | Motion::Right
        | Motion::Up
        | Motion::Down
        | Motion::PageUp
        | Motion::PageDown => lanes::beside(&lane, here, toward),
    };
    match (next, motion) {
        (Some(at), _) => read(state, at),
        // Nothing lies before: the cursor stays.
        (None, Motion::Left | Motion::Top) => {}
        (None, _) => follow_now(state),
    }
    vec![]
}

/// To the event before or after the cursor, on any lane.
pub(super) fn to_event(state: &mut State, toward: Toward) -> Vec<Effect> {
    if state.focus.screen != Screen::FleetTimeline {
        return vec![];
    }
    let here = state.focus.fleet_axis.cursor.unwrap_or(Timestamp::MAX);
    let next = lanes::anywhere(state, here, toward).map(|(target, at)| (target.clone(), at));
    match (next, toward) {
        (Some((target, at)), _) => {
            state.focus.selected = Some(target);
            read(state, at);
            command::watched(state)
        }
        (None, Toward::Later) => {
            follow_now(state);
            vec![]
        }
        (None, Toward::Earlier) => vec![],
    }
}

fn follow_now(state: &mut State) {
    let axis = &mut state.focus.fleet_axis;
    (axis.end, axis.cursor) = (None, None);
}

/// Puts the cursor on a moment; the axis follows it.
fn read(state: &mut State, at: Timestamp) {
    state.focus.fleet_axis.cursor = Some(at);
    let range = lanes::range(&state.focus.fleet_axis, state.now);
    if !range.holds(at) {
        centre(state, at);
    }
}

/// Scrolls so that a moment stands in the middle, or as near to it as the present lets it.
fn centre(state: &mut State, at: Timestamp) {
    let (now, axis) = (state.now, &mut state.focus.fleet_axis);
    let half = Duration::from_secs(u64::from(axis.span_seconds / 2));
    axis.end = at.checked_add(half).ok().filter(|end| *end < now);
}

fn fleet_zoomed(state: &mut State, zoom: Zoom) -> Vec<Effect> {
    let span = state.focus.fleet_axis.span_seconds;
    let wider = || SPANS.into_iter().find(|wider| *wider > span);
    let narrower = || SPANS.into_iter().rfind(|narrower| *narrower < span);
    let wanted = match zoom {
        Zoom::In => narrower(),
        Zoom::Out => wider(),
        Zoom::All => {
            state.focus.fleet_axis.end = None;
            Some(all(state))
        }
    };
    if let Some(wanted) = wanted {
        state.focus.fleet_axis.span_seconds = wanted;
    }
    let axis = state.focus.fleet_axis;
    if let Some(at) = axis.cursor.filter(|at| !lanes::range(&axis, state.now).holds(*at)) {
        centre(state, at);
    }
    vec![]
}

/// The narrowest span that shows all that is known of the releases on the screen, at most the widest.
fn all(state: &State) -> u32 {
    let mut first = state.now;
    for (_, row) in listing::wanted(state) {
        happenings::each(state, row, &mut |happening| {
            if happening.what.meaning().is_some() {
                first = first.min(happening.at);
            }
        });
    }
    let known = age(first, state.now).as_secs();
    let fits = |span: &u32| u64::from(*span) >= known;
    SPANS.into_iter().find(fits).unwrap_or(SPANS[SPANS.len() - 1])
}
