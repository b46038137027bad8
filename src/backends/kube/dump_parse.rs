//! One document of a dump: objects come out one by one, those of a list as soon as each is read, so that a list of
//! 200 MB needs no more memory than its largest item. Aliases of YAML are limited.

use std::fmt;
use std::io::{BufReader, Read};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::options::{AliasLimits, NonFiniteFloatPolicy};

use super::dump_split::{Head, ITEM_BYTES_MAX, Spent, Splitter, too_large};
use super::lean::Lean;

/// Nesting of the deepest object taken; the deepest schema of a CRD stays below 64.
const DEPTH_MAX: usize = 128;

/// What all aliases of one document may add, in nodes. Nobody's tool writes any; hand-written manifests have a few.
const REPLAYED_MAX: usize = 50_000;

/// A document that is only a text is short; in longer ones the parser's place is right.
const TEXT_BYTES_MAX: u64 = 512;

/// Where a document breaks, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Break {
    /// The line in the file, from 1.
    pub(super) line: u64,
    /// In words.
    pub(super) why: String,
}

/// Reads one document; what was handed over before it breaks is right.
pub(super) fn document<R: Read>(
    head: Head,
    splitter: &mut Splitter<R>,
    spent: &Spent,
    each: &mut dyn FnMut(Value),
) -> Result<(), Break> {
    spent.set(0);
    let read = match head.first {
        b'{' | b'[' => json(head, splitter, spent, each),
        _ => yaml(head, splitter, spent, each),
    };
    read.map_err(|broken| match spent.get() {
        // The parsers know only that reading failed.
        spent if spent > ITEM_BYTES_MAX => Break { why: too_large(), ..broken },
        _ => broken,
    })
}

/// One value, or several behind each other as `kubectl get -w -o json` prints them.
fn json<R: Read>(
    head: Head,
    splitter: &mut Splitter<R>,
    spent: &Spent,
    each: &mut dyn FnMut(Value),
) -> Result<(), Break> {
    let mut deserializer = serde_json::Deserializer::from_reader(BufReader::new(splitter));
    loop {
        let at = |error: &serde_json::Error| Break {
            line: head.line + (error.line() as u64).saturating_sub(1),
            why: format!("JSON: {}", without_place(&error.to_string())),
        };
        match deserializer.end() {
            Ok(()) => return Ok(()),
            Err(error) if error.is_io() => return Err(at(&error)),
            Err(_) => {}
        }
        let root = Root { each: &mut *each, spent };
        root.deserialize(&mut deserializer).map_err(|error| at(&error))?;
        spent.set(0);
    }
}

fn yaml<R: Read>(
    head: Head,
    splitter: &mut Splitter<R>,
    spent: &Spent,
    each: &mut dyn FnMut(Value),
) -> Result<(), Break> {
    let read = serde_saphyr::with_deserializer_from_reader_with_options(
        &mut *splitter,
        options(),
        |deserializer| Root { each, spent }.deserialize(deserializer),
    );
    read.map_err(|error| {
        let words = error.to_string();
        let line = error.location().map(|place| head.line + place.line().saturating_sub(1));
        let why = without_place(&words);
        if words.contains("budget breached") || words.contains("alias replay") {
            let why = format!("YAML: its aliases stand for too much, or it is too deep ({why})");
            return Break { line: line.unwrap_or(head.line), why };
        }
        // The parser tells where a lone text ends.
        let is_text = why.starts_with("invalid type") && spent.get() < TEXT_BYTES_MAX;
        let line = if is_text { Some(head.line) } else { line };
        Break { line: line.unwrap_or_else(|| splitter.line()), why: format!("YAML: {why}") }
    })
}

/// Size and depth are limited; the number of nodes is not, as a list may be as long as it likes.
fn options() -> serde_saphyr::Options {
    let budget = serde_saphyr::budget! {
        max_reader_input_bytes: None,
        max_events: usize::MAX,
        max_nodes: usize::MAX,
        max_total_scalar_bytes: usize::MAX,
        max_depth: DEPTH_MAX,
        max_aliases: 1_000,
        max_anchors: 1_000,
        max_recorded_anchor_events: REPLAYED_MAX,
        max_recorded_anchor_bytes: 8 << 20,
        max_merge_keys: 1_000,
    };
    let mut limits = AliasLimits::default();
    limits.max_total_replayed_events = REPLAYED_MAX;
    serde_saphyr::options! {
        budget: budget,
        alias_limits: limits,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    }
}

