//! The command line as scripts write it.

use std::fmt::Write as _;
use std::time::Duration;

use super::args::{Args, Asked, Command, command, parse};
use super::args_values::{Format, WaitFor};
use super::completions;
use crate::app::event::Consent;
use crate::control::action::Action;
use crate::domain::ids::{Revision, WorkloadKind};

fn read(line: &str) -> Result<Args, clap::Error> {
    parse(std::iter::once("pilothouse").chain(line.split_whitespace()))
}

fn refused(line: &str) -> String {
    read(line).err().unwrap_or_else(|| panic!("{line} was taken")).to_string()
}

#[test]
fn the_table_of_clap_is_sound() {
    command().debug_assert();
}

#[test]
fn without_a_command_the_screen_is_meant() {
    let args = read("").unwrap();
    assert!(args.command.is_none());
    assert_eq!(args.look.output, Format::Table);
    assert!(args.cluster.contexts.is_empty() && args.cluster.request_timeout.is_none());
}

#[test]
fn flags_of_kubectl_are_taken_before_and_after_the_command() {
    for line in [
        "--kubeconfig k --context eu --context us -n shop -n pay -l app=web --as dana \
         --request-timeout 30 -o json get",
        "get --kubeconfig k --context=eu --context=us --namespace=shop,pay --selector=app=web \
         --as=dana --request-timeout=30s -ojson",
    ] {
        let args = read(line).unwrap();
        let cluster = &args.cluster;
        assert_eq!(cluster.contexts, ["eu", "us"]);
        assert_eq!(cluster.namespaces, ["shop", "pay"]);
        assert_eq!(cluster.selector.as_deref(), Some("app=web"));
        assert_eq!(cluster.impersonate.as_deref(), Some("dana"));
        assert_eq!(cluster.request_timeout, Some(Duration::from_secs(30)));
        assert_eq!(args.look.output, Format::Json);
        assert!(matches!(args.command, Some(Command::Get)));
    }
    assert!(read("-A watch").unwrap().cluster.all_namespaces);
    assert!(read("watch --all-contexts").unwrap().cluster.all_contexts);
}

#[test]
fn a_prometheus_has_an_address_and_perhaps_a_context() {
    for (word, context, url) in [
        ("http://m:9090", None, "http://m:9090/"),
        ("eu=https://m/p?", None, ""),
        ("eu=https://m/p", Some("eu"), "https://m/p"),
        ("arn:aws:eks:eu=1:c=http://m", Some("arn:aws:eks:eu=1:c"), "http://m/"),
        ("*=http://m", None, "http://m/"),
    ] {
        let line = format!("--prometheus {word} get");
        match read(&line) {
            Ok(args) => {
                let one = &args.cluster.prometheus[0];
                assert_eq!((one.context.as_deref(), one.url.as_str()), (context, url), "{word}");
            }
            Err(error) => assert!(url.is_empty(), "{error}"),
        }
    }
    assert!(refused("--prometheus m:9090 get").contains("begins with http://"));
    assert!(refused("--prometheus http://a:b@m get").contains("password_file"));
}

#[test]
fn every_deed_is_an_action_with_its_consent() {
    for (line, action) in [
        ("pause", Action::Pause),
        ("resume", Action::Resume),
        ("promote", Action::Promote),
        ("promote --full", Action::PromoteFull),
        ("skip", Action::Skip { to: None }),
        ("abort", Action::Abort),
        ("retry", Action::Retry),
        ("rollback", Action::Rollback { to: None }),
        ("rollback --to 7", Action::Rollback { to: Some(Revision(7)) }),
        ("restart", Action::Restart),
    ] {
        for (confirm, consent) in [
            ("--reason r --yes", Consent::Yes),
            ("--reason r --confirm web", Consent::Name("web".into())),
            ("--dry-run", Consent::None),
        ] {
            let args = read(&format!("{line} rollout/web {confirm}")).unwrap();
            let (found, deed) = args.command.as_ref().unwrap().deed().unwrap();
            assert_eq!(
                (found, deed.consent()),
                (Asked::Action(action), consent),
                "{line} {confirm}"
            );
            assert_eq!(deed.target.kind, Some(WorkloadKind::Rollout));
        }
    }
    for command in ["get", "watch", "status web", "doctor", "audit show", "config", "demo"] {
        assert!(read(command).unwrap().command.unwrap().deed().is_none(), "{command}");
    }
}

