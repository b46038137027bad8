//! How many pods a canary and the stable version should have.

use super::argo_view::Ro;
use super::read;
use super::sets::{Rs, sum};

/// Canary and stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) canary: i64,
    pub(super) stable: i64,
}

/// The ReplicaSets of a rollout: the new one, the stable one (maybe the same), all others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fleet<'a> {
    pub(super) new: Option<&'a Rs>,
    pub(super) stable: Option<&'a Rs>,
    pub(super) others: &'a [Rs],
}

impl<'a> Fleet<'a> {
    /// The stable ReplicaSet, if it is another than the new one.
    pub(super) fn other_stable(&self) -> Option<&'a Rs> {
        let stable = self.stable?;
        let is_new = self.new.is_some_and(|new| new.name() == stable.name());
        (!is_new).then_some(stable)
    }
}

/// What a canary asks for: a number of pods, or a weight.
enum Asked {
    Replicas(i64),
    Weight(i64),
}

fn asked(ro: &Ro, fleet: &Fleet<'_>) -> Asked {
    if ro.is_promoting_fully() || ro.stable().is_empty() || ro.is_fully_promoted() {
        return Asked::Weight(ro.max_weight());
    }
    if let Some(scale) = ro.canary_scale() {
        if let Some(replicas) = read::int(scale, "/replicas") {
            return Asked::Replicas(replicas);
        }
        if let Some(weight) = read::int(scale, "/weight") {
            return Asked::Weight(weight);
        }
    }
    Asked::Weight(desired_weight(ro, fleet))
}

/// The weight that is wanted. With a stable version that shrinks as the canary grows, an abort goes
/// back through the weights of the steps, as fast as stable pods become available.
pub(super) fn desired_weight(ro: &Ro, fleet: &Fleet<'_>) -> i64 {
    let (true, true, Some(new), Some(stable)) =
        (ro.is_aborted(), ro.is_dynamic(), fleet.new, fleet.stable)
    else {
        return ro.set_weight();
    };
    let pods = (ro.replicas() - stable.available()).max(new.available());
    for index in (0..ro.step_count()).rev() {
        if let Some(super::argo_view::Step::SetWeight(weight)) = ro.step(index)
            && of_weight(ro, weight) < pods
        {
            return weight;
        }
    }
    0
}

/// Pods for a weight, rounded up.
fn of_weight(ro: &Ro, weight: i64) -> i64 {
    (weight * ro.replicas() + ro.max_weight() - 1).div_euclid(ro.max_weight())
}

/// The counts of a canary whose weights a router carries. `weights` are those in effect: canary,
/// stable.
pub(super) fn routed(ro: &Ro, fleet: &Fleet<'_>, weights: Option<(i64, i64)>) -> Counts {
    let (asked, weight) = match asked(ro, fleet) {
        Asked::Replicas(replicas) => (replicas, 0),
        Asked::Weight(weight) => (at_least(ro, of_weight(ro, weight)), weight),
    };
    if !ro.is_dynamic() {
        return Counts { canary: asked, stable: ro.replicas() };
    }
    let (mut canary, mut stable) = (asked, of_weight(ro, ro.max_weight() - weight));
    if let Some((canary_now, stable_now)) = weights {
        stable = stable.max(of_weight(ro, stable_now));
        if ro.is_aborted() {
            canary = canary.max(of_weight(ro, canary_now));
        }
    }
    Counts { canary: at_least(ro, canary), stable: at_least(ro, stable) }
}

/// No ReplicaSet that has pods has fewer than the user said, where a router carries the weights.
fn at_least(ro: &Ro, count: i64) -> i64 {
    let least = ro.canary().and_then(|canary| read::int(canary, "/minPodsPerReplicaSet"));
    match least {
        Some(least) if count > 0 && ro.is_routed() => count.max(least.min(ro.replicas())),
        Some(_) | None => count,
    }
}

