//! The parts of one rollout as they are listed: revision → pods. Read by the cursor and by the paint alike, so that the
//! cursor goes where the eye goes.

use super::fleet::Row;
use crate::analysis::steps;
use crate::domain::detail::Pod;
use crate::domain::ids::PodHash;
use crate::domain::workload::ReplicaSet;

/// A revision and its pods, those in trouble first.
#[derive(Clone, Debug)]
pub struct Branch<'a> {
    /// The revision; `None` for pods whose ReplicaSet is not known.
    pub set: Option<&'a ReplicaSet>,
    /// What it is to the release.
    pub standing: Standing,
    /// Its pods.
    pub pods: Vec<&'a Pod>,
}

/// What a revision is to the release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The new version.
    Canary,
    /// The proven version.
    Stable,
    /// An older one.
    Old,
}

/// Revisions that have pods, and always the new and the proven one; the newest first.
#[must_use]
pub fn branches(row: &Row) -> Vec<Branch<'_>> {
    let workload = &row.workload;
    let canary = steps::canary(workload).and_then(|set| set.hash.as_ref());
    let stable = steps::stable_hash(workload);
    let pods = || row.detail.iter().flat_map(|detail| detail.pods.iter());
    let mut branches: Vec<Branch<'_>> = workload
        .revisions
        .iter()
        .map(|set| Branch {
            set: Some(set),
            standing: standing(set.hash.as_ref(), canary, stable),
            pods: sorted(pods().filter(|pod| is_of(pod, set))),
        })
        .filter(|branch| branch.standing != Standing::Old || has_pods(branch))
        .collect();
    let is_known = |pod: &&Pod| workload.revisions.iter().any(|set| is_of(pod, set));
    let strays = sorted(pods().filter(|pod| !is_known(pod)));
    if !strays.is_empty() {
        branches.push(Branch { set: None, standing: Standing::Old, pods: strays });
    }
    branches
}

/// All pods in the order of the list.
#[must_use]
pub fn pods(row: &Row) -> Vec<&Pod> {
    branches(row).into_iter().flat_map(|branch| branch.pods).collect()
}

fn standing(
    hash: Option<&PodHash>,
    canary: Option<&PodHash>,
    stable: Option<&PodHash>,
) -> Standing {
    match hash {
        Some(_) if hash == canary => Standing::Canary,
        Some(_) if hash == stable => Standing::Stable,
        Some(_) | None => Standing::Old,
    }
}

fn is_of(pod: &Pod, set: &ReplicaSet) -> bool {
    pod.replica_set.as_ref() == Some(&set.uid) || (pod.hash.is_some() && pod.hash == set.hash)
}

fn has_pods(branch: &Branch<'_>) -> bool {
    !branch.pods.is_empty()
        || branch.set.is_some_and(|set| set.replicas.current.is_some_and(|pods| pods > 0))
}

fn sorted<'a>(pods: impl Iterator<Item = &'a Pod>) -> Vec<&'a Pod> {
    let mut pods: Vec<&Pod> = pods.collect();
    pods.sort_by_key(|pod| (pod.is_ready(), pod.created, &pod.name));
    pods
}
