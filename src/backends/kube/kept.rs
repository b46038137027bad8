//! What a roll back leaves as it is: the template goes back, and what it only names stays: `ConfigMaps` and Secrets with
//! what they hold now, images whose tag may hold another build by now. Told before the yes, from the template itself.
//!
//! `ConfigMaps` are read, to tell those that are gone (their pods would not start) or were changed after the older
//! revision was made. Secrets are named and not read: a read of a Secret is what others are alarmed by.

use std::collections::BTreeSet;

use serde_json::Value;

use super::execute::KubeExecutor;
use super::patch;
use super::resource::CONFIG_MAPS;
use super::wire::Wire;
use crate::control::plan::{Plan, ResolvedWrite};
use crate::domain::feed::Trouble;
use crate::domain::ids::{Name, Namespace};
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;

/// Most `ConfigMaps` that are read for one rehearsal; the others are named only.
const READ_MAX: usize = 8;

/// What a pod template names and does not hold.
#[derive(Debug, Default, PartialEq, Eq)]
struct Named {
    config_maps: BTreeSet<String>,
    secrets: BTreeSet<String>,
    /// Images by a tag, not by a digest.
    tagged: BTreeSet<String>,
}

/// What the plan leaves as it is, in sentences; nothing where no template goes back.
pub(super) async fn told(
    executor: &KubeExecutor,
    wire: &Wire,
    plan: &Plan,
    writes: &[ResolvedWrite],
) -> Vec<Text> {
    let found =
        plan.writes.iter().zip(writes).find_map(|(write, resolved)| {
            Some((patch::needed_set(write)?, template(&resolved.body)?))
        });
    let Some(((resource, name), template)) = found else { return Vec::new() };
    let named = Named::of(&template);
    let namespace = &plan.target.namespace;
    let made = executor.read(wire, resource, namespace, name).await.ok();
    let made = made.and_then(|set| time(&set.value, "/metadata/creationTimestamp"));
    let looks = named.config_maps.iter().take(READ_MAX).map(|name| async move {
        (name.as_str(), config_map(executor, wire, namespace, name, made).await)
    });
    let looked = futures::future::join_all(looks).await;
    sentences(&named, &looked)
}

/// What is known of a ConfigMap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// As it was when the older revision was made, or nobody can tell.
    Same,
    /// Written after the older revision was made.
    Newer,
    /// Not there.
    Gone,
}

async fn config_map(
    executor: &KubeExecutor,
    wire: &Wire,
    namespace: &Namespace,
    name: &str,
    made: Option<Timestamp>,
) -> Found {
    match executor.read(wire, CONFIG_MAPS, namespace, &Name::new(name)).await {
        Ok(read) => match last_written(&read.value).zip(made) {
            Some((written, made)) if written > made => Found::Newer,
            Some(_) | None => Found::Same,
        },
        Err(Trouble::NotFound(_)) => Found::Gone,
        // What may not be read is named all the same.
        Err(_) => Found::Same,
    }
}

fn time(value: &Value, path: &str) -> Option<Timestamp> {
    value.pointer(path)?.as_str()?.parse().ok()
}

/// When somebody last wrote it, by the server's own record.
fn last_written(object: &Value) -> Option<Timestamp> {
    let managers = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    let written = managers.into_iter().flatten().filter_map(|entry| time(entry, "/time")).max();
    written.or_else(|| time(object, "/metadata/creationTimestamp"))
}

/// The template in the body of a write: of a JSON patch or of a merge.
fn template(body: &str) -> Option<Value> {
    let body: Value = serde_json::from_str(body).ok()?;
    let is_template = |operation: &&Value| {
        operation.get("path").and_then(Value::as_str) == Some("/spec/template")
    };
    let patched = body.as_array().and_then(|operations| operations.iter().find(is_template));
    let found = match patched {
        Some(operation) => operation.get("value"),
        None => body.pointer("/spec/template"),
    };
    found.cloned()
}

impl Named {
    fn of(template: &Value) -> Self {
        let mut named = Self::default();
        let Some(spec) = template.get("spec") else { return named };
        for kind in ["initContainers", "containers"] {
            for container in list(spec, kind) {
                named.container(container);
            }
        }
        for volume in list(spec, "volumes") {
            named.volume(volume);
        }
        named
    }

    fn container(&mut self, container: &Value) {
        for source in list(container, "envFrom") {
            keep(&mut self.config_maps, source.pointer("/configMapRef/name"));
            keep(&mut self.secrets, source.pointer("/secretRef/name"));
        }
        for variable in list(container, "env") {
            keep(&mut self.config_maps, variable.pointer("/valueFrom/configMapKeyRef/name"));
            keep(&mut self.secrets, variable.pointer("/valueFrom/secretKeyRef/name"));
        }
        let image = container
            .get("image")
            .filter(|image| image.as_str().is_some_and(|image| !image.contains('@')));
        keep(&mut self.tagged, image);
    }

    fn volume(&mut self, volume: &Value) {
        keep(&mut self.config_maps, volume.pointer("/configMap/name"));
        keep(&mut self.secrets, volume.pointer("/secret/secretName"));
        for source in
            volume.pointer("/projected/sources").and_then(Value::as_array).into_iter().flatten()
        {
            keep(&mut self.config_maps, source.pointer("/configMap/name"));
            keep(&mut self.secrets, source.pointer("/secret/name"));
        }
    }
}

