//! What a plan tells before the operator says yes: which traffic, which pods, how long, and who will undo it.

use std::sync::Arc;
use std::time::Duration;

use crate::control::action::Action;
use crate::control::fixtures::{context, planned};
use crate::control::plan::{PlanContext, plan};
use crate::domain::bounds::{Autoscaler, Bounds, Budget};
use crate::domain::detail::{AnalysisRun, ClusterEvent, Detail};
use crate::domain::fixtures::{
    Make, NEW, OLD, STABLE, at, blue_green, by_pods, canary, deployment, run, set,
};
use crate::domain::ids::{Name, PodHash, Uid};
use crate::domain::owner::OwnerTool;
use crate::domain::rollout::RunPhase;
use crate::domain::text::Text;

const BACK: Action = Action::Rollback { to: None };

fn effect(action: Action, make: &Make) -> String {
    planned(action, &make.0).prediction.effect.to_string()
}

fn warnings(action: Action, make: &Make) -> String {
    let told = planned(action, &make.0).prediction.warnings;
    told.iter().map(Text::as_str).collect::<Vec<_>>().join("\n")
}

fn about(action: Action, make: &Make) -> Option<u128> {
    planned(action, &make.0).prediction.about.map(|about| about.as_millis())
}

#[test]
fn the_effect_names_step_share_and_version() {
    let timed = canary().waiting(&["CanaryPauseStep"]).at_step(4);
    for (action, make, words) in [
        (Action::Pause, canary(), "at step 2 of 6 (pause until a human); 20 % of the traffic"),
        (Action::Pause, by_pods(), "the traffic of 1 of 5 pods"),
        (Action::Pause, canary().settled(), "the next update will wait at its start"),
        (Action::Pause, blue_green(), "the stable version keeps all traffic"),
        (Action::Pause, deployment(), "4 of 4 new pods stay"),
        (Action::Resume, canary().hand_paused(), "waits there as before"),
        // The pause began at 900 and lasts 10 s; now is 1000.
        (Action::Resume, timed.hand_paused(), "ran out meanwhile and ends at once"),
        (
            Action::Promote,
            canary(),
            "CanaryPauseStep is taken away; next is step 3 of 6 (weight 50 %)",
        ),
        (Action::Promote, blue_green(), "the active Service selects revision 8 (web:8.0) at once"),
        (
            Action::Skip { to: None },
            canary().waiting(&[]).at_step(3),
            "step 4 (analysis) is skipped",
        ),
        (
            Action::Skip { to: None },
            canary().waiting(&[]).at_step(5),
            "no step follows: revision 8 (web:8.0)",
        ),
        (Action::PromoteFull, canary(), "5 steps and their analyses are skipped"),
        (
            Action::Abort,
            canary(),
            "all traffic goes back to revision 7 (web:7.0) at once; the new version's pods stay 30 s longer",
        ),
        (Action::Abort, by_pods(), "take the place of the new version's 1 pod;"),
        (Action::Abort, by_pods().hand_paused(), "the pause by hand is lifted too"),
        (Action::Retry, canary().aborted(), "revision 8 (web:8.0) starts again at its first step"),
        (Action::Restart, canary(), "its 4 pods are evicted"),
    ] {
        let told = effect(action, &make);
        assert!(told.contains(words), "{action}: {told:?} lacks {words:?}");
    }
}

#[test]
fn the_change_names_both_versions() {
    let change = |action, make: &Make| planned(action, &make.0).change.to_string();
    assert_eq!(change(Action::Promote, &canary()), "revision 7 (web:7.0) → revision 8 (web:8.0)");
    assert_eq!(change(BACK, &canary()), "revision 8 (web:8.0) → revision 7 (web:7.0)");
    assert_eq!(change(Action::Pause, &canary().settled()), "revision 8 (web:8.0)");
}

#[test]
fn abort_with_stable_scaled_down_says_that_it_is_not_instant() {
    let dynamic = canary().edit(|it| it.spec.traffic.dynamic_stable_scale = true);
    assert!(effect(Action::Abort, &dynamic).contains("not at once"));
}

