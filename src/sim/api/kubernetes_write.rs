//! Writes: what they may ask for, and new objects.

use serde_json::{Value, json};

use super::kubernetes::{Ask, Server};
use super::kubernetes_access::read;
use super::kubernetes_answer::lost;
use super::kubernetes_list::options_invalid;
use super::kubernetes_path::{Query, Resource};
use super::kubernetes_reply::{Payload, Reply};
use super::{kubernetes_delete as delete, kubernetes_edit as edit, kubernetes_scale as scale};
use crate::sim::fault::Verb;
use crate::sim::kind::{Kind, Origin};
use crate::sim::managed::{self, Manager};
use crate::sim::object::{drop_meta, meta, set_meta, text};
use crate::sim::schema;
use crate::sim::status::{Cause, Status};
use crate::sim::store::{Store, key};
use crate::sim::validate::{self, Part};
use crate::sim::world::Cluster;

/// Letters of made-up names: those that form no words.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// What a write asks for beside itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) run: Run,
    pub(super) unknown: Unknown,
    pub(super) manager: String,
}

/// Whether it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// Nothing is stored.
    Dry,
    /// It is.
    Real,
}

/// What happens to unknown fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    /// They vanish.
    Ignore,
    /// They vanish with a warning.
    Warn,
    /// They are an error.
    Refuse,
}

impl Options {
    /// Reads the parameters of a write.
    pub(super) fn read(query: &Query, agent: &str, verb: Verb) -> Result<Self, Status> {
        let kind = match verb {
            Verb::Create => "CreateOptions",
            Verb::Update => "UpdateOptions",
            Verb::Patch => "PatchOptions",
            Verb::Delete | Verb::DeleteCollection => "DeleteOptions",
            Verb::Get | Verb::List | Verb::Watch => "ListOptions",
        };
        let refuse = |field: &str, reason: &'static str, message: String| {
            Err(options_invalid(kind, &Cause { reason, message, field: field.into() }))
        };
        let run = match query.all("dryRun").as_slice() {
            [] => Run::Real,
            values if values.iter().all(|value| *value == "All") => Run::Dry,
            values => {
                let told =
                    format!("Unsupported value: {}: supported values: \"All\"", json!(values));
                return refuse("dryRun", "FieldValueNotSupported", told);
            }
        };
        let unknown = match query.text("fieldValidation") {
            "" | "Warn" => Unknown::Warn,
            "Strict" => Unknown::Refuse,
            "Ignore" => Unknown::Ignore,
            other => {
                let told = format!(
                    "Unsupported value: \"{other}\": supported values: \"\", \"Ignore\", \"Strict\", \
                     \"Warn\""
                );
                return refuse("fieldValidation", "FieldValueNotSupported", told);
            }
        };
        let manager = match query.text("fieldManager") {
            "" => agent.split('/').next().unwrap_or_default().chars().take(128).collect(),
            manager if manager.len() > 128 => {
                let told = "Too long: may not be more than 128 bytes".to_owned();
                return refuse("fieldManager", "FieldValueTooLong", told);
            }
            manager => manager.to_owned(),
        };
        Ok(Self { run, unknown, manager })
    }

    /// Deals with the unknown fields of an object: takes them away and says which.
    pub(super) fn prune(&self, kind: Kind, object: &mut Value) -> Result<Vec<String>, Vec<String>> {
        let mut unknown = Vec::new();
        if let Some(shape) = schema::of(kind) {
            shape.prune(object, "", &mut unknown);
        }
        let told = unknown.iter().map(|path| format!("unknown field \"{path}\"")).collect();
        match self.unknown {
            Unknown::Ignore => Ok(Vec::new()),
            Unknown::Refuse if !unknown.is_empty() => Err(told),
            Unknown::Warn | Unknown::Refuse => Ok(told),
        }
    }
}

