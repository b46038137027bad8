//! Our reading side of Kubernetes on the simulator's API server, in one process and on one clock: neither knows the other,
//! only the wire is between them. Whatever goes wrong on the way, in the end both stand equal.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::disallowed_methods, reason = "a rig starts the task that it tests")]
#![expect(clippy::tests_outside_test_module, reason = "an integration test is one module")]

mod scrape;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use pilothouse::backends::kube::cluster::{Cluster, ClusterSpec};
use pilothouse::backends::kube::follow::follow;
use pilothouse::backends::kube::probe;
use pilothouse::domain::feed::{Feed, Scope, SourceHealth, SourceId};
use pilothouse::domain::ids::{ClusterName, Namespace, WorkloadKind, WorkloadRef};
use pilothouse::domain::observed::{Observed, Timestamp};
use pilothouse::domain::text::Text;
use pilothouse::domain::workload::Workload;
use pilothouse::sim::api::kubernetes::router;
use pilothouse::sim::fault::{Fault, Verb, What};
use pilothouse::sim::kind::Kind;
use pilothouse::sim::shared::Shared;
use pilothouse::sim::world::World;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// How long our view may take to stand equal again after everything is well: the longest wait of a watch is 30 s.
const HEALING_MAX: Duration = Duration::from_secs(90);

/// How far the clocks of both move at once.
const TICK: Duration = Duration::from_millis(50);

struct Rig {
    shared: Shared,
    cluster: Cluster,
    feeds: mpsc::Receiver<(SourceId, Observed<Feed>)>,
    _scopes: watch::Sender<BTreeSet<Scope>>,
    fleet: BTreeMap<WorkloadRef, Workload>,
    healths: Vec<SourceHealth>,
    others: Vec<Feed>,
    dice: u64,
}

impl Rig {
    fn new(change: impl FnOnce(&mut World), spec: impl FnOnce(ClusterSpec) -> ClusterSpec) -> Self {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let shared = Shared::new(World::empty(start, &["east"]));
        shared.change(|world| {
            let store = &mut world.cluster("east").unwrap().store;
            let shop = json!({ "metadata": { "name": "shop" }, "status": { "phase": "Active" } });
            store.create(Kind::Namespace, shop).unwrap();
        });
        shared.change(change);
        let client = kube::Client::new(router(&shared, "east"), "shop");
        let clock = {
            let shared = shared.clone();
            Arc::new(move || shared.look(World::now))
        };
        let spec = spec(ClusterSpec::mounted(ClusterName::new("east"), client));
        let cluster = Cluster::new(spec, clock);
        let (feed, feeds) = mpsc::channel(64);
        let (scopes, wanted) = watch::channel(BTreeSet::new());
        tokio::spawn(follow(cluster.clone(), wanted, feed));
        let (fleet, healths, others) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { shared, cluster, feeds, _scopes: scopes, fleet, healths, others, dice: 7 }
    }

    fn random(&mut self, below: u64) -> u64 {
        self.dice = self
            .dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % below
    }

    fn plan(&self, fault: Fault) {
        self.shared.change(|world| {
            let now = world.now();
            world.cluster("east").unwrap().faults.plan(fault, now);
        });
    }

