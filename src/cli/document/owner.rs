//! Who else manages a release, as `get`, `status` and `watch` print it.

use schemars::JsonSchema;
use serde::Serialize;

use super::rollout::words;
use crate::analysis::owner_status::{self, Field};
use crate::analysis::part_status;
use crate::app::state::State;
use crate::domain::ids::WorkloadRef;
use crate::domain::owner::{self as owners, OwnerObject, OwnerState, OwnerTool};
use crate::domain::part::{Part, PartKind};

/// Who else manages it and may undo what is done.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// `argocd`, `flux-kustomization`, `flux-helmrelease`, `helm` or `controller`.
    pub tool: String,
    /// The application, kustomization or release, as the signs on the release name it.
    pub name: String,
    /// Where its own object lives; null where that is not known.
    pub object: Option<ObjectName>,
    /// Argo CD's sync status; of Flux the reason of its condition Ready; null where none is known.
    pub phase: Option<String>,
    /// `Healthy`, `Progressing`, `Suspended`, `Degraded`, `Missing` or `Unknown`; null where its object is not known.
    pub health: Option<String>,
    /// The sentence behind them.
    pub message: Option<String>,
    /// What it does by itself: `self-heal`, `auto-sync`, `manual sync`, `skipped`, `suspended`, `corrects drift` …
    pub habit: Option<String>,
    /// What it would do about a change of the pod template; null where nothing is changed (parts in `explain`).
    pub reverts: Option<Reverts>,
    /// The way back that lasts; null where nothing is known that would help.
    pub lasting: Option<Lasting>,
    /// Kargo's stage that drives it.
    pub stage: Option<Stage>,
    /// Why its object is not known, or is not followed any more; null when it is current.
    pub trouble: Option<String>,
}

/// The place of an object.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ObjectName {
    /// The context of the kubeconfig: not always that of the release.
    pub cluster: String,
    /// Its namespace.
    pub namespace: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// What an owner would do about a change.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reverts {
    /// `soon`, `atInterval`, `unknown`, `atNextRelease` or `never`.
    pub when: String,
    /// In about so many seconds, where that can be foretold.
    pub after_seconds: Option<u64>,
    /// In words that follow its name.
    pub why: String,
}

/// The way back that lasts.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Lasting {
    /// The repository, or the source in words.
    pub repo: Option<String>,
    /// The path or chart inside it.
    pub path: Option<String>,
    /// The branch, tag or version that is followed.
    pub follows: Option<String>,
    /// The commit or version that is deployed: the one to revert.
    pub revision: Option<String>,
    /// The one deployed before it.
    pub before: Option<String>,
    /// What makes the owner let a change stand.
    pub hold: Option<String>,
    /// All of it in one sentence.
    pub words: String,
}

/// A stage of Kargo.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Stage {
    /// Its project: the namespace.
    pub project: String,
    /// Its name.
    pub name: String,
    /// As for releases; null where the stage is not known.
    pub health: Option<String>,
    /// In words.
    pub message: Option<String>,
    /// What it has now.
    pub freight: Option<String>,
}

/// An object that decides over releases.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct OwnerStatus {
    /// Which one.
    #[serde(flatten)]
    pub object: ObjectName,
    /// Argo CD's sync status; of Flux the reason of its condition Ready; null where none is known.
    pub phase: Option<String>,
    /// As for releases.
    pub health: String,
    /// The sentence behind them.
    pub message: Option<String>,
    /// What it does by itself; null where there is no word for it.
    pub habit: Option<String>,
    /// How many of the listed releases it manages.
    pub releases: usize,
}

impl Owner {
    /// Of a release.
    #[must_use]
    pub fn of(owner: &owners::Owner, target: &WorkloadRef) -> Self {
        let reaction = owner_status::reaction(owner, target, Field::Template);
        let reverts = Reverts {
            when: reaction.kind.name().to_owned(),
            after_seconds: reaction.about.map(|about| about.as_secs()),
            why: reaction.words.to_string(),
        };
        Self { reverts: Some(reverts), ..Self::named(owner) }
    }

    /// Of an object that nobody changes from here.
    #[must_use]
    pub fn named(owner: &owners::Owner) -> Self {
        let object = owner.object();
        let status = object.map(|object| part_status::status(&object.part));
        Self {
            tool: tool(owner.tool).to_owned(),
            name: owner.name.to_string(),
            object: object.map(|object| ObjectName::of(&object.part)),
            phase: status.as_ref().and_then(|status| words(status.phase.as_ref())),
            health: status.as_ref().map(|status| status.health.name().to_owned()),
            message: status.as_ref().and_then(|status| words(status.message.as_ref())),
            habit: object.and_then(|it| owner_status::habit(&it.part)).map(str::to_owned),
            reverts: None,
            lasting: owner_status::lasting(owner).as_ref().map(Lasting::of),
            stage: object.and_then(stage),
            trouble: trouble(&owner.state),
        }
    }
}

fn trouble(state: &OwnerState) -> Option<String> {
    match state {
        OwnerState::Unasked => None,
        OwnerState::Unknown(why) => Some(why.to_string()),
        OwnerState::Known(object) => {
            object.stale.as_ref().map(|(since, why)| format!("not followed since {since}: {why}"))
        }
    }
}

const fn tool(tool: OwnerTool) -> &'static str {
    match tool {
        OwnerTool::ArgoCd => "argocd",
        OwnerTool::FluxKustomization => "flux-kustomization",
        OwnerTool::FluxHelmRelease => "flux-helmrelease",
        OwnerTool::Helm => "helm",
        OwnerTool::Controller => "controller",
    }
}

fn stage(object: &OwnerObject) -> Option<Stage> {
    let (project, name) = object.application()?.stage.as_ref()?;
    let part = object.stage.as_ref();
    let status = part.map(|part| part_status::status(part));
    Some(Stage {
        project: project.to_string(),
        name: name.to_string(),
        health: status.as_ref().map(|status| status.health.name().to_owned()),
        message: status.as_ref().and_then(|status| words(status.message.as_ref())),
        freight: part
            .and_then(|part| part.facts.stage())
            .and_then(|stage| words(stage.freight.as_ref())),
    })
}

impl ObjectName {
    fn of(part: &Part) -> Self {
        let target = &part.target;
        Self {
            cluster: target.cluster.to_string(),
            namespace: target.namespace.to_string(),
            kind: target.kind.name().to_owned(),
            name: target.name.to_string(),
        }
    }
}

impl Lasting {
    fn of(lasting: &owner_status::Lasting) -> Self {
        Self {
            repo: words(lasting.repo.as_ref()),
            path: words(lasting.path.as_ref()),
            follows: words(lasting.wanted.as_ref()),
            revision: words(lasting.revision.as_ref()),
            before: words(lasting.before.as_ref()),
            hold: words(lasting.hold.as_ref()),
            words: lasting.words.to_string(),
        }
    }
}

impl OwnerStatus {
    /// All owners that are known.
    #[must_use]
    pub fn all(state: &State) -> Vec<Self> {
        let counts = crate::app::listing::managed(state);
        let parts = state.owners().iter().filter(|it| it.target.kind != PartKind::GitRepository);
        parts
            .map(|part| {
                let status = part_status::status(part);
                Self {
                    object: ObjectName::of(part),
                    phase: words(status.phase.as_ref()),
                    health: status.health.name().to_owned(),
                    message: words(status.message.as_ref()),
                    habit: owner_status::habit(part).map(str::to_owned),
                    releases: counts.get(&part.target).map_or(0, Vec::len),
                }
            })
            .collect()
    }
}
