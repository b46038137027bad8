//! The status of a Deployment.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::deployment::{Deployment, REVISION, Work};
use super::read::{self, written};
use super::sets::{Rs, sum};
use crate::sim::store::Kind;

/// The pods of a Deployment, counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) replicas: i64,
    pub(super) updated: i64,
    pub(super) ready: i64,
    pub(super) available: i64,
    pub(super) terminating: i64,
}

fn conditions(object: &Value) -> Vec<Value> {
    read::list(object, "/status/conditions").to_vec()
}

fn find<'a>(all: &'a [Value], kind: &str) -> Option<&'a Value> {
    all.iter().find(|it| read::text(it, "/type") == kind)
}

struct Condition {
    kind: &'static str,
    status: &'static str,
    reason: &'static str,
    message: String,
}

/// Sets a condition; equal ones change nothing.
fn set(all: &mut Vec<Value>, condition: &Condition, now: Timestamp) {
    let old = find(all, condition.kind);
    let has = |field: &str, value: &str| old.is_some_and(|it| read::text(it, field) == value);
    if has("/status", condition.status) && has("/reason", condition.reason) {
        return;
    }
    put(all, condition, now);
}

/// Puts a condition at the end, even where only its time is new.
fn put(all: &mut Vec<Value>, condition: &Condition, now: Timestamp) {
    let old = find(all, condition.kind);
    let same = old.filter(|it| read::text(it, "/status") == condition.status);
    let since = same.and_then(|it| it.get("lastTransitionTime").cloned());
    let made = json!({
        "type": condition.kind,
        "status": condition.status,
        "lastUpdateTime": written(now),
        "lastTransitionTime": since.unwrap_or_else(|| written(now)),
        "reason": condition.reason,
        "message": condition.message,
    });
    all.retain(|it| read::text(it, "/type") != condition.kind);
    all.push(made);
}

fn progress(status: &'static str, reason: &'static str, message: String) -> Condition {
    Condition { kind: "Progressing", status, reason, message }
}

/// Pausing and resuming are noted first, in a write of their own.
pub(super) fn note_pause(work: &mut Work<'_, '_>) {
    let mut all = conditions(&work.deployment.object);
    let reason = find(&all, "Progressing").map(|it| read::text(it, "/reason").to_owned());
    let reason = reason.as_deref();
    if reason == Some("ProgressDeadlineExceeded") {
        return;
    }
    let is_paused = work.deployment.is_paused();
    let condition = match (is_paused, reason) {
        (true, Some("DeploymentPaused")) => return,
        (true, _) => progress("Unknown", "DeploymentPaused", "Deployment is paused".into()),
        (false, Some("DeploymentPaused")) => {
            progress("Unknown", "DeploymentResumed", "Deployment is resumed".into())
        }
        (false, _) => return,
    };
    set(&mut all, &condition, work.bench.now());
    store(work, |object| read::set(object, "/status/conditions", all));
}

/// A new ReplicaSet was made: progress begins anew, with another revision.
pub(super) fn note_created(work: &mut Work<'_, '_>, name: &str, revision: i64) {
    let mut all = conditions(&work.deployment.object);
    let message = format!("Created new replica set \"{name}\"");
    set(&mut all, &progress("True", "NewReplicaSetCreated", message), work.bench.now());
    store(work, |object| {
        read::annotate(object, REVISION, &revision.to_string());
        read::set(object, "/status/conditions", all);
    });
}

fn store(work: &mut Work<'_, '_>, edit: impl FnOnce(&mut Value)) {
    let Some(stored) = work.bench.get(Kind::Deployment, &work.deployment.key()) else { return };
    let mut object = Value::clone(&stored);
    edit(&mut object);
    work.deployment.object = work.bench.write_status(Kind::Deployment, object);
}

/// Whether everything is as wanted.
pub(super) fn is_complete(deployment: &Deployment, counts: &Counts) -> bool {
    let replicas = deployment.replicas();
    let observed = read::count(&deployment.object, "/status/observedGeneration");
    counts.updated == replicas
        && counts.replicas == replicas
        && counts.available == replicas
        && observed >= read::count(&deployment.object, "/metadata/generation")
}

