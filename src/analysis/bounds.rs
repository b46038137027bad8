//! What bounds a workload's pods from outside, in words: why a change waits or surprises.

use crate::domain::bounds::{Autoscaler, Bounds, Budget};
use crate::domain::observed::Timestamp;
use crate::domain::workload::{ReplicaCounts, Workload};

/// Why a workload that waits or stalls may do so, beside what its controller says; the first reason.
///
/// A budget for evictions is one only while Argo restarts pods: that evicts. Updates of every controller delete pods,
/// which no budget holds.
#[must_use]
pub fn reason(workload: &Workload, bounds: &Bounds, now: Timestamp) -> Option<String> {
    held_restart(workload, bounds, now).map(|(_, why)| why).or_else(|| scaling(workload, bounds))
}

/// Since when a restart is held by a budget, and by which.
#[must_use]
pub fn held_restart(
    workload: &Workload,
    bounds: &Bounds,
    now: Timestamp,
) -> Option<(Timestamp, String)> {
    let since = workload.rollout()?.restarting(now)?;
    let budget = blocking(bounds)?;
    Some((since, format!("the restart waits: {}", blocked(budget))))
}

/// What an autoscaler has to do with the number of its pods.
fn scaling(workload: &Workload, bounds: &Bounds) -> Option<String> {
    let is_canary = workload.flagger().is_some();
    let new = || workload.revision_by_hash(workload.current_hash()?).map(|set| set.replicas);
    // The counts of a Canary are those of its primary.
    let own = if is_canary { new() } else { Some(workload.replicas) };
    let pairs = [(&bounds.autoscaler, own), (&bounds.primary_autoscaler, Some(workload.replicas))];
    let found = pairs.into_iter().filter_map(|(scaler, counts)| Some((scaler.as_ref()?, counts)));
    found.into_iter().find_map(|(scaler, counts)| scaler_reason(scaler, counts))
}

fn scaler_reason(scaler: &Autoscaler, counts: Option<ReplicaCounts>) -> Option<String> {
    let name = &scaler.name;
    if let Some(trouble) = &scaler.trouble {
        return Some(format!("autoscaler {name} does not scale: {trouble}"));
    }
    let counts = counts.unwrap_or_default();
    let is_obeyed = counts.desired.is_some_and(|desired| desired >= scaler.min);
    if let Some(available) = counts.available.filter(|pods| is_obeyed && *pods < scaler.min) {
        let least = scaler.min;
        return Some(format!(
            "autoscaler {name} wants at least {least} pods, {available} available"
        ));
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
    use crate::domain::fixtures::{Make, at, canary, deployment, flagger};
    use crate::domain::flagger::Phase;
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

    fn told(make: &Make, autoscaler: Option<Autoscaler>, budget: Budget) -> Option<String> {
        let bounds = Bounds { autoscaler, budgets: [budget].into(), ..Bounds::default() };
        reason(&make.0, &bounds, at(1_000))
    }

    fn restarting(at_second: u64) -> Make {
        canary().edit(move |rollout| rollout.spec.restart_at = Some(at(at_second)))
    }

    #[test]
    fn a_budget_holds_only_what_evicts_the_restart_of_a_rollout() {
        let none = budget(Some(0));
        let words = "the restart waits: PodDisruptionBudget web allows no eviction (3 healthy, \
                     at least 3 wanted)";
        assert_eq!(told(&restarting(900), None, none.clone()).as_deref(), Some(words));
        assert_eq!(told(&restarting(1_100), None, none.clone()), None, "not yet");
        assert_eq!(told(&restarting(900), None, budget(Some(1))), None);
        assert_eq!(told(&restarting(900), None, budget(None)), None, "not said is not zero");
        for updating in [canary(), deployment()] {
            assert_eq!(told(&updating, None, none.clone()), None, "its controller deletes");
        }
        let done = restarting(900).edit(|rollout| rollout.status.restarted_at = Some(at(900)));
        assert_eq!(told(&done, None, none), None);
    }

    #[test]
    fn an_autoscaler_is_told_where_it_bounds_or_wants_more_than_there_is() {
        let told = |scaler: Autoscaler, available| {
            let mut made = deployment();
            made.0.replicas.desired = Some(4);
            made.0.replicas.available = available;
            told(&made, Some(scaler), budget(Some(0)))
        };
        assert_eq!(told(scaler(5), Some(2)), None);
        let mut broken = scaler(10);
        let full = told(broken.clone(), Some(4));
        assert_eq!(full.as_deref(), Some("autoscaler web is at its maximum of 10 pods"));
        broken.trouble = Some(Text::from("FailedGetResourceMetric: no metrics"));
        let expected = "autoscaler web does not scale: FailedGetResourceMetric: no metrics";
        assert_eq!(told(broken, Some(4)).as_deref(), Some(expected));
        let wants = Autoscaler { min: 4, ..scaler(5) };
        let expected = "autoscaler web wants at least 4 pods, 3 available";
        assert_eq!(told(wants.clone(), Some(3)).as_deref(), Some(expected));
        assert_eq!(told(wants.clone(), None), None, "not said is not zero");
        assert_eq!(told(Autoscaler { min: 6, ..wants }, Some(3)), None, "not obeyed yet");
    }

    #[test]
    fn a_canary_has_the_autoscaler_of_its_target_and_flaggers_copy_for_the_primary() {
        let made = flagger(Phase::Progressing);
        let named = |name: &str, desired| Autoscaler { name: Name::new(name), ..scaler(desired) };
        let (autoscaler, primary_autoscaler) =
            (Some(named("web", 5)), Some(named("web-primary", 10)));
        let bounds = Bounds { autoscaler, primary_autoscaler, ..Bounds::default() };
        let words = reason(&made.0, &bounds, at(1_000));
        assert_eq!(words.as_deref(), Some("autoscaler web-primary is at its maximum of 10 pods"));
    }

    #[test]
    fn a_range_is_told_with_what_it_wants() {
        assert_eq!(range(&scaler(5)), "5 pods of 2 to 10, wants 5");
    }
}
