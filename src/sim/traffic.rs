//! The requests that reach the pods of a cluster, and the metrics they leave. Nothing is counted
//! while time passes: a pod remembers since when it got how many requests of which kind, and any
//! scrape of the past is computed from that.

use std::collections::{BTreeMap, VecDeque};

use super::arrivals::{digest, mix};
use super::meter::{Flow, Meter, MeterLabels};
use super::promql::samples::{Matcher, Samples, Series};

/// How long the series of a pod that is gone can still be read. As long as the longest chart.
const PAST_MS: i64 = 75 * 60 * 1000;

/// Pods that are gone and remembered, at most: a fleet that restarts all day must not fill memory.
const PAST_MAX: usize = 4_096;

/// Every pod's meter, of one cluster.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    seed: u64,
    meters: BTreeMap<String, Meter>,
    past: VecDeque<Meter>,
}

impl Traffic {
    /// No pods yet; all noise comes from the seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// A pod runs: from now on it can be scraped. `key` is `namespace/name`.
    pub fn begin(&mut self, key: &str, labels: MeterLabels, now_ms: i64) {
        let seed = mix(self.seed, digest(&labels.uid));
        if self.meters.get(key).is_some_and(|meter| meter.labels().uid == labels.uid) {
            return;
        }
        self.end(key, now_ms);
        self.meters.insert(key.to_owned(), Meter::new(labels, seed, now_ms));
    }

    /// A pod gets so many requests from now on.
    pub fn flow(&mut self, key: &str, flow: Flow, now_ms: i64) {
        if let Some(meter) = self.meters.get_mut(key) {
            meter.turn(flow, now_ms);
        }
    }

    /// A container of a pod was restarted so often by now.
    pub fn restarted(&mut self, key: &str, restarts: u32, now_ms: i64) {
        if let Some(meter) = self.meters.get_mut(key) {
            meter.restarted(restarts, now_ms);
        }
    }

    /// A pod is gone.
    pub fn end(&mut self, key: &str, now_ms: i64) {
        let Some(mut meter) = self.meters.remove(key) else { return };
        meter.end(now_ms);
        self.past.push_back(meter);
        while self.past.len() > PAST_MAX
            || self.past.front().is_some_and(|meter| meter.is_over(now_ms - PAST_MS))
        {
            self.past.pop_front();
        }
    }

    /// The meter of a pod that runs.
    #[must_use]
    pub fn meter(&self, key: &str) -> Option<&Meter> {
        self.meters.get(key)
    }

    /// All meters: of the pods that run, and of those that did not long ago.
    pub fn meters(&self) -> impl Iterator<Item = &Meter> {
        self.meters.values().chain(&self.past)
    }
}

