//! What is said of one rollout in a few words, the same on every screen: its state, its progress, its versions.

use std::time::Duration;

use crate::analysis::experiment_status;
use crate::analysis::need::{Group, Need, NeedKind};
use crate::analysis::rollout_status::Health;
use crate::analysis::router_weight;
use crate::analysis::steps;
use crate::analysis::verdict::Answer;
use crate::app::fleet::Row;
use crate::app::sources::{Source, SourceState};
use crate::control::action::Action;
use crate::control::order::{Order, OrderState};
use crate::domain::ids::Name;
use crate::domain::observed::{Freshness, Timestamp, age};
use crate::domain::rollout::{RunPhase, Step};
use crate::domain::text::Text;
use crate::domain::workload::{Image, ReplicaSet, Strategy, Workload};

use super::experiment;
use super::format;
use super::ink::Words;
use super::marks::Mark;
use super::theme::Role;

/// A mark, its meaning and the word beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The mark.
    pub mark: Mark,
    /// What it means.
    pub role: Role,
    /// The word.
    pub word: String,
}

impl Said {
    fn new(mark: Mark, role: Role, word: impl Into<String>) -> Self {
        Self { mark, role, word: word.into() }
    }

    /// Mark and word.
    #[must_use]
    pub fn words(&self) -> Words {
        Words::of(self.role, self.mark.sign()).and(self.role, format!(" {}", self.word))
    }
}

/// The state of a row: a deed on its way, else why a human is needed, else what it is doing.
#[must_use]
pub fn state(row: &Row, order: Option<&Order>, now: Timestamp) -> Said {
    if let Some(said) = order.and_then(deed) {
        return said;
    }
    match (&row.need, row.group) {
        (Some(need), _) => needed(need),
        (None, Group::NeedsYou | Group::Moving) => moving(row, now),
        (None, Group::Steady) => health(row.status.health),
    }
}

/// A deed that is on its way, in a word.
fn deed(order: &Order) -> Option<Said> {
    match &order.state {
        OrderState::Sending | OrderState::Converging => {
            Some(Said::new(Mark::Deed, Role::Focus, format!("{} sent", order.plan.action)))
        }
        OrderState::Unknown { .. } => {
            Some(Said::new(Mark::Deed, Role::Danger, format!("{} unknown", order.plan.action)))
        }
        OrderState::Rehearsing
        | OrderState::Rehearsed(_)
        | OrderState::RehearsalFailed(_)
        | OrderState::Ended(_) => None,
    }
}

/// What a deed is called on this rollout: promote is *approve* where a human is awaited.
#[must_use]
pub fn deed_title(action: Action, row: Option<&Row>) -> &'static str {
    let need = row.and_then(|row| row.need.as_ref()).map(|need| need.kind);
    if action == Action::Promote && need == Some(NeedKind::Approval) {
        "approve"
    } else {
        action.title()
    }
}

/// Why a human is needed, in a word.
#[must_use]
pub fn needed(need: &Need) -> Said {
    match need.kind {
        NeedKind::NotAborted => Said::new(Mark::Bad, Role::Danger, "not aborted"),
        NeedKind::Failing => Said::new(Mark::Bad, Role::Danger, "failing"),
        NeedKind::Degraded => Said::new(Mark::Bad, Role::Danger, "degraded"),
        NeedKind::Stuck => Said::new(Mark::Bad, Role::Danger, "stuck"),
        NeedKind::Inconclusive => Said::new(Mark::Waits, Role::Waiting, "inconclusive"),
        NeedKind::Approval if need.why.as_str() == "paused by hand" => {
            Said::new(Mark::Paused, Role::Waiting, "paused")
        }
        NeedKind::Approval => Said::new(Mark::Waits, Role::Waiting, "approve"),
    }
}

fn moving(row: &Row, now: Timestamp) -> Said {
    let going = |word: String| Said::new(Mark::Moving, Role::Moving, word);
    if row.workload.rollout().is_some_and(|rollout| rollout.status.flags.abort) {
        return going("aborting".to_owned());
    }
    let experiment = row.workload.experiment();
    if let Some(ends) = goes_on_at(row).filter(|_| experiment.is_none_or(|it| !it.terminate)) {
        return going(format!("{} left", format::left(age(now, ends))));
    }
    if let Some(experiment) = experiment {
        return going(experiment::doing(experiment).to_owned());
    }
    let rollout = row.workload.rollout();
    if row.status.health == Health::Healthy
        && rollout.is_some_and(|it| it.restarting(now).is_some())
    {
        return going("restarting".to_owned());
    }
    let step = row.workload.rollout().and_then(steps::current_step).map(|(_, step)| step);
    match (row.workload.strategy, step) {
        (Strategy::Canary, Some(Step::Analysis(_))) => going("analysing".to_owned()),
        (
            Strategy::Canary
            | Strategy::BlueGreen
            | Strategy::AbTest
            | Strategy::OnDelete
            | Strategy::RollingUpdate
            | Strategy::Recreate
            | Strategy::Custom
            | Strategy::Unknown,
            _,
        ) if row.status.health == Health::Suspended => {
            Said::new(Mark::Paused, Role::Moving, "held")
        }
        (Strategy::Canary, _) => going("moving".to_owned()),
        (Strategy::BlueGreen, _) => going("switching".to_owned()),
        (Strategy::AbTest, _) => going("testing".to_owned()),
        (
            Strategy::RollingUpdate
            | Strategy::Recreate
            | Strategy::OnDelete
            | Strategy::Custom
            | Strategy::Unknown,
            _,
        ) => going("updating".to_owned()),
    }
}

