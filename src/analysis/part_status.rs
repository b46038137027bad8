//! Phase, message and health of what belongs to a release: ReplicaSets, analyses and experiments as Argo CD judges them,
//! Argo CD's applications by their own word, Flux's objects by their conditions, Kargo's by health and phase
//! (`reference/rollouts.md` §1.12, §4.2 to §4.4). The tools' wording is kept, so that a person can compare.

use super::experiment_status;
use super::rollout_status::{Health, Status};
use super::run_words;
use crate::domain::detail::AnalysisRun;
use crate::domain::owner::{Application, Stage};
use crate::domain::part::{Freight, Part, PartFacts, Promotion};
use crate::domain::rollout::RunPhase;
use crate::domain::text::Text;
use crate::domain::workload::{Condition, ConditionStatus, ReplicaSet};

/// Judges one part.
#[must_use]
pub fn status(part: &Part) -> Status {
    let mut status = match &part.facts {
        PartFacts::ReplicaSet(set) => of_set(part, set),
        PartFacts::AnalysisRun(run) => of_run(run),
        PartFacts::Experiment(phase, message) => {
            experiment_status::in_words(*phase, message.as_ref())
        }
        PartFacts::Application(application) => of_application(part, application),
        PartFacts::Flux(flux) => of_flux(part, flux.suspend),
        PartFacts::Repository(repository) => of_flux(part, repository.suspend),
        PartFacts::Stage(stage) => of_stage(part, stage),
        PartFacts::Promotion(promotion) => of_promotion(promotion),
        PartFacts::Freight(freight) => of_freight(freight),
    };
    if part.meta.deleting.is_some() {
        status.health = Health::Missing;
    }
    status
}

fn said(phase: Option<&str>, message: &str, health: Health) -> Status {
    let message = (!message.is_empty()).then(|| Text::clean(message));
    Status { phase: phase.map(Text::clean), message, health }
}

fn of_set(part: &Part, set: &ReplicaSet) -> Status {
    let is_behind = part.observed.is_none_or(|seen| seen < part.meta.generation);
    if is_behind {
        let message = "Waiting for rollout to finish: observed replica set generation less than desired generation";
        return said(None, message, Health::Progressing);
    }
    if let Some(failure) = &set.failure {
        return said(None, failure.as_str(), Health::Degraded);
    }
    let (available, desired) =
        (set.replicas.available.unwrap_or(0), set.replicas.desired.unwrap_or(1));
    if available < desired {
        let message = format!(
            "Waiting for rollout to finish: {available} out of {desired} new replicas are available..."
        );
        return said(None, &message, Health::Progressing);
    }
    said(None, "", Health::Healthy)
}

fn of_run(run: &AnalysisRun) -> Status {
    let health = match run.phase {
        RunPhase::Pending | RunPhase::Running => Health::Progressing,
        RunPhase::Successful => Health::Healthy,
        RunPhase::Failed | RunPhase::Error => Health::Degraded,
        // Nothing was written yet; a phase that we do not know comes with a start.
        RunPhase::Unknown if run.started.is_none() => Health::Progressing,
        RunPhase::Inconclusive | RunPhase::Unknown => Health::Unknown,
    };
    let message = run_words::one_line(run);
    let phase = (run.phase != RunPhase::Unknown).then(|| Text::clean(run.phase.name()));
    Status { phase, message: Some(message), health }
}

/// Argo CD's own word; beside it what its screens show in red: a failed sync, errors, drift.
fn of_application(part: &Part, application: &Application) -> Status {
    let health = word(application.health.as_ref());
    let mut words: Vec<String> = Vec::new();
    words.extend(application.message.as_ref().map(Text::to_string));
    if let Some((phase, message)) = &application.operation
        && phase.as_str() != "Succeeded"
    {
        let message = message.as_ref().map_or(String::new(), |message| format!(": {message}"));
        words.push(format!("sync {phase}{message}"));
    }
    let errors = part.conditions.iter().filter(|it| it.kind.as_str().ends_with("Error"));
    words.extend(errors.map(|error| format!("{}: {}", error.kind, error.message)));
    if application.health.is_none() {
        words.push("no health: Argo CD has not looked at it yet".to_owned());
    }
    said(application.sync.as_ref().map(Text::as_str), &words.join("; "), health)
}

/// Argo CD's and Kargo's words for health.
fn word(word: Option<&Text>) -> Health {
    match word.map_or("", Text::as_str) {
        "Healthy" | "NotApplicable" => Health::Healthy,
        "Progressing" => Health::Progressing,
        "Suspended" => Health::Suspended,
        "Degraded" | "Unhealthy" => Health::Degraded,
        "Missing" => Health::Missing,
        _ => Health::Unknown,
    }
}

