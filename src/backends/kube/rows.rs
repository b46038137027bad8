//! What the watches of a fleet make of raw objects: workloads and the ReplicaSets they own.

use std::sync::Arc;

use serde_json::Value;

use super::argo;
use super::experiments;
use super::fields::{Node, Reading, Words};
use super::flagger;
use super::meta::{self, Glimpse, Metadata};
use super::native;
use super::openshift;
use super::owner;
use super::parts;
use super::resource::{CONTROLLER_REVISIONS, REPLICA_SETS, REPLICATION_CONTROLLERS, Resource};
use super::routers::Wanted;
use super::routes::{self, OwnedRoute};
use super::sets;
use super::splits::{self, Split};
use crate::domain::flagger::RouteKind;
use crate::domain::ids::{ClusterName, Uid, WorkloadKind, WorkloadRef};
use crate::domain::observed::Timestamp;
use crate::domain::part::{Part, PartKind};
use crate::domain::workload::{Controller, ReplicaCounts, ReplicaSet, Strategy, Workload};

/// A workload before its ReplicaSets are joined to it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// Without revisions.
    pub(super) workload: Workload,
    /// Selects its pods; `None` where the object does not say.
    pub(super) selector: Option<Box<str>>,
    /// Of its pod template, where it holds one itself.
    pub(super) template: Option<u64>,
    /// What carries its traffic.
    pub(super) routers: Box<[Wanted]>,
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

/// One of them.
#[derive(Clone, Debug)]
pub(super) enum Row {
    /// A Rollout or Deployment, with what an order may wait for.
    Workload(Box<Known>, Glimpse),
    /// A ReplicaSet of one.
    Set(Box<Owned>),
    /// What splits traffic: as it is written, and as a route of a Canary where it is one.
    Route(Box<(Split, Option<OwnedRoute>)>),
    /// What decides over releases.
    Owner(Box<Part>),
}

/// Which kind of object a fleet's watch brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum FleetKind {
    /// Workloads of this kind.
    Workloads(WorkloadKind),
    /// ReplicaSets: the revisions of Rollouts and Deployments.
    Sets,
    /// `ControllerRevisions`: the revisions of `StatefulSets` and `DaemonSets`.
    Revisions,
    /// `ReplicationControllers`: the revisions of DeploymentConfigs. Watched only where the server has those.
    Controllers,
    /// Objects of this kind that split traffic: the truth about that of Canaries and routed Rollouts.
    Routes(RouteKind),
    /// Objects of this kind, which decide over releases.
    Owners(PartKind),
}

/// The kinds of owner that are followed. Promotions and Freight of Kargo are many, and say nothing that a stage does not.
const OWNERS: [PartKind; 5] = [
    PartKind::Application,
    PartKind::Kustomization,
    PartKind::HelmRelease,
    PartKind::GitRepository,
    PartKind::Stage,
];

impl FleetKind {
    /// The watch that is needed beside this one, once the server is known to have its kind.
    pub(super) const fn also(self) -> Option<Self> {
        match self {
            Self::Workloads(WorkloadKind::DeploymentConfig) => Some(Self::Controllers),
            Self::Workloads(_)
            | Self::Sets
            | Self::Revisions
            | Self::Controllers
            | Self::Routes(_)
            | Self::Owners(_) => None,
        }
    }

    /// All watches that a fleet begins with.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let workloads = WorkloadKind::ALL.into_iter().map(Self::Workloads);
        let routes = RouteKind::ALL.into_iter().map(Self::Routes);
        let owners = OWNERS.into_iter().map(Self::Owners);
        workloads.chain([Self::Sets, Self::Revisions]).chain(routes).chain(owners)
    }

    /// The kind of workload it brings, if it brings workloads.
    pub(super) const fn workload(self) -> Option<WorkloadKind> {
        match self {
            Self::Workloads(kind) => Some(kind),
            Self::Sets
            | Self::Revisions
            | Self::Controllers
            | Self::Routes(_)
            | Self::Owners(_) => None,
        }
    }

    /// The kind of owner it brings, if it brings owners.
    pub(super) const fn owner(self) -> Option<PartKind> {
        match self {
            Self::Owners(kind) => Some(kind),
            Self::Workloads(_)
            | Self::Sets
            | Self::Revisions
            | Self::Controllers
            | Self::Routes(_) => None,
        }
    }

    /// Without it the fleet is not whole; the others only add to what is said of a release.
    pub(super) const fn is_needed(self) -> bool {
        match self {
            Self::Workloads(_) | Self::Sets | Self::Revisions | Self::Controllers => true,
            Self::Routes(_) | Self::Owners(_) => false,
        }
    }

    /// What is listed and watched.
    pub(super) const fn resource(self) -> Resource {
        match self {
            Self::Workloads(kind) => Resource::of(kind),
            Self::Sets => REPLICA_SETS,
            Self::Revisions => CONTROLLER_REVISIONS,
            Self::Controllers => REPLICATION_CONTROLLERS,
            Self::Routes(kind) => Resource::of_route(kind),
            Self::Owners(kind) => Resource::of_part(kind),
        }
    }
}

