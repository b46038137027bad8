//! An API server that says what a test tells it to, in this process and on the test's own clock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;

use super::cluster::{Cluster, ClusterSpec};
use super::follow::follow;
use crate::domain::feed::{Feed, Scope, SourceHealth, SourceId};
use crate::domain::ids::{ClusterName, Name, Namespace, WorkloadKind, WorkloadRef};
use crate::domain::observed::{Clock, Observed, Timestamp};

pub(super) const ROLLOUTS: &str = "/apis/argoproj.io/v1alpha1/rollouts";
pub(super) const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";
pub(super) const SETS: &str = "/apis/apps/v1/replicasets";

/// One answer.
pub(super) enum Say {
    Json(u16, Value),
    Raw(u16, &'static str, String),
    /// Waits this many seconds before it says "busy".
    Busy(&'static str),
    /// A stream of lines; it stays open until the other end is dropped.
    Lines(mpsc::Receiver<String>),
    /// Never.
    Nothing,
}

#[derive(Default)]
struct State {
    script: BTreeMap<String, VecDeque<Say>>,
    asked: Vec<(Duration, String)>,
}

/// The server.
#[derive(Clone)]
pub(super) struct Server {
    state: Arc<Mutex<State>>,
    start: Instant,
}

impl Server {
    pub(super) fn new() -> Self {
        Self { state: Arc::default(), start: Instant::now() }
    }

    /// Says these, one after the other, when asked to `list`, `watch` or `get` this path; then what is usual.
    pub(super) async fn script(&self, what: &str, path: &str, says: impl IntoIterator<Item = Say>) {
        let mut state = self.state.lock().await;
        state.script.entry(format!("{what} {path}")).or_default().extend(says);
    }

    /// A watch whose lines come from here.
    pub(super) async fn watch(&self, path: &str) -> mpsc::Sender<String> {
        let (say, lines) = mpsc::channel(64);
        self.script("watch", path, [Say::Lines(lines)]).await;
        say
    }

    /// What was asked, and when.
    pub(super) async fn asked(&self, what: &str) -> Vec<(Duration, String)> {
        let state = self.state.lock().await;
        state.asked.iter().filter(|(_, asked)| asked.starts_with(what)).cloned().collect()
    }

    pub(super) fn client(&self) -> kube::Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            let uri = request.uri().clone();
            async move { Ok::<_, Infallible>(server.answer(&uri).await) }
        });
        kube::Client::new(service, "shop")
    }

    async fn answer(&self, uri: &http::Uri) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
        let query = uri.query().unwrap_or_default();
        let path = uri.path();
        let what = if query.contains("watch=true") {
            "watch"
        } else if query.contains("limit=500") {
            "list"
        } else {
            "get"
        };
        let say = {
            let mut state = self.state.lock().await;
            state.asked.push((self.start.elapsed(), format!("{what} {path}?{query}")));
            state.script.get_mut(&format!("{what} {path}")).and_then(VecDeque::pop_front)
        };
        match say.unwrap_or_else(|| usual(what, path)) {
            Say::Json(status, value) => response(status, "application/json", value.to_string()),
            Say::Raw(status, kind, text) => response(status, kind, text),
            Say::Busy(after) => {
                let status = json!({ "kind": "Status", "message": "too many requests" });
                let mut response = response(429, "application/json", status.to_string());
                response.headers_mut().insert("retry-after", http::HeaderValue::from_static(after));
                response
            }
            Say::Lines(lines) => {
                let frames = ReceiverStream::new(lines).map(|line| Ok(Frame::data(line.into())));
                Response::new(StreamBody::new(frames).boxed_unsync())
            }
            Say::Nothing => std::future::pending().await,
        }
    }
}

fn usual(what: &str, path: &str) -> Say {
    match what {
        "list" => Say::Json(200, list("1", "", &[])),
        "watch" => {
            let (say, lines) = mpsc::channel(1);
            // The server ends a watch in its own time.
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(50)).await;
                drop(say);
            });
            Say::Lines(lines)
        }
        _ if path == "/readyz" => Say::Raw(200, "text/plain", "ok".to_owned()),
        _ if path.ends_with("selfsubjectreviews") => {
            Say::Json(201, json!({ "status": { "userInfo": { "username": "jane" } } }))
        }
        _ => Say::Json(404, json!({ "kind": "Status", "message": "not here" })),
    }
}

fn response(status: u16, kind: &str, text: String) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let body = http_body_util::Full::new(Bytes::from(text)).boxed_unsync();
    Response::builder().status(status).header("content-type", kind).body(body).expect("a response")
}

pub(super) fn list(version: &str, next: &str, items: &[Value]) -> Value {
    json!({ "metadata": { "resourceVersion": version, "continue": next }, "items": items })
}

pub(super) fn event(kind: &str, object: &Value) -> String {
    format!("{}\n", json!({ "type": kind, "object": object }))
}

pub(super) fn bookmark(version: &str) -> String {
    event("BOOKMARK", &json!({ "metadata": { "resourceVersion": version } }))
}

