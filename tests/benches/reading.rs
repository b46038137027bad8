//! From the wire to facts, through the program's own reading side, with a server in the same process that only copies
//! bytes: a list of 1 000 rollouts, an event of a watch, an answer of Prometheus.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{BatchSize, Criterion};
use http::{Request, Response};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::Frame;
use kube::client::Body;
use pilothouse::backends::exposition::format::Format;
use pilothouse::backends::exposition::reader::{Found, Reader};
use pilothouse::backends::prometheus::client::Prometheus;
use pilothouse::backends::prometheus::spec::PrometheusSpec;
use pilothouse::domain::feed::{Query, RevisionPair};
use pilothouse::domain::ids::{ClusterName, Name, Namespace, PodHash, WorkloadKind, WorkloadRef};
use pilothouse::sim::kind::Kind;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::facts;

/// The lists of a server, as bytes, and who writes its watch of Rollouts.
#[derive(Clone)]
struct Server {
    rollouts: Bytes,
    sets: Bytes,
    empty: Bytes,
    watch: broadcast::Sender<Bytes>,
}

fn list(kind: &str, items: &[&Value]) -> Bytes {
    let meta = json!({ "resourceVersion": "1000000", "continue": "" });
    json!({ "kind": kind, "apiVersion": "v1", "metadata": meta, "items": items }).to_string().into()
}

impl Server {
    /// The thousand of the scenario, with the last of them as an example.
    fn new() -> (Self, Value) {
        let world = facts::world("large");
        let store = &world.clusters.first().expect("a cluster").store;
        let rollouts: Vec<&Value> = store.list(Kind::Rollout, None).collect();
        let sets: Vec<&Value> = store.list(Kind::ReplicaSet, None).collect();
        assert_eq!(rollouts.len(), 1_000);
        let server = Self {
            rollouts: list("RolloutList", &rollouts),
            sets: list("ReplicaSetList", &sets),
            empty: list("DeploymentList", &[]),
            watch: broadcast::Sender::new(16),
        };
        let example = rollouts.last().map(|rollout| Value::clone(rollout)).unwrap_or_default();
        (server, example)
    }

    fn client(&self) -> kube::Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let answer = server.answer(&request);
            async move { Ok::<_, Infallible>(answer) }
        });
        kube::Client::new(service, "shop")
    }

    fn answer(&self, request: &Request<Body>) -> Response<BoxBody<Bytes, Infallible>> {
        let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
        if query.contains("watch=true") {
            let lines = path.ends_with("/rollouts").then(|| self.watch.subscribe());
            let lines = futures::stream::unfold(lines, async |lines| {
                let Some(mut lines) = lines else { std::future::pending().await };
                let line = lines.recv().await.ok()?;
                Some((Ok::<_, Infallible>(Frame::data(line)), Some(lines)))
            });
            return Response::new(BoxBody::new(StreamBody::new(Box::pin(lines))));
        }
        let body = match path.rsplit('/').next() {
            Some("rollouts") => &self.rollouts,
            Some("replicasets") => &self.sets,
            _ => &self.empty,
        };
        Response::new(Full::new(body.clone()).boxed())
    }
}

pub(super) fn benches(criterion: &mut Criterion) {
    let (server, example) = Server::new();
    let runtime = facts::runtime();
    let mut group = criterion.benchmark_group("read");
    let client = |server: &Server| {
        let _inside = runtime.enter();
        server.client()
    };
    let alone = Server { sets: server.empty.clone(), ..server.clone() };
    for (title, server) in
        [("a list of 1 000 rollouts", &alone), ("the same with their ReplicaSets", &server)]
    {
        group.bench_function(title, |bench| {
            bench.iter_batched(
                || client(server),
                |client| {
                    runtime.block_on(async {
                        black_box(facts::known(&mut facts::following(client)).await)
                    })
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.bench_function("an event of a watch, up to its row", |bench| {
        let mut following = {
            let _inside = runtime.enter();
            facts::following(server.client())
        };
        runtime.block_on(facts::known(&mut following));
        let mut version = 1_000_000_u64;
        bench.iter(|| {
            version += 1;
            let mut object = example.clone();
            if let Some(meta) = object.get_mut("metadata") {
                meta["resourceVersion"] = version.to_string().into();
            }
            let line = format!("{}\n", json!({ "type": "MODIFIED", "object": object }));
            runtime.block_on(async {
                while server.watch.send(line.clone().into()).is_err() {
                    tokio::task::yield_now().await;
                }
                black_box(following.feeds.recv().await)
            });
        });
    });
    group.finish();
    prometheus(criterion);
}

/// One answer to each of the questions of a comparison.
fn prometheus(criterion: &mut Criterion) {
    let runtime = facts::runtime();
    let series = json!({ "metric": {}, "value": [1_800_000_000, "0.0125"] });
    let data = json!({ "resultType": "vector", "result": [series] });
    let body: Bytes = json!({ "status": "success", "data": data }).to_string().into();
    let service = tower::service_fn(move |_request: Request<Full<Bytes>>| {
        let answer = Response::builder()
            .header("content-type", "application/json")
            .body(Full::new(body.clone()))
            .unwrap_or_default();
        async move { Ok::<_, Infallible>(answer) }
    });
    let url = reqwest::Url::parse("http://prometheus.test").expect("a URL");
    let spec = PrometheusSpec::new(ClusterName::new("east"), url);
    let prometheus = Prometheus::mounted(service, spec, Arc::new(facts::noon));
    let target = WorkloadRef {
        cluster: ClusterName::new("east"),
        namespace: Namespace::new("shop"),
        kind: WorkloadKind::Rollout,
        name: Name::new("cart"),
    };
    let (canary, stable) = (Some(PodHash::new("bad1")), Some(PodHash::new("good1")));
    let query = Query::Compare(RevisionPair { target, canary, stable });
    criterion.bench_function("prometheus/a comparison: questions and answers", |bench| {
        bench.iter(|| black_box(runtime.block_on(prometheus.answer(&query))));
    });
}

/// One megabyte of a program with many paths, as its library writes it.
fn exposition() -> String {
    let mut text = String::new();
    for path in 0.. {
        for (index, le) in ["0.005", "0.05", "0.5", "5", "+Inf"].into_iter().enumerate() {
            let _ = writeln!(
                text,
                "http_request_duration_seconds_bucket{{method=\"GET\",path=\"/shops/{path}/items/{{id}}\",\
                 code=\"200\",le=\"{le}\"}} {}",
                path * 7 + index * 1_000
            );
        }
        if text.len() >= 1_000_000 {
            break;
        }
    }
    text
}

pub(super) fn expositions(criterion: &mut Criterion) {
    let text = exposition();
    criterion.bench_function("exposition/1 MB", |bench| {
        bench.iter(|| {
            let mut samples = 0_u64;
            let mut found = |found: Found<'_>| {
                if let Found::Sample(sample) = found {
                    samples += u64::from(black_box(sample).label("le").is_some());
                }
            };
            let mut reader = Reader::new(Format::Text);
            reader.push(black_box(text.as_bytes()), &mut found);
            let ledger = reader.finish(&mut found);
            assert_eq!((ledger.lost(), ledger.samples), (0, samples));
        });
    });
}
