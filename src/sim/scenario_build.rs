//! A world made of a scenario.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::api::prometheus_fault::PlannedFault;
use super::arrivals::{digest, mix};
use super::controllers::life::Pace;
use super::controllers::script;
use super::controllers::settled;
use super::controllers::truth;
use super::kind::Kind;
use super::object::stamp;
use super::scenario::{Act, Deed, Fate, Scenario, Version, Workload, WorkloadKind};
use super::scenario_error::analyses_of;
use super::scenario_objects as objects;
use super::world::{Cluster, World};

/// How long before the world's first moment its pods were scraped already: charts reach back.
const SCRAPED_BEFORE: SignedDuration = SignedDuration::from_mins(65);

/// The world of a scenario at a time.
pub(super) fn world(scenario: &Scenario, seed: u64, now: Timestamp) -> World {
    let start = whole(now - scenario.lived.0);
    let clusters = scenario.clusters.iter().map(|part| {
        let seed = mix(seed, digest(&part.name));
        let mut cluster = Cluster::living(&part.name, seed, start - SCRAPED_BEFORE);
        populate(&mut cluster, scenario, start);
        cluster
    });
    let mut world = World::of(clusters.collect(), start);
    world.set_pace(Pace::Leaping);
    world.step(Duration::try_from(now.duration_since(start)).unwrap_or_default());
    world.set_pace(Pace::Watched);
    world
}

/// Objects carry whole seconds.
fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn populate(cluster: &mut Cluster, scenario: &Scenario, start: Timestamp) {
    let own = cluster.name.clone();
    let nodes = scenario.clusters.iter().find(|it| it.name == own).map_or(3, |it| it.nodes);
    for number in 1..=nodes {
        let name = format!("{own}-node-{number}");
        let since = start - SignedDuration::from_hours(24 * 60);
        drop(cluster.store.create(Kind::Node, settled::node(&name, since)));
    }
    for namespace in ["default", "kube-system"] {
        drop(cluster.store.create(Kind::Namespace, json!({"metadata": {"name": namespace}})));
    }
    let Some(life) = &mut cluster.life else { return };
    for version in &scenario.versions {
        life.truth().version(&version.image, hidden(version));
    }
    for workload in scenario.workloads.iter().filter(|it| is_in(it, &own)) {
        for (namespace, name) in copies(workload) {
            place(cluster, scenario, (workload, &namespace, &name), start);
        }
    }
    for raw in scenario.objects.iter().filter(|it| it.cluster == own) {
        if let Some((kind, object)) = objects::raw(raw, start) {
            drop(cluster.store.create(kind, object));
        }
    }
    cluster.settle(start);
    plan(cluster, scenario, start);
}

fn is_in(workload: &Workload, cluster: &str) -> bool {
    workload.clusters.is_empty() || workload.clusters.iter().any(|it| it == cluster)
}

/// Namespace and name of every copy of a workload.
fn copies(workload: &Workload) -> Vec<(String, String)> {
    let (namespace, name) = workload.name.split_once('/').unwrap_or(("default", &workload.name));
    if workload.copies.count == 0 {
        return vec![(namespace.to_owned(), name.to_owned())];
    }
    let spread = workload.copies.spread.max(1);
    let of = |number: usize| {
        let namespace = if workload.copies.spread == 0 {
            namespace.to_owned()
        } else {
            format!("{namespace}-{:02}", number % spread + 1)
        };
        (namespace, format!("{name}-{:03}", number + 1))
    };
    (0..workload.copies.count).map(of).collect()
}

fn hidden(version: &Version) -> truth::Version {
    let default = truth::Version::default();
    truth::Version {
        errors: version.errors,
        latency_ms: version
            .latency
            .map_or(default.latency_ms, |latency| latency.0.as_secs_f64() * 1_000.0),
        after: version.after.0,
        start_after: version.starts.map_or(default.start_after, |it| it.0),
        ready_after: version.ready.map_or(default.ready_after, |it| it.0),
        fate: match version.fate {
            Fate::Well => truth::Fate::Well,
            Fate::NeverReady => truth::Fate::NeverReady,
            Fate::Crash(after) => truth::Fate::Crash { after: after.0 },
            Fate::BadImage => truth::Fate::BadImage,
        },
        digest: version.digest.clone(),
        log: version.log.clone(),
    }
}

