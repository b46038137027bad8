//! Deleting objects, one or many.

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::kubernetes::Ask;
use super::kubernetes_list;
use super::kubernetes_path::Resource;
use super::kubernetes_reply::{Heads, Listed, Payload, Reply};
use super::kubernetes_write::{Options, Run, key_at};
use crate::sim::fault::Verb;
use crate::sim::kind::{Kind, Origin};
use crate::sim::object::{set_meta, stamp, text};
use crate::sim::patch::go;
use crate::sim::status::Status;
use crate::sim::store::key_of;
use crate::sim::world::Cluster;

/// The grace of a pod that does not say its own.
const GRACE_SECONDS: i64 = 30;

/// Answers `DELETE` of an object.
pub(super) fn one(
    cluster: &mut Cluster,
    ask: &Ask,
    resource: &Resource,
    kind: Kind,
    options: &Options,
) -> Result<Reply, Status> {
    let (body, grace, run) = wishes(ask, options)?;
    let found = cluster.store.shared(kind, resource.home(), &resource.name).cloned();
    let object = found.ok_or_else(|| Status::not_found(kind, &resource.name))?;
    precondition(kind, &object, &body)?;
    let grace = grace_of(kind, &object, grace);
    let key = key_at(kind, resource);
    let last = match run {
        Run::Real => cluster.store.retire(kind, &key, grace),
        Run::Dry => Some(cluster.store.departing(kind, &object, grace).into()),
    };
    let last = last.map_or_else(|| Value::clone(&object), |last| Value::clone(&last));
    Ok(Reply::json(answer(cluster, kind, last)))
}

/// What is answered of an object that was deleted: pods and namespaces as they are now, others by
/// name.
fn answer(cluster: &Cluster, kind: Kind, mut last: Value) -> Value {
    let facts = kind.facts();
    if kind == Kind::Pod {
        return last;
    }
    if kind == Kind::Namespace {
        set_meta(&mut last, "deletionTimestamp", stamp(cluster.store.now()));
        last["status"] = json!({"phase": "Terminating"});
        return last;
    }
    let mut details = Map::new();
    details.insert("name".into(), text(&last, "name").into());
    if !facts.group.is_empty() {
        details.insert("group".into(), facts.group.into());
    }
    details.insert("kind".into(), facts.plural.into());
    details.insert("uid".into(), text(&last, "uid").into());
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    })
}

/// Answers `DELETE` of a collection.
pub(super) fn all(
    cluster: &mut Cluster,
    ask: &Ask,
    resource: &Resource,
    kind: Kind,
    options: &Options,
) -> Result<Reply, Status> {
    let (body, grace, run) = wishes(ask, options)?;
    let which = kubernetes_list::Options::read(&ask.query, kind, Verb::List)?;
    let home = Some(resource.home()).filter(|home| !home.is_empty());
    let chosen: Vec<Value> =
        cluster.store.list(kind, home).filter(|object| which.select(object)).cloned().collect();
    for object in &chosen {
        precondition(kind, object, &body)?;
        if run == Run::Real {
            let grace = grace_of(kind, object, grace);
            cluster.store.retire(kind, &key_of(kind, object), grace);
        }
    }
    let facts = kind.facts();
    let mut metadata = json!({"resourceVersion": cluster.store.revision().to_string()});
    if facts.origin == Origin::Custom {
        metadata["continue"] = "".into();
    }
    let items = chosen.into_iter().map(std::sync::Arc::new).collect();
    let (api_version, word) = (facts.api_version(), format!("{}List", facts.kind));
    let list = Listed { api_version, kind: word, metadata, items, heads: Heads::of(kind) };
    Ok(Reply::new(200, Payload::List(list)))
}

/// `DeleteOptions` from the body, the grace from there or the address, and whether it counts.
fn wishes(ask: &Ask, options: &Options) -> Result<(Value, Option<i64>, Run), Status> {
    let body: Value = if ask.body.is_empty() {
        json!({})
    } else {
        serde_json::from_slice(&ask.body).map_err(|error| {
            let why = go(&error);
            Status::bad_request(format!("couldn't get version/kind; json parse error: {why}"))
        })?
    };
    let in_address = ask.query.number("gracePeriodSeconds")?;
    let grace = body.get("gracePeriodSeconds").and_then(Value::as_i64).or(in_address);
    let is_dry = body.get("dryRun").and_then(Value::as_array).is_some_and(|dry| !dry.is_empty());
    let run = if is_dry { Run::Dry } else { options.run };
    Ok((body, grace, run))
}

fn precondition(kind: Kind, object: &Value, body: &Value) -> Result<(), Status> {
    let wanted = |field: &str| body.get("preconditions").and_then(|all| all.get(field)?.as_str());
    let name = text(object, "name");
    if let Some(uid) = wanted("uid").filter(|uid| *uid != text(object, "uid")) {
        let why = format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object \
             might have been deleted and then recreated",
            text(object, "uid")
        );
        return Err(conflict(kind, &name, &why));
    }
    let own = text(object, "resourceVersion");
    if let Some(revision) = wanted("resourceVersion").filter(|revision| *revision != own) {
        let why = format!(
            "the ResourceVersion in the precondition ({revision}) does not match the \
             ResourceVersion in record ({own}). The object might have been modified"
        );
        return Err(conflict(kind, &name, &why));
    }
    Ok(())
}

/// Preconditions are told of the kind and not of the resource.
fn conflict(kind: Kind, name: &str, why: &str) -> Status {
    let facts = kind.facts();
    let qualified = facts.qualified(facts.kind);
    let mut details = Map::new();
    details.insert("name".into(), name.into());
    if !facts.group.is_empty() {
        details.insert("group".into(), facts.group.into());
    }
    details.insert("kind".into(), facts.kind.into());
    let told = format!("Operation cannot be fulfilled on {qualified} \"{name}\": {why}");
    Status::new(409, "Conflict", told).with_details(Value::Object(details))
}

fn grace_of(kind: Kind, object: &Value, wanted: Option<i64>) -> SignedDuration {
    if kind != Kind::Pod {
        return SignedDuration::ZERO;
    }
    let own = object.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_i64);
    let seconds = wanted.or(own).unwrap_or(GRACE_SECONDS);
    SignedDuration::from_secs(seconds.clamp(0, 3_600))
}
