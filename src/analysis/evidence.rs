//! The evidence of one canary: looks in, a verdict out at any time. What can be measured is found on the first looks;
//! the judge is made for that and stays, because a judge that is changed on its way proves nothing.

use std::time::Duration;

use super::judge::live::Judge;
use super::judge::outcome::Verdict;
use super::judge::plan::{Kind, MetricPlan, Plan};
use super::sampling::{Measure, Sampler, Taken};
use super::verdict::Limits;
use crate::domain::look::Look;
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

/// In so many windows a measure may still turn up and have the judge made anew.
const FINDING: u32 = 3;

/// Evidence older than this passes nothing: two looks that are missing.
pub const STALE_AFTER: Duration = Duration::from_secs(45);

/// Harm is this many times stable's share (of errors, of slow requests). A canary that is not even half as bad again as
/// a bad stable is not the culprit.
const TOLERATED: f64 = 1.5;

/// A pass excludes that it is this many times stable's.
const WORST: f64 = 3.0;

/// What was seen of one canary and its stable.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    sampler: Sampler,
    judge: Option<Judge>,
    measures: Vec<Measure>,
    windows: u32,
    source: Text,
    doubts: Vec<Text>,
}

impl Evidence {
    /// Takes a look.
    pub fn take(&mut self, look: &Look, seen_at: Timestamp, limits: &Limits) {
        let taken = self.sampler.take(look, seen_at);
        self.source = look.source.clone();
        self.doubts.clone_from(&look.doubts);
        if taken.is_empty() {
            return;
        }
        self.prepare(&taken, limits);
        self.windows = self.windows.saturating_add(1);
        let Some(judge) = &mut self.judge else { return };
        for one in &taken {
            let Some(place) = judge.place(&Text::from(one.measure.name())) else { continue };
            judge.take(place, &one.window);
            if !one.pods.is_empty() {
                judge.observe_pods(place, &one.pods);
            }
        }
    }

    /// The weight changed: windows that touch this moment compare unlike things.
    pub fn unsettle(&mut self, at: Timestamp) {
        if let Some(judge) = &mut self.judge {
            judge.unsettle(at);
        }
    }

    /// What it means; `None`: there was nothing to judge by yet.
    #[must_use]
    pub fn verdict(&self, now: Timestamp) -> Option<Verdict> {
        self.judge.as_ref().map(|judge| judge.verdict(now))
    }

    /// The counters behind it.
    #[must_use]
    pub const fn sampler(&self) -> &Sampler {
        &self.sampler
    }

    /// Where it came from last, as shown, and why that may not be the whole truth.
    #[must_use]
    pub fn source(&self) -> (&Text, &[Text]) {
        (&self.source, &self.doubts)
    }

    /// Makes the judge for what can be measured, while that is still being found out.
    fn prepare(&mut self, taken: &[Taken], limits: &Limits) {
        let found: Vec<Measure> = taken.iter().map(|one| one.measure).collect();
        if self.judge.is_some() && (self.windows >= FINDING || found.len() <= self.measures.len()) {
            return;
        }
        let metrics = found.iter().map(|measure| plan(*measure, limits)).collect();
        let plan = Plan { stale_after: STALE_AFTER, metrics, ..Plan::default() };
        // The numbers are ours but for the limit, which the config has vetted.
        self.judge = Judge::new(plan).ok();
        self.measures = found;
    }
}

fn plan(measure: Measure, limits: &Limits) -> MetricPlan {
    let kind = match measure {
        Measure::Errors => {
            let harmless = limits.error_ratio_worse_max;
            let is_share = harmless > 0.0 && harmless < 1.0;
            Kind::Ratio { objective: None, harmless: is_share.then_some(harmless) }
        }
        Measure::Latency => Kind::Histogram { history: Vec::new() },
    };
    MetricPlan { tolerated: TOLERATED, worst: WORST, ..MetricPlan::new(measure.name(), kind) }
}
