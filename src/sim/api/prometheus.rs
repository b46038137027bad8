//! The HTTP API of a Prometheus 2.42 over the world's samples.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use serde_json::json;

use super::prometheus_fault::{Faulty, PrometheusFault};
use super::prometheus_json as write;
use super::prometheus_params::{ApiError, Params};
use crate::sim::promql::labels::Labels;
use crate::sim::promql::query::{Query, Steps};
use crate::sim::promql::samples::{Matcher, Samples};
use crate::sim::promql::text::is_label_name;
use crate::sim::promql::value::{QueryError, Value};

/// Points one series of a range query may have: Prometheus' own limit.
const POINTS_MAX: i64 = 11_000;

/// Where `series` and `labels` look when they are given no borders. Prometheus looks at all it
/// has; a world makes up its samples, so it must be told where to stop.
const SERIES_WINDOW_MS: i64 = 60 * 60 * 1000;

/// What a simulated Prometheus serves.
pub trait Source: Samples + Send + Sync + 'static {
    /// The time of this Prometheus, in Unix milliseconds. Its clock may be off.
    fn now_ms(&self) -> i64;

    /// What is wrong with it at the moment.
    fn fault(&self) -> Option<PrometheusFault> {
        None
    }

    /// What is known of its metrics.
    fn metadata(&self) -> Vec<Metadata> {
        Vec::new()
    }

    /// What it scrapes.
    fn targets(&self) -> Vec<Target> {
        Vec::new()
    }
}

/// What a metric says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Its name.
    pub metric: String,
    /// `counter`, `gauge`, `histogram` or `summary`.
    pub kind: &'static str,
    /// Its help text.
    pub help: String,
}

/// Something that is scraped.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// The labels its samples get, `job` and `instance` among them.
    pub labels: Labels,
    /// The address that is scraped.
    pub url: String,
    /// What went wrong at the last scrape; empty if nothing did.
    pub last_error: String,
    /// When it was last scraped, in Unix milliseconds.
    pub last_scrape_ms: i64,
}

