//! Who owns whom, kept up to date from the store's own log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::read;
use crate::sim::store::{Change, KINDS, Kind, Store};

/// The objects that another controls, by kind and the owner's uid.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    owned: BTreeMap<(Kind, Arc<str>), BTreeSet<Arc<str>>>,
    seen: u64,
}

impl Index {
    /// Everything that changed since the last time. If the log does not reach back so far,
    /// everything there is counts as new.
    pub(super) fn changes(&mut self, store: &Store) -> Vec<Change> {
        if store.revision() == self.seen {
            return Vec::new();
        }
        let changes: Vec<Change> = if let Ok(changes) = store.changes_since(self.seen) {
            changes.cloned().collect()
        } else {
            self.owned.clear();
            everything(store)
        };
        self.seen = store.revision();
        for change in &changes {
            self.note(change);
        }
        changes
    }

    /// Takes everything as it is, without looking at it again.
    pub(super) fn skip(&mut self, store: &Store) {
        self.owned.clear();
        for change in everything(store) {
            self.note(&change);
        }
        self.seen = store.revision();
    }

    fn note(&mut self, change: &Change) {
        let kind = change.kind;
        if !matches!(
            kind,
            Kind::ReplicaSet
                | Kind::Pod
                | Kind::AnalysisRun
                | Kind::Experiment
                | Kind::ControllerRevision
        ) {
            return;
        }
        let owner =
            |object: &Arc<Value>| read::controller(object).map(|(_, _, uid)| Arc::from(uid));
        let (old, new) = (change.old.as_ref().and_then(owner), change.new.as_ref().and_then(owner));
        if old == new && change.old.is_some() && change.new.is_some() {
            return;
        }
        if let (Some(owner), Some(object)) = (old, &change.old)
            && let Some(keys) = self.owned.get_mut(&(kind, owner))
        {
            keys.remove(read::key(object).as_str());
        }
        if let (Some(owner), Some(object)) = (new, &change.new) {
            self.owned.entry((kind, owner)).or_default().insert(read::key(object).into());
        }
    }

    /// The objects of a kind that an owner controls, in the order of their names.
    pub(super) fn owned(&self, store: &Store, kind: Kind, owner: &str) -> Vec<Arc<Value>> {
        let keys = self.owned.get(&(kind, Arc::from(owner)));
        keys.into_iter()
            .flatten()
            .filter_map(|key| {
                let (namespace, name) = key.split_once('/')?;
                let object = store.shared(kind, namespace, name)?;
                // Another may have come under the name meanwhile.
                (read::controller(object)?.2 == owner).then(|| Arc::clone(object))
            })
            .collect()
    }
}

fn everything(store: &Store) -> Vec<Change> {
    let of = |kind: Kind| {
        store.range(kind, None).map(move |(_, object)| Change {
            revision: store.revision(),
            kind,
            old: None,
            new: Some(Arc::clone(object)),
        })
    };
    KINDS.into_iter().flat_map(of).collect()
}
