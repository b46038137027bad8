//! Follows one cluster for ever: its connection, its watches, its details. All news meet in one place, the desk, in the
//! order in which they came; the desk examines them for marks, joins them, and tells what is new.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};

use super::cluster::Cluster;
use super::details;
use super::fleet::{self, Fleet, FleetKey, Parts};
use super::heartbeat::{self, Pulse};
use super::live::Live;
use super::outbox::Outbox;
use super::owners::Owners;
use super::rows::{FleetKind, Row};
use super::streams::Streams;
use super::waiting::{self, Waiting};
use super::watch::Heard;
use crate::domain::feed::{Feed, Scope, SourceHealth, SourceId, Trouble};
use crate::domain::ids::WorkloadRef;
use crate::domain::observed::{Observed, Timestamp};
use crate::domain::text::Text;

/// News between a watch and the desk. A page of a list is one piece, so this bounds the memory of a slow desk.
const NEWS_MAX: usize = 16;

/// Runs until the receiver of `feeds` is gone. Owns every task it starts: dropping the future ends them.
pub async fn follow(
    cluster: Cluster,
    mut scopes: watch::Receiver<BTreeSet<Scope>>,
    feeds: mpsc::Sender<(SourceId, Observed<Feed>)>,
) {
    let mut orders = cluster.sightings().listen().await;
    let live = Live::new();
    let (pulse, mut pulses) = mpsc::channel(NEWS_MAX);
    let (hear, mut heard) = mpsc::channel(NEWS_MAX);
    let (detail, mut ready_details) = mpsc::channel(NEWS_MAX);
    let (follow_parts, parts) = watch::channel(BTreeMap::new());
    let mut tasks = JoinSet::new();
    let tend = || heartbeat::tend(cluster.clone(), live.clone(), pulse.clone());
    let keep = {
        let (cluster, live) = (cluster.clone(), live.clone());
        move || details::keep(cluster.clone(), parts.clone(), live.clone(), detail.clone())
    };
    let mut beating = tasks.spawn(tend()).id();
    let mut keeping = tasks.spawn(keep()).id();
    let mut desk = Desk {
        source: cluster.source(),
        streams: Streams::new(cluster.clone(), live.clone(), hear),
        fleet: Fleet::default(),
        owners: Owners::default(),
        waiting: Waiting::default(),
        outbox: Outbox::default(),
        connection: Connection::Trying(1),
        heard_at: cluster.now(),
        was_settled: false,
        open: BTreeSet::new(),
        follow_parts,
    };
    desk.streams.start_all(&mut tasks);
    desk.tell_health();
    loop {
        tokio::select! {
            biased;
            // An order is heard before the mark of its write can be: it speaks before it writes.
            Some(order) = orders.recv() => desk.expect(order),
            room = feeds.reserve(), if desk.outbox.has_news() => {
                let Ok(room) = room else { return };
                if let Some(feed) = desk.outbox.next(&desk.fleet) {
                    let at = desk.time_of(&feed, cluster.now());
                    room.send((desk.source.clone(), Observed::new(feed, at)));
                }
            }
            Some(pulse) = pulses.recv() => desk.pulse(pulse),
            Some((key, news)) = heard.recv() => desk.hear(&key, news, &mut tasks),
            Some(detail) = ready_details.recv() => {
                if desk.open.contains(&detail.target) {
                    desk.outbox.detail(detail);
                }
            }
            Ok(()) = scopes.changed() => desk.open(&scopes.borrow_and_update()),
            Some(Err(error)) = tasks.join_next(), if !tasks.is_empty() => {
                // What panicked proves nothing any more; it begins anew after a pause.
                let id = error.id();
                if !error.is_panic() {
                    // Given up on purpose.
                } else if id == beating {
                    desk.faint();
                    beating = tasks.spawn(later(tend())).id();
                } else if id == keeping {
                    keeping = tasks.spawn(later(keep())).id();
                } else {
                    desk.lost(id, &mut tasks);
                }
            }
            () = feeds.closed() => return,
        }
    }
}

/// All kinds that a fleet reads.
#[cfg(test)]
pub(crate) fn read_everywhere() -> impl Iterator<Item = super::resource::Resource> {
    let also = FleetKind::all().filter_map(FleetKind::also);
    FleetKind::all().chain(also).map(FleetKind::resource)
}

/// So long a part that panicked rests before it begins anew: what made it panic is probably still there.
const REST: Duration = Duration::from_secs(5);

