//! `RolloutStatus`: one release as `get`, `status` and `watch` print it.

use schemars::JsonSchema;
use serde::Serialize;

use super::bounds::Bounds;
use super::experiment::{self, Experiment};
use super::owner::Owner;
use super::verdict::Verdict;
use crate::analysis::router_weight;
use crate::analysis::steps;
use crate::app::fleet::Row;
use crate::app::state::State;
use crate::control::action::Action;
use crate::control::plan::possible;
use crate::domain::detail::{AnalysisRun, RunMetric};
use crate::domain::metric::MetricPair;
use crate::domain::observed::{Timestamp, age};
use crate::domain::rollout::RunStatus;
use crate::domain::text::Text;
use crate::domain::workload::{self, ReplicaSet, Strategy};

/// One release.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutStatus {
    /// The context of the kubeconfig; for `explain` the file or folder.
    pub cluster: String,
    /// Its namespace.
    pub namespace: String,
    /// The object's kind: that of a workload; for `explain` also that of a part (`ReplicaSet`, `AnalysisRun`,
    /// `Application` …).
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its identity: a re-created object has another one.
    pub uid: String,
    /// The version of the object that this document tells of.
    pub resource_version: String,
    /// How often its spec was changed.
    pub generation: i64,
    /// `canary`, `blueGreen`, `rollingUpdate`, `recreate` or `onDelete`; null when the spec names none that is known.
    pub strategy: Option<String>,
    /// The controller's own word; null where it has none.
    pub phase: Option<String>,
    /// The sentence behind it, as the controller's own tools word it; null where there is none.
    pub message: Option<String>,
    /// `Healthy`, `Progressing`, `Suspended`, `Degraded`, `Missing` or `Unknown`, as Argo CD decides them.
    pub health: String,
    /// Why a human is needed; null when none is.
    pub need: Option<Need>,
    /// Where a canary stands; null without steps.
    pub step: Option<Step>,
    /// The canary's share of the traffic.
    pub weight: Weight,
    /// Its pods.
    pub replicas: Replicas,
    /// The proven version.
    pub stable: Option<Version>,
    /// The new version, while it is not proven.
    pub canary: Option<Version>,
    /// Its analyses, as far as they are known.
    pub analysis: Vec<Analysis>,
    /// Canary and stable measured.
    pub metrics: Vec<Metric>,
    /// Whether the canary is worse than stable; null where nothing is measured.
    pub verdict: Option<Verdict>,
    /// Who else manages it and may undo what we do; null when no sign of one was seen.
    pub owner: Option<Owner>,
    /// What bounds the number of its pods; null where its parts are not followed.
    pub bounds: Option<Bounds>,
    /// What an Experiment says of itself; null for everything else.
    pub experiment: Option<Experiment>,
    /// What can be done now, and why not.
    pub actions: Vec<ActionStatus>,
    /// When this state of the object reached us.
    #[schemars(with = "String")]
    pub observed_at: Timestamp,
    /// Seconds since the source last proved this current; null: never.
    pub age_seconds: Option<u64>,
}

/// Why a human is needed.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Need {
    /// `failing`, `approval`, `stuck`, `degraded`, `inconclusive` or `notAborted`.
    pub kind: String,
    /// In words.
    pub why: String,
    /// Since when; null where nobody tells.
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
}

/// Where a canary stands.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// `status.currentStepIndex`, from 0; equal to `count` when done.
    pub index: u32,
    /// How many steps there are.
    pub count: u32,
    /// The step's label; null when done.
    pub what: Option<String>,
    /// Since when it waits there.
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// When it goes on by itself.
    #[schemars(with = "Option<String>")]
    pub ends_at: Option<Timestamp>,
}

/// The canary's share of the traffic, per cent.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Weight {
    /// What the steps ask for; null for other strategies.
    pub desired: Option<u32>,
    /// What is so; null for other strategies.
    pub actual: Option<u32>,
    /// By whose word `actual` is told: the object that carries the traffic (`Ingress api-api-canary`), `status`, `pods` or
    /// `steps`; null where nothing is on its way.
    pub source: Option<String>,
    /// Where the route and the controller disagree, weights are odd or an object cannot be read; null where there is
    /// nothing to say.
    pub note: Option<String>,
}

