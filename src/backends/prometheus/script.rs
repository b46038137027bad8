//! A Prometheus for tests whose every answer is scripted, under a clock that only moves when everybody waits.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use jiff::SignedDuration;
use reqwest::Url;

use super::client::Prometheus;
use super::spec::PrometheusSpec;
use crate::domain::feed::{Answer, Query, RevisionPair, Trouble};
use crate::domain::ids::{ClusterName, Name, Namespace, PodHash, WorkloadKind, WorkloadRef};
use crate::domain::metric::{Charts, Comparison, Finite, MetricKind, Reading};
use crate::domain::observed::{Clock, Timestamp};

pub(super) const JSON: &str = "application/json";

/// What the server was asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) form: BTreeMap<String, String>,
    pub(super) headers: HeaderMap,
}

impl Asked {
    pub(super) fn query(&self) -> &str {
        self.form.get("query").map_or("", String::as_str)
    }

    /// Whose revision is asked about.
    pub(super) fn is_canary(&self) -> bool {
        self.query().contains("new1")
    }
}

/// What the server does.
#[derive(Clone)]
pub(super) enum Turn {
    Says(u16, &'static str, String),
    Sends(u16, &'static [(&'static str, &'static str)], String),
    Hangs,
    Takes(Duration, String),
    Breaks,
}

pub(super) fn says(body: impl Into<String>) -> Turn {
    Turn::Says(200, JSON, body.into())
}

pub(super) fn vector(values: &[&str]) -> String {
    let series =
        values.iter().map(|value| format!(r#"{{"metric":{{}},"value":[1000.5,"{value}"]}}"#));
    let series = series.collect::<Vec<_>>().join(",");
    format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}"#)
}

pub(super) fn scalar(seconds: f64) -> String {
    format!(
        r#"{{"status":"success","data":{{"resultType":"scalar","result":[{seconds},"{seconds}"]}}}}"#
    )
}

/// Where the tests' time begins, in Unix seconds.
const START: i64 = 1_000;

pub(super) fn clock() -> Clock {
    let started = tokio::time::Instant::now();
    Arc::new(move || {
        let start = Timestamp::from_second(START).unwrap();
        start + SignedDuration::try_from(started.elapsed()).unwrap()
    })
}

pub(super) fn spec() -> PrometheusSpec {
    let url = Url::parse("http://prometheus.test:9090/prefix/").unwrap();
    PrometheusSpec::new(ClusterName::new("east"), url)
}

/// A Prometheus whose every answer `script` gives.
pub(super) fn scripted(
    spec: PrometheusSpec,
    script: impl Fn(&Asked) -> Turn + Send + Sync + 'static,
) -> (Prometheus, Receiver<Asked>) {
    let (heard, asked) = channel();
    let script = Arc::new(script);
    let service = tower::service_fn(move |request: Request<Full<Bytes>>| {
        let (script, heard) = (Arc::clone(&script), heard.clone());
        async move { serve(request, &*script, heard).await }
    });
    (Prometheus::mounted(service, spec, clock()), asked)
}

async fn serve(
    request: Request<Full<Bytes>>,
    script: &(dyn Fn(&Asked) -> Turn + Send + Sync),
    heard: Sender<Asked>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let (parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map_or_else(|never: Infallible| match never {}, http_body_util::Collected::to_bytes);
    let asked = Asked {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        form: form_urlencoded::parse(&body).into_owned().collect(),
        headers: parts.headers,
    };
    let turn = script(&asked);
    let _ = heard.send(asked);
    let respond = |status: u16, headers: &[(&str, &str)], body: String| {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        Ok(response.body(Full::new(Bytes::from(body))).unwrap())
    };
    match turn {
        Turn::Says(status, kind, body) => respond(status, &[("content-type", kind)], body),
        Turn::Sends(status, headers, body) => respond(status, headers, body),
        Turn::Hangs => std::future::pending().await,
        Turn::Takes(time, body) => {
            tokio::time::sleep(time).await;
            respond(200, &[("content-type", JSON)], body)
        }
        Turn::Breaks => Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
    }
}

/// Answers the question for the time, knows of no newest sample, and answers everything else by `script`.
pub(super) fn on_time(script: impl Fn(&Asked) -> Turn) -> impl Fn(&Asked) -> Turn {
    move |asked| match asked.query() {
        "time()" => says(scalar(1_000.0)),
        query if query.contains("timestamp(") => says(vector(&[])),
        _ => script(asked),
    }
}

pub(super) fn pair() -> RevisionPair {
    let target = WorkloadRef {
        cluster: ClusterName::new("east"),
        namespace: Namespace::new("shop"),
        kind: WorkloadKind::Rollout,
        name: Name::new("cart"),
    };
    let hash = |raw| Some(PodHash::new(raw));
    RevisionPair { target, canary: hash("new1"), stable: hash("old1") }
}

pub(super) async fn compare(prometheus: &Prometheus) -> Comparison {
    let answer = prometheus.answer(&Query::Compare(pair())).await;
    let Answer::Comparison(seen) = answer else { panic!("{answer:?}") };
    seen.value
}

pub(super) async fn trouble(prometheus: &Prometheus) -> Trouble {
    let answer = prometheus.answer(&Query::Compare(pair())).await;
    let Answer::Failed(trouble) = answer else { panic!("{answer:?}") };
    trouble
}

pub(super) async fn charts(prometheus: &Prometheus, from: i64, to: i64) -> Charts {
    let at = |second| Timestamp::from_second(second).unwrap();
    let query = Query::Charts { pair: pair(), from: at(from), to: at(to), step_seconds: 10 };
    let answer = prometheus.answer(&query).await;
    let Answer::Charts(seen) = answer else { panic!("{answer:?}") };
    seen.value
}

pub(super) fn reading(comparison: &Comparison, kind: MetricKind) -> (Reading, Reading) {
    let pair = comparison.pairs.iter().find(|pair| pair.kind == kind).unwrap();
    (pair.canary.clone(), pair.stable.clone())
}

pub(super) fn value(reading: Reading) -> Option<f64> {
    reading.ok().map(Finite::get)
}
