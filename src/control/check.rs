//! Checks: the preconditions of ours. All are asked at once, and all refusals come back together, each with its remedy.
//! [`TABLE`] says which check stops which deed; the README and the help print it.

use super::action::{Action, Confirm, Danger};
use super::footing::Footing;
use super::plan::{AccessAnswer, DryRun, Plan, Rehearsal};
use crate::domain::feed::Trouble;
use crate::domain::observed::{DEED_AGE_MAX, Timestamp, age};
use crate::domain::text::Text;

/// The checks, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CheckId {
    /// `--read-only`.
    ReadOnly,
    /// The cluster is armed.
    Armed,
    /// The deed is possible in this state at all.
    Possible,
    /// The access review.
    Permission,
    /// The rehearsal.
    Rehearsal,
    /// Facts are at most 15 s old.
    Freshness,
    /// Nothing changed since the operator said yes.
    Footing,
    /// The intent can be recorded.
    Record,
    /// The name is one that Kubernetes allows, so that what is shown is what is sent.
    Identity,
    /// The operator confirmed it the way this deed asks for.
    Confirmed,
    /// The canary is not judged worse than stable.
    Evidence,
}

impl CheckId {
    /// The word in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::Armed => "armed",
            Self::Possible => "possible",
            Self::Permission => "permission",
            Self::Rehearsal => "rehearsal",
            Self::Freshness => "freshness",
            Self::Footing => "footing",
            Self::Record => "record",
            Self::Identity => "identity",
            Self::Confirmed => "confirmed",
            Self::Evidence => "evidence",
        }
    }
}

/// Why a deed may not go, and what would change that.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Which check.
    pub check: CheckId,
    /// Its reason, with the evidence.
    pub why: Text,
    /// What the operator can do.
    pub remedy: Text,
}

impl Refusal {
    /// A refusal teaches: there is none without a remedy.
    #[must_use]
    pub fn new(check: CheckId, why: &str, remedy: &str) -> Self {
        Self { check, why: Text::clean(why), remedy: Text::clean(remedy) }
    }
}

/// What a check that fails does to a deed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The deed is refused.
    Refuses,
    /// The deed is refused, unless the operator overrides it by typing the name.
    RefusesUnlessOverridden,
    /// It is shown, and the deed goes.
    Shows,
    /// It is not asked.
    NotAsked,
}

/// One finding of a check, as a row of the table.
#[derive(Clone, Copy, Debug)]
pub struct CheckRow {
    /// Which check.
    pub check: CheckId,
    /// What it found.
    pub found: Found,
    /// The finding in words.
    pub words: &'static str,
    /// What it does to pause and abort.
    pub safe: Rule,
    /// What it does to all other deeds.
    pub others: Rule,
}

/// What checks may find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Found {
    /// The program may only look.
    ReadOnly,
    /// The cluster is not armed.
    NotArmed,
    /// The access review says no.
    AccessDenied,
    /// The access review says nothing.
    AccessSilent,
    /// Nobody is logged in, or the object may not be read: the deed itself may still be allowed.
    ReadDenied,
    /// The dry run was refused, or the rehearsal failed.
    RehearsalFailed,
    /// No answer to the rehearsal yet.
    RehearsalSilent,
    /// A webhook on the way supports no dry run.
    DryRunUnsupported,
    /// The facts are too old.
    FactsOld,
    /// The footing changed.
    FootingChanged,
    /// The intent cannot be recorded.
    NotRecordable,
    /// A name is not one that Kubernetes allows.
    NotCanonical,
    /// It was confirmed in a way that does not do for this deed.
    NotConfirmed,
    /// The deed moves a canary on that is judged worse than stable.
    EvidenceAgainst,
}

