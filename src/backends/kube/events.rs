//! Kubernetes Events → facts, in both forms in which they are written. Pure and total.

use serde_json::Value;

use super::fields::{Node, Reading};
use super::meta::Metadata;
use crate::domain::detail::ClusterEvent;
use crate::domain::ids::Uid;
use crate::domain::observed::Timestamp;

/// An event and what it is about.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// Kind of the object it is about.
    pub(super) kind: String,
    /// Its name.
    pub(super) name: String,
    /// Its identity; empty where the writer left it out.
    pub(super) uid: Uid,
    /// The event.
    pub(super) event: ClusterEvent,
}

impl Told {
    /// When it was said last; without any time it is as old as can be.
    pub(super) fn at(&self) -> Timestamp {
        self.event.last.unwrap_or(Timestamp::MIN)
    }
}

/// An event.
pub(super) fn event(object: &Value, reading: &mut Reading<'_>) -> Told {
    let root = Node::root(object);
    let metadata = Metadata::of(object);
    let about = root.at("involvedObject", "involvedObject");
    let series = root.at("series", "series");
    let (kind, name) = (about.word("kind").unwrap_or("?"), about.word("name").unwrap_or("?"));
    let once = reading.time(root, "eventTime");
    let first = reading.time(root, "firstTimestamp").or(once).or_else(|| metadata.created(reading));
    let repeated = reading.time(series, "lastObservedTime");
    let last = repeated.or_else(|| reading.time(root, "lastTimestamp")).or(once).or(first);
    let source = root.at("source", "source");
    let by = reading.text(root, "reportingComponent").or_else(|| reading.text(source, "component"));
    let count = reading.count(series, "count").or_else(|| reading.count(root, "count"));
    Told {
        kind: kind.to_owned(),
        name: name.to_owned(),
        uid: Uid::new(about.word("uid").unwrap_or_default()),
        event: ClusterEvent {
            uid: metadata.uid(),
            about: reading.shared(&format!("{kind}/{name}")),
            warning: root.word("type") == Some("Warning"),
            reason: reading.text_or_empty(root, "reason"),
            message: reading.text_or_empty(root, "message"),
            by: by.unwrap_or_default(),
            count: count.filter(|count| *count > 0).unwrap_or(1),
            first,
            last,
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fields::Words;
    use super::*;

    fn told(object: &Value) -> Told {
        let mut words = Words::default();
        event(object, &mut Reading::new(&mut words))
    }

    #[test]
    fn both_forms_of_event_give_count_times_and_speaker() {
        let old = told(&json!({
            "metadata": { "uid": "e1", "creationTimestamp": "2026-01-01T00:00:00Z" },
            "involvedObject": { "kind": "Rollout", "name": "web", "uid": "r1" },
            "type": "Warning", "reason": "RolloutAborted", "message": "m", "count": 3,
            "firstTimestamp": "2026-01-01T00:00:01Z", "lastTimestamp": "2026-01-01T00:00:09Z",
            "eventTime": null, "source": { "component": "rollouts-controller" },
        }));
        assert_eq!(old.event.about.as_str(), "Rollout/web");
        assert!(old.event.warning);
        assert_eq!((old.event.count, old.event.by.as_str()), (3, "rollouts-controller"));
        assert_eq!(old.event.last, "2026-01-01T00:00:09Z".parse().ok());
        let new = told(&json!({
            "metadata": { "uid": "e2" }, "type": "Normal",
            "involvedObject": { "kind": "Pod", "name": "web-1" },
            "eventTime": "2026-01-01T00:00:02.000000Z", "reportingComponent": "kubelet",
            "series": { "count": 7, "lastObservedTime": "2026-01-01T00:00:05.000000Z" },
        }));
        assert_eq!((new.event.count, new.event.by.as_str()), (7, "kubelet"));
        assert_eq!(new.event.first, "2026-01-01T00:00:02Z".parse().ok());
        assert_eq!(new.event.last, "2026-01-01T00:00:05Z".parse().ok());
    }

    #[test]
    fn an_event_of_nothing_is_still_an_event() {
        for object in [json!({}), json!(null), json!({ "count": -1, "involvedObject": [] })] {
            let told = told(&object);
            assert_eq!((told.event.count, told.event.about.as_str()), (1, "?/?"));
            assert_eq!(told.at(), Timestamp::MIN);
        }
    }
}