/// When it goes on by itself: a timed pause, a blue-green that switches after a while.
#[must_use]
pub fn goes_on_at(row: &Row) -> Option<Timestamp> {
    if let Some(ends) = row.position.as_ref().and_then(|position| position.ends_at) {
        return Some(ends);
    }
    if let Some(experiment) = row.workload.experiment() {
        return experiment.ends_at();
    }
    let rollout = row.workload.rollout()?;
    let after = rollout.spec.blue_green.as_ref()?.auto_promotion_after?;
    let since = steps::pause(rollout, "BlueGreenPause")?.since?;
    if rollout.spec.paused { None } else { steps::after(since, after) }
}

/// Health in Argo CD's words.
#[must_use]
pub fn health(health: Health) -> Said {
    let (mark, role) = match health {
        Health::Healthy => (Mark::Good, Role::Good),
        Health::Progressing => (Mark::Moving, Role::Moving),
        Health::Suspended => (Mark::Paused, Role::Waiting),
        Health::Degraded => (Mark::Bad, Role::Danger),
        Health::Missing => (Mark::Stale, Role::Stale),
        Health::Unknown => (Mark::Unknown, Role::Unknown),
    };
    Said::new(mark, role, health.name().to_lowercase())
}

/// A verdict.
#[must_use]
pub fn verdict(answer: Answer) -> Said {
    let (mark, role) = match answer {
        Answer::Pass => (Mark::Done, Role::Good),
        Answer::Inconclusive => (Mark::Unknown, Role::Unknown),
        Answer::Fail => (Mark::Bad, Role::Danger),
    };
    Said::new(mark, role, answer.name())
}

/// Evidence is asked for every ten seconds; it is late when two answers are missing.
const EVIDENCE_LATE: Duration = Duration::from_secs(25);

/// How old the evidence is, once it is too old to speak for the present.
#[must_use]
pub fn evidence_age(row: &Row, now: Timestamp) -> Option<String> {
    let old = row.metrics.comparison.as_ref()?.age(now);
    (old >= EVIDENCE_LATE).then(|| format::source_age(Freshness::Stale(old))).flatten()
}

/// A verdict on the evidence of a row: one on old evidence is shown as what it was, and passes or fails nobody now.
#[must_use]
pub fn judged(row: &Row, answer: Answer, now: Timestamp) -> Words {
    match evidence_age(row, now) {
        None => verdict(answer).words(),
        Some(_) => Said::new(Mark::Stale, Role::Stale, answer.name()).words(),
    }
}

/// The phase of an analysis.
#[must_use]
pub fn run(phase: RunPhase) -> Said {
    let (mark, role) = match phase {
        RunPhase::Successful => (Mark::Done, Role::Good),
        RunPhase::Running => (Mark::Moving, Role::Moving),
        RunPhase::Pending => (Mark::Unknown, Role::Muted),
        RunPhase::Inconclusive => (Mark::Waits, Role::Waiting),
        RunPhase::Failed | RunPhase::Error => (Mark::Bad, Role::Danger),
        RunPhase::Unknown => (Mark::Unknown, Role::Unknown),
    };
    Said::new(mark, role, phase.name().to_lowercase())
}

/// A source: its mark, and the word and age that a source has which is not live.
#[must_use]
pub fn source(source: &Source, now: Timestamp) -> Said {
    let state = source.state(now);
    let (mark, role) = match state {
        SourceState::Live => (Mark::Good, Role::Good),
        SourceState::Connecting => (Mark::Unknown, Role::Unknown),
        SourceState::Degraded => (Mark::Warning, Role::Warning),
        SourceState::Stale => (Mark::Stale, Role::Stale),
        SourceState::Denied | SourceState::Down => (Mark::Bad, Role::Danger),
    };
    let old = format::source_age(source.freshness(now));
    let word = match (state, old) {
        (SourceState::Live, None) => String::new(),
        (SourceState::Live, Some(old)) => old,
        (state, Some(old)) => format!("{} {old}", state.name()),
        (state, None) => state.name().to_owned(),
    };
    Said::new(mark, role, word)
}

