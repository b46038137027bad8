//! What bounds a release's pods from outside, as `get`, `status` and `watch` print it.

use schemars::JsonSchema;
use serde::Serialize;

use super::rollout::words;
use crate::domain::bounds;

/// What bounds the number of pods.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bounds {
    /// The HorizontalPodAutoscaler that sets their number.
    pub autoscaler: Option<Autoscaler>,
    /// Of a Canary: Flagger's copy of it for the primary.
    pub primary_autoscaler: Option<Autoscaler>,
    /// PodDisruptionBudgets that count them.
    pub budgets: Vec<Budget>,
    /// Which of them could not be read, and why.
    pub unread: Option<String>,
}

/// A HorizontalPodAutoscaler.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Autoscaler {
    /// Its name.
    pub name: String,
    /// The fewest pods.
    pub min: u32,
    /// The most pods.
    pub max: Option<u32>,
    /// Pods that there are.
    pub current: Option<u32>,
    /// Pods that it wants.
    pub desired: Option<u32>,
    /// Why it cannot scale; null when it can.
    pub trouble: Option<String>,
}

/// A PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Budget {
    /// Its name.
    pub name: String,
    /// Evictions that it allows now.
    pub allowed: Option<u32>,
    /// Healthy pods.
    pub healthy: Option<u32>,
    /// Healthy pods that there must be.
    pub wanted: Option<u32>,
}

impl Bounds {
    /// The document of what was read.
    #[must_use]
    pub fn of(bounds: &bounds::Bounds) -> Self {
        let budget = |budget: &bounds::Budget| Budget {
            name: budget.name.to_string(),
            allowed: budget.allowed,
            healthy: budget.healthy,
            wanted: budget.wanted,
        };
        let autoscaler = |scaler: &bounds::Autoscaler| Autoscaler {
            name: scaler.name.to_string(),
            min: scaler.min,
            max: scaler.max,
            current: scaler.current,
            desired: scaler.desired,
            trouble: words(scaler.trouble.as_ref()),
        };
        Self {
            autoscaler: bounds.autoscaler.as_ref().map(autoscaler),
            primary_autoscaler: bounds.primary_autoscaler.as_ref().map(autoscaler),
            budgets: bounds.budgets.iter().map(budget).collect(),
            unread: words(bounds.unread.as_ref()),
        }
    }
}
