//! All metrics: scores of groups, their weighted sum, and what it comes to.

use super::classify::{Classification, Classified};
use super::rules::{MetricRules, Scored, Weight};
use super::transform::count;
use crate::domain::text::Text;

/// From this share of metrics without data on nothing is scored, in per cent.
const NODATA_MAX: f64 = 50.0;

/// What the scores come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// At `pass` or above.
    Pass,
    /// At `marginal` or above.
    Marginal,
    /// Below.
    Fail,
}

impl Grade {
    /// The word in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "Pass",
            Self::Marginal => "Marginal",
            Self::Fail => "Fail",
        }
    }
}

/// From which score on what is said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// A pass.
    pub pass: f64,
    /// Marginal.
    pub marginal: f64,
}

/// Why the score is what it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Because {
    /// The weighted sum.
    Sum,
    /// A critical metric did not pass.
    Critical(Text),
    /// Too many metrics, so many per cent, have no data.
    Nodata(f64),
    /// There is no metric to score.
    Nothing,
}

/// One group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupScore {
    /// Its name.
    pub name: Text,
    /// 0 to 100; `None` where no metric of it has data.
    pub score: Option<f64>,
}

/// The scores.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// The groups, in the order in which metrics name them.
    pub groups: Vec<GroupScore>,
    /// 0 to 100, to two digits.
    pub summary: f64,
    /// What it comes to.
    pub grade: Grade,
    /// Why.
    pub because: Because,
}

/// Scores the results of metrics.
#[must_use]
pub fn score(
    results: &[(&MetricRules, Classified)],
    weights: &[(Text, f64)],
    thresholds: Thresholds,
) -> Scores {
    let scored: Vec<&(&MetricRules, Classified)> =
        results.iter().filter(|(rules, _)| rules.scored == Scored::Yes).collect();
    let groups = group_scores(&scored);
    let failed = |(_, result): &&&(&MetricRules, Classified)| {
        result.weight == Weight::Critical && result.classification != Classification::Pass
    };
    let nodata = scored.iter().filter(|(_, it)| it.classification == Classification::Nodata);
    let nodata = 100.0 * count(nodata.count()) / count(scored.len());
    let because = if scored.is_empty() {
        Because::Nothing
    } else if let Some((rules, _)) = scored.iter().find(failed) {
        Because::Critical(rules.name.clone())
    } else if nodata >= NODATA_MAX {
        Because::Nodata(nodata)
    } else {
        Because::Sum
    };
    let summary = match because {
        Because::Sum => weighted(&groups, weights),
        Because::Critical(_) | Because::Nodata(_) | Because::Nothing => 0.0,
    };
    let grade = if summary >= thresholds.pass {
        Grade::Pass
    } else if summary >= thresholds.marginal {
        Grade::Marginal
    } else {
        Grade::Fail
    };
    Scores { groups, summary, grade, because }
}

fn group_scores(scored: &[&(&MetricRules, Classified)]) -> Vec<GroupScore> {
    let mut groups: Vec<(Text, f64, f64)> = Vec::new();
    for (rules, result) in scored {
        let (passed, counted) = match result.classification {
            Classification::Pass => (1.0, 1.0),
            Classification::High | Classification::Low | Classification::NodataFailMetric => {
                (0.0, 1.0)
            }
            Classification::Nodata | Classification::Error => (0.0, 0.0),
        };
        for group in &rules.groups {
            match groups.iter_mut().find(|(name, ..)| name == group) {
                Some((_, before, all)) => (*before, *all) = (*before + passed, *all + counted),
                None => groups.push((group.clone(), passed, counted)),
            }
        }
    }
    let score = |(name, passes, all): (Text, f64, f64)| GroupScore {
        name,
        score: (all > 0.0).then_some(100.0 * passes / all),
    };
    groups.into_iter().map(score).collect()
}

/// Groups without a weight share what is left of 100. The weights of groups that no metric names are lost: the sum
/// can then not reach 100. A group without data counts in full.
fn weighted(groups: &[GroupScore], weights: &[(Text, f64)]) -> f64 {
    let configured = |group: &GroupScore| {
        weights.iter().find(|(name, _)| *name == group.name).map(|(_, weight)| *weight)
    };
    let given: f64 = weights.iter().map(|(_, weight)| weight).sum();
    let others = groups.iter().filter(|group| configured(group).is_none()).count();
    let rest = (100.0 - given) / count(others.max(1));
    let parts = groups
        .iter()
        .map(|group| configured(group).unwrap_or(rest) / 100.0 * group.score.unwrap_or(100.0));
    (parts.sum::<f64>() * 100.0).round() / 100.0
}
