//! The values that settings can have: what each kind accepts, from a file and from a word, and how it is written back.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use reqwest::Url;
use secrecy::SecretString;
use toml::de::{DeTable, DeValue};

use crate::backends::prometheus::spec::Secret;
use crate::backends::prometheus::template::{PLACES, Template};
use crate::domain::warning::nearest;

/// What a setting accepts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Switch,
    /// A whole number in these limits.
    Whole(u64, u64),
    /// A number in these limits.
    Decimal(f64, f64),
    /// A time in these limits, as `5s`, `1m`, `250ms`.
    Span(Duration, Duration),
    /// Any text of one line.
    Line,
    /// A list of texts.
    Names,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A file or folder.
    File,
    /// The address of a server.
    Address,
    /// A PromQL template.
    Query,
    /// HTTP headers.
    Headers,
}

impl Kind {
    /// What it is, in words.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Switch => "true or false".to_owned(),
            Self::Whole(least, most) => format!("a whole number from {least} to {most}"),
            Self::Decimal(least, most) => format!("a number from {least} to {most}"),
            Self::Span(least, most) => {
                format!("a time from {} to {}", span_text(least), span_text(most))
            }
            Self::Line => "a text".to_owned(),
            Self::Names => "a list of texts".to_owned(),
            Self::Choice(words) => words.join(", "),
            Self::File => "a path".to_owned(),
            Self::Address => "an address (http:// or https://)".to_owned(),
            Self::Query => "PromQL with {{namespace}} {{name}} {{hash}} {{window}}".to_owned(),
            Self::Headers => "a table of headers".to_owned(),
        }
    }
}

/// The value of a setting.
#[derive(Clone)]
pub enum Value {
    /// Of [`Kind::Switch`].
    Switch(bool),
    /// Of [`Kind::Whole`].
    Whole(u64),
    /// Of [`Kind::Decimal`].
    Decimal(f64),
    /// Of [`Kind::Span`].
    Span(Duration),
    /// Of [`Kind::Line`] and [`Kind::Choice`].
    Line(String),
    /// Of [`Kind::Names`].
    Names(Vec<String>),
    /// Of [`Kind::File`].
    File(PathBuf),
    /// Of [`Kind::Address`].
    Address(Url),
    /// Of [`Kind::Query`]: what was written, and what it means.
    Query(String, Box<Template>),
    /// Of [`Kind::Headers`].
    Headers(Vec<(HeaderName, Secret)>),
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// In words.
    pub what: String,
    /// What is right.
    pub hint: Option<String>,
    /// How many bytes into the value, for long ones.
    pub at: usize,
}

impl Wrong {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None, at: 0 }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Where paths and secrets of a value are looked for.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// Relative paths begin here.
    pub folder: &'a Path,
    /// `~/` is this.
    pub home: Option<&'a Path>,
    /// The environment.
    pub env: &'a dyn Fn(&str) -> Option<String>,
}

/// Reads a value of a file.
///
/// # Errors
/// What is wrong with it.
pub fn from_toml(kind: Kind, value: &DeValue<'_>, around: Around<'_>) -> Result<Value, Wrong> {
    match (kind, value) {
        (Kind::Switch, DeValue::Boolean(on)) => Ok(Value::Switch(*on)),
        (Kind::Whole(..) | Kind::Decimal(..) | Kind::Span(..), DeValue::Integer(number)) => {
            let digits = match number.radix() {
                10 => number.as_str().replace('_', ""),
                radix => i64::from_str_radix(number.as_str(), radix).unwrap_or(-1).to_string(),
            };
            from_word(kind, &digits, around)
        }
        (Kind::Decimal(..), DeValue::Float(number)) => {
            from_word(kind, &number.as_str().replace('_', ""), around)
        }
        (Kind::Names, DeValue::Array(list)) => {
            let names = list.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
            let names: Option<Vec<String>> = names.collect();
            names.map(Value::Names).ok_or_else(|| Wrong::new("not all of the list are texts"))
        }
        (Kind::Names, DeValue::String(one)) => Ok(Value::Names(vec![one.to_string()])),
        (Kind::Headers, DeValue::Table(table)) => headers_of(table, around),
        (
            Kind::Line
            | Kind::Choice(_)
            | Kind::File
            | Kind::Address
            | Kind::Query
            | Kind::Span(..),
            DeValue::String(word),
        ) => from_word(kind, word, around),
        (
            Kind::Switch
            | Kind::Whole(..)
            | Kind::Decimal(..)
            | Kind::Span(..)
            | Kind::Line
            | Kind::Names
            | Kind::Choice(_)
            | Kind::File
            | Kind::Address
            | Kind::Query
            | Kind::Headers,
            value,
        ) => Err(Wrong::new(format!("{} is not right here", type_words(value)))
            .hint(format!("it is {}", kind.words()))),
    }
}

