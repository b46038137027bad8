//! An Experiment: its health and message as Argo CD words them (`reference/rollouts.md` §1.6), and whether a human is needed.

use std::time::Duration;

use super::need::{Need, NeedKind};
use super::rollout_status::{Health, Status};
use crate::domain::experiment::Experiment;
use crate::domain::observed::{Timestamp, age};
use crate::domain::rollout::RunPhase;
use crate::domain::text::Text;

/// A failed experiment is an answer and not an outage: after a day it is history, and stays in the list for as long as
/// somebody leaves it in the cluster.
const TOLD_FOR: Duration = Duration::from_hours(24);

/// Judges a stand-alone Experiment.
pub(super) fn status(experiment: &Experiment) -> Status {
    in_words(experiment.phase, experiment.message.as_ref())
}

/// Phase and message as Argo CD tells them.
pub(super) fn in_words(phase: Option<RunPhase>, message: Option<&Text>) -> Status {
    let said = |phase: Option<RunPhase>, message: &str, health: Health| Status {
        phase: phase.map(|phase| Text::clean(phase.name())),
        message: (!message.is_empty()).then(|| Text::clean(message)),
        health,
    };
    let Some(phase) = phase else {
        let message = "Waiting for experiment to finish: status has not been reconciled.";
        return said(None, message, Health::Progressing);
    };
    let (health, default) = match phase {
        RunPhase::Pending => (Health::Progressing, "Experiment is pending"),
        RunPhase::Running => (Health::Progressing, "Experiment is running"),
        RunPhase::Successful => (Health::Healthy, "Experiment is successful"),
        RunPhase::Failed => (Health::Degraded, "Experiment has failed"),
        RunPhase::Error => (Health::Degraded, "Experiment had an error"),
        RunPhase::Inconclusive => (Health::Unknown, "Experiment is inconclusive"),
        RunPhase::Unknown => (Health::Unknown, ""),
    };
    said(Some(phase), message.map_or(default, Text::as_str), health)
}

/// Whether a human must look: it failed, or came to no answer, not long ago.
pub(super) fn need(experiment: &Experiment, now: Timestamp) -> Option<Need> {
    let kind = match experiment.phase? {
        RunPhase::Failed | RunPhase::Error => NeedKind::Degraded,
        RunPhase::Inconclusive => NeedKind::Inconclusive,
        RunPhase::Pending | RunPhase::Running | RunPhase::Successful | RunPhase::Unknown => {
            return None;
        }
    };
    let since = experiment.ended_at();
    let is_old = since.is_some_and(|ended| age(ended, now) > TOLD_FOR);
    let message = status(experiment).message.unwrap_or_default();
    (!is_old).then_some(Need { kind, why: message, since })
}

