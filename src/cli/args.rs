//! The command line, read without doing anything (`design/contract.md`).
//!
//! What only clap can say wrong (an unknown flag, two that exclude each other, a value of the wrong form) ends with its
//! message and exit code 2. Everything that a config file or the environment may also say goes on to `settings`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use super::args_judge::JudgeArgs;
use super::args_values::{
    Format, OnePrometheus, Shell, Target, WaitFor, prometheus, revision, speed, target, timeout,
};
use crate::app::event::Consent;
use crate::control::action::Action;
use crate::domain::ids::Revision;
use crate::domain::text::Text;

/// What stands below every help: the codes that scripts may rely on.
const EXIT_CODES: &str = "\
Exit codes:
  0 done                        4 degraded, or the wanted state cannot come any more
  1 a fault of ours             5 no answer, stale, outcome unknown
  2 usage, config, not found    6 refused by a check, impossible
  3 still on its way            7 not authenticated or permitted     130 interrupted";

/// What stands below the help of every command.
const GLOBAL_OPTIONS: &str =
    "Options of all commands (contexts, namespaces, output …): pilothouse --help";

/// See, judge and drive Kubernetes rollouts from one terminal.
///
/// Without a command the full-screen program starts. It changes nothing until a cluster is armed.
#[derive(Debug, Parser)]
#[command(name = "pilothouse", version, after_help = EXIT_CODES, max_term_width = 100)]
#[command(subcommand_precedence_over_arg = true, infer_subcommands = false)]
pub struct Args {
    /// Which clusters and how they are reached.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// How the program behaves and looks.
    #[command(flatten)]
    pub look: LookArgs,
    /// What is to be done; nothing: the full-screen program.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Which clusters and how they are reached: kubectl's own flags.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Clusters")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
pub struct ClusterArgs {
    /// The kubeconfig; without it KUBECONFIG, a list as in kubectl, or ~/.kube/config.
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig, may be repeated; without it the current one.
    #[arg(long = "context", global = true, value_name = "NAME")]
    pub contexts: Vec<String>,
    /// All contexts of the kubeconfig.
    #[arg(long, global = true, conflicts_with = "contexts")]
    pub all_contexts: bool,
    /// A namespace, may be repeated; without it all.
    #[arg(short, long = "namespace", global = true, value_name = "NAME", value_delimiter = ',')]
    pub namespaces: Vec<String>,
    /// All namespaces, whatever the config says.
    #[arg(short = 'A', long, global = true, conflicts_with = "namespaces")]
    pub all_namespaces: bool,
    /// Only workloads with these labels, in kubectl's words: app=web,tier!=db.
    #[arg(short = 'l', long, global = true, value_name = "LABELS")]
    pub selector: Option<String>,
    /// Act as this user (impersonation); the audit file names both.
    #[arg(long = "as", global = true, value_name = "USER")]
    pub impersonate: Option<String>,
    /// How long one answer of a server may take: 5s, 1m; a bare number is seconds.
    #[arg(long, global = true, value_name = "TIME", value_parser = timeout)]
    pub request_timeout: Option<Duration>,
    /// Where Prometheus is, may be repeated; without a context: of every context that has no own.
    #[arg(long, global = true, value_name = "[CONTEXT=]URL", value_parser = prometheus)]
    pub prometheus: Vec<OnePrometheus>,
}

/// How the program behaves and looks.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Program")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
pub struct LookArgs {
    /// The config file; without it config.toml in the config folder, if there is one.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// No deed is possible, whatever is pressed.
    #[arg(long, global = true)]
    pub read_only: bool,
    /// A theme, by name or as a file.
    #[arg(long, global = true, value_name = "NAME|FILE")]
    pub theme: Option<String>,
    /// A keymap, by name or as a file.
    #[arg(long, global = true, value_name = "NAME|FILE")]
    pub keymap: Option<String>,
    /// Nothing but ASCII on the screen.
    #[arg(long, global = true)]
    pub ascii: bool,
    /// No colours.
    #[arg(long, global = true, help = "No colours (as the environment variable NO_COLOR)")]
    pub no_color: bool,
    /// How commands print.
    #[arg(short, long, global = true, value_name = "FORMAT", default_value = "table", value_enum)]
    pub output: Format,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print every rollout, those that need a human first.
    Get,
    /// Print one rollout, or wait until it is as wanted.
    Status(StatusArgs),
    /// Print what waits for a human's yes, the one with the least time left first.
    Gates,
    /// Print what happened lately to all rollouts, or to one: revisions, gates, failures, deeds.
    Timeline(TimelineArgs),
    /// Print every change as it comes (with -o json one document per line).
    Watch,
    /// Hold a rollout where it is.
    Pause(DeedArgs),
    /// Let a rollout go on that a human held.
    Resume(DeedArgs),
    /// Let a rollout pass the gate it waits at (approve).
    Promote(PromoteArgs),
    /// Say yes at the gate a rollout waits at: promote, open Flagger's manual gate, or resume what a human paused.
    Approve(DeedArgs),
    /// Say no at the gate a rollout waits at: take the new version back, or close Flagger's manual gate.
    Refuse(DeedArgs),
    /// Skip the running step, or all up to another one.
    Skip(SkipArgs),
    /// End the running analysis: its controller counts it as passed.
    Terminate(DeedArgs),
    /// Take a canary's pods away where its controller does not act on an abort.
    ScaleDown(DeedArgs),
    /// Close Flagger's manual gate, also one that was left open.
    CloseGate(DeedArgs),
    /// Say something about a release: into the audit file, and as an Event on the object.
    Comment(DeedArgs),
    /// Send all traffic back to stable; the spec still wants the new version.
    Abort(DeedArgs),
    /// Start an aborted update again from its first step.
    Retry(DeedArgs),
    /// Change the spec back to an older revision.
    Rollback(RollbackArgs),
    /// Replace all pods by new ones of the same version.
    Restart(DeedArgs),
    /// The record of all deeds.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Read objects out of files as the cockpit reads a cluster: kubectl's YAML or JSON, a must-gather.
    Explain(ExplainArgs),
    /// Judge the points of two files as Kayenta does; --config is the canary config here (JSON).
    Judge(JudgeArgs),
    /// Find out what is wrong with the set-up, and what to do.
    Doctor,
    /// Run on a simulated fleet that speaks the real wire; no cluster is needed.
    Demo(DemoArgs),
    /// List the themes and where each comes from.
    Themes,
    /// List the keys and where each comes from.
    Keys,
    /// Print every setting with its value and origin.
    Config(ConfigArgs),
    /// Print the completion script of a shell.
    Completions(CompletionArgs),
}

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// Which rollout: KIND/NAME, or NAME where that is unambiguous.
    #[arg(value_name = "KIND/NAME", value_parser = target)]
    pub target: Target,
    /// Wait until it is so, or can no longer become so.
    #[arg(long, value_name = "STATE", value_enum)]
    pub wait: Option<WaitFor>,
    /// How long to wait: 30s, 10m; without it 10 minutes.
    #[arg(long, value_name = "TIME", value_parser = timeout, requires = "wait")]
    pub timeout: Option<Duration>,
}

