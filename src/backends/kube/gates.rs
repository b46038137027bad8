//! Flagger's manual gates on the wire: asked, opened, closed; once each, and looked at afterwards. A gate of the cluster
//! is reached through the API server's service proxy, any other from here. What does not answer as Flagger's load tester
//! does is no gate, whatever its status.

use std::time::Duration;

use bytes::BytesMut;
use serde_json::{Value, json};

use super::answer::words;
use super::execute::{PATCH_MAX, Ready, Run};
use super::trouble;
use super::wire::{About, Ask, ERROR_BYTES_MAX, Fault, Reply, Sent, Wire};
use crate::control::gate_call::GateCall;
use crate::control::order::{Attempt, AttemptAnswer, Execution};
use crate::control::plan::{Arrival, CanaryArrival, Plan, Turn};
use crate::domain::feed::Trouble;
use crate::domain::flagger::Phase;
use crate::domain::ids::ResourceVersion;
use crate::domain::manual_gate::{GateServer, GateTurn, ManualGate};
use crate::domain::text::Text;

/// What the load tester says to a check.
const OPEN: (u16, &str) = (200, "Approved");
const CLOSED: (u16, &str) = (403, "Forbidden");

/// What it says when it was turned, with nothing in it.
const TURNED: u16 = 202;

/// A gate that does not let us in within this is not there.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// A check changes nothing: it need not be waited for as long as a call.
const CHECK_MAX: Duration = Duration::from_secs(5);

/// What every call to a gate carries: whose gate it is.
pub(super) fn body(plan: &Plan) -> Value {
    let target = &plan.target;
    json!({"name": target.name.as_str(), "namespace": target.namespace.as_str()})
}

/// Asks a gate which way it stands: the only question to it that changes nothing.
pub(super) async fn check(
    wire: &Wire,
    plan: &Plan,
    gate: &ManualGate,
) -> Result<GateTurn, Trouble> {
    let reply =
        post(wire, plan, (gate, "check"), CHECK_MAX).await.map_err(|fault| fault.trouble)?;
    let text = String::from_utf8_lossy(&reply.body);
    let is = |(status, word): (u16, &str)| reply.status == status && text.trim() == word;
    if is(OPEN) {
        return Ok(GateTurn::Open);
    }
    if is(CLOSED) {
        return Ok(GateTurn::Close);
    }
    Err(stranger(&reply, gate))
}

/// Who answered instead of a gate: the API server, or something that is none.
fn stranger(reply: &Reply, gate: &ManualGate) -> Trouble {
    if let (true, GateServer::Service { namespace, name, .. }) =
        (trouble::is_status(reply), &gate.server)
    {
        return match reply.status {
            404 => Trouble::NotFound(Text::clean(&format!("Service {namespace}/{name}"))),
            _ => trouble::of_reply(reply, &about(gate)),
        };
    }
    let what = match trouble::html_title(reply) {
        Some(title) => title.to_string(),
        None => {
            format!("{} \"{}\"", reply.status, trouble::cut(&String::from_utf8_lossy(&reply.body)))
        }
    };
    let place = gate.place();
    Trouble::BadAnswer(Text::clean(&format!(
        "{place} answers {what}: that is no gate of Flagger's load tester"
    )))
}

fn about(gate: &ManualGate) -> About {
    let (namespace, name) = match &gate.server {
        GateServer::Service { namespace, name, .. } => {
            (Some(namespace.clone()), Some(name.clone()))
        }
        GateServer::Direct(_) => (None, None),
    };
    About {
        verb: "create",
        resource: "services/proxy".to_owned(),
        kind: "Service",
        namespace,
        name,
    }
}

/// The right that a gate needs; `None` for one that the API server has no part in.
pub(super) fn right(gate: &ManualGate) -> Option<(Text, Value)> {
    let GateServer::Service { namespace, .. } = &gate.server else { return None };
    let attributes = json!({
        "namespace": namespace.as_str(), "verb": "create", "group": "", "resource": "services",
        "subresource": "proxy", "name": gate.proxied().as_ref().map(Text::as_str),
    });
    Some((Text::clean(&format!("create services/proxy in namespace {namespace}")), attributes))
}