/// The counts of a canary whose weight is its share of the pods: as near to the weight as whole
/// pods come, and never more or fewer at once than surge and unavailability allow.
pub(super) fn basic(ro: &Ro, fleet: &Fleet<'_>) -> Counts {
    let weight = match asked(ro, fleet) {
        Asked::Weight(weight) => weight,
        Asked::Replicas(_) => 0,
    };
    let mut want = approximate(ro.replicas(), weight, ro.max_weight(), ro.max_surge());
    let other = fleet.other_stable();
    if other.is_none() {
        want = Counts { canary: ro.replicas(), stable: 0 };
    }
    let canary_now = fleet.new.map_or(0, Rs::wanted);
    let stable_now = other.map_or(0, Rs::wanted);
    let others_now = sum(fleet.others, Rs::wanted);
    let most = ro.replicas() + ro.max_surge();
    let mut room = most - others_now - canary_now - stable_now;

    let mut counts = Counts { canary: canary_now, stable: stable_now };
    if other.is_some() && stable_now < want.stable && room > 0 {
        counts.stable = want.stable.min(stable_now + room);
        room = if counts.stable == want.stable { room - (want.stable - stable_now) } else { 0 };
    }
    if fleet.new.is_some() && canary_now < want.canary && room > 0 {
        counts.canary = want.canary.min(canary_now + room);
    }
    if others_now > 0 {
        // Older versions go first.
        return counts;
    }
    shrink(ro, fleet, want, counts)
}

/// Takes pods from the one that is to become smaller, as far as availability allows.
fn shrink(ro: &Ro, fleet: &Fleet<'_>, want: Counts, mut counts: Counts) -> Counts {
    let least = ro.replicas() - ro.max_unavailable();
    let grows = fleet.new.is_none_or(|new| want.canary >= new.wanted());
    // Of the growing side only what is available counts, of the shrinking one all.
    let counted = |set: Option<&Rs>, shrinks: bool| {
        set.map_or(0, |set| if shrinks { set.wanted() } else { set.available().min(set.wanted()) })
    };
    let there = counted(fleet.new, !grows) + counted(fleet.stable, grows);
    if there <= least {
        return counts;
    }
    let down = |set: Option<&Rs>, want: i64, now: i64| {
        set.filter(|set| set.wanted() > want)
            .map_or(now, |set| want.max(set.wanted() - (there - least)))
    };
    let most = ro.replicas() + ro.max_surge();
    if !grows {
        counts.canary = down(fleet.new, want.canary, counts.canary);
        let sides = (Side::of(fleet.new, counts.canary), Side::of(fleet.stable, counts.stable));
        (counts.canary, counts.stable) = within(sides, most, least);
    } else if let Some(stable) = fleet.other_stable() {
        counts.stable = down(Some(stable), want.stable, counts.stable);
        let sides = (Side::of(Some(stable), counts.stable), Side::of(fleet.new, counts.canary));
        (counts.stable, counts.canary) = within(sides, most, least);
    }
    counts
}

/// One side of a shift: how many pods it is to have, how many are available; `None`: it is not
/// there.
#[derive(Clone, Copy)]
struct Side {
    count: i64,
    available: Option<i64>,
}

impl Side {
    fn of(set: Option<&Rs>, count: i64) -> Self {
        Self { count, available: set.map(Rs::available) }
    }
}

/// Keeps the sum of a draining and another side below the most, without making too much
/// unavailable.
fn within((drain, other): (Side, Side), most: i64, least: i64) -> (i64, i64) {
    let Some(available) = other.available else { return (drain.count, other.count) };
    let over = (drain.count + other.count - most).max(0);
    let cut = other.count - over;
    let there = drain.available.map_or(0, |it| it.min(drain.count)) + available.min(cut);
    let lost = (available - cut).max(0);
    let missing = (least - there).max(0);
    let other = cut + lost.min(missing);
    let over = (drain.count + other - most).max(0);
    (drain.count - over, other)
}

