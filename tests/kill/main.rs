//! The real binary, killed with `kill -9` at every moment of a deed: at each request that the API server gets, before it is
//! done, after it is done, and in the middle of its answer. Whatever the moment: no intent is lost, the chain of the audit
//! file holds, and the next start says what was left behind and finds by looking what became of it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::disallowed_types, reason = "a test and what it tests look at the same thing")]
#![expect(clippy::print_stdout, reason = "how often it was killed")]
#![expect(clippy::tests_outside_test_module, reason = "an integration test is one module")]

mod scene;
mod trap;

use pilothouse::control::leftover::{IN_FLIGHT_MAX, Leftover};
use pilothouse::control::order::Outcome;
use scene::{Ended, Scene};

/// The deeds, and the world of each.
const DEEDS: [(&str, &[&str]); 9] = [
    ("canary", &["pause"]),
    ("canary", &["abort"]),
    ("canary", &["promote"]),
    ("canary", &["promote", "--full", "--confirm", "web"]),
    ("canary", &["rollback", "--confirm", "web"]),
    ("canary", &["restart"]),
    ("blue-green", &["promote"]),
    ("deployment", &["pause"]),
    ("deployment", &["restart"]),
];

/// More moments than any deed has.
const MOMENTS_MAX: u32 = 200;

/// So often it is killed at least, all deeds together.
const KILLED_MIN: u32 = 200;

/// What the records and the object tell of the deed that was left behind, a minute later.
fn judged(scene: &Scene, left: &Leftover) -> Outcome {
    let seen = scene.look(left);
    let later = left.at.checked_add(IN_FLIGHT_MAX).unwrap();
    left.judge(seen.as_ref(), later).unwrap()
}

/// Holds what is on the disk against what the API server's own log says.
fn check(scene: &Scene, moment: &str) {
    let applied = scene.applied();
    let report = scene.verify();
    assert!(report.is_sound(), "{moment}: {report:#?}");
    assert!(applied == 0 || scene.intents() > 0, "{moment}: {applied} writes and no intent");
    for left in scene.unfinished() {
        let outcome = judged(scene, &left);
        // The server may do late what it was sent before the kill: what the look saw was done by now.
        let applied = scene.applied();
        let is_true = match outcome.name() {
            "accepted" => applied > 0,
            "failed" => applied == 0,
            word => word == "unknown",
        };
        assert!(is_true, "{moment}: {applied} applied, called {outcome:?}");
    }
}

/// A deed that is asked for next: it hears of what was left behind.
fn start_again(scene: &Scene, moment: &str) {
    let left = scene.unfinished();
    let Some(first) = left.first() else { return };
    let can_tell =
        scene.look(first).is_some_and(|seen| first.judge(Some(&seen), first.at).is_some());
    if !can_tell {
        return;
    }
    let said = scene.run(&["pause"]);
    assert!(said.contains("a session that ended left behind"), "{moment}: {said}");
    assert!(said.contains("of a session that ended: "), "{moment}: {said}");
    assert!(scene.unfinished().is_empty(), "{moment}: {said}");
    assert!(scene.verify().is_sound(), "{moment}");
}

#[test]
fn killed_at_every_moment_no_intent_is_lost_and_the_next_start_finds_out() {
    let mut killed = 0;
    let mut restarts = 0;
    for (world, deed) in DEEDS {
        for number in 1..=MOMENTS_MAX {
            let scene = Scene::new(world);
            let moment = match scene.kill(deed, number) {
                Ended::Killed(at) => format!("{deed:?} killed at moment {number}: {at}"),
                Ended::ByItself(said) => {
                    assert!(number > 5, "{deed:?} ended by itself: {said}");
                    check(&scene, &format!("{deed:?} not killed"));
                    break;
                }
            };
            killed += 1;
            check(&scene, &moment);
            if !scene.unfinished().is_empty() && restarts < 12 {
                restarts += 1;
                start_again(&scene, &moment);
            }
        }
    }
    println!("killed {killed} times");
    assert!(killed >= KILLED_MIN, "killed only {killed} times");
    assert!(restarts > 0, "nothing was ever left behind");
}