/// A workload with its services and templates.
fn place(
    cluster: &mut Cluster,
    scenario: &Scenario,
    (workload, namespace, name): (&Workload, &str, &str),
    start: Timestamp,
) {
    if cluster.store.get(Kind::Namespace, "", namespace).is_none() {
        let labels = json!({"kubernetes.io/metadata.name": namespace});
        let metadata = json!({"name": namespace, "labels": labels});
        drop(cluster.store.create(Kind::Namespace, json!({"metadata": metadata})));
    }
    if workload.kind == WorkloadKind::Rollout {
        for analysis in analyses_of(&workload.strategy) {
            let template = scenario.analyses.get(analysis);
            let is_new = cluster.store.get(Kind::AnalysisTemplate, namespace, analysis).is_none();
            if let Some(template) = template.filter(|_| is_new) {
                let made = objects::analysis_template(namespace, analysis, template);
                drop(cluster.store.create(Kind::AnalysisTemplate, made));
            }
        }
    }
    let born = objects::born(workload, (namespace, name), start);
    let hash = settled::hash_of(&born);
    if workload.kind == WorkloadKind::Rollout {
        for (role, object) in objects::services(workload, (namespace, name), &hash) {
            drop(cluster.store.create(role, object));
        }
    }
    if let (Some(rps), Some(life)) = (workload.rps, &mut cluster.life) {
        life.truth().demand(&format!("{namespace}/{name}"), rps);
    }
    cluster.make(&born);
}

/// Plans acts and faults.
fn plan(cluster: &mut Cluster, scenario: &Scenario, start: Timestamp) {
    let now = start + scenario.lived.0;
    let lived_ms = u64::try_from(scenario.lived.0.as_millis()).unwrap_or(0);
    for trouble in scenario.faults.iter().filter(|it| it.cluster == cluster.name) {
        if let Some(fault) = trouble.api_fault(lived_ms) {
            cluster.faults.plan(fault, start);
        }
        if let Some(what) = trouble.prometheus.clone() {
            let after_ms = trouble.at.ms_after(lived_ms);
            let for_ms = trouble.lasts.map(|it| it.ms_after(0));
            let fault = PlannedFault { what, after_ms, for_ms };
            cluster.prometheus_faults.plan(fault, start.as_millisecond());
        }
    }
    for act in scenario.acts.iter().filter(|it| it.cluster == cluster.name) {
        let workload = scenario.workloads.iter().find(|it| it.name == act.workload);
        if let (Some(workload), Some(life)) = (workload, &mut cluster.life) {
            life.plan(written(act, workload, now));
        }
    }
}

/// An act in the terms of the API.
fn written(act: &Act, workload: &Workload, now: Timestamp) -> script::Act {
    let kind = objects::kind_of(workload);
    let at = now + act.at.0;
    let status = script::Deed::PatchStatus;
    let deed = match &act.what {
        Deed::Release(tag) => script::Deed::Release {
            image: format!("{}:{tag}", workload.image),
            annotations: objects::pod_annotations(workload, tag, Some(act)),
        },
        Deed::Promote => status(json!({"pauseConditions": null})),
        Deed::PromoteFull => status(json!({"promoteFull": true})),
        Deed::Abort => status(json!({"abort": true, "promoteFull": false})),
        Deed::Retry => status(json!({"abort": false})),
        Deed::Pause => script::Deed::Patch(json!({"spec": {"paused": true}})),
        Deed::Resume => script::Deed::Patch(json!({"spec": {"paused": false}})),
        Deed::Restart => script::Deed::Patch(match workload.kind {
            WorkloadKind::Rollout => json!({"spec": {"restartAt": stamp(at)}}),
            WorkloadKind::Deployment
            | WorkloadKind::StatefulSet
            | WorkloadKind::DaemonSet
            | WorkloadKind::Canary => {
                let annotations = json!({"kubectl.kubernetes.io/restartedAt": stamp(at)});
                json!({"spec": {"template": {"metadata": {"annotations": annotations}}}})
            }
        }),
        Deed::Scale(replicas) => script::Deed::Patch(json!({"spec": {"replicas": replicas}})),
        Deed::Delete => script::Deed::Delete,
    };
    script::Act { at, kind, key: act.workload.clone(), deed, by: act.by.clone() }
}
