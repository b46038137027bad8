//! Addresses of the Kubernetes API: what a path and its query ask for.

use axum::http::{HeaderMap, Method, header};
use serde_json::{Map, Value};

use crate::sim::access::Asked;
use crate::sim::fault::Verb;
use crate::sim::kind::{Kind, Scope};
use crate::sim::status::Status;

/// What a path is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Something with resources.
    Resource(Resource),
    /// Anything else: `/version`, `/apis/apps/v1`.
    Path(String),
}

/// A resource, an object of it, or a part of that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) plural: String,
    /// Empty: all, or the kind has none.
    pub(super) namespace: String,
    /// Empty: the collection.
    pub(super) name: String,
    /// Empty: the object itself.
    pub(super) subresource: String,
    /// What follows the subresource: the path of a proxied request.
    pub(super) rest: String,
    /// The old form `/watch/…`.
    pub(super) watch: Option<OldWatch>,
}

/// The mark of the old form of watching.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OldWatch;

impl Target {
    /// Reads a path.
    pub(super) fn parse(path: &str) -> Self {
        let parts: Vec<String> =
            path.split('/').filter(|part| !part.is_empty()).map(decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] if !rest.is_empty() => ("", *version, rest),
            ["apis", group, version, rest @ ..] if !rest.is_empty() => (*group, *version, rest),
            _ => return Self::Path(path.to_owned()),
        };
        let (watch, rest) = match rest {
            ["watch", rest @ ..] if !rest.is_empty() => (Some(OldWatch), rest),
            rest => (None, rest),
        };
        let mut resource =
            Resource { group: group.into(), version: version.into(), watch, ..Resource::default() };
        resource.place(rest);
        Self::Resource(resource)
    }
}

impl Resource {
    fn place(&mut self, parts: &[&str]) {
        let parts = match parts {
            // A namespace itself, or something of it that is no resource in it.
            ["namespaces"] | ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => parts,
            ["namespaces", namespace, inside @ ..] => {
                (*namespace).clone_into(&mut self.namespace);
                inside
            }
            parts => parts,
        };
        let mut parts = parts.iter();
        let mut next = || parts.next().map_or_else(String::new, |part| (*part).to_owned());
        (self.plural, self.name, self.subresource) = (next(), next(), next());
        self.rest = parts.map(|part| (*part).to_owned()).collect::<Vec<_>>().join("/");
        if self.plural == "namespaces" && self.group.is_empty() {
            // A namespace is in itself: rules for one namespace hold for it.
            self.namespace.clone_from(&self.name);
        }
    }

    /// Its kind, if the address fits one: a namespaced kind may be listed everywhere, but its
    /// objects are in a namespace.
    pub(super) fn kind(&self) -> Option<Kind> {
        let kind = Kind::at(&self.group, &self.version, &self.plural)?;
        let fits = match kind.facts().scope {
            Scope::Namespaced => self.name.is_empty() || !self.namespace.is_empty(),
            Scope::Cluster => self.namespace.is_empty() || kind == Kind::Namespace,
        };
        fits.then_some(kind)
    }

    /// The namespace of its objects; empty for kinds that have none.
    pub(super) fn home(&self) -> &str {
        if self.plural == "namespaces" && self.group.is_empty() { "" } else { &self.namespace }
    }

    /// Its name with the subresource, as in rules: `rollouts/status`.
    pub(super) fn full(&self) -> String {
        match self.subresource.as_str() {
            "" => self.plural.clone(),
            subresource => format!("{}/{subresource}", self.plural),
        }
    }

    /// The verb of a method on it; `None`: no such method.
    pub(super) fn verb(&self, method: &Method, query: &Query) -> Option<Verb> {
        let is_object = !self.name.is_empty();
        Some(match method.as_str() {
            "GET" | "HEAD" if self.watch.is_some() => Verb::Watch,
            "GET" | "HEAD" if is_object => Verb::Get,
            "GET" | "HEAD" if query.flag("watch") => Verb::Watch,
            "GET" | "HEAD" => Verb::List,
            "POST" => Verb::Create,
            "PUT" => Verb::Update,
            "PATCH" => Verb::Patch,
            "DELETE" if is_object => Verb::Delete,
            "DELETE" => Verb::DeleteCollection,
            _ => return None,
        })
    }

    /// The object as the audit trail names it.
    pub(super) fn object_ref(&self) -> Value {
        let mut object = Map::new();
        for (field, value) in [
            ("resource", &self.plural),
            ("namespace", &self.namespace),
            ("name", &self.name),
            ("apiGroup", &self.group),
            ("apiVersion", &self.version),
            ("subresource", &self.subresource),
        ] {
            if !value.is_empty() {
                object.insert(field.into(), value.clone().into());
            }
        }
        Value::Object(object)
    }

    /// The request as the authorizer sees it.
    pub(super) fn asked(&self, verb: Verb) -> Asked {
        Asked::Resource {
            verb: verb.word().into(),
            group: self.group.clone(),
            resource: self.full(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

/// The parameters of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The first value of a parameter; empty where there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Whether a parameter is there at all.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// All values of a parameter.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// Whether a parameter is set: anything but nothing, `0` and `false`.
    pub(super) fn flag(&self, name: &str) -> bool {
        let value = self.text(name);
        self.has(name) && value != "0" && !value.eq_ignore_ascii_case("false")
    }

    /// A number; `None` where there is none.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Status> {
        match self.text(name) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                Status::bad_request(format!("strconv.ParseInt: parsing \"{text}\": invalid syntax"))
            }),
        }
    }
}

