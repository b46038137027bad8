//! Changes of objects that exist: patches and whole replacements, of the object or its status.

use std::sync::Arc;

use serde_json::{Value, json};

use super::kubernetes::Ask;
use super::kubernetes_access::read;
use super::kubernetes_answer::MODIFIED;
use super::kubernetes_path::Resource;
use super::kubernetes_reply::{Payload, Reply};
use super::kubernetes_write::{Options, Run, is_of_kind, key_at, settle_place, unhandled};
use crate::sim::kind::{Kind, Origin};
use crate::sim::managed::{self, Manager};
use crate::sim::object::{drop_meta, meta, raise_generation, set_meta, text};
use crate::sim::patch::{Broken, Format};
use crate::sim::status::{Cause, Status};
use crate::sim::validate::{self, Part};
use crate::sim::world::Cluster;

/// Fields of `metadata` that no writer can change.
const KEPT: [&str; 9] = [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "generation",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
];

/// Which part is written, and how.
pub(super) type How<'a> = (Part, &'a Options);

/// Answers `PATCH`.
pub(super) fn patch(
    cluster: &mut Cluster,
    ask: &Ask,
    resource: &Resource,
    kind: Kind,
    how: How<'_>,
) -> Result<Reply, Status> {
    let format = format(ask.media_type(), kind)?;
    let old = cluster.store.shared(kind, resource.home(), &resource.name).cloned();
    let old = old.ok_or_else(|| Status::not_found(kind, &resource.name))?;
    let mut new = format.apply(&old, &ask.body).map_err(refused)?;
    validate::readable(kind, &new).map_err(|why| unreadable(&new, &why))?;
    let whole = new.clone();
    let warnings = how.1.prune(kind, &mut new).map_err(|unknown| {
        unreadable(&whole, &format!("strict decoding error: {}", unknown.join(", ")))
    })?;
    if text(&new, "name") != resource.name {
        return Err(other_name(&new, resource));
    }
    settle_place(&mut new, resource.home())?;
    is_same_kind(kind, &old, &new)?;
    let edit = Edit { kind, resource, old, how };
    let stored = edit.store(cluster, new, Uid::Immutable)?;
    Ok(Reply::new(200, Payload::Shared(stored)).warning(&warnings))
}

/// Answers `PUT`.
pub(super) fn replace(
    cluster: &mut Cluster,
    ask: &Ask,
    resource: &Resource,
    kind: Kind,
    how: How<'_>,
) -> Result<Reply, Status> {
    let mut new = read(ask, kind.facts().kind)?;
    is_of_kind(kind, &new, &ask.body)?;
    let cannot = |why: &str| Status::bad_request(unhandled(kind, why));
    validate::readable(kind, &new).map_err(|why| cannot(&why))?;
    let warnings = how
        .1
        .prune(kind, &mut new)
        .map_err(|unknown| cannot(&format!("strict decoding error: {}", unknown.join(", "))))?;
    if text(&new, "name") != resource.name {
        return Err(other_name(&new, resource));
    }
    settle_place(&mut new, resource.home())?;
    let old = cluster.store.shared(kind, resource.home(), &resource.name).cloned();
    let old = old.ok_or_else(|| Status::not_found(kind, &resource.name))?;
    for field in ["apiVersion", "kind"] {
        new[field] = old[field].clone();
    }
    let edit = Edit { kind, resource, old, how };
    let stored = edit.store(cluster, new, Uid::Precondition)?;
    Ok(Reply::new(200, Payload::Shared(stored)).warning(&warnings))
}

/// The format of a patch; definitions know no strategic ones.
pub(super) fn format(media: &str, kind: Kind) -> Result<Format, Status> {
    let origin = kind.facts().origin;
    let found = Format::of(media)
        .filter(|format| *format != Format::Strategic || origin == Origin::BuiltIn);
    found.ok_or_else(|| match origin {
        // Refused before any handler of ours is asked.
        Origin::BuiltIn => {
            let told = "415: Unsupported Media Type";
            Status::new(415, "UnsupportedMediaType", told).with_details(json!({}))
        }
        Origin::Custom => {
            let told = "the body of the request was in an unknown format - accepted media types \
                        include: application/json-patch+json, application/merge-patch+json, \
                        application/apply-patch+yaml";
            Status::new(415, "UnsupportedMediaType", told)
        }
    })
}

