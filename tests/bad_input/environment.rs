//! Variables that are not set, or say rubbish.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use crate::clusters::World;
use crate::program::{PROGRAM, Program};
use crate::pty::Spawn;

/// What is said of nothing that anybody needs.
const RUBBISH: [(&str, &str); 9] = [
    ("TZ", "Mars/Olympus:rubbish"),
    ("LANG", "C"),
    ("LC_ALL", "xx_YY.rubbish"),
    ("TERM", "rubbish"),
    ("COLUMNS", "many"),
    ("LINES", "-1"),
    ("COLORTERM", "purple"),
    ("COLORFGBG", "x;y;z"),
    ("RUST_LOG", "=====,,"),
];

#[test]
fn rubbish_in_the_environment_changes_nothing() {
    let world = World::scenario("quiet");
    let out = |program: Program| {
        let answer = program.kubeconfig(world.kubeconfig()).run();
        answer.code(0).says(&["no TLS"]);
        String::from_utf8_lossy(&answer.out).into_owned()
    };
    let plain = out(Program::new(&["get"]));
    assert!(plain.lines().count() > 1, "{plain}");
    for (name, value) in RUBBISH {
        assert_eq!(out(Program::new(&["get"]).env(name, value)), plain, "{name}={value}");
    }
    assert_eq!(out(Program::new(&["get"]).without("HOME")), plain, "no HOME");
    assert_eq!(out(Program::new(&["get"]).without("PATH")), plain, "no PATH");
    assert_eq!(out(Program::new(&["get"]).env("HOME", "/dev/null/gone")), plain, "HOME is gone");
}

#[test]
fn settings_that_cannot_be_read_are_told_and_read_only_is_taken_as_meant() {
    let bytes = OsString::from_vec(vec![0xff, 0xfe]);
    let run = |name: &str, value: OsString| Program::new(&["config"]).env(name, value).run();
    let answer = run("PILOTHOUSE_READ_ONLY", bytes.clone());
    answer.code(0).says(&["PILOTHOUSE_READ_ONLY: "]);
    let out = String::from_utf8_lossy(&answer.out).into_owned();
    let line = out.lines().find(|line| line.contains("read_only")).unwrap();
    assert!(line.contains("true"), "{line}");
    run("PILOTHOUSE_REQUEST_TIMEOUT", "soon".into())
        .code(0)
        .says(&["PILOTHOUSE_REQUEST_TIMEOUT: "]);
    run("PILOTHOUSE_CONFIG", bytes).code(2).says(&["cannot read the config file", "--config"]);
    run("PILOTHOUSE_CONFIG", "/dev/null/gone".into())
        .code(2)
        .says(&["/dev/null/gone: Not a directory", "--config"]);
}

#[test]
fn the_screen_begins_and_ends_in_any_environment() {
    let world = World::scenario("quiet");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    std::fs::write(&path, world.kubeconfig()).unwrap();
    let path = path.to_string_lossy().into_owned();
    let set = RUBBISH.map(|(name, value)| vec![format!("{name}={value}")]);
    let cases = set.into_iter().chain([
        vec!["TERM=".to_owned()],
        vec!["TERM=dumb".to_owned()],
        vec!["-u".to_owned(), "TERM".to_owned()],
        vec!["-u".to_owned(), "HOME".to_owned()],
        vec!["HOME=".to_owned()],
        vec!["HOME=/dev/null/gone".to_owned()],
    ]);
    for case in cases {
        let mut args: Vec<&str> = case.iter().map(String::as_str).collect();
        args.extend([PROGRAM, "--keymap", "default"]);
        let mut pty = Spawn::new("env", &args).size(100, 30).env("KUBECONFIG", &path).start();
        pty.wait_for_text("east");
        pty.keys("q");
        assert_eq!(pty.exit(), 0, "{case:?}");
        assert!(pty.modes_are_restored(), "{case:?}");
    }
}
