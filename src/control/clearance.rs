//! The proof that a deed may go: only [`clear`](super::check::clear) makes one, and one clearance carries one deed.

use std::time::Duration;

use super::check::CheckId;
use super::plan::{Plan, ResolvedWrite};
use crate::domain::observed::{Timestamp, age};
use crate::domain::text::Text;

/// How long a clearance is good; afterwards the deed is cleared anew. Pause and abort have no limit.
pub const CLEARANCE_AGE_MAX: Duration = Duration::from_secs(5);

/// A deed that may go. It cannot be made elsewhere, cloned or used twice.
///
/// ```compile_fail
/// let forged = pilothouse::control::clearance::Clearance { };
/// ```
#[derive(Debug, PartialEq)]
pub struct Clearance {
    plan: Plan,
    writes: Vec<ResolvedWrite>,
    overrides: Vec<(CheckId, Text)>,
    evidence: Text,
    cleared_at: Timestamp,
}

impl Clearance {
    /// For `control::check::clear` alone.
    pub(super) const fn grant(
        plan: Plan,
        writes: Vec<ResolvedWrite>,
        overrides: Vec<(CheckId, Text)>,
        evidence: Text,
        cleared_at: Timestamp,
    ) -> Self {
        Self { plan, writes, overrides, evidence, cleared_at }
    }

    /// What was cleared.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The writes, as shown to the operator. Empty when the rehearsal was not waited for (pause, abort):
    /// then the executor resolves the plan's own writes.
    #[must_use]
    pub fn writes(&self) -> &[ResolvedWrite] {
        &self.writes
    }

    /// Checks that the operator overrode, with the reasons.
    #[must_use]
    pub fn overrides(&self) -> &[(CheckId, Text)] {
        &self.overrides
    }

    /// What the operator saw, for the record.
    #[must_use]
    pub const fn evidence(&self) -> &Text {
        &self.evidence
    }

    /// When it was cleared.
    #[must_use]
    pub const fn cleared_at(&self) -> Timestamp {
        self.cleared_at
    }

    /// Whether it is still good.
    #[must_use]
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.plan.action.danger() == super::action::Danger::Safe
            || age(self.cleared_at, now) <= CLEARANCE_AGE_MAX
    }
}
