//! One order from end to end on fakes: audit files that fail and hang, executors that panic, and what must be on disk
//! before what is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;

use super::perform::{Crew, News, RECORD_WAIT, RECORD_WAIT_SAFE, conclude, perform, rehearse};
use crate::control::action::Action;
use crate::control::audit::{AuditEntry, AuditRecord};
use crate::control::check::{Arming, Confirmation, Evidence, Mode, Rehearsed};
use crate::control::clearance::{Clearance, clear};
use crate::control::fixtures::planned;
use crate::control::footing::Footing;
use crate::control::order::{Attempt, AttemptAnswer, Execution, Order, OrderNews, Outcome};
use crate::control::order_machine;
use crate::control::plan::{DryRun, Plan, Rehearsal};
use crate::control::ports::{AuditLog, Executor};
use crate::domain::feed::Trouble;
use crate::domain::fixtures::{at, canary};
use crate::domain::ids::ResourceVersion;
use crate::domain::observed::{Clock, Timestamp};
use crate::domain::text::{Block, Text};

/// How a fake disk is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Disk {
    Healthy,
    Full,
    Hangs,
    /// Answers after this time.
    Slow(Duration),
    /// Takes the intent and nothing after it.
    FullLater,
}

struct Audit {
    disk: Disk,
    records: Mutex<Vec<AuditRecord>>,
}

impl Audit {
    fn new(disk: Disk) -> Self {
        Self { disk, records: Mutex::default() }
    }

    async fn kinds(&self) -> Vec<&'static str> {
        let records = self.records.lock().await;
        records
            .iter()
            .map(|record| match record.entry {
                AuditEntry::Intent { .. } => "intent",
                AuditEntry::Attempt(_) => "attempt",
                AuditEntry::Outcome(_) | AuditEntry::Declined { .. } => "outcome",
                AuditEntry::Note(_) => "note",
            })
            .collect()
    }
}

impl AuditLog for Audit {
    async fn ready(&self) -> Result<(), Text> {
        match self.disk {
            Disk::Full => Err(Text::from("the disk is full")),
            Disk::Hangs => std::future::pending().await,
            Disk::Healthy | Disk::Slow(_) | Disk::FullLater => Ok(()),
        }
    }

    async fn append(&self, record: AuditRecord) -> Result<(), Text> {
        let intent = matches!(record.entry, AuditEntry::Intent { .. });
        match self.disk {
            Disk::Full => return Err(Text::from("the disk is full")),
            Disk::FullLater if !intent => return Err(Text::from("the disk is full")),
            Disk::Hangs => std::future::pending().await,
            Disk::Slow(wait) => tokio::time::sleep(wait).await,
            Disk::Healthy | Disk::FullLater => {}
        }
        self.records.lock().await.push(record);
        Ok(())
    }
}

/// How a fake executor is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Hand {
    Works,
    PanicsBefore,
    PanicsAfterAttempt,
}

struct Hands {
    hand: Hand,
    audit: Arc<Audit>,
    calls: AtomicUsize,
    /// What was on disk when it was called.
    on_disk: Mutex<Vec<&'static str>>,
}

impl Executor for Hands {
    async fn rehearse(&self, plan: &Plan) -> Result<Rehearsal, Trouble> {
        assert!(self.hand == Hand::Works, "told to panic");
        Ok(Rehearsal {
            footing: plan.footing.clone(),
            read_at: at(1_000),
            access: Vec::new(),
            dry_run: DryRun::Accepted(Vec::new()),
            kept: Vec::new(),
            writes: Vec::new(),
            shown: Block::default(),
        })
    }

    async fn execute(
        &self,
        clearance: Clearance,
        mut report: impl FnMut(Attempt) + Send,
    ) -> Execution {
        self.calls.fetch_add(1, Ordering::SeqCst);
        *self.on_disk.lock().await = self.audit.kinds().await;
        assert!(self.hand != Hand::PanicsBefore, "told to panic");
        assert_eq!(clearance.plan().id.as_str(), "o-1");
        report(Attempt {
            write: 0,
            precondition: Some(ResourceVersion::new("500")),
            sent_at: at(1_000),
            answer: AttemptAnswer::Conflict,
            audit_id: None,
        });
        assert!(self.hand != Hand::PanicsAfterAttempt, "told to panic");
        Execution::Accepted
    }

    async fn announce(&self, _order: &Order, identity: Option<&Text>) -> Result<(), Text> {
        assert_eq!(identity.map(Text::as_str), Some("ada"));
        Err(Text::from("no permission to create events"))
    }
}

struct Rig {
    hands: Hands,
    audit: Arc<Audit>,
    clock: Clock,
}

