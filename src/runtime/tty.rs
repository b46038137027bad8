//! The terminal device: its modes, its size, and the one way in which it is given back.
//!
//! Whatever ends the program, [`restore_now`] runs: at the orderly end, in the panic hook, and when a signal is not
//! obeyed in time. It needs no lock and no memory of its own, may be called from any thread, and does nothing the
//! second time.

use std::fmt::Write as _;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::Command;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange,
};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::{OptionalActions, Termios};
use thiserror::Error;

/// Why the screen cannot be used.
#[derive(Debug, Error)]
pub enum TerminalError {
    /// The full screen needs a terminal on both sides.
    #[error("{stream} is not a terminal; for pipes and scripts use `get`, `watch` or `status`")]
    NotATerminal {
        /// `standard input` or `standard output`.
        stream: &'static str,
    },
    /// The device does not do what a terminal does.
    #[error("the terminal cannot be set up: {0}")]
    Mode(io::Error),
    /// No thread could be started for it.
    #[error("no thread for the terminal: {0}")]
    Thread(io::Error),
}

/// Whether reports of the mouse are asked for. They take the terminal's own selection away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MouseReports {
    /// The mouse selects text, as in a shell.
    #[default]
    Off,
    /// Clicks, drags and the wheel come to us.
    On,
}

/// A size in cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

/// No terminal is larger; a larger number is a mistake or an attack on the memory.
const SIZE_MAX: Size = Size { width: 1_000, height: 500 };

/// What is assumed of a line that does not know its size, a serial console for example.
const SIZE_UNKNOWN: Size = Size { width: 80, height: 24 };

/// A terminal that takes nothing for so long is not waited for when it is given back.
const RESTORE_TIME_MAX: Duration = Duration::from_millis(500);

/// Turns kitty's protocol on as far as we need it: keys that are ambiguous otherwise. Put on a stack by the terminal.
pub(crate) const KITTY_PUSH: &[u8] = b"\x1b[>1u";
const KITTY_POP: &str = "\x1b[<u";

/// Buttons with motion while one is down, in decimal numbers.
const MOUSE_ON: &str = "\x1b[?1002h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1002l";

/// News when the owner switches between light and dark.
const BACKGROUND_NEWS_ON: &str = "\x1b[?2031h";
const BACKGROUND_NEWS_OFF: &str = "\x1b[?2031l";

/// Asks for the background, synchronized updates, kitty's protocol and, last, the device attributes, which every
/// terminal answers. Nobody waits for the answers.
const QUESTIONS: &str = "\x1b]11;?\x1b\\\x1b[?2026$p\x1b[?u\x1b[c";

/// The device and what it was like before.
#[derive(Debug)]
pub(crate) struct Device {
    input: OwnedFd,
    output: OwnedFd,
    cooked: Termios,
    shown: AtomicBool,
    kitty: AtomicBool,
}

static DEVICE: OnceLock<Device> = OnceLock::new();

/// Gives the terminal back as it was, if it is ours now: modes, main screen, cursor, colours.
pub fn restore_now() {
    if let Some(device) = DEVICE.get() {
        device.leave(Interruption::Possible);
    }
}

/// True while the screen is ours.
#[must_use]
pub fn is_shown() -> bool {
    DEVICE.get().is_some_and(Device::is_shown)
}

/// Whether an escape sequence may have been cut off in its middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interruption {
    Possible,
    None,
}

