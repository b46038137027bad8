//! Kubeconfigs of all sorts, read as kubectl reads them. What is expected of merging was compared with kubectl 1.36.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::cluster::{Cluster, ClusterSpec, Way};
use super::credentials::Origin;
use super::kubeconfig::{Contexts, Environment, Wanted, contexts};
use crate::domain::feed::Trouble;
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

const SECRET: &str = "s3cr3t-t0ken-that-nobody-may-see";

fn file(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("a file");
    path
}

fn kubeconfig(current: &str, rest: &str) -> String {
    format!("apiVersion: v1\nkind: Config\ncurrent-context: {current}\n{rest}")
}

/// One context with its own cluster and user.
fn entry(name: &str, cluster: &str, user: &str) -> String {
    format!(
        "contexts:\n- name: {name}\n  context: {{cluster: {name}, user: {name}, namespace: {name}-ns}}\n\
         clusters:\n- name: {name}\n  cluster: {{{cluster}}}\n\
         users:\n- name: {name}\n  user: {{{user}}}\n"
    )
}

fn only(path: &Path) -> Wanted {
    Wanted { kubeconfig: Some(path.to_owned()), ..Wanted::default() }
}

fn listed(paths: &[&Path]) -> Wanted {
    let list = std::env::join_paths(paths).expect("paths");
    let environment = Environment { kubeconfig: Some(list), ..Environment::default() };
    Wanted { environment, ..Wanted::default() }
}

fn names(specs: &[ClusterSpec]) -> Vec<&str> {
    specs.iter().map(|spec| spec.name.as_str()).collect()
}

/// The words of what is wrong with a file with one context of this cluster and this user.
fn trouble(cluster: &str, user: &str) -> String {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder, "config", &kubeconfig("a", &entry("a", cluster, user)));
    let specs = contexts(&only(&path)).expect("the file itself is right");
    let words = specs[0].trouble().map(ToString::to_string).unwrap_or_default();
    words.replace(&*folder.path().to_string_lossy(), "DIR")
}

fn access(spec: &ClusterSpec) -> &super::cluster::Access {
    match &spec.way {
        Way::Network(access) => access,
        Way::Mounted(_) => panic!("mounted"),
        Way::Broken(trouble) => panic!("{trouble}"),
    }
}

const SERVER: &str = "server: 'https://10.0.0.1:6443'";

#[test]
fn the_current_context_is_captured_with_its_namespace_and_server() {
    let folder = TempDir::new().expect("a folder");
    let text = kubeconfig("a", &entry("a", SERVER, &format!("token: {SECRET}")));
    let path = file(&folder, "config", &text);
    let wanted = Wanted { impersonate: Some("jane".into()), ..only(&path) };
    let specs = contexts(&wanted).expect("a context");
    assert_eq!(names(&specs), ["a"]);
    let spec = &specs[0];
    assert_eq!(spec.context_namespace.as_str(), "a-ns");
    assert_eq!(spec.server.as_str(), "https://10.0.0.1:6443");
    assert!(matches!(access(spec).origin, Origin::Fixed(_)));
    assert!(access(spec).config.auth_info.token.is_none(), "the token lives in one place");
    assert_eq!(access(spec).config.auth_info.impersonate.as_deref(), Some("jane"));
    assert_eq!(&*spec.cautions, [Text::clean("acts as jane (impersonation)")]);
}

#[test]
fn files_of_a_list_are_merged_and_the_first_that_says_something_wins() {
    let folder = TempDir::new().expect("a folder");
    let one = file(&folder, "one", &kubeconfig("''", &entry("a", "server: 'https://one'", "")));
    let two = file(
        &folder,
        "two",
        &kubeconfig("b", &entry("b", "server: 'https://two'", "").replace("name: b-ns", "name: x")),
    );
    let three =
        file(&folder, "three", &kubeconfig("a", &entry("a", "server: 'https://three'", "")));
    let missing = folder.path().join("missing");
    let mut wanted = listed(&[&one, &missing, &two, &three]);
    assert_eq!(names(&contexts(&wanted).expect("a context")), ["b"]);
    wanted.contexts = Contexts::All;
    let specs = contexts(&wanted).expect("contexts");
    assert_eq!(names(&specs), ["a", "b"]);
    assert_eq!(specs[0].server.as_str(), "https://one:443".trim_end_matches(":443"));
    wanted.contexts = Contexts::Named(vec!["b".into(), "a".into(), "b".into()]);
    assert_eq!(names(&contexts(&wanted).expect("contexts")), ["b", "a"]);
}

