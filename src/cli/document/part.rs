//! A part of a release as a `RolloutStatus`: what it does not have is null.

use super::owner::Owner;
use super::rollout::{
    Analysis, Replicas, RolloutStatus, Version, Weight, replicas, run_metrics, version, words,
};
use crate::analysis::part_status;
use crate::domain::detail::AnalysisRun;
use crate::domain::part::{Part, PartFacts};
use crate::domain::workload::ReplicaCounts;

impl RolloutStatus {
    /// The document of a part, as it stands in a file.
    #[must_use]
    pub fn of_part(part: &Part) -> Self {
        let status = part_status::status(part);
        let (counts, stable, analysis) = numbers(part);
        Self {
            cluster: part.target.cluster.to_string(),
            namespace: part.target.namespace.to_string(),
            kind: part.target.kind.name().to_owned(),
            name: part.target.name.to_string(),
            uid: part.meta.uid.to_string(),
            resource_version: part.meta.resource_version.to_string(),
            generation: part.meta.generation.0,
            strategy: None,
            phase: words(status.phase.as_ref()),
            message: words(status.message.as_ref()),
            health: status.health.name().to_owned(),
            need: None,
            step: None,
            weight: Weight { desired: None, actual: None, source: None, note: None },
            replicas: counts,
            stable,
            canary: None,
            analysis,
            metrics: vec![],
            verdict: None,
            owner: part.owner.as_ref().map(Owner::named),
            bounds: None,
            experiment: None,
            actions: vec![],
            observed_at: part.seen_at,
            age_seconds: None,
        }
    }

    /// Says that nothing can be told, and why.
    pub fn say_unknown(&mut self, why: &str) {
        "Unknown".clone_into(&mut self.health);
        self.message = Some(why.to_owned());
        self.phase = None;
        self.need = None;
    }
}

/// Pods and version of a ReplicaSet, the metrics of an analysis.
fn numbers(part: &Part) -> (Replicas, Option<Version>, Vec<Analysis>) {
    let none = replicas(ReplicaCounts::default());
    match &part.facts {
        PartFacts::ReplicaSet(set) => (replicas(set.replicas), Some(version(set)), vec![]),
        PartFacts::AnalysisRun(run) => (none, None, vec![analysis(run)]),
        PartFacts::Experiment(..)
        | PartFacts::Application(_)
        | PartFacts::Flux(_)
        | PartFacts::Repository(_)
        | PartFacts::Stage(_)
        | PartFacts::Promotion(_)
        | PartFacts::Freight(_) => (none, None, vec![]),
    }
}

fn analysis(run: &AnalysisRun) -> Analysis {
    Analysis {
        name: run.name.to_string(),
        phase: run.phase.name().to_owned(),
        message: words(run.message.as_ref()),
        metrics: run_metrics(run),
    }
}
