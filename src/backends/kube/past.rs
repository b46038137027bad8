//! What a cluster still tells of releases whose parts are not followed: the Events of the release objects and the analysis
//! runs, each kind as one list. Bounded: page by page, and of each release the newest only.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value;

use super::cluster::{Cluster, Link};
use super::events;
use super::fields::{Reading, Words};
use super::lean;
use super::meta::Metadata;
use super::resource::{ANALYSIS_RUNS, EVENTS, Resource, with_query};
use super::runs;
use super::trouble;
use super::wire::{About, Ask};
use crate::domain::feed::Trouble;
use crate::domain::ids::{Name, Namespace, Uid, WorkloadKind, WorkloadRef};
use crate::domain::past::{Past, TRACES_MAX, Traces};
use crate::domain::text::Text;

/// Objects of a page.
const PAGE_OBJECTS: &str = "500";

/// Most bytes of one list: some ten thousand Events. What lies beyond is told as missing.
const LIST_BYTES_MAX: usize = 16 << 20;

/// Asks for what is still told of these kinds of releases.
///
/// # Errors
/// Why nothing could be read at all.
pub(super) async fn past(
    cluster: &Cluster,
    kinds: &BTreeSet<WorkloadKind>,
) -> Result<Past, Trouble> {
    let link = cluster.link().await?;
    let named = &cluster.spec().namespaces;
    let places: Vec<Option<&Namespace>> =
        if named.is_empty() { vec![None] } else { named.iter().map(Some).collect() };
    let mut lists: Vec<(Resource, Option<String>)> = kinds
        .iter()
        .map(|kind| (EVENTS, Some(format!("involvedObject.kind={}", kind.name()))))
        .collect();
    if kinds.contains(&WorkloadKind::Rollout) {
        lists.push((ANALYSIS_RUNS, None));
    }
    let mut heap = Heap { cluster, words: Words::default(), found: BTreeMap::new() };
    let mut missing: Vec<Trouble> = Vec::new();
    let mut read = 0_u32;
    for (resource, selector) in &lists {
        for place in &places {
            match heap.take(&link, (*resource, *place), selector.as_deref()).await {
                Ok(()) => read += 1,
                Err(Trouble::KindMissing(_)) => {}
                Err(why) if !missing.contains(&why) => missing.push(why),
                Err(_) => {}
            }
        }
    }
    if read == 0
        && let Some(why) = missing.first()
    {
        return Err(why.clone());
    }
    let missing = missing.iter().map(|why| Text::clean(&why.to_string()));
    Ok(Past { missing: missing.collect(), traces: heap.finish() })
}

/// What was found so far, release by release.
struct Heap<'a> {
    cluster: &'a Cluster,
    words: Words,
    found: BTreeMap<(WorkloadRef, Option<Uid>), Traces>,
}

impl Heap<'_> {
    /// One list; where not all namespaces may be read, that of the context.
    async fn take(
        &mut self,
        link: &Link,
        (resource, place): (Resource, Option<&Namespace>),
        selector: Option<&str>,
    ) -> Result<(), Trouble> {
        match self.pages(link, (resource, place), selector).await {
            Err(Trouble::Forbidden(_)) if place.is_none() => {
                let own = self.cluster.spec().context_namespace.clone();
                self.pages(link, (resource, Some(&own)), selector).await
            }
            answer => answer,
        }
    }

    async fn pages(
        &mut self,
        link: &Link,
        (resource, place): (Resource, Option<&Namespace>),
        selector: Option<&str>,
    ) -> Result<(), Trouble> {
        let mut next: Option<String> = None;
        let mut room = LIST_BYTES_MAX;
        loop {
            let mut query = vec![("limit", PAGE_OBJECTS)];
            query.extend(selector.map(|selector| ("fieldSelector", selector)));
            query.extend(next.as_deref().map(|next| ("continue", next)));
            let path = with_query(resource.collection(place), &query);
            let ask = Ask::get(path, About::collection("list", resource, place)).at_most(room);
            let _room = self.cluster.page().await;
            let reply = link.reading().call(&ask).await.map_err(|fault| fault.trouble)?;
            if !reply.is_success() {
                return Err(trouble::of_reply(&reply, &ask.about));
            }
            room = room.saturating_sub(reply.body.len());
            let page = lean::page(&reply.body, &mut |object| self.put(resource, &object));
            let page = page.map_err(|error| trouble::of_json(&reply, &error))?;
            next = page.next;
            if next.is_none() {
                return Ok(());
            }
        }
    }

    fn put(&mut self, resource: Resource, object: &Value) {
        let mut reading = Reading::new(&mut self.words);
        let metadata = Metadata::of(object);
        let namespace = metadata.namespace(&mut reading);
        if resource == ANALYSIS_RUNS {
            let owner = metadata.owners().iter().find(|owner| {
                owner.get("kind").and_then(Value::as_str) == Some(WorkloadKind::Rollout.name())
            });
            let Some(owner) = owner else { return };
            let word = |key: &str| owner.get(key).and_then(Value::as_str).unwrap_or_default();
            let (name, uid) = (Name::new(word("name")), Uid::new(word("uid")));
            let run = runs::run(object, &mut reading);
            let traces = self.traces((WorkloadKind::Rollout, namespace, name), uid);
            traces.runs.push(run);
        } else {
            let told = events::event(object, &mut reading);
            let kind = WorkloadKind::ALL.into_iter().find(|kind| kind.name() == told.kind);
            let Some(kind) = kind else { return };
            let traces = self.traces((kind, namespace, Name::new(&told.name)), told.uid);
            traces.events.push(told.event);
        }
    }

    fn traces(
        &mut self,
        (kind, namespace, name): (WorkloadKind, Namespace, Name),
        uid: Uid,
    ) -> &mut Traces {
        let target = WorkloadRef { cluster: self.cluster.name().clone(), namespace, kind, name };
        let uid = (!uid.as_str().is_empty()).then_some(uid);
        let key = (target.clone(), uid.clone());
        let traces = self.found.entry(key).or_insert_with(|| Traces {
            target,
            uid,
            events: Vec::new(),
            runs: Vec::new(),
            left_out: 0,
        });
        if traces.events.len() > 2 * TRACES_MAX || traces.runs.len() > 2 * TRACES_MAX {
            cut(traces);
        }
        traces
    }

    fn finish(self) -> Vec<Traces> {
        let mut all: Vec<Traces> = self.found.into_values().collect();
        all.iter_mut().for_each(cut);
        all
    }
}

/// Keeps the newest, the oldest first.
fn cut(traces: &mut Traces) {
    traces.events.sort_by_key(|event| event.last.or(event.first));
    traces.runs.sort_by_key(|run| run.completed.or(run.started));
    let events = traces.events.len().saturating_sub(TRACES_MAX);
    let runs = traces.runs.len().saturating_sub(TRACES_MAX);
    traces.events.drain(..events);
    traces.runs.drain(..runs);
    // Values and conditions are for the release's own screen.
    for run in &mut traces.runs {
        run.metrics = [].into();
    }
    let over = u32::try_from(events + runs).unwrap_or(u32::MAX);
    traces.left_out = traces.left_out.saturating_add(over);
}
