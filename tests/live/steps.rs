//! Skipping to a step, and ending an analysis: what the controller makes of both.

use pilothouse::control::action::Action;
use serde_json::{Value, json};

use super::manifests::canary;
use super::pilot::Pilot;
use super::plane::Plane;

/// An analysis that measures nothing before an hour is over.
fn slow() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": "slow"},
        "spec": {"metrics": [{
            "name": "errors",
            "initialDelay": "1h",
            "interval": "1h",
            "count": 2,
            "provider": {"prometheus": {"address": "http://127.0.0.1:9", "query": "vector(0)"}},
        }]},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_skipped_to_and_the_analysis_that_runs_there_is_ended_as_passed() {
    let Some(plane) = Plane::new().await else { return };
    plane.create("analysistemplates", &slow()).await;
    let steps = json!([
        {"setWeight": 25},
        {"pause": {}},
        {"setWeight": 50},
        {"pause": {}},
        {"analysis": {"templates": [{"templateName": "slow"}]}},
        {"setWeight": 75},
        {"pause": {}},
    ]);
    plane.create("rollouts", &canary("far", &steps)).await;
    plane.phase("far", "Healthy").await;
    plane.release("rollouts", "far", "2.0.0").await;
    plane.phase("far", "Paused").await;
    let mut pilot = Pilot::start(&plane, &plane.context);
    let target = pilot.rollout("far");
    pilot.until(&target, |_| true).await;
    pilot.arrives(&plane, Action::Skip { to: Some(5) }, &target).await;
    let runs =
        |it: &Value| it["status"]["canary"]["currentStepAnalysisRunStatus"]["status"] == "Running";
    plane.until("rollouts", "far", runs).await;
    pilot.arrives(&plane, Action::Terminate, &target).await;
    let at_end = |it: &Value| {
        it["status"]["currentStepIndex"] == 6 && it["status"]["pauseConditions"].is_array()
    };
    plane.until("rollouts", "far", at_end).await;
    let runs = plane.list("analysisruns").await;
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0]["status"]["phase"], "Successful", "what was ended counts as passed");
    if let Some(seen) = plane.witnessed(2).await {
        let what: Vec<&str> = seen.iter().map(|one| one.what.as_str()).collect();
        assert_eq!(what, ["patch rollouts/status", "patch analysisruns"]);
        assert_eq!(seen[0].body["status"]["currentStepIndex"], 4);
        assert_eq!(seen[1].body["spec"], json!({"terminate": true}));
    }
    plane.down().await;
}