/// Arguments of `timeline`.
#[derive(Debug, clap::Args)]
pub struct TimelineArgs {
    /// Which rollout: KIND/NAME, or NAME where that is unambiguous; without it all.
    #[arg(value_name = "KIND/NAME", value_parser = target)]
    pub target: Option<Target>,
    /// How far back: 30m, 6h, 48h. Clusters keep Events for an hour or so; revisions and our record reach further.
    #[arg(long, value_name = "TIME", default_value = "6h", value_parser = timeout)]
    pub since: Duration,
}

/// Arguments of every deed.
#[derive(Debug, clap::Args)]
pub struct DeedArgs {
    /// Which rollout: KIND/NAME, or NAME where that is unambiguous.
    #[arg(value_name = "KIND/NAME", value_parser = target)]
    pub target: Target,
    /// Why, for the audit file and the Event on the object; needed unless it is only rehearsed.
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    pub reason: Option<String>,
    /// How it is confirmed.
    #[command(flatten)]
    pub confirm: ConfirmArgs,
    /// How it is followed.
    #[command(flatten)]
    pub follow: FollowArgs,
}

/// How a deed is confirmed.
#[derive(Debug, clap::Args)]
#[group(id = "consent", required = true, multiple = false)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
pub struct ConfirmArgs {
    /// Do it.
    #[arg(long)]
    pub yes: bool,
    /// Do it, if this is the name of the rollout.
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
    /// Only rehearse it: print the plan and what the server says to it.
    #[arg(long)]
    pub dry_run: bool,
}

