//! Files of the operator that are broken, or are none: what is wrong is told with its line and the nearest right name,
//! and whatever else stands there holds.

use crate::program::{Answer, Program};

/// What stands for a file: its bytes, a folder, a pipe, nothing.
enum Content {
    Bytes(Vec<u8>),
    Folder,
    Pipe,
    Missing,
}

fn put(program: Program, name: &str, content: &Content) -> Program {
    match content {
        Content::Bytes(bytes) => program.file(name, bytes),
        Content::Folder => program.file(&format!("{name}/inside"), ""),
        Content::Missing => program,
        Content::Pipe => {
            let program = program.file(&format!("{name}.beside"), "");
            let made = std::process::Command::new("mkfifo").arg(program.path(name)).status();
            assert!(made.unwrap().success());
            program
        }
    }
}

/// Files that are none, whatever they should be, and what is said of each.
fn no_files() -> Vec<(Content, &'static str)> {
    vec![
        (Content::Missing, "No such file"),
        (Content::Folder, "not an ordinary file"),
        (Content::Pipe, "not an ordinary file"),
        (Content::Bytes(vec![b'#'; 5 << 20]), "larger than"),
        (Content::Bytes(b"# one\n# t\xffwo\n".to_vec()), "not UTF-8"),
    ]
}

/// Where the config folder is.
const CONFIG: &str = ".config/pilothouse";

#[test]
fn a_config_file_that_was_named_and_is_none_is_told_and_nothing_is_done() {
    for (content, words) in no_files() {
        let program = put(Program::new(&["get", "--config", "mine.toml"]), "mine.toml", &content);
        let answer = program.run();
        answer.code(2).says(&["cannot read the config file", "mine.toml: ", words, "--config"]);
        answer.prints_nothing();
    }
}

#[test]
fn a_config_file_of_the_folder_that_is_none_is_told_and_the_rest_goes_on() {
    for (content, words) in no_files() {
        let name = format!("{CONFIG}/config.toml");
        let answer = put(Program::new(&["config"]), &name, &content).run();
        answer.code(0);
        if matches!(content, Content::Missing) {
            assert_eq!(answer.err, "");
        } else {
            answer.says(&["config.toml: ", words, "nothing of it is used"]);
        }
    }
}

fn config(text: &str) -> Answer {
    Program::new(&["config"]).file(&format!("{CONFIG}/config.toml"), text).run()
}

#[test]
fn each_mistake_of_a_config_has_its_line_and_the_nearest_right_name() {
    let cases: [(&str, &[&str]); 9] = [
        ("# x\nthme = \"dark\"\n", &["config.toml:2: no setting thme; did you mean \"theme\"?"]),
        ("theme = 7\n", &["config.toml:1: theme: "]),
        ("\n\n[prometheus.\"*\"]\nurll = \"x\"\n", &["config.toml:4:", "did you mean \"url\"?"]),
        (
            "[prometheus.\"*\"]\nurl = \"not an address\"\n",
            &["config.toml:2: prometheus.\"*\".url: "],
        ),
        ("prometheus = 3\n", &["config.toml:1: prometheus is a table"]),
        ("request_timeout = \"soon\"\n", &["config.toml:1: request_timeout: "]),
        ("color = \"alwyas\"\n", &["config.toml:1: color: "]),
        ("theme = \"dark\"\n= = =\nkeymap = [[[\n", &["config.toml:2: "]),
        (
            "theme = \"\\u001b[31m\\u202e\\nx\"\n\"\\u001b]0;x\\u0007\" = 1\n",
            &["config.toml:2: no setting"],
        ),
    ];
    for (text, words) in cases {
        config(text).code(0).says(words);
    }
}

#[test]
fn a_file_of_another_kind_is_not_answered_with_a_thousand_lines() {
    let answer = config(&"<html> rubbish\n".repeat(3_000));
    assert!(answer.code(0).err.lines().count() < 40, "{}", answer.err);
    let answer = config(&"no_such_setting = 1\n".repeat(2_000));
    assert!(answer.code(0).err.lines().count() < 40, "{}", answer.err);
    config(&format!("theme = {}", "[".repeat(100_000))).code(0).says(&["config.toml:1: "]);
}

#[test]
fn a_read_only_that_cannot_be_read_is_taken_as_meant() {
    for text in ["read_only = \"yes\"\n", "read_only = = true\n", "read_only\n", "read_only = 1\n"]
    {
        let answer = config(text);
        answer.code(0).says(&["config.toml:1: "]);
        let out = String::from_utf8_lossy(&answer.out).into_owned();
        let line = out.lines().find(|line| line.contains("read_only")).unwrap();
        assert!(line.contains("true"), "{text}: {line}");
    }
}

/// Each command with the option that names a file, and the words of what was kept instead.
const LOOKS: [(&str, &str, &str); 2] =
    [("themes", "--theme", "themes"), ("keys", "--keymap", "keymaps")];

