//! `AuditTrail` and `AuditVerification`: the file of deeds, told and judged.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::fleet::API_VERSION;
use super::order::Target;
use crate::backends::audit_read::{Proof, Row, SegmentReport, Verification};
use crate::domain::text::Text;

/// All records, in the order of time.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditTrail {
    /// `pilothouse.dev/v1`.
    pub api_version: String,
    /// `AuditTrail`.
    pub kind: String,
    /// The records.
    pub records: Vec<AuditRecord>,
}

/// One record, with what other records tell of its order and of its process.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecord {
    /// When it was made; RFC 3339.
    pub at: Option<String>,
    /// `header`, `intent`, `attempt`, `outcome` or `note`.
    pub entry: String,
    /// The order's name; null in a header.
    pub order: Option<String>,
    /// Who, as the API server says.
    pub identity: Option<String>,
    /// Who, where and from where, as the operating system says.
    pub session: Session,
    /// The deed, from the order's intent.
    pub deed: Option<String>,
    /// The workload, from the order's intent.
    pub target: Option<Target>,
    /// What the record says, in one sentence.
    pub what: String,
    /// Where it stands.
    pub place: Place,
    /// All fields of the record.
    pub fields: Value,
}

/// The process that wrote a record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// The user of the operating system.
    pub os_user: Option<String>,
    /// The host.
    pub host: Option<String>,
    /// `SSH_CONNECTION`.
    pub ssh_from: Option<String>,
    /// The process.
    pub pid: Option<u64>,
}

/// Where a record stands.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Place {
    /// The file.
    pub segment: String,
    /// Its number there.
    pub seq: u64,
    /// False after a fault of the chain: it may be true.
    pub proven: bool,
}

/// The folder, judged.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditVerification {
    /// `pilothouse.dev/v1`.
    pub api_version: String,
    /// `AuditVerification`.
    pub kind: String,
    /// True when nothing was changed, taken out or moved.
    pub sound: bool,
    /// Each file.
    pub segments: Vec<Segment>,
    /// Files that others name and that are not there.
    pub missing: Vec<String>,
    /// Orders whose marks are in a cluster and of which no intent is recorded.
    pub unrecorded: Vec<String>,
}

/// One file, judged.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Segment {
    /// Its name.
    pub name: String,
    /// Records that the chain proves.
    pub records: u64,
    /// Number of the last record for which another file or a cluster vouches; null: none does.
    pub vouched_to: Option<u64>,
    /// Length of a last record that is not whole: it was being written when the process or the machine died.
    pub torn_bytes: u64,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Fault {
    /// The line, from 1; 0: the file as a whole.
    pub line: u64,
    /// What is wrong.
    pub what: String,
}

impl AuditTrail {
    /// The document of these records.
    #[must_use]
    pub fn of(rows: &[Row]) -> Self {
        let mut sessions = BTreeMap::new();
        let mut intents = BTreeMap::new();
        for row in rows {
            match word(&row.fields, "kind").as_deref() {
                Some("header") => {
                    sessions.insert(row.segment.clone(), session(&row.fields));
                }
                Some("intent") => {
                    let deed = word(&row.fields, "deed");
                    let known = (deed, target(&row.fields));
                    intents.insert(word(&row.fields, "order"), known);
                }
                Some(_) | None => {}
            }
        }
        let record = |row: &Row| {
            let order = word(&row.fields, "order");
            // What was refused has no intent, and says itself what it was.
            let own = || (word(&row.fields, "deed"), target(&row.fields));
            let (deed, target) = intents.get(&order).cloned().unwrap_or_else(own);
            AuditRecord {
                at: word(&row.fields, "at"),
                entry: word(&row.fields, "kind").unwrap_or_default(),
                identity: word(&row.fields, "identity"),
                session: sessions.get(&row.segment).cloned().unwrap_or_default(),
                what: what(&row.fields),
                place: Place {
                    segment: row.segment.to_string(),
                    seq: row.seq,
                    proven: row.proof == Proof::Chained,
                },
                fields: Value::Object(row.fields.clone()),
                order,
                deed,
                target,
            }
        };
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "AuditTrail".to_owned(),
            records: rows.iter().map(record).collect(),
        }
    }
}

impl AuditVerification {
    /// The document of this judgement.
    #[must_use]
    pub fn of(verification: &Verification) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "AuditVerification".to_owned(),
            sound: verification.is_sound(),
            segments: verification.segments.iter().map(segment).collect(),
            missing: verification.missing.iter().map(ToString::to_string).collect(),
            unrecorded: verification.unrecorded.iter().map(ToString::to_string).collect(),
        }
    }
}

fn segment(report: &SegmentReport) -> Segment {
    let fault = |fault: &crate::backends::audit_read::Fault| Fault {
        line: fault.line,
        what: fault.what.to_string(),
    };
    Segment {
        name: report.name.to_string(),
        records: report.records,
        vouched_to: report.vouched_to,
        torn_bytes: report.torn_bytes,
        faults: report.faults.iter().map(fault).collect(),
    }
}

/// A word of a record. It comes from a file that anybody may have written to, so it is cleaned.
fn word(fields: &Map<String, Value>, key: &str) -> Option<String> {
    let raw = fields.get(key)?.as_str()?;
    Some(Text::clean(raw).to_string())
}

fn session(header: &Map<String, Value>) -> Session {
    Session {
        os_user: word(header, "osUser"),
        host: word(header, "host"),
        ssh_from: word(header, "sshFrom"),
        pid: header.get("pid").and_then(Value::as_u64),
    }
}

fn target(intent: &Map<String, Value>) -> Option<Target> {
    let fields = intent.get("target")?.as_object()?;
    Some(Target {
        cluster: word(fields, "cluster")?,
        namespace: word(fields, "namespace")?,
        kind: word(fields, "kind")?,
        name: word(fields, "name")?,
        uid: word(intent, "uid"),
    })
}

/// What a record says, in one sentence.
fn what(fields: &Map<String, Value>) -> String {
    let or_none = |key: &str| word(fields, key).unwrap_or_default();
    match or_none("kind").as_str() {
        "header" => format!("{} begins a file", or_none("program")),
        "intent" => match word(fields, "reason").filter(|reason| !reason.trim().is_empty()) {
            Some(reason) => format!("{} ({reason})", or_none("change")),
            None => or_none("change"),
        },
        "attempt" => attempt(fields),
        "outcome" => outcome(fields),
        "note" => or_none("text"),
        _ => "a record of another version".to_owned(),
    }
}

fn attempt(fields: &Map<String, Value>) -> String {
    let write = fields.get("write").and_then(Value::as_u64).unwrap_or_default() + 1;
    let said = match (word(fields, "answer"), word(fields, "why")) {
        (Some(answer), Some(why)) => format!("{answer}: {why}"),
        (Some(answer), None) => answer,
        (None, _) => "an answer of another version".to_owned(),
    };
    format!("write {write}: {said}")
}

fn outcome(fields: &Map<String, Value>) -> String {
    let refusals = fields.get("refusals").and_then(Value::as_array).into_iter().flatten();
    let refused: Vec<String> =
        refusals.filter_map(|refusal| word(refusal.as_object()?, "why")).collect();
    let message = word(fields, "message").or((!refused.is_empty()).then(|| refused.join("; ")));
    let name = word(fields, "outcome").unwrap_or_default();
    message.map_or(name.clone(), |message| format!("{name}: {message}"))
}
