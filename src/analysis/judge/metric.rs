//! One metric on its way: windows in, an answer out at any time.

use std::time::Duration;

use super::arms::{ArmsTest, mean};
use super::buckets::{BucketsTest, Told};
use super::history::Dispersion;
use super::level::LevelTest;
use super::mixture::Start;
use super::outcome::{Estimates, MetricVerdict, Outlook, Reason, Tally, Wait};
use super::plan::{Direction, Kind, MetricPlan};
use crate::analysis::verdict::Answer;
use crate::domain::observed::{Timestamp, age};
use crate::domain::window::{Arm, Problem, Seen, Window};

/// What is asked of every metric of a plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Terms {
    /// ln E from which it fails alone.
    pub(super) fail_from: f64,
    /// ln E from which it passes.
    pub(super) pass_from: f64,
    pub(super) stale_after: Duration,
    pub(super) samples_min: f64,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Arms(Box<ArmsTest>),
    Buckets(BucketsTest),
    Level(Box<LevelTest>),
}

/// When things happened to a metric.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Times {
    /// End of the newest window, whatever it held.
    seen: Option<Timestamp>,
    /// End of the newest window that told something.
    told: Option<Timestamp>,
    failed: Option<Timestamp>,
    proven: Option<Timestamp>,
    /// Since when the answer is what it is, but for age.
    settled: Option<Timestamp>,
    window: Duration,
}

/// One metric. Its memory is constant, [`METRIC_BYTES_MAX`] at most.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Metric {
    plan: MetricPlan,
    terms: Terms,
    test: Test,
    dispersion: Dispersion,
    tally: Tally,
    times: Times,
    answer: Answer,
    trouble: Option<Problem>,
    /// The largest evidence for harm so far, as ln.
    harm_max: f64,
}

/// What one metric may take, its name aside.
pub const METRIC_BYTES_MAX: usize = 4_096;

impl Metric {
    pub(super) fn new(mut plan: MetricPlan, terms: Terms, start: Start) -> Self {
        // The history is used up here: what is kept of it is at most eight bounds.
        let kind = match &mut plan.kind {
            Kind::Histogram { history } => Kind::Histogram { history: std::mem::take(history) },
            Kind::Ratio { .. } | Kind::Rate | Kind::Gauge { .. } => plan.kind.clone(),
        };
        let test = match kind {
            Kind::Ratio { .. } | Kind::Rate => Test::Arms(Box::new(ArmsTest::new(&plan, start))),
            Kind::Histogram { history } => Test::Buckets(BucketsTest::new(&history, &plan, start)),
            Kind::Gauge { memory } => Test::Level(Box::new(LevelTest::new(memory, &plan, start))),
        };
        Self {
            plan,
            terms,
            test,
            dispersion: Dispersion::default(),
            tally: Tally::default(),
            times: Times::default(),
            answer: Answer::Inconclusive,
            trouble: None,
            harm_max: 0.0,
        }
    }

    pub(super) const fn plan(&self) -> &MetricPlan {
        &self.plan
    }

    /// What it takes now, its name aside.
    pub(super) const fn bytes(&self) -> usize {
        let behind = match &self.test {
            Test::Arms(_) => size_of::<ArmsTest>(),
            Test::Buckets(test) => test.bytes(),
            Test::Level(_) => size_of::<LevelTest>(),
        };
        size_of::<Self>() + behind
    }

    /// Pods of stable in one window: how bursty its events are. Counts from the next window on.
    pub(super) fn observe_pods(&mut self, pods: &[(f64, f64)]) {
        self.dispersion.observe(pods);
    }

    /// Takes a window; `left_out` where it is not to be judged although it may be sound.
    pub(super) fn take(&mut self, window: &Window, left_out: Option<Problem>) {
        if self.times.seen.is_some_and(|seen| window.begin() < seen) {
            // Told twice, or late: what it holds may be counted already.
            self.tally.count(Problem::OutOfOrder);
            return;
        }
        let was_stale = self.is_stale(window.end);
        self.times.seen = Some(window.end);
        self.times.window = window.length;
        let seen = match (left_out, &window.seen) {
            (Some(problem), _) => Err(problem),
            (None, seen) => seen.as_ref().map_err(|problem| *problem),
        };
        match seen.and_then(|seen| self.judge(seen)) {
            Ok(Told::Something) => {
                self.tally.informative = self.tally.informative.saturating_add(1);
                self.times.told = Some(window.end);
                self.trouble = None;
            }
            Ok(Told::Nothing) => {
                self.tally.idle = self.tally.idle.saturating_add(1);
                self.skip();
            }
            Ok(Told::Learning) => {}
            Err(problem) => {
                self.tally.count(problem);
                self.trouble = Some(problem);
                self.skip();
            }
        }
        self.settle(window.end, was_stale);
    }

