//! Settings: default, then file, then environment, then flag; each value with its origin, each mistake with its place.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::args::Args;
use super::config_file::{self, Layer, Unreadable};
use super::config_keys::{EVERY_CONTEXT, Key};
use super::config_layers::{Table, defaults, environment, flags};
use super::config_value::{Around, Value};
use super::folders::Folders;
use super::origin::Origin;
use crate::analysis::verdict::Limits;
use crate::backends::prometheus::queries::{self, QueryTemplates};
use crate::backends::prometheus::spec::{Login, PrometheusSpec};
use crate::backends::prometheus::template::Template;
use crate::domain::ids::{ClusterName, Namespace};
use crate::domain::text::Text;
use crate::domain::warning::Warning;

/// How long a lone Esc is held back without SSH, and over it (`reference/terminal.md` §3.5). Without it less than there: a
/// key is to be answered within 16 ms, and the rest of a torn sequence is known as such even after its Esc was given out.
const ESCAPE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(100));

/// A timeout of 0 means "as long as it takes" to kubectl. Everything of ours ends.
const TIMEOUT_MAX: Duration = Duration::from_mins(10);

/// Everything that can be set.
#[derive(Clone)]
pub struct Settings {
    /// What is looked at.
    pub scope: ScopeSettings,
    /// How the screen looks and listens.
    pub screen: ScreenSettings,
    /// Where metrics come from and what is tolerated.
    pub metrics: MetricsSettings,
    /// Where files are kept.
    pub files: FileSettings,
    /// No deed is possible.
    pub read_only: bool,
    /// How long one answer of a server may take.
    pub request_timeout: Duration,
    /// How long a gate may wait.
    pub gate_limit: Duration,
    table: Table,
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeSettings {
    /// Which contexts of the kubeconfig.
    pub contexts: Contexts,
    /// Which namespaces; empty: all that may be listed.
    pub namespaces: Vec<Namespace>,
    /// Only workloads with these labels, in the API server's words.
    pub selector: Option<String>,
}

/// Which contexts of the kubeconfig are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contexts {
    /// The current one.
    Current,
    /// All.
    All,
    /// These.
    Named(Vec<String>),
}

/// How the screen looks and listens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct ScreenSettings {
    /// A theme by name or path, or `auto`.
    pub theme: String,
    /// A keymap by name or path.
    pub keymap: String,
    /// Nothing but ASCII.
    pub ascii: bool,
    /// Whether colours are used.
    pub color: ColorChoice,
    /// Whether the mouse is listened to.
    pub mouse: bool,
    /// How long a lone Esc is held back.
    pub escape: Duration,
}

/// Whether colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorChoice {
    /// Where the terminal has them.
    Auto,
    /// Whatever the terminal says.
    Always,
    /// Never.
    Never,
}

/// Where metrics come from and what is tolerated.
#[derive(Clone)]
pub struct MetricsSettings {
    /// How often they are asked for.
    pub refresh: Duration,
    /// What is tolerated of a canary.
    pub limits: Limits,
    /// What is asked of every Prometheus.
    pub queries: QueryTemplates,
    table: Table,
    timeout: Duration,
}

/// Where files are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSettings {
    /// The folder of the audit files; `None`: there is no place for them.
    pub audit_dir: Option<PathBuf>,
    /// The log; `None`: there is no place for it.
    pub log_file: Option<PathBuf>,
    /// How much is logged.
    pub log_level: LogLevel,
    /// The folder of config, themes and keymaps.
    pub config_dir: Option<PathBuf>,
    /// The folder of state.
    pub state_dir: Option<PathBuf>,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// Errors.
    Error,
    /// And warnings.
    Warn,
    /// And what happened.
    Info,
    /// And how.
    Debug,
}

