//! The answer for the selected rollout: what it is, what the metrics say, *why* it needs a human, *what* one can do and
//! what that would cause. The lower part of the fleet, and the head of the rollout screen.

use crate::analysis::need::{Group, NeedKind};
use crate::analysis::owner_status::{self, Field, ReactionKind};
use crate::analysis::steps;
use crate::app::event::{Command, Screen};
use crate::app::fleet::Row;
use crate::app::keymap::KeyContext;
use crate::app::state::{Mode, State};
use crate::control::action::Action;
use crate::control::give_up::GIVEN_UP;
use crate::control::order::{Order, OrderState, Outcome};
use crate::control::order_machine::came_late;
use crate::control::plan::{PlanContext, plan, possible};
use crate::domain::ids::OrderId;
use crate::domain::observed::Timestamp;
use crate::domain::owner::{Owner, OwnerTool};
use crate::domain::text::Text;
use crate::domain::workload::Build;

use super::format::{self, Keep};
use super::hints;
use super::ink::Words;
use super::readings;
use super::summary;
use super::theme::Role;

/// Lines that *why* and *do* may take each.
const SENTENCE_LINES: usize = 2;

/// The whole answer, with a rule above it.
#[must_use]
pub fn lines(state: &State, cells: usize) -> Vec<Words> {
    let Some(row) = state.selected() else { return Vec::new() };
    let mut lines = vec![Words::of(Role::Border, "─".repeat(cells))];
    lines.push(title(row, cells));
    lines.extend(readings::lines(state, row, cells));
    lines.push(labelled("pods", pods(row)).cut(cells, Keep::Start));
    lines.extend(order(state, row, cells));
    lines.extend(why(row, state.now(), cells));
    lines.extend(what_to_do(state, row, cells));
    lines
}

/// The answer without its evidence: the head of the rollout screen.
#[must_use]
pub fn head(state: &State, row: &Row, cells: usize) -> Vec<Words> {
    let said = summary::state(row, state.orders().latest(&row.workload.target), state.now());
    let since = format::since(summary::since(row), state.now());
    let words = said.words().and(Role::Muted, format!(" {since} · {}", summary::progress(row)));
    let mut lines = vec![title(row, cells), labelled("state", words).cut(cells, Keep::Start)];
    lines.extend(order(state, row, cells));
    lines.extend(why(row, state.now(), cells));
    lines.extend(what_to_do(state, row, cells));
    lines
}

/// The evidence without curves, where there is no room for them or none have come.
#[must_use]
pub fn evidence(state: &State, row: &Row, cells: usize) -> Vec<Words> {
    let metrics = readings::lines(state, row, cells);
    if metrics.is_empty() {
        return metrics;
    }
    std::iter::once(Words::of(Role::Heading, " METRICS")).chain(metrics).collect()
}

/// Cells of the labels at the left.
pub(super) const LABEL: usize = 11;

pub(super) fn labelled(label: &str, words: Words) -> Words {
    Words::of(Role::Heading, format!(" {label}")).to(LABEL).then(words)
}

/// A sentence beside its label, broken over as many lines as it may take.
#[must_use]
pub fn sentence(label: &str, text: &str, role: Role, cells: usize) -> Vec<Words> {
    let room = cells.saturating_sub(LABEL + 1);
    format::wrap(text, room, SENTENCE_LINES, super::ink::CUT)
        .into_iter()
        .enumerate()
        .map(|(index, line)| {
            let label = if index == 0 { label } else { "" };
            labelled(label, Words::of(role, line))
        })
        .collect()
}

