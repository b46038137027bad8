//! Canary against stable: three answers, each with its reasons, and nothing is never a pass.
//!
//! Where raw counters are known the judge decides ([`super::judge`]): its tests stay valid while they are watched. What
//! only a query tells (a template of the config) is compared with limits: the canary fails when it is worse than stable
//! by more than the operator tolerates, in absolute and in relative terms.

use std::time::Duration;

use super::judge::outcome::{self, Reason};
use super::sampling::Measure;
use crate::domain::metric::{Comparison, Finite, MetricKind, MetricPair, NoData, Reading};
use crate::domain::text::Text;

/// What the operator tolerates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// How much larger the canary's error ratio may be, as a ratio (0.005 is half a percentage point).
    pub error_ratio_worse_max: f64,
    /// How many times stable's latency the canary's may be.
    pub latency_times_max: f64,
    /// Below this rate (requests/s) on either side nothing is said.
    pub request_rate_min: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { error_ratio_worse_max: 0.005, latency_times_max: 1.25, request_rate_min: 0.5 }
    }
}

/// The three answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// No worse than tolerated.
    Pass,
    /// Not enough to say.
    Inconclusive,
    /// Worse than tolerated.
    Fail,
}

impl Answer {
    /// The word in documents and on the screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
        }
    }
}

/// The answer for one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricVerdict {
    /// Which metric.
    pub kind: MetricKind,
    /// The answer; a rate has none of its own.
    pub answer: Option<Answer>,
    /// Why, in words.
    pub why: Text,
    /// Canary divided by stable, where both are there and stable is not zero.
    pub times: Option<Finite>,
    /// What the judge says of it, where raw counters are known.
    pub test: Option<Box<outcome::MetricVerdict>>,
}

/// The answer for all metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The worst answer.
    pub answer: Answer,
    /// One entry per metric.
    pub metrics: Vec<MetricVerdict>,
}

/// Judges a comparison.
#[must_use]
pub fn judge(comparison: &Comparison, limits: &Limits) -> Verdict {
    let traffic = traffic(comparison, limits);
    let metrics: Vec<MetricVerdict> =
        comparison.pairs.iter().map(|pair| judge_pair(pair, limits, &traffic)).collect();
    let answers = metrics.iter().filter_map(|metric| metric.answer);
    // `max` of the order Pass < Inconclusive < Fail; no answer at all is no pass.
    Verdict { answer: answers.max().unwrap_or(Answer::Inconclusive), metrics }
}

/// Whether both sides have enough traffic to say anything.
fn traffic(comparison: &Comparison, limits: &Limits) -> Result<(), Text> {
    let pair = comparison.pairs.iter().find(|pair| pair.kind == MetricKind::RequestRate);
    let Some(pair) = pair else { return Ok(()) };
    for (side, reading) in [("canary", &pair.canary), ("stable", &pair.stable)] {
        match reading {
            Ok(rate) if rate.get() >= limits.request_rate_min => {}
            Ok(rate) => {
                let rate = rate.get();
                return Err(Text::clean(&format!(
                    "{side} has too little traffic ({rate:.2} requests/s)"
                )));
            }
            Err(why) => return Err(Text::clean(&format!("{side} traffic: {}", no_data(why)))),
        }
    }
    Ok(())
}

fn judge_pair(pair: &MetricPair, limits: &Limits, traffic: &Result<(), Text>) -> MetricVerdict {
    let times = times(&pair.canary, &pair.stable);
    let (answer, why) = match (pair.kind, traffic, &pair.canary, &pair.stable) {
        (MetricKind::RequestRate, ..) => (None, Text::default()),
        (_, Err(why), ..) => (Some(Answer::Inconclusive), why.clone()),
        (_, _, Err(why), _) => (Some(Answer::Inconclusive), missing("canary", why)),
        (_, _, _, Err(why)) => (Some(Answer::Inconclusive), missing("stable", why)),
        (MetricKind::ErrorRatio, _, Ok(canary), Ok(stable)) => errors(*canary, *stable, limits),
        (MetricKind::LatencyP99, _, Ok(canary), Ok(stable)) => latency(*canary, *stable, limits),
    };
    MetricVerdict { kind: pair.kind, answer, why, times, test: None }
}

