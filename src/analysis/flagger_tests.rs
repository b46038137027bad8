//! Flagger's Canary: status, need, position, weights and the next tick, phase by phase.

use std::sync::Arc;
use std::time::Duration;

use super::flagger_steps::{blocking, next_tick, unread_provider};
use super::need::{self, Context, NeedKind};
use super::rollout_status::{self, Health};
use super::steps::{canary, position, stable, weight};
use crate::domain::detail::{ClusterEvent, Detail};
use crate::domain::fixtures::{Make, NEW, STABLE, at, flagger, set};
use crate::domain::flagger::{Phase, TargetSeen, Webhook, WebhookKind};
use crate::domain::ids::{PodHash, Uid};
use crate::domain::text::Text;

#[test]
fn every_phase_has_a_health_and_its_need() {
    let approval = Some(NeedKind::Approval);
    for (phase, health, want) in [
        (Phase::Unknown, Health::Unknown, None),
        (Phase::Initializing, Health::Progressing, None),
        (Phase::Initialized, Health::Healthy, None),
        (Phase::Waiting, Health::Suspended, approval),
        (Phase::Progressing, Health::Progressing, None),
        (Phase::WaitingPromotion, Health::Suspended, approval),
        (Phase::Promoting, Health::Progressing, None),
        (Phase::Finalising, Health::Progressing, None),
        (Phase::Succeeded, Health::Healthy, None),
        (Phase::Failed, Health::Degraded, Some(NeedKind::Degraded)),
        (Phase::Terminating, Health::Missing, None),
        (Phase::Terminated, Health::Unknown, None),
    ] {
        let made = flagger(phase);
        let status = rollout_status::status(&made.0);
        assert_eq!(status.health, health, "{phase:?}");
        let context = Context { detail: None, failing: None, now: at(1_000) };
        let found = need::need(&made.0, &status, &context).map(|need| need.kind);
        assert_eq!(found, want, "{phase:?}");
    }
}

#[test]
fn a_suspended_run_waits_for_a_human_and_says_that_nothing_is_rolled_back() {
    let made = flagger(Phase::Progressing).canary(|it| it.spec.suspend = true);
    let status = rollout_status::status(&made.0);
    assert_eq!(status.health, Health::Suspended);
    assert!(status.message.is_some_and(|words| words.as_str().contains("nothing is rolled back")));
}

#[test]
fn the_step_follows_the_route_and_not_the_status_that_says_zero() {
    for (phase, carried, want) in [
        (Phase::Waiting, 0, Some((0, Some("weight 10 %")))),
        (Phase::Progressing, 0, Some((0, Some("weight 10 %")))),
        (Phase::Progressing, 20, Some((1, Some("weight 20 %")))),
        (Phase::Progressing, 25, Some((2, Some("weight 30 %")))),
        (Phase::WaitingPromotion, 50, Some((4, Some("weight 50 %")))),
        (Phase::Promoting, 50, Some((5, None))),
        (Phase::Finalising, 0, Some((5, None))),
        (Phase::Succeeded, 0, None),
        (Phase::Failed, 0, None),
    ] {
        let made = flagger(phase).canary(|it| {
            if let Some(route) = &mut it.route {
                (route.canary, route.primary) = (carried, 100 - carried);
            }
        });
        let found = position(&made.0);
        let found = found.as_ref().map(|it| (it.index, it.what.as_ref().map(Text::as_str)));
        assert_eq!(found, want, "{phase:?} {carried}");
    }
}

#[test]
fn iterations_are_steps_and_never_more_than_there_are() {
    for (phase, done, want) in [
        (Phase::Progressing, 0, 0),
        (Phase::Progressing, 2, 2),
        (Phase::Progressing, 9, 2),
        (Phase::Progressing, -1, 0),
        (Phase::WaitingPromotion, -1, 2),
        (Phase::Promoting, 0, 3),
    ] {
        let made = flagger(phase).canary(|it| {
            it.spec.analysis.iterations = Some(3);
            it.spec.analysis.weights = [].into();
            it.status.iterations = done;
        });
        let found = position(&made.0).unwrap();
        assert_eq!((found.index, found.count), (want, 3), "{phase:?} {done}");
    }
}

