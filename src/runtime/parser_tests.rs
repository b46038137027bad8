//! What the parser promises, by table and by property.

use std::time::Duration;

use proptest::prelude::*;

use crate::app::key::{Key, KeyCode};
use crate::domain::observed::Timestamp;
use crate::runtime::keys::{Answer, Heard};
use crate::runtime::parser::{PASTE_BYTES_MAX, Parser};

const HOLD: Duration = Duration::from_millis(25);

fn at(ms: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_millis(ms)
}

/// Feeds pieces at their times, lets silence speak in between and at the end, and spells what was heard.
fn spelled(hold: Duration, pieces: &[(u64, &[u8])]) -> Vec<String> {
    let mut parser = Parser::new(hold);
    let mut heard = Vec::new();
    for (ms, piece) in pieces {
        while let Some(due) = parser.deadline().filter(|due| *due <= at(*ms)) {
            parser.expire(due, &mut heard);
        }
        parser.feed(piece, at(*ms), &mut heard);
    }
    while let Some(due) = parser.deadline() {
        parser.expire(due, &mut heard);
    }
    heard.iter().map(spell).collect()
}

fn spell(heard: &Heard) -> String {
    match heard {
        Heard::Key(key) => key.to_string(),
        Heard::Paste(text) => format!("paste:{}", String::from_utf8_lossy(text)),
        Heard::Mouse(mouse) => format!("mouse:{:?}", mouse.act),
        Heard::Background(background) => format!("{background:?}"),
        Heard::FocusGained => "focus".into(),
        Heard::FocusLost => "blur".into(),
        Heard::Answer(answer) => format!("{answer:?}"),
    }
}

