//! A disk that forgets what was not synced, fills up, fails and hangs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pilothouse::backends::audit_chain::Link;
use pilothouse::backends::audit_disk::{Disk, Segment};
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};

use crate::life::Life;
use crate::sabotage::Sabotage;
use crate::weather::{Decay, Weather};

/// One file: all its bytes, and how many of them a loss of power leaves.
#[derive(Clone, Debug, Default)]
struct File {
    bytes: Vec<u8>,
    synced: usize,
}

/// What lies on the disk of one operator, whichever of his processes wrote it. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Platter(Arc<Mutex<BTreeMap<String, File>>>);

impl Platter {
    /// The power fails: what was not synced is gone, but for a torn piece of it.
    pub(crate) fn lose_power(&self, torn: usize) {
        for file in self.0.lock().unwrap().values_mut() {
            let kept = file.synced + torn.min(file.bytes.len() - file.synced);
            file.bytes.truncate(kept);
        }
    }

    /// The orders of which an intent would survive a loss of power.
    pub(crate) fn has_intent(&self, order: &str) -> bool {
        let word = format!("\"order\":\"{order}\"");
        let holds = |line: &str| line.contains("\"kind\":\"intent\"") && line.contains(&word);
        let files = self.0.lock().unwrap();
        files
            .values()
            .any(|file| String::from_utf8_lossy(&file.bytes[..file.synced]).lines().any(holds))
    }

    /// All records.
    pub(crate) fn records(&self) -> Vec<Value> {
        let lines = |(_, bytes): (String, Vec<u8>)| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<Value>>()
        };
        self.files().into_iter().flat_map(lines).collect()
    }

    /// All files as they are, for the reader of the program.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let files = self.0.lock().unwrap();
        files.iter().map(|(name, file)| (name.clone(), file.bytes.clone())).collect()
    }
}

/// What one process sees of the disk.
#[derive(Clone)]
pub(crate) struct Drive {
    pub(crate) platter: Platter,
    pub(crate) weather: Arc<Weather>,
    pub(crate) life: Life,
    pub(crate) sabotage: Option<Sabotage>,
    pub(crate) start: Instant,
}

impl Drive {
    fn decay(&self) -> Option<Decay> {
        self.weather.decay(self.start.elapsed()).map(|(what, _)| what)
    }

    /// What the disk takes before it does anything.
    pub(crate) async fn due(&self) {
        match self.weather.decay(self.start.elapsed()) {
            Some((Decay::Hangs, until)) => sleep_until(self.start + until).await,
            Some((Decay::Slow(ms), _)) => sleep(Duration::from_millis(ms)).await,
            Some((Decay::Full | Decay::ReadOnly | Decay::NoSync | Decay::Half, _)) | None => {
                sleep(Duration::from_millis(2)).await;
            }
        }
    }

    fn living(&self, what: &str) -> Result<()> {
        if self.life.cross(what) { Ok(()) } else { Err(Error::other("the process is dead")) }
    }
}

impl Disk for Drive {
    fn create(&mut self, stem: &str) -> Result<(String, Box<dyn Segment>)> {
        self.living("disk: create")?;
        match self.decay() {
            Some(Decay::Full) => return Err(ErrorKind::StorageFull.into()),
            Some(Decay::ReadOnly) => return Err(ErrorKind::ReadOnlyFilesystem.into()),
            _ => {}
        }
        let mut files = self.platter.0.lock().unwrap();
        let taken: BTreeSet<&String> = files.keys().collect();
        let free = (0..).map(|number| format!("{stem}_{number}.jsonl"));
        let name = free.into_iter().find(|name| !taken.contains(name)).unwrap();
        files.insert(name.clone(), File::default());
        drop(files);
        Ok((name.clone(), Box::new(Groove { drive: self.clone(), name })))
    }

    fn heads(&self) -> Result<BTreeMap<String, Link>> {
        let mut files = self.platter.0.lock().unwrap();
        let can_sync = self.decay() != Some(Decay::NoSync);
        for file in files.values_mut().filter(|_| can_sync) {
            file.synced = file.bytes.len();
        }
        let head = |(name, file): (&String, &File)| {
            if file.synced < file.bytes.len() {
                return None;
            }
            let whole = file.bytes.iter().rposition(|byte| *byte == b'\n')?;
            let line = file.bytes[..whole].rsplit(|byte| *byte == b'\n').next()?;
            let record: Value = serde_json::from_slice(line).ok()?;
            let hash = record["hash"].as_str()?.to_owned();
            Some((name.clone(), Link { seq: record["seq"].as_u64()?, hash }))
        };
        Ok(files.iter().filter_map(head).collect())
    }

    fn recent(&self, _bytes_max: u64) -> Result<Vec<(String, Vec<u8>)>> {
        Ok(self.platter.files())
    }

    fn is_at_work(&self, _pid: u32) -> bool {
        false
    }

    fn free(&self) -> Result<u64> {
        Ok(if self.decay() == Some(Decay::Full) { 0 } else { u64::MAX })
    }
}

/// What follows a write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Sync,
    Leave,
}

/// A file that is written to.
struct Groove {
    drive: Drive,
    name: String,
}

impl Groove {
    fn put(&self, bytes: &[u8], then: Then) {
        let mut files = self.drive.platter.0.lock().unwrap();
        let file = files.entry(self.name.clone()).or_default();
        file.bytes.extend_from_slice(bytes);
        if then == Then::Sync {
            file.synced = file.bytes.len();
        }
    }
}

impl Segment for Groove {
    fn append(&mut self, line: &[u8]) -> Result<()> {
        let half = &line[..line.len() / 2];
        self.drive.living("disk: before the write")?;
        match self.drive.decay() {
            Some(Decay::Full | Decay::Half) => {
                self.put(half, Then::Leave);
                return Err(ErrorKind::StorageFull.into());
            }
            Some(Decay::ReadOnly) => return Err(ErrorKind::ReadOnlyFilesystem.into()),
            Some(Decay::NoSync) => {
                self.put(line, Then::Leave);
                return Err(Error::other("fsync failed"));
            }
            Some(Decay::Hangs | Decay::Slow(_)) | None => {}
        }
        if !self.drive.life.cross("disk: in the middle of the write") {
            self.put(half, Then::Leave);
            return Err(Error::other("the process is dead"));
        }
        let is_intent = line.windows(15).any(|word| word == b"\"kind\":\"intent\"");
        match self.drive.sabotage {
            Some(Sabotage::ForgetsIntents) if is_intent => {}
            Some(Sabotage::SkipsSync) => self.put(line, Then::Leave),
            _ => self.put(line, Then::Sync),
        }
        self.drive.living("disk: after the sync")
    }
}
