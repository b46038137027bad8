//! Every number, age and text is written in one place, and everything is cut and padded by what the eye sees: graphemes
//! and cells, never bytes.

use std::time::Duration;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::analysis::verdict::Limits;
use crate::domain::metric::{Finite, MetricKind, NoData, Reading};
use crate::domain::observed::{Freshness, Timestamp, age};
use crate::domain::text::Text;

/// How many cells a text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// Which part of a text that is too long is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The beginning.
    Start,
    /// The end: names of pods differ there.
    End,
}

/// The text in at most so many cells; what is cut leaves `cut` in its place.
#[must_use]
pub fn cut(text: &str, cells: usize, keep: Keep, mark: &str) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    if cells < width(mark) {
        return String::new();
    }
    let room = cells - width(mark);
    match keep {
        Keep::Start => format!("{}{mark}", take(text.graphemes(true), room)),
        Keep::End => {
            let tail: Vec<&str> = take_vec(text.graphemes(true).rev(), room);
            let tail: String = tail.into_iter().rev().collect();
            format!("{mark}{tail}")
        }
    }
}

fn take<'a>(graphemes: impl Iterator<Item = &'a str>, room: usize) -> String {
    take_vec(graphemes, room).concat()
}

fn take_vec<'a>(graphemes: impl Iterator<Item = &'a str>, room: usize) -> Vec<&'a str> {
    let mut left = room;
    graphemes
        .map_while(|grapheme| {
            left = left.checked_sub(width(grapheme))?;
            Some(grapheme)
        })
        .collect()
}

/// Breaks a text into lines of at most so many cells, at spaces where there are some; at most so many lines, the last
/// one cut.
#[must_use]
pub fn wrap(text: &str, cells: usize, lines_max: usize, mark: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() && cells > 0 && lines.len() < lines_max {
        if lines.len() + 1 == lines_max || width(rest) <= cells {
            lines.push(cut(rest, cells, Keep::Start, mark));
            break;
        }
        let head = take(rest.graphemes(true), cells);
        if head.is_empty() {
            break;
        }
        let fits_word = rest[head.len()..].starts_with(' ');
        let end = if fits_word { Some(head.len()) } else { head.rfind(' ') };
        let end = end.filter(|end| *end > 0).unwrap_or(head.len());
        lines.push(rest[..end].trim_end().to_owned());
        rest = rest[end..].trim_start();
    }
    lines
}

/// How long something has been so: `<1m`, `12m`, `1h02`, `3d`. Steps once a minute at most.
#[must_use]
pub fn span(duration: Duration) -> String {
    let minutes = duration.as_secs() / 60;
    match minutes {
        0 => "<1m".to_owned(),
        1..60 => format!("{minutes}m"),
        60..1_440 => format!("{}h{:02}", minutes / 60, minutes % 60),
        _ => format!("{}d", minutes / 1_440),
    }
}

/// [`span`] from a moment until now; nothing where the moment is not known.
#[must_use]
pub fn since(at: Option<Timestamp>, now: Timestamp) -> String {
    at.map_or_else(String::new, |at| span(age(at, now)))
}

/// How long something will take: `4m`, `50s`, `a moment`. Counts in tens of seconds below a minute and is never too
/// short.
#[must_use]
pub fn left(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => "a moment".to_owned(),
        1..=50 => format!("{}s", seconds.div_ceil(10) * 10),
        51..3_600 => format!("{}m", seconds.div_ceil(60)),
        _ => format!("{}h{:02}", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// An exact duration, as the steps and deeds name it: `350 ms`, `10 s`, `5 min`, `2 h`.
#[must_use]
pub fn exactly(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..10_000 if millis % 1_000 >= 100 => {
            format!("{}.{} s", millis / 1_000, millis % 1_000 / 100)
        }
        1_000..120_000 => format!("{} s", millis / 1_000),
        120_000..7_200_000 => format!("{} min", millis / 60_000),
        _ => format!("{} h", millis / 3_600_000),
    }
}

/// The age of what a source said: nothing while it is live, then in steps (5 s, 10 s, 1 min, then every minute), so that
/// a quiet screen stays quiet.
#[must_use]
pub fn source_age(freshness: Freshness) -> Option<String> {
    match freshness {
        Freshness::Live | Freshness::Never => None,
        Freshness::Late(old) | Freshness::Stale(old) => Some(match old.as_secs() {
            0..10 => ">5s".to_owned(),
            10..60 => ">10s".to_owned(),
            _ => span(old),
        }),
    }
}

/// The clock of the header, in minutes.
#[must_use]
pub fn clock(at: Timestamp) -> String {
    at.strftime("%H:%MZ").to_string()
}

/// A moment of an event or a timeline: `14:02`, with seconds where they matter; another day says so.
#[must_use]
pub fn moment(at: Timestamp, now: Timestamp) -> String {
    if age(at, now) < Duration::from_hours(20) {
        at.strftime("%H:%M:%S").to_string()
    } else {
        at.strftime("%m-%d %H:%M").to_string()
    }
}

/// A number in about three digits, and thousands as `k`, millions as `M`.
#[must_use]
pub fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if size >= 999_950.0 => format!("{}M", digits(value / 1_000_000.0)),
        _ if size >= 999.5 => format!("{}k", digits(value / 1_000.0)),
        _ => digits(value),
    }
}