#[test]
fn the_wanted_weight_is_the_ladders_and_the_actual_one_the_routes() {
    for (phase, want) in [
        (Phase::Progressing, (Some(20), Some(20))),
        (Phase::WaitingPromotion, (Some(50), Some(20))),
        (Phase::Promoting, (Some(0), Some(20))),
        (Phase::Failed, (Some(0), Some(0))),
        (Phase::Succeeded, (None, None)),
    ] {
        let found = weight(&flagger(phase).0);
        assert_eq!((found.desired, found.actual), want, "{phase:?}");
    }
    let unread = flagger(Phase::WaitingPromotion).canary(|it| it.route = None);
    assert_eq!((weight(&unread.0).desired, weight(&unread.0).actual), (Some(50), None));
    let no_mesh = flagger(Phase::Progressing).canary(|it| {
        it.spec.provider = Some(Text::from("kubernetes"));
        it.status.weight = 100;
    });
    assert_eq!((weight(&no_mesh.0).desired, weight(&no_mesh.0).actual), (None, Some(0)));
}

#[test]
fn the_primary_is_what_is_proven_and_the_target_new_only_while_a_run_is_on_its_way() {
    for (phase, want) in [(Phase::Progressing, Some(NEW)), (Phase::Succeeded, None)] {
        let made = flagger(phase);
        let hash = canary(&made.0).and_then(|set| set.hash.as_ref()).map(PodHash::as_str);
        assert_eq!(hash, want, "{phase:?}");
        let proven = stable(&made.0).and_then(|set| set.hash.as_ref()).map(PodHash::as_str);
        assert_eq!(proven, Some(STABLE), "{phase:?}");
    }
}

#[test]
fn the_next_tick_is_the_first_one_in_the_future_and_never_closer_than_ten_seconds() {
    // The last change was at second 990.
    for (interval, now, want) in [
        (10, 991, 1_000),
        (10, 1_000, 1_010),
        (10, 1_021, 1_030),
        (1, 991, 1_000),
        (60, 991, 1_050),
    ] {
        let made = flagger(Phase::Progressing)
            .canary(|it| it.spec.analysis.interval = Duration::from_secs(interval));
        let found = next_tick(made.0.flagger().unwrap(), at(now));
        assert_eq!(found, Some(at(want)), "{interval} s, {now}");
    }
    let suspended = flagger(Phase::Progressing).canary(|it| it.spec.suspend = true);
    assert_eq!(next_tick(suspended.0.flagger().unwrap(), at(1_000)), None);
    let unsaid = flagger(Phase::Progressing).canary(|it| it.status.last_transition = None);
    assert_eq!(next_tick(unsaid.0.flagger().unwrap(), at(1_000)), None);
}

