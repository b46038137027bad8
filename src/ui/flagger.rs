//! Flagger's Canary in place of the ladder: its weights or iterations, what it waits for and when it looks next, failed
//! checks, webhooks with the one that refuses, and what the route carries.

use crate::analysis::flagger_steps;
use crate::app::fleet::Row;
use crate::domain::flagger::{Flagger, Phase, Route, Webhook, WebhookKind};
use crate::domain::manual_gate::Asked;
use crate::domain::observed::{Timestamp, age};

use super::chart::bar;
use super::format::{self, Keep};
use super::ink::Words;
use super::theme::Role;

/// The column of what is said beside a step.
const NOTE: usize = 30;

/// The lines.
#[must_use]
pub(super) fn lines(row: &Row, flagger: &Flagger, now: Timestamp, cells: usize) -> Vec<Words> {
    let mut lines = vec![head(row, flagger)];
    lines.extend(rungs(row, flagger, now));
    lines.extend(tick(flagger, now));
    lines.push(checks(flagger));
    lines.extend(webhooks(flagger));
    lines.push(Words::new());
    lines.extend(traffic(row, flagger, cells));
    lines.into_iter().map(|line| line.cut(cells, Keep::Start)).collect()
}

fn head(row: &Row, flagger: &Flagger) -> Words {
    let analysis = &flagger.spec.analysis;
    let count = match analysis.iterations {
        Some(iterations) => format!("{iterations} iterations"),
        None => format!("{} weights", analysis.weights.len()),
    };
    let words = match &row.position {
        Some(position) if position.index >= position.count => "all done".to_owned(),
        Some(position) => format!("{} of {}", position.index + 1, position.count),
        None => format!("{count}, at rest"),
    };
    Words::of(Role::Heading, " STEPS").and(Role::Muted, format!("  {words}"))
}

fn rungs(row: &Row, flagger: &Flagger, now: Timestamp) -> Vec<Words> {
    let here = row.position.as_ref().map(|position| position.index);
    let count = row.position.as_ref().map_or_else(
        || u32::try_from(flagger.spec.analysis.weights.len()).unwrap_or(u32::MAX),
        |position| position.count,
    );
    let mut lines: Vec<Words> = (0..count.min(RUNGS_MAX))
        .map(|place| {
            let number = format!(" {:>2}  ", place + 1);
            let words = flagger_steps::label(flagger, place).as_str().to_owned();
            match here.map(|here| place.cmp(&here)) {
                Some(std::cmp::Ordering::Less) => {
                    Words::of(Role::Good, " ✓").and(Role::Muted, number).and(Role::Muted, words)
                }
                Some(std::cmp::Ordering::Equal) => Words::of(Role::Focus, " ▸")
                    .and(Role::Focus, number)
                    .and(Role::Text, words)
                    .to(NOTE)
                    .then(running(flagger, now)),
                Some(std::cmp::Ordering::Greater) | None => {
                    Words::of(Role::Muted, "  ").and(Role::Muted, number).and(Role::Muted, words)
                }
            }
        })
        .collect();
    if here.is_some_and(|here| here >= count) {
        let words = match flagger.status.phase {
            Phase::Finalising => "traffic goes back to the primary",
            Phase::Promoting
            | Phase::Unknown
            | Phase::Initializing
            | Phase::Initialized
            | Phase::Waiting
            | Phase::Progressing
            | Phase::WaitingPromotion
            | Phase::Succeeded
            | Phase::Failed
            | Phase::Terminating
            | Phase::Terminated => "the primary gets the new version",
        };
        lines.push(Words::of(Role::Focus, " ▸").and(Role::Moving, format!("     {words}")));
    }
    lines
}

/// Beyond these a ladder is no longer read step by step.
const RUNGS_MAX: u32 = 20;

/// What is said of the running step: who holds it since when.
fn running(flagger: &Flagger, now: Timestamp) -> Words {
    let since = format::since(flagger.status.last_transition, now);
    if flagger.spec.suspend {
        return Words::of(Role::Waiting, "‖ suspended by hand");
    }
    match flagger.status.phase {
        Phase::Waiting | Phase::WaitingPromotion => Words::of(Role::Waiting, "◷ waits for a yes"),
        Phase::Unknown
        | Phase::Initializing
        | Phase::Initialized
        | Phase::Progressing
        | Phase::Promoting
        | Phase::Finalising
        | Phase::Succeeded
        | Phase::Failed
        | Phase::Terminating
        | Phase::Terminated => Words::of(Role::Moving, format!("↑ since {since}")),
    }
}

fn line(label: &str, words: Words) -> Words {
    Words::of(Role::Muted, format!("   {label}")).to(14).then(words)
}

