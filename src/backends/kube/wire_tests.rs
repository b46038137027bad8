//! Answers of all sorts and what they are called, credentials that are refused, connections that fail.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use kube::client::Body;
use kube::config::ExecConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::cluster::{Access, Cluster, ClusterSpec, Way};
use super::credentials::{After401, Authorized, Credentials, Origin};
use super::exec_plugin::Plugin;
use super::resource::{PODS, ROLLOUTS};
use super::wire::{About, Ask, Format, Sent, Wire};
use crate::domain::feed::Trouble;
use crate::domain::ids::{ClusterName, Name, Namespace};
use crate::domain::observed::{Clock, Timestamp};
use crate::domain::text::Text;

fn clock() -> Clock {
    Arc::new(|| Timestamp::UNIX_EPOCH)
}

/// A wire to a server that always says this.
fn says(status: u16, kind: &'static str, text: String) -> Wire {
    let service = tower::service_fn(move |_request: Request<Body>| {
        let body = Full::new(Bytes::from(text.clone()));
        let answer = Response::builder().status(status).header("content-type", kind).body(body);
        async move { Ok::<_, Infallible>(answer.expect("a response")) }
    });
    Wire::new(kube::Client::new(service, "default"))
}

fn shop() -> Namespace {
    Namespace::new("shop")
}

fn get_pod() -> Ask {
    let (name, namespace) = (Name::new("web-1"), shop());
    Ask::get(PODS.object(&namespace, &name), About::object("get", PODS, &namespace, &name))
}

fn list_rollouts() -> Ask {
    Ask::get(ROLLOUTS.collection(None), About::collection("list", ROLLOUTS, None))
}

