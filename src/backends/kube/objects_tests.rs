//! Objects recorded from the live control plane (API server 1.36.3, Argo Rollouts 1.10.1) and what is read of them, and
//! rubbish of which nothing bad is read.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::{Just, any, prop_oneof, proptest};
use proptest::strategy::Strategy as Strategy_;
use serde_json::{Value, json};

use super::fields::{Reading, Words};
use super::rows::{FleetKind, Known, Maker, Row};
use super::{events, pods, runs};
use crate::domain::ids::{ClusterName, Generation, Name, PodHash, Revision, WorkloadKind};
use crate::domain::observed::Timestamp;
use crate::domain::rollout::{Rollout, RolloutSpec, RunPhase, Step, TrafficSpec, Weights};
use crate::domain::text::Text;
use crate::domain::workload::{Controller, ReplicaCounts, Strategy, Workload};

const ROLLOUTS: FleetKind = FleetKind::Workloads(WorkloadKind::Rollout);
const DEPLOYMENTS: FleetKind = FleetKind::Workloads(WorkloadKind::Deployment);

fn recorded(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/objects").join(file);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    super::lean::object(&bytes).expect("JSON")
}

fn maker(kind: FleetKind) -> Maker {
    Maker { cluster: ClusterName::new("east"), kind, words: Words::default() }
}

fn known(kind: FleetKind, object: &Value) -> Known {
    match maker(kind).row(object, Timestamp::UNIX_EPOCH) {
        Some(Row::Workload(known, _)) => *known,
        other => panic!("not a workload: {other:?}"),
    }
}

fn workload(file: &str) -> Workload {
    let kind = if file.starts_with("rollout") { ROLLOUTS } else { DEPLOYMENTS };
    known(kind, &recorded(file)).workload
}

fn rollout_of(workload: &Workload) -> &Rollout {
    workload.rollout().expect("a Rollout")
}

fn rollout_spec(spec: &Value) -> RolloutSpec {
    let object = json!({ "metadata": { "name": "x", "namespace": "y" }, "spec": spec });
    rollout_of(&known(ROLLOUTS, &object).workload).spec.clone()
}

fn hash(raw: &str) -> PodHash {
    PodHash::new(raw)
}

#[test]
fn every_recorded_object_is_read_without_an_oddity() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/objects");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("recorded objects") {
        let file = entry.expect("a file").file_name().to_string_lossy().into_owned();
        if file.starts_with("rollout-") || file.starts_with("deployment-") {
            assert_eq!(&*workload(&file).oddities, &[] as &[Text], "{file}");
            count += 1;
        }
    }
    assert!(count >= 18, "{count} objects");
}

/// Phase, step, first pause, (controllerPause, abort, acted on, spec.paused), weights.
type Glance<'a> =
    (&'a str, Option<u32>, Option<&'a str>, (bool, bool, bool, bool), Option<(u32, u32)>);

