//! The marks that deeds left on the objects of a cluster: each vouches for an intent in the audit file.

use super::cluster::{Cluster, Link};
use super::fields::{Reading, Words};
use super::lean;
use super::meta::Glimpse;
use super::resource::{DAEMON_SETS, DEPLOYMENTS, ROLLOUTS, Resource, STATEFUL_SETS, with_query};
use super::trouble;
use super::wire::{About, Ask, LIST_BYTES_MAX};
use crate::domain::feed::Trouble;
use crate::domain::ids::{Namespace, OrderId};
use crate::domain::text::Text;

/// Objects of a page.
const PAGE_OBJECTS: &str = "500";

/// The orders whose marks stand on workloads now; each object carries that of its last deed.
///
/// # Errors
/// Why a collection cannot be read. A cluster without Argo Rollouts has none of its marks.
pub async fn find(cluster: &Cluster) -> Result<Vec<OrderId>, Trouble> {
    let link = cluster.link().await?;
    let named = &cluster.spec().namespaces;
    let places: Vec<Option<&Namespace>> =
        if named.is_empty() { vec![None] } else { named.iter().map(Some).collect() };
    let mut marks = Vec::new();
    for resource in [ROLLOUTS, DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS] {
        for place in &places {
            match in_collection(cluster, &link, (resource, *place)).await {
                Ok(found) => marks.extend(found),
                Err(Trouble::KindMissing(_)) => {}
                Err(why) => return Err(why),
            }
        }
    }
    marks.sort_unstable();
    marks.dedup();
    Ok(marks)
}

async fn in_collection(
    cluster: &Cluster,
    link: &Link,
    (resource, place): (Resource, Option<&Namespace>),
) -> Result<Vec<OrderId>, Trouble> {
    let mut words = Words::default();
    let mut marks = Vec::new();
    let mut next: Option<String> = None;
    let mut room = LIST_BYTES_MAX;
    loop {
        let mut query = vec![("limit", PAGE_OBJECTS)];
        query.extend(next.as_deref().map(|next| ("continue", next)));
        let path = with_query(resource.collection(place), &query);
        let ask = Ask::get(path, About::collection("list", resource, place));
        let ask = ask.at_most(room).within(cluster.deadline());
        let reply = link.reading().call(&ask).await.map_err(|fault| fault.trouble)?;
        if !reply.is_success() {
            return Err(trouble::of_reply(&reply, &ask.about));
        }
        room = room.saturating_sub(reply.body.len());
        let page = lean::page(&reply.body, &mut |object| {
            let glimpse = Glimpse::of(&object, &mut Reading::new(&mut words));
            let found = [glimpse.annotated, glimpse.told].into_iter().flatten();
            marks.extend(found.map(|mark: Text| OrderId::new(mark.as_str())));
        });
        let page = page.map_err(|error| trouble::of_json(&reply, &error))?;
        next = page.next;
        if next.is_none() {
            return Ok(marks);
        }
    }
}
