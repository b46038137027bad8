//! What bounds the number of a workload's pods from outside: an autoscaler, and budgets for evictions.

use std::sync::Arc;

use super::ids::{Name, Uid};
use super::text::Text;

/// Of one workload.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bounds {
    /// The autoscaler that sets its number of pods.
    pub autoscaler: Option<Autoscaler>,
    /// Of a Canary: the copy that Flagger makes of it for the primary.
    pub primary_autoscaler: Option<Autoscaler>,
    /// Budgets that count its pods, by name.
    pub budgets: Arc<[Budget]>,
    /// Which of them could not be read, and why.
    pub unread: Option<Text>,
}

/// A HorizontalPodAutoscaler.
#[derive(Clone, Debug, PartialEq)]
pub struct Autoscaler {
    /// Its name.
    pub name: Name,
    /// Its identity.
    pub uid: Uid,
    /// The kind of what it scales.
    pub kind: Text,
    /// The name of what it scales.
    pub scales: Name,
    /// `spec.minReplicas`.
    pub min: u32,
    /// `spec.maxReplicas`.
    pub max: Option<u32>,
    /// `status.currentReplicas`.
    pub current: Option<u32>,
    /// `status.desiredReplicas`.
    pub desired: Option<u32>,
    /// Why it cannot scale: it cannot read its metrics, or not reach what it scales.
    pub trouble: Option<Text>,
}

/// A PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// Its name.
    pub name: Name,
    /// Its identity.
    pub uid: Uid,
    /// The labels of the pods that it counts, as `key=value`.
    pub labels: Arc<[Text]>,
    /// `status.disruptionsAllowed`.
    pub allowed: Option<u32>,
    /// `status.currentHealthy`.
    pub healthy: Option<u32>,
    /// `status.desiredHealthy`.
    pub wanted: Option<u32>,
}

impl Autoscaler {
    /// It would make more pods if it might.
    #[must_use]
    pub fn is_at_its_maximum(&self) -> bool {
        self.max.is_some() && self.desired == self.max && self.current == self.max
    }
}
