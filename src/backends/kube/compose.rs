//! The tables behind the details, and how a detail is put together from them. A value; no IO.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::details::DetailKey;
use super::events::Told;
use super::fleet::Parts;
use super::watch::Heard;
use crate::domain::bounds::{Autoscaler, Bounds, Budget};
use crate::domain::detail::{AnalysisRun, ClusterEvent, Detail, EVENTS_MAX, PODS_MAX, Pod};
use crate::domain::feed::Trouble;
use crate::domain::ids::{Name, Uid, WorkloadKind, WorkloadRef};
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

/// Rows kept of one watch. Beyond it the rest is counted or left out: no screen shows more, and a namespace full of events
/// must not fill the memory.
const ROWS_MAX: usize = 4_000;

/// Analysis runs shown of one rollout; the controller keeps ten unless told otherwise.
const RUNS_MAX: usize = 50;

/// One object of a detail.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// A pod.
    Pod(Box<Pod>),
    /// An analysis run and who owns it.
    Run { uid: Uid, owners: Vec<Uid>, created: Option<Timestamp>, run: Box<AnalysisRun> },
    /// An event.
    Event(Box<Told>),
    /// An autoscaler.
    Autoscaler(Box<Autoscaler>),
    /// A budget for evictions.
    Budget(Box<Budget>),
}

impl Found {
    const fn uid(&self) -> &Uid {
        match self {
            Self::Pod(pod) => &pod.uid,
            Self::Run { uid, .. } => uid,
            Self::Event(told) => &told.event.uid,
            Self::Autoscaler(scaler) => &scaler.uid,
            Self::Budget(budget) => &budget.uid,
        }
    }

    /// The older one goes first when there are too many.
    fn age(&self) -> Option<Timestamp> {
        match self {
            Self::Pod(pod) => pod.created,
            Self::Run { created, .. } => *created,
            Self::Event(told) => Some(told.at()),
            Self::Autoscaler(_) | Self::Budget(_) => None,
        }
    }
}

/// What one watch brought.
#[derive(Default)]
struct Table {
    rows: HashMap<Uid, (Found, u64)>,
    list: u64,
    left_out: u32,
    state: State,
}

#[derive(Default)]
enum State {
    #[default]
    Reading,
    Whole,
    Failed(Text),
}

impl Table {
    fn put(&mut self, found: Found) {
        let uid = found.uid().clone();
        if self.rows.len() >= ROWS_MAX && !self.rows.contains_key(&uid) {
            self.left_out = self.left_out.saturating_add(1);
            let oldest = self.rows.iter().min_by_key(|(_, (found, _))| found.age());
            let Some((oldest, age)) = oldest.map(|(uid, (found, _))| (uid.clone(), found.age()))
            else {
                return;
            };
            if found.age() <= age {
                return;
            }
            self.rows.remove(&oldest);
        }
        self.rows.insert(uid, (found, self.list));
    }
}

/// All tables.
#[derive(Default)]
pub(super) struct Tables {
    tables: BTreeMap<DetailKey, Table>,
}

impl Tables {
    pub(super) fn begin(&mut self, key: &DetailKey) {
        self.tables.entry(key.clone()).or_default();
    }

    pub(super) fn forget(&mut self, key: &DetailKey) {
        self.tables.remove(key);
    }

    /// Takes news of a watch; true when a detail may look different now.
    pub(super) fn hear(&mut self, key: &DetailKey, heard: Heard<Found>) -> bool {
        let table = self.tables.entry(key.clone()).or_default();
        match heard {
            Heard::Listing => {
                table.list += 1;
                table.left_out = 0;
                false
            }
            Heard::Rows(rows, _) => {
                for found in rows {
                    table.put(found);
                }
                true
            }
            Heard::Whole(_) => {
                let list = table.list;
                table.rows.retain(|_, (_, seen)| *seen == list);
                table.state = State::Whole;
                true
            }
            Heard::Changed(found, _) => {
                table.put(found);
                true
            }
            Heard::Gone(uid, _) => table.rows.remove(&uid).is_some(),
            // Who has no such kind has no bounds.
            Heard::Failed(Trouble::KindMissing(_), _) if key.is_bound() => {
                table.state = State::Whole;
                true
            }
            Heard::Failed(why, _) => {
                table.state = State::Failed(Text::clean(&why.to_string()));
                true
            }
            // A watch that opens again follows what is known; what failed before is over.
            Heard::Opened(_) => {
                let failed = matches!(table.state, State::Failed(_));
                if failed {
                    table.state = State::Whole;
                }
                failed
            }
            Heard::Beat(_) => false,
        }
    }

