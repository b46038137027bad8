//! Durations such as `1h30m`.

/// A duration in milliseconds.
///
/// # Errors
/// What is wrong, in Prometheus' words.
pub(super) fn millis(text: &str) -> Result<i64, String> {
    let parts = parts(text).ok_or_else(|| format!("not a valid duration string: {text:?}"))?;
    let total = parts.into_iter().try_fold(0_i64, |total, (count, unit_ms)| {
        total.checked_add(count.parse::<i64>().ok()?.checked_mul(unit_ms)?)
    });
    total.filter(|ms| *ms <= MS_MAX).ok_or_else(|| "duration out of range".to_owned())
}

/// The same for places that take no empty duration.
pub(super) fn above_zero(text: &str) -> Result<i64, String> {
    match millis(text)? {
        0 => Err("duration must be greater than 0".to_owned()),
        ms => Ok(ms),
    }
}

/// What 64 bits of nanoseconds hold.
const MS_MAX: i64 = i64::MAX / 1_000_000;

/// Units in the order in which they must stand, and their milliseconds.
const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Counts and units.
fn parts(text: &str) -> Option<Vec<(&str, i64)>> {
    let mut parts = Vec::new();
    let mut units = UNITS.iter();
    let mut rest = text;
    while !rest.is_empty() {
        let count = leading(rest, |c| c.is_ascii_digit());
        let unit = leading(&rest[count.len()..], |c| c.is_ascii_lowercase());
        let (_, ms) = units.by_ref().find(|(name, _)| *name == unit)?;
        if count.is_empty() {
            return None;
        }
        parts.push((count, *ms));
        rest = &rest[count.len() + unit.len()..];
    }
    (!parts.is_empty()).then_some(parts)
}

fn leading(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    &text[..text.len() - text.trim_start_matches(belongs).len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_the_sum_of_its_falling_units() {
        for (text, ms) in [
            ("5s", 5000),
            ("1h5m3s", 3_903_000),
            ("1s1ms", 1001),
            ("1y2w", 379 * 86_400_000),
            ("0s", 0),
        ] {
            assert_eq!(millis(text), Ok(ms), "{text}");
        }
        for text in ["", "5", "s", "5x", "5m5h", "1.5m", "5mm", "-5m", "5m ", "5s5s"] {
            assert!(millis(text).is_err(), "{text}");
        }
        assert_eq!(millis("300y"), Err("duration out of range".to_owned()));
        assert!(above_zero("0s").is_err());
    }
}
