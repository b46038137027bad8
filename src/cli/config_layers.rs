//! What the defaults, the environment and the command line say, in the same form as a file says it; and what holds when
//! all of them have spoken.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use super::args::Args;
use super::args_values::{OnePrometheus, prometheus};
use super::config_file::{Entry, Layer};
use super::config_keys::{EVERY_CONTEXT, KEYS, Key};
use super::config_value::{Around, Value, from_word};
use super::origin::Origin;
use crate::backends::prometheus::template::Template;
use crate::domain::text::Text;
use crate::domain::warning::Warning;

/// A setting that holds.
#[derive(Clone)]
pub struct Setting {
    /// Its value.
    pub value: Value,
    /// Who said so.
    pub origin: Origin,
}

/// All settings that hold, by key and, for what is per context, by context.
#[derive(Clone, Default)]
pub struct Table {
    pub(super) settings: BTreeMap<(Key, Option<String>), Setting>,
}

/// What nobody has to say.
pub(super) fn defaults(around: Around<'_>) -> Layer {
    let said = KEYS.iter().filter(|spec| !spec.default.is_empty());
    let entries = said.filter_map(|spec| {
        // A test reads them all.
        let value = from_word(spec.kind, spec.default, around).ok()?;
        Some(Entry { key: spec.key, context: None, value, origin: Origin::Default })
    });
    Layer { entries: entries.collect(), warnings: Vec::new() }
}

/// What the environment says: `PILOTHOUSE_<KEY>`, and `NO_COLOR`.
pub(super) fn environment(around: Around<'_>) -> Layer {
    let mut layer = Layer::default();
    let said = |name: &str| (around.env)(name).filter(|value| !value.is_empty());
    if said("NO_COLOR").is_some() {
        layer.say(Key::Color, Value::Line("never".to_owned()), &env_origin("NO_COLOR"));
    }
    for spec in &KEYS {
        let name = spec.env();
        let Some(word) = said(&name) else { continue };
        let origin = env_origin(&name);
        if spec.key == Key::PrometheusUrl {
            layer.addresses(&word, &origin);
            continue;
        }
        match from_word(spec.kind, &word, around) {
            Ok(value) => layer.say(spec.key, value, &origin),
            Err(wrong) => {
                let warning = Warning::whole(&Text::clean(&name), &wrong.what);
                layer.warnings.push(match &wrong.hint {
                    Some(hint) => warning.hint(hint),
                    None => warning,
                });
                if spec.key == Key::ReadOnly {
                    // Somebody wanted to say something about it: the safe answer is taken.
                    layer.say(Key::ReadOnly, Value::Switch(true), &origin);
                }
            }
        }
    }
    layer
}

fn env_origin(name: &str) -> Origin {
    Origin::Env(Text::clean(name))
}

/// What the command line says.
pub(super) fn flags(args: &Args) -> Layer {
    let mut layer = Layer::default();
    let (cluster, look) = (&args.cluster, &args.look);
    let mut say = |key, value| layer.say(key, value, &Origin::Flag(flag_of(key)));
    if !cluster.contexts.is_empty() {
        say(Key::Contexts, Value::Names(cluster.contexts.clone()));
    }
    if !cluster.namespaces.is_empty() {
        say(Key::Namespaces, Value::Names(cluster.namespaces.clone()));
    }
    if let Some(selector) = &cluster.selector {
        say(Key::Selector, Value::Line(selector.clone()));
    }
    if let Some(timeout) = cluster.request_timeout {
        say(Key::RequestTimeout, Value::Span(timeout));
    }
    if look.read_only {
        say(Key::ReadOnly, Value::Switch(true));
    }
    if let Some(theme) = &look.theme {
        say(Key::Theme, Value::Line(theme.clone()));
    }
    if let Some(keymap) = &look.keymap {
        say(Key::Keymap, Value::Line(keymap.clone()));
    }
    if look.ascii {
        say(Key::Ascii, Value::Switch(true));
    }
    if look.no_color {
        say(Key::Color, Value::Line("never".to_owned()));
    }
    for one in &cluster.prometheus {
        layer.address(one, &Origin::Flag(flag_of(Key::PrometheusUrl)));
    }
    if cluster.all_contexts {
        let all = Value::Names(vec![EVERY_CONTEXT.to_owned()]);
        layer.say(Key::Contexts, all, &Origin::Flag("--all-contexts"));
    }
    if cluster.all_namespaces {
        let all = Value::Names(Vec::new());
        layer.say(Key::Namespaces, all, &Origin::Flag("--all-namespaces"));
    }
    layer
}

fn flag_of(key: Key) -> &'static str {
    key.spec().flag.unwrap_or("command line")
}

impl Layer {
    fn say(&mut self, key: Key, value: Value, origin: &Origin) {
        self.entries.push(Entry { key, context: None, value, origin: origin.clone() });
    }

    /// `[CONTEXT=]URL`, several between commas.
    fn addresses(&mut self, words: &str, origin: &Origin) {
        for word in words.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match prometheus(word) {
                Ok(one) => self.address(&one, origin),
                Err(what) => {
                    self.warnings.push(Warning::whole(&Text::clean(&origin.to_string()), &what));
                }
            }
        }
    }

    fn address(&mut self, one: &OnePrometheus, origin: &Origin) {
        let context = one.context.clone().unwrap_or_else(|| EVERY_CONTEXT.to_owned());
        let (key, value) = (Key::PrometheusUrl, Value::Address(one.url.clone()));
        self.entries.push(Entry { key, context: Some(context), value, origin: origin.clone() });
    }
}

