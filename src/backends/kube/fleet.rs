//! What is known of one cluster's fleet, joined: workloads with the ReplicaSets they own. A value; no IO.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::flagger::seen;
use super::resource::AUTOSCALERS;
use super::routes::OwnedRoute;
use super::rows::{FleetKind, Known, Owned, Row};
use super::sets;
use super::split_table::SplitTable;
use super::watch::is_later;
use crate::domain::feed::Trouble;
use crate::domain::flagger::{RouteKind, Target};
use crate::domain::ids::{
    Name, Namespace, PodHash, ResourceVersion, Uid, WorkloadKind, WorkloadRef,
};
use crate::domain::text::Text;
use crate::domain::workload::{Controller, ReplicaSet, Workload};

/// One watch of the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct FleetKey {
    /// What it brings.
    pub(super) kind: FleetKind,
    /// Of which namespace; `None`: of all.
    pub(super) namespace: Option<Namespace>,
}

/// How a row came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// In a list: the truth, whatever was known.
    Listed,
    /// As a change: older ones than what is known are late.
    Changed,
}

struct Entry {
    known: Box<Known>,
    from: FleetKey,
    /// The list of its watch in which it was seen last.
    list: u64,
}

struct Set {
    facts: ReplicaSet,
    template: u64,
    from: FleetKey,
    list: u64,
}

/// Workloads, their ReplicaSets, and who takes over whom.
#[derive(Default)]
pub(super) struct Fleet {
    entries: HashMap<Uid, Entry>,
    by_target: HashMap<WorkloadRef, Uid>,
    sets: HashMap<Uid, Vec<Set>>,
    routes: HashMap<Uid, (OwnedRoute, FleetKey, u64)>,
    splits: SplitTable,
    owner_of: HashMap<Uid, Uid>,
    lists: HashMap<FleetKey, u64>,
    /// What is only a part of a release → the release: what a Rollout names by `workloadRef`, what a Canary releases.
    takeovers: BTreeMap<WorkloadRef, WorkloadRef>,
}

impl Fleet {
    /// A new list of this watch begins.
    pub(super) fn begin(&mut self, key: &FleetKey) {
        *self.lists.entry(key.clone()).or_default() += 1;
    }

    /// Takes a row; returns the workloads whose picture changed.
    pub(super) fn put(&mut self, key: &FleetKey, row: Row, came: Came) -> Vec<WorkloadRef> {
        let list = self.lists.get(key).copied().unwrap_or_default();
        let dirty = match row {
            Row::Workload(known, _) => self.put_workload(key, known, list, came),
            Row::Set(owned) => self.put_set(key, *owned, list),
            Row::Route(seen) => {
                let (split, route) = *seen;
                let mut dirty = match route {
                    Some(route) => self.put_route(key, route, list),
                    // It may have been a Canary's before.
                    None => self.lost(&split.uid),
                };
                dirty.extend(self.splits.put(key, split, list));
                dirty
            }
            // Kept beside the fleet, and joined where all clusters meet.
            Row::Owner(_) => Vec::new(),
        };
        self.with_releases(dirty)
    }

    /// A Canary looks different when one of its Deployments does.
    fn with_releases(&self, mut dirty: Vec<WorkloadRef>) -> Vec<WorkloadRef> {
        let releases = dirty.iter().filter_map(|target| self.takeovers.get(target));
        let canaries = releases.filter(|release| release.kind == WorkloadKind::Canary);
        let canaries: Vec<WorkloadRef> = canaries.cloned().collect();
        dirty.extend(canaries);
        dirty
    }

    fn put_workload(
        &mut self,
        key: &FleetKey,
        known: Box<Known>,
        list: u64,
        came: Came,
    ) -> Vec<WorkloadRef> {
        let (uid, target) = (known.workload.meta.uid.clone(), known.workload.target.clone());
        if let Some(entry) = self.entries.get(&uid) {
            let (new, old) = (
                &known.workload.meta.resource_version,
                &entry.known.workload.meta.resource_version,
            );
            if came == Came::Changed && is_later(old, new) {
                return Vec::new();
            }
        }
        let mut dirty = vec![target.clone()];
        dirty.extend(self.take_over(&known));
        if target.kind == WorkloadKind::Rollout {
            self.splits.look(&target, &known.routers);
        }
        self.by_target.insert(target, uid.clone());
        self.entries.insert(uid, Entry { known, from: key.clone(), list });
        dirty
    }

    /// Notes what is only a part of this release; returns the workloads for which that changed.
    fn take_over(&mut self, known: &Known) -> Vec<WorkloadRef> {
        let target = &known.workload.target;
        let parts = parts_of(&known.workload);
        let mut changed = self.let_go(target, &parts);
        for part in parts {
            if self.takeovers.get(&part) != Some(target) {
                self.takeovers.insert(part.clone(), target.clone());
                changed.push(part);
            }
        }
        changed.retain(|target| self.by_target.contains_key(target));
        changed
    }

