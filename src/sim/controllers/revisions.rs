//! `ControllerRevision`s: the history of `StatefulSet`s and `DaemonSet`s.

use std::sync::Arc;

use serde_json::{Value, json};

use super::bench::Bench;
use super::read;
use super::template;
use crate::sim::store::Kind;

/// The revisions of a workload, oldest number first.
pub(super) fn all(bench: &Bench<'_>, owner: &Value) -> Vec<Arc<Value>> {
    let mut all = bench.owned(Kind::ControllerRevision, owner);
    all.sort_by_key(|revision| read::count(revision, "/revision"));
    all
}

/// The revision of a workload's current template; made, or given the highest number, if need be.
/// `label` is the one that carries the hash on it.
pub(super) fn current(bench: &mut Bench<'_>, owner: &Value, label: &str) -> Option<Arc<Value>> {
    let template = owner.pointer("/spec/template")?;
    let hash = template::built_in_hash(template);
    let known = all(bench, owner);
    let last = known.last().map_or(0, |it| read::count(it, "/revision"));
    let same = known.iter().find(|it| {
        let kept = it.pointer("/data/spec/template").cloned().unwrap_or_default();
        template::built_in_hash(&plain(kept)) == hash
    });
    if let Some(same) = same {
        if read::count(same, "/revision") == last {
            return Some(Arc::clone(same));
        }
        let mut again = Value::clone(same);
        read::set(&mut again, "/revision", last + 1);
        return bench.write(Kind::ControllerRevision, again);
    }
    let mut kept = template.clone();
    read::set(&mut kept, "/$patch", "replace");
    let mut labels = owner.pointer("/spec/selector/matchLabels").cloned().unwrap_or_default();
    read::set(&mut labels, &format!("/{}", label.replace('/', "~1")), hash.as_str());
    let annotations = owner.pointer("/metadata/annotations").cloned();
    let mut revision = json!({
        "metadata": {
            "name": format!("{}-{hash}", read::name(owner)),
            "namespace": read::namespace(owner),
            "labels": labels,
            "ownerReferences": read::owned_by(owner),
        },
        "data": {"spec": {"template": kept}},
        "revision": last + 1,
    });
    if let Some(annotations) = annotations {
        read::set(&mut revision, "/metadata/annotations", annotations);
    }
    let made = bench.store.create(Kind::ControllerRevision, revision).ok()?;
    bench.get(Kind::ControllerRevision, &read::key(&made))
}

/// The template that a revision keeps.
pub(super) fn template_of(revision: &Value) -> Value {
    plain(revision.pointer("/data/spec/template").cloned().unwrap_or_default())
}

fn plain(mut kept: Value) -> Value {
    read::unset(&mut kept, "/$patch");
    kept
}

/// Deletes the oldest revisions beyond the limit that no pod has.
pub(super) fn forget(bench: &mut Bench<'_>, owner: &Value, used: &[String]) {
    let limit = read::int(owner, "/spec/revisionHistoryLimit").unwrap_or(10);
    let unused: Vec<Arc<Value>> = all(bench, owner)
        .into_iter()
        .filter(|it| !used.iter().any(|used| used == read::name(it)))
        .collect();
    let surplus = unused.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
    for revision in unused.iter().take(surplus) {
        let (namespace, name) = (read::namespace(revision), read::name(revision));
        bench.store.delete(Kind::ControllerRevision, namespace, name);
    }
}
