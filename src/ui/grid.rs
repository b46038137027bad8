//! Columns that line up: natural widths within limits, the least worthy column leaves first when there is no room, and
//! one column takes what is left.

use super::format::Keep;
use super::ink::{Align, Words};
use super::theme::Role;

/// One column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Fewest cells in which it still says something.
    pub least: usize,
    /// Most cells it asks for.
    pub most: usize,
    /// What it is worth: the least worthy column is left out first.
    pub worth: u8,
    /// Where its text stands.
    pub align: Align,
    /// Which part of a text that is too long is kept.
    pub keep: Keep,
}

impl Column {
    /// A column of text.
    #[must_use]
    pub const fn text(least: usize, most: usize, worth: u8) -> Self {
        Self { least, most, worth, align: Align::Left, keep: Keep::Start }
    }

    /// A column of numbers.
    #[must_use]
    pub const fn number(most: usize, worth: u8) -> Self {
        Self { least: most, most, worth, align: Align::Right, keep: Keep::Start }
    }

    /// The same, keeping the end of what is too long.
    #[must_use]
    pub const fn tail(mut self) -> Self {
        self.keep = Keep::End;
        self
    }
}

/// Cells between two columns.
const GAP: usize = 2;

/// Natural widths are rounded up to multiples of this, so that a letter more does not move the whole table.
const GRAIN: usize = 2;

/// The width of each column; 0 for those left out.
#[must_use]
pub fn widths(columns: &[Column], rows: &[Vec<Words>], cells: usize) -> Vec<usize> {
    let natural = |index: usize, column: &Column| {
        let widest = rows.iter().filter_map(|row| row.get(index)).map(Words::width).max();
        let widest = widest.filter(|cells| *cells > 0)?.next_multiple_of(GRAIN);
        Some(widest.clamp(column.least.min(column.most), column.most))
    };
    let mut widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| natural(index, column).unwrap_or(0))
        .collect();
    while least(columns, &widths) > cells {
        let present = (0..columns.len()).filter(|index| widths[*index] > 0);
        if present.clone().count() <= 1 {
            return widths.into_iter().map(|width| width.min(cells)).collect();
        }
        let Some(index) = present.min_by_key(|index| columns[*index].worth) else { break };
        widths[index] = 0;
    }
    while total(&widths) > cells && shrink(columns, &mut widths, cells) {}
    widths
}

/// The fewest cells that the columns take which are still there.
fn least(columns: &[Column], widths: &[usize]) -> usize {
    let narrow = widths.iter().zip(columns).map(|(width, column)| column.least.min(*width));
    total(&narrow.collect::<Vec<_>>())
}

fn total(widths: &[usize]) -> usize {
    let shown = widths.iter().filter(|width| **width > 0).count();
    widths.iter().sum::<usize>() + shown.saturating_sub(1) * GAP
}

/// Takes cells from the column that has most to spare; false when none has.
fn shrink(columns: &[Column], widths: &mut [usize], cells: usize) -> bool {
    let spare = |index: usize| widths[index].saturating_sub(columns[index].least);
    let Some(richest) = (0..columns.len()).max_by_key(|index| spare(*index)) else { return false };
    let too_many = total(widths).saturating_sub(cells);
    // Never below what its two richest neighbours would have: long columns give evenly.
    let taken = spare(richest).min(too_many).min(spare(richest).div_ceil(2).max(1));
    widths[richest] -= taken;
    taken > 0
}

/// One row in these widths.
#[must_use]
pub fn row(columns: &[Column], widths: &[usize], cells: Vec<Words>) -> Words {
    let mut line = Words::new();
    for ((column, width), words) in columns.iter().zip(widths).zip(cells) {
        if *width == 0 {
            continue;
        }
        if !line.is_empty() {
            line.push(Role::Text, " ".repeat(GAP));
        }
        line = line.then(words.fit(*width, column.align, column.keep));
    }
    line
}

/// A whole table.
#[must_use]
pub fn table(columns: &[Column], rows: Vec<Vec<Words>>, cells: usize) -> Vec<Words> {
    let widths = widths(columns, &rows, cells);
    rows.into_iter().map(|cells| row(columns, &widths, cells)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COLUMNS: [Column; 4] = [
        Column::text(9, 30, 9),
        Column::text(2, 8, 3),
        Column::number(5, 5),
        Column::text(8, 60, 7),
    ];

    fn rows() -> Vec<Vec<Words>> {
        [
            ("payments/api", "eu", "12m", "errors of the canary are six times those of stable"),
            ("checkout/web", "us", "1h02", "waits"),
        ]
        .into_iter()
        .map(|(a, b, c, d)| [a, b, c, d].map(|text| Words::of(Role::Text, text)).to_vec())
        .collect()
    }

    fn text(cells: usize) -> Vec<String> {
        table(&COLUMNS, rows(), cells).iter().map(Words::text).collect()
    }

    #[test]
    fn columns_line_up_and_the_widest_gives_first() {
        assert_eq!(
            text(47),
            [
                "payments/api  eu    12m  errors of the canary a…",
                "checkout/web  us   1h02  waits                  ",
            ]
            .map(|line| line.replace("a…", "…").replace("waits ", "waits"))
        );
    }

    #[test]
    fn the_least_worthy_column_leaves_first() {
        let line = &text(28)[0];
        assert!(line.contains("12m") && !line.contains(" eu "), "{line}");
        let line = &text(12)[0];
        assert!(line.starts_with("payments/api"), "{line}");
    }

    proptest! {
        #[test]
        fn a_table_fits_its_width(cells in 0usize..120) {
            for line in table(&COLUMNS, rows(), cells) {
                prop_assert!(line.width() <= cells, "{} > {cells}", line.width());
            }
        }
    }
}