/// Begins after the rest.
pub(super) async fn later(part: impl Future<Output = ()>) {
    tokio::time::sleep(REST).await;
    part.await;
}

/// A part of this program failed, and when it begins anew.
fn failed(now: Timestamp) -> (Trouble, Timestamp) {
    let why = Trouble::Lost(Text::from("what reads it failed in this program"));
    (why, now.checked_add(REST).unwrap_or(now))
}

/// How the connection does.
enum Connection {
    Trying(u32),
    Up,
    NotReady(Trouble),
    Down(Trouble, Timestamp),
}

/// Where all news of one cluster meet.
struct Desk {
    source: SourceId,
    streams: Streams,
    fleet: Fleet,
    owners: Owners,
    waiting: Waiting,
    outbox: Outbox,
    connection: Connection,
    /// When something was heard last.
    heard_at: Timestamp,
    was_settled: bool,
    /// The workloads whose details are followed.
    open: BTreeSet<WorkloadRef>,
    follow_parts: watch::Sender<BTreeMap<WorkloadRef, Parts>>,
}

impl Desk {
    fn expect(&mut self, order: super::sightings::Expectation) {
        let known = self.fleet.version(&order.uid);
        let told = self.waiting.add(order, known);
        self.outbox.sighted(told.into_iter().collect());
    }

    /// The heartbeat panicked: until it beats again, nothing is proven.
    fn faint(&mut self) {
        let (why, retry_at) = failed(self.heard_at);
        self.connection = Connection::Down(why, retry_at);
        self.tell_health();
    }

    /// A watch panicked: what it brought is proven no more, and is read anew.
    fn lost(&mut self, task: Id, tasks: &mut JoinSet<()>) {
        let (why, retry_at) = failed(self.heard_at);
        self.streams.lost(task, (why, retry_at), tasks);
        self.tell_health();
    }

    fn pulse(&mut self, pulse: Pulse) {
        match pulse {
            Pulse::Connecting(attempt) => {
                // A cluster that was down stays told as down, with its reason, until it is up.
                if matches!(self.connection, Connection::Trying(_)) {
                    self.connection = Connection::Trying(attempt);
                }
            }
            Pulse::Up(at) => {
                self.connection = Connection::Up;
                self.heard_at = at;
            }
            Pulse::Beat(at) => {
                self.connection = Connection::Up;
                self.proof(at);
            }
            Pulse::NotReady(why) => self.connection = Connection::NotReady(why),
            Pulse::Down(why, retry_at) => {
                self.connection = Connection::Down(why, retry_at);
                self.streams.cut();
            }
            Pulse::Identity(name) => self.outbox.identity(name),
        }
        self.tell_health();
    }

    /// Facts are as old as the last word of the server, however late they are told; what is about ourselves is new.
    const fn time_of(&self, feed: &Feed, now: Timestamp) -> Timestamp {
        match feed {
            Feed::Changed(_) | Feed::Removed(_) | Feed::Synced | Feed::Beat => self.heard_at,
            Feed::Detail(_)
            | Feed::Owners(_)
            | Feed::OwnersRead(..)
            | Feed::Health(_)
            | Feed::Identity(_)
            | Feed::Sighting(..) => now,
        }
    }

    /// The connection lives: that proves every fact that its watches brought, if all of them work.
    fn proof(&mut self, at: Timestamp) {
        if self.streams.are_current() && matches!(self.connection, Connection::Up) {
            self.heard_at = at;
            self.outbox.beat(at);
        }
    }

    fn hear(&mut self, key: &FleetKey, heard: Heard<Row>, tasks: &mut JoinSet<()>) {
        self.streams.note(key, &heard);
        match heard {
            Heard::Listing if key.kind.owner().is_some() => self.owners.begin(key),
            Heard::Listing => self.fleet.begin(key),
            Heard::Rows(rows, at) => {
                self.heard_at = at;
                for row in rows {
                    self.take(key, row, fleet::Came::Listed);
                }
            }
            Heard::Whole(at) => self.whole(key, at, tasks),
            Heard::Opened(at) | Heard::Beat(at) => self.proof(at),
            Heard::Changed(row, at) => {
                self.heard_at = at;
                self.take(key, row, fleet::Came::Changed);
            }
            Heard::Gone(uid, at) => {
                self.heard_at = at;
                let told = self.waiting.see(&waiting::Came::Gone(&uid));
                self.outbox.sighted(told);
                let dirty = self.fleet.gone(&uid);
                self.dirty(dirty);
                self.outbox.owners(self.owners.gone(&uid));
            }
            Heard::Failed(why, _) => {
                // What may not be read any more says nothing of the owners and routes that were known.
                let is_over = matches!(why, Trouble::KindMissing(_))
                    || !key.kind.is_needed() && matches!(why, Trouble::Forbidden(_));
                if is_over {
                    self.forget(key);
                }
                let dirty = self.fleet.unread(key, &why);
                self.dirty(dirty);
                self.streams.fall_back(key, tasks);
                self.settle();
            }
        }
        self.tell_health();
    }

