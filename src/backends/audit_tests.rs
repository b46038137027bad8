//! The audit file and its reader: what is promised on disk, what is found in a folder that was tampered with, and what a
//! disk that fails does.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;

use super::audit_chain::{Link, open};
use super::audit_disk::{Disk, Folder, Segment};
use super::audit_file::{AuditFile, Who, Writer};
use super::audit_read::{Proof, Verification, show, verify};
use crate::control::action::Action;
use crate::control::audit::{AuditEntry, AuditRecord};
use crate::control::fixtures::planned;
use crate::control::order::{Attempt, AttemptAnswer, Outcome};
use crate::control::plan::{ObjectKind, ObjectRef, PatchFormat, ResolvedWrite};
use crate::control::ports::AuditLog;
use crate::domain::fixtures::{at, canary};
use crate::domain::ids::{Name, OrderId, ResourceVersion};
use crate::domain::observed::Clock;
use crate::domain::text::Text;

fn who() -> Who {
    Who {
        os_user: Text::from("ada"),
        host: Text::from("bastion/../x"),
        ssh_from: Some(Text::from("10.0.0.7 50000 10.0.0.1 22")),
        pid: 4711,
    }
}

/// A clock that moves a microsecond at each look.
fn clock() -> Clock {
    let looks = AtomicU64::new(0);
    Arc::new(move || at(0) + Duration::from_micros(looks.fetch_add(1, Ordering::SeqCst)))
}

fn note(second: u64, words: &str) -> AuditRecord {
    record(second, AuditEntry::Note(Text::from(words)))
}

fn record(second: u64, entry: AuditEntry) -> AuditRecord {
    AuditRecord {
        order: OrderId::new("o-1"),
        at: at(second),
        identity: Some(Text::from("ada@example.com")),
        entry,
    }
}

fn intent(action: Action) -> AuditRecord {
    let plan = planned(action, &canary().0);
    let write = ResolvedWrite {
        object: ObjectRef { kind: ObjectKind::Rollout, name: Name::new("web") },
        subresource: None,
        format: PatchFormat::Json,
        body: r#"[{"op":"replace","path":"/spec/template","value":{"env":"hunter2"}}]"#.into(),
    };
    record(
        1,
        AuditEntry::Intent {
            plan: Box::new(plan),
            writes: vec![write],
            evidence: Text::from("errors 8 %"),
            overrides: vec![(Text::from("rehearsal"), Text::from("no dry run"))],
            shown: Vec::new(),
        },
    )
}

fn writer(folder: &Path) -> Writer<Folder> {
    Writer::new(Folder::new(folder), who(), clock())
}

/// Two sessions: the second one vouches for the first.
fn two_sessions(folder: &Path) -> Vec<String> {
    let mut first = writer(folder);
    first.append(&intent(Action::Abort)).unwrap();
    first.append(&note(2, "zwei")).unwrap();
    first.append(&record(3, AuditEntry::Outcome(Outcome::Arrived))).unwrap();
    let mut second = writer(folder);
    second.append(&note(4, "vier")).unwrap();
    names(folder)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

fn lines(folder: &Path, name: &str) -> Vec<String> {
    String::from_utf8(read(folder, name)).unwrap().lines().map(str::to_owned).collect()
}

fn put(folder: &Path, name: &str, lines: &[String]) {
    std::fs::write(folder.join(name), lines.join("\n") + "\n").unwrap();
}

fn sound(folder: &Path) -> Verification {
    let verification = verify(folder, &[]).unwrap();
    assert!(verification.is_sound(), "{verification:?}");
    verification
}

#[test]
fn a_segment_is_private_named_by_time_host_user_and_process_and_begins_with_a_header() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("a/audit");
    writer(&inner).append(&note(1, "eins")).unwrap();
    let name = names(&inner).remove(0);
    assert_eq!(name, "19700112T134640.000000000Z-bastion..x-ada-4711.jsonl");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&inner), mode(&inner.join(&name))), (0o700, 0o600));
    let header: Value = serde_json::from_str(&lines(&inner, &name)[0]).unwrap();
    assert_eq!(header["kind"], "header");
    assert_eq!(header["sshFrom"], "10.0.0.7 50000 10.0.0.1 22");
    assert_eq!(header["pid"], 4711);
}

