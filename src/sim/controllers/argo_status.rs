//! The end of a pass: what the status says, and when a version is promoted.

use serde_json::{Value, json};

use super::argo_conditions::{self as conditions, Condition};
use super::argo_pass::{Abort, Cleared, Pass, set_phase};
use super::argo_scale::available;
use super::argo_view::Ro;
use super::read::{self, written};
use super::recorder::Note;
use super::sets::{DESIRED, Rs, sum};
use super::template::{ROLLOUT_HASH, hash_of};

/// How a rollout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Well,
    FellIll,
    Ill,
}

impl Pass<'_, '_> {
    /// The part of the status that all strategies share.
    pub(super) fn base_status(&mut self) {
        let all: Vec<Rs> = self.all().into_iter().cloned().collect();
        let current = self
            .new
            .as_ref()
            .map_or_else(|| self.hash.clone(), |new| new.hash(ROLLOUT_HASH).into());
        let before = super::argo_pass::typed(&self.ro.object);
        let stays_full = self.ro.is_promoting_fully() && current != self.ro.stable();
        let next = &mut self.next;
        next["currentPodHash"] = current.into();
        put_count(next, "replicas", sum(&all, Rs::actual));
        put_count(next, "updatedReplicas", self.new.as_ref().map_or(0, Rs::actual));
        put_count(next, "readyReplicas", sum(&all, Rs::ready));
        put_count(next, "availableReplicas", sum(&all, Rs::available));
        put_count(next, "HPAReplicas", sum(&all, Rs::actual));
        for field in ["collisionCount", "conditions", "alb", "albs"] {
            if let Some(value) = before.get(field) {
                next[field] = value.clone();
            }
        }
        conditions::remove(next, "InvalidSpec");
        if stays_full {
            next["promoteFull"] = true.into();
        }
        put_text(next, "stableRS", self.ro.stable());
        let selector = selector_text(&self.ro);
        put_text(next, "selector", &selector);
    }

    /// Begins an update anew: a new template or other steps.
    pub(super) fn reset_status(&mut self) {
        self.turn.clears = Some(Cleared);
        self.turn.abort = Some(Abort::Ends);
        match self.ro.restart_at() {
            Some(at) => self.next["restartedAt"] = at.into(),
            None => read::unset(&mut self.next, "/restartedAt"),
        }
        for field in [
            "/promoteFull",
            "/blueGreen/prePromotionAnalysisRunStatus",
            "/blueGreen/postPromotionAnalysisRunStatus",
            "/blueGreen/scaleUpPreviewCheckPoint",
            "/canary/currentStepAnalysisRunStatus",
            "/canary/currentBackgroundAnalysisRunStatus",
            "/canary/stepPluginStatuses",
            "/currentStepIndex",
        ] {
            read::unset(&mut self.next, field);
        }
        if !self.ro.steps().is_empty() {
            self.next["currentStepIndex"] = 0.into();
        }
    }

    /// Whether it goes back to a version older than the stable one that is near enough to skip all
    /// steps.
    pub(super) fn is_within_window(&self) -> bool {
        let (Some(new), Some(stable)) = (&self.new, &self.stable) else { return false };
        if new.created() >= stable.created() || self.ro.rollback_window() <= 0 {
            return false;
        }
        let is_between =
            |set: &&&Rs| set.created() < stable.created() && new.created() < set.created();
        let between = self.all().iter().filter(is_between).count();
        i64::try_from(between).unwrap_or(i64::MAX) < self.ro.rollback_window()
    }

    /// Whether it goes back so fast that nothing is waited for.
    pub(super) fn is_fast_rollback(&self) -> bool {
        let (Some(new), Some(stable)) = (&self.new, &self.stable) else { return false };
        let is_stable = self.ro.stable() == self.new_hash();
        if !is_stable && new.created() >= stable.created() {
            return false;
        }
        let still_up = self.turn.is_delayed && self.ro.blue_green().is_some();
        self.is_within_window() || still_up || is_stable
    }

    fn rollback_word(&self) -> Option<String> {
        if !self.is_fast_rollback() {
            return None;
        }
        let word = if self.is_within_window() { "Rollback within window" } else { "Fast rollback" };
        Some(word.to_owned())
    }

    /// Why the new version is to become the stable one; `None`: not yet.
    pub(super) fn promotion(&self) -> Option<String> {
        if self.stable.is_none() {
            return Some("Initial deploy".to_owned());
        }
        if self.ro.canary().is_some() { self.canary_promotion() } else { self.switch_promotion() }
    }

