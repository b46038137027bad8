//! Deeds that a session left behind when it was killed: their intent is on the disk, their end is not. The next session says
//! so, and looks at the object what became of each. Nothing is sent again.

use std::time::Duration;

use super::order::Outcome;
use crate::domain::ids::{OrderId, ResourceVersion, Uid, WorkloadRef};
use crate::domain::observed::{Timestamp, age};
use crate::domain::text::Text;

/// A request of a process that died may still be on its way for as long as the API server lets one live.
pub const IN_FLIGHT_MAX: Duration = Duration::from_mins(1);

/// A deed as its records tell it.
#[derive(Clone, Debug, PartialEq)]
pub struct Leftover {
    /// Its name.
    pub order: OrderId,
    /// Which deed.
    pub deed: Text,
    /// On which workload.
    pub target: WorkloadRef,
    /// On which life of it.
    pub uid: Uid,
    /// When its last record was made.
    pub at: Timestamp,
    /// Who, as the API server said.
    pub by: Option<Text>,
    /// How many writes it was to have.
    pub writes: usize,
    /// The last attempt that is recorded.
    pub last: Option<LastAttempt>,
}

/// What is recorded of the last attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct LastAttempt {
    /// Which write, from 0.
    pub write: usize,
    /// What it stood on.
    pub precondition: Option<ResourceVersion>,
    /// What came back.
    pub answer: LastAnswer,
}

/// What came back from an attempt, as recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastAnswer {
    /// 200.
    Accepted,
    /// The server said no for good.
    Refused,
    /// It was not written, and was to be tried again: that may have happened.
    Again,
    /// Nothing.
    None,
}

/// The object as it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Which life of it.
    pub uid: Uid,
    /// At which version.
    pub version: ResourceVersion,
    /// Whether it carries the mark of this deed.
    pub mark: Mark,
}

/// Whether an object carries a deed's mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It does: a write was applied.
    There,
    /// It does not, or not any more.
    Missing,
}

impl Leftover {
    /// "abort of shop/web in eu by ada".
    #[must_use]
    pub fn name(&self) -> Text {
        let by = self.by.as_ref().map_or(String::new(), |by| format!(" by {by}"));
        let (target, cluster) = (&self.target, &self.target.cluster);
        Text::clean(&format!("{} of {target} in {cluster}{by}", self.deed))
    }

    /// What became of it, by its records and the object; `seen` is `None` where there is no such object. `None`: it may yet
    /// come, look again.
    #[must_use]
    pub fn judge(&self, seen: Option<&Seen>, now: Timestamp) -> Option<Outcome> {
        let answer = self.last.as_ref().map(|last| (last.write, last.answer));
        match answer {
            Some((write, LastAnswer::Accepted)) if write + 1 >= self.writes => {
                return Some(Outcome::Accepted);
            }
            Some((0, LastAnswer::Refused)) => {
                return Some(Outcome::Failed(Text::from("the server had refused it")));
            }
            Some((_, LastAnswer::Refused)) => {
                return Some(half("a later write was refused by the server"));
            }
            Some((_, LastAnswer::Accepted | LastAnswer::Again | LastAnswer::None)) | None => {}
        }
        let Some(seen) = seen.filter(|seen| seen.uid == self.uid) else {
            return Some(Outcome::Superseded(Text::from("it was deleted")));
        };
        if seen.mark == Mark::There {
            return Some(if self.writes <= 1 {
                Outcome::Accepted
            } else {
                half("its mark is there; whether all of its writes were sent nobody can tell")
            });
        }
        if age(self.at, now) < IN_FLIGHT_MAX {
            return None;
        }
        let last = self.last.as_ref();
        let is_as_it_was = last.is_some_and(|it| it.precondition.as_ref() == Some(&seen.version));
        Some(match (is_as_it_was, answer) {
            (true, Some((0, LastAnswer::None | LastAnswer::Again))) => {
                Outcome::Failed(Text::from("it was not applied: the object is as it was before"))
            }
            (_, Some((write, _))) if write > 0 => {
                half("whether all of its writes were sent nobody can tell")
            }
            _ => Outcome::Unknown(Text::from(
                "its mark is not on the object: it was not applied, or undone or overwritten since",
            )),
        })
    }
}

fn half(why: &str) -> Outcome {
    Outcome::Unknown(Text::clean(&format!("a part of it was applied: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixtures::at;
    use crate::domain::ids::{ClusterName, Name, Namespace, WorkloadKind};

    fn left(writes: usize, last: Option<(usize, LastAnswer)>) -> Leftover {
        Leftover {
            order: OrderId::new("o-1"),
            deed: Text::from("pause"),
            target: WorkloadRef {
                cluster: ClusterName::new("eu"),
                namespace: Namespace::new("shop"),
                kind: WorkloadKind::Rollout,
                name: Name::new("web"),
            },
            uid: Uid::new("u1"),
            at: at(1_000),
            by: Some(Text::from("ada")),
            writes,
            last: last.map(|(write, answer)| LastAttempt {
                write,
                precondition: Some(ResourceVersion::new("500")),
                answer,
            }),
        }
    }

    fn seen(uid: &str, version: &str, mark: Mark) -> Seen {
        Seen { uid: Uid::new(uid), version: ResourceVersion::new(version), mark }
    }

    #[test]
    fn records_object_and_time_tell_what_became_of_it() {
        use LastAnswer::{Accepted, Again, None as Nothing, Refused};
        let there = seen("u1", "501", Mark::There);
        let missing = seen("u1", "501", Mark::Missing);
        let same = seen("u1", "500", Mark::Missing);
        let other = seen("u2", "900", Mark::Missing);
        for (writes, last, seen, later, want) in [
            (1, Some((0, Accepted)), Some(&missing), 1, Some("accepted")),
            (1, Some((0, Refused)), Some(&missing), 1, Some("failed")),
            (2, Some((1, Refused)), Some(&missing), 1, Some("unknown")),
            (1, None, None, 1, Some("superseded")),
            (1, None, Some(&other), 1, Some("superseded")),
            (1, None, Some(&there), 1, Some("accepted")),
            (2, Some((0, Accepted)), Some(&there), 1, Some("unknown")),
            (1, None, Some(&missing), 1, None),
            (1, Some((0, Nothing)), Some(&same), 1, None),
            (1, Some((0, Nothing)), Some(&same), 61, Some("failed")),
            (1, Some((0, Again)), Some(&same), 61, Some("failed")),
            (1, Some((0, Nothing)), Some(&missing), 61, Some("unknown")),
            (2, Some((0, Accepted)), Some(&missing), 61, Some("unknown")),
            (1, None, Some(&same), 61, Some("unknown")),
        ] {
            let outcome = left(writes, last).judge(seen, at(1_000 + later));
            let told = outcome.as_ref().map(Outcome::name);
            assert_eq!(told, want, "{writes} {last:?} {seen:?} {later}");
        }
        assert_eq!(left(1, None).name().as_str(), "pause of shop/web in eu by ada");
    }
}
