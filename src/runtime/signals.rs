//! Signals of the operating system, on a thread of their own.
//!
//! The loop is told and has a while to end in order. If it does not, or if the same is asked a second time, this
//! thread gives the terminal back and ends the program by itself. So a hung loop cannot keep anybody's terminal.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc as std_mpsc;
use std::thread;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::{BoxStream, SelectAll};
use rustix::process::Signal as Number;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::runtime::tty::restore_now;

/// How long an orderly end may take: two seconds for a write that is under way (`reference/reliability.md` §5), its
/// record, and the terminal.
pub const ENDING_TIME_MAX: Duration = Duration::from_secs(5);

/// How long a signal may take from the kernel to our thread.
pub(crate) const SIGNAL_TIME_MAX: Duration = Duration::from_millis(100);

/// Signals that wait for the loop. The same one twice says nothing more.
const SIGNALS_MAX: usize = 32;

/// What was asked of the program from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// End: `SIGINT`. In the full screen ctrl-c is a key and does not come here.
    Interrupt,
    /// End: `SIGTERM`.
    Terminate,
    /// End: `SIGQUIT`.
    Quit,
    /// The terminal is gone: `SIGHUP`.
    Hangup,
    /// Stop for a while: `SIGTSTP`, sent by a program; ctrl-z is a key here.
    Stop,
    /// Go on: `SIGCONT`.
    Continue,
    /// The terminal has another size: `SIGWINCH`.
    Resize,
}

impl Signal {
    /// The code that the program ends with for it; none when it does not end the program.
    #[must_use]
    pub fn exit_code(self) -> Option<u8> {
        let number = match self {
            Self::Interrupt => 2,
            Self::Terminate => 15,
            Self::Quit => 3,
            Self::Hangup => 1,
            Self::Stop | Self::Continue | Self::Resize => return None,
        };
        Some(128 + number)
    }
}

/// Which front asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// The full screen: also stops, goes on and is resized by us; `SIGUSR1` and `SIGUSR2` do not kill it.
    Screen,
    /// The command line: only what ends the program. ctrl-z works as the shell wants it.
    Headless,
}

/// True from the moment at which the program was asked to end.
static ENDING: AtomicBool = AtomicBool::new(false);

/// True when the program was asked to end.
#[must_use]
pub(crate) fn is_ending() -> bool {
    ENDING.load(Ordering::SeqCst)
}

/// How often the program was let go on.
static CONTINUES: AtomicU64 = AtomicU64::new(0);

/// How often the program was let go on, so far.
pub(crate) fn continues() -> u64 {
    CONTINUES.load(Ordering::SeqCst)
}

/// Until when (milliseconds of [`uptime`]) signals of keys are another program's, because it has the terminal.
static LENT_UNTIL: AtomicU64 = AtomicU64::new(0);

/// While another program has the terminal, ctrl-c, ctrl-\ and ctrl-z are its keys: the signals they send reach us too,
/// and mean nothing to us. Lasts until the result is dropped, and then as long as such a signal may be on its way.
#[must_use]
pub(crate) fn leave_to_another() -> impl Drop {
    struct Back;
    impl Drop for Back {
        fn drop(&mut self) {
            let end = uptime() + SIGNAL_TIME_MAX;
            LENT_UNTIL.store(u64::try_from(end.as_millis()).unwrap_or(0), Ordering::SeqCst);
        }
    }
    LENT_UNTIL.store(u64::MAX, Ordering::SeqCst);
    Back
}

fn is_for_another(signal: Signal) -> bool {
    let by_key = matches!(signal, Signal::Interrupt | Signal::Quit | Signal::Stop);
    by_key && uptime().as_millis() < u128::from(LENT_UNTIL.load(Ordering::SeqCst))
}

/// How long the machine runs. Not the state's clock: this thread must know also when the loop hangs.
fn uptime() -> Duration {
    Duration::try_from(rustix::time::clock_gettime(rustix::time::ClockId::Monotonic))
        .unwrap_or_default()
}

/// Starts to listen. Once per process. After an ending signal the program has [`ENDING_TIME_MAX`].
///
/// # Errors
/// When the operating system gives no thread or no handler.
pub fn listen(to: Listen) -> io::Result<mpsc::Receiver<Signal>> {
    let (signals, receiver) = mpsc::channel(SIGNALS_MAX);
    let (ready, is_ready) = std_mpsc::sync_channel(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async move {
            match all(to) {
                Ok(streams) => {
                    // The caller waits for exactly this.
                    let _ = ready.send(Ok(()));
                    pass_on(streams, signals).await;
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            }
        });
    })?;
    is_ready.recv().map_err(io::Error::other)??;
    Ok(receiver)
}

type Streams = SelectAll<BoxStream<'static, Option<Signal>>>;

/// Must be called inside a runtime. A signal that is only not to kill us gives nothing.
fn all(to: Listen) -> io::Result<Streams> {
    let mut wanted = vec![
        (SignalKind::interrupt(), Some(Signal::Interrupt)),
        (SignalKind::terminate(), Some(Signal::Terminate)),
        (SignalKind::quit(), Some(Signal::Quit)),
        (SignalKind::hangup(), Some(Signal::Hangup)),
    ];
    if to == Listen::Screen {
        wanted.extend([
            (SignalKind::from_raw(Number::TSTP.as_raw()), Some(Signal::Stop)),
            (SignalKind::from_raw(Number::CONT.as_raw()), Some(Signal::Continue)),
            (SignalKind::window_change(), Some(Signal::Resize)),
            (SignalKind::user_defined1(), None),
            (SignalKind::user_defined2(), None),
        ]);
    }
    let mut streams = SelectAll::new();
    for (kind, meaning) in wanted {
        let source = signal(kind)?;
        let stream = futures::stream::unfold(source, move |mut source| async move {
            source.recv().await.map(|()| (meaning, source))
        });
        streams.push(stream.boxed());
    }
    Ok(streams)
}

async fn pass_on(mut streams: Streams, signals: mpsc::Sender<Signal>) {
    while let Some(signal) = streams.next().await {
        let Some(signal) = signal.filter(|signal| !is_for_another(*signal)) else { continue };
        if signal == Signal::Continue {
            CONTINUES.fetch_add(1, Ordering::SeqCst);
        }
        // A full queue holds one of the same kind, or the loop hangs and the time below decides.
        let _ = signals.try_send(signal);
        if let Some(code) = signal.exit_code() {
            ENDING.store(true, Ordering::SeqCst);
            let again = async {
                while streams.next().await.flatten().is_none_or(|next| next.exit_code().is_none()) {
                }
            };
            // Either way the time of the orderly end is over; only the program's own end comes before.
            let _ = tokio::time::timeout(ENDING_TIME_MAX, again).await;
            restore_now();
            std::process::exit(i32::from(code));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ending_signals_have_the_codes_that_shells_expect() {
        for (signal, code) in [
            (Signal::Hangup, Some(129)),
            (Signal::Interrupt, Some(130)),
            (Signal::Quit, Some(131)),
            (Signal::Terminate, Some(143)),
            (Signal::Resize, None),
            (Signal::Stop, None),
            (Signal::Continue, None),
        ] {
            assert_eq!(signal.exit_code(), code, "{signal:?}");
        }
    }
}
