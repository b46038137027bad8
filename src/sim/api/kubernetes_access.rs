//! Reviews: who am I, may I, and what may I. They are asked and not stored.

use serde_json::{Map, Value, json};

use super::kubernetes::{Ask, Server};
use super::kubernetes_answer::no_method;
use super::kubernetes_path::Resource;
use super::kubernetes_reply::{Payload, Reply};
use crate::sim::access::{Asked, User};
use crate::sim::fault::Verb;
use crate::sim::object::stamp;
use crate::sim::patch::go;
use crate::sim::status::Status;

/// Answers a review; `None`: the resource is no review.
pub(super) fn answer(
    server: &Server,
    ask: &Ask,
    user: &User,
    resource: &Resource,
) -> Option<Result<Reply, Status>> {
    let place = (resource.group.as_str(), resource.version.as_str(), resource.plural.as_str());
    let review: fn(&Review<'_>) -> Result<Value, Status> = match place {
        ("authentication.k8s.io", "v1", "selfsubjectreviews") => |review| Ok(who(review)),
        ("authorization.k8s.io", "v1", "selfsubjectaccessreviews") => may,
        ("authorization.k8s.io", "v1", "selfsubjectrulesreviews") => rules,
        _ => return None,
    };
    if ask.verb() != Some(Verb::Create) || !resource.name.is_empty() {
        return Some(Err(no_method()));
    }
    let word = match resource.plural.as_str() {
        "selfsubjectreviews" => "SelfSubjectReview",
        "selfsubjectaccessreviews" => "SelfSubjectAccessReview",
        _ => "SelfSubjectRulesReview",
    };
    let manager = ask.agent().split('/').next().unwrap_or_default();
    let answer = read(ask, word).and_then(|body| review(&Review { server, user, body, manager }));
    Some(answer.map(|value| Reply::new(201, Payload::Json(value))))
}

struct Review<'a> {
    server: &'a Server,
    user: &'a User,
    body: Value,
    manager: &'a str,
}

/// The body of a request that must be an object.
pub(super) fn read(ask: &Ask, kind: &str) -> Result<Value, Status> {
    if !matches!(ask.media_type(), "" | "application/json") {
        let told = "the body of the request was in an unknown format - accepted media types \
                    include: application/json, application/yaml, \
                    application/vnd.kubernetes.protobuf";
        return Err(Status::new(415, "UnsupportedMediaType", told));
    }
    let unrecognized = |why: String| {
        let body = String::from_utf8_lossy(&ask.body);
        let body: String = body.chars().take(256).collect();
        Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): couldn't get \
             version/kind; json parse error: {why} ({body})"
        ))
    };
    let value: Value =
        serde_json::from_slice(&ask.body).map_err(|error| unrecognized(go(&error)))?;
    if value.is_object() {
        return Ok(value);
    }
    Err(unrecognized("json: cannot unmarshal into Go value of type struct".into()))
}

fn who(review: &Review<'_>) -> Value {
    let now = review.server.look(|_, now| now).map(stamp);
    json!({
        "kind": "SelfSubjectReview",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"creationTimestamp": now},
        "status": {"userInfo": review.user.info()},
    })
}

fn may(review: &Review<'_>) -> Result<Value, Status> {
    let spec = review.body.get("spec").cloned().unwrap_or_default();
    let part = |name: &str| spec.get(name).filter(|part| part.is_object());
    let text = |part: &Value, field: &str| {
        part.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let asked = match (part("resourceAttributes"), part("nonResourceAttributes")) {
        (Some(part), None) => {
            let resource = match text(part, "subresource") {
                sub if sub.is_empty() => text(part, "resource"),
                sub => format!("{}/{sub}", text(part, "resource")),
            };
            let (verb, group) = (text(part, "verb"), text(part, "group"));
            let (namespace, name) = (text(part, "namespace"), text(part, "name"));
            Asked::Resource { verb, group, resource, namespace, name }
        }
        (None, Some(part)) => Asked::Path { verb: text(part, "verb"), path: text(part, "path") },
        (None, None) | (Some(_), Some(_)) => {
            let told = "Invalid value: null: exactly one of nonResourceAttributes or \
                        resourceAttributes must be specified";
            let field = "spec.resourceAttributes";
            let causes = json!([{"reason": "FieldValueInvalid", "message": told, "field": field}]);
            let message = format!(".authorization.k8s.io \"\" is invalid: {field}: {told}");
            let details = json!({"group": "authorization.k8s.io", "causes": causes});
            return Err(Status::new(422, "Invalid", message).with_details(details));
        }
    };
    let mut status = Map::new();
    let allowed = review.user.may(&asked);
    status.insert("allowed".into(), allowed.is_some().into());
    if let Some(reason) = allowed.filter(|reason| !reason.is_empty()) {
        status.insert("reason".into(), reason.into());
    }
    let api_version = "authorization.k8s.io/v1";
    let owned = json!({
        "manager": review.manager,
        "operation": "Update",
        "apiVersion": api_version,
        "time": review.server.look(|_, now| now).map(stamp),
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {}},
    });
    Ok(json!({
        "kind": "SelfSubjectAccessReview",
        "apiVersion": api_version,
        "metadata": {"managedFields": [owned]},
        "spec": spec,
        "status": status,
    }))
}

fn rules(review: &Review<'_>) -> Result<Value, Status> {
    let namespace = review.body.pointer("/spec/namespace").and_then(Value::as_str);
    let namespace = namespace
        .filter(|namespace| !namespace.is_empty())
        .ok_or_else(|| Status::bad_request("no namespace on request"))?;
    let (resources, paths) = review.user.rules_in(namespace);
    Ok(json!({
        "kind": "SelfSubjectRulesReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "spec": {},
        "status": {
            "resourceRules": resources, "nonResourceRules": paths, "incomplete": false,
        },
    }))
}
