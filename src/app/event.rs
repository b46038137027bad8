//! The two alphabets of the machine: what can happen to it, and what it can ask for. Both are plain data:
//! a test compares them, a log prints them.

use std::collections::BTreeSet;

use crate::app::focus::Reach;
use crate::app::input::{Background, Input};
use crate::control::action::Action;
use crate::control::audit::AuditEntry;
use crate::control::clearance::Clearance;
use crate::control::leftover::Leftover;
use crate::control::order::{Order, OrderNews, Outcome};
use crate::control::plan::Plan;
use crate::domain::feed::{Answer, Feed, Query, Scope, SourceId};
use crate::domain::ids::{ClusterName, OrderId, QueryId, WorkloadRef};
use crate::domain::observed::{Observed, Timestamp};
use crate::domain::text::Text;

/// What can happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The operator or the terminal.
    Input(Input),
    /// A command that did not come from a key (palette, front, test).
    Command(Command),
    /// The command line speaks of this workload: what a plan tells of its parts is followed, as of a selected row.
    Look(WorkloadRef),
    /// A deed asked for on the command line.
    Ask(Box<Ask>),
    /// Time passes; the only clock.
    Tick(Timestamp),
    /// News of a source.
    Feed(SourceId, Observed<Feed>),
    /// The answer to a query.
    Answer(QueryId, Answer),
    /// News of an order.
    Order(OrderId, OrderNews),
    /// It is being looked for deeds that sessions before this one left behind; [`Event::Left`] answers.
    Recalling,
    /// Deeds that sessions before this one left behind; what became of them is looked for.
    Left(Vec<Leftover>),
    /// What became of one of them.
    Settled(OrderId, Outcome),
    /// Mistakes in files, at the start or when a theme is chosen.
    Warned(Vec<Text>),
    /// A frame found how far what is on top scrolls.
    Painted(Option<Reach>),
    /// A file was written or something was copied, or not; in words.
    Told(Result<Text, Text>),
}

/// A deed asked for without a screen. Asking arms the one cluster for this one deed.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// Which deed.
    pub action: Action,
    /// On which workload.
    pub target: WorkloadRef,
    /// Why.
    pub reason: Text,
    /// How it was confirmed.
    pub consent: Consent,
}

/// How a deed of the command line was confirmed.
#[derive(Clone, Debug, PartialEq)]
pub enum Consent {
    /// Only rehearsed (`--dry-run`).
    None,
    /// `--yes`.
    Yes,
    /// `--confirm NAME`.
    Name(Text),
}

/// What can be asked of the outside. Each query, rehearsal, execution and record is answered by exactly one last event.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// These details, and no others, are to be followed in this cluster.
    Follow(ClusterName, BTreeSet<Scope>),
    /// Answered by [`Event::Answer`].
    Query(QueryId, Query),
    /// Answered by [`OrderNews::Rehearsed`].
    Rehearse(Box<Plan>),
    /// Answered by [`OrderNews::Executed`].
    Execute(Box<Clearance>),
    /// The order ended, or is left alone: recorded, and told by an Event on its object. Failures are told.
    Conclude(Box<Order>, Vec<AuditEntry>),
    /// Tried again now.
    Reconnect(ClusterName),
    /// Into the clipboard.
    Copy(Text),
    /// The screen into a file of the state folder.
    Save(Picture),
    /// Another theme.
    Theme(Text),
    /// The terminal told what its background is like: the theme may have to follow.
    Background(Background),
    /// Stops the program as the shell does (ctrl-z).
    Suspend,
    /// Ends the program.
    Quit,
}

/// How a screen is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// As text.
    Text,
    /// As SVG.
    Svg,
}

/// What an operator can ask of the program. Keys and palette lead here; deeds only *open* their path.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Moves the cursor of the list, pager or chart that has it.
    Move(Motion),
    /// Opens what the cursor is on.
    Open,
    /// One back: closes a popup, leaves a screen. Never acts.
    Back,
    /// Ends the program.
    Quit,
    /// Stops it as the shell does.
    Suspend,
    /// Connects again and asks again.
    Refresh,
    /// The next row that needs a human.
    NextNeed,
    /// The one before.
    PreviousNeed,
    /// Shows or hides steady rows.
    ToggleSteady,
    /// Marks the selected row for the next deed, or takes its mark away.
    Mark,
    /// Deeds that wait for their turn among several are not sent.
    StopRest,
    /// The next order of the list.
    Sort,
    /// Opens the line that filters.
    Filter,
    /// Goes to a screen.
    Go(Screen),
    /// Opens a popup.
    Show(Show),
    /// Arms or disarms the selected row's cluster.
    Arm,
    /// Opens the path of a deed for the selected row.
    Deed(Action),
    /// Opens the path of a yes at the selected row's gate.
    Approve,
    /// Opens the path of a no at the selected row's gate.
    Refuse,
    /// Says yes in the dialog (where `y` is enough).
    Yes,
    /// Says no.
    No,
    /// Goes to the dialog's line for the reason, and back to its answer.
    Reason,
    /// Zooms the time axis.
    Zoom(Zoom),
    /// Scrolls the time axis by half of what it shows.
    Scroll(Toward),
    /// Goes to the next event on any lane of the fleet's time axis.
    Event(Toward),
    /// Copies the selected name.
    Copy,
    /// Saves the screen.
    Save(Picture),
}

/// Where a cursor goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// One up.
    Up,
    /// One down.
    Down,
    /// One to the left (back in time).
    Left,
    /// One to the right.
    Right,
    /// One screen up.
    PageUp,
    /// One screen down.
    PageDown,
    /// To the first.
    Top,
    /// To the last.
    Bottom,
}

/// Zoom of the time axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zoom {
    /// Shows less time.
    In,
    /// Shows more time.
    Out,
    /// Shows everything that is known.
    All,
}

/// Which way in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toward {
    /// Back.
    Earlier,
    /// On, at most to now.
    Later,
}

/// The screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Screen {
    /// All rollouts.
    Fleet,
    /// One rollout.
    Rollout,
    /// One rollout over time.
    Timeline,
    /// All that waits for a human's yes.
    Gates,
    /// All releases over time.
    FleetTimeline,
}

/// What can be shown over a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Show {
    /// The keys.
    Help,
    /// All commands.
    Palette,
    /// What was said lately.
    Notices,
    /// The object as YAML.
    Yaml,
    /// The difference of stable's and canary's templates.
    Diff,
    /// The log of the pod under the cursor, or of the first failing one.
    Log,
    /// The log before the last restart.
    PreviousLog,
    /// Clusters to choose from.
    Clusters,
    /// Namespaces to choose from.
    Namespaces,
    /// Revisions to roll back to.
    Revisions,
    /// Steps to skip to.
    Steps,
    /// Who decides over releases.
    Owners,
    /// Themes.
    Themes,
}
