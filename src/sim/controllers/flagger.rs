//! Flagger's controller: one look at one Canary, every `analysis.interval`, in the order in which Flagger asks its
//! questions. Blue-green by iterations or a canary by the weights of an HTTPRoute; checks by metrics, gates by webhooks.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::agenda::Task;
use super::bench::Bench;
use super::flagger_parts as parts;
use super::read;
use super::recorder::{Note, Source};
use crate::sim::object::is_going;
use crate::sim::store::Kind;

/// The least interval that Flagger keeps, and the one of a Canary that says none.
const INTERVAL_LEAST: SignedDuration = SignedDuration::from_secs(10);
const INTERVAL: SignedDuration = SignedDuration::from_secs(60);

/// What it says with a phase: its condition's status and words.
const PHASES: [(&str, &str, &str); 9] = [
    ("Initializing", "Unknown", "New Deployment detected, starting initialization."),
    ("Initialized", "True", "Deployment initialization completed."),
    ("Waiting", "Unknown", "Waiting for approval."),
    ("Progressing", "Unknown", "New revision detected, starting analysis."),
    ("WaitingPromotion", "Unknown", "Waiting for approval."),
    ("Promoting", "Unknown", "Canary analysis completed, starting primary rolling update."),
    ("Finalising", "Unknown", "Canary analysis completed, routing all traffic to primary."),
    ("Succeeded", "True", "Canary analysis completed successfully, promotion finished."),
    ("Failed", "False", "Canary analysis failed, Deployment scaled to zero."),
];

/// One look at a Canary whose target is there.
pub(super) struct Look<'p, 'b> {
    pub(super) bench: &'p mut Bench<'b>,
    pub(super) canary: Value,
    pub(super) target: Arc<Value>,
}

/// How often it looks.
pub(super) fn interval(canary: &Value) -> SignedDuration {
    let said = read::go_duration(read::text(canary, "/spec/analysis/interval"));
    said.unwrap_or(INTERVAL).max(INTERVAL_LEAST)
}

/// Looks at a Canary.
pub(super) fn reconcile(bench: &mut Bench<'_>, key: &str) {
    let Some(object) = bench.get(Kind::Canary, key) else { return };
    if is_going(&object) {
        return;
    }
    bench.later(Task::Canary, key, interval(&object));
    let about = |note: Note, bench: &mut Bench<'_>| {
        bench.say(Source::Flagger, (Kind::Canary, &object), note);
    };
    if read::is(&object, "/spec/suspend") {
        return about(Note::normal("Synced", "skipping canary run as object is suspended"), bench);
    }
    let name = read::text(&object, "/spec/targetRef/name");
    let namespace = read::namespace(&object);
    let Some(target) = bench.get(Kind::Deployment, &format!("{namespace}/{name}")) else {
        let words = format!(
            "deployment {name}.{namespace} get query error: deployments.apps \"{name}\" not found"
        );
        return about(Note::warning("Synced", words), bench);
    };
    let mut look = Look { bench, canary: Value::clone(&object), target };
    parts::ensure(&mut look);
    look.advance();
}

impl Look<'_, '_> {
    fn advance(&mut self) {
        if matches!(self.phase(), "" | "Initializing") && !self.initialized() {
            return;
        }
        let is_new = self.applied() != self.hash() && self.promoted() != self.hash();
        match self.phase() {
            "Initialized" | "Succeeded" if !is_new => return,
            "Failed" if self.applied() == self.hash() || !is_new => return self.touch(),
            _ => {}
        }
        if !self.skips() && !self.is_ready(&self.primary_name()) {
            return self.warn(&format!("{}.{} not ready", self.primary_name(), self.namespace()));
        }
        if !matches!(self.phase(), "Progressing" | "WaitingPromotion" | "Promoting" | "Finalising")
        {
            return self.start();
        }
        if matches!(self.phase(), "Progressing" | "WaitingPromotion")
            && self.applied() != self.hash()
        {
            return self.restart();
        }
        let is_ready = self.is_ready(&self.target_name());
        let is_late = !is_ready && self.is_past_deadline();
        if !is_ready && !is_late {
            let words = format!(
                "{}.{} not ready with retryable true",
                self.target_name(),
                self.namespace()
            );
            return self.warn(&words);
        }
        self.go_on(is_late.then_some("progress deadline exceeded"));
    }

