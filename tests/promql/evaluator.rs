//! The same expressions on the same raw samples must give the same answers.

use std::collections::BTreeMap;

use pilothouse::sim::promql::labels::Labels;
use pilothouse::sim::promql::query::{Query, Steps};
use pilothouse::sim::promql::samples::{STALE, Series};
use pilothouse::sim::promql::value::{QueryError, Value};
use serde_json::Value as Json;

/// Largest relative difference: sums are taken in another order.
const TOLERANCE: f64 = 1e-9;

/// What an answer says, in comparable form: values by metric and time.
type Points = BTreeMap<(String, i64), f64>;

#[test]
fn every_expression_over_crafted_series_is_answered_as_prometheus_answers_it() {
    compare(include_str!("../data/prometheus/edges.json"), 250);
}

#[test]
fn bad_queries_are_refused_in_the_words_of_prometheus() {
    let recording: Json =
        serde_json::from_str(include_str!("../data/prometheus/errors.json")).expect("a recording");
    let nothing: [Series; 0] = [];
    let mut wrong = Vec::new();
    let mut seen = 0;
    for answer in list(&recording["answers"]) {
        if answer["path"] != "query" || answer["params"][1] != serde_json::json!(["time", "1"]) {
            continue;
        }
        seen += 1;
        let query = answer["params"][0][1].as_str().expect("a query");
        let got = Query::parse(query).and_then(|it| it.instant(&nothing[..], 1000));
        let kind = match &got {
            Ok(_) => (200, None),
            Err(QueryError::Parse(_)) => (400, Some("bad_data")),
            Err(QueryError::Execution(_)) => (422, Some("execution")),
        };
        let body = &answer["body"];
        let their_kind = (answer["status"].as_u64().expect("a status"), body["errorType"].as_str());
        let ours = got.map(|_| ()).map_err(|error| error.to_string());
        let theirs = theirs(answer).map(|_| ());
        if kind != their_kind || ours != theirs {
            wrong.push(format!("{query}\n   ours {ours:?}\n theirs {theirs:?}"));
        }
    }
    assert!(seen > 180, "only {seen} queries");
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_bad_canary_is_told_from_stable_as_prometheus_tells_them() {
    compare(include_str!("../data/prometheus/shop.json"), 20);
}

fn compare(recording: &str, expressions_min: usize) {
    let recording: Json = serde_json::from_str(recording).expect("a recording");
    let series: Vec<Series> = list(&recording["series"]).iter().map(recorded_series).collect();
    let end_ms = millis(&recording["end"]);
    let span_ms = millis(&recording["span"]);
    let steps = Steps { start_ms: end_ms - span_ms, end_ms, step_ms: millis(&recording["step"]) };
    let answers = list(&recording["answers"]);
    assert!(answers.len() >= expressions_min, "only {} expressions", answers.len());
    let mut wrong = Vec::new();
    for answer in answers {
        let query = answer["query"].as_str().expect("a query");
        let instant = ours(query, |it| Ok(points(it.instant(&series[..], end_ms)?, end_ms)));
        wrong.extend(difference(query, "instant", &instant, &theirs(&answer["instant"])));
        let range =
            ours(query, |it| Ok(points(Value::Matrix(it.range(&series[..], steps)?), end_ms)));
        wrong.extend(difference(query, "range", &range, &theirs(&answer["range"])));
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn ours(query: &str, run: impl Fn(&Query) -> Result<Points, QueryError>) -> Result<Points, String> {
    Query::parse(query).and_then(|query| run(&query)).map_err(|error| error.to_string())
}

fn theirs(answer: &Json) -> Result<Points, String> {
    let body = &answer["body"];
    if let Some(error) = body["error"].as_str() {
        let prefix = "invalid parameter \"query\": ";
        return Err(error.strip_prefix(prefix).unwrap_or(error).to_owned());
    }
    let result = &body["data"]["result"];
    let single = |metric: &Json, value: &Json| {
        ((metric.clone(), millis(&value[0])), value[1].as_str().expect("a value").to_owned())
    };
    let all: Vec<((Json, i64), String)> = match body["data"]["resultType"].as_str() {
        Some("scalar") => vec![single(&Json::Object(serde_json::Map::new()), result)],
        Some("vector") => {
            list(result).iter().map(|it| single(&it["metric"], &it["value"])).collect()
        }
        _ => list(result)
            .iter()
            .flat_map(|it| list(&it["values"]).iter().map(|value| single(&it["metric"], value)))
            .collect(),
    };
    let key = |metric: &Json| format!("{:?}", labels(metric));
    Ok(all.into_iter().map(|((metric, at), text)| ((key(&metric), at), number(&text))).collect())
}

fn points(value: Value, at: i64) -> Points {
    let key = |labels: &Labels| format!("{labels:?}");
    match value {
        Value::Scalar(value) => Points::from([((key(&Labels::default()), at), value)]),
        Value::Text(_) => Points::new(),
        Value::Vector(vector) => {
            vector.into_iter().map(|it| ((key(&it.labels), at), it.value)).collect()
        }
        Value::Matrix(series) => series
            .into_iter()
            .flat_map(|it| {
                let key = key(&it.labels);
                it.points.into_iter().map(move |(at, value)| ((key.clone(), at), value))
            })
            .collect(),
    }
}

fn difference(
    query: &str,
    kind: &str,
    ours: &Result<Points, String>,
    theirs: &Result<Points, String>,
) -> Option<String> {
    let same = match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .zip(theirs)
                    .all(|(our, their)| our.0 == their.0 && close(*our.1, *their.1))
        }
        // Which of several duplicates are named depends on the order in a hash table.
        (Err(ours), Err(theirs)) => general(ours) == general(theirs),
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
    };
    (!same).then(|| match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            let first = |left: &Points, right: &Points| -> Vec<String> {
                let differs = |(key, value): &(&(String, i64), &f64)| {
                    right.get(*key).is_none_or(|other| !close(**value, *other))
                };
                left.iter().filter(differs).take(2).map(|it| format!("{it:?}")).collect()
            };
            format!(
                "{kind} {query}\n   ours {:?}\n theirs {:?}",
                first(ours, theirs),
                first(theirs, ours)
            )
        }
        _ => format!("{kind} {query}\n   ours {ours:?}\n theirs {theirs:?}"),
    })
}

