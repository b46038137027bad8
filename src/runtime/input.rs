//! The one thread that reads the terminal: bytes → [`Input`].
//!
//! It waits in `poll(2)` and sees at once when the terminal is gone. What it hears goes into a bounded queue, and
//! while that is full nothing is read: the kernel keeps what is typed.

use std::collections::VecDeque;
use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::mpsc as std_mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::app::input::Input;
use crate::app::key::Key;
use crate::domain::observed::{Clock, Timestamp, age};
use crate::runtime::bursts::Bursts;
use crate::runtime::keys::{Answer, Heard};
use crate::runtime::parser::Parser;
use crate::runtime::tty::{restore_now, timespec};

/// Room for what a person types while the loop is busy with a burst of facts. Beyond it nothing is read.
pub const INPUT_QUEUE_MAX: usize = 256;

/// How often a full queue is tried again.
const RETRY: Duration = Duration::from_millis(5);

/// One page; a longer paste comes in several.
const READ_BYTES_MAX: usize = 4_096;

/// How long a pause waits for the thread to take its hands off the terminal.
const PAUSE_TIME_MAX: Duration = Duration::from_millis(500);

#[derive(Debug)]
enum Order {
    Pause(std_mpsc::SyncSender<()>),
    Resume,
}

/// The terminal's side of the reader.
pub(crate) trait Source: Send + 'static {
    /// Where the bytes come from.
    fn fd(&self) -> BorrowedFd<'_>;
    /// Takes an answer of the terminal about itself.
    fn answered(&self, answer: Answer);
}

/// The handle of the loop. The thread ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Reader {
    orders: std_mpsc::SyncSender<Order>,
    wake: PipeWriter,
    thread: JoinHandle<()>,
}

impl Reader {
    /// Starts the thread.
    pub(crate) fn start(
        source: impl Source,
        parser: Parser,
        clock: Clock,
        inputs: mpsc::Sender<Input>,
    ) -> io::Result<Self> {
        let (woken, wake) = io::pipe()?;
        let (orders, asked) = std_mpsc::sync_channel(4);
        let ear = Ear {
            source,
            woken,
            orders: asked,
            clock,
            inputs,
            parser,
            bursts: Bursts::default(),
            way_out: WayOut::default(),
            waiting: VecDeque::new(),
        };
        let thread =
            thread::Builder::new().name("terminal-reader".into()).spawn(move || ear.listen())?;
        Ok(Self { orders, wake, thread })
    }

    /// Takes the thread's hands off the terminal, for another program or for a stop. What was half heard is forgotten.
    /// False when it did not answer.
    pub(crate) fn pause(&mut self) -> bool {
        let (done, is_done) = std_mpsc::sync_channel(1);
        self.order(Order::Pause(done)) && is_done.recv_timeout(PAUSE_TIME_MAX).is_ok()
    }

    /// Reads again.
    pub(crate) fn resume(&mut self) {
        self.order(Order::Resume);
    }

    fn order(&mut self, order: Order) -> bool {
        self.orders.try_send(order).is_ok() && self.wake.write_all(b"!").is_ok()
    }

    /// True when the thread has ended.
    pub(crate) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }
}

/// The thread's own things.
struct Ear<S> {
    source: S,
    woken: PipeReader,
    orders: std_mpsc::Receiver<Order>,
    clock: Clock,
    inputs: mpsc::Sender<Input>,
    parser: Parser,
    bursts: Bursts,
    way_out: WayOut,
    /// Heard, but the queue was full.
    waiting: VecDeque<Input>,
}

/// The code of a program that was interrupted.
const INTERRUPTED: i32 = 130;

/// How long the loop must have read nothing before ctrl-c ends the program without it.
const UNREAD_TIME_MIN: Duration = Duration::from_secs(2);

/// How often ctrl-c must have been pressed in that time. Nobody does so by mistake.
const UNREAD_PRESSES_MIN: usize = 3;

/// A hung loop reads no keys, and in raw mode ctrl-c is one. Pressed again and again, it still ends the program.
#[derive(Debug, Default)]
struct WayOut {
    unread_since: Option<Timestamp>,
    presses: usize,
}

impl WayOut {
    /// Takes what was heard at `now`, when the loop had so many inputs still to read.
    fn is_wanted(&mut self, inputs: &[Input], unread: usize, now: Timestamp) -> bool {
        let is_press =
            |input: &&Input| matches!(input, Input::Key(key, _) if *key == Key::ctrl('c'));
        let presses = inputs.iter().filter(is_press).count();
        if presses == 0 {
            return false;
        }
        if unread == 0 {
            *self = Self::default();
        }
        self.presses += presses;
        let since = *self.unread_since.get_or_insert(now);
        self.presses >= UNREAD_PRESSES_MIN && age(since, now) >= UNREAD_TIME_MIN
    }
}

/// Why the thread ends.
enum End {
    /// Nobody listens any more.
    NotNeeded,
    /// The terminal is gone.
    Hangup,
}