/// The table of checks (`design/deeds.md`). A clearance that is older than 5 s is cleared anew, but for pause and abort:
/// [`Clearance::is_good`](super::clearance::Clearance::is_good).
pub const TABLE: &[CheckRow] = &[
    row(Found::ReadOnly, "read-only", Rule::Refuses, Rule::Refuses),
    row(Found::NotArmed, "the cluster is not armed", Rule::NotAsked, Rule::Refuses),
    row(Found::NotConfirmed, "not confirmed as it asks for", Rule::NotAsked, Rule::Refuses),
    row(Found::NotCanonical, "a name that Kubernetes forbids", Rule::Refuses, Rule::Refuses),
    row(Found::AccessDenied, "the access review says no", Rule::Refuses, Rule::Refuses),
    row(Found::AccessSilent, "the access review is silent", Rule::Shows, Rule::Refuses),
    row(Found::ReadDenied, "the object may not be read", Rule::Shows, Rule::Refuses),
    row(Found::RehearsalFailed, "the rehearsal fails", Rule::Shows, Rule::Refuses),
    row(Found::RehearsalSilent, "the rehearsal hangs", Rule::Shows, Rule::Refuses),
    row(
        Found::DryRunUnsupported,
        "a webhook supports no dry run",
        Rule::Shows,
        Rule::RefusesUnlessOverridden,
    ),
    row(
        Found::EvidenceAgainst,
        "it moves on a canary that is judged worse than stable",
        Rule::NotAsked,
        Rule::RefusesUnlessOverridden,
    ),
    row(Found::FactsOld, "facts are older than 15 s", Rule::Shows, Rule::Refuses),
    row(Found::FootingChanged, "the footing changed", Rule::Shows, Rule::Refuses),
    row(Found::NotRecordable, "the intent cannot be recorded", Rule::Shows, Rule::Refuses),
];

const fn row(found: Found, words: &'static str, safe: Rule, others: Rule) -> CheckRow {
    CheckRow { check: found.check(), found, words, safe, others }
}

impl Found {
    /// The check that finds it.
    #[must_use]
    pub const fn check(self) -> CheckId {
        match self {
            Self::ReadOnly => CheckId::ReadOnly,
            Self::NotArmed => CheckId::Armed,
            Self::AccessDenied | Self::AccessSilent | Self::ReadDenied => CheckId::Permission,
            Self::RehearsalFailed | Self::RehearsalSilent | Self::DryRunUnsupported => {
                CheckId::Rehearsal
            }
            Self::FactsOld => CheckId::Freshness,
            Self::FootingChanged => CheckId::Footing,
            Self::NotRecordable => CheckId::Record,
            Self::NotCanonical => CheckId::Identity,
            Self::NotConfirmed => CheckId::Confirmed,
            Self::EvidenceAgainst => CheckId::Evidence,
        }
    }

    /// What it does to this deed, by the table.
    #[must_use]
    pub fn rule(self, action: Action) -> Rule {
        let Some(row) = TABLE.iter().find(|row| row.found == self) else { return Rule::Refuses };
        match action.danger() {
            Danger::Safe => row.safe,
            Danger::Ordinary | Danger::Risky => row.others,
        }
    }
}

/// What the checks are asked about, at one moment.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Our clock.
    pub now: Timestamp,
    /// Whether the program may write at all.
    pub mode: Mode,
    /// Whether this cluster is armed.
    pub arming: Arming,
    /// When the source last proved that its facts are current; `None`: never.
    pub facts_at: Option<Timestamp>,
    /// What the workload stands on by these facts; `None`: it is not known (any more).
    pub footing: Option<Footing>,
    /// How the operator said yes.
    pub confirmation: Confirmation,
    /// Whether the audit file takes records; else why not.
    pub record: Result<(), Text>,
    /// Checks that the operator overrides.
    pub overrides: Vec<CheckId>,
    /// What the operator saw, for the record.
    pub seen: Text,
}

/// Whether the program may write at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It may, if the checks agree.
    ReadWrite,
    /// It may only look; nothing can change that while it runs.
    ReadOnly,
}

/// Whether a cluster is armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arming {
    /// Deeds may be aimed at it.
    Armed,
    /// Only pause and abort may.
    Safe,
}

/// How the operator said yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// `y` in the dialog.
    Yes,
    /// `--yes` on a command line that names the workload: does for every deed, overrides nothing.
    CommandLine,
    /// This text was typed as the name (`--confirm NAME` likewise).
    Typed(Text),
    /// This was typed in a dialog that lists all rows of a deed, each with its plan: the deed and their number.
    Listed {
        /// What was typed.
        typed: Text,
        /// How many rows were listed.
        rows: usize,
    },
}

