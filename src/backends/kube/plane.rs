//! A server that is written to, for the tests of the executor: it keeps one object, applies patches by their
//! precondition, counts what had an effect, and fails as it is told to.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::cluster::{Cluster, ClusterSpec};
use super::execute::KubeExecutor;
use super::trouble::Refusal;
use crate::domain::feed::Trouble;
use crate::domain::fixtures::at;
use crate::domain::ids::ClusterName;
use crate::domain::text::Text;

/// What the server does with one PATCH.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Say {
    /// Checks the precondition, applies, answers.
    Honest,
    /// Applies, and the answer never comes.
    AppliesThenHangs,
    /// Applies, and the connection breaks.
    AppliesThenBreaks,
    /// Applies, and a proxy answers 503.
    AppliesThen503,
    /// Does nothing, and the answer never comes.
    Hangs,
    /// Does nothing, and answers this.
    Status(u16),
    /// A login page.
    Html,
    /// No connection: it never left.
    NeverLeft,
}

/// What somebody else does after the next read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Meanwhile {
    /// Writes the status: another version, the same footing.
    Noise,
    /// Moves on to another step.
    Step,
    /// Pauses it by hand.
    Pause,
    /// Releases another version.
    Release,
    /// Deletes and creates it again.
    Recreate,
}

pub(super) struct World {
    pub(super) rollout: Value,
    pub(super) version: u64,
    pub(super) says: VecDeque<Say>,
    pub(super) meanwhile: VecDeque<Meanwhile>,
    pub(super) reads: VecDeque<Duration>,
    pub(super) access: Value,
    pub(super) dry_run: VecDeque<(u16, Value)>,
    /// Every PATCH that is no dry run: path with query, format, body.
    pub(super) patches: Vec<(String, String, Value)>,
    /// How many of them had an effect.
    pub(super) effects: usize,
    pub(super) dry_runs: Vec<(String, Value)>,
    pub(super) events: Vec<Value>,
    pub(super) event_status: u16,
}

#[derive(Clone)]
pub(super) struct Server {
    pub(super) world: Arc<Mutex<World>>,
}

/// A canary by pods, in flight, waiting at a pause for a human.
pub(super) fn rollout_json() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {
            "name": "web", "namespace": "shop", "uid": "u-1", "generation": 12,
            "annotations": {"rollout.argoproj.io/revision": "8"},
        },
        "spec": {
            "paused": false,
            "template": {"metadata": {"labels": {"app": "web"}}},
            "strategy": {"canary": {"steps": [
                {"setWeight": 20}, {"pause": {}}, {"setWeight": 50}, {"setWeight": 80},
            ]}},
        },
        "status": {
            "phase": "Paused", "observedGeneration": "12", "currentPodHash": "new8",
            "stableRS": "stable7", "currentStepIndex": 1, "controllerPause": true,
            "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-01-01T00:00:00Z"}],
        },
    })
}

/// The same, paused by hand.
pub(super) fn hand_paused_json() -> Value {
    let mut rollout = rollout_json();
    rollout["spec"]["paused"] = true.into();
    rollout
}

pub(super) fn deployment_json() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": "web", "namespace": "shop", "uid": "u-1", "generation": 12,
            "annotations": {
                "deployment.kubernetes.io/revision": "8",
                "kubernetes.io/change-cause": "eight",
                "argocd.argoproj.io/tracking-id": "shop",
            },
        },
        "spec": {"replicas": 4, "template": {"metadata": {"labels": {"app": "web"}}}},
        "status": {"observedGeneration": 12, "replicas": 4},
    })
}

pub(super) fn set_json() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": "web-stable7", "namespace": "shop", "uid": "rs", "annotations": {
            "deployment.kubernetes.io/revision": "7",
            "kubernetes.io/change-cause": "seven",
            "rollout.argoproj.io/ephemeral-metadata": "{\"labels\":{\"role\":\"stable\"}}",
        }},
        "spec": {"template": {
            "metadata": {"labels": {
                "app": "web", "role": "stable",
                "rollouts-pod-template-hash": "stable7", "pod-template-hash": "stable7",
            }},
            "spec": {"containers": [{"name": "web", "image": "web:7"}]},
        }},
    })
}

impl Server {
    pub(super) fn new(rollout: Value, says: &[Say]) -> Self {
        Self {
            world: Arc::new(Mutex::new(World {
                rollout,
                version: 500,
                says: says.iter().copied().collect(),
                meanwhile: VecDeque::new(),
                reads: VecDeque::new(),
                access: json!({"status": {"allowed": true}}),
                dry_run: VecDeque::new(),
                patches: Vec::new(),
                effects: 0,
                dry_runs: Vec::new(),
                events: Vec::new(),
                event_status: 201,
            })),
        }
    }

