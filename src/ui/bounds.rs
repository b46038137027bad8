//! The autoscaler and the budgets of a rollout's pods, a line each.

use crate::analysis::bounds as analysis;
use crate::analysis::need::Group;
use crate::analysis::router_weight;
use crate::app::fleet::Row;
use crate::domain::detail::Detail;
use crate::domain::observed::Timestamp;

use super::ink::Words;
use super::marks::Mark;
use super::theme::Role;

/// What a row is said to do, after a doubt about its weight; while it moves, with what bounds its pods (a need tells
/// that itself).
#[must_use]
pub fn with_reason(text: String, row: &Row, now: Timestamp) -> String {
    let waits = row.need.is_none() && row.group == Group::Moving;
    let detail = row.detail.as_ref().filter(|_| waits);
    let bound = detail.and_then(|it| analysis::reason(&row.workload, &it.bounds, now));
    let said = [router_weight::doubt(&row.workload, now), Some(text), bound];
    let said = said.into_iter().flatten().filter(|words| !words.is_empty());
    said.collect::<Vec<_>>().join("; ")
}

/// The lines below the heading of the pods.
#[must_use]
pub fn lines(detail: &Detail) -> Vec<Words> {
    let mut lines = Vec::new();
    let bounds = &detail.bounds;
    for scaler in bounds.autoscaler.iter().chain(&bounds.primary_autoscaler) {
        let mut line = Words::of(Role::Muted, format!("   autoscaler {}  ", scaler.name))
            .and(Role::Text, analysis::range(scaler));
        if let Some(trouble) = &scaler.trouble {
            line.push(Role::Warning, format!("  {} {trouble}", Mark::Warning.sign()));
        } else if scaler.is_at_its_maximum() {
            line.push(Role::Warning, format!("  {} at its maximum", Mark::Warning.sign()));
        }
        lines.push(line);
    }
    for budget in bounds.budgets.iter() {
        let (role, allowed) = match budget.allowed {
            Some(0) => (Role::Warning, "no eviction".to_owned()),
            Some(1) => (Role::Text, "1 eviction".to_owned()),
            Some(many) => (Role::Text, format!("{many} evictions")),
            None => (Role::Unknown, "? evictions".to_owned()),
        };
        let name = Words::of(Role::Muted, format!("   budget {}  allows ", budget.name));
        let healthy = format!("  ({})", analysis::healthy(budget));
        lines.push(name.and(role, allowed).and(Role::Muted, healthy));
    }
    if let Some(unread) = &bounds.unread {
        lines.push(Words::of(Role::Unknown, format!("   {} {unread}", Mark::Unknown.sign())));
    }
    lines
}