/// The limits' verdict with the judge's in its place wherever there is one.
#[must_use]
pub fn joined(limits: Option<Verdict>, judged: Option<&outcome::Verdict>) -> Option<Verdict> {
    let Some(judged) = judged else { return limits };
    let mut metrics = limits.map(|limits| limits.metrics).unwrap_or_default();
    for tested in &judged.metrics {
        let Some(kind) = kind_of(tested) else { continue };
        let verdict = tested_verdict(kind, tested);
        match metrics.iter_mut().find(|metric| metric.kind == kind) {
            Some(metric) => *metric = verdict,
            None => metrics.push(verdict),
        }
    }
    let answers = metrics.iter().filter_map(|metric| metric.answer);
    let answer = answers.chain([judged.answer]).max().unwrap_or(Answer::Inconclusive);
    Some(Verdict { answer, metrics })
}

fn kind_of(tested: &outcome::MetricVerdict) -> Option<MetricKind> {
    let measure = Measure::ALL.into_iter().find(|it| it.name() == tested.name.as_str())?;
    Some(match measure {
        Measure::Errors => MetricKind::ErrorRatio,
        Measure::Latency => MetricKind::LatencyP99,
    })
}

fn tested_verdict(kind: MetricKind, tested: &outcome::MetricVerdict) -> MetricVerdict {
    let seen = &tested.estimates;
    let percent = |share: Option<f64>| {
        share.map_or("?".to_owned(), |share| format!("{:.2} %", share * 100.0))
    };
    let beyond = seen.beyond.map_or(String::new(), |bound| format!(" over {bound} s"));
    let sides = format!("{} against {}{beyond}", percent(seen.canary), percent(seen.stable));
    let why = match tested.why {
        Reason::NoData | Reason::Broken(_) | Reason::Stale { .. } => tested.why.to_string(),
        Reason::Worse { .. }
        | Reason::AboveObjective { .. }
        | Reason::WorseTogether { .. }
        | Reason::NotWorse
        | Reason::TooLittle
        | Reason::TooFew { .. }
        | Reason::Suspected { .. }
        | Reason::Gaps
        | Reason::NoMetrics => format!("{}: {sides}{}", tested.why, soon(tested)),
    };
    MetricVerdict {
        kind,
        answer: Some(tested.answer),
        why: Text::clean(&why),
        times: seen.ratio.and_then(Finite::new),
        test: Some(Box::new(tested.clone())),
    }
}

/// What would change an answer that is none yet.
fn soon(tested: &outcome::MetricVerdict) -> String {
    let sides = tested.estimates.canary.zip(tested.estimates.stable);
    let looks_worse = sides.is_some_and(|(canary, stable)| canary > tested.limit * stable);
    match (tested.answer, tested.outlook.pass, tested.outlook.fail) {
        (Answer::Inconclusive, _, Some(wait)) if looks_worse => {
            format!(", fails in about {} if it goes on so", about(wait.time))
        }
        (Answer::Inconclusive, Some(wait), _) if !looks_worse => {
            format!(", passes in about {} if it goes on so", about(wait.time))
        }
        (Answer::Pass | Answer::Inconclusive | Answer::Fail, ..) => String::new(),
    }
}

fn about(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..120 => format!("{} s", seconds.max(1)),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3_600),
    }
}

fn errors(canary: Finite, stable: Finite, limits: &Limits) -> (Option<Answer>, Text) {
    let worse = canary.get() - stable.get();
    // In points: the limit is absolute; and a canary that is not even half as bad again as a bad stable is not the culprit.
    let fails = worse > limits.error_ratio_worse_max && canary.get() > 1.5 * stable.get();
    let why = format!(
        "{:.2} % against {:.2} %, tolerated {:.1} points more",
        canary.get() * 100.0,
        stable.get() * 100.0,
        limits.error_ratio_worse_max * 100.0
    );
    (Some(if fails { Answer::Fail } else { Answer::Pass }), Text::clean(&why))
}

