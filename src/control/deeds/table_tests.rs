//! The table of `design/deeds.md`, row by row: when each deed is possible, what it writes, what it waits for.

use crate::control::action::Action;
use crate::control::fixtures::{context, planned, writes};
use crate::control::plan::{Arrival, plan, possible};
use crate::domain::fixtures::{
    Make, NEW, OLD, STABLE, blue_green, by_pods, canary, deployment, run, set,
};
use crate::domain::ids::{Name, PodHash, Revision, WorkloadKind};
use crate::domain::rollout::RunPhase;
use crate::domain::workload::Strategy;

const BACK: Action = Action::Rollback { to: None };

fn refused(action: Action, make: &Make, words: &str) {
    let refusals = plan(action, &make.0, &context()).expect_err(words);
    let all: Vec<String> = refusals.iter().map(|refusal| refusal.why.to_string()).collect();
    assert!(all.iter().any(|why| why.contains(words)), "{action}: {all:?} lacks {words:?}");
    assert!(refusals.iter().all(|refusal| !refusal.remedy.is_empty()), "{action}: {refusals:?}");
    let why = possible(action, &make.0).expect_err("possible and plan agree");
    assert!(all.contains(&why.to_string()), "{action}: {why} is not among {all:?}");
}

fn writes_of(action: Action, make: &Make) -> Vec<String> {
    assert_eq!(possible(action, &make.0), Ok(()), "{action}");
    writes(&planned(action, &make.0))
}

fn inconclusive_step() -> Make {
    canary().at_step(3).waiting(&["InconclusiveAnalysisRun"]).edit(|rollout| {
        rollout.status.runs.step = Some(run("web-errors", RunPhase::Inconclusive));
    })
}

fn inconclusive_background(reasons: &[&str]) -> Make {
    canary().waiting(reasons).edit(|rollout| {
        rollout.status.runs.background = Some(run("web-bg", RunPhase::Inconclusive));
    })
}

#[test]
fn pause_and_resume_write_one_field_of_the_spec() {
    for make in [canary(), by_pods(), blue_green(), canary().settled(), canary().aborted()] {
        assert_eq!(writes_of(Action::Pause, &make), ["rollout Merge spec.paused=true"]);
        assert_eq!(planned(Action::Pause, &make.0).arrival, Arrival::Paused);
        refused(Action::Resume, &make, "nobody paused it by hand");
        let make = make.hand_paused();
        assert_eq!(writes_of(Action::Resume, &make), ["rollout Merge spec.paused=false"]);
        assert_eq!(planned(Action::Resume, &make.0).arrival, Arrival::Resumed);
        refused(Action::Pause, &make, "paused by hand already");
    }
}

#[test]
fn a_deployment_is_paused_by_true_and_resumed_by_null() {
    assert_eq!(writes_of(Action::Pause, &deployment()), ["deployment Merge spec.paused=true"]);
    let paused = deployment().hand_paused();
    assert_eq!(writes_of(Action::Resume, &paused), ["deployment Merge spec.paused=null"]);
    refused(Action::Pause, &paused, "paused by hand already");
    refused(Action::Resume, &deployment(), "nobody paused it");
    refused(BACK, &paused, "paused by hand");
    refused(Action::Restart, &paused, "paused by hand");
}

#[test]
fn promote_takes_the_pause_away_and_nothing_else() {
    let body = ["rollout/status Merge status.pauseConditions=null"];
    assert_eq!(writes_of(Action::Promote, &canary()), body);
    assert_eq!(planned(Action::Promote, &canary().0).arrival, Arrival::PassedStep { from: 1 });
    assert_eq!(writes_of(Action::Promote, &blue_green()), body);
    assert_eq!(
        planned(Action::Promote, &blue_green().0).arrival,
        Arrival::Switched(PodHash::new(NEW))
    );
    let both = inconclusive_background(&["CanaryPauseStep", "InconclusiveAnalysisRun"]);
    assert_eq!(writes_of(Action::Promote, &both), body);
    let told = planned(Action::Promote, &both.0).prediction;
    assert!(told.effect.as_str().contains("CanaryPauseStep and InconclusiveAnalysisRun"));
    assert!(told.warnings.iter().any(|words| words.as_str().contains("goes on past a pause")));
}

#[test]
fn promote_of_an_inconclusive_background_analysis_waits_for_its_pause_to_go() {
    let make = inconclusive_background(&["InconclusiveAnalysisRun"]).at_step(2);
    assert_eq!(
        planned(Action::Promote, &make.0).arrival,
        Arrival::PauseGone { run: Some(Name::new("web-bg")) }
    );
    let before_switch = blue_green().waiting(&["InconclusiveAnalysisRun"]).edit(|rollout| {
        rollout.status.runs.pre_promotion = Some(run("web-pre", RunPhase::Inconclusive));
    });
    assert_eq!(
        planned(Action::Promote, &before_switch.0).arrival,
        Arrival::PauseGone { run: Some(Name::new("web-pre")) }
    );
}

