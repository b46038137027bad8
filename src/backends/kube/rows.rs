//! What the watches of a fleet make of raw objects: workloads and the ReplicaSets they own.

use serde_json::Value;

use super::argo;
use super::fields::{Reading, Words};
use super::meta::Glimpse;
use super::native;
use crate::domain::ids::{ClusterName, Uid, WorkloadKind};
use crate::domain::observed::Timestamp;
use crate::domain::workload::{ReplicaSet, Workload};

/// A workload before its ReplicaSets are joined to it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// Without revisions.
    pub(super) workload: Workload,
    /// Selects its pods; `None` where the object does not say.
    pub(super) selector: Option<Box<str>>,
    /// Of its pod template, where it holds one itself.
    pub(super) template: Option<u64>,
}

/// A ReplicaSet that a workload owns.
#[derive(Clone, Debug)]
pub(super) struct Owned {
    /// The workload.
    pub(super) owner: Uid,
    /// Itself.
    pub(super) set: ReplicaSet,
    /// Of its pod template.
    pub(super) template: u64,
}

/// One of the two.
#[derive(Clone, Debug)]
pub(super) enum Row {
    /// A Rollout or Deployment, with what an order may wait for.
    Workload(Box<Known>, Glimpse),
    /// A ReplicaSet of one.
    Set(Box<Owned>),
}

/// Which kind of object a fleet's watch brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum FleetKind {
    /// Rollouts.
    Rollouts,
    /// Deployments.
    Deployments,
    /// ReplicaSets.
    Sets,
}

impl FleetKind {
    pub(super) const ALL: [Self; 3] = [Self::Rollouts, Self::Deployments, Self::Sets];
}

/// Makes rows of raw objects.
pub(super) struct Maker {
    pub(super) cluster: ClusterName,
    pub(super) kind: FleetKind,
    pub(super) words: Words,
}

impl Maker {
    /// The row of an object; `None` for one that belongs to no workload of ours.
    pub(super) fn row(&mut self, object: &Value, seen_at: Timestamp) -> Option<Row> {
        let mut reading = Reading::new(&mut self.words);
        let workload_kind = match self.kind {
            FleetKind::Sets => {
                return native::owned(object, reading).map(|owned| Row::Set(Box::new(owned)));
            }
            FleetKind::Rollouts => WorkloadKind::Rollout,
            FleetKind::Deployments => WorkloadKind::Deployment,
        };
        let glimpse = Glimpse::of(object, &mut reading);
        let known = match workload_kind {
            WorkloadKind::Rollout => argo::rollout(object, &self.cluster, seen_at, reading),
            WorkloadKind::Deployment => native::deployment(object, &self.cluster, seen_at, reading),
        };
        Some(Row::Workload(Box::new(known), glimpse))
    }
}
