//! Experiments and step plugins of a canary, as its status tells them.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::argo_conditions::is_over;
use super::argo_pass::{Experiments, Pass};
use super::argo_view::{Ro, Step};
use super::bench::Bench;
use super::read::{self, written};
use super::recorder::Note;
use super::sets::REVISION;
use super::template::ROLLOUT_HASH;
use crate::sim::store::Kind;

/// How long a step plugin works, unless its config says otherwise.
const PLUGIN: SignedDuration = SignedDuration::from_secs(10);

impl Experiments {
    pub(super) fn of(bench: &Bench<'_>, ro: &Ro) -> Self {
        let named = read::text(&ro.object, "/status/canary/currentExperiment").to_owned();
        let all = bench.owned(Kind::Experiment, &ro.object);
        let (mut current, others): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|it| !named.is_empty() && read::name(it) == named);
        Self { current: current.pop(), others }
    }
}

impl Pass<'_, '_> {
    /// Begins, judges and ends experiments.
    pub(super) fn run_experiments(&mut self) {
        if self.is_aborted() || self.ro.is_promoting_fully() {
            let all: Vec<_> =
                self.experiments.others.iter().chain(&self.experiments.current).cloned().collect();
            return self.end_experiments(&all);
        }
        if self.ro.paused_since("InconclusiveAnalysisRun").is_some() {
            return;
        }
        let step = match self.ro.current_step() {
            Some(Step::Experiment(step)) => Some(step.clone()),
            _ => None,
        };
        let Some(step) = step else {
            let all: Vec<_> =
                self.experiments.others.iter().chain(&self.experiments.current).cloned().collect();
            return self.end_experiments(&all);
        };
        if self.experiments.current.is_none() && self.stable.is_some() {
            self.experiments.current = self.create_experiment(&step);
        }
        let Some(current) = self.experiments.current.clone() else { return };
        self.experiments.others.retain(|it| read::name(it) != read::name(&current));
        let message = read::text(&current, "/status/message");
        match read::text(&current, "/status/phase") {
            "Inconclusive" => self.turn.pauses.push("InconclusiveExperiment"),
            "Error" | "Failed" => {
                let tail = if message.is_empty() { "" } else { ": " };
                let why = format!("Experiment analysis phase is error/failed{tail}{message}");
                self.abort(why);
            }
            "Successful" => {}
            _ => self.next["canary"]["currentExperiment"] = read::name(&current).into(),
        }
        let others = self.experiments.others.clone();
        self.end_experiments(&others);
    }

    fn end_experiments(&mut self, all: &[Arc<Value>]) {
        for experiment in all {
            let is_ended = is_over(read::text(experiment, "/status/phase"));
            if !is_ended && !read::is(experiment, "/spec/terminate") {
                let mut experiment = Value::clone(experiment);
                read::set(&mut experiment, "/spec/terminate", true);
                self.bench.write(Kind::Experiment, experiment);
            }
        }
    }

