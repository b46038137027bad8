//! Analysis templates: several become one run, with the values of their arguments.

use serde_json::{Value, json};

use super::read;
use crate::sim::store::{Kind, Store};

/// How deep templates may name templates.
const DEPTH_MAX: usize = 8;

/// What is wrong with the templates of a block: the name of one that is missing, or a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Missing { kind: &'static str, name: String },
    Said(String),
}

/// The templates that a block names, and those that these name.
pub(super) fn named(store: &Store, namespace: &str, block: &Value) -> Result<Vec<Value>, Wrong> {
    let mut found = Vec::new();
    collect(store, namespace, (block, 0), &mut found)?;
    Ok(found)
}

fn collect(
    store: &Store,
    namespace: &str,
    (block, depth): (&Value, usize),
    found: &mut Vec<Value>,
) -> Result<(), Wrong> {
    for reference in read::list(block, "/templates") {
        let name = read::text(reference, "/templateName");
        let (kind, word) = if read::is(reference, "/clusterScope") {
            (Kind::ClusterAnalysisTemplate, "ClusterAnalysisTemplate")
        } else {
            (Kind::AnalysisTemplate, "AnalysisTemplate")
        };
        let template = store.get(kind, namespace, name);
        let template =
            template.ok_or_else(|| Wrong::Missing { kind: word, name: name.to_owned() })?;
        let known = found.iter().any(|it| read::uid(it) == read::uid(template));
        if !known {
            found.push(template.clone());
            if depth < DEPTH_MAX {
                let inner = template.get("spec").unwrap_or(&Value::Null);
                collect(store, namespace, (inner, depth + 1), found)?;
            }
        }
    }
    Ok(())
}

/// The spec of a run.
pub(super) fn spec(
    store: &Store,
    namespace: &str,
    (block, args): (&Value, &[Value]),
) -> Result<Value, Wrong> {
    let found = named(store, namespace, block)?;
    let mut spec = json!({});
    let metrics = joined(&found, "metrics");
    let mut names: Vec<&str> = metrics.iter().map(|it| read::text(it, "/name")).collect();
    names.sort_unstable();
    let twice = names.iter().zip(names.iter().skip(1)).find(|(one, next)| one == next);
    if let Some((name, _)) = twice {
        return Err(Wrong::Said(format!("two metrics have the same name '{name}'")));
    }
    spec["metrics"] = metrics.iter().map(filled).collect();
    let args = merged(&joined(&found, "args"), args)?;
    if !args.is_empty() {
        spec["args"] = args.into();
    }
    for field in ["dryRun", "measurementRetention"] {
        let mut all = read::list(block, &format!("/{field}")).to_vec();
        all.extend(joined(&found, field));
        if !all.is_empty() {
            spec[field] = all.into();
        }
    }
    Ok(spec)
}

fn joined(templates: &[Value], field: &str) -> Vec<Value> {
    let of = |template: &Value| read::list(template, &format!("/spec/{field}")).to_vec();
    templates.iter().flat_map(of).collect()
}

/// A metric as the typed client writes it.
fn filled(metric: &Value) -> Value {
    let mut metric = metric.clone();
    if let Some(prometheus) = metric.pointer_mut("/provider/prometheus")
        && let Some(fields) = prometheus.as_object_mut()
    {
        fields.entry("authentication").or_insert_with(|| json!({"oauth2": {}, "sigv4": {}}));
    }
    metric
}

/// The arguments of templates with the values given.
fn merged(declared: &[Value], given: &[Value]) -> Result<Vec<Value>, Wrong> {
    let mut args: Vec<Value> = Vec::new();
    for arg in declared {
        let name = read::text(arg, "/name");
        match args.iter_mut().find(|it| read::text(it, "/name") == name) {
            Some(known) if known.get("value").is_none() => *known = arg.clone(),
            Some(_) => {}
            None => args.push(arg.clone()),
        }
    }
    for arg in given {
        let name = read::text(arg, "/name");
        if let Some(known) = args.iter_mut().find(|it| read::text(it, "/name") == name)
            && let Some(value) = arg.get("value")
        {
            known["value"] = value.clone();
        }
    }
    let open = args.iter().find(|it| it.get("value").is_none() && it.get("valueFrom").is_none());
    match open {
        Some(open) => {
            Err(Wrong::Said(format!("args.{} was not resolved", read::text(open, "/name"))))
        }
        None => Ok(args),
    }
}

/// A field of an object by a path such as `metadata.labels['app']` or `spec.replicas`.
pub(super) fn field(object: &Value, path: &str) -> String {
    let mut place = object;
    let mut rest = path;
    while !rest.is_empty() {
        let (part, tail) = if let Some(inner) = rest.strip_prefix('[') {
            let Some((part, tail)) = inner.split_once(']') else { return String::new() };
            (part.trim_matches(['\'', '"']), tail)
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            rest.split_at(end)
        };
        let next = match part.parse::<usize>() {
            Ok(index) if place.is_array() => place.get(index),
            _ => place.get(part),
        };
        let Some(next) = next else { return String::new() };
        place = next;
        rest = tail.trim_start_matches('.');
    }
    match place {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => place.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_paths() {
        let object = json!({
            "metadata": {"labels": {"app": "web", "a.b/c": "x"}},
            "spec": {"replicas": 3, "list": [{"name": "one"}]},
        });
        for (path, value) in [
            ("metadata.labels['app']", "web"),
            ("metadata.labels['a.b/c']", "x"),
            ("spec.replicas", "3"),
            ("spec.list[0].name", "one"),
            ("spec.nothing", ""),
            ("metadata.labels[", ""),
        ] {
            assert_eq!(field(&object, path), value, "{path}");
        }
    }

    #[test]
    fn arguments_get_the_values_given_and_none_stays_open() {
        let declared = [json!({"name": "app"}), json!({"name": "limit", "value": "1"})];
        let given = [json!({"name": "app", "value": "web"}), json!({"name": "odd", "value": "x"})];
        let args = merged(&declared, &given).unwrap();
        let expected =
            [json!({"name": "app", "value": "web"}), json!({"name": "limit", "value": "1"})];
        assert_eq!(args, expected);
        assert_eq!(
            merged(&declared, &[]),
            Err(Wrong::Said("args.app was not resolved".to_owned()))
        );
    }
}
