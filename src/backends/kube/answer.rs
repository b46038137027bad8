//! Addresses of writes, and what the answers to them mean.

use serde_json::{Map, Value};

use super::patch;
use super::resource::{
    ANALYSIS_RUNS, EXPERIMENTS, PODS, REPLICA_SETS, REPLICATION_CONTROLLERS, Resource, with_query,
};
use super::trouble;
use super::wire::{About, Ask, Fault, Reply, Sent};
use crate::control::order::AttemptAnswer;
use crate::control::plan::{ObjectKind, ObjectRef, PatchFormat, Plan, ResolvedWrite, Subresource};
use crate::domain::feed::Trouble;
use crate::domain::ids::{Generation, ResourceVersion, WorkloadKind};
use crate::domain::text::Text;

/// What the API server calls us in `managedFields`.
const FIELD_MANAGER: &str = "pilothouse";

/// The server's words in an order: its whole message may hold the whole object.
const WORDS_BYTES_MAX: usize = 1024;

/// The resource of an object that is written to.
pub(super) const fn resource(kind: ObjectKind) -> Resource {
    match kind {
        ObjectKind::Rollout => Resource::of(WorkloadKind::Rollout),
        ObjectKind::Deployment => Resource::of(WorkloadKind::Deployment),
        ObjectKind::StatefulSet => Resource::of(WorkloadKind::StatefulSet),
        ObjectKind::DaemonSet => Resource::of(WorkloadKind::DaemonSet),
        ObjectKind::Canary => Resource::of(WorkloadKind::Canary),
        ObjectKind::DeploymentConfig => Resource::of(WorkloadKind::DeploymentConfig),
        ObjectKind::Pod => PODS,
        ObjectKind::ReplicaSet => REPLICA_SETS,
        ObjectKind::ReplicationController => REPLICATION_CONTROLLERS,
        ObjectKind::AnalysisRun => ANALYSIS_RUNS,
        ObjectKind::Experiment => EXPERIMENTS,
        ObjectKind::Route(kind) => Resource::of_route(kind),
    }
}

/// The plan's own workload as an object.
pub(super) fn own_object(plan: &Plan) -> ObjectRef {
    ObjectRef { kind: ObjectKind::of(plan.target.kind), name: plan.target.name.clone() }
}

/// The request of a write: a PATCH, or a DELETE. Unknown fields are errors: without `Strict` the server would drop them and say 200.
pub(super) fn ask(plan: &Plan, write: &ResolvedWrite, body: Vec<u8>, more: &[(&str, &str)]) -> Ask {
    let resource = resource(write.object.kind);
    let mut path = resource.object(&plan.target.namespace, &write.object.name);
    if write.format == PatchFormat::Delete {
        let about = About::object("delete", resource, &plan.target.namespace, &write.object.name);
        return Ask::delete(with_query(path, more), delete_options(body, more), about);
    }
    let mut about = About::object("patch", resource, &plan.target.namespace, &write.object.name);
    match write.subresource {
        Some(Subresource::Status) => {
            path.push_str("/status");
            about = about.with_subresource("status");
        }
        None => {}
    }
    let mut query = vec![("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict")];
    query.extend_from_slice(more);
    Ask::patch(with_query(path, &query), patch::format(write), body, about)
}

/// Where a DELETE has a body, the server takes its options from there and ignores those of the address: a dry run that
/// is asked for in the address alone deletes (seen on 1.36.3).
fn delete_options(body: Vec<u8>, more: &[(&str, &str)]) -> Vec<u8> {
    let dry: Vec<&str> =
        more.iter().filter(|(key, _)| *key == "dryRun").map(|(_, value)| *value).collect();
    if dry.is_empty() {
        return body;
    }
    let mut options: Value = serde_json::from_slice(&body).unwrap_or_default();
    if !options.is_object() {
        options = Value::Object(Map::new());
    }
    options["dryRun"] = dry.into();
    options.to_string().into_bytes()
}

/// What came back from one attempt.
pub(super) fn answer(
    answered: Result<Reply, Fault>,
    precondition: Option<&ResourceVersion>,
) -> AttemptAnswer {
    match answered {
        Err(Fault { trouble, sent: Sent::No }) => AttemptAnswer::NeverLeft(trouble),
        Err(Fault { trouble, sent: Sent::Maybe }) => AttemptAnswer::NoAnswer(trouble),
        Ok(reply) if reply.is_success() => accepted(&reply, precondition),
        Ok(reply) => refused(&reply),
    }
}

/// A 2xx that is no object of Kubernetes may come from anything in between: it proves nothing.
fn accepted(reply: &Reply, precondition: Option<&ResourceVersion>) -> AttemptAnswer {
    let object: Value = match serde_json::from_slice(&reply.body) {
        Ok(object) => object,
        Err(error) => return AttemptAnswer::NoAnswer(trouble::of_json(reply, &error)),
    };
    let version = object.pointer("/metadata/resourceVersion").and_then(Value::as_str);
    let Some(version) = version.map(ResourceVersion::new) else {
        let words = Text::from("an answer without resourceVersion");
        return AttemptAnswer::NoAnswer(Trouble::BadAnswer(words));
    };
    AttemptAnswer::Accepted {
        changed: precondition != Some(&version),
        generation: object.pointer("/metadata/generation").and_then(Value::as_i64).map(Generation),
        version,
        warnings: reply.warnings.clone(),
    }
}

fn refused(reply: &Reply) -> AttemptAnswer {
    match reply.status {
        409 => AttemptAnswer::Conflict,
        // Whoever answered with a 5xx may have passed the request on.
        code @ 500.. => AttemptAnswer::NoAnswer(Trouble::Refused { code, detail: words(reply) }),
        code => AttemptAnswer::Rejected { code, why: words(reply) },
    }
}

/// The sentence of a `Status`, cut. The body itself may have been cut in the middle of its message.
pub(super) fn words(reply: &Reply) -> Text {
    let status: Option<Value> = serde_json::from_slice(&reply.body).ok();
    let raw = String::from_utf8_lossy(&reply.body);
    let message = status
        .as_ref()
        .and_then(|status| status.get("message")?.as_str())
        .map(str::to_owned)
        .or_else(|| cut_message(&raw));
    let words = message.unwrap_or_else(|| raw.trim().to_owned());
    let kept = words.get(..words.floor_char_boundary(WORDS_BYTES_MAX)).unwrap_or_default();
    let more = if kept.len() < words.len() { "…" } else { "" };
    Text::clean(&format!("{kept}{more}"))
}

/// The beginning of the message of a `Status` that is cut off.
fn cut_message(raw: &str) -> Option<String> {
    let rest = raw.split_once("\"message\":\"")?.1;
    let kept = rest.get(..rest.floor_char_boundary(WORDS_BYTES_MAX * 2))?;
    Some(kept.replace("\\\"", "\"").replace("\\n", " "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_dry_run_of_a_delete_is_asked_for_in_its_body() {
        let body = || json!({"preconditions": {"uid": "u"}}).to_string().into_bytes();
        assert_eq!(delete_options(body(), &[]), body());
        let dry = delete_options(body(), &[("dryRun", "All")]);
        let dry: Value = serde_json::from_slice(&dry).expect("JSON");
        assert_eq!(dry, json!({"preconditions": {"uid": "u"}, "dryRun": ["All"]}));
    }
}
