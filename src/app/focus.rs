//! Where the operator looks: screen, selection *by name*, popups, the line being typed.

use std::collections::BTreeSet;

use tui_input::Input as Line;

use super::event::{Command, Screen};
use crate::analysis::owner_status::ReactionKind;
use crate::app::key::Key;
use crate::control::check::Refusal;
use crate::control::footing::Footing;
use crate::control::plan::Plan;
use crate::domain::feed::Trouble;
use crate::domain::ids::{ClusterName, Name, Namespace, OrderId, QueryId, WorkloadRef};
use crate::domain::observed::{Observed, Timestamp};
use crate::domain::text::{Block, Text};

/// Most popups over each other: a dialog over a picker over a screen. More is a maze.
pub const POPUPS_MAX: usize = 3;

/// Where the operator looks.
#[derive(Clone, Debug)]
pub struct Focus {
    /// The screen.
    pub screen: Screen,
    /// The screens on the way to it, each at most once: going back leads there.
    pub trail: Vec<Screen>,
    /// The workload all screens speak of.
    pub selected: Option<WorkloadRef>,
    /// Popups, the last one on top.
    pub popups: Vec<Popup>,
    /// The terminal's size in cells.
    pub size: (u16, u16),
    /// The keys of a sequence so far.
    pub keys: Vec<Key>,
    /// How the fleet is listed.
    pub list: FleetList,
    /// The cursor of the rollout screen.
    pub parts: PartsCursor,
    /// The time axis of one rollout.
    pub axis: Axis,
    /// The time axis of the fleet.
    pub fleet_axis: FleetAxis,
    /// How far what is on top scrolls, as the last frame found it; `None` before a frame told, and where nothing scrolls.
    pub reach: Option<Reach>,
}

/// How far something scrolls: only the paint knows how many lines it makes of what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The largest first line: with it the last line is seen.
    pub last: usize,
    /// Lines seen at once.
    pub rows: usize,
}

impl Reach {
    /// Of so many lines through a window of so many rows.
    #[must_use]
    pub const fn of(lines: usize, rows: usize) -> Self {
        Self { last: lines.saturating_sub(rows), rows }
    }
}

/// How the fleet is listed.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "where the keys go, and what is listed: independent"
)]
pub struct FleetList {
    /// What rows must contain.
    pub filter: Line,
    /// The filter line has the keys.
    pub is_filtering: bool,
    /// The operator chose a row: until then the most urgent one is selected as lists come in.
    pub is_chosen: bool,
    /// Steady rows are shown.
    pub shows_steady: bool,
    /// The order inside a group.
    pub sort: Sort,
    /// Only these clusters; empty: all.
    pub clusters: BTreeSet<ClusterName>,
    /// Only these namespaces; empty: all.
    pub namespaces: BTreeSet<Namespace>,
    /// Rows that the next deed is for.
    pub marked: BTreeSet<WorkloadRef>,
}

/// The order inside a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Who needs a human first, then the oldest need.
    #[default]
    Need,
    /// By cluster, namespace and name.
    Name,
    /// The youngest revision first.
    Age,
}

impl Sort {
    /// The word in the header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Need => "need",
            Self::Name => "name",
            Self::Age => "age",
        }
    }

    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Need => Self::Name,
            Self::Name => Self::Age,
            Self::Age => Self::Need,
        }
    }
}

/// The cursor of the rollout screen: on a pod, so that its log can be asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartsCursor {
    /// The pod under the cursor.
    pub pod: Option<Name>,
    /// First line shown of the parts.
    pub scroll: usize,
}

/// The time axis of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// How many seconds fit on the screen; 0: all that is known.
    pub span_seconds: u32,
    /// How far the right edge lies behind now, in seconds.
    pub back_seconds: u32,
    /// The moment under the cursor, as seconds behind now.
    pub cursor_seconds: Option<u32>,
}

/// The time axis of the fleet. Moments are kept as they are: what one reads does not move while time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FleetAxis {
    /// How many seconds it shows.
    pub span_seconds: u32,
    /// Its right end; `None`: it follows the present.
    pub end: Option<Timestamp>,
    /// The moment that is read; `None`: now.
    pub cursor: Option<Timestamp>,
    /// By what lanes stand together.
    pub grouping: Grouping,
}

