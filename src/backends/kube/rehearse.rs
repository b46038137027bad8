//! The rehearsal: what the server says to a deed before it is done. Reads, asks for rights, and sends the same writes
//! as a dry run; nothing of it changes anything.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::answer::{ask, own_object, resource, words};
use super::execute::{KubeExecutor, Stand};
use super::wire::{About, Ask, Fault, Reply, Wire};
use super::{gates, kept};
use crate::control::gate_call::GateCall;
use crate::control::plan::{
    Access, AccessAnswer, DryRun, PatchFormat, Plan, Rehearsal, ResolvedWrite, Subresource, Turn,
};
use crate::domain::feed::Trouble;
use crate::domain::text::{Block, Text};

/// All of it together: the operator looks at the dialog meanwhile.
const REHEARSAL_MAX: Duration = Duration::from_secs(15);

/// A webhook or an access review that takes longer counts as silent.
const QUESTION_MAX: Duration = Duration::from_secs(8);

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/// How the API server words that a webhook in the way has side effects.
const NO_DRY_RUN: &str = "does not support dry run";

/// Rehearses a plan.
pub(super) async fn rehearse(executor: &KubeExecutor, plan: &Plan) -> Result<Rehearsal, Trouble> {
    timeout(REHEARSAL_MAX, all(executor, plan))
        .await
        .unwrap_or(Err(Trouble::TimedOut { after: REHEARSAL_MAX }))
}

async fn all(executor: &KubeExecutor, plan: &Plan) -> Result<Rehearsal, Trouble> {
    let wire = executor.cluster.link().await?.action().clone();
    let mut first: Option<Stand> = None;
    let mut writes = Vec::new();
    for write in &plan.writes {
        let stand = executor.stand(&wire, plan, &write.object).await?;
        writes.push(executor.resolve(&wire, plan, (write, &stand)).await?);
        first.get_or_insert(stand);
    }
    let read_at = executor.cluster.now();
    // A comment writes nothing; that the object is there is read all the same.
    let stand = match first {
        Some(stand) => stand,
        None => executor.stand(&wire, plan, &own_object(plan)).await?,
    };
    let (access, dry_run, kept) = tokio::join!(
        rights(&wire, plan, &writes),
        dry_runs(&wire, plan, &writes),
        kept::told(executor, &wire, plan, &writes)
    );
    Ok(Rehearsal {
        footing: stand.footing,
        read_at,
        access,
        dry_run: dry_run?,
        kept,
        shown: shown(plan, &writes),
        writes,
    })
}

/// One access review per right; the same right is asked for once.
async fn rights(wire: &Wire, plan: &Plan, writes: &[ResolvedWrite]) -> Vec<Access> {
    let mut asked: Vec<(Text, Value)> = Vec::new();
    for right in writes.iter().filter_map(|write| right(plan, write)) {
        if !asked.contains(&right) {
            asked.push(right);
        }
    }
    let reviews = asked.into_iter().map(|(right, attributes)| review(wire, right, attributes));
    futures::future::join_all(reviews).await
}

/// The right that a write needs, in words and as the review wants it.
fn right(plan: &Plan, write: &ResolvedWrite) -> Option<(Text, Value)> {
    let resource = resource(write.object.kind);
    let sub = write.subresource.map(subresource);
    let verb = match &write.format {
        PatchFormat::Merge | PatchFormat::Json | PatchFormat::Strategic => "patch",
        PatchFormat::Delete => "delete",
        PatchFormat::Call(call) => return gates::right(&call.gate),
    };
    let right = match sub {
        Some(sub) => format!("{verb} {}/{sub}", resource.plural),
        None => format!("{verb} {}", resource.plural),
    };
    let attributes = json!({
        "namespace": plan.target.namespace.as_str(),
        "verb": verb,
        "group": resource.group,
        "resource": resource.plural,
        "subresource": sub.unwrap_or_default(),
        "name": write.object.name.as_str(),
    });
    let place = format!("{right} in namespace {}", plan.target.namespace);
    Some((Text::clean(&place), attributes))
}

async fn review(wire: &Wire, right: Text, attributes: Value) -> Access {
    let body = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    });
    let about = About::path(REVIEWS);
    let ask = Ask::post(REVIEWS.to_owned(), &body, about).within(QUESTION_MAX);
    let answer = match wire.json(&ask).await {
        Ok(review) => review_answer(&review),
        Err(why) => AccessAnswer::Silent(Text::clean(&why.to_string())),
    };
    Access { right, answer }
}

