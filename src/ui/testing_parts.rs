//! Metrics, pods, runs and events of the small fleet of [`super::testing`].

use std::sync::Arc;

use crate::domain::detail::{
    AnalysisRun, ClusterEvent, Detail, Measurement, Pod, RunLimits, RunMetric, Tally,
};
use crate::domain::fixtures::owner_part;
use crate::domain::ids::{Name, PodHash, Uid};
use crate::domain::metric::{
    Chart, Charts, Comparison, Finite, MetricKind, MetricPair, NoData, Series,
};
use crate::domain::owner::{Application, Automation, Deployed, Source};
use crate::domain::part::{Part, PartFacts, PartKind};
use crate::domain::rollout::RunPhase;
use crate::domain::text::Text;

use super::testing::{ago, now, target};

/// Argo CD's application of `payments/api`: as git has it, and put back when changed.
pub(super) fn application() -> Arc<Part> {
    let facts = Application {
        health: Some(Text::clean("Suspended")),
        message: Some(Text::clean("CanaryPauseStep")),
        sync: Some(Text::clean("Synced")),
        automation: Automation::Heals,
        source: Source {
            repo: Text::clean("https://git.corp/shop.git"),
            place: Some(Text::clean("payments")),
            wanted: Some(Text::clean("main")),
            more: 0,
        },
        deployed: Some(Deployed {
            revision: Text::clean(&"3f2a91c0".repeat(5)),
            before: Some(Text::clean(&"1a2b3c4d".repeat(5))),
            at: Some(ago(720)),
            by: Some(Text::clean("dana")),
        }),
        ..Application::default()
    };
    let facts = PartFacts::Application(Box::new(facts));
    owner_part(("eu", "argocd", "payments"), PartKind::Application, facts)
}

/// Errors sixteen times those of stable.
pub(super) fn comparison() -> Comparison {
    let pair = |kind, canary: f64, stable: f64| MetricPair {
        kind,
        canary: Finite::new(canary).ok_or(NoData::NotANumber),
        stable: Finite::new(stable).ok_or(NoData::NotANumber),
        evaluated_at: Some(now()),
    };
    Comparison {
        canary: Some(PodHash::new("canary1")),
        stable: Some(PodHash::new("stable1")),
        pairs: [
            pair(MetricKind::ErrorRatio, 0.0162, 0.001),
            pair(MetricKind::LatencyP99, 0.412, 0.306),
            pair(MetricKind::RequestRate, 92.1, 811.0),
        ]
        .into(),
        source: Text::clean("prometheus.eu"),
        warnings: [].into(),
    }
}

/// Curves of twelve minutes: the canary goes bad in the middle; stable has a gap.
pub(super) fn charts() -> Charts {
    let curve = |value: &dyn Fn(u32) -> f64| Series {
        start: ago(780),
        step_seconds: 10,
        points: (0..78).map(|step| Finite::new(value(step))).collect(),
    };
    let wave = |step: u32| f64::from(step * 37 % 11) / 40.0;
    let bad = |step: u32| if step > 36 { 1.0 + f64::from(step - 36) / 12.0 } else { 0.3 };
    let gap = |step: u32| if (50..56).contains(&step) { f64::NAN } else { 1.0 };
    let chart = |kind, high: f64, low: f64| Chart {
        kind,
        canary: Ok(curve(&|step| high * (bad(step) + wave(step)) / 4.0)),
        stable: Ok(curve(&|step| low * (1.0 + wave(step)) * gap(step))),
    };
    Charts {
        charts: [
            chart(MetricKind::ErrorRatio, 0.016, 0.001),
            chart(MetricKind::LatencyP99, 0.5, 0.306),
            Chart {
                kind: MetricKind::RequestRate,
                canary: Ok(curve(&|step| 90.0 + wave(step) * 9.0)),
                stable: Err(NoData::NoSeries),
            },
        ]
        .into(),
        source: Text::clean("prometheus.eu"),
        warnings: [].into(),
    }
}

