//! Flagger's manual gates: its load tester is asked, opened and closed by us, and Flagger goes on. Directly, and through
//! the API server's service proxy.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use pilothouse::control::action::Action;
use pilothouse::control::gate::{Gate, GateKind};
use pilothouse::domain::flagger::Phase;
use pilothouse::domain::ids::{WorkloadKind, WorkloadRef};
use pilothouse::domain::workload::Workload;
use serde_json::{Value, json};

use super::manifests::deployment;
use super::pilot::Pilot;
use super::plane::Plane;

/// The port of the load tester beside the API server of the plane.
const GATES: u16 = 8083;

fn phase(workload: &Workload) -> Phase {
    workload.flagger().map_or(Phase::Unknown, |flagger| flagger.status.phase)
}

/// Asks the load tester itself.
fn stands(plane: &Plane, name: &str) -> String {
    let body = json!({"name": name, "namespace": plane.namespace}).to_string();
    let mut stream = TcpStream::connect((plane.host(), GATES)).unwrap();
    let head = "POST /gate/check HTTP/1.1\r\nhost: gates\r\nconnection: close\r\n";
    let length = body.len();
    write!(
        stream,
        "{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().last().unwrap_or_default().to_owned()
}

/// Whether the plane has a load tester: some have none.
fn has_gates(plane: &Plane) -> bool {
    let found = TcpStream::connect((plane.host(), GATES)).is_ok();
    if !found {
        eprintln!("skipped: no load tester of Flagger at {}:{GATES}", plane.host());
    }
    found
}

fn hook(plane: &Plane, kind: &str) -> Value {
    let url = format!("http://{}:{GATES}/gate/check", plane.host());
    json!({"name": format!("ask {kind}"), "type": kind, "url": url})
}

async fn at_rest(plane: &Plane, name: &str, analysis: &Value) -> (Pilot, WorkloadRef) {
    let is_weighted = analysis["stepWeight"].is_number();
    plane.create("deployments", &deployment(name, 2)).await;
    let mut service = json!({"port": 80, "targetPort": 8080});
    if is_weighted {
        service["hosts"] = json!([format!("{name}.example.test")]);
        service["gatewayRefs"] = json!([{"group": "gateway.networking.k8s.io", "kind": "Gateway",
            "name": "edge", "namespace": "shop"}]);
    }
    let canary = json!({
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": name},
        "spec": {
            "provider": if is_weighted { "gatewayapi:v1" } else { "kubernetes" },
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "progressDeadlineSeconds": 300,
            "service": service,
            "analysis": analysis,
        },
    });
    plane.create("canaries", &canary).await;
    plane.until("canaries", name, |it| it["status"]["phase"] == "Initialized").await;
    let mut pilot = Pilot::start(plane, &plane.context);
    let target = pilot.target(WorkloadKind::Canary, name);
    pilot.until(&target, |it| phase(it) == Phase::Initialized).await;
    (pilot, target)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_before_the_promotion_opens_the_gate_for_this_release_alone() {
    let Some(plane) = Plane::new().await else { return };
    if !has_gates(&plane) {
        return;
    }
    let analysis = json!({"interval": "10s", "threshold": 2, "iterations": 1,
        "webhooks": [hook(&plane, "confirm-promotion")]});
    let (mut pilot, target) = at_rest(&plane, "green", &analysis).await;
    plane.release("deployments", "green", "2.0.0").await;
    pilot.until(&target, |it| phase(it) == Phase::WaitingPromotion).await;
    assert_eq!(stands(&plane, "green"), "Forbidden");
    let gate = pilot.known(&target, |it| Gate::of(it, None)).unwrap();
    assert_eq!((gate.kind, gate.refuse), (GateKind::Promotion, Action::CloseGate));

    let order = pilot.arrives(&plane, Action::Promote, &target).await;
    assert_eq!(order.attempts.len(), 2);
    assert_eq!(stands(&plane, "green"), "Forbidden", "the next release waits again");
    assert_eq!(plane.get("canaries", "green").await["status"]["phase"], "Succeeded");
    let primary = plane.get("deployments", "green-primary").await;
    let image = &primary["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(image, "registry.example.test/green:2.0.0");
    pilot.records_are_sound();
    plane.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_keeps_it_waiting_and_a_yes_lets_it_start_and_then_take_one_more_weight() {
    let Some(plane) = Plane::new().await else { return };
    if !has_gates(&plane) {
        return;
    }
    let hooks = [hook(&plane, "confirm-rollout"), hook(&plane, "confirm-traffic-increase")];
    let analysis = json!({"interval": "10s", "threshold": 9, "stepWeight": 10, "maxWeight": 50,
        "webhooks": hooks});
    let (mut pilot, target) = at_rest(&plane, "slow", &analysis).await;
    plane.release("deployments", "slow", "2.0.0").await;
    pilot.until(&target, |it| phase(it) == Phase::Waiting).await;

    pilot.arrives(&plane, Action::CloseGate, &target).await;
    assert_eq!(plane.get("canaries", "slow").await["status"]["phase"], "Waiting");

    pilot.arrives(&plane, Action::Promote, &target).await;
    assert_eq!(stands(&plane, "slow"), "Forbidden");
    assert_eq!(plane.get("canaries", "slow").await["status"]["phase"], "Progressing");

    pilot.arrives(&plane, Action::Promote, &target).await;
    let canary = plane.get("canaries", "slow").await;
    assert_eq!(canary["status"]["canaryWeight"], 10);
    assert_eq!(stands(&plane, "slow"), "Forbidden");
    pilot.records_are_sound();
    plane.down().await;
}

/// The load tester of the plane as a Service of the cluster: the plane has no name server, so Flagger itself gets no
/// answer there and waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_of_the_cluster_is_reached_through_the_api_server() {
    let Some(plane) = Plane::new().await else { return };
    if !has_gates(&plane) {
        return;
    }
    plane.serve_as("gates", GATES).await;
    let url = format!("http://gates.{}/gate/check", plane.namespace);
    let analysis = json!({"interval": "10s", "threshold": 2, "iterations": 1,
        "webhooks": [{"name": "ask", "type": "confirm-rollout", "url": url, "timeout": "1s"}]});
    let (mut pilot, target) = at_rest(&plane, "inside", &analysis).await;
    plane.release("deployments", "inside", "2.0.0").await;
    pilot.until(&target, |it| phase(it) == Phase::Waiting).await;
    pilot.arrives(&plane, Action::CloseGate, &target).await;
    assert_eq!(stands(&plane, "inside"), "Forbidden");
    if let Some(seen) = plane.called("gates") {
        assert_eq!(seen, ["gate/check", "gate/close", "gate/check"]);
    }

    let missing = json!({"spec": {"analysis": {"webhooks": [{"name": "ask", "type": "confirm-rollout",
        "url": format!("http://nowhere.{}/gate/check", plane.namespace)}]}}});
    plane.merge("canaries", "inside", &missing).await;
    pilot.caught_up(&plane, &target).await;
    let refusals = pilot.refused(Action::CloseGate, &target).await;
    assert!(refusals.iter().any(|it| it.contains("not found")), "{refusals:?}");
    plane.down().await;
}
