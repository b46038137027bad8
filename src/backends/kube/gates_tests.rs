//! Manual gates against a load tester that we make up, behind an API server that passes on: on the test's own clock, and
//! once over a real socket. Each call leaves once, and whoever is no gate is never believed.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Mutex;

use super::cluster::{Cluster, ClusterSpec};
use super::execute::KubeExecutor;
use crate::control::action::Action;
use crate::control::check::{Arming, Confirmation, Evidence, Mode, Rehearsed};
use crate::control::clearance::clear;
use crate::control::order::{Attempt, AttemptAnswer, Execution};
use crate::control::plan::{AccessAnswer, DryRun, Plan, PlanContext, Rehearsal, plan};
use crate::control::ports::Executor as _;
use crate::domain::fixtures::at;
use crate::domain::ids::{ClusterName, OrderId, WorkloadKind};
use crate::domain::text::Text;

/// What stands in the place of the load tester.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Say {
    /// The load tester.
    Honest,
    /// Does it, and the answer never comes.
    DoesAndHangs,
    /// Does nothing, and the answer never comes.
    Hangs,
    /// A page.
    Html(u16),
    /// The API server itself says no.
    Server(u16),
    /// Another load tester's pod: it says yes and keeps it to itself.
    Elsewhere,
}

struct World {
    canary: Value,
    is_open: bool,
    says: VecDeque<Say>,
    /// What Flagger does once it has been told yes: after so many reads of the Canary.
    reads_until_past: usize,
    called: Vec<String>,
}

#[derive(Clone)]
struct Plane(Arc<Mutex<World>>);

const STATUS: &str = "application/json";

impl Plane {
    fn new(url: &str, says: &[Say]) -> Self {
        let canary = json!({
            "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
            "metadata": {"name": "mail", "namespace": "shop", "uid": "u", "resourceVersion": "7", "generation": 1},
            "spec": {
                "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "mail"},
                "analysis": {"interval": "10s", "iterations": 3, "webhooks": [
                    {"name": "board", "type": "confirm-promotion", "url": url},
                ]},
            },
            "status": {"phase": "WaitingPromotion", "lastAppliedSpec": "new", "lastPromotedSpec": "old"},
        });
        let says = says.iter().copied().collect();
        let world = World { canary, is_open: false, says, reads_until_past: 3, called: Vec::new() };
        Self(Arc::new(Mutex::new(world)))
    }

    fn executor(&self) -> KubeExecutor {
        let plane = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let plane = plane.clone();
            async move { Ok::<_, Infallible>(plane.answer(request).await) }
        });
        let client = kube::Client::new(service, "shop");
        let spec = ClusterSpec::mounted(ClusterName::new("east"), client);
        KubeExecutor::new(Cluster::new(spec, Arc::new(|| at(1_000))))
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let body = request
            .into_body()
            .collect()
            .await
            .map_or_else(|_| Vec::new(), |it| it.to_bytes().to_vec());
        let (status, kind, text) = self.reply(&path, &body).await;
        let answer = Response::builder().status(status).header("content-type", kind);
        answer.body(Body::from(text.into_bytes())).expect("a response")
    }

    async fn reply(&self, path: &str, body: &[u8]) -> (u16, &'static str, String) {
        if path.ends_with("selfsubjectaccessreviews") {
            return (201, STATUS, json!({"status": {"allowed": true}}).to_string());
        }
        if let Some((_, word)) = path.split_once("/gate/") {
            return self.gate(path, word, body).await;
        }
        let mut world = self.0.lock().await;
        if world.is_open {
            world.reads_until_past = world.reads_until_past.saturating_sub(1);
            if world.reads_until_past == 0 {
                world.canary["status"]["phase"] = "Promoting".into();
            }
        }
        (200, STATUS, world.canary.to_string())
    }

    async fn gate(&self, path: &str, word: &str, body: &[u8]) -> (u16, &'static str, String) {
        let whose: Value = serde_json::from_slice(body).unwrap_or_default();
        assert_eq!(whose, json!({"name": "mail", "namespace": "shop"}));
        let say = {
            let mut plane = self.0.lock().await;
            plane.called.push(path.to_owned());
            let say = plane.says.pop_front().unwrap_or(Say::Honest);
            if matches!(say, Say::Honest | Say::DoesAndHangs) && word != "check" {
                plane.is_open = word == "open";
            }
            say
        };
        let is_open = self.0.lock().await.is_open;
        match say {
            Say::DoesAndHangs | Say::Hangs => std::future::pending().await,
            Say::Html(status) => {
                (status, "text/html", "<html><title>Sign in</title></html>".into())
            }
            Say::Server(status) => {
                let status_object = json!({"kind": "Status", "message": "no endpoints available"});
                (status, STATUS, status_object.to_string())
            }
            Say::Honest | Say::Elsewhere if word != "check" => (202, "text/plain", String::new()),
            Say::Honest | Say::Elsewhere if is_open => (200, "text/plain", "Approved".into()),
            Say::Honest | Say::Elsewhere => (403, "text/plain", "Forbidden".into()),
        }
    }

    async fn called(&self) -> Vec<String> {
        let world = self.0.lock().await;
        world
            .called
            .iter()
            .map(|path| path.rsplit('/').next().unwrap_or_default().to_owned())
            .collect()
    }

    async fn planned(&self, action: Action) -> (KubeExecutor, Plan) {
        let executor = self.executor();
        let workload = executor.facts(WorkloadKind::Canary, &self.0.lock().await.canary);
        let context = PlanContext::new(at(1_000), OrderId::new("o-1"), Text::from("because"));
        let plan = plan(action, &workload, &context).expect("a plan");
        (executor, plan)
    }

    /// Rehearsed by an honest gate, then carried out while it is as told.
    async fn run(&self, action: Action) -> (Execution, Vec<Attempt>) {
        let (executor, plan) = self.planned(action).await;
        let says = std::mem::take(&mut self.0.lock().await.says);
        let rehearsal = executor.rehearse(&plan).await.expect("a rehearsal");
        assert!(matches!(rehearsal.dry_run, DryRun::Accepted(_)), "{rehearsal:?}");
        self.0.lock().await.called.clear();
        self.0.lock().await.says = says;
        let clearance =
            clear(&plan, Rehearsed::Answered(&rehearsal), &evidence(&plan)).expect("a clearance");
        let mut attempts = Vec::new();
        let execution = executor.execute(clearance, |attempt| attempts.push(attempt)).await;
        (execution, attempts)
    }
}

