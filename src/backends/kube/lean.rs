//! JSON of the API server without its ballast: the lists of owned fields and the copy of the last applied object are
//! two thirds of many objects, and are thrown away while they are read.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Keys whose values are never kept, wherever they stand.
const BALLAST: [&str; 2] = ["fieldsV1", "kubectl.kubernetes.io/last-applied-configuration"];

/// Parses one object.
///
/// # Errors
/// When it is not JSON.
pub(super) fn object(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Lean.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// One line of a watch.
pub(super) struct Line {
    /// `ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK`, `ERROR`.
    pub(super) kind: String,
    /// What it is about.
    pub(super) object: Value,
}

/// Parses one line of a watch.
///
/// # Errors
/// When it is not JSON, or not an event.
pub(super) fn line(bytes: &[u8]) -> Result<Line, serde_json::Error> {
    let mut value = object(bytes)?;
    let kind = value.get("type").and_then(Value::as_str).map(str::to_owned);
    let object = value.get_mut("object").map(Value::take);
    match (kind, object) {
        (Some(kind), Some(object)) => Ok(Line { kind, object }),
        (None, _) | (_, None) => {
            Err(serde::de::Error::custom("an event without type or without object"))
        }
    }
}

/// What a page of a list says besides its items.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// Of the whole list.
    pub(super) resource_version: Option<String>,
    /// Where the next page begins; `None` on the last.
    pub(super) next: Option<String>,
}

/// Parses a page and hands over its items one by one, so that never more than one is in memory as a tree.
///
/// # Errors
/// When it is not JSON or no list. What was handed over by then is right.
pub(super) fn page(bytes: &[u8], each: &mut dyn FnMut(Value)) -> Result<Page, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let page = List { each }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(page)
}

struct List<'a> {
    each: &'a mut dyn FnMut(Value),
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = Page;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Page, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = Page;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Page, A::Error> {
        let mut page = Page::default();
        let mut items = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "metadata" => {
                    let metadata = map.next_value_seed(Lean)?;
                    let filled = |key| {
                        let text = metadata.get(key).and_then(Value::as_str);
                        text.filter(|text| !text.is_empty()).map(str::to_owned)
                    };
                    page.resource_version = filled("resourceVersion");
                    page.next = filled("continue");
                }
                "items" => {
                    map.next_value_seed(Items { each: &mut *self.each })?;
                    items = true;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if items { Ok(page) } else { Err(serde::de::Error::missing_field("items")) }
    }
}

struct Items<'a> {
    each: &'a mut dyn FnMut(Value),
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
            (self.each)(item);
        }
        Ok(())
    }
}

/// Builds a value without the ballast.
#[derive(Clone, Copy)]
pub(super) struct Lean;

impl<'de> DeserializeSeed<'de> for Lean {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Lean {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(Self)? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if BALLAST.contains(&key.as_str()) {
                map.next_value::<IgnoredAny>()?;
            } else {
                let value = map.next_value_seed(Self)?;
                object.insert(key, value);
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ballast_is_left_out_and_everything_else_stays() {
        let raw = br#"{"a":[1,-2,0.5,"x",null,true],"metadata":{"managedFields":[{"manager":"m",
            "fieldsV1":{"f:a":{"f:b":{}}}}],"annotations":{"k":"v",
            "kubectl.kubernetes.io/last-applied-configuration":"{}"}}}"#;
        let want = json!({
            "a": [1, -2, 0.5, "x", null, true],
            "metadata": { "managedFields": [{ "manager": "m" }], "annotations": { "k": "v" } },
        });
        assert_eq!(object(raw).expect("JSON"), want);
    }

    #[test]
    fn a_page_gives_its_items_its_version_and_the_next_page() {
        let raw = br#"{"kind":"PodList","metadata":{"resourceVersion":"7","continue":"abc"},
            "items":[{"n":1},{"n":2}]}"#;
        let mut items = Vec::new();
        let page = page(raw, &mut |item| items.push(item)).expect("a list");
        assert_eq!(page.resource_version.as_deref(), Some("7"));
        assert_eq!(page.next.as_deref(), Some("abc"));
        assert_eq!(items, [json!({"n": 1}), json!({"n": 2})]);
    }

    #[test]
    fn an_empty_list_may_have_null_items_but_no_list_may_lack_them() {
        let empty = br#"{"metadata":{"resourceVersion":"7","continue":""},"items":null}"#;
        assert_eq!(page(empty, &mut |_| ()).expect("a list").next, None);
        for raw in [&b"{}"[..], b"[]", b"{\"items\":5}", b"{\"items\":[{}", b"<html>", b""] {
            assert!(page(raw, &mut |_| ()).is_err());
        }
    }

    #[test]
    fn nesting_without_end_is_an_error_and_not_a_crash() {
        let raw = "[".repeat(100_000);
        assert!(object(raw.as_bytes()).is_err());
    }

    #[test]
    fn a_line_is_an_event_with_an_object() {
        let event = line(br#"{"type":"ADDED","object":{"kind":"Pod"}}"#).expect("an event");
        assert_eq!((event.kind.as_str(), event.object), ("ADDED", json!({"kind": "Pod"})));
        assert!(line(br#"{"type":"ADDED"}"#).is_err());
        assert!(line(br#"{"object":{}}"#).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_parsers_panic(changes in crate::backends::mutated::changes()) {
            let list = r#"{"kind":"RolloutList","metadata":{"resourceVersion":"7","continue":"x"},"items":[{"metadata":{"name":"a","uid":"u","managedFields":[{"manager":"m"}]},"spec":{"replicas":2}},{"metadata":{"name":"b"}}]}"#;
            let bytes = crate::backends::mutated::after(list, &changes);
            let _ = page(&bytes, &mut drop);
            let _ = object(&bytes);
            let event = r#"{"type":"MODIFIED","object":{"metadata":{"name":"a","resourceVersion":"8"}}}"#;
            let _ = line(&crate::backends::mutated::after(event, &changes));
        }
    }
}
