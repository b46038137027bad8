//! StatefulSets, DaemonSets and Flagger's Canaries under their own simulated controllers: each deed from its plan to its
//! arrival, and where it leaves the cluster.

use pilothouse::control::action::Action;
use pilothouse::control::order::{Order, OrderState, Outcome};
use pilothouse::domain::flagger::{Flagger, Phase};
use pilothouse::domain::ids::WorkloadKind;
use pilothouse::domain::workload::Workload;
use pilothouse::sim::kind::Kind;
use pilothouse::sim::world::World;
use serde_json::{Value, json};

use super::rig::Rig;

fn arrived(order: &Order) {
    assert_eq!(order.state, OrderState::Ended(Outcome::Arrived), "{order:#?}");
}

fn pods(more: &Value) -> Value {
    let mut spec = json!({
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "app", "image": "web:1", "ports": [{"containerPort": 8080}]}]},
        },
    });
    for (field, value) in more.as_object().unwrap() {
        spec[field] = value.clone();
    }
    json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": spec})
}

fn release(rig: &Rig, kind: Kind, image: &str, annotations: &Value) {
    rig.edit(kind, "web", |object| {
        object["spec"]["template"]["spec"]["containers"][0]["image"] = image.into();
        object["spec"]["template"]["metadata"]["annotations"] = annotations.clone();
    });
}

fn image(object: &Value) -> &Value {
    &object["spec"]["template"]["spec"]["containers"][0]["image"]
}

fn is_whole(workload: &Workload, revisions: usize) -> bool {
    let counts = workload.replicas;
    workload.revisions.len() == revisions
        && workload.native_observed().is_some_and(|seen| seen >= workload.meta.generation)
        && counts.updated == counts.desired
        && counts.available == counts.desired
        && counts.desired.is_some_and(|pods| pods > 0)
}

#[tokio::test(start_paused = true)]
async fn a_stateful_set_is_held_goes_on_and_goes_back_to_its_older_revision() {
    let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}});
    let spec = json!({"replicas": 3, "serviceName": "web", "updateStrategy": rolling,
        "podManagementPolicy": "OrderedReady"});
    let made = |world: &mut World| {
        world.cluster("east").unwrap().store.create(Kind::StatefulSet, pods(&spec)).unwrap();
    };
    let mut rig = Rig::living(WorkloadKind::StatefulSet, made).await;
    rig.until(|it| is_whole(it, 1)).await;
    release(&rig, Kind::StatefulSet, "web:2", &json!({}));
    rig.until(|it| is_whole(it, 2)).await;
    arrived(&rig.deed(Action::Rollback { to: None }, &[]).await);
    assert_eq!(image(&rig.get(Kind::StatefulSet, "web")), "web:1");
    assert_eq!(rig.get(Kind::Pod, "web-2")["spec"]["containers"][0]["image"], "web:1");
    arrived(&rig.deed(Action::Pause, &[]).await);
    assert_eq!(
        rig.get(Kind::StatefulSet, "web")["spec"]["updateStrategy"]["rollingUpdate"]["partition"],
        3
    );
    arrived(&rig.deed(Action::Resume, &[]).await);
    arrived(&rig.deed(Action::Restart, &[]).await);
}

#[tokio::test(start_paused = true)]
async fn a_daemon_set_goes_back_to_its_older_revision() {
    let spec = json!({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}});
    let made = |world: &mut World| {
        world.cluster("east").unwrap().store.create(Kind::DaemonSet, pods(&spec)).unwrap();
    };
    let mut rig = Rig::living(WorkloadKind::DaemonSet, made).await;
    rig.until(|it| is_whole(it, 1)).await;
    release(&rig, Kind::DaemonSet, "web:2", &json!({}));
    rig.until(|it| is_whole(it, 2)).await;
    arrived(&rig.deed(Action::Rollback { to: None }, &[]).await);
    assert_eq!(image(&rig.get(Kind::DaemonSet, "web")), "web:1");
    arrived(&rig.deed(Action::Pause, &[]).await);
    arrived(&rig.deed(Action::Resume, &[]).await);
}

