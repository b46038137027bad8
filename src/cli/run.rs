//! What each command does.

use std::io::Write as _;
use std::time::Duration;

use tokio::time::Instant;

use super::args::{self, Args, Asked, AuditCommand, Command, DeedArgs, StatusArgs};
use super::headless::audit;
use super::headless::deed::{Deed, Follow, Stage};
use super::headless::exit;
use super::headless::find::Wanted;
use super::headless::get::{self, Get, Shows};
use super::headless::status::Status;
use super::headless::table::aligned;
use super::headless::timeline::Recall;
use super::headless::watch::Watch;
use super::screen::{self, Scene};
use super::settings::{self, Settings};
use super::start::{self, Stop};
use super::{assets, completions, config_text, demo, explain, judge, logging, tell};
use crate::app::state::State;
use crate::backends::kube::cluster::Cluster;
use crate::backends::kube::marks;
use crate::domain::ids::OrderId;
use crate::domain::text::Text;
use crate::domain::warning::Warning;
use crate::runtime::clock;
use crate::runtime::front::Front;
use crate::runtime::machine;
use crate::runtime::signals::{self, Listen};

/// How long commands that print wait for clusters that have not answered.
const PATIENCE_MAX: Duration = Duration::from_secs(15);

/// How long `status --wait` waits unless it is told.
const STATUS_TIMEOUT: Duration = Duration::from_mins(10);

/// Runs the program. The exit code.
#[must_use]
pub fn main() -> u8 {
    if color_eyre::install().is_err() {
        tell::say("the hook for faults could not be installed");
    }
    // Two providers would be two sets of roots; a second call finds the first one's and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let args = match args::parse(std::env::args_os()) {
        Ok(args) => args,
        Err(error) => {
            let printed = error.print();
            return if error.use_stderr() { exit::USAGE } else { written(printed) };
        }
    };
    let (settings, warnings) = match settings::settings(&args, &variable) {
        Ok(found) => found,
        Err(unreadable) => {
            tell::say(format_args!("{unreadable}; mend it, or name another with --config"));
            return exit::USAGE;
        }
    };
    match dispatch(&args, &settings, &warnings) {
        Ok(code) => code,
        Err(stop) => {
            tell::say(stop.words);
            stop.code
        }
    }
}

/// A variable of the environment. What is not UTF-8 is wrong, and no reason to take it as not said.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

fn dispatch(args: &Args, settings: &Settings, warnings: &[Warning]) -> Result<u8, Stop> {
    let _ = logging::start(settings);
    match &args.command {
        None => block_on(screen::run(args, settings, warnings, Scene::Real)),
        Some(Command::Demo(demo)) => block_on(demo::run(demo, args, settings, warnings)),
        Some(Command::Themes) => {
            warn(&assets::mistakes(settings));
            Ok(listed("THEME", &assets::themes(settings)))
        }
        Some(Command::Keys) => Ok(keys(settings)),
        Some(Command::Config(config)) => {
            warn(warnings);
            Ok(if config.example {
                printed(&config_text::example())
            } else {
                printed(&config_text::all(settings.table()))
            })
        }
        Some(Command::Completions(wanted)) => {
            let mut script = Vec::new();
            let _ = completions::write(wanted.shell, &mut script);
            Ok(printed(&String::from_utf8_lossy(&script)))
        }
        Some(Command::Explain(wanted)) => {
            warn(warnings);
            Ok(explain::run(&wanted.filename, args.look.output, clock::system()()))
        }
        Some(Command::Judge(wanted)) => {
            warn(warnings);
            Ok(judge::run(wanted, args.look.output))
        }
        Some(command) => {
            warn(warnings);
            block_on(headless(command, args, settings, warnings))
        }
    }
}

/// Runs it on two threads beside the loop's own. What is still asked when it ends (a name that no server resolves)
/// holds nobody up.
fn block_on(work: impl Future<Output = Result<u8, Stop>>) -> Result<u8, Stop> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime
        .map_err(|error| Stop { words: format!("no threads: {error}"), code: exit::FAULT })?;
    let code = runtime.block_on(work);
    runtime.shutdown_background();
    code
}

fn warn(warnings: &[Warning]) {
    for warning in warnings {
        tell::say(warning);
    }
}

