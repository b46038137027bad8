//! Argo Rollouts' objects → facts. Pure and total; defaults are those of the controller (`reference/rollouts.md` §1.2).

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::fields::{Node, Reading};
use super::meta::Metadata;
use super::routers::{self, SplitOwner};
use super::rows::{self, Known};
use super::runs;
use crate::domain::ids::{ClusterName, Name, PodHash, WorkloadKind};
use crate::domain::observed::Timestamp;
use crate::domain::rollout::{
    BlueGreenSpec, CurrentRuns, Hashes, PauseCondition, Rollout, RolloutFlags, RolloutSpec,
    RolloutStatus, Selectors, Step, TrafficSpec, Weights, WorkloadSource,
};
use crate::domain::text::Text;
use crate::domain::workload::{Controller, ReplicaCounts, Strategy};

/// `scaleDownDelaySeconds` and `abortScaleDownDelaySeconds` unless said.
const SCALE_DOWN_DELAY: Duration = Duration::from_secs(30);

/// `progressDeadlineSeconds` unless said.
const PROGRESS_DEADLINE: Duration = Duration::from_mins(10);

/// A Rollout, without its ReplicaSets.
pub(super) fn rollout(
    object: &Value,
    cluster: &ClusterName,
    seen_at: Timestamp,
    mut reading: Reading<'_>,
) -> Known {
    let root = Node::root(object);
    let (spec, status) = (root.at("spec", "spec"), root.at("status", "status"));
    let metadata = Metadata::of(object);
    let _template = spec.at("template", "spec.template");
    let rollout = Rollout {
        spec: rollout_spec(spec, &metadata, &mut reading),
        status: rollout_status(status, &mut reading),
        routers: Arc::from([]),
    };
    let strategy = strategy(spec, &mut reading);
    let counts = replicas(spec, status, &mut reading);
    let controller = Controller::Argo(Box::new(rollout));
    let read = (WorkloadKind::Rollout, strategy, controller, counts);
    let mut known = rows::assemble(object, read, (cluster, seen_at), reading);
    let target = &known.workload.target;
    let own = SplitOwner { name: &target.name, namespace: &target.namespace };
    known.routers = routers::wanted(object, &own);
    known
}

fn strategy(spec: Node<'_>, reading: &mut Reading<'_>) -> Strategy {
    let strategy = spec.at("strategy", "spec.strategy");
    if strategy.raw("canary").is_object() {
        Strategy::Canary
    } else if strategy.raw("blueGreen").is_object() {
        Strategy::BlueGreen
    } else {
        reading.odd(spec, "strategy", "neither canary nor blueGreen");
        Strategy::Unknown
    }
}

/// Counters that are zero are left out by the controllers; a status that was never written says nothing.
pub(super) fn replicas(
    spec: Node<'_>,
    status: Node<'_>,
    reading: &mut Reading<'_>,
) -> ReplicaCounts {
    let written = status.raw("observedGeneration").as_i64().is_some()
        || status.raw("observedGeneration").is_string();
    let mut counter = |key| match reading.count(status, key) {
        None if written && !status.at(key, "").is_there() => Some(0),
        read => read,
    };
    ReplicaCounts {
        current: counter("replicas"),
        updated: counter("updatedReplicas"),
        ready: counter("readyReplicas"),
        available: counter("availableReplicas"),
        desired: desired(spec, reading),
    }
}

/// `spec.replicas`: one unless said.
pub(super) fn desired(spec: Node<'_>, reading: &mut Reading<'_>) -> Option<u32> {
    if spec.is_there() && !spec.at("replicas", "").is_there() {
        return Some(1);
    }
    reading.count(spec, "replicas")
}

fn rollout_spec(spec: Node<'_>, metadata: &Metadata<'_>, reading: &mut Reading<'_>) -> RolloutSpec {
    let strategy = spec.at("strategy", "spec.strategy");
    let canary = strategy.at("canary", "spec.strategy.canary");
    let blue_green = strategy.at("blueGreen", "spec.strategy.blueGreen");
    let traffic = traffic(canary, reading);
    let window = spec.at("rollbackWindow", "spec.rollbackWindow");
    let progress = reading.count(spec, "progressDeadlineSeconds");
    RolloutSpec {
        paused: reading.boolean(spec, "paused").unwrap_or_default(),
        steps: steps(canary, reading),
        traffic,
        blue_green: blue_green.is_there().then(|| blue_green_spec(blue_green, reading)),
        restart_at: reading.time(spec, "restartAt"),
        rollback_window: reading.count(window, "revisions"),
        workload_ref: workload_ref(spec, metadata, reading),
        background_analysis: canary.raw("analysis").is_object(),
        post_promotion_analysis: blue_green.raw("postPromotionAnalysis").is_object(),
        abort_scale_down_delay: abort_delay(canary, blue_green, traffic, reading),
        progress_deadline: progress.map_or(PROGRESS_DEADLINE, seconds),
    }
}