    /// Forgets what was a part of this release, but for some.
    fn let_go(&mut self, target: &WorkloadRef, keep: &[WorkloadRef]) -> Vec<WorkloadRef> {
        if !matches!(target.kind, WorkloadKind::Rollout | WorkloadKind::Canary) {
            return Vec::new();
        }
        let mut changed = Vec::new();
        self.takeovers.retain(|part, by| {
            let is_over = by == target && !keep.contains(part);
            if is_over {
                changed.push(part.clone());
            }
            !is_over
        });
        changed
    }

    fn put_set(&mut self, key: &FleetKey, owned: Owned, list: u64) -> Vec<WorkloadRef> {
        let Owned { owner, set, template } = owned;
        let mut dirty = Vec::new();
        if let Some(before) = self.owner_of.insert(set.uid.clone(), owner.clone())
            && before != owner
        {
            dirty.extend(self.drop_set(&before, &set.uid));
        }
        let sets = self.sets.entry(owner.clone()).or_default();
        let new = Set { facts: set, template, from: key.clone(), list };
        match sets.iter_mut().find(|known| known.facts.uid == new.facts.uid) {
            Some(known) => *known = new,
            None => sets.push(new),
        }
        dirty.extend(self.target_of(&owner));
        dirty
    }

    fn put_route(&mut self, key: &FleetKey, route: OwnedRoute, list: u64) -> Vec<WorkloadRef> {
        let owner = route.owner.clone();
        self.owner_of.insert(route.uid.clone(), owner.clone());
        self.routes.insert(owner.clone(), (route, key.clone(), list));
        self.target_of(&owner).into_iter().collect()
    }

    fn drop_set(&mut self, owner: &Uid, uid: &Uid) -> Option<WorkloadRef> {
        self.routes.retain(|_, (route, ..)| route.uid != *uid);
        if let Some(sets) = self.sets.get_mut(owner) {
            sets.retain(|known| known.facts.uid != *uid);
            if sets.is_empty() {
                self.sets.remove(owner);
            }
        }
        self.target_of(owner)
    }

    fn target_of(&self, uid: &Uid) -> Option<WorkloadRef> {
        self.entries.get(uid).map(|entry| entry.known.workload.target.clone())
    }

    /// An object is gone; returns the workloads whose picture changed (gone ones among them).
    pub(super) fn gone(&mut self, uid: &Uid) -> Vec<WorkloadRef> {
        let mut dirty = self.splits.gone(uid);
        dirty.extend(self.lost(uid));
        self.with_releases(dirty)
    }

    fn lost(&mut self, uid: &Uid) -> Vec<WorkloadRef> {
        if let Some(owner) = self.owner_of.remove(uid) {
            return self.drop_set(&owner, uid).into_iter().collect();
        }
        let Some(entry) = self.entries.remove(uid) else { return Vec::new() };
        let target = entry.known.workload.target;
        let mut dirty = Vec::new();
        // One that was created anew under the same name lives on.
        if self.by_target.get(&target) == Some(uid) {
            self.by_target.remove(&target);
            self.splits.look(&target, &[]);
            dirty = self.let_go(&target, &[]);
            dirty.push(target);
        }
        dirty
    }

    /// The list of this watch is whole: what it did not bring is gone.
    pub(super) fn whole(&mut self, key: &FleetKey) -> Vec<WorkloadRef> {
        let list = self.lists.get(key).copied().unwrap_or_default();
        let mut dirty = self.gone_where(|from, seen| from == key && seen < list);
        dirty.extend(self.splits.whole(key));
        dirty
    }

    /// What this watch brings cannot be read; returns the workloads of which less is known now.
    pub(super) fn unread(&mut self, key: &FleetKey, why: &Trouble) -> Vec<WorkloadRef> {
        self.splits.failed(key, why)
    }

    /// No other objects that carry traffic will come, and what that means for those that are missing.
    pub(super) fn no_more_routes(&mut self, why: &Text) {
        for kind in RouteKind::ALL {
            let key = FleetKey { kind: FleetKind::Routes(kind), namespace: None };
            self.splits.closed(&key, why.clone());
        }
    }

    /// This watch is given up: what only it brought is gone.
    pub(super) fn forget(&mut self, key: &FleetKey) -> Vec<WorkloadRef> {
        self.lists.remove(key);
        self.gone_where(|from, _| from == key)
    }

