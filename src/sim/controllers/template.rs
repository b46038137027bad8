//! Pod templates: what the API server fills in, what a controller writes back, and their hash.

use serde_json::{Map, Value, json};

use super::read;
use crate::sim::kind::Kind;

/// The label by which Argo Rollouts tells ReplicaSets and pods apart.
pub(super) const ROLLOUT_HASH: &str = "rollouts-pod-template-hash";

/// The label by which Deployments do.
pub(super) const DEPLOYMENT_HASH: &str = "pod-template-hash";

/// The characters of a hash: no vowels, so that it spells no words, and none that look alike.
const SAFE: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// A template as a typed client writes it: with the fields that are never left out.
pub(super) fn written_back(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(fields) = template.as_object_mut() {
        fields.entry("metadata").or_insert_with(|| json!({}));
    }
    for each in ["containers", "initContainers", "ephemeralContainers"] {
        let containers = template.pointer_mut(&format!("/spec/{each}"));
        for container in containers.and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(fields) = container.as_object_mut() {
                fields.entry("resources").or_insert_with(|| json!({}));
            }
        }
    }
    template
}

/// Fills in what the API server fills in when it stores an object of its own kinds; templates inside of Rollouts it
/// does not know.
pub(in crate::sim) fn complete(kind: Kind, object: &mut Value) {
    if matches!(kind, Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet)
        && let Some(template) = object.pointer_mut("/spec/template")
    {
        *template = with_defaults(template);
    }
}

/// A template with what the API server fills in.
pub(super) fn with_defaults(template: &Value) -> Value {
    let mut template = written_back(template);
    for each in ["containers", "initContainers"] {
        let containers = template.pointer_mut(&format!("/spec/{each}"));
        for container in containers.and_then(Value::as_array_mut).into_iter().flatten() {
            fill_container(container);
        }
    }
    let Some(spec) = template.get_mut("spec").and_then(Value::as_object_mut) else {
        return template;
    };
    let filled = [
        ("dnsPolicy", json!("ClusterFirst")),
        ("restartPolicy", json!("Always")),
        ("schedulerName", json!("default-scheduler")),
        ("securityContext", json!({})),
        ("terminationGracePeriodSeconds", json!(30)),
    ];
    for (field, value) in filled {
        spec.entry(field).or_insert(value);
    }
    if let Some(account) = spec.get("serviceAccountName").cloned() {
        spec.entry("serviceAccount").or_insert(account);
    }
    template
}

fn fill_container(container: &mut Value) {
    let image = read::text(container, "/image");
    let tag = image.rsplit_once('/').map_or(image, |(_, last)| last).rsplit_once(':');
    let is_moving = !image.contains('@') && tag.is_none_or(|(_, tag)| tag == "latest");
    let policy = if is_moving { "Always" } else { "IfNotPresent" };
    let Some(fields) = container.as_object_mut() else { return };
    fields.entry("imagePullPolicy").or_insert_with(|| policy.into());
    fields.entry("terminationMessagePath").or_insert_with(|| "/dev/termination-log".into());
    fields.entry("terminationMessagePolicy").or_insert_with(|| "File".into());
    for port in fields.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(port) = port.as_object_mut() {
            port.entry("protocol").or_insert_with(|| "TCP".into());
        }
    }
    for probe in ["readinessProbe", "livenessProbe", "startupProbe"] {
        let Some(probe) = fields.get_mut(probe).and_then(Value::as_object_mut) else { continue };
        for (field, value) in [
            ("timeoutSeconds", 1),
            ("periodSeconds", 10),
            ("successThreshold", 1),
            ("failureThreshold", 3),
        ] {
            probe.entry(field).or_insert_with(|| value.into());
        }
        if let Some(get) = probe.get_mut("httpGet").and_then(Value::as_object_mut) {
            get.entry("scheme").or_insert_with(|| "HTTP".into());
        }
    }
}

/// The hash of a template: the same for equal templates, whatever the order of their fields, and
/// whether or not the API server filled in its defaults. Labels with hashes are no part of it.
pub(super) fn hash(template: &Value, collisions: Option<i64>) -> String {
    let mut template = with_defaults(template);
    for label in [ROLLOUT_HASH, DEPLOYMENT_HASH] {
        read::unset(&mut template, &format!("/metadata/labels/{label}"));
    }
    let mut hasher = Fnv::new();
    hasher.value(&template);
    if let Some(collisions) = collisions {
        hasher.bytes(&collisions.to_le_bytes());
    }
    safe(&hasher.0.to_string())
}

