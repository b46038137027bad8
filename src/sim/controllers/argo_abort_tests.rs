//! Aborts, retries, and the traps among them.

use serde_json::{Value, json};

use super::read;
use super::testing::{Town, basic, block, blue_green, routed};
use crate::sim::store::Kind;

const ABORT: &str = "Rollout aborted update to revision 2";

fn steps() -> Value {
    json!([{"setWeight": 20}, {"pause": {}}, {"setWeight": 50}, {"pause": {}}])
}

fn waiting(spec: Value) -> Town {
    let mut town = Town::new();
    town.rollout(5, spec);
    town.release("web:2", json!({}));
    town.until("waiting", 20, |town| town.message() == "CanaryPauseStep");
    town
}

fn abort(town: &mut Town) {
    town.status(json!({"abort": true, "promoteFull": false}));
}

#[test]
fn aborting_a_basic_canary_takes_its_pods() {
    let mut town = waiting(basic(steps()));
    abort(&mut town);
    town.until("gone", 2, |town| town.pods("web:2") == (0, 0));
    assert_ne!(town.told("abortedAt"), "");
    assert_eq!((town.phase().as_str(), town.step()), ("Degraded", 0));
    assert_eq!(town.message(), format!("RolloutAborted: {ABORT}"));
    town.until("stable whole", 5, |town| town.pods("web:1") == (5, 5));
}

#[test]
fn trap_13_aborting_a_hand_paused_basic_canary_keeps_its_pods_until_somebody_unpauses() {
    let mut town = waiting(basic(steps()));
    town.spec(json!({"paused": true}));
    town.pass(100);
    abort(&mut town);
    town.pass(30_000);
    assert_eq!(town.phase(), "Degraded");
    assert_ne!(town.told("abortedAt"), "");
    assert_eq!(town.pods("web:2"), (1, 1), "the canary goes on serving");
    town.spec(json!({"paused": false}));
    town.until("gone", 2, |town| town.pods("web:2") == (0, 0));
}

#[test]
fn aborting_a_hand_paused_routed_canary_takes_its_weight_and_leaves_its_pods() {
    let mut town = waiting(routed(steps()));
    town.spec(json!({"paused": true}));
    town.pass(100);
    abort(&mut town);
    town.pass(100);
    assert_eq!((town.weight(), town.pods("web:2")), (0, (1, 1)));
    town.pass(60_000);
    assert_eq!(town.pods("web:2"), (1, 1));
}

#[test]
fn aborting_a_routed_canary_takes_its_weight_at_once_and_its_pods_after_the_delay() {
    let mut town = waiting(routed(steps()));
    abort(&mut town);
    town.pass(90);
    assert_eq!((town.weight(), town.step()), (0, 0));
    town.pass(200);
    let deadline = town.set("web:2");
    assert!(read::annotation(&deadline, "scale-down-deadline").is_some());
    town.pass(28_000);
    assert_eq!(town.pods("web:2"), (1, 1));
    town.until("gone", 5, |town| town.pods("web:2") == (0, 0));
}

#[test]
fn the_users_abort_delay_holds_and_zero_keeps_only_what_a_step_scaled() {
    for (seconds, kept_ms, expected) in [(3, 2_000, (1, 1)), (3, 5_000, (0, 0)), (0, 200, (0, 0))] {
        let mut spec = routed(steps());
        spec["strategy"]["canary"]["abortScaleDownDelaySeconds"] = seconds.into();
        let mut town = waiting(spec);
        abort(&mut town);
        town.pass(kept_ms);
        assert_eq!(town.pods("web:2"), expected, "{seconds} s, after {kept_ms} ms");
    }
    let scaled = json!([{"setCanaryScale": {"replicas": 2}}, {"setWeight": 20}, {"pause": {}}]);
    let mut spec = routed(scaled);
    spec["strategy"]["canary"]["abortScaleDownDelaySeconds"] = 0.into();
    let mut town = waiting(spec);
    abort(&mut town);
    town.pass(90_000);
    assert_eq!(town.pods("web:2"), (2, 2));
}

#[test]
fn the_canary_service_flips_while_an_aborted_canary_keeps_its_pods() {
    let mut town = waiting(routed(steps()));
    abort(&mut town);
    town.pass(500);
    town.mark();
    town.pass(1_000);
    let flips = town.versions(Kind::Service, "web-canary").len();
    assert!((40..=200).contains(&flips), "{flips}");
}

