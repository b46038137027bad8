//! DeploymentConfigs in oc's words, and who of them needs a human.

use super::*;
use crate::analysis::need::need;
use crate::analysis::rollout_status::status;
use crate::domain::fixtures::{Make, at, deployment_config};
use crate::domain::ids::Revision;
use crate::domain::workload::{Controller, Triggers};

fn edit(mut made: Make, change: impl FnOnce(&mut DeploymentConfigFacts)) -> Make {
    if let Controller::DeploymentConfig(facts) = &mut made.0.controller {
        change(facts);
    }
    made
}

fn said(made: &Make) -> (Health, String) {
    let said = status(&made.0);
    (said.health, said.message.map(|it| it.to_string()).unwrap_or_default())
}

fn needed(made: &Make) -> Option<(NeedKind, String)> {
    let context = Context { detail: None, failing: None, now: at(1_000) };
    let need = need(&made.0, &status(&made.0), &context)?;
    Some((need.kind, need.why.to_string()))
}

#[test]
fn it_is_told_as_oc_tells_it() {
    let done = deployment_config("Complete", "NewReplicationControllerAvailable");
    assert_eq!(said(&done), (Health::Healthy, "NewReplicationControllerAvailable".to_owned()));
    assert_eq!(needed(&done), None);
    let mut running = deployment_config("Running", "ReplicationControllerUpdated");
    running.0.replicas.updated = Some(1);
    let words = "Waiting for rollout to finish: 1 out of 4 new replicas have been updated...";
    assert_eq!(said(&running), (Health::Progressing, words.to_owned()));
    assert_eq!(status(&running.0).phase, Some(Text::from("Running")));
    let behind =
        "Waiting for latest deployment config spec to be observed by the controller loop...";
    assert_eq!(said(&done.unobserved()), (Health::Progressing, behind.to_owned()));
}

#[test]
fn what_failed_or_was_cancelled_is_degraded_and_needs_somebody() {
    for reason in ["ProgressDeadlineExceeded", "RolloutCancelled"] {
        let made = deployment_config("Failed", reason);
        assert_eq!(said(&made), (Health::Degraded, reason.to_owned()));
        assert_eq!(needed(&made), Some((NeedKind::Degraded, reason.to_owned())));
    }
    let paused =
        edit(deployment_config("Complete", "DeploymentConfigPaused"), |it| it.paused = true);
    assert_eq!(
        said(&paused),
        (Health::Suspended, "deployment config \"web\" is paused".to_owned())
    );
    assert_eq!(needed(&paused), Some((NeedKind::Approval, "paused by hand".to_owned())));
}

#[test]
fn before_its_first_rollout_it_says_what_it_waits_for() {
    let fresh = |triggers| {
        let made = deployment_config("New", "");
        edit(made, |it| (it.latest, it.current, it.triggers) = (Some(Revision(0)), None, triggers))
    };
    let by_hand = fresh(Triggers::default());
    let words = "deployment config \"web\" waiting on manual update (use 'oc rollout latest web')";
    assert_eq!(said(&by_hand), (Health::Suspended, words.to_owned()));
    let image = fresh(Triggers { image: true, config: false });
    let words = "deployment config \"web\" waiting on image update";
    assert_eq!(said(&image), (Health::Progressing, words.to_owned()));
}

#[test]
fn a_test_is_fine_without_pods_and_others_are_not() {
    let short = |test| {
        let mut made = deployment_config("Complete", "NewReplicationControllerAvailable");
        let mut conditions = made.0.conditions.to_vec();
        let mut available = conditions[0].clone();
        available.kind = Text::from("Available");
        available.status = ConditionStatus::False;
        conditions.push(available);
        made.0.conditions = conditions.into();
        said(&edit(made, |it| it.test = test)).0
    };
    assert_eq!((short(false), short(true)), (Health::Progressing, Health::Healthy));
}
