//! What the API server tells of itself: version, health, groups and resources.

use axum::http::header;
use serde_json::{Map, Value, json};

use super::kubernetes::Ask;
use super::kubernetes_answer::no_method;
use super::kubernetes_path::Form;
use super::kubernetes_reply::Reply;
use crate::sim::kind::{Facts, KINDS, Kind, Origin, Scope};
use crate::sim::store::Store;

const BUILT_IN_VERBS: [&str; 8] =
    ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const CUSTOM_VERBS: [&str; 8] =
    ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

/// Groups of reviews, which are asked and not stored: group, resource, singular, kind.
const REVIEWS: [(&str, &str, &str, &str); 3] = [
    (
        "authorization.k8s.io",
        "selfsubjectaccessreviews",
        "selfsubjectaccessreview",
        "SelfSubjectAccessReview",
    ),
    (
        "authorization.k8s.io",
        "selfsubjectrulesreviews",
        "selfsubjectrulesreview",
        "SelfSubjectRulesReview",
    ),
    ("authentication.k8s.io", "selfsubjectreviews", "selfsubjectreview", "SelfSubjectReview"),
];

/// Answers a path outside the resources.
pub(super) fn answer(store: &Store, ask: &Ask, path: &str) -> Reply {
    let is_read = matches!(ask.method.as_str(), "GET" | "HEAD");
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let aggregated = matches!(Form::of(&ask.headers), Ok(Form::Discovery));
    let found = match parts.as_slice() {
        [] => Some(json!({"paths": paths(store)})),
        ["version"] => Some(version()),
        ["healthz" | "livez" | "readyz", rest @ ..] => {
            return if is_read { health(ask, rest) } else { no_method().into() };
        }
        ["api"] if aggregated => return all(store, &["", ""]),
        ["apis"] if aggregated => return all(store, &groups(store)),
        ["api"] => Some(json!({
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs":
                [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:6443"}],
        })),
        ["api", "v1"] => Some(resources(store, "", "v1")),
        ["api", _] => return crate::sim::status::Status::no_such_resource().into(),
        ["apis"] => {
            let all: Vec<Value> = groups(store).iter().map(|group| group_of(group)).collect();
            Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": all}))
        }
        ["apis", group] if groups(store).contains(group) => {
            let mut found = Map::new();
            found.insert("kind".into(), "APIGroup".into());
            found.insert("apiVersion".into(), "v1".into());
            if let Value::Object(group) = group_of(group) {
                found.extend(group);
            }
            Some(Value::Object(found))
        }
        ["apis", group, version]
            if groups(store).contains(group) && version_of(group) == *version =>
        {
            Some(resources(store, group, version))
        }
        _ => None,
    };
    match found {
        Some(value) if is_read || parts.first() == Some(&"apis") => Reply::json(value),
        Some(_) => no_method().into(),
        None => Reply::no_page(),
    }
}

/// Whether a group is part of Kubernetes itself.
pub(super) fn is_built_in(store: &Store, group: &str) -> bool {
    REVIEWS.iter().any(|(review, ..)| *review == group)
        || known(store).any(|kind| {
            let facts = kind.facts();
            facts.group == group && facts.origin == Origin::BuiltIn
        })
}

fn known(store: &Store) -> impl Iterator<Item = Kind> {
    KINDS.into_iter().filter(|kind| store.knows(*kind))
}

fn groups(store: &Store) -> Vec<&'static str> {
    let stored = known(store).map(|kind| kind.facts().group).filter(|group| !group.is_empty());
    let mut groups: Vec<&str> = stored.chain(REVIEWS.iter().map(|(group, ..)| *group)).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

fn version_of(group: &str) -> &'static str {
    let of = |kind: &Kind| kind.facts().group == group;
    KINDS.into_iter().find(of).map_or("v1", |kind| kind.facts().version)
}

fn paths(store: &Store) -> Vec<String> {
    let mut paths: Vec<String> =
        ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/readyz", "/version"]
            .map(str::to_owned)
            .into();
    for group in groups(store) {
        paths.push(format!("/apis/{group}"));
        paths.push(format!("/apis/{group}/{}", version_of(group)));
    }
    paths.sort();
    paths
}

fn version() -> Value {
    json!({
        "major": "1",
        "minor": "36",
        "emulationMajor": "1",
        "emulationMinor": "36",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35",
        "gitVersion": "v1.36.3",
        "gitCommit": "simulated",
        "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "go1.26.8",
        "compiler": "gc",
        "platform": "linux/amd64",
    })
}