#[test]
fn a_retry_begins_again_with_the_first_step() {
    let mut town = waiting(basic(steps()));
    abort(&mut town);
    town.pass(3_000);
    town.status(json!({"abort": false}));
    town.pass(80);
    assert_eq!(town.told("abortedAt"), "");
    assert_ne!(town.progress(), "RolloutAborted");
    town.until("waiting", 20, |town| town.message() == "CanaryPauseStep");
    assert_eq!(town.step(), 1);
}

/// Aborts and tells whether it was dropped: `abort` is false again without an `abortedAt`.
fn is_dropped(town: &mut Town) -> bool {
    abort(town);
    town.pass(300);
    !read::is(&town.web(), "/status/abort") && town.told("abortedAt").is_empty()
}

#[test]
fn trap_14_an_abort_is_dropped_where_nothing_is_in_flight() {
    let mut town = Town::new();
    town.rollout(5, basic(steps()));
    assert!(is_dropped(&mut town));
    let mut town = Town::new();
    town.rollout(2, blue_green(json!({})));
    town.release("web:2", json!({}));
    town.until("promoted", 20, |town| town.told("stableRS") == town.hash("web:2"));
    assert!(is_dropped(&mut town));
}

#[test]
fn trap_14_an_abort_is_dropped_while_a_full_promotion_is_asked_for() {
    let mut town = waiting(basic(steps()));
    town.status(json!({"promoteFull": true}));
    town.pass(100);
    town.status(json!({"abort": true}));
    town.until("promoted", 20, |town| town.told("stableRS") == town.hash("web:2"));
    assert!(!read::is(&town.web(), "/status/abort"));
}

#[test]
fn trap_14_an_abort_is_dropped_within_a_rollback_window() {
    let mut spec = basic(steps());
    spec["rollbackWindow"] = json!({"revisions": 3});
    let mut town = waiting(spec);
    town.status(json!({"promoteFull": true}));
    town.until("promoted", 20, |town| town.phase() == "Healthy");
    town.release("web:1", json!({"live/ready-after": "10s"}));
    // Another template than the first: an ordinary update, which may be aborted.
    town.pass(500);
    assert!(!is_dropped(&mut town));
    town.status(json!({"abort": false}));
    town.release("web:1", json!({"live/ready-after": null}));
    town.pass(200);
    assert!(is_dropped(&mut town));
}

#[test]
fn trap_14_an_abort_before_the_template_was_seen_is_dropped() {
    let mut town = Town::new();
    town.rollout(5, basic(steps()));
    town.release("web:2", json!({}));
    assert!(is_dropped(&mut town));
    town.until("waiting", 20, |town| town.message() == "CanaryPauseStep");
}

#[test]
fn a_failed_step_analysis_aborts_with_the_reason() {
    let mut town = Town::new();
    town.template("errors", "len(result) == 0 || isNaN(result[0]) || result[0] < 0.03", "");
    let steps = json!([{"setWeight": 40}, {"analysis": block("errors")}, {"pause": {}}]);
    town.rollout(5, routed(steps));
    town.release("web:2", json!({"live/errors": "0.3", "live/rps": "50"}));
    town.until("aborted", 60, |town| town.phase() == "Degraded" && town.weight() == 0);
    let why = "Step-based analysis phase error/failed: Metric \"errors\" assessed Failed due to \
               failed (2) > failureLimit (1)";
    assert_eq!(town.message(), format!("RolloutAborted: {ABORT}: {why}"));
    let run = &town.runs()[0];
    assert_eq!(read::text(run, "/status/phase"), "Failed");
    assert_eq!(read::label(run, "rollout-type"), Some("Step"));
    assert_eq!(read::label(run, "step-index"), Some("1"));
    assert!(read::text(run, "/metadata/name").ends_with("-2-1"));
    assert_eq!(read::count(run, "/status/metricResults/0/failed"), 2);
    // No /status: what changes in it makes generations.
    assert!(read::count(run, "/metadata/generation") > 2);
}

#[test]
fn a_background_analysis_runs_beside_the_steps_and_ends_with_them() {
    let mut town = Town::new();
    town.template("errors", "len(result) == 0 || isNaN(result[0]) || result[0] < 0.03", "");
    let mut spec = basic(json!([{"setWeight": 20}, {"pause": {"duration": 12}}]));
    spec["strategy"]["canary"]["analysis"] = block("errors");
    spec["strategy"]["canary"]["analysis"]["startingStep"] = 1.into();
    town.rollout(5, spec);
    town.release("web:2", json!({}));
    town.pass(100);
    town.until("healthy", 40, |town| town.phase() == "Healthy");
    town.pass(200);
    let run = &town.runs()[0];
    assert_eq!(read::text(run, "/status/message"), "Run Terminated");
    assert_eq!(read::text(run, "/status/phase"), "Successful");
    assert_eq!(town.web()["status"]["canary"], json!({}));
}

