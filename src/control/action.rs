//! The deeds: their names, how dangerous each is, and how each is confirmed.
//! One table, read by keys, help, palette, command line, documents and tests.

use std::fmt;

use crate::domain::ids::Revision;

/// What an operator can do to a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Holds it where it is (`spec.paused`).
    Pause,
    /// Lets it go on where a human held it.
    Resume,
    /// Lets it pass the gate it waits at; called *approve* where a human is awaited.
    Promote,
    /// All the way to the end, skipping every step and analysis.
    PromoteFull,
    /// Skips the running step, or all up to another one.
    Skip {
        /// The step that runs next, counted from 1 as on the screen; `None`: the one after the running one.
        to: Option<u32>,
    },
    /// Ends the running analysis (or experiment) of a Rollout: its controller counts it as passed.
    Terminate,
    /// All traffic back to stable; the spec still wants the new version.
    Abort,
    /// Takes the new version's pods away where an abort is asked for and nobody acts on it: the last way to stop it.
    ScaleDown,
    /// Starts an aborted update again from its first step.
    Retry,
    /// Changes the spec back to an older revision.
    Rollback {
        /// Which revision; `None`: the rule of `design/deeds.md` chooses.
        to: Option<Revision>,
    },
    /// Replaces all pods by new ones of the same version.
    Restart,
    /// Closes the manual gate that its controller asks: it waits there.
    CloseGate,
    /// Changes nothing: what is said stands in the audit file, and as an Event on the object for all to read.
    Comment,
}

/// What a deed may cost when it is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Danger {
    /// Holds or lowers risk; never blocked.
    Safe,
    /// Moves production forward by one step.
    Ordinary,
    /// Moves production at once or changes what it wants.
    Risky,
}

/// How the operator says yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// `y`, at once.
    Yes,
    /// `y`, once the plan is on screen and fresh.
    YesWhenFresh,
    /// The workload's name is typed.
    TypedName,
}

impl Action {
    /// Every deed once (roll back without a chosen revision, skip without a chosen step), in the order of help and README.
    pub const ALL: [Self; 13] = [
        Self::Pause,
        Self::Resume,
        Self::Promote,
        Self::PromoteFull,
        Self::Skip { to: None },
        Self::Terminate,
        Self::Abort,
        Self::ScaleDown,
        Self::Retry,
        Self::Rollback { to: None },
        Self::Restart,
        Self::CloseGate,
        Self::Comment,
    ];

    /// The word in documents, the audit file and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Promote => "promote",
            Self::PromoteFull => "promote-full",
            Self::Skip { .. } => "skip",
            Self::Terminate => "terminate",
            Self::Abort => "abort",
            Self::ScaleDown => "scale-down",
            Self::Retry => "retry",
            Self::Rollback { .. } => "rollback",
            Self::Restart => "restart",
            Self::CloseGate => "close-gate",
            Self::Comment => "comment",
        }
    }

    /// The words on the screen.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Promote => "promote",
            Self::PromoteFull => "promote fully",
            Self::Skip { .. } => "skip step",
            Self::Terminate => "terminate run",
            Self::Abort => "abort",
            Self::ScaleDown => "scale to zero",
            Self::Retry => "retry",
            Self::Rollback { .. } => "roll back",
            Self::Restart => "restart",
            Self::CloseGate => "close gate",
            Self::Comment => "comment",
        }
    }

    /// What it may cost.
    #[must_use]
    pub const fn danger(self) -> Danger {
        match self {
            Self::Pause | Self::Abort => Danger::Safe,
            // A comment that is not recorded is none, so it is refused like the deeds that change something.
            Self::Resume
            | Self::Promote
            | Self::Retry
            | Self::Restart
            | Self::CloseGate
            | Self::Comment => Danger::Ordinary,
            Self::PromoteFull
            | Self::Skip { .. }
            | Self::Terminate
            | Self::ScaleDown
            | Self::Rollback { .. } => Danger::Risky,
        }
    }

    /// Whether it gives the new version more of production: evidence may speak against that.
    #[must_use]
    pub const fn moves_on(self) -> bool {
        match self {
            Self::Promote | Self::PromoteFull | Self::Skip { .. } => true,
            Self::Pause
            | Self::Resume
            | Self::Terminate
            | Self::Abort
            | Self::ScaleDown
            | Self::Retry
            | Self::Rollback { .. }
            | Self::Restart
            | Self::CloseGate
            | Self::Comment => false,
        }
    }

    /// How it is confirmed.
    #[must_use]
    pub const fn confirm(self) -> Confirm {
        match self.danger() {
            Danger::Safe => Confirm::Yes,
            Danger::Ordinary => Confirm::YesWhenFresh,
            Danger::Risky => Confirm::TypedName,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.title())
    }
}
