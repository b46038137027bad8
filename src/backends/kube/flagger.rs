//! Flagger's Canary → facts. Pure and total; defaults are those of Flagger (`reference/rollouts.md` §2.2).

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::fields::{Node, Reading};
use super::meta::Metadata;
use super::rows::{self, Known};
use crate::domain::flagger::{
    Analysis, Check, Flagger, FlaggerSpec, FlaggerStatus, Phase, Target, TargetSeen, Webhook,
    WebhookKind,
};
use crate::domain::ids::{ClusterName, Name, WorkloadKind, WorkloadRef};
use crate::domain::observed::Timestamp;
use crate::domain::workload::{Controller, ReplicaCounts, Strategy, Workload};

/// `spec.analysis.interval` unless said; and the least that Flagger keeps.
const INTERVAL: Duration = Duration::from_mins(1);
const INTERVAL_MIN: Duration = Duration::from_secs(10);

/// `spec.progressDeadlineSeconds` unless said.
const PROGRESS_DEADLINE: Duration = Duration::from_mins(10);

/// All of the traffic.
const WEIGHT_MAX: u32 = 100;

/// Most weights of a ladder: one for each per cent.
const WEIGHTS_MAX: usize = 100;

/// A Canary, without the Deployments it releases.
pub(super) fn canary(
    object: &Value,
    cluster: &ClusterName,
    seen_at: Timestamp,
    mut reading: Reading<'_>,
) -> Known {
    let root = Node::root(object);
    let (spec, status) = (root.at("spec", "spec"), root.at("status", "status"));
    let _metadata = Metadata::of(object);
    let flagger = Flagger {
        spec: flagger_spec(spec, &mut reading),
        status: flagger_status(status, &mut reading),
        candidate: None,
        primary: None,
        route: None,
        target: TargetSeen::NotLookedFor,
    };
    let strategy = strategy(&flagger.spec.analysis);
    let counts = ReplicaCounts::default();
    let controller = Controller::Flagger(Box::new(flagger));
    let read = (WorkloadKind::Canary, strategy, controller, counts);
    rows::assemble(object, read, (cluster, seen_at), reading)
}

/// Whether what it releases was found, of what was looked for.
pub(super) const fn seen(looked_for: &[WorkloadRef], target: Option<&Workload>) -> TargetSeen {
    match (looked_for, target) {
        ([], _) => TargetSeen::NotLookedFor,
        (_, Some(_)) => TargetSeen::Yes,
        (_, None) => TargetSeen::No,
    }
}

/// `match` with iterations is an A/B test, iterations alone a blue-green, anything else a canary.
fn strategy(analysis: &Analysis) -> Strategy {
    match (analysis.iterations, analysis.matches) {
        (Some(_), true) => Strategy::AbTest,
        (Some(_), false) => Strategy::BlueGreen,
        (None, _) => Strategy::Canary,
    }
}

fn flagger_spec(spec: Node<'_>, reading: &mut Reading<'_>) -> FlaggerSpec {
    let target = spec.at("targetRef", "spec.targetRef");
    let service = spec.at("service", "spec.service");
    let target = named(target, reading);
    let scaler = spec.at("autoscalerRef", "spec.autoscalerRef");
    let autoscaler = scaler.is_there().then(|| named(scaler, reading));
    if target.name.as_str().is_empty() {
        reading.odd(spec, "targetRef", "names no target");
    }
    let deadline = reading.count(spec, "progressDeadlineSeconds");
    let called = reading.text(service, "name").filter(|name| !name.is_empty());
    FlaggerSpec {
        provider: reading.text(spec, "provider").filter(|provider| !provider.is_empty()),
        service: called.map_or_else(|| target.name.clone(), Name::from_text),
        target,
        autoscaler,
        suspend: reading.boolean(spec, "suspend").unwrap_or_default(),
        skip_analysis: reading.boolean(spec, "skipAnalysis").unwrap_or_default(),
        analysis: analysis(spec, reading),
        progress_deadline: deadline
            .map_or(PROGRESS_DEADLINE, |seconds| Duration::from_secs(seconds.into())),
    }
}

fn named(node: Node<'_>, reading: &mut Reading<'_>) -> Target {
    Target {
        kind: reading.text_or_empty(node, "kind"),
        name: Name::from_text(reading.text_or_empty(node, "name")),
    }
}

