//! The three ways in which a patch may be written, applied to an object as JSON.

use serde_json::{Map, Value};

use super::strategic;

/// Operations one JSON patch may have: the API server's own limit.
pub const OPERATIONS_MAX: usize = 10_000;

/// How a patch is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 6902, as the API server's library reads it.
    Json,
    /// RFC 7386.
    Merge,
    /// Kubernetes' own: lists are merged by key. Built-in kinds only.
    Strategic,
}

/// Why a patch has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The body is no patch: 400.
    Unreadable(String),
    /// The patch does not fit the object: 422, without a word.
    Unfit,
    /// The patch does not fit the object: 500, with a word.
    Failed(String),
    /// Too many operations: 413.
    TooLong(String),
}

impl Format {
    /// The format of a media type.
    #[must_use]
    pub fn of(media_type: &str) -> Option<Self> {
        match media_type {
            "application/json-patch+json" => Some(Self::Json),
            "application/merge-patch+json" => Some(Self::Merge),
            "application/strategic-merge-patch+json" => Some(Self::Strategic),
            _ => None,
        }
    }

    /// The object with the patch applied.
    ///
    /// # Errors
    /// Why it cannot be applied.
    pub fn apply(self, object: &Value, body: &[u8]) -> Result<Value, Broken> {
        let patch: Value = serde_json::from_slice(body)
            .map_err(|error| Broken::Unreadable(format!("error decoding patch: {}", go(&error))))?;
        let object = object.clone();
        match (self, patch) {
            (Self::Json, Value::Array(operations)) => operate(object, &operations),
            (Self::Json, other) => Err(Broken::Unreadable(format!(
                "error decoding patch: json: cannot unmarshal {} into Go value of type \
                 []handlers.jsonPatchOp",
                go_word(&other)
            ))),
            (Self::Merge, Value::Object(patch)) => Ok(merge(object, patch)),
            (Self::Strategic, Value::Object(patch)) => strategic::merge(object, patch),
            (Self::Merge | Self::Strategic, other) => Err(Broken::Unreadable(format!(
                "error decoding patch: json: cannot unmarshal {} into Go value of type \
                 map[string]interface {{}}",
                go_word(&other)
            ))),
        }
    }
}

/// A JSON error in the words of Go, where the difference matters.
#[must_use]
pub fn go(error: &serde_json::Error) -> String {
    if error.is_eof() { "unexpected end of JSON input".into() } else { error.to_string() }
}

/// The name of a JSON value's type in Go's messages.
#[must_use]
pub const fn go_word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// RFC 7386.
#[must_use]
pub fn merge(object: Value, patch: Map<String, Value>) -> Value {
    let mut fields = match object {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    };
    for (key, value) in patch {
        match value {
            Value::Null => {
                fields.shift_remove(&key);
            }
            Value::Object(inner) => {
                let old = fields.get_mut(&key).map(Value::take).unwrap_or_default();
                fields.insert(key, merge(old, inner));
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                fields.insert(key, value);
            }
        }
    }
    Value::Object(fields)
}

fn operate(mut object: Value, operations: &[Value]) -> Result<Value, Broken> {
    if operations.len() > OPERATIONS_MAX {
        return Err(Broken::TooLong(format!(
            "The allowed maximum operations in a JSON patch is {OPERATIONS_MAX}, got {}",
            operations.len()
        )));
    }
    for operation in operations {
        step(&mut object, operation).ok_or(Broken::Unfit)?;
    }
    Ok(object)
}

fn step(object: &mut Value, operation: &Value) -> Option<()> {
    let text = |field: &str| operation.get(field).and_then(Value::as_str);
    let path = pointer(text("path")?)?;
    let value = || operation.get("value").cloned();
    match text("op")? {
        "add" => add(object, &path, value()?),
        "remove" => remove(object, &path).map(drop),
        "replace" => replace(object, &path, value()?),
        "test" => test(object, &path, &value().unwrap_or_default()),
        "move" => {
            let from = pointer(text("from")?)?;
            let moved = remove(object, &from)?;
            add(object, &path, moved)
        }
        "copy" => {
            let from = pointer(text("from")?)?;
            let copied = find(object, &from)?.clone();
            add(object, &path, copied)
        }
        _ => None,
    }
}

/// The parts of a JSON pointer.
fn pointer(text: &str) -> Option<Vec<String>> {
    let parts = text.strip_prefix('/')?.split('/');
    Some(parts.map(|part| part.replace("~1", "/").replace("~0", "~")).collect())
}

fn find<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, part| match value {
        Value::Object(fields) => fields.get(part),
        Value::Array(items) => items.get(index(part, items.len())?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

/// The container that holds the last part of a path.
fn holder<'a>(object: &'a mut Value, path: &'a [String]) -> Option<(&'a mut Value, &'a str)> {
    let (last, parents) = path.split_last()?;
    let holder = parents.iter().try_fold(object, |value, part| match value {
        Value::Object(fields) => fields.get_mut(part),
        Value::Array(items) => {
            let index = index(part, items.len())?;
            items.get_mut(index)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })?;
    Some((holder, last))
}

/// An index into a list; the library of the API server counts negative ones from the end.
fn index(part: &str, length: usize) -> Option<usize> {
    match part.strip_prefix('-') {
        Some(back) => length.checked_sub(back.parse().ok()?),
        None => part.parse().ok(),
    }
}

fn add(object: &mut Value, path: &[String], value: Value) -> Option<()> {
    match holder(object, path)? {
        (Value::Object(fields), key) => {
            fields.insert(key.to_owned(), value);
        }
        (Value::Array(items), "-") => items.push(value),
        (Value::Array(items), part) => {
            let at = index(part, items.len()).filter(|at| *at <= items.len())?;
            items.insert(at, value);
        }
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), _) => return None,
    }
    Some(())
}

