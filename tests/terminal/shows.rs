//! What is shown, at every size and on every line.

use rustix::process::Signal;

use crate::program::{ready, spawn, start};

#[test]
fn a_new_size_is_painted_whole() {
    let mut pty = start();
    pty.resize(100, 30);
    pty.wait_for_text("size[100x30]");
    pty.resize(40, 10);
    pty.wait_for_text("size[40x10]");
    pty.wait_for_text("ready");
}

#[test]
fn a_storm_of_sizes_ends_with_the_last_one() {
    let mut pty = start();
    for step in 0..300u16 {
        pty.resize(1 + step % 97, 1 + step % 41);
    }
    for (width, height) in [(0, 0), (1, 1), (0, 7), (7, 0), (5_000, 2), (65_535, 65_535), (90, 20)]
    {
        pty.resize(width, height);
    }
    pty.wait_for_text("size[90x20]");
    pty.keys("q");
    assert_eq!(pty.exit(), 0);
}

#[test]
fn the_smallest_terminals_do_not_make_it_panic() {
    for (width, height) in [(1, 1), (0, 0), (1, 0), (0, 1), (3, 1), (1, 3)] {
        let mut pty = spawn(25).size(width, height).start();
        pty.wait_for("its screen", vt100::Screen::alternate_screen);
        pty.keys("x");
        pty.keys("q");
        assert_eq!(pty.exit(), 0, "{width}x{height}");
        assert!(pty.modes_are_restored());
    }
}

#[test]
fn a_frame_without_a_change_costs_no_bytes() {
    let mut pty = start();
    let before = pty.raw().len();
    for _ in 0..20 {
        pty.keys("f5");
    }
    pty.keys("x");
    pty.wait_for_text("keys[x]");
    let sent = pty.raw().len() - before;
    assert!(sent <= 24, "{sent} bytes for one key");
}

#[test]
fn on_a_stuck_line_keys_are_heard_and_the_newest_frame_comes_next() {
    let mut pty = ready(spawn(25).size(200, 50));
    pty.stop_reading();
    pty.keys("F");
    for _ in 0..40 {
        pty.keys("k");
    }
    pty.read_on();
    pty.wait_for_text(&format!("keys[{}]", ["k"; 40].join(" ")));
    pty.keys("q");
    assert_eq!(pty.exit(), 0);
}

#[test]
fn after_a_stop_from_outside_everything_is_painted_again() {
    let mut pty = start();
    let before = pty.raw().len();
    pty.signal(Signal::STOP);
    pty.signal(Signal::CONT);
    pty.wait_for_text("resumed[1]");
    pty.wait_for_bytes(b"\x1b[2J", before);
    pty.keys("q");
    assert_eq!(pty.exit(), 0);
}

#[test]
fn large_frames_are_held_back_until_they_are_whole_where_the_terminal_can() {
    let able = spawn(25).answer(b"\x1b[?2026$p", b"\x1b[?2026;2$y");
    let mut pty = ready(able.size(200, 50));
    pty.keys("F");
    pty.wait_for_bytes(b"\x1b[?2026h", 0);
    pty.wait_for_bytes(b"\x1b[?2026l", 0);
    pty.keys("q");
    assert_eq!(pty.exit(), 0);
}