/// What a wait ended with.
struct Ready {
    tty: PollFlags,
    woken: PollFlags,
}

impl<S: Source> Ear<S> {
    fn listen(mut self) {
        loop {
            match self.turn() {
                Ok(()) => {}
                Err(End::NotNeeded) => return,
                Err(End::Hangup) => return self.hang_up(),
            }
        }
    }

    fn turn(&mut self) -> Result<(), End> {
        let ready = self.wait()?;
        if !ready.woken.is_empty() {
            self.obey()?;
        }
        let mut heard = Vec::new();
        let mut end = Ok(());
        if !ready.tty.is_empty() {
            end = self.read(&mut heard);
        }
        self.parser.expire((self.clock)(), &mut heard);
        self.take(heard);
        self.deliver()?;
        end
    }

    fn wait(&self) -> Result<Ready, End> {
        let due = self.parser.deadline().map(|due| age((self.clock)(), due));
        let timeout = if self.waiting.is_empty() { due } else { Some(RETRY) };
        let timeout = timeout.map(timespec);
        let mut fds = [
            PollFd::from_borrowed_fd(self.woken.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.source.fd(), PollFlags::IN),
        ];
        let asked = if self.waiting.is_empty() { fds.len() } else { 1 };
        match poll(&mut fds[..asked], timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return Err(End::Hangup),
        }
        Ok(Ready { woken: fds[0].revents(), tty: fds[1].revents() })
    }

    fn read(&mut self, heard: &mut Vec<Heard>) -> Result<(), End> {
        let mut bytes = [0; READ_BYTES_MAX];
        match rustix::io::read(self.source.fd(), &mut bytes) {
            Ok(0) => Err(End::Hangup),
            Ok(count) => {
                self.parser.feed(&bytes[..count], (self.clock)(), heard);
                Ok(())
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(()),
            Err(_) => Err(End::Hangup),
        }
    }

    fn take(&mut self, heard: Vec<Heard>) {
        let now = (self.clock)();
        let inputs = self.bursts.sort(heard, now, |answer| self.source.answered(answer));
        let unread = self.inputs.max_capacity() - self.inputs.capacity();
        if self.way_out.is_wanted(&inputs, unread, now) {
            restore_now();
            std::process::exit(INTERRUPTED);
        }
        self.waiting.extend(inputs);
    }

    fn deliver(&mut self) -> Result<(), End> {
        while let Some(input) = self.waiting.pop_front() {
            match self.inputs.try_send(input) {
                Ok(()) => {}
                Err(TrySendError::Full(input)) => {
                    self.waiting.push_front(input);
                    return Ok(());
                }
                Err(TrySendError::Closed(_)) => return Err(End::NotNeeded),
            }
        }
        Ok(())
    }

    /// Takes the orders that are there. A pause lasts until the next order.
    fn obey(&mut self) -> Result<(), End> {
        let mut calls = [0; 8];
        if !matches!(self.woken.read(&mut calls), Ok(1..)) {
            return Err(End::NotNeeded);
        }
        while let Ok(order) = self.orders.try_recv() {
            if let Order::Pause(done) = order {
                self.parser = Parser::new(self.parser.hold());
                // Whoever asked has gone on without us.
                let _ = done.try_send(());
                // Any next order ends the pause: there is only one that makes sense.
                self.orders.recv().map_err(|_| End::NotNeeded)?;
            }
        }
        Ok(())
    }

    fn hang_up(mut self) {
        self.waiting.push_back(Input::Hangup);
        while !self.waiting.is_empty() {
            if self.deliver().is_err() {
                return;
            }
            thread::sleep(RETRY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ctrl_c_that_nobody_reads_for_a_while_is_a_way_out() {
        let at = |ms: u64| Timestamp::UNIX_EPOCH + Duration::from_millis(ms);
        let press = |ms: u64| Input::Key(Key::ctrl('c'), at(ms));
        let other = |ms: u64| Input::Key(Key::char('j'), at(ms));
        let wanted = |heard: &[(u64, usize, usize)]| {
            let mut way_out = WayOut::default();
            let mut is_wanted = false;
            for (ms, unread, presses) in heard {
                let mut inputs = vec![press(*ms); *presses];
                inputs.push(other(*ms));
                is_wanted = way_out.is_wanted(&inputs, *unread, at(*ms));
            }
            is_wanted
        };
        for (heard, want) in [
            (&[(0, 0, 1), (1_000, 7, 1), (2_100, 7, 1)][..], true),
            (&[(0, 0, 9)], false),
            (&[(0, 0, 9), (1_000, 7, 9)], false),
            (&[(0, 0, 1), (2_100, 7, 1)], false),
            (&[(0, 0, 1), (1_000, 0, 1), (2_100, 7, 1)], false),
            (&[(0, 0, 2), (3_000, 7, 0)], false),
            (&[(0, 7, 1), (5_000, 7, 0), (6_000, 7, 2)], true),
        ] {
            assert_eq!(wanted(heard), want, "{heard:?}");
        }
    }
}
