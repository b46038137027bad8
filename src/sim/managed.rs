//! `metadata.managedFields`: which tool set which field when.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::kind::{Kind, Origin};
use super::object::{drop_meta, meta, set_meta, stamp};
use super::strategic::merge_key;

/// A tool that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manager<'a> {
    /// Its name: `pilothouse`.
    pub name: &'a str,
    /// The subresource it writes; empty: the object itself.
    pub subresource: &'a str,
    /// When it writes.
    pub at: Timestamp,
}

/// Fields that the API server keeps and nobody owns.
const KEPT: [&str; 10] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "managedFields",
];

/// Notes in an object which fields a tool changed since `old`, and that others no longer own them.
/// Fields only taken away leave no entry.
pub fn record(kind: Kind, old: Option<&Value>, object: &mut Value, by: Manager<'_>) {
    let api_version = kind.facts().api_version();
    let before = old.map_or_else(|| json!({}), bare);
    let after = bare(object);
    let origin = kind.facts().origin;
    let set = changed(Some(&before), &after, "", origin);
    let gone = changed(Some(&after), &before, "", origin);

    let known = old.and_then(|old| meta(old, "managedFields")).and_then(Value::as_array);
    let mut entries = known.cloned().unwrap_or_default();
    let is_own = |entry: &Value| {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
        text("manager") == by.name
            && text("operation") == "Update"
            && text("apiVersion") == api_version
            && text("subresource") == by.subresource
    };
    for entry in &mut entries {
        let is_own = is_own(entry);
        let Some(Value::Object(fields)) = entry.get_mut("fieldsV1") else { continue };
        if let Some(Value::Object(gone)) = &gone {
            subtract(fields, gone, Vanished::Only(&after));
        }
        if let (false, Some(Value::Object(set))) = (is_own, &set) {
            subtract(fields, set, Vanished::OrChanged);
        }
    }
    entries.retain(|entry| {
        entry.get("fieldsV1").and_then(Value::as_object).is_some_and(|fields| !fields.is_empty())
    });
    if let Some(Value::Object(set)) =
        set.filter(|set| set.as_object().is_some_and(|set| !set.is_empty()))
    {
        match entries.iter_mut().find(|entry| is_own(entry)) {
            Some(entry) => {
                if let Some(Value::Object(fields)) = entry.get_mut("fieldsV1") {
                    unite(fields, set);
                }
                entry["time"] = stamp(by.at).into();
            }
            None => entries.push(entry(&api_version, &set, by)),
        }
    }
    entries.sort_by_key(|entry| {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).map(str::to_owned);
        (text("operation"), text("time"), text("manager"), text("subresource"))
    });
    if entries.is_empty() {
        drop_meta(object, "managedFields");
    } else {
        set_meta(object, "managedFields", entries);
    }
}

fn entry(api_version: &str, set: &Map<String, Value>, by: Manager<'_>) -> Value {
    let mut entry = json!({
        "manager": by.name,
        "operation": "Update",
        "apiVersion": api_version,
        "time": stamp(by.at),
        "fieldsType": "FieldsV1",
        "fieldsV1": set,
    });
    if !by.subresource.is_empty() {
        entry["subresource"] = by.subresource.into();
    }
    entry
}

/// An object without what nobody owns.
fn bare(object: &Value) -> Value {
    let mut bare = object.clone();
    if let Some(fields) = bare.as_object_mut() {
        fields.shift_remove("apiVersion");
        fields.shift_remove("kind");
    }
    for field in KEPT {
        drop_meta(&mut bare, field);
    }
    bare
}