    /// Marks first, then the fleet: what is coalesced later was examined before.
    fn take(&mut self, key: &FleetKey, row: Row, came: fleet::Came) {
        if let Row::Workload(_, glimpse) = &row {
            let seen = match came {
                fleet::Came::Listed => waiting::Came::State(glimpse),
                fleet::Came::Changed => waiting::Came::Change(glimpse),
            };
            let told = self.waiting.see(&seen);
            self.outbox.sighted(told);
        }
        let row = match row {
            Row::Owner(part) => return self.outbox.owners(self.owners.put(key, *part)),
            row @ (Row::Workload(..) | Row::Set(_) | Row::Route(_)) => row,
        };
        let dirty = self.fleet.put(key, row, came);
        self.dirty(dirty);
    }

    /// This watch brings nothing any more.
    fn forget(&mut self, key: &FleetKey) {
        let dirty = self.fleet.forget(key);
        self.dirty(dirty);
        self.outbox.owners(self.owners.forget(key));
    }

    fn whole(&mut self, key: &FleetKey, at: Timestamp, tasks: &mut JoinSet<()>) {
        self.heard_at = at;
        self.streams.start_beside(key, tasks);
        let dirty = self.fleet.whole(key);
        self.dirty(dirty);
        self.outbox.owners(self.owners.whole(key));
        for given_up in self.streams.fall_back(key, tasks) {
            self.forget(&given_up);
        }
        if let Some(kind) = key.kind.workload()
            && self.streams.is_whole(kind)
        {
            let told = self.waiting.whole(kind, |uid| self.fleet.version(uid).is_some());
            self.outbox.sighted(told);
        }
        self.was_settled = false;
        self.settle();
    }

    /// Says once that everything is known, after each list that makes it so.
    fn settle(&mut self) {
        let is_settled = self.streams.are_settled();
        if is_settled && !self.was_settled {
            self.outbox.synced();
        }
        self.was_settled = is_settled;
    }

    fn dirty(&mut self, targets: Vec<WorkloadRef>) {
        if targets.iter().any(|target| self.open.contains(target)) {
            self.tell_parts();
        }
        self.outbox.dirty(targets);
    }

    fn open(&mut self, scopes: &BTreeSet<Scope>) {
        let wanted: BTreeSet<WorkloadRef> = scopes
            .iter()
            .map(|Scope::Detail(target)| target)
            .filter(|target| target.cluster == self.source.cluster)
            .cloned()
            .collect();
        for closed in self.open.difference(&wanted) {
            self.outbox.forget_detail(closed);
        }
        self.open = wanted;
        self.tell_parts();
    }

    fn tell_parts(&self) {
        let parts: BTreeMap<WorkloadRef, Parts> = self
            .open
            .iter()
            .filter_map(|target| Some((target.clone(), self.fleet.parts(target)?)))
            .collect();
        self.follow_parts.send_if_modified(|known| {
            let differs = *known != parts;
            if differs {
                *known = parts;
            }
            differs
        });
    }

    fn tell_health(&mut self) {
        let health = match &self.connection {
            Connection::Trying(attempt) => SourceHealth::Connecting { attempt: *attempt },
            Connection::Up => self.streams.health(),
            Connection::NotReady(why) => SourceHealth::Degraded(why.clone()),
            Connection::Down(why @ Trouble::NotAuthenticated { .. }, _) => {
                SourceHealth::Denied(why.clone())
            }
            Connection::Down(why, retry_at) => {
                SourceHealth::Down { why: why.clone(), retry_at: *retry_at }
            }
        };
        self.outbox.health(health);
        for kind in FleetKind::all().filter_map(FleetKind::owner) {
            if let Some(answer) = self.streams.owners_read(kind) {
                self.outbox.owners_read(kind, answer);
            }
        }
    }
}
