//! The canary's share as the objects have it that carry the traffic, beside the controller's word for it. They are the
//! truth: somebody may have edited them, put them back, or taken them away.

use std::time::Duration;

use super::steps;
use crate::domain::flagger::Flagger;
use crate::domain::observed::{Timestamp, age};
use crate::domain::rollout::{Rollout, RouterObject};
use crate::domain::text::Text;
use crate::domain::workload::{Strategy, Workload};

/// The controller writes the route first and its status some milliseconds later, and two watches tell of it: only what
/// still differs after this time is worth a word.
const SETTLES_WITHIN: Duration = Duration::from_secs(3);

/// What is to be said of the weights beside the numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The route and the controller disagree, or the weights are odd.
    Doubt(Text),
    /// An object says nothing that can be read.
    Unread(Text),
}

impl Note {
    /// In words.
    #[must_use]
    pub const fn words(&self) -> &Text {
        match self {
            Self::Doubt(words) | Self::Unread(words) => words,
        }
    }
}

/// The object that gives the canary the most, and how much (of the weight that means all). `None`: none is readable.
#[must_use]
pub fn carried(rollout: &Rollout) -> Option<(u32, &RouterObject)> {
    let read =
        rollout.routers.iter().filter_map(|object| Some((*object.canary.as_ref().ok()?, object)));
    // The first of equals, as the spec names them.
    read.rev().max_by_key(|(share, _)| *share)
}

/// The canary's share by the best word there is: that of the route, else that of the status.
#[must_use]
pub fn canary(rollout: &Rollout) -> Option<u32> {
    let by_status = || rollout.status.weights.map(|weights| weights.canary);
    carried(rollout).map(|(share, _)| share).or_else(by_status)
}

/// By whose word the actual weight is told: the object that carries it, the controller's status, the number of pods, the
/// steps where nobody else says anything. `None` while nothing is on its way.
#[must_use]
pub fn source(workload: &Workload) -> Option<Text> {
    if let Some(flagger) = workload.flagger() {
        return by_flagger(flagger);
    }
    let rollout = in_flight(workload)?;
    if !rollout.spec.traffic.routed {
        return Some(Text::from("pods"));
    }
    let by_status = || rollout.status.weights.map(|_| Text::from("status"));
    let by_route = carried(rollout).map(|(_, object)| object.name.clone());
    Some(by_route.or_else(by_status).unwrap_or_else(|| Text::from("steps")))
}

fn by_flagger(flagger: &Flagger) -> Option<Text> {
    let route = flagger.route.as_ref()?;
    Some(Text::clean(&format!("{} {}", route.kind, route.name)))
}

/// A canary that is neither complete nor without steps.
fn in_flight(workload: &Workload) -> Option<&Rollout> {
    let rollout = workload.rollout().filter(|_| workload.strategy == Strategy::Canary)?;
    steps::current_step(rollout).map(|_| rollout)
}

/// Everything that is to be said of the weights of a canary on its way.
#[must_use]
pub fn notes(workload: &Workload, now: Timestamp) -> Vec<Note> {
    let Some(rollout) = in_flight(workload).filter(|rollout| rollout.spec.traffic.routed) else {
        return Vec::new();
    };
    let mut notes: Vec<Note> = differs(workload, now)
        .map(|differs| {
            let (route, status) = differs;
            let words = format!("the route gives {route} %, the status says {status} %");
            Note::Doubt(Text::clean(&words))
        })
        .into_iter()
        .collect();
    for object in rollout.routers.iter() {
        let said = |what: &Text| Text::clean(&format!("{}: {what}", object.name));
        notes.extend(object.canary.as_ref().err().map(|why| Note::Unread(said(why))));
        notes.extend(object.note.as_ref().map(|note| Note::Doubt(said(note))));
    }
    notes.extend(apart(rollout).map(Note::Doubt));
    notes
}

