//! What is judged, and how surely: the numbers of one rollout's judge.

use std::ops::{Bound, RangeBounds};
use std::time::Duration;

use super::histogram::Cut;
use crate::domain::text::Text;

/// Metrics of one rollout; more is a config gone wild.
pub const METRICS_MAX: usize = 64;

/// Which change of a metric is harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// More is worse: errors, latency.
    Increase,
    /// Less is worse: logins, orders.
    Decrease,
    /// Both are. (Of a histogram only more is.)
    Either,
}

/// What a metric counts for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    /// It can fail the rollout alone, from a budget of false alarms of its own.
    Critical,
    /// It shares one budget with the others, by its weight.
    Shared(f64),
    /// It is shown and decides nothing.
    Advisory,
}

/// How a metric is judged.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Bad requests of all.
    Ratio {
        /// Above this share (0 to 1) the canary fails, whatever stable does: one minus the objective, times the burn
        /// rate that is tolerated.
        objective: Option<f64>,
        /// Below this share the canary passes, even if stable has no errors to compare with.
        harmless: Option<f64>,
    },
    /// Events per exposure: restarts per pod-second, logins per request.
    Rate,
    /// Latencies or sizes in buckets.
    Histogram {
        /// Stable's tails from before the rollout. Empty: the first windows are spent on learning them.
        history: Vec<Cut>,
    },
    /// One positive value per arm and window, compared by its logarithm.
    Gauge {
        /// Lag-1 autocorrelation from history; `None`: [`MEMORY_UNKNOWN`].
        memory: Option<f64>,
    },
}

/// Without history a gauge is taken to remember this much of its last value.
pub const MEMORY_UNKNOWN: f64 = 0.9;

/// One metric.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricPlan {
    /// Its name.
    pub name: Text,
    /// What it counts for.
    pub role: Role,
    /// How it is judged.
    pub kind: Kind,
    /// Which change is harm.
    pub direction: Direction,
    /// Canary over stable up to which it is no failure, 1 or more (for a harmful decrease: stable over canary).
    pub tolerated: f64,
    /// The worst that a pass may hide, more than 1 and than `tolerated`.
    pub worst: f64,
    /// Dispersion of the events. `None`: learnt from the pods that are shown to the judge, and until then taken as
    /// [`super::history::DISPERSION_UNKNOWN`].
    pub dispersion: Option<f64>,
}

impl MetricPlan {
    /// A critical metric of which more is worse; nothing tolerated, half as much again excluded by a pass.
    #[must_use]
    pub fn new(name: &str, kind: Kind) -> Self {
        Self {
            name: Text::clean(name),
            role: Role::Critical,
            kind,
            direction: Direction::Increase,
            tolerated: 1.0,
            worst: 1.5,
            dispersion: None,
        }
    }
}

/// The plan of a judge.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The chance that a canary which is not worse is ever failed, over the whole rollout.
    pub alpha: f64,
    /// The chance that a canary which is as bad as `worst` is ever passed.
    pub beta: f64,
    /// How many windows the rollout is to take: damage is looked for over these.
    pub windows: u32,
    /// Evidence older than this passes nothing.
    pub stale_after: Duration,
    /// How long windows say nothing after the weight changed or pods started.
    pub settle: Duration,
    /// Fewer of the canary's requests than this never pass.
    pub samples_min: f64,
    /// The metrics.
    pub metrics: Vec<MetricPlan>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            alpha: 0.01,
            beta: 0.05,
            windows: 240,
            stale_after: Duration::from_mins(1),
            settle: Duration::from_secs(15),
            samples_min: 100.0,
            metrics: Vec::new(),
        }
    }
}

/// Why a plan cannot be judged by.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// A number is out of its range.
    #[error("{what} is {found}: it must be {range}")]
    Range {
        /// Which number.
        what: Text,
        /// What it was.
        found: f64,
        /// What it may be.
        range: &'static str,
    },
    /// Two metrics have one name.
    #[error("two metrics are called {0}")]
    Twice(Text),
    /// More than [`METRICS_MAX`] metrics.
    #[error("{0} metrics are more than {METRICS_MAX}")]
    TooMany(usize),
}

impl Plan {
    /// Whether it can be judged by.
    ///
    /// # Errors
    /// The first number out of its range, a name that comes twice, too many metrics.
    pub fn vet(&self) -> Result<(), PlanError> {
        if self.metrics.len() > METRICS_MAX {
            return Err(PlanError::TooMany(self.metrics.len()));
        }
        for (what, found) in [("alpha", self.alpha), ("beta", self.beta)] {
            range(&Text::clean(what), found, (above(0.0), below(0.5)), "above 0, below 0.5")?;
        }
        for (at, metric) in self.metrics.iter().enumerate() {
            if self.metrics[..at].iter().any(|other| other.name == metric.name) {
                return Err(PlanError::Twice(metric.name.clone()));
            }
            metric.vet()?;
        }
        Ok(())
    }
}

impl MetricPlan {
    fn vet(&self) -> Result<(), PlanError> {
        let what = |field: &str| Text::clean(&format!("{field} of {}", self.name));
        let worst_from = self.tolerated.max(1.0);
        range(&what("tolerated"), self.tolerated, 1.0..=1e3, "1 to 1000")?;
        let allowed = (above(worst_from), below(1e4));
        range(&what("worst"), self.worst, allowed, "more than tolerated, below 10000")?;
        if let Role::Shared(weight) = self.role {
            range(&what("weight"), weight, (above(0.0), below(1e6)), "above 0, below a million")?;
        }
        if let Some(dispersion) = self.dispersion {
            range(&what("dispersion"), dispersion, 1.0..=1e4, "1 to 10000")?;
        }
        match &self.kind {
            Kind::Ratio { objective, harmless } => {
                for (field, share) in [("objective", objective), ("harmless", harmless)] {
                    let allowed = (above(0.0), below(1.0));
                    range(&what(field), share.unwrap_or(0.5), allowed, "above 0, below 1")?;
                }
                Ok(())
            }
            Kind::Gauge { memory } => {
                range(&what("memory"), memory.unwrap_or(0.0), 0.0..1.0, "0 to below 1")
            }
            Kind::Rate | Kind::Histogram { .. } => Ok(()),
        }
    }
}

const fn above(limit: f64) -> Bound<f64> {
    Bound::Excluded(limit)
}

const fn below(limit: f64) -> Bound<f64> {
    Bound::Excluded(limit)
}

fn range(
    what: &Text,
    found: f64,
    allowed: impl RangeBounds<f64>,
    range: &'static str,
) -> Result<(), PlanError> {
    if allowed.contains(&found) {
        return Ok(());
    }
    Err(PlanError::Range { what: what.clone(), found, range })
}
