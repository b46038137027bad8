//! Where files of this program are looked for.

use std::path::PathBuf;

use directories::{BaseDirs, ProjectDirs};

/// The folders of one user.
#[derive(Clone, Debug, Default)]
pub struct Folders {
    /// The config file, themes and keymaps; `None`: the system tells none.
    pub config: Option<PathBuf>,
    /// Audit, log and saved screens.
    pub state: Option<PathBuf>,
    /// The home.
    pub home: Option<PathBuf>,
    /// Where the program was started.
    pub here: PathBuf,
}

impl Folders {
    /// Those of the user who runs this.
    #[must_use]
    pub fn of_this_user() -> Self {
        let project = ProjectDirs::from("dev", "pilothouse", "pilothouse");
        let state = project.as_ref().map(|dirs| {
            // Only Linux has a folder for state; elsewhere data is kept beside it.
            dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir()).to_owned()
        });
        Self {
            config: project.as_ref().map(|dirs| dirs.config_dir().to_owned()),
            state,
            home: BaseDirs::new().map(|dirs| dirs.home_dir().to_owned()),
            here: std::env::current_dir().unwrap_or_default(),
        }
    }
}
