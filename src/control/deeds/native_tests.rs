//! The rows for StatefulSets and DaemonSets: when each deed is possible, what it writes, what it waits for and tells.

use std::sync::Arc;
use std::time::Duration;

use crate::control::action::Action;
use crate::control::arrival::{Judgement, Since, judge, stands};
use crate::control::fixtures::{context, planned, writes};
use crate::control::order::{
    Attempt, AttemptAnswer, Execution, Order, OrderNews, OrderState, Outcome,
};
use crate::control::order_machine::{Facts, Known, advance, begin, look, sent};
use crate::control::plan::{Arrival, Plan, PlanContext, plan, possible};
use crate::domain::detail::{Detail, Pod};
use crate::domain::feed::Trouble;
use crate::domain::fixtures::{Make, NEW, OLD, STABLE, at, daemon_set, set, stateful_set};
use crate::domain::ids::{Generation, Name, PodHash, ResourceVersion, Uid};
use crate::domain::owner::OwnerTool;
use crate::domain::text::Text;
use crate::domain::workload::{Controller, StatefulSetFacts, Strategy};

const BACK: Action = Action::Rollback { to: None };

fn refused(action: Action, make: &Make, words: &str) {
    let refusals = plan(action, &make.0, &context()).expect_err(words);
    let all: Vec<String> = refusals.iter().map(|refusal| refusal.why.to_string()).collect();
    assert!(all.iter().any(|why| why.contains(words)), "{action}: {all:?} lacks {words:?}");
    assert!(refusals.iter().all(|refusal| !refusal.remedy.is_empty()), "{refusals:?}");
}

fn facts(mut make: Make, change: impl FnOnce(&mut StatefulSetFacts)) -> Make {
    let Controller::StatefulSet(facts) = &mut make.0.controller else { panic!("no StatefulSet") };
    change(facts);
    make
}

/// On its way from revision 7 to 8, with a pod of 8 that does not become ready.
fn stuck() -> Make {
    let mut make = facts(stateful_set(0), |facts| facts.current = Some(PodHash::new(STABLE)));
    make.0.replicas.updated = Some(1);
    make.0.replicas.ready = Some(2);
    make.0.replicas.available = Some(2);
    make
}

fn pod(name: &str, hash: &str, ready: u32) -> Pod {
    Pod {
        name: Name::new(name),
        uid: Uid::new(&format!("u-{name}")),
        replica_set: None,
        hash: Some(PodHash::new(hash)),
        status: Text::from("CrashLoopBackOff"),
        why: None,
        ready: (ready, 1),
        restarts: 0,
        created: None,
        unready_since: None,
        node: None,
        containers: Arc::default(),
    }
}

fn with_pods(make: &Make, pods: Vec<Pod>) -> Plan {
    let detail = Detail {
        target: make.0.target.clone(),
        pods: pods.into(),
        pods_left_out: 0,
        runs: Arc::default(),
        events: Arc::default(),
        bounds: crate::domain::bounds::Bounds::default(),
        missing: Arc::default(),
        seen_at: at(1_000),
    };
    let context = PlanContext { detail: Some(&detail), ..context() };
    plan(BACK, &make.0, &context).unwrap_or_else(|refusals| panic!("{refusals:?}"))
}

fn three() -> Vec<Pod> {
    vec![pod("web-0", STABLE, 1), pod("web-1", STABLE, 1), pod("web-2", NEW, 0)]
}

#[test]
fn a_stateful_set_is_held_by_its_partition_and_let_go_to_the_one_before() {
    for before in [0, 1] {
        let make = stateful_set(before);
        let body = "statefulset Merge spec.updateStrategy.rollingUpdate.partition=3";
        let note = format!("metadata.annotations.pilothouse.dev/held={before}");
        assert_eq!(writes(&planned(Action::Pause, &make.0)), [format!("{body} {note}")]);
        let arrival = planned(Action::Pause, &make.0).arrival;
        assert_eq!(arrival, Arrival::Held { partition: 3 });
        let held = make.hand_paused();
        refused(Action::Pause, &held, "paused by hand already");
        refused(BACK, &held, "paused by hand");
        refused(Action::Restart, &held, "paused by hand");
        let body = format!("spec.updateStrategy.rollingUpdate.partition={before}");
        let note = "metadata.annotations.pilothouse.dev/held=null";
        assert_eq!(
            writes(&planned(Action::Resume, &held.0)),
            [format!("statefulset Merge {body} {note}")]
        );
        let arrival = planned(Action::Resume, &held.0).arrival;
        assert_eq!(arrival, Arrival::Released { partition: before });
    }
    refused(Action::Resume, &stateful_set(0), "its partition is 0");
    // A partition that its own people set is let go to 0.
    let own = planned(Action::Resume, &stateful_set(2).0);
    assert_eq!(own.arrival, Arrival::Released { partition: 0 });
    assert!(own.prediction.effect.as_str().ends_with("the partition goes 2 → 0"));
}