    fn canary_promotion(&self) -> Option<String> {
        let new = self.new.as_ref().filter(|_| !self.is_aborted())?;
        let enough = super::argo_counts::is_enough(&self.ro, Some(new), self.ro.replicas());
        if new.available() < self.ro.replicas() && !enough {
            return None;
        }
        if self.ro.is_promoting_fully() {
            return Some("Full promotion requested".to_owned());
        }
        if let Some(word) = self.rollback_word() {
            return Some(word);
        }
        let count = self.ro.step_count();
        let is_through = self.ro.index().is_none_or(|index| index == count);
        is_through.then(|| format!("Completed all {count} canary steps"))
    }

    fn switch_promotion(&self) -> Option<String> {
        let active = read::text(&self.next, "/blueGreen/activeSelector");
        if active.is_empty() {
            return Some("Initial deploy".to_owned());
        }
        if active != read::text(&self.next, "/currentPodHash") {
            return None;
        }
        if self.ro.is_promoting_fully() {
            return Some("Full promotion requested".to_owned());
        }
        if let Some(word) = self.rollback_word() {
            return Some(word);
        }
        if self.is_aborted() {
            return None;
        }
        if self.ro.blue_green().is_some_and(|it| it.get("postPromotionAnalysis").is_some()) {
            let run = self.runs.post.as_ref()?;
            if read::text(run, "/status/phase") != "Successful" {
                return None;
            }
        }
        Some("Completed blue-green update".to_owned())
    }

    /// Makes the new version the stable one.
    pub(super) fn promote(&mut self, why: &str) {
        self.turn.clears = Some(Cleared);
        self.turn.abort = Some(Abort::Ends);
        read::unset(&mut self.next, "/promoteFull");
        read::unset(&mut self.next, "/blueGreen/scaleUpPreviewCheckPoint");
        if self.ro.canary().is_some() {
            match self.ro.step_count() {
                0 => read::unset(&mut self.next, "/currentStepIndex"),
                count => self.next["currentStepIndex"] = count.into(),
            }
        }
        let current = read::text(&self.next, "/currentPodHash").to_owned();
        if current != read::text(&self.next, "/stableRS") {
            self.next["stableRS"] = current.clone().into();
            let revision = self.revision();
            let message =
                format!("Rollout completed update to revision {revision} ({current}): {why}");
            self.tell("RolloutCompleted", message);
        }
        let scales_down = read::text(&self.ro.object, "/spec/workloadRef/scaleDown") == "onsuccess";
        if self.revision() == 1 && self.ro.status_text("phase") == "Healthy" && scales_down {
            self.scale_workload(0);
        }
    }

    /// Writes the status, if there is anything new in it.
    pub(super) fn persist(&mut self) {
        self.next["observedGeneration"] = self.ro.generation().to_string().into();
        if let Some((_, generation)) = &self.ro.workload {
            self.next["workloadObservedGeneration"] = generation.to_string().into();
        }
        self.abort_after_deadline();
        self.pause_status();
        self.judge();
        set_phase(&mut self.next, &self.ro);
        let was_paused = !self.ro.pause_conditions().is_empty();
        let next = self.next.clone();
        if !self.patch_status(&next) {
            self.watch_deadline();
            return;
        }
        let pauses = read::list(&next, "/pauseConditions");
        match (was_paused, pauses.first()) {
            (false, Some(first)) => {
                let reason = read::text(first, "/reason");
                self.tell("RolloutPaused", format!("Rollout is paused ({reason})"));
            }
            (true, None) if next.get("abortedAt").is_none() => {
                self.tell("RolloutResumed", "Rollout is resumed");
            }
            (true, _) | (false, None) => {}
        }
    }

    /// Aborts an update that takes too long, where the user wants that.
    fn abort_after_deadline(&mut self) {
        let now = self.bench.now();
        let status = self.ro.object.get("status").cloned().unwrap_or_default();
        if !read::is(&self.ro.object, "/spec/progressDeadlineAbort")
            || self.is_aborted()
            || conditions::is_completed(&self.next)
            || conditions::is_progressing(&self.ro, &self.next)
            || self.ro.is_in_endless_step()
            || self.waits_for_scale_down()
            || !conditions::is_timed_out(&self.ro, &status, now)
        {
            return;
        }
        let message = self.timed_out();
        self.say(Note::warning("RolloutAborted", message.clone()));
        self.abort(message);
    }

