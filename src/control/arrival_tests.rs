//! When a deed has arrived: each row of the column "arrived" of `design/deeds.md`, and what looks like it and is not.

use super::action::Action;
use super::arrival::{Judgement, Since, judge, stands};
use super::fixtures::planned;
use super::plan::Plan;
use crate::domain::fixtures::{
    Make, NEW, STABLE, at, blue_green, by_pods, canary, deployment, hashes, run, set,
};
use crate::domain::ids::{Generation, PodHash, ResourceVersion, Uid};
use crate::domain::rollout::{RouterObject, RunPhase, Weights};
use crate::domain::text::Text;
use crate::domain::workload::ReplicaCounts;

/// Facts at or after this version are after our write.
fn since() -> Since {
    Since {
        version: Some(ResourceVersion::new("501")),
        generation: Some(Generation(13)),
        template_generation: None,
    }
}

#[derive(Debug, PartialEq)]
enum Is {
    Arrived,
    NotYet,
    Dropped,
    Superseded,
}

fn word(judgement: &Judgement) -> Is {
    match judgement {
        Judgement::Arrived => Is::Arrived,
        Judgement::NotYet(_) => Is::NotYet,
        Judgement::Dropped(_) => Is::Dropped,
        Judgement::Superseded(_) => Is::Superseded,
    }
}

/// Judges each world after the write.
fn table(plan: &Plan, rows: &[(&str, Make, Is)]) {
    for (name, world, want) in rows {
        let world = world.clone().version("502");
        let judged = judge(plan, &since(), &world.0);
        assert_eq!(word(&judged), *want, "{} {name}: {judged:?}", plan.action);
    }
}

fn observed(make: Make) -> Make {
    let mut make = make.unobserved();
    let generation = make.0.meta.generation.to_string();
    if make.0.rollout().is_some() {
        make = make.edit(|it| it.status.observed_generation = Some(Text::clean(&generation)));
    } else {
        make = make.facts(|facts| facts.observed_generation = Some(Generation(13)));
    }
    make
}

fn marked(make: Make) -> Make {
    make.edit(|it| it.status.message = Some(Text::from("pilothouse o-1 promote")))
}

/// What our own promote leaves behind before the controller acts.
fn let_go(make: Make) -> Make {
    make.waiting(&[]).edit(|it| it.status.flags.controller_pause = true)
}

#[test]
fn facts_from_before_the_write_prove_nothing() {
    let plan = planned(Action::PromoteFull, &canary().0);
    for (version, want) in [("499", Is::NotYet), ("500", Is::NotYet), ("501", Is::Dropped)] {
        let judged = judge(&plan, &since(), &canary().version(version).0);
        assert_eq!(word(&judged), want, "{version}");
    }
    // Where versions cannot be compared, nothing is called lost.
    let odd = Since { version: Some(ResourceVersion::new("x")), ..since() };
    assert_eq!(word(&judge(&plan, &odd, &canary().version("9").0)), Is::NotYet);
}

#[test]
fn another_life_of_the_object_supersedes_every_deed() {
    let mut other = canary().version("502");
    other.0.meta.uid = Uid::new("u-2");
    let judged = judge(&planned(Action::Pause, &canary().0), &since(), &other.0);
    assert_eq!(word(&judged), Is::Superseded);
}

#[test]
fn pause_arrives_when_the_controller_has_seen_it_whatever_the_phase() {
    let plan = planned(Action::Pause, &canary().0);
    table(
        &plan,
        &[
            ("not seen", canary().hand_paused().unobserved(), Is::NotYet),
            ("seen", observed(canary().hand_paused()), Is::Arrived),
            ("aborted", observed(canary().hand_paused().aborted()), Is::Arrived),
            ("resumed by others", observed(canary()), Is::Superseded),
        ],
    );
    let plan = planned(Action::Pause, &deployment().0);
    let paused = || observed(deployment().hand_paused());
    table(
        &plan,
        &[
            ("not said", paused(), Is::NotYet),
            ("said", paused().condition("Progressing", "DeploymentPaused"), Is::Arrived),
            ("late", paused().condition("Progressing", "ProgressDeadlineExceeded"), Is::Arrived),
        ],
    );
}

