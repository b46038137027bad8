//! Over HTTP: the same requests must give the same status, shape and words.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use pilothouse::sim::api::prometheus::{Metadata, Source, Target, router};
use pilothouse::sim::api::prometheus_fault::{PrometheusFault, Selection};
use pilothouse::sim::promql::labels::Labels;
use pilothouse::sim::promql::samples::{Matcher, Samples, Series};
use serde_json::{Value as Json, json};
use tower::ServiceExt;

/// The world of these tests: two requests per second and one error, for two minutes.
struct Table {
    series: Vec<Series>,
    fault: Option<PrometheusFault>,
}

const NOW_MS: i64 = 1_000_120_000;

impl Samples for Table {
    fn select(&self, matchers: &[Matcher], from_ms: i64, to_ms: i64) -> Vec<Series> {
        self.series[..].select(matchers, from_ms, to_ms)
    }
}

impl Source for Table {
    fn now_ms(&self) -> i64 {
        NOW_MS
    }

    fn fault(&self) -> Option<PrometheusFault> {
        self.fault.clone()
    }

    fn metadata(&self) -> Vec<Metadata> {
        let help = "Requests by code.".to_owned();
        vec![Metadata { metric: "http_requests_total".to_owned(), kind: "counter", help }]
    }

    fn targets(&self) -> Vec<Target> {
        vec![Target {
            labels: [("job", "pods"), ("instance", "10.0.0.1:8080")].into_iter().collect(),
            url: "http://10.0.0.1:8080/metrics".to_owned(),
            last_error: String::new(),
            last_scrape_ms: NOW_MS,
        }]
    }
}

fn counter(code: &str, per_scrape: f64) -> Series {
    let labels: Labels = [("__name__", "http_requests_total"), ("code", code), ("job", "pods")]
        .into_iter()
        .collect();
    let point = |at: i32| (NOW_MS - 120_000 + i64::from(at) * 5000, f64::from(at) * per_scrape);
    Series { labels, points: (0..=24).map(point).collect() }
}

fn prometheus(fault: Option<PrometheusFault>) -> Router {
    let series = vec![counter("200", 10.0), counter("500", 1.0)];
    Router::new().nest("/prometheus", router(Arc::new(Table { series, fault })))
}

struct Answer {
    status: StatusCode,
    kind: String,
    text: String,
}

