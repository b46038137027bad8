//! What is known of every workload, and what follows from it. One row per release, keyed by name.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::owners::Owners;
use crate::analysis::evidence::Evidence;
use crate::analysis::need::{self, Context, Group, Need, NeedKind};
use crate::analysis::pace;
use crate::analysis::rollout_status::{self, Health, Status};
use crate::analysis::steps::{self, Position, Weight};
use crate::analysis::verdict::{self, Answer as VerdictAnswer, Limits, Verdict};
use crate::domain::detail::Detail;
use crate::domain::feed::Trouble;
use crate::domain::ids::{ClusterName, PodHash, WorkloadRef};
use crate::domain::look::Look;
use crate::domain::metric::{Charts, Comparison, MetricKind};
use crate::domain::observed::{Observed, Timestamp, age};
use crate::domain::owner::Owner;
use crate::domain::text::Text;
use crate::domain::workload::{Hand, Workload};

/// Most moments kept of one rollout: a long canary of fifty steps has about two hundred.
const HISTORY_MAX: usize = 400;

/// A canary must fail this often in a row before it is called failing, and pass as often before it is not:
/// one bad window does not move rows.
const FAILING_AFTER: u8 = 2;

/// One workload and what is known of it.
#[derive(Clone, Debug)]
pub struct Row {
    /// As read.
    pub workload: Workload,
    /// In its tools' words.
    pub status: Status,
    /// Where it stands.
    pub position: Option<Position>,
    /// Which share it should and does have.
    pub weight: Weight,
    /// Whether a human is needed.
    pub need: Option<Need>,
    /// In which group it is shown.
    pub group: Group,
    /// Its parts, while they are followed.
    pub detail: Option<Detail>,
    /// What the metrics say.
    pub metrics: Metrics,
    /// What we saw it do.
    pub history: VecDeque<Moment>,
    /// How long its last update took, where we saw it whole.
    pub took: Option<Duration>,
    /// Who manages it as far as its own signs tell; who else knows of it is joined in `workload`.
    pub signed: Option<Owner>,
    /// Counts up with every change, so that a front can tell what is new.
    pub version: u64,
}

/// What the metrics say of one workload.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Canary and stable, the last time they could be compared.
    pub comparison: Option<Observed<Comparison>>,
    /// What both mean together.
    pub verdict: Option<Verdict>,
    /// Who told the newest of that.
    pub origin: Option<Origin>,
    /// The raw counters so far, and the judge over them.
    pub evidence: Evidence,
    /// Curves, while a screen shows them.
    pub charts: Option<Observed<Charts>>,
    /// Why the last question had no answer.
    pub trouble: Option<(Timestamp, Trouble)>,
    /// When it was last asked.
    pub asked_at: Option<Timestamp>,
    /// When its counters were last asked for.
    pub looked_at: Option<Timestamp>,
    /// When Prometheus had no answer to that.
    pub lost_at: Option<Timestamp>,
    /// Why the pods themselves could not be read, the last time they were.
    pub unread: Option<Text>,
    /// Since when the canary fails, and the worst metric's words.
    pub failing: Option<(Timestamp, Text)>,
    /// Answers in a row that disagree with `failing`.
    pub streak: u8,
}

/// Something we saw a workload do.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// When it reached us.
    pub at: Timestamp,
    /// What.
    pub what: MomentKind,
}

/// The things a timeline is made of that only a watcher sees.
#[derive(Clone, Debug, PartialEq)]
pub enum MomentKind {
    /// The actual weight changed.
    Weight(u32),
    /// The step changed.
    Step(u32),
    /// The tools' phase or health changed.
    Phase(Text),
    /// Another version is wanted.
    Wanted(PodHash),
    /// Another version is proven.
    Proven(PodHash),
    /// The canary began to fail, or fails no more.
    Verdict(VerdictAnswer),
    /// Another tool wrote the object.
    Touched(Text),
    /// A human began to be needed, or is no more.
    Need(Option<NeedKind>),
}

/// All workloads.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    rows: BTreeMap<WorkloadRef, Row>,
    synced: BTreeSet<ClusterName>,
    limits: Limits,
    versions: u64,
}

