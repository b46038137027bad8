//! Scenarios: files that say what a simulated world holds, what is hidden in it, and what happens
//! in it when. `assets/scenarios` has those of this program; anybody can write another.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::api::prometheus_fault::PrometheusFault;
use super::fault::{Fault, Verb, What};
use super::scenario_build;
use super::scenario_error;
use super::scenario_file;
use super::scenario_words::{Span, StepWords, expanded};
use super::world::World;

/// Clusters of a scenario, at most: each has a server and a Prometheus of its own.
pub const CLUSTERS_MAX: usize = 32;

/// Workloads of a cluster, at most.
pub const WORKLOADS_MAX: usize = 10_000;

/// The longest life before the first frame: beyond, what happened is no longer remembered anyway.
pub const LIVED_MAX: SignedDuration = SignedDuration::from_hours(6);

/// The scenarios of this program, by name.
pub const SCENARIOS: [(&str, &str); 7] = [
    ("demo", include_str!("../../assets/scenarios/demo.toml")),
    ("canary-errors", include_str!("../../assets/scenarios/canary-errors.toml")),
    ("bluegreen", include_str!("../../assets/scenarios/bluegreen.toml")),
    ("approval", include_str!("../../assets/scenarios/approval.toml")),
    ("quiet", include_str!("../../assets/scenarios/quiet.toml")),
    ("large", include_str!("../../assets/scenarios/large.toml")),
    ("hostile", include_str!("../../assets/scenarios/hostile.toml")),
];

/// A scenario as its file says it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is about, in a sentence.
    pub title: String,
    /// How long the world has lived when somebody looks for the first time.
    #[serde(default)]
    pub lived: Span,
    /// The clusters.
    pub clusters: Vec<ClusterPart>,
    /// Analysis templates, by name. Each namespace gets those that its workloads use.
    #[serde(default)]
    pub analyses: BTreeMap<String, Analysis>,
    /// What the clusters run.
    #[serde(default)]
    pub workloads: Vec<Workload>,
    /// Objects that are simply there, as the API has them. No controller looks at one before
    /// somebody changes it.
    #[serde(default)]
    pub objects: Vec<Raw>,
    /// What is hidden in images.
    #[serde(default)]
    pub versions: Vec<Version>,
    /// What people and pipelines do.
    #[serde(default)]
    pub acts: Vec<Act>,
    /// What goes wrong between the clusters and whoever looks.
    #[serde(default)]
    pub faults: Vec<Trouble>,
}

/// A cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterPart {
    /// Its name, which is that of its context too.
    pub name: String,
    /// How many nodes it has.
    #[serde(default = "nodes")]
    pub nodes: u16,
}

const fn nodes() -> u16 {
    3
}

/// An analysis template that asks Prometheus.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Analysis {
    /// The query; `{{args.app}}` and `{{args.hash}}` stand for the workload and the new version.
    pub query: String,
    /// When a measurement is good.
    #[serde(default)]
    pub success: String,
    /// When it is bad.
    #[serde(default)]
    pub failure: String,
    /// Between two measurements.
    pub interval: Span,
    /// How many; without it: as long as the analysis runs.
    #[serde(default)]
    pub count: Option<u32>,
    /// Bad ones that are forgiven.
    #[serde(default)]
    pub failure_limit: u32,
    /// Unclear ones that are forgiven.
    #[serde(default)]
    pub inconclusive_limit: u32,
}

/// An object as the API has it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    /// Where it is.
    pub cluster: String,
    /// The object, with `apiVersion` and `kind`.
    pub object: toml::Table,
}

/// What kind of workload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkloadKind {
    /// A Rollout.
    #[default]
    Rollout,
    /// A Deployment.
    Deployment,
    /// A StatefulSet.
    StatefulSet,
    /// A DaemonSet.
    DaemonSet,
    /// A Canary of Flagger with its Deployment; `spec` is the Canary's.
    Canary,
}