#[tokio::test]
async fn every_bad_answer_has_its_name_and_its_words() {
    let status = |message: &str| format!(r#"{{"kind":"Status","message":"{message}"}}"#);
    let json = "application/json";
    for (code, kind, text, ask, want) in [
        (401, json, status("Unauthorized"), get_pod(), "not authenticated: Unauthorized"),
        (403, json, status("no"), get_pod(), "no permission to get pods in namespace shop"),
        (
            403,
            json,
            status("no"),
            list_rollouts(),
            "no permission to list rollouts in all namespaces",
        ),
        (404, json, status("no"), get_pod(), "Pod web-1 not found"),
        (
            404,
            "text/plain",
            "404 page not found".into(),
            list_rollouts(),
            "Rollout is not installed in this cluster",
        ),
        (409, json, status("changed"), get_pod(), "answered 409: changed"),
        (500, json, String::new(), get_pod(), "answered 500: no words"),
        (
            502,
            "text/html",
            "<html><title>Bad\u{202e} Gateway</title>".into(),
            get_pod(),
            "answer not understood: HTML page \"Bad<202E> Gateway\" (status 502)",
        ),
        (
            200,
            json,
            "<!doctype html>".into(),
            get_pod(),
            "answer not understood: an HTML page (status 200)",
        ),
        (200, json, String::new(), get_pod(), "answer not understood: an empty answer"),
        (
            200,
            json,
            "{\"a\":".into(),
            get_pod(),
            "answer not understood: JSON is cut off (line 1, column 5)",
        ),
        (
            200,
            json,
            "secret".into(),
            get_pod(),
            "answer not understood: not JSON (line 1, column 1)",
        ),
        (
            503,
            json,
            status(&"x".repeat(9_000)),
            get_pod(),
            "answered 503: {\"kind\":\"Status\",\"message\":\"xxx",
        ),
    ] {
        let trouble = says(code, kind, text).json(&ask).await.expect_err("a trouble");
        let words = trouble.to_string();
        assert!(words.starts_with(want), "{words}\nis not\n{want}");
        assert!(words.len() < 400, "{words}");
    }
}

#[tokio::test]
async fn an_answer_above_its_limit_is_refused_and_of_an_error_the_beginning_is_kept() {
    let large = says(200, "application/json", format!("\"{}\"", "x".repeat(5_000)));
    let trouble = large.json(&get_pod().at_most(1_000)).await.expect_err("too large");
    assert_eq!(trouble, Trouble::TooLarge { bytes_max: 1_000 });
    let error = says(500, "text/plain", "e".repeat(20_000));
    let reply = error.call(&get_pod().at_most(10)).await.expect("a reply");
    assert_eq!((reply.status, reply.body.len()), (500, 8 << 10));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_left_after_the_deadline_and_may_have_acted() {
    let service = tower::service_fn(|_request: Request<Body>| async {
        std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>().await
    });
    let wire = Wire::new(kube::Client::new(service, "default"));
    let fault = wire.call(&get_pod().within(Duration::from_secs(3))).await.expect_err("a fault");
    assert_eq!(fault.trouble, Trouble::TimedOut { after: Duration::from_secs(3) });
    assert_eq!(fault.sent, Sent::Maybe);
}

/// A service that refuses every token but the newest of a plugin that prints another one each time.
struct Login {
    folder: tempfile::TempDir,
    accepted: Arc<AtomicU32>,
    asked: Arc<AtomicU32>,
}

impl Login {
    fn new() -> Self {
        let folder = tempfile::TempDir::new().expect("a folder");
        Self { folder, accepted: Arc::new(AtomicU32::new(2)), asked: Arc::default() }
    }

    fn runs(&self) -> usize {
        let text = std::fs::read_to_string(self.folder.path().join("runs")).unwrap_or_default();
        text.lines().count()
    }

    fn plugin(&self, ends: &str) -> Origin {
        let folder = self.folder.path().display();
        let script = format!(
            "echo run >> {folder}/runs; n=$(wc -l < {folder}/runs | tr -d ' '); {ends} \
             printf '{{\"status\":{{\"token\":\"t%s\"}}}}' $n"
        );
        let config = ExecConfig {
            command: Some("/bin/sh".to_owned()),
            args: Some(vec!["-c".to_owned(), script]),
            ..ExecConfig::default()
        };
        Origin::Plugin(Box::new(Plugin::new(config)))
    }

    fn wire(&self, origin: Origin, after: After401) -> Wire {
        let (accepted, asked) = (Arc::clone(&self.accepted), Arc::clone(&self.asked));
        let service = tower::service_fn(move |request: Request<Body>| {
            asked.fetch_add(1, Ordering::SeqCst);
            let wanted = format!("Bearer t{}", accepted.load(Ordering::SeqCst));
            let header = request.headers().get("authorization").map(|it| it.as_bytes().to_vec());
            let status = if header.as_deref() == Some(wanted.as_bytes()) { 200 } else { 401 };
            let answer = Response::builder().status(status).body(Full::new(Bytes::from("{}")));
            async move { Ok::<_, Infallible>(answer.expect("a response")) }
        });
        let credentials = Arc::new(Credentials::new(origin, clock()));
        Wire::new(kube::Client::new(Authorized::new(service, credentials, after), "default"))
    }
}

/// Lets the cool-down of a plugin pass.
async fn cool_down() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_a_question_asked_again() {
    let login = Login::new();
    let wire = login.wire(login.plugin(""), After401::SendAgain);
    // Freshly fetched and refused at once: asking the plugin again would give the same.
    assert_eq!(wire.call(&get_pod()).await.expect("a reply").status, 401);
    assert_eq!(login.runs(), 1);
    cool_down().await;
    assert_eq!(wire.call(&get_pod()).await.expect("a reply").status, 200);
    assert_eq!((login.runs(), login.asked.load(Ordering::SeqCst)), (2, 3));
    assert_eq!(wire.call(&get_pod()).await.expect("a reply").status, 200);
    assert_eq!(login.runs(), 2);
}

#[tokio::test]
async fn a_deed_is_sent_once_even_when_its_token_is_refused() {
    let login = Login::new();
    let wire = login.wire(login.plugin(""), After401::Keep);
    let ask = Ask::patch("/x".into(), Format::MergePatch, b"{}".to_vec(), About::path("/x"));
    assert_eq!(wire.call(&ask).await.expect("a reply").status, 401);
    cool_down().await;
    assert_eq!(wire.call(&ask).await.expect("a reply").status, 401);
    assert_eq!(login.asked.load(Ordering::SeqCst), 2);
    // The next one goes with the new token.
    assert_eq!(wire.call(&ask).await.expect("a reply").status, 200);
}

#[tokio::test]
async fn a_plugin_that_fails_is_left_in_peace_for_a_while_and_nothing_is_sent() {
    let login = Login::new();
    let wire = login.wire(login.plugin("exit 4;"), After401::SendAgain);
    let asks = (0..10).map(|_| {
        let wire = wire.clone();
        async move { wire.call(&get_pod()).await }
    });
    for answer in futures::future::join_all(asks).await {
        let fault = answer.expect_err("a fault");
        assert_eq!(fault.sent, Sent::No);
        assert!(fault.trouble.to_string().contains("exit code 4"), "{}", fault.trouble);
    }
    assert_eq!((login.runs(), login.asked.load(Ordering::SeqCst)), (1, 0));
    cool_down().await;
    assert!(wire.call(&get_pod()).await.is_err());
    assert_eq!(login.runs(), 2);
}

#[tokio::test]
async fn a_token_that_ends_soon_serves_while_a_slow_plugin_brings_the_next() {
    let login = Login::new();
    login.accepted.store(1, Ordering::SeqCst);
    let folder = login.folder.path().display();
    let script = format!(
        "echo run >> {folder}/runs; n=$(wc -l < {folder}/runs | tr -d ' '); \
         [ $n = 1 ] || while [ ! -e {folder}/go ]; do sleep 0.01; done; \
         printf '{{\"status\":{{\"token\":\"t%s\",\"expirationTimestamp\":\"1970-01-01T00:0%s:30Z\"}}}}' $n $((n-1))"
    );
    let config = ExecConfig {
        command: Some("/bin/sh".to_owned()),
        args: Some(vec!["-c".to_owned(), script]),
        ..ExecConfig::default()
    };
    // At the epoch the first token has 30 seconds left: it is renewed at once, and serves meanwhile.
    let wire = login.wire(Origin::Plugin(Box::new(Plugin::new(config))), After401::SendAgain);
    for _ in 0..5 {
        assert_eq!(wire.call(&get_pod()).await.expect("a reply").status, 200);
    }
    login.accepted.store(2, Ordering::SeqCst);
    std::fs::write(login.folder.path().join("go"), "").expect("a file");
    let renewed = async {
        while wire.call(&get_pod()).await.expect("a reply").status != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), renewed).await.expect("the next token");
    assert_eq!(login.runs(), 2);
}

#[tokio::test]
async fn a_token_file_is_read_again_and_may_go_away() {
    let login = Login::new();
    let path = login.folder.path().join("token");
    let wire = login.wire(Origin::File(path.clone()), After401::SendAgain);
    let fault = wire.call(&get_pod()).await.expect_err("no file");
    assert!(matches!(fault.trouble, Trouble::Config(_)), "{:?}", fault.trouble);
    std::fs::write(&path, "t1\n").expect("a file");
    assert_eq!(wire.call(&get_pod()).await.expect("a reply").status, 401);
    std::fs::write(&path, "t2\n").expect("a file");
    cool_down().await;
    assert_eq!(wire.call(&get_pod()).await.expect("a reply").status, 200);
    std::fs::remove_file(&path).expect("a file");
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(2)).await;
    tokio::time::resume();
    assert_eq!(wire.call(&get_pod()).await.expect("a reply").status, 200);
}

