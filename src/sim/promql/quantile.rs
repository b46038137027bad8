//! Quantiles: of values, and of the classic histogram's cumulative buckets.

/// The `q` quantile of values, linear between neighbours. NaN sorts below everything.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "ranks of a vector that fits into memory"
)]
pub(super) fn of_values(q: f64, mut values: Vec<f64>) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if let Some(beyond) = out_of_range(q) {
        return beyond;
    }
    values.sort_by(|a, b| nan_first(*a, *b));
    let rank = q * (values.len() - 1) as f64;
    let lower = rank.floor() as usize;
    let upper = (lower + 1).min(values.len() - 1);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// The order of sorting: NaN first, then by value.
pub(super) fn nan_first(a: f64, b: f64) -> std::cmp::Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// One cumulative bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bucket {
    /// Upper bound, inclusive; the value of the label `le`.
    pub(super) le: f64,
    /// Observations up to the bound.
    pub(super) count: f64,
}

/// `histogram_quantile` of one histogram: linear inside a bucket; NaN where it cannot know.
pub(super) fn of_buckets(q: f64, mut buckets: Vec<Bucket>) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if let Some(beyond) = out_of_range(q) {
        return beyond;
    }
    buckets.sort_by(|a, b| a.le.total_cmp(&b.le));
    // Without the bucket of everything the total is unknown.
    if buckets.last().is_none_or(|last| last.le != f64::INFINITY) {
        return f64::NAN;
    }
    let buckets = monotonic(merged(buckets));
    let [.., before_last, last] = buckets.as_slice() else { return f64::NAN };
    if last.count == 0.0 {
        return f64::NAN;
    }
    let rank = q * last.count;
    let inner = &buckets[..buckets.len() - 1];
    // A binary search, as there: with NaN counts it is what decides.
    let at = inner.partition_point(|bucket| !matches_rank(bucket.count, rank));
    match (at.checked_sub(1), inner.get(at)) {
        (_, None) => before_last.le,
        (None, Some(first)) if first.le <= 0.0 => first.le,
        (None, Some(first)) => first.le * (rank / first.count),
        (Some(below), Some(bucket)) => {
            let below = inner[below];
            let share = (rank - below.count) / (bucket.count - below.count);
            below.le + (bucket.le - below.le) * share
        }
    }
}

fn matches_rank(count: f64, rank: f64) -> bool {
    count >= rank
}

/// Adds up buckets with one bound; they come from series that differ in another label.
fn merged(buckets: Vec<Bucket>) -> Vec<Bucket> {
    let mut merged: Vec<Bucket> = Vec::with_capacity(buckets.len());
    for bucket in buckets {
        match merged.last_mut() {
            Some(last) if last.le == bucket.le => last.count += bucket.count,
            Some(_) | None => merged.push(bucket),
        }
    }
    merged
}

/// Lifts counts that fall: buckets scraped at different moments may not agree.
fn monotonic(mut buckets: Vec<Bucket>) -> Vec<Bucket> {
    let mut highest = f64::NEG_INFINITY;
    for (at, bucket) in buckets.iter_mut().enumerate() {
        if at == 0 || bucket.count > highest {
            highest = bucket.count;
        } else if bucket.count < highest {
            bucket.count = highest;
        }
    }
    buckets
}

fn out_of_range(q: f64) -> Option<f64> {
    if q < 0.0 {
        return Some(f64::NEG_INFINITY);
    }
    (q > 1.0).then_some(f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(counts: &[(f64, f64)]) -> Vec<Bucket> {
        counts.iter().map(|(le, count)| Bucket { le: *le, count: *count }).collect()
    }

    const INF: f64 = f64::INFINITY;

    #[test]
    fn a_quantile_is_linear_inside_its_bucket() {
        let latency = [(0.1, 10.0), (0.2, 30.0), (0.5, 40.0), (INF, 40.0)];
        // Rank 20 of 40: half way through the 20 observations of 0.1 to 0.2.
        for (q, expected) in [(0.5, 0.15), (0.25, 0.1), (0.1, 0.04), (1.0, 0.5), (0.99, 0.488)] {
            let got = of_buckets(q, histogram(&latency));
            assert!((got - expected).abs() < 1e-12, "{q}: {got}");
        }
    }

    #[test]
    fn a_quantile_in_the_last_bucket_is_the_bound_before() {
        assert_eq!(of_buckets(0.9, histogram(&[(0.1, 1.0), (0.5, 2.0), (INF, 10.0)])), 0.5);
    }

    #[test]
    fn what_cannot_be_known_is_nan() {
        for (q, counts) in [
            (f64::NAN, &[(0.1, 1.0), (INF, 2.0)][..]),
            (0.5, &[]),
            (0.5, &[(0.1, 1.0), (0.5, 2.0)]),
            (0.5, &[(INF, 2.0)]),
            (0.5, &[(0.1, 0.0), (INF, 0.0)]),
            (0.0, &[(0.1, 0.0), (INF, 2.0)]),
        ] {
            assert!(of_buckets(q, histogram(counts)).is_nan(), "{q} {counts:?}");
        }
    }

    #[test]
    fn a_quantile_outside_of_zero_to_one_is_infinite() {
        assert_eq!(of_buckets(-0.1, histogram(&[(0.1, 1.0), (INF, 2.0)])), -INF);
        assert_eq!(of_buckets(1.1, histogram(&[(0.1, 1.0), (INF, 2.0)])), INF);
    }

    #[test]
    fn the_first_bucket_begins_at_zero_unless_its_bound_is_not_above_it() {
        assert_eq!(of_buckets(0.25, histogram(&[(2.0, 4.0), (INF, 8.0)])), 1.0);
        assert_eq!(of_buckets(0.25, histogram(&[(-2.0, 4.0), (INF, 8.0)])), -2.0);
    }

    #[test]
    fn falling_counts_are_lifted() {
        let counts = [(0.1, 2.0), (1.0, 1.0), (10.0, 5.0), (100.0, 4.0), (1000.0, 9.0), (INF, 8.0)];
        for (q, expected) in [(0.01, 0.0045), (0.5, 8.5), (0.99, 979.75)] {
            let got = of_buckets(q, histogram(&counts));
            assert!((got - expected).abs() < 1e-9, "{q}: {got}");
        }
    }

    #[test]
    fn equal_bounds_are_added() {
        let twice = [(0.1, 1.0), (0.1, 1.0), (INF, 2.0), (INF, 2.0)];
        assert_eq!(of_buckets(0.5, histogram(&twice)), 0.1);
    }

    #[test]
    fn a_quantile_of_values_lies_between_neighbours() {
        assert_eq!(of_values(0.5, vec![4.0, 1.0, 2.0]), 2.0);
        assert_eq!(of_values(0.75, vec![4.0, 1.0, 2.0]), 3.0);
        assert_eq!(of_values(1.0, vec![4.0, f64::NAN]), 4.0);
        assert!(of_values(0.0, vec![4.0, f64::NAN]).is_nan());
        assert!(of_values(0.5, vec![]).is_nan());
        assert_eq!(of_values(2.0, vec![1.0]), INF);
    }
}