/// How a deed is followed.
#[derive(Debug, clap::Args)]
pub struct FollowArgs {
    /// End when the server has accepted it; else when it has arrived.
    #[arg(long)]
    pub no_wait: bool,
    /// How long to wait for its arrival; without it 30s, or 10m for promote, roll back and restart.
    #[arg(long, value_name = "TIME", value_parser = timeout, conflicts_with = "no_wait")]
    pub timeout: Option<Duration>,
}

/// Arguments of `promote`.
#[derive(Debug, clap::Args)]
pub struct PromoteArgs {
    /// Those of every deed.
    #[command(flatten)]
    pub deed: DeedArgs,
    /// All the way to the end, skipping every step and analysis.
    #[arg(long)]
    pub full: bool,
}

/// Arguments of `skip`.
#[derive(Debug, clap::Args)]
pub struct SkipArgs {
    /// Those of every deed.
    #[command(flatten)]
    pub deed: DeedArgs,
    /// The step that runs next, counted from 1; without it the one after the running one.
    #[arg(long, value_name = "STEP", value_parser = clap::value_parser!(u32).range(1..))]
    pub to: Option<u32>,
}

/// Arguments of `rollback`.
#[derive(Debug, clap::Args)]
pub struct RollbackArgs {
    /// Those of every deed.
    #[command(flatten)]
    pub deed: DeedArgs,
    /// To which revision; without it stable, or the newest older one that was once promoted.
    #[arg(long, value_name = "REVISION", value_parser = revision)]
    pub to: Option<Revision>,
}

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// A file of YAML or JSON, a folder with all in it, or - for standard input; may be repeated, and is
    /// read as one.
    #[arg(short, long = "filename", value_name = "FILE|FOLDER|-", required = true)]
    pub filename: Vec<PathBuf>,
}

/// The commands of `audit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum AuditCommand {
    /// Print all records in the order of time.
    Show,
    /// Say up to where each file is vouched for, and what was changed, lost or reordered.
    Verify {
        /// Ask the clusters too: marks of deeds on their objects vouch for intents, and tell of deeds that are
        /// not recorded in this folder.
        #[arg(long)]
        marks: bool,
    },
}

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// A scenario, by name or as a file.
    #[arg(long, value_name = "NAME|FILE")]
    pub scenario: Option<String>,
    /// The same seed gives the same film.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How fast time goes there.
    #[arg(long, value_name = "X", default_value = "1", value_parser = speed)]
    pub speed: f64,
    /// Print a kubeconfig and the address of Prometheus, and stay, for kubectl, curl and tests.
    #[arg(long)]
    pub serve: bool,
}

