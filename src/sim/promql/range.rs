//! Functions over the samples of a span of time, with Prometheus' rules for borders and resets.

use super::value::Point;

/// A span of time in Unix milliseconds, both ends included, as Prometheus 2 has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) to: i64,
}

/// A function over one series; without an answer the series is not in the result.
pub(super) type OverTime = fn(&[Point], Span) -> Option<f64>;

/// Per-second increase of a counter.
pub(super) fn rate(points: &[Point], span: Span) -> Option<f64> {
    Some(increase(points, span)? / seconds(span.to - span.from))
}

/// Increase of a counter over the whole span.
pub(super) fn increase(points: &[Point], span: Span) -> Option<f64> {
    let (first, last) = ends(points)?;
    let resets: f64 =
        pairs(points).filter(|(before, now)| now < before).map(|(lost, _)| lost).sum();
    let change = last.1 - first.1 + resets;
    let mut to_start = seconds(first.0 - span.from);
    if change > 0.0 && first.1 >= 0.0 {
        // A counter cannot have been negative: do not extrapolate beyond its zero.
        to_start = to_start.min(seconds(last.0 - first.0) * (first.1 / change));
    }
    Some(change * stretch(points, span, to_start))
}

/// Difference of a gauge over the whole span.
pub(super) fn delta(points: &[Point], span: Span) -> Option<f64> {
    let (first, last) = ends(points)?;
    Some((last.1 - first.1) * stretch(points, span, seconds(first.0 - span.from)))
}

/// Per-second increase between the last two samples.
pub(super) fn irate(points: &[Point], _span: Span) -> Option<f64> {
    let [.., before, last] = points else { return None };
    let change = if last.1 < before.1 { last.1 } else { last.1 - before.1 };
    (last.0 != before.0).then(|| change / seconds(last.0 - before.0))
}

/// Difference between the last two samples.
pub(super) fn idelta(points: &[Point], _span: Span) -> Option<f64> {
    let [.., before, last] = points else { return None };
    Some(last.1 - before.1)
}

/// Slope of the straight line of least squares, per second.
pub(super) fn deriv(points: &[Point], _span: Span) -> Option<f64> {
    let (first, _) = ends(points)?;
    regression(points, first.0).map(|(slope, _)| slope)
}

/// Sum, with compensation for lost low digits.
pub(super) fn sum(points: &[Point], _span: Span) -> Option<f64> {
    let (sum, lost) = points.iter().fold((0.0, 0.0), |sum, (_, value)| add(*value, sum));
    Some(if f64::is_infinite(sum) { sum } else { sum + lost })
}

/// Mean, computed step by step so that the sum cannot overflow.
pub(super) fn avg(points: &[Point], _span: Span) -> Option<f64> {
    let (mut mean, mut lost, mut count) = (0.0_f64, 0.0, 0.0);
    for (_, value) in points {
        count += 1.0;
        if !absorbs(mean, *value) {
            (mean, lost) = add(value / count - mean / count, (mean, lost));
        }
    }
    Some(if mean.is_infinite() { mean } else { mean + lost })
}

/// The largest value; NaN only where there is nothing else.
pub(super) fn max(points: &[Point], _span: Span) -> Option<f64> {
    fold(points, |best, value| value > best)
}

/// The smallest value; NaN only where there is nothing else.
pub(super) fn min(points: &[Point], _span: Span) -> Option<f64> {
    fold(points, |best, value| value < best)
}

/// How many samples there are.
#[expect(clippy::cast_precision_loss, reason = "fewer samples than 2^52")]
pub(super) fn count(points: &[Point], _span: Span) -> Option<f64> {
    Some(points.len() as f64)
}

/// 1 where there is a sample.
pub(super) fn present(_points: &[Point], _span: Span) -> Option<f64> {
    Some(1.0)
}

/// Population variance.
pub(super) fn stdvar(points: &[Point], _span: Span) -> Option<f64> {
    let (mut mean, mut mean_lost, mut square, mut square_lost) = (0.0, 0.0, 0.0, 0.0);
    let mut count = 0.0;
    for (_, value) in points {
        count += 1.0;
        let off = value - (mean + mean_lost);
        (mean, mean_lost) = add(off / count, (mean, mean_lost));
        (square, square_lost) = add(off * (value - (mean + mean_lost)), (square, square_lost));
    }
    Some((square + square_lost) / count)
}

/// Population standard deviation.
pub(super) fn stddev(points: &[Point], span: Span) -> Option<f64> {
    stdvar(points, span).map(f64::sqrt)
}

/// How often the value changed.
pub(super) fn changes(points: &[Point], _span: Span) -> Option<f64> {
    tally(points, |before, now| now != before && !(now.is_nan() && before.is_nan()))
}

/// How often the value fell.
pub(super) fn resets(points: &[Point], _span: Span) -> Option<f64> {
    tally(points, |before, now| now < before)
}

/// Slope per second and value at `origin` of the straight line of least squares.
pub(super) fn regression(points: &[Point], origin: i64) -> Option<(f64, f64)> {
    let (first, _) = ends(points)?;
    if points.iter().all(|(_, value)| *value == first.1) {
        let flat = if first.1.is_infinite() { f64::NAN } else { 0.0 };
        return Some((flat, if flat.is_nan() { f64::NAN } else { first.1 }));
    }
    let (mut n, mut x, mut y, mut xy, mut xx) =
        (0.0, (0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0));
    for (at, value) in points {
        let time = seconds(at - origin);
        n += 1.0;
        x = add(time, x);
        y = add(*value, y);
        xy = add(time * value, xy);
        xx = add(time * time, xx);
    }
    let (x, y, xy, xx) = (x.0 + x.1, y.0 + y.1, xy.0 + xy.1, xx.0 + xx.1);
    let slope = (xy - x * y / n) / (xx - x * x / n);
    Some((slope, y / n - slope * x / n))
}