    /// A window that says nothing: the factor 1 everywhere.
    fn skip(&mut self) {
        match &mut self.test {
            Test::Arms(test) => test.skip(),
            Test::Buckets(test) => test.skip(),
            Test::Level(test) => test.skip(),
        }
    }

    fn dispersion(&self) -> f64 {
        self.plan.dispersion.unwrap_or_else(|| self.dispersion.upper())
    }

    /// Where this is no `Something`, nothing was taken.
    fn judge(&mut self, seen: &Seen) -> Result<Told, Problem> {
        let dispersion = self.dispersion();
        match (&mut self.test, seen) {
            (Test::Arms(test), Seen::Arms { canary, stable }) => {
                if canary.exposure() <= 0.0 || stable.exposure() <= 0.0 {
                    return Ok(Told::Nothing);
                }
                let overflows = |arm: &Arm| arm.events() > arm.exposure();
                let is_share = matches!(self.plan.kind, Kind::Ratio { .. });
                if is_share && (overflows(canary) || overflows(stable)) {
                    return Err(Problem::BadExceedsTotal);
                }
                test.update(*canary, *stable, dispersion);
                Ok(Told::Something)
            }
            (Test::Buckets(test), Seen::Histograms { canary, stable }) => {
                if canary.total() <= 0.0 || stable.total() <= 0.0 {
                    return Ok(Told::Nothing);
                }
                test.update((canary, stable), dispersion, &self.plan)
            }
            (Test::Level(test), Seen::Values { canary, stable }) => {
                test.update(canary.get(), stable.get())
            }
            (
                Test::Arms(_) | Test::Buckets(_) | Test::Level(_),
                Seen::Arms { .. } | Seen::Histograms { .. } | Seen::Values { .. },
            ) => Err(Problem::WrongKind),
        }
    }

    /// What the newest window changed.
    fn settle(&mut self, end: Timestamp, was_stale: Staleness) {
        let harm = self.harm();
        self.harm_max = self.harm_max.max(harm);
        if harm >= self.terms.fail_from {
            self.times.failed.get_or_insert(end);
        }
        if self.no_harm() >= self.terms.pass_from {
            self.times.proven.get_or_insert(end);
        }
        let (answer, _) = self.answer_of_windows();
        if answer != self.answer || was_stale != Staleness::Fresh || self.times.settled.is_none() {
            self.answer = answer;
            self.times.settled = Some(end);
        }
    }

    /// ln E for harm: of the mean of what the metric is judged by.
    pub(super) fn harm(&self) -> f64 {
        match &self.test {
            Test::Arms(test) => {
                mean([Some(test.relative_harm()), test.absolute_harm()].into_iter().flatten())
            }
            Test::Buckets(test) => test.harm(),
            Test::Level(test) => test.harm(),
        }
    }

    /// ln E against "as bad as the worst that is tolerated".
    fn no_harm(&self) -> f64 {
        match &self.test {
            Test::Arms(test) => test.no_harm(),
            Test::Buckets(test) => test.no_harm(),
            Test::Level(test) => test.no_harm(),
        }
    }
}

/// The answers.
impl Metric {
    /// Since when it fails.
    pub(super) const fn failed(&self) -> Option<Timestamp> {
        self.times.failed
    }

    /// The answer at `now`, its reason and since when.
    pub(super) fn answer(&self, now: Timestamp) -> (Answer, Reason, Option<Timestamp>) {
        let (answer, why) = self.answer_of_windows();
        if answer == Answer::Fail {
            return (answer, why, self.times.failed);
        }
        let told = self.times.told.map(|told| (told, age(told, now)));
        match told {
            Some((told, age)) if age > self.terms.stale_after => {
                let since = told.checked_add(self.terms.stale_after).unwrap_or(Timestamp::MAX);
                (Answer::Inconclusive, Reason::Stale { age }, Some(since))
            }
            Some(_) | None => (answer, why, self.times.settled),
        }
    }

