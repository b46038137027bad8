//! From a recipe of the table to the exact writes, and to what the watch must show afterwards.

use super::case::{Case, PAUSE_BLUE_GREEN, PAUSE_STEP, Way};
use super::draw_native::{self as native, removal};
use super::flagger::{self, CanaryRecipe};
use super::needs::impossible;
use super::target::{self, Target};
use super::{rows_openshift, scale_down, terminate};
use crate::control::action::Action;
use crate::control::check::Refusal;
use crate::control::plan::{
    Arrival, Change, ObjectKind, ObjectRef, PatchFormat, PatchOp, PlanContext, Subresource, Value,
    Write,
};
use crate::domain::ids::{Name, PodHash};
use crate::domain::workload::ReplicaSet;

/// What a row of the table writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Recipe {
    /// `spec.paused` true.
    Pause,
    /// `spec.paused` false; a Deployment: taken away.
    Resume,
    /// The controller's pause conditions away ("C").
    ClearPause,
    /// The same, and past the running step ("B").
    PassStep,
    /// `status.promoteFull`.
    PromoteFull,
    /// `status.abort`.
    Abort,
    /// The same, and the pause by hand away.
    AbortAndUnpause,
    /// The stable template back into the spec.
    BackToStable,
    /// `status.abort` false.
    Retry,
    /// An older template back into the spec.
    Rollback,
    /// A restart asked for now.
    Restart,
    /// The end of what measures.
    Terminate,
    /// The new version's pods away.
    ScaleDown,
    /// A StatefulSet's partition above all its pods.
    Hold,
    /// A StatefulSet's partition back to what it was.
    Release,
    /// OpenShift's deployer told to end.
    Cancel,
    /// Flagger's.
    Canary(CanaryRecipe),
    /// Nothing is written.
    Comment,
}

/// Writes and what they must lead to.
pub(super) struct Drawn {
    pub writes: Vec<Write>,
    pub arrival: Arrival,
}

/// Follows the recipe.
pub(super) fn draw(
    recipe: Recipe,
    case: Case<'_>,
    action: Action,
    context: Option<&PlanContext<'_>>,
) -> Result<Drawn, Refusal> {
    let one = |write: Write, arrival: Arrival| Drawn { writes: vec![write], arrival };
    match recipe {
        Recipe::Pause => Ok(one(pause_write(case), Arrival::Paused)),
        Recipe::Resume => Ok(one(resume_write(case), Arrival::Resumed)),
        Recipe::ClearPause => Ok(one(
            status(case, vec![set(PAUSE_CONDITIONS, Value::Null)], "the pause is taken away"),
            gate_arrival(case)?,
        )),
        Recipe::PassStep => {
            let index = skip_index(case, action);
            Ok(one(pass_step(case, index), reached(case, index)))
        }
        Recipe::Terminate => Ok(terminate::draw(case)),
        Recipe::ScaleDown => scale_down::draw(case),
        Recipe::PromoteFull => Ok(one(
            status(case, vec![set(PROMOTE_FULL, Value::Bool(true))], "the promotion is asked for"),
            Arrival::FullyPromoted(current(case)?),
        )),
        Recipe::Abort => Ok(one(abort(case), Arrival::Aborted)),
        Recipe::AbortAndUnpause => {
            Ok(Drawn { writes: vec![abort(case), unpause(case)], arrival: Arrival::Aborted })
        }
        Recipe::BackToStable => {
            let target = target::stable(case).ok_or_else(no_stable)?;
            Ok(Drawn { writes: template(case, &target), arrival: Arrival::Switched(target.hash) })
        }
        Recipe::Retry => Ok(one(retry(case), Arrival::Retried)),
        Recipe::Rollback => {
            let target = target::choose(case, action, context)?;
            let mut writes = template(case, &target);
            let detail = context.and_then(|context| context.detail);
            writes.extend(target::in_the_way(case, &target, detail).into_iter().map(removal));
            let arrival = match case.way() {
                Way::Deployment | Way::StatefulSet | Way::DaemonSet => {
                    Arrival::Complete(target.hash)
                }
                Way::Canary
                | Way::BlueGreen
                | Way::OtherRollout
                | Way::Flagger
                | Way::DeploymentConfig
                | Way::Experiment => Arrival::RolledBack(target.hash),
            };
            Ok(Drawn { writes, arrival })
        }
        Recipe::Restart => Ok(one(restart(case), Arrival::Restarted)),
        Recipe::Hold => Ok(native::hold(case)),
        Recipe::Release => Ok(native::release(case)),
        Recipe::Cancel => rows_openshift::cancel(case),
        Recipe::Canary(recipe) => flagger::draw(recipe, case),
        Recipe::Comment => Ok(Drawn { writes: vec![], arrival: Arrival::Said }),
    }
}

