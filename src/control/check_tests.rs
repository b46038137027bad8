//! The table of checks, row by row: what each finding does to pause and abort, and to all other deeds.

use proptest::prelude::*;

use super::action::{Action, Danger};
use super::check::{Arming, CheckId, Confirmation, Evidence, Found, Mode, Rehearsed, Rule, TABLE};
use super::clearance::{CLEARANCE_AGE_MAX, clear};
use super::fixtures::planned;
use super::footing::Footing;
use super::plan::{Access, AccessAnswer, DryRun, Plan, Rehearsal, ResolvedWrite};
use crate::domain::feed::Trouble;
use crate::domain::fixtures::{at, canary};
use crate::domain::ids::Name;
use crate::domain::text::{Block, Text};

fn evidence(plan: &Plan) -> Evidence {
    Evidence {
        now: at(1_000),
        mode: Mode::ReadWrite,
        arming: Arming::Armed,
        facts_at: Some(at(990)),
        footing: Some(plan.footing.clone()),
        confirmation: Confirmation::Typed(Text::from("web")),
        record: Ok(()),
        overrides: Vec::new(),
        seen: Text::from("errors 8 %"),
    }
}

fn rehearsal(plan: &Plan) -> Rehearsal {
    let write = &plan.writes[0];
    Rehearsal {
        footing: plan.footing.clone(),
        read_at: at(999),
        access: vec![Access { right: Text::from("patch rollouts"), answer: AccessAnswer::Allowed }],
        dry_run: DryRun::Accepted(Vec::new()),
        kept: Vec::new(),
        writes: vec![ResolvedWrite {
            object: write.object.clone(),
            subresource: write.subresource,
            format: write.format.clone(),
            body: "{}".into(),
        }],
        shown: Block::default(),
    }
}

/// Makes exactly this finding.
fn with(found: Found, plan: &mut Plan, rehearsal: &mut Rehearsal, evidence: &mut Evidence) {
    match found {
        Found::ReadOnly => evidence.mode = Mode::ReadOnly,
        Found::NotArmed => evidence.arming = Arming::Safe,
        Found::NotConfirmed => evidence.confirmation = Confirmation::Typed(Text::from("wet")),
        Found::NotCanonical => {
            plan.target.name = Name::new("w\u{202e}eb");
            evidence.confirmation = Confirmation::Typed(Text::clean("w\u{202e}eb"));
        }
        Found::AccessDenied => rehearsal.access[0].answer = AccessAnswer::Denied(Text::default()),
        Found::AccessSilent => {
            rehearsal.access[0].answer = AccessAnswer::Silent(Text::from("timed out"));
        }
        Found::RehearsalFailed => {
            rehearsal.dry_run = DryRun::Rejected { code: 422, why: Text::from("policy") };
        }
        Found::RehearsalSilent | Found::ReadDenied => {}
        Found::DryRunUnsupported => rehearsal.dry_run = DryRun::Unsupported(Text::from("hook")),
        Found::FactsOld => evidence.facts_at = Some(at(984)),
        Found::FootingChanged => {
            if let Some(footing) = &mut evidence.footing {
                footing.step_index = Some(4);
            }
        }
        Found::NotRecordable => evidence.record = Err(Text::from("the disk is full")),
        Found::EvidenceAgainst => {
            plan.prediction.against = Some(Text::from("errors worse than stable"));
        }
    }
}

fn refused(action: Action, found: Found, overrides: &[CheckId]) -> Vec<CheckId> {
    let before = if action == Action::Retry { canary().aborted() } else { canary() };
    let mut plan = planned(action, &before.0);
    let mut rehearsal = rehearsal(&plan);
    let mut evidence = evidence(&plan);
    evidence.overrides = overrides.to_vec();
    with(found, &mut plan, &mut rehearsal, &mut evidence);
    let denied = Trouble::NotAuthenticated { detail: Text::default() };
    let rehearsed = match found {
        Found::RehearsalSilent => Rehearsed::Silent,
        Found::ReadDenied => Rehearsed::Failed(&denied),
        Found::ReadOnly
        | Found::NotArmed
        | Found::AccessDenied
        | Found::AccessSilent
        | Found::RehearsalFailed
        | Found::DryRunUnsupported
        | Found::FactsOld
        | Found::FootingChanged
        | Found::NotRecordable
        | Found::NotCanonical
        | Found::EvidenceAgainst
        | Found::NotConfirmed => Rehearsed::Answered(&rehearsal),
    };
    match clear(&plan, rehearsed, &evidence) {
        Ok(_) => Vec::new(),
        Err(refusals) => refusals.iter().map(|refusal| refusal.check).collect(),
    }
}

