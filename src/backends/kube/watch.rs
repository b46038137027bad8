//! Follows one collection for ever: a list in pages, then its changes, resumed where they broke off, listed anew when the
//! server no longer knows that place. What was known stays known until the new list is whole.
//!
//! A loop of our own and not kube's watcher: that one keeps bookmarks to itself (they are proof of life), loses a whole
//! object with one field of a wrong type, and reads bodies without a limit.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::cluster::{Cluster, Link};
use super::lean;
use super::live::Live;
use super::resource::{Resource, with_query};
use super::trouble;
use super::wire::{About, Ask, LIST_BYTES_MAX, Lines, OBJECT_BYTES_MAX, Opened, Reply};
use crate::backends::source::{Backoff, Patience};
use crate::domain::feed::Trouble;
use crate::domain::ids::{Namespace, ResourceVersion, Uid};
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

/// Objects of one page; what kubectl asks for.
const PAGE_OBJECTS: &str = "500";

/// A page of the largest objects over a slow line takes this long at most.
const PAGE_TIME_MAX: Duration = Duration::from_secs(30);

/// How long a watch lasts before the server ends it, at least, and by how much more at random: each new
/// one is proof of life, and is shorter than the idle limits of load balancers.
const WATCH_SECONDS: (u64, u64) = (50, 10);

/// A watch that neither says anything nor ends by then is dead.
const SILENCE_MAX: Duration = Duration::from_secs(65);

/// A missing right is looked for again after this time.
const FORBIDDEN_RETRY: Duration = Duration::from_mins(1);

/// A missing kind is looked for again after this time.
const MISSING_RETRY: Duration = Duration::from_mins(3);

/// The longest a server may send us away.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// After so many refusals in a row the place where we were is given up, and the list is read anew.
const REFUSALS_MAX: u32 = 5;

/// A watch that ends sooner than this without a word counts as a failure, or we would spin.
const WATCH_LIFE_MIN: Duration = Duration::from_secs(1);

/// What is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Collection {
    /// Which resource.
    pub(super) resource: Resource,
    /// In which namespace; `None`: in all.
    pub(super) namespace: Option<Namespace>,
    /// With which labels.
    pub(super) selector: Option<String>,
}

/// What a stream says.
#[derive(Clone, Debug)]
pub(super) enum Heard<R> {
    /// A new list begins: what follows belongs to it, until it is whole.
    Listing,
    /// Objects of the list.
    Rows(Vec<R>, Timestamp),
    /// The list is whole: what was not in it does not exist.
    Whole(Timestamp),
    /// The changes are being followed.
    Opened(Timestamp),
    /// An object is new or changed.
    Changed(R, Timestamp),
    /// An object is gone.
    Gone(Uid, Timestamp),
    /// Nothing changed up to now.
    Beat(Timestamp),
    /// It does not work; tried again at that time.
    Failed(Trouble, Timestamp),
}

/// Why one run of a stream ended.
enum End {
    /// The server ended the watch in its own time.
    Closed,
    /// The server does not know our place any more.
    Expired,
    /// A failure, and how long the server asks us to stay away.
    Failed(Trouble, Option<Duration>),
    /// Nobody listens.
    Unheard,
}

impl From<Trouble> for End {
    fn from(trouble: Trouble) -> Self {
        Self::Failed(trouble, None)
    }
}

/// One collection and who hears of it.
pub(super) struct Stream<K, R, F> {
    pub(super) cluster: Cluster,
    pub(super) collection: Collection,
    /// Makes a row of an object, or nothing of one that does not matter.
    pub(super) make: F,
    /// Names this stream to who hears of it.
    pub(super) key: K,
    pub(super) out: mpsc::Sender<(K, Heard<R>)>,
}