/// A workload, in one cluster or in several.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// `namespace/name`.
    pub name: String,
    /// What it is.
    #[serde(default)]
    pub kind: WorkloadKind,
    /// The clusters it is in; none named: all.
    #[serde(default)]
    pub clusters: Vec<String>,
    /// So many alike: `name-001`, `name-002` … spread over as many namespaces as `spread` says.
    #[serde(default)]
    pub copies: Copies,
    /// How many pods.
    #[serde(default = "replicas")]
    pub replicas: i64,
    /// Its image without the tag.
    pub image: String,
    /// The tags it ran, oldest first; the last one runs.
    pub tags: Vec<String>,
    /// Requests a second that reach it; without it: 20 for each pod.
    #[serde(default)]
    pub rps: Option<f64>,
    /// How a Rollout releases.
    #[serde(default)]
    pub strategy: Strategy,
    /// Who it belongs to, and what more it carries.
    #[serde(default)]
    pub about: About,
    /// Fields of its spec, as the API has them.
    #[serde(default)]
    pub spec: toml::Table,
}

const fn replicas() -> i64 {
    3
}

/// So many workloads alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copies {
    /// How many; 0: it is one of its own.
    #[serde(default)]
    pub count: usize,
    /// Over how many namespaces.
    #[serde(default)]
    pub spread: usize,
}

/// How a Rollout releases.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Strategy {
    /// Step by step.
    Canary(Canary),
    /// A preview and a switch.
    BlueGreen(BlueGreen),
}

impl Default for Strategy {
    fn default() -> Self {
        Self::Canary(Canary::default())
    }
}

/// A canary.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// `weight 10`, `pause`, `pause 2m`, `analysis errors`, `scale 3`, `scale 50%`, `scale match`,
    /// `experiment 2m`, `plugin checks`, `header beta`, `mirror copy`.
    #[serde(default)]
    pub steps: Vec<StepWords>,
    /// Who carries the weights; without it: the pods' number does.
    #[serde(default)]
    pub router: Option<Router>,
    /// Analyses that run beside the steps.
    #[serde(default)]
    pub background: Vec<String>,
    /// The step with which they begin.
    #[serde(default)]
    pub background_from: Option<u32>,
    /// Fields of the strategy, as the API has them.
    #[serde(default)]
    pub spec: toml::Table,
}

/// A router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Router {
    /// An nginx ingress controller.
    Nginx,
    /// Istio.
    Istio,
    /// The Gateway API, by its plugin.
    Gateway,
}

/// Blue-green.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlueGreen {
    /// Who promotes: `human`, or after how long it promotes itself; without it: at once.
    #[serde(default)]
    pub promotes: Promotes,
    /// Analyses before the switch.
    #[serde(default)]
    pub before: Vec<String>,
    /// Analyses after it.
    #[serde(default)]
    pub after: Vec<String>,
    /// Fields of the strategy, as the API has them.
    #[serde(default)]
    pub spec: toml::Table,
}

/// Who promotes a preview.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Promotes {
    /// The controller, as soon as the preview is up.
    #[default]
    AtOnce,
    /// A human.
    Human,
    /// The controller, after so long.
    After(Span),
}

/// Who a workload belongs to, and what it carries.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The Argo CD application that owns it.
    #[serde(default)]
    pub argocd: Option<String>,
    /// The Flux kustomization that owns it.
    #[serde(default)]
    pub flux: Option<String>,
    /// The Helm release it is part of.
    #[serde(default)]
    pub helm: Option<String>,
    /// The team, as a label.
    #[serde(default)]
    pub team: Option<String>,
    /// Annotations of the workload.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// Annotations of its pods; `{tag}` and `{commit}` stand for those of the version.
    #[serde(default)]
    pub pods: BTreeMap<String, String>,
}

/// What is hidden in an image.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// The image with its tag.
    pub image: String,
    /// Share of requests that fail, from 0 to 1.
    #[serde(default)]
    pub errors: f64,
    /// Median time to answer.
    #[serde(default)]
    pub latency: Option<Span>,
    /// A pod is well until this age.
    #[serde(default)]
    pub after: Span,
    /// From the start of the pull to the start of the container.
    #[serde(default)]
    pub starts: Option<Span>,
    /// From the start to ready.
    #[serde(default)]
    pub ready: Option<Span>,
    /// What becomes of its containers.
    #[serde(default)]
    pub fate: Fate,
    /// The digest of the image.
    #[serde(default)]
    pub digest: Option<String>,
    /// Lines in its log.
    #[serde(default)]
    pub log: Vec<String>,
}

/// What becomes of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It becomes ready.
    #[default]
    Well,
    /// It runs and never becomes ready.
    NeverReady,
    /// It ends with an error so long after each start.
    Crash(Span),
    /// Its image cannot be pulled.
    BadImage,
}