impl Samples for Traffic {
    fn select(&self, matchers: &[Matcher], from_ms: i64, to_ms: i64) -> Vec<Series> {
        let mut found = Vec::new();
        for meter in self.meters() {
            meter.select(matchers, (from_ms, to_ms), &mut found);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::meter::SCRAPE_MS;
    use crate::sim::promql::query::Query;
    use crate::sim::promql::value::Value;

    fn labels(pod: &str, hash: &str) -> MeterLabels {
        MeterLabels {
            namespace: "shop".into(),
            pod: pod.into(),
            uid: format!("uid-{pod}"),
            app: "web".into(),
            container: "app".into(),
            hash: ("rollouts_pod_template_hash".into(), hash.into()),
            instance: "10.1.0.7:8080".into(),
        }
    }

    fn flow(rps: f64, errors: f64) -> Flow {
        Flow { rps, errors, latency_ms: 80.0 }
    }

    fn value(traffic: &Traffic, query: &str, at_ms: i64) -> f64 {
        let answer = Query::parse(query).unwrap().instant(traffic, at_ms).unwrap();
        let Value::Vector(found) = answer else { panic!("{query}: {answer:?}") };
        assert_eq!(found.len(), 1, "{query}");
        found[0].value
    }

    const MINUTE: i64 = 60_000;

    #[test]
    fn rates_and_errors_are_as_the_flow_says() {
        let mut traffic = Traffic::seeded(7);
        for (pod, hash, errors) in [("web-a", "old", 0.0), ("web-b", "new", 0.08)] {
            let key = format!("shop/{pod}");
            traffic.begin(&key, labels(pod, hash), 0);
            traffic.flow(&key, flow(50.0, errors), 0);
        }
        let rate = value(&traffic, "sum(rate(http_requests_total[10m]))", 20 * MINUTE);
        assert!((90.0..110.0).contains(&rate), "{rate}");
        let errors = |hash: &str| {
            let of = format!("rollouts_pod_template_hash=\"{hash}\"");
            let of = format!(
                "sum(rate(http_requests_total{{{of},code=~\"5..\"}}[10m])) \
                 / sum(rate(http_requests_total{{{of}}}[10m]))"
            );
            value(&traffic, &of, 20 * MINUTE)
        };
        assert!(errors("old").abs() < 1e-9);
        assert!((0.07..0.09).contains(&errors("new")), "{}", errors("new"));
    }

    #[test]
    fn a_change_of_flow_shows_from_its_moment_on() {
        let mut traffic = Traffic::seeded(7);
        traffic.begin("shop/a", labels("a", "x"), 0);
        traffic.flow("shop/a", flow(40.0, 0.0), 0);
        traffic.flow("shop/a", flow(40.0, 0.5), 10 * MINUTE);
        let errors = "sum(increase(http_requests_total{code=\"500\"}[5m]))";
        let before = Query::parse(errors).unwrap().instant(&traffic, 9 * MINUTE).unwrap();
        assert!(matches!(before, Value::Vector(found) if found[0].value.abs() < 1e-9));
        let after = value(&traffic, errors, 16 * MINUTE);
        assert!((5_000.0..7_000.0).contains(&after), "{after}");
    }

    #[test]
    fn latency_quantiles_follow_the_median() {
        let mut traffic = Traffic::seeded(7);
        traffic.begin("shop/a", labels("a", "x"), 0);
        traffic.flow("shop/a", Flow { rps: 100.0, errors: 0.0, latency_ms: 80.0 }, 0);
        let quantile = |q: &str| {
            let rate = "rate(http_request_duration_seconds_bucket[5m])";
            let of = format!("histogram_quantile({q}, sum by (le) ({rate}))");
            value(&traffic, &of, 10 * MINUTE)
        };
        assert!((0.06..0.10).contains(&quantile("0.5")), "{}", quantile("0.5"));
        assert!((0.18..0.32).contains(&quantile("0.99")), "{}", quantile("0.99"));
    }

    #[test]
    fn counters_never_fall_and_stand_on_the_grid() {
        let mut traffic = Traffic::seeded(3);
        traffic.begin("shop/a", labels("a", "x"), 1_000);
        traffic.flow("shop/a", flow(3.0, 0.1), 1_000);
        traffic.flow("shop/a", flow(0.2, 0.3), 90_000);
        let all = traffic.select(&[], 0, 10 * MINUTE);
        assert!(all.len() > 15, "{}", all.len());
        for series in all {
            let name = series.labels.get("__name__").unwrap_or_default().to_owned();
            for pair in series.points.windows(2) {
                assert!(pair[1].1 >= pair[0].1, "{name}: {pair:?}");
                assert_eq!(pair[1].0 - pair[0].0, SCRAPE_MS, "{name}");
            }
        }
    }

    #[test]
    fn a_pod_that_is_gone_stops_at_once_and_can_still_be_read() {
        let mut traffic = Traffic::seeded(3);
        traffic.begin("shop/a", labels("a", "x"), 0);
        traffic.flow("shop/a", flow(10.0, 0.0), 0);
        traffic.end("shop/a", 5 * MINUTE);
        let up = |at| Query::parse("up").unwrap().instant(&traffic, at).unwrap();
        assert!(matches!(up(4 * MINUTE), Value::Vector(found) if found.len() == 1));
        assert!(matches!(up(6 * MINUTE), Value::Vector(found) if found.is_empty()));
        let ended = traffic.select(&[], 0, 20 * MINUTE);
        let last = ended[0].points.last().unwrap();
        assert!(crate::sim::promql::samples::is_stale(last.1));
    }

    #[test]
    fn the_past_is_bounded() {
        let mut traffic = Traffic::seeded(3);
        for number in 0..=i64::try_from(PAST_MAX).unwrap() {
            let key = format!("shop/{number}");
            traffic.begin(&key, labels(&number.to_string(), "x"), number);
            traffic.end(&key, number + 1);
        }
        assert_eq!(traffic.meters().count(), PAST_MAX);
        traffic.begin("shop/z", labels("z", "x"), 2 * PAST_MS);
        traffic.end("shop/z", 2 * PAST_MS);
        assert_eq!(traffic.meters().count(), 1);
    }
}
