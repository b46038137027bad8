//! The judge of one rollout: made from a plan, fed window by window, asked at any time.

use super::metric::{Metric, Terms};
use super::mixture::{NOTHING, Start, log_add};
use super::outcome::{MetricVerdict, Reason, Verdict};
use super::plan::{Plan, PlanError, Role};
use crate::analysis::verdict::Answer;
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;
use crate::domain::window::{Problem, Window};

/// Judges the canary of one rollout.
///
/// False alarms: each critical metric has a budget of its own, all that share one are failed by the weighted mean of
/// their e-values (an e-process whatever their dependence; Vovk & Wang, "E-values: calibration, combination and
/// applications", 2021, §3). The budgets sum to `alpha`. A pass needs every metric that decides to pass: a wrong one
/// then has at most the chance `beta`, without correction (Berger 1982).
///
/// A failure stays: what was proven is not undone by better days. A new revision gets a new judge.
#[derive(Clone, Debug, PartialEq)]
pub struct Judge {
    metrics: Vec<Metric>,
    plan: Plan,
    together: Together,
    /// The newest stretch in which windows say nothing.
    unsettled: Option<(Timestamp, Timestamp)>,
    /// What the windows said last, and since when.
    answered: Option<(Answer, Timestamp)>,
}

/// What the metrics that share a budget say together.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Together {
    /// ln E from which they fail.
    fail_from: f64,
    log_e_max: f64,
    failed: Option<Timestamp>,
}

impl Judge {
    /// Before the first window.
    ///
    /// # Errors
    /// The plan holds a number out of its range, a name twice, or too many metrics.
    pub fn new(mut plan: Plan) -> Result<Self, PlanError> {
        plan.vet()?;
        let budgets = Budgets::of(&plan);
        let start = Start::within(plan.windows);
        let metrics = std::mem::take(&mut plan.metrics).into_iter().map(|metric| {
            let terms = Terms {
                fail_from: -budgets.alpha(metric.role).ln(),
                pass_from: -plan.beta.ln(),
                stale_after: plan.stale_after,
                samples_min: plan.samples_min,
            };
            Metric::new(metric, terms, start)
        });
        let metrics = metrics.collect();
        let together = Together { fail_from: -budgets.shared.ln(), log_e_max: 0.0, failed: None };
        Ok(Self { metrics, plan, together, unsettled: None, answered: None })
    }

    /// The place of a metric, by its name.
    #[must_use]
    pub fn place(&self, name: &Text) -> Option<usize> {
        self.metrics.iter().position(|metric| metric.plan().name == *name)
    }

    /// Memory of the metric at `place`, in bytes, its name aside: constant, and
    /// [`super::metric::METRIC_BYTES_MAX`] at most.
    #[must_use]
    pub fn bytes(&self, place: usize) -> Option<usize> {
        self.metrics.get(place).map(Metric::bytes)
    }

    /// Takes a window of the metric at `place`. Windows of one metric come in order; one that overlaps what was seen is
    /// counted and not taken.
    pub fn take(&mut self, place: usize, window: &Window) {
        let left_out = self.left_out(window);
        let Some(metric) = self.metrics.get_mut(place) else { return };
        metric.take(window, left_out);
        let log_e = self.together();
        self.together.log_e_max = self.together.log_e_max.max(log_e);
        if log_e >= self.together.fail_from {
            self.together.failed.get_or_insert(window.end);
        }
        let (answer, ..) = self.answer(window.end);
        if self.answered.is_none_or(|(before, _)| before != answer) {
            self.answered = Some((answer, window.end));
        }
    }

    /// The weight changed, or pods started, at this moment: windows that touch it or the time to settle say nothing.
    pub fn unsettle(&mut self, at: Timestamp) {
        let until = at.checked_add(self.plan.settle).unwrap_or(Timestamp::MAX);
        // Steps close to each other are one stretch; an older one is forgotten, its windows are past.
        self.unsettled = Some(match self.unsettled {
            Some((from, before)) if at <= before => (from.min(at), before.max(until)),
            Some(_) | None => (at, until),
        });
    }

    /// Pods of *stable* in one window, each with its events and exposure: how bursty the events of a metric are. Counts
    /// from the next window on.
    pub fn observe_pods(&mut self, place: usize, pods: &[(f64, f64)]) {
        if let Some(metric) = self.metrics.get_mut(place) {
            metric.observe_pods(pods);
        }
    }

