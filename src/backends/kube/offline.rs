//! Objects out of files → the same facts as the watches make of them: workloads joined with their revisions, pods and
//! analyses, the parts of releases, and a list of everything else.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::fields::{Reading, Words};
use super::fleet::{Came, Fleet, FleetKey};
use super::meta::Metadata;
use super::resource::Resource;
use super::rows::{FleetKind, Maker};
use super::{parts, pods};
use crate::domain::detail::{AnalysisRun, Detail, PODS_MAX, Pod};
use crate::domain::flagger::RouteKind;
use crate::domain::ids::{ClusterName, Uid, WorkloadKind, WorkloadRef};
use crate::domain::observed::Timestamp;
use crate::domain::part::{Part, PartFacts, PartKind, PartRef};
use crate::domain::text::Text;
use crate::domain::workload::Workload;

/// Releases, parts and revisions kept; more than the largest fleet that the cockpit is made for.
const KEPT_MAX: usize = 50_000;

/// Pods kept; the largest cluster that Kubernetes supports has 150 000, and those that are well say nothing.
const PODS_KEPT_MAX: usize = 20_000;

/// Other objects that are listed by name; beyond it they are counted.
const OTHERS_MAX: usize = 5_000;

/// What stands for the identity of an object that has none: a manifest that no server has seen.
const NO_UID: &str = "no-uid/";

/// An object that is no release and no part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// The file it stands in.
    pub file: Text,
    /// `apiVersion`; empty when it says none.
    pub version: Text,
    /// `kind`; empty when it says none.
    pub kind: Text,
    /// Its namespace; empty when it has none.
    pub namespace: Text,
    /// Its name; empty when it has none.
    pub name: Text,
    /// Why it is not explained.
    pub why: Text,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Releases and the workloads that are only parts of one, joined.
    pub workloads: Vec<Workload>,
    /// Pods and analyses of the workloads, where there are any.
    pub details: Vec<Detail>,
    /// Parts, by kind and name.
    pub parts: Vec<Part>,
    /// Everything else, in the order in which it came.
    pub others: Vec<Other>,
    /// Other objects that are not listed by name, by kind.
    pub others_left_out: BTreeMap<Text, u64>,
    /// Releases and parts that were too many.
    pub left_out: u64,
    /// Objects that came again, older or newer: the newest one is told.
    pub repeated: u64,
    /// Workloads that no server has seen: they have neither identity nor status.
    pub manifests: BTreeSet<WorkloadRef>,
}

/// Collects objects.
pub struct Offline {
    maker: Maker,
    fleet: Fleet,
    targets: BTreeSet<WorkloadRef>,
    parts: BTreeMap<PartRef, (Part, Vec<Uid>)>,
    pods: HashMap<Uid, Vec<Pod>>,
    pods_kept: usize,
    revisions: usize,
    found: Found,
    seen_at: Timestamp,
}