    fn go_on(&mut self, late: Option<&str>) {
        if self.skips() {
            return if late.is_some() { self.roll_back(late) } else { self.skip() };
        }
        let is_judged = matches!(self.phase(), "Progressing" | "WaitingPromotion");
        if is_judged && parts::first_yes(self, "rollback").is_some() {
            return self.roll_back(Some("manual webhook invoked"));
        }
        match self.phase() {
            "Promoting" => return self.route_back(),
            "Finalising" => return self.finish(),
            _ => {}
        }
        let failed = read::count(&self.canary, "/status/failedChecks");
        if late.is_some() || failed >= self.threshold() {
            return self.roll_back(late);
        }
        if !self.is_well() {
            return self.set(&[("failedChecks", (failed + 1).into())]);
        }
        if self.iterations() > 0 { self.iterate() } else { self.climb() }
    }

    fn initialized(&mut self) -> bool {
        if !self.is_ready(&self.primary_name()) {
            if self.phase().is_empty() {
                self.sync("Initializing");
            }
            let words = format!(
                "{}.{} not ready: waiting for rollout to finish",
                self.primary_name(),
                self.namespace()
            );
            self.warn(&words);
            return false;
        }
        self.scale_target(0);
        self.sync("Initialized");
        let applied = self.applied().to_owned();
        self.set(&[("lastPromotedSpec", applied.into())]);
        let words = format!("Initialization done! {}.{}", self.target_name(), self.namespace());
        self.tell(&words);
        false
    }

    /// A new version: if nobody says no, its pods come.
    fn start(&mut self) {
        if let Some(hook) = parts::first_no(self, "confirm-rollout") {
            if self.phase() != "Waiting" {
                self.phase_to("Waiting");
                let words =
                    format!("Halt {} advancement waiting for approval {hook}", self.called());
                self.warn(&words);
            }
            return;
        }
        let words = format!(
            "New revision detected! Scaling up {}.{}",
            self.target_name(),
            self.namespace()
        );
        self.tell(&words);
        let replicas = parts::replicas(self);
        self.scale_target(replicas);
        self.sync("Progressing");
    }

    fn restart(&mut self) {
        let words = format!(
            "New revision detected! Restarting analysis for {}.{}",
            self.target_name(),
            self.namespace()
        );
        self.tell(&words);
        self.route(0);
        self.sync("Progressing");
    }

    fn skip(&mut self) {
        self.route(0);
        self.promote();
        self.scale_target(0);
        self.phase_to("Succeeded");
        let words = format!(
            "Promotion completed! Canary analysis was skipped for {}.{}",
            self.target_name(),
            self.namespace()
        );
        self.tell(&words);
    }

    fn roll_back(&mut self, why: Option<&str>) {
        let failed = read::count(&self.canary, "/status/failedChecks");
        let why =
            why.map_or_else(|| format!("failed checks threshold reached {failed}"), str::to_owned);
        let words = format!("Rolling back {} {why}", self.called());
        self.warn(&words);
        self.route(0);
        let words = format!("Canary failed! Scaling down {}", self.called());
        self.warn(&words);
        self.scale_target(0);
        self.sync("Failed");
    }

    fn route_back(&mut self) {
        if self.is_weighted() {
            self.tell("Routing all traffic to primary");
            self.route(0);
        }
        self.phase_to("Finalising");
    }

    fn finish(&mut self) {
        self.scale_target(0);
        self.phase_to("Succeeded");
        let words = format!(
            "Promotion completed! Scaling down {}.{}",
            self.target_name(),
            self.namespace()
        );
        self.tell(&words);
    }

