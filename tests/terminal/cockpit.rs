//! The real program on its simulated fleet, as an operator meets it.

use rustix::process::Signal;

use crate::pty::{Pty, Spawn};

fn demo(width: u16, height: u16) -> Pty {
    let home = concat!(env!("CARGO_TARGET_TMPDIR"), "/cockpit");
    std::fs::create_dir_all(home).unwrap();
    let program = env!("CARGO_BIN_EXE_pilothouse");
    let spawn = Spawn::new(program, &["demo", "--scenario", "approval", "--keymap", "default"]);
    spawn
        .size(width, height)
        .env("TERM", "xterm-256color")
        .env("HOME", home)
        .env("XDG_STATE_HOME", home)
        .env("XDG_CONFIG_HOME", home)
        .start()
}

#[test]
fn the_demo_shows_who_needs_a_human_and_q_leaves_it() {
    let mut pty = demo(80, 24);
    pty.wait_for_text("SIMULATED");
    pty.wait_for_text("shop/web");
    pty.keys("q");
    assert_eq!(pty.exit(), 0);
    assert!(pty.modes_are_restored());
}

#[test]
fn a_promote_of_the_demo_is_confirmed_and_seen_to_arrive() {
    let mut pty = demo(120, 40);
    pty.wait_for_text("waits for a yes");
    pty.wait_for_text("approve");
    for key in ["/", "w", "e", "b", "enter"] {
        pty.keys(key);
    }
    pty.wait_for("the rollout is selected", |screen| {
        screen.contents().lines().any(|line| line.contains('▸') && line.contains("shop/web"))
    });
    pty.keys("p");
    pty.wait_for_text("dry run accepted");
    pty.keys("y");
    pty.wait_for_text("promote shop/web in east: arrived");
    pty.signal(Signal::TERM);
    assert_eq!(pty.exit(), 143);
    assert!(pty.modes_are_restored());
}

#[test]
fn a_terminal_of_one_cell_is_no_reason_to_end() {
    let mut pty = demo(1, 1);
    pty.wait_for_bytes(b"\x1b[?1049h", 0);
    pty.resize(100, 30);
    pty.wait_for_text("SIMULATED");
    pty.keys("q");
    assert_eq!(pty.exit(), 0);
}