/// A Canary at rest: weights of 20 to 60, and a gate before the promotion.
async fn canary() -> Rig {
    let hook = json!({"name": "captain", "type": "confirm-promotion",
        "url": "http://flagger-loadtester.shop/gate/check"});
    let canary = json!({
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "provider": "gatewayapi:v1",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "service": {"port": 80},
            "analysis": {"interval": "10s", "threshold": 2, "stepWeight": 20, "maxWeight": 60, "webhooks": [hook]},
        },
    });
    let made = |world: &mut World| {
        let store = &mut world.cluster("east").unwrap().store;
        store.install(Kind::Canary);
        store.install(Kind::HttpRoute);
        let service = json!({"metadata": {"name": "flagger-loadtester", "namespace": "shop"},
            "spec": {"selector": {"app": "lt"}}});
        store.create(Kind::Service, service).unwrap();
        store.create(Kind::Deployment, pods(&json!({"replicas": 2}))).unwrap();
        store.create(Kind::Canary, canary).unwrap();
    };
    let mut rig = Rig::living(WorkloadKind::Canary, made).await;
    rig.until(|it| phase(it) == Phase::Initialized).await;
    release(&rig, Kind::Deployment, "web:2", &json!({}));
    rig
}

fn phase(workload: &Workload) -> Phase {
    workload.flagger().map_or(Phase::Unknown, |flagger| flagger.status.phase)
}

fn carried(flagger: &Flagger) -> u32 {
    flagger.route.as_ref().map_or(0, |route| route.canary)
}

fn weights(rig: &Rig) -> Vec<Value> {
    let route = rig.get(Kind::HttpRoute, "web");
    let backends = route["spec"]["rules"][0]["backendRefs"].as_array().unwrap();
    backends.iter().map(|it| it["weight"].clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_canary_is_paused_goes_on_and_is_taken_back_at_once_and_runs_again() {
    let mut rig = canary().await;
    rig.until(|it| it.flagger().is_some_and(|it| carried(it) == 20)).await;
    arrived(&rig.deed(Action::Pause, &[]).await);
    arrived(&rig.deed(Action::Resume, &[]).await);
    arrived(&rig.deed(Action::Abort, &[]).await);
    assert_eq!(weights(&rig), [json!(100), json!(0)]);
    assert_eq!(rig.get(Kind::Deployment, "web")["spec"]["replicas"], 0);
    arrived(&rig.deed(Action::Retry, &[]).await);
    rig.until(|it| it.flagger().is_some_and(|it| carried(it) == 20)).await;
}

#[tokio::test(start_paused = true)]
async fn a_yes_at_a_gate_promotes_this_release_and_leaves_the_gate_closed() {
    let mut rig = canary().await;
    rig.until(|it| phase(it) == Phase::WaitingPromotion).await;
    arrived(&rig.deed(Action::CloseGate, &[]).await);
    let order = rig.deed(Action::Promote, &[]).await;
    arrived(&order);
    assert_eq!(order.attempts.len(), 2);
    assert_eq!(image(&rig.get(Kind::Deployment, "web-primary")), "web:2");
    release(&rig, Kind::Deployment, "web:3", &json!({}));
    rig.until(|it| phase(it) == Phase::WaitingPromotion).await;
}

#[tokio::test(start_paused = true)]
async fn promoted_now_it_asks_no_gate_and_the_next_release_is_judged_again() {
    let mut rig = canary().await;
    rig.until(|it| it.flagger().is_some_and(|it| carried(it) == 20)).await;
    arrived(&rig.deed(Action::PromoteFull, &[]).await);
    assert_eq!(rig.get(Kind::Canary, "web")["spec"]["skipAnalysis"], false);
    assert_eq!(image(&rig.get(Kind::Deployment, "web-primary")), "web:2");
}
