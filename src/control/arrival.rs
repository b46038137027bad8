//! Whether the world has arrived where a deed wanted it (`design/deeds.md`, column "arrived").
//!
//! Our own write already shows some of the wanted fields; only what the controller alone writes proves that it acted.
//! Facts older than the answer to our write prove nothing at all.

use super::arrival_flagger;
use super::arrival_native::{cancelled, complete, complete_with, held, moved, partition};
use super::deeds::case::{Case, PAUSE_BLUE_GREEN, PAUSE_STEP, Way, has_pods};
use super::deeds::terminate;
use super::footing::Aborted;
use super::plan::{Arrival, Plan};
use crate::analysis::router_weight;
use crate::domain::ids::{Generation, Name, PodHash, ResourceVersion};
use crate::domain::text::Text;
use crate::domain::workload::Workload;

/// How our mark in `status.message` begins; the controller writes over it as soon as it acts.
pub const MARK_PREFIX: &str = "pilothouse ";

/// From when on facts count: what the answers to our writes said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Since {
    /// Version of the workload's own object after our last write to it.
    pub version: Option<ResourceVersion>,
    /// Its generation then.
    pub generation: Option<Generation>,
    /// Generation of the Deployment that holds the template, after our write to it.
    pub template_generation: Option<Generation>,
}

/// What the facts say of a deed that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// It is done.
    Arrived,
    /// It may still come; what is missing.
    NotYet(Text),
    /// The controller dropped it: it will not come by itself.
    Dropped(Text),
    /// Somebody or something else decided otherwise meanwhile.
    Superseded(Text),
}

/// Whether facts come from before or after our write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Before,
    After,
    CannotTell,
}

/// Judges an accepted deed by the facts.
#[must_use]
pub fn judge(plan: &Plan, since: &Since, workload: &Workload) -> Judgement {
    if workload.meta.uid != plan.footing.uid {
        return superseded("it was deleted and created again");
    }
    match seen(since, workload) {
        Seen::Before => not_yet("the watch has not shown the write yet"),
        Seen::After => by_facts(plan, since, workload),
        Seen::CannotTell => match by_facts(plan, since, workload) {
            Judgement::Dropped(why) | Judgement::Superseded(why) => Judgement::NotYet(why),
            sure @ (Judgement::Arrived | Judgement::NotYet(_)) => sure,
        },
    }
}

/// Whether the world stands where the deed wanted it, with whoever's help: all that can be said of a write without an
/// answer after a gap in the watch.
#[must_use]
pub fn stands(plan: &Plan, workload: &Workload) -> bool {
    let case = Case::of(workload);
    let current = |hash: &PodHash| workload.current_hash() == Some(hash);
    match &plan.arrival {
        Arrival::Paused => case.hand_paused(),
        Arrival::Resumed => !case.hand_paused(),
        Arrival::PassedStep { from } => step_index(case).is_some_and(|index| index != *from),
        Arrival::PauseGone { run } => case.pauses().is_empty() || is_new_run(case, run.as_ref()),
        Arrival::ReachedStep { index, .. } => step_index(case).is_some_and(|now| now >= *index),
        Arrival::RunsEnded(names) => names.iter().all(|name| !is_running(case, name)),
        Arrival::ScaledDown => case.current_set().is_some_and(|set| !has_pods(set)),
        // A roll back to stable stands when that is wanted; a promotion wants nothing that was not wanted before.
        Arrival::Switched(hash) => {
            let back = plan.footing.current.as_ref() != Some(hash);
            active(case) == Some(hash) || (back && current(hash))
        }
        Arrival::FullyPromoted(hash) => case.stable() == Some(hash),
        Arrival::Aborted => matches!(case.abort(), Aborted::Asked | Aborted::Done),
        Arrival::Cancelled => cancelled(plan, case) == Judgement::Arrived,
        Arrival::Retried => matches!(case.abort(), Aborted::No | Aborted::Lifted),
        Arrival::RolledBack(hash) | Arrival::Complete(hash) => current(hash),
        Arrival::Restarted => workload.meta.generation > plan.footing.generation,
        Arrival::Held { partition: wanted } | Arrival::Released { partition: wanted } => {
            partition(case) == Some(*wanted)
        }
        Arrival::Canary(arrival) => arrival_flagger::stands(*arrival, case),
        Arrival::Said => true,
    }
}

fn seen(since: &Since, workload: &Workload) -> Seen {
    let now = &workload.meta.resource_version;
    let Some(then) = &since.version else {
        return match since.generation {
            Some(generation) if workload.meta.generation >= generation => Seen::After,
            Some(_) => Seen::Before,
            None => Seen::CannotTell,
        };
    };
    match (number(then), number(now)) {
        (Some(then), Some(now)) if now >= then => Seen::After,
        (Some(_), Some(_)) => Seen::Before,
        _ if then == now => Seen::After,
        _ => Seen::CannotTell,
    }
}

