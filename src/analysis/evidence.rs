//! The evidence of one canary: looks in, a verdict out at any time. What can be measured is found on the first looks;
//! each measure has a judge, which stays: one that is changed on its way proves nothing.

use std::time::Duration;

use super::judge::live::Judge;
use super::judge::outcome::Verdict;
use super::judge::plan::{Kind, MetricPlan, Plan};
use super::sampling::{Measure, Sampler, Taken};
use super::verdict::Limits;
use crate::domain::feed::RevisionPair;
use crate::domain::look::{Look, Side};
use crate::domain::metric::{Comparison, Finite, MetricKind, MetricPair, NoData, Reading};
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

/// In so many windows a measure may still turn up and get its judge.
const FINDING: u32 = 3;

/// Evidence older than this passes nothing: two looks that are missing.
pub const STALE_AFTER: Duration = Duration::from_secs(45);

/// Harm is this many times stable's share (of errors, of slow requests). A canary that is not even half as bad again as
/// a bad stable is not the culprit.
const TOLERATED: f64 = 1.5;

/// A pass excludes that it is this many times stable's.
const WORST: f64 = 3.0;

/// The chance of a false alarm over a whole rollout; each of the two measures has half of it.
const ALPHA: f64 = 0.01;

/// Windows that touch a change of the weight compare unlike things.
const SETTLE: Duration = Duration::from_secs(3);

/// Programs that have just started are slow for a while, which is no fault of the new version.
const WARM_UP: Duration = Duration::from_secs(30);

/// What was seen of one canary and its stable.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    sampler: Sampler,
    /// A judge for each measure: their windows settle differently.
    judges: Vec<(Measure, Judge)>,
    windows: u32,
    /// How much stable's pods differed before the first look.
    past: Vec<Vec<(f64, f64)>>,
    source: Text,
    doubts: Vec<Text>,
}

impl Evidence {
    /// Takes a look.
    pub fn take(&mut self, look: &Look, seen_at: Timestamp, limits: &Limits) {
        if self.sampler.is_new() {
            self.past = Sampler::past(look, seen_at);
        }
        let taken = self.sampler.take(look, seen_at);
        self.source = match look.bytes {
            0 => look.source.clone(),
            bytes => Text::clean(&format!("{}, {} kB a look", look.source, bytes.div_ceil(1_000))),
        };
        self.doubts.clone_from(&look.doubts);
        if taken.is_empty() {
            return;
        }
        self.prepare(&taken, limits);
        self.windows = self.windows.saturating_add(1);
        for (measure, judge) in &mut self.judges {
            let Some(one) = taken.iter().find(|one| one.measure == *measure) else { continue };
            judge.take(0, &one.window);
            if !one.pods.is_empty() {
                judge.observe_pods(0, &one.pods);
            }
        }
    }

    /// The weight changed: windows that touch this moment compare unlike things.
    pub fn unsettle(&mut self, at: Timestamp) {
        for (_, judge) in &mut self.judges {
            judge.unsettle(at);
        }
    }

    /// What it means; `None`: there was nothing to judge by yet.
    #[must_use]
    pub fn verdict(&self, now: Timestamp) -> Option<Verdict> {
        let all: Vec<Verdict> = self.judges.iter().map(|(_, judge)| judge.verdict(now)).collect();
        let worst = all.iter().max_by_key(|verdict| verdict.answer)?.clone();
        Some(Verdict { metrics: all.into_iter().flat_map(|one| one.metrics).collect(), ..worst })
    }

    /// Whether nothing was taken yet: then the past is worth asking for.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.sampler.is_new()
    }

    /// How both sides did lately, for a cluster where no Prometheus tells; `None`: nothing was counted yet.
    #[must_use]
    pub fn comparison(&self, pair: &RevisionPair, at: Timestamp) -> Option<Comparison> {
        let sides = [Side::Canary, Side::Stable];
        sides.iter().find_map(|side| self.sampler.lately(Measure::Errors, *side))?;
        let pairs = MetricKind::ALL.map(|kind| {
            let [canary, stable] = sides.map(|side| self.reading(kind, side));
            MetricPair { kind, canary, stable, evaluated_at: Some(at) }
        });
        Some(Comparison {
            canary: pair.canary.clone(),
            stable: pair.stable.clone(),
            pairs: pairs.into(),
            source: self.source.clone(),
            warnings: self.doubts.clone().into(),
        })
    }

    fn reading(&self, kind: MetricKind, side: Side) -> Reading {
        let measure = match kind {
            MetricKind::RequestRate | MetricKind::ErrorRatio => Measure::Errors,
            MetricKind::LatencyP99 => Measure::Latency,
        };
        let (sum, length) = self.sampler.lately(measure, side).ok_or(NoData::NoSeries)?;
        let value = match kind {
            MetricKind::RequestRate => Some(sum.total / length.as_secs_f64()),
            MetricKind::ErrorRatio => (sum.total > 0.0).then(|| sum.bad / sum.total),
            MetricKind::LatencyP99 => sum.quantile(0.99),
        };
        value.and_then(Finite::new).ok_or(NoData::NotANumber)
    }

    /// Makes the judges for what can be measured, while that is still being found out.
    fn prepare(&mut self, taken: &[Taken], limits: &Limits) {
        if !self.judges.is_empty() && self.windows >= FINDING {
            return;
        }
        for one in taken {
            if self.judges.iter().any(|(measure, _)| *measure == one.measure) {
                continue;
            }
            // The numbers are ours but for the limit, which the config has vetted.
            let Ok(mut judge) = Judge::new(plan(one.measure, limits)) else { continue };
            match one.measure {
                Measure::Errors => {
                    for pods in self.past.drain(..) {
                        judge.observe_pods(0, &pods);
                    }
                }
                Measure::Latency => judge.unsettle(one.window.begin()),
            }
            self.judges.push((one.measure, judge));
        }
    }
}