/// How it releases and how far it is: `canary 3/6`, `rolling 7/12`, `blue-green`.
#[must_use]
pub fn progress(row: &Row) -> String {
    let workload = &row.workload;
    let is_moving = row.group != Group::Steady;
    if let Some(facts) = workload.experiment() {
        return experiment::progress(workload, facts);
    }
    match (workload.strategy, &row.position) {
        (Strategy::Canary, Some(position)) if is_moving => {
            format!("canary {}/{}", (position.index + 1).min(position.count), position.count)
        }
        (Strategy::RollingUpdate, _) if is_moving => {
            let counts = workload.replicas;
            format!("rolling {}/{}", format::known(counts.updated), format::known(counts.desired))
        }
        (strategy, _) => strategy_name(strategy).to_owned(),
    }
}

/// How it releases.
#[must_use]
pub const fn strategy_name(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::Canary => "canary",
        Strategy::BlueGreen => "blue-green",
        Strategy::RollingUpdate => "rolling",
        Strategy::Recreate => "recreate",
        Strategy::Custom => "custom",
        Strategy::OnDelete => "on delete",
        Strategy::AbTest => "A/B test",
        Strategy::Unknown => "unknown",
    }
}

/// What the new and the proven version are called where it is released this way.
#[must_use]
pub const fn sides(strategy: Strategy) -> (&'static str, &'static str) {
    match strategy {
        Strategy::Canary => ("canary", "stable"),
        Strategy::BlueGreen | Strategy::AbTest | Strategy::Unknown => ("new", "stable"),
        Strategy::RollingUpdate | Strategy::Recreate | Strategy::Custom | Strategy::OnDelete => {
            ("new", "old")
        }
    }
}

/// The canary's share of the traffic: `20%`, and `18→20%` while it is not what the steps ask for; `25≠20%` where the
/// route gives one and the controller says the other.
#[must_use]
pub fn weight(row: &Row, now: Timestamp) -> String {
    if let Some((route, status)) = router_weight::differs(&row.workload, now) {
        return format!("{route}≠{status}%");
    }
    if row.group == Group::Steady || row.workload.strategy != Strategy::Canary {
        return String::new();
    }
    match (row.weight.actual, row.weight.desired) {
        (Some(actual), Some(desired)) if actual != desired => format!("{actual}→{desired}%"),
        (Some(weight), _) | (None, Some(weight)) => format!("{weight}%"),
        (None, None) => "?".to_owned(),
    }
}

/// What a step does, in a few words.
#[must_use]
pub fn step(step: &Step) -> String {
    match step {
        Step::SetWeight(weight) => format!("weight {weight}%"),
        Step::Pause(None) => "pause until promoted".to_owned(),
        Step::Pause(Some(duration)) => format!("pause {}", steps::spelled(*duration)),
        Step::Analysis(names) => {
            let names = names.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
            if names.is_empty() { "analysis".to_owned() } else { format!("analysis {names}") }
        }
        Step::Experiment => "experiment".to_owned(),
        Step::SetCanaryScale(what) => format!("canary scale {what}"),
        Step::SetHeaderRoute(name) => format!("header route {name}"),
        Step::SetMirrorRoute(name) => format!("mirror route {name}"),
        Step::Plugin(name) => format!("plugin {name}"),
        Step::Unknown => "unknown step".to_owned(),
    }
}

/// The versions of stable and of what is replacing it, as short as they can be told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// The proven one.
    pub stable: Option<String>,
    /// The new one, while there is one.
    pub canary: Option<String>,
}

impl Versions {
    /// `1.42.7 → 1.43.0`, or the one version there is.
    #[must_use]
    pub fn words(&self) -> Words {
        match (&self.stable, &self.canary) {
            (Some(stable), Some(canary)) => Words::of(Role::Stable, stable.clone())
                .and(Role::Muted, " → ")
                .and(Role::Canary, canary.clone()),
            (None, Some(canary)) => Words::of(Role::Canary, canary.clone()),
            (Some(stable), None) => Words::of(Role::Stable, stable.clone()),
            (None, None) => Words::new(),
        }
    }
}

/// The versions of a workload.
#[must_use]
pub fn versions(workload: &Workload) -> Versions {
    if let Some(facts) = workload.experiment() {
        return Versions { stable: experiment::tags(facts), canary: None };
    }
    let (canary, stable) = (steps::canary(workload), steps::stable(workload));
    let Some(canary) = canary else {
        let current = workload.current_hash().and_then(|hash| workload.revision_by_hash(hash));
        let only = stable.or(current).or_else(|| workload.revisions.first());
        return Versions { stable: only.map(|set| tag_of(set, None)), canary: None };
    };
    let Some(stable) = stable else {
        return Versions { stable: None, canary: Some(tag_of(canary, None)) };
    };
    let (old, new) = (tag_of(stable, Some(canary)), tag_of(canary, Some(stable)));
    if old != new {
        return Versions { stable: Some(old), canary: Some(new) };
    }
    // The same images: a change of settings. The numbers of the revisions tell them apart.
    Versions { stable: Some(revision(stable)), canary: Some(revision(canary)) }
}

