//! Reads the audit folder: what was done (`show`), and how far that can be believed (`verify`).
//!
//! Inside a segment the chain finds every record that was changed, taken out, put in or moved. That the end of a segment
//! was not cut off, only somebody else can say: the header of a later segment, or a mark in the cluster. Up to there the
//! segment is *vouched for*.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use serde_json::{Map, Value};

use super::audit_chain::{GENESIS, LINE_BYTES_MAX, Link, Sealed, canonical, open};
use super::audit_disk::ENDING;
use super::audit_file::SEGMENT_BYTES_MAX;
use crate::domain::ids::OrderId;
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

/// A file that is larger is none of ours: a segment is closed at its limit, and one more record fits.
const FILE_BYTES_MAX: u64 = SEGMENT_BYTES_MAX + 2 * LINE_BYTES_MAX as u64;

/// One segment, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentReport {
    /// The file's name.
    pub name: Text,
    /// Records that are proven by the chain, the header included.
    pub records: u64,
    /// Number of the last record for which somebody else vouches; `None`: nobody does.
    pub vouched_to: Option<u64>,
    /// What is wrong, in order. Empty: nothing is.
    pub faults: Vec<Fault>,
    /// A last line without its line break: the record that was being written when the process or the machine died.
    pub torn_bytes: u64,
}

/// Something that is wrong with a segment.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The line, from 1; 0: the file as a whole.
    pub line: u64,
    /// What is wrong.
    pub what: Text,
}

/// The whole folder, judged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verification {
    /// The segments, by name (which is by time).
    pub segments: Vec<SegmentReport>,
    /// Segments that headers name and that are not there.
    pub missing: Vec<Text>,
    /// Orders whose marks are in a cluster and of which no intent is recorded.
    pub unrecorded: Vec<OrderId>,
}

impl Verification {
    /// True when nothing was changed, taken out or moved. A torn tail is no fault of anybody.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.missing.is_empty()
            && self.unrecorded.is_empty()
            && self.segments.iter().all(|segment| segment.faults.is_empty())
    }
}

/// One record, as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// In which segment.
    pub segment: Text,
    /// Its number there.
    pub seq: u64,
    /// Whether the chain proves it.
    pub proof: Proof,
    /// Its fields, without those of the chain. Strings in it are as they were written: clean them before showing.
    pub fields: Map<String, Value>,
}

/// Whether a record is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By the chain.
    Chained,
    /// It stands after a fault: it may be true.
    AfterFault,
}

/// Judges the folder. `marks` are orders whose marks were found in clusters: each vouches for its intent.
///
/// # Errors
/// The folder cannot be read.
pub fn verify(folder: &Path, marks: &[OrderId]) -> io::Result<Verification> {
    let read: Vec<Scan> = names(folder)?.into_iter().map(|name| Scan::of(folder, name)).collect();
    let vouchers: Vec<Voucher> = read.iter().flat_map(Scan::vouchers).collect();
    let known: BTreeSet<&str> = read.iter().map(|scan| scan.name.as_str()).collect();
    let missing: BTreeSet<&str> = vouchers
        .iter()
        .map(|voucher| voucher.segment.as_str())
        .filter(|name| !known.contains(name))
        .collect();
    let recorded: BTreeSet<&str> = read.iter().flat_map(Scan::intents).map(|(_, id)| id).collect();
    Ok(Verification {
        segments: read.iter().map(|scan| scan.report(&vouchers, marks)).collect(),
        missing: missing.into_iter().map(Text::clean).collect(),
        unrecorded: marks.iter().filter(|id| !recorded.contains(id.as_str())).cloned().collect(),
    })
}

/// All records, merged by time; the same record in two segments (written again after an error of the disk) once.
///
/// # Errors
/// The folder cannot be read.
pub fn show(folder: &Path) -> io::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for name in names(folder)? {
        rows.extend(Scan::of(folder, name).into_rows());
    }
    // Stable: what has the same time keeps the order of its segment.
    rows.sort_by_key(|row| {
        let at = row.fields.get("at").and_then(Value::as_str);
        at.and_then(|at| at.parse::<Timestamp>().ok())
    });
    let mut seen = BTreeSet::new();
    rows.retain(|row| seen.insert(canonical(&Value::Object(row.fields.clone()))));
    Ok(rows)
}

/// The newest records, about so many (always whole segments), in the order of time inside each. A folder that cannot be
/// one, as where no folder is known, holds none.
///
/// # Errors
/// The folder cannot be read.
pub(super) fn newest(folder: &Path, records: usize) -> io::Result<Vec<Row>> {
    let names = match names(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(Vec::new()),
        answer => answer?,
    };
    let mut segments: Vec<Vec<Row>> = Vec::new();
    let mut read = 0;
    for name in names.into_iter().rev() {
        if read >= records {
            break;
        }
        let rows = Scan::of(folder, name).into_rows();
        read += rows.len();
        segments.push(rows);
    }
    Ok(segments.into_iter().rev().flatten().collect())
}

/// The records of one segment.
pub(super) fn rows(name: String, bytes: &[u8]) -> Vec<Row> {
    let mut scan = Scan { name, lines: Vec::new(), faults: Vec::new(), torn_bytes: 0 };
    scan.take(bytes);
    scan.into_rows()
}

/// The names of the segments, oldest first. A folder that is not there holds none.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(ENDING) {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// A header of one segment that names the head of another one.
struct Voucher {
    by: String,
    segment: String,
    head: Link,
}

