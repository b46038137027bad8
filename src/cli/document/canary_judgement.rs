//! `CanaryJudgement`: the document of `judge --style kayenta`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::fleet::API_VERSION;

/// The document of `judge --style kayenta`: what Kayenta's judge answers, and our own two fields.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CanaryJudgement {
    /// `pilothouse.dev/v1`.
    pub api_version: String,
    /// `CanaryJudgement`.
    pub kind: String,
    /// One entry per pair, in the order of the file.
    pub results: Vec<MetricResult>,
    /// One entry per group of metrics that are scored.
    pub group_scores: Vec<GroupResult>,
    /// All together.
    pub score: ScoreResult,
}

/// One pair.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricResult {
    /// The metric's name.
    pub name: String,
    /// The pair's id; null when it has none.
    pub id: Option<String>,
    /// The pair's tags.
    pub tags: BTreeMap<String, String>,
    /// `Pass`, `High`, `Low`, `Nodata`, `NodataFailMetric` or `Error`.
    pub classification: String,
    /// Why; null where the comparison itself says it.
    pub classification_reason: Option<String>,
    /// The groups that it is scored in.
    pub groups: Vec<String>,
    /// True when it fails everything.
    pub critical: bool,
    /// The canary's points, as compared.
    pub experiment_metadata: Metadata,
    /// Stable's.
    pub control_metadata: Metadata,
    /// How they differ.
    pub result_metadata: Difference,
}

/// What is told of the points of a side.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Metadata {
    /// Of the points that were compared.
    pub stats: Stats,
}

/// Statistics of a side; null of no points.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Stats {
    /// How many.
    pub count: usize,
    /// Their mean.
    pub mean: Option<f64>,
    /// The smallest.
    pub min: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

/// How two sides differ.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Difference {
    /// Mean of the canary over mean of stable; null where either is 0 or there is none.
    pub ratio: Option<f64>,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupResult {
    /// Its name.
    pub name: String,
    /// 0 to 100, as Kayenta has it: 0 where no metric of it has data, which the sum counts as 100.
    pub score: f64,
    /// True where no metric of it has data.
    pub no_data: bool,
}

/// All together.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScoreResult {
    /// 0 to 100.
    pub score: f64,
    /// `Pass`, `Marginal` or `Fail`.
    pub classification: String,
    /// Why, in words.
    pub classification_reason: String,
}

impl CanaryJudgement {
    /// The document of these.
    #[must_use]
    pub fn of(
        results: Vec<MetricResult>,
        group_scores: Vec<GroupResult>,
        score: ScoreResult,
    ) -> Self {
        let kind = "CanaryJudgement".to_owned();
        Self { api_version: API_VERSION.to_owned(), kind, results, group_scores, score }
    }
}
