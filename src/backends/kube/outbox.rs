//! What is still to be told of one cluster. Facts are replaceable: while nobody listens only the newest of each is kept, so a
//! slow screen makes facts coarser, not older, and the outbox never larger than the fleet. Sightings are never dropped.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use super::fleet::Fleet;
use super::owners;
use crate::domain::detail::Detail;
use crate::domain::feed::{Feed, Sighting, SourceHealth, Trouble};
use crate::domain::ids::{OrderId, WorkloadRef};
use crate::domain::observed::Timestamp;
use crate::domain::part::{Part, PartKind, PartRef};
use crate::domain::text::Text;

/// Workloads in one piece of news: large enough for a quick start, small enough for a frame between two.
const BATCH_MAX: usize = 256;

/// See the module.
#[derive(Default)]
pub(super) struct Outbox {
    sightings: VecDeque<(OrderId, Sighting)>,
    health: Option<SourceHealth>,
    last_health: Option<SourceHealth>,
    identity: Option<Text>,
    queue: VecDeque<WorkloadRef>,
    queued: HashSet<WorkloadRef>,
    removed: VecDeque<WorkloadRef>,
    synced: bool,
    details: BTreeMap<WorkloadRef, Box<Detail>>,
    beat: Option<Timestamp>,
    owners: BTreeMap<PartRef, Option<Arc<Part>>>,
    read: BTreeMap<PartKind, Told>,
}

/// Whether a kind of owner can be read: as it is, and as it was told last.
#[derive(Default)]
struct Told {
    now: Option<Result<(), Trouble>>,
    last: Option<Result<(), Trouble>>,
}

impl Outbox {
    pub(super) fn sighted(&mut self, told: Vec<(OrderId, Sighting)>) {
        self.sightings.extend(told);
    }

    /// Told when it differs from what was told last.
    pub(super) fn health(&mut self, health: SourceHealth) {
        self.health = (self.last_health.as_ref() != Some(&health)).then_some(health);
    }

    pub(super) fn identity(&mut self, name: Text) {
        self.identity = Some(name);
    }

    pub(super) fn dirty(&mut self, targets: Vec<WorkloadRef>) {
        for target in targets {
            if self.queued.insert(target.clone()) {
                self.queue.push_back(target);
            }
        }
    }

    /// Told after everything that is dirty now.
    pub(super) const fn synced(&mut self) {
        self.synced = true;
    }

    pub(super) fn detail(&mut self, detail: Box<Detail>) {
        self.details.insert(detail.target.clone(), detail);
    }

    /// This workload is followed no more: what is still to be told of it is no news.
    pub(super) fn forget_detail(&mut self, target: &WorkloadRef) {
        self.details.remove(target);
    }

    pub(super) const fn beat(&mut self, at: Timestamp) {
        self.beat = Some(at);
    }

    pub(super) fn owners(&mut self, news: impl IntoIterator<Item = owners::News>) {
        self.owners.extend(news);
    }

    /// Told when it differs from what was told last.
    pub(super) fn owners_read(&mut self, kind: PartKind, answer: Result<(), Trouble>) {
        let told = self.read.entry(kind).or_default();
        told.now = (told.last.as_ref() != Some(&answer)).then_some(answer);
    }

    fn next_owners(&mut self) -> Option<Feed> {
        for (kind, told) in &mut self.read {
            if let Some(answer) = told.now.take() {
                told.last = Some(answer.clone());
                return Some(Feed::OwnersRead(*kind, answer));
            }
        }
        let mut news = Vec::new();
        while news.len() < BATCH_MAX {
            let Some(next) = self.owners.pop_first() else { break };
            news.push(next);
        }
        (!news.is_empty()).then_some(Feed::Owners(news))
    }

    pub(super) fn has_news(&self) -> bool {
        !self.sightings.is_empty()
            || self.health.is_some()
            || self.identity.is_some()
            || !self.queue.is_empty()
            || !self.removed.is_empty()
            || !self.owners.is_empty()
            || self.read.values().any(|told| told.now.is_some())
            || self.synced
            || !self.details.is_empty()
            || self.beat.is_some()
    }

    /// The next piece of news, the most urgent first.
    pub(super) fn next(&mut self, fleet: &Fleet) -> Option<Feed> {
        if let Some((order, sighting)) = self.sightings.pop_front() {
            return Some(Feed::Sighting(order, sighting));
        }
        if let Some(health) = self.health.take() {
            self.last_health = Some(health.clone());
            return Some(Feed::Health(health));
        }
        if let Some(name) = self.identity.take() {
            return Some(Feed::Identity(name));
        }
        if let Some(feed) = self.next_workloads(fleet) {
            return Some(feed);
        }
        if let Some(feed) = self.next_owners() {
            return Some(feed);
        }
        if std::mem::take(&mut self.synced) {
            return Some(Feed::Synced);
        }
        if let Some((_, detail)) = self.details.pop_first() {
            return Some(Feed::Detail(detail));
        }
        self.beat.take().map(|_at| Feed::Beat)
    }

    fn next_workloads(&mut self, fleet: &Fleet) -> Option<Feed> {
        if self.removed.is_empty() {
            let mut changed = Vec::new();
            while changed.len() + self.removed.len() < BATCH_MAX {
                let Some(target) = self.queue.pop_front() else { break };
                self.queued.remove(&target);
                match fleet.workload(&target) {
                    Some(workload) => changed.push(workload),
                    None => self.removed.push_back(target),
                }
            }
            if !changed.is_empty() {
                return Some(Feed::Changed(changed));
            }
        }
        (!self.removed.is_empty()).then(|| Feed::Removed(self.removed.drain(..).collect()))
    }
}
