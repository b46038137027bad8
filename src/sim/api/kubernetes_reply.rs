//! Answers of the simulated API server on their way to HTTP.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::sim::kind::{Kind, Origin};
use crate::sim::status::Status;

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) payload: Payload,
    pub(super) headers: HeaderMap,
}

/// The body of an answer.
#[derive(Debug)]
pub(super) enum Payload {
    /// An object.
    Json(Value),
    /// An object as the store has it.
    Shared(Arc<Value>),
    /// A list of objects.
    List(Listed),
    /// A text of a media type.
    Text(&'static str, String),
    /// A stream of JSON lines.
    Stream(Body),
}

/// A list of objects, written without being copied.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) metadata: Value,
    pub(super) items: Vec<Arc<Value>>,
    pub(super) heads: Heads,
}

/// Whether the items of a list say what they are. Those of built-in kinds do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heads {
    Kept,
    Dropped,
}

impl Heads {
    pub(super) fn of(kind: Kind) -> Self {
        match kind.facts().origin {
            Origin::BuiltIn => Self::Dropped,
            Origin::Custom => Self::Kept,
        }
    }
}

impl Reply {
    pub(super) fn new(code: u16, payload: Payload) -> Self {
        Self { code, payload, headers: HeaderMap::new() }
    }

    /// 200 with an object.
    pub(super) fn json(value: Value) -> Self {
        Self::new(200, Payload::Json(value))
    }

    /// A text.
    pub(super) fn text(code: u16, text: impl Into<String>) -> Self {
        Self::new(code, Payload::Text("text/plain; charset=utf-8", text.into()))
    }

    /// What a Go server says of a path that it does not know.
    pub(super) fn no_page() -> Self {
        Self::text(404, "404 page not found\n").with(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
    }

    /// The same with a header more. One that is no header's text is left out.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.append(name, value);
        }
        self
    }

    /// The same with a header instead of the usual one.
    pub(super) fn replaced(mut self, name: &HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// The same with warnings.
    pub(super) fn warning(self, warnings: &[String]) -> Self {
        warnings.iter().fold(self, |reply, told| {
            let told = told.replace('\\', "\\\\").replace('"', "\\\"");
            reply.with(header::WARNING, &format!("299 - \"{told}\""))
        })
    }

    /// As HTTP; `pretty` JSON is for people with a browser or curl.
    pub(super) fn into_http(self, print: Print) -> Response<Body> {
        let (media, body) = match self.payload {
            Payload::Json(value) => ("application/json", written(&value, print)),
            Payload::Shared(value) => ("application/json", written(&value, print)),
            Payload::List(list) => ("application/json", written(&list, print)),
            Payload::Text(media, text) => (media, Body::from(text)),
            Payload::Stream(body) => ("application/json", body),
        };
        let mut response = Response::new(body);
        *response.status_mut() =
            StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        for name in [header::CACHE_CONTROL, header::CONTENT_TYPE] {
            if self.headers.contains_key(&name) {
                headers.remove(&name);
            }
        }
        headers.extend(self.headers);
        response
    }
}

/// How JSON is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Print {
    Compact,
    Pretty,
}

impl Print {
    /// As the API server decides: by the parameter, else by the program that asks.
    pub(super) fn of(pretty: &str, agent: &str) -> Self {
        let for_people = ["curl", "Wget", "Mozilla/5.0"].iter().any(|each| agent.starts_with(each));
        match pretty {
            "" if for_people => Self::Pretty,
            "" | "0" | "false" => Self::Compact,
            _ => Self::Pretty,
        }
    }
}

fn written(value: &impl Serialize, print: Print) -> Body {
    let mut bytes = match print {
        Print::Compact => serde_json::to_vec(value),
        Print::Pretty => serde_json::to_vec_pretty(value),
    }
    .unwrap_or_default();
    if print == Print::Compact {
        bytes.push(b'\n');
    }
    Body::from(bytes)
}

impl From<Status> for Reply {
    fn from(status: Status) -> Self {
        let reply = Self::new(status.code, Payload::Json(status.to_value()));
        let reply = match status.retry_after {
            Some(seconds) => reply.with(header::RETRY_AFTER, &seconds.to_string()),
            None => reply,
        };
        match status.code {
            403 => reply.with(header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            _ => reply,
        }
    }
}

impl Serialize for Listed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("kind", &self.kind)?;
        map.serialize_entry("apiVersion", &self.api_version)?;
        map.serialize_entry("metadata", &self.metadata)?;
        match self.heads {
            Heads::Kept => map.serialize_entry("items", &self.items)?,
            Heads::Dropped => {
                let items: Vec<Headless<'_>> =
                    self.items.iter().map(|item| Headless(item)).collect();
                map.serialize_entry("items", &items)?;
            }
        }
        map.end()
    }
}

/// An object without `kind` and `apiVersion`.
struct Headless<'a>(&'a Value);

impl Serialize for Headless<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(fields) = self.0.as_object() else { return self.0.serialize(serializer) };
        let own = |(key, _): &(&String, &Value)| !matches!(key.as_str(), "kind" | "apiVersion");
        serializer.collect_map(fields.iter().filter(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn items_of_built_in_kinds_do_not_say_what_they_are() {
        let list = |heads| {
            let items = vec![Arc::new(json!({"kind": "Pod", "apiVersion": "v1", "spec": {}}))];
            let (api_version, kind) = ("v1".into(), "PodList".into());
            let list = Listed { api_version, kind, metadata: json!({}), items, heads };
            serde_json::to_value(list).unwrap()["items"].clone()
        };
        assert_eq!(list(Heads::Dropped), json!([{"spec": {}}]));
        assert_eq!(list(Heads::Kept), json!([{"kind": "Pod", "apiVersion": "v1", "spec": {}}]));
    }

    #[test]
    fn warnings_are_quoted() {
        let reply = Reply::json(json!({})).warning(&["unknown field \"spec.x\"".into()]);
        assert_eq!(reply.headers[header::WARNING], "299 - \"unknown field \\\"spec.x\\\"\"");
    }

    #[test]
    fn people_read_indented_json_and_programs_do_not() {
        assert_eq!(Print::of("", "curl/8.0"), Print::Pretty);
        assert_eq!(Print::of("", "pilothouse/0.1.0"), Print::Compact);
        assert_eq!(Print::of("true", "pilothouse/0.1.0"), Print::Pretty);
        assert_eq!(Print::of("false", "curl/8.0"), Print::Compact);
    }
}
