//! A chart that is read without colours: one curve as filled columns, the other as a line over it, the limit as a broken
//! line across, and ticks with words below.

use super::format::{Keep, cut, width};
use super::ink::{CUT, Words};
use super::marks::{LEVELS, SCANS};
use super::theme::Role;

/// What a chart shows. Curves have one value per column; gaps are gaps.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// The curve that is drawn as filled columns: the canary, the actual weight.
    pub filled: Vec<Option<f64>>,
    /// The curve that is drawn as a line: stable, the desired weight.
    pub line: Vec<Option<f64>>,
    /// What must not be passed.
    pub limit: Option<f64>,
    /// The value at the top; the bottom is zero.
    pub top: f64,
    /// Words of the value at the top.
    pub top_words: String,
    /// Columns that mean something, with a few words.
    pub ticks: Vec<(usize, String)>,
    /// The column that the operator reads.
    pub cursor: Option<usize>,
}

/// Cells left of the chart, for the words of its scale.
pub const SCALE: usize = 8;

#[derive(Clone)]
struct Cell {
    role: Role,
    sign: &'static str,
}

impl Chart {
    /// A scale that has room above the highest value and above the limit.
    #[must_use]
    pub fn scale(curves: &[&[Option<f64>]], limit: Option<f64>) -> f64 {
        let highest = curves.iter().flat_map(|curve| curve.iter().flatten()).copied();
        let highest = highest.chain(limit).fold(0.0, f64::max);
        nice(highest * 1.1)
    }

    /// The chart in this many cells: its rows and, below, the row of its ticks.
    #[must_use]
    pub fn lines(&self, rows: usize, columns: usize) -> Vec<Words> {
        let body = rows.saturating_sub(1);
        let plot = columns.saturating_sub(SCALE + 1);
        if body == 0 || plot == 0 || self.top <= 0.0 {
            return vec![Words::new(); rows];
        }
        let mut lines: Vec<Words> = (0..body).map(|row| self.row(row, body, plot)).collect();
        lines.push(self.foot(plot));
        lines
    }

    fn row(&self, row: usize, rows: usize, columns: usize) -> Words {
        let scale = match row {
            0 => self.top_words.clone(),
            _ if row + 1 == rows => "0".to_owned(),
            _ => String::new(),
        };
        let scale = format!("{:>SCALE$}", cut(&scale, SCALE, Keep::Start, CUT));
        let mut line = Words::of(Role::Muted, scale).and(Role::Border, "│");
        let cells: Vec<Cell> = (0..columns).map(|column| self.cell(column, row, rows)).collect();
        for run in cells.chunk_by(|a, b| a.role == b.role) {
            let text: String = run.iter().map(|cell| cell.sign).collect();
            line.push(run.first().map_or(Role::Text, |cell| cell.role), text);
        }
        line
    }

    /// A line over a filled column over the limit over nothing.
    fn cell(&self, column: usize, row: usize, rows: usize) -> Cell {
        let at = |curve: &[Option<f64>]| curve.get(column).copied().flatten();
        // How many rows, and parts of one, a value is above the bottom of this row.
        let above = |value: f64| self.height(value, rows) - index(rows - 1 - row);
        if let Some(value) = at(&self.line).map(above).filter(|part| is_here(*part, row)) {
            return Cell { role: Role::Stable, sign: pick(&SCANS, value) };
        }
        let limit = self.limit.map(above).filter(|part| is_here(*part, row));
        if let Some(part) = at(&self.filled).map(above).filter(|part| *part >= 0.0) {
            let is_lowest = row + 1 == rows;
            if part > 0.0 || is_lowest {
                let is_over = self.limit.is_some_and(|limit| above(limit) < 0.0);
                let role = if is_over { Role::Danger } else { Role::Canary };
                return Cell { role, sign: pick(&LEVELS, part.min(0.999)) };
            }
        }
        if limit.is_some() {
            return Cell { role: Role::Limit, sign: "╌" };
        }
        if self.cursor == Some(column) {
            return Cell { role: Role::Focus, sign: "╎" };
        }
        Cell { role: Role::Text, sign: " " }
    }

    /// How many rows high a value is.
    fn height(&self, value: f64, rows: usize) -> f64 {
        (value / self.top).clamp(0.0, 1.0) * index(rows)
    }

    /// The axis with its ticks; words that would run into each other are left out.
    fn foot(&self, columns: usize) -> Words {
        let mut line = Words::of(Role::Border, format!("{}└", " ".repeat(SCALE)));
        let mut ticks = self.ticks.clone();
        ticks.sort();
        let mut at = 0;
        for (column, words) in ticks {
            if column < at || column >= columns {
                continue;
            }
            line.push(Role::Border, "─".repeat(column - at));
            line.push(Role::Border, "┴");
            at = column + 1;
            let room = columns - at;
            if width(&words) <= room {
                at += width(&words);
                line.push(Role::Muted, words);
            }
        }
        line.and(Role::Border, "─".repeat(columns.saturating_sub(at)))
    }
}

