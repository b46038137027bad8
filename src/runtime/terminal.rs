//! The full screen: what the loop holds while it has the terminal.
//!
//! [`Screen::enter`] takes the terminal, dropping the [`Screen`] gives it back. Between the two the loop presents
//! frames, receives [`Input`]s and passes signals on; nothing here ever makes it wait, except a stop (ctrl-z) and a
//! program that borrows the terminal.

use std::os::fd::BorrowedFd;
use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, ThreadId};
use std::time::Duration;

use nix::unistd;
use rustix::process::Signal as Number;
use tokio::sync::mpsc;

use crate::app::input::Input;
use crate::domain::observed::{Clock, Timestamp, age};
use crate::runtime::colour::ColourLevel;
use crate::runtime::easel::Easel;
use crate::runtime::encoder::{Encoder, Frame};
use crate::runtime::input::{INPUT_QUEUE_MAX, Reader, Source};
use crate::runtime::keys::Answer;
use crate::runtime::parser::Parser;
use crate::runtime::signals::{self, SIGNAL_TIME_MAX, Signal};
use crate::runtime::tty::{Device, Interruption, KITTY_PUSH, restore_now};
use crate::runtime::writer::{Sink, Traffic, Writer, WriterOrders};

pub use crate::runtime::tty::{MouseReports, Size, TerminalError, is_shown};

/// How long a lone `ESC` is held on this machine: shorter than a person feels.
pub const ESCAPE_HOLD_LOCAL: Duration = Duration::from_millis(25);

/// The same over SSH, where pieces of a sequence may come in packets of their own.
pub const ESCAPE_HOLD_REMOTE: Duration = Duration::from_millis(100);

/// How long after the start an answer of the terminal may still be on its way. An answer that comes after we have
/// gone would be typed into the shell.
const ANSWERS_AWAITED: Duration = Duration::from_secs(2);

/// How long the end waits for such an answer.
const ANSWER_TIME_MAX: Duration = Duration::from_millis(150);

/// How long the end waits for our threads. They hang only on a terminal that hangs.
const THREADS_TIME_MAX: Duration = Duration::from_millis(300);

const STEP: Duration = Duration::from_millis(5);

/// Whether the terminal is asked about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Questions {
    /// It is asked once for its background and for what it can do. Nobody waits for the answers.
    #[default]
    Asked,
    /// It is not asked. The Linux console and dumb terminals have no answers and may show the questions.
    Never,
}

impl Questions {
    /// Judges the environment variable `TERM`.
    #[must_use]
    pub fn of(term: Option<&str>) -> Self {
        match term {
            None | Some("" | "dumb" | "linux" | "vt100" | "vt220" | "cons25") => Self::Never,
            Some(_) => Self::Asked,
        }
    }
}

/// How the screen is used.
#[derive(Clone, Copy, Debug)]
pub struct ScreenOptions {
    /// How many colours.
    pub colours: ColourLevel,
    /// Whether the mouse is ours.
    pub mouse: MouseReports,
    /// How long a lone `ESC` is held (setting `escape_ms`; [`ESCAPE_HOLD_LOCAL`], [`ESCAPE_HOLD_REMOTE`]).
    pub escape_hold: Duration,
    /// Whether the terminal is asked about itself.
    pub questions: Questions,
}

/// The terminal, while it is ours.
pub struct Screen {
    device: &'static Device,
    mouse: MouseReports,
    clock: Clock,
    entered_at: Timestamp,
    attributes: Arc<AtomicBool>,
    /// How many `SIGCONT`s are dealt with. A stop of our own is followed by one, which says nothing new.
    continues: u64,
    easel: Easel,
    writer: Option<Writer>,
    reader: Option<Reader>,
}

impl Screen {
    /// Takes the terminal. The thread that calls this is the loop's: a panic on it ends the program.
    ///
    /// # Errors
    /// When there is no terminal, or it cannot be set up. It is as before then.
    pub fn enter(
        options: ScreenOptions,
        clock: Clock,
    ) -> Result<(Self, mpsc::Receiver<Input>), TerminalError> {
        let device = Device::open()?;
        let _ = LOOP_THREAD.set(thread::current().id());
        let (inputs, heard) = mpsc::channel(INPUT_QUEUE_MAX);
        let mut screen = Self {
            device,
            mouse: options.mouse,
            entered_at: clock(),
            clock,
            attributes: Arc::new(AtomicBool::new(options.questions == Questions::Never)),
            continues: signals::continues(),
            easel: Easel::default(),
            writer: None,
            reader: None,
        };
        // From here on dropping it gives the terminal back.
        device.enter(options.mouse)?;
        if options.questions == Questions::Asked {
            device.ask();
        }
        let encoder = Encoder::new(options.colours);
        let writer = Writer::start(Out(device), encoder, inputs.clone());
        let writer = writer.map_err(TerminalError::Thread)?;
        let source =
            In { device, orders: writer.orders(), attributes: Arc::clone(&screen.attributes) };
        screen.writer = Some(writer);
        let parser = Parser::new(options.escape_hold);
        let reader = Reader::start(source, parser, Arc::clone(&screen.clock), inputs);
        screen.reader = Some(reader.map_err(TerminalError::Thread)?);
        Ok((screen, heard))
    }