fn review_answer(review: &Value) -> AccessAnswer {
    let word = |key: &str| {
        review.pointer(&format!("/status/{key}")).and_then(Value::as_str).unwrap_or_default()
    };
    match review.pointer("/status/allowed").and_then(Value::as_bool) {
        Some(true) => AccessAnswer::Allowed,
        // A review that could not be made says no as well, and why.
        Some(false) if !word("evaluationError").is_empty() && word("reason").is_empty() => {
            AccessAnswer::Denied(Text::clean(word("evaluationError")))
        }
        Some(false) => AccessAnswer::Denied(Text::clean(word("reason"))),
        None => AccessAnswer::Silent(Text::from("the review has no answer in it")),
    }
}

/// The writes in order, each as a dry run. They carry no version: a status that is written meanwhile says nothing
/// about whether they are allowed.
async fn dry_runs(wire: &Wire, plan: &Plan, writes: &[ResolvedWrite]) -> Result<DryRun, Trouble> {
    let mut warnings = Vec::new();
    for (index, write) in writes.iter().enumerate() {
        let answer = match &write.format {
            // It is known by then: it is the one that was opened.
            PatchFormat::Call(_) if plan.turn(index) == Turn::AfterGate => continue,
            PatchFormat::Call(call) => gate_stands(wire, plan, call).await,
            PatchFormat::Merge
            | PatchFormat::Json
            | PatchFormat::Strategic
            | PatchFormat::Delete => {
                let body = write.body.as_bytes().to_vec();
                let ask = ask(plan, write, body, &[("dryRun", "All")]).within(QUESTION_MAX);
                dry_run(wire.call(&ask).await)?
            }
        };
        match answer {
            DryRun::Accepted(more) => warnings.extend(more),
            other @ (DryRun::Rejected { .. }
            | DryRun::NoGate(_)
            | DryRun::Unsupported(_)
            | DryRun::Silent(_)) => return Ok(other),
        }
    }
    Ok(DryRun::Accepted(warnings))
}

/// A gate knows no dry run: it is asked how it stands, which also proves that it is one.
async fn gate_stands(wire: &Wire, plan: &Plan, call: &GateCall) -> DryRun {
    match gates::check(wire, plan, &call.gate).await {
        Ok(stands) if stands == call.turn => {
            DryRun::Accepted(vec![Text::clean(&format!("{} already", stands.done()))])
        }
        Ok(_) => DryRun::Accepted(Vec::new()),
        Err(why @ (Trouble::BadAnswer(_) | Trouble::NotFound(_))) => {
            DryRun::NoGate(Text::clean(&why.to_string()))
        }
        Err(why) => {
            DryRun::Silent(Text::clean(&format!("{} does not answer: {why}", call.gate.place())))
        }
    }
}

fn dry_run(answered: Result<Reply, Fault>) -> Result<DryRun, Trouble> {
    let reply = match answered {
        Ok(reply) => reply,
        Err(fault) => return Ok(DryRun::Silent(Text::clean(&fault.trouble.to_string()))),
    };
    let why = words(&reply);
    match reply.status {
        200..=299 => Ok(DryRun::Accepted(reply.warnings)),
        401 => Err(Trouble::NotAuthenticated { detail: why }),
        400 if why.as_str().contains(NO_DRY_RUN) => Ok(DryRun::Unsupported(why)),
        code @ (300..=428 | 430..=499) => Ok(DryRun::Rejected { code, why }),
        code => Ok(DryRun::Silent(Text::clean(&format!("{code}: {why}")))),
    }
}

const fn subresource(subresource: Subresource) -> &'static str {
    match subresource {
        Subresource::Status => "status",
    }
}

/// The patches for people, line by line.
fn shown(plan: &Plan, writes: &[ResolvedWrite]) -> Block {
    let mut out = String::new();
    for (index, write) in writes.iter().enumerate() {
        let resource = resource(write.object.kind);
        let sub = write.subresource.map_or(String::new(), |sub| format!("/{}", subresource(sub)));
        let format = match &write.format {
            PatchFormat::Call(call) => {
                let when = if plan.turn(index) == Turn::AfterGate {
                    ", once it is past the gate"
                } else {
                    ""
                };
                let _ = writeln!(out, "{}{when}\n{}", call.request(), write.body);
                continue;
            }
            PatchFormat::Merge => "merge patch",
            PatchFormat::Json => "JSON patch",
            PatchFormat::Strategic => "strategic merge patch",
            PatchFormat::Delete => "delete",
        };
        let place = format!("{}/{}", plan.target.namespace, write.object.name);
        // Writing into a String never fails.
        let _ = writeln!(out, "{format} {}{sub} {place}", resource.plural);
        let pretty = serde_json::from_str::<Value>(&write.body)
            .and_then(|body| serde_json::to_string_pretty(&body))
            .unwrap_or_else(|_| write.body.to_string());
        out.push_str(&pretty);
        out.push('\n');
    }
    Block::clean(&out)
}
