//! Canaries: each test is a rule that was seen on the live control plane.

use serde_json::{Value, json};

use super::read;
use super::testing::{Town, basic, block, rollout, routed};
use crate::sim::store::Kind;

fn steps() -> Value {
    json!([{"setWeight": 20}, {"pause": {}}, {"setWeight": 50}, {"pause": {"duration": "10s"}}])
}

fn waiting(spec: Value) -> Town {
    let mut town = Town::new();
    town.rollout(5, spec);
    town.mark();
    town.release("web:2", json!({}));
    town.until("waiting", 20, |town| town.message() == "CanaryPauseStep");
    town
}

#[test]
fn a_canarys_start_is_written_eight_or_nine_times_within_a_second_and_a_half() {
    let mut town = Town::new();
    town.rollout(6, basic(steps()));
    town.mark();
    town.release("web:2", json!({}));
    town.pass(1_500);
    let writes = town.versions(Kind::Rollout, "web").len() - 1;
    assert!((8..=10).contains(&writes), "{writes}");
}

#[test]
fn one_patch_of_the_template_makes_two_generations_and_the_observed_one_is_a_text() {
    let mut town = waiting(basic(steps()));
    let versions = town.versions(Kind::Rollout, "web");
    let generation = |it: &Value| read::count(it, "/metadata/generation");
    assert_eq!(versions.iter().map(generation).max(), Some(4));
    let last = versions.last().unwrap();
    assert_eq!(last["status"]["observedGeneration"], json!("4"));
    assert_eq!(last["spec"]["template"]["spec"]["containers"][0]["resources"], json!({}));
    assert_eq!(read::annotation(last, "rollout.argoproj.io/revision"), Some("2"));
}

#[test]
fn a_mark_in_the_message_lives_until_the_controllers_next_pass() {
    let mut town = waiting(basic(steps()));
    town.mark();
    town.status(json!({"message": "pilothouse 7 promote", "pauseConditions": null}));
    assert_eq!(town.message(), "pilothouse 7 promote");
    town.pass(8);
    assert_eq!(town.message(), "pilothouse 7 promote");
    town.pass(15);
    assert_ne!(town.message(), "pilothouse 7 promote");
    let seen = town.versions(Kind::Rollout, "web");
    assert_eq!(read::text(&seen[0], "/status/message"), "pilothouse 7 promote");
}

#[test]
fn a_basic_canary_takes_its_share_of_the_pods_and_goes_step_by_step() {
    let mut town = waiting(basic(steps()));
    assert_eq!((town.pods("web:1"), town.pods("web:2")), ((4, 4), (1, 1)));
    assert_eq!((town.step(), town.phase().as_str()), (1, "Paused"));
    town.status(json!({"pauseConditions": null}));
    town.until("at the second pause", 20, |town| town.step() == 3 && town.phase() == "Paused");
    assert_eq!(town.pods("web:2"), (3, 3));
    town.until("healthy", 20, |town| town.phase() == "Healthy");
    assert_eq!((town.pods("web:1"), town.pods("web:2")), ((0, 0), (5, 5)));
    assert_eq!(town.told("stableRS"), town.hash("web:2"));
    let completed = town.events("RolloutCompleted");
    assert!(completed.iter().any(|it| it.ends_with(": Completed all 4 canary steps")));
    assert!(
        town.events("RolloutStepCompleted")
            .contains(&"Rollout step 4/4 completed (pause: 10s)".to_owned())
    );
}