/// A revision's number as people write it.
#[must_use]
pub fn revision(set: &ReplicaSet) -> String {
    match (&set.revision, &set.hash) {
        (Some(number), _) => format!("rev {number}"),
        (None, Some(hash)) => hash.to_string(),
        (None, None) => "rev ?".to_owned(),
    }
}

/// The tag of the image that differs from the other revision's, else of the first one.
#[must_use]
pub fn tag_of(set: &ReplicaSet, other: Option<&ReplicaSet>) -> String {
    let differs = |image: &&Image| {
        other.is_some_and(|other| !other.images.iter().any(|its| its.image == image.image))
    };
    let image = set.images.iter().find(differs).or_else(|| set.images.first());
    image.map_or_else(|| revision(set), tag)
}

/// The tag of an image, else the beginning of its digest, else its name.
#[must_use]
pub fn tag(image: &Image) -> String {
    let name = image.image.as_str();
    let (path, digest) = name.split_once('@').unwrap_or((name, ""));
    let last = path.rsplit('/').next().unwrap_or(path);
    match (last.split_once(':'), digest) {
        (Some((_, tag)), _) => tag.to_owned(),
        (None, "") => image.digest.as_ref().map_or_else(|| last.to_owned(), format::digest_short),
        (None, digest) => format::digest_short(&Text::clean(digest)),
    }
}

/// Why it is as it is: why a human is needed, else what the metrics and the controller say.
#[must_use]
pub fn why(row: &Row, now: Timestamp) -> Words {
    if let Some(need) = &row.need {
        return Words::of(Role::Text, need.why.as_str());
    }
    let mut words = Words::new();
    if row.group == Group::Moving
        && let Some(verdict) = &row.metrics.verdict
    {
        words = judged(row, verdict.answer, now);
        if let Some(old) = evidence_age(row, now) {
            words.push(Role::Stale, format!(" {old} old"));
        }
    }
    let step = row.workload.rollout().and_then(steps::current_step).map(|(_, found)| step(found));
    let message = row.status.message.as_ref().map(|message| short(message.as_str()).to_owned());
    let waits = || row.workload.experiment().and_then(experiment_status::waits_for);
    let detail = if row.group == Group::Moving { step.or_else(waits).or(message) } else { message };
    match detail {
        Some(detail) if words.is_empty() => Words::of(Role::Muted, detail),
        Some(detail) => words.and(Role::Muted, format!(" · {detail}")),
        None => words,
    }
}

/// kubectl's sentence about a Deployment without what the row says already.
fn short(message: &str) -> &str {
    message
        .split_once("rollout to finish: ")
        .map_or(message, |(_, rest)| rest.trim_end_matches('.'))
}

/// Since when: a need, else the newest revision.
#[must_use]
pub fn since(row: &Row) -> Option<Timestamp> {
    match (&row.need, row.workload.experiment()) {
        (Some(need), _) => need.since,
        (None, Some(facts)) => experiment::since(&row.workload, facts),
        (None, None) => row.workload.revisions.iter().filter_map(|set| set.created).max(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(image: &str, digest: Option<&str>) -> Image {
        let digest = digest.map(Text::clean);
        Image { container: Name::new("app"), image: Text::clean(image), digest }
    }

    #[test]
    fn a_tag_is_found_beside_ports_and_digests() {
        for (name, digest, want) in [
            ("registry:5000/shop/api:1.43.0", None, "1.43.0"),
            ("api:1.43.0@sha256:9f3c21ab77", None, "1.43.0"),
            ("registry:5000/shop/api@sha256:9f3c21ab77", None, "@9f3c21ab"),
            ("registry:5000/shop/api", Some("sha256:9f3c21ab77"), "@9f3c21ab"),
            ("api", None, "api"),
            ("", None, ""),
        ] {
            assert_eq!(tag(&image(name, digest)), want, "{name}");
        }
    }

    #[test]
    fn steps_are_told_in_a_few_words() {
        let minutes = |minutes| Some(std::time::Duration::from_mins(minutes));
        for (found, want) in [
            (Step::SetWeight(20), "weight 20%"),
            (Step::Pause(None), "pause until promoted"),
            (Step::Pause(minutes(5)), "pause 5m"),
            (Step::Analysis([Name::new("success-rate")].into()), "analysis success-rate"),
            (Step::Analysis([].into()), "analysis"),
        ] {
            assert_eq!(step(&found), want);
        }
    }
}
