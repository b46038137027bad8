//! What the audit file needs of a disk, and the real one. Tests have disks that fail.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use super::audit_chain::{LINE_BYTES_MAX, Link, open};

/// The ending of a segment's name.
pub(super) const ENDING: &str = ".jsonl";

/// Heads named in a header. More sessions than this since the last one that is still vouched for are not expected; the
/// line stays below its limit.
const HEADS_MAX: usize = 256;

/// Space kept for the end of what was begun, when others fill the disk.
const RESERVE_BYTES: u64 = 256 << 10;

/// Names tried before giving up: two segments of one process in the same nanosecond.
const NAMES_MAX: u32 = 16;

/// A place for segments.
pub trait Disk: Send {
    /// Makes a new segment; its name begins with `stem`. Its existence is on disk afterwards.
    ///
    /// # Errors
    /// What the file system says.
    fn create(&mut self, stem: &str) -> io::Result<(String, Box<dyn Segment>)>;
    /// The heads of the segments that are there, those changed last. All that they name is on disk.
    ///
    /// # Errors
    /// What the file system says.
    fn heads(&self) -> io::Result<BTreeMap<String, Link>>;
    /// The newest segments, oldest first, as far as they hold no more than so many bytes together.
    ///
    /// # Errors
    /// What the file system says.
    fn recent(&self, bytes_max: u64) -> io::Result<Vec<(String, Vec<u8>)>>;
    /// Whether this process still runs, if it is one of this host.
    fn is_at_work(&self, pid: u32) -> bool;
    /// Free bytes.
    ///
    /// # Errors
    /// What the file system says.
    fn free(&self) -> io::Result<u64>;
}

/// A segment that is written to.
pub trait Segment: Send {
    /// Writes the whole line at once; it is on disk afterwards.
    ///
    /// # Errors
    /// What the file system says; then nobody knows what of it is on disk.
    fn append(&mut self, line: &[u8]) -> io::Result<()>;
}

/// A folder of the file system.
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    fn make(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.path)
    }
}

impl Disk for Folder {
    fn create(&mut self, stem: &str) -> io::Result<(String, Box<dyn Segment>)> {
        self.make()?;
        let mut last = io::Error::other("no name is free");
        for number in 0..NAMES_MAX {
            let more = if number == 0 { String::new() } else { format!("_{number}") };
            let name = format!("{stem}{more}{ENDING}");
            let made = OpenOptions::new()
                .append(true)
                .create_new(true)
                .mode(0o600)
                .open(self.path.join(&name));
            match made {
                Ok(file) => {
                    File::open(&self.path)?.sync_all()?;
                    return Ok((name, Box::new(Appended::new(file))));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    fn heads(&self) -> io::Result<BTreeMap<String, Link>> {
        self.make()?;
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(ENDING) {
                let changed = entry.metadata().and_then(|meta| meta.modified()).ok();
                found.push((changed, name));
            }
        }
        found.sort_unstable();
        let newest = found.into_iter().rev().take(HEADS_MAX);
        Ok(newest
            .filter_map(|(_, name)| Some((name.clone(), head(&self.path.join(name))?)))
            .collect())
    }

    fn recent(&self, bytes_max: u64) -> io::Result<Vec<(String, Vec<u8>)>> {
        let entries = match std::fs::read_dir(&self.path) {
            Ok(entries) => entries,
            // No folder yet, or none is known: it holds nothing.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            let (name, meta) =
                (entry.file_name().to_string_lossy().into_owned(), entry.metadata()?);
            // A pipe would hang us.
            if name.ends_with(ENDING) && meta.is_file() {
                names.push((name, meta.len()));
            }
        }
        names.sort_unstable();
        let mut room = bytes_max;
        let mut found = Vec::new();
        for (name, bytes) in names.into_iter().rev() {
            let Some(left) = room.checked_sub(bytes) else { break };
            room = left;
            let file = File::open(self.path.join(&name))?;
            let mut read = Vec::new();
            file.take(bytes).read_to_end(&mut read)?;
            found.push((name, read));
        }
        found.reverse();
        Ok(found)
    }

    fn is_at_work(&self, pid: u32) -> bool {
        let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
        // One of somebody else answers that we may not ask: it runs.
        pid.is_some_and(|pid| {
            rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
        })
    }

    fn free(&self) -> io::Result<u64> {
        self.make()?;
        let stat = statvfs(&self.path)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// The last whole record of a segment; `None` where there is none that can be read.
fn head(path: &Path) -> Option<Link> {
    // A pipe would hang us.
    std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let tail = u64::try_from(LINE_BYTES_MAX * 2).ok()?;
    file.seek(SeekFrom::Start(length.saturating_sub(tail))).ok()?;
    let mut bytes = Vec::new();
    (&file).take(tail).read_to_end(&mut bytes).ok()?;
    // What another process wrote a moment ago may still be lost with the power; nobody vouches for that.
    file.sync_data().ok()?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n')?;
    let lines = bytes.get(..whole)?;
    let line = lines.rsplit(|byte| *byte == b'\n').next()?;
    open(line).ok().map(|sealed| sealed.link)
}

/// A file that grows.
struct Appended {
    file: File,
    bytes: u64,
    reserved: u64,
}

impl Appended {
    fn new(file: File) -> Self {
        Self { file, bytes: 0, reserved: 0 }
    }

    /// Takes space beyond the end, so that others cannot fill it. Best effort: not every file system can.
    fn reserve(&mut self) {
        if self.reserved.saturating_sub(self.bytes) < RESERVE_BYTES / 2 {
            let end = self.bytes + RESERVE_BYTES;
            let length = end - self.bytes;
            if fallocate(&self.file, FallocateFlags::KEEP_SIZE, self.bytes, length).is_ok() {
                self.reserved = end;
            }
        }
    }
}

impl Segment for Appended {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        self.reserve();
        let written = self.file.write(line)?;
        if written != line.len() {
            let words = format!("only {written} of {} bytes were written", line.len());
            return Err(io::Error::new(io::ErrorKind::StorageFull, words));
        }
        self.file.sync_data()?;
        self.bytes += u64::try_from(line.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}
