//! Canaries as the live plane had them (Flagger 1.36.1), and bad ones.

use serde_json::{Value, json};

use super::fields::{Reading, Words};
use super::flagger::canary;
use crate::domain::flagger::{Phase, WebhookKind};
use crate::domain::ids::ClusterName;
use crate::domain::observed::Timestamp;
use crate::domain::workload::{Strategy, Workload};

fn read(object: &Value) -> Workload {
    let mut words = Words::default();
    let cluster = ClusterName::new("east");
    canary(object, &cluster, Timestamp::UNIX_EPOCH, Reading::new(&mut words)).workload
}

fn search() -> Value {
    json!({
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
        "metadata": {"creationTimestamp": "2026-11-28T00:27:57Z", "generation": 1,
            "name": "search", "namespace": "shop", "resourceVersion": "833",
            "uid": "e8c1e882-1fd6-4328-900b-8dacb7da21ba"},
        "spec": {
            "analysis": {"interval": "5s", "maxWeight": 50,
                "metrics": [{"interval": "30s", "name": "error-ratio",
                    "templateRef": {"name": "error-ratio"}, "thresholdRange": {"max": 3}}],
                "stepWeight": 10, "threshold": 2},
            "progressDeadlineSeconds": 120,
            "provider": "gatewayapi:v1",
            "service": {"port": 80, "targetPort": 8080, "hosts": ["search.example.test"]},
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "search"},
        },
        "status": {
            "canaryWeight": 20,
            "conditions": [{"lastTransitionTime": "2026-11-28T00:31:06Z",
                "lastUpdateTime": "2026-11-28T00:31:06Z",
                "message": "New revision detected, progressing canary analysis.",
                "reason": "Progressing", "status": "Unknown", "type": "Promoted"}],
            "failedChecks": 0, "iterations": 0, "lastAppliedSpec": "6c8f7d5b9d",
            "lastPromotedSpec": "544f7495f7", "lastTransitionTime": "2026-11-28T00:31:26Z",
            "phase": "Progressing", "trackedConfigs": {},
        },
    })
}

#[test]
fn a_canary_by_a_route_is_read_whole() {
    let workload = read(&search());
    let flagger = workload.flagger().unwrap();
    assert_eq!(workload.strategy, Strategy::Canary);
    assert_eq!(flagger.spec.target.name.as_str(), "search");
    assert_eq!(flagger.spec.service.as_str(), "search");
    assert_eq!(flagger.spec.analysis.interval.as_secs(), 10, "Flagger keeps at least 10 s");
    assert_eq!(flagger.spec.analysis.weights.as_ref(), [10, 20, 30, 40, 50]);
    assert_eq!(
        (flagger.spec.analysis.threshold, flagger.spec.progress_deadline.as_secs()),
        (2, 120)
    );
    assert_eq!(flagger.spec.analysis.metrics[0].range, (None, Some(3.0)));
    assert_eq!((flagger.status.phase, flagger.status.weight), (Phase::Progressing, 20));
    assert_eq!(flagger.status.promoted.as_ref().unwrap().as_str(), "544f7495f7");
    assert!(workload.oddities.is_empty(), "{:?}", workload.oddities);
}

#[test]
fn a_blue_green_with_a_manual_gate_has_iterations_and_no_weights() {
    let hook = |name: &str, kind: &str, url: &str| json!({"name": name, "type": kind, "url": url});
    let mut object = search();
    object["spec"]["provider"] = json!("kubernetes");
    object["spec"]["analysis"] = json!({"interval": "5s", "iterations": 3, "threshold": 3, "webhooks": [
        hook("ask before promotion", "confirm-promotion", "http://127.0.0.1:8083/gate/check"),
        hook("ask for roll back", "rollback", "http://127.0.0.1:8083/rollback/check"),
    ]});
    object["status"]["phase"] = json!("WaitingPromotion");
    object["status"]["iterations"] = json!(2);
    let workload = read(&object);
    let flagger = workload.flagger().unwrap();
    assert_eq!(workload.strategy, Strategy::BlueGreen);
    assert_eq!(
        (flagger.spec.analysis.iterations, flagger.spec.analysis.weights.len()),
        (Some(3), 0)
    );
    assert_eq!(flagger.status.phase, Phase::WaitingPromotion);
    let kinds: Vec<WebhookKind> =
        flagger.spec.analysis.webhooks.iter().map(|hook| hook.kind).collect();
    assert_eq!(kinds, [WebhookKind::ConfirmPromotion, WebhookKind::Rollback]);
}

#[test]
fn ladders_are_as_flagger_climbs_them() {
    for (analysis, want) in [
        (json!({"stepWeight": 10, "maxWeight": 50}), vec![10, 20, 30, 40, 50]),
        (json!({"stepWeight": 30}), vec![30, 60, 90, 100]),
        (json!({"stepWeight": 60, "maxWeight": 50}), vec![50]),
        (json!({"stepWeights": [1, 5, 80]}), vec![1, 5, 80]),
        (json!({"stepWeights": [], "stepWeight": 50}), vec![50, 100]),
        (json!({}), vec![]),
        (json!({"stepWeight": 0}), vec![]),
        (json!({"stepWeight": "x"}), vec![]),
    ] {
        let mut object = search();
        object["spec"]["analysis"] = analysis.clone();
        let workload = read(&object);
        assert_eq!(workload.flagger().unwrap().spec.analysis.weights.as_ref(), want, "{analysis}");
    }
}

#[test]
fn what_is_missing_has_flaggers_defaults_and_what_is_bad_is_named() {
    let bare = read(&json!({"metadata": {"name": "x", "namespace": "shop"}}));
    let flagger = bare.flagger().unwrap();
    assert_eq!(flagger.status.phase, Phase::Unknown);
    assert_eq!(flagger.spec.analysis.interval.as_secs(), 60);
    assert_eq!(
        (flagger.spec.analysis.threshold, flagger.spec.progress_deadline.as_secs()),
        (1, 600)
    );
    assert_eq!(bare.oddities.len(), 1, "no target: {:?}", bare.oddities);
    let mut odd = search();
    odd["status"]["phase"] = json!("Dancing");
    odd["status"]["failedChecks"] = json!("many");
    odd["spec"]["analysis"] = json!([1]);
    let odd = read(&odd);
    assert_eq!(odd.flagger().unwrap().status.phase, Phase::Unknown);
    assert!(odd.oddities.len() >= 2, "{:?}", odd.oddities);
}

#[test]
fn the_older_name_of_the_analysis_is_read_too() {
    let mut object = search();
    let analysis = object["spec"]["analysis"].take();
    object["spec"] =
        json!({"canaryAnalysis": analysis, "targetRef": {"kind": "Deployment", "name": "search"}});
    assert_eq!(read(&object).flagger().unwrap().spec.analysis.weights.len(), 5);
}

#[test]
fn weights_that_do_not_add_up_are_named() {
    for (analysis, words) in [
        (json!({"stepWeights": [10, 50, 20]}), "does not grow from step to step"),
        (json!({"stepWeights": [10, 10]}), "does not grow from step to step"),
        (json!({"stepWeights": [50, 150]}), "goes beyond 100"),
        (json!({"stepWeights": [50, "x"]}), "holds what is no weight"),
        (json!({"stepWeight": 50, "maxWeight": 150}), "is more than 100"),
    ] {
        let mut object = search();
        object["spec"]["analysis"] = analysis.clone();
        let told: Vec<String> =
            read(&object).oddities.iter().map(|odd| format!("{odd:?}")).collect();
        assert!(told.iter().any(|odd| odd.contains(words)), "{analysis}: {told:?}");
    }
}
