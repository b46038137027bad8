//! However it ends, the terminal is as it was.

use rustix::process::Signal;

use crate::program::{ARGS, VARIABLE, ready, spawn, start};
use crate::pty::{Pty, Spawn};

fn assert_restored(pty: &Pty) {
    pty.screen(|screen| {
        assert!(!screen.alternate_screen(), "the alternate screen is left");
        assert!(!screen.hide_cursor(), "the cursor is shown");
        assert!(!screen.bracketed_paste(), "pastes are not bracketed");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    });
    let raw = pty.raw();
    for (on, off) in [("\x1b[?1004h", "\x1b[?1004l"), ("\x1b[?2031h", "\x1b[?2031l")] {
        assert!(last(&raw, off) > last(&raw, on), "{off:?} comes last");
    }
    assert!(pty.modes_are_restored(), "the modes are as before");
}

fn last(raw: &[u8], needle: &str) -> Option<usize> {
    raw.windows(needle.len()).rposition(|window| window == needle.as_bytes())
}

#[test]
fn it_takes_the_terminal_and_q_gives_it_back() {
    let mut pty = start();
    pty.screen(|screen| {
        assert!(screen.alternate_screen() && screen.hide_cursor() && screen.bracketed_paste());
    });
    assert!(!pty.modes_are_restored());
    pty.keys("q");
    assert_eq!(pty.exit(), 0);
    assert_restored(&pty);
}

#[test]
fn a_panic_of_the_loop_gives_the_terminal_back_before_it_speaks() {
    let mut pty = start();
    pty.keys("P");
    assert_eq!(pty.exit(), 101);
    pty.wait_for_text("the loop has a fault");
    assert_restored(&pty);
}

#[test]
fn a_panic_of_a_task_leaves_the_screen_as_it_is() {
    let mut pty = start();
    pty.keys("T");
    pty.keys("x");
    pty.wait_for("the quiet panic", |screen| screen.contents().contains("quiet[1]"));
    assert!(!pty.screen(vt100::Screen::contents).contains("a task has a fault"));
    pty.keys("q");
    assert_eq!(pty.exit(), 0);
    assert_restored(&pty);
}

#[test]
fn ending_signals_end_it_with_their_code_and_restore() {
    for (signal, code) in
        [(Signal::TERM, 143), (Signal::INT, 130), (Signal::QUIT, 131), (Signal::HUP, 129)]
    {
        let mut pty = start();
        pty.signal(signal);
        assert_eq!(pty.exit(), code, "{signal:?}");
        assert_restored(&pty);
    }
}

#[test]
fn user_signals_do_not_kill_it() {
    let mut pty = start();
    for _ in 0..50 {
        pty.signal(Signal::USR1);
        pty.signal(Signal::USR2);
    }
    pty.keys("x");
    pty.wait_for_text("keys[x]");
    pty.keys("q");
    assert_eq!(pty.exit(), 0);
}

#[test]
fn a_loop_that_hangs_is_ended_by_the_second_request() {
    let mut pty = start();
    pty.keys("x H");
    pty.wait_for_text("keys[x]");
    pty.signal(Signal::TERM);
    // Two of the same kind may be told as one, so the second is another. Either may be told first.
    pty.signal(Signal::INT);
    let code = pty.exit();
    assert!(code == 143 || code == 130, "{code}");
    assert_restored(&pty);
}

#[test]
fn a_loop_that_hangs_is_ended_by_ctrl_c_pressed_again_and_again() {
    let mut pty = start();
    pty.keys("x H");
    pty.wait_for_text("keys[x]");
    assert_eq!(pty.exit_while(|pty| pty.keys("ctrl-c")), 130);
    assert_restored(&pty);
}

#[test]
fn a_terminal_that_goes_away_ends_it_even_without_sighup() {
    let mut pty = ready(spawn(25).without_control());
    pty.hang_up();
    assert_eq!(pty.exit(), 129);
    let mut pty = start();
    pty.hang_up();
    assert_eq!(pty.exit(), 129);
}

#[test]
fn a_stuck_line_does_not_keep_it_from_ending() {
    let mut pty = ready(spawn(25).size(200, 50));
    pty.stop_reading();
    pty.keys("F");
    pty.signal(Signal::TERM);
    assert_eq!(pty.exit(), 143);
    assert!(pty.modes_are_restored());
}