/// The first thing about the weights that an operator must know.
#[must_use]
pub fn doubt(workload: &Workload, now: Timestamp) -> Option<String> {
    notes(workload, now).into_iter().find_map(|note| match note {
        Note::Doubt(words) => Some(words.to_string()),
        Note::Unread(_) => None,
    })
}

/// What the route gives and what the status says, where that is not the same and not about to be.
#[must_use]
pub fn differs(workload: &Workload, now: Timestamp) -> Option<(u32, u32)> {
    let rollout = in_flight(workload)?;
    let (route, object) = carried(rollout)?;
    let status = rollout.status.weights?.canary;
    let quiet = |at: Timestamp| age(at, now) >= SETTLES_WITHIN;
    let is_settled = quiet(workload.seen_at) && object.seen_at.is_none_or(quiet);
    (route != status && is_settled).then_some((route, status))
}

/// Several objects that carry the same traffic and do not agree.
fn apart(rollout: &Rollout) -> Option<Text> {
    let read =
        rollout.routers.iter().filter_map(|object| Some((*object.canary.as_ref().ok()?, object)));
    let (most, one) = carried(rollout)?;
    let (least, other) = read.min_by_key(|(share, _)| *share)?;
    (least != most)
        .then(|| Text::clean(&format!("{} gives {most} %, {} {least} %", one.name, other.name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixtures::{at, canary as fixture};

    fn object(name: &str, canary: Result<u32, Text>) -> RouterObject {
        RouterObject { name: Text::from(name), canary, note: None, seen_at: Some(at(0)) }
    }

    fn with(objects: &[RouterObject]) -> Workload {
        let mut made = fixture().edit(|rollout| rollout.routers = objects.into());
        made.0.seen_at = at(0);
        made.0
    }

    fn words(workload: &Workload, second: u64) -> Vec<String> {
        notes(workload, at(second)).iter().map(|note| note.words().to_string()).collect()
    }

    #[test]
    fn the_route_is_believed_and_not_the_status() {
        let workload = with(&[object("Ingress api-api-canary", Ok(25))]);
        assert_eq!(steps::weight(&workload).actual, Some(25));
        assert_eq!(source(&workload).as_ref().map(Text::as_str), Some("Ingress api-api-canary"));
        assert_eq!(words(&workload, 10), ["the route gives 25 %, the status says 20 %"]);
        assert_eq!(differs(&workload, at(10)), Some((25, 20)));
    }

    #[test]
    fn what_differs_for_a_moment_is_not_told() {
        let workload = with(&[object("Ingress i", Ok(25))]);
        assert_eq!(words(&workload, 2), [""; 0]);
        assert_eq!(words(&workload, 3).len(), 1);
        assert_eq!(words(&with(&[object("Ingress i", Ok(20))]), 10), [""; 0]);
    }

    #[test]
    fn what_cannot_be_read_is_told_and_the_status_counts() {
        let workload = with(&[object("Ingress i", Err(Text::from("it is not there")))]);
        assert_eq!(steps::weight(&workload).actual, Some(20));
        assert_eq!(source(&workload).as_ref().map(Text::as_str), Some("status"));
        let told = notes(&workload, at(10));
        assert_eq!(told, [Note::Unread(Text::from("Ingress i: it is not there"))]);
    }

    #[test]
    fn objects_that_do_not_agree_are_told_and_the_most_counts() {
        let workload = with(&[object("Ingress a", Ok(20)), object("Ingress b", Ok(40))]);
        assert_eq!(steps::weight(&workload).actual, Some(40));
        assert_eq!(
            words(&workload, 10),
            ["the route gives 40 %, the status says 20 %", "Ingress b gives 40 %, Ingress a 20 %"]
        );
    }

    #[test]
    fn a_route_that_still_sends_traffic_is_told_although_no_pod_is_there() {
        let mut workload = with(&[object("Ingress i", Ok(25))]);
        workload.replicas.available = Some(0);
        assert_eq!(steps::weight(&workload).actual, Some(25));
    }
}
