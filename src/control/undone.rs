//! A change of the template that did not last: an owner that heals itself put it back, or somebody else did. While an
//! owner is known to do so, nothing is called arrived before its time is over.

use std::time::Duration;

use super::arrival::{self, Since};
use super::deeds::case::Case;
use super::footing::is_observed;
use super::order::Order;
use super::plan::{Arrival, Plan};
use crate::analysis::owner_status;
use crate::domain::observed::{Timestamp, age};
use crate::domain::text::Text;
use crate::domain::workload::Workload;

/// So much longer than foretold an owner is waited for.
const GRACE: Duration = Duration::from_secs(4);

/// After this the controller has told of our template, if it ever saw it (60 ms are usual).
const SETTLED: Duration = Duration::from_secs(2);

/// A clock may be so far from the server's before nobody is named for what was written meanwhile.
const SKEW_MAX: Duration = Duration::from_secs(30);

/// Takes a new state of the workload: since when it stands as the deed wanted it. Where it was put back, by whom, and
/// which way back lasts.
pub(super) fn undone(
    order: &mut Order,
    since: &Since,
    workload: &Workload,
    now: Timestamp,
) -> Option<Text> {
    if !changes_template(&order.plan) {
        return None;
    }
    if arrival::stands(&order.plan, workload) {
        order.stood_since = order.stood_since.or(Some(now));
        return None;
    }
    let stood = order.stood_since.take().is_some();
    let is_back = Case::of(workload).current() == order.plan.footing.current.as_ref()
        || order.plan.footing.current.is_none();
    let was_missed = || {
        let spec_is_later = since.generation.is_some_and(|ours| workload.meta.generation > ours);
        let waited = order.accepted_at.is_some_and(|at| age(at, now) >= SETTLED);
        order.plan.prediction.undone_in.is_some()
            && spec_is_later
            && waited
            && is_observed(workload)
    };
    (is_back && (stood || was_missed())).then(|| words(order, workload))
}

/// Why it is not called arrived yet, although it stands: its owner may still put it back.
pub(super) fn watched(order: &Order, now: Timestamp) -> Option<Text> {
    let within = order.plan.prediction.undone_in?.saturating_add(GRACE);
    let stood = order.stood_since.map_or(Duration::ZERO, |since| age(since, now));
    (stood < within).then(|| {
        let seconds = within.as_secs();
        Text::clean(&format!("it stands; for {seconds} s its owner is watched, which heals itself"))
    })
}

/// Deeds that go back to another template.
fn changes_template(plan: &Plan) -> bool {
    match &plan.arrival {
        Arrival::RolledBack(_) | Arrival::Complete(_) => true,
        Arrival::Switched(hash) => plan.footing.current.as_ref() != Some(hash),
        Arrival::Paused
        | Arrival::Resumed
        | Arrival::PassedStep { .. }
        | Arrival::PauseGone { .. }
        | Arrival::ReachedStep { .. }
        | Arrival::RunsEnded(_)
        | Arrival::ScaledDown
        | Arrival::FullyPromoted(_)
        | Arrival::Aborted
        | Arrival::Cancelled
        | Arrival::Retried
        | Arrival::Restarted
        | Arrival::Held { .. }
        | Arrival::Released { .. }
        | Arrival::Canary(_)
        | Arrival::Said => false,
    }
}

fn words(order: &Order, workload: &Workload) -> Text {
    let is_new =
        |at: Timestamp| order.accepted_at.is_none_or(|accepted| age(at, accepted) < SKEW_MAX);
    let hands = workload.meta.hands.iter().filter(|hand| is_new(hand.at));
    let hand = hands.max_by_key(|hand| hand.at).map(|hand| hand.manager.as_str());
    let owner = workload.owner.as_ref();
    let by_owner = owner
        .filter(|owner| hand.is_none_or(|hand| owner_status::managers(owner.tool).contains(&hand)));
    let who = match (hand, by_owner) {
        (Some(hand), Some(owner)) => format!("{hand} ({})", owner_status::title(owner)),
        (Some(hand), None) => hand.to_owned(),
        (None, Some(owner)) => format!("somebody, probably {}", owner_status::title(owner)),
        (None, None) => "somebody".to_owned(),
    };
    let lasting = by_owner.and_then(owner_status::lasting);
    let lasting = lasting.map_or(String::new(), |lasting| format!("; lasting: {}", lasting.words));
    Text::clean(&format!("it was put back by {who}{lasting}"))
}