impl Rig {
    fn new(disk: Disk, hand: Hand) -> Self {
        let audit = Arc::new(Audit::new(disk));
        let hands = Hands {
            hand,
            audit: Arc::clone(&audit),
            calls: AtomicUsize::new(0),
            on_disk: Mutex::default(),
        };
        let start = Instant::now();
        let clock: Clock = Arc::new(move || -> Timestamp { at(1_000) + start.elapsed() });
        Self { hands, audit, clock }
    }

    async fn run(&self, action: Action) -> Vec<OrderNews> {
        let identity = Text::from("ada");
        let crew = Crew {
            executor: &self.hands,
            audit: &*self.audit,
            clock: &self.clock,
            identity: Some(&identity),
        };
        let (news, mut heard) = mpsc::channel::<News>(64);
        perform(&crew, cleared(action), &news).await;
        drop(news);
        let mut out = Vec::new();
        while let Some((id, one)) = heard.recv().await {
            assert_eq!(id.as_str(), "o-1");
            out.push(one);
        }
        out
    }

    fn calls(&self) -> usize {
        self.hands.calls.load(Ordering::SeqCst)
    }
}

fn cleared(action: Action) -> Clearance {
    let plan = planned(action, &canary().0);
    let rehearsal = Rehearsal {
        footing: Footing::of(&canary().0),
        read_at: at(1_000),
        access: Vec::new(),
        dry_run: DryRun::Accepted(Vec::new()),
        kept: Vec::new(),
        writes: Vec::new(),
        shown: Block::default(),
    };
    let evidence = Evidence {
        now: at(1_000),
        mode: Mode::ReadWrite,
        arming: Arming::Armed,
        facts_at: Some(at(1_000)),
        footing: Some(plan.footing.clone()),
        confirmation: Confirmation::CommandLine,
        record: Ok(()),
        overrides: Vec::new(),
        seen: Text::default(),
    };
    clear(&plan, Rehearsed::Answered(&rehearsal), &evidence).expect("a clearance")
}

fn last(news: &[OrderNews]) -> &Execution {
    let executed = news.iter().filter(|one| matches!(one, OrderNews::Executed(_))).count();
    assert_eq!(executed, 1, "{news:?}");
    match news.last() {
        Some(OrderNews::Executed(execution)) => execution,
        other => panic!("{other:?}"),
    }
}

fn loud(news: &[OrderNews]) -> usize {
    news.iter().filter(|one| matches!(one, OrderNews::NotRecorded(_))).count()
}

#[tokio::test(start_paused = true)]
async fn the_intent_is_on_disk_before_the_call_and_the_receipt_before_the_end() {
    let rig = Rig::new(Disk::Healthy, Hand::Works);
    let news = rig.run(Action::Promote).await;
    assert_eq!(last(&news), &Execution::Accepted);
    assert!(matches!(news[0], OrderNews::Attempted(_)));
    assert_eq!(*rig.hands.on_disk.lock().await, ["intent"]);
    assert_eq!(rig.audit.kinds().await, ["intent", "attempt"]);
    let records = rig.audit.records.lock().await;
    assert!(records.iter().all(|it| it.identity == Some(Text::from("ada"))));
}