    pub(super) fn executor(&self) -> KubeExecutor {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { server.answer(request).await }
        });
        let spec =
            ClusterSpec::mounted(ClusterName::new("east"), kube::Client::new(service, "shop"));
        KubeExecutor::new(Cluster::new(spec, Arc::new(|| at(1_000))))
    }

    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, tower::BoxError> {
        let (parts, body) = request.into_parts();
        let bytes = body.collect().await?.to_bytes();
        let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let path = parts.uri.to_string();
        assert_eq!(
            parts.headers.get("user-agent").and_then(|agent| agent.to_str().ok()),
            Some(concat!("pilothouse/", env!("CARGO_PKG_VERSION")))
        );
        match parts.method {
            Method::GET => self.read(&path).await,
            Method::POST if path.contains("selfsubjectaccessreviews") => {
                Ok(reply(201, &self.world.lock().await.access))
            }
            Method::POST => {
                let mut world = self.world.lock().await;
                world.events.push(body);
                Ok(reply(world.event_status, &json!({"kind": "Event"})))
            }
            _ if path.contains("dryRun=All") => {
                let mut world = self.world.lock().await;
                world.dry_runs.push((path, body));
                let (status, answer) = world.dry_run.pop_front().unwrap_or((200, json!({})));
                Ok(reply(status, &answer))
            }
            _ => self.patch(path, (&parts.headers, body)).await,
        }
    }

    async fn read(&self, path: &str) -> Result<Response<Body>, tower::BoxError> {
        let wait = self.world.lock().await.reads.pop_front().unwrap_or_default();
        tokio::time::sleep(wait).await;
        let mut world = self.world.lock().await;
        if path.contains("/replicasets/") {
            return Ok(reply(200, &set_json()));
        }
        let answer = world.object();
        if let Some(meanwhile) = world.meanwhile.pop_front() {
            world.happens(meanwhile);
        }
        Ok(reply(200, &answer))
    }

    async fn patch(
        &self,
        path: String,
        (headers, body): (&HeaderMap, Value),
    ) -> Result<Response<Body>, tower::BoxError> {
        let say = self.world.lock().await.says.pop_front().unwrap_or(Say::Honest);
        if say == Say::NeverLeft {
            let why = Trouble::Unreachable(Text::from("connection refused"));
            return Err(Box::new(Refusal(why)));
        }
        let format = headers.get("content-type").and_then(|it| it.to_str().ok()).unwrap_or("");
        self.world.lock().await.patches.push((path, format.to_owned(), body.clone()));
        let answer = match say {
            Say::Honest => self.world.lock().await.apply(&body),
            Say::AppliesThenHangs | Say::AppliesThenBreaks | Say::AppliesThen503 => {
                self.world.lock().await.apply(&body);
                (503, json!({"message": "upstream"}))
            }
            Say::Status(code) => (code, json!({"kind": "Status", "message": "no"})),
            Say::Html => {
                let page = Response::builder().status(200).header("content-type", "text/html");
                return Ok(page.body(Body::from(b"<title>Log in</title>".to_vec()))?);
            }
            Say::Hangs | Say::NeverLeft => (0, Value::Null),
        };
        match say {
            Say::AppliesThenHangs | Say::Hangs => std::future::pending().await,
            Say::AppliesThenBreaks => Err(io::Error::from(io::ErrorKind::ConnectionReset).into()),
            Say::Honest | Say::AppliesThen503 | Say::Status(_) | Say::Html | Say::NeverLeft => {
                Ok(reply(answer.0, &answer.1))
            }
        }
    }

    pub(super) async fn patches(&self) -> Vec<(String, String, Value)> {
        self.world.lock().await.patches.clone()
    }
}

impl World {
    pub(super) fn object(&self) -> Value {
        let mut object = self.rollout.clone();
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        object
    }

    fn happens(&mut self, meanwhile: Meanwhile) {
        self.version += 1;
        match meanwhile {
            Meanwhile::Noise => {}
            Meanwhile::Step => self.rollout["status"]["currentStepIndex"] = 2.into(),
            Meanwhile::Pause => self.rollout["spec"]["paused"] = true.into(),
            Meanwhile::Release => self.rollout["status"]["currentPodHash"] = "newer9".into(),
            Meanwhile::Recreate => self.rollout["metadata"]["uid"] = "u-2".into(),
        }
    }

    /// As the API server does: the precondition decides.
    fn apply(&mut self, body: &Value) -> (u16, Value) {
        let wanted = body
            .pointer("/metadata/resourceVersion")
            .or_else(|| body.pointer("/0/value").filter(|_| body.is_array()))
            .and_then(Value::as_str);
        if wanted.is_some_and(|wanted| wanted != self.version.to_string()) {
            return (409, json!({"kind": "Status", "message": "conflict"}));
        }
        self.version += 1;
        self.effects += 1;
        if body.pointer("/status/abort").is_some() {
            self.rollout["status"]["abort"] = true.into();
        }
        (200, self.object())
    }
}

fn reply(status: u16, body: &Value) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .header("audit-id", "a-1")
        .header("date", "Fri, 31 Jul 2026 10:00:00 GMT")
        .header("retry-after", "3600")
        .body(Body::from(body.to_string().into_bytes()))
        .expect("a response")
}
