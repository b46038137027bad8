//! What a real Prometheus answered (`tests/data/prometheus_answers`), and the same against one that runs now.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use reqwest::Url;
use serde_json::Value;

use super::client::Prometheus;
use super::meaning::{self, Unanswered};
use super::reading;
use super::script::{Asked, Turn, reading as reading_of, says, scalar, scripted, spec, value};
use super::spec::PrometheusSpec;
use super::transport::Reply;
use crate::domain::feed::{Answer, Query, RevisionPair, Trouble};
use crate::domain::ids::{ClusterName, Name, Namespace, PodHash, WorkloadKind, WorkloadRef};
use crate::domain::metric::{Comparison, Finite, MetricKind, NoData};
use crate::domain::observed::{Clock, Timestamp};
use crate::domain::text::Text;

/// An exchange with the real one.
struct Exchange {
    query: String,
    reply: Reply,
}

fn recorded() -> BTreeMap<String, Exchange> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/prometheus_answers");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let exchange: Value = serde_json::from_str(&text).unwrap();
            let body = &exchange["body"];
            let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
            let reply = Reply {
                status: exchange["status"].as_u64().unwrap().try_into().unwrap(),
                media_type: exchange["contentType"].as_str().map(str::to_owned),
                retry_after: None,
                body: body.into_bytes(),
            };
            let query = exchange["form"]["query"].as_str().unwrap_or_default().to_owned();
            (path.file_stem().unwrap().to_string_lossy().into_owned(), Exchange { query, reply })
        })
        .collect()
}

/// A revision of namespace `prom`, where the answers were recorded.
fn revision(name: &str, canary: Option<&str>, stable: &str) -> RevisionPair {
    let target = WorkloadRef {
        cluster: ClusterName::new("east"),
        namespace: Namespace::new("prom"),
        kind: WorkloadKind::Rollout,
        name: Name::new(name),
    };
    RevisionPair { target, canary: canary.map(PodHash::new), stable: Some(PodHash::new(stable)) }
}

/// Plays what was recorded to whoever asks the same question.
fn played() -> Prometheus {
    let recorded = recorded();
    let play = move |asked: &Asked| {
        if asked.query() == "time()" {
            return says(scalar(1_795_803_426.638));
        }
        let is_range = asked.path.ends_with("query_range");
        let found = recorded.iter().find(|(name, exchange)| {
            name.ends_with("_range") == is_range && exchange.query == asked.query()
        });
        let Some((_, exchange)) = found else { panic!("never recorded: {}", asked.query()) };
        let body = String::from_utf8(exchange.reply.body.clone()).unwrap();
        Turn::Says(exchange.reply.status, "application/json", body)
    };
    scripted(spec(), play).0
}

async fn compared(pair: RevisionPair) -> Comparison {
    let answer = played().answer(&Query::Compare(pair)).await;
    let Answer::Comparison(seen) = answer else { panic!("{answer:?}") };
    seen.value
}