impl Fleet {
    /// An empty fleet, judged by these limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// All releases, by name: one row each, however many objects it is made of.
    pub fn rows(&self) -> impl Iterator<Item = (&WorkloadRef, &Row)> {
        self.rows.iter().filter(|(_, row)| row.workload.part_of.is_none())
    }

    /// All workloads, those too that are only a part of a release.
    pub fn objects(&self) -> impl Iterator<Item = (&WorkloadRef, &Row)> {
        self.rows.iter()
    }

    /// How many releases there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows().count()
    }

    /// True when nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// One row.
    #[must_use]
    pub fn row(&self, target: &WorkloadRef) -> Option<&Row> {
        self.rows.get(target)
    }

    /// Whether the whole list of this cluster is in.
    #[must_use]
    pub fn is_synced(&self, cluster: &ClusterName) -> bool {
        self.synced.contains(cluster)
    }

    /// The limits by which canaries are judged.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(in crate::app) fn mark_synced(&mut self, cluster: ClusterName) {
        self.synced.insert(cluster);
    }

    /// Takes a new state of a workload.
    pub(in crate::app) fn put(&mut self, mut workload: Workload, owners: &Owners, now: Timestamp) {
        let target = workload.target.clone();
        let owner = owners.resolve(&target, workload.owner.as_ref());
        let signed = std::mem::replace(&mut workload.owner, owner);
        let mut row = match self.rows.remove(&target) {
            Some(mut row) if row.workload.meta.uid == workload.meta.uid => {
                if steps::canary(&row.workload).map(|set| &set.hash)
                    != steps::canary(&workload).map(|set| &set.hash)
                {
                    row.metrics = Metrics::default();
                }
                row.note_change(&workload);
                row.workload = workload;
                row
            }
            _ => {
                let hands = Arc::clone(&workload.meta.hands);
                let mut row = Row::new(workload);
                row.note_hands(&hands, &[]);
                row
            }
        };
        row.signed = signed;
        self.judge(target, row, now);
    }

    /// Owners changed: joins them anew with what they manage. These releases have another owner now, or one that says
    /// something else.
    pub(in crate::app) fn rejoin(&mut self, owners: &Owners, now: Timestamp) -> Vec<WorkloadRef> {
        let changed: Vec<(WorkloadRef, Option<Owner>)> = self
            .rows
            .iter()
            .map(|(target, row)| (target, owners.resolve(target, row.signed.as_ref()), row))
            .filter(|(_, owner, row)| *owner != row.workload.owner)
            .map(|(target, owner, _)| (target.clone(), owner))
            .collect();
        let mut touched = Vec::with_capacity(changed.len());
        for (target, owner) in changed {
            self.amend(&target, now, |row| row.workload.owner = owner);
            touched.push(target);
        }
        touched
    }

    pub(in crate::app) fn remove(&mut self, target: &WorkloadRef) {
        self.rows.remove(target);
    }

    /// Changes what is known beside the workload itself, and judges it anew.
    pub(in crate::app) fn amend(
        &mut self,
        target: &WorkloadRef,
        now: Timestamp,
        change: impl FnOnce(&mut Row),
    ) {
        if let Some(mut row) = self.rows.remove(target) {
            change(&mut row);
            self.judge(target.clone(), row, now);
        }
    }

    /// Changes what nobody sees: the row is not new for it.
    pub(in crate::app) fn amend_quietly(
        &mut self,
        target: &WorkloadRef,
        change: impl FnOnce(&mut Row),
    ) {
        if let Some(row) = self.rows.get_mut(target) {
            change(row);
        }
    }

    /// Takes a look at the raw counters. Where no Prometheus answers, they are compared as well.
    pub(in crate::app) fn look(
        &mut self,
        target: &WorkloadRef,
        (look, origin): (&Observed<Look>, Origin),
        now: Timestamp,
    ) {
        let limits = self.limits;
        self.amend(target, now, |row| {
            row.metrics.evidence.take(&look.value, look.at, &limits);
            if origin == Origin::Prometheus {
                row.metrics.lost_at = None;
            }
            if origin == Origin::Pods {
                let doubt = look.value.doubts.first().filter(|_| look.value.series.is_empty());
                row.metrics.unread = doubt.cloned();
                let comparison =
                    row.metrics.evidence.comparison(&steps::pair(&row.workload), look.at);
                if let Some(comparison) = comparison {
                    row.metrics.comparison = Some(Observed::new(comparison, look.at));
                    row.metrics.origin = Some(Origin::Pods);
                }
            }
            row.conclude(&limits, Told::Counters, now);
        });
    }

    /// Nothing came of a look, and what was known grows old. Why Prometheus does not answer is told by the comparison
    /// that was asked for beside it; why the pods cannot be read is told here.
    pub(in crate::app) fn blind(
        &mut self,
        target: &WorkloadRef,
        (origin, why): (Origin, &Trouble),
        now: Timestamp,
    ) {
        let limits = self.limits;
        self.amend(target, now, |row| {
            match origin {
                Origin::Prometheus => row.metrics.lost_at = Some(now),
                Origin::Pods => row.metrics.unread = Some(Text::clean(&why.to_string())),
            }
            row.conclude(&limits, Told::Counters, now);
        });
    }

    /// Takes a comparison.
    pub(in crate::app) fn compare(
        &mut self,
        target: &WorkloadRef,
        comparison: Observed<Comparison>,
        now: Timestamp,
    ) {
        let limits = self.limits;
        self.amend(target, now, |row| {
            let at = comparison.at;
            row.metrics.comparison = Some(comparison);
            row.metrics.origin = Some(Origin::Prometheus);
            row.metrics.trouble = None;
            row.conclude(&limits, Told::Comparison, at);
        });
    }

    fn judge(&mut self, target: WorkloadRef, mut row: Row, now: Timestamp) {
        self.versions += 1;
        row.judge(now);
        row.version = self.versions;
        self.rows.insert(target, row);
    }
}

