//! Counters from the pods themselves, against a server that says what it is told to.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::query::answer;
use super::scripted::{Rig, Say, Server, target};
use crate::domain::feed::{Answer, Query, Trouble};
use crate::domain::ids::Name;
use crate::domain::look::{Counts, Look, RawSeries, SERIES_MAX, Side};

const PODS: &str = "/api/v1/namespaces/shop/pods";

const METRICS: &str = "# TYPE http_requests_total counter
http_requests_total{code=\"200\"} 90
http_requests_total{code=\"503\"} 10
go_goroutines 7
http_request_duration_seconds_bucket{le=\"0.1\"} 80
http_request_duration_seconds_bucket{le=\"+Inf\"} 100
http_request_duration_seconds_count 100
";

fn pod(port: &str) -> Say {
    let ports = json!([{"name": port, "containerPort": 8080}, {"name": "x", "containerPort": 1}]);
    Say::Json(200, json!({"metadata": {}, "spec": {"containers": [{"ports": ports}]}}))
}

fn text(status: u16, body: &str) -> Say {
    Say::Raw(status, "text/plain; version=0.0.4", body.to_owned())
}

fn status(code: u16, message: &str) -> Say {
    Say::Json(
        code,
        json!({"kind": "Status", "status": "Failure", "code": code, "message": message}),
    )
}

async fn serve(server: &Server, name: &str, says: impl IntoIterator<Item = Say>) {
    server.script("get", &format!("{PODS}/{name}"), [pod("metrics")]).await;
    server.script("get", &format!("{PODS}/{name}:8080/proxy/metrics"), says).await;
}

async fn ask(rig: &Rig, pods: &[(&str, Side)]) -> Answer {
    let pods: Arc<[(Name, Side)]> =
        pods.iter().map(|(name, side)| (Name::new(name), *side)).collect();
    answer(&rig.cluster, &Query::Scrape { target: target("web"), pods }).await
}

async fn look(rig: &Rig, pods: &[(&str, Side)]) -> Look {
    let answer = ask(rig, pods).await;
    let Answer::Look(look) = answer else { panic!("{answer:?}") };
    look.value
}

fn words(texts: &[crate::domain::text::Text]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn value(series: &RawSeries) -> f64 {
    assert_eq!(series.samples.len(), 1);
    series.samples[0].value
}

#[tokio::test(start_paused = true)]
async fn the_counters_of_known_families_are_taken_from_both_sides() {
    let server = Server::new();
    serve(&server, "new", [text(200, METRICS), text(200, METRICS)]).await;
    serve(&server, "old", [text(200, METRICS), text(200, METRICS)]).await;
    let rig = Rig::start(server);
    let pods = [("new", Side::Canary), ("old", Side::Stable)];
    let first = look(&rig, &pods).await;
    assert_eq!((first.doubts.len(), first.notes.len(), first.left_out), (0, 0, 0), "{first:?}");
    assert_eq!(first.bytes, 2 * METRICS.len() as u64);
    assert!(first.pods.iter().all(|pod| pod.at == first.at && first.at.is_some()));
    let of = |side: Side| {
        let own = first.series.iter().filter(|series| series.side == side);
        own.map(|it| (it.family, it.counts, value(it))).collect::<Vec<_>>()
    };
    let latency = "http_request_duration_seconds";
    let want = [
        ("http_requests_total", Counts::Good, 90.0),
        ("http_requests_total", Counts::Bad, 10.0),
        (latency, Counts::UpTo(0.1), 80.0),
        (latency, Counts::UpTo(f64::INFINITY), 100.0),
        (latency, Counts::Requests, 100.0),
    ];
    assert_eq!(of(Side::Canary), want);
    assert_eq!(of(Side::Stable), want);
    let second = look(&rig, &pods).await;
    let keys = |look: &Look| look.series.iter().map(|series| series.key).collect::<Vec<_>>();
    assert_eq!(keys(&first), keys(&second), "a series has the same key in every look");
    let asked = rig.server.asked(&format!("get {PODS}/new?")).await;
    assert_eq!(asked.len(), 1, "where its metrics are is asked once");
}

#[tokio::test(start_paused = true)]
async fn bounds_are_seconds_whatever_the_family_counts_in_and_its_own_timestamps_are_kept() {
    let server = Server::new();
    let body = "istio_request_duration_milliseconds_bucket{reporter=\"destination\",response_code=\"200\",le=\"250\"} 5 1000\n";
    serve(&server, "new", [text(200, body)]).await;
    let look = look(&Rig::start(server), &[("new", Side::Canary)]).await;
    assert_eq!(look.series[0].counts, Counts::UpTo(0.25));
    assert_eq!(look.series[0].samples[0].at.as_second(), 1);
}

/// What a pod answers, and what is told of it.
fn bad_answers() -> Vec<(&'static str, Say, &'static str)> {
    let json = |value: Value| Say::Json(200, value);
    let html = "<html><head><title>Sign in</title></head></html>";
    let half = "# TYPE a counter\nhttp_requests_total{code=\"200\"} 5\n";
    let openmetrics = "application/openmetrics-text; version=1.0.0";
    vec![
        ("hang", Say::Nothing, "no answer within 2 s"),
        ("login", text(200, html), "answers HTML page \"Sign in\" (status 200) and no metrics"),
        ("json", json(json!({"a": 1})), "answers JSON and no metrics"),
        ("empty", text(200, ""), "an empty answer"),
        ("garbage", text(200, "what?\n"), "no metrics in its answer: 1 of 1 lines not understood"),
        ("cut", Say::Raw(200, openmetrics, half.into()), "its answer is cut off: no # EOF"),
        (
            "torn",
            text(200, "a 1\nhttp_requests_total{code=\"500\"} 12"),
            "1 of 2 lines not understood: a last line without its end (line 2)",
        ),
        (
            "twice",
            text(200, "http_requests_total 1\nhttp_requests_total 2\n"),
            "1 of 2 lines not understood: a series twice (line 2)",
        ),
        (
            "quoted",
            text(200, "a 1\n{\"http_requests_total\",code=\"500} 1\n"),
            "1 of 2 lines not understood: labels that cannot be read (line 2)",
        ),
        (
            "boundless",
            text(200, "http_request_duration_seconds_bucket 5\n"),
            "1 buckets without a bound (le)",
        ),
        ("missing", text(404, "404 page not found\n"), "answers 404 at /metrics: 404 page"),
        ("away", Say::Raw(302, "text/html", String::new()), "answers 302 at /metrics"),
        ("shy", text(403, "Forbidden"), "answers 403 at /metrics: Forbidden"),
        ("denied", status(403, "nope"), "no permission to get pods/proxy in namespace shop"),
        ("down", status(503, "dial tcp: refused"), "answered 503: dial tcp: refused"),
        ("large", text(200, &"x 1\n".repeat(1_200_000)), "answer larger than 4194304 bytes"),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_does_not_answer_as_it_should_is_named_and_costs_the_others_nothing() {
    for (name, say, told) in bad_answers() {
        let server = Server::new();
        serve(&server, name, [say]).await;
        serve(&server, "fine", [text(200, METRICS)]).await;
        let look = look(&Rig::start(server), &[(name, Side::Canary), ("fine", Side::Stable)]).await;
        let doubts = words(&look.doubts);
        assert_eq!(doubts.len(), 1, "{name}: {doubts:?}");
        assert!(doubts[0].starts_with(&format!("{name}: {told}")), "{doubts:?}");
        let answered = look.pods.iter().map(|pod| pod.at.is_some()).collect::<Vec<_>>();
        assert_eq!(answered, [false, true], "{name}");
        assert!(look.series.iter().all(|series| series.side == Side::Stable), "{name}");
        assert_eq!(look.series.len(), 5, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pod_of_which_nobody_knows_where_its_metrics_are_is_told() {
    let server = Server::new();
    let ports = json!([{"name": "a", "containerPort": 1}, {"name": "b", "containerPort": 2}]);
    let odd = json!({"metadata": {}, "spec": {"containers": [{"ports": ports}]}});
    server.script("get", &format!("{PODS}/odd"), [Say::Json(200, odd)]).await;
    let look = look(&Rig::start(server), &[("odd", Side::Canary), ("gone", Side::Stable)]).await;
    let doubts = words(&look.doubts);
    assert!(doubts[0].starts_with("odd: nothing tells where its metrics are"), "{doubts:?}");
    assert_eq!(doubts[1], "gone: Pod gone not found");
}

#[tokio::test(start_paused = true)]
async fn what_keeps_all_from_being_asked_is_told_once_as_such() {
    let server = Server::new();
    for name in ["new", "old"] {
        serve(&server, name, [status(403, "pods is forbidden")]).await;
    }
    let rig = Rig::start(server);
    let answer = ask(&rig, &[("new", Side::Canary), ("old", Side::Stable)]).await;
    let Answer::Failed(Trouble::Forbidden(right)) = answer else { panic!("{answer:?}") };
    assert_eq!(right.to_string(), "get pods/proxy in namespace shop");
}

#[tokio::test(start_paused = true)]
async fn lines_of_other_metrics_are_told_and_take_nothing_away() {
    let server = Server::new();
    let odd = format!("{METRICS}my.metric 5\n");
    serve(&server, "new", [text(200, &odd)]).await;
    serve(&server, "old", [text(200, "go_goroutines 5\n")]).await;
    let rig = Rig::start(server);
    let first = look(&rig, &[("new", Side::Canary)]).await;
    assert_eq!((first.series.len(), first.doubts.len()), (5, 0));
    let told =
        "new: of other metrics, 1 of 8 lines not understood: a value that is no number (line 8)";
    assert_eq!(words(&first.notes), [told]);
    let second = look(&rig, &[("old", Side::Stable)]).await;
    assert!(second.pods[0].at.is_some());
    assert!(words(&second.notes)[0].starts_with("the pods expose no metric that is known"));
}

#[tokio::test(start_paused = true)]
async fn of_many_pods_the_same_few_of_each_side_are_asked_and_it_ends_in_time() {
    let server = Server::new();
    let names: Vec<(String, Side)> = (0..60)
        .map(|number| (format!("web-{number}"), [Side::Canary, Side::Stable][number % 2]))
        .collect();
    for (name, _) in &names {
        serve(&server, name, [Say::Nothing, Say::Nothing]).await;
    }
    let pods: Vec<(&str, Side)> = names.iter().map(|(name, side)| (name.as_str(), *side)).collect();
    let rig = Rig::start(server);
    let begun = rig.elapsed();
    let first = look(&rig, &pods).await;
    assert_eq!(rig.elapsed(), begun + Duration::from_secs(5), "two rounds of ten");
    assert_eq!((first.pods.len(), first.doubts.len()), (20, 20));
    let sides: Vec<Side> = first.pods.iter().map(|pod| pod.side).collect();
    assert_eq!(sides, [Side::Canary, Side::Stable].repeat(10));
    let notes = ["10 of 30 canary pods are asked", "10 of 30 stable pods are asked"];
    assert_eq!(words(&first.notes), notes);
    let asked = rig.server.asked(&format!("get {PODS}/web")).await;
    let at_first = asked.iter().filter(|(at, path)| *at == begun && path.contains("/proxy/"));
    assert_eq!(at_first.count(), 10);
    let fewer = look(&rig, &pods[4..]).await;
    let names = |look: &Look| {
        look.pods.iter().map(|pod| pod.pod.as_str().to_owned()).collect::<BTreeSet<_>>()
    };
    assert!(names(&first).intersection(&names(&fewer)).count() >= 16, "most stay");
}

#[tokio::test(start_paused = true)]
async fn a_short_patience_is_shared_by_all_rounds() {
    let server = Server::new();
    serve(&server, "new", [Say::Nothing]).await;
    let rig = Rig::with(server, 1_024, |mut spec| {
        spec.request_timeout = Some(Duration::from_secs(1));
        spec
    });
    let look = look(&rig, &[("new", Side::Canary)]).await;
    assert_eq!(words(&look.doubts), ["new: no answer within 1 s"]);
}

#[tokio::test(start_paused = true)]
async fn where_the_metrics_are_is_read_anew_after_a_failure() {
    let server = Server::new();
    serve(&server, "new", [text(503, "starting"), text(200, METRICS)]).await;
    server.script("get", &format!("{PODS}/new"), [pod("metrics")]).await;
    let rig = Rig::start(server);
    assert_eq!(look(&rig, &[("new", Side::Canary)]).await.doubts.len(), 1);
    assert_eq!(look(&rig, &[("new", Side::Canary)]).await.doubts.len(), 0);
    assert_eq!(rig.server.asked(&format!("get {PODS}/new?")).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_pod_with_a_million_series_is_left_out_whole_and_the_next_has_its_room() {
    let mut many = String::new();
    for number in 0..=SERIES_MAX {
        let _ = writeln!(many, "http_requests_total{{user=\"{number}\"}} 1");
    }
    let server = Server::new();
    serve(&server, "many", [text(200, &many)]).await;
    serve(&server, "few", [text(200, METRICS)]).await;
    let look = look(&Rig::start(server), &[("many", Side::Canary), ("few", Side::Stable)]).await;
    assert_eq!(words(&look.doubts), ["many: 20001 series of known metrics: too many"]);
    assert_eq!((look.series.len(), look.left_out), (5, 20_001));
    assert_eq!(look.bytes, (many.len() + METRICS.len()) as u64);
}

#[tokio::test(start_paused = true)]
async fn what_is_read_for_one_look_is_bounded() {
    let server = Server::new();
    let large = format!("{METRICS}{}", "# a comment\n".repeat(300_000));
    let names: Vec<(String, Side)> = (0..20)
        .map(|number| (format!("web-{number}"), [Side::Canary, Side::Stable][number % 2]))
        .collect();
    for (name, _) in &names {
        serve(&server, name, [text(200, &large)]).await;
    }
    let pods: Vec<(&str, Side)> = names.iter().map(|(name, side)| (name.as_str(), *side)).collect();
    let look = look(&Rig::start(server), &pods).await;
    let most = (16 << 20) + 10 * large.len() as u64;
    assert!((16 << 20..most).contains(&look.bytes), "{}", look.bytes);
    let told = look.doubts.iter().filter(|doubt| doubt.as_str().contains("not asked: the pods"));
    assert_eq!(told.count(), look.pods.iter().filter(|pod| pod.at.is_none()).count());
    assert!(!look.doubts.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_ends_is_not_waited_for() {
    let server = Server::new();
    let (say, lines) = mpsc::channel(4);
    serve(&server, "slow", [Say::Lines(lines)]).await;
    say.send("http_requests_total{code=\"200\"} 1\n".to_owned()).await.expect("a listener");
    let look = look(&Rig::start(server), &[("slow", Side::Canary)]).await;
    assert_eq!(words(&look.doubts), ["slow: no answer within 2 s"]);
    assert!(look.series.is_empty());
}
