//! One order from end to end: intent on disk, executor, receipts, outcome. Generic over the ports, so that it is tested
//! on fakes; whatever happens to executor or audit file, exactly one [`OrderNews::Executed`] is sent.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::timeout;

use crate::control::action::Danger;
use crate::control::audit::{AuditEntry, AuditRecord};
use crate::control::clearance::Clearance;
use crate::control::order::{Attempt, Execution, Order, OrderNews, OrderState, Outcome};
use crate::control::order_machine::ATTEMPTS_MAX;
use crate::control::plan::Plan;
use crate::control::ports::{AuditLog, Executor};
use crate::domain::feed::Trouble;
use crate::domain::ids::OrderId;
use crate::domain::observed::Clock;
use crate::domain::text::Text;

/// So long pause and abort wait for their record; then they go without, loudly (`design/deeds.md`).
pub const RECORD_WAIT_SAFE: Duration = Duration::from_millis(500);

/// So long any other deed waits for its record; then it is refused. Longer than any healthy disk takes, shorter than
/// the patience of an operator who confirmed.
pub const RECORD_WAIT: Duration = Duration::from_secs(4);

/// So long an Event on the object may take.
const ANNOUNCE_WAIT: Duration = Duration::from_secs(10);

/// Who carries an order out.
#[derive(Clone, Copy)]
pub struct Crew<'a, E, A> {
    /// Reads and writes the cluster.
    pub executor: &'a E,
    /// Keeps the record.
    pub audit: &'a A,
    /// Our clock.
    pub clock: &'a Clock,
    /// Who we are, as the API server says.
    pub identity: Option<&'a Text>,
}

/// News of an order, with its name.
pub type News = (OrderId, OrderNews);

/// Rehearses; sends [`OrderNews::Recordable`], and exactly one [`OrderNews::Rehearsed`].
pub async fn rehearse<E: Executor, A: AuditLog>(
    crew: &Crew<'_, E, A>,
    plan: &Plan,
    news: &Sender<News>,
) {
    let recordable = async {
        let answer = timeout(RECORD_WAIT, crew.audit.ready()).await;
        let answer = answer.unwrap_or_else(|_elapsed| Err(too_slow(RECORD_WAIT)));
        tell(news, &plan.id, OrderNews::Recordable(answer)).await;
    };
    let rehearsing = AssertUnwindSafe(crew.executor.rehearse(plan)).catch_unwind();
    let ((), answer) = tokio::join!(recordable, rehearsing);
    let answer = answer.unwrap_or_else(|_| Err(lost("the rehearsal panicked")));
    tell(news, &plan.id, OrderNews::Rehearsed(answer.map(Box::new))).await;
}

/// Carries a cleared order out; sends its attempts as they end, and then exactly one [`OrderNews::Executed`].
pub async fn perform<E: Executor, A: AuditLog>(
    crew: &Crew<'_, E, A>,
    clearance: Clearance,
    news: &Sender<News>,
) {
    let id = clearance.plan().id.clone();
    // Boxed: a clearance with its plan is large, and the task that awaits this should not be.
    let execution = Box::pin(carry_out(crew, clearance, news)).await;
    tell(news, &id, OrderNews::Executed(execution)).await;
}

async fn carry_out<E: Executor, A: AuditLog>(
    crew: &Crew<'_, E, A>,
    clearance: Clearance,
    news: &Sender<News>,
) -> Execution {
    let id = clearance.plan().id.clone();
    let safe = clearance.plan().action.danger() == Danger::Safe;
    let wait = if safe { RECORD_WAIT_SAFE } else { RECORD_WAIT };
    let intent = record(crew, &id, intent(&clearance));
    // Kept alive beyond its time limit: a disk that wakes up must not get the record twice.
    let mut writing = pin!(crew.audit.append(intent.clone()));
    let written = timeout(wait, &mut writing).await.ok();
    let missing = match &written {
        Some(Ok(())) => None,
        Some(Err(why)) => Some(why.clone()),
        None => Some(too_slow(wait)),
    };
    if let Some(why) = missing {
        if !safe {
            return Execution::NotRecorded(why);
        }
        tell(news, &id, OrderNews::NotRecorded(why)).await;
    }
    if !clearance.is_good((crew.clock)()) {
        return Execution::Expired;
    }
    let execution = execute(crew, clearance, (wait, news)).await;
    follow_up(crew, (&id, intent), written, async { timeout(wait, writing).await.ok() }).await;
    execution
}

/// The record of a deed that went without it follows, if the disk takes it now.
async fn follow_up<E, A: AuditLog>(
    crew: &Crew<'_, E, A>,
    (id, intent): (&OrderId, AuditRecord),
    written: Option<Result<(), Text>>,
    writing: impl Future<Output = Option<Result<(), Text>>>,
) {
    let written = match written {
        Some(written) => Some(written),
        None => writing.await,
    };
    if let Some(Err(why)) = written {
        let words = format!("the intent was not on disk before the call: {why}");
        let note = record(crew, id, AuditEntry::Note(Text::clean(&words)));
        let both = async {
            crew.audit.append(intent).await?;
            crew.audit.append(note).await
        };
        // Nothing is left to do if this fails too: the operator was told before the call.
        let _ = timeout(RECORD_WAIT_SAFE, both).await;
    }
}

