//! Where a roll back can go: every older revision that is left, and what is known of each.

use super::case::{Case, Way};
use super::target;
use crate::control::action::Action;
use crate::control::plan::PlanContext;
use crate::domain::detail::Detail;
use crate::domain::ids::Revision;
use crate::domain::workload::{ReplicaSet, Workload};

/// A revision that a roll back can go to.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate<'a> {
    /// Its number.
    pub revision: Revision,
    /// Its ReplicaSet.
    pub set: &'a ReplicaSet,
    /// What is known of it.
    pub standing: Standing,
    /// The one that is chosen when none is named.
    pub is_default: bool,
}

/// What is known of a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is the stable one now.
    Stable,
    /// It was once fully promoted.
    Promoted,
    /// It was aborted, or an analysis of it failed.
    Failed,
    /// Nothing tells.
    Unknown,
    /// Its kind has no promotion, and keeps no word of how it did.
    Older,
}

impl Standing {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Stable => "the stable one",
            Self::Promoted => "was fully promoted",
            Self::Failed => "was aborted or failed its analysis",
            Self::Unknown => "not known whether it was ever promoted",
            Self::Older => "an older revision",
        }
    }
}

/// The candidates, newest first.
#[must_use]
pub fn candidates<'a>(workload: &'a Workload, context: &PlanContext<'_>) -> Vec<Candidate<'a>> {
    let case = Case::of(workload);
    let chosen = target::choose(case, Action::Rollback { to: None }, Some(context)).ok();
    let chosen = chosen.and_then(|target| target.set.revision);
    let mut all: Vec<Candidate<'a>> = workload
        .revisions
        .iter()
        .filter(|set| set.hash.is_some() && set.hash.as_ref() != case.current())
        .filter_map(|set| {
            let revision = set.revision?;
            let standing = standing(case, set, context.detail);
            Some(Candidate { revision, set, standing, is_default: Some(revision) == chosen })
        })
        .collect();
    all.sort_by_key(|candidate| std::cmp::Reverse(candidate.revision));
    all
}

fn standing(case: Case<'_>, set: &ReplicaSet, detail: Option<&Detail>) -> Standing {
    if matches!(case.way(), Way::Deployment | Way::StatefulSet | Way::DaemonSet) {
        return Standing::Older;
    }
    if set.hash.as_ref() == case.stable() {
        return Standing::Stable;
    }
    match target::promoted(case, set, detail) {
        Some(true) => Standing::Promoted,
        Some(false) => Standing::Failed,
        None => Standing::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::fixtures::context;
    use crate::domain::fixtures::{NEW, OLD, STABLE, canary, deployment, set};

    fn told(workload: &Workload) -> Vec<(u64, &'static str, bool)> {
        let all = candidates(workload, &context());
        all.iter().map(|it| (it.revision.0, it.standing.words(), it.is_default)).collect()
    }

    #[test]
    fn every_other_revision_is_a_candidate_and_the_rule_names_one() {
        assert_eq!(
            told(&canary().0),
            [(7, "the stable one", true), (6, "not known whether it was ever promoted", false),]
        );
    }

    #[test]
    fn a_newer_revision_can_be_released_again() {
        let back =
            canary().sets(vec![set(9, "rs9", 90, 0), set(8, NEW, 80, 1), set(7, STABLE, 70, 4)]).0;
        assert_eq!(told(&back).first().map(|it| it.0), Some(9));
    }

    #[test]
    fn nothing_tells_how_a_revision_of_a_deployment_did() {
        let made = deployment().sets(vec![set(8, NEW, 80, 4), set(6, OLD, 60, 0)]).0;
        assert_eq!(told(&made), [(6, "an older revision", true)]);
    }
}
