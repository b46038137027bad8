//! The two documents that Kayenta's judge takes: a canary config, and a list of pairs of control and experiment.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::analysis::judge::plan::Direction;
use crate::analysis::kayenta::rules::{
    EffectSize, Measure, MetricRules, NanStrategy, Nothing, Scored, Weight,
};
use crate::domain::text::Text;

/// The fences of outliers where the config names no factor.
const OUTLIER_FACTOR: f64 = 3.0;

/// A canary config, as far as the judge reads it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CanaryConfig {
    pub(super) metrics: Vec<MetricConfig>,
    #[serde(default)]
    pub(super) classifier: Classifier,
}

/// One metric of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MetricConfig {
    pub(super) name: String,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    analysis_configurations: Configurations,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Configurations {
    #[serde(default)]
    canary: Canary,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of its own in the document")]
struct Canary {
    direction: Option<String>,
    nan_strategy: Option<String>,
    outliers: Outliers,
    effect_size: Effect,
    critical: bool,
    must_have_data: bool,
    muted: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Outliers {
    strategy: Option<String>,
    outlier_factor: Option<f64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Effect {
    measure: Option<String>,
    allowed_increase: Option<f64>,
    allowed_decrease: Option<f64>,
    critical_increase: Option<f64>,
    critical_decrease: Option<f64>,
}

/// The weights of groups.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Classifier {
    pub(super) group_weights: BTreeMap<String, f64>,
}

/// One pair.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Pair {
    pub(super) name: String,
    #[serde(default)]
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
    pub(super) values: Values,
}

/// The points of a pair.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Values {
    #[serde(default)]
    pub(super) control: Vec<Point>,
    #[serde(default)]
    pub(super) experiment: Vec<Point>,
}

/// A number, or none where the file says `"NaN"` or null.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "Option<Written>")]
pub(super) struct Point(pub(super) f64);

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Word(String),
}

impl TryFrom<Option<Written>> for Point {
    type Error = String;

    fn try_from(written: Option<Written>) -> Result<Self, String> {
        match written {
            None => Ok(Self(f64::NAN)),
            Some(Written::Number(value)) => Ok(Self(value)),
            Some(Written::Word(word)) if word == "NaN" => Ok(Self(f64::NAN)),
            Some(Written::Word(word)) => {
                let word = Text::clean(&word.chars().take(40).collect::<String>());
                Err(format!("a point is a number or \"NaN\", and not {:?}", word.as_str()))
            }
        }
    }
}

impl MetricConfig {
    /// What the judge is told. Words that it does not know mean the default, as there.
    pub(super) fn rules(&self) -> MetricRules {
        let canary = &self.analysis_configurations.canary;
        let groups: Vec<&str> = self.groups.iter().map(String::as_str).collect();
        let removes = canary.outliers.strategy.as_deref() == Some("remove");
        let factor = canary.outliers.outlier_factor.unwrap_or(OUTLIER_FACTOR);
        MetricRules {
            direction: match canary.direction.as_deref() {
                Some("increase") => Direction::Increase,
                Some("decrease") => Direction::Decrease,
                Some(_) | None => Direction::Either,
            },
            nan: match canary.nan_strategy.as_deref() {
                Some("replace") => NanStrategy::Replace,
                Some(_) | None => NanStrategy::Remove,
            },
            outlier_factor: removes.then_some(factor),
            effect: canary.effect_size.limits(),
            weight: if canary.critical { Weight::Critical } else { Weight::Counts },
            nothing: if canary.must_have_data { Nothing::IsFailure } else { Nothing::IsNodata },
            scored: if canary.muted { Scored::Muted } else { Scored::Yes },
            ..MetricRules::new(&self.name, &groups)
        }
    }
}

impl Effect {
    fn limits(&self) -> EffectSize {
        let measure = match self.measure.as_deref() {
            Some("cles") => Measure::Cles,
            Some(_) | None => Measure::MeanRatio,
        };
        let neutral = measure.neutral();
        EffectSize {
            measure,
            allowed_increase: self.allowed_increase.unwrap_or(neutral),
            allowed_decrease: self.allowed_decrease.unwrap_or(neutral),
            critical_increase: self.critical_increase.unwrap_or(neutral),
            critical_decrease: self.critical_decrease.unwrap_or(neutral),
        }
    }
}
