//! What people and pipelines of the simulated world do, at their times.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::agenda::{Job, Task};
use super::bench::Bench;
use super::read;
use crate::sim::managed::{Manager, record};
use crate::sim::patch::merge;
use crate::sim::store::{Kind, key_of};

/// Everything that will be done.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    acts: Vec<Act>,
}

/// One thing that somebody does.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    /// When.
    pub at: Timestamp,
    /// To an object of this kind.
    pub kind: Kind,
    /// `namespace/name` of the object.
    pub key: String,
    /// What.
    pub deed: Deed,
    /// With which tool: `argocd-controller`, `kubectl-edit` …
    pub by: String,
}

/// A deed.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// Gives the first container another image, and the template more annotations.
    Release {
        /// The image.
        image: String,
        /// Annotations of the template.
        annotations: Value,
    },
    /// Merges a patch into the object.
    Patch(Value),
    /// Merges a patch into the status.
    PatchStatus(Value),
    /// Deletes the object.
    Delete,
}

impl super::life::Life {
    /// Plans an act.
    pub fn plan(&mut self, act: Act) {
        let number = self.script.acts.len().to_string();
        self.agenda.plan(Job::new(Task::Script, &number), act.at);
        self.script.acts.push(act);
    }
}

/// Does the act of a number.
pub(super) fn perform(bench: &mut Bench<'_>, number: &str) {
    let act = number.parse().ok().and_then(|number: usize| bench.life.script.acts.get(number));
    let Some(act) = act.cloned() else { return };
    let Some(object) = bench.get(act.kind, &act.key) else { return };
    match &act.deed {
        Deed::Release { image, annotations } => {
            let mut containers = read::list(&object, "/spec/template/spec/containers").to_vec();
            if let Some(first) = containers.first_mut() {
                read::set(first, "/image", image.as_str());
            }
            let patch = json!({"spec": {"template": {
                "metadata": {"annotations": annotations},
                "spec": {"containers": containers},
            }}});
            write(bench, &act, &object, patch);
        }
        Deed::Patch(patch) => write(bench, &act, &object, patch.clone()),
        Deed::PatchStatus(patch) => {
            let Value::Object(patch) = json!({"status": patch}) else { return };
            let mut next = merge(Value::clone(&object), patch);
            own(bench, &act, &object, (&mut next, "status"));
            bench.write_status(act.kind, next);
        }
        Deed::Delete => {
            let grace = jiff::SignedDuration::from_secs(30);
            drop(bench.store.retire(act.kind, &act.key, grace));
        }
    }
}

fn write(bench: &mut Bench<'_>, act: &Act, object: &Arc<Value>, patch: Value) {
    let Value::Object(patch) = patch else { return };
    let mut next = merge(Value::clone(object), patch);
    own(bench, act, object, (&mut next, ""));
    debug_assert_eq!(key_of(act.kind, &next), act.key, "an act renames nothing");
    bench.write(act.kind, next);
}

fn own(bench: &Bench<'_>, act: &Act, old: &Value, (next, subresource): (&mut Value, &str)) {
    let by = Manager { name: &act.by, subresource, at: bench.now() };
    record(act.kind, Some(old), next, by);
}
