//! The file of deeds: one segment per process, written by a thread of its own, so that a disk that hangs holds nobody
//! but itself. A record is on disk (one write, then `fdatasync`) before its `append` returns.
//!
//! No file is shared by two processes and none is ever written to again after an error: the kernel may have dropped what
//! it could not write. The record then goes into a new segment, whose header names the old one as suspect. Every header
//! names the heads of the segments that were there, which vouches for all their records up to those.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

use super::audit_chain::{GENESIS, LINE_BYTES_MAX, Link, seal};
use super::audit_disk::{Disk, Folder, Segment};
use super::audit_left::unfinished;
use super::audit_read::{self, Row};
use super::audit_record::{VERSION, fields};
use crate::control::action::Danger;
use crate::control::audit::{AuditEntry, AuditRecord};
use crate::control::leftover::Leftover;
use crate::control::ports::AuditLog;
use crate::domain::observed::Clock;
use crate::domain::text::Text;

/// A segment that reaches this is closed, and the next one begins.
pub(super) const SEGMENT_BYTES_MAX: u64 = 16 << 20;

/// Free space that the intent of a deed needs, unless it is a pause or an abort: what is begun must be told to its end.
const INTENT_ROOM: u64 = 1 << 20;

/// So much of the newest segments is searched for deeds that were left behind: two full ones, or thousands of sessions.
const RECALLED_BYTES_MAX: u64 = 2 * SEGMENT_BYTES_MAX;

/// Records that may wait for a slow disk; four orders at a time, each with a handful.
const JOBS_MAX: usize = 64;

/// Who writes, for the header of a segment. Given by the command line, which alone reads the environment.
#[derive(Clone, Debug)]
pub struct Who {
    /// The user of the operating system.
    pub os_user: Text,
    /// The host.
    pub host: Text,
    /// Where the operator came from (`SSH_CONNECTION`).
    pub ssh_from: Option<Text>,
    /// Our process.
    pub pid: u32,
}

/// The file of deeds of this process. Cheap to clone; the file is made when the first deed is rehearsed.
#[derive(Clone)]
pub struct AuditFile {
    jobs: Sender<Job>,
    /// Where it is, for those who read it.
    folder: Option<Arc<Path>>,
}

/// What the clerk is asked for.
enum Job {
    Ready(Reply<()>),
    Append(Box<AuditRecord>, Reply<()>),
    Left(Reply<Vec<Leftover>>),
}

type Reply<T> = oneshot::Sender<Result<T, Text>>;

impl AuditFile {
    /// In this folder, which is made if it is not there.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn open(folder: &Path, who: Who, clock: Clock) -> io::Result<Self> {
        let file = Self::over(Folder::new(folder), who, clock)?;
        Ok(Self { folder: Some(folder.into()), ..file })
    }

    /// The folder with the files of all sessions.
    #[must_use]
    pub fn folder(&self) -> Option<Arc<Path>> {
        self.folder.clone()
    }

    /// On any disk.
    pub(super) fn over(disk: impl Disk + 'static, who: Who, clock: Clock) -> io::Result<Self> {
        let (file, clerk) = Self::kept(disk, who, clock);
        std::thread::Builder::new().name("audit".to_owned()).spawn(move || clerk.work())?;
        Ok(file)
    }

    /// On any disk, with the clerk who writes to it: on a clock that stands still, when a test lets him.
    #[must_use]
    pub fn kept<D: Disk>(disk: D, who: Who, clock: Clock) -> (Self, Clerk<D>) {
        let (jobs, asked) = channel(JOBS_MAX);
        (Self { jobs, folder: None }, Clerk { writer: Writer::new(disk, who, clock), asked })
    }

    /// The deeds that sessions before this one left behind.
    ///
    /// # Errors
    /// Why the folder cannot be read.
    pub async fn unfinished(&self) -> Result<Vec<Leftover>, Text> {
        self.ask(Job::Left).await
    }

    async fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, Text> {
        let (reply, answer) = oneshot::channel();
        self.jobs.try_send(job(reply)).map_err(|error| match error {
            TrySendError::Full(_) => {
                Text::clean(&format!("the disk does not keep up: {JOBS_MAX} records wait for it"))
            }
            TrySendError::Closed(_) => Text::from("the thread that writes it has ended"),
        })?;
        answer.await.unwrap_or_else(|_| Err(Text::from("the thread that writes it has ended")))
    }
}