/// Why a patch has no result.
pub(super) fn refused(broken: Broken) -> Status {
    match broken {
        Broken::Unreadable(why) => Status::bad_request(why),
        Broken::Unfit => Status::unprocessable(),
        Broken::Failed(why) => Status::new(500, "", why),
        Broken::TooLong(why) => Status::new(413, "RequestEntityTooLarge", why),
    }
}

/// 422 of a patch whose result cannot be read: it holds the whole object.
pub(super) fn unreadable(object: &Value, why: &str) -> Status {
    let quoted = Value::from(object.to_string());
    let told = format!("Invalid value: {quoted}: {why}");
    let causes = json!([{"reason": "FieldValueInvalid", "message": told, "field": "patch"}]);
    Status::new(422, "Invalid", format!(" \"\" is invalid: patch: {told}"))
        .with_details(json!({"causes": causes}))
}

fn other_name(object: &Value, resource: &Resource) -> Status {
    Status::bad_request(format!(
        "the name of the object ({}) does not match the name on the URL ({})",
        text(object, "name"),
        resource.name
    ))
}

fn is_same_kind(kind: Kind, old: &Value, new: &Value) -> Result<(), Status> {
    let facts = kind.facts();
    for field in ["kind", "apiVersion"] {
        if new.get(field) == old.get(field) {
            continue;
        }
        let word = new.get(field).cloned().unwrap_or_default();
        let own = if field == "kind" { facts.kind.to_owned() } else { facts.api_version() };
        if facts.origin == Origin::BuiltIn {
            let version = facts.version;
            let why = format!("no kind {word} is registered for version \"{version}\" in scheme");
            return Err(unreadable(new, &why));
        }
        let message = format!("Invalid value: {word}: must be {own}");
        let cause = Cause { reason: "FieldValueInvalid", message, field: field.into() };
        return Err(Status::invalid(kind, &text(old, "name"), &[cause]));
    }
    Ok(())
}

/// What another uid means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Uid {
    /// A patch tries to change it.
    Immutable,
    /// A replacement is meant for another object.
    Precondition,
}

/// A change on its way into the store.
pub(super) struct Edit<'a> {
    pub(super) kind: Kind,
    pub(super) resource: &'a Resource,
    pub(super) old: Arc<Value>,
    pub(super) how: How<'a>,
}