    fn gone_where(&mut self, is_gone: impl Fn(&FleetKey, u64) -> bool) -> Vec<WorkloadRef> {
        let entries = self.entries.iter().filter(|(_, entry)| is_gone(&entry.from, entry.list));
        let sets = self.sets.values().flatten().filter(|set| is_gone(&set.from, set.list));
        let mut gone: Vec<Uid> = entries.map(|(uid, _)| uid.clone()).collect();
        gone.extend(sets.map(|set| set.facts.uid.clone()));
        let routes = self.routes.values().filter(|(_, from, list)| is_gone(from, *list));
        gone.extend(routes.map(|(route, ..)| route.uid.clone()));
        gone.extend(self.splits.brought(&is_gone));
        gone.iter().flat_map(|uid| self.gone(uid)).collect()
    }

    /// The version at which an object is known.
    pub(super) fn version(&self, uid: &Uid) -> Option<&ResourceVersion> {
        self.entries.get(uid).map(|entry| &entry.known.workload.meta.resource_version)
    }

    /// A workload with everything that belongs to it.
    pub(super) fn workload(&self, target: &WorkloadRef) -> Option<Workload> {
        let uid = self.by_target.get(target)?;
        let known = &self.entries.get(uid)?.known;
        let mut workload = known.workload.clone();
        let sets = self.sets.get(uid).map(Vec::as_slice).unwrap_or_default();
        workload.revisions = revisions(sets);
        let release = self.takeovers.get(target);
        workload.part_of = release.map(|release| (release.kind, release.name.clone()));
        if let Controller::Deployment(facts) = &mut workload.controller {
            facts.current_hash = current_hash(known.template, sets);
        }
        if let Controller::Argo(rollout) = &mut workload.controller {
            let weight_max = rollout.spec.traffic.weight_max;
            rollout.routers = self.splits.read(&known.routers, weight_max);
        }
        if let Controller::Flagger(_) = &workload.controller {
            self.join_canary(&mut workload);
        }
        sets::settle(&mut workload);
        Some(workload)
    }

    /// Gives a Canary the counts, images and revisions of its target (the new version) and its primary (the one that
    /// serves users).
    fn join_canary(&self, workload: &mut Workload) {
        let parts = parts_of(workload);
        let mut joined = parts.iter().map(|part| self.workload(part));
        let (target, primary) = (joined.next().flatten(), joined.next().flatten());
        let current = |part: &Option<Workload>| {
            let part = part.as_ref()?;
            Some(part.revision_by_hash(part.current_hash()?)?.clone())
        };
        let (new, serving) = (current(&target), current(&primary));
        let route = self.routes.get(&workload.meta.uid).map(|(owned, ..)| owned.route.clone());
        if let Controller::Flagger(flagger) = &mut workload.controller {
            flagger.candidate = new.as_ref().and_then(|set| set.hash.clone());
            flagger.primary = serving.as_ref().and_then(|set| set.hash.clone());
            (flagger.route, flagger.target) = (route, seen(&parts, target.as_ref()));
        }
        if let Some(primary) = primary {
            workload.replicas = primary.replicas;
        }
        if let Some(target) = target {
            workload.build = target.build;
        }
        workload.revisions = new.into_iter().chain(serving).collect();
    }

    /// The pods of a Canary are those of its target and its primary.
    fn parts_of_canary(&self, uid: &Uid, target: &WorkloadRef) -> Option<Parts> {
        let revisions = self.workload(target)?.revisions;
        let mut sets: Vec<(Uid, Name)> =
            revisions.iter().map(|set| (set.uid.clone(), set.name.clone())).collect();
        sets.sort();
        let mut hashes: Vec<&str> =
            revisions.iter().filter_map(|set| set.hash.as_ref()).map(PodHash::as_str).collect();
        hashes.sort_unstable();
        let selector = format!("pod-template-hash in ({})", hashes.join(","));
        let selector = (!hashes.is_empty()).then_some(selector);
        let bound = self.bound_of_canary(target);
        Some(Parts { uid: uid.clone(), selector, sets: sets.into(), bound })
    }

    fn bound_of_canary(&self, target: &WorkloadRef) -> Bound {
        let canary = self.known(target).map(|known| &known.workload);
        let Some(spec) = canary.and_then(Workload::flagger).map(|flagger| &flagger.spec) else {
            return Bound::default();
        };
        let released = &spec.target;
        let names = [released.name.clone(), released.primary()];
        let parts = canary.map(parts_of).unwrap_or_default();
        let selectors = parts
            .iter()
            .filter_map(|part| Some(Arc::from(&**self.known(part)?.selector.as_ref()?)));
        let is_read = |scaler: &&Target| scaler.kind.as_str() == AUTOSCALERS.kind;
        let unread = spec.autoscaler.as_ref().filter(|scaler| !is_read(scaler)).map(|scaler| {
            let (kind, name) = (&scaler.kind, &scaler.name);
            Text::clean(&format!("autoscalers: {kind} {name} is of a kind that is not read"))
        });
        let scaled = names.map(|name| (released.kind.clone(), name));
        Bound { scaled: scaled.into(), selectors: selectors.collect(), unread }
    }

