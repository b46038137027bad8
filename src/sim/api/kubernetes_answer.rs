//! From a request that is known to its answer: may he, does it exist, and whose business is it.

use serde_json::json;

use super::kubernetes::{Ask, Server};
use super::kubernetes_path::{Form, Resource, Target};
use super::kubernetes_reply::{Payload, Reply};
use super::{
    kubernetes_access as access, kubernetes_discovery as discovery, kubernetes_list as list,
    kubernetes_log as log, kubernetes_table as table, kubernetes_watch as watch,
    kubernetes_write as write,
};
use crate::sim::access::{Asked, User};
use crate::sim::fault::Verb;
use crate::sim::kind::{Kind, Origin};
use crate::sim::status::Status;

/// Why a write with an old resource version is refused.
pub(super) const MODIFIED: &str = "the object has been modified; please apply your changes to the \
                                   latest version and try again";

/// Answers a request of a user.
pub(super) fn answer(server: &Server, ask: &Ask, user: &User) -> Reply {
    match &ask.target {
        Target::Path(path) => path_answer(server, ask, user, path),
        Target::Resource(resource) => {
            resource_answer(server, ask, user, resource).unwrap_or_else(Reply::from)
        }
    }
}

fn path_answer(server: &Server, ask: &Ask, user: &User, path: &str) -> Reply {
    let asked = Asked::Path { verb: ask.method.as_str().to_lowercase(), path: path.to_owned() };
    if user.may(&asked).is_none() {
        return forbidden(&asked, user).into();
    }
    match server.look(|cluster, _| discovery::answer(&cluster.store, ask, path)) {
        Some(reply) => reply,
        None => lost().into(),
    }
}

fn forbidden(asked: &Asked, user: &User) -> Status {
    let (told, details) = asked.refused_to(user);
    Status::new(403, "Forbidden", told).with_details(details)
}

/// The world has lost the cluster under the server's feet.
pub(super) fn lost() -> Status {
    Status::new(503, "ServiceUnavailable", "the cluster is gone")
}

fn resource_answer(
    server: &Server,
    ask: &Ask,
    user: &User,
    resource: &Resource,
) -> Result<Reply, Status> {
    let Some(verb) = ask.verb() else { return Err(no_method()) };
    let asked = resource.asked(verb);
    if user.may(&asked).is_none() {
        return Err(forbidden(&asked, user));
    }
    if let Some(reply) = access::answer(server, ask, user, resource) {
        return reply;
    }
    let known = resource
        .kind()
        .filter(|kind| server.look(|cluster, _| cluster.store.knows(*kind)).unwrap_or(false));
    let Some(kind) = known else { return unknown(server, resource) };
    if !resource.subresource.is_empty() {
        return part(server, ask, resource, kind);
    }
    match verb {
        Verb::Get => {
            let form = Form::of(&ask.headers)?;
            let object = server.look(|cluster, now| {
                let found = cluster.store.shared(kind, resource.home(), &resource.name);
                let found = found.cloned();
                found.ok_or_else(|| Status::not_found(kind, &resource.name)).map(|it| (it, now))
            });
            let (object, now) = object.unwrap_or_else(|| Err(lost()))?;
            table::one(kind, object, form, ask.query.text("includeObject"), now)
        }
        Verb::List => list::answer(server, ask, resource, kind),
        Verb::Watch => watch::answer(server, ask, resource, kind),
        Verb::Create | Verb::Update | Verb::Patch | Verb::Delete | Verb::DeleteCollection => {
            check_name(resource, verb, kind)?;
            write::answer(server, ask, resource, kind)
        }
    }
}

/// Methods that need a name and have none, or the other way round.
fn check_name(resource: &Resource, verb: Verb, kind: Kind) -> Result<(), Status> {
    let needs_name = match verb {
        Verb::Update | Verb::Patch | Verb::Delete => true,
        Verb::Create | Verb::DeleteCollection => false,
        Verb::Get | Verb::List | Verb::Watch => return Ok(()),
    };
    if needs_name != resource.name.is_empty() {
        return Ok(());
    }
    // Definitions' handler finds out late, and words it by what is missing.
    match (kind.facts().origin, needs_name) {
        (Origin::Custom, true) => Err(Status::bad_request("name must be provided")),
        (Origin::Custom, false) | (Origin::BuiltIn, _) => Err(no_method()),
    }
}

fn part(server: &Server, ask: &Ask, resource: &Resource, kind: Kind) -> Result<Reply, Status> {
    let facts = kind.facts();
    let is_there = facts.has(&resource.subresource);
    match (kind, resource.subresource.as_str(), ask.verb()) {
        (Kind::Pod, "log", Some(Verb::Get)) => log::log(server, ask, resource),
        (Kind::Pod, "proxy", Some(Verb::Get)) => log::proxy(server, resource),
        (Kind::Service, "proxy", Some(Verb::Create)) => log::gate(server, ask, resource),
        (_, "status", Some(Verb::Get)) if is_there => {
            let found = server.look(|cluster, _| {
                cluster.store.shared(kind, resource.home(), &resource.name).cloned()
            });
            let object = found.flatten().ok_or_else(|| Status::not_found(kind, &resource.name))?;
            Ok(Reply::new(200, Payload::Shared(object)))
        }
        (_, "status" | "scale", Some(Verb::Get | Verb::Update | Verb::Patch)) if is_there => {
            write::answer(server, ask, resource, kind)
        }
        (_, "status" | "scale", Some(verb)) if is_there && facts.origin == Origin::Custom => {
            Err(not_supported(kind, verb))
        }
        (_, _, Some(_)) if is_there => Err(no_method()),
        // Definitions' handler takes an unknown part for a missing object.
        (_, _, _) => match facts.origin {
            Origin::Custom => Err(Status::not_found(kind, &resource.name)),
            Origin::BuiltIn => Err(Status::no_such_resource()),
        },
    }
}

fn unknown(server: &Server, resource: &Resource) -> Result<Reply, Status> {
    let of_kubernetes = resource.group.is_empty()
        || server
            .look(|cluster, _| discovery::is_built_in(&cluster.store, &resource.group))
            .unwrap_or(false);
    if of_kubernetes { Err(Status::no_such_resource()) } else { Ok(Reply::no_page()) }
}

/// 405 in the words of definitions' handler.
fn not_supported(kind: Kind, verb: Verb) -> Status {
    let facts = kind.facts();
    let qualified = facts.qualified(facts.plural);
    let told = format!("{} is not supported on resources of kind \"{qualified}\"", verb.word());
    Status::new(405, "MethodNotAllowed", told)
        .with_details(json!({"group": facts.group, "kind": facts.plural}))
}

/// 405.
pub(super) fn no_method() -> Status {
    let told = "the server does not allow this method on the requested resource";
    Status::new(405, "MethodNotAllowed", told).with_details(json!({}))
}
