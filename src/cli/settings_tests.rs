//! Settings in layers, and files with mistakes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;

use super::args::parse;
use super::config_file;
use super::config_keys::{KEYS, Key};
use super::config_layers::Table;
use super::config_text;
use super::config_value::{Around, Value};
use super::folders::Folders;
use super::settings::{ColorChoice, Contexts, LogLevel, Settings, settings_in};
use crate::backends::prometheus::queries::QueryTemplates;
use crate::backends::prometheus::spec::{Login, Secret};
use crate::domain::ids::ClusterName;
use crate::domain::warning::Warning;

/// One run: a config file, an environment, a command line.
struct Run {
    folder: tempfile::TempDir,
    env: BTreeMap<String, String>,
    line: String,
}

impl Run {
    fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, config).unwrap();
        private(&path);
        Self { folder, env: BTreeMap::new(), line: "get".to_owned() }
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    fn line(mut self, line: &str) -> Self {
        line.clone_into(&mut self.line);
        self
    }

    fn settings(&self) -> Result<(Settings, Vec<Warning>), String> {
        let words = std::iter::once("pilothouse").chain(self.line.split_whitespace());
        let args = parse(words).unwrap();
        let folders = Folders {
            config: Some(self.folder.path().to_owned()),
            state: Some(PathBuf::from("/state")),
            home: Some(PathBuf::from("/home/dana")),
            here: PathBuf::from("/work"),
        };
        let env = |name: &str| self.env.get(name).cloned();
        settings_in(&args, &env, &folders).map_err(|error| error.to_string())
    }

    /// The settings; there is nothing wrong.
    fn fine(&self) -> Settings {
        let (settings, warnings) = self.settings().unwrap();
        assert_eq!(self.told(&warnings), Vec::<String>::new());
        settings
    }

    /// Warnings with the file's name alone.
    fn told(&self, warnings: &[Warning]) -> Vec<String> {
        let folder = format!("{}/", self.folder.path().display());
        warnings.iter().map(|warning| warning.to_string().replace(&folder, "")).collect()
    }

    fn warnings(&self) -> Vec<String> {
        self.told(&self.settings().unwrap().1)
    }
}

#[cfg(unix)]
fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn origin(table: &Table, key: Key) -> String {
    let origin = table.origin(key).to_string();
    origin.rsplit('/').next().unwrap_or_default().to_owned()
}

#[test]
fn nobody_says_anything_and_everything_has_a_value() {
    let settings = Run::new("").fine();
    assert_eq!(settings.scope.contexts, Contexts::Current);
    assert!(settings.scope.namespaces.is_empty() && settings.scope.selector.is_none());
    let screen = &settings.screen;
    assert_eq!((&*screen.theme, &*screen.keymap), ("auto", "default"));
    assert_eq!((screen.ascii, screen.mouse, screen.color), (false, false, ColorChoice::Auto));
    assert_eq!(screen.escape, Duration::from_millis(10));
    assert_eq!(settings.metrics.refresh, Duration::from_secs(5));
    assert_eq!(settings.metrics.limits, crate::analysis::verdict::Limits::default());
    assert_eq!(settings.metrics.queries, QueryTemplates::default());
    assert_eq!(settings.request_timeout, Duration::from_secs(10));
    assert_eq!(settings.files.audit_dir.as_deref(), Some(Path::new("/state/audit")));
    assert_eq!(settings.files.log_file.as_deref(), Some(Path::new("/state/pilothouse.log")));
    assert_eq!(settings.files.log_level, LogLevel::Info);
    assert!(!settings.read_only);
    assert!(settings.metrics.prometheus(&ClusterName::new("east")).is_none());
}

