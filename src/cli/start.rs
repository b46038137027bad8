//! From settings to a running machine: clusters, metrics, the audit file, the session.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::args::Args;
use super::headless::exit;
use super::settings::{Contexts, Settings};
use crate::app::state::{FrontKind, Mode, Session};
use crate::backends::audit_file::{AuditFile, Who};
use crate::backends::kube::cluster::{Cluster, ClusterSpec};
use crate::backends::kube::kubeconfig::{self, Environment, Wanted};
use crate::backends::prometheus::client::Prometheus;
use crate::domain::feed::Trouble;
use crate::domain::ids::ClusterName;
use crate::domain::observed::Clock;
use crate::domain::text::Text;
use crate::runtime::machine::Backends;

/// Why nothing can be started: what to say, and the exit code.
#[derive(Debug)]
pub struct Stop {
    /// The sentence.
    pub words: String,
    /// The exit code.
    pub code: u8,
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self { words: format!("{trouble}; {}", trouble.remedy()), code: exit::USAGE }
    }
}

/// The contexts that were asked for.
///
/// # Errors
/// What is wrong with the kubeconfig.
pub fn contexts(args: &Args, settings: &Settings) -> Result<Vec<ClusterSpec>, Stop> {
    let wanted = Wanted {
        kubeconfig: args.cluster.kubeconfig.clone(),
        contexts: match &settings.scope.contexts {
            Contexts::Current => kubeconfig::Contexts::Current,
            Contexts::All => kubeconfig::Contexts::All,
            Contexts::Named(names) => kubeconfig::Contexts::Named(names.clone()),
        },
        namespaces: settings.scope.namespaces.clone(),
        selector: settings.scope.selector.clone(),
        request_timeout: Some(settings.request_timeout),
        impersonate: args.cluster.impersonate.clone(),
        environment: Environment::read(),
    };
    match kubeconfig::contexts(&wanted) {
        Ok(specs) => Ok(specs),
        Err(Trouble::NotConfigured) => Err(Stop {
            words: "no kubeconfig was found, and this is no pod: name one with --kubeconfig or \
                    KUBECONFIG, or look around without a cluster: pilothouse demo"
                .to_owned(),
            code: exit::USAGE,
        }),
        Err(trouble) => Err(trouble.into()),
    }
}

/// A Prometheus for each context that has one, and what is wrong with the others.
#[must_use]
pub fn prometheus(
    names: &[ClusterName],
    settings: &Settings,
    clock: &Clock,
) -> (BTreeMap<ClusterName, Prometheus>, Vec<Text>) {
    let mut found = BTreeMap::new();
    let mut wrong = Vec::new();
    for name in names {
        let Some(spec) = settings.metrics.prometheus(name) else { continue };
        match Prometheus::new(spec, clock.clone()) {
            Ok(prometheus) => {
                found.insert(name.clone(), prometheus);
            }
            Err(why) => wrong.push(Text::clean(&format!("Prometheus of {name}: {why}"))),
        }
    }
    (found, wrong)
}

/// Everything that effects act on, and the session that goes with it.
///
/// # Errors
/// The audit thread cannot be started: a fault of the system.
pub fn backends(
    specs: Vec<ClusterSpec>,
    settings: &Settings,
    clock: &Clock,
) -> Result<(Backends, Session, Vec<Text>), Stop> {
    let names: Vec<ClusterName> = specs.iter().map(|spec| spec.name.clone()).collect();
    let of_spec = |spec: &ClusterSpec| -> Vec<Text> {
        let note = |caution: &Text| Text::clean(&format!("{}: {caution}", spec.name));
        spec.cautions.iter().map(note).collect()
    };
    let mut notes: Vec<Text> = specs.iter().flat_map(of_spec).collect();
    let (prometheus, wrong) = prometheus(&names, settings, clock);
    notes.extend(wrong);
    let audit = audit(settings, clock)?;
    let session = Session {
        clusters: names.clone(),
        measured: names.into_iter().filter(|name| prometheus.contains_key(name)).collect(),
        mode: if settings.read_only { Mode::ReadOnly } else { Mode::Real },
        limits: settings.metrics.limits,
        gate_limit: settings.gate_limit,
        seed: crate::backends::source::dice(),
        asks_metrics: !prometheus.is_empty(),
        front: FrontKind::Headless,
        record: match settings.files.audit_dir {
            Some(_) => Ok(()),
            None => Err(Text::clean("no folder for the audit file is known; set audit_dir")),
        },
        ..Session::empty()
    };
    let cluster = |spec: ClusterSpec| (spec.name.clone(), Cluster::new(spec, clock.clone()));
    let clusters = specs.into_iter().map(cluster).collect();
    Ok((Backends { clusters, prometheus, audit, clock: Arc::clone(clock) }, session, notes))
}

fn audit(settings: &Settings, clock: &Clock) -> Result<AuditFile, Stop> {
    let folder = settings.files.audit_dir.clone().unwrap_or_else(nowhere);
    AuditFile::open(&folder, who(), clock.clone()).map_err(|error| Stop {
        words: format!("the audit file's thread cannot be started: {error}"),
        code: exit::FAULT,
    })
}

/// A folder that cannot be made: without a state folder nothing is recorded, and every try says so.
fn nowhere() -> PathBuf {
    PathBuf::from("/dev/null/pilothouse")
}

/// Who runs this, for the header of the audit file.
#[must_use]
pub fn who() -> Who {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("USER").or_else(|| variable("LOGNAME"));
    let uid = rustix::process::getuid().as_raw();
    Who {
        os_user: Text::clean(&user.unwrap_or_else(|| format!("uid {uid}"))),
        host: Text::clean(&rustix::system::uname().nodename().to_string_lossy()),
        ssh_from: variable("SSH_CONNECTION").map(|origin| Text::clean(&origin)),
        pid: std::process::id(),
    }
}
