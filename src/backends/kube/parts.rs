//! ReplicaSets, analyses, experiments and the objects of Argo CD, Flux and Kargo → parts. Pure and total
//! (`reference/rollouts.md` §1.6, §4).

use std::sync::Arc;

use serde_json::Value;

use super::fields::{Node, Reading};
use super::meta::{self, Metadata};
use super::{native, owner, runs};
use crate::domain::ids::{ClusterName, Generation};
use crate::domain::observed::Timestamp;
use crate::domain::part::{
    Application, Flux, Freight, Part, PartFacts, PartKind, PartRef, Promotion, Stage,
};
use crate::domain::rollout::RunPhase;
use crate::domain::text::Text;

/// More issues or stages than this are no longer read by a person.
const NAMES_MAX: usize = 32;

/// A part of this kind.
pub(super) fn part(
    kind: PartKind,
    object: &Value,
    (cluster, seen_at): (&ClusterName, Timestamp),
    mut reading: Reading<'_>,
) -> Part {
    let root = Node::root(object);
    let (spec, status) = (root.at("spec", "spec"), root.at("status", "status"));
    let metadata = Metadata::of(object);
    let target = PartRef {
        cluster: cluster.clone(),
        namespace: metadata.namespace(&mut reading),
        kind,
        name: metadata.name(&mut reading),
    };
    let facts = match kind {
        PartKind::ReplicaSet => PartFacts::ReplicaSet(Box::new(native::set(object, &mut reading))),
        PartKind::AnalysisRun => PartFacts::AnalysisRun(Box::new(runs::run(object, &mut reading))),
        PartKind::Experiment => {
            let phase = status.word("phase").filter(|phase| !phase.is_empty());
            let message = reading.text(status, "message");
            PartFacts::Experiment(phase.map(RunPhase::parse), message)
        }
        PartKind::Application => {
            PartFacts::Application(Box::new(application(status, &mut reading)))
        }
        PartKind::Kustomization | PartKind::HelmRelease => {
            let suspend = reading.boolean(spec, "suspend").unwrap_or_default();
            PartFacts::Flux(Flux { suspend })
        }
        PartKind::Stage => PartFacts::Stage(Box::new(stage(status, &mut reading))),
        PartKind::Promotion => {
            PartFacts::Promotion(Box::new(promotion(spec, status, &mut reading)))
        }
        PartKind::Freight => PartFacts::Freight(freight(status, &mut reading)),
    };
    Part {
        target,
        meta: metadata.read(&mut reading),
        observed: reading.whole(status, "observedGeneration").map(Generation),
        facts,
        conditions: meta::conditions(status, &mut reading),
        owner: owner::owner(object, &mut reading),
        oddities: reading.oddities(),
        seen_at,
    }
}

fn application(status: Node<'_>, reading: &mut Reading<'_>) -> Application {
    let health = status.at("health", "status.health");
    let sync = status.at("sync", "status.sync");
    let operation = status.at("operationState", "status.operationState");
    let phase = reading.text(operation, "phase");
    Application {
        health: reading.text(health, "status"),
        message: reading.text(health, "message"),
        sync: reading.text(sync, "status"),
        operation: phase.map(|phase| (phase, reading.text(operation, "message"))),
    }
}

fn stage(status: Node<'_>, reading: &mut Reading<'_>) -> Stage {
    let health = status.at("health", "status.health");
    let issues = reading.list(health, "issues");
    let issues = issues.iter().filter_map(Value::as_str).take(NAMES_MAX);
    let issues: Arc<[Text]> = issues.map(|issue| reading.shared(issue)).collect();
    let promotion = status.at("currentPromotion", "status.currentPromotion");
    let window = status.at("promotionWindowStatus", "status.promotionWindowStatus");
    let is_closed = reading.boolean(window, "closed").unwrap_or_default();
    Stage {
        health: reading.text(health, "status"),
        issues,
        promotion: reading.text(promotion, "name"),
        closed: is_closed.then(|| reading.text_or_empty(window, "reason")),
    }
}

fn promotion(spec: Node<'_>, status: Node<'_>, reading: &mut Reading<'_>) -> Promotion {
    let count = u32::try_from(reading.list(spec, "steps").len()).unwrap_or(u32::MAX);
    let step = reading.count(status, "currentStep");
    Promotion {
        phase: reading.text(status, "phase"),
        message: reading.text(status, "message"),
        stage: reading.text_or_empty(spec, "stage"),
        step: step.filter(|_| count > 0).map(|step| (step, count)),
    }
}

fn freight(status: Node<'_>, reading: &mut Reading<'_>) -> Freight {
    let mut stages = |key: &str| {
        let stages = status.raw(key).as_object();
        let names = stages.into_iter().flat_map(serde_json::Map::keys).take(NAMES_MAX);
        names.map(|name| reading.shared(name)).collect()
    };
    Freight {
        currently_in: stages("currentlyIn"),
        verified_in: stages("verifiedIn"),
        approved_for: stages("approvedFor"),
    }
}
