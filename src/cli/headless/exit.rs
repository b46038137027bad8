//! Exit codes (`design/contract.md`). Scripts branch on them; the table is in `--help` and in the README.

use crate::analysis::rollout_status::Health;
use crate::app::sources::SourceState;
use crate::app::state::State;
use crate::control::check::{CheckId, Refusal};
use crate::control::order::{AttemptAnswer, Order, OrderState, Outcome};
use crate::domain::feed::{SourceId, SourceKind};
use crate::runtime::front::Cause;

/// Done; a deed's code speaks of the deed.
pub const DONE: u8 = 0;
/// A fault of our own.
pub const FAULT: u8 = 1;
/// Usage, config, kubeconfig or context wrong, object not found, no `--yes`.
pub const USAGE: u8 = 2;
/// Still on its way.
pub const ON_ITS_WAY: u8 = 3;
/// Degraded, aborted, missing, or the awaited state can no longer be reached.
pub const DEGRADED: u8 = 4;
/// No answer, stale, outcome unknown; a source was silent.
pub const NO_ANSWER: u8 = 5;
/// Refused by a check or by admission, impossible, footing changed, `--read-only`.
pub const REFUSED: u8 = 6;
/// Not authenticated or not permitted.
pub const DENIED: u8 = 7;
/// Interrupted.
pub const INTERRUPTED: u8 = 130;

/// Every code with its meaning, for help and README.
pub const TABLE: [(u8, &str); 9] = [
    (DONE, "done; a deed's code speaks of the deed: an abort that arrived is 0"),
    (FAULT, "a fault of our own"),
    (USAGE, "usage, config, kubeconfig or context wrong, object not found, no --yes"),
    (
        ON_ITS_WAY,
        "--timeout passed while still on its way; status of Progressing or Suspended; judge: marginal",
    ),
    (
        DEGRADED,
        "Degraded, aborted, Missing, or the awaited state can no longer be reached; judge: it fails",
    ),
    (
        NO_ANSWER,
        "no answer, stale, outcome unknown; get, watch: a source was silent; explain: a part unreadable",
    ),
    (REFUSED, "refused by a check or by admission, impossible deed, footing changed, --read-only"),
    (DENIED, "not authenticated (401) or not permitted (access review says no)"),
    (INTERRUPTED, "interrupted (recorded)"),
];

/// The code that tells how the API servers did: all denied, or one of them silent.
#[must_use]
pub fn of_sources(state: &State) -> u8 {
    let sources = || state.sources().iter().filter(|(id, _)| id.kind == SourceKind::Kubernetes);
    // One that answers and has not told all it knows is as silent as one that does not answer.
    let has_told = |id: &SourceId, source: SourceState| match source {
        SourceState::Live | SourceState::Degraded => state.fleet().is_synced(&id.cluster),
        SourceState::Connecting | SourceState::Stale | SourceState::Denied | SourceState::Down => {
            false
        }
    };
    let now = state.now();
    let count = sources().count();
    if count > 0 && sources().all(|(_, source)| source.state(now) == SourceState::Denied) {
        DENIED
    } else if sources().all(|(id, source)| has_told(id, source.state(now))) {
        DONE
    } else {
        NO_ANSWER
    }
}

/// The code of a program that was ended from outside.
#[must_use]
pub const fn of_cause(cause: Cause) -> u8 {
    match cause {
        Cause::Asked => DONE,
        Cause::Hangup => 129,
        Cause::Signal(code) => code,
    }
}

/// The code of `status`.
#[must_use]
pub const fn of_health(health: Health) -> u8 {
    match health {
        Health::Healthy => DONE,
        Health::Progressing | Health::Suspended => ON_ITS_WAY,
        Health::Degraded | Health::Missing => DEGRADED,
        Health::Unknown => NO_ANSWER,
    }
}

/// The code of refusals: a missing right is another thing than a check of ours.
#[must_use]
pub fn of_refusals(refusals: &[Refusal]) -> u8 {
    let is_denied = refusals.iter().any(|refusal| refusal.check == CheckId::Permission);
    if is_denied { DENIED } else { REFUSED }
}

/// The code of a deed.
#[must_use]
pub fn of_order(order: &Order) -> u8 {
    match &order.state {
        OrderState::Ended(outcome) => of_outcome(order, outcome),
        OrderState::Converging => ON_ITS_WAY,
        OrderState::Unknown { .. }
        | OrderState::Rehearsing
        | OrderState::Rehearsed(_)
        | OrderState::RehearsalFailed(_)
        | OrderState::Sending => NO_ANSWER,
    }
}

fn of_outcome(order: &Order, outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Arrived | Outcome::Accepted => DONE,
        Outcome::Refused(refusals) => of_refusals(refusals),
        Outcome::Failed(_) => failed(order),
        // Nobody refused it: it went, and where it wanted to go can no longer be reached.
        Outcome::Stalled(_) | Outcome::Superseded(_) => DEGRADED,
        Outcome::HalfDone(_) => REFUSED,
        Outcome::Unknown(_) | Outcome::NotSent(_) => NO_ANSWER,
    }
}

fn failed(order: &Order) -> u8 {
    match order.attempts.last().map(|attempt| &attempt.answer) {
        Some(AttemptAnswer::Rejected { code: 401, .. }) => DENIED,
        Some(AttemptAnswer::Rejected { code: 404, .. }) => USAGE,
        Some(AttemptAnswer::NeverLeft(_) | AttemptAnswer::NoAnswer(_)) => NO_ANSWER,
        Some(
            AttemptAnswer::Rejected { .. }
            | AttemptAnswer::Conflict
            | AttemptAnswer::Accepted { .. },
        )
        | None => REFUSED,
    }
}
