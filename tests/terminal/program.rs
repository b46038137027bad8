//! The smallest program that uses the terminal as the real one does. The tests start their own binary with
//! [`VARIABLE`] set, and this runs instead of them.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pilothouse::app::input::Input;
use pilothouse::app::key::Key;
use pilothouse::runtime::clock;
use pilothouse::runtime::colour::ColourLevel;
use pilothouse::runtime::signals::{self, Listen, Signal};
use pilothouse::runtime::terminal::{self, MouseReports, Questions, Screen, ScreenOptions};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use crate::pty::{Pty, Spawn};

/// How long a lone `ESC` is held, in ms.
pub(crate) const VARIABLE: &str = "PILOTHOUSE_TEST_ESCAPE_MS";

/// Set when the mouse is wanted.
pub(crate) const MOUSE: &str = "PILOTHOUSE_TEST_MOUSE";

/// How often a frame is made even when nothing was heard.
const TICK: Duration = Duration::from_millis(2);

/// This program, to be started.
pub(crate) fn spawn(escape_ms: u64) -> Spawn {
    let this = std::env::current_exe().unwrap();
    Spawn::new(this.to_str().unwrap(), &ARGS).env(VARIABLE, &escape_ms.to_string())
}

/// What makes the test binary run only this.
pub(crate) const ARGS: [&str; 4] =
    ["--exact", "the_program_under_test", "--nocapture", "--test-threads=1"];

/// This program, started, with its first frame shown.
pub(crate) fn start() -> Pty {
    ready(spawn(25))
}

pub(crate) fn ready(spawn: Spawn) -> Pty {
    let mut pty = spawn.start();
    pty.wait_for_text("ready");
    pty
}

static QUIET_PANICS: AtomicUsize = AtomicUsize::new(0);

/// What the program knows.
#[derive(Default)]
struct Seen {
    keys: Vec<String>,
    pasted: String,
    background: String,
    focus: String,
    resumed: usize,
    flood: u64,
    size: (u16, u16),
}

/// Runs the program when it was asked for.
pub(crate) fn run_when_asked() {
    let Ok(escape_ms) = std::env::var(VARIABLE) else { return };
    terminal::install_panic_hook(|_| {
        QUIET_PANICS.fetch_add(1, Ordering::SeqCst);
    });
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let options = ScreenOptions {
        colours: ColourLevel::Palette,
        mouse: if std::env::var(MOUSE).is_ok() { MouseReports::On } else { MouseReports::Off },
        escape_hold: Duration::from_millis(escape_ms.parse().unwrap()),
        questions: Questions::of(std::env::var("TERM").ok().as_deref()),
    };
    let code = runtime.unwrap().block_on(run(options));
    std::process::exit(i32::from(code));
}

async fn run(options: ScreenOptions) -> u8 {
    let mut signals = signals::listen(Listen::Screen).unwrap();
    let (mut screen, mut inputs) = match Screen::enter(options, clock::system()) {
        Ok(entered) => entered,
        Err(error) => {
            // The message may have nowhere to go; the code still tells.
            let _ = writeln!(std::io::stderr(), "{error}");
            return 2;
        }
    };
    let mut seen = Seen { size: (screen.size().width, screen.size().height), ..Seen::default() };
    loop {
        screen.draw(|frame| paint(&seen, frame.buffer_mut()));
        let input = tokio::select! { biased;
            signal = signals.recv() => {
                let signal = signal.unwrap_or(Signal::Terminate);
                if let Some(code) = signal.exit_code() {
                    return code;
                }
                screen.react(signal)
            }
            input = inputs.recv() => Some(input.unwrap_or(Input::Hangup)),
            () = tokio::time::sleep(TICK) => {
                seen.flood += u64::from(seen.flood > 0);
                None
            }
        };
        if let Some(code) = input.and_then(|input| take(input, &mut seen, &mut screen)) {
            return code;
        }
    }
}

fn take(input: Input, seen: &mut Seen, screen: &mut Screen) -> Option<u8> {
    match input {
        Input::Key(key, _) => return press(key, seen, screen),
        Input::Paste(text, _) => text.as_str().clone_into(&mut seen.pasted),
        Input::Mouse(..) => seen.keys.push("mouse".into()),
        Input::Resize { width, height } => seen.size = (width, height),
        Input::Background(background) => seen.background = format!("{background:?}"),
        Input::FocusGained => seen.focus = "gained".into(),
        Input::FocusLost => seen.focus = "lost".into(),
        Input::Resumed(_) => seen.resumed += 1,
        Input::Hangup => return Some(129),
    }
    None
}

fn press(key: Key, seen: &mut Seen, screen: &mut Screen) -> Option<u8> {
    match key.to_string().as_str() {
        "q" => return Some(0),
        "P" => panic!("the loop has a fault"),
        "T" => drop(tokio::spawn(async { panic!("a task has a fault") })),
        "H" => loop {
            std::thread::park();
        },
        "F" => seen.flood = 1,
        "L" => {
            let borrowed = screen.lend(|| {
                std::process::Command::new("sh")
                    .args(["-c", "trap '' INT; echo borrowed; read line; echo $line"])
                    .status()
            });
            assert!(borrowed.0.unwrap().success());
            return borrowed.1.and_then(|input| take(input, seen, screen));
        }
        "ctrl-z" => match screen.suspend() {
            Some(input) => return take(input, seen, screen),
            None => seen.keys.push("unsuspended".into()),
        },
        "f5" => {}
        name => seen.keys.push(name.to_owned()),
    }
    None
}

fn paint(seen: &Seen, buffer: &mut Buffer) {
    let Rect { width, height, .. } = buffer.area;
    let lines = [
        "ready".to_owned(),
        format!("keys[{}]", seen.keys.join(" ")),
        format!("pasted[{}]", seen.pasted),
        format!("background[{}] focus[{}]", seen.background, seen.focus),
        format!("size[{}x{}] resumed[{}]", seen.size.0, seen.size.1, seen.resumed),
        format!("quiet[{}]", QUIET_PANICS.load(Ordering::SeqCst)),
        format!("flood[{}]", seen.flood),
    ];
    for (y, line) in (0..height).zip(&lines) {
        buffer.set_stringn(0, y, line, usize::from(width), Style::new());
    }
    if seen.flood > 0 {
        let shade = u8::try_from(seen.flood % 200).unwrap();
        for y in 7..height {
            let line = format!("{}", seen.flood).repeat(usize::from(width));
            let style = Style::new().fg(Color::Indexed(16 + shade));
            buffer.set_stringn(0, y, line, usize::from(width), style);
        }
    }
}