#[test]
fn who_blocks_is_the_hook_of_the_phase() {
    let hook = |name: &str, kind| Webhook {
        name: Text::from(name.to_owned().leak() as &'static str),
        kind,
        url: Text::from("http://gate/"),
    };
    let hooks = [
        hook("start", WebhookKind::ConfirmRollout),
        hook("load", WebhookKind::Rollout),
        hook("end", WebhookKind::ConfirmPromotion),
    ];
    for (phase, want) in [
        (Phase::Waiting, vec!["start"]),
        (Phase::WaitingPromotion, vec!["end"]),
        (Phase::Progressing, vec![]),
    ] {
        let made = flagger(phase).canary(|it| it.spec.analysis.webhooks = hooks.clone().into());
        let names: Vec<&str> =
            blocking(made.0.flagger().unwrap()).map(|hook| hook.name.as_str()).collect();
        assert_eq!(names, want, "{phase:?}");
    }
}

#[test]
fn a_target_that_is_not_there_is_told_before_anything_else() {
    let made = flagger(Phase::Initializing).canary(|it| it.target = TargetSeen::No);
    let status = rollout_status::status(&made.0);
    let message = status.message.unwrap();
    assert_eq!(message.as_str(), "its target Deployment web is not there (or may not be read)");
    let other = flagger(Phase::Initializing).canary(|it| it.target = TargetSeen::NotLookedFor);
    assert_eq!(rollout_status::status(&other.0).message, None);
}

#[test]
fn a_provider_whose_weights_are_not_read_is_named() {
    for (provider, want) in [
        (Some("gatewayapi:v1"), None),
        (Some("istio"), None),
        (Some("traefik"), None),
        (Some("nginx"), None),
        (Some("istiod"), Some("the weights of provider istiod are not read")),
        (Some("linkerd"), Some("the weights of provider linkerd are not read")),
        (None, None),
    ] {
        let made =
            flagger(Phase::Progressing).canary(|it| it.spec.provider = provider.map(Text::from));
        let found = unread_provider(made.0.flagger().unwrap());
        assert_eq!(found.as_deref(), want, "{provider:?}");
    }
}

fn events(said: &[(u64, &str)]) -> Detail {
    let event = |(second, message): &(u64, &str)| ClusterEvent {
        uid: Uid::new(message),
        about: Text::from("Canary web"),
        warning: true,
        reason: Text::from("Synced"),
        message: Text::clean(message),
        by: Text::from("flagger"),
        count: 1,
        first: Some(at(*second)),
        last: Some(at(*second)),
    };
    Detail {
        target: flagger(Phase::Progressing).0.target.clone(),
        pods: Arc::default(),
        pods_left_out: 0,
        runs: Arc::default(),
        events: said.iter().map(event).collect(),
        bounds: crate::domain::bounds::Bounds::default(),
        missing: Arc::default(),
        seen_at: at(1_000),
    }
}

#[test]
fn a_gate_before_more_traffic_is_known_by_flaggers_word_and_else_by_the_clock() {
    let hook = Webhook {
        name: Text::from("captain"),
        kind: WebhookKind::ConfirmTrafficIncrease,
        url: Text::from("http://lt.test/gate/check"),
    };
    let asking = |ready: u32| {
        let mut new = set(8, NEW, 80, 3);
        new.replicas.available = Some(ready);
        flagger(Phase::Progressing)
            .sets(vec![new])
            .canary(|it| it.spec.analysis.webhooks = [hook.clone()].into())
    };
    let why = |made: &Make, detail: Option<&Detail>, second: u64| {
        let status = rollout_status::status(&made.0);
        let context = Context { detail, failing: None, now: at(second) };
        let need = need::need(&made.0, &status, &context)?;
        assert_eq!((need.kind, need.since), (NeedKind::Approval, Some(at(990))));
        Some(need.why.to_string())
    };
    let halt = "Halt web.shop advancement waiting for traffic increase approval captain";
    let told = Some("waits for a yes before more traffic (captain)".to_owned());
    // It moved last at second 990, and looks every 10 s.
    assert_eq!(why(&asking(3), Some(&events(&[(1_000, halt)])), 1_005), told);
    let before = events(&[(980, halt), (985, "Advance web.shop canary weight 20")]);
    assert_eq!(why(&asking(3), Some(&before), 1_005), None);
    assert_eq!(why(&asking(3), None, 1_020), None);
    let guessed = Some("gets no more traffic since 3 looks: does captain say no?".to_owned());
    assert_eq!(why(&asking(3), None, 1_021), guessed);
    assert_eq!(why(&asking(2), None, 1_100), None, "its pods are the reason");
    assert_eq!(why(&flagger(Phase::Progressing), None, 1_100), None, "nobody is asked");
}

#[test]
fn who_is_waited_for_is_named() {
    let hook =
        |kind| Webhook { name: Text::from("captain"), kind, url: Text::from("http://gate/") };
    for (phase, kind, want) in [
        (Phase::Waiting, WebhookKind::ConfirmRollout, "waits for a yes before the start (captain)"),
        (
            Phase::WaitingPromotion,
            WebhookKind::ConfirmPromotion,
            "waits for a yes before the promotion (captain)",
        ),
    ] {
        let made = flagger(phase).canary(|it| it.spec.analysis.webhooks = [hook(kind)].into());
        let status = rollout_status::status(&made.0);
        let context = Context { detail: None, failing: None, now: at(1_000) };
        let need = need::need(&made.0, &status, &context).unwrap();
        assert_eq!(need.why.as_str(), want);
    }
}