/// `payments/api · eu   canary 1.43.0 against stable 1.42.7      dana · 3f2a91c · build 1234`.
#[must_use]
pub fn title(row: &Row, cells: usize) -> Words {
    let workload = &row.workload;
    let target = &workload.target;
    let mut left = Words::of(Role::Text, " ")
        .and(Role::Selection, target.to_string())
        .and(Role::Muted, format!(" · {}", target.cluster));
    let versions = summary::versions(workload);
    let digest = |set: Option<&crate::domain::workload::ReplicaSet>| {
        let image = set?.images.iter().find_map(|image| image.digest.as_ref())?;
        Some(format!(" {}", format::digest_short(image)))
    };
    let canary = steps::canary(workload);
    let (fresh, proven) = summary::sides(workload.strategy);
    left = match (&versions.canary, &versions.stable) {
        (Some(new), old) => {
            let words = left
                .and(Role::Canary, format!("   {fresh} {new}"))
                .and(Role::Muted, digest(canary).unwrap_or_default());
            match old {
                Some(old) => words
                    .and(Role::Muted, "  against ")
                    .and(Role::Stable, format!("{proven} {old}")),
                None => words.and(Role::Muted, "  first version"),
            }
        }
        (None, Some(only)) => left.and(Role::Stable, format!("   {only}")),
        (None, None) => left,
    };
    let build = canary.map_or(&workload.build, |set| &set.build);
    let right = Words::of(Role::Muted, format!("{} ", provenance(build, workload.owner.as_ref())));
    if left.width() + right.width() + 2 > cells {
        left.cut(cells, Keep::Start)
    } else {
        left.apart(right, cells)
    }
}

/// Who made the version and who owns the object: `dana · 3f2a91c · build 1234 · argocd payments`.
#[must_use]
pub fn provenance(build: &Build, owner: Option<&Owner>) -> String {
    let commit = build.commit.as_ref().map(|commit| commit.as_str().chars().take(8).collect());
    let parts: Vec<String> = [
        build.author.as_ref().map(Text::to_string),
        commit,
        build.build.as_ref().map(|build| format!("build {build}")),
        owner.map(super::owner::short),
    ]
    .into_iter()
    .flatten()
    .collect();
    parts.join(" · ")
}

/// The owner, in words.
#[must_use]
pub fn owned(owner: &Owner) -> String {
    let tool = match owner.tool {
        OwnerTool::ArgoCd => "Argo CD",
        OwnerTool::FluxKustomization => "Flux",
        OwnerTool::FluxHelmRelease => "Flux Helm",
        OwnerTool::Helm => "Helm",
        OwnerTool::Controller => "owned by",
    };
    format!("{tool} {}", owner.name)
}

/// How many pods there are, and how often they restarted.
fn pods(row: &Row) -> Words {
    let workload = &row.workload;
    let counts = workload.replicas;
    let canary = steps::canary(workload);
    let (fresh, proven) = summary::sides(workload.strategy);
    let known = format::known;
    let set = |set: &crate::domain::workload::ReplicaSet| {
        format!("{}/{}", known(set.replicas.ready), known(set.replicas.desired))
    };
    let mut words = match (canary, steps::stable(workload)) {
        (Some(new), Some(old)) => Words::of(Role::Canary, format!("{fresh} {}", set(new)))
            .and(Role::Muted, " ready, ")
            .and(Role::Stable, format!("{proven} {}", set(old)))
            .and(Role::Muted, " ready"),
        (Some(new), None) => Words::of(Role::Canary, format!("{} ready", set(new))),
        (None, _) => Words::of(
            Role::Text,
            format!("{}/{} ready", known(counts.ready), known(counts.desired)),
        ),
    };
    if let Some(detail) = &row.detail {
        let restarts: u32 = detail.pods.iter().map(|pod| pod.restarts).sum();
        let role = if restarts > 0 { Role::Warning } else { Role::Muted };
        words = words.and(role, format!(" · {restarts} restarts"));
        for missing in detail.missing.iter().take(1) {
            words = words.and(Role::Warning, format!(" · ▲ {missing}"));
        }
    }
    words
}

/// The newest deed on this rollout, while it is on its way and when it ended otherwise than hoped.
fn order(state: &State, row: &Row, cells: usize) -> Vec<Words> {
    let Some(order) = state.orders().latest(&row.workload.target) else { return Vec::new() };
    if let Some(before) = state.orders().turn_after(order.id()) {
        let text = format!("{} waits its turn after {}", order.plan.action, before.plan.target);
        return sentence("deed", &text, Role::Waiting, cells);
    }
    let late = || format!("✓ {} arrived, later than it was waited for", order.plan.action);
    let late = came_late(order, &row.workload).then(|| (Role::Good, late()));
    let told = late.or_else(|| order_words(order));
    told.map(|(role, text)| sentence("deed", &text, role, cells)).unwrap_or_default()
}

