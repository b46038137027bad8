//! Who needs a human, why and since when; and the order of the fleet.
//!
//! Needs a human, as Argo Rollouts' own classification has it (`reference/rollouts.md` §1.4): a pause by hand, an
//! inconclusive analysis, a pause step without a duration, a blue-green that does not promote itself. Beside these: a
//! canary that fails against stable, a rollout that is stuck or degraded, and the one that the tools miss: aborted, and
//! still serving (`design/deeds.md`, trap 13 of `reference/rollouts.md`).

use std::time::Duration;

use super::bounds;
use super::experiment_status;
use super::flagger_status;
use super::openshift_status;
use super::rollout_status::{self, Health, Status};
use super::router_weight;
use super::stall;
use super::steps;
use crate::domain::detail::Detail;
use crate::domain::observed::{Timestamp, age};
use crate::domain::rollout::{Rollout, Step};
use crate::domain::text::Text;
use crate::domain::workload::{Controller, Workload};

/// An abort that the controller acts on is over within a second (basic canary) or within the weight's round trip;
/// what still serves after this will go on serving.
const ABORT_SETTLES_WITHIN: Duration = Duration::from_secs(20);

/// Why a human is needed, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NeedKind {
    /// Aborted, and the aborted version still serves.
    NotAborted,
    /// The canary is worse than stable.
    Failing,
    /// Failed, aborted or impossible.
    Degraded,
    /// No progress within the deadline, or pods that cannot start.
    Stuck,
    /// An analysis ended without an answer.
    Inconclusive,
    /// Waits for a human's yes.
    Approval,
}

impl NeedKind {
    /// The word in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotAborted => "notAborted",
            Self::Failing => "failing",
            Self::Degraded => "degraded",
            Self::Stuck => "stuck",
            Self::Inconclusive => "inconclusive",
            Self::Approval => "approval",
        }
    }
}

/// A human is needed.
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    /// For what.
    pub kind: NeedKind,
    /// Why, in words.
    pub why: Text,
    /// Since when, where it is known.
    pub since: Option<Timestamp>,
}

/// The groups of the fleet, in the order of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// A human is needed.
    NeedsYou,
    /// On its way, or held for a time.
    Moving,
    /// Nothing happens.
    Steady,
}

impl Group {
    /// The heading on the screen.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::NeedsYou => "NEEDS YOU",
            Self::Moving => "MOVING",
            Self::Steady => "STEADY",
        }
    }
}

/// What is known beside the workload itself.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Its parts, when they are followed.
    pub detail: Option<&'a Detail>,
    /// Since when the canary fails against stable, and the worst metric's words.
    pub failing: Option<&'a (Timestamp, Text)>,
    /// Now.
    pub now: Timestamp,
}

/// Whether and why a human is needed.
#[must_use]
pub fn need(workload: &Workload, status: &Status, context: &Context<'_>) -> Option<Need> {
    let need = of_controller(workload, status, context)?;
    Some(bounded(workload, need, context))
}

/// A release that stalls, or is worse than stable, may do so because no more pods are made.
fn bounded(workload: &Workload, mut need: Need, context: &Context<'_>) -> Need {
    let may_wait = match need.kind {
        NeedKind::Failing | NeedKind::Stuck => true,
        NeedKind::NotAborted | NeedKind::Degraded | NeedKind::Inconclusive | NeedKind::Approval => {
            false
        }
    };
    let reason = context
        .detail
        .filter(|_| may_wait)
        .and_then(|detail| bounds::reason(workload, &detail.bounds, context.now))
        .filter(|reason| need.why.as_str() != reason);
    if let Some(reason) = reason {
        need.why = Text::clean(&format!("{}; {reason}", need.why));
    }
    need
}

fn of_controller(workload: &Workload, status: &Status, context: &Context<'_>) -> Option<Need> {
    match &workload.controller {
        Controller::Argo(rollout) => of_rollout(workload, rollout, status, context),
        Controller::Flagger(flagger) => {
            failing(workload, context).or_else(|| flagger_status::need(workload, flagger, context))
        }
        Controller::Experiment(experiment) => experiment_status::need(experiment, context.now),
        Controller::StatefulSet(_) | Controller::DaemonSet(_) => {
            stall::need(workload, status, context)
        }
        Controller::DeploymentConfig(_) => openshift_status::need(workload, status, context),
        Controller::Deployment(facts) => {
            let paused = facts.paused.then(|| {
                let since = workload.condition("Progressing").and_then(|found| found.since);
                found(NeedKind::Approval, "paused by hand", since)
            });
            stuck(workload, status, context).or(paused)
        }
    }
}