/// Every decision waits for the next tick.
fn tick(flagger: &Flagger, now: Timestamp) -> Option<Words> {
    if !flagger.status.phase.is_running() {
        return None;
    }
    let every = format::exactly(flagger_steps::tick(flagger));
    let words = match flagger_steps::next_tick(flagger, now) {
        Some(at) => Words::of(Role::Moving, format!("in {}", format::left(age(now, at))))
            .and(Role::Muted, format!("  every {every}")),
        None if flagger.spec.suspend => {
            Words::of(Role::Waiting, "none while suspended: no roll back either")
        }
        None => Words::of(Role::Unknown, format!("not known, every {every}")),
    };
    Some(line("next look", words))
}

fn checks(flagger: &Flagger) -> Words {
    let (failed, threshold) = (flagger.status.failed_checks, flagger.spec.analysis.threshold);
    let role = if failed == 0 { Role::Text } else { Role::Danger };
    let words =
        Words::of(role, format!("{failed}")).and(Role::Muted, format!(" of {threshold} failed"));
    let words = if flagger.spec.skip_analysis {
        words.and(Role::Waiting, "  skipAnalysis is on: nothing is judged")
    } else {
        words
    };
    line("checks", words)
}

/// Each webhook with when it is asked; the one that refuses stands out, with its address.
fn webhooks(flagger: &Flagger) -> Vec<Words> {
    let blocking: Vec<_> = flagger_steps::blocking(flagger).collect();
    let hooks = flagger.spec.analysis.webhooks.iter();
    hooks
        .map(|hook| {
            let refuses = !flagger.spec.suspend && blocking.contains(&hook);
            let name = hook.name.as_str().to_owned();
            let when = when(hook.kind);
            let words = if refuses {
                Words::of(Role::Waiting, format!("◷ {name}"))
                    .and(Role::Muted, format!("  {when}, refuses: {}", hook.url))
            } else {
                Words::of(Role::Text, name).and(Role::Muted, format!("  {when}"))
            };
            let words = words.and(Role::Muted, turned(hook));
            line("webhook", words)
        })
        .collect()
}

/// Who can say yes there.
fn turned(hook: &Webhook) -> &'static str {
    let is_asked_for_leave = matches!(
        hook.kind,
        WebhookKind::ConfirmRollout
            | WebhookKind::ConfirmTrafficIncrease
            | WebhookKind::ConfirmPromotion
    );
    match Asked::at(hook.url.as_str()) {
        _ if !is_asked_for_leave => "",
        Asked::Gate(_) => "  approve opens it",
        Asked::AlwaysYes => "  always says yes",
        Asked::AlwaysNo => "  always says no",
        Asked::Other(_) => "  not ours to open",
    }
}

const fn when(kind: WebhookKind) -> &'static str {
    match kind {
        WebhookKind::ConfirmRollout => "before the start",
        WebhookKind::PreRollout => "before the first traffic",
        WebhookKind::Rollout => "with every look",
        WebhookKind::ConfirmTrafficIncrease => "before each weight",
        WebhookKind::ConfirmPromotion => "before the promotion",
        WebhookKind::PostRollout => "after the end",
        WebhookKind::Rollback => "its yes rolls back",
        WebhookKind::Event => "is told of events",
        WebhookKind::Unknown => "of a kind we do not know",
    }
}

/// What weights say that do not add up.
fn odd_total(route: &Route) -> String {
    match route.total {
        100 => String::new(),
        0 => ": both weights are 0, nobody is served".to_owned(),
        total => format!(": its weights add up to {total}"),
    }
}

/// Desired against actual weight, and by whose word.
fn traffic(row: &Row, flagger: &Flagger, cells: usize) -> Vec<Words> {
    let weight = row.weight;
    if flagger_steps::has_no_mesh(flagger) {
        let words = Words::of(Role::Heading, " WEIGHT")
            .and(Role::Muted, "  without a mesh users stay on the primary");
        return vec![words];
    }
    let percent = |weight: Option<u32>| weight.map_or_else(|| "?".to_owned(), |w| format!("{w}%"));
    let by = match (&flagger.route, weight.desired) {
        (Some(route), _) => format!("by {} {}{}", route.kind, route.name, odd_total(route)),
        (None, Some(desired)) => {
            let why = flagger_steps::unread_provider(flagger);
            let why =
                why.unwrap_or_else(|| "its route is not there, or may not be read".to_owned());
            format!("≈ {desired}% wanted; {why}")
        }
        (None, None) => return Vec::new(),
    };
    let actual = weight.actual.or(flagger.route.as_ref().map(|route| route.canary));
    let words = Words::of(Role::Heading, " WEIGHT")
        .and(Role::Muted, "  desired ")
        .and(Role::Text, percent(weight.desired))
        .and(Role::Muted, "  actual ")
        .and(Role::Canary, percent(actual))
        .and(Role::Muted, format!("  {by}"));
    let mut lines = vec![words];
    if let Some(actual) = actual {
        let share = |weight: u32| f64::from(weight) / 100.0;
        let bar = bar(share(actual), weight.desired.map(share), cells.saturating_sub(4).min(40));
        lines.push(Words::of(Role::Text, "   ").then(bar));
    }
    lines
}
