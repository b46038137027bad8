//! The parts that all objects share: identity, owners, labels, conditions, pod templates.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde_json::Value;

use super::fields::{Node, Reading};
use super::sightings::{MARK_ANNOTATION, MARK_MESSAGE};
use crate::domain::ids::{Generation, Name, Namespace, ResourceVersion, Revision, Uid};
use crate::domain::observed::Timestamp;
use crate::domain::text::Text;
use crate::domain::workload::{Build, Condition, ConditionStatus, Hand, Image, ObjectMeta};

/// The labels with which controllers tie pods to a template.
pub(super) const HASH_LABELS: [&str; 2] = ["rollouts-pod-template-hash", "pod-template-hash"];

/// On pods of a StatefulSet the name of their ControllerRevision, on those of a DaemonSet its hash.
pub(super) const REVISION_LABEL: &str = "controller-revision-hash";

/// Where builds leave their traces on a template, in order of preference.
const COMMIT_KEYS: [&str; 3] =
    ["org.opencontainers.image.revision", "app.openshift.io/vcs-ref", "git-commit"];
const BUILD_KEYS: [&str; 3] = ["org.opencontainers.image.url", "build-url", "build-id"];
const AUTHOR_KEYS: [&str; 2] = ["org.opencontainers.image.authors", "git-author"];

/// Most tools kept that wrote an object.
const HANDS_MAX: usize = 16;

/// Field managers that write all the time (the controllers), or whose deeds are told by their own records (ourselves).
/// `controllers` is the controller manager where it is built under that name, as on the project's live plane.
const NOT_HANDS: [&str; 5] = [
    "rollouts-controller",
    "argo-rollouts",
    "kube-controller-manager",
    "controllers",
    "pilothouse",
];

/// An object's metadata.
#[derive(Clone, Copy)]
pub(super) struct Metadata<'a> {
    node: Node<'a>,
    pub(super) labels: Node<'a>,
    pub(super) annotations: Node<'a>,
}

impl<'a> Metadata<'a> {
    pub(super) fn of(object: &'a Value) -> Self {
        Self::at(Node::root(object))
    }

    /// Of an object inside another one: a pod template.
    pub(super) fn at(holder: Node<'a>) -> Self {
        let node = holder.at("metadata", "metadata");
        let labels = node.at("labels", "metadata.labels");
        let annotations = node.at("annotations", "metadata.annotations");
        Self { node, labels, annotations }
    }

    pub(super) fn name(&self, reading: &mut Reading<'_>) -> Name {
        Name::from_text(reading.text_or_empty(self.node, "name"))
    }

    pub(super) fn namespace(&self, reading: &mut Reading<'_>) -> Namespace {
        Namespace::from_text(reading.text_or_empty(self.node, "namespace"))
    }

    pub(super) fn uid(&self) -> Uid {
        Uid::new(self.node.word("uid").unwrap_or_default())
    }

    pub(super) fn version(&self) -> ResourceVersion {
        ResourceVersion::new(self.node.word("resourceVersion").unwrap_or_default())
    }

    pub(super) fn read(&self, reading: &mut Reading<'_>) -> ObjectMeta {
        ObjectMeta {
            uid: self.uid(),
            resource_version: self.version(),
            generation: Generation(reading.whole(self.node, "generation").unwrap_or_default()),
            created: self.created(reading),
            deleting: self.deleting(reading),
            hands: self.hands(reading),
        }
    }

    pub(super) fn created(&self, reading: &mut Reading<'_>) -> Option<Timestamp> {
        reading.time(self.node, "creationTimestamp")
    }

    pub(super) fn deleting(&self, reading: &mut Reading<'_>) -> Option<Timestamp> {
        reading.time(self.node, "deletionTimestamp")
    }

