//! Gates: what waits for a human's yes, and what yes and no mean there. One reading for the board, the documents and the
//! commands `approve` and `refuse`.

use std::time::Duration;

use super::action::Action;
use super::deeds::case::{
    Case, PAUSE_BLUE_GREEN, PAUSE_INCONCLUSIVE_EXPERIMENT, PAUSE_INCONCLUSIVE_RUN, PAUSE_STEP, Way,
};
use crate::analysis::flagger_gates;
use crate::analysis::need::{Need, NeedKind};
use crate::analysis::steps;
use crate::domain::flagger::Phase;
use crate::domain::observed::{Timestamp, age};
use crate::domain::text::Text;
use crate::domain::workload::Workload;

/// How long a gate may wait unless the operator says otherwise.
pub const LIMIT: Duration = Duration::from_mins(30);

/// What kind of gate it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GateKind {
    /// Argo: a pause step without a duration.
    Step,
    /// Argo: a blue-green before its switch.
    Switch,
    /// Argo: an analysis or experiment that came to no answer.
    Inconclusive,
    /// Flagger: before the new version starts.
    Start,
    /// Flagger: before more traffic.
    Traffic,
    /// Flagger: before the promotion.
    Promotion,
    /// Somebody paused it.
    Hand,
}

impl GateKind {
    /// The word in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Switch => "switch",
            Self::Inconclusive => "inconclusive",
            Self::Start => "start",
            Self::Traffic => "traffic",
            Self::Promotion => "promotion",
            Self::Hand => "hand",
        }
    }

    /// Yes: past the gate. A pause by hand is lifted, everything else is promoted; Flagger's manual gates are opened so.
    #[must_use]
    pub const fn approve(self) -> Action {
        match self {
            Self::Hand => Action::Resume,
            Self::Step
            | Self::Switch
            | Self::Inconclusive
            | Self::Start
            | Self::Traffic
            | Self::Promotion => Action::Promote,
        }
    }
}

/// Something that waits for a human.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// What kind.
    pub kind: GateKind,
    /// What it waits for, in words.
    pub why: Text,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
    /// The steps that come after a yes, in order.
    pub left: Vec<Text>,
    /// No: the deed that takes the new version back; at a manual gate of Flagger: the one that keeps it closed.
    pub refuse: Action,
}

/// How a gate does against its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Over its limit.
    Over,
    /// More than half of its time is gone.
    Soon,
    /// It has time.
    Waits,
    /// Nobody knows since when.
    Unknown,
}

impl Urgency {
    /// The word in documents and on the board.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Over => "over",
            Self::Soon => "soon",
            Self::Waits => "waits",
            Self::Unknown => "unknown",
        }
    }
}

impl Gate {
    /// The gate of this workload, if it waits at one.
    #[must_use]
    pub fn of(workload: &Workload, need: Option<&Need>) -> Option<Self> {
        let case = Case::of(workload);
        let kind = kind(case, need)?;
        // A need that is more urgent than the gate has other words.
        let told =
            need.filter(|need| matches!(need.kind, NeedKind::Approval | NeedKind::Inconclusive));
        let own = told.map_or_else(|| words(case, kind), |need| need.why.clone());
        let refuse = match case.way() {
            Way::Flagger if kind != GateKind::Hand && is_manual(case) => Action::CloseGate,
            Way::Canary
            | Way::BlueGreen
            | Way::OtherRollout
            | Way::Flagger
            | Way::DeploymentConfig => Action::Abort,
            Way::Experiment => Action::Terminate,
            Way::Deployment | Way::StatefulSet | Way::DaemonSet => Action::Rollback { to: None },
        };
        Some(Self {
            kind,
            why: own,
            since: since(case, kind).or(need.and_then(|need| need.since)),
            left: left(case),
            refuse,
        })
    }

    /// How it does against a limit.
    #[must_use]
    pub fn urgency(&self, limit: Duration, now: Timestamp) -> Urgency {
        match self.since.map(|since| age(since, now)) {
            None => Urgency::Unknown,
            Some(waited) if waited >= limit => Urgency::Over,
            Some(waited) if waited >= limit / 2 => Urgency::Soon,
            Some(_) => Urgency::Waits,
        }
    }
}

/// One of the webhooks that are asked now asks a gate that we can turn.
fn is_manual(case: Case<'_>) -> bool {
    case.workload
        .flagger()
        .is_some_and(|flagger| !flagger_gates::gates(flagger_gates::asked(flagger)).is_empty())
}

