//! The AnalysisRuns of a Rollout: when they begin, what they lead to, when they end.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::argo_conditions::is_over;
use super::argo_pass::{Pass, Runs};
use super::argo_status::is_saturated;
use super::argo_view::{Ro, Step};
use super::bench::Bench;
use super::read;
use super::recorder::{Note, Source};
use super::sets::REVISION;
use super::template::ROLLOUT_HASH;
use super::templates;
use crate::sim::store::Kind;

/// Names tried for a run, at most.
const NAMES_MAX: u32 = 1_000;

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Step,
    Background,
    Pre,
    Post,
}

impl Purpose {
    /// The value of its label, as in events too.
    const fn word(self) -> &'static str {
        match self {
            Self::Step => "Step",
            Self::Background => "Background",
            Self::Pre => "PrePromotion",
            Self::Post => "PostPromotion",
        }
    }

    /// Where the status of the Rollout names it.
    const fn place(self) -> &'static str {
        match self {
            Self::Step => "/canary/currentStepAnalysisRunStatus",
            Self::Background => "/canary/currentBackgroundAnalysisRunStatus",
            Self::Pre => "/blueGreen/prePromotionAnalysisRunStatus",
            Self::Post => "/blueGreen/postPromotionAnalysisRunStatus",
        }
    }
}

impl Runs {
    /// The runs of a Rollout.
    pub(super) fn of(bench: &Bench<'_>, ro: &Ro) -> Self {
        let mut runs = Self::default();
        let told = |purpose: Purpose| {
            read::text(&ro.object, &format!("/status{}/name", purpose.place())).to_owned()
        };
        let names = [Purpose::Step, Purpose::Background, Purpose::Pre, Purpose::Post].map(told);
        for run in bench.owned(Kind::AnalysisRun, &ro.object) {
            match names.iter().position(|it| it == read::name(&run)) {
                Some(0) => runs.step = Some(run),
                Some(1) => runs.background = Some(run),
                Some(2) => runs.pre = Some(run),
                Some(3) => runs.post = Some(run),
                Some(_) | None => runs.others.push(run),
            }
        }
        runs
    }

    fn current(&self) -> Vec<Arc<Value>> {
        [&self.post, &self.pre, &self.step, &self.background]
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }
}

fn phase(run: &Value) -> &str {
    read::text(run, "/status/phase")
}

impl Pass<'_, '_> {
    /// Begins, judges and ends runs.
    pub(super) fn analyse(&mut self) {
        let mut current = Runs::default();
        let is_idle = self.ro.is_fully_promoted()
            || self.is_aborted()
            || self.ro.is_promoting_fully()
            || self.is_fast_rollback()
            || self.ro.stable().is_empty();
        if is_idle {
            self.cancel(&self.runs.current());
            current.pre.clone_from(&self.runs.pre);
            current.post.clone_from(&self.runs.post);
        } else if self.ro.canary().is_some() {
            current.step = self.step_run();
            current.background = self.background_run();
        } else {
            current.pre = self.pre_run();
            self.heed_switch(current.pre.clone(), Purpose::Pre);
            current.post = self.post_run();
            self.heed_switch(current.post.clone(), Purpose::Post);
        }
        let names: Vec<String> =
            current.current().iter().map(|run| read::name(run).to_owned()).collect();
        let others: Vec<Arc<Value>> = self
            .runs
            .others
            .iter()
            .filter(|run| !names.iter().any(|name| name == read::name(run)))
            .cloned()
            .collect();
        self.note_runs(&current);
        self.cancel(&others);
        self.forget_runs(&others);
        current.others = others;
        self.runs = current;
    }

    /// Names the runs in the status, and tells when their phase changed.
    fn note_runs(&mut self, runs: &Runs) {
        for (purpose, run) in [
            (Purpose::Post, &runs.post),
            (Purpose::Pre, &runs.pre),
            (Purpose::Step, &runs.step),
            (Purpose::Background, &runs.background),
        ] {
            let Some(run) = run else { continue };
            let mut status = json!({"name": read::name(run), "status": phase(run)});
            let message = read::text(run, "/status/message");
            if !message.is_empty() {
                status["message"] = message.into();
            }
            read::set(&mut self.next, purpose.place(), status);
            self.tell_phase(purpose, run);
        }
    }

