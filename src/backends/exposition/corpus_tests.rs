//! The corpus of `tests/data/exposition`, file by file, against what was counted by hand.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::format::Format;
use super::ledger::{End, Ledger, Loss};
use super::reader::{Found, Reader};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/exposition")
}

fn read(file: &str) -> (Ledger, BTreeMap<String, f64>) {
    let bytes = std::fs::read(folder().join(file)).unwrap();
    let format = match file.rsplit_once('.') {
        Some((_, "om")) => Format::OpenMetrics,
        _ => Format::Text,
    };
    let mut samples = BTreeMap::new();
    let mut found = |found: Found<'_>| {
        if let Found::Sample(sample) = found {
            let labels: Vec<String> =
                sample.labels().map(|(name, value)| format!("{name}={value}")).collect();
            let at = sample.at.map(|at| format!(" @{}", at.as_millisecond())).unwrap_or_default();
            samples.insert(format!("{} {}{at}", sample.name, labels.join("|")), sample.value);
        }
    };
    let mut reader = Reader::new(format);
    reader.push(&bytes, &mut found);
    (reader.finish(&mut found), samples)
}

/// Lines, blank ones, comments, samples.
type Counts = [u64; 4];

/// Why lines were lost, and the first of them.
type Losses = &'static [(Loss, &'static [u64])];

const CORPUS: &[(&str, Counts, Losses, End)] = &[
    ("valid_go.prom", [21, 1, 6, 14], &[], End::Whole),
    ("valid_blanks.prom", [17, 0, 1, 16], &[], End::Whole),
    ("valid_escapes.prom", [12, 0, 0, 12], &[], End::Whole),
    ("valid_crlf.prom", [4, 0, 1, 3], &[], End::Whole),
    ("valid_empty.prom", [0, 0, 0, 0], &[], End::Whole),
    ("valid_openmetrics.om", [17, 0, 7, 10], &[], End::Whole),
    ("valid_eof_without_break.om", [3, 0, 2, 1], &[], End::Whole),
    (
        "odd_numbers.prom",
        [11, 0, 0, 1],
        &[(Loss::Value, &[1, 2, 3]), (Loss::Timestamp, &[6, 7, 8])],
        End::Whole,
    ),
    (
        "odd_twice.prom",
        [5, 0, 0, 2],
        &[(Loss::LabelTwice, &[4]), (Loss::SeriesTwice, &[2, 3])],
        End::Whole,
    ),
    (
        "odd_names.prom",
        [10, 0, 0, 0],
        &[(Loss::Name, &[1, 4, 10]), (Loss::Labels, &[5, 6, 7]), (Loss::Value, &[2, 3])],
        End::Whole,
    ),
    (
        "odd_labels.prom",
        [13, 0, 0, 0],
        &[(Loss::Labels, &[1, 2, 3]), (Loss::Value, &[9, 10]), (Loss::Rest, &[11, 12])],
        End::Whole,
    ),
    (
        "odd_openmetrics.om",
        [8, 1, 2, 1],
        &[(Loss::Timestamp, &[4, 5]), (Loss::BehindEnd, &[7, 8])],
        End::Whole,
    ),
    ("hostile_login.prom", [9, 0, 1, 0], &[(Loss::Name, &[1, 2, 3])], End::Whole),
    ("hostile_json.prom", [1, 0, 0, 0], &[(Loss::Labels, &[1])], End::Whole),
    (
        "hostile_log.prom",
        [3, 0, 0, 0],
        &[(Loss::Name, &[1]), (Loss::Value, &[2]), (Loss::Timestamp, &[3])],
        End::Whole,
    ),
    ("hostile_zero.prom", [4, 0, 0, 2], &[(Loss::Zero, &[2, 3])], End::Whole),
    ("hostile_utf8.prom", [6, 0, 1, 2], &[(Loss::NotUtf8, &[2, 3, 5])], End::Whole),
    ("hostile_bom.prom", [2, 0, 0, 1], &[(Loss::Name, &[1])], End::Whole),
    ("hostile_gzip.prom", [1, 0, 0, 0], &[(Loss::NotUtf8, &[1])], End::Whole),
    ("hostile_cut.prom", [2, 0, 0, 1], &[(Loss::Torn, &[2])], End::Whole),
    ("hostile_cut.om", [3, 0, 1, 2], &[], End::NoEof),
    ("hostile_terminal.prom", [2, 0, 0, 1], &[(Loss::Name, &[2])], End::Whole),
];

#[test]
fn every_file_is_counted_as_by_hand() {
    for (file, counts, losses, end) in CORPUS {
        let (ledger, _) = read(file);
        let [lines, blank, comments, samples] = *counts;
        let told = [ledger.lines, ledger.blank, ledger.comments, ledger.samples];
        assert_eq!(told, [lines, blank, comments, samples], "{file}: {ledger}");
        let places: Vec<(Loss, &[u64])> =
            ledger.lost.iter().map(|(loss, lost)| (*loss, lost.places.as_slice())).collect();
        assert_eq!(places, losses.to_vec(), "{file}");
        assert_eq!(ledger.end, *end, "{file}");
        assert_eq!(ledger.lost(), lines - blank - comments - samples, "{file}");
    }
}

#[test]
fn no_file_of_the_corpus_is_forgotten() {
    let mut files: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let mut listed: Vec<&str> = CORPUS.iter().map(|(file, ..)| *file).collect();
    listed.sort_unstable();
    assert_eq!(files, listed);
}

#[test]
fn labels_and_timestamps_are_what_was_meant() {
    let (_, samples) = read("valid_escapes.prom");
    for (series, value) in [
        ("http_requests_total path=/users/{id}|code=200", 1.0),
        ("http_requests_total path=a=b,c=d|code=200", 2.0),
        ("http_requests_total path=say \"hi\"|code=200", 3.0),
        ("http_requests_total path=C:\\temp\\|code=200", 4.0),
        ("http_requests_total path=two\nlines|code=200", 5.0),
        ("http_requests_total path=\\d+ stays|code=200", 6.0),
        ("http_requests_total path=|code=200", 7.0),
        ("my.metric label with blanks=x|plain=y", 10.0),
        ("only.name ", 12.0),
    ] {
        assert_eq!(samples.get(series), Some(&value), "{series:?} of {samples:?}");
    }
    let (_, samples) = read("valid_blanks.prom");
    assert_eq!(samples.get("f x=1 @1520879607789"), Some(&6.0), "milliseconds");
    let (_, samples) = read("valid_openmetrics.om");
    assert_eq!(samples.get("http_requests_total code=200 @1520879607789"), Some(&17.0), "seconds");
    assert_eq!(samples.get("http_request_duration_seconds_bucket le=+Inf"), Some(&17.0));
}

#[test]
fn what_was_lost_is_told_with_its_places() {
    let (ledger, _) = read("odd_numbers.prom");
    assert_eq!(
        ledger.to_string(),
        "10 of 11 lines not understood: a value that is no number (line 1, 2, 3 …), \
         a timestamp that is none (line 6, 7, 8 …)"
    );
}
