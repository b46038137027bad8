//! What became of a write without an answer: the watch's first change after it decides, or how the world stands
//! (`design/deeds.md`, Marks). Nothing is sent again.

use std::time::Duration;

use super::arrival::{self, Judgement};
use super::audit::AuditEntry;
use super::order::{Order, OrderState, Outcome};
use super::order_machine::{Facts, Known, decisive, end, fail, follow, half_done, is_own, since};
use super::plan::{PatchFormat, Write};
use crate::domain::feed::{Sighting, Trouble};
use crate::domain::ids::{Name, ResourceVersion};
use crate::domain::observed::{STALE_FROM, Timestamp, age};
use crate::domain::text::Text;

/// A request may still be on its way for as long as the API server lets one live. So long must the watch be current
/// and show no change before a write without an answer is called not applied.
const QUIET_MIN: Duration = Duration::from_mins(1);

/// A pod that was deleted is replaced by then; if it was not, the request is dead and nobody can tell.
const REMOVAL_MAX: Duration = Duration::from_mins(2);

/// After this an unknown write is given up as unknown: the watch has told nothing in all that time.
const UNKNOWN_MAX: Duration = Duration::from_mins(30);

/// A write got no answer. The first change after our precondition decides: our mark, it was applied; else it never can be.
pub(super) fn resolve(order: &mut Order, facts: &Facts<'_>) -> Vec<AuditEntry> {
    let OrderState::Unknown { write, why, since, quiet_since } = &order.state else {
        return Vec::new();
    };
    let unknown = Unknown { write: *write, why: why.clone(), since: *since, quiet: *quiet_since };
    let precondition = order.attempts.last().and_then(|attempt| attempt.precondition.clone());
    match order.plan.writes.get(unknown.write).map(|write| &write.format) {
        Some(PatchFormat::Call(_)) => return called(order, &unknown, facts),
        Some(PatchFormat::Delete) => return deleted(order, &unknown, facts),
        Some(PatchFormat::Merge | PatchFormat::Json | PatchFormat::Strategic) | None => {}
    }
    let unmarked = order.plan.writes.get(unknown.write).is_some_and(|write| !write.leaves_mark());
    match (decisive(order), precondition) {
        // It leaves no mark: a change may be ours as well as another's.
        (Some(Sighting::Overtaken { .. } | Sighting::Gap), _) if unmarked => {
            by_world(order, &unknown, facts)
        }
        (Some(Sighting::Marked(_)), _) => applied(order, &unknown, facts),
        (Some(Sighting::Deleted), _) => fail(
            order,
            unknown.write,
            (&Text::from("it was deleted"), Outcome::Superseded),
            facts.now,
        ),
        (Some(Sighting::Overtaken { manager, .. }), Some(_)) => {
            let by = manager.as_ref().map_or(String::new(), |name| format!(" (by {name})"));
            let why = format!("another change came first{by}: it was not applied");
            fail(order, unknown.write, (&Text::clean(&why), Outcome::Superseded), facts.now)
        }
        (Some(Sighting::Gap), Some(version)) => after_gap(order, &unknown, &version, facts),
        // Sent without a precondition: whatever came before it, it may yet come. If the world stands so, somebody brought
        // it there.
        (_, None) if stands(order, facts) => by_world(order, &unknown, facts),
        (Some(Sighting::Overtaken { .. }), None) => by_world(order, &unknown, facts),
        (Some(Sighting::Gap), None) => quiet(order, &unknown, None, facts),
        (None, precondition) => quiet(order, &unknown, precondition.as_ref(), facts),
    }
}

fn stands(order: &Order, facts: &Facts<'_>) -> bool {
    matches!(facts.workload, Known::Here(workload) if arrival::stands(&order.plan, workload))
}

/// A gate is no part of the object: that this stays as it is says nothing of the gate.
fn called(order: &mut Order, unknown: &Unknown, facts: &Facts<'_>) -> Vec<AuditEntry> {
    if stands(order, facts) {
        return by_world(order, unknown, facts);
    }
    let patience = order.plan.deadline;
    elsewhere(order, unknown, ("look whether the gate is open, or close it", patience), facts)
}

/// A pod that is deleted is no part of the object either: only when all its pods are of the older template, the one
/// in the way is gone.
fn deleted(order: &mut Order, unknown: &Unknown, facts: &Facts<'_>) -> Vec<AuditEntry> {
    let name = order.plan.writes.get(unknown.write).map(|write| write.object.name.clone());
    let name = name.as_ref().map_or("it", Name::as_str);
    let is_back = matches!(
        facts.workload,
        Known::Here(workload)
            if arrival::judge(&order.plan, &since(order), workload) == Judgement::Arrived
    );
    if is_back {
        let why = &unknown.why;
        let words = format!("no answer came to the deletion of pod {name} ({why}); it is replaced");
        order.notices.push(Text::clean(&words));
        order.accepted_at = Some(facts.now);
        order.state = OrderState::Converging;
        return follow(order, facts);
    }
    let remedy = format!("look whether pod {name} is gone");
    elsewhere(order, unknown, (&remedy, REMOVAL_MAX.min(order.plan.deadline)), facts)
}

/// What the object does not tell is waited for so long.
fn elsewhere(
    order: &mut Order,
    unknown: &Unknown,
    (remedy, patience): (&str, Duration),
    facts: &Facts<'_>,
) -> Vec<AuditEntry> {
    if age(unknown.since, facts.now) < patience {
        return Vec::new();
    }
    let words = format!("{}no answer came ({}): {remedy}", so_far(order, unknown), unknown.why);
    end(order, Outcome::Unknown(Text::clean(&words)), facts.now)
}

