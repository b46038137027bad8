//! Abort at once by every kind of route that is read, with the real Flagger behind it: it needs no mesh, only its kinds.

use pilothouse::control::action::Action;
use pilothouse::domain::flagger::{Flagger, Phase};
use pilothouse::domain::ids::WorkloadKind;
use serde_json::{Value, json};

use super::manifests::deployment;
use super::pilot::Pilot;
use super::plane::Plane;

/// One way of splitting traffic.
struct Way {
    provider: &'static str,
    name: &'static str,
    collection: &'static str,
    object: &'static str,
    /// The new version's share, as the object itself tells it.
    canary: fn(&Value) -> Value,
    /// What that is once it is put back.
    back: Value,
}

fn canary(way: &Way) -> Value {
    json!({
        "apiVersion": "flagger.app/v1beta1",
        "kind": "Canary",
        "metadata": {"name": way.name},
        "spec": {
            "provider": way.provider,
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": way.name},
            "ingressRef": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": way.name},
            "progressDeadlineSeconds": 300,
            "service": {"port": 80, "targetPort": 8080},
            "analysis": {"interval": "10s", "threshold": 2, "stepWeight": 10, "maxWeight": 100},
        },
    })
}

async fn aborts(plane: &Plane, way: &Way) {
    plane.create("deployments", &deployment(way.name, 2)).await;
    plane.create("canaries", &canary(way)).await;
    let mut pilot = Pilot::start(plane, &plane.context);
    let target = pilot.target(WorkloadKind::Canary, way.name);
    let phase = |flagger: Option<&Flagger>| flagger.map(|it| it.status.phase);
    pilot.until(&target, |it| phase(it.flagger()) == Some(Phase::Initialized)).await;
    plane.release("deployments", way.name, "2.0.0").await;
    let carried = |flagger: &Flagger| flagger.route.as_ref().map(|route| route.canary);
    pilot
        .until(&target, |it| it.flagger().and_then(carried).is_some_and(|weight| weight >= 10))
        .await;
    let order = pilot.arrives(plane, Action::Abort, &target).await;
    assert_eq!(order.attempts.len(), 2, "status and route: {order:#?}");
    let object = plane.get(way.collection, way.object).await;
    assert_eq!((way.canary)(&object), way.back, "{object:#}");
    let plural = way.collection.split('.').next().unwrap_or_default();
    if let Some(seen) = plane.routes_written(plural) {
        assert_eq!(seen, 1, "one write to the route");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn abort_puts_a_virtual_service_of_istio_back_at_once() {
    let Some(plane) = Plane::new().await else { return };
    let istio = ("networking.istio.io", &["v1beta1", "v1alpha3", "v1"][..]);
    plane.install(istio, ("VirtualService", "virtualservices")).await;
    plane.install(istio, ("DestinationRule", "destinationrules")).await;
    let way = Way {
        provider: "istio",
        name: "meshed",
        collection: "virtualservices",
        object: "meshed",
        canary: |it| it["spec"]["http"][0]["route"][1]["weight"].clone(),
        back: json!(0),
    };
    Box::pin(aborts(&plane, &way)).await;
    plane.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn abort_puts_a_service_of_traefik_back_at_once() {
    let Some(plane) = Plane::new().await else { return };
    for group in ["traefik.io", "traefik.containo.us"] {
        plane.install((group, &["v1alpha1"]), ("TraefikService", "traefikservices")).await;
    }
    let way = Way {
        provider: "traefik",
        name: "edge",
        // Flagger before 1.41 knows the older group alone.
        collection: "traefikservices.traefik.containo.us",
        object: "edge",
        // Flagger takes the canary out of the list once it has looked.
        canary: |it| it["spec"]["weighted"]["services"][0]["weight"].clone(),
        back: json!(100),
    };
    Box::pin(aborts(&plane, &way)).await;
    plane.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn abort_puts_an_ingress_of_nginx_back_at_once() {
    let Some(plane) = Plane::new().await else { return };
    let path = json!({"path": "/", "pathType": "Prefix",
        "backend": {"service": {"name": "front", "port": {"number": 80}}}});
    let ingress = json!({"metadata": {"name": "front"}, "spec": {"rules": [
        {"host": "front.example.test", "http": {"paths": [path]}}]}});
    plane.create("ingresses", &ingress).await;
    let way = Way {
        provider: "nginx",
        name: "front",
        collection: "ingresses",
        object: "front-canary",
        // We turn it off; Flagger, once it has looked, on again with nothing.
        canary: |it| {
            let said = |key: &str| {
                it["metadata"]["annotations"][format!("nginx.ingress.kubernetes.io/{key}")].clone()
            };
            if said("canary") == "true" { said("canary-weight") } else { json!("0") }
        },
        back: json!("0"),
    };
    Box::pin(aborts(&plane, &way)).await;
    plane.down().await;
}