#[test]
fn flag_over_environment_over_file_over_default_each_with_its_origin() {
    let file = "theme = \"a\"\nrefresh = \"7s\"\n";
    let run = Run::new(file);
    assert_eq!(run.fine().screen.theme, "a");
    assert_eq!(origin(run.fine().table(), Key::Theme), "config.toml:1");
    let run = run.env("PILOTHOUSE_THEME", "b").env("PILOTHOUSE_KEYMAP", "");
    assert_eq!(run.fine().screen.theme, "b");
    assert_eq!(origin(run.fine().table(), Key::Theme), "PILOTHOUSE_THEME");
    let run = run.line("get --theme c");
    let settings = run.fine();
    assert_eq!(settings.screen.theme, "c");
    assert_eq!(origin(settings.table(), Key::Theme), "--theme");
    assert_eq!(origin(settings.table(), Key::Refresh), "config.toml:2");
    assert_eq!(origin(settings.table(), Key::Keymap), "default");
    assert_eq!(settings.metrics.refresh, Duration::from_secs(7));
}

#[test]
fn every_key_can_be_said_by_file_and_environment() {
    for spec in KEYS.iter().filter(|spec| spec.key != Key::PrometheusUrl) {
        let name = spec.name.replace('*', "\"*\"");
        let url = "prometheus.\"*\".url = \"https://m\"\n";
        let file = Run::new(&format!("{url}{name} = {}\n", spec.example));
        let (settings, _) = file.settings().unwrap();
        let written = |settings: &Settings| {
            let context = spec.key.is_per_context().then_some("*");
            let table = settings.table();
            let value = context.map_or(table.get(spec.key), |context| table.of(context, spec.key));
            value.map(Value::written).unwrap_or_default()
        };
        let from_file = written(&settings);
        let parsed: toml::Table = format!("x = {}", spec.example).parse().unwrap();
        let word = match &parsed["x"] {
            toml::Value::String(text) => text.clone(),
            toml::Value::Array(list) => {
                list.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(",")
            }
            toml::Value::Table(table) => table
                .iter()
                .map(|(name, value)| format!("{name}={}", value.as_str().unwrap()))
                .collect::<Vec<_>>()
                .join(","),
            toml::Value::Integer(_)
            | toml::Value::Float(_)
            | toml::Value::Boolean(_)
            | toml::Value::Datetime(_) => parsed["x"].to_string(),
        };
        let env = Run::new(url).env(&spec.env(), &word);
        let from_env = written(&env.settings().unwrap().0);
        // Relative paths begin elsewhere.
        let from_env = from_env.replace("/work/", &format!("{}/", file.folder.path().display()));
        assert_eq!(from_env, from_file, "{}", spec.name);
        assert!(!from_file.is_empty(), "{}", spec.name);
    }
}