/// The hash that the built-in controllers make of a template: another one, so that a Rollout and a
/// Deployment of one name and template do not get in each other's way.
pub(super) fn built_in_hash(template: &Value) -> String {
    hash(template, Some(BUILT_IN))
}

/// What makes the hash of the built-in controllers another one.
const BUILT_IN: i64 = i64::MIN;

/// The hash of any value, in the same letters.
pub(super) fn hash_of(value: &Value) -> String {
    let mut hasher = Fnv::new();
    hasher.value(value);
    safe(&hasher.0.to_string())
}

/// A text in the letters of a hash.
fn safe(text: &str) -> String {
    text.bytes().map(|byte| char::from(SAFE[usize::from(byte) % SAFE.len()])).collect()
}

/// Letters of a hash, drawn from a number: the end of a pod's name.
pub(super) fn letters(mut number: u64, count: usize) -> String {
    let mut name = String::with_capacity(count);
    for _ in 0..count {
        let index = usize::try_from(number % 27).unwrap_or(0);
        name.push(char::from(SAFE[index]));
        number /= 27;
    }
    name
}

/// Whether a field says anything: a typed client leaves out what is empty.
fn says(name: &str, value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => {
            !(fields.is_empty() && matches!(name, "annotations" | "labels" | "metadata"))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// FNV-1a, 32 bits.
struct Fnv(u32);

impl Fnv {
    const fn new() -> Self {
        Self(0x811c_9dc5)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        }
    }

    /// A value in a form that does not depend on the order of its fields.
    fn value(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => self.object(fields),
            Value::Array(items) => {
                self.bytes(b"[");
                for item in items {
                    self.value(item);
                }
                self.bytes(b"]");
            }
            Value::String(text) => {
                self.bytes(b"\"");
                self.bytes(text.as_bytes());
                self.bytes(b"\"");
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                self.bytes(value.to_string().as_bytes());
            }
        }
    }

    fn object(&mut self, fields: &Map<String, Value>) {
        let mut names: Vec<&String> =
            fields.iter().filter(|(name, value)| says(name, value)).map(|(name, _)| name).collect();
        names.sort_unstable();
        self.bytes(b"{");
        for name in names {
            self.bytes(name.as_bytes());
            self.bytes(b":");
            self.value(&fields[name]);
        }
        self.bytes(b"}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(image: &str) -> Value {
        json!({
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "app", "image": image}]},
        })
    }

    #[test]
    fn a_template_and_what_the_server_made_of_it_have_one_hash() {
        let plain = template("registry.example.test/web:1");
        let mut stored = with_defaults(&plain);
        read::set(&mut stored, &format!("/metadata/labels/{ROLLOUT_HASH}"), "x");
        assert_ne!(plain, stored);
        assert_eq!(hash(&plain, None), hash(&stored, None));
        assert_ne!(hash(&plain, None), hash(&template("registry.example.test/web:2"), None));
        assert_ne!(hash(&plain, None), hash(&plain, Some(1)));
    }

    #[test]
    fn what_is_empty_says_nothing() {
        let mut empty = template("x");
        empty["metadata"]["annotations"] = json!({});
        empty["spec"]["volumes"] = json!([]);
        empty["spec"]["affinity"] = Value::Null;
        assert_eq!(hash(&template("x"), None), hash(&empty, None));
        empty["spec"]["volumes"] = json!([{"name": "tmp", "emptyDir": {}}]);
        assert_ne!(hash(&template("x"), None), hash(&empty, None));
    }

    #[test]
    fn the_order_of_fields_does_not_matter() {
        let one = json!({"a": 1, "b": [1, "x"]});
        let other = json!({"b": [1, "x"], "a": 1});
        assert_eq!(hash_of(&one), hash_of(&other));
    }

    #[test]
    fn hashes_spell_no_words() {
        let hash = hash(&template("x"), None);
        assert!(hash.len() <= 10 && hash.bytes().all(|byte| SAFE.contains(&byte)), "{hash}");
        assert_eq!(letters(27 * 27 + 1, 5), "cbcbb");
    }

    #[test]
    fn images_that_move_are_always_pulled() {
        for (image, policy) in [
            ("web:1", "IfNotPresent"),
            ("web", "Always"),
            ("web:latest", "Always"),
            ("host:5000/web", "Always"),
            ("web@sha256:12", "IfNotPresent"),
        ] {
            let filled = with_defaults(&template(image));
            assert_eq!(
                read::text(&filled, "/spec/containers/0/imagePullPolicy"),
                policy,
                "{image}"
            );
        }
    }
}