/// What the kinds of workloads tell each in their own way.
pub(super) type Told = (WorkloadKind, Strategy, Controller, ReplicaCounts);

/// Puts a workload together of that and of what all objects share. The oddities of `reading` go with it.
pub(super) fn assemble(
    object: &Value,
    (kind, strategy, controller, replicas): Told,
    (cluster, seen_at): (&ClusterName, Timestamp),
    mut reading: Reading<'_>,
) -> Known {
    let root = Node::root(object);
    let (spec, status) = (root.at("spec", "spec"), root.at("status", "status"));
    let metadata = Metadata::of(object);
    let template = spec.at("template", "spec.template");
    let target = WorkloadRef {
        cluster: cluster.clone(),
        namespace: metadata.namespace(&mut reading),
        kind,
        name: metadata.name(&mut reading),
    };
    let workload = Workload {
        target,
        meta: metadata.read(&mut reading),
        strategy,
        replicas,
        controller,
        conditions: meta::conditions(status, &mut reading),
        revisions: Arc::from([]),
        part_of: None,
        owner: owner::owner(object, &mut reading),
        build: meta::build(template, &metadata, &mut reading),
        oddities: reading.oddities(),
        seen_at,
    };
    Known {
        workload,
        selector: meta::selector(spec.at("selector", "spec.selector")),
        template: template.is_there().then(|| meta::fingerprint(template.value())),
        routers: Box::default(),
    }
}

/// A workload of this kind, without its revisions.
pub(super) fn known(
    kind: WorkloadKind,
    object: &Value,
    (cluster, seen_at): (&ClusterName, Timestamp),
    reading: Reading<'_>,
) -> Known {
    match kind {
        WorkloadKind::Rollout => argo::rollout(object, cluster, seen_at, reading),
        WorkloadKind::Deployment => native::deployment(object, cluster, seen_at, reading),
        WorkloadKind::StatefulSet => sets::stateful(object, cluster, seen_at, reading),
        WorkloadKind::DaemonSet => sets::daemon(object, cluster, seen_at, reading),
        WorkloadKind::Canary => flagger::canary(object, cluster, seen_at, reading),
        WorkloadKind::DeploymentConfig => openshift::config(object, cluster, seen_at, reading),
        WorkloadKind::Experiment => experiments::experiment(object, cluster, seen_at, reading),
    }
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
        let set = |owned: Option<Owned>| owned.map(|owned| Row::Set(Box::new(owned)));
        let kind = match self.kind {
            FleetKind::Sets => return set(native::owned(object, reading)),
            FleetKind::Revisions => return set(sets::revision(object, reading)),
            FleetKind::Controllers => return set(openshift::controller(object, reading)),
            FleetKind::Routes(kind) => {
                let route = routes::route(kind, object, &mut reading);
                let split = splits::split(kind, object, seen_at, &mut reading);
                return Some(Row::Route(Box::new((split, route))));
            }
            FleetKind::Owners(kind) => {
                let part = parts::part(kind, object, (&self.cluster, seen_at), reading);
                return Some(Row::Owner(Box::new(part)));
            }
            FleetKind::Workloads(WorkloadKind::Experiment)
                if !experiments::stands_alone(object) =>
            {
                return None;
            }
            FleetKind::Workloads(kind) => kind,
        };
        let glimpse = Glimpse::of(object, &mut reading);
        let known = known(kind, object, (&self.cluster, seen_at), reading);
        Some(Row::Workload(Box::new(known), glimpse))
    }
}