impl Table {
    /// Lays what somebody says over what was said before.
    pub(super) fn lay(&mut self, layer: Layer, warnings: &mut Vec<Warning>) {
        warnings.extend(layer.warnings);
        // Who names one address for all means all, but for those that are named beside it.
        let for_all = layer.entries.iter().any(|entry| {
            entry.origin.is_of_this_run()
                && entry.key == Key::PrometheusUrl
                && entry.context.as_deref() == Some(EVERY_CONTEXT)
        });
        if for_all {
            self.settings.retain(|(key, context), _| {
                !key.is_per_context() || context.as_deref() == Some(EVERY_CONTEXT)
            });
        }
        for entry in layer.entries {
            self.put(entry, warnings);
        }
    }

    fn put(&mut self, mut entry: Entry, warnings: &mut Vec<Warning>) {
        if entry.key.is_per_context() && entry.context.is_none() {
            entry.context = Some(EVERY_CONTEXT.to_owned());
        }
        let place = (entry.key, entry.context);
        // `read_only` that is true once stays true (`design/deeds.md`).
        if entry.key == Key::ReadOnly && matches!(self.switch(entry.key), Some(true)) {
            return;
        }
        if let (Key::PrometheusUrl, Value::Address(url)) = (entry.key, &entry.value) {
            self.keep_secrets_at_home(place.1.as_ref(), url, &entry.origin, warnings);
        }
        self.settings.insert(place, Setting { value: entry.value, origin: entry.origin });
    }

    /// What was said of one server (its credentials, above all) is not for another one.
    fn keep_secrets_at_home(
        &mut self,
        context: Option<&String>,
        url: &reqwest::Url,
        origin: &Origin,
        warnings: &mut Vec<Warning>,
    ) {
        let old = self.settings.get(&(Key::PrometheusUrl, context.cloned()));
        let moved = old.is_some_and(
            |old| matches!(&old.value, Value::Address(old) if old.origin() != url.origin()),
        );
        if !moved {
            return;
        }
        let count = self.settings.len();
        self.settings.retain(|(key, of), _| !(key.is_per_context() && of.as_ref() == context));
        if self.settings.len() + 1 < count {
            let place = Text::clean(&origin.to_string());
            let what = "another server than the config's: its credentials and headers stay unused";
            warnings.push(Warning::whole(&place, what));
        }
    }

    /// What holds for a key that is not per context.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&Value> {
        self.settings.get(&(key, None)).map(|setting| &setting.value)
    }

    /// What holds for a key of a context's own table.
    #[must_use]
    pub fn of(&self, context: &str, key: Key) -> Option<&Value> {
        self.settings.get(&(key, Some(context.to_owned()))).map(|setting| &setting.value)
    }

    /// Who said so.
    #[must_use]
    pub fn origin(&self, key: Key) -> Origin {
        self.settings.get(&(key, None)).map_or(Origin::Default, |setting| setting.origin.clone())
    }

    pub(super) fn set(&mut self, key: Key, value: Value, origin: Origin) {
        self.settings.insert((key, None), Setting { value, origin });
    }

    pub(super) fn setting(&self, context: &str, key: Key) -> Option<&Setting> {
        self.settings.get(&(key, Some(context.to_owned())))
    }

    /// Contexts that have a table of their own, [`EVERY_CONTEXT`] included.
    pub(super) fn contexts(&self) -> BTreeSet<String> {
        self.settings.keys().filter_map(|(_, context)| context.clone()).collect()
    }

    /// Something that was said of a context.
    pub(super) fn first_of(&self, context: &str) -> Option<Key> {
        let mut keys = self.settings.keys();
        keys.find(|(_, of)| of.as_deref() == Some(context)).map(|(key, _)| *key)
    }
}

/// Values by their kind. A key's value always has the kind of its line in the table, so what stands for "another kind"
/// is never used; a test reads every key.
impl Table {
    pub(super) fn switch(&self, key: Key) -> Option<bool> {
        match self.get(key) {
            Some(Value::Switch(on)) => Some(*on),
            _ => None,
        }
    }

    pub(super) fn whole(&self, key: Key) -> u64 {
        match self.get(key) {
            Some(Value::Whole(number)) => *number,
            _ => 0,
        }
    }

    pub(super) fn decimal(&self, key: Key) -> f64 {
        match self.get(key) {
            Some(Value::Decimal(number)) => *number,
            _ => 0.0,
        }
    }

    pub(super) fn span(&self, key: Key) -> Duration {
        match self.get(key) {
            Some(Value::Span(span)) => *span,
            _ => Duration::ZERO,
        }
    }

    pub(super) fn line(&self, key: Key) -> String {
        match self.get(key) {
            Some(Value::Line(text)) => text.clone(),
            _ => String::new(),
        }
    }

    pub(super) fn names(&self, key: Key) -> &[String] {
        match self.get(key) {
            Some(Value::Names(names)) => names,
            _ => &[],
        }
    }

    pub(super) fn file(&self, key: Key) -> Option<PathBuf> {
        match self.get(key) {
            Some(Value::File(path)) => Some(path.clone()),
            _ => None,
        }
    }

    pub(super) fn query(&self, key: Key) -> Option<Template> {
        match self.get(key) {
            Some(Value::Query(_, template)) => Some((**template).clone()),
            _ => None,
        }
    }
}