#[test]
fn a_broken_file_is_told_line_by_line_and_the_rest_holds() {
    let run = Run::new(
        "refersh = \"5s\"
theme = \"mine\"
color = \"nevr\"
refresh = 5 parsecs
request_timeout = \"5 parsecs\"
ascii = \"yes\"
error_ratio = 0.01
keymap = \"vim\"
keymap = \"emacs\"
escape_ms = 900

[limits]
latency_tims = 2
latency_times = 1.5

[queries]
latency_p99 = '''
histogram_quantile(0.99,
  x{h=\"{{hash}}\", n=\"{{nmae}}\"})'''

[prometheus]
url = \"http://m\"

[prometheus.east]
url = \"m:9090\"
headers = { Authorization = \"Bearer secret\" }
nonsense = 1

[colours]
",
    );
    insta::assert_snapshot!(run.warnings().join("\n"), @r#"
    config.toml:1: no setting refersh; did you mean "refresh"?
    config.toml:3: color: "nevr" is none of auto, always, never; did you mean "never"?
    config.toml:4: string values must be quoted, expected literal string
    config.toml:5: request_timeout: "5 parsecs" is no time (like 30s, 1m30s, 250ms); it is a time from 1s to 10m
    config.toml:6: ascii: a text is not right here; it is true or false
    config.toml:7: no setting error_ratio; did you mean limits.error_ratio?
    config.toml:9: duplicate key
    config.toml:10: escape_ms: 900 is not right here; it is a whole number from 0 to 200
    config.toml:13: no setting limits.latency_tims; did you mean "latency_times"?
    config.toml:19: queries.latency_p99: no place {{nmae}}; did you mean {{name}}?
    config.toml:22: prometheus.url is a table; write settings below [prometheus."*"]
    config.toml:25: prometheus.east.url: no address: it begins with http:// or https://
    config.toml:26: prometheus.east.headers: header Authorization has settings of its own; use bearer_token_file, or username and password_file
    config.toml:27: no setting prometheus.east.nonsense
    config.toml:29: no setting colours; did you mean "color"?
    "#);
    let settings = run.settings().unwrap().0;
    assert_eq!(settings.screen.theme, "mine");
    assert!((settings.metrics.limits.latency_times_max - 1.5).abs() < f64::EPSILON);
    assert_eq!(settings.request_timeout, Duration::from_secs(10));
    assert_eq!(settings.metrics.queries, QueryTemplates::default());
}

#[test]
fn a_file_that_is_none_is_one_short_list() {
    let run = Run::new(&"<html>\n".repeat(500));
    let warnings = run.warnings();
    assert!(warnings.len() <= 21, "{warnings:?}");
    assert!(warnings.last().unwrap().contains("mistakes more"), "{warnings:?}");
    let binary = Run::new("");
    std::fs::write(binary.folder.path().join("config.toml"), [0xff, 0xfe, 0]).unwrap();
    assert_eq!(
        binary.warnings(),
        ["config.toml: not UTF-8 (line 1, byte 0); nothing of it is used"]
    );
}

#[test]
fn only_a_file_that_was_named_must_be_there() {
    let run = Run::new("");
    std::fs::remove_file(run.folder.path().join("config.toml")).unwrap();
    run.fine();
    let run = run.line("get --config /nowhere/config.toml");
    let error = run.settings().err().unwrap();
    assert!(
        error.starts_with("cannot read the config file /nowhere/config.toml: No such"),
        "{error}"
    );
    let run = Run::new("").env("PILOTHOUSE_CONFIG", "/dev/null");
    assert!(run.settings().err().unwrap().ends_with("not an ordinary file"));
    let other = Run::new("theme = \"other\"");
    let path = other.folder.path().join("config.toml");
    let run = Run::new("theme = \"mine\"").line(&format!("get --config {}", path.display()));
    assert_eq!(run.fine().screen.theme, "other");
}

#[test]
fn read_only_is_read_only_whoever_says_so_and_even_wrongly() {
    for (file, env, line, want) in [
        ("", "", "get", false),
        ("read_only = true", "", "get", true),
        ("read_only = true", "0", "get", true),
        ("read_only = false", "1", "get", true),
        ("read_only = false", "", "get --read-only", true),
        ("read_only = \"on\"", "", "get", true),
        ("read_only = ture", "", "get", true),
        ("", "perhaps", "get", true),
    ] {
        let run = Run::new(file).env("PILOTHOUSE_READ_ONLY", env).line(line);
        assert_eq!(run.settings().unwrap().0.read_only, want, "{file} {env} {line}");
    }
}

#[test]
fn colours_and_lines_of_the_environment_are_heard() {
    let color = |run: Run| run.fine().screen.color;
    assert_eq!(color(Run::new("").env("NO_COLOR", "1")), ColorChoice::Never);
    assert_eq!(color(Run::new("").env("NO_COLOR", "")), ColorChoice::Auto);
    let over = Run::new("").env("NO_COLOR", "1").env("PILOTHOUSE_COLOR", "always");
    assert_eq!(color(over), ColorChoice::Always);
    assert_eq!(color(Run::new("color = \"always\"").line("get --no-color")), ColorChoice::Never);
    let remote = Run::new("").env("SSH_TTY", "/dev/pts/1").fine();
    assert_eq!(remote.screen.escape, Duration::from_millis(100));
    assert_eq!(origin(remote.table(), Key::EscapeMs), "SSH_TTY");
    let set = Run::new("escape_ms = 60").env("SSH_TTY", "/dev/pts/1").fine();
    assert_eq!(set.screen.escape, Duration::from_millis(60));
}

#[test]
fn scopes_are_named_all_or_current() {
    let contexts = |run: Run| run.fine().scope.contexts;
    let named = |names: &[&str]| Contexts::Named(names.iter().map(|name| (*name).into()).collect());
    assert_eq!(contexts(Run::new("contexts = [\"a\", \"b\", \"a\"]")), named(&["a", "b"]));
    assert_eq!(contexts(Run::new("contexts = \"*\"")), Contexts::All);
    assert_eq!(contexts(Run::new("contexts = [\"a\"]").line("get --context c")), named(&["c"]));
    assert_eq!(contexts(Run::new("").line("get --all-contexts")), Contexts::All);
    let namespaces = Run::new("namespaces = [\"a\"]");
    assert_eq!(namespaces.fine().scope.namespaces.len(), 1);
    assert!(namespaces.line("get -A").fine().scope.namespaces.is_empty());
}

#[test]
fn no_wait_is_endless() {
    for (line, seconds) in [("--request-timeout 0", 600), ("--request-timeout 1d", 600), ("", 10)] {
        let run = Run::new("").line(&format!("get {line}"));
        assert_eq!(run.fine().request_timeout, Duration::from_secs(seconds));
    }
}

const TWO: &str = "
[prometheus.\"*\"]
url = \"https://all.example\"
ca_file = \"ca.pem\"

[prometheus.east]
url = \"https://east.example/p\"
bearer_token_file = \"/token\"
headers = { X-Scope-OrgID = \"shop\" }
";

#[test]
fn a_context_has_its_own_prometheus_or_the_one_for_all() {
    let settings = Run::new(TWO).env("PILOTHOUSE_REQUEST_TIMEOUT", "20s").fine();
    let spec = |name| settings.metrics.prometheus(&ClusterName::new(name)).unwrap();
    let east = spec("east");
    assert_eq!(east.url.as_str(), "https://east.example/p");
    assert!(
        matches!(&east.login, Login::Bearer(Secret::File(path)) if path == Path::new("/token"))
    );
    assert_eq!((east.headers.len(), east.ca_file.is_none()), (1, true));
    assert_eq!(east.timeout, Duration::from_secs(20));
    let west = spec("west");
    assert_eq!(west.url.as_str(), "https://all.example/");
    assert!(matches!(west.login, Login::None) && west.headers.is_empty());
    assert!(west.ca_file.unwrap().ends_with("ca.pem"));
}

#[test]
fn credentials_stay_with_the_server_that_they_are_for() {
    let east = |run: &Run| {
        let (settings, warnings) = run.settings().unwrap();
        let spec = settings.metrics.prometheus(&ClusterName::new("east")).unwrap();
        (spec.url.to_string(), matches!(spec.login, Login::Bearer(_)), warnings.len())
    };
    for (line, url, has_login, warnings) in [
        ("get", "https://east.example/p", true, 0),
        ("get --prometheus east=https://east.example/q", "https://east.example/q", true, 0),
        ("get --prometheus east=https://other.example", "https://other.example/", false, 1),
        ("get --prometheus west=https://other.example", "https://east.example/p", true, 0),
        ("get --prometheus http://127.0.0.1:9090", "http://127.0.0.1:9090/", false, 1),
    ] {
        let run = Run::new(TWO).line(line);
        assert_eq!(east(&run), (url.to_owned(), has_login, warnings), "{line}");
    }
    let run = Run::new(TWO).env("PILOTHOUSE_PROMETHEUS_URL", "east=https://env.example,bad");
    let (_, warnings) = run.settings().unwrap();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
}

#[test]
fn half_a_login_is_told() {
    let run = Run::new(
        "[prometheus.a]\nurl = \"https://a\"\nusername = \"dana\"\n\
         [prometheus.b]\nurl = \"https://b\"\npassword_file = \"p\"\n\
         [prometheus.c]\nurl = \"https://c\"\nusername = \"d\"\npassword_file = \"p\"\nbearer_token_file = \"t\"\n\
         [prometheus.\"d/e\"]\nusername = \"d\"\npassword_file = \"p\"\n",
    );
    insta::assert_snapshot!(run.warnings().join("\n"), @r#"
    config.toml:3: prometheus.a: username without password_file; nothing is sent
    config.toml:6: prometheus.b: password_file without username; nothing is sent
    config.toml:11: prometheus.c: both a token and a password; the token is sent
    config.toml:13: prometheus."d/e": no url; write url = "http://…"
    "#);
}

#[test]
#[cfg(unix)]
fn headers_in_a_file_for_everybody_are_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let run = Run::new(TWO);
    let path = run.folder.path().join("config.toml");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(run.warnings().len(), 1);
    assert!(run.warnings()[0].contains("can be read by others; chmod 600"));
}

#[test]
fn what_is_printed_names_every_key_and_no_secret() {
    let run = Run::new(TWO).line("get --theme a\u{1b}[31m");
    let text = config_text::all(run.fine().table());
    for spec in &KEYS {
        let last = spec.path().pop().unwrap();
        assert!(text.lines().any(|line| line.contains(last)), "{}", spec.name);
    }
    assert!(!text.contains("shop") && text.contains("x-scope-orgid = \"•••\""), "{text}");
    assert!(text.contains("prometheus.east.url = \"https://east.example/p\""), "{text}");
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn the_example_explains_every_key_and_uncommented_is_a_config_without_mistakes() {
    let example = config_text::example();
    Run::new(&example).fine();
    let all: String = example
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !line.starts_with("##") => format!("{setting}\n"),
            Some(_) | None => format!("{line}\n"),
        })
        .collect();
    let run = Run::new(&all);
    assert_eq!(run.warnings().len(), 1, "a token and a password: {:?}", run.warnings());
    let settings = run.settings().unwrap().0;
    assert_eq!(settings.metrics.queries, QueryTemplates::default());
    for spec in &KEYS {
        let context = spec.key.is_per_context().then_some("*");
        let table = settings.table();
        let value = context.map_or(table.get(spec.key), |context| table.of(context, spec.key));
        assert!(value.is_some(), "{}", spec.name);
    }
    insta::with_settings!({ snapshot_path => "../../tests/snapshots/cli", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("config_example", example);
    });
}

#[test]
fn the_table_of_the_readme_has_one_line_per_key() {
    let table = config_text::readme_table();
    assert_eq!(table.lines().count(), KEYS.len() + 2);
    assert!(table.lines().all(|line| line.matches(" | ").count() == 3 || line.starts_with("|---")));
}

proptest! {
    #[test]
    fn no_file_makes_the_reader_panic_or_talk_without_end(
        text in r#"([a-z_.]{1,12}|\[prometheus\.[a-z"*]{1,5}\]|[0-9".={}\[\]',#\\ \n\u{1b}é]{1,6}){0,60}"#,
    ) {
        let around = Around { folder: Path::new("/"), home: None, env: &|_| None };
        let layer = config_file::parse(&"config.toml".into(), &text, around);
        prop_assert!(layer.warnings.len() <= 21);
        let lines = u32::try_from(text.matches('\n').count()).unwrap() + 1;
        prop_assert!(layer.warnings.iter().all(|warning| warning.line <= lines));
    }

    #[test]
    fn no_word_of_the_environment_makes_the_reader_panic(word in "\\PC{0,40}") {
        for spec in &KEYS {
            let around = Around { folder: Path::new("/"), home: None, env: &|_| None };
            let _ = super::config_value::from_word(spec.kind, &word, around);
        }
    }
}
