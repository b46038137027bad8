//! One measurement of a metric.

use serde_json::Value;

use super::bench::Bench;
use super::expression::{Outcome, evaluate};
use super::read;
use crate::sim::promql::query::Query;
use crate::sim::promql::text::json_number;
use crate::sim::promql::value::Value as Answer;

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Measured {
    pub(super) phase: &'static str,
    pub(super) value: String,
    pub(super) message: String,
}

impl Measured {
    fn error(message: impl Into<String>) -> Self {
        Self { phase: "Error", value: String::new(), message: message.into() }
    }
}

/// Measures a metric now.
pub(super) fn measure(bench: &mut Bench<'_>, metric: &Value) -> Measured {
    let Some(provider) = metric.get("provider").and_then(Value::as_object) else {
        return Measured::error("no valid provider in metric");
    };
    let Some(prometheus) = provider.get("prometheus") else {
        return other(provider.keys().next().map_or("", String::as_str), metric);
    };
    let query = match Query::parse(read::text(prometheus, "/query")) {
        Ok(query) => query,
        Err(error) => return Measured::error(format!("bad_data: {error}")),
    };
    let answer = match query.instant(&*bench.traffic, bench.store.now().as_millisecond()) {
        Ok(answer) => answer,
        Err(error) => return Measured::error(format!("execution: {error}")),
    };
    let (values, value) = match answer {
        Answer::Vector(vector) => {
            let values: Vec<f64> = vector.iter().map(|sample| sample.value).collect();
            let told: Vec<String> = values.iter().map(|value| json_number(*value)).collect();
            (Outcome::List(values), format!("[{}]", told.join(",")))
        }
        Answer::Scalar(value) => (Outcome::Number(value), json_number(value)),
        Answer::Matrix(_) | Answer::Text(_) => {
            return Measured::error("Prometheus metric type not supported");
        }
    };
    judge(metric, &values, value)
}

/// Providers that reach out of the world have nothing to reach.
fn other(provider: &str, metric: &Value) -> Measured {
    match provider {
        // A job that runs to its end says all there is to say.
        "job" => Measured { phase: "Successful", value: String::new(), message: String::new() },
        "web" => judge(metric, &Outcome::Number(1.0), "1".to_owned()),
        other => Measured::error(format!("provider {other} cannot be reached from this cluster")),
    }
}

/// Holds a value against the conditions of a metric.
fn judge(metric: &Value, outcome: &Outcome, value: String) -> Measured {
    let (success, failure) =
        (read::text(metric, "/successCondition"), read::text(metric, "/failureCondition"));
    let mut held = [None, None];
    for (index, (field, condition)) in
        [("successCondition", success), ("failureCondition", failure)].into_iter().enumerate()
    {
        if condition.is_empty() {
            continue;
        }
        match evaluate(condition, outcome) {
            Ok(holds) => held[index] = Some(holds),
            Err(error) => {
                let why = if outcome.is_empty() {
                    "metric result is nil or empty: no data returned from the metric provider"
                        .to_owned()
                } else {
                    error
                };
                let message = format!("could not evaluate {field} \"{condition}\": {why}");
                return Measured::error(message);
            }
        }
    }
    let phase = match held {
        [None | Some(true), None | Some(false)] => "Successful",
        [Some(false), None] | [_, Some(true)] => "Failed",
        [Some(false), Some(false)] => "Inconclusive",
    };
    Measured { phase, value, message: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn phase(success: &str, failure: &str, value: f64) -> &'static str {
        let metric = json!({"successCondition": success, "failureCondition": failure});
        judge(&metric, &Outcome::List(vec![value]), String::new()).phase
    }

    #[test]
    fn between_success_and_failure_nothing_can_be_told() {
        for (success, failure, value, expected) in [
            ("", "", 9.0, "Successful"),
            ("result[0] < 1", "", 0.5, "Successful"),
            ("result[0] < 1", "", 1.5, "Failed"),
            ("", "result[0] > 1", 0.5, "Successful"),
            ("", "result[0] > 1", 1.5, "Failed"),
            ("result[0] < 1", "result[0] > 2", 0.5, "Successful"),
            ("result[0] < 1", "result[0] > 2", 1.5, "Inconclusive"),
            ("result[0] < 1", "result[0] > 2", 2.5, "Failed"),
        ] {
            assert_eq!(phase(success, failure, value), expected, "{success} {failure} {value}");
        }
    }

    #[test]
    fn an_empty_answer_that_is_not_foreseen_is_an_error() {
        let metric = json!({"successCondition": "result[0] < 1"});
        let found = judge(&metric, &Outcome::List(Vec::new()), "[]".to_owned());
        assert_eq!(found.phase, "Error");
        assert!(found.message.contains("no data returned"), "{}", found.message);
    }
}