impl<K, R, F> Stream<K, R, F>
where
    K: Clone + Send,
    R: Send,
    F: FnMut(&Value, Timestamp) -> Option<R> + Send,
{
    /// Follows until nobody listens any more.
    pub(super) async fn run(mut self, live: Live) {
        let mut place = Place::default();
        loop {
            let link = live.present().await;
            let number = link.number();
            let end = tokio::select! {
                biased;
                () = live.replaced(number) => {
                    // A new connection deserves a prompt try.
                    place.backoff.reset();
                    continue;
                }
                end = self.once(&link, &mut place) => end,
            };
            let Some(wait) = self.after(end, &mut place).await else { return };
            tokio::select! {
                biased;
                () = live.replaced(number) => place.backoff.reset(),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// How long to wait after the end of a run; `None`: for ever.
    async fn after(&self, end: End, place: &mut Place) -> Option<Duration> {
        let (why, wait) = match end {
            End::Unheard => return None,
            End::Closed => return Some(Duration::ZERO),
            End::Expired => {
                place.version = None;
                // The first time at once but for the jitter; a server that cannot hold its own list not so fast.
                return Some(place.backoff.next(self.cluster.dice()));
            }
            End::Failed(why @ Trouble::Forbidden(_), _) => {
                place.version = None;
                (why, FORBIDDEN_RETRY)
            }
            End::Failed(why @ Trouble::KindMissing(_), _) => {
                place.version = None;
                (why, MISSING_RETRY)
            }
            End::Failed(why, after) => {
                place.refused(&why);
                let wait = place.backoff.next(self.cluster.dice());
                (why, after.map_or(wait, |after| after.clamp(wait, RETRY_AFTER_MAX)))
            }
        };
        let retry_at = self.cluster.now() + wait;
        self.say(Heard::Failed(why, retry_at)).await.ok()?;
        Some(wait)
    }

    async fn once(&mut self, link: &Link, place: &mut Place) -> End {
        let ended = async {
            if place.link != link.number() {
                place.link = link.number();
                self.check_history(link, place).await;
            }
            if place.version.is_none() {
                place.version = Some(self.list(link).await?);
            }
            self.watch(link, place).await
        };
        ended.await.unwrap_or_else(|end| end)
    }

    async fn say(&self, heard: Heard<R>) -> Result<(), End> {
        self.out.send((self.key.clone(), heard)).await.map_err(|_closed| End::Unheard)
    }

    /// A new connection may lead to a server with an older history (restored from a backup). It would take our place
    /// for a moment in its future and say nothing until it gets there; so its own place is asked for first.
    async fn check_history(&self, link: &Link, place: &mut Place) {
        let Some(ours) = place.version.as_deref().map(ResourceVersion::new) else { return };
        let ask = self.ask("list", &[("limit", "1")]).within(self.cluster.deadline());
        let Ok(reply) = link.reading().call(&ask).await else { return };
        let theirs =
            lean::page(&reply.body, &mut |_| ()).ok().and_then(|page| page.resource_version);
        let theirs = theirs.as_deref().map(ResourceVersion::new);
        if theirs.is_some_and(|theirs| is_later(&ours, &theirs)) {
            place.version = None;
        }
    }

    /// Reads all pages; returns the version of the list.
    async fn list(&mut self, link: &Link) -> Result<String, End> {
        let mut next: Option<String> = None;
        let mut has_begun = false;
        let mut room = LIST_BYTES_MAX;
        loop {
            let ask = self.page(next.as_deref(), room);
            let reply = {
                let _room = self.cluster.page().await;
                link.reading().call(&ask).await.map_err(|fault| fault.trouble)?
            };
            let seen_at = self.cluster.now();
            if !reply.is_success() {
                return Err(refused(&reply, &ask.about));
            }
            if !std::mem::replace(&mut has_begun, true) {
                self.say(Heard::Listing).await?;
            }
            room = room.saturating_sub(reply.body.len());
            let mut rows = Vec::new();
            let make = &mut self.make;
            let page = lean::page(&reply.body, &mut |object| rows.extend(make(&object, seen_at)))
                .map_err(|error| trouble::of_json(&reply, &error))?;
            self.say(Heard::Rows(rows, seen_at)).await?;
            next = page.next;
            if next.is_none() {
                let Some(version) = page.resource_version else {
                    return Err(bad("a list without resourceVersion"));
                };
                self.say(Heard::Whole(seen_at)).await?;
                return Ok(version);
            }
        }
    }

    fn page(&self, next: Option<&str>, room: usize) -> Ask {
        let mut query = vec![("limit", PAGE_OBJECTS)];
        query.extend(self.collection.selector.as_deref().map(|labels| ("labelSelector", labels)));
        query.extend(next.map(|next| ("continue", next)));
        let deadline = self.cluster.spec().request_timeout.unwrap_or(PAGE_TIME_MAX);
        self.ask("list", &query).at_most(room).within(deadline)
    }

    fn ask(&self, verb: &'static str, query: &[(&str, &str)]) -> Ask {
        let Collection { resource, namespace, .. } = &self.collection;
        let path = with_query(resource.collection(namespace.as_ref()), query);
        Ask::get(path, About::collection(verb, *resource, namespace.as_ref()))
    }

    /// Follows the changes from `place.version` on, which moves with each of them after it was said.
    async fn watch(&mut self, link: &Link, place: &mut Place) -> Result<End, End> {
        let (least, more) = WATCH_SECONDS;
        let seconds = (least + self.cluster.dice() % more).to_string();
        let from = place.version.clone().unwrap_or_default();
        let mut query = vec![
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", seconds.as_str()),
            ("resourceVersion", from.as_str()),
        ];
        query.extend(self.collection.selector.as_deref().map(|labels| ("labelSelector", labels)));
        let ask =
            self.ask("watch", &query).at_most(OBJECT_BYTES_MAX).within(self.cluster.deadline());
        let lines = match link.reading().open(&ask).await.map_err(|fault| fault.trouble)? {
            Opened::Lines(lines) => lines,
            Opened::Refused(reply) => return Err(refused(&reply, &ask.about)),
        };
        self.say(Heard::Opened(self.cluster.now())).await?;
        self.hear(lines, place).await
    }

    async fn hear(&mut self, mut lines: Lines, place: &mut Place) -> Result<End, End> {
        let opened = Instant::now();
        let mut said_something = false;
        loop {
            let line = tokio::time::timeout(SILENCE_MAX, lines.next())
                .await
                .map_err(|_elapsed| Trouble::TimedOut { after: SILENCE_MAX })??;
            let Some(line) = line else {
                if !said_something && opened.elapsed() < WATCH_LIFE_MIN {
                    return Err(bad("a watch that ends at once"));
                }
                place.is_well();
                return Ok(End::Closed);
            };
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let event = lean::line(&line).map_err(|error| trouble::json_words(&error))?;
            let version = self.event(&event).await?;
            place.version = Some(version);
            place.is_well();
            said_something = true;
        }
    }

    /// Says what an event means; returns the version up to which everything is said.
    async fn event(&mut self, event: &lean::Line) -> Result<String, End> {
        let seen_at = self.cluster.now();
        if event.kind == "ERROR" {
            return Err(error_event(&event.object));
        }
        let field = |path: &str| event.object.pointer(path).and_then(Value::as_str);
        let Some(version) = field("/metadata/resourceVersion") else {
            return Err(bad("an event without resourceVersion"));
        };
        match event.kind.as_str() {
            "ADDED" | "MODIFIED" => {
                if let Some(row) = (self.make)(&event.object, seen_at) {
                    self.say(Heard::Changed(row, seen_at)).await?;
                } else {
                    self.say(Heard::Beat(seen_at)).await?;
                }
            }
            "DELETED" => {
                let uid = Uid::new(field("/metadata/uid").unwrap_or_default());
                self.say(Heard::Gone(uid, seen_at)).await?;
            }
            // Bookmarks, and whatever newer servers may add: proof of life.
            _ => self.say(Heard::Beat(seen_at)).await?,
        }
        Ok(version.to_owned())
    }
}

/// Where a stream is.
struct Place {
    version: Option<String>,
    backoff: Backoff,
    refusals: u32,
    /// The connection on which it was there last.
    link: u64,
}

impl Default for Place {
    fn default() -> Self {
        Self { version: None, backoff: Backoff::new(Patience::WATCH), refusals: 0, link: 0 }
    }
}

impl Place {
    const fn is_well(&mut self) {
        self.backoff.reset();
        self.refusals = 0;
    }

    /// A server that answers but does not like our place (one restored from a backup, another one behind the same
    /// address) may like the beginning. One that is too busy would only be made busier.
    fn refused(&mut self, why: &Trouble) {
        let is_busy = matches!(why, Trouble::Refused { code: 429 | 503, .. });
        if !is_busy && matches!(why, Trouble::Refused { .. } | Trouble::BadAnswer(_)) {
            self.refusals += 1;
        }
        if self.refusals >= REFUSALS_MAX {
            self.refusals = 0;
            self.version = None;
        }
    }
}

fn bad(words: &str) -> End {
    Trouble::BadAnswer(Text::clean(words)).into()
}

fn refused(reply: &Reply, about: &About) -> End {
    match reply.status {
        410 => End::Expired,
        429 | 503 => End::Failed(trouble::of_reply(reply, about), reply.retry_after),
        _ => trouble::of_reply(reply, about).into(),
    }
}

/// An `ERROR` event carries a `Status`.
fn error_event(status: &Value) -> End {
    let code = status.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let reason = status.get("reason").and_then(Value::as_str);
    if code == Some(410) || matches!(reason, Some("Expired" | "Gone")) {
        return End::Expired;
    }
    let message = status.get("message").and_then(Value::as_str).unwrap_or("no words");
    Trouble::Refused { code: code.unwrap_or(500), detail: trouble::cut(message) }.into()
}

/// True when `one` is a later version than `other`. Versions are numbers on every server we know; where
/// they are not, another one is a later one.
pub(super) fn is_later(one: &ResourceVersion, other: &ResourceVersion) -> bool {
    match (one.as_str().parse::<u64>(), other.as_str().parse::<u64>()) {
        (Ok(one), Ok(other)) => one > other,
        (Err(_), _) | (_, Err(_)) => one != other,
    }
}