/// Who was asked for counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The Prometheus of the cluster.
    Prometheus,
    /// The pods themselves.
    Pods,
}

/// What a verdict follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// A new comparison with limits.
    Comparison,
    /// New counters, or that there are none: a comparison beside them is the old one and counts no second time.
    Counters,
}

impl Metrics {
    /// The judge is sure when it fails a canary. For a comparison with limits a change of mind takes `FAILING_AFTER`
    /// answers in a row; "inconclusive" neither starts nor ends it.
    fn take_verdict(&mut self, verdict: &Verdict, told: Told, at: Timestamp) {
        let worst =
            verdict.metrics.iter().find(|metric| metric.answer == Some(VerdictAnswer::Fail));
        let is_tested = worst.is_some_and(|worst| worst.test.is_some());
        if told == Told::Counters && !is_tested {
            return;
        }
        match (verdict.answer, self.failing.is_some()) {
            (VerdictAnswer::Fail, true) | (VerdictAnswer::Pass, false) => self.streak = 0,
            (VerdictAnswer::Inconclusive, _) => {}
            (VerdictAnswer::Fail, false) if is_tested => self.streak = FAILING_AFTER,
            (VerdictAnswer::Fail, false) | (VerdictAnswer::Pass, true) => self.streak += 1,
        }
        if self.streak >= FAILING_AFTER {
            self.streak = 0;
            self.failing = match (self.failing.take(), worst) {
                (None, Some(metric)) => {
                    let word = match metric.kind {
                        MetricKind::ErrorRatio => "errors",
                        MetricKind::LatencyP99 => "p99",
                        MetricKind::RequestRate => "requests",
                    };
                    let why = format!("{word} {}", metric.why);
                    Some((at, Text::clean(&why)))
                }
                _ => None,
            };
        }
    }
}

impl Row {
    /// What comparison and counters mean together.
    fn conclude(&mut self, limits: &Limits, told: Told, now: Timestamp) {
        let compared = self.metrics.comparison.as_ref();
        let compared = compared.map(|comparison| verdict::judge(&comparison.value, limits));
        let judged = self.metrics.evidence.verdict(now);
        let Some(verdict) = verdict::joined(compared, judged.as_ref()) else { return };
        let was_failing = self.metrics.failing.is_some();
        self.metrics.take_verdict(&verdict, told, now);
        if was_failing != self.metrics.failing.is_some() {
            self.note(now, Some(MomentKind::Verdict(verdict.answer)));
        }
        self.metrics.verdict = Some(verdict);
    }