#[test]
fn states_of_recorded_rollouts_are_read_as_the_controller_wrote_them() {
    let table: [(&str, Glance<'_>); 11] = [
        ("api-healthy", ("Healthy", Some(8), None, (false, false, false, false), Some((50, 50)))),
        (
            "api-timed-pause",
            (
                "Paused",
                Some(1),
                Some("CanaryPauseStep"),
                (true, false, false, false),
                Some((0, 100)),
            ),
        ),
        (
            "api-analysis",
            ("Progressing", Some(3), None, (false, false, false, false), Some((0, 100))),
        ),
        (
            "api-approval",
            (
                "Paused",
                Some(5),
                Some("CanaryPauseStep"),
                (true, false, false, false),
                Some((50, 50)),
            ),
        ),
        (
            "api-paused-by-hand",
            (
                "Paused",
                Some(5),
                Some("CanaryPauseStep"),
                (true, false, false, true),
                Some((50, 50)),
            ),
        ),
        ("api-aborted", ("Degraded", Some(0), None, (false, true, true, true), Some((50, 50)))),
        ("cart-aborted", ("Degraded", Some(0), None, (false, true, true, false), None)),
        (
            "cart-aborted-still-serving",
            ("Degraded", Some(0), None, (false, true, true, true), None),
        ),
        (
            "web-waiting",
            ("Paused", None, Some("BlueGreenPause"), (true, false, false, false), None),
        ),
        ("web-promoted", ("Healthy", None, None, (false, false, false, false), None)),
        ("broken", ("Degraded", None, None, (false, false, false, false), None)),
    ];
    for (file, want) in table {
        let workload = workload(&format!("rollout-{file}.json"));
        let Rollout { spec, status, .. } = rollout_of(&workload);
        let (flags, pause) = (status.flags, status.pauses.first());
        let got: Glance<'_> = (
            status.phase.as_ref().map_or("", Text::as_str),
            status.step_index,
            pause.map(|pause| pause.reason.as_str()),
            (flags.controller_pause, flags.abort, flags.aborted_at.is_some(), spec.paused),
            status.weights.map(|weights| (weights.canary, weights.stable)),
        );
        assert_eq!(got, want, "{file}");
        assert!(pause.is_none_or(|pause| pause.since.is_some()), "{file}");
    }
}

#[test]
fn a_canary_is_read_with_its_steps_routes_and_hashes() {
    let workload = workload("rollout-api-approval.json");
    let Rollout { spec, status, .. } = rollout_of(&workload);
    assert_eq!(workload.strategy, Strategy::Canary);
    let ten = Step::Pause(Some(Duration::from_secs(10)));
    assert_eq!(
        &*spec.steps,
        [
            Step::SetWeight(10),
            ten.clone(),
            Step::SetWeight(20),
            Step::Analysis([Name::new("errors")].into()),
            Step::SetWeight(50),
            Step::Pause(None),
            Step::SetWeight(80),
            ten,
        ]
    );
    assert_eq!(spec.traffic, TrafficSpec { routed: true, ..TrafficSpec::default() });
    assert_eq!(spec.abort_scale_down_delay, Some(Duration::from_secs(30)));
    assert_eq!(spec.progress_deadline, Duration::from_mins(10));
    assert_eq!(status.hashes.current, Some(hash("c75c598cd")));
    assert_eq!(status.hashes.stable, Some(hash("69f579cdfd")));
    assert_eq!(status.weights, Some(Weights { canary: 50, stable: 50, verified: None }));
    assert_eq!(status.observed_generation, Some(Text::clean("4")));
    assert_eq!(workload.meta.generation, Generation(4));
    let counts = ReplicaCounts {
        desired: Some(5),
        current: Some(8),
        updated: Some(3),
        ready: Some(6),
        available: Some(6),
    };
    assert_eq!(workload.replicas, counts);
    assert!(workload.condition("Progressing").is_some());
}

#[test]
fn analyses_of_the_step_and_in_the_background_are_read_from_the_rollout() {
    let cart = workload("rollout-cart-canary.json");
    let Rollout { spec, status, .. } = rollout_of(&cart);
    assert!(spec.background_analysis);
    assert_eq!(spec.abort_scale_down_delay, Some(Duration::ZERO), "a basic canary goes at once");
    let run = status.runs.background.as_ref().expect("a run");
    assert_eq!((run.name.as_str(), run.phase), ("cart-55755d4f8f-2", RunPhase::Running));
    let api = workload("rollout-api-analysis.json");
    let run = rollout_of(&api).status.runs.step.as_ref().expect("a run");
    assert_eq!((run.name.as_str(), run.phase), ("api-c75c598cd-2-3", RunPhase::Running));
    let aborted = workload("rollout-cart-aborted.json");
    let message = rollout_of(&aborted).status.message.as_ref().expect("words");
    assert!(message.as_str().contains("failureLimit (1)"), "{message}");
}