fn list<'a>(holder: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    holder.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn keep(set: &mut BTreeSet<String>, name: Option<&Value>) {
    if let Some(name) = name.and_then(Value::as_str).filter(|name| !name.is_empty()) {
        set.insert(name.to_owned());
    }
}

fn sentences(named: &Named, looked: &[(&str, Found)]) -> Vec<Text> {
    let of = |wanted: Found| -> Vec<&str> {
        looked.iter().filter(|(_, found)| *found == wanted).map(|(name, _)| *name).collect()
    };
    let (gone, newer) = (of(Found::Gone), of(Found::Newer));
    let mut out = Vec::new();
    if !gone.is_empty() {
        out.push(format!("ConfigMap {} is gone: pods that need it do not start", gone.join(", ")));
    }
    if !newer.is_empty() {
        let all = newer.join(", ");
        out.push(format!("ConfigMap {all} was changed after that revision, and stays as it is"));
    }
    let is_told = |name: &&String| gone.contains(&name.as_str()) || newer.contains(&name.as_str());
    let others: Vec<&str> =
        named.config_maps.iter().filter(|name| !is_told(name)).map(String::as_str).collect();
    let secrets: Vec<&str> = named.secrets.iter().map(String::as_str).collect();
    let parts: Vec<String> = [("ConfigMap", others), ("Secret", secrets)]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(kind, names)| format!("{kind} {}", names.join(", ")))
        .collect();
    if !parts.is_empty() {
        out.push(format!("not put back: {}", parts.join("; ")));
    }
    if !named.tagged.is_empty() {
        let images: Vec<&str> = named.tagged.iter().map(String::as_str).collect();
        out.push(format!("named by tag, so what the tag holds now: {}", images.join(", ")));
    }
    out.iter().map(|words| Text::clean(words)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pods() -> Value {
        json!({"spec": {
            "initContainers": [{"image": "init:1", "envFrom": [{"secretRef": {"name": "s-init"}}]}],
            "containers": [{
                "image": "web@sha256:abc",
                "envFrom": [{"configMapRef": {"name": "c-from"}}],
                "env": [
                    {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c-key", "key": "k"}}},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s-key", "key": "k"}}},
                    {"name": "C", "value": "plain"},
                ],
            }],
            "volumes": [
                {"name": "one", "configMap": {"name": "c-volume"}},
                {"name": "two", "secret": {"secretName": "s-volume"}},
                {"name": "three", "projected": {"sources": [
                    {"configMap": {"name": "c-projected"}},
                    {"secret": {"name": "s-projected"}},
                    {"serviceAccountToken": {"path": "token"}},
                ]}},
                {"name": "four", "emptyDir": {}},
            ],
        }})
    }

    fn words(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn everything_that_a_template_names_is_found() {
        let named = Named::of(&pods());
        assert_eq!(named.config_maps, words(&["c-from", "c-key", "c-projected", "c-volume"]));
        assert_eq!(named.secrets, words(&["s-init", "s-key", "s-projected", "s-volume"]));
        assert_eq!(named.tagged, words(&["init:1"]), "a digest is what it is");
    }

    #[test]
    fn a_template_of_another_shape_names_nothing() {
        for odd in [json!(null), json!([]), json!({"spec": {"containers": {"a": 1}, "volumes": 3}})]
        {
            assert_eq!(Named::of(&odd), Named::default());
        }
    }

    #[test]
    fn the_template_is_found_in_every_kind_of_patch() {
        let of_patch = json!([
            {"op": "add", "path": "/spec/paused", "value": false},
            {"op": "replace", "path": "/spec/template", "value": pods()},
        ]);
        let of_merge = json!({"spec": {"template": pods()}});
        for body in [of_patch, of_merge] {
            assert_eq!(template(&body.to_string()), Some(pods()));
        }
        assert_eq!(template("{\"spec\":{\"paused\":true}}"), None);
        assert_eq!(template("no JSON"), None);
    }

    #[test]
    fn what_is_gone_or_newer_is_told_before_what_only_stays() {
        let named = Named {
            config_maps: words(&["a", "b", "c"]),
            secrets: words(&["s"]),
            tagged: words(&["web:1"]),
        };
        let looked = [("a", Found::Gone), ("b", Found::Newer), ("c", Found::Same)];
        let told: Vec<String> =
            sentences(&named, &looked).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "ConfigMap a is gone: pods that need it do not start",
                "ConfigMap b was changed after that revision, and stays as it is",
                "not put back: ConfigMap c; Secret s",
                "named by tag, so what the tag holds now: web:1",
            ]
        );
        assert!(sentences(&Named::default(), &[]).is_empty());
    }

    #[test]
    fn who_wrote_last_is_read_from_the_servers_own_record() {
        let object = json!({"metadata": {
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "managedFields": [
                {"time": "2026-01-02T00:00:00Z"},
                {"time": "2026-01-03T00:00:00Z"},
                {"time": "gibberish"},
            ],
        }});
        assert_eq!(last_written(&object), "2026-01-03T00:00:00Z".parse().ok());
        let old = json!({"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}});
        assert_eq!(last_written(&old), "2026-01-01T00:00:00Z".parse().ok());
        assert_eq!(last_written(&json!({})), None);
    }
}