/// The whole numbers of pods that come nearest to a weight. With room for surge, one pod more in
/// all may come nearer; of two that are equally near the larger canary wins; and where both
/// versions should get traffic neither gets none, unless there is only one pod.
fn approximate(replicas: i64, weight: i64, max_weight: i64, surge: i64) -> Counts {
    if replicas == 0 {
        return Counts { canary: 0, stable: 0 };
    }
    let product = replicas * weight;
    let (floor, ceil) =
        (product.div_euclid(max_weight), (product + max_weight - 1).div_euclid(max_weight));
    let may_be_zero = weight == max_weight || weight == 0 || (replicas == 1 && surge == 0);
    let is_tied = |total: i64| (total * weight * 2) % (max_weight * 2) == max_weight;
    let mut options: Vec<(i64, i64)> = Vec::with_capacity(4);
    if ceil < replicas || may_be_zero {
        options.push((ceil, replicas));
    }
    if !is_tied(replicas) && (floor != 0 || may_be_zero) {
        options.push((floor, replicas));
    }
    if surge > 0 {
        options.push((ceil, replicas + 1));
        if !is_tied(replicas + 1) && (floor != 0 || may_be_zero) {
            options.push((floor, replicas + 1));
        }
    }
    // Differences of fractions, compared without rounding: |canary·max/total − weight| · total ·
    // other.
    let off = |(canary, total): (i64, i64)| ((canary * max_weight - weight * total).abs(), total);
    let mut best: Option<(i64, i64)> = None;
    for option in options {
        let is_nearer = best.is_none_or(|best| {
            let ((a, total_a), (b, total_b)) = (off(option), off(best));
            a * total_b < b * total_a
        });
        if is_nearer {
            best = Some(option);
        }
    }
    let (canary, total) = best.unwrap_or((0, replicas));
    Counts { canary, stable: total - canary }
}

/// Whether the pods are there that the current step asks for.
pub(super) fn is_reached(ro: &Ro, fleet: &Fleet<'_>, weights: Option<(i64, i64)>) -> bool {
    let want = if ro.is_routed() { routed(ro, fleet, weights) } else { basic(ro, fleet) };
    if !is_enough(ro, fleet.new, want.canary) {
        return false;
    }
    if !ro.is_routed() || !ro.is_dynamic() {
        let created = |set: &Rs| set.wanted() == want.stable && set.actual() == want.stable;
        if !fleet.stable.is_some_and(created) {
            return false;
        }
    }
    ro.is_routed() || sum(fleet.others, Rs::available) == 0
}

