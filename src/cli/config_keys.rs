//! The table of settings: every key once. The reader of the file, the names in the environment, `pilothouse config`,
//! its example and the README read it.

use std::time::Duration;

use super::config_value::Kind;
use crate::backends::prometheus::queries;

/// The context that stands for all that have no table of their own.
pub const EVERY_CONTEXT: &str = "*";

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// `contexts`.
    Contexts,
    /// `namespaces`.
    Namespaces,
    /// `selector`.
    Selector,
    /// `read_only`.
    ReadOnly,
    /// `theme`.
    Theme,
    /// `keymap`.
    Keymap,
    /// `ascii`.
    Ascii,
    /// `color`.
    Color,
    /// `mouse`.
    Mouse,
    /// `escape_ms`.
    EscapeMs,
    /// `refresh`.
    Refresh,
    /// `request_timeout`.
    RequestTimeout,
    /// `gate_limit`.
    GateLimit,
    /// `audit_dir`.
    AuditDir,
    /// `log_file`.
    LogFile,
    /// `log_level`.
    LogLevel,
    /// `limits.error_ratio`.
    LimitErrorRatio,
    /// `limits.latency_times`.
    LimitLatencyTimes,
    /// `limits.request_rate`.
    LimitRequestRate,
    /// `queries.window`.
    Window,
    /// `queries.error_ratio`.
    QueryErrorRatio,
    /// `queries.latency_p99`.
    QueryLatencyP99,
    /// `queries.request_rate`.
    QueryRequestRate,
    /// `queries.newest_sample`.
    QueryNewestSample,
    /// `prometheus.*.url`.
    PrometheusUrl,
    /// `prometheus.*.bearer_token_file`.
    PrometheusBearerTokenFile,
    /// `prometheus.*.username`.
    PrometheusUsername,
    /// `prometheus.*.password_file`.
    PrometheusPasswordFile,
    /// `prometheus.*.headers`.
    PrometheusHeaders,
    /// `prometheus.*.ca_file`.
    PrometheusCaFile,
    /// `prometheus.*.proxy`.
    PrometheusProxy,
}

/// What there is to know about a setting.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// Which one.
    pub key: Key,
    /// Its name in the file, with the names of its tables; `*` is any context.
    pub name: &'static str,
    /// What it accepts.
    pub kind: Kind,
    /// What it is when nobody says anything, in the words of the environment; empty: not set.
    pub default: &'static str,
    /// Another value, as the file writes it.
    pub example: &'static str,
    /// The flag that says the same.
    pub flag: Option<&'static str>,
    /// What it does.
    pub help: &'static str,
}

impl Key {
    /// Its line of the table.
    #[must_use]
    pub const fn spec(self) -> &'static KeySpec {
        &KEYS[self as usize]
    }

    /// True for what stands in a table of one Prometheus.
    #[must_use]
    pub fn is_per_context(self) -> bool {
        self.spec().name.contains('*')
    }
}

impl KeySpec {
    /// Its name in the environment: `PILOTHOUSE_LIMITS_ERROR_RATIO`. What is per context is for all of them there.
    #[must_use]
    pub fn env(&self) -> String {
        let name = self.name.replace(".*", "").replace('.', "_");
        format!("PILOTHOUSE_{}", name.to_ascii_uppercase())
    }

    /// The tables it stands in, and its own name.
    #[must_use]
    pub fn path(&self) -> Vec<&'static str> {
        self.name.split('.').collect()
    }
}

const fn key(key: Key, name: &'static str, kind: Kind, help: &'static str) -> KeySpec {
    KeySpec { key, name, kind, default: "", example: "", flag: None, help }
}

impl KeySpec {
    const fn default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }

    const fn example(mut self, example: &'static str) -> Self {
        self.example = example;
        self
    }

    const fn flag(mut self, flag: &'static str) -> Self {
        self.flag = Some(flag);
        self
    }
}

const SECOND: Duration = Duration::from_secs(1);
const TEN_MINUTES: Duration = Duration::from_mins(10);
const WEEK: Duration = Duration::from_hours(7 * 24);

