//! The objects of one cluster that decide over releases, as its watches brought them. A value; no IO. Only what is shown
//! is kept of them, and what did not change for a person is no news.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::fleet::FleetKey;
use crate::domain::ids::Uid;
use crate::domain::part::{Part, PartRef};

/// Objects kept of one cluster: as many as the largest fleet that the cockpit is made for has releases, several times over.
const OWNERS_MAX: usize = 10_000;

struct Entry {
    part: Arc<Part>,
    from: FleetKey,
    /// The list of its watch in which it was seen last.
    list: u64,
}

/// What is new about one object: `None` when it is gone.
pub(super) type News = (PartRef, Option<Arc<Part>>);

/// See the module.
#[derive(Default)]
pub(super) struct Owners {
    entries: BTreeMap<PartRef, Entry>,
    names: HashMap<Uid, PartRef>,
    lists: HashMap<FleetKey, u64>,
}

impl Owners {
    /// A new list of this watch begins.
    pub(super) fn begin(&mut self, key: &FleetKey) {
        *self.lists.entry(key.clone()).or_default() += 1;
    }

    /// Takes an object; returns what is new about it.
    pub(super) fn put(&mut self, key: &FleetKey, part: Part) -> Option<News> {
        let list = self.lists.get(key).copied().unwrap_or_default();
        let target = part.target.clone();
        let is_full = self.entries.len() >= OWNERS_MAX;
        match self.entries.get_mut(&target) {
            Some(before) if is_same(&before.part, &part) => {
                (before.from, before.list) = (key.clone(), list);
                return None;
            }
            None if is_full => return None,
            Some(_) | None => {}
        }
        let part = Arc::new(part);
        self.names.insert(part.meta.uid.clone(), target.clone());
        let entry = Entry { part: Arc::clone(&part), from: key.clone(), list };
        if let Some(old) = self.entries.insert(target.clone(), entry)
            && old.part.meta.uid != part.meta.uid
        {
            self.names.remove(&old.part.meta.uid);
        }
        Some((target, Some(part)))
    }

    /// An object is gone.
    pub(super) fn gone(&mut self, uid: &Uid) -> Option<News> {
        let target = self.names.remove(uid)?;
        self.entries.remove(&target);
        Some((target, None))
    }

    /// The list of this watch is whole: what it did not bring is gone.
    pub(super) fn whole(&mut self, key: &FleetKey) -> Vec<News> {
        let list = self.lists.get(key).copied().unwrap_or_default();
        self.gone_where(|entry| entry.from == *key && entry.list < list)
    }

    /// This watch brings nothing any more.
    pub(super) fn forget(&mut self, key: &FleetKey) -> Vec<News> {
        self.lists.remove(key);
        self.gone_where(|entry| entry.from == *key)
    }

    fn gone_where(&mut self, is_gone: impl Fn(&Entry) -> bool) -> Vec<News> {
        let gone = self.entries.values().filter(|entry| is_gone(entry));
        let gone: Vec<Uid> = gone.map(|entry| entry.part.meta.uid.clone()).collect();
        gone.iter().filter_map(|uid| self.gone(uid)).collect()
    }
}

/// An owner's controller writes its status every few minutes: the version, the time of a look. That is nothing new.
fn is_same(before: &Part, now: &Part) -> bool {
    let (old, new) = (&before.meta, &now.meta);
    before.facts == now.facts
        && before.conditions == now.conditions
        && before.owner == now.owner
        && before.observed == now.observed
        && before.oddities == now.oddities
        && (&old.uid, old.generation, old.deleting) == (&new.uid, new.generation, new.deleting)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::fields::Words;
    use super::super::rows::{FleetKind, Maker, Row};
    use super::*;
    use crate::domain::ids::ClusterName;
    use crate::domain::observed::Timestamp;
    use crate::domain::part::PartKind;

    fn key() -> FleetKey {
        FleetKey { kind: FleetKind::Owners(PartKind::Application), namespace: None }
    }

    fn application(name: &str, sync: &str, version: &str) -> Value {
        json!({
            "metadata": { "namespace": "argocd", "name": name, "uid": format!("u-{name}"),
                "resourceVersion": version },
            "status": { "sync": { "status": sync }, "reconciledAt": version },
        })
    }

    fn put(owners: &mut Owners, object: &Value) -> Option<News> {
        let cluster = ClusterName::new("east");
        let mut maker = Maker { cluster, kind: key().kind, words: Words::default() };
        let Some(Row::Owner(part)) = maker.row(object, Timestamp::UNIX_EPOCH) else {
            panic!("no owner")
        };
        owners.put(&key(), *part)
    }

    #[test]
    fn what_changes_for_nobody_is_no_news() {
        let mut owners = Owners::default();
        assert!(put(&mut owners, &application("orders", "Synced", "1")).is_some());
        assert!(put(&mut owners, &application("orders", "Synced", "2")).is_none());
        assert!(put(&mut owners, &application("orders", "OutOfSync", "3")).is_some());
    }

    #[test]
    fn a_list_removes_what_it_does_not_bring_and_a_deletion_what_it_names() {
        let mut owners = Owners::default();
        for name in ["a", "b", "c"] {
            put(&mut owners, &application(name, "Synced", "1"));
        }
        assert!(owners.gone(&Uid::new("u-c")).is_some_and(|(_, part)| part.is_none()));
        assert!(owners.gone(&Uid::new("u-c")).is_none());
        owners.begin(&key());
        put(&mut owners, &application("a", "Synced", "2"));
        let gone: Vec<String> =
            owners.whole(&key()).iter().map(|(target, _)| target.name.to_string()).collect();
        assert_eq!(gone, ["b"]);
        assert_eq!(owners.forget(&key()).len(), 1);
        assert!(owners.entries.is_empty() && owners.names.is_empty());
    }
}
