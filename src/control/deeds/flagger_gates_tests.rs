//! Flagger's manual gates: which of them can be opened and closed, what is called in which turn, and when it has arrived.

use crate::control::action::Action;
use crate::control::arrival::{Judgement, Since, judge, stands};
use crate::control::fixtures::{context, planned};
use crate::control::gate_call::{GateCall, call};
use crate::control::plan::{Plan, Turn, plan, possible};
use crate::domain::fixtures::{Make, NEW, STABLE, flagger, set};
use crate::domain::flagger::{Phase, Webhook, WebhookKind};
use crate::domain::text::Text;

const LOCAL: &str = "http://lt.test/gate/check";

fn hook(name: &'static str, kind: WebhookKind, url: &'static str) -> Webhook {
    Webhook { name: Text::from(name), kind, url: Text::from(url) }
}

/// A run with these webhooks, and all its pods.
fn asking(phase: Phase, hooks: &[Webhook]) -> Make {
    let mut made = flagger(phase).sets(vec![set(8, NEW, 80, 3), set(7, STABLE, 70, 3)]);
    let all = Some(3);
    let counts = &mut made.0.replicas;
    (counts.desired, counts.updated, counts.available) = (all, all, all);
    made.canary(|it| it.spec.analysis.webhooks = hooks.to_vec().into())
}

fn calls(plan: &Plan) -> Vec<String> {
    plan.writes
        .iter()
        .map(|write| call(write).map_or_else(String::new, GateCall::request))
        .collect()
}

fn refused(action: Action, made: &Make, words: &str) {
    let refusals = plan(action, &made.0, &context()).expect_err(words);
    let all: Vec<String> = refusals.iter().map(|refusal| refusal.why.to_string()).collect();
    assert!(all.iter().any(|why| why.contains(words)), "{action}: {all:?} lacks {words:?}");
    assert!(refusals.iter().all(|refusal| !refusal.remedy.is_empty()));
}

#[test]
fn a_yes_opens_the_gate_that_is_asked_in_this_phase_and_closes_it_once_it_is_past() {
    let address = "/api/v1/namespaces/test/services/lt:80/proxy/gate";
    for (phase, kind) in [
        (Phase::Waiting, WebhookKind::ConfirmRollout),
        (Phase::Progressing, WebhookKind::ConfirmTrafficIncrease),
        (Phase::WaitingPromotion, WebhookKind::ConfirmPromotion),
    ] {
        let made = asking(phase, &[hook("gate", kind, LOCAL)]);
        let plan = planned(Action::Promote, &made.0);
        assert_eq!(calls(&plan), [format!("POST {address}/open"), format!("POST {address}/close")]);
        assert_eq!((plan.turn(0), plan.turn(1)), (Turn::Now, Turn::AfterGate), "{phase:?}");
        assert!(plan.writes.iter().all(|write| !write.leaves_mark()));
        assert_eq!(plan.reversal, Some(Action::CloseGate));
        assert!(plan.prediction.effect.as_str().contains("closed again"));
    }
}

#[test]
fn two_webhooks_at_one_gate_are_one_gate_and_the_one_of_another_phase_is_warned_of() {
    let hooks = [
        hook("start", WebhookKind::ConfirmRollout, LOCAL),
        hook("again", WebhookKind::ConfirmRollout, LOCAL),
        hook("end", WebhookKind::ConfirmPromotion, LOCAL),
    ];
    let plan = planned(Action::Promote, &asking(Phase::Waiting, &hooks).0);
    assert_eq!(plan.writes.len(), 2);
    let warned =
        |words: &str| plan.prediction.warnings.iter().any(|it| it.as_str().contains(words));
    assert!(warned("while it is open, end lets it through as well"), "{:?}", plan.prediction);
    assert!(warned("closed then, and by nobody else"));
}

