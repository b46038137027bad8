//! How an order moves: pure transitions over news, facts and time. Who carries news here and records away is the
//! business of `app` and `runtime`.
//!
//! ```text
//! Rehearsing ─▶ Rehearsed | RehearsalFailed ─▶ Sending ─▶ Converging ─▶ Ended
//!                                                 └─▶ Unknown ─(mark)─▶ Converging
//!                                                        └─(overtaken, gap, quiet)─▶ Ended
//! ```

use std::time::Duration;

use super::arrival::{self, Judgement, Since};
use super::audit::AuditEntry;
use super::check::{CheckId, Refusal};
use super::order::{Attempt, AttemptAnswer, Execution, Order, OrderNews, OrderState, Outcome};
use super::order_unknown::resolve;
use super::plan::{ObjectKind, Plan, Write};
use super::undone;
use crate::domain::feed::{Sighting, Trouble};
use crate::domain::ids::ResourceVersion;
use crate::domain::observed::{STALE_FROM, Timestamp, age};
use crate::domain::text::Text;
use crate::domain::workload::Workload;

/// What is known when something happens.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The workload.
    pub workload: Known<'a>,
    /// When its source last proved that this is current.
    pub proven_at: Option<Timestamp>,
    /// Our clock.
    pub now: Timestamp,
}

/// Whether the workload is known.
#[derive(Clone, Copy, Debug)]
pub enum Known<'a> {
    /// It is there.
    Here(&'a Workload),
    /// It was there, and is gone.
    Gone,
    /// The source has not told yet.
    NotYet,
}

/// A new order, about to be rehearsed.
#[must_use]
pub const fn begin(plan: Plan, now: Timestamp) -> Order {
    Order {
        plan,
        state: OrderState::Rehearsing,
        attempts: Vec::new(),
        notices: Vec::new(),
        sightings: Vec::new(),
        waiting_for: None,
        unrecordable: None,
        started_at: now,
        stood_since: None,
        accepted_at: None,
        ended_at: None,
    }
}

/// The order was cleared and is handed to the executor.
pub fn sent(order: &mut Order) {
    if is_unsent(order) {
        order.state = OrderState::Sending;
    }
}

/// The checks said no, and the operator will not ask again. Returns what to record.
#[must_use]
pub fn refused(order: &mut Order, refusals: Vec<Refusal>, now: Timestamp) -> Vec<AuditEntry> {
    if order.is_over() { Vec::new() } else { end(order, Outcome::Refused(refusals), now) }
}

/// Takes news of the order. Returns what to record.
#[must_use]
pub fn advance(order: &mut Order, news: OrderNews, facts: &Facts<'_>) -> Vec<AuditEntry> {
    match news {
        OrderNews::Rehearsed(answer) => {
            rehearsed(order, answer);
            Vec::new()
        }
        OrderNews::Attempted(attempt) => {
            attempted(order, *attempt);
            Vec::new()
        }
        OrderNews::Recordable(answer) => {
            order.unrecordable = answer.err();
            Vec::new()
        }
        OrderNews::NotRecorded(why) => {
            order.notices.push(Text::clean(&format!("not recorded: {why}")));
            Vec::new()
        }
        OrderNews::Executed(execution) => executed(order, execution, facts),
        OrderNews::Sighted(sighting) => sighted(order, sighting, facts),
    }
}

/// Looks at new facts, or at the same ones later. Returns what to record.
#[must_use]
pub fn look(order: &mut Order, facts: &Facts<'_>) -> Vec<AuditEntry> {
    match order.state {
        OrderState::Converging => follow(order, facts),
        OrderState::Unknown { .. } => resolve(order, facts),
        OrderState::Rehearsing
        | OrderState::Rehearsed(_)
        | OrderState::RehearsalFailed(_)
        | OrderState::Sending
        | OrderState::Ended(_) => Vec::new(),
    }
}

pub(super) const fn is_unsent(order: &Order) -> bool {
    matches!(
        order.state,
        OrderState::Rehearsing | OrderState::Rehearsed(_) | OrderState::RehearsalFailed(_)
    )
}

fn rehearsed(order: &mut Order, answer: Result<Box<super::plan::Rehearsal>, Trouble>) {
    if is_unsent(order) {
        order.state = match answer {
            Ok(rehearsal) => OrderState::Rehearsed(rehearsal),
            Err(trouble) => OrderState::RehearsalFailed(trouble),
        };
    }
}

