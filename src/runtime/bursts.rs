//! Tells pasted text from typed keys on terminals that do not bracket a paste, and gives everything its time.
//!
//! A person types one key per read; a slow line may bring a few together. Text with several lines in one piece, or a
//! long one, was not typed. It must not become commands: the `a` of a pasted word would be *abort*.

use std::time::Duration;

use crate::app::input::Input;
use crate::app::key::{Key, KeyCode};
use crate::domain::observed::{Timestamp, age};
use crate::domain::text::Text;
use crate::runtime::keys::{Answer, Heard};

/// So many keys in one piece, and of several kinds, were not typed: 6 seconds of a fast typist on a stuck line.
const PIECE_KEYS_MIN: usize = 64;

/// A held key repeats; text has more letters than this.
const PIECE_KINDS_MIN: usize = 6;

/// With a line break inside, so much text on both of its sides is enough.
const LINE_KEYS_MIN: usize = 3;

/// What follows a piece within this time belongs to it: a paste is cut by the size of a read.
const PIECE_GAP_MAX: Duration = Duration::from_millis(30);

/// Remembers whether a pasted piece is still coming.
#[derive(Debug, Default)]
pub(crate) struct Bursts {
    pasting_at: Option<Timestamp>,
}

impl Bursts {
    /// Sorts what was heard in one piece at `now`. Answers go to `answered` and no further.
    pub(crate) fn sort(
        &mut self,
        heard: Vec<Heard>,
        now: Timestamp,
        mut answered: impl FnMut(Answer),
    ) -> Vec<Input> {
        let mut inputs = Vec::new();
        let mut run = Vec::new();
        let last = heard.len();
        for (index, one) in heard.into_iter().enumerate() {
            if let Heard::Key(key) = one
                && written(key).is_some()
            {
                run.push(key);
                if index + 1 == last {
                    self.end_run(&mut run, now, &mut inputs);
                }
                continue;
            }
            self.end_run(&mut run, now, &mut inputs);
            self.pasting_at = None;
            inputs.extend(input(one, now, &mut answered));
        }
        inputs
    }

    fn end_run(&mut self, run: &mut Vec<Key>, now: Timestamp, inputs: &mut Vec<Input>) {
        if run.is_empty() {
            return;
        }
        let goes_on = self.pasting_at.is_some_and(|at| age(at, now) < PIECE_GAP_MAX);
        if goes_on || looks_pasted(run) {
            let text: String = run.iter().filter_map(|key| written(*key)).collect();
            inputs.push(Input::Paste(pasted(text.as_bytes()), now));
            self.pasting_at = Some(now);
        } else {
            inputs.extend(run.iter().map(|key| Input::Key(*key, now)));
            self.pasting_at = None;
        }
        run.clear();
    }
}

fn input(heard: Heard, now: Timestamp, answered: &mut impl FnMut(Answer)) -> Option<Input> {
    match heard {
        Heard::Key(key) => Some(Input::Key(key, now)),
        Heard::Paste(bytes) => Some(Input::Paste(pasted(&bytes), now)),
        Heard::Mouse(mouse) => Some(Input::Mouse(mouse, now)),
        Heard::Background(background) => Some(Input::Background(background)),
        Heard::FocusGained => Some(Input::FocusGained),
        Heard::FocusLost => Some(Input::FocusLost),
        Heard::Answer(answer) => {
            answered(answer);
            None
        }
    }
}

/// The character that a key stands for in a pasted text.
fn written(key: Key) -> Option<char> {
    if key == Key::plain(KeyCode::Enter) || key == Key::ctrl('j') {
        return Some('\n');
    }
    if key == Key::plain(KeyCode::Tab) { Some('\t') } else { key.text() }
}

fn looks_pasted(run: &[Key]) -> bool {
    let is_break = |key: &&Key| written(**key) == Some('\n');
    let first = run.iter().position(|key| is_break(&key)).unwrap_or(run.len());
    let last = run.iter().rposition(|key| is_break(&key)).unwrap_or(0);
    let before = first;
    let after = run.get(first..).map_or(0, |rest| rest.iter().filter(|key| !is_break(key)).count());
    let lines = last > 0 && before >= LINE_KEYS_MIN && after >= LINE_KEYS_MIN;
    lines || (run.len() >= PIECE_KEYS_MIN && kinds(run) >= PIECE_KINDS_MIN)
}

