//! What can be wrong with a Prometheus, or with what stands before it: typed and scheduled.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::sim::promql::query::selector;
use crate::sim::promql::samples::{Matcher, Samples, Series, matches};
use crate::sim::promql::value::QueryError;

/// Faults remembered. A scenario plans a few; beyond, new ones push the oldest out.
pub const PROMETHEUS_FAULTS_MAX: usize = 64;

/// One fault. Those of the way hit every answer; those of the data hit what queries find.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PrometheusFault {
    /// Takes the request and never answers.
    Hang,
    /// Answers late.
    Slow {
        /// How late, in milliseconds of the runtime's clock.
        ms: u64,
    },
    /// A proxy refuses, in its own words: no JSON.
    Status {
        /// 401, 403, 429, 500, 502, 503, 504.
        code: u16,
        /// `Retry-After`, in seconds.
        #[serde(default)]
        retry_after: Option<u32>,
    },
    /// 200 with a page in HTML, from a proxy that wants a login.
    LoginPage,
    /// 302 to a login somewhere else.
    Redirect {
        /// The address of the login.
        location: String,
    },
    /// JSON that ends in the middle, as if that was all.
    Truncated,
    /// 503 from Prometheus: the query ran into its timeout.
    Timeout,
    /// 422 from Prometheus for every query.
    Refusal {
        /// The text of the error.
        error: String,
    },
    /// A good answer with a warning: some store behind a Thanos did not answer.
    Partial {
        /// The warning.
        warning: String,
    },
    /// The series of a selector are gone, as if they had never been.
    Vanished {
        /// Which series.
        series: Selection,
    },
    /// No series at all.
    Empty,
    /// Every sample is NaN.
    NotANumber,
}

/// A selector of series, such as `http_requests_total{code=~"5.."}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Selection {
    text: String,
    matchers: Vec<Matcher>,
}

impl TryFrom<String> for Selection {
    type Error = QueryError;

    fn try_from(text: String) -> Result<Self, QueryError> {
        selector(&text).map(|matchers| Self { text, matchers })
    }
}

impl From<Selection> for String {
    fn from(selection: Selection) -> Self {
        selection.text
    }
}

/// A fault, when it begins and how long it lasts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedFault {
    /// What happens.
    pub what: PrometheusFault,
    /// Milliseconds of simulated time until it begins.
    #[serde(default)]
    pub after_ms: u64,
    /// Milliseconds of simulated time it lasts; without it: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_ms: Option<u64>,
}

/// The faults of one Prometheus.
#[derive(Debug, Clone, Default)]
pub struct PrometheusFaults {
    /// With their first moment and the first after them, in Unix milliseconds.
    planned: Vec<(i64, i64, PrometheusFault)>,
}

impl PrometheusFaults {
    /// Plans a fault, counted from now in Unix milliseconds.
    pub fn plan(&mut self, fault: PlannedFault, now_ms: i64) {
        if self.planned.len() == PROMETHEUS_FAULTS_MAX {
            self.planned.remove(0);
        }
        let from = now_ms.saturating_add_unsigned(fault.after_ms);
        let until = fault.for_ms.map_or(i64::MAX, |ms| from.saturating_add_unsigned(ms));
        self.planned.push((from, until, fault.what));
    }

    /// Forgets all faults.
    pub fn clear(&mut self) {
        self.planned.clear();
    }

    /// What is wrong at a time in Unix milliseconds: of several, the one planned last.
    #[must_use]
    pub fn at(&self, now_ms: i64) -> Option<&PrometheusFault> {
        let on =
            |(from, until, _): &&(i64, i64, PrometheusFault)| *from <= now_ms && now_ms < *until;
        self.planned.iter().rev().find(on).map(|(_, _, fault)| fault)
    }
}