fn seconds(count: u32) -> Duration {
    Duration::from_secs(count.into())
}

fn traffic(canary: Node<'_>, reading: &mut Reading<'_>) -> TrafficSpec {
    let routing = canary.at("trafficRouting", "spec.strategy.canary.trafficRouting");
    TrafficSpec {
        routed: routing.value().is_object(),
        weight_max: reading
            .count(routing, "maxTrafficWeight")
            .filter(|max| *max > 0)
            .unwrap_or(100),
        dynamic_stable_scale: reading.boolean(canary, "dynamicStableScale").unwrap_or_default(),
    }
}

/// How long the new pods stay after an abort: 30 s unless said, 0 means for ever; those of a basic canary go at once,
/// and with `dynamicStableScale` only an explicit delay delays.
fn abort_delay(
    canary: Node<'_>,
    blue_green: Node<'_>,
    traffic: TrafficSpec,
    reading: &mut Reading<'_>,
) -> Option<Duration> {
    let holder = if blue_green.is_there() { blue_green } else { canary };
    let said = reading.count(holder, "abortScaleDownDelaySeconds");
    if canary.is_there() && !traffic.routed {
        return Some(Duration::ZERO);
    }
    match said {
        Some(0) | None if traffic.dynamic_stable_scale => Some(Duration::ZERO),
        Some(0) => None,
        Some(delay) => Some(seconds(delay)),
        None => Some(SCALE_DOWN_DELAY),
    }
}

fn blue_green_spec(node: Node<'_>, reading: &mut Reading<'_>) -> BlueGreenSpec {
    let delay = reading.count(node, "scaleDownDelaySeconds");
    let after = reading.count(node, "autoPromotionSeconds");
    BlueGreenSpec {
        active_service: reading.text(node, "activeService").map(Name::from_text),
        preview_service: reading.text(node, "previewService").map(Name::from_text),
        auto_promotion: reading.boolean(node, "autoPromotionEnabled").unwrap_or(true),
        auto_promotion_after: after.filter(|after| *after > 0).map(seconds),
        scale_down_delay: delay.map_or(SCALE_DOWN_DELAY, seconds),
    }
}

fn workload_ref(
    spec: Node<'_>,
    metadata: &Metadata<'_>,
    reading: &mut Reading<'_>,
) -> Option<WorkloadSource> {
    let node = spec.at("workloadRef", "spec.workloadRef");
    if !node.is_there() {
        return None;
    }
    let annotated = metadata.annotations.word("rollout.argoproj.io/workload-generation");
    Some(WorkloadSource {
        kind: reading.text_or_empty(node, "kind"),
        name: Name::from_text(reading.text_or_empty(node, "name")),
        generation: annotated.and_then(|raw| raw.parse().ok()),
    })
}

fn steps(canary: Node<'_>, reading: &mut Reading<'_>) -> Arc<[Step]> {
    let list = reading.list(canary, "steps");
    list.iter()
        .map(|value| step(Node::entry(value, "spec.strategy.canary.steps[]"), reading))
        .collect()
}

/// The key decides, as it does for the controller; the order is the controller's too.
fn step(node: Node<'_>, reading: &mut Reading<'_>) -> Step {
    let there = |key: &str| node.raw(key).is_object();
    if node.at("setWeight", "").is_there() {
        reading.count(node, "setWeight").map_or(Step::Unknown, Step::SetWeight)
    } else if there("pause") {
        pause(node, reading)
    } else if there("experiment") {
        Step::Experiment
    } else if there("analysis") {
        Step::Analysis(runs::template_names(node.at("analysis", "steps[].analysis"), reading))
    } else if there("setCanaryScale") {
        canary_scale(node.at("setCanaryScale", "steps[].setCanaryScale"), reading)
    } else if there("setHeaderRoute") {
        let route = node.at("setHeaderRoute", "steps[].setHeaderRoute");
        Step::SetHeaderRoute(reading.text_or_empty(route, "name"))
    } else if there("setMirrorRoute") {
        let route = node.at("setMirrorRoute", "steps[].setMirrorRoute");
        Step::SetMirrorRoute(reading.text_or_empty(route, "name"))
    } else if there("plugin") {
        let plugin = node.at("plugin", "steps[].plugin");
        Step::Plugin(reading.text_or_empty(plugin, "name"))
    } else {
        reading.odd(node, "", "a step of no kind that we know");
        Step::Unknown
    }
}

