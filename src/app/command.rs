//! The one table of commands: keys, help, palette, hint line, README and tests read the same lines.
//!
//! A command that changes a cluster only *opens* the path of its deed (rehearse, confirm, clear), so no keymap and no
//! palette can make a deed one key away.

use super::event::{Command, Motion, Picture, Screen, Show, Toward, Zoom};
use super::keymap::KeyContext::{self, Confirm, Fleet, FleetTimeline, Global, Screens, Timeline};
use crate::control::action::{Action, Danger};

/// One command.
#[derive(Debug)]
pub struct CommandSpec {
    /// What keymaps call it: `rollout.promote`.
    pub id: &'static str,
    /// What hints and palette call it.
    pub title: &'static str,
    /// What it does, in one sentence.
    pub help: &'static str,
    /// Where it means something.
    pub context: KeyContext,
    /// How it is found besides by its key.
    pub listing: Listing,
    /// What it asks of the program.
    pub command: Command,
}

/// How a command is found besides by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// In the palette.
    Palette,
    /// Only by key: moving in a list of commands to move would be a joke, and a dialog is answered in the dialog.
    KeysOnly,
}

impl CommandSpec {
    /// What the deed may cost that it opens; `None` for commands that change nothing in a cluster.
    #[must_use]
    pub const fn danger(&self) -> Option<Danger> {
        match &self.command {
            Command::Deed(action) => Some(action.danger()),
            Command::Move(_)
            | Command::Open
            | Command::Back
            | Command::Quit
            | Command::Suspend
            | Command::Refresh
            | Command::NextNeed
            | Command::PreviousNeed
            | Command::ToggleSteady
            | Command::Mark
            | Command::StopRest
            | Command::Sort
            | Command::Filter
            | Command::Go(_)
            | Command::Show(_)
            | Command::Arm
            | Command::Yes
            | Command::No
            | Command::Approve
            | Command::Refuse
            | Command::Reason
            | Command::Zoom(_)
            | Command::Scroll(_)
            | Command::Event(_)
            | Command::Copy
            | Command::Save(_) => None,
        }
    }

    /// The command of this name.
    #[must_use]
    pub fn find(id: &str) -> Option<&'static Self> {
        COMMANDS.iter().find(|spec| spec.id == id)
    }

    /// The line of the table that asks for this.
    #[must_use]
    pub fn of(command: &Command) -> Option<&'static Self> {
        COMMANDS.iter().find(|spec| spec.command == *command)
    }
}

/// A line of the table that keys alone reach.
const fn key(
    id: &'static str,
    title: &'static str,
    help: &'static str,
    context: KeyContext,
    command: Command,
) -> CommandSpec {
    CommandSpec { id, title, help, context, listing: Listing::KeysOnly, command }
}

/// A line of the table that the palette lists too.
const fn both(
    id: &'static str,
    title: &'static str,
    help: &'static str,
    context: KeyContext,
    command: Command,
) -> CommandSpec {
    CommandSpec { id, title, help, context, listing: Listing::Palette, command }
}

