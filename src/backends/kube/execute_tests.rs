//! The executor against a server that counts what reaches it, on the test's own clock: whatever comes back, at most one
//! write has an effect, and nothing is sent again whose fate is not known.

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::execute::KubeExecutor;
use super::plane::{Meanwhile, Say, Server, deployment_json, hand_paused_json, rollout_json};
use crate::control::action::Action;
use crate::control::check::{Arming, Confirmation, Evidence, Mode, Rehearsed};
use crate::control::clearance::{Clearance, clear};
use crate::control::footing::Footing;
use crate::control::order::{Attempt, AttemptAnswer, Execution, OrderState, Outcome};
use crate::control::order_machine;
use crate::control::plan::{AccessAnswer, DryRun, Plan, PlanContext, Rehearsal, plan};
use crate::control::ports::Executor;
use crate::domain::fixtures::{self, at, by_pods, canary, deployment};
use crate::domain::ids::{OrderId, ResourceVersion, WorkloadKind};
use crate::domain::text::Text;
use crate::domain::workload::Workload;

/// The workload as the executor will read it, so that the plan stands on it.
fn workload(executor: &KubeExecutor, kind: WorkloadKind, object: &Value) -> Workload {
    let mut facts = executor.facts(kind, object);
    facts.revisions = match kind {
        WorkloadKind::Rollout => canary().0.revisions,
        WorkloadKind::Deployment
        | WorkloadKind::StatefulSet
        | WorkloadKind::DaemonSet
        | WorkloadKind::Canary
        | WorkloadKind::DeploymentConfig
        | WorkloadKind::Experiment => deployment().0.revisions,
    };
    if let crate::domain::workload::Controller::Deployment(own) = &mut facts.controller {
        own.current_hash = Some(crate::domain::ids::PodHash::new(fixtures::NEW));
    }
    facts
}

fn planned(executor: &KubeExecutor, action: Action, object: &Value) -> Plan {
    let kind =
        if object["kind"] == "Rollout" { WorkloadKind::Rollout } else { WorkloadKind::Deployment };
    let context = PlanContext::new(at(1_000), OrderId::new("o-1"), Text::from("because"));
    plan(action, &workload(executor, kind, object), &context).expect("a plan")
}

fn cleared(plan: &Plan, rehearsed: Rehearsed<'_>) -> Clearance {
    let evidence = Evidence {
        now: at(1_000),
        mode: Mode::ReadWrite,
        arming: Arming::Armed,
        facts_at: Some(at(1_000)),
        footing: Some(plan.footing.clone()),
        confirmation: Confirmation::CommandLine,
        record: Ok(()),
        overrides: Vec::new(),
        seen: Text::default(),
    };
    clear(plan, rehearsed, &evidence).expect("a clearance")
}

async fn rehearsed(executor: &KubeExecutor, plan: &Plan) -> Rehearsal {
    executor.rehearse(plan).await.expect("a rehearsal")
}

/// Rehearses, clears, lets things happen, executes.
pub(super) async fn run(
    server: &Server,
    action: Action,
    meanwhile: &[Meanwhile],
) -> (Execution, Vec<Attempt>) {
    let executor = server.executor();
    let object = server.world.lock().await.object();
    let plan = planned(&executor, action, &object);
    let rehearsal = rehearsed(&executor, &plan).await;
    let clearance = cleared(&plan, Rehearsed::Answered(&rehearsal));
    server.world.lock().await.meanwhile = meanwhile.iter().copied().collect();
    let mut attempts = Vec::new();
    let execution = executor.execute(clearance, |attempt| attempts.push(attempt)).await;
    (execution, attempts)
}

pub(super) async fn effects(server: &Server) -> usize {
    server.world.lock().await.effects
}