#[tokio::test(start_paused = true)]
async fn a_deed_that_cannot_be_recorded_is_not_sent() {
    for disk in [Disk::Full, Disk::Hangs, Disk::Slow(Duration::from_mins(1))] {
        for action in [Action::Promote, Action::Rollback { to: None }, Action::Restart] {
            let rig = Rig::new(disk, Hand::Works);
            let start = Instant::now();
            let news = rig.run(action).await;
            assert!(matches!(last(&news), Execution::NotRecorded(_)), "{disk:?}");
            assert_eq!(rig.calls(), 0, "{disk:?} {action}");
            assert!(start.elapsed() <= RECORD_WAIT);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn pause_and_abort_wait_half_a_second_for_the_record_and_then_go_loudly() {
    for disk in [Disk::Full, Disk::Hangs, Disk::Slow(Duration::from_mins(1))] {
        for action in [Action::Pause, Action::Abort] {
            let rig = Rig::new(disk, Hand::Works);
            let start = Instant::now();
            let news = rig.run(action).await;
            assert_eq!(last(&news), &Execution::Accepted);
            assert!(matches!(news[0], OrderNews::NotRecorded(_)), "{news:?}");
            assert_eq!(rig.calls(), 1);
            assert!(start.elapsed() <= RECORD_WAIT_SAFE * 6, "{:?}", start.elapsed());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_record_of_a_pause_that_went_without_it_follows() {
    let rig = Rig::new(Disk::Slow(Duration::from_millis(700)), Hand::Works);
    let news = rig.run(Action::Pause).await;
    assert_eq!(last(&news), &Execution::Accepted);
    assert_eq!(rig.hands.on_disk.lock().await.len(), 0);
    assert!(rig.audit.kinds().await.contains(&"intent"));
    let intents = rig.audit.kinds().await.iter().filter(|kind| **kind == "intent").count();
    assert_eq!(intents, 1);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_is_lost_is_told_once() {
    let rig = Rig::new(Disk::FullLater, Hand::Works);
    let news = rig.run(Action::Promote).await;
    assert_eq!(last(&news), &Execution::Accepted);
    assert_eq!(loud(&news), 1);
}

#[tokio::test(start_paused = true)]
async fn a_disk_so_slow_that_the_clearance_runs_out_sends_nothing() {
    let rig = Rig::new(Disk::Slow(Duration::from_millis(3_900)), Hand::Works);
    // The clearance is old already when it comes.
    let late = Arc::clone(&rig.clock);
    let rig = Rig { clock: Arc::new(move || late() + Duration::from_secs(2)), ..rig };
    let news = rig.run(Action::Promote).await;
    assert_eq!(last(&news), &Execution::Expired);
    assert_eq!(rig.calls(), 0);
    let rig = Rig { clock: Arc::new(|| at(9_000)), ..Rig::new(Disk::Healthy, Hand::Works) };
    assert_eq!(last(&rig.run(Action::Abort).await), &Execution::Accepted);
}

#[tokio::test(start_paused = true)]
async fn an_executor_that_panics_still_answers_that_it_may_have_happened() {
    for (hand, attempts) in [(Hand::PanicsBefore, 0), (Hand::PanicsAfterAttempt, 1)] {
        let rig = Rig::new(Disk::Healthy, hand);
        let news = rig.run(Action::Promote).await;
        assert!(matches!(last(&news), Execution::Unknown { write: 0, why: Trouble::Lost(_) }));
        let told = news.iter().filter(|one| matches!(one, OrderNews::Attempted(_))).count();
        assert_eq!(told, attempts);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_answers_whatever_happens_and_says_whether_it_could_be_recorded() {
    for (disk, hand, recordable, answered) in [
        (Disk::Healthy, Hand::Works, true, true),
        (Disk::Full, Hand::Works, false, true),
        (Disk::Hangs, Hand::Works, false, true),
        (Disk::Healthy, Hand::PanicsBefore, true, false),
    ] {
        let rig = Rig::new(disk, hand);
        let crew =
            Crew { executor: &rig.hands, audit: &*rig.audit, clock: &rig.clock, identity: None };
        let (news, mut heard) = mpsc::channel::<News>(8);
        rehearse(&crew, &planned(Action::Promote, &canary().0), &news).await;
        drop(news);
        let mut told = Vec::new();
        while let Some((_, one)) = heard.recv().await {
            told.push(one);
        }
        assert_eq!(told.len(), 2);
        assert!(matches!(&told[0], OrderNews::Recordable(it) if it.is_ok() == recordable));
        assert!(matches!(&told[1], OrderNews::Rehearsed(it) if it.is_ok() == answered));
    }
}

#[tokio::test(start_paused = true)]
async fn an_outcome_is_recorded_and_an_event_that_is_not_permitted_is_a_note() {
    let rig = Rig::new(Disk::Healthy, Hand::Works);
    let identity = Text::from("ada");
    let crew = Crew {
        executor: &rig.hands,
        audit: &*rig.audit,
        clock: &rig.clock,
        identity: Some(&identity),
    };
    let mut order = order_machine::begin(planned(Action::Promote, &canary().0), at(1_000));
    let entries = || vec![AuditEntry::Outcome(Outcome::Arrived)];
    // Nothing was sent, so the cluster hears nothing of it.
    assert_eq!(conclude(&crew, &order, entries()).await, []);
    order.attempts.push(Attempt {
        write: 0,
        precondition: None,
        sent_at: at(1_000),
        answer: AttemptAnswer::Conflict,
        audit_id: None,
    });
    let notes = conclude(&crew, &order, entries()).await;
    assert!(notes[0].as_str().contains("no permission to create events"), "{notes:?}");
    assert_eq!(rig.audit.kinds().await, ["outcome", "outcome"]);
    let full = Rig::new(Disk::Full, Hand::Works);
    let crew = Crew { audit: &*full.audit, ..crew };
    let notes = conclude(&crew, &order, entries()).await;
    assert!(notes[0].as_str().contains("the outcome is not recorded"), "{notes:?}");
}
