//! An owner changes its mind while the operator makes up his.

use std::sync::Arc;

use super::svg;
use super::testing::{feed, fleet, keys, now, painted, rehearse};
use super::testing_parts::application;
use super::theme::Theme;
use crate::app::state::State;
use crate::control::plan::DryRun;
use crate::domain::feed::Feed;
use crate::domain::owner::Automation;
use crate::domain::part::{Part, PartFacts};

#[test]
fn an_owner_that_would_now_do_something_else_is_told_in_the_open_dialog() {
    let mut state = fleet();
    keys(&mut state, "z");
    rehearse(&mut state, DryRun::Accepted(vec![]));
    let tell = |state: &mut State, automation| {
        let mut part = Part::clone(&application());
        let PartFacts::Application(facts) = &mut part.facts else { panic!("{part:?}") };
        facts.automation = automation;
        let news = vec![(part.target.clone(), Some(Arc::new(part)))];
        feed(state, "eu", now(), Feed::Owners(news));
        svg::text(&painted(state, &Theme::dark(), (120, 40)))
    };
    let same = tell(&mut state, Automation::Heals);
    assert!(!same.contains("changed") && same.contains("dry run accepted"), "{same}");
    let other = tell(&mut state, Automation::Off);
    assert!(other.contains("▲ changed") && other.contains("its owner lets it stand"), "{other}");
    assert!(!other.contains("dry run accepted"), "it is asked again: {other}");
    let back = tell(&mut state, Automation::Heals);
    assert!(!back.contains("▲ changed"), "{back}");
    feed(&mut state, "eu", now(), Feed::Owners(vec![(application().target.clone(), None)]));
    let gone = svg::text(&painted(&state, &Theme::dark(), (120, 40)));
    assert!(gone.contains("its owner may put it back: nobody can tell"), "{gone}");
}
