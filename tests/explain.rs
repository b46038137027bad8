//! `explain` as scripts use it: what it prints of recorded objects, and what it says of files that are none.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::tests_outside_test_module, reason = "an integration test is one module")]
#![expect(clippy::disallowed_methods, reason = "reads recorded files")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

fn explain(folder: &Path, args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pilothouse"))
        .arg("explain")
        .args(args)
        .current_dir(folder)
        .env("KUBECONFIG", "/nowhere")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A program that has seen enough does not read to the end.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn recorded() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/explain"))
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn recorded_objects_are_explained_as_get_told_of_them_on_the_living_cluster() {
    let output = explain(recorded(), &["-f", "shop.yaml", "-o", "json"], b"");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let told = document(&output);
    let items = told["items"].as_array().unwrap();
    let get = std::fs::read_to_string(recorded().join("get.json")).unwrap();
    let get: Vec<Value> = serde_json::from_str(&get).unwrap();
    assert!(get.len() >= 8);
    for want in &get {
        let same = |item: &&Value| item["kind"] == want["kind"] && item["name"] == want["name"];
        let item = items.iter().find(same).unwrap();
        for (key, value) in want.as_object().unwrap() {
            assert_eq!(item[key], *value, "{key} of {}", want["name"]);
        }
    }
    let of = |kind: &str| items.iter().filter(|item| item["kind"] == kind).count();
    assert_eq!((of("AnalysisRun"), of("Deployment")), (2, 5));
    let why = told["others"].as_array().unwrap().iter().map(|other| other["why"].as_str().unwrap());
    assert!(why.clone().any(|why| why == "not a release"), "the ConfigMap is listed, not lost");
}

#[test]
fn an_analysis_that_failed_says_by_which_value() {
    let output = explain(recorded(), &["-f", "shop.yaml"], b"");
    let table = String::from_utf8(output.stdout).unwrap();
    let line = table.lines().find(|line| line.contains("AnalysisRun")).unwrap();
    assert!(line.contains("assessed Failed due to failed (2) > failureLimit (1): ["), "{line}");
    assert!(line.contains("did not satisfy") && line.contains("(2nd failure, limit 1)"), "{line}");
}

#[test]
fn what_cannot_be_read_is_told_with_its_place_and_a_code() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(recorded().join("shop.yaml")).unwrap();
    let half = whole.get(..whole.len() / 2).unwrap();
    let bomb = {
        let mut text = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for (one, two) in "abcdefgh".chars().zip("bcdefghi".chars()) {
            let of = vec![format!("*{one}"); 10].join(",");
            writeln!(text, "{two}: &{two} [{of}]").unwrap();
        }
        text
    };
    let three = "kind: A\n---\n\tbad: [\n---\napiVersion: v1\nkind: B\n";
    let cases: [(&str, &[u8], i32, &str); 11] = [
        ("half.yaml", half, 5, "objects of this document were read before"),
        ("bomb.yaml", bomb.as_bytes(), 2, "its aliases stand for too much"),
        ("bytes.yaml", b"a: \x00\x01", 2, "neither YAML nor JSON but binary"),
        ("latin.yaml", b"kind: \xff\xe4\n", 2, "YAML: "),
        ("packed.yaml", b"\x1f\x8b\x08\x00", 2, "compressed with gzip: unpack it first"),
        ("page.yaml", b"<html></html>\n", 2, "page.yaml:1: YAML: "),
        ("word.yaml", b"hello\n", 2, "expected a Kubernetes object"),
        ("empty.yaml", b"", 2, "empty.yaml: empty"),
        ("three.yaml", three.as_bytes(), 5, "three.yaml:3: "),
        ("cut.json", b"{\"kind\":\n\"A\"", 2, "cut.json:2: JSON: EOF"),
        ("list.json", b"{\"items\":[{\"kind\":\"A\"},7]}", 5, "one object of this document"),
    ];
    for (name, text, code, words) in cases {
        std::fs::write(folder.path().join(name), text).unwrap();
        let output = explain(folder.path(), &["-f", name], b"");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{name}: {said}");
        assert!(said.contains(words), "{name}: {said}");
    }
    let output = explain(folder.path(), &["-f", "absent.yaml"], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no such file or folder"));
    // All of them as a folder: each is told, none hides another.
    let output = explain(folder.path(), &["-f", ".", "-o", "json"], b"");
    assert_eq!(output.status.code(), Some(5));
    assert_eq!(document(&output)["problems"].as_array().unwrap().len(), 11);
}

#[test]
fn a_folder_is_read_with_all_below_it_and_joined() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("namespaces/shop/apps");
    std::fs::create_dir_all(&below).unwrap();
    let deployments = "apiVersion: apps/v1\nitems:\n- metadata: {name: web, namespace: shop, uid: u1, \
                       generation: 1}\n  spec: {replicas: 1, template: {spec: {nodeName: a}}}\n  \
                       status: {observedGeneration: 1, replicas: 1, updatedReplicas: 1, \
                       readyReplicas: 1, availableReplicas: 1}\nkind: DeploymentList\n";
    let set = json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": { "name": "web-1", "namespace": "shop", "uid": "u2", "generation": 1,
            "labels": { "pod-template-hash": "1" },
            "annotations": { "deployment.kubernetes.io/revision": "7" },
            "ownerReferences": [{ "kind": "Deployment", "name": "web", "uid": "u1", "controller": true }] },
        "spec": { "replicas": 1, "template": { "metadata": { "labels": { "pod-template-hash": "1" } },
            "spec": { "nodeName": "a" } } },
        "status": { "observedGeneration": 1, "replicas": 1, "availableReplicas": 1 } });
    std::fs::write(below.join("deployments.yaml"), deployments).unwrap();
    std::fs::write(below.join("sets.json"), format!("[{set}]")).unwrap();
    std::fs::write(below.join("log.txt"), "no object").unwrap();
    let output = explain(folder.path(), &["-f", "namespaces", "-o", "json"], b"");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let told = document(&output);
    let health: Vec<_> = told["items"].as_array().unwrap().iter().map(|it| &it["health"]).collect();
    assert_eq!(health, ["Healthy", "Healthy"]);
    assert_eq!(told["items"][0]["stable"]["revision"], 7, "the ReplicaSet was joined: {told:#}");
    assert_eq!(told["read"]["files"], 2);
}

