//! What holds for every exposition, however it is written or cut.

use proptest::prelude::*;

use super::format::Format;
use super::ledger::{Ledger, Loss};
use super::reader::{Found, LINE_BYTES_MAX, Reader};

type Told = (Ledger, Vec<String>);

fn read<'a>(format: Format, pieces: impl IntoIterator<Item = &'a [u8]>) -> Told {
    let mut told = Vec::new();
    let mut found = |found: Found<'_>| told.push(format!("{found:?}"));
    let mut reader = Reader::new(format);
    for piece in pieces {
        reader.push(piece, &mut found);
    }
    let ledger = reader.finish(&mut found);
    (ledger, told)
}

fn keys(text: &str) -> Vec<u64> {
    let mut keys = Vec::new();
    let mut found = |found: Found<'_>| {
        if let Found::Sample(sample) = found {
            keys.push(sample.key);
        }
    };
    let mut reader = Reader::new(Format::Text);
    reader.push(text.as_bytes(), &mut found);
    reader.finish(&mut found);
    keys
}

#[test]
fn the_key_of_a_series_is_that_of_all_its_labels_in_any_order_and_not_of_its_value() {
    let one = keys("a{x=\"1\",y=\"2\"} 1\n");
    assert_eq!(one, keys("a { y=\"2\", x=\"1\", } 99 123\n"));
    for other in
        ["a{x=\"2\",y=\"1\"} 1\n", "b{x=\"1\",y=\"2\"} 1\n", "a{x=\"1\"} 1\n", "a{xy=\"12\"} 1\n"]
    {
        assert_ne!(one, keys(other), "{other}");
    }
}

#[test]
fn a_line_of_any_length_is_bounded() {
    let of = |length: usize| format!("a{{x=\"{}\"}} 1\nb 2\n", "y".repeat(length - 9));
    for (length, lost) in [(LINE_BYTES_MAX, 0), (LINE_BYTES_MAX + 1, 1), (3 * LINE_BYTES_MAX, 1)] {
        let text = of(length);
        let whole = read(Format::Text, [text.as_bytes()]);
        assert_eq!((whole.0.lost(), whole.0.samples), (lost, 2 - lost), "{length}");
        assert!(whole.0.lost.keys().all(|loss| *loss == Loss::TooLong));
        assert_eq!(whole, read(Format::Text, text.as_bytes().chunks(1_000)), "{length}");
        assert!(whole.1.iter().all(|told| told.len() < 3 * LINE_BYTES_MAX));
    }
}

/// Text that looks like an exposition now and then.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let scraps = prop::sample::select(vec![
        "a",
        "b_total",
        "{",
        "}",
        "\"",
        "\\",
        "=",
        ",",
        " ",
        "\t",
        "\n",
        "\r\n",
        "#",
        "# EOF\n",
        "le",
        "\"+Inf\"",
        "1",
        "2.5",
        "NaN",
        "\0",
        "ü",
        "# TYPE a counter\n",
        "a{x=\"1\"} 1\n",
        "b 2 3\n",
        "\\n",
        "\\\"",
    ]);
    let scrap = prop_oneof![
        9 => scraps.prop_map(|scrap| scrap.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(scrap, 0..60).prop_map(|scraps| scraps.concat())
}

fn formats() -> impl Strategy<Value = Format> {
    prop_oneof![Just(Format::Text), Just(Format::OpenMetrics)]
}

proptest! {
    #[test]
    fn every_line_is_accounted_for(text in texts(), format in formats()) {
        let (ledger, told) = read(format, [text.as_slice()]);
        prop_assert_eq!(ledger.lines, text.split_inclusive(|byte| *byte == b'\n').count() as u64);
        let counted = ledger.blank + ledger.comments + ledger.samples + ledger.lost();
        prop_assert_eq!(ledger.lines, counted);
        prop_assert_eq!(told.len() as u64, ledger.samples + ledger.lost());
        prop_assert_eq!(ledger.bytes, text.len() as u64);
    }

    #[test]
    fn pieces_may_be_cut_anywhere(text in texts(), format in formats(), size in 1_usize..9) {
        prop_assert_eq!(read(format, [text.as_slice()]), read(format, text.chunks(size)));
    }

    #[test]
    fn what_is_written_by_the_rules_is_read_back(
        labels in prop::collection::btree_map("[a-z_][a-z0-9_]{0,5}", ".{0,12}", 0..5),
        value in any::<f64>(),
    ) {
        let escape = |text: &String| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let written: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
        let text = format!("m{{{}}} {value}\n", written.join(","));
        let mut read = Vec::new();
        let mut found = |found: Found<'_>| {
            if let Found::Sample(sample) = found {
                let labels = sample.labels().map(|(name, value)| (name.to_owned(), value.to_owned()));
                read.push((labels.collect(), sample.value.to_bits()));
            }
        };
        let mut reader = Reader::new(Format::Text);
        reader.push(text.as_bytes(), &mut found);
        let ledger = reader.finish(&mut found);
        let is_plain = labels.values().all(|value| !value.contains('\0'));
        if is_plain && !value.is_nan() {
            prop_assert_eq!(ledger.lost(), 0, "{:?}", text);
            prop_assert_eq!(read, vec![(labels, value.to_bits())]);
        }
    }
}
