//! The full screen in a pseudo-terminal, on a real cluster.

use std::path::Path;

use serde_json::Value;

use super::plane::Plane;
use super::pty::{Pty, Spawn};

/// The program on its terminal, with folders of its own.
pub(crate) struct Cockpit {
    pub(crate) pty: Pty,
    home: tempfile::TempDir,
}

impl Cockpit {
    /// Starts it on the plane's namespace, with what is to be said beside that.
    pub(crate) fn start(plane: &Plane, args: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().to_str().unwrap().to_owned();
        let mut all = vec!["--keymap", "default", "--namespace", &plane.namespace];
        all.extend(args);
        let pty = Spawn::new(env!("CARGO_BIN_EXE_pilothouse"), &all)
            .size(140, 60)
            .env("HOME", &folder)
            .env("XDG_STATE_HOME", &folder)
            .env("XDG_CONFIG_HOME", &folder)
            .start();
        Self { pty, home }
    }

    /// Waits until a line of the screen has all these words.
    pub(crate) fn line(&mut self, words: &[&str]) -> String {
        let is_it = |line: &str| words.iter().all(|word| line.contains(word));
        if !self.pty.comes(|screen| screen.contents().lines().any(is_it)) {
            let screen = self.text();
            // What it said meanwhile has left the screen.
            self.pty.keys("!");
            self.pty.comes(|now| now.contents() != screen);
            panic!("no line has {words:?}; the screen is\n{screen}\nit said\n{}", self.text());
        }
        let text = self.text();
        text.lines().find(|line| is_it(line)).unwrap_or_default().to_owned()
    }

    pub(crate) fn text(&self) -> String {
        self.pty.screen(vt100::Screen::contents)
    }

    /// Leaves it from the fleet; the terminal is as it was.
    pub(crate) fn leave(mut self) {
        self.pty.keys("q");
        assert_eq!(self.pty.exit(), 0);
        assert!(self.pty.modes_are_restored());
    }

    /// Our own record of what was done: sound, and with so many entries about this deed.
    pub(crate) fn record(&self) -> Vec<Value> {
        let state: &Path = self.home.path();
        let run = |args: &[&str]| {
            let done = std::process::Command::new(env!("CARGO_BIN_EXE_pilothouse"))
                .args(args)
                .env("HOME", state)
                .env("XDG_STATE_HOME", state)
                .env("XDG_CONFIG_HOME", state)
                .output()
                .unwrap();
            assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
            done.stdout
        };
        run(&["audit", "verify"]);
        let shown: Value = serde_json::from_slice(&run(&["audit", "show", "-o", "json"])).unwrap();
        shown["records"].as_array().unwrap_or_else(|| panic!("{shown:#}")).clone()
    }
}
