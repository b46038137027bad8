use super::*;
use serde_json::json;

fn now() -> Timestamp {
    "2026-01-01T01:00:00Z".parse().unwrap()
}

#[test]
fn spans_are_written_with_two_units_at_most() {
    let table = [
        (-5, "<invalid>"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (226, "3m46s"),
        (600, "10m"),
        (10_799, "179m"),
        (11_000, "3h3m"),
        (30_000, "8h"),
        (172_800, "2d"),
        (180_000, "2d2h"),
        (700_000, "8d"),
        (64_000_000, "2y10d"),
        (300_000_000, "9y"),
    ];
    for (seconds, expected) in table {
        assert_eq!(span(seconds), expected, "{seconds}");
    }
}

#[test]
fn a_pod_says_what_is_wrong_with_it() {
    let waiting = |reason: &str| json!({"state": {"waiting": {"reason": reason}}});
    let table = [
        (json!({"status": {"phase": "Running"}}), "Running"),
        (
            json!({"status": {
                "phase": "Running", "containerStatuses": [waiting("CrashLoopBackOff")],
            }}),
            "CrashLoopBackOff",
        ),
        (
            json!({"status": {
                "phase": "Pending", "initContainerStatuses": [waiting("ErrImagePull")],
            }}),
            "Init:ErrImagePull",
        ),
        (
            json!({"status": {"phase": "Failed", "containerStatuses":
                [{"state": {"terminated": {"exitCode": 3}}}]}}),
            "ExitCode:3",
        ),
        (json!({"status": {"phase": "Failed", "reason": "Evicted"}}), "Evicted"),
        (
            json!({"metadata": {"deletionTimestamp": "x"}, "status": {"phase": "Running"}}),
            "Terminating",
        ),
    ];
    for (pod, expected) in table {
        assert_eq!(of(Kind::Pod, &pod, now())[2], expected);
    }
}

#[test]
fn restarts_say_how_long_ago() {
    let pod = json!({
        "metadata": {"name": "web-1", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"containers": [{}], "nodeName": "a"},
        "status": {"phase": "Running", "podIP": "10.0.0.1", "containerStatuses": [{
            "ready": true,
            "restartCount": 2,
            "lastState": {"terminated": {"finishedAt": "2026-01-01T00:55:00Z"}},
        }]},
    });
    let expected = json!([
        "web-1",
        "1/1",
        "Running",
        "2 (5m ago)",
        "60m",
        "10.0.0.1",
        "a",
        "<none>",
        "<none>"
    ]);
    assert_eq!(Value::from(of(Kind::Pod, &pod, now())), expected);
}

#[test]
fn a_rollout_and_an_event_read_as_kubectl_shows_them() {
    let rollout = json!({
        "metadata": {"name": "web", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"replicas": 5},
        "status": {"replicas": 6, "updatedReplicas": 1, "availableReplicas": 5},
    });
    let cells = Value::from(of(Kind::Rollout, &rollout, now()));
    assert_eq!(cells, json!(["web", 5, 6, 1, 5, "60m"]));
    let event = json!({
        "metadata": {"name": "web.1"},
        "involvedObject": {"kind": "Rollout", "name": "web"},
        "reason": "RolloutPaused",
        "message": "paused ",
        "type": "Normal",
        "source": {"component": "rollouts-controller"},
        "lastTimestamp": "2026-01-01T00:59:30Z",
        "firstTimestamp": "2026-01-01T00:00:00Z",
    });
    let cells = Value::from(of(Kind::Event, &event, now()));
    let expected = json!([
        "30s",
        "Normal",
        "RolloutPaused",
        "rollout/web",
        "",
        "rollouts-controller",
        "paused",
        "60m",
        1,
        "web.1",
    ]);
    assert_eq!(cells, expected);
}
