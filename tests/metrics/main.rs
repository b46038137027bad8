//! Our Prometheus client on the simulator's Prometheus, in one process, under a clock that only moves when everybody
//! waits: neither knows the other, only the wire is between them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]
#![expect(clippy::tests_outside_test_module, reason = "an integration test is one module")]

mod network;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use jiff::SignedDuration;
use pilothouse::backends::prometheus::client::Prometheus;
use pilothouse::backends::prometheus::spec::PrometheusSpec;
use pilothouse::domain::feed::{Answer, Query, RevisionPair, Trouble};
use pilothouse::domain::ids::{ClusterName, Name, Namespace, PodHash, WorkloadKind, WorkloadRef};
use pilothouse::domain::metric::{Comparison, Finite, MetricKind, NoData, Reading};
use pilothouse::domain::observed::{Clock, Timestamp};
use pilothouse::sim::api::prometheus::{Source, router};
use pilothouse::sim::api::prometheus_fault::{PrometheusFault, Selection};
use pilothouse::sim::promql::labels::Labels;
use pilothouse::sim::promql::samples::{Matcher, Samples, Series};
use reqwest::Url;

/// When the tests are, by our clock, in Unix seconds.
const NOW: i64 = 1_000_020;

/// How far the server's clock is ahead, in seconds.
const AHEAD: i64 = 90;

/// Scrapes are so many seconds apart.
const SCRAPE: i64 = 5;

/// A world of three revisions: a bad canary, a stable without any series of errors, and one without traffic.
struct World {
    series: Vec<Series>,
    fault: Option<PrometheusFault>,
    ahead: i64,
}

impl Samples for World {
    fn select(&self, matchers: &[Matcher], from_ms: i64, to_ms: i64) -> Vec<Series> {
        self.series[..].select(matchers, from_ms, to_ms)
    }
}

impl Source for World {
    fn now_ms(&self) -> i64 {
        (NOW + self.ahead) * 1_000
    }

    fn fault(&self) -> Option<PrometheusFault> {
        self.fault.clone()
    }
}

/// A counter of one pod that grows by `rate` a second for ten minutes, up to `last` seconds ago.
fn counter(metric: &str, labels: &[(&str, &str)], rate: f64, span: (i64, i64)) -> Series {
    let labels: Labels = std::iter::once(("__name__", metric))
        .chain([("namespace", "shop"), ("method", "get")])
        .chain(labels.iter().copied())
        .collect();
    let (age, last) = span;
    let scrapes = i32::try_from((age - last) / SCRAPE).unwrap();
    let first = NOW + AHEAD - age;
    let points = (0..=scrapes).map(|scrape| {
        let seconds = i64::from(scrape) * SCRAPE;
        ((first + seconds) * 1_000, f64::from(scrape) * f64::from(5) * rate)
    });
    Series { labels, points: points.collect() }
}

