//! The rows of the table for OpenShift's DeploymentConfigs, and what is left to `oc` there.

use super::case::{Case, Way};
use super::draw::{Drawn, Recipe, set};
use super::needs::{Need, impossible};
use super::table::{About, DEADLINE, Reversal, Row, State, Words};
use super::words::version;
use crate::analysis::openshift_status::is_deploying;
use crate::control::action::Action;
use crate::control::check::Refusal;
use crate::control::plan::{Arrival, ObjectKind, ObjectRef, PatchFormat, Value, Write};
use crate::domain::text::Text;
use crate::domain::workload::{Controller, Workload};

const CONFIG: &[Way] = &[Way::DeploymentConfig];

pub(super) static ROWS: &[Row] = &[
    Row {
        deed: Action::Pause,
        ways: CONFIG,
        state: State::Any,
        needs: &[Need::Living, Need::NotHandPaused],
        recipe: Recipe::Pause,
        reversal: Reversal::By(Action::Resume),
        about: About::Unmeasured,
        deadline: DEADLINE,
        words: Words {
            when: "not paused",
            writes: "spec.paused: true",
            arrived: "paused, and the controller has seen it",
        },
    },
    Row {
        deed: Action::Resume,
        ways: CONFIG,
        state: State::Any,
        needs: &[Need::Living, Need::HandPaused],
        recipe: Recipe::Resume,
        reversal: Reversal::By(Action::Pause),
        about: About::Unmeasured,
        deadline: DEADLINE,
        words: Words {
            when: "paused",
            writes: "spec.paused: false",
            arrived: "not paused, and the controller has seen it",
        },
    },
    Row {
        deed: Action::Abort,
        ways: CONFIG,
        state: State::Any,
        needs: &[Need::Living, Need::NotHandPaused, Need::Deploying],
        recipe: Recipe::Cancel,
        reversal: Reversal::None,
        about: About::Unmeasured,
        deadline: DEADLINE,
        words: Words {
            when: "not paused, and a deployer works on the newest version",
            writes: "on the newest ReplicationController: annotations openshift.io/deployment.cancelled: true and …status-reason",
            arrived: "its phase is Failed",
        },
    },
];

const CANCELLED: &[&str] = &["metadata", "annotations", "openshift.io/deployment.cancelled"];
const REASON: &[&str] = &["metadata", "annotations", "openshift.io/deployment.status-reason"];

/// As `oc rollout cancel` does it.
pub(super) fn cancel(case: Case<'_>) -> Result<Drawn, Refusal> {
    let newest = case.current_set().ok_or_else(|| {
        impossible("its newest ReplicationController is not known here", "pause stops the next one")
    })?;
    let word = |word| Value::Word(Text::from(word));
    let write = Write {
        object: ObjectRef { kind: ObjectKind::ReplicationController, name: newest.name.clone() },
        subresource: None,
        format: PatchFormat::Merge,
        changes: vec![set(CANCELLED, word("true")), set(REASON, word("cancelled by the user"))],
        done: "the rollout is cancelled",
    };
    Ok(Drawn { writes: vec![write], arrival: Arrival::Cancelled })
}

/// Whether a deployer works on the newest version.
pub(super) fn deploying(case: Case<'_>) -> Option<Refusal> {
    (!is_deploying(case.workload)).then(|| {
        let name = &case.workload.target.name;
        let remedy = format!("oc rollout undo dc/{name} goes back to the version before");
        impossible("no rollout of it is on its way", &remedy)
    })
}

pub(super) fn cancel_effect(case: Case<'_>) -> String {
    let new = version(case.current_set());
    format!("the rollout of {new} ends as failed, and the last complete version is scaled up again")
}

pub(super) fn pause_effect(case: Case<'_>) -> String {
    let runs = is_deploying(case.workload);
    let ends = if runs { "; the rollout that runs goes on to its end" } else { "" };
    format!("no new rollout begins until somebody resumes it{ends}")
}

pub(super) fn resume_effect(case: Case<'_>) -> String {
    let begins = if has_config_trigger(case.workload) {
        "a template that changed meanwhile is rolled out at once"
    } else {
        "what changed meanwhile waits until somebody starts a rollout"
    };
    format!("rollouts may begin again; {begins}")
}

const fn has_config_trigger(workload: &Workload) -> bool {
    matches!(&workload.controller, Controller::DeploymentConfig(facts) if facts.triggers.config)
}

