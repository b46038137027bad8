//! What happened, in order: kept for a seed that is replayed, and the breaches that any seed may find.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

/// Whether lines are kept: they cost, and ten thousand seeds need none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Telling {
    Silent,
    Aloud,
}

/// The story of one flight. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Story(Arc<Mutex<Pages>>);

struct Pages {
    start: Instant,
    telling: Telling,
    lines: Vec<String>,
    breaches: Vec<String>,
    print: u64,
}

impl Story {
    pub(crate) fn new(telling: Telling) -> Self {
        let (lines, breaches) = (Vec::new(), Vec::new());
        let start = Instant::now();
        Self(Arc::new(Mutex::new(Pages { start, telling, lines, breaches, print: 0 })))
    }

    /// Something happened to somebody.
    pub(crate) fn tell(&self, who: &str, what: impl FnOnce() -> String) {
        let mut pages = self.0.lock().unwrap();
        if pages.telling == Telling::Aloud {
            let line = line(&pages, who, &what());
            pages.lines.push(line);
        }
    }

    /// A mark of what happened that is kept in silence too: two flights of one seed must have the same.
    pub(crate) fn stamp(&self, what: u64) {
        let mut pages = self.0.lock().unwrap();
        let time = u64::try_from(pages.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        pages.print = (pages.print ^ what ^ time).wrapping_mul(0x0100_0000_01b3);
    }

    pub(crate) fn print(&self) -> u64 {
        self.0.lock().unwrap().print
    }

    /// Something happened that must never happen.
    pub(crate) fn breach(&self, who: &str, what: &str) {
        let mut pages = self.0.lock().unwrap();
        let line = line(&pages, who, &format!("BREACH: {what}"));
        pages.lines.push(line.clone());
        pages.breaches.push(line);
    }

    pub(crate) fn breaches(&self) -> Vec<String> {
        self.0.lock().unwrap().breaches.clone()
    }

    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().lines.iter().fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "{line}");
            text
        })
    }
}

fn line(pages: &Pages, who: &str, what: &str) -> String {
    format!("{:9.3} {who:<6} {what}", pages.start.elapsed().as_secs_f64())
}
