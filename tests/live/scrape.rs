//! Counters straight from the pods through the real API server, beside the Prometheus that scrapes the same pods.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use pilothouse::backends::kube::cluster::Cluster;
use pilothouse::backends::kube::kubeconfig::{self, Contexts, Environment, Wanted};
use pilothouse::backends::kube::query::answer;
use pilothouse::backends::prometheus::client::Prometheus;
use pilothouse::backends::prometheus::spec::PrometheusSpec;
use pilothouse::domain::feed::{Answer, Query, RevisionPair, Trouble};
use pilothouse::domain::ids::{ClusterName, Name, Namespace, PodHash, WorkloadKind, WorkloadRef};
use pilothouse::domain::look::{Counts, Look, Side};
use pilothouse::domain::observed::{Clock, Timestamp};
use serde_json::json;

use super::manifests::canary;
use super::plane::{PATIENCE, Plane};

fn clock() -> Clock {
    Arc::new(Timestamp::now)
}

fn cluster(context: &str) -> Cluster {
    let wanted = Wanted {
        contexts: Contexts::Named(vec![context.to_owned()]),
        environment: Environment::read(),
        ..Wanted::default()
    };
    let spec = kubeconfig::contexts(&wanted).unwrap().pop().unwrap();
    Cluster::new(spec, clock())
}

/// A canary at its first step, of four pods with traffic.
struct Scene {
    plane: Plane,
    target: WorkloadRef,
    pods: Vec<(Name, Side)>,
    hashes: [PodHash; 2],
}

impl Scene {
    async fn new(name: &str) -> Option<Self> {
        let plane = Plane::new().await?;
        let mut body = canary(name, &json!([{"setWeight": 50}, {"pause": {}}]));
        body["spec"]["template"]["metadata"]["annotations"] =
            json!({"prometheus.io/scrape": "true", "live/rps": "40", "live/errors": "0.1"});
        plane.create("rollouts", &body).await;
        let stable = plane.phase(name, "Healthy").await;
        plane.release("rollouts", name, "2.0.0").await;
        let both = plane.phase(name, "Paused").await;
        let hash = |value: &serde_json::Value, field: &str| {
            PodHash::new(value["status"][field].as_str().unwrap())
        };
        let hashes = [hash(&both, "currentPodHash"), hash(&stable, "stableRS")];
        let mut pods = Vec::new();
        for pod in plane.list("pods").await {
            let meta = &pod["metadata"];
            let own = meta["labels"]["rollouts-pod-template-hash"].as_str().unwrap();
            let is_going = meta["deletionTimestamp"].is_string();
            let side = if own == hashes[0].as_str() { Side::Canary } else { Side::Stable };
            if !is_going {
                pods.push((Name::new(meta["name"].as_str().unwrap()), side));
            }
        }
        assert_eq!(pods.iter().filter(|(_, side)| *side == Side::Canary).count(), 2, "{pods:?}");
        let target = WorkloadRef {
            cluster: ClusterName::new(&plane.context),
            namespace: Namespace::new(&plane.namespace),
            kind: WorkloadKind::Rollout,
            name: Name::new(name),
        };
        Some(Self { plane, target, pods, hashes })
    }

    async fn scrape(&self, context: &str) -> Answer {
        let query = Query::Scrape { target: self.target.clone(), pods: self.pods.clone().into() };
        answer(&cluster(context), &query).await
    }

    async fn look(&self) -> Look {
        let answer = self.scrape(&self.plane.context).await;
        let Answer::Look(look) = answer else { panic!("{answer:?}") };
        look.value
    }

    fn pair(&self) -> RevisionPair {
        let [canary, stable] = self.hashes.clone();
        RevisionPair { target: self.target.clone(), canary: Some(canary), stable: Some(stable) }
    }
}

