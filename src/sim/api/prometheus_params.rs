//! What a request to Prometheus asks: parameters, times, durations, and the errors in them.

use axum::body::{Body, to_bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Request, StatusCode};

use crate::sim::promql::query::{duration_ms, selector};
use crate::sim::promql::samples::Matcher;
use crate::sim::promql::value::QueryError;

/// A form larger than this is no query.
const FORM_BYTES_MAX: usize = 1 << 20;

/// An error as Prometheus answers it: status, `errorType`, `error`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    pub(super) kind: &'static str,
    pub(super) text: String,
}

impl ApiError {
    /// A request that makes no sense.
    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, kind: "bad_data", text: text.into() }
    }

    /// A parameter that makes no sense.
    pub(super) fn parameter(name: &str, why: &str) -> Self {
        Self::bad(format!("invalid parameter {name:?}: {why}"))
    }

    /// A query that makes sense and has no result.
    pub(super) fn execution(text: impl Into<String>) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self { status, kind: "execution", text: text.into() }
    }

    /// A query that took too long.
    pub(super) fn timeout() -> Self {
        let text = "query timed out in expression evaluation".to_owned();
        Self { status: StatusCode::SERVICE_UNAVAILABLE, kind: "timeout", text }
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Parse(text) => Self::bad(text),
            QueryError::Execution(text) => Self::execution(text),
        }
    }
}

/// The parameters of a request: those of a posted form, then those of the address.
#[derive(Debug, Default)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads them from a request.
    pub(super) async fn read(request: Request<Body>) -> Result<Self, ApiError> {
        let (head, body) = request.into_parts();
        let form = head
            .headers
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
        let mut pairs = Vec::new();
        if head.method == Method::POST && form {
            let body = to_bytes(body, FORM_BYTES_MAX).await;
            let body = body.map_err(|_| ApiError::bad("http: request body too large"))?;
            pairs.extend(form_urlencoded::parse(&body).into_owned());
        }
        let query = head.uri.query().unwrap_or_default();
        pairs.extend(form_urlencoded::parse(query.as_bytes()).into_owned());
        Ok(Self(pairs))
    }

    /// The first value of a parameter; the empty string where there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// All values of a parameter.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// A time in Unix milliseconds that may be left out.
    pub(super) fn time(&self, name: &str) -> Result<Option<i64>, ApiError> {
        match self.get(name) {
            "" => Ok(None),
            text => time_ms(text).map(Some).map_err(|why| {
                ApiError::parameter(name, &format!("Invalid time value for '{name}': {why}"))
            }),
        }
    }

    /// A time in Unix milliseconds that must be there.
    pub(super) fn required_time(&self, name: &str) -> Result<i64, ApiError> {
        time_ms(self.get(name)).map_err(|why| ApiError::parameter(name, &why))
    }

    /// A duration in milliseconds that must be there.
    pub(super) fn duration(&self, name: &str) -> Result<i64, ApiError> {
        span_ms(self.get(name)).map_err(|why| ApiError::parameter(name, &why))
    }

    /// The timeout, which is checked and then ignored: nothing here takes that long.
    pub(super) fn check_timeout(&self) -> Result<(), ApiError> {
        if self.get("timeout").is_empty() { Ok(()) } else { self.duration("timeout").map(|_| ()) }
    }

    /// How many results are wanted at most; 0 for all.
    pub(super) fn limit(&self) -> Result<usize, ApiError> {
        let text = self.get("limit");
        if text.is_empty() {
            return Ok(0);
        }
        let limit: i64 = text.parse().map_err(|_| {
            let why = format!("strconv.Atoi: parsing {text:?}: invalid syntax");
            ApiError::parameter("limit", &why)
        })?;
        usize::try_from(limit)
            .map_err(|_| ApiError::parameter("limit", "limit must be non-negative"))
    }

    /// The selectors of `match[]`; each must name something.
    pub(super) fn selectors(&self) -> Result<Vec<Vec<Matcher>>, String> {
        let read = |text| {
            let matchers = selector(text).map_err(|error| error.to_string())?;
            if matchers.iter().all(|matcher| matcher.is_match("")) {
                return Err("match[] must contain at least one non-empty matcher".to_owned());
            }
            Ok(matchers)
        };
        self.all("match[]").map(read).collect()
    }
}

/// A time: Unix seconds, or RFC 3339.
fn time_ms(text: &str) -> Result<i64, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite());
    if let Some(ms) = seconds.and_then(to_ms) {
        return Ok(ms);
    }
    let stamp = text.parse::<jiff::Timestamp>().ok().filter(|_| text.contains('T'));
    let unknown = || format!("cannot parse {text:?} to a valid timestamp");
    stamp.map(jiff::Timestamp::as_millisecond).ok_or_else(unknown)
}

/// A duration: seconds, or `1m30s`.
fn span_ms(text: &str) -> Result<i64, String> {
    let unknown = || format!("cannot parse {text:?} to a valid duration");
    if let Ok(seconds) = text.parse::<f64>() {
        let overflow = || format!("{}. It overflows int64", unknown());
        return to_ms(seconds).ok_or_else(overflow);
    }
    if text == "0" {
        return Ok(0);
    }
    duration_ms(text).ok_or_else(unknown)
}

/// Seconds to milliseconds, where 64 bits of nanoseconds hold them.
fn to_ms(seconds: f64) -> Option<i64> {
    const SECONDS_MAX: f64 = 9_223_372_036.0;
    #[expect(clippy::cast_possible_truncation, reason = "within the borders just checked")]
    (seconds.abs() <= SECONDS_MAX).then(|| (seconds * 1000.0).round() as i64)
}
