//! What can go wrong between a client and the simulated API server: typed, scheduled, counted.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Faults remembered. A scenario plans a few; beyond, new ones push the oldest out.
pub const FAULTS_MAX: usize = 256;

/// One thing that goes wrong, when, how long, and for whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What happens.
    pub what: What,
    /// Milliseconds of simulated time until it begins.
    #[serde(default)]
    pub after_ms: u64,
    /// Milliseconds of simulated time it lasts; without it: until `count` is used up, or for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_ms: Option<u64>,
    /// How many requests it hits; without it: every one in its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Only this verb.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verb: Option<Verb>,
    /// Only this resource, with its subresource (`rollouts/status`), or this path (`/readyz`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Only the object of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// Requests are taken and nothing is answered, open watches say nothing; what came in the
    /// meantime is served when it is over. As a network that swallows everything.
    Silence,
    /// The request never reaches the server, and nothing is ever answered.
    LostRequest,
    /// The request takes effect, and nothing is ever answered.
    LostResponse,
    /// The connection breaks in the middle of the answer.
    BrokenResponse,
    /// The request takes effect twice; the first answer counts.
    Duplicated,
    /// The answer waits so long.
    Slow {
        /// Milliseconds of simulated time.
        ms: u64,
    },
    /// The server refuses.
    Status {
        /// 403, 409, 410, 429, 500, 502, 503, 504.
        code: u16,
        /// `Retry-After`, in seconds.
        #[serde(default)]
        retry_after: Option<u32>,
    },
    /// Open watches break off in the middle of a line.
    WatchCut,
    /// Open watches end as if their time was over.
    WatchEnd,
    /// Open watches are told 410 and end.
    WatchGone,
    /// A login page of a proxy instead of JSON.
    Html {
        /// Its status: 200 or 502.
        code: u16,
    },
    /// The answer ends in the middle, as if that was all.
    Truncated,
    /// The answer says it is something else than JSON.
    WrongType {
        /// `text/html`, `application/yaml` …
        media: String,
    },
    /// The token is no longer accepted.
    TokenExpired,
    /// The server's clock is off; its `Date` says so.
    ClockSkew {
        /// Seconds that it is ahead; negative: behind.
        seconds: i64,
    },
    /// The log of changes is forgotten whole: every resume and every `continue` token is too old.
    Compaction,
}

/// A verb, as RBAC has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Reads an object, or a path outside the resources.
    Get,
    /// Reads a collection.
    List,
    /// Follows a collection.
    Watch,
    /// Adds an object.
    Create,
    /// Replaces an object.
    Update,
    /// Changes an object.
    Patch,
    /// Removes an object.
    Delete,
    /// Removes a collection.
    DeleteCollection,
}

impl Verb {
    /// Its word in rules, messages and records.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }

    /// Whether it changes something.
    #[must_use]
    pub const fn is_write(self) -> bool {
        match self {
            Self::Get | Self::List | Self::Watch => false,
            Self::Create | Self::Update | Self::Patch | Self::Delete | Self::DeleteCollection => {
                true
            }
        }
    }
}

/// A request as faults see it.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    /// Its verb.
    pub verb: Verb,
    /// Its resource with the subresource, or its path.
    pub resource: &'a str,
    /// Its object; empty: a collection.
    pub name: &'a str,
}

/// The faults of one cluster.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    planned: Vec<Planned>,
}

#[derive(Clone, Debug)]
struct Planned {
    fault: Fault,
    from: Timestamp,
    until: Option<Timestamp>,
    left: Option<u32>,
    spent: bool,
}

impl Faults {
    /// Plans a fault, counted from now.
    pub fn plan(&mut self, fault: Fault, now: Timestamp) {
        let from = now + milliseconds(fault.after_ms);
        let until = fault.for_ms.map(|ms| from + milliseconds(ms));
        let left = fault.count;
        if self.planned.len() == FAULTS_MAX {
            self.planned.remove(0);
        }
        self.planned.push(Planned { fault, from, until, left, spent: false });
    }

    /// Forgets all faults.
    pub fn clear(&mut self) {
        self.planned.clear();
    }