#[test]
fn records_hold_the_plan_and_the_answers_but_no_pod_template() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(folder.path());
    writer.append(&intent(Action::Abort)).unwrap();
    writer
        .append(&record(
            2,
            AuditEntry::Attempt(Attempt {
                write: 0,
                precondition: Some(ResourceVersion::new("500")),
                sent_at: at(2),
                answer: AttemptAnswer::Rejected {
                    code: 422,
                    why: Text::from("Rollout is invalid: Invalid value: {\"env\":\"hunter2\"}"),
                },
                audit_id: Some(Text::from("a-1")),
            }),
        ))
        .unwrap();
    let rows = show(folder.path()).unwrap();
    let all = format!("{rows:?}");
    assert!(!all.contains("hunter2"), "{all}");
    assert_eq!(rows[1].fields["deed"], "abort");
    assert_eq!(rows[1].fields["reason"], "because");
    assert_eq!(rows[1].fields["target"]["name"], "web");
    assert!(rows[1].fields["writes"][0]["body"][0]["value"]["sha256"].is_string());
    assert_eq!(rows[2].fields["why"], "Rollout is invalid: Invalid value: {…}");
    assert_eq!(rows[2].fields["auditId"], "a-1");
    assert!(rows.iter().all(|row| row.proof == Proof::Chained));
}

#[test]
fn a_later_segment_vouches_for_an_earlier_one_up_to_its_head() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = writer(folder.path());
    first.append(&note(1, "eins")).unwrap();
    let mut second = writer(folder.path());
    second.append(&note(2, "zwei")).unwrap();
    first.append(&note(3, "drei")).unwrap();
    let verification = sound(folder.path());
    let told: Vec<_> =
        verification.segments.iter().map(|one| (one.records, one.vouched_to)).collect();
    assert_eq!(told, [(3, Some(1)), (2, None)]);
}

#[test]
fn a_mark_in_the_cluster_vouches_for_its_intent_and_misses_one_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    writer(folder.path()).append(&intent(Action::Pause)).unwrap();
    let marks = [OrderId::new("o-1"), OrderId::new("o-2")];
    let verification = verify(folder.path(), &marks).unwrap();
    assert_eq!(verification.segments[0].vouched_to, Some(1));
    assert_eq!(verification.unrecorded, [OrderId::new("o-2")]);
    assert!(!verification.is_sound());
}

#[test]
fn every_record_that_is_dropped_moved_or_doubled_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let names = two_sessions(folder.path());
    let whole = lines(folder.path(), &names[0]);
    sound(folder.path());
    let count = whole.len();
    for first in 0..count {
        let mut without = whole.clone();
        without.remove(first);
        put(folder.path(), &names[0], &without);
        assert!(!verify(folder.path(), &[]).unwrap().is_sound(), "without {first}");
        let mut doubled = whole.clone();
        doubled.insert(first, whole[first].clone());
        put(folder.path(), &names[0], &doubled);
        assert!(!verify(folder.path(), &[]).unwrap().is_sound(), "doubled {first}");
        for second in first + 1..count {
            let mut swapped = whole.clone();
            swapped.swap(first, second);
            put(folder.path(), &names[0], &swapped);
            assert!(!verify(folder.path(), &[]).unwrap().is_sound(), "{first} and {second}");
        }
    }
    std::fs::remove_file(folder.path().join(&names[0])).unwrap();
    let verification = verify(folder.path(), &[]).unwrap();
    assert_eq!(verification.missing, [Text::clean(&names[0])]);
}

#[test]
fn every_byte_that_is_changed_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let names = two_sessions(folder.path());
    let whole = read(folder.path(), &names[0]);
    let mut changed = whole.clone();
    for place in 0..whole.len() {
        changed[place] ^= 1;
        std::fs::write(folder.path().join(&names[0]), &changed).unwrap();
        assert!(!verify(folder.path(), &[]).unwrap().is_sound(), "byte {place}");
        changed[place] = whole[place];
    }
}

#[test]
fn a_torn_tail_is_told_as_such_and_the_rest_stands() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = writer(folder.path());
    session.append(&note(1, "eins")).unwrap();
    session.append(&note(2, "zwei")).unwrap();
    let name = names(folder.path()).remove(0);
    let whole = read(folder.path(), &name);
    std::fs::write(folder.path().join(&name), &whole[..whole.len() - 9]).unwrap();
    let verification = sound(folder.path());
    assert_eq!(verification.segments[0].records, 2);
    assert!(verification.segments[0].torn_bytes > 100);
    assert_eq!(show(folder.path()).unwrap().len(), 2);
}

