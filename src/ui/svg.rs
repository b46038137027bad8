//! A painted buffer as a picture (SVG) and as plain text: for the incident channel, the README and the eyes of a test.
//! Pure: the same buffer is the same picture, byte for byte.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Modifier, Style};
use unicode_segmentation::UnicodeSegmentation;

use super::colour::Rgb;
use super::format::width;
use super::theme::Theme;

/// Size of a cell in pixels: the width of a letter and the height of a line of a 14 pixel monospaced font.
const CELL: (f64, f64) = (8.43, 17.0);

/// Pixels around the screen.
const MARGIN: f64 = 10.0;

/// Signs that are painted as boxes: from which height of the cell on, and how dense. Fonts leave gaps between rows.
const BOXES: [(&str, f64, &str); 10] = [
    ("▁", 0.875, ""),
    ("▂", 0.75, ""),
    ("▃", 0.625, ""),
    ("▄", 0.5, ""),
    ("▅", 0.375, ""),
    ("▆", 0.25, ""),
    ("▇", 0.125, ""),
    ("█", 0.0, ""),
    ("░", 0.3, " opacity=\"0.6\""),
    ("▔", 0.0, ""),
];

/// A run of cells that look alike.
struct Run<'a> {
    column: usize,
    cells: usize,
    style: Style,
    text: String,
    first: &'a Cell,
}

/// The buffer as an SVG document.
#[must_use]
pub fn picture(buffer: &Buffer, theme: &Theme) -> String {
    let (columns, rows) = (f64::from(buffer.area.width), f64::from(buffer.area.height));
    let (wide, high) = (columns * CELL.0 + 2.0 * MARGIN, rows * CELL.1 + 2.0 * MARGIN);
    let (_, ground) = theme.picture(Style::new());
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide:.0}\" height=\"{high:.0}\" \
         viewBox=\"0 0 {wide:.0} {high:.0}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{}\"/>\n\
         <g font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"14\" \
         xml:space=\"preserve\">\n",
        ground.hex()
    );
    for row in 0..usize::from(buffer.area.height) {
        for run in runs(buffer, row) {
            draw(&mut svg, &run, row, (theme, ground));
        }
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

/// The buffer as text, without spaces at the ends of lines.
#[must_use]
pub fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for row in 0..usize::from(buffer.area.height) {
        let line: String = line(buffer, row).iter().map(Cell::symbol).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn line(buffer: &Buffer, row: usize) -> &[Cell] {
    let columns = usize::from(buffer.area.width);
    buffer.content.get(row * columns..(row + 1) * columns).unwrap_or_default()
}

fn runs(buffer: &Buffer, row: usize) -> Vec<Run<'_>> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    for (column, cell) in line(buffer, row).iter().enumerate() {
        match runs.last_mut().filter(|run| run.first.style() == cell.style()) {
            Some(run) => {
                run.cells += 1;
                run.text.push_str(cell.symbol());
            }
            None => runs.push(Run {
                column,
                cells: 1,
                style: cell.style(),
                text: cell.symbol().to_owned(),
                first: cell,
            }),
        }
    }
    runs
}

#[expect(clippy::cast_precision_loss, reason = "columns of a terminal: far below 2^52")]
fn draw(svg: &mut String, run: &Run<'_>, row: usize, (theme, plain): (&Theme, Rgb)) {
    let (ink, ground) = theme.picture(run.style);
    let (x, y) = (MARGIN + run.column as f64 * CELL.0, MARGIN + row as f64 * CELL.1);
    if ground != plain {
        let (wide, high) = (run.cells as f64 * CELL.0, CELL.1);
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{wide:.2}\" height=\"{high:.2}\" fill=\"{}\"/>",
            ground.hex()
        );
    }
    let shown = boxes(svg, run, (x, y), ink);
    let shown = shown.trim_end();
    if shown.is_empty() {
        return;
    }
    let length = width(shown) as f64 * CELL.0;
    let _ = writeln!(
        svg,
        "<text x=\"{x:.2}\" y=\"{:.2}\" textLength=\"{length:.2}\" fill=\"{}\"{}>{}</text>",
        y + 13.0,
        ink.hex(),
        attributes(run.style.add_modifier),
        escaped(shown)
    );
}

/// Draws the signs that are boxes; the text with spaces in their places is what is left.
#[expect(clippy::cast_precision_loss, reason = "columns of a terminal: far below 2^52")]
fn boxes(svg: &mut String, run: &Run<'_>, (x, y): (f64, f64), ink: Rgb) -> String {
    let mut left = String::new();
    let mut column = 0;
    let signs: Vec<&str> = run.text.graphemes(true).collect();
    for same in signs.chunk_by(|a, b| a == b) {
        let sign = same.first().copied().unwrap_or_default();
        let cells = width(sign) * same.len();
        let Some((_, from, look)) = BOXES.iter().find(|(known, ..)| *known == sign) else {
            left.push_str(&sign.repeat(same.len()));
            column += cells;
            continue;
        };
        let (high, top) = match sign {
            "▔" => (1.5, y),
            "░" => (CELL.1 * 0.4, y + CELL.1 * from),
            _ => (CELL.1 * (1.0 - from), y + CELL.1 * from),
        };
        let at = x + column as f64 * CELL.0;
        let wide = cells as f64 * CELL.0;
        let _ = writeln!(
            svg,
            "<rect x=\"{at:.2}\" y=\"{top:.2}\" width=\"{wide:.2}\" height=\"{high:.2}\" fill=\"{}\"{look}/>",
            ink.hex()
        );
        left.push_str(&" ".repeat(cells));
        column += cells;
    }
    left
}

fn attributes(modifiers: Modifier) -> String {
    let mut out = String::new();
    for (modifier, attribute) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        (Modifier::DIM, " opacity=\"0.7\""),
    ] {
        if modifiers.contains(modifier) {
            out.push_str(attribute);
        }
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;

    use super::*;
    use crate::ui::ink::{Words, paint};
    use crate::ui::theme::Role;

    fn buffer() -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 2));
        let lines = [
            Words::of(Role::Danger, "a<b").and(Role::Selection, " & 漢"),
            Words::of(Role::Text, "  plain"),
        ];
        let area = buffer.area;
        paint(&mut buffer, area, &lines, &Theme::dark());
        buffer
    }

    #[test]
    fn a_picture_holds_text_looks_and_no_raw_markup() {
        let svg = picture(&buffer(), &Theme::dark());
        assert!(svg.contains(">a&lt;b</text>") && svg.contains("font-weight=\"bold\""), "{svg}");
        assert!(svg.contains("fill=\"#ff7b72\"") && svg.contains("> &amp; 漢</text>"), "{svg}");
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert_eq!(svg, picture(&buffer(), &Theme::dark()));
    }

    #[test]
    fn a_saved_text_has_the_lines_of_the_screen() {
        assert_eq!(text(&buffer()), "a<b & 漢\n  plain\n");
    }
}
