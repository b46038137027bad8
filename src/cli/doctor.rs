//! `doctor`: what is wrong with the set-up, and what to do about it. Reads and asks; changes nothing but for the audit
//! folder, which is made if it is not there.

use std::io::IsTerminal as _;
use std::time::Duration;

use jiff::SignedDuration;

use super::args::Args;
use super::assets;
use super::doctor_rights::rights;
use super::document::doctor::{DoctorReport, Finding, Mark};
use super::headless::output::{self, Format};
use super::headless::{exit, get, table};
use super::settings::Settings;
use super::start::{self, Stop};
use crate::backends::audit_read;
use crate::backends::kube::cluster::Cluster;
use crate::backends::kube::probe;
use crate::backends::kube::resource::ROLLOUTS;
use crate::backends::prometheus::client::Prometheus;
use crate::domain::feed::Trouble;
use crate::domain::warning::Warning;
use crate::runtime::clock;

/// Clocks that differ by more than this make ages and timers wrong enough to be told (`reference/reliability.md` §4.4).
const SKEW_MAX: SignedDuration = SignedDuration::from_secs(5);

/// Longest time that all questions to one cluster may take together.
const CLUSTER_TIME_MAX: Duration = Duration::from_secs(30);

/// Looks at everything and prints what it found.
///
/// # Errors
/// None so far: what is wrong is a finding.
pub async fn run(args: &Args, settings: &Settings, warnings: &[Warning]) -> Result<u8, Stop> {
    let clock = clock::system();
    let said = warnings.iter().cloned().chain(assets::mistakes(settings)).collect::<Vec<_>>();
    let mut findings = files(settings, &said);
    findings.extend(terminal());
    let (specs, wrong) = match start::contexts(args, settings) {
        Ok(specs) => (specs, None),
        Err(stop) => (Vec::new(), Some(stop)),
    };
    findings.extend(
        wrong.map(|stop| {
            Finding::new("here", "kubeconfig", Mark::Fail, &stop.words).code(stop.code)
        }),
    );
    let names: Vec<_> = specs.iter().map(|spec| spec.name.clone()).collect();
    for spec in specs {
        let cluster = Cluster::new(spec, clock.clone());
        findings.extend(of_cluster(&cluster).await);
    }
    let (prometheus, wrong) = start::prometheus(&names, settings, &clock);
    for why in wrong {
        findings.push(Finding::new("metrics", "prometheus", Mark::Fail, why.as_str()));
    }
    for name in &names {
        findings.push(match prometheus.get(name) {
            Some(prometheus) => of_prometheus(name.as_str(), prometheus).await,
            None => Finding::new(name.as_str(), "prometheus", Mark::Warn, "not configured")
                .remedy("set --prometheus [CONTEXT=]URL or prometheus.url in the config"),
        });
    }
    let code = code(&findings);
    let report = DoctorReport::new(findings);
    let printed = match args.look.output {
        Format::Json | Format::Yaml => output::document(args.look.output, &report),
        Format::Table | Format::Wide => output::text(&words(&report)),
    };
    Ok(get::printed(printed, code))
}

fn code(findings: &[Finding]) -> u8 {
    let worst = findings.iter().filter(|finding| finding.mark == Mark::Fail).map(|f| f.code).max();
    worst.unwrap_or(exit::DONE)
}

fn words(report: &DoctorReport) -> String {
    let row = |finding: &Finding| {
        vec![
            finding.mark.word().to_owned(),
            finding.place.clone(),
            finding.what.clone(),
            match &finding.remedy {
                Some(remedy) => format!("{}; {remedy}", finding.found),
                None => finding.found.clone(),
            },
        ]
    };
    table::aligned(&report.findings.iter().map(row).collect::<Vec<_>>())
}

pub(super) fn of_trouble(place: &str, what: &str, trouble: &Trouble) -> Finding {
    let code = match trouble {
        Trouble::NotAuthenticated { .. } | Trouble::Forbidden(_) => exit::DENIED,
        Trouble::Config(_) => exit::USAGE,
        Trouble::KindMissing(_)
        | Trouble::NotFound(_)
        | Trouble::Plugin(_)
        | Trouble::Unreachable(_)
        | Trouble::Tls(_)
        | Trouble::TimedOut { .. }
        | Trouble::BadAnswer(_)
        | Trouble::Refused { .. }
        | Trouble::TooLarge { .. }
        | Trouble::NotConfigured
        | Trouble::Lost(_) => exit::NO_ANSWER,
    };
    let finding = Finding::new(place, what, Mark::Fail, &trouble.to_string());
    finding.remedy(trouble.remedy()).code(code)
}

async fn of_cluster(cluster: &Cluster) -> Vec<Finding> {
    let name = cluster.name().as_str().to_owned();
    match tokio::time::timeout(CLUSTER_TIME_MAX, asked(cluster)).await {
        Ok(findings) => findings,
        Err(_late) => {
            let late = Trouble::TimedOut { after: CLUSTER_TIME_MAX };
            vec![of_trouble(&name, "API server", &late)]
        }
    }
}