#[test]
fn show_merges_by_time_and_marks_what_stands_after_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = writer(folder.path());
    let mut second = writer(folder.path());
    first.append(&note(10, "zehn")).unwrap();
    second.append(&note(20, "zwanzig")).unwrap();
    first.append(&note(30, "dreissig")).unwrap();
    let words = |folder: &Path| -> Vec<String> {
        let rows = show(folder).unwrap();
        rows.iter().filter_map(|row| row.fields.get("text")?.as_str().map(str::to_owned)).collect()
    };
    assert_eq!(words(folder.path()), ["zehn", "zwanzig", "dreissig"]);
    let name = names(folder.path()).remove(0);
    let mut changed = lines(folder.path(), &name);
    changed[1] = changed[1].replace("zehn", "elf");
    put(folder.path(), &name, &changed);
    assert_eq!(words(folder.path()), ["zwanzig", "dreissig"]);
    let rows = show(folder.path()).unwrap();
    assert_eq!(rows.last().unwrap().proof, Proof::AfterFault);
}

#[test]
fn a_folder_that_is_not_there_holds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none");
    assert!(show(&none).unwrap().is_empty());
    assert!(verify(&none, &[]).unwrap().is_sound());
}

#[test]
fn a_segment_that_is_full_is_followed_by_another_that_vouches_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = writer(folder.path());
    session.segment_bytes_max = 4_000;
    for number in 0..16 {
        session.append(&note(number, "some words")).unwrap();
    }
    let verification = sound(folder.path());
    assert_eq!(verification.segments.len(), 2);
    let first = &verification.segments[0];
    assert_eq!(first.vouched_to, Some(first.records - 1));
}

#[tokio::test]
async fn the_file_writes_off_the_async_threads_and_answers_when_it_is_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let file = AuditFile::open(folder.path(), who(), clock()).unwrap();
    assert_eq!(file.ready().await, Ok(()));
    assert_eq!(file.append(note(1, "eins")).await, Ok(()));
    assert_eq!(sound(folder.path()).segments[0].records, 2);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_told_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("file");
    std::fs::write(&blocked, "x").unwrap();
    let file = AuditFile::open(&blocked.join("audit"), who(), clock()).unwrap();
    assert!(file.ready().await.is_err());
    assert!(file.append(note(1, "eins")).await.is_err());
}

/// A disk that hangs until it is let go.
struct Hanging(std::sync::mpsc::Receiver<()>);

impl Disk for Hanging {
    fn create(&mut self, _stem: &str) -> io::Result<(String, Box<dyn Segment>)> {
        let _ = self.0.recv();
        Err(io::Error::other("woken"))
    }

    fn heads(&self) -> io::Result<BTreeMap<String, Link>> {
        Ok(BTreeMap::new())
    }

    fn recent(&self, _bytes_max: u64) -> io::Result<Vec<(String, Vec<u8>)>> {
        Ok(Vec::new())
    }

    fn is_at_work(&self, _pid: u32) -> bool {
        false
    }

    fn free(&self) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_hangs_holds_nobody_but_itself() {
    let (let_go, held) = std::sync::mpsc::channel();
    let file = AuditFile::over(Hanging(held), who(), clock()).unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(500), file.append(note(1, "x"))).await;
    assert!(waited.is_err());
    let mut full = None;
    for _ in 0..100 {
        let one = tokio::time::timeout(Duration::from_millis(1), file.append(note(1, "x"))).await;
        if let Ok(Err(why)) = one {
            full = Some(why);
        }
    }
    assert!(full.unwrap().as_str().contains("does not keep up"));
    drop(let_go);
}

/// A disk on which the operation with this number fails, after a part of it was done.
struct Failing {
    folder: Folder,
    left: Arc<AtomicU64>,
}

struct FailingSegment {
    inner: Box<dyn Segment>,
    left: Arc<AtomicU64>,
}

fn fails(left: &AtomicU64) -> bool {
    left.fetch_sub(1, Ordering::SeqCst) == 1
}

impl Disk for Failing {
    fn create(&mut self, stem: &str) -> io::Result<(String, Box<dyn Segment>)> {
        if fails(&self.left) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let (name, inner) = self.folder.create(stem)?;
        Ok((name, Box::new(FailingSegment { inner, left: Arc::clone(&self.left) })))
    }

    fn heads(&self) -> io::Result<BTreeMap<String, Link>> {
        self.folder.heads()
    }

    fn recent(&self, bytes_max: u64) -> io::Result<Vec<(String, Vec<u8>)>> {
        self.folder.recent(bytes_max)
    }

