//! Numbers and labels as Prometheus, a Go program, writes them.

use std::fmt::Write as _;

use super::labels::Labels;

/// A number with all its digits and no exponent.
#[must_use]
pub fn number(value: f64) -> String {
    if value.is_finite() {
        return format!("{value}");
    }
    if value.is_nan() { "NaN" } else { infinity(value) }.to_owned()
}

/// A number as the HTTP API writes it: very large and very small ones with an exponent.
#[must_use]
pub fn json_number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() || size == 0.0 || (1e-6..1e21).contains(&size) {
        return number(value);
    }
    let short = format!("{value:e}");
    // Go writes a sign and at least two digits: 1e-07, 3e+25.
    match short.split_once('e') {
        Some((digits, power)) => match power.strip_prefix('-') {
            Some(power) => format!("{digits}e-{power:0>2}"),
            None => format!("{digits}e+{power:0>2}"),
        },
        None => short,
    }
}

/// Labels as they stand in messages: `{a="1", b="2"}`.
#[must_use]
pub fn labels(labels: &Labels) -> String {
    let mut text = String::from("{");
    for (at, (name, value)) in labels.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(text, "{comma}{name}={value:?}");
    }
    text + "}"
}

/// Whether this can be the name of a label.
#[must_use]
pub fn is_label_name(name: &str) -> bool {
    let letter = |c: char| c == '_' || c.is_ascii_alphabetic();
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

fn infinity(value: f64) -> &'static str {
    if value > 0.0 { "+Inf" } else { "-Inf" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (0.1, "0.1"),
            (1e-6, "0.000001"),
            (1.25e-8, "1.25e-08"),
            (-3e-7, "-3e-07"),
            (1e20, "100000000000000000000"),
            (3e25, "3e+25"),
            (1.5e300, "1.5e+300"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(json_number(value), text);
        }
        assert_eq!(number(3e25), "30000000000000000000000000");
    }

    #[test]
    fn labels_are_written_with_quotes() {
        let set: Labels = [("b", "2"), ("a", "say \"hi\"")].into_iter().collect();
        assert_eq!(labels(&set), r#"{a="say \"hi\"", b="2"}"#);
        assert_eq!(labels(&Labels::default()), "{}");
    }
}
