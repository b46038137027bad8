//! Scenarios: a file that says which clusters there are, what runs in them, what is released when, and what goes wrong.
//! A scenario and a seed are a film: they come again exactly.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::controllers::life::Pace;
use super::controllers::script::{Act, Deed};
use super::controllers::truth::{Fate, Version};
use super::fault::Fault;
use super::scenario_objects as objects;
use super::world::World;

/// The embedded scenarios.
pub const SCENARIOS: [(&str, &str); 4] = [
    ("demo", include_str!("../../assets/scenarios/demo.toml")),
    ("canary-errors", include_str!("../../assets/scenarios/canary-errors.toml")),
    ("approval", include_str!("../../assets/scenarios/approval.toml")),
    ("quiet", include_str!("../../assets/scenarios/quiet.toml")),
];

/// Largest scenario file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A world has lived this long before its first frame, unless its scenario says otherwise.
const LIVED: SignedDuration = SignedDuration::from_mins(30);

/// A scenario as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, for people.
    #[serde(default)]
    pub about: String,
    /// The clusters, in the order of the screen.
    pub clusters: Vec<String>,
    /// Minutes that have passed before the first frame.
    #[serde(default)]
    pub lived_minutes: Option<u32>,
    /// How versions behave.
    #[serde(default, rename = "version")]
    pub versions: Vec<VersionLine>,
    /// What runs.
    #[serde(default, rename = "workload")]
    pub workloads: Vec<WorkloadLine>,
    /// What people and pipelines do.
    #[serde(default, rename = "release")]
    pub releases: Vec<ReleaseLine>,
    /// What goes wrong.
    #[serde(default, rename = "fault")]
    pub faults: Vec<FaultLine>,
}

/// How a version behaves.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionLine {
    /// Its image.
    pub image: String,
    /// Share of its requests that fail, 0 to 1.
    #[serde(default)]
    pub errors: f64,
    /// Median time to answer, in milliseconds.
    #[serde(default)]
    pub latency_ms: Option<f64>,
    /// Its pods are well until this age, in seconds.
    #[serde(default)]
    pub after_seconds: i64,
    /// What becomes of its containers.
    #[serde(default)]
    pub fate: FateWord,
}

/// What becomes of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FateWord {
    /// It runs.
    #[default]
    Well,
    /// It runs and never becomes ready.
    NeverReady,
    /// It ends with an error again and again.
    Crash,
    /// Its image cannot be pulled.
    BadImage,
}

/// What runs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadLine {
    /// In which cluster.
    pub cluster: String,
    /// `namespace/name`.
    pub name: String,
    /// How it is released.
    #[serde(default)]
    pub how: How,
    /// How many pods.
    #[serde(default = "four")]
    pub replicas: u32,
    /// Its first image.
    pub image: String,
    /// Requests a second that reach it.
    #[serde(default)]
    pub rps: Option<f64>,
    /// Steps of a canary: `"25%"`, `"pause"`, `"pause 2m"`, `"analysis"`.
    #[serde(default)]
    pub steps: Vec<String>,
    /// A router carries its weights.
    #[serde(default)]
    pub routed: bool,
    /// The Argo CD application that owns it.
    #[serde(default)]
    pub argocd: Option<String>,
    /// Seconds without progress until it is called stuck.
    #[serde(default)]
    pub deadline_seconds: Option<u32>,
}

const fn four() -> u32 {
    4
}

/// How a workload is released.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Argo, step by step.
    #[default]
    Canary,
    /// Argo, switched by a human.
    BlueGreen,
    /// Kubernetes' own.
    Deployment,
}

/// A release, or another change of a workload.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseLine {
    /// In which cluster.
    pub cluster: String,
    /// `namespace/name`.
    pub name: String,
    /// Seconds after the first frame; negative: before it.
    pub at_seconds: i64,
    /// The new image.
    pub image: String,
    /// Who made it.
    #[serde(default)]
    pub author: Option<String>,
    /// From which commit.
    #[serde(default)]
    pub commit: Option<String>,
}

/// A fault of a cluster, counted from the first frame.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultLine {
    /// Which cluster.
    pub cluster: String,
    /// What.
    pub fault: Fault,
}

/// The world of a scenario by name or path, at its first frame.
///
/// # Errors
/// What is wrong with it, with its place, and which names there are.
pub fn world(name: &str, seed: u64, now: Timestamp) -> Result<World, String> {
    let (place, text) = find(name)?;
    let scenario: Scenario =
        toml::from_str(&text).map_err(|error| format!("{place}: {}", one_line(&error)))?;
    build(&scenario, seed, now).map_err(|why| format!("{place}: {why}"))
}

/// A toml error in one line, with line and column.
fn one_line(error: &toml::de::Error) -> String {
    error.to_string().lines().filter(|line| !line.trim().is_empty()).fold(
        String::new(),
        |mut out, line| {
            let _ = write!(out, "{}{}", if out.is_empty() { "" } else { " " }, line.trim());
            out
        },
    )
}