/// Answers a write.
pub(super) fn answer(
    server: &Server,
    ask: &Ask,
    resource: &Resource,
    kind: Kind,
) -> Result<Reply, Status> {
    let verb = ask.verb().unwrap_or(Verb::Get);
    let options = Options::read(&ask.query, ask.agent(), verb)?;
    let done = server.change(|cluster, _| match (verb, resource.subresource.as_str()) {
        (_, "scale") => scale::answer(cluster, ask, resource, kind, &options),
        (Verb::Create, _) => create(cluster, ask, resource, kind, &options),
        (Verb::Update, part) => {
            edit::replace(cluster, ask, resource, kind, (part_of(part), &options))
        }
        (Verb::Patch, part) => edit::patch(cluster, ask, resource, kind, (part_of(part), &options)),
        (Verb::Delete, _) => delete::one(cluster, ask, resource, kind, &options),
        (Verb::DeleteCollection, _) => delete::all(cluster, ask, resource, kind, &options),
        (Verb::Get | Verb::List | Verb::Watch, _) => Err(super::kubernetes_answer::no_method()),
    });
    done.unwrap_or_else(|| Err(lost()))
}

fn part_of(subresource: &str) -> Part {
    if subresource == "status" { Part::Status } else { Part::Main }
}

fn create(
    cluster: &mut Cluster,
    ask: &Ask,
    resource: &Resource,
    kind: Kind,
    options: &Options,
) -> Result<Reply, Status> {
    let facts = kind.facts();
    let mut object = read(ask, facts.kind)?;
    is_of_kind(kind, &object, &ask.body)?;
    let cannot = |why: &str| Status::bad_request(unhandled(kind, why));
    validate::readable(kind, &object).map_err(|why| cannot(&why))?;
    let warnings = options
        .prune(kind, &mut object)
        .map_err(|unknown| cannot(&format!("strict decoding error: {}", unknown.join(", "))))?;
    settle_place(&mut object, resource.home())?;
    for field in ["uid", "creationTimestamp", "generation", "managedFields", "deletionTimestamp"] {
        drop_meta(&mut object, field);
    }
    if facts.has("status")
        && let Some(fields) = object.as_object_mut()
    {
        fields.shift_remove("status");
    }
    validate::leave_out_zeros(kind, &mut object);
    if kind == Kind::Event {
        complete_event(&mut object);
    }
    if meta(&object, "resourceVersion").is_some() {
        let told = "resourceVersion should not be set on objects to be created";
        return Err(Status::new(500, "", told));
    }
    has_namespace(&cluster.store, resource)?;
    name(&mut cluster.store, kind, &mut object)?;
    validate::valid_name(kind, &text(&object, "name"))?;
    let by = Manager { name: &options.manager, subresource: "", at: cluster.store.now() };
    managed::record(kind, None, &mut object, by);
    validate::valid(kind, &object, None, Part::Main)?;
    let made = match options.run {
        Run::Real => cluster.store.create(kind, object)?,
        Run::Dry => {
            let name = text(&object, "name");
            if cluster.store.get(kind, resource.home(), &name).is_some() {
                return Err(Status::already_exists(kind, &name));
            }
            cluster.store.born(kind, object)
        }
    };
    Ok(Reply::new(201, Payload::Json(made)).warning(&warnings))
}

/// Whether the body says it is of the kind of the address, or (built-in kinds) says nothing.
pub(super) fn is_of_kind(kind: Kind, object: &Value, body: &[u8]) -> Result<(), Status> {
    let facts = kind.facts();
    let said = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    let (api_version, word) = (said("apiVersion"), said("kind"));
    if word.is_empty() && facts.origin == Origin::Custom {
        let body: String = String::from_utf8_lossy(body).chars().take(256).collect();
        return Err(Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): Object 'Kind' is missing in \
             '{body}' ({body})",
            facts.kind
        )));
    }
    if !api_version.is_empty() && api_version != facts.api_version() {
        return Err(Status::bad_request(format!(
            "the API version in the data ({api_version}) does not match the expected API version \
             ({})",
            facts.api_version()
        )));
    }
    if !word.is_empty() && word != facts.kind {
        return Err(Status::bad_request(format!(
            "{word} in version \"{}\" cannot be handled as a {}: converting: unknown conversion",
            facts.version, facts.kind
        )));
    }
    Ok(())
}