/// How far a deed is, in one sentence; nothing before it was sent.
#[must_use]
pub fn order_words(order: &Order) -> Option<(Role, String)> {
    let deed = order.plan.action;
    let waiting = || order.waiting_for.as_ref().map(|what| format!(": {what}")).unwrap_or_default();
    match &order.state {
        OrderState::Rehearsing | OrderState::Rehearsed(_) | OrderState::RehearsalFailed(_) => None,
        OrderState::Sending => Some((Role::Focus, format!("{deed} is being sent"))),
        OrderState::Converging => {
            Some((Role::Focus, format!("{deed} was accepted, not yet seen to arrive{}", waiting())))
        }
        OrderState::Unknown { why, .. } => Some((
            Role::Danger,
            format!(
                "{deed} got no answer ({why}): it may have happened; the watch will tell, nothing is sent again"
            ),
        )),
        OrderState::Ended(outcome) => ended(&deed.to_string(), outcome),
    }
}

fn ended(deed: &str, outcome: &Outcome) -> Option<(Role, String)> {
    Some(match outcome {
        Outcome::Arrived => (Role::Good, format!("✓ {deed} arrived")),
        Outcome::Accepted => (Role::Muted, format!("{deed} was accepted and not followed")),
        Outcome::Refused(refusals) => {
            let why = refusals
                .first()
                .map_or(String::new(), |one| format!(": {}; {}", one.why, one.remedy));
            (Role::Warning, format!("{deed} was refused{why}"))
        }
        Outcome::Failed(why) => (Role::Danger, format!("✗ {deed} failed: {why}")),
        Outcome::HalfDone(why) => (Role::Danger, format!("✗ {deed} is half done: {why}")),
        Outcome::Stalled(why) => (Role::Danger, format!("▲ {deed} stalled: {why}")),
        Outcome::Superseded(why) => (Role::Warning, format!("{deed} was overtaken: {why}")),
        Outcome::Unknown(why) => {
            (Role::Danger, format!("▲ {deed}: nobody can tell whether it happened: {why}"))
        }
        Outcome::NotSent(why) if why.as_str() == GIVEN_UP => return None,
        // After a yes: whoever looked away must not believe that it happened.
        Outcome::NotSent(why) => (Role::Warning, format!("▲ {deed} was not sent: {why}")),
    })
}

fn why(row: &Row, now: Timestamp, cells: usize) -> Vec<Words> {
    let (role, text) = match &row.need {
        Some(need) => (Role::Text, need.why.to_string()),
        None => (Role::Muted, summary::why(row, now).text()),
    };
    let text = super::bounds::with_reason(text, row, now);
    sentence("why", &text, role, cells)
}

/// Deeds that fit the need, the best first.
#[must_use]
pub fn fitting(row: &Row) -> Vec<Action> {
    let rollback = Action::Rollback { to: None };
    let wanted: &[Action] = match row.need.as_ref().map(|need| need.kind) {
        Some(NeedKind::NotAborted) => &[Action::Abort, Action::Resume, rollback],
        Some(NeedKind::Failing) => &[Action::Abort, Action::Pause, rollback],
        Some(NeedKind::Degraded) => &[rollback, Action::Retry, Action::Abort],
        Some(NeedKind::Stuck) => &[Action::Abort, rollback, Action::Pause],
        Some(NeedKind::Inconclusive | NeedKind::Approval) => {
            &[Action::Promote, Action::Resume, Action::Abort]
        }
        None if row.workload.experiment().is_some() => &[Action::Terminate],
        None if row.group == Group::Moving => &[Action::Pause, Action::Abort, Action::Promote],
        None => &[rollback, Action::Restart],
    };
    let is_possible = |action: &&Action| possible(**action, &row.workload).is_ok();
    wanted.iter().filter(is_possible).copied().collect()
}

