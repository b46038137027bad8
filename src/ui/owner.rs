//! Who else will act on a rollout: the owner with its state, what it will do about a change, and where the way back is
//! that lasts.

use crate::analysis::owner_status::{self, Field, ReactionKind};
use crate::analysis::part_status;
use crate::app::fleet::Row;
use crate::domain::observed::Timestamp;
use crate::domain::owner::{Owner, OwnerObject, OwnerState};
use crate::domain::part::Part;
use crate::domain::text::Text;

use super::answer;
use super::format::{self, Keep};
use super::ink::Words;
use super::marks::Mark;
use super::sections::heading;
use super::summary;
use super::theme::Role;

/// The section of the rollout's screen.
#[must_use]
pub fn section(row: &Row, now: Timestamp, cells: usize) -> Vec<Words> {
    let Some(owner) = &row.workload.owner else { return Vec::new() };
    let mut lines = vec![heading("OWNER", "seen here; acting on it comes later")];
    let mut name = Words::of(Role::Text, format!("   {}", owner_status::title(owner)));
    match &owner.state {
        OwnerState::Known(object) => {
            if object.part.target.cluster != row.workload.target.cluster {
                name.push(Role::Muted, format!(" on {}", object.part.target.cluster));
            }
            name = name.and(Role::Text, "  ").then(standing(&object.part));
        }
        OwnerState::Unknown(why) => {
            name = name.and(Role::Unknown, format!("  {} {why}", Mark::Unknown.sign()));
        }
        OwnerState::Unasked => {}
    }
    lines.push(name.cut(cells, Keep::Start));
    lines.extend(owner.object().into_iter().flat_map(|object| details(object, now, cells)));
    let reaction = owner_status::reaction(owner, &row.workload.target, Field::Template);
    let role = if reaction.kind <= ReactionKind::AtInterval { Role::Warning } else { Role::Text };
    lines.extend(answer::sentence("reverts", reaction.words.as_str(), role, cells));
    if let Some(lasting) = owner_status::lasting(owner) {
        lines.extend(answer::sentence("lasting", lasting.words.as_str(), Role::Text, cells));
    }
    lines
}

/// What its object tells beside its state.
fn details(object: &OwnerObject, now: Timestamp, cells: usize) -> Vec<Words> {
    let mut lines = Vec::new();
    if let Some((since, why)) = &object.stale {
        let words = format!(
            "{} not followed since {}: {why}",
            Mark::Stale.sign(),
            format::moment(*since, now)
        );
        lines.extend(answer::sentence("old", &words, Role::Stale, cells));
    }
    let said = part_status::status(&object.part).message;
    if let Some(message) = said.filter(|message| !message.is_empty()) {
        lines.extend(answer::sentence("says", message.as_str(), Role::Muted, cells));
    }
    if let Some(deployed) = owner_status::deployed(object) {
        let by = deployed.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        let at = deployed.at.map(|at| format!("  {} ago", format::since(Some(at), now)));
        let words = format!("{}{by}{}", deployed.revision, at.unwrap_or_default());
        lines.extend(answer::sentence("deployed", &words, Role::Muted, cells));
    }
    if let Some((project, stage)) = object.application().and_then(|it| it.stage.as_ref()) {
        let words = object
            .stage
            .as_ref()
            .map_or_else(|| Words::of(Role::Unknown, "not known"), |part| standing(part));
        let name = Words::of(Role::Text, format!("stage {project}/{stage}  ")).then(words);
        lines.push(answer::labelled("Kargo", name).cut(cells, Keep::Start));
    }
    lines
}

/// Its sync, health and habit: `Synced · ✓ Healthy · self-heal`.
#[must_use]
pub fn standing(part: &Part) -> Words {
    let status = part_status::status(part);
    let said = summary::health(status.health);
    let mut words = Words::new();
    if let Some(phase) = &status.phase {
        let role = if phase.as_str() == "OutOfSync" { Role::Warning } else { Role::Text };
        words = words.and(role, phase.to_string()).and(Role::Muted, " · ");
    }
    words = words.and(said.role, format!("{} {}", said.mark.sign(), status.health.name()));
    match owner_status::habit(part) {
        Some(habit) => words.and(Role::Muted, " · ").and(Role::Text, habit),
        None => words,
    }
}

/// The owner in a few words: `Argo CD orders OutOfSync, self-heal`.
#[must_use]
pub fn short(owner: &Owner) -> String {
    let name = answer::owned(owner);
    let Some(object) = owner.object() else { return name };
    let status = part_status::status(&object.part);
    let phase = status.phase.as_ref().map(Text::to_string);
    let words: Vec<String> =
        phase.into_iter().chain(owner_status::habit(&object.part).map(str::to_owned)).collect();
    format!("{name} {}", words.join(", "))
}