/// Why an object of a kind cannot be handled as one.
pub(super) fn unhandled(kind: Kind, why: &str) -> String {
    let facts = kind.facts();
    let (version, kind) = (facts.version, facts.kind);
    format!("{kind} in version \"{version}\" cannot be handled as a {kind}: {why}")
}

/// The namespace of the body must be that of the address.
pub(super) fn settle_place(object: &mut Value, home: &str) -> Result<(), Status> {
    let own = text(object, "namespace");
    if !own.is_empty() && own != home {
        let told = "the namespace of the provided object does not match the namespace sent on the \
                    request";
        return Err(Status::bad_request(told));
    }
    if !home.is_empty() {
        set_meta(object, "namespace", home);
    }
    Ok(())
}

/// Objects can be made only in a namespace that exists. A world without any namespace is not asked.
fn has_namespace(store: &Store, resource: &Resource) -> Result<(), Status> {
    let home = resource.home();
    let exists = home.is_empty()
        || store.list(Kind::Namespace, None).next().is_none()
        || store.get(Kind::Namespace, "", home).is_some();
    if exists { Ok(()) } else { Err(Status::not_found(Kind::Namespace, home)) }
}

/// Makes up a name where only its beginning is given.
fn name(store: &mut Store, kind: Kind, object: &mut Value) -> Result<(), Status> {
    if !text(object, "name").is_empty() {
        return Ok(());
    }
    let prefix = text(object, "generateName");
    if prefix.is_empty() {
        let cause = Cause {
            reason: "FieldValueRequired",
            message: "Required value: name or generateName is required".into(),
            field: "metadata.name".into(),
        };
        return Err(Status::invalid(kind, "", &[cause]));
    }
    // The real server tries eight times too, and tells of a clash as if it were a name given.
    for _ in 0..8 {
        let number = store.random();
        let letter = |at: u32| {
            let index = (number >> (8 * at)) % LETTERS.len() as u64;
            let index = usize::try_from(index).unwrap_or_default();
            LETTERS.get(index).copied().map_or('x', char::from)
        };
        let made: String = prefix.chars().chain((0..5).map(letter)).collect();
        let home = text(object, "namespace");
        if store.get(kind, &home, &made).is_none() {
            set_meta(object, "name", made);
            return Ok(());
        }
    }
    Err(Status::already_exists(kind, &prefix))
}

/// The fields that an event always shows.
fn complete_event(object: &mut Value) {
    let Some(fields) = object.as_object_mut() else { return };
    for (field, value) in [
        ("source", json!({})),
        ("firstTimestamp", Value::Null),
        ("lastTimestamp", Value::Null),
        ("eventTime", Value::Null),
        ("reportingComponent", "".into()),
        ("reportingInstance", "".into()),
    ] {
        fields.entry(field).or_insert(value);
    }
}

/// The place of the object of an address.
pub(super) fn key_at(kind: Kind, resource: &Resource) -> String {
    key(kind, resource.home(), &resource.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_strictly() {
        let read =
            |query: &str| Options::read(&Query::parse(query), "pilothouse/0.1.0", Verb::Patch);
        let plain = read("").unwrap();
        assert_eq!((plain.run, plain.unknown), (Run::Real, Unknown::Warn));
        assert_eq!(plain.manager, "pilothouse");
        let full = read("dryRun=All&fieldValidation=Strict&fieldManager=x").unwrap();
        assert_eq!((full.run, full.unknown, full.manager), (Run::Dry, Unknown::Refuse, "x".into()));
        for query in
            ["dryRun=Some", "fieldValidation=Foo", &format!("fieldManager={}", "x".repeat(129))]
        {
            let refused = read(query).unwrap_err();
            assert_eq!(refused.code, 422, "{query}");
            assert!(refused.message.starts_with("PatchOptions.meta.k8s.io"), "{query}");
        }
    }
}