/// True when `one` is a later version than `other`; of versions that are no numbers, another one counts as later.
pub(super) fn is_later(one: &ResourceVersion, other: &ResourceVersion) -> bool {
    match (number(one), number(other)) {
        (Some(one), Some(other)) => one > other,
        (None, _) | (_, None) => one != other,
    }
}

/// Versions are numbers that grow on every API server there is (and since Kubernetes 1.35 by contract);
/// what is none is compared for equality only.
fn number(version: &ResourceVersion) -> Option<u64> {
    version.as_str().parse().ok()
}

fn by_facts(plan: &Plan, since: &Since, workload: &Workload) -> Judgement {
    let case = Case::of(workload);
    if plan.writes.iter().any(|write| write.subresource.is_some()) && is_marked(case) {
        return not_yet("the controller has not acted on it yet");
    }
    match &plan.arrival {
        Arrival::Paused => paused(case),
        Arrival::Resumed => resumed(case),
        Arrival::PassedStep { from } => in_release(plan, case, passed(case, *from)),
        Arrival::PauseGone { run } => in_release(plan, case, pause_gone(case, run.as_ref())),
        Arrival::ReachedStep { index, run } => {
            in_release(plan, case, reached(case, *index, run.as_ref()))
        }
        Arrival::RunsEnded(names) => in_release(plan, case, runs_ended(case, names)),
        Arrival::ScaledDown => scaled_down(plan, case),
        Arrival::Switched(hash) => towards(plan, case, hash, switched),
        Arrival::FullyPromoted(hash) => promoted(case, hash),
        Arrival::Aborted => aborted(plan, case),
        Arrival::Cancelled => cancelled(plan, case),
        Arrival::Retried => retried(plan, case),
        Arrival::RolledBack(hash) => match template_seen(since, case) {
            Some(missing) => missing,
            None => towards(plan, case, hash, rolled_back),
        },
        Arrival::Complete(hash) => complete_with(since, case, hash),
        Arrival::Restarted => restarted(case),
        Arrival::Held { partition: wanted } => held(case, *wanted),
        Arrival::Released { partition: wanted } => {
            moved(case, *wanted).unwrap_or_else(|| complete(case))
        }
        Arrival::Canary(arrival) => arrival_flagger::judge(*arrival, case),
        Arrival::Said => Judgement::Arrived,
    }
}

/// Our mark still stands in `status.message`: the controller has not written since. For a deed that writes no status it
/// tells of another one only.
fn is_marked(case: Case<'_>) -> bool {
    case.rollout()
        .and_then(|rollout| rollout.status.message.as_ref())
        .is_some_and(|message| message.as_str().starts_with(MARK_PREFIX))
}

fn paused(case: Case<'_>) -> Judgement {
    if !case.hand_paused() {
        return superseded("somebody resumed it");
    }
    if !case.observed() {
        return not_yet("the controller has not seen it yet");
    }
    // A Deployment that was past its deadline before keeps that reason.
    let said = case.deployment().is_none()
        || matches!(progressing(case), Some("DeploymentPaused" | "ProgressDeadlineExceeded"));
    if said { Judgement::Arrived } else { not_yet("the controller has not said that it holds") }
}

fn resumed(case: Case<'_>) -> Judgement {
    if case.hand_paused() {
        return superseded("somebody paused it again");
    }
    if case.is_native() {
        return complete(case);
    }
    if case.observed() { Judgement::Arrived } else { not_yet("the controller has not seen it yet") }
}

/// A deed inside one release: another wanted version or an abort ends it.
fn in_release(plan: &Plan, case: Case<'_>, judged: Judgement) -> Judgement {
    if case.current() != plan.footing.current.as_ref() {
        return superseded("another version is wanted now");
    }
    if judged != Judgement::Arrived && case.abort() != Aborted::No {
        return superseded("it was aborted");
    }
    judged
}

fn passed(case: Case<'_>, from: u32) -> Judgement {
    if step_index(case) != Some(from) {
        return not_reacted(case).map_or(Judgement::Arrived, not_yet);
    }
    if case.waits_for(PAUSE_STEP) {
        return dropped("the gate came back");
    }
    not_yet("it is still at the same step")
}

fn pause_gone(case: Case<'_>, run: Option<&Name>) -> Judgement {
    let controller_pause =
        case.rollout().is_some_and(|rollout| rollout.status.flags.controller_pause);
    match (controller_pause, case.pauses().is_empty()) {
        (false, _) => Judgement::Arrived,
        (true, _) if is_new_run(case, run) => Judgement::Arrived,
        (true, true) => not_yet("the controller has not reacted yet"),
        (true, false) => dropped("the gate came back"),
    }
}

