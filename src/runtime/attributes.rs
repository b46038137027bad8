//! From one look to another in the fewest bytes (SGR).

use std::fmt::Write as _;

use ratatui::style::Modifier;

use crate::runtime::canvas::{Look, SEEN_ON_BLANK, Slot};
use crate::runtime::colour::Paint;

/// The look that must be set to write a cell. On a blank most of a look is not seen and need not change.
pub(crate) fn worn_on(now: Look, slot: &Slot) -> Look {
    if slot.is_blank() && slot.look.is_plain_on_blank() {
        let modifiers = now.modifiers.difference(SEEN_ON_BLANK);
        return Look { ground: slot.look.ground, ink: now.ink, modifiers };
    }
    slot.look
}

/// What turns an attribute on, and what turns it off again. Bold and dim are turned off together.
const ATTRIBUTES: [(Modifier, u8, u8); 9] = [
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::SLOW_BLINK, 5, 25),
    (Modifier::RAPID_BLINK, 6, 25),
    (Modifier::REVERSED, 7, 27),
    (Modifier::HIDDEN, 8, 28),
    (Modifier::CROSSED_OUT, 9, 29),
];

/// Appends what changes the look that is set into the wanted one: by differences, or from scratch if that is shorter.
pub(crate) fn push_look(out: &mut Vec<u8>, now: Look, wanted: Look) {
    if now == wanted {
        return;
    }
    let by_difference = difference(now, wanted);
    let from_scratch = match difference(Look::default(), wanted).as_str() {
        "" => String::new(),
        codes => format!("0;{codes}"),
    };
    let shorter =
        if from_scratch.len() < by_difference.len() { from_scratch } else { by_difference };
    out.extend_from_slice(b"\x1b[");
    out.extend_from_slice(shorter.as_bytes());
    out.push(b'm');
}

fn difference(now: Look, wanted: Look) -> String {
    let mut codes = String::new();
    let gone = now.modifiers.difference(wanted.modifiers);
    let mut kept = now.modifiers;
    for (attribute, _, off) in ATTRIBUTES {
        if gone.contains(attribute) && kept.contains(attribute) {
            push_code(&mut codes, format_args!("{off}"));
            let together = ATTRIBUTES.iter().filter(|(_, _, other)| *other == off);
            kept = together.fold(kept, |kept, (other, ..)| kept.difference(*other));
        }
    }
    for (attribute, on, _) in ATTRIBUTES {
        if wanted.modifiers.contains(attribute) && !kept.contains(attribute) {
            push_code(&mut codes, format_args!("{on}"));
        }
    }
    if now.ink != wanted.ink {
        push_paint(&mut codes, wanted.ink, 30);
    }
    if now.ground != wanted.ground {
        push_paint(&mut codes, wanted.ground, 40);
    }
    codes
}

fn push_code(codes: &mut String, code: std::fmt::Arguments<'_>) {
    let separator = if codes.is_empty() { "" } else { ";" };
    // Writing into a string cannot fail.
    let _ = write!(codes, "{separator}{code}");
}

/// `base` is 30 for the ink and 40 for the ground.
fn push_paint(codes: &mut String, paint: Paint, base: u8) {
    match paint {
        Paint::Default => push_code(codes, format_args!("{}", base + 9)),
        Paint::Basic(index @ 0..=7) => push_code(codes, format_args!("{}", base + index)),
        Paint::Basic(index) => push_code(codes, format_args!("{}", base + 52 + index.min(15))),
        Paint::Palette(index) => push_code(codes, format_args!("{};5;{index}", base + 8)),
        Paint::Rgb(red, green, blue) => {
            push_code(codes, format_args!("{};2;{red};{green};{blue}", base + 8));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(now: Look, wanted: Look) -> String {
        let mut out = Vec::new();
        push_look(&mut out, now, wanted);
        String::from_utf8(out).unwrap().replace('\x1b', "")
    }

    #[test]
    fn only_what_differs_is_sent_or_all_when_that_is_shorter() {
        let plain = Look::default();
        let red = Look { ink: Paint::Basic(1), ..plain };
        let bright = Look { ink: Paint::Basic(9), ground: Paint::Basic(12), ..plain };
        let bold = Look { modifiers: Modifier::BOLD, ..red };
        let dim = Look { modifiers: Modifier::DIM, ..red };
        let both = Look { modifiers: Modifier::BOLD | Modifier::DIM, ..red };
        let loud = Look { modifiers: Modifier::BOLD | Modifier::REVERSED, ..bright };
        for (now, wanted, bytes) in [
            (plain, plain, ""),
            (plain, red, "[31m"),
            (red, plain, "[m"),
            (plain, bright, "[91;104m"),
            (red, bold, "[1m"),
            (bold, red, "[22m"),
            (bold, dim, "[22;2m"),
            (both, dim, "[22;2m"),
            (both, bold, "[22;1m"),
            (loud, red, "[0;31m"),
            (loud, plain, "[m"),
            (bold, plain, "[m"),
            (plain, Look { ink: Paint::Palette(99), ..plain }, "[38;5;99m"),
            (plain, Look { ground: Paint::Rgb(1, 2, 3), ..plain }, "[48;2;1;2;3m"),
            (Look { ground: Paint::Rgb(1, 2, 3), ..red }, red, "[49m"),
        ] {
            assert_eq!(sent(now, wanted), bytes, "{now:?} {wanted:?}");
        }
    }
}