/// What it waits for, in words; `None` once it is over.
#[must_use]
pub fn waits_for(experiment: &Experiment) -> Option<String> {
    if experiment.is_over() {
        return None;
    }
    if experiment.terminate {
        return Some("its end is asked for".to_owned());
    }
    let unready = experiment.templates.iter().find(|template| {
        let status = template.status.as_ref().map_or("", Text::as_str);
        status != "Running" && status != "Successful"
    });
    if let Some(template) = unready.filter(|_| experiment.available_at.is_none()) {
        return Some(format!("waits until the pods of {} are available", template.name));
    }
    let required = experiment.analyses.iter().any(|analysis| analysis.required);
    Some(match (experiment.duration, required) {
        (Some(_), _) => "runs for its time".to_owned(),
        (None, true) => "runs until its required analyses are over".to_owned(),
        (None, false) => "runs until somebody terminates it".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::experiment::{ExperimentAnalysis, ExperimentTemplate};
    use crate::domain::fixtures::at;
    use crate::domain::ids::Name;

    fn running() -> Experiment {
        let template = |name: &str| ExperimentTemplate {
            name: Name::new(name),
            status: Some(Text::from("Running")),
            since: Some(at(100)),
            ..ExperimentTemplate::default()
        };
        Experiment {
            phase: Some(RunPhase::Running),
            available_at: Some(at(100)),
            templates: [template("baseline"), template("canary")].into(),
            ..Experiment::default()
        }
    }

    fn ended(phase: RunPhase) -> Experiment {
        Experiment { phase: Some(phase), ..running() }
    }

    #[test]
    fn health_and_message_are_those_of_argo_cd() {
        for (phase, health, message) in [
            (
                None,
                Health::Progressing,
                "Waiting for experiment to finish: status has not been reconciled.",
            ),
            (Some(RunPhase::Pending), Health::Progressing, "Experiment is pending"),
            (Some(RunPhase::Running), Health::Progressing, "Experiment is running"),
            (Some(RunPhase::Successful), Health::Healthy, "Experiment is successful"),
            (Some(RunPhase::Failed), Health::Degraded, "Experiment has failed"),
            (Some(RunPhase::Error), Health::Degraded, "Experiment had an error"),
            (Some(RunPhase::Inconclusive), Health::Unknown, "Experiment is inconclusive"),
        ] {
            let status = status(&Experiment { phase, ..running() });
            assert_eq!((status.health, status.message.unwrap().as_str()), (health, message));
        }
        let own = Some(Text::from("Assessed Metric \"errors\" failed"));
        let status = status(&Experiment { message: own.clone(), ..ended(RunPhase::Failed) });
        assert_eq!(status.message, own);
    }

    #[test]
    fn a_failure_is_told_for_a_day_and_a_success_never() {
        let kind = |experiment: &Experiment, second| {
            need(experiment, at(second)).map(|need| (need.kind, need.since))
        };
        let day = 24 * 3_600;
        for (phase, want) in [
            (RunPhase::Failed, Some(NeedKind::Degraded)),
            (RunPhase::Error, Some(NeedKind::Degraded)),
            (RunPhase::Inconclusive, Some(NeedKind::Inconclusive)),
            (RunPhase::Successful, None),
            (RunPhase::Running, None),
        ] {
            let want = want.map(|kind| (kind, Some(at(100))));
            assert_eq!(kind(&ended(phase), 100 + day), want, "{phase:?}");
            assert_eq!(kind(&ended(phase), 101 + day), None, "{phase:?}");
        }
        let never_said = Experiment { templates: [].into(), ..ended(RunPhase::Failed) };
        assert_eq!(kind(&never_said, 10 * day), Some((NeedKind::Degraded, None)));
    }

    #[test]
    fn what_it_waits_for_is_said() {
        let words = |edit: fn(&mut Experiment)| {
            let mut experiment = running();
            edit(&mut experiment);
            waits_for(&experiment).unwrap_or_default()
        };
        assert_eq!(words(|_| {}), "runs until somebody terminates it");
        assert_eq!(words(|it| it.duration = Some(Duration::from_mins(1))), "runs for its time");
        assert_eq!(words(|it| it.terminate = true), "its end is asked for");
        assert_eq!(words(|it| it.phase = Some(RunPhase::Failed)), "");
        let pending = |it: &mut Experiment| {
            it.available_at = None;
            it.templates = [ExperimentTemplate {
                name: Name::new("canary"),
                status: Some(Text::from("Progressing")),
                ..ExperimentTemplate::default()
            }]
            .into();
        };
        assert_eq!(words(pending), "waits until the pods of canary are available");
        let required = |it: &mut Experiment| {
            it.analyses = [ExperimentAnalysis {
                name: Name::new("errors"),
                required: true,
                run: None,
                phase: RunPhase::Running,
                message: None,
            }]
            .into();
        };
        assert_eq!(words(required), "runs until its required analyses are over");
    }

    #[test]
    fn it_ends_its_time_after_all_pods_were_available() {
        let timed = Experiment { duration: Some(Duration::from_mins(1)), ..running() };
        assert_eq!(timed.ends_at(), Some(at(160)));
        assert_eq!(Experiment { available_at: None, ..timed.clone() }.ends_at(), None);
        assert_eq!(Experiment { phase: Some(RunPhase::Failed), ..timed }.ends_at(), None);
    }
}
