//! The encoder's bytes, read by a terminal emulator, give the buffer cell for cell; and they are few.

use std::num::NonZeroU16;

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};

use crate::runtime::colour::ColourLevel;
use crate::runtime::encoder::{Encoder, Frame};

fn emulator(width: u16, height: u16) -> vt100::Parser {
    let cells = |n: u16| NonZeroU16::new(n.max(1)).unwrap();
    vt100::Parser::new(cells(height), cells(width), 0)
}

fn colour_of(colour: Color) -> vt100::Color {
    let samples = [
        (Color::Reset, vt100::Color::Default),
        (Color::Red, vt100::Color::Idx(1)),
        (Color::LightGreen, vt100::Color::Idx(10)),
        (Color::Indexed(99), vt100::Color::Idx(99)),
        (Color::Rgb(1, 2, 3), vt100::Color::Rgb(1, 2, 3)),
    ];
    samples.iter().find(|(sample, _)| *sample == colour).unwrap().1
}

/// What differs between the emulator's screen and the buffer, cell by cell, as far as it can be seen.
fn difference(screen: &vt100::Screen, buffer: &Buffer) -> Option<String> {
    let mut covered = 0;
    for (index, wanted) in buffer.content.iter().enumerate() {
        let at = buffer.pos_of(index);
        let found = screen.cell(at.1, at.0)?;
        if at.0 == 0 {
            covered = 0;
        }
        if covered > 0 {
            covered -= 1;
            if !found.is_wide_continuation() {
                return Some(format!("{at:?}: not covered"));
            }
            continue;
        }
        let symbol = wanted.symbol();
        covered = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
        let text = if found.has_contents() { found.contents() } else { " " };
        let mods = wanted.modifier;
        let mut same = text == symbol
            && found.bgcolor() == colour_of(wanted.bg)
            && found.inverse() == mods.contains(Modifier::REVERSED)
            && found.underline() == mods.contains(Modifier::UNDERLINED);
        let seen = Modifier::REVERSED | Modifier::UNDERLINED;
        if symbol != " " || mods.intersects(seen) {
            // The emulator knows one of bold and dim at a time.
            let both = mods.contains(Modifier::BOLD | Modifier::DIM);
            same &= found.fgcolor() == colour_of(wanted.fg)
                && (both || found.bold() == mods.contains(Modifier::BOLD))
                && (both || found.dim() == mods.contains(Modifier::DIM))
                && found.italic() == mods.contains(Modifier::ITALIC);
        }
        if !same {
            return Some(format!("{at:?}: {found:?} instead of {wanted:?}"));
        }
    }
    None
}

fn style() -> impl Strategy<Value = Style> {
    let colours = vec![
        Color::Reset,
        Color::Reset,
        Color::Red,
        Color::LightGreen,
        Color::Indexed(99),
        Color::Rgb(1, 2, 3),
    ];
    let colour = prop::sample::select(colours);
    let modifiers = prop::sample::select(vec![
        Modifier::empty(),
        Modifier::empty(),
        Modifier::BOLD,
        Modifier::DIM,
        Modifier::ITALIC,
        Modifier::REVERSED,
        Modifier::UNDERLINED | Modifier::BOLD,
    ]);
    (colour.clone(), colour, modifiers)
        .prop_map(|(fg, bg, modifiers)| Style::new().fg(fg).bg(bg).add_modifier(modifiers))
}

/// One stroke of the brush: text in a style somewhere.
type Stroke = (u16, u16, String, Style);

fn stroke() -> impl Strategy<Value = Stroke> {
    let text = prop_oneof![
        4 => "[a-z ]{0,12}",
        2 => " {1,40}",
        2 => prop::sample::select(vec!["漢字", "─│┌", "⣿⠿", "e\u{301}", "✗ x", "a漢b字 "]).prop_map(str::to_owned),
    ];
    (0u16..40, 0u16..8, text, style())
}

fn paint(buffer: &mut Buffer, strokes: &[Stroke]) {
    for (x, y, text, style) in strokes {
        if *x < buffer.area.width && *y < buffer.area.height {
            buffer.set_string(*x, *y, text, *style);
        }
    }
    blank_halves(buffer);
}