fn evidence(plan: &Plan) -> Evidence {
    Evidence {
        now: at(1_000),
        mode: Mode::ReadWrite,
        arming: Arming::Armed,
        facts_at: Some(at(1_000)),
        footing: Some(plan.footing.clone()),
        confirmation: Confirmation::CommandLine,
        record: Ok(()),
        overrides: Vec::new(),
        seen: Text::default(),
    }
}

const CLUSTERS: &str = "http://lt.test/gate/check";

async fn rehearsed(url: &str, says: &[Say]) -> (Plan, Rehearsal) {
    let (executor, plan) = Plane::new(url, says).planned(Action::Promote).await;
    let rehearsal = executor.rehearse(&plan).await.expect("a rehearsal");
    (plan, rehearsal)
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_asks_how_the_gate_stands_and_shows_the_exact_calls() {
    let (_, rehearsal) = rehearsed(CLUSTERS, &[]).await;
    let rights: Vec<&str> = rehearsal.access.iter().map(|access| access.right.as_str()).collect();
    assert_eq!(rights, ["create services/proxy in namespace test"]);
    assert!(rehearsal.access.iter().all(|access| access.answer == AccessAnswer::Allowed));
    let shown: Vec<String> = rehearsal.shown.lines().iter().map(Text::to_string).collect();
    let address = "/api/v1/namespaces/test/services/lt:80/proxy/gate";
    assert_eq!(
        shown,
        [
            format!("POST {address}/open"),
            r#"{"name":"mail","namespace":"shop"}"#.to_owned(),
            format!("POST {address}/close, once it is past the gate"),
            r#"{"name":"mail","namespace":"shop"}"#.to_owned(),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_is_no_gate_is_not_opened() {
    for (say, words) in [
        (
            Say::Html(200),
            "Service lt in namespace test answers HTML page \"Sign in\" (status 200): that is no gate",
        ),
        (Say::Html(403), "(status 403): that is no gate"),
        (Say::Server(404), "Service test/lt not found"),
        (Say::Server(403), "no permission to create services/proxy in namespace test"),
        (Say::Server(503), "no endpoints available"),
        (Say::Hangs, "does not answer: no answer within 5 s"),
    ] {
        let (plan, rehearsal) = rehearsed(CLUSTERS, &[say]).await;
        let refusals =
            clear(&plan, Rehearsed::Answered(&rehearsal), &evidence(&plan)).expect_err("refused");
        let told: Vec<String> = refusals.iter().map(|it| it.why.to_string()).collect();
        assert!(told.iter().any(|why| why.contains(words)), "{say:?}: {told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_yes_is_one_call_and_one_more_once_the_canary_is_past() {
    let plane = Plane::new(CLUSTERS, &[]);
    let (execution, attempts) = plane.run(Action::Promote).await;
    assert_eq!(execution, Execution::Accepted);
    assert_eq!(plane.called().await, ["open", "check", "close", "check"]);
    assert_eq!(attempts.len(), 2);
    assert!(attempts.iter().all(|it| matches!(it.answer, AttemptAnswer::Accepted { .. })));
    assert!(!plane.0.lock().await.is_open);
    assert_eq!(plane.0.lock().await.canary["status"]["phase"], "Promoting");
}

#[tokio::test(start_paused = true)]
async fn a_no_closes_and_looks() {
    let plane = Plane::new(CLUSTERS, &[]);
    plane.0.lock().await.is_open = true;
    // The Canary must not move on while the rehearsal looks.
    plane.0.lock().await.reads_until_past = 100;
    let (execution, _) = plane.run(Action::CloseGate).await;
    assert_eq!(execution, Execution::Accepted);
    assert_eq!(plane.called().await, ["close", "check"]);
    assert!(!plane.0.lock().await.is_open);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_is_looked_for_and_nothing_is_called_twice() {
    for (says, ended, called) in [
        (&[Say::DoesAndHangs][..], "accepted", &["open", "check", "close", "check"][..]),
        (&[Say::Hangs], "unknown", &["open", "check"]),
        (&[Say::DoesAndHangs, Say::Hangs], "unknown", &["open", "check"]),
        (&[Say::Server(503)], "unknown", &["open", "check"]),
        (&[Say::Html(200)], "unknown", &["open", "check"]),
        (&[Say::Html(404)], "failed", &["open"]),
        (&[Say::Server(403)], "failed", &["open"]),
        (&[Say::Server(429)], "failed", &["open"]),
        (&[Say::Elsewhere], "failed", &["open", "check"]),
        // Nothing more is known than that it took the call.
        (&[Say::Honest, Say::Hangs], "accepted", &["open", "check", "close", "check"]),
    ] {
        let plane = Plane::new(CLUSTERS, says);
        let (execution, _) = plane.run(Action::Promote).await;
        let word = match &execution {
            Execution::Accepted => "accepted",
            Execution::Unknown { write: 0, .. } => "unknown",
            Execution::Failed { write: 0, .. } => "failed",
            Execution::Failed { .. }
            | Execution::NotSent { .. }
            | Execution::Unknown { .. }
            | Execution::Superseded { .. }
            | Execution::NotRecorded(_)
            | Execution::Expired => panic!("{says:?}: {execution:?}"),
        };
        assert_eq!(
            (word, plane.called().await),
            (ended, called.iter().map(ToString::to_string).collect()),
            "{says:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_never_gets_past_leaves_half_a_deed() {
    let plane = Plane::new(CLUSTERS, &[]);
    plane.0.lock().await.reads_until_past = usize::MAX;
    let start = tokio::time::Instant::now();
    let (execution, _) = plane.run(Action::Promote).await;
    assert!(matches!(execution, Execution::NotSent { write: 1, .. }), "{execution:?}");
    assert!(start.elapsed() >= Duration::from_mins(10));
    assert_eq!(plane.called().await, ["open", "check"]);
}

/// A gate that is no Service of the cluster: over a real socket, each answer once.
async fn direct(
    answers: &'static [&'static str],
) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = tokio::net::TcpListener::bind("127.1.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let serving = tokio::spawn(async move {
        let mut heard = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.expect("a caller");
            let mut bytes = vec![0; 4_096];
            let mut told = String::new();
            while !told.contains('}') {
                let read = stream.read(&mut bytes).await.expect("a request");
                told.push_str(&String::from_utf8_lossy(&bytes[..read]));
            }
            heard.push(told.lines().next().unwrap_or_default().to_owned());
            stream.write_all(answer.as_bytes()).await.expect("an answer");
        }
        heard
    });
    (format!("http://127.1.0.1:{port}/gate/check"), serving)
}

#[tokio::test]
async fn a_gate_that_is_no_service_is_called_from_here() {
    const CLOSED: &str =
        "HTTP/1.1 403 Forbidden\r\ncontent-length: 9\r\nconnection: close\r\n\r\nForbidden";
    const TOOK: &str = "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (url, serving) = direct(&[CLOSED, TOOK, CLOSED]).await;
    let plane = Plane::new(&url, &[]);
    let (execution, attempts) = plane.run(Action::CloseGate).await;
    // It was closed before: the rehearsal says so.
    assert_eq!(execution, Execution::Accepted, "{attempts:?}");
    let heard = serving.await.expect("a server");
    let gate = |word: &str| format!("POST /gate/{word} HTTP/1.1");
    assert_eq!(heard, [gate("check"), gate("close"), gate("check")]);
    assert!(plane.called().await.is_empty());
}

#[tokio::test]
async fn a_direct_gate_that_redirects_or_is_not_there_is_none() {
    const AWAY: &str = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (url, _serving) = direct(&[AWAY]).await;
    let (_, rehearsal) = rehearsed(&url, &[]).await;
    assert!(
        matches!(&rehearsal.dry_run, DryRun::NoGate(why) if why.as_str().contains("answers 302")),
        "{rehearsal:?}"
    );
    assert!(rehearsal.access.is_empty(), "the API server has no part in it");
    let (_, rehearsal) = rehearsed("http://127.1.0.1:1/gate/check", &[]).await;
    assert!(
        matches!(&rehearsal.dry_run, DryRun::Silent(why) if why.as_str().contains("connection refused")),
        "{rehearsal:?}"
    );
}