/// What one can do: the best deed with what it would cause, then the others by name.
fn what_to_do(state: &State, row: &Row, cells: usize) -> Vec<Words> {
    if state.session().mode == Mode::ReadOnly {
        return vec![labelled(
            "do",
            Words::of(Role::ReadOnly, "nothing: this session is read-only"),
        )];
    }
    if state.focus().screen == Screen::Fleet && !state.focus().list.marked.is_empty() {
        return vec![labelled("do", marked(state)).cut(cells, Keep::Start)];
    }
    let deeds = fitting(row);
    let Some(best) = deeds.first() else {
        let why = "nothing is possible now · ? keys, : commands";
        return vec![labelled("do", Words::of(Role::Muted, why))];
    };
    let context = KeyContext::of_screen(state.focus().screen);
    let key = |action: Action| hints::key_of(state.keymap(), context, &Command::Deed(action));
    let named = |action: Action| {
        let words =
            key(action).map_or_else(Words::new, |key| Words::of(Role::Key, format!("{key} ")));
        words.and(Role::Text, summary::deed_title(action, Some(row)))
    };
    let effect = effect(state, row, *best).map_or_else(String::new, |effect| format!("→ {effect}"));
    let head = named(*best);
    let room = cells.saturating_sub(LABEL + 2 + head.width());
    let mut lines = Vec::new();
    for line in format::wrap(&effect, room, SENTENCE_LINES, super::ink::CUT) {
        let line = Words::of(Role::Text, line);
        let is_first = lines.is_empty();
        let label = if is_first { "do" } else { "" };
        let beside = if is_first { head.clone() } else { Words::new() };
        lines.push(labelled(label, beside.to(head.width() + 1).then(line)));
    }
    if lines.is_empty() {
        lines.push(labelled("do", head));
    }
    let mut others = Words::new();
    for action in deeds.into_iter().skip(1) {
        let gap = if others.is_empty() { "" } else { " · " };
        others = others.and(Role::Muted, gap).then(named(action));
        others.push(Role::Muted, owner_note(row, action));
    }
    if !others.is_empty() {
        let others = Words::of(Role::Muted, "or ").then(others);
        lines.push(labelled("", others).cut(cells, Keep::Start));
    }
    lines
}

/// While rows are marked, a deed is for these and not for the selected one.
fn marked(state: &State) -> Words {
    let key =
        |command| hints::key_of(state.keymap(), KeyContext::Fleet, command).unwrap_or_default();
    let count = format::count(state.focus().list.marked.len(), "marked row");
    Words::of(Role::Focus, format!("the next deed is for the {count}"))
        .and(Role::Muted, " · ")
        .and(Role::Key, key(&Command::Mark))
        .and(Role::Muted, " marks · ")
        .and(Role::Key, key(&Command::Back))
        .and(Role::Muted, " forgets all marks")
}

fn owner_note(row: &Row, action: Action) -> String {
    match (&row.workload.owner, action) {
        (Some(owner), Action::Rollback { .. }) => {
            match owner_status::reaction(owner, &row.workload.target, Field::Template).kind {
                ReactionKind::Soon | ReactionKind::AtInterval => {
                    format!(" ({} puts it back)", owned(owner))
                }
                ReactionKind::Unknown => format!(" ({} may revert it)", owned(owner)),
                ReactionKind::AtNextRelease | ReactionKind::Never => String::new(),
            }
        }
        _ => String::new(),
    }
}

/// What a deed would cause, in one sentence.
#[must_use]
pub fn effect(state: &State, row: &Row, action: Action) -> Option<String> {
    let mut context = PlanContext::new(state.now(), OrderId::new("none"), Text::default());
    context.detail = row.detail.as_ref();
    context.last_took = row.pace();
    let plan = plan(action, &row.workload, &context).ok()?;
    let about =
        plan.prediction.about.map(|about| format!(" · in about {}", format::exactly(about)));
    Some(format!("{}{}", plan.prediction.effect, about.unwrap_or_default()))
}