    fn tell_phase(&mut self, purpose: Purpose, run: &Value) {
        if phase(run).is_empty() {
            return;
        }
        let before = self.ro.object.pointer(&format!("/status{}", purpose.place()));
        let last = before.map(|it| read::text(it, "/status"));
        let same_run = before.is_none_or(|it| read::text(it, "/name") == read::name(run));
        if before.is_some() && (!same_run || last == Some(phase(run))) {
            return;
        }
        let last = last.unwrap_or("NoPreviousStatus");
        let message = format!(
            "{} Analysis Run '{}' Status New: '{}' Previous: '{last}'",
            purpose.word(),
            read::name(run),
            phase(run)
        );
        let reason = format!("AnalysisRun{}", phase(run));
        self.say(match phase(run) {
            "Failed" | "Error" => Note::warning(reason, message),
            _ => Note::normal(reason, message),
        });
    }

    /// Whether a run is wanted anew: there is none; the last one was inconclusive and a human went
    /// on; or the update was aborted and is tried again.
    fn needs_run(&self, current: Option<&Arc<Value>>) -> bool {
        let Some(current) = current else { return true };
        if self.ro.status_is("controllerPause")
            && self.ro.paused_since("CanaryPauseStep").is_none()
            && self.ro.paused_since("BlueGreenPause").is_none()
        {
            return phase(current) == "Inconclusive";
        }
        self.ro.status("abortedAt").is_some()
    }

    /// What a run's end leads to: a pause for a human, or an abort.
    fn heed(&mut self, run: &Value, what: &str) {
        match phase(run) {
            "Inconclusive" => self.turn.pauses.push("InconclusiveAnalysisRun"),
            "Error" | "Failed" => {
                let message = read::text(run, "/status/message");
                let tail = if message.is_empty() { "" } else { ": " };
                self.abort(format!("{what} analysis phase error/failed{tail}{message}"));
            }
            _ => {}
        }
    }

    fn heed_switch(&mut self, run: Option<Arc<Value>>, purpose: Purpose) {
        let Some(run) = run else { return };
        let when = if purpose == Purpose::Post { "post" } else { "pre" };
        self.heed(&run, &format!("Blue/green {when}-promotion"));
    }

    fn step_run(&mut self) -> Option<Arc<Value>> {
        let current = self.runs.step.clone();
        if !self.ro.pause_conditions().is_empty() || self.ro.is_aborted() {
            return current;
        }
        let index = self.ro.index().unwrap_or(0);
        let block = match self.ro.current_step() {
            Some(Step::Analysis(block)) if !read::list(block, "/templates").is_empty() => {
                Some(block.clone())
            }
            _ => None,
        };
        let is_of_step = current
            .as_ref()
            .is_none_or(|run| read::label(run, "step-index") == Some(&index.to_string()));
        let Some(block) = block.filter(|_| is_of_step) else {
            self.cancel(&Vec::from_iter(current));
            return None;
        };
        if self.needs_run(current.as_ref()) {
            return self.create_run(&block, (Purpose::Step, &index.to_string()));
        }
        if let Some(run) = &current {
            self.heed(run, "Step-based");
        }
        current
    }

    fn background_run(&mut self) -> Option<Arc<Value>> {
        let current = self.runs.background.clone();
        let Some(block) = self.ro.analysis("/spec/strategy/canary/analysis").cloned() else {
            self.cancel(&Vec::from_iter(current));
            return None;
        };
        let begins = read::int(&block, "/startingStep");
        let is_early = begins.zip(self.ro.index()).is_some_and(|(begins, index)| index < begins);
        if self.ro.current().is_empty() || is_early {
            return None;
        }
        if self.ro.paused_since("InconclusiveAnalysisRun").is_some() {
            return current;
        }
        if self.needs_run(current.as_ref()) {
            return self.create_run(&block, (Purpose::Background, ""));
        }
        if let Some(run) = &current {
            self.heed(run, "Background");
        }
        current
    }