impl AuditLog for AuditFile {
    async fn ready(&self) -> Result<(), Text> {
        self.ask(Job::Ready).await
    }

    async fn append(&self, record: AuditRecord) -> Result<(), Text> {
        self.ask(|reply| Job::Append(Box::new(record), reply)).await
    }
}

/// Does what an [`AuditFile`] is asked for, one thing after the other.
pub struct Clerk<D: Disk> {
    writer: Writer<D>,
    asked: Receiver<Job>,
}

impl<D: Disk> Clerk<D> {
    /// Blocks. Ends when the last [`AuditFile`] is gone.
    fn work(mut self) {
        while let Some(job) = self.asked.blocking_recv() {
            self.writer.answer(job);
        }
    }

    /// Waits until something is asked for, then until `due` is over, and does it. False when nobody will ask again.
    pub async fn serve(&mut self, due: impl Future<Output = ()>) -> bool {
        let Some(job) = self.asked.recv().await else { return false };
        due.await;
        self.writer.answer(job);
        true
    }
}

/// Whoever asked may have stopped waiting; what was done is done all the same.
fn reply<T>(asked: Reply<T>, done: io::Result<T>) {
    let _ = asked.send(done.map_err(|error| Text::clean(&words(&error))));
}

/// The usual failures in the words of people.
fn words(error: &io::Error) -> String {
    let known = WORDS.iter().find(|(kind, _)| *kind == error.kind() && error.get_ref().is_none());
    known.map_or_else(|| error.to_string(), |(_, words)| (*words).to_owned())
}

const WORDS: [(io::ErrorKind, &str); 4] = [
    (io::ErrorKind::StorageFull, "the disk is full"),
    (io::ErrorKind::ReadOnlyFilesystem, "the disk is read-only"),
    (io::ErrorKind::PermissionDenied, "no permission to write to the audit folder"),
    (io::ErrorKind::QuotaExceeded, "the disk quota is used up"),
];

/// Writes segments.
pub(super) struct Writer<D: Disk> {
    disk: D,
    who: Who,
    clock: Clock,
    open: Option<Open>,
    /// Segments that an error closed.
    suspects: Vec<String>,
    /// A segment of this length is followed by another one.
    pub(super) segment_bytes_max: u64,
}

/// The segment that is written to.
struct Open {
    name: String,
    segment: Box<dyn Segment>,
    head: Link,
    bytes: u64,
}

impl<D: Disk> Writer<D> {
    pub(super) const fn new(disk: D, who: Who, clock: Clock) -> Self {
        let segment_bytes_max = SEGMENT_BYTES_MAX;
        Self { disk, who, clock, open: None, suspects: Vec::new(), segment_bytes_max }
    }

    fn answer(&mut self, job: Job) {
        match job {
            Job::Ready(asked) => reply(asked, self.ready()),
            Job::Append(record, asked) => reply(asked, self.append(&record)),
            Job::Left(asked) => reply(asked, self.unfinished()),
        }
    }

    fn unfinished(&self) -> io::Result<Vec<Leftover>> {
        let segments = self.disk.recent(RECALLED_BYTES_MAX)?;
        let rows = segments.into_iter().flat_map(|(name, bytes)| audit_read::rows(name, &bytes));
        let rows: Vec<Row> = rows.collect();
        let is_other = |host: &str, pid: u32| host != self.who.host.as_str() || pid != self.who.pid;
        // Of another host nobody can say whether its process still runs; its deeds are looked at.
        Ok(unfinished(&rows, |host, pid| {
            is_other(host, pid) && host == self.who.host.as_str() && self.disk.is_at_work(pid)
        }))
    }

    pub(super) fn ready(&mut self) -> io::Result<()> {
        self.has_room()?;
        if self.open.is_none() {
            self.begin()?;
        }
        Ok(())
    }