#[test]
fn a_routed_canary_follows_the_weight_and_stable_stays_whole() {
    let mut town = waiting(routed(steps()));
    assert_eq!((town.pods("web:1"), town.pods("web:2")), ((5, 5), (1, 1)));
    assert_eq!(town.weight(), 20);
    let ingress = town.get(Kind::Ingress, "web-web-canary");
    let weight = "nginx.ingress.kubernetes.io/canary-weight";
    assert_eq!(read::annotation(&ingress, weight), Some("20"));
    assert_eq!(town.selects("web-canary"), town.hash("web:2"));
    assert_eq!(town.selects("web-stable"), town.hash("web:1"));
    town.status(json!({"pauseConditions": null}));
    town.until("healthy", 40, |town| town.phase() == "Healthy" && town.weight() == 0);
    assert_eq!(town.selects("web-stable"), town.hash("web:2"));
    assert_eq!(town.pods("web:1"), (5, 5), "the old version waits for its scale-down delay");
    town.until("scaled down", 40, |town| town.pods("web:1") == (0, 0));
}

#[test]
fn promoting_a_canary_clears_the_pause_and_the_controller_takes_the_step() {
    let mut town = waiting(routed(steps()));
    town.status(json!({"pauseConditions": null}));
    town.pass(100);
    assert_eq!(town.step(), 2);
    assert_eq!(town.web()["status"].get("controllerPause"), None);
}

#[test]
fn skipping_a_step_keeps_the_human_gate_after_it() {
    let mut town = Town::new();
    town.template("errors", "result[0] < 0.05", "");
    let steps = json!([{"setWeight": 20}, {"analysis": block("errors")}, {"pause": {}}]);
    town.rollout(5, routed(steps));
    town.release("web:2", json!({}));
    town.until("in analysis", 20, |town| !town.runs().is_empty());
    let skip = json!({"pauseConditions": null, "controllerPause": false, "currentStepIndex": 2});
    town.status(skip);
    town.until("at the gate", 5, |town| town.message() == "CanaryPauseStep");
    assert_eq!(town.step(), 2);
    town.until("run ended", 5, |town| read::text(&town.runs()[0], "/status/phase") == "Successful");
    assert!(read::is(&town.runs()[0], "/spec/terminate"));
}

#[test]
fn a_full_promotion_skips_everything_and_its_flag_goes() {
    let mut town = waiting(routed(steps()));
    town.status(json!({"promoteFull": true}));
    town.until("promoted", 20, |town| town.phase() == "Healthy");
    assert_eq!(town.told("stableRS"), town.hash("web:2"));
    assert_eq!(town.web()["status"].get("promoteFull"), None);
    let completed = town.events("RolloutCompleted");
    assert!(completed.iter().any(|it| it.ends_with("Full promotion requested")));
}

#[test]
fn a_full_promotion_hangs_while_the_rollout_is_paused_by_hand() {
    let mut town = waiting(basic(steps()));
    town.spec(json!({"paused": true}));
    town.pass(100);
    town.status(json!({"promoteFull": true}));
    town.pass(20_000);
    assert_eq!(town.told("stableRS"), town.hash("web:1"));
    assert!(read::is(&town.web(), "/status/promoteFull"));
    town.spec(json!({"paused": false}));
    town.until("promoted", 20, |town| town.told("stableRS") == town.hash("web:2"));
}

#[test]
fn going_back_to_stable_in_flight_is_fast() {
    let mut town = waiting(routed(steps()));
    town.release("web:1", json!({}));
    town.pass(300);
    assert_eq!((town.phase().as_str(), town.step(), town.weight()), ("Healthy", 4, 0));
    assert_eq!(town.told("currentPodHash"), town.hash("web:1"));
    assert_eq!(town.events("SkipSteps"), ["Rollback to stable ReplicaSets"]);
    let mut basic = waiting(basic(steps()));
    basic.release("web:1", json!({}));
    basic.until("back", 3, |town| town.phase() == "Healthy");
}

#[test]
fn going_back_to_an_older_version_takes_all_steps_again() {
    let mut town = waiting(basic(steps()));
    town.status(json!({"promoteFull": true}));
    town.until("promoted", 20, |town| town.phase() == "Healthy");
    town.release("web:1", json!({}));
    town.until("waiting", 20, |town| town.message() == "CanaryPauseStep");
    assert_eq!(town.step(), 1);
    let set = town.set("web:1");
    assert_eq!(read::annotation(&set, "rollout.argoproj.io/revision"), Some("3"));
    assert_eq!(read::annotation(&set, "rollout.argoproj.io/revision-history"), Some("1"));
}

