//! What a row of the table is, and how the table is read. The first row that fits deed, way and state is the one that
//! counts. The rows stand in `rows_argo`, `rows_native`, `flagger` and
//! `rows_openshift`.

use std::time::Duration;

use super::case::{Case, Way};
use super::draw::{self, Recipe};
use super::needs::{Need, impossible};
use super::{flagger, flagger_gates, predict, rows_argo, rows_native, rows_openshift, target};
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
    /// The running step is a pause, and the one after it is gone to.
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
    /// Nobody measured it.
    Unmeasured,
}

/// Whatever releases it, and in every state: what is said changes nothing.
static COMMENT: Row = Row {
    deed: Action::Comment,
    ways: &Way::ALL,
    state: State::Any,
    needs: &[Need::Living, Need::Own],
    recipe: Recipe::Comment,
    reversal: Reversal::None,
    about: About::Millis(0),
    deadline: DEADLINE,
    words: Words {
        when: "always, but for what is being deleted; the reason is what is said",
        writes: "nothing; the audit file, and an Event on the object",
        arrived: "at once",
    },
};

/// The table.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    let comment = std::iter::once(&COMMENT);
    let controllers = rows_argo::ROWS.iter().chain(rows_native::ROWS);
    let flagger = flagger::ROWS.iter().chain(flagger_gates::ROWS);
    controllers.chain(flagger).chain(rows_openshift::ROWS).chain(comment)
}

pub(super) const ROLLBACK: Action = Action::Rollback { to: None };

impl State {
    /// Whether the workload is in it.
    #[must_use]
    pub fn holds(self, case: Case<'_>, action: Action) -> bool {
        match self {
            Self::Any => true,
            Self::InconclusiveStep => case.inconclusive_step(),
            Self::PauseStep => {
                case.at_pause_step() && draw::skip_index(case, action) == case.next_index()
            }
            Self::HandPausedByPods => case.hand_paused() && !case.routed(),
            Self::Switched => case.switched(),
            Self::CanaryUnready => flagger::is_unready(case),
        }
    }
}

/// Whether this way of releasing knows the deed at all, in whatever state.
pub(in crate::control) fn exists(action: Action, workload: &Workload) -> bool {
    let way = Case::of(workload).way();
    rows().any(|row| is_same(row.deed, action) && row.ways.contains(&way))
}

fn is_same(one: Action, other: Action) -> bool {
    std::mem::discriminant(&one) == std::mem::discriminant(&other)
}

/// The row for this deed on this workload.
///
/// # Errors
///
/// The deed does not exist for this way of releasing.
pub fn row(action: Action, case: Case<'_>) -> Result<&'static Row, Refusal> {
    let way = case.way();
    rows()
        .find(|row| {
            is_same(row.deed, action) && row.ways.contains(&way) && row.state.holds(case, action)
        })
        .ok_or_else(|| no_row(action, case))
}

fn no_row(action: Action, case: Case<'_>) -> Refusal {
    let kind = case.workload.target.kind;
    match case.way() {
        _ if action == Action::CloseGate => {
            impossible("it asks no manual gate", "only Flagger's Canaries ask one; pause holds it")
        }
        Way::OtherRollout => impossible(
            "its strategy is neither canary nor blue-green",
            "mend the Rollout's spec.strategy",
        ),
        Way::BlueGreen if action == Action::ScaleDown => impossible(
            "blue-green: the active Service decides where traffic goes",
            "abort, or roll back",
        ),
        Way::BlueGreen => impossible("blue-green has no steps", "promote switches it"),
        Way::Deployment | Way::StatefulSet | Way::DaemonSet => {
            let remedy = match action {
                Action::Abort => "pause holds it, roll back undoes it",
                Action::Promote
                | Action::PromoteFull
                | Action::Skip { .. }
                | Action::Terminate
                | Action::ScaleDown
                | Action::Retry => "it knows pause, roll back and restart",
                Action::Pause
                | Action::Resume
                | Action::Rollback { .. }
                | Action::Restart
                | Action::CloseGate
                | Action::Comment => "",
            };
            impossible(&format!("a {kind} has no {}", action.title()), remedy)
        }
        Way::DeploymentConfig => rows_openshift::no_row(action, case),
        Way::Experiment => {
            impossible(&format!("an Experiment has no {}", action.title()), "it knows terminate")
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
        deadline: row.deadline.max(flagger::patience(row, case)),
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
