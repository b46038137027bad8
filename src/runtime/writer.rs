//! The one thread that writes to the terminal.
//!
//! Frames go through a slot that holds one: while a frame is being written, newer ones replace the one that waits.
//! So a slow line makes the picture coarser, never older, and the loop never waits for it.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc as std_mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::app::input::Input;
use crate::runtime::encoder::{Encoder, Frame};
use crate::runtime::tty::write_some;

/// Orders that wait at the same time. There are never more than a few; one that finds no room is told to its sender.
const ORDERS_MAX: usize = 16;

/// How often a write that finds no room looks whether the terminal is still ours.
const PATIENCE: Duration = Duration::from_millis(50);

/// How long a pause waits for the frame that is being written.
const PAUSE_TIME_MAX: Duration = Duration::from_millis(500);

/// What the writer is asked for besides frames. None of these may be replaced by a later one.
#[derive(Debug)]
enum Order {
    /// Bytes that are no frame.
    Send(Vec<u8>),
    /// The terminal knows synchronized updates.
    Synchronize,
    /// The next frame is sent whole.
    Forget,
    /// Write no more, and say so.
    Pause(std_mpsc::SyncSender<()>),
    /// Write again: the newest frame at once, and whole.
    Resume,
}

/// The terminal's side of the writer.
pub(crate) trait Sink: Send + 'static {
    /// Where the bytes go.
    fn fd(&self) -> BorrowedFd<'_>;
    /// False when the terminal is not ours now; what is being written is given up then.
    fn is_ours(&self) -> bool;
}

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Frames that changed something.
    pub frames: u64,
    /// Bytes.
    pub bytes: u64,
    /// Symbols that had to be replaced because they were not fit to be shown. More than none is a fault of ours.
    pub replaced: u64,
}

#[derive(Debug, Default)]
struct Tally {
    frames: AtomicU64,
    bytes: AtomicU64,
    replaced: AtomicU64,
}

/// The handle of the loop.
#[derive(Debug)]
pub(crate) struct Writer {
    frames: watch::Sender<Option<Arc<Frame>>>,
    orders: mpsc::Sender<Order>,
    tally: Arc<Tally>,
    thread: JoinHandle<()>,
}

/// What others may ask of the writer.
#[derive(Clone, Debug)]
pub(crate) struct WriterOrders(mpsc::Sender<Order>);

impl WriterOrders {
    /// Sends bytes that are no frame. False when there was no room.
    pub(crate) fn send(&self, bytes: &[u8]) -> bool {
        self.0.try_send(Order::Send(bytes.to_vec())).is_ok()
    }

    pub(crate) fn synchronize(&self) {
        // Without room the terminal tears a little more; nothing else is lost.
        let _ = self.0.try_send(Order::Synchronize);
    }
}

impl Writer {
    /// Starts the thread. When writing fails, or the thread ends in any other way, `inputs` gets a hangup.
    pub(crate) fn start(
        sink: impl Sink,
        encoder: Encoder,
        inputs: mpsc::Sender<Input>,
    ) -> io::Result<Self> {
        let (frames, newest) = watch::channel(None);
        let (orders, asked) = mpsc::channel(ORDERS_MAX);
        let tally = Arc::new(Tally::default());
        let hand = Hand { sink, encoder, tally: Arc::clone(&tally), _farewell: Farewell(inputs) };
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let thread = thread::Builder::new()
            .name("terminal-writer".into())
            .spawn(move || runtime.block_on(hand.work(newest, asked)))?;
        Ok(Self { frames, orders, tally, thread })
    }

    /// Puts a frame into the slot. Never waits.
    pub(crate) fn present(&self, frame: Frame) {
        self.frames.send_replace(Some(Arc::new(frame)));
    }

    pub(crate) fn orders(&self) -> WriterOrders {
        WriterOrders(self.orders.clone())
    }

    /// The next frame is sent whole.
    pub(crate) fn forget(&self) {
        // Without room there is one of these in the queue already.
        let _ = self.orders.try_send(Order::Forget);
    }

    /// Stops writing between two frames. False when a frame is stuck in the line.
    pub(crate) fn pause(&self) -> bool {
        let (done, is_done) = std_mpsc::sync_channel(1);
        let asked = self.orders.try_send(Order::Pause(done)).is_ok();
        asked && is_done.recv_timeout(PAUSE_TIME_MAX).is_ok()
    }

    pub(crate) fn resume(&self) {
        let _ = self.orders.try_send(Order::Resume);
    }

    pub(crate) fn traffic(&self) -> Traffic {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Traffic {
            frames: of(&self.tally.frames),
            bytes: of(&self.tally.bytes),
            replaced: of(&self.tally.replaced),
        }
    }

    /// Asks for no more. The thread comes to its end when the frame that is being written has.
    pub(crate) fn end(self) -> JoinHandle<()> {
        self.thread
    }
}

/// Tells the loop that nothing will be shown any more, in whatever way the thread ends.
struct Farewell(mpsc::Sender<Input>);

impl Drop for Farewell {
    fn drop(&mut self) {
        // A full queue is read, and then the reader's own hangup follows.
        let _ = self.0.try_send(Input::Hangup);
    }
}

/// The thread's own things.
struct Hand<S> {
    sink: S,
    encoder: Encoder,
    tally: Arc<Tally>,
    /// Speaks when the thread ends, in whatever way.
    _farewell: Farewell,
}

/// Whether to write at all.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Writing,
    Paused,
}

impl<S: Sink> Hand<S> {
    async fn work(
        mut self,
        mut frames: watch::Receiver<Option<Arc<Frame>>>,
        mut orders: mpsc::Receiver<Order>,
    ) {
        let mut mode = Mode::Writing;
        loop {
            let done = tokio::select! { biased;
                order = orders.recv() => match order {
                    Some(order) => self.obey(order, &mut mode, &mut frames),
                    None => return,
                },
                changed = frames.changed(), if mode == Mode::Writing => match changed {
                    Ok(()) => self.show(&mut frames),
                    Err(_) => return,
                },
            };
            if done.is_err() {
                return;
            }
        }
    }

    fn obey(
        &mut self,
        order: Order,
        mode: &mut Mode,
        frames: &mut watch::Receiver<Option<Arc<Frame>>>,
    ) -> io::Result<()> {
        match order {
            Order::Send(bytes) => return self.write(&bytes),
            Order::Synchronize => self.encoder.synchronize(),
            Order::Forget => self.encoder.forget(),
            Order::Pause(done) => {
                *mode = Mode::Paused;
                // Whoever asked has gone on without us.
                let _ = done.try_send(());
            }
            Order::Resume => {
                *mode = Mode::Writing;
                self.encoder.forget();
                frames.mark_changed();
            }
        }
        Ok(())
    }

    fn show(&mut self, frames: &mut watch::Receiver<Option<Arc<Frame>>>) -> io::Result<()> {
        let Some(frame) = frames.borrow_and_update().clone() else { return Ok(()) };
        let bytes = self.encoder.encode(&frame).to_vec();
        self.tally.replaced.store(self.encoder.replaced(), Ordering::Relaxed);
        if bytes.is_empty() {
            return Ok(());
        }
        self.tally.frames.fetch_add(1, Ordering::Relaxed);
        self.write(&bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if !self.sink.is_ours() {
                // Given up in the middle: what the terminal shows is not known any more.
                self.encoder.forget();
                return Ok(());
            }
            let written = write_some(self.sink.fd(), rest, PATIENCE)?;
            self.tally.bytes.fetch_add(written as u64, Ordering::Relaxed);
            rest = rest.get(written..).unwrap_or(&[]);
        }
        Ok(())
    }
}