    /// The size of the terminal now. Neither number is large; both can be 0 when the other is not.
    #[must_use]
    pub fn size(&self) -> Size {
        self.device.size()
    }

    /// Paints a frame of the terminal's size and shows it.
    pub fn draw(&mut self, paint: impl FnOnce(&mut ratatui::Frame<'_>)) {
        let Size { width, height } = self.size();
        let frame = self.easel.paint(width, height, paint);
        self.present(frame);
    }

    /// Shows a frame, unless a newer one comes before the terminal has room for it. Never waits.
    pub fn present(&self, frame: Frame) {
        if let Some(writer) = &self.writer {
            writer.present(frame);
        }
    }

    /// The next frame is sent whole: ctrl-l, when something else wrote on the terminal.
    pub fn repaint(&self) {
        if let Some(writer) = &self.writer {
            writer.forget();
        }
    }

    /// Sends bytes that are no frame: a bell, a copied text. They must be complete sequences of our own making.
    /// False when the line is stuck and they were not taken.
    #[must_use]
    pub fn send(&self, bytes: &[u8]) -> bool {
        self.writer.as_ref().is_some_and(|writer| writer.orders().send(bytes))
    }

    /// What has been written so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.writer.as_ref().map(Writer::traffic).unwrap_or_default()
    }

    /// Does what a signal asks of the terminal, and gives what it means to the state. Ending signals mean nothing
    /// here: the loop asks [`Signal::exit_code`] first.
    pub fn react(&mut self, signal: Signal) -> Option<Input> {
        match signal {
            Signal::Resize => {
                self.repaint();
                let Size { width, height } = self.size();
                Some(Input::Resize { width, height })
            }
            Signal::Stop => self.suspend(),
            Signal::Continue if self.continues == signals::continues() => None,
            Signal::Continue => self.continued(),
            Signal::Interrupt | Signal::Terminate | Signal::Quit | Signal::Hangup => None,
        }
    }

    /// ctrl-z: gives the terminal back, stops the program, and takes the terminal again when it goes on.
    /// None when there is no shell that could let it go on; nothing happens then.
    pub fn suspend(&mut self) -> Option<Input> {
        if !has_shell() {
            return None;
        }
        self.pause();
        self.device.leave(Interruption::Possible);
        self.stop_until_foreground();
        self.resume()
    }

    /// Lends the terminal to another program, and takes it again. The event is for the state.
    pub fn lend<T>(&mut self, borrow: impl FnOnce() -> T) -> (T, Option<Input>) {
        self.pause();
        self.device.leave(Interruption::Possible);
        let keys = signals::leave_to_another();
        let result = borrow();
        drop(keys);
        (result, self.resume())
    }

    /// Somebody stopped us without our knowledge, and we go on. The shell may have had the terminal meanwhile.
    fn continued(&mut self) -> Option<Input> {
        self.continues = signals::continues();
        self.pause();
        self.device.lose();
        if !self.device.is_foreground() {
            self.stop_until_foreground();
        }
        self.resume()
    }

    fn pause(&mut self) {
        // A thread that does not answer hangs on the terminal. It sees that the terminal is not ours and gives up.
        if let Some(reader) = &mut self.reader {
            reader.pause();
        }
        if let Some(writer) = &self.writer {
            writer.pause();
        }
    }

    fn resume(&mut self) -> Option<Input> {
        if signals::is_ending() {
            return None;
        }
        // When it cannot be set up it is gone, and the reader is about to find out.
        let _ = self.device.enter(self.mouse);
        if let Some(writer) = &self.writer {
            writer.resume();
        }
        if let Some(reader) = &mut self.reader {
            reader.resume();
        }
        Some(Input::Resumed((self.clock)()))
    }