    /// The faults that are planned or at work.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.planned.iter().map(|planned| &planned.fault)
    }

    /// Whether the cluster says nothing to such a request.
    #[must_use]
    pub fn is_silent(&self, hit: Hit<'_>, now: Timestamp) -> bool {
        let silent =
            |planned: &Planned| planned.fault.what == What::Silence && planned.hits(hit, now);
        self.planned.iter().any(silent)
    }

    /// What happens to a request that is about to be served. Counts it.
    pub fn take(&mut self, hit: Hit<'_>, now: Timestamp) -> Vec<What> {
        let mut happens = Vec::new();
        for planned in &mut self.planned {
            if planned.fault.what.strikes_requests() && planned.hits(hit, now) {
                planned.left = planned.left.map(|left| left.saturating_sub(1));
                happens.push(planned.fault.what.clone());
            }
        }
        happens
    }

    /// What happens to a watch that was opened at a time: it is cut, ended or told that it is too
    /// old.
    #[must_use]
    pub fn of_watch(&self, hit: Hit<'_>, opened: Timestamp, now: Timestamp) -> Option<&What> {
        let struck = |planned: &&Planned| {
            let ends = planned.until.unwrap_or(planned.from);
            planned.fault.what.strikes_watches()
                && planned.fault.suits(hit)
                && planned.from <= now
                && opened <= ends
        };
        self.planned.iter().find(struck).map(|planned| &planned.fault.what)
    }

    /// How far the server's clock is off.
    #[must_use]
    pub fn skew(&self, now: Timestamp) -> SignedDuration {
        let of = |planned: &Planned| {
            let What::ClockSkew { seconds } = planned.fault.what else { return None };
            planned.is_on(now).then_some(seconds)
        };
        SignedDuration::from_secs(self.planned.iter().filter_map(of).sum())
    }

    /// Whether the log of changes is to be forgotten now; true once for each such fault.
    pub fn take_compaction(&mut self, now: Timestamp) -> bool {
        let due = |planned: &&mut Planned| {
            planned.fault.what == What::Compaction && !planned.spent && planned.from <= now
        };
        self.planned.iter_mut().filter(due).map(|planned| planned.spent = true).count() > 0
    }
}

impl Planned {
    fn is_on(&self, now: Timestamp) -> bool {
        self.from <= now
            && self.until.is_none_or(|until| now < until)
            && self.left.is_none_or(|left| left > 0)
    }

    fn hits(&self, hit: Hit<'_>, now: Timestamp) -> bool {
        self.is_on(now) && self.fault.suits(hit)
    }
}

impl Fault {
    /// A fault that begins at once and never ends.
    #[must_use]
    pub const fn new(what: What) -> Self {
        let (verb, resource, name) = (None, None, None);
        Self { what, after_ms: 0, for_ms: None, count: None, verb, resource, name }
    }

    /// The same for so many requests only.
    #[must_use]
    pub const fn times(mut self, count: u32) -> Self {
        self.count = Some(count);
        self
    }

    /// The same for one verb and resource.
    #[must_use]
    pub fn on(mut self, verb: Verb, resource: &str) -> Self {
        self.verb = Some(verb);
        self.resource = Some(resource.to_owned());
        self
    }

    /// The same, so many milliseconds long.
    #[must_use]
    pub const fn lasting(mut self, ms: u64) -> Self {
        self.for_ms = Some(ms);
        self
    }

    fn suits(&self, hit: Hit<'_>) -> bool {
        self.verb.is_none_or(|verb| verb == hit.verb)
            && self.resource.as_ref().is_none_or(|resource| resource == hit.resource)
            && self.name.as_ref().is_none_or(|name| name == hit.name)
    }
}

impl What {
    const fn strikes_watches(&self) -> bool {
        match self {
            Self::WatchCut | Self::WatchEnd | Self::WatchGone => true,
            Self::Silence
            | Self::LostRequest
            | Self::LostResponse
            | Self::BrokenResponse
            | Self::Duplicated
            | Self::Slow { .. }
            | Self::Status { .. }
            | Self::Html { .. }
            | Self::Truncated
            | Self::WrongType { .. }
            | Self::TokenExpired
            | Self::ClockSkew { .. }
            | Self::Compaction => false,
        }
    }

