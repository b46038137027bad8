//! The log: a file for its owner's eyes. Never the terminal, and never what kube itself logs, since that may hold
//! whole answers of servers (`reference/reliability.md` finding 4).

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use super::settings::{LogLevel, Settings};

/// Starts the log, if there is a place for it. Without one nothing is logged: a log is no reason not to start.
#[must_use]
pub fn start(settings: &Settings) -> Option<()> {
    let level = match settings.files.log_level {
        LogLevel::Off => return None,
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    };
    let file = open(settings)?;
    let filter = EnvFilter::new(format!("off,pilothouse={level}"));
    let log = fmt().with_env_filter(filter).with_ansi(false).with_writer(file);
    log.try_init().ok()
}

fn open(settings: &Settings) -> Option<File> {
    let path = settings.files.log_file.as_ref()?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).ok()?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path).ok()
}
