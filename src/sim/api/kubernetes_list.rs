//! Lists: selectors, pages bound to one revision, and what a list may ask for.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::kubernetes::{Ask, Server};
use super::kubernetes_answer::lost;
use super::kubernetes_path::{Form, Query, Resource};
use super::kubernetes_reply::{Heads, Listed, Payload, Reply};
use super::kubernetes_table as table;
use crate::sim::fault::Verb;
use crate::sim::kind::{Kind, Origin};
use crate::sim::selector::{Fields, Labels};
use crate::sim::status::{Cause, Status};
use crate::sim::store::Store;

/// What a list or a watch asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) labels: Labels,
    pub(super) fields: Fields,
    pub(super) limit: Option<usize>,
    pub(super) resume: Option<Token>,
    /// As given.
    pub(super) revision: String,
    pub(super) exact: Match,
}

/// How a revision is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// Not said.
    Unset,
    /// Exactly this one.
    Exact,
    /// This one or a later one.
    NotOlderThan,
}

/// Where a list goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Token {
    v: String,
    /// The revision of the first page; -1: whatever is now.
    rv: i64,
    /// The first key that may follow.
    start: String,
}

/// One page of a list.
struct Page {
    revision: u64,
    items: Vec<Arc<Value>>,
    token: Option<Token>,
    remaining: Option<usize>,
}

/// Answers a list.
pub(super) fn answer(
    server: &Server,
    ask: &Ask,
    resource: &Resource,
    kind: Kind,
) -> Result<Reply, Status> {
    let form = Form::of(&ask.headers)?;
    let options = Options::read(&ask.query, kind, Verb::List)?;
    let namespace = Some(resource.home()).filter(|namespace| !namespace.is_empty());
    let found = server
        .look(|cluster, now| page(&cluster.store, kind, namespace, &options).map(|it| (it, now)));
    let (page, now) = found.unwrap_or_else(|| Err(lost()))?;
    let metadata = page.metadata();
    let facts = kind.facts();
    match form {
        Form::Object => {
            let (api_version, word) = (facts.api_version(), format!("{}List", facts.kind));
            let (items, heads) = (page.items, Heads::of(kind));
            let mut metadata = metadata;
            if facts.origin == Origin::Custom && metadata.get("continue").is_none() {
                metadata["continue"] = "".into();
            }
            let list = Listed { api_version, kind: word, metadata, items, heads };
            Ok(Reply::new(200, Payload::List(list)))
        }
        Form::Metadata => {
            let items: Vec<Value> =
                page.items.iter().map(|item| table::metadata_of(item)).collect();
            Ok(Reply::json(json!({
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata,
                "items": items,
            })))
        }
        Form::Table => {
            let include = ask.query.text("includeObject");
            let table = table::table(kind, &metadata, &page.items, include, now)?;
            Ok(Reply::json(table))
        }
        Form::Discovery => Err(Status::new(406, "NotAcceptable", "no such form")),
    }
}

impl Page {
    fn metadata(&self) -> Value {
        let mut metadata = json!({"resourceVersion": self.revision.to_string()});
        if let Some(token) = &self.token {
            metadata["continue"] = token.write().into();
        }
        if let Some(remaining) = self.remaining {
            metadata["remainingItemCount"] = remaining.into();
        }
        metadata
    }
}

impl Token {
    fn new(rv: i64, start: String) -> Self {
        Self { v: "meta.k8s.io/v1".into(), rv, start }
    }

    fn write(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn read(text: &str) -> Result<Self, Status> {
        let wrong = |why: String| {
            Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"))
        };
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| wrong("illegal base64 data at input byte 0".into()))?;
        serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))
    }
}

impl Options {
    /// Reads the parameters of a list or a watch.
    pub(super) fn read(query: &Query, kind: Kind, verb: Verb) -> Result<Self, Status> {
        let limit = query.number("limit")?;
        query.number("timeoutSeconds")?;
        let exact = match query.text("resourceVersionMatch") {
            "" => Match::Unset,
            "Exact" => Match::Exact,
            "NotOlderThan" => Match::NotOlderThan,
            other => {
                let supported = "\"Exact\", \"NotOlderThan\", \"\"";
                let told = format!("Unsupported value: \"{other}\": supported values: {supported}");
                return Err(invalid("resourceVersionMatch", "FieldValueNotSupported", told));
            }
        };
        let revision = query.text("resourceVersion").to_owned();
        forbid(query, &revision, exact, verb)?;
        let labels = Labels::parse(query.text("labelSelector")).map_err(Status::bad_request)?;
        let fields =
            Fields::parse(query.text("fieldSelector"), kind).map_err(Status::bad_request)?;
        let resume = match query.text("continue") {
            "" => None,
            _ if !matches!(revision.as_str(), "" | "0") => {
                let told = "specifying resource version is not allowed when using continue";
                return Err(Status::bad_request(told));
            }
            text => Some(Token::read(text)?),
        };
        let limit = limit.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
        Ok(Self { labels, fields, limit, resume, revision, exact })
    }