#[test]
fn what_is_wrong_with_files_is_told_with_its_place_and_never_with_their_secrets() {
    let folder = TempDir::new().expect("a folder");
    let broken = format!("apiVersion: v1\nusers:\n- name: a\n  user: {{token: {SECRET}\nx: [");
    let wrong = format!("apiVersion: v1\nusers:\n- name: a\n  user: {{token: [{SECRET}]}}\n");
    let broken = file(&folder, "broken", &broken);
    let wrong = file(&folder, "wrong", &wrong);
    let text = file(&folder, "text", "just words");
    let empty = file(&folder, "empty", "");
    let lost = file(&folder, "lost", &kubeconfig("''", &entry("a", SERVER, "")));
    let gone = folder.path().join("gone");
    let unknown = Wanted { contexts: Contexts::Named(vec!["nope".into()]), ..only(&lost) };
    for (wanted, want) in [
        (only(&gone), "DIR/gone: No such file or directory (os error 2)"),
        (only(folder.path()), "DIR: not a regular file"),
        (only(Path::new("/dev/null")), "/dev/null: not a regular file"),
        (only(&broken), "DIR/broken:"),
        (only(&wrong), "DIR/wrong:4:"),
        (only(&text), "DIR/text:"),
        (only(&empty), "DIR/empty: no contexts"),
        (only(&lost), "DIR/lost: no current-context; name one with --context: a"),
        (unknown, "no context \"nope\" in DIR/lost; there are: a"),
        (listed(&[&gone]), "KUBECONFIG names no file that exists: DIR/gone"),
    ] {
        let Err(Trouble::Config(words)) = contexts(&wanted) else { panic!("no error: {want}") };
        let words = words.as_str().replace(&*folder.path().to_string_lossy(), "DIR");
        assert!(words.starts_with(want), "{words}\nis not\n{want}");
        assert!(!words.contains(SECRET), "{words}");
    }
}

#[test]
fn a_file_without_end_is_not_read() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("large");
    let large = std::fs::File::create(&path).expect("a file");
    large.set_len(100 << 20).expect("a large file");
    let words = contexts(&only(&path)).err().expect("an error").to_string();
    assert!(words.ends_with("larger than 8 MiB"), "{words}");
}

#[test]
fn what_is_wrong_with_a_context_stays_with_it_and_has_its_line() {
    for (cluster, user, want) in [
        ("", "", "DIR/config:8: cluster \"a\" has no server"),
        ("server: 'ftp://x'", "", "DIR/config:8: server must be an https address"),
        ("server: 'https://x y'", "", "DIR/config:8: server of cluster \"a\": invalid"),
        (
            "server: 'https://x', certificate-authority: /nope/ca.crt",
            "",
            "DIR/config:8: /nope/ca.crt: No such file",
        ),
        (
            "server: 'https://x', certificate-authority-data: '!!'",
            "",
            "DIR/config:8: certificate-authority-data of \"a\" is not base64",
        ),
        (
            "server: 'https://x', certificate-authority-data: aGVsbG8=",
            "",
            "DIR/config:8: certificate authority of \"a\" is no PEM certificate",
        ),
        (
            SERVER,
            "client-certificate-data: aGVsbG8=",
            "DIR/config:11: user \"a\" has a client certificate but no client key",
        ),
        (
            SERVER,
            "client-certificate: /nope/a.crt, client-key: /nope/a.key",
            "DIR/config:11: /nope/a.crt: No such file",
        ),
        (
            SERVER,
            "auth-provider: {name: gcp}",
            "DIR/config:11: user \"a\" logs in with auth-provider \"gcp\"",
        ),
        (
            SERVER,
            "exec: {apiVersion: v1}",
            "DIR/config:11: exec plugin of user \"a\" has no command",
        ),
        ("server: 'https://x', proxy-url: ''", "", ""),
    ] {
        let words = trouble(cluster, user);
        assert!(words.starts_with(want), "{words}\nis not\n{want}");
        assert_eq!(words.is_empty(), want.is_empty(), "{words}");
    }
    let folder = TempDir::new().expect("a folder");
    let text = kubeconfig("a", &entry("a", SERVER, "").replace("cluster: a,", "cluster: b,"));
    let path = file(&folder, "config", &text);
    let specs = contexts(&only(&path)).expect("the file itself is right");
    let words = specs[0].trouble().expect("a trouble").to_string();
    assert!(words.ends_with("config:5: context \"a\" names no cluster \"b\""), "{words}");
}

