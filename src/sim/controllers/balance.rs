//! Who gets which requests: by weights where a router carries them, else every ready pod its share.

use jiff::SignedDuration;
use serde_json::Value;
use std::sync::Arc;

use super::agenda::{Job, Task};
use super::bench::Bench;
use super::pod_shape::{address, is_ready};
use super::read;
use super::template::{DEPLOYMENT_HASH, ROLLOUT_HASH};
use crate::sim::meter::{Flow, MeterLabels};
use crate::sim::object::is_going;
use crate::sim::store::Kind;

/// Requests a second that somebody sends to a preview.
const PREVIEW_RPS: f64 = 0.4;

/// A pod runs and can be scraped.
pub(super) fn begin(bench: &mut Bench<'_>, key: &str, pod: &Value) {
    let hash = [
        (ROLLOUT_HASH, "rollouts_pod_template_hash"),
        (DEPLOYMENT_HASH, "pod_template_hash"),
        ("controller-revision-hash", "controller_revision_hash"),
    ]
    .into_iter()
    .find_map(|(label, name)| Some((name.to_owned(), read::label(pod, label)?.to_owned())));
    let own = ["app", "app.kubernetes.io/name"];
    let app = own.into_iter().find_map(|label| read::label(pod, label)).unwrap_or_default();
    let labels = MeterLabels {
        namespace: read::namespace(pod).to_owned(),
        pod: read::name(pod).to_owned(),
        uid: read::uid(pod).to_owned(),
        app: app.to_owned(),
        container: read::text(pod, "/spec/containers/0/name").to_owned(),
        hash: hash.unwrap_or_else(|| ("pod_template_hash".to_owned(), String::new())),
        instance: format!("{}:8080", address(read::uid(pod), 44)),
    };
    bench.traffic.begin(key, labels, bench.store.now().as_millisecond());
    if let Some(workload) = workload(bench, pod) {
        let now = bench.now();
        bench.life.agenda.wake(Job::new(Task::Balance, &workload), now);
        let after = bench.life.truth.of(pod).after;
        if !after.is_zero() {
            bench.later(Task::Balance, &workload, after);
        }
    }
}

/// The workload of a pod: `Kind/namespace/name`.
pub(super) fn workload(bench: &Bench<'_>, pod: &Value) -> Option<String> {
    let (mut kind, mut name, _) = read::controller(pod)?;
    let namespace = read::namespace(pod);
    let set;
    if kind == "ReplicaSet" {
        set = bench.store.get(Kind::ReplicaSet, namespace, name)?;
        (kind, name, _) = read::controller(set)?;
    }
    Some(format!("{kind}/{namespace}/{name}"))
}

/// Shares the requests of a workload among its pods.
pub(super) fn reconcile(bench: &mut Bench<'_>, workload: &str) {
    let Some((kind, key)) = workload.split_once('/') else { return };
    let kind = match kind {
        "Rollout" => Kind::Rollout,
        "Deployment" => Kind::Deployment,
        "StatefulSet" => Kind::StatefulSet,
        "DaemonSet" => Kind::DaemonSet,
        _ => return,
    };
    let Some(object) = bench.get(kind, key) else { return };
    let pods = running_pods(bench, kind, &object);
    let wanted = read::int(&object, "/spec/replicas").unwrap_or_else(|| count(pods.len()));
    let first = pods.first().map(|pod| &**pod);
    let demand = bench.life.truth.rps(key, first, wanted);
    let shares = shares(&object, &pods);
    let (now, now_ms) = (bench.now(), bench.now_ms());
    for pod in &pods {
        let version = bench.life.truth.of(pod);
        let age = now.duration_since(read::created(pod));
        let is_well = age < version.after;
        let share = if is_ready(pod) { shares.of(pod, demand) } else { 0.0 };
        let flow = Flow {
            rps: share,
            errors: if is_well { 0.0 } else { version.errors },
            latency_ms: if is_well { 80.0 } else { version.latency_ms },
        };
        bench.traffic.flow(&read::key(pod), flow, now_ms);
        if is_well && age > SignedDuration::ZERO {
            bench.later(Task::Balance, workload, version.after - age);
        }
    }
}

