//! How metrics are compared, as a canary config says it, with the judge's own defaults.

use crate::analysis::judge::plan::Direction;
use crate::domain::text::Text;

/// What NaN, the mark of a missing point, counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NanStrategy {
    /// Nothing: the point is left out.
    Remove,
    /// 0.0. (Their choice, not ours: it makes a dead scrape look like a good canary.)
    Replace,
}

/// How the size of a difference is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Mean of the experiment over mean of the control.
    MeanRatio,
    /// Common language effect size: how often a value of the experiment is the larger of a pair (`McGraw` & Wong 1992).
    Cles,
}

impl Measure {
    /// The size that means "no difference", which is every limit's default.
    #[must_use]
    pub const fn neutral(self) -> f64 {
        match self {
            Self::MeanRatio => 1.0,
            Self::Cles => 0.5,
        }
    }
}

/// From which size on a difference counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EffectSize {
    /// How it is measured.
    pub measure: Measure,
    /// An increase counts from here on.
    pub allowed_increase: f64,
    /// A decrease counts from here on down.
    pub allowed_decrease: f64,
    /// An increase of a critical metric fails everything from here on.
    pub critical_increase: f64,
    /// A decrease of a critical metric fails everything from here on down.
    pub critical_decrease: f64,
}

impl EffectSize {
    /// Every limit at the measure's neutral size.
    #[must_use]
    pub const fn of(measure: Measure) -> Self {
        let neutral = measure.neutral();
        Self {
            measure,
            allowed_increase: neutral,
            allowed_decrease: neutral,
            critical_increase: neutral,
            critical_decrease: neutral,
        }
    }
}

/// What a metric is to the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// It counts.
    Counts,
    /// It fails everything if it fails.
    Critical,
}

/// What is said of a metric without data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// That there is none.
    IsNodata,
    /// That it fails.
    IsFailure,
}

/// Whether a metric is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scored {
    /// It is.
    Yes,
    /// It is listed only.
    Muted,
}

/// One metric of a canary config.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricRules {
    /// Its name.
    pub name: Text,
    /// The groups that it is scored in.
    pub groups: Vec<Text>,
    /// Which difference counts.
    pub direction: Direction,
    /// What NaN counts as.
    pub nan: NanStrategy,
    /// Outliers beyond so many interquartile ranges are dropped; `None`: kept.
    pub outlier_factor: Option<f64>,
    /// From which size on a difference counts.
    pub effect: EffectSize,
    /// What it is to the whole.
    pub weight: Weight,
    /// What is said of it without data.
    pub nothing: Nothing,
    /// Whether it is scored.
    pub scored: Scored,
}

impl MetricRules {
    /// The judge's defaults.
    #[must_use]
    pub fn new(name: &str, groups: &[&str]) -> Self {
        Self {
            name: Text::clean(name),
            groups: groups.iter().map(|group| Text::clean(group)).collect(),
            direction: Direction::Either,
            nan: NanStrategy::Remove,
            outlier_factor: None,
            effect: EffectSize::of(Measure::MeanRatio),
            weight: Weight::Counts,
            nothing: Nothing::IsNodata,
            scored: Scored::Yes,
        }
    }
}

/// The constants of the comparison. Kayenta's are fixed in its code.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constants {
    /// Share of the estimated shift by which the interval must clear zero.
    pub tolerance: f64,
    /// Confidence of the interval.
    pub confidence: f64,
}

impl Default for Constants {
    fn default() -> Self {
        Self { tolerance: 0.25, confidence: 0.98 }
    }
}
