//! How many colours the terminal shows, and what becomes of those that it cannot.
//!
//! We strip colours ourselves: crossterm's `NO_COLOR` also clears bold and reverse, and a selection would vanish.

use ratatui::style::Color;

/// How many colours may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ColourLevel {
    /// None: only bold, dim, underline and reverse.
    None,
    /// The 16 colours whose looks the terminal's owner chose.
    Sixteen,
    /// The 256 of xterm.
    Palette,
    /// 24 bits.
    Full,
}

impl ColourLevel {
    /// Judges the environment: `NO_COLOR` (<https://no-color.org>: set and not empty), `COLORTERM`, `TERM`.
    #[must_use]
    pub fn of(no_color: Option<&str>, colorterm: Option<&str>, term: Option<&str>) -> Self {
        let term = term.unwrap_or("").to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| term.contains(word));
        if no_color.is_some_and(|value| !value.is_empty())
            || says(&["dumb"])
            || term.ends_with("-m")
        {
            return Self::None;
        }
        let colorterm = colorterm.unwrap_or("").to_ascii_lowercase();
        if matches!(colorterm.as_str(), "truecolor" | "24bit") || says(&["direct", "truecolor"]) {
            return Self::Full;
        }
        if says(&["256", "kitty", "alacritty", "ghostty", "wezterm", "foot", "tmux"]) {
            return Self::Palette;
        }
        Self::Sixteen
    }

    /// The nearest colour that this level has.
    #[must_use]
    pub fn reduce(self, colour: Color) -> Paint {
        let paint = Paint::of(colour);
        match (self, paint) {
            (Self::None, _) => Paint::Default,
            (Self::Sixteen, Paint::Palette(index)) => {
                Paint::Basic(nearest_basic(palette_rgb(index)))
            }
            (Self::Sixteen, Paint::Rgb(red, green, blue)) => {
                Paint::Basic(nearest_basic((red, green, blue)))
            }
            (Self::Palette, Paint::Rgb(red, green, blue)) => {
                Paint::Palette(nearest_palette((red, green, blue)))
            }
            (
                Self::Sixteen | Self::Palette | Self::Full,
                Paint::Default | Paint::Basic(_) | Paint::Palette(_) | Paint::Rgb(..),
            ) => paint,
        }
    }
}

/// A colour as it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paint {
    /// The terminal's own.
    #[default]
    Default,
    /// One of the 16.
    Basic(u8),
    /// One of the 256, from 16 up.
    Palette(u8),
    /// Red, green, blue.
    Rgb(u8, u8, u8),
}

impl Paint {
    fn of(colour: Color) -> Self {
        match colour {
            Color::Reset => Self::Default,
            Color::Black => Self::Basic(0),
            Color::Red => Self::Basic(1),
            Color::Green => Self::Basic(2),
            Color::Yellow => Self::Basic(3),
            Color::Blue => Self::Basic(4),
            Color::Magenta => Self::Basic(5),
            Color::Cyan => Self::Basic(6),
            Color::Gray => Self::Basic(7),
            Color::DarkGray => Self::Basic(8),
            Color::LightRed => Self::Basic(9),
            Color::LightGreen => Self::Basic(10),
            Color::LightYellow => Self::Basic(11),
            Color::LightBlue => Self::Basic(12),
            Color::LightMagenta => Self::Basic(13),
            Color::LightCyan => Self::Basic(14),
            Color::White => Self::Basic(15),
            Color::Indexed(index @ 0..=15) => Self::Basic(index),
            Color::Indexed(index) => Self::Palette(index),
            Color::Rgb(red, green, blue) => Self::Rgb(red, green, blue),
        }
    }
}

type Rgb = (u8, u8, u8);

/// What xterm shows for the 16 when nobody chose otherwise.
const BASIC: [Rgb; 16] = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
];

/// The six steps of each channel in xterm's cube.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

fn palette_rgb(index: u8) -> Rgb {
    match index {
        0..=15 => BASIC[usize::from(index)],
        16..=231 => {
            let cube = index - 16;
            let step = |part: u8| CUBE[usize::from(part % 6)];
            (step(cube / 36), step(cube / 6), step(cube))
        }
        232..=255 => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
    }
}

