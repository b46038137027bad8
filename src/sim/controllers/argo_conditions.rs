//! Conditions of a Rollout, and the phase and message made of them.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::argo_view::Ro;
use super::read::{self, written};

/// A condition to be set.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) kind: &'static str,
    pub(super) status: &'static str,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Condition {
    pub(super) fn new(
        kind: &'static str,
        status: &'static str,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self { kind, status, reason, message: message.into() }
    }

    fn at(self, now: Timestamp) -> Value {
        json!({
            "lastTransitionTime": written(now),
            "lastUpdateTime": written(now),
            "message": self.message,
            "reason": self.reason,
            "status": self.status,
            "type": self.kind,
        })
    }
}

/// The condition of a kind in a status.
pub(super) fn find<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    read::list(status, "/conditions").iter().find(|it| read::text(it, "/type") == kind)
}

/// Sets a condition, unless it has this status for this reason already. Answers whether it changed.
pub(super) fn set(status: &mut Value, condition: Condition, now: Timestamp) -> bool {
    let old = find(status, condition.kind);
    let has = |field: &str, value: &str| old.is_some_and(|it| read::text(it, field) == value);
    if has("/status", condition.status) && has("/reason", condition.reason) {
        return false;
    }
    let since = old.filter(|_| has("/status", condition.status));
    let since = since.and_then(|it| it.get("lastTransitionTime").cloned());
    let kind = condition.kind;
    let mut condition = condition.at(now);
    if let Some(since) = since {
        condition["lastTransitionTime"] = since;
    }
    put(status, kind, condition);
    true
}

/// Sets the condition of progress even where only its time is new.
pub(super) fn set_progress(
    status: &mut Value,
    condition: Condition,
    old: Option<&Value>,
    now: Timestamp,
) {
    let kind = condition.kind;
    let mut condition = condition.at(now);
    if let Some(old) = old
        && read::text(old, "/status") == "True"
    {
        condition["lastTransitionTime"] =
            old.get("lastTransitionTime").cloned().unwrap_or_default();
    }
    if old.is_none() && find(status, kind).is_some() {
        return;
    }
    put(status, kind, condition);
}

/// Puts a finished condition at the end of the list, in the place of any other of its kind.
fn put(status: &mut Value, kind: &str, condition: Value) {
    remove(status, kind);
    let mut all = read::list(status, "/conditions").to_vec();
    all.push(condition);
    read::set(status, "/conditions", all);
}

/// Takes the condition of a kind away.
pub(super) fn remove(status: &mut Value, kind: &str) {
    if find(status, kind).is_none() {
        return;
    }
    let kept: Vec<Value> = read::list(status, "/conditions")
        .iter()
        .filter(|it| read::text(it, "/type") != kind)
        .cloned()
        .collect();
    read::set(status, "/conditions", kept);
}

/// Puts a condition as another object has it.
pub(super) fn adopt(status: &mut Value, condition: &Value) {
    let kind = read::text(condition, "/type").to_owned();
    let same = |field: &str| {
        find(status, &kind).is_some_and(|it| read::text(it, field) == read::text(condition, field))
    };
    if same("/status") && same("/reason") {
        return;
    }
    let at = condition.get("lastTransitionTime").cloned().unwrap_or_default();
    let adopted = json!({
        "lastTransitionTime": at,
        "lastUpdateTime": at,
        "message": read::text(condition, "/message"),
        "reason": read::text(condition, "/reason"),
        "status": read::text(condition, "/status"),
        "type": kind,
    });
    put(status, &kind, adopted);
}

/// Whether the update is complete: the wanted version is the stable one.
pub(super) fn is_completed(status: &Value) -> bool {
    let stable = read::text(status, "/stableRS");
    !stable.is_empty() && stable == read::text(status, "/currentPodHash")
}

