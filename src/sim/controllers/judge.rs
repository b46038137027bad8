//! When a metric has passed, failed, or cannot be told.

use serde_json::Value;

use super::analysis::count_of;
use super::argo_conditions::is_over;
use super::read;

/// Phases from best to worst.
const ORDER: [&str; 6] = ["Successful", "Running", "Pending", "Inconclusive", "Error", "Failed"];

/// Whether a phase is worse than another.
pub(super) fn is_worse(than: &str, phase: &str) -> bool {
    let place = |phase: &str| ORDER.iter().position(|it| *it == phase).unwrap_or(0);
    place(phase) > place(than)
}

fn limit(metric: &Value, field: &str) -> Option<i64> {
    let value = metric.get(field)?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// What the counts of a metric say against it, and why.
pub(super) fn measured(metric: &Value, result: &Value) -> (Option<&'static str>, Option<String>) {
    let count = |field: &str| read::count(result, &format!("/{field}"));
    let (mut phase, mut why) = (None, None);
    let failures = limit(metric, "failureLimit").unwrap_or(0);
    if failures >= 0 && count("failed") > failures {
        phase = Some("Failed");
        why = Some(format!("failed ({}) > failureLimit ({failures})", count("failed")));
    }
    let unclear = limit(metric, "inconclusiveLimit").unwrap_or(0);
    if count("inconclusive") > unclear {
        phase = Some("Inconclusive");
        let found = count("inconclusive");
        why = Some(format!("inconclusive ({found}) > inconclusiveLimit ({unclear})"));
    }
    let errors = limit(metric, "consecutiveErrorLimit").unwrap_or(4);
    if count("consecutiveError") > errors {
        phase = Some("Error");
        let found = count("consecutiveError");
        why = Some(format!("consecutiveErrors ({found}) > consecutiveErrorLimit ({errors})"));
    }
    (phase, why)
}

/// Whether a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// It does.
    Open,
    /// It is to end.
    Ending,
}

/// The phase of a metric.
pub(super) fn assess(metric: &Value, result: &Value, course: Course) -> &'static str {
    let ending = course == Course::Ending;
    let now = read::text(result, "/phase");
    if is_over(now) {
        return ORDER.into_iter().find(|it| *it == now).unwrap_or("Error");
    }
    let Some(last) = read::list(result, "/measurements").last() else {
        return if ending { "Successful" } else { "Pending" };
    };
    if !is_over(read::text(last, "/phase")) {
        return "Running";
    }
    if let (Some(phase), _) = measured(metric, result) {
        return phase;
    }
    let wanted = limit(metric, "consecutiveSuccessLimit").filter(|limit| *limit > 0);
    if wanted.is_some_and(|wanted| read::count(result, "/consecutiveSuccess") >= wanted) {
        return "Successful";
    }
    let counts_failures = limit(metric, "failureLimit").is_none_or(|limit| limit >= 0);
    if count_of(metric).is_some_and(|count| read::count(result, "/count") >= count) {
        return match (wanted, counts_failures) {
            (Some(_), true) => "Inconclusive",
            (Some(_), false) => "Failed",
            (None, _) => "Successful",
        };
    }
    if ending { "Successful" } else { "Running" }
}

/// The sentence on a run about the metric that decided it.
pub(super) fn describe(metric: &str, phase: &str, why: &str, error: &str) -> String {
    let told = format!("Metric \"{metric}\" assessed {phase} due to {why}");
    if error.is_empty() { told } else { format!("{told}: \"Error Message: {error}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[expect(clippy::needless_pass_by_value, reason = "the callers make it in place")]
    fn after(metric: Value, counts: Value) -> &'static str {
        let mut result = counts;
        result["phase"] = "Running".into();
        result["measurements"] = json!([{"phase": "Successful"}]);
        assess(&metric, &result, Course::Open)
    }

    #[test]
    fn a_metric_is_judged_by_its_limits_and_its_count() {
        for (metric, counts, phase) in [
            (json!({"count": 3}), json!({"count": 2, "successful": 2}), "Running"),
            (json!({"count": 3}), json!({"count": 3, "successful": 3}), "Successful"),
            (json!({"count": 3}), json!({"count": 1, "failed": 1}), "Failed"),
            (json!({"count": 3, "failureLimit": 1}), json!({"count": 1, "failed": 1}), "Running"),
            (
                json!({"failureLimit": -1, "count": 1}),
                json!({"count": 1, "failed": 1}),
                "Successful",
            ),
            (json!({"count": 3}), json!({"count": 1, "inconclusive": 1}), "Inconclusive"),
            (json!({}), json!({"error": 4, "consecutiveError": 4}), "Running"),
            (json!({}), json!({"error": 5, "consecutiveError": 5}), "Error"),
            (json!({"interval": "5s"}), json!({"count": 99, "successful": 99}), "Running"),
            (
                json!({"interval": "5s", "consecutiveSuccessLimit": 3}),
                json!({"count": 3, "consecutiveSuccess": 3}),
                "Successful",
            ),
            (
                json!({"count": 3, "consecutiveSuccessLimit": 3}),
                json!({"count": 3, "consecutiveSuccess": 1}),
                "Inconclusive",
            ),
            (
                json!({"count": 3, "consecutiveSuccessLimit": 3, "failureLimit": -1}),
                json!({"count": 3, "consecutiveSuccess": 1}),
                "Failed",
            ),
        ] {
            assert_eq!(after(metric.clone(), counts.clone()), phase, "{metric} {counts}");
        }
    }

    #[test]
    fn a_run_that_is_terminated_passes_what_has_not_failed() {
        let result = json!({"phase": "Running", "measurements": [{"phase": "Successful"}]});
        assert_eq!(assess(&json!({"interval": "5s"}), &result, Course::Ending), "Successful");
        assert_eq!(assess(&json!({}), &json!({"phase": "Running"}), Course::Ending), "Successful");
    }
}
