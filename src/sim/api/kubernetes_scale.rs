//! `/scale`: the number of replicas as an object of its own.

use serde_json::{Value, json};

use super::kubernetes::Ask;
use super::kubernetes_access::read;
use super::kubernetes_cells::selector;
use super::kubernetes_edit::{Edit, Uid, format, refused, unreadable};
use super::kubernetes_path::Resource;
use super::kubernetes_reply::Reply;
use super::kubernetes_write::Options;
use crate::sim::fault::Verb;
use crate::sim::kind::{Kind, Origin};
use crate::sim::object::{meta, set_meta};
use crate::sim::schema;
use crate::sim::status::Status;
use crate::sim::validate::{Part, readable_metadata, wrong_type};
use crate::sim::world::Cluster;

/// Answers a request for the scale of an object.
pub(super) fn answer(
    cluster: &mut Cluster,
    ask: &Ask,
    resource: &Resource,
    kind: Kind,
    options: &Options,
) -> Result<Reply, Status> {
    let old = cluster.store.shared(kind, resource.home(), &resource.name).cloned();
    let old = old.ok_or_else(|| Status::not_found(kind, &resource.name))?;
    let current = scale_of(kind, &old);
    let wanted = match ask.verb() {
        Some(Verb::Patch) => {
            let format = format(ask.media_type(), kind)?;
            let patched = format.apply(&current, &ask.body).map_err(refused)?;
            is_scale(&patched).map_err(|why| unreadable(&patched, &why))?;
            patched
        }
        Some(Verb::Update) => {
            let scale = read(ask, "Scale")?;
            is_scale(&scale).map_err(Status::bad_request)?;
            scale
        }
        Some(_) | None => return Ok(Reply::json(current)),
    };
    let replicas = wanted.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or_default();
    if replicas < 0 && kind.facts().origin == Origin::BuiltIn {
        return Err(negative(&resource.name, replicas));
    }
    let mut new = Value::clone(&old);
    new["spec"]["replicas"] = replicas.into();
    // A scale carries the resource version of its object; without one it is meant for any.
    if let Some(revision) = meta(&wanted, "resourceVersion") {
        set_meta(&mut new, "resourceVersion", revision.clone());
    }
    let edit = Edit { kind, resource, old, how: (Part::Main, options) };
    let stored = edit.store(cluster, new, Uid::Immutable)?;
    Ok(Reply::json(scale_of(kind, &stored)))
}

fn is_scale(scale: &Value) -> Result<(), String> {
    readable_metadata(scale)?;
    if scale.get("spec").is_some_and(|spec| !spec.is_object()) {
        return Err("json: cannot unmarshal into Go struct field Scale.spec".into());
    }
    match schema::scale().first_wrong(scale, "") {
        None => Ok(()),
        Some((path, shape, value)) => Err(wrong_type("Scale", &path, shape, value)),
    }
}

fn negative(name: &str, replicas: i64) -> Status {
    let told = format!("Invalid value: {replicas}: must be greater than or equal to 0");
    let message = format!("Scale.autoscaling \"{name}\" is invalid: spec.replicas: {told}");
    let causes =
        json!([{"reason": "FieldValueInvalid", "message": told, "field": "spec.replicas"}]);
    let details = json!({"name": name, "group": "autoscaling", "kind": "Scale", "causes": causes});
    Status::new(422, "Invalid", message).with_details(details)
}

/// The scale of an object. A rollout shows what the autoscaler should see, others what there is.
fn scale_of(kind: Kind, object: &Value) -> Value {
    let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    let (replicas, selector) = if kind == Kind::Rollout {
        let selector = object.pointer("/status/selector").and_then(Value::as_str);
        (number("/status/HPAReplicas"), selector.unwrap_or_default().to_owned())
    } else {
        (number("/status/replicas"), selector(object))
    };
    // Zero is left out, as everywhere in Go.
    let spec = match number("/spec/replicas") {
        0 => json!({}),
        replicas => json!({"replicas": replicas}),
    };
    let mut metadata = serde_json::Map::new();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = meta(object, field) {
            metadata.insert(field.into(), value.clone());
        }
    }
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": spec,
        "status": {"replicas": replicas, "selector": selector},
    })
}
