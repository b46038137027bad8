//! Kubeconfigs that are broken, missing, unreadable, or lead nowhere.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;

use crate::program::{Answer, Program};

/// What every message about a kubeconfig ends with.
const NEXT: &str = "mend the file named above";

fn get(kubeconfig: impl AsRef<[u8]>) -> Answer {
    Program::new(&["get"]).kubeconfig(kubeconfig).run()
}

/// A whole kubeconfig with this context, user and cluster.
fn config(context: &str, user: &str, cluster: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: east\nclusters:\n- name: east\n  cluster:\n    \
         {cluster}\nusers:\n- name: ada\n  user:\n    {user}\ncontexts:\n- name: east\n  context:\n    \
         {context}\n"
    )
}

const CONTEXT: &str = "{cluster: east, user: ada}";
const USER: &str = "token: t";
const CLUSTER: &str = "server: https://127.0.0.1:9";

#[test]
fn a_file_that_is_none_is_told_with_its_place() {
    let cases: [(&str, Vec<u8>, &[&str]); 10] = [
        ("broken yaml", b"apiVersion: v1\nclusters: [\n: {{{".to_vec(), &["kubeconfig:3:"]),
        ("a wrong type", b"apiVersion: v1\nclusters: 7\n".to_vec(), &["kubeconfig:2:"]),
        ("a list", b"[1, 2]".to_vec(), &["kubeconfig:1:", "not a kubeconfig"]),
        ("a text", b"just words".to_vec(), &["kubeconfig:1:", "not a kubeconfig"]),
        ("empty", Vec::new(), &["no contexts"]),
        ("another kind", b"apiVersion: v9\nkind: Pod\n".to_vec(), &["no contexts"]),
        (
            "no current context",
            b"contexts: [{name: x, context: {cluster: y}}]".to_vec(),
            &["no current-context; name one with --context: x"],
        ),
        ("bytes", b"\x80\x81\xff\x00\x01".to_vec(), &["kubeconfig"]),
        ("deep", "[".repeat(100_000).into_bytes(), &["kubeconfig"]),
        ("billions of laughs", laughs().into_bytes(), &["kubeconfig"]),
    ];
    for (_what, content, words) in cases {
        get(content).code(2).says(words).says(&[NEXT]).prints_nothing();
    }
}

/// Few bytes that a trusting reader of YAML makes gigabytes of.
fn laughs() -> String {
    let mut text = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..12 {
        let below = format!("*a{}", level - 1);
        let below = vec![below; 9].join(", ");
        writeln!(text, "a{level}: &a{level} [{below}]").unwrap();
    }
    text
}

#[test]
fn secrets_of_a_broken_kubeconfig_are_not_quoted() {
    let answer = get("users:\n- name: ada\n  user:\n    token: [SECRETSECRET\n  - x: : y\n");
    answer.code(2).says(&[NEXT]);
    assert!(!answer.err.contains("SECRET"), "{}", answer.err);
}

#[test]
fn a_path_that_is_no_readable_file_is_told() {
    let run = |path: &str| {
        let program = Program::new(&["get", "--kubeconfig", path]);
        let program = program.file("secret", "x").file("folder/x", "x");
        let secret = program.path("secret");
        std::fs::set_permissions(secret, std::fs::Permissions::from_mode(0o000)).unwrap();
        program.run()
    };
    run("missing").code(2).says(&["missing: No such file", NEXT]);
    run("folder").code(2).says(&["folder: not a regular file", NEXT]);
    run("/dev/zero").code(2).says(&["/dev/zero: not a regular file", NEXT]);
    // Root may read it all the same, and finds no kubeconfig in it.
    run("secret").code(2).says(&["secret", NEXT]);
    let program = Program::new(&["get"]).env("KUBECONFIG", "one:two");
    program.run().code(2).says(&["KUBECONFIG names no file that exists: one, two", NEXT]);
}

#[test]
fn a_pipe_is_not_waited_for() {
    let program = Program::new(&["get", "--kubeconfig", "pipe"]);
    let made = std::process::Command::new("mkfifo").arg(program.path("pipe")).status().unwrap();
    assert!(made.success());
    program.run().code(2).says(&["pipe: not a regular file", NEXT]);
}

#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let program = Program::new(&["get"]).kubeconfig("x");
    let file = std::fs::File::options().write(true).open(program.path("kubeconfig")).unwrap();
    // 8 GiB that take no room.
    file.set_len(8 << 30).unwrap();
    program.run().code(2).says(&["kubeconfig: larger than 8 MiB", NEXT]);
}

#[test]
fn without_any_kubeconfig_it_says_how_to_name_one_and_offers_the_demo() {
    let words = ["no kubeconfig was found", "--kubeconfig", "KUBECONFIG", "pilothouse demo"];
    for args in [&["get"][..], &["status", "web"], &["watch"], &[], &["get", "-o", "json"]] {
        Program::new(args).run().code(2).says(&words).prints_nothing();
    }
    let pause = ["pause", "web", "--reason", "x", "--yes"];
    Program::new(&pause).run().code(2).says(&words).prints_nothing();
}

