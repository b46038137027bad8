//! Experiments, simplified: their templates become available after a moment, run for their time,
//! and end well, unless they are terminated. They have no ReplicaSets of their own.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::agenda::Task;
use super::argo_conditions::is_over;
use super::bench::Bench;
use super::read::{self, written};
use super::template;
use crate::sim::object::is_going;
use crate::sim::store::{Kind, key_of};

/// From creation to available.
const START: SignedDuration = SignedDuration::from_secs(2);

/// Looks at an experiment.
pub(super) fn reconcile(bench: &mut Bench<'_>, key: &str) {
    let Some(experiment) = bench.get(Kind::Experiment, key) else { return };
    if is_going(&experiment) || is_over(read::text(&experiment, "/status/phase")) {
        return;
    }
    let now = bench.now();
    let up_at = read::created(&experiment) + START;
    let duration = experiment.pointer("/spec/duration").and_then(read::duration);
    let end = duration.map(|duration| up_at + duration);
    let is_over = end.is_some_and(|end| now >= end) || read::is(&experiment, "/spec/terminate");
    let phase = if is_over {
        "Successful"
    } else if now >= up_at {
        "Running"
    } else {
        "Pending"
    };
    let template = |it: &Value| status(it, phase, now);
    let templates: Vec<Value> =
        read::list(&experiment, "/spec/templates").iter().map(template).collect();
    let mut status = json!({"phase": phase, "templateStatuses": templates});
    if now >= up_at {
        status["availableAt"] = written(up_at);
    }
    let since = experiment.pointer("/status/templateStatuses").cloned();
    keep_times(&mut status, since.as_ref());
    let mut next = Value::clone(&experiment);
    next["status"] = status;
    if next != *experiment {
        crate::sim::object::raise_generation(&mut next);
        bench.store.replace(Kind::Experiment, &key_of(Kind::Experiment, &experiment), next);
    }
    let again = if now < up_at { Some(up_at) } else { end.filter(|_| !is_over) };
    if let Some(at) = again {
        bench.at(Task::Experiment, key, at);
    }
}

fn status(template: &Value, phase: &str, now: jiff::Timestamp) -> Value {
    let wanted = read::int(template, "/replicas").unwrap_or(1);
    let (there, word) = match phase {
        "Running" => (wanted, "Running"),
        "Successful" => (0, "Successful"),
        _ => (0, "Progressing"),
    };
    let pods = template.get("template").cloned().unwrap_or_default();
    json!({
        "name": read::text(template, "/name"),
        "replicas": there,
        "updatedReplicas": there,
        "readyReplicas": there,
        "availableReplicas": there,
        "status": word,
        "lastTransitionTime": written(now),
        "podTemplateHash": template::hash(&pods, None),
    })
}

/// A template's time is that of its last turn.
fn keep_times(status: &mut Value, before: Option<&Value>) {
    let Some(before) = before.and_then(Value::as_array) else { return };
    let all = status.get_mut("templateStatuses").and_then(Value::as_array_mut);
    for (new, old) in all.into_iter().flatten().zip(before) {
        if new.get("status") == old.get("status") {
            new["lastTransitionTime"] = old.get("lastTransitionTime").cloned().unwrap_or_default();
        }
    }
}
