//! The table itself, row by row, and how it is read. The first row that fits deed, way and state is the one that counts.

use std::time::Duration;

use super::case::{Case, Way};
use super::draw::{self, Recipe};
use super::needs::{Need, impossible};
use super::{flagger, predict, rows_native, target};
use crate::control::action::Action;
use crate::control::check::Refusal;
use crate::control::footing::Footing;
use crate::control::plan::{Plan, PlanContext};
use crate::domain::text::Text;
use crate::domain::workload::Workload;

/// A deed is called stalled after this: thirty times the slowest that was measured.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// The same for deeds that wait for pods, or for all steps.
pub const DEADLINE_LONG: Duration = Duration::from_mins(10);

/// One row: what a deed needs, writes and leads to, for some ways of releasing in some state.
#[derive(Debug)]
pub struct Row {
    /// The deed (roll back without its revision).
    pub deed: Action,
    /// For which ways of releasing.
    pub ways: &'static [Way],
    /// In which state.
    pub state: State,
    /// What must hold.
    pub needs: &'static [Need],
    /// What is written.
    pub recipe: Recipe,
    /// The deed that undoes it.
    pub reversal: Reversal,
    /// Usual time until it has arrived.
    pub about: About,
    /// When it is called stalled.
    pub deadline: Duration,
    /// Writes and arrival in words, for documents.
    pub words: Words,
}

/// A row's writes and arrival in words.
#[derive(Debug)]
pub struct Words {
    /// When it is possible.
    pub when: &'static str,
    /// What is written.
    pub writes: &'static str,
    /// What is waited for.
    pub arrived: &'static str,
}

/// States that one deed meets with different writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Every state.
    Any,
    /// The running step itself came to no answer.
    InconclusiveStep,
    /// The running step is a pause.
    PauseStep,
    /// A canary by pods, paused by hand: abort alone would leave its pods serving.
    HandPausedByPods,
    /// Blue-green, switched already.
    Switched,
    /// Flagger, and the new version's pods are not all ready.
    CanaryUnready,
}

/// How a deed is undone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reversal {
    /// By nothing.
    None,
    /// By this deed.
    By(Action),
    /// By rolling back to what is wanted now.
    ToCurrent,
    /// By rolling back to what is stable now.
    ToStable,
}

/// Usual time until arrival, as measured on the live control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// This long.
    Millis(u64),
    /// With a router, and by pods.
    ByTraffic {
        /// With a router.
        routed: u64,
        /// By pods.
        pods: u64,
    },
    /// About this long for each pod.
    PerPod(u64),
    /// As the way back says.
    Route,
    /// One of Flagger's looks.
    Tick,
}

const ARGO: &[Way] = &[Way::Canary, Way::BlueGreen];
const ROLLOUT: &[Way] = &[Way::Canary, Way::BlueGreen, Way::OtherRollout];
const CANARY: &[Way] = &[Way::Canary];
const BLUE_GREEN: &[Way] = &[Way::BlueGreen];
const DEPLOYMENT: &[Way] = &[Way::Deployment];

/// The table: Argo's and Deployments' rows here, others in files of their own.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().chain(rows_native::ROWS).chain(flagger::ROWS)
}