/// One POST, one attempt.
async fn post(
    wire: &Wire,
    plan: &Plan,
    (gate, word): (&ManualGate, &str),
    within: Duration,
) -> Result<Reply, Fault> {
    let address = gate.address(word);
    match &gate.server {
        GateServer::Service { .. } => {
            let ask = Ask::post(address, &body(plan), about(gate)).within(within);
            wire.call(&ask.at_most(ERROR_BYTES_MAX)).await
        }
        GateServer::Direct(_) => {
            let late = Fault { trouble: Trouble::TimedOut { after: within }, sent: Sent::Maybe };
            let body = body(plan);
            let asking = tokio::time::timeout(within, direct(&address, &body));
            asking.await.unwrap_or(Err(late))
        }
    }
}

/// Nothing of ours goes along: no credential, no redirect.
async fn direct(address: &str, body: &Value) -> Result<Reply, Fault> {
    let never =
        |error: reqwest::Error| Fault { trouble: trouble::of_error(&error), sent: Sent::No };
    // Only the first call has an effect.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("pilothouse/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_MAX)
        .no_proxy();
    if address.starts_with("http:") {
        // Without TLS no authority is needed, and a machine may have none.
        builder = builder.tls_certs_only([]);
    }
    let client = builder.build().map_err(never)?;
    let sending =
        client.post(address).header("content-type", "application/json").body(body.to_string());
    let mut response = sending.send().await.map_err(|error| Fault {
        sent: if error.is_connect() || error.is_builder() { Sent::No } else { Sent::Maybe },
        trouble: trouble::of_error(&error),
    })?;
    let media_type = response.headers().get("content-type").and_then(|it| it.to_str().ok());
    let (status, media_type) = (response.status().as_u16(), media_type.map(str::to_owned));
    let mut read = BytesMut::new();
    let broken =
        |error: reqwest::Error| Fault { trouble: trouble::of_error(&error), sent: Sent::Maybe };
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        let room = ERROR_BYTES_MAX.saturating_sub(read.len());
        read.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if chunk.len() >= room {
            break;
        }
    }
    Ok(Reply { media_type, ..Reply::of(status, read.freeze()) })
}

/// What came back from turning a gate.
fn answered(
    answer: Result<Reply, Fault>,
    gate: &ManualGate,
    precondition: Option<&ResourceVersion>,
) -> AttemptAnswer {
    match answer {
        Err(Fault { trouble, sent: Sent::No }) => AttemptAnswer::NeverLeft(trouble),
        Err(Fault { trouble, sent: Sent::Maybe }) => AttemptAnswer::NoAnswer(trouble),
        Ok(reply) if reply.status == TURNED && reply.body.is_empty() => AttemptAnswer::Accepted {
            // A gate has no version: it counts from the version of the Canary that was read before.
            version: precondition.cloned().unwrap_or_default(),
            generation: None,
            changed: true,
            warnings: reply.warnings,
        },
        Ok(reply) if reply.is_success() || reply.status >= 500 => {
            AttemptAnswer::NoAnswer(stranger(&reply, gate))
        }
        Ok(reply) if trouble::is_status(&reply) => {
            AttemptAnswer::Rejected { code: reply.status, why: words(&reply) }
        }
        Ok(reply) => {
            let why = Text::clean(&stranger(&reply, gate).to_string());
            AttemptAnswer::Rejected { code: reply.status, why }
        }
    }
}