#[test]
fn a_theme_or_keymap_that_is_none_is_told_and_ours_is_kept() {
    for (command, option, folder) in LOOKS {
        for (content, words) in no_files() {
            let program = Program::new(&[command, option, "./mine.toml"]);
            let answer = put(program, "mine.toml", &content).run();
            answer.code(0).says(&["mine.toml: ", words, "nothing of it is used"]);
            assert!(answer.out.len() > 100);
            if matches!(content, Content::Missing) {
                continue;
            }
            let name = format!("{CONFIG}/{folder}/mine.toml");
            let answer = put(Program::new(&[command, option, "mine"]), &name, &content).run();
            answer.code(0).says(&["mine.toml: ", words, "nothing of it is used"]);
        }
    }
}

#[test]
fn a_theme_or_keymap_that_is_not_there_is_told_with_the_nearest_one() {
    Program::new(&["themes", "--theme", "drak"])
        .run()
        .code(0)
        .says(&["no theme \"drak\"; kept \"dark\"; did you mean \"dark\"?"]);
    Program::new(&["keys", "--keymap", "vmi"])
        .run()
        .code(0)
        .says(&["no keymap \"vmi\"; kept \"default\"; did you mean \"vim\"?"]);
}

#[test]
fn each_mistake_of_a_theme_or_keymap_has_its_line_and_the_nearest_right_name() {
    let themes: [(&str, &[&str]); 6] = [
        ("[roles]\ndangr = \"red\"\n", &["mine.toml:2: ", "dangr", "did you mean \"danger\"?"]),
        ("[roles]\ndanger = \"rde\"\n", &["mine.toml:2: ", "rde"]),
        ("[roles]\ndanger = 7\n", &["mine.toml:2: ", "must be a text in quotes"]),
        ("# a\ninherits = \"drak\"\n", &["mine.toml:2: no theme \"drak\"", "\"dark\""]),
        ("inherits = \"mine\"\n", &["mine.toml:1: ", "leads back to itself"]),
        ("[roles\n\u{1b}[31m\n", &["mine.toml:1: "]),
    ];
    let keymaps: [(&str, &[&str]); 5] = [
        (
            "[flete]\n\"x\" = \"quit\"\n",
            &["mine.toml:2: ", "no context [flete]", "did you mean \"fleet\"?"],
        ),
        ("[fleet]\n\"x\" = \"qiut\"\n", &["mine.toml:2: ", "no command \"qiut\"", "did you mean"]),
        ("[fleet]\n\"hyper-x\" = \"quit\"\n", &["mine.toml:2: "]),
        ("\"x\" = \"quit\"\n", &["mine.toml:1: ", "outside of a table"]),
        ("[fleet]\n\"x\" = [1\n", &["mine.toml:2: "]),
    ];
    for (text, words) in themes {
        let program = Program::new(&["themes", "--theme", "mine"]);
        let program = program.file(&format!("{CONFIG}/themes/mine.toml"), text);
        program.run().code(0).says(words);
    }
    for (text, words) in keymaps {
        let program = Program::new(&["keys", "--keymap", "mine"]);
        let answer = program.file(&format!("{CONFIG}/keymaps/mine.toml"), text).run();
        answer.code(0).says(words);
        assert!(String::from_utf8_lossy(&answer.out).contains("quit"), "ours stands");
    }
}

#[test]
fn doctor_tells_of_theme_and_keymap_too() {
    let program = Program::new(&["doctor", "--theme", "drak", "--keymap", "vmi"]);
    let answer = program.run();
    let out = String::from_utf8_lossy(&answer.out);
    for words in ["no theme \"drak\"", "no keymap \"vmi\"", "no kubeconfig was found"] {
        assert!(out.contains(words), "{out}");
    }
}

#[test]
fn a_scenario_that_is_none_is_told() {
    for (content, words) in no_files() {
        for serve in [&["--serve"][..], &[]] {
            let args = [&["demo", "--scenario", "./mine.toml"], serve].concat();
            let answer = put(Program::new(&args), "mine.toml", &content).run();
            answer.code(2).says(&["mine.toml: ", words]).prints_nothing();
        }
    }
}

#[test]
fn each_mistake_of_a_scenario_has_its_line_and_the_nearest_right_name() {
    let head = "title = \"x\"\nclusters = [{ name = \"eu\" }]\n";
    let cases: [(String, &[&str]); 6] = [
        (format!("{head}liived = \"3m\"\n"), &["mine.toml:3: ", "did you mean `lived`?"]),
        (format!("{head}lived = \"soon\"\n"), &["mine.toml:3: ", "soon"]),
        (format!("{head}= =\n"), &["mine.toml:3: "]),
        ("title = 7\n".to_owned(), &["mine.toml:1: "]),
        (String::new(), &["mine.toml:1: "]),
        (format!("{head}[[workloads]]\nname = \"a/\u{1b}[31m\u{202e}\"\n"), &["mine.toml:"]),
    ];
    for (text, words) in cases {
        let program = Program::new(&["demo", "--serve", "--scenario", "./mine.toml"]);
        program.file("mine.toml", text).run().code(2).says(words).prints_nothing();
    }
    let answer = Program::new(&["demo", "--serve", "--scenario", "quite"]).run();
    answer.code(2).says(&["no scenario \"quite\"", "Did you mean \"quiet\"?", "or a file"]);
}