static ROWS: &[Row] = &[
    Row {
        deed: Action::Pause,
        ways: ROLLOUT,
        state: State::Any,
        needs: &[Need::Living, Need::NotHandPaused],
        recipe: Recipe::Pause,
        reversal: Reversal::By(Action::Resume),
        about: About::Millis(36),
        deadline: DEADLINE,
        words: Words {
            when: "not paused by hand",
            writes: "spec.paused: true",
            arrived: "paused by hand, and the controller has seen it",
        },
    },
    Row {
        deed: Action::Resume,
        ways: ROLLOUT,
        state: State::Any,
        needs: &[Need::Living, Need::HandPaused],
        recipe: Recipe::Resume,
        reversal: Reversal::By(Action::Pause),
        about: About::Millis(26),
        deadline: DEADLINE,
        words: Words {
            when: "paused by hand",
            writes: "spec.paused: false",
            arrived: "not paused by hand, and the controller has seen it",
        },
    },
    Row {
        deed: Action::Promote,
        ways: CANARY,
        state: State::InconclusiveStep,
        needs: &[Need::Living, Need::Gate, Need::NotHandPaused, Need::NotAborted, Need::Observed],
        recipe: Recipe::PassStep,
        reversal: Reversal::By(Action::Abort),
        about: About::Millis(300),
        deadline: DEADLINE,
        words: Words {
            when: "the running step came to no answer",
            writes: "status.pauseConditions: null, controllerPause: false, currentStepIndex: next",
            arrived: "at the next step, and the run of the old one is gone",
        },
    },
    Row {
        deed: Action::Promote,
        ways: ARGO,
        state: State::Any,
        needs: &[Need::Living, Need::Gate, Need::NotHandPaused, Need::NotAborted, Need::Observed],
        recipe: Recipe::ClearPause,
        reversal: Reversal::By(Action::Abort),
        about: About::Millis(83),
        deadline: DEADLINE,
        words: Words {
            when: "the controller waits at a gate; not paused by hand, not aborted",
            writes: "status.pauseConditions: null",
            arrived: "canary: past the step; blue-green: the new version is active",
        },
    },
    Row {
        deed: Action::PromoteFull,
        ways: ARGO,
        state: State::Any,
        needs: &[
            Need::Living,
            Need::InFlight,
            Need::Observed,
            Need::NotAborted,
            Need::NotHandPaused,
        ],
        recipe: Recipe::PromoteFull,
        reversal: Reversal::ToStable,
        about: About::Millis(80),
        deadline: DEADLINE_LONG,
        words: Words {
            when: "an update is on its way; not aborted, not paused by hand",
            writes: "status.promoteFull: true",
            arrived: "the new version is the stable one",
        },
    },
    Row {
        deed: Action::Skip,
        ways: CANARY,
        state: State::PauseStep,
        needs: SKIP_NEEDS,
        recipe: Recipe::ClearPause,
        reversal: Reversal::By(Action::Abort),
        about: About::Millis(64),
        deadline: DEADLINE,
        words: Words {
            when: "the running step is a pause",
            writes: "status.pauseConditions: null",
            arrived: "past the step",
        },
    },
    Row {
        deed: Action::Skip,
        ways: CANARY,
        state: State::Any,
        needs: SKIP_NEEDS,
        recipe: Recipe::PassStep,
        reversal: Reversal::By(Action::Abort),
        about: About::Millis(39),
        deadline: DEADLINE,
        words: Words {
            when: "a step runs; not aborted, not paused by hand",
            writes: "status.pauseConditions: null, controllerPause: false, currentStepIndex: next",
            arrived: "at the next step, and the run of the old one is gone",
        },
    },
    Row {
        deed: Action::Abort,
        ways: BLUE_GREEN,
        state: State::Switched,
        needs: &[Need::Living, Need::StableKept, Need::TemplateWritable],
        recipe: Recipe::BackToStable,
        reversal: Reversal::ToCurrent,
        about: About::Millis(114),
        deadline: DEADLINE,
        words: Words {
            when: "blue-green has switched, and the new version is not stable yet",
            writes: "spec.template: that of stable, spec.paused: false (an abort could end without pods)",
            arrived: "the stable version is active",
        },
    },
    Row {
        deed: Action::Abort,
        ways: CANARY,
        state: State::HandPausedByPods,
        needs: &[
            Need::Living,
            Need::InFlight,
            Need::Observed,
            Need::AbortNotDone,
            Need::OutsideWindow,
        ],
        recipe: Recipe::AbortAndUnpause,
        reversal: Reversal::By(Action::Retry),
        about: About::Millis(1_000),
        deadline: DEADLINE,
        words: Words {
            when: "an update is on its way, by pods, paused by hand",
            writes: "status.abort: true, promoteFull: false; then spec.paused: false",
            arrived: "abortedAt is set, and the new version has no pods",
        },
    },
    Row {
        deed: Action::Abort,
        ways: ARGO,
        state: State::Any,
        needs: ABORT_NEEDS,
        recipe: Recipe::Abort,
        reversal: Reversal::By(Action::Retry),
        about: About::ByTraffic { routed: 90, pods: 1_000 },
        deadline: DEADLINE,
        words: Words {
            when: "an update is on its way and not aborted (or aborted and still serving)",
            writes: "status.abort: true, promoteFull: false",
            arrived: "abortedAt is set, and the new version has no traffic (by pods: no pods)",
        },
    },
    Row {
        deed: Action::Retry,
        ways: ARGO,
        state: State::Any,
        needs: &[Need::Living, Need::Aborted],
        recipe: Recipe::Retry,
        reversal: Reversal::By(Action::Abort),
        about: About::Millis(35),
        deadline: DEADLINE,
        words: Words {
            when: "aborted",
            writes: "status.abort: false",
            arrived: "abortedAt is gone, and the update goes on",
        },
    },
    Row {
        deed: ROLLBACK,
        ways: ROLLOUT,
        state: State::Any,
        needs: &[Need::Living, Need::Target, Need::TemplateWritable],
        recipe: Recipe::Rollback,
        reversal: Reversal::ToCurrent,
        about: About::Route,
        deadline: DEADLINE_LONG,
        words: Words {
            when: "the ReplicaSet of another revision is left",
            writes: "spec.template: that of the older revision, spec.paused: false",
            arrived: "that version is wanted, stable and healthy, with all traffic",
        },
    },
    Row {
        deed: Action::Restart,
        ways: ROLLOUT,
        state: State::Any,
        needs: &[Need::Living],
        recipe: Recipe::Restart,
        reversal: Reversal::None,
        about: About::PerPod(1_100),
        deadline: DEADLINE_LONG,
        words: Words {
            when: "always",
            writes: "spec.restartAt: the server's time",
            arrived: "restartedAt is that time, and it is healthy",
        },
    },
    Row {
        deed: Action::Pause,
        ways: DEPLOYMENT,
        state: State::Any,
        needs: &[Need::Living, Need::Own, Need::NotHandPaused],
        recipe: Recipe::Pause,
        reversal: Reversal::By(Action::Resume),
        about: About::Millis(1_000),
        deadline: DEADLINE,
        words: Words {
            when: "not paused",
            writes: "spec.paused: true",
            arrived: "paused, and the controller has seen it",
        },
    },
    Row {
        deed: Action::Resume,
        ways: DEPLOYMENT,
        state: State::Any,
        needs: &[Need::Living, Need::Own, Need::HandPaused],
        recipe: Recipe::Resume,
        reversal: Reversal::By(Action::Pause),
        about: About::Millis(5_000),
        deadline: DEADLINE_LONG,
        words: Words { when: "paused", writes: "spec.paused: null", arrived: "rolled out" },
    },
    Row {
        deed: ROLLBACK,
        ways: DEPLOYMENT,
        state: State::Any,
        needs: &[Need::Living, Need::Own, Need::NotHandPaused, Need::Target],
        recipe: Recipe::Rollback,
        reversal: Reversal::ToCurrent,
        about: About::Route,
        deadline: DEADLINE_LONG,
        words: Words {
            when: "not paused, and the ReplicaSet of another template is left",
            writes: "spec.template: that of the older revision, metadata.annotations: likewise",
            arrived: "that version is wanted, and all pods are new and available",
        },
    },
    Row {
        deed: Action::Restart,
        ways: DEPLOYMENT,
        state: State::Any,
        needs: &[Need::Living, Need::Own, Need::NotHandPaused],
        recipe: Recipe::Restart,
        reversal: Reversal::None,
        about: About::PerPod(1_100),
        deadline: DEADLINE_LONG,
        words: Words {
            when: "not paused",
            writes: "annotation kubectl.kubernetes.io/restartedAt of the template: the server's time",
            arrived: "rolled out",
        },
    },
];