    fn new(workload: Workload) -> Self {
        Self {
            workload,
            status: Status { phase: None, message: None, health: Health::Unknown },
            position: None,
            weight: Weight::default(),
            need: None,
            group: Group::Steady,
            detail: None,
            metrics: Metrics::default(),
            history: VecDeque::new(),
            took: None,
            signed: None,
            version: 0,
        }
    }

    fn judge(&mut self, now: Timestamp) {
        let is_new = self.version == 0;
        let status = rollout_status::status(&self.workload);
        let context =
            Context { detail: self.detail.as_ref(), failing: self.metrics.failing.as_ref(), now };
        let mut need = need::need(&self.workload, &status, &context);
        self.keep_since(&mut need, now);
        let seen = self.workload.seen_at;
        let weight = steps::weight(&self.workload);
        if !is_new && weight.actual != self.weight.actual {
            self.metrics.evidence.unsettle(now);
        }
        if is_new || weight.actual != self.weight.actual {
            self.note(seen, weight.actual.map(MomentKind::Weight));
        }
        let position = steps::position(&self.workload);
        let index = position.as_ref().map(|position| position.index);
        if is_new || index != self.position.as_ref().map(|position| position.index) {
            self.note(seen, index.map(MomentKind::Step));
        }
        if is_new || status.phase != self.status.phase || status.health != self.status.health {
            let word = status.phase.clone().unwrap_or_else(|| Text::clean(status.health.name()));
            self.note(seen, Some(MomentKind::Phase(word)));
        }
        let kind = need.as_ref().map(|need| need.kind);
        if kind != self.need.as_ref().map(|need| need.kind) {
            self.note(seen, Some(MomentKind::Need(kind)));
        }
        self.group = need::group(&self.workload, &status, need.as_ref());
        (self.status, self.weight, self.position, self.need) = (status, weight, position, need);
    }

    /// What a new state of the object tells beside the status.
    fn note_change(&mut self, next: &Workload) {
        let (seen, before) = (next.seen_at, &self.workload);
        let changed = |old: Option<&PodHash>, new: Option<&PodHash>| {
            new.filter(|new| Some(*new) != old).cloned()
        };
        let wanted = changed(before.current_hash(), next.current_hash());
        let proven = changed(steps::stable_hash(before), steps::stable_hash(next));
        let hands = Arc::clone(&before.meta.hands);
        let took = proven.as_ref().and_then(|proven| self.wanted_at(proven));
        self.took = took.map(|since| age(since, seen)).or(self.took);
        self.note(seen, wanted.map(MomentKind::Wanted));
        self.note(seen, proven.map(MomentKind::Proven));
        self.note_hands(&next.meta.hands, &hands);
    }

    /// When we saw that this version became the wanted one.
    fn wanted_at(&self, hash: &PodHash) -> Option<Timestamp> {
        let is_it = |moment: &&Moment| matches!(&moment.what, MomentKind::Wanted(it) if it == hash);
        self.history.iter().rev().find(is_it).map(|moment| moment.at)
    }

    /// How long an update of it usually takes: as the last one, which we saw or the cluster still tells of.
    #[must_use]
    pub fn pace(&self) -> Option<Duration> {
        self.took.or_else(|| pace::last_update(&self.workload, self.detail.as_ref()))
    }

    /// Tools that wrote the object since it was known as `before`.
    fn note_hands(&mut self, now: &[Hand], before: &[Hand]) {
        for hand in now.iter().filter(|hand| !before.contains(hand)) {
            self.note(hand.at, Some(MomentKind::Touched(hand.manager.clone())));
        }
    }

    /// A need whose beginning the controller does not tell begins when we first saw it.
    fn keep_since(&self, need: &mut Option<Need>, now: Timestamp) {
        if let Some(need) = need
            && need.since.is_none()
        {
            let before = self.need.as_ref().filter(|before| before.kind == need.kind);
            need.since = before.and_then(|before| before.since).or(Some(now));
        }
    }

    fn note(&mut self, at: Timestamp, what: Option<MomentKind>) {
        let Some(what) = what else { return };
        if self.history.len() >= HISTORY_MAX {
            self.history.pop_front();
        }
        self.history.push_back(Moment { at, what });
    }
}
