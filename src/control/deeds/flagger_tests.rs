//! Flagger's rows: when each deed is possible, what it writes, in which turn, and when it has arrived.

use crate::control::action::Action;
use crate::control::arrival::{Judgement, Since, judge, stands};
use crate::control::fixtures::{context, planned, writes};
use crate::control::footing::Footing;
use crate::control::plan::{Turn, plan};
use crate::domain::fixtures::{Make, NEW, STABLE, flagger, set};
use crate::domain::flagger::Phase;
use crate::domain::ids::WorkloadKind;
use crate::domain::text::Text;
use crate::domain::workload::Controller;

/// A run whose pods are ready.
fn ready(phase: Phase) -> Make {
    let mut made = flagger(phase).sets(vec![set(8, NEW, 80, 3), set(7, STABLE, 70, 3)]);
    let all = Some(3);
    let counts = &mut made.0.replicas;
    (counts.desired, counts.updated, counts.available) = (all, all, all);
    assert_eq!(made.0.target.kind, WorkloadKind::Canary);
    made
}

fn refused(action: Action, make: &Make, words: &str) {
    let refusals = plan(action, &make.0, &context()).expect_err(words);
    let all: Vec<String> = refusals.iter().map(|refusal| refusal.why.to_string()).collect();
    assert!(all.iter().any(|why| why.contains(words)), "{action}: {all:?} lacks {words:?}");
}

#[test]
fn pause_and_resume_write_suspend_and_say_that_rolling_back_is_off_too() {
    let made = ready(Phase::Progressing);
    let pause = planned(Action::Pause, &made.0);
    assert_eq!(writes(&pause), ["canary Merge spec.suspend=true"]);
    assert!(pause.prediction.warnings[0].as_str().contains("rolling back is off too"));
    assert!(pause.prediction.effect.as_str().contains("20 %"), "{}", pause.prediction.effect);
    let made = made.canary(|it| it.spec.suspend = true);
    assert_eq!(writes(&planned(Action::Resume, &made.0)), ["canary Merge spec.suspend=false"]);
    refused(Action::Pause, &made, "paused by hand already");
}

#[test]
fn abort_counts_the_checks_as_failed_and_then_moves_the_route_at_once() {
    for phase in [Phase::Progressing, Phase::WaitingPromotion] {
        let plan = planned(Action::Abort, &ready(phase).0);
        assert_eq!(
            writes(&plan),
            ["canary/status Merge status.failedChecks=2", "httproute Json spec.rules=primary-only"]
        );
        assert_eq!((plan.turn(0), plan.turn(1)), (Turn::Now, Turn::IfAllowed));
        assert!(!plan.writes[0].leaves_mark() && !plan.writes[1].leaves_mark());
    }
    let no_route = ready(Phase::Progressing).canary(|it| it.route = None);
    let plan = planned(Action::Abort, &no_route.0);
    assert_eq!(writes(&plan), ["canary/status Merge status.failedChecks=2"]);
    assert!(plan.prediction.warnings.iter().any(|it| it.as_str().contains("next look")));
}

#[test]
fn an_abort_of_what_is_suspended_lets_flagger_act_again() {
    let made = ready(Phase::Progressing).canary(|it| it.spec.suspend = true);
    let last = writes(&planned(Action::Abort, &made.0)).pop();
    assert_eq!(last.as_deref(), Some("canary Merge spec.suspend=false"));
}

#[test]
fn pods_that_are_not_ready_are_aborted_by_the_route_and_the_deadline_which_is_put_back() {
    let made = ready(Phase::Progressing).sets(vec![
        {
            let mut new = set(8, NEW, 80, 3);
            new.replicas.available = Some(1);
            new
        },
        set(7, STABLE, 70, 3),
    ]);
    let plan = planned(Action::Abort, &made.0);
    assert_eq!(
        writes(&plan),
        [
            "httproute Json spec.rules=primary-only",
            "canary Merge spec.progressDeadlineSeconds=1",
            "canary Merge spec.progressDeadlineSeconds=120",
        ]
    );
    let turns = [plan.turn(0), plan.turn(1), plan.turn(2)];
    assert_eq!(turns, [Turn::IfAllowed, Turn::Now, Turn::AfterRun]);
    refused(Action::PromoteFull, &made, "not all ready");
}