/// The group of the screen.
#[must_use]
pub fn group(workload: &Workload, status: &Status, need: Option<&Need>) -> Group {
    if need.is_some() {
        return Group::NeedsYou;
    }
    let restarts = workload.rollout().and_then(|rollout| rollout.restarting(workload.seen_at));
    let is_moving = matches!(status.health, Health::Progressing | Health::Suspended)
        || restarts.is_some()
        || steps::canary(workload).is_some_and(|set| set.replicas.current.unwrap_or(0) > 0)
            && workload.rollout().is_some();
    if is_moving { Group::Moving } else { Group::Steady }
}

fn found(kind: NeedKind, why: &str, since: Option<Timestamp>) -> Need {
    Need { kind, why: Text::clean(why), since }
}

fn of_rollout(
    workload: &Workload,
    rollout: &Rollout,
    status: &Status,
    context: &Context<'_>,
) -> Option<Need> {
    not_aborted(workload, rollout, context.now)
        .or_else(|| failing(workload, context))
        .or_else(|| stuck(workload, status, context))
        .or_else(|| degraded(workload, status))
        .or_else(|| inconclusive(rollout))
        .or_else(|| approval(workload, rollout))
        .or_else(|| held_restart(workload, context))
}

/// A restart that a budget for evictions holds up longer than a Deployment may take for anything.
fn held_restart(workload: &Workload, context: &Context<'_>) -> Option<Need> {
    let (since, why) = bounds::held_restart(workload, &context.detail?.bounds, context.now)?;
    (age(since, context.now) >= stall::STALLS_AFTER)
        .then(|| found(NeedKind::Stuck, &why, Some(since)))
}

/// An aborted canary gets no traffic that could clear it: what was measured of it is over.
fn failing(workload: &Workload, context: &Context<'_>) -> Option<Need> {
    let (since, why) = context.failing?;
    if workload.rollout().is_some_and(|rollout| rollout.status.flags.abort) {
        return None;
    }
    steps::canary(workload)?;
    Some(Need { kind: NeedKind::Failing, why: why.clone(), since: Some(*since) })
}

/// An abort was asked for, and what was to be taken away still serves.
fn not_aborted(workload: &Workload, rollout: &Rollout, now: Timestamp) -> Option<Need> {
    let flags = rollout.status.flags;
    if !flags.abort {
        return None;
    }
    let is_late = rollout.spec.paused
        || flags.aborted_at.is_none_or(|at| age(at, now) > ABORT_SETTLES_WITHIN);
    let why = still_serving(workload, rollout)?;
    is_late.then(|| found(NeedKind::NotAborted, &why, flags.aborted_at))
}

/// What of the aborted version still serves users, in words.
#[must_use]
pub fn still_serving(workload: &Workload, rollout: &Rollout) -> Option<String> {
    let hashes = &rollout.status.hashes;
    if rollout.spec.blue_green.is_some() {
        let active = &rollout.status.selectors.active;
        let serves = active.is_some() && hashes.stable.is_some() && *active != hashes.stable;
        return serves.then(|| {
            "aborted, but the active Service still selects the new version; roll back to stable"
                .to_owned()
        });
    }
    let canary = steps::canary(workload)?;
    if rollout.spec.traffic.routed {
        let weight = router_weight::canary(rollout)?;
        return (weight > 0 && !rollout.spec.traffic.dynamic_stable_scale)
            .then(|| format!("aborted, but the router still sends {weight} % to the canary"));
    }
    let pods = canary.replicas.available.or(canary.replicas.current)?;
    (pods > 0).then(|| {
        let held = if rollout.spec.paused { " while paused by hand" } else { "" };
        match pods {
            1 => format!("aborted{held}, but 1 canary pod still serves"),
            _ => format!("aborted{held}, but {pods} canary pods still serve"),
        }
    })
}

