//! ReplicaSets as the controllers above them see them.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::read;

/// The annotation of Argo Rollouts with the number of a revision.
pub(super) const REVISION: &str = "rollout.argoproj.io/revision";
/// Numbers that a ReplicaSet had before.
pub(super) const REVISION_HISTORY: &str = "rollout.argoproj.io/revision-history";
/// How many replicas the Rollout wants in all.
pub(super) const DESIRED: &str = "rollout.argoproj.io/desired-replicas";
/// When a ReplicaSet that is no longer needed goes to 0.
pub(super) const DEADLINE: &str = "scale-down-deadline";

/// A ReplicaSet at a moment.
#[derive(Clone, Debug)]
pub(super) struct Rs {
    pub(super) object: Arc<Value>,
}

impl Rs {
    pub(super) fn name(&self) -> &str {
        read::name(&self.object)
    }

    /// How many pods it wants.
    pub(super) fn wanted(&self) -> i64 {
        read::int(&self.object, "/spec/replicas").unwrap_or(1)
    }

    /// How many pods it has.
    pub(super) fn actual(&self) -> i64 {
        read::count(&self.object, "/status/replicas")
    }

    pub(super) fn ready(&self) -> i64 {
        read::count(&self.object, "/status/readyReplicas")
    }

    pub(super) fn available(&self) -> i64 {
        read::count(&self.object, "/status/availableReplicas")
    }

    pub(super) fn hash(&self, label: &str) -> &str {
        read::label(&self.object, label).unwrap_or_default()
    }

    pub(super) fn annotation(&self, name: &str) -> Option<&str> {
        read::annotation(&self.object, name)
    }

    /// The number in an annotation; 0 where there is none.
    pub(super) fn number(&self, annotation: &str) -> i64 {
        self.annotation(annotation).and_then(|it| it.parse().ok()).unwrap_or(0)
    }

    pub(super) fn created(&self) -> Timestamp {
        read::created(&self.object)
    }

    /// Whether it was told when to go to 0.
    pub(super) fn has_deadline(&self) -> bool {
        self.annotation(DEADLINE).is_some_and(|deadline| !deadline.is_empty())
    }

    /// When it is to go to 0.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.annotation(DEADLINE)?.parse().ok()
    }
}

/// The sum of a number over ReplicaSets.
pub(super) fn sum<'a>(sets: impl IntoIterator<Item = &'a Rs>, of: impl Fn(&Rs) -> i64) -> i64 {
    sets.into_iter().map(of).sum()
}