/// All commands, in the order of help and README.
pub const COMMANDS: &[CommandSpec] = &[
    key("cursor.up", "up", "one line up", Global, Command::Move(Motion::Up)),
    key("cursor.down", "down", "one line down", Global, Command::Move(Motion::Down)),
    key(
        "cursor.left",
        "left",
        "to the left; on the timeline: back in time",
        Global,
        Command::Move(Motion::Left),
    ),
    key(
        "cursor.right",
        "right",
        "to the right; on the timeline: forward in time",
        Global,
        Command::Move(Motion::Right),
    ),
    key(
        "cursor.page-up",
        "page up",
        "one screen up; on a rollout's timeline: earlier",
        Global,
        Command::Move(Motion::PageUp),
    ),
    key(
        "cursor.page-down",
        "page down",
        "one screen down; on a rollout's timeline: later",
        Global,
        Command::Move(Motion::PageDown),
    ),
    key("cursor.top", "top", "to the first line or moment", Global, Command::Move(Motion::Top)),
    key(
        "cursor.bottom",
        "bottom",
        "to the last line or to now",
        Global,
        Command::Move(Motion::Bottom),
    ),
    key(
        "open",
        "open",
        "open what the cursor is on; in a dialog: submit what was typed",
        Global,
        Command::Open,
    ),
    key(
        "back",
        "back",
        "close what is on top, or go one screen back; never acts",
        Global,
        Command::Back,
    ),
    both("help", "help", "all keys that work here", Global, Command::Show(Show::Help)),
    both(
        "palette",
        "commands",
        "find any command by a few of its letters",
        Global,
        Command::Show(Show::Palette),
    ),
    both(
        "notices",
        "notices",
        "what the program said lately",
        Global,
        Command::Show(Show::Notices),
    ),
    both("refresh", "refresh", "connect and ask again, now", Global, Command::Refresh),
    both(
        "save.text",
        "save screen",
        "save this screen as text into the state folder",
        Global,
        Command::Save(Picture::Text),
    ),
    both(
        "save.svg",
        "save picture",
        "save this screen as SVG into the state folder",
        Global,
        Command::Save(Picture::Svg),
    ),
    both("suspend", "suspend", "stop the program; `fg` brings it back", Global, Command::Suspend),
    both("quit", "quit", "end the program; deeds that were sent go on", Global, Command::Quit),
    both(
        "need.next",
        "next need",
        "to the next rollout that needs you",
        Screens,
        Command::NextNeed,
    ),
    both(
        "need.previous",
        "previous need",
        "to the rollout before that needs you",
        Screens,
        Command::PreviousNeed,
    ),
    both("rollout.pause", "pause", "hold it where it is", Screens, Command::Deed(Action::Pause)),
    both(
        "rollout.resume",
        "resume",
        "let it go on where a human paused it (not the same as promote)",
        Screens,
        Command::Deed(Action::Resume),
    ),
    both(
        "rollout.promote",
        "promote",
        "let it pass the gate it waits at; called approve where a human is awaited",
        Screens,
        Command::Deed(Action::Promote),
    ),
    both(
        "rollout.promote-full",
        "promote fully",
        "all the way to the end, past every step and analysis",
        Screens,
        Command::Deed(Action::PromoteFull),
    ),
    both(
        "rollout.skip",
        "skip step",
        "skip the step that runs now",
        Screens,
        Command::Deed(Action::Skip { to: None }),
    ),
    both(
        "rollout.abort",
        "abort",
        "all traffic back to stable; the spec still wants the new version",
        Screens,
        Command::Deed(Action::Abort),
    ),
    both(
        "rollout.terminate",
        "terminate run",
        "end the running analysis; the controller counts it as passed",
        Screens,
        Command::Deed(Action::Terminate),
    ),
    both(
        "rollout.scale-down",
        "scale to zero",
        "take the new version's pods away where nobody acts on the abort",
        Screens,
        Command::Deed(Action::ScaleDown),
    ),
    both(
        "rollout.retry",
        "retry",
        "start an aborted update again from its first step",
        Screens,
        Command::Deed(Action::Retry),
    ),
    both(
        "rollout.rollback",
        "roll back",
        "change the spec back to an older revision (abort only moves traffic)",
        Screens,
        Command::Deed(Action::Rollback { to: None }),
    ),
    both(
        "rollout.restart",
        "restart",
        "replace all pods by new ones of the same version",
        Screens,
        Command::Deed(Action::Restart),
    ),
    both(
        "rollout.close-gate",
        "close gate",
        "close Flagger's manual gate, also one that was left open",
        Screens,
        Command::Deed(Action::CloseGate),
    ),
    both(
        "rollout.comment",
        "comment",
        "say something about it: into the audit file, and as an Event that all can read",
        Screens,
        Command::Deed(Action::Comment),
    ),
    both(
        "deeds.stop-rest",
        "stop the rest",
        "deeds on marked rows that wait for their turn are not sent",
        Screens,
        Command::StopRest,
    ),
    both(
        "arm",
        "arm",
        "arm or disarm the selected rollout's cluster; pause and abort never need it",
        Screens,
        Command::Arm,
    ),
    both(
        "go.fleet",
        "fleet",
        "all rollouts, who needs a human first",
        Screens,
        Command::Go(Screen::Fleet),
    ),
    both(
        "go.rollout",
        "rollout",
        "the selected rollout with its steps, metrics and pods",
        Screens,
        Command::Go(Screen::Rollout),
    ),
    both(
        "go.timeline",
        "timeline",
        "the selected rollout over time",
        Screens,
        Command::Go(Screen::Timeline),
    ),
    both(
        "go.gates",
        "gates",
        "all that waits for a human's yes, with the time it has left",
        Screens,
        Command::Go(Screen::Gates),
    ),
    both(
        "go.fleet-timeline",
        "fleet timeline",
        "all that moves on one axis of time, a lane for each release",
        Screens,
        Command::Go(Screen::FleetTimeline),
    ),
    both(
        "gate.approve",
        "approve",
        "say yes at the selected rollout's gate, with a reason",
        Screens,
        Command::Approve,
    ),
    both(
        "gate.refuse",
        "refuse",
        "say no at the selected rollout's gate, with a reason",
        Screens,
        Command::Refuse,
    ),
    both(
        "rollout.log",
        "log",
        "the end of the log of the pod under the cursor, or of the first failing one",
        Screens,
        Command::Show(Show::Log),
    ),
    both(
        "rollout.log-previous",
        "previous log",
        "the log before the container's last restart",
        Screens,
        Command::Show(Show::PreviousLog),
    ),
    both("rollout.yaml", "yaml", "the object as YAML", Screens, Command::Show(Show::Yaml)),
    both(
        "rollout.diff",
        "diff",
        "what differs between the pod templates of stable and canary",
        Screens,
        Command::Show(Show::Diff),
    ),
    both(
        "pick.revisions",
        "revisions",
        "choose a revision to roll back to",
        Screens,
        Command::Show(Show::Revisions),
    ),
    both("pick.steps", "steps", "choose a step to skip to", Screens, Command::Show(Show::Steps)),
    both(
        "pick.clusters",
        "clusters",
        "choose which clusters are listed",
        Screens,
        Command::Show(Show::Clusters),
    ),
    both(
        "pick.namespaces",
        "namespaces",
        "choose which namespaces are listed",
        Screens,
        Command::Show(Show::Namespaces),
    ),
    both(
        "pick.owners",
        "owners",
        "Argo CD, Flux and Kargo: their state, and a release that each manages",
        Screens,
        Command::Show(Show::Owners),
    ),
    both("pick.themes", "themes", "choose the colours", Screens, Command::Show(Show::Themes)),
    both("copy", "copy name", "copy the selected name", Screens, Command::Copy),
    both(
        "fleet.filter",
        "filter",
        "list only what contains the words typed",
        Fleet,
        Command::Filter,
    ),
    both(
        "fleet.mark",
        "mark",
        "mark the row, so that the next deed is for all marked rows",
        Fleet,
        Command::Mark,
    ),
    both(
        "fleet.sort",
        "sort",
        "the next order: need, name, age; of lanes: need, cluster, namespace",
        Fleet,
        Command::Sort,
    ),
    both(
        "fleet.steady",
        "steady rows",
        "list or hide rollouts in which nothing happens",
        Fleet,
        Command::ToggleSteady,
    ),
    both("timeline.zoom-in", "zoom in", "show less time", Timeline, Command::Zoom(Zoom::In)),
    both("timeline.zoom-out", "zoom out", "show more time", Timeline, Command::Zoom(Zoom::Out)),
    both(
        "timeline.zoom-all",
        "zoom to all",
        "show everything that is known",
        Timeline,
        Command::Zoom(Zoom::All),
    ),
    both(
        "timeline.earlier",
        "earlier",
        "scroll back in time by half a screen",
        Timeline,
        Command::Scroll(Toward::Earlier),
    ),
    both(
        "timeline.later",
        "later",
        "scroll on in time by half a screen, at most to now",
        Timeline,
        Command::Scroll(Toward::Later),
    ),
    both(
        "event.before",
        "event before",
        "to the event before the cursor, on any lane: what changed before this?",
        FleetTimeline,
        Command::Event(Toward::Earlier),
    ),
    both(
        "event.after",
        "event after",
        "to the event after the cursor, on any lane",
        FleetTimeline,
        Command::Event(Toward::Later),
    ),
    key("confirm.yes", "yes", "do it (only where no name has to be typed)", Confirm, Command::Yes),
    key("confirm.no", "no", "do not; nothing is sent", Confirm, Command::No),
    key(
        "confirm.reason",
        "say why",
        "write a reason for the record and the Event on the object; again: back to the answer",
        Confirm,
        Command::Reason,
    ),
];

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