/// Whether everything is as wanted.
pub(super) fn is_healthy(ro: &Ro, next: &Value) -> bool {
    let replicas = ro.replicas();
    let current = read::text(next, "/currentPodHash");
    if ro.blue_green().is_some() {
        let preview = ro.service("previewService");
        let is_shown =
            preview.is_empty() || read::text(next, "/blueGreen/previewSelector") == current;
        if read::text(next, "/blueGreen/activeSelector") != current || !is_shown {
            return false;
        }
    }
    if ro.canary().is_some() {
        let index = read::int(next, "/currentStepIndex");
        let is_through = ro.steps().is_empty() || index.is_none_or(|at| at == ro.step_count());
        if !is_through || !is_completed(next) || read::count(next, "/replicas") != replicas {
            return false;
        }
    }
    read::count(next, "/updatedReplicas") == replicas
        && read::count(next, "/availableReplicas") == replicas
        && ro.status_text("observedGeneration") == ro.generation().to_string()
}

/// Whether something moved since the last status.
pub(super) fn is_progressing(ro: &Ro, next: &Value) -> bool {
    let was = |field: &str| ro.status_count(field);
    let is = |field: &str| read::count(next, &format!("/{field}"));
    let moved = if ro.blue_green().is_some() {
        let selector = |field: &str| {
            let at = format!("/blueGreen/{field}");
            read::text(&ro.object, &format!("/status{at}")) != read::text(next, &at)
        };
        selector("activeSelector") || selector("previewSelector")
    } else {
        let index = read::int(next, "/currentStepIndex");
        let stepped = match (index, read::int(&ro.object, "/status/currentStepIndex")) {
            (Some(now), Some(before)) => now != before,
            (Some(_) | None, Some(_) | None) => false,
        };
        stepped
            || read::text(next, "/stableRS") != ro.stable()
            || read::text(next, "/currentStepHash") != ro.status_text("currentStepHash")
    };
    moved
        || is("updatedReplicas") != was("updatedReplicas")
        || is("replicas") - is("updatedReplicas") < was("replicas") - was("updatedReplicas")
        || is("readyReplicas") > was("readyReplicas")
        || is("availableReplicas") > was("availableReplicas")
}

/// Whether nothing moved for longer than the deadline.
pub(super) fn is_timed_out(ro: &Ro, status: &Value, now: Timestamp) -> bool {
    let Some(condition) = find(status, "Progressing") else { return false };
    match read::text(condition, "/reason") {
        "RolloutAborted" | "RolloutPaused" => false,
        "ProgressDeadlineExceeded" => true,
        _ => {
            let from = read::time(condition, "/lastUpdateTime").unwrap_or(now);
            from + SignedDuration::from_secs(ro.deadline_s()) < now
        }
    }
}

/// The phase and the message of a status.
pub(super) fn phase(ro: &Ro, next: &Value) -> (&'static str, String) {
    for condition in read::list(next, "/conditions") {
        let (reason, message) =
            (read::text(condition, "/reason"), read::text(condition, "/message"));
        if read::text(condition, "/type") == "InvalidSpec" {
            return ("Degraded", format!("InvalidSpec: {message}"));
        }
        if matches!(reason, "RolloutAborted" | "ProgressDeadlineExceeded") {
            return ("Degraded", format!("{reason}: {message}"));
        }
    }
    if ro.is_paused() {
        return ("Paused", "manually paused".to_owned());
    }
    if let Some(condition) = read::list(next, "/pauseConditions").first() {
        return ("Paused", read::text(condition, "/reason").to_owned());
    }
    match unfinished(ro, next) {
        Some(why) => ("Progressing", why.to_owned()),
        None => ("Healthy", String::new()),
    }
}

/// What is still to come.
fn unfinished(ro: &Ro, next: &Value) -> Option<&'static str> {
    let count = |field: &str| read::count(next, &format!("/{field}"));
    let restarted = read::time(next, "/restartedAt");
    if let Some(at) = ro.restart_at()
        && restarted != at.parse().ok()
    {
        return Some("rollout is restarting");
    }
    if count("updatedReplicas") < ro.replicas() {
        return Some("more replicas need to be updated");
    }
    if count("availableReplicas") < count("updatedReplicas") {
        return Some("updated replicas are still becoming available");
    }
    let (current, stable) = (read::text(next, "/currentPodHash"), read::text(next, "/stableRS"));
    let is_promoted = !stable.is_empty() && stable == current;
    if ro.blue_green().is_some() {
        let active = read::text(next, "/blueGreen/activeSelector");
        if active.is_empty() || active != current {
            return Some("active service cutover pending");
        }
        if is_promoted {
            return None;
        }
        let run = next.pointer("/blueGreen/postPromotionAnalysisRunStatus");
        let ended = run.is_some_and(|run| is_over(read::text(run, "/status")));
        let block = ro.blue_green().and_then(|it| it.get("postPromotionAnalysis"));
        return Some(if block.is_some() && !ended {
            "waiting for analysis to complete"
        } else {
            "waiting for post-promotion verification to complete"
        });
    }
    if !ro.is_routed() && count("replicas") > count("updatedReplicas") {
        return Some("old replicas are pending termination");
    }
    (!is_promoted).then_some("waiting for all steps to complete")
}

