//! What containers wrote.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::arrivals::{digest, mix, unit};
use super::world::{Cluster, LogOf};

/// Lines of a log, at most. People read the end.
const LINES_MAX: u64 = 400;

/// Requests that are written down are one in so many seconds at least this far apart.
const SPACING_MS: i64 = 700;

const PATHS: [&str; 6] =
    ["/", "/api/items", "/api/items/42", "/healthz", "/api/search", "/api/orders"];

/// The log of a container; `None`: it wrote none.
pub(super) fn of(
    cluster: &Cluster,
    pod: &Value,
    (container, which): (&str, LogOf),
) -> Option<String> {
    let at = |place: &str| pod.pointer(place).and_then(Value::as_str).unwrap_or_default();
    let statuses = pod.pointer("/status/containerStatuses").and_then(Value::as_array)?;
    let status = statuses.iter().find(|it| it["name"] == container)?;
    let time = |place: &str| status.pointer(place)?.as_str()?.parse::<Timestamp>().ok();
    let now = cluster.store.now();
    let ran = match which {
        LogOf::Previous => {
            (time("/lastState/terminated/startedAt")?, time("/lastState/terminated/finishedAt")?)
        }
        LogOf::Current => match time("/state/running/startedAt") {
            Some(since) => (since, now),
            None => (
                time("/state/terminated/startedAt")
                    .or_else(|| time("/lastState/terminated/startedAt"))?,
                time("/state/terminated/finishedAt")
                    .or_else(|| time("/lastState/terminated/finishedAt"))?,
            ),
        },
    };
    let crashed = time("/state/running/startedAt").is_none() || which == LogOf::Previous;
    let mut text = start(at("/spec/containers/0/image"), ran.0);
    let key = format!("{}/{}", at("/metadata/namespace"), at("/metadata/name"));
    if crashed {
        end(&mut text, ran.1);
    } else {
        requests(cluster, (&key, at("/metadata/uid")), ran, &mut text);
    }
    let extra = cluster.life.as_ref().map(|life| life.log_lines(pod)).unwrap_or_default();
    for line in extra {
        let _ = writeln!(text, "{} {line}", stamp(ran.1));
    }
    Some(text)
}

fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn start(image: &str, at: Timestamp) -> String {
    let after = |ms: i64| stamp(at + SignedDuration::from_millis(ms));
    format!(
        "{} INFO starting version={image}\n{} INFO configuration loaded\n{} INFO listening \
         addr=:8080\n",
        after(12),
        after(40),
        after(90)
    )
}

fn end(text: &mut String, at: Timestamp) {
    let before = |ms: i64| stamp(at - SignedDuration::from_millis(ms));
    let _ = writeln!(text, "{} ERROR cannot reach database addr=db:5432 attempt=3", before(300));
    let _ = writeln!(text, "{} FATAL giving up: dial tcp: lookup db: no such host", before(5));
    text.push_str("goroutine 1 [running]:\nmain.main()\n\t/src/main.go:87 +0x3c5\nexit status 1\n");
}

/// Some of the requests it got, the last ones.
fn requests(
    cluster: &Cluster,
    (key, uid): (&str, &str),
    (from, until): (Timestamp, Timestamp),
    text: &mut String,
) {
    let Some(flow) = cluster.traffic.meter(key).and_then(super::meter::Meter::flow) else { return };
    if flow.rps <= 0.0 {
        return;
    }
    let seed = digest(uid);
    let lived = until.duration_since(from).as_millis();
    let all = u64::try_from(lived / i128::from(SPACING_MS)).unwrap_or(0);
    for number in all.saturating_sub(LINES_MAX)..all {
        let chance = mix(seed, number);
        let ms = i64::try_from(number).unwrap_or(0) * SPACING_MS
            + i64::try_from(chance % SPACING_MS.unsigned_abs()).unwrap_or(0);
        let at = from + SignedDuration::from_millis(ms + 120);
        if at > until {
            return;
        }
        let fails = unit(mix(chance, 1)) < flow.errors;
        let path = PATHS[usize::try_from(mix(chance, 2) % 6).unwrap_or(0)];
        let took = flow.latency_ms * (0.5 + unit(mix(chance, 3)));
        let (word, code) = if fails { ("ERROR", 500) } else { ("INFO", 200) };
        let _ = writeln!(
            text,
            "{} {word} request path={path} status={code} duration={took:.0}ms trace={:016x}",
            stamp(at),
            mix(chance, 4)
        );
        if fails {
            let _ = writeln!(
                text,
                "{} ERROR upstream answered late: context deadline exceeded",
                stamp(at)
            );
        }
    }
}
