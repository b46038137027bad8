//! What must hold before a deed makes sense: each need asks one question, and says what it found and what to do.

use super::case::{Case, PAUSE_STEP, Way, has_pods};
use super::flagger::CanaryNeed;
use super::{rows_openshift, target, terminate};
use crate::control::action::Action;
use crate::control::check::{CheckId, Refusal};
use crate::control::footing::Aborted;
use crate::control::plan::PlanContext;
use crate::domain::rollout::Step;
use crate::domain::workload::Strategy;

/// The needs of the table of deeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// It is not being deleted.
    Living,
    /// A Deployment whose template no Rollout took over.
    Own,
    /// Somebody paused it by hand.
    HandPaused,
    /// Nobody paused it by hand.
    NotHandPaused,
    /// The controller waits for something.
    Gate,
    /// A step of a canary runs.
    StepRuns,
    /// No analysis beside the steps is without an answer.
    BackgroundDecided,
    /// An update is on its way.
    InFlight,
    /// The controller has seen the spec.
    Observed,
    /// It is aborted.
    Aborted,
    /// It is not aborted.
    NotAborted,
    /// It is not aborted, or the new version still serves although it is.
    AbortNotDone,
    /// The ReplicaSet of the stable version exists.
    StableKept,
    /// The update is no way back inside the rollback window: there the controller ignores abort, and a pause by hand
    /// that was lifted would let it go on.
    OutsideWindow,
    /// There is a revision to go back to.
    Target,
    /// The object with the template is one we can write to.
    TemplateWritable,
    /// A StatefulSet or DaemonSet whose controller replaces pods by itself.
    Rolling,
    /// It says how many pods it wants.
    CountSaid,
    /// A StatefulSet that a partition holds.
    Partitioned,
    /// The step that is gone to comes after the running one.
    StepAhead,
    /// An analysis or experiment of the Rollout runs.
    AnalysisRuns,
    /// The Experiment is not over, and nobody has asked for its end.
    ExperimentRuns,
    /// Pods carry the traffic, no router does.
    ByPods,
    /// An abort is asked for, and the controller has not acted on it.
    AbortUnanswered,
    /// The stable version has pods that serve.
    StableServes,
    /// The new version has pods.
    NewPods,
    /// OpenShift's deployer works on the newest version.
    Deploying,
    /// Flagger's.
    Canary(CanaryNeed),
}

impl Need {
    /// Why the need is not met, if it is not.
    pub(super) fn judge(
        self,
        case: Case<'_>,
        action: Action,
        context: Option<&PlanContext<'_>>,
    ) -> Option<Refusal> {
        match self {
            Self::Living => living(case),
            Self::Own => own(case),
            Self::HandPaused => hand_paused(case),
            Self::NotHandPaused => not_hand_paused(case, action),
            Self::Gate => gate(case),
            Self::StepRuns => step_runs(case),
            Self::BackgroundDecided => background_decided(case),
            Self::InFlight => in_flight(case, action),
            Self::Observed => observed(case),
            Self::Aborted => aborted(case),
            Self::NotAborted => not_aborted(case, action),
            Self::AbortNotDone => abort_not_done(case),
            Self::StableKept => stable_kept(case),
            Self::OutsideWindow => outside_window(case),
            Self::Target => target::choose(case, action, context).err(),
            Self::TemplateWritable => template_writable(case),
            Self::Rolling => unless(
                (case.workload.strategy == Strategy::RollingUpdate).into(),
                "its strategy is OnDelete: no pod is replaced until somebody deletes it",
                "nothing to pause",
            ),
            Self::CountSaid => unless(
                case.workload.replicas.desired.is_some().into(),
                "it does not say how many pods it wants",
                "set spec.replicas",
            ),
            Self::Partitioned => unless(
                case.stateful().is_some_and(|facts| facts.partition.unwrap_or(0) > 0).into(),
                "nobody paused it: its partition is 0",
                "nothing to resume",
            ),
            Self::StepAhead => step_ahead(case, action),
            Self::AnalysisRuns => unless(
                (!terminate::running(case).is_empty()).into(),
                "no analysis of it runs",
                "nothing to end",
            ),
            Self::ExperimentRuns => experiment_runs(case),
            Self::ByPods => unless(
                (!case.routed()).into(),
                "a router carries the traffic: it would go on sending the new version its share, to nobody",
                "take the weight back at the router itself, or start the controller again",
            ),
            Self::AbortUnanswered => abort_unanswered(case),
            Self::StableServes => unless(
                case.stable_set().is_some_and(|set| set.replicas.available.unwrap_or(0) > 0).into(),
                "no pod of the stable version is known to serve: nobody would be left",
                "start the controller again",
            ),
            Self::NewPods => unless(
                case.current_set().is_some_and(has_pods).into(),
                "the new version has no pods",
                "nothing to take away",
            ),
            Self::Deploying => rows_openshift::deploying(case),
            Self::Canary(need) => need.judge(case),
        }
    }
}

