//! Blue-green: a preview, and a switch.

use serde_json::Value;

use super::argo_pass::{Abort, Cleared, Pass};
use super::argo_scale::{Scaled, available};
use super::argo_status::{is_saturated, labels_text, put_count, put_text};
use super::read;
use super::sets::{REVISION, Rs};
use super::template::ROLLOUT_HASH;
use crate::sim::store::Kind;

impl Pass<'_, '_> {
    /// One pass over a blue-green rollout.
    pub(super) fn blue_green(&mut self) {
        self.sync_revision();
        let preview = self.ro.service("previewService").to_owned();
        if !preview.is_empty() && !self.halts() {
            let hash = self.new_hash().to_owned();
            self.switch(&preview, &hash);
        }
        if self.is_template_changed() {
            return self.switch_status();
        }
        self.restart_pods();
        self.scale_blue_green();
        self.pause_blue_green();
        self.switch_active();
        self.analyse();
        self.sync_metadata();
        self.switch_status();
    }

    /// Scales all ReplicaSets.
    pub(super) fn scale_blue_green(&mut self) {
        self.remove_deadlines();
        if let Some(stable) = self.stable.clone() {
            self.scale(&stable, self.ro.replicas());
        }
        self.scale_new();
        self.scale_others();
        self.forget_old();
    }

    /// The size of the preview.
    pub(super) fn preview_size(&self) -> i64 {
        let replicas = self.ro.replicas();
        let Some(preview) = self.ro.preview_replicas() else { return replicas };
        let active = self.ro.active();
        let is_active = active.is_empty() || active == self.new_hash();
        let has_active = self.all().iter().any(|set| set.hash(ROLLOUT_HASH) == active);
        if is_active || !has_active || self.ro.is_promoting_fully() {
            return replicas;
        }
        if self.new_hash() != self.ro.current() {
            return preview;
        }
        let is_free = !self.ro.is_paused() && self.ro.pause_conditions().is_empty();
        if is_free && self.passed_checkpoint() { replicas } else { preview }
    }

    fn passed_checkpoint(&self) -> bool {
        read::is(&self.ro.object, "/status/blueGreen/scaleUpPreviewCheckPoint")
    }

    /// Whether the new ReplicaSet has the size it needs for the switch.
    fn is_ready_to_switch(&self) -> bool {
        let size = self.preview_size();
        self.new.as_ref().is_some_and(|new| new.wanted() == size && new.available() == size)
    }

    /// Whether the switch needs no pause.
    fn is_fast_tracked(&self) -> bool {
        let active = self.selected_by(self.ro.service("activeService"));
        self.is_fast_rollback()
            || self.ro.is_promoting_fully()
            || active.is_empty()
            || active == self.new_hash()
    }

    /// Begins the pause before the switch, or waits for its end.
    fn pause_blue_green(&mut self) {
        if self.ro.is_aborted() || !self.is_ready_to_switch() || self.halts() {
            return;
        }
        let pauses = !self.ro.promotes_itself() || self.ro.auto_promotion_s() > 0;
        if self.is_fast_tracked() || self.passed_checkpoint() || !pauses {
            self.turn.ended.push("BlueGreenPause");
            return;
        }
        if !self.is_pre_analysis_over() {
            return;
        }
        match self.ro.paused_since("BlueGreenPause") {
            None if !self.ro.status_is("controllerPause") => {
                self.turn.pauses.push("BlueGreenPause");
            }
            None => {}
            Some(_) if self.is_blue_green_pause_over() => self.turn.ended.push("BlueGreenPause"),
            Some(since) => {
                let seconds = self.ro.auto_promotion_s();
                let end = since + jiff::SignedDuration::from_secs(seconds);
                if seconds > 0 && end > self.bench.now() {
                    self.at(end);
                }
            }
        }
    }

    fn is_pre_analysis_over(&self) -> bool {
        let has_block =
            self.ro.blue_green().is_some_and(|it| it.get("prePromotionAnalysis").is_some());
        let run = self.runs.pre.as_ref();
        !has_block || run.is_some_and(|run| read::text(run, "/status/phase") == "Successful")
    }

    fn is_blue_green_pause_over(&self) -> bool {
        if !self.turn.pauses.is_empty() {
            return false;
        }
        if self.passed_checkpoint() {
            return true;
        }
        let since = self.ro.paused_since("BlueGreenPause");
        if self.ro.promotes_itself() {
            let seconds = self.ro.auto_promotion_s();
            let end = since.map(|since| since + jiff::SignedDuration::from_secs(seconds));
            return seconds == 0 || end.is_some_and(|end| self.bench.now() > end);
        }
        self.ro.status_is("controllerPause") && since.is_none()
    }

