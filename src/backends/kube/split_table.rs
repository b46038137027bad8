//! The objects by which routers split traffic, as far as they are known, and which Rollouts look at which. A value; no IO.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::fleet::FleetKey;
use super::routers::{self, Wanted};
use super::rows::FleetKind;
use super::splits::{Split, SplitRef};
use crate::domain::feed::Trouble;
use crate::domain::flagger::RouteKind;
use crate::domain::ids::{Uid, WorkloadRef};
use crate::domain::observed::Timestamp;
use crate::domain::rollout::RouterObject;
use crate::domain::text::Text;

/// Objects kept; more than the largest clusters have, and a hostile one must not fill the memory.
const SPLITS_MAX: usize = 20_000;

struct Kept {
    split: Split,
    from: FleetKey,
    list: u64,
}

/// How far a kind of object is read.
#[derive(Clone, Debug, PartialEq)]
enum Read {
    /// What is not known does not exist.
    Whole,
    /// It cannot be read, in words.
    Failed(Text),
}

/// All of them.
#[derive(Default)]
pub(super) struct SplitTable {
    kept: HashMap<SplitRef, Kept>,
    by_uid: HashMap<Uid, SplitRef>,
    users: BTreeMap<SplitRef, BTreeSet<WorkloadRef>>,
    reads: BTreeMap<FleetKey, Read>,
}

impl SplitTable {
    /// Takes an object; returns the Rollouts that look at it.
    pub(super) fn put(&mut self, key: &FleetKey, split: Split, list: u64) -> Vec<WorkloadRef> {
        let at = split.at.clone();
        if split.is_nothing() {
            return self.gone(&split.uid);
        }
        if self.kept.len() >= SPLITS_MAX && !self.kept.contains_key(&at) {
            return Vec::new();
        }
        if let Some(before) = self.kept.get(&at)
            && before.split.uid != split.uid
        {
            // Created anew under the same name; the end of the old one must not be taken for its own.
            self.by_uid.remove(&before.split.uid);
        }
        self.by_uid.insert(split.uid.clone(), at.clone());
        self.kept.insert(at.clone(), Kept { split, from: key.clone(), list });
        self.users_of(&at)
    }

    /// An object is gone; returns the Rollouts that look at it.
    pub(super) fn gone(&mut self, uid: &Uid) -> Vec<WorkloadRef> {
        let Some(at) = self.by_uid.remove(uid) else { return Vec::new() };
        self.kept.remove(&at);
        self.users_of(&at)
    }

    /// The objects that a watch brought in lists of this kind.
    pub(super) fn brought(&self, is_gone: impl Fn(&FleetKey, u64) -> bool) -> Vec<Uid> {
        let gone = self.kept.values().filter(|kept| is_gone(&kept.from, kept.list));
        gone.map(|kept| kept.split.uid.clone()).collect()
    }

    /// This kind is read whole.
    pub(super) fn whole(&mut self, key: &FleetKey) -> Vec<WorkloadRef> {
        self.note(key, Read::Whole)
    }

    /// This kind cannot be read. A connection that breaks leaves what was read as it was; its age is told elsewhere.
    pub(super) fn failed(&mut self, key: &FleetKey, why: &Trouble) -> Vec<WorkloadRef> {
        let is_answer = matches!(why, Trouble::Forbidden(_) | Trouble::KindMissing(_));
        if !is_answer && self.reads.get(key) == Some(&Read::Whole) {
            return Vec::new();
        }
        self.closed(key, Text::clean(&why.to_string()))
    }

    /// No more of this kind is read, in words.
    pub(super) fn closed(&mut self, key: &FleetKey, why: Text) -> Vec<WorkloadRef> {
        self.note(key, Read::Failed(why))
    }

    fn note(&mut self, key: &FleetKey, read: Read) -> Vec<WorkloadRef> {
        let FleetKind::Routes(kind) = key.kind else { return Vec::new() };
        if self.reads.get(key) == Some(&read) {
            return Vec::new();
        }
        self.reads.insert(key.clone(), read);
        let users = self.users.iter().filter(|(at, _)| at.kind == kind);
        users.flat_map(|(_, users)| users.iter().cloned()).collect()
    }

    fn users_of(&self, at: &SplitRef) -> Vec<WorkloadRef> {
        self.users.get(at).into_iter().flatten().cloned().collect()
    }

    /// These are the objects that a Rollout looks at from now on.
    pub(super) fn look(&mut self, user: &WorkloadRef, wanted: &[Wanted]) {
        let all = wanted.iter().flat_map(places);
        let wanted: BTreeSet<SplitRef> = all.collect();
        self.users.retain(|at, users| {
            if !wanted.contains(at) {
                users.remove(user);
            }
            !users.is_empty()
        });
        for at in wanted {
            self.users.entry(at).or_default().insert(user.clone());
        }
    }

    /// What these objects say.
    pub(super) fn read(&self, wanted: &[Wanted], weight_max: u32) -> Arc<[RouterObject]> {
        wanted.iter().map(|wanted| self.one(wanted, weight_max)).collect()
    }

    fn one(&self, wanted: &Wanted, weight_max: u32) -> RouterObject {
        let (at, pick) = match wanted {
            Wanted::Object(at, pick) => (at, pick),
            Wanted::Unread(what) => {
                let why = Text::from("weights of this router are not read");
                return told(what.clone(), Err(why), None);
            }
        };
        let name = Text::clean(&format!("{} {}", at.kind, at.name));
        let Some(kept) = places(wanted).into_iter().find_map(|at| self.kept.get(&at)) else {
            return told(name, Err(self.why_missing(at)), None);
        };
        told(name, routers::reckon(pick, &kept.split, weight_max), Some(kept.split.seen_at))
    }

    /// Why an object is not known.
    fn why_missing(&self, at: &SplitRef) -> Text {
        let of_kind = |namespace| FleetKey { kind: FleetKind::Routes(at.kind), namespace };
        let own = [of_kind(None), of_kind(Some(at.namespace.clone()))];
        let reads: Vec<&Read> = own.iter().filter_map(|key| self.reads.get(key)).collect();
        if self.kept.len() >= SPLITS_MAX {
            return Text::from("there are too many such objects to keep");
        }
        if reads.contains(&&Read::Whole) {
            return Text::from("it is not there");
        }
        let failed = reads.iter().find_map(|read| match read {
            Read::Failed(why) => Some(why.clone()),
            Read::Whole => None,
        });
        let is_elsewhere = || {
            let mut of_kind = self.reads.keys().filter(|key| key.kind == own[0].kind);
            of_kind.any(|key| key.namespace.is_some())
        };
        match failed {
            Some(why) => why,
            None if is_elsewhere() => {
                Text::clean(&format!("its namespace {} is not followed", at.namespace))
            }
            None => Text::from("not read yet"),
        }
    }
}

fn told(name: Text, reckoned: routers::Reckoned, seen_at: Option<Timestamp>) -> RouterObject {
    match reckoned {
        Ok((canary, note)) => RouterObject { name, canary: Ok(canary), note, seen_at },
        Err(why) => RouterObject { name, canary: Err(why), note: None, seen_at },
    }
}

/// Where an object may be: Traefik changed the group of its own.
fn places(wanted: &Wanted) -> Vec<SplitRef> {
    let Wanted::Object(at, _) = wanted else { return Vec::new() };
    let mut places = vec![at.clone()];
    if at.kind == RouteKind::TraefikService {
        places.push(SplitRef { kind: RouteKind::OlderTraefikService, ..at.clone() });
    }
    places
}