#[test]
fn nobody_elses_gate_is_opened() {
    let promotion = WebhookKind::ConfirmPromotion;
    for (url, words) in [
        (
            "http://approvals.example.test/check",
            "board is asked at http://approvals.example.test/check: it asks no gate",
        ),
        ("http://lt.test/gate/halt", "always says no"),
        ("http://lt/gate/check", "names no namespace"),
    ] {
        let made = asking(Phase::WaitingPromotion, &[hook("board", promotion, url)]);
        refused(Action::Promote, &made, words);
        refused(Action::CloseGate, &made, "none of its webhooks");
    }
    let both = [
        hook("board", promotion, "http://approvals.example.test/check"),
        hook("gate", promotion, LOCAL),
    ];
    let plan = planned(Action::Promote, &asking(Phase::WaitingPromotion, &both).0);
    let warnings = &plan.prediction.warnings;
    assert!(warnings.iter().any(|it| it.as_str().contains("it may go on waiting: board")));
}

#[test]
fn where_nobody_is_asked_there_is_nothing_to_approve() {
    let gate = [hook("end", WebhookKind::ConfirmPromotion, LOCAL)];
    for (phase, words) in [
        (Phase::Progressing, "waits for nobody's yes"),
        (Phase::Waiting, "names no webhook"),
        (Phase::Promoting, "already"),
        (Phase::Succeeded, "no run"),
    ] {
        refused(Action::Promote, &asking(phase, &gate), words);
    }
    let suspended = asking(Phase::WaitingPromotion, &gate).canary(|it| it.spec.suspend = true);
    refused(Action::Promote, &suspended, "paused by hand");
}

#[test]
fn a_gate_can_be_closed_in_every_phase_for_one_may_have_been_left_open() {
    let gate = [hook("end", WebhookKind::ConfirmPromotion, LOCAL)];
    for phase in Phase::ALL {
        let made = asking(phase, &gate);
        assert_eq!(possible(Action::CloseGate, &made.0), Ok(()), "{phase:?}");
        let plan = planned(Action::CloseGate, &made.0);
        assert_eq!(plan.turn(0), Turn::Now);
        assert_eq!(judge(&plan, &Since::default(), &made.0), Judgement::Arrived);
        assert!(!stands(&plan, &made.0), "only the gate can tell");
    }
}

#[test]
fn a_yes_has_arrived_when_the_run_went_on_and_not_when_the_gate_was_opened() {
    let start = [hook("start", WebhookKind::ConfirmRollout, LOCAL)];
    let plan = planned(Action::Promote, &asking(Phase::Waiting, &start).0);
    let judged = |plan: &Plan, made: &Make| judge(plan, &Since::default(), &made.0);
    assert!(matches!(judged(&plan, &asking(Phase::Waiting, &start)), Judgement::NotYet(_)));
    assert_eq!(judged(&plan, &asking(Phase::Progressing, &start)), Judgement::Arrived);
    assert!(stands(&plan, &asking(Phase::Progressing, &start).0));
    assert!(!stands(&plan, &asking(Phase::Waiting, &start).0));

    let traffic = [hook("more", WebhookKind::ConfirmTrafficIncrease, LOCAL)];
    let at = |weight| asking(Phase::Progressing, &traffic).canary(|it| it.status.weight = weight);
    let plan = planned(Action::Promote, &at(20).0);
    assert!(matches!(judged(&plan, &at(20)), Judgement::NotYet(_)));
    assert_eq!(judged(&plan, &at(30)), Judgement::Arrived);
    assert_eq!(judged(&plan, &asking(Phase::Promoting, &traffic)), Judgement::Arrived);
    assert!(!stands(&plan, &at(20).0) && stands(&plan, &at(30).0));

    let end = [hook("end", WebhookKind::ConfirmPromotion, LOCAL)];
    let plan = planned(Action::Promote, &asking(Phase::WaitingPromotion, &end).0);
    assert!(matches!(judged(&plan, &asking(Phase::WaitingPromotion, &end)), Judgement::NotYet(_)));
    assert!(matches!(judged(&plan, &asking(Phase::Promoting, &end)), Judgement::NotYet(_)));
    assert!(stands(&plan, &asking(Phase::Promoting, &end).0));
    assert_eq!(judged(&plan, &asking(Phase::Succeeded, &end)), Judgement::Arrived);
    let failed = asking(Phase::Failed, &end);
    let since = Since { version: Some(failed.0.meta.resource_version.clone()), ..Since::default() };
    assert!(matches!(judge(&plan, &since, &failed.0), Judgement::Superseded(_)));
}