    fn timed_out(&self) -> String {
        self.new.as_ref().map_or_else(
            || format!("Rollout \"{}\" has timed out progressing.", self.ro.name()),
            |new| format!("ReplicaSet \"{}\" has timed out progressing.", new.name()),
        )
    }

    fn waits_for_scale_down(&self) -> bool {
        self.others.iter().any(Rs::has_deadline)
    }

    /// Abort and pauses, as this pass decided.
    fn pause_status(&mut self) {
        let now = self.bench.now();
        let at = self.ro.status("abortedAt").cloned().unwrap_or_else(|| written(now));
        if self.is_aborted() {
            self.next["abort"] = true.into();
            self.next["abortedAt"] = at;
            return;
        }
        if self.turn.clears.is_some() {
            return;
        }
        let old = self.ro.pause_conditions();
        let ended = &self.turn.ended;
        let is_over = |it: &Value| ended.contains(&read::text(it, "/reason"));
        let mut all: Vec<Value> = old.iter().filter(|it| !is_over(it)).cloned().collect();
        let mut by_controller = self.ro.status_is("controllerPause");
        for reason in &self.turn.pauses {
            if self.ro.paused_since(reason).is_none() {
                all.push(json!({"reason": reason, "startTime": written(now)}));
                by_controller = true;
            }
        }
        if all.is_empty() {
            return;
        }
        if by_controller {
            self.next["controllerPause"] = true.into();
        }
        self.next["pauseConditions"] = all.into();
    }

    /// Health, progress, availability and completion.
    fn judge(&mut self) {
        let now = self.bench.now();
        let is_paused =
            !read::list(&self.next, "/pauseConditions").is_empty() || self.ro.is_paused();
        let is_healthy = conditions::is_healthy(&self.ro, &self.next);
        let mut fell_ill = false;
        if !is_paused && is_healthy {
            let well = Condition::new("Healthy", "True", "RolloutHealthy", "Rollout is healthy");
            conditions::set(&mut self.next, well, now);
        } else if self.ro.condition("Healthy").is_some() {
            let ill =
                Condition::new("Healthy", "False", "RolloutHealthy", "Rollout is not healthy");
            fell_ill = conditions::set(&mut self.next, ill, now);
        }
        if self.is_aborted() {
            self.judge_abort();
        } else {
            self.judge_progress(match (is_healthy, fell_ill) {
                (true, _) => Health::Well,
                (false, true) => Health::FellIll,
                (false, false) => Health::Ill,
            });
        }
        self.judge_availability();
        let failure = self
            .all()
            .into_iter()
            .flat_map(|set| read::list(&set.object, "/status/conditions"))
            .find(|it| read::text(it, "/type") == "ReplicaFailure")
            .cloned();
        match failure {
            Some(failure) => conditions::adopt(&mut self.next, &failure),
            None => conditions::remove(&mut self.next, "ReplicaFailure"),
        }
        let is_complete = conditions::is_completed(&self.next);
        let word = if is_complete { "True" } else { "False" };
        let complete = Condition::new("Completed", word, "RolloutCompleted", "RolloutCompleted");
        if conditions::set(&mut self.next, complete, now) && !is_complete {
            let (revision, hash) = (self.revision(), read::text(&self.next, "/currentPodHash"));
            let message =
                format!("Rollout not completed, started update to revision {revision} ({hash})");
            self.tell("RolloutNotCompleted", message);
        }
    }

    fn judge_abort(&mut self) {
        let mut message = format!("Rollout aborted update to revision {}", self.revision());
        if let Some(Abort::Begins(why)) = &self.turn.abort
            && !why.is_empty()
        {
            message = format!("{message}: {why}");
        }
        let now = self.bench.now();
        let aborted = Condition::new("Progressing", "False", "RolloutAborted", message.clone());
        if conditions::set(&mut self.next, aborted, now) {
            self.say(Note::warning("RolloutAborted", message));
        }
    }