const PAUSED: &[&str] = &["spec", "paused"];
const RESTART_AT: &[&str] = &["spec", "restartAt"];
const TEMPLATE: &[&str] = &["spec", "template"];
const ANNOTATIONS: &[&str] = &["metadata", "annotations"];
const RESTARTED_AT: &[&str] =
    &["spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"];
const PAUSE_CONDITIONS: &[&str] = &["status", "pauseConditions"];
const CONTROLLER_PAUSE: &[&str] = &["status", "controllerPause"];
const STEP_INDEX: &[&str] = &["status", "currentStepIndex"];
const PROMOTE_FULL: &[&str] = &["status", "promoteFull"];
const ABORT: &[&str] = &["status", "abort"];

fn pause_write(case: Case<'_>) -> Write {
    if case.way() == Way::DaemonSet {
        return native::stop(case);
    }
    spec(case, vec![set(PAUSED, Value::Bool(true))], "it is paused by hand")
}

fn resume_write(case: Case<'_>) -> Write {
    if case.way() == Way::DaemonSet {
        return native::go_on(case);
    }
    // kubectl takes the field away from a Deployment; the Rollout plugin writes false.
    let value = match case.way() {
        Way::Deployment | Way::StatefulSet | Way::DaemonSet => Value::Null,
        Way::Canary
        | Way::BlueGreen
        | Way::OtherRollout
        | Way::Flagger
        | Way::DeploymentConfig
        | Way::Experiment => Value::Bool(false),
    };
    spec(case, vec![set(PAUSED, value)], "the pause by hand is lifted")
}

fn unpause(case: Case<'_>) -> Write {
    spec(case, vec![set(PAUSED, Value::Bool(false))], "the pause by hand is lifted")
}

fn abort(case: Case<'_>) -> Write {
    // `promoteFull` false in the same patch: while it is true, the controller takes the abort back.
    let changes = vec![set(ABORT, Value::Bool(true)), set(PROMOTE_FULL, Value::Bool(false))];
    status(case, changes, "the abort is set")
}

fn retry(case: Case<'_>) -> Write {
    let mut changes = vec![set(ABORT, Value::Bool(false))];
    // A full promotion that was left over would be carried out by the retry.
    if case.rollout().is_some_and(|rollout| rollout.status.flags.promote_full) {
        changes.push(set(PROMOTE_FULL, Value::Bool(false)));
    }
    status(case, changes, "the abort is taken back")
}

/// The index of the step that runs next, counted from 0.
pub(super) fn skip_index(case: Case<'_>, action: Action) -> u32 {
    match action {
        Action::Skip { to: Some(number) } => number.saturating_sub(1),
        Action::Skip { to: None }
        | Action::Pause
        | Action::Resume
        | Action::Promote
        | Action::PromoteFull
        | Action::Terminate
        | Action::Abort
        | Action::ScaleDown
        | Action::Retry
        | Action::Rollback { .. }
        | Action::Restart
        | Action::CloseGate
        | Action::Comment => case.next_index(),
    }
}

fn pass_step(case: Case<'_>, index: u32) -> Write {
    // Without `controllerPause` false the controller runs over a human gate that follows.
    let changes = vec![
        set(PAUSE_CONDITIONS, Value::Null),
        set(CONTROLLER_PAUSE, Value::Bool(false)),
        set(STEP_INDEX, Value::Int(i64::from(index))),
    ];
    status(case, changes, "the step is passed")
}

