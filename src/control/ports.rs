//! The ports: what the decisions need from the outside. Signatures only; `backends` fulfils them, tests fake them.

use std::future::Future;

use super::audit::AuditRecord;
use super::clearance::Clearance;
use super::order::{Attempt, Execution, Order};
use super::plan::{Plan, Rehearsal};
use crate::domain::feed::Trouble;
use crate::domain::text::Text;

/// Reads, rehearses and carries out.
pub trait Executor {
    /// Reads the object from the server, asks the access review, and sends the same writes as a dry run.
    fn rehearse(&self, plan: &Plan) -> impl Future<Output = Result<Rehearsal, Trouble>> + Send;

    /// Reads and patches, write by write; every attempt is reported as it ends.
    fn execute(
        &self,
        clearance: Clearance,
        report: impl FnMut(Attempt) + Send,
    ) -> impl Future<Output = Execution> + Send;

    /// Writes an Event on the object that tells how the order ended. Best effort: an error is a note, never a failure.
    fn announce(
        &self,
        order: &Order,
        identity: Option<&Text>,
    ) -> impl Future<Output = Result<(), Text>> + Send;
}

/// The file of deeds.
pub trait AuditLog {
    /// Whether it takes records now, as far as that can be known without writing one.
    fn ready(&self) -> impl Future<Output = Result<(), Text>> + Send;

    /// Appends one record and returns when it is on disk.
    fn append(&self, record: AuditRecord) -> impl Future<Output = Result<(), Text>> + Send;
}
