//! Flagger's load tester, as far as its gates go: a switch for each Canary, closed until somebody opens it.

use std::collections::BTreeSet;

/// Most gates that are remembered as open; beyond, the earliest by name is closed.
const OPEN_MAX: usize = 1_000;

/// The gates of a cluster.
#[derive(Clone, Debug, Default)]
pub struct Gates {
    open: BTreeSet<String>,
}

impl Gates {
    /// Status and body of an answer to a path, for the Canary `name.namespace`.
    pub fn answer(&mut self, path: &str, canary: &str) -> (u16, &'static str) {
        let key = |family: &str| match family {
            "rollback" => format!("rollback.{canary}"),
            _ => canary.to_owned(),
        };
        match path.split_once('/') {
            Some((family @ ("gate" | "rollback"), "open")) => {
                self.open.insert(key(family));
                if self.open.len() > OPEN_MAX {
                    self.open.pop_first();
                }
                (202, "")
            }
            Some((family @ ("gate" | "rollback"), "close")) => {
                self.open.remove(&key(family));
                (202, "")
            }
            _ => match self.check(path, canary) {
                Some(true) => (200, "Approved"),
                Some(false) => (403, "Forbidden"),
                None => (400, "metadata not found in payload"),
            },
        }
    }

    /// Whether a path says yes; `None`: it is no gate.
    #[must_use]
    pub fn check(&self, path: &str, canary: &str) -> Option<bool> {
        match path {
            "gate/check" => Some(self.open.contains(canary)),
            "rollback/check" => Some(self.open.contains(&format!("rollback.{canary}"))),
            "gate/approve" => Some(true),
            "gate/halt" => Some(false),
            _ => None,
        }
    }
}
