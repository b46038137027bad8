//! From a plan's writes to the exact bodies, with our mark in each. Pure: what has to be read is read by others.

use serde_json::{Map, Value, json};

use super::gates;
use super::resource::{CONTROLLER_REVISIONS, REPLICA_SETS, Resource};
use super::routes;
use super::sightings::{MARK_ANNOTATION, MARK_MESSAGE};
use super::wire::Format;
use crate::control::plan::{
    Change, ObjectKind, PatchFormat, PatchOp, Plan, ResolvedWrite, Subresource, Value as Symbol,
    Write,
};
use crate::domain::feed::Trouble;
use crate::domain::ids::{Name, ResourceVersion};
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

/// Labels that controllers put into the templates of ReplicaSets; they are no part of the version.
const HASH_LABELS: [&str; 2] = ["rollouts-pod-template-hash", "pod-template-hash"];

/// What Argo Rollouts injected into a ReplicaSet's template (`canaryMetadata`, `stableMetadata` and the like), as JSON.
/// With it, a template is another version than the one it was made of.
const EPHEMERAL: &str = "rollout.argoproj.io/ephemeral-metadata";

/// Annotations that belong to the present of a Deployment and not to the revision it goes back to
/// (`reference/rollouts.md` §3.3), and our own mark.
const OF_THE_PRESENT: [&str; 7] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
    MARK_ANNOTATION,
];

/// The reason of a revision: it goes with the revision even where that has none.
const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";

/// What was read to resolve the symbols of a plan.
pub(super) struct Sources<'a> {
    /// The object that is written to.
    pub object: &'a Value,
    /// The ReplicaSet or ControllerRevision that the plan names, if it names one.
    pub set: Option<&'a Value>,
    /// The server's clock.
    pub server_time: Timestamp,
}

/// The ReplicaSet or ControllerRevision that this write takes values from.
pub(super) fn needed_set(write: &Write) -> Option<(Resource, &Name)> {
    write.changes.iter().find_map(|change| match &change.value {
        Symbol::TemplateOf(name) | Symbol::AnnotationsOf(name) => Some((REPLICA_SETS, name)),
        Symbol::RevisionOf(name) => Some((CONTROLLER_REVISIONS, name)),
        Symbol::Null
        | Symbol::Bool(_)
        | Symbol::Int(_)
        | Symbol::Word(_)
        | Symbol::PrimaryOnly
        | Symbol::ServerTime => None,
    })
}

/// The write with all its values and our mark; only the resource version is missing.
pub(super) fn resolve(
    plan: &Plan,
    write: &Write,
    sources: &Sources<'_>,
) -> Result<ResolvedWrite, Trouble> {
    let body = match &write.format {
        PatchFormat::Merge | PatchFormat::Strategic => merge_body(plan, write, sources)?,
        PatchFormat::Delete => plain_body(plan, write, sources)?,
        PatchFormat::Json => json_body(plan, write, sources)?,
        PatchFormat::Call(_) => gates::body(plan),
    };
    Ok(ResolvedWrite {
        object: write.object.clone(),
        subresource: write.subresource,
        format: write.format.clone(),
        body: body.to_string().into(),
    })
}

/// The mark of a write to a status: it lives until the controller writes next.
pub(super) fn mark_message(plan: &Plan) -> String {
    format!("{MARK_MESSAGE}{} {}", plan.id, plan.action.name())
}

fn plain_body(plan: &Plan, write: &Write, sources: &Sources<'_>) -> Result<Value, Trouble> {
    let mut body = Value::Object(Map::new());
    for change in &write.changes {
        set(&mut body, change.path, value(plan, &change.value, sources)?);
    }
    Ok(body)
}

fn merge_body(plan: &Plan, write: &Write, sources: &Sources<'_>) -> Result<Value, Trouble> {
    let mut body = plain_body(plan, write, sources)?;
    match write.subresource {
        // A Canary's status has no room for it: an unknown field is refused.
        Some(Subresource::Status) if write.object.kind == ObjectKind::Canary => {}
        Some(Subresource::Status) => {
            set(&mut body, &["status", "message"], mark_message(plan).into());
        }
        None => {
            let path = ["metadata", "annotations", MARK_ANNOTATION];
            set(&mut body, &path, plan.id.as_str().into());
        }
    }
    Ok(body)
}

/// Sets a value in a tree of objects, making them on the way.
fn set(tree: &mut Value, path: &[&str], value: Value) {
    let mut here = tree;
    for key in path {
        if !here.is_object() {
            *here = Value::Object(Map::new());
        }
        here = &mut here[*key];
    }
    *here = value;
}

fn json_body(plan: &Plan, write: &Write, sources: &Sources<'_>) -> Result<Value, Trouble> {
    let mut operations = Vec::new();
    for change in &write.changes {
        if let (Symbol::PrimaryOnly, ObjectKind::Route(kind)) = (&change.value, write.object.kind) {
            operations.extend(routes::to_primary(kind, sources.object)?);
            continue;
        }
        operations.push(json!({
            "op": op(change),
            "path": pointer(change.path),
            "value": value(plan, &change.value, sources)?,
        }));
    }
    let marked = write.changes.iter().any(|change| change.path == ["metadata", "annotations"]);
    if !marked {
        operations.push(mark_operation(plan, sources.object));
    }
    Ok(Value::Array(operations))
}

const fn op(change: &Change) -> &'static str {
    match change.op {
        PatchOp::Add => "add",
        PatchOp::Replace => "replace",
    }
}