    /// Switches the active service, when everything is ready for it.
    fn switch_active(&mut self) {
        let is_ready = self.is_ready_to_switch()
            && self.new.as_ref().is_some_and(|it| is_saturated(&self.ro, it));
        if self.halts() || !is_ready {
            return;
        }
        let service = self.ro.service("activeService").to_owned();
        let mut hash = self.selected_by(&service).to_owned();
        let may_go = self.is_blue_green_pause_over() && self.is_pre_analysis_over();
        if self.is_fast_tracked() || may_go {
            self.new_hash().clone_into(&mut hash);
        }
        if self.ro.is_aborted() {
            self.ro.stable().clone_into(&mut hash);
        }
        self.switch(&service, &hash);
    }

    /// Scales down what is neither new nor stable.
    pub(super) fn scale_old_blue_green(&mut self, mut old: Vec<Rs>) -> Scaled {
        if self.ro.paused_since("InconclusiveAnalysisRun").is_some() {
            return Scaled::No;
        }
        let strategy = self.ro.blue_green();
        let analyses = strategy.is_some_and(|it| it.get("postPromotionAnalysis").is_some());
        let has_delay = strategy.is_some_and(|it| it.get("scaleDownDelaySeconds").is_some());
        if analyses && !has_delay && !self.skips_post_analysis() {
            let run = self.runs.post.as_ref();
            if run.is_none_or(|run| read::text(run, "/status/phase") != "Successful") {
                return Scaled::No;
            }
        }
        old.sort_by_key(|set| std::cmp::Reverse((set.number(REVISION), set.created())));
        let (mut waiting, mut scaled) = (0, Scaled::No);
        for set in old {
            if self.is_referenced(&set) {
                continue;
            }
            let size = self.delayed_size(&set, &mut waiting, self.ro.replicas());
            if size != set.wanted() {
                self.scale(&set, size);
                scaled = Scaled::Yes;
            }
        }
        scaled
    }

    /// The counts of the active ReplicaSet.
    pub(super) fn switch_counts(&mut self) {
        let active = read::text(&self.next, "/blueGreen/activeSelector").to_owned();
        let is_active = |set: &&&Rs| !active.is_empty() && set.hash(ROLLOUT_HASH) == active;
        let active = self.all().iter().find(is_active).map(|set| (*set).clone());
        let Some(set) = active else {
            let there = available(&self.all());
            return put_count(&mut self.next, "availableReplicas", there);
        };
        let selector = labels_text(set.object.pointer("/spec/selector/matchLabels"));
        put_count(&mut self.next, "HPAReplicas", set.actual());
        put_count(&mut self.next, "availableReplicas", set.available());
        put_count(&mut self.next, "readyReplicas", set.ready());
        put_text(&mut self.next, "selector", &selector);
    }

    /// The status at the end of a pass.
    fn switch_status(&mut self) {
        self.base_status();
        if self.is_template_changed() {
            self.reset_status();
        }
        if self.ro.is_promoting_fully() || self.is_within_window() {
            self.turn.clears = Some(Cleared);
            self.turn.abort = Some(Abort::Ends);
        }
        for (role, field) in
            [("previewService", "previewSelector"), ("activeService", "activeSelector")]
        {
            let hash = self.selected_by(self.ro.service(role)).to_owned();
            if !hash.is_empty() {
                self.next["blueGreen"][field] = hash.into();
            }
        }
        if let Some(why) = self.promotion() {
            self.promote(&why);
        } else if self.checkpoint() {
            self.next["blueGreen"]["scaleUpPreviewCheckPoint"] = true.into();
        }
        self.switch_counts();
        self.persist();
    }

    /// Whether the small preview has done its work and grows now.
    fn checkpoint(&self) -> bool {
        let Some(preview) = self.ro.preview_replicas() else { return false };
        if self.passed_checkpoint() {
            return true;
        }
        self.is_pre_analysis_over()
            && self.is_blue_green_pause_over()
            && self.new.as_ref().is_some_and(|new| new.available() == preview)
    }

    // Services.

    /// Makes a service select the pods of a hash.
    pub(super) fn switch(&mut self, service: &str, hash: &str) {
        let Some(object) = self.bench.store.get(Kind::Service, self.ro.namespace(), service) else {
            return;
        };
        let at = format!("/spec/selector/{ROLLOUT_HASH}");
        let old = object.pointer(&at).and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_ours = read::annotation(object, MANAGED_BY).is_some();
        if old == hash && is_ours {
            return;
        }
        let mut object = object.clone();
        if !is_ours {
            read::annotate(&mut object, MANAGED_BY, self.ro.name());
        }
        read::set(&mut object, &at, hash);
        self.bench.write(Kind::Service, object);
        let message = format!("Switched selector for service '{service}' from '{old}' to '{hash}'");
        self.tell("SwitchService", message);
    }

    /// Whether a rollout has taken a service over.
    pub(super) fn is_managed(&self, service: &str) -> bool {
        let object = self.bench.store.get(Kind::Service, self.ro.namespace(), service);
        object.is_some_and(|object| read::annotation(object, MANAGED_BY).is_some())
    }
}

const MANAGED_BY: &str = "argo-rollouts.argoproj.io/managed-by-rollouts";