    /// The checks of this look.
    fn is_well(&mut self) -> bool {
        let is_first =
            parts::weight(self) == 0 && read::count(&self.canary, "/status/iterations") == 0;
        if is_first {
            let words =
                format!("Starting canary analysis for {}.{}", self.target_name(), self.namespace());
            self.tell(&words);
        }
        let kind = if is_first { "pre-rollout" } else { "rollout" };
        if let Some(hook) = parts::first_no(self, kind) {
            let what = if is_first { "pre-rollout check" } else { "external check" };
            let words = format!("Halt {} advancement {what} {hook} failed", self.called());
            self.warn(&words);
            return false;
        }
        match if is_first { None } else { parts::failing(self) } {
            Some(words) => {
                self.warn(&words);
                false
            }
            None => true,
        }
    }

    fn iterate(&mut self) {
        let (done, all) = (read::count(&self.canary, "/status/iterations"), self.iterations());
        if done < all {
            self.set(&[("iterations", (done + 1).into())]);
            let words = format!("Advance {} canary iteration {}/{all}", self.called(), done + 1);
            return self.tell(&words);
        }
        if !self.may_promote() {
            return;
        }
        if done == all {
            // Asked a second time at the next look.
            return self.set(&[("iterations", (done + 1).into())]);
        }
        self.promote();
        self.phase_to("Promoting");
    }

    fn climb(&mut self) {
        let weight = parts::weight(self);
        let Some(next) = parts::next_weight(&self.canary, weight) else {
            if self.may_promote() {
                self.promote();
                self.phase_to("Promoting");
            }
            return;
        };
        if self.phase() == "Progressing"
            && let Some(hook) = parts::first_no(self, "confirm-traffic-increase")
        {
            let words = format!(
                "Halt {} advancement waiting for traffic increase approval {hook}",
                self.called()
            );
            return self.warn(&words);
        }
        self.route(next);
        self.set(&[("canaryWeight", next.into())]);
        let words = format!("Advance {} canary weight {next}", self.called());
        self.tell(&words);
    }

    fn may_promote(&mut self) -> bool {
        let Some(hook) = parts::first_no(self, "confirm-promotion") else { return true };
        if self.phase() != "WaitingPromotion" {
            self.phase_to("WaitingPromotion");
        }
        let words =
            format!("Halt {} advancement waiting for promotion approval {hook}", self.called());
        self.warn(&words);
        false
    }

    /// The primary gets the template of the target.
    fn promote(&mut self) {
        let words = format!(
            "Copying {}.{ns} template spec to {}.{ns}",
            self.target_name(),
            self.primary_name(),
            ns = self.namespace()
        );
        self.tell(&words);
        parts::copy_template(self);
    }

    fn is_past_deadline(&self) -> bool {
        let since = read::time(&self.canary, "/status/lastTransitionTime").unwrap_or_default();
        let deadline = read::int(&self.canary, "/spec/progressDeadlineSeconds").unwrap_or(600);
        self.bench.now().duration_since(since) > SignedDuration::from_secs(deadline)
    }

    /// A phase that keeps the counts of the run, as far as Flagger keeps them.
    fn phase_to(&mut self, phase: &str) {
        let mut fields = vec![("phase", phase.into())];
        if phase != "Progressing" && phase != "Waiting" {
            let left = if phase == "WaitingPromotion" { self.iterations() - 1 } else { 0 };
            fields.extend([("canaryWeight", 0.into()), ("iterations", left.into())]);
        }
        if phase == "Succeeded" {
            fields.push(("lastPromotedSpec", self.applied().into()));
        }
        self.set(&fields);
    }

    /// A phase that begins anew: the template is taken note of.
    fn sync(&mut self, phase: &str) {
        let hash = self.hash();
        self.set(&[
            ("phase", phase.into()),
            ("canaryWeight", 0.into()),
            ("failedChecks", 0.into()),
            ("iterations", 0.into()),
            ("lastAppliedSpec", hash.into()),
            ("trackedConfigs", json!({})),
        ]);
    }