fn inconclusive(steps: Value) -> Town {
    let mut town = Town::new();
    town.template("errors", "result[0] < 0.02", "result[0] > 0.5");
    town.rollout(5, basic(steps));
    town.release("web:2", json!({"live/errors": "0.2", "live/rps": "50"}));
    // The first measurements find nothing, which is an error, and are taken again.
    town.until("unclear", 90, |town| town.message() == "InconclusiveAnalysisRun");
    town
}

#[test]
fn an_inconclusive_analysis_pauses_and_clearing_the_pause_alone_begins_a_new_run() {
    let steps = json!([{"setWeight": 40}, {"analysis": block("errors")}, {"pause": {}}]);
    let mut town = inconclusive(steps);
    assert_eq!(town.told("canary/currentStepAnalysisRunStatus/status"), "Inconclusive");
    assert_eq!(town.runs().len(), 1);
    town.status(json!({"pauseConditions": null}));
    town.until("measured again", 20, |town| town.runs().len() == 2);
    assert_eq!(town.step(), 1);
    assert!(read::text(&town.runs()[1], "/metadata/name").ends_with("-2-1.1"));
}

#[test]
fn an_inconclusive_step_is_passed_by_moving_the_index_too() {
    let steps = json!([{"setWeight": 40}, {"analysis": block("errors")}, {"pause": {}}]);
    let mut town = inconclusive(steps);
    let on = json!({"pauseConditions": null, "controllerPause": false, "currentStepIndex": 2});
    town.status(on);
    town.until("at the gate", 5, |town| town.message() == "CanaryPauseStep");
    assert_eq!(town.step(), 2);
    let canary = town.web()["status"]["canary"].clone();
    assert_eq!(canary.get("currentStepAnalysisRunStatus"), None);
    assert_eq!(town.runs().len(), 1);
}

#[test]
fn a_metric_that_finds_nothing_five_times_is_an_error_and_aborts() {
    let mut town = Town::new();
    town.template("errors", "result[0] < 0.02", "");
    let mut steps = block("errors");
    steps["args"] = json!([{"name": "hash", "value": "nowhere"}]);
    town.rollout(3, basic(json!([{"setWeight": 40}, {"analysis": steps}])));
    town.release("web:2", json!({}));
    town.until("aborted", 90, |town| town.phase() == "Degraded");
    let run = &town.runs()[0];
    assert_eq!(read::text(run, "/status/phase"), "Error");
    assert!(read::text(run, "/status/message").contains("consecutiveErrors (5)"));
}

#[test]
fn terminating_a_run_lets_its_step_pass() {
    let mut town = Town::new();
    town.template("errors", "len(result) == 0 || result[0] < 0.9", "");
    town.rollout(
        5,
        basic(json!([{"setWeight": 40}, {"analysis": block("errors")}, {"pause": {}}])),
    );
    town.release("web:2", json!({}));
    town.until("in analysis", 20, |town| !town.runs().is_empty());
    town.pass(1_000);
    let name = read::name(&town.runs()[0]).to_owned();
    town.patch(Kind::AnalysisRun, &name, json!({"spec": {"terminate": true}}));
    town.until("passed", 3, |town| town.step() == 2);
    assert_eq!(read::text(&town.runs()[0], "/status/phase"), "Successful");
}

#[test]
fn with_a_stable_version_that_shrinks_an_abort_goes_back_step_by_step() {
    let mut spec = routed(json!([{"setWeight": 20}, {"setWeight": 60}, {"pause": {}}]));
    spec["strategy"]["canary"]["dynamicStableScale"] = true.into();
    let mut town = waiting(spec);
    town.until("shrunk", 10, |town| town.pods("web:1") == (2, 2));
    abort(&mut town);
    town.pass(100);
    assert_eq!(town.weight(), 60, "stable has to grow first");
    town.until("back", 20, |town| town.weight() == 0);
    town.until("gone", 20, |town| town.pods("web:2") == (0, 0) && town.pods("web:1") == (5, 5));
}