#[test]
fn without_a_terminal_it_refuses_and_sends_no_sequence() {
    let this = std::env::current_exe().unwrap();
    let program = format!("{} {}", this.display(), ARGS.join(" "));
    for (redirection, stream) in [
        (">&-", "standard output"),
        (">/dev/null", "standard output"),
        ("| cat", "standard output"),
        ("</dev/null", "standard input"),
        ("<&-", "standard input"),
    ] {
        let script = format!("{program} {redirection}; echo over");
        let mut pty = Spawn::new("sh", &["-c", &script]).env(VARIABLE, "25").start();
        pty.wait_for_text("over");
        pty.wait_for_text(&format!("{stream} is not a terminal"));
        assert_eq!(last(&pty.raw(), "\x1b"), None, "{redirection}");
        pty.exit();
    }
}

#[test]
fn an_answer_that_comes_at_the_end_does_not_reach_the_shell() {
    let mut pty = start();
    pty.send(b"q\x1b]11;rgb:0000/0000/0000\x1b\\\x1b[?62;22c");
    assert_eq!(pty.exit(), 0);
    assert_eq!(pty.unread(), 0);
    assert_restored(&pty);
}

#[test]
fn kittys_protocol_is_asked_for_used_and_given_back() {
    let kitty = spawn(25).answer(b"\x1b[?u", b"\x1b[?0u").answer(b"\x1b[c", b"\x1b[?62c");
    let mut pty = ready(kitty);
    pty.wait_for_bytes(b"\x1b[>1u", 0);
    pty.send(b"\x1b[27u\x1b[99;5u");
    pty.wait_for_text("keys[esc ctrl-c]");
    pty.keys("q");
    assert_eq!(pty.exit(), 0);
    let raw = pty.raw();
    assert!(last(&raw, "\x1b[<u") > last(&raw, "\x1b[>1u"));
    assert!(last(&raw, "\x1b[<u") < last(&raw, "\x1b[?1049l"), "before its screen is left");
}

/// A shell with job control, and our program in it.
fn in_shell() -> Pty {
    let this = std::env::current_exe().unwrap();
    let mut pty = Spawn::new("bash", &["--norc", "--noprofile", "-i"])
        .env("PS1", "prompt> ")
        .env(VARIABLE, "25")
        .start();
    pty.wait_for_text("prompt>");
    pty.send(format!("{} {}\r", this.display(), ARGS.join(" ")).as_bytes());
    pty.wait_for_text("ready");
    pty
}

fn wait_for_shell(pty: &mut Pty) {
    pty.wait_for("the shell", |screen| !screen.alternate_screen());
    pty.wait_for_text("Stopped");
    pty.screen(|screen| assert!(!screen.hide_cursor()));
}

/// Presses the last keys, and asks the shell what it saw.
fn assert_ends_well(pty: &mut Pty, keys: &str) {
    let before = pty.raw().len();
    pty.keys(keys);
    // What is typed before the shell has its prompt is thrown away with our own leftovers.
    pty.wait_for_bytes(b"prompt> ", before);
    pty.send(b"echo code=$?\r");
    pty.wait_for_text("code=0");
    assert!(!pty.screen(vt100::Screen::alternate_screen));
}

#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_again() {
    let mut pty = in_shell();
    for round in 1..=3 {
        pty.keys("ctrl-z");
        wait_for_shell(&mut pty);
        pty.send(b"clear; echo alive$((40+2))\r");
        pty.wait_for_text("alive42");
        pty.send(b"fg\r");
        pty.wait_for_text(&format!("resumed[{round}]"));
        pty.screen(|screen| assert!(screen.alternate_screen() && screen.hide_cursor()));
    }
    assert_ends_well(&mut pty, "j q");
}

#[test]
fn in_the_background_it_stays_stopped_and_leaves_the_terminal_alone() {
    let mut pty = in_shell();
    pty.keys("ctrl-z");
    wait_for_shell(&mut pty);
    pty.send(b"clear; bg; wait; jobs | cut -c1-11; echo alive$((40+2))\r");
    pty.wait_for_text("alive42");
    pty.send(b"clear; fg\r");
    pty.wait_for_text("resumed[1]");
    assert_ends_well(&mut pty, "q");
}

#[test]
fn a_stopped_program_can_be_ended() {
    let mut pty = in_shell();
    pty.keys("ctrl-z");
    wait_for_shell(&mut pty);
    pty.send(b"clear; kill %1; wait; echo gone$((40+2))\r");
    pty.wait_for_text("gone42");
    assert!(!pty.screen(vt100::Screen::alternate_screen));
}

#[test]
fn without_a_shell_ctrl_z_stops_nothing() {
    let mut pty = start();
    pty.keys("ctrl-z");
    pty.wait_for_text("keys[unsuspended]");
    pty.signal(Signal::TSTP);
    pty.keys("x");
    pty.wait_for_text("keys[unsuspended x]");
    pty.keys("q");
    assert_eq!(pty.exit(), 0);
}
