//! What is told of a way back that did not last.

use super::action::Action;
use super::fixtures::planned;
use super::order::{Attempt, AttemptAnswer, Execution, Order, OrderNews, OrderState};
use super::order_machine::{Facts, Known, advance, begin, look, sent};
use crate::domain::fixtures::{Make, STABLE, at, canary, owner_part};
use crate::domain::ids::{Generation, PodHash, ResourceVersion};
use crate::domain::owner::{Application, Automation, Owner, OwnerObject, OwnerState, OwnerTool};
use crate::domain::part::{PartFacts, PartKind};
use crate::domain::rollout::Weights;
use crate::domain::text::Text;
use crate::domain::workload::Hand;

/// Managed by an application of Argo CD.
fn managed(mut make: Make, automation: Automation) -> Make {
    let facts =
        PartFacts::Application(Box::new(Application { automation, ..Application::default() }));
    let part = owner_part(("east", "argocd", "shop"), PartKind::Application, facts);
    let object = OwnerObject { part, stage: None, repository: None, stale: None };
    let owner = Owner::signed(OwnerTool::ArgoCd, Text::from("shop"));
    make.0.owner = Some(Owner { state: OwnerState::Known(Box::new(object)), ..owner });
    make
}

fn seen(mut make: Make, version: &str, generation: i64) -> Make {
    make.0.meta.generation = Generation(generation);
    make.edit(|rollout| {
        rollout.status.observed_generation = Some(Text::clean(&generation.to_string()));
    })
    .version(version)
}

/// The roll back stands.
fn back(automation: Automation) -> Make {
    let make = managed(canary(), automation).edit(|rollout| {
        rollout.status.hashes.current = Some(PodHash::new(STABLE));
        rollout.status.phase = Some(Text::from("Healthy"));
        rollout.status.weights = Some(Weights { canary: 0, stable: 100, verified: None });
    });
    seen(make, "502", 13)
}

/// The version that was wanted before is wanted again, written by this tool.
fn forth(automation: Automation, manager: &str) -> Make {
    let mut make = seen(managed(canary(), automation), "503", 14);
    make.0.meta.hands = [Hand { manager: Text::clean(manager), at: at(1_002) }].into();
    make
}

/// Rolled back and accepted at second 1001, of a release that this application manages.
fn accepted(automation: Automation) -> Order {
    let before = managed(canary(), automation);
    let mut order = begin(planned(Action::Rollback { to: None }, &before.0), at(1_000));
    sent(&mut order);
    let attempt = Attempt {
        write: 0,
        precondition: Some(ResourceVersion::new("500")),
        sent_at: at(1_000),
        answer: AttemptAnswer::Accepted {
            version: ResourceVersion::new("501"),
            generation: Some(Generation(13)),
            changed: true,
            warnings: Vec::new(),
        },
        audit_id: None,
    };
    for news in [OrderNews::Attempted(Box::new(attempt)), OrderNews::Executed(Execution::Accepted)]
    {
        let _ = advance(&mut order, news, &facts(&before, 1_001));
    }
    order
}

fn facts(make: &Make, second: u64) -> Facts<'_> {
    Facts { workload: Known::Here(&make.0), proven_at: Some(at(second)), now: at(second) }
}

fn end(order: &Order) -> (&'static str, String) {
    let OrderState::Ended(outcome) = &order.state else { panic!("{:?}", order.state) };
    (outcome.name(), outcome.message().map_or(String::new(), ToString::to_string))
}

#[test]
fn nothing_is_called_arrived_before_the_owner_had_its_time() {
    let mut order = accepted(Automation::Heals);
    let _ = look(&mut order, &facts(&back(Automation::Heals), 1_002));
    let waiting = order.waiting_for.clone().unwrap();
    assert!(waiting.as_str().contains("its owner is watched"), "{waiting}");
    let _ = look(&mut order, &facts(&back(Automation::Heals), 1_006));
    assert!(!order.is_over());
    let _ = look(&mut order, &facts(&back(Automation::Heals), 1_007));
    assert_eq!(end(&order).0, "arrived");
    let mut order = accepted(Automation::Syncs);
    let _ = look(&mut order, &facts(&back(Automation::Syncs), 1_002));
    assert_eq!(end(&order).0, "arrived", "nobody puts it back");
}

#[test]
fn what_is_put_back_is_told_with_who_did_it_and_the_way_that_lasts() {
    let mut order = accepted(Automation::Heals);
    let _ = look(&mut order, &facts(&back(Automation::Heals), 1_002));
    let _ = look(&mut order, &facts(&forth(Automation::Heals, "argocd-controller"), 1_003));
    let (outcome, words) = end(&order);
    assert_eq!(outcome, "superseded");
    assert!(
        words.starts_with(
            "it was put back by argocd-controller (Argo CD application argocd/shop); lasting: "
        ),
        "{words}"
    );
    assert!(words.contains("turn self-heal off in application argocd/shop"), "{words}");
}

#[test]
fn somebody_else_who_puts_it_back_is_named_alone() {
    let mut order = accepted(Automation::Syncs);
    let mut half = back(Automation::Syncs);
    half = half.edit(|rollout| rollout.status.phase = Some(Text::from("Progressing")));
    let _ = look(&mut order, &facts(&half, 1_002));
    let _ = look(&mut order, &facts(&forth(Automation::Syncs, "kubectl-edit"), 1_003));
    assert_eq!(end(&order), ("superseded", "it was put back by kubectl-edit".to_owned()));
}

#[test]
fn a_way_back_that_was_never_seen_to_stand_is_told_too_once_the_controller_has_spoken() {
    let mut order = accepted(Automation::Heals);
    let put_back = forth(Automation::Heals, "argocd-controller");
    let _ = look(&mut order, &facts(&put_back, 1_002));
    assert!(!order.is_over(), "for a moment the old hash proves nothing");
    let _ = look(&mut order, &facts(&put_back, 1_003));
    assert_eq!(end(&order).0, "superseded");
    let mut order = accepted(Automation::Syncs);
    let _ = look(&mut order, &facts(&forth(Automation::Syncs, "argocd-controller"), 1_003));
    assert!(!order.is_over(), "nobody is known to put it back: the deadline decides");
}
