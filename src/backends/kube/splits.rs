//! The objects by which routers split traffic, as they are written: rules with backends and weights, or annotations. Whose
//! they are and what they mean is decided where they are read: `routes` for Flagger, `routers` for Argo. Pure and total.

use serde_json::Value;

use super::fields::Reading;
use super::meta::Metadata;
use crate::domain::flagger::RouteKind;
use crate::domain::ids::{Name, Namespace, Uid};
use crate::domain::observed::Timestamp;

/// Rules kept of one object; the Gateway API allows 16, and nobody reads a hundred.
const RULES_MAX: usize = 64;

/// Backends kept of one rule; the Gateway API allows 16.
const BACKENDS_MAX: usize = 32;

/// Annotations kept of one Ingress.
const MARKS_MAX: usize = 32;

/// Longer annotations are not read: forward actions of a load balancer for dozens of services fit.
const MARK_BYTES_MAX: usize = 16 * 1024;

/// The annotations by which an Ingress splits end like this, or begin like the other, after their prefix.
const CANARY_MARKS: [&str; 5] =
    ["canary", "canary-weight", "canary-weight-total", "canary-by-header", "canary-by-cookie"];
const ACTION_MARK: &str = "actions.";

/// Where a kind of route has its backends.
pub(super) struct Shape {
    /// The rules, each with backends of its own; `None`: there is but one.
    pub(super) rules: Option<&'static str>,
    /// The one rule, or nothing.
    pub(super) rule: &'static str,
    /// The backends of a rule.
    pub(super) backends: &'static str,
    /// The Service's name in a backend.
    pub(super) name: &'static str,
    /// The weight of a backend that names none.
    pub(super) unsaid: u64,
}

const VIRTUAL_SERVICE: Shape = Shape {
    rules: Some("/spec/http"),
    rule: "",
    backends: "/route",
    name: "/destination/host",
    unsaid: 0,
};

/// `None` for an Ingress, which has no backends with weights.
pub(super) const fn shape(kind: RouteKind) -> Option<Shape> {
    Some(match kind {
        RouteKind::HttpRoute => Shape {
            rules: Some("/spec/rules"),
            rule: "",
            backends: "/backendRefs",
            name: "/name",
            unsaid: 1,
        },
        RouteKind::VirtualService => VIRTUAL_SERVICE,
        RouteKind::TraefikService | RouteKind::OlderTraefikService => Shape {
            rules: None,
            rule: "/spec/weighted",
            backends: "/services",
            name: "/name",
            unsaid: 1,
        },
        RouteKind::Ingress => return None,
    })
}

/// The protocols for which a `VirtualService` has rules of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Protocol {
    /// HTTP, and whatever has but one kind of rules.
    #[default]
    Http,
    /// TLS that is passed on.
    Tls,
    /// Any other connection.
    Tcp,
}

/// One backend of a rule, where it stands.
pub(super) struct Backend<'a> {
    /// Its JSON pointer.
    pub(super) place: String,
    /// As written: a Service, or its whole name in the cluster.
    pub(super) host: &'a str,
    /// The subset of that Service, where the kind has subsets.
    pub(super) subset: Option<&'a str>,
    /// `None`: something that is no weight.
    pub(super) weight: Option<u64>,
}

impl<'a> Backend<'a> {
    /// The Service: the first part of a host.
    pub(super) fn service(&self) -> &'a str {
        self.host.split('.').next().unwrap_or_default()
    }
}

/// The backends of every rule, with the rule's name.
pub(super) fn rules<'a>(
    shape: &Shape,
    object: &'a Value,
) -> Vec<(Option<&'a str>, Vec<Backend<'a>>)> {
    let backends = |place: String, rule: &'a Value| {
        let all = rule.pointer(shape.backends).and_then(Value::as_array);
        let all = all.into_iter().flatten().enumerate();
        let found = all.filter_map(|(index, backend)| {
            let place = format!("{place}{}/{index}", shape.backends);
            found(shape, place, backend)
        });
        (rule.get("name").and_then(Value::as_str), found.collect())
    };
    let Some(pointer) = shape.rules else {
        let rule = object.pointer(shape.rule);
        return rule.map(|rule| backends(shape.rule.to_owned(), rule)).into_iter().collect();
    };
    let all = object.pointer(pointer).and_then(Value::as_array);
    let all = all.into_iter().flatten().enumerate();
    all.map(|(index, rule)| backends(format!("{pointer}/{index}"), rule)).collect()
}