#[test]
fn once_the_primary_is_being_replaced_there_is_no_abort() {
    for (phase, words) in [
        (Phase::Promoting, "heeds nothing"),
        (Phase::Finalising, "heeds nothing"),
        (Phase::Waiting, "has not started"),
        (Phase::Failed, "rolled back"),
        (Phase::Succeeded, "no run"),
    ] {
        refused(Action::Abort, &ready(phase), words);
        refused(Action::PromoteFull, &ready(phase), words);
    }
}

#[test]
fn promote_now_skips_the_analysis_and_puts_it_back_after_the_run() {
    let plan = planned(Action::PromoteFull, &ready(Phase::WaitingPromotion).0);
    let told = |words: &str| plan.prediction.warnings.iter().any(|it| it.as_str().contains(words));
    assert!(told("spec.skipAnalysis is put back then, and by nobody else"), "{plan:#?}");
    assert_eq!(
        writes(&plan),
        ["canary Merge spec.skipAnalysis=true", "canary Merge spec.skipAnalysis=false"]
    );
    assert_eq!((plan.turn(0), plan.turn(1)), (Turn::Now, Turn::AfterRun));
}

#[test]
fn retry_forgets_the_applied_spec_of_a_failed_run() {
    let plan = planned(Action::Retry, &ready(Phase::Failed).0);
    assert_eq!(writes(&plan), ["canary/status Merge status.lastAppliedSpec="]);
    refused(Action::Retry, &ready(Phase::Progressing), "has not failed");
}

#[test]
fn what_flagger_cannot_do_is_refused_with_the_way_that_is_left() {
    let made = ready(Phase::WaitingPromotion);
    refused(Action::Promote, &made, "names no webhook");
    refused(Action::CloseGate, &made, "none of its webhooks");
    refused(Action::Rollback { to: None }, &made, "neither stops nor restarts");
    refused(Action::Skip { to: None }, &made, "no skip step");
    refused(Action::Restart, &made, "no restart");
}

#[test]
fn an_abort_has_arrived_when_it_failed_and_nothing_is_routed_or_running() {
    let plan = planned(Action::Abort, &ready(Phase::Progressing).0);
    let down = |made: Make| made.sets(vec![set(8, NEW, 80, 0), set(7, STABLE, 70, 3)]);
    let judged = |made: &Make| judge(&plan, &Since::default(), &made.0);
    assert_eq!(judged(&down(ready(Phase::Failed))), Judgement::Arrived);
    assert!(matches!(judged(&ready(Phase::Failed)), Judgement::NotYet(_)));
    let routed = down(ready(Phase::Failed)).canary(|it| {
        if let Some(route) = &mut it.route {
            route.canary = 20;
        }
    });
    assert!(matches!(judged(&routed), Judgement::NotYet(_)));
    assert!(matches!(judged(&ready(Phase::Progressing)), Judgement::NotYet(_)));
    assert!(!stands(&plan, &ready(Phase::Progressing).0));
    let failing = ready(Phase::Progressing).canary(|it| it.status.failed_checks = 2);
    assert!(stands(&plan, &failing.0));
}

#[test]
fn a_promotion_has_arrived_when_the_primarys_pods_are_all_new() {
    let plan = planned(Action::PromoteFull, &ready(Phase::Progressing).0);
    let judged = |made: &Make| judge(&plan, &Since::default(), &made.0);
    assert_eq!(judged(&ready(Phase::Succeeded)), Judgement::Arrived);
    let mut rolling = ready(Phase::Succeeded);
    rolling.0.replicas.updated = Some(1);
    assert!(matches!(judged(&rolling), Judgement::NotYet(_)));
    assert!(matches!(judged(&ready(Phase::Promoting)), Judgement::NotYet(_)));
}

#[test]
fn a_retry_has_arrived_when_a_run_is_on_its_way() {
    let plan = planned(Action::Retry, &ready(Phase::Failed).0);
    let judged = |made: &Make| judge(&plan, &Since::default(), &made.0);
    assert_eq!(judged(&ready(Phase::Progressing)), Judgement::Arrived);
    assert!(matches!(judged(&ready(Phase::Failed)), Judgement::NotYet(_)));
}

#[test]
fn a_weight_that_moved_is_told_as_a_weight_and_not_as_a_step() {
    let at = |weight: u32| {
        let mut made = ready(Phase::Progressing);
        if let Controller::Flagger(flagger) = &mut made.0.controller {
            flagger.status.weight = weight;
        }
        Footing::of(&made.0)
    };
    let told: Vec<String> = at(10).differences(&at(20)).iter().map(Text::to_string).collect();
    assert_eq!(told, ["weight 10 % → 20 %"]);
    assert_eq!(at(10).step_index, None);
}
