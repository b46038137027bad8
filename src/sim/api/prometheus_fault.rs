//! What can be wrong with a Prometheus, or with what stands before it.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::Response;

use crate::sim::promql::samples::{Matcher, Samples, Series, matches};

/// One fault. Those of the way hit every answer; those of the data hit what queries find.
#[derive(Debug, Clone)]
pub enum PrometheusFault {
    /// Takes the request and never answers.
    Hang,
    /// 503 from a proxy, in its own words: no JSON.
    Unavailable,
    /// 503 from Prometheus: the query ran into its timeout.
    Timeout,
    /// 422 from Prometheus for every query.
    Refusal {
        /// The text of the error.
        error: String,
    },
    /// 200 with a page in HTML, from a proxy that wants a login.
    LoginPage,
    /// 302 to a login somewhere else.
    Redirect {
        /// The address of the login.
        location: String,
    },
    /// JSON that ends in the middle.
    Truncated,
    /// A good answer with a warning: some store behind a Thanos did not answer.
    Partial {
        /// The warning.
        warning: String,
    },
    /// Series that match are gone.
    Vanished {
        /// Which series, as a selector's matchers.
        matchers: Vec<Matcher>,
    },
    /// No series at all.
    Empty,
    /// Every sample is NaN.
    NotANumber,
}

impl PrometheusFault {
    /// The answer that takes the place of any real one, if this fault is one of the way.
    pub(super) async fn answer(&self) -> Option<Response> {
        match self {
            Self::Hang => std::future::pending().await,
            Self::Unavailable => {
                let page = "upstream connect error or disconnect/reset before headers";
                Some(page_of(StatusCode::SERVICE_UNAVAILABLE, "text/plain", page))
            }
            Self::LoginPage => Some(page_of(StatusCode::OK, "text/html; charset=utf-8", LOGIN)),
            Self::Redirect { location } => {
                let mut answer = page_of(StatusCode::FOUND, "text/html; charset=utf-8", "");
                if let Ok(location) = location.parse() {
                    answer.headers_mut().insert(header::LOCATION, location);
                }
                Some(answer)
            }
            Self::Timeout
            | Self::Refusal { .. }
            | Self::Truncated
            | Self::Partial { .. }
            | Self::Vanished { .. }
            | Self::Empty
            | Self::NotANumber => None,
        }
    }

    fn changed(&self, series: Vec<Series>) -> Vec<Series> {
        match self {
            Self::Empty => Vec::new(),
            Self::Vanished { matchers } => {
                series.into_iter().filter(|series| !matches(matchers, &series.labels)).collect()
            }
            Self::NotANumber => series.into_iter().map(without_numbers).collect(),
            Self::Hang
            | Self::Unavailable
            | Self::Timeout
            | Self::Refusal { .. }
            | Self::LoginPage
            | Self::Redirect { .. }
            | Self::Truncated
            | Self::Partial { .. } => series,
        }
    }
}

/// A store seen through a fault.
pub(super) struct Faulty<'a, S: ?Sized> {
    pub(super) samples: &'a S,
    pub(super) fault: Option<&'a PrometheusFault>,
}

impl<S: Samples + ?Sized> Samples for Faulty<'_, S> {
    fn select(&self, matchers: &[Matcher], from_ms: i64, to_ms: i64) -> Vec<Series> {
        let series = self.samples.select(matchers, from_ms, to_ms);
        match self.fault {
            Some(fault) => fault.changed(series),
            None => series,
        }
    }
}

const LOGIN: &str = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n\
    <body><form method=\"post\" action=\"/login\"><input name=\"user\"></form></body></html>\n";

fn without_numbers(mut series: Series) -> Series {
    for (_, value) in &mut series.points {
        *value = f64::NAN;
    }
    series
}

fn page_of(status: StatusCode, kind: &'static str, text: &'static str) -> Response {
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    answer
}
