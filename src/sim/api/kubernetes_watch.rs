//! Watches: what happened since a revision, one JSON object a line, until time or a fault ends it.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use futures::{Stream, stream};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::kubernetes::{Ask, Server, broken};
use super::kubernetes_answer::lost;
use super::kubernetes_list::Options;
use super::kubernetes_path::{Form, Resource};
use super::kubernetes_reply::{Payload, Reply};
use super::kubernetes_table as table;
use crate::sim::fault::{Hit, Verb, What};
use crate::sim::kind::Kind;
use crate::sim::object::set_meta;
use crate::sim::shared::Bell;
use crate::sim::status::Status;
use crate::sim::store::{Change, Store};
use crate::sim::world::Cluster;

/// How long a watch lasts that does not say it: between 30 and 60 minutes in the real server.
const LASTS: SignedDuration = SignedDuration::from_mins(45);

/// How often a watch that wants them gets bookmarks.
const BOOKMARK_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// How long before its end a watch gets a last bookmark.
const BOOKMARK_LAST: SignedDuration = SignedDuration::from_secs(2);

/// Events written at once. More wait for the reader, so that a slow one costs no memory.
const BATCH_MAX: usize = 256;

/// Answers a watch.
pub(super) fn answer(
    server: &Server,
    ask: &Ask,
    resource: &Resource,
    kind: Kind,
) -> Result<Reply, Status> {
    let form = Form::of(&ask.headers)?;
    if form == Form::Discovery {
        return Err(Status::new(406, "NotAcceptable", "no such form"));
    }
    let options = Options::read(&ask.query, kind, Verb::Watch)?;
    let seconds = ask.query.number("timeoutSeconds")?.filter(|seconds| *seconds > 0);
    let since = match options.revision.as_str() {
        "" | "0" => None,
        text => Some(text.parse::<u64>().map_err(|_| {
            let told = format!(
                "resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \
                 \"{text}\": invalid syntax"
            );
            Status::new(500, "", told)
        })?),
    };
    let starts = if ask.query.has("sendInitialEvents") {
        if ask.query.flag("sendInitialEvents") { Starts::Announced } else { Starts::Now }
    } else {
        Starts::Unset
    };
    let bookmarks = ask.query.flag("allowWatchBookmarks");
    let wants = if bookmarks { Bookmarks::Wanted } else { Bookmarks::Unwanted };
    let bell = server.shared.bell();
    let opened = server.look(|cluster, now| {
        let home = resource.home();
        let mut view = View {
            kind,
            namespace: Some(home.to_owned()).filter(|namespace| !namespace.is_empty()),
            options,
            form,
            include: ask.query.text("includeObject").to_owned(),
            headers: Headers::Due,
        };
        let (queue, seen) = view.begin(&cluster.store, since, starts, wants);
        let lasts = seconds.map_or(LASTS, SignedDuration::from_secs);
        let times = Times::new(now, lasts);
        let resource = resource.full();
        let server = server.clone();
        Watch { server, resource, view, bell, queue, seen, times, wants, over: Over::No }
    });
    let opened = opened.ok_or_else(lost)?;
    Ok(Reply::new(200, Payload::Stream(Body::from_stream(lines(opened)))))
}

/// Whether the objects that exist are sent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Starts {
    /// Decided by the revision.
    Unset,
    /// They are, and a bookmark tells when that is done.
    Announced,
    /// They are not.
    Now,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bookmarks {
    Wanted,
    Unwanted,
}

/// Whether a table has told its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Headers {
    Due,
    Told,
}

/// Whether the stream has ended, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    No,
    /// After what is queued.
    Clean,
    /// After what is queued, in the middle of a line.
    Cut,
}

/// What a watch looks at, and in which form it tells.
struct View {
    kind: Kind,
    namespace: Option<String>,
    options: Options,
    form: Form,
    include: String,
    headers: Headers,
}

struct Times {
    opened: Timestamp,
    ends: Timestamp,
    bookmark: Timestamp,
}

