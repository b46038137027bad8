//! Rollouts and Deployments that cannot be: whatever a server says of one, the others are shown, and it is, too.

use pilothouse::sim::kind::Kind;
use pilothouse::sim::world::World as Simulated;
use serde_json::{Value, json};

use crate::clusters::World;
use crate::program::Program;

/// What is wrong, and how it is laid over a rollout that is well (`null` takes away).
fn impossible() -> Vec<(&'static str, Value)> {
    let steps = |steps: Value| json!({"spec": {"strategy": {"canary": {"steps": steps}}}});
    vec![
        ("negative-replicas", json!({"spec": {"replicas": -7}, "status": {"replicas": -3}})),
        ("huge-replicas", json!({"spec": {"replicas": u64::MAX}, "status": {"replicas": 1e300}})),
        ("half-replicas", json!({"spec": {"replicas": 1.5}})),
        ("replicas-as-text", json!({"spec": {"replicas": "three"}})),
        ("no-steps", steps(json!([]))),
        ("null-steps", steps(Value::Null)),
        ("steps-as-text", steps(json!("setWeight: 10"))),
        ("weight-900", steps(json!([{"setWeight": 900}, {"setWeight": -1}]))),
        ("weight-as-text", steps(json!([{"setWeight": "ten"}, {"setWeight": null}]))),
        ("empty-step", steps(json!([{}, 7, "pause", [], null]))),
        ("unheard-of-step", steps(json!([{"teleport": {"to": "mars"}}]))),
        ("two-in-a-step", steps(json!([{"setWeight": 5, "pause": {}}]))),
        (
            "strange-pauses",
            steps(
                json!([{"pause": 5}, {"pause": {"duration": "soon"}}, {"pause": {"duration": -5}}]),
            ),
        ),
        ("many-steps", steps(Value::Array(vec![json!({"setWeight": 1}); 10_000]))),
        ("index-beyond", json!({"status": {"currentStepIndex": 999}})),
        ("index-negative", json!({"status": {"currentStepIndex": -1}})),
        ("index-as-text", json!({"status": {"currentStepIndex": "two"}})),
        ("no-selector", json!({"spec": {"selector": null}})),
        ("selector-as-text", json!({"spec": {"selector": "everything"}})),
        ("no-template", json!({"spec": {"template": null}})),
        ("template-as-list", json!({"spec": {"template": []}})),
        ("no-strategy", json!({"spec": {"strategy": null}})),
        ("both-strategies", json!({"spec": {"strategy": {"blueGreen": {"activeService": 7}}}})),
        ("unknown-strategy", json!({"spec": {"strategy": {"canary": null, "lottery": {}}}})),
        ("no-spec", json!({"spec": null})),
        ("spec-as-list", json!({"spec": [1, 2]})),
        ("no-status", json!({"status": null})),
        ("status-as-text", json!({"status": "fine"})),
        ("phase-as-number", json!({"status": {"phase": 12, "message": {"a": 1}}})),
        ("unknown-phase", json!({"status": {"phase": "Ascending"}})),
        ("conditions-as-text", json!({"status": {"conditions": "none", "pauseConditions": 7}})),
        ("strange-conditions", json!({"status": {"conditions": [7, null, {}, {"type": 1}]}})),
        (
            "times-that-are-none",
            json!({"status": {"abort": true, "abortedAt": "yesterday"},
            "metadata": {"annotations": {"rollout.argoproj.io/revision": "many"}}}),
        ),
        (
            "times-far-away",
            json!({"status": {"abortedAt": "9999-12-31T23:59:59Z",
            "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "0001-01-01T00:00:00Z"}]}}),
        ),
        (
            "weights-beyond",
            json!({"status": {"canary": {"weights": {
            "canary": {"weight": 5000}, "stable": {"weight": -1}}}}}),
        ),
        ("generation-beyond", json!({"status": {"observedGeneration": "99999999999999999999"}})),
        (
            "windows-beyond",
            json!({"spec": {"rollbackWindow": {"revisions": -1},
            "progressDeadlineSeconds": -1, "revisionHistoryLimit": u64::MAX}}),
        ),
        ("long-message", json!({"status": {"phase": "Degraded", "message": "m".repeat(10_000)}})),
        (
            "long-words",
            json!({"metadata": {"labels": {"x": "l".repeat(10_000)},
            "annotations": {"a": "b".repeat(100_000)}}}),
        ),
        ("deep", json!({"spec": {"template": {"spec": deep()}}})),
    ]
}

fn deep() -> Value {
    (0..100).fold(json!({}), |inner, _| json!({"deeper": inner}))
}

fn well(name: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "app", "image": "web:1"}]},
            },
            "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}]}},
        },
        "status": {
            "phase": "Paused", "observedGeneration": "1", "currentPodHash": "h2", "stableRS": "h1",
            "currentStepIndex": 1, "replicas": 2, "readyReplicas": 2, "availableReplicas": 2,
            "pauseConditions": [
                {"reason": "CanaryPauseStep", "startTime": "2026-01-01T00:00:00Z"},
            ],
        },
    })
}

