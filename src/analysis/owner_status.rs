//! What the owner of a release will do about a change of ours, how it stands itself, and where the lasting way back is
//! (`reference/rollouts.md` §4.1). What cannot be known is said to be unknown.

use std::time::Duration;

use super::part_status;
use super::rollout_status::{Health, Status};
use super::steps;
use crate::domain::ids::WorkloadRef;
use crate::domain::owner::{
    Application, Automation, Deployed, Flux, Ignored, IgnoredField, Ignores, Owner, OwnerObject,
    OwnerState, OwnerTool,
};
use crate::domain::part::{Part, PartFacts, PartKind};
use crate::domain::text::Text;

/// Argo CD heals at once the first time; then it waits this long, and each time three times longer
/// (the controller's defaults).
const HEAL_BACKOFF: (Duration, u32) = (Duration::from_secs(2), 3);

/// But never longer than this.
const HEAL_BACKOFF_MAX: Duration = Duration::from_mins(5);

/// From the change to the healed object, as measured on Argo CD 3.5.
const HEAL_TIME: Duration = Duration::from_secs(1);

/// A field that deeds write and owners may care for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `spec.template`.
    Template,
    /// `spec.paused`.
    Paused,
    /// `spec.updateStrategy`.
    UpdateStrategy,
    /// `spec.suspend` of a Canary.
    Suspend,
    /// `spec.replicas`.
    Replicas,
}

impl Field {
    /// As a JSON pointer.
    #[must_use]
    pub const fn pointer(self) -> &'static str {
        match self {
            Self::Template => "/spec/template",
            Self::Paused => "/spec/paused",
            Self::UpdateStrategy => "/spec/updateStrategy",
            Self::Suspend => "/spec/suspend",
            Self::Replicas => "/spec/replicas",
        }
    }
}

/// What an owner does about a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Reaction {
    /// In one word.
    pub kind: ReactionKind,
    /// In about what time.
    pub about: Option<Duration>,
    /// Why, in words that follow the owner's name: `heals itself: it puts this back within seconds`.
    pub words: Text,
}

/// The kinds of reaction, the most contrary first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReactionKind {
    /// Puts it back as soon as it sees it.
    Soon,
    /// Puts it back at its next interval.
    AtInterval,
    /// Nobody can tell.
    Unknown,
    /// Lets it stand until somebody releases, syncs or upgrades.
    AtNextRelease,
    /// Lets it stand.
    Never,
}

impl ReactionKind {
    /// The word in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Soon => "soon",
            Self::AtInterval => "atInterval",
            Self::Unknown => "unknown",
            Self::AtNextRelease => "atNextRelease",
            Self::Never => "never",
        }
    }
}

impl Reaction {
    fn new(kind: ReactionKind, words: &str) -> Self {
        Self { kind, about: None, words: Text::clean(words) }
    }
}

/// What the owner will do about a change of this field of a release.
#[must_use]
pub fn reaction(owner: &Owner, target: &WorkloadRef, field: Field) -> Reaction {
    if let Some(annotation) = &owner.spared {
        let words = format!("leaves this object alone ({annotation})");
        return Reaction::new(ReactionKind::Never, &words);
    }
    let Some(object) = owner.object() else { return by_signs(owner) };
    let reaction = match (object.application(), object.flux()) {
        (Some(application), _) => of_application(application, target, field),
        (None, Some(flux)) => of_flux(&object.part, flux, target, field),
        (None, None) => by_signs(owner),
    };
    if object.part.meta.deleting.is_some() {
        return Reaction::new(ReactionKind::Unknown, "is being deleted");
    }
    match &object.stale {
        Some((_, why)) => {
            let words = format!("{}, as it was last known ({why})", reaction.words);
            Reaction { words: Text::clean(&words), ..reaction }
        }
        None => reaction,
    }
}

/// Only the signs on the managed object tell of it.
fn by_signs(owner: &Owner) -> Reaction {
    let (kind, words) = match owner.tool {
        OwnerTool::ArgoCd => (
            ReactionKind::Unknown,
            "puts this back within seconds if it heals itself, else at its next sync",
        ),
        OwnerTool::FluxKustomization => {
            (ReactionKind::AtInterval, "puts this back at its next interval")
        }
        OwnerTool::FluxHelmRelease => (
            ReactionKind::Unknown,
            "puts this back at its next release, sooner where drift detection is on",
        ),
        OwnerTool::Helm => (ReactionKind::AtNextRelease, "lets it stand until its next upgrade"),
        OwnerTool::Controller => (ReactionKind::Unknown, "probably puts this back"),
    };
    match &owner.state {
        OwnerState::Unknown(why) => Reaction::new(kind, &format!("{words} ({why})")),
        OwnerState::Unasked | OwnerState::Known(_) => Reaction::new(kind, words),
    }
}