    /// `ownerReferences`.
    pub(super) fn owners(&self) -> &'a [Value] {
        self.node.raw("ownerReferences").as_array().map_or(&[], Vec::as_slice)
    }

    /// The owner that controls it: kind and uid.
    pub(super) fn controller(&self) -> Option<(&'a str, &'a str)> {
        let owner = self
            .owners()
            .iter()
            .find(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true))?;
        Some((owner.get("kind")?.as_str()?, owner.get("uid")?.as_str()?))
    }

    /// The hash of its template, from whichever label its controller uses.
    pub(super) fn hash(&self) -> Option<&'a str> {
        let labels = HASH_LABELS.into_iter().chain([REVISION_LABEL]);
        labels.filter_map(|label| self.labels.word(label)).find(|hash| !hash.is_empty())
    }

    /// An annotation that holds a number.
    pub(super) fn revision(&self, key: &str) -> Option<Revision> {
        self.annotations.word(key)?.parse().ok().map(Revision)
    }

    /// Who wrote it, as far as its field managers tell; each tool once.
    fn hands(&self, reading: &mut Reading<'_>) -> Arc<[Hand]> {
        let mut hands: Vec<Hand> = Vec::new();
        for entry in self.node.raw("managedFields").as_array().into_iter().flatten() {
            let node = Node::entry(entry, "metadata.managedFields[]");
            let Some(manager) = node.word("manager").filter(|it| !NOT_HANDS.contains(it)) else {
                continue;
            };
            let Some(at) = reading.time(node, "time") else { continue };
            let manager = reading.shared(manager);
            if let Some(hand) = hands.iter_mut().find(|hand| hand.manager == manager) {
                hand.at = hand.at.max(at);
            } else if hands.len() < HANDS_MAX {
                hands.push(Hand { manager, at });
            }
        }
        hands.into()
    }

    /// Who wrote it last, as far as its field managers tell.
    fn manager(&self) -> Option<&'a str> {
        let entries = self.node.raw("managedFields").as_array()?;
        // The times are RFC 3339 in UTC with whole seconds, so their order is that of the text.
        let newest =
            entries.iter().max_by_key(|entry| entry.get("time").and_then(Value::as_str))?;
        newest.get("manager").and_then(Value::as_str)
    }
}

/// What a raw event tells to an order that waits for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glimpse {
    /// Which object.
    pub(super) uid: Uid,
    /// At which version.
    pub(super) version: ResourceVersion,
    /// The order whose mark its annotations carry.
    pub(super) annotated: Option<Text>,
    /// The order whose mark its status carries.
    pub(super) told: Option<Text>,
    /// Who wrote it last.
    pub(super) manager: Option<Text>,
}

impl Glimpse {
    pub(super) fn of(object: &Value, reading: &mut Reading<'_>) -> Self {
        let metadata = Metadata::of(object);
        let message = object.pointer("/status/message").and_then(Value::as_str);
        let told = message.and_then(|message| message.strip_prefix(MARK_MESSAGE));
        let told = told.and_then(|rest| rest.split(' ').next()).filter(|order| !order.is_empty());
        Self {
            uid: metadata.uid(),
            version: metadata.version(),
            annotated: metadata.annotations.word(MARK_ANNOTATION).map(|raw| reading.shared(raw)),
            told: told.map(Text::clean),
            manager: metadata.manager().map(|raw| reading.shared(raw)),
        }
    }
}

/// `status.conditions`.
pub(super) fn conditions(status: Node<'_>, reading: &mut Reading<'_>) -> Arc<[Condition]> {
    let entries = reading.list(status, "conditions");
    entries
        .iter()
        .map(|entry| {
            let node = Node::entry(entry, "status.conditions[]");
            Condition {
                kind: reading.text_or_empty(node, "type"),
                status: match node.word("status") {
                    Some("True") => ConditionStatus::True,
                    Some("False") => ConditionStatus::False,
                    Some(_) | None => ConditionStatus::Unknown,
                },
                reason: reading.text_or_empty(node, "reason"),
                message: reading.text_or_empty(node, "message"),
                since: reading.time(node, "lastTransitionTime"),
                updated: reading.time(node, "lastUpdateTime"),
            }
        })
        .collect()
}

