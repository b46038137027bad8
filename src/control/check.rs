//! Checks: the preconditions of ours. All are asked at once, and all refusals come back together, each with its remedy.

use crate::domain::text::Text;

/// The checks, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CheckId {
    /// `--read-only`.
    ReadOnly,
    /// The cluster is armed.
    Armed,
    /// The deed is possible in this state at all.
    Possible,
    /// The access review.
    Permission,
    /// The rehearsal.
    Rehearsal,
    /// Facts are at most 15 s old.
    Freshness,
    /// Nothing changed since the operator said yes.
    Footing,
    /// The intent can be recorded.
    Record,
    /// The name is one that Kubernetes allows, so that what is shown is what is sent.
    Identity,
    /// The operator confirmed it the way this deed asks for.
    Confirmed,
}

impl CheckId {
    /// The word in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::Armed => "armed",
            Self::Possible => "possible",
            Self::Permission => "permission",
            Self::Rehearsal => "rehearsal",
            Self::Freshness => "freshness",
            Self::Footing => "footing",
            Self::Record => "record",
            Self::Identity => "identity",
            Self::Confirmed => "confirmed",
        }
    }
}

/// Why a deed may not go, and what would change that.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Which check.
    pub check: CheckId,
    /// Its reason, with the evidence.
    pub why: Text,
    /// What the operator can do.
    pub remedy: Text,
}

impl Refusal {
    /// A refusal teaches: there is none without a remedy.
    #[must_use]
    pub fn new(check: CheckId, why: &str, remedy: &str) -> Self {
        Self { check, why: Text::clean(why), remedy: Text::clean(remedy) }
    }
}