fn kind(case: Case<'_>, need: Option<&Need>) -> Option<GateKind> {
    if let Some(flagger) = case.workload.flagger() {
        return match flagger.status.phase {
            phase if flagger.spec.suspend && phase.is_running() => Some(GateKind::Hand),
            Phase::Waiting => Some(GateKind::Start),
            Phase::WaitingPromotion => Some(GateKind::Promotion),
            Phase::Progressing => {
                need.filter(|need| need.kind == NeedKind::Approval).map(|_| GateKind::Traffic)
            }
            Phase::Unknown
            | Phase::Initializing
            | Phase::Initialized
            | Phase::Promoting
            | Phase::Finalising
            | Phase::Succeeded
            | Phase::Failed
            | Phase::Terminating
            | Phase::Terminated => None,
        };
    }
    if case.hand_paused() {
        return Some(GateKind::Hand);
    }
    if !Case::awaits_human(case) {
        return None;
    }
    let inconclusive = [PAUSE_INCONCLUSIVE_RUN, PAUSE_INCONCLUSIVE_EXPERIMENT];
    if inconclusive.into_iter().any(|reason| case.waits_for(reason)) {
        return Some(GateKind::Inconclusive);
    }
    Some(if case.waits_for(PAUSE_BLUE_GREEN) { GateKind::Switch } else { GateKind::Step })
}

/// What it waits for, where nothing else tells it.
fn words(case: Case<'_>, kind: GateKind) -> Text {
    match kind {
        GateKind::Step => {
            let step = case.step().map_or(0, |(index, _)| index + 1);
            Text::clean(&format!("waits for a yes at step {step} of {}", case.step_count()))
        }
        GateKind::Switch => Text::clean("waits for a yes before the switch"),
        GateKind::Inconclusive => Text::clean("an analysis came to no answer"),
        GateKind::Start => Text::clean("waits for a yes before the start"),
        GateKind::Traffic => Text::clean("waits for a yes before more traffic"),
        GateKind::Promotion => Text::clean("waits for a yes before the promotion"),
        GateKind::Hand => Text::clean("paused by hand"),
    }
}

fn since(case: Case<'_>, kind: GateKind) -> Option<Timestamp> {
    let reasons: &[&str] = match kind {
        GateKind::Step => &[PAUSE_STEP],
        GateKind::Switch => &[PAUSE_BLUE_GREEN],
        GateKind::Inconclusive => &[PAUSE_INCONCLUSIVE_RUN, PAUSE_INCONCLUSIVE_EXPERIMENT],
        GateKind::Start | GateKind::Traffic | GateKind::Promotion | GateKind::Hand => return None,
    };
    let pauses = case.pauses().iter();
    let mut ours = pauses.filter(|pause| reasons.contains(&pause.reason.as_str()));
    ours.find_map(|pause| pause.since)
}

/// The steps after the running one.
fn left(case: Case<'_>) -> Vec<Text> {
    let Some(rollout) = case.rollout() else { return Vec::new() };
    let next = usize::try_from(case.next_index()).unwrap_or(usize::MAX);
    rollout.spec.steps.iter().skip(next).map(steps::label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::need::{self, Context};
    use crate::analysis::rollout_status;
    use crate::domain::fixtures::{Make, at, blue_green, canary, deployment};

    fn gate(made: &Make) -> Option<Gate> {
        let status = rollout_status::status(&made.0);
        let context = Context { detail: None, failing: None, now: at(1_000) };
        let need = need::need(&made.0, &status, &context);
        Gate::of(&made.0, need.as_ref())
    }

    #[test]
    fn yes_and_no_mean_what_the_gate_is() {
        for (made, kind, approve, refuse) in [
            (canary(), GateKind::Step, Action::Promote, Action::Abort),
            (blue_green(), GateKind::Switch, Action::Promote, Action::Abort),
            (
                canary().waiting(&["InconclusiveAnalysisRun"]),
                GateKind::Inconclusive,
                Action::Promote,
                Action::Abort,
            ),
            (canary().hand_paused(), GateKind::Hand, Action::Resume, Action::Abort),
            (
                deployment().hand_paused(),
                GateKind::Hand,
                Action::Resume,
                Action::Rollback { to: None },
            ),
        ] {
            let gate = gate(&made).unwrap();
            assert_eq!((gate.kind, gate.kind.approve(), gate.refuse), (kind, approve, refuse));
        }
    }

    #[test]
    fn what_goes_on_by_itself_is_no_gate() {
        for made in [canary().at_step(4), canary().settled(), deployment()] {
            assert_eq!(gate(&made), None);
        }
    }

    #[test]
    fn the_plan_after_a_yes_is_told() {
        let gate = gate(&canary()).unwrap();
        let left: Vec<&str> = gate.left.iter().map(Text::as_str).collect();
        assert_eq!(left, ["setWeight: 50", "analysis", "pause: 10s", "setWeight: 80"]);
    }

    #[test]
    fn a_gate_grows_urgent_with_its_age() {
        let gate = gate(&canary()).unwrap();
        assert_eq!(gate.since, Some(at(900)));
        let of = |second: u64| gate.urgency(Duration::from_mins(30), at(second));
        assert_eq!(of(960), Urgency::Waits);
        assert_eq!(of(900 + 15 * 60), Urgency::Soon);
        assert_eq!(of(900 + 30 * 60), Urgency::Over);
        let blind = Gate { since: None, ..gate };
        assert_eq!(blind.urgency(LIMIT, at(1_000)), Urgency::Unknown);
    }
}