    fn known(&self, target: &WorkloadRef) -> Option<&Known> {
        Some(&self.entries.get(self.by_target.get(target)?)?.known)
    }

    /// What is needed to find the parts of a workload.
    pub(super) fn parts(&self, target: &WorkloadRef) -> Option<Parts> {
        let uid = self.by_target.get(target)?;
        let known = &self.entries.get(uid)?.known;
        if known.workload.flagger().is_some() {
            return self.parts_of_canary(uid, target);
        }
        let sets = self.sets.get(uid).map(Vec::as_slice).unwrap_or_default();
        let bound = Bound {
            scaled: [(Text::clean(target.kind.name()), target.name.clone())].into(),
            selectors: known.selector.iter().map(|own| Arc::from(&**own)).collect(),
            unread: None,
        };
        // Pods of these belong to the workload itself.
        if matches!(target.kind, WorkloadKind::StatefulSet | WorkloadKind::DaemonSet) {
            let itself = (uid.clone(), target.name.clone());
            let selector = known.selector.as_deref().map(str::to_owned);
            return Some(Parts { uid: uid.clone(), selector, sets: [itself].into(), bound });
        }
        let mut names: Vec<(Uid, Name)> =
            sets.iter().map(|set| (set.facts.uid.clone(), set.facts.name.clone())).collect();
        names.sort();
        let hashes = || {
            let mut hashes: Vec<&str> = sets
                .iter()
                .filter_map(|set| set.facts.hash.as_ref())
                .map(PodHash::as_str)
                .collect();
            hashes.sort_unstable();
            let hashes = hashes.join(",");
            (!hashes.is_empty()).then(|| format!("rollouts-pod-template-hash in ({hashes})"))
        };
        let selector = known.selector.as_deref().map(str::to_owned).or_else(hashes);
        Some(Parts { uid: uid.clone(), selector, sets: names.into(), bound })
    }
}

/// What is needed to find the pods, runs and events of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// The workload's identity.
    pub(super) uid: Uid,
    /// Selects its pods; `None` as long as nobody can say.
    pub(super) selector: Option<String>,
    /// Its ReplicaSets.
    pub(super) sets: Arc<[(Uid, Name)]>,
    /// What bounds the number of its pods is found by these.
    pub(super) bound: Bound,
}

/// Whose number of pods is bounded: of a Canary that of its target and of its primary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bound {
    /// What an autoscaler of it scales, as kind and name; of a Canary the primary comes second.
    pub(super) scaled: Arc<[(Text, Name)]>,
    /// Label selectors of its pods; budgets name some of these labels.
    pub(super) selectors: Arc<[Arc<str>]>,
    /// What scales it and is not read.
    pub(super) unread: Option<Text>,
}

/// What is only a part of this release: the Deployment that a Rollout names by `workloadRef`; of a Canary its target, then
/// its primary.
fn parts_of(workload: &Workload) -> Vec<WorkloadRef> {
    let part = |kind: &str, name: Name| {
        let kind = match kind {
            "Deployment" => WorkloadKind::Deployment,
            "DaemonSet" => WorkloadKind::DaemonSet,
            _ => return None,
        };
        Some(WorkloadRef { kind, name, ..workload.target.clone() })
    };
    if let Some(source) = workload.rollout().and_then(|rollout| rollout.spec.workload_ref.as_ref())
    {
        return part(source.kind.as_str(), source.name.clone()).into_iter().collect();
    }
    let Some(flagger) = workload.flagger() else { return Vec::new() };
    let target = &flagger.spec.target;
    let names = [target.name.clone(), target.primary()];
    names.into_iter().filter_map(|name| part(target.kind.as_str(), name)).collect()
}

/// Newest revision first; what has no number comes by age.
fn revisions(sets: &[Set]) -> Arc<[ReplicaSet]> {
    let mut order: Vec<&ReplicaSet> = sets.iter().map(|set| &set.facts).collect();
    order.sort_by(|one, two| {
        let rank = |set: &ReplicaSet| (set.revision, set.created);
        rank(two).cmp(&rank(one)).then_with(|| one.name.cmp(&two.name))
    });
    order.into_iter().cloned().collect()
}

/// The oldest ReplicaSet with the Deployment's own template, as its controller chooses.
fn current_hash(template: Option<u64>, sets: &[Set]) -> Option<PodHash> {
    let template = template?;
    let oldest = sets.iter().filter(|set| set.template == template).min_by(|one, two| {
        let age = |set: &Set| (set.facts.created, set.facts.name.clone());
        age(one).cmp(&age(two))
    })?;
    oldest.facts.hash.clone()
}

#[cfg(test)]
#[path = "fleet_tests.rs"]
mod tests;