#[test]
fn a_template_as_the_server_stored_it_is_the_same_version() {
    let mut town = waiting(routed(steps()));
    let mut template = town.set("web:1")["spec"]["template"].clone();
    read::unset(&mut template, "/metadata/labels/rollouts-pod-template-hash");
    let mut web = town.web();
    web["spec"]["template"] = template;
    town.store().update(Kind::Rollout, web).unwrap();
    town.pass(300);
    assert_eq!(town.told("currentPodHash"), town.hash("web:1"));
    assert_eq!(town.store().list(Kind::ReplicaSet, None).count(), 2);
}

#[test]
fn a_rollback_within_the_window_skips_all_steps() {
    let mut spec = basic(steps());
    spec["rollbackWindow"] = json!({"revisions": 3});
    let mut town = waiting(spec);
    town.status(json!({"promoteFull": true}));
    town.until("promoted", 20, |town| town.phase() == "Healthy");
    town.mark();
    town.release("web:1", json!({}));
    town.until("back", 20, |town| town.told("stableRS") == town.hash("web:1"));
    let seen = town.versions(Kind::Rollout, "web");
    assert!(seen.iter().all(|it| it["status"].get("pauseConditions").is_none()));
}

#[test]
fn pausing_by_hand_is_observed_at_once_and_holds_every_step() {
    let mut town = Town::new();
    town.rollout(5, basic(json!([{"setWeight": 20}, {"setWeight": 60}])));
    town.release("web:2", json!({}));
    town.spec(json!({"paused": true}));
    town.pass(100);
    assert_eq!((town.phase().as_str(), town.message().as_str()), ("Paused", "manually paused"));
    town.pass(20_000);
    assert_eq!((town.step(), town.pods("web:2")), (0, (0, 0)));
    town.spec(json!({"paused": false}));
    town.until("healthy", 20, |town| town.phase() == "Healthy");
}

#[test]
fn a_hand_paused_canary_ignores_the_number_of_replicas() {
    let mut town = waiting(basic(steps()));
    town.spec(json!({"paused": true}));
    town.pass(100);
    town.spec(json!({"replicas": 10}));
    town.pass(5_000);
    assert_eq!((town.pods("web:1"), town.pods("web:2")), ((4, 4), (1, 1)));
    town.spec(json!({"paused": false}));
    town.until("scaled", 20, |town| town.pods("web:1") == (8, 8) && town.pods("web:2") == (2, 2));
}

#[test]
fn a_rollout_that_makes_no_progress_is_degraded_after_its_deadline() {
    let mut town = Town::new();
    let mut spec = basic(json!([{"setWeight": 20}]));
    spec["progressDeadlineSeconds"] = 30.into();
    town.rollout(5, spec);
    town.release("web:2", json!({"live/fate": "never-ready"}));
    town.pass(25_000);
    assert_eq!(town.phase(), "Progressing");
    town.until("degraded", 15, |town| town.phase() == "Degraded");
    assert!(town.message().starts_with("ProgressDeadlineExceeded: ReplicaSet \"web-"));
    town.spec(json!({"progressDeadlineAbort": true}));
    town.until("aborted", 5, |town| !town.told("abortedAt").is_empty());
}

#[test]
fn a_pause_step_counts_against_no_deadline() {
    let mut spec = basic(steps());
    spec["progressDeadlineSeconds"] = 30.into();
    let mut town = waiting(spec);
    town.pass(120_000);
    assert_eq!(town.phase(), "Paused");
}