    const fn strikes_requests(&self) -> bool {
        match self {
            Self::LostRequest
            | Self::LostResponse
            | Self::BrokenResponse
            | Self::Duplicated
            | Self::Slow { .. }
            | Self::Status { .. }
            | Self::Html { .. }
            | Self::Truncated
            | Self::WrongType { .. }
            | Self::TokenExpired => true,
            Self::Silence
            | Self::WatchCut
            | Self::WatchEnd
            | Self::WatchGone
            | Self::ClockSkew { .. }
            | Self::Compaction => false,
        }
    }
}

fn milliseconds(ms: u64) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX / 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
    }

    const PATCH: Hit<'_> = Hit { verb: Verb::Patch, resource: "rollouts/status", name: "web" };
    const READ: Hit<'_> = Hit { verb: Verb::Get, resource: "rollouts", name: "web" };

    #[test]
    fn a_fault_hits_who_it_is_for_as_often_as_it_may() {
        let mut faults = Faults::default();
        let refused = What::Status { code: 409, retry_after: None };
        let fault = Fault::new(refused.clone()).on(Verb::Patch, "rollouts/status").times(2);
        faults.plan(fault, at(0));
        assert_eq!(faults.take(READ, at(0)), []);
        assert_eq!(faults.take(PATCH, at(0)), vec![refused.clone()]);
        assert_eq!(faults.take(PATCH, at(0)), [refused]);
        assert_eq!(faults.take(PATCH, at(0)), []);
    }

    #[test]
    fn a_fault_begins_and_ends_at_its_times() {
        let mut faults = Faults::default();
        let fault = Fault { after_ms: 2_000, for_ms: Some(3_000), ..Fault::new(What::Silence) };
        faults.plan(fault, at(0));
        let silent: Vec<bool> = (0..6).map(|s| faults.is_silent(READ, at(s))).collect();
        assert_eq!(silent, [false, false, true, true, true, false]);
    }

    #[test]
    fn a_cut_strikes_the_watches_that_are_open_and_no_later_one() {
        let mut faults = Faults::default();
        let hit = Hit { verb: Verb::Watch, resource: "pods", name: "" };
        faults.plan(Fault { after_ms: 2_000, ..Fault::new(What::WatchCut) }, at(0));
        assert_eq!(faults.of_watch(hit, at(0), at(1)), None);
        assert_eq!(faults.of_watch(hit, at(0), at(3)), Some(&What::WatchCut));
        assert_eq!(faults.of_watch(hit, at(3), at(3)), None);
    }

    #[test]
    fn compaction_happens_once_and_skew_as_long_as_it_lasts() {
        let mut faults = Faults::default();
        faults.plan(Fault::new(What::Compaction), at(0));
        assert!(faults.take_compaction(at(0)));
        assert!(!faults.take_compaction(at(1)));
        faults.plan(Fault::new(What::ClockSkew { seconds: -120 }).lasting(1_000), at(0));
        assert_eq!(faults.skew(at(0)).as_secs(), -120);
        assert_eq!(faults.skew(at(2)).as_secs(), 0);
    }

    #[test]
    fn faults_are_read_strictly() {
        let read = serde_json::from_str::<Fault>;
        let slow = read(r#"{"what": {"slow": {"ms": 200}}, "verb": "list", "count": 3}"#).unwrap();
        assert_eq!((slow.what, slow.count), (What::Slow { ms: 200 }, Some(3)));
        assert_eq!(read(r#"{"what": "silence", "for_ms": 9}"#).unwrap().for_ms, Some(9));
        for broken in [
            r#"{"what": "sillence"}"#,
            r#"{"what": "silence", "fr_ms": 9}"#,
            r#"{"what": {"slow": {"ms": 200, "x": 1}}}"#,
            r#"{"for_ms": 9}"#,
        ] {
            assert!(read(broken).is_err(), "{broken}");
        }
        let told: Fault =
            toml::from_str("what = { status = { code = 503 } }\nverb = \"get\"").unwrap();
        assert_eq!(told.verb, Some(Verb::Get));
    }

    #[test]
    fn the_plan_is_bounded() {
        let mut faults = Faults::default();
        for _ in 0..=FAULTS_MAX {
            faults.plan(Fault::new(What::Silence), at(0));
        }
        assert_eq!(faults.iter().count(), FAULTS_MAX);
    }
}
