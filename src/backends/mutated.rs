//! Documents that were right, after something has happened to their bytes: what a broken proxy, disk or server makes.

use proptest::prelude::*;

/// What happens to some bytes; places are shares of the length, so that one story fits every document.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// One byte is another.
    Byte(u16, u8),
    /// A piece is gone.
    Gone(u16, u8),
    /// A piece comes twice.
    Twice(u16, u8),
    /// The rest is gone.
    Cut(u16),
    /// Something else stands there.
    Put(u16, Vec<u8>),
}

/// A few changes.
pub(super) fn changes() -> impl Strategy<Value = Vec<Change>> {
    let pieces = prop::sample::select(vec![
        "null",
        "-1",
        "1e999",
        "\"\"",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"",
        "\\u0000",
        "\\ud800",
        "99999999999999999999",
        "true",
        "\n",
        "\u{1b}[31m",
        "\u{202e}",
        "-",
        "&a",
        "*a",
        "!!binary",
    ]);
    let change = prop_oneof![
        (any::<u16>(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        (any::<u16>(), any::<u8>()).prop_map(|(at, length)| Change::Gone(at, length)),
        (any::<u16>(), any::<u8>()).prop_map(|(at, length)| Change::Twice(at, length)),
        any::<u16>().prop_map(Change::Cut),
        (any::<u16>(), pieces).prop_map(|(at, piece)| Change::Put(at, piece.into())),
        (any::<u16>(), prop::collection::vec(any::<u8>(), 0..20))
            .prop_map(|(at, bytes)| Change::Put(at, bytes)),
    ];
    prop::collection::vec(change, 0..6)
}

/// The bytes after all that.
pub(super) fn after(document: &str, changes: &[Change]) -> Vec<u8> {
    let mut bytes = document.as_bytes().to_vec();
    for change in changes {
        let place = |at: u16| bytes.len() * usize::from(at) / (usize::from(u16::MAX) + 1);
        let piece = |at: u16, length: u8| {
            let from = place(at);
            from..(from + usize::from(length)).min(bytes.len())
        };
        match change {
            Change::Byte(at, byte) => {
                let at = place(*at);
                bytes.get_mut(at).into_iter().for_each(|old| *old = *byte);
            }
            Change::Gone(at, length) => drop(bytes.drain(piece(*at, *length))),
            Change::Twice(at, length) => {
                let range = piece(*at, *length);
                let (at, again) = (range.start, bytes[range].to_vec());
                drop(bytes.splice(at..at, again));
            }
            Change::Cut(at) => bytes.truncate(place(*at)),
            Change::Put(at, piece) => {
                let at = place(*at);
                drop(bytes.splice(at..at, piece.iter().copied()));
            }
        }
    }
    bytes
}
