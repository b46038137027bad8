//! Outputs that take nothing: a closed pipe, a full disk. The code tells the truth, and nothing panics on its way out.

use std::fs::OpenOptions;
use std::process::Stdio;

use crate::program::Program;

fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

/// A pipe whose reader is gone, as `| head -0`.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// Every command that prints something without a cluster.
const PRINTING: [&[&str]; 7] = [
    &["themes"],
    &["keys"],
    &["config"],
    &["config", "--example"],
    &["completions", "bash"],
    &["--help"],
    &["--version"],
];

#[test]
fn a_reader_that_has_had_enough_is_no_fault() {
    for args in PRINTING {
        let answer = Program::new(args).stdout(closed()).run();
        assert_eq!(answer.code(0).err, "", "{args:?}");
    }
}

#[test]
fn an_output_without_room_is_told() {
    for args in PRINTING {
        let answer = Program::new(args).stdout(full()).run();
        answer.code(1).says(&["cannot write the output", "No space left"]);
    }
}

#[test]
fn an_error_output_that_takes_nothing_changes_no_code() {
    let cases: [(&[&str], i32); 5] = [
        (&["get"], 2),
        (&["get", "--context", "x"], 2),
        (&["nonsense"], 2),
        (&["config", "--config", "missing.toml"], 2),
        (&["audit", "show"], 0),
    ];
    for (args, code) in cases {
        Program::new(args).stderr(full()).run().code(code);
        Program::new(args).stderr(closed()).run().code(code);
    }
    Program::new(&["themes"]).stdout(full()).stderr(full()).run().code(1);
}