/// By what the lanes of the fleet's time axis stand together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// Who needs a human first.
    #[default]
    Need,
    /// By cluster.
    Cluster,
    /// By namespace.
    Namespace,
}

impl Grouping {
    /// The word at the top of the screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Need => "need",
            Self::Cluster => "cluster",
            Self::Namespace => "namespace",
        }
    }

    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Need => Self::Cluster,
            Self::Cluster => Self::Namespace,
            Self::Namespace => Self::Need,
        }
    }
}

/// Seconds that the fleet's time axis shows when nothing was zoomed: as long as an API server keeps its Events.
const FLEET_SPAN: u32 = 3_600;

/// Something over the screen.
#[derive(Clone, Debug)]
pub enum Popup {
    /// The dialog of a deed.
    Confirm(Box<Dialog>),
    /// A text that scrolls.
    Pager(Pager),
    /// A list to choose from.
    Picker(Picker),
    /// The keys.
    Help {
        /// First line shown.
        scroll: usize,
    },
    /// What was said lately.
    Notices {
        /// First line shown, from the newest.
        scroll: usize,
    },
}

/// The dialog of a deed. It takes no key that was pressed before it opened.
#[derive(Clone, Debug)]
pub struct Dialog {
    /// The orders it speaks of: one, or one for each marked row.
    pub orders: Vec<OrderId>,
    /// Marked rows on which the deed is not possible, and why.
    pub left_out: Vec<(WorkloadRef, Text)>,
    /// When it opened, or last changed what it says.
    pub opened_at: Timestamp,
    /// What is typed: the name, where the deed asks for it.
    pub typed: Line,
    /// Why the operator does it, for the record and for the Event on the object.
    pub reason: Line,
    /// Whether it goes without one.
    pub demand: Demand,
    /// Where the keys go.
    pub field: DialogField,
    /// First line shown of the patch.
    pub scroll: usize,
    /// Why the deed may not go, after a yes.
    pub refusals: Vec<Refusal>,
    /// What changed since it opened.
    pub changed: Vec<Text>,
    /// What the plan stood on when it opened, once that changed: an operator who looked away is told of all that
    /// happened and not only of the last of it.
    pub(in crate::app) first: Option<Basis>,
}

/// What an operator's yes stands on.
#[derive(Clone, Debug)]
pub(in crate::app) struct Basis {
    /// How the workload stands.
    pub(in crate::app) footing: Footing,
    /// What its owner would do about it.
    pub(in crate::app) owner: Option<ReactionKind>,
    /// Why the evidence speaks against it.
    pub(in crate::app) against: Option<Text>,
}

impl Basis {
    /// What this plan stands on.
    pub(in crate::app) fn of(plan: &Plan) -> Self {
        Self {
            footing: plan.footing.clone(),
            owner: plan.prediction.owner,
            against: plan.prediction.against.clone(),
        }
    }

    /// Whether owner and evidence say the same. That the canary fails counts, not by how much.
    pub(in crate::app) fn weighs_like(&self, other: &Self) -> bool {
        self.owner == other.owner && self.against.is_some() == other.against.is_some()
    }

    /// What changed since; `None`: the workload is gone.
    pub(in crate::app) fn differences(&self, now: Option<&Self>) -> Vec<Text> {
        let Some(now) = now else { return vec![Text::from("it is gone")] };
        let mut out = self.footing.differences(&now.footing);
        match (&self.against, &now.against) {
            (None, Some(why)) => out.push(Text::clean(&format!("the canary fails now: {why}"))),
            (Some(_), None) => out.push(Text::from("the canary fails no more")),
            (None, None) | (Some(_), Some(_)) => {}
        }
        if self.owner != now.owner {
            out.push(Text::from(match now.owner {
                Some(ReactionKind::Soon) => "its owner puts it back as soon as it sees it",
                Some(ReactionKind::AtInterval) => "its owner puts it back at its next interval",
                Some(ReactionKind::Unknown) => "its owner may put it back: nobody can tell",
                Some(ReactionKind::AtNextRelease) => {
                    "its owner lets it stand until the next release"
                }
                Some(ReactionKind::Never) => "its owner lets it stand",
                None => "nobody owns it any more",
            }));
        }
        out
    }
}