#[test]
fn resume_arrives_when_the_controller_has_seen_it_and_a_deployment_when_it_is_rolled_out() {
    let plan = planned(Action::Resume, &canary().hand_paused().0);
    table(
        &plan,
        &[
            ("not seen", canary().unobserved(), Is::NotYet),
            ("at a gate", observed(canary()), Is::Arrived),
            ("paused again", observed(canary().hand_paused()), Is::Superseded),
        ],
    );
    let plan = planned(Action::Resume, &deployment().hand_paused().0);
    let mut half = observed(deployment());
    half.0.replicas.updated = Some(2);
    let mut unsaid = observed(deployment());
    unsaid.0.replicas.available = None;
    let mut none = observed(deployment());
    none.0.replicas = ReplicaCounts { desired: Some(0), ..ReplicaCounts::default() };
    table(
        &plan,
        &[
            ("not seen", deployment().unobserved(), Is::NotYet),
            ("half", half, Is::NotYet),
            ("not said", unsaid, Is::NotYet),
            ("no pods wanted", none, Is::Arrived),
            ("all", observed(deployment()), Is::Arrived),
        ],
    );
}

#[test]
fn promote_arrives_when_the_controller_moved_on_and_not_when_our_own_write_is_seen() {
    let plan = planned(Action::Promote, &canary().0);
    table(
        &plan,
        &[
            ("our own write", marked(let_go(canary())), Is::NotYet),
            ("not reacted", let_go(canary()), Is::NotYet),
            ("moved, not reacted", let_go(canary()).at_step(2), Is::NotYet),
            ("moved", canary().waiting(&[]).at_step(2), Is::Arrived),
            ("moved to the next gate", canary().at_step(4), Is::Arrived),
            ("the gate came back", canary(), Is::Dropped),
            ("aborted", canary().waiting(&[]).aborted(), Is::Superseded),
            (
                "released again",
                canary().edit(|it| it.status.hashes = hashes("newer9", STABLE)),
                Is::Superseded,
            ),
        ],
    );
}

#[test]
fn promote_of_a_blue_green_arrives_with_the_active_selector() {
    let plan = planned(Action::Promote, &blue_green().0);
    table(
        &plan,
        &[
            ("not reacted", let_go(blue_green()), Is::NotYet),
            ("switched", blue_green().waiting(&[]).switched(), Is::Arrived),
            ("the gate came back", blue_green(), Is::Dropped),
            ("aborted", blue_green().waiting(&[]).aborted(), Is::Superseded),
        ],
    );
}

#[test]
fn promote_past_an_inconclusive_background_analysis_arrives_with_a_new_run_or_without_a_pause() {
    let waiting = |name: &str| {
        canary().at_step(2).waiting(&["InconclusiveAnalysisRun"]).edit(|it| {
            it.status.runs.background = Some(run(name, RunPhase::Inconclusive));
        })
    };
    let plan = planned(Action::Promote, &waiting("bg-1").0);
    table(
        &plan,
        &[
            ("not reacted", let_go(waiting("bg-1")), Is::NotYet),
            ("went on", waiting("bg-1").waiting(&[]), Is::Arrived),
            ("a new run", waiting("bg-2"), Is::Arrived),
            ("the gate came back", waiting("bg-1"), Is::Dropped),
        ],
    );
}

#[test]
fn skip_arrives_at_the_next_step_when_the_old_run_is_gone() {
    let with = |make: Make, name: &str| {
        make.waiting(&[]).edit(|it| it.status.runs.step = Some(run(name, RunPhase::Running)))
    };
    let plan = planned(Action::Skip { to: None }, &with(canary().at_step(3), "run-3").0);
    table(
        &plan,
        &[
            ("our own write", marked(with(canary().at_step(4), "run-3")), Is::NotYet),
            ("the old run", with(canary().at_step(4), "run-3"), Is::NotYet),
            ("gone", canary().waiting(&[]).at_step(4), Is::Arrived),
            ("the next run", with(canary().at_step(5), "run-5"), Is::Arrived),
            ("back at the start", canary().waiting(&[]).at_step(0), Is::Superseded),
        ],
    );
}

#[test]
fn a_full_promotion_arrives_when_it_is_stable_and_is_dropped_when_the_flag_goes_without() {
    let plan = planned(Action::PromoteFull, &canary().0);
    let asked = |make: Make| make.edit(|it| it.status.flags.promote_full = true);
    table(
        &plan,
        &[
            ("asked", asked(canary()), Is::NotYet),
            ("stable, still asked", asked(canary().settled()), Is::NotYet),
            ("stable", canary().settled(), Is::Arrived),
            ("dropped", canary().waiting(&[]), Is::Dropped),
            (
                "released again",
                asked(canary()).edit(|it| it.status.hashes = hashes("newer9", STABLE)),
                Is::Superseded,
            ),
        ],
    );
}