    fn create_experiment(&mut self, step: &Value) -> Option<Arc<Value>> {
        let index = self.ro.index()?;
        let name = format!("{}-{}-{}-{index}", self.ro.name(), self.hash, self.new_revision());
        let namespace = self.ro.namespace().to_owned();
        let known = self.bench.store.shared(Kind::Experiment, &namespace, &name);
        if let Some(known) = known.filter(|it| !is_over(read::text(it, "/status/phase"))) {
            return Some(Arc::clone(known));
        }
        let template = |it: &Value| {
            let set = match read::text(it, "/specRef") {
                "stable" => self.stable.as_ref(),
                _ => self.new.as_ref(),
            }?;
            let mut template = json!({
                "name": read::text(it, "/name"),
                "selector": set.object.pointer("/spec/selector"),
                "template": set.object.pointer("/spec/template"),
            });
            if let Some(replicas) = read::int(it, "/replicas") {
                template["replicas"] = replicas.into();
            }
            Some(template)
        };
        let templates: Vec<Value> =
            read::list(step, "/templates").iter().filter_map(template).collect();
        let mut spec = json!({"templates": templates});
        for field in ["duration", "analyses"] {
            if let Some(value) = step.get(field) {
                spec[field] = value.clone();
            }
        }
        let mut name = name;
        for number in 1..1_000 {
            if self.bench.store.get(Kind::Experiment, &namespace, &name).is_none() {
                break;
            }
            name = format!("{}-{number}", name.trim_end_matches(|c: char| c.is_ascii_digit()));
        }
        let experiment = json!({
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": {ROLLOUT_HASH: self.hash},
                "annotations": {REVISION: self.revision().to_string()},
                "ownerReferences": read::owned_by(&self.ro.object),
            },
            "spec": spec,
        });
        self.bench.store.create(Kind::Experiment, experiment).ok()?;
        self.tell("ExperimentCreated", format!("Created Experiment '{name}'"));
        self.bench.store.shared(Kind::Experiment, &namespace, &name).cloned()
    }

    // Plugins.

    fn plugin_statuses(&self) -> Vec<Value> {
        read::list(&self.ro.object, "/status/canary/stepPluginStatuses").to_vec()
    }

    /// Lets the plugin of the current step work, and ends it when the update is aborted or
    /// promoted.
    pub(super) fn run_plugins(&mut self) {
        let mut all = self.plugin_statuses();
        if self.is_aborted() {
            self.undo_plugins(&mut all);
        } else if self.ro.is_promoting_fully() || self.ro.is_fully_promoted() {
            self.end_plugin(&mut all, "Terminate");
        } else {
            if self.ro.index() == Some(0) && self.plugin_of_step().is_none() {
                all.clear();
            }
            if self.ro.status_text("phase") == "Progressing" {
                self.work_plugin(&mut all);
            }
        }
        self.next["canary"]["stepPluginStatuses"] = all.into();
    }

    fn plugin_of_step(&self) -> Option<(i64, Value)> {
        let Step::Plugin(plugin) = self.ro.current_step()? else { return None };
        Some((self.ro.index()?, plugin.clone()))
    }

    fn work_plugin(&mut self, all: &mut Vec<Value>) {
        let Some((index, plugin)) = self.plugin_of_step() else { return };
        let now = self.bench.now();
        let duration =
            plugin.pointer("/config/duration").and_then(read::duration).unwrap_or(PLUGIN);
        let is_own = |it: &&mut Value| {
            read::int(it, "/index") == Some(index) && read::text(it, "/operation") == "Run"
        };
        let Some(status) = all.iter_mut().find(is_own) else {
            all.push(json!({
                "index": index,
                "name": read::text(&plugin, "/name"),
                "operation": "Run",
                "phase": "Running",
                "startedAt": written(now),
                "updatedAt": written(now),
                "backoff": format!("{}s", duration.as_secs().max(1)),
                "executions": 1,
            }));
            return self.later(duration);
        };
        let since = read::time(status, "/startedAt").unwrap_or(now);
        if read::text(status, "/phase") != "Running" {
            return;
        }
        if now >= since + duration {
            read::set(status, "/phase", "Successful");
            read::set(status, "/executions", 2);
            read::set(status, "/finishedAt", written(now));
            read::set(status, "/updatedAt", written(now));
            read::unset(status, "/backoff");
        } else {
            self.at(since + duration);
        }
    }

    fn undo_plugins(&mut self, all: &mut Vec<Value>) {
        let done: Vec<Value> =
            all.iter().filter(|it| read::text(it, "/operation") == "Run").rev().cloned().collect();
        for status in done {
            self.add_operation(all, &status, "Abort");
        }
    }

    fn end_plugin(&mut self, all: &mut Vec<Value>, operation: &str) {
        let is_running = |it: &&Value| {
            read::text(it, "/operation") == "Run" && read::text(it, "/phase") == "Running"
        };
        if let Some(status) = all.iter().rev().find(is_running).cloned() {
            self.add_operation(all, &status, operation);
        }
    }

    fn add_operation(&mut self, all: &mut Vec<Value>, of: &Value, operation: &str) {
        let index = read::int(of, "/index");
        let is_known = all.iter().any(|it| {
            read::int(it, "/index") == index && read::text(it, "/operation") == operation
        });
        if is_known {
            return;
        }
        let at = written(self.bench.now());
        let name = read::text(of, "/name").to_owned();
        all.push(json!({
            "index": index,
            "name": name,
            "operation": operation,
            "phase": "Successful",
            "startedAt": at,
            "updatedAt": at,
            "finishedAt": at,
            "executions": 1,
        }));
        let word = if operation == "Abort" { "aborted" } else { "terminated" };
        let step = index.unwrap_or(0) + 1;
        let message = format!("Step plugin {name} (step {step}) {word} (Successful)");
        self.say(Note::normal("StepPluginTransition", message));
    }

    /// Whether the plugin of the current step is done.
    pub(super) fn is_plugin_over(&self) -> bool {
        let Some((index, _)) = self.plugin_of_step() else { return false };
        let all = read::list(&self.next, "/canary/stepPluginStatuses");
        let is_own = |it: &&Value| {
            read::int(it, "/index") == Some(index) && read::text(it, "/operation") == "Run"
        };
        all.iter().find(is_own).is_some_and(|it| {
            read::is(it, "/disabled") || matches!(read::text(it, "/phase"), "Successful" | "Failed")
        })
    }
}