async fn asked(cluster: &Cluster) -> Vec<Finding> {
    let name = cluster.name().as_str();
    let mut findings: Vec<Finding> = cluster
        .spec()
        .cautions
        .iter()
        .map(|caution| Finding::new(name, "kubeconfig", Mark::Warn, caution.as_str()))
        .collect();
    match probe::version(cluster).await {
        Ok(version) => findings.push(Finding::new(name, "API server", Mark::Ok, version.as_str())),
        Err(trouble) => {
            findings.push(of_trouble(name, "API server", &trouble));
            return findings;
        }
    }
    findings.push(match probe::identity(cluster).await {
        Ok(Some(who)) => Finding::new(name, "identity", Mark::Ok, who.as_str()),
        Ok(None) => Finding::new(name, "identity", Mark::Warn, "the server cannot tell"),
        Err(trouble) => of_trouble(name, "identity", &trouble),
    });
    findings.extend(skew(cluster, name).await);
    findings.push(match probe::is_installed(cluster, ROLLOUTS).await {
        Ok(true) => Finding::new(name, "Argo Rollouts", Mark::Ok, "installed"),
        Ok(false) => Finding::new(name, "Argo Rollouts", Mark::Warn, "not installed")
            .remedy("nothing to do if this cluster uses Deployments only"),
        Err(trouble) => of_trouble(name, "Argo Rollouts", &trouble),
    });
    findings.extend(rights(cluster, name).await);
    findings
}

async fn skew(cluster: &Cluster, name: &str) -> Option<Finding> {
    let (theirs, ours) = probe::clocks(cluster).await.ok()?;
    let skew = theirs.duration_since(ours);
    let words = format!("{} s apart", skew.as_secs());
    Some(if skew.abs() > SKEW_MAX {
        Finding::new(name, "clock", Mark::Warn, &words)
            .remedy("set this machine's clock (NTP); ages and countdowns are off by as much")
    } else {
        Finding::new(name, "clock", Mark::Ok, &words)
    })
}

async fn of_prometheus(name: &str, prometheus: &Prometheus) -> Finding {
    match prometheus.probe().await {
        Ok(probe) => {
            let version = probe.version.map_or_else(String::new, |version| format!(" {version}"));
            let words = format!("{}{version} at {}", probe.product, prometheus.place());
            Finding::new(name, "prometheus", Mark::Ok, &words)
        }
        Err(trouble) => of_trouble(name, "prometheus", &trouble),
    }
}

fn terminal() -> Vec<Finding> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let term = variable("TERM").unwrap_or_else(|| "not set".to_owned());
    let through = ["TMUX", "STY", "SSH_CONNECTION"];
    let through: Vec<&str> = through.into_iter().filter(|name| variable(name).is_some()).collect();
    let words = format!("TERM {term}; through {}", through.join(", "));
    let words = words.trim_end_matches("; through ").to_owned();
    if !std::io::stdout().is_terminal() {
        return vec![Finding::new(
            "here",
            "terminal",
            Mark::Ok,
            "none: get, status and watch work",
        )];
    }
    let is_dumb = matches!(term.as_str(), "dumb" | "not set");
    let mark = if is_dumb { Mark::Warn } else { Mark::Ok };
    vec![Finding::new("here", "terminal", mark, &words)]
}

fn files(settings: &Settings, warnings: &[Warning]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = warnings
        .iter()
        .map(|warning| Finding::new("here", "config", Mark::Warn, &warning.to_string()))
        .collect();
    if warnings.is_empty() {
        findings.push(Finding::new("here", "config", Mark::Ok, "no mistakes"));
    }
    findings.push(audit(settings));
    if settings.read_only {
        findings.push(Finding::new("here", "deeds", Mark::Warn, "read-only: no deed is possible"));
    }
    findings
}

fn audit(settings: &Settings) -> Finding {
    let Some(folder) = &settings.files.audit_dir else {
        let finding = Finding::new("here", "audit", Mark::Fail, "no folder is known");
        return finding.remedy("set audit_dir").code(exit::USAGE);
    };
    let shown = folder.display().to_string();
    if let Err(error) = std::fs::create_dir_all(folder) {
        let words = format!("{shown}: {error}");
        let finding = Finding::new("here", "audit", Mark::Fail, &words).code(exit::USAGE);
        return finding
            .remedy("make it writable, or set audit_dir; only pause and abort go without");
    }
    match audit_read::verify(folder, &[]) {
        Ok(verification) if verification.is_sound() => {
            Finding::new("here", "audit", Mark::Ok, &format!("{shown}, sound"))
        }
        Ok(_) => Finding::new("here", "audit", Mark::Warn, &format!("{shown} is not sound"))
            .remedy("see `pilothouse audit verify`"),
        Err(error) => Finding::new("here", "audit", Mark::Fail, &format!("{shown}: {error}"))
            .remedy("make it readable")
            .code(exit::USAGE),
    }
}