fn latency(canary: Finite, stable: Finite, limits: &Limits) -> (Option<Answer>, Text) {
    if stable.get() <= 0.0 {
        return (Some(Answer::Inconclusive), Text::clean("stable has no latency to compare with"));
    }
    let times = canary.get() / stable.get();
    let why = format!("×{times:.2} of stable, tolerated ×{:.2}", limits.latency_times_max);
    let fails = times > limits.latency_times_max;
    (Some(if fails { Answer::Fail } else { Answer::Pass }), Text::clean(&why))
}

fn times(canary: &Reading, stable: &Reading) -> Option<Finite> {
    let (canary, stable) = (canary.as_ref().ok()?.get(), stable.as_ref().ok()?.get());
    (stable > 0.0).then(|| Finite::new(canary / stable)).flatten()
}

fn missing(side: &str, why: &NoData) -> Text {
    Text::clean(&format!("{side}: {}", no_data(why)))
}

/// Why there is no number, in words.
#[must_use]
pub fn no_data(why: &NoData) -> String {
    match why {
        NoData::NoSeries => "no series".to_owned(),
        NoData::NotANumber => "NaN (no traffic?)".to_owned(),
        NoData::Ambiguous(count) => format!("ambiguous ({count} series)"),
        NoData::Partial(words) => format!("partial answer: {words}"),
        NoData::Stale(since) => format!("last sample {since:.0}"),
        NoData::Refused(words) => format!("query refused: {words}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(kind: MetricKind, canary: f64, stable: f64) -> MetricPair {
        let reading = |value| Finite::new(value).ok_or(NoData::NotANumber);
        MetricPair { kind, canary: reading(canary), stable: reading(stable), evaluated_at: None }
    }

    fn answer(pairs: Vec<MetricPair>) -> Answer {
        let comparison = Comparison {
            canary: None,
            stable: None,
            pairs: pairs.into(),
            source: Text::default(),
            warnings: [].into(),
        };
        judge(&comparison, &Limits::default()).answer
    }

    #[test]
    fn the_worst_metric_decides() {
        let rate = || pair(MetricKind::RequestRate, 10.0, 90.0);
        let slow = pair(MetricKind::LatencyP99, 0.5, 0.3);
        let fine = pair(MetricKind::LatencyP99, 0.3, 0.3);
        let bad = pair(MetricKind::ErrorRatio, 0.08, 0.001);
        let good = pair(MetricKind::ErrorRatio, 0.002, 0.001);
        assert_eq!(answer(vec![rate(), good.clone(), fine.clone()]), Answer::Pass);
        assert_eq!(answer(vec![rate(), bad, fine]), Answer::Fail);
        assert_eq!(answer(vec![rate(), good, slow]), Answer::Fail);
    }

    #[test]
    fn nothing_is_never_a_pass() {
        let rate = || pair(MetricKind::RequestRate, 10.0, 90.0);
        assert_eq!(answer(vec![]), Answer::Inconclusive);
        assert_eq!(
            answer(vec![rate(), pair(MetricKind::ErrorRatio, f64::NAN, 0.0)]),
            Answer::Inconclusive
        );
        let quiet = pair(MetricKind::RequestRate, 0.0, 90.0);
        assert_eq!(
            answer(vec![quiet, pair(MetricKind::ErrorRatio, 0.0, 0.0)]),
            Answer::Inconclusive
        );
    }

    #[test]
    fn a_bad_stable_does_not_blame_the_canary() {
        let rate = pair(MetricKind::RequestRate, 10.0, 90.0);
        assert_eq!(answer(vec![rate, pair(MetricKind::ErrorRatio, 0.11, 0.10)]), Answer::Pass);
    }
}