/// The parsers count lines from the start of the document; ours are those of the file.
fn without_place(words: &str) -> String {
    let words = words.split(" at line ").next().unwrap_or(words);
    words.lines().next().unwrap_or_default().trim_end_matches(':').to_owned()
}

/// The top of a document: an object, a list of objects, or an array of them.
struct Root<'a> {
    each: &'a mut dyn FnMut(Value),
    spent: &'a Spent,
}

impl<'de> DeserializeSeed<'de> for Root<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Root<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Kubernetes object or a list of them")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        let mut waiting = Vec::new();
        let items = Items { each: self.each, spent: self.spent, of: None, waiting: &mut waiting };
        let read = items.visit_seq(seq);
        waiting.into_iter().for_each(self.each);
        read
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let Self { each, spent } = self;
        let mut object = Map::new();
        let mut waiting = Vec::new();
        let read = fields(map, &mut object, &mut waiting, &mut Root { each: &mut *each, spent });
        let list = Listed::of(&object);
        match (&read, list) {
            (_, Some(list)) => waiting.into_iter().for_each(|item| each(list.name(item))),
            (Ok(Holds::Items) | Err(_), None) => waiting.into_iter().for_each(each),
            (Ok(Holds::Fields), None) => each(Value::Object(object)),
        }
        read.map(|_| ())
    }
}

/// What a map turned out to be.
enum Holds {
    /// An object.
    Fields,
    /// A list.
    Items,
}

fn fields<'de, A: MapAccess<'de>>(
    mut map: A,
    object: &mut Map<String, Value>,
    waiting: &mut Vec<Value>,
    root: &mut Root<'_>,
) -> Result<Holds, A::Error> {
    let mut holds = Holds::Fields;
    while let Some(key) = map.next_key::<String>()? {
        let kind = object.get("kind").and_then(Value::as_str);
        // YAML of kubectl has its keys in alphabetical order: `items` comes before `kind`.
        if key == "items" && kind.is_none_or(|kind| kind.ends_with("List")) {
            let of = Listed::of(object);
            let each = &mut *root.each;
            map.next_value_seed(Items { each, spent: root.spent, of, waiting })?;
            holds = Holds::Items;
        } else {
            let value = map.next_value_seed(Lean)?;
            object.insert(key, value);
        }
    }
    Ok(holds)
}

/// A list that names the kind of its items for all of them: `DeploymentList`.
#[derive(Clone)]
struct Listed {
    version: String,
    kind: String,
}

impl Listed {
    fn of(object: &Map<String, Value>) -> Option<Self> {
        let word = |key: &str| object.get(key).and_then(Value::as_str);
        let kind = word("kind")?.strip_suffix("List").filter(|kind| !kind.is_empty())?;
        Some(Self {
            version: word("apiVersion").unwrap_or_default().to_owned(),
            kind: kind.to_owned(),
        })
    }

    fn name(&self, mut item: Value) -> Value {
        if let Some(object) = item.as_object_mut()
            && !object.contains_key("kind")
        {
            object.insert("kind".to_owned(), self.kind.clone().into());
            object.insert("apiVersion".to_owned(), self.version.clone().into());
        }
        item
    }
}

/// The items of a list. Those without a kind wait for the list's own, if that is not known yet.
struct Items<'a> {
    each: &'a mut dyn FnMut(Value),
    spent: &'a Spent,
    of: Option<Listed>,
    waiting: &'a mut Vec<Value>,
}

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the items of a list")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(item) = seq.next_element_seed(Lean)? {
            if !item.is_object() {
                return Err(A::Error::custom("an item of a list that is no object"));
            }
            match &self.of {
                Some(list) => (self.each)(list.name(item)),
                None if item.get("kind").is_some() => (self.each)(item),
                // What waits counts on: it is in memory.
                None => {
                    self.waiting.push(item);
                    continue;
                }
            }
            self.spent.set(0);
        }
        Ok(())
    }
}
