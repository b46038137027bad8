//! An Event on the object of an order that ended: for people who look with other tools. Best effort.

use serde_json::json;

use super::cluster::Cluster;
use super::resource::{EVENTS, Resource};
use super::wire::{About, Ask};
use crate::control::action::Action;
use crate::control::order::{Order, OrderState, Outcome};
use crate::domain::detail::COMMENT_REASON;
use crate::domain::feed::Trouble;
use crate::domain::text::Text;

/// The API server takes 1024 characters; the operator's reason may be longer.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// Writes the Event.
pub(super) async fn announce(
    cluster: &Cluster,
    order: &Order,
    identity: Option<&Text>,
) -> Result<(), Text> {
    let OrderState::Ended(outcome) = &order.state else { return Ok(()) };
    let target = &order.plan.target;
    let event = event(cluster, order, (outcome, identity));
    let about = About::collection("create", EVENTS, Some(&target.namespace));
    let ask = Ask::post(EVENTS.collection(Some(&target.namespace)), &event, about)
        .within(cluster.deadline());
    let say = |why: Trouble| Text::clean(&why.to_string());
    let wire = cluster.link().await.map_err(say)?.action().clone();
    let reply = wire.call(&ask).await.map_err(|fault| say(fault.trouble))?;
    // Its name is the order's: it is there already when an answer was lost.
    if reply.status == 409 {
        return Ok(());
    }
    reply.value(&ask.about).map(|_| ()).map_err(say)
}

fn event(
    cluster: &Cluster,
    order: &Order,
    (outcome, identity): (&Outcome, Option<&Text>),
) -> serde_json::Value {
    let plan = &order.plan;
    let target = &plan.target;
    let resource = Resource::of(target.kind);
    let now = cluster.now().to_string();
    let kind = match outcome {
        Outcome::Arrived | Outcome::Accepted => "Normal",
        Outcome::Refused(_)
        | Outcome::Failed(_)
        | Outcome::Stalled(_)
        | Outcome::Superseded(_)
        | Outcome::Unknown(_)
        | Outcome::NotSent(_)
        | Outcome::HalfDone(_) => "Warning",
    };
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": format!("{}.{}", target.name, plan.id),
            "namespace": target.namespace.as_str(),
        },
        "involvedObject": {
            "apiVersion": resource.api_version(),
            "kind": target.kind.name(),
            "namespace": target.namespace.as_str(),
            "name": target.name.as_str(),
            "uid": plan.footing.uid.as_str(),
        },
        "type": kind,
        "reason": if plan.action == Action::Comment { COMMENT_REASON } else { "PilothouseDeed" },
        "action": plan.action.name(),
        "message": message(order, (outcome, identity)),
        "source": {"component": "pilothouse"},
        "reportingComponent": "pilothouse.dev/cockpit",
        "reportingInstance": plan.id.as_str(),
        "firstTimestamp": now,
        "lastTimestamp": now,
        "eventTime": null,
        "count": 1,
    })
}

/// "alice: abort: arrived (errors on the canary) [order 01J…]"; of a comment "alice: what she said [order 01J…]".
fn message(order: &Order, (outcome, identity): (&Outcome, Option<&Text>)) -> String {
    let plan = &order.plan;
    let who = identity.map_or("somebody", Text::as_str);
    let reason = if plan.reason.is_empty() { String::new() } else { format!(" ({})", plan.reason) };
    let words = if plan.action == Action::Comment {
        format!("{who}: {} [order {}]", plan.reason, plan.id)
    } else {
        format!("{who}: {}: {}{reason} [order {}]", plan.action, outcome.name(), plan.id)
    };
    words.chars().take(MESSAGE_CHARS_MAX).collect()
}