fn weight(make: Make, canary: u32) -> Make {
    make.edit(|it| {
        it.status.weights = Some(Weights { canary, stable: 100 - canary, verified: None });
    })
}

fn carries(make: Make, canary: Result<u32, Text>) -> Make {
    let object = RouterObject { name: Text::from("Ingress i"), canary, note: None, seen_at: None };
    make.edit(|it| it.routers = [object].into())
}

fn asked_to_abort(make: Make) -> Make {
    make.edit(|it| it.status.flags.abort = true)
}

#[test]
fn abort_with_a_router_arrives_at_weight_zero_although_pods_stay() {
    let plan = planned(Action::Abort, &canary().0);
    table(
        &plan,
        &[
            ("our own write", asked_to_abort(canary()), Is::NotYet),
            ("acted on", canary().aborted(), Is::NotYet),
            ("weight 0", weight(canary().aborted(), 0), Is::Arrived),
            ("the route still sends", carries(weight(canary().aborted(), 0), Ok(20)), Is::NotYet),
            ("the route too", carries(weight(canary().aborted(), 0), Ok(0)), Is::Arrived),
            (
                "the route is closed to us",
                carries(weight(canary().aborted(), 0), Err(Text::from("no right"))),
                Is::Arrived,
            ),
            ("weights lost", canary().aborted().edit(|it| it.status.weights = None), Is::NotYet),
            ("dropped", canary(), Is::Dropped),
            ("promoted meanwhile", canary().settled(), Is::Dropped),
            (
                "retried",
                canary().aborted().edit(|it| it.status.flags.abort = false),
                Is::Superseded,
            ),
        ],
    );
}

#[test]
fn abort_by_pods_arrives_when_no_pod_of_the_new_version_is_wanted_or_available() {
    let plan = planned(Action::Abort, &by_pods().hand_paused().0);
    let with = |desired: u32, available: Option<u32>| {
        let mut new = set(8, NEW, 80, desired);
        new.replicas.available = available;
        by_pods().aborted().sets(vec![new, set(7, STABLE, 70, 4)])
    };
    table(
        &plan,
        &[
            ("still wanted", with(1, Some(1)), Is::NotYet),
            ("still serving", with(0, Some(1)), Is::NotYet),
            ("gone", with(0, Some(0)), Is::Arrived),
            ("its pods are not known", by_pods().aborted().sets(vec![]), Is::NotYet),
        ],
    );
}

#[test]
fn abort_of_a_blue_green_arrives_with_the_active_selector_on_stable() {
    let plan = planned(Action::Abort, &blue_green().0);
    table(
        &plan,
        &[
            ("acted on", blue_green().aborted(), Is::Arrived),
            ("our own write", asked_to_abort(blue_green()), Is::NotYet),
            ("not back", blue_green().aborted().switched(), Is::NotYet),
        ],
    );
    let plan = planned(Action::Abort, &blue_green().switched().0);
    let back = |make: Make| make.edit(|it| it.status.hashes = hashes(STABLE, STABLE));
    table(
        &plan,
        &[
            ("template not seen", blue_green().switched(), Is::NotYet),
            ("not back", back(blue_green().switched().waiting(&[])), Is::NotYet),
            ("back", back(blue_green().waiting(&[])), Is::Arrived),
        ],
    );
}

#[test]
fn retry_arrives_when_the_controller_no_longer_calls_it_aborted() {
    let plan = planned(Action::Retry, &canary().aborted().0);
    let lifted = || canary().aborted().edit(|it| it.status.flags.abort = false);
    let free = || lifted().edit(|it| it.status.flags.aborted_at = None);
    table(
        &plan,
        &[
            ("our own write", lifted(), Is::NotYet),
            ("still called so", free(), Is::NotYet),
            ("on its way", free().condition("Progressing", "RolloutRetry"), Is::Arrived),
            ("aborted again", canary().aborted(), Is::Superseded),
        ],
    );
}

