//! Which workload a `KIND/NAME` or a bare `NAME` of the command line means.

use crate::app::state::State;
use crate::cli::args_values::Target;
use crate::domain::ids::{Namespace, WorkloadKind, WorkloadRef};

/// What was written on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The kind, if it was said.
    pub kind: Option<WorkloadKind>,
    /// The name.
    pub name: String,
    /// The namespaces to look in; empty: all that are followed.
    pub namespaces: Vec<Namespace>,
}

/// What it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// This one.
    One(WorkloadRef),
    /// None that is known.
    None,
    /// Several.
    Many(Vec<WorkloadRef>),
}

impl Wanted {
    /// What this word of the command line means in these namespaces.
    #[must_use]
    pub fn new(target: &Target, namespaces: Vec<Namespace>) -> Self {
        Self { kind: target.kind, name: target.name.to_string(), namespaces }
    }

    /// Looks for it.
    #[must_use]
    pub fn find(&self, state: &State) -> Found {
        let is_it = |target: &&WorkloadRef| {
            target.name.as_str() == self.name
                && self.kind.is_none_or(|kind| kind == target.kind)
                && (self.namespaces.is_empty() || self.namespaces.contains(&target.namespace))
        };
        // What is only a part of a release is found by its kind: a name alone means the release.
        let objects = state.fleet().objects();
        let named =
            objects.filter(|(_, row)| self.kind.is_some() || row.workload.part_of.is_none());
        let mut found: Vec<WorkloadRef> =
            named.map(|(target, _)| target).filter(is_it).cloned().collect();
        match found.len() {
            0 => Found::None,
            1 => found.pop().map_or(Found::None, Found::One),
            _ => Found::Many(found),
        }
    }
}

/// The candidates of an ambiguous name, one per line, each as it would be written.
#[must_use]
pub fn candidates(found: &[WorkloadRef]) -> String {
    let one = |target: &WorkloadRef| {
        let kind = target.kind.words().first().copied().unwrap_or_default();
        format!("  --context {} -n {} {kind}/{}", target.cluster, target.namespace, target.name)
    };
    found.iter().map(one).collect::<Vec<_>>().join("\n")
}
