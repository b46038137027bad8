//! The world of a seed: one workload of some kind, a release on its way, and rivals who write to it too.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use pilothouse::domain::observed::{Clock, Timestamp};
use pilothouse::sim::controllers::life::Activity;
use pilothouse::sim::fault::{Fault, What};
use pilothouse::sim::scenario::Scenario;
use pilothouse::sim::shared::Shared;
use pilothouse::sim::world::World;
use tokio::time::{Instant, sleep};

use crate::dice::Dice;
use crate::story::Story;
use crate::witness::Witness;

const START: &str = "2026-01-01T12:00:00Z";

/// How far the world moves at once.
const STEP: Duration = Duration::from_millis(200);

/// The bell rings at least so often, for those who wait for a moment.
const RING: Duration = Duration::from_secs(1);

/// Our clock: that of the runtime.
pub(crate) fn clock(start: Instant) -> Clock {
    let origin: Timestamp = START.parse().unwrap();
    Arc::new(move || origin + start.elapsed())
}

/// Makes the world of a seed.
pub(crate) fn world(dice: &mut Dice, story: &Story) -> Shared {
    let text = scenario(dice);
    story.tell("world", || text.clone());
    let scenario = Scenario::parse(&text, "flight.toml").unwrap();
    Shared::new(World::from_scenario(&scenario, dice.next(), START.parse().unwrap()))
}

fn scenario(dice: &mut Dice) -> String {
    let way = dice.pick(&[
        "strategy.canary.steps = [\"weight 25\", \"pause\", \"weight 50\", \"pause\"]",
        "strategy.canary.steps = [\"weight 50\", \"pause 5s\", \"weight 80\", \"pause\"]",
        "strategy.canary = { steps = [\"weight 20\", \"pause\", \"weight 60\", \"pause 10s\"], router = \"nginx\", spec = { abortScaleDownDelaySeconds = 2 } }",
        "strategy.blue_green.promotes = \"human\"",
        "strategy.blue_green = { promotes = \"human\", spec = { scaleDownDelaySeconds = 20 } }",
        "kind = \"deployment\"",
        "kind = \"stateful_set\"",
        "kind = \"daemon_set\"",
    ]);
    let fate = dice.pick(&["", "", "fate = \"never_ready\"", "fate = { crash = \"2s\" }"]);
    let mut text = format!(
        "title = \"a flight\"\nlived = \"20s\"\nclusters = [{{ name = \"east\" }}]\n\
         [[workloads]]\nname = \"shop/web\"\nimage = \"example.test/web\"\ntags = [\"1\", \"2\"]\n\
         replicas = 2\nrps = 1.0\n{way}\n[[versions]]\nimage = \"example.test/web:3\"\n{fate}\n"
    );
    let mut act = |at: i64, what: &str| {
        let _ = write!(
            text,
            "[[acts]]\nat = \"{at}s\"\ncluster = \"east\"\nworkload = \"shop/web\"\ndo{what}\n"
        );
    };
    let release = if dice.chance(75) { -10 } else { 4 };
    act(release, ".release = \"3\"");
    for _ in 0..dice.below(3) {
        let at = 3 + i64::try_from(dice.below(22)).unwrap();
        let what = dice.pick(&[
            " = \"promote\"",
            " = \"abort\"",
            " = \"pause\"",
            " = \"resume\"",
            " = \"restart\"",
            " = \"retry\"",
            ".release = \"4\"",
            ".scale = 3",
            " = \"delete\"",
        ]);
        let is_rollout = way.starts_with("strategy");
        if is_rollout || matches!(what, " = \"restart\"" | ".release = \"4\"" | ".scale = 3") {
            act(at, what);
        }
    }
    text
}

/// What goes wrong with the servers themselves, for everybody.
pub(crate) async fn trouble(world: Shared, mut dice: Dice, (story, witness): (Story, Witness)) {
    let begins = dice.ms(0, 20_000);
    sleep(begins).await;
    match dice.below(10) {
        0 => plan(&world, &story, What::Compaction, 0),
        1 => plan(&world, &story, What::WatchGone, 0),
        2 => plan(&world, &story, What::WatchEnd, 0),
        3 | 4 => {
            let what = dice.pick(&[0, 1]);
            let what = if what == 0 { What::Silence } else { What::TokenExpired };
            let lasts = 1_000 + dice.below(16_000);
            witness.silent(begins, begins + Duration::from_millis(lasts));
            plan(&world, &story, what, lasts);
        }
        5 | 6 => {
            story.tell("world", || "the controllers are down".to_owned());
            world.change(|world| world.clusters[0].set_activity(Activity::Stopped));
            sleep(dice.ms(1_000, 25_000)).await;
            story.tell("world", || "the controllers are back".to_owned());
            world.change(|world| world.clusters[0].set_activity(Activity::Working));
        }
        _ => {}
    }
}

fn plan(world: &Shared, story: &Story, what: What, ms: u64) {
    story.tell("world", || format!("{what:?} for {ms} ms"));
    world.change(|world| {
        let now = world.now();
        world.clusters[0].faults.plan(Fault::new(what).lasting(ms), now);
    });
}

/// Moves the world with the clock, for ever.
pub(crate) async fn turn(world: Shared) {
    let revision = |world: &World| world.clusters[0].store.revision();
    let mut since_ring = Duration::ZERO;
    loop {
        sleep(STEP).await;
        let before = world.look(revision);
        world.quietly(|world| world.step(STEP));
        since_ring += STEP;
        if world.look(revision) != before || since_ring >= RING {
            since_ring = Duration::ZERO;
            world.change(|_| ());
        }
    }
}