/// What is not offered, why not, and what does it.
pub(super) fn no_row(action: Action, case: Case<'_>) -> Refusal {
    let target = &case.workload.target;
    let (name, namespace) = (&target.name, &target.namespace);
    let oc = |what: &str| format!("oc rollout {what} dc/{name} -n {namespace}");
    match action {
        Action::Restart => impossible(
            "a restart is a new version, made by a call that takes no resourceVersion: it could start one that nobody \
             looked at",
            &oc("latest"),
        ),
        Action::Retry => impossible(
            "a retry deletes the deployer's pods and begins the same version anew: several writes that no \
             resourceVersion holds together",
            &oc("retry"),
        ),
        Action::Rollback { to } => {
            let to = to.map_or(String::new(), |to| format!(" --to-revision={to}"));
            impossible(
                "going back also turns image triggers off and counts the version up: only OpenShift's own call does \
                 that whole",
                &format!("{}{to}", oc("undo")),
            )
        }
        Action::Promote
        | Action::PromoteFull
        | Action::Skip { .. }
        | Action::Terminate
        | Action::ScaleDown
        | Action::CloseGate
        | Action::Comment
        | Action::Pause
        | Action::Resume
        | Action::Abort => impossible(
            &format!("a DeploymentConfig has no {}", action.title()),
            "it knows pause, resume and abort",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::rows;
    use super::*;
    use crate::control::arrival::{Judgement, Since, judge};
    use crate::control::fixtures::{context, planned, writes};
    use crate::control::plan::plan;
    use crate::domain::fixtures::{Make, deployment_config};
    use crate::domain::ids::{PodHash, Revision};

    fn running() -> Make {
        deployment_config("Running", "ReplicationControllerUpdated")
    }

    fn paused() -> Make {
        let mut made = running();
        if let Controller::DeploymentConfig(facts) = &mut made.0.controller {
            facts.paused = true;
        }
        made
    }

    #[test]
    fn pause_and_resume_write_the_field_for_it() {
        let pause = planned(Action::Pause, &running().0);
        assert_eq!(writes(&pause), ["deploymentconfig Merge spec.paused=true"]);
        assert!(pause.prediction.effect.as_str().ends_with("that runs goes on to its end"));
        assert!(matches!(judge(&pause, &Since::default(), &paused().0), Judgement::Arrived));
        let resume = planned(Action::Resume, &paused().0);
        assert_eq!(writes(&resume), ["deploymentconfig Merge spec.paused=false"]);
        assert!(matches!(judge(&resume, &Since::default(), &running().0), Judgement::Arrived));
    }

    #[test]
    fn abort_cancels_the_newest_version_and_has_arrived_when_its_deployer_failed() {
        let abort = planned(Action::Abort, &running().0);
        let written = "replicationcontroller Merge metadata.annotations.openshift.io/deployment.cancelled=true \
                       metadata.annotations.openshift.io/deployment.status-reason=cancelled by the user";
        assert_eq!(writes(&abort), [written]);
        assert_eq!(abort.writes[0].object.name.as_str(), "web-new8");
        let judged = |made: &Make| judge(&abort, &Since::default(), &made.0);
        assert!(matches!(judged(&running()), Judgement::NotYet(_)));
        assert_eq!(judged(&deployment_config("Failed", "RolloutCancelled")), Judgement::Arrived);
        let mut newer = running();
        if let Controller::DeploymentConfig(facts) = &mut newer.0.controller {
            facts.current = Some(PodHash::new("web-9"));
        }
        assert!(!matches!(judged(&newer), Judgement::Arrived), "another version is another one");
        let done = deployment_config("Complete", "NewReplicationControllerAvailable");
        for made in [done, paused()] {
            assert!(plan(Action::Abort, &made.0, &context()).is_err());
        }
    }

    #[test]
    fn what_is_left_to_oc_names_its_command() {
        let remedy = |action| {
            let refusals = plan(action, &running().0, &context()).expect_err("not offered");
            refusals[0].remedy.to_string()
        };
        assert_eq!(remedy(Action::Restart), "oc rollout latest dc/web -n shop");
        assert_eq!(remedy(Action::Retry), "oc rollout retry dc/web -n shop");
        let back = Action::Rollback { to: Some(Revision(7)) };
        assert_eq!(remedy(back), "oc rollout undo dc/web -n shop --to-revision=7");
        assert!(rows().filter(|row| row.ways == CONFIG).count() == 3);
    }
}