    pub(super) fn append(&mut self, record: &AuditRecord) -> io::Result<()> {
        if needs_room(record) {
            self.has_room()?;
        }
        let fields = fields(record);
        if self.open.as_ref().is_some_and(|open| open.bytes >= self.segment_bytes_max) {
            self.open = None;
        }
        if self.open.is_some() && self.write(fields.clone()).is_ok() {
            return Ok(());
        }
        // No segment yet, or one that an error closed just now: a new one gets one try.
        self.begin()?;
        self.write(fields)
    }

    fn has_room(&self) -> io::Result<()> {
        let free = self.disk.free()?;
        if free >= INTENT_ROOM {
            return Ok(());
        }
        let words = format!("only {} KiB are free in the audit folder", free >> 10);
        Err(io::Error::new(io::ErrorKind::StorageFull, words))
    }

    fn begin(&mut self) -> io::Result<()> {
        let now = (self.clock)();
        let mut heads = self.disk.heads()?;
        // What an error closed may be there now and gone after the next loss of power.
        heads.retain(|name, _| !self.suspects.contains(name));
        let stem = format!(
            "{}-{}-{}-{}",
            now.strftime("%Y%m%dT%H%M%S.%9fZ"),
            plain(&self.who.host),
            plain(&self.who.os_user),
            self.who.pid
        );
        let (name, segment) = self.disk.create(&stem)?;
        let head = Link { seq: 0, hash: GENESIS.to_owned() };
        self.open = Some(Open { name, segment, head, bytes: 0 });
        let header = self.header(&now.to_string(), &heads);
        let (line, head) = seal(header, 0, GENESIS);
        self.put(&line, head)
    }

    fn header(&self, at: &str, heads: &BTreeMap<String, Link>) -> Map<String, Value> {
        let heads: Vec<Value> = heads
            .iter()
            .map(|(name, head)| json!({"segment": name, "seq": head.seq, "hash": head.hash}))
            .collect();
        let header = json!({
            "v": VERSION,
            "kind": "header",
            "at": at,
            "program": concat!("pilothouse/", env!("CARGO_PKG_VERSION")),
            "osUser": self.who.os_user.as_str(),
            "host": self.who.host.as_str(),
            "pid": self.who.pid,
            "sshFrom": self.who.ssh_from.as_ref().map(Text::as_str),
            "heads": heads,
            "suspects": self.suspects,
        });
        header.as_object().cloned().unwrap_or_default()
    }

    fn write(&mut self, fields: Map<String, Value>) -> io::Result<()> {
        let Some(open) = &self.open else {
            return Err(io::Error::other("no segment is open"));
        };
        let seq = open.head.seq + 1;
        let (line, head) = seal(fields, seq, &open.head.hash);
        if line.len() > LINE_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the record is too long"));
        }
        self.put(&line, head)
    }

    /// After an error nobody knows what is on the disk, so this segment is never written to again.
    fn put(&mut self, line: &str, head: Link) -> io::Result<()> {
        let Some(open) = &mut self.open else {
            return Err(io::Error::other("no segment is open"));
        };
        let bytes = format!("{line}\n").into_bytes();
        match open.segment.append(&bytes) {
            Ok(()) => {
                open.head = head;
                open.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                Ok(())
            }
            Err(error) => {
                self.suspects.push(open.name.clone());
                self.open = None;
                Err(error)
            }
        }
    }
}

/// The intent of anything but a pause or an abort.
fn needs_room(record: &AuditRecord) -> bool {
    match &record.entry {
        AuditEntry::Intent { plan, .. } => plan.action.danger() != Danger::Safe,
        AuditEntry::Attempt(_)
        | AuditEntry::Outcome(_)
        | AuditEntry::Declined { .. }
        | AuditEntry::Note(_) => false,
    }
}

/// A word that may stand in a file name.
fn plain(text: &Text) -> String {
    let kept =
        text.as_str().chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
    let word: String = kept.take(32).collect();
    if word.is_empty() { "unknown".to_owned() } else { word }
}