/// A segment as it was read, line by line.
struct Scan {
    name: String,
    /// What stands in each line that could be opened.
    lines: Vec<(u64, Sealed)>,
    faults: Vec<Fault>,
    torn_bytes: u64,
}

impl Scan {
    fn of(folder: &Path, name: String) -> Self {
        let mut scan = Self { name, lines: Vec::new(), faults: Vec::new(), torn_bytes: 0 };
        match read(&folder.join(&scan.name)) {
            Ok(bytes) => scan.take(&bytes),
            Err(error) => scan.fault(0, &error.to_string()),
        }
        scan
    }

    fn fault(&mut self, line: u64, what: &str) {
        self.faults.push(Fault { line, what: Text::clean(what) });
    }

    fn take(&mut self, bytes: &[u8]) {
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let (lines, torn) = bytes.split_at_checked(whole).unwrap_or((bytes, &[]));
        self.torn_bytes = u64::try_from(torn.len()).unwrap_or(u64::MAX);
        // What must come next; `None` after a line that cannot be read, whose fault is told already.
        let mut expected = Some(Expected { seq: 0, prev: GENESIS.to_owned() });
        for (number, line) in (1..).zip(lines.split_inclusive(|byte| *byte == b'\n')) {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            expected = match open(line) {
                Ok(sealed) => Some(self.place(number, sealed, expected)),
                Err(what) => {
                    self.fault(number, what);
                    None
                }
            };
        }
    }

    /// Puts a record in its place, and says what must come next.
    fn place(&mut self, number: u64, sealed: Sealed, expected: Option<Expected>) -> Expected {
        if let Some(expected) = expected
            && (sealed.link.seq != expected.seq || sealed.prev != expected.prev)
        {
            let what = format!(
                "record {} is not in its place: record {} was to come here",
                sealed.link.seq, expected.seq
            );
            self.fault(number, &what);
        }
        let is_header = sealed.fields.get("kind").and_then(Value::as_str) == Some("header");
        if is_header != (number == 1) {
            self.fault(number, if is_header { "a header in the middle" } else { "no header" });
        }
        let next = Expected { seq: sealed.link.seq + 1, prev: sealed.link.hash.clone() };
        self.lines.push((number, sealed));
        next
    }

    /// The first line that is wrong; all before it are proven.
    fn first_fault(&self) -> u64 {
        self.faults.iter().map(|fault| fault.line).min().unwrap_or(u64::MAX)
    }

    fn vouchers(&self) -> Vec<Voucher> {
        let header = self.lines.first().filter(|(number, _)| *number == 1);
        let heads = header.and_then(|(_, sealed)| sealed.fields.get("heads")?.as_array());
        heads
            .into_iter()
            .flatten()
            .filter_map(|head| {
                let head_of = Link {
                    seq: head.get("seq")?.as_u64()?,
                    hash: head.get("hash")?.as_str()?.to_owned(),
                };
                let segment = head.get("segment")?.as_str()?.to_owned();
                Some(Voucher { by: self.name.clone(), segment, head: head_of })
            })
            .collect()
    }

    /// Number and order of the intents.
    fn intents(&self) -> impl Iterator<Item = (u64, &str)> {
        self.lines.iter().filter_map(|(_, sealed)| {
            let word = |key| sealed.fields.get(key).and_then(Value::as_str);
            (word("kind") == Some("intent")).then_some((sealed.link.seq, word("order")?))
        })
    }

    fn report(&self, vouchers: &[Voucher], marks: &[OrderId]) -> SegmentReport {
        let mut faults = self.faults.clone();
        let mut vouched_to = None;
        for voucher in vouchers.iter().filter(|voucher| voucher.segment == self.name) {
            let found = self.lines.iter().find(|(_, sealed)| sealed.link.seq == voucher.head.seq);
            match found {
                Some((_, sealed)) if sealed.link == voucher.head => {
                    vouched_to = vouched_to.max(Some(voucher.head.seq));
                }
                Some((number, _)) => faults.push(Fault {
                    line: *number,
                    what: Text::clean(&format!("segment {} knew another record here", voucher.by)),
                }),
                None => faults.push(Fault {
                    line: voucher.head.seq + 1,
                    what: Text::clean(&format!(
                        "record {} is missing: segment {} vouches for it",
                        voucher.head.seq, voucher.by
                    )),
                }),
            }
        }
        let marked = self.intents().filter(|(_, id)| marks.iter().any(|mark| mark.as_str() == *id));
        vouched_to = vouched_to.max(marked.map(|(seq, _)| seq).max());
        faults.sort_by_key(|fault| fault.line);
        let first = self.first_fault();
        let proven = self.lines.iter().filter(|(number, _)| *number < first).count();
        SegmentReport {
            name: Text::clean(&self.name),
            records: u64::try_from(proven).unwrap_or(u64::MAX),
            vouched_to,
            faults,
            torn_bytes: self.torn_bytes,
        }
    }

    fn into_rows(self) -> Vec<Row> {
        let first = self.first_fault();
        let segment = Text::clean(&self.name);
        let row = |(number, sealed): (u64, Sealed)| {
            let mut fields = sealed.fields;
            fields.remove("prev");
            fields.remove("seq");
            let proof = if number < first { Proof::Chained } else { Proof::AfterFault };
            Row { segment: segment.clone(), seq: sealed.link.seq, proof, fields }
        };
        self.lines.into_iter().map(row).collect()
    }
}

/// The record that must come next.
struct Expected {
    seq: u64,
    prev: String,
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // A pipe would hang us.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not an ordinary file"));
    }
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(io::Error::other("larger than any segment of ours"));
    }
    Ok(bytes)
}
