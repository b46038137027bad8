//! Which revision a roll back goes to, and which rule of the controller then applies.

use std::time::Duration;

use super::case::{Case, Way, has_pods};
use super::needs::impossible;
use crate::analysis::pace;
use crate::control::action::Action;
use crate::control::check::Refusal;
use crate::control::plan::PlanContext;
use crate::domain::detail::{AnalysisRun, Detail, Pod};
use crate::domain::ids::{PodHash, Revision};
use crate::domain::observed::Timestamp;
use crate::domain::rollout::RunPhase;
use crate::domain::workload::{ReplicaSet, Strategy};

/// Most pods that one roll back deletes; in order there is one, beside those that failed later.
const IN_THE_WAY_MAX: usize = 8;

/// The revision a roll back goes to.
#[derive(Clone, Debug)]
pub(super) struct Target<'a> {
    /// Its ReplicaSet.
    pub set: &'a ReplicaSet,
    /// Its hash.
    pub hash: PodHash,
    /// Whether it was ever fully promoted; `None`: nobody can know.
    pub promoted: Option<bool>,
}

/// How the controller will take the way back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Route {
    /// Back to the stable version while an update is in flight: without steps.
    ToStable,
    /// Blue-green: its pods still wait for their scale-down, so the switch is all.
    WithinDelay {
        /// Until then.
        until: Timestamp,
    },
    /// Inside the rollback window, with pods: without steps.
    WithinWindow,
    /// Inside the rollback window, without pods: no steps, after the pods have come up.
    WithinWindowCold,
    /// Like any new version: all steps again.
    Anew,
    /// By a controller of Kubernetes itself: replaced a few at a time.
    Rolling,
}

/// The revision that `action` goes to.
pub(super) fn choose<'a>(
    case: Case<'a>,
    action: Action,
    context: Option<&PlanContext<'_>>,
) -> Result<Target<'a>, Refusal> {
    let detail = context.and_then(|context| context.detail);
    let wanted = match action {
        Action::Rollback { to } => to,
        Action::Pause
        | Action::Resume
        | Action::Promote
        | Action::PromoteFull
        | Action::Skip { .. }
        | Action::Terminate
        | Action::Abort
        | Action::ScaleDown
        | Action::Retry
        | Action::Restart
        | Action::CloseGate
        | Action::Comment => None,
    };
    match wanted {
        Some(revision) => named(case, revision, detail),
        None => by_rule(case, detail),
    }
}

/// The stable version, for an abort that has to go back by the template.
pub(super) fn stable(case: Case<'_>) -> Option<Target<'_>> {
    let set = case.stable_set()?;
    Some(Target { set, hash: set.hash.clone()?, promoted: Some(true) })
}

fn named<'a>(
    case: Case<'a>,
    revision: Revision,
    detail: Option<&Detail>,
) -> Result<Target<'a>, Refusal> {
    let found = case.workload.revisions.iter().find(|set| set.revision == Some(revision));
    let Some((set, hash)) = found.and_then(|set| Some((set, set.hash.clone()?))) else {
        return Err(impossible(&format!("there is no revision {revision}"), &known(case)));
    };
    if case.current() == Some(&hash) {
        let why = format!("revision {revision} is what it wants already");
        return Err(impossible(&why, &known(case)));
    }
    Ok(Target { set, promoted: promoted(case, set, detail), hash })
}

fn by_rule<'a>(case: Case<'a>, detail: Option<&Detail>) -> Result<Target<'a>, Refusal> {
    if case.in_flight()
        && let Some(target) = stable(case)
    {
        return Ok(target);
    }
    if let Some(target) = last_whole(case) {
        return Ok(target);
    }
    let older = older_sets(case).find(|(set, _)| promoted(case, set, detail) != Some(false));
    let Some((set, hash)) = older else {
        if matches!(case.way(), Way::StatefulSet | Way::DaemonSet) {
            return Err(impossible(
                "no other ControllerRevision is left: there is nothing to roll back to",
                "release a good version",
            ));
        }
        return Err(impossible(
            "no older revision is left that was ever fully promoted",
            "name one with --to, if one is there, or release a good version",
        ));
    };
    Ok(Target { set, promoted: promoted(case, set, detail), hash })
}

