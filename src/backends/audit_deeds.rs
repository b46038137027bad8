//! The deeds of the audit folder, one by one: what was sent, by whom, why, and how it ended. For the time axes; the record
//! itself is told by `audit show`.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde_json::{Map, Value};

use super::audit_read::{self, Proof, Row};
use crate::domain::ids::{ClusterName, Name, Namespace, OrderId, WorkloadKind, WorkloadRef};
use crate::domain::observed::Timestamp;
use crate::domain::past::{DEEDS_MAX, RecordedDeed};
use crate::domain::text::Text;

/// Reads the newest deeds, the oldest of them first. What was refused or given up before it was sent is none.
///
/// # Errors
/// The folder cannot be read.
pub fn newest(folder: &Path) -> io::Result<Vec<RecordedDeed>> {
    Ok(deeds(&audit_read::newest(folder, DEEDS_MAX)?))
}

fn deeds(rows: &[Row]) -> Vec<RecordedDeed> {
    let mut users: BTreeMap<&str, Text> = BTreeMap::new();
    let mut deeds: BTreeMap<String, RecordedDeed> = BTreeMap::new();
    for row in rows {
        let fields = &row.fields;
        let order = text(fields, "order").unwrap_or_default().to_string();
        match fields.get("kind").and_then(Value::as_str) {
            Some("header") => {
                users.extend(text(fields, "osUser").map(|user| (row.segment.as_str(), user)));
            }
            Some("intent") => {
                let user = users.get(row.segment.as_str());
                deeds.extend(intent(row, user).map(|deed| (order, deed)));
            }
            Some("outcome") => {
                if let Some(deed) = deeds.get_mut(&order) {
                    deed.outcome = at(fields).map(|at| (at, outcome(fields)));
                }
            }
            Some(_) | None => {}
        }
    }
    let mut deeds: Vec<RecordedDeed> = deeds.into_values().collect();
    deeds.sort_by(|one, two| (one.at, &one.order).cmp(&(two.at, &two.order)));
    deeds
}

fn intent(row: &Row, user: Option<&Text>) -> Option<RecordedDeed> {
    let fields = &row.fields;
    let target = fields.get("target")?.as_object()?;
    let word = |key: &str| target.get(key)?.as_str();
    let kind = WorkloadKind::ALL.into_iter().find(|kind| Some(kind.name()) == word("kind"))?;
    Some(RecordedDeed {
        order: OrderId::new(fields.get("order")?.as_str()?),
        target: WorkloadRef {
            cluster: ClusterName::new(word("cluster")?),
            namespace: Namespace::new(word("namespace")?),
            kind,
            name: Name::new(word("name")?),
        },
        deed: text(fields, "deed")?,
        reason: text(fields, "reason").unwrap_or_default(),
        by: text(fields, "identity").or_else(|| user.cloned()).unwrap_or_default(),
        at: at(fields)?,
        outcome: None,
        proven: row.proof == Proof::Chained,
    })
}

fn outcome(fields: &Map<String, Value>) -> Text {
    let name = text(fields, "outcome").unwrap_or_default();
    match text(fields, "message") {
        Some(message) => Text::clean(&format!("{name}: {message}")),
        None => name,
    }
}

/// A text of a record. It comes from a file that anybody may have written to, so it is cleaned.
fn text(fields: &Map<String, Value>, key: &str) -> Option<Text> {
    fields.get(key)?.as_str().map(Text::clean)
}

fn at(fields: &Map<String, Value>) -> Option<Timestamp> {
    fields.get("at")?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(fields: Value) -> Row {
        let Value::Object(fields) = fields else { panic!("an object") };
        Row { segment: Text::from("a.jsonl"), seq: 1, proof: Proof::Chained, fields }
    }

    fn rows() -> Vec<Row> {
        let target =
            json!({"cluster": "eu", "namespace": "shop", "kind": "Rollout", "name": "web"});
        [
            json!({"kind": "header", "osUser": "ada"}),
            json!({"kind": "intent", "order": "o-1", "at": "2026-01-01T12:00:00Z", "deed": "abort",
                "target": target, "reason": "errors\u{1b}[31m", "identity": null}),
            json!({"kind": "attempt", "order": "o-1", "at": "2026-01-01T12:00:01Z"}),
            json!({"kind": "outcome", "order": "o-1", "at": "2026-01-01T12:00:04Z",
                "outcome": "arrived", "message": null}),
            json!({"kind": "intent", "order": "o-2", "at": "2026-01-01T12:01:00Z", "deed": "pause",
                "target": target, "reason": "", "identity": "dana@corp"}),
            json!({"kind": "outcome", "order": "o-3", "at": "2026-01-01T12:02:00Z",
                "outcome": "refused", "deed": "promote", "target": target}),
            json!({"kind": "intent", "order": "o-4", "at": "yesterday", "target": target}),
            json!({"kind": "intent", "order": "o-5", "target": 5}),
        ]
        .map(row)
        .to_vec()
    }

    #[test]
    fn deeds_are_told_with_who_why_and_how_they_ended() {
        let deeds = deeds(&rows());
        let told: Vec<(&str, &str, &str, &str)> = deeds
            .iter()
            .map(|deed| {
                let outcome = deed.outcome.as_ref().map_or("", |(_, outcome)| outcome.as_str());
                (deed.order.as_str(), deed.deed.as_str(), deed.by.as_str(), outcome)
            })
            .collect();
        assert_eq!(told, [("o-1", "abort", "ada", "arrived"), ("o-2", "pause", "dana@corp", "")]);
        assert!(!deeds[0].reason.as_str().contains('\u{1b}'), "{}", deeds[0].reason);
    }

    #[test]
    fn a_folder_that_is_not_there_holds_no_deeds() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(newest(&folder.path().join("none")).unwrap(), []);
    }
}
