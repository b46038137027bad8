//! Servers that answer something else than Kubernetes or Prometheus do, or nothing.

use crate::program::Program;
use crate::stub::{Reply, http, json, kubeconfig, serve};

/// What to do where it is no answer of Kubernetes at all.
const BETWEEN: &str = "something between us and the server";

/// What may go wrong with every answer: what it is, the answer, what is said of it, and what to do.
fn cases() -> Vec<(&'static str, Reply, &'static [&'static str])> {
    let html = "<!doctype html><html><title>Log in\u{1b}[31m\u{202e}</title></html>";
    let list = "{\"kind\":\"RolloutList\",\"apiVersion\":\"v1\",\"metadata\":{},\"items\":[{\"meta";
    let evil = "{\"message\":\"\\u001b]0;owned\\u0007\\u202e\"}";
    let page = "content-type: text/html\r\n";
    let elsewhere = "location: http://127.0.0.1:1/login\r\n";

    vec![
        (
            "a login page",
            http("200 OK", page, html),
            &["HTML page \"Log in^[[31m<202E>\"", BETWEEN][..],
        ),
        ("an error page", http("502 Bad Gateway", page, html), &["HTML page", "502", BETWEEN]),
        ("truncated JSON", json("200 OK", list), &["JSON is cut off", BETWEEN]),
        ("an empty answer", json("200 OK", ""), &["an empty answer", BETWEEN]),
        ("no content", http("204 No Content", "", ""), &["an empty answer", BETWEEN]),
        ("another shape", json("200 OK", "[]"), &["", BETWEEN]),
        ("a null", json("200 OK", "null"), &["", BETWEEN]),
        (
            "a fault with words",
            json("500 Internal Server Error", "{\"message\":\"etcd is gone\"}"),
            &["500", "etcd is gone"],
        ),
        ("a fault without", http("503 Service Unavailable", "", ""), &["503"]),
        ("hostile words", json("500 Internal Server Error", evil), &["^[]0;owned^G<202E>"]),
        ("a redirect", http("302 Found", elsewhere, ""), &["302"]),
        (
            "another protocol",
            Reply::Bytes(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()),
            &["cannot connect"],
        ),
        ("bytes", Reply::Bytes((0..=255).cycle().take(9_000).collect()), &["cannot connect"]),
        ("a broken promise", broken(), &["broke off"]),
        ("an end at once", Reply::Nothing, &["cannot connect"]),
    ]
}

/// An answer that ends before its length.
fn broken() -> Reply {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\ncontent-type: application/json\r\n\r\n{";
    Reply::Bytes(head.into())
}

#[test]
fn an_api_server_that_is_none_is_down_with_the_reason_and_a_remedy() {
    for (what, reply, words) in cases() {
        let port = serve(reply);
        let run =
            |args: &[&str]| Program::new(args).env("WHAT", what).kubeconfig(kubeconfig(port)).run();
        let answer = run(&["get"]);
        answer.code(5).says(&["east kubernetes is"]).says(words).prints_nothing();
        run(&["status", "web"]).code(5).says(words).prints_nothing();
        let pause = run(&["pause", "web", "--reason", "x", "--yes"]);
        pause.code(5).says(words).says(&["nothing was sent"]).prints_nothing();
        let list = run(&["get", "-o", "json"]);
        let document = list.code(5).json();
        assert_eq!(document["items"].as_array().map(Vec::len), Some(0), "{what}: {document}");
        assert!(document["sources"][0]["why"].is_string(), "{what}: {document}");
    }
}

#[test]
fn a_login_that_is_refused_has_a_code_of_its_own() {
    let said = "{\"kind\":\"Status\",\"code\":401,\"message\":\"Unauthorized\"}";
    let port = serve(json("401 Unauthorized", said));
    for args in [&["get"][..], &["status", "web"], &["pause", "web", "--reason", "x", "--yes"]] {
        let answer = Program::new(args).kubeconfig(kubeconfig(port)).run();
        answer.code(7).says(&["Unauthorized", "log in again"]).prints_nothing();
    }
    let said = "{\"kind\":\"Status\",\"code\":403,\"message\":\"rollouts is forbidden\"}";
    let port = serve(json("403 Forbidden", said));
    let answer = Program::new(&["get"]).kubeconfig(kubeconfig(port)).run();
    answer.code(7).says(&["no permission to list", "-n", "pilothouse doctor"]).prints_nothing();
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for_without_end() {
    let port = serve(Reply::Silence);
    for args in [&["get"][..], &["status", "web"], &["pause", "web", "--reason", "x", "--yes"]] {
        let args = [args, &["--request-timeout", "1s"]].concat();
        let answer = Program::new(&args).kubeconfig(kubeconfig(port)).run();
        answer.code(5).says(&["east kubernetes is"]).prints_nothing();
    }
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"items\":[\"";
    let port = serve(Reply::Endless(head.into(), vec![b'x'; 64 << 10]));
    let answer = Program::new(&["get"]).kubeconfig(kubeconfig(port)).run();
    answer.code(5).says(&["east kubernetes is", "larger than"]).prints_nothing();
    let head = "HTTP/1.1 200 OK\r\n";
    let port = serve(Reply::Endless(head.into(), b"x-more: and more\r\n".repeat(1_000)));
    let answer = Program::new(&["get"]).kubeconfig(kubeconfig(port)).run();
    answer.code(5).says(&["east kubernetes is"]).prints_nothing();
}

#[test]
fn a_host_without_address_and_a_closed_port_are_told_as_people_say_it() {
    let closed = Program::new(&["get"]).kubeconfig(kubeconfig(9)).run();
    closed.code(5).says(&["connection refused", "check VPN, proxy and address"]).prints_nothing();
    let text = kubeconfig(9).replace("127.0.0.1", "no-such-host.invalid");
    let nowhere = Program::new(&["get"]).kubeconfig(text).run();
    nowhere.code(5).says(&["cannot connect", "check VPN, proxy and address"]).prints_nothing();
}

#[test]
fn a_prometheus_that_is_none_takes_nothing_from_the_fleet() {
    let world = crate::clusters::World::scenario("approval");
    for (what, reply, words) in cases() {
        let url = format!("http://127.0.0.1:{}", serve(reply));
        let run = |args: &[&str]| {
            let args = [args, &["--prometheus", &url]].concat();
            Program::new(&args).env("WHAT", what).kubeconfig(world.kubeconfig()).run()
        };
        let answer = run(&["get", "-o", "json"]);
        let document = answer.code(0).json();
        assert!(!document["items"].as_array().unwrap().is_empty(), "{what}");
        for item in document["items"].as_array().unwrap() {
            for metric in item["metrics"].as_array().into_iter().flatten() {
                assert!(metric["canary"].is_null() && metric["stable"].is_null(), "{what}: {item}");
            }
        }
        answer.says(&["east prometheus is"]);
        let last = words.last().copied().unwrap_or_default();
        assert!(!answer.err.contains("kubernetes is"), "{what} {last}: {}", answer.err);
    }
}