#[tokio::test(start_paused = true)]
async fn a_bad_canary_beside_a_good_stable_is_read_as_the_real_one_answered() {
    let seen = compared(revision("cart", Some("696576f78d"), "67c9fd977d")).await;
    let (canary, stable) = reading_of(&seen, MetricKind::ErrorRatio);
    let (canary, stable) = (value(canary).unwrap(), value(stable));
    assert!((0.05..0.12).contains(&canary), "{canary}");
    assert_eq!(stable, Some(0.0), "traffic and no errors is really zero");
    let (canary, stable) = reading_of(&seen, MetricKind::RequestRate);
    assert!((25.0..35.0).contains(&value(canary).unwrap()));
    assert!((130.0..170.0).contains(&value(stable).unwrap()));
    let (canary, stable) = reading_of(&seen, MetricKind::LatencyP99);
    assert!(canary.is_ok() && stable.is_ok());
    assert!(seen.warnings.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_revision_without_traffic_has_a_rate_of_zero_and_no_ratio() {
    let seen = compared(revision("idle", None, "5f8d7fb889")).await;
    assert_eq!(value(reading_of(&seen, MetricKind::RequestRate).1), Some(0.0));
    for kind in [MetricKind::ErrorRatio, MetricKind::LatencyP99] {
        assert_eq!(reading_of(&seen, kind).1, Err(NoData::NotANumber), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_was_never_scraped_has_no_series() {
    let seen = compared(revision("gone", None, "0000000000")).await;
    for kind in MetricKind::ALL {
        assert_eq!(reading_of(&seen, kind).1, Err(NoData::NoSeries), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn curves_begin_where_the_canary_began_and_idle_ones_are_empty() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let ask = |pair| Query::Charts {
        pair,
        from: at(1_795_802_826 - 1_795_803_426 + 1_000),
        to: at(1_000),
        step_seconds: 30,
    };
    let pair = revision("cart", Some("696576f78d"), "67c9fd977d");
    let Answer::Charts(seen) = played().answer(&ask(pair)).await else { panic!() };
    for chart in seen.value.charts.iter() {
        let [canary, stable] =
            [&chart.canary, &chart.stable].map(|side| side.clone().unwrap().points);
        assert_eq!((canary.len(), stable.len()), (21, 21));
        assert!(stable.iter().all(Option::is_some), "{:?}", chart.kind);
        assert!(canary.iter().any(Option::is_some));
    }
    let Answer::Charts(seen) = played().answer(&ask(revision("idle", None, "5f8d7fb889"))).await
    else {
        panic!()
    };
    assert_eq!(seen.value.charts[0].stable, Err(NoData::NotANumber));
    let rate = seen.value.charts[2].stable.clone().unwrap();
    let known: Vec<Option<f64>> = rate.points.iter().map(|point| point.map(Finite::get)).collect();
    assert!(known.contains(&None) && known.contains(&Some(0.0)), "{known:?}");
}

#[test]
fn every_other_recorded_answer_means_what_it_should() {
    let recorded = recorded();
    let says = |words: &str| Err(NoData::Refused(Text::clean(words)));
    for (name, want) in [
        ("scalar", Ok(())),
        ("infinite", Err(NoData::NotANumber)),
        ("several_series", Err(NoData::Ambiguous(12))),
        ("string", says("the answer is a text, not a number")),
        ("matrix", says("the answer is a range of values, not one number")),
    ] {
        let told = meaning::query(&recorded[name].reply).ok().unwrap();
        assert_eq!(reading::number(&told).reading.map(|_| ()), want, "{name}");
    }
    for (name, words) in [
        ("error_parse", "bad_data: invalid parameter \"query\": 1:30: parse error"),
        ("error_execution", "execution: found duplicate series"),
        ("error_timeout_parameter", "cannot parse \"abc\""),
        ("error_time_parameter", "Invalid time value"),
        ("error_too_many_points", "exceeded maximum resolution of 11,000 points"),
        ("error_empty_query", "no expression found in input"),
    ] {
        let unanswered = meaning::query(&recorded[name].reply).err().unwrap();
        let Unanswered::Question(told) = unanswered else { panic!("{name} {unanswered:?}") };
        assert!(told.as_str().contains(words), "{told}");
    }
    let timeout = meaning::query(&recorded["error_timeout"].reply).err().unwrap();
    let detail = Text::clean("timeout: query timed out in expression evaluation");
    assert_eq!(timeout, Unanswered::Server(Trouble::Refused { code: 503, detail }));
    let path = meaning::query(&recorded["error_no_such_path"].reply).err().unwrap();
    assert!(matches!(path, Unanswered::Server(Trouble::BadAnswer(_))));
}

/// With `PROMETHEUS_URL` and `PILOTHOUSE_LIVE_PAIR=NAMESPACE/NAME/CANARY/STABLE`: prints what is answered.
#[tokio::test]
#[expect(clippy::print_stdout, reason = "for the eyes of whoever runs it by hand")]
async fn live_answers_are_printed() {
    let asked = (std::env::var("PROMETHEUS_URL"), std::env::var("PILOTHOUSE_LIVE_PAIR"));
    let (Ok(url), Ok(pair)) = asked else {
        return println!("no PROMETHEUS_URL and PILOTHOUSE_LIVE_PAIR: nothing is asked");
    };
    let [namespace, name, canary, stable] = *pair.split('/').collect::<Vec<_>>() else {
        panic!("{pair}")
    };
    let target = WorkloadRef {
        cluster: ClusterName::new("live"),
        namespace: Namespace::new(namespace),
        kind: WorkloadKind::Rollout,
        name: Name::new(name),
    };
    let hash = |raw: &str| (!raw.is_empty()).then(|| PodHash::new(raw));
    let pair = RevisionPair { target, canary: hash(canary), stable: hash(stable) };
    let clock: Clock = Arc::new(Timestamp::now);
    let spec = PrometheusSpec::new(ClusterName::new("live"), Url::parse(&url).unwrap());
    let prometheus = Prometheus::new(spec, clock).unwrap();
    println!("{:?}", prometheus.probe().await);
    println!("{:#?}", prometheus.answer(&Query::Compare(pair.clone())).await);
    let to = Timestamp::now();
    let from = to - SignedDuration::from_secs(600);
    let charts = prometheus.answer(&Query::Charts { pair, from, to, step_seconds: 30 }).await;
    let Answer::Charts(seen) = charts else { panic!("{charts:?}") };
    for chart in seen.value.charts.iter() {
        for (side, series) in [("canary", &chart.canary), ("stable", &chart.stable)] {
            let points = series.as_ref().map(|series| {
                series
                    .points
                    .iter()
                    .map(|point| point.map(crate::domain::metric::Finite::get))
                    .collect::<Vec<_>>()
            });
            println!("{:?} {side} {points:?}", chart.kind);
        }
    }
}