/// `add` into annotations that are not there is refused, so then they are made.
fn mark_operation(plan: &Plan, object: &Value) -> Value {
    let id = plan.id.as_str();
    if object.pointer("/metadata/annotations").is_some_and(Value::is_object) {
        json!({"op": "add", "path": pointer(&["metadata", "annotations", MARK_ANNOTATION]), "value": id})
    } else {
        json!({"op": "add", "path": "/metadata/annotations", "value": {MARK_ANNOTATION: id}})
    }
}

/// RFC 6901.
fn pointer(path: &[&str]) -> String {
    path.iter()
        .fold(String::new(), |out, key| out + "/" + &key.replace('~', "~0").replace('/', "~1"))
}

fn value(plan: &Plan, symbol: &Symbol, sources: &Sources<'_>) -> Result<Value, Trouble> {
    match symbol {
        Symbol::Null => Ok(Value::Null),
        Symbol::Bool(value) => Ok(Value::Bool(*value)),
        Symbol::Int(value) => Ok((*value).into()),
        Symbol::Word(word) => Ok(word.as_str().into()),
        Symbol::RevisionOf(name) => revision(name, sources),
        Symbol::PrimaryOnly => Err(Trouble::Lost(Text::from("a route takes a JSON patch"))),
        // Whole seconds: the API server's own times have no more.
        Symbol::ServerTime => {
            Ok(sources.server_time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into())
        }
        Symbol::TemplateOf(name) => template(name, sources.set),
        Symbol::AnnotationsOf(name) => {
            let set = sources.set.ok_or_else(|| missing(name))?;
            Ok(annotations(plan, sources.object, set))
        }
    }
}

/// The pod template of a ControllerRevision, which is a patch that replaces the whole. One that is wanted already is
/// refused as kubectl refuses it.
fn revision(name: &Name, sources: &Sources<'_>) -> Result<Value, Trouble> {
    let lacks = |what: &str| Text::clean(&format!("ControllerRevision {name}{what}"));
    let revision = sources.set.ok_or_else(|| Trouble::NotFound(lacks("")))?;
    let found = revision.pointer("/data/spec/template").filter(|it| it.is_object());
    let template = found.ok_or_else(|| Trouble::BadAnswer(lacks(" has no pod template")))?;
    let mut template = template.clone();
    // Without the directive the patch would be merged into the template that it is to replace.
    set(&mut template, &["$patch"], "replace".into());
    Ok(template)
}

fn missing(set: &Name) -> Trouble {
    Trouble::NotFound(Text::clean(&format!("ReplicaSet {set}")))
}

/// The pod template that a ReplicaSet was made of.
fn template(name: &Name, set: Option<&Value>) -> Result<Value, Trouble> {
    let set = set.ok_or_else(|| missing(name))?;
    let Some(found) = set.pointer("/spec/template").filter(|template| template.is_object()) else {
        let words = format!("ReplicaSet {name} has no pod template");
        return Err(Trouble::BadAnswer(Text::clean(&words)));
    };
    let mut template = found.clone();
    let injected: Value = set
        .pointer("/metadata/annotations")
        .and_then(|annotations| annotations.get(EPHEMERAL)?.as_str())
        .and_then(|raw| serde_json::from_str(raw).ok())
        .unwrap_or(Value::Null);
    for part in ["labels", "annotations"] {
        let Some(own) = template.pointer_mut(&format!("/metadata/{part}")) else { continue };
        let Some(own) = own.as_object_mut() else { continue };
        own.retain(|key, value| {
            let hash = part == "labels" && HASH_LABELS.contains(&key.as_str());
            !hash && injected[part].get(key) != Some(value)
        });
    }
    Ok(template)
}

/// The ReplicaSet's own annotations over the Deployment's, but what belongs to the present stays as it is. kubectl drops
/// annotations that the revision did not have; here they stay, because a tool's tracking mark may be among them.
fn annotations(plan: &Plan, object: &Value, set: &Value) -> Value {
    let of = |value: &Value| -> Map<String, Value> {
        value
            .pointer("/metadata/annotations")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    };
    let mut out = of(object);
    out.remove(CHANGE_CAUSE);
    for (key, value) in of(set) {
        if !OF_THE_PRESENT.contains(&key.as_str()) {
            out.insert(key, value);
        }
    }
    out.insert(MARK_ANNOTATION.to_owned(), plan.id.as_str().into());
    Value::Object(out)
}

/// The body as it leaves: with the precondition, if there is one.
pub(super) fn with_version(
    write: &ResolvedWrite,
    version: Option<&ResourceVersion>,
) -> Result<Vec<u8>, Trouble> {
    let mut body: Value = serde_json::from_str(&write.body)
        .map_err(|_| Trouble::Lost(Text::clean("the patch is not JSON")))?;
    if let Some(version) = version {
        let value = version.as_str();
        match body.as_array_mut() {
            Some(operations) => {
                let path = "/metadata/resourceVersion";
                operations.insert(0, json!({"op": "replace", "path": path, "value": value}));
            }
            None => set(&mut body, &["metadata", "resourceVersion"], value.into()),
        }
    }
    Ok(body.to_string().into_bytes())
}

/// The wire's word for a format.
pub(super) const fn format(write: &ResolvedWrite) -> Format {
    match &write.format {
        PatchFormat::Merge => Format::MergePatch,
        PatchFormat::Json => Format::JsonPatch,
        PatchFormat::Strategic => Format::StrategicMergePatch,
        PatchFormat::Delete | PatchFormat::Call(_) => Format::Json,
    }
}
