//! Metric families that people's programs and the proxies in their pods expose, and what can be judged by each: found on
//! a workload and not asked of the operator.
//!
//! Names and labels are those of the projects' own documentation; `reference/analysis.md` §2.2 lists the meshes'. The
//! order is the order of preference: what the program says of itself comes before what is said beside it. Gateways, which
//! tell of services and not of pods, are not among them.

use super::look::Counts;

/// A family of series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Family {
    /// Its name as it is exposed: of a histogram the base name, without `_bucket`.
    pub name: &'static str,
    /// What it says.
    pub tells: Tells,
    /// Only series with this label: a mesh's proxy counts what comes in and what goes out.
    pub only: Option<(&'static str, &'static str)>,
}

/// What a family says of a program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tells {
    /// A counter of requests; these labels say which were bad.
    Requests(&'static [Outcome]),
    /// A histogram of latencies in cumulative buckets. Its `_count` is a counter of requests as well, where one of these
    /// labels stands on it.
    Latency {
        /// Seconds per unit of `le`.
        unit: f64,
        /// Labels that say which requests were bad.
        outcomes: &'static [Outcome],
    },
}

/// A label that tells how a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The label.
    pub label: &'static str,
    /// Which of its values are the server's fault.
    pub bad: Bad,
}

/// Values that are the server's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// HTTP status codes from 500 to 599, also as a class (`5xx`).
    ServerErrors,
    /// One of these words, whatever its case.
    Words(&'static [&'static str]),
}

impl Bad {
    /// Whether this value of the label is the server's fault.
    #[must_use]
    pub fn holds(self, value: &str) -> bool {
        match self {
            Self::ServerErrors => value.len() == 3 && value.starts_with('5'),
            Self::Words(words) => words.iter().any(|word| word.eq_ignore_ascii_case(value)),
        }
    }
}

const fn status(label: &'static str) -> Outcome {
    Outcome { label, bad: Bad::ServerErrors }
}

/// Codes of gRPC that are the server's fault; the others are answers, or the caller's fault.
const GRPC_BAD: &[&str] =
    &["Unknown", "DeadlineExceeded", "Unimplemented", "Internal", "Unavailable", "DataLoss"];

const HTTP: &[Outcome] =
    &[status("code"), status("status"), status("status_code"), status("http_status_code")];
const OTEL: &[Outcome] = &[status("http_response_status_code"), status("http_status_code")];
const ISTIO: &[Outcome] = &[status("response_code")];
const LINKERD: &[Outcome] = &[Outcome { label: "classification", bad: Bad::Words(&["failure"]) }];
const GRPC: &[Outcome] = &[Outcome { label: "grpc_code", bad: Bad::Words(GRPC_BAD) }];

const fn requests(name: &'static str, outcomes: &'static [Outcome]) -> Family {
    Family { name, tells: Tells::Requests(outcomes), only: None }
}

const fn latency(name: &'static str, unit: f64, outcomes: &'static [Outcome]) -> Family {
    Family { name, tells: Tells::Latency { unit, outcomes }, only: None }
}

const fn only(family: Family, label: &'static str, value: &'static str) -> Family {
    Family { only: Some((label, value)), ..family }
}

/// All families, the preferred ones first.
pub const FAMILIES: &[Family] = &[
    requests("http_requests_total", HTTP),
    requests("http_server_requests_total", HTTP),
    latency("http_server_request_duration_seconds", 1.0, OTEL),
    latency("http_request_duration_seconds", 1.0, HTTP),
    latency("http_server_requests_seconds", 1.0, HTTP),
    requests("grpc_server_handled_total", GRPC),
    latency("grpc_server_handling_seconds", 1.0, &[]),
    only(requests("istio_requests_total", ISTIO), "reporter", "destination"),
    only(latency("istio_request_duration_milliseconds", 0.001, ISTIO), "reporter", "destination"),
    only(requests("response_total", LINKERD), "direction", "inbound"),
    only(latency("response_latency_ms", 0.001, &[]), "direction", "inbound"),
];

