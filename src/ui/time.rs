//! Time across columns: which moment stands where, and what a curve is worth in each column.
//!
//! Nothing scrolls while time passes: a window keeps its left edge and grows to the right, in steps that people count
//! in, and a sparkline is swept over. Both cost a few cells per step, where scrolling costs all of them
//! (`reference/terminal.md` §5.2).

use jiff::SignedDuration;

use crate::domain::metric::Series;
use crate::domain::observed::{Timestamp, age};

/// Steps that people count in, in seconds.
const STEPS: [i64; 19] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200,
    86_400, 604_800,
];

/// A stretch of time over a number of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Where the first column begins, in seconds since 1970.
    pub start: i64,
    /// Seconds per column.
    pub step: i64,
    /// How many columns.
    pub columns: usize,
}

impl Window {
    /// From a moment to another, over so many columns: the smallest step that people count in, the edge on such a step.
    #[must_use]
    pub fn over(from: Timestamp, to: Timestamp, columns: usize) -> Self {
        let columns = columns.max(1);
        let wide = i64::try_from(columns).unwrap_or(i64::MAX);
        let (from, to) = (from.as_second(), to.as_second().max(from.as_second()));
        let fits = |step: &i64| to / step - from.div_euclid(*step) < wide;
        let step = STEPS.into_iter().find(fits).unwrap_or(STEPS[STEPS.len() - 1]);
        Self { start: from.div_euclid(step) * step, step, columns }
    }

    /// The column of a moment; none outside.
    #[must_use]
    pub fn column(&self, at: Timestamp) -> Option<usize> {
        let steps = (at.as_second() - self.start).div_euclid(self.step);
        usize::try_from(steps).ok().filter(|column| *column < self.columns)
    }

    /// The moment at which a column begins.
    #[must_use]
    pub fn begins(&self, column: usize) -> Timestamp {
        let columns = i64::try_from(column).unwrap_or(i64::MAX);
        let second = self.start.saturating_add(columns.saturating_mul(self.step));
        Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
    }

    /// The worst value of a curve in each column: a spike must not vanish. Gaps stay gaps, unless the curve has fewer
    /// points than there are columns: then a point stands until the next one.
    #[must_use]
    pub fn worst(&self, series: &Series) -> Vec<Option<f64>> {
        let mut columns: Vec<Option<f64>> = vec![None; self.columns];
        let held = (i64::from(series.step_seconds) / self.step).clamp(1, 64);
        for (index, point) in series.points.iter().enumerate() {
            let (Some(value), Some(column)) = (point, self.column(series.time(index))) else {
                continue;
            };
            let last = column.saturating_add(usize::try_from(held).unwrap_or(1));
            for slot in columns.iter_mut().take(last).skip(column) {
                *slot = Some(slot.map_or(value.get(), |worst| worst.max(value.get())));
            }
        }
        columns
    }

    /// A value that stands until it changes, in each column at its end; nothing before the first change and after `now`.
    #[must_use]
    pub fn standing(&self, changes: &[(Timestamp, f64)], now: Timestamp) -> Vec<Option<f64>> {
        (0..self.columns)
            .map(|column| {
                let end = self.begins(column + 1);
                let known = self.begins(column) <= now;
                let last = changes.iter().rfind(|(at, _)| *at < end);
                last.filter(|_| known).map(|(_, value)| *value)
            })
            .collect()
    }
}

/// A curve for a sparkline that is swept over: each column keeps its place, the one after the newest is empty.
#[must_use]
pub fn swept(series: &Series, now: Timestamp, columns: usize) -> Vec<Option<f64>> {
    if columns < 2 {
        return vec![None; columns];
    }
    let wide = i64::try_from(columns - 1).unwrap_or(1);
    let length = i64::try_from(age(series.start, now).as_secs()).unwrap_or(i64::MAX);
    let step = STEPS.into_iter().find(|step| length / step <= wide).unwrap_or(604_800);
    let head = now.as_second().div_euclid(step);
    let back = SignedDuration::from_secs(step.saturating_mul(wide));
    let start = now.checked_sub(back).unwrap_or(series.start);
    let window = Window { start: start.as_second().div_euclid(step) * step, step, columns };
    let mut swept = vec![None; columns];
    for (column, value) in window.worst(series).into_iter().enumerate().take(columns) {
        let turn = window.start.div_euclid(step) + i64::try_from(column).unwrap_or(0);
        if turn <= head {
            let place = turn.rem_euclid(i64::try_from(columns).unwrap_or(1));
            if let Some(slot) = usize::try_from(place).ok().and_then(|place| swept.get_mut(place)) {
                *slot = value;
            }
        }
    }
    swept
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::metric::Finite;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn series(start: i64, step_seconds: u32, values: &[f64]) -> Series {
        let points: Vec<_> = values.iter().map(|value| Finite::new(*value)).collect();
        Series { start: at(start), step_seconds, points: points.into() }
    }

    #[test]
    fn a_window_keeps_its_edge_while_time_passes() {
        let first = Window::over(at(1_000), at(1_100), 20);
        let later = Window::over(at(1_000), at(1_190), 20);
        assert_eq!((first.start, first.step), (1_000, 10));
        assert_eq!(first, later);
        assert_eq!(Window::over(at(1_000), at(1_230), 20).step, 15);
        assert_eq!(first.column(at(1_005)), Some(0));
        assert_eq!(first.column(at(1_199)), Some(19));
        assert_eq!((first.column(at(999)), first.column(at(1_200))), (None, None));
        assert_eq!(first.begins(3), at(1_030));
    }

    #[test]
    fn gaps_stay_gaps_and_spikes_stay_spikes() {
        let window = Window { start: 0, step: 10, columns: 4 };
        let curve = series(0, 5, &[1.0, 9.0, f64::NAN, f64::NAN, 2.0, 3.0]);
        assert_eq!(window.worst(&curve), [Some(9.0), None, Some(3.0), None]);
        let coarse = series(0, 20, &[1.0, 2.0]);
        assert_eq!(window.worst(&coarse), [Some(1.0), Some(1.0), Some(2.0), Some(2.0)]);
    }

    #[test]
    fn a_standing_value_is_unknown_before_its_first_change_and_after_now() {
        let window = Window { start: 0, step: 10, columns: 5 };
        let changes = [(at(12), 5.0), (at(35), 20.0)];
        let want = [None, Some(5.0), Some(5.0), Some(20.0), None];
        assert_eq!(window.standing(&changes, at(39)), want);
    }

    #[test]
    fn a_sweep_changes_two_columns_per_step() {
        let curve = series(0, 10, &[1.0; 8]);
        let before = swept(&curve, at(70), 9);
        let mut longer = vec![1.0; 8];
        longer.push(2.0);
        let after = swept(&series(0, 10, &longer), at(80), 9);
        let changed = before.iter().zip(&after).filter(|(a, b)| a != b).count();
        assert_eq!(before.iter().filter(|value| value.is_some()).count(), 8);
        assert!(changed <= 2, "{before:?} {after:?}");
        assert!(after.contains(&Some(2.0)));
        let now = at(0) + Duration::from_secs(80);
        assert_eq!(swept(&curve, now, 0), []);
    }
}