fn of_application(application: &Application, target: &WorkloadRef, field: Field) -> Reaction {
    let covered = covered(&application.ignores, target, field);
    if covered == Covered::Whole {
        let (kind, until) = if application.ignores.by_sync {
            (ReactionKind::Never, "")
        } else {
            (ReactionKind::AtNextRelease, ", but writes it again with its next sync")
        };
        let words = format!("tolerates differences in {}{until}", field.pointer());
        return Reaction::new(kind, &words);
    }
    let failed = application
        .operation
        .as_ref()
        .filter(|(phase, _)| matches!(phase.as_str(), "Failed" | "Error"));
    let mut reaction = match (application.automation, failed) {
        (Automation::Skipped, _) => {
            Reaction::new(ReactionKind::Never, "is told to be skipped, and changes nothing")
        }
        (Automation::Off, _) => Reaction::new(
            ReactionKind::AtNextRelease,
            "does not sync by itself: this stays until somebody syncs it",
        ),
        (Automation::Syncs, _) => Reaction::new(
            ReactionKind::AtNextRelease,
            "does not heal itself: this stays until it syncs the next commit",
        ),
        (Automation::Heals, Some(_)) => Reaction::new(
            ReactionKind::Unknown,
            "heals itself, but its last sync failed: it may not put this back until that is mended",
        ),
        (Automation::Heals, None) => heals(application),
    };
    if covered == Covered::Partly {
        let words = format!("{}; it tolerates differences in a part of it", reaction.words);
        reaction.words = Text::clean(&words);
    }
    reaction
}

fn heals(application: &Application) -> Reaction {
    let about = heal_time(application.heals);
    let when = if about > HEAL_TIME {
        let times = application.heals;
        format!("within {} s (it waits longer each time: healed {times} × before)", about.as_secs())
    } else {
        format!("in about {} s", about.as_secs())
    };
    let words = format!("heals itself: it puts this back {when}");
    Reaction { about: Some(about), ..Reaction::new(ReactionKind::Soon, &words) }
}

/// How long Argo CD waits before it heals the same revision once more.
fn heal_time(heals: u32) -> Duration {
    let (first, factor) = HEAL_BACKOFF;
    let Some(more) = heals.checked_sub(1) else { return HEAL_TIME };
    let times = factor.checked_pow(more);
    let wait = times.and_then(|times| first.checked_mul(times)).unwrap_or(HEAL_BACKOFF_MAX);
    wait.min(HEAL_BACKOFF_MAX)
}

fn of_flux(part: &Part, flux: &Flux, target: &WorkloadRef, field: Field) -> Reaction {
    if flux.suspend {
        return Reaction::new(ReactionKind::Never, "is suspended: this stays until it is resumed");
    }
    if covered(&flux.ignores, target, field) == Covered::Whole {
        let words = format!("leaves {} alone", field.pointer());
        return Reaction::new(ReactionKind::Never, &words);
    }
    let is_release = part.target.kind == PartKind::HelmRelease;
    let corrects = flux.drift.as_ref().is_some_and(|mode| mode.as_str() == "enabled");
    if is_release && !corrects {
        return Reaction::new(
            ReactionKind::AtNextRelease,
            "corrects no drift: this stays until its next release or upgrade",
        );
    }
    if part_status::status(part).health == Health::Degraded {
        return Reaction::new(
            ReactionKind::Unknown,
            "puts this back at an interval, but fails now: not before that is mended",
        );
    }
    let at = flux.interval.map_or(String::new(), |it| format!(", within {}", steps::spelled(it)));
    let words = format!("puts this back at its next interval{at}");
    Reaction { about: flux.interval, ..Reaction::new(ReactionKind::AtInterval, &words) }
}

/// How much of a field is tolerated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Covered {
    Nothing,
    Partly,
    Whole,
}

fn covered(ignores: &Ignores, target: &WorkloadRef, field: Field) -> Covered {
    let applies = |ignored: &&Ignored| {
        let is = |wanted: Option<&Text>, own: &str| wanted.is_none_or(|it| it.as_str() == own);
        let kind = ignored.kind.as_str();
        (kind.is_empty() || kind == "*" || kind == target.kind.name())
            && is(ignored.name.as_ref(), target.name.as_str())
            && is(ignored.namespace.as_ref(), target.namespace.as_str())
    };
    let covers = |ignored: &Ignored| match &ignored.field {
        IgnoredField::Manager(manager) if manager.as_str() == "pilothouse" => Covered::Whole,
        IgnoredField::Manager(_) => Covered::Nothing,
        IgnoredField::Pointer(pointer) => compare(pointer.as_str(), field.pointer()),
        IgnoredField::Jq(path) => jq(path.as_str(), field.pointer()),
    };
    ignores.fields.iter().filter(applies).map(covers).max().unwrap_or(Covered::Nothing)
}