/// Whether an infinite mean swallows this value: it stays what it is, and does not become NaN.
pub(super) fn absorbs(mean: f64, value: f64) -> bool {
    mean.is_infinite() && (value.is_finite() || value == mean)
}

/// The first and the last of at least two points.
fn ends(points: &[Point]) -> Option<(Point, Point)> {
    let [first, .., last] = points else { return None };
    Some((*first, *last))
}

/// By how much the change between the samples is stretched to the borders of the span. Where the
/// samples stop well before a border, the series is taken to have begun or ended half an average
/// gap beyond them.
#[expect(clippy::cast_precision_loss, reason = "fewer samples than 2^52")]
fn stretch(points: &[Point], span: Span, to_start: f64) -> f64 {
    let Some((first, last)) = ends(points) else { return 1.0 };
    let sampled = seconds(last.0 - first.0);
    let gap = sampled / (points.len() - 1) as f64;
    let within = |distance: f64| if distance < gap * 1.1 { distance } else { gap / 2.0 };
    (sampled + within(to_start) + within(seconds(span.to - last.0))) / sampled
}

/// Adds with Neumaier's compensation.
fn add(value: f64, (sum, lost): (f64, f64)) -> (f64, f64) {
    let total = sum + value;
    let more = if sum.abs() >= value.abs() { (sum - total) + value } else { (value - total) + sum };
    (total, lost + more)
}

fn fold(points: &[Point], better: fn(f64, f64) -> bool) -> Option<f64> {
    points
        .iter()
        .map(|(_, value)| *value)
        .reduce(|best, value| if better(best, value) || best.is_nan() { value } else { best })
}

#[expect(clippy::cast_precision_loss, reason = "fewer samples than 2^52")]
fn tally(points: &[Point], counts: fn(f64, f64) -> bool) -> Option<f64> {
    Some(pairs(points).filter(|(before, now)| counts(*before, *now)).count() as f64)
}

fn pairs(points: &[Point]) -> impl Iterator<Item = (f64, f64)> {
    points.windows(2).map(|pair| (pair[0].1, pair[1].1))
}

/// Milliseconds as seconds.
#[expect(clippy::cast_precision_loss, reason = "times are well below 2^52 ms")]
pub(super) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples 10 s apart.
    fn samples(first_ms: i64, values: &[f64]) -> Vec<Point> {
        (0..).zip(values).map(|(at, value)| (first_ms + at * 10_000, *value)).collect()
    }

    fn close(got: Option<f64>, expected: f64) {
        assert!(got.is_some_and(|got| (got - expected).abs() < 1e-9), "{got:?}, not {expected}");
    }

    const MINUTE: Span = Span { from: 0, to: 60_000 };

    #[test]
    fn an_increase_that_fills_its_span_is_the_difference() {
        let span = Span { from: 0, to: 30_000 };
        close(increase(&samples(0, &[0.0, 10.0, 20.0, 30.0]), span), 30.0);
        close(rate(&samples(0, &[0.0, 10.0, 20.0, 30.0]), span), 1.0);
    }

    #[test]
    fn a_near_border_is_reached_and_a_far_one_by_half_a_gap() {
        // 20 over 20 s; 5 s to the start are added, of 15 s to the end only 5.
        let span = Span { from: 0, to: 40_000 };
        close(increase(&samples(5000, &[10.0, 20.0, 30.0]), span), 30.0);
        close(delta(&samples(5000, &[30.0, 20.0, 10.0]), span), -30.0);
    }

    #[test]
    fn a_counter_is_not_extrapolated_below_zero() {
        // It was 0 one second before its first sample: 20 * (20 + 1 + 5) / 20.
        let span = Span { from: 0, to: 30_000 };
        close(increase(&samples(5000, &[1.0, 11.0, 21.0]), span), 26.0);
        close(delta(&samples(5000, &[1.0, 11.0, 21.0]), span), 30.0);
    }

    #[test]
    fn a_reset_begins_at_zero() {
        let span = Span { from: 0, to: 30_000 };
        let counter = samples(0, &[100.0, 110.0, 5.0, 15.0]);
        close(increase(&counter, span), 25.0);
        close(irate(&counter, span), 1.0);
        close(irate(&counter[..3], span), 0.5);
        close(idelta(&counter[..3], span), -105.0);
        close(resets(&counter, span), 1.0);
    }

    #[test]
    fn one_sample_has_no_rate() {
        for function in [rate, increase, delta, irate, idelta, deriv] {
            assert_eq!(function(&samples(5000, &[1.0]), MINUTE), None);
        }
    }

    #[test]
    fn means_and_extremes_follow_prometheus_where_numbers_end() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        let is = |function: OverTime, values: &[f64], expected: f64| {
            let got = function(&samples(0, values), MINUTE).expect("a value");
            assert!(got == expected || got.is_nan() && expected.is_nan(), "{values:?}: {got}");
        };
        is(avg, &[1.0, 2.0, 6.0], 3.0);
        is(avg, &[f64::MAX, f64::MAX], f64::MAX);
        is(avg, &[inf, 1.0], inf);
        is(avg, &[inf, -inf], nan);
        is(max, &[nan, 1.0, 3.0, 2.0], 3.0);
        is(min, &[nan, nan], nan);
        is(sum, &[1e100, 1.0, -1e100], 1.0);
        is(changes, &[1.0, 1.0, 2.0, nan, nan, 2.0], 3.0);
        is(count, &[1.0, nan], 2.0);
        is(stdvar, &[1.0, 3.0], 1.0);
        is(stddev, &[1.0, 3.0], 1.0);
        is(deriv, &[1.0, 2.0, 3.0], 0.1);
    }
}
