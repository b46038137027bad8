//! Keys → commands: per context a table of key sequences, sorted so that all sequences with the same beginning stand
//! together (a trie laid flat). The longest sequence wins; keymaps are laid over each other; mistakes become warnings.
//!
//! ```toml
//! [fleet]
//! "g g" = "cursor.top"
//! "x" = "none"          # takes the key away here
//! ```

use std::collections::BTreeMap;

use super::command::{COMMANDS, CommandSpec};
use super::entries::{Entry, Reading};
use super::event::{Command, Screen};
use crate::app::key::{Key, parse_sequence, sequence_text};
use crate::domain::text::Text;
use crate::domain::warning::Warning;

/// Where a key is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyContext {
    /// Everywhere but in dialogs and where text is typed.
    Global,
    /// On every screen.
    Screens,
    /// The fleet.
    Fleet,
    /// One rollout.
    Rollout,
    /// The time axis.
    Timeline,
    /// The board of gates.
    Gates,
    /// The time axis of the fleet.
    FleetTimeline,
    /// Help, notices, logs, objects.
    Pager,
    /// A list to choose from, and the filter line: other keys are typed.
    Picker,
    /// The dialog of a deed; where a name is typed other keys are typed.
    Confirm,
}

impl KeyContext {
    /// All, in the order of help and README.
    pub const ALL: [Self; 10] = [
        Self::Global,
        Self::Screens,
        Self::Fleet,
        Self::Rollout,
        Self::Timeline,
        Self::Gates,
        Self::FleetTimeline,
        Self::Pager,
        Self::Picker,
        Self::Confirm,
    ];

    /// The name of its table in a keymap file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Screens => "screens",
            Self::Fleet => "fleet",
            Self::Rollout => "rollout",
            Self::Timeline => "timeline",
            Self::Gates => "gates",
            Self::FleetTimeline => "fleet-timeline",
            Self::Pager => "pager",
            Self::Picker => "picker",
            Self::Confirm => "confirm",
        }
    }

    /// The heading in help.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Global => "Everywhere",
            Self::Screens => "On every screen",
            Self::Fleet => "Fleet",
            Self::Rollout => "Rollout",
            Self::Timeline => "Timeline",
            Self::Gates => "Gates",
            Self::FleetTimeline => "Fleet timeline",
            Self::Pager => "Logs, objects, help",
            Self::Picker => "Lists and filter",
            Self::Confirm => "Dialog of a deed",
        }
    }

    /// The context of a screen without popups.
    #[must_use]
    pub const fn of_screen(screen: Screen) -> Self {
        match screen {
            Screen::Fleet => Self::Fleet,
            Screen::Rollout => Self::Rollout,
            Screen::Timeline => Self::Timeline,
            Screen::Gates => Self::Gates,
            Screen::FleetTimeline => Self::FleetTimeline,
        }
    }

    /// The tables that are asked, in this order. A dialog and a list ask nobody else: a letter that means a deed
    /// elsewhere must mean nothing there.
    #[must_use]
    pub const fn chain(self) -> &'static [Self] {
        match self {
            Self::Global => &[Self::Global],
            Self::Screens => &[Self::Screens, Self::Global],
            Self::Fleet => &[Self::Fleet, Self::Screens, Self::Global],
            Self::Rollout => &[Self::Rollout, Self::Screens, Self::Global],
            Self::Gates => &[Self::Gates, Self::Screens, Self::Global],
            Self::Timeline => &[Self::Timeline, Self::Screens, Self::Global],
            // A time axis, and a list of the fleet.
            Self::FleetTimeline => {
                &[Self::FleetTimeline, Self::Timeline, Self::Fleet, Self::Screens, Self::Global]
            }
            Self::Pager => &[Self::Pager, Self::Global],
            Self::Picker => &[Self::Picker],
            Self::Confirm => &[Self::Confirm],
        }
    }

    /// Whether keys of the other table work here.
    #[must_use]
    pub fn reaches(self, other: Self) -> bool {
        self.chain().contains(&other)
    }
}

/// What keys mean so far.
#[derive(Clone, Debug, PartialEq)]
pub enum Lookup {
    /// Nothing.
    Unbound,
    /// The beginning of something.
    Prefix,
    /// This.
    Bound(Command),
}

/// What a key may be followed by.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// The key leads to this command.
    Command(&'static str),
    /// The key leads to so many commands.
    More(usize),
}

/// One binding: a command or, with `None`, "takes the key away", and the file that says so.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The command; `None` for `"none"`.
    pub command: Option<&'static CommandSpec>,
    /// The keymap it comes from.
    pub origin: Text,
}