    /// True when each part of a workload has been read, or cannot be.
    pub(super) fn are_read(&self, target: &WorkloadRef) -> bool {
        let keys = [
            DetailKey::Pods(target.clone()),
            DetailKey::Runs(target.namespace.clone()),
            DetailKey::Events(target.namespace.clone()),
            DetailKey::Autoscalers(target.namespace.clone()),
            DetailKey::Budgets(target.namespace.clone()),
        ];
        let tables = keys.iter().filter_map(|key| self.tables.get(key));
        tables.into_iter().all(|table| !matches!(table.state, State::Reading))
    }

    /// Puts the detail of a workload together.
    pub(super) fn detail(&self, target: &WorkloadRef, parts: &Parts, now: Timestamp) -> Detail {
        let pods_key = DetailKey::Pods(target.clone());
        let runs_key = DetailKey::Runs(target.namespace.clone());
        let events_key = DetailKey::Events(target.namespace.clone());
        let (pods, pods_left_out) = self.pods(&pods_key, parts);
        let runs = self.runs(&runs_key, parts);
        let mut missing = Vec::new();
        if parts.selector.is_none() {
            missing.push(Text::clean("pods: no label selector to find them by"));
        }
        missing.extend(self.missing(&pods_key, "pods"));
        if matches!(target.kind, WorkloadKind::Rollout | WorkloadKind::Experiment) {
            missing.extend(self.missing(&runs_key, "analysis runs"));
        }
        missing.extend(self.missing(&events_key, "events"));
        Detail {
            target: target.clone(),
            pods: pods.into(),
            pods_left_out,
            events: self.events(&events_key, target, parts, &runs).into(),
            runs: runs.into(),
            bounds: self.bounds(target, parts),
            missing: missing.into(),
            seen_at: now,
        }
    }

    /// The autoscaler that names it, and the budgets whose labels are among those that select its pods.
    fn bounds(&self, target: &WorkloadRef, parts: &Parts) -> Bounds {
        let scalers = DetailKey::Autoscalers(target.namespace.clone());
        let budgets = DetailKey::Budgets(target.namespace.clone());
        let of = |(kind, name): &(Text, Name)| {
            self.rows(&scalers).find_map(|found| {
                let Found::Autoscaler(scaler) = found else { return None };
                let is_ours = scaler.kind == *kind && scaler.scales == *name;
                is_ours.then(|| scaler.as_ref().clone())
            })
        };
        let [autoscaler, primary_autoscaler] =
            [0, 1].map(|place| parts.bound.scaled.get(place).and_then(of));
        let covers = |budget: &Budget| {
            let selects = |own: &Arc<str>| {
                let mut labels = budget.labels.iter();
                labels.all(|label| own.split(',').any(|own| own == label.as_str()))
            };
            !budget.labels.is_empty() && parts.bound.selectors.iter().any(selects)
        };
        let found = self.rows(&budgets).filter_map(|found| {
            let Found::Budget(budget) = found else { return None };
            covers(budget).then(|| budget.as_ref().clone())
        });
        let mut found: Vec<Budget> = found.collect();
        found.sort_by(|one, two| one.name.cmp(&two.name));
        let unread = self
            .missing(&scalers, "autoscalers")
            .or_else(|| self.missing(&budgets, "disruption budgets"))
            .or_else(|| parts.bound.unread.clone());
        Bounds { autoscaler, primary_autoscaler, budgets: found.into(), unread }
    }

    fn rows(&self, key: &DetailKey) -> impl Iterator<Item = &Found> {
        self.tables.get(key).into_iter().flat_map(|table| table.rows.values().map(|(row, _)| row))
    }