/// What is typed to confirm a deed on so many rows at once.
#[must_use]
pub fn phrase(action: Action, rows: usize) -> String {
    format!("{} {rows}", action.title())
}

/// What has come back from the rehearsal.
#[derive(Clone, Copy, Debug)]
pub enum Rehearsed<'a> {
    /// Its answer.
    Answered(&'a Rehearsal),
    /// It failed.
    Failed(&'a Trouble),
    /// Nothing yet.
    Silent,
}

/// A finding with its words.
pub(super) struct Finding {
    pub found: Found,
    pub why: String,
    pub remedy: String,
}

fn finding(found: Found, why: &str, remedy: &str) -> Finding {
    Finding { found, why: why.to_owned(), remedy: remedy.to_owned() }
}

/// Asks every check. What each finding does to the deed is the table's business.
pub(super) fn ask_all(plan: &Plan, rehearsed: Rehearsed<'_>, evidence: &Evidence) -> Vec<Finding> {
    let mut out = Vec::new();
    out.extend(mode(evidence));
    out.extend(arming(plan, evidence));
    out.extend(confirmation(plan, evidence));
    out.extend(identity(plan));
    rehearsal(rehearsed, &mut out);
    out.extend(against(plan));
    out.extend(freshness(evidence));
    footing(plan, rehearsed, evidence, &mut out);
    out.extend(record(evidence));
    out
}

fn mode(evidence: &Evidence) -> Option<Finding> {
    (evidence.mode == Mode::ReadOnly).then(|| {
        finding(
            Found::ReadOnly,
            "this session is read-only",
            "start without --read-only (config read_only, PILOTHOUSE_READ_ONLY)",
        )
    })
}

fn arming(plan: &Plan, evidence: &Evidence) -> Option<Finding> {
    (evidence.arming == Arming::Safe).then(|| {
        finding(
            Found::NotArmed,
            &format!("cluster {} is not armed", plan.target.cluster),
            "arm it; on the command line --yes arms it for this one deed",
        )
    })
}

fn confirmation(plan: &Plan, evidence: &Evidence) -> Option<Finding> {
    let name = plan.target.name.as_str();
    let good = match (plan.action.confirm(), &evidence.confirmation) {
        (_, Confirmation::CommandLine)
        | (Confirm::Yes | Confirm::YesWhenFresh, Confirmation::Yes) => true,
        (Confirm::TypedName, Confirmation::Yes) => false,
        (_, Confirmation::Typed(typed)) => typed.as_str() == name,
        (_, Confirmation::Listed { typed, rows }) => typed.as_str() == phrase(plan.action, *rows),
    };
    (!good).then(|| {
        finding(
            Found::NotConfirmed,
            &format!("{} asks for the name to be typed", plan.action.title()),
            &format!("type {name}"),
        )
    })
}

fn identity(plan: &Plan) -> Option<Finding> {
    let names = plan.writes.iter().map(|write| &write.object.name);
    let bad = std::iter::once(&plan.target.name).chain(names).find(|name| !name.is_canonical());
    let bad_namespace = !plan.target.namespace.is_canonical();
    (bad.is_some() || bad_namespace).then(|| {
        let shown = bad.map_or(plan.target.namespace.as_str(), |name| name.as_str());
        finding(
            Found::NotCanonical,
            &format!("{shown:?} is no name that Kubernetes allows: what is shown may not be meant"),
            "act on it with kubectl, if it is really there",
        )
    })
}

fn rehearsal(rehearsed: Rehearsed<'_>, out: &mut Vec<Finding>) {
    match rehearsed {
        Rehearsed::Answered(rehearsal) => {
            access(rehearsal, out);
            out.extend(dry_run(&rehearsal.dry_run));
        }
        Rehearsed::Failed(trouble) => out.push(failed(trouble)),
        Rehearsed::Silent => out.push(finding(
            Found::RehearsalSilent,
            "the rehearsal has no answer yet",
            "wait for it; pause and abort need not",
        )),
    }
}

/// A failed rehearsal, told as the check it belongs to.
fn failed(trouble: &Trouble) -> Finding {
    let found = match trouble {
        Trouble::Forbidden(_) | Trouble::NotAuthenticated { .. } => Found::ReadDenied,
        Trouble::KindMissing(_)
        | Trouble::NotFound(_)
        | Trouble::Config(_)
        | Trouble::Plugin(_)
        | Trouble::Unreachable(_)
        | Trouble::Tls(_)
        | Trouble::TimedOut { .. }
        | Trouble::BadAnswer(_)
        | Trouble::Refused { .. }
        | Trouble::TooLarge { .. }
        | Trouble::NotConfigured
        | Trouble::Lost(_) => Found::RehearsalFailed,
    };
    finding(found, &format!("rehearsal: {trouble}"), trouble.remedy())
}

fn access(rehearsal: &Rehearsal, out: &mut Vec<Finding>) {
    for access in &rehearsal.access {
        match &access.answer {
            AccessAnswer::Allowed => {}
            AccessAnswer::Denied(reason) => {
                let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
                out.push(finding(
                    Found::AccessDenied,
                    &format!("you may not {}{because}", access.right),
                    &format!("ask for the right to {}", access.right),
                ));
            }
            AccessAnswer::Silent(why) => out.push(finding(
                Found::AccessSilent,
                &format!("whether you may {} is not known: {why}", access.right),
                "ask again; `pilothouse doctor` lists all rights",
            )),
        }
    }
}

fn dry_run(answer: &DryRun) -> Option<Finding> {
    match answer {
        DryRun::Accepted(_) => None,
        DryRun::Rejected { code, why } => Some(finding(
            Found::RehearsalFailed,
            &format!("the server would refuse it ({code}): {why}"),
            "read the server's words; an admission policy may want something of you",
        )),
        DryRun::NoGate(why) => Some(finding(
            Found::RehearsalFailed,
            &why.to_string(),
            "ask whoever runs what its webhook asks; look at the webhook's address",
        )),
        DryRun::Unsupported(why) => Some(finding(
            Found::DryRunUnsupported,
            &format!("it cannot be rehearsed: {why}"),
            "type the name to go on without (--confirm NAME)",
        )),
        DryRun::Silent(why) => Some(finding(
            Found::RehearsalFailed,
            &format!("the dry run got no answer: {why}"),
            "ask again",
        )),
    }
}

fn against(plan: &Plan) -> Option<Finding> {
    let why = plan.prediction.against.as_ref()?;
    Some(finding(
        Found::EvidenceAgainst,
        &format!("the canary fails: {why}"),
        "abort; or type the name to move it on all the same (--confirm NAME)",
    ))
}

fn freshness(evidence: &Evidence) -> Option<Finding> {
    let old = evidence.facts_at.map(|at| age(at, evidence.now));
    let why = match old {
        Some(old) if old <= DEED_AGE_MAX => return None,
        Some(old) => format!("what is known is {} s old", old.as_secs()),
        None => "nothing is known of it yet".to_owned(),
    };
    Some(finding(Found::FactsOld, &why, "wait until the cluster answers again"))
}

fn footing(plan: &Plan, rehearsed: Rehearsed<'_>, evidence: &Evidence, out: &mut Vec<Finding>) {
    let read = match rehearsed {
        Rehearsed::Answered(rehearsal) => Some(&rehearsal.footing),
        Rehearsed::Failed(_) | Rehearsed::Silent => None,
    };
    let Some(known) = evidence.footing.as_ref() else {
        out.push(finding(Found::FootingChanged, "it is not there any more", "look again"));
        return;
    };
    let changed = std::iter::once(known)
        .chain(read)
        .map(|now| plan.footing.differences(now))
        .find(|differences| !differences.is_empty());
    out.extend(changed.map(|differences| {
        let words: Vec<&str> = differences.iter().map(Text::as_str).collect();
        finding(
            Found::FootingChanged,
            &format!("it changed since you looked: {}", words.join(", ")),
            "look at the new plan and say yes again",
        )
    }));
}

fn record(evidence: &Evidence) -> Option<Finding> {
    evidence.record.as_ref().err().map(|why| {
        finding(
            Found::NotRecordable,
            &format!("the deed cannot be recorded: {why}"),
            "make room in the audit folder; pause and abort go without",
        )
    })
}
