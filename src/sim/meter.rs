//! What one pod would show on its `/metrics` at any moment since it ran.

use std::fmt::Write as _;

use super::arrivals::{arrivals, mix, unit};
use super::promql::labels::Labels;
use super::promql::samples::{MatchOp, Matcher, STALE, Series};

/// Between two scrapes, in milliseconds.
pub const SCRAPE_MS: i64 = 5_000;

/// Changes of flow that a pod remembers. An hour of a release has a few dozen; the oldest are
/// forgotten together with the samples before them.
const TURNS_MAX: usize = 64;

/// Upper bounds of the latency histogram, in seconds.
const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The bounds as `le` says them; the last slot is what took longer than all of them.
const LES: [&str; 12] =
    ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"];

/// Code, method, and the share of a pod's good or failed requests.
const KINDS: [(&str, &str, f64); 5] = [
    ("200", "get", 0.79),
    ("200", "post", 0.2),
    ("404", "get", 0.01),
    ("500", "get", 0.8),
    ("500", "post", 0.2),
];

/// How broad latencies are: the sigma of their lognormal curve.
const SPREAD: f64 = 0.5;

/// The requests a pod gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flow {
    /// Requests per second.
    pub rps: f64,
    /// Share of them that fail, from 0 to 1.
    pub errors: f64,
    /// Median time to answer, in milliseconds.
    pub latency_ms: f64,
}

/// Who a pod is to Prometheus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterLabels {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub pod: String,
    /// Its uid.
    pub uid: String,
    /// Its label `app`.
    pub app: String,
    /// The container that is restarted when it fails.
    pub container: String,
    /// Name and value of the label with the hash of its template.
    pub hash: (String, String),
    /// Address and port.
    pub instance: String,
}

/// The counters of one pod, for any moment since it ran.
#[derive(Clone, Debug)]
pub struct Meter {
    labels: MeterLabels,
    seed: u64,
    from_ms: i64,
    until_ms: Option<i64>,
    turns: Vec<Turn>,
    restarts: Vec<(i64, u32)>,
}

/// Since a moment the flow is this; and this much is expected to have come before.
#[derive(Clone, Copy, Debug)]
struct Turn {
    at_ms: i64,
    flow: Flow,
    good: f64,
    failed: f64,
    seconds: f64,
    slots: [f64; LES.len()],
}

/// A family of series.
#[derive(Clone, Copy, PartialEq)]
enum Family {
    Requests(usize),
    Bucket(usize),
    Sum,
    Count,
    Up,
    Restarts,
}

impl Meter {
    pub(super) fn new(labels: MeterLabels, seed: u64, now_ms: i64) -> Self {
        let (turns, restarts) = (Vec::new(), vec![(now_ms, 0)]);
        Self { labels, seed, from_ms: now_ms, until_ms: None, turns, restarts }
    }

    /// Who it belongs to.
    #[must_use]
    pub const fn labels(&self) -> &MeterLabels {
        &self.labels
    }

    /// What comes now.
    #[must_use]
    pub fn flow(&self) -> Option<Flow> {
        self.turns.last().map(|turn| turn.flow)
    }

    pub(super) fn turn(&mut self, flow: Flow, now_ms: i64) {
        if self.flow() == Some(flow) {
            return;
        }
        let mut turn = self.at(now_ms);
        turn.flow = flow;
        if self.turns.len() == TURNS_MAX {
            self.turns.remove(0);
            self.from_ms = self.turns.first().map_or(now_ms, |turn| turn.at_ms);
        }
        self.turns.push(turn);
    }

    pub(super) fn restarted(&mut self, restarts: u32, now_ms: i64) {
        if self.restarts.len() == TURNS_MAX {
            self.restarts.remove(0);
        }
        self.restarts.push((now_ms, restarts));
    }

    pub(super) fn end(&mut self, now_ms: i64) {
        self.until_ms = Some(now_ms);
    }

    pub(super) fn is_over(&self, at_ms: i64) -> bool {
        self.until_ms.is_some_and(|until| until < at_ms)
    }

