//! The proof that a deed may go: only [`clear`] makes one, and one clearance carries one deed.

use std::time::Duration;

use super::action::Danger;
use super::check::{CheckId, Confirmation, Evidence, Finding, Refusal, Rehearsed, Rule, ask_all};
use super::plan::{Plan, ResolvedWrite};
use crate::domain::observed::{Timestamp, age};
use crate::domain::text::Text;

/// How long a clearance is good; afterwards the deed is cleared anew. Pause and abort have no limit.
pub const CLEARANCE_AGE_MAX: Duration = Duration::from_secs(5);

/// A deed that may go. It cannot be made elsewhere, cloned or used twice.
///
/// What it offers can be read:
///
/// ```
/// fn name(clearance: &pilothouse::control::clearance::Clearance) -> &str {
///     clearance.plan().id.as_str()
/// }
/// ```
///
/// It cannot be forged, because its fields are private:
///
/// ```compile_fail,E0451
/// fn forge(
///     plan: pilothouse::control::plan::Plan,
///     old: pilothouse::control::clearance::Clearance,
/// ) -> pilothouse::control::clearance::Clearance {
///     pilothouse::control::clearance::Clearance { plan, ..old }
/// }
/// ```
///
/// It cannot be cloned:
///
/// ```compile_fail,E0599
/// fn twice(
///     clearance: pilothouse::control::clearance::Clearance,
/// ) -> pilothouse::control::clearance::Clearance {
///     clearance.clone()
/// }
/// ```
///
/// And whoever carries it out uses it up:
///
/// ```compile_fail,E0382
/// fn twice<E: pilothouse::control::ports::Executor>(
///     executor: &E,
///     clearance: pilothouse::control::clearance::Clearance,
/// ) {
///     let _first = executor.execute(clearance, |_| {});
///     let _second = executor.execute(clearance, |_| {});
/// }
/// ```
#[derive(Debug, PartialEq)]
pub struct Clearance {
    plan: Plan,
    writes: Vec<ResolvedWrite>,
    overrides: Vec<(CheckId, Text)>,
    shown: Vec<Text>,
    evidence: Text,
    cleared_at: Timestamp,
}

impl Clearance {
    /// What was cleared.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The writes, as shown to the operator. Empty when the rehearsal was not waited for (pause, abort):
    /// then the executor resolves the plan's own writes.
    #[must_use]
    pub fn writes(&self) -> &[ResolvedWrite] {
        &self.writes
    }

    /// Checks that the operator overrode, with the reasons.
    #[must_use]
    pub fn overrides(&self) -> &[(CheckId, Text)] {
        &self.overrides
    }

    /// What the checks found without stopping the deed (pause, abort): to be shown and recorded.
    #[must_use]
    pub fn shown(&self) -> &[Text] {
        &self.shown
    }

    /// What the operator saw, for the record.
    #[must_use]
    pub const fn evidence(&self) -> &Text {
        &self.evidence
    }

    /// When it was cleared.
    #[must_use]
    pub const fn cleared_at(&self) -> Timestamp {
        self.cleared_at
    }

    /// Whether it is still good.
    #[must_use]
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.plan.action.danger() == Danger::Safe || age(self.cleared_at, now) <= CLEARANCE_AGE_MAX
    }
}

/// Asks all checks at once.
///
/// # Errors
///
/// All refusals, never none.
pub fn clear(
    plan: &Plan,
    rehearsed: Rehearsed<'_>,
    evidence: &Evidence,
) -> Result<Clearance, Vec<Refusal>> {
    let mut refusals = Vec::new();
    let mut overrides = Vec::new();
    let mut shown = Vec::new();
    for finding in ask_all(plan, rehearsed, evidence) {
        match verdict(plan, &finding, evidence) {
            Rule::Refuses | Rule::RefusesUnlessOverridden => refusals.push(refusal(&finding)),
            Rule::Shows => {
                let why = Text::clean(&finding.why);
                if evidence.overrides.contains(&finding.found.check()) {
                    overrides.push((finding.found.check(), why.clone()));
                }
                shown.push(why);
            }
            Rule::NotAsked => {}
        }
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    Ok(Clearance {
        plan: plan.clone(),
        writes: match rehearsed {
            Rehearsed::Answered(rehearsal) => rehearsal.writes.clone(),
            Rehearsed::Failed(_) | Rehearsed::Silent => Vec::new(),
        },
        overrides,
        shown,
        evidence: evidence.seen.clone(),
        cleared_at: evidence.now,
    })
}

/// The table's rule, after the operator's override where the table allows one: by the typed name only.
fn verdict(plan: &Plan, finding: &Finding, evidence: &Evidence) -> Rule {
    let rule = finding.found.rule(plan.action);
    let typed = matches!(&evidence.confirmation,
        Confirmation::Typed(name) if name.as_str() == plan.target.name.as_str());
    let overridden = evidence.overrides.contains(&finding.found.check()) && typed;
    match rule {
        Rule::RefusesUnlessOverridden if overridden => Rule::Shows,
        Rule::Refuses | Rule::RefusesUnlessOverridden | Rule::Shows | Rule::NotAsked => rule,
    }
}

fn refusal(finding: &Finding) -> Refusal {
    Refusal::new(finding.found.check(), &finding.why, &finding.remedy)
}