impl Dialog {
    /// A dialog as it opens: nothing is answered yet.
    #[must_use]
    pub fn new(order: OrderId, opened_at: Timestamp) -> Self {
        Self::of_several(vec![order], vec![], opened_at)
    }

    /// The same over marked rows.
    #[must_use]
    pub fn of_several(
        orders: Vec<OrderId>,
        left_out: Vec<(WorkloadRef, Text)>,
        opened_at: Timestamp,
    ) -> Self {
        Self {
            orders,
            left_out,
            opened_at,
            typed: Line::default(),
            reason: Line::default(),
            demand: Demand::Optional,
            field: DialogField::Answer,
            scroll: 0,
            refusals: Vec::new(),
            changed: Vec::new(),
            first: None,
        }
    }

    /// It lists marked rows.
    #[must_use]
    pub fn is_several(&self) -> bool {
        self.orders.len() + self.left_out.len() > 1
    }

    /// The order of a dialog over one row; the first of several.
    #[must_use]
    pub fn order(&self) -> Option<&OrderId> {
        self.orders.first()
    }
}

/// Whether a reason must be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Demand {
    /// Not needed.
    #[default]
    Optional,
    /// An answer at a gate always has one.
    Demanded,
}

/// Where the keys of a dialog go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DialogField {
    /// To the answer: yes or no, or the name.
    #[default]
    Answer,
    /// To the line of the reason. Nothing pressed there answers.
    Reason,
}

/// A text that scrolls.
#[derive(Clone, Debug)]
pub struct Pager {
    /// What it is.
    pub title: Text,
    /// Its lines, or why there are none yet.
    pub body: Loadable<Block>,
    /// First line shown.
    pub scroll: usize,
    /// Characters of each line that lie left of the screen.
    pub shift: usize,
    /// What it shows, and how it is coloured.
    pub kind: PagerKind,
}

/// What a pager shows, and how it is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PagerKind {
    /// A container's log.
    Log,
    /// An object.
    Yaml,
    /// A difference of two templates: lines begin with `+`, `-` or a space.
    Diff,
}

/// Something that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Loadable<T> {
    /// Not answered yet.
    Asked(QueryId),
    /// Here it is.
    Known(Observed<T>),
    /// Why not.
    Failed(Trouble),
}

/// A list to choose from, with fuzzy search.
#[derive(Clone, Debug)]
pub struct Picker {
    /// What is chosen.
    pub kind: PickerKind,
    /// What is typed.
    pub query: Line,
    /// All entries.
    pub entries: Vec<Entry>,
    /// Entries that match, best first, as places in `entries`.
    pub shown: Vec<usize>,
    /// The place in `shown` under the cursor.
    pub cursor: usize,
}

/// What a picker chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PickerKind {
    /// A command.
    Palette,
    /// Clusters to show.
    Clusters,
    /// Namespaces to show.
    Namespaces,
    /// A revision to roll back to.
    Revisions,
    /// A step to skip to.
    Steps,
    /// An owner, to see one of its releases.
    Owners,
    /// A theme.
    Themes,
}

/// One entry of a picker.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What is shown and searched.
    pub label: Text,
    /// What is shown beside it.
    pub hint: Text,
    /// What choosing it does.
    pub choice: Choice,
}

/// What choosing an entry does.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// A command.
    Command(Command),
    /// Shows only this cluster.
    Cluster(ClusterName),
    /// Shows only this namespace.
    Namespace(Namespace),
    /// Shows all clusters or namespaces.
    All,
    /// Selects this release; without one there is nothing to choose.
    Release(Option<WorkloadRef>),
    /// Another theme.
    Theme(Text),
}

impl Default for Focus {
    fn default() -> Self {
        Self {
            screen: Screen::Fleet,
            trail: Vec::new(),
            selected: None,
            popups: Vec::new(),
            size: (80, 24),
            keys: Vec::new(),
            list: FleetList::default(),
            parts: PartsCursor::default(),
            axis: Axis { span_seconds: 0, back_seconds: 0, cursor_seconds: None },
            fleet_axis: FleetAxis {
                span_seconds: FLEET_SPAN,
                end: None,
                cursor: None,
                grouping: Grouping::default(),
            },
            reach: None,
        }
    }
}