    /// While *Failed*, every look writes the time.
    fn touch(&mut self) {
        self.set(&[]);
    }

    fn set(&mut self, fields: &[(&str, Value)]) {
        let now = read::written(self.bench.now());
        for (field, value) in fields {
            read::set(&mut self.canary, &format!("/status/{field}"), value.clone());
        }
        read::set(&mut self.canary, "/status/lastTransitionTime", now.clone());
        let phase = self.phase().to_owned();
        let before = read::text(&self.canary, "/status/conditions/0/reason").to_owned();
        if let Some((_, status, message)) = PHASES.iter().find(|(name, ..)| *name == phase)
            && before != phase
        {
            let condition = json!([{
                "type": "Promoted", "status": status, "reason": phase, "message": message,
                "lastTransitionTime": now, "lastUpdateTime": now,
            }]);
            read::set(&mut self.canary, "/status/conditions", condition);
        }
        let written = self.bench.write_status(Kind::Canary, self.canary.clone());
        self.canary = Value::clone(&written);
    }

    fn scale_target(&mut self, replicas: i64) {
        let mut object = Value::clone(&self.target);
        read::set(&mut object, "/spec/replicas", replicas);
        if let Some(written) = self.bench.write(Kind::Deployment, object) {
            self.target = written;
        }
    }

    fn route(&mut self, weight: i64) {
        if self.is_weighted() {
            parts::set_weight(self, weight);
        }
    }

    pub(super) fn is_weighted(&self) -> bool {
        read::text(&self.canary, "/spec/provider") != "kubernetes"
    }

    fn is_ready(&self, deployment: &str) -> bool {
        let key = format!("{}/{deployment}", self.namespace());
        self.bench.get(Kind::Deployment, &key).is_some_and(|object| {
            let wanted = read::int(&object, "/spec/replicas").unwrap_or(1);
            let seen = read::count(&object, "/status/observedGeneration");
            let all = |field: &str| read::count(&object, &format!("/status/{field}")) >= wanted;
            seen >= read::count(&object, "/metadata/generation")
                && all("updatedReplicas")
                && all("availableReplicas")
        })
    }

    pub(super) fn phase(&self) -> &str {
        read::text(&self.canary, "/status/phase")
    }

    fn applied(&self) -> &str {
        read::text(&self.canary, "/status/lastAppliedSpec")
    }

    fn promoted(&self) -> &str {
        read::text(&self.canary, "/status/lastPromotedSpec")
    }

    fn hash(&self) -> String {
        parts::hash(&self.target)
    }

    fn skips(&self) -> bool {
        read::is(&self.canary, "/spec/skipAnalysis")
    }

    fn iterations(&self) -> i64 {
        read::count(&self.canary, "/spec/analysis/iterations")
    }

    fn threshold(&self) -> i64 {
        read::int(&self.canary, "/spec/analysis/threshold").unwrap_or(1).max(1)
    }

    pub(super) fn namespace(&self) -> String {
        read::namespace(&self.canary).to_owned()
    }

    pub(super) fn target_name(&self) -> String {
        read::name(&self.target).to_owned()
    }

    pub(super) fn primary_name(&self) -> String {
        format!("{}-primary", read::name(&self.target))
    }

    pub(super) fn called(&self) -> String {
        format!("{}.{}", read::name(&self.canary), read::namespace(&self.canary))
    }

    pub(super) fn tell(&mut self, words: &str) {
        self.bench.say(
            Source::Flagger,
            (Kind::Canary, &self.canary),
            Note::normal("Synced", words),
        );
    }

    pub(super) fn warn(&mut self, words: &str) {
        self.bench.say(
            Source::Flagger,
            (Kind::Canary, &self.canary),
            Note::warning("Synced", words),
        );
    }
}