/// An error up to the series it names.
fn general(error: &str) -> &str {
    error.split("match group").next().unwrap_or_default()
}

#[expect(clippy::float_cmp, reason = "infinities are equal or not")]
fn close(ours: f64, theirs: f64) -> bool {
    let scale = ours.abs().max(theirs.abs()).max(1e-300);
    ours.to_bits() == theirs.to_bits()
        || (ours.is_nan() && theirs.is_nan())
        || ours == theirs
        || (ours - theirs).abs() / scale <= TOLERANCE
}

fn recorded_series(series: &Json) -> Series {
    let mut points: Vec<(i64, f64)> = list(&series["values"])
        .iter()
        .map(|it| (millis(&it[0]), number(it[1].as_str().expect("a value"))))
        .collect();
    points.extend(series["stale"].as_array().into_iter().flatten().map(|at| (millis(at), STALE)));
    points.sort_by_key(|(at, _)| *at);
    Series { labels: labels(&series["metric"]), points }
}

fn labels(metric: &Json) -> Labels {
    let pairs = metric.as_object().expect("labels").iter();
    pairs.map(|(name, value)| (name.as_str(), value.as_str().expect("a label"))).collect()
}

fn list(json: &Json) -> &[Json] {
    json.as_array().map_or(&[], Vec::as_slice)
}

fn millis(seconds: &Json) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "times of this century")]
    let ms = (seconds.as_f64().expect("seconds") * 1000.0).round() as i64;
    ms
}

fn number(text: &str) -> f64 {
    text.parse().expect("a number")
}
