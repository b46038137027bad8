//! Records of deeds as JSON, as they stand in the audit file. No secrets: pod templates and annotations, which may hold
//! some, are told by their digest; the server's words are cut where they begin to quote an object.

use serde_json::{Map, Value, json};

use super::audit_chain::digest;
use crate::control::audit::{AuditEntry, AuditRecord};
use crate::control::check::Refusal;
use crate::control::order::{Attempt, AttemptAnswer, Outcome};
use crate::control::plan::{PatchFormat, Plan, ResolvedWrite, Subresource};
use crate::domain::feed::Trouble;
use crate::domain::ids::ResourceVersion;
use crate::domain::text::Text;

/// Version of the record's form.
pub(super) const VERSION: u64 = 1;

/// Longest text kept in a record, in bytes.
const TEXT_BYTES_MAX: usize = 1_024;

/// Longest body of one patch kept, in bytes.
const BODY_BYTES_MAX: usize = 2_048;

/// Most entries of a list kept.
const ENTRIES_MAX: usize = 8;

/// The fields of a record; number, chain and hash come from the file.
pub(super) fn fields(record: &AuditRecord) -> Map<String, Value> {
    let mut fields = match &record.entry {
        AuditEntry::Intent { plan, writes, evidence, overrides, shown } => {
            let mut fields = intent(plan, writes);
            fields.insert("evidence".to_owned(), text(evidence));
            let pairs = overrides.iter().take(ENTRIES_MAX);
            let pairs = pairs.map(|(check, why)| json!({"check": text(check), "why": text(why)}));
            fields.insert("overrides".to_owned(), pairs.collect());
            fields.insert("shown".to_owned(), shown.iter().take(ENTRIES_MAX).map(text).collect());
            fields
        }
        AuditEntry::Attempt(made) => attempt(made),
        AuditEntry::Outcome(outcome) => outcome_fields(outcome),
        AuditEntry::Declined { plan, outcome } => {
            let mut fields = subject(plan);
            fields.extend(outcome_fields(outcome));
            fields
        }
        AuditEntry::Note(words) => object(json!({"kind": "note", "text": text(words)})),
    };
    fields.insert("v".to_owned(), VERSION.into());
    fields.insert("order".to_owned(), record.order.as_str().into());
    fields.insert("at".to_owned(), record.at.to_string().into());
    fields.insert("identity".to_owned(), record.identity.as_ref().map(text).into());
    fields
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}

/// Which deed on what, and why.
fn subject(plan: &Plan) -> Map<String, Value> {
    let target = &plan.target;
    object(json!({
        "deed": plan.action.name(),
        "target": {
            "cluster": target.cluster.as_str(),
            "namespace": target.namespace.as_str(),
            "kind": target.kind.name(),
            "name": target.name.as_str(),
        },
        "uid": plan.footing.uid.as_str(),
        "reason": text(&plan.reason),
    }))
}

fn intent(plan: &Plan, writes: &[ResolvedWrite]) -> Map<String, Value> {
    let mut fields = subject(plan);
    fields.extend(object(json!({
        "kind": "intent",
        "planned": plan.writes.len(),
        "generation": plan.footing.generation.0,
        "change": text(&plan.change),
        "effect": text(&plan.prediction.effect),
        "writes": writes.iter().take(ENTRIES_MAX).map(write).collect::<Value>(),
    })));
    fields
}

fn write(write: &ResolvedWrite) -> Value {
    let kind = write.object.kind.name();
    json!({
        "kind": kind,
        "name": write.object.name.as_str(),
        "subresource": write.subresource.map(|sub| match sub {
            Subresource::Status => "status",
        }),
        "request": match &write.format {
            PatchFormat::Call(call) => Some(call.request()),
            PatchFormat::Merge | PatchFormat::Json | PatchFormat::Strategic | PatchFormat::Delete => None,
        },
        "format": match &write.format {
            PatchFormat::Merge => "merge",
            PatchFormat::Json => "json",
            PatchFormat::Strategic => "strategic",
            PatchFormat::Delete => "delete",
            PatchFormat::Call(_) => "call",
        },
        "body": body(&write.body),
    })
}