/// The settings of this run, and what is wrong with what was said.
///
/// # Errors
/// The config file that was named cannot be read: without it the program is not what was asked for.
pub fn settings(
    args: &Args,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<(Settings, Vec<Warning>), Unreadable> {
    settings_in(args, env, &Folders::of_this_user())
}

/// The same with folders given.
///
/// # Errors
/// As [`settings`].
pub fn settings_in(
    args: &Args,
    env: &dyn Fn(&str) -> Option<String>,
    folders: &Folders,
) -> Result<(Settings, Vec<Warning>), Unreadable> {
    let around = Around { folder: &folders.here, home: folders.home.as_deref(), env };
    let mut warnings = Vec::new();
    let mut table = Table::default();
    table.lay(defaults(around), &mut warnings);
    table.lay(file(args, around, folders)?, &mut warnings);
    table.lay(environment(around), &mut warnings);
    table.lay(flags(args), &mut warnings);
    escape(&mut table, env);
    logins(&table, &mut warnings);
    Ok((Settings::of(table, folders), warnings))
}

/// The file that was named, or the one of the config folder. Only what was named must be there.
fn file(args: &Args, around: Around<'_>, folders: &Folders) -> Result<Layer, Unreadable> {
    let named = || (around.env)("PILOTHOUSE_CONFIG").filter(|path| !path.is_empty());
    let named = args.look.config.clone().or_else(|| named().map(PathBuf::from));
    if let Some(path) = named {
        return config_file::read(&folders.here.join(path), around);
    }
    let Some(folder) = &folders.config else { return Ok(Layer::default()) };
    match config_file::read(&folder.join("config.toml"), around) {
        Ok(layer) => Ok(layer),
        Err(unreadable) if unreadable.is_missing => Ok(Layer::default()),
        Err(unreadable) => {
            let warning = Warning::whole(&unreadable.path, unreadable.why.as_str());
            let warning = warning.hint("nothing of it is used");
            Ok(Layer { entries: Vec::new(), warnings: vec![warning] })
        }
    }
}

/// A line through SSH tears sequences apart more often.
fn escape(table: &mut Table, env: &dyn Fn(&str) -> Option<String>) {
    if table.get(Key::EscapeMs).is_some() {
        return;
    }
    let remote = ["SSH_CONNECTION", "SSH_TTY"].into_iter().find(|name| env(name).is_some());
    let (span, origin) = match remote {
        Some(name) => (ESCAPE.1, Origin::Env(Text::clean(name))),
        None => (ESCAPE.0, Origin::Default),
    };
    let milliseconds = u64::try_from(span.as_millis()).unwrap_or(0);
    table.set(Key::EscapeMs, Value::Whole(milliseconds), origin);
}

/// Half a login, or two.
fn logins(table: &Table, warnings: &mut Vec<Warning>) {
    for context in table.contexts() {
        let has = |key| table.of(&context, key).is_some();
        let mut warn = |key, what: &str, hint: &str| {
            let place = table.setting(&context, key).map(|setting| setting.origin.to_string());
            let path = ["prometheus".to_owned(), context.clone()];
            let what = format!("{}: {what}", config_file::written(&path));
            let place = Text::clean(&place.unwrap_or_default());
            warnings.push(Warning::whole(&place, &what).hint(hint));
        };
        let (token, name, password) = (
            has(Key::PrometheusBearerTokenFile),
            has(Key::PrometheusUsername),
            has(Key::PrometheusPasswordFile),
        );
        match (token, name, password) {
            (true, true, _) | (true, _, true) => warn(
                Key::PrometheusBearerTokenFile,
                "both a token and a password",
                "the token is sent",
            ),
            (false, true, false) => {
                warn(Key::PrometheusUsername, "username without password_file", "nothing is sent");
            }
            (false, false, true) => {
                warn(
                    Key::PrometheusPasswordFile,
                    "password_file without username",
                    "nothing is sent",
                );
            }
            (true | false, false, false) | (false, true, true) => {}
        }
        if !has(Key::PrometheusUrl)
            && let Some(key) = table.first_of(&context)
        {
            warn(key, "no url", "write url = \"http://…\"");
        }
    }
}

impl Settings {
    fn of(table: Table, folders: &Folders) -> Self {
        let request_timeout = match table.span(Key::RequestTimeout) {
            Duration::ZERO => TIMEOUT_MAX,
            span => span.min(TIMEOUT_MAX),
        };
        let in_state = |name: &str| folders.state.as_ref().map(|folder| folder.join(name));
        Self {
            scope: ScopeSettings {
                contexts: contexts(table.names(Key::Contexts)),
                namespaces: table
                    .names(Key::Namespaces)
                    .iter()
                    .map(|name| Namespace::new(name))
                    .collect(),
                selector: Some(table.line(Key::Selector)).filter(|selector| !selector.is_empty()),
            },
            screen: ScreenSettings {
                theme: table.line(Key::Theme),
                keymap: table.line(Key::Keymap),
                ascii: table.switch(Key::Ascii).unwrap_or(false),
                color: color(&table.line(Key::Color)),
                mouse: table.switch(Key::Mouse).unwrap_or(false),
                escape: Duration::from_millis(table.whole(Key::EscapeMs)),
            },
            metrics: MetricsSettings::of(&table, request_timeout),
            files: FileSettings {
                audit_dir: table.file(Key::AuditDir).or_else(|| in_state("audit")),
                log_file: table.file(Key::LogFile).or_else(|| in_state("pilothouse.log")),
                log_level: log_level(&table.line(Key::LogLevel)),
                config_dir: folders.config.clone(),
                state_dir: folders.state.clone(),
            },
            read_only: table.switch(Key::ReadOnly).unwrap_or(false),
            request_timeout,
            gate_limit: table.span(Key::GateLimit),
            table,
        }
    }

    /// Every value with its origin.
    #[must_use]
    pub const fn table(&self) -> &Table {
        &self.table
    }
}

fn contexts(names: &[String]) -> Contexts {
    if names.iter().any(|name| name == EVERY_CONTEXT) {
        return Contexts::All;
    }
    let mut seen = BTreeSet::new();
    let names: Vec<String> = names.iter().filter(|name| seen.insert(*name)).cloned().collect();
    if names.is_empty() { Contexts::Current } else { Contexts::Named(names) }
}

fn color(word: &str) -> ColorChoice {
    match word {
        "always" => ColorChoice::Always,
        "never" => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}

fn log_level(word: &str) -> LogLevel {
    match word {
        "off" => LogLevel::Off,
        "error" => LogLevel::Error,
        "warn" => LogLevel::Warn,
        "debug" => LogLevel::Debug,
        _ => LogLevel::Info,
    }
}

impl MetricsSettings {
    fn of(table: &Table, timeout: Duration) -> Self {
        let built_in = QueryTemplates::default();
        let query = |key, default: Template| table.query(key).unwrap_or(default);
        let window = table.span(Key::Window);
        Self {
            refresh: table.span(Key::Refresh),
            limits: Limits {
                error_ratio_worse_max: table.decimal(Key::LimitErrorRatio),
                latency_times_max: table.decimal(Key::LimitLatencyTimes),
                request_rate_min: table.decimal(Key::LimitRequestRate),
            },
            queries: QueryTemplates {
                error_ratio: query(Key::QueryErrorRatio, built_in.error_ratio),
                latency_p99: query(Key::QueryLatencyP99, built_in.latency_p99),
                request_rate: query(Key::QueryRequestRate, built_in.request_rate),
                newest_sample: query(Key::QueryNewestSample, built_in.newest_sample),
                window: if window.is_zero() { queries::WINDOW } else { window },
            },
            table: table.clone(),
            timeout,
        }
    }

    /// The Prometheus of a context: its own, or the one for all; `None`: there is none. Of two tables only one counts:
    /// what is said of one server is not for another.
    #[must_use]
    pub fn prometheus(&self, cluster: &ClusterName) -> Option<PrometheusSpec> {
        let own = self.table.of(cluster.as_str(), Key::PrometheusUrl).is_some();
        let context = if own { cluster.as_str() } else { EVERY_CONTEXT };
        let of = |key| self.table.of(context, key);
        let Some(Value::Address(url)) = of(Key::PrometheusUrl) else { return None };
        let mut spec = PrometheusSpec::new(cluster.clone(), url.clone());
        spec.login = self.login(context);
        if let Some(Value::Headers(headers)) = of(Key::PrometheusHeaders) {
            spec.headers.clone_from(headers);
        }
        if let Some(Value::File(path)) = of(Key::PrometheusCaFile) {
            spec.ca_file = Some(path.clone());
        }
        if let Some(Value::Address(proxy)) = of(Key::PrometheusProxy) {
            spec.proxy = Some(proxy.clone());
        }
        spec.queries = self.queries.clone();
        spec.timeout = self.timeout;
        Some(spec)
    }

    fn login(&self, context: &str) -> Login {
        use crate::backends::prometheus::spec::Secret;
        let of = |key| self.table.of(context, key);
        match (
            of(Key::PrometheusBearerTokenFile),
            of(Key::PrometheusUsername),
            of(Key::PrometheusPasswordFile),
        ) {
            (Some(Value::File(token)), ..) => Login::Bearer(Secret::File(token.clone())),
            (_, Some(Value::Line(name)), Some(Value::File(password))) => {
                Login::Basic { username: name.clone(), password: Secret::File(password.clone()) }
            }
            _ => Login::None,
        }
    }
}