/// Whether enough of the canary's pods are available: all, or as many as the user said.
pub(super) fn is_enough(ro: &Ro, set: Option<&Rs>, want: i64) -> bool {
    let Some(set) = set else { return false };
    let threshold = ro.canary().and_then(|canary| canary.get("replicaProgressThreshold"));
    let value = threshold.and_then(|it| read::int(it, "/value")).filter(|value| *value >= 0);
    let (Some(threshold), Some(value)) = (threshold, value) else {
        return set.wanted() == want && set.available() == want;
    };
    if read::text(threshold, "/type") == "Percent" {
        return want == 0 || set.available() * 100 >= value * want;
    }
    set.available() >= value
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn set(name: &str, wanted: i64, available: i64) -> Rs {
        Rs {
            object: Arc::new(json!({
                "metadata": {"name": name},
                "spec": {"replicas": wanted},
                "status": {"replicas": available, "availableReplicas": available},
            })),
        }
    }

    fn ro(canary: Value, replicas: i64, weight: i64) -> Ro {
        let mut canary = canary;
        canary["steps"] = json!([{"setWeight": weight}, {"pause": {}}]);
        let object = json!({
            "spec": {"replicas": replicas, "strategy": {"canary": canary}},
            "status": {"stableRS": "a", "currentPodHash": "b", "currentStepIndex": 0},
        });
        Ro { object: Arc::new(object), workload: None }
    }

    fn basic_of(limits: (i64, i64), replicas: i64, weight: i64, now: (i64, i64)) -> (i64, i64) {
        let strategy = json!({"maxSurge": limits.0, "maxUnavailable": limits.1});
        let (new, stable) = (set("new", now.0, now.0), set("stable", now.1, now.1));
        let fleet = Fleet { new: Some(&new), stable: Some(&stable), others: &[] };
        let counts = basic(&ro(strategy, replicas, weight), &fleet);
        (counts.canary, counts.stable)
    }

    #[test]
    fn a_basic_canary_grows_within_surge_and_unavailability() {
        for (limits, replicas, weight, now, expected) in [
            ((1, 1), 10, 10, (0, 10), (1, 9)),
            ((3, 0), 10, 30, (0, 10), (3, 10)),
            ((0, 5), 10, 30, (0, 10), (0, 7)),
            ((1, 1), 10, 5, (0, 10), (1, 10)),
            ((1, 0), 1, 5, (0, 1), (1, 1)),
            ((1, 0), 1, 95, (0, 1), (1, 1)),
        ] {
            let found = basic_of(limits, replicas, weight, now);
            assert_eq!(found, expected, "{limits:?} {replicas} {weight} {now:?}");
        }
    }

    #[test]
    fn weights_become_the_nearest_whole_pods() {
        let near = |replicas, weight, surge| {
            let counts = approximate(replicas, weight, 100, surge);
            (counts.canary, counts.stable)
        };
        assert_eq!(near(6, 20, 2), (1, 5));
        assert_eq!(near(6, 50, 2), (3, 3));
        assert_eq!(near(3, 50, 0), (2, 1));
        assert_eq!(near(10, 0, 1), (0, 10));
        assert_eq!(near(10, 100, 1), (10, 0));
        assert_eq!(near(0, 50, 1), (0, 0));
        assert_eq!(near(2, 1, 0), (1, 1));
    }

    #[test]
    fn a_routed_canary_follows_the_weight_and_stable_stays_whole() {
        let routing = json!({"trafficRouting": {"nginx": {}}});
        let (new, stable) = (set("new", 0, 0), set("stable", 5, 5));
        let fleet = Fleet { new: Some(&new), stable: Some(&stable), others: &[] };
        let counts = |weight| routed(&ro(routing.clone(), 5, weight), &fleet, None);
        assert_eq!(counts(10), Counts { canary: 1, stable: 5 });
        assert_eq!(counts(50), Counts { canary: 3, stable: 5 });
        assert_eq!(counts(0), Counts { canary: 0, stable: 5 });
    }

    #[test]
    fn a_dynamic_stable_shrinks_no_faster_than_its_traffic() {
        let strategy = json!({"trafficRouting": {"istio": {}}, "dynamicStableScale": true});
        let (new, stable) = (set("new", 2, 2), set("stable", 10, 10));
        let fleet = Fleet { new: Some(&new), stable: Some(&stable), others: &[] };
        let ro = ro(strategy, 10, 50);
        assert_eq!(routed(&ro, &fleet, Some((20, 80))), Counts { canary: 5, stable: 8 });
        assert_eq!(routed(&ro, &fleet, Some((50, 50))), Counts { canary: 5, stable: 5 });
    }

    #[test]
    fn enough_is_all_or_what_the_user_said() {
        let threshold = |kind: &str, value: i64| {
            let threshold = json!({"type": kind, "value": value});
            json!({"replicaProgressThreshold": threshold})
        };
        let new = set("new", 10, 7);
        let enough = |strategy| is_enough(&ro(strategy, 10, 50), Some(&new), 10);
        assert!(!enough(json!({})));
        assert!(enough(threshold("Percent", 70)));
        assert!(!enough(threshold("Percent", 80)));
        assert!(enough(threshold("Pods", 7)));
    }
}
