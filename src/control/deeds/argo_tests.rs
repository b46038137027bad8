//! Deeds that only Argo's Rollouts have: skipping to a step, ending an analysis, and the last way to stop a canary.

use crate::control::action::Action;
use crate::control::arrival::{Judgement, Since, judge, stands};
use crate::control::fixtures::{context, planned, writes};
use crate::control::plan::{Arrival, plan};
use crate::domain::experiment::Experiment;
use crate::domain::fixtures::{
    Make, NEW, STABLE, blue_green, by_pods, canary, deployment, experiment, run, set,
};
use crate::domain::ids::Name;
use crate::domain::rollout::RunPhase;
use crate::domain::text::Text;
use crate::domain::workload::Controller;

const fn to(number: u32) -> Action {
    Action::Skip { to: Some(number) }
}

fn refusal(action: Action, make: &Make) -> (String, String) {
    let refusals = plan(action, &make.0, &context()).expect_err("it is refused");
    let all = |of: fn(&crate::control::check::Refusal) -> &str| {
        refusals.iter().map(of).collect::<Vec<_>>().join("; ")
    };
    (all(|it| it.why.as_str()), all(|it| it.remedy.as_str()))
}

fn told(action: Action, make: &Make) -> (String, String) {
    let told = planned(action, &make.0).prediction;
    let warnings: Vec<&str> = told.warnings.iter().map(Text::as_str).collect();
    (told.effect.to_string(), warnings.join("; "))
}

#[test]
fn a_skip_over_steps_sets_the_index_and_says_what_is_left_undone() {
    let plan = planned(to(6), &canary().0);
    assert_eq!(
        writes(&plan),
        ["rollout/status Merge status.pauseConditions=null status.controllerPause=false \
          status.currentStepIndex=5"]
    );
    assert_eq!(plan.arrival, Arrival::ReachedStep { index: 5, run: None });
    let (effect, warnings) = told(to(6), &canary());
    assert_eq!(
        effect,
        "steps 2 to 5 are not waited for; step 6 (weight 80 %) runs next, with weight 80 %"
    );
    assert!(warnings.contains("1 × analysis"), "{warnings}");
}

#[test]
fn a_skip_to_the_next_step_is_the_plain_skip() {
    for make in [canary(), canary().waiting(&[]).at_step(3)] {
        let next = make.0.rollout().unwrap().status.step_index.unwrap() + 2;
        let plain = planned(Action::Skip { to: None }, &make.0);
        let named = planned(to(next), &make.0);
        assert_eq!(
            (writes(&named), named.arrival, named.prediction),
            (writes(&plain), plain.arrival, plain.prediction)
        );
    }
}

#[test]
fn steps_are_skipped_forwards_only_and_to_one_that_exists() {
    for number in [0, 1, 2] {
        let (why, remedy) = refusal(to(number), &canary());
        assert!(why.contains("not run backwards"), "{why}");
        assert_eq!(remedy, "steps 3 to 6 can be skipped to");
    }
    assert!(refusal(to(7), &canary()).0.contains("there is no step 7"));
    assert!(refusal(to(3), &blue_green()).0.contains("no steps"));
}

fn analysed() -> Make {
    canary().at_step(3).waiting(&[]).edit(|rollout| {
        rollout.status.runs.step = Some(run("web-errors", RunPhase::Running));
        rollout.status.runs.background = Some(run("web-bg", RunPhase::Successful));
    })
}

#[test]
fn an_analysis_that_runs_is_ended_and_that_counts_as_passed() {
    let plan = planned(Action::Terminate, &analysed().0);
    assert_eq!(writes(&plan), ["analysisrun Merge spec.terminate=true"]);
    let (effect, warnings) = told(Action::Terminate, &analysed());
    assert_eq!(effect, "AnalysisRun web-errors ends now; next is step 5 of 6 (pause 10 s)");
    assert!(warnings.contains("as passed"), "{warnings}");
    let since = Since::default();
    let waits = judge(&plan, &since, &analysed().0);
    assert!(matches!(waits, Judgement::NotYet(_)), "{waits:?}");
    assert!(!stands(&plan, &analysed().0));
    let ended = analysed().edit(|rollout| {
        rollout.status.runs.step = Some(run("web-errors", RunPhase::Successful));
    });
    assert_eq!(judge(&plan, &since, &ended.0), Judgement::Arrived);
    assert!(stands(&plan, &ended.0));
}

#[test]
fn an_experiment_is_ended_too_and_all_that_run_go_with_one_deed() {
    let both = analysed().edit(|rollout| {
        rollout.status.runs.background = Some(run("web-bg", RunPhase::Running));
        rollout.status.runs.experiment = Some(Name::new("web-exp"));
    });
    let plan = planned(Action::Terminate, &both.0);
    let objects: Vec<String> = plan
        .writes
        .iter()
        .map(|write| format!("{} {}", write.object.kind.name(), write.object.name))
        .collect();
    assert_eq!(objects, ["AnalysisRun web-errors", "AnalysisRun web-bg", "Experiment web-exp"]);
    let one_left = both.edit(|rollout| {
        rollout.status.runs.step = None;
        rollout.status.runs.background = None;
    });
    let waits = judge(&plan, &Since::default(), &one_left.0);
    assert!(matches!(&waits, Judgement::NotYet(why) if why.as_str() == "web-exp still runs"));
}