impl PartialEq for Binding {
    fn eq(&self, other: &Self) -> bool {
        self.command.map(|spec| spec.id) == other.command.map(|spec| spec.id)
            && self.origin == other.origin
    }
}

/// The bindings of all contexts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keymap {
    tables: BTreeMap<KeyContext, BTreeMap<Vec<Key>, Binding>>,
}

impl Keymap {
    /// Reads one file. What is wrong is left out and told; the rest stands.
    #[must_use]
    pub fn parse(source: &str, origin: &Text) -> (Self, Vec<Warning>) {
        let mut reading = Reading::new(source, origin);
        let mut keymap = Self::default();
        for entry in reading.entries() {
            if let Err(warning) = keymap.bind(&entry, &reading, origin) {
                reading.warn(warning);
            }
        }
        (keymap, reading.finish())
    }

    fn bind(&mut self, entry: &Entry, file: &Reading<'_>, origin: &Text) -> Result<(), Warning> {
        let mut contexts = KeyContext::ALL.into_iter();
        let Some(context) = contexts.find(|context| context.name() == entry.table) else {
            if entry.table.is_empty() {
                let what = format!("\"{}\" stands outside of a table", entry.key);
                let hint = "write it below [global], [screens], [fleet] …";
                return Err(file.at(entry.key_at, &what).hint(hint));
            }
            let what = format!("\"{}\": no context [{}]", entry.key, entry.table);
            let names = KeyContext::ALL.iter().map(|context| context.name());
            return Err(file.at(entry.key_at, &what).nearest(&entry.table, names));
        };
        let keys = parse_sequence(&entry.key)
            .map_err(|error| file.at(entry.key_at, &error.to_string()))?;
        let command = CommandSpec::find(&entry.value);
        if command.is_none() && entry.value != "none" {
            let ids = COMMANDS.iter().map(|spec| spec.id).chain(["none"]);
            let warning = file.at(entry.value_at, &format!("no command \"{}\"", entry.value));
            return Err(warning.nearest(&entry.value, ids));
        }
        let binding = Binding { command, origin: origin.clone() };
        if self.tables.entry(context).or_default().insert(keys, binding).is_some() {
            let what = format!("\"{}\" is bound twice in [{}]", entry.key, entry.table);
            return Err(file.at(entry.key_at, &what).hint("the last one counts"));
        }
        Ok(())
    }

    /// Lays another keymap over this one: where both bind the same keys in the same context, the other wins.
    #[must_use]
    pub fn overlay(mut self, over: Self) -> Self {
        for (context, table) in over.tables {
            self.tables.entry(context).or_default().extend(table);
        }
        self
    }

    /// Keymaps laid over each other, the last one on top, with the mistakes of all and the keys that hide each other.
    #[must_use]
    pub fn layered(layers: &[(Text, &str)]) -> (Self, Vec<Warning>) {
        let mut keymap = Self::default();
        let mut warnings = Vec::new();
        for (origin, source) in layers {
            let (layer, found) = Self::parse(source, origin);
            keymap = keymap.overlay(layer);
            warnings.extend(found);
        }
        warnings.extend(keymap.hidden());
        (keymap, warnings)
    }

    /// What these keys mean in this context: its own table first, then the wider ones.
    #[must_use]
    pub fn lookup(&self, context: KeyContext, keys: &[Key]) -> Lookup {
        for table in context.chain().iter().filter_map(|context| self.tables.get(context)) {
            if longer(table, keys).next().is_some() {
                return Lookup::Prefix;
            }
            match table.get(keys).map(|binding| binding.command) {
                Some(Some(spec)) => return Lookup::Bound(spec.command.clone()),
                Some(None) => return Lookup::Unbound,
                None => {}
            }
        }
        Lookup::Unbound
    }