#[test]
fn roll_back_arrives_when_the_version_is_wanted_stable_healthy_and_has_all_traffic() {
    let plan = planned(Action::Rollback { to: None }, &canary().0);
    let back = || {
        observed(canary().waiting(&[]).edit(|it| {
            it.status.hashes = hashes(STABLE, STABLE);
            it.status.phase = Some(Text::from("Healthy"));
        }))
    };
    table(
        &plan,
        &[
            ("spec not seen", canary().unobserved(), Is::NotYet),
            ("observed with the old hash", observed(canary()), Is::NotYet),
            ("healthy too early", weight(back(), 20), Is::NotYet),
            ("back", weight(back(), 0), Is::Arrived),
            (
                "not healthy",
                weight(back(), 0).edit(|it| it.status.phase = Some(Text::from("Progressing"))),
                Is::NotYet,
            ),
            (
                "another one",
                observed(canary().edit(|it| it.status.hashes = hashes("newer9", STABLE))),
                Is::Superseded,
            ),
        ],
    );
}

#[test]
fn roll_back_with_a_template_elsewhere_waits_until_the_rollout_has_seen_that_template() {
    let plan = planned(Action::Rollback { to: None }, &canary().elsewhere("Deployment").0);
    let since = Since { template_generation: Some(Generation(4)), ..Since::default() };
    let back = |seen: i64| {
        weight(canary().elsewhere("Deployment").waiting(&[]), 0).edit(|it| {
            it.status.hashes = hashes(STABLE, STABLE);
            it.status.phase = Some(Text::from("Healthy"));
            it.spec.workload_ref.as_mut().unwrap().generation = Some(seen);
            it.status.workload_observed_generation = Some(Text::clean(&seen.to_string()));
        })
    };
    assert_eq!(word(&judge(&plan, &since, &back(3).0)), Is::NotYet);
    assert_eq!(word(&judge(&plan, &since, &back(4).0)), Is::Arrived);
}

#[test]
fn a_deployment_is_back_when_the_older_template_is_wanted_and_rolled_out() {
    let plan = planned(Action::Rollback { to: None }, &deployment().0);
    let back =
        || observed(deployment()).facts(|facts| facts.current_hash = Some(PodHash::new(STABLE)));
    let mut half = back();
    half.0.replicas.available = Some(3);
    let mut other = observed(deployment());
    other.0.meta.generation = Generation(14);
    table(
        &plan,
        &[
            ("not joined yet", observed(deployment()), Is::NotYet),
            ("half", half, Is::NotYet),
            ("back", back(), Is::Arrived),
            ("another one", other, Is::Superseded),
        ],
    );
}

#[test]
fn a_restart_arrives_when_the_controller_is_done_and_all_pods_are_there() {
    let plan = planned(Action::Restart, &canary().settled().0);
    let restarted = |make: Make, done: Option<u64>| {
        observed(make).edit(|it| {
            it.spec.restart_at = Some(at(1_000));
            it.status.restarted_at = done.map(at);
        })
    };
    let mut few = restarted(canary(), Some(1_000));
    few.0.replicas.available = Some(3);
    table(
        &plan,
        &[
            ("asked", restarted(canary().settled(), None), Is::NotYet),
            ("an older one", restarted(canary().settled(), Some(900)), Is::NotYet),
            ("done", restarted(canary().settled(), Some(1_000)), Is::Arrived),
            ("done while paused", restarted(canary(), Some(1_000)), Is::Arrived),
            ("paused, pods missing", few, Is::NotYet),
        ],
    );
    let plan = planned(Action::Restart, &deployment().0);
    table(&plan, &[("rolled out", observed(deployment()), Is::Arrived)]);
}

#[test]
fn after_a_gap_it_is_said_whether_the_world_stands_where_the_deed_wanted_it() {
    let back = |make: Make| make.edit(|it| it.status.hashes = hashes(STABLE, STABLE));
    for (action, before, after) in [
        (Action::Pause, canary(), canary().hand_paused()),
        (Action::Resume, canary().hand_paused(), canary()),
        (Action::Promote, canary(), canary().at_step(2)),
        (Action::Promote, blue_green(), blue_green().switched()),
        (Action::PromoteFull, canary(), canary().settled()),
        (Action::Skip { to: None }, canary().waiting(&[]).at_step(3), canary().at_step(5)),
        (Action::Abort, canary(), canary().aborted()),
        (Action::Abort, blue_green().switched(), back(blue_green().switched())),
        (Action::Retry, canary().aborted(), canary()),
        (Action::Rollback { to: None }, canary(), back(canary())),
        (Action::Restart, canary(), canary().unobserved()),
    ] {
        let plan = planned(action, &before.0);
        assert!(stands(&plan, &after.0), "{action}");
        assert!(!stands(&plan, &before.0), "{action} stands before it was done");
    }
}