fn type_words(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Reads a value of the environment or the command line.
///
/// # Errors
/// What is wrong with it.
pub fn from_word(kind: Kind, word: &str, around: Around<'_>) -> Result<Value, Wrong> {
    let out_of_range =
        || Wrong::new(format!("{word} is not right here")).hint(format!("it is {}", kind.words()));
    match kind {
        Kind::Switch => match word.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(Value::Switch(true)),
            "false" | "0" | "no" | "off" | "" => Ok(Value::Switch(false)),
            _ => Err(out_of_range()),
        },
        Kind::Whole(least, most) => match word.parse::<u64>() {
            Ok(number) if (least..=most).contains(&number) => Ok(Value::Whole(number)),
            Ok(_) | Err(_) => Err(out_of_range()),
        },
        Kind::Decimal(least, most) => match word.parse::<f64>() {
            Ok(number) if (least..=most).contains(&number) => Ok(Value::Decimal(number)),
            Ok(_) | Err(_) => Err(out_of_range()),
        },
        Kind::Span(least, most) => duration(word, (least, most))
            .map(Value::Span)
            .map_err(|what| Wrong::new(what).hint(format!("it is {}", kind.words()))),
        Kind::Line => Ok(Value::Line(word.to_owned())),
        Kind::Names => Ok(Value::Names(list(word))),
        Kind::Choice(words) => match words.iter().find(|right| **right == word) {
            Some(right) => Ok(Value::Line((*right).to_owned())),
            None => Err(choice(word, words)),
        },
        Kind::File => file(word, around).map(Value::File),
        Kind::Address => url(word).map(Value::Address).map_err(Wrong::new),
        Kind::Query => query(word),
        Kind::Headers => {
            let pairs = list(word);
            let pairs = pairs.iter().map(|pair| pair.split_once('=').unwrap_or((pair, "")));
            let pairs = pairs.map(|(name, value)| header(name, value));
            pairs.collect::<Result<_, _>>().map(Value::Headers)
        }
    }
}

fn choice(word: &str, words: &[&str]) -> Wrong {
    let wrong = Wrong::new(format!("{word:?} is none of {}", words.join(", ")));
    match nearest(word, words.iter().copied()) {
        Some(near) => wrong.hint(format!("did you mean {near:?}?")),
        None => wrong,
    }
}

