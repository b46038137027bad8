//! Plans for the tests of this floor, of the workloads of `domain::fixtures`.

use super::action::Action;
use super::plan::{Plan, PlanContext, Value, Write, plan};
use crate::domain::fixtures::at;
use crate::domain::ids::OrderId;
use crate::domain::text::Text;
use crate::domain::workload::Workload;

pub(crate) fn context() -> PlanContext<'static> {
    PlanContext::new(at(1_000), OrderId::new("o-1"), Text::from("because"))
}

pub(crate) fn planned(action: Action, workload: &Workload) -> Plan {
    plan(action, workload, &context()).unwrap_or_else(|refusals| panic!("{action}: {refusals:?}"))
}

/// The writes as deeds.md prints them: `rollout/status {…}`.
pub(crate) fn writes(plan: &Plan) -> Vec<String> {
    plan.writes.iter().map(shown).collect()
}

fn shown(write: &Write) -> String {
    let kind = write.object.kind.name().to_lowercase();
    let sub = if write.subresource.is_some() { "/status" } else { "" };
    let changes: Vec<String> = write
        .changes
        .iter()
        .map(|change| format!("{}={}", change.path.join("."), symbol(&change.value)))
        .collect();
    format!("{kind}{sub} {:?} {}", write.format, changes.join(" "))
}

fn symbol(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Word(word) => word.to_string(),
        Value::RevisionOf(name) => format!("revision({name})"),
        Value::PrimaryOnly => "primary-only".to_owned(),
        Value::TemplateOf(name) => format!("template({name})"),
        Value::AnnotationsOf(name) => format!("annotations({name})"),
        Value::ServerTime => "now".to_owned(),
    }
}