fn attempted(order: &mut Order, attempt: Attempt) {
    // What the watch lost before an attempt that was answered says nothing of a later one.
    if !matches!(attempt.answer, AttemptAnswer::NoAnswer(_)) {
        order.sightings.retain(|sighting| *sighting != Sighting::Gap);
    }
    if order.attempts.len() < ATTEMPTS_MAX {
        order.attempts.push(attempt);
    } else if let Some(last) = order.attempts.last_mut() {
        *last = attempt;
    }
}

/// Most attempts kept of one order. The executor sends for five seconds at most, so this is never reached by it;
/// beyond it the last one counts, which is the one that decides.
pub const ATTEMPTS_MAX: usize = 256;

fn executed(order: &mut Order, execution: Execution, facts: &Facts<'_>) -> Vec<AuditEntry> {
    if order.state != OrderState::Sending {
        return Vec::new();
    }
    let now = facts.now;
    match execution {
        Execution::Accepted => {
            order.accepted_at = Some(now);
            order.state = OrderState::Converging;
            follow(order, facts)
        }
        Execution::Unknown { write, why } => {
            order.state = OrderState::Unknown { write, why, since: now, quiet_since: None };
            resolve(order, facts)
        }
        Execution::Failed { write, why } => fail(order, write, (&why, Outcome::Failed), now),
        Execution::NotSent { write, why } => {
            fail(order, write, (&Text::clean(&why.to_string()), Outcome::NotSent), now)
        }
        Execution::Superseded { write, differences } => {
            fail(order, write, (&sentence(&differences), Outcome::Superseded), now)
        }
        Execution::NotRecorded(why) => {
            let refusal = Refusal::new(
                CheckId::Record,
                &format!("the deed cannot be recorded: {why}"),
                "make room in the audit folder; pause and abort go without",
            );
            end(order, Outcome::Refused(vec![refusal]), now)
        }
        Execution::Expired => end(order, Outcome::NotSent(Text::from(EXPIRED)), now),
    }
}

/// Why a clearance that waited too long sends nothing.
const EXPIRED: &str = "what the checks said is older than 5 s: say yes again";

/// A write failed: alone it is the outcome, after another write it is a half.
pub(super) fn fail(
    order: &mut Order,
    write: usize,
    (why, alone): (&Text, fn(Text) -> Outcome),
    now: Timestamp,
) -> Vec<AuditEntry> {
    let outcome = if write == 0 { alone(why.clone()) } else { half_done(&order.plan, write, why) };
    end(order, outcome, now)
}

/// Which half is done, and which is not.
pub(super) fn half_done(plan: &Plan, write: usize, why: &Text) -> Outcome {
    let done: Vec<&str> = plan.writes.iter().take(write).map(|write| write.done).collect();
    let missing = plan.writes.get(write).map_or("the rest", |write| write.done);
    Outcome::HalfDone(Text::clean(&format!(
        "half done: {}; but not yet: {missing} ({why})",
        done.join(", ")
    )))
}

fn sentence(differences: &[Text]) -> Text {
    let words: Vec<&str> = differences.iter().map(Text::as_str).collect();
    Text::clean(&format!("it changed first: {}", words.join(", ")))
}

fn sighted(order: &mut Order, sighting: Sighting, facts: &Facts<'_>) -> Vec<AuditEntry> {
    if order.is_over() {
        return Vec::new();
    }
    if order.sightings.len() < ATTEMPTS_MAX {
        order.sightings.push(sighting);
    }
    look(order, facts)
}

/// The sighting that decides about the last attempt: every attempt has its own, and news of the watch and of the
/// executor come on different ways. One of a version that is not later than the precondition belongs to an attempt
/// before (a conflict, the first write of two).
pub(super) fn decisive(order: &Order) -> Option<Sighting> {
    let last = order.attempts.last();
    let answered = order.attempts.iter().filter_map(accepted_version);
    let floor: Vec<&ResourceVersion> = last
        .and_then(|attempt| attempt.precondition.as_ref())
        .into_iter()
        .chain(answered)
        .collect();
    let counts = |sighting: &&Sighting| match sighting {
        Sighting::Marked(version) | Sighting::Overtaken { by: version, .. } => {
            floor.iter().all(|then| arrival::is_later(version, then))
        }
        Sighting::Gap | Sighting::Deleted => true,
    };
    let mut found = order.sightings.iter().filter(counts);
    let first = found.next()?;
    // After a gap a mark may still be found, and is worth more.
    let better = found.find(|sighting| **sighting != Sighting::Gap);
    match (first, better) {
        (Sighting::Gap, Some(better)) => Some(better.clone()),
        (
            Sighting::Gap | Sighting::Marked(_) | Sighting::Overtaken { .. } | Sighting::Deleted,
            _,
        ) => Some(first.clone()),
    }
}

