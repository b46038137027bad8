//! `Order`: the document of a deed.

use schemars::JsonSchema;
use serde::Serialize;

use super::fleet::API_VERSION;
use crate::control::check;
use crate::control::order::{self, AttemptAnswer, OrderState, Outcome};
use crate::control::plan::{PatchFormat, Rehearsal, ResolvedWrite, Subresource};
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

/// A deed, from the plan to its outcome.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// `pilothouse.dev/v1`.
    pub api_version: String,
    /// `Order`.
    pub kind: String,
    /// Its name: the mark in the cluster and in the audit file.
    pub id: String,
    /// The deed.
    pub deed: String,
    /// On which workload.
    pub target: Target,
    /// What it would write, and what that would cause.
    pub plan: Plan,
    /// Every attempt to write, in order.
    pub attempts: Vec<Attempt>,
    /// `arrived`, `accepted`, `refused`, `failed`, `stalled`, `superseded`, `unknown` or `not-sent`.
    pub outcome: String,
    /// The sentence behind the outcome; null where the word says all.
    pub message: Option<String>,
    /// Why it may not go.
    pub refusals: Vec<Refusal>,
    /// When it was asked for.
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    /// When it ended.
    #[schemars(with = "Option<String>")]
    pub ended_at: Option<Timestamp>,
}

/// A workload.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Target {
    /// The context of the kubeconfig.
    pub cluster: String,
    /// Its namespace.
    pub namespace: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its identity when the plan was made.
    pub uid: Option<String>,
}

/// What a deed would write and cause.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Plan {
    /// The exact patches, in order, without the resource version that each gets at the last moment.
    pub writes: Vec<Write>,
    /// What will happen, in sentences; null where no plan could be made.
    pub prediction: Option<String>,
    /// The deed that undoes it; null where none does.
    pub reversal: Option<String>,
}

/// One patch.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Write {
    /// `Rollout/name` or `Deployment/name`.
    pub object: String,
    /// `status`; null for the object itself.
    pub subresource: Option<String>,
    /// The content type; of a call to a gate: its method and address.
    pub format: String,
    /// The patch; null when it was not rehearsed.
    pub body: Option<serde_json::Value>,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Which write, from 0.
    pub write: usize,
    /// The resource version it carried; null where a read failed and pause or abort went without.
    pub resource_version: Option<String>,
    /// When it left.
    #[schemars(with = "String")]
    pub sent_at: Timestamp,
    /// The HTTP status; null when none came back.
    pub code: Option<u16>,
    /// What came back, in words.
    pub answer: String,
    /// The API server's `Audit-Id`.
    pub audit_id: Option<String>,
}

/// Why a deed may not go.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Refusal {
    /// Which check.
    pub check: String,
    /// Its reason.
    pub why: String,
    /// What can be done.
    pub remedy: String,
}

impl Order {
    /// The document of an order; one that is not over is `not-sent`, `accepted` or `unknown` by what is known.
    #[must_use]
    pub fn of(order: &order::Order, rehearsed: Option<&Rehearsal>) -> Self {
        let plan = &order.plan;
        let target = &plan.target;
        let (outcome, message) = outcome(order);
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "Order".to_owned(),
            id: plan.id.to_string(),
            deed: plan.action.name().to_owned(),
            target: Target {
                cluster: target.cluster.to_string(),
                namespace: target.namespace.to_string(),
                kind: target.kind.name().to_owned(),
                name: target.name.to_string(),
                uid: Some(plan.footing.uid.to_string()),
            },
            plan: Plan {
                writes: writes(plan, rehearsed),
                prediction: Some(prediction(&plan.prediction, rehearsed)),
                reversal: plan.reversal.map(|action| action.name().to_owned()),
            },
            attempts: order.attempts.iter().map(attempt).collect(),
            outcome: outcome.to_owned(),
            message,
            refusals: refusals(order),
            started_at: order.started_at,
            ended_at: order.ended_at,
        }
    }

    /// The document of a deed that was refused before a plan could be made.
    #[must_use]
    pub fn refused(
        id: &str,
        deed: &str,
        target: Target,
        refusals: &[check::Refusal],
        at: Timestamp,
    ) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "Order".to_owned(),
            id: id.to_owned(),
            deed: deed.to_owned(),
            target,
            plan: Plan { writes: vec![], prediction: None, reversal: None },
            attempts: vec![],
            outcome: "refused".to_owned(),
            message: None,
            refusals: refusals.iter().map(refusal).collect(),
            started_at: at,
            ended_at: Some(at),
        }
    }
}