#[test]
fn bytes_mean_keys() {
    for (bytes, want) in [
        (&b"a"[..], &["a"][..]),
        (b"A", &["A"]),
        (b" ", &["space"]),
        (b"\r", &["enter"]),
        (b"\n", &["ctrl-j"]),
        (b"\t", &["tab"]),
        (b"\x7f", &["backspace"]),
        (b"\x08", &["ctrl-h"]),
        (b"\x03", &["ctrl-c"]),
        (b"\x1a", &["ctrl-z"]),
        (b"\x00", &["ctrl-space"]),
        (b"\x1c", &["ctrl-\\"]),
        (b"\x1f", &["ctrl-_"]),
        (b"\x1b", &["esc"]),
        (b"\x1b\x1b", &["esc", "esc"]),
        (b"\x1b\x1b[A", &["esc", "up"]),
        (b"\x1bx", &["alt-x"]),
        (b"\x1b\r", &["alt-enter"]),
        (b"\x1b\x7f", &["alt-backspace"]),
        ("ü漢".as_bytes(), &["ü", "漢"]),
        ("\x1bé".as_bytes(), &["alt-é"]),
        (b"\x1b[A\x1bOB\x1b[[A\x1bOP\x1b[1;5C", &["up", "down", "f1", "f1", "ctrl-right"]),
        (b"\x1bOM", &["enter"]),
        (b"\x1b[Z", &["shift-tab"]),
        (b"\x1b[I\x1b[O", &["focus", "blur"]),
        (b"\x1b[<0;1;1M", &["mouse:Press(Left)"]),
        (b"x\x1b[200~yes\rno\x1b[201~z", &["x", "paste:yes\rno", "z"]),
        (b"\x1b[200~a\x1b[20\x1b[201~", &["paste:a\x1b[20"]),
        (b"\x1b[200~\x1b\x1b[201~", &["paste:\x1b"]),
        (b"\x1b[200~\x1b[201~", &["paste:"]),
    ] {
        assert_eq!(spelled(HOLD, &[(0, bytes)]), want, "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn answers_and_noise_are_eaten() {
    for bytes in [
        &b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\"[..],
        b"\x1b]52;c;eSB5IHkgeSBqamo=\x07",
        b"\x1b]lwindow title\x1b\\",
        b"\x1b[12;40R",
        b"\x1b[>41;390;0c",
        b"\x1bP1$r0m\x1b\\",
        b"\x1bP>|XTerm(390)\x1b\\",
        b"\x1bP1+r5443=\x1b\\",
        b"\x1b_Gi=1;OK\x1b\\",
        b"\x1b[?1;2S",
        b"\x1b[8;24;80t",
        b"\x1b[M a!",
        b"\x1b[201~",
        b"\x1b[5q",
        b"\x1bOz",
        b"\x1b[",
        b"\x1bO",
        b"\x1b]",
        b"\x1b]11;rgb:ff",
        b"\x1bP",
        b"\xff\xfe\x80\xc0\xaf",
        b"\xc2\x9b",
        b"\xe2\x82",
        b"\xed\xa0\x80",
    ] {
        assert_eq!(spelled(HOLD, &[(0, bytes)]), [""; 0], "{:?}", String::from_utf8_lossy(bytes));
        let keys = spelled(HOLD, &[(0, bytes), (5_000, b"j")]);
        assert_eq!(keys, ["j"], "the keyboard is alive after {:?}", String::from_utf8_lossy(bytes));
    }
    let long = format!("\x1b[{}A", "1;".repeat(500));
    assert_eq!(spelled(HOLD, &[(0, long.as_bytes()), (1, b"j")]), ["j"]);
}

#[test]
fn a_late_answer_about_the_background_is_heard_between_keys() {
    let bytes =
        b"j\x1b]11;rgb:ffff/ffff/ffff\x1b\\k\x1b[?2026;2$y\x1b[?0u\x1b[?62;22cl\x1b[?997;1n";
    assert_eq!(
        spelled(HOLD, &[(0, bytes)]),
        ["j", "Light", "k", "SynchronizedUpdate", "KittyKeyboard", "Attributes", "l", "Dark"]
    );
}

#[test]
fn a_sequence_torn_within_the_hold_is_one_key() {
    for gap in [1, 24] {
        let pieces: [(u64, &[u8]); 3] = [(0, b"\x1b"), (gap, b"["), (gap * 2, b"A")];
        assert_eq!(spelled(HOLD, &pieces), ["up"], "{gap} ms");
    }
    let slow = Duration::from_millis(100);
    assert_eq!(spelled(slow, &[(0, b"\x1b"), (60, b"[A")]), ["up"]);
    assert_eq!(spelled(HOLD, &[(0, b"\x1b["), (900, b"1;5"), (1_800, b"A")]), ["ctrl-up"]);
}

#[test]
fn the_rest_of_a_sequence_torn_beyond_the_hold_is_never_a_key() {
    for rest in [
        &b"[A"[..],
        b"OA",
        b"[1;5A",
        b"[97;5u",
        b"[<0;1;1M",
        b"]52;c;eQ==\x07",
        b"P1$r0m\x1b\\",
        b"_Gi=1\x1b\\",
    ] {
        let pieces: [(u64, &[u8]); 3] = [(0, b"\x1b"), (60, rest), (700, b"j")];
        let name = String::from_utf8_lossy(rest);
        assert_eq!(spelled(HOLD, &pieces), ["esc", "j"], "{name}");
        for cut in 1..rest.len() {
            let pieces =
                [(0, &b"\x1b"[..]), (60, &rest[..cut]), (400, &rest[cut..]), (2_000, b"j")];
            assert_eq!(spelled(HOLD, &pieces), ["esc", "j"], "{name} cut at {cut}");
        }
    }
}

#[test]
fn a_torn_paste_is_still_a_paste_and_a_torn_answer_still_an_answer() {
    assert_eq!(
        spelled(HOLD, &[(0, b"\x1b"), (60, b"[200~ay\x1b"), (700, b"[201~")]),
        ["esc", "paste:ay"]
    );
    let answer = [(0, &b"\x1b"[..]), (60, b"]11;rgb:0/0/0\x07")];
    assert_eq!(spelled(HOLD, &answer), ["esc", "Dark"]);
}

#[test]
fn a_line_that_tears_makes_the_parser_wait_longer_up_to_its_limit() {
    let mut parser = Parser::new(HOLD);
    let mut heard = Vec::new();
    let mut ms = 0;
    for hold in [50, 100, 200, 200] {
        parser.feed(b"\x1b", at(ms), &mut heard);
        parser.expire(at(ms + 300), &mut heard);
        parser.feed(b"[A", at(ms + 310), &mut heard);
        assert_eq!(parser.hold(), Duration::from_millis(hold));
        ms += 10_000;
    }
    assert!(heard.iter().all(|one| *one == Heard::Key(Key::plain(KeyCode::Esc))));
}

#[test]
fn keys_long_after_an_esc_are_keys() {
    assert_eq!(spelled(HOLD, &[(0, b"\x1b"), (600, b"[")]), ["esc", "["]);
    assert_eq!(spelled(HOLD, &[(0, b"\x1b"), (60, b"j"), (80, b"O")]), ["esc", "j", "O"]);
}

#[test]
fn a_string_that_never_ends_gives_the_keyboard_back() {
    assert_eq!(spelled(HOLD, &[(0, b"\x1b]11;rgb:"), (10, b"\r")]), ["enter"]);
    assert_eq!(spelled(HOLD, &[(0, b"\x1b]11;rgb:"), (10, b"\x1b[A")]), ["up"]);
    assert_eq!(spelled(HOLD, &[(0, b"\x1b]11;rgb:"), (1_500, b"j")]), ["j"]);
    assert_eq!(spelled(HOLD, &[(0, b"\x1b]"), (10, b"j")]), ["j"]);
}

#[test]
fn a_paste_that_loses_its_end_is_given_after_a_while_and_is_bounded() {
    assert_eq!(
        spelled(HOLD, &[(0, b"\x1b[200~abc"), (2_900, b"d"), (9_000, b"j")]),
        ["paste:abcd", "j"]
    );
    let mut parser = Parser::new(HOLD);
    let mut heard = Vec::new();
    parser.feed(b"\x1b[200~", at(0), &mut heard);
    parser.feed(&vec![b'x'; 2 * PASTE_BYTES_MAX], at(1), &mut heard);
    parser.feed(b"\x1b[201~j", at(2), &mut heard);
    assert!(
        matches!(&heard[..], [Heard::Paste(text), Heard::Key(_)] if text.len() == PASTE_BYTES_MAX)
    );
}

#[test]
fn nothing_is_due_while_nothing_is_held() {
    let mut parser = Parser::new(HOLD);
    let mut heard = Vec::new();
    assert_eq!(parser.deadline(), None);
    parser.feed(b"j\x1b[A", at(0), &mut heard);
    assert_eq!(parser.deadline(), None);
    parser.feed(b"\x1b", at(0), &mut heard);
    assert_eq!(parser.deadline(), Some(at(25)));
    assert_eq!(spell(&Heard::Answer(Answer::Attributes)), "Attributes");
}

/// Pieces that terminals really send, and noise.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        &b"\x1b[A"[..],
        b"\x1b[1;5C",
        b"\x1bOP",
        b"\x1b[[B",
        b"\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\",
        b"\x1b]52;c;aGk=\x07",
        b"\x1b[200~paste y\r\x1b[201~",
        b"\x1b[<0;5;5M",
        b"\x1b[M !!",
        b"\x1bP>|x\x1b\\",
        b"\x1b[97;5u",
        b"\x1b[12;3R",
        b"\x1b",
        b"\x1bx",
        b"jk",
        b"\xc3\xbc",
        b"\xe6\xbc\xa2",
        b"\r",
        b"[",
        b"O",
    ]);
    let noise = prop::collection::vec(any::<u8>(), 0..8);
    let piece = prop_oneof![4 => known.prop_map(<[u8]>::to_vec), 1 => noise];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn heard_in_pieces(bytes: &[u8], cuts: &[prop::sample::Index]) -> (Vec<Heard>, Option<Timestamp>) {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    let mut parser = Parser::new(HOLD);
    let mut heard = Vec::new();
    for pair in places.windows(2) {
        parser.feed(&bytes[pair[0]..pair[1]], at(0), &mut heard);
    }
    (heard, parser.deadline())
}