/// An open watch.
struct Watch {
    server: Server,
    resource: String,
    view: View,
    bell: Bell,
    queue: VecDeque<Bytes>,
    /// The last revision it has dealt with.
    seen: u64,
    times: Times,
    wants: Bookmarks,
    over: Over,
}

fn lines(watch: Watch) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
    stream::unfold(watch, |mut watch| async move {
        loop {
            if watch.is_silent() {
                watch.bell.rings().await;
                continue;
            }
            if let Some(line) = watch.queue.pop_front() {
                return Some((Ok(line), watch));
            }
            match watch.over {
                Over::No => {}
                Over::Clean => return None,
                Over::Cut => {
                    watch.over = Over::Clean;
                    return Some((Err(broken()), watch));
                }
            }
            // What rings after this look is heard below.
            watch.bell.hush();
            watch.work();
            if watch.queue.is_empty() && watch.over == Over::No {
                watch.bell.rings().await;
            }
        }
    })
}

impl Watch {
    fn hit<T>(&self, with: impl FnOnce(Hit<'_>) -> T) -> T {
        with(Hit { verb: Verb::Watch, resource: &self.resource, name: "" })
    }

    fn is_silent(&self) -> bool {
        let silent = |cluster: &Cluster, now| self.hit(|hit| cluster.faults.is_silent(hit, now));
        self.server.look(silent).unwrap_or(false)
    }

    /// Queues what there is to tell.
    fn work(&mut self) {
        let found = self.server.look(|cluster, now| {
            let struck = self.hit(|hit| {
                let what = cluster.faults.of_watch(hit, self.times.opened, now);
                what.map(|what| (what.clone(), cluster.store.revision()))
            });
            let changes = cluster
                .store
                .changes_since(self.seen)
                .map(|changes| changes.take(BATCH_MAX).cloned().collect::<Vec<Change>>());
            (now, struck, changes, cluster.store.revision())
        });
        let Some((now, struck, changes, current)) = found else {
            self.over = Over::Cut;
            return;
        };
        let changes = match changes {
            Ok(changes) => changes,
            Err(compacted) => return self.fail(compacted.oldest),
        };
        for change in &changes {
            self.seen = change.revision;
            if let Some(line) = self.view.event(change, now) {
                self.queue.push_back(line);
            }
        }
        let is_current = changes.len() < BATCH_MAX;
        if is_current {
            // A watch at a revision that is still to come stays there.
            self.seen = self.seen.max(current);
        }
        match struck {
            Some((What::WatchCut, _)) => {
                self.queue
                    .push_back(Bytes::from_static(b"{\"type\":\"MODIFIED\",\"object\":{\"ki"));
                self.over = Over::Cut;
            }
            Some((What::WatchEnd, _)) => self.over = Over::Clean,
            Some((_, oldest)) => self.fail(oldest),
            None if is_current => self.keep_time(now),
            None => {}
        }
    }

    fn fail(&mut self, oldest: u64) {
        self.queue.push_back(gone(self.seen, oldest));
        self.over = Over::Clean;
    }

    fn keep_time(&mut self, now: Timestamp) {
        if self.wants == Bookmarks::Wanted && now >= self.times.bookmark {
            self.times.bookmark = self.times.next_bookmark(now);
            self.queue.extend(self.view.bookmark(self.seen, Sort::Progress, now));
        }
        if now >= self.times.ends {
            self.over = Over::Clean;
        }
    }
}

impl Times {
    fn new(opened: Timestamp, lasts: SignedDuration) -> Self {
        let mut times = Self { opened, ends: opened + lasts, bookmark: opened };
        times.bookmark = times.next_bookmark(opened);
        times
    }

    /// In a minute, at the latest shortly before the end, and not after that.
    fn next_bookmark(&self, now: Timestamp) -> Timestamp {
        let last = self.ends - BOOKMARK_LAST;
        if now >= last { Timestamp::MAX } else { (now + BOOKMARK_EVERY).min(last) }
    }
}

/// What a bookmark means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    /// So far nothing was missed.
    Progress,
    /// What existed has been told.
    InitialEnd,
}

