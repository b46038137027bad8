//! The worlds of scenarios.

use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::sim::kind::{KINDS, Kind};
use crate::sim::promql::query::Query;
use crate::sim::promql::value::Value as Answer;
use crate::sim::world::Cluster;

fn noon() -> Timestamp {
    "2026-11-27T12:00:00.25Z".parse().unwrap()
}

fn lived(name: &str, seed: u64) -> World {
    world(name, seed, noon()).unwrap()
}

fn parsed(text: &str) -> World {
    let scenario = Scenario::parse(text, "test.toml").unwrap_or_else(|why| panic!("{why}"));
    World::from_scenario(&scenario, 1, noon())
}

fn text(object: &Value, field: &str) -> String {
    object.pointer(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn get(cluster: &Cluster, kind: Kind, key: &str) -> Value {
    let (namespace, name) = key.split_once('/').unwrap();
    let found = cluster.store.get(kind, namespace, name);
    Value::clone(found.unwrap_or_else(|| panic!("no {key} in {}", cluster.name)))
}

/// Everything that a world says.
fn whole(world: &World) -> Vec<String> {
    let of = |cluster: &Cluster| {
        let objects = KINDS.into_iter().flat_map(|kind| cluster.store.list(kind, None));
        objects.map(ToString::to_string).collect::<Vec<_>>()
    };
    world.clusters.iter().flat_map(of).collect()
}

fn query(cluster: &Cluster, query: &str) -> Option<f64> {
    let at = cluster.store.now().as_millisecond();
    let Answer::Vector(found) = Query::parse(query).unwrap().instant(&cluster.traffic, at).unwrap()
    else {
        panic!("{query}: no vector")
    };
    found.first().map(|it| it.value)
}

#[test]
fn all_files_are_embedded_and_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/scenarios");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().replace(".toml", ""))
        .collect();
    files.sort_unstable();
    let mut names = SCENARIOS.map(|(name, _)| name);
    names.sort_unstable();
    assert_eq!(files, names);
    for name in names {
        let scenario = Scenario::load(name).unwrap_or_else(|why| panic!("{why}"));
        assert!(!scenario.title.is_empty(), "{name}");
    }
}

#[test]
fn a_name_that_is_none_is_told_with_those_that_there_are() {
    let why = Scenario::load("dmo").unwrap_err();
    assert!(why.contains("Did you mean \"demo\"?") && why.contains("quiet"), "{why}");
    let why = Scenario::load("/nowhere/at.toml").unwrap_err();
    assert!(why.starts_with("/nowhere/at.toml: "), "{why}");
}

#[test]
fn the_same_scenario_seed_and_time_make_the_same_world() {
    let (mut one, mut same, other) =
        (lived("bluegreen", 3), lived("bluegreen", 3), lived("bluegreen", 4));
    assert_eq!(whole(&one), whole(&same));
    assert_ne!(whole(&one), whole(&other));
    one.step(Duration::from_mins(2));
    for _ in 0..480 {
        same.step(Duration::from_millis(250));
    }
    assert_eq!(whole(&one), whole(&same), "however time is cut");
}

#[test]
fn a_settled_workload_leaves_its_controllers_nothing_to_do() {
    let kinds = [
        "strategy.canary.steps = ['weight 20', 'pause']",
        "strategy.canary = { steps = ['weight 20', 'pause'], router = 'nginx' }",
        "strategy.canary = { steps = ['weight 20'], router = 'istio' }",
        "strategy.canary = { steps = ['weight 20'], router = 'gateway' }",
        "strategy.canary = {}",
        "strategy.blue_green = {}",
        "strategy.blue_green = { promotes = 'human' }",
        "strategy.canary.steps = ['weight 20']\nreplicas = 0",
        "strategy.canary.steps = ['weight 20']\nspec.minReadySeconds = 5",
        "kind = 'deployment'",
        "kind = 'deployment'\nreplicas = 0",
        "kind = 'stateful_set'",
        "kind = 'daemon_set'",
    ];
    for kind in kinds {
        for tags in ["['1']", "['1', '2', '3']"] {
            let head = "title = 'x'\nclusters = [{ name = 'eu' }]\nlived = '1m'\n";
            let workload =
                format!("[[workloads]]\nname = 'shop/web'\nimage = 'web'\ntags = {tags}\n{kind}\n");
            let mut world = parsed(&format!("{head}{workload}"));
            let before = whole(&world);
            world.clusters[0].life.as_mut().unwrap().look_at_all();
            world.step(Duration::from_mins(15));
            let after = whole(&world);
            let changed = before.iter().zip(&after).find(|(before, after)| before != after);
            assert_eq!(changed, None, "{kind}, tags {tags}");
            assert_eq!(before.len(), after.len(), "{kind}, tags {tags}");
        }
    }
}

#[test]
fn in_the_quiet_nothing_moves() {
    let mut world = lived("quiet", 1);
    assert_eq!(world.clusters[0].store.list(Kind::Rollout, None).count(), 40);
    let before = world.clusters[0].store.revision();
    world.step(Duration::from_hours(1));
    assert_eq!(world.clusters[0].store.revision(), before);
}

#[test]
fn the_large_one_is_as_large_as_it_says() {
    let world = lived("large", 1);
    let count = |kind| world.clusters[0].store.list(kind, None).count();
    assert_eq!(count(Kind::Rollout), 1_000);
    assert!((10_000..10_020).contains(&count(Kind::Pod)), "{}", count(Kind::Pod));
}

#[test]
fn the_demo_begins_with_what_it_promises() {
    let world = lived("demo", 1);
    let [eu, us, ap] = &world.clusters[..] else { panic!("three clusters") };
    let rollouts = |it: &Cluster| it.store.list(Kind::Rollout, None).count();
    assert!((40..=50).contains(&(rollouts(eu) + rollouts(us) + rollouts(ap))));
    let table = [
        (eu, "payments/api", "Paused", "CanaryPauseStep"),
        (us, "checkout/web", "Paused", "CanaryPauseStep"),
        (us, "search/indexer", "Paused", "BlueGreenPause"),
        (eu, "media/encoder", "Degraded", "ProgressDeadlineExceeded"),
        (eu, "recommend/ranker", "Paused", "InconclusiveAnalysisRun"),
        (ap, "cart/api", "Paused", "CanaryPauseStep"),
        (eu, "orders/api", "Healthy", ""),
        (us, "catalog/images", "Healthy", ""),
    ];
    for (cluster, key, phase, message) in table {
        let status = get(cluster, Kind::Rollout, key);
        let is = (text(&status, "/status/phase"), text(&status, "/status/message"));
        assert!(is.0 == phase && is.1.starts_with(message), "{key} in {}: {is:?}", cluster.name);
    }
    let waits = get(us, Kind::Rollout, "checkout/web");
    let since: Timestamp = text(&waits, "/status/pauseConditions/0/startTime").parse().unwrap();
    assert_eq!(noon().duration_since(since).as_mins(), 22);
    let rolls = get(us, Kind::Deployment, "mail/sender");
    let updated = rolls.pointer("/status/updatedReplicas").and_then(Value::as_i64);
    assert!(updated.is_some_and(|updated| (1..12).contains(&updated)), "{updated:?}");
    let mut runs = eu.store.list(Kind::AnalysisRun, None);
    assert!(runs.any(|run| text(run, "/status/phase") == "Failed"), "a release that was stopped");
    let pods = eu.store.list(Kind::Pod, Some("media"));
    let waiting = |pod: &Value| text(pod, "/status/containerStatuses/0/state/waiting/reason");
    assert!(pods.map(waiting).any(|reason| reason == "ImagePullBackOff"));
}

#[test]
fn forty_seconds_after_its_first_frame_the_demo_has_a_bad_canary() {
    let mut world = lived("demo", 1);
    let of = |world: &World| {
        let eu = &world.clusters[0];
        let rollout = get(eu, Kind::Rollout, "payments/api");
        let hash = text(&rollout, "/status/currentPodHash");
        let of = format!("app=\"api\",rollouts_pod_template_hash=\"{hash}\"");
        let rate = |more: &str| format!("sum(rate(http_requests_total{{{of}{more}}}[30s]))");
        query(eu, &format!("{} / {}", rate(",code=~\"5..\""), rate("")))
    };
    world.step(Duration::from_secs(35));
    assert!(of(&world).is_none_or(|ratio| ratio < 0.01), "{:?}", of(&world));
    world.step(Duration::from_secs(40));
    assert!(of(&world).is_some_and(|ratio| ratio > 0.04), "{:?}", of(&world));
}

#[test]
fn a_cluster_of_the_demo_goes_silent_when_it_says() {
    let world = lived("demo", 1);
    let ap = &world.clusters[2];
    let hit = crate::sim::fault::Hit {
        verb: crate::sim::fault::Verb::List,
        resource: "rollouts",
        name: "",
    };
    let silent = |second: i64| ap.faults.is_silent(hit, noon() + SignedDuration::from_secs(second));
    let table: Vec<bool> = [0, 68, 72, 128, 132, 482].map(silent).to_vec();
    assert_eq!(table, [false, false, true, true, false, true]);
}

#[test]
fn hostile_text_stands_everywhere_and_harms_nobody() {
    let mut world = lived("hostile", 1);
    world.step(Duration::from_mins(10));
    let all = whole(&world).join("\n");
    for part in ["\\u001b]0;owned", "\u{202e}gnorw", &"m".repeat(10_000)] {
        assert!(all.contains(part), "{:.9}", part.escape_debug());
    }
    let cluster = &world.clusters[0];
    let crash = cluster.store.list(Kind::Pod, Some("words"));
    let mut logs =
        crash.filter_map(|pod| cluster.pod_log(pod, "app", crate::sim::world::LogOf::Previous));
    assert!(logs.any(|log| log.contains("\u{1b}]0;owned")));
    let says = |kind, place: &str, part: &str| {
        let mut found = cluster.store.list(kind, None);
        assert!(found.any(|it| text(it, place).contains(part)), "{:.9}", part.escape_debug());
    };
    says(Kind::Rollout, "/status/message", "\u{1b}[2J");
    says(Kind::Rollout, "/status/message", &"s".repeat(1_000));
    says(Kind::Event, "/message", &"p".repeat(1_000));
    says(Kind::AnalysisRun, "/status/message", "\u{1b}");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_of_scenarios_panic(
        number in 0..SCENARIOS.len(),
        edits in proptest::collection::vec((0.0..1.0f64, 0usize..40, ".{0,8}|[\\[\\]{}=\"#.*\n0-9]{0,8}"), 0..5),
    ) {
        let mut text: String = SCENARIOS[number].1.chars().take(6_000).collect();
        for (place, gone, put) in edits {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of a length")]
            let from = text.floor_char_boundary((text.len() as f64 * place) as usize);
            let to = text.floor_char_boundary((from + gone).min(text.len())).max(from);
            text.replace_range(from..to, &put);
        }
        let _ = Scenario::parse(&text, "mine.toml");
    }
}
