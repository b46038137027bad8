//! One look at the raw counters of a release's pods, from wherever they are read: a Prometheus, or the pods themselves.
//! Nothing is summed or divided here; that is the work of `analysis::sampling`.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use super::counter::Sample;
use super::ids::Name;
use super::observed::Timestamp;
use super::text::Text;

/// Most series of one look. A program with more has a label that counts its users; the rest is left out and told.
pub const SERIES_MAX: usize = 20_000;

/// Whose pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The new version's.
    Canary,
    /// The proven version's.
    Stable,
}

/// What a look brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    /// When, by our clock: a source's own is set right by how far it is off. `None`: it did not tell.
    pub at: Option<Timestamp>,
    /// The pods that were looked at, also those that expose nothing: a series that is new on a pod that was looked at
    /// before began at zero, on any other pod nobody knows where.
    pub pods: Vec<Looked>,
    /// The series.
    pub series: Vec<RawSeries>,
    /// Series beyond [`SERIES_MAX`].
    pub left_out: u32,
    /// Why it is not the whole truth (a partial answer, lines that could not be read), in words.
    pub doubts: Vec<Text>,
    /// What is worth knowing and takes nothing from its truth (not all pods were asked), in words.
    pub notes: Vec<Text>,
    /// Bytes that were read for it; of a source that does not count them, zero.
    pub bytes: u64,
    /// Where it came from, as shown.
    pub source: Text,
}

/// A pod that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// Its name.
    pub pod: Name,
    /// Whose it is.
    pub side: Side,
    /// When it was scraped last, by our clock; `None`: it did not answer.
    pub at: Option<Timestamp>,
}

/// A counter of one pod.
#[derive(Clone, Debug, PartialEq)]
pub struct RawSeries {
    /// Which family of [`super::family::FAMILIES`] (its name).
    pub family: &'static str,
    /// What it counts.
    pub counts: Counts,
    /// Whose it is.
    pub side: Side,
    /// The pod that exposes it.
    pub pod: Name,
    /// Tells series apart that are alike in all of that: a hash of all its labels. Equal in every look.
    pub key: u64,
    /// Samples, oldest first, by our clock. A source may send some again that it sent before.
    pub samples: Arc<[Sample]>,
}

/// What a series counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Counts {
    /// Requests of which nobody tells how they ended.
    Requests,
    /// Requests that ended well, or by the caller's fault.
    Good,
    /// Requests that the server failed.
    Bad,
    /// Requests that took at most so long, in seconds; infinite: all.
    UpTo(f64),
}

/// Tells series apart by all their labels, in whatever order they come.
#[must_use]
pub fn key<'a>(metric: &str, labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> u64 {
    let mut labels: Vec<(&str, &str)> = labels.into_iter().collect();
    labels.sort_unstable();
    let mut hasher = DefaultHasher::new();
    (metric, labels).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_of_all_labels_in_any_order() {
        let one = key("m", [("a", "1"), ("b", "2")]);
        assert_eq!(one, key("m", [("b", "2"), ("a", "1")]));
        for other in [
            key("n", [("a", "1"), ("b", "2")]),
            key("m", [("a", "1")]),
            key("m", [("a", "2"), ("b", "1")]),
        ] {
            assert_ne!(one, other);
        }
    }
}