/// The routes of one Prometheus, to be mounted under any prefix.
pub fn router(source: Arc<dyn Source>) -> Router {
    let values = |State(source): Shared, Path(name): Path<String>, request: Request<Body>| {
        serve(source, request, move |it| label_values(it, &name))
    };
    Router::new()
        .route("/api/v1/query", both(query))
        .route("/api/v1/query_range", both(query_range))
        .route("/api/v1/series", both(series))
        .route("/api/v1/labels", both(labels))
        .route("/api/v1/label/{name}/values", get(values))
        .route("/api/v1/metadata", only_get(metadata))
        .route("/api/v1/targets", only_get(targets))
        .route("/api/v1/rules", only_get(rules))
        .route("/api/v1/alerts", only_get(|_| Ok(Data::of(r#"{"alerts":[]}"#))))
        .route("/api/v1/status/buildinfo", only_get(|_| Ok(Data::of(BUILD))))
        .route("/-/healthy", get(|it: Shared| plain(it, "Prometheus Server is Healthy.\n")))
        .route("/-/ready", get(|it: Shared| plain(it, "Prometheus Server is Ready.\n")))
        .fallback(|| async { text(StatusCode::NOT_FOUND, "404 page not found\n") })
        .with_state(source)
}

const BUILD: &str = concat!(
    r#"{"version":"2.42.0","revision":"simulated","branch":"HEAD","buildUser":"pilothouse","#,
    r#""buildDate":"20230131-00:00:00","goVersion":"go1.19.5"}"#
);

type Shared = State<Arc<dyn Source>>;
type Answer = Result<Data, ApiError>;
type Endpoint = fn(&Ask<'_>) -> Answer;

/// A request in the hands of an endpoint.
struct Ask<'a> {
    source: &'a dyn Source,
    samples: Faulty<'a, dyn Source>,
    params: &'a Params,
}

/// What an endpoint has to say.
struct Data {
    json: String,
    warnings: Vec<String>,
}

impl Data {
    fn of(json: impl Into<String>) -> Self {
        Self { json: json.into(), warnings: Vec::new() }
    }
}

fn only_get(endpoint: Endpoint) -> MethodRouter<Arc<dyn Source>> {
    get(move |State(source): Shared, request: Request<Body>| serve(source, request, endpoint))
}

fn both(endpoint: Endpoint) -> MethodRouter<Arc<dyn Source>> {
    only_get(endpoint)
        .post(move |State(source): Shared, request: Request<Body>| serve(source, request, endpoint))
}

async fn plain(State(source): Shared, page: &'static str) -> Response {
    if let Some(fault) = source.fault()
        && let Some(answer) = fault.answer().await
    {
        return answer;
    }
    text(StatusCode::OK, page)
}

async fn serve(
    source: Arc<dyn Source>,
    request: Request<Body>,
    endpoint: impl FnOnce(&Ask<'_>) -> Answer,
) -> Response {
    let fault = source.fault();
    if let Some(fault) = &fault
        && let Some(answer) = fault.answer().await
    {
        return answer;
    }
    let params = Params::read(request).await;
    let answer = params.and_then(|params| {
        let samples = Faulty { samples: &*source, fault: fault.as_ref() };
        endpoint(&Ask { source: &*source, samples, params: &params })
    });
    let (status, body) = match marked(answer, fault.as_ref()) {
        Ok(data) => (StatusCode::OK, success(&data)),
        Err(error) => (error.status, failure(&error)),
    };
    let mut body = body.into_bytes();
    if matches!(fault, Some(PrometheusFault::Truncated)) {
        body.truncate(body.len() / 2);
    }
    respond(status, body, source.now_ms())
}

/// The faults that only queries meet.
fn query_fault(ask: &Ask<'_>) -> Result<(), ApiError> {
    match ask.samples.fault {
        Some(PrometheusFault::Timeout) => Err(ApiError::timeout()),
        Some(PrometheusFault::Refusal { error }) => Err(ApiError::execution(error)),
        Some(
            PrometheusFault::Hang
            | PrometheusFault::Slow { .. }
            | PrometheusFault::Status { .. }
            | PrometheusFault::LoginPage
            | PrometheusFault::Redirect { .. }
            | PrometheusFault::Truncated
            | PrometheusFault::Partial { .. }
            | PrometheusFault::Vanished { .. }
            | PrometheusFault::Empty
            | PrometheusFault::NotANumber,
        )
        | None => Ok(()),
    }
}

fn query(ask: &Ask<'_>) -> Answer {
    let at_ms = ask.params.time("time")?.unwrap_or_else(|| ask.source.now_ms());
    ask.params.check_timeout()?;
    let limit = ask.params.limit()?;
    let query = Query::parse(ask.params.get("query"));
    let query = query.map_err(|error| named(error, "query"))?;
    query_fault(ask)?;
    let mut value = query.instant(&ask.samples, at_ms)?;
    let cut = match &mut value {
        Value::Vector(vector) => limited(vector, limit),
        Value::Matrix(series) => limited(series, limit),
        Value::Scalar(_) | Value::Text(_) => Vec::new(),
    };
    Ok(Data { json: write::instant(&value, at_ms), warnings: cut })
}

fn query_range(ask: &Ask<'_>) -> Answer {
    let steps = Steps {
        start_ms: ask.params.required_time("start")?,
        end_ms: ask.params.required_time("end")?,
        step_ms: 1,
    };
    if steps.end_ms < steps.start_ms {
        return Err(ApiError::parameter("end", "end timestamp must not be before start time"));
    }
    let step_ms = ask.params.duration("step")?;
    if step_ms <= 0 {
        let why = "zero or negative query resolution step widths are not accepted. \
                   Try a positive integer";
        return Err(ApiError::parameter("step", why));
    }
    if (steps.end_ms - steps.start_ms) / step_ms > POINTS_MAX {
        return Err(ApiError::bad(
            "exceeded maximum resolution of 11,000 points per timeseries. \
             Try decreasing the query resolution (?step=XX)",
        ));
    }
    ask.params.check_timeout()?;
    let limit = ask.params.limit()?;
    let query = Query::parse(ask.params.get("query"))?;
    query_fault(ask)?;
    let mut series = query.range(&ask.samples, Steps { step_ms, ..steps })?;
    let warnings = limited(&mut series, limit);
    Ok(Data { json: write::matrix(&series), warnings })
}

fn series(ask: &Ask<'_>) -> Answer {
    if ask.params.all("match[]").next().is_none() {
        return Err(ApiError::bad("no match[] parameter provided"));
    }
    let window = window(ask)?;
    let selectors = ask.params.selectors().map_err(|why| ApiError::parameter("match[]", &why))?;
    let found = found(ask, &selectors, window);
    Ok(Data::of(write::label_sets(&found.into_iter().collect::<Vec<_>>())))
}

fn labels(ask: &Ask<'_>) -> Answer {
    let window = window(ask)?;
    let found = found(ask, &ask.params.selectors().map_err(ApiError::bad)?, window);
    let names: BTreeSet<&str> =
        found.iter().flat_map(|labels| labels.iter().map(|(name, _)| name)).collect();
    Ok(Data::of(write::strings(names.into_iter())))
}

fn label_values(ask: &Ask<'_>, name: &str) -> Answer {
    if !is_label_name(name) {
        return Err(ApiError::bad(format!("invalid label name: {name:?}")));
    }
    let window = window(ask)?;
    let found = found(ask, &ask.params.selectors().map_err(ApiError::bad)?, window);
    let values: BTreeSet<&str> = found.iter().filter_map(|labels| labels.get(name)).collect();
    Ok(Data::of(write::strings(values.into_iter())))
}

fn metadata(ask: &Ask<'_>) -> Answer {
    let limit = match ask.params.get("limit") {
        "" => usize::MAX,
        text => text
            .parse::<i64>()
            .map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))
            .map_err(|_| ApiError::bad("limit must be a number"))?,
    };
    let wanted = ask.params.get("metric");
    let known = ask.source.metadata().into_iter();
    let of_metrics: serde_json::Map<_, _> = known
        .filter(|it| wanted.is_empty() || it.metric == wanted)
        .take(limit)
        .map(|it| (it.metric, json!([{"type": it.kind, "help": it.help, "unit": ""}])))
        .collect();
    Ok(Data::of(serde_json::Value::from(of_metrics).to_string()))
}

#[expect(clippy::unnecessary_wraps, reason = "an endpoint like the others")]
fn targets(ask: &Ask<'_>) -> Answer {
    let active = match ask.params.get("state") {
        "dropped" => Vec::new(),
        _ => ask.source.targets(),
    };
    let active: Vec<_> = active.iter().map(one_target).collect();
    Ok(Data::of(json!({"activeTargets": active, "droppedTargets": []}).to_string()))
}

fn one_target(target: &Target) -> serde_json::Value {
    let labels: serde_json::Map<_, _> =
        target.labels.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let scraped = jiff::Timestamp::from_millisecond(target.last_scrape_ms).unwrap_or_default();
    json!({
        "discoveredLabels": labels,
        "labels": labels,
        "scrapePool": target.labels.get("job").unwrap_or_default(),
        "scrapeUrl": target.url,
        "globalUrl": target.url,
        "lastError": target.last_error,
        "lastScrape": scraped.to_string(),
        "lastScrapeDuration": 0.004,
        "health": if target.last_error.is_empty() { "up" } else { "down" },
        "scrapeInterval": "5s",
        "scrapeTimeout": "5s",
    })
}

fn rules(ask: &Ask<'_>) -> Answer {
    match ask.params.get("type") {
        "" | "alert" | "record" => Ok(Data::of(r#"{"groups":[]}"#)),
        other => Err(ApiError::parameter("type", &format!("not supported value {other:?}"))),
    }
}

/// The time in which series must have lived, in Unix milliseconds.
fn window(ask: &Ask<'_>) -> Result<(i64, i64), ApiError> {
    let (start, end) = (ask.params.time("start")?, ask.params.time("end")?);
    let now = ask.source.now_ms();
    let end = end.unwrap_or(now).min(now);
    let earliest = end.saturating_sub(SERIES_WINDOW_MS);
    Ok((start.unwrap_or(earliest).max(earliest), end))
}

/// The series that at least one selector finds; all, if there is none.
fn found(ask: &Ask<'_>, selectors: &[Vec<Matcher>], (start, end): (i64, i64)) -> BTreeSet<Labels> {
    let any: &[Vec<Matcher>] = &[Vec::new()];
    let selectors = if selectors.is_empty() { any } else { selectors };
    let select = |it: &Vec<Matcher>| ask.samples.select(it, start.saturating_sub(1), end);
    selectors.iter().flat_map(select).map(|series| series.labels).collect()
}

fn named(error: QueryError, parameter: &str) -> ApiError {
    match error {
        QueryError::Parse(why) => ApiError::parameter(parameter, &why),
        QueryError::Execution(_) => error.into(),
    }
}

/// Cuts a result, and says so.
fn limited<T>(result: &mut Vec<T>, limit: usize) -> Vec<String> {
    if limit == 0 || result.len() <= limit {
        return Vec::new();
    }
    result.truncate(limit);
    vec!["results truncated due to limit".to_owned()]
}

/// The answer with the warnings of a fault.
fn marked(answer: Answer, fault: Option<&PrometheusFault>) -> Answer {
    answer.map(|mut data| {
        if let Some(PrometheusFault::Partial { warning }) = fault {
            data.warnings.push(warning.clone());
        }
        data
    })
}

fn success(data: &Data) -> String {
    let json = &data.json;
    if data.warnings.is_empty() {
        return format!(r#"{{"status":"success","data":{json}}}"#);
    }
    let warnings = write::strings(data.warnings.iter().map(String::as_str));
    format!(r#"{{"status":"success","data":{json},"warnings":{warnings}}}"#)
}

fn failure(error: &ApiError) -> String {
    let text = write::string(&error.text);
    format!(r#"{{"status":"error","errorType":"{}","error":{text}}}"#, error.kind)
}

fn text(status: StatusCode, page: &'static str) -> Response {
    let mut answer = Response::new(Body::from(page));
    *answer.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}

/// JSON, stamped with this Prometheus' own clock.
fn respond(status: StatusCode, body: Vec<u8>, now_ms: i64) -> Response {
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let date = jiff::Timestamp::from_millisecond(now_ms).ok().and_then(|now| {
        jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now).ok()
    });
    if let Some(date) = date.and_then(|date| date.parse().ok()) {
        headers.insert(header::DATE, date);
    }
    answer
}
