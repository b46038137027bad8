//! Small questions about a cluster itself: who we are, what we may, what is installed, how far the clocks are apart.

use std::time::Duration;

use serde_json::{Value, json};

use super::cluster::Cluster;
use super::resource::Resource;
use super::wire::{About, Ask, Wire};
use crate::domain::feed::Trouble;
use crate::domain::ids::Namespace;
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

/// A right that may be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// `list`, `watch`, `patch` …
    pub verb: &'static str,
    /// Of which resource.
    pub resource: Resource,
    /// Its subresource.
    pub subresource: Option<&'static str>,
    /// Where; `None`: in all namespaces.
    pub namespace: Option<Namespace>,
}

/// What the server knows about a right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Whether it is allowed.
    pub allowed: bool,
    /// Why, where the authorizer says so.
    pub reason: Option<Text>,
}

/// The server's version as it writes it: `v1.36.3`.
///
/// # Errors
/// Why it does not answer.
pub async fn version(cluster: &Cluster) -> Result<Text, Trouble> {
    let ask = Ask::get("/version".to_owned(), About::path("/version")).within(cluster.deadline());
    let value = cluster.link().await?.reading().json(&ask).await?;
    let version = value.get("gitVersion").and_then(Value::as_str);
    version.map(Text::clean).ok_or_else(|| Trouble::BadAnswer(Text::clean("no gitVersion")))
}

/// Who is logged in, as the server says; `None` where it cannot tell (before 1.28).
///
/// # Errors
/// Why it does not answer.
pub async fn identity(cluster: &Cluster) -> Result<Option<Text>, Trouble> {
    let link = cluster.link().await?;
    who(link.reading(), cluster.deadline()).await
}

pub(super) async fn who(wire: &Wire, deadline: Duration) -> Result<Option<Text>, Trouble> {
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let body = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview",
    });
    let ask = Ask::post(path.to_owned(), &body, About::path("selfsubjectreviews"));
    match wire.json(&ask.within(deadline)).await {
        Ok(value) => {
            let name = value.pointer("/status/userInfo/username").and_then(Value::as_str);
            Ok(name.map(Text::clean))
        }
        Err(Trouble::KindMissing(_)) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

/// Asks whether we may do something.
///
/// # Errors
/// Why there is no review.
pub async fn review(cluster: &Cluster, access: &Access) -> Result<Review, Trouble> {
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let body = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": {
            "verb": access.verb,
            "group": access.resource.group,
            "version": access.resource.version,
            "resource": access.resource.plural,
            "subresource": access.subresource.unwrap_or_default(),
            "namespace": access.namespace.as_ref().map(Namespace::as_str).unwrap_or_default(),
        } },
    });
    let ask = Ask::post(path.to_owned(), &body, About::path("selfsubjectaccessreviews"));
    let ask = ask.within(cluster.deadline());
    let value = cluster.link().await?.reading().json(&ask).await?;
    let Some(allowed) = value.pointer("/status/allowed").and_then(Value::as_bool) else {
        return Err(Trouble::BadAnswer(Text::clean("a review without status.allowed")));
    };
    let reason = value.pointer("/status/reason").and_then(Value::as_str);
    Ok(Review { allowed, reason: reason.filter(|words| !words.is_empty()).map(Text::clean) })
}

/// Whether a kind is installed.
///
/// # Errors
/// Why it cannot be told.
pub async fn is_installed(cluster: &Cluster, resource: Resource) -> Result<bool, Trouble> {
    let collection = resource.collection(None);
    let path = collection.rsplit_once('/').map_or(collection.as_str(), |(path, _)| path);
    let ask = Ask::get(path.to_owned(), About::path("discovery")).within(cluster.deadline());
    let value = match cluster.link().await?.reading().json(&ask).await {
        Ok(value) => value,
        Err(Trouble::KindMissing(_)) => return Ok(false),
        Err(trouble) => return Err(trouble),
    };
    let kinds = value.get("resources").and_then(Value::as_array);
    Ok(kinds.is_some_and(|kinds| {
        kinds.iter().any(|kind| kind.get("name").and_then(Value::as_str) == Some(resource.plural))
    }))
}

/// The server's clock and ours at the same moment, as near as one exchange allows.
///
/// # Errors
/// Why it does not answer, or that it gave no date.
pub async fn clocks(cluster: &Cluster) -> Result<(Timestamp, Timestamp), Trouble> {
    let ask = Ask::get("/version".to_owned(), About::path("/version")).within(cluster.deadline());
    let reply = cluster.link().await?.reading().call(&ask).await.map_err(|fault| fault.trouble)?;
    let date =
        reply.date.ok_or_else(|| Trouble::BadAnswer(Text::clean("an answer without Date")))?;
    Ok((date, cluster.now()))
}