/// Numbers of pods; null where the object says nothing.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Replicas {
    /// Wanted.
    pub desired: Option<u32>,
    /// Existing.
    pub current: Option<u32>,
    /// Of the wanted version.
    pub updated: Option<u32>,
    /// Ready.
    pub ready: Option<u32>,
    /// Ready for `minReadySeconds`.
    pub available: Option<u32>,
}

/// One version.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Version {
    /// Its revision.
    pub revision: Option<u64>,
    /// The hash of its pod template.
    pub hash: Option<String>,
    /// Its containers' images.
    pub images: Vec<Image>,
}

/// A container's image.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Image {
    /// The container.
    pub container: String,
    /// Registry, repository and tag.
    pub image: String,
    /// The digest, where the template names one.
    pub digest: Option<String>,
}

/// An analysis.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Analysis {
    /// The AnalysisRun.
    pub name: String,
    /// Its phase.
    pub phase: String,
    /// The controller's message.
    pub message: Option<String>,
    /// Its metrics; empty while the run itself was not read.
    pub metrics: Vec<AnalysisMetric>,
}

/// A metric of an analysis.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct AnalysisMetric {
    /// Its name.
    pub name: String,
    /// Its phase.
    pub phase: String,
    /// The controller's message.
    pub message: Option<String>,
    /// The last measured value, as the controller wrote it.
    pub value: Option<String>,
    /// Measurements that passed.
    pub successful: u32,
    /// That failed.
    pub failed: u32,
    /// That decided nothing.
    pub inconclusive: u32,
    /// That could not be taken.
    pub error: u32,
}

/// Canary and stable measured. A null is no zero: there was no number.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Metric {
    /// `error_ratio`, `latency_p99` or `request_rate`.
    pub name: String,
    /// The canary's value.
    pub canary: Option<f64>,
    /// Stable's.
    pub stable: Option<f64>,
    /// `ratio`, `seconds` or `requests/s`.
    pub unit: String,
    /// Where it came from.
    pub source: String,
    /// When it reached us.
    #[schemars(with = "String")]
    pub at: Timestamp,
}

/// Whether a deed is possible.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ActionStatus {
    /// The deed.
    pub action: String,
    /// Whether the state of the workload allows it.
    pub possible: bool,
    /// Why not; null when it does.
    pub why: Option<String>,
}

impl RolloutStatus {
    /// The document of one row.
    #[must_use]
    pub fn of(state: &State, row: &Row) -> Self {
        let workload = &row.workload;
        let target = &workload.target;
        let proof = state.sources().kubernetes(&target.cluster).and_then(|source| source.proof);
        Self {
            cluster: target.cluster.to_string(),
            namespace: target.namespace.to_string(),
            kind: target.kind.name().to_owned(),
            name: target.name.to_string(),
            uid: workload.meta.uid.to_string(),
            resource_version: workload.meta.resource_version.to_string(),
            generation: workload.meta.generation.0,
            strategy: strategy(workload.strategy).map(str::to_owned),
            phase: words(row.status.phase.as_ref()),
            message: words(row.status.message.as_ref()),
            health: row.status.health.name().to_owned(),
            need: row.need.as_ref().map(|need| Need {
                kind: need.kind.name().to_owned(),
                why: need.why.to_string(),
                since: need.since,
            }),
            step: row.position.as_ref().map(step),
            weight: weight(state, row),
            replicas: replicas(workload.replicas),
            stable: steps::stable(workload).map(version),
            canary: steps::canary(workload).map(version),
            analysis: analysis(row),
            metrics: metrics(row),
            verdict: Verdict::of(row, state.now()),
            owner: workload.owner.as_ref().map(|owner| Owner::of(owner, target)),
            bounds: row.detail.as_ref().map(|detail| Bounds::of(&detail.bounds)),
            experiment: workload.experiment().map(Experiment::of),
            actions: actions(workload),
            observed_at: workload.seen_at,
            age_seconds: proof.map(|at| age(at, state.now()).as_secs()),
        }
    }
}

