//! Credential plugins that fail, hang, ask, or print rubbish.

use crate::program::Program;
use crate::pty::Spawn;

/// What every message about a plugin ends with.
const NEXT: &str = "run the login command of this context in a shell";

fn kubeconfig(script: &str, more: &str) -> String {
    let script = serde_json::to_string(script).unwrap();
    format!(
        "current-context: east\ncontexts: [{{name: east, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:9'}}}}]\n\
         users:\n- name: u\n  user:\n    exec:\n      command: /bin/sh\n      args: [-c, {script}]\n      \
         apiVersion: client.authentication.k8s.io/v1\n{more}"
    )
}

#[test]
fn a_plugin_that_gives_no_credential_is_told() {
    let cases = [
        ("echo first >&2; echo second >&2; exit 3", "/bin/sh failed with exit code 3: first"),
        (
            "printf '\\033]52;c;eA==\\007evil\\033[31m\\n' >&2; exit 1",
            "exit code 1: ^[]52;c;eA==^Gevil",
        ),
        ("head -c 100000 /dev/zero | tr '\\0' 'x' >&2; exit 1", "exit code 1"),
        ("kill -9 $$", "by a signal"),
        ("echo rubbish", "printed no ExecCredential"),
        ("head -c 100000 /dev/urandom", "printed no ExecCredential"),
        ("echo '{\"status\":{}}'", "neither a token nor a certificate"),
        (":", "printed"),
        ("read x && exit 0; echo 'no input' >&2; exit 4", "exit code 4: no input"),
    ];
    for (script, words) in cases {
        for args in [&["get"][..], &["status", "web"]] {
            let answer = Program::new(args).kubeconfig(kubeconfig(script, "")).run();
            answer.code(5).says(&["east kubernetes is down", words, NEXT]).prints_nothing();
        }
    }
}

#[test]
fn a_plugin_that_is_not_there_is_told_with_its_hint() {
    let text = kubeconfig("", "      installHint: brew install login\n");
    let text = text.replace("/bin/sh", "/gone/login");
    let answer = Program::new(&["get"]).kubeconfig(text).run();
    answer.code(5).says(&["/gone/login cannot be started", "brew install login", NEXT]);
}

#[test]
fn a_plugin_that_hangs_holds_nobody_up() {
    let hang = kubeconfig("sleep 600 & sleep 600", "");
    for args in [&["get"][..], &["status", "web"], &["pause", "web", "--reason", "x", "--yes"]] {
        let args = [args, &["--request-timeout", "1s"]].concat();
        let answer = Program::new(&args).kubeconfig(&hang).run();
        answer.code(5).says(&["east kubernetes is connecting: no answer yet"]).prints_nothing();
    }
}

#[test]
fn a_plugin_that_insists_on_a_terminal_is_not_run() {
    let text = kubeconfig("exit 0", "      interactiveMode: Always\n");
    let answer = Program::new(&["get"]).kubeconfig(text).run();
    answer.code(5).says(&["wants a terminal", NEXT]);
}

#[test]
fn a_plugin_never_gets_our_terminal() {
    let script = "(echo GRABBED >/dev/tty; stty -echo </dev/tty; read x </dev/tty) 2>/dev/null; \
                  echo asked in vain >&2; exit 7";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    std::fs::write(&path, kubeconfig(script, "")).unwrap();
    let path = path.to_string_lossy().into_owned();
    let home = folder.path().to_string_lossy().into_owned();
    let started = |args: &[&str]| {
        let program = Spawn::new(crate::program::PROGRAM, args);
        program.env("KUBECONFIG", &path).env("HOME", &home).start()
    };
    let mut pty = started(&["get"]);
    assert_eq!(pty.exit(), 5);
    pty.wait_for_text("asked in");
    assert!(!String::from_utf8_lossy(&pty.raw()).contains("GRABBED"), "headless");
    assert!(pty.modes_are_restored());
    let mut pty = started(&[]);
    pty.wait_for_text("asked in");
    pty.keys("q");
    assert_eq!(pty.exit(), 0);
    assert!(!String::from_utf8_lossy(&pty.raw()).contains("GRABBED"), "on the screen");
    assert!(pty.modes_are_restored());
}