/// "Redmean": near to what eyes see, at the price of a few multiplications.
fn distance(one: Rgb, other: Rgb) -> u32 {
    let mean = u32::midpoint(u32::from(one.0), u32::from(other.0));
    let square = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
    let (red, green, blue) =
        (square(one.0, other.0), square(one.1, other.1), square(one.2, other.2));
    (((512 + mean) * red) >> 8) + 4 * green + (((767 - mean) * blue) >> 8)
}

fn nearest_basic(rgb: Rgb) -> u8 {
    (0..16).min_by_key(|index| distance(rgb, palette_rgb(*index))).unwrap_or(0)
}

fn nearest_palette((red, green, blue): Rgb) -> u8 {
    let step = |channel: u8| (0u8..6).min_by_key(|s| CUBE[usize::from(*s)].abs_diff(channel));
    let step = |channel| step(channel).unwrap_or(0);
    let in_cube = 16 + 36 * step(red) + 6 * step(green) + step(blue);
    let mean = (u16::from(red) + u16::from(green) + u16::from(blue)) / 3;
    let shade = u8::try_from(mean.saturating_sub(3) / 10).unwrap_or(u8::MAX).min(23);
    let candidates = [in_cube, 232 + shade];
    let nearest = candidates
        .into_iter()
        .min_by_key(|index| distance((red, green, blue), palette_rgb(*index)));
    nearest.unwrap_or(in_cube)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides_the_level() {
        for (no_color, colorterm, term, want) in [
            (None, None, Some("xterm"), ColourLevel::Sixteen),
            (None, None, Some("xterm-256color"), ColourLevel::Palette),
            (None, Some("truecolor"), Some("xterm-256color"), ColourLevel::Full),
            (None, Some("24bit"), None, ColourLevel::Full),
            (None, Some("yes"), Some("screen"), ColourLevel::Sixteen),
            (Some("1"), Some("truecolor"), Some("xterm-256color"), ColourLevel::None),
            (Some(""), Some("truecolor"), Some("xterm"), ColourLevel::Full),
            (None, Some("truecolor"), Some("dumb"), ColourLevel::None),
            (None, None, Some("xterm-kitty"), ColourLevel::Palette),
            (None, None, Some("xterm-direct"), ColourLevel::Full),
            (None, None, Some("linux"), ColourLevel::Sixteen),
            (None, None, Some("linux-m"), ColourLevel::None),
            (None, None, None, ColourLevel::Sixteen),
            (None, None, Some("\u{1b}garbage"), ColourLevel::Sixteen),
        ] {
            assert_eq!(ColourLevel::of(no_color, colorterm, term), want, "{colorterm:?} {term:?}");
        }
    }

    #[test]
    fn a_colour_becomes_the_nearest_one_there_is() {
        let rgb = Color::Rgb;
        for (level, colour, want) in [
            (ColourLevel::Full, rgb(1, 2, 3), Paint::Rgb(1, 2, 3)),
            (ColourLevel::Full, Color::Indexed(9), Paint::Basic(9)),
            (ColourLevel::Palette, rgb(255, 0, 0), Paint::Palette(196)),
            (ColourLevel::Palette, rgb(0x80, 0x80, 0x80), Paint::Palette(244)),
            (ColourLevel::Palette, rgb(0, 0, 0), Paint::Palette(16)),
            (ColourLevel::Palette, Color::Red, Paint::Basic(1)),
            (ColourLevel::Sixteen, rgb(250, 10, 10), Paint::Basic(9)),
            (ColourLevel::Sixteen, rgb(30, 30, 46), Paint::Basic(0)),
            (ColourLevel::Sixteen, rgb(250, 250, 245), Paint::Basic(15)),
            (ColourLevel::Sixteen, Color::Indexed(46), Paint::Basic(10)),
            (ColourLevel::Sixteen, Color::Indexed(244), Paint::Basic(8)),
            (ColourLevel::None, Color::Red, Paint::Default),
            (ColourLevel::Sixteen, Color::Reset, Paint::Default),
        ] {
            assert_eq!(level.reduce(colour), want, "{level:?} {colour:?}");
        }
    }

    #[test]
    fn every_colour_of_the_palette_is_its_own_nearest_shade() {
        for index in 16..=255u8 {
            let (red, green, blue) = palette_rgb(index);
            let found = nearest_palette((red, green, blue));
            assert_eq!(palette_rgb(found), (red, green, blue), "{index} became {found}");
        }
    }
}
