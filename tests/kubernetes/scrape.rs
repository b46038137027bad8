//! Counters from the simulated pods themselves, through the simulator's API server, against what the pods say.

use std::sync::Arc;
use std::time::Duration;

use pilothouse::backends::kube::cluster::{Cluster, ClusterSpec};
use pilothouse::backends::kube::query::answer;
use pilothouse::domain::feed::{Answer, Query, Trouble};
use pilothouse::domain::ids::{ClusterName, Name, Namespace, WorkloadKind, WorkloadRef};
use pilothouse::domain::look::{Counts, Side};
use pilothouse::sim::access::{Rule, User};
use pilothouse::sim::api::kubernetes::router;
use pilothouse::sim::kind::Kind;
use pilothouse::sim::scenario;
use pilothouse::sim::shared::Shared;
use pilothouse::sim::world::World;

/// A world in which a canary fails, after some minutes.
fn world() -> Shared {
    let start = "2026-01-01T00:00:00Z".parse().unwrap();
    let shared = Shared::new(scenario::world("canary-errors", 7, start).unwrap());
    for _ in 0..120 {
        shared.advance(Duration::from_secs(1));
    }
    shared
}

/// The pods that expose metrics, of the namespace with most of them: name, namespace, and what they say.
fn pods(shared: &Shared) -> Vec<(String, String, String)> {
    shared.look(|world| {
        let cluster = &world.clusters[0];
        let pods = cluster.store.list(Kind::Pod, None);
        let told = pods.filter_map(|pod| {
            let meta = &pod["metadata"];
            let text = |key: &str| meta[key].as_str().unwrap().to_owned();
            Some((text("name"), text("namespace"), cluster.pod_metrics(pod)?))
        });
        told.take(6).collect()
    })
}

async fn scrape(shared: &Shared) -> Answer {
    let name = shared.look(|world| world.clusters[0].name.clone());
    let client = kube::Client::new(router(shared, &name), "shop");
    let clock = {
        let shared = shared.clone();
        Arc::new(move || shared.look(World::now))
    };
    let cluster = Cluster::new(ClusterSpec::mounted(ClusterName::new(&name), client), clock);
    let pods = pods(shared);
    let target = WorkloadRef {
        cluster: ClusterName::new(&name),
        namespace: Namespace::new(&pods[0].1),
        kind: WorkloadKind::Rollout,
        name: Name::new("any"),
    };
    let pods = pods.iter().map(|(name, ..)| (Name::new(name), Side::Canary)).collect();
    answer(&cluster, &Query::Scrape { target, pods }).await
}

/// The sum of a family's lines, read without our parser.
fn sum(told: &str, start: &str) -> f64 {
    let lines = told.lines().filter(|line| line.starts_with(start));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

#[tokio::test]
async fn what_is_scraped_is_what_the_pods_say() {
    let shared = world();
    let Answer::Look(look) = scrape(&shared).await else { panic!("no look") };
    let look = look.value;
    assert_eq!(look.doubts, []);
    let pods = pods(&shared);
    assert_eq!(look.pods.len(), pods.len());
    let mut requests = 0.0;
    for (pod, _, told) in pods {
        let own = |counts: fn(Counts) -> bool| {
            let own = look.series.iter().filter(|it| it.pod.as_str() == pod && counts(it.counts));
            own.map(|it| it.samples[0].value).sum::<f64>()
        };
        let good = own(|counts| counts == Counts::Good);
        let bad = own(|counts| counts == Counts::Bad);
        assert!((good + bad - sum(&told, "http_requests_total{")).abs() < 0.5, "{told}");
        assert!((bad - sum(&told, "http_requests_total{code=\"5")).abs() < 0.5, "{told}");
        let all = own(|counts| counts == Counts::UpTo(f64::INFINITY));
        let counted = own(|counts| counts == Counts::Requests);
        assert!((all - counted).abs() < 0.5, "{told}");
        requests += good + bad;
    }
    assert!(requests > 100.0, "there is traffic: {requests}");
}

#[tokio::test]
async fn without_the_right_to_the_pods_proxy_it_is_named() {
    let shared = world();
    shared.change(|world| {
        let pods = Rule {
            role: "reader",
            groups: vec![String::new()],
            resources: vec!["pods".to_owned()],
            verbs: vec!["get".to_owned()],
            namespaces: Vec::new(),
        };
        // Who comes without a token is taken for the first.
        world.clusters[0].access.users.insert(0, User::new("reader", vec![pods]));
    });
    let answer = scrape(&shared).await;
    let Answer::Failed(Trouble::Forbidden(right)) = answer else { panic!("{answer:?}") };
    assert!(right.to_string().starts_with("get pods/proxy in namespace"), "{right}");
}