#[tokio::test]
async fn a_broken_context_never_connects_and_says_why() {
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder, "config", &kubeconfig("a", &entry("a", "", "")));
    let spec = contexts(&only(&path)).expect("a context").remove(0);
    let cluster = Cluster::new(spec, Arc::new(|| Timestamp::UNIX_EPOCH));
    let trouble = cluster.link().await.err().expect("a trouble");
    assert!(trouble.to_string().contains("has no server"), "{trouble}");
}

#[tokio::test]
async fn an_expired_client_certificate_is_told_with_its_date() {
    use base64::Engine as _;
    let pem = include_str!("../../../tests/data/certificates/old.pem");
    let data = base64::engine::general_purpose::STANDARD.encode(pem);
    let user = format!("client-certificate-data: {data}, client-key-data: aGVsbG8=");
    let folder = TempDir::new().expect("a folder");
    let path = file(&folder, "config", &kubeconfig("a", &entry("a", SERVER, &user)));
    let spec = contexts(&only(&path)).expect("a context").remove(0);
    let now = "2026-11-27T00:00:00Z".parse::<Timestamp>().expect("a time");
    let cluster = Cluster::new(spec, Arc::new(move || now));
    let trouble = cluster.link().await.err().expect("a trouble");
    assert!(matches!(trouble, Trouble::Tls(_)), "{trouble:?}");
    assert!(trouble.to_string().contains("expired on 2021-01-01T00:00:00Z"), "{trouble}");
}

#[test]
fn credentials_come_from_where_kubectl_takes_them() {
    let folder = TempDir::new().expect("a folder");
    let origin = |user: &str| {
        let path = file(&folder, "config", &kubeconfig("a", &entry("a", SERVER, user)));
        let spec = contexts(&only(&path)).expect("a context").remove(0);
        match &access(&spec).origin {
            Origin::Nowhere => "nowhere".to_owned(),
            Origin::Fixed(header) => {
                assert!(header.is_sensitive());
                header.to_str().expect("a header").to_owned()
            }
            Origin::File(path) => format!("file {}", path.display()),
            Origin::Plugin(_) => "plugin".to_owned(),
        }
    };
    let relative = format!("file {}/token", folder.path().display());
    for (user, want) in [
        ("", "nowhere"),
        ("token: abc", "Bearer abc"),
        ("username: u, password: p", "Basic dTpw"),
        ("username: u", "nowhere"),
        ("tokenFile: token, token: abc", relative.as_str()),
        ("token: abc, exec: {command: login}", "Bearer abc"),
        ("exec: {command: login}", "plugin"),
    ] {
        assert_eq!(origin(user), want, "{user}");
    }
}

