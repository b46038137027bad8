//! Blue-green.

use serde_json::{Value, json};

use super::read;
use super::testing::{Town, block, blue_green};

fn started(more: Value) -> Town {
    let mut town = Town::new();
    town.template("errors", "len(result) == 0 || isNaN(result[0]) || result[0] < 0.03", "");
    town.rollout(3, blue_green(more));
    town
}

fn waiting(more: Value) -> Town {
    let mut more = more;
    more["autoPromotionEnabled"] = false.into();
    let mut town = started(more);
    town.release("web:2", json!({}));
    town.until("waiting", 20, |town| town.message() == "BlueGreenPause");
    town
}

#[test]
fn the_preview_is_shown_before_a_human_promotes_and_the_old_version_waits_its_delay() {
    let mut town = waiting(json!({"scaleDownDelaySeconds": 20}));
    let (old, new) = (town.hash("web:1"), town.hash("web:2"));
    assert_eq!((town.selects("web-preview"), town.selects("web-active")), (new.clone(), old));
    assert_eq!((town.pods("web:1"), town.pods("web:2")), ((3, 3), (3, 3)));
    town.status(json!({"pauseConditions": null}));
    town.pass(150);
    assert_eq!((town.selects("web-active"), town.told("stableRS")), (new.clone(), new));
    town.until("healthy", 3, |town| town.phase() == "Healthy");
    assert!(town.told("selector").contains("rollouts-pod-template-hash="));
    town.pass(17_000);
    assert_eq!(town.pods("web:1"), (3, 3));
    town.until("scaled down", 10, |town| town.pods("web:1") == (0, 0));
}

#[test]
fn without_a_human_it_switches_at_once_or_after_its_seconds() {
    let mut town = started(json!({}));
    town.release("web:2", json!({}));
    town.until("switched", 10, |town| town.told("stableRS") == town.hash("web:2"));
    let mut town = started(json!({"autoPromotionSeconds": 10}));
    town.release("web:2", json!({}));
    town.until("waiting", 10, |town| town.message() == "BlueGreenPause");
    town.pass(8_000);
    assert_eq!(town.told("stableRS"), town.hash("web:1"));
    town.until("switched", 5, |town| town.told("stableRS") == town.hash("web:2"));
}

#[test]
fn a_small_preview_grows_before_the_switch() {
    let mut town = waiting(json!({"previewReplicaCount": 1}));
    assert_eq!(town.pods("web:2"), (1, 1));
    town.status(json!({"pauseConditions": null}));
    town.until("switched", 10, |town| town.told("stableRS") == town.hash("web:2"));
    assert_eq!(town.pods("web:2"), (3, 3));
    assert_eq!(town.web()["status"]["blueGreen"].get("scaleUpPreviewCheckPoint"), None);
}

#[test]
fn a_preview_that_fails_its_analysis_is_never_switched_to() {
    let mut town = Town::new();
    town.template("bad", "len(result) > 9", "");
    town.rollout(3, blue_green(json!({"prePromotionAnalysis": block("bad")})));
    town.release("web:2", json!({}));
    town.until("aborted", 60, |town| town.phase() == "Degraded");
    assert_eq!(town.selects("web-active"), town.hash("web:1"));
    assert!(town.message().contains("Blue/green pre-promotion analysis phase error/failed"));
}

#[test]
fn an_abort_before_the_switch_keeps_the_active_service() {
    let mut town = waiting(json!({}));
    town.status(json!({"abort": true, "promoteFull": false}));
    town.pass(150);
    assert_eq!((town.phase(), town.selects("web-active")), ("Degraded".into(), town.hash("web:1")));
    assert_ne!(town.told("abortedAt"), "");
    town.until("scaled down", 40, |town| town.pods("web:2") == (0, 0));
}

/// Switched, and not yet promoted: the analysis after the switch runs.
fn switched(delay: i64) -> Town {
    let mut town = started(json!({
        "postPromotionAnalysis": block("errors"),
        "abortScaleDownDelaySeconds": delay,
    }));
    town.release("web:2", json!({}));
    town.until("switched", 20, |town| {
        let new = town.hash("web:2");
        town.told("blueGreen/activeSelector") == new && !town.runs().is_empty()
    });
    assert_eq!(town.told("stableRS"), town.hash("web:1"));
    town
}

#[test]
fn an_abort_after_the_switch_moves_the_service_back() {
    let mut town = switched(3);
    town.status(json!({"abort": true, "promoteFull": false}));
    town.pass(150);
    assert_eq!(town.selects("web-active"), town.hash("web:1"));
    assert_eq!(town.told("blueGreen/activeSelector"), town.hash("web:1"));
}

#[test]
fn trap_14_an_abort_after_the_switch_while_paused_ends_with_the_service_on_no_pods() {
    let mut town = switched(3);
    town.spec(json!({"paused": true}));
    town.pass(100);
    town.status(json!({"abort": true, "promoteFull": false}));
    town.pass(6_000);
    assert_eq!(town.selects("web-active"), town.hash("web:2"), "not moved back");
    assert_eq!(town.pods("web:2"), (0, 0), "an outage");
    town.spec(json!({"paused": false}));
    town.pass(5_000);
    assert_eq!(town.selects("web-active"), town.hash("web:2"), "not healed by unpausing");
    town.release("web:1", json!({}));
    town.pass(150);
    assert_eq!(town.selects("web-active"), town.hash("web:1"), "rolling back heals it");
}

#[test]
fn rolling_back_to_stable_after_the_switch_moves_the_service_at_once() {
    for paused in [false, true] {
        let mut town = switched(3);
        town.spec(json!({"paused": paused}));
        town.pass(100);
        let mut web = town.web();
        read::set(&mut web, "/spec/template/spec/containers/0/image", "web:1");
        read::set(&mut web, "/spec/paused", false);
        town.store().update(crate::sim::store::Kind::Rollout, web).unwrap();
        town.pass(150);
        let old = town.hash("web:1");
        assert_eq!((town.selects("web-active"), town.told("stableRS")), (old.clone(), old));
    }
}

#[test]
fn a_version_that_is_still_up_is_gone_back_to_without_a_pause() {
    let mut town = waiting(json!({"scaleDownDelaySeconds": 60}));
    town.status(json!({"pauseConditions": null}));
    town.until("promoted", 5, |town| town.told("stableRS") == town.hash("web:2"));
    town.pass(2_000);
    town.release("web:1", json!({}));
    town.until("back", 2, |town| town.told("stableRS") == town.hash("web:1"));
    let completed = town.events("RolloutCompleted");
    assert!(completed.iter().any(|it| it.ends_with("Fast rollback")), "{completed:?}");
}

#[test]
fn a_hand_paused_blue_green_rollout_scales_and_does_not_switch() {
    let mut town = waiting(json!({}));
    town.spec(json!({"paused": true}));
    town.pass(100);
    town.spec(json!({"replicas": 5}));
    town.until("scaled", 10, |town| town.pods("web:1") == (5, 5) && town.pods("web:2") == (5, 5));
    town.status(json!({"pauseConditions": null}));
    town.pass(5_000);
    assert_eq!(town.selects("web-active"), town.hash("web:1"));
}