/// The brush can leave half a wide character; what is shown of that is tested with the canvas.
fn blank_halves(buffer: &mut Buffer) {
    for index in 0..buffer.content.len() {
        let wide = unicode_width::UnicodeWidthStr::width(buffer.content[index].symbol()) > 1;
        let is_last = buffer.pos_of(index).0 + 1 == buffer.area.width;
        if wide && (is_last || buffer.content[index + 1].symbol() != " ") {
            buffer.content[index].set_symbol(" ");
        }
    }
}

proptest! {

    #[test]
    fn the_terminal_shows_every_buffer_cell_for_cell(
        width in 1u16..40,
        height in 1u16..8,
        frames in prop::collection::vec((prop::collection::vec(stroke(), 0..12), any::<bool>(), 0u16..45, 0u16..9), 1..8),
    ) {
        let mut terminal = emulator(width, height);
        let mut encoder = Encoder::new(ColourLevel::Full);
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        for (strokes, afresh, x, y) in &frames {
            if *afresh {
                buffer.reset();
            }
            paint(&mut buffer, strokes);
            let cursor = (*x < width && *y < height).then_some(Position::new(*x, *y));
            let frame = Frame { buffer: buffer.clone(), cursor };
            terminal.process(encoder.encode(&frame));
            prop_assert_eq!(difference(terminal.screen(), &buffer), None);
            prop_assert_eq!(terminal.screen().hide_cursor(), cursor.is_none());
            if let Some(at) = cursor {
                prop_assert_eq!(terminal.screen().cursor_position(), (at.y, at.x));
            }
            prop_assert_eq!(encoder.encode(&frame), b"", "the same frame again");
        }
    }

    #[test]
    fn no_size_and_no_change_of_size_makes_it_panic(
        sizes in prop::collection::vec((0u16..6, 0u16..6, stroke()), 1..10),
    ) {
        let mut encoder = Encoder::new(ColourLevel::Sixteen);
        for (width, height, stroke) in &sizes {
            let mut buffer = Buffer::empty(Rect::new(0, 0, *width, *height));
            paint(&mut buffer, std::slice::from_ref(stroke));
            let mut terminal = emulator(*width, *height);
            let cursor = Some(Position::new(3, 3));
            encoder.forget();
            terminal.process(encoder.encode(&Frame { buffer: buffer.clone(), cursor }));
        }
    }
}

/// A fleet as it is drawn at 120x40: colours, a table, a chart.
fn fleet(width: u16, height: u16) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    let muted = Style::new().fg(Color::DarkGray);
    buffer.set_string(1, 0, "pilothouse   eu ●   us ●   ap ◌ stale 42s", Style::new());
    buffer.set_string(width.saturating_sub(8), 0, "14:02Z", muted);
    for y in 2..height.saturating_sub(8) {
        let red = y % 9 == 2;
        let style = if red { Style::new().fg(Color::Red) } else { Style::new() };
        buffer.set_string(3, y, if red { "✗" } else { "↑" }, style);
        buffer.set_string(5, y, format!("payments/service-{y}"), style);
        buffer.set_string(30, y, format!("eu  canary {}/5  {}%", y % 5, y * 2), Style::new());
        buffer.set_string(56, y, format!("1.{y}.7 → 1.{y}.8"), muted);
    }
    for y in height.saturating_sub(6)..height {
        buffer.set_string(
            1,
            y,
            "5xx ratio   0.62 %  vs 0.10 %   ▁▁▂▃▅▇█",
            Style::new().fg(Color::Cyan),
        );
    }
    buffer
}

fn bytes_of_update(before: &Buffer, after: &Buffer) -> usize {
    let mut encoder = Encoder::new(ColourLevel::Full);
    encoder.encode(&Frame { buffer: before.clone(), cursor: None });
    encoder.encode(&Frame { buffer: after.clone(), cursor: None }).len()
}

#[test]
fn an_unchanged_frame_costs_nothing() {
    let screen = fleet(120, 40);
    assert_eq!(bytes_of_update(&screen, &screen.clone()), 0);
}