    fn missing(&self, key: &DetailKey, what: &str) -> Option<Text> {
        match &self.tables.get(key)?.state {
            State::Whole => None,
            State::Reading => Some(Text::clean(&format!("{what}: not read yet"))),
            State::Failed(why) => Some(Text::clean(&format!("{what}: {why}"))),
        }
    }

    /// By creation and name; only those of its own ReplicaSets, as far as these are known.
    fn pods(&self, key: &DetailKey, parts: &Parts) -> (Vec<Pod>, u32) {
        let ours: BTreeSet<&Uid> = parts.sets.iter().map(|(uid, _)| uid).collect();
        let mut pods: Vec<&Pod> = self
            .rows(key)
            .filter_map(|found| match found {
                Found::Pod(pod) => Some(pod.as_ref()),
                Found::Run { .. } | Found::Event(_) | Found::Autoscaler(_) | Found::Budget(_) => {
                    None
                }
            })
            .filter(|pod| {
                ours.is_empty() || pod.replica_set.as_ref().is_some_and(|set| ours.contains(set))
            })
            .collect();
        pods.sort_by(|one, two| (one.created, &one.name).cmp(&(two.created, &two.name)));
        let left_out = self.tables.get(key).map_or(0, |table| table.left_out);
        let over = u32::try_from(pods.len().saturating_sub(PODS_MAX)).unwrap_or(u32::MAX);
        let kept = pods.into_iter().take(PODS_MAX).cloned().collect();
        (kept, left_out.saturating_add(over))
    }

    /// Newest first.
    fn runs(&self, key: &DetailKey, parts: &Parts) -> Vec<AnalysisRun> {
        let mut runs: Vec<(Option<Timestamp>, &AnalysisRun)> = self
            .rows(key)
            .filter_map(|found| match found {
                Found::Run { owners, created, run, .. } if owners.contains(&parts.uid) => {
                    Some((*created, run.as_ref()))
                }
                Found::Run { .. }
                | Found::Pod(_)
                | Found::Event(_)
                | Found::Autoscaler(_)
                | Found::Budget(_) => None,
            })
            .collect();
        runs.sort_by(|one, two| (two.0, &two.1.name).cmp(&(one.0, &one.1.name)));
        runs.into_iter().take(RUNS_MAX).map(|(_, run)| run.clone()).collect()
    }

    /// Oldest first.
    fn events(
        &self,
        key: &DetailKey,
        target: &WorkloadRef,
        parts: &Parts,
        runs: &[AnalysisRun],
    ) -> Vec<ClusterEvent> {
        let mut events: Vec<&Told> = self
            .rows(key)
            .filter_map(|found| match found {
                Found::Event(told) => Some(told.as_ref()),
                Found::Pod(_) | Found::Run { .. } | Found::Autoscaler(_) | Found::Budget(_) => None,
            })
            .filter(|told| is_about(told, target, parts, runs))
            .collect();
        events.sort_by(|one, two| (one.at(), &one.event.uid).cmp(&(two.at(), &two.event.uid)));
        let skipped = events.len().saturating_sub(EVENTS_MAX);
        events.into_iter().skip(skipped).map(|told| told.event.clone()).collect()
    }
}

/// By name, because the pods of an event may be gone; the workload itself by identity, because one of the same name may
/// have lived before it.
fn is_about(told: &Told, target: &WorkloadRef, parts: &Parts, runs: &[AnalysisRun]) -> bool {
    let name = told.name.as_str();
    match told.kind.as_str() {
        "ReplicaSet" | "ReplicationController" => {
            parts.sets.iter().any(|(_, set)| set.as_str() == name)
        }
        "Pod" => parts.sets.iter().any(|(_, set)| {
            name.strip_prefix(set.as_str()).is_some_and(|rest| rest.starts_with('-'))
        }),
        "AnalysisRun" => runs.iter().any(|run| run.name.as_str() == name),
        kind => {
            kind == target.kind.name()
                && name == target.name.as_str()
                && (told.uid.as_str().is_empty() || told.uid == parts.uid)
        }
    }
}