impl View {
    /// The first lines, and the revision from which the watch goes on.
    fn begin(
        &mut self,
        store: &Store,
        since: Option<u64>,
        starts: Starts,
        wants: Bookmarks,
    ) -> (VecDeque<Bytes>, u64) {
        let mut queue = VecDeque::new();
        let current = store.revision();
        let tells_all = match (starts, since) {
            (Starts::Announced, _) | (Starts::Unset, None) => true,
            (Starts::Unset, Some(_)) | (Starts::Now, _) => false,
        };
        if !tells_all {
            return (queue, since.unwrap_or(current));
        }
        let objects: Vec<Arc<Value>> = store
            .range(self.kind, self.namespace.as_deref())
            .map(|(_, object)| Arc::clone(object))
            .filter(|object| self.options.select(object))
            .collect();
        for object in objects {
            queue.extend(self.line("ADDED", &object, store.now()));
        }
        if wants == Bookmarks::Wanted {
            queue.extend(self.bookmark(current, Sort::InitialEnd, store.now()));
        }
        (queue, current)
    }

    /// The line of a change; `None`: it is not about what this watch looks at.
    fn event(&mut self, change: &Change, now: Timestamp) -> Option<Bytes> {
        if change.kind != self.kind {
            return None;
        }
        let sees = |object: &Option<Arc<Value>>| object.as_ref().is_some_and(|it| self.sees(it));
        let (before, after) = (sees(&change.old), sees(&change.new));
        match (&change.old, &change.new) {
            (_, Some(new)) if after => {
                let new = Arc::clone(new);
                self.line(if before { "MODIFIED" } else { "ADDED" }, &new, now)
            }
            // It went, or it left the selector: told as it was last seen, at the revision of the
            // change.
            (Some(old), _) if before => {
                let mut last = Value::clone(old);
                set_meta(&mut last, "resourceVersion", change.revision.to_string());
                self.line("DELETED", &last, now)
            }
            (_, _) => None,
        }
    }

    fn sees(&self, object: &Value) -> bool {
        let home = object.pointer("/metadata/namespace").and_then(Value::as_str);
        self.namespace.as_deref().is_none_or(|namespace| home == Some(namespace))
            && self.options.select(object)
    }

    fn bookmark(&mut self, revision: u64, sort: Sort, now: Timestamp) -> Option<Bytes> {
        let facts = self.kind.facts();
        let mut metadata = json!({"resourceVersion": revision.to_string()});
        if sort == Sort::InitialEnd {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = json!({
            "kind": facts.kind, "apiVersion": facts.api_version(), "metadata": metadata,
        });
        self.line("BOOKMARK", &object, now)
    }

    /// An event in the form that was asked for.
    fn line(&mut self, word: &str, object: &Value, now: Timestamp) -> Option<Bytes> {
        let told = match self.form {
            Form::Object | Form::Discovery => {
                return Some(Bytes::from(format!("{{\"type\":\"{word}\",\"object\":{object}}}\n")));
            }
            Form::Metadata => table::metadata_of(object),
            Form::Table => {
                let metadata = json!({
                    "resourceVersion": object.pointer("/metadata/resourceVersion"),
                });
                let rows = [Arc::new(object.clone())];
                let mut told =
                    table::table(self.kind, &metadata, &rows, &self.include, now).ok()?;
                if self.headers == Headers::Told {
                    told["columnDefinitions"] = Value::Null;
                }
                self.headers = Headers::Told;
                told
            }
        };
        Some(Bytes::from(format!("{{\"type\":\"{word}\",\"object\":{told}}}\n")))
    }
}

/// The event that tells a watch that it is too old.
fn gone(revision: u64, oldest: u64) -> Bytes {
    let told = format!("too old resource version: {revision} ({oldest})");
    let status = Status::new(410, "Expired", told).to_value();
    Bytes::from(format!("{{\"type\":\"ERROR\",\"object\":{status}}}\n"))
}