#[test]
fn standard_input_of_many_documents_is_read_and_manifests_are_known_as_such() {
    let input = b"# from git\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {}\n---\n\
        {\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"api\"}}\n---\n\
        apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";
    let output = explain(Path::new("."), &["-f", "-", "-o", "json"], input);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let told = document(&output);
    for (index, name) in ["api", "web"].into_iter().enumerate() {
        let item = &told["items"][index];
        assert_eq!((&item["name"], &item["health"]), (&json!(name), &json!("Unknown")));
        assert_eq!(item["uid"], "");
    }
    let other = &told["others"][0];
    assert_eq!((&other["kind"], &other["why"]), (&json!("Kustomization"), &json!("not a release")));
}

/// An object of this group and kind; its name is its place in the table.
fn object(version: &str, kind: &str, index: usize, rest: &Value) -> Value {
    let mut object = json!({ "apiVersion": version, "kind": kind });
    let metadata = json!({ "name": format!("n{index:02}"), "namespace": "x", "uid": format!("u{index}"),
        "generation": 2 });
    object["metadata"] = metadata;
    for (key, value) in rest.as_object().unwrap() {
        object[key] = value.clone();
    }
    object
}

fn ready(status: &str, reason: &str, message: &str) -> Value {
    json!({ "type": "Ready", "status": status, "reason": reason, "message": message })
}