/// Prints to a reader that may have had enough.
pub(super) fn printed(text: &str) -> u8 {
    let mut out = std::io::stdout().lock();
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// The exit code of having printed.
fn written(result: std::io::Result<()>) -> u8 {
    match result {
        Ok(()) => exit::DONE,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => exit::DONE,
        Err(error) => {
            tell::say(format_args!("cannot write the output: {error}"));
            exit::FAULT
        }
    }
}

fn listed(head: &str, names: &[(String, String)]) -> u8 {
    let mut rows = vec![vec![head.to_owned(), "ORIGIN".to_owned()]];
    rows.extend(names.iter().map(|(name, origin)| vec![name.clone(), origin.clone()]));
    printed(&aligned(&rows))
}

fn keys(settings: &Settings) -> u8 {
    let (keymap, warnings) = assets::keymap(settings);
    warn(&warnings);
    let head = ["CONTEXT", "KEYS", "COMMAND", "WHAT IT DOES", "ORIGIN"];
    let mut rows = vec![head.iter().map(ToString::to_string).collect::<Vec<_>>()];
    for (context, keys, binding) in keymap.entries() {
        let id = binding.command.map_or("none", |spec| spec.id);
        let help = binding.command.map_or("", |spec| spec.help);
        rows.push(vec![
            context.name().to_owned(),
            crate::app::key::sequence_text(keys),
            id.to_owned(),
            help.to_owned(),
            binding.origin.to_string(),
        ]);
    }
    printed(&aligned(&rows))
}

async fn headless(
    command: &Command,
    args: &Args,
    settings: &Settings,
    warnings: &[Warning],
) -> Result<u8, Stop> {
    let format = args.look.output;
    let patience = Instant::now() + settings.request_timeout.min(PATIENCE_MAX);
    match command {
        Command::Get => run(args, settings, Get::new(format, patience, Shows::Fleet)).await,
        Command::Gates => run(args, settings, Get::new(format, patience, Shows::Gates)).await,
        Command::Timeline(wanted) => {
            let named = |target| Wanted::new(target, settings.scope.namespaces.clone());
            let front = Recall {
                format,
                wanted: wanted.target.as_ref().map(named),
                since: wanted.since,
                until: patience,
                asked: false,
            };
            run(args, settings, front).await
        }
        Command::Watch => run(args, settings, Watch::new(format, patience, None)).await,
        Command::Status(status) => {
            run(args, settings, status_front(status, args, settings, patience)).await
        }
        Command::Audit(command) => audited(*command, args, settings).await,
        Command::Doctor => super::doctor::run(args, settings, warnings).await,
        Command::Pause(_)
        | Command::Resume(_)
        | Command::Promote(_)
        | Command::Approve(_)
        | Command::Refuse(_)
        | Command::Skip(_)
        | Command::Terminate(_)
        | Command::Abort(_)
        | Command::ScaleDown(_)
        | Command::Retry(_)
        | Command::Rollback(_)
        | Command::Restart(_)
        | Command::CloseGate(_)
        | Command::Comment(_) => match command.deed() {
            Some(asked) => run(args, settings, deed_front(asked, args, settings, patience)).await,
            None => Ok(exit::FAULT),
        },
        Command::Demo(_)
        | Command::Explain(_)
        | Command::Judge(_)
        | Command::Themes
        | Command::Keys
        | Command::Config(_)
        | Command::Completions(_) => Ok(exit::FAULT),
    }
}

fn status_front(
    status: &StatusArgs,
    args: &Args,
    settings: &Settings,
    patience: Instant,
) -> Status {
    let timeout = status.timeout.unwrap_or(STATUS_TIMEOUT);
    Status {
        format: args.look.output,
        wanted: Wanted::new(&status.target, settings.scope.namespaces.clone()),
        wait: status.wait,
        patience,
        until: Instant::now() + timeout.min(Duration::from_hours(24 * 365)),
        said: String::new(),
        asked: false,
    }
}

fn deed_front(
    (asked, deed): (Asked, &DeedArgs),
    args: &Args,
    settings: &Settings,
    patience: Instant,
) -> Deed {
    Deed {
        format: args.look.output,
        wanted: Wanted::new(&deed.target, settings.scope.namespaces.clone()),
        asked,
        reason: Text::clean(deed.reason.as_deref().unwrap_or_default()),
        consent: deed.consent(),
        follow: if deed.follow.no_wait { Follow::UntilAccepted } else { Follow::UntilArrived },
        patience,
        timeout: deed.follow.timeout,
        stage: Stage::Looking,
    }
}

async fn audited(command: AuditCommand, args: &Args, settings: &Settings) -> Result<u8, Stop> {
    let format = args.look.output;
    let folder = settings.files.audit_dir.as_deref().ok_or_else(|| Stop {
        words: "no folder for the audit file is known; set audit_dir".to_owned(),
        code: exit::USAGE,
    })?;
    let done = match command {
        AuditCommand::Show => audit::show(folder, format),
        AuditCommand::Verify { marks: false } => audit::verify(folder, &[], format),
        AuditCommand::Verify { marks: true } => {
            audit::verify(folder, &marks(args, settings).await?, format)
        }
    };
    Ok(match done {
        Ok(code) => code,
        Err(error) => get::printed(Err(error), exit::FAULT),
    })
}

/// The orders whose marks stand in the clusters.
async fn marks(args: &Args, settings: &Settings) -> Result<Vec<OrderId>, Stop> {
    let mut found = Vec::new();
    for spec in start::contexts(args, settings)? {
        let cluster = Cluster::new(spec, clock::system());
        let marks = marks::find(&cluster).await.map_err(|why| Stop {
            words: format!("cannot read the marks in {}: {why}; {}", cluster.name(), why.remedy()),
            code: exit::NO_ANSWER,
        })?;
        found.extend(marks);
    }
    Ok(found)
}

/// Runs the machine behind a front that prints.
async fn run<F: Front + Send>(args: &Args, settings: &Settings, front: F) -> Result<u8, Stop> {
    let clock = clock::system();
    let specs = start::contexts(args, settings)?;
    if let Some(trouble) = specs.iter().find_map(|spec| spec.trouble()) {
        return Err(trouble.clone().into());
    }
    let (backends, session, notes) = start::backends(specs, settings, &clock)?;
    for note in notes {
        tell::say(note);
    }
    let signals = signals::listen(Listen::Headless).map_err(|error| Stop {
        words: format!("signals cannot be listened to: {error}"),
        code: exit::FAULT,
    })?;
    let state = State::new(session, crate::app::keymap::Keymap::default(), clock());
    Ok(machine::run(state, backends, front, signals).await)
}