#[test]
fn promote_past_an_inconclusive_step_goes_to_the_next_index() {
    let make = inconclusive_step();
    assert_eq!(
        writes_of(Action::Promote, &make),
        ["rollout/status Merge status.pauseConditions=null status.controllerPause=false \
          status.currentStepIndex=4"]
    );
    assert_eq!(
        planned(Action::Promote, &make.0).arrival,
        Arrival::ReachedStep { index: 4, run: Some(Name::new("web-errors")) }
    );
    let last = inconclusive_step().edit(|rollout| {
        rollout.spec.steps = rollout.spec.steps.iter().take(4).cloned().collect();
    });
    let capped = planned(Action::Promote, &last.0);
    assert_eq!(
        capped.arrival,
        Arrival::ReachedStep { index: 4, run: Some(Name::new("web-errors")) }
    );
}

#[test]
fn promote_is_refused_where_it_would_be_eaten_or_mean_something_else() {
    refused(Action::Promote, &canary().hand_paused(), "approval would be eaten");
    refused(Action::Promote, &canary().aborted(), "aborted");
    refused(Action::Promote, &canary().waiting(&[]), "a step is running");
    refused(Action::Promote, &canary().settled(), "waits for nothing");
    refused(Action::Promote, &canary().unobserved(), "newest spec");
    refused(Action::Promote, &deployment(), "a Deployment has no promote");
    let resumed = canary().waiting(&[]).edit(|it| it.status.flags.controller_pause = true);
    refused(Action::Promote, &resumed, "has not reacted");
}

#[test]
fn skip_writes_the_next_index_but_at_a_pause_only_takes_the_pause_away() {
    let running = canary().waiting(&[]).at_step(3);
    assert_eq!(
        writes_of(Action::Skip { to: None }, &running),
        ["rollout/status Merge status.pauseConditions=null status.controllerPause=false \
          status.currentStepIndex=4"]
    );
    assert_eq!(
        writes_of(Action::Skip { to: None }, &canary()),
        ["rollout/status Merge status.pauseConditions=null"]
    );
    assert_eq!(
        planned(Action::Skip { to: None }, &canary().0).arrival,
        Arrival::PassedStep { from: 1 }
    );
    for (make, words) in [
        (canary().hand_paused(), "paused by hand"),
        (canary().aborted(), "aborted"),
        (canary().settled(), "all its steps are done"),
        (blue_green(), "has no steps"),
        (inconclusive_background(&["InconclusiveAnalysisRun"]).at_step(2), "came to no answer"),
        (deployment(), "has no skip"),
    ] {
        refused(Action::Skip { to: None }, &make, words);
    }
}

#[test]
fn a_full_promotion_needs_an_update_in_flight_that_is_neither_aborted_nor_paused_by_hand() {
    for make in [canary(), by_pods(), blue_green(), blue_green().switched()] {
        assert_eq!(
            writes_of(Action::PromoteFull, &make),
            ["rollout/status Merge status.promoteFull=true"]
        );
        let plan = planned(Action::PromoteFull, &make.0);
        assert_eq!(plan.arrival, Arrival::FullyPromoted(PodHash::new(NEW)));
        assert_eq!(plan.reversal, Some(Action::Rollback { to: Some(Revision(7)) }));
        refused(Action::PromoteFull, &make.clone().hand_paused(), "would hang");
        refused(Action::PromoteFull, &make.clone().aborted(), "would ship the aborted version");
        refused(Action::PromoteFull, &make.clone().unobserved(), "newest spec");
        refused(Action::PromoteFull, &make.settled(), "no update is on its way");
    }
    refused(Action::PromoteFull, &first_deploy(), "first version");
}

fn first_deploy() -> Make {
    canary().waiting(&[]).edit(|rollout| rollout.status.hashes.stable = None)
}

#[test]
fn abort_also_takes_a_full_promotion_back() {
    let body = ["rollout/status Merge status.abort=true status.promoteFull=false"];
    for make in
        [canary(), by_pods(), blue_green(), canary().hand_paused(), blue_green().hand_paused()]
    {
        if make.0.strategy == Strategy::BlueGreen || make.0.rollout().unwrap().spec.traffic.routed {
            assert_eq!(writes_of(Action::Abort, &make), body);
        }
        assert_eq!(planned(Action::Abort, &make.0).arrival, Arrival::Aborted);
    }
    assert_eq!(writes_of(Action::Abort, &by_pods()), body);
}