#[test]
fn a_restart_renews_every_pod_and_is_noted() {
    let mut town = Town::new();
    town.rollout(4, basic(json!([])));
    let before: Vec<String> =
        town.store().list(Kind::Pod, None).map(|pod| read::name(pod).to_owned()).collect();
    town.pass(5_000);
    town.spec(json!({"restartAt": "2026-01-01T00:00:05Z"}));
    town.until("restarted", 30, |town| {
        town.told("restartedAt") == "2026-01-01T00:00:05Z" && town.phase() == "Healthy"
    });
    town.pass(2_000);
    let after: Vec<String> =
        town.store().list(Kind::Pod, None).map(|pod| read::name(pod).to_owned()).collect();
    assert_eq!(after.len(), 4);
    assert!(before.iter().all(|name| !after.contains(name)));
}

#[test]
fn a_restart_in_the_past_restarts_nothing() {
    let mut town = Town::new();
    town.rollout(2, basic(json!([])));
    let names = |town: &mut Town| -> Vec<String> {
        town.store().list(Kind::Pod, None).map(|pod| read::name(pod).to_owned()).collect()
    };
    let before = names(&mut town);
    town.spec(json!({"restartAt": "2025-01-01T00:00:00Z"}));
    town.pass(5_000);
    assert_eq!(names(&mut town), before);
    assert_eq!(town.told("restartedAt"), "2025-01-01T00:00:00Z");
}

#[test]
fn what_is_wrong_with_a_rollout_is_told_and_healed() {
    let mut town = Town::new();
    town.put(Kind::Rollout, "web", rollout(2, routed(json!([{"setWeight": 10}]))));
    town.pass(200);
    assert_eq!(town.phase(), "Degraded");
    let why = "InvalidSpec: The Rollout \"web\" is invalid: spec.strategy.canary.stableService: \
               Invalid value: \"web-stable\": service \"web-stable\" not found";
    assert_eq!(town.message(), why);
    town.services();
    town.until("healthy", 40, |town| town.phase() == "Healthy");
}

#[test]
fn impossible_specs_are_degraded_with_the_field_named() {
    for (spec, words) in [
        (json!({}), "Rollout has missing field"),
        (
            json!({"strategy": {"canary": {}, "blueGreen": {"activeService": "a"}}}),
            "Multiple Strategies can not be listed",
        ),
        (basic(json!([{"setWeight": 101}])), "SetWeight needs to be between 0 and 100"),
        (basic(json!([{}])), "Step must have one of the following set"),
        (basic(json!([{"setCanaryScale": {"weight": 1}}])), "SetCanaryScale requires"),
        (basic(json!([{"analysis": block("nowhere")}])), "AnalysisTemplate 'nowhere' not found"),
    ] {
        let mut town = Town::new();
        town.put(Kind::Rollout, "web", rollout(1, spec.clone()));
        town.pass(200);
        assert!(town.message().contains(words), "{spec}: {}", town.message());
        assert_eq!(town.told("observedGeneration"), "1");
    }
}

#[test]
fn a_rollout_of_another_controller_is_left_alone() {
    let mut town = Town::new();
    let mut object = rollout(1, basic(json!([])));
    let label = "argo-rollouts.argoproj.io/controller-instance-id";
    object["metadata"]["labels"] = json!({label: "other"});
    town.put(Kind::Rollout, "web", object);
    town.pass(5_000);
    assert_eq!(town.web().get("status"), None);
}

#[test]
fn without_replicas_one_is_written() {
    let mut town = Town::new();
    let mut object = rollout(1, basic(json!([])));
    read::unset(&mut object, "/spec/replicas");
    town.put(Kind::Rollout, "web", object);
    town.until("healthy", 20, |town| town.phase() == "Healthy");
    assert_eq!(read::int(&town.web(), "/spec/replicas"), Some(1));
}