/// What the writes before it have done.
fn so_far(order: &Order, unknown: &Unknown) -> String {
    let before = order.plan.writes.iter().take(unknown.write);
    let done: Vec<&str> = before.map(|write| write.done).collect();
    if done.is_empty() { String::new() } else { format!("{}; ", done.join(", ")) }
}

/// What is known of a write without an answer.
struct Unknown {
    write: usize,
    why: Trouble,
    since: Timestamp,
    quiet: Option<Timestamp>,
}

fn applied(order: &mut Order, unknown: &Unknown, facts: &Facts<'_>) -> Vec<AuditEntry> {
    if unknown.write + 1 < order.plan.writes.len() {
        let why = Text::clean(&format!("not sent, because of: {}", unknown.why));
        let outcome = half_done(&order.plan, unknown.write + 1, &why);
        return end(order, outcome, facts.now);
    }
    order.notices.push(Text::from("no answer came; the watch found our mark: it was applied"));
    order.accepted_at = Some(facts.now);
    order.state = OrderState::Converging;
    follow(order, facts)
}

/// The watch had a gap where our mark may have been. If the object is still as it was before our write, the write may
/// yet come.
fn after_gap(
    order: &mut Order,
    unknown: &Unknown,
    precondition: &ResourceVersion,
    facts: &Facts<'_>,
) -> Vec<AuditEntry> {
    match facts.workload {
        Known::Here(workload) if workload.meta.resource_version == *precondition => {
            quiet(order, unknown, Some(precondition), facts)
        }
        Known::Here(_) | Known::Gone | Known::NotYet => by_world(order, unknown, facts),
    }
}

/// All that is left is how the world stands: "probably", or nobody can tell. That it does not stand where it should is no
/// proof: it may have been applied, and undone while nobody watched.
fn by_world(order: &mut Order, unknown: &Unknown, facts: &Facts<'_>) -> Vec<AuditEntry> {
    let current = facts.proven_at.is_some_and(|at| at > unknown.since);
    match facts.workload {
        _ if !current => quiet(order, unknown, None, facts),
        Known::NotYet => quiet(order, unknown, None, facts),
        Known::Gone => fail(
            order,
            unknown.write,
            (&Text::from("it was deleted"), Outcome::Superseded),
            facts.now,
        ),
        Known::Here(_) if stands(order, facts) => {
            let words = format!(
                "probably applied: no answer came ({}), its mark was not seen, and it stands where it should",
                unknown.why
            );
            end(order, Outcome::Unknown(Text::clean(&words)), facts.now)
        }
        Known::Here(_) => end(order, untold(order, unknown), facts.now),
    }
}

/// Neither the mark nor the world says what became of it.
fn untold(order: &Order, unknown: &Unknown) -> Outcome {
    let before = so_far(order, unknown);
    Outcome::Unknown(Text::clean(&format!(
        "{before}no answer came ({}), and it does not stand where it should: it was not applied, or undone since",
        unknown.why
    )))
}

/// Whether silence proves anything: the object still has the version that was written to, or the mark would have been seen.
fn is_proof(order: &Order, write: Option<&Write>, precondition: Option<&ResourceVersion>) -> bool {
    let Some(write) = write else { return false };
    let is_pinned = precondition.is_some() && is_own(&order.plan, write);
    is_pinned || write.leaves_mark() && !matches!(decisive(order), Some(Sighting::Gap))
}

/// Nothing was seen. While the watch is current and the object does not change for as long as a request can live,
/// the write was not applied.
fn quiet(
    order: &mut Order,
    unknown: &Unknown,
    precondition: Option<&ResourceVersion>,
    facts: &Facts<'_>,
) -> Vec<AuditEntry> {
    let now = facts.now;
    let current = facts.proven_at.is_some_and(|at| at > unknown.since && age(at, now) < STALE_FROM);
    let write = order.plan.writes.get(unknown.write);
    let own = write.is_some_and(|it| is_own(&order.plan, it));
    let unchanged = match (facts.workload, precondition) {
        (Known::Here(workload), Some(version)) if own => workload.meta.resource_version == *version,
        (Known::Here(_), _) => !stands(order, facts),
        // A write that is still on its way finds nothing; the watch has no more to tell.
        (Known::Gone, _) => true,
        (Known::NotYet, _) => false,
    };
    let quiet = if current && unchanged { unknown.quiet.or(Some(now)) } else { None };
    if quiet.is_some_and(|at| age(at, now) >= QUIET_MIN) {
        if matches!(facts.workload, Known::Gone) {
            let why = Text::clean(&format!("no answer came ({}), and it is gone", unknown.why));
            return fail(order, unknown.write, (&why, Outcome::Superseded), now);
        }
        if !is_proof(order, write, precondition) {
            return end(order, untold(order, unknown), now);
        }
        let (why, seconds) = (&unknown.why, QUIET_MIN.as_secs());
        let why = Text::clean(&format!(
            "no answer came ({why}), and nothing changed within {seconds} s: it was not applied"
        ));
        return fail(order, unknown.write, (&why, Outcome::Failed), now);
    }
    if age(unknown.since, now) >= UNKNOWN_MAX {
        return end(order, Outcome::Unknown(Text::clean(&unknown.why.to_string())), now);
    }
    if let OrderState::Unknown { quiet_since, .. } = &mut order.state {
        *quiet_since = quiet;
    }
    Vec::new()
}