/// What an object is to us.
enum What {
    Workload(WorkloadKind),
    Part(PartKind),
    /// Read for the release that it belongs to, and why it is not explained itself.
    Joined(FleetKind, &'static str),
    Pod,
    Other(&'static str),
}

impl Offline {
    /// Nothing yet; `cluster` is what the source is called, `seen_at` when it is read.
    #[must_use]
    pub fn new(cluster: ClusterName, seen_at: Timestamp) -> Self {
        let kind = FleetKind::Sets;
        Self {
            maker: Maker { cluster, kind, words: Words::default() },
            fleet: Fleet::default(),
            targets: BTreeSet::new(),
            parts: BTreeMap::new(),
            pods: HashMap::new(),
            pods_kept: 0,
            revisions: 0,
            found: Found::default(),
            seen_at,
        }
    }

    /// Takes one object.
    pub fn take(&mut self, file: &Text, mut object: Value) {
        match what(&object) {
            What::Other("a list") => self.nested(file, &mut object),
            What::Other(why) => self.other(file, &object, why),
            What::Pod => {
                self.pod(&object);
                self.other(file, &object, "not a release");
            }
            What::Joined(kind, why) => {
                self.other(file, &object, why);
                self.row(kind, &object);
            }
            What::Part(kind) => {
                name_it(&mut object);
                if kind == PartKind::ReplicaSet {
                    self.row(FleetKind::Sets, &object);
                }
                self.part(kind, &object);
            }
            What::Workload(kind) => {
                name_it(&mut object);
                self.row(FleetKind::Workloads(kind), &object);
            }
        }
    }

    /// A list in a list.
    fn nested(&mut self, file: &Text, object: &mut Value) {
        if let Some(Value::Array(items)) = object.get_mut("items").map(Value::take) {
            // The parser has limited how deep this goes.
            for item in items {
                self.take(file, item);
            }
        }
    }

    fn other(&mut self, file: &Text, object: &Value, why: &str) {
        let mut word = |path: &str| {
            let word = object.pointer(path).and_then(Value::as_str).unwrap_or_default();
            self.maker.words.text(word)
        };
        let kind = word("/kind");
        if self.found.others.len() >= OTHERS_MAX {
            *self.found.others_left_out.entry(kind).or_default() += 1;
            return;
        }
        let other = Other {
            file: file.clone(),
            version: word("/apiVersion"),
            namespace: word("/metadata/namespace"),
            name: word("/metadata/name"),
            why: Text::clean(why),
            kind,
        };
        self.found.others.push(other);
    }

    fn is_full(&mut self) -> bool {
        let is_full = self.targets.len() + self.parts.len() + self.revisions >= KEPT_MAX;
        self.found.left_out += u64::from(is_full);
        is_full
    }

    fn row(&mut self, kind: FleetKind, object: &Value) {
        if self.is_full() {
            return;
        }
        self.maker.kind = kind;
        let Some(row) = self.maker.row(object, self.seen_at) else { return };
        match &row {
            super::rows::Row::Workload(known, _) => {
                let target = known.workload.target.clone();
                let is_read = object.get("status").is_some_and(|status| !status.is_null())
                    || !known.workload.meta.uid.as_str().starts_with(NO_UID);
                if is_read {
                    self.found.manifests.remove(&target);
                } else {
                    self.found.manifests.insert(target.clone());
                }
                self.found.repeated += u64::from(!self.targets.insert(target));
            }
            super::rows::Row::Route(_) | super::rows::Row::Owner(_) => self.revisions += 1,
            super::rows::Row::Set(_) => self.revisions += usize::from(kind == FleetKind::Revisions),
        }
        self.fleet.put(&FleetKey { kind, namespace: None }, row, Came::Changed);
    }

    fn part(&mut self, kind: PartKind, object: &Value) {
        if self.is_full() {
            return;
        }
        let reading = Reading::new(&mut self.maker.words);
        let part = parts::part(kind, object, (&self.maker.cluster, self.seen_at), reading);
        let owners = Metadata::of(object).owners().iter();
        let owners = owners.filter_map(|owner| owner.get("uid")?.as_str()).map(Uid::new).collect();
        if let Some((known, _)) = self.parts.get(&part.target) {
            self.found.repeated += 1;
            if super::watch::is_later(&known.meta.resource_version, &part.meta.resource_version) {
                return;
            }
        }
        self.parts.insert(part.target.clone(), (part, owners));
    }

    fn pod(&mut self, object: &Value) {
        if self.pods_kept >= PODS_KEPT_MAX {
            return;
        }
        let mut reading = Reading::new(&mut self.maker.words);
        let pod = pods::pod(object, &mut reading);
        let Some(owner) = pod.replica_set.clone() else { return };
        self.pods_kept += 1;
        self.pods.entry(owner).or_default().push(pod);
    }

    /// Everything, joined.
    #[must_use]
    pub fn finish(mut self) -> Found {
        self.fleet.no_more_routes(&Text::from("it is not among what was read"));
        let targets = std::mem::take(&mut self.targets);
        let runs = self.runs();
        for target in &targets {
            let Some(mut workload) = self.fleet.workload(target) else { continue };
            self.found.details.extend(self.detail(target, &runs));
            nameless(&mut workload.meta.uid);
            self.found.workloads.push(workload);
        }
        let parts = std::mem::take(&mut self.parts);
        self.found.parts = parts.into_values().map(|(part, _)| part).collect();
        for part in &mut self.found.parts {
            nameless(&mut part.meta.uid);
        }
        self.found
    }

    /// The analyses by their owners, the newest first.
    fn runs(&self) -> HashMap<Uid, Vec<AnalysisRun>> {
        let mut all: Vec<(Option<Timestamp>, &AnalysisRun, &[Uid])> = self
            .parts
            .values()
            .filter_map(|(part, owners)| match &part.facts {
                PartFacts::AnalysisRun(run) => {
                    Some((part.meta.created, run.as_ref(), owners.as_slice()))
                }
                PartFacts::ReplicaSet(_)
                | PartFacts::Experiment(..)
                | PartFacts::Application(_)
                | PartFacts::Flux(_)
                | PartFacts::Repository(_)
                | PartFacts::Stage(_)
                | PartFacts::Promotion(_)
                | PartFacts::Freight(_) => None,
            })
            .collect();
        all.sort_by(|one, two| (two.0, &two.1.name).cmp(&(one.0, &one.1.name)));
        let mut runs: HashMap<Uid, Vec<AnalysisRun>> = HashMap::new();
        for (_, run, owners) in all {
            for owner in owners {
                runs.entry(owner.clone()).or_default().push(run.clone());
            }
        }
        runs
    }

    /// Pods and analyses of a workload; `None` where the files tell of none.
    fn detail(
        &self,
        target: &WorkloadRef,
        runs: &HashMap<Uid, Vec<AnalysisRun>>,
    ) -> Option<Detail> {
        let of = self.fleet.parts(target)?;
        let pods = of.sets.iter().filter_map(|(uid, _)| self.pods.get(uid)).flatten();
        let mut pods: Vec<Pod> = pods.cloned().collect();
        pods.sort_by(|one, two| (one.created, &one.name).cmp(&(two.created, &two.name)));
        let over = u32::try_from(pods.len().saturating_sub(PODS_MAX)).unwrap_or(u32::MAX);
        pods.truncate(PODS_MAX);
        let runs = runs.get(&of.uid).map(Vec::as_slice).unwrap_or_default();
        if pods.is_empty() && runs.is_empty() {
            return None;
        }
        Some(Detail {
            target: target.clone(),
            pods: pods.into(),
            pods_left_out: over,
            runs: runs.into(),
            events: [].into(),
            bounds: crate::domain::bounds::Bounds::default(),
            missing: [].into(),
            seen_at: self.seen_at,
        })
    }
}

fn what(object: &Value) -> What {
    let word = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    let kind = word("kind");
    let group = word("apiVersion").split_once('/').map_or("", |(group, _)| group);
    if kind.is_empty() {
        return What::Other("not a Kubernetes object: it has no kind");
    }
    if kind.ends_with("List") && object.get("items").is_some_and(Value::is_array) {
        return What::Other("a list");
    }
    let workload = match (group, WorkloadKind::ALL.into_iter().find(|it| it.name() == kind)) {
        ("argoproj.io", Some(WorkloadKind::Rollout)) => Some(WorkloadKind::Rollout),
        ("flagger.app", Some(WorkloadKind::Canary)) => Some(WorkloadKind::Canary),
        ("apps" | "extensions", Some(kind)) => {
            let is_native = match kind {
                WorkloadKind::Deployment | WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => {
                    true
                }
                WorkloadKind::Rollout
                | WorkloadKind::Canary
                | WorkloadKind::DeploymentConfig
                | WorkloadKind::Experiment => false,
            };
            is_native.then_some(kind)
        }
        ("apps.openshift.io", Some(WorkloadKind::DeploymentConfig)) => {
            Some(WorkloadKind::DeploymentConfig)
        }
        _ => None,
    };
    match (workload, PartKind::find(group, kind)) {
        (Some(workload), _) => What::Workload(workload),
        (None, Some(part)) => What::Part(part),
        (None, None) => match (group, kind) {
            ("apps", "ControllerRevision") => {
                What::Joined(FleetKind::Revisions, "the history of a release")
            }
            ("", "ReplicationController") => {
                What::Joined(FleetKind::Controllers, "the history of a release, or of none")
            }
            ("", "Pod") => What::Pod,
            _ => route_kind(group, kind).map_or(What::Other("not a release"), |kind| {
                What::Joined(FleetKind::Routes(kind), "not a release")
            }),
        },
    }
}

fn route_kind(group: &str, kind: &str) -> Option<RouteKind> {
    RouteKind::ALL.into_iter().find(|route| {
        let resource = Resource::of_route(*route);
        (resource.group, resource.kind) == (group, kind)
    })
}

/// Gives an object without identity one of its own, so that two of them are not taken for the same.
fn name_it(object: &mut Value) {
    let word = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
    if !word("/metadata/uid").is_empty() {
        return;
    }
    let kind = word("/kind");
    let (namespace, name) = (word("/metadata/namespace"), word("/metadata/name"));
    let uid = format!("{NO_UID}{kind}/{namespace}/{name}");
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("uid".to_owned(), uid.into());
    }
}

fn nameless(uid: &mut Uid) {
    if uid.as_str().starts_with(NO_UID) {
        *uid = Uid::default();
    }
}