fn remove(object: &mut Value, path: &[String]) -> Option<Value> {
    match holder(object, path)? {
        (Value::Object(fields), key) => fields.shift_remove(key),
        (Value::Array(items), part) => {
            let at = index(part, items.len()).filter(|at| *at < items.len())?;
            Some(items.remove(at))
        }
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), _) => None,
    }
}

/// A missing field of an existing object is added: so does the API server's library, against the
/// letter of RFC 6902. It makes `replace /spec/template` on a rollout with `workloadRef` a 200.
fn replace(object: &mut Value, path: &[String], value: Value) -> Option<()> {
    match holder(object, path)? {
        (Value::Object(fields), key) => {
            fields.insert(key.to_owned(), value);
        }
        (Value::Array(items), part) => {
            let at = index(part, items.len())?;
            *items.get_mut(at)? = value;
        }
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), _) => return None,
    }
    Some(())
}

/// A missing field equals null.
fn test(object: &Value, path: &[String], value: &Value) -> Option<()> {
    let (_, parents) = path.split_last()?;
    find(object, parents)?;
    let found = find(object, path).cloned().unwrap_or_default();
    (found == *value).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn json_patch(object: &Value, patch: &Value) -> Result<Value, Broken> {
        Format::Json.apply(object, patch.to_string().as_bytes())
    }

    #[test]
    fn merge_patches_follow_rfc_7386() {
        let table = [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
            (json!({"a": "foo"}), json!({"a": {"x": 1}}), json!({"a": {"x": 1}})),
        ];
        for (object, patch, expected) in table {
            let body = patch.to_string();
            assert_eq!(Format::Merge.apply(&object, body.as_bytes()), Ok(expected), "{body}");
        }
    }

    #[test]
    fn json_patches_follow_rfc_6902_as_the_api_server_reads_it() {
        let object = json!({"a": {"b": 1}, "list": [1, 2], "x/y": 0, "m~n": 0});
        let table = [
            (json!([{"op": "add", "path": "/a/c", "value": 2}]), json!({"b": 1, "c": 2})),
            (json!([{"op": "replace", "path": "/a/b", "value": 2}]), json!({"b": 2})),
            // A missing field is added.
            (json!([{"op": "replace", "path": "/a/c", "value": 2}]), json!({"b": 1, "c": 2})),
            (json!([{"op": "remove", "path": "/a/b"}]), json!({})),
            (json!([{"op": "test", "path": "/a/b", "value": 1}]), json!({"b": 1})),
            (json!([{"op": "test", "path": "/a/none", "value": null}]), json!({"b": 1})),
            (json!([{"op": "copy", "from": "/a/b", "path": "/a/c"}]), json!({"b": 1, "c": 1})),
            (json!([{"op": "move", "from": "/a/b", "path": "/a/c"}]), json!({"c": 1})),
            (json!([{"op": "test", "path": "/x~1y", "value": 0}]), json!({"b": 1})),
            (json!([{"op": "test", "path": "/m~0n", "value": 0}]), json!({"b": 1})),
        ];
        for (patch, expected) in table {
            assert_eq!(json_patch(&object, &patch).unwrap()["a"], expected, "{patch}");
        }
        let lists = [
            (json!([{"op": "add", "path": "/list/-", "value": 3}]), json!([1, 2, 3])),
            (json!([{"op": "add", "path": "/list/0", "value": 3}]), json!([3, 1, 2])),
            (json!([{"op": "remove", "path": "/list/0"}]), json!([2])),
            (json!([{"op": "replace", "path": "/list/1", "value": 9}]), json!([1, 9])),
        ];
        for (patch, expected) in lists {
            assert_eq!(json_patch(&object, &patch).unwrap()["list"], expected, "{patch}");
        }
    }

    #[test]
    fn a_json_patch_that_does_not_fit_is_refused_whole() {
        let object = json!({"a": {"b": 1}, "list": [1]});
        let table = [
            json!([{"op": "remove", "path": "/a/none"}]),
            json!([{"op": "replace", "path": "/none/c", "value": 1}]),
            json!([{"op": "replace", "path": "/list/7", "value": 1}]),
            json!([{"op": "add", "path": "/list/7", "value": 1}]),
            json!([{"op": "add", "path": "/a/b/c", "value": 1}]),
            json!([{"op": "add", "path": "/a/c"}]),
            json!([{"op": "add", "path": "", "value": 1}]),
            json!([{"op": "add", "value": 1}]),
            json!([{"op": "test", "path": "/a/b", "value": 2}]),
            json!([{"op": "copy", "from": "/none", "path": "/a/c"}]),
            json!([{"op": "frobnicate", "path": "/a/b"}]),
            json!([{}]),
            json!([1]),
        ];
        for patch in table {
            assert_eq!(json_patch(&object, &patch), Err(Broken::Unfit), "{patch}");
        }
        let long = Value::Array(vec![json!({}); OPERATIONS_MAX + 1]);
        assert!(matches!(json_patch(&object, &long), Err(Broken::TooLong(_))));
    }

    #[test]
    fn what_is_no_patch_is_unreadable() {
        for (format, body) in [
            (Format::Merge, "{\"spec\":"),
            (Format::Merge, "[1]"),
            (Format::Merge, ""),
            (Format::Json, "{\"op\":\"x\"}"),
            (Format::Json, "{"),
            (Format::Strategic, "3"),
        ] {
            let broken = format.apply(&json!({}), body.as_bytes());
            assert!(matches!(broken, Err(Broken::Unreadable(_))), "{body}");
        }
    }
}