#[test]
fn a_daemon_set_is_held_by_on_delete_and_let_go_only_if_we_held_it() {
    let make = daemon_set();
    assert_eq!(
        writes(&planned(Action::Pause, &make.0)),
        ["daemonset Merge spec.updateStrategy.type=OnDelete \
          metadata.annotations.pilothouse.dev/held=RollingUpdate"]
    );
    assert_eq!(planned(Action::Pause, &make.0).arrival, Arrival::Paused);
    let held = make.hand_paused();
    assert_eq!(
        writes(&planned(Action::Resume, &held.0)),
        ["daemonset Merge spec.updateStrategy.type=RollingUpdate \
          metadata.annotations.pilothouse.dev/held=null"]
    );
    refused(Action::Restart, &held, "paused by hand");
    let mut own = daemon_set();
    own.0.strategy = Strategy::OnDelete;
    refused(Action::Resume, &own, "nobody paused it by hand");
    refused(Action::Pause, &own, "its strategy is OnDelete");
    let told = planned(BACK, &own.0).prediction;
    assert!(told.warnings.iter().any(|words| words.as_str().contains("OnDelete")));
}

#[test]
fn the_way_back_is_the_controller_revision_as_a_strategic_merge() {
    for (make, kind) in [(stateful_set(0), "statefulset"), (daemon_set(), "daemonset")] {
        let plan = planned(BACK, &make.0);
        let body = format!("{kind} Strategic spec.template=revision(web-{STABLE})");
        assert_eq!(writes(&plan), [body]);
        assert_eq!(plan.arrival, Arrival::Complete(PodHash::new(STABLE)));
        assert!(plan.prediction.effect.as_str().contains("becomes revision 9"));
        refused(BACK, &make.clone().unobserved(), "has not seen the newest spec");
        refused(BACK, &make.sets(vec![set(8, NEW, 80, 3)]), "nothing to roll back to");
    }
    // Two bad versions in a row: back to the one that was whole.
    let make = facts(stateful_set(0), |facts| facts.current = Some(PodHash::new(OLD)));
    assert_eq!(planned(BACK, &make.0).arrival, Arrival::Complete(PodHash::new(OLD)));
}

#[test]
fn the_pod_that_holds_an_ordered_set_up_is_deleted_and_nothing_else() {
    let plan = with_pods(&stuck(), three());
    assert_eq!(
        writes(&plan),
        [
            format!("statefulset Strategic spec.template=revision(web-{STABLE})"),
            "pod Delete preconditions.uid=u-web-2".to_owned(),
        ]
    );
    assert!(plan.prediction.effect.as_str().contains("; web-2 will be deleted"));
    let only_back = |make: &Make, pods| assert_eq!(with_pods(make, pods).writes.len(), 1);
    // One that is ready, one of the wanted version, one that goes already.
    only_back(&stuck(), vec![pod("web-2", NEW, 1)]);
    only_back(&stuck(), vec![pod("web-2", STABLE, 0)]);
    let leaving = Pod { status: Text::from("Terminating"), ..pod("web-2", NEW, 0) };
    only_back(&stuck(), vec![leaving]);
    // Nothing holds up what is replaced all at once, or node by node.
    only_back(&facts(stuck(), |facts| facts.is_ordered = false), three());
    only_back(&daemon_set(), three());
}

#[test]
fn a_restart_touches_the_template_as_kubectl_does() {
    for (make, kind) in [(stateful_set(0), "statefulset"), (daemon_set(), "daemonset")] {
        let annotation = "spec.template.metadata.annotations.kubectl.kubernetes.io/restartedAt";
        let plan = planned(Action::Restart, &make.0);
        assert_eq!(writes(&plan), [format!("{kind} Merge {annotation}=now")]);
        assert_eq!(plan.arrival, Arrival::Restarted);
    }
}

#[test]
fn what_neither_kind_has_is_refused() {
    for make in [stateful_set(0), daemon_set()] {
        for action in [
            Action::Promote,
            Action::PromoteFull,
            Action::Skip { to: None },
            Action::Abort,
            Action::Retry,
        ] {
            refused(action, &make, "has no");
            assert!(possible(action, &make.0).is_err());
        }
    }
}

#[test]
fn an_owner_that_would_put_it_back_is_named() {
    for make in [stateful_set(0), daemon_set()] {
        let make = make.owned_by(OwnerTool::ArgoCd);
        let told = |action| {
            let words = planned(action, &make.0).prediction.warnings;
            words.iter().any(|it| it.as_str().contains("Argo CD application shop puts this back"))
        };
        assert!(told(Action::Pause) && told(BACK) && !told(Action::Restart));
    }
}

fn judged(plan: &Plan, make: Make) -> Judgement {
    let since = Since {
        version: Some(ResourceVersion::new("600")),
        generation: Some(Generation(12)),
        ..Since::default()
    };
    judge(plan, &since, &make.version("700").0)
}

