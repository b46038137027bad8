//! Deleting the pod in the way of a roll back, against a server that counts: whatever comes back, it is deleted at most
//! once, and what is not known is not told as done.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::cluster::{Cluster, ClusterSpec};
use super::execute::KubeExecutor;
use super::plane::Say;
use super::trouble::Refusal;
use crate::control::action::Action;
use crate::control::check::{Arming, Confirmation, Evidence, Mode, Rehearsed};
use crate::control::clearance::{Clearance, clear};
use crate::control::footing::Footing;
use crate::control::order::{Attempt, AttemptAnswer, Execution};
use crate::control::plan::{
    Access, AccessAnswer, DryRun, ObjectKind, ObjectRef, PatchFormat, Plan, PlanContext, Rehearsal,
    ResolvedWrite, Write, plan,
};
use crate::control::ports::Executor as _;
use crate::domain::feed::Trouble;
use crate::domain::fixtures::{at, set, stateful_set};
use crate::domain::ids::{ClusterName, Name, OrderId};
use crate::domain::text::{Block, Text};

const POD: &str = "web-2";
const UID: &str = "u-web-2";

/// What the server has, and what it was asked.
#[derive(Default)]
struct World {
    says: VecDeque<Say>,
    pod: Option<Value>,
    deletions: Vec<Value>,
    effects: usize,
}

type Shared = Arc<Mutex<World>>;

/// A pod that is not ready, with this uid.
fn pod(uid: &str) -> Value {
    json!({
        "kind": "Pod",
        "metadata": {
            "name": POD, "namespace": "shop", "uid": uid, "resourceVersion": "70",
            "labels": {"controller-revision-hash": "web-bad"},
        },
        "spec": {"containers": [{"name": "web"}]},
        "status": {"phase": "Running", "containerStatuses": [{"name": "web", "ready": false}]},
    })
}

fn server(says: &[Say], pod: Option<Value>) -> Shared {
    let says = says.iter().copied().collect();
    Arc::new(Mutex::new(World { says, pod, ..World::default() }))
}

fn executor(world: &Shared, plan: &Plan) -> KubeExecutor {
    let (world, uid) = (Arc::clone(world), plan.footing.uid.as_str().to_owned());
    let service = tower::service_fn(move |request: Request<Body>| {
        let (world, uid) = (Arc::clone(&world), uid.clone());
        async move { answer(&world, &uid, request).await }
    });
    let spec = ClusterSpec::mounted(ClusterName::new("east"), kube::Client::new(service, "shop"));
    KubeExecutor::new(Cluster::new(spec, Arc::new(|| at(1_000))))
}

async fn answer(
    world: &Shared,
    uid: &str,
    request: Request<Body>,
) -> Result<Response<Body>, tower::BoxError> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    if parts.method == Method::DELETE {
        return delete(world, serde_json::from_slice(&body)?).await;
    }
    assert_eq!(parts.method, Method::GET, "nothing else is sent");
    if parts.uri.path().contains("/pods/") {
        return Ok(match &world.lock().await.pod {
            Some(pod) => reply(200, pod),
            None => reply(404, &json!({"kind": "Status", "code": 404, "message": "not found"})),
        });
    }
    Ok(reply(
        200,
        &json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {
                "name": "web", "namespace": "shop", "uid": uid, "generation": 13,
                "resourceVersion": "90",
            },
            "spec": {"replicas": 3, "updateStrategy": {"type": "RollingUpdate"}},
            "status": {
                "observedGeneration": 13, "replicas": 3,
                "currentRevision": "web-good", "updateRevision": "web-good",
            },
        }),
    ))
}

async fn delete(world: &Shared, options: Value) -> Result<Response<Body>, tower::BoxError> {
    let say = {
        let mut world = world.lock().await;
        let say = world.says.pop_front().unwrap_or(Say::Honest);
        if say != Say::NeverLeft {
            world.deletions.push(options);
        }
        let applies =
            [Say::Honest, Say::AppliesThenHangs, Say::AppliesThenBreaks, Say::AppliesThen503];
        if applies.contains(&say) {
            world.effects += 1;
            world.pod = None;
        }
        say
    };
    match say {
        Say::Honest => Ok(reply(200, &pod(UID))),
        Say::AppliesThen503 => Ok(reply(503, &json!({"kind": "Status", "message": "upstream"}))),
        Say::Status(code) => Ok(reply(code, &json!({"kind": "Status", "message": "no"}))),
        Say::Html => Ok(reply(200, &json!("<title>Log in</title>"))),
        Say::AppliesThenBreaks => Err(io::Error::from(io::ErrorKind::ConnectionReset).into()),
        Say::AppliesThenHangs | Say::Hangs => std::future::pending().await,
        Say::NeverLeft => {
            let why = Trouble::Unreachable(Text::from("connection refused"));
            Err(Box::new(Refusal(why)))
        }
    }
}

fn reply(status: u16, body: &Value) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Body::from(body.to_string().into_bytes()))
        .expect("a response")
}

/// A roll back of which only the deletion is left to do.
fn planned() -> Plan {
    let workload = stateful_set(0).sets(vec![set(7, "good", 70, 2), set(8, "bad", 80, 1)]).0;
    let context = PlanContext::new(at(1_000), OrderId::new("o-1"), Text::from("because"));
    let restart = plan(Action::Restart, &workload, &context).expect("a plan");
    let write = Write {
        object: ObjectRef { kind: ObjectKind::Pod, name: Name::new(POD) },
        subresource: None,
        format: PatchFormat::Delete,
        changes: Vec::new(),
        done: "the pod that held it up is deleted",
    };
    Plan { writes: vec![write], footing: Footing::of(&workload), ..restart }
}

