//! Copying that works over SSH and in tmux.
//!
//! The terminal is asked by OSC 52. Inside tmux with its default settings that is dropped
//! (`reference/terminal.md` §0, finding 8), so tmux itself is asked first; it passes the text on to the terminal.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::domain::text::Text;

/// How long tmux may take. It answers in milliseconds or not at all.
const TMUX_TIME_MAX: Duration = Duration::from_secs(2);

/// The sequence that puts a text into the clipboard of the terminal. A [`Text`] is one clean line of bounded length,
/// so what is pasted later cannot run by itself.
#[must_use]
pub fn sequence(text: &Text) -> Vec<u8> {
    format!("\x1b]52;c;{}\x07", base64(text.as_str().as_bytes())).into_bytes()
}

/// Gives the text to the tmux around us, which keeps it and passes it on (tmux 3.2 and later). False when it did not
/// take it: then [`sequence`] is sent.
pub async fn to_tmux(text: &Text) -> bool {
    let given = tokio::time::timeout(TMUX_TIME_MAX, load_buffer(text));
    given.await.is_ok_and(|given| given.unwrap_or(false))
}

async fn load_buffer(text: &Text) -> std::io::Result<bool> {
    let mut tmux = Command::new("tmux")
        .args(["load-buffer", "-w", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut input) = tmux.stdin.take() {
        input.write_all(text.as_str().as_bytes()).await?;
    }
    Ok(tmux.wait().await?.success())
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * place) & 0x3f).unwrap_or(0);
            let is_padding = place > chunk.len();
            text.push(if is_padding { '=' } else { char::from(DIGITS[digit]) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_sent_in_base64() {
        for (raw, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("payments/api", "cGF5bWVudHMvYXBp"),
            ("ü", "w7w="),
        ] {
            assert_eq!(base64(raw.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xff, 0xef, 0xbe]), "/+++");
    }

    #[test]
    fn nothing_of_a_text_can_end_the_sequence_early() {
        let sent = sequence(&Text::clean("a\x07\x1b]52;c;?\x07"));
        assert!(sent.starts_with(b"\x1b]52;c;") && sent.ends_with(b"\x07"));
        let controls = sent.iter().filter(|byte| byte.is_ascii_control()).count();
        assert_eq!(controls, 2);
    }
}
