//! The real binary with a clean environment, a home of its own and a deadline; and what is demanded of every answer.

use std::ffi::OsString;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longer than anything here takes on a machine that compiles at the same time. A hang is what is longer.
const DEADLINE: Duration = Duration::from_mins(1);

/// The real binary.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_pilothouse");

/// What is started, and around what.
pub(crate) struct Program {
    args: Vec<String>,
    env: Vec<(OsString, OsString)>,
    home: TempDir,
    stdout: Stdio,
    stderr: Stdio,
}

/// How it ended and what it said.
pub(crate) struct Answer {
    /// The whole case, for messages.
    what: String,
    /// Its exit code.
    pub(crate) code: i32,
    /// What it printed.
    pub(crate) out: Vec<u8>,
    /// What it said on the error output.
    pub(crate) err: String,
}

impl Program {
    /// The binary with these arguments; nothing of our own environment but the path reaches it.
    pub(crate) fn new(args: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let program = Self {
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: Vec::new(),
            home,
            stdout: Stdio::piped(),
            stderr: Stdio::piped(),
        };
        let home = program.home.path().to_owned();
        program.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home)
    }

    /// With this variable.
    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        let name = OsString::from(name);
        self.env.retain(|(known, _)| *known != name);
        self.env.push((name, value.into()));
        self
    }

    /// Without this variable.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.env.retain(|(known, _)| known != name);
        self
    }

    /// With a file in its home.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    /// With this kubeconfig.
    pub(crate) fn kubeconfig(self, content: impl AsRef<[u8]>) -> Self {
        let path = self.path("kubeconfig");
        self.file("kubeconfig", content).env("KUBECONFIG", path)
    }

    /// Where a file of its home is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// With its output going there.
    pub(crate) fn stdout(mut self, stdout: Stdio) -> Self {
        self.stdout = stdout;
        self
    }

    /// With its error output going there.
    pub(crate) fn stderr(mut self, stderr: Stdio) -> Self {
        self.stderr = stderr;
        self
    }

    /// Runs it to its end, and looks whether the answer is decent.
    pub(crate) fn run(self) -> Answer {
        let what = format!("pilothouse {}", self.args.join(" "));
        let mut command = Command::new(PROGRAM);
        command.args(&self.args).env_clear().envs(self.env.iter().cloned());
        command.current_dir(self.home.path());
        command.stdin(Stdio::null()).stdout(self.stdout).stderr(self.stderr);
        let mut child = command.spawn().unwrap();
        // The pipes of `command` itself are closed, so that an end is an end.
        drop(command);
        let (out, err) = (reading(child.stdout.take()), reading(child.stderr.take()));
        let status = ended(&mut child, &what);
        let heard = |pipe: mpsc::Receiver<Vec<u8>>| {
            pipe.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("{what}: a pipe stays open"))
        };
        let (out, err) = (heard(out), heard(err));
        let err = String::from_utf8(err).expect("the error output is UTF-8");
        let code = status.code().unwrap_or_else(|| panic!("{what}: {status}\n{err}"));
        let answer = Answer { what, code, out, err };
        answer.is_decent();
        answer
    }
}

fn reading(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (tell, heard) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
        let _ = tell.send(bytes);
    });
    heard
}

fn ended(child: &mut Child, what: &str) -> ExitStatus {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("{what}: hangs");
        }
        // A child's end is no event that one could wait for together with a deadline.
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// What no output may hold: it would do something to a terminal, or lie to its reader.
pub(crate) fn unsafe_in(bytes: &[u8]) -> Option<String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Some(format!("not UTF-8 at byte {}", error.valid_up_to())),
    };
    let is_bad = |c: char| {
        c.is_control() && c != '\n'
            || matches!(
                u32::from(c),
                0x00AD | 0x034F | 0x061C | 0x180B..=0x180E | 0x200B..=0x200F | 0x2028..=0x202E
                    | 0x2060..=0x206F | 0xFE00..=0xFE0F | 0xFEFF | 0xFFF9..=0xFFFB
                    | 0xE0000..=0xE0FFF
            )
    };
    let (at, c) = text.char_indices().find(|(_, c)| is_bad(*c))?;
    let around: String =
        text[..at].chars().rev().take(60).collect::<Vec<_>>().iter().rev().collect();
    Some(format!("U+{:04X} after {around:?}", u32::from(c)))
}

impl Answer {
    /// What holds whatever is wrong.
    fn is_decent(&self) {
        for word in ["panicked", "RUST_BACKTRACE", "The application", "unwrap()", "Error:"] {
            assert!(!self.err.contains(word), "{}: {}", self.what, self.err);
        }
        for (stream, bytes) in [("output", &self.out[..]), ("error output", self.err.as_bytes())] {
            let found = unsafe_in(bytes);
            assert_eq!(found, None, "{}: its {stream}", self.what);
        }
        assert!(![101, 134].contains(&self.code), "{}: {}", self.what, self.err);
    }

    /// It ended with this code.
    pub(crate) fn code(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{}: {}", self.what, self.err);
        self
    }

    /// Its error output has all these words.
    pub(crate) fn says(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(self.err.contains(word), "{}: no {word:?} in\n{}", self.what, self.err);
        }
        self
    }

    /// Its output has nothing that could be taken for an answer.
    pub(crate) fn prints_nothing(&self) -> &Self {
        let out = String::from_utf8_lossy(&self.out);
        assert!(out.is_empty(), "{}: printed {out}", self.what);
        self
    }

    /// Its output as the document that it must be.
    pub(crate) fn json(&self) -> serde_json::Value {
        let text = String::from_utf8_lossy(&self.out);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}\n{text}", self.what))
    }
}