#[test]
fn a_digit_of_the_clock_costs_a_digit_and_a_move() {
    let before = fleet(120, 40);
    let mut after = before.clone();
    after.set_string(116, 0, "3", Style::new().fg(Color::DarkGray));
    let bytes = bytes_of_update(&before, &after);
    assert!(bytes <= 14, "{bytes} bytes");
}

#[test]
fn moving_a_marker_costs_at_most_32_bytes() {
    let mut before = fleet(120, 40);
    let mut after = before.clone();
    before.set_string(1, 12, "▸", Style::new());
    after.set_string(1, 13, "▸", Style::new());
    let bytes = bytes_of_update(&before, &after);
    assert!(bytes <= 32, "{bytes} bytes");
}

#[test]
fn moving_a_reversed_row_costs_at_most_twice_its_cells() {
    let mut before = fleet(120, 40);
    let mut after = before.clone();
    before.set_style(Rect::new(0, 12, 120, 1), Style::new().reversed());
    after.set_style(Rect::new(0, 13, 120, 1), Style::new().reversed());
    let bytes = bytes_of_update(&before, &after);
    assert!(bytes <= 2 * 120 + 80, "{bytes} bytes");
}

#[test]
fn the_first_frame_at_80x24_costs_at_most_8_kilobytes() {
    let mut encoder = Encoder::new(ColourLevel::Full);
    let bytes = encoder.encode(&Frame { buffer: fleet(80, 24), cursor: None }).len();
    assert!(bytes <= 2_000, "{bytes} bytes");
    let mut full = fleet(80, 24);
    full.set_style(
        full.area,
        Style::new().fg(Color::Rgb(200, 200, 200)).bg(Color::Rgb(20, 20, 30)),
    );
    let bytes = Encoder::new(ColourLevel::Full).encode(&Frame { buffer: full, cursor: None }).len();
    assert!(bytes <= 8 * 1_024, "{bytes} bytes with a painted background");
}

#[test]
fn a_second_that_moves_every_age_costs_at_most_1500_bytes_at_120x40() {
    let before = fleet(120, 40);
    let mut after = before.clone();
    for y in 2..32 {
        after.set_string(48, y, format!("{:>3}s", y * 7 % 60), Style::new());
    }
    let bytes = bytes_of_update(&before, &after);
    assert!(bytes <= 1_500, "{bytes} bytes");
}

#[test]
fn large_updates_are_bracketed_where_the_terminal_knows_how_and_small_ones_never() {
    let mut encoder = Encoder::new(ColourLevel::Full);
    let frame = Frame { buffer: fleet(120, 40), cursor: None };
    assert!(!encoder.encode(&frame).starts_with(b"\x1b[?2026h"));
    encoder.synchronize();
    encoder.forget();
    let bytes = encoder.encode(&frame);
    assert!(bytes.starts_with(b"\x1b[?2026h") && bytes.ends_with(b"\x1b[?2026l"));
    let mut small = frame.clone();
    small.buffer.set_string(0, 0, "x", Style::new());
    assert!(encoder.encode(&small).len() < 16);
}

#[test]
fn without_colours_reverse_and_bold_stay() {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 9, 1));
    buffer.set_string(
        0,
        0,
        "selected",
        Style::new().fg(Color::Red).bg(Color::Blue).bold().reversed(),
    );
    let mut encoder = Encoder::new(ColourLevel::None);
    let bytes = encoder.encode(&Frame { buffer, cursor: None });
    let text = String::from_utf8_lossy(bytes).replace('\x1b', "");
    assert_eq!(text, "[m[H[2J[1;7mselected[?25l");
}

#[test]
fn hostile_symbols_are_replaced_and_counted() {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 4, 1));
    buffer.content[1].set_symbol("\x1b]52;c;aGk=\x07");
    buffer.content[2].set_symbol("\u{202e}");
    let mut encoder = Encoder::new(ColourLevel::Full);
    let bytes = encoder.encode(&Frame { buffer, cursor: None });
    let text = String::from_utf8_lossy(bytes).replace("\x1b[", "");
    assert!(!text.contains(['\x1b', '\x07', '\u{202e}']), "{text:?}");
    assert_eq!(encoder.replaced(), 2);
}
