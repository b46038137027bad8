//! The same client over real sockets of this machine: what no service in this process can show.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use pilothouse::backends::prometheus::client::Prometheus;
use pilothouse::backends::prometheus::spec::PrometheusSpec;
use pilothouse::domain::feed::{Answer, Query, Trouble};
use pilothouse::domain::ids::ClusterName;
use pilothouse::domain::observed::{Clock, Timestamp};
use reqwest::Url;
use tokio::net::TcpListener;

use crate::pair;

/// Answers everything alike on a port of its own; counts who asks.
async fn serve(answer: impl Fn(&HeaderMap) -> Response + Clone + Send + Sync + 'static) -> Server {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let router = Router::new().fallback(any(move |headers: HeaderMap| {
        count.fetch_add(1, Ordering::SeqCst);
        let answered = answer(&headers);
        async move { answered }
    }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::task::JoinSet::new();
    let mut server = Server { url, asked, task };
    server.task.spawn(async move {
        let _ = axum::serve(listener, router).await;
    });
    server
}

struct Server {
    url: String,
    asked: Arc<AtomicUsize>,
    /// Ends with the test.
    task: tokio::task::JoinSet<()>,
}

fn client(url: &str) -> Prometheus {
    let clock: Clock = Arc::new(|| Timestamp::from_second(1_000_000).unwrap());
    let spec = PrometheusSpec::new(ClusterName::new("east"), Url::parse(url).unwrap());
    Prometheus::new(spec, clock).unwrap()
}

async fn trouble(url: &str) -> Trouble {
    let answer = client(url).answer(&Query::Compare(pair("a", "b"))).await;
    let Answer::Failed(trouble) = answer else { panic!("{answer:?}") };
    trouble
}

fn gzip(body: &'static [u8]) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CONTENT_ENCODING, "gzip")];
    (headers, body).into_response()
}

#[tokio::test]
async fn an_answer_may_come_compressed() {
    let server = serve(|headers| {
        let takes = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        assert!(takes.is_some_and(|takes| takes.contains("gzip")), "{headers:?}");
        assert!(headers[header::USER_AGENT].to_str().unwrap().starts_with("pilothouse/"));
        gzip(include_bytes!("../data/prometheus_answers/time.json.gz"))
    })
    .await;
    let probe = client(&server.url).probe().await.unwrap();
    assert!(probe.skew.is_zero());
}

#[tokio::test]
async fn a_small_answer_that_unpacks_to_a_huge_one_is_refused() {
    let server = serve(|_| gzip(include_bytes!("../data/prometheus_answers/bomb.json.gz"))).await;
    assert_eq!(trouble(&server.url).await, Trouble::TooLarge { bytes_max: 2 << 20 });
}

#[tokio::test]
async fn a_redirect_to_another_port_is_never_followed() {
    let other = serve(|_| StatusCode::OK.into_response()).await;
    let location = format!("{}/api/v1/query", other.url);
    let server = serve(move |_| {
        (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location.clone())]).into_response()
    })
    .await;
    let trouble = trouble(&server.url).await.to_string();
    assert!(trouble.contains("redirects to http://127.0.0.1:"), "{trouble}");
    assert_eq!(server.asked.load(Ordering::SeqCst), 1);
    assert_eq!(other.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn nobody_there_is_told_in_plain_words() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(trouble(&url).await.to_string(), "cannot connect: connection refused");
}

#[tokio::test]
async fn a_server_without_tls_is_told() {
    let server = serve(|_| StatusCode::OK.into_response()).await;
    let url = server.url.replace("http://", "https://");
    let trouble = trouble(&url).await;
    assert!(matches!(trouble, Trouble::Tls(_) | Trouble::Unreachable(_)), "{trouble:?}");
    assert_eq!(server.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_told() {
    let trouble = trouble("http://nowhere.invalid:9090").await;
    assert!(matches!(trouble, Trouble::Unreachable(_)), "{trouble:?}");
}