    /// What can follow these keys, for the line that helps on while a sequence is typed.
    #[must_use]
    pub fn following(&self, context: KeyContext, keys: &[Key]) -> Vec<(Key, Next)> {
        let mut found: BTreeMap<Key, Vec<&'static str>> = BTreeMap::new();
        for (sequence, id) in self.bindings(context) {
            if let Some(next) = sequence.strip_prefix(keys).and_then(|rest| rest.first()) {
                found.entry(*next).or_default().push(id);
            }
        }
        let next = |ids: Vec<&'static str>| match ids.as_slice() {
            [id] => Next::Command(id),
            _ => Next::More(ids.len()),
        };
        found.into_iter().map(|(key, ids)| (key, next(ids))).collect()
    }

    /// All sequences that work in this context and the commands they lead to, own table first.
    #[must_use]
    pub fn bindings(&self, context: KeyContext) -> Vec<(&[Key], &'static str)> {
        let tables = context.chain().iter().filter_map(|context| self.tables.get(context));
        let all = tables.flatten().filter_map(|(keys, binding)| {
            let spec = binding.command?;
            self.leads_to(context, keys, spec).then_some((keys.as_slice(), spec.id))
        });
        let mut seen: Vec<(&[Key], &'static str)> = Vec::new();
        for (keys, id) in all {
            if !seen.iter().any(|(other, _)| *other == keys) {
                seen.push((keys, id));
            }
        }
        seen
    }

    /// Whether typing these keys, one after the other, ends at this command.
    fn leads_to(&self, context: KeyContext, keys: &[Key], spec: &CommandSpec) -> bool {
        (1..keys.len()).all(|cut| self.lookup(context, &keys[..cut]) == Lookup::Prefix)
            && self.lookup(context, keys) == Lookup::Bound(spec.command.clone())
    }

    /// The sequences that lead to a command in this context, the shortest first, spelled.
    #[must_use]
    pub fn keys_of(&self, context: KeyContext, command: &Command) -> Vec<String> {
        let Some(spec) = CommandSpec::of(command) else { return Vec::new() };
        let mut keys: Vec<&[Key]> = self
            .bindings(context)
            .into_iter()
            .filter_map(|(keys, id)| (id == spec.id).then_some(keys))
            .collect();
        keys.sort_by_key(|keys| (keys.len(), sequence_text(keys).chars().count(), *keys));
        keys.into_iter().map(sequence_text).collect()
    }

    /// Every binding as it is written, for `pilothouse keys`.
    pub fn entries(&self) -> impl Iterator<Item = (KeyContext, &[Key], &Binding)> {
        self.tables.iter().flat_map(|(context, table)| {
            table.iter().map(move |(keys, binding)| (*context, keys.as_slice(), binding))
        })
    }

    /// Keys that can never act because longer ones begin with them, and keys of a wider table that a narrower one
    /// takes over in the middle of a sequence.
    fn hidden(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for (context, table) in &self.tables {
            for (keys, binding) in table {
                let Some(spec) = binding.command else { continue };
                if let Some((other, over)) = longer(table, keys).next() {
                    warnings.push(hides(*context, (keys, spec, binding), (other, over)));
                }
            }
        }
        warnings.extend(self.cut_short());
        warnings
    }

    /// Keys of a wider table that cannot be typed because a narrower table binds their beginning, or begins with them.
    fn cut_short(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for context in KeyContext::ALL {
            let Some((own, wider)) = context.chain().split_first() else { continue };
            let own_table = self.tables.get(own).into_iter().flatten();
            for (keys, binding) in own_table.filter(|(_, binding)| binding.command.is_some()) {
                let under = wider.iter().filter_map(|context| self.tables.get(context)).flatten();
                let mut hidden = under.filter(|(other, under)| {
                    under.command.is_some()
                        && other.len() != keys.len()
                        && (other.starts_with(keys) || keys.starts_with(other))
                });
                if let Some((other, under)) = hidden.next() {
                    let what = format!(
                        "[{}] \"{}\" hides \"{}\" ({})",
                        own.name(),
                        sequence_text(keys),
                        sequence_text(other),
                        under.command.map_or("none", |spec| spec.id)
                    );
                    warnings.push(Warning::whole(&binding.origin, &what));
                }
            }
        }
        warnings
    }
}

fn hides(
    context: KeyContext,
    (keys, spec, binding): (&[Key], &CommandSpec, &Binding),
    (other, over): (&Vec<Key>, &Binding),
) -> Warning {
    let (keys, other) = (sequence_text(keys), sequence_text(other));
    let what = format!(
        "[{}] \"{keys}\" ({}) is hidden by the longer \"{other}\" ({})",
        context.name(),
        spec.id,
        over.command.map_or("none", |spec| spec.id)
    );
    Warning::whole(&binding.origin, &what).hint(&format!("\"{other}\" = \"none\" frees it"))
}

/// Bound sequences of a table that begin with these keys and are longer.
fn longer<'a>(
    table: &'a BTreeMap<Vec<Key>, Binding>,
    keys: &'a [Key],
) -> impl Iterator<Item = (&'a Vec<Key>, &'a Binding)> {
    table
        .range::<[Key], _>((std::ops::Bound::Excluded(keys), std::ops::Bound::Unbounded))
        .take_while(move |(sequence, _)| sequence.starts_with(keys))
        .filter(|(_, binding)| binding.command.is_some())
}

#[cfg(test)]
#[path = "keymap_tests.rs"]
mod tests;