impl Answer {
    fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

async fn ask(router: &Router, request: Request<Body>) -> Answer {
    let answer = router.clone().oneshot(request).await.expect("an answer");
    let kind = answer.headers().get(header::CONTENT_TYPE);
    let kind = kind.map_or("", |kind| kind.to_str().expect("text")).to_owned();
    let status = answer.status();
    let body = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
    Answer { status, kind, text: String::from_utf8(body.to_vec()).expect("UTF-8") }
}

async fn get(router: &Router, path: &str, params: &[(&str, &str)]) -> Answer {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
    let uri = format!("/prometheus/{path}?{query}");
    ask(router, Request::get(uri).body(Body::empty()).expect("a request")).await
}

async fn post(router: &Router, path: &str, params: &[(&str, &str)]) -> Answer {
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
    let request = Request::post(format!("/prometheus/{path}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    ask(router, request.body(Body::from(form)).expect("a request")).await
}

#[tokio::test]
async fn every_recorded_request_is_answered_with_the_same_status_shape_and_words() {
    let recording: Json =
        serde_json::from_str(include_str!("../data/prometheus/errors.json")).expect("a recording");
    let nothing = Table { series: Vec::new(), fault: None };
    let router = Router::new().nest("/prometheus", router(Arc::new(nothing)));
    let mut wrong = Vec::new();
    for recorded in recording["answers"].as_array().expect("answers") {
        let params: Vec<(&str, &str)> = recorded["params"]
            .as_array()
            .expect("parameters")
            .iter()
            .map(|pair| (pair[0].as_str().expect("a name"), pair[1].as_str().expect("a value")))
            .collect();
        let path = format!("api/v1/{}", recorded["path"].as_str().expect("a path"));
        let answer = get(&router, &path, &params).await;
        let body = serde_json::from_str(&answer.text).unwrap_or(Json::from(answer.text.clone()));
        let same_body = if path.ends_with("buildinfo") {
            shape(&body) == shape(&recorded["body"])
        } else {
            body == recorded["body"]
        };
        let same_head = answer.kind == recorded["type"].as_str().unwrap_or_default()
            && u64::from(answer.status.as_u16()) == recorded["status"];
        if !same_body || !same_head {
            let ours = format!("{} {} {}", answer.status, answer.kind, answer.text);
            wrong.push(format!("{path} {params:?}\n   ours {ours}\n theirs {recorded}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// The keys and types of a value.
fn shape(json: &Json) -> Json {
    match json {
        Json::Object(map) => map.iter().map(|(key, value)| (key.clone(), shape(value))).collect(),
        Json::Array(list) => list.iter().take(1).map(shape).collect(),
        Json::String(_) => json!("text"),
        Json::Number(_) => json!(0),
        Json::Bool(_) => json!(true),
        Json::Null => Json::Null,
    }
}

#[tokio::test]
async fn a_vector_is_written_as_prometheus_writes_it() {
    let query = [("query", r#"http_requests_total{code="500"}"#)];
    let answer = get(&prometheus(None), "api/v1/query", &query).await;
    assert_eq!(
        answer.text,
        concat!(
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":"#,
            r#"{"__name__":"http_requests_total","code":"500","job":"pods"},"#,
            r#""value":[1000120,"24"]}]}}"#
        )
    );
}

#[tokio::test]
async fn a_matrix_and_its_times_are_written_as_prometheus_writes_them() {
    let params = [
        ("query", "sum(rate(http_requests_total[20s]))"),
        ("start", "1000100.05"),
        ("end", "1000110.05"),
        ("step", "10s"),
    ];
    let answer = get(&prometheus(None), "api/v1/query_range", &params).await;
    assert_eq!(
        answer.text,
        concat!(
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"#,
            r#""values":[[1000100.050,"2.2"],[1000110.050,"2.2"]]}]}}"#
        )
    );
}

#[tokio::test]
async fn a_posted_form_and_an_address_ask_the_same() {
    let router = prometheus(None);
    let by_code = ("query", "sum by (code) (http_requests_total)");
    for (path, params) in [
        ("api/v1/query", &[by_code][..]),
        ("api/v1/query_range", &[by_code, ("start", "1000000"), ("end", "1000120"), ("step", "7")]),
        ("api/v1/series", &[("match[]", r#"{code="200"}"#), ("match[]", r#"{code="500"}"#)]),
        ("api/v1/labels", &[]),
    ] {
        let (got, posted) = (get(&router, path, params).await, post(&router, path, params).await);
        assert_eq!(got.status, StatusCode::OK, "{}", got.text);
        assert_eq!(got.text, posted.text);
    }
    let put = Request::builder().method(Method::PUT).uri("/prometheus/api/v1/query");
    let answer = ask(&router, put.body(Body::empty()).expect("a request")).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn series_labels_and_values_are_those_that_lived_in_the_window() {
    let router = prometheus(None);
    let data = async |path: &str, params: &[(&str, &str)]| {
        get(&router, path, params).await.json()["data"].clone()
    };
    let up_to = [("match[]", "http_requests_total"), ("end", "1000001")];
    assert_eq!(data("api/v1/series", &up_to).await.as_array().map(Vec::len), Some(2));
    let before = [("match[]", "http_requests_total"), ("end", "999999")];
    assert_eq!(data("api/v1/series", &before).await, json!([]));
    assert_eq!(data("api/v1/labels", &[]).await, json!(["__name__", "code", "job"]));
    assert_eq!(data("api/v1/label/code/values", &[]).await, json!(["200", "500"]));
    let only = [("match[]", r#"{code=~"5.."}"#)];
    assert_eq!(data("api/v1/label/code/values", &only).await, json!(["500"]));
}

#[tokio::test]
async fn metadata_and_targets_have_the_recorded_shape() {
    let recording: Json =
        serde_json::from_str(include_str!("../data/prometheus/shapes.json")).expect("a recording");
    let router = prometheus(None);
    let theirs = |at: usize| recording["answers"][at]["body"]["data"].clone();
    let first = |of_metrics: &Json| {
        of_metrics.as_object().and_then(|it| it.values().next()).cloned().expect("a metric")
    };
    let metadata = get(&router, "api/v1/metadata", &[]).await.json()["data"].clone();
    let expected = json!([{"type": "counter", "help": "Requests by code.", "unit": ""}]);
    assert_eq!(metadata, json!({"http_requests_total": expected}));
    assert_eq!(shape(&first(&metadata)), shape(&first(&theirs(1))));
    let mut targets = get(&router, "api/v1/targets", &[]).await.json()["data"].clone();
    assert_eq!(targets["activeTargets"][0]["labels"]["instance"], "10.0.0.1:8080");
    let mut recorded = theirs(0);
    for labels in ["labels", "discoveredLabels"] {
        targets["activeTargets"][0][labels] = json!({});
        recorded["activeTargets"][0][labels] = json!({});
    }
    assert_eq!(shape(&targets), shape(&recorded));
}

#[tokio::test]
async fn it_says_that_it_is_well() {
    let router = prometheus(None);
    let healthy = get(&router, "-/healthy", &[]).await;
    assert_eq!(healthy.text, "Prometheus Server is Healthy.\n");
    assert_eq!(get(&router, "-/ready", &[]).await.text, "Prometheus Server is Ready.\n");
}

#[tokio::test]
async fn a_limit_cuts_the_result_and_says_so() {
    let params = [("query", "http_requests_total"), ("limit", "1")];
    let answer = get(&prometheus(None), "api/v1/query", &params).await.json();
    assert_eq!(answer["data"]["result"].as_array().map(Vec::len), Some(1));
    assert_eq!(answer["warnings"], json!(["results truncated due to limit"]));
    for bad in ["x", "-1"] {
        let params = [("query", "1"), ("limit", bad)];
        let answer = get(&prometheus(None), "api/v1/query", &params).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text);
    }
}

#[tokio::test]
async fn the_date_is_that_of_the_worlds_clock() {
    let request = Request::get("/prometheus/api/v1/query?query=1").body(Body::empty());
    let answer = prometheus(None).oneshot(request.expect("a request")).await.expect("an answer");
    assert_eq!(answer.headers()[header::DATE], "Mon, 12 Jan 1970 13:48:40 GMT");
}

#[tokio::test]
async fn faults_of_the_way_hide_the_answer() {
    let location = "https://login.example.test/".to_owned();
    for (fault, status, kind, part) in [
        (
            PrometheusFault::Status { code: 503, retry_after: Some(3) },
            503,
            "text/plain",
            "upstream connect error",
        ),
        (PrometheusFault::LoginPage, 200, "text/html; charset=utf-8", "<title>Sign in</title>"),
        (PrometheusFault::Redirect { location }, 302, "text/html; charset=utf-8", ""),
    ] {
        let router = prometheus(Some(fault));
        for path in ["api/v1/query", "api/v1/labels", "-/healthy"] {
            let answer = get(&router, path, &[("query", "1")]).await;
            assert_eq!((answer.status.as_u16(), answer.kind.as_str()), (status, kind));
            assert!(answer.text.contains(part), "{}", answer.text);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_hanging_prometheus_never_answers() {
    let router = prometheus(Some(PrometheusFault::Hang));
    let params = [("query", "1")];
    let asked = get(&router, "api/v1/query", &params);
    let hour = std::time::Duration::from_hours(1);
    assert!(tokio::time::timeout(hour, asked).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_slow_prometheus_answers_late() {
    let router = prometheus(Some(PrometheusFault::Slow { ms: 9000 }));
    let asked = tokio::time::Instant::now();
    let answer = get(&router, "api/v1/query", &[("query", "1")]).await;
    assert_eq!((answer.status, asked.elapsed().as_secs()), (StatusCode::OK, 9));
}

#[tokio::test]
async fn faults_of_queries_are_errors_in_the_envelope() {
    let error = "many-to-many matching not allowed".to_owned();
    for (fault, status, kind) in [
        (PrometheusFault::Timeout, 503, "timeout"),
        (PrometheusFault::Refusal { error }, 422, "execution"),
    ] {
        let answer = get(&prometheus(Some(fault)), "api/v1/query", &[("query", "1")]).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["errorType"]), (status, &json!(kind)));
    }
}

#[tokio::test]
async fn a_truncated_answer_is_no_json() {
    let router = prometheus(Some(PrometheusFault::Truncated));
    let answer = get(&router, "api/v1/query", &[("query", "http_requests_total")]).await;
    assert_eq!((answer.status, answer.kind.as_str()), (StatusCode::OK, "application/json"));
    assert!(answer.text.starts_with(r#"{"status":"success""#));
    assert!(serde_json::from_str::<Json>(&answer.text).is_err());
}

#[tokio::test]
async fn a_partial_answer_is_good_and_has_a_warning() {
    let warning = "store gateway 2 did not answer".to_owned();
    let router = prometheus(Some(PrometheusFault::Partial { warning: warning.clone() }));
    let answer = get(&router, "api/v1/query", &[("query", "http_requests_total")]).await.json();
    assert_eq!(answer["status"], "success");
    assert_eq!(answer["data"]["result"].as_array().map(Vec::len), Some(2));
    assert_eq!(answer["warnings"], json!([warning]));
}

#[tokio::test]
async fn faults_of_the_data_change_what_is_found_and_not_what_is_made_up() {
    let series = Selection::try_from(r#"{code="500"}"#.to_owned()).expect("a selector");
    let total = "sum(http_requests_total) or vector(0)";
    for (fault, found, sum) in [
        (PrometheusFault::Vanished { series }, 1, "240"),
        (PrometheusFault::Empty, 0, "0"),
        (PrometheusFault::NotANumber, 2, "NaN"),
    ] {
        let router = prometheus(Some(fault));
        let all = get(&router, "api/v1/query", &[("query", "http_requests_total")]).await.json();
        assert_eq!(all["data"]["result"].as_array().map(Vec::len), Some(found));
        let sums = get(&router, "api/v1/query", &[("query", total)]).await.json();
        assert_eq!(sums["data"]["result"][0]["value"][1], sum);
    }
}