    /// Whether its pod still runs.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.until_ms.is_none()
    }

    /// When it was scraped last before a moment, in Unix milliseconds.
    #[must_use]
    pub fn last_scrape_ms(&self, now_ms: i64) -> i64 {
        now_ms - (now_ms - self.offset_ms()).rem_euclid(SCRAPE_MS)
    }

    /// Where in an interval it is scraped.
    fn offset_ms(&self) -> i64 {
        i64::try_from(self.seed % SCRAPE_MS.unsigned_abs()).unwrap_or(0)
    }

    /// What is expected to have come until a moment.
    fn at(&self, at_ms: i64) -> Turn {
        let index = self.turns.partition_point(|turn| turn.at_ms <= at_ms);
        let Some(turn) = index.checked_sub(1).and_then(|index| self.turns.get(index)) else {
            let flow = Flow { rps: 0.0, errors: 0.0, latency_ms: 0.0 };
            let slots = [0.0; LES.len()];
            return Turn { at_ms, flow, good: 0.0, failed: 0.0, seconds: 0.0, slots };
        };
        let expected = turn.flow.rps * self.swell(turn.at_ms, at_ms);
        let failed = expected * turn.flow.errors.clamp(0.0, 1.0);
        let median = turn.flow.latency_ms / 1000.0;
        let mut next = Turn {
            at_ms,
            flow: turn.flow,
            good: turn.good + expected - failed,
            failed: turn.failed + failed,
            seconds: turn.seconds + expected * median * (SPREAD * SPREAD / 2.0).exp(),
            slots: turn.slots,
        };
        let mut below = 0.0;
        for (slot, bound) in next.slots.iter_mut().zip(BOUNDS.into_iter().chain([f64::INFINITY])) {
            let share = lognormal(bound, median);
            *slot += expected * (share - below);
            below = share;
        }
        next
    }

    /// Seconds between two moments, more of them when the day is busy: one wave of an hour and one
    /// of three minutes, the same for all pods of an app.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a life fit well")]
    fn swell(&self, from_ms: i64, to_ms: i64) -> f64 {
        let phase = unit(super::arrivals::digest(&self.labels.app)) * std::f64::consts::TAU;
        let wave = |at_ms: i64| {
            let at = at_ms as f64 / 1000.0;
            let of = |period: f64, height: f64| {
                let turn = std::f64::consts::TAU / period;
                -height / turn * (turn * at + phase).cos()
            };
            at + of(3_600.0, 0.06) + of(173.0, 0.04)
        };
        (wave(to_ms) - wave(from_ms)).max(0.0)
    }

    /// Adds the series that all matchers accept, with their points in `from_ms < time <= to_ms`.
    pub(super) fn select(
        &self,
        matchers: &[Matcher],
        (from_ms, to_ms): (i64, i64),
        found: &mut Vec<Series>,
    ) {
        let grid = self.grid(from_ms, to_ms);
        let own = |matcher: &&Matcher| self.own_label(&matcher.name).is_some();
        let mine = |matcher: &Matcher| {
            self.own_label(&matcher.name).is_none_or(|value| accepts(matcher, value))
        };
        if grid.is_empty() || !matchers.iter().filter(own).all(mine) {
            return;
        }
        let buckets = (0..LES.len()).map(Family::Bucket);
        let all = (0..KINDS.len()).map(Family::Requests).chain(buckets);
        for family in all.chain([Family::Sum, Family::Count, Family::Up, Family::Restarts]) {
            let labels = self.series_labels(family);
            if matchers.iter().all(|it| accepts(it, labels.get(&it.name).unwrap_or_default())) {
                let point = |at: &i64| (*at, self.sample(family, *at));
                found.push(Series { labels, points: grid.iter().map(point).collect() });
            }
        }
    }

    /// The moments at which it was scraped, and one more after it was gone.
    fn grid(&self, from_ms: i64, to_ms: i64) -> Vec<i64> {
        let offset = self.offset_ms();
        let until = self.until_ms.map_or(to_ms, |until| to_ms.min(until + SCRAPE_MS));
        let first = from_ms.saturating_add(1).max(self.from_ms);
        let steps = (first - offset).div_euclid(SCRAPE_MS);
        let mut at = steps * SCRAPE_MS + offset;
        if at < first {
            at += SCRAPE_MS;
        }
        let mut grid = Vec::new();
        while at <= until {
            grid.push(at);
            at += SCRAPE_MS;
        }
        grid
    }

    fn sample(&self, family: Family, at_ms: i64) -> f64 {
        if self.until_ms.is_some_and(|until| at_ms > until) {
            return STALE;
        }
        match family {
            Family::Up => 1.0,
            Family::Restarts => {
                let index = self.restarts.partition_point(|(since, _)| *since <= at_ms);
                let last = index.checked_sub(1).and_then(|index| self.restarts.get(index));
                last.map_or(0.0, |(_, restarts)| f64::from(*restarts))
            }
            Family::Requests(kind) => self.requests(kind, &self.at(at_ms)),
            Family::Bucket(slot) => self.bucket(slot, &self.at(at_ms)),
            Family::Count => self.bucket(LES.len() - 1, &self.at(at_ms)),
            Family::Sum => self.at(at_ms).seconds,
        }
    }

    fn requests(&self, kind: usize, turn: &Turn) -> f64 {
        let Some((code, _, share)) = KINDS.get(kind) else { return 0.0 };
        let all = if code.starts_with('5') { turn.failed } else { turn.good };
        arrivals(mix(self.seed, kind as u64), all * share)
    }

    fn bucket(&self, slot: usize, turn: &Turn) -> f64 {
        let of = |slot: usize| {
            let expected = turn.slots.get(slot).copied().unwrap_or_default();
            arrivals(mix(self.seed, 100 + slot as u64), expected)
        };
        (0..=slot).map(of).sum()
    }

    fn own_label(&self, name: &str) -> Option<&str> {
        match name {
            "namespace" => Some(&self.labels.namespace),
            "pod" => Some(&self.labels.pod),
            _ => None,
        }
    }

    fn series_labels(&self, family: Family) -> Labels {
        let it = &self.labels;
        let mut labels: Vec<(&str, &str)> = vec![("namespace", &it.namespace), ("pod", &it.pod)];
        if family == Family::Restarts {
            let more = [
                ("__name__", "kube_pod_container_status_restarts_total"),
                ("container", &it.container),
                ("uid", &it.uid),
                ("job", "kube-state-metrics"),
                ("instance", "kube-state-metrics:8080"),
            ];
            labels.extend(more);
            return labels.into_iter().collect();
        }
        labels.extend([("app", it.app.as_str()), ("job", "pods"), ("instance", &it.instance)]);
        labels.push((&it.hash.0, &it.hash.1));
        match family {
            Family::Requests(kind) => {
                let (code, method, _) = KINDS.get(kind).copied().unwrap_or_default();
                labels.extend([("__name__", "http_requests_total"), ("code", code)]);
                labels.push(("method", method));
            }
            Family::Bucket(slot) => {
                labels.push(("__name__", "http_request_duration_seconds_bucket"));
                labels.push(("le", LES.get(slot).copied().unwrap_or_default()));
            }
            Family::Sum => labels.push(("__name__", "http_request_duration_seconds_sum")),
            Family::Count => labels.push(("__name__", "http_request_duration_seconds_count")),
            Family::Up => labels.push(("__name__", "up")),
            Family::Restarts => {}
        }
        labels.into_iter().collect()
    }

    /// What its `/metrics` says now.
    #[must_use]
    pub fn exposition(&self, now_ms: i64) -> String {
        let turn = self.at(now_ms);
        let mut text = String::from(
            "# HELP http_requests_total Requests answered.\n# TYPE http_requests_total counter\n",
        );
        for (kind, (code, method, _)) in KINDS.iter().enumerate() {
            let value = self.requests(kind, &turn);
            let _ = writeln!(
                text,
                "http_requests_total{{code=\"{code}\",method=\"{method}\"}} {value:.0}"
            );
        }
        text.push_str("# HELP http_request_duration_seconds Time to answer.\n");
        text.push_str("# TYPE http_request_duration_seconds histogram\n");
        for (slot, le) in LES.iter().enumerate() {
            let value = self.bucket(slot, &turn);
            let _ =
                writeln!(text, "http_request_duration_seconds_bucket{{le=\"{le}\"}} {value:.0}");
        }
        let count = self.bucket(LES.len() - 1, &turn);
        let _ = writeln!(text, "http_request_duration_seconds_sum {}", turn.seconds);
        let _ = writeln!(text, "http_request_duration_seconds_count {count:.0}");
        text
    }
}

/// Whether a matcher accepts a value.
fn accepts(matcher: &Matcher, value: &str) -> bool {
    match &matcher.op {
        MatchOp::Equal => matcher.value == value,
        MatchOp::NotEqual => matcher.value != value,
        MatchOp::Re(pattern) => pattern.is_match(value),
        MatchOp::NotRe(pattern) => !pattern.is_match(value),
    }
}

/// The share of answers that take at most `bound` seconds, when half of them take `median`.
fn lognormal(bound: f64, median: f64) -> f64 {
    if bound.is_infinite() || median <= 0.0 {
        return 1.0;
    }
    0.5 * (1.0 + erf((bound / median).ln() / (SPREAD * std::f64::consts::SQRT_2)))
}

/// The error function, good to a millionth (Abramowitz and Stegun, 7.1.26).
fn erf(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
    let poly = t
        * (0.254_829_592
            + t * (-0.284_496_736
                + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let y = 1.0 - poly * (-x * x).exp();
    if x < 0.0 { -y } else { y }
}
