//! ReplicaSets, analyses, experiments and the objects of Argo CD, Flux and Kargo → parts. Pure and total
//! (`reference/rollouts.md` §1.6, §4).

use serde_json::Value;

use super::fields::{Node, Reading};
use super::meta::{self, Metadata};
use super::{native, owner, owner_objects, runs};
use crate::domain::ids::{ClusterName, Generation};
use crate::domain::observed::Timestamp;
use crate::domain::part::{Freight, Part, PartFacts, PartKind, PartRef, Promotion};
use crate::domain::rollout::RunPhase;

/// More issues or stages than this are no longer read by a person.
pub(super) const NAMES_MAX: usize = 32;

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
            PartFacts::Application(Box::new(owner_objects::application(object, &mut reading)))
        }
        PartKind::Kustomization => {
            PartFacts::Flux(Box::new(owner_objects::kustomization(object, &mut reading)))
        }
        PartKind::HelmRelease => {
            PartFacts::Flux(Box::new(owner_objects::helm_release(object, &mut reading)))
        }
        PartKind::GitRepository => {
            PartFacts::Repository(Box::new(owner_objects::repository(object, &mut reading)))
        }
        PartKind::Stage => PartFacts::Stage(Box::new(owner_objects::stage(object, &mut reading))),
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
