//! An order: one deed on its way, from the rehearsal to the moment at which the watch has seen the world arrive.

use super::check::Refusal;
use super::plan::{Plan, Rehearsal};
use crate::domain::feed::{Sighting, Trouble};
use crate::domain::ids::{Generation, OrderId, ResourceVersion};
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

/// A deed on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// The plan, with its id and target.
    pub plan: Plan,
    /// How far it is.
    pub state: OrderState,
    /// Every attempt to write, in order.
    pub attempts: Vec<Attempt>,
    /// What the operator must hear although it went on ("not recorded: disk full").
    pub notices: Vec<Text>,
    /// What the watch saw after our preconditions, in order; it decides when a write got no answer.
    pub sightings: Vec<Sighting>,
    /// Why it has not arrived yet, while it is followed.
    pub waiting_for: Option<Text>,
    /// Why it could not be recorded, as known before it is sent: the evidence of that check.
    pub unrecordable: Option<Text>,
    /// When it was asked for.
    pub started_at: Timestamp,
    /// Since when a change of the template stands as it should.
    pub stood_since: Option<Timestamp>,
    /// When the last write was accepted.
    pub accepted_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// How far an order is.
#[derive(Clone, Debug, PartialEq)]
pub enum OrderState {
    /// Asked of the server; a dialog may be open.
    Rehearsing,
    /// Rehearsed; waits for the operator.
    Rehearsed(Box<Rehearsal>),
    /// The rehearsal failed or hangs.
    RehearsalFailed(Trouble),
    /// Cleared and handed to the executor.
    Sending,
    /// Every write was answered; the watch decides.
    Converging,
    /// A write got no answer: it may have happened. Never sent again.
    Unknown {
        /// Which write, from 0.
        write: usize,
        /// What went wrong.
        why: Trouble,
        /// When it became unknown.
        since: Timestamp,
        /// Since when the watch has been current again without showing any change of the object.
        quiet_since: Option<Timestamp>,
    },
    /// Over.
    Ended(Outcome),
}

/// How an order ended; the words of the published documents.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The watch saw it.
    Arrived,
    /// Accepted, and not followed (`--no-wait`).
    Accepted,
    /// A check said no; nothing was sent.
    Refused(Vec<Refusal>),
    /// The server said no.
    Failed(Text),
    /// Accepted, and not arrived in time or dropped by the controller.
    Stalled(Text),
    /// Somebody or something else changed the footing first.
    Superseded(Text),
    /// It may have happened, and nobody can tell.
    Unknown(Text),
    /// Interrupted or given up before anything was sent.
    NotSent(Text),
    /// A later write of the deed failed: which half is done.
    HalfDone(Text),
}

impl Outcome {
    /// The word in documents and in the audit file. A half-done deed is `failed` there, with its message.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Arrived => "arrived",
            Self::Accepted => "accepted",
            Self::Refused(_) => "refused",
            Self::Failed(_) | Self::HalfDone(_) => "failed",
            Self::Stalled(_) => "stalled",
            Self::Superseded(_) => "superseded",
            Self::Unknown(_) => "unknown",
            Self::NotSent(_) => "not-sent",
        }
    }

    /// Its sentence, where it has one.
    #[must_use]
    pub const fn message(&self) -> Option<&Text> {
        match self {
            Self::Arrived | Self::Accepted | Self::Refused(_) => None,
            Self::Failed(why)
            | Self::Stalled(why)
            | Self::Superseded(why)
            | Self::Unknown(why)
            | Self::NotSent(why)
            | Self::HalfDone(why) => Some(why),
        }
    }
}

/// One attempt to write.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Which write of the plan, from 0.
    pub write: usize,
    /// The precondition it carried; `None` where a read failed and pause or abort went without.
    pub precondition: Option<ResourceVersion>,
    /// When it left.
    pub sent_at: Timestamp,
    /// What came back.
    pub answer: AttemptAnswer,
    /// The API server's `Audit-Id`.
    pub audit_id: Option<Text>,
}

/// What came back from one attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum AttemptAnswer {
    /// 200.
    Accepted {
        /// The version in the answer.
        version: ResourceVersion,
        /// The generation in the answer.
        generation: Option<Generation>,
        /// False when the write changed nothing: then the answer is the evidence, no watch event comes.
        changed: bool,
        /// Warnings of the server.
        warnings: Vec<Text>,
    },
    /// 409: proves that nothing was written.
    Conflict,
    /// Another status: nothing was written.
    Rejected {
        /// The HTTP status.
        code: u16,
        /// The server's words, cut.
        why: Text,
    },
    /// Nothing came back, or a 5xx: it may have been written.
    NoAnswer(Trouble),
    /// It certainly never left (refused connection, name not found).
    NeverLeft(Trouble),
}

/// News of an order, from the effects that carry it.
#[derive(Clone, Debug, PartialEq)]
pub enum OrderNews {
    /// The rehearsal's answer.
    Rehearsed(Result<Box<Rehearsal>, Trouble>),
    /// One attempt is over.
    Attempted(Box<Attempt>),
    /// Before it is sent: whether the audit file takes records.
    Recordable(Result<(), Text>),
    /// The intent or a receipt could not be recorded, and (pause, abort) it goes on loudly.
    NotRecorded(Text),
    /// The executor is done; the last attempt says how.
    Executed(Execution),
    /// The watch saw something that an unknown write waits for.
    Sighted(Sighting),
}

/// How the executor ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Execution {
    /// Every write was answered with 200.
    Accepted,
    /// The server refused a write; earlier writes stand.
    Failed {
        /// Which write, from 0.
        write: usize,
        /// Why.
        why: Text,
    },
    /// A write certainly never left (no connection); earlier writes stand.
    NotSent {
        /// Which write, from 0.
        write: usize,
        /// Why.
        why: Trouble,
    },
    /// A write may have happened.
    Unknown {
        /// Which write, from 0.
        write: usize,
        /// Why.
        why: Trouble,
    },
    /// The footing changed; earlier writes stand.
    Superseded {
        /// Which write was next, from 0.
        write: usize,
        /// What changed.
        differences: Vec<Text>,
    },
    /// The intent could not be recorded and the deed is one that needs it.
    NotRecorded(Text),
    /// The clearance had run out before it could be used.
    Expired,
}

impl Order {
    /// Its name.
    #[must_use]
    pub const fn id(&self) -> &OrderId {
        &self.plan.id
    }

    /// True when nothing more will happen to it.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.state, OrderState::Ended(_))
    }
}