/// The family that a series belongs to, by the name of its metric.
#[must_use]
pub fn of(metric: &str) -> Option<(&'static Family, Part)> {
    FAMILIES.iter().find_map(|family| {
        let rest = metric.strip_prefix(family.name)?;
        let part = match (family.tells, rest) {
            (Tells::Requests(_), "") | (Tells::Latency { .. }, "_count") => Part::Requests,
            (Tells::Latency { .. }, "_bucket") => Part::Bucket,
            (Tells::Requests(_) | Tells::Latency { .. }, _) => return None,
        };
        Some((family, part))
    })
}

/// Which part of its family a series is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Counts requests.
    Requests,
    /// Counts requests up to a latency.
    Bucket,
}

/// What a series counts, by the name of its metric and its labels; `None`: nothing that we know.
pub fn counts<'a>(
    metric: &str,
    label: impl Fn(&str) -> Option<&'a str>,
) -> Option<(&'static Family, Counts)> {
    let (family, part) = of(metric)?;
    if family.only.is_some_and(|(only, value)| label(only) != Some(value)) {
        return None;
    }
    let counts = match (part, family.tells) {
        (Part::Bucket, Tells::Latency { unit, .. }) => {
            Counts::UpTo(label("le")?.parse::<f64>().ok()? * unit)
        }
        (Part::Bucket, Tells::Requests(_)) => return None,
        (Part::Requests, _) => match family.is_bad(label) {
            Some(true) => Counts::Bad,
            Some(false) => Counts::Good,
            None => Counts::Requests,
        },
    };
    Some((family, counts))
}

impl Family {
    /// Labels that tell how a request ended.
    #[must_use]
    pub const fn outcomes(&self) -> &'static [Outcome] {
        match self.tells {
            Tells::Requests(outcomes) | Tells::Latency { outcomes, .. } => outcomes,
        }
    }

    /// Whether a series with these labels counts bad requests; `None`: none of its labels tells.
    pub fn is_bad<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> Option<bool> {
        self.outcomes().iter().find_map(|outcome| Some(outcome.bad.holds(label(outcome.label)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_find_their_family_and_their_fault() {
        let (family, part) = of("http_requests_total").unwrap();
        assert_eq!(part, Part::Requests);
        let told = |label: &'static str, value: &'static str| {
            family.is_bad(move |asked| (asked == label).then_some(value))
        };
        assert_eq!(told("code", "503"), Some(true));
        assert_eq!(told("status", "5xx"), Some(true));
        assert_eq!(told("code", "404"), Some(false));
        assert_eq!(told("code", "5"), Some(false));
        assert_eq!(told("path", "/500"), None);
        let (grpc, _) = of("grpc_server_handled_total").unwrap();
        assert_eq!(grpc.is_bad(|_| Some("UNAVAILABLE")), Some(true));
        assert_eq!(grpc.is_bad(|_| Some("NotFound")), Some(false));
        assert_eq!(of("http_request_duration_seconds_bucket").unwrap().1, Part::Bucket);
        assert_eq!(of("http_request_duration_seconds_count").unwrap().1, Part::Requests);
        let label = |asked: &str| match asked {
            "le" => Some("250"),
            "reporter" => Some("destination"),
            _ => None,
        };
        let told = |metric| counts(metric, label).map(|(_, counts)| counts);
        assert_eq!(told("istio_request_duration_milliseconds_bucket"), Some(Counts::UpTo(0.25)));
        assert_eq!(told("http_requests_total"), Some(Counts::Requests));
        let outgoing = |asked: &str| (asked == "reporter").then_some("source");
        assert_eq!(counts("istio_requests_total", outgoing).map(|(_, counts)| counts), None);
        assert_eq!(told("go_goroutines"), None);
        for other in ["http_request_duration_seconds_sum", "up", "http_requests_total_created"] {
            assert!(of(other).is_none(), "{other}");
        }
    }
}