#[test]
fn abort_of_a_canary_by_pods_that_is_paused_by_hand_lifts_the_pause_too() {
    assert_eq!(
        writes_of(Action::Abort, &by_pods().hand_paused()),
        [
            "rollout/status Merge status.abort=true status.promoteFull=false",
            "rollout Merge spec.paused=false"
        ]
    );
    let still_serving = by_pods().hand_paused().aborted();
    assert_eq!(writes_of(Action::Abort, &still_serving).len(), 2);
}

#[test]
fn abort_after_the_switch_rolls_back_to_stable_instead_and_says_so() {
    for make in [
        blue_green().switched(),
        blue_green().switched().hand_paused(),
        blue_green().switched().aborted(),
    ] {
        assert_eq!(
            writes_of(Action::Abort, &make),
            ["rollout Json spec.template=template(web-stable7) spec.paused=false"]
        );
        let plan = planned(Action::Abort, &make.0);
        assert_eq!(plan.arrival, Arrival::Switched(PodHash::new(STABLE)));
        assert!(plan.prediction.effect.as_str().contains("instead of an abort"));
        assert_eq!(plan.reversal, Some(Action::Rollback { to: Some(Revision(8)) }));
    }
    let lost = blue_green().switched().sets(vec![set(8, NEW, 80, 1)]);
    refused(Action::Abort, &lost, "stable version is not known");
}

#[test]
fn abort_is_refused_where_the_controller_would_drop_it() {
    refused(Action::Abort, &canary().unobserved(), "newest spec");
    refused(Action::Abort, &canary().settled(), "no update is on its way");
    refused(Action::Abort, &blue_green().settled(), "no update is on its way");
    refused(Action::Abort, &first_deploy(), "never fully promoted");
    let served_by_stable = canary().aborted().edit(|rollout| {
        rollout.status.weights.as_mut().unwrap().canary = 0;
    });
    refused(Action::Abort, &served_by_stable, "aborted already");
    refused(Action::Abort, &deployment(), "a Deployment has no abort");
}

#[test]
fn abort_inside_the_rollback_window_says_that_it_is_ignored_and_offers_pause() {
    let back = canary()
        .sets(vec![set(8, NEW, 50, 1), set(7, STABLE, 70, 4), set(6, OLD, 60, 0)])
        .edit(|rollout| rollout.spec.rollback_window = Some(2));
    let plan = planned(Action::Abort, &back.0);
    assert_eq!(plan.instead, Some(Action::Pause));
    assert!(plan.prediction.warnings.iter().any(|it| it.as_str().contains("ignores abort here")));
    let held = back.clone().hand_paused().edit(|it| it.spec.traffic.routed = false);
    refused(Action::Abort, &held, "the pause by hand already holds it");
    let outside = back.edit(|rollout| rollout.spec.rollback_window = Some(1));
    assert_eq!(planned(Action::Abort, &outside.0).instead, None);
    assert_eq!(planned(Action::Abort, &canary().0).instead, None);
}

#[test]
fn retry_needs_an_abort_and_never_carries_out_a_promotion_that_was_left_over() {
    assert_eq!(
        writes_of(Action::Retry, &canary().aborted()),
        ["rollout/status Merge status.abort=false"]
    );
    assert_eq!(planned(Action::Retry, &canary().aborted().0).arrival, Arrival::Retried);
    let left_over = canary().aborted().edit(|it| it.status.flags.promote_full = true);
    assert_eq!(
        writes_of(Action::Retry, &left_over),
        ["rollout/status Merge status.abort=false status.promoteFull=false"]
    );
    refused(Action::Retry, &canary(), "not aborted");
    let lifted = canary().aborted().edit(|it| it.status.flags.abort = false);
    refused(Action::Retry, &lifted, "retried already");
}

#[test]
fn a_restart_is_always_possible_and_asks_for_the_servers_time() {
    for make in [canary(), blue_green().hand_paused(), canary().settled(), canary().aborted()] {
        assert_eq!(writes_of(Action::Restart, &make), ["rollout Merge spec.restartAt=now"]);
    }
    assert_eq!(
        writes_of(Action::Restart, &deployment()),
        ["deployment Merge \
          spec.template.metadata.annotations.kubectl.kubernetes.io/restartedAt=now"]
    );
}

