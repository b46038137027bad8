//! Where a value came from.

use std::fmt;

use crate::domain::text::Text;

/// Where a value came from; later ones win.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// A config file.
    File {
        /// Which, as the operator knows it.
        path: Text,
        /// The line.
        line: u32,
    },
    /// A variable of the environment.
    Env(Text),
    /// A flag of the command line.
    Flag(&'static str),
}

impl Origin {
    /// True for what was said for this one run, not written down for all.
    #[must_use]
    pub const fn is_of_this_run(&self) -> bool {
        matches!(self, Self::Env(_) | Self::Flag(_))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Env(name) => write!(f, "{name}"),
            Self::Flag(name) => f.write_str(name),
        }
    }
}
