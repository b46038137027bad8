//! What an Experiment that stands alone says of itself, in documents.

use schemars::JsonSchema;
use serde::Serialize;

use super::rollout::{Analysis, run_metrics, words};
use crate::app::fleet::Row;
use crate::domain::experiment::{self, ExperimentAnalysis, ExperimentTemplate};
use crate::domain::observed::Timestamp;

/// An Experiment.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Experiment {
    /// How long it runs once all its pods are available; null: until its analyses decide, or somebody ends it.
    pub duration_seconds: Option<u64>,
    /// Since when all its pods were available.
    #[schemars(with = "Option<String>")]
    pub available_at: Option<Timestamp>,
    /// When it ends by itself; null where that is not known, or it is over.
    #[schemars(with = "Option<String>")]
    pub ends_at: Option<Timestamp>,
    /// Its end was asked for.
    pub terminate: bool,
    /// Its versions.
    pub templates: Vec<Template>,
    /// Its analyses that must be over before it is, by their names in the spec.
    pub required: Vec<String>,
}

/// A version of an Experiment.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// `Progressing`, `Running`, `Successful`, `Failed` or `Error`; null: not said yet.
    pub status: Option<String>,
    /// The controller's sentence.
    pub message: Option<String>,
    /// The first image of its pods.
    pub image: Option<String>,
    /// Pods that it wants.
    pub desired: Option<u32>,
    /// Pods that are available.
    pub available: Option<u32>,
    /// The hash of its pods.
    pub hash: Option<String>,
}

impl Experiment {
    /// The document of one Experiment.
    #[must_use]
    pub fn of(experiment: &experiment::Experiment) -> Self {
        let required = experiment.analyses.iter().filter(|analysis| analysis.required);
        Self {
            duration_seconds: experiment.duration.map(|duration| duration.as_secs()),
            available_at: experiment.available_at,
            ends_at: experiment.ends_at(),
            terminate: experiment.terminate,
            templates: experiment.templates.iter().map(template).collect(),
            required: required.map(|analysis| analysis.name.to_string()).collect(),
        }
    }
}

fn template(template: &ExperimentTemplate) -> Template {
    Template {
        name: template.name.to_string(),
        status: words(template.status.as_ref()),
        message: words(template.message.as_ref()),
        image: words(template.image.as_ref()),
        desired: template.desired,
        available: template.available,
        hash: template.hash.as_ref().map(ToString::to_string),
    }
}

/// The analyses of an Experiment, with the metrics of those that were read.
pub(super) fn analyses(row: &Row, experiment: &experiment::Experiment) -> Vec<Analysis> {
    let of = |analysis: &ExperimentAnalysis| {
        let mut read = row.detail.iter().flat_map(|detail| detail.runs.iter());
        let run = read.find(|run| Some(&run.name) == analysis.run.as_ref());
        Analysis {
            name: analysis.run.as_ref().unwrap_or(&analysis.name).to_string(),
            phase: analysis.phase.name().to_owned(),
            message: words(analysis.message.as_ref()),
            metrics: run.map_or_else(Vec::new, run_metrics),
        }
    };
    experiment.analyses.iter().map(of).collect()
}