fn reached(case: Case<'_>, index: u32, run: Option<&Name>) -> Judgement {
    match step_index(case) {
        Some(now) if now >= index => {}
        Some(now) => return superseded(&format!("it is back at step index {now}")),
        None => return not_yet("no step is named"),
    }
    let same_run = run.is_some() && case.step_run().map(|now| &now.name) == run;
    if same_run { not_yet("the old step's analysis still runs") } else { Judgement::Arrived }
}

fn runs_ended(case: Case<'_>, names: &[Name]) -> Judgement {
    match names.iter().find(|name| is_running(case, name)) {
        Some(name) => not_yet(&format!("{name} still runs")),
        None => Judgement::Arrived,
    }
}

/// The Rollout still waits for this analysis or experiment.
fn is_running(case: Case<'_>, name: &Name) -> bool {
    terminate::running(case).iter().any(|object| object.name == *name)
}

fn scaled_down(plan: &Plan, case: Case<'_>) -> Judgement {
    if case.current() != plan.footing.current.as_ref() {
        return superseded("another version is wanted now");
    }
    match case.current_set() {
        Some(set) if !has_pods(set) => Judgement::Arrived,
        Some(set) if set.replicas.desired == Some(0) => {
            let left = set.replicas.available.unwrap_or(0);
            not_yet(&format!("{left} pods of the new version still serve"))
        }
        Some(_) => not_yet("the new version's pods are not taken away yet"),
        None => not_yet("the new version's pods are not known"),
    }
}

