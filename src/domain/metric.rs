//! Numbers of the metrics: every one finite, with its time; missing is never zero.

use std::sync::Arc;

use super::ids::PodHash;
use super::observed::{Observed, Timestamp};
use super::text::Text;

/// A finite number. NaN and infinities are not values: they are "no data".
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Finite(f64);

impl Finite {
    /// Refuses NaN and infinities.
    #[must_use]
    pub const fn new(value: f64) -> Option<Self> {
        if value.is_finite() { Some(Self(value)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// What is measured of each revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MetricKind {
    /// Requests per second.
    RequestRate,
    /// Share of requests that fail, 0 to 1.
    ErrorRatio,
    /// The 99th percentile of the latency, in seconds.
    LatencyP99,
}

impl MetricKind {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::ErrorRatio, Self::LatencyP99, Self::RequestRate];

    /// The name in documents and in the config.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RequestRate => "request_rate",
            Self::ErrorRatio => "error_ratio",
            Self::LatencyP99 => "latency_p99",
        }
    }

    /// The name in documents, and its unit there.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::RequestRate => "requests/s",
            Self::ErrorRatio => "ratio",
            Self::LatencyP99 => "seconds",
        }
    }
}

/// Why there is no number.
#[derive(Clone, Debug, PartialEq)]
pub enum NoData {
    /// The answer had no series: nothing was scraped, or the names differ.
    NoSeries,
    /// The answer was NaN or infinite: usually no traffic.
    NotANumber,
    /// More series than the one that was asked for.
    Ambiguous(u32),
    /// The source said that its answer is partial; in its words.
    Partial(Text),
    /// The newest sample is older than the window.
    Stale(Timestamp),
    /// The source refused this one question, or answered with what is no number (a wrong template, a histogram);
    /// in words.
    Refused(Text),
}

/// A number or the reason why there is none.
pub type Reading = Result<Finite, NoData>;

/// One metric of canary and stable side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricPair {
    /// Which metric.
    pub kind: MetricKind,
    /// The canary's.
    pub canary: Reading,
    /// Stable's.
    pub stable: Reading,
    /// The server's own time of the evaluation.
    pub evaluated_at: Option<Timestamp>,
}

/// The answer to "how do canary and stable compare now".
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The canary's template hash.
    pub canary: Option<PodHash>,
    /// Stable's.
    pub stable: Option<PodHash>,
    /// One entry per metric.
    pub pairs: Arc<[MetricPair]>,
    /// Where it came from: the URL's host, as shown.
    pub source: Text,
    /// Warnings of the source, in its words.
    pub warnings: Arc<[Text]>,
}

/// A curve. Gaps are `None`, and are drawn as gaps.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// First point's time.
    pub start: Timestamp,
    /// Seconds between points.
    pub step_seconds: u32,
    /// The values.
    pub points: Arc<[Option<Finite>]>,
}

impl Series {
    /// The time of a point.
    #[must_use]
    pub fn time(&self, index: usize) -> Timestamp {
        let seconds =
            i64::from(self.step_seconds).saturating_mul(i64::try_from(index).unwrap_or(i64::MAX));
        self.start.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
    }
}

/// Curves of one metric per revision.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Which metric.
    pub kind: MetricKind,
    /// The canary's curve, or why there is none.
    pub canary: Result<Series, NoData>,
    /// Stable's.
    pub stable: Result<Series, NoData>,
}

/// The answer to "how did they compare since".
#[derive(Clone, Debug, PartialEq)]
pub struct Charts {
    /// One per metric.
    pub charts: Arc<[Chart]>,
    /// Where it came from.
    pub source: Text,
    /// Warnings of the source.
    pub warnings: Arc<[Text]>,
}

/// A comparison and when it reached us.
pub type SeenComparison = Observed<Comparison>;