#[test]
fn every_finding_does_what_the_table_says() {
    for row in TABLE {
        for (action, rule) in [
            (Action::Pause, row.safe),
            (Action::Abort, row.safe),
            (Action::Promote, row.others),
            (Action::PromoteFull, row.others),
            (Action::Skip { to: None }, row.others),
            (Action::Rollback { to: None }, row.others),
            (Action::Restart, row.others),
            (Action::Retry, row.others),
        ] {
            let want = match rule {
                Rule::Refuses | Rule::RefusesUnlessOverridden => vec![row.check],
                Rule::Shows | Rule::NotAsked => Vec::new(),
            };
            assert_eq!(refused(action, row.found, &[]), want, "{action}: {}", row.words);
        }
    }
}

#[test]
fn pause_and_abort_are_refused_by_three_findings_and_by_no_other() {
    let stops: Vec<Found> =
        TABLE.iter().filter(|row| row.safe == Rule::Refuses).map(|row| row.found).collect();
    assert_eq!(stops, [Found::ReadOnly, Found::NotCanonical, Found::AccessDenied]);
    assert!(TABLE.iter().all(|row| row.others != Rule::Shows && row.others != Rule::NotAsked));
}

#[test]
fn a_missing_dry_run_and_evidence_can_be_overridden_and_only_by_the_typed_name() {
    let all = TABLE.iter().map(|row| row.check).collect::<Vec<_>>();
    for row in TABLE {
        let left = refused(Action::Promote, row.found, &all);
        let can = [Found::DryRunUnsupported, Found::EvidenceAgainst].contains(&row.found);
        assert_eq!(left.is_empty(), can, "{}", row.words);
    }
    let plan = planned(Action::Promote, &canary().0);
    let mut rehearsal = rehearsal(&plan);
    rehearsal.dry_run = DryRun::Unsupported(Text::from("hook"));
    for confirmation in [Confirmation::Yes, Confirmation::CommandLine] {
        let evidence =
            Evidence { confirmation, overrides: vec![CheckId::Rehearsal], ..evidence(&plan) };
        assert!(clear(&plan, Rehearsed::Answered(&rehearsal), &evidence).is_err());
    }
    let evidence = Evidence { overrides: vec![CheckId::Rehearsal], ..evidence(&plan) };
    let clearance = clear(&plan, Rehearsed::Answered(&rehearsal), &evidence).expect("overridden");
    assert_eq!(clearance.overrides().len(), 1);
}

#[test]
fn all_refusals_come_at_once_each_with_a_remedy() {
    let plan = planned(Action::Promote, &canary().0);
    let evidence = Evidence {
        mode: Mode::ReadOnly,
        arming: Arming::Safe,
        facts_at: None,
        footing: None,
        record: Err(Text::from("full")),
        ..evidence(&plan)
    };
    let trouble = Trouble::TimedOut { after: std::time::Duration::from_secs(8) };
    let refusals = clear(&plan, Rehearsed::Failed(&trouble), &evidence).expect_err("refusals");
    let checks: Vec<&str> = refusals.iter().map(|refusal| refusal.check.name()).collect();
    assert_eq!(checks, ["read-only", "armed", "rehearsal", "freshness", "footing", "record"]);
    assert!(refusals.iter().all(|it| !it.why.is_empty() && !it.remedy.is_empty()));
}

#[test]
fn a_right_that_is_missing_is_named() {
    let plan = planned(Action::Abort, &canary().0);
    let mut rehearsal = rehearsal(&plan);
    rehearsal.access[0] = Access {
        right: Text::from("patch rollouts/status in namespace shop"),
        answer: AccessAnswer::Denied(Text::default()),
    };
    let refusals = clear(&plan, Rehearsed::Answered(&rehearsal), &evidence(&plan)).unwrap_err();
    assert_eq!(refusals[0].why.as_str(), "you may not patch rollouts/status in namespace shop");
}