proptest! {
    #[test]
    fn any_split_of_the_bytes_means_the_same(
        bytes in stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        prop_assert_eq!(heard_in_pieces(&bytes, &cuts), heard_in_pieces(&bytes, &[]));
    }

    #[test]
    fn no_bytes_at_no_times_make_it_panic_or_stay_deaf(
        pieces in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..12), 0u64..1_200), 0..40),
    ) {
        let mut parser = Parser::new(HOLD);
        let mut heard = Vec::new();
        let mut ms = 0;
        for (bytes, pause) in &pieces {
            ms += pause;
            parser.feed(bytes, at(ms), &mut heard);
        }
        heard.clear();
        parser.feed(b"", at(ms + 4_000), &mut heard);
        heard.clear();
        parser.feed(b"j", at(ms + 4_000), &mut heard);
        prop_assert_eq!(heard, vec![Heard::Key(Key::char('j'))]);
    }

    #[test]
    fn a_torn_known_sequence_gives_at_most_an_esc(
        cut in 1usize..7, gap in 25u64..480,
        sequence in prop::sample::select(vec!["\x1b[A", "\x1bOA", "\x1b[1;5A", "\x1b[97;5u", "\x1b[15~", "\x1b[12;3R"]),
    ) {
        let bytes = sequence.as_bytes();
        let cut = cut.min(bytes.len());
        let whole = spelled(HOLD, &[(0, bytes)]);
        let torn = spelled(HOLD, &[(0, &bytes[..cut]), (gap, &bytes[cut..])]);
        if cut == 1 {
            prop_assert_eq!(torn, ["esc"]);
        } else {
            prop_assert_eq!(torn, whole);
        }
    }
}