fn digits(value: f64) -> String {
    let size = value.abs();
    let text = match size {
        _ if size >= 99.95 => return format!("{value:.0}"),
        _ if size >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    match text.trim_start_matches('-') {
        "0.00" if size > 0.0 => "<0.01".to_owned(),
        "0.00" => "0".to_owned(),
        _ => text,
    }
}

/// A value of a metric with its unit, as people say it: `0.62 %`, `412 ms`, `18.4k/s`.
#[must_use]
pub fn metric(kind: MetricKind, value: Finite) -> String {
    let value = value.get();
    match kind {
        MetricKind::ErrorRatio => format!("{} %", digits(value * 100.0)),
        MetricKind::RequestRate => format!("{}/s", number(value)),
        MetricKind::LatencyP99 if value.abs() < 0.999_5 => {
            format!("{} ms", digits(value * 1_000.0))
        }
        MetricKind::LatencyP99 => format!("{} s", digits(value)),
    }
}

/// A value of a metric, or in a word why there is none: never zero.
#[must_use]
pub fn reading(kind: MetricKind, reading: &Reading) -> String {
    match reading {
        Ok(value) => metric(kind, *value),
        Err(why) => no_data(why).to_owned(),
    }
}

/// Why there is no number, in a word.
#[must_use]
pub const fn no_data(why: &NoData) -> &'static str {
    match why {
        NoData::NoSeries => "no data",
        NoData::NotANumber => "NaN",
        NoData::Ambiguous(_) => "ambiguous",
        NoData::Partial(_) => "partial",
        NoData::Stale(_) => "old",
        NoData::Refused(_) => "refused",
    }
}

/// The name of a metric on the screen.
#[must_use]
pub const fn metric_name(kind: MetricKind) -> &'static str {
    match kind {
        MetricKind::ErrorRatio => "errors",
        MetricKind::LatencyP99 => "p99",
        MetricKind::RequestRate => "requests",
    }
}

/// One or many: `1 pod`, `3 pods`.
#[must_use]
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// A count that may not have been said.
#[must_use]
pub fn known(count: Option<u32>) -> String {
    count.map_or_else(|| "?".to_owned(), |count| count.to_string())
}

/// What is tolerated, in words.
#[must_use]
pub fn limit_words(kind: MetricKind, limits: &Limits) -> Option<String> {
    match kind {
        MetricKind::ErrorRatio => {
            let points = number(limits.error_ratio_worse_max * 100.0);
            Some(format!("limit +{points} pt"))
        }
        MetricKind::LatencyP99 => Some(format!("limit ×{}", number(limits.latency_times_max))),
        MetricKind::RequestRate => None,
    }
}

