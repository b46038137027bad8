//! What is asked of a Prometheus: one question per metric, and one that tells whether the answers are of today.

use std::time::Duration;

use super::template::{Subject, Template};
use crate::domain::metric::MetricKind;

/// Everything that is asked about one revision.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryTemplates {
    /// Share of requests that fail, 0 to 1.
    pub error_ratio: Template,
    /// The 99th percentile of the latency, in seconds.
    pub latency_p99: Template,
    /// Requests per second.
    pub request_rate: Template,
    /// When the newest sample was taken, and how dense samples are: see [`NEWEST_SAMPLE`].
    pub newest_sample: Template,
    /// Over how much time rates are taken.
    pub window: Duration,
}

/// Rates are taken over this much time unless the config says otherwise: at least four scrapes where they come every
/// 15 s, and short enough to see a canary go bad within a step.
pub const WINDOW: Duration = Duration::from_mins(1);

/// One metric of the pods of a revision over the window, whichever label names the revision. A series that has several
/// of these labels is counted once: `or` leaves out what is on its left already.
macro_rules! of_revision {
    ($before:literal, $metric:literal, $labels:literal, $after:literal) => {
        concat!(
            $before,
            $metric,
            r#"{namespace="{{namespace}}",rollouts_pod_template_hash="{{hash}}""#,
            $labels,
            "}",
            $after,
            "\n    or ",
            $before,
            $metric,
            r#"{namespace="{{namespace}}",pod_template_hash="{{hash}}""#,
            $labels,
            "}",
            $after,
            "\n    or ",
            $before,
            $metric,
            r#"{namespace="{{namespace}}",pod=~"{{name}}-{{hash}}-[a-z0-9]+""#,
            $labels,
            "}",
            $after,
        )
    };
}

macro_rules! requests {
    ($labels:literal) => {
        concat!(
            "sum(\n    ",
            of_revision!("rate(", "http_requests_total", $labels, "[{{window}}])"),
            "\n  )"
        )
    };
}

/// Requests per second.
pub const REQUEST_RATE: &str = requests!("");

/// Share of requests that fail. Where there was traffic and no series of errors it is really 0; without traffic it is
/// 0/0, which is no number; without any series it is nothing.
pub const ERROR_RATIO: &str = concat!(
    "(\n  ",
    requests!(r#",code=~"5..""#),
    "\n  or 0 * ",
    requests!(""),
    "\n) / ",
    requests!("")
);

/// The 99th percentile of the latency, in seconds.
pub const LATENCY_P99: &str = concat!(
    "histogram_quantile(0.99, sum by (le) (\n    ",
    of_revision!("rate(", "http_request_duration_seconds_bucket", "", "[{{window}}])"),
    "\n  )\n)"
);

/// Up to two values, told apart by the label `is`: `newest`, the time of the newest sample in Unix seconds, and
/// `samples`, how many samples the longest series has in [`DENSITY_SPAN`]. Together they tell whether the newest sample
/// is older than two scrapes. A query that answers nothing switches this off; so does one value without the other,
/// as far as it can.
pub const NEWEST_SAMPLE: &str = concat!(
    // `timestamp` of anything but a plain selector is the time of the evaluation, so it stands inside of `or`.
    "label_replace(max(\n    ",
    of_revision!("timestamp(", "http_requests_total", "", ")"),
    "\n  ), \"is\", \"newest\", \"\", \"\")\nor label_replace(max(\n    ",
    of_revision!("count_over_time(", "http_requests_total", "", "[5m])"),
    "\n  ), \"is\", \"samples\", \"\", \"\")"
);

/// The span of `samples` in [`NEWEST_SAMPLE`].
pub const DENSITY_SPAN: Duration = Duration::from_mins(5);

impl QueryTemplates {
    /// The question for a metric of one revision.
    #[must_use]
    pub fn question(&self, kind: MetricKind, of: Subject<'_>, window: Duration) -> String {
        self.template(kind).fill(of, window)
    }

    const fn template(&self, kind: MetricKind) -> &Template {
        match kind {
            MetricKind::ErrorRatio => &self.error_ratio,
            MetricKind::LatencyP99 => &self.latency_p99,
            MetricKind::RequestRate => &self.request_rate,
        }
    }
}

impl Default for QueryTemplates {
    fn default() -> Self {
        Self {
            error_ratio: built_in(ERROR_RATIO),
            latency_p99: built_in(LATENCY_P99),
            request_rate: built_in(REQUEST_RATE),
            newest_sample: built_in(NEWEST_SAMPLE),
            window: WINDOW,
        }
    }
}

/// A template of ours. A test reads them all, so the empty one is never used.
fn built_in(text: &str) -> Template {
    Template::parse(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_templates_are_promql_with_all_their_places() {
        let subject = Subject { namespace: "shop", name: "web", hash: "5f9c" };
        for text in [ERROR_RATIO, LATENCY_P99, REQUEST_RATE, NEWEST_SAMPLE] {
            let template = Template::parse(text).unwrap();
            let question = template.fill(subject, WINDOW);
            let parsed = promql_parser::parser::parse(&question);
            assert!(parsed.is_ok(), "{parsed:?}\n{question}");
            assert!(!question.contains("{{"), "{question}");
        }
        assert_eq!(QueryTemplates::default().error_ratio, Template::parse(ERROR_RATIO).unwrap());
    }

    #[test]
    fn the_question_for_the_rate_reads_as_a_person_would_write_it() {
        let subject = Subject { namespace: "shop", name: "web", hash: "5f9c" };
        let question = QueryTemplates::default().question(MetricKind::RequestRate, subject, WINDOW);
        insta::assert_snapshot!(question, @r#"
        sum(
            rate(http_requests_total{namespace="shop",rollouts_pod_template_hash="5f9c"}[60s])
            or rate(http_requests_total{namespace="shop",pod_template_hash="5f9c"}[60s])
            or rate(http_requests_total{namespace="shop",pod=~"web-5f9c-[a-z0-9]+"}[60s])
          )
        "#);
    }
}
