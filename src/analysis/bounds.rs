//! What bounds a workload's pods from outside, in words: why a change waits or surprises.

use crate::domain::bounds::{Autoscaler, Bounds, Budget};
use crate::domain::detail::Detail;

/// The first reason why its number of pods is not what somebody may expect, or why none of them may be evicted.
#[must_use]
pub fn reason(detail: &Detail) -> Option<String> {
    let bounds = &detail.bounds;
    let scaler = bounds.autoscaler.as_ref().and_then(scaler_reason);
    scaler.or_else(|| blocking(bounds).map(blocked))
}

fn scaler_reason(scaler: &Autoscaler) -> Option<String> {
    let name = &scaler.name;
    if let Some(trouble) = &scaler.trouble {
        return Some(format!("autoscaler {name} does not scale: {trouble}"));
    }
    let most = scaler.max.filter(|_| scaler.is_at_its_maximum())?;
    Some(format!("autoscaler {name} is at its maximum of {most} pods"))
}

/// The first budget that allows no eviction.
#[must_use]
pub fn blocking(bounds: &Bounds) -> Option<&Budget> {
    bounds.budgets.iter().find(|budget| budget.allowed == Some(0))
}

/// Why a budget allows no eviction.
#[must_use]
pub fn blocked(budget: &Budget) -> String {
    format!("PodDisruptionBudget {} allows no eviction ({})", budget.name, healthy(budget))
}

/// `3 healthy, at least 3 wanted`.
#[must_use]
pub fn healthy(budget: &Budget) -> String {
    format!("{} healthy, at least {} wanted", count(budget.healthy), count(budget.wanted))
}

/// `3 pods of 2 to 10, wants 5`.
#[must_use]
pub fn range(scaler: &Autoscaler) -> String {
    let (min, max) = (scaler.min, count(scaler.max));
    format!("{} pods of {min} to {max}, wants {}", count(scaler.current), count(scaler.desired))
}

/// A count that is not said is not zero.
fn count(number: Option<u32>) -> String {
    number.map_or("?".to_owned(), |number| number.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::fixtures::{at, canary};
    use crate::domain::ids::{Name, Uid};
    use crate::domain::text::Text;

    fn scaler(desired: u32) -> Autoscaler {
        Autoscaler {
            name: Name::new("web"),
            uid: Uid::new("h"),
            kind: Text::from("Rollout"),
            scales: Name::new("web"),
            min: 2,
            max: Some(10),
            current: Some(desired),
            desired: Some(desired),
            trouble: None,
        }
    }

    fn budget(allowed: Option<u32>) -> Budget {
        Budget {
            name: Name::new("web"),
            uid: Uid::new("b"),
            labels: Arc::default(),
            allowed,
            healthy: Some(3),
            wanted: Some(3),
        }
    }

    fn told(autoscaler: Option<Autoscaler>, budget: Budget) -> Option<String> {
        let bounds = Bounds { autoscaler, budgets: [budget].into(), unread: None };
        reason(&Detail {
            target: canary().0.target,
            pods: Arc::default(),
            pods_left_out: 0,
            runs: Arc::default(),
            events: Arc::default(),
            bounds,
            missing: Arc::default(),
            seen_at: at(0),
        })
    }

    #[test]
    fn the_first_reason_is_told_and_what_is_not_said_is_none() {
        assert_eq!(told(Some(scaler(5)), budget(Some(1))), None);
        assert_eq!(told(None, budget(None)), None, "not said is not zero");
        let mut broken = scaler(10);
        let full = told(Some(broken.clone()), budget(Some(0)));
        assert_eq!(full.as_deref(), Some("autoscaler web is at its maximum of 10 pods"));
        broken.trouble = Some(Text::from("FailedGetResourceMetric: no metrics"));
        let words = told(Some(broken), budget(Some(0)));
        let expected = "autoscaler web does not scale: FailedGetResourceMetric: no metrics";
        assert_eq!(words.as_deref(), Some(expected));
        let words = told(Some(scaler(5)), budget(Some(0)));
        let expected = "PodDisruptionBudget web allows no eviction (3 healthy, at least 3 wanted)";
        assert_eq!(words.as_deref(), Some(expected));
        assert_eq!(range(&scaler(5)), "5 pods of 2 to 10, wants 5");
    }
}
