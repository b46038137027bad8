//! The main story at the full screen, and the dialog while other hands change what it stands on.

use serde_json::{Value, json};

use super::cockpit::Cockpit;
use super::manifests::canary;
use super::plane::Plane;

/// Moderate traffic, scraped by the plane's Prometheus.
const FINE: fn() -> Value =
    || json!({"prometheus.io/scrape": "true", "live/rps": "40", "live/errors": "0"});

/// The next version, which answers every third request with an error.
async fn release_a_bad_one(plane: &Plane, name: &str) {
    let annotations = json!({"prometheus.io/scrape": "true", "live/rps": "40",
        "live/errors": "0.3", "live/latency": "240ms"});
    plane
        .merge(
            "rollouts",
            name,
            &json!({"spec": {"template": {
                "metadata": {"annotations": annotations},
                "spec": {"containers": [{
                    "name": "app", "image": format!("registry.example.test/{name}:2.0.0"),
                    "ports": [{"containerPort": 8080}],
                }]},
            }}}),
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_canary_is_seen_charted_and_aborted_by_keys_and_seen_to_arrive() {
    let Some(plane) = Plane::new().await else { return };
    let Ok(prometheus) = std::env::var("PROMETHEUS_URL") else {
        eprintln!("skipped: PROMETHEUS_URL names no Prometheus that scrapes the live cluster");
        return;
    };
    let mut body = canary("story", &json!([{"setWeight": 25}, {"pause": {}}]));
    body["spec"]["template"]["metadata"]["annotations"] = FINE();
    plane.create("rollouts", &body).await;
    plane.phase("story", "Healthy").await;
    let context = plane.context.clone();
    let mut cockpit = Cockpit::start(&plane, &["--context", &context, "--prometheus", &prometheus]);
    cockpit.line(&["1 rollout", "0 need you"]);
    release_a_bad_one(&plane, "story").await;

    // The fleet: among those who need a human, and why.
    cockpit.line(&["NEEDS YOU", "1"]);
    cockpit.line(&["story", "canary 2/2", "25%", "failing", "errors"]);
    cockpit.line(&["requests", "/s", "against"]);
    cockpit.pty.keys("enter");
    cockpit.line(&["canary 2.0.0", "against stable 1.0.0"]);
    cockpit.line(&["STEPS", "METRICS", "canary", "stable", "limit"]);
    cockpit.line(&["pause until promoted", "for a yes"]);
    let errors = cockpit.line(&["errors", "fail", "against 0 %"]);
    assert!(!errors.contains("no data"), "{errors}");
    cockpit.line(&["weight", "✓"]);
    // A curve, not only the key to the curves.
    cockpit.pty.wait_for("bars of the canary", |screen| screen.contents().matches('█').count() > 8);

    // A promotion of what fails asks for the name, and a yes sends nothing. The way back needs no more than a yes.
    cockpit.pty.keys("p");
    cockpit.line(&["dry run accepted"]);
    cockpit.line(&["the canary fails", "errors"]);
    cockpit.line(&["type story"]);
    cockpit.pty.keys("y");
    cockpit.line(&["type story", "y"]);
    assert_eq!(plane.asked(), 0);
    cockpit.pty.keys("esc");
    cockpit.pty.wait_for("no dialog", |screen| !screen.contents().contains("dry run"));
    cockpit.pty.keys("a");
    cockpit.line(&["dry run accepted"]);
    cockpit.line(&["\"abort\": true,"]);
    cockpit.line(&["\"promoteFull\": false"]);
    let shown = cockpit.text();
    cockpit.pty.keys("tab");
    cockpit.line(&["ends the reason"]);
    for key in "errors".chars() {
        cockpit.pty.send(key.to_string().as_bytes());
    }
    cockpit.line(&["reason", "errors"]);
    cockpit.pty.keys("enter");
    cockpit.line(&["y abort it"]);
    cockpit.pty.keys("y");
    cockpit.line(&[&format!("abort {}/story in {context}: arrived", plane.namespace)]);

    assert_eq!(plane.serving("story", ":2.0.0").await, 0);
    if let Some(seen) = plane.witnessed(1).await {
        assert_eq!(seen.len(), 1, "{seen:#?}");
        assert_eq!(seen[0].what, "patch rollouts/status");
        // Exactly what the dialog showed: the deed and its mark.
        let status = &seen[0].body["status"];
        assert_eq!((&status["abort"], &status["promoteFull"]), (&json!(true), &json!(false)));
        assert!(shown.contains(status["message"].as_str().unwrap()), "{shown}");
        assert_eq!(status.as_object().unwrap().len(), 3, "{status:#}");
        assert_eq!(plane.asked(), 1);
    }
    cockpit.line(&["state", "degraded"]);
    cockpit.line(&["RolloutAborted"]);
    tells_of_it(&cockpit);
    cockpit.pty.keys("q");
    cockpit.line(&["NEEDS YOU", "1"]);
    cockpit.leave();
    plane.down().await;
}

/// Our own record: what was wanted and why, what was sent, how it ended.
fn tells_of_it(cockpit: &Cockpit) {
    let record = cockpit.record();
    let told: Vec<&str> = record
        .iter()
        .filter(|one| one["deed"] == "abort")
        .filter_map(|one| one["entry"].as_str())
        .collect();
    assert_eq!(told.first(), Some(&"intent"), "{record:#?}");
    assert!(told.contains(&"attempt") && told.contains(&"outcome"), "{told:?}");
    let words = serde_json::to_string(&record).unwrap();
    assert!(words.contains("\"reason\":\"errors\""), "{words}");
}

/// A canary that waits at its first pause, and the program looking at it with the dialog of a promotion open.
async fn asked(plane: &Plane, name: &str) -> Cockpit {
    let steps = json!([{"setWeight": 25}, {"pause": {}}, {"setWeight": 50}, {"pause": {}}]);
    plane.create("rollouts", &canary(name, &steps)).await;
    plane.phase(name, "Healthy").await;
    plane.release("rollouts", name, "2.0.0").await;
    plane.phase(name, "Paused").await;
    let context = plane.context.clone();
    let mut cockpit = Cockpit::start(plane, &["--context", &context]);
    // A key before the first row is chosen is about none.
    cockpit.line(&["▸", name, "canary 2/4", "approve"]);
    cockpit.pty.keys("m");
    cockpit.line(&["ARMED"]);
    ask(&mut cockpit);
    cockpit
}

fn ask(cockpit: &mut Cockpit) {
    cockpit.pty.keys("p");
    cockpit.line(&["dry run accepted"]);
    assert!(!cockpit.text().contains("▲ changed"));
}

/// Waits until the program knows all that was so before this: of one kind, the server tells changes in their order.
async fn seen_behind_the_dialog(plane: &Plane, cockpit: &mut Cockpit, name: &str, count: usize) {
    plane.create("rollouts", &canary(name, &json!([]))).await;
    cockpit.line(&[&format!("{count} rollouts")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dialog_asks_again_when_others_change_the_image_or_promote() {
    let Some(plane) = Plane::new().await else { return };
    let mut cockpit = asked(&plane, "thirteen").await;
    plane.release("rollouts", "thirteen", "3.0.0").await;
    plane.phase("thirteen", "Paused").await;
    // All that changed since it opened, though the object moved on several times.
    cockpit.line(&["▲ changed", "the wanted version changed"]);
    cockpit.line(&["change", "thirteen:1.0.0", "thirteen:3.0.0"]);
    cockpit.line(&["dry run accepted"]);
    cockpit.pty.keys("esc");
    cockpit.pty.wait_for("no dialog", |screen| !screen.contents().contains("dry run"));

    ask(&mut cockpit);
    let promotion = json!({"status": {"pauseConditions": null}});
    plane.merge("rollouts", "thirteen/status", &promotion).await;
    cockpit.line(&["▲ changed", "step 1 → 3"]);
    let waits = |it: &Value| it["status"]["pauseConditions"].is_array();
    let object = plane.until("rollouts", "thirteen", waits).await;
    assert_eq!(object["status"]["currentStepIndex"], 3);
    assert_eq!(plane.asked(), 0);

    // Asked again, a yes is a yes to what is so now.
    cockpit.line(&["will", "CanaryPauseStep is taken away", "revision 3"]);
    cockpit.line(&["generation", "step 4"]);
    cockpit.line(&["dry run accepted"]);
    cockpit.pty.keys("y");
    cockpit.line(&["promote", "thirteen", "arrived"]);
    if let Some(seen) = plane.witnessed(1).await {
        assert_eq!(seen.len(), 1, "{seen:#?}");
    }
    cockpit.leave();
    plane.down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dialog_does_not_ask_again_when_only_the_resource_version_changes() {
    let Some(plane) = Plane::new().await else { return };
    let mut cockpit = asked(&plane, "fourteen").await;
    let note = json!({"metadata": {"annotations": {"example.test/note": "hello"}}});
    plane.merge("rollouts", "fourteen", &note).await;
    seen_behind_the_dialog(&plane, &mut cockpit, "later", 2).await;
    let before = cockpit.pty.raw().len();
    cockpit.pty.keys("y");
    cockpit.line(&["promote", "fourteen", "arrived"]);
    let since = String::from_utf8_lossy(&cockpit.pty.raw()[before..]).into_owned();
    assert!(!since.contains("changed"), "{since}");
    plane.phase("fourteen", "Paused").await;
    let further = |it: &Value| it["status"]["currentStepIndex"] == 3;
    plane.until("rollouts", "fourteen", further).await;
    if let Some(seen) = plane.witnessed(1).await {
        assert_eq!(seen.len(), 1, "{seen:#?}");
        assert_eq!(seen[0].what, "patch rollouts/status");
    }
    cockpit.leave();
    plane.down().await;
}
