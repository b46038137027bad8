//! The Prometheus of a simulated cluster: the traffic of its pods, as the world stands when a query
//! comes.

use super::api::prometheus::{Metadata, Source, Target};
use super::api::prometheus_fault::PrometheusFault;
use super::meter::SCRAPE_MS;
use super::promql::samples::{Matcher, Samples, Series};
use super::shared::Shared;
use super::world::Cluster;

/// What one cluster's Prometheus knows.
#[derive(Clone, Debug)]
pub(super) struct Scraper {
    shared: Shared,
    cluster: String,
}

impl Scraper {
    pub(super) fn new(shared: Shared, cluster: &str) -> Self {
        Self { shared, cluster: cluster.to_owned() }
    }

    fn look<T>(&self, at: impl FnOnce(&Cluster) -> T) -> Option<T> {
        self.shared.look(|world| {
            world.clusters.iter().find(|cluster| cluster.name == self.cluster).map(at)
        })
    }
}

impl Samples for Scraper {
    fn select(&self, matchers: &[Matcher], from_ms: i64, to_ms: i64) -> Vec<Series> {
        // What is to come has not been scraped.
        self.look(|cluster| {
            let now_ms = cluster.store.now().as_millisecond();
            cluster.traffic.select(matchers, from_ms, to_ms.min(now_ms))
        })
        .unwrap_or_default()
    }
}

impl Source for Scraper {
    fn now_ms(&self) -> i64 {
        self.look(|cluster| cluster.store.now().as_millisecond()).unwrap_or_default()
    }

    fn fault(&self) -> Option<PrometheusFault> {
        self.look(|cluster| {
            let now_ms = cluster.store.now().as_millisecond();
            cluster.prometheus_faults.at(now_ms).cloned()
        })
        .flatten()
    }

    fn metadata(&self) -> Vec<Metadata> {
        let of = |(metric, kind, help): (&str, &'static str, &str)| Metadata {
            metric: metric.to_owned(),
            kind,
            help: help.to_owned(),
        };
        [
            ("http_requests_total", "counter", "Requests answered."),
            ("http_request_duration_seconds", "histogram", "Time to answer."),
            (
                "kube_pod_container_status_restarts_total",
                "counter",
                "The number of container restarts per container.",
            ),
        ]
        .into_iter()
        .map(of)
        .collect()
    }

    fn targets(&self) -> Vec<Target> {
        self.look(|cluster| {
            let now_ms = cluster.store.now().as_millisecond();
            let running = cluster.traffic.meters().filter(|meter| meter.is_running());
            running
                .map(|meter| {
                    let who = meter.labels();
                    let labels: [(&str, &str); 6] = [
                        ("app", who.app.as_str()),
                        ("instance", &who.instance),
                        ("job", "pods"),
                        ("namespace", &who.namespace),
                        ("pod", &who.pod),
                        (&who.hash.0, &who.hash.1),
                    ];
                    Target {
                        labels: labels.into_iter().collect(),
                        url: format!("http://{}/metrics", who.instance),
                        last_error: String::new(),
                        last_scrape_ms: meter.last_scrape_ms(now_ms),
                    }
                })
                .collect()
        })
        .unwrap_or_default()
    }
}

/// Prometheus looks back five minutes; a scrape comes many times in between.
const _: () = assert!(SCRAPE_MS < 60_000);