#[test]
fn nothing_is_ended_where_nothing_runs() {
    for make in [canary(), blue_green(), canary().settled()] {
        assert!(refusal(Action::Terminate, &make).0.contains("no analysis of it runs"));
    }
    assert!(refusal(Action::Terminate, &deployment()).0.contains("has no terminate"));
}

fn unanswered() -> Make {
    by_pods().edit(|rollout| rollout.status.flags.abort = true)
}

#[test]
fn a_canary_by_pods_goes_to_zero_where_nobody_acts_on_the_abort() {
    let plan = planned(Action::ScaleDown, &unanswered().0);
    assert_eq!(writes(&plan), ["replicaset Merge spec.replicas=0"]);
    let (effect, _) = told(Action::ScaleDown, &unanswered());
    assert_eq!(
        effect,
        "the 1 pod of revision 8 (web:8.0) go; 4 pods of revision 7 (web:7.0) carry all traffic, \
         and nobody adds any while the controller is silent"
    );
    let waits = judge(&plan, &Since::default(), &unanswered().0);
    assert!(matches!(waits, Judgement::NotYet(_)), "{waits:?}");
    // The mark of the abort that nobody acts on is still there.
    let gone = unanswered()
        .edit(|rollout| rollout.status.message = Some(Text::from("pilothouse o-1 abort")))
        .sets(vec![set(8, NEW, 80, 0), set(7, STABLE, 70, 4)]);
    assert_eq!(judge(&plan, &Since::default(), &gone.0), Judgement::Arrived);
}

#[test]
fn the_load_that_fewer_pods_must_carry_is_told() {
    let few = unanswered().sets(vec![set(8, NEW, 80, 2), set(7, STABLE, 70, 2)]);
    assert!(told(Action::ScaleDown, &few).1.contains("2 of 4 pods are left"));
}

#[test]
fn a_canary_goes_to_zero_nowhere_else() {
    for (make, words) in [
        (by_pods(), "no abort is asked for"),
        (by_pods().aborted(), "has acted on the abort"),
        (
            canary().edit(|rollout| rollout.status.flags.abort = true),
            "a router carries the traffic",
        ),
        (
            unanswered().sets(vec![set(8, NEW, 80, 4), set(7, STABLE, 70, 0)]),
            "nobody would be left",
        ),
        (
            unanswered().sets(vec![set(8, NEW, 80, 0), set(7, STABLE, 70, 4)]),
            "the new version has no pods",
        ),
        (blue_green(), "the active Service decides"),
        (deployment(), "has no scale to zero"),
    ] {
        let (why, remedy) = refusal(Action::ScaleDown, &make);
        assert!(why.contains(words), "{why}");
        assert!(!remedy.is_empty());
    }
}

#[test]
fn an_experiment_knows_one_deed_and_no_other() {
    let made = experiment();
    let plan = planned(Action::Terminate, &made.0);
    assert_eq!(writes(&plan), ["experiment Merge spec.terminate=true"]);
    assert_eq!(plan.reversal, None);
    let (effect, warnings) = told(Action::Terminate, &made);
    assert_eq!(effect, "the experiment ends now, and its 4 pods are taken away");
    assert!(warnings.starts_with("its controller calls an experiment that is ended"), "{warnings}");
    for action in Action::ALL {
        if action != Action::Terminate {
            let (why, _) = refusal(action, &made);
            let want = if action == Action::CloseGate {
                "it asks no manual gate".to_owned()
            } else {
                format!("an Experiment has no {}", action.title())
            };
            assert_eq!(why, want);
        }
    }
}

#[test]
fn what_its_controller_says_of_an_experiment_does_not_change_what_a_plan_stands_on() {
    let (made, mut later) = (experiment(), experiment());
    later.0.meta.generation = crate::domain::ids::Generation(99);
    let footing = crate::control::footing::Footing::of(&made.0);
    assert!(footing.differences(&crate::control::footing::Footing::of(&later.0)).is_empty());
    later.0.meta.uid = crate::domain::ids::Uid::new("another");
    assert_eq!(footing.differences(&crate::control::footing::Footing::of(&later.0)).len(), 1);
}

#[test]
fn the_end_of_an_experiment_is_asked_for_once_and_has_arrived_with_a_final_phase() {
    let with = |edit: fn(&mut Experiment)| {
        let mut made = experiment();
        let Controller::Experiment(facts) = &mut made.0.controller else { panic!("an experiment") };
        edit(facts);
        made
    };
    let over = with(|it| it.phase = Some(RunPhase::Successful));
    let asked = with(|it| it.terminate = true);
    assert_eq!(refusal(Action::Terminate, &over).0, "it is over already");
    assert_eq!(refusal(Action::Terminate, &asked).0, "its end is asked for already");
    let plan = planned(Action::Terminate, &experiment().0);
    let judged = |make: &Make| judge(&plan, &Since::default(), &make.0);
    assert!(matches!(judged(&experiment()), Judgement::NotYet(_)));
    assert!(matches!(judged(&asked), Judgement::NotYet(_)));
    assert_eq!(judged(&over), Judgement::Arrived);
    assert_eq!(judged(&with(|it| it.phase = Some(RunPhase::Failed))), Judgement::Arrived);
}