#[test]
fn roll_back_goes_to_stable_while_an_update_is_in_flight() {
    for make in [canary(), by_pods(), canary().aborted(), canary().hand_paused()] {
        assert_eq!(
            writes_of(BACK, &make),
            ["rollout Json spec.template=template(web-stable7) spec.paused=false"]
        );
        let plan = planned(BACK, &make.0);
        assert_eq!(plan.arrival, Arrival::RolledBack(PodHash::new(STABLE)));
        assert!(plan.prediction.effect.as_str().contains("at once, without steps"));
        assert_eq!(plan.reversal, Some(Action::Rollback { to: Some(Revision(8)) }));
    }
}

#[test]
fn roll_back_of_a_settled_rollout_goes_to_the_newest_older_revision() {
    let plan = planned(BACK, &canary().settled().0);
    assert_eq!(plan.arrival, Arrival::RolledBack(PodHash::new(STABLE)));
    assert!(plan.prediction.effect.as_str().contains("all 6 steps"));
    let unknown = |words: &crate::domain::text::Text| words.as_str().contains("cannot be known");
    assert!(plan.prediction.warnings.iter().any(unknown));
    let alone = canary().settled().sets(vec![set(8, NEW, 80, 4)]);
    refused(BACK, &alone, "no older revision is left");
}

#[test]
fn roll_back_to_a_named_revision_finds_it_or_tells_which_there_are() {
    let to = |revision| Action::Rollback { to: Some(Revision(revision)) };
    let plan = planned(to(6), &canary().settled().0);
    assert_eq!(plan.arrival, Arrival::RolledBack(PodHash::new(OLD)));
    refused(to(3), &canary().settled(), "no revision 3");
    refused(to(8), &canary().settled(), "wants already");
}

#[test]
fn roll_back_with_a_template_elsewhere_writes_the_deployment_and_then_lifts_the_pause() {
    let make = canary().elsewhere("Deployment");
    assert_eq!(writes_of(BACK, &make), ["deployment Json spec.template=template(web-stable7)"]);
    assert_eq!(
        writes_of(BACK, &make.hand_paused()),
        ["deployment Json spec.template=template(web-stable7)", "rollout Merge spec.paused=false"]
    );
    refused(BACK, &canary().elsewhere("PodTemplate"), "lives in PodTemplate");
    let switched = blue_green().switched().elsewhere("Deployment");
    assert_eq!(
        writes_of(Action::Abort, &switched),
        ["deployment Json spec.template=template(web-stable7)"]
    );
}

#[test]
fn roll_back_of_a_deployment_takes_template_and_annotations() {
    assert_eq!(
        writes_of(BACK, &deployment()),
        ["deployment Json spec.template=template(web-stable7) \
          metadata.annotations=annotations(web-stable7)"]
    );
    let plan = planned(BACK, &deployment().0);
    assert_eq!(plan.arrival, Arrival::Complete(PodHash::new(STABLE)));
    assert!(plan.prediction.effect.as_str().contains("becomes revision 9"));
}

#[test]
fn nothing_is_done_to_what_is_being_deleted_or_belongs_to_a_rollout() {
    let mut dying = canary();
    dying.0.meta.deleting = Some(crate::domain::fixtures::at(999));
    let mut taken = deployment();
    taken.0.part_of = Some((WorkloadKind::Rollout, Name::new("web")));
    for action in Action::ALL {
        assert!(plan(action, &dying.0, &context()).is_err(), "{action}");
        assert!(plan(action, &taken.0, &context()).is_err(), "{action}");
    }
    refused(Action::Pause, &taken, "Rollout web took this Deployment over");
}

#[test]
fn a_rollout_of_an_unknown_strategy_can_be_held_and_put_right() {
    let mut make = canary();
    make.0.strategy = Strategy::Unknown;
    let can: Vec<&str> = Action::ALL
        .into_iter()
        .filter(|action| possible(*action, &make.0).is_ok())
        .map(Action::name)
        .collect();
    assert_eq!(can, ["pause", "rollback", "restart", "comment"]);
}

#[test]
fn every_plan_says_what_it_does_and_every_refusal_what_to_do() {
    for make in [canary(), by_pods(), blue_green(), blue_green().switched(), deployment()] {
        for make in [make.clone(), make.hand_paused()] {
            for action in Action::ALL {
                match plan(action, &make.0, &context()) {
                    Ok(plan) => {
                        assert!(!plan.prediction.effect.is_empty(), "{action}");
                        assert!(!plan.change.is_empty(), "{action}");
                        assert_eq!(plan.writes.is_empty(), action == Action::Comment, "{action}");
                    }
                    Err(refusals) => {
                        assert!(!refusals.is_empty());
                        assert!(refusals.iter().all(|it| !it.remedy.is_empty()), "{refusals:?}");
                    }
                }
            }
        }
    }
}
