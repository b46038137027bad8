//! Orders that wait for news of their writes, and what each raw event means to them. A value; no IO.

use super::meta::Glimpse;
use super::sightings::Expectation;
use super::watch::is_later;
use crate::domain::feed::Sighting;
use crate::domain::ids::{OrderId, ResourceVersion, Uid, WorkloadKind};

/// Most orders that wait: one whose write changed nothing or was refused waits until the object changes for another
/// reason, and there is no end to those. The oldest are forgotten.
const ORDERS_MAX: usize = 256;

/// The orders that wait.
#[derive(Default)]
pub(super) struct Waiting {
    orders: Vec<Waiter>,
}

struct Waiter {
    order: Expectation,
    /// The last version of the object that was seen without a gap: one that waits without a precondition knows by it
    /// whether something was missed.
    known: Option<ResourceVersion>,
}

/// What came of an object.
pub(super) enum Came<'a> {
    /// The next change of it: every change between is known.
    Change(&'a Glimpse),
    /// Its state after a gap: changes between may be lost.
    State(&'a Glimpse),
    /// It is gone.
    Gone(&'a Uid),
}

impl Waiting {
    /// One more order. `known` is the version at which the object is known; something later than its precondition
    /// answers it at once.
    pub(super) fn add(
        &mut self,
        order: Expectation,
        known: Option<&ResourceVersion>,
    ) -> Option<(OrderId, Sighting)> {
        if self.orders.len() >= ORDERS_MAX {
            self.orders.remove(0);
        }
        match known.zip(order.after.as_ref()) {
            Some((version, after)) if is_later(version, after) => {
                let sighting = Sighting::Overtaken { by: version.clone(), manager: None };
                Some((order.order, sighting))
            }
            Some(_) | None => {
                self.orders.push(Waiter { order, known: known.cloned() });
                None
            }
        }
    }

    /// What the orders learn from this.
    pub(super) fn see(&mut self, came: &Came<'_>) -> Vec<(OrderId, Sighting)> {
        if self.orders.is_empty() {
            return Vec::new();
        }
        let mut told = Vec::new();
        self.orders.retain_mut(|waiter| {
            let found = sighting(&waiter.order, came).or_else(|| waiter.missed(came));
            // Without a precondition the mark may come after a gap too.
            let stays = found.is_none() || waiter.is_blind() && found == Some(Sighting::Gap);
            told.extend(found.map(|sighting| (waiter.order.order.clone(), sighting)));
            stays
        });
        told
    }

    /// The list of this kind is whole again: orders whose object `is_there` denies learn that it is gone.
    pub(super) fn whole(
        &mut self,
        kind: WorkloadKind,
        is_there: impl Fn(&Uid) -> bool,
    ) -> Vec<(OrderId, Sighting)> {
        let mut told = Vec::new();
        self.orders.retain(|Waiter { order, .. }| {
            let stays = order.target.kind != kind || is_there(&order.uid);
            if !stays {
                told.push((order.order.clone(), Sighting::Deleted));
            }
            stays
        });
        told
    }
}

impl Waiter {
    const fn is_blind(&self) -> bool {
        self.order.after.is_none()
    }

    /// For a write without a precondition: whether this comes after changes that nobody saw.
    fn missed(&mut self, came: &Came<'_>) -> Option<Sighting> {
        let (Came::Change(glimpse) | Came::State(glimpse)) = came else { return None };
        if !self.is_blind() || glimpse.uid != self.order.uid {
            return None;
        }
        let is_news = self.known.as_ref().is_none_or(|known| is_later(&glimpse.version, known));
        if is_news {
            self.known = Some(glimpse.version.clone());
        }
        (is_news && matches!(came, Came::State(_))).then_some(Sighting::Gap)
    }
}

/// The rule of `design/deeds.md`: the first change after the precondition decides.
fn sighting(order: &Expectation, came: &Came<'_>) -> Option<Sighting> {
    let is_ours = |glimpse: &Glimpse| {
        let marks = [glimpse.annotated.as_ref(), glimpse.told.as_ref()];
        marks.into_iter().flatten().any(|mark| mark.as_str() == order.order.as_str())
    };
    let later = |glimpse: &Glimpse| {
        glimpse.uid == order.uid
            && order.after.as_ref().is_none_or(|after| is_later(&glimpse.version, after))
    };
    // Without a precondition, changes of others before the mark say nothing.
    let others = |sighting: Sighting| order.after.is_some().then_some(sighting);
    match came {
        Came::Gone(uid) => (**uid == order.uid).then_some(Sighting::Deleted),
        Came::Change(glimpse) | Came::State(glimpse) if later(glimpse) && is_ours(glimpse) => {
            Some(Sighting::Marked(glimpse.version.clone()))
        }
        Came::Change(glimpse) if later(glimpse) => others(Sighting::Overtaken {
            by: glimpse.version.clone(),
            manager: glimpse.manager.clone(),
        }),
        Came::State(glimpse) if later(glimpse) => others(Sighting::Gap),
        Came::Change(_) | Came::State(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{ClusterName, Name, Namespace, WorkloadRef};
    use crate::domain::text::Text;

    fn order() -> Expectation {
        Expectation {
            order: OrderId::new("o-1"),
            target: WorkloadRef {
                cluster: ClusterName::new("east"),
                namespace: Namespace::new("shop"),
                kind: WorkloadKind::Rollout,
                name: Name::new("web"),
            },
            uid: Uid::new("u1"),
            after: Some(ResourceVersion::new("100")),
        }
    }

    fn glimpse(version: &str, annotated: Option<&str>, told: Option<&str>) -> Glimpse {
        Glimpse {
            uid: Uid::new("u1"),
            version: ResourceVersion::new(version),
            annotated: annotated.map(Text::clean),
            told: told.map(Text::clean),
            manager: Some(Text::clean("kubectl")),
        }
    }

    fn see(came: &Came<'_>) -> Option<Sighting> {
        let mut waiting = Waiting::default();
        assert_eq!(waiting.add(order(), Some(&ResourceVersion::new("100"))), None);
        let told = waiting.see(came);
        let again = waiting.see(came);
        assert!(told.is_empty() || again.is_empty(), "an order is answered once");
        told.into_iter().next().map(|(_, sighting)| sighting)
    }

    #[test]
    fn the_first_change_after_the_precondition_decides() {
        let marked = |version| Some(Sighting::Marked(ResourceVersion::new(version)));
        let overtaken = Some(Sighting::Overtaken {
            by: ResourceVersion::new("101"),
            manager: Some(Text::clean("kubectl")),
        });
        for (came, want) in [
            (Came::Change(&glimpse("101", Some("o-1"), None)), marked("101")),
            (Came::Change(&glimpse("101", None, Some("o-1"))), marked("101")),
            (Came::Change(&glimpse("101", Some("o-0"), None)), overtaken.clone()),
            (Came::Change(&glimpse("101", None, None)), overtaken),
            (Came::Change(&glimpse("100", None, None)), None),
            (Came::Change(&glimpse("99", None, None)), None),
            (Came::State(&glimpse("100", None, None)), None),
            (Came::State(&glimpse("105", Some("o-1"), None)), marked("105")),
            (Came::State(&glimpse("105", None, None)), Some(Sighting::Gap)),
            (Came::Gone(&Uid::new("u1")), Some(Sighting::Deleted)),
            (Came::Gone(&Uid::new("u2")), None),
        ] {
            assert_eq!(see(&came), want);
        }
    }

    #[test]
    fn another_life_of_the_object_says_nothing() {
        let mut other = glimpse("200", Some("o-1"), None);
        other.uid = Uid::new("u2");
        assert_eq!(see(&Came::Change(&other)), None);
    }

    #[test]
    fn an_order_on_a_version_that_is_history_is_answered_at_once() {
        let mut waiting = Waiting::default();
        let told = waiting.add(order(), Some(&ResourceVersion::new("120")));
        assert!(matches!(told, Some((_, Sighting::Overtaken { .. }))));
        assert!(waiting.see(&Came::Gone(&Uid::new("u1"))).is_empty());
    }

    #[test]
    fn without_a_precondition_only_the_mark_tells() {
        let mut waiting = Waiting::default();
        let blind = Expectation { after: None, ..order() };
        assert_eq!(waiting.add(blind, Some(&ResourceVersion::new("120"))), None);
        assert!(waiting.see(&Came::Change(&glimpse("121", None, None))).is_empty());
        assert!(waiting.see(&Came::State(&glimpse("121", None, None))).is_empty());
        // Between 121 and 122 the mark may have come and gone; it may also come yet.
        let gap = (OrderId::new("o-1"), Sighting::Gap);
        assert_eq!(waiting.see(&Came::State(&glimpse("122", None, Some("o-0")))), [gap]);
        assert!(waiting.see(&Came::State(&glimpse("122", None, Some("o-0")))).is_empty());
        let told = waiting.see(&Came::Change(&glimpse("123", None, Some("o-1"))));
        let marked = Sighting::Marked(ResourceVersion::new("123"));
        assert_eq!(told, [(OrderId::new("o-1"), marked)]);
    }

    #[test]
    fn an_object_missing_from_a_new_list_is_gone() {
        let mut waiting = Waiting::default();
        waiting.add(order(), None);
        assert!(waiting.whole(WorkloadKind::Deployment, |_| false).is_empty());
        assert!(waiting.whole(WorkloadKind::Rollout, |_| true).is_empty());
        let told = waiting.whole(WorkloadKind::Rollout, |_| false);
        assert_eq!(told, [(OrderId::new("o-1"), Sighting::Deleted)]);
    }
}