impl Run<'_> {
    /// The write of this index, which turns a gate.
    pub(super) async fn turn(
        &self,
        index: usize,
        call: &GateCall,
        report: &mut (impl FnMut(Attempt) + Send),
    ) -> Result<(), Execution> {
        let precondition = if self.plan().turn(index) == Turn::AfterGate {
            self.until_past_gate(index).await?;
            None
        } else {
            let Ready { precondition, .. } = self.ready(index).await?;
            precondition.map(|(version, _uid)| version)
        };
        let attempt = self.turning(index, call, precondition).await;
        let answer = attempt.answer.clone();
        report(attempt);
        let stands = match &answer {
            AttemptAnswer::Accepted { .. } | AttemptAnswer::NoAnswer(_) => {
                check(&self.wire, self.plan(), &call.gate).await
            }
            AttemptAnswer::Conflict
            | AttemptAnswer::Rejected { .. }
            | AttemptAnswer::NeverLeft(_) => Err(Trouble::NotConfigured),
        };
        ended(index, call, answer, &stands)
    }

    async fn turning(
        &self,
        index: usize,
        call: &GateCall,
        precondition: Option<ResourceVersion>,
    ) -> Attempt {
        let sent_at = self.executor.cluster.now();
        let word = call.turn.word();
        let answer = post(&self.wire, self.plan(), (&call.gate, word), PATCH_MAX).await;
        let audit_id = answer.as_ref().ok().and_then(|reply| reply.audit_id.clone());
        let answer = answered(answer, &call.gate, precondition.as_ref());
        Attempt { write: index, precondition, sent_at, answer, audit_id }
    }

    /// Returns when the Canary is past the gate that was opened, or gone.
    async fn until_past_gate(&self, write: usize) -> Result<(), Execution> {
        let Arrival::Canary(arrival) = self.plan().arrival else { return Ok(()) };
        self.until(write, |canary| is_past(arrival, canary)).await
    }
}

/// Past the gate: Flagger asks with every look, a blue-green's twice before its promotion, and only what it does next says
/// that it has heard the yes.
fn is_past(arrival: CanaryArrival, canary: Option<&Value>) -> bool {
    let Some(canary) = canary else { return true };
    let word = canary.pointer("/status/phase").and_then(Value::as_str);
    let phase = word.map_or(Phase::Unknown, Phase::parse);
    let weight = canary.pointer("/status/canaryWeight").and_then(Value::as_u64).unwrap_or(0);
    match (arrival, phase) {
        (_, Phase::Unknown)
        | (CanaryArrival::Promoted, Phase::Progressing | Phase::WaitingPromotion) => false,
        (CanaryArrival::Started, phase) => phase != Phase::Waiting,
        (CanaryArrival::Raised { from }, Phase::Progressing) => weight != u64::from(from),
        (
            CanaryArrival::Raised { .. }
            | CanaryArrival::Promoted
            | CanaryArrival::Aborted
            | CanaryArrival::Running
            | CanaryArrival::Closed,
            _,
        ) => true,
    }
}

/// How it ended, by the answer and by how the gate stands afterwards. A gate whose server has several pods is open in one
/// and closed in another: each keeps its own.
fn ended(
    write: usize,
    call: &GateCall,
    answer: AttemptAnswer,
    stands: &Result<GateTurn, Trouble>,
) -> Result<(), Execution> {
    let failed = |why: String| Err(Execution::Failed { write, why: Text::clean(&why) });
    match answer {
        AttemptAnswer::Accepted { .. } if stands.as_ref().is_ok_and(|is| *is != call.turn) => {
            failed(format!(
                "{} took it, and does not stand so: are there several load testers behind it?",
                call.gate.place()
            ))
        }
        AttemptAnswer::NoAnswer(_) if *stands == Ok(call.turn) => Ok(()),
        AttemptAnswer::Accepted { .. } => Ok(()),
        AttemptAnswer::NoAnswer(why) => Err(Execution::Unknown { write, why }),
        AttemptAnswer::NeverLeft(why) => Err(Execution::NotSent { write, why }),
        AttemptAnswer::Rejected { code, why } => failed(format!("refused ({code}): {why}")),
        AttemptAnswer::Conflict => failed("refused (409)".to_owned()),
    }
}