/// A pause whose duration cannot be read is unknown: calling it "until a human" would be a guess.
fn pause(node: Node<'_>, reading: &mut Reading<'_>) -> Step {
    let pause = node.at("pause", "steps[].pause");
    if !pause.at("duration", "").is_there() {
        return Step::Pause(None);
    }
    reading
        .duration(pause, "duration")
        .map_or(Step::Unknown, |duration| Step::Pause(Some(duration)))
}

fn canary_scale(node: Node<'_>, reading: &mut Reading<'_>) -> Step {
    let label = if let Some(weight) = reading.count(node, "weight") {
        format!("weight: {weight}")
    } else if let Some(replicas) = reading.count(node, "replicas") {
        format!("replicas: {replicas}")
    } else {
        let matches = reading.boolean(node, "matchTrafficWeight").unwrap_or_default();
        format!("matchTrafficWeight: {matches}")
    };
    Step::SetCanaryScale(reading.shared(&label))
}

fn rollout_status(status: Node<'_>, reading: &mut Reading<'_>) -> RolloutStatus {
    let canary = status.at("canary", "status.canary");
    let blue_green = status.at("blueGreen", "status.blueGreen");
    RolloutStatus {
        phase: reading.text(status, "phase"),
        message: reading.text(status, "message"),
        observed_generation: reading.text(status, "observedGeneration"),
        workload_observed_generation: reading.text(status, "workloadObservedGeneration"),
        hashes: Hashes {
            current: reading.text(status, "currentPodHash").map(PodHash::from_text),
            stable: reading.text(status, "stableRS").map(PodHash::from_text),
        },
        step_index: reading.count(status, "currentStepIndex"),
        pauses: pauses(status, reading),
        flags: RolloutFlags {
            controller_pause: reading.boolean(status, "controllerPause").unwrap_or_default(),
            abort: reading.boolean(status, "abort").unwrap_or_default(),
            aborted_at: reading.time(status, "abortedAt"),
            promote_full: reading.boolean(status, "promoteFull").unwrap_or_default(),
        },
        weights: weights(canary.at("weights", "status.canary.weights"), reading),
        selectors: Selectors {
            active: reading.text(blue_green, "activeSelector").map(PodHash::from_text),
            preview: reading.text(blue_green, "previewSelector").map(PodHash::from_text),
        },
        runs: CurrentRuns {
            step: runs::status(canary, "currentStepAnalysisRunStatus", reading),
            background: runs::status(canary, "currentBackgroundAnalysisRunStatus", reading),
            pre_promotion: runs::status(blue_green, "prePromotionAnalysisRunStatus", reading),
            post_promotion: runs::status(blue_green, "postPromotionAnalysisRunStatus", reading),
            experiment: reading
                .text(canary, "currentExperiment")
                .filter(|name| !name.is_empty())
                .map(Name::from_text),
        },
        restarted_at: reading.time(status, "restartedAt"),
    }
}

fn pauses(status: Node<'_>, reading: &mut Reading<'_>) -> Arc<[PauseCondition]> {
    let list = reading.list(status, "pauseConditions");
    list.iter()
        .map(|value| {
            let node = Node::entry(value, "status.pauseConditions[]");
            let reason: Text = reading.text_or_empty(node, "reason");
            PauseCondition { reason, since: reading.time(node, "startTime") }
        })
        .collect()
}

fn weights(node: Node<'_>, reading: &mut Reading<'_>) -> Option<Weights> {
    if !node.is_there() {
        return None;
    }
    let (canary, stable) = (
        node.at("canary", "status.canary.weights.canary"),
        node.at("stable", "status.canary.weights.stable"),
    );
    Some(Weights {
        canary: reading.count(canary, "weight")?,
        stable: reading.count(stable, "weight")?,
        verified: reading.boolean(node, "verified"),
    })
}