/// Arguments of `config`.
#[derive(Debug, clap::Args)]
pub struct ConfigArgs {
    /// Print a config file with every setting explained.
    #[arg(long)]
    pub example: bool,
}

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub struct CompletionArgs {
    /// Of which shell.
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Reads a command line; the first word is the program's own name.
///
/// # Errors
/// What is wrong with it, or help and version, which clap treats alike: `error.exit()` prints and ends.
pub fn parse<I>(words: I) -> Result<Args, clap::Error>
where
    I: IntoIterator,
    I::Item: Into<OsString> + Clone,
{
    let matches = command().try_get_matches_from(words)?;
    let mut args =
        Args::from_arg_matches(&matches).map_err(|error| error.format(&mut command()))?;
    if let Some(Command::Judge(judge)) = &mut args.command {
        judge.config = args.look.config.take();
    }
    match args.mistake() {
        None => Ok(args),
        Some((kind, words)) => Err(command().error(kind, words)),
    }
}

impl Args {
    /// What is wrong with it as a whole.
    fn mistake(&self) -> Option<(ErrorKind, String)> {
        let is_a_list = matches!(
            self.command,
            Some(Command::Themes | Command::Keys | Command::Config(_) | Command::Completions(_))
        );
        if is_a_list && matches!(self.look.output, Format::Json | Format::Yaml) {
            let words = "themes, keys, config and completions print text only: leave -o out";
            return Some((ErrorKind::ArgumentConflict, words.to_owned()));
        }
        if matches!(&self.command, Some(Command::Judge(judge)) if judge.config.is_none()) {
            let words = "judge needs the canary config: --config FILE";
            return Some((ErrorKind::MissingRequiredArgument, words.to_owned()));
        }
        let (action, deed) = self.command.as_ref()?.deed()?;
        if self.cluster.all_contexts || self.cluster.contexts.len() > 1 {
            let words = format!("{action} changes exactly one cluster: name one --context");
            return Some((ErrorKind::ArgumentConflict, words));
        }
        let named = self.cluster.namespaces.len();
        if named > 1 {
            let words = format!("{action} changes exactly one rollout: name one --namespace");
            return Some((ErrorKind::ArgumentConflict, words));
        }
        let reason = deed.reason.as_deref().map_or("-", str::trim);
        reason.is_empty().then(|| {
            (
                ErrorKind::InvalidValue,
                "--reason must not be empty: it goes into the audit file".into(),
            )
        })
    }
}

/// What a deed of the command line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// This deed.
    Action(Action),
    /// Yes at the gate that the rollout waits at, whatever that is there.
    Approve,
    /// No at that gate.
    Refuse,
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Action(action) => action.fmt(f),
            Self::Approve => f.pad("approve"),
            Self::Refuse => f.pad("refuse"),
        }
    }
}

impl Command {
    /// The deed that it asks for, if it is one.
    #[must_use]
    pub const fn deed(&self) -> Option<(Asked, &DeedArgs)> {
        let (action, deed) = match self {
            Self::Approve(deed) => return Some((Asked::Approve, deed)),
            Self::Refuse(deed) => return Some((Asked::Refuse, deed)),
            Self::Pause(deed) => (Action::Pause, deed),
            Self::Resume(deed) => (Action::Resume, deed),
            Self::Promote(PromoteArgs { deed, full: false }) => (Action::Promote, deed),
            Self::Promote(PromoteArgs { deed, full: true }) => (Action::PromoteFull, deed),
            Self::Skip(SkipArgs { deed, to }) => (Action::Skip { to: *to }, deed),
            Self::Terminate(deed) => (Action::Terminate, deed),
            Self::ScaleDown(deed) => (Action::ScaleDown, deed),
            Self::Abort(deed) => (Action::Abort, deed),
            Self::Retry(deed) => (Action::Retry, deed),
            Self::Rollback(RollbackArgs { deed, to }) => (Action::Rollback { to: *to }, deed),
            Self::Restart(deed) => (Action::Restart, deed),
            Self::CloseGate(deed) => (Action::CloseGate, deed),
            Self::Comment(deed) => (Action::Comment, deed),
            Self::Get
            | Self::Gates
            | Self::Timeline(_)
            | Self::Explain(_)
            | Self::Judge(_)
            | Self::Status(_)
            | Self::Watch
            | Self::Audit(_)
            | Self::Doctor
            | Self::Demo(_)
            | Self::Themes
            | Self::Keys
            | Self::Config(_)
            | Self::Completions(_) => return None,
        };
        Some((Asked::Action(action), deed))
    }
}

impl DeedArgs {
    /// How it was confirmed.
    #[must_use]
    pub fn consent(&self) -> Consent {
        match (&self.confirm.confirm, self.confirm.yes) {
            (Some(name), _) => Consent::Name(Text::clean(name)),
            (None, true) => Consent::Yes,
            (None, false) => Consent::None,
        }
    }
}

/// The command line as clap knows it. Help of a command tells its own options; those of all stand in one place.
#[must_use]
pub fn command() -> clap::Command {
    let mut command = Args::command();
    // Hands the global options down, so that they can be hidden there.
    command.build();
    command.mut_subcommands(short_help)
}

fn short_help(command: clap::Command) -> clap::Command {
    let has_below = command.has_subcommands();
    command
        .mut_args(|arg| if arg.is_global_set() { arg.hide(true) } else { arg })
        .after_help(if has_below { "" } else { GLOBAL_OPTIONS })
        .mut_subcommands(short_help)
}