fn weight(state: &State, row: &Row) -> Weight {
    let notes = router_weight::notes(&row.workload, state.now());
    let notes: Vec<&str> = notes.iter().map(|note| note.words().as_str()).collect();
    Weight {
        desired: row.weight.desired,
        actual: row.weight.actual,
        source: words(router_weight::source(&row.workload).as_ref()),
        note: (!notes.is_empty()).then(|| notes.join("; ")),
    }
}

pub(super) fn words(text: Option<&Text>) -> Option<String> {
    text.map(Text::to_string)
}

/// The strategy's name on the wire.
#[must_use]
pub const fn strategy(strategy: Strategy) -> Option<&'static str> {
    match strategy {
        Strategy::Canary => Some("canary"),
        Strategy::BlueGreen => Some("blueGreen"),
        Strategy::RollingUpdate => Some("rollingUpdate"),
        Strategy::Recreate => Some("recreate"),
        Strategy::Custom => Some("custom"),
        Strategy::OnDelete => Some("onDelete"),
        Strategy::AbTest => Some("abTest"),
        Strategy::Unknown => None,
    }
}

fn step(position: &steps::Position) -> Step {
    Step {
        index: position.index,
        count: position.count,
        what: words(position.what.as_ref()),
        since: position.since,
        ends_at: position.ends_at,
    }
}

pub(super) const fn replicas(counts: workload::ReplicaCounts) -> Replicas {
    Replicas {
        desired: counts.desired,
        current: counts.current,
        updated: counts.updated,
        ready: counts.ready,
        available: counts.available,
    }
}

pub(super) fn version(set: &ReplicaSet) -> Version {
    let image = |image: &workload::Image| Image {
        container: image.container.to_string(),
        image: image.image.to_string(),
        digest: words(image.digest.as_ref()),
    };
    Version {
        revision: set.revision.map(|revision| revision.0),
        hash: set.hash.as_ref().map(ToString::to_string),
        images: set.images.iter().map(image).collect(),
    }
}

/// The runs that the Rollout's status names, with the metrics of those that were read.
fn analysis(row: &Row) -> Vec<Analysis> {
    if let Some(facts) = row.workload.experiment() {
        return experiment::analyses(row, facts);
    }
    let Some(rollout) = row.workload.rollout() else { return vec![] };
    let runs = &rollout.status.runs;
    let named = [&runs.step, &runs.background, &runs.pre_promotion, &runs.post_promotion];
    let of = |run: &RunStatus| {
        let mut read = row.detail.iter().flat_map(|detail| detail.runs.iter());
        let metrics = read.find(|found| found.name == run.name).map_or_else(Vec::new, run_metrics);
        Analysis {
            name: run.name.to_string(),
            phase: run.phase.name().to_owned(),
            message: words(run.message.as_ref()),
            metrics,
        }
    };
    named.into_iter().flatten().map(of).collect()
}

pub(super) fn run_metrics(run: &AnalysisRun) -> Vec<AnalysisMetric> {
    let of = |metric: &RunMetric| AnalysisMetric {
        name: metric.name.to_string(),
        phase: metric.phase.name().to_owned(),
        message: words(metric.message.as_ref()),
        value: metric.measurements.last().and_then(|last| words(last.value.as_ref())),
        successful: metric.tally.successful,
        failed: metric.tally.failed,
        inconclusive: metric.tally.inconclusive,
        error: metric.tally.error,
    };
    run.metrics.iter().map(of).collect()
}

fn metrics(row: &Row) -> Vec<Metric> {
    let Some(comparison) = &row.metrics.comparison else { return vec![] };
    let of = |pair: &MetricPair| Metric {
        name: pair.kind.name().to_owned(),
        canary: pair.canary.as_ref().ok().map(|value| value.get()),
        stable: pair.stable.as_ref().ok().map(|value| value.get()),
        unit: pair.kind.unit().to_owned(),
        source: comparison.value.source.to_string(),
        at: comparison.at,
    };
    comparison.value.pairs.iter().map(of).collect()
}

fn actions(workload: &workload::Workload) -> Vec<ActionStatus> {
    let of = |action: Action| {
        let answer = possible(action, workload);
        ActionStatus {
            action: action.name().to_owned(),
            possible: answer.is_ok(),
            why: answer.err().map(|why| why.to_string()),
        }
    };
    Action::ALL.into_iter().map(of).collect()
}