#[tokio::test(start_paused = true)]
async fn a_promotion_is_one_patch_with_precondition_mark_and_strict_validation() {
    let server = Server::new(rollout_json(), &[]);
    let (execution, attempts) = run(&server, Action::Promote, &[]).await;
    assert_eq!(execution, Execution::Accepted);
    assert_eq!(
        server.patches().await,
        [(
            "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/web/status\
             ?fieldManager=pilothouse&fieldValidation=Strict"
                .to_owned(),
            "application/merge-patch+json".to_owned(),
            json!({
                "status": {"pauseConditions": null, "message": "pilothouse o-1 promote"},
                "metadata": {"resourceVersion": "500"},
            })
        )]
    );
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].audit_id, Some(Text::from("a-1")));
    assert!(matches!(
        &attempts[0].answer,
        AttemptAnswer::Accepted { version, changed: true, .. } if version.as_str() == "501"
    ));
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_read_again_and_sent_again_while_the_footing_is_the_same() {
    let server = Server::new(rollout_json(), &[]);
    let noise = [Meanwhile::Noise, Meanwhile::Noise, Meanwhile::Noise];
    let (execution, attempts) = run(&server, Action::Promote, &noise).await;
    assert_eq!(execution, Execution::Accepted);
    let conflicts = attempts.iter().filter(|it| it.answer == AttemptAnswer::Conflict).count();
    assert_eq!((attempts.len(), conflicts, effects(&server).await), (4, 3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_conflict_that_does_not_end_is_given_up_after_its_window() {
    for (action, seconds) in [(Action::Promote, 2), (Action::Pause, 5)] {
        let server = Server::new(rollout_json(), &[]);
        let start = tokio::time::Instant::now();
        let (execution, attempts) = run(&server, action, &[Meanwhile::Noise; 400]).await;
        assert!(matches!(&execution, Execution::Failed { write: 0, .. }), "{execution:?}");
        assert!(start.elapsed() <= Duration::from_secs(seconds), "{:?}", start.elapsed());
        assert!(attempts.len() > 50);
        assert_eq!(effects(&server).await, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_footing_ends_it_before_anything_is_sent() {
    for meanwhile in [Meanwhile::Step, Meanwhile::Pause, Meanwhile::Release, Meanwhile::Recreate] {
        let server = Server::new(rollout_json(), &[Say::Status(409)]);
        let (execution, attempts) = run(&server, Action::Promote, &[meanwhile]).await;
        let Execution::Superseded { write: 0, differences } = execution else {
            panic!("{meanwhile:?}: {execution:?}")
        };
        assert!(!differences.is_empty());
        assert_eq!((attempts.len(), effects(&server).await), (1, 0), "{meanwhile:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn pause_and_abort_go_on_although_the_step_moved_but_not_on_another_version() {
    for action in [Action::Pause, Action::Abort] {
        let server = Server::new(rollout_json(), &[Say::Status(409)]);
        let (execution, _) = run(&server, action, &[Meanwhile::Step]).await;
        assert_eq!((execution, effects(&server).await), (Execution::Accepted, 1));
        for other in [Meanwhile::Release, Meanwhile::Recreate] {
            let server = Server::new(rollout_json(), &[Say::Status(409)]);
            let (execution, _) = run(&server, action, &[other]).await;
            assert!(matches!(execution, Execution::Superseded { .. }), "{execution:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_have_happened_is_never_sent_again() {
    for say in [
        Say::AppliesThenHangs,
        Say::AppliesThenBreaks,
        Say::AppliesThen503,
        Say::Hangs,
        Say::Status(500),
        Say::Status(502),
        Say::Status(503),
        Say::Status(504),
        Say::Html,
    ] {
        for action in [Action::Promote, Action::Abort] {
            let server = Server::new(rollout_json(), &[say]);
            let (execution, attempts) = run(&server, action, &[]).await;
            assert!(matches!(execution, Execution::Unknown { write: 0, .. }), "{say:?}");
            assert!(matches!(&attempts[..], [Attempt { answer: AttemptAnswer::NoAnswer(_), .. }]));
            assert_eq!(server.patches().await.len(), 1, "{say:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_server_is_told_with_its_words_and_not_repeated() {
    for code in [400, 401, 403, 404, 422] {
        let server = Server::new(rollout_json(), &[Say::Status(code)]);
        let (execution, attempts) = run(&server, Action::Promote, &[]).await;
        let Execution::Failed { write: 0, why } = execution else { panic!("{execution:?}") };
        assert!(why.as_str().contains(&code.to_string()), "{why}");
        let want = AttemptAnswer::Rejected { code, why: Text::from("no") };
        assert_eq!(attempts.iter().map(|it| it.answer.clone()).collect::<Vec<_>>(), [want]);
        assert_eq!(server.patches().await.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_never_left_is_tried_again_for_a_while() {
    let says = [Say::NeverLeft, Say::NeverLeft, Say::Status(429)];
    let server = Server::new(rollout_json(), &says);
    let (execution, attempts) = run(&server, Action::Promote, &[]).await;
    assert_eq!((execution, effects(&server).await, attempts.len()), (Execution::Accepted, 1, 4));
    let server = Server::new(rollout_json(), &[Say::NeverLeft; 100]);
    let (execution, _) = run(&server, Action::Promote, &[]).await;
    assert!(matches!(execution, Execution::NotSent { write: 0, .. }), "{execution:?}");
    assert!(server.patches().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_second_write_goes_at_once_with_the_version_of_the_first_answer() {
    let server = Server::new(hand_paused_json(), &[]);
    let (execution, attempts) = run(&server, Action::Abort, &[]).await;
    assert_eq!(execution, Execution::Accepted);
    let patches = server.patches().await;
    assert_eq!(
        patches[0].2,
        json!({
            "status": {"abort": true, "promoteFull": false, "message": "pilothouse o-1 abort"},
            "metadata": {"resourceVersion": "500"},
        })
    );
    assert!(patches[0].0.contains("/web/status?"));
    assert_eq!(
        patches[1].2,
        json!({
            "spec": {"paused": false},
            "metadata": {"annotations": {"pilothouse.dev/order": "o-1"}, "resourceVersion": "501"},
        })
    );
    assert!(patches[1].0.contains("/web?"));
    let versions: Vec<_> = attempts.iter().map(|it| (it.write, it.precondition.clone())).collect();
    let version = |raw| Some(ResourceVersion::new(raw));
    assert_eq!(versions, [(0, version("500")), (1, version("501"))]);
}

#[tokio::test(start_paused = true)]
async fn the_second_write_survives_a_conflict_and_its_loss_is_told_as_the_second() {
    let server = Server::new(hand_paused_json(), &[Say::Honest, Say::Status(409)]);
    let (execution, attempts) = run(&server, Action::Abort, &[]).await;
    assert_eq!((execution, attempts.len(), effects(&server).await), (Execution::Accepted, 3, 2));
    let server = Server::new(hand_paused_json(), &[Say::Honest, Say::Status(422)]);
    let (execution, _) = run(&server, Action::Abort, &[]).await;
    assert!(matches!(execution, Execution::Failed { write: 1, .. }), "{execution:?}");
    let server = Server::new(hand_paused_json(), &[Say::Honest, Say::Hangs]);
    let (execution, _) = run(&server, Action::Abort, &[]).await;
    assert!(matches!(execution, Execution::Unknown { write: 1, .. }), "{execution:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pause_whose_read_hangs_goes_without_a_precondition() {
    let server = Server::new(rollout_json(), &[]);
    let executor = server.executor();
    let plan = planned(&executor, Action::Pause, &server.world.lock().await.object());
    server.world.lock().await.reads = VecDeque::from([Duration::from_mins(1)]);
    let mut attempts = Vec::new();
    let clearance = cleared(&plan, Rehearsed::Silent);
    let start = tokio::time::Instant::now();
    let execution = executor.execute(clearance, |attempt| attempts.push(attempt)).await;
    assert_eq!(execution, Execution::Accepted);
    assert!(start.elapsed() < Duration::from_secs(3));
    assert_eq!(attempts[0].precondition, None);
    let patches = server.patches().await;
    assert_eq!(patches.len(), 1);
    assert_eq!(patches[0].2.pointer("/metadata/resourceVersion"), None);
}

#[tokio::test(start_paused = true)]
async fn any_other_deed_whose_read_fails_is_not_sent() {
    let server = Server::new(rollout_json(), &[]);
    let executor = server.executor();
    let plan = planned(&executor, Action::Promote, &server.world.lock().await.object());
    let rehearsal = rehearsed(&executor, &plan).await;
    server.world.lock().await.reads = VecDeque::from([Duration::from_mins(1)]);
    let clearance = cleared(&plan, Rehearsed::Answered(&rehearsal));
    let execution = executor.execute(clearance, |_| {}).await;
    assert!(matches!(execution, Execution::NotSent { write: 0, .. }), "{execution:?}");
    assert!(server.patches().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_roll_back_writes_the_template_without_what_controllers_put_into_it() {
    let server = Server::new(rollout_json(), &[]);
    let (execution, _) = run(&server, Action::Rollback { to: None }, &[]).await;
    assert_eq!(execution, Execution::Accepted);
    let patches = server.patches().await;
    assert_eq!(patches[0].1, "application/json-patch+json");
    assert_eq!(
        patches[0].2,
        json!([
            {"op": "replace", "path": "/metadata/resourceVersion", "value": "500"},
            {"op": "replace", "path": "/spec/template", "value": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:7"}]},
            }},
            {"op": "add", "path": "/spec/paused", "value": false},
            {"op": "add", "path": "/metadata/annotations/pilothouse.dev~1order", "value": "o-1"},
        ])
    );
}

#[tokio::test(start_paused = true)]
async fn a_deployment_goes_back_with_its_change_cause_and_keeps_what_belongs_to_the_present() {
    let server = Server::new(deployment_json(), &[]);
    let (execution, _) = run(&server, Action::Rollback { to: None }, &[]).await;
    assert_eq!(execution, Execution::Accepted);
    let patches = server.patches().await;
    assert_eq!(patches[0].2[2]["path"], "/metadata/annotations");
    assert_eq!(
        patches[0].2[2]["value"],
        json!({
            "deployment.kubernetes.io/revision": "8",
            "argocd.argoproj.io/tracking-id": "shop",
            "kubernetes.io/change-cause": "seven",
            "rollout.argoproj.io/ephemeral-metadata": "{\"labels\":{\"role\":\"stable\"}}",
            "pilothouse.dev/order": "o-1",
        })
    );
}

#[tokio::test(start_paused = true)]
async fn a_restart_takes_the_servers_time() {
    for (object, path) in [
        (rollout_json(), "/spec/restartAt"),
        (
            deployment_json(),
            "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt",
        ),
    ] {
        let server = Server::new(object, &[]);
        let (execution, _) = run(&server, Action::Restart, &[]).await;
        assert_eq!(execution, Execution::Accepted);
        let body = &server.patches().await[0].2;
        assert_eq!(body.pointer(path), Some(&json!("2026-07-31T10:00:00Z")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_reads_asks_and_sends_dry_runs_that_change_nothing() {
    let server = Server::new(hand_paused_json(), &[]);
    let executor = server.executor();
    let plan = planned(&executor, Action::Abort, &server.world.lock().await.object());
    let rehearsal = rehearsed(&executor, &plan).await;
    assert_eq!(rehearsal.footing, plan.footing);
    let rights: Vec<&str> = rehearsal.access.iter().map(|it| it.right.as_str()).collect();
    assert_eq!(
        rights,
        ["patch rollouts/status in namespace shop", "patch rollouts in namespace shop"]
    );
    assert_eq!(rehearsal.dry_run, DryRun::Accepted(Vec::new()));
    assert_eq!(rehearsal.writes.len(), 2);
    let shown: Vec<&str> = rehearsal.shown.lines().iter().map(Text::as_str).collect();
    assert_eq!(shown[0], "merge patch rollouts/status shop/web");
    let world = server.world.lock().await;
    assert_eq!((world.patches.len(), world.dry_runs.len()), (0, 2));
    assert!(world.dry_runs[0].0.contains("dryRun=All"));
    assert!(world.dry_runs[0].0.contains("fieldValidation=Strict"));
    assert_eq!(world.dry_runs[0].1.pointer("/metadata/resourceVersion"), None);
}

#[tokio::test(start_paused = true)]
async fn what_the_server_says_to_a_rehearsal_is_told_apart() {
    let denied = |status: Value| {
        let server = Server::new(rollout_json(), &[]);
        (server, json!({"status": status}))
    };
    for (answer, want) in [
        (json!({"allowed": false, "reason": "RBAC"}), AccessAnswer::Denied(Text::from("RBAC"))),
        (json!({"allowed": false}), AccessAnswer::Denied(Text::default())),
        (json!({}), AccessAnswer::Silent(Text::from("the review has no answer in it"))),
    ] {
        let (server, access) = denied(answer);
        server.world.lock().await.access = access;
        let executor = server.executor();
        let plan = planned(&executor, Action::Promote, &server.world.lock().await.object());
        assert_eq!(rehearsed(&executor, &plan).await.access[0].answer, want);
    }
    let long = format!("denied: {}", "x".repeat(3_000));
    for (status, message, want) in [
        (422, "policy says no", "Rejected"),
        (400, "admission webhook \"x\" does not support dry run", "Unsupported"),
        (500, "webhook down", "Silent"),
        (403, long.as_str(), "Rejected"),
    ] {
        let server = Server::new(rollout_json(), &[]);
        server.world.lock().await.dry_run = VecDeque::from([(status, json!({"message": message}))]);
        let executor = server.executor();
        let plan = planned(&executor, Action::Promote, &server.world.lock().await.object());
        let answer = format!("{:?}", rehearsed(&executor, &plan).await.dry_run);
        assert!(answer.starts_with(want), "{answer}");
        assert!(answer.len() < 1_200);
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_tells_who_did_what_and_its_refusal_is_only_a_note() {
    let server = Server::new(rollout_json(), &[]);
    let executor = server.executor();
    let plan = planned(&executor, Action::Promote, &server.world.lock().await.object());
    let mut order = order_machine::begin(plan, at(1_000));
    order.state = OrderState::Ended(Outcome::Arrived);
    let ada = Text::from("ada");
    assert_eq!(executor.announce(&order, Some(&ada)).await, Ok(()));
    let event = server.world.lock().await.events[0].clone();
    assert_eq!(event["message"], "ada: promote: arrived (because) [order o-1]");
    assert_eq!(event["involvedObject"]["uid"], "u-1");
    server.world.lock().await.event_status = 403;
    let why = executor.announce(&order, None).await.expect_err("a note");
    assert!(why.as_str().contains("create events"), "{why}");
}

#[test]
fn the_footing_that_is_read_is_the_footing_that_was_watched() {
    let server = Server::new(hand_paused_json(), &[]);
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(async {
        let executor = server.executor();
        let object = server.world.lock().await.object();
        let read = Footing::of(&executor.facts(WorkloadKind::Rollout, &object));
        let mut watched = Footing::of(&by_pods().hand_paused().0);
        watched.step_index = Some(1);
        assert_eq!(watched.differences(&read), Vec::<Text>::new());
    });
}

fn say() -> impl Strategy<Value = Say> {
    prop_oneof![
        3 => Just(Say::Honest),
        2 => Just(Say::Status(409)),
        1 => Just(Say::AppliesThenHangs),
        1 => Just(Say::AppliesThenBreaks),
        1 => Just(Say::AppliesThen503),
        1 => Just(Say::Hangs),
        1 => Just(Say::NeverLeft),
        1 => prop_oneof![Just(401), Just(403), Just(422), Just(429), Just(500), Just(503)]
            .prop_map(Say::Status),
    ]
}

fn meanwhile() -> impl Strategy<Value = Meanwhile> {
    prop_oneof![
        4 => Just(Meanwhile::Noise),
        1 => Just(Meanwhile::Step),
        1 => Just(Meanwhile::Release),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_each_write_has_at_most_one_effect_and_nothing_follows_silence(
        says in proptest::collection::vec(say(), 0..8),
        others in proptest::collection::vec(meanwhile(), 0..8),
        action in prop_oneof![
            Just(Action::Pause), Just(Action::Promote), Just(Action::Abort), Just(Action::Restart)
        ],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let server = Server::new(rollout_json(), &says);
        let (execution, attempts) = runtime.block_on(run(&server, action, &others));
        let effects = runtime.block_on(effects(&server));
        prop_assert!(effects <= 1, "{effects} effects");
        if execution == Execution::Accepted {
            prop_assert_eq!(effects, 1);
        }
        if matches!(execution, Execution::Failed { .. } | Execution::NotSent { .. } | Execution::Superseded { .. }) {
            prop_assert_eq!(effects, 0);
        }
        let silent = attempts.iter().position(|it| matches!(it.answer, AttemptAnswer::NoAnswer(_)));
        prop_assert!(silent.is_none_or(|place| place == attempts.len() - 1));
    }
}