fn stuck(workload: &Workload, status: &Status, context: &Context<'_>) -> Option<Need> {
    let condition = workload.condition("Progressing").filter(|_| {
        rollout_status::exceeded_deadline(workload) && status.health == Health::Degraded
    });
    let pod = first_trouble(workload, context.detail);
    if let Some(condition) = condition {
        let why = match pod {
            Some(why) => format!("no progress within the deadline: {why}"),
            None => format!("no progress within the deadline: {}", condition.message),
        };
        return Some(found(NeedKind::Stuck, &why, condition.since.or(condition.updated)));
    }
    if status.health != Health::Progressing {
        return None;
    }
    let failure = workload.revisions.iter().find_map(|set| set.failure.as_ref());
    if let Some(failure) = failure {
        return Some(found(NeedKind::Stuck, &format!("cannot create pods: {failure}"), None));
    }
    pod.map(|why| found(NeedKind::Stuck, &why, None))
}

/// The first pod of the wanted version that cannot start, in kubectl's words. In a StatefulSet or DaemonSet one of any
/// version holds the others up.
#[must_use]
pub fn first_trouble(workload: &Workload, detail: Option<&Detail>) -> Option<String> {
    /// States that do not pass by waiting.
    const HOPELESS: [&str; 9] = [
        "ImagePullBackOff",
        "ErrImagePull",
        "InvalidImageName",
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "OOMKilled",
        "Evicted",
    ];
    let current = workload.current_hash()?;
    let any = matches!(workload.controller, Controller::StatefulSet(_) | Controller::DaemonSet(_));
    let pods = detail?.pods.iter().filter(|pod| any || pod.hash.as_ref() == Some(current));
    let is_hopeless = |status: &str| {
        let status = status.strip_prefix("Init:").unwrap_or(status);
        HOPELESS.contains(&status) || status == "Unschedulable"
    };
    let pod = pods.into_iter().find(|pod| is_hopeless(pod.status.as_str()))?;
    Some(match &pod.why {
        Some(why) => format!("pod {}: {} ({why})", pod.name, pod.status),
        None => format!("pod {}: {}", pod.name, pod.status),
    })
}

fn degraded(workload: &Workload, status: &Status) -> Option<Need> {
    if status.health != Health::Degraded {
        return None;
    }
    let since = ["InvalidSpec", "Progressing"]
        .into_iter()
        .find_map(|kind| workload.condition(kind))
        .and_then(|condition| condition.since.or(condition.updated));
    let why = status.message.as_ref().map_or("degraded", Text::as_str);
    Some(found(NeedKind::Degraded, why, since))
}

fn inconclusive(rollout: &Rollout) -> Option<Need> {
    let is_inconclusive =
        |reason: &str| matches!(reason, "InconclusiveAnalysisRun" | "InconclusiveExperiment");
    let pause =
        rollout.status.pauses.iter().find(|pause| is_inconclusive(pause.reason.as_str()))?;
    let runs = &rollout.status.runs;
    let message = [&runs.step, &runs.background, &runs.pre_promotion, &runs.post_promotion]
        .into_iter()
        .flatten()
        .find_map(|run| run.message.as_ref());
    let why = match message {
        Some(message) => format!("{}: {message}", pause.reason),
        None => pause.reason.to_string(),
    };
    Some(found(NeedKind::Inconclusive, &why, pause.since))
}

fn approval(workload: &Workload, rollout: &Rollout) -> Option<Need> {
    if rollout.spec.paused {
        let since = workload.condition("Paused").and_then(|condition| condition.since);
        return Some(found(NeedKind::Approval, "paused by hand", since));
    }
    if let Some(pause) = steps::pause(rollout, "CanaryPauseStep")
        && let Some((index, Step::Pause(None))) = steps::current_step(rollout)
    {
        let why = format!("waits for a yes at step {} of {}", index + 1, rollout.spec.steps.len());
        return Some(found(NeedKind::Approval, &why, pause.since));
    }
    let pause = steps::pause(rollout, "BlueGreenPause")?;
    let spec = rollout.spec.blue_green.as_ref()?;
    (!spec.auto_promotion && spec.auto_promotion_after.is_none())
        .then(|| found(NeedKind::Approval, "waits for a yes before the switch", pause.since))
}