fn kinds(run: &[Key]) -> usize {
    let mut keys = run.to_vec();
    keys.sort_unstable();
    keys.dedup();
    keys.len()
}

/// Terminals send line breaks as carriage returns. Those at the end are gone: they are how a line is selected.
fn pasted(bytes: &[u8]) -> Text {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\r', "\n");
    Text::clean(text.trim_end_matches('\n'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(text: &str) -> Vec<Heard> {
        let key = |c: char| match c {
            '\n' => Key::plain(KeyCode::Enter),
            c => Key::char(c),
        };
        text.chars().map(|c| Heard::Key(key(c))).collect()
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_millis(ms)
    }

    fn spelled(inputs: &[Input]) -> String {
        let spell = |input: &Input| match input {
            Input::Key(key, _) => key.to_string(),
            Input::Paste(text, _) => format!("[{text}]"),
            Input::Mouse(..)
            | Input::Resize { .. }
            | Input::Background(_)
            | Input::FocusGained
            | Input::FocusLost
            | Input::Resumed(_)
            | Input::Hangup => format!("{input:?}"),
        };
        inputs.iter().map(spell).collect::<Vec<_>>().join(" ")
    }

    fn sorted(text: &str) -> String {
        spelled(&Bursts::default().sort(keys(text), at(0), |_| {}))
    }

    #[test]
    fn what_a_person_types_stays_keys() {
        for (text, want) in [
            ("j", "j"),
            ("jk", "j k"),
            ("yes\n", "y e s enter"),
            ("\n\n\n", "enter enter enter"),
            ("a\nb\n", "a enter b enter"),
            (&"j".repeat(200), &vec!["j"; 200].join(" ")),
        ] {
            assert_eq!(sorted(text), want);
        }
        assert_eq!(sorted("payments/api\n").matches("enter").count(), 1);
    }

    #[test]
    fn text_in_one_piece_is_a_paste() {
        for (text, want) in [
            ("one\ntwo", "[one␤two]"),
            ("kubectl get pods\nyes\n", "[kubectl get pods␤yes]"),
            (&"the quick brown fox ".repeat(4), &format!("[{}]", "the quick brown fox ".repeat(4))),
        ] {
            assert_eq!(sorted(text), want);
        }
    }

    #[test]
    fn a_paste_cut_by_a_read_is_a_paste_to_its_end() {
        let mut bursts = Bursts::default();
        let long = "abcdefgh".repeat(20);
        assert!(spelled(&bursts.sort(keys(&long), at(0), |_| {})).starts_with('['));
        assert_eq!(spelled(&bursts.sort(keys("y\n"), at(10), |_| {})), "[y]");
        assert_eq!(spelled(&bursts.sort(keys("y"), at(60), |_| {})), "y");
    }

    #[test]
    fn answers_go_to_the_terminal_and_no_further() {
        let mut answers = Vec::new();
        let heard = vec![Heard::Answer(Answer::Attributes), Heard::FocusGained];
        let inputs = Bursts::default().sort(heard, at(0), |answer| answers.push(answer));
        assert_eq!((inputs, answers), (vec![Input::FocusGained], vec![Answer::Attributes]));
    }

    #[test]
    fn a_bracketed_paste_is_cleaned_and_loses_the_line_breaks_at_its_end() {
        for (bytes, want) in [
            (&b"payments/api\r\n"[..], "payments/api"),
            (b"a\rb\r", "a␤b"),
            (b"\x1b[31mred", "^[[31mred"),
            (b"\xff", "\u{fffd}"),
        ] {
            assert_eq!(pasted(bytes).as_str(), want);
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_the_order_is_kept(text in "[a-z\n ]{0,120}") {
            let inputs = Bursts::default().sort(keys(&text), at(0), |_| {});
            let mut back = String::new();
            for input in &inputs {
                if let Input::Key(key, _) = input {
                    back.extend(written(*key));
                } else if let Input::Paste(pasted, _) = input {
                    back.push_str(&pasted.as_str().replace('␤', "\n"));
                }
            }
            prop_assert_eq!(back.trim_end_matches('\n'), text.trim_end_matches('\n'));
        }
    }
}