/// The value of every series: its pod, what it counts, and its place among those.
fn values(look: &Look, at: impl Fn(&Timestamp) -> bool) -> Vec<(String, f64)> {
    let mut values: Vec<(String, f64)> = look
        .series
        .iter()
        .filter_map(|one| {
            let sample = one.samples.iter().rev().find(|sample| at(&sample.at))?;
            let counts = match one.counts {
                Counts::Bad => "bad".to_owned(),
                Counts::Good => "good".to_owned(),
                Counts::Requests => "requests".to_owned(),
                Counts::UpTo(bound) => format!("up to {bound}"),
            };
            Some((format!("{} {} {counts} {:?}", one.pod, one.family, one.side), sample.value))
        })
        .collect();
    // Series that are alike in name differ by method: their order is that of their values.
    values.sort_by(|one, other| one.partial_cmp(other).unwrap());
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pods_and_prometheus_tell_the_same() {
    let Ok(url) = std::env::var("PROMETHEUS_URL") else {
        eprintln!("skipped: PROMETHEUS_URL names no Prometheus that scrapes the live cluster");
        return;
    };
    let Some(scene) = Scene::new("scraped").await else { return };
    let spec = PrometheusSpec::new(scene.target.cluster.clone(), url.parse().unwrap());
    let prometheus = Prometheus::new(spec, clock()).unwrap();
    let start = Instant::now();
    let mut poll = tokio::time::interval(Duration::from_millis(200));
    // What Prometheus scraped between two looks of ours must lie between what they saw.
    loop {
        let before = scene.look().await;
        assert_eq!((before.doubts.len(), before.pods.len()), (0, 4), "{:?}", before.doubts);
        assert!(before.bytes > 1_000, "{}", before.bytes);
        for _ in 0..12 {
            poll.tick().await;
        }
        let after = scene.look().await;
        let query = Query::Look { pair: scene.pair(), reach: Duration::from_secs(30) };
        let theirs = prometheus.answer(&query).await;
        let Answer::Look(theirs) = theirs else { panic!("{theirs:?}") };
        let (from, until) = (before.at.unwrap(), after.pods[0].at.unwrap());
        let theirs = values(&theirs.value, |at| (from..=until).contains(at));
        let (before, after) = (values(&before, |_| true), values(&after, |_| true));
        let names = |values: &[(String, f64)]| {
            values.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()
        };
        // A counter of errors may be born in between.
        if names(&before) == names(&theirs) && names(&theirs) == names(&after) {
            for ((low, high), (name, value)) in before.iter().zip(&after).zip(&theirs) {
                assert!(
                    (low.1..=high.1).contains(value),
                    "{name}: {value}, not {low:?} to {high:?}"
                );
            }
            let errors = after.iter().filter(|(name, _)| name.contains(" bad "));
            assert!(errors.map(|(_, value)| value).sum::<f64>() > 0.0, "{after:?}");
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{theirs:?}\n{after:?}");
    }
    scene.plane.down().await;
}

/// Pods, and not what stands behind them.
async fn allow_nobody_to_read_pods(plane: &Plane) {
    let home = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}", plane.namespace);
    let get = json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]});
    let role = json!({"metadata": {"name": "pods"}, "rules": [get]});
    let group = "rbac.authorization.k8s.io";
    let binding = json!({
        "metadata": {"name": "pods"},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "pods"},
        "subjects": [{"apiGroup": group, "kind": "Group", "name": "nobody"}],
    });
    for (plural, body) in [("roles", role), ("rolebindings", binding)] {
        plane.send(Method::POST, &format!("{home}/{plural}"), "application/json", &body).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_that_answer_badly_are_told_one_by_one_and_a_missing_right_by_its_name() {
    let Some(mut scene) = Scene::new("odd").await else { return };
    scene.pods.sort();
    let faults = ["500", "hang", "cut", "garbage"];
    for ((pod, _), fault) in scene.pods.iter().zip(faults) {
        let body = json!({"metadata": {"annotations": {"live/scrape": fault}}});
        scene.plane.merge("pods", pod.as_str(), &body).await;
    }
    let start = Instant::now();
    // The pods hear of it a moment later.
    let look = loop {
        let look = scene.look().await;
        if look.pods.iter().all(|pod| pod.at.is_none()) {
            break look;
        }
        assert!(start.elapsed() < PATIENCE, "{look:?}");
    };
    assert!(look.series.is_empty());
    for ((pod, _), wanted) in
        scene.pods.iter().zip(["500", "no answer within", "its answer broke off", "no metrics"])
    {
        let told = look.doubts.iter().find(|doubt| doubt.as_str().starts_with(pod.as_str()));
        let told = told.unwrap().as_str();
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    allow_nobody_to_read_pods(&scene.plane).await;
    let denied = scene.scrape(&format!("{}-nobody", scene.plane.context)).await;
    let Answer::Failed(Trouble::Forbidden(right)) = denied else { panic!("{denied:?}") };
    let namespace = &scene.plane.namespace;
    assert_eq!(right.to_string(), format!("get pods/proxy in namespace {namespace}"));
    scene.plane.down().await;
}