    fn pre_run(&mut self) -> Option<Arc<Value>> {
        let current = self.runs.pre.clone();
        let place = "/spec/strategy/blueGreen/prePromotionAnalysis";
        let Some(block) = self.ro.analysis(place).cloned() else {
            self.cancel(&Vec::from_iter(current));
            return None;
        };
        let (hash, active) = (self.new_hash().to_owned(), self.ro.active().to_owned());
        let is_out = self.ro.stable() == hash || active.is_empty() || active == hash;
        if is_out || (current.is_none() && !self.is_preview_up()) {
            self.cancel(&Vec::from_iter(current.clone()));
            return current;
        }
        if self.ro.paused_since("InconclusiveAnalysisRun").is_some()
            || !self.needs_run(current.as_ref())
        {
            return current;
        }
        self.create_run(&block, (Purpose::Pre, "pre"))
    }

    fn is_preview_up(&self) -> bool {
        let Some(new) = &self.new else { return false };
        match self.ro.preview_replicas() {
            Some(size) => new.wanted() == size && new.available() == size,
            None => is_saturated(&self.ro, new),
        }
    }

    /// Whether it is not the time of the analysis after the switch.
    pub(super) fn skips_post_analysis(&self) -> bool {
        let hash = self.new_hash();
        if self.ro.stable() == hash || self.ro.active() != hash || hash.is_empty() {
            return true;
        }
        self.runs.post.is_none() && !self.new.as_ref().is_some_and(|it| is_saturated(&self.ro, it))
    }

    fn post_run(&mut self) -> Option<Arc<Value>> {
        let current = self.runs.post.clone();
        let place = "/spec/strategy/blueGreen/postPromotionAnalysis";
        let Some(block) = self.ro.analysis(place).cloned() else {
            self.cancel(&Vec::from_iter(current));
            return None;
        };
        if self.skips_post_analysis() {
            self.cancel(&Vec::from_iter(current.clone()));
            return current;
        }
        if self.ro.paused_since("InconclusiveAnalysisRun").is_some()
            || !self.needs_run(current.as_ref())
        {
            return current;
        }
        self.create_run(&block, (Purpose::Post, "post"))
    }

    /// Makes a run of an analysis block.
    fn create_run(
        &mut self,
        block: &Value,
        (purpose, infix): (Purpose, &str),
    ) -> Option<Arc<Value>> {
        let args = self.arguments(block);
        let spec = templates::spec(self.bench.store, self.ro.namespace(), (block, &args)).ok()?;
        let (hash, revision) = (self.new_hash().to_owned(), self.revision().to_string());
        let mut labels = Map::new();
        if purpose == Purpose::Step {
            labels.insert("step-index".into(), infix.into());
        }
        labels.insert("rollout-type".into(), purpose.word().into());
        labels.insert(ROLLOUT_HASH.into(), hash.clone().into());
        let more = block.pointer("/analysisRunMetadata/labels").and_then(Value::as_object);
        let selector = self.ro.object.pointer("/spec/selector/matchLabels");
        extend(&mut labels, more);
        extend(&mut labels, selector.and_then(Value::as_object));
        let mut annotations = Map::new();
        annotations.insert(REVISION.into(), revision.clone().into());
        let more = block.pointer("/analysisRunMetadata/annotations").and_then(Value::as_object);
        extend(&mut annotations, more);
        let mut name = format!("{}-{hash}-{revision}", self.ro.name());
        if !infix.is_empty() {
            name = format!("{name}-{infix}");
        }
        let run = json!({
            "metadata": {
                "name": name,
                "namespace": self.ro.namespace(),
                "labels": labels,
                "annotations": annotations,
                "ownerReferences": read::owned_by(&self.ro.object),
            },
            "spec": spec,
            "status": {"dryRunSummary": {}, "phase": "", "runSummary": {}},
        });
        self.store_run(run, &name)
    }