    /// Stops, and again as long as the shell lets us go on only in the background: there is no terminal there.
    /// Ends also when the program was asked to end, or when the shell is gone.
    fn stop_until_foreground(&mut self) {
        while has_shell() {
            let before = signals::continues();
            // The whole job, or a shell that waits for a wrapper around us would not notice.
            if rustix::process::kill_current_process_group(Number::STOP).is_err() {
                break;
            }
            // Another thread may take the signal: the stop comes any moment, and then the signal that ends it.
            wait_until(SIGNAL_TIME_MAX, || signals::continues() != before);
            if self.device.is_foreground() || wait_until(SIGNAL_TIME_MAX, signals::is_ending) {
                break;
            }
        }
        self.continues = signals::continues();
    }

    /// Waits a little for the answers that are still on their way, so that they do not reach the shell.
    fn await_answers(&self) {
        if age(self.entered_at, (self.clock)()) < ANSWERS_AWAITED {
            let is_deaf = || self.reader.as_ref().is_none_or(Reader::is_finished);
            wait_until(ANSWER_TIME_MAX, || self.attributes.load(Ordering::SeqCst) || is_deaf());
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.device.is_shown() && !thread::panicking() {
            self.await_answers();
        }
        drop(self.reader.take());
        // The last frame may be on its way; its thread comes to its end, or hangs on a terminal that hangs.
        let finished = self.writer.take().is_none_or(finish);
        let interruption = if finished { Interruption::None } else { Interruption::Possible };
        self.device.leave(interruption);
    }
}

/// Lets the frame that is being written come to its end. False when it does not.
fn finish(writer: Writer) -> bool {
    let thread = writer.end();
    wait_until(THREADS_TIME_MAX, || thread.is_finished())
}

/// Looks again and again. True when it became so in time.
fn wait_until(time_max: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let mut left = time_max;
    while !is_so() {
        if left.is_zero() {
            return false;
        }
        thread::sleep(STEP);
        left = left.saturating_sub(STEP);
    }
    true
}

/// True when a shell with job control started us and is still there: it put us into a process group of our own in its
/// session. Without one nobody would ever let a stopped program go on.
fn has_shell() -> bool {
    let (session, parent) = (unistd::getsid(None), unistd::getppid());
    // In a container the parent may be outside of its processes: then it has the number 0, which would mean ourselves.
    let is_known = parent != unistd::Pid::from_raw(0);
    is_known && session != Ok(unistd::getpgrp()) && session == unistd::getsid(Some(parent))
}

/// The writer's end of the device.
struct Out(&'static Device);

impl Sink for Out {
    fn fd(&self) -> BorrowedFd<'_> {
        self.0.output()
    }

    fn is_ours(&self) -> bool {
        self.0.is_shown()
    }
}

/// The reader's end of the device.
struct In {
    device: &'static Device,
    orders: WriterOrders,
    attributes: Arc<AtomicBool>,
}

impl Source for In {
    fn fd(&self) -> BorrowedFd<'_> {
        self.device.input()
    }

    fn answered(&self, answer: Answer) {
        match answer {
            Answer::SynchronizedUpdate => self.orders.synchronize(),
            Answer::KittyKeyboard if self.orders.send(KITTY_PUSH) => self.device.knows_kitty(),
            // Without room now, it stays as it is: nothing depends on it.
            Answer::KittyKeyboard => {}
            Answer::Attributes => self.attributes.store(true, Ordering::SeqCst),
        }
    }
}

static LOOP_THREAD: OnceLock<ThreadId> = OnceLock::new();

/// Puts our hook in front of the one that is there (color-eyre's, so install that first).
///
/// A panic of the loop or of the terminal's threads ends the program: the terminal is given back before anything is
/// printed. A panic of a task while the screen is shown does not: the task's effect is answered for by the runner, so
/// the terminal stays as it is and `quiet` gets the panic, for the log.
pub fn install_panic_hook(quiet: impl Fn(&PanicHookInfo<'_>) + Send + Sync + 'static) {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if is_shown() && !is_fatal_here() {
            return quiet(info);
        }
        restore_now();
        before(info);
    }));
}

fn is_fatal_here() -> bool {
    let here = thread::current();
    let is_ours = here.name().is_some_and(|name| name.starts_with("terminal-"));
    is_ours || LOOP_THREAD.get() == Some(&here.id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_without_answers_are_not_asked() {
        for (term, want) in [
            (Some("xterm-256color"), Questions::Asked),
            (Some("screen"), Questions::Asked),
            (Some("dumb"), Questions::Never),
            (Some("linux"), Questions::Never),
            (Some(""), Questions::Never),
            (None, Questions::Never),
        ] {
            assert_eq!(Questions::of(term), want, "{term:?}");
        }
    }
}