fn count(pods: usize) -> i64 {
    i64::try_from(pods).unwrap_or(i64::MAX)
}

fn running_pods(bench: &Bench<'_>, kind: Kind, object: &Value) -> Vec<Arc<Value>> {
    let mut pods = Vec::new();
    if matches!(kind, Kind::StatefulSet | Kind::DaemonSet) {
        pods = bench.owned(Kind::Pod, object);
    } else {
        for set in bench.owned(Kind::ReplicaSet, object) {
            pods.extend(bench.owned(Kind::Pod, &set));
        }
    }
    pods.retain(|pod| !is_going(pod) && read::text(pod, "/status/phase") == "Running");
    pods
}

/// How requests are shared.
enum Shares {
    /// Every ready pod gets the same.
    Even { pods: f64 },
    /// Parts of the whole by hash, and how many ready pods share each.
    Routed(Vec<(String, f64, f64)>),
    /// One hash gets everything, another a little, the rest nothing.
    Switched { active: (String, f64), preview: (String, f64) },
}

impl Shares {
    fn of(&self, pod: &Value, demand: f64) -> f64 {
        let hash = read::label(pod, ROLLOUT_HASH).unwrap_or_default();
        match self {
            Self::Even { pods } => demand / pods.max(1.0),
            Self::Routed(parts) => parts
                .iter()
                .find(|(part, ..)| part == hash)
                .map_or(0.0, |(_, weight, pods)| demand * weight / pods.max(1.0)),
            Self::Switched { active, preview } => {
                if active.0 == hash {
                    demand / active.1.max(1.0)
                } else if preview.0 == hash {
                    PREVIEW_RPS / preview.1.max(1.0)
                } else {
                    0.0
                }
            }
        }
    }
}

fn shares(object: &Value, pods: &[Arc<Value>]) -> Shares {
    #[expect(clippy::cast_precision_loss, reason = "pods are few")]
    let ready = |hash: Option<&str>| {
        let is_of = |pod: &&Arc<Value>| {
            is_ready(pod) && hash.is_none_or(|hash| read::label(pod, ROLLOUT_HASH) == Some(hash))
        };
        pods.iter().filter(is_of).count() as f64
    };
    let active = read::text(object, "/status/blueGreen/activeSelector");
    if object.pointer("/spec/strategy/blueGreen").is_some() && !active.is_empty() {
        let preview = read::text(object, "/status/blueGreen/previewSelector");
        return Shares::Switched {
            active: (active.to_owned(), ready(Some(active))),
            preview: (preview.to_owned(), ready(Some(preview))),
        };
    }
    let Some(weights) = object.pointer("/status/canary/weights") else {
        return Shares::Even { pods: ready(None) };
    };
    let part = |destination: &Value| {
        let hash = read::text(destination, "/podTemplateHash");
        #[expect(clippy::cast_precision_loss, reason = "weights are small")]
        let weight = read::count(destination, "/weight") as f64;
        (hash.to_owned(), weight, ready(Some(hash)))
    };
    let both = ["canary", "stable"].into_iter().filter_map(|name| weights.get(name));
    let mut parts: Vec<_> = both.chain(read::list(weights, "/additional")).map(part).collect();
    let whole: f64 = parts.iter().map(|(_, weight, _)| weight).sum();
    for (_, weight, _) in &mut parts {
        *weight /= whole.max(1.0);
    }
    // Canary and stable are the same once an update is over.
    parts.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    parts.dedup_by(|next, kept| {
        let is_same = next.0 == kept.0;
        if is_same {
            kept.1 += next.1;
        }
        is_same
    });
    Shares::Routed(parts)
}