impl Device {
    /// The terminal at standard input and output. Opened once per process.
    ///
    /// # Errors
    /// When one of them is not a terminal.
    pub(crate) fn open() -> Result<&'static Self, TerminalError> {
        if let Some(device) = DEVICE.get() {
            return Ok(device);
        }
        let (stdin, stdout) = (io::stdin(), io::stdout());
        for (fd, stream) in [(stdin.as_fd(), "standard input"), (stdout.as_fd(), "standard output")]
        {
            if !rustix::termios::isatty(fd) {
                return Err(TerminalError::NotATerminal { stream });
            }
        }
        let device = Self {
            input: reopen(stdin.as_fd(), OFlags::RDONLY).map_err(TerminalError::Mode)?,
            output: reopen(stdout.as_fd(), OFlags::WRONLY).map_err(TerminalError::Mode)?,
            cooked: rustix::termios::tcgetattr(stdin.as_fd()).map_err(mode)?,
            shown: AtomicBool::new(false),
            kitty: AtomicBool::new(false),
        };
        Ok(DEVICE.get_or_init(|| device))
    }

    pub(crate) fn input(&self) -> BorrowedFd<'_> {
        self.input.as_fd()
    }

    pub(crate) fn output(&self) -> BorrowedFd<'_> {
        self.output.as_fd()
    }

    pub(crate) fn is_shown(&self) -> bool {
        self.shown.load(Ordering::SeqCst)
    }

    /// The terminal understood kitty's protocol and it was turned on, so it must be turned off in the end.
    pub(crate) fn knows_kitty(&self) {
        self.kitty.store(true, Ordering::SeqCst);
    }

    /// Raw mode, alternate screen, reports. What was typed before is thrown away: it was meant for somebody else.
    pub(crate) fn enter(&self, mouse: MouseReports) -> Result<(), TerminalError> {
        let mut raw = self.cooked.clone();
        raw.make_raw();
        self.shown.store(true, Ordering::SeqCst);
        rustix::termios::tcsetattr(&self.input, OptionalActions::Flush, &raw).map_err(mode)?;
        let mut text = ansi(&EnterAlternateScreen);
        text += &ansi(&EnableBracketedPaste);
        text += &ansi(&EnableFocusChange);
        text += &ansi(&Hide);
        text += BACKGROUND_NEWS_ON;
        if mouse == MouseReports::On {
            text += MOUSE_ON;
        }
        let mut bytes = text.into_bytes();
        if self.kitty.load(Ordering::SeqCst) {
            // We may have lost the terminal without leaving: never two of ours on its stack.
            bytes.extend_from_slice(KITTY_POP.as_bytes());
            bytes.extend_from_slice(KITTY_PUSH);
        }
        send(self.output(), &bytes, RESTORE_TIME_MAX).map_err(TerminalError::Mode)
    }

    /// Asks the terminal about itself, once in the life of the program.
    pub(crate) fn ask(&self) {
        // A terminal that takes no questions is one that gives no answers.
        let _ = send(self.output(), QUESTIONS.as_bytes(), RESTORE_TIME_MAX);
    }

    /// The way back. Once; the second call does nothing.
    pub(crate) fn leave(&self, interruption: Interruption) {
        if !self.shown.swap(false, Ordering::SeqCst) {
            return;
        }
        // Cancels a sequence that was cut off; ends a held-back update; ordinary attributes.
        let mut text = if interruption == Interruption::Possible { "\x18" } else { "" }.to_owned();
        text += "\x1b[?2026l\x1b[m";
        text += MOUSE_OFF;
        text += BACKGROUND_NEWS_OFF;
        text += &ansi(&DisableFocusChange);
        text += &ansi(&DisableBracketedPaste);
        if self.kitty.load(Ordering::SeqCst) {
            text += KITTY_POP;
        }
        text += &ansi(&Show);
        text += &ansi(&LeaveAlternateScreen);
        // When the terminal is gone there is nobody to give it back to.
        let _ = send(self.output(), text.as_bytes(), RESTORE_TIME_MAX);
        let _ = rustix::termios::tcsetattr(&self.input, OptionalActions::Flush, &self.cooked);
    }

    /// The shell has the terminal: whatever is on it is not ours, and we must not write.
    pub(crate) fn lose(&self) {
        self.shown.store(false, Ordering::SeqCst);
    }

    /// True when the shell gave us the terminal. False in the background.
    pub(crate) fn is_foreground(&self) -> bool {
        nix::unistd::tcgetpgrp(&self.input).is_ok_and(|owner| owner == nix::unistd::getpgrp())
    }

    /// The size now.
    pub(crate) fn size(&self) -> Size {
        let size = rustix::termios::tcgetwinsize(&self.output);
        size.map_or(SIZE_UNKNOWN, |size| sensible(size.ws_col, size.ws_row))
    }
}

fn sensible(width: u16, height: u16) -> Size {
    if (width, height) == (0, 0) {
        return SIZE_UNKNOWN;
    }
    Size { width: width.min(SIZE_MAX.width), height: height.min(SIZE_MAX.height) }
}

fn mode(error: Errno) -> TerminalError {
    TerminalError::Mode(error.into())
}

fn ansi(command: &impl Command) -> String {
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = command.write_ansi(&mut text).and_then(|()| text.write_str(""));
    text
}

/// Opens the same terminal once more, so that not blocking on it is our own affair: the shell and our children share
/// the first one with us.
fn reopen(fd: BorrowedFd<'_>, access: OFlags) -> io::Result<OwnedFd> {
    use std::os::fd::AsRawFd as _;
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty())
        .or_else(|_| rustix::io::fcntl_dupfd_cloexec(fd, 3))
        .map_err(Into::into)
}

/// How long to wait at most before looking around again.
pub(crate) fn timespec(wait: Duration) -> Timespec {
    // A millisecond more, so that a deadline has really passed afterwards.
    let wait = wait + Duration::from_millis(1);
    Timespec {
        tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: wait.subsec_nanos().into(),
    }
}

/// Writes all bytes, waiting at most so long each time that the terminal is full.
fn send(fd: BorrowedFd<'_>, bytes: &[u8], patience: Duration) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match write_some(fd, rest, patience)? {
            0 => return Err(io::ErrorKind::TimedOut.into()),
            written => rest = rest.get(written..).unwrap_or(&[]),
        }
    }
    Ok(())
}

/// Writes as much as the terminal takes now; waits for room at most so long. 0 when there was none.
pub(crate) fn write_some(
    fd: BorrowedFd<'_>,
    bytes: &[u8],
    patience: Duration,
) -> io::Result<usize> {
    match rustix::io::write(fd, bytes) {
        Ok(written) => return Ok(written),
        Err(Errno::AGAIN | Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::OUT)];
    match poll(&mut fds, Some(&timespec(patience))) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    match rustix::io::write(fd, bytes) {
        Ok(written) => Ok(written),
        Err(Errno::AGAIN | Errno::INTR) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bounded_and_an_unknown_one_is_assumed() {
        let size = |width, height| Size { width, height };
        for (reported, want) in [
            ((0, 0), size(80, 24)),
            ((0, 5), size(0, 5)),
            ((1, 1), size(1, 1)),
            ((200, 50), size(200, 50)),
            ((65_535, 65_535), size(1_000, 500)),
        ] {
            assert_eq!(sensible(reported.0, reported.1), want, "{reported:?}");
        }
    }

    #[test]
    fn a_terminal_that_takes_nothing_is_not_waited_for() {
        let (reader, writer) = io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        let bytes = vec![b'x'; 1024 * 1024];
        let error = send(writer.as_fd(), &bytes, Duration::from_millis(5)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(reader);
        let error = send(writer.as_fd(), b"x", Duration::from_millis(5)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