/// A list between commas, without empty entries.
fn list(word: &str) -> Vec<String> {
    word.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

fn file(word: &str, around: Around<'_>) -> Result<PathBuf, Wrong> {
    if word.is_empty() || word.contains('\0') {
        return Err(Wrong::new("an empty path"));
    }
    match (word.strip_prefix("~/"), around.home) {
        (Some(rest), Some(home)) => Ok(home.join(rest)),
        (Some(_), None) => Err(Wrong::new("\"~\" is not known here").hint("write the whole path")),
        (None, _) => Ok(around.folder.join(word)),
    }
}

/// Reads the address of a server. Names, passwords and parameters in it are refused: they would be shown.
pub(super) fn url(word: &str) -> Result<Url, String> {
    let Ok(url) = Url::parse(word) else {
        return Err("no address: it begins with http:// or https://".to_owned());
    };
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("no address: it begins with http:// or https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a name or password in the address would be shown: \
                    use username and password_file of the config"
            .to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("an address ends with its path: ? and # are not used".to_owned());
    }
    Ok(url)
}

fn query(word: &str) -> Result<Value, Wrong> {
    match Template::parse(word) {
        Ok(template) => Ok(Value::Query(word.to_owned(), Box::new(template))),
        Err(mistake) => {
            let near = mistake.word.as_deref().and_then(|word| nearest(word, PLACES));
            let hint = match near {
                Some(near) => format!("did you mean {{{{{near}}}}}?"),
                None => "places are {{namespace}} {{name}} {{hash}} {{window}}".to_owned(),
            };
            Err(Wrong { what: mistake.what, hint: Some(hint), at: mistake.at })
        }
    }
}

fn headers_of(table: &DeTable<'_>, around: Around<'_>) -> Result<Value, Wrong> {
    let pairs = table.iter().map(|(name, value)| {
        let name = name.get_ref();
        let Some(inner) = value.get_ref().as_table() else {
            let Some(text) = value.get_ref().as_str() else {
                return Err(Wrong::new(format!("header {name}: not a text"))
                    .hint("it is a text, { file = \"…\" } or { env = \"…\" }"));
            };
            return header(name, text);
        };
        let entry = |key: &str| inner.get(key).and_then(|value| value.get_ref().as_str());
        match (entry("file"), entry("env"), inner.len()) {
            (Some(path), None, 1) => Ok((header_name(name)?, Secret::File(file(path, around)?))),
            (None, Some(variable), 1) => match (around.env)(variable) {
                Some(value) => header(name, &value),
                None => Err(Wrong::new(format!("header {name}: {variable} is not set"))),
            },
            _ => Err(Wrong::new(format!("header {name}: neither file nor env"))
                .hint("it is a text, { file = \"…\" } or { env = \"…\" }")),
        }
    });
    pairs.collect::<Result<_, _>>().map(Value::Headers)
}

fn header(name: &str, value: &str) -> Result<(HeaderName, Secret), Wrong> {
    let header = header_name(name)?;
    if HeaderValue::from_str(value).is_err() {
        return Err(Wrong::new(format!("header {name}: its value has forbidden characters")));
    }
    Ok((header, Secret::Given(SecretString::from(value))))
}

fn header_name(name: &str) -> Result<HeaderName, Wrong> {
    let parsed = HeaderName::from_bytes(name.trim().as_bytes())
        .map_err(|_error| Wrong::new(format!("{name:?} is no name of a header")))?;
    match parsed.as_str() {
        "authorization" => Err(Wrong::new("header Authorization has settings of its own")
            .hint("use bearer_token_file, or username and password_file")),
        "host" | "content-type" | "content-length" | "accept" | "transfer-encoding" => {
            Err(Wrong::new(format!("header {name} is set by the program")))
        }
        _ => Ok(parsed),
    }
}

/// Reads a time: `1h30m`, `5s`, `250ms`, or a bare number of seconds.
pub(super) fn duration(word: &str, limits: (Duration, Duration)) -> Result<Duration, String> {
    let read = read_duration(word.trim());
    let span = read.ok_or_else(|| format!("{word:?} is no time (like 30s, 1m30s, 250ms)"))?;
    if span < limits.0 || span > limits.1 {
        return Err(format!("{word} is out of range"));
    }
    Ok(span)
}

pub(super) fn read_duration(word: &str) -> Option<Duration> {
    if let Ok(seconds) = word.parse::<u32>() {
        return Some(Duration::from_secs(u64::from(seconds)));
    }
    let mut sum = Duration::ZERO;
    let mut rest = word;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let number: u32 = number.parse().ok()?;
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(end)?;
        let unit = match unit {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_mins(1),
            "h" => Duration::from_hours(1),
            "d" => Duration::from_hours(24),
            _ => return None,
        };
        sum = sum.checked_add(unit.checked_mul(number)?)?;
        rest = tail;
    }
    (!word.is_empty()).then_some(sum)
}

/// A time in the fewest units that hold it.
#[must_use]
pub fn span_text(span: Duration) -> String {
    let mut left = span.as_millis();
    if left == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, milliseconds) in
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)]
    {
        if left >= milliseconds {
            let _ = write!(text, "{}{unit}", left / milliseconds);
            left %= milliseconds;
        }
    }
    text
}

impl Value {
    /// As it would be written in the config file; secrets are not.
    #[must_use]
    pub fn written(&self) -> String {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        match self {
            Self::Switch(on) => on.to_string(),
            Self::Whole(number) => number.to_string(),
            Self::Decimal(number) => number.to_string(),
            Self::Span(span) => quoted(&span_text(*span)),
            Self::Line(text) | Self::Query(text, _) => quoted(text),
            Self::Names(names) => {
                let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
                format!("[{}]", names.join(", "))
            }
            Self::File(path) => quoted(&path.to_string_lossy()),
            Self::Address(url) => quoted(url.as_str()),
            Self::Headers(headers) => {
                let pairs: Vec<String> = headers
                    .iter()
                    .map(|(name, secret)| match secret {
                        Secret::Given(_) => format!("{name} = \"•••\""),
                        Secret::File(path) => {
                            format!("{name} = {{ file = {} }}", quoted(&path.to_string_lossy()))
                        }
                    })
                    .collect();
                if pairs.is_empty() {
                    "{}".to_owned()
                } else {
                    format!("{{ {} }}", pairs.join(", "))
                }
            }
        }
    }
}
