//! Strategic merge patches of built-in kinds: maps are merged, lists of known names are merged by
//! key.

use std::collections::{HashMap, VecDeque};

use serde_json::{Map, Value};

use super::patch::Broken;

const DIRECTIVE: &str = "$patch";
const ORDER: &str = "$setElementOrder/";
const DELETE: &str = "$deleteFromPrimitiveList/";
const RETAIN: &str = "$retainKeys";

/// The object with a strategic merge patch applied.
///
/// # Errors
/// An element of a keyed list lacks its key, or a directive is unknown.
pub(super) fn merge(object: Value, patch: Map<String, Value>) -> Result<Value, Broken> {
    let fields = match object {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    };
    merge_maps(fields, patch, "").map(Value::Object)
}

fn merge_maps(
    mut fields: Map<String, Value>,
    mut patch: Map<String, Value>,
    inside: &str,
) -> Result<Map<String, Value>, Broken> {
    match patch.shift_remove(DIRECTIVE).as_ref().map(Value::as_str) {
        None | Some(Some("merge")) => {}
        Some(Some("replace")) => return Ok(patch),
        Some(Some("delete")) => return Ok(Map::new()),
        Some(_) => return Err(unknown_directive(inside)),
    }
    if let Some(Value::Array(kept)) = patch.shift_remove(RETAIN) {
        fields.retain(|key, _| kept.iter().any(|each| each.as_str() == Some(key)));
    }
    let directives = |prefix: &str, patch: &mut Map<String, Value>| -> Vec<(String, Value)> {
        let keys: Vec<String> =
            patch.keys().filter(|key| key.starts_with(prefix)).cloned().collect();
        keys.into_iter()
            .filter_map(|key| {
                let value = patch.shift_remove(&key)?;
                Some((key.trim_start_matches(prefix).to_owned(), value))
            })
            .collect()
    };
    let mut wanted = HashMap::new();
    let orders = directives(ORDER, &mut patch);
    for (key, gone) in directives(DELETE, &mut patch) {
        if let (Some(Value::Array(items)), Value::Array(gone)) = (fields.get_mut(&key), gone) {
            items.retain(|item| !gone.contains(item));
        }
    }
    for (key, order) in orders {
        let given = patch.get(&key).is_some_and(Value::is_array);
        if let (false, Some(Value::Array(items)), Value::Array(order)) =
            (given, fields.get_mut(&key), &order)
        {
            let before = items.clone();
            arrange(items, &before, order, merge_key(&key, inside));
        }
        if let (true, Value::Array(order)) = (given, order) {
            wanted.insert(key, order);
        }
    }
    for (key, value) in patch {
        let order = wanted.remove(&key);
        merge_field(&mut fields, (key, order), value, inside)?;
    }
    Ok(fields)
}

fn merge_field(
    fields: &mut Map<String, Value>,
    (key, order): (String, Option<Vec<Value>>),
    value: Value,
    inside: &str,
) -> Result<(), Broken> {
    let old = fields.get_mut(&key).map(Value::take);
    let merged = match (value, old) {
        (Value::Null, _) => {
            fields.shift_remove(&key);
            return Ok(());
        }
        (Value::Object(patch), Some(Value::Object(old))) => {
            Value::Object(merge_maps(old, patch, &key)?)
        }
        (Value::Object(patch), _) => Value::Object(merge_maps(Map::new(), patch, &key)?),
        (Value::Array(patch), old) => {
            let items = match old {
                Some(Value::Array(items)) => items,
                Some(_) | None => Vec::new(),
            };
            let before = items.clone();
            let order = order.unwrap_or_else(|| patch.clone());
            let mut merged = merge_lists(items, patch, &key, inside)?;
            if let Some(name) = merge_key(&key, inside) {
                arrange(&mut merged, &before, &order, Some(name));
            }
            Value::Array(merged)
        }
        (plain @ (Value::Bool(_) | Value::Number(_) | Value::String(_)), _) => plain,
    };
    fields.insert(key, merged);
    Ok(())
}

fn merge_lists(
    mut items: Vec<Value>,
    patch: Vec<Value>,
    list: &str,
    inside: &str,
) -> Result<Vec<Value>, Broken> {
    if list == "finalizers" {
        let fresh: Vec<Value> = patch.into_iter().filter(|item| !items.contains(item)).collect();
        items.extend(fresh);
        return Ok(items);
    }
    let Some(key) = merge_key(list, inside) else { return Ok(patch) };
    if patch.iter().any(|item| item.get(DIRECTIVE).and_then(Value::as_str) == Some("replace")) {
        return Ok(patch.into_iter().filter(|item| item.get(DIRECTIVE).is_none()).collect());
    }
    for item in patch {
        let Value::Object(mut item) = item else {
            return Err(Broken::Failed(format!("expected a map in list {list}")));
        };
        let Some(name) = item.get(key).cloned() else {
            let told = "does not contain declared merge key";
            return Err(Broken::Failed(format!("map: {} {told}: {key}", Value::Object(item))));
        };
        let at = items.iter().position(|each| each.get(key) == Some(&name));
        let directive = item.shift_remove(DIRECTIVE);
        match (directive.as_ref().map(Value::as_str), at) {
            (Some(Some("delete")), Some(at)) => {
                items.remove(at);
            }
            (Some(Some("delete")), None) => {}
            (None | Some(Some("merge")), Some(at)) => {
                let old = items.get_mut(at).map(Value::take).unwrap_or_default();
                let old = if let Value::Object(old) = old { old } else { Map::new() };
                let merged = Value::Object(merge_maps(old, item, list)?);
                if let Some(slot) = items.get_mut(at) {
                    *slot = merged;
                }
            }
            (None | Some(Some("merge")), None) => {
                items.push(Value::Object(merge_maps(Map::new(), item, list)?));
            }
            (Some(_), _) => return Err(unknown_directive(list)),
        }
    }
    Ok(items)
}