#[test]
fn what_weakens_a_connection_is_said() {
    let folder = TempDir::new().expect("a folder");
    for (cluster, user, want) in [
        ("server: 'http://x'", "", "no TLS: everything can be read on the way"),
        (
            "server: 'https://x', insecure-skip-tls-verify: true",
            "",
            "the server's certificate is not checked",
        ),
        (SERVER, "exec: {command: /opt/login}", "runs /opt/login to log in"),
        (SERVER, "as: root", "acts as root (impersonation)"),
    ] {
        let path = file(&folder, "config", &kubeconfig("a", &entry("a", cluster, user)));
        let spec = contexts(&only(&path)).expect("a context").remove(0);
        assert_eq!(&*spec.cautions, [Text::clean(want)], "{cluster} {user}");
    }
}

#[test]
fn proxies_are_those_of_the_kubeconfig_or_of_the_environment_with_its_exceptions() {
    let folder = TempDir::new().expect("a folder");
    let proxy = |cluster: &str, no_proxy: &str| {
        let path = file(&folder, "config", &kubeconfig("a", &entry("a", cluster, "")));
        let environment = Environment {
            https_proxy: Some("http://user:pass@proxy:3128".into()),
            no_proxy: Some(no_proxy.into()),
            ..Environment::default()
        };
        let spec = contexts(&Wanted { environment, ..only(&path) }).expect("a context").remove(0);
        access(&spec).proxy.as_ref().map(|proxy| super::connect::shown(proxy.uri()))
    };
    let of_environment = Some("http://proxy:3128".to_owned());
    for (cluster, no_proxy, want) in [
        ("server: 'https://api.corp'", "", of_environment.clone()),
        ("server: 'https://api.corp'", ".corp", None),
        ("server: 'https://api.corp'", "*", None),
        ("server: 'https://10.1.2.3'", "10.0.0.0/8", None),
        ("server: 'https://10.1.2.3'", "192.168.0.0/16", of_environment),
        ("server: 'https://127.0.0.1:6443'", "", None),
        ("server: 'https://localhost:6443'", "", None),
        (
            "server: 'https://api.corp', proxy-url: 'socks5://jump:1080'",
            "*",
            Some("socks5://jump:1080".to_owned()),
        ),
    ] {
        assert_eq!(proxy(cluster, no_proxy), want, "{cluster} {no_proxy}");
    }
}

#[test]
fn without_any_kubeconfig_there_is_nothing_to_connect_to() {
    let folder = TempDir::new().expect("a folder");
    let environment =
        Environment { home: Some(folder.path().to_owned()), ..Environment::default() };
    let nothing = Wanted { environment, ..Wanted::default() };
    assert_eq!(contexts(&nothing).err(), Some(Trouble::NotConfigured));
    let named = Wanted { contexts: Contexts::Named(vec!["x".into()]), ..nothing.clone() };
    assert_eq!(
        contexts(&named).err(),
        Some(Trouble::Config(Text::clean("no kubeconfig, so no context x")))
    );
    std::fs::create_dir(folder.path().join(".kube")).expect("a folder");
    let text = kubeconfig("h", &entry("h", SERVER, ""));
    std::fs::write(folder.path().join(".kube/config"), text).expect("a file");
    assert_eq!(names(&contexts(&nothing).expect("a context")), ["h"]);
    // An empty list counts as none.
    let mut empty = nothing;
    empty.environment.kubeconfig = Some(OsString::from("::"));
    assert_eq!(names(&contexts(&empty).expect("a context")), ["h"]);
}

proptest::proptest! {
    #[test]
    fn no_kubeconfig_makes_the_reader_panic(changes in crate::backends::mutated::changes()) {
        let text = entry("east", "server: \"https://x\", certificate-authority-data: QUJD", "token: t");
        let text = kubeconfig("east", &text);
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("config");
        std::fs::write(&path, crate::backends::mutated::after(&text, &changes)).expect("a file");
        let all = Wanted { contexts: Contexts::All, ..only(&path) };
        for found in [contexts(&only(&path)), contexts(&all)].into_iter().flatten().flatten() {
            let is_safe = !found.name.as_str().contains('\u{1b}');
            proptest::prop_assert!(is_safe);
        }
    }
}