pub(super) const ROLLBACK: Action = Action::Rollback { to: None };

const SKIP_NEEDS: &[Need] = &[
    Need::Living,
    Need::StepRuns,
    Need::InFlight,
    Need::Observed,
    Need::NotAborted,
    Need::NotHandPaused,
    Need::BackgroundDecided,
];

const ABORT_NEEDS: &[Need] = &[Need::Living, Need::InFlight, Need::Observed, Need::AbortNotDone];

impl State {
    /// Whether the workload is in it.
    #[must_use]
    pub fn holds(self, case: Case<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::InconclusiveStep => case.inconclusive_step(),
            Self::PauseStep => case.at_pause_step(),
            Self::HandPausedByPods => case.hand_paused() && !case.routed(),
            Self::Switched => case.switched(),
            Self::CanaryUnready => flagger::is_unready(case),
        }
    }
}

/// The row for this deed on this workload.
///
/// # Errors
///
/// The deed does not exist for this way of releasing.
pub fn row(action: Action, case: Case<'_>) -> Result<&'static Row, Refusal> {
    let way = case.way();
    let same = |deed: Action| std::mem::discriminant(&deed) == std::mem::discriminant(&action);
    rows()
        .find(|row| same(row.deed) && row.ways.contains(&way) && row.state.holds(case))
        .ok_or_else(|| no_row(action, case))
}

fn no_row(action: Action, case: Case<'_>) -> Refusal {
    let kind = case.workload.target.kind;
    match case.way() {
        Way::OtherRollout => impossible(
            "its strategy is neither canary nor blue-green",
            "mend the Rollout's spec.strategy",
        ),
        Way::BlueGreen => impossible("blue-green has no steps", "promote switches it"),
        Way::Deployment | Way::StatefulSet | Way::DaemonSet => {
            let remedy = match action {
                Action::Abort => "pause holds it, roll back undoes it",
                Action::Promote | Action::PromoteFull | Action::Skip | Action::Retry => {
                    "it knows pause, roll back and restart"
                }
                Action::Pause | Action::Resume | Action::Rollback { .. } | Action::Restart => "",
            };
            impossible(&format!("a {kind} has no {}", action.title()), remedy)
        }
        Way::Flagger => flagger::no_row(action),
        Way::Canary => impossible(&format!("a canary has no {}", action.title()), ""),
    }
}

/// See [`crate::control::plan::possible`].
pub(in crate::control) fn possible(action: Action, workload: &Workload) -> Result<(), Text> {
    let case = Case::of(workload);
    let row = row(action, case).map_err(|refusal| refusal.why)?;
    match row.needs.iter().find_map(|need| need.judge(case, action, None)) {
        Some(refusal) => Err(refusal.why),
        None => Ok(()),
    }
}

/// See [`crate::control::plan::plan`].
pub(in crate::control) fn plan(
    action: Action,
    workload: &Workload,
    context: &PlanContext<'_>,
) -> Result<Plan, Vec<Refusal>> {
    let case = Case::of(workload);
    let row = row(action, case).map_err(|refusal| vec![refusal])?;
    let missing: Vec<Refusal> =
        row.needs.iter().filter_map(|need| need.judge(case, action, Some(context))).collect();
    if !missing.is_empty() {
        return Err(missing);
    }
    let drawn =
        draw::draw(row.recipe, case, action, Some(context)).map_err(|refusal| vec![refusal])?;
    let told = predict::predict(row, case, action, context);
    Ok(Plan {
        id: context.id.clone(),
        action,
        target: workload.target.clone(),
        footing: Footing::of(workload),
        change: told.change,
        writes: drawn.writes,
        prediction: told.prediction,
        reversal: reversal(row, case),
        instead: told.instead,
        arrival: drawn.arrival,
        deadline: row.deadline,
        reason: context.reason.clone(),
    })
}

fn reversal(row: &Row, case: Case<'_>) -> Option<Action> {
    match row.reversal {
        Reversal::None => None,
        Reversal::By(action) => Some(action),
        Reversal::ToCurrent => {
            case.current_revision().map(|revision| Action::Rollback { to: Some(revision) })
        }
        Reversal::ToStable => target::stable(case)
            .and_then(|target| target.set.revision)
            .map(|revision| Action::Rollback { to: Some(revision) }),
    }
}