fn health(ask: &Ask, rest: &[&str]) -> Reply {
    let checks = ["ping", "log", "etcd", "informer-sync"];
    let reply = match rest {
        [] if ask.query.has("verbose") => {
            let mut told: String =
                checks.iter().flat_map(|check| ["[+]", check, " ok\n"]).collect();
            told.push_str("check passed\n");
            Reply::text(200, told)
        }
        [] => Reply::text(200, "ok"),
        [check] if checks.contains(check) => return Reply::text(200, "ok"),
        _ => return Reply::no_page(),
    };
    reply.with(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
}

fn group_of(group: &str) -> Value {
    let version = version_of(group);
    let version = json!({"groupVersion": format!("{group}/{version}"), "version": version});
    json!({"name": group, "versions": [version], "preferredVersion": version})
}

const fn verbs(origin: Origin) -> [&'static str; 8] {
    match origin {
        Origin::BuiltIn => BUILT_IN_VERBS,
        Origin::Custom => CUSTOM_VERBS,
    }
}

/// A subresource's kind with its group and version where they differ, and its verbs.
fn part_of(facts: &Facts, part: &str) -> (Option<(&'static str, &'static str)>, String, Value) {
    let own = facts.kind.to_owned();
    match part {
        "scale" => (Some(("autoscaling", "v1")), "Scale".into(), json!(["get", "patch", "update"])),
        "log" => (None, own, json!(["get"])),
        "proxy" => {
            let kind = format!("{own}ProxyOptions");
            (None, kind, json!(["create", "delete", "get", "patch", "update"]))
        }
        "finalize" => (None, own, json!(["update"])),
        _ => (None, own, json!(["get", "patch", "update"])),
    }
}

fn resources(store: &Store, group: &str, version: &str) -> Value {
    let mut all = Vec::new();
    for kind in known(store).filter(|kind| kind.facts().group == group) {
        let facts = kind.facts();
        let namespaced = facts.scope == Scope::Namespaced;
        let mut verbs = verbs(facts.origin).to_vec();
        if kind == Kind::Namespace {
            verbs.retain(|verb| *verb != "deletecollection");
        }
        let mut resource = json!({
            "name": facts.plural,
            "singularName": facts.singular,
            "namespaced": namespaced,
            "kind": facts.kind,
            "verbs": verbs,
        });
        for (field, words) in [("shortNames", facts.short), ("categories", facts.categories)] {
            if !words.is_empty() {
                resource[field] = json!(words);
            }
        }
        resource["storageVersionHash"] = facts.storage_hash.into();
        all.push(resource);
        for part in facts.subresources {
            let (place, kind, verbs) = part_of(facts, part);
            let mut resource = json!({
                "name": format!("{}/{part}", facts.plural),
                "singularName": "",
                "namespaced": namespaced,
            });
            if let Some((group, version)) = place {
                resource["group"] = group.into();
                resource["version"] = version.into();
            }
            resource["kind"] = kind.into();
            resource["verbs"] = verbs;
            all.push(resource);
        }
    }
    for (_, plural, singular, kind) in REVIEWS.iter().filter(|(review, ..)| *review == group) {
        all.push(json!({
            "name": plural,
            "singularName": singular,
            "namespaced": false,
            "kind": kind,
            "verbs": ["create"],
        }));
    }
    let group_version =
        if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let mut list = json!({"kind": "APIResourceList"});
    // The core group's list is as old as the API and does not say its version.
    if !group.is_empty() {
        list["apiVersion"] = "v1".into();
    }
    list["groupVersion"] = group_version.into();
    list["resources"] = all.into();
    list
}

/// Discovery of several groups in one answer.
fn all(store: &Store, groups: &[&str]) -> Reply {
    let mut unique = groups.to_vec();
    unique.dedup();
    let items: Vec<Value> = unique
        .into_iter()
        .map(|group| {
            let metadata = if group.is_empty() { json!({}) } else { json!({"name": group}) };
            let version = json!({
                "version": version_of(group),
                "resources": aggregated(store, group),
                "freshness": "Current",
            });
            json!({"metadata": metadata, "versions": [version]})
        })
        .collect();
    let list = json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    });
    let media = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    Reply::json(list)
        .replaced(&header::CONTENT_TYPE, media)
        .replaced(&header::CACHE_CONTROL, "public")
}

fn aggregated(store: &Store, group: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for kind in known(store).filter(|kind| kind.facts().group == group) {
        let facts = kind.facts();
        // Kinds of Kubernetes leave their own group out.
        let place = match facts.origin {
            Origin::BuiltIn => ("", ""),
            Origin::Custom => (facts.group, facts.version),
        };
        let response = |(group, version): (&str, &str), kind: &str| {
            let (group, version) = (Value::from(group), Value::from(version));
            json!({"group": group, "version": version, "kind": kind})
        };
        let scope = match facts.scope {
            Scope::Namespaced => "Namespaced",
            Scope::Cluster => "Cluster",
        };
        let mut resource = json!({
            "resource": facts.plural,
            "responseKind": response(place, facts.kind),
            "scope": scope,
            "singularResource": facts.singular,
            "verbs": verbs(facts.origin),
        });
        for (field, words) in [("shortNames", facts.short), ("categories", facts.categories)] {
            if !words.is_empty() {
                resource[field] = json!(words);
            }
        }
        let parts: Vec<Value> = facts
            .subresources
            .iter()
            .map(|part| {
                let (other, kind, verbs) = part_of(facts, part);
                let response = response(other.unwrap_or(place), &kind);
                json!({"subresource": part, "responseKind": response, "verbs": verbs})
            })
            .collect();
        if !parts.is_empty() {
            resource["subresources"] = parts.into();
        }
        all.push(resource);
    }
    for (_, plural, singular, kind) in REVIEWS.iter().filter(|(review, ..)| *review == group) {
        all.push(json!({
            "resource": plural,
            "responseKind": {"group": "", "version": "", "kind": kind},
            "scope": "Cluster",
            "singularResource": singular,
            "verbs": ["create"],
        }));
    }
    all
}