fn plan(measure: Measure, limits: &Limits) -> Plan {
    let (kind, settle) = match measure {
        Measure::Errors => {
            let harmless = limits.error_ratio_worse_max;
            let is_share = harmless > 0.0 && harmless < 1.0;
            let harmless = is_share.then_some(harmless);
            (Kind::Ratio { objective: None, harmless }, SETTLE)
        }
        Measure::Latency => (Kind::Histogram { history: Vec::new() }, WARM_UP),
    };
    let metric =
        MetricPlan { tolerated: TOLERATED, worst: WORST, ..MetricPlan::new(measure.name(), kind) };
    let alpha = ALPHA / 2.0;
    Plan { alpha, settle, stale_after: STALE_AFTER, metrics: vec![metric], ..Plan::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::verdict::Answer;
    use crate::domain::counter::Sample;
    use crate::domain::fixtures::at;
    use crate::domain::ids::Name;
    use crate::domain::look::{Counts, Looked, RawSeries};

    /// Requests so far of canary and stable, each good and bad.
    fn look(second: u64, counts: [(f64, f64); 2]) -> Look {
        let mut look = Look { at: Some(at(second)), ..Look::default() };
        for ((side, pod), (good, bad)) in
            [(Side::Canary, "new-1"), (Side::Stable, "old-1")].into_iter().zip(counts)
        {
            look.pods.push(Looked { pod: Name::new(pod), side, at: Some(at(second)) });
            for (key, counts, value) in [(1, Counts::Good, good), (2, Counts::Bad, bad)] {
                let samples = [Sample { at: at(second), value }].into();
                let (family, pod) = ("http_requests_total", Name::new(pod));
                look.series.push(RawSeries { family, counts, side, pod, key, samples });
            }
        }
        look
    }

    /// A look every 5 s, at these shares of bad requests of 20 and 80 in a second.
    fn watched(canary: f64, stable: f64, looks: u64) -> (Evidence, Timestamp) {
        let mut evidence = Evidence::default();
        let mut counts = [(0.0, 0.0), (0.0, 0.0)];
        for number in 0..=looks {
            evidence.take(&look(1_000 + 5 * number, counts), at(0), &Limits::default());
            for ((good, bad), (rate, share)) in
                counts.iter_mut().zip([(100.0, canary), (400.0, stable)])
            {
                *bad += rate * share;
                *good += rate * (1.0 - share);
            }
        }
        (evidence, at(1_000 + 5 * looks))
    }

    #[test]
    fn a_bad_canary_fails_within_half_a_minute_and_a_good_one_passes() {
        let (bad, now) = watched(0.08, 0.001, 6);
        let verdict = bad.verdict(now).unwrap();
        assert_eq!(verdict.answer, Answer::Fail, "{verdict:?}");
        assert!(verdict.since.is_some());
        let (good, now) = watched(0.001, 0.001, 120);
        assert_eq!(good.verdict(now).unwrap().answer, Answer::Pass, "{:?}", good.verdict(now));
    }

    #[test]
    fn nothing_is_never_a_pass_and_old_evidence_is_none() {
        assert_eq!(Evidence::default().verdict(at(1)), None);
        let (good, now) = watched(0.0, 0.0, 40);
        assert_eq!(good.verdict(now).unwrap().answer, Answer::Pass);
        let later =
            now.checked_add(STALE_AFTER).unwrap().checked_add(Duration::from_secs(1)).unwrap();
        assert_eq!(good.verdict(later).unwrap().answer, Answer::Inconclusive);
        let mut gone = good.clone();
        for number in 0..60 {
            let empty = Look { at: Some(at(1_205 + 5 * number)), ..Look::default() };
            gone.take(&empty, at(0), &Limits::default());
        }
        assert_eq!(gone.verdict(at(1_500)).unwrap().answer, Answer::Inconclusive);
    }

    #[test]
    fn a_failure_stays_although_nobody_measures_any_more() {
        let (bad, now) = watched(0.08, 0.001, 5);
        let later = now.checked_add(Duration::from_mins(10)).unwrap();
        assert_eq!(bad.verdict(later).unwrap().answer, Answer::Fail);
    }
}
