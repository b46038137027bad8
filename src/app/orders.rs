//! The deeds of this session: which there are, which are open, which clusters are armed.

use std::collections::{BTreeMap, VecDeque};

use super::event::Consent;
use super::notices::Urgency;
use super::state::State;
use crate::control::action::Confirm;
use crate::control::check::{Confirmation, Refusal};
use crate::control::leftover::Leftover;
use crate::control::order::{Order, OrderState, Outcome};
use crate::control::plan::{DryRun, Rehearsal};
use crate::domain::ids::{ClusterName, OrderId, WorkloadRef};
use crate::domain::metric::Reading;
use crate::domain::observed::{Timestamp, age};
use crate::domain::text::Text;

/// Most orders kept of a session; the audit file keeps all.
pub const ORDERS_MAX: usize = 200;

/// A deed on several rows that were confirmed together and go one after the other.
#[derive(Clone, Debug)]
pub struct Convoy {
    /// How it was confirmed, for each of them.
    pub(in crate::app) confirmation: Confirmation,
    /// The one whose turn it is.
    pub(in crate::app) flying: Option<OrderId>,
    /// Those that wait for their turn.
    pub(in crate::app) waiting: VecDeque<OrderId>,
}

/// The deeds of this session.
#[derive(Debug, Default)]
pub struct Orders {
    /// Oldest first.
    pub(in crate::app) list: Vec<Order>,
    /// Armed clusters and when the last deed (or the arming) was.
    pub(in crate::app) armed: BTreeMap<ClusterName, Timestamp>,
    /// How many ids were made.
    pub(in crate::app) made: u64,
    /// How an order of the command line was confirmed.
    pub(in crate::app) consents: BTreeMap<OrderId, Consent>,
    /// What the server said to each, with the exact patches.
    pub(in crate::app) rehearsals: BTreeMap<OrderId, Rehearsal>,
    /// What was said of those, in sentences.
    pub(in crate::app) recalled: Vec<Text>,
    /// Whether the audit files are still being read for them.
    pub(in crate::app) is_recalling: bool,
    /// Deeds that sessions before this one left behind, and whose fate is not known yet.
    pub(in crate::app) left: Vec<Leftover>,
    /// A deed of the command line that was refused before there was an order.
    pub(in crate::app) refused: Option<(OrderId, Vec<Refusal>)>,
    /// Deeds on several rows that are not over.
    pub(in crate::app) convoys: Vec<Convoy>,
}

impl Orders {
    /// All, oldest first.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Order> {
        self.list.iter()
    }

    /// One.
    #[must_use]
    pub fn get(&self, id: &OrderId) -> Option<&Order> {
        self.list.iter().find(|order| order.id() == id)
    }

    pub(in crate::app) fn get_mut(&mut self, id: &OrderId) -> Option<&mut Order> {
        self.list.iter_mut().find(|order| order.id() == id)
    }

    /// What the server said to an order beforehand, with the exact patches; `None` while it was not asked or did not
    /// answer.
    #[must_use]
    pub fn rehearsal(&self, id: &OrderId) -> Option<&Rehearsal> {
        self.rehearsals.get(id)
    }

    /// The newest order on this workload.
    #[must_use]
    pub fn latest(&self, target: &WorkloadRef) -> Option<&Order> {
        self.list.iter().rev().find(|order| order.plan.target == *target)
    }

    /// Which order goes before this one, where it waits for its turn among several.
    #[must_use]
    pub fn turn_after(&self, id: &OrderId) -> Option<&Order> {
        let convoy = self.convoys.iter().find(|convoy| convoy.waiting.contains(id))?;
        self.get(convoy.flying.as_ref()?)
    }

    /// How many orders wait for their turn.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.convoys.iter().map(|convoy| convoy.waiting.len()).sum()
    }

    /// Deeds that sessions before this one left behind, and whose fate is not known yet.
    pub fn left(&self) -> impl Iterator<Item = &Leftover> {
        self.left.iter()
    }

    /// What was said of deeds that sessions before this one left behind, in sentences.
    pub fn recalled(&self) -> impl Iterator<Item = &Text> {
        self.recalled.iter()
    }

    /// Whether it is not known yet what sessions before this one left behind.
    #[must_use]
    pub const fn is_recalling(&self) -> bool {
        self.is_recalling
    }

    /// Whether a cluster is armed.
    #[must_use]
    pub fn is_armed(&self, cluster: &ClusterName) -> bool {
        self.armed.contains_key(cluster)
    }

    /// Armed clusters.
    pub fn armed(&self) -> impl Iterator<Item = &ClusterName> {
        self.armed.keys()
    }

    /// A deed of the command line that was refused before there was an order, and why.
    #[must_use]
    pub fn refused(&self) -> Option<(&OrderId, &[Refusal])> {
        self.refused.as_ref().map(|(id, refusals)| (id, refusals.as_slice()))
    }
}