/// For deeds that aim at a hash: until the controller has computed the wanted hash anew, the old one stands there
/// (for 60 ms even with the generation observed); a third one means that somebody else decided.
fn towards(
    plan: &Plan,
    case: Case<'_>,
    hash: &PodHash,
    then: fn(Case<'_>, &PodHash) -> Judgement,
) -> Judgement {
    match case.current() {
        Some(current) if current == hash => then(case, hash),
        current if current == plan.footing.current.as_ref() => {
            not_yet("the controller has not seen the template yet")
        }
        Some(other) => superseded(&format!("version {other} is wanted now")),
        None => not_yet("the controller has not said which version it wants"),
    }
}

fn switched(case: Case<'_>, hash: &PodHash) -> Judgement {
    if active(case) == Some(hash) {
        return Judgement::Arrived;
    }
    if matches!(case.abort(), Aborted::Asked | Aborted::Done) {
        return superseded("it was aborted");
    }
    if case.waits_for(PAUSE_BLUE_GREEN) {
        return dropped("the gate came back");
    }
    not_yet("the active Service has not moved yet")
}

fn promoted(case: Case<'_>, hash: &PodHash) -> Judgement {
    let asked = case.rollout().is_some_and(|rollout| rollout.status.flags.promote_full);
    if case.current() != Some(hash) {
        return superseded("another version is wanted now");
    }
    match (case.stable() == Some(hash), asked) {
        (true, false) => Judgement::Arrived,
        (_, true) => not_yet("its pods are not all available yet"),
        (false, false) => dropped("the controller took the promotion back without promoting"),
    }
}

fn aborted(plan: &Plan, case: Case<'_>) -> Judgement {
    if case.current() != plan.footing.current.as_ref() {
        return superseded("another version is wanted now");
    }
    match case.abort() {
        Aborted::No if case.in_flight() => dropped("the controller dropped the abort"),
        Aborted::No => dropped("the controller dropped the abort: the new version is promoted"),
        Aborted::Lifted => superseded("somebody retried it"),
        Aborted::Asked => not_yet("the controller has not acted on it yet"),
        Aborted::Done => still_served(case),
    }
}

/// What the aborted version still has.
fn still_served(case: Case<'_>) -> Judgement {
    let Some(rollout) = case.rollout() else { return not_yet("it is no Rollout") };
    match (case.way(), rollout.spec.traffic.routed) {
        (Way::BlueGreen, _) if active(case) == case.stable() => Judgement::Arrived,
        (Way::BlueGreen, _) => not_yet("the active Service is not back yet"),
        (_, true) => match rollout.status.weights {
            Some(weights) if weights.canary == 0 => match router_weight::carried(rollout) {
                Some((route, object)) if route > 0 => {
                    not_yet(&format!("{} still gives the new version {route} %", object.name))
                }
                Some(_) | None => Judgement::Arrived,
            },
            Some(weights) => {
                not_yet(&format!("the new version still has weight {}", weights.canary))
            }
            None => not_yet("the router's weights are not known"),
        },
        (_, false) => match case.current_set() {
            Some(set) if set.replicas.desired == Some(0) => match set.replicas.available {
                None | Some(0) => Judgement::Arrived,
                Some(pods) => not_yet(&format!("{pods} pods of the new version still serve")),
            },
            Some(_) => not_yet("the new version's pods are not taken away yet"),
            None => not_yet("the new version's pods are not known"),
        },
    }
}

fn retried(plan: &Plan, case: Case<'_>) -> Judgement {
    if case.current() != plan.footing.current.as_ref() {
        return superseded("another version is wanted now");
    }
    match case.abort() {
        Aborted::Asked | Aborted::Done => superseded("it was aborted again"),
        Aborted::Lifted => not_yet("the controller has not acted on it yet"),
        Aborted::No if progressing(case) == Some("RolloutAborted") => {
            not_yet("the controller still calls it aborted")
        }
        Aborted::No => Judgement::Arrived,
    }
}

/// With `workloadRef`: the Rollout has seen the Deployment as it was after our write.
fn template_seen(since: &Since, case: Case<'_>) -> Option<Judgement> {
    let wanted = since.template_generation?;
    let source = case.rollout()?.spec.workload_ref.as_ref()?;
    let seen = source.generation.is_some_and(|seen| seen >= wanted.0) && case.observed();
    (!seen).then(|| not_yet("the Rollout has not seen the Deployment's template yet"))
}

fn rolled_back(case: Case<'_>, hash: &PodHash) -> Judgement {
    let Some(rollout) = case.rollout() else { return not_yet("it is no Rollout") };
    if matches!(case.abort(), Aborted::Asked | Aborted::Done) {
        return superseded("the way back was aborted");
    }
    if !case.observed() {
        return not_yet("the controller has not seen the newest spec yet");
    }
    if case.stable() != Some(hash) {
        return not_yet(&match case.step() {
            Some((index, _)) => {
                format!("on its way back: step {} of {}", index + 1, case.step_count())
            }
            None => "on its way back: not stable yet".to_owned(),
        });
    }
    // The phase is Healthy some 50 ms before the router has the old weight.
    match rollout.status.weights {
        Some(weights) if weights.canary > 0 => {
            not_yet(&format!("the other version still has weight {}", weights.canary))
        }
        Some(_) | None => healthy(case),
    }
}

fn healthy(case: Case<'_>) -> Judgement {
    let phase = case.rollout().and_then(|rollout| rollout.status.phase.as_ref());
    match phase.map(Text::as_str) {
        Some("Healthy") => Judgement::Arrived,
        Some(other) => not_yet(&format!("the controller calls it {other}")),
        None => not_yet("the controller names no phase"),
    }
}

fn restarted(case: Case<'_>) -> Judgement {
    let Some(rollout) = case.rollout() else { return complete(case) };
    if !case.observed() {
        return not_yet("the controller has not seen it yet");
    }
    if rollout.spec.restart_at.is_none() || rollout.spec.restart_at != rollout.status.restarted_at {
        return not_yet("older pods are left");
    }
    match healthy(case) {
        // What is held or aborted is never called Healthy: then all pods have to be available.
        Judgement::NotYet(_) if case.in_flight() || case.hand_paused() => {
            let counts = case.workload.replicas;
            match (counts.desired, counts.available) {
                (Some(desired), Some(available)) if available >= desired => Judgement::Arrived,
                _ => not_yet("not all pods are available"),
            }
        }
        judged @ (Judgement::Arrived
        | Judgement::NotYet(_)
        | Judgement::Dropped(_)
        | Judgement::Superseded(_)) => judged,
    }
}

/// `controllerPause` without a condition: a human let it go, and the controller has not reacted.
fn not_reacted(case: Case<'_>) -> Option<&'static str> {
    let flags = case.rollout()?.status.flags;
    (flags.controller_pause && case.pauses().is_empty())
        .then_some("the controller has not reacted yet")
}

fn is_new_run(case: Case<'_>, old: Option<&Name>) -> bool {
    let Some((rollout, old)) = case.rollout().zip(old) else { return false };
    let runs = &rollout.status.runs;
    let names: Vec<&Name> = [&runs.background, &runs.pre_promotion, &runs.post_promotion]
        .into_iter()
        .flatten()
        .map(|run| &run.name)
        .collect();
    !names.is_empty() && !names.contains(&old)
}

fn step_index(case: Case<'_>) -> Option<u32> {
    case.rollout().and_then(|rollout| rollout.status.step_index)
}

fn active(case: Case<'_>) -> Option<&PodHash> {
    case.rollout().and_then(|rollout| rollout.status.selectors.active.as_ref())
}

fn progressing(case: Case<'_>) -> Option<&str> {
    case.workload.condition("Progressing").map(|condition| condition.reason.as_str())
}

pub(super) fn not_yet(why: &str) -> Judgement {
    Judgement::NotYet(Text::clean(why))
}

fn dropped(why: &str) -> Judgement {
    Judgement::Dropped(Text::clean(why))
}

pub(super) fn superseded(why: &str) -> Judgement {
    Judgement::Superseded(Text::clean(why))
}