pub(super) fn impossible(why: &str, remedy: &str) -> Refusal {
    Refusal::new(CheckId::Possible, why, remedy)
}

fn unless(holds: Holds, why: &str, remedy: &str) -> Option<Refusal> {
    match holds {
        Holds::Yes => None,
        Holds::No => Some(impossible(why, remedy)),
    }
}

/// Whether a need holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Yes,
    No,
}

impl From<bool> for Holds {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

fn living(case: Case<'_>) -> Option<Refusal> {
    let holds = case.workload.meta.deleting.is_none();
    unless(holds.into(), "it is being deleted", "nothing is possible with it any more")
}

fn own(case: Case<'_>) -> Option<Refusal> {
    let (kind, name) = case.workload.part_of.as_ref()?;
    let own = case.workload.target.kind;
    Some(impossible(
        &format!("{kind} {name} took this {own} over"),
        &format!("act on {} {name}", kind.name().to_lowercase()),
    ))
}

fn experiment_runs(case: Case<'_>) -> Option<Refusal> {
    let experiment = case.workload.experiment()?;
    if experiment.is_over() {
        return Some(impossible("it is over already", "nothing to end"));
    }
    unless(
        (!experiment.terminate).into(),
        "its end is asked for already",
        "wait for its controller",
    )
}

fn hand_paused(case: Case<'_>) -> Option<Refusal> {
    let remedy = match (case.way(), case.pauses().is_empty()) {
        (Way::Canary | Way::BlueGreen, false) => "it waits at a gate: promote",
        (
            Way::Canary
            | Way::BlueGreen
            | Way::OtherRollout
            | Way::Flagger
            | Way::Deployment
            | Way::StatefulSet
            | Way::DaemonSet
            | Way::DeploymentConfig
            | Way::Experiment,
            _,
        ) => "nothing to resume",
    };
    unless(case.hand_paused().into(), "nobody paused it by hand", remedy)
}

fn not_hand_paused(case: Case<'_>, action: Action) -> Option<Refusal> {
    if !case.hand_paused() {
        return None;
    }
    let (why, remedy) = match action {
        Action::Pause => ("it is paused by hand already", "resume lets it go on"),
        Action::Promote => (
            "it is paused by hand: the approval would be eaten and the gate would come back",
            "resume first, then promote",
        ),
        Action::PromoteFull => (
            "it is paused by hand: a full promotion would hang until somebody resumes it",
            "resume first",
        ),
        Action::Skip { .. }
        | Action::Resume
        | Action::Terminate
        | Action::Abort
        | Action::ScaleDown
        | Action::Retry
        | Action::Rollback { .. }
        | Action::Restart
        | Action::CloseGate
        | Action::Comment => ("it is paused by hand", "resume first"),
    };
    Some(impossible(why, remedy))
}

fn gate(case: Case<'_>) -> Option<Refusal> {
    if !case.pauses().is_empty() {
        return None;
    }
    let controller_pause =
        case.rollout().is_some_and(|rollout| rollout.status.flags.controller_pause);
    let (why, remedy) = match (case.way(), controller_pause, case.step()) {
        (_, true, _) => (
            "somebody let it go on already, and the controller has not reacted yet",
            "wait for the controller",
        ),
        (Way::Canary, false, Some(_)) if case.in_flight() => {
            ("it waits for nothing: a step is running", "wait for the step, or skip it")
        }
        (
            Way::Canary
            | Way::BlueGreen
            | Way::OtherRollout
            | Way::Flagger
            | Way::Deployment
            | Way::StatefulSet
            | Way::DaemonSet
            | Way::DeploymentConfig
            | Way::Experiment,
            false,
            _,
        ) => ("it waits for nothing", "nothing to promote"),
    };
    Some(impossible(why, remedy))
}

fn step_runs(case: Case<'_>) -> Option<Refusal> {
    if case.step().is_some() {
        return None;
    }
    let why = if case.step_count() == 0 { "it has no steps" } else { "all its steps are done" };
    Some(impossible(why, "nothing to skip"))
}

fn step_ahead(case: Case<'_>, action: Action) -> Option<Refusal> {
    let Action::Skip { to: Some(number) } = action else { return None };
    let (first, last) = (case.next_index().saturating_add(1), case.step_count());
    let remedy = format!("steps {first} to {last} can be skipped to");
    if number > last {
        return Some(impossible(
            &format!("it has {last} steps: there is no step {number}"),
            &remedy,
        ));
    }
    let why = format!("step {number} is not after the running one: steps are not run backwards");
    (number < first).then(|| impossible(&why, &remedy))
}

fn abort_unanswered(case: Case<'_>) -> Option<Refusal> {
    let (why, remedy) = match case.abort() {
        Aborted::Asked => return None,
        Aborted::Done => ("its controller has acted on the abort", "nothing to do"),
        Aborted::No | Aborted::Lifted => (
            "no abort is asked for",
            "abort first; this is for a controller that does not act on it",
        ),
    };
    Some(impossible(why, remedy))
}

/// On a step that is not a pause, skipping would take an unanswered background analysis away without a word.
fn background_decided(case: Case<'_>) -> Option<Refusal> {
    let run = case.inconclusive_aside()?;
    let at_gate = case.waits_for(PAUSE_STEP) && matches!(case.step(), Some((_, Step::Pause(_))));
    (!at_gate).then(|| {
        impossible(
            &format!("the analysis {} came to no answer, and it waits for that", run.name),
            "promote accepts it as passed, abort as failed",
        )
    })
}

fn in_flight(case: Case<'_>, action: Action) -> Option<Refusal> {
    if case.in_flight() {
        return None;
    }
    let abort = action == Action::Abort;
    let (why, remedy) = match (case.first_deploy(), abort) {
        (true, true) => (
            "its first version was never fully promoted: there is nothing to go back to",
            "pause holds it",
        ),
        (true, false) => ("its first version is still coming up: no step is run", "wait for it"),
        (false, true) => (
            "no update is on its way: the wanted version is the stable one",
            "roll back goes to an older revision",
        ),
        (false, false) => ("no update is on its way", "nothing to do"),
    };
    Some(impossible(why, remedy))
}

fn observed(case: Case<'_>) -> Option<Refusal> {
    unless(
        case.observed().into(),
        "the controller has not seen the newest spec yet, and would drop it",
        "wait a second and ask again; pause works now",
    )
}

fn aborted(case: Case<'_>) -> Option<Refusal> {
    match case.abort() {
        Aborted::Asked | Aborted::Done => None,
        Aborted::No => Some(impossible("it is not aborted", "nothing to retry")),
        Aborted::Lifted => Some(impossible("it was retried already", "wait for the controller")),
    }
}

fn not_aborted(case: Case<'_>, action: Action) -> Option<Refusal> {
    if matches!(case.abort(), Aborted::No | Aborted::Lifted) {
        return None;
    }
    let why = match action {
        Action::PromoteFull => "it is aborted: a full promotion would ship the aborted version",
        Action::Pause
        | Action::Resume
        | Action::Promote
        | Action::Skip { .. }
        | Action::Terminate
        | Action::Abort
        | Action::ScaleDown
        | Action::Retry
        | Action::Rollback { .. }
        | Action::Restart
        | Action::CloseGate
        | Action::Comment => "it is aborted",
    };
    Some(impossible(why, "retry starts it again from its first step"))
}

fn abort_not_done(case: Case<'_>) -> Option<Refusal> {
    match case.abort() {
        Aborted::No | Aborted::Asked | Aborted::Lifted => None,
        Aborted::Done if case.still_serving() => None,
        Aborted::Done => Some(impossible(
            "it is aborted already, and the new version serves nothing",
            "retry starts it again; roll back changes what the spec wants",
        )),
    }
}

fn stable_kept(case: Case<'_>) -> Option<Refusal> {
    unless(
        case.stable_set().is_some().into(),
        "the ReplicaSet of the stable version is not known here",
        "name an older revision with roll back, or pause",
    )
}

fn outside_window(case: Case<'_>) -> Option<Refusal> {
    let holds = !case.flies_within_window();
    unless(
        holds.into(),
        "inside the rollback window the controller ignores abort, and the pause by hand already holds it",
        "leave it paused; roll back goes to the stable version",
    )
}

fn template_writable(case: Case<'_>) -> Option<Refusal> {
    let source = case.rollout().and_then(|rollout| rollout.spec.workload_ref.as_ref())?;
    (source.kind.as_str() != "Deployment").then(|| {
        impossible(
            &format!("its template lives in {} {}", source.kind, source.name),
            "only a Deployment can be written to; change the template where it is made",
        )
    })
}