fn restart(case: Case<'_>) -> Write {
    let path = match case.way() {
        Way::Deployment | Way::StatefulSet | Way::DaemonSet => RESTARTED_AT,
        Way::Canary
        | Way::BlueGreen
        | Way::OtherRollout
        | Way::Flagger
        | Way::DeploymentConfig
        | Way::Experiment => RESTART_AT,
    };
    spec(case, vec![set(path, Value::ServerTime)], "the restart is asked for")
}

/// Where the template lives, the template goes; then, if that is not the Rollout and it is paused by hand, the pause.
fn template(case: Case<'_>, target: &Target<'_>) -> Vec<Write> {
    let replace = |path, value| Change { path, op: PatchOp::Replace, value };
    let set_name = name_of(target.set);
    if matches!(case.way(), Way::StatefulSet | Way::DaemonSet) {
        return vec![native::back(case, set_name)];
    }
    let mut changes = vec![replace(TEMPLATE, Value::TemplateOf(set_name.clone()))];
    let source = case.rollout().and_then(|rollout| rollout.spec.workload_ref.as_ref());
    if case.way() == Way::Deployment {
        changes.push(replace(ANNOTATIONS, Value::AnnotationsOf(set_name)));
    } else if source.is_none() {
        changes.push(Change { path: PAUSED, op: PatchOp::Add, value: Value::Bool(false) });
    }
    let object = source.map_or_else(
        || own_object(case),
        |source| ObjectRef { kind: ObjectKind::Deployment, name: source.name.clone() },
    );
    let done = "the older template is wanted";
    let mut writes =
        vec![Write { object, subresource: None, format: PatchFormat::Json, changes, done }];
    if source.is_some() && case.hand_paused() {
        writes.push(unpause(case));
    }
    writes
}

fn gate_arrival(case: Case<'_>) -> Result<Arrival, Refusal> {
    match case.way() {
        Way::Canary if case.waits_for(PAUSE_STEP) => {
            Ok(Arrival::PassedStep { from: case.step().map_or(0, |(index, _)| index) })
        }
        Way::BlueGreen if case.waits_for(PAUSE_BLUE_GREEN) => Ok(Arrival::Switched(current(case)?)),
        Way::Canary
        | Way::BlueGreen
        | Way::OtherRollout
        | Way::Flagger
        | Way::Deployment
        | Way::StatefulSet
        | Way::DaemonSet
        | Way::DeploymentConfig
        | Way::Experiment => Ok(Arrival::PauseGone { run: case.inconclusive_run_name() }),
    }
}

fn reached(case: Case<'_>, index: u32) -> Arrival {
    Arrival::ReachedStep { index, run: case.step_run().map(|run| run.name.clone()) }
}

fn current(case: Case<'_>) -> Result<PodHash, Refusal> {
    case.current().cloned().ok_or_else(|| {
        impossible("the controller has not said which version it wants", "wait for the controller")
    })
}

fn no_stable() -> Refusal {
    impossible(
        "the ReplicaSet of the stable version is not known here",
        "name an older revision with roll back, or pause",
    )
}

fn name_of(set: &ReplicaSet) -> Name {
    set.name.clone()
}

pub(super) const fn set(path: &'static [&'static str], value: Value) -> Change {
    Change { path, op: PatchOp::Add, value }
}

pub(super) fn own_object(case: Case<'_>) -> ObjectRef {
    let target = &case.workload.target;
    ObjectRef { kind: ObjectKind::of(target.kind), name: target.name.clone() }
}

pub(super) fn spec(case: Case<'_>, changes: Vec<Change>, done: &'static str) -> Write {
    let object = own_object(case);
    Write { object, subresource: None, format: PatchFormat::Merge, changes, done }
}

fn status(case: Case<'_>, changes: Vec<Change>, done: &'static str) -> Write {
    let object = own_object(case);
    let subresource = Some(Subresource::Status);
    Write { object, subresource, format: PatchFormat::Merge, changes, done }
}
