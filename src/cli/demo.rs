//! The demo: a simulated fleet behind the real wire, on loopback.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use super::args::{Args, DemoArgs};
use super::headless::exit;
use super::run::{printed, variable};
use super::screen::{self, Scene};
use super::settings::{self, Settings};
use super::start::Stop;
use crate::backends::kube::cluster::ClusterSpec;
use crate::backends::kube::kubeconfig::{self, Wanted};
use crate::backends::source::dice;
use crate::domain::warning::Warning;
use crate::runtime::clock;
use crate::sim::serve::{self, Clock, Served};
use crate::sim::shared::Shared;
use crate::sim::world::World;

/// Runs the demo: on the screen, or as a server for kubectl, curl and tests.
///
/// # Errors
/// A scenario that is wrong, a port that cannot be opened.
pub async fn run(
    demo: &DemoArgs,
    args: &Args,
    settings: &Settings,
    warnings: &[Warning],
) -> Result<u8, Stop> {
    let world = world(demo, settings)?;
    let clock = if demo.speed > 0.0 { Clock::Scaled(demo.speed) } else { Clock::Manual };
    let served = serve::serve(Shared::new(world), clock).await.map_err(|error| fault(&error))?;
    if demo.serve {
        return stay(&served).await;
    }
    let specs = clusters(&served)?;
    let mut words: Vec<String> = vec!["pilothouse".to_owned()];
    for (name, _) in &served.clusters {
        if let Some(url) = served.prometheus_url(name) {
            words.push(format!("--prometheus={name}={url}"));
        }
    }
    let settings = simulated(settings, args, &words)?;
    screen::run(args, &settings, warnings, Scene::Simulated(specs)).await
}

fn fault(error: &io::Error) -> Stop {
    Stop { words: format!("the simulated clusters cannot be served: {error}"), code: exit::FAULT }
}

/// The operator's settings, with the simulated world's Prometheus.
fn simulated(settings: &Settings, args: &Args, words: &[String]) -> Result<Settings, Stop> {
    let mut words = words.to_vec();
    words.push(format!("--theme={}", settings.screen.theme));
    words.push(format!("--keymap={}", settings.screen.keymap));
    words.extend(args.look.read_only.then(|| "--read-only".to_owned()));
    words.extend(args.look.ascii.then(|| "--ascii".to_owned()));
    words.extend(args.look.no_color.then(|| "--no-color".to_owned()));
    words.extend(args.look.config.iter().map(|path| format!("--config={}", path.display())));
    let args = super::args::parse(words)
        .map_err(|error| Stop { words: error.to_string(), code: exit::FAULT })?;
    let (settings, _) = settings::settings(&args, &variable)
        .map_err(|error| Stop { words: error.why.to_string(), code: exit::USAGE })?;
    Ok(settings)
}

fn world(demo: &DemoArgs, _settings: &Settings) -> Result<World, Stop> {
    let name = demo.scenario.as_deref().unwrap_or("demo");
    crate::sim::scenario::world(name, demo.seed.unwrap_or(1), clock::system()())
        .map_err(|words| Stop { words, code: exit::USAGE })
}

/// The clusters as the kubeconfig of the served world tells of them.
fn clusters(served: &Served) -> Result<Vec<ClusterSpec>, Stop> {
    let path = kubeconfig_file(served).map_err(|error| fault(&error))?;
    let names = served.clusters.iter().map(|(name, _)| name.clone()).collect();
    let wanted = Wanted {
        kubeconfig: Some(path.clone()),
        contexts: kubeconfig::Contexts::Named(names),
        ..Wanted::default()
    };
    let specs = kubeconfig::contexts(&wanted);
    // It was read; nobody else needs it.
    let _ = fs::remove_file(&path);
    let mut specs = specs?;
    for spec in &mut specs {
        // On loopback nobody reads along.
        spec.cautions = [].into();
    }
    Ok(specs)
}

/// In a folder that others may write to: under a name that nobody foresees, never over something that is there, and for
/// nobody else's eyes.
fn kubeconfig_file(served: &Served) -> io::Result<PathBuf> {
    let name = format!("pilothouse-demo-{:016x}.kubeconfig", dice());
    let path = std::env::temp_dir().join(name);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(served.kubeconfig().as_bytes())?;
    Ok(path)
}

/// Prints how to reach it, and stays until it is interrupted.
async fn stay(served: &Served) -> Result<u8, Stop> {
    let path = kubeconfig_file(served).map_err(|error| fault(&error))?;
    let mut text = String::new();
    let _ = writeln!(text, "export KUBECONFIG={}", path.display());
    for (name, _) in &served.clusters {
        if let Some(url) = served.prometheus_url(name) {
            let _ = writeln!(text, "# --prometheus {name}={url}");
        }
    }
    if let Some((name, _)) = served.clusters.first()
        && let Some(url) = served.prometheus_url(name)
    {
        let _ = writeln!(text, "export PROMETHEUS_URL={url}");
    }
    let code = printed(&text);
    if code != exit::DONE {
        return Ok(code);
    }
    let _ = tokio::signal::ctrl_c().await;
    let _ = fs::remove_file(&path);
    Ok(exit::DONE)
}
