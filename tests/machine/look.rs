//! What the command line speaks of.

use std::collections::BTreeSet;

use pilothouse::app::event::{Effect, Event};
use pilothouse::app::keymap::Keymap;
use pilothouse::app::state::{FrontKind, Mode, Session, State};
use pilothouse::app::update::{start, update};
use pilothouse::domain::feed::{Feed, Scope, SourceHealth};
use pilothouse::domain::ids::{ClusterName, PodHash};
use pilothouse::domain::text::Text;

use super::{START, fed, rollout, target, waiting};

#[test]
fn its_parts_are_followed_however_calm_it_is_for_the_plan_tells_of_them() {
    let mut calm = waiting("web");
    let status = &mut rollout(&mut calm).status;
    (status.phase, status.message) = (Some(Text::clean("Healthy")), None);
    status.hashes.stable = Some(PodHash::new("bbb"));
    (status.step_index, status.pauses) = (Some(3), [].into());
    status.flags.controller_pause = false;
    let session = Session {
        clusters: vec![ClusterName::new("eu")],
        mode: Mode::Real,
        front: FrontKind::Headless,
        ..Session::empty()
    };
    let mut state = State::new(session, Keymap::layered(&[]).0, START);
    let _ = start(&mut state);
    let _ = fed(&mut state, 1, Feed::Health(SourceHealth::Live));
    let _ = fed(&mut state, 1, Feed::Changed(vec![calm]));
    let _ = fed(&mut state, 1, Feed::Synced);
    assert!(!state.follows(&target("web")), "nobody looks at what is calm");
    let effects = update(&mut state, Event::Look(target("web")));
    let scopes = BTreeSet::from([Scope::Detail(target("web"))]);
    assert_eq!(effects, [Effect::Follow(ClusterName::new("eu"), scopes)]);
}