/// What a StatefulSet had rolled out to the end before the update that is on its way.
fn last_whole(case: Case<'_>) -> Option<Target<'_>> {
    let hash = case.stateful()?.current.as_ref().filter(|hash| Some(*hash) != case.current())?;
    let set = case.workload.revision_by_hash(hash)?;
    Some(Target { set, hash: hash.clone(), promoted: Some(true) })
}

/// Pods of a StatefulSet that replaces them in order which would hold up the way back for ever: not ready, and not of the
/// version it goes back to. Deleted, they come back in that version (`reference/rollouts.md` §3.2).
pub(super) fn in_the_way<'a>(
    case: Case<'_>,
    target: &Target<'_>,
    detail: Option<&'a Detail>,
) -> Vec<&'a Pod> {
    let holds = case.workload.strategy == Strategy::RollingUpdate
        && case.stateful().is_some_and(|facts| facts.is_ordered);
    let stands = |pod: &&Pod| {
        !pod.is_ready()
            && pod.hash.is_some()
            && pod.hash.as_ref() != Some(&target.hash)
            && pod.status.as_str() != "Terminating"
    };
    let pods = detail.filter(|_| holds).map_or(&[][..], |detail| &detail.pods);
    pods.iter().filter(stands).take(IN_THE_WAY_MAX).collect()
}

/// Revisions older than the wanted one, newest first, whose template differs from it.
fn older_sets(case: Case<'_>) -> impl Iterator<Item = (&ReplicaSet, PodHash)> {
    let current = case.current().cloned();
    let newest = case.current_revision();
    let mut sets: Vec<&ReplicaSet> = case
        .workload
        .revisions
        .iter()
        .filter(|set| set.revision.is_some() && (newest.is_none() || set.revision < newest))
        .collect();
    sets.sort_by_key(|set| std::cmp::Reverse(set.revision));
    sets.into_iter()
        .filter_map(|set| Some((set, set.hash.clone()?)))
        .filter(move |(_, hash)| current.as_ref() != Some(hash))
}

fn known(case: Case<'_>) -> String {
    let mut numbers: Vec<Revision> =
        older_sets(case).filter_map(|(set, _)| set.revision).take(8).collect();
    numbers.sort_unstable();
    if numbers.is_empty() {
        return "no older revision is left".to_owned();
    }
    let words: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    format!("older revisions that are left: {}", words.join(", "))
}

/// Whether a revision was ever fully promoted, as far as one can know: the controller writes it nowhere but in
/// events, which live an hour, and in the fate of its analysis runs.
pub(super) fn promoted(case: Case<'_>, set: &ReplicaSet, detail: Option<&Detail>) -> Option<bool> {
    if case.is_native() || set.hash.as_ref() == case.stable() {
        return Some(true);
    }
    let detail = detail?;
    if detail.events.iter().any(|event| pace::tells_of(event, "RolloutCompleted", set)) {
        return Some(true);
    }
    let aborted = detail.events.iter().any(|event| pace::tells_of(event, "RolloutAborted", set));
    let failed = detail.runs.iter().any(|run| failed_for(run, set));
    (aborted || failed).then_some(false)
}

fn failed_for(run: &AnalysisRun, set: &ReplicaSet) -> bool {
    run.hash.is_some()
        && run.hash == set.hash
        && matches!(run.phase, RunPhase::Failed | RunPhase::Error)
}

/// Which rule of the controller applies on the way to `target` (`reference/rollouts.md` §1.11).
pub(super) fn route(case: Case<'_>, target: &Target<'_>, now: Option<Timestamp>) -> Route {
    if case.is_native() {
        return Route::Rolling;
    }
    if case.in_flight() && case.stable() == Some(&target.hash) {
        return Route::ToStable;
    }
    if case.way() == Way::BlueGreen
        && let (Some(until), Some(now)) = (target.set.scale_down_at, now)
        && now < until
        && has_pods(target.set)
    {
        return Route::WithinDelay { until };
    }
    match case.current_set() {
        Some(from) if case.within_window(target.set, from) && has_pods(target.set) => {
            Route::WithinWindow
        }
        Some(from) if case.within_window(target.set, from) => Route::WithinWindowCold,
        Some(_) | None => Route::Anew,
    }
}

/// Usual time of the way back, where it was measured.
pub(super) fn about(case: Case<'_>, route: Route, last_took: Option<Duration>) -> Option<Duration> {
    match (route, case.way(), case.routed()) {
        (Route::ToStable, Way::BlueGreen, _) | (Route::WithinDelay { .. }, _, _) => {
            Some(Duration::from_millis(100))
        }
        (Route::ToStable | Route::WithinWindow, _, true) => Some(Duration::from_millis(200)),
        (Route::ToStable | Route::WithinWindow, _, false) => Some(Duration::from_millis(1_900)),
        (Route::Rolling, way, _) => {
            let usual = match way {
                Way::StatefulSet => 7,
                Way::DaemonSet => 9,
                Way::Deployment
                | Way::Canary
                | Way::BlueGreen
                | Way::OtherRollout
                | Way::Flagger
                | Way::DeploymentConfig
                | Way::Experiment => 5,
            };
            Some(last_took.unwrap_or(Duration::from_secs(usual)))
        }
        (Route::WithinWindowCold, _, _) => None,
        (Route::Anew, _, _) => last_took,
    }
}
