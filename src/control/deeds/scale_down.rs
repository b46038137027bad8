//! The last way to stop a new version: its pods go, when an abort is asked for and nobody acts on it. Only where pods
//! carry the traffic: a router would go on sending the new version its share, to nobody.

use super::case::Case;
use super::draw::{Drawn, set};
use super::needs::impossible;
use super::words::{count, pods, version};
use crate::control::check::Refusal;
use crate::control::plan::{Arrival, ObjectKind, ObjectRef, PatchFormat, Value, Write};

const REPLICAS: &[&str] = &["spec", "replicas"];

pub(super) fn draw(case: Case<'_>) -> Result<Drawn, Refusal> {
    let set_of_new = case.current_set().ok_or_else(|| {
        impossible("the ReplicaSet of the new version is not known here", "pause holds it")
    })?;
    let write = Write {
        object: ObjectRef { kind: ObjectKind::ReplicaSet, name: set_of_new.name.clone() },
        subresource: None,
        format: PatchFormat::Merge,
        changes: vec![set(REPLICAS, Value::Int(0))],
        done: "the new version's pods are sent away",
    };
    Ok(Drawn { writes: vec![write], arrival: Arrival::ScaledDown })
}

pub(super) fn effect(case: Case<'_>) -> String {
    let stable = case.stable_set();
    format!(
        "the {} of {} go; {} of {} carry all traffic, and nobody adds any while the controller is silent",
        pods(case.current_set().and_then(|set| set.replicas.current)),
        version(case.current_set()),
        pods(stable.and_then(|set| set.replicas.available)),
        version(stable),
    )
}

pub(super) fn warn(case: Case<'_>, out: &mut Vec<String>) {
    let serving = case.stable_set().and_then(|set| set.replicas.available);
    let wanted = case.workload.replicas.desired;
    if serving.zip(wanted).is_none_or(|(serving, wanted)| serving < wanted) {
        out.push(format!(
            "{} of {} pods are left: see that they can carry the load",
            count(serving),
            count(wanted)
        ));
    }
    out.push(
        "the spec still wants the new version; the abort that is asked for keeps it away once the \
         controller is back, a retry brings it again"
            .to_owned(),
    );
}