fn outcome(order: &order::Order) -> (&'static str, Option<String>) {
    match &order.state {
        OrderState::Ended(outcome) => (outcome.name(), sentence(outcome).map(Text::to_string)),
        OrderState::Unknown { why, .. } => ("unknown", Some(why.to_string())),
        OrderState::Converging => ("accepted", None),
        OrderState::Rehearsing
        | OrderState::Rehearsed(_)
        | OrderState::RehearsalFailed(_)
        | OrderState::Sending => ("not-sent", None),
    }
}

const fn sentence(outcome: &Outcome) -> Option<&Text> {
    match outcome {
        Outcome::Arrived | Outcome::Accepted | Outcome::Refused(_) => None,
        Outcome::Failed(why)
        | Outcome::Stalled(why)
        | Outcome::Superseded(why)
        | Outcome::Unknown(why)
        | Outcome::NotSent(why)
        | Outcome::HalfDone(why) => Some(why),
    }
}

fn refusals(order: &order::Order) -> Vec<Refusal> {
    match &order.state {
        OrderState::Ended(Outcome::Refused(list)) => list.iter().map(refusal).collect(),
        OrderState::Rehearsing
        | OrderState::Rehearsed(_)
        | OrderState::RehearsalFailed(_)
        | OrderState::Sending
        | OrderState::Converging
        | OrderState::Unknown { .. }
        | OrderState::Ended(_) => vec![],
    }
}

fn refusal(refusal: &check::Refusal) -> Refusal {
    Refusal {
        check: refusal.check.name().to_owned(),
        why: refusal.why.to_string(),
        remedy: refusal.remedy.to_string(),
    }
}

fn prediction(
    prediction: &crate::control::plan::Prediction,
    rehearsed: Option<&Rehearsal>,
) -> String {
    let kept = rehearsed.into_iter().flat_map(|answer| answer.kept.iter());
    let warnings = prediction.warnings.iter().chain(kept).map(ToString::to_string);
    let otherwise = prediction.otherwise.iter().map(|words| format!("left alone: {words}"));
    let all = std::iter::once(prediction.effect.to_string()).chain(warnings).chain(otherwise);
    all.collect::<Vec<_>>().join("; ")
}

fn writes(plan: &crate::control::plan::Plan, rehearsed: Option<&Rehearsal>) -> Vec<Write> {
    if let Some(rehearsal) = rehearsed {
        return rehearsal.writes.iter().map(resolved).collect();
    }
    let planned = |write: &crate::control::plan::Write| Write {
        object: object(&write.object),
        subresource: subresource(write.subresource),
        format: format(&write.format),
        body: None,
    };
    plan.writes.iter().map(planned).collect()
}

fn resolved(write: &ResolvedWrite) -> Write {
    Write {
        object: object(&write.object),
        subresource: subresource(write.subresource),
        format: format(&write.format),
        body: serde_json::from_str(&write.body).ok(),
    }
}

fn object(object: &crate::control::plan::ObjectRef) -> String {
    let kind = object.kind.name();
    format!("{kind}/{}", object.name)
}

fn subresource(subresource: Option<Subresource>) -> Option<String> {
    subresource.map(|Subresource::Status| "status".to_owned())
}

fn format(format: &PatchFormat) -> String {
    let word = match format {
        PatchFormat::Merge => "application/merge-patch+json",
        PatchFormat::Json => "application/json-patch+json",
        PatchFormat::Strategic => "application/strategic-merge-patch+json",
        PatchFormat::Delete => "delete",
        PatchFormat::Call(call) => return call.request(),
    };
    word.to_owned()
}

fn attempt(attempt: &order::Attempt) -> Attempt {
    let (code, answer) = match &attempt.answer {
        AttemptAnswer::Accepted { changed: true, .. } => (Some(200), "accepted".to_owned()),
        AttemptAnswer::Accepted { changed: false, .. } => {
            (Some(200), "accepted, changed nothing".to_owned())
        }
        AttemptAnswer::Conflict => (Some(409), "conflict: nothing was written".to_owned()),
        AttemptAnswer::Rejected { code, why } => (Some(*code), why.to_string()),
        AttemptAnswer::NoAnswer(why) => (None, format!("no answer, it may have happened: {why}")),
        AttemptAnswer::NeverLeft(why) => (None, format!("never left: {why}")),
    };
    Attempt {
        write: attempt.write,
        resource_version: attempt.precondition.as_ref().map(ToString::to_string),
        sent_at: attempt.sent_at,
        code,
        answer,
        audit_id: attempt.audit_id.as_ref().map(Text::to_string),
    }
}
