//! A canary: step by step.

use jiff::SignedDuration;
use serde_json::Value;

use super::argo_counts::{basic, is_reached, routed};
use super::argo_pass::{Abort, Cleared, Pass, weights_of};
use super::argo_scale::{Scaled, available};
use super::argo_status::step_hash;
use super::argo_view::{AbortDelay, Step};
use super::read;
use super::sets::{REVISION, Rs, sum};

impl Pass<'_, '_> {
    /// One pass over a canary.
    pub(super) fn canary(&mut self) {
        if self.is_changed() {
            self.sync_revision();
            return self.canary_status();
        }
        self.sync_revision();
        if self.restart_pods() > 0 {
            // The counts no longer hold; the next pass sees what came of it.
            return;
        }
        self.sync_metadata();
        self.forget_old();
        self.switch_canary_services();
        self.route_traffic();
        self.run_experiments();
        self.analyse();
        if !self.turn.pauses.is_empty() {
            return self.canary_status();
        }
        if self.scale_canary() == Scaled::Yes {
            return self.canary_status();
        }
        self.pause_canary();
        self.run_plugins();
        self.canary_status();
    }

    /// Whether the template or the steps are others than before.
    pub(super) fn is_changed(&self) -> bool {
        let steps = self.ro.status_text("currentStepHash");
        steps.is_empty() || steps != step_hash(&self.ro) || self.is_template_changed()
    }

    pub(super) fn is_template_changed(&self) -> bool {
        let current = self.ro.current();
        let hash = if self.new.is_some() { self.new_hash() } else { &self.hash };
        !current.is_empty() && current != hash
    }

    /// Only the sizes are brought up to date, for somebody changed the number of replicas.
    pub(super) fn only_scale(&mut self) {
        self.sync_revision();
        if self.ro.blue_green().is_some() {
            self.scale_blue_green();
            self.next = super::argo_pass::typed(&self.ro.object);
            self.switch_counts();
        } else {
            self.scale_canary();
            self.next = super::argo_pass::typed(&self.ro.object);
            let all: Vec<Rs> = self.all().into_iter().cloned().collect();
            super::argo_status::put_count(
                &mut self.next,
                "availableReplicas",
                sum(&all, Rs::available),
            );
            super::argo_status::put_count(&mut self.next, "HPAReplicas", sum(&all, Rs::actual));
        }
        self.persist();
    }

    /// Scales stable, new and old ReplicaSets, one of them in a pass.
    pub(super) fn scale_canary(&mut self) -> Scaled {
        if self.halts() {
            return Scaled::No;
        }
        self.remove_deadlines();
        if let Some(stable) = self.fleet().other_stable().cloned() {
            let want = if self.ro.is_routed() {
                // The weights as they were: stable follows its traffic, it does not lead it.
                let weights = self.ro.weights().and_then(weights_of);
                routed(&self.ro, &self.fleet(), weights)
            } else {
                basic(&self.ro, &self.fleet())
            };
            if self.scale(&stable, want.stable) == Scaled::Yes {
                return Scaled::Yes;
            }
        }
        if self.scale_new() == Scaled::Yes {
            return Scaled::Yes;
        }
        self.scale_others()
    }

    /// The size of the new ReplicaSet.
    pub(super) fn new_size(&self) -> i64 {
        if self.ro.blue_green().is_some() {
            return self.preview_size();
        }
        if self.ro.is_routed() {
            routed(&self.ro, &self.fleet(), self.next_weights()).canary
        } else {
            basic(&self.ro, &self.fleet()).canary
        }
    }

    /// Scales the new ReplicaSet, or lets it wait after an abort.
    pub(super) fn scale_new(&mut self) -> Scaled {
        let Some(new) = self.new.clone() else { return Scaled::No };
        let mut size = self.new_size();
        if self.delays_after_abort() {
            let now = self.bench.now();
            match (new.deadline(), self.ro.abort_delay()) {
                (Some(deadline), _) if deadline > now => {
                    self.at(deadline);
                    self.scale(&new, new.wanted());
                    return Scaled::No;
                }
                (Some(_), _) => size = 0,
                (None, AbortDelay::After(delay, _)) => {
                    self.scale(&new, new.wanted());
                    let stable = self.stable.as_ref().map_or(0, Rs::available);
                    // Not before stable can carry everything.
                    if stable >= self.ro.replicas() {
                        self.add_deadline(&new, delay);
                    }
                    return Scaled::No;
                }
                (None, AbortDelay::Never) => {}
            }
        }
        self.scale(&new, size)
    }

    /// Scales down what is neither new nor stable.
    pub(super) fn scale_others(&mut self) -> Scaled {
        let active: Vec<Rs> = self.others.iter().filter(|it| it.wanted() > 0).cloned().collect();
        if active.is_empty() {
            return Scaled::No;
        }
        if self.ro.blue_green().is_some() {
            return self.scale_old_blue_green(active);
        }
        if self.scale_old_canaries(active) > 0 { Scaled::Yes } else { Scaled::No }
    }

