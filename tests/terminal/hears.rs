//! What is typed arrives as it was meant.

use crate::program::{MOUSE, ready, spawn, start};

#[test]
fn keys_arrive_in_order_under_their_names() {
    let mut pty = start();
    pty.keys("j k ctrl-c");
    pty.keys("up shift-tab f12 alt-x");
    pty.send("ü漢".as_bytes());
    pty.wait_for_text("keys[j k ctrl-c up shift-tab");
    pty.wait_for_text("alt-x ü 漢]");
}

#[test]
fn a_sequence_split_by_the_line_is_one_key() {
    let mut pty = ready(spawn(20_000));
    for (width, piece) in (81..).zip([&b"\x1b"[..], b"[", b"1;5", b"A", b"\x1b", b"OB"]) {
        pty.send(piece);
        // Something that the program answers, so that the pieces are read one by one.
        let from = pty.raw().len();
        pty.resize(width, 24);
        pty.wait_for_bytes(b"\x1b[2J", from);
    }
    pty.wait_for_text("keys[ctrl-up down]");
}

#[test]
fn the_late_rest_of_a_sequence_is_never_a_key() {
    let mut pty = start();
    pty.send(b"\x1b");
    pty.wait_for_text("keys[esc]");
    pty.send(b"[A");
    pty.send(b"j");
    pty.wait_for_text("keys[esc j]");
}

#[test]
fn a_paste_is_one_text_and_no_keys() {
    let mut pty = start();
    pty.send(b"\x1b[200~q\rP\x1b[31m\r\x1b[201~x");
    pty.wait_for_text("keys[x]");
    pty.wait_for_text("pasted[q␤P^[[31m]");
}

#[test]
fn text_in_one_piece_is_a_paste_on_terminals_that_do_not_bracket_it() {
    let mut pty = start();
    pty.send(b"kubectl get rollouts\rquit\r");
    pty.wait_for_text("pasted[kubectl get rollouts␤quit]");
    pty.wait_for_text("keys[]");
}

#[test]
fn the_answer_about_the_background_is_heard_whenever_it_comes() {
    let mut pty = start();
    pty.keys("j");
    pty.wait_for_text("keys[j]");
    pty.send(b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\k");
    pty.wait_for_text("background[Light]");
    pty.wait_for_text("keys[j k]");
    pty.send(b"\x1b[?997;1n");
    pty.wait_for_text("background[Dark]");
    let question = b"\x1b]11;?\x1b\\";
    let asked = pty.raw().windows(question.len()).filter(|window| window == question).count();
    assert_eq!(asked, 1);
}

#[test]
fn late_answers_and_noise_are_eaten() {
    let mut pty = start();
    pty.send(b"\x1b[12;40R\x1b[>41;390;0c\x1bP>|XTerm(390)\x1b\\\x1b]52;c;cXFx\x07\xff\xfe\x1b_Gq\x1b\\j");
    pty.wait_for_text("keys[j]");
}

#[test]
fn focus_is_told() {
    let mut pty = start();
    pty.send(b"\x1b[O");
    pty.wait_for_text("focus[lost]");
    pty.send(b"\x1b[I");
    pty.wait_for_text("focus[gained]");
}

#[test]
fn a_terminal_that_cannot_answer_is_not_asked() {
    let mut pty = ready(spawn(25).env("TERM", "linux"));
    pty.keys("q");
    assert_eq!(pty.exit(), 0);
    let raw = String::from_utf8_lossy(&pty.raw()).into_owned();
    for question in ["\x1b]11;?", "\x1b[c", "\x1b[?u", "$p"] {
        assert!(!raw.contains(question), "{question:?}");
    }
}

#[test]
fn a_program_that_borrows_the_terminal_gets_all_that_is_typed() {
    let mut pty = start();
    pty.keys("L");
    pty.wait_for("the other program", |screen| {
        !screen.alternate_screen() && screen.contents().contains("borrowed")
    });
    let before = pty.raw().len();
    pty.keys("ctrl-c");
    pty.wait_for_bytes(b"^C", before);
    pty.send(b"typed for it\n");
    pty.wait_for_text("resumed[1]");
    pty.keys("j");
    pty.wait_for_text("keys[j]");
    assert!(String::from_utf8_lossy(&pty.raw()).matches("typed for it").count() >= 2);
}

#[test]
fn the_mouse_is_asked_for_only_when_wanted_and_given_back() {
    let mut pty = start();
    assert_eq!(pty.screen(vt100::Screen::mouse_protocol_mode), vt100::MouseProtocolMode::None);
    let mut with_mouse = ready(spawn(25).env(MOUSE, "1"));
    let mode = with_mouse.screen(vt100::Screen::mouse_protocol_mode);
    assert_eq!(mode, vt100::MouseProtocolMode::ButtonMotion);
    with_mouse.send(b"\x1b[<0;5;3M");
    with_mouse.wait_for_text("keys[mouse]");
    for pty in [&mut pty, &mut with_mouse] {
        pty.keys("q");
        assert_eq!(pty.exit(), 0);
        let mode = pty.screen(vt100::Screen::mouse_protocol_mode);
        assert_eq!(mode, vt100::MouseProtocolMode::None);
    }
}