/// Suspended over everything; then stalled, on its way, ready or not. The message is that of `flux get`.
#[expect(clippy::fn_params_excessive_bools, reason = "one field of the wire")]
fn of_flux(part: &Part, suspend: bool) -> Status {
    let is = |kind: &str| {
        part.condition(kind).filter(|condition| condition.status == ConditionStatus::True)
    };
    let ready = part.condition("Ready");
    let phase = ready.map(|ready| ready.reason.as_str()).filter(|reason| !reason.is_empty());
    if suspend {
        let kind = part.target.kind.name();
        return said(phase, &format!("{kind} is suspended"), Health::Suspended);
    }
    if let Some(stalled) = is("Stalled") {
        return said(phase, sentence(stalled), Health::Degraded);
    }
    let is_behind = part.observed.is_some_and(|seen| seen < part.meta.generation);
    let Some(ready) = ready else {
        return said(None, "waiting to be reconciled", Health::Progressing);
    };
    let is_moving = is("Reconciling").is_some() || is_behind;
    let health = match ready.status {
        _ if is_moving => Health::Progressing,
        ConditionStatus::True => Health::Healthy,
        ConditionStatus::False => Health::Degraded,
        ConditionStatus::Unknown => Health::Progressing,
    };
    said(phase, sentence(ready), health)
}

fn sentence(condition: &Condition) -> &str {
    let message = condition.message.as_str();
    if message.is_empty() { condition.reason.as_str() } else { message }
}

fn of_stage(part: &Part, stage: &Stage) -> Status {
    let ready = part.condition("Ready");
    let is_ready = ready.map(|ready| ready.status);
    let health = match (&stage.health, is_ready) {
        (Some(_), _) => word(stage.health.as_ref()),
        (None, _) if stage.promotion.is_some() => Health::Progressing,
        (None, Some(ConditionStatus::True)) => Health::Healthy,
        (None, Some(ConditionStatus::False)) => Health::Degraded,
        (None, Some(ConditionStatus::Unknown) | None) => Health::Unknown,
    };
    let mut words: Vec<String> = stage.issues.iter().map(Text::to_string).collect();
    words.extend(stage.promotion.as_ref().map(|name| format!("promotion {name} is on its way")));
    if let Some(why) = &stage.closed {
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        words.push(format!("promotion window is closed{why}"));
    }
    let unready = ready.filter(|ready| ready.status != ConditionStatus::True);
    if let Some(ready) = unready.filter(|_| stage.issues.is_empty()) {
        words.push(sentence(ready).to_owned());
    }
    let phase = if stage.promotion.is_some() {
        Some("Promoting")
    } else {
        stage.health.as_ref().map(Text::as_str)
    };
    said(phase, &words.join("; "), health)
}

fn of_promotion(promotion: &Promotion) -> Status {
    let phase = promotion.phase.as_ref().map(Text::as_str);
    let health = match phase {
        None | Some("Pending" | "Running") => Health::Progressing,
        Some("Succeeded") => Health::Healthy,
        Some("Failed" | "Errored" | "Aborted") => Health::Degraded,
        Some(_) => Health::Unknown,
    };
    let step = promotion.step.filter(|_| health != Health::Healthy);
    let step = step.map(|(index, count)| {
        format!(
            "step {} of {count} to stage {}",
            index.saturating_add(1).min(count),
            promotion.stage
        )
    });
    let words = [promotion.message.as_ref().map(Text::to_string), step];
    said(phase, &words.into_iter().flatten().collect::<Vec<_>>().join("; "), health)
}

/// Freight has no health of its own: it is good for something once a stage has verified, got or been promised it.
fn of_freight(freight: &Freight) -> Status {
    let named = |what: &str, stages: &[Text]| {
        let stages: Vec<&str> = stages.iter().map(Text::as_str).collect();
        (!stages.is_empty()).then(|| format!("{what} {}", stages.join(", ")))
    };
    let words: Vec<String> = [
        named("in", &freight.currently_in),
        named("verified in", &freight.verified_in),
        named("approved for", &freight.approved_for),
    ]
    .into_iter()
    .flatten()
    .collect();
    if words.is_empty() {
        return said(None, "in no stage, verified in none, approved for none", Health::Unknown);
    }
    said(None, &words.join("; "), Health::Healthy)
}
