//! Readings of objects, for controllers: what is not there, or of a wrong type, is simply not
//! there.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::sim::object::stamp;

/// A whole number at a pointer.
pub(super) fn int(object: &Value, at: &str) -> Option<i64> {
    object.pointer(at)?.as_i64()
}

/// A whole number at a pointer, else 0.
pub(super) fn count(object: &Value, at: &str) -> i64 {
    int(object, at).unwrap_or(0)
}

/// A text at a pointer, else an empty one.
pub(super) fn text<'a>(object: &'a Value, at: &str) -> &'a str {
    object.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

/// Whether something is true at a pointer.
pub(super) fn is(object: &Value, at: &str) -> bool {
    object.pointer(at).and_then(Value::as_bool).unwrap_or(false)
}

/// A time at a pointer.
pub(super) fn time(object: &Value, at: &str) -> Option<Timestamp> {
    object.pointer(at)?.as_str()?.parse().ok()
}

/// The items of a list at a pointer.
pub(super) fn list<'a>(object: &'a Value, at: &str) -> &'a [Value] {
    object.pointer(at).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// An annotation.
pub(super) fn annotation<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get("metadata")?.get("annotations")?.get(name)?.as_str()
}

/// A label.
pub(super) fn label<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get("metadata")?.get("labels")?.get(name)?.as_str()
}

/// `metadata.name`.
pub(super) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// `metadata.namespace`.
pub(super) fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

/// `metadata.uid`.
pub(super) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// `namespace/name`.
pub(super) fn key(object: &Value) -> String {
    format!("{}/{}", namespace(object), name(object))
}

/// When it was created.
pub(super) fn created(object: &Value) -> Timestamp {
    time(object, "/metadata/creationTimestamp").unwrap_or_default()
}

/// The owner that controls an object: kind, name, uid.
pub(super) fn controller(object: &Value) -> Option<(&str, &str, &str)> {
    let owners = list(object, "/metadata/ownerReferences");
    let owner = owners.iter().find(|owner| is(owner, "/controller"))?;
    Some((text(owner, "/kind"), text(owner, "/name"), text(owner, "/uid")))
}

/// An owner reference to an object.
pub(super) fn owned_by(owner: &Value) -> Value {
    json!([{
        "apiVersion": text(owner, "/apiVersion"),
        "kind": text(owner, "/kind"),
        "name": name(owner),
        "uid": uid(owner),
        "controller": true,
        "blockOwnerDeletion": true,
    }])
}

/// Sets a field in the depth of an object, making the objects on the way; not the items of lists.
pub(super) fn set(object: &mut Value, at: &str, value: impl Into<Value>) {
    let mut place = object;
    for part in at.trim_start_matches('/').split('/') {
        let part = part.replace("~1", "/").replace("~0", "~");
        if let Value::Array(items) = place {
            let Some(item) = part.parse().ok().and_then(|at: usize| items.get_mut(at)) else {
                return;
            };
            place = item;
            continue;
        }
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Some(fields) = place.as_object_mut() else { return };
        place = fields.entry(part).or_insert(Value::Null);
    }
    *place = value.into();
}

/// Takes a field of an object out of it.
pub(super) fn take(object: &mut Value, field: &str) -> Value {
    object.as_object_mut().and_then(|fields| fields.shift_remove(field)).unwrap_or_default()
}

/// Takes a field away.
pub(super) fn unset(object: &mut Value, at: &str) {
    let Some((parent, field)) = at.rsplit_once('/') else { return };
    let field = field.replace("~1", "/").replace("~0", "~");
    if let Some(fields) = object.pointer_mut(parent).and_then(Value::as_object_mut) {
        fields.shift_remove(&field);
    }
}

/// Sets an annotation.
pub(super) fn annotate(object: &mut Value, name: &str, value: &str) {
    let field = name.replace('~', "~0").replace('/', "~1");
    set(object, &format!("/metadata/annotations/{field}"), value);
}

/// A length of time as Argo writes it: seconds as a number or in a text, or `1h2m3s`.
pub(super) fn duration(value: &Value) -> Option<SignedDuration> {
    if let Some(seconds) = value.as_i64() {
        return Some(SignedDuration::from_secs(seconds));
    }
    let text = value.as_str()?;
    if let Ok(seconds) = text.parse() {
        return Some(SignedDuration::from_secs(seconds));
    }
    go_duration(text)
}

/// A length of time as Go writes it: `1h2m3s`, `250ms`.
pub(super) fn go_duration(text: &str) -> Option<SignedDuration> {
    let (mut rest, mut total) = (text.trim(), 0.0);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        total += number
            * match &rest[..end] {
                "h" => 3_600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 0.001,
                _ => return None,
            };
        rest = &rest[end..];
    }
    SignedDuration::try_from_secs_f64(total).ok()
}

/// A share as objects write it: `3` or `25%` of a whole. A share of a percentage may be rounded up.
pub(super) fn share(value: Option<&Value>, of: i64, rounding: Rounding) -> i64 {
    match value {
        Some(Value::Number(number)) => number.as_i64().unwrap_or(0),
        Some(Value::String(text)) => {
            let Ok(percent) = text.trim_end_matches('%').parse::<i64>() else { return 0 };
            match rounding {
                Rounding::Up => (percent * of + 99).div_euclid(100),
                Rounding::Down => (percent * of).div_euclid(100),
            }
        }
        _ => 0,
    }
}

/// Which way a share of a percentage is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounding {
    Up,
    Down,
}

/// Now, as objects carry it.
pub(super) fn written(at: Timestamp) -> Value {
    stamp(at).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_all_their_forms() {
        for (written, seconds) in [
            (json!(10), Some(10.0)),
            (json!("10"), Some(10.0)),
            (json!("10s"), Some(10.0)),
            (json!("1h2m3s"), Some(3_723.0)),
            (json!("250ms"), Some(0.25)),
            (json!("1.5m"), Some(90.0)),
            (json!(""), None),
            (json!("10x"), None),
            (json!("s"), None),
            (json!(null), None),
        ] {
            assert_eq!(duration(&written).map(|it| it.as_secs_f64()), seconds, "{written}");
        }
    }

    #[test]
    fn shares_are_numbers_or_percentages() {
        let of = |value: Value, rounding| share(Some(&value), 10, rounding);
        assert_eq!(of(json!(3), Rounding::Up), 3);
        assert_eq!(of(json!("25%"), Rounding::Up), 3);
        assert_eq!(of(json!("25%"), Rounding::Down), 2);
        assert_eq!(of(json!("many"), Rounding::Up), 0);
        assert_eq!(share(None, 10, Rounding::Up), 0);
    }

    #[test]
    fn fields_are_set_and_taken_away_in_the_depth() {
        let mut object = json!({"spec": 3});
        set(&mut object, "/spec/a/b", 1);
        annotate(&mut object, "rollout.argoproj.io/revision", "2");
        assert_eq!(annotation(&object, "rollout.argoproj.io/revision"), Some("2"));
        unset(&mut object, "/spec/a/b");
        unset(&mut object, "/metadata/annotations/rollout.argoproj.io~1revision");
        assert_eq!(object, json!({"spec": {"a": {}}, "metadata": {"annotations": {}}}));
    }
}