fn compare(ignored: &str, field: &str) -> Covered {
    let holds = |outer: &str, inner: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if holds(ignored, field) {
        Covered::Whole
    } else if holds(field, ignored) {
        Covered::Partly
    } else {
        Covered::Nothing
    }
}

/// A jq path as far as it is a plain one; what selects inside a field covers a part of it at most.
fn jq(path: &str, field: &str) -> Covered {
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '.' | '_' | '-');
    let end = path.find(|sign| !is_plain(sign)).unwrap_or(path.len());
    let (plain, rest) = path.split_at_checked(end).unwrap_or((path, ""));
    let pointer = plain.trim_end_matches('.').replace('.', "/");
    match compare(&pointer, field) {
        Covered::Whole if rest.is_empty() && !pointer.is_empty() => Covered::Whole,
        Covered::Nothing => Covered::Nothing,
        Covered::Partly | Covered::Whole => Covered::Partly,
    }
}

/// The owner's name for people: `Argo CD application argocd/orders`.
#[must_use]
pub fn title(owner: &Owner) -> String {
    let tool = match owner.tool {
        OwnerTool::ArgoCd => "Argo CD application",
        OwnerTool::FluxKustomization => "Flux Kustomization",
        OwnerTool::FluxHelmRelease => "Flux HelmRelease",
        OwnerTool::Helm => "Helm release",
        OwnerTool::Controller => return owner.name.to_string(),
    };
    match owner.object() {
        Some(object) => {
            let target = &object.part.target;
            format!("{tool} {}/{}", target.namespace, target.name)
        }
        None => format!("{tool} {}", owner.name),
    }
}

/// How the owner's own object stands: phase, message and health in its tool's words; `None` where it is not known.
#[must_use]
pub fn status(owner: &Owner) -> Option<Status> {
    owner.object().map(|object| part_status::status(&object.part))
}

/// The field managers by which the tool writes.
#[must_use]
pub const fn managers(tool: OwnerTool) -> &'static [&'static str] {
    match tool {
        OwnerTool::ArgoCd => &["argocd-controller", "argocd-application-controller"],
        OwnerTool::FluxKustomization => &["kustomize-controller"],
        OwnerTool::FluxHelmRelease => &["helm-controller"],
        OwnerTool::Helm => &["helm", "Helm"],
        OwnerTool::Controller => &[],
    }
}

/// What it does by itself, in a word or two: `self-heal`, `suspended`.
#[must_use]
pub fn habit(part: &Part) -> Option<&'static str> {
    match &part.facts {
        PartFacts::Application(application) => Some(match application.automation {
            Automation::Off => "manual sync",
            Automation::Skipped => "skipped",
            Automation::Syncs => "auto-sync",
            Automation::Heals => "self-heal",
        }),
        PartFacts::Flux(flux) if flux.suspend => Some("suspended"),
        PartFacts::Flux(flux) => match flux.drift.as_ref().map(Text::as_str) {
            Some("enabled") => Some("corrects drift"),
            Some("warn") => Some("warns of drift"),
            Some(_) | None => None,
        },
        PartFacts::Repository(repository) if repository.suspend => Some("suspended"),
        PartFacts::Stage(stage) if stage.automatic => Some("auto-promotes"),
        PartFacts::ReplicaSet(_)
        | PartFacts::AnalysisRun(_)
        | PartFacts::Experiment(..)
        | PartFacts::Repository(_)
        | PartFacts::Stage(_)
        | PartFacts::Promotion(_)
        | PartFacts::Freight(_) => None,
    }
}

/// The way back that lasts: what has to change at the owner's source, or what holds the owner off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lasting {
    /// The repository, or the source in words.
    pub repo: Option<Text>,
    /// The path or chart inside it.
    pub path: Option<Text>,
    /// The branch, tag or version that is followed.
    pub wanted: Option<Text>,
    /// The commit or version that is deployed: the one to revert.
    pub revision: Option<Text>,
    /// The one deployed before it.
    pub before: Option<Text>,
    /// What makes the owner let a change stand.
    pub hold: Option<Text>,
    /// All of it in one sentence.
    pub words: Text,
}