/// `spec.analysis`, which was once called `canaryAnalysis`.
fn analysis(spec: Node<'_>, reading: &mut Reading<'_>) -> Analysis {
    let new = spec.at("analysis", "spec.analysis");
    let node = if new.is_there() { new } else { spec.at("canaryAnalysis", "spec.canaryAnalysis") };
    let interval = reading.duration(node, "interval").unwrap_or(INTERVAL).max(INTERVAL_MIN);
    let iterations = reading.count(node, "iterations").filter(|count| *count > 0);
    let matches = node.raw("match").as_array().is_some_and(|list| !list.is_empty());
    Analysis {
        interval,
        threshold: reading.count(node, "threshold").filter(|count| *count > 0).unwrap_or(1),
        weights: if iterations.is_some() { Arc::from([]) } else { weights(node, reading) },
        iterations,
        mirror: reading.boolean(node, "mirror").unwrap_or_default(),
        matches,
        metrics: checks(node, reading),
        webhooks: webhooks(node, reading),
    }
}

/// The ladder: `stepWeights`, or steps of `stepWeight` up to `maxWeight`.
fn weights(node: Node<'_>, reading: &mut Reading<'_>) -> Arc<[u32]> {
    let listed = reading.list(node, "stepWeights");
    if !listed.is_empty() {
        let weights = listed.iter().filter_map(Value::as_u64);
        let weights: Arc<[u32]> =
            weights.filter_map(|it| u32::try_from(it).ok()).take(WEIGHTS_MAX).collect();
        if weights.len() != listed.len() {
            reading.odd(node, "stepWeights", "holds what is no weight");
        }
        if !weights.is_sorted_by(|one, next| one < next) {
            reading.odd(node, "stepWeights", "does not grow from step to step");
        }
        if weights.last().is_some_and(|last| *last > WEIGHT_MAX) {
            reading.odd(node, "stepWeights", "goes beyond 100");
        }
        return weights;
    }
    let most = reading.count(node, "maxWeight").filter(|most| *most > 0).unwrap_or(WEIGHT_MAX);
    if most > WEIGHT_MAX {
        reading.odd(node, "maxWeight", "is more than 100");
    }
    let Some(step) = reading.count(node, "stepWeight").filter(|step| *step > 0) else {
        return Arc::from([]);
    };
    let count = usize::try_from(most.div_ceil(step)).unwrap_or(WEIGHTS_MAX).min(WEIGHTS_MAX);
    (1..).map(|index: u32| index.saturating_mul(step).min(most)).take(count).collect()
}

fn checks(node: Node<'_>, reading: &mut Reading<'_>) -> Arc<[Check]> {
    let metrics = reading.list(node, "metrics");
    metrics
        .iter()
        .map(|metric| {
            let metric = Node::entry(metric, "spec.analysis.metrics[]");
            let range = metric.at("thresholdRange", "spec.analysis.metrics[].thresholdRange");
            let limit = |key: &str| range.raw(key).as_f64().filter(|limit| limit.is_finite());
            let name = reading.text_or_empty(metric, "name");
            // The deprecated `threshold` is a least value.
            let least = limit("min").or_else(|| metric.raw("threshold").as_f64());
            Check { name, range: (least, limit("max")) }
        })
        .collect()
}

fn webhooks(node: Node<'_>, reading: &mut Reading<'_>) -> Arc<[Webhook]> {
    let hooks = reading.list(node, "webhooks");
    hooks
        .iter()
        .map(|hook| {
            let hook = Node::entry(hook, "spec.analysis.webhooks[]");
            let kind = match hook.word("type") {
                None | Some("" | "rollout") => WebhookKind::Rollout,
                Some("confirm-rollout") => WebhookKind::ConfirmRollout,
                Some("pre-rollout") => WebhookKind::PreRollout,
                Some("confirm-traffic-increase") => WebhookKind::ConfirmTrafficIncrease,
                Some("confirm-promotion") => WebhookKind::ConfirmPromotion,
                Some("post-rollout") => WebhookKind::PostRollout,
                Some("rollback") => WebhookKind::Rollback,
                Some("event") => WebhookKind::Event,
                Some(_) => WebhookKind::Unknown,
            };
            Webhook {
                name: reading.text_or_empty(hook, "name"),
                kind,
                url: reading.text_or_empty(hook, "url"),
            }
        })
        .collect()
}

fn flagger_status(status: Node<'_>, reading: &mut Reading<'_>) -> FlaggerStatus {
    let phase = status.word("phase").map_or(Phase::Unknown, Phase::parse);
    if phase == Phase::Unknown && status.word("phase").is_some_and(|word| !word.is_empty()) {
        reading.odd(status, "phase", "a phase that we do not know");
    }
    FlaggerStatus {
        phase,
        failed_checks: reading.count(status, "failedChecks").unwrap_or(0),
        weight: reading.count(status, "canaryWeight").unwrap_or(0),
        iterations: reading.whole(status, "iterations").unwrap_or(0),
        last_transition: reading.time(status, "lastTransitionTime"),
        applied: reading.text(status, "lastAppliedSpec"),
        promoted: reading.text(status, "lastPromotedSpec"),
    }
}
