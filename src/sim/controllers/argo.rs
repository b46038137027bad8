//! The controller of Argo Rollouts 1.10: one pass over one Rollout, whenever something of it
//! changed.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Map, Value};

use super::argo_conditions::Condition;
use super::argo_pass::{Abort, Pass, WORKLOAD_GENERATION};
use super::argo_view::Ro;
use super::bench::Bench;
use super::read;
use super::recorder::{Note, Source};
use crate::sim::object::is_going;
use crate::sim::store::Kind;

/// When a Rollout that is invalid is looked at again: what it lacks may have come.
const INVALID_AGAIN: SignedDuration = SignedDuration::from_secs(20);

/// Rollouts with this label belong to another controller.
const INSTANCE: &str = "argo-rollouts.argoproj.io/controller-instance-id";

/// Brings a Rollout one step nearer to what it wants.
pub(super) fn reconcile(bench: &mut Bench<'_>, key: &str) {
    let Some(object) = bench.get(Kind::Rollout, key) else { return };
    if is_going(&object) || read::label(&object, INSTANCE).is_some() {
        return;
    }
    let is_first = object.get("status").and_then(Value::as_object).is_none_or(Map::is_empty);
    if is_first {
        let message = format!("Rollout resource added to informer: {key}");
        let note = Note::normal("RolloutAddedToInformer", message);
        bench.say(Source::Rollouts, (Kind::Rollout, &object), note);
    }
    let (ro, problem) = resolved(bench, object);
    let mut pass = Pass::gather(bench, ro);
    if let Some(problem) = problem.or_else(|| pass.problem()) {
        pass.set_invalid(&problem);
        return pass.later(INVALID_AGAIN);
    }
    if pass.new.is_none() {
        return pass.create_set();
    }
    if pass.ro.is_fully_promoted() && pass.is_aborted() {
        pass.turn.abort = Some(Abort::Ends);
    }
    if let Some(weights) = pass.ro.weights().cloned() {
        pass.next["canary"]["weights"] = weights;
    }
    if pass.ro.object.pointer("/spec/replicas").is_none_or(Value::is_null) {
        return pass.write_main(|object| read::set(object, "/spec/replicas", 1));
    }
    if pass.note_pause() {
        return;
    }
    pass.sync_revision();
    if pass.is_scaling() {
        pass.only_scale();
    } else if pass.ro.blue_green().is_some() {
        pass.blue_green();
    } else {
        pass.canary();
    }
}

impl Pass<'_, '_> {
    /// Conditions of pausing and retrying are brought up to date first, in a write of their own.
    fn note_pause(&mut self) -> bool {
        let progress = self.ro.condition("Progressing").map(|it| read::text(it, "/reason"));
        let (was_paused, was_aborted) =
            (progress == Some("RolloutPaused"), progress == Some("RolloutAborted"));
        let is_paused = !self.ro.pause_conditions().is_empty() || self.ro.is_paused();
        let stable = self.ro.stable();
        let is_complete = !stable.is_empty() && self.ro.is_fully_promoted();
        let mut all = Vec::new();
        if is_paused != was_paused && !was_aborted && !is_complete {
            let (reason, message) = if is_paused {
                ("RolloutPaused", "Rollout is paused")
            } else {
                ("RolloutResumed", "Rollout is resumed")
            };
            all.push(Condition::new("Progressing", "Unknown", reason, message));
        }
        if was_aborted && !self.ro.is_aborted() {
            let message = "Retrying Rollout after abort";
            all.push(Condition::new("Progressing", "Unknown", "RolloutRetry", message));
        }
        let paused = self.ro.condition("Paused");
        let said = paused.is_some_and(|it| read::text(it, "/status") == "True");
        if is_paused != said && !was_aborted {
            let word = if is_paused { "True" } else { "False" };
            all.push(Condition::new("Paused", word, "RolloutPaused", "Rollout is paused"));
        }
        !all.is_empty() && self.patch_conditions(all)
    }

    /// Scales the workload that a Rollout took the place of.
    pub(super) fn scale_workload(&mut self, to: i64) {
        let name = read::text(&self.ro.object, "/spec/workloadRef/name");
        let Some(workload) = self.bench.store.get(Kind::Deployment, self.ro.namespace(), name)
        else {
            return;
        };
        let mut workload = workload.clone();
        read::set(&mut workload, "/spec/replicas", to);
        self.bench.write(Kind::Deployment, workload);
    }
}

/// A Rollout with the template it refers to, or what is wrong with the reference.
fn resolved(bench: &Bench<'_>, object: Arc<Value>) -> (Ro, Option<String>) {
    let Some(reference) = object.pointer("/spec/workloadRef").filter(|it| !it.is_null()).cloned()
    else {
        return (Ro { object, workload: None }, None);
    };
    let (kind, name) = (read::text(&reference, "/kind"), read::text(&reference, "/name"));
    let namespace = read::namespace(&object);
    let found = match kind {
        "Deployment" => bench.store.get(Kind::Deployment, namespace, name),
        "ReplicaSet" => bench.store.get(Kind::ReplicaSet, namespace, name),
        _ => None,
    };
    let containers = read::list(&object, "/spec/template/spec/containers");
    let problem = if !matches!(kind, "Deployment" | "ReplicaSet") {
        let group = read::text(&reference, "/apiVersion").split('/').next().unwrap_or_default();
        Some(format!("workload of type {group}/{kind} is not supported"))
    } else if !containers.is_empty() {
        Some("template must be empty for workload reference rollout".to_owned())
    } else if found.is_none() {
        Some(format!("{}.apps \"{name}\" not found", kind.to_lowercase()))
    } else {
        None
    };
    let workload = found.and_then(|found| {
        let template = found.pointer("/spec/template").cloned()?;
        Some((template, read::count(found, "/metadata/generation")))
    });
    let problem = problem.map(|why| format!("spec.workloadRef: Invalid value: {reference}: {why}"));
    (Ro { object, workload }, problem)
}

/// Notes on a Rollout that the workload it refers to has another generation.
pub(super) fn note_workload(bench: &mut Bench<'_>, key: &str) {
    let Some(object) = bench.get(Kind::Rollout, key) else { return };
    let (ro, _) = resolved(bench, object);
    let Some((_, generation)) = &ro.workload else { return };
    let generation = generation.to_string();
    if read::annotation(&ro.object, WORKLOAD_GENERATION) == Some(&generation) {
        return;
    }
    let mut object = Value::clone(&ro.object);
    read::annotate(&mut object, WORKLOAD_GENERATION, &generation);
    bench.write(Kind::Rollout, object);
}
