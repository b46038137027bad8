//! A Rollout as its controller reads it: what is missing has its default, what is wrong is as if
//! missing.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::read::{self, Rounding};

/// A Rollout at a moment, with the pod template it stands for.
#[derive(Clone, Debug)]
pub(super) struct Ro {
    pub(super) object: Arc<Value>,
    /// The template of the workload it refers to, and that workload's generation.
    pub(super) workload: Option<(Value, i64)>,
}

/// A step of a canary.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    /// So much of the traffic goes to the canary.
    SetWeight(i64),
    /// Waits: for a time, or (`None`) for a human.
    Pause(Option<&'a Value>),
    /// Waits for an AnalysisRun.
    Analysis(&'a Value),
    /// Waits for an Experiment.
    Experiment(&'a Value),
    /// Sets the size of the canary apart from its weight.
    SetCanaryScale(&'a Value),
    /// Sends requests with a header to the canary.
    HeaderRoute(&'a Value),
    /// Copies requests to the canary.
    MirrorRoute(&'a Value),
    /// Waits for a plugin.
    Plugin(&'a Value),
    /// None of these.
    Unknown,
}

/// The field of a step, and what it makes of it.
type Maker<'a> = (&'static str, fn(&'a Value) -> Step<'a>);

impl<'a> Step<'a> {
    pub(super) fn of(step: &'a Value) -> Self {
        if let Some(weight) = read::int(step, "/setWeight") {
            return Self::SetWeight(weight);
        }
        let make: [Maker<'a>; 7] = [
            ("pause", |pause| Self::Pause(pause.get("duration").filter(|it| !it.is_null()))),
            ("experiment", Self::Experiment),
            ("analysis", Self::Analysis),
            ("setCanaryScale", Self::SetCanaryScale),
            ("plugin", Self::Plugin),
            ("setHeaderRoute", Self::HeaderRoute),
            ("setMirrorRoute", Self::MirrorRoute),
        ];
        let found = |(field, make): Maker<'a>| step.get(field).filter(|it| !it.is_null()).map(make);
        make.into_iter().find_map(found).unwrap_or(Self::Unknown)
    }

    /// Its name in events.
    pub(super) fn word(self) -> String {
        match self {
            Self::SetWeight(weight) => format!("setWeight: {weight}"),
            Self::Pause(None) => "pause".to_owned(),
            Self::Pause(Some(duration)) => {
                let text = duration.as_str().map(str::to_owned);
                format!("pause: {}", text.unwrap_or_else(|| duration.to_string()))
            }
            Self::Experiment(_) => "experiment".to_owned(),
            Self::Analysis(_) => "analysis".to_owned(),
            Self::SetCanaryScale(scale) => {
                if let Some(weight) = read::int(scale, "/weight") {
                    format!("setCanaryScale{{weight: {weight}}}")
                } else if read::is(scale, "/matchTrafficWeight") {
                    "setCanaryScale{matchTrafficWeight: true}".to_owned()
                } else {
                    format!("setCanaryScale{{replicas: {}}}", read::count(scale, "/replicas"))
                }
            }
            Self::Plugin(plugin) => format!("plugin: {}", read::text(plugin, "/name")),
            Self::HeaderRoute(route) => format!("setHeaderRoute: {}", read::text(route, "/name")),
            Self::MirrorRoute(route) => format!("setMirrorRoute: {}", read::text(route, "/name")),
            Self::Unknown => "invalid".to_owned(),
        }
    }
}

/// How long pods of an aborted update stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AbortDelay {
    /// For ever: somebody said 0.
    Never,
    /// So long; whether somebody said so.
    After(SignedDuration, Said),
}

/// Whether a value is the user's or the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    ByUser,
    ByDefault,
}

impl Ro {
    fn at(&self, place: &str) -> Option<&Value> {
        self.object.pointer(place).filter(|value| !value.is_null())
    }

    pub(super) fn key(&self) -> String {
        read::key(&self.object)
    }

    pub(super) fn name(&self) -> &str {
        read::name(&self.object)
    }

    pub(super) fn namespace(&self) -> &str {
        read::namespace(&self.object)
    }

    pub(super) fn generation(&self) -> i64 {
        read::count(&self.object, "/metadata/generation")
    }

    // What is wanted.

    pub(super) fn template(&self) -> Option<&Value> {
        match &self.workload {
            Some((template, _)) => Some(template),
            None => self.at("/spec/template"),
        }
    }

    pub(super) fn replicas(&self) -> i64 {
        read::int(&self.object, "/spec/replicas").unwrap_or(1)
    }

    pub(super) fn is_paused(&self) -> bool {
        read::is(&self.object, "/spec/paused")
    }

    pub(super) fn deadline_s(&self) -> i64 {
        read::int(&self.object, "/spec/progressDeadlineSeconds").unwrap_or(600)
    }

    pub(super) fn history(&self) -> i64 {
        read::int(&self.object, "/spec/revisionHistoryLimit").unwrap_or(10)
    }

    /// Runs kept, of a kind: `successful` or `unsuccessful`.
    pub(super) fn runs_kept(&self, kind: &str) -> i64 {
        read::int(&self.object, &format!("/spec/analysis/{kind}RunHistoryLimit")).unwrap_or(5)
    }

    pub(super) fn restart_at(&self) -> Option<&str> {
        self.at("/spec/restartAt")?.as_str()
    }

    pub(super) fn rollback_window(&self) -> i64 {
        read::count(&self.object, "/spec/rollbackWindow/revisions")
    }

    pub(super) fn canary(&self) -> Option<&Value> {
        self.at("/spec/strategy/canary")
    }

    pub(super) fn blue_green(&self) -> Option<&Value> {
        self.at("/spec/strategy/blueGreen")
    }

    /// Whether a router carries the weights.
    pub(super) fn is_routed(&self) -> bool {
        self.at("/spec/strategy/canary/trafficRouting").is_some()
    }

    pub(super) fn is_dynamic(&self) -> bool {
        read::is(&self.object, "/spec/strategy/canary/dynamicStableScale")
    }

    pub(super) fn max_weight(&self) -> i64 {
        let at = "/spec/strategy/canary/trafficRouting/maxTrafficWeight";
        read::int(&self.object, at).unwrap_or(100).max(1)
    }

    pub(super) fn steps(&self) -> &[Value] {
        read::list(&self.object, "/spec/strategy/canary/steps")
    }

    pub(super) fn step_count(&self) -> i64 {
        i64::try_from(self.steps().len()).unwrap_or(i64::MAX)
    }

    pub(super) fn step(&self, index: i64) -> Option<Step<'_>> {
        self.steps().get(usize::try_from(index).ok()?).map(Step::of)
    }

    /// A service of the strategy: `canaryService`, `activeService` …; empty: none.
    pub(super) fn service(&self, role: &str) -> &str {
        let strategy = self.canary().or_else(|| self.blue_green());
        strategy.and_then(|it| it.get(role)?.as_str()).unwrap_or_default()
    }

    fn fenceposts(&self) -> (i64, i64) {
        let default = Value::from("25%");
        let of = |field: &str| {
            let strategy = self.canary().or_else(|| self.blue_green());
            strategy.and_then(|it| it.get(field)).filter(|it| !it.is_null()).unwrap_or(&default)
        };
        let surge = read::share(Some(of("maxSurge")), self.replicas(), Rounding::Up);
        let unavailable = read::share(Some(of("maxUnavailable")), self.replicas(), Rounding::Down);
        // Two zeros would never move; upstream lets one pod go then.
        let stuck = self.canary().is_some() && surge == 0 && unavailable == 0;
        (surge, if stuck { 1 } else { unavailable })
    }

    pub(super) fn max_surge(&self) -> i64 {
        if self.canary().is_some() { self.fenceposts().0 } else { 0 }
    }

    pub(super) fn max_unavailable(&self) -> i64 {
        if self.replicas() == 0 { 0 } else { self.fenceposts().1.min(self.replicas()) }
    }

    fn strategy_int(&self, field: &str) -> Option<i64> {
        let strategy = self.canary().or_else(|| self.blue_green())?;
        strategy.get(field)?.as_i64()
    }

    pub(super) fn scale_down_delay(&self) -> SignedDuration {
        let waits = self.blue_green().is_some() || self.is_routed();
        let seconds =
            if waits { self.strategy_int("scaleDownDelaySeconds").unwrap_or(30) } else { 0 };
        SignedDuration::from_secs(seconds)
    }

    pub(super) fn scale_down_limit(&self) -> i64 {
        self.strategy_int("scaleDownDelayRevisionLimit").unwrap_or(i64::MAX)
    }

    pub(super) fn abort_delay(&self) -> AbortDelay {
        if self.blue_green().is_none() && !self.is_routed() {
            return AbortDelay::After(SignedDuration::ZERO, Said::ByDefault);
        }
        match self.strategy_int("abortScaleDownDelaySeconds") {
            None => AbortDelay::After(SignedDuration::from_secs(30), Said::ByDefault),
            Some(0) => AbortDelay::Never,
            Some(seconds) => AbortDelay::After(SignedDuration::from_secs(seconds), Said::ByUser),
        }
    }

    pub(super) fn auto_promotion_s(&self) -> i64 {
        self.strategy_int("autoPromotionSeconds").unwrap_or(0)
    }

    /// Whether nobody said that a human promotes.
    pub(super) fn promotes_itself(&self) -> bool {
        let said = self.blue_green().and_then(|it| it.get("autoPromotionEnabled")?.as_bool());
        said.unwrap_or(true)
    }

    pub(super) fn preview_replicas(&self) -> Option<i64> {
        self.blue_green()?.get("previewReplicaCount")?.as_i64()
    }

    /// An analysis block with templates: `/spec/strategy/canary/analysis` …
    pub(super) fn analysis(&self, place: &str) -> Option<&Value> {
        self.at(place).filter(|block| !read::list(block, "/templates").is_empty())
    }

    // What is.

    pub(super) fn status(&self, field: &str) -> Option<&Value> {
        self.object.get("status")?.get(field).filter(|value| !value.is_null())
    }

    pub(super) fn status_text(&self, field: &str) -> &str {
        self.status(field).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn status_count(&self, field: &str) -> i64 {
        self.status(field).and_then(Value::as_i64).unwrap_or(0)
    }

    pub(super) fn status_is(&self, field: &str) -> bool {
        self.status(field).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(super) fn stable(&self) -> &str {
        self.status_text("stableRS")
    }

    pub(super) fn current(&self) -> &str {
        self.status_text("currentPodHash")
    }

    pub(super) fn is_aborted(&self) -> bool {
        self.status_is("abort")
    }

    pub(super) fn is_promoting_fully(&self) -> bool {
        self.status_is("promoteFull")
    }

    pub(super) fn is_fully_promoted(&self) -> bool {
        self.stable() == self.current()
    }

    pub(super) fn pause_conditions(&self) -> &[Value] {
        read::list(&self.object, "/status/pauseConditions")
    }

    /// Since when it is paused for a reason.
    pub(super) fn paused_since(&self, reason: &str) -> Option<Timestamp> {
        let is_it = |condition: &&Value| read::text(condition, "/reason") == reason;
        let condition = self.pause_conditions().iter().find(is_it)?;
        Some(read::time(condition, "/startTime").unwrap_or_default())
    }

    pub(super) fn conditions(&self) -> &[Value] {
        read::list(&self.object, "/status/conditions")
    }

    pub(super) fn condition(&self, kind: &str) -> Option<&Value> {
        self.conditions().iter().find(|it| read::text(it, "/type") == kind)
    }

    pub(super) fn weights(&self) -> Option<&Value> {
        self.at("/status/canary/weights")
    }

    pub(super) fn canary_weight(&self) -> Option<i64> {
        self.weights().map(|weights| read::count(weights, "/canary/weight"))
    }

    pub(super) fn active(&self) -> &str {
        read::text(&self.object, "/status/blueGreen/activeSelector")
    }

    /// The index of the current step, if there are steps; it may be past the last.
    pub(super) fn index(&self) -> Option<i64> {
        if self.steps().is_empty() {
            return None;
        }
        Some(read::count(&self.object, "/status/currentStepIndex").max(0))
    }

    /// The current step, if there is one left.
    pub(super) fn current_step(&self) -> Option<Step<'_>> {
        self.step(self.index()?)
    }

    /// The weight that the steps ask for now.
    pub(super) fn set_weight(&self) -> i64 {
        if self.is_aborted() {
            return 0;
        }
        let Some(index) = self.index().filter(|index| self.step(*index).is_some()) else {
            return self.max_weight();
        };
        self.weight_before(index + 1)
    }

    /// The weight that the last `setWeight` before an index asked for.
    pub(super) fn weight_before(&self, index: i64) -> i64 {
        let weight = |index| match self.step(index) {
            Some(Step::SetWeight(weight)) => Some(weight),
            _ => None,
        };
        (0..index).rev().find_map(weight).unwrap_or(0)
    }

    /// The `setCanaryScale` that holds now.
    pub(super) fn canary_scale(&self) -> Option<&Value> {
        if !self.is_routed() || (self.is_aborted() && self.abort_delay() != AbortDelay::Never) {
            return None;
        }
        let index = self.index().filter(|index| self.step(*index).is_some())?;
        let scale = |index| match self.step(index) {
            Some(Step::SetCanaryScale(scale)) => Some(scale),
            _ => None,
        };
        let last = (0..=index).rev().find_map(scale)?;
        (!read::is(last, "/matchTrafficWeight")).then_some(last)
    }

    /// Whether it waits in a step that counts against no deadline.
    pub(super) fn is_in_endless_step(&self) -> bool {
        match self.current_step() {
            Some(Step::Experiment(_) | Step::Analysis(_) | Step::Pause(_)) => return true,
            Some(
                Step::SetWeight(_)
                | Step::SetCanaryScale(_)
                | Step::HeaderRoute(_)
                | Step::MirrorRoute(_)
                | Step::Plugin(_)
                | Step::Unknown,
            )
            | None => {}
        }
        self.condition("Paused").is_some_and(|it| read::text(it, "/status") == "True")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ro(object: Value) -> Ro {
        Ro { object: Arc::new(object), workload: None }
    }

    #[test]
    fn the_weight_is_that_of_the_nearest_step_before() {
        let with = |index: Value, abort: bool| {
            ro(json!({
                "spec": {"strategy": {"canary": {"steps": [
                    {"setWeight": 10}, {"pause": {}}, {"setWeight": 50}, {"analysis": {}},
                ]}}},
                "status": {"currentStepIndex": index, "abort": abort},
            }))
            .set_weight()
        };
        for (index, weight) in [(0, 10), (1, 10), (2, 50), (3, 50), (4, 100), (9, 100)] {
            assert_eq!(with(json!(index), false), weight, "{index}");
            assert_eq!(with(json!(index), true), 0, "{index}");
        }
        assert_eq!(with(json!(null), false), 10);
    }

    #[test]
    fn steps_are_named_as_in_events() {
        for (step, word) in [
            (json!({"setWeight": 10}), "setWeight: 10"),
            (json!({"pause": {}}), "pause"),
            (json!({"pause": {"duration": "10s"}}), "pause: 10s"),
            (json!({"pause": {"duration": 30}}), "pause: 30"),
            (json!({"setCanaryScale": {"weight": 5}}), "setCanaryScale{weight: 5}"),
            (json!({"setCanaryScale": {"replicas": 5}}), "setCanaryScale{replicas: 5}"),
            (
                json!({"setCanaryScale": {"matchTrafficWeight": true}}),
                "setCanaryScale{matchTrafficWeight: true}",
            ),
            (json!({"plugin": {"name": "x"}}), "plugin: x"),
            (json!({"setHeaderRoute": {"name": "h"}}), "setHeaderRoute: h"),
            (json!({"setMirrorRoute": {"name": "m"}}), "setMirrorRoute: m"),
            (json!({"experiment": {}}), "experiment"),
            (json!({}), "invalid"),
        ] {
            assert_eq!(Step::of(&step).word(), word);
        }
    }

    #[test]
    fn surge_and_unavailable_are_never_both_zero() {
        let with = |surge: Value, unavailable: Value, replicas: i64| {
            let it = ro(json!({"spec": {"replicas": replicas, "strategy": {"canary":
                {"maxSurge": surge, "maxUnavailable": unavailable}}}}));
            (it.max_surge(), it.max_unavailable())
        };
        assert_eq!(with(json!("25%"), json!("25%"), 10), (3, 2));
        assert_eq!(with(json!(0), json!("25%"), 2), (0, 1));
        assert_eq!(with(json!(1), json!(0), 2), (1, 0));
        assert_eq!(with(Value::Null, Value::Null, 6), (2, 1));
    }

    #[test]
    fn the_abort_delay_is_the_users_the_default_or_never() {
        let with = |seconds: Value, routing: Value| {
            ro(json!({"spec": {"strategy": {"canary":
                {"abortScaleDownDelaySeconds": seconds, "trafficRouting": routing}}}}))
            .abort_delay()
        };
        let after = SignedDuration::from_secs;
        assert_eq!(with(json!(0), json!({})), AbortDelay::Never);
        assert_eq!(with(json!(5), json!({})), AbortDelay::After(after(5), Said::ByUser));
        assert_eq!(with(Value::Null, json!({})), AbortDelay::After(after(30), Said::ByDefault));
        assert_eq!(with(json!(5), Value::Null), AbortDelay::After(after(0), Said::ByDefault));
    }
}