    /// The answer that the windows give, whatever their age.
    fn answer_of_windows(&self) -> (Answer, Reason) {
        let p = (-self.harm_max).exp();
        if self.times.failed.is_some() {
            return (Answer::Fail, self.harm_reason(p));
        }
        if self.tally.informative == 0 {
            return (Answer::Inconclusive, self.trouble.map_or(Reason::NoData, Reason::Broken));
        }
        let harm = self.harm();
        if harm >= self.terms.pass_from {
            return (Answer::Inconclusive, Reason::Suspected { p: (-harm).exp() });
        }
        if self.times.proven.is_none() {
            return (Answer::Inconclusive, Reason::TooLittle);
        }
        let needed = self.samples_min();
        if self.estimates().samples < needed {
            return (Answer::Inconclusive, Reason::TooFew { needed });
        }
        if self.tally.has_gaps() {
            return (Answer::Inconclusive, Reason::Gaps);
        }
        (Answer::Pass, Reason::NotWorse)
    }

    fn harm_reason(&self, p: f64) -> Reason {
        let Test::Arms(test) = &self.test else { return Reason::Worse { p } };
        match test.absolute_harm() {
            Some(absolute) if absolute > test.relative_harm() => Reason::AboveObjective { p },
            Some(_) | None => Reason::Worse { p },
        }
    }

    /// Exposures of other kinds are no requests.
    const fn samples_min(&self) -> f64 {
        match self.plan.kind {
            Kind::Ratio { .. } | Kind::Histogram { .. } => self.terms.samples_min,
            Kind::Rate | Kind::Gauge { .. } => 0.0,
        }
    }

    fn is_stale(&self, now: Timestamp) -> Staleness {
        match self.times.told {
            Some(told) if age(told, now) > self.terms.stale_after => Staleness::Stale,
            Some(_) | None => Staleness::Fresh,
        }
    }

    fn estimates(&self) -> Estimates {
        match &self.test {
            Test::Arms(test) => test.estimates(),
            Test::Buckets(test) => test.estimates(),
            Test::Level(test) => test.estimates(),
        }
    }

    /// The whole verdict at `now`.
    pub(super) fn verdict(&self, now: Timestamp) -> MetricVerdict {
        let (answer, why, since) = self.answer(now);
        let estimates = self.estimates();
        MetricVerdict {
            name: self.plan.name.clone(),
            answer,
            why,
            since,
            estimates,
            limit: match self.plan.direction {
                Direction::Increase | Direction::Either => self.plan.tolerated,
                Direction::Decrease => 1.0 / self.plan.tolerated,
            },
            age: self.times.told.map(|told| age(told, now)),
            log_e: (self.harm(), self.no_harm()),
            outlook: self.outlook(&estimates),
            tally: self.tally,
        }
    }

    fn outlook(&self, estimates: &Estimates) -> Outlook {
        let windows = self.tally.informative;
        if windows == 0 || self.times.failed.is_some() {
            return Outlook::default();
        }
        let (fail_from, pass_from) = (self.terms.fail_from, self.terms.pass_from);
        let (pass, fail) = match &self.test {
            Test::Arms(test) => (
                test.windows_to_pass(windows, self.dispersion(), pass_from),
                test.windows_to_fail(windows, self.dispersion(), fail_from),
            ),
            Test::Buckets(test) => (test.windows_to_pass(windows, pass_from), None),
            Test::Level(test) => (test.windows_to_pass(windows, pass_from), None),
        };
        let pass = if self.times.proven.is_some() { None } else { pass };
        let wait = |needed: f64| Wait {
            time: self.times.window.mul_f64(needed.ceil().clamp(1.0, 1e6)),
            samples: needed * estimates.samples / f64::from(windows),
        };
        Outlook { pass: pass.map(wait), fail: fail.map(wait) }
    }
}

/// Whether the newest evidence was too old when the next came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Staleness {
    Fresh,
    Stale,
}
