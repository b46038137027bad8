//! Tests of [`super`]: every screen in three sizes, with text and meanings, and no size that panics.

use crate::app::event::Command;
use crate::domain::feed::Feed;
use crate::ui::testing::{command, detail, feed, fleet, keys, now, show};

#[test]
fn pictures() {
    let state = fleet();
    show("fleet-80", &state, (80, 24));
    show("fleet-120", &state, (120, 40));
    show("fleet-200", &state, (200, 60));
    show("fleet-60", &state, (60, 15));
    let mut state = state;
    command(&mut state, Command::Open);
    feed(&mut state, "eu", now(), Feed::Detail(Box::new(detail())));
    keys(&mut state, "down");
    show("rollout-80", &state, (80, 24));
    show("rollout-120", &state, (120, 40));
    show("rollout-200", &state, (200, 60));
    command(&mut state, Command::Go(crate::app::event::Screen::Timeline));
    show("timeline-80", &state, (80, 24));
    keys(&mut state, "left left left left left left left left left left left left");
    show("timeline-120", &state, (120, 40));
    command(&mut state, Command::Go(crate::app::event::Screen::Fleet));
    keys(&mut state, "a");
    show("abort-80", &state, (80, 24));
    keys(&mut state, "esc R a p");
    show("rollback-80", &state, (80, 24));
    show("rollback-120", &state, (120, 40));
    keys(&mut state, "esc ?");
    show("help-120", &state, (120, 40));
    keys(&mut state, "esc : p r");
    show("palette-120", &state, (120, 40));
}