#[test]
fn a_blue_green_is_read_with_its_selectors() {
    let workload = workload("rollout-web-waiting.json");
    let Rollout { spec, status, .. } = rollout_of(&workload);
    assert_eq!(workload.strategy, Strategy::BlueGreen);
    let blue_green = spec.blue_green.as_ref().expect("a blue-green");
    assert!(!blue_green.auto_promotion);
    assert_eq!(blue_green.scale_down_delay, Duration::from_mins(1));
    assert_eq!(blue_green.active_service, Some(Name::new("web-active")));
    assert_eq!(status.selectors.active, Some(hash("569b4b4c46")));
    assert_eq!(status.selectors.preview, Some(hash("7899989787")));
}

#[test]
fn a_template_that_lives_in_a_deployment_is_named_with_its_generation() {
    let workload = workload("rollout-orders-timed-pause.json");
    let Rollout { spec, status, .. } = rollout_of(&workload);
    let source = spec.workload_ref.as_ref().expect("a workloadRef");
    assert_eq!((source.kind.as_str(), source.name.as_str()), ("Deployment", "orders"));
    assert!(source.generation.is_some());
    assert!(status.workload_observed_generation.is_some());
    assert_eq!(spec.rollback_window, Some(2));
    assert_eq!(spec.progress_deadline, Duration::from_mins(1));
    assert_eq!(spec.steps[1], Step::Pause(Some(Duration::from_mins(65))));
}

#[test]
fn a_deployment_is_read_with_its_conditions_and_build() {
    let stuck = workload("deployment-stuck.json");
    let condition = stuck.condition("Progressing").expect("a condition");
    assert_eq!(condition.reason.as_str(), "ProgressDeadlineExceeded");
    assert_eq!((stuck.replicas.updated, stuck.replicas.available), (Some(2), Some(0)));
    let paused = workload("deployment-billing-paused.json");
    let Controller::Deployment(facts) = &paused.controller else { panic!("not a Deployment") };
    assert!(facts.paused);
    assert_eq!(facts.revision, Some(Revision(2)));
    let orders = workload("deployment-orders-taken-over.json");
    assert_eq!(orders.build.cause, Some(Text::clean("first orders")));
    assert_eq!(orders.build.commit, Some(Text::clean("4f5c0e1")));
}

#[test]
fn replica_sets_are_read_with_images_deadlines_and_owners() {
    let list = recorded("replicasets-web-promoted.json");
    let items = list["items"].as_array().expect("items");
    let mut maker = maker(FleetKind::Sets);
    let sets: Vec<_> = items
        .iter()
        .filter_map(|item| match maker.row(item, Timestamp::UNIX_EPOCH) {
            Some(Row::Set(owned)) => Some(owned),
            Some(Row::Workload(..) | Row::Route(_) | Row::Owner(_)) | None => None,
        })
        .collect();
    assert_eq!(sets.len(), 2);
    let old = sets.iter().find(|owned| owned.set.revision == Some(Revision(1))).expect("old");
    assert_eq!(old.set.scale_down_at, "2026-11-27T18:07:55Z".parse().ok());
    assert_eq!(old.set.hash, Some(hash("569b4b4c46")));
    assert_eq!(old.set.images[0].image.as_str(), "registry.example.test/shop/web:1.0.0");
    assert_eq!(old.set.replicas.available, Some(2));
    assert_ne!(sets[0].template, sets[1].template);
    let stray = json!({ "metadata": { "name": "x", "ownerReferences":
        [{ "kind": "Sandbox", "uid": "e", "controller": true }] } });
    assert!(maker.row(&stray, Timestamp::UNIX_EPOCH).is_none());
}

#[test]
fn images_keep_their_digest() {
    let object = recorded("deployment-orders-taken-over.json");
    let owners = json!([{ "kind": "Deployment", "uid": "d", "controller": true }]);
    let set = json!({ "metadata": { "ownerReferences": owners }, "spec": object["spec"] });
    let Some(Row::Set(found)) = maker(FleetKind::Sets).row(&set, Timestamp::UNIX_EPOCH) else {
        panic!("no ReplicaSet")
    };
    let digest = found.set.images[0].digest.as_ref().expect("a digest");
    assert!(digest.as_str().starts_with("sha256:aaaa"), "{digest}");
    assert_eq!(found.set.replicas.current, None, "a status that was never written says nothing");
}

