//! Tests of [`super`].

use std::collections::BTreeSet;

use super::*;

#[test]
fn ids_titles_and_commands_are_unique() {
    let ids: BTreeSet<_> = COMMANDS.iter().map(|spec| spec.id).collect();
    let titles: BTreeSet<_> = COMMANDS.iter().map(|spec| spec.title).collect();
    assert_eq!((ids.len(), titles.len()), (COMMANDS.len(), COMMANDS.len()));
    for spec in COMMANDS {
        assert_eq!(CommandSpec::of(&spec.command).map(|found| found.id), Some(spec.id));
        assert_eq!(CommandSpec::find(spec.id).map(|found| found.title), Some(spec.title));
    }
}

#[test]
fn every_deed_has_its_command() {
    for action in Action::ALL {
        let spec = CommandSpec::of(&Command::Deed(action)).unwrap();
        assert_eq!(spec.id, format!("rollout.{}", action.name()));
        assert_eq!((spec.title, spec.danger()), (action.title(), Some(action.danger())));
    }
}

#[test]
fn promote_is_not_resume_and_abort_is_not_roll_back_and_help_says_so() {
    let help = |id| CommandSpec::find(id).map_or("", |spec| spec.help);
    assert!(help("rollout.resume").contains("not the same as promote"));
    assert!(help("rollout.abort").contains("spec still wants"));
    assert!(help("rollout.rollback").contains("abort only moves traffic"));
}