type Case =
    (&'static str, &'static str, Value, &'static str, Option<&'static str>, Option<&'static str>);

#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn cases_of_argo() -> Vec<Case> {
    let argo = "argoproj.io/v1alpha1";
    let experiment = |phase: &str| json!({ "status": { "phase": phase } });
    let set = |ready: u32| {
        json!({ "spec": { "replicas": 2 },
            "status": { "observedGeneration": 2, "replicas": 2, "availableReplicas": ready } })
    };
    let failure = json!([{ "type": "ReplicaFailure", "status": "True", "message": "quota" }]);
    let failing = json!({ "spec": { "replicas": 2 },
        "status": { "observedGeneration": 2, "replicas": 0, "conditions": failure } });
    let drifted = json!({ "status": { "health": { "status": "Degraded", "message": "pod crashed" },
        "sync": { "status": "OutOfSync" },
        "operationState": { "phase": "Failed", "message": "hook failed" },
        "conditions": [{ "type": "ComparisonError", "message": "no such path" }] } });
    vec![
        ("apps/v1", "ReplicaSet", set(2), "Healthy", None, None),
        (
            "apps/v1",
            "ReplicaSet",
            set(1),
            "Progressing",
            None,
            Some("Waiting for rollout to finish: 1 out of 2 new replicas are available..."),
        ),
        ("apps/v1", "ReplicaSet", failing, "Degraded", None, Some("quota")),
        (
            "apps/v1",
            "ReplicaSet",
            json!({ "spec": { "replicas": 2 }, "status": { "observedGeneration": 1 } }),
            "Progressing",
            None,
            Some(
                "Waiting for rollout to finish: observed replica set generation less than desired generation",
            ),
        ),
        (
            argo,
            "Experiment",
            experiment("Running"),
            "Progressing",
            Some("Running"),
            Some("Experiment is running"),
        ),
        (
            argo,
            "Experiment",
            experiment("Failed"),
            "Degraded",
            Some("Failed"),
            Some("Experiment has failed"),
        ),
        (
            argo,
            "Experiment",
            experiment("Successful"),
            "Healthy",
            Some("Successful"),
            Some("Experiment is successful"),
        ),
        (
            argo,
            "Experiment",
            json!({}),
            "Progressing",
            None,
            Some("Waiting for experiment to finish: status has not been reconciled."),
        ),
        (
            argo,
            "AnalysisRun",
            json!({ "status": { "phase": "Inconclusive", "message": "m" } }),
            "Unknown",
            Some("Inconclusive"),
            Some("m"),
        ),
        (
            argo,
            "AnalysisRun",
            json!({}),
            "Progressing",
            None,
            Some("Waiting for analysis run to finish: status has not been reconciled."),
        ),
        (
            argo,
            "Application",
            json!({ "status": { "health": { "status": "Healthy" },
            "sync": { "status": "Synced" }, "operationState": { "phase": "Succeeded" } } }),
            "Healthy",
            Some("Synced"),
            None,
        ),
        (
            argo,
            "Application",
            drifted,
            "Degraded",
            Some("OutOfSync"),
            Some("pod crashed; sync Failed: hook failed; ComparisonError: no such path"),
        ),
        (
            argo,
            "Application",
            json!({}),
            "Unknown",
            None,
            Some("no health: Argo CD has not looked at it yet"),
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn cases_of_flux_and_kargo() -> Vec<Case> {
    let (ks, hr) = ("kustomize.toolkit.fluxcd.io/v1", "helm.toolkit.fluxcd.io/v2");
    let kargo = "kargo.akuity.io/v1alpha1";
    let status = |seen: u32, conditions: &[Value]| json!({ "status": { "observedGeneration": seen, "conditions": conditions } });
    let mut suspended =
        status(2, &[ready("True", "ReconciliationSucceeded", "Applied revision: main")]);
    suspended["spec"] = json!({ "suspend": true });
    let stalled = json!({ "type": "Stalled", "status": "True", "reason": "RetriesExceeded", "message": "no more tries" });
    let moving = json!({ "type": "Reconciling", "status": "True" });
    let promotion = |phase: &str| {
        json!({ "spec": { "stage": "prod", "steps": [{}, {}, {}] },
            "status": { "phase": phase, "currentStep": 1, "message": "why" } })
    };
    vec![
        (
            ks,
            "Kustomization",
            status(2, &[ready("True", "ReconciliationSucceeded", "Applied revision: main")]),
            "Healthy",
            Some("ReconciliationSucceeded"),
            Some("Applied revision: main"),
        ),
        (
            ks,
            "Kustomization",
            suspended,
            "Suspended",
            Some("ReconciliationSucceeded"),
            Some("Kustomization is suspended"),
        ),
        (
            ks,
            "Kustomization",
            status(1, &[ready("True", "R", "m")]),
            "Progressing",
            Some("R"),
            Some("m"),
        ),
        (
            ks,
            "Kustomization",
            status(2, &[moving, ready("Unknown", "Progressing", "building")]),
            "Progressing",
            Some("Progressing"),
            Some("building"),
        ),
        (
            hr,
            "HelmRelease",
            status(2, &[stalled, ready("False", "UpgradeFailed", "m")]),
            "Degraded",
            Some("UpgradeFailed"),
            Some("no more tries"),
        ),
        (
            hr,
            "HelmRelease",
            status(2, &[ready("False", "UpgradeFailed", "timed out")]),
            "Degraded",
            Some("UpgradeFailed"),
            Some("timed out"),
        ),
        (hr, "HelmRelease", json!({}), "Progressing", None, Some("waiting to be reconciled")),
        (
            kargo,
            "Stage",
            json!({ "status": { "health": { "status": "Unhealthy", "issues": ["app is Degraded"] } } }),
            "Degraded",
            Some("Unhealthy"),
            Some("app is Degraded"),
        ),
        (
            kargo,
            "Stage",
            json!({ "status": { "health": { "status": "Healthy" }, "currentPromotion": { "name": "p1" },
            "promotionWindowStatus": { "closed": true, "reason": "night" } } }),
            "Healthy",
            Some("Promoting"),
            Some("promotion p1 is on its way; promotion window is closed: night"),
        ),
        (
            kargo,
            "Promotion",
            promotion("Running"),
            "Progressing",
            Some("Running"),
            Some("why; step 2 of 3 to stage prod"),
        ),
        (
            kargo,
            "Promotion",
            promotion("Errored"),
            "Degraded",
            Some("Errored"),
            Some("why; step 2 of 3 to stage prod"),
        ),
        (kargo, "Promotion", promotion("Succeeded"), "Healthy", Some("Succeeded"), Some("why")),
        (
            kargo,
            "Freight",
            json!({ "status": { "currentlyIn": { "prod": {} }, "verifiedIn": { "dev": {}, "test": {} } } }),
            "Healthy",
            None,
            Some("in prod; verified in dev, test"),
        ),
        (
            kargo,
            "Freight",
            json!({}),
            "Unknown",
            None,
            Some("in no stage, verified in none, approved for none"),
        ),
    ]
}

#[test]
fn each_part_has_the_health_and_the_words_of_its_own_tool() {
    let cases = [cases_of_argo(), cases_of_flux_and_kargo()].concat();
    let objects = cases.iter().enumerate();
    let objects: Vec<Value> =
        objects.map(|(at, (version, kind, rest, ..))| object(version, kind, at, rest)).collect();
    let input = json!({ "apiVersion": "v1", "kind": "List", "items": objects }).to_string();
    let output = explain(Path::new("."), &["-f", "-", "-o", "json"], input.as_bytes());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let told = document(&output);
    assert_eq!(told["others"], json!([]));
    for (index, (_, kind, rest, health, phase, message)) in cases.iter().enumerate() {
        let name = format!("n{index:02}");
        let mut items = told["items"].as_array().unwrap().iter();
        let item = items.find(|item| item["name"] == name.as_str()).unwrap();
        let found = (&item["kind"], &item["health"], &item["phase"], &item["message"]);
        let want = (&json!(kind), &json!(health), &json!(phase), &json!(message));
        assert_eq!(found, want, "{rest}");
    }
}