    fn judge_progress(&mut self, health: Health) {
        let now = self.bench.now();
        let name = self.new.as_ref().map(|new| new.name().to_owned());
        if health == Health::Well {
            let name = name.unwrap_or_default();
            let message = format!("ReplicaSet \"{name}\" has successfully progressed.");
            let done = Condition::new("Progressing", "True", "NewReplicaSetAvailable", message);
            conditions::set(&mut self.next, done, now);
            return;
        }
        if conditions::is_progressing(&self.ro, &self.next) || health == Health::FellIll {
            let is_stable =
                read::text(&self.next, "/stableRS") == read::text(&self.next, "/currentPodHash");
            let (reason, message) = if is_stable && health == Health::FellIll {
                let message = "Rollout does not have minimum availability".to_owned();
                ("ReplicaSetNotAvailable", message)
            } else {
                let message = name.map_or_else(
                    || format!("Rollout \"{}\" is progressing.", self.ro.name()),
                    |name| format!("ReplicaSet \"{name}\" is progressing."),
                );
                ("ReplicaSetUpdated", message)
            };
            let moving = Condition::new("Progressing", "True", reason, message);
            let old = self.ro.condition("Progressing").cloned();
            conditions::set_progress(&mut self.next, moving, old.as_ref(), now);
            return;
        }
        if !self.ro.is_in_endless_step()
            && !self.waits_for_scale_down()
            && conditions::is_timed_out(&self.ro, &self.next, now)
        {
            let message = self.timed_out();
            let late = Condition::new("Progressing", "False", "ProgressDeadlineExceeded", message);
            conditions::set(&mut self.next, late, now);
        }
    }

    fn judge_availability(&mut self) {
        let now = self.bench.now();
        let replicas = self.ro.replicas();
        let is_available = if self.ro.blue_green().is_some() {
            let active = read::text(&self.next, "/blueGreen/activeSelector").to_owned();
            let is_active = |set: &&&Rs| !active.is_empty() && set.hash(ROLLOUT_HASH) == active;
            self.all().iter().find(is_active).is_some_and(|set| is_saturated(&self.ro, set))
        } else {
            available(&self.all()) >= replicas
        };
        let (word, message) = if is_available {
            ("True", "Rollout has minimum availability")
        } else {
            ("False", "Rollout does not have minimum availability")
        };
        let condition = Condition::new("Available", word, "AvailableReason", message);
        conditions::set(&mut self.next, condition, now);
    }

    /// Comes back when the deadline may be over.
    fn watch_deadline(&mut self) {
        let Some(condition) = self.ro.condition("Progressing") else { return };
        let is_paused = !self.ro.pause_conditions().is_empty() || self.ro.is_paused();
        if conditions::is_healthy(&self.ro, &self.next)
            || read::text(condition, "/reason") == "ProgressDeadlineExceeded"
            || is_paused
            || self.ro.is_aborted()
            || self.ro.is_in_endless_step()
        {
            return;
        }
        let from = read::time(condition, "/lastUpdateTime").unwrap_or_default();
        let due = from + jiff::SignedDuration::from_secs(self.ro.deadline_s() + 1);
        if due > self.bench.now() {
            self.at(due);
        }
    }
}

/// Whether a ReplicaSet could carry everything alone.
pub(super) fn is_saturated(ro: &Ro, set: &Rs) -> bool {
    let replicas = ro.replicas();
    set.wanted() == replicas
        && set.annotation(DESIRED).is_some()
        && set.number(DESIRED) == replicas
        && set.available() == replicas
}

/// The hash of the steps of a canary.
pub(super) fn step_hash(ro: &Ro) -> String {
    match ro.canary() {
        Some(canary) if ro.blue_green().is_none() => {
            hash_of(canary.get("steps").unwrap_or(&Value::Null))
        }
        Some(_) | None => String::new(),
    }
}

/// A selector as a text: `app=web,tier=front`.
pub(super) fn selector_text(ro: &Ro) -> String {
    let own = ro.object.pointer("/spec/selector/matchLabels");
    let labels = own.or_else(|| ro.template().and_then(|it| it.pointer("/metadata/labels")));
    labels_text(labels)
}

pub(super) fn labels_text(labels: Option<&Value>) -> String {
    let Some(labels) = labels.and_then(Value::as_object) else { return String::new() };
    let mut all: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
        .collect();
    all.sort();
    all.join(",")
}

pub(super) fn put_count(status: &mut Value, field: &str, count: i64) {
    if count == 0 {
        read::unset(status, &format!("/{field}"));
    } else {
        status[field] = count.into();
    }
}

pub(super) fn put_text(status: &mut Value, field: &str, text: &str) {
    if text.is_empty() {
        read::unset(status, &format!("/{field}"));
    } else {
        status[field] = text.into();
    }
}