fn accepted_version(attempt: &Attempt) -> Option<&ResourceVersion> {
    match &attempt.answer {
        AttemptAnswer::Accepted { version, .. } => Some(version),
        AttemptAnswer::Conflict
        | AttemptAnswer::Rejected { .. }
        | AttemptAnswer::NoAnswer(_)
        | AttemptAnswer::NeverLeft(_) => None,
    }
}

pub(super) fn follow(order: &mut Order, facts: &Facts<'_>) -> Vec<AuditEntry> {
    let since = since(order);
    if let Known::Here(workload) = facts.workload
        && let Some(why) = undone::undone(order, &since, workload, facts.now)
    {
        return end(order, Outcome::Superseded(why), facts.now);
    }
    let judged = match facts.workload {
        Known::Here(workload) => arrival::judge(&order.plan, &since, workload),
        Known::Gone => Judgement::Superseded(Text::from("it was deleted")),
        Known::NotYet => Judgement::NotYet(Text::from("the cluster has not told of it yet")),
    };
    match judged {
        Judgement::Arrived => match undone::watched(order, facts.now) {
            Some(why) => {
                order.waiting_for = Some(why);
                Vec::new()
            }
            None => end(order, Outcome::Arrived, facts.now),
        },
        Judgement::Dropped(why) => end(order, Outcome::Stalled(why), facts.now),
        Judgement::Superseded(why) => end(order, Outcome::Superseded(why), facts.now),
        Judgement::NotYet(why) => wait(order, why, facts),
    }
}

fn wait(order: &mut Order, why: Text, facts: &Facts<'_>) -> Vec<AuditEntry> {
    let waited = order.accepted_at.map_or(Duration::ZERO, |at| age(at, facts.now));
    if waited < order.plan.deadline {
        order.waiting_for = Some(why);
        return Vec::new();
    }
    let silent = facts.proven_at.is_none_or(|at| age(at, facts.now) >= STALE_FROM);
    let outcome = if silent {
        let words = format!("accepted, but the cluster has gone silent; last known: {why}");
        Outcome::Unknown(Text::clean(&words))
    } else {
        Outcome::Stalled(why)
    };
    end(order, outcome, facts.now)
}

/// A deed that was called stalled, and stands now where it wanted to: it came late.
#[must_use]
pub fn came_late(order: &Order, workload: &Workload) -> bool {
    matches!(order.state, OrderState::Ended(Outcome::Stalled(_)))
        && arrival::judge(&order.plan, &since(order), workload) == Judgement::Arrived
}

/// From when on facts count, by the answers (or, for a write without one, by its mark).
pub(super) fn since(order: &Order) -> Since {
    let mut since = Since::default();
    for attempt in &order.attempts {
        let AttemptAnswer::Accepted { version, generation, .. } = &attempt.answer else {
            continue;
        };
        match order.plan.writes.get(attempt.write) {
            Some(write) if is_own(&order.plan, write) => {
                since.version = Some(version.clone());
                since.generation = *generation;
            }
            Some(write) if write.object.kind == ObjectKind::Deployment => {
                since.template_generation = *generation;
            }
            Some(_) | None => {}
        }
    }
    let unanswered =
        order.attempts.last().is_some_and(|attempt| accepted_version(attempt).is_none());
    let last = order.plan.writes.last().is_some_and(|write| is_own(&order.plan, write));
    if let (true, true, Some(Sighting::Marked(version))) = (unanswered, last, decisive(order)) {
        since.version = Some(version);
    }
    since
}

/// The write is to the workload's own object (and not to the Deployment it refers to).
pub(super) fn is_own(plan: &Plan, write: &Write) -> bool {
    write.object.kind == ObjectKind::of(plan.target.kind) && write.object.name == plan.target.name
}

pub(super) fn end(order: &mut Order, outcome: Outcome, now: Timestamp) -> Vec<AuditEntry> {
    order.waiting_for = None;
    order.ended_at = Some(now);
    order.state = OrderState::Ended(outcome.clone());
    vec![AuditEntry::ended(&order.plan, outcome)]
}