/// Whether an analysis or an experiment is over.
pub(super) fn is_over(phase: &str) -> bool {
    matches!(phase, "Successful" | "Failed" | "Error" | "Inconclusive")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn now() -> Timestamp {
        "2026-01-01T00:00:10Z".parse().unwrap()
    }

    #[test]
    fn a_condition_keeps_the_time_of_its_last_turn_and_equal_ones_change_nothing() {
        let mut status = json!({});
        let with = |status, reason| Condition::new("Progressing", status, reason, "");
        let earlier = now() - SignedDuration::from_secs(10);
        assert!(set(&mut status, with("True", "A"), earlier));
        assert!(!set(&mut status, with("True", "A"), now()));
        assert!(set(&mut status, with("True", "B"), now()));
        let condition = find(&status, "Progressing").unwrap();
        assert_eq!(read::text(condition, "/lastTransitionTime"), "2026-01-01T00:00:00Z");
        assert_eq!(read::text(condition, "/lastUpdateTime"), "2026-01-01T00:00:10Z");
        assert!(set(&mut status, with("False", "B"), now()));
        let condition = find(&status, "Progressing").unwrap();
        assert_eq!(read::text(condition, "/lastTransitionTime"), "2026-01-01T00:00:10Z");
        remove(&mut status, "Progressing");
        assert_eq!(find(&status, "Progressing"), None);
    }

    #[expect(clippy::needless_pass_by_value, reason = "the callers make it in place")]
    fn canary(status: Value) -> (&'static str, String) {
        let object = json!({"spec": {"replicas": 2, "strategy": {"canary": {"steps": []}}}});
        phase(&Ro { object: Arc::new(object), workload: None }, &status)
    }

    #[test]
    fn the_phase_tells_the_first_thing_that_is_missing() {
        let done = json!({
            "updatedReplicas": 2, "availableReplicas": 2, "replicas": 2,
            "stableRS": "a", "currentPodHash": "a",
        });
        let with = |changes: Value| {
            let mut status = done.clone();
            for (field, value) in changes.as_object().unwrap() {
                status[field] = value.clone();
            }
            canary(status)
        };
        let progressing = |why: &str| ("Progressing", why.to_owned());
        assert_eq!(with(json!({})), ("Healthy", String::new()));
        assert_eq!(
            with(json!({"updatedReplicas": 1})),
            progressing("more replicas need to be updated")
        );
        assert_eq!(
            with(json!({"availableReplicas": 1})),
            progressing("updated replicas are still becoming available")
        );
        assert_eq!(
            with(json!({"replicas": 3})),
            progressing("old replicas are pending termination")
        );
        assert_eq!(
            with(json!({"stableRS": "b"})),
            progressing("waiting for all steps to complete")
        );
        let paused = json!([{"reason": "CanaryPauseStep"}]);
        assert_eq!(
            with(json!({"pauseConditions": paused})),
            ("Paused", "CanaryPauseStep".to_owned())
        );
        let aborted = json!([{"type": "Progressing", "reason": "RolloutAborted", "message": "m"}]);
        assert_eq!(
            with(json!({"conditions": aborted, "pauseConditions": paused})),
            ("Degraded", "RolloutAborted: m".to_owned())
        );
        let invalid = json!([{"type": "InvalidSpec", "reason": "InvalidSpec", "message": "m"}]);
        assert_eq!(with(json!({"conditions": invalid})).1, "InvalidSpec: m");
    }
}