/// The fields of `new` that differ from `old`, in the form of `FieldsV1`.
fn changed(old: Option<&Value>, new: &Value, place: &str, origin: Origin) -> Option<Value> {
    if old == Some(new) {
        return None;
    }
    let mut set = Map::new();
    match new {
        Value::Object(fields) => {
            if old.is_none() && matches!(place, "labels" | "annotations") {
                set.insert(".".into(), json!({}));
            }
            for (key, value) in fields {
                let before = old.and_then(|old| old.get(key));
                if let Some(inner) = changed(before, value, key, origin) {
                    set.insert(format!("f:{key}"), inner);
                }
            }
            if set.is_empty() && old.is_some_and(Value::is_object) {
                // Only something vanished.
                return None;
            }
        }
        Value::Array(items) => {
            let Some(key) = merge_key(place, "").filter(|_| origin == Origin::BuiltIn) else {
                return Some(json!({}));
            };
            for item in items {
                let name = item.get(key);
                let same = |each: &&Value| each.get(key) == name;
                let before = old.and_then(Value::as_array).and_then(|old| old.iter().find(same));
                if let Some(inner) = changed(before, item, key, origin) {
                    set.insert(format!("k:{}", json!({key: name})), inner);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Some(Value::Object(set))
}

/// Which fields of a difference are taken from an owner.
#[derive(Clone, Copy)]
enum Vanished<'a> {
    /// Those that the object no longer has.
    Only(&'a Value),
    /// All of them.
    OrChanged,
}

fn subtract(fields: &mut Map<String, Value>, gone: &Map<String, Value>, which: Vanished<'_>) {
    for (key, inner) in gone {
        // Elements of keyed lists are lost only to others: what vanished inside one is not
        // followed.
        if matches!(which, Vanished::Only(_)) && key.starts_with("k:") {
            continue;
        }
        let now = match which {
            Vanished::OrChanged => Vanished::OrChanged,
            Vanished::Only(object) => {
                let now = key.strip_prefix("f:").and_then(|key| object.get(key));
                let Some(now) = now else {
                    fields.shift_remove(key);
                    continue;
                };
                Vanished::Only(now)
            }
        };
        let Some(inner) = inner.as_object() else { continue };
        let is_leaf = inner.is_empty();
        let Some(Value::Object(own)) = fields.get_mut(key) else { continue };
        if is_leaf {
            // A changed leaf is lost; one that merely differs and is still there was handled
            // before.
            if matches!(now, Vanished::OrChanged) {
                fields.shift_remove(key);
            }
            continue;
        }
        subtract(own, inner, now);
        if own.is_empty() || own.keys().all(|key| key == ".") {
            fields.shift_remove(key);
        }
    }
}

fn unite(fields: &mut Map<String, Value>, more: Map<String, Value>) {
    for (key, inner) in more {
        match (fields.get_mut(&key), inner) {
            (Some(Value::Object(own)), Value::Object(inner)) => unite(own, inner),
            (_, inner) => drop(fields.insert(key, inner)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by<'a>(name: &'a str, subresource: &'a str) -> Manager<'a> {
        Manager { name, subresource, at: "2026-01-01T00:00:00Z".parse().unwrap() }
    }

    fn edit(old: &Value, patch: Value, by: Manager<'_>) -> Value {
        let Value::Object(patch) = patch else { unreachable!() };
        let mut new = crate::sim::patch::merge(old.clone(), patch);
        record(Kind::Rollout, Some(old), &mut new, by);
        new
    }

    #[test]
    fn a_writer_owns_what_it_changed() {
        let old = json!({"metadata": {"name": "web"}, "spec": {"replicas": 1}});
        let new = edit(&old, json!({"spec": {"paused": true}}), by("pilothouse", ""));
        let expected = json!([{
            "manager": "pilothouse",
            "operation": "Update",
            "apiVersion": "argoproj.io/v1alpha1",
            "time": "2026-01-01T00:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:paused": {}}},
        }]);
        assert_eq!(new["metadata"]["managedFields"], expected);
        let again = edit(&new, json!({"status": {"abort": true}}), by("pilothouse", "status"));
        assert_eq!(again["metadata"]["managedFields"][1]["subresource"], "status");
    }

    #[test]
    fn who_changes_a_field_takes_it_from_its_owner() {
        let old = json!({"metadata": {"name": "web"}, "spec": {}});
        let first = edit(&old, json!({"spec": {"paused": true, "replicas": 2}}), by("a", ""));
        let second = edit(&first, json!({"spec": {"paused": false}}), by("b", ""));
        let owners = second["metadata"]["managedFields"].as_array().unwrap();
        assert_eq!(owners[0]["fieldsV1"], json!({"f:spec": {"f:replicas": {}}}));
        assert_eq!(owners[1]["fieldsV1"], json!({"f:spec": {"f:paused": {}}}));
        let third = edit(&second, json!({"spec": {"replicas": 3}}), by("b", ""));
        let owners = third["metadata"]["managedFields"].as_array().unwrap();
        assert_eq!(owners.len(), 1);
    }

    #[test]
    fn a_write_that_only_takes_away_leaves_no_entry() {
        let old = json!({"metadata": {"name": "web"}, "status": {}});
        let paused =
            edit(&old, json!({"status": {"pauseConditions": [{"reason": "x"}]}}), by("argo", ""));
        let promoted =
            edit(&paused, json!({"status": {"pauseConditions": null}}), by("pilothouse", "status"));
        assert_eq!(promoted["metadata"].get("managedFields"), None);
    }

    #[test]
    fn lists_of_built_in_kinds_are_owned_by_element() {
        let old = json!({"metadata": {"name": "web"}});
        let mut new = json!({
            "metadata": {"name": "web", "labels": {"app": "web"}},
            "spec": {"template": {"spec": {"containers": [{"name": "app", "image": "a"}]}}},
        });
        record(Kind::Deployment, Some(&old), &mut new, by("x", ""));
        let fields = &new["metadata"]["managedFields"][0]["fieldsV1"];
        assert_eq!(fields["f:metadata"]["f:labels"], json!({".": {}, "f:app": {}}));
        let containers = &fields["f:spec"]["f:template"]["f:spec"]["f:containers"];
        assert_eq!(*containers, json!({"k:{\"name\":\"app\"}": {"f:name": {}, "f:image": {}}}));
    }
}