fn found<'a>(shape: &Shape, place: String, backend: &'a Value) -> Option<Backend<'a>> {
    let host = backend.pointer(shape.name)?.as_str()?;
    let subset = backend.pointer("/destination/subset").and_then(Value::as_str);
    let weight = backend.get("weight").filter(|weight| !weight.is_null());
    let weight = weight.map_or(Some(shape.unsaid), Value::as_u64);
    Some(Backend { place, host, subset, weight })
}

/// An object that splits traffic, without what does not.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Split {
    /// Its identity.
    pub(super) uid: Uid,
    /// Its place.
    pub(super) at: SplitRef,
    /// How it splits.
    pub(super) how: How,
    /// When this reached us.
    pub(super) seen_at: Timestamp,
}

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SplitRef {
    /// Its kind.
    pub(super) kind: RouteKind,
    /// Its namespace.
    pub(super) namespace: Namespace,
    /// Its name.
    pub(super) name: Name,
}

/// How an object splits.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum How {
    /// By weights of backends.
    Rules(Box<[Rule]>),
    /// By annotations: each key with its value; none of an Ingress that splits nothing.
    Marks(Box<[(Box<str>, Box<str>)]>),
}

impl Split {
    /// An Ingress like most: it splits nothing, and need not be kept.
    pub(super) const fn is_nothing(&self) -> bool {
        matches!(&self.how, How::Marks(marks) if marks.is_empty())
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule {
    /// Of which connections.
    pub(super) protocol: Protocol,
    /// Its name, where it has one.
    pub(super) name: Option<Box<str>>,
    /// Its backends.
    pub(super) shares: Box<[Share]>,
}

/// A backend's share.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Share {
    /// The Service.
    pub(super) service: Box<str>,
    /// The subset of it.
    pub(super) subset: Option<Box<str>>,
    /// `None`: something that is no weight.
    pub(super) weight: Option<u64>,
}

/// What an object says of the traffic.
pub(super) fn split(
    kind: RouteKind,
    object: &Value,
    seen_at: Timestamp,
    reading: &mut Reading<'_>,
) -> Split {
    let how = match shape(kind) {
        Some(shape) => How::Rules(all_rules(kind, &shape, object)),
        None => How::Marks(marks(object)),
    };
    let metadata = Metadata::of(object);
    let (namespace, name) = (metadata.namespace(reading), metadata.name(reading));
    Split { uid: metadata.uid(), at: SplitRef { kind, namespace, name }, how, seen_at }
}

fn all_rules(kind: RouteKind, shape: &Shape, object: &Value) -> Box<[Rule]> {
    let kept = |shape: &Shape, protocol| -> Vec<Rule> {
        let rules = rules(shape, object).into_iter().take(RULES_MAX);
        rules.map(|(name, backends)| rule(protocol, name, &backends)).collect()
    };
    let mut all = kept(shape, Protocol::Http);
    if kind == RouteKind::VirtualService {
        all.extend(kept(&Shape { rules: Some("/spec/tls"), ..VIRTUAL_SERVICE }, Protocol::Tls));
        all.extend(kept(&Shape { rules: Some("/spec/tcp"), ..VIRTUAL_SERVICE }, Protocol::Tcp));
    }
    all.into()
}

fn rule(protocol: Protocol, name: Option<&str>, backends: &[Backend<'_>]) -> Rule {
    let shares = backends.iter().take(BACKENDS_MAX).map(|backend| Share {
        service: backend.service().into(),
        subset: backend.subset.map(Into::into),
        weight: backend.weight,
    });
    Rule { protocol, name: name.map(Into::into), shares: shares.collect() }
}

/// The annotations of an Ingress by which it splits.
fn marks(object: &Value) -> Box<[(Box<str>, Box<str>)]> {
    let annotations = object.pointer("/metadata/annotations").and_then(Value::as_object);
    let splits = |key: &str| {
        key.rsplit_once('/')
            .is_some_and(|(_, last)| CANARY_MARKS.contains(&last) || last.starts_with(ACTION_MARK))
    };
    let found = annotations.into_iter().flatten().filter(|(key, _)| splits(key));
    let found = found.filter_map(|(key, value)| Some((key, value.as_str()?)));
    let found = found.filter(|(key, value)| key.len() + value.len() <= MARK_BYTES_MAX);
    found.take(MARKS_MAX).map(|(key, value)| (key.as_str().into(), value.into())).collect()
}