fn cleared(plan: &Plan) -> Clearance {
    let write = &plan.writes[0];
    let rehearsal = Rehearsal {
        footing: plan.footing.clone(),
        read_at: at(1_000),
        access: vec![Access { right: Text::from("delete pods"), answer: AccessAnswer::Allowed }],
        dry_run: DryRun::Accepted(Vec::new()),
        kept: Vec::new(),
        writes: vec![ResolvedWrite {
            object: write.object.clone(),
            subresource: None,
            format: PatchFormat::Delete,
            body: json!({"preconditions": {"uid": UID}}).to_string().into(),
        }],
        shown: Block::default(),
    };
    let evidence = Evidence {
        now: at(1_000),
        mode: Mode::ReadWrite,
        arming: Arming::Armed,
        facts_at: Some(at(1_000)),
        footing: Some(plan.footing.clone()),
        confirmation: Confirmation::CommandLine,
        record: Ok(()),
        overrides: Vec::new(),
        seen: Text::default(),
    };
    clear(plan, Rehearsed::Answered(&rehearsal), &evidence).expect("a clearance")
}

/// Carries it out; how it ended, and what each attempt was answered.
async fn run(world: &Shared) -> (Execution, Vec<AttemptAnswer>) {
    let plan = planned();
    let mut attempts: Vec<Attempt> = Vec::new();
    let executor = executor(world, &plan);
    let execution = executor.execute(cleared(&plan), |attempt| attempts.push(attempt)).await;
    (execution, attempts.into_iter().map(|attempt| attempt.answer).collect())
}

async fn counted(world: &Shared) -> (usize, usize) {
    let world = world.lock().await;
    (world.deletions.len(), world.effects)
}

#[tokio::test(start_paused = true)]
async fn the_planned_pod_is_deleted_once_and_no_other() {
    let world = server(&[], Some(pod(UID)));
    let (execution, attempts) = run(&world).await;
    assert_eq!(execution, Execution::Accepted);
    assert!(matches!(attempts[..], [AttemptAnswer::Accepted { .. }]), "{attempts:?}");
    assert_eq!(counted(&world).await, (1, 1));
    let options = world.lock().await.deletions[0].clone();
    assert_eq!(options, json!({"preconditions": {"uid": UID}}));

    let mut going = pod(UID);
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    let mut wanted = pod(UID);
    wanted["metadata"]["labels"]["controller-revision-hash"] = "web-good".into();
    for here in [None, Some(going), Some(wanted), Some(pod("u-another"))] {
        let world = server(&[], here.clone());
        let (execution, attempts) = run(&world).await;
        assert_eq!((execution, attempts), (Execution::Accepted, vec![]), "{here:?}");
        assert_eq!(counted(&world).await, (0, 0), "{here:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_was_replaced_in_between_needs_nothing_more() {
    for code in [404, 409] {
        let world = server(&[Say::Status(code)], Some(pod(UID)));
        let (execution, _) = run(&world).await;
        assert_eq!(execution, Execution::Accepted, "{code}");
        assert_eq!(counted(&world).await, (1, 0), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_and_the_servers_full_queue_is_asked_again() {
    for code in [400, 401, 403, 422] {
        let world = server(&[Say::Status(code)], Some(pod(UID)));
        let (execution, _) = run(&world).await;
        let Execution::Failed { write: 0, why } = execution else { panic!("{execution:?}") };
        assert!(why.as_str().contains(&format!("refused to delete web-2 ({code}): no")), "{why}");
        assert_eq!(counted(&world).await, (1, 0), "{code}");
    }
    let world = server(&[Say::Status(429), Say::NeverLeft, Say::Status(429)], Some(pod(UID)));
    let (execution, attempts) = run(&world).await;
    assert_eq!((execution, attempts.len()), (Execution::Accepted, 4));
    assert_eq!(counted(&world).await, (3, 1));
    // Not for ever.
    let world = server(&[Say::Status(429); 1_000], Some(pod(UID)));
    let (execution, _) = run(&world).await;
    assert!(matches!(execution, Execution::Failed { write: 0, .. }), "{execution:?}");
    assert_eq!(counted(&world).await.1, 0);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_without_an_answer_is_looked_for_and_never_sent_again() {
    for say in [Say::AppliesThenHangs, Say::AppliesThenBreaks, Say::AppliesThen503] {
        let world = server(&[say], Some(pod(UID)));
        let (execution, attempts) = run(&world).await;
        assert_eq!(execution, Execution::Accepted, "{say:?}: it is gone");
        assert!(matches!(attempts[..], [AttemptAnswer::NoAnswer(_)]), "{say:?}: {attempts:?}");
        assert_eq!(counted(&world).await, (1, 1), "{say:?}");
    }
    for say in [Say::Hangs, Say::Status(503), Say::Status(500), Say::Html] {
        let world = server(&[say], Some(pod(UID)));
        let (execution, _) = run(&world).await;
        assert!(matches!(execution, Execution::Unknown { write: 0, .. }), "{say:?}: {execution:?}");
        assert_eq!(counted(&world).await, (1, 0), "{say:?}: it may yet come");
    }
}
