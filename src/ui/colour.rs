//! Colours as arithmetic: reading them, contrast between them, and what a theme names for terminals with fewer.
//! What a colour means is decided in [`theme`](super::theme); what a theme leaves open for terminals with fewer colours
//! becomes the nearest one on its way out (`runtime::colour`).

/// A colour, as a theme names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// The terminal's own.
    Default,
    /// One of the 16 that the user's terminal defines.
    Ansi(u8),
    /// One of the 256 of xterm.
    Indexed(u8),
    /// Exactly this, and what stands in for it where there are only 16.
    Exact(Rgb, Option<u8>),
}

/// Red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rgb(pub u8, pub u8, pub u8);

/// How many colours a terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Depth {
    /// None at all (`NO_COLOR`): only bold, reverse and the like.
    None,
    /// The 16 of the user's terminal.
    Ansi16,
    /// The 256 of xterm.
    Ansi256,
    /// All.
    True,
}

/// The names of the 16 colours, by their number.
pub const ANSI_NAMES: [&str; 16] = [
    "black",
    "red",
    "green",
    "yellow",
    "blue",
    "magenta",
    "cyan",
    "white",
    "bright-black",
    "bright-red",
    "bright-green",
    "bright-yellow",
    "bright-blue",
    "bright-magenta",
    "bright-cyan",
    "bright-white",
];

/// xterm's own values of the 16, for pictures.
const ANSI_RGB: [Rgb; 16] = [
    Rgb(0, 0, 0),
    Rgb(205, 0, 0),
    Rgb(0, 205, 0),
    Rgb(205, 205, 0),
    Rgb(0, 0, 238),
    Rgb(205, 0, 205),
    Rgb(0, 205, 205),
    Rgb(229, 229, 229),
    Rgb(127, 127, 127),
    Rgb(255, 0, 0),
    Rgb(0, 255, 0),
    Rgb(255, 255, 0),
    Rgb(92, 92, 255),
    Rgb(255, 0, 255),
    Rgb(0, 255, 255),
    Rgb(255, 255, 255),
];

impl Paint {
    /// Reads `default`, `bright-red`, `203`, `#ff7b72`, or `#ff7b72 bright-red` (the second stands in for the first
    /// where there are only 16 colours).
    #[must_use]
    pub fn parse(words: &str) -> Option<Self> {
        let mut words = words.split_whitespace();
        let first = Self::word(words.next()?)?;
        match (first, words.next(), words.next()) {
            (first, None, None) => Some(first),
            (Self::Exact(rgb, _), Some(fallback), None) => match Self::word(fallback)? {
                Self::Ansi(number) => Some(Self::Exact(rgb, Some(number))),
                Self::Default | Self::Indexed(_) | Self::Exact(..) => None,
            },
            _ => None,
        }
    }

    fn word(word: &str) -> Option<Self> {
        if word == "default" {
            return Some(Self::Default);
        }
        if let Some(hex) = word.strip_prefix('#') {
            return Rgb::parse(hex).map(|rgb| Self::Exact(rgb, None));
        }
        if let Ok(number) = word.parse::<u8>() {
            return Some(Self::Indexed(number));
        }
        let number = ANSI_NAMES.iter().position(|name| *name == word)?;
        u8::try_from(number).ok().map(Self::Ansi)
    }

    /// The same where there are fewer colours, as far as the theme names one.
    #[must_use]
    pub const fn at(self, depth: Depth) -> Self {
        match (depth, self) {
            (Depth::None, _) => Self::Default,
            (Depth::Ansi16, Self::Exact(_, Some(fallback))) => Self::Ansi(fallback),
            (
                Depth::Ansi16 | Depth::Ansi256 | Depth::True,
                Self::Default | Self::Ansi(_) | Self::Indexed(_) | Self::Exact(..),
            ) => self,
        }
    }

    /// Its red, green and blue; nothing for the terminal's own, which nobody knows.
    #[must_use]
    pub fn rgb(self) -> Option<Rgb> {
        match self {
            Self::Default => None,
            Self::Ansi(number) => ANSI_RGB.get(usize::from(number)).copied(),
            Self::Indexed(number) => Some(Rgb::of_index(number)),
            Self::Exact(rgb, _) => Some(rgb),
        }
    }
}

impl Rgb {
    /// Reads `rrggbb` or `rgb` in hexadecimal.
    fn parse(hex: &str) -> Option<Self> {
        let digits: Vec<u8> = hex
            .chars()
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()?;
        match digits[..] {
            [r, g, b] => Some(Self(r * 17, g * 17, b * 17)),
            [r1, r0, g1, g0, b1, b0] => Some(Self(r1 * 16 + r0, g1 * 16 + g0, b1 * 16 + b0)),
            _ => None,
        }
    }

    /// As CSS and SVG spell it.
    #[must_use]
    pub fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }

    /// The colour of xterm's number.
    #[must_use]
    pub fn of_index(number: u8) -> Self {
        match number {
            0..=15 => ANSI_RGB[usize::from(number)],
            16..=231 => {
                let cube = number - 16;
                let level = |step: u8| if step == 0 { 0 } else { 55 + step * 40 };
                Self(level(cube / 36), level(cube / 6 % 6), level(cube % 6))
            }
            232..=255 => {
                let level = 8 + (number - 232) * 10;
                Self(level, level, level)
            }
        }
    }

    /// Contrast of two colours as WCAG 2 counts it, from 1 to 21; text wants 4.5.
    #[must_use]
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_as_they_are_usually_written() {
        for (words, want) in [
            ("default", Some(Paint::Default)),
            ("bright-red", Some(Paint::Ansi(9))),
            ("203", Some(Paint::Indexed(203))),
            ("#ff7b72", Some(Paint::Exact(Rgb(255, 123, 114), None))),
            ("#f00 red", Some(Paint::Exact(Rgb(255, 0, 0), Some(1)))),
            ("red blue", None),
            ("#ff7b7", None),
            ("#f00 #0f0", None),
            ("crimson", None),
            ("", None),
        ] {
            assert_eq!(Paint::parse(words), want, "{words}");
        }
    }

    #[test]
    fn fewer_colours_are_those_the_theme_names() {
        let red = Paint::parse("#ff7b72 bright-red").unwrap();
        assert_eq!(red.at(Depth::True), red);
        assert_eq!(red.at(Depth::Ansi256), red);
        assert_eq!(red.at(Depth::Ansi16), Paint::Ansi(9));
        assert_eq!(red.at(Depth::None), Paint::Default);
        assert_eq!(Paint::Indexed(203).at(Depth::Ansi16), Paint::Indexed(203));
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        let (black, white) = (Rgb(0, 0, 0), Rgb(255, 255, 255));
        assert!((black.contrast(white) - 21.0).abs() < 0.01);
        assert!((Rgb(0x76, 0x76, 0x76).contrast(white) - 4.54).abs() < 0.01);
    }
}
