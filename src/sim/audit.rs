//! The API server's own witness: every write that reached it, whoever sent it and however it ended.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde_json::{Value, json};

/// Writes remembered. A test counts a few, an evening of playing makes hundreds; beyond, the oldest
/// go.
pub const AUDIT_MAX: usize = 4_096;

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// The id that its answer carried in `Audit-Id`.
    pub id: String,
    /// When it came.
    pub at: Timestamp,
    /// `patch`, `create` …
    pub verb: String,
    /// The path with the query.
    pub uri: String,
    /// Who sent it, as `userInfo`.
    pub user: Value,
    /// The program that sent it.
    pub agent: String,
    /// `resource`, `namespace`, `name`, `apiGroup`, `subresource` …
    pub object: Value,
    /// The body as sent; null where it was no JSON.
    pub body: Value,
    /// The HTTP status it was answered with, or would have been.
    pub code: u16,
}

/// All writes so far, up to [`AUDIT_MAX`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Audit {
    writes: VecDeque<Write>,
    ids: u64,
}

impl Audit {
    /// The next id. It has the form of a uid and is different for every request.
    pub fn next_id(&mut self) -> String {
        self.ids += 1;
        format!("00000000-0000-4000-8000-{:012x}", self.ids)
    }

    /// Remembers a write.
    pub fn note(&mut self, write: Write) {
        if self.writes.len() == AUDIT_MAX {
            self.writes.pop_front();
        }
        self.writes.push_back(write);
    }

    /// The writes, oldest first.
    #[must_use]
    pub fn writes(&self) -> impl DoubleEndedIterator<Item = &Write> {
        self.writes.iter()
    }

    /// The trail as JSON lines, in the form of `audit.k8s.io/v1`.
    #[must_use]
    pub fn to_lines(&self) -> String {
        let mut lines = String::new();
        for write in &self.writes {
            lines.push_str(&write.to_value().to_string());
            lines.push('\n');
        }
        lines
    }
}

impl Write {
    /// True if nothing was to be written: `dryRun` was asked for.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.uri.split(['?', '&']).any(|pair| pair.starts_with("dryRun="))
    }

    /// The record in the form of `audit.k8s.io/v1`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let at = self.at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        let mut record = json!({
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": "Request",
            "auditID": self.id,
            "stage": "ResponseComplete",
            "requestURI": self.uri,
            "verb": self.verb,
            "user": self.user,
            "sourceIPs": ["127.0.0.1"],
            "userAgent": self.agent,
            "objectRef": self.object,
            "responseStatus": {"metadata": {}, "code": self.code},
            "requestReceivedTimestamp": at,
            "stageTimestamp": at,
        });
        if !self.body.is_null() {
            record["requestObject"] = self.body.clone();
        }
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(uri: &str) -> Write {
        Write {
            id: "1".into(),
            at: "2026-01-01T00:00:00Z".parse().unwrap(),
            verb: "patch".into(),
            uri: uri.into(),
            user: json!({"username": "admin"}),
            agent: "pilothouse/0.1.0".into(),
            object: json!({"resource": "rollouts"}),
            body: json!({"spec": {"paused": true}}),
            code: 200,
        }
    }

    #[test]
    fn a_line_is_an_audit_event() {
        let mut audit = Audit::default();
        audit.note(write("/apis?dryRun=All&fieldManager=x"));
        let line: Value = serde_json::from_str(audit.to_lines().trim()).unwrap();
        assert_eq!(line["requestObject"]["spec"]["paused"], true);
        assert_eq!(line["responseStatus"]["code"], 200);
        assert_eq!(line["requestReceivedTimestamp"], "2026-01-01T00:00:00.000000Z");
        assert!(audit.writes().next().unwrap().is_dry_run());
        assert!(!write("/apis?fieldManager=dryRun").is_dry_run());
    }

    #[test]
    fn the_trail_is_bounded_and_ids_differ() {
        let mut audit = Audit::default();
        assert_ne!(audit.next_id(), audit.next_id());
        for _ in 0..=AUDIT_MAX {
            audit.note(write("/"));
        }
        assert_eq!(audit.writes().count(), AUDIT_MAX);
    }
}
