//! Small readings and edits of objects as JSON.

use jiff::Timestamp;
use serde_json::{Value, json};

/// A time as objects carry it: whole seconds of UTC.
#[must_use]
pub fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A time as HTTP writes it.
#[must_use]
pub fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Sets a field of `metadata`. What is not an object stays as it is.
pub fn set_meta(object: &mut Value, field: &str, value: impl Into<Value>) {
    let Some(fields) = object.as_object_mut() else { return };
    let meta = fields.entry("metadata").or_insert_with(|| json!({}));
    if !meta.is_object() {
        *meta = json!({});
    }
    if let Some(meta) = meta.as_object_mut() {
        meta.insert(field.to_owned(), value.into());
    }
}

/// Takes a field of `metadata` away.
pub fn drop_meta(object: &mut Value, field: &str) -> Option<Value> {
    object.get_mut("metadata")?.as_object_mut()?.shift_remove(field)
}

/// A field of `metadata`.
#[must_use]
pub fn meta<'a>(object: &'a Value, field: &str) -> Option<&'a Value> {
    object.get("metadata")?.get(field)
}

/// Counts the generation up.
pub fn raise_generation(object: &mut Value) {
    let generation = object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0);
    set_meta(object, "generation", generation + 1);
}

/// Gives the next version of an object what only the store may decide.
pub fn inherit(object: &mut Value, old: &Value) {
    if let Some(fields) = object.as_object_mut() {
        for field in ["apiVersion", "kind"] {
            let kept = old.get(field).cloned().unwrap_or_default();
            fields.entry(field).or_insert(kept);
        }
    }
    for field in ["uid", "creationTimestamp", "resourceVersion", "generation"] {
        match meta(old, field) {
            Some(kept) => set_meta(object, field, kept.clone()),
            None => drop(drop_meta(object, field)),
        }
    }
}

/// A text in `metadata`; empty where there is none.
#[must_use]
pub fn text(object: &Value, field: &str) -> String {
    meta(object, field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Whether it was deleted and waits for its end.
#[must_use]
pub fn is_going(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some()
}

/// Whether somebody holds it back from its end.
#[must_use]
pub fn has_finalizers(object: &Value) -> bool {
    let finalizers = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    finalizers.is_some_and(|finalizers| !finalizers.is_empty())
}
