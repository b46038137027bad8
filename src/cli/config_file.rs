//! The config file: every mistake is a warning with its place, and whatever else stands there holds.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::config_keys::{EVERY_CONTEXT, KEYS, Key, KeySpec};
use super::config_value::{Around, Value, Wrong, from_toml};
use super::origin::Origin;
use super::small_file;
use crate::backends::prometheus::spec::Secret;
use crate::domain::text::Text;
use crate::domain::warning::{Warning, nearest};

/// Largest config file taken; more is a wrong path.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Most warnings of one file: a file of another kind has one for each of its lines.
const WARNINGS_MAX: usize = 20;

/// One setting that somebody said something about.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) key: Key,
    /// The context, for what is per context.
    pub(super) context: Option<String>,
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// What a layer says, and what is wrong with it.
#[derive(Default)]
pub(super) struct Layer {
    pub(super) entries: Vec<Entry>,
    pub(super) warnings: Vec<Warning>,
}

/// Why a file cannot be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the config file {path}: {why}")]
pub struct Unreadable {
    /// Which.
    pub path: Text,
    /// Why, in the words of the system.
    pub why: Text,
    /// True when there is none.
    pub is_missing: bool,
}

/// Reads a file.
pub(super) fn read(path: &Path, around: Around<'_>) -> Result<Layer, Unreadable> {
    let source = small_file::text(path, FILE_BYTES_MAX).map_err(|found| Unreadable {
        path: Text::clean(&path.to_string_lossy()),
        why: found.why,
        is_missing: found.is_missing,
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let place = Text::clean(&path.to_string_lossy());
    let mut layer = parse(&place, &source, Around { folder, ..around });
    if let Some(warning) = open_secrets(path, &place, &layer) {
        layer.warnings.push(warning);
    }
    Ok(layer)
}

/// Headers that stand in the file itself, for everybody to read.
fn open_secrets(path: &Path, place: &Text, layer: &Layer) -> Option<Warning> {
    let has_secret = layer.entries.iter().any(|entry| match &entry.value {
        Value::Headers(headers) => {
            headers.iter().any(|(_, secret)| matches!(secret, Secret::Given(_)))
        }
        Value::Switch(_)
        | Value::Whole(_)
        | Value::Decimal(_)
        | Value::Span(_)
        | Value::Line(_)
        | Value::Names(_)
        | Value::File(_)
        | Value::Address(_)
        | Value::Query(..) => false,
    });
    if !(has_secret && is_open(path)) {
        return None;
    }
    let warning = Warning::whole(place, "holds headers and can be read by others");
    Some(warning.hint("chmod 600, or write { file = \"…\" } or { env = \"…\" }"))
}

#[cfg(unix)]
fn is_open(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
const fn is_open(_path: &Path) -> bool {
    false
}

/// Reads the text of a file.
pub(super) fn parse(place: &Text, source: &str, around: Around<'_>) -> Layer {
    let (table, errors) = DeTable::parse_recoverable(source);
    let mut reader = Reader { place, source, around, layer: Layer::default(), broken: Vec::new() };
    for error in &errors {
        reader.broken_line(error);
    }
    reader.table(&mut Vec::new(), table.get_ref());
    let mut layer = reader.layer;
    layer.warnings.sort_by_key(|warning| (warning.line, warning.column));
    let more = layer.warnings.len().saturating_sub(WARNINGS_MAX);
    if more > 0 {
        layer.warnings.truncate(WARNINGS_MAX);
        layer.warnings.push(Warning::whole(place, &format!("and {more} mistakes more")));
    }
    layer
}

struct Reader<'a> {
    place: &'a Text,
    source: &'a str,
    around: Around<'a>,
    layer: Layer,
    /// Lines that are no TOML: what was made of them is not what was meant.
    broken: Vec<u32>,
}

type Name<'i> = Spanned<std::borrow::Cow<'i, str>>;

impl Reader<'_> {
    fn broken_line(&mut self, error: &toml::de::Error) {
        let start = error.span().map_or(0, |span| span.start);
        let warning = Warning::at(self.place, self.source, start, error.message());
        let index = usize::try_from(warning.line.saturating_sub(1)).unwrap_or(0);
        let line = self.source.lines().nth(index).unwrap_or_default();
        if line.trim_start().starts_with(Key::ReadOnly.spec().name) {
            self.broken_read_only(warning.line);
        }
        // One line often breaks in several places; the first one is the reason.
        if !self.broken.contains(&warning.line) {
            self.broken.push(warning.line);
            self.layer.warnings.push(warning);
        }
    }

    /// Somebody wanted to say something about it: the safe answer is taken.
    fn broken_read_only(&mut self, line: u32) {
        let origin = Origin::File { path: self.place.clone(), line };
        let value = Value::Switch(true);
        self.layer.entries.push(Entry { key: Key::ReadOnly, context: None, value, origin });
    }

    fn table(&mut self, above: &mut Vec<String>, table: &DeTable<'_>) {
        // In the order of the file, so that its warnings are, too.
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in entries {
            let line = self.at(name.span().start, "").line;
            if !self.broken.contains(&line) {
                self.entry(above, name, value);
            }
        }
    }

    fn entry(&mut self, above: &mut Vec<String>, name: &Name<'_>, value: &Spanned<DeValue<'_>>) {
        let depth = above.len();
        let below = |spec: &&KeySpec| {
            let path = spec.path();
            path.len() > depth && path.iter().zip(above.iter()).all(|(part, name)| is(part, name))
        };
        let found: Vec<&KeySpec> = KEYS
            .iter()
            .filter(below)
            .filter(|spec| spec.path().get(depth).is_some_and(|part| is(part, name.get_ref())))
            .collect();
        above.push(name.get_ref().to_string());
        match (found.first(), value.get_ref()) {
            (None, _) => self.unknown(above, name),
            (Some(spec), _) if spec.path().len() == above.len() => self.value(above, spec, value),
            (Some(_), DeValue::Table(inner)) => self.table(above, inner),
            (Some(spec), _) => self.no_table(above, spec, name),
        }
        above.pop();
    }

    /// A single value where a table of settings belongs.
    fn no_table(&mut self, path: &[String], spec: &KeySpec, name: &Name<'_>) {
        let shown = written(path);
        let warning = self.at(name.span().start, &format!("{shown} is a table"));
        let is_setting = KEYS.iter().any(|other| {
            other.path().split_last().is_some_and(|(last, above)| {
                *last == name.get_ref() && above.first() == spec.path().first()
            })
        });
        let table = match path.first() {
            Some(first) if is_setting => format!("{first}.\"{EVERY_CONTEXT}\""),
            Some(_) | None => shown,
        };
        self.layer.warnings.push(warning.hint(&format!("write settings below [{table}]")));
    }

    fn unknown(&mut self, path: &[String], name: &Name<'_>) {
        let warning = self.at(name.span().start, &format!("no setting {}", written(path)));
        let depth = path.len() - 1;
        let siblings = KEYS
            .iter()
            .map(KeySpec::path)
            .filter(|spec| spec.iter().zip(path).take(depth).all(|(part, name)| is(part, name)));
        let siblings = siblings.filter_map(|spec| spec.get(depth).copied());
        let elsewhere =
            KEYS.iter().find(|spec| spec.path().last().is_some_and(|last| *last == name.get_ref()));
        let warning = match (nearest(name.get_ref(), siblings), elsewhere) {
            (Some(near), _) => warning.hint(&format!("did you mean \"{near}\"?")),
            (None, Some(spec)) => warning.hint(&format!("did you mean {}?", spec.name)),
            (None, None) => warning,
        };
        self.layer.warnings.push(warning);
    }

    fn value(&mut self, path: &[String], spec: &KeySpec, value: &Spanned<DeValue<'_>>) {
        let line = self.at(value.span().start, "").line;
        match from_toml(spec.kind, value.get_ref(), self.around) {
            Ok(read) => {
                let origin = Origin::File { path: self.place.clone(), line };
                let context = spec.key.is_per_context().then(|| path.get(1).cloned()).flatten();
                self.layer.entries.push(Entry { key: spec.key, context, value: read, origin });
            }
            Err(wrong) => {
                self.wrong(&written(path), value, &wrong);
                if spec.key == Key::ReadOnly {
                    self.broken_read_only(line);
                }
            }
        }
    }

    fn wrong(&mut self, path: &str, value: &Spanned<DeValue<'_>>, wrong: &Wrong) {
        let span = value.span();
        // In a text of many lines the place is within it, where the text stands in the file as it is.
        let inside = value.get_ref().as_str().filter(|_| wrong.at > 0).and_then(|text| {
            self.source.get(span.clone())?.find(text).map(|start| start + wrong.at)
        });
        let at = span.start + inside.unwrap_or(0);
        let warning = self.at(at, &format!("{path}: {}", wrong.what));
        self.layer.warnings.push(match &wrong.hint {
            Some(hint) => warning.hint(hint),
            None => warning,
        });
    }

    fn at(&self, byte: usize, what: &str) -> Warning {
        Warning::at(self.place, self.source, byte, what)
    }
}

/// Whether a name is this part of a key's path.
fn is(part: &str, name: &str) -> bool {
    part == "*" || part == name
}

/// A path as TOML writes it.
pub(super) fn written(path: &[String]) -> String {
    let is_bare = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let quoted = |name: &str| toml::Value::String(name.to_owned()).to_string();
    let parts = path.iter().map(|name| if is_bare(name) { name.clone() } else { quoted(name) });
    parts.collect::<Vec<_>>().join(".")
}