    /// Whether an object is asked for.
    pub(super) fn select(&self, object: &Value) -> bool {
        self.labels.matches(object) && self.fields.matches(object)
    }
}

/// Combinations that the API server refuses.
fn forbid(query: &Query, revision: &str, exact: Match, verb: Verb) -> Result<(), Status> {
    let refuse = |field: &str, why: &str| {
        Err(invalid(field, "FieldValueForbidden", format!("Forbidden: {why}")))
    };
    let initial = query.has("sendInitialEvents");
    let field = "resourceVersionMatch";
    match (verb, exact) {
        (Verb::List, _) if initial => {
            refuse("sendInitialEvents", "sendInitialEvents is forbidden for list")
        }
        (Verb::List, Match::Exact | Match::NotOlderThan) if revision.is_empty() => {
            refuse(field, "resourceVersionMatch is forbidden unless resourceVersion is provided")
        }
        (Verb::List, Match::Exact) if revision == "0" => {
            refuse(field, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"")
        }
        (Verb::List, _) => Ok(()),
        (_, Match::NotOlderThan) if initial => Ok(()),
        (_, _) if initial => {
            refuse(field, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
        }
        (_, Match::Exact | Match::NotOlderThan) => refuse(
            field,
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
        (_, Match::Unset) => Ok(()),
    }
}

fn invalid(field: &str, reason: &'static str, message: String) -> Status {
    options_invalid("ListOptions", &Cause { reason, message, field: field.into() })
}

/// 422 about the parameters of a request.
pub(super) fn options_invalid(kind: &str, cause: &Cause) -> Status {
    let told = format!("{kind}.meta.k8s.io \"\" is invalid: {}: {}", cause.field, cause.message);
    let causes = json!([{"reason": cause.reason, "message": cause.message, "field": cause.field}]);
    let details = json!({"group": "meta.k8s.io", "kind": kind, "causes": causes});
    Status::new(422, "Invalid", told).with_details(details)
}

/// A revision as a number.
fn number(text: &str) -> Result<u64, Status> {
    text.parse().map_err(|_| {
        Status::bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: \"{text}\": \
             strconv.ParseUint: parsing \"{text}\": invalid syntax"
        ))
    })
}

fn page(
    store: &Store,
    kind: Kind,
    namespace: Option<&str>,
    options: &Options,
) -> Result<Page, Status> {
    let current = store.revision();
    let revision = match options.revision.as_str() {
        "" | "0" => 0,
        text => number(text)?,
    };
    if revision > current {
        return Err(too_large(revision, current));
    }
    let is_exact = options.exact == Match::Exact
        || options.exact == Match::Unset && options.limit.is_some() && revision > 0;
    let then = match &options.resume {
        Some(token) if token.rv >= 0 => u64::try_from(token.rv).unwrap_or_default(),
        None if is_exact => revision,
        Some(_) | None => current,
    };
    let start = options.resume.as_ref().map_or("", |token| token.start.as_str());
    let past = if then == current { None } else { Some(store.at_revision(kind, then)) };
    let (items, left) = match past {
        None => cut(store.range(kind, namespace), start, options),
        Some(Ok(shelf)) => {
            let prefix = namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
            let inside = shelf
                .iter()
                .map(|(key, object)| (key.as_str(), object))
                .filter(|(key, _)| key.starts_with(&prefix));
            cut(inside, start, options)
        }
        Some(Err(_)) => return Err(expired(options.resume.as_ref())),
    };
    let last = items.last().map(|(key, _)| format!("{key}\0")).unwrap_or_default();
    let rv = i64::try_from(then).unwrap_or(i64::MAX);
    let is_selective = !options.labels.is_empty() || !options.fields.is_empty();
    Ok(Page {
        revision: then,
        token: (left > 0).then(|| Token::new(rv, last)),
        remaining: (left > 0 && !is_selective).then_some(left),
        items: items.into_iter().map(|(_, object)| object).collect(),
    })
}

type Keyed = (String, Arc<Value>);

/// The selected objects from a key on, up to the limit, and how many are left.
fn cut<'a>(
    objects: impl Iterator<Item = (&'a str, &'a Arc<Value>)>,
    start: &str,
    options: &Options,
) -> (Vec<Keyed>, usize) {
    let limit = options.limit.unwrap_or(usize::MAX);
    let (mut items, mut left) = (Vec::new(), 0);
    for (key, object) in objects.filter(|(key, _)| *key >= start) {
        if !options.select(object) {
            continue;
        }
        if items.len() < limit {
            items.push((key.to_owned(), Arc::clone(object)));
        } else {
            left += 1;
        }
    }
    (items, left)
}