#[test]
fn a_context_that_is_not_there_is_told_with_those_that_are() {
    for args in [&["get", "--context", "esat"][..], &["status", "web", "--context", "esat"]] {
        let program = Program::new(args).kubeconfig(config(CONTEXT, USER, CLUSTER));
        let answer = program.run();
        answer.code(2).says(&["no context \"esat\"", "there are: east", NEXT]).prints_nothing();
    }
}

#[test]
fn a_part_of_a_context_that_is_wrong_is_told_with_its_line() {
    let pem = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let bad = pem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let cases = [
        (config("{cluster: west, user: ada}", USER, CLUSTER), "names no cluster \"west\""),
        (config(CONTEXT, USER, "server: ''"), "kubeconfig:5: cluster \"east\""),
        (config(CONTEXT, USER, "server: 'not an address'"), "kubeconfig:5:"),
        (config(CONTEXT, USER, "server: ftp://x"), "kubeconfig:5:"),
        (config(CONTEXT, USER, &format!("{CLUSTER}\n    proxy-url: '::::'")), "kubeconfig:5:"),
        (
            config(CONTEXT, USER, &format!("{CLUSTER}\n    certificate-authority: gone.pem")),
            "gone.pem",
        ),
        (
            config(CONTEXT, USER, &format!("{CLUSTER}\n    certificate-authority-data: '!!!'")),
            "kubeconfig:5:",
        ),
        (config(CONTEXT, "tokenFile: gone.token", CLUSTER), "gone.token"),
        (
            config(CONTEXT, "client-certificate: gone.crt", CLUSTER),
            "user \"ada\" has a client certificate but no client key",
        ),
        (
            config(
                CONTEXT,
                &format!("client-certificate-data: {bad}\n    client-key-data: {bad}"),
                CLUSTER,
            ),
            "certificate",
        ),
        (config(CONTEXT, "auth-provider: {name: gcp, config: {}}", CLUSTER), "gcp"),
    ];
    for (config, words) in cases {
        let answer = get(config);
        assert!([2, 5].contains(&answer.code), "{words}: {} {}", answer.code, answer.err);
        answer.says(&[words]).prints_nothing();
    }
}

#[test]
fn an_expired_client_certificate_is_told_with_its_date() {
    let old = include_bytes!("../data/certificates/old.pem");
    let data = base64::engine::general_purpose::STANDARD.encode(old);
    let user = format!("client-certificate-data: {data}\n    client-key-data: {data}");
    for args in [&["get"][..], &["status", "web"], &["pause", "web", "--reason", "x", "--yes"]] {
        let program = Program::new(args).kubeconfig(config(CONTEXT, &user, CLUSTER));
        let answer = program.run();
        answer.says(&["east", "client certificate", "expired on 2021-01-01"]).prints_nothing();
        assert!([5, 7].contains(&answer.code), "{}", answer.code);
    }
}

#[test]
fn one_broken_context_does_not_hide_the_others() {
    let more = "- name: broken\n  context:\n    cluster: gone\n";
    let config = format!("{}{more}", config(CONTEXT, USER, CLUSTER));
    let answer = Program::new(&["doctor", "--all-contexts"]).kubeconfig(config).run();
    let out = String::from_utf8_lossy(&answer.out);
    assert!(
        out.contains("names no cluster \"gone\"") && out.contains("connection refused"),
        "{out}"
    );
}

#[test]
fn doctor_finds_a_wrong_kubeconfig_and_goes_on_with_the_rest() {
    let answer = Program::new(&["doctor"]).kubeconfig("clusters: 7").run();
    let out = String::from_utf8_lossy(&answer.out);
    answer.code(2);
    for words in ["kubeconfig:1:", "audit", "config"] {
        assert!(out.contains(words), "{out}");
    }
}

#[test]
fn hostile_names_of_a_kubeconfig_do_nothing() {
    let name = "\\u001b]52;c;ZXZpbA==\\u0007\\u202e\\u009b31m";
    let long = "x".repeat(10_000);
    let text = format!(
        "current-context: \"{name}\"\ncontexts: [{{name: \"{name}\", context: {{cluster: \"{name}\", \
         namespace: \"{name}\", user: \"{name}\"}}}}, {{name: {long}, context: {{cluster: {long}}}}}]\n\
         clusters: [{{name: \"{name}\", cluster: {{server: 'http://127.0.0.1:9'}}}}]\n\
         users: [{{name: \"{name}\", user: {{exec: {{command: \"{name}\", \
         apiVersion: client.authentication.k8s.io/v1, installHint: \"{name}\"}}}}}}]\n"
    );
    for args in [&["get"][..], &["get", "-o", "json"], &["get", "-o", "yaml"], &["doctor"]] {
        Program::new(args).kubeconfig(&text).run().code(5);
    }
    let answer = Program::new(&["get", "--all-contexts"]).kubeconfig(&text).run();
    assert!(answer.err.len() < 20_000, "{}", answer.err.len());
    Program::new(&["get", "--context", "none"]).kubeconfig(&text).run().code(2);
}
