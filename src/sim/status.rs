//! `Status`: what the API server says instead of an object.

use serde_json::{Map, Value, json};

use super::kind::Kind;

/// A refusal or a note in the API server's form.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The HTTP status.
    pub code: u16,
    /// The word for programs: `NotFound`; empty where the server gives none.
    pub reason: &'static str,
    /// The sentence for people.
    pub message: String,
    /// `details`: name, group, kind, causes …; absent where the server gives none.
    pub details: Option<Box<Value>>,
    /// `metadata.continue`: an expired list may go on with it.
    pub token: Option<String>,
    /// Seconds in a `Retry-After` header.
    pub retry_after: Option<u32>,
}

impl Status {
    /// With a code, a reason and a sentence, and no details.
    #[must_use]
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, reason, message, details: None, token: None, retry_after: None }
    }

    /// The same with details.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    /// 404 for an object.
    #[must_use]
    pub fn not_found(kind: Kind, name: &str) -> Self {
        let facts = kind.facts();
        let message = format!("{} \"{name}\" not found", facts.qualified(facts.plural));
        Self::new(404, "NotFound", message).with_details(about(kind, facts.plural, name))
    }

    /// 404 for an address that nobody serves.
    #[must_use]
    pub fn no_such_resource() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
            .with_details(json!({}))
    }

    /// 409 on creating what exists.
    #[must_use]
    pub fn already_exists(kind: Kind, name: &str) -> Self {
        let facts = kind.facts();
        let message = format!("{} \"{name}\" already exists", facts.qualified(facts.plural));
        Self::new(409, "AlreadyExists", message).with_details(about(kind, facts.plural, name))
    }

    /// 409 because somebody was faster.
    #[must_use]
    pub fn conflict(kind: Kind, name: &str, why: &str) -> Self {
        let facts = kind.facts();
        let qualified = facts.qualified(facts.plural);
        let message = format!("Operation cannot be fulfilled on {qualified} \"{name}\": {why}");
        Self::new(409, "Conflict", message).with_details(about(kind, facts.plural, name))
    }

    /// 422 with the causes, each a field, a reason and a sentence.
    #[must_use]
    pub fn invalid(kind: Kind, name: &str, causes: &[Cause]) -> Self {
        invalid(kind, kind.facts().kind, name, causes)
    }

    /// The same, told of the resource instead of the kind.
    #[must_use]
    pub fn invalid_resource(kind: Kind, name: &str, cause: &Cause) -> Self {
        invalid(kind, kind.facts().plural, name, std::slice::from_ref(cause))
    }

    /// 422 without a word of explanation, as for a JSON patch that cannot be applied.
    #[must_use]
    pub fn unprocessable() -> Self {
        let message = "the server rejected our request due to an error in our request";
        Self::new(422, "Invalid", message).with_details(json!({}))
    }

    /// 400.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 500.
    #[must_use]
    pub fn internal(message: &str) -> Self {
        Self::new(500, "InternalError", format!("Internal error occurred: {message}"))
            .with_details(json!({"causes": [{"message": message}]}))
    }

    /// The object as it goes over the wire.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut status = Map::new();
        status.insert("kind".into(), "Status".into());
        status.insert("apiVersion".into(), "v1".into());
        let token = self.token.as_ref();
        let metadata = token.map_or_else(|| json!({}), |token| json!({"continue": token}));
        status.insert("metadata".into(), metadata);
        let word = if self.code < 400 { "Success" } else { "Failure" };
        status.insert("status".into(), word.into());
        if !self.message.is_empty() {
            status.insert("message".into(), self.message.clone().into());
        }
        if !self.reason.is_empty() {
            status.insert("reason".into(), self.reason.into());
        }
        if let Some(details) = &self.details {
            status.insert("details".into(), Value::clone(details));
        }
        if self.code >= 400 {
            status.insert("code".into(), self.code.into());
        }
        Value::Object(status)
    }
}

/// One reason why an object is invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// `FieldValueInvalid` …
    pub reason: &'static str,
    /// `Invalid value: …`.
    pub message: String,
    /// `status.abort`.
    pub field: String,
}

fn invalid(kind: Kind, word: &str, name: &str, causes: &[Cause]) -> Status {
    let mut told: Vec<String> =
        causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
    // What two layers of the server find is told once, though both causes are listed.
    told.dedup();
    let told = match told.as_slice() {
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    };
    let message = format!("{} \"{name}\" is invalid: {told}", kind.facts().qualified(word));
    let mut details = about(kind, word, name);
    let written = |cause: &Cause| {
        let (reason, message, field) = (cause.reason, &cause.message, &cause.field);
        json!({"reason": reason, "message": message, "field": field})
    };
    details["causes"] = causes.iter().map(written).collect();
    Status::new(422, "Invalid", message).with_details(details)
}

fn about(kind: Kind, word: &str, name: &str) -> Value {
    let facts = kind.facts();
    let mut details = Map::new();
    if !name.is_empty() {
        details.insert("name".into(), name.into());
    }
    if !facts.group.is_empty() {
        details.insert("group".into(), facts.group.into());
    }
    details.insert("kind".into(), word.into());
    Value::Object(details)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_rollout_is_told_as_the_api_server_tells_it() {
        assert_eq!(
            Status::not_found(Kind::Rollout, "web").to_value(),
            json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": "rollouts.argoproj.io \"web\" not found", "reason": "NotFound",
                "details": {"name": "web", "group": "argoproj.io", "kind": "rollouts"},
                "code": 404,
            })
        );
    }

    #[test]
    fn several_causes_stand_in_brackets() {
        let cause = |field: &str| Cause {
            reason: "FieldValueInvalid",
            message: "Invalid value: 1".into(),
            field: field.into(),
        };
        let status = Status::invalid(Kind::Pod, "web", &[cause("a"), cause("b")]);
        let expected = "Pod \"web\" is invalid: [a: Invalid value: 1, b: Invalid value: 1]";
        assert_eq!(status.message, expected);
    }
}