/// In which form objects are to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As they are.
    Object,
    /// Their metadata only.
    Metadata,
    /// Rows of a table.
    Table,
    /// Discovery of all groups in one.
    Discovery,
}

impl Form {
    /// The first acceptable form.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Status> {
        let accepts: Vec<&str> = headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|value| !value.is_empty())
            .collect();
        if accepts.is_empty() {
            return Ok(Self::Object);
        }
        accepts.into_iter().find_map(Self::of_media).ok_or_else(|| {
            let accepted =
                "application/json, application/yaml, application/vnd.kubernetes.protobuf";
            let told = format!("only the following media types are accepted: {accepted}");
            Status::new(406, "NotAcceptable", told)
        })
    }

    fn of_media(media: &str) -> Option<Self> {
        let mut parts = media.split(';').map(str::trim);
        if !matches!(parts.next()?, "application/json" | "*/*" | "application/*") {
            return None;
        }
        let wish = parts.find_map(|part| part.strip_prefix("as="));
        match wish {
            None => Some(Self::Object),
            Some("Table") => Some(Self::Table),
            Some("PartialObjectMetadata" | "PartialObjectMetadataList") => Some(Self::Metadata),
            Some("APIGroupDiscoveryList") => Some(Self::Discovery),
            Some(_) => None,
        }
    }
}

/// Undoes `%XX`; what is no such code stays as it is.
fn decode(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(path: &str) -> Resource {
        match Target::parse(path) {
            Target::Resource(resource) => resource,
            Target::Path(path) => panic!("{path} is no resource"),
        }
    }

    #[test]
    fn paths_name_resources() {
        let table = [
            ("/api/v1/pods", "", "pods", "", "", ""),
            ("/api/v1/namespaces/shop/pods/web", "", "pods", "shop", "web", ""),
            ("/api/v1/namespaces/shop/pods/web/log", "", "pods", "shop", "web", "log"),
            ("/api/v1/namespaces", "", "namespaces", "", "", ""),
            ("/api/v1/namespaces/shop", "", "namespaces", "shop", "shop", ""),
            ("/api/v1/namespaces/shop/finalize", "", "namespaces", "shop", "shop", "finalize"),
            ("/apis/apps/v1/namespaces/shop/deployments", "apps", "deployments", "shop", "", ""),
            ("/api/v1/namespaces/%73hop/pods/a%2Fb", "", "pods", "shop", "a/b", ""),
        ];
        for (path, group, plural, namespace, name, subresource) in table {
            let found = resource(path);
            let parts = (found.group.as_str(), found.plural.as_str(), found.namespace.as_str());
            assert_eq!(parts, (group, plural, namespace), "{path}");
            assert_eq!((found.name.as_str(), found.subresource.as_str()), (name, subresource));
        }
        let proxied = resource("/api/v1/namespaces/shop/pods/web:8080/proxy/a/b");
        assert_eq!((proxied.name.as_str(), proxied.rest.as_str()), ("web:8080", "a/b"));
        assert_eq!(resource("/api/v1/watch/pods").watch, Some(OldWatch));
        for path in ["/", "/api", "/api/v1", "/apis/apps/v1", "/version", "/apis/apps"] {
            assert_eq!(Target::parse(path), Target::Path(path.into()));
        }
    }

    #[test]
    fn a_kind_is_found_only_where_its_objects_live() {
        assert_eq!(resource("/api/v1/namespaces/shop/pods/web").kind(), Some(Kind::Pod));
        assert_eq!(resource("/api/v1/pods").kind(), Some(Kind::Pod));
        assert_eq!(resource("/api/v1/pods/web").kind(), None);
        assert_eq!(resource("/api/v1/namespaces/shop/nodes").kind(), None);
        assert_eq!(resource("/api/v1/namespaces/shop").kind(), Some(Kind::Namespace));
        assert_eq!(resource("/apis/argoproj.io/v2/rollouts").kind(), None);
    }

    #[test]
    fn verbs_follow_method_and_query() {
        let (pods, pod) = (resource("/api/v1/pods"), resource("/api/v1/namespaces/shop/pods/web"));
        let query = Query::parse;
        assert_eq!(pods.verb(&Method::GET, &query("")), Some(Verb::List));
        assert_eq!(pods.verb(&Method::GET, &query("watch=true")), Some(Verb::Watch));
        assert_eq!(pods.verb(&Method::GET, &query("watch=maybe")), Some(Verb::Watch));
        assert_eq!(pods.verb(&Method::GET, &query("watch=0")), Some(Verb::List));
        assert_eq!(pod.verb(&Method::GET, &query("watch=true")), Some(Verb::Get));
        assert_eq!(pods.verb(&Method::DELETE, &query("")), Some(Verb::DeleteCollection));
        assert_eq!(pods.verb(&Method::TRACE, &query("")), None);
        assert!(query("limit=abc").number("limit").is_err());
        assert_eq!(query("limit=5").number("limit").unwrap(), Some(5));
    }

    #[test]
    fn the_first_acceptable_form_is_taken() {
        let form = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            Form::of(&headers).map_err(|status| status.code)
        };
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
        assert_eq!(form(table), Ok(Form::Table));
        assert_eq!(form("application/vnd.kubernetes.protobuf,application/json"), Ok(Form::Object));
        assert_eq!(form("text/html, */*"), Ok(Form::Object));
        assert_eq!(form("text/html"), Err(406));
        assert_eq!(form("application/json;as=Foo;v=v1;g=meta.k8s.io"), Err(406));
        assert_eq!(Form::of(&HeaderMap::new()).unwrap(), Form::Object);
    }
}