#[test]
fn a_rollout_with_a_reference_takes_the_template_of_its_deployment() {
    let mut town = Town::new();
    let template = rollout(2, json!({}))["spec"]["template"].clone();
    let deployment = json!({"spec": {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "web"}},
        "template": template,
    }});
    town.put(Kind::Deployment, "web", deployment);
    let reference = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
    let strategy = json!({"canary": {"steps": [{"setWeight": 50}, {"pause": {}}]}});
    let spec = json!({"replicas": 2, "workloadRef": reference, "strategy": strategy});
    town.put(Kind::Rollout, "web", json!({"spec": spec}));
    town.until("healthy", 20, |town| town.phase() == "Healthy");
    let generation = "rollout.argoproj.io/workload-generation";
    assert_eq!(read::annotation(&town.web(), generation), Some("1"));
    assert_eq!(town.told("workloadObservedGeneration"), "1");
    let containers = json!([{"name": "app", "image": "web:2"}]);
    let patch = json!({"spec": {"template": {"spec": {"containers": containers}}}});
    town.patch(Kind::Deployment, "web", patch);
    town.until("waiting", 20, |town| town.message() == "CanaryPauseStep");
    assert_eq!(read::annotation(&town.web(), generation), Some("2"));
    assert_eq!(town.told("workloadObservedGeneration"), "2");
    assert_eq!(read::count(&town.web(), "/status/updatedReplicas"), 1);
}

#[test]
fn only_so_many_old_versions_are_kept() {
    let mut town = Town::new();
    let mut spec = basic(json!([]));
    spec["revisionHistoryLimit"] = 2.into();
    town.rollout(1, spec);
    for image in ["web:2", "web:3", "web:4", "web:5"] {
        town.release(image, json!({}));
        town.until("healthy", 20, |town| {
            town.phase() == "Healthy" && town.told("stableRS") == town.hash(image)
        });
        town.pass(2_000);
    }
    town.pass(2_000);
    assert_eq!(town.store().list(Kind::ReplicaSet, None).count(), 3);
}

#[test]
fn steps_without_a_wait_complete_at_once_and_plugins_work_their_time() {
    let mut town = Town::new();
    let plugin = json!({"plugin": {"name": "checks", "config": {"duration": "4s"}}});
    let route = json!({"setHeaderRoute": {"name": "beta"}});
    let mirror = json!({"setMirrorRoute": {"name": "copy"}});
    let scale = json!({"setCanaryScale": {"replicas": 2}});
    let mut spec = routed(json!([{"setWeight": 10}, route, mirror, plugin, scale, {"pause": {}}]));
    spec["strategy"]["canary"]["trafficRouting"] = json!({"istio": {}});
    town.rollout(4, spec);
    town.release("web:2", json!({}));
    town.until("plugin works", 10, |town| town.step() == 3);
    town.pass(1_000);
    let status = "/status/canary/stepPluginStatuses/0/phase";
    assert_eq!(read::text(&town.web(), status), "Running");
    town.until("waiting", 20, |town| town.message() == "CanaryPauseStep");
    assert_eq!(read::text(&town.web(), status), "Successful");
    assert_eq!(town.pods("web:2"), (2, 2));
}

#[test]
fn an_experiment_runs_its_time_and_the_step_completes() {
    let mut town = Town::new();
    let templates = json!([{"name": "baseline", "specRef": "stable", "replicas": 1}]);
    let experiment = json!({"experiment": {"duration": "5s", "templates": templates}});
    town.rollout(3, basic(json!([{"setWeight": 40}, experiment, {"pause": {}}])));
    town.release("web:2", json!({}));
    town.until("running", 20, |town| !town.told("canary/currentExperiment").is_empty());
    town.until("waiting", 20, |town| town.message() == "CanaryPauseStep");
    assert_eq!(town.step(), 2);
    assert_eq!(town.events("ExperimentCreated").len(), 1);
}

#[test]
fn a_version_that_crashes_never_gets_weight() {
    let mut town = Town::new();
    town.rollout(5, routed(steps()));
    town.release("web:2", json!({"live/fate": "crash"}));
    town.pass(60_000);
    assert_eq!((town.step(), town.weight()), (0, 0));
    assert_eq!(town.pods("web:2"), (1, 0));
    assert_eq!(town.selects("web-canary"), town.hash("web:1"));
}