    fn is_at_work(&self, pid: u32) -> bool {
        self.folder.is_at_work(pid)
    }

    fn free(&self) -> io::Result<u64> {
        if fails(&self.left) { Ok(1_000) } else { Ok(u64::MAX) }
    }
}

impl Segment for FailingSegment {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if fails(&self.left) {
            self.inner.append(&line[..line.len() / 2])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.inner.append(line)
    }
}

#[test]
fn whichever_operation_of_the_disk_fails_what_was_promised_is_there_and_nothing_is_called_changed()
{
    for failing in 1..12 {
        let folder = tempfile::tempdir().unwrap();
        let left = Arc::new(AtomicU64::new(failing));
        let disk = Failing { folder: Folder::new(folder.path()), left };
        let mut session = Writer::new(disk, who(), clock());
        let mut promised = Vec::new();
        for number in 0..5_u64 {
            let words = format!("number {number}");
            if session.append(&note(number, &words)).is_ok() {
                promised.push(words);
            }
        }
        // One record may be lost, and only when the new segment fails too.
        assert!(promised.len() >= 4, "{failing}: {promised:?}");
        sound(folder.path());
        let rows = show(folder.path()).unwrap();
        let found: Vec<&str> =
            rows.iter().filter_map(|row| row.fields.get("text")?.as_str()).collect();
        assert_eq!(found, promised, "{failing}");
    }
}

#[test]
fn nobody_vouches_for_what_an_error_closed() {
    let folder = tempfile::tempdir().unwrap();
    // Of the fourth operation, which writes the second record, only a half reaches the disk.
    let disk = Failing { folder: Folder::new(folder.path()), left: Arc::new(AtomicU64::new(4)) };
    let mut session = Writer::new(disk, who(), clock());
    session.append(&note(1, "eins")).unwrap();
    session.append(&note(2, "zwei")).unwrap();
    let names = names(folder.path());
    let header: Value = serde_json::from_str(&lines(folder.path(), &names[1])[0]).unwrap();
    assert_eq!(header["suspects"], serde_json::json!([names[0]]));
    assert_eq!(header["heads"], serde_json::json!([]));
    // The power fails, and all of the first segment is gone: nobody is accused of that.
    std::fs::write(folder.path().join(&names[0]), "").unwrap();
    sound(folder.path());
}

#[test]
fn a_full_disk_refuses_the_intent_of_a_risky_deed_and_takes_that_of_a_pause() {
    let folder = tempfile::tempdir().unwrap();
    let full = || Failing { folder: Folder::new(folder.path()), left: Arc::new(AtomicU64::new(1)) };
    let mut session = Writer::new(full(), who(), clock());
    let error = session.append(&intent(Action::Restart)).unwrap_err();
    assert!(error.to_string().contains("KiB are free"), "{error}");
    let mut session =
        Writer::new(Failing { left: Arc::new(AtomicU64::new(100)), ..full() }, who(), clock());
    session.append(&intent(Action::Pause)).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_line_holds_it_opens_to_what_was_sealed_or_not_at_all(
        place in 0_usize..2_000, byte in any::<u8>()
    ) {
        let folder = tempfile::tempdir().unwrap();
        writer(folder.path()).append(&intent(Action::Pause)).unwrap();
        let name = names(folder.path()).remove(0);
        let line = lines(folder.path(), &name).remove(1).into_bytes();
        let mut changed = line.clone();
        let place = place % changed.len();
        changed[place] = byte;
        prop_assert_eq!(open(&changed).is_ok(), changed == line);
    }

    #[test]
    fn a_file_of_any_bytes_is_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.jsonl"), &bytes).unwrap();
        let torn = !bytes.contains(&b'\n');
        prop_assert_eq!(verify(folder.path(), &[]).unwrap().is_sound(), torn);
        prop_assert!(show(folder.path()).unwrap().is_empty());
    }
}

#[test]
fn what_was_refused_says_which_deed_on_what_although_no_intent_was_written() {
    let AuditEntry::Intent { plan, .. } = intent(Action::Abort).entry else { panic!("an intent") };
    let outcome = Outcome::NotSent(Text::from("the name was not typed"));
    let fields = super::audit_record::fields(&record(2, AuditEntry::Declined { plan, outcome }));
    assert_eq!(fields["kind"], "outcome");
    assert_eq!((&fields["deed"], &fields["target"]["name"]), (&"abort".into(), &"web".into()));
    assert_eq!(fields["message"], "the name was not typed");
}