/// Executes, and passes every attempt on and to the record while it goes on.
async fn execute<E: Executor, A: AuditLog>(
    crew: &Crew<'_, E, A>,
    clearance: Clearance,
    (wait, news): (Duration, &Sender<News>),
) -> Execution {
    let id = clearance.plan().id.clone();
    let (attempts_in, attempts_out) = mpsc::channel(ATTEMPTS_MAX);
    let report = move |attempt| {
        // Full only beyond ATTEMPTS_MAX attempts: then the order keeps what it has.
        let _ = attempts_in.try_send(attempt);
    };
    let executing = AssertUnwindSafe(crew.executor.execute(clearance, report)).catch_unwind();
    let (executed, last_write) =
        tokio::join!(executing, keep_attempts(crew, &id, attempts_out, (wait, news)));
    executed.unwrap_or_else(|_| Execution::Unknown {
        write: last_write,
        why: lost("the executor panicked; the write may have left"),
    })
}

/// Returns the number of the write that was tried last.
async fn keep_attempts<E, A: AuditLog>(
    crew: &Crew<'_, E, A>,
    id: &OrderId,
    mut attempts: Receiver<Attempt>,
    (wait, news): (Duration, &Sender<News>),
) -> usize {
    let mut last_write = 0;
    let mut told = false;
    while let Some(attempt) = attempts.recv().await {
        last_write = attempt.write;
        tell(news, id, OrderNews::Attempted(Box::new(attempt.clone()))).await;
        let entry = record(crew, id, AuditEntry::Attempt(attempt));
        // After the first receipt that did not get through, the others do not wait in turn.
        let patience = if told { Duration::ZERO } else { wait };
        if let Err(why) = append(crew.audit, entry, patience).await
            && !told
        {
            told = true;
            tell(news, id, OrderNews::NotRecorded(why)).await;
        }
    }
    last_write
}

/// Records how an order ended and writes an Event on its object. Returns notes for the operator.
pub async fn conclude<E: Executor, A: AuditLog>(
    crew: &Crew<'_, E, A>,
    order: &Order,
    entries: Vec<AuditEntry>,
) -> Vec<Text> {
    let mut notes = Vec::new();
    for entry in entries {
        let entry = record(crew, order.id(), entry);
        if let Err(why) = append(crew.audit, entry, RECORD_WAIT).await {
            notes.push(Text::clean(&format!("the outcome is not recorded: {why}")));
        }
    }
    // What never left concerns nobody; a comment sends nothing but this.
    let was_said =
        order.plan.writes.is_empty() && order.state == OrderState::Ended(Outcome::Arrived);
    if order.attempts.is_empty() && !was_said {
        return notes;
    }
    let announced = AssertUnwindSafe(crew.executor.announce(order, crew.identity)).catch_unwind();
    match timeout(ANNOUNCE_WAIT, announced).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(why))) => notes.push(Text::clean(&format!("no Event on the object: {why}"))),
        Ok(Err(_)) | Err(_) => notes.push(Text::from("no Event on the object: no answer")),
    }
    notes
}

fn intent(clearance: &Clearance) -> AuditEntry {
    AuditEntry::Intent {
        plan: Box::new(clearance.plan().clone()),
        writes: clearance.writes().to_vec(),
        evidence: clearance.evidence().clone(),
        overrides: clearance
            .overrides()
            .iter()
            .map(|(check, why)| (Text::from(check.name()), why.clone()))
            .collect(),
        shown: clearance.shown().to_vec(),
    }
}

fn record<E, A>(crew: &Crew<'_, E, A>, id: &OrderId, entry: AuditEntry) -> AuditRecord {
    AuditRecord { order: id.clone(), at: (crew.clock)(), identity: crew.identity.cloned(), entry }
}

async fn append<A: AuditLog>(audit: &A, entry: AuditRecord, wait: Duration) -> Result<(), Text> {
    match timeout(wait, audit.append(entry)).await {
        Ok(written) => written,
        Err(_elapsed) => Err(too_slow(wait)),
    }
}

fn too_slow(wait: Duration) -> Text {
    Text::clean(&format!("the audit file took longer than {} ms", wait.as_millis()))
}

fn lost(why: &str) -> Trouble {
    Trouble::Lost(Text::from(why))
}

/// Order news are never dropped: the sender waits. A receiver that is gone has ended the program.
async fn tell(news: &Sender<News>, id: &OrderId, what: OrderNews) {
    let _ = news.send((id.clone(), what)).await;
}