#[test]
fn usual_times_are_those_that_were_measured() {
    for (action, make, millis) in [
        (Action::Abort, canary(), Some(90)),
        (Action::Abort, by_pods(), Some(1_000)),
        (Action::Abort, blue_green(), Some(90)),
        (Action::Promote, canary(), Some(83)),
        (Action::Restart, canary(), Some(4_400)),
        (BACK, canary(), Some(200)),
        (BACK, by_pods(), Some(1_900)),
        (BACK, blue_green(), Some(100)),
        (BACK, canary().settled(), None),
        (BACK, deployment(), Some(5_000)),
    ] {
        assert_eq!(about(action, &make), millis, "{action}");
    }
    let known = PlanContext { last_took: Some(Duration::from_mins(9)), ..context() };
    let told = plan(BACK, &canary().settled().0, &known).expect("a plan");
    assert_eq!(told.prediction.about, Some(Duration::from_mins(9)));
}

#[test]
fn the_way_back_is_told_by_the_rule_that_applies() {
    let delayed = || {
        let mut old = set(7, STABLE, 70, 4);
        old.scale_down_at = Some(at(1_045));
        blue_green().settled().sets(vec![set(8, NEW, 80, 4), old])
    };
    let window = |pods: u32| {
        canary()
            .settled()
            .sets(vec![set(8, NEW, 80, 4), set(7, STABLE, 70, pods)])
            .edit(|it| it.spec.rollback_window = Some(1))
    };
    for (make, words) in [
        (canary(), "the stable version: at once, without steps"),
        (delayed(), "its pods are kept for 45 s more, so the switch is at once"),
        (window(2), "inside the rollback window with pods, so without steps"),
        (window(0), "without steps, as soon as its pods are up"),
        (canary().settled(), "all 6 steps and their analyses run again"),
        (blue_green().settled(), "beside the active one first, then the switch"),
        (deployment(), "which becomes revision 9"),
    ] {
        let told = effect(BACK, &make);
        assert!(told.contains(words), "{told:?} lacks {words:?}");
    }
}

#[test]
fn what_a_deed_does_beside_is_said() {
    let after_switch = blue_green().switched().edit(|it| it.spec.post_promotion_analysis = true);
    for (action, make, words) in [
        (Action::Pause, canary(), "ignores spec.replicas"),
        (Action::Pause, canary().aborted(), "the phase stays Degraded"),
        (Action::Pause, after_switch, "15 to 20 times a second"),
        (Action::Abort, canary(), "60 times a second"),
        (Action::PromoteFull, canary(), "nothing judges the new version any more"),
        (Action::Retry, canary().aborted().hand_paused(), "nothing moves until somebody resumes"),
        (BACK, canary(), "ConfigMaps, Secrets, steps and replicas stay"),
        (BACK, canary().hand_paused(), "the pause by hand is lifted too"),
        (BACK, canary().elsewhere("Deployment"), "that is what is written"),
        (Action::Restart, canary(), "what ConfigMaps and Secrets hold now"),
    ] {
        let told = warnings(action, &make);
        assert!(told.contains(words), "{action}: {told:?} lacks {words:?}");
    }
}

#[test]
fn an_owner_that_would_put_it_back_is_named_for_templates_and_not_for_status() {
    for (tool, words) in [
        (OwnerTool::ArgoCd, "puts this back within seconds if it heals itself"),
        (OwnerTool::FluxKustomization, "at its next interval"),
        (OwnerTool::FluxHelmRelease, "puts this back at its next release"),
        (OwnerTool::Helm, "until its next upgrade"),
        (OwnerTool::Controller, "probably puts this back"),
    ] {
        assert!(warnings(BACK, &canary().owned_by(tool)).contains(words));
        for action in [Action::Promote, Action::Abort, Action::PromoteFull, Action::Restart] {
            let told = warnings(action, &canary().owned_by(tool));
            assert!(!told.contains("shop"), "{told}");
        }
    }
    let told = warnings(Action::Pause, &canary().owned_by(OwnerTool::ArgoCd));
    assert!(told.contains("if spec.paused is in its source"), "{told}");
    let told = warnings(Action::Restart, &deployment().owned_by(OwnerTool::ArgoCd));
    assert!(!told.contains("Argo CD"), "nobody's source has the annotation of a restart: {told}");
}