/// The images of a pod template.
pub(super) fn images(template: Node<'_>, reading: &mut Reading<'_>) -> Arc<[Image]> {
    let spec = template.at("spec", "template.spec");
    let containers = reading.list(spec, "containers");
    containers
        .iter()
        .map(|container| {
            let node = Node::entry(container, "template.spec.containers[]");
            let image = reading.text_or_empty(node, "image");
            let digest = image.as_str().split_once('@').map(|(_, digest)| digest.to_owned());
            Image {
                container: Name::from_text(reading.text_or_empty(node, "name")),
                digest: digest.map(|digest| reading.shared(&digest)),
                image,
            }
        })
        .collect()
}

/// Where a version came from, as a template and its owner tell.
pub(super) fn build(template: Node<'_>, owner: &Metadata<'_>, reading: &mut Reading<'_>) -> Build {
    let annotations = Metadata::at(template).annotations;
    let mut first = |keys: &[&str]| {
        let found = keys.iter().find_map(|key| annotations.word(key));
        found.filter(|found| !found.is_empty()).map(|found| reading.shared(found))
    };
    let (commit, build, author) = (first(&COMMIT_KEYS), first(&BUILD_KEYS), first(&AUTHOR_KEYS));
    let cause = owner.annotations.word("kubernetes.io/change-cause");
    let cause = cause.filter(|cause| !cause.is_empty()).map(|cause| reading.shared(cause));
    Build { commit, build, author, cause }
}

/// A number that is equal for pod templates that are equal but for the hash label, as the Deployment controller
/// compares them: what is null or empty counts as absent.
pub(super) fn fingerprint(template: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash_into(template, &mut hasher);
    hasher.finish()
}

fn hash_into(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::Null => 0u8.hash(hasher),
        Value::Bool(value) => (1u8, value).hash(hasher),
        Value::Number(number) => (2u8, number.to_string()).hash(hasher),
        Value::String(text) => (3u8, text).hash(hasher),
        Value::Array(list) => {
            (4u8, list.len()).hash(hasher);
            for value in list {
                hash_into(value, hasher);
            }
        }
        Value::Object(object) => {
            let mut fields: Vec<(&String, &Value)> =
                object.iter().filter(|(key, value)| !counts_as_absent(key, value)).collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            (5u8, fields.len()).hash(hasher);
            for (key, value) in fields {
                key.hash(hasher);
                hash_into(value, hasher);
            }
        }
    }
}