#[test]
fn a_new_version_with_the_same_footing_is_no_reason_to_ask_again() {
    let plan = planned(Action::Promote, &canary().0);
    let rehearsal = rehearsal(&plan);
    let same = Footing::of(&canary().version("9999").0);
    let noisy = Evidence { footing: Some(same), ..evidence(&plan) };
    assert!(clear(&plan, Rehearsed::Answered(&rehearsal), &noisy).is_ok());
    let moved = Evidence { footing: Some(Footing::of(&canary().at_step(2).0)), ..evidence(&plan) };
    let refusals = clear(&plan, Rehearsed::Answered(&rehearsal), &moved).unwrap_err();
    assert!(refusals[0].why.as_str().contains("step 1 → 2"), "{:?}", refusals[0]);
}

#[test]
fn risky_deeds_ask_for_the_name_and_ordinary_ones_for_a_yes() {
    for (action, yes_does) in [
        (Action::Pause, true),
        (Action::Promote, true),
        (Action::Restart, true),
        (Action::PromoteFull, false),
        (Action::Skip { to: None }, false),
        (Action::Rollback { to: None }, false),
    ] {
        let plan = planned(action, &canary().0);
        let rehearsal = rehearsal(&plan);
        let evidence = Evidence { confirmation: Confirmation::Yes, ..evidence(&plan) };
        let cleared = clear(&plan, Rehearsed::Answered(&rehearsal), &evidence);
        assert_eq!(cleared.is_ok(), yes_does, "{action}");
        let by_line = Evidence { confirmation: Confirmation::CommandLine, ..evidence };
        assert!(clear(&plan, Rehearsed::Answered(&rehearsal), &by_line).is_ok(), "{action}");
    }
}

#[test]
fn a_clearance_is_good_for_five_seconds_and_for_pause_and_abort_without_limit() {
    for (action, limited) in
        [(Action::Promote, true), (Action::Pause, false), (Action::Abort, false)]
    {
        let plan = planned(action, &canary().0);
        let rehearsal = rehearsal(&plan);
        let clearance =
            clear(&plan, Rehearsed::Answered(&rehearsal), &evidence(&plan)).expect("cleared");
        assert!(clearance.is_good(at(1_000) + CLEARANCE_AGE_MAX));
        assert_eq!(!clearance.is_good(at(1_006)), limited, "{action}");
    }
}

fn findings() -> impl Strategy<Value = Vec<Found>> {
    let all: Vec<Found> = TABLE.iter().map(|row| row.found).collect();
    proptest::sample::subsequence(all, 0..TABLE.len())
}

proptest! {
    #[test]
    fn pause_and_abort_go_with_any_evidence_but_the_three_refusals(
        found in findings(), silent in any::<bool>(),
        action in prop_oneof![Just(Action::Pause), Just(Action::Abort)],
    ) {
        let mut plan = planned(action, &canary().0);
        let mut rehearsal = rehearsal(&plan);
        let mut evidence = evidence(&plan);
        for one in &found {
            with(*one, &mut plan, &mut rehearsal, &mut evidence);
        }
        let rehearsed = if silent { Rehearsed::Silent } else { Rehearsed::Answered(&rehearsal) };
        // Of two findings about one right, the last one stands.
        let denied = !silent && matches!(rehearsal.access[0].answer, AccessAnswer::Denied(_));
        let stops = denied || found.contains(&Found::ReadOnly) || found.contains(&Found::NotCanonical);
        prop_assert_eq!(clear(&plan, rehearsed, &evidence).is_err(), stops);
        prop_assert_eq!(action.danger(), Danger::Safe);
    }

    #[test]
    fn any_other_deed_is_refused_by_any_finding_and_a_refusal_is_never_empty(
        found in findings(), action in prop_oneof![Just(Action::Promote), Just(Action::Skip { to: None })],
    ) {
        let mut plan = planned(action, &canary().0);
        let mut rehearsal = rehearsal(&plan);
        let mut evidence = evidence(&plan);
        for one in &found {
            with(*one, &mut plan, &mut rehearsal, &mut evidence);
        }
        let missing = [Found::RehearsalSilent, Found::ReadDenied];
        let rehearsed = if missing.iter().any(|one| found.contains(one)) {
            Rehearsed::Silent
        } else {
            Rehearsed::Answered(&rehearsal)
        };
        match clear(&plan, rehearsed, &evidence) {
            Ok(_) => prop_assert!(found.is_empty()),
            Err(refusals) => prop_assert!(!refusals.is_empty() && !found.is_empty()),
        }
    }
}