/// Every setting, in the order of [`Key`].
pub const KEYS: [KeySpec; 31] = [
    key(Key::Contexts, "contexts", Kind::Names,
        "Contexts of the kubeconfig to show; \"*\" is all of them. Empty: the current one.")
        .example("[\"eu\", \"us\"]").flag("--context"),
    key(Key::Namespaces, "namespaces", Kind::Names,
        "Namespaces to show. Empty: all that may be listed.")
        .example("[\"shop\", \"payments\"]").flag("--namespace"),
    key(Key::Selector, "selector", Kind::Line,
        "Only workloads with these labels, in kubectl's words.")
        .example("\"team=checkout,tier!=db\"").flag("--selector"),
    key(Key::ReadOnly, "read_only", Kind::Switch,
        "No deed is possible. True anywhere (file, environment, flag) wins over everything.")
        .default("false").example("true").flag("--read-only"),
    key(Key::Theme, "theme", Kind::Line,
        "A theme, by name or as a file; auto is dark or light, as the terminal is.")
        .default("auto").example("\"high-contrast\"").flag("--theme"),
    key(Key::Keymap, "keymap", Kind::Line,
        "A keymap, by name or as a file.")
        .default("default").example("\"vim\"").flag("--keymap"),
    key(Key::Ascii, "ascii", Kind::Switch,
        "Nothing but ASCII on the screen.")
        .default("false").example("true").flag("--ascii"),
    key(Key::Color, "color", Kind::Choice(&["auto", "always", "never"]),
        "Whether colours are used; auto: where the terminal has them and NO_COLOR is not set.")
        .default("auto").example("\"never\"").flag("--no-color"),
    key(Key::Mouse, "mouse", Kind::Switch,
        "Whether the mouse is listened to; the terminal's own selection then needs shift.")
        .default("false").example("true"),
    key(Key::EscapeMs, "escape_ms", Kind::Whole(0, 200),
        "How long a lone Esc is held back, in case a slow line tears the sequence of a key apart. \
         Unset: 10, or 100 over SSH.")
        .example("150"),
    key(Key::Refresh, "refresh", Kind::Span(SECOND, TEN_MINUTES),
        "How often metrics are asked for while somebody looks.")
        .default("5s").example("\"15s\""),
    key(Key::RequestTimeout, "request_timeout", Kind::Span(SECOND, TEN_MINUTES),
        "How long one answer of a server may take.")
        .default("10s").example("\"30s\"").flag("--request-timeout"),
    key(Key::GateLimit, "gate_limit", Kind::Span(SECOND, WEEK),
        "How long a gate may wait for a human's yes before it is told as too long.")
        .default("30m").example("\"2h\""),
    key(Key::AuditDir, "audit_dir", Kind::File,
        "Where the record of deeds is kept. Unset: audit in the state folder.")
        .example("\"/var/log/pilothouse\""),
    key(Key::LogFile, "log_file", Kind::File,
        "The log. Unset: pilothouse.log in the state folder.")
        .example("\"~/pilothouse.log\""),
    key(Key::LogLevel, "log_level", Kind::Choice(&["off", "error", "warn", "info", "debug"]),
        "How much is logged.")
        .default("info").example("\"debug\""),
    key(Key::LimitErrorRatio, "limits.error_ratio", Kind::Decimal(0.0, 1.0),
        "How much larger the canary's error ratio may be than stable's: 0.005 is half a point. \
         By counters: below this share it may pass whatever stable does.")
        .default("0.005").example("0.01"),
    key(Key::LimitLatencyTimes, "limits.latency_times", Kind::Decimal(1.0, 1_000.0),
        "How many times stable's p99 latency the canary's may be, where no counters are known.")
        .default("1.25").example("1.5"),
    key(Key::LimitRequestRate, "limits.request_rate", Kind::Decimal(0.0, 1_000_000.0),
        "Below so many requests per second on either side nothing is said about errors and latency.")
        .default("0.5").example("5"),
    key(Key::Window, "queries.window", Kind::Span(Duration::from_secs(5), Duration::from_hours(24)),
        "Over how much time rates are taken, {{window}}: at least four times the distance of scrapes.")
        .default("1m").example("\"2m\""),
    key(Key::QueryErrorRatio, "queries.error_ratio", Kind::Query,
        "The share of a revision's requests that fail, 0 to 1.")
        .default(queries::ERROR_RATIO)
        .example("'sum(rate(errors{rev=\"{{hash}}\"}[{{window}}])) / sum(rate(hits{rev=\"{{hash}}\"}[{{window}}]))'"),
    key(Key::QueryLatencyP99, "queries.latency_p99", Kind::Query,
        "The 99th percentile of a revision's latency, in seconds.")
        .default(queries::LATENCY_P99)
        .example("'histogram_quantile(0.99, sum(rate(latency_seconds{rev=\"{{hash}}\"}[{{window}}])))'"),
    key(Key::QueryRequestRate, "queries.request_rate", Kind::Query,
        "A revision's requests per second.")
        .default(queries::REQUEST_RATE)
        .example("'sum(rate(hits{rev=\"{{hash}}\"}[{{window}}]))'"),
    key(Key::QueryNewestSample, "queries.newest_sample", Kind::Query,
        "The time of a revision's newest sample, in Unix seconds: values are called stale by it.")
        .default(queries::NEWEST_SAMPLE)
        .example("'max(timestamp(hits{rev=\"{{hash}}\"}))'"),
    key(Key::PrometheusUrl, "prometheus.*.url", Kind::Address,
        "Where the Prometheus of this context is: everything before /api/v1.")
        .example("\"https://metrics.example/prometheus\"").flag("--prometheus"),
    key(Key::PrometheusBearerTokenFile, "prometheus.*.bearer_token_file", Kind::File,
        "A file that holds the token to send; read before every answer.")
        .example("\"~/.config/pilothouse/token\""),
    key(Key::PrometheusUsername, "prometheus.*.username", Kind::Line,
        "The name to log in with; needs password_file.")
        .example("\"dana\""),
    key(Key::PrometheusPasswordFile, "prometheus.*.password_file", Kind::File,
        "A file that holds the password.")
        .example("\"~/.config/pilothouse/password\""),
    key(Key::PrometheusHeaders, "prometheus.*.headers", Kind::Headers,
        "Headers to send: a text, { file = \"…\" } or { env = \"…\" } each.")
        .example("{ X-Scope-OrgID = \"shop\" }"),
    key(Key::PrometheusCaFile, "prometheus.*.ca_file", Kind::File,
        "The authorities its certificate may be of, as PEM. Unset: those of the system.")
        .example("\"ca.pem\""),
    key(Key::PrometheusProxy, "prometheus.*.proxy", Kind::Address,
        "The proxy on the way there. Unset: none; proxies of the environment are not used.")
        .example("\"http://proxy.example:3128\""),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::super::config_value::{Around, from_toml, from_word};
    use super::*;

    #[test]
    fn every_line_of_the_table_stands_where_its_key_says() {
        for (index, spec) in KEYS.iter().enumerate() {
            assert_eq!(spec.key as usize, index, "{}", spec.name);
            assert_eq!(spec.key.spec().name, spec.name);
        }
        let names: BTreeSet<String> = KEYS.iter().map(KeySpec::env).collect();
        assert_eq!(names.len(), KEYS.len(), "two keys have one name in the environment");
    }

    #[test]
    fn defaults_and_examples_are_values_and_differ() {
        let around =
            Around { folder: Path::new("/"), home: Some(Path::new("/home")), env: &|_| None };
        for spec in &KEYS {
            let source = format!("x = {}", spec.example);
            let table = toml::de::DeTable::parse(&source).unwrap();
            let example = from_toml(spec.kind, table.get_ref()["x"].get_ref(), around);
            let example = example.map(|value| value.written()).unwrap();
            if !spec.default.is_empty() {
                let default = from_word(spec.kind, spec.default, around).ok().unwrap();
                assert_ne!(default.written(), example, "{}", spec.name);
            }
            assert!(spec.help.ends_with('.'), "{}", spec.name);
        }
    }

    #[test]
    fn names_of_the_environment_follow_from_the_key() {
        assert_eq!(Key::ReadOnly.spec().env(), "PILOTHOUSE_READ_ONLY");
        assert_eq!(Key::LimitErrorRatio.spec().env(), "PILOTHOUSE_LIMITS_ERROR_RATIO");
        assert_eq!(Key::PrometheusUrl.spec().env(), "PILOTHOUSE_PROMETHEUS_URL");
    }
}