fn unknown_directive(place: &str) -> Broken {
    Broken::Failed(format!("unknown patch directive in {place}"))
}

/// Puts a merged list in order, as the API server does: the elements that a patch names in the
/// order of the patch, the others in the order they had, and of two that both were there before the
/// earlier first.
fn arrange(merged: &mut Vec<Value>, before: &[Value], order: &[Value], key: Option<&str>) {
    let name = |item: &Value| key.map_or_else(|| Some(item.clone()), |key| item.get(key).cloned());
    let place = |list: &[Value], item: &Value| list.iter().position(|it| name(it) == name(item));
    let (mut named, others): (Vec<Value>, Vec<Value>) =
        merged.drain(..).partition(|item| place(order, item).is_some());
    named.sort_by_key(|item| place(order, item));
    let (mut named, mut others) = (VecDeque::from(named), VecDeque::from(others));
    loop {
        let other_first = match (others.front(), named.front()) {
            (Some(other), Some(named)) => {
                let (other, named) = (place(before, other), place(before, named));
                other.zip(named).is_some_and(|(other, named)| other < named)
            }
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => return,
        };
        merged.extend(if other_first { others.pop_front() } else { named.pop_front() });
    }
}

/// The key by which a list is merged; `None`: it is replaced as a whole.
pub(super) fn merge_key(list: &str, inside: &str) -> Option<&'static str> {
    Some(match list {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "volumes"
        | "imagePullSecrets" => "name",
        "ports" if inside == "spec" => "port",
        "ports" => "containerPort",
        "volumeMounts" => "mountPath",
        "volumeDevices" => "devicePath",
        "hostAliases" => "ip",
        "conditions" | "addresses" => "type",
        "ownerReferences" => "uid",
        "topologySpreadConstraints" => "topologyKey",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn apply(object: Value, patch: Value) -> Result<Value, Broken> {
        let Value::Object(patch) = patch else { unreachable!() };
        merge(object, patch)
    }

    #[test]
    fn lists_with_a_key_are_merged_and_others_replaced() {
        let spec = json!({"containers": [
            {"name": "app", "image": "a:1", "env": [{"name": "A", "value": "1"}], "args": ["x"]},
            {"name": "side", "image": "s:1"},
        ]});
        let patch = json!({"containers": [
            {"name": "app", "image": "a:2", "env": [{"name": "B", "value": "2"}], "args": ["y"]},
            {"name": "new", "image": "n:1"},
        ]});
        let expected = json!({"containers": [
            {
                "name": "app",
                "image": "a:2",
                // New elements come first.
                "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
                "args": ["y"],
            },
            {"name": "new", "image": "n:1"},
            {"name": "side", "image": "s:1"},
        ]});
        assert_eq!(apply(spec, patch), Ok(expected));
    }

    #[test]
    fn directives_replace_delete_order_and_retain() {
        let table = [
            (
                json!({"a": {"b": 1}}),
                json!({"a": {"$patch": "replace", "c": 2}}),
                json!({"a": {"c": 2}}),
            ),
            (json!({"a": {"b": 1}}), json!({"a": {"$patch": "delete"}}), json!({"a": {}})),
            (
                json!({"env": [{"name": "A"}, {"name": "B"}]}),
                json!({"env": [{"name": "A", "$patch": "delete"}]}),
                json!({"env": [{"name": "B"}]}),
            ),
            (
                json!({"env": [{"name": "A"}, {"name": "B"}]}),
                json!({"env": [{"$patch": "replace"}, {"name": "C"}]}),
                json!({"env": [{"name": "C"}]}),
            ),
            (
                json!({"env": [{"name": "A"}, {"name": "B"}]}),
                json!({"$setElementOrder/env": [{"name": "B"}, {"name": "A"}]}),
                json!({"env": [{"name": "B"}, {"name": "A"}]}),
            ),
            (
                json!({"strategy": {"type": "RollingUpdate", "rollingUpdate": {}}}),
                json!({"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}),
                json!({"strategy": {"type": "Recreate"}}),
            ),
            (
                json!({"finalizers": ["a", "b"]}),
                json!({"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]}),
                json!({"finalizers": ["b", "c"]}),
            ),
            (
                json!({"a": 1, "b": {"c": 1}}),
                json!({"a": null, "b": {"c": null}}),
                json!({"b": {}}),
            ),
            (
                json!({"spec": {"ports": [{"port": 80, "name": "web"}]}}),
                json!({"spec": {"ports": [{"port": 80, "targetPort": 8080}]}}),
                json!({"spec": {"ports": [{"port": 80, "name": "web", "targetPort": 8080}]}}),
            ),
        ];
        for (object, patch, expected) in table {
            let told = patch.to_string();
            assert_eq!(apply(object, patch), Ok(expected), "{told}");
        }
    }

    #[test]
    fn an_element_without_its_key_or_a_strange_directive_is_refused() {
        for patch in [
            json!({"containers": [{"image": "a"}]}),
            json!({"containers": ["a"]}),
            json!({"containers": [{"name": "a", "$patch": "frobnicate"}]}),
            json!({"a": {"$patch": "frobnicate"}}),
            json!({"a": {"$patch": 3}}),
        ] {
            let told = patch.to_string();
            assert!(matches!(apply(json!({}), patch), Err(Broken::Failed(_))), "{told}");
        }
    }
}