fn too_large(revision: u64, current: u64) -> Status {
    let told = format!("Timeout: Too large resource version: {revision}, current: {current}");
    let cause = json!({
        "reason": "ResourceVersionTooLarge", "message": "Too large resource version",
    });
    Status {
        retry_after: Some(1),
        ..Status::new(504, "Timeout", told)
            .with_details(json!({"causes": [cause], "retryAfterSeconds": 1}))
    }
}

fn expired(token: Option<&Token>) -> Status {
    let Some(token) = token else {
        let told = "The resourceVersion for the provided list is too old.";
        return Status::new(410, "Expired", told);
    };
    let told = "The provided continue parameter is too old to display a consistent list result. \
                You can start a new list without the continue parameter, or use the continue token \
                in this response to retrieve the remainder of the results. Continuing with the \
                provided token results in an inconsistent list - objects that were created, \
                modified, or deleted between the time the first chunk was returned and now may \
                show up in the list.";
    let next = Token::new(-1, token.start.clone());
    Status { token: Some(next.write()), ..Status::new(410, "Expired", told) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Store {
        let mut store = Store::new("2026-01-01T00:00:00Z".parse().unwrap());
        for (namespace, name) in [("shop", "a"), ("shop", "b"), ("shop", "c"), ("other", "d")] {
            let labels = json!({"app": name});
            let metadata = json!({"namespace": namespace, "name": name, "labels": labels});
            store.create(Kind::Pod, json!({"metadata": metadata})).unwrap();
        }
        store
    }

    fn list(store: &Store, query: &str) -> Result<(Vec<String>, Page), Status> {
        let options = Options::read(&Query::parse(query), Kind::Pod, Verb::List)?;
        let page = page(store, Kind::Pod, Some("shop"), &options)?;
        let name = |item: &Arc<Value>| item["metadata"]["name"].as_str().unwrap().to_owned();
        Ok((page.items.iter().map(name).collect(), page))
    }

    #[test]
    fn pages_of_one_list_show_one_revision() {
        let mut store = store();
        let (first, page) = list(&store, "limit=1").unwrap();
        assert_eq!((first, page.remaining), (vec!["a".to_owned()], Some(2)));
        let token = page.token.unwrap().write();
        store.delete(Kind::Pod, "shop", "b").unwrap();
        let (rest, last) = list(&store, &format!("limit=5&continue={token}")).unwrap();
        assert_eq!(rest, ["b", "c"]);
        assert_eq!((last.revision, last.token), (page.revision, None));
    }

    #[test]
    fn an_expired_token_is_told_with_one_that_goes_on_inconsistently() {
        let mut store = store();
        let token = list(&store, "limit=1").unwrap().1.token.unwrap().write();
        store.delete(Kind::Pod, "shop", "b").unwrap();
        store.compact();
        let expired = list(&store, &format!("continue={token}")).map(|_| ()).unwrap_err();
        assert_eq!((expired.code, expired.reason), (410, "Expired"));
        let token = expired.token.unwrap();
        assert_eq!(list(&store, &format!("continue={token}")).unwrap().0, ["c"]);
    }

    #[test]
    fn selectors_hide_how_many_are_left() {
        let store = store();
        let (names, page) = list(&store, "limit=1&labelSelector=app+in+(b,c)").unwrap();
        assert_eq!((names, page.remaining), (vec!["b".to_owned()], None));
        assert!(page.token.is_some());
        assert_eq!(list(&store, "fieldSelector=metadata.name%3Dc").unwrap().0, ["c"]);
    }

    #[test]
    fn bad_parameters_are_refused_with_the_servers_codes() {
        let store = store();
        let table = [
            ("limit=abc", 400),
            ("timeoutSeconds=x", 400),
            ("labelSelector=a==b==c", 400),
            ("fieldSelector=spec.foo=1", 400),
            ("continue=abc", 400),
            ("continue=!", 400),
            ("resourceVersion=abc", 400),
            ("resourceVersion=99999999", 504),
            ("resourceVersion=5&resourceVersionMatch=Exact", 410),
            ("resourceVersionMatch=Exact", 422),
            ("resourceVersion=0&resourceVersionMatch=Exact", 422),
            ("resourceVersion=5&resourceVersionMatch=Foo", 422),
            ("sendInitialEvents=true", 422),
        ];
        for (query, code) in table {
            assert_eq!(list(&store, query).map(|_| ()).unwrap_err().code, code, "{query}");
        }
        let token = list(&store, "limit=1").unwrap().1.token.unwrap().write();
        let both = format!("continue={token}&resourceVersion=5");
        assert_eq!(list(&store, &both).map(|_| ()).unwrap_err().code, 400);
        assert_eq!(list(&store, "limit=-1&resourceVersion=0").unwrap().0.len(), 3);
    }
}