#[test]
fn a_deed_that_is_not_wholly_said_is_refused() {
    for (line, words) in [
        ("pause web --yes", "--reason"),
        ("pause web --reason r", "--yes"),
        ("pause web --reason r --yes --confirm web", "cannot be used with"),
        ("pause web --reason r --yes --dry-run", "cannot be used with"),
        ("pause --reason r --yes", "KIND/NAME"),
        ("pause web --reason= --yes", "must not be empty"),
        ("pause web --reason r --yes --context a --context b", "exactly one cluster"),
        ("pause web --reason r --yes --all-contexts", "exactly one cluster"),
        ("pause web --reason r --yes -n a -n b", "exactly one rollout"),
        ("pause web --reason r --yes --no-wait --timeout 5s", "cannot be used with"),
        ("skip web --reason r --yes --full", "--full"),
        ("rollback web --reason r --yes --to 0", "a number from 1"),
    ] {
        let error = refused(line);
        assert!(error.contains(words), "{line}: {error}");
    }
}

#[test]
fn targets_are_read_as_kubectl_writes_them() {
    for (word, kind, name) in [
        ("web", None, "web"),
        ("rollout/web", Some(WorkloadKind::Rollout), "web"),
        ("ro/web", Some(WorkloadKind::Rollout), "web"),
        ("rollout.argoproj.io/web", Some(WorkloadKind::Rollout), "web"),
        ("deploy/web", Some(WorkloadKind::Deployment), "web"),
        ("deployments.apps/web.v1", Some(WorkloadKind::Deployment), "web.v1"),
    ] {
        let args = read(&format!("status {word}")).unwrap();
        let Some(Command::Status(status)) = args.command else { panic!() };
        assert_eq!((status.target.kind, status.target.name.as_str()), (kind, name));
    }
    for (word, words) in [
        (
            "pod/web",
            "there are rollout (ro), canary (canaries), deployment (deploy), statefulset (sts)",
        ),
        ("rolout/web", "did you mean rollout?"),
        ("rollout/", "a name has"),
        ("rollout/Web", "a name has"),
        ("a/b/c", "no kind"),
    ] {
        let error = refused(&format!("status {word}"));
        assert!(error.contains(words), "{word}: {error}");
    }
}

#[test]
fn waiting_and_speed_have_their_forms() {
    let args = read("status web --wait healthy --timeout 2m").unwrap();
    let Some(Command::Status(status)) = args.command else { panic!() };
    assert_eq!(status.wait, Some(WaitFor::Healthy));
    assert_eq!(status.timeout, Some(Duration::from_mins(2)));
    assert!(refused("status web --timeout 2m").contains("--wait"));
    assert!(refused("status web --wait happy").contains("healthy"));
    assert!(refused("demo --speed 0").contains("0.1 to 100"));
    assert!(refused("get --request-timeout soon").contains("no time"));
    let Some(Command::Demo(demo)) = read("demo --seed 7 --speed 10 --serve").unwrap().command
    else {
        panic!()
    };
    assert!(demo.serve && demo.seed == Some(7) && (demo.speed - 10.0).abs() < f64::EPSILON);
}

#[test]
fn a_mistyped_word_is_answered_with_the_right_one() {
    assert!(refused("statsu web").contains("status"));
    assert!(refused("get --contxt eu").contains("--context"));
}

#[test]
fn help_of_every_command() {
    let mut all = String::new();
    let mut root = command().term_width(100);
    root.build();
    help_of(&mut root, &mut all);
    insta::with_settings!({ snapshot_path => "../../tests/snapshots/cli", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("help", all);
    });
}

/// Help of a command and all below it; flags that every command has are told once, at the top.
fn help_of(command: &mut clap::Command, all: &mut String) {
    let help = command.render_help();
    let _ = writeln!(
        all,
        "=== {}
{help}",
        command.get_bin_name().unwrap_or("pilothouse")
    );
    let names: Vec<String> =
        command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    for name in names.iter().filter(|name| *name != "help") {
        if let Some(below) = command.find_subcommand_mut(name) {
            help_of(below, all);
        }
    }
}

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    for shell in [clap_complete::Shell::Bash, clap_complete::Shell::Zsh, clap_complete::Shell::Fish]
    {
        let mut script = Vec::new();
        completions::write(shell, &mut script).unwrap();
        let script = String::from_utf8(script).unwrap();
        assert!(script.contains("rollback") && script.contains("kubeconfig"), "{shell}");
    }
}

#[test]
fn a_script_that_wants_json_is_not_given_a_table() {
    for line in ["-o json themes", "keys -o yaml", "config -ojson", "completions bash -o json"] {
        assert!(refused(line).contains("print text only"), "{line}");
    }
    assert!(read("keys -o wide").is_ok() && read("doctor -o json").is_ok());
}