#[test]
fn pods_have_the_status_that_kubectl_printed() {
    let recorded = recorded("pods.json");
    let printed = recorded["printed"].as_str().expect("kubectl's words");
    let items = recorded["items"].as_array().expect("items");
    let mut words = Words::default();
    for line in printed.lines().skip(1) {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let item = items.iter().find(|item| item["metadata"]["name"] == columns[0]).expect("a pod");
        let pod = pods::pod(item, &mut Reading::new(&mut words));
        assert_eq!(pod.status.as_str(), columns[2], "{line}");
        assert_eq!(format!("{}/{}", pod.ready.0, pod.ready.1), columns[1], "{line}");
        assert_eq!(pod.restarts.to_string(), columns[3], "{line}");
    }
}

#[test]
fn runs_are_read_with_measurements_limits_and_roles() {
    let list = recorded("analysisruns-done.json");
    let mut words = Words::default();
    let runs: Vec<_> = list["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| runs::run(item, &mut Reading::new(&mut words)))
        .collect();
    let (step, background) = (&runs[0], &runs[1]);
    assert_eq!((step.role.as_ref().map(Text::as_str), step.step), (Some("Step"), Some(3)));
    assert_eq!((step.phase, background.phase), (RunPhase::Successful, RunPhase::Failed));
    assert_eq!(background.role.as_ref().map(Text::as_str), Some("Background"));
    let metric = &background.metrics[0];
    assert_eq!((metric.tally.count, metric.tally.failed), (4, 2));
    assert_eq!((metric.limits.failures_max, metric.limits.errors_max), (1, 4));
    assert_eq!(metric.limits.count, Some(6));
    assert!(metric.limits.success.as_ref().expect("a condition").as_str().contains("0.03"));
    assert_eq!(metric.measurements.len(), 4);
    assert!(metric.measurements.iter().all(|it| it.value.is_some() && it.at.is_some()));
    assert!(background.completed.is_some());
}

#[test]
fn recorded_events_are_read_without_gaps() {
    let list = recorded("events.json");
    let mut words = Words::default();
    for item in list["items"].as_array().expect("items") {
        let told = events::event(item, &mut Reading::new(&mut words));
        let event = &told.event;
        assert!(event.first.is_some() && event.first <= event.last, "{event:?}");
        assert!(!event.reason.is_empty() && !event.by.is_empty(), "{event:?}");
    }
}

#[test]
fn steps_of_every_kind_are_known_and_others_are_unknown() {
    let text = |raw: &str| Text::clean(raw);
    for (step, want) in [
        (json!({ "setWeight": 0 }), Step::SetWeight(0)),
        (json!({ "setWeight": -5 }), Step::Unknown),
        (json!({ "setWeight": "10" }), Step::Unknown),
        (json!({ "pause": {} }), Step::Pause(None)),
        (json!({ "pause": { "duration": 30 } }), Step::Pause(Some(Duration::from_secs(30)))),
        (json!({ "pause": { "duration": "90" } }), Step::Pause(Some(Duration::from_secs(90)))),
        (json!({ "pause": { "duration": "1h5m" } }), Step::Pause(Some(Duration::from_mins(65)))),
        (json!({ "pause": { "duration": "soon" } }), Step::Unknown),
        (json!({ "pause": null }), Step::Unknown),
        (json!({ "experiment": { "templates": [] } }), Step::Experiment),
        (json!({ "analysis": {} }), Step::Analysis([].into())),
        (json!({ "setCanaryScale": { "weight": 25 } }), Step::SetCanaryScale(text("weight: 25"))),
        (json!({ "setCanaryScale": { "replicas": 3 } }), Step::SetCanaryScale(text("replicas: 3"))),
        (
            json!({ "setCanaryScale": { "matchTrafficWeight": true } }),
            Step::SetCanaryScale(text("matchTrafficWeight: true")),
        ),
        (json!({ "setHeaderRoute": { "name": "beta" } }), Step::SetHeaderRoute(text("beta"))),
        (json!({ "setMirrorRoute": { "name": "copy" } }), Step::SetMirrorRoute(text("copy"))),
        (json!({ "plugin": { "name": "o/p" } }), Step::Plugin(text("o/p"))),
        (json!({ "teleport": {} }), Step::Unknown),
        (json!(5), Step::Unknown),
    ] {
        let spec = rollout_spec(&json!({ "strategy": { "canary": { "steps": [step.clone()] } } }));
        assert_eq!(&*spec.steps, &[want], "{step}");
    }
}

#[test]
fn the_delay_after_an_abort_follows_the_controllers_rules() {
    let seconds = |count| Some(Duration::from_secs(count));
    let routed = |extra: Value| {
        let mut canary = json!({ "trafficRouting": { "nginx": {} } });
        canary
            .as_object_mut()
            .expect("an object")
            .extend(extra.as_object().expect("an object").clone());
        json!({ "canary": canary })
    };
    for (strategy, want) in [
        (routed(json!({})), seconds(30)),
        (routed(json!({ "abortScaleDownDelaySeconds": 7 })), seconds(7)),
        (routed(json!({ "abortScaleDownDelaySeconds": 0 })), None),
        (routed(json!({ "dynamicStableScale": true })), seconds(0)),
        (
            routed(json!({ "dynamicStableScale": true, "abortScaleDownDelaySeconds": 9 })),
            seconds(9),
        ),
        (json!({ "canary": { "abortScaleDownDelaySeconds": 7 } }), seconds(0)),
        (json!({ "blueGreen": {} }), seconds(30)),
        (json!({ "blueGreen": { "abortScaleDownDelaySeconds": 0 } }), None),
    ] {
        let spec = rollout_spec(&json!({ "strategy": strategy }));
        assert_eq!(spec.abort_scale_down_delay, want, "{strategy}");
    }
}

#[test]
fn counters_that_are_left_out_are_zero_only_when_the_status_was_written() {
    let read = |status: Value| {
        let object = json!({ "spec": { "strategy": { "canary": {} } }, "status": status });
        known(ROLLOUTS, &object).workload.replicas
    };
    assert_eq!(read(json!({})).available, None);
    assert_eq!(read(json!({ "observedGeneration": "1" })).available, Some(0));
    assert_eq!(
        read(json!({ "observedGeneration": "1", "availableReplicas": "x" })).available,
        None
    );
    assert_eq!(read(json!({})).desired, Some(1), "one unless said");
}

/// Any JSON, with the keys that matter among its keys.
fn any_json() -> impl Strategy_<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(Value::from("2026-01-01T00:00:00Z")),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        let key = prop_oneof![
            proptest::sample::select(KEYS.to_vec()).prop_map(str::to_owned),
            "[a-z]{1,6}",
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::hash_map(key, inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

const KEYS: [&str; 34] = [
    "metadata",
    "spec",
    "status",
    "name",
    "namespace",
    "uid",
    "labels",
    "annotations",
    "strategy",
    "canary",
    "blueGreen",
    "steps",
    "pause",
    "duration",
    "setWeight",
    "analysis",
    "weights",
    "weight",
    "conditions",
    "type",
    "reason",
    "message",
    "template",
    "containers",
    "image",
    "ownerReferences",
    "containerStatuses",
    "initContainerStatuses",
    "state",
    "terminated",
    "waiting",
    "metrics",
    "metricResults",
    "measurements",
];

proptest! {
    #[test]
    fn nothing_that_a_server_sends_makes_us_stumble(value in any_json()) {
        for kind in FleetKind::all() {
            let _ = maker(kind).row(&value, Timestamp::UNIX_EPOCH);
        }
        let mut words = Words::default();
        let _ = pods::pod(&value, &mut Reading::new(&mut words));
        let _ = runs::run(&value, &mut Reading::new(&mut words));
        let _ = events::event(&value, &mut Reading::new(&mut words));
    }
}