impl Edit<'_> {
    /// Stores the new version, or answers as if.
    pub(super) fn store(
        &self,
        cluster: &mut Cluster,
        mut new: Value,
        uid: Uid,
    ) -> Result<Arc<Value>, Status> {
        self.is_fresh(&new)?;
        self.is_same_object(&new, uid)?;
        self.keep(&mut new);
        validate::leave_out_zeros(self.kind, &mut new);
        validate::valid(self.kind, &new, Some(&self.old), self.how.0)?;
        if self.is_another_state(&new) {
            raise_generation(&mut new);
        }
        if new == *self.old {
            return Ok(Arc::clone(&self.old));
        }
        let (part, options) = self.how;
        let subresource = match part {
            Part::Status => "status",
            Part::Main => self.resource.subresource.as_str(),
        };
        let by = Manager { name: &options.manager, subresource, at: cluster.store.now() };
        managed::record(self.kind, Some(&self.old), &mut new, by);
        match options.run {
            Run::Dry => Ok(Arc::new(new)),
            Run::Real => {
                Ok(cluster.store.replace(self.kind, &key_at(self.kind, self.resource), new))
            }
        }
    }

    /// The resource version is the lock: what was read must still be what is there.
    fn is_fresh(&self, new: &Value) -> Result<(), Status> {
        let given = meta(new, "resourceVersion").and_then(Value::as_str).unwrap_or_default();
        let name = &self.resource.name;
        if !given.is_empty() && given.parse::<u64>().is_err() {
            let told = format!("strconv.ParseUint: parsing \"{given}\": invalid syntax");
            return Err(Status::new(500, "", told));
        }
        if matches!(given, "" | "0") {
            if self.kind.facts().origin == Origin::BuiltIn {
                return Ok(());
            }
            let cause = Cause {
                reason: "FieldValueInvalid",
                message: "Invalid value: 0: must be specified for an update".into(),
                field: "metadata.resourceVersion".into(),
            };
            // This one is told of the resource and not of the kind.
            return Err(Status::invalid_resource(self.kind, name, &cause));
        }
        if Some(given) == meta(&self.old, "resourceVersion").and_then(Value::as_str) {
            return Ok(());
        }
        Err(Status::conflict(self.kind, name, MODIFIED))
    }

    fn is_same_object(&self, new: &Value, uid: Uid) -> Result<(), Status> {
        let given = meta(new, "uid").and_then(Value::as_str).unwrap_or_default();
        let own = text(&self.old, "uid");
        // The handler of a definition's `/status` never looks.
        let is_blind = self.how.0 == Part::Status && self.kind.facts().origin == Origin::Custom;
        if given.is_empty() || given == own || is_blind {
            return Ok(());
        }
        match uid {
            Uid::Immutable => {
                let message = format!("Invalid value: \"{given}\": field is immutable");
                let field = "metadata.uid".to_owned();
                let cause = Cause { reason: "FieldValueInvalid", message, field };
                // Found by two checks.
                Err(Status::invalid(self.kind, &self.resource.name, &[cause.clone(), cause]))
            }
            Uid::Precondition => {
                let why = format!(
                    "StorageError: invalid object, Code: 4, Key: /registry/{}/{}, \
                     ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in \
                     precondition: {given}, UID in object meta: {own}",
                    self.kind.facts().plural,
                    key_at(self.kind, self.resource)
                );
                Err(Status::conflict(self.kind, &self.resource.name, &why))
            }
        }
    }

    /// Puts back what this write may not change.
    fn keep(&self, new: &mut Value) {
        let facts = self.kind.facts();
        match (self.how.0, facts.origin) {
            (Part::Status, Origin::Custom) => {
                let status = new.get("status").cloned();
                *new = Value::clone(&self.old);
                put(new, "status", status);
                return;
            }
            (Part::Status, Origin::BuiltIn) => {
                put(new, "spec", self.old.get("spec").cloned());
                // Annotations stay: the deployment controller writes its revision this way.
                let labels = meta(&self.old, "labels").cloned();
                match labels {
                    Some(labels) => set_meta(new, "labels", labels),
                    None => drop(drop_meta(new, "labels")),
                }
            }
            (Part::Main, _) if facts.has("status") => {
                put(new, "status", self.old.get("status").cloned());
            }
            (Part::Main, _) => {}
        }
        for field in KEPT {
            match meta(&self.old, field) {
                Some(own) => set_meta(new, field, own.clone()),
                None => drop(drop_meta(new, field)),
            }
        }
        if let Some(own) = meta(&self.old, "resourceVersion") {
            set_meta(new, "resourceVersion", own.clone());
        }
    }

    /// Whether the change asks for another state, which counts the generation up.
    fn is_another_state(&self, new: &Value) -> bool {
        let facts = self.kind.facts();
        if self.how.0 == Part::Status || !self.kind.has_generation() {
            return false;
        }
        let differs = |field: &str| self.old.get(field) != new.get(field);
        match facts.origin {
            Origin::Custom => {
                let fields = new.as_object().into_iter().chain(self.old.as_object());
                let mut states = fields
                    .flat_map(serde_json::Map::keys)
                    .filter(|field| *field != "metadata")
                    .filter(|field| *field != "status" || !facts.has("status"));
                states.any(|field| differs(field))
            }
            // Long ago, rolling back a deployment was asked for by an annotation.
            Origin::BuiltIn if self.kind == Kind::Deployment => {
                differs("spec") || meta(&self.old, "annotations") != meta(new, "annotations")
            }
            Origin::BuiltIn => differs("spec"),
        }
    }
}

fn put(object: &mut Value, field: &str, value: Option<Value>) {
    let Some(fields) = object.as_object_mut() else { return };
    match value {
        Some(value) => drop(fields.insert(field.to_owned(), value)),
        None => drop(fields.shift_remove(field)),
    }
}