impl PrometheusFault {
    /// The answer that takes the place of any real one, if this fault is one of the way.
    pub(super) async fn answer(&self) -> Option<Response> {
        match self {
            Self::Hang => std::future::pending().await,
            Self::Slow { ms } => {
                tokio::time::sleep(Duration::from_millis(*ms)).await;
                None
            }
            Self::Status { code, retry_after } => Some(refused(*code, *retry_after)),
            Self::LoginPage => Some(page(StatusCode::OK, "text/html; charset=utf-8", LOGIN)),
            Self::Redirect { location } => {
                let mut answer = page(StatusCode::FOUND, "text/html; charset=utf-8", "");
                if let Ok(location) = location.parse() {
                    answer.headers_mut().insert(header::LOCATION, location);
                }
                Some(answer)
            }
            Self::Truncated
            | Self::Timeout
            | Self::Refusal { .. }
            | Self::Partial { .. }
            | Self::Vanished { .. }
            | Self::Empty
            | Self::NotANumber => None,
        }
    }

    fn changed(&self, series: Vec<Series>) -> Vec<Series> {
        match self {
            Self::Empty => Vec::new(),
            Self::Vanished { series: gone } => {
                let stays = |it: &Series| !matches(&gone.matchers, &it.labels);
                series.into_iter().filter(stays).collect()
            }
            Self::NotANumber => series.into_iter().map(without_numbers).collect(),
            Self::Hang
            | Self::Slow { .. }
            | Self::Status { .. }
            | Self::LoginPage
            | Self::Redirect { .. }
            | Self::Truncated
            | Self::Timeout
            | Self::Refusal { .. }
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

fn refused(code: u16, retry_after: Option<u32>) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let words = "upstream connect error or disconnect/reset before headers";
    let mut answer = page(status, "text/plain", words);
    if let Some(seconds) = retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

fn without_numbers(mut series: Series) -> Series {
    for (_, value) in &mut series.points {
        *value = f64::NAN;
    }
    series
}

fn page(status: StatusCode, kind: &'static str, text: &'static str) -> Response {
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_begins_and_ends_at_its_times_and_the_last_one_planned_wins() {
        let mut faults = PrometheusFaults::default();
        let plan = |what, after_ms, for_ms| PlannedFault { what, after_ms, for_ms };
        faults.plan(plan(PrometheusFault::Empty, 1000, None), 5000);
        faults.plan(plan(PrometheusFault::Hang, 2000, Some(500)), 5000);
        for (at, expected) in [
            (5999, None),
            (6000, Some(&PrometheusFault::Empty)),
            (7000, Some(&PrometheusFault::Hang)),
            (7499, Some(&PrometheusFault::Hang)),
            (7500, Some(&PrometheusFault::Empty)),
        ] {
            assert_eq!(faults.at(at), expected, "{at}");
        }
        faults.clear();
        assert_eq!(faults.at(7000), None);
    }

    #[test]
    fn the_plan_is_bounded() {
        let mut faults = PrometheusFaults::default();
        for after_ms in 0..=u64::try_from(PROMETHEUS_FAULTS_MAX).unwrap() {
            let what = PrometheusFault::Slow { ms: after_ms };
            faults.plan(PlannedFault { what, after_ms, for_ms: Some(1) }, 0);
        }
        assert_eq!(faults.at(0), None);
        assert_eq!(faults.at(1), Some(&PrometheusFault::Slow { ms: 1 }));
    }

    #[test]
    fn faults_are_read_strictly() {
        let read = toml::from_str::<PlannedFault>;
        let gone = "what = { vanished = { series = '{code=~\"5..\"}' } }\nfor_ms = 9";
        let written = toml::to_string(&read(gone).unwrap()).unwrap();
        assert_eq!(read(&written).unwrap(), read(gone).unwrap());
        let refused = read("what = { status = { code = 429, retry_after = 3 } }").unwrap().what;
        assert_eq!(refused, PrometheusFault::Status { code: 429, retry_after: Some(3) });
        for broken in [
            "what = 'hangg'",
            "what = 'hang'\nfr_ms = 9",
            "what = { vanished = { series = '{' } }",
            "what = { status = { code = 429, x = 1 } }",
            "for_ms = 9",
        ] {
            assert!(read(broken).is_err(), "{broken}");
        }
    }
}
