//! The writes to StatefulSets and DaemonSets.

use super::case::Case;
use super::draw::{Drawn, own_object, set, spec};
use crate::control::plan::{
    Arrival, HELD_ANNOTATION, ObjectKind, ObjectRef, PatchFormat, Value, Write,
};
use crate::domain::detail::Pod;
use crate::domain::ids::Name;
use crate::domain::text::Text;

const PARTITION: &[&str] = &["spec", "updateStrategy", "rollingUpdate", "partition"];
const STRATEGY: &[&str] = &["spec", "updateStrategy", "type"];
const HELD: &[&str] = &["metadata", "annotations", HELD_ANNOTATION];
const TEMPLATE: &[&str] = &["spec", "template"];
const UID: &[&str] = &["preconditions", "uid"];

/// A StatefulSet's partition above all its pods; the old one is kept.
pub(super) fn hold(case: Case<'_>) -> Drawn {
    let partition = case.workload.replicas.desired.unwrap_or(0);
    let before = case.stateful().and_then(|facts| facts.partition).unwrap_or(0);
    let changes = vec![
        set(PARTITION, Value::Int(i64::from(partition))),
        set(HELD, Value::Word(Text::clean(&before.to_string()))),
    ];
    let writes = vec![spec(case, changes, "its partition holds all pods")];
    Drawn { writes, arrival: Arrival::Held { partition } }
}

/// The partition that a resume goes back to: what it was before the pause, else none.
pub(super) fn partition_before(case: Case<'_>) -> u32 {
    let facts = case.stateful();
    let now = facts.and_then(|facts| facts.partition).unwrap_or(0);
    // What is not below the one of now would hold as well: somebody else moved it since.
    facts.and_then(|facts| facts.held_from).filter(|before| *before < now).unwrap_or(0)
}

/// The partition back.
pub(super) fn release(case: Case<'_>) -> Drawn {
    let partition = partition_before(case);
    let changes = vec![set(PARTITION, Value::Int(i64::from(partition))), set(HELD, Value::Null)];
    let writes = vec![spec(case, changes, "its partition holds no more")];
    Drawn { writes, arrival: Arrival::Released { partition } }
}

/// A DaemonSet replaces no pod by itself any more. What its spec says of the way it does stays there.
pub(super) fn stop(case: Case<'_>) -> Write {
    let word = |word| Value::Word(Text::from(word));
    let changes = vec![set(STRATEGY, word("OnDelete")), set(HELD, word("RollingUpdate"))];
    spec(case, changes, "it replaces no pod by itself")
}

/// A DaemonSet replaces pods again.
pub(super) fn go_on(case: Case<'_>) -> Write {
    let word = Value::Word(Text::from("RollingUpdate"));
    spec(case, vec![set(STRATEGY, word), set(HELD, Value::Null)], "it replaces pods again")
}

/// The template of a ControllerRevision. A plain merge would keep what the older template does not have.
pub(super) fn back(case: Case<'_>, revision: Name) -> Write {
    Write {
        object: own_object(case),
        subresource: None,
        format: PatchFormat::Strategic,
        changes: vec![set(TEMPLATE, Value::RevisionOf(revision))],
        done: "the older template is wanted",
    }
}

/// A pod that holds up the way back: this one, and none that came after it under the same name.
pub(super) fn removal(pod: &Pod) -> Write {
    Write {
        object: ObjectRef { kind: ObjectKind::Pod, name: pod.name.clone() },
        subresource: None,
        format: PatchFormat::Delete,
        changes: vec![set(UID, Value::Word(Text::clean(pod.uid.as_str())))],
        done: "the pod that held it up is deleted",
    }
}