    fn scale_old_canaries(&mut self, mut old: Vec<Rs>) -> i64 {
        let mut down = self.clean_unhealthy(&old);
        let least = self.ro.replicas() - self.ro.max_unavailable();
        let mut room = available(&self.all()) - least;
        if room <= 0 {
            return 0;
        }
        old.sort_by_key(|set| std::cmp::Reverse((set.number(REVISION), set.created())));
        let mut waiting = 0;
        for set in old {
            if room <= 0 {
                break;
            }
            let wants = if !self.ro.is_routed() {
                (set.wanted() - room).max(0)
            } else if self.is_referenced(&set) {
                continue;
            } else if self.ro.is_fully_promoted() || set.has_deadline() {
                if self.ro.is_dynamic() {
                    0
                } else {
                    self.delayed_size(&set, &mut waiting, set.wanted())
                }
            } else {
                // Somebody changed their mind: an update that was never finished.
                0
            };
            if wants == set.wanted() {
                continue;
            }
            self.scale(&set, wants);
            room -= set.wanted() - wants;
            down += set.wanted() - wants;
        }
        down
    }

    /// Begins a pause, or waits for its end.
    fn pause_canary(&mut self) {
        if self.ro.is_paused() || self.ro.is_promoting_fully() {
            return;
        }
        let Some(Step::Pause(duration)) = self.ro.current_step() else { return };
        let duration = duration.and_then(read::duration);
        match self.ro.paused_since("CanaryPauseStep") {
            None if !self.ro.status_is("controllerPause") => {
                self.turn.pauses.push("CanaryPauseStep");
            }
            None => {}
            Some(since) => {
                if let Some(duration) = duration {
                    let end = since + duration;
                    if end > self.bench.now() {
                        self.at(end);
                    }
                }
            }
        }
    }

    fn is_pause_over(&self, duration: Option<SignedDuration>) -> bool {
        let since = self.ro.paused_since("CanaryPauseStep");
        match (since, duration) {
            (None, _) => self.ro.status_is("controllerPause"),
            (Some(since), Some(duration)) => self.bench.now() > since + duration,
            (Some(_), None) => false,
        }
    }

    /// Whether the current step has done its work.
    fn is_step_complete(&self) -> bool {
        if self.ro.is_paused() {
            return false;
        }
        let Some(step) = self.ro.current_step() else { return false };
        let phase = |object: Option<&std::sync::Arc<Value>>| {
            object.map(|it| read::text(it, "/status/phase").to_owned()).unwrap_or_default()
        };
        match step {
            Step::Pause(duration) => self.is_pause_over(duration.and_then(read::duration)),
            Step::SetCanaryScale(_) => is_reached(&self.ro, &self.fleet(), self.next_weights()),
            Step::SetWeight(_) => {
                let verified = self.next.pointer("/canary/weights/verified");
                is_reached(&self.ro, &self.fleet(), self.next_weights())
                    && verified.and_then(Value::as_bool) != Some(false)
            }
            Step::Experiment(_) => phase(self.experiments.current.as_ref()) == "Successful",
            Step::Analysis(_) => phase(self.runs.step.as_ref()) == "Successful",
            Step::HeaderRoute(_) | Step::MirrorRoute(_) => true,
            Step::Plugin(_) => self.is_plugin_over(),
            Step::Unknown => false,
        }
    }

    /// The status at the end of a pass.
    pub(super) fn canary_status(&mut self) {
        let plugins = self.next.pointer("/canary/stepPluginStatuses").cloned();
        self.base_status();
        let before = self.ro.object.pointer("/status/canary/stepPluginStatuses").cloned();
        read::unset(&mut self.next, "/canary/stepPluginStatuses");
        if let Some(plugins) = plugins.or(before).filter(|it| *it != Value::Array(Vec::new())) {
            self.next["canary"]["stepPluginStatuses"] = plugins;
        }
        if let Some(side) = self.ro.object.pointer("/status/canary/stablePingPong") {
            self.next["canary"]["stablePingPong"] = side.clone();
        }
        let (hash, count) = (step_hash(&self.ro), self.ro.step_count());
        super::argo_status::put_text(&mut self.next, "currentStepHash", &hash);
        if self.is_changed() {
            self.reset_status();
            if self.new.is_some() && count > 0 {
                self.skip_steps(count);
            }
            return self.persist();
        }
        let mut index = self.ro.index();
        if self.ro.is_promoting_fully() || self.is_within_window() {
            self.turn.clears = Some(Cleared);
            self.turn.abort = Some(Abort::Ends);
            index = (count > 0).then_some(count);
        }
        if let Some(why) = self.promotion() {
            self.promote(&why);
            return self.persist();
        }
        if self.is_aborted() {
            if count > 0 {
                let is_promoted = read::text(&self.next, "/currentPodHash") == self.ro.stable();
                self.next["currentStepIndex"] = if is_promoted { count } else { 0 }.into();
            }
            return self.persist();
        }
        if self.is_step_complete()
            && let (Some(at), Some(step)) = (index, self.ro.current_step())
        {
            let message = format!("Rollout step {}/{count} completed ({})", at + 1, step.word());
            index = Some(at + 1);
            read::unset(&mut self.next, "/canary/currentStepAnalysisRunStatus");
            self.tell("RolloutStepCompleted", message);
            self.turn.ended.push("CanaryPauseStep");
        }
        match index {
            Some(index) => self.next["currentStepIndex"] = index.into(),
            None => read::unset(&mut self.next, "/currentStepIndex"),
        }
        self.persist();
    }

    /// Going back needs no steps.
    fn skip_steps(&mut self, count: i64) {
        let is_active = self.new.as_ref().is_some_and(|new| new.wanted() > 0);
        let why = if self.ro.stable() == self.new_hash() {
            "Rollback to stable ReplicaSets"
        } else if self.is_within_window() && is_active {
            "Rollback to active ReplicaSets within RollbackWindow"
        } else {
            return;
        };
        self.tell("SkipSteps", why);
        self.next["currentStepIndex"] = count.into();
    }
}