/// Where the lasting way back is; `None` where nothing is known that would help.
#[must_use]
pub fn lasting(owner: &Owner) -> Option<Lasting> {
    let Some(object) = owner.object() else { return by_tool(owner) };
    let hold = hold(object);
    let (source, deployed) = match (object.application(), object.flux()) {
        (Some(application), _) => (&application.source, application.deployed.as_ref()),
        (None, Some(flux)) => (&flux.source, flux.deployed.as_ref()),
        (None, None) => return None,
    };
    let repository = object.repository.as_ref().and_then(|part| part.facts.repository());
    let text = |text: &Text| (!text.is_empty()).then(|| text.clone());
    let mut lasting = Lasting {
        repo: repository.and_then(|found| text(&found.url)).or_else(|| text(&source.repo)),
        path: source.place.clone(),
        wanted: repository.and_then(|found| found.wanted.clone()).or_else(|| source.wanted.clone()),
        revision: deployed.map(|deployed| deployed.revision.clone()),
        before: deployed.and_then(|deployed| deployed.before.clone()),
        hold,
        words: Text::default(),
    };
    lasting.words = Text::clean(&sentence(object, &lasting, source.more));
    Some(lasting)
}

fn by_tool(owner: &Owner) -> Option<Lasting> {
    let words = match owner.tool {
        OwnerTool::Helm => {
            let (namespace, name) =
                owner.name.as_str().rsplit_once('/').unwrap_or(("", owner.name.as_str()));
            let place =
                if namespace.is_empty() { String::new() } else { format!(" -n {namespace}") };
            format!("helm rollback {name}{place}")
        }
        OwnerTool::ArgoCd
        | OwnerTool::FluxKustomization
        | OwnerTool::FluxHelmRelease
        | OwnerTool::Controller => return None,
    };
    Some(Lasting { words: Text::clean(&words), ..Lasting::default() })
}

/// What holds the owner off, while it is not held off already.
fn hold(object: &OwnerObject) -> Option<Text> {
    let target = &object.part.target;
    let name = format!("{}/{}", target.namespace, target.name);
    let words = match (object.application(), object.flux()) {
        (Some(application), _) if application.automation == Automation::Heals => {
            let parent = object.part.owner.as_ref();
            let parent =
                parent.map_or(String::new(), |it| format!(" (its own owner is {})", title(it)));
            format!("turn self-heal off in application {name}{parent}")
        }
        (None, Some(flux)) if !flux.suspend => {
            format!("suspend {} {name}", target.kind.name())
        }
        (Some(_), _) | (None, Some(_) | None) => return None,
    };
    Some(Text::clean(&words))
}

fn sentence(object: &OwnerObject, lasting: &Lasting, more: u32) -> String {
    let stage = object.application().and_then(|application| application.stage.as_ref());
    let mut words = if let Some((project, stage)) = stage {
        format!("promote older Freight to Kargo's stage {project}/{stage}")
    } else {
        let place = place(lasting, more);
        let what = lasting.revision.as_ref().map(|now| reverted(now, lasting.before.as_ref()));
        match what {
            Some(what) => format!("{what}{place}"),
            None => format!("change it at its source{place}"),
        }
    };
    if let Some(hold) = &lasting.hold {
        words.push_str(", or ");
        words.push_str(hold.as_str());
    }
    words
}

/// `git revert 1a2b3c4d..5e6f7a8b`: of all that came since the deployment before.
fn reverted(now: &Text, before: Option<&Text>) -> String {
    match (commit(now.as_str()), before) {
        (Some(now), Some(before)) => {
            let before = commit(before.as_str()).unwrap_or_else(|| before.as_str().to_owned());
            format!("git revert {before}..{now}")
        }
        (Some(now), None) => format!("revert commit {now}"),
        (None, Some(before)) => format!("go back from version {now} to {before}"),
        (None, None) => format!("go back from version {now}"),
    }
}

/// The short form of a commit: out of `5e6f…`, `main@sha1:5e6f…`; `None` for what is none.
fn commit(revision: &str) -> Option<String> {
    let hash = revision.rsplit_once(':').map_or(revision, |(_, hash)| hash);
    let is_hash = hash.len() >= 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| hash.chars().take(8).collect())
}

fn place(lasting: &Lasting, more: u32) -> String {
    let mut place = String::new();
    let mut add = |before: &str, text: Option<&Text>| {
        if let Some(text) = text {
            place.push_str(before);
            place.push_str(text.as_str());
        }
    };
    add(" in ", lasting.repo.as_ref());
    add(" path ", lasting.path.as_ref());
    add(" on ", lasting.wanted.as_ref());
    if more > 0 {
        place.push_str(" (it has more than one source)");
    }
    place
}

/// Who deployed what is deployed, and when it was: for a line beside the state.
#[must_use]
pub fn deployed(object: &OwnerObject) -> Option<&Deployed> {
    match (object.application(), object.flux()) {
        (Some(application), _) => application.deployed.as_ref(),
        (None, Some(flux)) => flux.deployed.as_ref(),
        (None, None) => None,
    }
}
