//! Columns for people: what `get` and `watch` print without `-o`.

use unicode_width::UnicodeWidthStr;

use super::output::Format;
use crate::cli::document::gates::GateList;
use crate::cli::document::rollout::{RolloutStatus, Version};
use crate::cli::document::source::Source;
use crate::cli::document::timeline::Timeline;

/// The heads of the columns.
const HEADS: [&str; 9] =
    ["CLUSTER", "NAMESPACE", "KIND", "NAME", "STRATEGY", "HEALTH", "STEP", "WEIGHT", "READY"];

/// Those that `-o wide` adds.
const WIDE: [&str; 3] = ["STABLE", "CANARY", "OWNER"];

/// Sentences come last, so that they push nothing out of sight; the second one with `-o wide`.
const SENTENCES: [&str; 2] = ["NEED", "MESSAGE"];

/// What waits for a human's yes, as columns.
#[must_use]
pub fn gates(list: &GateList) -> String {
    let heads =
        ["CLUSTER", "NAMESPACE", "KIND", "NAME", "GATE", "WAITED", "LIMIT", "VERDICT", "WHY"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    rows.extend(list.items.iter().map(|item| {
        let waited = item.waited_seconds.map_or("-".to_owned(), spelled);
        let target = &item.target;
        vec![
            target.cluster.clone(),
            target.namespace.clone(),
            target.kind.clone(),
            target.name.clone(),
            item.gate.clone(),
            waited,
            item.urgency.clone(),
            item.verdict.clone().unwrap_or_else(|| "-".to_owned()),
            item.why.clone(),
        ]
    }));
    aligned(&rows)
}

/// What happened to all releases, the oldest first; gates and failures with how long they lasted.
#[must_use]
pub fn timeline(timeline: &Timeline) -> String {
    let mut told: Vec<(&str, Vec<String>)> = Vec::new();
    for item in &timeline.items {
        let target = &item.target;
        let row = |at: &str, meaning: &str, text: String| {
            let name = format!("{}/{}", target.namespace, target.name);
            vec![short(at), target.cluster.clone(), name, meaning.to_owned(), text]
        };
        for event in &item.events {
            told.push((&event.at, row(&event.at, &event.meaning, event.text.clone())));
        }
        for span in item.spans.iter().filter(|span| span.state != "moving") {
            let still = if span.until.is_none() { " so far" } else { "" };
            let text = format!("for {}{still}", spelled(span.seconds));
            told.push((&span.from, row(&span.from, &format!("is {}", span.state), text)));
        }
    }
    told.sort();
    let heads = ["AT", "CLUSTER", "RELEASE", "MEANING", "WHAT"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    rows.extend(told.into_iter().map(|(_, row)| row));
    aligned(&rows)
}

/// A moment without its fractions of a second.
fn short(at: &str) -> String {
    at.split_once('.').map_or_else(|| at.to_owned(), |(whole, _)| format!("{whole}Z"))
}

/// `45s`, `12m`, `3h05m`.
fn spelled(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        _ => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
    }
}

/// The cells of one release.
#[must_use]
pub fn cells(item: &RolloutStatus, format: Format) -> Vec<String> {
    let none = || "-".to_owned();
    let number = |value: Option<u32>| value.map_or_else(none, |value| value.to_string());
    let step =
        item.step.as_ref().map_or_else(none, |step| format!("{}/{}", step.index, step.count));
    let weight = match (item.weight.desired, item.weight.actual) {
        (Some(desired), Some(actual)) if desired == actual => format!("{actual}%"),
        (Some(desired), Some(actual)) => format!("{actual}→{desired}%"),
        _ => none(),
    };
    let ready = format!("{}/{}", number(item.replicas.ready), number(item.replicas.desired));
    let need = item.need.as_ref().map_or_else(none, |need| format!("{}: {}", need.kind, need.why));
    let mut cells = vec![
        item.cluster.clone(),
        item.namespace.clone(),
        item.kind.clone(),
        item.name.clone(),
        item.strategy.clone().unwrap_or_else(none),
        item.health.clone(),
        step,
        weight,
        ready,
    ];
    if format == Format::Wide {
        let owner = item.owner.as_ref();
        cells.extend([
            version(item.stable.as_ref()),
            version(item.canary.as_ref()),
            owner.map_or_else(none, |owner| format!("{}/{}", owner.tool, owner.name)),
        ]);
    }
    cells.push(need);
    if format == Format::Wide {
        cells.push(item.message.clone().unwrap_or_else(none));
    }
    cells
}

fn version(version: Option<&Version>) -> String {
    let Some(version) = version else { return "-".to_owned() };
    let images: Vec<&str> = version.images.iter().map(|image| image.image.as_str()).collect();
    let revision = version.revision.map_or_else(|| "?".to_owned(), |revision| revision.to_string());
    format!("{revision}:{}", images.join(","))
}

/// A whole table with its heads.
#[must_use]
pub fn table(items: &[RolloutStatus], format: Format) -> String {
    let mut heads: Vec<String> = HEADS.iter().map(ToString::to_string).collect();
    if format == Format::Wide {
        heads.extend(WIDE.iter().map(ToString::to_string));
    }
    let sentences = if format == Format::Wide { 2 } else { 1 };
    heads.extend(SENTENCES.iter().take(sentences).map(ToString::to_string));
    let rows = items.iter().map(|item| cells(item, format));
    aligned(&std::iter::once(heads).chain(rows).collect::<Vec<_>>())
}

/// The same with what each object's own tool says of it.
#[must_use]
pub fn told(items: &[RolloutStatus], format: Format) -> String {
    if format == Format::Wide {
        return table(items, format);
    }
    let heads = HEADS.iter().chain(WIDE.last()).map(ToString::to_string).collect();
    let rows = items.iter().map(|item| {
        let mut cells = cells(item, format);
        cells.push(item.message.clone().unwrap_or_else(|| "-".to_owned()));
        cells
    });
    aligned(&std::iter::once(heads).chain(rows).collect::<Vec<_>>())
}

/// Rows with their columns under each other, two spaces apart, nothing behind the last.
#[must_use]
pub fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max())
        .map(Option::unwrap_or_default)
        .collect();
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + 2));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// What is wrong with the sources, a line each, for the error output. An API server that has not answered by now is one
/// of them; a Prometheus may just not have been asked.
#[must_use]
pub fn troubles(sources: &[Source]) -> String {
    let is_silent = |source: &Source| {
        source.state == "stale" || source.state == "connecting" && source.kind == "kubernetes"
    };
    let is_wrong = |source: &&Source| source.why.is_some() || is_silent(source);
    let line = |source: &Source| {
        let why = source.why.as_deref().unwrap_or(match source.state.as_str() {
            "stale" => "nothing heard lately; tried again by itself",
            _ => "no answer yet; `pilothouse doctor` asks it everything, one by one",
        });
        format!("{} {} is {}: {why}\n", source.cluster, source.kind, source.state)
    };
    sources.iter().filter(is_wrong).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_whatever_is_in_them() {
        let rows = [
            vec!["A".to_owned(), "漢字".to_owned(), "x".to_owned()],
            vec!["long".to_owned(), "b".to_owned(), "y".to_owned()],
        ];
        assert_eq!(aligned(&rows), "A     漢字  x\nlong  b     y\n");
    }
}