/// Brings the status up to date.
pub(super) fn write(work: &mut Work<'_, '_>) {
    // As upstream: the counts are those from before what was just done.
    let counts = work.counts();
    let now = work.bench.now();
    let mut all = conditions(&work.deployment.object);
    let needed = work.deployment.replicas() - work.deployment.max_unavailable();
    let available = if counts.available >= needed {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    let (status, reason, message) = available;
    let condition = Condition { kind: "Available", status, reason, message: message.into() };
    set(&mut all, &condition, now);
    judge(work, &counts, &mut all);
    let mut status = written_status(work, &counts);
    status["conditions"] = all.into();
    store(work, |object| read::set(object, "/status", status));
}

fn judge(work: &mut Work<'_, '_>, counts: &Counts, all: &mut Vec<Value>) {
    let now = work.bench.now();
    let known = find(all, "Progressing").cloned();
    let reason = known.as_ref().map(|it| read::text(it, "/reason")).unwrap_or_default();
    if work.deployment.is_paused() {
        return;
    }
    let before = &work.deployment.object;
    let was = |field: &str| read::count(before, &format!("/status/{field}"));
    let name = work.new.as_ref().map(|new| new.name().to_owned()).unwrap_or_default();
    let settled = counts.replicas == counts.updated && reason == "NewReplicaSetAvailable";
    let moved = counts.updated > was("updatedReplicas")
        || counts.replicas - counts.updated < was("replicas") - was("updatedReplicas")
        || counts.ready > was("readyReplicas")
        || counts.available > was("availableReplicas");
    if settled {
        return;
    }
    if is_complete(&work.deployment, counts) {
        let message = format!("ReplicaSet \"{name}\" has successfully progressed.");
        set(all, &progress("True", "NewReplicaSetAvailable", message), now);
    } else if moved {
        let message = format!("ReplicaSet \"{name}\" is progressing.");
        put(all, &progress("True", "ReplicaSetUpdated", message), now);
    } else if let Some(known) = &known {
        time_out(work, (known, &name), all);
    }
}

fn time_out(work: &mut Work<'_, '_>, (known, name): (&Value, &str), all: &mut Vec<Value>) {
    let (now, reason) = (work.bench.now(), read::text(known, "/reason"));
    let Some(seconds) = work.deployment.deadline_s() else { return };
    if matches!(reason, "ProgressDeadlineExceeded" | "NewReplicaSetAvailable") {
        return;
    }
    let from = read::time(known, "/lastUpdateTime").unwrap_or(now);
    let due = from + SignedDuration::from_secs(seconds);
    if now > due {
        let message = format!("ReplicaSet \"{name}\" has timed out progressing.");
        set(all, &progress("False", "ProgressDeadlineExceeded", message), now);
    } else {
        work.later(due.duration_since(now) + SignedDuration::from_secs(1));
    }
}

fn written_status(work: &Work<'_, '_>, counts: &Counts) -> Value {
    let mut status = Map::new();
    let observed = read::count(&work.deployment.object, "/metadata/generation");
    status.insert("observedGeneration".into(), observed.into());
    for (field, count) in [
        ("replicas", counts.replicas),
        ("updatedReplicas", counts.updated),
        ("readyReplicas", counts.ready),
        ("availableReplicas", counts.available),
        ("unavailableReplicas", unavailable(work, counts)),
    ] {
        if count > 0 {
            status.insert(field.into(), count.into());
        }
    }
    status.insert("terminatingReplicas".into(), counts.terminating.into());
    for field in ["collisionCount"] {
        if let Some(value) = work.deployment.object.pointer(&format!("/status/{field}")) {
            status.insert(field.into(), value.clone());
        }
    }
    status.into()
}

/// Pods that are wanted and not available.
fn unavailable(work: &Work<'_, '_>, counts: &Counts) -> i64 {
    (sum(work.all(), Rs::wanted) - counts.available).max(0)
}