/// Lays a document over another as a merge patch does.
fn lay(under: &mut Value, over: &Value) {
    let (Value::Object(under), Value::Object(over)) = (&mut *under, over) else {
        under.clone_from(over);
        return;
    };
    for (key, value) in over {
        if value.is_null() {
            under.remove(key);
        } else {
            lay(under.entry(key).or_insert(Value::Null), value);
        }
    }
}

fn fill(world: &mut Simulated) {
    let store = &mut world.cluster("east").unwrap().store;
    let shop = json!({"metadata": {"name": "shop"}, "status": {"phase": "Active"}});
    store.create(Kind::Namespace, shop).unwrap();
    store.create(Kind::Rollout, well("well")).unwrap();
    for (name, over) in impossible() {
        let mut rollout = well(name);
        lay(&mut rollout, &over);
        store.create(Kind::Rollout, rollout).unwrap();
        let mut deployment = well(name);
        deployment["apiVersion"] = "apps/v1".into();
        deployment["kind"] = "Deployment".into();
        lay(&mut deployment, &over);
        store.create(Kind::Deployment, deployment).unwrap();
    }
}

fn names(document: &Value) -> Vec<String> {
    let of = |item: &Value| {
        let word = |key: &str| item[key].as_str().unwrap_or_default().to_lowercase();
        format!("{}/{}", word("kind"), word("name"))
    };
    let mut names: Vec<String> = document["items"].as_array().unwrap().iter().map(of).collect();
    names.sort();
    names
}

#[test]
fn whatever_one_says_all_are_listed_and_no_number_is_made_up() {
    let world = World::filled(fill);
    let run = |args: &[&str]| Program::new(args).kubeconfig(world.kubeconfig()).run();
    let document = run(&["get", "-o", "json"]).code(0).json();
    let mut wanted = vec!["rollout/well".to_owned()];
    for (name, _) in impossible() {
        wanted.extend([format!("rollout/{name}"), format!("deployment/{name}")]);
    }
    wanted.sort();
    assert_eq!(names(&document), wanted);
    let item = |name: &str| {
        let items = document["items"].as_array().unwrap();
        let is = |item: &&Value| item["name"] == name && item["kind"] == "Rollout";
        items.iter().find(is).unwrap().clone()
    };
    for name in ["negative-replicas", "huge-replicas", "half-replicas", "replicas-as-text"] {
        assert!(item(name)["replicas"]["desired"].is_null(), "{}", item(name)["replicas"]);
    }
    assert!(item("index-beyond")["step"].is_null() || item("index-beyond")["step"]["count"] == 2);
    assert_eq!(item("well")["replicas"]["desired"], 2);
    // With a router of its own scale these could be meant; they are what the server says, and no less than nothing.
    for weight in ["weight-900", "weights-beyond"] {
        let weight = &item(weight)["weight"];
        for side in ["desired", "actual"] {
            assert!(weight[side].is_null() || weight[side].is_u64(), "{weight}");
        }
    }
    let mut last = 0;
    for format in ["table", "wide", "yaml"] {
        last = run(&["get", "-o", format]).code(0).out.len();
        assert!(last > 1_000, "{format}");
    }
    assert!(last < 4_000_000, "{last}");
}

#[test]
fn each_of_them_can_be_looked_at() {
    let world = World::filled(fill);
    for (name, _) in impossible() {
        for kind in ["rollout", "deployment"] {
            let target = format!("{kind}/{name}");
            let args = ["status", &target, "-n", "shop", "-o", "json"];
            let answer = Program::new(&args).kubeconfig(world.kubeconfig()).run();
            assert!([0, 3, 4, 5].contains(&answer.code), "{target}: {}", answer.err);
            assert_eq!(answer.json()["item"]["name"], name);
        }
    }
}

#[test]
fn a_deed_on_one_of_them_is_refused_or_rehearsed_and_never_a_fault() {
    let world = World::filled(fill);
    for (name, _) in impossible() {
        for deed in ["pause", "promote", "abort", "skip", "retry", "rollback", "restart"] {
            let target = format!("rollout/{name}");
            let args = [deed, &target, "-n", "shop", "--dry-run"];
            let answer = Program::new(&args).kubeconfig(world.kubeconfig()).run();
            let codes = [0, 5, 6];
            assert!(codes.contains(&answer.code), "{deed} {name}: {} {}", answer.code, answer.err);
        }
    }
    assert_eq!(world.writes(), 0);
}