    /// Lets both clocks go on, and takes the news.
    async fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.shared.advance(TICK);
            let tick = Instant::now() + TICK;
            while let Ok(Some((_, seen))) = tokio::time::timeout_at(tick, self.feeds.recv()).await {
                self.take(seen.value);
            }
        }
    }

    fn take(&mut self, feed: Feed) {
        match feed {
            Feed::Changed(workloads) => {
                let named = workloads.into_iter().map(|it| (it.target.clone(), it));
                self.fleet.extend(named);
            }
            Feed::Removed(targets) => self.fleet.retain(|target, _| !targets.contains(target)),
            Feed::Health(health) => self.healths.push(health),
            other @ (Feed::Synced
            | Feed::Detail(_)
            | Feed::Beat
            | Feed::Identity(_)
            | Feed::Owners(_)
            | Feed::OwnersRead(..)
            | Feed::Sighting(..)) => self.others.push(other),
        }
    }

    /// What the server has, as lines that can be compared.
    fn theirs(&self) -> Vec<String> {
        self.shared.look(|world| {
            let store = &world.clusters[0].store;
            let sets: Vec<&Value> = store.list(Kind::ReplicaSet, None).collect();
            let mut lines = Vec::new();
            for kind in [Kind::Rollout, Kind::Deployment] {
                for object in store.list(kind, None) {
                    let meta = &object["metadata"];
                    let owned = sets
                        .iter()
                        .filter(|set| set["metadata"]["ownerReferences"][0]["uid"] == meta["uid"])
                        .map(|set| text(&set["metadata"]["name"]));
                    let owned: BTreeSet<String> = owned.collect();
                    let name = format!("{}/{}", text(&meta["namespace"]), text(&meta["name"]));
                    let version = text(&meta["resourceVersion"]);
                    lines.push(format!("{kind:?} {name} {version} {owned:?}"));
                }
            }
            lines.sort();
            lines
        })
    }

    /// What we know, likewise.
    fn ours(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .fleet
            .values()
            .map(|it| {
                let sets = it.revisions.iter().map(|set| set.name.as_str().to_owned());
                let sets: BTreeSet<String> = sets.collect();
                let (kind, version) = (it.target.kind, it.meta.resource_version.as_str());
                format!("{kind:?} {} {version} {sets:?}", it.target)
            })
            .collect();
        lines.sort();
        lines
    }

    async fn stand_equal(&mut self, after: &str) {
        let end = Instant::now() + HEALING_MAX;
        while self.ours() != self.theirs() || self.healths.last() != Some(&SourceHealth::Live) {
            assert!(
                Instant::now() < end,
                "after {after}: {:?}\n{:#?}\n{:#?}",
                self.healths.last(),
                self.ours(),
                self.theirs()
            );
            self.pass(TICK).await;
        }
    }

    /// One thing that happens in the cluster.
    fn happen(&mut self) {
        let (which, name) = (self.random(10), format!("app-{}", self.random(6)));
        let kind = if self.random(2) == 0 { Kind::Rollout } else { Kind::Deployment };
        let hash = format!("h{}", self.random(4));
        self.shared.change(|world| {
            let store = &mut world.cluster("east").unwrap().store;
            let known = store.get(kind, "shop", &name).cloned();
            match (which, known) {
                (0, Some(_)) => {
                    store.delete(kind, "shop", &name);
                }
                (1, Some(_)) => {
                    store.delete(Kind::ReplicaSet, "shop", &format!("{name}-{hash}"));
                }
                (2..=4, Some(owner)) => {
                    let set = format!("{name}-{hash}");
                    if store.get(Kind::ReplicaSet, "shop", &set).is_none() {
                        store.create(Kind::ReplicaSet, set_of(kind, &owner, &set)).unwrap();
                    }
                }
                (_, Some(mut object)) => {
                    object["spec"]["replicas"] = json!(which);
                    object["metadata"]["labels"]["turn"] = json!(hash);
                    store.update(kind, object).unwrap();
                }
                (_, None) => {
                    store.create(kind, workload(&name)).unwrap();
                }
            }
        });
    }

    async fn live(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.happen();
            let pause = Duration::from_millis(20 + self.random(300));
            self.pass(pause).await;
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn workload(name: &str) -> Value {
    json!({
        "metadata": { "namespace": "shop", "name": name, "labels": { "app": name } },
        "spec": { "replicas": 3, "strategy": { "canary": {} }, "selector": { "matchLabels": { "app": name } } },
        "status": { "phase": "Healthy" },
    })
}

fn set_of(kind: Kind, owner: &Value, name: &str) -> Value {
    let owner = json!([{ "kind": format!("{kind:?}"), "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "controller": true }]);
    json!({ "metadata": { "namespace": "shop", "name": name, "ownerReferences": owner },
        "spec": { "replicas": 1 }, "status": { "replicas": 1 } })
}

#[tokio::test(start_paused = true)]
async fn the_fleet_stands_equal_to_the_server_whatever_went_wrong_on_the_way() {
    let faults = [
        Fault::new(What::WatchCut).lasting(1),
        Fault::new(What::WatchEnd).lasting(1),
        Fault::new(What::WatchGone).lasting(1),
        Fault::new(What::Compaction),
        Fault::new(What::BrokenResponse).times(6),
        Fault::new(What::Truncated).times(6).on(Verb::List, "deployments"),
        Fault::new(What::Html { code: 200 }).lasting(4_000),
        Fault::new(What::Html { code: 502 }).lasting(4_000),
        Fault::new(What::WrongType { media: "text/html".into() }).lasting(4_000),
        Fault::new(What::Status { code: 500, retry_after: None }).lasting(6_000),
        Fault::new(What::Status { code: 429, retry_after: Some(3) }).lasting(6_000),
        Fault::new(What::Status { code: 410, retry_after: None })
            .times(3)
            .on(Verb::Watch, "rollouts"),
        Fault::new(What::Slow { ms: 900 }).lasting(9_000),
        Fault::new(What::LostResponse).times(4),
        Fault::new(What::Silence).lasting(30_000),
        Fault::new(What::ClockSkew { seconds: 3_600 }).lasting(20_000),
    ];
    let mut rig = Rig::new(|_| (), |spec| spec);
    rig.live(Duration::from_secs(5)).await;
    rig.stand_equal("the start").await;
    for fault in faults {
        let name = format!("{:?}", fault.what);
        // The other way round too: cut off while the list is being read anew.
        rig.plan(fault);
        rig.plan(Fault { after_ms: 700, ..Fault::new(What::WatchCut).lasting(1) });
        rig.live(Duration::from_secs(4)).await;
        rig.stand_equal(&name).await;
    }
    assert!(rig.fleet.len() > 3, "something lives: {:?}", rig.ours());
}

#[tokio::test(start_paused = true)]
async fn a_silence_is_told_within_ten_seconds_and_healed_within_seconds() {
    let mut rig = Rig::new(|_| (), |spec| spec);
    rig.live(Duration::from_secs(3)).await;
    rig.stand_equal("the start").await;
    rig.healths.clear();
    rig.plan(Fault::new(What::Silence).lasting(30_000));
    rig.live(Duration::from_secs(10)).await;
    assert!(matches!(rig.healths.last(), Some(SourceHealth::Down { .. })), "{:?}", rig.healths);
    rig.live(Duration::from_secs(30)).await;
    let healed = Instant::now();
    rig.stand_equal("the silence").await;
    assert!(healed.elapsed() < Duration::from_secs(1), "{:?}", healed.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_right_to_one_namespace_is_enough_and_the_rest_is_said() {
    let no_list = |resource: &str| {
        let fault = Fault::new(What::Status { code: 403, retry_after: None });
        fault.times(1).on(Verb::List, resource)
    };
    let change = |world: &mut World| {
        let now = world.now();
        let east = world.cluster("east").unwrap();
        east.store.create(Kind::Deployment, workload("web")).unwrap();
        for resource in ["rollouts", "deployments", "replicasets"] {
            east.faults.plan(no_list(resource), now);
        }
    };
    let mut rig = Rig::new(change, |spec| spec);
    rig.pass(Duration::from_secs(3)).await;
    assert_eq!(rig.ours(), rig.theirs());
    let Some(SourceHealth::Degraded(why)) = rig.healths.last() else { panic!("{:?}", rig.healths) };
    assert!(why.to_string().ends_with("in all namespaces"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn named_namespaces_and_labels_limit_what_is_read() {
    let change = |world: &mut World| {
        let store = &mut world.cluster("east").unwrap().store;
        let other = json!({ "metadata": { "name": "other" } });
        store.create(Kind::Namespace, other).unwrap();
        store.create(Kind::Deployment, workload("web")).unwrap();
        store.create(Kind::Deployment, workload("api")).unwrap();
        let mut elsewhere = workload("web");
        elsewhere["metadata"]["namespace"] = json!("other");
        store.create(Kind::Deployment, elsewhere).unwrap();
    };
    let mut rig = Rig::new(change, |mut spec| {
        spec.namespaces = vec![Namespace::new("shop")];
        spec.selector = Some("app=web".to_owned());
        spec
    });
    rig.pass(Duration::from_secs(2)).await;
    let known: Vec<String> = rig.fleet.keys().map(ToString::to_string).collect();
    assert_eq!(known, ["shop/web"]);
    assert!(rig.fleet.keys().all(|target| target.kind == WorkloadKind::Deployment));
}

#[tokio::test(start_paused = true)]
async fn the_server_tells_who_we_are_and_how_late_it_is_there() {
    let mut rig = Rig::new(|_| (), |spec| spec);
    rig.pass(Duration::from_secs(1)).await;
    assert!(rig.others.contains(&Feed::Identity(Text::clean("admin"))), "{:?}", rig.others);
    rig.plan(Fault::new(What::ClockSkew { seconds: 120 }));
    let (theirs, ours) = probe::clocks(&rig.cluster).await.unwrap();
    let ahead = theirs.duration_since(ours).as_secs();
    assert!((119..=121).contains(&ahead), "{ahead}");
}