fn detail(events: &[(&str, &str)], failed: &[&str]) -> Detail {
    let event = |(reason, message): &(&str, &str)| ClusterEvent {
        uid: Uid::new("e"),
        about: Text::from("Rollout/web"),
        warning: false,
        reason: Text::from(*reason),
        message: Text::from(*message),
        by: Text::from("rollouts-controller"),
        count: 1,
        first: None,
        last: None,
    };
    let failed_run = |hash: &&str| AnalysisRun {
        name: Name::new("run"),
        role: None,
        step: None,
        hash: Some(PodHash::new(hash)),
        phase: RunPhase::Failed,
        message: None,
        started: None,
        completed: None,
        metrics: Arc::default(),
    };
    Detail {
        target: canary().0.target,
        pods: Arc::default(),
        pods_left_out: 0,
        runs: failed.iter().map(failed_run).collect(),
        events: events.iter().map(event).collect(),
        bounds: Bounds::default(),
        missing: Arc::default(),
        seen_at: at(1_000),
    }
}

#[test]
fn a_revision_that_is_known_to_have_failed_is_no_target() {
    let aborted = [("RolloutAborted", "Rollout aborted update to revision 7: metric failed")];
    let completed = [("RolloutCompleted", "Rollout completed update to revision 7 (stable7): …")];
    for (events, failed, target, unknown) in [
        (&[][..], &[][..], STABLE, true),
        (&aborted[..], &[][..], OLD, true),
        (&[][..], &[STABLE][..], OLD, true),
        (&completed[..], &[STABLE][..], STABLE, false),
    ] {
        let detail = detail(events, failed);
        let known = PlanContext { detail: Some(&detail), ..context() };
        let told = plan(BACK, &canary().settled().0, &known).expect("a plan");
        assert!(told.prediction.effect.as_str().contains(match target {
            STABLE => "revision 7",
            _ => "revision 6",
        }));
        let says = |words: &Text| words.as_str().contains("cannot be known");
        assert_eq!(told.prediction.warnings.iter().any(says), unknown, "{events:?} {failed:?}");
    }
    let detail = detail(&aborted, &[OLD]);
    let known = PlanContext { detail: Some(&detail), ..context() };
    assert!(plan(BACK, &canary().settled().0, &known).is_err());
}

#[test]
fn an_inconclusive_run_is_named_in_the_warning() {
    let make = canary().at_step(2).waiting(&["InconclusiveAnalysisRun"]).edit(|it| {
        it.status.runs.background = Some(run("web-bg", RunPhase::Inconclusive));
    });
    assert!(warnings(Action::Promote, &make).contains("web-bg came to no answer"));
}

#[test]
fn a_restart_foretells_a_budget_that_allows_no_eviction_and_an_autoscaler() {
    let budget = Budget {
        name: Name::new("web"),
        uid: Uid::new("b"),
        labels: Arc::default(),
        allowed: Some(0),
        healthy: Some(3),
        wanted: Some(3),
    };
    let scaler = Autoscaler {
        name: Name::new("web"),
        uid: Uid::new("h"),
        kind: Text::from("Rollout"),
        scales: Name::new("web"),
        min: 2,
        max: Some(10),
        current: Some(3),
        desired: Some(5),
        trouble: None,
    };
    let mut detail = detail(&[], &[]);
    detail.bounds =
        Bounds { autoscaler: Some(scaler), budgets: [budget].into(), ..Bounds::default() };
    let told = |make: &Make| {
        let context = PlanContext { detail: Some(&detail), ..context() };
        let plan = plan(Action::Restart, &make.0, &context).unwrap();
        plan.prediction.warnings.iter().map(Text::to_string).collect::<Vec<_>>().join("\n")
    };
    let words = told(&canary());
    assert!(
        words.contains("web allows no eviction (3 healthy, at least 3 wanted): the restart"),
        "{words}"
    );
    assert!(
        words.contains("autoscaler web may change their number meanwhile: 3 pods of 2 to 10"),
        "{words}"
    );
    let words = told(&deployment());
    assert!(
        !words.contains("eviction") && words.contains("autoscaler web"),
        "no budget holds a deletion: {words}"
    );
}
