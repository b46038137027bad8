//! All that the program knows: seven nouns, one writer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::fleet::{Fleet, Origin, Row};
use super::focus::Focus;
use super::notices::Notices;
use super::orders::Orders;
use super::owners::Owners;
use super::past::Recalled;
use super::sources::Sources;
use crate::analysis::verdict::Limits;
use crate::app::input::Background;
use crate::app::keymap::Keymap;
use crate::control::check::Refusal;
use crate::control::gate;
use crate::domain::feed::Scope;
use crate::domain::ids::{ClusterName, OrderId, QueryId, WorkloadRef};
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

/// All that the program knows. Only `update` changes it.
#[derive(Debug)]
pub struct State {
    pub(in crate::app) now: Timestamp,
    pub(in crate::app) session: Session,
    pub(in crate::app) fleet: Fleet,
    pub(in crate::app) owners: Owners,
    pub(in crate::app) sources: Sources,
    pub(in crate::app) orders: Orders,
    pub(in crate::app) focus: Focus,
    pub(in crate::app) notices: Notices,
    pub(in crate::app) keymap: Keymap,
    pub(in crate::app) queries: Queries,
    /// Whose parts are followed, per cluster.
    pub(in crate::app) followed: BTreeMap<ClusterName, BTreeSet<Scope>>,
    pub(in crate::app) past: Recalled,
}

/// What was settled at the start.
#[derive(Clone, Debug)]
pub struct Session {
    /// The clusters, in the order given.
    pub clusters: Vec<ClusterName>,
    /// Clusters that have a Prometheus.
    pub measured: Vec<ClusterName>,
    /// Whether anything may be changed.
    pub mode: Mode,
    /// What the operator tolerates of a canary.
    pub limits: Limits,
    /// How long a gate may wait before it is told as too long.
    pub gate_limit: Duration,
    /// Themes to choose from.
    pub themes: Vec<Text>,
    /// The terminal's background, where it told.
    pub background: Option<Background>,
    /// Makes order ids unique among all sessions: `update` itself throws no dice.
    pub seed: u64,
    /// Whether somebody watches a screen: curves are asked for only then.
    pub front: FrontKind,
    /// Whether metrics are asked for without a screen.
    pub asks_metrics: bool,
    /// Whether deeds can be recorded; else why not.
    pub record: Result<(), Text>,
}

impl Session {
    /// A session without clusters.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            clusters: vec![],
            measured: vec![],
            mode: Mode::Real,
            limits: Limits::default(),
            gate_limit: gate::LIMIT,
            themes: vec![],
            background: None,
            seed: 0,
            front: FrontKind::Screen,
            asks_metrics: true,
            record: Ok(()),
        }
    }
}

/// Whether anything may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing, whatever is pressed (`--read-only`).
    ReadOnly,
    /// The real world; each cluster is armed by hand.
    Real,
    /// A simulated world; armed from the start, and labelled so everywhere.
    Simulated,
}

/// Who reads the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrontKind {
    /// A person at a terminal.
    Screen,
    /// A command that prints.
    Headless,
}

/// Questions that are open.
#[derive(Debug, Default)]
pub struct Queries {
    /// How many were asked.
    pub(in crate::app) made: u64,
    /// What an answer is for.
    pub(in crate::app) open: BTreeMap<QueryId, Purpose>,
}

/// What an answer is for.
#[derive(Clone, Debug, PartialEq)]
pub enum Purpose {
    /// A row's comparison.
    Compare(WorkloadRef),
    /// A row's curves.
    Charts(WorkloadRef),
    /// A row's raw counters.
    Look(WorkloadRef, Origin),
    /// The pager on top.
    Pager,
    /// What a cluster still tells.
    Past(ClusterName),
    /// The deeds of the audit files.
    Record,
}

impl State {
    /// The state before anything was heard.
    #[must_use]
    pub fn new(session: Session, keymap: Keymap, now: Timestamp) -> Self {
        let fleet = Fleet::new(session.limits);
        Self {
            now,
            session,
            fleet,
            owners: Owners::default(),
            sources: Sources::default(),
            orders: Orders::default(),
            focus: Focus::default(),
            notices: Notices::default(),
            keymap,
            queries: Queries::default(),
            followed: BTreeMap::new(),
            past: Recalled::default(),
        }
    }

    /// Now, as of the last tick or event.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// What was settled at the start.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// All workloads.
    #[must_use]
    pub const fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// Who decides over the workloads.
    #[must_use]
    pub const fn owners(&self) -> &Owners {
        &self.owners
    }

    /// All sources.
    #[must_use]
    pub const fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The deeds of this session.
    #[must_use]
    pub const fn orders(&self) -> &Orders {
        &self.orders
    }

    /// Where the operator looks.
    #[must_use]
    pub const fn focus(&self) -> &Focus {
        &self.focus
    }

    /// What was said.
    #[must_use]
    pub const fn notices(&self) -> &Notices {
        &self.notices
    }

    /// What was before we watched.
    #[must_use]
    pub const fn past(&self) -> &Recalled {
        &self.past
    }

    /// The keys.
    #[must_use]
    pub const fn keymap(&self) -> &Keymap {
        &self.keymap
    }

    /// A deed of the command line that was refused before there was an order, and why.
    #[must_use]
    pub fn refused_ask(&self) -> Option<(&OrderId, &[Refusal])> {
        self.orders.refused()
    }

    /// Whether every canary that can be measured was asked for, and every answer is in.
    #[must_use]
    pub fn is_measured(&self) -> bool {
        let is_due = |(target, row): (&WorkloadRef, &Row)| {
            self.session.asks_metrics
                && self.session.measured.contains(&target.cluster)
                && crate::analysis::steps::canary(&row.workload).is_some()
                && row.group != crate::analysis::need::Group::Steady
                && row.metrics.asked_at.is_none()
        };
        self.queries.open.is_empty() && !self.fleet.rows().any(is_due)
    }

    /// Whether nobody who was asked for the past still owes an answer.
    #[must_use]
    pub fn is_recalled(&self) -> bool {
        let is_past = |purpose: &Purpose| matches!(purpose, Purpose::Past(_) | Purpose::Record);
        !self.queries.open.values().any(is_past)
    }

    /// Whether the parts of this workload are followed.
    #[must_use]
    pub fn follows(&self, target: &WorkloadRef) -> bool {
        let scopes = self.followed.get(&target.cluster);
        scopes.is_some_and(|scopes| scopes.contains(&Scope::Detail(target.clone())))
    }

    /// The row the screens speak of.
    #[must_use]
    pub fn selected(&self) -> Option<&Row> {
        self.focus.selected.as_ref().and_then(|target| self.fleet.row(target))
    }
}
