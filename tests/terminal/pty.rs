//! A program in a pseudo-terminal: keys in, a screen out, conditions to wait for.

use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use pilothouse::app::key::{Key, KeyCode, Modifiers, parse_sequence};
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal};

/// Longer than any of this takes on a machine that compiles at the same time.
const DEADLINE: Duration = Duration::from_secs(30);

/// What to start, and where.
pub(crate) struct Spawn {
    program: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
    size: (u16, u16),
    answers: Vec<(Vec<u8>, Vec<u8>)>,
    owns_terminal: bool,
}

impl Spawn {
    pub(crate) fn new(program: impl Into<String>, args: &[&str]) -> Self {
        Self {
            program: program.into(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: vec![
                ("TERM".into(), "xterm-256color".into()),
                ("RUST_BACKTRACE".into(), "0".into()),
            ],
            size: (80, 24),
            answers: Vec::new(),
            owns_terminal: true,
        }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Columns and rows.
    pub(crate) fn size(mut self, width: u16, height: u16) -> Self {
        self.size = (width, height);
        self
    }

    /// The terminal answers `question` with `answer`.
    pub(crate) fn answer(mut self, question: &[u8], answer: &[u8]) -> Self {
        self.answers.push((question.to_vec(), answer.to_vec()));
        self
    }

    /// The terminal does not control the program: no `SIGHUP` when it goes away.
    pub(crate) fn without_control(mut self) -> Self {
        self.owns_terminal = false;
        self
    }

    pub(crate) fn start(self) -> Pty {
        let (width, height) = self.size;
        let pair = native_pty_system().openpty(pty_size(width, height)).unwrap();
        let path = pair.master.tty_name().unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(path, flags, Mode::empty()).unwrap();
        let modes = modes_of(&slave);
        let mut command = CommandBuilder::new(&self.program);
        command.args(&self.args);
        command.set_controlling_tty(self.owns_terminal);
        for name in ["NO_COLOR", "COLORTERM", "COLORFGBG", "SSH_CONNECTION", "TMUX"] {
            command.env_remove(name);
        }
        for (name, value) in &self.env {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let writer = Arc::new(Mutex::new(pair.master.take_writer().unwrap()));
        let shared = Arc::new(Shared::new(width, height));
        let reader = pair.master.try_clone_reader().unwrap();
        let listener = Listener {
            shared: Arc::clone(&shared),
            writer: Arc::clone(&writer),
            answers: self.answers,
        };
        std::thread::spawn(move || listener.listen(reader));
        Pty {
            master: Some(pair.master),
            slave,
            modes,
            writer: Some(writer),
            shared,
            child,
            exit: None,
        }
    }
}

fn pty_size(cols: u16, rows: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

fn modes_of(terminal: &OwnedFd) -> String {
    format!("{:?}", rustix::termios::tcgetattr(terminal).unwrap())
}

/// The emulator keeps every cell: larger terminals are not emulated whole.
fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count.clamp(1, 500)).unwrap()
}

type Keyboard = Arc<Mutex<Box<dyn std::io::Write + Send>>>;

/// What the terminal has shown so far.
struct Seen {
    emulator: vt100::Parser,
    raw: Vec<u8>,
    line: Line,
}

/// The line between the program and the terminal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Free,
    /// Nothing comes through.
    Stuck,
    /// The terminal is gone.
    Cut,
}

struct Shared {
    seen: Mutex<Seen>,
    changed: Condvar,
}

impl Shared {
    fn new(width: u16, height: u16) -> Self {
        let emulator = vt100::Parser::new(cells(height), cells(width), 0);
        let seen = Seen { emulator, raw: Vec::new(), line: Line::Free };
        Self { seen: Mutex::new(seen), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The thread that is the terminal's screen.
struct Listener {
    shared: Arc<Shared>,
    writer: Keyboard,
    answers: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Listener {
    fn listen(mut self, mut reader: Box<dyn std::io::Read + Send>) {
        let mut bytes = [0; 4_096];
        loop {
            let count = reader.read(&mut bytes).unwrap_or(0);
            let mut seen = self.shared.lock();
            seen.raw.extend_from_slice(&bytes[..count]);
            seen.emulator.process(&bytes[..count]);
            let replies = replies(&mut self.answers, &seen.raw);
            self.shared.changed.notify_all();
            while seen.line == Line::Stuck {
                seen = self.shared.changed.wait(seen).unwrap();
            }
            if count == 0 || seen.line == Line::Cut {
                return;
            }
            drop(seen);
            if !replies.is_empty() {
                self.writer.lock().unwrap().write_all(&replies).unwrap();
            }
        }
    }
}

/// The answers to what was asked by now. Each is given once.
fn replies(answers: &mut Vec<(Vec<u8>, Vec<u8>)>, raw: &[u8]) -> Vec<u8> {
    let asked = |question: &[u8]| raw.windows(question.len()).any(|window| window == question);
    answers.extract_if(.., |(question, _)| asked(question)).flat_map(|(_, answer)| answer).collect()
}

/// The program and its terminal.
pub(crate) struct Pty {
    master: Option<Box<dyn MasterPty + Send>>,
    slave: OwnedFd,
    modes: String,
    writer: Option<Keyboard>,
    shared: Arc<Shared>,
    child: Box<dyn Child + Send + Sync>,
    exit: Option<ExitStatus>,
}

impl Pty {
    /// Waits until the screen is so.
    pub(crate) fn wait_for(&mut self, what: &str, is_so: impl Fn(&vt100::Screen) -> bool) {
        let has_come = self.comes(is_so);
        assert!(
            has_come,
            "{what} did not come; the screen is\n{}",
            self.screen(vt100::Screen::contents)
        );
    }

    /// Waits until the screen is so; false when it never is.
    pub(crate) fn comes(&mut self, is_so: impl Fn(&vt100::Screen) -> bool) -> bool {
        let deadline = Instant::now() + DEADLINE;
        let shared = Arc::clone(&self.shared);
        let mut seen = shared.lock();
        while !is_so(seen.emulator.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            seen =
                shared.changed.wait_timeout(seen, left.min(Duration::from_millis(200))).unwrap().0;
        }
        true
    }

    /// Waits until the text stands on the screen.
    pub(crate) fn wait_for_text(&mut self, text: &str) {
        self.wait_for(&format!("{text:?}"), |screen| screen.contents().contains(text));
    }

    /// Waits until the terminal was sent this.
    pub(crate) fn wait_for_bytes(&mut self, bytes: &[u8], from: usize) {
        let what = format!("{:?}", String::from_utf8_lossy(bytes));
        let deadline = Instant::now() + DEADLINE;
        let mut seen = self.shared.lock();
        while !seen.raw[from..].windows(bytes.len()).any(|window| window == bytes) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what} was not sent");
            seen = self.shared.changed.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Looks at the screen as it is now.
    pub(crate) fn screen<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.shared.lock().emulator.screen())
    }

    /// Everything that was sent to the terminal so far.
    pub(crate) fn raw(&self) -> Vec<u8> {
        self.shared.lock().raw.clone()
    }

    /// Presses keys, spelled as in a keymap: `g g`, `ctrl-c`.
    pub(crate) fn keys(&mut self, spelling: &str) {
        let bytes: Vec<u8> =
            parse_sequence(spelling).unwrap().into_iter().flat_map(bytes_of).collect();
        self.send(&bytes);
    }

    /// Sends bytes as the terminal would.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let writer = self.writer.as_ref().unwrap();
        let mut writer = writer.lock().unwrap();
        writer.write_all(bytes).unwrap();
        writer.flush().unwrap();
    }

    pub(crate) fn resize(&mut self, width: u16, height: u16) {
        self.shared.lock().emulator.screen_mut().set_size(cells(height), cells(width));
        self.master.as_ref().unwrap().resize(pty_size(width, height)).unwrap();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        rustix::process::kill_process(self.pid(), signal).unwrap();
    }

    pub(crate) fn pid(&self) -> Pid {
        let pid = i32::try_from(self.child.process_id().unwrap()).unwrap();
        Pid::from_raw(pid).unwrap()
    }

    /// From now on the terminal takes nothing: a stuck line.
    pub(crate) fn stop_reading(&self) {
        self.shared.lock().line = Line::Stuck;
    }

    /// The line is free again.
    pub(crate) fn read_on(&self) {
        self.shared.lock().line = Line::Free;
        self.shared.changed.notify_all();
    }

    /// The terminal goes away, as when an SSH connection dies.
    pub(crate) fn hang_up(&mut self) {
        self.shared.lock().line = Line::Cut;
        self.shared.changed.notify_all();
        // Wakes the listener, which holds the last end of the terminal.
        rustix::io::write(&self.slave, b"\0").unwrap();
        let deadline = Instant::now() + DEADLINE;
        while Arc::strong_count(&self.shared) > 1 {
            assert!(Instant::now() < deadline, "the listener did not end");
            std::thread::yield_now();
        }
        self.writer = None;
        self.master = None;
    }

    /// Waits for the program's end and gives its code.
    pub(crate) fn exit(&mut self) -> u32 {
        self.exit_while(|_| {})
    }

    /// The same, while somebody does something every 100 ms.
    pub(crate) fn exit_while(&mut self, mut act: impl FnMut(&mut Self)) -> u32 {
        let deadline = Instant::now() + DEADLINE;
        for turn in 1u32.. {
            self.exit = self.child.try_wait().unwrap();
            if self.exit.is_some() {
                break;
            }
            if Instant::now() > deadline {
                self.child.kill().unwrap();
                panic!("it did not end; the screen is\n{}", self.screen(vt100::Screen::contents));
            }
            // A child's end is no event that one could wait for together with a deadline.
            std::thread::park_timeout(Duration::from_millis(2));
            if turn % 50 == 0 {
                act(self);
            }
        }
        self.see_the_rest();
        let exit = self.exit.as_ref().unwrap();
        assert_eq!(exit.signal(), None, "killed by a signal");
        exit.exit_code()
    }

    /// Waits until all that the program wrote has been seen, by writing one more byte than it did.
    fn see_the_rest(&self) {
        let deadline = Instant::now() + DEADLINE;
        let mut seen = self.shared.lock();
        if seen.line != Line::Free {
            return;
        }
        rustix::io::write(&self.slave, b"\0").unwrap();
        while !seen.raw.contains(&0) {
            assert!(Instant::now() < deadline, "the end was not seen");
            seen = self.shared.changed.wait_timeout(seen, DEADLINE).unwrap().0;
        }
    }

    /// True when the terminal's modes are what they were before the program.
    pub(crate) fn modes_are_restored(&self) -> bool {
        modes_of(&self.slave) == self.modes
    }

    /// Bytes that nobody has read, waiting for the next program.
    pub(crate) fn unread(&self) -> u64 {
        rustix::io::ioctl_fionread(&self.slave).unwrap()
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if self.exit.is_none() {
            // It may have ended by itself.
            let _ = self.child.kill();
        }
        self.read_on();
    }
}

/// What an xterm sends for a key.
fn bytes_of(key: Key) -> Vec<u8> {
    let held = |modifier| key.modifiers().contains(modifier);
    let sequence = match key.code() {
        KeyCode::Char(c) if held(Modifiers::CTRL) => {
            char::from(u8::try_from(c.to_ascii_uppercase()).unwrap() & 0x1f).to_string()
        }
        KeyCode::Char(c) => c.to_string(),
        KeyCode::Enter => "\r".into(),
        KeyCode::Esc => "\x1b".into(),
        KeyCode::Tab if held(Modifiers::SHIFT) => "\x1b[Z".into(),
        KeyCode::Tab => "\t".into(),
        KeyCode::Backspace => "\x7f".into(),
        KeyCode::Delete => "\x1b[3~".into(),
        KeyCode::Insert => "\x1b[2~".into(),
        KeyCode::Home => "\x1b[H".into(),
        KeyCode::End => "\x1b[F".into(),
        KeyCode::PageUp => "\x1b[5~".into(),
        KeyCode::PageDown => "\x1b[6~".into(),
        KeyCode::Up => "\x1b[A".into(),
        KeyCode::Down => "\x1b[B".into(),
        KeyCode::Left => "\x1b[D".into(),
        KeyCode::Right => "\x1b[C".into(),
        KeyCode::F(number @ 1..=4) => format!("\x1bO{}", char::from(b'O' + number)),
        KeyCode::F(5) => "\x1b[15~".into(),
        KeyCode::F(number @ 6..=10) => format!("\x1b[{}~", number + 11),
        KeyCode::F(number) => format!("\x1b[{}~", number + 12),
    };
    let alt = if held(Modifiers::ALT) { "\x1b" } else { "" };
    format!("{alt}{sequence}").into_bytes()
}
