//! What the operator and the terminal tell us, after `runtime::input` has made sense of the bytes.
//!
//! Answers of the terminal to questions, torn escape sequences and unknown sequences never arrive here.

use std::str::FromStr;

use crate::app::key::{Key, Modifiers};
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

/// One thing that happened at the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A key was pressed (or repeated by being held), read at that moment. A dialog takes no key that is older than itself.
    Key(Key, Timestamp),
    /// Text was pasted, in one piece. It is never a command and never an answer to a dialog.
    /// Line breaks at its end are gone, those inside are shown as `␤`.
    Paste(Text, Timestamp),
    /// Something was done with the mouse.
    Mouse(Mouse, Timestamp),
    /// The terminal now has this size in cells; both may be 0.
    Resize {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// The terminal told what its background is like; at any time, or never.
    Background(Background),
    /// The terminal's window was given the keyboard.
    FocusGained,
    /// The terminal's window lost the keyboard.
    FocusLost,
    /// The program goes on after it had been stopped, or gave the terminal to another program.
    /// Whatever was known is old now; open dialogs are about a world that may have moved.
    Resumed(Timestamp),
    /// The terminal is gone. Nothing more will come.
    Hangup,
}

/// What was done with the mouse, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mouse {
    /// What was done.
    pub act: MouseAct,
    /// Column, from 0 at the left.
    pub column: u16,
    /// Row, from 0 at the top.
    pub row: u16,
    /// What was held on the keyboard.
    pub modifiers: Modifiers,
}

/// What was done with the mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MouseAct {
    /// A button went down.
    Press(MouseButton),
    /// The button went up.
    Release,
    /// The mouse moved with a button down.
    Drag(MouseButton),
    /// The wheel turned away from the hand.
    ScrollUp,
    /// The wheel turned towards the hand.
    ScrollDown,
}

/// A button of the mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MouseButton {
    /// The main one.
    Left,
    /// The wheel.
    Middle,
    /// The one for menus.
    Right,
}

/// What the terminal's background is like, to choose a theme by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Background {
    /// Dark text is needed.
    Light,
    /// Light text is needed.
    Dark,
}

impl Background {
    /// Judges a colour by its relative luminance (WCAG 2): black and white text have the same contrast at 0.179.
    #[must_use]
    pub fn of_rgb(red: u8, green: u8, blue: u8) -> Self {
        let linear = |channel: u8| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        let luminance = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
        if luminance > 0.179 { Self::Light } else { Self::Dark }
    }

    /// Reads the environment variable `COLORFGBG` (`foreground;background`, as rxvt, konsole and others set it).
    /// The background is one of the 16 colours; 7 and 9 to 15 are light. Anything else says nothing.
    #[must_use]
    pub fn of_colorfgbg(value: &str) -> Option<Self> {
        let (_, background) = value.rsplit_once(';')?;
        match u8::from_str(background.trim()).ok()? {
            7 | 9..=15 => Some(Self::Light),
            0..=6 | 8 => Some(Self::Dark),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backgrounds_are_judged_by_their_luminance() {
        for (rgb, want) in [
            ((0, 0, 0), Background::Dark),
            ((255, 255, 255), Background::Light),
            ((0x28, 0x2c, 0x34), Background::Dark),
            ((0xfd, 0xf6, 0xe3), Background::Light),
            ((0, 0, 255), Background::Dark),
            ((255, 255, 0), Background::Light),
        ] {
            assert_eq!(Background::of_rgb(rgb.0, rgb.1, rgb.2), want, "{rgb:?}");
        }
    }

    #[test]
    fn colorfgbg_is_read_when_it_says_something() {
        for (value, want) in [
            ("15;0", Some(Background::Dark)),
            ("0;15", Some(Background::Light)),
            ("0;default;15", Some(Background::Light)),
            ("12;8", Some(Background::Dark)),
            ("0;7", Some(Background::Light)),
            ("15;default", None),
            ("", None),
            ("15", None),
            ("0;99", None),
        ] {
            assert_eq!(Background::of_colorfgbg(value), want, "{value}");
        }
    }
}