fn counts_as_absent(key: &str, value: &Value) -> bool {
    HASH_LABELS.contains(&key)
        || match value {
            Value::Null => true,
            Value::Array(list) => list.is_empty(),
            Value::Object(object) => object.iter().all(|(key, value)| counts_as_absent(key, value)),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
}

/// A label selector in the words of a query; `None` when it selects nothing we can say.
pub(super) fn selector(selector: Node<'_>) -> Option<Box<str>> {
    let mut parts: Vec<String> = Vec::new();
    if let Some(labels) = selector.raw("matchLabels").as_object() {
        for (key, value) in labels {
            parts.push(format!("{key}={}", value.as_str()?));
        }
    }
    for rule in selector.raw("matchExpressions").as_array().into_iter().flatten() {
        let key = rule.get("key")?.as_str()?;
        let values = rule.get("values").and_then(Value::as_array).into_iter().flatten();
        let values: Vec<&str> = values.filter_map(Value::as_str).collect();
        parts.push(match rule.get("operator")?.as_str()? {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => return None,
        });
    }
    (!parts.is_empty()).then(|| parts.join(",").into_boxed_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fields::Words;
    use super::*;

    #[test]
    fn templates_are_equal_when_only_the_hash_label_or_emptiness_differs() {
        let wanted = json!({ "metadata": { "labels": { "app": "web" }, "creationTimestamp": null },
            "spec": { "containers": [{ "name": "a", "image": "x:1", "resources": {} }] } });
        let owned = json!({ "spec": { "containers": [{ "image": "x:1", "name": "a" }] },
            "metadata": { "labels": { "pod-template-hash": "123", "app": "web" } } });
        let other = json!({ "spec": { "containers": [{ "image": "x:2", "name": "a" }] },
            "metadata": { "labels": { "pod-template-hash": "123", "app": "web" } } });
        assert_eq!(fingerprint(&wanted), fingerprint(&owned));
        assert_ne!(fingerprint(&wanted), fingerprint(&other));
    }

    #[test]
    fn selectors_are_said_as_the_api_server_reads_them() {
        for (value, want) in [
            (
                json!({ "matchLabels": { "app": "web", "tier": "front" } }),
                Some("app=web,tier=front"),
            ),
            (
                json!({ "matchExpressions": [
                    { "key": "app", "operator": "In", "values": ["a", "b"] },
                    { "key": "x", "operator": "NotIn", "values": ["c"] },
                    { "key": "y", "operator": "Exists" },
                    { "key": "z", "operator": "DoesNotExist" } ] }),
                Some("app in (a,b),x notin (c),y,!z"),
            ),
            (json!({ "matchExpressions": [{ "key": "a", "operator": "Like" }] }), None),
            (json!({ "matchLabels": { "app": 5 } }), None),
            (json!({}), None),
            (json!(null), None),
            (json!("app=web"), None),
        ] {
            assert_eq!(selector(Node::entry(&value, "spec.selector")).as_deref(), want, "{value}");
        }
    }

    #[test]
    fn hands_are_the_tools_that_wrote_beside_controller_and_ourselves() {
        let entry = |manager: &str, time: &str| json!({ "manager": manager, "time": time });
        let value = json!({ "metadata": { "managedFields": [
            entry("kubectl", "2026-01-02T00:00:00Z"),
            entry("kubectl", "2026-01-03T00:00:00Z"),
            entry("rollouts-controller", "2026-01-04T00:00:00Z"),
            entry("pilothouse", "2026-01-05T00:00:00Z"),
            entry("argocd-controller", "yesterday"),
            entry("kubectl-argo-rollouts", "2026-01-01T00:00:00Z"),
            "rubbish",
        ] } });
        let mut words = Words::default();
        let hands = Metadata::of(&value).hands(&mut Reading::new(&mut words));
        let told: Vec<String> =
            hands.iter().map(|hand| format!("{} {}", hand.manager, hand.at)).collect();
        assert_eq!(
            told,
            ["kubectl 2026-01-03T00:00:00Z", "kubectl-argo-rollouts 2026-01-01T00:00:00Z"]
        );
    }

    #[test]
    fn both_kinds_of_mark_and_the_last_writer_are_seen() {
        let value = json!({
            "metadata": {
                "uid": "u1", "resourceVersion": "7",
                "annotations": { "pilothouse.dev/order": "o-1" },
                "managedFields": [
                    { "manager": "kubectl", "time": "2026-01-02T00:00:00Z" },
                    { "manager": "pilothouse", "time": "2026-01-03T00:00:00Z" },
                    { "manager": "old", "time": "2026-01-01T00:00:00Z" },
                ],
            },
            "status": { "message": "pilothouse o-2 abort" },
        });
        let mut words = Words::default();
        let glimpse = Glimpse::of(&value, &mut Reading::new(&mut words));
        assert_eq!(glimpse.annotated, Some(Text::clean("o-1")));
        assert_eq!(glimpse.told, Some(Text::clean("o-2")));
        assert_eq!(glimpse.manager, Some(Text::clean("pilothouse")));
        for message in ["pilothouse", "pilothouse ", "see pilothouse o-2", ""] {
            let value = json!({ "metadata": {}, "status": { "message": message } });
            assert_eq!(
                Glimpse::of(&value, &mut Reading::new(&mut words)).told,
                None,
                "{message:?}"
            );
        }
    }
}