    /// Stores a run under the first name that is free; one that runs already with the same content
    /// is taken as it is.
    fn store_run(&mut self, mut run: Value, base: &str) -> Option<Arc<Value>> {
        let namespace = self.ro.namespace().to_owned();
        let uid = read::uid(&self.ro.object).to_owned();
        let mut name = base.to_owned();
        for number in 1..NAMES_MAX {
            let Some(other) = self.bench.store.shared(Kind::AnalysisRun, &namespace, &name) else {
                break;
            };
            let is_ours = read::controller(other).is_some_and(|(_, _, owner)| owner == uid);
            let is_same = |field: &str| {
                other.pointer(&format!("/spec/{field}")) == run.pointer(&format!("/spec/{field}"))
            };
            if !is_over(phase(other)) && is_ours && is_same("metrics") && is_same("args") {
                return Some(Arc::clone(other));
            }
            name = format!("{base}.{number}");
        }
        read::set(&mut run, "/metadata/name", name.as_str());
        self.bench.store.create(Kind::AnalysisRun, run).ok()?;
        self.bench.store.shared(Kind::AnalysisRun, &namespace, &name).cloned()
    }

    /// The arguments of a block with their values.
    fn arguments(&self, block: &Value) -> Vec<Value> {
        let stable = self.stable.as_ref().map_or("", |set| set.hash(ROLLOUT_HASH));
        let value = |arg: &Value| {
            if let Some(value) = arg.get("value").and_then(Value::as_str) {
                return value.to_owned();
            }
            match read::text(arg, "/valueFrom/podTemplateHashValue") {
                "Latest" => return self.new_hash().to_owned(),
                "Stable" => return stable.to_owned(),
                _ => {}
            }
            templates::field(&self.ro.object, read::text(arg, "/valueFrom/fieldRef/fieldPath"))
        };
        let of = |arg: &Value| json!({"name": read::text(arg, "/name"), "value": value(arg)});
        read::list(block, "/args").iter().map(of).collect()
    }

    /// Ends runs that are still at work.
    fn cancel(&mut self, runs: &[Arc<Value>]) {
        for run in runs {
            if is_over(phase(run)) || read::is(run, "/spec/terminate") {
                continue;
            }
            let mut run = Value::clone(run);
            read::set(&mut run, "/spec/terminate", true);
            self.bench.write(Kind::AnalysisRun, run);
        }
    }

    /// Deletes the runs beyond the limits, and those whose ReplicaSet is gone.
    fn forget_runs(&mut self, runs: &[Arc<Value>]) {
        let hashes: Vec<String> =
            self.all().iter().map(|set| set.hash(ROLLOUT_HASH).to_owned()).collect();
        let (mut good, mut bad) =
            (self.ro.runs_kept("successful"), self.ro.runs_kept("unsuccessful"));
        let mut youngest = runs.to_vec();
        youngest.sort_by_key(|run| std::cmp::Reverse(read::created(run)));
        for run in youngest {
            let hash = read::label(&run, ROLLOUT_HASH).unwrap_or_default();
            let stays = hashes.iter().any(|it| it == hash)
                && match phase(&run) {
                    "Successful" => kept(&mut good),
                    "Failed" | "Error" | "Inconclusive" => kept(&mut bad),
                    _ => true,
                };
            if !stays {
                self.bench.store.delete(Kind::AnalysisRun, self.ro.namespace(), read::name(&run));
            }
        }
    }
}

fn kept(left: &mut i64) -> bool {
    *left -= 1;
    *left >= 0
}

fn extend(into: &mut Map<String, Value>, more: Option<&Map<String, Value>>) {
    for (name, value) in more.into_iter().flatten() {
        into.insert(name.clone(), value.clone());
    }
}

/// Tells an event on a run.
pub(super) fn say(bench: &mut Bench<'_>, run: &Value, note: Note) {
    bench.say(Source::Rollouts, (Kind::AnalysisRun, run), note);
}
