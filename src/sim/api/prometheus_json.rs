//! Results as Prometheus writes them: values are strings, times have at most three decimals.

use std::fmt::Write as _;

use crate::sim::promql::labels::Labels;
use crate::sim::promql::samples::Series;
use crate::sim::promql::text::json_number;
use crate::sim::promql::value::{Sample, Value};

/// The data of an instant query.
pub(super) fn instant(value: &Value, at_ms: i64) -> String {
    match value {
        Value::Scalar(scalar) => data("scalar", &point(at_ms, &json_number(*scalar))),
        Value::Text(text) => data("string", &point(at_ms, text)),
        Value::Vector(vector) => {
            data("vector", &array(vector.iter(), |out, it| sample(out, it, at_ms)))
        }
        Value::Matrix(series) => matrix(series),
    }
}

/// The data of a range query.
pub(super) fn matrix(series: &[Series]) -> String {
    data("matrix", &array(series.iter(), one_series))
}

/// A list of label sets.
pub(super) fn label_sets(sets: &[Labels]) -> String {
    array(sets.iter(), labels)
}

/// A JSON string.
pub(super) fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A list of strings.
pub(super) fn strings<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    array(texts, |out, text| out.push_str(&string(text)))
}

fn data(kind: &str, result: &str) -> String {
    format!(r#"{{"resultType":"{kind}","result":{result}}}"#)
}

fn array<T>(items: impl Iterator<Item = T>, write: impl Fn(&mut String, T)) -> String {
    let mut out = String::from("[");
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(&mut out, item);
    }
    out.push(']');
    out
}

fn sample(out: &mut String, sample: &Sample, at_ms: i64) {
    out.push_str("{\"metric\":");
    labels(out, &sample.labels);
    out.push_str(",\"value\":");
    out.push_str(&point(at_ms, &json_number(sample.value)));
    out.push('}');
}

fn one_series(out: &mut String, series: &Series) {
    out.push_str("{\"metric\":");
    labels(out, &series.labels);
    out.push_str(",\"values\":");
    out.push_str(&array(series.points.iter(), |out, (at, value)| {
        out.push_str(&point(*at, &json_number(*value)));
    }));
    out.push('}');
}

fn labels(out: &mut String, labels: &Labels) {
    out.push('{');
    for (at, (name, value)) in labels.iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(out, "{comma}{}:{}", string(name), string(value));
    }
    out.push('}');
}

fn point(at_ms: i64, value: &str) -> String {
    let sign = if at_ms < 0 { "-" } else { "" };
    let (seconds, ms) = (at_ms.unsigned_abs() / 1000, at_ms.unsigned_abs() % 1000);
    let decimals = if ms == 0 { String::new() } else { format!(".{ms:03}") };
    format!("[{sign}{seconds}{decimals},{}]", string(value))
}
