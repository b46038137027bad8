//! The record of deeds: what is written before a call leaves, after it came back, and when the world has settled.

use super::order::{Attempt, Outcome};
use super::plan::{Plan, ResolvedWrite};
use crate::domain::ids::OrderId;
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

/// One record of the audit file; the file itself adds number, chain and host.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRecord {
    /// Which order.
    pub order: OrderId,
    /// When it was made.
    pub at: Timestamp,
    /// Who, as the API server says; `None` where it was never told.
    pub identity: Option<Text>,
    /// What happened.
    pub entry: AuditEntry,
}

/// What a record tells.
#[derive(Clone, Debug, PartialEq)]
pub enum AuditEntry {
    /// The deed is about to be sent.
    Intent {
        /// The whole plan.
        plan: Box<Plan>,
        /// The exact patches.
        writes: Vec<ResolvedWrite>,
        /// What the operator saw.
        evidence: Text,
        /// Checks that were overridden, with reasons.
        overrides: Vec<(Text, Text)>,
        /// What the checks found without stopping the deed.
        shown: Vec<Text>,
    },
    /// One attempt and its answer.
    Attempt(Attempt),
    /// How it ended.
    Outcome(Outcome),
    /// It ended before anything was sent, so that no intent says what it was.
    Declined {
        /// What it would have been.
        plan: Box<Plan>,
        /// How it ended.
        outcome: Outcome,
    },
    /// Something that must not be lost ("intent was not on disk before the call").
    Note(Text),
}

impl AuditEntry {
    /// How an order ended. Where nothing was sent no intent says what it was, so the record says it.
    #[must_use]
    pub fn ended(plan: &Plan, outcome: Outcome) -> Self {
        match outcome {
            Outcome::Refused(_) | Outcome::NotSent(_) => {
                Self::Declined { plan: Box::new(plan.clone()), outcome }
            }
            Outcome::Arrived
            | Outcome::Accepted
            | Outcome::Failed(_)
            | Outcome::HalfDone(_)
            | Outcome::Stalled(_)
            | Outcome::Superseded(_)
            | Outcome::Unknown(_) => Self::Outcome(outcome),
        }
    }
}