pub(super) fn gone() -> Value {
    json!({ "kind": "Status", "status": "Failure", "code": 410, "reason": "Expired",
        "message": "too old resource version" })
}

/// A Deployment of `shop`; its uid is `u-` and its name.
pub(super) fn deployment(name: &str, version: &str) -> Value {
    json!({
        "metadata": { "name": name, "namespace": "shop", "uid": format!("u-{name}"),
            "resourceVersion": version, "generation": 1 },
        "spec": { "replicas": 2, "selector": { "matchLabels": { "app": name } },
            "template": { "metadata": { "labels": { "app": name } }, "spec": {} } },
        "status": { "observedGeneration": 1 },
    })
}

/// A ReplicaSet of a Deployment.
pub(super) fn set(owner: &str, hash: &str, revision: &str, version: &str) -> Value {
    let name = format!("{owner}-{hash}");
    json!({
        "metadata": { "name": name, "namespace": "shop", "uid": format!("u-{name}"),
            "resourceVersion": version, "labels": { "pod-template-hash": hash },
            "annotations": { "deployment.kubernetes.io/revision": revision },
            "ownerReferences": [{ "kind": "Deployment", "name": owner, "controller": true,
                "uid": format!("u-{owner}") }] },
        "spec": { "replicas": 2,
            "template": { "metadata": { "labels": { "app": owner, "pod-template-hash": hash } },
                "spec": {} } },
        "status": { "replicas": 2 },
    })
}

pub(super) fn target(name: &str) -> WorkloadRef {
    WorkloadRef {
        cluster: ClusterName::new("east"),
        namespace: Namespace::new("shop"),
        kind: WorkloadKind::Deployment,
        name: Name::new(name),
    }
}

/// A followed cluster.
pub(super) struct Rig {
    pub(super) server: Server,
    pub(super) cluster: Cluster,
    pub(super) scopes: watch::Sender<BTreeSet<Scope>>,
    feeds: mpsc::Receiver<(SourceId, Observed<Feed>)>,
    start: Instant,
    health: Option<SourceHealth>,
}

impl Rig {
    pub(super) fn start(server: Server) -> Self {
        Self::with(server, 1_024, |spec| spec)
    }

    pub(super) fn with(
        server: Server,
        room: usize,
        change: impl FnOnce(ClusterSpec) -> ClusterSpec,
    ) -> Self {
        let start = server.start;
        let clock: Clock = Arc::new(move || Timestamp::UNIX_EPOCH + start.elapsed());
        let spec = ClusterSpec::mounted(ClusterName::new("east"), server.client());
        let cluster = Cluster::new(change(spec), clock);
        let (feed, feeds) = mpsc::channel(room);
        let (scopes, wanted) = watch::channel(BTreeSet::new());
        tokio::spawn(follow(cluster.clone(), wanted, feed));
        Self { server, cluster, scopes, feeds, start, health: None }
    }

    /// The next piece of news.
    pub(super) async fn next(&mut self) -> Feed {
        let feed = self.feeds.recv().await.expect("a source").1.value;
        if let Feed::Health(health) = &feed {
            self.health = Some(health.clone());
        }
        feed
    }

    /// The next piece of news that is wanted, and all that came before it.
    pub(super) async fn until(&mut self, wanted: impl Fn(&Feed) -> bool) -> (Feed, Vec<Feed>) {
        let mut before = Vec::new();
        // A test that waits for half an hour waits for nothing.
        let end = Instant::now() + Duration::from_mins(30);
        loop {
            let Ok(feed) = tokio::time::timeout_at(end, self.next()).await else {
                let last: Vec<_> = before.iter().rev().take(20).collect();
                panic!("in vain; the last news: {last:?}");
            };
            if wanted(&feed) {
                return (feed, before);
            }
            before.push(feed);
        }
    }

    pub(super) async fn synced(&mut self) -> Vec<Feed> {
        self.until(|feed| matches!(feed, Feed::Synced)).await.1
    }

    /// The health of the source, as soon as it is the wanted one.
    pub(super) async fn health(&mut self, wanted: impl Fn(&SourceHealth) -> bool) -> SourceHealth {
        if let Some(health) = self.health.as_ref().filter(|health| wanted(health)) {
            return health.clone();
        }
        self.until(|feed| matches!(feed, Feed::Health(health) if wanted(health))).await;
        self.health.clone().expect("a health")
    }

    /// All news until the cluster has been silent but for heartbeats for so long.
    pub(super) async fn during(&mut self, time: Duration) -> Vec<Feed> {
        let end = Instant::now() + time;
        let mut news = Vec::new();
        while let Ok(feed) = tokio::time::timeout_at(end, self.next()).await {
            news.push(feed);
        }
        news
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// The names and versions of the workloads in these news, in their order.
pub(super) fn changed(news: &[Feed]) -> Vec<(String, String)> {
    news.iter()
        .filter_map(|feed| match feed {
            Feed::Changed(workloads) => Some(workloads),
            _ => None,
        })
        .flatten()
        .map(|workload| {
            let version = workload.meta.resource_version.as_str().to_owned();
            (workload.target.name.as_str().to_owned(), version)
        })
        .collect()
}