/// What somebody does.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// When, counted from the first frame: `-12m` is before it.
    pub at: Span,
    /// Where.
    pub cluster: String,
    /// `namespace/name` of a workload of the scenario.
    pub workload: String,
    /// What.
    #[serde(rename = "do")]
    pub what: Deed,
    /// With which tool.
    #[serde(default = "hand")]
    pub by: String,
    /// Whose commit it brings out.
    #[serde(default)]
    pub author: Option<String>,
    /// Which commit.
    #[serde(default)]
    pub commit: Option<String>,
}

fn hand() -> String {
    "kubectl-argo-rollouts".to_owned()
}

/// A deed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Brings out a tag.
    Release(String),
    /// Clears a pause.
    Promote,
    /// Skips all that is left.
    PromoteFull,
    /// Aborts.
    Abort,
    /// Tries again.
    Retry,
    /// Pauses by hand.
    Pause,
    /// Resumes.
    Resume,
    /// Restarts the pods.
    Restart,
    /// Changes the number of pods.
    Scale(i64),
    /// Deletes it.
    Delete,
}

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    /// When, counted from the first frame.
    pub at: Span,
    /// Where.
    pub cluster: String,
    /// How long; without it: for ever.
    #[serde(default, rename = "for")]
    pub lasts: Option<Span>,
    /// With the API server.
    #[serde(default)]
    pub api: Option<What>,
    /// With Prometheus.
    #[serde(default)]
    pub prometheus: Option<PrometheusFault>,
    /// How many requests the API server's hits; without it: every one in its time.
    #[serde(default)]
    pub count: Option<u32>,
    /// Only requests of this verb.
    #[serde(default)]
    pub verb: Option<Verb>,
    /// Only requests for this resource, with its subresource.
    #[serde(default)]
    pub resource: Option<String>,
    /// Only requests for the object of this name.
    #[serde(default)]
    pub name: Option<String>,
}

impl Trouble {
    /// As a fault of the API server, counted from `ms` before the first frame.
    pub(super) fn api_fault(&self, lived_ms: u64) -> Option<Fault> {
        let what = self.api.clone()?;
        Some(Fault {
            what,
            after_ms: self.at.ms_after(lived_ms),
            for_ms: self.lasts.map(|it| it.ms_after(0)),
            count: self.count,
            verb: self.verb,
            resource: self.resource.clone(),
            name: self.name.clone(),
        })
    }
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// What is wrong, with the file, the line and the nearest right name.
    pub fn parse(text: &str, file: &str) -> Result<Self, String> {
        let text = &expanded(text);
        let scenario: Self =
            toml::from_str(text).map_err(|error| scenario_error::told(&error, text, file))?;
        scenario_error::check(&scenario, text, file)?;
        Ok(scenario)
    }

    /// Reads one of [`SCENARIOS`], or a file.
    ///
    /// # Errors
    /// There is none of that name, or something is wrong with it.
    pub fn load(name: &str) -> Result<Self, String> {
        if let Some((_, text)) = SCENARIOS.into_iter().find(|(known, _)| *known == name) {
            return Self::parse(text, &format!("{name}.toml"));
        }
        if !name.contains(['/', '.']) {
            let names = SCENARIOS.map(|(name, _)| name);
            let nearest = scenario_error::nearest(name, names);
            let hint = nearest.map(|it| format!(" Did you mean \"{it}\"?")).unwrap_or_default();
            let names = names.join(", ");
            return Err(format!("no scenario \"{name}\".{hint} There are {names}, or a file"));
        }
        Self::parse(&scenario_file::text(name)?, name)
    }
}

impl World {
    /// The world of a scenario as somebody sees it for the first time. The same scenario, seed and
    /// time make the same world.
    #[must_use]
    pub fn from_scenario(scenario: &Scenario, seed: u64, now: Timestamp) -> Self {
        scenario_build::world(scenario, seed, now)
    }
}

/// The world of a scenario, by its name or file.
///
/// # Errors
/// What is wrong with it.
pub fn world(name: &str, seed: u64, now: Timestamp) -> Result<World, String> {
    Ok(World::from_scenario(&Scenario::load(name)?, seed, now))
}

#[cfg(test)]
#[path = "scenario_tests.rs"]
mod tests;