/// One revision: 30 requests a second, this share of them errors, nine in ten within 100 ms.
fn revision(label: &str, hash: &str, errors: f64, span: (i64, i64)) -> Vec<Series> {
    let pod = format!("cart-{hash}-x1y2z");
    let of = |more: &[(&'static str, &'static str)]| {
        let mut labels = vec![(label, hash), ("pod", pod.as_str())];
        labels.extend(more.iter().copied());
        labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let build = |metric: &str, labels: Vec<(String, String)>, rate| {
        let labels: Vec<(&str, &str)> =
            labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        counter(metric, &labels, rate, span)
    };
    let mut series = vec![build("http_requests_total", of(&[("code", "200")]), 30.0 - errors)];
    if errors > 0.0 {
        series.push(build("http_requests_total", of(&[("code", "503")]), errors));
    }
    for (bound, rate) in [("0.1", 27.0), ("0.5", 30.0), ("+Inf", 30.0)] {
        let bucket: &[(&'static str, &'static str)] = match bound {
            "0.1" => &[("le", "0.1")],
            "0.5" => &[("le", "0.5")],
            _ => &[("le", "+Inf")],
        };
        series.push(build("http_request_duration_seconds_bucket", of(bucket), rate));
    }
    series
}

fn world(fault: Option<PrometheusFault>) -> World {
    let rollouts = "rollouts_pod_template_hash";
    let mut series = revision(rollouts, "bad1", 3.0, (120, 0));
    series.extend(revision(rollouts, "good1", 0.0, (600, 0)));
    series.extend(revision("pod_template_hash", "deploy1", 0.3, (600, 0)));
    // Nothing but the pod's name tells the revision.
    series.extend(revision("app", "named1", 0.6, (600, 0)));
    series.extend(revision(rollouts, "old1", 1.0, (600, 40)));
    series.push(counter(
        "http_requests_total",
        &[(rollouts, "idle1"), ("code", "200")],
        0.0,
        (600, 0),
    ));
    World { series, fault, ahead: AHEAD }
}

fn client(world: World) -> Prometheus {
    let router: Router = Router::new().nest("/prefix", router(Arc::new(world)));
    let url = Url::parse("http://sim.test/prefix").unwrap();
    let started = tokio::time::Instant::now();
    let clock: Clock = Arc::new(move || {
        let now = Timestamp::from_second(NOW).unwrap();
        now + SignedDuration::try_from(started.elapsed()).unwrap()
    });
    Prometheus::mounted(router, PrometheusSpec::new(ClusterName::new("east"), url), clock)
}

fn pair(canary: &str, stable: &str) -> RevisionPair {
    let target = WorkloadRef {
        cluster: ClusterName::new("east"),
        namespace: Namespace::new("shop"),
        kind: WorkloadKind::Rollout,
        name: Name::new("cart"),
    };
    RevisionPair { target, canary: Some(PodHash::new(canary)), stable: Some(PodHash::new(stable)) }
}

async fn ask(fault: Option<PrometheusFault>, canary: &str, stable: &str) -> Answer {
    client(world(fault)).answer(&Query::Compare(pair(canary, stable))).await
}

async fn compared(fault: Option<PrometheusFault>, canary: &str, stable: &str) -> Comparison {
    let answer = ask(fault, canary, stable).await;
    let Answer::Comparison(seen) = answer else { panic!("{answer:?}") };
    seen.value
}

fn readings(seen: &Comparison, kind: MetricKind) -> (Reading, Reading) {
    let pair = seen.pairs.iter().find(|pair| pair.kind == kind).unwrap();
    (pair.canary.clone(), pair.stable.clone())
}

#[track_caller]
fn near(reading: &Reading, want: f64) {
    let got = reading.clone().map(Finite::get);
    let is_near = got.as_ref().is_ok_and(|got| (got - want).abs() <= want.abs() * 0.02 + 1e-9);
    assert!(is_near, "{got:?} is not {want}");
}

#[tokio::test(start_paused = true)]
async fn the_simulator_answers_our_own_questions() {
    let seen = compared(None, "bad1", "good1").await;
    let (canary, stable) = readings(&seen, MetricKind::ErrorRatio);
    near(&canary, 0.1);
    near(&stable, 0.0);
    let (canary, stable) = readings(&seen, MetricKind::RequestRate);
    near(&canary, 30.0);
    near(&stable, 30.0);
    // 27 of 30 within 100 ms, the rest evenly up to 500 ms: 0.1 + 0.4 × (29.7 − 27) / 3.
    near(&readings(&seen, MetricKind::LatencyP99).0, 0.46);
    assert!(seen.warnings.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_revision_is_found_by_either_label_or_by_the_name_of_its_pods() {
    let seen = compared(None, "deploy1", "named1").await;
    let (canary, stable) = readings(&seen, MetricKind::ErrorRatio);
    near(&canary, 0.01);
    near(&stable, 0.02);
    let (canary, stable) = readings(&seen, MetricKind::RequestRate);
    near(&canary, 30.0);
    near(&stable, 30.0);
}

#[tokio::test(start_paused = true)]
async fn no_traffic_old_samples_and_no_series_are_three_different_nothings() {
    let seen = compared(None, "idle1", "gone1").await;
    assert_eq!(readings(&seen, MetricKind::ErrorRatio).0, Err(NoData::NotANumber));
    near(&readings(&seen, MetricKind::RequestRate).0, 0.0);
    for kind in MetricKind::ALL {
        assert_eq!(readings(&seen, kind).1, Err(NoData::NoSeries));
    }
    let seen = compared(None, "old1", "good1").await;
    let last = Timestamp::from_second(NOW - 40).unwrap();
    for kind in MetricKind::ALL {
        assert_eq!(readings(&seen, kind).0, Err(NoData::Stale(last)), "{kind:?}");
        assert!(readings(&seen, kind).1.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn its_clock_is_ahead_and_nobody_notices_but_the_probe() {
    let prometheus = client(world(None));
    let probe = prometheus.probe().await.unwrap();
    assert_eq!(probe.skew, SignedDuration::from_secs(AHEAD));
    assert_eq!(probe.version.unwrap().as_str(), "2.42.0");
    let at = |second| Timestamp::from_second(second).unwrap();
    let (from, to) = (at(NOW - 300), at(NOW));
    let query = Query::Charts { pair: pair("bad1", "good1"), from, to, step_seconds: 30 };
    let Answer::Charts(seen) = prometheus.answer(&query).await else { panic!() };
    for chart in seen.value.charts.iter() {
        let (canary, stable) = (chart.canary.clone().unwrap(), chart.stable.clone().unwrap());
        assert_eq!((canary.start, stable.start), (from, from));
        assert_eq!((canary.points.len(), stable.points.len()), (11, 11));
        assert!(canary.points.iter().take(6).all(Option::is_none), "it did not exist yet");
        assert!(canary.points.iter().skip(7).all(Option::is_some));
        assert!(stable.points.iter().all(Option::is_some));
    }
}

#[tokio::test(start_paused = true)]
async fn every_fault_of_the_way_is_a_trouble_in_words() {
    let status = |code| PrometheusFault::Status { code, retry_after: None };
    let location = "https://sso.example/login".to_owned();
    for (fault, words) in [
        (PrometheusFault::Hang, "no answer within 10 s"),
        (PrometheusFault::Slow { ms: 60_000 }, "no answer within 10 s"),
        (status(401), "not authenticated"),
        (status(403), "answered 403"),
        (status(429), "answered 429"),
        (status(502), "answered 502"),
        (PrometheusFault::LoginPage, "not Prometheus: page"),
        (PrometheusFault::Redirect { location }, "redirects to https://sso.example"),
        (PrometheusFault::Truncated, "cut off"),
        (PrometheusFault::Timeout, "answered 503: timeout"),
        (PrometheusFault::Refusal { error: "too many samples".to_owned() }, "too many samples"),
    ] {
        let answer = ask(Some(fault.clone()), "bad1", "good1").await;
        let Answer::Failed(trouble) = answer else { panic!("{fault:?} {answer:?}") };
        assert!(trouble.to_string().contains(words), "{fault:?}: {trouble}");
        assert!(!matches!(trouble, Trouble::Lost(_)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_server_is_waited_for() {
    let seen = compared(Some(PrometheusFault::Slow { ms: 2_000 }), "bad1", "good1").await;
    near(&readings(&seen, MetricKind::ErrorRatio).0, 0.1);
}

#[tokio::test(start_paused = true)]
async fn every_fault_of_the_data_is_no_data_and_never_a_zero() {
    let partial = PrometheusFault::Partial { warning: "store eu is down".to_owned() };
    let errors = Selection::try_from(r#"{rollouts_pod_template_hash="bad1"}"#.to_owned()).unwrap();
    for (fault, want) in [
        (partial, NoData::Partial("store eu is down".into())),
        (PrometheusFault::Vanished { series: errors }, NoData::NoSeries),
        (PrometheusFault::Empty, NoData::NoSeries),
        (PrometheusFault::NotANumber, NoData::NotANumber),
    ] {
        let seen = compared(Some(fault.clone()), "bad1", "good1").await;
        // Of buckets that are all NaN Prometheus itself says the highest bound; no counter is NaN.
        let kinds = MetricKind::ALL
            .into_iter()
            .filter(|kind| want != NoData::NotANumber || *kind != MetricKind::LatencyP99);
        for kind in kinds {
            assert_eq!(readings(&seen, kind).0, Err(want.clone()), "{fault:?} {kind:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn twenty_askers_are_served_in_turn() {
    let prometheus = client(world(Some(PrometheusFault::Slow { ms: 10 })));
    let query = Query::Compare(pair("bad1", "good1"));
    let asked = (0..20).map(|_| prometheus.answer(&query));
    let answers = tokio::time::timeout(Duration::from_secs(9), futures::future::join_all(asked));
    for answer in answers.await.unwrap() {
        assert!(matches!(answer, Answer::Comparison(_)), "{answer:?}");
    }
}