/// The name of the next order: unique among sessions by the seed, among orders by the count.
pub(in crate::app) fn next_id(orders: &mut Orders, seed: u64) -> OrderId {
    orders.made += 1;
    OrderId::new(&format!("{seed:016x}-{}", orders.made))
}

/// Makes room; what is on its way stays.
pub(in crate::app) fn forget_oldest(orders: &mut Orders) {
    if let Some(place) = orders.list.iter().position(Order::is_over) {
        let gone = orders.list.remove(place);
        orders.consents.remove(gone.id());
        orders.rehearsals.remove(gone.id());
    }
}

/// Orders on these workloads that are not over.
pub(in crate::app) fn open_on(orders: &Orders, touched: &[WorkloadRef]) -> Vec<OrderId> {
    let is_open = |order: &&Order| !order.is_over() && touched.contains(&order.plan.target);
    orders.list.iter().filter(is_open).map(|order| order.id().clone()).collect()
}

/// Whether the executor has it, or had it.
#[must_use]
pub const fn was_handed_over(order: &Order) -> bool {
    match order.state {
        OrderState::Rehearsing | OrderState::Rehearsed(_) | OrderState::RehearsalFailed(_) => false,
        OrderState::Sending
        | OrderState::Converging
        | OrderState::Unknown { .. }
        | OrderState::Ended(_) => true,
    }
}

/// Whether a write of it may be under way.
#[must_use]
pub const fn is_on_its_way(order: &Order) -> bool {
    matches!(order.state, OrderState::Sending | OrderState::Unknown { .. })
}

/// Whether the name must be typed: risky deeds, and those whose dry run a webhook cannot answer.
#[must_use]
pub fn asks_for_name(order: &Order) -> bool {
    let is_blind = matches!(
        &order.state,
        OrderState::Rehearsed(answer) if matches!(answer.dry_run, DryRun::Unsupported(_))
    );
    let confirm = order.plan.action.confirm();
    let needs_weight = is_blind || order.plan.prediction.against.is_some();
    confirm == Confirm::TypedName || confirm == Confirm::YesWhenFresh && needs_weight
}

/// What the operator saw of a workload when it was confirmed, with ages, for the record.
pub(in crate::app) fn seen(state: &State, target: &WorkloadRef) -> Text {
    let Some(row) = state.fleet().row(target) else { return Text::clean("nothing") };
    let mut words = vec![row.status.health.name().to_owned()];
    words.extend(row.status.message.as_ref().map(ToString::to_string));
    words.extend(row.need.as_ref().map(|need| format!("need {}: {}", need.kind.name(), need.why)));
    if let Some(proof) = state.sources().kubernetes(&target.cluster).and_then(|source| source.proof)
    {
        words.push(format!("facts {} s old", age(proof, state.now()).as_secs()));
    }
    if let Some(comparison) = &row.metrics.comparison {
        let number = |reading: &Reading| {
            reading.as_ref().map_or_else(|_| "no data".to_owned(), |value| value.get().to_string())
        };
        for pair in comparison.value.pairs.iter() {
            let (canary, stable) = (number(&pair.canary), number(&pair.stable));
            words.push(format!("{} canary {canary} stable {stable}", pair.kind.name()));
        }
        words.push(format!("metrics {} s old", comparison.age(state.now()).as_secs()));
    }
    if let Some(verdict) = &row.metrics.verdict {
        words.push(format!("verdict {}", verdict.answer.name()));
    }
    Text::clean(&words.join("; "))
}

/// How an order ended, as the operator hears it.
pub(in crate::app) fn told(order: &Order, outcome: &Outcome) -> (Urgency, Text) {
    let plan = &order.plan;
    let deed = format!("{} {} in {}", plan.action, plan.target, plan.target.cluster);
    let (urgency, end) = match outcome {
        Outcome::Arrived => (Urgency::Info, "arrived".to_owned()),
        Outcome::Accepted => (Urgency::Info, "accepted, not followed".to_owned()),
        Outcome::Refused(refusals) => {
            let whys: Vec<&str> = refusals.iter().map(|refusal| refusal.why.as_str()).collect();
            (Urgency::Warning, format!("refused: {}", whys.join("; ")))
        }
        Outcome::Failed(why) => (Urgency::Alarm, format!("failed: {why}")),
        Outcome::Stalled(why) => (Urgency::Alarm, format!("stalled: {why}")),
        Outcome::Superseded(why) => (Urgency::Warning, format!("superseded: {why}")),
        Outcome::Unknown(why) => (Urgency::Alarm, format!("unknown, it may have happened: {why}")),
        Outcome::NotSent(why) => (Urgency::Warning, format!("not sent: {why}")),
        Outcome::HalfDone(why) => (Urgency::Alarm, format!("HALF DONE: {why}")),
    };
    (urgency, Text::clean(&format!("{deed}: {end}")))
}