/// The first letters of a digest, as registries show it.
#[must_use]
pub fn digest_short(digest: &Text) -> String {
    let hex = digest.as_str().rsplit(':').next().unwrap_or_default();
    format!("@{}", hex.chars().take(8).collect::<String>())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spans_step_by_the_minute() {
        for (seconds, want) in [
            (0, "<1m"),
            (59, "<1m"),
            (60, "1m"),
            (59 * 60 + 59, "59m"),
            (62 * 60, "1h02"),
            (23 * 3_600, "23h00"),
            (3 * 86_400 + 5, "3d"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), want);
        }
    }

    #[test]
    fn time_left_is_never_too_short() {
        for (seconds, want) in
            [(0, "a moment"), (1, "10s"), (41, "50s"), (60, "1m"), (61, "2m"), (3_700, "1h01")]
        {
            assert_eq!(left(Duration::from_secs(seconds)), want);
        }
    }

    #[test]
    fn a_live_source_has_no_age_and_an_old_one_steps() {
        let age = |seconds| {
            let at = Timestamp::UNIX_EPOCH;
            source_age(Freshness::of(Some(at), at + Duration::from_secs(seconds)))
        };
        for (seconds, want) in [
            (0, None),
            (4, None),
            (5, Some(">5s")),
            (9, Some(">5s")),
            (10, Some(">10s")),
            (59, Some(">10s")),
            (60, Some("1m")),
            (119, Some("1m")),
            (120, Some("2m")),
        ] {
            assert_eq!(age(seconds).as_deref(), want, "{seconds}");
        }
    }

    #[test]
    fn numbers_have_about_three_digits_and_their_unit() {
        for (value, want) in [
            (0.0, "0"),
            (0.004, "<0.01"),
            (0.62, "0.62"),
            (12.34, "12.3"),
            (412.3, "412"),
            (999.6, "1.00k"),
            (18_400.0, "18.4k"),
            (2_500_000.0, "2.50M"),
            (-3.0, "-3.00"),
        ] {
            assert_eq!(number(value), want);
        }
        let finite = |value| Finite::new(value).unwrap();
        assert_eq!(metric(MetricKind::ErrorRatio, finite(0.0062)), "0.62 %");
        assert_eq!(metric(MetricKind::LatencyP99, finite(0.412)), "412 ms");
        assert_eq!(metric(MetricKind::LatencyP99, finite(1.5)), "1.50 s");
        assert_eq!(metric(MetricKind::RequestRate, finite(18_400.0)), "18.4k/s");
        assert_eq!(reading(MetricKind::ErrorRatio, &Err(NoData::NotANumber)), "NaN");
    }

    #[test]
    fn exact_durations_are_in_their_usual_unit() {
        for (millis, want) in [
            (26, "26 ms"),
            (1_400, "1.4 s"),
            (4_000, "4 s"),
            (30_000, "30 s"),
            (300_000, "5 min"),
            (7_200_000, "2 h"),
        ] {
            assert_eq!(exactly(Duration::from_millis(millis)), want);
        }
    }

    #[test]
    fn clocks_are_utc() {
        let at: Timestamp = "2026-07-01T14:02:59Z".parse().unwrap();
        assert_eq!(clock(at), "14:02Z");
        assert_eq!(moment(at, at), "14:02:59");
        assert_eq!(moment(at, at + Duration::from_hours(48)), "07-01 14:02");
    }

    #[test]
    fn texts_are_cut_where_the_eye_sees_it() {
        assert_eq!(cut("payments", 8, Keep::Start, "…"), "payments");
        assert_eq!(cut("payments", 5, Keep::Start, "…"), "paym…");
        assert_eq!(cut("payments", 5, Keep::End, "…"), "…ents");
        assert_eq!(cut("漢字漢字", 5, Keep::Start, "…"), "漢字…");
        assert_eq!(cut("漢字漢字", 4, Keep::Start, "…"), "漢…");
        assert_eq!(cut("e\u{301}e\u{301}e\u{301}", 2, Keep::Start, "…"), "e\u{301}…");
        assert_eq!(cut("abc", 0, Keep::Start, "…"), "");
    }

    #[test]
    fn sentences_break_at_spaces() {
        let lines = wrap("failing since step 2 began, 40 s ago", 14, 4, "…");
        assert_eq!(lines, ["failing since", "step 2 began,", "40 s ago"]);
        assert_eq!(wrap("failing since step 2 began", 10, 2, "…"), ["failing", "since ste…"]);
        assert_eq!(wrap("aaaaaaaaaa", 4, 9, "…"), ["aaaa", "aaaa", "aa"]);
        assert_eq!(wrap("漢", 1, 3, "…"), [] as [&str; 0]);
    }

    proptest! {
        #[test]
        fn what_is_cut_and_wrapped_fits(text in ".{0,60}", cells in 0usize..40) {
            for keep in [Keep::Start, Keep::End] {
                prop_assert!(width(&cut(&text, cells, keep, "…")) <= cells);
            }
            let lines = wrap(&text, cells, 5, "…");
            prop_assert!(lines.len() <= 5);
            for line in lines {
                prop_assert!(width(&line) <= cells);
            }
        }

        #[test]
        fn a_number_fits_six_cells(value in -1e8f64..1e8) {
            prop_assert!(width(&number(value)) <= 7, "{}", number(value));
        }
    }
}
