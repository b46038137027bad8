//! Nothing can be recorded: pause and abort go all the same and say so loudly, everything else is refused.

use std::path::Path;
use std::process::Command;

use crate::clusters::World;
use crate::program::{PROGRAM, Program};

fn deed(world: &World, args: &[&str], folder: &str) -> crate::program::Answer {
    let more = ["--reason", "night", "--yes"];
    let program = Program::new(&[args, &more].concat()).kubeconfig(world.kubeconfig());
    program.file("file", "").env("PILOTHOUSE_AUDIT_DIR", folder).run()
}

/// Folders in which nobody can write, not even root.
const NOWHERE: [&str; 3] = ["file", "file/below", "/proc/audit"];

#[test]
fn without_a_record_pause_and_abort_go_and_say_so() {
    for folder in NOWHERE {
        let world = World::scenario("approval");
        let answer = deed(&world, &["pause", "web", "-n", "shop"], folder);
        let out = String::from_utf8_lossy(&answer.out).into_owned();
        answer.code(0);
        assert!(out.contains("arrived"), "{folder}: {out}{}", answer.err);
        let told = format!("{out}{}", answer.err);
        assert!(told.contains("not recorded"), "{folder}: {told}");
        assert!(world.writes() > 0);
        let answer = deed(&world, &["abort", "web", "-n", "shop"], folder);
        answer.code(0);
    }
}

#[test]
fn without_a_record_nothing_else_is_sent() {
    let world = World::scenario("approval");
    for folder in NOWHERE {
        for args in [
            &["promote", "web", "-n", "shop"][..],
            &["restart", "web", "-n", "shop"],
            &["rollback", "web", "-n", "shop"],
        ] {
            let answer = deed(&world, args, folder);
            let out = String::from_utf8_lossy(&answer.out).into_owned();
            answer.code(6);
            assert!(out.contains("refused"), "{out}");
            assert!(out.contains("audit") || out.contains("record"), "{folder}: {out}");
        }
    }
    assert_eq!(world.writes(), 0);
}

#[test]
fn a_record_that_cannot_be_read_is_told() {
    for args in [&["audit", "show"][..], &["audit", "verify"]] {
        let run = |folder: &str| {
            Program::new(args).file("file", "").env("PILOTHOUSE_AUDIT_DIR", folder).run()
        };
        run("file").code(2).says(&[
            "cannot read the audit folder",
            "file: Not a directory",
            "audit_dir",
        ]);
        let program = Program::new(args).file("audit/x.jsonl", "rubbish\n\u{1b}[31m\n\u{202e}");
        let made = Command::new("mkfifo").arg(program.path("audit/pipe.jsonl")).status().unwrap();
        assert!(made.success());
        let answer = program.env("PILOTHOUSE_AUDIT_DIR", "audit").run();
        assert!([0, 4].contains(&answer.code), "{}", answer.err);
    }
}

/// A disk of 64 KiB, if this machine lets us have one.
fn on_a_full_disk(world: &World, folder: &Path, args: &str) -> Option<(i32, String)> {
    let kubeconfig = folder.join("kubeconfig");
    std::fs::write(&kubeconfig, world.kubeconfig()).unwrap();
    let disk = folder.join("disk");
    std::fs::create_dir_all(&disk).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=64k tmpfs '{disk}' || exit 99; cat /dev/zero > '{disk}/full' \
         2>/dev/null; '{PROGRAM}' {args} --reason night --yes 2>&1",
        disk = disk.display()
    );
    let ran = Command::new("unshare")
        .args(["-rm", "sh", "-c", &script])
        .env("KUBECONFIG", &kubeconfig)
        .env("HOME", folder)
        .env("PILOTHOUSE_AUDIT_DIR", disk.join("audit"))
        .output();
    let ran = ran.ok()?;
    let code = ran.status.code()?;
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let is_possible = code != 99 && !(code == 1 && said.is_empty());
    is_possible.then_some((code, said))
}

#[test]
fn a_full_disk_stops_what_can_wait_and_nothing_else() {
    let world = World::scenario("approval");
    let folder = tempfile::tempdir().unwrap();
    let Some((code, said)) = on_a_full_disk(&world, folder.path(), "promote web -n shop") else {
        // A container often may not mount: the disks of the audit file's own tests fail in its place.
        eprintln!("skipped: this machine lets nobody mount a small disk (unshare -rm)");
        return;
    };
    assert_eq!(code, 6, "{said}");
    assert_eq!(world.writes(), 0, "{said}");
    let (code, said) = on_a_full_disk(&world, folder.path(), "pause web -n shop").unwrap();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("not recorded") && world.writes() > 0, "{said}");
}