    /// The verdict at `now`. Asking changes nothing, and may be done as often as one likes.
    #[must_use]
    pub fn verdict(&self, now: Timestamp) -> Verdict {
        let metrics: Vec<MetricVerdict> =
            self.metrics.iter().map(|metric| metric.verdict(now)).collect();
        let (answer, why, by) = self.answer(now);
        let since = match (answer, self.answered) {
            (Answer::Fail, _) => self.failed_since(),
            (_, Some((before, at))) if before == answer => Some(at),
            // Only age changed it: since the first metric that decides became too old.
            (_, answered) => {
                let aged = self.deciding().map(|metric| metric.answer(now));
                let aged = aged.filter(|(_, why, _)| matches!(why, Reason::Stale { .. }));
                aged.filter_map(|(.., since)| since).min().or(answered.map(|(_, at)| at))
            }
        };
        Verdict { answer, why, by: by.cloned(), since, metrics }
    }
}

impl Judge {
    fn left_out(&self, window: &Window) -> Option<Problem> {
        let (from, until) = self.unsettled?;
        (window.end > from && window.begin() < until).then_some(Problem::Unsettled)
    }

    fn deciding(&self) -> impl Iterator<Item = &Metric> {
        self.metrics.iter().filter(|metric| metric.plan().role != Role::Advisory)
    }

    fn failed_since(&self) -> Option<Timestamp> {
        let alone = self.deciding().filter_map(Metric::failed);
        alone.chain(self.together.failed).min()
    }

    /// ln of the weighted mean of the e-values that share a budget; of none, nothing.
    fn together(&self) -> f64 {
        let shares = self.metrics.iter().filter_map(|metric| match metric.plan().role {
            Role::Shared(weight) => Some((weight, metric.harm())),
            Role::Critical | Role::Advisory => None,
        });
        let (sum, weights) = shares.fold((NOTHING, 0.0), |(sum, weights), (weight, log_e)| {
            (log_add(sum, weight.ln() + log_e), weights + weight)
        });
        if weights > 0.0 { sum - weights.ln() } else { NOTHING }
    }

    fn answer(&self, now: Timestamp) -> (Answer, Reason, Option<&Text>) {
        let mut worst: Option<(Answer, Reason, &Text)> = None;
        for metric in self.deciding() {
            let (answer, why, _) = metric.answer(now);
            if worst.is_none_or(|(before, ..)| answer > before) {
                worst = Some((answer, why, &metric.plan().name));
            }
        }
        let p = (-self.together.log_e_max).exp();
        match worst {
            None => (Answer::Inconclusive, Reason::NoMetrics, None),
            Some((Answer::Fail, why, name)) => (Answer::Fail, why, Some(name)),
            Some(_) if self.together.failed.is_some() => {
                (Answer::Fail, Reason::WorseTogether { p }, None)
            }
            Some((Answer::Inconclusive, why, name)) => (Answer::Inconclusive, why, Some(name)),
            Some((Answer::Pass, why, _)) => (Answer::Pass, why, None),
        }
    }
}

/// How the chance of a false alarm is shared out.
struct Budgets {
    all: f64,
    critical: f64,
    shared: f64,
    weights: f64,
}

impl Budgets {
    /// Half for the critical metrics in equal parts, half for all others together; all of it where there is one kind.
    fn of(plan: &Plan) -> Self {
        let critical = plan.metrics.iter().filter(|metric| metric.role == Role::Critical).count();
        let weights = plan.metrics.iter().map(|metric| match metric.role {
            Role::Shared(weight) => weight,
            Role::Critical | Role::Advisory => 0.0,
        });
        let weights: f64 = weights.sum();
        let part = if critical > 0 && weights > 0.0 { plan.alpha / 2.0 } else { plan.alpha };
        let each = part / super::mixture::count(critical.max(1));
        Self { all: plan.alpha, critical: each, shared: part, weights }
    }

    /// What one metric may spend alone. Of those that share, one that reaches its own part lifts the mean as far.
    fn alpha(&self, role: Role) -> f64 {
        match role {
            Role::Critical => self.critical,
            Role::Shared(weight) => self.shared * weight / self.weights,
            Role::Advisory => self.all,
        }
    }
}