/// Pods, runs and events of `payments/api`.
pub(super) fn detail() -> Detail {
    let pod = |name: &str, hash: &str, (status, why): (&str, Option<&str>)| Pod {
        name: Name::new(name),
        uid: Uid::new(name),
        replica_set: Some(Uid::new(&format!("rs-{hash}"))),
        hash: Some(PodHash::new(hash)),
        status: Text::clean(status),
        why: why.map(Text::clean),
        ready: (u32::from(why.is_none()) + 1, 2),
        restarts: if why.is_some() { 6 } else { 0 },
        created: Some(ago(700)),
        unready_since: None,
        node: Some(Name::new("node-a1")),
        containers: [Name::new("app"), Name::new("proxy")].into(),
    };
    let mut pods = vec![
        pod(
            "api-canary1-7xk2p",
            "canary1",
            ("CrashLoopBackOff", Some("back-off 5m0s restarting failed container")),
        ),
        pod("api-canary1-9bq4d", "canary1", ("Running", None)),
        pod("api-canary1-mm2wz", "canary1", ("Running", None)),
        pod("api-canary1-x8c6v", "canary1", ("Running", None)),
    ];
    for number in 0..18 {
        pods.push(pod(&format!("api-stable1-{number:05}"), "stable1", ("Running", None)));
    }
    Detail {
        target: target("eu/payments/api"),
        pods: pods.into(),
        pods_left_out: 0,
        runs: [run()].into(),
        events: [
            event(720, "RolloutUpdated", "Rollout updated to revision 43", ""),
            event(715, "TrafficWeightUpdated", "Traffic weight updated from 0 to 5", ""),
            event(710, "RolloutStepCompleted", "Rollout step 1/6 completed (setWeight: 5)", ""),
            event(410, "RolloutStepCompleted", "Rollout step 2/6 completed (pause: 5m)", ""),
            event(405, "TrafficWeightUpdated", "Traffic weight updated from 5 to 20", ""),
            event(
                400,
                "BackOff",
                "Back-off restarting failed container app in pod api-canary1-7xk2p",
                "Warning",
            ),
        ]
        .into(),
        bounds: crate::domain::bounds::Bounds::default(),
        missing: [].into(),
        seen_at: now(),
    }
}

fn run() -> AnalysisRun {
    let measured = |phase, value: &str, seconds| Measurement {
        phase,
        value: Some(Text::clean(value)),
        message: None,
        at: Some(ago(seconds)),
    };
    AnalysisRun {
        name: Name::new("api-canary1-43-4-success-rate"),
        role: Some(Text::clean("Background")),
        step: Some(4),
        hash: Some(PodHash::new("canary1")),
        phase: RunPhase::Running,
        message: None,
        started: Some(ago(400)),
        completed: None,
        metrics: [RunMetric {
            name: Text::clean("success-rate"),
            phase: RunPhase::Running,
            message: None,
            tally: Tally { count: 3, successful: 2, failed: 1, ..Tally::default() },
            limits: RunLimits {
                success: Some(Text::clean("result[0] >= 0.95")),
                failures_max: 2,
                errors_max: 4,
                count: Some(10),
                ..RunLimits::default()
            },
            measurements: [
                measured(RunPhase::Successful, "[0.991]", 120),
                measured(RunPhase::Failed, "[0.921]", 60),
            ]
            .into(),
        }]
        .into(),
    }
}

fn event(seconds: u64, reason: &str, message: &str, kind: &str) -> ClusterEvent {
    ClusterEvent {
        uid: Uid::new(&format!("{reason}-{seconds}")),
        about: Text::clean("Rollout/api"),
        warning: kind == "Warning",
        reason: Text::clean(reason),
        message: Text::clean(message),
        by: Text::clean("rollouts-controller"),
        count: 1,
        first: Some(ago(seconds)),
        last: Some(ago(seconds)),
    }
}