fn find(name: &str) -> Result<(String, String), String> {
    if let Some((name, text)) = SCENARIOS.iter().find(|(known, _)| *known == name) {
        return Ok((format!("scenario {name}"), (*text).to_owned()));
    }
    let is_path = name.contains('/') || name.contains('.');
    if !is_path {
        let names: Vec<&str> = SCENARIOS.iter().map(|(name, _)| *name).collect();
        return Err(format!("no scenario {name:?}; there are {}, or a file", names.join(", ")));
    }
    let size = std::fs::metadata(name).map_err(|error| format!("{name}: {error}"))?.len();
    if size > FILE_BYTES_MAX {
        return Err(format!("{name}: longer than {FILE_BYTES_MAX} bytes"));
    }
    let text = std::fs::read_to_string(name).map_err(|error| format!("{name}: {error}"))?;
    Ok((name.to_owned(), text))
}

fn build(scenario: &Scenario, seed: u64, now: Timestamp) -> Result<World, String> {
    let lived = scenario
        .lived_minutes
        .map_or(LIVED, |minutes| SignedDuration::from_mins(i64::from(minutes)));
    let start = now - lived;
    let names: Vec<&str> = scenario.clusters.iter().map(String::as_str).collect();
    let mut world = World::living(start, &names, seed);
    for cluster in &mut world.clusters {
        objects::furnish(cluster, scenario)?;
    }
    for line in &scenario.versions {
        for cluster in &mut world.clusters {
            if let Some(life) = &mut cluster.life {
                life.truth().version(&line.image, version(line));
            }
        }
    }
    for line in &scenario.workloads {
        let cluster = world.cluster(&line.cluster).ok_or_else(|| no_cluster(&line.cluster))?;
        if let (Some(life), Some(rps)) = (&mut cluster.life, line.rps) {
            life.truth().demand(&line.name, rps);
        }
        objects::create(cluster, line)?;
    }
    for line in &scenario.releases {
        let kind = kind_of(scenario, line)?;
        let cluster = world.cluster(&line.cluster).ok_or_else(|| no_cluster(&line.cluster))?;
        if let Some(life) = &mut cluster.life {
            life.plan(act(kind, line, now));
        }
    }
    world.set_pace(Pace::Leaping);
    world.step(Duration::try_from(lived).unwrap_or_default());
    world.set_pace(Pace::Watched);
    for line in &scenario.faults {
        let cluster = world.cluster(&line.cluster).ok_or_else(|| no_cluster(&line.cluster))?;
        cluster.faults.plan(line.fault.clone(), now);
    }
    Ok(world)
}

fn no_cluster(name: &str) -> String {
    format!("no cluster {name:?} in `clusters`")
}

fn kind_of(scenario: &Scenario, line: &ReleaseLine) -> Result<super::store::Kind, String> {
    let is_it = |it: &&WorkloadLine| it.cluster == line.cluster && it.name == line.name;
    let workload = scenario.workloads.iter().find(is_it);
    let workload = workload.ok_or_else(|| {
        format!("a release of {} in {}, which does not run", line.name, line.cluster)
    })?;
    Ok(objects::kind(workload.how))
}

fn version(line: &VersionLine) -> Version {
    let usual = Version::default();
    Version {
        errors: line.errors.clamp(0.0, 1.0),
        latency_ms: line.latency_ms.unwrap_or(usual.latency_ms),
        after: SignedDuration::from_secs(line.after_seconds.max(0)),
        fate: match line.fate {
            FateWord::Well => Fate::Well,
            FateWord::NeverReady => Fate::NeverReady,
            FateWord::Crash => Fate::Crash { after: SignedDuration::from_secs(8) },
            FateWord::BadImage => Fate::BadImage,
        },
        ..usual
    }
}

fn act(kind: super::store::Kind, line: &ReleaseLine, now: Timestamp) -> Act {
    let mut annotations = serde_json::Map::new();
    let mut note = |key: &str, value: &Option<String>| {
        if let Some(value) = value {
            annotations.insert(key.to_owned(), value.clone().into());
        }
    };
    note("build.example.test/author", &line.author);
    note("build.example.test/commit", &line.commit);
    Act {
        at: now + SignedDuration::from_secs(line.at_seconds),
        kind,
        key: line.name.clone(),
        deed: Deed::Release { image: line.image.clone(), annotations: annotations.into() },
        by: "argocd-controller".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_scenario_comes_to_life() {
        for (name, _) in SCENARIOS {
            let world = world(name, 1, Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24));
            let world = world.unwrap_or_else(|why| panic!("{why}"));
            assert!(!world.clusters.is_empty(), "{name}");
        }
    }

    #[test]
    fn a_wrong_scenario_says_where() {
        let wrong =
            |text: &str| toml::from_str::<Scenario>(text).map_err(|error| one_line(&error)).err();
        let why = wrong("clusters = [\"eu\"]\nspeed = 2\n").unwrap_or_default();
        assert!(why.contains("line 2") && why.contains("speed"), "{why}");
        assert!(world("dmo", 1, Timestamp::UNIX_EPOCH).is_err_and(|why| why.contains("demo")));
    }
}