fn waits(judgement: Judgement, words: &str) {
    let Judgement::NotYet(why) = judgement else { panic!("{judgement:?}") };
    assert!(why.as_str().contains(words), "{why}");
}

#[test]
fn a_hold_has_arrived_when_the_controller_saw_it_and_no_pod_is_missing() {
    let plan = planned(Action::Pause, &stateful_set(0).0);
    assert!(!stands(&plan, &stateful_set(0).0));
    assert!(stands(&plan, &stateful_set(0).hand_paused().0));
    assert_eq!(judged(&plan, stateful_set(0).hand_paused()), Judgement::Arrived);
    waits(judged(&plan, stateful_set(0).hand_paused().unobserved()), "has not seen it");
    let mut between = stuck().hand_paused();
    assert_eq!(judged(&plan, between.clone()), Judgement::Arrived, "stuck, and held");
    between.0.replicas.current = Some(2);
    waits(judged(&plan, between), "being replaced");
    assert!(matches!(judged(&plan, stateful_set(1)), Judgement::Superseded(_)));
}

#[test]
fn a_resume_and_a_way_back_have_arrived_when_all_pods_are_new() {
    let plan = planned(Action::Resume, &stateful_set(1).hand_paused().0);
    let counts = |updated, available| {
        let mut make = stateful_set(1);
        make.0.replicas.updated = updated;
        make.0.replicas.available = available;
        make
    };
    assert_eq!(judged(&plan, counts(Some(2), Some(3))), Judgement::Arrived);
    waits(judged(&plan, counts(Some(1), Some(3))), "1 of 2 pods are new");
    waits(judged(&plan, counts(Some(2), Some(2))), "2 of 3 pods are available");
    waits(judged(&plan, counts(None, Some(3))), "? of 2 pods are new");
    let back = planned(BACK, &stuck().0);
    waits(judged(&back, stuck()), "has not seen the template");
    let done = facts(stateful_set(0), |facts| facts.wanted = Some(PodHash::new(STABLE)));
    assert_eq!(judged(&back, done), Judgement::Arrived);
    let resume = planned(Action::Resume, &daemon_set().hand_paused().0);
    assert_eq!(judged(&resume, daemon_set()), Judgement::Arrived);
    assert!(matches!(judged(&resume, daemon_set().hand_paused()), Judgement::Superseded(_)));
}

#[test]
fn a_deletion_without_an_answer_is_not_called_applied_because_the_template_stands() {
    let plan = with_pods(&stuck(), three());
    let silence = || Trouble::TimedOut { after: Duration::from_secs(10) };
    let attempt = |write, precondition: Option<&str>, answer| {
        OrderNews::Attempted(Box::new(Attempt {
            write,
            precondition: precondition.map(ResourceVersion::new),
            sent_at: at(1_000),
            answer,
            audit_id: None,
        }))
    };
    let template = AttemptAnswer::Accepted {
        version: ResourceVersion::new("600"),
        generation: Some(Generation(13)),
        changed: true,
        warnings: Vec::new(),
    };
    let written = |make: Make, version| {
        let mut make = facts(make, |facts| {
            facts.wanted = Some(PodHash::new(STABLE));
            facts.observed_generation = Some(Generation(13));
        });
        make.0.meta.generation = Generation(13);
        make.version(version)
    };
    let (half, back) = (written(stuck(), "700"), written(stateful_set(0), "800"));
    let seen = |make: &Make, second, order: &mut Order| {
        let workload = Known::Here(&make.0);
        let _ = look(order, &Facts { workload, proven_at: Some(at(second)), now: at(second) });
    };
    let unknown = || {
        let mut order = begin(plan.clone(), at(1_000));
        sent(&mut order);
        let facts =
            Facts { workload: Known::Here(&half.0), proven_at: Some(at(1_000)), now: at(1_000) };
        for news in [
            attempt(0, Some("500"), template.clone()),
            attempt(1, None, AttemptAnswer::NoAnswer(silence())),
            OrderNews::Executed(Execution::Unknown { write: 1, why: silence() }),
        ] {
            let _ = advance(&mut order, news, &facts);
        }
        for second in [1_001, 1_070, 1_110] {
            seen(&half, second, &mut order);
            assert!(matches!(order.state, OrderState::Unknown { write: 1, .. }), "{second}");
        }
        order
    };
    let mut replaced = unknown();
    seen(&back, 1_115, &mut replaced);
    assert_eq!(replaced.state, OrderState::Ended(Outcome::Arrived));
    assert!(replaced.notices.iter().any(|words| words.as_str().contains("deletion of pod web-2")));

    let mut silent = unknown();
    seen(&half, 1_121, &mut silent);
    let OrderState::Ended(Outcome::Unknown(why)) = &silent.state else {
        panic!("{:?}", silent.state)
    };
    assert!(why.as_str().contains("look whether pod web-2 is gone"), "{why}");
    assert!(why.as_str().contains("the older template is wanted"), "{why}");
}
