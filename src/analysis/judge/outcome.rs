//! The verdict: three answers, each with its reason, since when, on what evidence, and what would change it.

use std::fmt;
use std::time::Duration;

use super::confidence::Interval;
use crate::analysis::verdict::Answer;
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;
use crate::domain::window::Problem;

/// Why the answer is what it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// Worse than stable by more than is tolerated; `p` bounds the chance of a false alarm.
    Worse {
        /// Always-valid p-value.
        p: f64,
    },
    /// More errors than the objective allows, whatever stable does.
    AboveObjective {
        /// Always-valid p-value.
        p: f64,
    },
    /// No metric alone, but all together are worse than stable.
    WorseTogether {
        /// Always-valid p-value.
        p: f64,
    },
    /// Not as bad as the worst that is tolerated.
    NotWorse,
    /// Not decided yet.
    TooLittle,
    /// Fewer of the canary's requests than a pass needs.
    TooFew {
        /// So many are needed.
        needed: f64,
    },
    /// It looks worse, not surely enough to fail, too much so to pass.
    Suspected {
        /// The chance of such a sight or a stronger one, had nothing been wrong.
        p: f64,
    },
    /// More windows are missing than told anything.
    Gaps,
    /// Nothing new for too long.
    Stale {
        /// Age of the newest evidence.
        age: Duration,
    },
    /// There was no evidence yet.
    NoData,
    /// There was none, because of this.
    Broken(Problem),
    /// Nothing to judge by.
    NoMetrics,
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Worse { p } => write!(out, "worse than stable ({})", Chance(*p)),
            Self::AboveObjective { p } => {
                write!(out, "more errors than the objective allows ({})", Chance(*p))
            }
            Self::WorseTogether { p } => {
                write!(out, "all metrics together are worse than stable ({})", Chance(*p))
            }
            Self::NotWorse => out.write_str("no worse than tolerated"),
            Self::TooLittle => out.write_str("not enough evidence yet"),
            Self::TooFew { needed } => write!(out, "fewer than {needed:.0} requests seen"),
            Self::Suspected { p } => write!(out, "looks worse, not surely ({})", Chance(*p)),
            Self::Gaps => out.write_str("more windows are missing than told anything"),
            Self::Stale { age } => write!(out, "newest evidence is {} s old", age.as_secs()),
            Self::NoData => out.write_str("no evidence yet"),
            Self::Broken(problem) => write!(out, "no evidence: {}", problem.words()),
            Self::NoMetrics => out.write_str("no metric to judge by"),
        }
    }
}

/// A p-value in words.
struct Chance(f64);

impl fmt::Display for Chance {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let small = [(1e-6, "0.000001"), (1e-4, "0.0001"), (1e-3, "0.001"), (1e-2, "0.01")];
        match small.into_iter().find(|(bound, _)| self.0 < *bound) {
            Some((_, words)) => write!(out, "p < {words}"),
            None => write!(out, "p = {:.2}", self.0),
        }
    }
}

/// What is known of the two arms. Absent is `None`, never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimates {
    /// The canary's value: a share, a rate, a level.
    pub canary: Option<f64>,
    /// Stable's.
    pub stable: Option<f64>,
    /// Canary over stable.
    pub ratio: Option<f64>,
    /// Where that ratio lies, at every moment at once with 95 %.
    pub interval: Interval,
    /// The canary's exposure: requests, pod-seconds; of a gauge its windows.
    pub samples: f64,
    /// The bound, where the value is the share of a histogram beyond it.
    pub beyond: Option<f64>,
}

/// How much more evidence an answer needs, if things go on as they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wait {
    /// In time.
    pub time: Duration,
    /// In the canary's requests (pod-seconds, windows).
    pub samples: f64,
}

/// What would change the answer. `None`: nothing in sight at this rate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outlook {
    /// To a pass, if the canary is as good as stable (where that is excluded: as it looks).
    pub pass: Option<Wait>,
    /// To a failure, if the canary is as bad as it looks.
    pub fail: Option<Wait>,
}

/// What happened to the windows of a metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Windows that told something.
    pub informative: u32,
    /// Windows without traffic on one side.
    pub idle: u32,
    /// Windows with a problem, by [`Problem::ALL`].
    pub problems: [u32; Problem::ALL.len()],
}

impl Tally {
    /// The problems that occurred, with how often.
    pub fn troubles(&self) -> impl Iterator<Item = (Problem, u32)> + '_ {
        Problem::ALL.into_iter().zip(self.problems).filter(|(_, times)| *times > 0)
    }

    pub(super) fn count(&mut self, problem: Problem) {
        let slots = Problem::ALL.into_iter().zip(&mut self.problems);
        for (_, times) in slots.filter(|(known, _)| *known == problem) {
            *times = times.saturating_add(1);
        }
    }

    /// Whether more windows are missing than told anything. Windows that were left out on purpose are not missing.
    pub(super) fn has_gaps(&self) -> bool {
        let left_out = [Problem::Unsettled, Problem::OutOfOrder];
        let missing = self.troubles().filter(|(problem, _)| !left_out.contains(problem));
        missing.map(|(_, times)| times).sum::<u32>() > self.informative
    }
}

/// The verdict on one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricVerdict {
    /// Which metric.
    pub name: Text,
    /// The answer.
    pub answer: Answer,
    /// Why.
    pub why: Reason,
    /// Since when; `None` before the first window.
    pub since: Option<Timestamp>,
    /// What is known of the arms.
    pub estimates: Estimates,
    /// The ratio above which it fails (for a harmful decrease: the one below which).
    pub limit: f64,
    /// Age of the newest evidence.
    pub age: Option<Duration>,
    /// ln of the evidence for harm, and for no harm; 0 is none.
    pub log_e: (f64, f64),
    /// What would change the answer.
    pub outlook: Outlook,
    /// Windows, and their problems.
    pub tally: Tally,
}

/// The verdict on a canary.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The answer.
    pub answer: Answer,
    /// Why.
    pub why: Reason,
    /// The metric that decided, by its name; `None` where all did or none could.
    pub by: Option<Text>,
    /// Since when; `None` before the first window.
    pub since: Option<Timestamp>,
    /// One entry per metric, in the order of the plan.
    pub metrics: Vec<MetricVerdict>,
}