/// The trouble of a cluster at this address, and whether the request may have left.
async fn fault_of(server: &str) -> (Trouble, Sent) {
    let mut spec = ClusterSpec::mounted(ClusterName::new("x"), nobody());
    let mut config = kube::Config::new(server.parse().expect("an address"));
    config.default_retry = false;
    let access = Access { config, origin: Origin::Nowhere, proxy: None };
    spec.way = Way::Network(Box::new(access));
    let cluster = Cluster::new(spec, clock());
    let link = cluster.link().await.expect("a link");
    let fault = link.reading().call(&get_pod()).await.expect_err("a fault");
    (fault.trouble, fault.sent)
}

fn nobody() -> kube::Client {
    let service = tower::service_fn(|_request: Request<Body>| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
    });
    kube::Client::new(service, "default")
}

#[tokio::test]
async fn nobody_there_is_unreachable_and_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let (trouble, sent) = fault_of(&format!("https://{address}")).await;
    assert_eq!(trouble, Trouble::Unreachable(Text::clean("connection refused")));
    assert_eq!(sent, Sent::No);
}

#[tokio::test]
async fn something_that_speaks_no_tls_is_a_trouble_of_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.write_all(b"SSH-2.0-OpenSSH_9.9\r\n").await;
        }
    });
    let (trouble, sent) = fault_of(&format!("https://{address}")).await;
    assert!(matches!(trouble, Trouble::Tls(_)), "{trouble:?}");
    assert_eq!(sent, Sent::No);
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_may_have_acted_and_is_not_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let count = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut buffer = [0u8; 1024];
            let _ = socket.read(&mut buffer).await;
        }
    });
    let (trouble, sent) = fault_of(&format!("http://{address}")).await;
    assert!(matches!(trouble, Trouble::Unreachable(_)), "{trouble:?}");
    assert_eq!((sent, count.load(Ordering::SeqCst)), (Sent::Maybe, 1));
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_unreachable() {
    let (trouble, sent) = fault_of("https://no-such-host.invalid:6443").await;
    assert!(matches!(trouble, Trouble::Unreachable(_)), "{trouble:?}");
    assert_eq!(sent, Sent::No);
}
