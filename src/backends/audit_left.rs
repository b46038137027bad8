//! What the audit files hold of deeds that were left behind: an intent without an outcome, of a process that is no more.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::audit_read::Row;
use crate::control::leftover::{LastAnswer, LastAttempt, Leftover};
use crate::domain::ids::{
    ClusterName, Name, Namespace, OrderId, ResourceVersion, Uid, WorkloadKind, WorkloadRef,
};
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

/// Most deeds told of; each session leaves four at most.
const LEFT_MAX: usize = 64;

/// The deeds of these records that have no end. `is_at_work` says whether a process of a host still runs: what it has begun
/// is no leftover.
pub(super) fn unfinished(rows: &[Row], is_at_work: impl Fn(&str, u32) -> bool) -> Vec<Leftover> {
    let mut found: BTreeMap<String, Leftover> = BTreeMap::new();
    let mut ended: BTreeSet<String> = BTreeSet::new();
    let mut busy: BTreeSet<&str> = BTreeSet::new();
    for row in rows {
        let word = |key: &str| word(&row.fields, key);
        match word("kind") {
            "header" => {
                let pid = row.fields.get("pid").and_then(Value::as_u64);
                let pid = pid.and_then(|pid| u32::try_from(pid).ok());
                if pid.is_some_and(|pid| is_at_work(word("host"), pid)) {
                    busy.insert(row.segment.as_str());
                }
            }
            "intent" if !busy.contains(row.segment.as_str()) => {
                if let Some(left) = intent(&row.fields) {
                    // Written twice when a disk failed in between.
                    found.entry(word("order").to_owned()).or_insert(left);
                }
            }
            "attempt" => {
                if let (Some(left), Some(at)) = (found.get_mut(word("order")), time(&row.fields)) {
                    left.at = left.at.max(at);
                    left.last = attempt(&row.fields);
                }
            }
            "outcome" => {
                ended.insert(word("order").to_owned());
            }
            _ => {}
        }
    }
    found.retain(|order, _| !ended.contains(order));
    found.into_values().take(LEFT_MAX).collect()
}

fn word<'a>(fields: &'a Map<String, Value>, key: &str) -> &'a str {
    fields.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn time(fields: &Map<String, Value>) -> Option<Timestamp> {
    word(fields, "at").parse().ok()
}

fn intent(fields: &Map<String, Value>) -> Option<Leftover> {
    let target = fields.get("target")?.as_object()?;
    let kind = word(target, "kind");
    let kind = WorkloadKind::ALL.into_iter().find(|known| known.name() == kind)?;
    let writes = fields.get("writes").and_then(Value::as_array).map_or(0, Vec::len);
    Some(Leftover {
        order: OrderId::new(word(fields, "order")),
        deed: Text::clean(word(fields, "deed")),
        target: WorkloadRef {
            cluster: ClusterName::new(word(target, "cluster")),
            namespace: Namespace::new(word(target, "namespace")),
            kind,
            name: Name::new(word(target, "name")),
        },
        uid: Uid::new(word(fields, "uid")),
        at: time(fields)?,
        by: fields.get("identity").and_then(Value::as_str).map(Text::clean),
        writes: fields
            .get("planned")
            .and_then(Value::as_u64)
            .map_or(writes, |planned| usize::try_from(planned).unwrap_or(writes)),
        last: None,
    })
}

fn attempt(fields: &Map<String, Value>) -> Option<LastAttempt> {
    let write = usize::try_from(fields.get("write")?.as_u64()?).ok()?;
    let code = fields.get("code").and_then(Value::as_u64);
    let answer = match (word(fields, "answer"), code) {
        ("accepted", _) => LastAnswer::Accepted,
        ("conflict" | "never-left", _) | ("rejected", Some(429)) => LastAnswer::Again,
        ("rejected", _) => LastAnswer::Refused,
        _ => LastAnswer::None,
    };
    let precondition = fields.get("precondition").and_then(Value::as_str);
    Some(LastAttempt { write, precondition: precondition.map(ResourceVersion::new), answer })
}