/// The patch, with digests in the place of pod templates and annotations.
fn body(raw: &str) -> Value {
    let Ok(mut body) = serde_json::from_str::<Value>(raw) else {
        return json!({"sha256": digest(&Value::String(raw.to_owned()))});
    };
    for operation in body.as_array_mut().into_iter().flatten() {
        let path = operation.get("path").and_then(Value::as_str);
        let private = matches!(path, Some("/spec/template" | "/metadata/annotations"));
        if private && let Some(value) = operation.get_mut("value") {
            *value = json!({"sha256": digest(value)});
        }
    }
    // A template that comes from a ControllerRevision: replaced as a whole.
    if let Some(template) = body.pointer_mut("/spec/template")
        && template.get("$patch").is_some()
    {
        *template = json!({"sha256": digest(template)});
    }
    if body.to_string().len() > BODY_BYTES_MAX { json!({"sha256": digest(&body)}) } else { body }
}

fn attempt(attempt: &Attempt) -> Map<String, Value> {
    let mut fields = object(json!({
        "kind": "attempt",
        "write": attempt.write,
        "precondition": attempt.precondition.as_ref().map(ResourceVersion::as_str),
        "sentAt": attempt.sent_at.to_string(),
        "auditId": attempt.audit_id.as_ref().map(text),
    }));
    let answer = match &attempt.answer {
        AttemptAnswer::Accepted { version, generation, changed, warnings } => json!({
            "answer": "accepted",
            "version": version.as_str(),
            "generation": generation.map(|generation| generation.0),
            "changed": changed,
            "warnings": warnings.iter().take(ENTRIES_MAX).map(text).collect::<Value>(),
        }),
        AttemptAnswer::Conflict => json!({"answer": "conflict"}),
        AttemptAnswer::Rejected { code, why } => {
            json!({"answer": "rejected", "code": code, "why": text(why)})
        }
        AttemptAnswer::NoAnswer(why) => json!({"answer": "no-answer", "why": trouble(why)}),
        AttemptAnswer::NeverLeft(why) => json!({"answer": "never-left", "why": trouble(why)}),
    };
    fields.extend(object(answer));
    fields
}

fn outcome_fields(outcome: &Outcome) -> Map<String, Value> {
    let message = outcome.message().map(text);
    let refusals: &[Refusal] = match outcome {
        Outcome::Refused(refusals) => refusals,
        Outcome::Arrived
        | Outcome::Accepted
        | Outcome::Failed(_)
        | Outcome::Stalled(_)
        | Outcome::Superseded(_)
        | Outcome::Unknown(_)
        | Outcome::NotSent(_)
        | Outcome::HalfDone(_) => &[],
    };
    let refusals = refusals.iter().take(ENTRIES_MAX).map(|refusal| {
        json!({
            "check": refusal.check.name(),
            "why": text(&refusal.why),
            "remedy": text(&refusal.remedy),
        })
    });
    object(json!({
        "kind": "outcome",
        "outcome": outcome.name(),
        "message": message,
        "refusals": refusals.collect::<Value>(),
    }))
}

fn trouble(trouble: &Trouble) -> Value {
    text(&Text::clean(&trouble.to_string()))
}

/// A text within its limit. Where a server's sentence goes on to quote an object, it ends.
fn text(text: &Text) -> Value {
    let words = text.as_str();
    let words = match words.find("{\"") {
        Some(start) => format!("{}{{…}}", words.get(..start).unwrap_or_default()),
        None => words.to_owned(),
    };
    let kept = words.get(..words.floor_char_boundary(TEXT_BYTES_MAX)).unwrap_or_default();
    Value::String(kept.to_owned())
}
