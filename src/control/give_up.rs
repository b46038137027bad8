//! Leaving an order alone: before anything was sent, and after.

use super::audit::AuditEntry;
use super::order::{Order, OrderState, Outcome};
use super::order_machine::{end, is_unsent};
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

/// Why an order is not followed any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveUp {
    /// `--no-wait`.
    NoWait,
    /// The operator left, or `Ctrl-C`.
    Interrupted,
}

/// Why nothing was sent when the operator said no: no news to whoever said it.
pub const GIVEN_UP: &str = "given up before anything was sent";

/// Stops following the order. What was sent stays sent. Returns what to record.
#[must_use]
pub fn give_up(order: &mut Order, how: GiveUp, now: Timestamp) -> Vec<AuditEntry> {
    let outcome = match (&order.state, how) {
        (OrderState::Ended(_), _)
        | (OrderState::Sending | OrderState::Unknown { .. }, GiveUp::NoWait) => return Vec::new(),
        (OrderState::Converging, GiveUp::NoWait | GiveUp::Interrupted) => Outcome::Accepted,
        (OrderState::Sending, GiveUp::Interrupted) => {
            Outcome::Unknown(Text::from("interrupted while it was being sent"))
        }
        (OrderState::Unknown { why, .. }, GiveUp::Interrupted) => {
            Outcome::Unknown(Text::clean(&format!("interrupted before the watch told: {why}")))
        }
        (
            OrderState::Rehearsing | OrderState::Rehearsed(_) | OrderState::RehearsalFailed(_),
            GiveUp::NoWait | GiveUp::Interrupted,
        ) => Outcome::NotSent(Text::from(GIVEN_UP)),
    };
    end(order, outcome, now)
}

/// Another one of the same deed on several rows ended otherwise than hoped before this one's turn. Nothing left this
/// program and no intent was recorded.
pub fn not_sent(order: &mut Order, why: Text, now: Timestamp) {
    if is_unsent(order) {
        let _ = end(order, Outcome::NotSent(why), now);
    }
}