/// Whether a value lies in this row; what is at the very top lies in the first one.
fn is_here(part: f64, row: usize) -> bool {
    (0.0..1.0).contains(&part) || (row == 0 && part >= 1.0)
}

#[expect(clippy::cast_precision_loss, reason = "rows of a terminal: far below 2^52")]
const fn index(rows: usize) -> f64 {
    rows as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a part of one, times a handful of signs"
)]
fn pick(signs: &[&'static str], part: f64) -> &'static str {
    let place = (part.clamp(0.0, 0.999) * signs.len() as f64) as usize;
    signs.get(place).copied().unwrap_or(" ")
}

/// The next 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten: a scale that seldom changes.
fn nice(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|step| *step >= value * 0.999_999)
        .unwrap_or(power * 10.0)
}

/// A curve in one line. Gaps are spaces, and nothing but gaps is a space too; zero has a sign of its own.
#[must_use]
pub fn sparkline(points: &[Option<f64>], limit: Option<f64>, role: Role) -> Words {
    let top = points.iter().flatten().copied().fold(limit.unwrap_or(0.0), f64::max);
    let mut line = Words::new();
    for point in points {
        let Some(value) = point else {
            line.push(Role::Text, " ");
            continue;
        };
        let part = if top > 0.0 { value / top } else { 0.0 };
        let is_over = limit.is_some_and(|limit| *value > limit);
        line.push(if is_over { Role::Danger } else { role }, pick(&LEVELS, part));
    }
    line
}

/// A bar of a share, with a mark where it should be.
#[must_use]
pub fn bar(actual: f64, wanted: Option<f64>, cells: usize) -> Words {
    let place = |share: f64| {
        let at = (share.clamp(0.0, 1.0) * index(cells)).round();
        (0..=cells).rfind(|cell| index(*cell) <= at).unwrap_or(0)
    };
    let filled = place(actual);
    let wanted = wanted.map(place);
    let mut line = Words::new();
    for cell in 0..cells {
        let is_wanted = wanted.is_some_and(|at| cell == at.min(cells.saturating_sub(1)));
        match (is_wanted && wanted != Some(filled), cell < filled) {
            (true, _) => line.push(Role::Focus, "┃"),
            (false, true) => line.push(Role::Canary, "█"),
            (false, false) => line.push(Role::Border, "░"),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(lines: &[Words]) -> Vec<String> {
        lines.iter().map(Words::text).collect()
    }

    #[test]
    fn two_curves_a_limit_and_a_gap_are_told_apart_without_colour() {
        let chart = Chart {
            filled: vec![Some(1.0), Some(2.0), None, Some(6.0), Some(8.0)],
            line: vec![Some(1.0), Some(1.0), Some(1.0), None, Some(1.0)],
            limit: Some(5.0),
            top: 8.0,
            top_words: "8.00 %".to_owned(),
            ticks: vec![(0, "5".to_owned()), (3, "20".to_owned())],
            cursor: Some(2),
        };
        assert_eq!(
            text(&chart.lines(5, 14)),
            [
                "  8.00 %│  ╎ █",
                "        │╌╌╌██",
                "        │  ╎██",
                "       0│───█─",
                "        └┴5─┴─",
            ]
        );
    }

    #[test]
    fn a_zero_is_seen_and_a_gap_is_not() {
        let line = sparkline(&[Some(0.0), None, Some(4.0), Some(8.0)], None, Role::Canary);
        assert_eq!(line.text(), "▁ ▅█");
        assert_eq!(sparkline(&[Some(0.0)], None, Role::Canary).text(), "▁");
    }

    #[test]
    fn a_bar_shows_where_it_should_be() {
        assert_eq!(bar(0.2, Some(0.5), 10).text(), "██░░░┃░░░░");
        assert_eq!(bar(0.5, Some(0.5), 10).text(), "█████░░░░░");
        assert_eq!(bar(1.0, None, 4).text(), "████");
        assert_eq!(bar(0.0, Some(1.0), 4).text(), "░░░┃");
    }

    #[test]
    fn scales_are_round() {
        for (value, want) in [(0.0, 1.0), (0.0091, 0.01), (3.2, 4.0), (412.0, 500.0), (1.0, 1.0)] {
            assert!((nice(value) - want).abs() < 1e-9, "{value}: {}", nice(value));
        }
    }

    proptest! {
        #[test]
        fn a_chart_has_its_size(
            filled in proptest::collection::vec(proptest::option::of(-1e9f64..1e9), 0..40),
            (rows, columns) in (0usize..12, 0usize..60),
            tick in 0usize..80,
        ) {
            let top = Chart::scale(&[&filled], Some(1.0));
            let ticks = vec![(tick, "setWeight: 20".to_owned()), (3, "x".to_owned())];
            let chart = Chart { line: filled.clone(), filled, limit: Some(1.0), top, ticks, ..Chart::default() };
            let lines = chart.lines(rows, columns);
            prop_assert_eq!(lines.len(), rows);
            for line in lines {
                prop_assert!(line.width() <= columns);
            }
        }
    }
}
